//! Whether a server showed that it is who was asked for, as far as certificates are in the clear: TLS and DTLS before 1.3.
//!
//! What a client refused is no finding: a certificate counts once both ends have gone on with it to a finished handshake. Moments are the
//! packets' own; no clock is asked. `docs/certificates.md` says what is checked and what cannot be.

use super::super::Severity;
use super::super::case::Case;
use super::encryption::{by, place};
use super::{Broken, Check, Rule};
use crate::fact::{AltName, Certificate, CertificateShown, Chain, Name, NameSource, Timestamp, Trust};

pub(in crate::judge) static CERTIFICATE: Rule = Rule {
    code: "WW207",
    name: "certificate",
    checks: "The server's certificate in a handshake that finished, where it is in the clear (TLS and DTLS before 1.3), at the packet's time: expired, \
             not yet valid, for other names than the one asked for (subject alternative names alone; the common name is not consulted), self-signed, \
             with a weak key (RSA below 2048 bits, DSA, curves below 256 bits) or signature (MD5, SHA-1), signed by another key than that of the \
             issuer beside it, or, where the policy gives [tls] roots, not leading to one of them. Undetermined where it could not be read or \
             judged. A resumed session shows none. Revocation is not read.",
    why: "Encryption to somebody who has not shown who he is protects from nobody on the path.",
    fix: "Renew or replace the certificate, with the name that clients ask for, from an authority that they trust; and see why the client went on.",
    severity: Severity::Violation,
    controls: &[
        "NIST SP 800-52r2",
        "NIST SP 800-53 SC-8(1)",
        "NIST SP 800-53 SC-17",
        "NIST SP 800-53 SC-23",
        "PCI DSS 4.2.1",
        "PCI DSS 4.2.1.1",
        "ISO/IEC 27001 A.8.24",
        "SOC 2 CC6.7",
    ],
    check: Check::Seen(|case, broken| {
        let place = place(case);
        for Problem { what, message, is_proven } in problems(case) {
            let at = case.record.facts.tls.certificate.as_ref().map(|shown| shown.at);
            // the place stays where a certificate is renewed, so that the finding does too
            let finding = Broken::new(by(case), format!("{what} {place}"), format!("{place} {message}")).at(at);
            broken.push(if is_proven { finding } else { finding.severity(Severity::Undetermined) });
        }
    }),
};

/// What is wrong with a certificate.
pub(in crate::judge) struct Problem {
    /// In a word: `expired`.
    pub what: &'static str,
    message: String,
    /// It rests on what was seen.
    is_proven: bool,
}

impl Problem {
    fn proven(what: &'static str, message: String) -> Self {
        Self { what, message, is_proven: true }
    }

    fn open(what: &'static str, message: String) -> Self {
        Self { what, message, is_proven: false }
    }
}

/// What is wrong with the certificate that a flow's server showed, if it did.
pub(in crate::judge) fn problems(case: &Case<'_>) -> Vec<Problem> {
    let facts = &case.record.facts;
    let (Some(shown), Some(_)) = (&facts.tls.certificate, facts.handshake_finished) else { return Vec::new() };
    match shown.as_ref() {
        CertificateShown { shown: Ok(chain), at } => of_chain(case, chain, at.at),
        CertificateShown { shown: Err(unread), .. } => {
            vec![Problem::open("unread", format!("showed a certificate that could not be judged: it is {unread}"))]
        }
    }
}

fn of_chain(case: &Case<'_>, chain: &Chain, at: Timestamp) -> Vec<Problem> {
    let leaf = &chain.leaf;
    let which = format!("the certificate of {} (serial {})", leaf.subject, leaf.serial);
    let trust = chain.trust_at(at);
    let is_timely = is_begun(leaf.not_before, at) && !is_over(leaf.not_after, at);
    let mut found = Vec::new();
    if !is_begun(leaf.not_before, at) {
        found.push(Problem::proven("not-yet-valid", format!("showed {which}, which is valid from {} on", day(leaf.not_before))));
    }
    if is_over(leaf.not_after, at) {
        found.push(Problem::proven("expired", format!("showed {which}, which expired on {}", day(leaf.not_after))));
    }
    found.extend(wrong_name(case, leaf));
    if leaf.is_self_signed && trust != Some(Trust::Trusted) {
        found.push(Problem::proven("self-signed", format!("showed {which}, which it signed itself")));
    }
    if leaf.is_key_weak {
        found.push(Problem::proven("weak-key", format!("showed {which}, with a weak key, {}", leaf.key)));
    }
    if leaf.is_signature_weak && !leaf.is_self_signed {
        found.push(Problem::proven("weak-signature", format!("showed {which}, with a weak signature, {}", leaf.signature)));
    }
    for issuer in &chain.issuers {
        if let Some(weak) = issuer.weak {
            let what = if weak == "key" { "weak-key" } else { "weak-signature" };
            found.push(Problem::proven(what, format!("showed {which}, issued by way of {}, which has a weak {weak}", issuer.subject)));
        }
    }
    match trust {
        // what is said of the certificate itself says it all
        _ if leaf.is_self_signed || !is_timely => {}
        Some(Trust::Trusted) => {}
        Some(Trust::Untrusted(why)) => found.push(Problem::proven("untrusted", format!("showed {which}: {why}"))),
        Some(Trust::Unknown(why)) => found.push(Problem::open("untrusted", format!("showed {which}: {why}"))),
        None => found.extend(broken_way(chain, &which, at)),
    }
    // one finding a kind
    let mut kinds = Vec::new();
    found.retain(|problem| {
        !kinds.contains(&problem.what) && {
            kinds.push(problem.what);
            true
        }
    });
    found
}

/// What is wrong with the way from the server's certificate on, as far as it was shown, where no roots are given.
fn broken_way(chain: &Chain, which: &str, at: Timestamp) -> Option<Problem> {
    if let Some(issuer) = &chain.broken {
        let message = format!("showed {which}, and on the way from it a signature that the key of {issuer} did not make");
        return Some(Problem::proven("broken-chain", message));
    }
    let untimely = chain.issuers.iter().find(|issuer| !is_begun(issuer.not_before, at) || is_over(issuer.not_after, at))?;
    // a client may know another certificate of the same issuer
    let message = format!("showed {which}, issued by way of {}, which is not valid at that time", untimely.subject);
    Some(Problem::open("broken-chain", message))
}

/// Holds a certificate against the name that was asked for: by the hello, else of a proxy, else the address, or a name that was answered
/// with it.
fn wrong_name(case: &Case<'_>, leaf: &Certificate) -> Option<Problem> {
    let facts = &case.record.facts;
    let covers = |name: &Name| leaf.names.iter().any(|own| own.covers(name));
    let by_hello = facts.names.iter().rev().find(|read| matches!(read.source, NameSource::Sni | NameSource::QuicSni));
    if let Some(asked) = by_hello.or(facts.names.last()) {
        if covers(&asked.name) {
            return None;
        }
        let message = format!("was asked for {}, and showed a certificate for {}", asked.name, listed(leaf));
        let is_known = leaf.names_more == 0 && !asked.name.is_odd();
        return Some(if is_known { Problem::proven("wrong-name", message) } else { Problem::open("wrong-name", message) });
    }
    let server = case.record.responder_endpoint().ip;
    let ip = case.policy.nat64.canonical(server);
    let is_address = |name: &AltName| matches!(name, AltName::Address(own) if *own == server || *own == ip);
    let mut answered = case.names_of(server).peekable();
    let is_named = answered.peek().is_some();
    if leaf.names.iter().any(is_address) || answered.any(covers) {
        return None;
    }
    let message = format!("was asked for no name, and showed a certificate for {}", listed(leaf));
    // a name may have been meant that was answered out of sight
    let is_known = is_named && leaf.names_more == 0 && facts.name_hidden.is_none() && !case.names.is_incomplete();
    Some(if is_known { Problem::proven("wrong-name", message) } else { Problem::open("wrong-name", message) })
}

/// The first names of a certificate, in words.
fn listed(leaf: &Certificate) -> String {
    const FIRST: usize = 3;
    let first: Vec<String> = leaf.names.iter().take(FIRST).map(ToString::to_string).collect();
    match leaf.names.len() + leaf.names_more {
        0 => "no name at all".to_owned(),
        n if n > FIRST => format!("{} and {} more", first.join(", "), n - FIRST),
        _ => first.join(", "),
    }
}

fn is_begun(not_before: Timestamp, at: Timestamp) -> bool {
    not_before <= at
}

/// A certificate is valid to the end of its last second.
fn is_over(not_after: Timestamp, at: Timestamp) -> bool {
    at.since(not_after) >= 1_000_000_000
}

/// A moment without its nanoseconds.
fn day(moment: Timestamp) -> String {
    let text = moment.to_string();
    text.get(..19).map_or(text.clone(), |second| format!("{second}Z"))
}
