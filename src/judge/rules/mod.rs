//! The rules, a family a file. A rule is a `static` that holds its code, its words and its check; a line in [`RULES`] puts it in force,
//! and help, documents and tests are made from that list.

mod certificate;
mod coverage;
mod destination;
mod direction;
mod dns;
mod encryption;

use std::fmt::{self, Write as _};

use super::case::Case;
use super::{CausedBy, Severity, Whole};
use crate::fact::{FrameId, Locus, Timestamp};

pub(super) use certificate::{CERTIFICATE, Problem as CertificateProblem, problems as certificate_problems};
pub(super) use coverage::{NO_DESTINATION_POLICY, WAIVER_EXPIRED, waiver_expired};
pub(super) use direction::INBOUND_ATTEMPT;
pub(super) use dns::{DNS_TUNNEL, QUERY_NOT_ALLOWED, dns_tunnel, dns_tunnel_unknown, query_denied, query_not_allowed};
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
    Seen(CheckFlow),
    /// Of a flow that has ended.
    Closed(CheckFlow),
    /// Of the whole audit.
    Whole(CheckWhole),
    /// Of a flow that has ended and that is clouded ([`FlowRecord::is_clouded`](crate::fact::FlowRecord::is_clouded)).
    Clouded(CheckFlow),
    /// Of such a flow, and of the whole audit besides.
    CloudedAndWhole(CheckFlow, CheckWhole),
    /// Of single events, by the judge itself.
    Event,
}

/// Adds how a flow breaks a rule.
pub type CheckFlow = for<'a> fn(&'a Case<'a>, &mut Vec<Broken<'a>>);

/// Adds how the whole audit breaks a rule.
pub type CheckWhole = for<'a> fn(&Whole<'_>, &mut Vec<Broken<'a>>);

/// How a flow, or the audit, breaks a rule.
#[derive(Debug)]
pub struct Broken<'a> {
    /// What the finding is about, within its rule and agent: a port, a name, a peer. Flows with one subject are one finding.
    pub subject: String,
    /// What was found.
    pub message: Message<'a>,
    /// Who caused it.
    pub caused_by: CausedBy,
    /// Where the rule's own severity does not hold.
    pub severity: Option<Severity>,
    /// The packets that show it; the flow's first is shown besides.
    pub packets: Vec<FrameId>,
    /// When, where no flow says it.
    pub at: Option<Timestamp>,
}

/// What was found, in a sentence. Of many flows with one subject the first alone is told, so that the sentence may wait until it is asked for.
pub enum Message<'a> {
    /// It is made.
    Made(String),
    /// How it is made.
    Later(Box<dyn FnOnce() -> String + 'a>),
}

impl<'a> Message<'a> {
    fn later(make: impl FnOnce() -> String + 'a) -> Self {
        Self::Later(Box::new(make))
    }

    /// The sentence.
    #[must_use]
    pub fn made(self) -> String {
        match self {
            Self::Made(message) => message,
            Self::Later(make) => make(),
        }
    }
}

impl From<String> for Message<'_> {
    fn from(message: String) -> Self {
        Self::Made(message)
    }
}

impl From<&str> for Message<'_> {
    fn from(message: &str) -> Self {
        Self::Made(message.to_owned())
    }
}

impl std::fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Made(message) => message.fmt(f),
            Self::Later(_) => f.write_str("later"),
        }
    }
}

impl<'a> Broken<'a> {
    fn new(caused_by: CausedBy, subject: impl Into<String>, message: impl Into<Message<'a>>) -> Self {
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

    /// The same with its sentence made.
    pub(in crate::judge) fn made(self) -> Broken<'static> {
        let Self { subject, message, caused_by, severity, packets, at } = self;
        Broken { subject, message: Message::Made(message.made()), caused_by, severity, packets, at }
    }
}

/// The subject of what is about a peer: `tcp 192.0.2.1:443`. Most findings have one, so it is made without growing.
fn with(what: impl fmt::Display, peer: impl fmt::Display) -> String {
    let mut subject = String::with_capacity(48);
    _ = write!(subject, "{what} {peer}");
    subject
}

/// The rule with this code.
#[must_use]
pub fn by_code(code: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.code.eq_ignore_ascii_case(code))
}
