//! The hello messages of one end, put together from fragments that come in any order and again. What lies behind a hole is never read.

use serde::{Deserialize, Serialize};

use super::record::Fragment;
use crate::inspect::pieces::{Pieces, Refused};
use crate::limits;

/// Where the random of a hello stands.
const RANDOM: std::ops::Range<usize> = 2..34;

/// The hello messages of one end.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Hellos(Vec<Hello>);

#[derive(Serialize, Deserialize)]
struct Hello {
    kind: u8,
    sequence: u16,
    length: usize,
    pieces: Pieces,
    is_read: bool,
}

/// What is wrong with a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It differs from what was sent in its place before, which stays.
    Contradiction,
    /// A bound was hit.
    Limit,
}

impl Hellos {
    /// Takes a fragment in. Returns the body of the message that it completes.
    pub(super) fn insert(&mut self, fragment: &Fragment<'_>) -> Result<Option<&[u8]>, Fault> {
        if fragment.length > limits::HELLO_BYTES {
            return Err(Fault::Limit);
        }
        let known = self.0.iter().position(|hello| hello.sequence == fragment.sequence);
        let at = match known {
            Some(at) => at,
            None if self.0.len() >= limits::DTLS_HELLOS => return Err(Fault::Limit),
            None => {
                let (kind, sequence, length) = (fragment.kind, fragment.sequence, fragment.length);
                self.0.push(Hello { kind, sequence, length, pieces: Pieces::default(), is_read: false });
                self.0.len() - 1
            }
        };
        let Some(hello) = self.0.get_mut(at) else { return Ok(None) };
        if (hello.kind, hello.length) != (fragment.kind, fragment.length) {
            return Err(Fault::Contradiction);
        }
        match hello.pieces.insert(fragment.offset as u64, fragment.bytes) {
            Ok(()) => {}
            Err(Refused::Contradiction) => return Err(Fault::Contradiction),
            Err(Refused::Limit) => return Err(Fault::Limit),
        }
        if hello.is_read || hello.pieces.whole().len() < hello.length {
            return Ok(None);
        }
        hello.is_read = true;
        Ok(Some(hello.pieces.whole()))
    }

    /// Whether a fragment is of the begin of another session than these: within one, all hellos of a client share their random.
    pub(super) fn is_of_another(&self, fragment: &Fragment<'_>) -> bool {
        let random = fragment.bytes.get(RANDOM).filter(|_| fragment.offset == 0);
        let of = |hello: &Hello| hello.pieces.whole().get(RANDOM).map(<[u8]>::to_vec);
        random.is_some_and(|random| self.0.iter().filter_map(of).any(|known| known != random))
    }

    /// Whether every one that was begun was read, and there is one at `sequence` or behind it.
    pub(super) fn are_read(&self, sequence: u16) -> bool {
        self.has_all() && self.0.iter().any(|hello| hello.sequence >= sequence)
    }

    /// Whether there are any, and all were read.
    pub(super) fn has_all(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|hello| hello.is_read)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<Hello>() + self.0.iter().map(|hello| hello.pieces.heap_bytes()).sum::<usize>()
    }
}
