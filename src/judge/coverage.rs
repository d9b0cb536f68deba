//! What was seen and what was not, as the document tells it: by whom, in which way, when, and what is missing.
//!
//! Nothing here decides: the rules of the coverage family do (`rules::coverage`). What an agent sends and what it receives are told apart, since a
//! tap may lose either.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use foldhash::fast::RandomState;
use schemars::JsonSchema;
use serde::Serialize;

use super::audit::{PacketRef, is_zero, rfc3339};
use super::case::Case;
use super::ledger::Ledger;
use super::policy::{Agent, Policy, parse_agent};
use crate::fact::{End, FlowRecord, Jumps, Sighting, Sightings, Timestamp, Watched};
use crate::limits;

/// What was seen and what was not.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Coverage {
    /// Frames read.
    pub packets: u64,
    /// Every frame in one bucket; the sum is `packets`.
    pub ledger: BTreeMap<String, u64>,
    /// Packets that the captures say were lost.
    pub dropped: u64,
    /// Frames cut by the snap length.
    pub truncated: u64,
    /// Those of them that are in flows of agents.
    pub truncated_agent: u64,
    /// Those of them that lack bytes where evidence would be.
    pub truncated_needed: u64,
    /// Bytes missing from streams where evidence would be.
    pub bytes_missing: u64,
    /// Bytes cut by the snap length where evidence would be.
    pub bytes_cut: u64,
    /// Checksums of packets in flows of agents.
    pub checksums: Checked,
    /// Flows whose start was not seen.
    pub flows_began_before: u64,
    /// Flows of which only one direction was captured.
    pub flows_one_sided: u64,
    /// Flows forgotten for want of memory.
    pub flows_evicted: u64,
    /// When the captures hold packets, whoever's.
    pub capture: Presence,
    /// How their clocks go.
    pub clock: Clock,
    /// Over how long agents were seen: from the first packet to the last, without times in which nothing at all was captured for an hour.
    pub observed_seconds: u64,
    /// What all agents sent.
    pub sent: Way,
    /// What was sent to them.
    pub received: Way,
    /// Per agent address: when it was first and last seen.
    pub agents: Vec<AgentSeen>,
    /// Agents that were named and not seen.
    pub agents_unseen: Vec<String>,
}

/// When packets were seen.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Presence {
    /// How many.
    pub packets: u64,
    /// The first.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rfc3339")]
    #[schemars(with = "Option<String>")]
    pub first: Option<Timestamp>,
    /// The last.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rfc3339")]
    #[schemars(with = "Option<String>")]
    pub last: Option<Timestamp>,
    /// How many silences there are between them.
    pub silences: u64,
    /// The shortest that counts as one.
    pub silence_seconds: u64,
    /// The longest of them, the longest first.
    pub longest_silences: Vec<Silence>,
}

/// A time without packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Silence {
    /// The last packet before it.
    #[serde(serialize_with = "display")]
    #[schemars(with = "String")]
    pub from: Timestamp,
    /// The first behind it.
    #[serde(serialize_with = "display")]
    #[schemars(with = "String")]
    pub to: Timestamp,
}

/// Checksums of packets.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub struct Checked {
    /// Looked at, and right.
    pub good: u64,
    /// Looked at, and not right.
    pub bad: u64,
    /// Not looked at: nothing hangs on them, or not all of the packet is there.
    pub not_checked: u64,
}

/// What went one way.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Way {
    /// When.
    #[serde(flatten)]
    pub presence: Presence,
    /// Bytes missing from streams where evidence would be.
    pub bytes_missing: u64,
    /// Bytes cut by the snap length where evidence would be.
    pub bytes_cut: u64,
    /// Checksums that were looked at and are right.
    pub checksums_good: u64,
    /// Those that are not.
    pub checksums_bad: u64,
}

/// When an agent's address was seen.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AgentSeen {
    /// The address.
    pub address: IpAddr,
    /// Its flows.
    pub flows: u64,
    /// The start of the first.
    #[serde(serialize_with = "display")]
    #[schemars(with = "String")]
    pub first: Timestamp,
    /// The end of the last.
    #[serde(serialize_with = "display")]
    #[schemars(with = "String")]
    pub last: Timestamp,
    /// What it sent; left out where there are too many addresses to watch each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<Way>,
    /// What was sent to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<Way>,
}

/// How the clocks of the captures go.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Clock {
    /// Where time goes back from one packet of an interface to the next.
    pub back: Steps,
    /// Where it goes on by so much that the clock may have been set, or nothing captured.
    pub forward: Steps,
}

/// Steps of clocks.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Steps {
    /// How many.
    pub count: u64,
    /// The largest, in nanoseconds.
    #[serde(skip_serializing_if = "is_zero")]
    pub largest_nanos: u64,
    /// The packet behind the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<PacketRef>,
}

fn display<T: std::fmt::Display, S: serde::Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl From<&Jumps> for Steps {
    fn from(jumps: &Jumps) -> Self {
        Self { count: jumps.count, largest_nanos: jumps.largest.unsigned_abs(), first: jumps.first.map(PacketRef::from) }
    }
}

impl From<&Sighting> for Presence {
    fn from(sighting: &Sighting) -> Self {
        let mut longest: Vec<Silence> = sighting.clone().silences().into_iter().map(|(from, to)| Silence { from, to }).collect();
        let silences = longest.len() as u64;
        // stable: of two that are as long the earlier comes first
        longest.sort_by_key(|silence| std::cmp::Reverse(silence.to.since(silence.from)));
        longest.truncate(limits::SILENCES_LISTED);
        Self {
            packets: sighting.packets(),
            first: sighting.span().map(|span| span.0),
            last: sighting.span().map(|span| span.1),
            silences,
            silence_seconds: sighting.least().unsigned_abs() / 1_000_000_000,
            longest_silences: longest,
        }
    }
}

/// Adds up what flows show while they end.
#[derive(Debug, Default)]
pub(super) struct Seen {
    coverage: Coverage,
    addresses: HashMap<IpAddr, Address, RandomState>,
    /// Those whom the policy expects and that were seen, by their places in it.
    met: BTreeSet<usize>,
}

/// What flows show of one address of an agent.
#[derive(Debug)]
struct Address {
    flows: u64,
    first: Timestamp,
    last: Timestamp,
    /// What it sent, and what was sent to it.
    missing: [u64; 2],
    cut: [u64; 2],
    good: [u64; 2],
    bad: [u64; 2],
}

impl Address {
    fn new(at: Timestamp) -> Self {
        Self { flows: 0, first: at, last: at, missing: [0; 2], cut: [0; 2], good: [0; 2], bad: [0; 2] }
    }
}

impl Seen {
    /// Takes in a flow of an agent.
    pub(super) fn count(&mut self, record: &FlowRecord) {
        let facts = &record.facts;
        let coverage = &mut self.coverage;
        coverage.bytes_missing += facts.gap.map_or(0, |(bytes, _)| bytes);
        coverage.bytes_cut += facts.truncated.map_or(0, |(bytes, _)| bytes);
        coverage.truncated_needed += facts.packets_cut;
        for sums in record.checksums {
            coverage.checksums.good += u64::from(sums.good);
            coverage.checksums.bad += u64::from(sums.bad);
        }
        coverage.flows_began_before += u64::from(record.began_before);
        coverage.flows_one_sided += u64::from(record.unseen_end.is_some());
        coverage.flows_evicted += u64::from(record.evicted);
        for end in [End::A, End::B].into_iter().filter(|end| record.agents[end.index()]) {
            let of_ends = |bytes: &[u64; 2]| [bytes[end.index()], bytes[(!end).index()]];
            let (missing, cut) = (of_ends(&facts.bytes_missing), of_ends(&facts.bytes_cut));
            let good = of_ends(&record.checksums.map(|sums| sums.good.into()));
            let bad = of_ends(&record.checksums.map(|sums| sums.bad.into()));
            for (way, n) in [&mut coverage.sent, &mut coverage.received].into_iter().zip(0..) {
                way.bytes_missing += missing[n];
                way.bytes_cut += cut[n];
                way.checksums_good += good[n];
                way.checksums_bad += bad[n];
            }
            let ip = record.ends[end.index()].ip;
            let is_full = self.addresses.len() >= limits::AGENTS_LISTED;
            let known = match self.addresses.get_mut(&ip) {
                None if !is_full => Some(self.addresses.entry(ip).or_insert(Address::new(record.first.at))),
                known => known,
            };
            if let Some(known) = known {
                known.flows += 1;
                known.first = known.first.min(record.first.at);
                known.last = known.last.max(record.last);
                for n in 0..2 {
                    known.missing[n] += missing[n];
                    known.cut[n] += cut[n];
                    known.good[n] += good[n];
                    known.bad[n] += bad[n];
                }
            }
        }
    }

    /// Whether flows of an agent's address were counted.
    pub(super) fn has(&self, ip: IpAddr) -> bool {
        self.addresses.contains_key(&ip)
    }

    /// Takes in so many more flows of an agent's address that was counted before, of which nothing is missing.
    pub(super) fn count_more(&mut self, ip: IpAddr, flows: u64, (first, last): (Timestamp, Timestamp)) {
        if let Some(known) = self.addresses.get_mut(&ip) {
            known.flows += flows;
            known.first = known.first.min(first);
            known.last = known.last.max(last);
        }
    }

    /// Whether all whom the policy expects were seen.
    pub(super) fn has_met(&self, policy: &Policy) -> bool {
        self.met.len() == policy.coverage.expect.len()
    }

    /// Takes in whether a flow is of somebody whom the policy expects.
    pub(super) fn meet(&mut self, case: &Case<'_>) {
        for (place, (who, _)) in case.policy.coverage.expect.iter().enumerate() {
            if !self.met.contains(&place) && who.was_seen(case.record, !case.agent, &case.policy.nat64, case.answered_names()) {
                self.met.insert(place);
            }
        }
    }

    /// Those whom the policy expects and that were not seen.
    pub(super) fn unmet(&self, policy: &Policy) -> Vec<usize> {
        (0..policy.coverage.expect.len()).filter(|place| !self.met.contains(place)).collect()
    }

    /// What it all comes to, for agents by these labels under a policy.
    pub(super) fn close(
        self,
        ledger: &Ledger,
        dropped: u64,
        sightings: &Sightings,
        watched: &Watched,
        (agents, policy): (&[String], &Policy),
    ) -> Coverage {
        let mut coverage = self.coverage;
        coverage.packets = ledger.sum();
        coverage.ledger = ledger.counts();
        coverage.truncated = ledger.truncated;
        coverage.truncated_agent = ledger.truncated_agent;
        // a frame may be cut twice over: the segment that it holds, and what waited for it
        coverage.truncated_needed = coverage.truncated_needed.min(ledger.truncated_agent);
        let looked_at = coverage.checksums.good + coverage.checksums.bad;
        coverage.checksums.not_checked = coverage.ledger.get("judged").map_or(0, |judged| judged.saturating_sub(looked_at));
        coverage.dropped = dropped;
        coverage.capture = Presence::from(&watched.packets);
        coverage.clock = Clock { back: Steps::from(&watched.back), forward: Steps::from(&watched.forward) };
        let [sent, received] = sightings.all();
        (coverage.sent.presence, coverage.received.presence) = (Presence::from(&sent), Presence::from(&received));
        coverage.observed_seconds = observed([&sent, &received], &watched.packets).unsigned_abs() / 1_000_000_000;
        let is_seen = |label: &&String| match parse_agent(label) {
            Ok(Agent::Net(net)) => {
                let net = policy.nat64.net(net);
                self.addresses.keys().any(|ip| net.contains(&policy.nat64.canonical(*ip)))
            }
            _ => true,
        };
        let is_full = self.addresses.len() >= limits::AGENTS_LISTED;
        coverage.agents_unseen = agents.iter().filter(|label| !is_full && !is_seen(label)).cloned().collect();
        let seen = |(address, of): (IpAddr, Address)| {
            let way = |n: usize| {
                let presence = sightings.of(address).map(|ways| Presence::from(&ways[n]));
                presence.map(|presence| Way {
                    presence,
                    bytes_missing: of.missing[n],
                    bytes_cut: of.cut[n],
                    checksums_good: of.good[n],
                    checksums_bad: of.bad[n],
                })
            };
            AgentSeen { address, flows: of.flows, first: of.first, last: of.last, sent: way(0), received: way(1) }
        };
        let in_order: BTreeMap<IpAddr, Address> = self.addresses.into_iter().collect();
        coverage.agents = in_order.into_iter().map(seen).collect();
        coverage
    }
}

/// Nanoseconds over which agents were seen. What lies in a time for which the captures hold nothing at all does not count, nor does anything
/// where so many are such that they are no longer told apart.
fn observed(agents: [&Sighting; 2], capture: &Sighting) -> i64 {
    let spans = || agents.into_iter().filter_map(Sighting::span);
    let (Some(first), Some(last)) = (spans().map(|span| span.0).min(), spans().map(|span| span.1).max()) else { return 0 };
    if capture.least() > limits::CLOCK_FORWARD_NANOS {
        return 0;
    }
    let within = |(from, to): (Timestamp, Timestamp)| to.min(last).since(from.max(first)).max(0);
    let silent = capture.clone().silences().into_iter().filter(|(from, to)| to.since(*from) >= limits::CLOCK_FORWARD_NANOS);
    last.since(first).saturating_sub(silent.map(within).sum())
}
