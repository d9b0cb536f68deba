//! FTP's control connection (RFC 959), and AUTH TLS in it (RFC 4217).

use super::lines::{Command, Dialect, Form, Lines, Reply, bare, code, greeted, greeting_says, holds, is_host, of_code, verb};
use super::{Carrier, Opening, Probe, Protocol, saved};

/// FTP over TCP.
pub(super) static FTP: Protocol = Protocol {
    name: "ftp",
    carrier: Carrier::Stream,
    recognised_by: "a 220 greeting that says FTP, or is answered by USER, AUTH, FEAT, SYST, OPTS or HOST",
    reads: "commands, credentials, AUTH TLS and its answer",
    encrypted: "the TLS behind AUTH TLS",
    probe,
    open: || Lines::open(&DIALECT),
    load: saved::load::<Lines>,
};

pub(super) static DIALECT: Dialect = Dialect {
    name: "ftp",
    greets: |_| true,
    ends_with: b'\n',
    first_reply: Some(0),
    command: |line| match verb(line) {
        b"AUTH" if matches!(line.get(5..), Some(b"TLS" | b"TLS-C" | b"TLS-P" | b"SSL")) => Command::Upgrade,
        b"AUTH" if matches!(line.get(5..), Some(b"GSSAPI" | b"KERBEROS_V4")) => Command::Prologue,
        b"OPTS" if matches!(line.get(5..), Some(b"UTF8 ON" | b"UTF8")) => Command::Prologue,
        b"HOST" if line.get(5..).is_some_and(is_host) => Command::Prologue,
        b"FEAT" | b"SYST" | b"NOOP" | b"QUIT" => bare(line, Command::Prologue),
        b"PASS" | b"ACCT" | b"ADAT" => Command::Credentials,
        _ => Command::Content,
    },
    reply: |line| match code(line) {
        // a mark is followed by the reply itself
        Some((code, ends)) => {
            let form = of_code(Some((code, ends)));
            Reply { grants: (ends && code[0] != b'1').then_some(code == b"234"), offers: false, form }
        }
        None => Reply { grants: None, offers: holds(&line.to_ascii_uppercase(), b"AUTH TLS"), form: Form::Inside },
    },
};

fn probe(opening: &Opening<'_>) -> Probe {
    const COMMANDS: [&[u8]; 6] = [b"USER ", b"AUTH ", b"FEAT\r", b"SYST\r", b"OPTS ", b"HOST "];
    if greeting_says(opening.first, &[b"SMTP", b"LMTP"]) {
        return Probe::No;
    }
    greeted(opening, &[b"220 ", b"220-"], &[b"FTP"], &COMMANDS)
}
