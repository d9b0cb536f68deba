//! Which entries say all that others say.

use std::ops::RangeInclusive;

use ipnet::IpNet;
use smallvec::SmallVec;

use super::index::Index;
use super::{Allow, Deny, Inbound, Nets, Origin, Pattern, Policy, Private, When};
use crate::fact::Transport;

/// Whether one permits all that the other does to come in.
pub(super) fn permits_all(wide: &Inbound, narrow: &Inbound) -> bool {
    let from =
        wide.from.is_empty() || !narrow.from.is_empty() && narrow.from.iter().all(|net| wide.from.iter().any(|other| other.contains(net)));
    from && are_ports_within(&narrow.ports, &wide.ports)
        && (wide.transport.is_none() || wide.transport == narrow.transport)
        && is_list_within(&narrow.protocols, &wide.protocols)
        && (wide.when.is_none() || wide.when == narrow.when)
}

/// What allows or denies a destination, in one form.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub names: &'a [Pattern],
    pub cidrs: &'a Nets,
    pub ports: &'a [RangeInclusive<u16>],
    pub transport: Option<Transport>,
    pub protocols: &'a [String],
    pub plaintext: &'a [String],
    pub paths: &'a [String],
    pub when: Option<&'a When>,
    /// The only agents that it denies.
    pub agents: &'a [IpNet],
    pub origin: &'a Origin,
}

impl<'a> From<&'a Allow> for Entry<'a> {
    fn from(entry: &'a Allow) -> Self {
        let Allow { names, cidrs, ports, transport, protocols, plaintext, paths, when, origin, .. } = entry;
        Self { names, cidrs, ports, transport: *transport, protocols, plaintext, paths, when: when.as_deref(), agents: &[], origin }
    }
}

impl<'a> From<&'a Deny> for Entry<'a> {
    fn from(entry: &'a Deny) -> Self {
        let Deny { names, cidrs, ports, transport, agents, origin, .. } = entry;
        Self { names, cidrs, ports, transport: *transport, protocols: &[], plaintext: &[], paths: &[], when: None, agents, origin }
    }
}

impl Entry<'_> {
    /// Whether its addresses, ports and transport are all another's.
    fn goes_within(&self, wide: &Self) -> bool {
        let cidrs = wide.cidrs.is_empty() || !self.cidrs.is_empty() && wide.cidrs.cover(self.cidrs);
        cidrs && are_ports_within(self.ports, wide.ports) && (wide.transport.is_none() || wide.transport == self.transport)
    }

    /// Whether another says all that it says, but for names.
    fn is_within(&self, wide: &Self) -> bool {
        self.goes_within(wide)
            && is_list_within(self.protocols, wide.protocols)
            // paths are of what goes in the clear
            && (self.plaintext.is_empty() || is_list_within(self.paths, wide.paths))
            && self.plaintext.iter().all(|word| wide.plaintext.contains(word))
            && (wide.when.is_none() || wide.when == self.when)
            && (wide.agents.is_empty() || wide.agents == self.agents)
    }

    /// Whether it allows private addresses alone, whatever they speak, encrypted.
    pub fn is_private(&self, policy: &Policy) -> bool {
        let is_private = |net: &IpNet| policy.private_allowed(net.network()) && policy.private_allowed(net.broadcast());
        policy.private == Private::ALL && self.names.is_empty() && self.plaintext.is_empty() && self.cidrs.iter().all(is_private)
    }
}

/// Entries, by what of theirs may cover others.
pub(super) struct Covering<'a> {
    entries: Vec<Entry<'a>>,
    by_name: Index,
    unnamed: Vec<usize>,
}

impl<'a> Covering<'a> {
    pub fn new(entries: impl Iterator<Item = Entry<'a>>) -> Self {
        let entries: Vec<Entry<'a>> = entries.collect();
        let unnamed = entries.iter().enumerate().filter(|(_, entry)| entry.names.is_empty()).map(|(n, _)| n).collect();
        Self { by_name: Index::new(entries.iter().map(|entry| entry.names)), entries, unnamed }
    }

    /// The first that says all that another entry says. An address is allowed without a name only where an entry says so: one with names is none.
    pub fn of(&self, entry: &Entry<'_>) -> Option<&Entry<'a>> {
        self.alike(entry).filter_map(|n| self.entries.get(n)).find(|wide| entry.is_within(wide))
    }

    /// The first that says all that the entry in this place says, but for itself and those behind it that say the same.
    pub fn other_than(&self, n: usize) -> Option<&Entry<'a>> {
        let entry = self.entries.get(n)?;
        let is_behind = |m: usize| m > n && self.entries.get(m).is_some_and(|other| self.is_mutual(n, other));
        let others = self.alike(entry).filter(|m| *m != n && !is_behind(*m));
        others.filter_map(|m| self.entries.get(m)).find(|wide| entry.is_within(wide))
    }

    /// The first that, denying, has all of an entry: by its names, or by its addresses, whatever its names.
    pub fn denying(&self, entry: &Entry<'_>) -> Option<&Entry<'a>> {
        let all = self.named(entry).into_iter().chain(self.unnamed.iter().copied());
        all.filter_map(|n| self.entries.get(n)).find(|denial| denial.agents.is_empty() && entry.goes_within(denial))
    }

    fn is_mutual(&self, n: usize, other: &Entry<'_>) -> bool {
        self.alike(other).any(|m| m == n) && self.entries.get(n).is_some_and(|entry| other.is_within(entry))
    }

    /// Those that have all names of an entry, or are without names as it is.
    fn alike(&self, entry: &Entry<'_>) -> impl Iterator<Item = usize> {
        let unnamed = if entry.names.is_empty() { self.unnamed.as_slice() } else { &[] };
        self.named(entry).into_iter().chain(unnamed.iter().copied())
    }

    /// Those that have all names of an entry with names, in their order.
    fn named(&self, entry: &Entry<'_>) -> SmallVec<[usize; 4]> {
        let mut names = entry.names.iter();
        let mut found = names.next().map(|name| self.by_name.covering(name)).unwrap_or_default();
        for name in names {
            if found.is_empty() {
                break;
            }
            let also = self.by_name.covering(name);
            found.retain(|n| also.contains(n));
        }
        found
    }
}

fn are_ports_within(ports: &[RangeInclusive<u16>], wide: &[RangeInclusive<u16>]) -> bool {
    let wide = joined(wide);
    let is_within = |range: &RangeInclusive<u16>| wide.iter().any(|wider| wider.contains(range.start()) && wider.contains(range.end()));
    wide.is_empty() || !ports.is_empty() && ports.iter().all(is_within)
}

/// The same ports in as few ranges as they fit into.
fn joined(ranges: &[RangeInclusive<u16>]) -> SmallVec<[RangeInclusive<u16>; 2]> {
    let mut sorted: SmallVec<[RangeInclusive<u16>; 2]> = ranges.iter().cloned().collect();
    sorted.sort_by_key(|range| *range.start());
    let mut joined: SmallVec<[RangeInclusive<u16>; 2]> = SmallVec::new();
    for range in sorted {
        match joined.last_mut().filter(|last| u32::from(*range.start()) <= u32::from(*last.end()) + 1) {
            Some(last) => *last = *last.start()..=*last.end().max(range.end()),
            None => joined.push(range),
        }
    }
    joined
}

/// Of lists that mean "anything" where they are empty.
fn is_list_within(list: &[String], wide: &[String]) -> bool {
    wide.is_empty() || !list.is_empty() && list.iter().all(|word| wide.contains(word))
}
