//! What agents ask of resolvers and are answered, as the judge hears of it.

use std::net::IpAddr;
use std::sync::Arc;

use super::super::dns_tunnel::{Certainty, DnsTunnels, Query, Told, Whose};
use super::super::findings::Parties;
use super::super::names::served_name;
use super::super::policy::Policy;
use super::super::rules;
use super::{Judge, Named, Waiting};
use crate::fact::{Endpoint, Locus, Name, Resolution, Transport};
use crate::limits;

/// The types of questions for addresses.
const A: u16 = 1;
const AAAA: u16 = 28;

impl Judge {
    /// `agent` was answered.
    pub fn resolved(&mut self, agent: IpAddr, answer: &Resolution, at: Locus) {
        Arc::make_mut(&mut self.names).learn(answer, at.at);
        let policy = &self.policy;
        self.tunnels.answer(agent, answer, || Whose::of(&answer.name, is_allowed(policy, &answer.name, agent)));
        self.advance(at.at);
    }

    /// Part of what was answered to an agent is missing from the capture.
    pub fn names_lost(&mut self) {
        Arc::make_mut(&mut self.names).lose();
    }

    /// An agent asked for a name.
    pub fn asked(&mut self, ends: [Endpoint; 2], transport: Transport, name: Name, qtype: u16, at: Locus) {
        self.advance(at.at);
        let is_alike = self.questions_are_alike && matches!(qtype, A | AAAA);
        if is_alike && self.harmless.contains(&name) {
            return;
        }
        let policy = Arc::clone(&self.policy);
        let served = served_name(&name, qtype);
        let (agent, is_denied) =
            (ends[at.end.index()].ip, !policy.deny.is_empty() && policy.deny.query(&served, ends[at.end.index()].ip).is_some());
        let is_allowed = is_allowed(&policy, &served, agent);
        let query = Query { ends, transport, name, qtype, at };
        let whose = || Whose::of(&query.name, is_allowed);
        if let Some(told) = self.tunnels.ask(&query, whose, &policy.dns_tunnel, self.names.is_lost()) {
            self.tell(&policy, &told);
        }
        if is_allowed || !is_denied && !policy.allows_destinations() {
            if is_alike && is_allowed && !DnsTunnels::counts(&query, &policy.dns_tunnel) {
                if self.harmless.len() >= limits::NAMES_HARMLESS {
                    self.harmless.clear();
                }
                self.harmless.insert(query.name);
            }
            return;
        }
        self.waiting.push_back(Waiting::Query(Box::new(query)));
        while self.waiting.len() > limits::QUERIES_WAITING {
            self.settle_oldest();
        }
    }

    pub(super) fn judge_query(&mut self, query: &Query) {
        let agent = query.agent().ip;
        let policy = Arc::clone(&self.policy);
        let broken = match policy.deny.query(&served_name(&query.name, query.qtype), agent) {
            Some(entry) => rules::query_denied(&query.name, query.at, entry),
            None if self.names.passed_through(&query.name).any(|name| policy.query_allowed(name, agent)) => return,
            None => rules::query_not_allowed(&query.name, query.at, self.names.is_incomplete()),
        };
        self.weigh(&policy, &rules::QUERY_NOT_ALLOWED, broken, &parties(query), Named::All(&[&query.name]), false);
    }

    /// Adds what the names below a domain carry: a finding, with the first questions as its examples, or an exception.
    fn tell(&mut self, policy: &Policy, told: &Told) {
        if told.whose != Whose::Judged {
            let why = told.whose.why();
            self.except_flows("dns-tunnel", format!("{} asked below {}, {why}, for {}", told.agent, told.domain, told.numbers), told.flows);
            return;
        }
        let domain = Name::from_wire(told.domain.as_bytes());
        for query in &told.examples {
            let broken = rules::dns_tunnel(&told.domain, &told.numbers, told.certainty.doubt()).at(Some(query.at));
            self.weigh(policy, &rules::DNS_TUNNEL, broken, &parties(query), Named::One(&[&domain, &query.name]), false);
        }
        self.retell(told);
    }

    fn retell(&mut self, told: &Told) {
        let message = rules::dns_tunnel(&told.domain, &told.numbers, told.certainty.doubt()).message.made();
        self.findings.retell(&rules::DNS_TUNNEL, &told.agent.to_string(), &told.domain, &message, (told.flows, told.last));
    }

    /// Tells what is left of what names carry, and what was told, with all that it came to.
    pub(super) fn close_tunnels(&mut self, policy: &Policy) {
        let tunnels = std::mem::take(&mut self.tunnels);
        let uncounted = tunnels.evicted();
        let (left, again) = tunnels.close(&policy.dns_tunnel, self.names.is_lost());
        left.iter().for_each(|told| self.tell(policy, told));
        again.iter().for_each(|told| self.retell(told));
        if uncounted > 0 {
            let severity = self.severity(policy, &rules::DNS_TUNNEL, &rules::dns_tunnel_unknown(uncounted));
            self.findings.add(&rules::DNS_TUNNEL, rules::dns_tunnel_unknown(uncounted), severity, None, None);
        }
    }
}

impl Certainty {
    /// Why it is not certain.
    fn doubt(self) -> Option<&'static str> {
        match self {
            Self::Shown => None,
            Self::Repeated => Some("they are asked for again and again, as hosts are, so that they may be no data"),
            Self::Lost => Some("that is less than would show it, and questions are missing from the capture"),
        }
    }
}

/// Whether the policy says where traffic may go, and this name may be asked for.
fn is_allowed(policy: &Policy, name: &Name, agent: IpAddr) -> bool {
    policy.allows_destinations() && policy.query_allowed(name, agent)
}

fn parties(query: &Query) -> Parties {
    let (agent, peer) = (query.agent(), query.ends[(!query.at.end).index()]);
    Parties {
        initiator: agent,
        responder: peer,
        transport: query.transport,
        name: Some(query.name.clone()),
        agent,
        peer,
        first_frame: query.at.frame,
        span: (query.at.at, query.at.at),
    }
}
