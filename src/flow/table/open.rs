//! The flows that are open when a capture ends, in the order in which they began.

use std::vec::IntoIter;

use super::{FlowTable, Rider};
use crate::fact::{Finish, FrameId};

/// The entries and brief flows of a table that are open, in the order of their first frames. Its attempts are in that order as they are: a flood has so
/// many that a list of them would be the most of its memory.
pub struct Open(IntoIter<(FrameId, u32)>);

impl<R: Rider> FlowTable<R> {
    /// What is open, to be ended by [`FlowTable::close_next`] until nothing is left.
    #[must_use]
    pub fn open(&self) -> Open {
        let entries = self.entries.iter().zip(0u32..);
        let entries = entries.filter_map(|(entry, slot)| entry.as_ref().map(|e| (e.cold.first.frame, slot)));
        let mut open: Vec<_> = entries.chain(self.briefs.firsts()).collect();
        open.sort_unstable();
        Open(open.into_iter())
    }

    /// The first frame of the flow that is to be ended next.
    #[must_use]
    pub fn next_open(&self, open: &Open) -> Option<FrameId> {
        self.eldest(open).map(|(frame, ..)| frame)
    }

    /// Ends the flow that began first, since the capture ended. Returns its first frame.
    pub fn close_next(&mut self, shared: &mut R::Shared, open: &mut Open) -> Option<FrameId> {
        let (frame, slot, is_listed) = self.eldest(open)?;
        if is_listed {
            open.0.next();
        }
        self.end(shared, slot, Finish::CaptureEnd);
        Some(frame)
    }

    /// The flow that began first: its first frame, its slot, and whether it is no attempt.
    fn eldest(&self, open: &Open) -> Option<(FrameId, u32, bool)> {
        let entry = open.0.as_slice().first().map(|(frame, slot)| (*frame, *slot, true));
        let attempt = self.attempts.oldest().map(|(slot, frame, _)| (frame, slot, false));
        entry.into_iter().chain(attempt).min()
    }
}
