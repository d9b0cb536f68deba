//! DTLS 1.0, 1.2 and 1.3 over UDP (RFC 4347, RFC 6347, RFC 9147) and over SCTP (RFC 6083): records, the hellos, and how far the handshake has
//! come. `docs/dtls.md` says what this can and cannot see.
//!
//! Hellos are put together from their fragments ([`hellos`]) and read as those of TLS over TCP. A handshake is finished once the hello that the
//! server answered was read, its answer too, and both ends have shown that they hold the keys:
//! - before 1.3: each sent change_cipher_spec, and a handshake record of the epoch behind it that can hold its Finished;
//! - 1.3: each sent a record of epoch 2 that can hold its Finished, and then one of epoch 3 (the server at least acknowledges).
//!
//! Every datagram is held to the framing to the end of the flow: records that fill it, with a version, an epoch and connection IDs that were
//! agreed on, and no readable text. Datagrams that come ahead of what explains them wait for it, so that the order between them does not
//! matter; what is sent again is the same again.
//!
//! The server's certificates are put together in the same way and passed on whole. It refuses to follow a session to other addresses by its
//! connection ID, and to take a flow that begins with another protocol (STUN) for this one.

mod handshake;
mod hellos;
mod record;

use serde::{Deserialize, Serialize};

use self::hellos::Hellos;
use self::record::{NoRecord, Record};
use super::hello;
use super::hello::offer::{NOT_OFFERED, Offer, SessionId};
use super::readable::{self, Look, Trail, Watch};
use super::{Carrier, Finish, Inspector, Probe, Progress, Protocol, Seen, saved};
use crate::fact::{Alert, CipherSuite, Cleartext, End, Fact, Hidden, Name, TlsVersion, Unread};
use crate::limits;

/// DTLS over UDP.
pub(super) static OVER_UDP: Protocol = Protocol {
    name: "dtls",
    carrier: Carrier::Datagram,
    recognised_by: "a datagram that begins with a record of DTLS",
    reads: "the hello messages, certificates before 1.3, alerts, every record header",
    encrypted: "records after a handshake that was seen to finish, with a suite that encrypts",
    probe: |opening| if record::is_opening(opening.first) { Probe::Yes } else { Probe::No },
    open: || Box::new(Dtls::default()),
    load: saved::load::<Dtls>,
};

/// DTLS over SCTP.
pub(super) static OVER_SCTP: Protocol = Protocol { carrier: Carrier::Message, recognised_by: "a user message that begins so", ..OVER_UDP };

/// The shortest record before 1.3 that can hold a Finished: 24 bytes of message, and a tag.
const FINISHED_BYTES: usize = 24 + 8;
/// The same of 1.3: 44 bytes of message, its type, a tag.
const FINISHED_BYTES_13: usize = 44 + 1 + 8;

/// The shortest bytes of text that are called so where a record is due; fewer are unrecognised.
const TEXT_BYTES: usize = 16;

/// One flow of DTLS.
#[derive(Default, Serialize, Deserialize)]
struct Dtls {
    client: Option<End>,
    ends: [Half; 2],
    /// The name that the session's first hello asked for.
    name: Option<Name>,
    /// A hello of the session was read.
    has_hello: bool,
    offers_early_data: bool,
    /// By what the last hello lets an earlier session go on.
    offer: Offer,
    settled: Option<Settled>,
    /// What sessions before it settled.
    former: Option<(TlsVersion, CipherSuite)>,
    sessions: u8,
    alerts: u8,
    /// Datagrams, or what is left of them, that wait for what explains them.
    held: Vec<(End, Vec<u8>)>,
    held_bytes: usize,
    is_finished: bool,
    /// One of the former sessions was seen to finish.
    was_finished: bool,
    is_begun: bool,
    is_data_said: bool,
    is_unrecognised: bool,
    is_readable: bool,
    /// Nothing more is read: a bound was hit, or the answer is malformed.
    is_spent: bool,
    is_over: bool,
}

/// What one end has said.
#[derive(Default, Serialize, Deserialize)]
struct Half {
    hellos: Hellos,
    /// Its Certificate message.
    certificates: Hellos,
    /// That was passed on, or is longer than is read.
    is_shown: bool,
    /// The connection ID that it wants to be addressed by.
    id: Option<Vec<u8>>,
    /// Bytes of handshake messages in the clear, and the text that they end with.
    plain: u32,
    text: Trail,
    /// It sent messages in the clear behind its hello, which no client of DTLS 1.3 does.
    is_old: bool,
    /// What its sealed records read like.
    watch: Watch,
    /// It sent what follows a hello where the session is not resumed.
    is_full: bool,
    /// change_cipher_spec was sent.
    is_changed: bool,
    /// A sealed record that can hold a Finished was sent.
    is_sealed: bool,
    /// A record of epoch 3 was sent.
    is_through: bool,
    /// The highest epoch and sequence number of its sealed records before 1.3.
    highest: (u16, u64),
}

/// What a ServerHello settled.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Settled {
    version: TlsVersion,
    suite: CipherSuite,
    /// Its place among the server's messages, which is that of the hello that it answers.
    sequence: u16,
    session: SessionId,
    accepts_key: bool,
}

/// What became of a record.
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

impl Inspector for Dtls {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        let mut explains = self.datagram(end, bytes, seen);
        if !std::mem::replace(&mut self.is_begun, true) && self.client.is_none() {
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
        if std::mem::replace(&mut self.is_over, true) || self.is_spent {
            return;
        }
        self.leave_hellos(seen);
        self.leave_certificate(seen);
        for (_, bytes) in std::mem::take(&mut self.held) {
            self.reject(&bytes, seen);
        }
        // what a handshake that finished has proven is not true of the next
        let was_refuted = self.was_finished && !self.is_finished;
        // messages of a handshake that nobody has answered
        let is_alone = self.settled.is_none() && self.ends.iter().any(|half| half.is_old);
        if was_refuted || is_alone {
            self.unrecognised(seen);
        }
    }

    fn is_lasting(&self) -> bool {
        self.is_finished
    }

    fn heap_bytes(&self) -> usize {
        let held = self.held_bytes + self.held.capacity() * size_of::<(End, Vec<u8>)>();
        let of_half = |half: &Half| half.hellos.heap_bytes() + half.certificates.heap_bytes() + half.id.as_ref().map_or(0, Vec::capacity);
        size_of::<Self>() + held + self.ends.iter().map(of_half).sum::<usize>()
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}

impl Dtls {
    /// Reads the records of a datagram, or of what is left of one. Returns whether what waits may be explained now.
    fn datagram(&mut self, end: End, datagram: &[u8], seen: &mut Seen<'_>) -> bool {
        let mut explains = false;
        let mut rest = datagram;
        while !rest.is_empty() && !self.is_spent {
            let fate = match record::read(rest, self.agreed_id(!end)) {
                Ok((record, behind)) => match self.record(end, &record, seen) {
                    fate @ (Fate::Fits | Fate::Explains) => {
                        rest = behind;
                        fate
                    }
                    fate => fate,
                },
                Err(NoRecord::UnknownId) if !self.is_answered() => Fate::Waits,
                // a header of DTLS 1.3 and text begin alike
                Err(_) => Fate::Rejected,
            };
            match fate {
                Fate::Fits => {}
                Fate::Explains => explains = true,
                Fate::Waits => {
                    self.hold(end, rest, seen);
                    break;
                }
                Fate::Rejected => {
                    self.reject(rest, seen);
                    break;
                }
            }
        }
        explains
    }

    /// The connection ID by which `receiver` is addressed, where both ends agreed on it.
    fn agreed_id(&self, receiver: End) -> Option<&[u8]> {
        let [one, other] = [receiver, !receiver].map(|end| self.ends[end.index()].id.as_deref());
        one.filter(|_| other.is_some())
    }

    /// Whether both hellos were read, so that it is known what may follow.
    fn is_answered(&self) -> bool {
        let hellos = self.client.map(|client| &self.ends[client.index()].hellos);
        matches!((self.settled, hellos), (Some(settled), Some(hellos)) if hellos.are_read(settled.sequence))
    }

    fn record(&mut self, end: End, record: &Record<'_>, seen: &mut Seen<'_>) -> Fate {
        match *record {
            Record::Long { kind, epoch: 0, body, .. } => self.plain(end, kind, body, seen),
            Record::Long { kind, version, epoch, sequence, body } => match self.settled {
                Some(settled) if self.is_answered() => self.sealed(end, (kind, epoch, sequence), (version, settled.version), body, seen),
                _ => Fate::Waits,
            },
            Record::Short { epoch, id, body } => match self.settled {
                Some(settled) if self.is_answered() => {
                    let is_13 = settled.version == TlsVersion::DTLS1_3;
                    // others of the same length may have been issued under encryption
                    let is_known = id.is_empty() || self.is_finished || self.agreed_id(!end) == Some(id);
                    if is_13 && is_known { self.sealed_13(end, epoch, body, seen) } else { Fate::Rejected }
                }
                _ => Fate::Waits,
            },
        }
    }

    /// A record in the clear.
    fn plain(&mut self, end: End, kind: u8, body: &[u8], seen: &mut Seen<'_>) -> Fate {
        if kind == record::HANDSHAKE {
            return self.handshake(end, body, seen);
        }
        if self.client.is_none() {
            return Fate::Waits;
        }
        let is_13 = self.settled.map(|settled| settled.version == TlsVersion::DTLS1_3);
        match (kind, body, is_13) {
            (record::CHANGE_CIPHER_SPEC, [1], Some(false)) => {
                self.ends[end.index()].is_changed = true;
                self.settle(seen);
                Fate::Fits
            }
            (record::CHANGE_CIPHER_SPEC, [1], None) => Fate::Waits,
            (record::ALERT, &[level @ 1..=2, description], _) if self.alerts < limits::ALERTS_PER_FLOW => {
                self.alerts += 1;
                seen.say(Fact::Alert(Alert { level, description }));
                Fate::Fits
            }
            (record::ACK, _, None) => Fate::Waits,
            (record::ACK, _, Some(true)) if is_acknowledgement(body) => Fate::Fits,
            _ => Fate::Rejected,
        }
    }

    /// A sealed record before DTLS 1.3: its type, epoch and sequence number, its version and the one that was settled.
    fn sealed(
        &mut self,
        end: End,
        (kind, epoch, sequence): (u8, u16, u64),
        (version, settled): (TlsVersion, TlsVersion),
        body: &[u8],
        seen: &mut Seen<'_>,
    ) -> Fate {
        let half = &mut self.ends[end.index()];
        let is_near = match half.highest {
            (highest, last) if epoch == highest => sequence <= last.saturating_add(limits::SEQUENCE_STEP),
            (highest, _) => epoch < highest || epoch == highest + 1 && sequence <= limits::SEQUENCE_STEP,
        };
        if version != settled || !is_near || body.len() < record::SEALED_BYTES || kind == record::ACK {
            return Fate::Rejected;
        }
        half.highest = half.highest.max((epoch, sequence));
        // behind a connection ID the type is sealed too; what an epoch begins with is the Finished
        let may_finish = kind == record::HANDSHAKE || kind == record::WITH_ID && sequence == 0;
        if epoch == 1 && may_finish && body.len() >= FINISHED_BYTES {
            half.is_sealed = true;
            self.settle(seen);
        }
        if kind == record::APPLICATION_DATA || kind == record::WITH_ID && sequence > 0 {
            self.protected_data(seen);
        }
        self.ciphertext(end, body, seen)
    }

    /// A sealed record of DTLS 1.3: the lowest bits of its epoch.
    fn sealed_13(&mut self, end: End, epoch: u8, body: &[u8], seen: &mut Seen<'_>) -> Fate {
        if body.len() < record::SEALED_BYTES {
            return Fate::Rejected;
        }
        let half = &mut self.ends[end.index()];
        match epoch {
            2 => half.is_sealed |= body.len() >= FINISHED_BYTES_13,
            3 => half.is_through = true,
            // early data, or keys that were updated
            1 if self.client == Some(end) && self.offers_early_data => {}
            _ if self.is_finished => {}
            _ => return Fate::Rejected,
        }
        if epoch != 2 {
            self.protected_data(seen);
        }
        self.settle(seen);
        self.ciphertext(end, body, seen)
    }

    fn settle(&mut self, seen: &mut Seen<'_>) {
        let Some(settled) = self.settled.filter(|_| !self.is_finished && self.is_answered()) else { return };
        let is_13 = settled.version == TlsVersion::DTLS1_3;
        if !self.ends.iter().all(|half| half.is_sealed && if is_13 { half.is_through } else { half.is_changed }) {
            return;
        }
        self.is_finished = true;
        let is_full = self.ends.iter().any(|half| half.is_full);
        if if is_13 { settled.accepts_key } else { !is_full } {
            self.say_resumption(settled, seen);
        }
        seen.say(Fact::HandshakeFinished);
        if hello::is_encrypting(settled.suite) {
            seen.say(Fact::Encrypted);
        }
    }

    /// Says that a session goes on that was begun before. What the client did not offer shows nothing, and hides the certificates.
    fn say_resumption(&mut self, settled: Settled, seen: &mut Seen<'_>) {
        let is_13 = settled.version == TlsVersion::DTLS1_3;
        if if is_13 { self.offer.has_key() } else { self.offer.covers(settled.session) } {
            return seen.say(Fact::Resumed);
        }
        seen.say(Fact::Malformed(NOT_OFFERED.to_owned()));
        self.unrecognised(seen);
        if !is_13 && hello::is_certified(settled.suite) {
            seen.say(Fact::Certificate(Err(Unread::Missing)));
        }
    }

    /// Looks whether what should be ciphertext reads as text.
    fn ciphertext(&mut self, end: End, body: &[u8], seen: &mut Seen<'_>) -> Fate {
        if self.ends[end.index()].watch.look(body, body.len()) == Look::Text {
            self.readable(seen);
        }
        Fate::Fits
    }

    fn hold(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) {
        if self.held.len() >= limits::DTLS_HELD_DATAGRAMS || self.held_bytes + bytes.len() > limits::DTLS_HELD_BYTES {
            return self.reject(bytes, seen);
        }
        self.held_bytes += bytes.len();
        self.held.push((end, bytes.to_vec()));
    }

    /// Says what bytes are that have no place here: text, be it behind the header of a record.
    fn reject(&mut self, bytes: &[u8], seen: &mut Seen<'_>) {
        let body = match record::read(bytes, None) {
            Ok((Record::Long { body, .. } | Record::Short { body, .. }, _)) => body,
            Err(_) => &[],
        };
        if [bytes, body].into_iter().any(|bytes| readable::is_text(bytes, TEXT_BYTES)) {
            self.readable(seen)
        } else {
            self.unrecognised(seen)
        }
    }

    fn spent(&mut self, which: &str, seen: &mut Seen<'_>) -> Fate {
        self.is_spent = true;
        self.leave_hellos(seen);
        seen.say(Fact::Limit(which.to_owned()));
        Fate::Fits
    }

    /// Says that a hello will not be read, where one was not.
    fn leave_hellos(&mut self, seen: &mut Seen<'_>) {
        let is_read = self.client.is_some_and(|client| {
            let hellos = &self.ends[client.index()].hellos;
            self.settled.map_or(hellos.has_all(), |settled| hellos.are_read(settled.sequence))
        });
        if !is_read {
            seen.say(Fact::NameHidden(Hidden::NotSeen));
        }
    }

    /// Says that no certificate was seen in a handshake that finished and has one.
    fn leave_certificate(&self, seen: &mut Seen<'_>) {
        let (Some(client), Some(settled)) = (self.client, self.settled) else { return };
        let server = &self.ends[(!client).index()];
        let is_due = settled.version != TlsVersion::DTLS1_3 && server.is_full && hello::is_certified(settled.suite);
        if self.is_finished && is_due && !server.is_shown {
            seen.say(Fact::Certificate(Err(Unread::Missing)));
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

    fn protected_data(&mut self, seen: &mut Seen<'_>) {
        if !std::mem::replace(&mut self.is_data_said, true) {
            seen.say(Fact::ProtectedData);
        }
    }
}

/// Whether a body in the clear is a list of record numbers (RFC 9147 section 7): small ones, as long as its length says.
fn is_acknowledgement(body: &[u8]) -> bool {
    let Some((&length, numbers)) = body.split_first_chunk() else { return false };
    let (numbers, behind) = numbers.as_chunks::<16>();
    let is_small = |number: &[u8; 16]| number[..7] == [0; 7] && number[7] <= 3 && number[8..12] == [0; 4];
    usize::from(u16::from_be_bytes(length)) == numbers.len() * 16 && behind.is_empty() && numbers.iter().all(is_small)
}

#[cfg(test)]
mod tests;
