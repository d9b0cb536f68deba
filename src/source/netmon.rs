//! Network Monitor 2.x captures, as Microsoft's program and editcap write them.
//!
//! The frames are read where they stand, one behind the other from the end of the header to the frame table, so that a pipe can be read
//! too; the table, which says which frames there are and in what order, is then held against what was read, and any difference is damage.
//! Times are UTC from version 2.3 on; before, they are the capturing host's local time, which the file does not place, and are taken for
//! UTC. Records that are no frames (network information, event traces, the capture filter) take a number and are passed over, as
//! Wireshark numbers them. 802.11 frames have a header of Microsoft's own here, and are counted as unread.
//!
//! Refused: Network Monitor 1.x, and a frame table that does not follow its frames.

use super::CaptureStats;
use super::file::{Next, Window};
use crate::fact::{LinkType, Timestamp};
use crate::limits;

/// Bytes of the file header: the first frame follows.
pub(super) const HEADER_BYTES: usize = 128;

const MAGIC: [u8; 4] = *b"GMBU";
const RECORD_HEADER: usize = 16;
/// 100 ns from 1601 to 1970.
const FILETIME_EPOCH: u64 = 116_444_736_000_000_000;

/// Whether a file that begins so is a Network Monitor 2 capture.
pub(super) fn recognises(magic: [u8; 4]) -> bool {
    magic == MAGIC
}

/// Reads the frames that follow a file header.
#[derive(Debug)]
pub(super) struct Reader {
    minor: u8,
    link: LinkType,
    start: Timestamp,
    /// Where the frame table begins and ends in the file.
    table: (u64, u64),
    /// Frames passed, delivered or not.
    number: u64,
    /// The offsets of the frames that were read, folded; and those of the table.
    read: Fold,
    told: Fold,
}

/// Folds a run of offsets to one number (FNV-1a), and counts them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Fold {
    count: u64,
    hash: u64,
}

impl Fold {
    fn add(&mut self, offset: u32) {
        self.count += 1;
        for byte in offset.to_le_bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl Reader {
    pub(super) fn new(header: &[u8], stats: &mut CaptureStats) -> Result<Self, String> {
        if header.len() < HEADER_BYTES || !header.starts_with(&MAGIC) {
            return Err(format!("ends inside its file header, after {} bytes: capture again, or leave it out", header.len()));
        }
        let half = |at: usize| header.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |&bytes| u16::from_le_bytes(bytes));
        let word = |at: usize| header.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |&bytes| u32::from_le_bytes(bytes));
        let [minor, major] = half(4).to_le_bytes();
        if major != 2 || minor > 3 {
            return Err(format!(
                "is Network Monitor version {major}.{minor}, and 2.0 to 2.3 are read: convert it first (editcap -F pcapng FILE OUT.pcapng)"
            ));
        }
        let table = (u64::from(word(24)), u64::from(word(24)) + u64::from(word(28)));
        if table.0 < HEADER_BYTES as u64 || !word(28).is_multiple_of(4) {
            return Err(
                "has a frame table that does not follow its frames: convert it first (editcap -F pcapng FILE OUT.pcapng)".to_owned()
            );
        }
        let seconds = i64::from(half(16)) * 3600 + i64::from(half(18)) * 60 + i64::from(half(20));
        let start = Timestamp::from_date(half(8).into(), half(10).into(), half(14).into())
            .plus_nanos(seconds * 1_000_000_000 + i64::from(half(22)) * 1_000_000);
        let link = medium(half(6)).unwrap_or(LinkType::UNREGISTERED);
        stats.format = "netmon2";
        stats.link_types = vec![link];
        Ok(Self { minor, link, start, table, number: 0, read: Fold::default(), told: Fold::default() })
    }

    /// Reads every whole record.
    pub(super) fn scan(&mut self, window: &mut Window<'_>) -> Next {
        let trailer = [0, 2, 6, 15].get(usize::from(self.minor)).copied().unwrap_or(0);
        loop {
            let place = window.stats.bytes + window.at as u64;
            let rest = window.bytes.get(window.at..).unwrap_or_default();
            if place >= self.table.0 {
                match self.table(place, rest) {
                    Ok(0) => return Next::Need(1),
                    Ok(used) => window.at += used,
                    Err(reason) => return Next::Damaged(reason),
                }
                continue;
            }
            let Some(header) = rest.first_chunk::<RECORD_HEADER>() else {
                return Next::Need(RECORD_HEADER);
            };
            let [d0, d1, d2, d3, d4, d5, d6, d7, w0, w1, w2, w3, c0, c1, c2, c3] = *header;
            let captured = u32::from_le_bytes([c0, c1, c2, c3]);
            let end = RECORD_HEADER + captured as usize;
            if captured as usize > limits::FRAME_BYTES || place + (end + trailer) as u64 > self.table.0 {
                return Next::Damaged(format!("a record claims {captured} captured bytes, and does not end before the frame table"));
            }
            let Some(tail) = rest.get(end..end + trailer) else {
                return Next::Need(end + trailer);
            };
            self.read.add(place as u32);
            self.number += 1;
            // a file says "microseconds since the start" in 64 bits: what does not fit is the last moment there is
            let micros = u64::from_le_bytes([d0, d1, d2, d3, d4, d5, d6, d7]).min(i64::MAX as u64 / 1000);
            let mut at = self.start.plus_nanos(micros as i64 * 1000);
            if let Some(&utc) = tail.get(6..).and_then(|tail| tail.first_chunk::<8>()) {
                let since = u64::from_le_bytes(utc).saturating_sub(FILETIME_EPOCH).min(i64::MAX as u64 / 100);
                at = Timestamp::from_nanos(since as i64 * 100);
            }
            let link = match tail.first_chunk::<2>() {
                Some(&network) => medium(u16::from_le_bytes(network)),
                None => Some(self.link),
            };
            if let Some(link) = link {
                if let Err(place) = window.stats.link_types.binary_search(&link) {
                    window.stats.link_types.insert(place, link);
                }
                window.push(link, at, RECORD_HEADER, captured, u32::from_le_bytes([w0, w1, w2, w3]), self.number);
            }
            window.at += end + trailer;
        }
    }

    /// Whether the file ends too early at byte `at`.
    pub(super) fn unfinished(&self, at: u64) -> Option<String> {
        (at < self.table.1).then(|| "the input ends before its frame table does".to_owned())
    }

    /// Reads on in the frame table, or behind it. Returns how many bytes were used; 0 where more must be there first.
    fn table(&mut self, place: u64, rest: &[u8]) -> Result<usize, String> {
        if place >= self.table.1 {
            return if self.read == self.told {
                Ok(rest.len())
            } else {
                Err(format!(
                    "the frame table lists {} frames, and they are not the {} that stand before it",
                    self.told.count, self.read.count
                ))
            };
        }
        let left = (self.table.1 - place) as usize;
        let (offsets, _) = rest.get(..left.min(rest.len())).unwrap_or_default().as_chunks::<4>();
        offsets.iter().for_each(|&offset| self.told.add(u32::from_le_bytes(offset)));
        Ok(offsets.len() * 4)
    }
}

/// The link type of a network number; `None` for records that are no frames.
fn medium(network: u16) -> Option<LinkType> {
    match network {
        1 => Some(LinkType::ETHERNET),
        2 => Some(LinkType(6)),
        7 | 9 => Some(LinkType::RAW),
        0xe000..=0xefff => Some(LinkType(network & 0xfff)),
        0xfffb..=0xffff => None,
        _ => Some(LinkType::UNREGISTERED),
    }
}

#[cfg(test)]
mod tests;
