//! FTP's control connection (RFC 959), and AUTH TLS in it (RFC 4217).

use super::lines::{Dialect, Lines, begins, greeting_says};
use super::{Carrier, Opening, Probe, Protocol, saved};

/// FTP over TCP.
pub(super) static FTP: Protocol = Protocol {
    name: "ftp",
    carrier: Carrier::Stream,
    recognised_by: "a 220 greeting that says FTP, or is answered by USER, AUTH or FEAT",
    encrypts: false,
    probe,
    open: || Lines::open(&DIALECT),
    load: saved::load::<Lines>,
};

pub(super) static DIALECT: Dialect = Dialect {
    name: "ftp",
    credentials: |command| command.starts_with(b"PASS "),
    upgrade: |command| command.starts_with(b"AUTH TLS") || command.starts_with(b"AUTH SSL"),
    granted: |reply| reply.starts_with(b"234"),
};

fn probe(opening: &Opening<'_>) -> Probe {
    match begins(opening.first, &[b"220 ", b"220-"]) {
        Probe::Yes if greeting_says(opening.first, &[b"SMTP"]) => Probe::No,
        Probe::Yes if greeting_says(opening.first, &[b"FTP"]) => Probe::Yes,
        Probe::Yes if opening.second.is_empty() => Probe::Maybe,
        Probe::Yes => begins(opening.second, &[b"USER ", b"AUTH ", b"FEAT\r", b"SYST\r", b"OPTS "]),
        other => other,
    }
}
