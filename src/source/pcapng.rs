//! pcapng files (draft-ietf-opsawg-pcapng): sections with their own byte order and interfaces; enhanced, simple and obsolete packet
//! blocks; drop counts; the capture filter that an interface records.
//!
//! Own code, and not the crate `pcap-parser`, though that is as fast: it reads no power-of-two time resolution (`if_tsresol` with the
//! high bit set, which then divides by zero), takes times and offsets for 32 and unsigned bits, and its buffer must be refilled by the
//! caller under rules that several programs have turned into endless loops. libpcap refuses files whose interfaces differ in link type
//! and tells nothing of interfaces and drop counts. `pcap-file` is right on all of it, and is what the tests compare this with.
//!
//! Names, secrets, journals, events and custom blocks are skipped: a name in the file is no evidence. Journals, Sysdig's events and custom blocks
//! take a frame number all the same, since Wireshark shows them as frames, and a number must name the same frame there. Section lengths are not used, blocks tell
//! where they end. A frame check sequence (`if_fcslen`) is left in the frame: it lies behind what the frame's own lengths cover.

use self::time::Clock;
use super::CaptureStats;
use super::file::{Next, Window};
use crate::fact::{FrameId, FrameIndex, LinkType, Text, Timestamp};
use crate::limits;

mod time;

/// Bytes that tell the length of the first section header: the least that a block has.
pub(super) const FIXED_BYTES: usize = 12;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const JOURNAL_ENTRY: u32 = 9;
/// Sysdig's events, in the three versions that Wireshark reads.
const SYSDIG_EVENT: u32 = 0x204;
const SYSDIG_EVENT_2: u32 = 0x216;
const SYSDIG_EVENT_2_LARGE: u32 = 0x221;
const CUSTOM: u32 = 0x0bad;
const CUSTOM_NOT_COPIED: u32 = 0x4000_0bad;

const IF_TSRESOL: u16 = 9;
const IF_FILTER: u16 = 11;
const IF_TSOFFSET: u16 = 14;
const EPB_DROPCOUNT: u16 = 4;
const ISB_IFDROP: u16 = 5;
const ISB_OSDROP: u16 = 7;

/// Whether a file that begins so is a pcapng file. Its magic reads the same in either byte order.
pub(super) fn recognises(magic: [u8; 4]) -> bool {
    u32::from_le_bytes(magic) == SECTION_HEADER
}

/// The length of the section header that begins with the bytes of `start`.
pub(super) fn section_length(start: &[u8]) -> Result<usize, String> {
    let Some(&fixed) = start.first_chunk::<FIXED_BYTES>() else {
        return Err(cut_header(start.len()));
    };
    let order = Order::of_section(fixed).ok_or_else(no_order)?;
    let [_, _, _, _, l0, l1, l2, l3, ..] = fixed;
    block_length(order.word([l0, l1, l2, l3])).map_err(|reason| format!("is a damaged pcapng capture: {reason}"))
}

/// Whether a block that holds no packet has a frame number.
fn is_numbered(kind: u32) -> bool {
    matches!(kind, JOURNAL_ENTRY | SYSDIG_EVENT | SYSDIG_EVENT_2 | SYSDIG_EVENT_2_LARGE | CUSTOM | CUSTOM_NOT_COPIED)
}

/// Reads the blocks that follow the first section header.
#[derive(Debug)]
pub(super) struct Reader {
    order: Order,
    /// The interfaces of the section.
    interfaces: Vec<Interface>,
    /// How many interfaces the sections before had.
    interfaces_before: usize,
    /// The number of the last frame.
    number: u64,
    /// The time of the last packet that had one.
    last: Timestamp,
    /// What statistics blocks say was dropped, the highest of each interface summed.
    dropped_by_statistics: u64,
    /// What packets say was dropped before them, summed.
    dropped_by_packets: u64,
    filters: Vec<String>,
}

#[derive(Debug)]
struct Interface {
    link: LinkType,
    snaplen: u32,
    clock: Clock,
    dropped: u64,
}

impl Reader {
    /// Reads the first section header, which is all of `header`.
    pub(super) fn new(header: &[u8], stats: &mut CaptureStats) -> Result<Self, String> {
        if header.len() < section_length(header)? {
            return Err(cut_header(header.len()));
        }
        let order = section(header).map_err(|reason| format!("cannot be read: {reason}"))?;
        stats.format = "pcapng";
        Ok(Self {
            order,
            interfaces: Vec::new(),
            interfaces_before: 0,
            number: 0,
            last: Timestamp::default(),
            dropped_by_statistics: 0,
            dropped_by_packets: 0,
            filters: Vec::new(),
        })
    }

    /// Reads every whole block.
    pub(super) fn scan(&mut self, window: &mut Window<'_>) -> Next {
        loop {
            let rest = window.bytes.get(window.at..).unwrap_or_default();
            let Some(&fixed) = rest.first_chunk::<FIXED_BYTES>() else {
                return Next::Need(FIXED_BYTES);
            };
            let [k0, k1, k2, k3, l0, l1, l2, l3, ..] = fixed;
            let kind = self.order.word([k0, k1, k2, k3]);
            let order = if kind == SECTION_HEADER {
                match Order::of_section(fixed) {
                    Some(order) => order,
                    None => {
                        self.forget_section();
                        return Next::Damaged(no_order());
                    }
                }
            } else {
                self.order
            };
            let length = match block_length(order.word([l0, l1, l2, l3])) {
                Ok(length) => length,
                Err(reason) => return Next::Damaged(reason),
            };
            let Some(block) = rest.get(..length) else {
                return Next::Need(length);
            };
            if let Err(reason) = self.block(kind, order, block, window) {
                if kind == SECTION_HEADER {
                    self.forget_section();
                }
                return Next::Damaged(reason);
            }
            window.at += length;
        }
    }

    /// Where in `bytes` a block of a known kind begins whose two lengths agree; or else how many bytes surely hold no such place. A block
    /// longer than [`limits::RESUME_BYTES`] is not looked for.
    pub(super) fn resume(&self, bytes: &[u8], whole: bool) -> Result<usize, usize> {
        for at in 0..bytes.len() {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(&fixed) = rest.first_chunk::<FIXED_BYTES>() else {
                return Err(if whole { bytes.len() } else { at });
            };
            let [k0, k1, k2, k3, l0, l1, l2, l3, ..] = fixed;
            let (order, known) = match self.order.word([k0, k1, k2, k3]) {
                SECTION_HEADER => (Order::of_section(fixed).unwrap_or(self.order), Order::of_section(fixed).is_some()),
                INTERFACE_DESCRIPTION..=ENHANCED_PACKET => (self.order, true),
                kind if is_numbered(kind) => (self.order, true),
                _ => (self.order, false),
            };
            let length = block_length(order.word([l0, l1, l2, l3])).unwrap_or(usize::MAX);
            if !known || length > limits::RESUME_BYTES {
                continue;
            }
            match rest.get(..length) {
                Some(block) if body(order, block).is_ok() => return Ok(at),
                None if !whole => return Err(at),
                _ => {}
            }
        }
        Err(bytes.len())
    }

    fn block(&mut self, kind: u32, order: Order, block: &[u8], window: &mut Window<'_>) -> Result<(), String> {
        let body = body(order, block)?;
        match kind {
            ENHANCED_PACKET => self.enhanced_packet(body, window),
            SIMPLE_PACKET => self.simple_packet(body, window),
            OBSOLETE_PACKET => self.obsolete_packet(body, window),
            INTERFACE_DESCRIPTION => self.interface(body, window.stats),
            INTERFACE_STATISTICS => {
                self.statistics(body, window.stats);
                Ok(())
            }
            SECTION_HEADER => {
                self.order = section(block)?;
                self.forget_section();
                Ok(())
            }
            _ => {
                self.number += u64::from(is_numbered(kind));
                Ok(())
            }
        }
    }

    /// The interfaces of a section end with it.
    fn forget_section(&mut self) {
        self.interfaces_before = self.interfaces_before.saturating_add(self.interfaces.len());
        self.interfaces.clear();
    }

    fn enhanced_packet(&mut self, body: &[u8], window: &mut Window<'_>) -> Result<(), String> {
        const FIXED: usize = 20;
        let Some(&[i0, i1, i2, i3, h0, h1, h2, h3, t0, t1, t2, t3, c0, c1, c2, c3, w0, w1, w2, w3]) = body.first_chunk::<FIXED>() else {
            return Err(too_short("packet block"));
        };
        let word = |bytes| self.order.word(bytes);
        let packet = Packet {
            interface: word([i0, i1, i2, i3]),
            ticks: Some(u64::from(word([h0, h1, h2, h3])) << 32 | u64::from(word([t0, t1, t2, t3]))),
            captured: word([c0, c1, c2, c3]),
            wire: word([w0, w1, w2, w3]),
            fixed: FIXED,
        };
        let used = self.packet(packet, body, window)?;
        if used < body.len() {
            let mut dropped = 0u64;
            for (code, value) in options(self.order, body.get(used..).unwrap_or_default()) {
                if let (EPB_DROPCOUNT, Some(&count)) = (code, value.first_chunk::<8>()) {
                    dropped = dropped.saturating_add(self.order.long(count));
                }
            }
            self.packets_dropped(dropped, window.stats);
        }
        Ok(())
    }

    fn simple_packet(&mut self, body: &[u8], window: &mut Window<'_>) -> Result<(), String> {
        const FIXED: usize = 4;
        let Some(&wire) = body.first_chunk::<FIXED>() else {
            return Err(too_short("simple packet block"));
        };
        let wire = self.order.word(wire);
        let captured = match self.interfaces.first() {
            Some(first) if first.snaplen != 0 => wire.min(first.snaplen),
            _ => wire,
        };
        self.packet(Packet { interface: 0, ticks: None, captured, wire, fixed: FIXED }, body, window)?;
        Ok(())
    }

    fn obsolete_packet(&mut self, body: &[u8], window: &mut Window<'_>) -> Result<(), String> {
        const FIXED: usize = 20;
        const UNKNOWN: u16 = 0xffff;
        let Some(&[i0, i1, d0, d1, h0, h1, h2, h3, t0, t1, t2, t3, c0, c1, c2, c3, w0, w1, w2, w3]) = body.first_chunk::<FIXED>() else {
            return Err(too_short("packet block"));
        };
        let word = |bytes| self.order.word(bytes);
        let packet = Packet {
            interface: u32::from(self.order.half([i0, i1])),
            ticks: Some(u64::from(word([h0, h1, h2, h3])) << 32 | u64::from(word([t0, t1, t2, t3]))),
            captured: word([c0, c1, c2, c3]),
            wire: word([w0, w1, w2, w3]),
            fixed: FIXED,
        };
        self.packet(packet, body, window)?;
        let dropped = self.order.half([d0, d1]);
        if dropped != UNKNOWN {
            self.packets_dropped(u64::from(dropped), window.stats);
        }
        Ok(())
    }

    /// Hands a packet on, and says how much of the body its header and padded bytes take.
    fn packet(&mut self, packet: Packet, body: &[u8], window: &mut Window<'_>) -> Result<usize, String> {
        let Some(interface) = self.interfaces.get(packet.interface as usize) else {
            return Err(format!("a packet of interface {}, and the section describes {}", packet.interface, self.interfaces.len()));
        };
        let captured = packet.captured as usize;
        if captured > limits::FRAME_BYTES {
            return Err(format!("a packet of {captured} bytes, and {} are the most that a frame can have", limits::FRAME_BYTES));
        }
        let used = packet.fixed + captured.next_multiple_of(4);
        if used > body.len() {
            return Err(format!("a packet of {captured} bytes in a block that has room for {}", body.len().saturating_sub(packet.fixed)));
        }
        let stats = &mut *window.stats;
        if let Some(ticks) = packet.ticks {
            let at = interface.clock.time(ticks);
            self.last = at;
            stats.span = Some(stats.span.map_or((at, at), |(earliest, latest)| (earliest.min(at), latest.max(at))));
        }
        stats.packets += 1;
        self.number += 1;
        window.frames.push(FrameIndex {
            id: FrameId::new(window.input, self.number),
            at: self.last,
            // after the kind and the length of the block
            offset: (window.at + 8 + packet.fixed) as u32,
            captured: packet.captured,
            wire: packet.wire.max(packet.captured),
            interface: (self.interfaces_before + packet.interface as usize) as u32,
            link: interface.link,
            lane: 0,
            flags: 0,
        });
        Ok(used)
    }

    fn interface(&mut self, body: &[u8], stats: &mut CaptureStats) -> Result<(), String> {
        let Some((&[l0, l1, _, _, s0, s1, s2, s3], rest)) = body.split_first_chunk::<8>() else {
            return Err(too_short("interface description"));
        };
        if self.interfaces_before.saturating_add(self.interfaces.len()) >= limits::INTERFACES {
            return Err(format!("more than {} interfaces", limits::INTERFACES));
        }
        let (mut resolution, mut offset) = (Clock::MICROSECONDS, 0);
        for (code, value) in options(self.order, rest) {
            match (code, value) {
                (IF_TSRESOL, &[exponent, ..]) => resolution = exponent,
                (IF_TSOFFSET, _) => offset = value.first_chunk::<8>().map_or(offset, |&bytes| self.order.long(bytes) as i64),
                (IF_FILTER, &[kind, ref text @ ..]) => self.filter(kind, text, stats),
                _ => {}
            }
        }
        let link = LinkType(self.order.half([l0, l1]));
        if let Err(place) = stats.link_types.binary_search(&link) {
            stats.link_types.insert(place, link);
        }
        let snaplen = self.order.word([s0, s1, s2, s3]);
        self.interfaces.push(Interface { link, snaplen, clock: Clock::new(resolution, offset), dropped: 0 });
        Ok(())
    }

    fn filter(&mut self, kind: u8, text: &[u8], stats: &mut CaptureStats) {
        let said = match kind {
            0 if text.is_empty() => return,
            0 => Text::from_wire(text).to_string(),
            1 => "BPF bytecode".to_owned(),
            other => format!("a filter of kind {other}"),
        };
        if self.filters.len() >= limits::CAPTURE_FILTERS || self.filters.contains(&said) {
            return;
        }
        self.filters.push(said);
        stats.filter = Some(self.filters.join("; "));
    }

    fn statistics(&mut self, body: &[u8], stats: &mut CaptureStats) {
        let Some((&[i0, i1, i2, i3, ..], rest)) = body.split_first_chunk::<12>() else {
            return;
        };
        let (mut by_interface, mut by_system) = (0, 0);
        for (code, value) in options(self.order, rest) {
            let Some(&count) = value.first_chunk::<8>() else { continue };
            match code {
                ISB_IFDROP => by_interface = self.order.long(count),
                ISB_OSDROP => by_system = self.order.long(count),
                _ => {}
            }
        }
        let Some(interface) = self.interfaces.get_mut(self.order.word([i0, i1, i2, i3]) as usize) else {
            // whichever it was, packets were lost
            return self.packets_dropped(by_interface.saturating_add(by_system), stats);
        };
        // the counts run from the start of the capture
        let dropped = by_interface.saturating_add(by_system).max(interface.dropped);
        self.dropped_by_statistics = self.dropped_by_statistics.saturating_add(dropped - interface.dropped);
        interface.dropped = dropped;
        stats.dropped = self.dropped_by_statistics.max(self.dropped_by_packets);
    }

    fn packets_dropped(&mut self, count: u64, stats: &mut CaptureStats) {
        self.dropped_by_packets = self.dropped_by_packets.saturating_add(count);
        stats.dropped = self.dropped_by_statistics.max(self.dropped_by_packets);
    }
}

/// What the three packet blocks have in common.
struct Packet {
    interface: u32,
    /// The time in units of the interface's clock; a simple packet has none.
    ticks: Option<u64>,
    captured: u32,
    wire: u32,
    /// Bytes of the body before the packet's own.
    fixed: usize,
}

/// The byte order of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Big,
    Little,
}

impl Order {
    /// The order that a section header's magic shows.
    fn of_section(fixed: [u8; FIXED_BYTES]) -> Option<Self> {
        match fixed {
            [.., 0x1a, 0x2b, 0x3c, 0x4d] => Some(Self::Big),
            [.., 0x4d, 0x3c, 0x2b, 0x1a] => Some(Self::Little),
            _ => None,
        }
    }

    fn half(self, bytes: [u8; 2]) -> u16 {
        if self == Self::Big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    fn word(self, bytes: [u8; 4]) -> u32 {
        if self == Self::Big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    fn long(self, bytes: [u8; 8]) -> u64 {
        if self == Self::Big { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) }
    }
}

/// Checks a section header and says its byte order.
fn section(block: &[u8]) -> Result<Order, String> {
    let Some(&[f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, a0, a1, i0, i1, ..]) = block.first_chunk::<28>() else {
        return Err(too_short("section header"));
    };
    let order = Order::of_section([f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11]).ok_or_else(no_order)?;
    body(order, block)?;
    let (major, minor) = (order.half([a0, a1]), order.half([i0, i1]));
    if major != 1 {
        return Err(format!("pcapng version {major}.{minor}, and 1.x is read"));
    }
    Ok(order)
}

/// A block between its head and its trailing length, which must agree with the leading one.
fn body(order: Order, block: &[u8]) -> Result<&[u8], String> {
    let trailer = block.split_last_chunk::<4>().map(|(front, &last)| (front.get(8..).unwrap_or_default(), order.word(last)));
    match trailer {
        Some((body, length)) if length as usize == block.len() => Ok(body),
        Some((_, length)) => Err(format!("a block says {} bytes at its beginning and {length} at its end", block.len())),
        None => Err(too_short("block")),
    }
}

fn block_length(length: u32) -> Result<usize, String> {
    let bytes = length as usize;
    if bytes < FIXED_BYTES || !bytes.is_multiple_of(4) {
        return Err(format!("a block of {length} bytes: the length of a block is a multiple of 4, and at least {FIXED_BYTES}"));
    }
    if bytes > limits::PCAPNG_BLOCK_BYTES {
        return Err(format!("a block of {length} bytes, and {} are the most that is read", limits::PCAPNG_BLOCK_BYTES));
    }
    Ok(bytes)
}

/// The options of a block up to the end mark, or to where they no longer make sense.
fn options(order: Order, mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (&[c0, c1, l0, l1], after) = rest.split_first_chunk::<4>()?;
        let (code, length) = (order.half([c0, c1]), usize::from(order.half([l0, l1])));
        if code == 0 {
            return None;
        }
        let value = after.get(..length)?;
        rest = after.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    })
}

#[cold]
fn too_short(what: &str) -> String {
    format!("a {what} that is too short for its fixed fields")
}

fn no_order() -> String {
    "a section header without a byte-order magic".to_owned()
}

fn cut_header(length: usize) -> String {
    format!("ends inside its section header, after {length} bytes: capture again, or leave it out")
}

#[cfg(test)]
mod tests;
