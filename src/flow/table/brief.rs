//! How flows are brief, and stop being so.

use std::collections::VecDeque;

use super::{Due, FlowTable, Rider};
use crate::decode::{Header, Packet};
use crate::fact::{Finish, Locus, Timestamp, Transport};
use crate::flow::brief::{Brief, is_brief};
use crate::flow::entry::flag;
use crate::flow::{FlowKey, recent};

impl<R: Rider> FlowTable<R> {
    /// Keeps a new flow as a brief one, where its first packet lets it. Returns whether it does.
    pub(super) fn begin_brief(&mut self, shared: &mut R::Shared, key: &FlowKey, agents: [bool; 2], packet: &Packet<'_>, at: Locus) -> bool {
        // what is known has no room for the tunnels that it came in
        let may_be = key.transport() == Transport::Udp && packet.missing == 0 && packet.outer.is_none();
        let Some(what) = may_be.then(|| R::brief(shared, key, agents, packet, at)).flatten() else { return false };
        let (mut bytes, mut prints) = ([0; 2], [0; 2]);
        bytes[at.end.index()] = packet.payload.len() as u32;
        prints[at.end.index()] = recent::print(packet, &self.copies);
        let heap_bytes = R::known_bytes(&what) as u32;
        let flow = Brief { key: *key, agents, first: at, answer: None, bytes, what, prints, dues: [None; 2], heap_bytes };
        let (slot, due) = self.briefs.push(flow, self.now);
        self.next_due = self.next_due.min(due);
        self.insert_slot(key, slot);
        true
    }

    /// A further packet of a brief flow.
    pub(super) fn further(&mut self, shared: &mut R::Shared, slot: u32, packet: &Packet<'_>, at: Locus) -> [bool; 2] {
        let Some(flow) = self.briefs.get_mut(slot) else { return [false; 2] };
        let may_answer = flow.answer.is_none() && at.end != flow.first.end && packet.missing == 0 && packet.outer.is_none();
        if may_answer && matches!(packet.header, Header::Datagram) && R::answer(shared, flow, packet.payload, at) {
            flow.answer = Some(at);
            flow.bytes[at.end.index()] = packet.payload.len() as u32;
            flow.prints[at.end.index()] = recent::print(packet, &self.copies);
            let (agents, heap_bytes) = (flow.agents, R::known_bytes(&flow.what) as u32);
            self.next_due = self.next_due.min(self.briefs.answered(slot, self.now, heap_bytes));
            return agents;
        }
        let slot = self.grown(slot);
        self.step(shared, slot, packet, at)
    }

    /// Makes an entry of what is a brief flow, and says where it is now. It ends when it would have.
    pub(super) fn grown(&mut self, slot: u32) -> u32 {
        let Some(flow) = is_brief(slot).then(|| self.briefs.take(slot)).flatten() else { return slot };
        self.remove_slot(&flow.key, slot);
        let Brief { key, agents, first, answer, bytes, prints, dues: [idle, over], .. } = flow;
        let slot = self.enter(Some(R::grow(flow)), key, agents, first);
        let generation = self.generation;
        if let Some((own, at)) = self.datagrams.pop_back().zip(idle) {
            insert(&mut self.datagrams, Due { at, ..own });
        }
        if let Some(at) = over {
            insert(&mut self.ending, Due { at, slot, generation });
        }
        self.next_due = [idle, over].into_iter().flatten().fold(self.next_due, Timestamp::min);
        if let Some(entry) = self.entry_mut(slot) {
            entry.flags |= if over.is_some() { flag::CLOSING } else { 0 };
            for at in [Some(first), answer].into_iter().flatten() {
                let i = at.end.index();
                entry.count(bytes[i], at);
                entry.cold.answered[i] = Some(at);
                entry.cold.recent[i].keep(prints[i], at.at);
            }
        }
        slot
    }

    /// Ends a brief flow.
    pub(super) fn end_brief(&mut self, shared: &mut R::Shared, slot: u32, how: Finish) {
        let Some(flow) = self.briefs.take(slot) else { return };
        self.remove_slot(&flow.key, slot);
        R::ended_brief(shared, flow, how);
    }
}

/// Puts an entry in its place in a queue.
fn insert(queue: &mut VecDeque<Due>, due: Due) {
    let place = queue.partition_point(|other| other.at <= due.at);
    queue.insert(place, due);
}
