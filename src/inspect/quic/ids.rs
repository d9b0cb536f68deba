//! The connection IDs by which one end is addressed.
//!
//! The first is in the clear. Those that follow are issued in encrypted frames (RFC 9000 section 5.1), so that a new one can only be taken
//! on trust: it is accepted once two datagrams bear it, and its length must be that of the first. Until then the datagram is in doubt, and
//! stays so where no second one comes. A stateless reset bears no connection ID but a token at its end, the same each time (section 10.3):
//! two datagrams with the same last bytes are resets, since no two sealed packets have the same tag.

use serde::{Deserialize, Serialize};

use super::packet::{Id, SEALED_BYTES, TAG_BYTES};
use crate::limits;

/// The IDs of one end.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Ids {
    known: Vec<Id>,
    doubted: Vec<Doubt>,
    reset: Option<[u8; TAG_BYTES]>,
}

/// A datagram with an ID that no other has borne yet.
#[derive(Serialize, Deserialize)]
struct Doubt {
    id: Id,
    token: [u8; TAG_BYTES],
}

/// What a datagram with a short header bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Borne {
    /// A known ID of this length.
    Known(usize),
    /// One that is new, for now; or it is the first of the resets.
    New,
    /// The token of a stateless reset.
    Reset,
    /// It is too short, or too many new ones wait already.
    Nothing,
}

impl Ids {
    pub(super) fn learn(&mut self, id: Id) {
        if self.known.contains(&id) {
            return;
        }
        if self.known.len() >= limits::QUIC_IDS_PER_END {
            self.known.remove(0);
        }
        self.known.push(id);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether a datagram is in doubt still.
    pub(super) fn has_doubts(&self) -> bool {
        !self.doubted.is_empty()
    }

    /// The length of the known ID that a datagram with a short header bears.
    pub(super) fn known(&self, datagram: &[u8]) -> Option<usize> {
        let behind = datagram.get(1..)?;
        let is_borne = |id: &&Id| behind.len() >= id.len() + SEALED_BYTES && behind.starts_with(id.as_slice());
        // the newest first: it is the one in use
        self.known.iter().rev().find(is_borne).map(Id::len)
    }

    /// Reads which ID a datagram with a short header bears, and remembers those that are new.
    pub(super) fn borne(&mut self, datagram: &[u8]) -> Borne {
        if let Some(length) = self.known(datagram) {
            return Borne::Known(length);
        }
        let behind = datagram.get(1..).unwrap_or_default();
        let length = self.known.last().map_or(0, Id::len);
        let Some((id, token)) = behind.get(..length).and_then(Id::new).zip(behind.last_chunk::<TAG_BYTES>()) else { return Borne::Nothing };
        if self.reset.as_ref() == Some(token) {
            return Borne::Reset;
        }
        if behind.len() < length + SEALED_BYTES {
            return Borne::Nothing;
        }
        if let Some(n) = self.doubted.iter().position(|doubt| doubt.token == *token || doubt.id == id) {
            let doubt = self.doubted.remove(n);
            match (doubt.id == id, doubt.token == *token) {
                // the same datagram again, which shows nothing
                (true, true) => self.doubted.push(doubt),
                (true, false) => {
                    self.learn(id);
                    return Borne::Known(length);
                }
                (false, _) => {
                    self.reset = Some(doubt.token);
                    return Borne::Reset;
                }
            }
            return Borne::New;
        }
        if self.doubted.len() >= limits::QUIC_IDS_IN_DOUBT {
            return Borne::Nothing;
        }
        self.doubted.push(Doubt { id, token: *token });
        Borne::New
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.known.capacity() * size_of::<Id>() + self.doubted.capacity() * size_of::<Doubt>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> Ids {
        let mut ids = Ids::default();
        ids.learn(Id::new(&[1, 2, 3, 4]).unwrap());
        ids
    }

    fn datagram(id: [u8; 4], content: u8) -> Vec<u8> {
        [&[0x41][..], &id, &[content; 30]].concat()
    }

    #[test]
    fn a_new_id_is_accepted_once_two_datagrams_bear_it() {
        let mut ids = ids();
        assert_eq!(ids.borne(&datagram([1, 2, 3, 4], 1)), Borne::Known(4));
        assert_eq!(ids.borne(&datagram([5, 6, 7, 8], 2)), Borne::New);
        assert!(ids.has_doubts());
        // a copy of it shows nothing
        assert_eq!(ids.borne(&datagram([5, 6, 7, 8], 2)), Borne::New);
        assert!(ids.has_doubts());
        assert_eq!(ids.borne(&datagram([5, 6, 7, 8], 3)), Borne::Known(4));
        assert!(!ids.has_doubts());
        // both are in use
        assert_eq!(ids.borne(&datagram([1, 2, 3, 4], 4)), Borne::Known(4));
        assert_eq!(ids.borne(&datagram([5, 6, 7, 8], 5)), Borne::Known(4));
    }

    #[test]
    fn resets_end_alike() {
        let mut ids = ids();
        assert_eq!(ids.borne(&datagram([9, 9, 9, 9], 7)), Borne::New);
        assert_eq!(ids.borne(&datagram([8, 8, 8, 8], 7)), Borne::Reset);
        assert_eq!(ids.borne(&datagram([6, 6, 6, 6], 7)), Borne::Reset);
        assert!(!ids.has_doubts());
    }

    #[test]
    fn what_is_too_short_or_always_new_is_nothing() {
        let mut ids = ids();
        assert_eq!(ids.borne(&[0x41, 1, 2, 3, 4]), Borne::Nothing);
        assert_eq!(ids.borne(&[]), Borne::Nothing);
        for n in 0..limits::QUIC_IDS_IN_DOUBT as u8 {
            assert_eq!(ids.borne(&datagram([n; 4], n)), Borne::New);
        }
        assert_eq!(ids.borne(&datagram([0xee; 4], 0xee)), Borne::Nothing);
    }

    #[test]
    fn where_there_is_no_id_every_datagram_bears_it() {
        let mut ids = Ids::default();
        ids.learn(Id::default());
        assert_eq!(ids.borne(&datagram([1, 2, 3, 4], 1)), Borne::Known(0));
        assert_eq!(ids.borne(&[0x41; 20]), Borne::Nothing);
    }
}
