//! XMPP (RFC 6120), between clients and servers and between servers, and STARTTLS in it. Its tags are read as lines.

use super::lines::{Command, Dialect, Lines, Reply, begins, holds};
use super::{Carrier, Opening, Probe, Protocol, saved};

/// XMPP over TCP.
pub(super) static XMPP: Protocol = Protocol {
    name: "xmpp",
    carrier: Carrier::Stream,
    recognised_by: "an XML stream that begins with stream:stream",
    reads: "top tags, credentials, starttls and its answer",
    encrypted: "the TLS behind starttls",
    probe,
    open: || Lines::open(&DIALECT),
    load: saved::load::<Lines>,
};

pub(super) static DIALECT: Dialect = Dialect {
    name: "xmpp",
    // every stream of the responder has an id, and none of the opener
    greets: |bytes| header(bytes).is_some_and(|header| holds(header, b" id=")),
    ends_with: b'>',
    first_reply: None,
    command: |line| {
        let line = line.trim_ascii_start();
        let begins = |tag: &[u8]| line.starts_with(tag);
        if begins(b"<STARTTLS") {
            Command::Upgrade
        } else if begins(b"<?XML") || begins(b"<STREAM:STREAM") || begins(b"</STREAM:STREAM") {
            Command::Prologue
        } else if begins(b"</STARTTLS") {
            Command::Nothing
        } else if begins(b"<AUTH") || begins(b"<RESPONSE") {
            Command::Credentials
        } else {
            Command::Content
        }
    },
    reply: |line| {
        let line = line.trim_ascii_start();
        Reply {
            grants: if line.starts_with(b"<proceed") { Some(true) } else { line.starts_with(b"<failure").then_some(false) },
            offers: line.starts_with(b"<starttls"),
        }
    },
};

/// The tag that opens the stream, once it is whole.
fn header(bytes: &[u8]) -> Option<&[u8]> {
    let at = bytes.windows(14).position(|window| window == b"<stream:stream")?;
    let end = bytes[at..].iter().position(|&byte| byte == b'>')?;
    bytes.get(at..at + end)
}

fn probe(opening: &Opening<'_>) -> Probe {
    match begins(opening.first.trim_ascii_start(), &[b"<?xml ", b"<stream:stream"]) {
        Probe::Yes if header(opening.first).is_some() => Probe::Yes,
        Probe::Yes => {
            // XML of another kind has another root
            let root = opening.first.iter().enumerate().skip(1).find(|(_, byte)| **byte == b'<').map(|(at, _)| &opening.first[at..]);
            root.map_or(Probe::Maybe, |root| if begins(root, &[b"<stream:stream"]) == Probe::No { Probe::No } else { Probe::Maybe })
        }
        other => other,
    }
}
