//! Whom the agent asks for names, and for which.

use super::super::case::Direction;
use super::super::policy::Deny;
use super::super::{CausedBy, Severity};
use super::{Broken, Check, Rule};

const RESOLUTION: &[&str] = &["NIST SP 800-53 SC-7(5)", "NIST SP 800-53 AC-4", "ISO/IEC 27001 A.8.21"];

pub(super) static RESOLVER_NOT_ALLOWED: Rule = Rule {
    code: "WW401",
    name: "resolver-not-allowed",
    checks: "DNS was sent to a resolver outside the policy ([dns] resolvers; private addresses where it says nothing). Encrypted DNS (over TLS, QUIC or \
             HTTPS) to another resolver than those and [dns] encrypted weighs what encrypted_dns says: undetermined where it says nothing.",
    why: "A resolver of the agent's own choosing sees every name, can answer with any address, and carries data out.",
    fix: "Point the host at the resolvers of its network, or add this one to [dns] resolvers.",
    severity: Severity::Violation,
    controls: RESOLUTION,
    check: Check::Closed(|case, broken| {
        let outward = matches!(case.direction, Direction::Outbound | Direction::Unknown);
        let weight = case.policy.encrypted_dns.severity();
        if let (Some(kind), Some(weight)) = (case.encrypted_dns.filter(|_| outward && !case.encrypted_resolver_is_allowed()), weight) {
            let peer = case.peer();
            let name = case.record.facts.names.last();
            let place = name.map_or_else(|| peer.to_string(), |read| format!("{} at {peer}", read.name));
            let message =
                format!("the agent asked the resolver {place} by {kind}: which names is not seen, and the policy does not allow it");
            broken.push(Broken::new(CausedBy::Agent, format!("{kind} {place}"), message).at(name.map(|read| read.at)).severity(weight));
        }
        if outward && case.is_dns() && !case.is_neighbours_answer() && !case.resolver_is_allowed() {
            let peer = case.peer();
            let asked = case.record.facts.dns.first();
            let name = asked.map_or_else(String::new, |asked| format!(" for {}", asked.name));
            let message = format!("the agent asked the resolver {peer}{name}, which the policy does not allow");
            broken.push(Broken::new(CausedBy::Agent, peer.ip.to_string(), message).at(asked.map(|asked| asked.at)));
        }
    }),
};

pub(in crate::judge) static QUERY_NOT_ALLOWED: Rule = Rule {
    code: "WW402",
    name: "query-not-allowed",
    checks: "A name outside the policy was asked for. Not asked of: reverse look-ups of addresses, canonical names that an answer for an allowed name \
             passed through, allowed names under a search suffix.",
    why: "A name that is asked for is about to be used; and a query itself carries data to whoever runs the zone.",
    fix: "If the name is documented, add it to an [[allow]] entry; otherwise find out what asks for it.",
    severity: Severity::Violation,
    controls: RESOLUTION,
    check: Check::Event,
};

/// How a query breaks [`QUERY_NOT_ALLOWED`]; where answers were lost to a limit, one of them may have explained it.
pub(in crate::judge) fn query_not_allowed(name: &crate::fact::Name, at: crate::fact::Locus, answers_lost: bool) -> Broken<'static> {
    let message = format!("the agent asked for {name}, which the policy does not allow");
    let finding = Broken::new(CausedBy::Agent, name.to_string(), message).at(Some(at));
    if answers_lost { finding.severity(Severity::Undetermined) } else { finding }
}

/// How a query breaks [`QUERY_NOT_ALLOWED`] where an entry denies the name: nothing explains it.
pub(in crate::judge) fn query_denied(name: &crate::fact::Name, at: crate::fact::Locus, entry: &Deny) -> Broken<'static> {
    let message = format!("the agent asked for {name}, which {} denies", entry.label());
    Broken::new(CausedBy::Agent, name.to_string(), message).at(Some(at))
}

pub(in crate::judge) static DNS_TUNNEL: Rule = Rule {
    code: "WW403",
    name: "dns-tunnel",
    checks: "Questions below one domain are shaped like data carried out through DNS: names longer than any host's, or very many long ones, or \
             many whose answers carry data ([dns.tunnel]). Not asked of names that the policy allows, whose numbers are then an exception.",
    why: "A resolver hands any name on to whoever runs its zone, so that what is written into names leaves where nothing else may.",
    fix: "Find out what asks for these names. If a service that is meant looks things up so, allow its names, or raise [dns.tunnel].",
    severity: Severity::Violation,
    controls: RESOLUTION,
    check: Check::Event,
};

/// How questions below `domain` break [`DNS_TUNNEL`]: `numbers` says by what, and `unless` why it is not certain.
pub(in crate::judge) fn dns_tunnel(domain: &str, numbers: &str, unless: Option<&str>) -> Broken<'static> {
    let doubt = unless.map_or_else(String::new, |why| format!("; {why}"));
    let finding = Broken::new(CausedBy::Agent, domain, format!("the agent asked below {domain} for {numbers}{doubt}"));
    if unless.is_some() { finding.severity(Severity::Undetermined) } else { finding }
}

/// How questions that were not counted leave [`DNS_TUNNEL`] open.
pub(in crate::judge) fn dns_tunnel_unknown(uncounted: u64) -> Broken<'static> {
    let message = format!("{uncounted} questions were not held against [dns.tunnel] for want of memory");
    Broken::new(CausedBy::Environment, "", message).severity(Severity::Undetermined)
}
