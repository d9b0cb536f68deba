//! When flows are looked at again, end, or are forgotten.
//!
//! Idle flows are found by queues in the order of creation, one for each time-out, and looked at again when their turn comes: a packet
//! costs no list operation. Order of time-out and eviction follows from the lane's packets alone.

use std::collections::VecDeque;

use super::{Due, FlowTable, Rider};
use crate::fact::{Finish, Timestamp};
use crate::flow::closed::Closed;
use crate::flow::entry::{Entry, flag};
use crate::limits;

impl<R: Rider> FlowTable<R> {
    /// Has a conversation that seems to be over looked at then.
    pub(super) fn look_again_at(&mut self, at: Timestamp, slot: u32, generation: u32) {
        self.ending.push_back(Due { at, slot, generation });
        self.next_due = self.next_due.min(at);
    }

    /// Ends what has been idle for its time-out.
    #[cold]
    pub(super) fn expire(&mut self, shared: &mut R::Shared) {
        while let Some((slot, _, began)) = self.attempts.oldest() {
            if self.now.since(began) < limits::ATTEMPT_NANOS {
                break;
            }
            self.end(shared, slot, Finish::Idle);
        }
        while let Some(slot) = self.briefs.silent(self.now) {
            self.end(shared, slot, Finish::Idle);
        }
        while let Some(due) = self.reset.pop_front_if(|due| due.at <= self.now) {
            if is_current(&self.entries, &due) {
                self.end_over(shared, due.slot);
            }
        }
        while let Some(due) = self.ending.pop_front_if(|due| due.at <= self.now) {
            self.end_silent(shared, &due);
        }
        self.look_again(shared, limits::IDLE_DATAGRAM_NANOS, |table| &mut table.datagrams);
        self.look_again(shared, limits::IDLE_CONNECTION_NANOS, |table| &mut table.connections);
        let attempt = self.attempts.oldest().map(|(.., began)| began.plus_nanos(limits::ATTEMPT_NANOS));
        let dues =
            [&self.reset, &self.ending, &self.datagrams, &self.connections].into_iter().filter_map(|queue| queue.front().map(|due| due.at));
        self.next_due = dues.chain(attempt).chain(self.briefs.next_due()).min().unwrap_or(Timestamp::from_nanos(i64::MAX));
    }

    /// Ends a conversation that seemed to be over and has been silent since.
    fn end_silent(&mut self, shared: &mut R::Shared, due: &Due) {
        let now = self.now;
        let Some(entry) = self.entry_mut(due.slot).filter(|entry| entry.generation == due.generation) else { return };
        let silent_until = entry.last.plus_nanos(limits::ENDING_NANOS);
        if !entry.has_ended() {
            // the queue of datagrams has it still
            entry.flags &= !flag::CLOSING;
        } else if silent_until > now {
            self.look_again_at(silent_until, due.slot, due.generation);
        } else {
            self.end_over(shared, due.slot);
        }
    }

    /// Ends a conversation that is over, and keeps what tells its stragglers.
    fn end_over(&mut self, shared: &mut R::Shared, slot: u32) {
        let closed = self.entry(slot).and_then(Entry::closed);
        self.end(shared, slot, Finish::Idle);
        if let Some(closed) = closed {
            self.remember_closed(closed);
        }
    }

    /// Ends the entries at the front of a queue that are idle, and puts the others at its back.
    fn look_again(&mut self, shared: &mut R::Shared, idle: i64, queue: impl Fn(&mut Self) -> &mut VecDeque<Due>) {
        let now = self.now;
        let again = now.plus_nanos(idle);
        while let Some(mut due) = queue(self).pop_front_if(|due| due.at <= now) {
            match self.entry(due.slot).filter(|entry| entry.generation == due.generation) {
                Some(entry) if now.since(entry.last) < entry.patience(idle) => {
                    due.at = again;
                    queue(self).push_back(due);
                    // at the end of time what is put back is due again at once: one look a packet is enough
                    if again <= now {
                        return;
                    }
                }
                Some(_) => self.end(shared, due.slot, Finish::Idle),
                None => {}
            }
        }
    }

    /// Forgets flows until the budget is kept: what is kept for stragglers first, then attempts, then what has ended, then datagrams, then
    /// connections, each the oldest first.
    pub(super) fn evict(&mut self, shared: &mut R::Shared) {
        while self.used() > self.budget {
            if self.forget_closed() {
                continue;
            }
            if let Some((slot, ..)) = self.attempts.oldest() {
                self.end(shared, slot, Finish::Evicted);
            } else if let Some(due) = self.reset.pop_front().or_else(|| self.ending.pop_front()) {
                self.end_if(shared, &due, Finish::Idle);
            } else if let Some(slot) = self.briefs.oldest_answered() {
                self.end(shared, slot, Finish::Idle);
            } else if let Some(slot) = self.briefs.oldest_asked() {
                self.end(shared, slot, Finish::Evicted);
            } else if let Some(due) = self.datagrams.pop_front().or_else(|| self.connections.pop_front()) {
                self.end_if(shared, &due, Finish::Evicted);
            } else {
                return;
            }
        }
    }

    fn end_if(&mut self, shared: &mut R::Shared, due: &Due, how: Finish) {
        if is_current(&self.entries, due) {
            self.end(shared, due.slot, how);
        }
    }

    /// Lets go of the places in queues of flows that have ended, where they are more than those of others: a connection's turn comes in a day.
    #[inline]
    pub(super) fn tidy(&mut self) {
        let open = self.entries.len() - self.free.len();
        if self.connections.len() + self.datagrams.len() > 2 * open + limits::PLACES_LEFT {
            let Self { connections, datagrams, entries, .. } = self;
            connections.retain(|due| is_current(entries, due));
            datagrams.retain(|due| is_current(entries, due));
        }
    }

    /// Keeps what tells the stragglers of a connection that has ended, and forgets what is too old for that.
    fn remember_closed(&mut self, closed: Closed) {
        let now = self.now;
        while self.closed.oldest().is_some_and(|at| now.since(at) > limits::CLOSED_NANOS) {
            self.forget_closed();
        }
        let slot = self.closed.push(closed);
        self.insert_slot(&closed.key, slot);
    }

    /// Forgets the connection that ended first. Returns whether there was one.
    fn forget_closed(&mut self) -> bool {
        let Some((slot, closed)) = self.closed.pop() else { return false };
        if let Some(closed) = closed {
            self.remove_slot(&closed.key, slot);
        }
        true
    }

    /// How many places flows have in the queues.
    #[cfg(test)]
    pub(in crate::flow) fn places(&self) -> usize {
        [&self.reset, &self.ending, &self.datagrams, &self.connections].map(VecDeque::len).iter().sum::<usize>() + self.briefs.places()
    }
}

/// Whether the entry that was to be looked at is still the one in its slot.
fn is_current<R: Rider>(entries: &[Option<Entry<R>>], due: &Due) -> bool {
    entries.get(due.slot as usize).and_then(Option::as_ref).is_some_and(|entry| entry.generation == due.generation)
}
