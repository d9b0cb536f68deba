//! TCP flows of which only SYNs of one end were seen: a few dozen bytes each, in the order in which they began, so that a flood of SYNs
//! costs little and the oldest is found at once.

use std::collections::VecDeque;

use super::{Ended, FlowKey};
use crate::fact::{Basis, End, Finish, FlowState, FrameId, Locus, Tally, Timestamp};

/// The bit of a slot that tells attempts from entries.
pub(super) const ATTEMPT: u32 = 1 << 31;

/// Bytes that an attempt costs, its place in the index included.
pub(super) const ATTEMPT_BYTES: usize = size_of::<Attempt>() + 10;

/// A TCP flow of which only SYNs of one end were seen.
#[derive(Clone, Copy)]
pub(super) struct Attempt {
    pub(super) key: FlowKey,
    pub(super) first: FrameId,
    pub(super) first_at: Timestamp,
    pub(super) last: Timestamp,
    pub(super) isn: u32,
    pub(super) packets: u16,
    /// The sender; `None` once it has ended or become an entry.
    pub(super) end: Option<End>,
    pub(super) agents: [bool; 2],
    pub(super) unreachable: bool,
}

/// The attempts of one table. Their slots are numbers that are given one after the other and have [`ATTEMPT`] set.
#[derive(Default)]
pub(super) struct Attempts {
    queue: VecDeque<Attempt>,
    /// The number of the attempt at the front.
    front: u32,
}

impl Attempts {
    pub(super) fn push(&mut self, attempt: Attempt) -> u32 {
        let slot = self.slot(self.queue.len() as u32);
        self.queue.push_back(attempt);
        slot
    }

    pub(super) fn get(&self, slot: u32) -> Option<&Attempt> {
        self.queue.get((slot.wrapping_sub(self.front) & !ATTEMPT) as usize).filter(|attempt| attempt.end.is_some())
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Attempt> {
        self.queue.get_mut((slot.wrapping_sub(self.front) & !ATTEMPT) as usize).filter(|attempt| attempt.end.is_some())
    }

    /// Takes an attempt out, since it ended or becomes an entry.
    pub(super) fn take(&mut self, slot: u32) -> Option<(Attempt, End)> {
        let attempt = self.get_mut(slot)?;
        let known = *attempt;
        attempt.end.take().map(|end| (known, end))
    }

    /// The oldest attempt and its slot. [`Attempts::trim`] keeps those that were taken out from the front.
    pub(super) fn oldest(&self) -> Option<(u32, &Attempt)> {
        self.queue.front().map(|attempt| (self.slot(0), attempt))
    }

    /// Lets go of what was taken out at the front. Returns how many that were.
    pub(super) fn trim(&mut self) -> usize {
        let mut gone = 0;
        while self.queue.pop_front_if(|attempt| attempt.end.is_none()).is_some() {
            self.front = self.front.wrapping_add(1) & !ATTEMPT;
            gone += 1;
        }
        gone
    }

    /// The first frame and the slot of every attempt that is open, the oldest first.
    pub(super) fn open(&self) -> impl Iterator<Item = (FrameId, u32)> {
        let slots = (0..).map(|n| self.slot(n));
        self.queue.iter().zip(slots).filter(|(attempt, _)| attempt.end.is_some()).map(|(attempt, slot)| (attempt.first, slot))
    }

    fn slot(&self, n: u32) -> u32 {
        self.front.wrapping_add(n) | ATTEMPT
    }
}

impl Attempt {
    pub(super) fn ended(&self, end: End, how: Finish) -> Ended {
        let mut sent = [Tally::default(); 2];
        sent[end.index()].packets = self.packets.into();
        Ended {
            key: self.key,
            agents: self.agents,
            first: Locus { frame: self.first, at: self.first_at, end },
            last: self.last,
            sent,
            state: if self.unreachable { FlowState::Refused } else { FlowState::Attempted },
            initiator: Some(end),
            basis: Basis::Syn,
            answered: [None; 2],
            checksums: Default::default(),
            simultaneous_open: false,
            began_before: false,
            unseen_end: None,
            evicted: how == Finish::Evicted,
            quoted_only: false,
        }
    }
}
