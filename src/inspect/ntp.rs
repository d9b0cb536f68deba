//! NTP (RFC 5905): time in the clear, whose mode shows who asked.

use super::sighted::Sighted;
use super::{Carrier, Probe, Protocol, readable, saved};
use crate::fact::End;

/// NTP over UDP.
pub(super) static NTP: Protocol = Protocol {
    name: "ntp",
    carrier: Carrier::Datagram,
    recognised_by: "48 bytes or more with a version from 1 to 4, a mode, and fields within their bounds",
    reads: "mode, which tells who asks",
    encrypted: "never",
    probe: |opening| if is_ntp(opening.first) { Probe::Yes } else { Probe::No },
    open: Sighted::ntp,
    load: saved::load::<Sighted>,
};

const HEADER: usize = 48;
const CLIENT: u8 = 3;
const SERVER: u8 = 4;

/// Whether a datagram is NTP: header, then nothing, extension fields or a digest.
pub(super) fn is_ntp(bytes: &[u8]) -> bool {
    let Some(header) = bytes.first_chunk::<HEADER>() else { return false };
    let (version, mode, stratum, poll, precision) = (header[0] >> 3 & 7, header[0] & 7, header[1], header[2] as i8, header[3] as i8);
    let transmit = header[40..48].iter().any(|&byte| byte != 0);
    // a client that gives nothing away sends a precision of 32
    let precise = (-40..=32).contains(&precision);
    let sane = (1..=4).contains(&version) && (1..=5).contains(&mode) && stratum <= 16 && (-6..=32).contains(&poll);
    // a server's root delay and dispersion are some seconds at most; a client's are as well
    let small = header[4] == 0 && header[8] == 0;
    // an identifier and four moments
    let is_time = !readable::is_text(&header[12..], readable::OPENING_RUN);
    sane && precise && small && transmit && is_time && bytes.len() < 1500 && is_tail(bytes.get(HEADER..).unwrap_or_default())
}

/// Whether extension fields (RFC 7822) and then a key's identifier with its digest, or nothing, fill what follows the header. Neither is text.
fn is_tail(mut bytes: &[u8]) -> bool {
    // an identifier alone refuses a key; MD5, SHA-1 and, cut to their size, longer ones
    while !matches!(bytes.len(), 0 | 4 | 20 | 24) {
        let Some(&[_, _, high, low]) = bytes.first_chunk() else { return false };
        let length = usize::from(u16::from_be_bytes([high, low]));
        match bytes.get(length..) {
            Some(rest)
                if length >= 16 && length.is_multiple_of(4) && !readable::is_text(&bytes[4..length], readable::BROKEN_FRAMING_RUN) =>
            {
                bytes = rest
            }
            _ => return matches!(bytes.len(), 36 | 52 | 68) && !readable::is_text(&bytes[4..], readable::OPENING_RUN),
        }
    }
    true
}

/// The end that asked, by the mode of a datagram that `end` sent.
pub(super) fn opener(end: End, bytes: &[u8]) -> Option<End> {
    match bytes.first()? & 7 {
        CLIENT => Some(end),
        SERVER => Some(!end),
        _ => None,
    }
}
