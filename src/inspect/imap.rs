//! IMAP (RFC 9051), and STARTTLS in it.

use super::lines::{Command, Dialect, Form, Lines, Reply, bare, begins, holds, verb};
use super::{Carrier, Opening, Probe, Protocol, saved};
use crate::limits;

/// IMAP over TCP.
pub(super) static IMAP: Protocol = Protocol {
    name: "imap",
    carrier: Carrier::Stream,
    recognised_by: "the greeting * OK, * PREAUTH or * BYE",
    reads: "commands, credentials, STARTTLS and its answer",
    encrypted: "the TLS behind STARTTLS",
    probe,
    open: || Lines::open(&DIALECT),
    load: saved::load::<Lines>,
};

pub(super) static DIALECT: Dialect = Dialect {
    name: "imap",
    greets: |_| true,
    ends_with: b'\n',
    first_reply: Some(1),
    command: |line| match second(line) {
        _ if verb(line).len() > TAG_BYTES => Command::Content,
        b"STARTTLS" => bare(behind_tag(line), Command::Upgrade),
        b"CAPABILITY" | b"NOOP" | b"LOGOUT" => bare(behind_tag(line), Command::Prologue),
        b"LOGIN" | b"AUTHENTICATE" => Command::Credentials,
        _ => Command::Content,
    },
    reply: |line| {
        let line = line.to_ascii_uppercase();
        let is_greeting = [&b"* OK"[..], b"* PREAUTH", b"* BYE"].iter().any(|start| line.starts_with(start));
        let is_untagged = matches!(line.first(), Some(b'*' | b'+') | None);
        let is_known = match second(&line) {
            b"OK" | b"NO" | b"BAD" => line.first() != Some(&b'+'),
            b"PREAUTH" | b"BYE" | b"CAPABILITY" => line.first() == Some(&b'*'),
            _ => false,
        };
        Reply {
            // untagged lines, the greeting among them, answer nothing
            grants: (!is_untagged).then(|| second(&line) == b"OK"),
            offers: (is_greeting || line.starts_with(b"* CAPABILITY") || !is_untagged) && holds(&line, b" STARTTLS"),
            form: if is_known { Form::Whole } else { Form::Odd },
        }
    },
};

/// The longest tag: clients count in a few letters and digits.
const TAG_BYTES: usize = 16;

/// What follows the tag.
fn behind_tag(line: &[u8]) -> &[u8] {
    line.get(verb(line).len() + 1..).unwrap_or_default()
}

/// The word behind the tag.
fn second(line: &[u8]) -> &[u8] {
    line.split(|&byte| byte == b' ').nth(1).unwrap_or_default()
}

fn probe(opening: &Opening<'_>) -> Probe {
    match begins(opening.first, &[b"* OK", b"* PREAUTH", b"* BYE"]) {
        Probe::No => ahead(opening),
        other => other,
    }
}

/// A tagged command, captured ahead of the greeting.
fn ahead(opening: &Opening<'_>) -> Probe {
    const COMMANDS: [&[u8]; 6] = [b"CAPABILITY", b"STARTTLS", b"ID ", b"LOGIN ", b"AUTHENTICATE ", b"LOGOUT"];
    if !opening.second.is_empty() || opening.first.len() >= limits::AHEAD_OF_GREETING_BYTES {
        return Probe::No;
    }
    let tag = opening.first.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'.').count();
    match opening.first.get(tag..) {
        Some([b' ', command @ ..]) if (1..=16).contains(&tag) && begins(command, &COMMANDS) != Probe::No => Probe::Maybe,
        Some([]) if tag <= 16 => Probe::Maybe,
        _ => Probe::No,
    }
}
