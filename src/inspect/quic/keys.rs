//! The keys of Initial packets, which follow from a connection ID that everybody sees (RFC 9001 section 5.2, RFC 9369 section 3.3), and the
//! tag of Retry packets (RFC 9001 section 5.8). `ring` does the cryptography.
//!
//! Opening a packet proves that its sender knew the connection ID and spoke this version: nothing is kept secret by it.

use std::sync::LazyLock;

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey, quic};
use ring::hkdf;

use super::packet::{self, Family, Id, Long, TAG_BYTES};

/// What a family of versions derives its keys by.
struct Constants {
    salt: LazyLock<hkdf::Salt>,
    /// Labels of the packet key, its IV and the header protection key.
    labels: [&'static str; 3],
    retry_key: [u8; 16],
    retry_nonce: [u8; 12],
}

fn salt(bytes: [u8; 20]) -> hkdf::Salt {
    hkdf::Salt::new(hkdf::HKDF_SHA256, &bytes)
}

const LABELS: [&str; 3] = ["quic key", "quic iv", "quic hp"];

fn constants(family: Family) -> &'static Constants {
    static DRAFT_27: Constants = Constants {
        salt: LazyLock::new(|| {
            salt([0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02])
        }),
        labels: LABELS,
        retry_key: [0x4d, 0x32, 0xec, 0xdb, 0x2a, 0x21, 0x33, 0xc8, 0x41, 0xe4, 0x04, 0x3d, 0xf2, 0x7d, 0x44, 0x30],
        retry_nonce: [0x4d, 0x16, 0x11, 0xd0, 0x55, 0x13, 0xa5, 0x52, 0xc5, 0x87, 0xd5, 0x75],
    };
    static DRAFT_29: Constants = Constants {
        salt: LazyLock::new(|| {
            salt([0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99])
        }),
        labels: LABELS,
        retry_key: [0xcc, 0xce, 0x18, 0x7e, 0xd0, 0x9a, 0x09, 0xd0, 0x57, 0x28, 0x15, 0x5a, 0x6c, 0xb9, 0x6b, 0xe1],
        retry_nonce: [0xe5, 0x49, 0x30, 0xf9, 0x7f, 0x21, 0x36, 0xf0, 0x53, 0x0a, 0x8c, 0x1c],
    };
    static V1: Constants = Constants {
        salt: LazyLock::new(|| {
            salt([0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a])
        }),
        labels: LABELS,
        retry_key: [0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e],
        retry_nonce: [0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb],
    };
    static V2: Constants = Constants {
        salt: LazyLock::new(|| {
            salt([0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9])
        }),
        labels: ["quicv2 key", "quicv2 iv", "quicv2 hp"],
        retry_key: [0x8f, 0xb4, 0xb0, 0x1b, 0x56, 0xac, 0x48, 0xe2, 0x60, 0xfb, 0xcb, 0xce, 0xad, 0x7c, 0xcc, 0x92],
        retry_nonce: [0xd8, 0x69, 0x69, 0xbc, 0x2d, 0x7c, 0x6d, 0x99, 0x90, 0xef, 0xb0, 0x4a],
    };
    match family {
        Family::Draft27 => &DRAFT_27,
        Family::Draft29 => &DRAFT_29,
        Family::V1 => &V1,
        Family::V2 => &V2,
    }
}

/// What opens the Initial packets of one end.
pub(super) struct Keys {
    packet: LessSafeKey,
    iv: [u8; 12],
    header: quic::HeaderProtectionKey,
}

/// The keys of the client and of the server, from the destination connection ID that the client chose first, or was given by a Retry.
pub(super) fn initial(family: Family, original: &Id) -> Option<[Keys; 2]> {
    let constants = constants(family);
    let secret = constants.salt.extract(original.as_slice());
    let keys = |label: &str| {
        let secret: [u8; 32] = expand(&secret, label)?;
        let secret = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &secret);
        let [key, iv, header] = constants.labels;
        let (key, header): ([u8; 16], [u8; 16]) = (expand(&secret, key)?, expand(&secret, header)?);
        Some(Keys {
            packet: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).ok()?),
            iv: expand(&secret, iv)?,
            header: quic::HeaderProtectionKey::new(&quic::AES_128, &header).ok()?,
        })
    };
    Some([keys("client in")?, keys("server in")?])
}

impl Keys {
    /// Opens an Initial. Returns its number and its frames.
    pub(super) fn open(&self, packet: &Long<'_>, largest: Option<u64>) -> Option<(u64, Vec<u8>)> {
        let at = packet.behind_header;
        let sample = packet.bytes.get(at + 4..at + 20)?;
        let [mask, number_mask @ ..] = self.header.new_mask(sample).ok()?;
        let mut opened = packet.bytes.to_vec();
        let first = opened.first_mut()?;
        *first ^= mask & 0x0f;
        let number_bytes = usize::from(*first & 3) + 1;
        let mut truncated = 0;
        for (byte, mask) in opened.get_mut(at..at + number_bytes)?.iter_mut().zip(number_mask) {
            *byte ^= mask;
            truncated = truncated << 8 | u64::from(*byte);
        }
        let number = packet::number(largest, truncated, number_bytes);
        let (header, sealed) = opened.split_at_mut_checked(at + number_bytes)?;
        let mut nonce = self.iv;
        nonce.iter_mut().skip(4).zip(number.to_be_bytes()).for_each(|(byte, of_number)| *byte ^= of_number);
        let frames = self.packet.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(&*header), sealed).ok()?;
        Some((number, frames.to_vec()))
    }
}

/// Whether a Retry was sent by who had seen the client's first Initial, which had this destination.
pub(super) fn answers(retry: &Long<'_>, original: &Id) -> bool {
    let constants = constants(retry.family);
    let Some((message, tag)) = retry.bytes.split_last_chunk::<TAG_BYTES>() else { return false };
    let Ok(key) = UnboundKey::new(&AES_128_GCM, &constants.retry_key) else { return false };
    let id = original.as_slice();
    let pseudo = [&[id.len() as u8][..], id, message].concat();
    let nonce = Nonce::assume_unique_for_key(constants.retry_nonce);
    let own = LessSafeKey::new(key).seal_in_place_separate_tag(nonce, Aad::from(pseudo), &mut []);
    own.is_ok_and(|own| own.as_ref() == tag)
}

/// HKDF-Expand-Label of TLS 1.3 (RFC 8446 section 7.1), without a context.
fn expand<const N: usize>(secret: &hkdf::Prk, label: &str) -> Option<[u8; N]> {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    const PREFIX: &[u8] = b"tls13 ";
    let (length, label_length) = ((N as u16).to_be_bytes(), [(PREFIX.len() + label.len()) as u8]);
    let info = [&length[..], &label_length, PREFIX, label.as_bytes(), &[0]];
    let mut out = [0; N];
    secret.expand(&info, Length(N)).ok()?.fill(&mut out).ok()?;
    Some(out)
}
