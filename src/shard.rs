//! The hot loop, where packets meet flows and flows meet inspectors. Pure: no I/O, no clock, no randomness.
//!
//! State is spread over [`crate::limits::LANES`] lanes, fixed whatever the threads, each with its own table and its own part of the memory. A
//! lane sees its own frames in the order of the capture and nothing else, so what it does depends on them alone. What it has to say
//! leaves as [`Event`]s, each with the frame that caused it: since a frame belongs to one lane, merging by that frame restores one
//! order for any number of threads.

mod certificates;
mod front;
mod lookups;
mod ride;
mod sctp;
mod trace;
mod tunnels;

use std::net::IpAddr;
use std::sync::Arc;

use crate::decode::{self, Header, Outer, Packet, Reason, Segment, Skip};
use crate::fact::{
    Attempt, End, Endpoint, FlowRecord, FrameId, FrameIndex, Layer, Locus, Lookup, Name, Observation, Resolution, Sightings, Timestamp,
    Transport,
};
use crate::flow::{FlowKey, FlowTable, LaneHash, Open, Rider, Slot};
use crate::inspect::Seen;
use crate::judge::Scope;

use ride::{Ride, record};
use trace::Trace;

pub use crate::inspect::Roots;
pub use certificates::Certificates;
pub use front::{Front, TracedPiece, is_piece};
pub use trace::Traced;
pub use tunnels::Tunnels;

use tunnels::Inside;

/// Something that the judge must know, and the frame that made it known.
#[derive(Debug)]
pub struct Event {
    /// The frame.
    pub cause: FrameId,
    /// What it is.
    pub kind: EventKind,
}

/// What an [`Event`] says.
#[derive(Debug)]
pub enum EventKind {
    /// An agent's name server query: every one, also those beyond what a record keeps.
    Asked {
        /// Who asked, and whom.
        ends: [Endpoint; 2],
        /// By which transport.
        transport: Transport,
        /// The name asked for.
        name: Name,
        /// The type asked for.
        qtype: u16,
        /// Where; `at.end` asked.
        at: Locus,
    },
    /// An agent was answered.
    Resolved {
        /// Who asked.
        agent: IpAddr,
        /// The answer.
        resolution: Arc<Resolution>,
        /// Where.
        at: Locus,
    },
    /// Part of what resolvers said to an agent, or of what it asked, was lost or cut.
    NamesLost,
    /// How a flow of an agent stands, since something that rules ask for was read.
    Snapshot(Box<FlowRecord>),
    /// A flow has ended.
    Ended(Box<FlowRecord>),
    /// A flow has ended of which only SYNs of one end were seen.
    Attempted(Attempt),
    /// A flow has ended that was a question and at most its answer.
    LookedUp(Box<Lookup>),
    /// The flow that ends next is that of the frame that somebody asks about.
    Traced,
}

/// What became of the frames of a lane: the sum of all counts is the number of its frames.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneLedger {
    /// In flows of agents.
    pub judged: u64,
    /// In flows of others, or between others' addresses.
    pub unrelated: u64,
    /// Left out by the user's filter, of agents as far as the addresses show.
    pub filtered_agent: Tallied,
    /// Left out by the user's filter, of others.
    pub filtered_other: u64,
    /// No packet, by reason in the order of [`Reason::ALL`].
    pub skipped: [Tallied; Reason::ALL.len()],
    /// Copies that a tap made of packets that were counted.
    pub duplicate: u64,
    /// Fragments that were read with the frame that completed their packet.
    pub joined: u64,
    /// Frames cut by the snap length; they are counted above too.
    pub truncated: u64,
    /// Those of them that are in flows of agents.
    pub truncated_agent: u64,
}

/// A count and the first of what is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tallied {
    /// How many.
    pub count: u64,
    /// The first and its time.
    pub first: Option<(FrameId, Timestamp)>,
}

impl Tallied {
    fn add(&mut self, frame: &FrameIndex) {
        self.count += 1;
        self.first.get_or_insert((frame.id, frame.at));
    }

    /// Adds another lane's.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.first = match (self.first, other.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}

impl LaneLedger {
    /// Adds another lane's.
    pub fn merge(&mut self, other: &Self) {
        self.judged += other.judged;
        self.unrelated += other.unrelated;
        self.filtered_agent.merge(&other.filtered_agent);
        self.filtered_other += other.filtered_other;
        self.truncated += other.truncated;
        self.truncated_agent += other.truncated_agent;
        self.joined += other.joined;
        self.duplicate += other.duplicate;
        for (mine, theirs) in self.skipped.iter_mut().zip(&other.skipped) {
            mine.merge(theirs);
        }
    }
}

/// How lanes look at frames.
#[derive(Debug)]
pub struct View {
    /// Whose traffic is audited.
    pub scope: Scope,
    /// Whether flows without an agent are inspected too.
    pub inspect_all: bool,
    /// Whether what no rule asks for, and flows' records show, is read too.
    pub details: bool,
    /// Whether flows are shown to the judge as soon as something is read in them, rather than at their end alone. It changes when a
    /// finding is known and never which.
    pub eager: bool,
    /// Whether a question and its answer may be kept as a [`Lookup`] rather than as a record. It changes what a flow costs and nothing else.
    pub brief: bool,
    /// Which flow belongs to which lane.
    pub lanes: LaneHash,
    /// Certificates that were read, and the roots that they are held against.
    pub certificates: Certificates,
}

impl View {
    /// Glances at a frame: which flow it is of, and what it moves, where it is of the most common form.
    #[inline]
    #[must_use]
    pub fn glance(&self, frame: &FrameIndex, bytes: &[u8]) -> Option<Glanced> {
        let glance = decode::glance(frame.link, bytes, frame.wire)?;
        let flow = FlowKey::of_glance(&glance);
        let middle = glance.middle.filter(|_| frame.flags & (FrameIndex::FLAG_FILTERED | FrameIndex::FLAG_TRACED) == 0);
        Some(Glanced { lane: self.lanes.lane(&flow.0), flow, middle })
    }

    /// Reads a frame, and says which lane it belongs to; one that gives no packet goes to the first. The flow of one that was glanced at is
    /// known.
    #[inline]
    pub fn route<'a>(&self, frame: &FrameIndex, bytes: &'a [u8], glanced: Option<&Glanced>) -> Routed<'a> {
        // in its place at once: a packet is large
        let mut routed = Routed { lane: 0, flow: None, read: decode::packet(frame.link, bytes, frame.wire) };
        (routed.lane, routed.flow) = match (glanced, &mut routed.read) {
            (Some(glanced), _) => (glanced.lane, Some(glanced.flow)),
            (None, Ok(packet)) => {
                if matches!(packet.header, Header::Error(_)) {
                    self.own_error(packet);
                }
                let flow = FlowKey::of(packet);
                (self.lanes.lane(&flow.0), Some(flow))
            }
            (None, Err(_)) => (0, None),
        };
        routed
    }

    /// An error stands for the flow that it quotes, save where an agent sends it about others' packets: then it is something that the
    /// agent says.
    #[cold]
    fn own_error(&self, packet: &mut Packet<'_>) {
        let Some(message) = packet.message() else { return };
        let ends = [packet.source.ip, packet.destination.ip];
        let of_others = !ends.contains(&message.source.ip) && ends.iter().all(|&ip| !self.scope.has(ip, None));
        let is_own = self.scope.has(message.source.ip, packet.macs.and_then(|macs| macs.source));
        if of_others && is_own {
            *packet = message;
        }
    }
}

/// What [`View::glance`] saw.
#[derive(Clone, Copy, Debug)]
pub struct Glanced {
    /// The lane of the frame's flow.
    pub lane: usize,
    /// The flow's key and the end that sent the frame.
    pub flow: (FlowKey, End),
    /// What it moves, where it is a segment in the middle of a connection that counts.
    middle: Option<Segment>,
}

/// A frame that was read.
pub struct Routed<'a> {
    /// The lane that it belongs to.
    pub lane: usize,
    /// Its flow's key and the end that sent it, where it gives a packet.
    flow: Option<(FlowKey, End)>,
    /// The packet, or the reason why there is none.
    read: Result<Packet<'a>, Skip<'a>>,
}

/// One lane.
pub struct Lane {
    table: FlowTable<Ride>,
    shared: Shared,
    ledger: LaneLedger,
    tunnels: Tunnels,
    sightings: Sightings,
}

/// What the riders of a lane share.
pub struct Shared {
    view: Arc<View>,
    events: Vec<Event>,
    /// What the inspectors said of the piece at hand.
    said: Vec<Observation>,
    /// Whether something was read that rules ask for, since it was last asked.
    decided: bool,
    /// The frame at hand.
    cause: FrameId,
    /// The tunnels that its packet lies in.
    layers: Vec<Layer>,
    /// The frame that somebody asks about, once it has come.
    trace: Option<Box<Trace>>,
}

impl Shared {
    /// Where an inspector says what it reads at `at`.
    fn seen(&mut self, at: Locus) -> Seen<'_> {
        Seen::new(&mut self.said, at).detailed(self.view.details)
    }
}

impl Lane {
    /// A lane that may use `budget` bytes; `seed` keys its tables' hash and shows in no result.
    #[must_use]
    pub fn new(view: Arc<View>, budget: usize, seed: u64) -> Self {
        let (events, said, layers) = (Vec::new(), Vec::new(), Vec::new());
        let shared = Shared { view, events, said, decided: false, cause: FrameId::default(), layers, trace: None };
        Self {
            table: FlowTable::new(budget, seed),
            shared,
            ledger: LaneLedger::default(),
            tunnels: Tunnels::default(),
            sightings: Sightings::default(),
        }
    }

    /// Where the flow of a frame is now, for [`Lane::pass`] and [`Lane::take`].
    #[inline]
    #[must_use]
    pub fn look(&self, glanced: &Glanced) -> Option<Slot> {
        self.table.look(&glanced.flow.0)
    }

    /// Takes in a frame in the middle of a connection, of which there is nothing to say but that it came. Returns whether it was one; if not, it
    /// is for [`Lane::take`].
    #[inline]
    pub fn pass(&mut self, frame: &FrameIndex, glanced: &Glanced, seen: Option<Slot>) -> bool {
        let (Some(segment), Some(slot)) = (&glanced.middle, seen) else { return false };
        let (key, end) = &glanced.flow;
        let Some(agents) = self.table.pass((key, *end), slot, segment, frame.id, frame.at) else { return false };
        if agents == [false; 2] {
            self.ledger.unrelated += 1;
        } else {
            self.ledger.judged += 1;
            self.sight(key, agents, *end, frame.at);
        }
        true
    }

    /// Takes a frame in, as [`View::route`] read it, with what [`Lane::look`] found some frames ago.
    #[inline]
    pub fn take(&mut self, frame: &FrameIndex, routed: &Routed<'_>, seen: Option<Slot>) {
        if frame.flags & FrameIndex::FLAG_TRACED != 0 {
            return self.trace(frame, routed, seen);
        }
        self.count(frame, routed, seen);
    }

    /// Takes a frame in, to one bucket of the ledger.
    #[inline]
    fn count(&mut self, frame: &FrameIndex, routed: &Routed<'_>, seen: Option<Slot>) {
        self.ledger.truncated += u64::from(frame.captured < frame.wire);
        if frame.flags & FrameIndex::FLAG_FILTERED != 0 {
            return self.filtered(frame, routed);
        }
        let (packet, flow) = match (&routed.read, &routed.flow) {
            (Ok(packet), Some(flow)) => (packet, flow),
            (Ok(_), None) => return,
            (Err(skip), _) => return self.skip(frame, skip),
        };
        self.shared.cause = frame.id;
        self.shared.layers.clear();
        if let Some(outer) = &packet.outer {
            self.inside(frame, outer, packet);
        }
        let agents = self.table.track(&mut self.shared, packet, *flow, seen, frame.id, frame.at);
        let here = Locus { frame: frame.id, at: frame.at, end: flow.1 };
        let is_unread = packet.has_margin || self.quotes_text(&flow.0, packet);
        if is_unread && agents != [false; 2] && !self.unread(&flow.0, here) {
            self.ledger.skipped[Reason::UndecodedHeader as usize].add(frame);
            return;
        }
        if self.table.was_copy() {
            self.ledger.duplicate += 1;
            return;
        }
        if agents == [false; 2] {
            if self.shared.view.scope.has_macs() && may_be_theirs(packet) {
                self.ledger.skipped[Reason::UndecodedOwner as usize].add(frame);
            } else {
                self.ledger.unrelated += 1;
            }
            return;
        }
        self.ledger.judged += 1;
        self.ledger.truncated_agent += u64::from(frame.captured < frame.wire);
        // what an ICMP error quotes went the other way than the error
        let sender = if matches!(packet.header, Header::Error(_)) { !flow.1 } else { flow.1 };
        self.sight(&flow.0, agents, sender, frame.at);
        if frame.flags & FrameIndex::FLAG_OVERLAP != 0
            && let Some(ride) = self.table.rider(&flow.0)
        {
            ride.conflict(&mut self.shared, here);
        }
        if self.shared.view.eager {
            let accepts = matches!(packet.header, Header::Tcp(tcp) if tcp.has(decode::Tcp::SYN) && tcp.has(decode::Tcp::ACK));
            if std::mem::take(&mut self.shared.decided) || accepts {
                self.snapshot(&flow.0);
            }
        }
    }

    /// Moves what has happened since this was last asked to `events`, in the order of its causes.
    #[inline]
    pub fn tell(&mut self, events: &mut Vec<Event>) {
        if !self.shared.events.is_empty() {
            events.append(&mut self.shared.events);
        }
    }

    /// Notes when agents were seen, by the addresses of both ends.
    #[inline]
    fn sight(&mut self, key: &FlowKey, agents: [bool; 2], sender: End, at: Timestamp) {
        if agents[0] {
            self.sightings.take(key.address(End::A), sender == End::A, at);
        }
        if agents[1] {
            self.sightings.take(key.address(End::B), sender == End::B, at);
        }
    }

    /// When the lane saw agents.
    #[must_use]
    pub fn sightings(&self) -> &Sightings {
        &self.sightings
    }

    /// The tunnels that the lane's packets lay in.
    #[must_use]
    pub fn tunnels(&self) -> &Tunnels {
        &self.tunnels
    }

    /// What became of the lane's frames.
    #[must_use]
    pub fn ledger(&self) -> &LaneLedger {
        &self.ledger
    }

    /// The flows that are open, to be ended by [`Lane::close_next`].
    pub fn open(&self) -> Open {
        self.table.open()
    }

    /// The first frame of the flow that is to be ended next.
    pub fn next_open(&self, open: &Open) -> Option<FrameId> {
        self.table.next_open(open)
    }

    /// Ends the flow that began first, since the capture ended.
    pub fn close_next(&mut self, open: &mut Open) {
        self.table.close_next(&mut self.shared, open);
    }

    /// Makes ready for frames that may be earlier than the last. No flow is open.
    pub fn rewind(&mut self) {
        self.table.rewind();
    }

    fn snapshot(&mut self, key: &FlowKey) {
        if let Some((ended, rider)) = self.table.peek(key) {
            let (facts, tunnel) = rider.map(|ride| (ride.facts.clone(), ride.tunnel.clone())).unwrap_or_default();
            let kind = EventKind::Snapshot(Box::new(record(&ended, facts, tunnel)));
            self.shared.events.push(Event { cause: self.shared.cause, kind });
        }
    }

    /// Takes note of the tunnels around a packet.
    #[cold]
    fn inside(&mut self, frame: &FrameIndex, outer: &Outer<'_>, packet: &Packet<'_>) {
        self.shared.layers.extend(outer.layers());
        let inner = Some((packet.source.ip, packet.destination.ip));
        let what = if outer.has_margin { Inside::More } else { Inside::Packet };
        self.tunnels.take(&self.shared.view.scope, frame, outer, inner, what);
    }

    /// Says that a packet of a flow carries what nobody reads. Returns whether there is a flow of which that can be said: what only dials, or has
    /// ended, is none.
    #[cold]
    fn unread(&mut self, flow: &FlowKey, at: Locus) -> bool {
        self.table.rider(flow).map(|ride| ride.unread(&mut self.shared, at)).is_some()
    }

    /// Whether a packet is an agent's error that quotes text: nobody knows whether it got any, but of a connection in the clear.
    #[inline]
    fn quotes_text(&mut self, flow: &FlowKey, packet: &Packet<'_>) -> bool {
        let Header::Error(error) = packet.header else { return false };
        let is_own = self.shared.view.scope.has(error.reporter, packet.macs.and_then(|macs| macs.source));
        let may_be = |ride: &mut Ride| packet.transport == Transport::Tcp && ride.facts.cleartext.is_some();
        is_own && packet.quotes_text() && !self.table.rider(flow).is_some_and(may_be)
    }

    fn filtered(&mut self, frame: &FrameIndex, routed: &Routed<'_>) {
        let agent = match &routed.read {
            Ok(packet) => Ride::agents(&self.shared, packet, End::A) != [false; 2],
            Err(skip) if is_owned(&self.shared.view.scope, skip.outer.as_deref()) => true,
            Err(skip) if skip.reason.is_noise() => false,
            Err(skip) => skip.addresses.is_none_or(|(a, b)| self.shared.view.scope.has(a, None) || self.shared.view.scope.has(b, None)),
        };
        if agent {
            self.ledger.filtered_agent.add(frame);
        } else {
            self.ledger.filtered_other += 1;
        }
    }

    fn skip(&mut self, frame: &FrameIndex, skip: &Skip<'_>) {
        let scope = &self.shared.view.scope;
        if let Some(outer) = &skip.outer {
            let is_noise = matches!(skip.reason, Reason::NoiseLink | Reason::NoiseMulticast | Reason::NoiseDhcp);
            let what = match is_noise {
                _ if outer.has_margin => Inside::More,
                true => Inside::Noise,
                false => Inside::Nothing,
            };
            self.tunnels.take(scope, frame, outer, skip.addresses, what);
        }
        let of_others = skip.addresses.is_some_and(|(a, b)| !scope.has(a, None) && !scope.has(b, None))
            && !scope.has_macs()
            && !is_owned(scope, skip.outer.as_deref());
        if of_others && !skip.reason.is_noise() {
            self.ledger.unrelated += 1;
        } else {
            self.ledger.skipped[skip.reason as usize].add(frame);
            let is_first = self.ledger.skipped[skip.reason as usize].count == 1;
            if is_first && matches!(skip.reason, Reason::UndecodedTruncated | Reason::UndecodedFragment) {
                // it may have been an answer
                self.shared.events.push(Event { cause: frame.id, kind: EventKind::NamesLost });
            }
        }
    }
}

/// Whether a packet may be of an agent that is known by its MAC, for all that it shows: its link says none for its receiver. What a host says to
/// itself has none, and leaves it as little.
fn may_be_theirs(packet: &Packet<'_>) -> bool {
    let is_seen = packet.macs.is_some_and(|macs| macs.destination.is_some());
    let is_own = packet.source.ip.is_loopback() && packet.destination.ip.is_loopback();
    !is_seen && packet.outer.is_none() && !is_own
}

/// Whether an agent is an end of one of the tunnels.
fn is_owned(scope: &Scope, outer: Option<&Outer<'_>>) -> bool {
    outer.is_some_and(|outer| owners(scope, outer) != [false; 2])
}

/// Whether the sender and the receiver of what lies in these tunnels are agents, by the innermost tunnel that an agent runs.
fn owners(scope: &Scope, outer: &Outer<'_>) -> [bool; 2] {
    let mut owners = [false; 2];
    for (depth, layer) in outer.layers().enumerate() {
        let macs = outer.macs.filter(|_| depth == 0);
        let source = scope.has(layer.source.ip, macs.and_then(|macs| macs.source));
        let destination = scope.has(layer.destination.ip, macs.and_then(|macs| macs.destination));
        if (source || destination) && !scope.is_mirror(&layer) {
            owners = [source, destination];
        }
    }
    owners
}
