//! SMTP (RFC 5321), and STARTTLS in it (RFC 3207).

use super::lines::{Dialect, Lines, begins, greeting_says};
use super::{Carrier, Opening, Probe, Protocol, saved};

/// SMTP over TCP.
pub(super) static SMTP: Protocol = Protocol {
    name: "smtp",
    carrier: Carrier::Stream,
    recognised_by: "a 220 greeting that says SMTP, or is answered by EHLO or HELO",
    encrypts: false,
    probe,
    open: || Lines::open(&DIALECT),
    load: saved::load::<Lines>,
};

pub(super) static DIALECT: Dialect = Dialect {
    name: "smtp",
    credentials: |command| command.starts_with(b"AUTH "),
    upgrade: |command| command == b"STARTTLS",
    granted: |reply| reply.starts_with(b"220"),
};

fn probe(opening: &Opening<'_>) -> Probe {
    match begins(opening.first, &[b"220 ", b"220-"]) {
        Probe::Yes if greeting_says(opening.first, &[b"SMTP"]) => Probe::Yes,
        // FTP greets alike: the first command tells
        Probe::Yes if opening.second.is_empty() => Probe::Maybe,
        Probe::Yes => begins(opening.second, &[b"EHLO ", b"HELO ", b"LHLO "]),
        other => other,
    }
}
