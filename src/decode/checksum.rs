//! The checksum of the internet protocols (RFC 1071).
//!
//! A bad one proves little: a host that captures what it sends itself leaves checksums to its card, and one that joins what it receives
//! leaves them stale. So nothing is dropped for it, and it is only looked at where segments contradict each other.

use std::net::IpAddr;

use super::Packet;
use crate::fact::Transport;

impl Packet<'_> {
    /// Whether the checksum of a whole TCP segment is right; `None` where there is none to look at.
    #[must_use]
    pub fn checksum(&self) -> Option<bool> {
        if self.transport != Transport::Tcp || self.missing > 0 || self.head.is_empty() {
            return None;
        }
        let addresses = match (self.source.ip, self.destination.ip) {
            (IpAddr::V4(a), IpAddr::V4(b)) => sum(&a.octets(), u32::from(sum(&b.octets(), 0))),
            (IpAddr::V6(a), IpAddr::V6(b)) => sum(&a.octets(), u32::from(sum(&b.octets(), 0))),
            _ => return None,
        };
        let length = self.head.len() + self.payload.len();
        let pseudo = u32::from(addresses) + u32::from(self.transport.number()) + (length >> 16) as u32 + (length & 0xffff) as u32;
        // a header is whole words, so that the payload begins at an even place
        let header = sum(self.head, pseudo);
        Some(sum(self.payload, header.into()) == 0xffff)
    }
}

/// The ones' complement sum of `bytes`, added to `sum`: `0xffff` where they hold their own checksum and it is right.
pub(super) fn sum(bytes: &[u8], sum: u32) -> u16 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    // neither the order of bytes nor the width of words matters until the end (RFC 1071 section 2): carries gather above the words
    let add = |total: u128, word: &[u8; 8]| total + u128::from(u64::from_ne_bytes(*word));
    let total = add(words.iter().fold(0, add), &last);
    let own = u16::from_be_bytes(fold(total).to_ne_bytes());
    fold(u128::from(own) + u128::from(sum))
}

fn fold(mut total: u128) -> u16 {
    total = (total & u128::from(u64::MAX)) + (total >> 64);
    total = (total & u128::from(u32::MAX)) + (total >> 32);
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums() {
        // the example of RFC 1071 section 3
        assert_eq!(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7], 0), 0xddf2);
        for length in 0..200u8 {
            let bytes: Vec<u8> = (0..length).map(|n| 0xff ^ n.wrapping_mul(91)).collect();
            let mut plain = 7u32;
            for pair in bytes.chunks(2) {
                plain += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
            }
            assert_eq!(sum(&bytes, 7), fold(plain.into()), "{length}");
        }
    }
}
