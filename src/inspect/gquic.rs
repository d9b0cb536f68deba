//! Google's QUIC before it was the IETF's (Q024 to Q046; draft-tsvwg-quic-protocol-02 and Google's "QUIC Crypto"): the name that its hello asks for.
//!
//! Its handshake is sent in packets without encryption, whose hash proves nothing of who made them, and no later packet shows that what follows
//! is encrypted. So its name is judged like any other, and its payload counts as unrecognised. It refuses to put a hello together from several
//! packets, which no client was seen to send.

use serde::{Deserialize, Serialize};

use super::{Carrier, Finish, Inspector, Probe, Progress, Protocol, Seen, saved};
use crate::fact::{Cleartext, End, Fact, Hidden, Name, NameSource};

/// Google's QUIC.
pub(super) static GQUIC: Protocol = Protocol {
    name: "gquic",
    carrier: Carrier::Datagram,
    recognised_by: "a packet of a version Q0nn whose first stream begins with CHLO",
    reads: "the server name in the hello",
    encrypted: "never: no packet shows that its handshake is followed by encryption",
    probe: |opening| if opens(opening.first) { Probe::Yes } else { Probe::No },
    open: || Box::new(Gquic::default()),
    load: saved::load::<Gquic>,
};

/// Whether this is a client's packet whose first stream begins a hello.
fn opens(bytes: &[u8]) -> bool {
    Packet::read(bytes, None).and_then(|packet| packet.handshake()).is_some_and(|message| message.starts_with(b"CHLO"))
}

/// A packet that is not encrypted, as far as its frames are of the handshake.
struct Packet<'a> {
    version: u8,
    frames: &'a [u8],
}

const LONG_FORM: u8 = 0x80;
const HAS_VERSION: u8 = 0x01;
const RESET: u8 = 0x02;
const HAS_ID: u8 = 0x08;
/// Bytes of the hash that stands ahead of the frames.
const HASH: usize = 12;
/// The version from which on numbers are written with the highest byte first.
const BIG_ENDIAN: u8 = 39;
/// The version from which on no byte of flags stands ahead of the frames.
const NO_PRIVATE_FLAGS: u8 = 34;
/// The lengths of a packet's number by its code, ahead of Q044.
const NUMBER_BYTES: [usize; 4] = [1, 2, 4, 6];

impl<'a> Packet<'a> {
    /// Reads a packet's header; `known` is the flow's version, which a server leaves out.
    fn read(bytes: &'a [u8], known: Option<u8>) -> Option<Self> {
        let (&flags, rest) = bytes.split_first()?;
        if flags & LONG_FORM != 0 {
            let (version, rest) = version(rest)?;
            // the lengths of both connection IDs, less three where they are there
            let (&lengths, rest) = rest.split_first()?;
            let length = |code: u8| if code == 0 { 0 } else { usize::from(code) + 3 };
            let number = usize::from(flags & 3) + 1;
            let frames = rest.get(length(lengths >> 4) + length(lengths & 0xf) + number + HASH..)?;
            return Some(Self { version, frames });
        }
        if flags & RESET != 0 {
            return None;
        }
        let rest = rest.get(if flags & HAS_ID != 0 { 8 } else { 0 }..)?;
        let (version, rest) = if flags & HAS_VERSION != 0 { version(rest)? } else { (known?, rest) };
        let private = usize::from(version < NO_PRIVATE_FLAGS);
        let frames = rest.get(NUMBER_BYTES[usize::from(flags >> 4 & 3)] + HASH + private..)?;
        Some(Self { version, frames })
    }

    /// What the first stream frame carries, where it is of the stream of the handshake (1); frames of acknowledgements ahead of it are not read.
    fn handshake(&self) -> Option<&'a [u8]> {
        let number = |bytes: &[u8]| {
            let fold = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
            if self.version < BIG_ENDIAN { bytes.iter().rev().fold(0, fold) } else { bytes.iter().fold(0, fold) }
        };
        let (&kind, rest) = self.frames.split_first()?;
        if kind & 0x80 == 0 {
            return None;
        }
        let (id, rest) = rest.split_at_checked(usize::from(kind & 3) + 1)?;
        let offset = usize::from(kind >> 2 & 7);
        let rest = rest.get(if offset == 0 { 0 } else { offset + 1 }..)?;
        let data = if kind & 0x20 != 0 {
            let (length, rest) = rest.split_at_checked(2)?;
            rest.get(..usize::try_from(number(length)).ok()?)?
        } else {
            rest
        };
        (number(id) == 1).then_some(data)
    }
}

/// The number of a version, as in `Q046`, and what stands behind it.
fn version(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (version, rest) = bytes.split_first_chunk::<4>()?;
    let [b'Q', b'0', tens @ b'0'..=b'9', ones @ b'0'..=b'9'] = version else { return None };
    let number = (tens - b'0') * 10 + (ones - b'0');
    // later ones encrypt their hello
    (24..=46).contains(&number).then_some((number, rest))
}

/// What a message of the handshake has behind a tag: a table of tags and of where their values end follows its name (always the lowest byte
/// first); `Err` where the table does not fit the message.
fn value(message: &[u8], tag: [u8; 4]) -> Result<Option<&[u8]>, ()> {
    let word = |at: usize| message.get(at..at + 4).and_then(<[u8]>::first_chunk::<4>).copied();
    let count = usize::from(u16::from_le_bytes(message.get(4..6).and_then(<[u8]>::first_chunk).copied().ok_or(())?));
    let values = message.get(8 + count * 8..).ok_or(())?;
    let mut begin = 0;
    let mut found = None;
    for at in (0..count).map(|n| 8 + n * 8) {
        let (name, end) = (word(at).ok_or(())?, u32::from_le_bytes(word(at + 4).ok_or(())?) as usize);
        let value = values.get(begin..end).ok_or(())?;
        if name == tag {
            found = Some(value);
        }
        begin = end;
    }
    Ok(found)
}

#[derive(Default, Serialize, Deserialize)]
struct Gquic {
    version: Option<u8>,
    client: Option<End>,
}

impl Gquic {
    fn hello(&mut self, end: End, message: &[u8], seen: &mut Seen<'_>) {
        if self.client.is_none() {
            self.client = Some(end);
            seen.say(Fact::Opener(end));
            seen.say(Fact::Unrecognised);
        }
        seen.say(match value(message, *b"SNI\0") {
            Ok(Some([])) => Fact::NameHidden(Hidden::Odd),
            Ok(Some(name)) => Fact::ServerName { name: Name::from_wire(name), source: NameSource::QuicSni },
            Ok(None) => Fact::NoServerName,
            Err(()) => Fact::NameHidden(Hidden::NotSeen),
        });
    }
}

impl Inspector for Gquic {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        let Some((packet, message)) = Packet::read(bytes, self.version).and_then(|packet| packet.handshake().map(|data| (packet, data)))
        else {
            return Progress::Violation(Cleartext::AfterHandshake);
        };
        self.version = Some(packet.version);
        if message.starts_with(b"CHLO") {
            self.hello(end, message, seen);
        }
        Progress::Used(bytes.len())
    }

    fn gap(&mut self, _: End, _: u64, _: &mut Seen<'_>) -> Progress {
        Progress::Used(0)
    }

    fn finish(&mut self, _: End, _: Finish, _: &mut Seen<'_>) {}

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{FrameId, Locus, Observation, Timestamp};

    /// A message of the handshake with these values.
    fn message(name: [u8; 4], values: &[([u8; 4], &[u8])]) -> Vec<u8> {
        let mut out = [&name[..], &(values.len() as u16).to_le_bytes(), &[0; 2]].concat();
        let mut end = 0u32;
        for (tag, value) in values {
            end += value.len() as u32;
            out.extend([&tag[..], &end.to_le_bytes()].concat());
        }
        out.extend(values.iter().flat_map(|(_, value)| value.iter()));
        out
    }

    fn hello(name: &[u8]) -> Vec<u8> {
        message(*b"CHLO", &[(*b"PAD\0", &[b'-'; 40]), (*b"SNI\0", name), (*b"VER\0", b"Q043")])
    }

    /// A client's packet of a version before Q044.
    fn old(version: &[u8; 4], message: &[u8]) -> Vec<u8> {
        let private: &[u8] = if version < b"Q034" { &[0] } else { &[] };
        let length = (message.len() as u16).to_be_bytes();
        let length = if version < b"Q039" { [length[1], length[0]] } else { length };
        [&[0x09], &[7; 8][..], version, &[1], &[9; HASH], private, &[0xa0, 1], &length, message].concat()
    }

    /// A client's packet of Q046.
    fn late(message: &[u8]) -> Vec<u8> {
        [
            &[0xc3],
            &b"Q046"[..],
            &[0x50],
            &[7; 8],
            &[0, 0, 0, 3],
            &[9; HASH],
            &[0xa4, 1, 4, 0],
            &(message.len() as u16).to_be_bytes(),
            message,
        ]
        .concat()
    }

    fn said(packets: &[(End, Vec<u8>)]) -> (Vec<Fact>, Vec<Progress>) {
        let mut gquic = Gquic::default();
        let mut out: Vec<Observation> = Vec::new();
        let progress = packets
            .iter()
            .map(|(end, bytes)| {
                let at = Locus { frame: FrameId::new(0, 1), at: Timestamp::default(), end: *end };
                gquic.data(*end, bytes, &mut Seen::new(&mut out, at))
            })
            .collect();
        (out.into_iter().map(|observation| observation.fact).collect(), progress)
    }

    fn name(text: &str) -> Fact {
        Fact::ServerName { name: Name::from_wire(text.as_bytes()), source: NameSource::QuicSni }
    }

    #[test]
    fn the_name_is_read_in_every_form() {
        let hello = hello(b"www.example");
        for packet in [old(b"Q024", &hello), old(b"Q034", &hello), old(b"Q043", &hello), late(&hello)] {
            assert!(opens(&packet));
            assert_eq!(said(&[(End::A, packet)]).0, [Fact::Opener(End::A), Fact::Unrecognised, name("www.example")]);
        }
    }

    #[test]
    fn what_follows_is_held_to_the_form() {
        let rejected = message(*b"REJ\0", &[(*b"STK\0", &[1; 8])]);
        // a server leaves the version out
        let answer = [&[0x08], &[7; 8][..], &[1], &[9; HASH], &[0xa0, 1], &(rejected.len() as u16).to_be_bytes(), &rejected].concat();
        let text = b"HELO mail.example and then some more text, as long as it takes to be one".to_vec();
        let (facts, progress) = said(&[(End::A, old(b"Q043", &hello(b"a.example"))), (End::B, answer), (End::A, text)]);
        assert_eq!(facts.len(), 3);
        assert!(matches!(progress[..], [Progress::Used(_), Progress::Used(_), Progress::Violation(Cleartext::AfterHandshake)]));
    }

    #[test]
    fn names_that_are_none_are_said() {
        let last = |message: &[u8]| said(&[(End::A, late(message))]).0.pop();
        assert_eq!(last(&hello(b"")), Some(Fact::NameHidden(Hidden::Odd)));
        assert_eq!(last(&message(*b"CHLO", &[])), Some(Fact::NoServerName));
        let mut odd = hello(b"www.example");
        odd[12..16].copy_from_slice(&[0xff; 4]);
        assert_eq!(last(&odd), Some(Fact::NameHidden(Hidden::NotSeen)), "a table that leads nowhere");
        assert_eq!(last(&hello(b"www.example")[..20]), Some(Fact::NameHidden(Hidden::NotSeen)));
    }

    #[test]
    fn no_bytes_are_too_odd() {
        let whole = late(&hello(b"www.example"));
        for cut in 0..whole.len() {
            said(&[(End::A, whole[..cut].to_vec())]);
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[cut] ^= 1 << bit;
                said(&[(End::A, flipped)]);
            }
        }
        assert!(!opens(b"Q043") && !opens(&old(b"Q050", &hello(b"www.example"))));
    }
}
