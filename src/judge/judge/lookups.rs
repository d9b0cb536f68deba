//! Look-ups with an allowed resolver: most flows of many captures, which go one like the other. The first of an agent with a resolver is judged
//! as any flow is; those that nothing tells from it are counted, and added up when the audit closes.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::super::case::Direction;
use super::super::destination::By;
use super::{AllowedKey, DNSCRYPT, Judge};
use crate::fact::{Endpoint, Lookup, Timestamp, Transport};
use crate::limits;

/// The look-ups of agents with resolvers that go as the first of them went.
pub(super) type Lookups = HashMap<(IpAddr, Endpoint), Sum, RandomState>;

/// What they come to, without the first.
#[derive(Debug)]
pub(super) struct Sum {
    flows: u64,
    bytes: u64,
    span: (Timestamp, Timestamp),
}

impl Judge {
    /// A flow has ended that was a question and at most its answer.
    pub fn looked_up(&mut self, lookup: &Lookup) {
        let key = (lookup.agent().ip, lookup.resolver());
        // what an entry denies, what a policy expects to be seen, and DNSCrypt are found in the names and addresses of each
        let is_told_apart = !self.policy.deny.is_empty()
            || !self.seen.has_met(&self.policy)
            || lookup.evicted
            || lookup.name.as_str().starts_with(DNSCRYPT);
        if is_told_apart {
            self.ended(&lookup.record());
            return;
        }
        if let Some(sum) = self.lookups.get_mut(&key) {
            sum.flows += 1;
            sum.bytes += lookup.bytes.iter().map(|&bytes| u64::from(bytes)).sum::<u64>();
            sum.span = (sum.span.0.min(lookup.asked.at), sum.span.1.max(lookup.last()));
            return;
        }
        let judgement = self.ended(&lookup.record());
        let is_allowed =
            judgement.direction == Direction::Outbound.as_str() && judgement.verdict == "allowed" && judgement.rules.is_empty();
        let is_listed = self.allowed.contains_key(&allowed_key(key.1)) && self.resolvers.contains_key(&key.1.ip);
        if is_allowed && is_listed && self.lookups.len() < limits::LISTED {
            self.lookups.insert(key, Sum { flows: 0, bytes: 0, span: (lookup.asked.at, lookup.last()) });
        }
    }

    /// Adds up what was counted.
    pub(super) fn close_lookups(&mut self) {
        for ((agent, resolver), sum) in std::mem::take(&mut self.lookups) {
            self.summary.flows += sum.flows;
            self.summary.outbound += sum.flows;
            self.summary.plaintext += sum.flows;
            self.seen.count_more(agent, sum.flows, sum.span);
            if let Some(allowed) = self.allowed.get_mut(&allowed_key(resolver)) {
                allowed.flows += sum.flows;
                allowed.bytes += sum.bytes;
            }
            if let Some(flows) = self.resolvers.get_mut(&resolver.ip) {
                *flows += sum.flows;
            }
        }
    }
}

/// What the document's list has look-ups with a resolver under.
fn allowed_key(resolver: Endpoint) -> AllowedKey {
    let (name, ip, port, transport) = (None, Some(resolver.ip), resolver.port, Transport::Udp);
    AllowedKey { name, ip, port, transport, by: By::Resolver.key() }
}
