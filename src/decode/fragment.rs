//! Fragments of IPv4 (RFC 791) and IPv6 (RFC 8200) put together, before lanes: only the first has ports.
//!
//! The first copy of a byte wins, as most receivers have it, and a later one that differs marks the packet. What comes out is a frame again:
//! the headers below IP of the frame that began the packet, with lengths of zero, which leaves them to the frame's own. Packets that are
//! not complete in time, or for which there is no room, are given up and counted. Time is the frames'.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use super::{Walk, net};
use crate::fact::{FrameId, FrameIndex, Timestamp};
use crate::limits;

/// What makes pieces one packet: addresses, protocol, identification, and the overlay network.
type Key = (IpAddr, IpAddr, u8, u32, u32);

/// Packets that are being put together.
#[derive(Debug, Default)]
pub struct Fragments {
    open: BTreeMap<Key, Pieces>,
    /// In the order of their first pieces.
    order: VecDeque<(Key, FrameId)>,
    /// Those that are whole, in the order in which they became so.
    done: VecDeque<(Key, FrameId, Timestamp)>,
    bytes: usize,
    lost: Vec<Lost>,
}

/// What becomes of a frame that holds a piece.
#[derive(Debug)]
pub enum Fate {
    /// It cannot be kept: it stands for itself.
    Refused,
    /// It waits for others, or adds nothing.
    Held,
    /// It completes a packet, which this frame holds whole.
    Whole {
        /// The frame.
        bytes: Vec<u8>,
        /// How many frames it is made from.
        frames: u64,
        /// Pieces contradicted each other.
        overlap: bool,
        /// Somebody asks about one of the frames.
        traced: bool,
    },
    /// It repeats a piece of a packet that is whole already.
    Repeated,
}

/// Pieces of a packet that was given up.
#[derive(Clone, Copy, Debug)]
pub struct Lost {
    /// Its addresses.
    pub addresses: (IpAddr, IpAddr),
    /// Whether it lay in a tunnel.
    pub in_tunnel: bool,
    /// How many frames held its pieces.
    pub frames: u64,
    /// The first of them, and its time.
    pub first: (FrameId, Timestamp),
    /// Somebody asks about one of them.
    pub traced: bool,
}

#[derive(Debug)]
struct Pieces {
    lost: Lost,
    /// What stands before the payload, once the first piece is there.
    head: Option<Vec<u8>>,
    bytes: Vec<u8>,
    /// What is there, in order and apart.
    have: Vec<(usize, usize)>,
    total: Option<usize>,
    overlap: bool,
    /// When it was complete.
    done: Option<Timestamp>,
}

impl Fragments {
    /// Takes in a frame for which [`super::packet`] said that it holds a fragment.
    pub fn take(&mut self, frame: &FrameIndex, bytes: &[u8]) -> Fate {
        self.expire(frame.at);
        let cut = (frame.wire as usize).saturating_sub(bytes.len());
        let Some((walk, ip, place)) = Walk::to_fragment(frame.link, bytes, cut) else { return Fate::Refused };
        let end = place.offset + ip.bytes.len();
        let uneven = place.more && ip.bytes.len() % 8 != 0;
        let is_written = walk.has_margin || walk.outer.as_ref().is_some_and(|outer| outer.has_margin);
        if ip.missing > 0 || ip.bytes.is_empty() || uneven || end > limits::PACKET_BYTES || is_written {
            return Fate::Refused;
        }
        let network = walk.outer.as_ref().and_then(super::Outer::network).unwrap_or(0);
        let key = (ip.source, ip.destination, ip.protocol, place.id, network);
        if self.open.get(&key).is_some_and(|known| known.done.is_some()) {
            if self.open.get(&key).is_some_and(|known| known.repeats(place.offset, ip.bytes, frame.at)) {
                return Fate::Repeated;
            }
            self.forget(&key);
        }
        let known = self.open.entry(key).or_insert_with(|| {
            self.order.push_back((key, frame.id));
            Pieces::new(Lost {
                addresses: (ip.source, ip.destination),
                in_tunnel: walk.outer.is_some(),
                frames: 0,
                first: (frame.id, frame.at),
                traced: false,
            })
        });
        let before = known.bytes.len();
        known.lost.frames += 1;
        known.lost.traced |= frame.flags & FrameIndex::FLAG_TRACED != 0;
        known.add(place, ip.bytes);
        if place.offset == 0 && known.head.is_none() {
            known.head = walk.head(&ip);
        }
        self.bytes += known.bytes.len().saturating_sub(before);
        if let Some(whole) = known.whole(frame.at) {
            self.done.push_back((key, known.lost.first.0, frame.at));
            return whole;
        }
        self.evict();
        Fate::Held
    }

    /// What was given up since this was last asked.
    pub fn lost(&mut self) -> std::vec::Drain<'_, Lost> {
        self.lost.drain(..)
    }

    /// Gives up all that is not complete.
    pub fn close(&mut self) {
        while let Some((key, first)) = self.order.pop_front() {
            self.give_up(&key, first);
        }
        self.done.clear();
    }

    fn expire(&mut self, now: Timestamp) {
        while let Some(&(key, first, at)) = self.done.front() {
            if now.since(at) <= limits::DUPLICATE_NANOS {
                break;
            }
            self.done.pop_front();
            self.give_up(&key, first);
        }
        while let Some(&(key, first)) = self.order.front() {
            let known = self.open.get(&key).filter(|known| known.lost.first.0 == first);
            if known.is_some_and(|known| now.since(known.lost.first.1) < limits::FRAGMENT_NANOS) {
                return;
            }
            self.order.pop_front();
            self.give_up(&key, first);
        }
    }

    fn evict(&mut self) {
        while self.bytes > limits::FRAGMENT_BYTES || self.open.len() > limits::FRAGMENTED_PACKETS {
            let Some((key, first)) = self.order.pop_front() else { return };
            self.give_up(&key, first);
        }
    }

    /// Lets go of the packet that began with `first`.
    fn give_up(&mut self, key: &Key, first: FrameId) {
        if self.open.get(key).is_some_and(|known| known.lost.first.0 == first) {
            self.forget(key);
        }
    }

    fn forget(&mut self, key: &Key) {
        if let Some(known) = self.open.remove(key) {
            self.bytes = self.bytes.saturating_sub(known.bytes.len());
            if known.done.is_none() {
                self.lost.push(known.lost);
            }
        }
    }
}

impl Pieces {
    fn new(lost: Lost) -> Self {
        Self { lost, head: None, bytes: Vec::new(), have: Vec::new(), total: None, overlap: false, done: None }
    }

    /// Adds a piece where nothing is yet, and compares where something is.
    fn add(&mut self, place: net::Place, piece: &[u8]) {
        let (start, end) = (place.offset, place.offset + piece.len());
        if !place.more {
            self.overlap |= self.total.is_some_and(|total| total != end) || self.bytes.len() > end;
            self.total.get_or_insert(end);
        }
        if self.have.len() >= limits::FRAGMENTS {
            return;
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        let mut at = start;
        let mut fresh = Vec::new();
        for &(from, to) in self.have.iter().filter(|(from, to)| *from < end && *to > start) {
            if at < from {
                fresh.push((at, from));
            }
            let (from, to) = (from.max(start), to.min(end));
            self.overlap |= self.bytes.get(from..to) != piece.get(from - start..to - start);
            at = at.max(to);
        }
        if at < end {
            fresh.push((at, end));
        }
        for &(from, to) in &fresh {
            if let (Some(into), Some(bytes)) = (self.bytes.get_mut(from..to), piece.get(from - start..to - start)) {
                into.copy_from_slice(bytes);
            }
        }
        self.have.extend(fresh);
        self.have.sort_unstable();
        // neighbours are one
        self.have.dedup_by(|next, known| {
            let touches = next.0 == known.1;
            if touches {
                known.1 = next.1;
            }
            touches
        });
    }

    /// The packet, once it is complete.
    fn whole(&mut self, now: Timestamp) -> Option<Fate> {
        let total = self
            .total
            .filter(|&total| self.have == [(0, total)] || self.have.first().is_some_and(|&(from, to)| from == 0 && to >= total))?;
        let mut bytes = self.head.clone()?;
        bytes.extend(self.bytes.get(..total)?);
        self.done = Some(now);
        Some(Fate::Whole { bytes, frames: self.lost.frames, overlap: self.overlap, traced: self.lost.traced })
    }

    /// Whether a piece of the whole packet comes again, as on a port that mirrors twice.
    fn repeats(&self, offset: usize, piece: &[u8], at: Timestamp) -> bool {
        let soon = self.done.is_some_and(|done| at.since(done) <= limits::DUPLICATE_NANOS);
        soon && self.bytes.get(offset..offset + piece.len()) == Some(piece)
    }
}

impl Walk<'_> {
    /// The frame up to the payload of `ip`, as of a packet that is whole: neither it nor what is around it says a length.
    fn head(&self, ip: &net::Ip<'_>) -> Option<Vec<u8>> {
        let at = self.at()?;
        let mut head = self.frame.get(..at)?.to_vec();
        for (at, has_ports) in self.outer.iter().flat_map(super::Outer::headers) {
            let above = at + header_length(head.get(at..)?)?;
            leave_length_out(head.get_mut(at..)?);
            if has_ports && let Some(length) = head.get_mut(above + 4..above + 6) {
                length.fill(0);
            }
        }
        let header = self.frame.get(at..)?;
        let mut header = header.get(..header_length(header)?)?.to_vec();
        leave_length_out(&mut header);
        if header.first()? >> 4 == 4 {
            header.get_mut(6..8)?.fill(0);
        } else {
            *header.get_mut(6)? = ip.protocol;
        }
        head.extend(header);
        Some(head)
    }
}

/// The length of an IP header, extension headers not counted.
fn header_length(header: &[u8]) -> Option<usize> {
    let first = header.first()?;
    Some(if first >> 4 == 4 { usize::from(first & 0x0f) * 4 } else { 40 })
}

/// Zeroes the length of an IP header, and the checksum that went with it.
fn leave_length_out(header: &mut [u8]) {
    let is_v4 = header.first().is_some_and(|first| first >> 4 == 4);
    for range in if is_v4 { [2..4, 10..12] } else { [4..6, 4..6] } {
        if let Some(field) = header.get_mut(range) {
            field.fill(0);
        }
    }
}

#[cfg(test)]
mod tests;
