//! Where a flow of an agent goes, by the policy: the names that it asks for, the address that it goes to, the answers that bind the
//! two, and the port.

use std::borrow::Cow;
use std::net::IpAddr;

use super::case::{Case, Direction};
use super::policy::{Allow, Deny, DnsBinding, Ech};
use crate::fact::{Locus, Name, NameRead, NameSource, Transport};

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
    /// A proxy was asked for the first name, and the second was asked for inside (WW302).
    NamesDiffer(&'a NameRead, &'a NameRead),
    /// Name or address are allowed, on other ports or transports (WW303).
    PortNotAllowed(&'a Allow),
    /// The name is allowed; the address was answered for these others alone, or never (WW304).
    NameUnbound(&'a NameRead, Vec<&'a Name>),
    /// A request in the clear asks a proxy for this host, which is not allowed (WW302).
    HostNotAllowed(&'a Name, Locus),
    /// An entry denies it: by the name that was asked for, and where (WW302), or by its address or the names answered for it (WW301).
    Denied(&'a Deny, Option<(&'a Name, Locus)>),
    /// No name could be read where one would be (WW305).
    NameHidden(Cow<'static, str>, Option<Locus>),
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
    if !matches!(case.direction, Direction::Outbound | Direction::Unknown) || case.is_neighbours_answer() {
        return Destination::NotJudged;
    }
    if let Some(denied) = denied(case) {
        return denied;
    }
    let peer = case.peer();
    let asked = &case.record.facts.names;
    let proxied = case.proxied().is_some();
    // what a proxy was asked for is known once it has answered
    let turned = |read: &&NameRead| read.at.end != case.agent && matches!(read.source, NameSource::Sni | NameSource::QuicSni) && !proxied;
    if case.direction == Direction::Outbound
        && let Some(read) = asked.iter().find(turned)
    {
        let why = format!("it was the peer that asked the agent for {}, though the agent opened the connection", read.name);
        return Destination::NameHidden(why.into(), Some(read.at));
    }
    if !proxied && (case.is_dns() || peer.port == 53 && !case.record.has_payload()) {
        // where questions go is WW401's
        return if case.resolver_is_allowed() { Destination::Allowed(By::Resolver) } else { dns_elsewhere(case) };
    }
    if !case.policy.allows_destinations() {
        return Destination::NotJudged;
    }
    if !proxied {
        let place = Place { ip: Some(peer.ip), port: Some(peer.port) };
        let by = hidden(case, place, asked).unwrap_or_else(|| by_names(case, place, asked));
        return foreign_host(case).filter(|_| matches!(by, Destination::Allowed(_))).unwrap_or(by);
    }
    // the proxy itself is a destination
    let allowed = by_answers(case, peer.ip, Some(peer.port));
    if !matches!(allowed, Destination::Allowed(_)) {
        return allowed;
    }
    by_hops(case, asked)
}

/// What an entry denies, whatever allows it.
fn denied<'a>(case: &Case<'a>) -> Option<Destination<'a>> {
    let deny = &case.policy.deny;
    if deny.is_empty() {
        return None;
    }
    let peer = case.peer();
    let mut place = Place { ip: Some(peer.ip), port: Some(peer.port) };
    let asked = &case.record.facts.names;
    let applies = |entry: &Deny, place: Place| {
        let address = entry.cidrs.is_empty() || place.ip.is_some_and(|ip| entry.cidrs.covers(case.policy.nat64.canonical(ip)));
        address && entry.covers_port(place.port, case.record.transport) && entry.is_for(case.agent_endpoint().ip)
    };
    let by_address = |place: Place| deny.entries().iter().find(|entry| entry.names.is_empty() && applies(entry, place));
    if let Some(entry) = by_address(place) {
        return Some(Destination::Denied(entry, None));
    }
    // which names are asked of a resolver is another question
    if case.is_dns() && case.proxied().is_none() {
        return None;
    }
    for read in asked {
        if read.source.is_proxy() {
            place = Place { ip: read.name.as_ip(), port: read.port };
        }
        let by_name = || deny.named(&read.name).find(|entry| applies(entry, place));
        if let Some(entry) = by_address(place).or_else(by_name) {
            return Some(Destination::Denied(entry, Some((&read.name, read.at))));
        }
        // a proxy resolves the name: to which address is not seen
        let elsewhere = |entry: &&Deny| place.ip.is_none() && entry.covers_port(place.port, case.record.transport);
        if let Some(entry) = deny.named(&read.name).find(elsewhere) {
            let why = format!("the proxy resolves {}, which {} denies at some addresses", read.name, entry.label());
            return Some(Destination::NameHidden(why.into(), Some(read.at)));
        }
    }
    // a request in the clear says whom it is for
    if let Some(request) = &case.record.facts.http {
        for host in request.host.iter().chain(&case.record.facts.http_hosts) {
            let at_host = Place { ip: host.as_ip(), port: place.port };
            let by_host = || deny.named(host).find(|entry| applies(entry, place));
            if let Some(entry) = by_host().or_else(|| by_address(at_host).filter(|_| at_host.ip.is_some())) {
                return Some(Destination::Denied(entry, Some((host, request.at))));
            }
        }
    }
    if asked.first().is_some_and(|read| !read.source.is_proxy()) {
        return None;
    }
    // no name was asked of the peer itself: those answered for its address speak for it where they agree
    let place = Place { ip: Some(peer.ip), port: Some(peer.port) };
    let by_answer = |name: &Name| deny.named(name).find(|entry| applies(entry, place));
    let (mut entry, mut others) = (None, false);
    for name in case.names_ever_of(peer.ip) {
        match by_answer(name) {
            // it may have been kept longer than it should
            Some(found) if case.stood_until(peer.ip, name).is_some() => {
                entry.get_or_insert((found, name));
                others = true;
            }
            Some(found) => _ = entry.get_or_insert((found, name)),
            None => others = true,
        }
    }
    match entry {
        Some((found, _)) if !others => Some(Destination::Denied(found, None)),
        Some((found, name)) => {
            let why = format!("its address was answered for {name} too, which {} denies", found.label());
            Some(Destination::NameHidden(why.into(), None))
        }
        None => None,
    }
}

/// The first host that a proxy is asked for in the clear and that is not allowed. Its address is not seen: it may be asked for by a name that is
/// allowed, or as an address that is.
fn foreign_host<'a>(case: &Case<'a>) -> Option<Destination<'a>> {
    let facts = &case.record.facts;
    facts.http_proxied?;
    let request = facts.http.as_ref()?;
    let is_allowed = |host: &Name| match host.as_ip() {
        Some(ip) => ip == case.peer().ip || case.policy.private_allowed(ip) || by_cidr(case, ip),
        None => case.policy.entries_named(host).any(|entry| case.is_met(entry)),
    };
    let foreign = request.host.iter().chain(&facts.http_hosts).find(|host| !is_allowed(host))?;
    Some(Destination::HostNotAllowed(foreign, request.at))
}

/// Whether an entry allows an address by itself, on whatever port.
fn by_cidr(case: &Case<'_>, ip: IpAddr) -> bool {
    let ip = case.policy.nat64.canonical(ip);
    case.policy.allow.iter().any(|entry| entry.names.is_empty() && entry.covers_address(ip) && case.is_met(entry))
}

/// Whether an entry denies names, whichever, at a place: who has none that can be read may have one of them.
fn may_be_denied(case: &Case<'_>, place: Place) -> bool {
    let applies = |entry: &Deny| {
        let address = entry.cidrs.is_empty() || place.ip.is_none_or(|ip| entry.cidrs.covers(case.policy.nat64.canonical(ip)));
        !entry.names.is_empty() && address && entry.covers_port(place.port, case.record.transport) && entry.is_for(case.agent_endpoint().ip)
    };
    case.policy.deny.entries().iter().any(applies)
}

/// Where names lead to: the peer, or what a proxy was asked for, which it resolves by itself where that is a name.
#[derive(Clone, Copy)]
struct Place {
    ip: Option<IpAddr>,
    port: Option<u16>,
}

/// What proxies were asked for, one inside the other, and what was asked for inside.
fn by_hops<'a>(case: &Case<'a>, asked: &'a [NameRead]) -> Destination<'a> {
    let mut result = Destination::NotJudged;
    let mut hops = asked;
    while let [hop, rest @ ..] = hops {
        let inner = rest.iter().position(|read| read.source.is_proxy()).unwrap_or(rest.len());
        let (names, further) = rest.split_at(inner);
        hops = further;
        let place = Place { ip: hop.name.as_ip(), port: hop.port };
        let is_last = further.is_empty();
        result = match place.ip {
            // an address is asked for, as if there were no proxy
            Some(_) => {
                let unnamed = is_last.then(|| hidden(case, place, names)).flatten();
                let by = unnamed.unwrap_or_else(|| by_names(case, place, names));
                if let Destination::AddressNotAllowed = by { Destination::NameNotAllowed(hop) } else { by }
            }
            None => match by_name(case, hop, place) {
                Destination::Allowed(by) => {
                    // the outer name of an encrypted hello is a third one
                    let differs = names.iter().find(|read| read.name != hop.name && case.record.facts.ech.is_none());
                    match (by_names(case, place, names), differs) {
                        (Destination::NotJudged, _) => Destination::Allowed(by),
                        (Destination::Allowed(_), Some(read)) => Destination::NamesDiffer(hop, read),
                        (inner, _) => inner,
                    }
                }
                refused => refused,
            },
        };
        if !matches!(result, Destination::Allowed(_)) {
            return result;
        }
        if let Some(hidden) = hidden(case, place, asked).filter(|_| is_last && place.ip.is_none()) {
            return hidden;
        }
    }
    result
}

/// The names asked for at a place; where there is none, the place itself.
fn by_names<'a>(case: &Case<'a>, place: Place, asked: &'a [NameRead]) -> Destination<'a> {
    let mut result = match (asked, place.ip) {
        ([], Some(ip)) => return by_answers(case, ip, place.port),
        _ => Destination::NotJudged,
    };
    for read in asked {
        result = by_name(case, read, place);
        if !matches!(result, Destination::Allowed(_)) {
            break;
        }
    }
    result
}

/// A dial to port 53 that says nothing is judged like any other; questions are not.
fn dns_elsewhere<'a>(case: &Case<'a>) -> Destination<'a> {
    let peer = case.peer();
    let is_left = case.is_dns() || !case.policy.allows_destinations();
    if is_left { Destination::NotJudged } else { by_answers(case, peer.ip, Some(peer.port)) }
}

/// Where a name would stand and could not be read, and the address alone is not allowed.
fn hidden<'a>(case: &Case<'a>, place: Place, asked: &[NameRead]) -> Option<Destination<'a>> {
    let facts = &case.record.facts;
    let encrypted = || encrypted_hello(case, place.ip, asked).filter(|_| case.policy.ech != Ech::Allow);
    let (why, at) = if let Some((_, at)) = facts.name_hidden {
        ("the name could not be read".into(), Some(at))
    } else if let Some((why, at)) = encrypted() {
        (why, Some(at))
    } else if !asked.is_empty() || facts.no_name.is_some() {
        return None;
    } else if case.record.began_before {
        ("the flow began before the capture".into(), None)
    } else if facts.truncated.is_some() || facts.gap.is_some() {
        ("bytes are missing where the name would be".into(), facts.gap.or(facts.truncated).map(|(_, at)| at))
    } else {
        return None;
    };
    let alone = place.ip.and_then(|ip| by_address(case, ip, place.port)).filter(|_| !may_be_denied(case, place));
    Some(alone.map_or(Destination::NameHidden(why, at), Destination::Allowed))
}

/// Why the name that shows may not be the one asked for, where the hello carries an encrypted one.
///
/// It is grease as far as can be known where whoever hid a name would have done otherwise: the address was answered for the very name that shows,
/// for no name besides that the policy does not allow, and no configuration with that public name was answered. Whether the server took the
/// encrypted hello shows in its own (RFC 9849 section 7.2), to those alone who know the inner one.
fn encrypted_hello(case: &Case<'_>, ip: Option<IpAddr>, asked: &[NameRead]) -> Option<(Cow<'static, str>, Locus)> {
    let (key, at) = case.record.facts.ech?;
    let outer = asked.iter().rfind(|read| !read.source.is_proxy());
    let mut hidden: Vec<(&Name, u8)> = outer.into_iter().flat_map(|read| case.names.hidden_behind(&read.name, at.at)).collect();
    if let (Some(read), false) = (outer, hidden.is_empty()) {
        let is_known = hidden.iter().any(|(_, known)| Some(*known) == key);
        hidden.dedup_by_key(|(name, _)| *name);
        let names: Vec<_> = hidden.iter().take(3).map(|(name, _)| name.to_string()).collect();
        let key = if is_known { "with that key" } else { "though its key is another" };
        let why = format!(
            "the hello carries an encrypted hello behind {}, the public name of a configuration for {}, {key}",
            read.name,
            names.join(", ")
        );
        return Some((why.into(), at));
    }
    if is_grease(case, ip, asked) {
        return None;
    }
    Some(("the hello carries an encrypted hello, so the name that shows may not be the one asked for".into(), at))
}

/// Whether an encrypted hello is grease as far as can be known.
pub(super) fn is_grease(case: &Case<'_>, ip: Option<IpAddr>, asked: &[NameRead]) -> bool {
    let (Some((_, at)), Some(ip)) = (case.record.facts.ech, ip) else { return false };
    let Some(outer) = asked.iter().rfind(|read| !read.source.is_proxy()) else { return false };
    let is_allowed = |name: &Name| case.policy.name_allowed(name).is_some();
    // the canonical name of an allowed one is that one's
    let is_foreign = |name: &Name| *name != outer.name && !is_allowed(name) && !case.names.passed_through(name).any(is_allowed);
    let is_published = case.names.hidden_behind(&outer.name, at.at).next().is_some();
    case.names.knows_ech() && !is_published && case.names_of(ip).any(|name| *name == outer.name) && !case.names_ever_of(ip).any(is_foreign)
}

/// An entry for the address alone, on this port.
fn by_address<'a>(case: &Case<'a>, ip: IpAddr, port: Option<u16>) -> Option<By<'a>> {
    let ip = case.policy.nat64.canonical(ip);
    if case.policy.private_allowed(ip) {
        return Some(By::Private);
    }
    let covers = |entry: &&Allow| entry.names.is_empty() && entry.covers_address(ip) && on_port(case, entry, port) && case.is_met(entry);
    case.policy.allow.iter().find(covers).map(By::Entry)
}

fn on_port(case: &Case<'_>, entry: &Allow, port: Option<u16>) -> bool {
    match case.record.transport {
        // an echo has no port: it is allowed where anything is
        Transport::Icmp | Transport::Icmp6 => true,
        transport => port.is_some_and(|port| entry.covers_port(port, transport)),
    }
}

/// No name was asked for: the address, or a name answered for it, must be allowed.
fn by_answers<'a>(case: &Case<'a>, ip: IpAddr, port: Option<u16>) -> Destination<'a> {
    if let Some(by) = by_address(case, ip, port) {
        return Destination::Allowed(by);
    }
    let ip = case.policy.nat64.canonical(ip);
    let mut elsewhere = None;
    for entry in &case.policy.allow {
        let address = entry.cidrs.is_empty() || entry.covers_address(ip);
        let name = entry.names.is_empty() || case.names_of(ip).any(|name| entry.covers_name(name));
        if !address || !name || entry.cidrs.is_empty() && entry.names.is_empty() || !case.is_met(entry) {
            continue;
        }
        if on_port(case, entry, port) {
            return match foreign(case, ip).filter(|_| !entry.names.is_empty()) {
                Some(name) => {
                    let why = format!("it was answered for {name} too, which the policy does not allow, beside a name that it does");
                    Destination::NameHidden(why.into(), None)
                }
                None => Destination::Allowed(By::Entry(entry)),
            };
        }
        elsewhere.get_or_insert(entry);
    }
    match elsewhere {
        Some(entry) => Destination::PortNotAllowed(entry),
        None if !case.record.has_payload() => Destination::NameHidden("nothing was sent that could name it".into(), None),
        None => Destination::AddressNotAllowed,
    }
}

/// A name that an agent was answered an address for, and that it may not ask for: a flow there that names nobody may be its.
fn foreign<'a>(case: &Case<'a>, ip: IpAddr) -> Option<&'a Name> {
    let agent = case.agent_endpoint().ip;
    let is_allowed = |name: &Name| case.policy.query_allowed(name, agent);
    // the canonical name of an allowed one is that one's
    case.names_ever_of(ip).find(|name| !is_allowed(name) && !case.names.passed_through(name).any(is_allowed))
}

/// A name that was asked for, of the peer or of a proxy.
fn by_name<'a>(case: &Case<'a>, read: &'a NameRead, place: Place) -> Destination<'a> {
    if place.ip.is_some_and(|ip| case.policy.private_allowed(ip)) {
        return Destination::Allowed(By::Private);
    }
    let (mut elsewhere, mut unbound, mut unseen) = (None, None, None);
    for entry in case.policy.entries_named(&read.name) {
        let here = !entry.cidrs.is_empty() && place.ip.is_some_and(|ip| entry.covers_address(case.policy.nat64.canonical(ip)));
        if place.ip.is_some() && !entry.cidrs.is_empty() && !here || !case.is_met(entry) {
            continue;
        }
        if place.ip.is_none() && !entry.cidrs.is_empty() {
            // a proxy resolves the name: to which address is not seen
            unseen.get_or_insert(entry);
            continue;
        }
        if !place.port.is_some_and(|port| entry.covers_port(port, case.record.transport)) {
            elsewhere.get_or_insert(entry);
        } else if here || place.ip.is_none_or(|ip| is_bound(case, read, ip)) {
            return Destination::Allowed(By::Entry(entry));
        } else {
            unbound.get_or_insert(entry);
        }
    }
    // an address that is allowed by itself needs no answer, but the name asked for must be allowed
    match (unbound, elsewhere, place.ip.and_then(|ip| by_address(case, ip, place.port))) {
        (Some(_), _, Some(by)) => Destination::Allowed(by),
        (Some(_), _, _) => Destination::NameUnbound(read, place.ip.into_iter().flat_map(|ip| case.names_of(ip)).collect()),
        (None, None, _) if unseen.is_some() => {
            let label = unseen.map(Allow::label).unwrap_or_default();
            let why = format!("the proxy resolves {}, which {label} allows at some addresses alone", read.name);
            Destination::NameHidden(why.into(), Some(read.at))
        }
        (None, Some(entry), _) => Destination::PortNotAllowed(entry),
        (None, None, _) => Destination::NameNotAllowed(read),
    }
}

/// Whether the address was answered for the name, or for another that is allowed too.
fn is_bound(case: &Case<'_>, read: &NameRead, ip: IpAddr) -> bool {
    if case.policy.dns_binding == DnsBinding::Off {
        return true;
    }
    case.names_of(ip).any(|name| *name == read.name || case.policy.name_allowed(name).is_some())
}
