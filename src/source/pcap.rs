//! Classic pcap files (draft-ietf-opsawg-pcap): microseconds and nanoseconds, either byte order, and the "modified" format with
//! longer record headers that Alexey Kuznetzov's libpcap patch wrote.
//!
//! The file header's time zone and accuracy are ignored, as libpcap ignores them: nothing writes them but 0. Versions 2.0 to 2.4 are
//! read, and DG/UX's 2.543; the two lengths of a record header stand in the other order before 2.3 and in 2.543. The snap length is
//! not held against the records: files whose records are longer exist, and every other reader reads them.

use super::CaptureStats;
use super::file::{Next, Window};
use crate::fact::{FrameId, FrameIndex, LinkType, Timestamp};
use crate::limits;

/// Bytes of the file header.
pub(super) const HEADER_BYTES: usize = 24;

/// Whether a file that begins so is a classic pcap file.
pub(super) fn recognises(magic: [u8; 4]) -> bool {
    Variant::of(magic).is_some()
}

/// Reads the records that follow a file header.
#[derive(Debug)]
pub(super) struct Reader {
    header: [u8; HEADER_BYTES],
    /// Another capture was appended whose records are not like these.
    other_follows: bool,
    big_endian: bool,
    /// Nanoseconds of one unit of a record's fraction of a second.
    unit: i64,
    record_header: usize,
    order: Lengths,
    link: LinkType,
    /// Bytes of the frame check sequence that ends each frame.
    fcs: u32,
}

/// Which of a record header's two lengths comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    WireFirst,
    /// Version 2.3 was written both ways; the captured length is the lower.
    LowerIsCaptured,
}

impl Reader {
    /// Reads a file header, and says in `stats` what it tells.
    pub(super) fn new(header: &[u8], stats: &mut CaptureStats) -> Result<Self, String> {
        let Some(header) = header.first_chunk::<HEADER_BYTES>() else {
            return Err(format!("ends inside its file header, after {} bytes: capture again, or leave it out", header.len()));
        };
        let [m0, m1, m2, m3, a0, a1, i0, i1, .., n0, n1, n2, n3] = *header;
        let magic = [m0, m1, m2, m3];
        let Some(Variant { big_endian, unit, record_header, format }) = Variant::of(magic) else {
            return Err("is not a pcap capture".to_owned());
        };
        let half = |bytes| if big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
        let word = |bytes| if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        let order = match (half([a0, a1]), half([i0, i1])) {
            (2, 4) => Lengths::CapturedFirst,
            (2, 3) => Lengths::LowerIsCaptured,
            (2, 0..=2 | 543) => Lengths::WireFirst,
            (major, minor) => {
                return Err(format!(
                    "is pcap version {major}.{minor}, and 2.0 to 2.4 are read: convert it first (editcap -F pcapng FILE OUT.pcapng)"
                ));
            }
        };
        let network = word([n0, n1, n2, n3]);
        let link = LinkType((network & 0xffff) as u16);
        // the FCS length counts 16-bit words, and counts only where the bit before it says so
        let fcs = if network & 0x0400_0000 != 0 { (network >> 28) * 2 } else { 0 };
        stats.format = format;
        stats.link_types = vec![link];
        Ok(Self { header: *header, other_follows: false, big_endian, unit, record_header, order, link, fcs })
    }

    /// Reads every whole record.
    pub(super) fn scan(&mut self, window: &mut Window<'_>) -> Next {
        // the loop is compiled for either byte order: it runs once a frame
        if self.big_endian { self.records::<true>(window) } else { self.records::<false>(window) }
    }

    fn records<const BIG_ENDIAN: bool>(&mut self, window: &mut Window<'_>) -> Next {
        let word = |bytes| if BIG_ENDIAN { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        let (mut earliest, mut latest) = window.stats.span.unwrap_or((Timestamp::from_nanos(i64::MAX), Timestamp::from_nanos(i64::MIN)));
        let mut number = window.stats.packets;
        let next = loop {
            let rest = window.bytes.get(window.at..).unwrap_or_default();
            let Some(&[t0, t1, t2, t3, f0, f1, f2, f3, c0, c1, c2, c3, w0, w1, w2, w3]) = rest.first_chunk::<16>() else {
                break Next::Need(self.record_header);
            };
            let (mut captured, mut wire) = (word([c0, c1, c2, c3]), word([w0, w1, w2, w3]));
            if self.order != Lengths::CapturedFirst && (self.order == Lengths::WireFirst || captured > wire) {
                (captured, wire) = (wire, captured);
            }
            if captured == 0 || captured > wire || captured as usize > limits::FRAME_BYTES {
                match self.odd(rest, captured, wire) {
                    Ok(mended) => wire = mended,
                    Err(next) => break next,
                }
            }
            let length = self.record_header + captured as usize;
            if rest.len() < length {
                break Next::Need(length);
            }
            let seconds = i64::from(word([t0, t1, t2, t3]));
            let fraction = i64::from(word([f0, f1, f2, f3]));
            // 32 bits of each: the sum is within 64
            let at = Timestamp::from_nanos(seconds * 1_000_000_000 + fraction * self.unit);
            (earliest, latest) = (earliest.min(at), latest.max(at));
            number += 1;
            let wire = wire.saturating_sub(self.fcs);
            window.frames.push(FrameIndex {
                id: FrameId::new(window.input, number),
                at,
                offset: (window.at + self.record_header) as u32,
                captured: captured.min(wire),
                wire,
                interface: 0,
                link: self.link,
                lane: 0,
                flags: 0,
            });
            window.at += length;
        };
        if number > window.stats.packets {
            window.stats.packets = number;
            window.stats.span = Some((earliest, latest));
        }
        next
    }

    /// Where in `bytes` records follow each other again: three headers in a row that make sense, or fewer that end with the input. Their
    /// times must lie within a week of those before. Or else how many bytes surely hold no such place.
    pub(super) fn resume(&self, bytes: &[u8], whole: bool, stats: &CaptureStats) -> Result<usize, usize> {
        for at in (0..bytes.len()).take_while(|_| !self.other_follows) {
            match self.chain(bytes, at, whole, stats.span) {
                Some(true) => return Ok(at),
                Some(false) => {}
                None => return Err(at),
            }
        }
        Err(bytes.len())
    }

    /// Whether records follow each other from `at` on; `None` where that cannot be told before there are more bytes.
    fn chain(&self, bytes: &[u8], mut at: usize, whole: bool, span: Option<(Timestamp, Timestamp)>) -> Option<bool> {
        let unknown = if whole { Some(false) } else { None };
        for links in 0..3 {
            if links > 0 && at == bytes.len() && whole {
                return Some(true);
            }
            let Some(header) = bytes.get(at..).and_then(|rest| rest.first_chunk::<16>()) else { return unknown };
            let Some(captured) = self.sensible(header, span) else { return Some(false) };
            at += self.record_header + captured as usize;
            if at > bytes.len() {
                return unknown;
            }
        }
        Some(true)
    }

    /// The captured length of a record header that may be one.
    fn sensible(&self, header: &[u8; 16], span: Option<(Timestamp, Timestamp)>) -> Option<u32> {
        const WEEK: i64 = 7 * limits::DAY_NANOS;
        let word = |bytes| if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        let [t0, t1, t2, t3, f0, f1, f2, f3, c0, c1, c2, c3, w0, w1, w2, w3] = *header;
        let (mut captured, mut wire) = (word([c0, c1, c2, c3]), word([w0, w1, w2, w3]));
        if self.order != Lengths::CapturedFirst && (self.order == Lengths::WireFirst || captured > wire) {
            (captured, wire) = (wire, captured);
        }
        let fraction = i64::from(word([f0, f1, f2, f3])) * self.unit;
        let at = i64::from(word([t0, t1, t2, t3])) * 1_000_000_000 + fraction;
        let near = span.is_none_or(|(first, last)| at > first.as_nanos().saturating_sub(WEEK) && at < last.as_nanos().saturating_add(WEEK));
        let lengths = captured > 0 && captured <= wire && wire as usize <= limits::FRAME_BYTES;
        (lengths && near && fraction < 1_000_000_000).then_some(captured)
    }

    /// Looks closer at a record with odd lengths: the length on the wire if it can be read all the same, what is wrong if not.
    #[cold]
    fn odd(&mut self, rest: &[u8], captured: u32, wire: u32) -> Result<u32, Next> {
        if captured as usize > limits::FRAME_BYTES {
            return Err(Next::Damaged(format!(
                "a record claims {captured} captured bytes, and {} are the most that a frame can have",
                limits::FRAME_BYTES
            )));
        }
        let [m0, m1, m2, m3, version @ .., n0, n1, n2, n3] = self.header;
        if captured == 0 && wire == 0 && rest.starts_with(&[m0, m1, m2, m3]) {
            let Some(network) = rest.get(20..HEADER_BYTES) else { return Err(Next::Need(HEADER_BYTES)) };
            // its records can be read on where its header says the same of them
            self.other_follows = !rest.get(4..8).is_some_and(|theirs| version.starts_with(theirs)) || network != [n0, n1, n2, n3];
            return Err(Next::Damaged("a second capture file was appended here: take the files apart and name each".to_owned()));
        }
        Ok(wire.max(captured))
    }
}

/// What a file's first four bytes tell.
struct Variant {
    big_endian: bool,
    unit: i64,
    record_header: usize,
    format: &'static str,
}

impl Variant {
    fn of(magic: [u8; 4]) -> Option<Self> {
        let known = |value| match value {
            0xa1b2_c3d4 => Some((1000, 16, "pcap")),
            0xa1b2_3c4d => Some((1, 16, "pcap-ns")),
            0xa1b2_cd34 => Some((1000, 24, "pcap-modified")),
            _ => None,
        };
        let of = |big_endian, value| known(value).map(|(unit, record_header, format)| Self { big_endian, unit, record_header, format });
        of(false, u32::from_le_bytes(magic)).or_else(|| of(true, u32::from_be_bytes(magic)))
    }
}

#[cfg(test)]
mod tests;
