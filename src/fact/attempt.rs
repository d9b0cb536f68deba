//! Flows that are SYNs of one end and nothing besides: a scan has millions of them, of which each is known by a few words.

use super::{Basis, Endpoint, FlowRecord, FlowState, Locus, Tally, Timestamp, Transport};

/// A TCP flow of which only SYNs of one end were seen (RFC 9293 section 3.5).
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The two ends, in the order of the flow's key.
    pub ends: [Endpoint; 2],
    /// Which ends are agents.
    pub agents: [bool; 2],
    /// The first SYN: `first.end` dialled.
    pub first: Locus,
    /// The time of the last.
    pub last: Timestamp,
    /// How many there are.
    pub packets: u16,
    /// An ICMP error said that the other end cannot be reached.
    pub refused: bool,
    /// Memory limits forced it out before it was over.
    pub evicted: bool,
}

impl Attempt {
    /// Whom it dialled.
    #[must_use]
    pub fn responder(&self) -> Endpoint {
        self.ends[(!self.first.end).index()]
    }

    /// Whether somebody who is no agent dialled one.
    #[must_use]
    pub fn is_inbound(&self) -> bool {
        !self.agents[self.first.end.index()] && self.agents[(!self.first.end).index()]
    }

    /// What is known of it, as of any flow.
    #[must_use]
    pub fn record(&self) -> FlowRecord {
        let mut sent = [Tally::default(); 2];
        sent[self.first.end.index()].packets = self.packets.into();
        FlowRecord {
            agents: self.agents,
            initiator: Some(self.first.end),
            basis: Basis::Syn,
            state: if self.refused { FlowState::Refused } else { FlowState::Attempted },
            last: self.last,
            sent,
            evicted: self.evicted,
            ..FlowRecord::new(Transport::Tcp, self.ends, self.first)
        }
    }
}
