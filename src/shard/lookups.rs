//! Look-ups: flows of one question to a resolver and its answer, which need no inspection.

use super::ride::Ride;
use super::{Event, EventKind, Shared};
use crate::decode::Packet;
use crate::fact::{Locus, Lookup, Transport};
use crate::flow::{Brief, FlowKey};
use crate::inspect::{Carrier, Exchange, Inspection};

/// The port of DNS: elsewhere an inspector reads it.
const PORT: u16 = 53;

/// What an agent's first datagram asks of a resolver, where it is a question and nothing more.
pub(super) fn ask(shared: &mut Shared, key: &FlowKey, agents: [bool; 2], packet: &Packet<'_>, at: Locus) -> Option<Exchange> {
    let is_outbound = agents[at.end.index()] && !agents[(!at.end).index()];
    if !shared.view.brief || !is_outbound || packet.destination.port != PORT || is_of_neighbours(key) {
        return None;
    }
    let exchange = Exchange::ask(packet.payload)?;
    let (name, qtype) = (exchange.name.clone(), exchange.qtype);
    let kind = EventKind::Asked { ends: key.ends(), transport: Transport::Udp, name, qtype, at };
    shared.events.push(Event { cause: shared.cause, kind });
    Some(exchange)
}

/// Takes in the resolver's answer. Returns whether it was one, and nothing more.
pub(super) fn answer(shared: &mut Shared, flow: &mut Brief<Exchange>, bytes: &[u8], at: Locus) -> bool {
    let Some(resolution) = flow.what.answer(bytes).cloned() else { return false };
    let kind = EventKind::Resolved { agent: flow.key.ip(flow.first.end), resolution, at };
    shared.events.push(Event { cause: shared.cause, kind });
    true
}

/// The inspection of a look-up that became more than one.
pub(super) fn grow(flow: Brief<Exchange>) -> Ride {
    let facts = lookup(&flow, false).facts();
    let (key, agents, asker) = (flow.key, flow.agents, flow.first.end);
    let inspection = Inspection::of(Carrier::Datagram, flow.what.into_inspector(asker));
    Ride::resumed(key, agents, inspection, facts, asker)
}

/// What is left of a look-up that has ended.
pub(super) fn lookup(flow: &Brief<Exchange>, evicted: bool) -> Lookup {
    Lookup {
        ends: flow.key.ends(),
        asked: flow.first,
        name: flow.what.name.clone(),
        qtype: flow.what.qtype,
        answer: flow.what.answer.clone().zip(flow.answer),
        bytes: flow.bytes,
        evicted,
    }
}

/// Whether a port is that of multicast DNS or LLMNR: what is answered there is no resolver's answer.
pub(super) fn is_of_neighbours(key: &FlowKey) -> bool {
    key.ends().iter().any(|end| matches!(end.port, 5353 | 5355))
}
