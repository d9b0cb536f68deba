//! Captures as files: pcap of both orders and resolutions, pcapng with what it can say of loss and filters.

use super::{Frame, SECOND};

/// How a capture is written.
#[derive(Clone, Debug, Default)]
pub struct File {
    pub format: Kind,
    /// Packets that the capture says were lost (pcapng).
    pub dropped: u32,
    /// The same, beside one packet (epb_dropcount).
    pub dropped_before: u32,
    /// The filter it says it was taken with (pcapng).
    pub filter: Option<&'static str>,
    /// Bytes that are missing at its end.
    pub cut: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    #[default]
    Nanoseconds,
    Microseconds,
    BigEndian,
    Pcapng,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Nanoseconds, Self::Microseconds, Self::BigEndian, Self::Pcapng];
}

impl File {
    pub fn write(&self, link: u16, frames: &[Frame]) -> Vec<u8> {
        let wants_more = self.dropped > 0 || self.dropped_before > 0 || self.filter.is_some();
        let mut out = match self.format {
            Kind::Pcapng => self.pcapng(link, frames),
            _ if wants_more => self.pcapng(link, frames),
            Kind::Nanoseconds => pcap(link, frames, 0xa1b2_3c4d, 1, u32::to_le_bytes),
            Kind::Microseconds => pcap(link, frames, 0xa1b2_c3d4, 1000, u32::to_le_bytes),
            Kind::BigEndian => pcap(link, frames, 0xa1b2_3c4d, 1, u32::to_be_bytes),
        };
        out.truncate(out.len() - self.cut);
        out
    }

    fn pcapng(&self, link: u16, frames: &[Frame]) -> Vec<u8> {
        let mut out = Vec::new();
        block(&mut out, 0x0a0d_0d0a, &[&0x1a2b_3c4du32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
        let mut interface = [&link.to_le_bytes()[..], &[0, 0], &262_144u32.to_le_bytes()].concat();
        option(&mut interface, 9, &[9]);
        if let Some(filter) = self.filter {
            option(&mut interface, 11, &[&[0], filter.as_bytes()].concat());
        }
        option(&mut interface, 0, &[]);
        block(&mut out, 1, &interface);
        for (n, frame) in frames.iter().enumerate() {
            let mut packet = 0u32.to_le_bytes().to_vec();
            packet.extend(((frame.at as u64 >> 32) as u32).to_le_bytes());
            packet.extend((frame.at as u64 as u32).to_le_bytes());
            packet.extend((frame.bytes.len() as u32).to_le_bytes());
            packet.extend(((frame.bytes.len() + frame.cut) as u32).to_le_bytes());
            packet.extend(&frame.bytes);
            packet.resize(packet.len().next_multiple_of(4), 0);
            if self.dropped_before > 0 && n == frames.len() / 2 {
                option(&mut packet, 4, &u64::from(self.dropped_before).to_le_bytes());
                option(&mut packet, 0, &[]);
            }
            block(&mut out, 6, &packet);
        }
        if self.dropped > 0 {
            let mut statistics = vec![0; 12];
            option(&mut statistics, 5, &u64::from(self.dropped).to_le_bytes());
            option(&mut statistics, 0, &[]);
            block(&mut out, 5, &statistics);
        }
        out
    }
}

fn pcap(link: u16, frames: &[Frame], magic: u32, unit: i64, word: fn(u32) -> [u8; 4]) -> Vec<u8> {
    let version = if word(1) == [1, 0, 0, 0] { 0x0004_0002 } else { 0x0002_0004 };
    let mut out = Vec::new();
    for value in [magic, version, 0, 0, 262_144, link.into()] {
        out.extend(word(value));
    }
    for frame in frames {
        let length = frame.bytes.len() as u32;
        for value in [(frame.at / SECOND) as u32, (frame.at % SECOND / unit) as u32, length, length + frame.cut as u32] {
            out.extend(word(value));
        }
        out.extend(&frame.bytes);
    }
    out
}

fn block(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let length = (body.len().next_multiple_of(4) + 12) as u32;
    out.extend(kind.to_le_bytes());
    out.extend(length.to_le_bytes());
    out.extend(body);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend(length.to_le_bytes());
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    out.extend(code.to_le_bytes());
    out.extend((value.len() as u16).to_le_bytes());
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
}
