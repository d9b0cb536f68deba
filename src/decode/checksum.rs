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
            (IpAddr::V4(a), IpAddr::V4(b)) => gather(gather(0, &a.octets()), &b.octets()),
            (IpAddr::V6(a), IpAddr::V6(b)) => gather(gather(0, &a.octets()), &b.octets()),
            _ => return None,
        };
        let length = (self.head.len() + self.payload.len()) as u32;
        let pseudo = u128::from(length.to_be()) + u128::from(u16::from(self.transport.number()).to_be());
        // a header is whole words, so that the payload begins at an even place
        Some(fold(gather(gather(addresses + pseudo, self.head), self.payload)) == 0xffff)
    }
}

/// The ones' complement sum of `bytes`: `0xffff` where they hold their own checksum and it is right.
pub(super) fn sum(bytes: &[u8]) -> u16 {
    u16::from_be_bytes(fold(gather(0, bytes)).to_ne_bytes())
}

/// Adds the words of `bytes`, which stand at an even place, to a sum that is still to be folded. Neither the order of bytes nor the width of
/// words matters until the end (RFC 1071 section 2): carries gather above the words.
fn gather(total: u128, bytes: &[u8]) -> u128 {
    let (words, rest) = bytes.as_chunks::<8>();
    let (halves, rest) = rest.as_chunks::<4>();
    let (quarters, rest) = rest.as_chunks::<2>();
    let total = words.iter().fold(total, |total, word| total + u128::from(u64::from_ne_bytes(*word)));
    let total = halves.iter().fold(total, |total, half| total + u128::from(u32::from_ne_bytes(*half)));
    let total = quarters.iter().fold(total, |total, quarter| total + u128::from(u16::from_ne_bytes(*quarter)));
    rest.iter().fold(total, |total, &last| total + u128::from(u16::from_ne_bytes([last, 0])))
}

/// Adds the carries back in, until none is left.
fn fold(total: u128) -> u16 {
    let (sum, carried) = (total as u64).overflowing_add((total >> 64) as u64);
    // three halvings of a word leave at most one carry
    let sum = u128::from(sum) + u128::from(carried);
    let sum = (sum & u128::from(u32::MAX)) as u64 + (sum >> 32) as u64;
    let sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    ((sum & 0xffff) + (sum >> 16)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carries_are_folded_whole() {
        for total in [
            0,
            1,
            0xffff,
            0x1_0000,
            u128::from(u64::MAX),
            u128::from(u64::MAX) + 1,
            u128::MAX,
            u128::MAX - 1,
            0xffff_ffff << 64 | 0xffff_0001,
        ] {
            let mut plain = total;
            while plain > 0xffff {
                plain = (plain & 0xffff) + (plain >> 16);
            }
            assert_eq!(u128::from(fold(total)), plain, "{total:x}");
        }
    }

    #[test]
    fn sums() {
        // the example of RFC 1071 section 3
        assert_eq!(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), 0xddf2);
        for length in 0..200u8 {
            let bytes: Vec<u8> = (0..length).map(|n| 0xff ^ n.wrapping_mul(91)).collect();
            let mut plain = 0u32;
            for pair in bytes.chunks(2) {
                plain += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
            }
            while plain > 0xffff {
                plain = (plain & 0xffff) + (plain >> 16);
            }
            assert_eq!(u32::from(sum(&bytes)), plain, "{length}");
        }
    }
}
