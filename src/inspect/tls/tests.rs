//! How sessions are read: by a driver as flows have it, and by a bare one that saves and loads between any two bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail by panic")]

mod made;
mod real;

use std::ops::Range;

use super::*;
use crate::fact::{FrameId, Locus, Observation, Timestamp};
use crate::inspect::{Inspection, Opening};

/// The end that opens in these tests; not `A`, so that nothing takes the lower end for the opener.
pub(super) const OPENER: End = End::B;
pub(super) const RESPONDER: End = End::A;

/// What was said, in the order of the wire.
pub(super) type Talk = Vec<(End, Vec<u8>)>;

fn at(end: End) -> Locus {
    Locus { frame: FrameId::new(0, 1), at: Timestamp::default(), end }
}

/// Reads `talk` as a flow does, through the driver.
pub(super) fn facts(talk: &[(End, Vec<u8>)]) -> Vec<Fact> {
    facts_of_pieces(talk.iter().map(|(end, bytes)| (*end, &bytes[..])))
}

pub(super) fn facts_of_pieces<'a>(pieces: impl Iterator<Item = (End, &'a [u8])>) -> Vec<Fact> {
    let (mut inspection, mut out, mut opaque) = (Inspection::new(Carrier::Stream), Vec::new(), [0usize; 2]);
    for (end, bytes) in pieces {
        let skipped = opaque[end.index()].min(bytes.len());
        opaque[end.index()] -= skipped;
        opaque[end.index()] += inspection.data(end, &bytes[skipped..], &mut Seen::new(&mut out, at(end)));
    }
    for end in [OPENER, RESPONDER] {
        inspection.finish(end, Finish::Fin, &mut Seen::new(&mut out, at(end)));
    }
    out.into_iter().map(|observation| observation.fact).collect()
}

/// `talk`, with what `end` says in `range` of its bytes cut from the rest.
pub(super) fn split(talk: &[(End, Vec<u8>)], turn: usize, offset: usize) -> Talk {
    let mut talk = talk.to_vec();
    let (end, bytes) = &mut talk[turn];
    let rest = (*end, bytes.split_off(offset));
    talk.insert(turn + 1, rest);
    talk
}

pub(super) fn in_single_bytes(talk: &[(End, Vec<u8>)]) -> Talk {
    talk.iter().flat_map(|(end, bytes)| bytes.iter().map(|byte| (*end, vec![*byte]))).collect()
}

/// Asserts that no way of cutting `talk` into segments changes what is said.
pub(super) fn assert_any_segments(talk: &[(End, Vec<u8>)]) -> Vec<Fact> {
    let whole = facts(talk);
    for (turn, (_, bytes)) in talk.iter().enumerate() {
        for offset in 1..bytes.len() {
            assert_eq!(facts(&split(talk, turn, offset)), whole, "turn {turn} cut at {offset}");
        }
    }
    assert_eq!(facts(&in_single_bytes(talk)), whole, "in single bytes");
    whole
}

/// Asserts that a flow saved and loaded after any byte goes on as if nothing had happened.
pub(super) fn assert_resumes_anywhere(talk: &[(End, Vec<u8>)]) {
    let bytes = in_single_bytes(talk);
    let whole = Bare::default().hear(&bytes, 0..0);
    assert!(!whole.is_empty());
    assert_eq!(Bare::default().hear(&bytes, 0..bytes.len()), whole);
    for moment in 0..bytes.len() {
        assert_eq!(Bare::default().hear(&bytes, moment..moment + 1), whole, "saved at {moment}");
    }
}

/// An inspector without the driver: what it left unused and what is opaque, an end each.
struct Bare {
    inspector: Box<dyn Inspector>,
    held: [Vec<u8>; 2],
    opaque: [usize; 2],
    out: Vec<Observation>,
}

impl Default for Bare {
    fn default() -> Self {
        Self { inspector: (TLS.open)(), held: Default::default(), opaque: [0; 2], out: Vec::new() }
    }
}

impl Bare {
    /// Hears every piece; saves and loads the inspector after each of those in `saved`.
    fn hear(mut self, pieces: &[(End, Vec<u8>)], saved: Range<usize>) -> Vec<Observation> {
        for (n, (end, bytes)) in pieces.iter().enumerate() {
            if !self.piece(*end, bytes) {
                break;
            }
            if saved.contains(&n) {
                let mut state = Vec::new();
                self.inspector.save(&mut state);
                self.inspector = (TLS.load)(&state).unwrap();
            }
        }
        self.out
    }

    /// Returns whether there is more to be learnt.
    fn piece(&mut self, end: End, bytes: &[u8]) -> bool {
        let (held, opaque) = (&mut self.held[end.index()], &mut self.opaque[end.index()]);
        let skipped = bytes.len().min(*opaque);
        *opaque -= skipped;
        held.extend_from_slice(&bytes[skipped..]);
        while !held.is_empty() {
            match self.inspector.data(end, held, &mut Seen::new(&mut self.out, at(end))) {
                Progress::Used(0) => break,
                Progress::Used(n) => drop(held.drain(..n)),
                Progress::Skip(n) => {
                    let given = n.min(held.len());
                    held.drain(..given);
                    *opaque += n - given;
                }
                Progress::Handover(_) | Progress::Upgrade(_) | Progress::Settled | Progress::Violation(_) => return false,
            }
        }
        true
    }
}
