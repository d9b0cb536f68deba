//! Handshake messages of TLS in the clear: what may come next, what the hellos ask for and settle, and when the handshake is over.

use super::record::{HEADER_BYTES, Header, MAX_PLAIN};
use super::seal::Seal;
use super::{CERTIFICATE, CLIENT_HELLO, FINISHED_BYTES, SERVER_HELLO, SERVER_HELLO_DONE, Step, Tls, text};
use crate::fact::{CipherSuite, Cleartext, End, Fact, NameSource, TlsVersion, Unread};
use crate::inspect::Seen;
use crate::inspect::hello::fingerprint::{self, Over};
use crate::inspect::hello::offer::NOT_OFFERED;
use crate::inspect::hello::{self, ClientHello, ServerHello};
use crate::limits;

impl Tls {
    pub(super) fn handshake(&mut self, end: End, header: Header, rest: &[u8], seen: &mut Seen<'_>) -> Step {
        let is_opener = self.is_opener(end);
        let half = &mut self.ends[end.index()];
        let awaits_hello = if is_opener { self.hellos == 0 || self.is_retried && self.hellos < 2 } else { self.version.is_none() };
        let is_plain = awaits_hello
            || match self.version {
                // all that follows the hellos is protected, by records of application data
                Some(version) if version >= TlsVersion::TLS1_3 => return self.breach(end, seen),
                Some(_) => !half.is_changed,
                None if !half.is_changed || !half.is_between_messages() => true,
                // the opener is ahead of what was seen of the responder: a second hello, or ciphertext?
                None => match rest.get(HEADER_BYTES..HEADER_BYTES + 2) {
                    Some(start) => start == [CLIENT_HELLO, 0],
                    None => return Step::More,
                },
            };
        if !is_plain {
            if !self.seal.fits(header.length) {
                return self.breach(end, seen);
            }
            let half = &mut self.ends[end.index()];
            if let Some(step) = text(&mut half.watch, header, rest, seen) {
                return step;
            }
            half.is_sealed |= header.length >= FINISHED_BYTES;
            return header.past();
        }
        if header.length > MAX_PLAIN {
            return self.breach(end, seen);
        }
        let Some(body) = rest.get(HEADER_BYTES..HEADER_BYTES + header.length) else { return Step::More };
        half.plain = half.plain.saturating_add(body.len() as u32);
        if half.plain > limits::HANDSHAKE_BYTES {
            return self.limit("handshake bytes", seen);
        }
        if half.text.holds_text(body) {
            seen.say(Fact::Cleartext(Cleartext::AfterHandshake));
            return Step::Settled;
        }
        let passed = body.len().min(half.passing as usize);
        half.passing -= passed as u32;
        let fresh = body.get(passed..).unwrap_or_default();
        let mut held = std::mem::take(&mut half.held);
        let stopped = if held.is_empty() {
            let used = self.messages(end, fresh, seen);
            used.map(|used| held.extend_from_slice(fresh.get(used..).unwrap_or_default()))
        } else {
            held.extend_from_slice(fresh);
            self.messages(end, &held, seen).map(|used| drop(held.drain(..used)))
        };
        if let Err(step) = stopped {
            return step;
        }
        if !held.is_empty() {
            self.ends[end.index()].held = held;
        }
        header.past()
    }

    /// Reads the whole handshake messages that `bytes` begin with. Returns how many bytes that are.
    fn messages(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Result<usize, Step> {
        let mut at = 0;
        while let Some(&kind) = bytes.get(at) {
            if !self.may_send(end, kind) {
                return Err(self.breach(end, seen));
            }
            let message = bytes.get(at..).unwrap_or_default();
            let Some((&[_, high, middle, low], content)) = message.split_first_chunk() else { break };
            let length = u32::from_be_bytes([0, high, middle, low]);
            let start = content;
            let content = content.get(..length as usize).ok_or(content.len() as u32);
            match (kind, content) {
                (CLIENT_HELLO | SERVER_HELLO, Err(_)) if length as usize > limits::HELLO_BYTES => {
                    return Err(self.limit("hello bytes", seen));
                }
                (CLIENT_HELLO | SERVER_HELLO, Err(_)) => break,
                (CLIENT_HELLO, Ok(content)) => self.client_hello(content, seen),
                (SERVER_HELLO, Ok(content)) => self.server_hello(content, seen)?,
                (CERTIFICATE, Err(_)) if length as usize <= limits::CERTIFICATE_BYTES => break,
                (CERTIFICATE, Err(_)) if self.is_opener(end) => return Err(self.limit("certificate bytes", seen)),
                (CERTIFICATE, Ok(content)) if self.is_opener(end) && !hello::are_certificates(content) => {
                    return Err(self.breach(end, seen));
                }
                // a request for a hello and the end of one have nothing to say
                (0 | SERVER_HELLO_DONE, _) if length > 0 => return Err(self.breach(end, seen)),
                (CERTIFICATE, Ok(content)) if !self.is_opener(end) => {
                    self.ends[end.index()].is_shown = true;
                    seen.say(Fact::CertificateMessage(content.into()));
                }
                (_, content) => {
                    self.ends[end.index()].is_old |= self.is_opener(end);
                    if kind == CERTIFICATE && !self.is_opener(end) {
                        self.ends[end.index()].is_shown = true;
                        seen.say(Fact::Certificate(Err(Unread::Limit)));
                    }
                    let half = &mut self.ends[end.index()];
                    half.is_hello_done |= kind == SERVER_HELLO_DONE;
                    hello::say_message((kind, length as usize, start), self.suite, self.opener == Some(end), seen);
                    if let Err(given) = content {
                        half.passing = length - given;
                        return Ok(bytes.len());
                    }
                }
            }
            at += 4 + length as usize;
        }
        Ok(at)
    }

    /// Whether a handshake message of this type may come next, in the clear, from `end`.
    fn may_send(&self, end: End, kind: u8) -> bool {
        if self.is_opener(end) {
            return match kind {
                CLIENT_HELLO => self.hellos < 2,
                // certificate, client key exchange, certificate verify; the version may not be known yet. Nobody sends addresses of certificates and
                // supplemental data.
                11 | 15 | 16 => self.hellos > 0 && !(self.is_retried && self.hellos < 2) && !self.is_13(),
                _ => false,
            };
        }
        match kind {
            // hello request
            0 => !self.is_13(),
            SERVER_HELLO => self.version.is_none(),
            // ticket, certificate, key exchange, certificate request, hello done, certificate status
            4 | 11..=14 | 22 => self.version.is_some() && !self.is_13(),
            _ => false,
        }
    }

    fn client_hello(&mut self, body: &[u8], seen: &mut Seen<'_>) {
        let hello = ClientHello::read(body);
        self.hellos += 1;
        (self.offers_early_data, self.offer) = (hello.offers_early_data, hello.offer);
        hello::text::say(body, true, seen);
        if self.hellos == 1 {
            self.name.clone_from(&hello.name);
            fingerprint::say_client(body, Over::Stream, seen);
            return hello.say(NameSource::Sni, seen);
        }
        // what the opener sent between its hellos showed nothing
        if let Some(opener) = self.opener {
            let half = &mut self.ends[opener.index()];
            half.is_changed = false;
            half.longest_protected = 0;
        }
        let is_another = hello.name != self.name;
        if is_another || hello.hidden.is_some() || hello.malformed.is_some() {
            hello.say_name(NameSource::Sni, seen);
        }
        if is_another {
            seen.say(Fact::Malformed("second hello asks for another name".to_owned()));
        }
    }

    fn server_hello(&mut self, body: &[u8], seen: &mut Seen<'_>) -> Result<(), Step> {
        let hello = match ServerHello::read(body) {
            Ok(hello) => hello,
            Err(what) => return Err(self.not_understood(Some(what), seen)),
        };
        hello::text::say(body, false, seen);
        if hello.fault.is_some() {
            seen.say(Fact::Version(hello.version));
            seen.say(Fact::CipherSuite(hello.suite));
            return Err(self.not_understood(hello.fault, seen));
        }
        if hello.is_retry {
            if self.is_retried {
                seen.say(Fact::Malformed("second hello retry request".to_owned()));
            }
            self.is_retried = true;
            return Ok(());
        }
        hello.say_details(body, seen);
        self.version = Some(hello.version);
        self.suite = Some(hello.suite);
        self.seal = Seal::of(&hello);
        (self.answered, self.accepts_key) = (hello.session, hello.accepts_key);
        seen.say(Fact::Version(hello.version));
        seen.say(Fact::CipherSuite(hello.suite));
        if self.is_13() && self.ends.iter().any(|half| half.is_old) {
            // the opener's messages were of no handshake of this version
            return Err(self.not_understood(None, seen));
        }
        if !self.is_13() && self.ends.iter().any(|half| half.is_early) {
            seen.say(Fact::Malformed("application data before a handshake without early data".to_owned()));
        }
        Ok(())
    }

    /// Which records are ciphertext cannot be told any more, nor whether any is.
    fn not_understood(&mut self, what: Option<&str>, seen: &mut Seen<'_>) -> Step {
        self.hide_name(seen);
        if let Some(what) = what {
            seen.say(Fact::Malformed(what.to_owned()));
        }
        seen.say(Fact::Unrecognised);
        Step::Settled
    }

    pub(super) fn settle_handshake(&mut self, seen: &mut Seen<'_>) {
        let (Some(opener), Some(suite)) = (self.opener, self.suite) else { return };
        let (ours, theirs) = (&self.ends[opener.index()], &self.ends[(!opener).index()]);
        let is_finished = if self.is_13() {
            let tag_bytes = self.tag_bytes();
            // 4 bytes of header, 32 of verify_data at least, the content type
            usize::from(theirs.longest_protected) > self.alert_bytes() && usize::from(ours.longest_protected) >= 37 + tag_bytes
        } else {
            ours.is_sealed && theirs.is_sealed
        };
        if self.hellos == 0 || !is_finished {
            return;
        }
        let is_full = theirs.is_hello_done;
        if !self.is_13() && is_full && !theirs.is_shown && hello::is_certified(suite) {
            seen.say(Fact::Certificate(Err(Unread::Missing)));
        }
        self.is_finished = true;
        self.say_resumption(suite, is_full, seen);
        self.name = None;
        for half in &mut self.ends {
            half.held = Vec::new();
        }
        seen.say(Fact::HandshakeFinished);
        if hello::is_encrypting(suite) {
            seen.say(Fact::Encrypted);
        }
    }

    /// Says that a session goes on that was begun before: in TLS 1.3 by a shared key, before that where the responder skips all but its hello. What
    /// the opener did not offer shows nothing, and hides the certificates.
    fn say_resumption(&self, suite: CipherSuite, is_full: bool, seen: &mut Seen<'_>) {
        let is_offered = match self.is_13() {
            true if !self.accepts_key => return,
            true => self.offer.has_key(),
            false if is_full => return,
            false => self.offer.covers(self.answered),
        };
        if is_offered {
            return seen.say(Fact::Resumed);
        }
        seen.say(Fact::Malformed(NOT_OFFERED.to_owned()));
        seen.say(Fact::Unrecognised);
        if !self.is_13() && hello::is_certified(suite) {
            seen.say(Fact::Certificate(Err(Unread::Missing)));
        }
    }
}
