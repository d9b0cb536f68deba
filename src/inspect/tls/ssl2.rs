//! The hello of SSL 2.0 (its record layer is that of draft-hickman-netscape-ssl-00), in which clients up to TLS 1.2 could ask for a later
//! version (RFC 5246 appendix E.2). It asks for no name. Of SSL 2.0 itself nothing is read but that it was chosen.

use crate::inspect::Probe;

/// The longest hello that is taken for one.
const MAX_BYTES: usize = 1024;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 4;

/// Whether bytes begin with a ClientHello of this form: a record of one message, whose lengths add up, with a version, suites of three bytes, and
/// no session or one of sixteen bytes.
pub(super) fn probe(bytes: &[u8]) -> Probe {
    let at = |n: usize| bytes.get(n).copied();
    let is_odd = |byte: Option<u8>, fits: fn(u8) -> bool| byte.is_some_and(|byte| !fits(byte));
    if is_odd(at(0), |high| (0x80..0x84).contains(&high)) || is_odd(at(2), |kind| kind == CLIENT_HELLO) {
        return Probe::No;
    }
    match (at(3), at(4)) {
        (None | Some(0 | 3), None) | (Some(3), Some(0..=3)) | (Some(0), Some(2)) => {}
        _ => return Probe::No,
    }
    let Some((&[high, low, _, _, _, s1, s0, i1, i0, c1, c0], _)) = bytes.split_first_chunk() else { return Probe::Maybe };
    let number = |high: u8, low: u8| usize::from(u16::from_be_bytes([high, low]));
    let (suites, session, challenge) = (number(s1, s0), number(i1, i0), number(c1, c0));
    let adds_up = number(high & 0x7f, low) == 9 + suites + session + challenge;
    let is_sane = suites > 0 && suites % 3 == 0 && matches!(session, 0 | 16) && (16..=32).contains(&challenge);
    if adds_up && is_sane && length(bytes) <= MAX_BYTES { Probe::Yes } else { Probe::No }
}

/// Bytes of a ClientHello that [`probe`] claims, with its header.
pub(super) fn length(bytes: &[u8]) -> usize {
    let [high, low] = bytes.first_chunk().copied().unwrap_or_default();
    2 + usize::from(u16::from_be_bytes([high & 0x7f, low]))
}

/// Whether bytes begin with a ServerHello of SSL 2.0: with a session known or not, a certificate's type, and the version. `None`: too few to tell.
pub(super) fn is_answer(bytes: &[u8]) -> Option<bool> {
    let fits = |(n, &byte): (usize, &u8)| match n {
        0 => byte & 0x80 != 0,
        2 => byte == SERVER_HELLO,
        3 | 4 => byte <= 1,
        5 => byte == 0,
        6 => byte == 2,
        _ => true,
    };
    if !bytes.iter().enumerate().take(7).all(fits) {
        return Some(false);
    }
    (bytes.len() >= 7).then_some(true)
}
