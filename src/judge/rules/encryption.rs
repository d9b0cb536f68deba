//! What can be read on the way: payload in the clear, payload that nobody recognises, and encryption too weak to count.

use std::fmt::Write as _;

use super::super::case::{Case, Direction};
use super::super::{CausedBy, Severity};
use super::{Broken, Check, Message, Rule, with};
use crate::fact::{CipherSuite, Cleartext, FlowState, Transport, Upgrade};

const IN_TRANSIT: &[&str] =
    &["NIST SP 800-53 SC-8", "NIST SP 800-53 SC-8(1)", "PCI DSS 4.2.1", "ISO/IEC 27001 A.8.24", "SOC 2 CC6.7", "CIS v8 3.10"];
const PROTOCOLS: &[&str] = &["NIST SP 800-52r2", "NIST SP 800-53 SC-8(1)", "NIST SP 800-53 SC-13", "PCI DSS 4.2.1"];

pub(super) static PLAINTEXT: Rule = Rule {
    code: "WW201",
    name: "plaintext",
    checks: "Payload of a recognised protocol that does not encrypt, long readable text, also where a handshake or what it seals has none, bytes that are no TLS records after a TLS handshake, \
             or proxy credentials in the clear. Plain DNS to the policy's resolvers and plaintext that an entry permits are listed instead.",
    why: "Whoever stands on the path can read it and change it.",
    fix: "Turn on TLS for this service. If the plaintext is documented and harmless, permit it by name: plaintext = [\"http\"] in its [[allow]] entry.",
    severity: Severity::Violation,
    controls: IN_TRANSIT,
    check: Check::Seen(|case, broken| {
        let peer = case.peer();
        let facts = &case.record.facts;
        if let Some(at) = facts.proxy_credentials {
            let message = format!("credentials for the proxy at {peer} went in the clear");
            broken.push(Broken::new(by(case), format!("proxy credentials {peer}"), message).at(Some(at)));
        }
        let Some((how, at)) = facts.cleartext else { return };
        if is_permitted(case) {
            return;
        }
        let protocol = case.cleartext_protocol().unwrap_or("text");
        let message = Message::later(move || match how {
            Cleartext::Protocol if facts.credentials.is_some() => format!("{protocol} in the clear with {peer}, credentials among it"),
            Cleartext::Protocol => format!("{protocol} in the clear with {peer}"),
            Cleartext::Readable => format!("readable text with {peer}, of no protocol that is known"),
            Cleartext::AfterHandshake => {
                format!("readable bytes with {peer} where {protocol} has none, in a flow that began as {protocol}")
            }
            Cleartext::BehindUpgrade => {
                format!("text with {peer} behind the upgrade of {protocol} to TLS, where only TLS may follow: it may have been injected")
            }
            Cleartext::AfterClose => format!("readable bytes with {peer} after the {protocol} session was closed"),
        });
        let finding = Broken::new(by(case), with(protocol, peer), message).at(Some(at));
        broken.push(if case.may_be_permitted_plaintext() { finding.severity(Severity::Undetermined) } else { finding });
    }),
};

pub(super) static UNRECOGNIZED_PAYLOAD: Rule = Rule {
    code: "WW202",
    name: "unrecognized-payload",
    checks: "Payload that is neither shown to be encrypted by a handshake that was seen nor known to be plaintext, nor vouched for by the policy \
             ([encryption] counts); encryption that the policy does not count. Echo data beyond 64 bytes too.",
    why: "Bytes that nobody can name may be anything. Port numbers and randomness prove nothing.",
    fix: "Find out what speaks on this flow. Use TLS, or a protocol whose handshake shows that it encrypts.",
    severity: Severity::Undetermined,
    controls: IN_TRANSIT,
    check: Check::Closed(|case, broken| {
        let (record, facts) = (case.record, &case.record.facts);
        // a handshake that finished with a suite of which nobody knows whether it encrypts shows nothing
        let unproven = facts.handshake_finished.is_some() && facts.tls.cipher.is_none_or(|(suite, _)| weakness(suite).is_none());
        let is_refused = case.policy.counts.refuses(record);
        let is_unseen = facts.cipher_unseen.is_some() && case.policy.counts.vouches(record).is_none();
        let is_vouched = facts.cipher_unseen.is_some() && !is_unseen;
        let has_begun = facts.handshake_begun.is_some() || facts.prologue.is_some() || facts.proxied().is_some();
        let explained = is_vouched || facts.encrypted.is_some() || facts.cleartext.is_some() || has_begun && !unproven;
        let lost = facts.gap.is_some() || facts.truncated.is_some() || facts.limit.is_some() || record.evicted;
        let is_echo = matches!(record.transport, Transport::Icmp | Transport::Icmp6);
        // what a tunnel carries was opened, and is judged as flows of its own
        let is_open = is_echo || record.is_tunnel;
        let (peer, transport, protocol) = (case.peer(), record.transport, case.protocol_or_payload());
        let (message, at) = if facts.unrecognised.is_some() || record.has_payload() && !explained && !lost && !is_open && !is_unseen {
            let message = Message::later(move || {
                let what = if protocol == "payload" { String::new() } else { format!(" ({protocol})") };
                format!("payload with {peer} over {transport}{what} is neither shown to be encrypted nor known to be plaintext")
            });
            (message, facts.unrecognised)
        } else if is_unseen {
            let message = format!(
                "{protocol} with {peer} over {transport}: no packet shows whether it is encrypted, nor does the policy count it as that"
            );
            (message.into(), facts.cipher_unseen.as_deref().copied())
        } else if is_refused {
            let message = format!("{protocol} with {peer} over {transport} is encrypted, and the policy does not count it as that");
            (message.into(), facts.encrypted)
        } else {
            return;
        };
        broken.push(Broken::new(by(case), with(transport, peer), message).at(at));
    }),
};

pub(super) static TLS_VERSION: Rule = Rule {
    code: "WW203",
    name: "tls-version",
    checks: "The negotiated version is below the policy's minimum ([tls] minimum; 1.2 where it says nothing). DTLS counts as the TLS that it is made \
             from: 1.0 as 1.1.",
    why: "SSL and TLS before 1.2 have known breaks and are withdrawn (RFC 8996).",
    fix: "Upgrade or reconfigure the side that cannot speak a later version.",
    severity: Severity::Violation,
    controls: PROTOCOLS,
    check: Check::Seen(|case, broken| {
        if let Some((version, at)) = case.record.facts.tls.version.filter(|(version, _)| version.over_streams() < case.policy.tls_minimum) {
            let place = place(case);
            let message = format!("{place} negotiated {version}, below the minimum {}", case.policy.tls_minimum);
            broken.push(Broken::new(by(case), with(version, &place), message).at(Some(at)));
        }
    }),
};

pub(super) static WEAK_CIPHER: Rule = Rule {
    code: "WW204",
    name: "weak-cipher",
    checks: "The negotiated suite has no encryption or no authentication, or uses export keys, RC4, DES or 3DES, or is not in the policy's list.",
    why: "Such a suite can be read or forged in practice: it is encryption in name alone.",
    fix: "Remove the suite from the side that chose it.",
    severity: Severity::Violation,
    controls: PROTOCOLS,
    check: Check::Seen(|case, broken| {
        let Some((suite, at)) = case.record.facts.tls.cipher else { return };
        let listed = case.policy.tls_ciphers.as_ref().is_none_or(|allowed| allowed.contains(&suite));
        let why = match weakness(suite) {
            Some(why) => why,
            None if !listed => "which the policy does not list",
            None => return,
        };
        let place = place(case);
        broken.push(Broken::new(by(case), with(suite, &place), format!("{place} negotiated {suite}, {why}")).at(Some(at)));
    }),
};

pub(super) static STARTTLS_REFUSED: Rule = Rule {
    code: "WW205",
    name: "starttls-refused",
    checks: "An upgrade to TLS within the flow (STARTTLS and its kin) was offered or asked for, and data went on in the clear.",
    why: "Whoever stands on the path can refuse an upgrade in the other's name, and a client that goes on then hides nothing.",
    fix: "Have the client insist on the upgrade and give up without it; see why the server refuses.",
    severity: Severity::Violation,
    controls: IN_TRANSIT,
    check: Check::Closed(|case, broken| {
        let facts = &case.record.facts;
        let (Some((Cleartext::Protocol, at)), Some((upgrade, said))) = (facts.cleartext, facts.upgrade) else { return };
        if is_permitted(case) {
            return;
        }
        let peer = case.peer();
        let protocol = case.cleartext_protocol().unwrap_or("text");
        let message = match upgrade {
            Upgrade::Offered => format!("{peer} offers to go on from {protocol} to TLS, and data went on in the clear"),
            Upgrade::Asked => format!("{peer} was asked to go on from {protocol} to TLS, and data went on in the clear"),
            Upgrade::Refused => format!("{peer} refused to go on from {protocol} to TLS, and data went on in the clear"),
            Upgrade::Agreed => return,
        };
        let finding = Broken::new(by(case), with(protocol, peer), message).at(Some(said)).at(Some(at));
        broken.push(if case.may_be_permitted_plaintext() { finding.severity(Severity::Undetermined) } else { finding });
    }),
};

pub(super) static HANDSHAKE_INCOMPLETE: Rule = Rule {
    code: "WW206",
    name: "handshake-incomplete",
    checks: "An encryption handshake began, or a flow began in the clear that may go on to TLS (STARTTLS, a proxy's prologue), and it was not \
             seen to finish. A notice where the whole flow was seen and it ended by alert, FIN or RST without application data.",
    why: "A hello proves an attempt, not encryption: only a finished handshake shows that what follows is ciphertext.",
    fix: "Capture both directions from the flow's start to its end; where the handshake failed, its alert says why.",
    severity: Severity::Undetermined,
    controls: IN_TRANSIT,
    check: Check::Closed(|case, broken| {
        let facts = &case.record.facts;
        let begun = facts.handshake_begun.or(facts.prologue.map(|(_, at)| at));
        let Some(at) = begun.filter(|_| facts.handshake_finished.is_none()) else { return };
        // what else was seen behind a prologue is judged as such
        if facts.cleartext.is_some() || facts.handshake_begun.is_none() && facts.unrecognised.is_some() {
            return;
        }
        // IKE whose handshake lies on other ports, and what it set up
        if case.policy.counts.vouches(case.record).is_some() {
            return;
        }
        let place = place(case);
        let harmless = case.was_seen_whole() && facts.protected_data.is_none() && facts.unrecognised.is_none();
        let subject = with(case.protocol_or_payload(), &place);
        let message = Message::later(move || {
            let what = if facts.handshake_begun.is_some() { "handshake" } else { "prologue" };
            let how = match facts.tls.alert {
                Some((alert, _)) => return format!("the {what} with {place} ended by alert {alert}"),
                None if matches!(facts.upgrade, Some((Upgrade::Refused, _))) && harmless => "ended when an upgrade to TLS was refused",
                None if case.record.state == FlowState::Reset => "ended by reset",
                None if harmless => "ended without application data",
                None => "was not seen to finish",
            };
            format!("the {what} with {place} {how}")
        });
        let mut finding = Broken::new(by(case), subject, message);
        finding.packets.extend(facts.tls.alert.map(|(_, at)| at.frame));
        finding = finding.at(Some(at));
        broken.push(if harmless { finding.severity(Severity::Notice) } else { finding });
    }),
};

/// Whether the plaintext of a flow is permitted, and listed elsewhere.
pub(in crate::judge) fn is_permitted(case: &Case<'_>) -> bool {
    if matches!(case.record.facts.cleartext, Some((Cleartext::AfterHandshake | Cleartext::AfterClose | Cleartext::BehindUpgrade, _))) {
        return false;
    }
    match case.direction {
        _ if case.is_neighbours_answer() => true,
        // questions to another resolver are one finding, WW401
        Direction::Outbound | Direction::Unknown if case.is_dns() => matches!(case.record.facts.cleartext, Some((Cleartext::Protocol, _))),
        Direction::Outbound | Direction::Unknown => case.plaintext_entry().is_some(),
        Direction::Inbound => {
            case.inbound.is_some_and(|entry| case.cleartext_protocol().is_some_and(|p| entry.protocols.iter().any(|word| word == p)))
        }
        // an agent that is a resolver of the policy is asked as any other
        Direction::Internal => {
            case.is_dns() && case.resolver_is_listed() && matches!(case.record.facts.cleartext, Some((Cleartext::Protocol, _)))
        }
        Direction::Unrelated => false,
    }
}

/// Why a suite is weak, by the words of its registered name.
fn weakness(suite: CipherSuite) -> Option<&'static str> {
    // the gravest first
    const WHY: [&str; 6] = [
        "which does not encrypt",
        "which authenticates nobody",
        "which uses export keys",
        "which uses RC4",
        "which uses DES",
        "which uses a withdrawn cipher",
    ];
    // those of TLS 1.3 (RFC 8446), and those of 1.2 that are negotiated as a rule
    if matches!(suite.0, 0x1301..=0x1305 | 0xc02b..=0xc02c | 0xc02f..=0xc030 | 0xcca8..=0xcca9) {
        return None;
    }
    let word = |part: &[u8]| match part {
        b"NULL" => Some(0),
        b"anon" => Some(1),
        b"EXPORT" | b"DES40" | b"EXPORT1024" => Some(2),
        b"RC4" => Some(3),
        b"DES" | b"3DES" | b"DES192" => Some(4),
        b"RC2" | b"IDEA" => Some(5),
        _ => None,
    };
    // RFC 9150's integrity-only suites of TLS 1.3 carry no word for it
    let gravest = if matches!(suite.0, 0xc0b4 | 0xc0b5) {
        Some(0)
    } else {
        suite.name()?.as_bytes().split(|&byte| byte == b'_').filter_map(word).min()
    };
    gravest.and_then(|n| WHY.get(n).copied())
}

/// Whose payload it is: what an agent sends out is the agent's doing, what comes to it from outside is the peer's until it is answered.
pub(super) fn by(case: &Case<'_>) -> CausedBy {
    if case.direction == Direction::Inbound && !case.was_accepted() { CausedBy::Peer } else { CausedBy::Agent }
}

/// The name and port, or the address and port, of the peer.
pub(super) fn place(case: &Case<'_>) -> String {
    let peer = case.peer();
    match case.record.facts.names.last() {
        Some(read) => {
            let mut place = String::with_capacity(read.name.as_str().len() + 6);
            _ = write!(place, "{}:{}", read.name, peer.port);
            place
        }
        None => peer.to_string(),
    }
}
