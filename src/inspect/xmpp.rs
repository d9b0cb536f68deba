//! XMPP (RFC 6120), between clients and servers and between servers, and STARTTLS in it. Its tags are read as lines.

use super::lines::{Command, Dialect, Form, Lines, Reply, begins, holds};
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
        if begins(b"<STARTTLS") && has_known_attributes(line) {
            Command::Upgrade
        } else if (begins(b"<?XML") || begins(b"<STREAM:STREAM")) && has_known_attributes(line) || line == b"</STREAM:STREAM" {
            Command::Prologue
        } else if line == b"</STARTTLS" {
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
            form: if is_of_features(line) { Form::Whole } else { Form::Odd },
        }
    },
};

/// Whether a tag, in upper case, has no attributes but those of a stream (RFC 6120 section 4.7), none of which holds words.
fn has_known_attributes(tag: &[u8]) -> bool {
    const KNOWN: [&[u8]; 10] =
        [b"TO", b"FROM", b"ID", b"VERSION", b"ENCODING", b"XML:LANG", b"XMLNS", b"XMLNS:STREAM", b"XMLNS:DB", b"XMLNS:XML"];
    let tag = tag.strip_suffix(b"/").or(tag.strip_suffix(b"?")).unwrap_or(tag);
    let Some(start) = tag.iter().position(u8::is_ascii_whitespace) else { return true };
    let mut rest = tag[start..].trim_ascii();
    while !rest.is_empty() {
        let Some(equals) = rest.iter().position(|&byte| byte == b'=') else { return false };
        let Some((&quote @ (b'\'' | b'"'), value)) = rest[equals + 1..].trim_ascii_start().split_first() else { return false };
        let Some(length) = value.iter().position(|&byte| byte == quote) else { return false };
        if !KNOWN.contains(&rest[..equals].trim_ascii()) || !value[..length].iter().all(u8::is_ascii_graphic) {
            return false;
        }
        rest = value[length + 1..].trim_ascii_start();
    }
    true
}

/// Whether a tag of the responder, and the text ahead of it, may stand among what it can do, or in its answers to the upgrade.
fn is_of_features(line: &[u8]) -> bool {
    /// The longest name of a mechanism and the like.
    const WORD_BYTES: usize = 64;
    let Some(at) = line.iter().position(|&byte| byte == b'<') else { return false };
    let (text, tag) = line.split_at(at);
    let is_stanza = [&b"<iq"[..], b"<message", b"<presence"].iter().any(|stanza| tag.starts_with(stanza));
    text.len() <= WORD_BYTES && text.iter().all(u8::is_ascii_graphic) && !is_stanza
}

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
