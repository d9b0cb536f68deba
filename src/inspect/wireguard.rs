//! WireGuard (its white paper, section 5.4), with Tailscale's own messages between its packets ([`tailscale`]).
//!
//! A handshake is finished once a response named the index of an initiation of the other end, and the initiator then sent data to the index of
//! that response: each end has repeated what only the other said. Every datagram is held to the framing to the end of the flow: an index
//! that was given out, a counter that goes on from the last, no readable text. What comes ahead of what explains it waits, so that the order
//! between the ends does not matter.
//!
//! It refuses to take a type byte for proof of anything, and to read variants that fill the reserved bytes.

use serde::{Deserialize, Serialize};

use super::readable::{self, Look, Watch};
use super::{Carrier, Finish, Inspector, Probe, Progress, Protocol, Seen, saved, tailscale};
use crate::fact::{Cleartext, End, Fact};
use crate::limits;

/// WireGuard over UDP.
pub(super) static WIREGUARD: Protocol = Protocol {
    name: "wireguard",
    carrier: Carrier::Datagram,
    recognised_by: "a handshake initiation of 148 bytes, or a response of 92",
    reads: "the types, indices and counters of messages",
    encrypted: "all, once a response names the initiation's index and the initiator's data the response's",
    probe: |opening| match Message::read(opening.first) {
        Some(Message::Initiation { .. } | Message::Response { .. }) => Probe::Yes,
        _ => Probe::No,
    },
    open: || Box::new(Wireguard::default()),
    load: saved::load::<Wireguard>,
};

const INITIATION_BYTES: usize = 148;
const RESPONSE_BYTES: usize = 92;
const COOKIE_BYTES: usize = 64;
/// Data without any, which keeps the session alive: a header and a tag.
const KEEP_ALIVE_BYTES: usize = 32;

enum Message<'a> {
    Initiation { index: u32, body: &'a [u8] },
    Response { index: u32, receiver: u32, body: &'a [u8] },
    Cookie { receiver: u32, body: &'a [u8] },
    Data { receiver: u32, counter: u64, body: &'a [u8] },
}

impl<'a> Message<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<4>()?;
        let (&index, rest) = rest.split_first_chunk::<4>()?;
        let index = u32::from_le_bytes(index);
        match (head, bytes.len()) {
            ([1, 0, 0, 0], INITIATION_BYTES) => Some(Self::Initiation { index, body: rest }),
            ([2, 0, 0, 0], RESPONSE_BYTES) => {
                let (&receiver, body) = rest.split_first_chunk::<4>()?;
                Some(Self::Response { index, receiver: u32::from_le_bytes(receiver), body })
            }
            ([3, 0, 0, 0], COOKIE_BYTES) => Some(Self::Cookie { receiver: index, body: rest }),
            ([4, 0, 0, 0], KEEP_ALIVE_BYTES..) => {
                let (&counter, body) = rest.split_first_chunk::<8>()?;
                Some(Self::Data { receiver: index, counter: u64::from_le_bytes(counter), body })
            }
            _ => None,
        }
    }

    fn body(&self) -> &'a [u8] {
        match *self {
            Self::Initiation { body, .. } | Self::Response { body, .. } | Self::Cookie { body, .. } | Self::Data { body, .. } => body,
        }
    }
}

/// One flow of WireGuard.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Wireguard {
    /// Handshakes that were answered, the oldest first.
    sessions: Vec<Session>,
    /// Indices of initiations that nobody has answered, an end each.
    asked: [Vec<u32>; 2],
    /// Responses to what was not seen yet: who gave them, their index, and the one that they answer.
    answers: Vec<(End, u32, u32)>,
    /// Data to an index that nobody has given out yet: who sent it, the index, the counter.
    waiting: Vec<(End, u32, u64)>,
    /// What each end's messages read like.
    watches: [Watch; 2],
    /// Cookie replies since the last answered handshake.
    cookies: u8,
    is_begun: bool,
    has_opener: bool,
    is_finished: bool,
    is_data_said: bool,
    is_unrecognised: bool,
    is_readable: bool,
    is_tailscale: bool,
    is_over: bool,
}

/// A handshake that was answered.
#[derive(Serialize, Deserialize)]
struct Session {
    initiator: End,
    /// By which index each end is addressed.
    indices: [u32; 2],
    /// The highest counter of each end's data.
    highest: [Option<u64>; 2],
}

impl Session {
    /// Takes data of `end` in. Returns whether its counter goes on from the last.
    fn data(&mut self, end: End, counter: u64) -> bool {
        let highest = &mut self.highest[end.index()];
        let is_near = counter <= highest.unwrap_or_default().saturating_add(limits::SEQUENCE_STEP);
        if is_near {
            *highest = Some(highest.unwrap_or_default().max(counter));
        }
        is_near
    }

    fn is_confirmed(&self) -> bool {
        self.highest[self.initiator.index()].is_some()
    }
}

impl Inspector for Wireguard {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        if tailscale::is_message(bytes) {
            self.tailscale(bytes, seen);
            return Progress::Used(bytes.len());
        }
        let message = Message::read(bytes);
        self.begin(end, message.as_ref(), seen);
        match message {
            Some(message) if self.watches[end.index()].look(message.body(), message.body().len()) != Look::Text => {
                self.message(end, &message, seen);
            }
            Some(_) => self.readable(seen),
            None if is_text_within(bytes) => self.readable(seen),
            None => self.unrecognised(seen),
        }
        self.settle(seen);
        Progress::Used(bytes.len())
    }

    fn gap(&mut self, _: End, _: u64, _: &mut Seen<'_>) -> Progress {
        // a datagram that was cut hides nothing of the next
        Progress::Used(0)
    }

    fn finish(&mut self, _: End, _: Finish, seen: &mut Seen<'_>) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        // what a handshake that finished has proven is not true of another
        let is_open = |session: &Session| !session.is_confirmed() && session.highest.iter().any(Option::is_some);
        if !self.waiting.is_empty() || !self.answers.is_empty() || self.sessions.iter().any(is_open) {
            self.unrecognised(seen);
        }
    }

    fn is_lasting(&self) -> bool {
        self.is_finished
    }

    fn heap_bytes(&self) -> usize {
        let indices = self.asked.iter().map(Vec::capacity).sum::<usize>() * 4;
        size_of::<Self>()
            + self.sessions.capacity() * size_of::<Session>()
            + indices
            + (self.answers.capacity() + self.waiting.capacity()) * 16
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}

impl Wireguard {
    fn begin(&mut self, end: End, message: Option<&Message<'_>>, seen: &mut Seen<'_>) {
        if std::mem::replace(&mut self.is_begun, true) {
            return;
        }
        seen.say(Fact::HandshakeBegun);
        self.has_opener = matches!(message, Some(Message::Initiation { .. }));
        seen.say(if self.has_opener { Fact::Opener(end) } else { Fact::OpenerUnseen });
    }

    fn message(&mut self, end: End, message: &Message<'_>, seen: &mut Seen<'_>) {
        match *message {
            Message::Initiation { index, .. } => {
                if let Some(at) = self.answers.iter().position(|(by, _, receiver)| *by != end && *receiver == index) {
                    let (_, answer, _) = self.answers.swap_remove(at);
                    return self.answered(end, [index, answer], seen);
                }
                let is_known = self.sessions.iter().any(|session| session.initiator == end && session.indices[end.index()] == index);
                let asked = &mut self.asked[end.index()];
                if is_known || asked.contains(&index) {
                    return;
                }
                asked.push(index);
                if asked.len() > limits::HANDSHAKES_UNANSWERED {
                    asked.remove(0);
                    self.unrecognised(seen);
                }
            }
            Message::Response { index, receiver, .. } => {
                let pair = |session: &Session| (session.indices[(!end).index()], session.indices[end.index()]);
                if self.sessions.iter().any(|session| session.initiator != end && pair(session) == (receiver, index)) {
                    return;
                }
                if self.asked[(!end).index()].contains(&receiver) {
                    self.answered(!end, [receiver, index], seen);
                } else if self.answers.len() < limits::HANDSHAKES_UNANSWERED {
                    self.answers.push((end, index, receiver));
                } else {
                    self.unrecognised(seen);
                }
            }
            Message::Cookie { receiver, .. } => {
                let is_given = self.asked[(!end).index()].contains(&receiver)
                    || self.sessions.iter().any(|session| session.indices[(!end).index()] == receiver);
                self.cookies = self.cookies.saturating_add(1);
                if !is_given || usize::from(self.cookies) > limits::HANDSHAKES_UNANSWERED {
                    self.unrecognised(seen);
                }
            }
            Message::Data { receiver, counter, body } => {
                if body.len() > KEEP_ALIVE_BYTES - 16 && !std::mem::replace(&mut self.is_data_said, true) {
                    seen.say(Fact::ProtectedData);
                }
                let session = self.sessions.iter_mut().rfind(|session| session.indices[(!end).index()] == receiver);
                let fits = match session {
                    Some(session) => session.data(end, counter),
                    None if self.waiting.len() < limits::DATA_AHEAD => {
                        self.waiting.push((end, receiver, counter));
                        true
                    }
                    None => false,
                };
                if !fits {
                    self.unrecognised(seen);
                }
            }
        }
    }

    /// An initiation of `initiator` was answered: the indices that it gave and that of the answer.
    fn answered(&mut self, initiator: End, [asked, answer]: [u32; 2], seen: &mut Seen<'_>) {
        if !std::mem::replace(&mut self.has_opener, true) {
            seen.say(Fact::Opener(initiator));
        }
        let indices = if initiator == End::A { [asked, answer] } else { [answer, asked] };
        let mut session = Session { initiator, indices, highest: [None; 2] };
        let mut is_near = true;
        self.waiting.retain(|&(end, receiver, counter)| {
            let is_its = receiver == session.indices[(!end).index()];
            is_near &= !is_its || session.data(end, counter);
            !is_its
        });
        if !is_near {
            self.unrecognised(seen);
        }
        // those before it were given up for it
        let given_up = self.asked[initiator.index()].iter().position(|index| *index == asked);
        self.asked[initiator.index()].drain(..given_up.map_or(0, |at| at + 1));
        self.cookies = 0;
        if self.sessions.len() >= limits::SESSIONS_AT_ONCE {
            self.sessions.remove(0);
        }
        self.sessions.push(session);
    }

    fn settle(&mut self, seen: &mut Seen<'_>) {
        if !self.is_finished && self.sessions.iter().any(Session::is_confirmed) {
            self.is_finished = true;
            seen.say(Fact::HandshakeFinished);
            seen.say(Fact::Encrypted);
        }
    }

    fn tailscale(&mut self, bytes: &[u8], seen: &mut Seen<'_>) {
        if !std::mem::replace(&mut self.is_tailscale, true) {
            seen.say(Fact::Protocol(tailscale::TAILSCALE.name));
            seen.say(Fact::CipherUnseen);
        }
        if is_text_within(bytes) {
            self.readable(seen);
        }
    }

    fn unrecognised(&mut self, seen: &mut Seen<'_>) {
        if !std::mem::replace(&mut self.is_unrecognised, true) {
            seen.say(Fact::Unrecognised);
        }
    }

    fn readable(&mut self, seen: &mut Seen<'_>) {
        if !std::mem::replace(&mut self.is_readable, true) {
            seen.say(Fact::Cleartext(Cleartext::AfterHandshake));
        }
    }
}

/// Whether a datagram reads as text, from its first byte on or behind a header.
fn is_text_within(bytes: &[u8]) -> bool {
    let behind = [4, 8, 12, 16, tailscale::HEADER_BYTES].into_iter().filter_map(|at| bytes.get(at..));
    readable::is_text(bytes, readable::BROKEN_FRAMING_RUN) || behind.into_iter().any(|bytes| readable::is_text(bytes, readable::SEALED_RUN))
}

#[cfg(test)]
mod tests;
