//! POP3 (RFC 1939), and STLS in it (RFC 2595).

use super::lines::{Dialect, Lines, begins};
use super::{Carrier, Protocol, saved};

/// POP3 over TCP.
pub(super) static POP3: Protocol = Protocol {
    name: "pop3",
    carrier: Carrier::Stream,
    recognised_by: "the greeting +OK",
    encrypts: false,
    probe: |opening| begins(opening.first, &[b"+OK ", b"+OK\r\n"]),
    open: || Lines::open(&DIALECT),
    load: saved::load::<Lines>,
};

pub(super) static DIALECT: Dialect = Dialect {
    name: "pop3",
    credentials: |command| [&b"PASS "[..], b"AUTH ", b"APOP "].iter().any(|word| command.starts_with(word)),
    upgrade: |command| command == b"STLS",
    granted: |reply| reply.starts_with(b"+OK"),
};
