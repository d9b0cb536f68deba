//! What rides along with a flow: the inspection of its bytes, and what came of it.

use super::sctp::Association;
use super::trace::note;
use super::{Event, EventKind, Shared, lookups, owners};
use crate::decode::Packet;
use crate::fact::{Attempt, End, Fact, Facts, Finish, FlowRecord, Layer, Locus, Observation, Transport};
use crate::flow::{Attempted, Brief, Ended, FlowKey, Rider};
use crate::inspect::readable::{self, Run};
use crate::inspect::{Carrier, Exchange, Inspection};
use crate::limits;

/// The number of ESP, the one protocol beside transports that has an inspector.
const ESP: u8 = 50;

/// What rides along with a flow: its inspection and what came of it.
pub(super) struct Ride {
    key: FlowKey,
    agents: [bool; 2],
    inspection: Inspection,
    /// What is put together of SCTP.
    association: Option<Box<Association>>,
    pub(super) facts: Facts,
    /// Bytes of memory that the facts hold.
    facts_bytes: u32,
    opener: Option<End>,
    hides_opener: bool,
    pub(super) tunnel: Vec<Layer>,
}

impl Ride {
    /// One that has read so much.
    pub(super) fn resumed(key: FlowKey, agents: [bool; 2], inspection: Inspection, facts: Facts, opener: End) -> Self {
        let facts_bytes = facts.heap_bytes() as u32;
        let (association, hides_opener, tunnel) = (None, false, Vec::new());
        Self { key, agents, inspection, association, facts, facts_bytes, opener: Some(opener), hides_opener, tunnel }
    }

    /// Takes in what the inspectors said of the piece at hand.
    fn fold(&mut self, shared: &mut Shared) {
        if shared.said.is_empty() {
            return;
        }
        let mut grew = self.facts_bytes == 0;
        for Observation { fact, at } in shared.said.drain(..) {
            grew |= !fact.is_mark();
            let fact = match fact {
                Fact::CertificateMessage(message) => Fact::Certificate(shared.view.certificates.read(&message)),
                fact => fact,
            };
            note(&mut shared.trace, &fact, at);
            match &fact {
                Fact::Opener(end) => _ = self.opener.get_or_insert(*end),
                Fact::OpenerUnseen => self.hides_opener = true,
                Fact::Resolved(resolution)
                    if self.opener.is_some_and(|asker| self.agents[asker.index()]) && !lookups::is_of_neighbours(&self.key) =>
                {
                    let agent = self.key.ends()[(!at.end).index()].ip;
                    let kind = EventKind::Resolved { agent, resolution: resolution.clone(), at };
                    shared.events.push(Event { cause: shared.cause, kind });
                }
                Fact::Asked { name, qtype } if self.agents[at.end.index()] => {
                    let (ends, transport) = (self.key.ends(), self.key.transport());
                    let kind = EventKind::Asked { ends, transport, name: name.clone(), qtype: *qtype, at };
                    shared.events.push(Event { cause: shared.cause, kind });
                }
                Fact::Gap { .. } | Fact::Truncated { .. } if self.agents != [false; 2] && self.is_dns() => {
                    shared.events.push(Event { cause: shared.cause, kind: EventKind::NamesLost });
                }
                Fact::ServerName { .. }
                | Fact::Proxied { .. }
                | Fact::ProxyCredentials
                | Fact::Cleartext(_)
                | Fact::Version(_)
                | Fact::CipherSuite(_) => shared.decided = true,
                // a certificate counts once both ends went on with it
                Fact::HandshakeFinished if self.facts.tls.certificate.is_some() => shared.decided = true,
                _ => {}
            }
            self.facts.fold(Observation { fact, at });
        }
        if grew {
            self.facts_bytes = self.facts.heap_bytes() as u32;
        }
    }

    /// Takes note that a packet of `at.end` carries what nobody reads.
    pub(super) fn unread(&mut self, shared: &mut Shared, at: Locus) {
        shared.seen(at).say(Fact::Unrecognised);
        self.fold(shared);
    }

    /// Bytes of ICMP that say nothing.
    fn silent_bytes(&self) -> usize {
        if self.key.is_message() { limits::ICMP_BYTES } else { limits::ECHO_BYTES }
    }

    /// Whether names are asked for here, by protocol, or by port where too little was seen to tell.
    fn is_dns(&self) -> bool {
        let is_known = self.facts.protocol.as_ref().is_some_and(|(name, _)| *name == "dns");
        is_known || self.facts.protocol.is_none() && self.key.ends().iter().any(|end| end.port == 53)
    }
}

impl Rider for Ride {
    type Shared = Shared;
    type Known = Exchange;

    fn agents(shared: &Shared, packet: &Packet<'_>, sender: End) -> [bool; 2] {
        let scope = &shared.view.scope;
        let source = scope.has(packet.source.ip, packet.macs.and_then(|macs| macs.source));
        let destination = scope.has(packet.destination.ip, packet.macs.and_then(|macs| macs.destination));
        let [source, destination] = match &packet.outer {
            Some(outer) if !source && !destination => owners(scope, outer),
            _ => [source, destination],
        };
        if sender == End::A { [source, destination] } else { [destination, source] }
    }

    fn board(shared: &Shared, key: &FlowKey, agents: [bool; 2]) -> Option<Self> {
        let carrier = match key.transport() {
            Transport::Tcp => Carrier::Stream,
            Transport::Sctp => Carrier::Message,
            Transport::Other(number) => Carrier::Packet(number),
            _ => Carrier::Datagram,
        };
        let wanted = agents != [false; 2] || shared.view.inspect_all;
        wanted.then(|| Self {
            key: *key,
            agents,
            inspection: Inspection::new(carrier),
            association: (carrier == Carrier::Message).then(Box::default),
            facts: Facts::default(),
            facts_bytes: 0,
            opener: None,
            hides_opener: false,
            tunnel: shared.layers.clone(),
        })
    }

    fn data(&mut self, shared: &mut Shared, bytes: &[u8], at: Locus) -> usize {
        let mut seen = shared.seen(at);
        let silent_bytes = self.silent_bytes();
        let opaque = match (self.key.transport(), &mut self.association) {
            (_, Some(association)) => {
                association.inspect(at.end, bytes, &mut self.inspection, &mut seen);
                0
            }
            (Transport::Tcp | Transport::Udp | Transport::Other(ESP), _) => self.inspection.data(at.end, bytes, &mut seen),
            // an echo's payload is the pattern of a ping, or a channel; the header of other messages is read as payload here
            (Transport::Icmp | Transport::Icmp6, _) if bytes.len() <= silent_bytes => 0,
            _ => {
                seen.say(Fact::Unrecognised);
                0
            }
        };
        self.fold(shared);
        opaque
    }

    fn gap(&mut self, shared: &mut Shared, bytes: u64, cut: bool, at: Locus) {
        self.inspection.gap(at.end, bytes, cut, &mut shared.seen(at));
        self.fold(shared);
    }

    fn beginning(&mut self, shared: &mut Shared, bytes: &[u8], missing: u64, at: Locus) {
        self.inspection.beginning(at.end, bytes, missing, &mut shared.seen(at));
        self.fold(shared);
    }

    fn again(&mut self, shared: &mut Shared, bytes: &[u8], at: Locus) {
        // what was there before is not kept: but it was sealed, and text is not
        let begins_as_text = bytes.len() >= readable::SEALED_RUN && readable::is_unsealed(bytes);
        if self.facts.encrypted.is_some() && (begins_as_text || readable::holds_run(bytes, readable::COPIED_RUN)) {
            shared.said.push(Observation { fact: Fact::Overlap, at });
            self.fold(shared);
        }
    }

    fn conflict(&mut self, shared: &mut Shared, at: Locus) {
        if !self.inspection.is_settled() {
            shared.said.push(Observation { fact: Fact::Overlap, at });
            self.fold(shared);
        }
    }

    fn passed_over(&mut self, shared: &mut Shared, bytes: &[u8], at: Locus) {
        // whoever received it or not, text was sent where nothing shows that any was
        let is_text = readable::run(bytes, readable::BROKEN_FRAMING_RUN) != Run::Unreadable && self.facts.cleartext.is_none();
        if is_text {
            self.conflict(shared, at);
        } else if !self.inspection.is_settled() {
            shared.said.push(Observation { fact: Fact::BadCopy, at });
            self.fold(shared);
        }
    }

    fn finish(&mut self, shared: &mut Shared, how: Finish, at: Locus) {
        let missing = self.association.as_ref().map_or(0, |association| association.missing(at.end));
        if missing > 0 {
            self.gap(shared, missing, false, at);
        }
        self.inspection.finish(at.end, how, &mut shared.seen(at));
        self.fold(shared);
    }

    fn is_settled(&self) -> bool {
        self.inspection.is_settled()
    }

    fn is_complete(&self) -> bool {
        self.inspection.is_complete()
    }

    fn opener(&self) -> Option<End> {
        self.opener
    }

    fn hides_opener(&self) -> bool {
        self.hides_opener
    }

    fn is_lasting(&self) -> bool {
        self.inspection.is_lasting()
    }

    fn memory(&self) -> usize {
        let association = self.association.as_ref().map_or(0, |association| association.heap_bytes());
        association + self.inspection.heap_bytes() + self.facts_bytes as usize + self.tunnel.len() * size_of::<Layer>()
    }

    fn ended(shared: &mut Shared, ended: Ended, rider: Option<Self>) {
        let (facts, tunnel) = rider.map(|ride| (ride.facts, ride.tunnel)).unwrap_or_default();
        shared.announce(&ended.key, ended.first.frame);
        let kind = EventKind::Ended(Box::new(record(&ended, facts, tunnel)));
        shared.events.push(Event { cause: shared.cause, kind });
    }

    fn brief(shared: &mut Shared, key: &FlowKey, agents: [bool; 2], packet: &Packet<'_>, at: Locus) -> Option<Exchange> {
        lookups::ask(shared, key, agents, packet, at)
    }

    fn known_bytes(known: &Exchange) -> usize {
        known.heap_bytes()
    }

    fn answer(shared: &mut Shared, brief: &mut Brief<Exchange>, bytes: &[u8], at: Locus) -> bool {
        lookups::answer(shared, brief, bytes, at)
    }

    fn grow(brief: Brief<Exchange>) -> Self {
        lookups::grow(brief)
    }

    fn ended_attempt(shared: &mut Shared, attempt: &Attempted, how: Finish) {
        shared.announce(&attempt.key, attempt.first.frame);
        let Attempted { agents, first, last, packets, .. } = *attempt;
        let (ends, refused, evicted) = (attempt.key.ends(), attempt.unreachable, how == Finish::Evicted);
        let attempt = Attempt { ends, agents, first, last, packets, refused, evicted };
        shared.events.push(Event { cause: shared.cause, kind: EventKind::Attempted(attempt) });
    }

    fn ended_brief(shared: &mut Shared, brief: Brief<Exchange>, how: Finish) {
        let lookup = lookups::lookup(&brief, how == Finish::Evicted);
        shared.events.push(Event { cause: shared.cause, kind: EventKind::LookedUp(Box::new(lookup)) });
    }
}

pub(super) fn record(ended: &Ended, facts: Facts, tunnel: Vec<Layer>) -> FlowRecord {
    FlowRecord {
        transport: ended.key.transport(),
        ends: ended.key.ends(),
        agents: ended.agents,
        initiator: ended.initiator,
        basis: ended.basis,
        state: ended.state,
        first: ended.first,
        last: ended.last,
        sent: ended.sent,
        answered: ended.answered,
        checksums: ended.checksums,
        simultaneous_open: ended.simultaneous_open,
        began_before: ended.began_before,
        unseen_end: ended.unseen_end,
        evicted: ended.evicted,
        quoted_only: ended.quoted_only,
        tunnel,
        is_message: ended.key.is_message(),
        is_tunnel: false,
        facts,
    }
}
