//! What the evidence of an audit says of the controls that auditors hold a system against, and how far it reaches.
//!
//! A control is about people and processes too: packets support it, contradict it or leave it open, and never show that it is met. What each
//! asks is in our own words. The table below has every control that a rule names.

use schemars::JsonSchema;
use serde::Serialize;

use super::judge::TRUST_LIMIT;
use super::rules::{self, RULES};
use super::{Audit, Severity};

/// What the evidence says of one control.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ControlSeen {
    /// Its framework and number: `NIST SP 800-53 SC-8`.
    pub control: &'static str,
    /// What it asks, in short.
    pub asks: &'static str,
    /// What the evidence says.
    pub evidence: Evidence,
    /// The rules that bear on it.
    pub rules: Vec<&'static str>,
    /// Findings that contradict it, or leave it open.
    pub findings: Vec<String>,
    /// Violations of its rules that the policy waives, or has made a notice.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub borne: Vec<String>,
    /// What was seen, in numbers.
    pub shown: String,
    /// How far that reaches.
    pub reach: &'static str,
}

/// What the evidence says of a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// Something was seen that must not be.
    Contradicts,
    /// Something leaves it open: in what bears on it, or in what was seen at all.
    Undetermined,
    /// The policy says nothing of it.
    NotJudged,
    /// Nothing was seen against it, in a capture that was seen whole.
    Supports,
}

impl Evidence {
    /// The document's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contradicts => "contradicts",
            Self::Undetermined => "undetermined",
            Self::NotJudged => "not-judged",
            Self::Supports => "supports",
        }
    }
}

/// What a control is about, of that which packets show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Direction,
    Destinations,
    Resolution,
    Encryption,
    Certificates,
    /// Certificates, by those who issued them.
    Issuers,
    Exceptions,
    Record,
}

/// A control: its framework and number, what it asks, and what of that packets show.
type Control = (&'static str, &'static str, About);

const CONTROLS: &[Control] = &[
    ("NIST SP 800-53 SC-7", "traffic is watched and controlled at the boundary", About::Direction),
    ("NIST SP 800-53 SC-7(5)", "everything is denied but what is allowed by name", About::Destinations),
    ("NIST SP 800-53 SC-8", "what is transmitted stays confidential and whole", About::Encryption),
    ("NIST SP 800-53 SC-8(1)", "cryptography protects what is transmitted", About::Encryption),
    ("NIST SP 800-53 SC-13", "the cryptography is of approved kinds", About::Encryption),
    ("NIST SP 800-53 SC-17", "certificates come from approved issuers", About::Issuers),
    ("NIST SP 800-53 SC-23", "sessions are with whom they seem to be", About::Certificates),
    ("NIST SP 800-53 AC-4", "information flows only where it is authorized to", About::Destinations),
    ("NIST SP 800-53 CM-7", "only the functions, ports and protocols that are needed", About::Direction),
    ("NIST SP 800-53 CA-7", "controls are assessed continuously", About::Record),
    ("NIST SP 800-53 SI-4", "the system is monitored for attacks", About::Record),
    ("NIST SP 800-53 AU-9", "audit information is whole", About::Record),
    ("NIST SP 800-53 AU-10", "who did what can be shown", About::Record),
    ("NIST SP 800-52r2", "TLS 1.2 at least, with approved suites and valid certificates", About::Encryption),
    ("PCI DSS 1.2.6", "insecure services in use are known and mitigated", About::Exceptions),
    ("PCI DSS 1.3.1", "inbound traffic is restricted to what is necessary", About::Direction),
    ("PCI DSS 1.3.2", "outbound traffic is restricted to what is necessary", About::Destinations),
    ("PCI DSS 1.4.2", "inbound traffic from untrusted networks is restricted", About::Direction),
    ("PCI DSS 4.2.1", "strong cryptography, trusted certificates, no insecure versions", About::Encryption),
    ("PCI DSS 4.2.1.1", "keys and certificates in use are inventoried", About::Certificates),
    ("ISO/IEC 27001 A.8.20", "networks are secured and controlled", About::Destinations),
    ("ISO/IEC 27001 A.8.21", "network services are secured and monitored", About::Resolution),
    ("ISO/IEC 27001 A.8.24", "cryptography is used by rule", About::Encryption),
    ("SOC 2 CC6.6", "threats from outside the boundary are kept out", About::Direction),
    ("SOC 2 CC6.7", "the movement of information is restricted and protected", About::Encryption),
    ("CIS v8 3.10", "sensitive data is encrypted in transit", About::Encryption),
    ("CIS v8 4.4", "hosts have firewalls", About::Direction),
    ("CIS v8 13.4", "traffic between segments is filtered", About::Direction),
];

impl About {
    fn reach(self) -> &'static str {
        match self {
            Self::Direction => {
                "the flows at this tap, in this time; what a firewall drops before it, and what is relayed inside outbound sessions, is not seen"
            }
            Self::Destinations => {
                "names and addresses as they were asked for and gone to; who answers behind an allowed name (domain fronting, a shared address) is not seen"
            }
            Self::Resolution => "questions in the clear; those inside encrypted DNS are not read",
            Self::Encryption => {
                "the protocols, versions and suites that handshakes settled; not keys, not how they are kept, and not what is sealed before it is sent"
            }
            Self::Certificates | Self::Issuers => {
                "certificates up to TLS 1.2 and in the handshake alone: TLS 1.3 sends them encrypted, and revocation is not looked up"
            }
            Self::Exceptions => {
                "what the policy permits in the clear or waives, as listed under exceptions; whether that is mitigated is for people to say"
            }
            Self::Record => "this capture: that others are made, kept and read is shown by a series of audits, and not by one",
        }
    }

    fn shown(self, audit: &Audit) -> String {
        let summary = &audit.summary;
        let of_agents = summary.outbound + summary.inbound + summary.internal + summary.unknown;
        match self {
            Self::Direction => format!(
                "of {of_agents} flows of the agent, {} were opened by it, {} towards it, and of {} it is not known",
                summary.outbound, summary.inbound, summary.unknown
            ),
            Self::Destinations => {
                let flows: u64 = audit.allowed.iter().map(|allowed| allowed.flows).sum();
                format!("{flows} flows went to {} destinations that the policy allows", audit.allowed.len())
            }
            Self::Resolution => {
                let resolvers = audit.exceptions.iter().filter(|exception| exception.kind == "resolver");
                let (count, flows) = resolvers.fold((0, 0), |(count, flows), exception| (count + 1, flows + exception.flows));
                format!("permitted resolvers that were asked in the clear: {count}, in {flows} flows")
            }
            Self::Encryption => format!(
                "of {of_agents} flows of the agent, {} were shown to be encrypted, {} had payload in the clear, and {} payload that is neither",
                summary.encrypted, summary.plaintext, summary.unrecognized
            ),
            Self::Certificates | Self::Issuers => "certificates were judged wherever a handshake shows them".to_owned(),
            Self::Exceptions => {
                let kinds = ["plaintext", "waiver", "severity"];
                let listed = audit.exceptions.iter().filter(|exception| kinds.iter().any(|kind| exception.kind.contains(kind))).count();
                format!("{listed} exceptions of this kind are listed, of {} in all", audit.exceptions.len())
            }
            Self::Record => format!(
                "{} packets (captures: {}), each in one bucket of the ledger; {} dropped by the capture, as far as it says",
                audit.coverage.packets,
                audit.inputs.len(),
                audit.coverage.dropped
            ),
        }
    }
}

/// What an audit says of every control that its rules bear on.
#[must_use]
pub fn of(audit: &Audit) -> Vec<ControlSeen> {
    let open = |code: &str| audit.findings.iter().any(|finding| finding.rule == code && finding.severity == Severity::Undetermined);
    let has_no_destinations = audit.findings.iter().any(|finding| finding.rule == rules::NO_DESTINATION_POLICY.code);
    // what was not seen may be anything
    let is_seen_whole =
        !RULES.iter().any(|rule| rule.code.starts_with("WW9") && rule.code != rules::NO_DESTINATION_POLICY.code && open(rule.code));
    let has_roots = !audit.limits.contains(&TRUST_LIMIT);
    let control = |&(control, asks, about): &Control| {
        let rules: Vec<&'static str> = RULES.iter().filter(|rule| rule.controls.contains(&control)).map(|rule| rule.code).collect();
        let of = |severity| audit.findings.iter().filter(move |finding| finding.severity == severity);
        let ids = |severity| -> Vec<String> {
            of(severity).filter(|finding| rules.contains(&finding.rule)).map(|finding| finding.id.clone()).collect()
        };
        let (violations, undetermined) = (ids(Severity::Violation), ids(Severity::Undetermined));
        let is_grave = |code: &str| RULES.iter().any(|rule| rule.code == code && rule.severity != Severity::Notice);
        let borne = of(Severity::Notice)
            .filter(|finding| rules.contains(&finding.rule) && is_grave(finding.rule))
            .map(|finding| finding.id.clone())
            .collect();
        let (evidence, findings) = match (violations, undetermined) {
            (violations, _) if !violations.is_empty() => (Evidence::Contradicts, violations),
            (_, undetermined) if !undetermined.is_empty() => (Evidence::Undetermined, undetermined),
            _ if about == About::Destinations && has_no_destinations => (Evidence::NotJudged, Vec::new()),
            _ if about == About::Issuers && !has_roots => (Evidence::NotJudged, Vec::new()),
            _ if !is_seen_whole => (Evidence::Undetermined, Vec::new()),
            _ => (Evidence::Supports, Vec::new()),
        };
        ControlSeen { control, asks, evidence, rules: rules.clone(), findings, borne, shown: about.shown(audit), reach: about.reach() }
    };
    CONTROLS.iter().map(control).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_control_that_a_rule_names_is_here_and_no_other() {
        let named: BTreeSet<&str> = RULES.iter().flat_map(|rule| rule.controls).copied().collect();
        let known: BTreeSet<&str> = CONTROLS.iter().map(|(control, ..)| *control).collect();
        assert_eq!(named, known);
        assert_eq!(known.len(), CONTROLS.len(), "each once");
    }
}
