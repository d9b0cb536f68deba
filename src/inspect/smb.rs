//! SMB 1 to 3 ([MS-SMB2]) over TCP: negotiation and session setup in the clear, and then either commands in the clear or, in SMB 3, messages
//! that are encrypted, which the transform header shows.
//!
//! What is in the clear ahead of the encryption is read whole: one command a message, each no longer than its fields and its token say, and few.
//! SMB 1, compounds and compressed messages are commands in the clear.

use serde::{Deserialize, Serialize};

use super::readable::{self, Look, Watch};
use super::{Carrier, Inspector, Opening, Probe, Progress, Protocol, Seen, saved};
use crate::fact::{Cleartext, End, Fact, Finish};

/// SMB over TCP.
pub(super) static SMB: Protocol = Protocol {
    name: "smb",
    carrier: Carrier::Stream,
    recognised_by: "a message of SMB behind its length that negotiates or sets a session up",
    reads: "negotiation, session setup, and the kind and header of each message",
    encrypted: "messages behind a transform header, once SMB 3 was agreed on, a session set up, and both ends send them",
    probe,
    open: || Box::new(Smb::default()),
    load: saved::load::<Smb>,
};

/// Bytes of a message that tell its kind: its length, and the header up to the command.
const HEAD_BYTES: usize = 18;
/// Its length.
const LENGTH_BYTES: usize = 4;
/// The header of SMB 2 and 3.
const HEADER_BYTES: usize = 64;
/// The header of an encrypted message.
const TRANSFORM_BYTES: usize = 52;
/// The dialects that encrypt.
const SMB_3: std::ops::Range<u16> = 0x0300..0x0400;
/// The longest negotiation: dialects, and contexts of some 300 bytes.
const NEGOTIATION_BYTES: usize = 1024;
/// What the messages of one end that set sessions up may hold together. Tickets of Kerberos have 2 to 12 KiB by what Windows allows, and one
/// may be refused and sent again.
const SETUP_BYTES: usize = 32 << 10;

fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.first;
    let fits = bytes.first().is_none_or(|&byte| byte == 0) && bytes.get(4).is_none_or(|byte| matches!(byte, 0xfe | 0xff));
    let is_smb = bytes.get(5..).is_none_or(|name| b"SMB".iter().zip(name).all(|(a, b)| a == b));
    match bytes.get(..HEAD_BYTES).map(kind) {
        _ if !fits || !is_smb => Probe::No,
        None => Probe::Maybe,
        Some(Kind::OldNegotiation | Kind::OldSetup | Kind::Negotiation | Kind::Setup) => Probe::Yes,
        Some(_) => Probe::No,
    }
}

/// What a message is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Negotiation that begins with SMB 1, and may go on to a later one.
    OldNegotiation,
    /// Session setup of SMB 1, which does not encrypt.
    OldSetup,
    /// Negotiation.
    Negotiation,
    /// Session setup.
    Setup,
    /// A sign of life.
    Alive,
    /// A command in the clear.
    Clear,
    /// Encrypted.
    Transformed,
    /// None.
    Other,
}

fn kind(head: &[u8]) -> Kind {
    match *head {
        [0, _, _, _, 0xff, b'S', b'M', b'B', 0x72, ..] => Kind::OldNegotiation,
        [0, _, _, _, 0xff, b'S', b'M', b'B', 0x73, ..] => Kind::OldSetup,
        [0, _, _, _, 0xfe, b'S', b'M', b'B', _, _, _, _, _, _, _, _, 0, 0, ..] => Kind::Negotiation,
        [0, _, _, _, 0xfe, b'S', b'M', b'B', _, _, _, _, _, _, _, _, 1, 0, ..] => Kind::Setup,
        [0, _, _, _, 0xfc | 0xfe | 0xff, b'S', b'M', b'B', ..] => Kind::Clear,
        [0, _, _, _, 0xfd, b'S', b'M', b'B', ..] => Kind::Transformed,
        [0x85, 0, 0, 0, ..] => Kind::Alive,
        _ => Kind::Other,
    }
}

fn half(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..at + 2).map(|bytes| usize::from(u16::from_le_bytes([bytes[0], bytes[1]])))
}

/// Whether a message without its length is one command alone, as far as its header shows.
fn is_single(message: &[u8]) -> bool {
    half(message, 4) == Some(HEADER_BYTES) && message.get(20..24).is_some_and(|next| next == [0; 4])
}

/// Whether a message without its length is the server's.
fn is_response(message: &[u8]) -> bool {
    message.get(16).is_some_and(|flags| flags & 1 != 0)
}

/// Whether a message that sets a session up, without its length, is its fields and a token, and the token no text.
fn is_setup(message: &[u8]) -> bool {
    /// Pads a message to a multiple of it, at most.
    const PADDING: usize = 8;
    let body = message.get(HEADER_BYTES..).unwrap_or_default();
    let (place, fields) = match half(body, 0) {
        // a request, and a response; an error has the size of a response, and next to nothing in it
        Some(25) => (12, 24),
        Some(9) => (4, 8),
        _ => return false,
    };
    let (Some(offset), Some(length)) = (half(body, place), half(body, place + 2)) else { return false };
    if length == 0 {
        return message.len() <= HEADER_BYTES + fields + PADDING;
    }
    let is_near = (HEADER_BYTES + fields..=HEADER_BYTES + fields + PADDING).contains(&offset);
    let Some(token) = message.get(offset..offset + length) else { return false };
    is_near && message.len() <= offset + length + PADDING && is_token(token)
}

/// Whether a token is of SPNEGO, Kerberos or NTLM, and holds no long text.
fn is_token(token: &[u8]) -> bool {
    let is_known = matches!(token.first(), Some(0x60 | 0xa0 | 0xa1)) || token.starts_with(b"NTLMSSP\0");
    is_known && !readable::holds_text(token)
}

/// Whether a transform header, behind its length, has the one value of its flag, and the length of what it covers (section 2.2.41).
fn is_transform(header: &[u8], length: usize) -> bool {
    let covered = header.get(36..40).and_then(|bytes| bytes.first_chunk()).map(|bytes| u32::from_le_bytes(*bytes) as usize);
    half(header, 42) == Some(1) && covered.is_some_and(|covered| covered + TRANSFORM_BYTES == length)
}

#[derive(Default, Serialize, Deserialize)]
struct Smb {
    begun: bool,
    transformed: [bool; 2],
    /// The dialect that the server chose.
    dialect: Option<u16>,
    /// The server has answered a session setup.
    is_set_up: bool,
    watches: [Watch; 2],
    /// Bytes that each end sent to set sessions up.
    setup: [usize; 2],
}

impl Smb {
    fn is_finished(&self) -> bool {
        self.transformed == [true; 2]
    }

    fn clear(&self, seen: &mut Seen<'_>) -> Progress {
        seen.say(Fact::Cleartext(if self.is_finished() { Cleartext::AfterHandshake } else { Cleartext::Protocol }));
        Progress::Settled
    }

    /// A message in the clear that may lead to encryption.
    fn prologue(&mut self, end: End, kind: Kind, bytes: &[u8], length: usize, seen: &mut Seen<'_>) -> Progress {
        let sent = &mut self.setup[end.index()];
        if *sent + length > SETUP_BYTES || kind != Kind::Setup && length > NEGOTIATION_BYTES {
            return self.clear(seen);
        }
        let Some(message) = bytes.get(LENGTH_BYTES..LENGTH_BYTES + length) else { return Progress::Used(0) };
        *sent += length;
        let is_formal = match kind {
            Kind::Setup => is_single(message) && is_setup(message),
            Kind::Negotiation => is_single(message) && !readable::holds_text(message),
            _ => !readable::holds_text(message),
        };
        if is_response(message) {
            match kind {
                Kind::Negotiation => self.dialect = half(message, HEADER_BYTES + 4).map(|dialect| dialect as u16).or(self.dialect),
                Kind::Setup => self.is_set_up = true,
                _ => {}
            }
        }
        if is_formal { Progress::Used(LENGTH_BYTES + length) } else { self.clear(seen) }
    }

    fn transformed(&mut self, end: End, bytes: &[u8], length: usize, seen: &mut Seen<'_>) -> Progress {
        let start = LENGTH_BYTES + TRANSFORM_BYTES..LENGTH_BYTES + length.min(TRANSFORM_BYTES + readable::LOOKED_AT);
        // nothing encrypts before it was agreed on, and what is covered has a header
        let is_agreed = self.is_set_up && self.dialect.is_some_and(|dialect| SMB_3.contains(&dialect));
        if !is_agreed || length < TRANSFORM_BYTES + HEADER_BYTES {
            return Progress::Violation(Cleartext::AfterHandshake);
        }
        let Some(sealed) = bytes.get(start) else { return Progress::Used(0) };
        if !is_transform(&bytes[LENGTH_BYTES..], length) {
            return Progress::Violation(Cleartext::AfterHandshake);
        }
        if self.watches[end.index()].look(sealed, length - TRANSFORM_BYTES) == Look::Text {
            seen.say(Fact::Cleartext(Cleartext::AfterHandshake));
            return Progress::Settled;
        }
        if self.transformed == [false; 2] {
            seen.say(Fact::HandshakeBegun);
        }
        let was_finished = self.is_finished();
        self.transformed[end.index()] = true;
        if !was_finished && self.is_finished() {
            seen.say(Fact::HandshakeFinished);
            seen.say(Fact::Encrypted);
            seen.say(Fact::ProtectedData);
        }
        Progress::Skip(LENGTH_BYTES + length)
    }
}

impl Inspector for Smb {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        if !std::mem::replace(&mut self.begun, true) {
            seen.say(Fact::Opener(end));
            seen.say(Fact::Prologue);
        }
        let kind = kind(bytes);
        if kind == Kind::Alive {
            return Progress::Used(LENGTH_BYTES);
        }
        if bytes.len() < HEAD_BYTES {
            return Progress::Used(0);
        }
        let length = usize::from(bytes[1]) << 16 | usize::from(bytes[2]) << 8 | usize::from(bytes[3]);
        match kind {
            Kind::OldNegotiation | Kind::Negotiation | Kind::Setup => self.prologue(end, kind, bytes, length, seen),
            Kind::OldSetup | Kind::Clear => self.clear(seen),
            Kind::Transformed => self.transformed(end, bytes, length, seen),
            Kind::Alive | Kind::Other => Progress::Violation(Cleartext::AfterHandshake),
        }
    }

    fn gap(&mut self, _: End, _: u64, _: &mut Seen<'_>) -> Progress {
        Progress::Settled
    }

    fn finish(&mut self, _: End, _: Finish, _: &mut Seen<'_>) {}

    fn is_prologue(&self) -> bool {
        !self.is_finished()
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}
