//! Hello messages of TLS: what a ClientHello asks for and what a ServerHello settles (RFC 8446 section 4.1, RFC 5246 section 7.4.1,
//! RFC 6066 section 3, RFC 7301 section 3.1).
//!
//! Takes the body of one whole handshake message; records and their fragments are [`tls`](super::tls)'s. `tls-parser` reads the fixed
//! fields. The extensions are walked here: its own walk ends silently at the first one that is malformed, and a name behind it would
//! be taken for no name. Every list must end exactly where its length says.
//!
//! It refuses to guess: where a name would stand and cannot be read, that is said, and never that there is no name. It does not tell
//! real encrypted_client_hello extensions (RFC 9849) from grease, which are made to look alike; which key is meant is said.

use tls_parser::{TlsCipherAu, TlsCipherEnc, TlsCipherKx, TlsCipherSuite};

use crate::fact::{CipherSuite, ClientCertificate, Detail, EarlyData, Fact, Group, Hidden, Name, NameSource, OddName, Text, TlsVersion};
use crate::inspect::Seen;
use crate::limits;

pub(super) mod fingerprint;
pub(super) mod offer;
pub(super) mod text;

use offer::{Offer, SessionId};

const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const ENCRYPT_THEN_MAC: u16 = 22;
const SESSION_TICKET: u16 = 35;
const PRE_SHARED_KEY: u16 = 41;
const EARLY_DATA: u16 = 42;
const SUPPORTED_VERSIONS: u16 = 43;
const KEY_SHARE: u16 = 51;
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;

/// Handshake messages that tell more of a session (RFC 8446 appendix B.3).
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const CERTIFICATE_REQUEST: u8 = 13;

/// What is wrong with a ServerHello whose version nobody knows.
const UNKNOWN_VERSION: &str = "version of the server hello";

/// The random of a ServerHello that is a HelloRetryRequest: the SHA-256 of that word (RFC 8446 section 4.1.3).
pub(super) const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
    0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// What a ClientHello asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ClientHello {
    /// The one name that could be read, odd or not.
    pub(super) name: Option<Name>,
    /// Why the name is odd, if it is.
    pub(super) odd: Option<OddName>,
    /// Why a name, or another one beside it, cannot be read. `None` without a name: none is asked for.
    pub(super) hidden: Option<Hidden>,
    /// The application protocols offered, in order, at most [`limits::ALPN_PER_FLOW`].
    pub(super) alpn: Vec<Text>,
    /// Whether the encrypted_client_hello extension is there, and which key its outer form means.
    pub(super) ech: Option<Option<u8>>,
    /// Whether application data may follow at once (RFC 8446 section 4.2.10).
    pub(super) offers_early_data: bool,
    /// By what it lets an earlier session go on.
    pub(super) offer: Offer,
    /// What is wrong with the message.
    pub(super) malformed: Option<&'static str>,
}

impl ClientHello {
    /// Reads the body of a ClientHello, without its four bytes of handshake header. What could be read is there also where the message
    /// is malformed.
    pub(super) fn read(body: &[u8]) -> Self {
        let mut hello = Self::default();
        let Ok((behind, fixed)) = tls_parser::parse_tls_handshake_client_hello(body) else {
            return Self { hidden: Some(Hidden::NotSeen), malformed: Some("client hello"), ..hello };
        };
        if !behind.is_empty() {
            // also an extension list that is longer than the message
            hello.malformed = Some("length of the client hello");
        } else if fixed.ciphers.is_empty() || fixed.comp.is_empty() {
            hello.malformed = Some("client hello without suites");
        }
        hello.offer.session = fixed.session_id.and_then(SessionId::new).unwrap_or_default();
        let mut names = Names::default();
        let mut kinds = 0u64;
        let mut list = Reader(fixed.ext.unwrap_or_default());
        while !list.is_empty() {
            let Some((kind, content)) = list.extension() else {
                hello.malformed = Some("extension list of the client hello");
                break;
            };
            // those of the standards; the others are too many to remember
            let bit = 1u64.checked_shl(kind.into()).unwrap_or(0);
            if kinds & bit != 0 && kind != SERVER_NAME {
                hello.malformed = Some("extension that is there twice in the client hello");
            }
            kinds |= bit;
            match kind {
                SERVER_NAME => names.read(content, &mut hello.malformed),
                ALPN => hello.read_alpn(content),
                SESSION_TICKET => hello.offer.ticket = !content.is_empty(),
                PRE_SHARED_KEY => hello.offer.key = true,
                EARLY_DATA => hello.offers_early_data = true,
                ENCRYPTED_CLIENT_HELLO => hello.ech = Some(ech_key(content)),
                _ => {}
            }
        }
        hello.odd = names.oddity();
        (hello.name, hello.hidden) = names.settle(hello.malformed.is_some());
        hello
    }

    /// Says what the hello asks for, by way of `source`.
    pub(super) fn say(self, source: NameSource, seen: &mut Seen<'_>) {
        for protocol in &self.alpn {
            seen.say(Fact::Alpn(protocol.clone()));
        }
        if self.offers_early_data {
            seen.say(Fact::Detail(Detail::EarlyData(EarlyData::Offered)));
        }
        self.say_name(source, seen);
    }

    /// Says the name, or why there is none to be read, and what of the message is malformed: all but what a first hello said already.
    pub(super) fn say_name(self, source: NameSource, seen: &mut Seen<'_>) {
        if let Some(key) = self.ech {
            seen.say(Fact::EchOffered(key));
        }
        if self.name.is_none() && self.hidden.is_none() {
            seen.say(Fact::NoServerName);
        }
        if let Some(name) = self.name {
            seen.say(Fact::ServerName { name, source });
        }
        if let Some(why) = self.odd {
            seen.say(Fact::Detail(Detail::OddName(why)));
        }
        if let Some(why) = self.hidden {
            seen.say(Fact::NameHidden(why));
        }
        if let Some(what) = self.malformed {
            seen.say(Fact::Malformed(what.to_owned()));
        }
    }

    fn read_alpn(&mut self, content: &[u8]) {
        let mut whole = Reader(content);
        let list = whole.vector16().filter(|list| whole.is_empty() && !list.is_empty());
        let mut list = Reader(list.unwrap_or_default());
        let mut malformed = list.is_empty();
        while !list.is_empty() {
            let Some(protocol) = list.vector8().filter(|protocol| !protocol.is_empty()) else {
                malformed = true;
                break;
            };
            if self.alpn.len() < limits::ALPN_PER_FLOW {
                self.alpn.push(Text::from_wire(protocol));
            }
        }
        if malformed {
            self.malformed = Some("application protocols of the client hello");
        }
    }
}

/// The server_name extensions of one hello; there may be one, with one name of type host_name (RFC 6066 section 3).
#[derive(Default)]
struct Names {
    first: Option<Name>,
    extensions: usize,
    several: bool,
    odd: Option<OddName>,
    malformed: bool,
}

impl Names {
    const HOST_NAME: u8 = 0;

    fn read(&mut self, content: &[u8], malformed: &mut Option<&'static str>) {
        self.extensions += 1;
        if self.extensions > 1 {
            *malformed = Some("several server_name extensions");
            self.odd = Some(OddName::Several);
        }
        let mut whole = Reader(content);
        let Some(list) = whole.vector16().filter(|_| whole.is_empty()) else {
            // an empty extension is how a server answers: it asks for nothing that could be read
            self.note(content.is_empty(), OddName::Empty);
            self.malformed = true;
            *malformed = Some("server_name extension");
            return;
        };
        let mut list = Reader(list);
        self.note(list.is_empty(), OddName::Empty);
        while !list.is_empty() {
            let Some((kind, name)) = list.u8().zip(list.vector16()) else {
                self.malformed = true;
                *malformed = Some("server_name extension");
                return;
            };
            if kind != Self::HOST_NAME || name.is_empty() {
                self.note(true, if name.is_empty() { OddName::Empty } else { OddName::Type });
            } else if self.first.is_some() {
                self.several = true;
            } else {
                self.first = Some(Name::from_wire(name));
            }
        }
    }

    fn note(&mut self, is_odd: bool, why: OddName) {
        if is_odd {
            self.odd.get_or_insert(why);
        }
    }

    /// Why the name is odd.
    fn oddity(&self) -> Option<OddName> {
        let of_name = |name: &Name| match name {
            name if name.as_ip().is_some() => Some(OddName::Address),
            name if name.as_str().len() > 253 => Some(OddName::Length),
            name => name.is_odd().then_some(OddName::Characters),
        };
        let several = self.several.then_some(OddName::Several);
        several.or(self.odd).or_else(|| self.first.as_ref().and_then(of_name))
    }

    /// The name, and why one cannot be read.
    fn settle(self, hello_is_malformed: bool) -> (Option<Name>, Option<Hidden>) {
        let odd = self.odd.is_some() || self.several || self.first.as_ref().is_some_and(Name::is_odd);
        let name = self.first.filter(|_| !self.several);
        let hidden = match (odd, &name) {
            (true, _) => Some(Hidden::Odd),
            (false, Some(_)) if self.malformed => Some(Hidden::Odd),
            (false, None) if hello_is_malformed => Some(Hidden::NotSeen),
            (false, _) => None,
        };
        (name, hidden)
    }
}

/// What a ServerHello settles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ServerHello {
    /// It is a HelloRetryRequest: the opener shall say its hello again, and nothing is settled yet.
    pub(super) is_retry: bool,
    /// The version chosen.
    pub(super) version: TlsVersion,
    /// The suite chosen.
    pub(super) suite: CipherSuite,
    /// Whether a pre-shared key was accepted (RFC 8446 section 4.2.11), which shows resumption in TLS 1.3.
    pub(super) accepts_key: bool,
    /// The session ID.
    pub(super) session: SessionId,
    /// Whether codes are of what was encrypted (RFC 7366), and not encrypted with it.
    pub(super) encrypts_first: bool,
    /// The method by which records are compressed; 0 for none.
    pub(super) compression: u8,
    /// The group of the key share (TLS 1.3).
    pub(super) group: Option<Group>,
    /// Why no good client goes on with it, though it can be read.
    pub(super) fault: Option<&'static str>,
}

impl ServerHello {
    /// Reads the body of a ServerHello, without its four bytes of handshake header. `Err` says what is malformed; nothing of such a
    /// message is to be relied upon.
    pub(super) fn read(body: &[u8]) -> Result<Self, &'static str> {
        let mut hello = Self::fields(body)?;
        hello.fault = if hello.version.is_known() { hello.fault_of_suite() } else { Some(UNKNOWN_VERSION) };
        Ok(hello)
    }

    /// A suite of TLS 1.3 is none of a version before it, nor the other way round. The first drafts of 1.3 had none of their own.
    fn fault_of_suite(&self) -> Option<&'static str> {
        const FIRST_DRAFT: TlsVersion = TlsVersion(0x7f12);
        let is_13 = self.version.over_streams() == TlsVersion::TLS1_3;
        let is_early_draft = is_13 && self.version.0 >> 8 == 0x7f && self.version < FIRST_DRAFT;
        let is_of_13 = TlsCipherSuite::from_id(self.suite.0).map(|suite| suite.kx == TlsCipherKx::Tls13);
        is_of_13.is_some_and(|is_of_13| is_of_13 != is_13 && !is_early_draft).then_some("suite of another version")
    }

    fn fields(body: &[u8]) -> Result<Self, &'static str> {
        let mut rest = Reader(body);
        let (legacy, random, session, suite, compression) = Self::fixed(&mut rest).ok_or("server hello")?;
        let extensions = if rest.is_empty() { &[] } else { rest.vector16().ok_or("extension list of the server hello")? };
        if !rest.is_empty() {
            return Err("length of the server hello");
        }
        let (mut version, mut accepts_key, mut encrypts_first, mut group) = (None, false, false, None);
        let mut list = Reader(extensions);
        while !list.is_empty() {
            let (kind, content) = list.extension().ok_or("extension list of the server hello")?;
            match kind {
                SUPPORTED_VERSIONS => match content {
                    &[major, minor] if version.is_none() => version = Some(u16::from_be_bytes([major, minor])),
                    _ => return Err("supported_versions of the server hello"),
                },
                PRE_SHARED_KEY => accepts_key = true,
                ENCRYPT_THEN_MAC => encrypts_first = true,
                KEY_SHARE => group = Reader(content).u16().map(Group),
                _ => {}
            }
        }
        Ok(Self {
            is_retry: random == RETRY_RANDOM,
            version: TlsVersion(version.unwrap_or(legacy)),
            suite: CipherSuite(suite),
            accepts_key,
            session,
            encrypts_first,
            compression,
            group,
            fault: None,
        })
    }

    /// Says what of the session no rule asks for; `body` is that of the message.
    pub(super) fn say_details(&self, body: &[u8], seen: &mut Seen<'_>) {
        fingerprint::say_server(body, seen);
        if let Some(group) = self.group.filter(|_| seen.wants_details()) {
            seen.say(Fact::Detail(Detail::Group(group)));
        }
        if self.compression != 0 {
            seen.say(Fact::Detail(Detail::Compression(self.compression)));
        }
    }

    /// The fields before the extensions: version, random, session, suite, compression.
    fn fixed<'a>(rest: &mut Reader<'a>) -> Option<(u16, &'a [u8], SessionId, u16, u8)> {
        let version = rest.u16()?;
        let random = rest.take(32)?;
        // drafts of TLS 1.3 before 22 had neither session ID nor compression
        let is_short = (0x7f00..0x7f16).contains(&version);
        if !is_short && !(TlsVersion::SSL3..TlsVersion::TLS1_3).contains(&TlsVersion(version)) {
            return None;
        }
        let session = if is_short { SessionId::default() } else { SessionId::new(rest.vector8()?)? };
        let suite = rest.u16()?;
        let compression = if is_short { 0 } else { rest.u8()? };
        Some((version, random, session, suite, compression))
    }
}

impl ServerHello {
    /// The same of DTLS (RFC 6347, RFC 9147), whose versions have other numbers.
    pub(super) fn read_dtls(body: &[u8]) -> Result<Self, &'static str> {
        let (&legacy, rest) = body.split_first_chunk().ok_or("server hello")?;
        let mut hello = Self::fields(&[&TlsVersion::TLS1_2.0.to_be_bytes()[..], rest].concat())?;
        if hello.version == TlsVersion::TLS1_2 {
            hello.version = TlsVersion(u16::from_be_bytes(legacy));
        }
        let is_known = matches!(hello.version, TlsVersion::DTLS1_0 | TlsVersion::DTLS1_2 | TlsVersion::DTLS1_3);
        hello.fault = if is_known { hello.fault_of_suite() } else { Some(UNKNOWN_VERSION) };
        Ok(hello)
    }
}

/// Says what another handshake message before TLS 1.3 tells: its type, length and first bytes, the suite, and whether the client sent it.
pub(super) fn say_message((kind, length, start): (u8, usize, &[u8]), suite: Option<CipherSuite>, of_client: bool, seen: &mut Seen<'_>) {
    let detail = match (kind, of_client, start) {
        // a named curve, where the suite agrees on keys by one (RFC 8422 section 5.4)
        (SERVER_KEY_EXCHANGE, false, &[3, high, low, ..]) if seen.wants_details() => {
            let name = suite.and_then(CipherSuite::name).unwrap_or_default();
            if !name.contains("_ECDHE_") && !name.contains("_ECDH_anon_") || name.contains("_PSK_") {
                return;
            }
            Detail::Group(Group(u16::from_be_bytes([high, low])))
        }
        (CERTIFICATE_REQUEST, false, _) => Detail::ClientCertificate(ClientCertificate::Asked),
        // an empty list is how a client says that it has none
        (CERTIFICATE, true, _) if length > 3 => Detail::ClientCertificate(ClientCertificate::Sent),
        _ => return,
    };
    seen.say(Fact::Detail(detail));
}

/// Whether a body of a Certificate message is a list of what begins and ends as certificates do.
pub(super) fn are_certificates(body: &[u8]) -> bool {
    let mut whole = Reader(body);
    let Some(list) = whole.vector24().filter(|_| whole.is_empty()) else { return false };
    let mut list = Reader(list);
    while !list.is_empty() {
        // a sequence (X.690 section 8.9) of as many bytes as there are
        let is_sequence = |der: &[u8]| match *der {
            [0x30, length @ 0..=0x7f, ref content @ ..] => content.len() == usize::from(length),
            [0x30, 0x81, length, ref content @ ..] => content.len() == usize::from(length),
            [0x30, 0x82, high, low, ref content @ ..] => content.len() == usize::from(u16::from_be_bytes([high, low])),
            _ => false,
        };
        if !list.vector24().is_some_and(is_sequence) {
            return false;
        }
    }
    true
}

/// The body of a ClientHello of DTLS as TLS has it: without the cookie behind its session ID (RFC 6347 section 4.2.1).
pub(super) fn without_cookie(body: &[u8]) -> Option<Vec<u8>> {
    let mut rest = Reader(body);
    rest.take(34)?;
    rest.vector8()?;
    let before = body.get(..body.len() - rest.0.len())?;
    rest.vector8()?;
    Some([before, rest.0].concat())
}

/// The first extension of this type in the body of a ServerHello.
pub(super) fn server_extension(body: &[u8], kind: u16) -> Option<&[u8]> {
    let mut rest = Reader(body);
    rest.take(34)?;
    rest.vector8()?;
    rest.take(3)?;
    let mut list = Reader(rest.vector16()?);
    std::iter::from_fn(|| list.extension()).find_map(|(found, content)| (found == kind).then_some(content))
}

/// The first extension of one of these types in the body of a ClientHello.
pub(super) fn extension<'a>(body: &'a [u8], kinds: &[u16]) -> Option<&'a [u8]> {
    let (_, fixed) = tls_parser::parse_tls_handshake_client_hello(body).ok()?;
    let mut list = Reader(fixed.ext?);
    std::iter::from_fn(|| list.extension()).find_map(|(kind, content)| kinds.contains(&kind).then_some(content))
}

/// The key that an encrypted_client_hello extension means in its outer form: type, KDF, AEAD, key, and what is sealed.
fn ech_key(content: &[u8]) -> Option<u8> {
    const OUTER: u8 = 0;
    let mut content = Reader(content);
    let kind = content.u8()?;
    content.take(4)?;
    let key = content.u8()?;
    content.vector16().and(content.vector16())?;
    (kind == OUTER && content.is_empty()).then_some(key)
}

/// Whether `suite` is known to encrypt. One that is not in the registry at hand is not.
pub(super) fn is_encrypting(suite: CipherSuite) -> bool {
    TlsCipherSuite::from_id(suite.0).is_some_and(|suite| suite.enc != TlsCipherEnc::Null)
}

/// Whether servers show a certificate in a full handshake with a suite: not where a shared key stands for it, or nothing does. Of one that is
/// not registered that is expected.
pub(super) fn is_certified(suite: CipherSuite) -> bool {
    TlsCipherSuite::from_id(suite.0)
        .is_none_or(|suite| !matches!(suite.au, TlsCipherAu::Krb5 | TlsCipherAu::Null | TlsCipherAu::Psk | TlsCipherAu::Srp))
}

/// Takes fields off the front of a slice; `None` where it is too short.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn u8(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn u16(&mut self) -> Option<u16> {
        let (&first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(first))
    }

    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    /// Bytes behind a length of one byte.
    fn vector8(&mut self) -> Option<&'a [u8]> {
        let n = self.u8()?;
        self.take(n.into())
    }

    /// Bytes behind a length of two bytes.
    fn vector16(&mut self) -> Option<&'a [u8]> {
        let n = self.u16()?;
        self.take(n.into())
    }

    /// Bytes behind a length of three bytes.
    fn vector24(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.u8()?) << 16 | usize::from(self.u16()?);
        self.take(length)
    }

    /// A type and its content.
    fn extension(&mut self) -> Option<(u16, &'a [u8])> {
        Some((self.u16()?, self.vector16()?))
    }
}

#[cfg(test)]
mod tests;
