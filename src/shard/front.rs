//! What happens to frames before lanes: fragments are put together, since only the packet as a whole shows its lane.

use std::sync::Arc;

use super::{LaneLedger, Routed, Tallied, View};
use crate::decode::{Fate, Fragments, Lost, Reason};
use crate::fact::FrameIndex;

/// Stands before the lanes, and sees every fragment in the order of the capture.
pub struct Front {
    view: Arc<View>,
    fragments: Fragments,
    ledger: LaneLedger,
}

/// Whether a frame is the front's business.
#[inline]
#[must_use]
pub fn is_piece(frame: &FrameIndex, routed: &Routed<'_>) -> bool {
    matches!(routed, Err(skip) if skip.reason == Reason::UndecodedFragment) && frame.flags & FrameIndex::FLAG_FILTERED == 0
}

impl Front {
    /// A front without fragments.
    #[must_use]
    pub fn new(view: Arc<View>) -> Self {
        Self { view, fragments: Fragments::default(), ledger: LaneLedger::default() }
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
                self.ledger.joined += 1;
                (held, None)
            }
            Fate::Whole { bytes, frames, overlap } => {
                self.ledger.joined += frames.saturating_sub(1);
                let length = bytes.len() as u32;
                let flags = frame.flags | if overlap { FrameIndex::FLAG_OVERLAP } else { 0 };
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

    fn count_lost(&mut self) {
        let scope = &self.view.scope;
        for Lost { addresses: (a, b), in_tunnel, frames, first } in self.fragments.lost() {
            if !in_tunnel && !scope.has_macs() && !scope.has(a, None) && !scope.has(b, None) {
                self.ledger.unrelated += frames;
            } else {
                self.ledger.skipped[Reason::UndecodedFragment as usize].merge(&Tallied { count: frames, first: Some(first) });
            }
        }
    }
}
