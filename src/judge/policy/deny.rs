//! Negative entries: what no other word of any policy allows.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::index::Index;
use super::{Nets, Origin, Pattern, covers_agent, covers_port, label};
use crate::fact::{Name, Transport};

/// A denied destination. It holds against every entry that allows the same, private addresses and resolvers, wherever they are written.
#[derive(Clone, Debug)]
pub struct Deny {
    /// Names; empty: any or none.
    pub names: Vec<Pattern>,
    /// Addresses; empty: any.
    pub cidrs: Nets,
    /// Ports; empty: any.
    pub ports: Vec<RangeInclusive<u16>>,
    /// The only transport.
    pub transport: Option<Transport>,
    /// The agents that it is for, by their addresses; empty: all.
    pub agents: Vec<IpNet>,
    /// Why.
    pub purpose: Option<String>,
    /// The document that it is taken from.
    pub source: Option<String>,
    /// Where it stands.
    pub origin: Origin,
}

impl Deny {
    /// Where it stands and what it is for: `lab:14 telemetry`.
    #[must_use]
    pub fn label(&self) -> String {
        label(&self.origin, self.purpose.as_deref())
    }

    /// Whether it is for this agent.
    #[must_use]
    pub fn is_for(&self, agent: IpAddr) -> bool {
        covers_agent(&self.agents, agent)
    }

    /// Whether it is for the port, where there is one, and the transport.
    #[must_use]
    pub fn covers_port(&self, port: Option<u16>, transport: Transport) -> bool {
        match (port, transport) {
            // an echo has no port: it goes where everything is denied alone
            (_, Transport::Icmp | Transport::Icmp6) => self.ports.is_empty() && self.transport.is_none(),
            (Some(port), transport) => covers_port(&self.ports, self.transport, port, transport),
            (None, transport) => self.ports.is_empty() && self.transport.is_none_or(|only| only == transport),
        }
    }

    /// Whether asking for its names is denied already: it has no word of where or how they may not be gone to.
    fn is_whole(&self) -> bool {
        self.cidrs.is_empty() && self.ports.is_empty() && self.transport.is_none()
    }
}

/// The denied destinations of a policy.
#[derive(Clone, Debug, Default)]
pub struct Denials {
    entries: Vec<Deny>,
    /// By names.
    index: Index,
}

impl Denials {
    pub(super) fn new(entries: Vec<Deny>) -> Self {
        Self { index: Index::new(entries.iter().map(|entry| &entry.names[..])), entries }
    }

    /// The entries, in their order.
    #[must_use]
    pub fn entries(&self) -> &[Deny] {
        &self.entries
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries that have the name, whatever their ports and addresses. A name that is no plain host name is held against the patterns
    /// too, as far as it goes: one odd label before a denied domain is no way around it.
    pub fn named(&self, name: &Name) -> impl Iterator<Item = &Deny> {
        let text = name.as_str().trim_end_matches('.');
        let found = if self.is_empty() { smallvec::SmallVec::new() } else { self.index.of_text(text) };
        found.into_iter().filter_map(|n| self.entries.get(n))
    }

    /// The entry by which an agent may not even ask for the name.
    #[must_use]
    pub fn query(&self, name: &Name, agent: IpAddr) -> Option<&Deny> {
        self.named(name).find(|entry| entry.is_whole() && entry.is_for(agent))
    }

    /// The entry by which nobody may go by this name, whoever and wherever.
    pub(super) fn whole(&self, name: &Name) -> Option<&Deny> {
        self.named(name).find(|entry| entry.is_whole() && entry.agents.is_empty())
    }
}
