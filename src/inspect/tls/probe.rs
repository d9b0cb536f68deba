//! Whether a flow begins as TLS does.

use super::record::{self, ALERT, CHANGE_CIPHER_SPEC, HANDSHAKE, HEADER_BYTES, Header, MAX_PLAIN};
use super::{CLIENT_HELLO, ssl2};
use crate::inspect::{Opening, Probe};

/// By a ClientHello, ahead of which empty records and single alerts are tolerated, or one in the form of SSL 2.0.
pub(super) fn probe(opening: &Opening<'_>) -> Probe {
    if opening.first.first().is_some_and(|first| first & 0x80 != 0) {
        return ssl2::probe(opening.first);
    }
    let mut rest = opening.first;
    loop {
        let header = match Header::read(rest) {
            Ok(Some(header)) => header,
            Ok(None) => return Probe::Maybe,
            Err(record::NoRecord) => return Probe::No,
        };
        let body = rest.get(HEADER_BYTES..).unwrap_or_default();
        // what may precede the first byte of the hello
        let is_tolerated = match header.kind {
            HANDSHAKE => header.length == 0,
            CHANGE_CIPHER_SPEC => header.length == 1 && matches!(body.first(), None | Some(1)),
            ALERT => header.length == 2 && matches!(body.first(), None | Some(1)),
            _ => false,
        };
        if !is_tolerated {
            let is_sane = header.kind == HANDSHAKE && header.length <= MAX_PLAIN;
            return match body.first() {
                _ if !is_sane => Probe::No,
                None => Probe::Maybe,
                Some(&CLIENT_HELLO) => Probe::Yes,
                Some(_) => Probe::No,
            };
        }
        match body.get(header.length..) {
            Some(next) => rest = next,
            None => return Probe::Maybe,
        }
    }
}
