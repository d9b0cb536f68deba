//! Flows that are one question to a resolver and, as a rule, its answer: nine of ten flows of many captures. They need neither an inspector nor
//! a record of their own, for what is known of one is known by its question, its answer and when they came.

use std::sync::Arc;

use super::{
    Basis, Cleartext, End, Endpoint, Fact, Facts, FlowRecord, FlowState, Locus, Name, Observation, Resolution, Tally, Timestamp, Transport,
};

/// A flow of datagrams that is one question of DNS (RFC 1035) and at most one answer to it, each a message that keeps to its lengths.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// The two ends, in the order of the flow's key.
    pub ends: [Endpoint; 2],
    /// The agent that asked: `asked.end` of `ends`.
    pub asked: Locus,
    /// The name asked for.
    pub name: Name,
    /// The type asked for.
    pub qtype: u16,
    /// The answer, and where it came.
    pub answer: Option<(Arc<Resolution>, Locus)>,
    /// Bytes of payload that each end sent, in one packet.
    pub bytes: [u32; 2],
    /// Memory limits forced it out before it was over.
    pub evicted: bool,
}

impl Lookup {
    /// The protocol's name, as the inspectors' list has it.
    pub const PROTOCOL: &'static str = "dns";

    /// Who asked.
    #[must_use]
    pub fn agent(&self) -> Endpoint {
        self.ends[self.asked.end.index()]
    }

    /// Who was asked.
    #[must_use]
    pub fn resolver(&self) -> Endpoint {
        self.ends[(!self.asked.end).index()]
    }

    /// The time of its last frame; never before the first's.
    #[must_use]
    pub fn last(&self) -> Timestamp {
        self.answer.as_ref().map_or(self.asked.at, |(_, at)| at.at.max(self.asked.at))
    }

    /// What an inspector would have said of it.
    pub fn observations(&self) -> impl Iterator<Item = Observation> {
        let asker = self.asked.end;
        let asked = Fact::Asked { name: self.name.clone(), qtype: self.qtype };
        let question = [Fact::Protocol(Self::PROTOCOL), Fact::Opener(asker), Fact::Cleartext(Cleartext::Protocol), asked];
        let answer = self.answer.as_ref().map(|(answer, at)| Observation { fact: Fact::Resolved(Arc::clone(answer)), at: *at });
        question.into_iter().map(|fact| Observation { fact, at: self.asked }).chain(answer)
    }

    /// The facts that come of that.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        self.observations().for_each(|observation| facts.fold(observation));
        facts
    }

    /// What is known of it, as of any flow.
    #[must_use]
    pub fn record(&self) -> FlowRecord {
        let asker = self.asked.end;
        let mut agents = [false; 2];
        agents[asker.index()] = true;
        let answered = self.answer.as_ref().map(|(_, at)| *at);
        let tally = |end: End| Tally { packets: u64::from(end == asker || answered.is_some()), bytes: self.bytes[end.index()].into() };
        FlowRecord {
            agents,
            initiator: Some(asker),
            basis: Basis::Handshake,
            state: if answered.is_some() { FlowState::Established } else { FlowState::Attempted },
            last: self.last(),
            sent: [tally(End::A), tally(End::B)],
            answered: if asker == End::A { [Some(self.asked), answered] } else { [answered, Some(self.asked)] },
            evicted: self.evicted,
            facts: self.facts(),
            ..FlowRecord::new(Transport::Udp, self.ends, self.asked)
        }
    }
}
