//! Tunnels as the judge sees them: whose their outer packets are, and those packets as a flow.

use super::policy::Policy;
use crate::fact::{Basis, End, FlowFacts, FlowRecord, FlowState, Locus, TunnelSeen};

/// Whether a tunnel is the agent's own, and that choice in a sentence.
pub(super) fn choose(seen: &TunnelSeen, policy: &Policy) -> (bool, String) {
    let (name, [a, b]) = (seen.layer.tunnel.name(), seen.ends);
    let more = if seen.evicted { ", and more," } else { "" };
    let what = format!("{name} between {} and {}{more}", a.ip, b.ip);
    if seen.agents == [false; 2] {
        return (false, format!("{what} was opened: no end of it is the agent, so its outer packets are a mirror's or a carrier's"));
    }
    if let Some(origin) = policy.tunnels.mirror(&seen.layer, &policy.nat64) {
        return (false, format!("{what} is a mirror by {origin}: its outer packets were not judged"));
    }
    let (sender, receiver) = (seen.first.end, !seen.first.end);
    let goes_out = seen.agents[sender.index()] && !seen.agents[receiver.index()] && seen.sent[receiver.index()].packets == 0;
    if seen.copies
        && seen.carries
        && goes_out
        && policy.is_private(seen.ends[receiver.index()].ip)
        && policy.tunnels.own(&seen.layer, &policy.nat64).is_none()
    {
        let why = "only the agent sends into it, to a private address, and it carries nothing but packets of that same agent";
        return (false, format!("{what} was taken for a mirror of the agent's own traffic, and its outer packets were not judged: {why}"));
    }
    (true, format!("{what} is the agent's own: judged outside and inside"))
}

/// The outer packets of a tunnel as a flow. What it carries was opened, so that it asks for no name and has no payload of its own.
pub(super) fn record(seen: &TunnelSeen) -> FlowRecord {
    let facts = FlowFacts {
        protocol: Some((seen.layer.tunnel.name(), seen.first)),
        no_name: Some(seen.first),
        unrecognised: seen.unjudged,
        ..FlowFacts::default()
    };
    let [a, b] = seen.sent;
    let both = a.packets > 0 && b.packets > 0;
    let answered = |end: End| (seen.sent[end.index()].packets > 0).then_some(Locus { end, ..seen.first });
    FlowRecord {
        agents: seen.agents,
        initiator: Some(seen.first.end),
        basis: Basis::FirstPacket,
        state: if both { FlowState::Established } else { FlowState::Attempted },
        last: seen.last,
        sent: seen.sent,
        answered: [answered(End::A), answered(End::B)],
        evicted: seen.evicted,
        is_tunnel: true,
        facts: facts.into(),
        ..FlowRecord::new(seen.layer.transport, seen.ends, seen.first)
    }
}
