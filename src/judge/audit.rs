//! The audit document: what a verdict rests on, in the shape of the contract (`wirewitness.audit.v1`).
//!
//! The judge fills it, reports write it down; nothing after the judge can change it. It holds no clock time of its own.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::controls::ControlSeen;
use super::coverage::Coverage;
use crate::fact::{Encryption, Endpoint, FrameId, Timestamp};

/// The verdict, ordered so that verdicts fold with `max`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything the agents sent and received was seen, understood and allowed.
    #[default]
    Pass,
    /// No violation, but something leaves the claim unproven.
    Inconclusive,
    /// At least one violation.
    Fail,
}

impl Verdict {
    /// The contract's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
        }
    }
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Told, and without weight.
    Notice,
    /// Leaves the claim unproven.
    Undetermined,
    /// Breaks the claim.
    Violation,
}

impl Severity {
    /// The contract's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Undetermined => "undetermined",
            Self::Violation => "violation",
        }
    }

    /// The verdict that one finding of this severity leads to.
    #[must_use]
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Notice => Verdict::Pass,
            Self::Undetermined => Verdict::Inconclusive,
            Self::Violation => Verdict::Fail,
        }
    }
}

/// Who caused a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CausedBy {
    /// The agent's own conduct.
    Agent,
    /// Somebody else's.
    Peer,
    /// The capture, the tap, the audit itself.
    Environment,
}

/// The whole document.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Audit {
    /// `wirewitness.audit.v1`.
    pub schema: &'static str,
    /// Who wrote it.
    pub tool: Tool,
    /// The verdict.
    pub verdict: Verdict,
    /// The verdict over what the agents caused.
    pub agent_conduct: Verdict,
    /// The policies in force, in the order they were named.
    pub policies: Vec<PolicyUsed>,
    /// The agents: addresses, prefixes, MACs.
    pub agents: Vec<String>,
    /// Whether the agents were inferred and not named.
    pub agents_inferred: bool,
    /// The filter given by the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The captures read.
    pub inputs: Vec<InputSummary>,
    /// What was seen and what was not.
    pub coverage: Coverage,
    /// Counts.
    pub summary: Summary,
    /// Findings, the gravest first.
    pub findings: Vec<Finding>,
    /// Groups of findings beyond the limit, which are only counted.
    #[serde(skip_serializing_if = "is_zero")]
    pub findings_beyond_limit: u64,
    /// Allowed destinations.
    pub allowed: Vec<Allowed>,
    /// Allowed destinations beyond the limit, which are only counted.
    #[serde(skip_serializing_if = "is_zero")]
    pub allowed_beyond_limit: u64,
    /// What a reader must know and is no finding.
    pub exceptions: Vec<Exception>,
    /// What no packet can show, whatever the capture.
    pub limits: Vec<&'static str>,
    /// What the evidence says of controls, where that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<ControlSeen>,
}

pub(super) fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// The program that wrote the document.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// A policy in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PolicyUsed {
    /// Its name.
    pub name: String,
    /// SHA-256 of its text, in hexadecimal.
    pub sha256: String,
    /// The values of its variables, where it has any.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
}

impl std::fmt::Display for PolicyUsed {
    /// `lab`, or `lab (region = westeurope)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        for (n, (name, value)) in self.variables.iter().enumerate() {
            write!(f, "{}{name} = {value}", if n == 0 { " (" } else { ", " })?;
        }
        f.write_str(if self.variables.is_empty() { "" } else { ")" })
    }
}

/// A capture that was read.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct InputSummary {
    /// Its path as given; `-` for standard input.
    pub path: String,
    /// SHA-256 of its bytes, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Its format.
    pub format: &'static str,
    /// How it is compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<&'static str>,
    /// Its link types by name.
    pub link_types: Vec<String>,
    /// Its packets.
    pub packets: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Its first packet in time.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rfc3339")]
    #[schemars(with = "Option<String>")]
    pub first: Option<Timestamp>,
    /// Its last packet in time.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rfc3339")]
    #[schemars(with = "Option<String>")]
    pub last: Option<Timestamp>,
    /// Whether it was read to its end and its end is whole.
    pub complete: bool,
    /// Packets that it says were lost.
    #[serde(skip_serializing_if = "is_zero")]
    pub dropped: u64,
    /// Where and why it is not complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
    /// The capture filter recorded in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

pub(super) fn rfc3339<S: serde::Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&at.unwrap_or_default())
}

/// Counts over all flows.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Summary {
    /// Flows, those of others included.
    pub flows: u64,
    /// Opened by an agent.
    pub outbound: u64,
    /// Opened towards an agent.
    pub inbound: u64,
    /// Between agents.
    pub internal: u64,
    /// Without an agent.
    pub unrelated: u64,
    /// Of an agent, opened by nobody knows whom.
    pub unknown: u64,
    /// Agents' flows shown to be encrypted.
    pub encrypted: u64,
    /// Agents' flows with payload in the clear.
    pub plaintext: u64,
    /// Agents' flows with payload that is neither.
    pub unrecognized: u64,
    /// Findings by severity.
    pub findings: FindingCounts,
}

/// Findings by severity.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct FindingCounts {
    /// Violations.
    pub violation: u64,
    /// Undetermined.
    pub undetermined: u64,
    /// Notices.
    pub notice: u64,
}

/// A broken rule for one agent and one subject.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Finding {
    /// Its place in this document: `F1`, `F2`, ...
    pub id: String,
    /// The same in every audit of the same thing: a hash of rule, agent, peer, responder port and name.
    pub fingerprint: String,
    /// The rule's code.
    pub rule: &'static str,
    /// The rule's name.
    pub name: &'static str,
    /// How much it weighs, policy applied.
    pub severity: Severity,
    /// Who caused it.
    pub caused_by: CausedBy,
    /// What was found, in a sentence.
    pub message: String,
    /// The agent; empty where no agent is concerned (a cut capture).
    pub agent: String,
    /// The rule's own subject: a port, a name, a peer.
    pub subject: String,
    /// How many flows.
    pub flows: u64,
    /// The first of it.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rfc3339")]
    #[schemars(with = "Option<String>")]
    pub first: Option<Timestamp>,
    /// The last of it.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rfc3339")]
    #[schemars(with = "Option<String>")]
    pub last: Option<Timestamp>,
    /// The packets that show it, where no flow does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packets: Vec<PacketRef>,
    /// The first few flows.
    pub examples: Vec<Example>,
    /// Controls that it bears on.
    pub controls: Vec<String>,
    /// How to mend it.
    pub help: &'static str,
    /// The waiver that lowered it to a notice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiver: Option<WaiverUsed>,
}

/// A flow that shows a finding.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Example {
    /// Who opened it.
    #[serde(serialize_with = "endpoint")]
    pub initiator: Endpoint,
    /// Who was asked.
    #[serde(serialize_with = "endpoint")]
    pub responder: Endpoint,
    /// The transport's name.
    pub transport: String,
    /// The name asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// The packets that prove it.
    pub packets: Vec<PacketRef>,
    /// A Wireshark display filter that shows the flow.
    pub filter: String,
}

/// Writes an endpoint as `{"ip": ..., "port": ...}`.
fn endpoint<S: serde::Serializer>(endpoint: &Endpoint, serializer: S) -> Result<S::Ok, S::Error> {
    endpoint.serialize(serializer)
}

/// A packet of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct PacketRef {
    /// The index of the input in the document's `inputs`.
    pub input: u32,
    /// The number of the packet there, from 1.
    pub number: u64,
}

impl From<FrameId> for PacketRef {
    fn from(id: FrameId) -> Self {
        Self { input: id.input(), number: id.number() }
    }
}

/// A waiver as it was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WaiverUsed {
    /// Why it was granted.
    pub reason: String,
    /// Its last day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Where it stands in the policy.
    pub origin: String,
}

/// A destination that was allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Allowed {
    /// The name asked for, or the address where none was.
    pub destination: String,
    /// The port.
    pub port: u16,
    /// The transport.
    pub transport: String,
    /// The entry of the policy that allows it.
    pub entry: String,
    /// Flows.
    pub flows: u64,
    /// Bytes of payload, both directions.
    pub bytes: u64,
}

/// Something that a reader must know and that is no finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Exception {
    /// `waiver`, `severity`, `plaintext`, `inbound`, `resolver`, `proxy`, `agent-inferred`, `ech`, `dns-tunnel`, ...
    pub kind: &'static str,
    /// What it is, in a sentence.
    pub message: String,
    /// Flows concerned; 0 where it is about the whole audit.
    pub flows: u64,
}

impl Judgement {
    /// One that says no more than this.
    #[must_use]
    pub fn new(direction: &'static str, verdict: &'static str, rules: Vec<&'static str>) -> Self {
        Self {
            direction,
            verdict,
            rules,
            encryption: None,
            protocol: None,
            answered_name: None,
            unanswered: false,
            certificate_problems: Vec::new(),
        }
    }
}

/// What the judge made of one flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// `outbound`, `inbound`, `internal`, `unrelated`, `unknown`.
    pub direction: &'static str,
    /// `allowed`, `violation`, `undetermined`, `notice`, `not-judged`.
    pub verdict: &'static str,
    /// The codes of the rules it breaks, notices included, in their order.
    pub rules: Vec<&'static str>,
    /// What the payload counts as by the policy, where that is not what packets show.
    pub encryption: Option<Encryption>,
    /// What its protocol is told as, where the judge knows more than what was read: `dot`, `doq`, `doh`, `mdns`, `llmnr`.
    pub protocol: Option<&'static str>,
    /// The name that the responder's address was answered for, where the flow asks for none itself.
    pub answered_name: Option<crate::fact::Name>,
    /// It asks for a name of a peer whose address was answered for none.
    pub unanswered: bool,
    /// What is wrong with the certificate that was shown, in a word each.
    pub certificate_problems: Vec<&'static str>,
}
