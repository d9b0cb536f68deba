//! DNS over UDP and TCP (RFC 1035, RFC 7766): questions, and the answers that belong to them.
//!
//! An answer is believed only where its id and question fit a question of the other end that was seen in the same flow: anything else is
//! how a stranger's answer would come in. Inside an answer only the records on the chain from the name asked for are bound to it. Two
//! answers to one question are both said, and so is that they differ. mDNS and LLMNR share the format; their multicast is noise before
//! it comes here. Nothing is decoded of record types other than addresses, canonical names and services.

mod lookup;
mod service;
mod wire;

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Carrier, Inspector, Opening, Probe, Progress, Protocol, Seen, saved};
use crate::fact::{Cleartext, DnsData, End, Fact, Finish, Name, Resolution, Timestamp};
use crate::limits;
use wire::{Data, Message, Question, WireName};

pub use lookup::Exchange;

/// DNS in datagrams.
pub(super) static OVER_UDP: Protocol = Protocol {
    name: "dns",
    carrier: Carrier::Datagram,
    recognised_by: "a whole message of RFC 1035 with one question, on any port",
    reads: "questions and answers",
    encrypted: "never",
    probe: |opening| if is_message(opening.first) { Probe::Yes } else { Probe::No },
    open: || Box::new(Dns::new(false)),
    load: saved::load::<Dns>,
};

/// DNS over TCP, each message behind its length.
pub(super) static OVER_TCP: Protocol = Protocol {
    name: "dns",
    carrier: Carrier::Stream,
    recognised_by: "a length, and a whole message of RFC 1035 with one question, on any port",
    reads: "questions and answers",
    encrypted: "never",
    probe: probe_stream,
    open: || Box::new(Dns::new(true)),
    load: saved::load::<Dns>,
};

fn is_message(bytes: &[u8]) -> bool {
    Message::read(bytes).is_some_and(|message| message.is_sound())
}

/// Whether what is left of a datagram that was cut begins as a message does, its question whole.
pub(super) fn shows_question(bytes: &[u8]) -> bool {
    Message::read(bytes).is_some_and(|message| message.is_sound_to_a_cut())
}

fn probe_stream(opening: &Opening<'_>) -> Probe {
    let Some((length, rest)) = opening.first.split_first_chunk::<2>() else { return Probe::Maybe };
    let length = usize::from(u16::from_be_bytes(*length));
    // header, and a question of at least a root name, type and class
    if !(17..=limits::PROBE_BYTES - 2).contains(&length) {
        return Probe::No;
    }
    match rest.get(..length) {
        Some(message) if is_message(message) => Probe::Yes,
        Some(_) => Probe::No,
        // one question, and of a query at most a few records: enough to give up on most others early
        None if rest.get(4..6).is_some_and(|count| count != [0, 1]) => Probe::No,
        None => Probe::Maybe,
    }
}

#[derive(Serialize, Deserialize)]
struct Dns {
    stream: bool,
    /// The end that asks; cleartext and the opener were said once it is known.
    asker: Option<End>,
    /// Which ends have begun a message of which the rest has not come.
    partial: [bool; 2],
    /// Which ends will say no more.
    over: [bool; 2],
    /// Questions with what they were answered, the oldest first.
    pending: VecDeque<Pending>,
    /// Answers without a question so far, the oldest first: two directions of a tap may be merged the wrong way round.
    early: VecDeque<Early>,
}

#[derive(Serialize, Deserialize)]
struct Early {
    answered_by: End,
    id: u16,
    at: Timestamp,
    resolution: Resolution,
}

#[derive(Serialize, Deserialize)]
struct Pending {
    asked_by: End,
    id: u16,
    name: Name,
    qtype: u16,
    /// How often it was asked: a question that is sent again may well be answered anew.
    asked: u32,
    /// How often it was answered.
    answered: u32,
    /// What it was answered last.
    answer: Option<Arc<Resolution>>,
}

/// The bytes are no message of DNS.
struct NoMessage;

impl Dns {
    fn new(stream: bool) -> Self {
        Self { stream, asker: None, partial: [false; 2], over: [false; 2], pending: VecDeque::new(), early: VecDeque::new() }
    }

    fn message(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Result<(), NoMessage> {
        let message = Message::read(bytes).filter(Message::is_sound).ok_or(NoMessage)?;
        if message.broken || message.trailing > 0 {
            seen.say(Fact::Malformed("a DNS message that does not keep to its lengths".to_owned()));
        } else if message.bad_data {
            seen.say(Fact::Malformed("a DNS record whose data does not fit its type".to_owned()));
        }
        if message.is_laden() {
            seen.say(Fact::Malformed("a DNS question with more in it than a question needs".to_owned()));
            seen.say(Fact::Unrecognised);
        }
        self.take(end, &message, seen);
        Ok(())
    }

    fn take(&mut self, end: End, message: &Message<'_>, seen: &mut Seen<'_>) {
        let asker = if message.response { !end } else { end };
        if self.asker.is_none() {
            self.asker = Some(asker);
            seen.say(Fact::Opener(asker));
            seen.say(Fact::Cleartext(Cleartext::Protocol));
        }
        if self.asker != Some(asker) {
            Self::turned(message, seen);
        } else if message.response {
            self.response(end, message, seen);
        } else {
            self.query(end, message, seen);
        }
    }

    /// Who is asked does not ask, nor does who asks answer: what is said so is no look-up. It binds nothing, and may carry anything.
    fn turned(message: &Message<'_>, seen: &mut Seen<'_>) {
        seen.say(Fact::Unrecognised);
        for question in message.questions.iter().filter(|_| !message.response) {
            seen.say(Fact::Asked { name: question.name.to_name(), qtype: question.qtype });
        }
    }

    fn query(&mut self, end: End, message: &Message<'_>, seen: &mut Seen<'_>) {
        for question in &message.questions {
            let (name, qtype) = (question.name.to_name(), question.qtype);
            let is_again = |p: &&mut Pending| p.asked_by == end && p.id == message.id && p.qtype == qtype && p.name == name;
            if let Some(pending) = self.pending.iter_mut().find(is_again) {
                pending.asked = pending.asked.saturating_add(1);
                continue;
            }
            seen.say(Fact::Asked { name: name.clone(), qtype });
            if self.pending.len() >= limits::DNS_PENDING_PER_FLOW {
                self.pending.pop_front();
            }
            let mut pending = Pending { asked_by: end, id: message.id, name, qtype, asked: 1, answered: 0, answer: None };
            if let Some(early) = self.take_early(&pending, seen.at().at) {
                pending.resolve(early, seen);
            }
            if self.pending.capacity() == 0 {
                // most flows ask one question
                self.pending.reserve_exact(1);
            }
            self.pending.push_back(pending);
        }
    }

    fn response(&mut self, end: End, message: &Message<'_>, seen: &mut Seen<'_>) {
        if message.questions.is_empty() {
            return self.error(end, message, seen);
        }
        for question in &message.questions {
            let fits =
                |p: &&mut Pending| p.asked_by != end && p.id == message.id && p.qtype == question.qtype && question.name.is_called(&p.name);
            match self.pending.iter_mut().find(fits) {
                Some(pending) => {
                    let name = pending.name.clone();
                    pending.resolve(resolution(name, question.qtype, message, chain(question, message)), seen);
                }
                None => {
                    let name = question.name.to_name();
                    let resolution = resolution(name, question.qtype, message, chain(question, message));
                    self.early.push_back(Early { answered_by: end, id: message.id, at: seen.at().at, resolution });
                    if self.early.len() > limits::DNS_EARLY_PER_FLOW {
                        self.give_up_early(seen);
                    }
                }
            }
        }
    }

    /// The answer that came just before its question.
    fn take_early(&mut self, pending: &Pending, now: Timestamp) -> Option<Resolution> {
        let fits = |early: &Early| {
            let question = early.resolution.name == pending.name && early.resolution.qtype == pending.qtype;
            question && early.id == pending.id && early.answered_by != pending.asked_by && now.since(early.at) <= limits::DNS_EARLY_NANOS
        };
        let place = self.early.iter().position(fits)?;
        self.early.remove(place).map(|early| early.resolution)
    }

    /// Says that the oldest answer without a question has none.
    fn give_up_early(&mut self, seen: &mut Seen<'_>) {
        if let Some(early) = self.early.pop_front() {
            seen.say(Fact::Malformed("a DNS answer without its question".to_owned()));
            seen.say(Fact::Unasked(Arc::new(early.resolution)));
        }
    }

    /// A response that leaves its question out: an error is known by its id, and data is not believed.
    fn error(&mut self, end: End, message: &Message<'_>, seen: &mut Seen<'_>) {
        let fits = |p: &&mut Pending| p.asked_by != end && p.id == message.id && p.answered == 0;
        match self.pending.iter_mut().find(fits) {
            Some(pending) if message.answers.is_empty() => {
                let resolution = resolution(pending.name.clone(), pending.qtype, message, Vec::new());
                pending.resolve(resolution, seen);
            }
            _ => seen.say(Fact::Malformed("a DNS answer without its question".to_owned())),
        }
    }
}

impl Pending {
    fn resolve(&mut self, resolution: Resolution, seen: &mut Seen<'_>) {
        let is_known = self.answer.as_ref().is_some_and(|known| is_same(&known.answers, &resolution.answers));
        self.answered = self.answered.saturating_add(1);
        if is_known {
            return;
        }
        if self.answered > self.asked.max(1) {
            seen.say(Fact::Malformed("two different answers to one DNS question".to_owned()));
        }
        let resolution = Arc::new(resolution);
        self.answer = Some(Arc::clone(&resolution));
        seen.say(Fact::Resolved(resolution));
    }
}

/// Bytes of memory that an answer holds on the heap, roughly.
fn answered_bytes(answer: &Resolution) -> usize {
    answer.answers.capacity() * size_of::<DnsData>() + answer.heap_bytes()
}

fn resolution(name: Name, qtype: u16, message: &Message<'_>, answers: Vec<DnsData>) -> Resolution {
    Resolution { name, qtype, rcode: message.rcode, truncated: message.truncated, ttl: message.ttl, carried: message.carried, answers }
}

/// Whether two answers say the same. Resolvers turn the order of addresses with each answer.
fn is_same(one: &[DnsData], other: &[DnsData]) -> bool {
    one == other || one.len() == other.len() && one.len() <= 32 && one.iter().all(|data| other.contains(data))
}

/// The records that belong to a name: its canonical names in their order, and what the last of them has.
fn chain(question: &Question<'_>, message: &Message<'_>) -> Vec<DnsData> {
    let mut found = Vec::with_capacity(message.answers.len());
    let mut owner: WireName<'_> = question.name;
    for _ in 0..limits::DNS_CHAIN {
        let of_owner = || message.answers.iter().filter(|record| record.owner.is(owner));
        let Some(target) = of_owner().find_map(|record| if let Data::Target(target) = record.data { Some(target) } else { None }) else {
            found.extend(of_owner().filter_map(|record| match record.data {
                Data::Address(ip) => Some(DnsData::Address(ip)),
                Data::Service(service) => Some(DnsData::Service(Box::new(service.to_service()))),
                Data::Other(kind) => Some(DnsData::Other(kind)),
                Data::Target(_) => None,
            }));
            break;
        };
        found.push(DnsData::Target(target.to_name()));
        owner = target;
    }
    found
}

impl Inspector for Dns {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        let (message, used) = if self.stream {
            let framed = bytes.split_first_chunk::<2>().and_then(|(length, rest)| rest.get(..u16::from_be_bytes(*length).into()));
            self.partial[end.index()] = framed.is_none();
            let Some(message) = framed else { return Progress::Used(0) };
            (message, 2 + message.len())
        } else {
            (bytes, bytes.len())
        };
        match self.message(end, message, seen) {
            Ok(()) => Progress::Used(used),
            Err(NoMessage) => Progress::Violation(Cleartext::Readable),
        }
    }

    fn gap(&mut self, _: End, _: u64, _: &mut Seen<'_>) -> Progress {
        // a datagram that was cut hides nothing of the next; in a stream the next length is lost with what is missing
        if self.stream { Progress::Settled } else { Progress::Used(0) }
    }

    fn beginning(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) {
        // the records ahead of the cut are what they are; that others are missing is said
        if let Some(message) = Message::read(bytes).filter(Message::is_sound_to_a_cut) {
            self.take(end, &message, seen);
        }
    }

    fn finish(&mut self, end: End, _: Finish, seen: &mut Seen<'_>) {
        if self.partial[end.index()] {
            // nobody has read what was to be a message
            seen.say(Fact::Unrecognised);
        }
        self.over[end.index()] = true;
        // the question of an answer that came early may still come, behind the FIN of who answered
        while self.early.front().is_some_and(|early| self.over[(!early.answered_by).index()]) {
            self.give_up_early(seen);
        }
    }

    fn is_complete(&self) -> bool {
        !self.pending.is_empty() && self.early.is_empty() && self.pending.iter().all(|pending| pending.answered >= pending.asked)
    }

    fn heap_bytes(&self) -> usize {
        let answers: usize = self.pending.iter().filter_map(|pending| pending.answer.as_deref()).map(answered_bytes).sum();
        size_of::<Self>() + self.pending.capacity() * (size_of::<Pending>() + 32) + answers
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}

#[cfg(test)]
mod tests;
