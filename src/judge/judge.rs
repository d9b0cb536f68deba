//! The judge at work: takes what the shards say in the order of its causes, and closes with the document.

mod listing;
mod lookups;
mod questions;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::case::{Case, Direction};
use super::coverage::{Coverage, Seen};
use super::dns_tunnel::{DnsTunnels, Query};
use super::explain::Cited;
use super::findings::{Findings, Parties};
use super::ledger::Ledger;
use super::names::Names;
use super::policy::{Policy, Waiver};
use super::rules::{self, Broken, Check, RULES, Rule};
use super::{Allowed, Audit, Exception, Finding, InputSummary, Judgement, Severity, Summary, Tool, WaiverUsed};
use super::{resolvers, series, tunnels};
use crate::fact::{Attempt, Encryption, FlowRecord, FrameId, Name, Sightings, Timestamp, Transport, TunnelSeen, Watched};
use crate::limits;

use lookups::Lookups;

/// Judges one audit.
pub struct Judge {
    policy: Arc<Policy>,
    /// Whether the policy judges all inbound attempts alike: it permits none, waives none and has no severity of its own for them.
    attempts_are_alike: bool,
    agents: Vec<String>,
    agents_inferred: bool,
    filter: Option<String>,
    names: Arc<Names>,
    tunnels: DnsTunnels,
    /// Whether a name may be asked for or not whoever asks.
    questions_are_alike: bool,
    /// Names that may be asked for, and carry nothing that is counted.
    harmless: HashSet<Name, RandomState>,
    findings: Findings,
    summary: Summary,
    seen: Seen,
    allowed: HashMap<AllowedKey, AllowedSum, RandomState>,
    allowed_beyond: u64,
    exceptions: BTreeMap<(&'static str, String), u64>,
    /// Flows of plain DNS by the resolver that the policy allows.
    resolvers: BTreeMap<IpAddr, u64>,
    /// Look-ups that go as others went.
    lookups: Lookups,
    /// When the capture at hand began.
    began: Timestamp,
    /// Rules that a flow was found to break before it ended, by the flow's first frame.
    early: HashMap<FrameId, HashSet<(&'static str, String)>, RandomState>,
    /// Flows and queries that wait a moment for answers which may come late.
    waiting: VecDeque<Waiting>,
}

/// What waits until the answers that may explain it must have come.
enum Waiting {
    Flow(Timestamp, Box<FlowRecord>),
    Query(Box<Query>),
}

/// A destination that was allowed, in a form that costs no allocation to look up.
#[derive(PartialEq, Eq, Hash)]
struct AllowedKey {
    name: Option<Name>,
    ip: Option<IpAddr>,
    port: u16,
    transport: Transport,
    /// What allows it, by [`By::key`].
    by: usize,
}

/// Flows and bytes, and what allows them in words.
struct AllowedSum {
    flows: u64,
    bytes: u64,
    by: String,
}

/// What rules about the whole audit are asked.
pub struct Whole<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The captures.
    pub inputs: &'a [InputSummary],
    /// What became of the frames.
    pub ledger: &'a Ledger,
    /// The counts.
    pub summary: &'a Summary,
    /// What was seen and what was not.
    pub coverage: &'a Coverage,
    /// Which of those whom the policy expects were not seen, by their places in it.
    pub unmet: &'a [usize],
}

/// Protocols that carry the packets of others: where those go is not seen.
const CARRIERS: &[&str] = &["wireguard", "tailscale", "esp", "openvpn"];

/// What the name begins with that DNSCrypt's certificates are asked for by.
const DNSCRYPT: &str = "2.dnscrypt-cert.";

/// What no packet can show, printed in every report.
pub const LIMITS: &[&str] = &[
    "certificates under TLS 1.3, which are sent encrypted",
    "which host is asked for inside an allowed name's TLS session (domain fronting)",
    "remote sessions relayed inside outbound TLS, such as SSH through a relay",
    "whether a device on the path inspects TLS, where the certificate cannot be seen",
    "whether a certificate was revoked: neither lists nor stapled responses are read",
    "traffic on loopback, and on paths and interfaces that were not tapped",
    "packets lost without a trace: a whole flow, a lone datagram, the ends of both directions",
];

/// Printed besides where the policy gives no roots.
pub const TRUST_LIMIT: &str = "whether certificates come from authorities to be trusted: the policy gives no [tls] roots";

impl Judge {
    /// A judge of the agents by these labels under `policy`.
    #[must_use]
    pub fn new(policy: Arc<Policy>, agents: Vec<String>, agents_inferred: bool, filter: Option<String>) -> Self {
        let own_severity = policy.severity.iter().any(|(code, ..)| code.eq_ignore_ascii_case(rules::INBOUND_ATTEMPT.code));
        let attempts_are_alike = policy.inbound.is_empty() && policy.waivers.is_empty() && !own_severity;
        let questions_are_alike = policy.deny.is_empty() && policy.allow.iter().all(|entry| entry.when.is_none());
        let names = Arc::new(Names::new(policy.nat64.clone(), policy.dns_grace.as_ref().map(|(nanos, _)| *nanos)));
        let mut judge = Self {
            policy,
            attempts_are_alike,
            agents,
            agents_inferred,
            filter,
            names,
            tunnels: DnsTunnels::default(),
            questions_are_alike,
            harmless: HashSet::default(),
            findings: Findings::default(),
            summary: Summary::default(),
            seen: Seen::default(),
            allowed: HashMap::default(),
            allowed_beyond: 0,
            exceptions: BTreeMap::new(),
            resolvers: BTreeMap::new(),
            lookups: Lookups::default(),
            began: Timestamp::default(),
            early: HashMap::default(),
            waiting: VecDeque::new(),
        };
        if agents_inferred {
            let message = format!("the agent was not named; {} was inferred from the capture", judge.agents.join(", "));
            judge.exceptions.insert(("agent-inferred", message), 0);
        }
        judge
    }

    /// The certificates of the policy's roots, in DER.
    pub fn roots(&self) -> impl Iterator<Item = &[u8]> {
        self.policy.roots.iter().flat_map(|file| &file.certificates).map(Vec::as_slice)
    }

    /// Keeps what it remembers of names within so many bytes.
    pub fn keep_within(&mut self, bytes: u64) {
        Arc::make_mut(&mut self.names).keep_within(bytes as usize);
    }

    /// Says that a capture begins which nothing before it runs into.
    pub fn begin(&mut self, at: Timestamp) {
        self.began = at;
    }

    /// A flow of an agent as it stands: rules that can be asked now are asked once late answers must have come.
    pub fn snapshot(&mut self, record: Box<FlowRecord>) {
        self.early.entry(record.first.frame).or_default();
        self.waiting.push_back(Waiting::Flow(record.last, record));
    }

    /// Moves packet time on: what has waited long enough is settled.
    pub fn advance(&mut self, now: Timestamp) {
        while self.waiting.front().is_some_and(|waiting| now.since(waiting.since()) > limits::LATE_ANSWER_NANOS) {
            self.settle_oldest();
        }
    }

    /// A flow has ended.
    pub fn ended(&mut self, record: &FlowRecord) -> Judgement {
        let direction = Direction::of(record, self.began);
        self.count(record, direction);
        if direction == Direction::Unrelated {
            let protocol = resolvers::encrypted(&record.facts, record.responder_endpoint().port, &self.policy);
            return Judgement { protocol, ..Judgement::new(direction.as_str(), "not-judged", Vec::new()) };
        }
        if record.evicted && (record.ends.iter().any(|end| end.port == 53) || !record.facts.dns.is_empty()) {
            Arc::make_mut(&mut self.names).lose();
        }
        if direction == Direction::Inbound && self.attempts_are_alike && record.is_bare_attempt() {
            let agent = record.responder_endpoint();
            if self.findings.attempt_again(agent, record.transport, (record.first.at, record.last)) {
                let (verdict, rules) = (Severity::Violation.as_str(), vec![rules::INBOUND_ATTEMPT.code]);
                return Judgement::new(direction.as_str(), verdict, rules);
            }
        }
        // the case borrows the names while findings are added
        let names = Arc::clone(&self.names);
        let policy = Arc::clone(&self.policy);
        let case = Case::new(record, &policy, &names, self.began);
        let mut worst = None;
        let mut codes = Vec::new();
        let early = if self.early.is_empty() { None } else { self.early.remove(&record.first.frame) }.unwrap_or_default();
        let mut broken = Vec::new();
        let is_clouded = record.is_clouded();
        for &rule in RULES {
            match rule.check {
                Check::Seen(check) | Check::Closed(check) => check(&case, &mut broken),
                Check::Clouded(check) | Check::CloudedAndWhole(check, _) if is_clouded => check(&case, &mut broken),
                Check::Clouded(_) | Check::CloudedAndWhole(..) | Check::Whole(_) | Check::Event => continue,
            }
            if broken.is_empty() {
                continue;
            }
            for found in broken.drain(..) {
                let known = !early.is_empty() && early.contains(&(rule.code, found.subject.clone()));
                let severity = self.report(&policy, rule, found, &case, known);
                worst = worst.max(Some(severity));
                if !codes.contains(&rule.code) {
                    codes.push(rule.code);
                }
            }
        }
        self.list(&case, worst);
        self.seen.meet(&case);
        let is_certificate = |code: &&&str| **code == rules::CERTIFICATE.code;
        let certificate_problems = match codes.iter().find(is_certificate) {
            Some(_) => rules::certificate_problems(&case).iter().map(rules::CertificateProblem::what).collect(),
            None => Vec::new(),
        };
        let is_named = !record.facts.names.is_empty();
        let answered_name = if is_named { None } else { case.answered_names().last().cloned() };
        let unanswered = is_named && case.answered_names().next().is_none();
        let protocol = case.encrypted_dns.or(case.neighbours);
        let verdict = worst.map_or("allowed", Severity::as_str);
        let counts = policy.counts.encryption(record);
        let encryption = (counts != record.encryption()).then_some(counts);
        Judgement {
            protocol,
            encryption,
            answered_name,
            unanswered,
            certificate_problems,
            ..Judgement::new(direction.as_str(), verdict, codes)
        }
    }

    /// A flow has ended of which only SYNs of one end were seen. Returns whether that is all that there is to say of it; where not, it is for
    /// [`Judge::ended`], as the record that it makes.
    pub fn attempted(&mut self, attempt: &Attempt) -> bool {
        let (agent, span) = (attempt.responder(), (attempt.first.at, attempt.last));
        let is_alike = self.attempts_are_alike && attempt.is_inbound() && !attempt.evicted && self.early.is_empty();
        if !is_alike || !self.seen.has(agent.ip) || !self.findings.attempt_again(agent, Transport::Tcp, span) {
            return false;
        }
        self.summary.flows += 1;
        self.summary.inbound += 1;
        self.seen.count_more(agent.ip, 1, span);
        true
    }

    /// A tunnel whose packets were opened: its outer packets are judged as a flow of the agent where it is the agent's own.
    pub fn tunnel(&mut self, seen: &TunnelSeen) -> Option<(FlowRecord, Judgement)> {
        let (is_own, message) = tunnels::choose(seen, &self.policy);
        self.except("tunnel", message);
        if !is_own {
            return None;
        }
        let record = tunnels::record(seen);
        let judgement = self.ended(&record);
        Some((record, judgement))
    }

    /// The findings that are newer than the first `told`, which is set to how many there are.
    pub fn news(&mut self, told: &mut u64) -> Vec<Finding> {
        self.findings.newer_than(told)
    }

    /// From here on what cites this packet is noted.
    pub fn trace(&mut self, packet: FrameId) {
        self.attempts_are_alike = false;
        self.findings.trace(packet);
    }

    /// Closes the audit. Returns what cites the packet of [`Judge::trace`], besides.
    #[must_use]
    pub fn close(mut self, inputs: Vec<InputSummary>, ledger: &Ledger, sightings: &Sightings, watched: &Watched) -> (Audit, Vec<Cited>) {
        while !self.waiting.is_empty() {
            self.settle_oldest();
        }
        self.close_lookups();
        let policy = Arc::clone(&self.policy);
        let dropped = inputs.iter().map(|input| input.dropped).sum();
        let unmet = self.seen.unmet(&policy);
        let coverage = std::mem::take(&mut self.seen).close(ledger, dropped, sightings, watched, (&self.agents, &policy));
        let whole = Whole { policy: &policy, inputs: &inputs, ledger, summary: &self.summary, coverage: &coverage, unmet: &unmet };
        let mut found = Vec::new();
        for &rule in RULES {
            if let Check::Whole(check) | Check::CloudedAndWhole(_, check) = rule.check {
                let mut broken = Vec::new();
                check(&whole, &mut broken);
                found.extend(broken.into_iter().map(|broken| (rule, broken)));
            }
        }
        for (rule, broken) in found {
            let severity = self.severity(&policy, rule, &broken);
            self.findings.add(rule, broken, severity, None, None);
        }
        self.close_tunnels(&policy);
        let (verdict, agent_conduct) = self.findings.verdicts();
        self.summary.findings = self.findings.counts();
        for note in series::notes(&inputs) {
            self.except_flows("series", note, 0);
        }
        for message in watched.packets.span().into_iter().flat_map(|span| of_another_time(&policy, span)) {
            self.except_flows("policy-age", message, 0);
        }
        if self.names.forgotten() > 0 {
            let message = format!("{} DNS answers were not kept for want of memory", self.names.forgotten());
            self.except("names-forgotten", message);
        }
        for (resolver, flows) in std::mem::take(&mut self.resolvers) {
            self.except_flows("resolver", format!("plain DNS with the resolver {resolver}"), flows);
        }
        let allowed = allowed(self.allowed);
        let cited = self.findings.cited();
        let audit = Audit {
            schema: "wirewitness.audit.v1",
            tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
            verdict,
            agent_conduct,
            policies: policy.used.clone(),
            agents: self.agents,
            agents_inferred: self.agents_inferred,
            filter: self.filter,
            inputs,
            coverage,
            summary: self.summary,
            findings_beyond_limit: self.findings.beyond(),
            findings: self.findings.listed(),
            allowed,
            allowed_beyond_limit: self.allowed_beyond,
            exceptions: self.exceptions.into_iter().map(|((kind, message), flows)| Exception { kind, message, flows }).collect(),
            limits: LIMITS.iter().copied().chain(policy.roots.is_empty().then_some(TRUST_LIMIT)).collect(),
            controls: Vec::new(),
        };
        (audit, cited)
    }

    fn settle_oldest(&mut self) {
        match self.waiting.pop_front() {
            Some(Waiting::Query(query)) => self.judge_query(&query),
            Some(Waiting::Flow(_, record)) => self.judge_early(&record),
            None => {}
        }
    }

    /// Asks the rules that hold as soon as something was read.
    fn judge_early(&mut self, record: &FlowRecord) {
        // one that has ended since was judged by all rules
        if !self.early.contains_key(&record.first.frame) {
            return;
        }
        let names = Arc::clone(&self.names);
        let policy = Arc::clone(&self.policy);
        let case = Case::new(record, &policy, &names, self.began);
        let mut broken = Vec::new();
        for &rule in RULES {
            if let Check::Seen(check) = rule.check {
                check(&case, &mut broken);
            }
            if broken.is_empty() {
                continue;
            }
            for found in broken.drain(..) {
                let is_new = self.early.entry(record.first.frame).or_default().insert((rule.code, found.subject.clone()));
                if is_new {
                    self.report(&policy, rule, found, &case, false);
                }
            }
        }
    }

    /// Adds what a flow breaks. Returns the severity it came to.
    fn report(&mut self, policy: &Policy, rule: &'static Rule, broken: Broken<'_>, case: &Case<'_>, known: bool) -> Severity {
        let parties = Parties::of(case.record, case.agent_endpoint(), case.peer());
        let facts = &case.record.facts;
        let hosts = facts.http.iter().filter_map(|request| request.host.as_ref()).chain(&facts.http_hosts);
        let hosts = hosts.filter(|host| host.as_ip() != Some(case.peer().ip));
        let asked: Vec<&Name> = facts.names.iter().map(|read| &read.name).chain(hosts).collect();
        if asked.is_empty() {
            let answered: Vec<&Name> = case.answered_names().collect();
            return self.weigh(policy, rule, broken, &parties, Named::One(&answered), known);
        }
        self.weigh(policy, rule, broken, &parties, Named::All(&asked), known)
    }

    /// Applies severities and waivers, and adds the finding unless it is `known` already.
    fn weigh(
        &mut self,
        policy: &Policy,
        rule: &'static Rule,
        broken: Broken<'_>,
        parties: &Parties,
        names: Named<'_>,
        known: bool,
    ) -> Severity {
        let severity = self.severity(policy, rule, &broken);
        let covers = |waiver: &&Waiver| {
            waiver.rule.eq_ignore_ascii_case(rule.code)
                && (waiver.names.is_empty() || names.are_of(waiver, &broken.subject))
                && (waiver.cidrs.is_empty() || waiver.cidrs.iter().any(|net| net.contains(&policy.nat64.canonical(parties.peer.ip))))
        };
        let mut waived = None;
        if severity == Severity::Violation {
            let last = parties.span.1;
            let (valid, expired): (Vec<_>, Vec<_>) =
                policy.waivers.iter().filter(covers).partition(|waiver| waiver.until.as_ref().is_none_or(|(until, _)| last < *until));
            let used = |waiver: &Waiver| WaiverUsed {
                reason: format!("{}{}", waiver.reason, waiver.granting()),
                until: waiver.until.as_ref().map(|(_, day)| day.clone()),
                origin: format!("{}:{}", waiver.origin.policy, waiver.origin.line),
            };
            if let Some(waiver) = valid.first() {
                waived = Some(used(waiver));
            } else if let Some(waiver) = expired.first().filter(|_| !known) {
                let until = waiver.until.as_ref().map_or("", |(_, day)| day);
                let origin = format!("{}:{}", waiver.origin.policy, waiver.origin.line);
                let expired = rules::waiver_expired(rule.code, until, &origin);
                let weight = self.severity(policy, &rules::WAIVER_EXPIRED, &expired);
                self.findings.add(&rules::WAIVER_EXPIRED, expired, weight, None, Some(parties));
            }
        }
        let severity = if waived.is_some() { Severity::Notice } else { severity };
        if !known {
            if let Some(waiver) = &waived {
                self.except("waiver", format!("{} is waived by {}: {}", rule.code, waiver.origin, waiver.reason));
            }
            self.findings.add(rule, broken, severity, waived, Some(parties));
        }
        severity
    }

    /// The severity of a finding: the rule's own word for the case, then the policy's, which never lowers what is undetermined.
    fn severity(&mut self, policy: &Policy, rule: &Rule, broken: &Broken<'_>) -> Severity {
        let own = broken.severity.unwrap_or(rule.severity);
        let Some((_, asked, origin)) = policy.severity.iter().find(|(code, ..)| code.eq_ignore_ascii_case(rule.code)) else { return own };
        let applied = match own {
            Severity::Undetermined => own.max(*asked),
            // a case that the rule itself calls harmless stays so
            Severity::Notice => own,
            Severity::Violation => *asked,
        };
        if applied < own {
            let message = format!("{} counts as {} by {}:{}", rule.code, applied.as_str(), origin.policy, origin.line);
            self.except("severity", message);
        }
        applied
    }

    fn count(&mut self, record: &FlowRecord, direction: Direction) {
        self.summary.flows += 1;
        let slot = match direction {
            Direction::Outbound => &mut self.summary.outbound,
            Direction::Inbound => &mut self.summary.inbound,
            Direction::Internal => &mut self.summary.internal,
            Direction::Unrelated => {
                self.summary.unrelated += 1;
                return;
            }
            Direction::Unknown => &mut self.summary.unknown,
        };
        *slot += 1;
        match self.policy.counts.encryption(record) {
            Encryption::Encrypted => self.summary.encrypted += 1,
            Encryption::Plaintext | Encryption::Mixed => self.summary.plaintext += 1,
            Encryption::Unrecognized => self.summary.unrecognized += 1,
            Encryption::None => {}
        }
        self.seen.count(record);
    }
}

/// The names that a finding is about.
#[derive(Clone, Copy)]
enum Named<'a> {
    /// All that were asked for: a waiver for some leaves the others.
    All(&'a [&'a Name]),
    /// One of them, and nobody knows which.
    One(&'a [&'a Name]),
}

impl Named<'_> {
    /// Whether a waiver has them. What is about one of several names is waived by that name alone.
    fn are_of(self, waiver: &Waiver, subject: &str) -> bool {
        let covers = |name: &&Name| waiver.names.iter().any(|pattern| pattern.matches(name));
        let (Self::All(names) | Self::One(names)) = self;
        match names.iter().find(|name| name.as_str() == subject) {
            Some(name) => covers(name),
            None if matches!(self, Self::One(_)) => names.iter().any(covers),
            None => !names.is_empty() && names.iter().all(covers),
        }
    }
}

impl Waiting {
    fn since(&self) -> Timestamp {
        match self {
            Self::Flow(at, _) => *at,
            Self::Query(query) => query.at.at,
        }
    }
}

/// Lists of a day that lies far from what was captured between two moments: what they name may have been different then.
fn of_another_time(policy: &Policy, (first, last): (Timestamp, Timestamp)) -> Vec<String> {
    let days = |nanos: i64| nanos / limits::DAY_NANOS;
    let dated = policy.dated.iter().filter_map(|(end, day, origin)| {
        let (after, before) = (first.since(*end), end.since(last) - limits::DAY_NANOS);
        let how = match (after > limits::POLICY_AGE_NANOS, before > limits::POLICY_AGE_NANOS) {
            (true, _) => format!("the capture begins {} days after it", days(after)),
            (_, true) => format!("the capture ends {} days before it", days(before)),
            _ => return None,
        };
        Some(format!("the lists of {} are of {day} ({origin}), and {how}", origin.policy))
    });
    dated.collect()
}

/// The allowed destinations in the order of the document. A name that is written as an address is one with the address.
fn allowed(sums: HashMap<AllowedKey, AllowedSum, RandomState>) -> Vec<Allowed> {
    let mut listed: BTreeMap<(String, u16, String, String), (u64, u64)> = BTreeMap::new();
    for (key, sum) in sums {
        let destination = key.name.map(|name| name.to_string()).or(key.ip.map(|ip| ip.to_string())).unwrap_or_default();
        let (flows, bytes) = listed.entry((destination, key.port, key.transport.to_string(), sum.by)).or_default();
        *flows += sum.flows;
        *bytes += sum.bytes;
    }
    let allowed = |((destination, port, transport, entry), (flows, bytes))| Allowed { destination, port, transport, entry, flows, bytes };
    listed.into_iter().map(allowed).collect()
}

/// The name and port, or the address and port, of a flow's peer.
fn place(case: &Case<'_>) -> String {
    let peer = case.peer();
    let name = case.record.facts.names.last().map(|read| &read.name).or_else(|| case.answered_names().last());
    name.map_or_else(|| peer.to_string(), |name| format!("{name}:{}", peer.port))
}
