//! What happens to frames before lanes: fragments are put together, since only the packet as a whole shows its lane.

use std::sync::Arc;

use super::{LaneLedger, Routed, Tallied, View};
use crate::decode::{Fate, Fragments, Lost, Reason};
use crate::fact::{FrameId, FrameIndex};

/// Stands before the lanes, and sees every fragment in the order of the capture.
pub struct Front {
    view: Arc<View>,
    fragments: Fragments,
    ledger: LaneLedger,
    traced: Option<TracedPiece>,
}

/// What became of a fragment that somebody asks about, if it did not go on by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TracedPiece {
    /// Its bucket in the ledger.
    pub bucket: &'static str,
    /// The frame with which its packet became whole.
    pub joined: Option<FrameId>,
}

/// Whether a frame is the front's business.
#[inline]
#[must_use]
pub fn is_piece(frame: &FrameIndex, routed: &Routed<'_>) -> bool {
    matches!(&routed.read, Err(skip) if skip.reason == Reason::UndecodedFragment) && frame.flags & FrameIndex::FLAG_FILTERED == 0
}

impl Front {
    /// A front without fragments.
    #[must_use]
    pub fn new(view: Arc<View>) -> Self {
        Self { view, fragments: Fragments::default(), ledger: LaneLedger::default(), traced: None }
    }

    /// Takes in a frame that holds a fragment. Returns it as it goes on: held back, or with the bytes of the whole packet in its place, or as
    /// it is.
    pub fn join(&mut self, frame: &FrameIndex, bytes: &[u8]) -> (FrameIndex, Option<Vec<u8>>) {
        let held = FrameIndex { flags: frame.flags | FrameIndex::FLAG_HELD, ..*frame };
        let fate = self.fragments.take(frame, bytes);
        self.count_lost();
        if let Fate::Held | Fate::Repeated = fate {
            self.ledger.truncated += u64::from(frame.captured < frame.wire);
        }
        match fate {
            Fate::Refused => (*frame, None),
            Fate::Held => (held, None),
            Fate::Repeated => {
                if frame.flags & FrameIndex::FLAG_TRACED != 0 {
                    self.traced = Some(TracedPiece { bucket: "fragment_joined", joined: None });
                }
                self.ledger.joined += 1;
                (held, None)
            }
            Fate::Whole { bytes, frames, overlap, traced } => {
                let mut asked = 0;
                if traced && frame.flags & FrameIndex::FLAG_TRACED == 0 {
                    self.traced = Some(TracedPiece { bucket: "fragment_joined", joined: Some(frame.id) });
                    asked = FrameIndex::FLAG_TRACED;
                }
                self.ledger.joined += frames.saturating_sub(1);
                let length = bytes.len() as u32;
                let flags = frame.flags | asked | if overlap { FrameIndex::FLAG_OVERLAP } else { 0 };
                (FrameIndex { captured: length, wire: length, flags, ..*frame }, Some(bytes))
            }
        }
    }

    /// Gives up what is not complete, since the capture ends or time runs backwards.
    pub fn close(&mut self) {
        self.fragments.close();
        self.count_lost();
    }

    /// What became of the frames that did not go on.
    #[must_use]
    pub fn ledger(&self) -> &LaneLedger {
        &self.ledger
    }

    /// What became of the fragment that somebody asks about, if it was held.
    #[must_use]
    pub fn traced(&self) -> Option<TracedPiece> {
        self.traced
    }

    fn count_lost(&mut self) {
        let scope = &self.view.scope;
        for Lost { addresses: (a, b), in_tunnel, frames, first, traced } in self.fragments.lost() {
            let is_unrelated = !in_tunnel && !scope.has_macs() && !scope.has(a, None) && !scope.has(b, None);
            if traced {
                let bucket = if is_unrelated { "unrelated" } else { Reason::UndecodedFragment.key() };
                self.traced = Some(TracedPiece { bucket, joined: None });
            }
            if is_unrelated {
                self.ledger.unrelated += frames;
            } else {
                self.ledger.skipped[Reason::UndecodedFragment as usize].merge(&Tallied { count: frames, first: Some(first) });
            }
        }
    }
}
