//! IRC (RFC 2812) with its capabilities, and STARTTLS in it (numerics 670 and 691).

use super::lines::{Command, Dialect, Form, Lines, Reply, bare, begins, holds, is_host, verb};
use super::{Carrier, Opening, Probe, Protocol, saved};

/// IRC over TCP.
pub(super) static IRC: Protocol = Protocol {
    name: "irc",
    carrier: Carrier::Stream,
    recognised_by: "CAP, NICK, or USER with four parameters from the opener, or NOTICE with or without the server's name from the responder",
    reads: "commands, credentials, STARTTLS and its answer",
    encrypted: "the TLS behind STARTTLS",
    probe,
    open: || Lines::open(&DIALECT),
    load: saved::load::<Lines>,
};

pub(super) static DIALECT: Dialect = Dialect {
    name: "irc",
    greets: is_of_server,
    ends_with: b'\n',
    first_reply: None,
    command: |line| match verb(line) {
        b"STARTTLS" => bare(line, Command::Upgrade),
        b"CAP" if matches!(line.get(4..), Some(b"LS" | b"LS 302" | b"LIST" | b"END" | b"REQ TLS" | b"REQ :TLS")) => Command::Prologue,
        b"PING" | b"PONG" if line.get(5..).is_some_and(is_host) => Command::Prologue,
        b"QUIT" => bare(line, Command::Prologue),
        b"PASS" | b"AUTHENTICATE" | b"OPER" => Command::Credentials,
        b"" => Command::Nothing,
        _ => Command::Content,
    },
    reply: |line| {
        let numeric = if line.starts_with(b":") { line.split(|&byte| byte == b' ').nth(1).unwrap_or_default() } else { verb(line) };
        Reply {
            grants: match numeric {
                b"670" => Some(true),
                // unknown command, and the refusal
                b"421" if holds(line, b"STARTTLS") => Some(false),
                b"691" => Some(false),
                _ => None,
            },
            form: match numeric {
                b"NOTICE" | b"CAP" | b"ERROR" | b"PING" | b"PONG" => Form::Whole,
                [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9'] => Form::Whole,
                _ => Form::Odd,
            },
            offers: numeric == b"CAP" && line.split(|byte| matches!(byte, b' ' | b':')).any(|word| word == b"tls"),
        }
    },
};

fn is_of_server(bytes: &[u8]) -> bool {
    bytes.starts_with(b":") || bytes.starts_with(b"NOTICE ") || bytes.starts_with(b"PING ")
}

fn probe(opening: &Opening<'_>) -> Probe {
    let of_server = |bytes: &[u8]| match bytes {
        [b':', rest @ ..] => {
            let host = rest.iter().take(64).take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')).count();
            match rest.get(host..) {
                Some([]) if host < 64 => Probe::Maybe,
                Some(rest) if host > 0 => begins(rest, &[b" NOTICE ", b" CAP ", b" 001 ", b" 020 ", b" 451 ", b" 670 "]),
                _ => Probe::No,
            }
        }
        _ => begins(bytes, &[b"NOTICE AUTH ", b"NOTICE * "]),
    };
    match begins(opening.first, &[b"CAP LS", b"CAP REQ ", b"NICK "]) {
        Probe::No => {}
        other => return other,
    }
    match begins(opening.first, &[b"USER ", b"PASS ", b"STARTTLS\r"]) {
        Probe::No => of_server(opening.first),
        _ => {
            let lines = opening.first.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end);
            let is_user = |line: &[u8]| verb(line).eq_ignore_ascii_case(b"USER") && line.split(|&byte| byte == b' ').count() >= 5;
            let is_own = |line: &[u8]| is_user(line) || verb(line).eq_ignore_ascii_case(b"NICK");
            match of_server(opening.second) {
                _ if lines.clone().any(is_own) => Probe::Yes,
                _ if opening.second.is_empty() && opening.first.len() < crate::limits::AHEAD_OF_GREETING_BYTES => Probe::Maybe,
                answer if !opening.second.is_empty() => answer,
                _ => Probe::No,
            }
        }
    }
}
