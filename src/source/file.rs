//! Capture files and pipes: tells the format by its first bytes, then fills blocks by plain reads.
//!
//! A block's bytes are the file's bytes: one `read` puts them into the block's own buffer, which is reused, and the frames index into
//! it. Nothing is copied but the cut record at the end of a block, which the next block begins with. There is no map of the file (page
//! faults cost more than reads, and a file that is cut short while mapped kills the process) and no second buffer.
//!
//! Compressed captures are unpacked on the way (`unpack`); offsets then count the bytes unpacked. The formats of other tools are
//! refused by name (`foreign`).
//!
//! A record whose length is wrong does not say where the next one begins: the reading goes on where several records, or a block whose
//! lengths agree, follow each other again, and the place and the bytes passed over are said. What was found again proves nothing: an input
//! with damage is never read to a pass.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::unpack::{Packing, Unpacked};
use super::{CaptureStats, Damage, Fill, Source, SourceError, foreign, netmon, pcap, pcapng, snoop};
use crate::fact::{Block, FrameId, FrameIndex, LinkType, Timestamp};
use crate::limits;

/// Opens the capture file, FIFO or device at `path` as the input with index `input`, and reads its header.
///
/// # Errors
/// If it cannot be opened or read, is empty, or is not a pcap or pcapng capture; the message names the mend.
pub fn open(path: &Path, input: u32) -> Result<Box<dyn Source>, SourceError> {
    let name = path.display().to_string();
    let opened = File::open(path).and_then(|file| file.metadata().map(|metadata| (file, metadata)));
    let (file, metadata) = match opened {
        Ok(opened) => opened,
        Err(error) => return Err(SourceError::new(name, cannot_open(&error))),
    };
    if metadata.is_dir() {
        return Err(SourceError::new(name, "is a directory: name a capture file in it"));
    }
    let pace = if metadata.is_file() { Pace::WholeBlocks } else { Pace::AsItComes };
    Ok(Box::new(FileSource::new(name, input, Box::new(file), pace)?))
}

/// Reads a capture from `reader`, such as standard input, as the input with index `input`. Blocks hold what the reader had at hand:
/// frames do not wait for a block to become full.
///
/// # Errors
/// If it cannot be read, is empty, or is not a pcap or pcapng capture; the message names the mend.
pub fn from_reader(name: String, input: u32, reader: Box<dyn Read + Send>) -> Result<Box<dyn Source>, SourceError> {
    Ok(Box::new(FileSource::new(name, input, reader, Pace::AsItComes)?))
}

/// The time of the first frame of the capture file at `path`; `None` where it has none or cannot be read, which opening it will tell.
#[must_use]
pub fn first_time(path: &Path) -> Option<Timestamp> {
    let mut source = open(path, 0).ok()?;
    let mut block = Block::default();
    loop {
        let fill = source.fill(&mut block).ok()?;
        match block.frames.first() {
            Some(first) => return Some(first.at),
            None if fill == Fill::End => return None,
            None => {}
        }
    }
}

/// The bytes at hand, and where the frames found in them go.
pub(super) struct Window<'a> {
    /// Bytes of the input, from the beginning of a record.
    pub(super) bytes: &'a [u8],
    /// Where in `bytes` the next record begins: moved past every record that was read.
    pub(super) at: usize,
    /// The index of the input.
    pub(super) input: u32,
    /// Takes the frames, their offsets counted in `bytes`.
    pub(super) frames: &'a mut Vec<FrameIndex>,
    /// Takes the counts.
    pub(super) stats: &'a mut CaptureStats,
}

impl Window<'_> {
    /// Takes a frame of the record at [`Window::at`] that has a header of so many bytes.
    pub(super) fn push(&mut self, link: LinkType, at: Timestamp, header: usize, captured: u32, wire: u32, number: u64) {
        let stats = &mut *self.stats;
        stats.span = Some(stats.span.map_or((at, at), |(earliest, latest)| (earliest.min(at), latest.max(at))));
        stats.packets += 1;
        self.frames.push(FrameIndex {
            id: FrameId::new(self.input, number),
            at,
            offset: (self.at + header) as u32,
            captured,
            wire: wire.max(captured),
            interface: 0,
            link,
            lane: 0,
            flags: 0,
        });
    }
}

/// Why a format's reader stopped.
pub(super) enum Next {
    /// The record at [`Window::at`] has at least this many bytes, and they are not all there.
    Need(usize),
    /// The record at [`Window::at`] cannot be read.
    Damaged(String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// A file: reading on never waits for anybody.
    WholeBlocks,
    /// A pipe: what is there may be all there will be for hours.
    AsItComes,
}

enum Format {
    Pcap(pcap::Reader),
    Pcapng(pcapng::Reader),
    Snoop(snoop::Reader),
    Netmon(netmon::Reader),
}

impl Format {
    fn scan(&mut self, window: &mut Window<'_>) -> Next {
        match self {
            Self::Pcap(reader) => reader.scan(window),
            Self::Pcapng(reader) => reader.scan(window),
            Self::Snoop(reader) => reader.scan(window),
            Self::Netmon(reader) => reader.scan(window),
        }
    }

    /// Where in `bytes` records follow each other again: an offset, or else how many bytes surely hold no such place. `whole`: no bytes
    /// follow these.
    fn resume(&self, bytes: &[u8], whole: bool, stats: &CaptureStats) -> Result<usize, usize> {
        match self {
            Self::Pcap(reader) => reader.resume(bytes, whole, stats),
            Self::Pcapng(reader) => reader.resume(bytes, whole),
            // nothing in their records tells a beginning
            Self::Snoop(_) | Self::Netmon(_) => Err(bytes.len()),
        }
    }

    /// What is missing of an input that ends at byte `at`, between records.
    fn unfinished(&self, at: u64) -> Option<String> {
        match self {
            Self::Netmon(reader) => reader.unfinished(at),
            _ => None,
        }
    }

    fn resumes(&self) -> bool {
        matches!(self, Self::Pcap(_) | Self::Pcapng(_))
    }
}

struct FileSource {
    input: u32,
    reader: Box<dyn Read + Send>,
    pace: Pace,
    format: Format,
    stats: CaptureStats,
    /// The beginning of the next record, where a block ended inside it.
    carry: Vec<u8>,
    /// How many bytes the next record has at least.
    need: usize,
    /// Where the damage lies behind which no record was found yet.
    lost: Option<u64>,
    /// Nothing more will be read: the input ended, or is damaged.
    over: bool,
}

impl FileSource {
    fn new(name: String, input: u32, reader: Box<dyn Read + Send>, pace: Pace) -> Result<Self, SourceError> {
        let mut stats = CaptureStats::default();
        match read_header(reader, &mut stats) {
            Ok((reader, format)) => Ok(Self { input, reader, pace, format, stats, carry: Vec::new(), need: 0, lost: None, over: false }),
            Err(refused) => Err(SourceError { input: name, message: refused.message, foreign: refused.foreign }),
        }
    }

    /// Notes damage, of which the first is described.
    fn damage(&mut self, offset: u64, reason: String) {
        self.stats.damaged += 1;
        self.stats.damage.get_or_insert(Damage { offset, reason });
    }

    /// Reads the records in `bytes` from `at` on, and over damage among them. Returns how many bytes are done with, and why it stopped:
    /// `None` where no more can be read at all.
    fn scan(&mut self, bytes: &[u8], frames: &mut Vec<FrameIndex>, whole: bool) -> (usize, Option<usize>) {
        let mut at = 0;
        loop {
            if let Some(from) = self.lost {
                let rest = bytes.get(at..).unwrap_or_default();
                match self.format.resume(rest, whole, &self.stats) {
                    Ok(found) => {
                        at += found;
                        self.lost = None;
                        self.stats.damage_bytes += self.stats.bytes + at as u64 - from;
                    }
                    Err(_) if whole => return (bytes.len(), None),
                    Err(passed) => return (at + passed, Some(limits::RESUME_BYTES)),
                }
            }
            let mut window = Window { bytes, at, input: self.input, frames, stats: &mut self.stats };
            let next = self.format.scan(&mut window);
            at = window.at;
            let begins = self.stats.bytes + at as u64;
            let left = bytes.len().saturating_sub(at);
            let is_cut = matches!(next, Next::Need(_));
            let reason = match next {
                Next::Need(need) if !whole => return (at, Some(need)),
                Next::Need(_) if left == 0 => match self.format.unfinished(begins) {
                    None => return (at, None),
                    Some(reason) => reason,
                },
                Next::Need(need) => format!("the input ends inside a record: it has {left} of at least {need} bytes"),
                Next::Damaged(reason) => reason,
            };
            self.damage(begins, reason);
            if !self.format.resumes() {
                return (at, None);
            }
            if is_cut && self.format.resume(bytes.get(at + 1..).unwrap_or_default(), whole, &self.stats).is_err() {
                // what is counted as read ends with the last whole record
                return (at, None);
            }
            self.lost = Some(begins);
            at += 1;
        }
    }
}

impl Source for FileSource {
    fn fill(&mut self, block: &mut Block) -> Result<Fill, SourceError> {
        block.frames.clear();
        block.begins_input = self.stats.packets == 0;
        if self.over {
            block.bytes.clear();
            return Ok(Fill::End);
        }
        let mut held = prepare(&mut block.bytes, &self.carry, self.need);
        self.carry.clear();
        loop {
            let got = read(self.reader.as_mut(), &mut block.bytes, &mut held, self.pace);
            let bytes = block.bytes.get(..held).unwrap_or_default();
            let (at, need) = self.scan(bytes, &mut block.frames, matches!(got, Got::End));
            self.stats.bytes = self.stats.bytes.saturating_add(at as u64);
            let left = held.saturating_sub(at);
            match (need, got) {
                (None, _) | (_, Got::End) => self.over = true,
                (Some(_), Got::Failed(reason)) => {
                    self.damage(self.stats.bytes.saturating_add(left as u64), reason);
                    self.over = true;
                }
                (Some(need), Got::More) if block.frames.is_empty() => {
                    if at > 0 {
                        block.bytes.copy_within(at..held, 0);
                        held = left;
                    }
                    block.bytes.resize(need.max(limits::BLOCK_BYTES), 0);
                    continue;
                }
                (Some(need), Got::More) => {
                    self.need = need;
                    self.carry.extend_from_slice(block.bytes.get(at..held).unwrap_or_default());
                }
            }
            block.bytes.truncate(at);
            return Ok(if self.over { Fill::End } else { Fill::More });
        }
    }

    fn stats(&self) -> &CaptureStats {
        &self.stats
    }
}

/// Makes `bytes` as long as the block is to be, `carry` at its beginning, and says how many bytes that is. The rest of a buffer that is
/// used again is not cleared, which would cost as much as reading it.
fn prepare(bytes: &mut Vec<u8>, carry: &[u8], need: usize) -> usize {
    let size = need.max(limits::BLOCK_BYTES).max(carry.len());
    if bytes.capacity() > size.saturating_mul(4) {
        // one long record must not leave every buffer of the pool at its length
        *bytes = Vec::new();
    }
    bytes.resize(size, 0);
    if let Some(front) = bytes.get_mut(..carry.len()) {
        front.copy_from_slice(carry);
    }
    carry.len()
}

enum Got {
    More,
    End,
    Failed(String),
}

fn read(reader: &mut dyn Read, bytes: &mut [u8], held: &mut usize, pace: Pace) -> Got {
    while let Some(room) = bytes.get_mut(*held..).filter(|room| !room.is_empty()) {
        let limit = room.len();
        match reader.read(room) {
            Ok(0) => return Got::End,
            Ok(n) => *held += n.min(limit),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Got::Failed(format!("the input cannot be read on: {error}")),
        }
        if pace == Pace::AsItComes {
            break;
        }
    }
    Got::More
}

/// Why an input is refused.
struct Refused {
    message: String,
    /// It is something else than a capture.
    foreign: bool,
}

impl From<String> for Refused {
    fn from(message: String) -> Self {
        Self { message, foreign: false }
    }
}

type Opened = (Box<dyn Read + Send>, Format);

/// Tells the format and reads its header, no byte more: a pipe may have no more to give yet.
fn read_header(mut reader: Box<dyn Read + Send>, stats: &mut CaptureStats) -> Result<Opened, Refused> {
    let mut header = Vec::new();
    fetch(reader.as_mut(), &mut header, 4)?;
    let Some(&magic) = header.first_chunk::<4>() else {
        return Err(if !header.is_empty() {
            Refused { message: foreign::refusal(&header), foreign: true }
        } else if let Some(packing) = stats.packing {
            format!("is empty under its {packing} compression: capture again, or leave it out").into()
        } else {
            "is empty: not even a capture's file header was written; capture again, or leave it out".to_owned().into()
        });
    };
    let format = if pcap::recognises(magic) {
        fetch(reader.as_mut(), &mut header, pcap::HEADER_BYTES)?;
        Format::Pcap(pcap::Reader::new(&header, stats)?)
    } else if pcapng::recognises(magic) {
        fetch(reader.as_mut(), &mut header, pcapng::FIXED_BYTES)?;
        let length = pcapng::section_length(&header)?;
        fetch(reader.as_mut(), &mut header, length)?;
        Format::Pcapng(pcapng::Reader::new(&header, stats)?)
    } else if snoop::recognises(magic) {
        fetch(reader.as_mut(), &mut header, snoop::HEADER_BYTES)?;
        Format::Snoop(snoop::Reader::new(&header, stats)?)
    } else if netmon::recognises(magic) {
        fetch(reader.as_mut(), &mut header, netmon::HEADER_BYTES)?;
        Format::Netmon(netmon::Reader::new(&header, stats)?)
    } else if let (Some(packing), None) = (Packing::of(magic), stats.packing) {
        stats.packing = Some(packing.name());
        let packed = Box::new(std::io::Cursor::new(header).chain(reader));
        let unpacked = Unpacked::new(packing, packed).map_err(|error| format!("cannot be decompressed: {error}"))?;
        return read_header(Box::new(unpacked), stats);
    } else {
        fetch(reader.as_mut(), &mut header, foreign::LOOK_BYTES)?;
        let twice = stats.packing.and_then(|outer| Some((outer, Packing::of(magic)?.name())));
        return Err(match twice {
            Some((outer, inner)) => format!("is {inner} data inside {outer} data: decompress it once first").into(),
            None => Refused { message: foreign::refusal(&header), foreign: !foreign::is_capture(&header) },
        });
    };
    stats.bytes = header.len() as u64;
    Ok((reader, format))
}

/// Reads until `header` has `length` bytes or the input ends.
fn fetch(reader: &mut dyn Read, header: &mut Vec<u8>, length: usize) -> Result<(), String> {
    let missing = length.saturating_sub(header.len()) as u64;
    // read_to_end grows as bytes come, so a length that lies costs nothing, and it retries interrupted reads
    reader.take(missing).read_to_end(header).map(|_| ()).map_err(|error| format!("cannot be read: {error}"))
}

fn cannot_open(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file: check the path".to_owned(),
        ErrorKind::PermissionDenied => format!("cannot be opened: {error}; run as a user who may read it"),
        _ => format!("cannot be opened: {error}"),
    }
}

#[cfg(test)]
pub(super) mod tests;
