//! What an audit must have seen (`[coverage]`), so that silence cannot pass (WW913).

use std::fmt;

use ipnet::IpNet;

use super::{Nat64, Origin, Pattern};
use crate::fact::{End, FlowRecord, Name};

/// What must have been seen.
#[derive(Clone, Debug, Default)]
pub struct Required {
    /// Over how long agents were seen: nanoseconds, and as written.
    pub min_duration: Option<(i64, String)>,
    /// How many flows of agents.
    pub min_flows: Option<u64>,
    /// Who must have taken part in a flow of an agent.
    pub expect: Vec<(Expect, Origin)>,
}

/// Somebody who must have been seen.
#[derive(Clone, Debug)]
pub enum Expect {
    /// Who is asked for by such a name.
    Name(Pattern),
    /// An address, an agent's or a peer's, or one in a prefix.
    At(IpNet),
}

impl Expect {
    /// Whether it took part in a flow of an agent: it sent something, and the flow is more than a SYN turned away. `answered` are the names
    /// that the address of `peer` was answered for, which count where none was asked for.
    pub fn was_seen<'n>(&self, record: &FlowRecord, peer: End, nat64: &Nat64, answered: impl Iterator<Item = &'n Name>) -> bool {
        let took_part = |end: End| record.sent[end.index()].packets > 0;
        if record.is_bare_attempt() {
            return false;
        }
        match self {
            Self::At(net) => {
                [End::A, End::B].into_iter().any(|end| took_part(end) && net.contains(&nat64.canonical(record.ends[end.index()].ip)))
            }
            Self::Name(pattern) if record.facts.names.is_empty() => {
                took_part(peer) && answered.into_iter().any(|name| pattern.matches(name))
            }
            Self::Name(pattern) => took_part(peer) && record.facts.names.iter().any(|read| pattern.matches(&read.name)),
        }
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(pattern) => pattern.fmt(f),
            Self::At(net) if net.prefix_len() == net.max_prefix_len() => net.addr().fmt(f),
            Self::At(net) => net.fmt(f),
        }
    }
}
