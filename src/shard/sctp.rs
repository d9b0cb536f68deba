//! User messages of SCTP (RFC 9260 section 6.9): DATA chunks, several in a packet, whose pieces are put together by their numbers.
//!
//! Messages need not come in order, and one that is sent again is given again: DTLS over SCTP (RFC 6083) minds neither. A number that never
//! came is a loss that shows. Which number an association begins with is not read: what is lost before the first shows in nothing here.

use std::collections::VecDeque;

use sha2::{Digest as _, Sha256};

use crate::decode::sctp::{Chunk, Chunks, Data};
use crate::fact::{End, Fact};
use crate::inspect::{Inspection, Seen};
use crate::limits;

/// What is put together of one association.
#[derive(Default)]
pub(super) struct Association {
    ends: [Half; 2],
}

#[derive(Default)]
struct Half {
    /// Numbers that came, the wrapping undone: ascending ranges that do not touch.
    came: Vec<(i64, i64)>,
    /// Pieces of messages that are not whole, by their numbers.
    pieces: Vec<(i64, Piece)>,
    /// The last pieces of messages that were given, by their numbers: what is sent again must be the same.
    given: VecDeque<(i64, Digest)>,
}

/// The beginning of a SHA-256, which nobody can make the same for other bytes in passing.
type Digest = [u8; 16];

struct Piece {
    is_first: bool,
    is_last: bool,
    bytes: Vec<u8>,
}

/// What comes of a packet.
enum Given<'a> {
    /// A whole message.
    Message(&'a [u8]),
    /// Payload that nobody reads.
    Unread,
    /// More pieces, or more holes between numbers, than are kept.
    Limit,
}

impl Association {
    /// Takes the chunks of a packet in, and gives an inspection the messages that become whole.
    #[cold]
    pub(super) fn inspect(&mut self, end: End, chunks: &[u8], inspection: &mut Inspection, seen: &mut Seen<'_>) {
        self.packet(end, chunks, &mut |given| match given {
            Given::Message(bytes) => _ = inspection.data(end, bytes, seen),
            Given::Unread => seen.say(Fact::Unrecognised),
            Given::Limit => seen.say(Fact::Limit("messages in pieces".to_owned())),
        });
    }

    fn packet(&mut self, end: End, chunks: &[u8], give: &mut dyn FnMut(Given<'_>)) {
        for chunk in Chunks(chunks) {
            match chunk {
                Chunk::Control => {}
                Chunk::Other => give(Given::Unread),
                Chunk::Data(data) => self.ends[end.index()].data(&data, give),
            }
        }
    }

    /// How many chunks of `end` are known to be missing; pieces of messages that never became whole count as one.
    pub(super) fn missing(&self, end: End) -> u64 {
        let half = &self.ends[end.index()];
        let holes: i64 = half.came.windows(2).map(|pair| if let [(_, to), (from, _)] = pair { from - to } else { 0 }).sum();
        holes.unsigned_abs().max(u64::from(!half.pieces.is_empty()))
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let of_half = |half: &Half| {
            let pieces: usize = half.pieces.iter().map(|(_, piece)| piece.bytes.capacity()).sum();
            let given = half.given.capacity() * size_of::<(i64, Digest)>();
            given + pieces + half.pieces.capacity() * size_of::<(i64, Piece)>() + half.came.capacity() * size_of::<(i64, i64)>()
        };
        size_of::<Self>() + self.ends.iter().map(of_half).sum::<usize>()
    }
}

impl Half {
    fn data(&mut self, data: &Data<'_>, give: &mut dyn FnMut(Given<'_>)) {
        let Some((number, is_new)) = self.note(data.tsn) else { return give(Given::Limit) };
        if data.is_first && data.is_last {
            return give(Given::Message(data.bytes));
        }
        if !is_new {
            let waits = self.pieces.iter().any(|(known, piece)| *known == number && piece.bytes == data.bytes);
            let is_same = waits || self.given.contains(&(number, digest(data.bytes)));
            if !is_same {
                give(Given::Unread);
            }
            return;
        }
        let held: usize = self.pieces.iter().map(|(_, piece)| piece.bytes.len()).sum();
        if self.pieces.len() >= limits::SCTP_PIECES || held + data.bytes.len() > limits::SCTP_PIECE_BYTES {
            return give(Given::Limit);
        }
        let at = self.pieces.partition_point(|(known, _)| *known < number);
        let piece = Piece { is_first: data.is_first, is_last: data.is_last, bytes: data.bytes.to_vec() };
        self.pieces.insert(at, (number, piece));
        if let Some(run) = self.whole(at) {
            let mut message = Vec::new();
            for (number, piece) in self.pieces.drain(run) {
                self.given.push_back((number, digest(&piece.bytes)));
                message.extend(piece.bytes);
            }
            while self.given.len() > limits::SCTP_PIECES {
                self.given.pop_front();
            }
            give(Given::Message(&message));
        }
    }

    /// Notes that a number came, and returns it with the wrapping undone, and whether it is new. `None` where there are too many holes.
    fn note(&mut self, tsn: u32) -> Option<(i64, bool)> {
        let last = self.came.last().map_or(i64::from(tsn), |&(_, to)| to - 1);
        let number = last + i64::from(tsn.wrapping_sub(last as u32) as i32);
        let at = self.came.partition_point(|&(_, to)| to < number);
        let is_full = self.came.len() >= limits::SCTP_HOLES;
        match self.came.get_mut(at) {
            Some(&mut (from, to)) if (from..to).contains(&number) => return Some((number, false)),
            Some(range) if range.0 <= number + 1 => {
                *range = (range.0.min(number), range.1.max(number + 1));
                let (_, to) = *range;
                if let Some(&(_, end)) = self.came.get(at + 1).filter(|&&(from, _)| from == to) {
                    self.came.remove(at + 1);
                    if let Some(range) = self.came.get_mut(at) {
                        range.1 = end;
                    }
                }
            }
            _ if is_full => return None,
            _ => self.came.insert(at, (number, number + 1)),
        }
        Some((number, true))
    }

    /// The places of the pieces around `at` that are one whole message.
    fn whole(&self, at: usize) -> Option<std::ops::Range<usize>> {
        let piece = |at: usize| self.pieces.get(at);
        let follows = |at: usize| matches!((piece(at), piece(at + 1)), (Some((a, _)), Some((b, _))) if a + 1 == *b);
        let mut from = at;
        while !piece(from)?.1.is_first {
            from = from.checked_sub(1).filter(|&before| follows(before))?;
        }
        let mut to = from;
        while !piece(to)?.1.is_last {
            to = if follows(to) && !piece(to + 1)?.1.is_first { to + 1 } else { return None };
        }
        (to >= at).then_some(from..to + 1)
    }
}

fn digest(bytes: &[u8]) -> Digest {
    let whole = Sha256::digest(bytes);
    std::array::from_fn(|n| whole.get(n).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of DATA chunks: number, flags, content.
    fn given(association: &mut Association, chunks: &[(u32, u8, &[u8])]) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        for (tsn, flags, bytes) in chunks {
            let mut chunk = [&[0, *flags][..], &(bytes.len() as u16 + 16).to_be_bytes(), &tsn.to_be_bytes(), &[0; 8], bytes].concat();
            chunk.resize(chunk.len().next_multiple_of(4), 0);
            association.packet(End::A, &chunk, &mut |given| {
                out.push(match given {
                    Given::Message(bytes) => bytes.to_vec(),
                    Given::Unread => b"unread".to_vec(),
                    Given::Limit => b"limit".to_vec(),
                });
            });
        }
        out
    }

    #[test]
    fn messages_are_put_together_in_any_order() {
        let mut association = Association::default();
        let wrapped = [(u32::MAX, 2, &b"one "[..]), (1, 1, b"three"), (0, 0, b"two "), (2, 3, b"whole"), (0, 0, b"two ")];
        assert_eq!(given(&mut association, &wrapped), [&b"one two three"[..], b"whole"]);
        assert_eq!(association.missing(End::A), 0);
        assert_eq!(given(&mut association, &[(0, 0, b"two!")]), [b"unread"], "what is sent again is the same, or nobody has read it");
    }

    #[test]
    fn pieces_of_two_messages_are_not_mixed() {
        let mut association = Association::default();
        let chunks = [(1, 2, &b"a"[..]), (2, 2, b"b"), (3, 1, b"c")];
        assert_eq!(given(&mut association, &chunks), [b"bc"]);
        assert_eq!((association.missing(End::A), association.missing(End::B)), (1, 0));
    }

    #[test]
    fn numbers_that_never_came_are_missing() {
        let mut association = Association::default();
        given(&mut association, &[(10, 3, b"x"), (13, 3, b"x"), (12, 3, b"x"), (9, 3, b"x")]);
        assert_eq!(association.missing(End::A), 1);
        given(&mut association, &[(11, 3, b"x")]);
        assert_eq!(association.missing(End::A), 0);
    }

    #[test]
    fn pieces_and_holes_are_bounded() {
        let mut association = Association::default();
        let chunks: Vec<(u32, u8, &[u8])> = (0..limits::SCTP_PIECES as u32 + 1).map(|n| (n, 0, &b"x"[..])).collect();
        assert_eq!(given(&mut association, &chunks), [b"limit"]);
        let mut association = Association::default();
        let chunks: Vec<(u32, u8, &[u8])> = (0..limits::SCTP_HOLES as u32 + 1).map(|n| (n * 2, 3, &b"x"[..])).collect();
        assert_eq!(given(&mut association, &chunks).last().map(Vec::as_slice), Some(&b"limit"[..]));
    }
}
