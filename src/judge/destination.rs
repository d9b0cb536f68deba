//! Where a flow of an agent goes, by the policy: the names that it asks for, the address that it goes to, the answers that bind the
//! two, and the port.

use super::case::{Case, Direction, is_public};
use super::policy::{Allow, DnsBinding, Ech};
use crate::fact::{Locus, Name, NameRead, Transport};

/// What the policy says of where a flow goes.
#[derive(Clone, Debug)]
pub enum Destination<'a> {
    /// Nothing: it goes nowhere that destination rules ask about, or the policy has none.
    NotJudged,
    /// It is allowed, by what.
    Allowed(By<'a>),
    /// Neither the address nor a name answered for it is allowed, and no name was asked for (WW301).
    AddressNotAllowed,
    /// This name is not allowed (WW302).
    NameNotAllowed(&'a NameRead),
    /// Name or address are allowed, on other ports or transports (WW303).
    PortNotAllowed(&'a Allow),
    /// The name is allowed; the address was answered for these others alone, or never (WW304).
    NameUnbound(&'a NameRead, Vec<&'a Name>),
    /// No name could be read where one would be (WW305).
    NameHidden(&'static str, Option<Locus>),
}

/// What allows a destination.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// An entry of the policy.
    Entry(&'a Allow),
    /// `private = true`.
    Private,
    /// `[dns] resolvers`.
    Resolver,
}

impl<'a> By<'a> {
    /// Tells it from what else allows something, while the policy stays where it is: it is never written down.
    pub(super) fn key(&self) -> usize {
        match self {
            Self::Entry(entry) => std::ptr::from_ref(*entry).addr(),
            Self::Private => 0,
            Self::Resolver => 1,
        }
    }
}

impl std::fmt::Display for By<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Entry(entry) => f.write_str(&entry.label()),
            Self::Private => f.write_str("destinations.private"),
            Self::Resolver => f.write_str("dns.resolvers"),
        }
    }
}

/// Holds a flow against the policy's destinations.
pub(super) fn judge<'a>(case: &Case<'a>) -> Destination<'a> {
    if !matches!(case.direction, Direction::Outbound | Direction::Unknown) {
        return Destination::NotJudged;
    }
    let peer = case.peer();
    if case.is_dns() || peer.port == 53 && !case.record.has_payload() {
        // where questions go is WW401's
        return if case.resolver_is_allowed() { Destination::Allowed(By::Resolver) } else { dns_elsewhere(case) };
    }
    if !case.policy.allows_destinations() {
        return Destination::NotJudged;
    }
    let record = case.record;
    let asked: Vec<&NameRead> = record.facts.names.iter().collect();
    let proxied = record.facts.connect.is_some();
    if let Some(hidden) = hidden(case, &asked) {
        return hidden;
    }
    if asked.is_empty() {
        return by_answers(case);
    }
    let mut by = None;
    if proxied {
        // the proxy itself is a destination
        match by_answers(case) {
            Destination::Allowed(allowed) => by = Some(allowed),
            refused => return refused,
        }
    }
    for read in asked {
        match by_name(case, read, proxied) {
            Destination::Allowed(allowed) => by = Some(allowed),
            refused => return refused,
        }
    }
    by.map_or(Destination::NotJudged, Destination::Allowed)
}

/// A dial to port 53 that says nothing is judged like any other; questions are not.
fn dns_elsewhere<'a>(case: &Case<'a>) -> Destination<'a> {
    if case.is_dns() || !case.policy.allows_destinations() { Destination::NotJudged } else { by_answers(case) }
}

/// Where a name would stand and could not be read, and the address alone is not allowed.
fn hidden<'a>(case: &Case<'a>, asked: &[&NameRead]) -> Option<Destination<'a>> {
    let facts = &case.record.facts;
    let (why, at) = if let Some((_, at)) = facts.name_hidden {
        ("the name could not be read", Some(at))
    } else if let Some(at) = facts.ech.filter(|_| case.policy.ech != Ech::Allow) {
        ("the hello carries an encrypted hello, so the name that shows may not be the one asked for", Some(at))
    } else if !asked.is_empty() || facts.no_name.is_some() {
        return None;
    } else if case.record.began_before {
        ("the flow began before the capture", None)
    } else if facts.truncated.is_some() || facts.gap.is_some() {
        ("bytes are missing where the name would be", facts.gap.or(facts.truncated).map(|(_, at)| at))
    } else {
        return None;
    };
    let alone = by_address(case);
    Some(alone.map_or(Destination::NameHidden(why, at), Destination::Allowed))
}

/// An entry for the address alone, on this port.
fn by_address<'a>(case: &Case<'a>) -> Option<By<'a>> {
    let peer = case.peer();
    if case.policy.private && !is_public(peer.ip) {
        return Some(By::Private);
    }
    let covers = |entry: &&Allow| entry.names.is_empty() && entry.covers_address(peer.ip) && on_port(case, entry);
    case.policy.allow.iter().find(covers).map(By::Entry)
}

fn on_port(case: &Case<'_>, entry: &Allow) -> bool {
    match case.record.transport {
        // an echo has no port: it is allowed where anything is
        Transport::Icmp | Transport::Icmp6 => true,
        transport => entry.covers_port(case.peer().port, transport),
    }
}

/// No name was asked for: the address, or a name answered for it, must be allowed.
fn by_answers<'a>(case: &Case<'a>) -> Destination<'a> {
    if let Some(by) = by_address(case) {
        return Destination::Allowed(by);
    }
    let peer = case.peer();
    let mut elsewhere = None;
    for entry in &case.policy.allow {
        let address = entry.cidrs.is_empty() || entry.covers_address(peer.ip);
        let name = entry.names.is_empty() || case.answered_names().any(|name| entry.covers_name(name));
        if !address || !name || entry.cidrs.is_empty() && entry.names.is_empty() {
            continue;
        }
        if on_port(case, entry) {
            return Destination::Allowed(By::Entry(entry));
        }
        elsewhere.get_or_insert(entry);
    }
    match elsewhere {
        Some(entry) => Destination::PortNotAllowed(entry),
        None if !case.record.has_payload() => Destination::NameHidden("nothing was sent that could name it", None),
        None => Destination::AddressNotAllowed,
    }
}

/// A name that was asked for, of the peer or of a proxy.
fn by_name<'a>(case: &Case<'a>, read: &'a NameRead, proxied: bool) -> Destination<'a> {
    let peer = case.peer();
    if !proxied && case.policy.private && !is_public(peer.ip) {
        return Destination::Allowed(By::Private);
    }
    let port = if proxied { connect_port(case) } else { Some(peer.port) };
    let (mut elsewhere, mut unbound) = (None, None);
    for entry in case.policy.entries_named(&read.name) {
        let here = !entry.cidrs.is_empty() && entry.covers_address(peer.ip);
        if !proxied && !entry.cidrs.is_empty() && !here {
            continue;
        }
        if !port.is_some_and(|port| entry.covers_port(port, case.record.transport)) {
            elsewhere.get_or_insert(entry);
        } else if proxied || here || is_bound(case, read) {
            return Destination::Allowed(By::Entry(entry));
        } else {
            unbound.get_or_insert(entry);
        }
    }
    // an address that is allowed by itself needs no answer, but the name asked for must be allowed
    match (unbound, elsewhere, by_address(case)) {
        (Some(_), _, Some(by)) if !proxied => Destination::Allowed(by),
        (Some(_), _, _) => Destination::NameUnbound(read, case.answered_names().collect()),
        (None, Some(entry), _) => Destination::PortNotAllowed(entry),
        (None, None, _) => Destination::NameNotAllowed(read),
    }
}

/// Whether the address was answered for the name, or for another that is allowed too.
fn is_bound(case: &Case<'_>, read: &NameRead) -> bool {
    if case.policy.dns_binding == DnsBinding::Off {
        return true;
    }
    case.answered_names().any(|name| *name == read.name || case.policy.name_allowed(name).is_some())
}

/// The port asked of a proxy.
fn connect_port(case: &Case<'_>) -> Option<u16> {
    let (target, _) = case.record.facts.connect.as_ref()?;
    target.as_str().rsplit_once(':').and_then(|(_, port)| port.parse().ok())
}
