//! RADIUS (RFC 2865, RFC 2866): who logs in where, in the clear; only passwords are hidden, with a digest that is broken.

use super::sighted::Sighted;
use super::{Carrier, Probe, Protocol, saved};
use crate::fact::End;

/// RADIUS over UDP.
pub(super) static RADIUS: Protocol = Protocol {
    name: "radius",
    carrier: Carrier::Datagram,
    recognised_by: "a known code, a length that is the datagram's, and attributes that fill it",
    reads: "the code, which tells who asks",
    encrypted: "never",
    probe: |opening| if is_message(opening.first) { Probe::Yes } else { Probe::No },
    open: Sighted::radius,
    load: saved::load::<Sighted>,
};

/// Code, number, length and authenticator.
const HEAD_BYTES: usize = 20;

/// Whether a datagram is RADIUS with one attribute at least.
pub(super) fn is_message(bytes: &[u8]) -> bool {
    let Some((&[code, _, high, low, ..], mut rest)) = bytes.split_first_chunk::<HEAD_BYTES>() else { return false };
    let is_known = matches!(code, 1..=5 | 11 | 40..=45) && usize::from(u16::from_be_bytes([high, low])) == bytes.len();
    let has_any = !rest.is_empty() || matches!(code, 2 | 3 | 5 | 41 | 44);
    while let [kind @ 1..=255, length @ 2..=255, ..] = *rest {
        match rest.get(usize::from(length)..) {
            Some(next) if kind < 252 => rest = next,
            _ => return false,
        }
    }
    is_known && has_any && rest.is_empty()
}

/// The end that asked, by the code of a datagram that `end` sent.
pub(super) fn opener(end: End, bytes: &[u8]) -> Option<End> {
    Some(if matches!(bytes.first()?, 1 | 4 | 40 | 43) { end } else { !end })
}
