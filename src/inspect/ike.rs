//! IKE (RFC 7296), version 1 (RFC 2409) too, over UDP: ahead of it the marker of NAT traversal and behind it ESP in the same flow (RFC 3948).
//!
//! A handshake is finished once both ends said in the clear what keys are made from, under one pair of SPIs, and each then sent a sealed
//! message under that pair; it proves encryption where the cipher that the responder chose does. The order between them does not matter. Every
//! message is held to its lengths to the end of the flow, and those in the clear to their payloads.
//!
//! ESP in UDP is taken for that only where both ends have sent sealed messages of IKE in the same flow. Of IKE that began on other ports, as it
//! does where a NAT is found, the handshake is never seen to finish.

mod message;

use serde::{Deserialize, Serialize};

use self::message::{Message, Spis};
use super::esp::{Associations, ESP, Taken};
use super::{Carrier, Finish, Inspector, Probe, Progress, Protocol, Seen, readable, saved};
use crate::fact::{Cleartext, End, Fact};
use crate::limits;

/// IKE over UDP.
pub(super) static IKE: Protocol = Protocol {
    name: "ike",
    carrier: Carrier::Datagram,
    recognised_by: "a header of version 1 or 2 whose length is the datagram's, behind four zero bytes or none, and payloads that add up",
    reads: "payloads in the clear, the cipher chosen, SPIs; ESP in UDP",
    encrypted: "all, once both ends have exchanged keys and sent sealed messages under one pair of SPIs; ESP behind it as told of ESP",
    probe: |opening| if message::read(opening.first).is_some() { Probe::Yes } else { Probe::No },
    open: || Box::new(Ike::default()),
    load: saved::load::<Ike>,
};

/// What keeps a NAT's mapping alive (RFC 3948 section 2.3).
const KEEP_ALIVE: &[u8] = &[0xff];

/// One flow of IKE.
#[derive(Default, Serialize, Deserialize)]
struct Ike {
    /// Whether messages stand behind a marker, once one was seen.
    is_marked: Option<bool>,
    sessions: Vec<Session>,
    /// Messages in the clear.
    plain: u8,
    esp: Associations,
    /// ESP came, and is said to be so.
    has_esp: bool,
    is_esp_said: bool,
    has_opener: bool,
    is_begun: bool,
    is_finished: bool,
    is_data_said: bool,
    is_unrecognised: bool,
    is_readable: bool,
    is_over: bool,
}

/// What is known of one pair of SPIs.
#[derive(Serialize, Deserialize)]
struct Session {
    spis: Spis,
    /// Which ends have exchanged keys in the clear, and which have sent a sealed message.
    has_key: [bool; 2],
    is_sealed: [bool; 2],
    /// Whether the cipher that the responder chose encrypts.
    is_encrypting: bool,
}

impl Session {
    fn is_finished(&self) -> bool {
        self.has_key == [true; 2] && self.is_sealed == [true; 2]
    }
}

impl Inspector for Ike {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        match message::read(bytes) {
            Some((is_marked, message)) if *self.is_marked.get_or_insert(is_marked) == is_marked => self.message(end, &message, seen),
            None if bytes == KEEP_ALIVE => {}
            None if self.is_marked == Some(true) && !bytes.starts_with(message::MARKER) => self.esp(end, bytes, seen),
            _ => self.reject(bytes, seen),
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
        // what a handshake that finished has proven is not true of another, nor of ESP that nobody set up
        let is_open = |session: &Session| !session.is_finished() && (session.is_sealed != [false; 2] || session.has_key == [true; 2]);
        if self.is_finished && self.sessions.iter().any(is_open) || self.has_esp && !self.is_esp_said {
            self.unrecognised(seen);
        }
        let is_agreed = |session: &Session| session.has_key == [true; 2] || session.is_sealed == [true; 2];
        if !self.is_finished && !self.is_esp_said && self.sessions.iter().any(is_agreed) {
            // it goes on elsewhere, or began there
            seen.say(Fact::CipherUnseen);
        }
    }

    fn is_lasting(&self) -> bool {
        self.sessions.iter().any(|session| session.is_sealed == [true; 2])
    }

    fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.sessions.capacity() * size_of::<Session>() + self.esp.heap_bytes()
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}

impl Ike {
    fn message(&mut self, end: End, message: &Message<'_>, seen: &mut Seen<'_>) {
        if !std::mem::replace(&mut self.is_begun, true) {
            self.has_opener = message.is_first();
            seen.say(if self.has_opener { Fact::Opener(end) } else { Fact::OpenerUnseen });
            seen.say(Fact::HandshakeBegun);
        }
        if message.is_sealed {
            let behind = [0, 8, 16].into_iter().filter_map(|at| message.body.get(at..));
            if behind.into_iter().any(|bytes| readable::is_text(bytes, readable::SEALED_RUN)) {
                return self.readable(seen);
            }
        } else {
            self.plain = self.plain.saturating_add(1);
            if self.plain > limits::IKE_PLAIN_MESSAGES {
                return self.unrecognised(seen);
            }
        }
        let at = self.sessions.iter().position(|session| session.spis.meet(message.spis));
        let at = match at {
            Some(at) => at,
            None if self.sessions.len() >= limits::SESSIONS_AT_ONCE => return self.unrecognised(seen),
            None => {
                let (has_key, is_sealed) = ([false; 2], [false; 2]);
                self.sessions.push(Session { spis: message.spis, has_key, is_sealed, is_encrypting: true });
                self.sessions.len() - 1
            }
        };
        let Some(session) = self.sessions.get_mut(at) else { return };
        // who only refuses may have another SPI in the end
        if message.has_key || message.is_sealed {
            session.spis = session.spis.with(message.spis);
        }
        session.has_key[end.index()] |= message.has_key;
        session.is_sealed[end.index()] |= message.is_sealed;
        session.is_encrypting &= message.is_encrypting;
        if session.is_finished() && message.is_sealed && !std::mem::replace(&mut self.is_data_said, true) {
            seen.say(Fact::ProtectedData);
        }
    }

    fn esp(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) {
        match self.esp.take(end, bytes) {
            Taken::Fits => self.has_esp = true,
            Taken::Clear => self.readable(seen),
            Taken::Rejected => self.reject(bytes, seen),
        }
    }

    fn settle(&mut self, seen: &mut Seen<'_>) {
        if !self.is_finished
            && let Some(session) = self.sessions.iter().find(|session| session.is_finished())
        {
            self.is_finished = true;
            seen.say(Fact::HandshakeFinished);
            if session.is_encrypting {
                seen.say(Fact::Encrypted);
            }
        }
        if self.has_esp && !self.is_esp_said && self.sessions.iter().any(|session| session.is_sealed == [true; 2]) {
            self.is_esp_said = true;
            seen.say(Fact::Protocol(ESP.name));
            seen.say(Fact::CipherUnseen);
        }
    }

    fn reject(&mut self, bytes: &[u8], seen: &mut Seen<'_>) {
        let behind = [0, 4, 8, 28].into_iter().filter_map(|at| bytes.get(at..));
        if behind.into_iter().any(|bytes| readable::is_text(bytes, readable::BROKEN_FRAMING_RUN)) {
            self.readable(seen);
        } else {
            self.unrecognised(seen);
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

#[cfg(test)]
mod tests;
