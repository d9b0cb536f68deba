//! SMB 1 to 3 ([MS-SMB2]) over TCP: negotiation and session setup in the clear, and then either commands in the clear or, in SMB 3, messages
//! that are encrypted, which the transform header shows.

use serde::{Deserialize, Serialize};

use super::{Carrier, Inspector, Opening, Probe, Progress, Protocol, Seen, saved};
use crate::fact::{Cleartext, End, Fact, Finish};

/// SMB over TCP.
pub(super) static SMB: Protocol = Protocol {
    name: "smb",
    carrier: Carrier::Stream,
    recognised_by: "a message of SMB behind its length that negotiates or sets a session up",
    reads: "the kind of each message",
    encrypted: "messages behind a transform header, once both ends send them",
    probe,
    open: || Box::new(Smb::default()),
    load: saved::load::<Smb>,
};

/// Bytes of a message that tell its kind: its length, and the header up to the command.
const HEAD_BYTES: usize = 18;

fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.first;
    let fits = bytes.first().is_none_or(|&byte| byte == 0) && bytes.get(4).is_none_or(|byte| matches!(byte, 0xfe | 0xff));
    let is_smb = bytes.get(5..).is_none_or(|name| b"SMB".iter().zip(name).all(|(a, b)| a == b));
    match bytes.get(..HEAD_BYTES).map(kind) {
        _ if !fits || !is_smb => Probe::No,
        None => Probe::Maybe,
        Some(Kind::Setup) => Probe::Yes,
        Some(_) => Probe::No,
    }
}

/// What a message is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Negotiation, session setup, or a sign of life.
    Setup,
    /// A command in the clear.
    Clear,
    /// Encrypted.
    Transformed,
    /// None.
    Other,
}

fn kind(head: &[u8]) -> Kind {
    match *head {
        [0, _, _, _, 0xff, b'S', b'M', b'B', 0x72 | 0x73, ..] => Kind::Setup,
        [0, _, _, _, 0xfe, b'S', b'M', b'B', _, _, _, _, _, _, _, _, 0 | 1, 0, ..] => Kind::Setup,
        [0, _, _, _, 0xfc | 0xfe | 0xff, b'S', b'M', b'B', ..] => Kind::Clear,
        [0, _, _, _, 0xfd, b'S', b'M', b'B', ..] => Kind::Transformed,
        [0x85, 0, 0, 0, ..] => Kind::Setup,
        _ => Kind::Other,
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Smb {
    begun: bool,
    transformed: [bool; 2],
}

impl Inspector for Smb {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        if !std::mem::replace(&mut self.begun, true) {
            seen.say(Fact::Opener(end));
            seen.say(Fact::Prologue);
        }
        let is_alive = matches!(bytes, [0x85, 0, 0, 0, ..]);
        if bytes.len() < HEAD_BYTES && !is_alive {
            return Progress::Used(0);
        }
        let was_finished = self.transformed == [true; 2];
        match kind(bytes) {
            Kind::Setup => {}
            Kind::Clear => {
                seen.say(Fact::Cleartext(if was_finished { Cleartext::AfterHandshake } else { Cleartext::Protocol }));
                return Progress::Settled;
            }
            Kind::Transformed => {
                if self.transformed == [false; 2] {
                    seen.say(Fact::HandshakeBegun);
                }
                self.transformed[end.index()] = true;
                if !was_finished && self.transformed == [true; 2] {
                    seen.say(Fact::HandshakeFinished);
                    seen.say(Fact::Encrypted);
                    seen.say(Fact::ProtectedData);
                }
            }
            Kind::Other => return Progress::Violation(Cleartext::AfterHandshake),
        }
        Progress::Skip(4 + (usize::from(bytes[1]) << 16 | usize::from(bytes[2]) << 8 | usize::from(bytes[3])))
    }

    fn gap(&mut self, _: End, _: u64, _: &mut Seen<'_>) -> Progress {
        Progress::Settled
    }

    fn finish(&mut self, _: End, _: Finish, _: &mut Seen<'_>) {}

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}
