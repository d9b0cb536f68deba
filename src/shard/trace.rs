//! One frame that somebody asks about: which bucket of the ledger it falls in, its flow, and what is read in it. The frame is flagged before it
//! comes here ([`FrameIndex::FLAG_TRACED`]), so that no other frame pays for the question.

use super::{Event, EventKind, Lane, LaneLedger, Routed, Shared};
use crate::decode::Reason;
use crate::fact::{End, Fact, FrameId, FrameIndex, Layer, Locus, Observation, Transport};
use crate::flow::{FlowKey, Slot};

/// What became of the frame.
#[derive(Clone, Debug)]
pub struct Traced {
    /// Its bucket in the ledger; where it is a fragment that goes on in another frame, that one's.
    pub bucket: &'static str,
    /// The tunnels that it lies in.
    pub layers: Vec<Layer>,
    /// The end that sent it, where it is of a flow.
    pub sender: Option<End>,
    /// What was read when it was, or of what it held.
    pub read: Vec<Observation>,
}

/// What is remembered of the frame while the capture goes on.
#[derive(Debug)]
pub(super) struct Trace {
    frame: FrameId,
    /// Its flow, by key and first frame.
    flow: Option<(FlowKey, FrameId)>,
    pub(super) traced: Traced,
}

impl Lane {
    /// Takes the frame in as any other, and notes what becomes of it.
    #[cold]
    pub(super) fn trace(&mut self, frame: &FrameIndex, routed: &Routed<'_>, seen: Option<Slot>) {
        let before = self.ledger.clone();
        let outer = match &routed.read {
            Ok(packet) => packet.outer.as_deref(),
            Err(skip) => skip.outer.as_deref(),
        };
        let sender = routed.flow.map(|(_, end)| end);
        let layers = outer.iter().flat_map(|outer| outer.layers()).collect();
        let traced = Traced { bucket: "", layers, sender, read: Vec::new() };
        self.shared.trace = Some(Box::new(Trace { frame: frame.id, flow: None, traced }));
        self.count(frame, routed, seen);
        let bucket = before.risen(&self.ledger);
        let is_of_flow = matches!(bucket, "judged" | "unrelated" | "duplicate");
        let key = routed.flow.map(|(key, _)| key).filter(|_| is_of_flow);
        let flow = key.and_then(|key| Some((key, self.table.first_frame(&key)?)));
        // where it was the flow's last moment, the record has gone out
        let is_its = |event: &Event| match &event.kind {
            EventKind::Ended(record) => key.is_some_and(|key| record.ends == key.ends() && record.transport == key.transport()),
            EventKind::Attempted(attempt) => key.is_some_and(|key| attempt.ends == key.ends() && key.transport() == Transport::Tcp),
            _ => false,
        };
        if flow.is_none()
            && let Some(place) = self.shared.events.iter().rposition(is_its)
        {
            self.shared.events.insert(place, Event { cause: frame.id, kind: EventKind::Traced });
        }
        if let Some(trace) = &mut self.shared.trace {
            (trace.flow, trace.traced.bucket) = (flow, bucket);
        }
    }

    /// What became of the frame, if it came here.
    #[must_use]
    pub fn traced(&self) -> Option<&Traced> {
        self.shared.trace.as_ref().map(|trace| &trace.traced)
    }
}

/// Notes what was read, where it was read in the frame.
#[inline]
pub(super) fn note(trace: &mut Option<Box<Trace>>, fact: &Fact, at: Locus) {
    if let Some(trace) = trace.as_mut().filter(|trace| trace.frame == at.frame) {
        trace.traced.read.push(Observation { fact: fact.clone(), at });
    }
}

impl Shared {
    /// Says ahead of the end of a flow that it is the frame's.
    pub(super) fn announce(&mut self, key: &FlowKey, first: FrameId) {
        if self.trace.as_ref().is_some_and(|trace| trace.flow == Some((*key, first))) {
            self.events.push(Event { cause: self.cause, kind: EventKind::Traced });
        }
    }
}

impl LaneLedger {
    /// The bucket that has one more in `later`.
    fn risen(&self, later: &Self) -> &'static str {
        let plain = [
            (self.judged, later.judged, "judged"),
            (self.unrelated, later.unrelated, "unrelated"),
            (self.duplicate, later.duplicate, "duplicate"),
            (self.filtered_agent.count, later.filtered_agent.count, "filtered_agent"),
            (self.filtered_other, later.filtered_other, "filtered_other"),
        ];
        let skipped = Reason::ALL.iter().zip(&self.skipped).zip(&later.skipped);
        let skipped = skipped.map(|((reason, before), after)| (before.count, after.count, reason.key()));
        plain.into_iter().chain(skipped).find(|(before, after, _)| after > before).map_or("", |(_, _, key)| key)
    }
}
