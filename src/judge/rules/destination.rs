//! Where the agent goes: names, addresses and ports that the policy allows.

use super::super::case::{Case, Direction};
use super::super::destination::Destination;
use super::super::policy::{DnsBinding, Ech};
use super::super::{CausedBy, Severity};
use super::{Broken, Check, Rule, with};

const EGRESS: &[&str] = &["NIST SP 800-53 SC-7(5)", "NIST SP 800-53 AC-4", "PCI DSS 1.3.2", "ISO/IEC 27001 A.8.20", "SOC 2 CC6.6"];

pub(super) static DESTINATION_NOT_ALLOWED: Rule = Rule {
    code: "WW301",
    name: "destination-not-allowed",
    checks: "The opening payload was seen whole and asked for no name, and neither the address nor a name that was answered for it is allowed; \
             or a [[deny]] entry has it.",
    why: "Data that goes where no document says is what an egress policy is there to stop.",
    fix: "Find out what the agent wants there. If it is meant, add the address or its name to an [[allow]] entry.",
    severity: Severity::Violation,
    controls: EGRESS,
    check: Check::Closed(|case, broken| {
        if matches!(case.destination, Destination::AddressNotAllowed) {
            let peer = case.peer();
            let known: Vec<_> = case.answered_names().take(3).map(ToString::to_string).collect();
            let known = if known.is_empty() { String::new() } else { format!(" (answered for {})", known.join(", ")) };
            let stale = case.names_ever_of(peer.ip).find(|name| case.policy.name_allowed(name).is_some());
            let stale = stale.and_then(|name| Some((name, case.stood_until(peer.ip, name)?)));
            let over = match stale {
                Some((name, until)) => format!("; its answer for {name} stood until {until}"),
                None => String::new(),
            };
            let message = format!("the agent went to {peer} over {}{known}, which the policy does not allow{over}", case.record.transport);
            let finding = proven(case, Broken::new(CausedBy::Agent, with(case.record.transport, peer), message));
            let is_kept = stale.is_some() && case.policy.dns_binding != DnsBinding::Require;
            broken.push(if is_kept || case.names.is_incomplete() { finding.severity(Severity::Undetermined) } else { finding });
        }
        if let Destination::Denied(entry, None) = case.destination {
            let (peer, transport) = (case.peer(), case.record.transport);
            let message = format!("the agent went to {peer} over {transport}, which {} denies", entry.label());
            broken.push(proven(case, Broken::new(CausedBy::Agent, with(transport, peer), message)));
        }
    }),
};

pub(super) static NAME_NOT_ALLOWED: Rule = Rule {
    code: "WW302",
    name: "name-not-allowed",
    checks: "The name asked for (SNI, CONNECT, SOCKS) is not allowed, for a public destination even where its address is, or a [[deny]] entry has \
             it, or the host of a request in the clear; a name asked of a proxy or inside it is judged so even where the proxy is private, and the two must agree.",
    why: "A name that no document lists is a service that nobody approved.",
    fix: "If the name is documented, add it to an [[allow]] entry; otherwise find out what asks for it.",
    severity: Severity::Violation,
    controls: EGRESS,
    check: Check::Seen(|case, broken| {
        if let Destination::NameNotAllowed(read) = case.destination {
            let elsewhere = match case.unmet_entry(&read.name) {
                Some(entry) => format!(": {} allows it to others, at other times or to speak something else", entry.label()),
                None => String::new(),
            };
            let message = format!("the agent asked {} for {}, which the policy does not allow{elsewhere}", case.peer(), read.name);
            broken.push(proven(case, Broken::new(CausedBy::Agent, read.name.to_string(), message).at(Some(read.at))));
        }
        if let Destination::HostNotAllowed(host, at) = case.destination {
            let message = format!("the agent asked the proxy {} for {host} in the clear, which the policy does not allow", case.peer());
            broken.push(proven(case, Broken::new(CausedBy::Agent, host.to_string(), message).at(Some(at))));
        }
        if let Destination::Denied(entry, Some((name, at))) = case.destination {
            let message = format!("the agent asked {} for {name}, which {} denies", case.peer(), entry.label());
            broken.push(proven(case, Broken::new(CausedBy::Agent, name.to_string(), message).at(Some(at))));
        }
        if let Destination::NamesDiffer(outer, inner) = case.destination {
            let message = format!("the agent asked the proxy {} for {}, and inside it for {}", case.peer(), outer.name, inner.name);
            let subject = format!("{} in {}", inner.name, outer.name);
            broken.push(proven(case, Broken::new(CausedBy::Agent, subject, message).at(Some(outer.at)).at(Some(inner.at))));
        }
    }),
};

pub(super) static PORT_NOT_ALLOWED: Rule = Rule {
    code: "WW303",
    name: "port-not-allowed",
    checks: "The destination is allowed, but not on this port or transport.",
    why: "Another port is another service.",
    fix: "If the port is documented, add it to the destination's [[allow]] entry.",
    severity: Severity::Violation,
    controls: EGRESS,
    check: Check::Closed(|case, broken| {
        if let Destination::PortNotAllowed(entry) = case.destination {
            let (peer, transport) = (case.peer(), case.record.transport);
            let names = &case.record.facts.names;
            let asked = names.iter().rfind(|read| read.port.is_some());
            let port = asked.and_then(|read| read.port).unwrap_or(peer.port);
            let place = asked.or(names.last()).map_or_else(|| peer.to_string(), |read| format!("{}:{port}", read.name));
            let message = format!(
                "the agent went to {place} over {transport}; {}:{} allows it on other ports",
                entry.origin.policy, entry.origin.line
            );
            let finding = proven(case, Broken::new(CausedBy::Agent, with(transport, &place), message));
            // what came before may have asked a proxy for another port
            let may_be_proxied = case.record.began_before && !case.record.facts.names.is_empty();
            broken.push(if may_be_proxied { finding.severity(Severity::Undetermined) } else { finding });
        }
    }),
};

pub(super) static NAME_UNBOUND: Rule = Rule {
    code: "WW304",
    name: "name-unbound",
    checks: "The name asked for is allowed, the address is not by itself, and the agent was answered that address only for names that are not \
             allowed. Where it was never answered at all: undetermined, or a violation under dns_binding = \"require\".",
    why: "A name is what the client says. An allowed name sent to a foreign address is how look-alikes hide.",
    fix: "Capture the agent's DNS with its traffic; where names are resolved elsewhere (hosts file, DoH), list the addresses, or set dns_binding.",
    severity: Severity::Violation,
    controls: EGRESS,
    check: Check::Closed(|case, broken| {
        let Destination::NameUnbound(read, others) = &case.destination else { return };
        let asked = case.record.facts.names.iter().rev().filter(|other| other.source.is_proxy()).find_map(|other| other.name.as_ip());
        let ip = asked.unwrap_or(case.peer().ip);
        let stood = case.stood_until(ip, &read.name);
        let finding = if others.is_empty() || stood.is_some() {
            let message = match stood {
                Some(until) => format!("the agent asked {ip} for {}, whose answer with this address stood until {until}", read.name),
                None => format!("the agent asked {ip} for {}, and no answer was seen that gives it this address", read.name),
            };
            let weight = if case.policy.dns_binding == DnsBinding::Require { Severity::Violation } else { Severity::Undetermined };
            Broken::new(CausedBy::Agent, read.name.to_string(), message).severity(weight)
        } else {
            let others: Vec<_> = others.iter().take(3).map(ToString::to_string).collect();
            let message = format!("the agent asked {ip} for {}, but was answered this address only for {}", read.name, others.join(", "));
            let finding = Broken::new(CausedBy::Agent, read.name.to_string(), message);
            if case.names.is_incomplete() { finding.severity(Severity::Undetermined) } else { finding }
        };
        broken.push(proven(case, finding.at(Some(read.at))));
    }),
};

pub(super) static NAME_HIDDEN: Rule = Rule {
    code: "WW305",
    name: "name-hidden",
    checks: "No name could be read where one would be (an encrypted ClientHello not known to be grease, its place not seen, nothing sent), or none was \
             asked for and the address was answered for a name that is not allowed beside one that is; and the address alone is not allowed. Such a hello is known to be grease, as far as can be, where its address was answered for the name that shows \
             and for none that is not allowed, and no configuration behind that name was.",
    why: "Without its name a flow to a shared address may go to anybody there.",
    fix: "Capture from the flow's start and without a snap length; list addresses that the agent uses without a name; see also the ech setting.",
    severity: Severity::Undetermined,
    controls: EGRESS,
    check: Check::Closed(|case, broken| {
        if let Destination::NameHidden(why, at) = &case.destination {
            let peer = case.peer();
            let finding =
                Broken::new(CausedBy::Agent, with(case.record.transport, peer), format!("{peer} is not allowed by itself, and {why}"));
            let is_ech = case.record.facts.ech.is_some() && case.policy.ech == Ech::Violation;
            broken.push(proven(case, if is_ech { finding.severity(Severity::Violation).at(*at) } else { finding.at(*at) }));
        }
    }),
};

/// That an agent went somewhere is shown where it is known to have opened the flow; a peer's own datagram in the first minute of a capture,
/// or a session of which only the hello of a peer was seen, shows nothing of the agent.
fn proven<'a>(case: &Case<'_>, broken: Broken<'a>) -> Broken<'a> {
    if case.direction != Direction::Unknown {
        return broken;
    }
    Broken { caused_by: CausedBy::Environment, severity: Some(Severity::Undetermined), ..broken }
}
