//! The smallest policy that captures would pass: where traffic went, with how often and in how many of them.
//!
//! What nobody named, went in the clear, broke a rule that no entry mends, came in or could not be recognised is written too, commented out, with
//! the reason: it is for a person to say that it is meant. Names that carried data out are left out. Nothing is made wider than it was seen; a wildcard is proposed in a comment, and never above what somebody registered.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use super::domain;
use super::policy::{Policy, is_private};
use super::{Finding, Judgement, Severity, rules};
use crate::fact::{FlowRecord, Name, Transport};
use crate::limits;

/// Learns from the flows of several captures.
#[derive(Debug)]
pub struct Learner {
    captures: u32,
    places: BTreeMap<Place, Count>,
    asked: BTreeMap<Name, Count>,
    resolvers: BTreeMap<IpAddr, Count>,
    /// Domains below which names carried data out.
    carried: BTreeSet<String>,
    /// What was not kept for want of room.
    beyond: u64,
}

/// What is counted as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    kind: Kind,
    transport: Transport,
    port: u16,
    to: To,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum To {
    Name(Name),
    Address(IpAddr),
    /// The name, at this address.
    Both(Name, IpAddr),
}

/// What is known of it, the least doubtful first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// It is named, and breaks nothing but that no policy allows it.
    Plain,
    /// It is named, and nothing that was seen gives the name its address.
    Unanswered,
    /// Time, which is asked for in the clear everywhere.
    Time,
    Unnamed,
    InTheClear(&'static str),
    /// It breaks this rule, whether the place is allowed or not.
    Breaks(&'static str),
    Unrecognised,
    Inbound,
    UnknownOpener,
}

/// How often something was seen, and in how many captures.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    flows: u64,
    captures: u32,
    latest: u32,
}

impl Count {
    fn add(&mut self, capture: u32) {
        self.flows += 1;
        if self.captures == 0 || self.latest != capture {
            self.captures += 1;
        }
        self.latest = capture;
    }
}

impl Default for Learner {
    fn default() -> Self {
        Self {
            captures: 1,
            places: BTreeMap::new(),
            asked: BTreeMap::new(),
            resolvers: BTreeMap::new(),
            carried: BTreeSet::new(),
            beyond: 0,
        }
    }
}

impl Learner {
    /// What follows is of another capture.
    pub fn next_capture(&mut self) {
        self.captures += 1;
    }

    /// Takes in what was found in the capture at hand besides: domains below which names carried data out (WW403).
    pub fn findings(&mut self, findings: &[Finding]) {
        let carried = findings.iter().filter(|finding| finding.rule == rules::DNS_TUNNEL.code);
        self.carried.extend(carried.map(|finding| finding.subject.clone()));
    }

    /// Takes in a flow that was judged under `policy`, which may allow some of what is seen: that is not learnt again.
    pub fn flow(&mut self, record: &FlowRecord, judgement: &Judgement, policy: &Policy) {
        let is_allowed = policy.allows_destinations() && [Severity::Notice.as_str(), "allowed"].contains(&judgement.verdict);
        let facts = &record.facts;
        let (opener, peer) = (record.initiator_endpoint(), record.responder_endpoint());
        let is_outbound = judgement.direction == "outbound";
        let protocol = facts.protocol.map(|(name, _)| name);
        if is_outbound && (protocol == Some("dns") || !facts.dns.is_empty()) {
            count(&mut self.resolvers, &mut self.beyond, self.captures, peer.ip);
            for asked in facts.dns.iter().filter(|asked| !policy.query_allowed(&asked.name, opener.ip)) {
                count(&mut self.asked, &mut self.beyond, self.captures, asked.name.clone());
            }
            return;
        }
        if is_allowed || matches!(judgement.direction, "unrelated" | "internal") {
            return;
        }
        let is_proxied = facts.names.iter().any(|read| read.source.is_proxy());
        let spoken = facts.cleartext_protocol.or(protocol).unwrap_or("text");
        // which an entry for the place does not mend
        let broken = judgement.rules.iter().copied().find(|rule| judgement.verdict == "violation" && rule.starts_with("WW2"));
        let kind = match judgement.direction {
            "inbound" => Kind::Inbound,
            "unknown" => Kind::UnknownOpener,
            _ if facts.cleartext.is_some() && spoken == "ntp" => Kind::Time,
            _ if facts.cleartext.is_some() => Kind::InTheClear(spoken),
            _ if facts.unrecognised.is_some() => Kind::Unrecognised,
            _ if broken.is_some() => Kind::Breaks(broken.unwrap_or_default()),
            _ if judgement.unanswered && !is_proxied => Kind::Unanswered,
            _ => Kind::Plain,
        };
        let transport = record.transport;
        match kind {
            Kind::Inbound => self.place(Place { kind, transport, port: peer.port, to: To::Address(opener.ip) }),
            Kind::UnknownOpener => self.place(Place { kind, transport, port: peer.port, to: To::Address(peer.ip) }),
            _ => {
                if facts.names.is_empty() || is_proxied {
                    self.place(self.address(kind, record, judgement));
                }
                let mut port = peer.port;
                for read in &facts.names {
                    // behind a proxy, what is asked for is on the port that the proxy was asked for
                    port = read.port.unwrap_or(port);
                    if let Some(ip) = read.name.as_ip().filter(|_| read.source.is_proxy()) {
                        let kind = if kind == Kind::Plain && !is_private(ip) { Kind::Unnamed } else { kind };
                        self.place(Place { kind, transport, port, to: To::Address(ip) });
                        continue;
                    }
                    let name = read.name.clone();
                    let to = if kind == Kind::Unanswered { To::Both(name, peer.ip) } else { To::Name(name) };
                    self.place(Place { kind, transport, port, to });
                }
            }
        }
    }

    /// Where a flow goes that names nothing itself: the name that its address was answered for, or else the address.
    fn address(&self, kind: Kind, record: &FlowRecord, judgement: &Judgement) -> Place {
        let peer = record.responder_endpoint();
        let to = judgement.answered_name.clone().map_or(To::Address(peer.ip), To::Name);
        let is_unnamed = kind == Kind::Plain && matches!(to, To::Address(ip) if !is_private(ip));
        Place { kind: if is_unnamed { Kind::Unnamed } else { kind }, transport: record.transport, port: peer.port, to }
    }

    fn place(&mut self, place: Place) {
        count(&mut self.places, &mut self.beyond, self.captures, place);
    }

    /// The policy, as text. `extends` are the policies that were in force.
    #[must_use]
    pub fn policy(&self, extends: &[String]) -> String {
        let mut out = String::new();
        // writing to a string does not fail
        let _ = self.write(extends, &mut out);
        out
    }

    fn write(&self, extends: &[String], out: &mut String) -> std::fmt::Result {
        writeln!(out, "# Learnt from {}. Behind each place: flows, and captures that it was seen in.", plural(self.captures, "capture"))?;
        writeln!(out, "# What is commented out was seen too, and is for you to decide.")?;
        if self.beyond > 0 {
            writeln!(out, "# {} flows went to places that there was no room for: this policy lacks them.", self.beyond)?;
        }
        writeln!(out, "name = \"learnt\"")?;
        if !extends.is_empty() {
            let names: Vec<String> = extends.iter().map(|name| quoted(name)).collect();
            writeln!(out, "extends = [{}]", names.join(", "))?;
        }
        self.write_resolvers(out)?;
        let places: Vec<(&Place, &Count)> = self.places.iter().collect();
        let alike = |a: &(&Place, &Count), b: &(&Place, &Count)| {
            let is_alike = match (&a.0.to, &b.0.to) {
                (To::Both(name, _), To::Both(other, _)) => name == other,
                (to, other) => std::mem::discriminant(to) == std::mem::discriminant(other),
            };
            (a.0.kind, a.0.transport, a.0.port) == (b.0.kind, b.0.transport, b.0.port) && is_alike
        };
        for group in places.chunk_by(alike) {
            self.write_group(group, out)?;
        }
        self.write_asked(out)
    }

    fn write_resolvers(&self, out: &mut String) -> std::fmt::Result {
        if self.resolvers.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n[dns]\nresolvers = [")?;
        for (ip, seen) in &self.resolvers {
            let doubt = if is_private(*ip) { "" } else { "# " };
            let why = if is_private(*ip) { "" } else { "; not private: whoever stands on the path reads what is asked" };
            writeln!(out, "    {doubt}\"{ip}\", # {}{why}", self.seen(seen))?;
        }
        writeln!(out, "]")
    }

    fn write_group(&self, group: &[(&Place, &Count)], out: &mut String) -> std::fmt::Result {
        let Some((first, _)) = group.first() else { return Ok(()) };
        let is_odd = |place: &Place| matches!(&place.to, To::Name(name) | To::Both(name, _) if name.is_odd());
        let are_odd = group.iter().all(|(place, _)| is_odd(place));
        let doubt = if are_odd || first.kind.is_doubtful() { "# " } else { "" };
        writeln!(out)?;
        if let Some(why) = first.kind.why() {
            writeln!(out, "# {why}")?;
        }
        if are_odd {
            writeln!(out, "# No policy can have a name like this.")?;
        }
        self.propose(group, out)?;
        let is_inbound = first.kind == Kind::Inbound;
        writeln!(out, "{doubt}[[{}]]", if is_inbound { "inbound" } else { "allow" })?;
        let list = match first.to {
            _ if is_inbound => "from",
            To::Name(_) => "names",
            To::Address(_) | To::Both(..) => "cidrs",
        };
        if let To::Both(name, _) = &first.to {
            writeln!(out, "{doubt}names = [{}]", quoted(name.as_str()))?;
        }
        writeln!(out, "{doubt}{list} = [")?;
        for (place, seen) in group {
            let text = match &place.to {
                To::Name(name) => name.to_string(),
                To::Address(ip) | To::Both(_, ip) => ipnet::IpNet::from(*ip).to_string(),
            };
            // a name that no policy can write is told and left out
            let odd = if is_odd(place) && doubt.is_empty() { "# " } else { "" };
            writeln!(out, "{doubt}    {odd}{}, # {}", quoted(&text), self.seen(seen))?;
        }
        writeln!(out, "{doubt}]")?;
        if first.port > 0 {
            writeln!(out, "{doubt}ports = [{}]", first.port)?;
        }
        if matches!(first.transport, Transport::Tcp | Transport::Udp) && !is_inbound {
            writeln!(out, "{doubt}transport = \"{}\"", first.transport)?;
        }
        match first.kind {
            Kind::InTheClear(protocol) => writeln!(out, "{doubt}plaintext = [\"{protocol}\"]"),
            Kind::Time => writeln!(out, "{doubt}plaintext = [\"ntp\"]"),
            _ => Ok(()),
        }
    }

    /// Wildcards that would cover several of the names.
    fn propose(&self, group: &[(&Place, &Count)], out: &mut String) -> std::fmt::Result {
        let mut parents: BTreeMap<&str, usize> = BTreeMap::new();
        for (place, _) in group {
            if let To::Name(name) = &place.to
                && let Some((_, parent)) = name.as_str().split_once('.').filter(|(_, parent)| !domain::is_suffix(parent))
            {
                *parents.entry(parent).or_default() += 1;
            }
        }
        for (parent, names) in parents.into_iter().filter(|(_, names)| *names >= limits::PROPOSED_NAMES) {
            let whole = if domain::split(parent).1.is_empty() { ", all that is registered there" } else { "" };
            writeln!(out, "# {} would be one of {names} names below{whole}", quoted(&format!("*.{parent}")))?;
        }
        Ok(())
    }

    /// Names that were asked for and never reached.
    fn write_asked(&self, out: &mut String) -> std::fmt::Result {
        let is_named = |place: &Place, name: &Name| matches!(&place.to, To::Name(known) | To::Both(known, _) if known == name);
        let is_reached = |name: &Name| self.places.keys().any(|place| is_named(place, name) && !place.kind.is_doubtful());
        let is_carried = |name: &Name| {
            let is_below =
                |domain: &String| name.as_str().strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            self.carried.iter().any(is_below)
        };
        for domain in &self.carried {
            writeln!(out, "\n# Names below {} carried data out (WW403): they are left out.", quoted(domain))?;
        }
        let asked: Vec<_> = self.asked.iter().filter(|(name, _)| !name.is_odd() && !is_reached(name) && !is_carried(name)).collect();
        if asked.is_empty() {
            return Ok(());
        }
        writeln!(
            out,
            "\n# Looked up and not reached, or only as told above: the port lets them be asked for, and no more.\n[[allow]]\nnames = ["
        )?;
        asked.iter().try_for_each(|(name, seen)| writeln!(out, "    {}, # {}", quoted(name.as_str()), self.seen(seen)))?;
        writeln!(out, "]\nports = [53]")
    }

    fn seen(&self, count: &Count) -> String {
        format!("{} in {} of {}", plural(count.flows, "flow"), count.captures, self.captures)
    }
}

impl Kind {
    /// Whether a person must decide on it, so that it is commented out.
    fn is_doubtful(self) -> bool {
        !matches!(self, Self::Plain | Self::Unanswered | Self::Time)
    }

    /// What is to be said of it.
    fn why(self) -> Option<String> {
        let why = match self {
            Self::Plain => return None,
            Self::Unanswered => "No answer was seen that gives this name its address: it is held to those at which it was asked for.",
            Self::Time => "Time, in the clear.",
            Self::Unnamed => "Nobody asked for a name, and none was answered for these addresses: find out whose they are.",
            Self::InTheClear(_) => "In the clear: permit it where it is documented and harmless, or have it encrypted.",
            Self::Breaks(rule) => {
                return Some(format!("{rule} is broken here: allowing the place leaves the audit failing until that is mended or waived."));
            }
            Self::Unrecognised => "Nobody knows what was spoken here: allowing the place leaves the audit inconclusive (WW202).",
            Self::Inbound => "Opened towards the agent.",
            Self::UnknownOpener => "It is not known who opened these: allowing the place leaves the audit inconclusive (WW103).",
        };
        Some(why.to_owned())
    }
}

fn count<K: Ord>(of: &mut BTreeMap<K, Count>, beyond: &mut u64, capture: u32, key: K) {
    if of.len() >= limits::LEARNT && !of.contains_key(&key) {
        *beyond += 1;
    } else {
        of.entry(key).or_default().add(capture);
    }
}

fn plural(n: impl Into<u64>, what: &str) -> String {
    match n.into() {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
