//! A flow that is more than an attempt: what is known of it, and what that comes to when it ends.

use std::hash::BuildHasher;

use super::closed::Closed;
use super::recent::Recent;
use super::stream::Piece;
use super::sums::Sums;
use super::table::Rider;
use super::withheld::Withheld;
use super::{Ended, FlowKey, Held, Stream};
use crate::decode::{Header, Packet, Tcp};
use crate::fact::{Basis, End, Finish, FlowState, FrameId, Locus, Tally, Timestamp, Transport};
use crate::limits;

/// A flow that is more than an attempt.
pub(super) struct Entry<R> {
    pub(super) key: FlowKey,
    pub(super) flags: u32,
    pub(super) generation: u32,
    pub(super) packets: [u32; 2],
    pub(super) bytes: [u64; 2],
    pub(super) last: Timestamp,
    pub(super) last_frame: FrameId,
    pub(super) streams: [Stream; 2],
    pub(super) cold: Box<Cold<R>>,
}

/// What a packet in the middle of a flow does not touch.
pub(super) struct Cold<R> {
    pub(super) first: Locus,
    pub(super) isn: [Option<u32>; 2],
    pub(super) held: [Held; 2],
    pub(super) answered: [Option<Locus>; 2],
    /// Ends whose FIN was told to the rider.
    pub(super) finished: [bool; 2],
    pub(super) recent: [Recent; 2],
    pub(super) sums: [Sums; 2],
    /// Segments with bad checksums that wait for a good copy.
    pub(super) withheld: Option<Box<Withheld>>,
    pub(super) rider: Option<R>,
    /// Bytes that the budget was charged for streams and rider.
    pub(super) charged: usize,
}

/// Bits of [`Entry::flags`]; those named `_A` are shifted left by one for the other end.
pub(super) mod flag {
    pub(in crate::flow) const SYN_A: u32 = 1;
    pub(in crate::flow) const SYN_ACK_A: u32 = 1 << 2;
    pub(in crate::flow) const FIN_A: u32 = 1 << 4;
    pub(in crate::flow) const RESET_A: u32 = 1 << 6;
    /// Sent something other than a SYN.
    pub(in crate::flow) const SPOKE_A: u32 = 1 << 8;
    /// The other end acknowledged something of this one.
    pub(in crate::flow) const ACKED_A: u32 = 1 << 10;
    /// The header shows that this end opened the conversation (echo request).
    pub(in crate::flow) const OPENED_A: u32 = 1 << 12;
    pub(in crate::flow) const UNREACHABLE: u32 = 1 << 14;
    pub(in crate::flow) const QUOTED_ONLY: u32 = 1 << 15;
    pub(in crate::flow) const CLOSING: u32 = 1 << 16;
    pub(in crate::flow) const SIMULTANEOUS: u32 = 1 << 17;
    /// This end is an agent.
    pub(in crate::flow) const AGENT_A: u32 = 1 << 18;
    /// Nobody reads the flow, or no more.
    pub(in crate::flow) const UNREAD: u32 = 1 << 20;
    /// This end opened the connection that had these ports a moment before.
    pub(in crate::flow) const FOLLOWS_A: u32 = 1 << 21;
    /// A segment of this end is withheld.
    pub(in crate::flow) const WITHHELD_A: u32 = 1 << 23;
}

impl<R: Rider> Cold<R> {
    pub(super) fn memory(&self) -> usize {
        let withheld = self.withheld.as_ref().map_or(0, |withheld| withheld.heap_bytes());
        self.held[0].heap_bytes() + self.held[1].heap_bytes() + withheld + self.rider.as_ref().map_or(0, Rider::memory)
    }
}

impl<R: Rider> Entry<R> {
    /// Counts a packet with so many bytes of payload.
    #[inline]
    pub(super) fn count(&mut self, length: u32, at: Locus) {
        let i = at.end.index();
        self.packets[i] = self.packets[i].saturating_add(1);
        self.bytes[i] += u64::from(length);
        self.last = self.last.max(at.at);
        self.last_frame = at.frame;
    }

    /// Whether a packet is a copy, made by the tap, of one just seen.
    pub(super) fn is_copy(&mut self, packet: &Packet<'_>, at: Locus, hash: &impl BuildHasher) -> bool {
        let i = at.end.index();
        if !self.cold.recent[i].has(packet, at.at, hash) {
            return false;
        }
        match packet.header {
            Header::Tcp(tcp) if !packet.payload.is_empty() => {
                let seq = tcp.seq.wrapping_add(u32::from(tcp.has(Tcp::SYN)));
                let is_withheld = || self.cold.withheld.as_ref().is_some_and(|withheld| withheld.repeats(at.end, seq, packet.payload));
                self.streams[i].repeats(&self.cold.held[i], seq, packet.payload) || is_withheld()
            }
            _ => true,
        }
    }

    /// Takes a datagram in. Returns whether memory held may have changed.
    pub(super) fn datagram(&mut self, shared: &mut R::Shared, packet: &Packet<'_>, at: Locus) -> bool {
        let i = at.end.index();
        self.cold.answered[i].get_or_insert(at);
        if let Header::Echo { request } = packet.header {
            self.flags |= flag::OPENED_A << if request { i } else { 1 - i };
        }
        if self.flags & flag::UNREAD != 0 {
            return false;
        }
        let Some(rider) = self.cold.rider.as_mut() else { return false };
        if packet.missing > 0 {
            rider.beginning(shared, packet.payload, packet.missing.into(), at);
        } else if !packet.payload.is_empty() {
            rider.data(shared, packet.payload, at);
        }
        if rider.is_settled() {
            self.flags |= flag::UNREAD;
        }
        true
    }

    /// Whether the conversation is over, so that it may end before its time-out: a connection after a reset or a FIN of both ends, an
    /// exchange of datagrams in which everything asked was answered.
    pub(super) fn has_ended(&self) -> bool {
        if self.key.transport() != Transport::Tcp {
            return self.cold.rider.as_ref().is_some_and(Rider::is_complete);
        }
        let fins = flag::FIN_A | flag::FIN_A << 1;
        self.was_reset() || self.flags & fins == fins
    }

    /// How long it may be silent, where others of its kind may for `idle`.
    pub(super) fn patience(&self, idle: i64) -> i64 {
        if self.cold.rider.as_ref().is_some_and(Rider::is_lasting) { idle.max(limits::IDLE_SESSION_NANOS) } else { idle }
    }

    /// Whether either end has reset the connection.
    pub(super) fn was_reset(&self) -> bool {
        self.flags & (flag::RESET_A | flag::RESET_A << 1) != 0
    }

    /// What tells the stragglers of a connection that has ended.
    pub(super) fn closed(&self) -> Option<Closed> {
        let is_over = self.key.transport() == Transport::Tcp && self.flags & flag::CLOSING != 0;
        let said = [0, 1].map(|i| self.streams[i].said(&self.cold.held[i]));
        is_over.then(|| Closed { key: self.key, at: self.last, agents: self.agents(), initiator: self.initiator().0, said })
    }

    /// Tells the rider what is left, and that both ends will say no more.
    pub(super) fn finish(&mut self, shared: &mut R::Shared, how: Finish) {
        let how = if self.was_reset() { Finish::Reset } else { how };
        for end in [End::A, End::B] {
            self.release(shared, end);
        }
        let cold = &mut *self.cold;
        let Some(rider) = cold.rider.as_mut() else { return };
        for end in [End::A, End::B] {
            let i = end.index();
            let at = Locus { frame: self.last_frame, at: self.last, end };
            if self.key.transport() == Transport::Tcp {
                self.streams[i].flush(&mut cold.held[i], at, &mut |piece| tell(rider, shared, &mut cold.finished[i], piece));
            }
            if !std::mem::replace(&mut cold.finished[i], true) {
                rider.finish(shared, how, at);
            }
        }
    }

    pub(super) fn ended(&self, how: Finish) -> Ended {
        let cold = &*self.cold;
        let (initiator, basis) = self.initiator();
        let tally = |i: usize| Tally { packets: self.packets[i].into(), bytes: self.bytes[i] };
        let tcp = self.key.transport() == Transport::Tcp;
        let quoted_only = self.flags & flag::QUOTED_ONLY != 0;
        let unseen = |end: End| tcp && self.packets[end.index()] == 0 && self.flags & (flag::ACKED_A << end.index()) != 0;
        Ended {
            key: self.key,
            agents: self.agents(),
            first: cold.first,
            last: self.last,
            sent: [tally(0), tally(1)],
            state: self.state(initiator),
            initiator,
            basis,
            answered: cold.answered,
            checksums: [cold.sums[0].seen, cold.sums[1].seen],
            simultaneous_open: self.flags & flag::SIMULTANEOUS != 0,
            began_before: tcp && !quoted_only && !self.start_was_seen(),
            unseen_end: [End::A, End::B].into_iter().find(|&end| unseen(end)),
            evicted: how == Finish::Evicted,
            quoted_only,
        }
    }

    /// Which ends are agents.
    pub(super) fn agents(&self) -> [bool; 2] {
        [self.flags & flag::AGENT_A != 0, self.flags & flag::AGENT_A << 1 != 0]
    }

    fn start_was_seen(&self) -> bool {
        self.flags & (flag::SYN_A | flag::SYN_A << 1 | flag::SYN_ACK_A | flag::SYN_ACK_A << 1) != 0
    }

    /// Who opened the flow, by the strongest evidence there is.
    fn initiator(&self) -> (Option<End>, Basis) {
        let is_set = |bit: u32, end: End| self.flags & bit << end.index() != 0;
        let ends = [End::A, End::B];
        let first = self.cold.first.end;
        if self.flags & flag::QUOTED_ONLY != 0 {
            return (None, Basis::Unknown);
        }
        if let Some(end) = [first, !first].into_iter().find(|&end| is_set(flag::SYN_A, end)) {
            return (Some(end), Basis::Syn);
        }
        if let Some(end) = ends.into_iter().find(|&end| is_set(flag::SYN_ACK_A, end)) {
            return (Some(!end), Basis::SynAck);
        }
        let opener = ends.into_iter().find(|&end| is_set(flag::OPENED_A, end));
        if let Some(end) = opener.or_else(|| self.cold.rider.as_ref().and_then(Rider::opener)) {
            return (Some(end), Basis::Handshake);
        }
        if self.cold.rider.as_ref().is_some_and(Rider::hides_opener) {
            return (None, Basis::Unknown);
        }
        // payload without a SYN, a moment after a connection has closed: sent again, as it seems
        if let Some(end) = ends.into_iter().find(|&end| is_set(flag::FOLLOWS_A, end)) {
            return (Some(end), Basis::FirstPacket);
        }
        let well_known = |i: usize| self.key.ends()[i].port < 1024;
        match (self.key.transport(), well_known(0), well_known(1)) {
            (Transport::Tcp, true, false) => (Some(End::B), Basis::WellKnownPort),
            (Transport::Tcp, false, true) => (Some(End::A), Basis::WellKnownPort),
            _ => (Some(first), Basis::FirstPacket),
        }
    }

    fn state(&self, initiator: Option<End>) -> FlowState {
        let responder = (!initiator.unwrap_or(End::A)).index();
        let both = |bit: u32| self.flags & (bit | bit << 1) == bit | bit << 1;
        let either = |bit: u32| self.flags & (bit | bit << 1) != 0;
        let unreachable = self.flags & flag::UNREACHABLE != 0;
        if self.key.transport() != Transport::Tcp {
            return match (self.packets[0] > 0 && self.packets[1] > 0, unreachable) {
                (true, _) => FlowState::Established,
                (false, true) => FlowState::Refused,
                (false, false) => FlowState::Attempted,
            };
        }
        if !self.start_was_seen() {
            return FlowState::Partial;
        }
        let accepted = either(flag::SYN_ACK_A) || self.flags & flag::SPOKE_A << responder != 0;
        match (either(flag::RESET_A), accepted) {
            (true, false) => FlowState::Refused,
            (true, true) => FlowState::Reset,
            (false, false) if unreachable => FlowState::Refused,
            (false, false) => FlowState::Attempted,
            (false, true) if both(flag::FIN_A) => FlowState::Closed,
            (false, true) => FlowState::Established,
        }
    }
}

/// Hands a piece of a stream to a rider.
pub(super) fn tell<R: Rider>(rider: &mut R, shared: &mut R::Shared, finished: &mut bool, piece: Piece<'_>) -> usize {
    match piece {
        Piece::Bytes(bytes, at) => return rider.data(shared, bytes, at),
        Piece::Gap(bytes, cut, at) => rider.gap(shared, bytes, cut, at),
        Piece::Conflict(at) => rider.conflict(shared, at),
        Piece::Fin(at) => {
            if !std::mem::replace(finished, true) {
                rider.finish(shared, Finish::Fin, at);
            }
        }
    }
    0
}
