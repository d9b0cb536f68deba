//! Bytes that come in pieces, split, shuffled, repeated and in several datagrams, kept as ranges: CRYPTO frames of QUIC (RFC 9000 section
//! 19.6), handshake messages of DTLS (RFC 6347 section 4.2.3). What lies behind a hole is never read.

use serde::{Deserialize, Serialize};

use crate::limits;

/// Bytes of one end, each at its place.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Pieces {
    bytes: Vec<u8>,
    /// Which of them were sent: ascending, neither touching nor overlapping.
    ranges: Vec<(usize, usize)>,
}

/// Why bytes were not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// They differ from what was sent in their place before. What is new among them is taken in.
    Contradiction,
    /// More bytes or holes than are kept.
    Limit,
}

impl Pieces {
    /// Takes in bytes at their place.
    pub(super) fn insert(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Refused> {
        let start = usize::try_from(offset).map_err(|_| Refused::Limit)?;
        let end = start.checked_add(bytes.len()).filter(|&end| end <= limits::CRYPTO_BYTES).ok_or(Refused::Limit)?;
        if bytes.is_empty() {
            return Ok(());
        }
        let touches = |&(from, to): &(usize, usize)| from <= end && start <= to;
        let first = self.ranges.iter().position(touches).unwrap_or_else(|| self.ranges.partition_point(|&(from, _)| from < start));
        let count = self.ranges.iter().skip(first).take_while(|range| touches(range)).count();
        if count == 0 && self.ranges.len() >= limits::CRYPTO_RANGES {
            return Err(Refused::Limit);
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        let mut is_same = true;
        let (mut merged, mut at) = ((start, end), start);
        for (from, to) in self.ranges.drain(first..first + count) {
            // what lies before the range is new, what lies in it was sent before
            let known = (from.clamp(at, end), to.clamp(at, end));
            fill(&mut self.bytes, bytes, start, (at, known.0));
            is_same &= self.bytes.get(known.0..known.1) == bytes.get(known.0 - start..known.1 - start);
            merged = (merged.0.min(from), merged.1.max(to));
            at = known.1;
        }
        fill(&mut self.bytes, bytes, start, (at, end));
        self.ranges.insert(first, merged);
        if is_same { Ok(()) } else { Err(Refused::Contradiction) }
    }

    /// The bytes from the first on, up to the first hole.
    pub(super) fn whole(&self) -> &[u8] {
        match self.ranges.first() {
            Some(&(0, end)) => self.bytes.get(..end).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Where the last byte that was sent ends.
    pub(super) fn end(&self) -> usize {
        self.ranges.last().map_or(0, |&(_, end)| end)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.bytes.capacity() + self.ranges.capacity() * size_of::<(usize, usize)>()
    }
}

/// Writes the part of `bytes`, which begin at `start`, that lies in a range.
fn fill(into: &mut [u8], bytes: &[u8], start: usize, (from, to): (usize, usize)) {
    if let (Some(into), Some(bytes)) = (into.get_mut(from..to), bytes.get(from - start..to - start)) {
        into.copy_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_in_any_order_are_one_message() {
        let message: Vec<u8> = (0..200).collect();
        let mut order: Vec<usize> = (0..20).map(|n| n * 7 % 20).collect();
        for _ in 0..20 {
            order.rotate_left(1);
            let mut pieces = Pieces::default();
            for &n in &order {
                // they overlap on both sides
                let (from, to) = ((n * 10usize).saturating_sub(3), (n * 10 + 14).min(200));
                assert_eq!(pieces.insert(from as u64, &message[from..to]), Ok(()));
            }
            assert_eq!(pieces.whole(), message);
        }
    }

    #[test]
    fn a_hole_is_never_read_across() {
        let mut pieces = Pieces::default();
        assert_eq!(pieces.insert(4, &[5, 6]), Ok(()));
        assert!(pieces.whole().is_empty());
        // the count of bytes is that of a whole message, and its hole is still there
        assert_eq!(pieces.insert(4, &[5, 6]), Ok(()));
        assert_eq!(pieces.insert(0, &[1, 2]), Ok(()));
        assert_eq!(pieces.whole(), [1, 2]);
        assert_eq!(pieces.insert(1, &[2, 3, 4, 5]), Ok(()));
        assert_eq!((pieces.whole(), pieces.end()), (&[1, 2, 3, 4, 5, 6][..], 6));
    }

    #[test]
    fn contradictions_are_told_and_the_first_copy_stays() {
        let mut pieces = Pieces::default();
        assert_eq!(pieces.insert(0, &[1, 2, 3]), Ok(()));
        assert_eq!(pieces.insert(2, &[9, 4]), Err(Refused::Contradiction));
        assert_eq!(pieces.whole(), [1, 2, 3, 4]);
    }

    #[test]
    fn bytes_and_holes_are_bounded() {
        let mut pieces = Pieces::default();
        assert_eq!(pieces.insert(u64::MAX, &[1]), Err(Refused::Limit));
        assert_eq!(pieces.insert(limits::CRYPTO_BYTES as u64, &[1]), Err(Refused::Limit));
        for n in 0..limits::CRYPTO_RANGES as u64 {
            assert_eq!(pieces.insert(n * 2, &[1]), Ok(()));
        }
        assert_eq!(pieces.insert(5000, &[1]), Err(Refused::Limit));
        assert_eq!(pieces.insert(1, &[1]), Ok(()));
    }
}
