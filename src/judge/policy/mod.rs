//! The policy, compiled: what the judge asks of it.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::IpNet;

mod stub;
use super::{PolicyUsed, Severity};
use crate::fact::{CipherSuite, Name, Timestamp, TlsVersion, Transport};

/// Several policies united.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What it was made from, in order, extended ones included.
    pub used: Vec<PolicyUsed>,
    /// The agents that it names.
    pub agents: Vec<Agent>,
    /// Whether private destinations are allowed under any name.
    pub private: bool,
    /// The lowest version of TLS.
    pub tls_minimum: TlsVersion,
    /// The only suites allowed, where the policy lists them.
    pub tls_ciphers: Option<Vec<CipherSuite>>,
    /// The only resolvers allowed; `None`: private ones.
    pub resolvers: Option<Vec<IpNet>>,
    /// Search suffixes.
    pub search: Vec<Name>,
    /// How strictly names and addresses must belong together.
    pub dns_binding: DnsBinding,
    /// What an encrypted ClientHello is worth.
    pub ech: Ech,
    /// Allowed destinations.
    pub allow: Vec<Allow>,
    /// Permitted inbound.
    pub inbound: Vec<Inbound>,
    /// Severities that differ from the rule's own: code, severity, origin.
    pub severity: Vec<(String, Severity, Origin)>,
    /// Waivers.
    pub waivers: Vec<Waiver>,
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

/// What an encrypted ClientHello that may be real is worth (WW305).
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

/// Where an entry stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The policy's name.
    pub policy: String,
    /// The line of the entry, from 1.
    pub line: usize,
}

/// An allowed destination.
#[derive(Clone, Debug)]
pub struct Allow {
    /// Names; empty: any or none.
    pub names: Vec<Pattern>,
    /// Addresses; empty: any.
    pub cidrs: Vec<IpNet>,
    /// Ports; empty: any.
    pub ports: Vec<RangeInclusive<u16>>,
    /// The only transport.
    pub transport: Option<Transport>,
    /// Protocols that may go in the clear, by their names in `inspect::PROTOCOLS`.
    pub plaintext: Vec<String>,
    /// What it is for.
    pub purpose: Option<String>,
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
    /// Speaking what (`ssh`, `icmp-echo`, ...); empty: anything that is encrypted.
    pub protocols: Vec<String>,
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
    /// Where it stands.
    pub origin: Origin,
}

/// A name pattern. `*.` at the front is one or more labels; a `*` inside a label stays within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
}

/// RFC 1918, RFC 4193 (ULA), link-local of both families; IPv4-mapped addresses by their IPv4.
#[must_use]
pub fn is_private(_ip: IpAddr) -> bool {
    todo!()
}
