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
        let origins = &self.origins;
        for used in &self.used {
            writeln!(out, "policy      {} (sha256 {})", used.name, used.sha256)?;
            used.variables.iter().try_for_each(|(name, value)| writeln!(out, "variable    {name} = {value} ({})", used.name))?;
        }
        for (_, day, origin) in &self.dated {
            writeln!(out, "dated       {day} ({origin})")?;
        }
        for (at, agent) in self.agents.iter().enumerate() {
            writeln!(out, "agent       {agent}{}", from(origins.agents.get(at)))?;
        }
        writeln!(out, "tls         at least {}{}", self.tls_minimum, from_or_default(origins.tls_minimum.as_ref()))?;
        for (at, suite) in self.tls_ciphers.iter().flatten().enumerate() {
            writeln!(out, "cipher      {suite}{}", from(origins.tls_ciphers.get(at)))?;
        }
        for file in &self.roots {
            writeln!(out, "roots       {}, certificates: {} ({})", file.path, file.certificates.len(), file.origin)?;
        }
        match self.resolvers.as_deref() {
            None => writeln!(out, "resolver    any private address (default)")?,
            Some([]) => writeln!(out, "resolver    none")?,
            Some(nets) => {
                for (at, net) in nets.iter().enumerate() {
                    writeln!(out, "resolver    {net}{}", from(origins.resolvers.get(at)))?;
                }
            }
        }
        for (at, suffix) in self.search.iter().enumerate() {
            writeln!(out, "search      {suffix}{}", from(origins.search.get(at)))?;
        }
        writeln!(out, "dns_binding {}{}", self.dns_binding.as_str(), from_or_default(origins.dns_binding.as_ref()))?;
        let tunnel = origins.dns_tunnel.iter().flatten().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let tunnel = if tunnel.is_empty() { "default".to_owned() } else { tunnel };
        writeln!(out, "dns tunnel  {} ({tunnel})", self.dns_tunnel.show())?;
        writeln!(out, "ech         {}{}", self.ech.as_str(), from_or_default(origins.ech.as_ref()))?;
        writeln!(out, "dns inside  {}{}", self.encrypted_dns.as_str(), from_or_default(origins.encrypted_dns.as_ref()))?;
        for (name, origin) in &self.encrypted_resolvers {
            writeln!(out, "resolver    {name}, encrypted ({origin})")?;
        }
        match &self.counts.list {
            None => writeln!(out, "encrypted   by whatever handshake shows it (default)")?,
            Some(list) => list.iter().try_for_each(|(word, origin)| writeln!(out, "encrypted   by {word} ({origin})"))?,
        }
        if !self.private.is_none() {
            writeln!(out, "allow       {} under any name{}", self.private, from(origins.private.as_ref()))?;
        }
        if !self.allows_destinations() {
            writeln!(out, "allow       nothing is said of destinations: they are listed, and WW912 keeps the audit from passing")?;
        }
        for (word, list) in [("mirror     ", &self.tunnels.mirror), ("own tunnel ", &self.tunnels.own)] {
            list.iter().try_for_each(|(which, origin)| writeln!(out, "{word} {which} ({origin})"))?;
        }
        for (prefix, origin) in &self.nat64.prefixes {
            writeln!(out, "nat64       {prefix} ({origin})")?;
        }
        let required = &self.coverage;
        if let Some((_, duration)) = &required.min_duration {
            writeln!(out, "coverage    over {duration} at least{}", from(origins.min_duration.as_ref()))?;
        }
        if let Some(flows) = required.min_flows {
            writeln!(out, "coverage    {flows} flows at least{}", from(origins.min_flows.as_ref()))?;
        }
        for (who, origin) in &required.expect {
            writeln!(out, "coverage    {who} must be seen ({origin})")?;
        }
        self.deny.entries().iter().try_for_each(|entry| write_deny(out, entry))?;
        self.allow.iter().try_for_each(|entry| write_allow(out, entry))?;
        self.inbound.iter().try_for_each(|entry| write_inbound(out, entry))?;
        for (code, severity, origin) in &self.severity {
            writeln!(out, "severity    {code} {} ({origin})", severity.as_str())?;
        }
        self.waivers.iter().try_for_each(|waiver| write_waiver(out, waiver))
    }
}

fn write_allow(out: &mut String, entry: &Allow) -> fmt::Result {
    write_place(out, "allow      ", &entry.names, &entry.cidrs, &entry.ports, entry.transport)?;
    if !entry.protocols.is_empty() {
        write!(out, ", speaking {}", entry.protocols.join(" "))?;
    }
    if !entry.plaintext.is_empty() {
        write!(out, ", plaintext {}", entry.plaintext.join(" "))?;
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

fn write_inbound(out: &mut String, entry: &Inbound) -> fmt::Result {
    let from = if entry.from.is_empty() { "anywhere".to_owned() } else { list(&entry.from) };
    write!(out, "inbound     from {from}")?;
    if !entry.ports.is_empty() {
        write!(out, ", port {}", ports(&entry.ports))?;
    }
    if !entry.protocols.is_empty() {
        write!(out, ", speaking {}", entry.protocols.join(" "))?;
    }
    entry.when.iter().try_for_each(|when| write!(out, "{when}"))?;
    entry.purpose.iter().try_for_each(|purpose| write!(out, ": {purpose}"))?;
    writeln!(out, " ({})", entry.origin)
}

fn write_waiver(out: &mut String, waiver: &Waiver) -> fmt::Result {
    write!(out, "waiver      {}", waiver.rule)?;
    if !waiver.names.is_empty() {
        write!(out, " of {}", list(&waiver.names))?;
    }
    if !waiver.cidrs.is_empty() {
        write!(out, " at {}", list(&waiver.cidrs))?;
    }
    if let Some((_, day)) = &waiver.until {
        write!(out, " until {day}")?;
    }
    writeln!(out, ": {}{} ({})", waiver.reason, waiver.granting(), waiver.origin)
}

fn from(origin: Option<&Origin>) -> String {
    origin.map(|origin| format!(" ({origin})")).unwrap_or_default()
}

fn from_or_default(origin: Option<&Origin>) -> String {
    origin.map_or_else(|| " (default)".to_owned(), |origin| format!(" ({origin})"))
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn ports(ranges: &[RangeInclusive<u16>]) -> String {
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
