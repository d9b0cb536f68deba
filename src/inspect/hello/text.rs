//! Text in hellos, where no text belongs. What a hello may carry out is bounded by its length alone: every field of it that nobody reads is held
//! against the proof of plaintext.

use super::{ALPN, Reader, SERVER_NAME};
use crate::fact::{Cleartext, Fact};
use crate::inspect::{Seen, readable};

/// The least that is told. A random and a session ID, with the length between them, can be as long; a library that fills one of them with
/// letters does no harm, and names of application protocols are shorter.
const RUN: usize = 64;

/// Bytes of a list of application protocols: more than all that are registered take. Browsers offer two or three.
const ALPN_BYTES: usize = 2048;

const PADDING: u16 = 21;

/// Says what the body of a hello carries that it should not.
pub(in crate::inspect) fn say(body: &[u8], of_client: bool, seen: &mut Seen<'_>) {
    let Some((fixed, list)) = parts(body, of_client) else { return };
    let behind = body.get(fixed.len() + 2 + list.len()..).unwrap_or_default();
    let mut list = Reader(list);
    let extensions = std::iter::from_fn(|| list.extension());
    let (mut is_text, mut is_odd) = (is_within(fixed) || is_within(behind), false);
    for (kind, content) in extensions {
        is_text |= readable::holds_run(content, least(kind));
        is_odd |= kind == PADDING && content.iter().any(|&byte| byte != 0) || kind == ALPN && content.len() > ALPN_BYTES;
    }
    if is_text {
        seen.say(Fact::Cleartext(Cleartext::AfterHandshake));
    } else if is_odd {
        // RFC 7685 section 3
        seen.say(Fact::Malformed("padding of the hello that is not empty, or more application protocols than anybody speaks".to_owned()));
        seen.say(Fact::Unrecognised);
    }
}

/// Whether bytes that are no extension that holds text carry some.
pub(in crate::inspect) fn is_within(bytes: &[u8]) -> bool {
    readable::holds_run(bytes, RUN)
}

/// How long a run of text is told, by the extension that it stands in.
fn least(kind: u16) -> usize {
    match kind {
        // those that hold text: the name, which has no more than 255 bytes; names of authorities and users, tickets, keys' names, cookies, what QUIC
        // tells of itself
        SERVER_NAME | 3 | 12 | 35 | 41 | 44 | 47 | 57 | 0xffa5 => readable::HELD_RUN,
        _ => RUN,
    }
}

/// What of a hello stands ahead of its extensions, and those.
fn parts(body: &[u8], of_client: bool) -> Option<(&[u8], &[u8])> {
    let mut rest = Reader(body);
    rest.take(34)?;
    rest.vector8()?;
    if of_client {
        rest.vector16()?;
        rest.vector8()?;
    } else {
        rest.take(3)?;
    }
    let fixed = body.get(..body.len() - rest.0.len())?;
    Some((fixed, rest.vector16().unwrap_or_default()))
}
