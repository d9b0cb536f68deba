//! DNS over UDP and TCP (RFC 1035, RFC 7766): questions, and the answers that belong to them.
//!
//! An answer is believed only where its id and question fit a question of the other end that was seen in the same flow: anything else is
//! how a stranger's answer would come in. Inside an answer only the records on the chain from the name asked for are bound to it. mDNS
//! and LLMNR share the format; their multicast is noise before it comes here.

mod wire;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{Carrier, Inspector, Opening, Probe, Progress, Protocol, Seen, saved};
use crate::fact::{Cleartext, DnsData, End, Fact, Finish, Name, Resolution};
use crate::limits;
use wire::{Data, Message};

/// DNS in datagrams.
pub static OVER_UDP: Protocol = Protocol {
    name: "dns",
    carrier: Carrier::Datagram,
    recognised_by: "a whole message of RFC 1035 with one question, on any port",
    encrypts: false,
    probe: |opening| if wire::is_message(opening.first) { Probe::Yes } else { Probe::No },
    open: || Box::new(Dns::new(false)),
    load: saved::load::<Dns>,
};

/// DNS over TCP, each message behind its length.
pub static OVER_TCP: Protocol = Protocol {
    name: "dns",
    carrier: Carrier::Stream,
    recognised_by: "a length, and a whole message of RFC 1035 with one question, on any port",
    encrypts: false,
    probe: probe_stream,
    open: || Box::new(Dns::new(true)),
    load: saved::load::<Dns>,
};

fn probe_stream(opening: &Opening<'_>) -> Probe {
    let Some((length, rest)) = opening.first.split_first_chunk::<2>() else { return Probe::Maybe };
    let length = usize::from(u16::from_be_bytes(*length));
    // header, and a question of at least a root name, type and class
    if !(17..=limits::PROBE_BYTES - 2).contains(&length) {
        return Probe::No;
    }
    match rest.get(..length) {
        Some(message) if wire::is_message(message) => Probe::Yes,
        Some(_) => Probe::No,
        // QDCOUNT is 1 as a rule, and ANCOUNT 0 in a query: enough to give up on most others early
        None if rest.get(4..6).is_some_and(|count| count != [0, 1]) => Probe::No,
        None => Probe::Maybe,
    }
}

#[derive(Serialize, Deserialize)]
struct Dns {
    stream: bool,
    /// Cleartext and the opener were said.
    begun: bool,
    /// Questions that wait for their answer, the oldest first.
    pending: VecDeque<Pending>,
}

#[derive(Serialize, Deserialize)]
struct Pending {
    asked_by: End,
    id: u16,
    name: Name,
    qtype: u16,
    /// What it was answered.
    answer: Option<Vec<DnsData>>,
}

impl Dns {
    fn new(stream: bool) -> Self {
        Self { stream, begun: false, pending: VecDeque::new() }
    }

    fn message(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Result<(), ()> {
        let message = wire::read(bytes).filter(|message| matches!(message.opcode, 0..=6)).ok_or(())?;
        if message.questions.is_empty() && message.answers.is_empty() && message.malformed {
            return Err(());
        }
        if !self.begun {
            self.begun = true;
            seen.say(Fact::Opener(if message.response { !end } else { end }));
            seen.say(Fact::Cleartext(Cleartext::Protocol));
        }
        if message.malformed || message.trailing > 0 {
            seen.say(Fact::Malformed("a DNS message that does not keep to its lengths".to_owned()));
        }
        if message.response {
            self.response(end, message, seen)
        } else {
            self.query(end, message, seen)
        }
        Ok(())
    }

    fn query(&mut self, end: End, message: Message, seen: &mut Seen<'_>) {
        for question in message.questions {
            let again = |p: &Pending| p.asked_by == end && p.id == message.id && p.name == question.name && p.qtype == question.qtype;
            if self.pending.iter().any(again) {
                continue;
            }
            seen.say(Fact::Asked { name: question.name.clone(), qtype: question.qtype });
            if self.pending.len() >= limits::DNS_PENDING_PER_FLOW {
                self.pending.pop_front();
            }
            let (name, qtype) = (question.name, question.qtype);
            self.pending.push_back(Pending { asked_by: end, id: message.id, name, qtype, answer: None });
        }
    }

    fn response(&mut self, end: End, message: Message, seen: &mut Seen<'_>) {
        let fits = |p: &&mut Pending| {
            let asked = |question: &wire::Question| question.name == p.name && question.qtype == p.qtype;
            p.asked_by != end && p.id == message.id && (message.questions.is_empty() || message.questions.iter().any(asked))
        };
        let Some(pending) = self.pending.iter_mut().find(fits) else {
            seen.say(Fact::Malformed("a DNS answer without its question".to_owned()));
            return;
        };
        let answers = chain(&pending.name, &message);
        match &pending.answer {
            Some(known) if *known == answers => return,
            Some(_) => seen.say(Fact::Malformed("two different answers to one DNS question".to_owned())),
            None => {}
        }
        pending.answer = Some(answers.clone());
        let (name, qtype) = (pending.name.clone(), pending.qtype);
        seen.say(Fact::Resolved(Box::new(Resolution { name, qtype, rcode: message.rcode, truncated: message.truncated, answers })));
    }
}

/// The records that belong to a name: its canonical names in their order, and what the last of them has.
fn chain(name: &Name, message: &Message) -> Vec<DnsData> {
    let mut found = Vec::new();
    let mut owner = name.clone();
    for _ in 0..limits::DNS_CHAIN {
        let of_owner = || message.answers.iter().filter(|record| record.owner == owner);
        let target = of_owner().find_map(|record| if let Data::Target(target) = &record.data { Some(target.clone()) } else { None });
        match target {
            Some(target) => {
                found.push(DnsData::Target(target.clone()));
                owner = target;
            }
            None => {
                found.extend(of_owner().map(|record| match &record.data {
                    Data::Address(ip) => DnsData::Address(*ip),
                    Data::Target(target) => DnsData::Target(target.clone()),
                    Data::Other(kind) => DnsData::Other(*kind),
                }));
                break;
            }
        }
    }
    found
}

impl Inspector for Dns {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        let (message, used) = if self.stream {
            let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return Progress::Used(0) };
            let length = usize::from(u16::from_be_bytes(*length));
            let Some(message) = rest.get(..length) else { return Progress::Used(0) };
            (message, 2 + length)
        } else {
            (bytes, bytes.len())
        };
        match self.message(end, message, seen) {
            Ok(()) => Progress::Used(used),
            Err(()) => Progress::Violation(Cleartext::Readable),
        }
    }

    fn gap(&mut self, _: End, _: u64, _: &mut Seen<'_>) -> Progress {
        // in a stream the next length is lost with what is missing
        if self.stream { Progress::Settled } else { Progress::Used(0) }
    }

    fn finish(&mut self, _: End, _: Finish, _: &mut Seen<'_>) {}

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}

#[cfg(test)]
mod tests;
