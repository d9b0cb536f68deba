//! POP3 (RFC 1939), and STLS in it (RFC 2595).

use super::lines::{Command, Dialect, Form, Lines, Reply, ahead_of_greeting, bare, begins, of_list, verb};
use super::{Carrier, Opening, Probe, Protocol, saved};

/// POP3 over TCP.
pub(super) static POP3: Protocol = Protocol {
    name: "pop3",
    carrier: Carrier::Stream,
    recognised_by: "the greeting +OK",
    reads: "commands, credentials, STLS and its answer",
    encrypted: "the TLS behind STLS",
    probe,
    open: || Lines::open(&DIALECT),
    load: saved::load::<Lines>,
};

pub(super) static DIALECT: Dialect = Dialect {
    name: "pop3",
    greets: |_| true,
    ends_with: b'\n',
    first_reply: Some(0),
    command: |line| match verb(line) {
        b"STLS" => bare(line, Command::Upgrade),
        b"CAPA" | b"NOOP" | b"QUIT" => bare(line, Command::Prologue),
        b"PASS" | b"AUTH" | b"APOP" => Command::Credentials,
        _ => Command::Content,
    },
    reply: |line| Reply {
        grants: if line.starts_with(b"+OK") { Some(true) } else { (line.starts_with(b"-ERR") || line.starts_with(b"+ ")).then_some(false) },
        offers: line.eq_ignore_ascii_case(b"STLS"),
        form: match verb(line) {
            // a list may follow
            b"+OK" => Form::Begins,
            b"-ERR" | b"+" => Form::Whole,
            _ => of_list(line),
        },
    },
};

fn probe(opening: &Opening<'_>) -> Probe {
    match begins(opening.first, &[b"+OK ", b"+OK\r\n"]) {
        Probe::No => ahead_of_greeting(opening, &[b"CAPA\r", b"STLS\r", b"USER ", b"AUTH ", b"APOP ", b"QUIT\r"]),
        other => other,
    }
}
