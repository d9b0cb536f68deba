//! Handshake messages in the clear: who is the client, what the hellos ask for and settle, and when a client begins anew.

use super::hellos::Fault;
use super::record::{self, Fragment};
use super::{Dtls, Fate, Half, Settled};
use crate::fact::{End, Fact, NameSource, TlsVersion, Unread};
use crate::inspect::Seen;
use crate::inspect::hello::fingerprint::{self, Over};
use crate::inspect::hello::offer::Offer;
use crate::inspect::hello::{self, ClientHello, ServerHello};
use crate::limits;

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const HELLO_VERIFY_REQUEST: u8 = 3;
const CERTIFICATE: u8 = 11;

/// The extension by which each end says how it is to be addressed (RFC 9146).
const CONNECTION_ID: u16 = 54;

impl Dtls {
    /// A record of messages in the clear.
    pub(super) fn handshake(&mut self, end: End, body: &[u8], seen: &mut Seen<'_>) -> Fate {
        let mut rest = body;
        let mut explains = false;
        let half = &mut self.ends[end.index()];
        half.plain = half.plain.saturating_add(body.len() as u32);
        if half.plain > limits::HANDSHAKE_BYTES {
            return self.spent("handshake bytes", seen);
        }
        if rest.is_empty() {
            return Fate::Rejected;
        }
        while !rest.is_empty() && !self.is_spent {
            let Some((fragment, behind)) = record::fragment(rest) else { return Fate::Rejected };
            match self.fragment(end, &fragment, seen) {
                Fate::Fits => {}
                Fate::Explains => explains = true,
                fate => return fate,
            }
            rest = behind;
        }
        if explains { Fate::Explains } else { Fate::Fits }
    }

    fn fragment(&mut self, end: End, fragment: &Fragment<'_>, seen: &mut Seen<'_>) -> Fate {
        if fragment.kind == CLIENT_HELLO {
            return self.client_fragment(end, fragment, seen);
        }
        let Some(client) = self.client else { return Fate::Waits };
        if self.ends[end.index()].text.holds_text(fragment.bytes) {
            self.readable(seen);
        }
        let is_13 = self.settled.is_some_and(|settled| settled.version == TlsVersion::DTLS1_3);
        if !is_13 && fragment.offset == 0 {
            let suite = self.settled.map(|settled| settled.suite);
            hello::say_message((fragment.kind, fragment.length, fragment.bytes), suite, client == end, seen);
        }
        match (fragment.kind, client == end) {
            (SERVER_HELLO | HELLO_VERIFY_REQUEST, false) => {}
            // a request for a hello and the end of one have nothing to say
            (0 | 14, false) if fragment.length > 0 => return Fate::Rejected,
            // a certificate, a key exchange, a certificate's proof; the version may not be known yet. Nobody sends addresses of certificates and
            // supplemental data.
            (11 | 15 | 16, true) if !is_13 => {
                self.ends[end.index()].is_old = true;
                return Fate::Fits;
            }
            // hello request, ticket, certificate, key exchange, certificate request, hello done, certificate status
            (kind @ (0 | 4 | 11..=14 | 22), false) if !is_13 => {
                self.ends[end.index()].is_full |= matches!(kind, 11..=14);
                if kind == CERTIFICATE {
                    self.certificate(end, fragment, seen);
                }
                return Fate::Fits;
            }
            _ => return Fate::Rejected,
        }
        let mut hellos = std::mem::take(&mut self.ends[end.index()].hellos);
        let fate = match hellos.insert(fragment) {
            Ok(Some(body)) if fragment.kind == SERVER_HELLO => self.server_hello(fragment.sequence, body, seen),
            Ok(Some(body)) => self.verify_request(body, seen),
            outcome => self.inserted(outcome.map(|_| ()), seen),
        };
        self.ends[end.index()].hellos = hellos;
        fate
    }

    /// A piece of the server's Certificate message.
    fn certificate(&mut self, end: End, fragment: &Fragment<'_>, seen: &mut Seen<'_>) {
        let half = &mut self.ends[end.index()];
        match half.certificates.insert(fragment) {
            Ok(Some(message)) => seen.say(Fact::CertificateMessage(message.into())),
            Ok(None) => return,
            Err(Fault::Contradiction) => return seen.say(Fact::Overlap),
            Err(Fault::Limit) if half.is_shown => return,
            Err(Fault::Limit) => seen.say(Fact::Certificate(Err(Unread::Limit))),
        }
        half.is_shown = true;
    }

    fn client_fragment(&mut self, end: End, fragment: &Fragment<'_>, seen: &mut Seen<'_>) -> Fate {
        match self.client {
            Some(client) if client != end => return Fate::Rejected,
            Some(_) if self.ends[end.index()].hellos.is_of_another(fragment) => {
                if let Some(fate) = self.begin_another(seen) {
                    return fate;
                }
            }
            Some(_) => {}
            None => {
                self.client = Some(end);
                seen.say(Fact::Opener(end));
                seen.say(Fact::HandshakeBegun);
            }
        }
        let mut hellos = std::mem::take(&mut self.ends[end.index()].hellos);
        let outcome = hellos.insert(fragment).map(|body| body.map(<[u8]>::to_vec));
        self.ends[end.index()].hellos = hellos;
        match outcome {
            Ok(Some(body)) => {
                self.client_hello(end, &body, seen);
                self.settle(seen);
                Fate::Explains
            }
            outcome => {
                // the first piece of a hello tells who is the client
                match self.inserted(outcome.map(|_| ()), seen) {
                    Fate::Fits => Fate::Explains,
                    fate => fate,
                }
            }
        }
    }

    fn inserted(&mut self, outcome: Result<(), Fault>, seen: &mut Seen<'_>) -> Fate {
        match outcome {
            Ok(()) => Fate::Fits,
            Err(Fault::Contradiction) => {
                seen.say(Fact::Overlap);
                Fate::Fits
            }
            Err(Fault::Limit) => self.spent("hello bytes", seen),
        }
    }

    /// Goes over to another session of the same client. Returns the fate of its first record where there is no going on.
    fn begin_another(&mut self, seen: &mut Seen<'_>) -> Option<Fate> {
        self.leave_hellos(seen);
        self.leave_certificate(seen);
        // a session that came to nothing has no data
        if !self.is_finished && self.ends.iter().any(|half| half.is_sealed || half.is_through) {
            self.unrecognised(seen);
        }
        self.was_finished |= std::mem::take(&mut self.is_finished);
        self.sessions += 1;
        if self.sessions >= limits::DTLS_SESSIONS {
            return Some(self.spent("sessions", seen));
        }
        if let Some(settled) = self.settled.take() {
            self.former = Some((settled.version, settled.suite));
        }
        let plain = self.ends.each_ref().map(|half| half.plain);
        self.ends = plain.map(|plain| Half { plain, ..Half::default() });
        (self.name, self.has_hello, self.offers_early_data, self.offer) = (None, false, false, Offer::default());
        None
    }

    fn client_hello(&mut self, end: End, body: &[u8], seen: &mut Seen<'_>) {
        let is_first = !std::mem::replace(&mut self.has_hello, true);
        let body = hello::without_cookie(body);
        // without a cookie it is malformed, and said to be so
        let hello = ClientHello::read(body.as_deref().unwrap_or_default());
        (self.offers_early_data, self.offer) = (hello.offers_early_data, hello.offer);
        hello::text::say(body.as_deref().unwrap_or_default(), true, seen);
        self.ends[end.index()].id = body.as_deref().and_then(|body| hello::extension(body, &[CONNECTION_ID])).and_then(id);
        if is_first {
            self.name.clone_from(&hello.name);
            fingerprint::say_client(body.as_deref().unwrap_or_default(), Over::Datagrams, seen);
            return hello.say(NameSource::Sni, seen);
        }
        let is_another = hello.name != self.name;
        if is_another || hello.hidden.is_some() || hello.malformed.is_some() {
            hello.say_name(NameSource::Sni, seen);
        }
        if is_another {
            seen.say(Fact::Malformed("second hello asks for another name".to_owned()));
        }
    }

    /// What may follow cannot be told any more.
    fn not_understood(&mut self, what: &str, seen: &mut Seen<'_>) -> Fate {
        self.leave_hellos(seen);
        seen.say(Fact::Malformed(what.to_owned()));
        self.unrecognised(seen);
        self.is_spent = true;
        Fate::Fits
    }

    fn verify_request(&mut self, body: &[u8], seen: &mut Seen<'_>) -> Fate {
        // a version, and a cookie behind its length (RFC 6347 section 4.2.1)
        match body {
            &[_, _, length, ref cookie @ ..] if cookie.len() == usize::from(length) => {}
            _ => seen.say(Fact::Malformed("hello verify request".to_owned())),
        }
        Fate::Fits
    }

    fn server_hello(&mut self, sequence: u16, body: &[u8], seen: &mut Seen<'_>) -> Fate {
        let hello = match ServerHello::read_dtls(body) {
            Ok(hello) => hello,
            Err(what) => return self.not_understood(what, seen),
        };
        hello::text::say(body, false, seen);
        if let Some(what) = hello.fault {
            seen.say(Fact::Version(hello.version));
            seen.say(Fact::CipherSuite(hello.suite));
            return self.not_understood(what, seen);
        }
        if hello.is_retry {
            return Fate::Fits;
        }
        if self.settled.is_some() {
            return Fate::Rejected;
        }
        let (version, suite) = (hello.version, hello.suite);
        if self.former.is_some_and(|former| former != (version, suite)) {
            // a record has room for one
            self.unrecognised(seen);
        }
        hello.say_details(body, seen);
        self.settled = Some(Settled { version, suite, sequence, session: hello.session, accepts_key: hello.accepts_key });
        if version == TlsVersion::DTLS1_3 && self.ends.iter().any(|half| half.is_old) {
            // the client's messages were of no handshake of this version
            self.unrecognised(seen);
        }
        if let Some(client) = self.client {
            self.ends[(!client).index()].id = hello::server_extension(body, CONNECTION_ID).and_then(id);
        }
        seen.say(Fact::Version(version));
        seen.say(Fact::CipherSuite(suite));
        Fate::Explains
    }
}

/// The connection ID in an extension: all of it, behind its length. An empty one asks to be addressed by none.
fn id(content: &[u8]) -> Option<Vec<u8>> {
    let (&length, id) = content.split_first()?;
    (id.len() == usize::from(length)).then(|| id.to_vec())
}
