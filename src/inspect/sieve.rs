//! ManageSieve (RFC 5804), and STARTTLS in it.

use super::lines::{Command, Dialect, Form, Lines, Reply, bare, begins, verb};
use super::{Carrier, Protocol, saved};

/// ManageSieve over TCP.
pub(super) static SIEVE: Protocol = Protocol {
    name: "sieve",
    carrier: Carrier::Stream,
    recognised_by: "a greeting that begins with the capability IMPLEMENTATION or SIEVE in quotes",
    reads: "commands, credentials, STARTTLS and its answer",
    encrypted: "the TLS behind STARTTLS",
    probe: |opening| begins(opening.first, &[b"\"IMPLEMENTATION\" ", b"\"SIEVE\" "]),
    open: || Lines::open(&DIALECT),
    load: saved::load::<Lines>,
};

pub(super) static DIALECT: Dialect = Dialect {
    name: "sieve",
    greets: |_| true,
    ends_with: b'\n',
    first_reply: Some(0),
    command: |line| match verb(line) {
        b"STARTTLS" => bare(line, Command::Upgrade),
        b"CAPABILITY" | b"NOOP" | b"LOGOUT" => bare(line, Command::Prologue),
        b"AUTHENTICATE" => Command::Credentials,
        _ => Command::Content,
    },
    reply: |line| Reply {
        grants: match verb(&line.to_ascii_uppercase()) {
            b"OK" => Some(true),
            b"NO" | b"BYE" => Some(false),
            _ => None,
        },
        offers: line.to_ascii_uppercase().starts_with(b"\"STARTTLS\""),
        form: match verb(&line.to_ascii_uppercase()) {
            b"OK" | b"NO" | b"BYE" => Form::Whole,
            capability if capability.starts_with(b"\"") => Form::Whole,
            _ => Form::Odd,
        },
    },
};
