//! IMAP (RFC 9051), and STARTTLS in it.

use super::lines::{Dialect, Lines, begins};
use super::{Carrier, Protocol, saved};

/// IMAP over TCP.
pub(super) static IMAP: Protocol = Protocol {
    name: "imap",
    carrier: Carrier::Stream,
    recognised_by: "the greeting * OK, * PREAUTH or * BYE",
    encrypts: false,
    probe: |opening| begins(opening.first, &[b"* OK", b"* PREAUTH", b"* BYE"]),
    open: || Lines::open(&DIALECT),
    load: saved::load::<Lines>,
};

pub(super) static DIALECT: Dialect = Dialect {
    name: "imap",
    credentials: |command| is_command(command, &[b"LOGIN", b"AUTHENTICATE"]),
    upgrade: |command| is_command(command, &[b"STARTTLS"]),
    granted: |reply| is_command(&reply.to_ascii_uppercase(), &[b"OK"]),
};

/// Whether the word behind the tag is one of these.
fn is_command(line: &[u8], words: &[&[u8]]) -> bool {
    let second = line.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
    words.contains(&second)
}
