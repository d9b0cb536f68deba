//! Who opens flows: nobody reaches in, unless the policy permits it.

use super::super::case::{Case, Direction};
use super::super::{CausedBy, Severity};
use super::{Broken, Check, Rule, with};
use crate::fact::{Basis, FlowState, Transport};

pub(super) static INBOUND_ACCEPTED: Rule = Rule {
    code: "WW101",
    name: "inbound-accepted",
    checks: "A peer opened a flow towards the agent and the agent answered: a SYN-ACK, a datagram, an echo reply.",
    why: "An agent that only calls out has no listener. One that answers can be reached, and so can what lies behind it.",
    fix: "Close or firewall the listening port. If the service is meant to be there, name it in an [[inbound]] entry of the policy.",
    severity: Severity::Violation,
    controls: &["NIST SP 800-53 SC-7", "NIST SP 800-53 CM-7", "PCI DSS 1.3.1", "CIS v8 4.4", "SOC 2 CC6.6"],
    check: Check::Seen(|case, broken| {
        if (is_inbound(case) || is_crossed(case)) && case.was_accepted() {
            let answer = case.record.answered[case.agent.index()];
            let message = format!("the agent answered a flow opened to its {}", port(case));
            let found = Broken::new(CausedBy::Agent, port(case), message).at(answer);
            let may_be_permitted = case.may_be_permitted_inbound();
            broken.push(if may_be_permitted { found.severity(Severity::Undetermined) } else { found });
        }
    }),
};

pub(in crate::judge) static INBOUND_ATTEMPT: Rule = Rule {
    code: "WW102",
    name: "inbound-attempt",
    checks: "A peer tried to open a flow towards the agent (SYN, unsolicited datagram, echo request) and was refused or ignored.",
    why: "The claim that nobody reaches in is only as good as what keeps them out; an attempt shows that the path is open that far.",
    fix: "Filter inbound traffic before it reaches the agent, or lower this rule in [severity] where the agent faces the internet.",
    severity: Severity::Violation,
    controls: &["NIST SP 800-53 SC-7", "PCI DSS 1.4.2", "CIS v8 13.4", "SOC 2 CC6.6"],
    check: Check::Closed(|case, broken| {
        if (is_inbound(case) || is_crossed(case)) && !case.was_accepted() {
            let how = if case.record.state == FlowState::Refused { "refused" } else { "not answered" };
            let message = format!("a peer tried to open a flow to the agent's {} and was {how}", port(case));
            broken.push(Broken::new(CausedBy::Peer, port(case), message));
        }
    }),
};

pub(super) static INITIATOR_UNKNOWN: Rule = Rule {
    code: "WW103",
    name: "initiator-unknown",
    checks: "Who opened the flow cannot be known: no SYN and no SYN-ACK was seen; or it is a datagram flow whose first packet was seen less \
             than 60 seconds after the capture began, and whose protocol does not show who asked; or an answer was seen for which the agent \
             was not seen to ask; or only an ICMP error tells of it.",
    why: "A flow that may have been opened from outside cannot be counted as outbound.",
    fix: "Begin the capture before the agent starts, or let it run for a minute before the traffic that matters.",
    severity: Severity::Undetermined,
    controls: &["NIST SP 800-53 SC-7", "NIST SP 800-53 AU-10"],
    check: Check::Closed(|case, broken| {
        if case.direction == Direction::Unknown && !case.is_neighbours_answer() {
            let peer = case.peer();
            let why = if case.record.quoted_only {
                "only an ICMP error tells of it"
            } else if !case.record.began_before && case.record.answered[case.agent.index()].is_none() {
                "the agent, which should have asked, was not seen to"
            } else if case.record.transport == Transport::Tcp {
                "its SYN was not captured"
            } else if case.record.basis == Basis::Unknown {
                "what its opener said first was not captured"
            } else {
                "its first packet came too soon after the capture began"
            };
            let message = format!("it is not known who opened the {} flow with {peer}: {why}", case.record.transport);
            broken.push(Broken::new(CausedBy::Environment, with(case.record.transport, peer), message));
        }
    }),
};

fn is_inbound(case: &Case<'_>) -> bool {
    case.direction == Direction::Inbound && case.inbound.is_none() && !case.is_neighbours_answer()
}

/// Whether the peer opened a flow at the same time as the agent (RFC 9293 section 3.5): it is both outbound and inbound.
fn is_crossed(case: &Case<'_>) -> bool {
    case.record.simultaneous_open && case.direction == Direction::Outbound
}

/// The agent's port, or what takes its place.
fn port(case: &Case<'_>) -> String {
    match case.record.transport {
        transport @ (Transport::Tcp | Transport::Udp | Transport::Sctp) => format!("{transport} port {}", case.agent_endpoint().port),
        transport => format!("{transport} stack"),
    }
}
