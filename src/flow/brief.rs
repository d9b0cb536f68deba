//! Flows that are brief: one datagram, and at most one that answers it, of which what is known is kept in a few words rather than by a rider.
//! Whatever comes besides makes an entry of them.

use std::collections::VecDeque;

use super::FlowKey;
use super::attempts::ATTEMPT;
use super::closed::is_closed;
use crate::fact::{FrameId, Locus, Timestamp};
use crate::limits;

/// The bit of a slot that tells brief flows from entries, where it is neither an attempt's nor an ended connection's.
const BRIEF: u32 = 1 << 29;

/// Whether a slot is a brief flow's.
#[inline]
pub(super) fn is_brief(slot: u32) -> bool {
    slot & (ATTEMPT | BRIEF) == BRIEF && !is_closed(slot)
}

/// A flow of one datagram and at most its answer. `T` is what is known of them.
pub struct Brief<T> {
    /// What tells it apart.
    pub key: FlowKey,
    /// Which ends are agents.
    pub agents: [bool; 2],
    /// The datagram that began it.
    pub first: Locus,
    /// The one that answered it.
    pub answer: Option<Locus>,
    /// Bytes of payload, in the order of the ends.
    pub bytes: [u32; 2],
    /// What is known.
    pub what: T,
    /// What tells copies of each end's datagram.
    pub(super) prints: [u64; 2],
    /// When it is to be looked at for want of an answer, and since its answer.
    pub(super) dues: [Option<Timestamp>; 2],
    /// Bytes of memory that `what` holds on the heap.
    pub(super) heap_bytes: u32,
}

/// The brief flows of one table.
pub(super) struct Briefs<T> {
    flows: Vec<Option<(Brief<T>, u32)>>,
    free: Vec<u32>,
    /// When those without an answer and those with one have been silent for long enough, in the order of that.
    asked: VecDeque<Due>,
    answered: VecDeque<Due>,
    generation: u32,
    bytes: usize,
}

struct Due {
    at: Timestamp,
    slot: u32,
    generation: u32,
}

impl<T> Default for Briefs<T> {
    fn default() -> Self {
        Self { flows: Vec::new(), free: Vec::new(), asked: VecDeque::new(), answered: VecDeque::new(), generation: 0, bytes: 0 }
    }
}

impl<T> Briefs<T> {
    /// Bytes that one costs without what it holds on the heap: itself, and its places in the index and in the queues.
    const BYTES: usize = size_of::<Option<(Brief<T>, u32)>>() + 2 * size_of::<Due>() + 10;

    /// Keeps a flow that began at `now`. Returns its slot, and when it is to be looked at.
    pub(super) fn push(&mut self, mut flow: Brief<T>, now: Timestamp) -> (u32, Timestamp) {
        let at = now.plus_nanos(limits::IDLE_DATAGRAM_NANOS);
        flow.dues[0] = Some(at);
        self.bytes += Self::BYTES + flow.heap_bytes as usize;
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.flows.push(None);
            (self.flows.len() - 1) as u32
        });
        if let Some(place) = self.flows.get_mut(slot as usize) {
            *place = Some((flow, generation));
        }
        self.asked.push_back(Due { at, slot, generation });
        (slot | BRIEF, at)
    }

    pub(super) fn get(&self, slot: u32) -> Option<&Brief<T>> {
        self.flows.get((slot & !BRIEF) as usize)?.as_ref().map(|(flow, _)| flow)
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Brief<T>> {
        self.flows.get_mut((slot & !BRIEF) as usize)?.as_mut().map(|(flow, _)| flow)
    }

    /// Says that a flow was answered at `now`, and holds so many bytes on the heap. Returns when it is to be looked at.
    pub(super) fn answered(&mut self, slot: u32, now: Timestamp, heap_bytes: u32) -> Timestamp {
        let at = now.plus_nanos(limits::ENDING_NANOS);
        let slot = slot & !BRIEF;
        if let Some((flow, generation)) = self.flows.get_mut(slot as usize).and_then(Option::as_mut) {
            flow.dues[1] = Some(at);
            self.bytes = self.bytes + heap_bytes as usize - flow.heap_bytes as usize;
            flow.heap_bytes = heap_bytes;
            self.answered.push_back(Due { at, slot, generation: *generation });
        }
        at
    }

    /// Takes a flow out.
    pub(super) fn take(&mut self, slot: u32) -> Option<Brief<T>> {
        let slot = slot & !BRIEF;
        let (flow, _) = self.flows.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        self.bytes -= Self::BYTES + flow.heap_bytes as usize;
        self.tidy();
        Some(flow)
    }

    /// Lets go of the places in queues of flows that are what they were no longer, where they are more than those of others.
    #[inline]
    fn tidy(&mut self) {
        let open = self.flows.len() - self.free.len();
        if self.asked.len() + self.answered.len() > 2 * open + limits::PLACES_LEFT {
            let Self { asked, answered, flows, .. } = self;
            asked.retain(|due| is_current(flows, due, false));
            answered.retain(|due| is_current(flows, due, true));
        }
    }

    /// The slot of a flow that has been silent for long enough at `now`: those that were answered first.
    pub(super) fn silent(&mut self, now: Timestamp) -> Option<u32> {
        self.next(true, Some(now)).or_else(|| self.next(false, Some(now)))
    }

    /// When the next is to be looked at.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let fronts = [&self.asked, &self.answered].into_iter().filter_map(VecDeque::front);
        fronts.map(|due| due.at).min()
    }

    /// The slot of the flow that was answered first.
    pub(super) fn oldest_answered(&mut self) -> Option<u32> {
        self.next(true, None)
    }

    /// The slot of the flow that began first, of those without an answer.
    pub(super) fn oldest_asked(&mut self) -> Option<u32> {
        self.next(false, None)
    }

    /// The first in a queue that is still what it was put there as, and is due by `now` if that matters.
    fn next(&mut self, is_answered: bool, now: Option<Timestamp>) -> Option<u32> {
        let queue = if is_answered { &mut self.answered } else { &mut self.asked };
        while let Some(due) = queue.pop_front_if(|due| now.is_none_or(|now| due.at <= now)) {
            if is_current(&self.flows, &due, is_answered) {
                return Some(due.slot | BRIEF);
            }
        }
        None
    }

    /// The first frames of all, and their slots.
    pub(super) fn firsts(&self) -> impl Iterator<Item = (FrameId, u32)> {
        self.flows.iter().zip(0u32..).filter_map(|(flow, slot)| flow.as_ref().map(|(flow, _)| (flow.first.frame, slot | BRIEF)))
    }

    /// Bytes of memory held, roughly: what the budget is charged.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many places flows have in the queues.
    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.asked.len() + self.answered.len()
    }

    /// Forgets when to look at them. None is left.
    pub(super) fn clear(&mut self) {
        self.asked.clear();
        self.answered.clear();
    }
}

/// Whether a flow is still what it was when it was to be looked at: answered or not.
fn is_current<T>(flows: &[Option<(Brief<T>, u32)>], due: &Due, is_answered: bool) -> bool {
    let flow = flows.get(due.slot as usize).and_then(Option::as_ref);
    flow.is_some_and(|(flow, generation)| *generation == due.generation && flow.answer.is_some() == is_answered)
}
