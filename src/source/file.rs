//! Capture files and pipes: tells the format by its first bytes, then fills blocks by plain reads.
//!
//! A block's bytes are the file's bytes: one `read` puts them into the block's own buffer, which is reused, and the frames index into
//! it. Nothing is copied but the cut record at the end of a block, which the next block begins with. There is no map of the file (page
//! faults cost more than reads, and a file that is cut short while mapped kills the process) and no second buffer.
//!
//! What is not read here: compressed captures and the formats of other tools, which are refused by name with the way to convert them;
//! and whatever lies beyond damage, since a record whose length is wrong does not say where the next one begins.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::{CaptureStats, Damage, Fill, Source, SourceError, pcap, pcapng};
use crate::fact::{Block, FrameIndex};
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
        Err(error) => return Err(SourceError { input: name, message: cannot_open(&error) }),
    };
    if metadata.is_dir() {
        return Err(SourceError { input: name, message: "is a directory: name a capture file in it".to_owned() });
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

/// Why a format's reader stopped.
pub(super) enum Next {
    /// The record at [`Window::at`] has at least this many bytes, and they are not all there.
    Need(usize),
    /// The record at [`Window::at`] cannot be read, nor what follows.
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
}

impl Format {
    fn scan(&mut self, window: &mut Window<'_>) -> Next {
        match self {
            Self::Pcap(reader) => reader.scan(window),
            Self::Pcapng(reader) => reader.scan(window),
        }
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
    /// Nothing more will be read: the input ended, or is damaged.
    over: bool,
}

impl FileSource {
    fn new(name: String, input: u32, mut reader: Box<dyn Read + Send>, pace: Pace) -> Result<Self, SourceError> {
        let mut stats = CaptureStats::default();
        match read_header(reader.as_mut(), &mut stats) {
            Ok(format) => Ok(Self { input, reader, pace, format, stats, carry: Vec::new(), need: 0, over: false }),
            Err(message) => Err(SourceError { input: name, message }),
        }
    }

    fn damage(&mut self, offset: u64, reason: String) {
        self.stats.damage = Some(Damage { offset, reason });
        self.over = true;
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
            let mut window = Window {
                bytes: block.bytes.get(..held).unwrap_or_default(),
                at: 0,
                input: self.input,
                frames: &mut block.frames,
                stats: &mut self.stats,
            };
            let next = self.format.scan(&mut window);
            let at = window.at;
            self.stats.bytes = self.stats.bytes.saturating_add(at as u64);
            let begins = self.stats.bytes;
            let left = held.saturating_sub(at);
            match (next, got) {
                (Next::Damaged(reason), _) => self.damage(begins, reason),
                (Next::Need(_), Got::Failed(reason)) => self.damage(begins.saturating_add(left as u64), reason),
                (Next::Need(_), Got::End) if left == 0 => self.over = true,
                (Next::Need(need), Got::End) => {
                    self.damage(begins, format!("the input ends inside a record: it has {left} of at least {need} bytes"));
                }
                (Next::Need(need), Got::More) if block.frames.is_empty() => {
                    if at > 0 {
                        block.bytes.copy_within(at..held, 0);
                        held = left;
                    }
                    block.bytes.resize(need.max(limits::BLOCK_BYTES), 0);
                    continue;
                }
                (Next::Need(need), Got::More) => {
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

/// Tells the format and reads its header, no byte more: a pipe may have no more to give yet.
fn read_header(reader: &mut dyn Read, stats: &mut CaptureStats) -> Result<Format, String> {
    let mut header = Vec::new();
    fetch(reader, &mut header, 4)?;
    let Some(&magic) = header.first_chunk::<4>() else {
        return Err(if header.is_empty() {
            "is empty: not even a capture's file header was written; capture again, or leave it out".to_owned()
        } else {
            unknown(&header)
        });
    };
    let format = if pcap::recognises(magic) {
        fetch(reader, &mut header, pcap::HEADER_BYTES)?;
        Format::Pcap(pcap::Reader::new(&header, stats)?)
    } else if pcapng::recognises(magic) {
        fetch(reader, &mut header, pcapng::FIXED_BYTES)?;
        let length = pcapng::section_length(&header)?;
        fetch(reader, &mut header, length)?;
        Format::Pcapng(pcapng::Reader::new(&header, stats)?)
    } else {
        fetch(reader, &mut header, 16)?;
        return Err(unknown(&header));
    };
    stats.bytes = header.len() as u64;
    Ok(format)
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

/// Formats that are not read, by how they begin: what they are called and what makes a capture of them.
const OTHERS: [(&[u8], &str, &str); 11] = [
    (b"\x1f\x8b", "gzip-compressed", "decompress it first (gunzip -c FILE | wirewitness audit -)"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed", "decompress it first (zstd -dc FILE | wirewitness audit -)"),
    (b"\xfd7zXZ\0", "xz-compressed", "decompress it first (xz -dc FILE | wirewitness audit -)"),
    (b"\x04\x22\x4d\x18", "lz4-compressed", "decompress it first (lz4 -dc FILE | wirewitness audit -)"),
    (b"BZh", "bzip2-compressed", "decompress it first (bunzip2 -c FILE | wirewitness audit -)"),
    (b"PK\x03\x04", "a zip archive", "unpack it first (unzip -p FILE | wirewitness audit -)"),
    (b"snoop\0\0\0", "a snoop capture", "convert it first (editcap -F pcapng FILE OUT.pcapng)"),
    (b"RTSS", "a Network Monitor 1 capture", "convert it first (editcap -F pcapng FILE OUT.pcapng)"),
    (b"GMBU", "a Network Monitor 2 capture", "convert it first (editcap -F pcapng FILE OUT.pcapng)"),
    (b"TRSNIFF data", "a Sniffer capture", "convert it first (editcap -F pcapng FILE OUT.pcapng)"),
    (b"XCP\0", "a NetXRay capture", "convert it first (editcap -F pcapng FILE OUT.pcapng)"),
];

fn unknown(header: &[u8]) -> String {
    use std::fmt::Write as _;

    if let Some((_, name, mend)) = OTHERS.iter().find(|(magic, ..)| header.starts_with(magic)) {
        return format!("is {name}: {mend}");
    }
    let mut hex = String::new();
    for byte in header.iter().take(4) {
        let _ = write!(hex, "{byte:02x}");
    }
    format!("is not a pcap or pcapng capture (it begins with 0x{hex}): name a file that tcpdump -w or Wireshark wrote")
}

#[cfg(test)]
pub(super) mod tests;
