//! Messages of IKE: the header, payloads in the clear (RFC 7296 section 3, RFC 2408 section 3), and the cipher that a responder chose.

use serde::{Deserialize, Serialize};

/// What tells IKE from ESP behind a NAT (RFC 3948 section 2.2).
pub(super) const MARKER: &[u8] = &[0; 4];

/// A header (RFC 7296 section 3.1).
const HEADER_BYTES: usize = 28;
/// A nonce and a tag: the shortest that is sealed.
const SEALED_BYTES: usize = 16;
/// The payload that all others are sealed in, whole or in a fragment (RFC 7383).
const SEALED: [u8; 2] = [46, 53];

/// The exchanges of version 2 that begin a session, and that go on under its keys (RFC 7296 section 3.1, RFC 9242, RFC 9370).
const SA_INIT: u8 = 34;
const UNDER_KEYS: [u8; 5] = [35, 36, 37, 43, 44];

/// The pair that a session is known by; the responder's is 0 until it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Spis {
    initiator: u64,
    responder: u64,
}

impl Spis {
    /// Whether two may be those of one session.
    pub(super) fn meet(self, other: Self) -> bool {
        self.initiator == other.initiator && (self.responder == other.responder || self.responder == 0 || other.responder == 0)
    }

    /// What is known once both were seen.
    pub(super) fn with(self, other: Self) -> Self {
        Self { responder: self.responder.max(other.responder), ..self }
    }
}

/// One message.
#[derive(Debug)]
pub(super) struct Message<'a> {
    pub spis: Spis,
    pub is_sealed: bool,
    /// In the clear, it says what keys are made from.
    pub has_key: bool,
    /// No cipher that it chooses is known not to encrypt.
    pub is_encrypting: bool,
    /// What is sealed.
    pub body: &'a [u8],
    is_request: bool,
}

impl Message<'_> {
    /// Whether nothing may have come before it.
    pub(super) fn is_first(&self) -> bool {
        self.is_request && self.spis.responder == 0
    }
}

/// Reads a datagram, and says whether the message stands behind a marker.
pub(super) fn read(bytes: &[u8]) -> Option<(bool, Message<'_>)> {
    let marked = bytes.strip_prefix(MARKER).and_then(message).map(|message| (true, message));
    marked.or_else(|| message(bytes).map(|message| (false, message)))
}

fn message(bytes: &[u8]) -> Option<Message<'_>> {
    let (head, body) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let (spis, _) = head.as_chunks::<8>();
    let [initiator, responder, ..] = *spis else { return None };
    let spis = Spis { initiator: u64::from_be_bytes(initiator), responder: u64::from_be_bytes(responder) };
    let [next, version, exchange, flags] = [head[16], head[17], head[18], head[19]];
    let length = u32::from_be_bytes([head[24], head[25], head[26], head[27]]);
    if usize::try_from(length) != Ok(bytes.len()) || spis.initiator == 0 {
        return None;
    }
    match version {
        0x20 => version_2(spis, next, exchange, flags, body),
        0x10 => version_1(spis, next, exchange, flags, body),
        _ => None,
    }
}

fn version_2(spis: Spis, next: u8, exchange: u8, flags: u8, body: &[u8]) -> Option<Message<'_>> {
    let is_response = flags & 0x20 != 0;
    if flags & !0x38 != 0 {
        return None;
    }
    if exchange == SA_INIT {
        let is_sane = if is_response { flags & 0x08 == 0 } else { flags & 0x08 != 0 && spis.responder == 0 };
        // SA, KE, ID.. are not asked for here: what may come in the clear is keys, notices and who made it
        let payloads = Payloads::read(next, body).filter(|_| is_sane)?;
        payloads.all(|kind| matches!(kind, 33 | 34 | 38 | 40 | 41 | 43)).then_some(())?;
        let has_key = [33, 34, 40].into_iter().all(|kind| payloads.first(kind).is_some());
        let is_encrypting = !is_response || payloads.first(33).is_none_or(|offer| is_encrypting(cipher(offer)));
        return Some(Message { spis, is_sealed: false, has_key, is_encrypting, body: &[], is_request: !is_response });
    }
    let (&[_, _, high, low], sealed) = body.split_first_chunk()?;
    let fills = usize::from(u16::from_be_bytes([high, low])) == body.len();
    let is_sealed = UNDER_KEYS.contains(&exchange) && SEALED.contains(&next) && fills && sealed.len() >= SEALED_BYTES;
    (is_sealed && spis.responder != 0).then_some(Message {
        spis,
        is_sealed: true,
        has_key: false,
        is_encrypting: true,
        body: sealed,
        is_request: false,
    })
}

fn version_1(spis: Spis, next: u8, exchange: u8, flags: u8, body: &[u8]) -> Option<Message<'_>> {
    // main mode, aggressive mode, informational, transaction, quick mode, new group
    if !matches!(exchange, 2 | 4 | 5 | 6 | 32 | 33) || flags & !0x07 != 0 {
        return None;
    }
    let is_request = spis.responder == 0;
    if flags & 1 != 0 {
        let is_sealed = !is_request && body.len() >= SEALED_BYTES && body.len().is_multiple_of(8);
        return is_sealed.then_some(Message { spis, is_sealed, has_key: false, is_encrypting: true, body, is_request });
    }
    let payloads = Payloads::read(next, body).filter(|_| matches!(exchange, 2 | 4 | 5))?;
    // those of RFC 2408, and NAT traversal's by its numbers and the drafts'
    payloads.all(|kind| matches!(kind, 1 | 4..=16 | 20 | 21 | 130 | 131)).then_some(())?;
    let has_key = payloads.first(4).is_some();
    let is_encrypting = is_request || payloads.first(1).is_none_or(is_encrypting_1);
    Some(Message { spis, is_sealed: false, has_key, is_encrypting, body: &[], is_request })
}

/// Payloads in the clear: the kind and content of each.
struct Payloads<'a>(Vec<(u8, &'a [u8])>);

impl<'a> Payloads<'a> {
    /// Reads a chain of payloads that fills a message.
    fn read(first: u8, body: &'a [u8]) -> Option<Self> {
        let (mut kind, mut rest, mut found) = (first, body, Vec::new());
        while kind != 0 {
            let (&[next, _, high, low], _) = rest.split_first_chunk()?;
            let (payload, behind) = rest.split_at_checked(u16::from_be_bytes([high, low]).into())?;
            found.push((kind, payload.get(4..)?));
            (kind, rest) = (next, behind);
        }
        // a length that is too short cannot lead on: each payload takes 4 bytes at least
        (rest.is_empty() && !found.is_empty()).then_some(Self(found))
    }

    fn all(&self, is_known: impl Fn(u8) -> bool) -> bool {
        self.0.iter().all(|(kind, _)| is_known(*kind))
    }

    fn first(&self, kind: u8) -> Option<&'a [u8]> {
        self.0.iter().find(|(known, _)| *known == kind).map(|(_, content)| *content)
    }
}

/// The cipher of the first proposal of version 2 (RFC 7296 section 3.3): a transform of type 1.
fn cipher(offer: &[u8]) -> Option<u16> {
    let transforms = offer.get(8 + usize::from(*offer.get(6)?)..)?;
    let mut rest = transforms;
    while let Some((&[_, _, high, low, kind, _, id_high, id_low], _)) = rest.split_first_chunk() {
        if kind == 1 {
            return Some(u16::from_be_bytes([id_high, id_low]));
        }
        rest = rest.get(usize::from(u16::from_be_bytes([high, low])).max(8)..)?;
    }
    None
}

/// Whether a cipher of version 2 is known to encrypt (IANA, transform type 1): not DES, not NULL, not a tag alone.
fn is_encrypting(cipher: Option<u16>) -> bool {
    matches!(cipher, Some(3..=7 | 12..=20 | 23..=35)) && cipher != Some(17)
}

/// Whether the cipher of the first transform of version 1 is known to encrypt (RFC 2409 appendix A): attribute 1, not DES.
fn is_encrypting_1(offer: &[u8]) -> bool {
    // domain, situation; a proposal's header with its SPI; a transform's header
    let attributes = offer.get(14).and_then(|&spi| offer.get(16 + usize::from(spi) + 8..));
    let mut rest = attributes.unwrap_or_default();
    while let Some((&[high, low, value_high, value_low], behind)) = rest.split_first_chunk() {
        let value = u16::from_be_bytes([value_high, value_low]);
        match u16::from_be_bytes([high, low]) {
            0x8001 => return matches!(value, 2..=8),
            kind if kind & 0x8000 != 0 => rest = behind,
            _ => rest = behind.get(usize::from(value)..).unwrap_or_default(),
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ciphers_that_do_not_encrypt_are_told() {
        let offer = |cipher: u16| {
            let transform = [&[0, 0, 0, 8, 1, 0][..], &cipher.to_be_bytes()].concat();
            let other = [3, 0, 0, 8, 2, 0, 0, 5];
            [&[0, 0, 0, 24, 1, 1, 0, 2][..], &other, &transform].concat()
        };
        let told = |cipher: u16| is_encrypting(self::cipher(&offer(cipher)));
        assert_eq!([20, 12, 28, 3].map(told), [true; 4]);
        // DES, NULL, a tag alone, reserved, private
        assert_eq!([2, 11, 21, 22, 0, 60_000].map(told), [false; 6]);
        assert!(!is_encrypting(self::cipher(&offer(12)[..9])));
    }

    #[test]
    fn ciphers_of_version_1_are_told() {
        let offer = |cipher: u8| {
            let transform = [&[0, 0, 0, 20, 1, 1, 0, 0][..], &[0x80, 2, 0, 2, 0x80, 1, 0, cipher, 0, 12, 0, 0]].concat();
            [&[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 28, 1, 1, 0, 1][..], &transform].concat()
        };
        assert!(is_encrypting_1(&offer(7)) && is_encrypting_1(&offer(5)));
        assert!(!is_encrypting_1(&offer(1)) && !is_encrypting_1(&offer(9)) && !is_encrypting_1(&offer(7)[..20]));
    }

    #[test]
    fn payloads_must_fill_their_message() {
        assert!(Payloads::read(33, &[34, 0, 0, 5, 9, 0, 0, 0, 4]).is_some());
        for (first, body) in [(0, &[][..]), (33, &[0, 0, 0, 5]), (33, &[0, 0, 0, 3]), (33, &[34, 0, 0, 4]), (33, &[0, 0, 0, 4, 1])] {
            assert!(Payloads::read(first, body).is_none(), "{first} {body:?}");
        }
    }
}
