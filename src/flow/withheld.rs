//! A segment with a bad checksum among good ones of its sender, which came before any other copy: whoever received it dropped it, if the tap saw
//! it as it was. It waits for what shows that: a good copy that says something else is believed instead, and that is told. As soon as the
//! other end acknowledges it, another bad one comes, the same bytes come again, or enough has come behind it, it is read like any other.

use super::entry::{Entry, flag};
use super::sums::Sums;
use super::table::Rider;
use crate::decode::{Packet, Tcp};
use crate::fact::{End, Locus};
use crate::limits;

/// The segments that are withheld, one an end.
#[derive(Debug, Default)]
pub(super) struct Withheld([Option<Segment>; 2]);

#[derive(Debug)]
struct Segment {
    seq: u32,
    bytes: Vec<u8>,
    at: Locus,
    /// Segments of its end that came behind it.
    later: u32,
}

impl Withheld {
    /// Bytes of memory held.
    pub fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.0.iter().flatten().map(|segment| segment.bytes.capacity()).sum::<usize>()
    }

    /// Whether these bytes of an end are those that are withheld.
    pub fn repeats(&self, end: End, seq: u32, bytes: &[u8]) -> bool {
        self.0[end.index()].as_ref().is_some_and(|segment| segment.seq == seq && segment.bytes == bytes)
    }
}

impl Segment {
    /// What of these bytes at `seq` stands where its own stand, both ways; empty where they do not meet.
    fn shared<'a>(&'a self, seq: u32, bytes: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let offset = seq.wrapping_sub(self.seq) as i32;
        let (mine, theirs) = match usize::try_from(offset) {
            Ok(offset) => (self.bytes.get(offset..).unwrap_or_default(), bytes),
            Err(_) => (&self.bytes[..], bytes.get(offset.unsigned_abs() as usize..).unwrap_or_default()),
        };
        let length = mine.len().min(theirs.len());
        (&mine[..length], &theirs[..length])
    }
}

impl<R: Rider> Entry<R> {
    /// Withholds a segment of `at.end`, of which none is withheld.
    pub(super) fn withhold(&mut self, seq: u32, payload: &[u8], at: Locus) {
        let i = at.end.index();
        self.flags |= flag::WITHHELD_A << i;
        self.cold.withheld.get_or_insert_default().0[i] = Some(Segment { seq, bytes: payload.to_vec(), at, later: 0 });
    }

    /// Holds a segment of `at.end`, which is about to be taken in, against what is withheld. Returns whether memory held may have changed.
    pub(super) fn reconsider(&mut self, shared: &mut R::Shared, tcp: &Tcp, packet: &Packet<'_>, at: Locus) -> bool {
        if self.flags & (flag::WITHHELD_A | flag::WITHHELD_A << 1) == 0 {
            return false;
        }
        let (own, other) = (at.end, !at.end);
        let Some(withheld) = self.cold.withheld.as_deref_mut() else { return false };
        let is_received = |segment: &Segment| tcp.has(Tcp::ACK) && tcp.ack.wrapping_sub(segment.seq) as i32 > 0;
        let received = withheld.0[other.index()].as_ref().is_some_and(is_received);
        let mut is_read = false;
        if let Some(segment) = withheld.0[own.index()].as_mut().filter(|_| !packet.payload.is_empty()) {
            segment.later += 1;
            let (mine, theirs) = segment.shared(tcp.seq.wrapping_add(u32::from(tcp.has(Tcp::SYN))), packet.payload);
            let sum = packet.checksum();
            if sum == Some(true) && mine != theirs {
                self.pass_over(shared, own);
            } else {
                is_read = sum != Some(true) || !mine.is_empty() || segment.later >= limits::WITHHELD_SEGMENTS;
            }
        }
        if received {
            self.release(shared, other);
        }
        if is_read {
            self.release(shared, own);
        }
        true
    }

    /// Reads what is withheld of an end after all.
    pub(super) fn release(&mut self, shared: &mut R::Shared, end: End) {
        if let Some(Segment { seq, bytes, at, .. }) = self.take_withheld(end) {
            self.push(shared, seq, &bytes, 0, at, false);
        }
    }

    /// Believes another copy of it.
    fn pass_over(&mut self, shared: &mut R::Shared, end: End) {
        let Some(segment) = self.take_withheld(end) else { return };
        let cold = &mut *self.cold;
        Sums::pass_over(&mut cold.sums[end.index()]);
        if let Some(rider) = cold.rider.as_mut().filter(|_| self.flags & flag::UNREAD == 0) {
            rider.passed_over(shared, &segment.bytes, segment.at);
        }
    }

    fn take_withheld(&mut self, end: End) -> Option<Segment> {
        self.flags &= !(flag::WITHHELD_A << end.index());
        let withheld = self.cold.withheld.as_deref_mut()?;
        let segment = withheld.0[end.index()].take();
        if self.flags & (flag::WITHHELD_A | flag::WITHHELD_A << 1) == 0 {
            self.cold.withheld = None;
        }
        segment
    }
}
