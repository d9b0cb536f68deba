//! TCP connections that have ended: a few dozen bytes each, by which a straggler is told from something new.
//!
//! A FIN is sent again until it is acknowledged, with the last data where that is not acknowledged either; a reset answers what comes late; and
//! taps show either seconds after both ends have closed. Such a segment says nothing more of its connection, and is no beginning of another.
//! Nobody holds any more what was said at its place: so one that goes beyond the end of what was said, or holds text, is no straggler, and is
//! read as what it is.

use super::FlowKey;
use super::attempts::ATTEMPT;
use super::pages::Pages;
use crate::decode::{Header, Packet, Tcp};
use crate::fact::{End, Timestamp};
use crate::limits;

/// The bit of a slot that tells ended connections from entries, where [`ATTEMPT`] is not set.
const CLOSED: u32 = 1 << 30;

/// Bytes that an ended connection costs, its place in the index included.
const CLOSED_BYTES: usize = size_of::<Closed>() + 10;

/// Whether a slot is an ended connection's.
#[inline]
pub(super) fn is_closed(slot: u32) -> bool {
    slot & (ATTEMPT | CLOSED) == CLOSED
}

/// A TCP connection that has ended.
#[derive(Clone, Copy)]
pub(super) struct Closed {
    pub(super) key: FlowKey,
    /// When its last packet was seen.
    pub(super) at: Timestamp,
    pub(super) agents: [bool; 2],
    pub(super) initiator: Option<End>,
    /// What the last bytes of each end were.
    pub(super) said: [Said; 2],
}

/// The last bytes of an end, by their sequence numbers.
#[derive(Clone, Copy, Default)]
pub(super) struct Said {
    /// One past the last.
    pub(super) end: u32,
    /// How many there are before it, up to [`limits::STRAGGLER_BYTES`].
    pub(super) length: u16,
}

impl Closed {
    /// Whether a packet of `sender` that was seen at `now` belongs to what has ended.
    pub(super) fn has(&self, packet: &Packet<'_>, sender: End, now: Timestamp) -> bool {
        let belongs = match packet.header {
            Header::Error(_) => true,
            Header::Tcp(tcp) => !tcp.has(Tcp::SYN) && self.was_sent(&tcp, packet, sender),
            _ => false,
        };
        belongs && self.is_recent(now)
    }

    /// Whether the payload of a segment stands where its sender had said something not long before its end, and may be the same.
    fn was_sent(&self, tcp: &Tcp, packet: &Packet<'_>, sender: End) -> bool {
        let said = self.said[sender.index()];
        let length = packet.payload.len() as u32 + packet.missing;
        length == 0 || (length..=said.length.into()).contains(&said.end.wrapping_sub(tcp.seq)) && !packet.holds_text()
    }

    /// Whether it ended so short a time before `now` that stragglers may come.
    pub(super) fn is_recent(&self, now: Timestamp) -> bool {
        now.since(self.at) <= limits::CLOSED_NANOS
    }
}

/// The ended connections of one table, in the order in which they ended. Their slots are numbers that are given one after the other.
#[derive(Default)]
pub(super) struct ClosedFlows {
    queue: Pages<Option<Closed>>,
    /// The number of the connection at the front.
    front: u32,
}

impl ClosedFlows {
    pub(super) fn push(&mut self, closed: Closed) -> u32 {
        let slot = self.slot(self.queue.len() as u32);
        self.queue.push_back(Some(closed));
        slot
    }

    pub(super) fn get(&self, slot: u32) -> Option<&Closed> {
        self.queue.get(self.place(slot))?.as_ref()
    }

    /// Takes a connection out, since its ports are used anew.
    pub(super) fn take(&mut self, slot: u32) -> Option<Closed> {
        let place = self.place(slot);
        self.queue.get_mut(place)?.take()
    }

    /// Lets go of the one at the front, and says what was there; `None` where there is none.
    pub(super) fn pop(&mut self) -> Option<(u32, Option<Closed>)> {
        let slot = self.slot(0);
        let first = self.queue.pop_front()?;
        self.front = self.front.wrapping_add(1);
        Some((slot, first))
    }

    /// When the one at the front was last seen; the beginning of time where it was taken out.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.queue.front().map(|closed| closed.map_or(Timestamp::from_nanos(i64::MIN), |closed| closed.at))
    }

    /// Bytes of memory held, roughly: what the budget is charged.
    pub(super) fn bytes(&self) -> usize {
        self.queue.len() * CLOSED_BYTES
    }

    /// Forgets them all.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
    }

    fn slot(&self, n: u32) -> u32 {
        self.front.wrapping_add(n) & (CLOSED - 1) | CLOSED
    }

    fn place(&self, slot: u32) -> usize {
        (slot.wrapping_sub(self.front) & (CLOSED - 1)) as usize
    }
}
