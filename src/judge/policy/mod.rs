//! The policy, compiled: what the judge asks of it. [`load`](Policy::load) reads it, [`profiles`] are built in, and
//! [`show`](Policy::show) writes down what is in force and where each part of it stands.

mod compile;
mod counts;
mod coverage;
mod covering;
mod deny;
mod diff;
mod dns_tunnel;
mod draft;
mod errors;
mod groups;
pub mod import;
mod index;
mod load;
mod nat64;
mod nets;
mod parse;
mod pattern;
mod private;
pub mod profiles;
mod roots;
pub mod schema;
mod shapes;
mod show;
pub mod suite;
mod tunnels;
mod variables;
mod warnings;
mod when;
mod words;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::ops::RangeInclusive;

use ipnet::IpNet;

pub use counts::Counts;
pub use coverage::{Expect, Required};
pub use deny::{Denials, Deny};
pub use diff::{Change, Changed};
pub use dns_tunnel::{DnsTunnel, Threshold};
pub(in crate::judge) use errors::nearest;
pub use errors::{Mistake, PolicyErrors};
pub use load::Known;
pub use nat64::{Nat64, canonical};
pub use nets::Nets;
pub use pattern::Pattern;
pub use private::Private;
pub use roots::RootsFile;
pub use tunnels::{TunnelIs, Tunnels};
pub use variables::parse_setting;
pub use when::{When, Window};
pub(in crate::judge) use words::parse_moment;
pub use words::{parse_agent, parse_ports};

use super::{PolicyUsed, Severity};
use crate::fact::{CipherSuite, Name, Timestamp, TlsVersion, Transport};

/// Several policies united.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What it was made from, in order, extended ones included.
    pub used: Vec<PolicyUsed>,
    /// The agents that it names.
    pub agents: Vec<Agent>,
    /// Which private destinations are allowed under any name.
    pub private: Private,
    /// The lowest version of TLS.
    pub tls_minimum: TlsVersion,
    /// The only suites allowed, where the policy lists them.
    pub tls_ciphers: Option<Vec<CipherSuite>>,
    /// Roots that certificates must lead to, a file each; none: trust is not judged.
    pub roots: Vec<RootsFile>,
    /// The only resolvers allowed; `None`: private ones.
    pub resolvers: Option<Vec<IpNet>>,
    /// Search suffixes.
    pub search: Vec<Name>,
    /// How strictly names and addresses must belong together.
    pub dns_binding: DnsBinding,
    /// How long after its TTL an answer binds its name to its addresses, in nanoseconds, and as written; for ever where nothing is said.
    pub dns_grace: Option<(i64, String)>,
    /// From what on queries are shaped like data carried out.
    pub dns_tunnel: DnsTunnel,
    /// What an encrypted ClientHello is worth.
    pub ech: Ech,
    /// What counts as encrypted.
    pub counts: Counts,
    /// What encrypted DNS to a resolver outside the policy is worth.
    pub encrypted_dns: EncryptedDns,
    /// Resolvers of encrypted DNS by name, beside those that everybody knows: they may be asked.
    pub encrypted_resolvers: Vec<(Pattern, Origin)>,
    /// Allowed destinations.
    pub allow: Vec<Allow>,
    /// The names of [`Policy::allow`].
    index: index::Index,
    /// Denied destinations.
    pub deny: Denials,
    /// Permitted inbound.
    pub inbound: Vec<Inbound>,
    /// Severities that differ from the rule's own: code, severity, origin.
    pub severity: Vec<(String, Severity, Origin)>,
    /// Waivers.
    pub waivers: Vec<Waiver>,
    /// Whose traffic tunnels are.
    pub tunnels: Tunnels,
    /// Behind which prefixes IPv4 addresses stand.
    pub nat64: Nat64,
    /// What must have been seen.
    pub coverage: Required,
    /// Of which day its lists are, where they say so: the end of the day, the day as written, and where that stands.
    pub dated: Vec<(Timestamp, String, Origin)>,
    /// Where its scalars and plain lists stand.
    pub origins: Origins,
}

/// Where the parts of a policy stand that do not say so themselves: `None` for a default, one a word for lists.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    /// Of [`Policy::private`].
    pub private: Option<Origin>,
    /// Of [`Policy::tls_minimum`].
    pub tls_minimum: Option<Origin>,
    /// Of [`Policy::dns_binding`].
    pub dns_binding: Option<Origin>,
    /// Of [`Policy::dns_grace`].
    pub dns_grace: Option<Origin>,
    /// Of [`Policy::dns_tunnel`], in the order of its keys.
    pub dns_tunnel: [Option<Origin>; DnsTunnel::KEYS.len()],
    /// Of [`Policy::ech`].
    pub ech: Option<Origin>,
    /// Of [`Policy::encrypted_dns`].
    pub encrypted_dns: Option<Origin>,
    /// Of [`Required::min_duration`].
    pub min_duration: Option<Origin>,
    /// Of [`Required::min_flows`].
    pub min_flows: Option<Origin>,
    /// Of [`Policy::agents`]; shorter where agents were named elsewhere than in a policy.
    pub agents: Vec<Origin>,
    /// Of [`Policy::search`].
    pub search: Vec<Origin>,
    /// Of [`Policy::tls_ciphers`].
    pub tls_ciphers: Vec<Origin>,
    /// Of [`Policy::resolvers`].
    pub resolvers: Vec<Origin>,
}

/// One client of the audit, by one of the things it is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Agent {
    /// An address or prefix.
    Net(IpNet),
    /// A MAC address.
    Mac([u8; 6]),
}

/// How strictly an allowed name must have been answered with the address it is used at (WW304).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DnsBinding {
    /// Not asked.
    Off,
    /// Never answered is undetermined.
    #[default]
    Prefer,
    /// Never answered is a violation.
    Require,
}

/// What an encrypted ClientHello that is not known to be grease is worth (WW305).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ech {
    /// The outer name is taken as the name, and that is listed.
    Allow,
    /// Undetermined.
    #[default]
    Undetermined,
    /// A violation.
    Violation,
}

/// What encrypted DNS to a resolver outside the policy is worth (WW401).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EncryptedDns {
    /// It is permitted wherever the destination is, and listed.
    Allow,
    /// Undetermined: which names are asked inside is not seen.
    #[default]
    Undetermined,
    /// A violation.
    Violation,
}

impl DnsBinding {
    pub(super) const WORDS: [(&str, Self); 3] = [("off", Self::Off), ("prefer", Self::Prefer), ("require", Self::Require)];

    /// The policy's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Prefer => "prefer",
            Self::Require => "require",
        }
    }
}

impl EncryptedDns {
    /// The severity of the finding, where there is one.
    #[must_use]
    pub const fn severity(self) -> Option<Severity> {
        match self {
            Self::Allow => None,
            Self::Undetermined => Some(Severity::Undetermined),
            Self::Violation => Some(Severity::Violation),
        }
    }

    pub(super) const WORDS: [(&str, Self); 3] =
        [("allow", Self::Allow), ("undetermined", Self::Undetermined), ("violation", Self::Violation)];

    /// The policy's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Undetermined => "undetermined",
            Self::Violation => "violation",
        }
    }
}

impl Ech {
    pub(super) const WORDS: [(&str, Self); 3] =
        [("allow", Self::Allow), ("undetermined", Self::Undetermined), ("violation", Self::Violation)];

    /// The policy's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Undetermined => "undetermined",
            Self::Violation => "violation",
        }
    }
}

/// Where an entry stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The policy's name.
    pub policy: String,
    /// The line of the entry, from 1.
    pub line: usize,
}

/// An allowed destination.
#[derive(Clone, Debug, Default)]
pub struct Allow {
    /// Names; empty: any or none.
    pub names: Vec<Pattern>,
    /// Addresses; empty: any.
    pub cidrs: Nets,
    /// Ports; empty: any.
    pub ports: Vec<RangeInclusive<u16>>,
    /// The only transport.
    pub transport: Option<Transport>,
    /// What must be spoken there, by the names in `inspect::PROTOCOLS`; empty: anything.
    pub protocols: Vec<String>,
    /// Protocols that may go in the clear, by their names in `inspect::PROTOCOLS`.
    pub plaintext: Vec<String>,
    /// The only paths that requests of HTTP in the clear may ask for; empty: any.
    pub paths: Vec<String>,
    /// For whom and when, where that is not everybody and always.
    pub when: Option<Box<When>>,
    /// What it is for.
    pub purpose: Option<String>,
    /// The document that it is taken from.
    pub source: Option<String>,
    /// Where it stands.
    pub origin: Origin,
}

/// Permitted inbound.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// From where; empty: anywhere.
    pub from: Vec<IpNet>,
    /// To which ports of the agent; empty: any.
    pub ports: Vec<RangeInclusive<u16>>,
    /// The only transport.
    pub transport: Option<Transport>,
    /// Speaking what (`ssh`, `icmp-echo`, ...); empty: anything that is encrypted.
    pub protocols: Vec<String>,
    /// For whom and when, where that is not everybody and always.
    pub when: Option<Box<When>>,
    /// What it is for.
    pub purpose: Option<String>,
    /// Where it stands.
    pub origin: Origin,
}

/// A finding that is known and borne for a while.
#[derive(Clone, Debug)]
pub struct Waiver {
    /// The rule.
    pub rule: String,
    /// Only for these names; empty: any.
    pub names: Vec<Pattern>,
    /// Only for these peers; empty: any.
    pub cidrs: Vec<IpNet>,
    /// Until the end of this day (UTC): the first moment that is no longer covered, and the day as written.
    pub until: Option<(Timestamp, String)>,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The day on which it was granted, as written.
    pub granted: Option<String>,
    /// Where it stands.
    pub origin: Origin,
}

impl Waiver {
    /// Who granted it and when, where it says so: `, granted 2026-11-01 by the network team`.
    #[must_use]
    pub fn granting(&self) -> String {
        match (&self.granted, &self.owner) {
            (None, None) => String::new(),
            (Some(day), None) => format!(", granted {day}"),
            (None, Some(owner)) => format!(", granted by {owner}"),
            (Some(day), Some(owner)) => format!(", granted {day} by {owner}"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.policy, self.line)
    }
}

impl Policy {
    /// Whether it says where traffic may go at all.
    #[must_use]
    pub fn allows_destinations(&self) -> bool {
        !self.private.is_none() || !self.allow.is_empty()
    }

    /// Whether plain DNS may go to this address: a listed resolver, or a private one where none is listed.
    #[must_use]
    pub fn resolver_allowed(&self, ip: IpAddr) -> bool {
        let ip = self.nat64.canonical(ip);
        self.resolvers.as_ref().map_or_else(|| is_private(ip), |nets| nets.iter().any(|net| net.contains(&ip)))
    }

    /// Whether a name is of a resolver of encrypted DNS that the policy permits.
    #[must_use]
    pub fn encrypted_resolver_allowed(&self, name: &Name) -> bool {
        self.encrypted_resolvers.iter().any(|(pattern, _)| pattern.matches(name))
    }

    /// Whether an address is private: RFC 1918, unique local (RFC 4193), or link-local of either family.
    #[must_use]
    pub fn is_private(&self, ip: IpAddr) -> bool {
        is_private(self.nat64.canonical(ip))
    }

    /// Whether a private address is allowed under any name.
    #[must_use]
    pub fn private_allowed(&self, ip: IpAddr) -> bool {
        !self.private.is_none() && self.private.covers(self.nat64.canonical(ip))
    }

    /// The first entry that has the name, whatever its ports, its agents and its time; none where the name is denied.
    #[must_use]
    pub fn name_allowed(&self, name: &Name) -> Option<&Allow> {
        self.entries_named(name).next().filter(|_| self.deny.whole(name).is_none())
    }

    /// The entries that have the name, whatever their ports and addresses.
    pub fn entries_named(&self, name: &Name) -> impl Iterator<Item = &Allow> {
        self.index.of(name).into_iter().filter_map(|n| self.allow.get(n))
    }

    /// Whether an agent may ask a resolver for the name: it is allowed, at whatever time, or allowed under a search suffix, or the reverse of an
    /// address; and it is not denied.
    #[must_use]
    pub fn query_allowed(&self, name: &Name, agent: IpAddr) -> bool {
        let is_allowed = |name: &Name| {
            let is_for = |entry: &Allow| entry.when.as_ref().is_none_or(|when| when.is_for(agent));
            self.entries_named(name).any(is_for) && self.deny.query(name, agent).is_none()
        };
        let searched = |suffix: &Name| {
            let inner = name.as_str().strip_suffix(suffix.as_str()).and_then(|inner| inner.strip_suffix('.'));
            inner.is_some_and(|inner| is_allowed(&Name::from_wire(inner.as_bytes())))
        };
        let is_denied = || self.deny.query(name, agent).is_some();
        is_allowed(name) || (self.search.iter().any(searched) || is_reverse(name)) && !is_denied()
    }
}

impl Allow {
    /// Whether one of its patterns has the name.
    #[must_use]
    pub fn covers_name(&self, name: &Name) -> bool {
        self.names.iter().any(|pattern| pattern.matches(name))
    }

    /// Whether one of its prefixes has the address. One behind a prefix of the network's own is the caller's to translate ([`Nat64`]).
    #[must_use]
    pub fn covers_address(&self, ip: IpAddr) -> bool {
        self.cidrs.covers(canonical(ip))
    }

    /// Whether it allows the port over the transport.
    #[must_use]
    pub fn covers_port(&self, port: u16, transport: Transport) -> bool {
        covers_port(&self.ports, self.transport, port, transport)
    }

    /// Whether requests may ask for a path. One with steps up or back, or with escapes that may be such, is nobody's.
    #[must_use]
    pub fn covers_path(&self, path: &str) -> bool {
        let lower = path.to_ascii_lowercase();
        let is_plain =
            !lower.split('/').any(|step| matches!(step, "." | "..")) && !["%2e", "%2f", "%5c", "\\"].iter().any(|odd| lower.contains(odd));
        self.paths.is_empty() || is_plain && self.paths.iter().any(|pattern| pattern::fits(pattern.as_bytes(), path.as_bytes()))
    }

    /// Where it stands and what it is for: `azure-arc:14 Hybrid identity`.
    #[must_use]
    pub fn label(&self) -> String {
        label(&self.origin, self.purpose.as_deref())
    }
}

fn covers_port(ports: &[RangeInclusive<u16>], only: Option<Transport>, port: u16, transport: Transport) -> bool {
    only.is_none_or(|only| only == transport) && (ports.is_empty() || ports.iter().any(|range| range.contains(&port)))
}

/// Whether an agent is one of these; of none: any.
fn covers_agent(agents: &[IpNet], agent: IpAddr) -> bool {
    agents.is_empty() || agents.iter().any(|net| net.contains(&canonical(agent)))
}

fn label(origin: &Origin, purpose: Option<&str>) -> String {
    match purpose {
        Some(purpose) => format!("{origin} {purpose}"),
        None => origin.to_string(),
    }
}

/// RFC 1918, unique local (RFC 4193), and link-local of both families.
pub(super) fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => is_unique_local(ip) || ip.segments()[0] & 0xffc0 == 0xfe80,
    }
}

fn is_unique_local(ip: Ipv6Addr) -> bool {
    ip.segments()[0] & 0xfe00 == 0xfc00
}

/// Whether a name is the reverse of one address (RFC 1035 section 3.5, RFC 3596 section 2.5), written in the one way there is: nothing in
/// it could carry other data out.
pub(super) fn is_reverse(name: &Name) -> bool {
    let text = name.as_str();
    if let Some(octets) = text.strip_suffix(".in-addr.arpa") {
        let is_octet = |octet: &str| octet.parse::<u8>().is_ok_and(|value| value.to_string() == octet);
        return octets.split('.').count() == 4 && octets.split('.').all(is_octet);
    }
    if let Some(nibbles) = text.strip_suffix(".ip6.arpa") {
        let is_nibble = |nibble: &str| nibble.len() == 1 && nibble.bytes().all(|b| b.is_ascii_hexdigit());
        return nibbles.split('.').count() == 32 && nibbles.split('.').all(is_nibble);
    }
    false
}

#[cfg(test)]
mod tests;
