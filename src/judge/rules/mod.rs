//! The rules, a family a file. A rule is a `static` that holds its code, its words and its check; a line in [`RULES`] puts it in force,
//! and help, documents and tests are made from that list.

mod certificate;
mod coverage;
mod destination;
mod direction;
mod dns;
mod encryption;

use super::case::Case;
use super::{CausedBy, Severity, Whole};
use crate::fact::{FrameId, Locus, Timestamp};

pub(super) use certificate::{CERTIFICATE, problems as certificate_problems};
pub(super) use coverage::{WAIVER_EXPIRED, waiver_expired};
pub(super) use direction::INBOUND_ATTEMPT;
pub(super) use dns::{DNS_TUNNEL, QUERY_NOT_ALLOWED, dns_tunnel, dns_tunnel_unknown, query_not_allowed};
pub(super) use encryption::is_permitted;

/// Every rule in force, in the order of their codes.
pub static RULES: &[&Rule] = &[
    &direction::INBOUND_ACCEPTED,
    &direction::INBOUND_ATTEMPT,
    &direction::INITIATOR_UNKNOWN,
    &encryption::PLAINTEXT,
    &encryption::UNRECOGNIZED_PAYLOAD,
    &encryption::TLS_VERSION,
    &encryption::WEAK_CIPHER,
    &encryption::STARTTLS_REFUSED,
    &encryption::HANDSHAKE_INCOMPLETE,
    &certificate::CERTIFICATE,
    &destination::DESTINATION_NOT_ALLOWED,
    &destination::NAME_NOT_ALLOWED,
    &destination::PORT_NOT_ALLOWED,
    &destination::NAME_UNBOUND,
    &destination::NAME_HIDDEN,
    &dns::RESOLVER_NOT_ALLOWED,
    &dns::QUERY_NOT_ALLOWED,
    &dns::DNS_TUNNEL,
    &coverage::PACKETS_DROPPED,
    &coverage::PACKETS_TRUNCATED,
    &coverage::UNDECODED,
    &coverage::ONE_SIDED,
    &coverage::BEGAN_BEFORE_CAPTURE,
    &coverage::STREAM_GAP,
    &coverage::CAPTURE_DAMAGED,
    &coverage::STATE_EVICTED,
    &coverage::NO_AGENT_TRAFFIC,
    &coverage::FILTERED,
    &coverage::WAIVER_EXPIRED,
    &coverage::NO_DESTINATION_POLICY,
    &coverage::COVERAGE_SHORT,
];

/// A rule: what it checks, in words and in code.
pub struct Rule {
    /// `WW101`.
    pub code: &'static str,
    /// Named for the thing found.
    pub name: &'static str,
    /// What it checks.
    pub checks: &'static str,
    /// Why that matters.
    pub why: &'static str,
    /// How it is mended.
    pub fix: &'static str,
    /// How much a finding weighs unless the policy says otherwise.
    pub severity: Severity,
    /// The controls that it bears on.
    pub controls: &'static [&'static str],
    /// The check.
    pub check: Check,
}

/// When a rule is asked, and of what.
pub enum Check {
    /// Of a flow as soon as something was read in it; what is broken then stays broken.
    Seen(fn(&Case<'_>, &mut Vec<Broken>)),
    /// Of a flow that has ended.
    Closed(fn(&Case<'_>, &mut Vec<Broken>)),
    /// Of the whole audit.
    Whole(fn(&Whole<'_>, &mut Vec<Broken>)),
    /// Of a flow that has ended, and of the whole audit besides.
    ClosedAndWhole(fn(&Case<'_>, &mut Vec<Broken>), fn(&Whole<'_>, &mut Vec<Broken>)),
    /// Of single events, by the judge itself.
    Event,
}

/// How a flow, or the audit, breaks a rule.
#[derive(Clone, Debug)]
pub struct Broken {
    /// What the finding is about, within its rule and agent: a port, a name, a peer. Flows with one subject are one finding.
    pub subject: String,
    /// What was found, in a sentence.
    pub message: String,
    /// Who caused it.
    pub caused_by: CausedBy,
    /// Where the rule's own severity does not hold.
    pub severity: Option<Severity>,
    /// The packets that show it; the flow's first is shown besides.
    pub packets: Vec<FrameId>,
    /// When, where no flow says it.
    pub at: Option<Timestamp>,
}

impl Broken {
    fn new(caused_by: CausedBy, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { subject: subject.into(), message: message.into(), caused_by, severity: None, packets: Vec::new(), at: None }
    }

    /// Shown by this packet.
    pub(in crate::judge) fn at(mut self, locus: Option<Locus>) -> Self {
        self.packets.extend(locus.map(|at| at.frame));
        self
    }

    fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }
}

/// The rule with this code.
#[must_use]
pub fn by_code(code: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.code.eq_ignore_ascii_case(code))
}
