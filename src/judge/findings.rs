//! Findings as groups: one for a rule, an agent and the rule's own subject, however many flows show it.

use std::collections::HashMap;
use std::net::IpAddr;

use data_encoding::HEXLOWER;
use foldhash::fast::RandomState;
use ring::digest::{Context, SHA256};

use super::explain::Cited;
use super::filter;
use super::rules::{self, Broken, Rule};
use super::{CausedBy, Example, Finding, FindingCounts, PacketRef, Severity, Verdict, WaiverUsed};
use crate::fact::{Endpoint, FlowRecord, FrameId, Name, Timestamp, Transport};
use crate::limits;

/// The parties of a flow, as an example shows them.
#[derive(Clone, Debug)]
pub struct Parties {
    /// Who opened it.
    pub initiator: Endpoint,
    /// Who was asked.
    pub responder: Endpoint,
    /// The transport.
    pub transport: Transport,
    /// The name asked for.
    pub name: Option<Name>,
    /// The agent's endpoint.
    pub agent: Endpoint,
    /// The other's.
    pub peer: Endpoint,
    /// The flow's first frame.
    pub first_frame: FrameId,
    /// Its first and last moment.
    pub span: (Timestamp, Timestamp),
}

impl Parties {
    /// The parties of a flow of the agent at `agent`.
    #[must_use]
    pub fn of(record: &FlowRecord, agent: Endpoint, peer: Endpoint) -> Self {
        Self {
            initiator: record.initiator_endpoint(),
            responder: record.responder_endpoint(),
            transport: record.transport,
            name: record.facts.names.last().map(|read| read.name.clone()),
            agent,
            peer,
            first_frame: record.first.frame,
            span: (record.first.at, record.last),
        }
    }
}

/// The findings of an audit while it goes on.
#[derive(Debug, Default)]
pub struct Findings {
    /// In the order in which they were found.
    groups: Vec<Group>,
    index: HashMap<Key, usize, RandomState>,
    /// The groups of inbound attempts once more, by the agent's endpoint: a scan makes one attempt a packet.
    attempts: HashMap<(Endpoint, Transport), usize, RandomState>,
    /// Groups beyond the limit, by severity: they are counted and decide the verdict too.
    beyond: FindingCounts,
    verdict: Verdict,
    conduct: Verdict,
    /// The packet that somebody asks about, and what cites it.
    trace: Option<FrameId>,
    cited: Vec<Cited>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    rule: &'static str,
    /// The agent's address; none for the audit itself.
    agent: Option<IpAddr>,
    subject: String,
    severity: Severity,
    waived: bool,
}

#[derive(Debug)]
struct Group {
    rule: &'static Rule,
    caused_by: CausedBy,
    subject: String,
    message: String,
    /// The packets that show it, where no flow does.
    packets: Vec<FrameId>,
    severity: Severity,
    waiver: Option<WaiverUsed>,
    agent: String,
    fingerprint: String,
    flows: u64,
    span: Option<(Timestamp, Timestamp)>,
    examples: Vec<Example>,
}

impl Findings {
    /// Adds a flow, or the audit itself where `parties` is `None`, to the finding that it belongs to.
    pub fn add(
        &mut self,
        rule: &'static Rule,
        broken: Broken<'_>,
        severity: Severity,
        waiver: Option<WaiverUsed>,
        parties: Option<&Parties>,
    ) {
        self.verdict = self.verdict.max(severity.verdict());
        if broken.caused_by == CausedBy::Agent {
            self.conduct = self.conduct.max(severity.verdict());
        }
        let mut broken = match self.trace {
            Some(trace) => self.note(trace, rule, broken, severity, parties),
            None => broken,
        };
        let (agent, subject) = (parties.map(|parties| parties.agent.ip), std::mem::take(&mut broken.subject));
        let key = Key { rule: rule.code, agent, subject, severity, waived: waiver.is_some() };
        if let Some(group) = self.index.get(&key).and_then(|&n| self.groups.get_mut(n)) {
            group.take(&broken.packets, broken.at, parties);
            return;
        }
        if self.groups.len() >= limits::LISTED {
            match severity {
                Severity::Violation => self.beyond.violation += 1,
                Severity::Undetermined => self.beyond.undetermined += 1,
                Severity::Notice => self.beyond.notice += 1,
            }
            return;
        }
        let broken = Broken { subject: key.subject.clone(), ..broken.made() };
        let place = self.groups.len();
        self.index.insert(key, place);
        if let Some(parties) = parties.filter(|_| rule.code == rules::INBOUND_ATTEMPT.code) {
            self.attempts.insert((parties.agent, parties.transport), place);
        }
        let agent = agent.map_or_else(String::new, |ip| ip.to_string());
        let Broken { subject, message, caused_by, packets, at, .. } = broken;
        let fingerprint = fingerprint(rule, &agent, &subject, parties);
        let (message, flows, span, examples) = (message.made(), 0, None, Vec::new());
        let mut group =
            Group { rule, caused_by, subject, message, packets: Vec::new(), severity, waiver, agent, fingerprint, flows, span, examples };
        group.take(&packets, at, parties);
        group.packets = packets;
        self.groups.push(group);
    }

    /// From here on what cites this packet is noted.
    pub fn trace(&mut self, packet: FrameId) {
        self.trace = Some(packet);
    }

    /// What cites the packet, in the order in which it was found.
    pub fn cited(&mut self) -> Vec<Cited> {
        std::mem::take(&mut self.cited)
    }

    #[cold]
    fn note<'a>(
        &mut self,
        trace: FrameId,
        rule: &'static Rule,
        broken: Broken<'a>,
        severity: Severity,
        parties: Option<&Parties>,
    ) -> Broken<'a> {
        let message = broken.message.made();
        if broken.packets.contains(&trace) || parties.is_some_and(|parties| parties.first_frame == trace) {
            let cited = Cited { rule: rule.code, name: rule.name, severity, message: message.clone() };
            if !self.cited.contains(&cited) && self.cited.len() < limits::LISTED {
                self.cited.push(cited);
            }
        }
        Broken { message: message.into(), ..broken }
    }

    /// Adds one more inbound attempt that is a violation and no other rule's, where it would leave no more behind than a count. Returns
    /// whether it did.
    pub fn attempt_again(&mut self, agent: Endpoint, transport: Transport, span: (Timestamp, Timestamp)) -> bool {
        if let Some(&place) = self.attempts.get(&(agent, transport)) {
            let Some(group) = self.groups.get_mut(place).filter(|group| group.examples.len() >= limits::EXAMPLES) else { return false };
            group.count(Some(span), 1);
            return true;
        }
        let full = self.groups.len() >= limits::LISTED;
        if full {
            self.verdict = Verdict::Fail;
            self.beyond.violation += 1;
        }
        full
    }

    /// Tells the findings of a rule about an agent's subject anew, with what they came to.
    pub fn retell(&mut self, rule: &Rule, agent: &str, subject: &str, message: &str, (flows, last): (u64, Timestamp)) {
        let is_meant = |group: &&mut Group| (group.rule.code, &*group.agent, &*group.subject) == (rule.code, agent, subject);
        for group in self.groups.iter_mut().filter(is_meant) {
            message.clone_into(&mut group.message);
            group.flows = flows;
            group.span = group.span.map(|(first, _)| (first, last));
        }
    }

    /// How many findings of each severity there are, those beyond the limit included.
    #[must_use]
    pub fn counts(&self) -> FindingCounts {
        let count = |severity| self.groups.iter().filter(|group| group.severity == severity).count() as u64;
        FindingCounts {
            violation: count(Severity::Violation) + self.beyond.violation,
            undetermined: count(Severity::Undetermined) + self.beyond.undetermined,
            notice: count(Severity::Notice) + self.beyond.notice,
        }
    }

    /// The verdict over all, and over what the agents caused.
    #[must_use]
    pub fn verdicts(&self) -> (Verdict, Verdict) {
        (self.verdict, self.conduct)
    }

    /// Findings that are only counted.
    #[must_use]
    pub fn beyond(&self) -> u64 {
        self.beyond.violation + self.beyond.undetermined + self.beyond.notice
    }

    /// The findings that came after the first `told`, oldest first; `told` is set to how many there are.
    pub fn newer_than(&self, told: &mut u64) -> Vec<Finding> {
        let newer = self.groups.iter().enumerate().skip(*told as usize).map(|(place, group)| group.finding(place)).collect();
        *told = self.groups.len() as u64;
        newer
    }

    /// The findings, the gravest first, then by rule, agent and subject.
    #[must_use]
    pub fn listed(&self) -> Vec<Finding> {
        let mut groups: Vec<&Group> = self.groups.iter().collect();
        // stable: groups of one rule stay in the order in which they were found
        groups.sort_by_key(|group| (std::cmp::Reverse(group.severity), group.rule.code, group.waiver.is_some()));
        groups.into_iter().enumerate().map(|(n, group)| group.finding(n)).collect()
    }
}

impl Group {
    fn take(&mut self, packets: &[FrameId], at: Option<Timestamp>, parties: Option<&Parties>) {
        let span = match parties {
            Some(parties) => Some(parties.span),
            None => at.map(|at| (at, at)),
        };
        self.count(span, u64::from(parties.is_some()));
        if self.examples.len() >= limits::EXAMPLES {
            return;
        }
        if let Some(parties) = parties {
            let mut packets: Vec<PacketRef> = packets.iter().copied().map(PacketRef::from).collect();
            packets.push(parties.first_frame.into());
            packets.sort_unstable();
            packets.dedup();
            self.examples.push(Example {
                initiator: parties.initiator,
                responder: parties.responder,
                transport: parties.transport.to_string(),
                server_name: parties.name.as_ref().map(ToString::to_string),
                packets,
                filter: filter::of_flow(parties.transport, parties.initiator, parties.responder),
            });
        }
    }

    fn count(&mut self, span: Option<(Timestamp, Timestamp)>, flows: u64) {
        self.span = match (self.span, span) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        self.flows += flows;
    }

    fn finding(&self, place: usize) -> Finding {
        Finding {
            id: format!("F{}", place + 1),
            fingerprint: self.fingerprint.clone(),
            rule: self.rule.code,
            name: self.rule.name,
            severity: self.severity,
            caused_by: self.caused_by,
            message: self.message.clone(),
            agent: self.agent.clone(),
            subject: self.subject.clone(),
            flows: self.flows,
            first: self.span.map(|span| span.0),
            last: self.span.map(|span| span.1),
            packets: self.packets.iter().copied().map(PacketRef::from).filter(|_| self.examples.is_empty()).collect(),
            examples: self.examples.clone(),
            controls: self.rule.controls.iter().map(|&control| control.to_owned()).collect(),
            help: self.rule.fix,
            waiver: self.waiver.clone(),
        }
    }
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code)
    }
}

/// The same in every audit of the same thing: no times, packet numbers or ephemeral ports go into it.
fn fingerprint(rule: &Rule, agent: &str, subject: &str, parties: Option<&Parties>) -> String {
    let mut hash = Context::new(&SHA256);
    let mut part = |text: &str| {
        hash.update(&(text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    part(rule.code);
    part(agent);
    match parties {
        Some(parties) => {
            part(&parties.peer.ip.to_string());
            part(&parties.responder.port.to_string());
            part(parties.name.as_ref().map_or("", Name::as_str));
        }
        None => part(subject),
    }
    HEXLOWER.encode(hash.finish().as_ref().get(..8).unwrap_or_default())
}
