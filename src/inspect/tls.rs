//! TLS over TCP: the record layer and how far the handshake has come (RFC 8446 section 5, RFC 5246 section 6, RFC 6101).
//!
//! Until the handshake has finished, the records that are in the clear are read: hello messages by [`hello`], whatever way they
//! are cut into segments and records, and alerts. All else is passed over by its framing, and every record header is
//! checked to the end of the flow, for a few nanoseconds each: bytes that are no record where one is due are said to be so, and so is a
//! record, before the handshake is over or behind it, that is to be sealed and is too short for that, or begins with a line of text.
//!
//! A handshake is finished once both ends have shown that they hold the keys:
//! - TLS 1.3: the responder sent its ServerHello and a protected record that is longer than an alert, and then the opener sent a protected
//!   record that can hold its Finished. Early data (0-RTT) that comes before the responder's flight does not count; early data that is
//!   still on its way when that flight passes cannot be told from a Finished, and is just as protected.
//! - TLS 1.2 and before: each end sent change_cipher_spec and then a handshake record that can hold its Finished.
//!
//! It proves encryption where the suite is known to encrypt. Application data is any record of that type after that; in TLS 1.3 that
//! includes session tickets, which look the same, but not what has an alert's length.
//!
//! The two directions of a tap may be merged late, so that nothing here relies on the order between the ends, save what is said above of
//! early data. The responder's certificates are passed on whole, where they are in the clear ([`certificate`](super::certificate)). It refuses to
//! decrypt, to read the opener's certificates, to recognise TLS by the responder's bytes alone, and to read SSL 2.0 beyond its hellos
//! ([`ssl2`]).

use serde::{Deserialize, Serialize};

use super::hello::offer::{Offer, SessionId};
use super::readable::{self, Look, Trail, Watch};
use super::{Carrier, Finish, Inspector, Probe, Progress, Protocol, Seen, hello, saved};
use crate::fact::{Alert, CipherSuite, Cleartext, Detail, EarlyData, End, Fact, Hidden, Name, TlsVersion};
use crate::limits;
use probe::probe;
use record::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HEADER_BYTES, Header, MAX_PROTECTED_13, MAX_SEALED_ALERT};
use seal::Seal;

mod handshake;
mod probe;
mod record;
mod seal;
mod ssl2;

/// TLS and SSL 3.0 over TCP.
pub(super) static TLS: Protocol = Protocol {
    name: "tls",
    carrier: Carrier::Stream,
    recognised_by: "a handshake record whose first message is a ClientHello; a ClientHello in the form of SSL 2.0",
    reads: "the hello messages, certificates before 1.3, alerts, every record header",
    encrypted: "records after a handshake that was seen to finish, with a suite that encrypts",
    probe,
    open: || Box::new(Tls::default()),
    load: saved::load::<Tls>,
};

/// Handshake message types that matter here (RFC 8446 appendix B.3).
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SERVER_HELLO_DONE: u8 = 14;

/// The shortest record of TLS 1.2 and before that can hold a Finished: 16 bytes of message and at least as much of nonce and tag.
const FINISHED_BYTES: usize = 32;

/// Whether bytes can be the begin of a handshake or alert record: no text begins so.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(&(HANDSHAKE | ALERT))) && may_be_record(bytes)
}

/// Whether bytes can be the begin of a record.
pub(super) fn may_be_record(bytes: &[u8]) -> bool {
    Header::read(bytes).is_ok()
}

/// One flow's TLS session.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Tls {
    /// The end that sent the ClientHello.
    opener: Option<End>,
    /// Client hellos read: a HelloRetryRequest asks for a second.
    hellos: u8,
    /// The name that the first hello asked for; kept until the handshake is over.
    name: Option<Name>,
    /// The last hello offers early data.
    offers_early_data: bool,
    /// By what it lets an earlier session go on.
    offer: Offer,
    /// The hello was one of SSL 2.0.
    is_old: bool,
    /// A HelloRetryRequest was read.
    is_retried: bool,
    /// What the ServerHello settled.
    version: Option<TlsVersion>,
    suite: Option<CipherSuite>,
    /// Which lengths sealed records have, before TLS 1.3.
    seal: Seal,
    answered: SessionId,
    accepts_key: bool,
    is_finished: bool,
    is_hidden_said: bool,
    is_data_said: bool,
    is_renegotiated: bool,
    alerts: u8,
    ends: [Half; 2],
}

/// What one end has sent.
#[derive(Default, Serialize, Deserialize)]
struct Half {
    /// A handshake message that is not whole yet, from its header on.
    held: Vec<u8>,
    /// Bytes still to come of a handshake message whose content does not matter.
    passing: u32,
    /// Bytes of handshake messages that it sent in the clear, and the text that they end with.
    plain: u32,
    text: Trail,
    /// It sent messages in the clear behind its hello, which no opener of TLS 1.3 does.
    is_old: bool,
    /// What its sealed records read like.
    watch: Watch,
    /// Its change_cipher_spec came after its hello; in TLS 1.2 and before, ciphertext follows.
    is_changed: bool,
    /// After that came a handshake record that can hold its Finished.
    is_sealed: bool,
    /// Its longest protected record that can show its Finished, in TLS 1.3.
    longest_protected: u16,
    /// It sent application data, and not an alert, before it was sealed.
    is_early: bool,
    /// It showed its certificates, or sent what is no such message in their place.
    is_shown: bool,
    /// It sent ServerHelloDone, which every full handshake of TLS 1.2 and before has.
    is_hello_done: bool,
    /// Its last record was an alert, or can have been one.
    is_closing: bool,
    /// It will say no more.
    is_over: bool,
    /// Its bytes ceased to be records.
    breach: Option<Cleartext>,
}

/// What became of one record.
enum Step {
    /// It is used; it ends this many bytes on, which may be more than were given.
    Past(usize),
    /// More of it is needed.
    More,
    /// Nothing more is to be learnt.
    Settled,
    /// It is none.
    Breach(Cleartext),
}

/// What is sealed does not read as text, whoever holds the keys: what becomes of a record that does.
fn text(watch: &mut Watch, header: Header, rest: &[u8], seen: &mut Seen<'_>) -> Option<Step> {
    let start = rest.get(HEADER_BYTES..rest.len().min(HEADER_BYTES + header.length.min(readable::LOOKED_AT))).unwrap_or_default();
    match watch.look(start, header.length) {
        Look::Sealed => None,
        Look::More => Some(Step::More),
        Look::Text => {
            seen.say(Fact::Cleartext(Cleartext::AfterHandshake));
            Some(Step::Settled)
        }
    }
}

impl Inspector for Tls {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        if self.opener.is_none() {
            self.opener = Some(end);
            seen.say(Fact::Opener(end));
            seen.say(Fact::HandshakeBegun);
        }
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match self.record(end, rest, seen) {
                Step::Past(n) => at += n,
                Step::More => return Progress::Used(at),
                Step::Settled => return Progress::Settled,
                // said again, with these bytes first
                Step::Breach(_) if at > 0 => return Progress::Used(at),
                Step::Breach(how) => return Progress::Violation(how),
            }
        }
        if at > bytes.len() { Progress::Skip(at) } else { Progress::Used(at) }
    }

    fn gap(&mut self, _: End, _: u64, seen: &mut Seen<'_>) -> Progress {
        // where the next record begins is not known any more
        self.hide_name(seen);
        Progress::Settled
    }

    fn finish(&mut self, end: End, how: Finish, seen: &mut Seen<'_>) {
        if self.is_opener(end) && self.ends[end.index()].is_early && !self.is_finished {
            // sent ahead of a handshake that did not follow
            seen.say(Fact::ProtectedData);
        }
        if self.is_opener(end) || how != Finish::Fin {
            self.hide_name(seen);
        }
        self.ends[end.index()].is_over = true;
        if self.version.is_none() && self.ends.iter().any(|half| half.is_old) && self.ends.iter().all(|half| half.is_over) {
            // messages of a handshake that nobody had answered
            seen.say(Fact::Unrecognised);
        }
    }

    fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.ends.iter().map(|half| half.held.capacity()).sum::<usize>()
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}

impl Tls {
    /// Whether the handshake was seen to finish.
    pub(super) fn is_finished(&self) -> bool {
        self.is_finished
    }

    fn record(&mut self, end: End, rest: &[u8], seen: &mut Seen<'_>) -> Step {
        if let Some(how) = self.ends[end.index()].breach {
            return Step::Breach(how);
        }
        let header = match Header::read(rest) {
            Ok(Some(header)) => header,
            Ok(None) => return Step::More,
            Err(record::NoRecord) => return self.old_hello(end, rest, seen),
        };
        if self.is_finished {
            return self.protected(end, header, rest, seen);
        }
        let body = rest.get(HEADER_BYTES..HEADER_BYTES + header.length);
        let step = match header.kind {
            CHANGE_CIPHER_SPEC => self.change(end, header, body, seen),
            ALERT => self.alert(end, header, (body, rest), seen),
            HANDSHAKE => self.handshake(end, header, rest, seen),
            APPLICATION_DATA => self.early(end, header, rest, seen),
            // heartbeats have no place in a handshake, unless encrypted (RFC 6520 section 3)
            _ if self.ends[end.index()].is_sealed && !self.is_13() => header.past(),
            _ => self.breach(end, seen),
        };
        if let Step::Past(_) = step {
            self.ends[end.index()].is_closing = header.kind == ALERT;
            self.settle_handshake(seen);
        }
        step
    }

    /// What is no record: a hello of SSL 2.0, where one is due.
    fn old_hello(&mut self, end: End, rest: &[u8], seen: &mut Seen<'_>) -> Step {
        if self.is_opener(end) {
            let has_begun = self.hellos > 0 || self.ends[end.index()].plain > 0;
            return match ssl2::probe(rest) {
                Probe::Yes if !has_begun && rest.len() < ssl2::length(rest) => Step::More,
                Probe::Yes if !has_begun => {
                    (self.hellos, self.is_old) = (1, true);
                    if hello::text::is_within(rest.get(..ssl2::length(rest)).unwrap_or_default()) {
                        seen.say(Fact::Cleartext(Cleartext::AfterHandshake));
                    }
                    seen.say(Fact::NoServerName);
                    seen.say(Fact::Detail(Detail::OldHello));
                    Step::Past(ssl2::length(rest))
                }
                Probe::Maybe if !has_begun => Step::More,
                _ => self.breach(end, seen),
            };
        }
        match ssl2::is_answer(rest) {
            None if self.version.is_none() && self.is_old => Step::More,
            // nothing of what follows is known to be ciphertext
            Some(true) if self.version.is_none() && self.is_old => {
                seen.say(Fact::Version(TlsVersion::SSL2));
                Step::Settled
            }
            _ => self.breach(end, seen),
        }
    }

    /// A record after the handshake: its framing is all there is to see, and whether it is sealed at all.
    fn protected(&mut self, end: End, header: Header, rest: &[u8], seen: &mut Seen<'_>) -> Step {
        let is_13 = self.is_13();
        let is_data = header.kind == APPLICATION_DATA;
        // TLS 1.3 sends nothing else, and change_cipher_spec only before the Finished (RFC 8446 section 5)
        if is_13 && (!is_data || header.length > MAX_PROTECTED_13) {
            return self.breach(end, seen);
        }
        // what a renegotiation settled is not seen
        let fits = match header.kind {
            _ if is_13 || self.is_renegotiated => header.length >= self.sealed_bytes(),
            ALERT => self.seal.fits_alert(header.length),
            _ => self.seal.fits(header.length),
        };
        if !fits {
            return self.breach(end, seen);
        }
        if let Some(step) = text(&mut self.ends[end.index()].watch, header, rest, seen) {
            return step;
        }
        if !is_13 && header.kind == HANDSHAKE && self.is_opener(end) && !self.is_renegotiated {
            self.is_renegotiated = true;
            seen.say(Fact::Detail(Detail::Renegotiated));
        }
        let is_closing = if is_13 { header.length == self.alert_bytes() } else { header.kind == ALERT };
        self.ends[end.index()].is_closing = is_closing;
        if is_data && !is_closing && !self.is_data_said {
            self.is_data_said = true;
            seen.say(Fact::ProtectedData);
        }
        header.past()
    }

    fn change(&mut self, end: End, header: Header, body: Option<&[u8]>, seen: &mut Seen<'_>) -> Step {
        let is_opener = self.is_opener(end);
        let has_hello = if is_opener { self.hellos > 0 } else { self.version.is_some() };
        let is_old = self.version.is_some() && !self.is_13();
        let half = &mut self.ends[end.index()];
        if header.length != 1 || is_old && half.is_changed {
            return self.breach(end, seen);
        }
        match body {
            None => return Step::More,
            Some([1]) => {}
            Some(_) => return self.breach(end, seen),
        }
        // before the hello is whole it means nothing, and is tolerated
        if has_hello && half.is_between_messages() {
            half.is_changed = true;
        }
        header.past()
    }

    fn alert(&mut self, end: End, header: Header, (body, rest): (Option<&[u8]>, &[u8]), seen: &mut Seen<'_>) -> Step {
        if header.length != 2 {
            let fits = header.length <= MAX_SEALED_ALERT && self.seal.fits_alert(header.length);
            let half = &mut self.ends[end.index()];
            let is_ciphertext = half.is_changed && fits && self.version.is_none_or(|version| version < TlsVersion::TLS1_3);
            return match is_ciphertext {
                true => text(&mut half.watch, header, rest, seen).unwrap_or_else(|| header.past()),
                false => self.breach(end, seen),
            };
        }
        match body {
            None => Step::More,
            Some(_) if self.alerts >= limits::ALERTS_PER_FLOW => self.limit("alerts", seen),
            Some(&[level @ 1..=2, description]) => {
                self.alerts += 1;
                seen.say(Fact::Alert(Alert { level, description }));
                header.past()
            }
            Some(_) => self.breach(end, seen),
        }
    }

    /// Application data before the handshake is seen to be over.
    fn early(&mut self, end: End, header: Header, rest: &[u8], seen: &mut Seen<'_>) -> Step {
        let (is_opener, is_13) = (self.is_opener(end), self.is_13());
        let is_due = if is_opener { self.hellos > 0 } else { self.version.is_some() };
        let is_old = self.version.is_some() && !is_13;
        let is_flight_seen = usize::from(self.ends[(!end).index()].longest_protected) > self.alert_bytes();
        let (alert_bytes, sealed) = (self.alert_bytes(), self.sealed_bytes()..=MAX_PROTECTED_13);
        let half = &mut self.ends[end.index()];
        if !is_due || is_old && !half.is_sealed || is_13 && !sealed.contains(&header.length) {
            return self.breach(end, seen);
        }
        if is_old && !self.seal.fits(header.length) {
            return self.breach(end, seen);
        }
        let half = &mut self.ends[end.index()];
        if let Some(step) = text(&mut half.watch, header, rest, seen) {
            return step;
        }
        let is_early = !half.is_sealed && header.length > alert_bytes;
        if is_early && !half.is_early && is_opener && self.offers_early_data && !is_flight_seen {
            seen.say(Fact::Detail(Detail::EarlyData(EarlyData::Sent)));
        }
        half.is_early |= is_early;
        if !is_opener || is_flight_seen || !self.offers_early_data {
            half.longest_protected = half.longest_protected.max(header.length as u16);
        }
        header.past()
    }

    /// Notes that `end`'s bytes are no records any more.
    fn breach(&mut self, end: End, seen: &mut Seen<'_>) -> Step {
        self.hide_name(seen);
        let half = &mut self.ends[end.index()];
        let how = if half.is_closing { Cleartext::AfterClose } else { Cleartext::AfterHandshake };
        half.breach = Some(how);
        Step::Breach(how)
    }

    fn limit(&mut self, which: &str, seen: &mut Seen<'_>) -> Step {
        self.hide_name(seen);
        seen.say(Fact::Limit(which.to_owned()));
        Step::Settled
    }

    /// Says that the first hello will not be read, unless it was.
    fn hide_name(&mut self, seen: &mut Seen<'_>) {
        if self.hellos == 0 && !self.is_hidden_said {
            self.is_hidden_said = true;
            seen.say(Fact::NameHidden(Hidden::NotSeen));
        }
    }

    fn is_opener(&self, end: End) -> bool {
        self.opener == Some(end)
    }

    fn is_13(&self) -> bool {
        self.version.is_some_and(|version| version >= TlsVersion::TLS1_3)
    }

    /// What the suites of TLS 1.3 add to a record: a tag of 16 bytes, save the one with a short one.
    fn tag_bytes(&self) -> usize {
        const AES_128_CCM_8_SHA256: CipherSuite = CipherSuite(0x1305);
        if self.suite == Some(AES_128_CCM_8_SHA256) { 8 } else { 16 }
    }

    /// The least length of a protected record: in TLS 1.3 a type and a tag, before that the shortest code or tag with its nonce.
    fn sealed_bytes(&self) -> usize {
        if self.is_13() { 1 + self.tag_bytes() } else { 16 }
    }

    /// The length of a TLS 1.3 record that holds an alert and no padding.
    fn alert_bytes(&self) -> usize {
        3 + self.tag_bytes()
    }
}

impl Half {
    fn is_between_messages(&self) -> bool {
        self.held.is_empty() && self.passing == 0
    }
}

#[cfg(test)]
mod tests;
