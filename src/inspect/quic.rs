//! QUIC versions 1 and 2 and the late drafts (RFC 9000, RFC 9001, RFC 9369): packets, the hellos in Initials, and how far the handshake has
//! come. `docs/quic.md` says what this can and cannot see.
//!
//! Initials are opened with the keys that everybody can derive until the hellos are read, and no longer; what they ask for is said as for
//! TLS over TCP. A handshake is finished once the hellos were read and both ends sent Handshake packets that can hold a Finished, and then
//! packets with short headers. Every datagram is held to QUIC's framing to the end of the flow: known connection IDs ([`ids`]), lengths,
//! no readable text. Packets that come ahead of what explains them wait for it, so that the order between the ends does not matter.
//!
//! It refuses to take a long header for proof of anything, to follow a Retry that does not answer the client's Initial, to link flows by
//! connection IDs (a migrated connection is a flow that nobody explains), and to read Google's QUIC before version 1.

mod attempt;
mod frame;
mod ids;
mod keys;
mod packet;

use serde::{Deserialize, Serialize};

use self::attempt::{Attempt, Fault};
use self::ids::{Borne, Ids};
use self::packet::{Id, Kind, Long, Packet, Version};
use super::readable::{self, Look, Watch, is_text};
use super::{Carrier, Finish, Inspector, Opening, Probe, Progress, Protocol, Seen, saved};
use crate::fact::{Cleartext, Detail, EarlyData, End, Fact, Hidden};
use crate::limits;

/// QUIC over UDP.
pub(super) static QUIC: Protocol = Protocol {
    name: "quic",
    carrier: Carrier::Datagram,
    recognised_by: "a long header of version 1, 2, a late draft or a greased one; an Initial that opens with its keys",
    reads: "the hello messages in Initials, which open with known keys; the types of packets, every connection ID",
    encrypted: "all behind hellos that were read and Handshake packets of both ends",
    probe: |opening| if is_opening(opening) { Probe::Yes } else { Probe::No },
    open: || Box::new(Quic::default()),
    load: saved::load::<Quic>,
};

/// The least that a client's first datagram must hold (RFC 9000 section 14.1).
const FIRST_BYTES: usize = 1200;

/// The shortest datagram of text that is called so; shorter ones are unrecognised.
const TEXT_BYTES: usize = 16;

/// A run of text in a token that is told: a code written in letters, with the words about it, is shorter.
const TOKEN_RUN: usize = 128;

fn is_opening(opening: &Opening<'_>) -> bool {
    let is_known = |version: Version| version.family().is_some() || version.is_greased();
    match packet::read(opening.first) {
        Ok((Packet::Long(_), _)) => true,
        Ok((Packet::Other { version, .. }, _)) => version.is_greased() && opening.first.len() >= FIRST_BYTES,
        Ok((Packet::Negotiation { versions, .. }, _)) => {
            versions.as_chunks().0.iter().any(|&version| is_known(Version(u32::from_be_bytes(version))))
        }
        _ => false,
    }
}

/// One flow of QUIC.
#[derive(Default, Serialize, Deserialize)]
struct Quic {
    attempt: Option<Box<Attempt>>,
    /// Attempts before it.
    former: Vec<Former>,
    /// By which connection IDs each end is addressed.
    ids: [Ids; 2],
    /// Packets, each with what follows it in its datagram, that wait for what explains them.
    held: Vec<(End, Vec<u8>)>,
    held_bytes: usize,
    /// A packet of a version that nobody speaks, which the other end has to refuse.
    asked: Option<Asked>,
    unread: [u8; 2],
    /// What each end's sealed packets read like.
    watches: [Watch; 2],
    /// Initials that were opened, or tried.
    opened: u8,
    is_begun: bool,
    /// One of the former attempts was seen to finish.
    was_finished: bool,
    is_data_said: bool,
    is_unrecognised: bool,
    is_readable: bool,
    /// A bound was hit: nothing more is read.
    is_spent: bool,
    is_over: bool,
}

/// An attempt that the client gave up for another.
#[derive(Serialize, Deserialize)]
struct Former {
    client: End,
    version: Version,
    original: Id,
    source: Id,
}

/// A packet of a greased version.
#[derive(Serialize, Deserialize)]
struct Asked {
    by: End,
    destination: Id,
    source: Id,
    is_refused: bool,
}

/// What became of a packet.
enum Fate {
    /// It has its place.
    Fits,
    /// It has, and may explain what waits.
    Explains,
    /// It may be explained by what is still to come.
    Waits,
    /// It has no place here.
    Rejected,
}

impl Inspector for Quic {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        let mut explains = self.datagram(end, bytes, seen);
        if !std::mem::replace(&mut self.is_begun, true) && self.attempt.is_none() && !may_open(bytes) {
            seen.say(Fact::OpenerUnseen);
        }
        while explains && !self.held.is_empty() {
            explains = false;
            self.held_bytes = 0;
            for (end, bytes) in std::mem::take(&mut self.held) {
                explains |= self.datagram(end, &bytes, seen);
            }
        }
        if self.is_spent { Progress::Settled } else { Progress::Used(bytes.len()) }
    }

    fn gap(&mut self, _: End, _: u64, _: &mut Seen<'_>) -> Progress {
        // a datagram that was cut hides nothing of the next
        Progress::Used(0)
    }

    fn finish(&mut self, _: End, _: Finish, seen: &mut Seen<'_>) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        if !self.attempt.as_ref().is_some_and(|attempt| attempt.has_hello()) {
            seen.say(Fact::NameHidden(Hidden::NotSeen));
        }
        for (_, bytes) in std::mem::take(&mut self.held) {
            self.reject(&bytes, seen);
        }
        let is_unanswered = self.asked.as_ref().is_some_and(|asked| !asked.is_refused);
        let is_unfinished = self.was_finished && self.attempt.as_ref().is_some_and(|attempt| !attempt.is_finished);
        if is_unanswered || is_unfinished || self.ids.iter().any(Ids::has_doubts) {
            self.unrecognised(seen);
        }
    }

    fn is_lasting(&self) -> bool {
        self.attempt.as_ref().is_some_and(|attempt| attempt.is_finished)
    }

    fn heap_bytes(&self) -> usize {
        let held = self.held_bytes + self.held.capacity() * size_of::<(End, Vec<u8>)>();
        let ids: usize = self.ids.iter().map(Ids::heap_bytes).sum();
        let attempts = self.attempt.as_ref().map_or(0, |attempt| attempt.heap_bytes()) + self.former.capacity() * size_of::<Former>();
        size_of::<Self>() + held + ids + attempts
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}

/// Whether a datagram that did not begin an attempt can still be the first of its flow: one of a version that is not spoken, or early data
/// ahead of its Initial. Any other was preceded by one that was not seen.
fn may_open(datagram: &[u8]) -> bool {
    match packet::read(datagram) {
        Ok((Packet::Long(long), _)) => long.kind == Kind::EarlyData,
        Ok((Packet::Negotiation { .. }, _)) => false,
        _ => true,
    }
}

impl Quic {
    /// Reads the packets of a datagram, or of what is left of one. Returns whether what waits may be explained now.
    fn datagram(&mut self, end: End, datagram: &[u8], seen: &mut Seen<'_>) -> bool {
        let mut explains = false;
        let mut rest = datagram;
        while !rest.is_empty() && !self.is_spent {
            let Ok((packet, behind)) = packet::read(rest) else {
                self.reject(rest, seen);
                break;
            };
            let fate = match packet {
                Packet::Long(long) => self.long(end, &long, seen),
                Packet::Short(bytes) => self.short(end, bytes, seen),
                Packet::Negotiation { versions, .. } if !packet::are_versions(versions) => Fate::Rejected,
                Packet::Negotiation { destination, source, .. } => self.negotiation(end, &destination, &source, seen),
                Packet::Other { version, destination, source } => self.other(end, version, destination, source),
                Packet::Padding => Fate::Fits,
            };
            match fate {
                Fate::Fits => {}
                Fate::Explains => explains = true,
                Fate::Rejected => self.reject(rest, seen),
                Fate::Waits => {
                    self.hold(end, rest, seen);
                    break;
                }
            }
            rest = behind;
        }
        explains
    }

    fn long(&mut self, end: End, packet: &Long<'_>, seen: &mut Seen<'_>) -> Fate {
        // what a token means to who gave it nobody else can tell
        if readable::holds_run(packet.token, TOKEN_RUN) {
            self.readable(seen);
        }
        if packet.kind == Kind::Initial {
            return self.initial(end, packet, seen);
        }
        let Some(attempt) = &mut self.attempt else { return Fate::Waits };
        let of_client = end == attempt.client;
        let is_own = match packet.kind {
            Kind::Retry => {
                let is_known = |original: &Id| packet.source == attempt.original || keys::answers(packet, original);
                let mut originals = self.former.iter().map(|former| &former.original).chain([&attempt.original]);
                let has_place = !of_client && originals.any(is_known);
                drop(originals);
                return if has_place { self.count(end) } else { Fate::Waits };
            }
            Kind::EarlyData if !of_client => return Fate::Rejected,
            Kind::EarlyData => {
                let is_former = self.former.iter().any(|former| former.client == end && former.original == packet.destination);
                is_former || attempt.is_from_client(packet)
            }
            _ if of_client => attempt.source == packet.source && attempt.server == Some(packet.destination),
            _ => attempt.server.is_some() && attempt.is_from_server(packet),
        };
        if !is_own {
            return Fate::Waits;
        }
        if !attempt.speaks(packet.version) || !packet.is_fixed && !attempt.greases {
            return Fate::Rejected;
        }
        if packet.kind == Kind::Handshake {
            attempt.handshake(end, packet, seen);
        } else {
            if !self.is_data_said {
                seen.say(Fact::Detail(Detail::EarlyData(EarlyData::Sent)));
            }
            self.protected_data(seen);
        }
        self.sealed(end, packet.sealed(), seen)
    }

    fn initial(&mut self, end: End, packet: &Long<'_>, seen: &mut Seen<'_>) -> Fate {
        if let Some(attempt) = &mut self.attempt {
            let of_client = end == attempt.client;
            if if of_client { attempt.is_from_client(packet) } else { attempt.is_from_server(packet) } {
                if attempt.is_read() {
                    let is_right = attempt.speaks(packet.version) && (packet.is_fixed || attempt.greases);
                    return if is_right { self.unread(end, packet, seen) } else { Fate::Rejected };
                }
                self.opened = self.opened.saturating_add(1);
                if self.opened > limits::QUIC_INITIALS_OPENED {
                    return self.spent("initials", seen);
                }
                let is_news = attempt.server.is_none();
                let outcome = attempt.initial(end, packet, seen);
                let server = attempt.server;
                if outcome != Err(Fault::Unopened) {
                    if let Some(server) = server {
                        self.ids[if of_client { !end } else { end }.index()].learn(server);
                    }
                    return match self.faulted(outcome, seen) {
                        Fate::Fits if is_news && server.is_some() => Fate::Explains,
                        fate => fate,
                    };
                }
            }
        }
        if self.former.iter().any(|former| former.client == end && former.is(packet)) {
            return self.unread(end, packet, seen);
        }
        // a first destination has eight bytes at least, one that a Retry gave may have fewer
        if packet.destination.len() < 8 && packet.token.is_empty() {
            return Fate::Waits;
        }
        self.opened = self.opened.saturating_add(1);
        if self.opened > limits::QUIC_INITIALS_OPENED {
            return self.spent("initials", seen);
        }
        match Attempt::begin(end, packet) {
            Some((attempt, frames)) => self.begin(attempt, &frames, seen),
            None => Fate::Waits,
        }
    }

    /// Goes over to a new attempt.
    fn begin(&mut self, mut attempt: Attempt, frames: &[u8], seen: &mut Seen<'_>) -> Fate {
        let client = attempt.client;
        if let Some(old) = self.attempt.take() {
            self.was_finished |= old.is_finished;
            // an attempt that came to nothing has no data; and one from the other end is another flow between the same ports
            if old.client != client || !old.is_finished && old.has_sealed() {
                self.unrecognised(seen);
            }
            if self.former.len() >= limits::QUIC_ATTEMPTS {
                return self.spent("attempts", seen);
            }
            self.former.push(Former { client: old.client, version: old.version(), original: old.original, source: old.source });
        }
        seen.say(Fact::Opener(client));
        seen.say(Fact::HandshakeBegun);
        self.ids[client.index()].learn(attempt.source);
        let outcome = attempt.frames(client, frames, seen);
        self.attempt = Some(Box::new(attempt));
        match self.faulted(outcome, seen) {
            Fate::Fits => Fate::Explains,
            fate => fate,
        }
    }

    fn faulted(&mut self, outcome: Result<(), Fault>, seen: &mut Seen<'_>) -> Fate {
        match outcome {
            Ok(()) => Fate::Fits,
            Err(Fault::Limit) => self.spent("crypto bytes", seen),
            Err(Fault::Content | Fault::Unopened) => Fate::Rejected,
        }
    }

    /// An Initial that need not be opened: an acknowledgement, or the hello again.
    fn unread(&mut self, end: End, packet: &Long<'_>, seen: &mut Seen<'_>) -> Fate {
        match self.count(end) {
            Fate::Fits => self.sealed(end, packet.sealed(), seen),
            fate => fate,
        }
    }

    /// A packet whose content is not looked at; there is no need for many.
    fn count(&mut self, end: End) -> Fate {
        let count = &mut self.unread[end.index()];
        *count = count.saturating_add(1);
        if *count > limits::QUIC_PACKETS_UNREAD { Fate::Rejected } else { Fate::Fits }
    }

    /// Looks whether what should be ciphertext reads as text.
    fn sealed(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Fate {
        if self.watches[end.index()].look(bytes, bytes.len()) == Look::Text {
            self.readable(seen);
        }
        Fate::Fits
    }

    fn short(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Fate {
        let ids = &mut self.ids[(!end).index()];
        let Some(attempt) = self.attempt.as_mut().filter(|_| !ids.is_empty()) else { return Fate::Waits };
        if bytes.first().is_none_or(|first| first & 0x40 == 0) && !attempt.greases {
            return Fate::Rejected;
        }
        if ids.known(bytes).is_none() && is_text(bytes, TEXT_BYTES) {
            return Fate::Rejected;
        }
        match ids.borne(bytes) {
            Borne::Known(length) => {
                if attempt.short(end, seen) {
                    self.protected_data(seen);
                }
                self.sealed(end, bytes.get(1 + length..).unwrap_or_default(), seen)
            }
            Borne::New | Borne::Reset => self.sealed(end, bytes.get(1..).unwrap_or_default(), seen),
            Borne::Nothing => Fate::Rejected,
        }
    }

    /// A Version Negotiation packet has its place where it turns round the connection IDs of what the client sent (RFC 9000 section 17.2.1).
    fn negotiation(&mut self, end: End, destination: &Id, source: &Id, seen: &mut Seen<'_>) -> Fate {
        if let Some(asked) = &mut self.asked
            && (asked.by != end && asked.source == *destination && asked.destination == *source)
        {
            asked.is_refused = true;
            seen.say(Fact::Opener(asked.by));
            return self.count(end);
        }
        let current = self.attempt.iter().map(|attempt| (attempt.client, &attempt.original, &attempt.source));
        let mut known = self.former.iter().map(|former| (former.client, &former.original, &former.source)).chain(current);
        let has_place = known.any(|(client, of_client, to_client)| client != end && of_client == source && to_client == destination);
        if has_place { self.count(end) } else { Fate::Waits }
    }

    /// A packet of a version that is not read: only one that is made to be refused has a place, and only before the handshake.
    fn other(&mut self, by: End, version: Version, destination: Id, source: Id) -> Fate {
        let is_few = matches!(self.count(by), Fate::Fits);
        let is_again = |asked: &Asked| (asked.by, asked.destination, asked.source) == (by, destination, source);
        let has_place = self.attempt.is_none() || self.asked.as_ref().is_some_and(is_again);
        if !version.is_greased() || !has_place || !is_few {
            return Fate::Rejected;
        }
        match &self.asked {
            None => {
                self.asked = Some(Asked { by, destination, source, is_refused: false });
                Fate::Explains
            }
            Some(asked) if is_again(asked) => Fate::Fits,
            Some(_) => Fate::Rejected,
        }
    }

    fn hold(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) {
        if self.held.len() >= limits::QUIC_HELD_PACKETS || self.held_bytes + bytes.len() > limits::QUIC_HELD_BYTES {
            return self.reject(bytes, seen);
        }
        self.held_bytes += bytes.len();
        self.held.push((end, bytes.to_vec()));
    }

    /// Says what bytes are that have no place here.
    fn reject(&mut self, bytes: &[u8], seen: &mut Seen<'_>) {
        if is_text(bytes, TEXT_BYTES) { self.readable(seen) } else { self.unrecognised(seen) }
    }

    fn spent(&mut self, which: &str, seen: &mut Seen<'_>) -> Fate {
        self.is_spent = true;
        if !self.attempt.as_ref().is_some_and(|attempt| attempt.has_hello()) {
            seen.say(Fact::NameHidden(Hidden::NotSeen));
        }
        seen.say(Fact::Limit(which.to_owned()));
        Fate::Fits
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

    fn protected_data(&mut self, seen: &mut Seen<'_>) {
        if !std::mem::replace(&mut self.is_data_said, true) {
            seen.say(Fact::ProtectedData);
        }
    }
}

impl Former {
    fn is(&self, packet: &Long<'_>) -> bool {
        (self.version, self.original) == (packet.version, packet.destination)
    }
}

#[cfg(test)]
mod tests;
