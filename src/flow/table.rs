//! The table of one lane's flows, in bounded memory.
//!
//! A TCP flow of which only SYNs of one end were seen is an *attempt* ([`Attempts`]), and of one that has ended a line is kept for its stragglers
//! ([`ClosedFlows`]); both are forgotten first. One datagram and its answer may be a *brief* flow ([`Briefs`]). Everything else is an *entry*:
//! counters that every packet touches, and the rest behind a box.

mod brief;
mod open;
mod timeouts;

use std::collections::VecDeque;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::attempts::{ATTEMPT, Attempted, Attempts};
use super::brief::{Brief, Briefs, is_brief};
use super::closed::{ClosedFlows, is_closed};
use super::entry::{Cold, Entry, flag};
use super::{Ended, FlowKey, Held, KeyHash, Stream};
use crate::decode::{Header, Packet, Segment};
use crate::fact::{End, Finish, FrameId, Locus, Timestamp, Transport};
use crate::limits;

pub use open::Open;

/// What rides along with a flow and is told its bytes.
pub trait Rider: Sized {
    /// What all riders of a table share.
    type Shared;
    /// What is known of a flow that is so brief that it needs no rider.
    type Known;

    /// Which ends of a new flow are agents; `sender` sent the packet.
    fn agents(shared: &Self::Shared, packet: &Packet<'_>, sender: End) -> [bool; 2];
    /// The rider of a new flow; `None` where nobody asks for its bytes.
    fn board(shared: &Self::Shared, key: &FlowKey, agents: [bool; 2]) -> Option<Self>;
    /// The next bytes of `at.end`, or a datagram. Returns how many bytes behind them are opaque.
    fn data(&mut self, shared: &mut Self::Shared, bytes: &[u8], at: Locus) -> usize;
    /// `bytes` of `at.end` that will not come: `cut` by the snap length, or lost.
    fn gap(&mut self, shared: &mut Self::Shared, bytes: u64, cut: bool, at: Locus);
    /// The beginning of a datagram of which the snap length cut `missing` bytes.
    fn beginning(&mut self, shared: &mut Self::Shared, bytes: &[u8], missing: u64, at: Locus);
    /// Bytes of `at.end` in a place that was sent before and is not kept, since it is opaque or long past.
    fn again(&mut self, shared: &mut Self::Shared, bytes: &[u8], at: Locus);
    /// Bytes of `at.end` that contradict those told before.
    fn conflict(&mut self, shared: &mut Self::Shared, at: Locus);
    /// Bytes of `at.end` that contradict those told before, and that nobody can have received: their checksum is bad, and others' are good.
    fn passed_over(&mut self, shared: &mut Self::Shared, bytes: &[u8], at: Locus);
    /// `at.end` will say no more.
    fn finish(&mut self, shared: &mut Self::Shared, how: Finish, at: Locus);
    /// Whether further bytes teach nothing.
    fn is_settled(&self) -> bool;
    /// Whether everything that was asked so far has been answered, so that a flow of datagrams may end when it falls silent.
    fn is_complete(&self) -> bool;
    /// The end that opened the conversation, where its protocol shows it.
    fn opener(&self) -> Option<End>;
    /// Whether the first packet that was seen shows nothing of who opened the conversation.
    fn hides_opener(&self) -> bool {
        false
    }
    /// Whether silence of minutes does not end a flow of datagrams.
    fn is_lasting(&self) -> bool {
        false
    }
    /// Bytes of memory held, the rider's own included.
    fn memory(&self) -> usize;
    /// The flow has ended.
    fn ended(shared: &mut Self::Shared, ended: Ended, rider: Option<Self>);

    /// What is known of a new flow of datagrams by its first packet, where that tells all that a rider would tell, and no more may come than
    /// its answer; `None` where a rider must read it.
    fn brief(shared: &mut Self::Shared, key: &FlowKey, agents: [bool; 2], packet: &Packet<'_>, at: Locus) -> Option<Self::Known>;
    /// Bytes of memory that it holds on the heap, roughly.
    fn known_bytes(known: &Self::Known) -> usize;
    /// Takes in what may be the answer. Returns whether it was; if not, nothing has changed.
    fn answer(shared: &mut Self::Shared, brief: &mut Brief<Self::Known>, bytes: &[u8], at: Locus) -> bool;
    /// The rider of a flow that is no longer brief, as if it had told what is known of it.
    fn grow(brief: Brief<Self::Known>) -> Self;
    /// A flow has ended of which only SYNs of one end were seen.
    fn ended_attempt(shared: &mut Self::Shared, attempt: &Attempted, how: Finish);
    /// A flow has ended that was brief.
    fn ended_brief(shared: &mut Self::Shared, brief: Brief<Self::Known>, how: Finish);
}

/// The flows of one lane.
pub struct FlowTable<R: Rider> {
    hash: KeyHash,
    copies: FixedState,
    /// Slots of flows by key: an attempt's, a brief flow's or an ended connection's number, with the bits that say so, or an entry's index.
    index: HashTable<u32>,
    entries: Vec<Option<Entry<R>>>,
    free: Vec<u32>,
    attempts: Attempts,
    briefs: Briefs<R::Known>,
    closed: ClosedFlows,
    /// Connections that were reset.
    reset: VecDeque<Due>,
    /// Connections that both ends have closed, and exchanges of datagrams in which everything was answered.
    ending: VecDeque<Due>,
    datagrams: VecDeque<Due>,
    connections: VecDeque<Due>,
    generation: u32,
    now: Timestamp,
    /// Nothing is due before.
    next_due: Timestamp,
    /// Bytes of the entries.
    used: usize,
    budget: usize,
    /// Whether the packet at hand is a copy that a tap made.
    copied: bool,
}

/// Bytes of a quoted TCP header behind its ports.
const QUOTED_HEADER: usize = 16;

/// Where a flow is kept in its table, as long as it lives.
#[derive(Clone, Copy, Debug)]
pub struct Slot(u32);

/// When to look at an entry again.
struct Due {
    at: Timestamp,
    slot: u32,
    generation: u32,
}

impl<R: Rider> FlowTable<R> {
    /// An empty table that may use `budget` bytes. `seed` keys its hash and shows in no result.
    #[must_use]
    pub fn new(budget: usize, seed: u64) -> Self {
        Self {
            hash: KeyHash::new(seed),
            copies: FixedState::with_seed(seed),
            index: HashTable::new(),
            entries: Vec::new(),
            free: Vec::new(),
            attempts: Attempts::default(),
            briefs: Briefs::default(),
            closed: ClosedFlows::default(),
            reset: VecDeque::new(),
            ending: VecDeque::new(),
            datagrams: VecDeque::new(),
            connections: VecDeque::new(),
            generation: 0,
            now: Timestamp::from_nanos(i64::MIN),
            next_due: Timestamp::from_nanos(i64::MAX),
            used: 0,
            budget,
            copied: false,
        }
    }

    /// Where the flow with this key is now, for [`FlowTable::track`]. Looking some packets ahead lets the memory behind their flows be
    /// fetched at once rather than one after the other.
    #[inline]
    #[must_use]
    pub fn look(&self, key: &FlowKey) -> Option<Slot> {
        self.find(key).map(Slot)
    }

    /// Takes in a segment in the middle of a connection, sent by `end`, where nothing is to be told of it and [`FlowTable::look`] found its flow:
    /// such a segment touches what every packet touches and no more. Returns which ends of its flow are agents, or nothing where the packet is
    /// for [`FlowTable::track`].
    #[inline]
    pub fn pass(
        &mut self,
        (key, end): (&FlowKey, End),
        Slot(slot): Slot,
        segment: &Segment,
        frame: FrameId,
        at: Timestamp,
    ) -> Option<[bool; 2]> {
        let now = self.now.max(at);
        let entry = self.entries.get_mut(slot as usize)?.as_mut()?;
        if now >= self.next_due || entry.key != *key || !entry.passes(segment, end) {
            return None;
        }
        self.now = now;
        self.copied = false;
        entry.count(segment.length, Locus { frame, at, end });
        Some(entry.agents())
    }

    /// Takes a packet in, with its flow's key and the end that sent it, and where [`FlowTable::look`] found the flow. Returns which ends
    /// of its flow are agents.
    #[inline]
    pub fn track(
        &mut self,
        shared: &mut R::Shared,
        packet: &Packet<'_>,
        (key, end): (FlowKey, End),
        seen: Option<Slot>,
        frame: FrameId,
        at: Timestamp,
    ) -> [bool; 2] {
        self.copied = false;
        self.now = self.now.max(at);
        if self.now >= self.next_due {
            self.expire(shared);
        }
        let locus = Locus { frame, at, end };
        // what came between may have ended the flow, and another may have its place
        let slot = seen.map(|Slot(slot)| slot).filter(|&slot| self.has(slot, &key)).or_else(|| self.find(&key));
        let (slot, before) = match slot {
            Some(slot) if is_closed(slot) => match self.closed.get(slot).filter(|closed| closed.has(packet, end, self.now)) {
                Some(closed) => return closed.agents,
                None => (None, self.reuse(slot)),
            },
            slot => (slot, None),
        };
        let agents = match (packet.header, slot) {
            (Header::Error(error), slot) => self.error(shared, key, packet, error.unreachable, slot, locus),
            (_, Some(slot)) if slot & ATTEMPT != 0 => self.again(shared, slot, packet, locus),
            (_, Some(slot)) if is_brief(slot) => self.further(shared, slot, packet, locus),
            (_, Some(slot)) => self.step(shared, slot, packet, locus),
            (_, None) => self.first(shared, key, before, packet, locus),
        };
        if self.used() > self.budget {
            self.evict(shared);
        }
        agents
    }

    /// Whether the packet that was last taken in is a copy of one before it, which was left out.
    #[must_use]
    pub fn was_copy(&self) -> bool {
        self.copied
    }

    /// The rider of the flow with this key, to be told what shows below the transport.
    pub fn rider(&mut self, key: &FlowKey) -> Option<&mut R> {
        let slot = self.find(key).filter(|slot| slot & ATTEMPT == 0)?;
        let slot = self.grown(slot);
        self.entry_mut(slot)?.cold.rider.as_mut()
    }

    /// How the flow with this key stands, were it to end now.
    #[must_use]
    pub fn peek(&self, key: &FlowKey) -> Option<(Ended, Option<&R>)> {
        let slot = self.find(key).filter(|slot| slot & ATTEMPT == 0)?;
        let entry = self.entry(slot)?;
        Some((entry.ended(Finish::Idle), entry.cold.rider.as_ref()))
    }

    /// The first frame of the flow with this key.
    #[must_use]
    pub fn first_frame(&self, key: &FlowKey) -> Option<FrameId> {
        let slot = self.find(key)?;
        if slot & ATTEMPT != 0 {
            self.attempts.first(slot)
        } else if is_brief(slot) {
            self.briefs.get(slot).map(|brief| brief.first.frame)
        } else {
            self.entry(slot).map(|entry| entry.cold.first.frame)
        }
    }

    /// Forgets the time: the next packet may be earlier than the last. The table must be empty.
    pub fn rewind(&mut self) {
        self.closed.clear();
        self.briefs.clear();
        self.index.clear();
        self.used = 0;
        self.now = Timestamp::from_nanos(i64::MIN);
        self.next_due = Timestamp::from_nanos(i64::MAX);
        for queue in [&mut self.reset, &mut self.ending, &mut self.datagrams, &mut self.connections] {
            queue.clear();
        }
    }

    fn find(&self, key: &FlowKey) -> Option<u32> {
        let hash = self.hash.of(key);
        self.index.find(hash, |&slot| self.has(slot, key)).copied()
    }

    /// Whether the flow in a slot has this key.
    #[inline]
    fn has(&self, slot: u32, key: &FlowKey) -> bool {
        if slot & ATTEMPT != 0 {
            self.attempts.has(slot, key)
        } else if is_closed(slot) {
            self.closed.get(slot).is_some_and(|closed| closed.key == *key)
        } else if is_brief(slot) {
            self.briefs.get(slot).is_some_and(|brief| brief.key == *key)
        } else {
            self.entry(slot).is_some_and(|entry| entry.key == *key)
        }
    }

    /// Bytes of memory that flows hold, roughly.
    fn used(&self) -> usize {
        self.used + self.attempts.bytes() + self.briefs.bytes() + self.closed.bytes()
    }

    fn entry(&self, slot: u32) -> Option<&Entry<R>> {
        self.entries.get(slot as usize)?.as_ref()
    }

    fn entry_mut(&mut self, slot: u32) -> Option<&mut Entry<R>> {
        self.entries.get_mut(slot as usize)?.as_mut()
    }

    fn insert_slot(&mut self, of: &FlowKey, slot: u32) {
        let hash = self.hash.of(of);
        // the hasher of a rehash reads keys from the tables beside the index
        let Self { attempts, briefs, closed, entries, hash: state, .. } = self;
        let hasher = |&slot: &u32| key(attempts, briefs, closed, entries, slot).map_or(0, |key| state.of(&key));
        self.index.insert_unique(hash, slot, hasher);
    }

    fn remove_slot(&mut self, key: &FlowKey, slot: u32) {
        let hash = self.hash.of(key);
        if let Ok(found) = self.index.find_entry(hash, |&other| other == slot) {
            found.remove();
        }
    }

    /// Forgets an ended connection, whose ports are used anew, and says who had opened it where that is a moment ago.
    fn reuse(&mut self, slot: u32) -> Option<End> {
        let closed = self.closed.take(slot)?;
        self.remove_slot(&closed.key, slot);
        closed.initiator.filter(|_| closed.is_recent(self.now))
    }

    /// The first packet of a flow. `before` opened the connection that had its ports a moment ago.
    fn first(&mut self, shared: &mut R::Shared, key: FlowKey, before: Option<End>, packet: &Packet<'_>, at: Locus) -> [bool; 2] {
        let agents = R::agents(shared, packet, at.end);
        // an attempt has no room for the tunnels that it came in
        if let Some(isn) = bare_syn(packet).filter(|_| packet.outer.is_none()) {
            let slot = self.attempts.push(&key, isn, agents, at);
            self.next_due = self.next_due.min(at.at.plus_nanos(limits::ATTEMPT_NANOS));
            self.insert_slot(&key, slot);
        } else if !self.begin_brief(shared, &key, agents, packet, at) {
            let rider = R::board(shared, &key, agents);
            let slot = self.enter(rider, key, agents, at);
            if let (Some(entry), Some(end)) = (self.entry_mut(slot), before) {
                entry.flags |= flag::FOLLOWS_A << end.index();
            }
            self.step(shared, slot, packet, at);
        }
        agents
    }

    /// A further packet of an attempt.
    fn again(&mut self, shared: &mut R::Shared, slot: u32, packet: &Packet<'_>, at: Locus) -> [bool; 2] {
        let Some(agents) = self.attempts.agents(slot) else { return [false; 2] };
        match bare_syn(packet) {
            Some(isn) if self.attempts.again(slot, isn, at) => {}
            _ => {
                let slot = self.promote(shared, slot);
                self.step(shared, slot, packet, at);
            }
        }
        agents
    }

    /// Makes an entry of an attempt.
    fn promote(&mut self, shared: &mut R::Shared, slot: u32) -> u32 {
        let Some(known) = self.attempts.take(slot) else { return slot };
        self.remove_slot(&known.key, slot);
        let rider = R::board(shared, &known.key, known.agents);
        let slot = self.enter(rider, known.key, known.agents, known.first);
        if let Some(entry) = self.entry_mut(slot) {
            let i = known.first.end.index();
            entry.flags |= flag::SYN_A << i | if known.unreachable { flag::UNREACHABLE } else { 0 };
            entry.packets[i] = known.packets.into();
            entry.last = known.last;
            entry.cold.isn[i] = Some(known.isn);
            entry.streams[i].start(&mut entry.cold.held[i], known.isn.wrapping_add(1));
        }
        slot
    }

    /// A new entry without packets.
    fn enter(&mut self, rider: Option<R>, key: FlowKey, agents: [bool; 2], first: Locus) -> u32 {
        let cold = Cold {
            first,
            isn: [None; 2],
            held: [Held::default(), Held::default()],
            answered: [None; 2],
            finished: [false; 2],
            recent: Default::default(),
            sums: Default::default(),
            withheld: None,
            rider,
            charged: 0,
        };
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        let unread = cold.rider.as_ref().is_none_or(Rider::is_settled);
        let agent = |end: End| if agents[end.index()] { flag::AGENT_A << end.index() } else { 0 };
        let flags = if unread { flag::UNREAD } else { 0 } | agent(End::A) | agent(End::B);
        let entry = Entry {
            key,
            flags,
            generation,
            packets: [0; 2],
            bytes: [0; 2],
            last: first.at,
            last_frame: first.frame,
            streams: [Stream::default(); 2],
            cold: Box::new(cold),
        };
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.entries.push(None);
                (self.entries.len() - 1) as u32
            }
        };
        if let Some(place) = self.entries.get_mut(slot as usize) {
            *place = Some(entry);
        }
        self.used += entry_bytes::<R>();
        self.insert_slot(&key, slot);
        let (queue, idle) = match key.transport() {
            Transport::Tcp => (&mut self.connections, limits::IDLE_CONNECTION_NANOS),
            _ => (&mut self.datagrams, limits::IDLE_DATAGRAM_NANOS),
        };
        let due = self.now.plus_nanos(idle);
        queue.push_back(Due { at: due, slot, generation });
        self.next_due = self.next_due.min(due);
        slot
    }

    /// A packet of an entry.
    fn step(&mut self, shared: &mut R::Shared, slot: u32, packet: &Packet<'_>, at: Locus) -> [bool; 2] {
        let Some(entry) = self.entries.get_mut(slot as usize).and_then(Option::as_mut) else { return [false; 2] };
        if let Header::Tcp(tcp) = packet.header
            && entry.is_reused(&tcp, at.end)
        {
            let key = entry.key;
            self.end(shared, slot, Finish::Idle);
            return self.first(shared, key, None, packet, at);
        }
        let segment = packet.middle();
        let passes = segment.is_some_and(|segment| entry.passes(&segment, at.end));
        if !passes && entry.flags & flag::UNREAD == 0 && entry.is_copy(packet, at, &self.copies) {
            let agents = entry.agents();
            self.copied = true;
            return agents;
        }
        entry.flags &= !flag::QUOTED_ONLY;
        entry.count(packet.payload.len() as u32 + packet.missing, at);
        let agents = entry.agents();
        if passes {
            return agents;
        }
        let holds_more = match packet.header {
            Header::Tcp(tcp) => entry.segment(shared, &tcp, packet, at),
            _ => entry.datagram(shared, packet, at),
        };
        let mut charge = (0, 0);
        if holds_more {
            let memory = entry.cold.memory();
            charge = (memory, std::mem::replace(&mut entry.cold.charged, memory));
        }
        if entry.flags & flag::CLOSING == 0 && entry.has_ended() {
            entry.flags |= flag::CLOSING;
            let generation = entry.generation;
            if entry.was_reset() {
                let due = Due { at: self.now.plus_nanos(limits::RESET_NANOS), slot, generation };
                self.next_due = self.next_due.min(due.at);
                self.reset.push_back(due);
            } else {
                self.look_again_at(self.now.plus_nanos(limits::ENDING_NANOS), slot, generation);
            }
        }
        self.used = (self.used + charge.0).saturating_sub(charge.1);
        agents
    }

    /// An ICMP error that quotes a packet of the flow with this key, sent by `at.end`.
    fn error(
        &mut self,
        shared: &mut R::Shared,
        key: FlowKey,
        packet: &Packet<'_>,
        unreachable: bool,
        slot: Option<u32>,
        at: Locus,
    ) -> [bool; 2] {
        let mark = if unreachable { flag::UNREACHABLE } else { 0 };
        match slot.map(|slot| self.grown(slot)) {
            Some(slot) if slot & ATTEMPT != 0 => {
                if unreachable {
                    self.attempts.refuse(slot);
                }
                self.attempts.agents(slot).unwrap_or_default()
            }
            Some(slot) => match self.entry_mut(slot) {
                Some(entry) => {
                    entry.flags |= mark;
                    // what it says to quote was sent before, and is sealed where the flow is
                    let quoted = match &packet.header {
                        Header::Error(error) => error.quoted.get(QUOTED_HEADER..).unwrap_or_default(),
                        _ => &[],
                    };
                    if let Some(rider) = &mut entry.cold.rider {
                        rider.again(shared, quoted, at);
                    }
                    entry.agents()
                }
                None => [false; 2],
            },
            None => {
                // the macs are those of the error's frame, not of the quoted packet's
                let agents = R::agents(shared, &Packet { macs: None, ..packet.clone() }, at.end);
                let rider = R::board(shared, &key, agents);
                let slot = self.enter(rider, key, agents, at);
                if let Some(entry) = self.entry_mut(slot) {
                    entry.flags |= mark | flag::QUOTED_ONLY;
                }
                agents
            }
        }
    }

    /// Ends a flow and tells its rider.
    fn end(&mut self, shared: &mut R::Shared, slot: u32, how: Finish) {
        if slot & ATTEMPT != 0 {
            let Some(attempt) = self.attempts.take(slot) else { return };
            self.remove_slot(&attempt.key, slot);
            return R::ended_attempt(shared, &attempt, how);
        }
        if is_brief(slot) {
            return self.end_brief(shared, slot, how);
        }
        let Some(key) = self.entry(slot).map(|entry| entry.key) else { return };
        self.remove_slot(&key, slot);
        let Some(mut entry) = self.entries.get_mut(slot as usize).and_then(Option::take) else { return };
        self.free.push(slot);
        self.used = self.used.saturating_sub(entry_bytes::<R>() + entry.cold.charged);
        self.tidy();
        entry.finish(shared, how);
        let ended = entry.ended(how);
        R::ended(shared, ended, entry.cold.rider.take());
    }
}

/// The key of the flow in a slot.
fn key<R: Rider>(
    attempts: &Attempts,
    briefs: &Briefs<R::Known>,
    closed: &ClosedFlows,
    entries: &[Option<Entry<R>>],
    slot: u32,
) -> Option<FlowKey> {
    if slot & ATTEMPT != 0 {
        attempts.key(slot)
    } else if is_brief(slot) {
        briefs.get(slot).map(|brief| brief.key)
    } else if is_closed(slot) {
        closed.get(slot).map(|closed| closed.key)
    } else {
        entries.get(slot as usize).and_then(Option::as_ref).map(|entry| entry.key)
    }
}

/// Bytes that an entry costs without what its streams and rider hold.
const fn entry_bytes<R>() -> usize {
    size_of::<Option<Entry<R>>>() + size_of::<Cold<R>>() + 2 * size_of::<Due>() + 10
}

/// The initial sequence number, where a packet is a SYN and nothing else.
fn bare_syn(packet: &Packet<'_>) -> Option<u32> {
    use crate::decode::Tcp;
    match packet.header {
        Header::Tcp(tcp) if tcp.flags & (Tcp::SYN | Tcp::ACK | Tcp::RST | Tcp::FIN) == Tcp::SYN => {
            (packet.payload.is_empty() && packet.missing == 0).then_some(tcp.seq)
        }
        _ => None,
    }
}
