//! The effective policy as text: every entry with where it stands.

use std::fmt::{self, Write as _};
use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::{Agent, Allow, Deny, Inbound, Origin, Pattern, Policy, Waiver};
use crate::fact::Transport;

impl Policy {
    /// What is in force, entry by entry, each with the policy and line that it comes from.
    #[must_use]
    pub fn show(&self) -> String {
        let mut out = String::new();
        // writing to a string does not fail
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        for used in &self.used {
            writeln!(out, "policy      {} (sha256 {})", used.name, used.sha256)?;
            used.variables.iter().try_for_each(|(name, value)| writeln!(out, "variable    {name} = {value} ({})", used.name))?;
        }
        for Setting { word, text, from } in self.settings() {
            writeln!(out, "{word:<11} {text}{from}")?;
        }
        self.deny.entries().iter().try_for_each(|entry| write_deny(out, entry))?;
        self.allow.iter().try_for_each(|entry| write_allow(out, entry))?;
        self.inbound.iter().try_for_each(|entry| writeln!(out, "inbound     {} ({})", inbound(entry), entry.origin))?;
        for (code, severity, origin) in &self.severity {
            writeln!(out, "severity    {code} {} ({origin})", severity.as_str())?;
        }
        self.waivers.iter().try_for_each(|waived| writeln!(out, "waiver      {} ({})", waiver(waived), waived.origin))
    }

    /// Everything in force but entries, severities and waivers.
    pub(super) fn settings(&self) -> Vec<Setting> {
        let origins = &self.origins;
        let mut all = Vec::new();
        let mut set = |word, text: String, from: String| all.push(Setting { word, text, from });
        for (_, day, origin) in &self.dated {
            set("dated", day.clone(), from(Some(origin)));
        }
        for (at, agent) in self.agents.iter().enumerate() {
            set("agent", agent.to_string(), from(origins.agents.get(at)));
        }
        set("tls", format!("at least {}", self.tls_minimum), from_or_default(origins.tls_minimum.as_ref()));
        for (at, suite) in self.tls_ciphers.iter().flatten().enumerate() {
            set("cipher", suite.to_string(), from(origins.tls_ciphers.get(at)));
        }
        for file in &self.roots {
            set("roots", format!("{}, certificates: {}", file.path, file.certificates.len()), from(Some(&file.origin)));
        }
        match self.resolvers.as_deref() {
            None => set("resolver", "any private address".to_owned(), DEFAULT.to_owned()),
            Some([]) => set("resolver", "none".to_owned(), String::new()),
            Some(nets) => {
                for (at, net) in nets.iter().enumerate() {
                    set("resolver", net.to_string(), from(origins.resolvers.get(at)));
                }
            }
        }
        for (at, suffix) in self.search.iter().enumerate() {
            set("search", suffix.to_string(), from(origins.search.get(at)));
        }
        set("dns_binding", self.dns_binding.as_str().to_owned(), from_or_default(origins.dns_binding.as_ref()));
        match &self.dns_grace {
            Some((_, written)) => set("dns answers", format!("stand for {written} after their TTL"), from(origins.dns_grace.as_ref())),
            None => set("dns answers", "stand for ever".to_owned(), DEFAULT.to_owned()),
        }
        let tunnel = origins.dns_tunnel.iter().flatten().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let tunnel = if tunnel.is_empty() { DEFAULT.to_owned() } else { format!(" ({tunnel})") };
        set("dns tunnel", self.dns_tunnel.show(), tunnel);
        set("ech", self.ech.as_str().to_owned(), from_or_default(origins.ech.as_ref()));
        set("dns inside", self.encrypted_dns.as_str().to_owned(), from_or_default(origins.encrypted_dns.as_ref()));
        for (name, origin) in &self.encrypted_resolvers {
            set("resolver", format!("{name}, encrypted"), from(Some(origin)));
        }
        match &self.counts.list {
            None => set("encrypted", "by whatever handshake shows it".to_owned(), DEFAULT.to_owned()),
            Some(list) => list.iter().for_each(|(word, origin)| set("encrypted", format!("by {word}"), from(Some(origin)))),
        }
        if !self.private.is_none() {
            set("allow", format!("{} under any name", self.private), from(origins.private.as_ref()));
        }
        if !self.allows_destinations() {
            let message = "nothing is said of destinations: they are listed, and WW912 keeps the audit from passing";
            set("allow", message.to_owned(), String::new());
        }
        for (word, list) in [("mirror", &self.tunnels.mirror), ("own tunnel", &self.tunnels.own)] {
            list.iter().for_each(|(which, origin)| set(word, which.to_string(), from(Some(origin))));
        }
        for (prefix, origin) in &self.nat64.prefixes {
            set("nat64", prefix.to_string(), from(Some(origin)));
        }
        let required = &self.coverage;
        if let Some((_, duration)) = &required.min_duration {
            set("coverage", format!("over {duration} at least"), from(origins.min_duration.as_ref()));
        }
        if let Some(flows) = required.min_flows {
            set("coverage", format!("{flows} flows at least"), from(origins.min_flows.as_ref()));
        }
        for (who, origin) in &required.expect {
            set("coverage", format!("{who} must be seen"), from(Some(origin)));
        }
        all
    }
}

/// One thing that is in force.
pub(super) struct Setting {
    /// What it is about.
    pub word: &'static str,
    /// What it is.
    pub text: String,
    /// Where it stands, as it is printed behind it.
    pub from: String,
}

const DEFAULT: &str = " (default)";

fn write_allow(out: &mut String, entry: &Allow) -> fmt::Result {
    write_place(out, "allow      ", &entry.names, &entry.cidrs, &entry.ports, entry.transport)?;
    if !entry.protocols.is_empty() {
        write!(out, ", speaking {}", entry.protocols.join(" "))?;
    }
    if !entry.plaintext.is_empty() {
        write!(out, ", plaintext {}", entry.plaintext.join(" "))?;
    }
    if !entry.paths.is_empty() {
        write!(out, ", paths {}", entry.paths.join(" "))?;
    }
    entry.when.iter().try_for_each(|when| write!(out, "{when}"))?;
    writeln!(out, "\n            {}", entry.label())?;
    entry.source.iter().try_for_each(|source| writeln!(out, "            source: {source}"))
}

fn write_deny(out: &mut String, entry: &Deny) -> fmt::Result {
    write_place(out, "deny       ", &entry.names, &entry.cidrs, &entry.ports, entry.transport)?;
    entry.agents.iter().try_for_each(|agent| write!(out, ", for {agent}"))?;
    writeln!(out, "\n            {}", entry.label())?;
    entry.source.iter().try_for_each(|source| writeln!(out, "            source: {source}"))
}

fn write_place(
    out: &mut String,
    word: &str,
    names: &[Pattern],
    cidrs: &[IpNet],
    to: &[RangeInclusive<u16>],
    transport: Option<Transport>,
) -> fmt::Result {
    let what = match (names.is_empty(), cidrs.is_empty()) {
        (false, false) => format!("{} at {}", list(names), list(cidrs)),
        (false, true) => list(names),
        _ => list(cidrs),
    };
    write!(out, "{word} {what}")?;
    if !to.is_empty() {
        write!(out, ", port {}", ports(to))?;
    }
    transport.iter().try_for_each(|transport| write!(out, ", {transport} alone"))
}

/// What comes in, in words.
pub(super) fn inbound(entry: &Inbound) -> String {
    let from = if entry.from.is_empty() { "anywhere".to_owned() } else { list(&entry.from) };
    let mut out = format!("from {from}");
    if !entry.ports.is_empty() {
        _ = write!(out, ", port {}", ports(&entry.ports));
    }
    entry.transport.iter().for_each(|transport| _ = write!(out, ", {transport} alone"));
    if !entry.protocols.is_empty() {
        _ = write!(out, ", speaking {}", entry.protocols.join(" "));
    }
    entry.when.iter().for_each(|when| _ = write!(out, "{when}"));
    entry.purpose.iter().for_each(|purpose| _ = write!(out, ": {purpose}"));
    out
}

/// What is waived, in words.
pub(super) fn waiver(waiver: &Waiver) -> String {
    let mut out = waiver.rule.clone();
    if !waiver.names.is_empty() {
        _ = write!(out, " of {}", list(&waiver.names));
    }
    if !waiver.cidrs.is_empty() {
        _ = write!(out, " at {}", list(&waiver.cidrs));
    }
    if let Some((_, day)) = &waiver.until {
        _ = write!(out, " until {day}");
    }
    _ = write!(out, ": {}{}", waiver.reason, waiver.granting());
    out
}

fn from(origin: Option<&Origin>) -> String {
    origin.map(|origin| format!(" ({origin})")).unwrap_or_default()
}

fn from_or_default(origin: Option<&Origin>) -> String {
    origin.map_or_else(|| DEFAULT.to_owned(), |origin| format!(" ({origin})"))
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

pub(super) fn ports(ranges: &[RangeInclusive<u16>]) -> String {
    let range = |r: &RangeInclusive<u16>| if r.start() == r.end() { r.start().to_string() } else { format!("{}-{}", r.start(), r.end()) };
    ranges.iter().map(range).collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Net(net) if net.prefix_len() == net.max_prefix_len() => write!(f, "{}", net.addr()),
            Self::Net(net) => write!(f, "{net}"),
            Self::Mac([a, b, c, d, e, g]) => write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}"),
        }
    }
}
