//! One attempt of a client to connect: its Initials, the hellos in them, and how far the handshake is seen to come.
//!
//! What identifies it is the version and the destination of the client's first Initial, from which the keys follow. A server may answer in
//! another version (RFC 9368); the keys are then those of that version, from the same connection ID.

use serde::{Deserialize, Serialize};

use super::frame::{Frame, frames};
use super::keys::{self, Keys};
use super::packet::{Family, Id, Long, Reader, Version};
use crate::fact::{Alert, CipherSuite, End, Fact, Name, NameSource, TlsVersion};
use crate::inspect::Seen;
use crate::inspect::hello::fingerprint::{self, Over};
use crate::inspect::hello::offer::{NOT_OFFERED, Offer};
use crate::inspect::hello::{self, ClientHello, ServerHello};
use crate::inspect::pieces::{Pieces, Refused};

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

/// The extension that carries transport parameters, in version 1 and in drafts before 33.
const TRANSPORT_PARAMETERS: &[u16] = &[0x39, 0xffa5];
const GREASE_QUIC_BIT: u64 = 0x2ab2;

/// The shortest sealed part of a Handshake packet that can hold a Finished: a packet number, the header of a CRYPTO frame, 36 bytes of
/// message, the tag.
const FINISHED_BYTES: usize = 1 + 3 + 36 + 16;

/// Places of what belongs to each end.
const CLIENT: usize = 0;
const SERVER: usize = 1;

/// An attempt, known since one of its client's Initials was opened.
#[derive(Serialize, Deserialize)]
pub(super) struct Attempt {
    pub(super) client: End,
    /// The version of the client's first Initial.
    version: Version,
    /// The version that the server answered in, where it is another.
    settled: Option<Version>,
    /// Where the client's first Initial went.
    pub(super) original: Id,
    /// The client's connection ID.
    pub(super) source: Id,
    /// The server's.
    pub(super) server: Option<Id>,
    /// The client's hello permits that the fixed bit is not set (RFC 9287).
    pub(super) greases: bool,
    #[serde(skip)]
    keys: Option<(Family, Box<[Keys; 2]>)>,
    largest: [Option<u64>; 2],
    crypto: [Pieces; 2],
    /// Bytes of that which are read.
    used: [usize; 2],
    hellos: u8,
    is_retried: bool,
    name: Option<Name>,
    tls: Option<(TlsVersion, CipherSuite)>,
    /// By what the last hello lets an earlier session go on, and whether that was taken up.
    offer: Offer,
    accepts_key: bool,
    /// The end sent a Handshake packet that can hold its Finished.
    handshake: [bool; 2],
    /// The end sent a packet with a short header.
    short: [bool; 2],
    pub(super) is_finished: bool,
}

/// What is wrong with an Initial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It does not open.
    Unopened,
    /// It holds what an Initial may not hold.
    Content,
    /// A bound was hit.
    Limit,
}

impl Attempt {
    /// The attempt that an Initial begins, where its destination opens it, and the frames in it.
    pub(super) fn begin(client: End, packet: &Long<'_>) -> Option<(Self, Vec<u8>)> {
        let keys = keys::initial(packet.family, &packet.destination)?;
        let (number, frames) = keys.first()?.open(packet, None)?;
        let attempt = Self {
            client,
            version: packet.version,
            settled: None,
            original: packet.destination,
            source: packet.source,
            server: None,
            greases: false,
            keys: Some((packet.family, Box::new(keys))),
            largest: [Some(number), None],
            crypto: Default::default(),
            used: [0; 2],
            hellos: 0,
            is_retried: false,
            name: None,
            tls: None,
            offer: Offer::default(),
            accepts_key: false,
            handshake: [false; 2],
            short: [false; 2],
            is_finished: false,
        };
        Some((attempt, frames))
    }

    /// Whether an Initial or 0-RTT packet of the client went where this attempt's go.
    pub(super) fn is_from_client(&self, packet: &Long<'_>) -> bool {
        let is_first = packet.destination == self.original && packet.version == self.version;
        packet.source == self.source && (is_first || self.server == Some(packet.destination))
    }

    /// Whether a long packet of the server came from where this attempt's come from, as far as that is known.
    pub(super) fn is_from_server(&self, packet: &Long<'_>) -> bool {
        packet.destination == self.source && self.server.is_none_or(|server| server == packet.source)
    }

    pub(super) fn version(&self) -> Version {
        self.version
    }

    pub(super) fn speaks(&self, version: Version) -> bool {
        self.version == version || self.settled == Some(version)
    }

    /// Whether all hellos have been read, so that no Initial needs to be opened.
    pub(super) fn is_read(&self) -> bool {
        self.tls.is_some() && self.hellos == 1 + u8::from(self.is_retried)
    }

    pub(super) fn has_hello(&self) -> bool {
        self.hellos > 0
    }

    /// Whether it carried more than Initials.
    pub(super) fn has_sealed(&self) -> bool {
        self.handshake.iter().chain(&self.short).any(|&is_seen| is_seen)
    }

    /// Opens an Initial that `end` sent, and reads it.
    pub(super) fn initial(&mut self, end: End, packet: &Long<'_>, seen: &mut Seen<'_>) -> Result<(), Fault> {
        let side = self.side(end);
        if self.keys.as_ref().is_none_or(|(family, _)| *family != packet.family) {
            self.keys = keys::initial(packet.family, &self.original).map(|keys| (packet.family, Box::new(keys)));
        }
        let keys = self.keys.as_ref().and_then(|(_, keys)| keys.get(side)).ok_or(Fault::Unopened)?;
        let (number, frames) = keys.open(packet, self.largest[side]).ok_or(Fault::Unopened)?;
        self.largest[side] = self.largest[side].max(Some(number));
        if packet.version != self.version {
            self.settled = Some(packet.version);
        }
        if side == SERVER {
            self.server = Some(packet.source);
        }
        self.frames(end, &frames, seen)
    }

    /// Reads the frames of an Initial.
    pub(super) fn frames(&mut self, end: End, payload: &[u8], seen: &mut Seen<'_>) -> Result<(), Fault> {
        let side = self.side(end);
        for frame in frames(payload) {
            match frame.map_err(|_| Fault::Content)? {
                Frame::Crypto { offset, bytes } => match self.crypto[side].insert(offset, bytes) {
                    Ok(()) => {}
                    Err(Refused::Contradiction) => seen.say(Fact::Overlap),
                    Err(Refused::Limit) => return Err(Fault::Limit),
                },
                Frame::Close { error: error @ 0x100..=0x1ff } => seen.say(Fact::Alert(Alert { level: 2, description: error as u8 })),
                Frame::Close { .. } => {}
            }
        }
        self.messages(side, seen)
    }

    /// Reads the hellos that are whole.
    fn messages(&mut self, side: usize, seen: &mut Seen<'_>) -> Result<(), Fault> {
        let crypto = std::mem::take(&mut self.crypto[side]);
        let mut at = self.used[side];
        let outcome = loop {
            let rest = crypto.whole().get(at..).unwrap_or_default();
            let expected = if side == CLIENT { CLIENT_HELLO } else { SERVER_HELLO };
            let is_due = if side == CLIENT { self.hellos < 2 } else { self.tls.is_none() };
            match rest {
                [] => break Ok(()),
                [kind, ..] if *kind != expected || !is_due => break Err(Fault::Content),
                [_, high, middle, low, body @ ..] => {
                    let length = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
                    let Some(body) = body.get(..length) else { break Ok(()) };
                    at += 4 + length;
                    if side == CLIENT {
                        self.client_hello(body, seen);
                    } else if let Err(fault) = self.server_hello(body, seen) {
                        break Err(fault);
                    }
                }
                _ => break Ok(()),
            }
        };
        self.used[side] = at;
        self.crypto[side] = crypto;
        outcome?;
        if self.is_read() {
            // what lies behind the hellos in them is in the clear, and has no place there
            let is_more = self.crypto.iter().zip(self.used).any(|(crypto, used)| crypto.end() > used);
            self.crypto = Default::default();
            self.keys = None;
            self.settle(seen);
            if is_more {
                return Err(Fault::Content);
            }
        }
        Ok(())
    }

    fn client_hello(&mut self, body: &[u8], seen: &mut Seen<'_>) {
        let hello = ClientHello::read(body);
        self.hellos += 1;
        self.offer = hello.offer;
        hello::text::say(body, true, seen);
        self.greases |= hello::extension(body, TRANSPORT_PARAMETERS).is_some_and(|list| has_parameter(list, GREASE_QUIC_BIT));
        if self.hellos == 1 {
            self.name.clone_from(&hello.name);
            fingerprint::say_client(body, Over::Quic, seen);
            return hello.say(NameSource::QuicSni, seen);
        }
        let is_another = hello.name != self.name;
        if is_another || hello.hidden.is_some() || hello.malformed.is_some() {
            hello.say_name(NameSource::QuicSni, seen);
        }
        if is_another {
            seen.say(Fact::Malformed("second hello asks for another name".to_owned()));
        }
    }

    fn server_hello(&mut self, body: &[u8], seen: &mut Seen<'_>) -> Result<(), Fault> {
        let hello = match ServerHello::read(body) {
            Ok(hello) => hello,
            Err(what) => {
                seen.say(Fact::Malformed(what.to_owned()));
                return Err(Fault::Content);
            }
        };
        hello::text::say(body, false, seen);
        if let Some(what) = hello.fault {
            seen.say(Fact::Version(hello.version));
            seen.say(Fact::CipherSuite(hello.suite));
            seen.say(Fact::Malformed(what.to_owned()));
            return Err(Fault::Content);
        }
        if hello.is_retry {
            if std::mem::replace(&mut self.is_retried, true) {
                seen.say(Fact::Malformed("second hello retry request".to_owned()));
            }
            return Ok(());
        }
        hello.say_details(body, seen);
        self.accepts_key = hello.accepts_key;
        self.tls = Some((hello.version, hello.suite));
        seen.say(Fact::Version(hello.version));
        seen.say(Fact::CipherSuite(hello.suite));
        Ok(())
    }

    /// Notes a Handshake packet of `end`.
    pub(super) fn handshake(&mut self, end: End, packet: &Long<'_>, seen: &mut Seen<'_>) {
        let side = self.side(end);
        self.handshake[side] |= packet.sealed().len() >= FINISHED_BYTES;
        self.settle(seen);
    }

    /// Notes a packet with a short header. Returns whether it is the first of either end.
    pub(super) fn short(&mut self, end: End, seen: &mut Seen<'_>) -> bool {
        let side = self.side(end);
        if self.short[side] {
            return false;
        }
        let is_first = self.short == [false; 2];
        self.short[side] = true;
        self.settle(seen);
        is_first
    }

    /// Says that the handshake has finished, once it was seen to: hellos, Handshake packets from both ends, and then short headers from
    /// both, which only who holds the keys can send.
    fn settle(&mut self, seen: &mut Seen<'_>) {
        let Some((version, suite)) = self.tls.filter(|_| self.is_read()) else { return };
        let is_whole = self.handshake == [true; 2] && self.short == [true; 2];
        // QUIC has no other TLS than 1.3 (RFC 9001 section 4.2)
        if self.is_finished || !is_whole || version < TlsVersion::TLS1_3 {
            return;
        }
        self.is_finished = true;
        self.name = None;
        if self.accepts_key && self.offer.has_key() {
            seen.say(Fact::Resumed);
        } else if self.accepts_key {
            seen.say(Fact::Malformed(NOT_OFFERED.to_owned()));
            seen.say(Fact::Unrecognised);
        }
        seen.say(Fact::HandshakeFinished);
        if hello::is_encrypting(suite) {
            seen.say(Fact::Encrypted);
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        // the round keys of two ends, which are dropped with the hellos
        const KEYS: usize = 1200;
        let keys = if self.keys.is_some() { KEYS } else { 0 };
        size_of::<Self>() + keys + self.crypto.iter().map(Pieces::heap_bytes).sum::<usize>()
    }

    fn side(&self, end: End) -> usize {
        if end == self.client { CLIENT } else { SERVER }
    }
}

/// Whether a list of transport parameters has one of this number (RFC 9000 section 18).
fn has_parameter(list: &[u8], wanted: u64) -> bool {
    let mut rest = Reader(list);
    let parameters = std::iter::from_fn(|| {
        let (number, length) = (rest.varint()?, usize::try_from(rest.varint()?).ok()?);
        rest.take(length)?;
        Some(number)
    });
    parameters.into_iter().any(|number| number == wanted)
}
