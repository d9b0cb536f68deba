//! Drives the inspectors over one flow: probing, unused bytes, handovers, the end of inspection.

use super::readable::{self, Run};
use super::{Carrier, Finish, Inspector, Opening, PROTOCOLS, Probe, Progress, Protocol, Seen, dns, lines, tls};
use crate::fact::{Cleartext, End, Fact};
use crate::limits;

/// The inspection of one flow.
pub struct Inspection {
    carrier: Carrier,
    stage: Stage,
    /// Who spoke first since the flow began or was last handed over.
    first: Option<End>,
    handovers: usize,
    /// Only TLS may follow.
    awaits_tls: bool,
    /// Bytes that nobody has used yet, an end each.
    unused: [Vec<u8>; 2],
    /// Bytes still to come that are opaque, an end each, where they could not be told to the stream at once.
    opaque: [usize; 2],
    /// Which ends will say no more.
    finished: [bool; 2],
}

enum Stage {
    /// No protocol has claimed the flow yet.
    Probing,
    /// This protocol reads it.
    Inspecting(Box<dyn Inspector>),
    /// This end broke the framing; its next bytes decide whether they are plaintext.
    Broken(Cleartext, End),
    /// Further bytes teach nothing.
    Settled,
}

impl Inspection {
    /// The inspection of a flow that has said nothing yet.
    #[must_use]
    pub fn new(carrier: Carrier) -> Self {
        Self {
            carrier,
            stage: Stage::Probing,
            first: None,
            handovers: 0,
            awaits_tls: false,
            unused: [Vec::new(), Vec::new()],
            opaque: [0; 2],
            finished: [false; 2],
        }
    }

    /// The inspection of a flow that this inspector has read so far.
    #[must_use]
    pub fn of(carrier: Carrier, inspector: Box<dyn Inspector>) -> Self {
        Self { stage: Stage::Inspecting(inspector), ..Self::new(carrier) }
    }

    /// Whether further bytes teach nothing: they need not be put in order, nor be given.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        matches!(self.stage, Stage::Settled)
    }

    /// Whether everything that was asked so far has been answered.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(&self.stage, Stage::Inspecting(inspector) if inspector.is_complete())
    }

    /// Whether silence does not end the flow.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        matches!(&self.stage, Stage::Inspecting(inspector) if inspector.is_lasting())
    }

    /// Bytes of memory held beyond the struct itself, roughly.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let inspector = if let Stage::Inspecting(inspector) = &self.stage { inspector.heap_bytes() } else { 0 };
        inspector + self.unused[0].capacity() + self.unused[1].capacity()
    }

    /// Takes the next bytes of `end` (a whole datagram, for datagrams). Returns how many bytes after them are opaque and need not be
    /// given.
    pub fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> usize {
        if self.is_settled() || bytes.is_empty() {
            return 0;
        }
        if self.carrier != Carrier::Stream {
            self.datagram(end, bytes, seen);
            return 0;
        }
        let before = (matches!(self.stage, Stage::Probing), self.handovers);
        let i = end.index();
        let opaque = self.opaque[i].min(bytes.len());
        self.opaque[i] -= opaque;
        let bytes = &bytes[opaque..];
        let mut held = std::mem::take(&mut self.unused[i]);
        let (used, beyond) = if held.is_empty() {
            let (used, beyond) = self.consume(end, bytes, seen);
            held.extend_from_slice(&bytes[used..]);
            (0, beyond)
        } else {
            held.extend_from_slice(bytes);
            self.consume(end, &held, seen)
        };
        if used > 0 {
            held.drain(..used);
        }
        self.keep(end, held, seen);
        if let Stage::Inspecting(inspector) = &mut self.stage
            && (inspector.unblocks() || before != (false, self.handovers))
            && !self.unused[(!end).index()].is_empty()
        {
            // the answer was captured ahead of what it answers
            self.catch_up(!end, seen);
        }
        beyond + std::mem::take(&mut self.opaque[i])
    }

    /// Says that `missing` bytes of `end` will never be given: `cut` by the snap length, or lost.
    pub fn gap(&mut self, end: End, missing: u64, cut: bool, seen: &mut Seen<'_>) {
        if self.is_settled() {
            return;
        }
        // what is opaque would not have been looked at
        let opaque = &mut self.opaque[end.index()];
        let inside = missing.min(*opaque as u64);
        *opaque -= inside as usize;
        let missing = missing - inside;
        if missing == 0 {
            return;
        }
        seen.say(if cut { Fact::Truncated { bytes: missing } } else { Fact::Gap { bytes: missing } });
        let between_messages = self.unused[end.index()].is_empty();
        let goes_on = match &mut self.stage {
            Stage::Inspecting(inspector) => matches!(inspector.gap(end, missing, seen), Progress::Used(_)) && between_messages,
            // the next datagram is as good an opening
            Stage::Probing => self.carrier != Carrier::Stream,
            Stage::Broken(..) | Stage::Settled => false,
        };
        if !goes_on {
            self.give_up(false, seen);
        }
    }

    /// Takes the beginning of a datagram of `end` of which the snap length cut `missing` bytes. Only what a look-up shows ahead of the cut
    /// is read of it.
    pub fn beginning(&mut self, end: End, bytes: &[u8], missing: u64, seen: &mut Seen<'_>) {
        self.gap(end, missing, true, seen);
        if matches!(self.stage, Stage::Probing) && dns::shows_question(bytes) {
            self.open(&dns::OVER_UDP, seen);
        }
        if let Stage::Inspecting(inspector) = &mut self.stage {
            inspector.beginning(end, bytes, seen);
        }
    }

    /// Says that `end` will say no more.
    pub fn finish(&mut self, end: End, how: Finish, seen: &mut Seen<'_>) {
        self.finished[end.index()] = true;
        if matches!(self.stage, Stage::Inspecting(_)) && readable::holds_text(&self.unused[end.index()]) {
            // it waited for more, and nobody read it
            seen.say(Fact::Cleartext(Cleartext::Readable));
        }
        match &mut self.stage {
            Stage::Inspecting(inspector) => {
                inspector.finish(end, how, seen);
                if inspector.is_prologue() && self.finished == [true; 2] {
                    let is_held = self.unused.iter().any(|held| !held.is_empty() && !readable::holds_text(held));
                    // what it waits for may be lost: it is no more than unread
                    if is_held {
                        seen.say(Fact::Unrecognised);
                    }
                }
            }
            // what the other end has yet to say may tell
            Stage::Probing if self.finished != [true; 2] => {}
            Stage::Broken(_, broken) if *broken != end => {}
            Stage::Probing | Stage::Broken(..) => self.give_up(true, seen),
            Stage::Settled => {}
        }
    }

    fn datagram(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) {
        if matches!(self.stage, Stage::Probing) {
            let opening = Opening { first: bytes, second: &[] };
            match PROTOCOLS.iter().find(|p| p.carrier == self.carrier && (p.probe)(&opening) == Probe::Yes) {
                Some(protocol) => self.open(protocol, seen),
                None => {
                    let readable = readable::run(bytes, readable::OPENING_RUN) == Run::Readable;
                    seen.say(if readable { Fact::Cleartext(Cleartext::Readable) } else { Fact::Unrecognised });
                    self.settle();
                }
            }
        }
        let Stage::Inspecting(inspector) = &mut self.stage else { return };
        match inspector.data(end, bytes, seen) {
            Progress::Used(_) | Progress::Skip(_) => {}
            Progress::Handover(_) | Progress::Upgrade(_) | Progress::Settled => self.settle(),
            Progress::Violation(how) => {
                let readable = readable::run(bytes, readable::BROKEN_FRAMING_RUN) == Run::Readable;
                seen.say(if readable { Fact::Cleartext(how) } else { Fact::Unrecognised });
                self.settle();
            }
        }
    }

    /// Uses what it can of `input`. Returns how much of it, and how many bytes beyond it are opaque.
    fn consume(&mut self, end: End, input: &[u8], seen: &mut Seen<'_>) -> (usize, usize) {
        let mut at = 0;
        while at < input.len() {
            let rest = &input[at..];
            match &mut self.stage {
                Stage::Settled => return (input.len(), 0),
                Stage::Probing => {
                    if !self.probe(end, rest, seen) {
                        return (at, 0);
                    }
                }
                Stage::Broken(_, broken) if *broken != end => return (input.len(), 0),
                Stage::Broken(how, _) => {
                    let run = match how {
                        Cleartext::BehindUpgrade => readable::line(rest, readable::BROKEN_FRAMING_RUN),
                        _ => readable::run(rest, readable::BROKEN_FRAMING_RUN),
                    };
                    let fact = match run {
                        Run::Short if !self.finished[end.index()] => return (at, 0),
                        // said beyond its own end: it will not be asked again
                        Run::Short => Fact::Unrecognised,
                        Run::Readable => Fact::Cleartext(*how),
                        Run::Unreadable => Fact::Unrecognised,
                    };
                    seen.say(fact);
                    self.settle();
                }
                Stage::Inspecting(inspector) => match inspector.data(end, rest, seen) {
                    Progress::Used(0) => return (at, 0),
                    Progress::Used(n) => at += n.min(rest.len()),
                    Progress::Skip(n) if n > rest.len() => return (input.len(), n - rest.len()),
                    Progress::Skip(n) => at += n.max(1),
                    Progress::Handover(n) => {
                        at += n.min(rest.len());
                        self.hand_over(end, false, seen);
                    }
                    Progress::Upgrade(n) => {
                        at += n.min(rest.len());
                        self.hand_over(end, true, seen);
                    }
                    Progress::Settled => self.settle(),
                    Progress::Violation(how) => self.stage = Stage::Broken(how, end),
                },
            }
        }
        (input.len(), 0)
    }

    /// Asks the protocols whose the opening is; `rest` is what `end` has said that is not in `unused`. Returns whether that is settled.
    fn probe(&mut self, end: End, rest: &[u8], seen: &mut Seen<'_>) -> bool {
        let first = *self.first.get_or_insert(end);
        if self.awaits_tls {
            return self.probe_tls(end, rest, seen);
        }
        let other: &[u8] = &self.unused[(!end).index()];
        let opening = if first == end { Opening { first: rest, second: other } } else { Opening { first: other, second: rest } };
        let enough = rest.len().max(other.len()) >= limits::PROBE_BYTES;
        let mut maybe = false;
        for protocol in PROTOCOLS.iter().filter(|p| p.carrier == Carrier::Stream) {
            match (protocol.probe)(&opening) {
                Probe::Yes => {
                    self.open(protocol, seen);
                    if first != end {
                        self.catch_up(first, seen);
                    }
                    return true;
                }
                Probe::Maybe => maybe = true,
                Probe::No => {}
            }
        }
        let turned = Opening { first: opening.second, second: opening.first };
        let claims = |p: &&&Protocol| p.carrier == Carrier::Stream && (p.probe)(&turned) == Probe::Yes;
        if let Some(protocol) = PROTOCOLS.iter().find(|p| !turned.first.is_empty() && claims(p)) {
            // a tap that merges two directions may show the answer first
            self.first = Some(!first);
            self.open(protocol, seen);
            if first == end {
                self.catch_up(!end, seen);
            }
            return true;
        }
        // a greeting of which only the begin has come, behind what answers it
        let may_claim = |p: &&&Protocol| p.carrier == Carrier::Stream && (p.probe)(&turned) == Probe::Maybe;
        if !enough && (maybe || !turned.first.is_empty() && PROTOCOLS.iter().any(|p| may_claim(&p))) {
            return false;
        }
        let is_alone = other.is_empty() && rest.len() < limits::ANSWER_AHEAD_BYTES && !self.finished[(!end).index()];
        match unclaimed(opening.first, opening.second) {
            Some(Fact::Unrecognised) if is_alone => return false,
            Some(Fact::Cleartext(_)) if is_alone && lines::may_answer_a_greeting(rest) => return false,
            Some(fact) => seen.say(fact),
            None => return false,
        }
        self.settle();
        true
    }

    /// Whether what `end` says is the TLS that was agreed on. Returns whether that is settled.
    fn probe_tls(&mut self, end: End, rest: &[u8], seen: &mut Seen<'_>) -> bool {
        let opening = Opening { first: rest, second: &[] };
        if (tls::TLS.probe)(&opening) == Probe::Yes {
            self.first = Some(end);
            self.open(&tls::TLS, seen);
        } else if tls::may_be_record(rest) {
            // the answer to a hello that is captured late
            return false;
        } else {
            self.stage = Stage::Broken(Cleartext::BehindUpgrade, end);
        }
        true
    }

    fn open(&mut self, protocol: &'static Protocol, seen: &mut Seen<'_>) {
        seen.say(Fact::Protocol(protocol.name));
        self.stage = Stage::Inspecting((protocol.open)());
    }

    /// Gives a protocol that has just claimed the flow, or the probes after a handover, what this end said before.
    fn catch_up(&mut self, first: End, seen: &mut Seen<'_>) {
        let mut held = std::mem::take(&mut self.unused[first.index()]);
        let (used, beyond) = self.consume(first, &held, seen);
        self.opaque[first.index()] += beyond;
        held.drain(..used);
        self.keep(first, held, seen);
    }

    fn hand_over(&mut self, end: End, to_tls: bool, seen: &mut Seen<'_>) {
        self.handovers += 1;
        self.awaits_tls = to_tls;
        if self.handovers > limits::HANDOVERS {
            seen.say(Fact::Limit("handovers".to_owned()));
            self.settle();
            return;
        }
        self.stage = Stage::Probing;
        self.first = None;
        // what the other end said ahead of the handover is all that it may ever say
        if !self.unused[(!end).index()].is_empty() {
            self.catch_up(!end, seen);
        }
    }

    /// Settles a flow of which no more can be told, by what is held of it.
    fn give_up(&mut self, is_whole: bool, seen: &mut Seen<'_>) {
        let first = self.first.unwrap_or(End::A);
        let [one, other] = [first, !first].map(|end| &self.unused[end.index()]);
        let fact = match &self.stage {
            Stage::Probing => unclaimed(one, other),
            _ => None,
        };
        let is_held = !one.is_empty() || !other.is_empty();
        let is_told = matches!(self.stage, Stage::Inspecting(_) | Stage::Settled);
        match fact {
            Some(fact) => seen.say(fact),
            // too little was said to tell what it is
            None if is_whole && is_held && !is_told => seen.say(Fact::Unrecognised),
            None => {}
        }
        self.settle();
    }

    fn keep(&mut self, end: End, held: Vec<u8>, seen: &mut Seen<'_>) {
        if self.is_settled() {
            return;
        }
        if held.len() > limits::UNUSED_BYTES_PER_END {
            seen.say(Fact::Limit("unused bytes".to_owned()));
            self.settle();
        } else if !held.is_empty() {
            self.unused[end.index()] = held;
        }
    }

    fn settle(&mut self) {
        self.stage = Stage::Settled;
        self.unused = [Vec::new(), Vec::new()];
    }
}

/// What is said of an opening that no protocol claims, by the general proof of plaintext; `None` where that needs more bytes.
fn unclaimed(first: &[u8], second: &[u8]) -> Option<Fact> {
    [first, second].into_iter().find_map(|bytes| match readable::run(bytes, readable::OPENING_RUN) {
        Run::Readable => Some(Fact::Cleartext(Cleartext::Readable)),
        Run::Unreadable if !bytes.is_empty() => Some(Fact::Unrecognised),
        Run::Short | Run::Unreadable => None,
    })
}
