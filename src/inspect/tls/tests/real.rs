//! Handshakes by a real TLS implementation, in memory.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, ServerConfig, ServerConnection, SignatureScheme, SupportedProtocolVersion,
};

use super::*;
use crate::fact::NameSource;

const NAME: &str = "service.example";

/// Both sides' settings, kept over connections so that sessions are resumed.
struct Pair {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl Pair {
    fn new(version: &'static SupportedProtocolVersion) -> Self {
        Self::with(version, &ring::default_provider(), |_, _| {})
    }

    fn with(
        version: &'static SupportedProtocolVersion,
        servers: &CryptoProvider,
        set: impl FnOnce(&mut ClientConfig, &mut ServerConfig),
    ) -> Self {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let mut server = ServerConfig::builder_with_provider(Arc::new(servers.clone()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let provider = ring::default_provider();
        let trust = Arc::new(Trusting(provider.signature_verification_algorithms));
        let mut client = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(trust)
            .with_no_client_auth();
        set(&mut client, &mut server);
        Self { client: Arc::new(client), server: Arc::new(server) }
    }

    /// One connection: a request, its answer and both sides' close, as it goes over the wire.
    fn talk(&self, early: &[u8]) -> Talk {
        let mut client = ClientConnection::new(Arc::clone(&self.client), ServerName::try_from(NAME).unwrap()).unwrap();
        let mut server = ServerConnection::new(Arc::clone(&self.server)).unwrap();
        let mut talk = Talk::new();
        if !early.is_empty() {
            std::io::Write::write_all(&mut client.early_data().expect("a session to resume"), early).unwrap();
        }
        exchange(&mut client, &mut server, &mut talk);
        assert!(!client.is_handshaking() && !server.is_handshaking());
        std::io::Write::write_all(&mut client.writer(), b"GET / HTTP/1.1\r\nHost: service.example\r\n\r\n").unwrap();
        exchange(&mut client, &mut server, &mut talk);
        std::io::Write::write_all(&mut server.writer(), &[b'x'; 700]).unwrap();
        exchange(&mut client, &mut server, &mut talk);
        client.send_close_notify();
        server.send_close_notify();
        exchange(&mut client, &mut server, &mut talk);
        talk
    }
}

fn exchange(client: &mut ClientConnection, server: &mut ServerConnection, talk: &mut Talk) {
    loop {
        let (mut said, mut answered) = (Vec::new(), Vec::new());
        while client.wants_write() {
            client.write_tls(&mut said).unwrap();
        }
        if !said.is_empty() {
            read_all(&said, |rest| server.read_tls(rest));
            server.process_new_packets().unwrap();
            talk.push((OPENER, said.clone()));
        }
        while server.wants_write() {
            server.write_tls(&mut answered).unwrap();
        }
        if !answered.is_empty() {
            read_all(&answered, |rest| client.read_tls(rest));
            client.process_new_packets().unwrap();
            talk.push((RESPONDER, answered.clone()));
        }
        if said.is_empty() && answered.is_empty() {
            return;
        }
    }
}

fn read_all(mut bytes: &[u8], mut read: impl FnMut(&mut &[u8]) -> std::io::Result<usize>) {
    while !bytes.is_empty() {
        read(&mut bytes).unwrap();
    }
}

#[derive(Debug)]
struct Trusting(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

fn session(version: TlsVersion, suite: u16, between: &[Fact]) -> Vec<Fact> {
    let mut facts = vec![
        Fact::Protocol("tls"),
        Fact::Opener(OPENER),
        Fact::HandshakeBegun,
        Fact::ServerName { name: Name::from_wire(NAME.as_bytes()), source: NameSource::Sni },
        Fact::Version(version),
        Fact::CipherSuite(CipherSuite(suite)),
    ];
    facts.extend_from_slice(between);
    facts.extend([Fact::HandshakeFinished, Fact::Encrypted, Fact::ProtectedData]);
    facts
}

/// The Certificate message of a full handshake of TLS 1.2, which follows the ServerHello in the responder's first flight: with one certificate, in
/// a record of its own or not.
fn shown(talk: &[(End, Vec<u8>)]) -> Fact {
    let flight = &talk.iter().find(|(end, _)| *end == RESPONDER).unwrap().1;
    let mut messages = Vec::new();
    let mut rest = &flight[..];
    while !rest.is_empty() {
        let length = usize::from(u16::from_be_bytes([rest[3], rest[4]]));
        messages.extend_from_slice(&rest[HEADER_BYTES..HEADER_BYTES + length]);
        rest = &rest[HEADER_BYTES + length..];
    }
    let length = |at: usize| usize::from(u16::from_be_bytes([messages[at + 2], messages[at + 3]]));
    let at = 4 + length(0);
    assert_eq!(messages[at], CERTIFICATE);
    Fact::CertificateMessage(messages[at + 4..at + 4 + length(at)].into())
}

/// Cuts every handshake record that is in the clear into records of one byte, with an empty one before each.
fn in_tiny_records(talk: &[(End, Vec<u8>)], is_old: bool) -> Talk {
    let mut is_over = [false; 2];
    let mut out = Talk::new();
    for (end, bytes) in talk {
        let (mut rest, mut cut) = (&bytes[..], Vec::new());
        while !rest.is_empty() {
            let length = usize::from(u16::from_be_bytes([rest[3], rest[4]]));
            let (record, behind) = rest.split_at(HEADER_BYTES + length);
            is_over[end.index()] |= is_old && record[0] == CHANGE_CIPHER_SPEC;
            if record[0] == HANDSHAKE && !is_over[end.index()] {
                for byte in &record[HEADER_BYTES..] {
                    cut.extend_from_slice(&[HANDSHAKE, 3, 1, 0, 0]);
                    cut.extend_from_slice(&[HANDSHAKE, 3, 3, 0, 1, *byte]);
                }
            } else {
                cut.extend_from_slice(record);
            }
            rest = behind;
        }
        out.push((*end, cut));
    }
    out
}

fn assert_any_framing(talk: &[(End, Vec<u8>)], is_old: bool, expected: &[Fact]) {
    assert_eq!(assert_any_segments(talk), expected);
    let tiny = in_tiny_records(talk, is_old);
    assert_eq!(facts(&tiny), expected, "records of one byte");
    assert_eq!(facts(&in_single_bytes(&tiny)), expected, "records and segments of one byte");
    assert_resumes_anywhere(talk);
}

#[test]
fn tls12_full_and_resumed() {
    let pair = Pair::new(&rustls::version::TLS12);
    let full = pair.talk(b"");
    assert_any_framing(&full, true, &session(TlsVersion::TLS1_2, 0xc02c, &[shown(&full)]));
    assert_any_framing(&pair.talk(b""), true, &session(TlsVersion::TLS1_2, 0xc02c, &[Fact::Resumed]));
}

#[test]
fn tls12_resumed_by_ticket() {
    let pair = Pair::with(&rustls::version::TLS12, &ring::default_provider(), |_, server| {
        server.ticketer = ring::Ticketer::new().unwrap();
        server.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    });
    let full = pair.talk(b"");
    assert_eq!(facts(&full), session(TlsVersion::TLS1_2, 0xc02c, &[shown(&full)]));
    assert_any_framing(&pair.talk(b""), true, &session(TlsVersion::TLS1_2, 0xc02c, &[Fact::Resumed]));
}

#[test]
fn tls13_full_and_resumed() {
    let pair = Pair::new(&rustls::version::TLS13);
    assert_any_framing(&pair.talk(b""), false, &session(TlsVersion::TLS1_3, 0x1302, &[]));
    assert_any_framing(&pair.talk(b""), false, &session(TlsVersion::TLS1_3, 0x1302, &[Fact::Resumed]));
}

#[test]
fn tls13_retried() {
    let mut servers = ring::default_provider();
    servers.kx_groups = vec![ring::kx_group::SECP384R1];
    let pair = Pair::with(&rustls::version::TLS13, &servers, |_, _| {});
    let talk = pair.talk(b"");
    assert!(talk.iter().filter(|(end, _)| *end == OPENER).count() >= 3, "a hello, another, and a request");
    assert_any_framing(&talk, false, &session(TlsVersion::TLS1_3, 0x1302, &[]));
}

#[test]
fn tls13_early_data_is_not_the_end_of_the_handshake() {
    let pair = Pair::with(&rustls::version::TLS13, &ring::default_provider(), |client, server| {
        client.enable_early_data = true;
        server.max_early_data_size = 4096;
        server.send_half_rtt_data = false;
    });
    pair.talk(b"");
    let talk = pair.talk(&[b'e'; 500]);
    let mut expected = session(TlsVersion::TLS1_3, 0x1302, &[Fact::Resumed]);
    expected.insert(4, Fact::Detail(Detail::EarlyData(EarlyData::Sent)));
    expected.insert(3, Fact::Detail(Detail::EarlyData(EarlyData::Offered)));
    assert_any_framing(&talk, false, &expected);
    // the opener's first flight and the responder's answer: nothing is finished
    assert!(!facts(&talk[..2]).contains(&Fact::HandshakeFinished));
}

#[test]
fn protocols_offered_are_said_once() {
    let mut servers = ring::default_provider();
    servers.kx_groups = vec![ring::kx_group::SECP384R1];
    let pair =
        Pair::with(&rustls::version::TLS13, &servers, |client, _| client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()]);
    let said = facts(&pair.talk(b""));
    let offered: Vec<_> = said.iter().filter(|fact| matches!(fact, Fact::Alpn(_))).collect();
    assert_eq!(offered.len(), 2, "{said:?}");
}

#[test]
fn the_order_between_the_ends_does_not_matter() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let pair = Pair::new(version);
        for _ in 0..2 {
            let talk = pair.talk(b"");
            let mut expected = facts(&talk);
            let of = |end: End| talk.iter().filter(move |(who, _)| *who == end).cloned();
            let one_after_the_other: Talk = of(OPENER).chain(of(RESPONDER)).collect();
            let mut said = facts(&one_after_the_other);
            // what the opener said before its handshake was seen to be over is not known to be application data
            let is_said = |fact: &Fact| *fact != Fact::ProtectedData;
            said.retain(is_said);
            expected.retain(is_said);
            assert_eq!(said, expected);
        }
    }
}

#[test]
fn a_session_cut_anywhere_claims_no_more_than_it_showed() {
    let talk = Pair::new(&rustls::version::TLS13).talk(b"");
    let bytes = in_single_bytes(&talk);
    let whole = facts(&bytes);
    for cut in 1..bytes.len() {
        let mut said = facts(&bytes[..cut]);
        if let Some(Fact::NameHidden(Hidden::NotSeen) | Fact::Unrecognised) = said.last() {
            assert!(!said.contains(&Fact::NoServerName));
            said.pop();
        }
        assert!(whole.starts_with(&said), "{cut}: {said:?}");
    }
}

#[test]
fn plaintext_at_any_boundary_of_records_is_said() {
    for (version, is_old) in [(&rustls::version::TLS12, true), (&rustls::version::TLS13, false)] {
        let talk = Pair::new(version).talk(b"");
        for (turn, (end, bytes)) in talk.iter().enumerate() {
            let mut boundary = 0;
            while boundary < bytes.len() {
                boundary += HEADER_BYTES + usize::from(u16::from_be_bytes([bytes[boundary + 3], bytes[boundary + 4]]));
                let mut mixed = talk[..=turn].to_vec();
                mixed[turn].1.truncate(boundary);
                mixed.push((*end, b"GET /secret HTTP/1.1\r\n\r\n".to_vec()));
                let said = facts(&mixed);
                let is_last = turn + 2 >= talk.len() && boundary == bytes.len();
                let how = if is_last { Cleartext::AfterClose } else { Cleartext::AfterHandshake };
                assert_eq!(said.last(), Some(&Fact::Cleartext(how)), "{is_old} {turn} {boundary}");
                assert_eq!(facts(&in_single_bytes(&mixed)), said);
            }
        }
    }
}
