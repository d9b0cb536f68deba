//! What a TCP segment does to its flow (RFC 9293), seen from a tap: evidence of who opened it, port reuse, resets that count and
//! resets that do not.

use super::entry::{Entry, flag, tell};
use super::stream::Piece;
use super::table::Rider;
use super::{Held, Stream};
use crate::decode::{Packet, Segment, Tcp};
use crate::fact::{End, Locus};

impl<R: Rider> Entry<R> {
    /// Whether a segment opens a new connection between the same ports: a SYN with another initial sequence number after this one
    /// ended, or after its sender had gone on from its own SYN. A repeated SYN is none, nor is one that comes late for data or a
    /// SYN-ACK that fit it.
    pub(super) fn is_reused(&self, tcp: &Tcp, end: End) -> bool {
        if !tcp.has(Tcp::SYN) || tcp.has(Tcp::RST) {
            return false;
        }
        let i = end.index();
        let known = self.cold.isn[i];
        let fits = known == Some(tcp.seq) || known.is_none() && self.streams[i].first(&self.cold.held[i]) == Some(tcp.seq.wrapping_add(1));
        // the other end's reset, captured ahead of the SYN that it answers, is no connection of its own
        let all_said = flag::SYN_A | flag::SYN_ACK_A | flag::SPOKE_A;
        let is_answer_alone = self.flags & (all_said | all_said << 1 | flag::RESET_A << i) == 0;
        if fits || is_answer_alone {
            return false;
        }
        let ended = self.flags & flag::CLOSING != 0;
        let went_on = self.flags & flag::SPOKE_A << i != 0;
        ended || went_on || known.is_none() && self.streams[i].first(&self.cold.held[i]).is_some()
    }

    /// Takes a segment in. Returns whether memory held may have changed.
    pub(super) fn segment(&mut self, shared: &mut R::Shared, tcp: &Tcp, packet: &Packet<'_>, at: Locus) -> bool {
        let reconsidered = self.reconsider(shared, tcp, packet, at);
        let taken = self.take(shared, tcp, packet, at);
        reconsidered || taken
    }

    fn take(&mut self, shared: &mut R::Shared, tcp: &Tcp, packet: &Packet<'_>, at: Locus) -> bool {
        let (i, j) = (at.end.index(), (!at.end).index());
        let cold = &mut *self.cold;
        if tcp.has(Tcp::RST) {
            // a reset that the receiver would not believe changes nothing
            if self.streams[i].accepts_reset(&cold.held[i], tcp.seq) {
                self.flags |= flag::RESET_A << i;
            }
            // what it carries was sent all the same (RFC 9293 section 3.5.3 lets it say why)
            if packet.payload.is_empty() && packet.missing == 0 {
                return false;
            }
        }
        if tcp.has(Tcp::SYN) && !tcp.has(Tcp::RST) {
            let first = tcp.seq.wrapping_add(1);
            if !tcp.has(Tcp::ACK) {
                if self.flags & (flag::SYN_A << j | flag::SYN_ACK_A << i) != 0 {
                    self.flags |= flag::SIMULTANEOUS;
                }
                self.flags |= flag::SYN_A << i;
            } else {
                // who has dialled and accepts was dialled as well, whether that was captured or not
                if self.flags & flag::SYN_A << i != 0 {
                    self.flags |= flag::SIMULTANEOUS;
                }
                self.flags |= flag::SYN_ACK_A << i;
                cold.answered[i].get_or_insert(at);
                self.streams[j].begin(&mut cold.held[j], tcp.ack);
            }
            if cold.isn[i].replace(tcp.seq).is_some_and(|known| known != tcp.seq) {
                // tried again with another number before anything was said
                self.streams[i] = Stream::default();
                cold.held[i] = Held::default();
            }
            self.streams[i].start(&mut cold.held[i], first);
        } else if !tcp.has(Tcp::RST) {
            self.flags |= flag::SPOKE_A << i;
            cold.answered[i].get_or_insert(at);
        }
        if tcp.has(Tcp::ACK) {
            self.flags |= flag::ACKED_A << j;
            self.streams[j].acknowledge(tcp.ack);
        }
        let seq = tcp.seq.wrapping_add(u32::from(tcp.has(Tcp::SYN)));
        let length = packet.payload.len() as u32 + packet.missing;
        let (stream, held) = (&mut self.streams[i], &mut cold.held[i]);
        if tcp.has(Tcp::FIN) {
            self.flags |= flag::FIN_A << i;
            stream.finish_at(held, seq.wrapping_add(length));
        }
        let is_read = cold.rider.is_some() && self.flags & flag::UNREAD == 0;
        let is_doubtful = is_read && cold.sums[i].take(packet, stream.compares(held, seq));
        let again = if is_read { stream.unkept(seq, packet.payload) } else { &[] };
        if let Some(rider) = cold.rider.as_mut().filter(|_| !again.is_empty()) {
            rider.again(shared, again, at);
        }
        if stream.skips(seq, length) {
            return false;
        }
        // it may be that nobody took it in: what is said in its place shows that
        let is_first = is_doubtful && !stream.has_told(seq.wrapping_add(length));
        if is_first && packet.missing == 0 && self.flags & flag::WITHHELD_A << i == 0 {
            self.withhold(seq, packet.payload, at);
            return true;
        }
        self.push(shared, seq, packet.payload, packet.missing, at, is_doubtful)
    }

    /// Puts payload in its place in the stream of `at.end`; `is_doubtful` if its checksum is a bad one among good ones. Returns whether memory
    /// held may have changed.
    pub(super) fn push(&mut self, shared: &mut R::Shared, seq: u32, payload: &[u8], missing: u32, at: Locus, is_doubtful: bool) -> bool {
        let i = at.end.index();
        let cold = &mut *self.cold;
        let (stream, held) = (&mut self.streams[i], &mut cold.held[i]);
        let length = payload.len() as u32 + missing;
        let Some(rider) = cold.rider.as_mut().filter(|_| self.flags & flag::UNREAD == 0) else {
            stream.pass(held, seq, length);
            return false;
        };
        let (finished, sums) = (&mut cold.finished[i], &mut cold.sums[i]);
        let brings_nothing = stream.has_told(seq.wrapping_add(length));
        stream.push(held, seq, payload, missing, at, &mut |piece| match piece {
            Piece::Conflict(at) if is_doubtful && brings_nothing => {
                sums.pass_over();
                rider.passed_over(shared, payload, at);
                0
            }
            piece => tell(rider, shared, finished, piece),
        });
        if stream.goes_on_behind_fin(held) {
            rider.conflict(shared, at);
        }
        if rider.is_settled() {
            self.flags |= flag::UNREAD;
        }
        // what both ends have closed behind them need not be kept to compare
        if self.flags & flag::UNREAD != 0 || cold.finished == [true; 2] {
            let settled = self.flags & flag::UNREAD != 0;
            self.streams.iter_mut().zip(&mut cold.held).for_each(|(stream, held)| stream.forget(held, settled));
        }
        true
    }

    /// Takes in a segment in the middle of a connection of which nothing is to be told, touching what every packet touches and no more.
    /// Returns whether it was one.
    #[inline]
    pub(super) fn passes(&mut self, segment: &Segment, end: End) -> bool {
        let (i, j) = (end.index(), (!end).index());
        let known = flag::SPOKE_A << i | flag::ACKED_A << j;
        if self.flags & (known | flag::WITHHELD_A | flag::WITHHELD_A << 1) != known {
            return false;
        }
        let stream = &mut self.streams[i];
        let is_read = self.flags & flag::UNREAD == 0;
        // what is sent again is looked at
        if is_read && segment.length > 0 && stream.has_passed(segment.seq) {
            return false;
        }
        let passes = if is_read { stream.skips(segment.seq, segment.length) } else { stream.passes(segment.seq, segment.length) };
        if passes {
            self.streams[j].acknowledge(segment.ack);
        }
        passes
    }
}
