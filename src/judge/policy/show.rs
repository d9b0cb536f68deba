//! The effective policy as text: every entry with where it stands.

use std::fmt::{self, Write as _};

use super::{Agent, Policy};

impl Policy {
    /// What is in force, entry by entry.
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
        }
        for agent in &self.agents {
            writeln!(out, "agent       {agent}")?;
        }
        writeln!(out, "tls         at least {}", self.tls_minimum)?;
        for suite in self.tls_ciphers.iter().flatten() {
            writeln!(out, "cipher      {suite}")?;
        }
        match &self.resolvers {
            Some(nets) => nets.iter().try_for_each(|net| writeln!(out, "resolver    {net}"))?,
            None => writeln!(out, "resolver    any private address")?,
        }
        for suffix in &self.search {
            writeln!(out, "search      {suffix}")?;
        }
        writeln!(out, "dns_binding {:?}", self.dns_binding)?;
        writeln!(out, "ech         {:?}", self.ech)?;
        if self.private {
            writeln!(out, "allow       private addresses under any name")?;
        }
        for entry in &self.allow {
            let words = |items: Vec<String>| items.join(" ");
            let mut what = words(entry.names.iter().map(ToString::to_string).chain(entry.cidrs.iter().map(ToString::to_string)).collect());
            if !entry.ports.is_empty() {
                let ports = entry
                    .ports
                    .iter()
                    .map(|r| if r.start() == r.end() { r.start().to_string() } else { format!("{}-{}", r.start(), r.end()) });
                write!(what, " port {}", words(ports.collect()))?;
            }
            if let Some(transport) = entry.transport {
                write!(what, " {transport}")?;
            }
            if !entry.plaintext.is_empty() {
                write!(what, " plaintext {}", entry.plaintext.join(" "))?;
            }
            writeln!(out, "allow       {what}\n            {}", entry.label())?;
            if let Some(source) = &entry.source {
                writeln!(out, "            source: {source}")?;
            }
        }
        for entry in &self.inbound {
            let from = if entry.from.is_empty() {
                "anywhere".to_owned()
            } else {
                entry.from.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
            };
            let what =
                entry.ports.iter().map(|r| r.start().to_string()).chain(entry.protocols.iter().cloned()).collect::<Vec<_>>().join(" ");
            writeln!(out, "inbound     {what} from {from}\n            {}:{}", entry.origin.policy, entry.origin.line)?;
        }
        for (code, severity, origin) in &self.severity {
            writeln!(out, "severity    {code} {} ({}:{})", severity.as_str(), origin.policy, origin.line)?;
        }
        for waiver in &self.waivers {
            let until = waiver.until.as_ref().map(|(_, day)| format!(" until {day}")).unwrap_or_default();
            writeln!(out, "waiver      {}{until}: {} ({}:{})", waiver.rule, waiver.reason, waiver.origin.policy, waiver.origin.line)?;
        }
        Ok(())
    }
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
