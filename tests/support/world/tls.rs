//! TLS as rustls speaks it to itself in memory: 1.2 and 1.3, full and resumed, retried, with early data, with hellos of post-quantum
//! size, in small records. What rustls refuses to speak is in [`super::records`].

use std::collections::HashMap;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::{default_provider, kx_group};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, ServerConfig, ServerConnection, SignatureScheme};

use super::certificates::identity;
use super::tcp::Who;

/// A version of TLS that rustls speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    Tls12,
    Tls13,
}

/// A session as it is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Talk {
    /// The name asked for; an address asks for none.
    pub name: String,
    pub version: Version,
    /// The session is resumed, and with `early`, data goes ahead of the handshake.
    pub resumed: bool,
    pub early: bool,
    /// The first hello offers a group that the server does not take.
    pub retried: bool,
    /// The hello is longer than a packet, as with post-quantum key shares.
    pub big: bool,
    /// The most bytes of a record.
    pub record: Option<usize>,
    /// How often a request of `up` bytes and an answer of `down` are exchanged.
    pub beats: usize,
    pub up: usize,
    pub down: usize,
}

impl Talk {
    pub fn new(name: &str, version: Version) -> Self {
        let name = name.to_owned();
        Self { name, version, resumed: false, early: false, retried: false, big: false, record: None, beats: 1, up: 300, down: 900 }
    }
}

/// Bytes that one end says in one go, and whether a pause may come before them: between requests.
pub type Flight = (Who, Vec<u8>, bool);

/// What both ends of a session say, flight by flight, close_notify included. The same talk has the same bytes throughout a run.
pub fn session(talk: &Talk) -> Arc<Vec<Flight>> {
    static SPOKEN: OnceLock<Mutex<HashMap<Talk, Arc<Vec<Flight>>>>> = OnceLock::new();
    let spoken = SPOKEN.get_or_init(Mutex::default);
    if let Some(known) = spoken.lock().expect("no panic").get(talk) {
        return Arc::clone(known);
    }
    let made = Arc::new(speak(talk));
    spoken.lock().expect("no panic").insert(talk.clone(), Arc::clone(&made));
    made
}

fn speak(talk: &Talk) -> Vec<Flight> {
    let (client, server) = configs(talk);
    if talk.resumed {
        converse(&client, &server, &Talk { early: false, beats: 1, ..talk.clone() });
    }
    converse(&client, &server, talk)
}

pub(super) fn configs(talk: &Talk) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let versions: &[&rustls::SupportedProtocolVersion] = match talk.version {
        Version::Tls12 => &[&rustls::version::TLS12],
        Version::Tls13 => &[&rustls::version::TLS13],
    };
    let (chain, key) = identity(&talk.name).for_rustls();
    let mut theirs = default_provider();
    if talk.retried {
        theirs.kx_groups = vec![kx_group::SECP256R1];
    }
    let mut server = ServerConfig::builder_with_provider(Arc::new(theirs))
        .with_protocol_versions(versions)
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a certificate");
    server.max_fragment_size = talk.record;
    server.max_early_data_size = if talk.early { 16_384 } else { 0 };
    let mut client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate))
        .with_no_client_auth();
    client.max_fragment_size = talk.record;
    client.enable_early_data = talk.early;
    if talk.big {
        // many names, none of them so long that it could be taken for text
        let protocol = |n: u8| [&[b'a' + n / 26, b'a' + n % 26][..], &[b'x'; 28]].concat();
        client.alpn_protocols = (0..60).map(protocol).collect();
        server.alpn_protocols = vec![protocol(3)];
    }
    (Arc::new(client), Arc::new(server))
}

fn converse(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>, talk: &Talk) -> Vec<Flight> {
    let name = ServerName::try_from(talk.name.clone()).expect("a name");
    let mut client = ClientConnection::new(Arc::clone(client), name).expect("a client");
    let mut server = ServerConnection::new(Arc::clone(server)).expect("a server");
    client.set_buffer_limit(None);
    server.set_buffer_limit(None);
    let mut said = Vec::new();
    if talk.early {
        client.early_data().expect("early data").write_all(&[b'e'; 200]).expect("written");
    }
    exchange(&mut client, &mut server, &mut said, false);
    for beat in 0..talk.beats {
        client.writer().write_all(&vec![b'u'; talk.up]).expect("written");
        exchange(&mut client, &mut server, &mut said, beat > 0);
        server.writer().write_all(&vec![b'd'; talk.down]).expect("written");
        exchange(&mut client, &mut server, &mut said, false);
    }
    client.send_close_notify();
    exchange(&mut client, &mut server, &mut said, false);
    server.send_close_notify();
    exchange(&mut client, &mut server, &mut said, false);
    said
}

/// Carries bytes between the two until neither has more to say.
fn exchange(client: &mut ClientConnection, server: &mut ServerConnection, said: &mut Vec<Flight>, mut pause: bool) {
    loop {
        let mut flight = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut flight).expect("written");
        }
        let mut rest = &flight[..];
        while !rest.is_empty() && server.read_tls(&mut rest).is_ok() {
            server.process_new_packets().expect("the server follows");
            if let Some(mut early) = server.early_data() {
                _ = early.read(&mut [0; 4096]);
            }
            drain(server.reader());
        }
        let mut answer = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut answer).expect("written");
        }
        let mut rest = &answer[..];
        while !rest.is_empty() && client.read_tls(&mut rest).is_ok() {
            client.process_new_packets().expect("the client follows");
            drain(client.reader());
        }
        let silent = flight.is_empty() && answer.is_empty();
        for (who, bytes) in [(Who::Opener, flight), (Who::Other, answer)] {
            if !bytes.is_empty() {
                said.push((who, bytes, std::mem::take(&mut pause)));
            }
        }
        if silent {
            return;
        }
    }
}

fn drain(mut reader: rustls::Reader<'_>) {
    let mut sink = [0; 4096];
    while matches!(reader.read(&mut sink), Ok(n) if n > 0) {}
}

/// Takes any certificate: what is tested is on the wire, not in the chain.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
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
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}
