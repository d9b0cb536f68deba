//! Whether a server showed that it is who was asked for, as far as certificates are in the clear: TLS and DTLS before 1.3.
//!
//! What a client refused is no finding: a certificate counts once both ends have gone on with it to a finished handshake. Moments are the
//! packets' own; no clock is asked. `docs/certificates.md` says what is checked and what cannot be.

use super::super::Severity;
use super::super::case::Case;
use super::encryption::{by, place};
use super::{Broken, Check, Message, Rule, with};
use crate::fact::{AltName, Certificate, CertificateShown, Chain, Issuer, Name, NameSource, Text, Timestamp, Trust, Unread};

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
        let Some((shown, problems)) = shown(case) else { return };
        let at = case.record.facts.tls.certificate.as_ref().map(|shown| shown.at);
        let place = place(case);
        for problem in problems {
            // the place stays where a certificate is renewed, so that the finding does too
            let subject = with(problem.what(), &place);
            let is_proven = problem.is_proven();
            let message = Message::later({
                let place = place.clone();
                move || format!("{place} {}", problem.message(shown))
            });
            let finding = Broken::new(by(case), subject, message).at(at);
            broken.push(if is_proven { finding } else { finding.severity(Severity::Undetermined) });
        }
    }),
};

/// What is wrong with a certificate.
pub(in crate::judge) enum Problem<'a> {
    /// It could not be judged.
    Unread(Unread),
    NotYetValid,
    Expired,
    /// It is not for the name that was asked for; whether that is certain.
    WrongName(Option<&'a Name>, bool),
    SelfSigned,
    WeakKey,
    WeakSignature,
    /// What is weak of one on the way from it to a root.
    WeakIssuer(&'a Issuer, &'static str),
    /// It leads to no root of the policy; whether that is certain.
    Untrusted(&'static str, bool),
    /// A signature on the way is not of this issuer.
    BrokenChain(&'a Text),
    /// One on the way is not valid at that time.
    UntimelyIssuer(&'a Issuer),
}

impl Problem<'_> {
    /// In a word.
    pub fn what(&self) -> &'static str {
        match self {
            Self::Unread(_) => "unread",
            Self::NotYetValid => "not-yet-valid",
            Self::Expired => "expired",
            Self::WrongName(..) => "wrong-name",
            Self::SelfSigned => "self-signed",
            Self::WeakKey | Self::WeakIssuer(_, "key") => "weak-key",
            Self::WeakSignature | Self::WeakIssuer(..) => "weak-signature",
            Self::Untrusted(..) => "untrusted",
            Self::BrokenChain(_) | Self::UntimelyIssuer(_) => "broken-chain",
        }
    }

    /// Whether it rests on what was seen.
    fn is_proven(&self) -> bool {
        match self {
            // a client may know another certificate of the same issuer
            Self::Unread(_) | Self::UntimelyIssuer(_) => false,
            Self::WrongName(_, is_proven) | Self::Untrusted(_, is_proven) => *is_proven,
            _ => true,
        }
    }

    /// What the server did.
    fn message(&self, shown: &CertificateShown) -> String {
        let chain = match (&shown.shown, self) {
            (Err(unread), _) | (_, Self::Unread(unread)) => {
                return format!("showed a certificate that could not be judged: it is {unread}");
            }
            (Ok(chain), _) => chain,
        };
        let leaf = &chain.leaf;
        if let Self::WrongName(asked, _) = self {
            let asked = asked.map_or("no name", Name::as_str);
            return format!("was asked for {asked}, and showed a certificate for {}", listed(leaf));
        }
        let how = match self {
            Self::NotYetValid => format!(", which is valid from {} on", day(leaf.not_before)),
            Self::Expired => format!(", which expired on {}", day(leaf.not_after)),
            Self::SelfSigned => ", which it signed itself".to_owned(),
            Self::WeakKey => format!(", with a weak key, {}", leaf.key),
            Self::WeakSignature => format!(", with a weak signature, {}", leaf.signature),
            Self::WeakIssuer(issuer, weak) => format!(", issued by way of {}, which has a weak {weak}", issuer.subject),
            Self::Untrusted(why, _) => format!(": {why}"),
            Self::BrokenChain(issuer) => format!(", and on the way from it a signature that the key of {issuer} did not make"),
            Self::UntimelyIssuer(issuer) => format!(", issued by way of {}, which is not valid at that time", issuer.subject),
            Self::Unread(_) | Self::WrongName(..) => String::new(),
        };
        format!("showed the certificate of {} (serial {}){how}", leaf.subject, leaf.serial)
    }
}

/// What is wrong with the certificate that a flow's server showed, if it did.
pub(in crate::judge) fn problems<'a>(case: &'a Case<'_>) -> Vec<Problem<'a>> {
    shown(case).map(|(_, problems)| problems).unwrap_or_default()
}

fn shown<'a>(case: &'a Case<'_>) -> Option<(&'a CertificateShown, Vec<Problem<'a>>)> {
    let facts = &case.record.facts;
    let shown = facts.tls.certificate.as_deref().filter(|_| facts.handshake_finished.is_some())?;
    let problems = match &shown.shown {
        Ok(chain) => of_chain(case, chain, shown.at.at),
        Err(unread) => vec![Problem::Unread(*unread)],
    };
    (!problems.is_empty()).then_some((shown, problems))
}

fn of_chain<'a>(case: &'a Case<'_>, chain: &'a Chain, at: Timestamp) -> Vec<Problem<'a>> {
    let leaf = &chain.leaf;
    let trust = chain.trust_at(at);
    let is_timely = is_begun(leaf.not_before, at) && !is_over(leaf.not_after, at);
    let mut found = Vec::new();
    if !is_begun(leaf.not_before, at) {
        found.push(Problem::NotYetValid);
    }
    if is_over(leaf.not_after, at) {
        found.push(Problem::Expired);
    }
    found.extend(wrong_name(case, leaf));
    if leaf.is_self_signed && trust != Some(Trust::Trusted) {
        found.push(Problem::SelfSigned);
    }
    if leaf.is_key_weak {
        found.push(Problem::WeakKey);
    }
    if leaf.is_signature_weak && !leaf.is_self_signed {
        found.push(Problem::WeakSignature);
    }
    found.extend(chain.issuers.iter().filter_map(|issuer| issuer.weak.map(|weak| Problem::WeakIssuer(issuer, weak))));
    match trust {
        // what is said of the certificate itself says it all
        _ if leaf.is_self_signed || !is_timely => {}
        Some(Trust::Trusted) => {}
        Some(Trust::Untrusted(why)) => found.push(Problem::Untrusted(why, true)),
        Some(Trust::Unknown(why)) => found.push(Problem::Untrusted(why, false)),
        None => found.extend(broken_way(chain, at)),
    }
    // one finding a kind
    let mut kinds = Vec::with_capacity(found.len());
    found.retain(|problem| {
        let is_new = !kinds.contains(&problem.what());
        kinds.push(problem.what());
        is_new
    });
    found
}

/// What is wrong with the way from the server's certificate on, as far as it was shown, where no roots are given.
fn broken_way(chain: &Chain, at: Timestamp) -> Option<Problem<'_>> {
    if let Some(issuer) = &chain.broken {
        return Some(Problem::BrokenChain(issuer));
    }
    let untimely = chain.issuers.iter().find(|issuer| !is_begun(issuer.not_before, at) || is_over(issuer.not_after, at))?;
    Some(Problem::UntimelyIssuer(untimely))
}

/// Holds a certificate against the name that was asked for: by the hello, else of a proxy, else the address, or a name that was answered
/// with it.
fn wrong_name<'a>(case: &'a Case<'_>, leaf: &Certificate) -> Option<Problem<'a>> {
    let facts = &case.record.facts;
    let by_hello = facts.names.iter().rev().find(|read| matches!(read.source, NameSource::Sni | NameSource::QuicSni));
    if let Some(asked) = by_hello.or(facts.names.last()) {
        let is_known = || leaf.names_more == 0 && !asked.name.is_odd();
        return (!leaf.covers(&asked.name)).then(|| Problem::WrongName(Some(&asked.name), is_known()));
    }
    let server = case.record.responder_endpoint().ip;
    let ip = case.policy.nat64.canonical(server);
    let is_address = |name: &AltName| matches!(name, AltName::Address(own) if *own == server || *own == ip);
    let mut answered = case.names_of(server).peekable();
    let is_named = answered.peek().is_some();
    if leaf.names.iter().any(is_address) || answered.any(|name| leaf.covers(name)) {
        return None;
    }
    // a name may have been meant that was answered out of sight
    let is_known = is_named && leaf.names_more == 0 && facts.name_hidden.is_none() && !case.names.is_incomplete();
    Some(Problem::WrongName(None, is_known))
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
