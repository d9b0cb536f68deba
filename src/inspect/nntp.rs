//! NNTP (RFC 3977), and STARTTLS in it (RFC 4642).

use super::lines::{Command, Dialect, Form, Lines, Reply, bare, code, greeted, of_list, verb};
use super::{Carrier, Opening, Probe, Protocol, saved};

/// NNTP over TCP.
pub(super) static NNTP: Protocol = Protocol {
    name: "nntp",
    carrier: Carrier::Stream,
    recognised_by: "a 200 or 201 greeting that says NNTP or INN, or is answered by a command of NNTP alone",
    reads: "commands, credentials, STARTTLS and its answer",
    encrypted: "the TLS behind STARTTLS",
    probe,
    open: || Lines::open(&DIALECT),
    load: saved::load::<Lines>,
};

pub(super) static DIALECT: Dialect = Dialect {
    name: "nntp",
    greets: |_| true,
    ends_with: b'\n',
    first_reply: Some(0),
    command: |line| match verb(line) {
        b"STARTTLS" => bare(line, Command::Upgrade),
        b"MODE" if line == b"MODE READER" => Command::Prologue,
        b"CAPABILITIES" | b"QUIT" => bare(line, Command::Prologue),
        b"AUTHINFO" => Command::Credentials,
        _ => Command::Content,
    },
    reply: |line| match code(line) {
        // a list follows
        Some((b"101", _)) => Reply { grants: Some(false), offers: false, form: Form::Begins },
        Some((code, ends)) => Reply { grants: ends.then_some(code == b"382"), offers: false, form: Form::Whole },
        None => Reply { grants: None, offers: line.eq_ignore_ascii_case(b"STARTTLS"), form: of_list(line) },
    },
};

fn probe(opening: &Opening<'_>) -> Probe {
    const COMMANDS: [&[u8]; 8] = [b"CAPABILITIES\r", b"MODE ", b"STARTTLS\r", b"GROUP ", b"LIST", b"AUTHINFO ", b"IHAVE ", b"CHECK "];
    greeted(opening, &[b"200 ", b"201 "], &[b"NNTP", b" INN"], &COMMANDS)
}
