//! SMTP (RFC 5321) and LMTP (RFC 2033), and STARTTLS in them (RFC 3207).

use super::lines::{Command, Dialect, Lines, Reply, ahead_of_greeting, bare, code, greeted, holds, is_host, of_code, verb};
use super::{Carrier, Opening, Probe, Protocol, saved};

/// SMTP over TCP.
pub(super) static SMTP: Protocol = Protocol {
    name: "smtp",
    carrier: Carrier::Stream,
    recognised_by: "a 220 greeting that says SMTP or LMTP, or is answered by EHLO, HELO or LHLO",
    reads: "commands, credentials, STARTTLS and its answer",
    encrypted: "the TLS behind STARTTLS",
    probe,
    open: || Lines::open(&DIALECT),
    load: saved::load::<Lines>,
};

pub(super) static DIALECT: Dialect = Dialect {
    name: "smtp",
    greets: |_| true,
    ends_with: b'\n',
    first_reply: Some(0),
    command: |line| match verb(line) {
        b"STARTTLS" => bare(line, Command::Upgrade),
        b"EHLO" | b"HELO" | b"LHLO" if line.get(5..).is_none_or(is_host) => Command::Prologue,
        b"NOOP" | b"RSET" | b"QUIT" => bare(line, Command::Prologue),
        b"AUTH" => Command::Credentials,
        _ => Command::Content,
    },
    reply: |line| Reply {
        grants: code(line).and_then(|(code, ends)| ends.then_some(code == b"220")),
        offers: line.starts_with(b"250") && holds(&line.to_ascii_uppercase(), b"STARTTLS"),
        form: of_code(code(line)),
    },
};

fn probe(opening: &Opening<'_>) -> Probe {
    // FTP greets alike: the first command tells
    match greeted(opening, &[b"220 ", b"220-"], &[b"SMTP", b"LMTP"], &[b"EHLO ", b"HELO ", b"LHLO "]) {
        Probe::No => ahead_of_greeting(opening, &[b"STARTTLS\r", b"QUIT\r"]),
        other => other,
    }
}
