//! A world in packets: agents, resolvers and endpoints whose traffic is made, byte by byte as it would be on the wire, so that its right
//! verdict is known. TLS is rustls talking to itself in memory; DNS is written by hickory.

#![allow(dead_code, clippy::expect_used, clippy::panic, reason = "each test binary uses its part, and a test may fail")]

use std::io::{Read, Write};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use etherparse::PacketBuilder;
use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};

/// A frame and when it passes, in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub at: i64,
    pub bytes: Vec<u8>,
}

pub const SECOND: i64 = 1_000_000_000;
pub const MILLI: i64 = 1_000_000;

/// The start of every world: 2026-11-24T00:00:00Z.
pub const START: i64 = 1_795_478_400 * SECOND;

/// Makes frames on an Ethernet.
#[derive(Clone, Debug)]
pub struct World {
    pub frames: Vec<Frame>,
    /// The time of the next frame.
    pub now: i64,
    next_port: u16,
    next_id: u16,
}

/// One end of what is said: the opener or the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Opener,
    Other,
}

/// A TCP conversation to be put on the wire.
pub struct Tcp {
    pub opener: (IpAddr, u16),
    pub other: (IpAddr, u16),
    pub segment: usize,
    seq: [u32; 2],
}

impl Default for World {
    fn default() -> Self {
        Self { frames: Vec::new(), now: START, next_port: 40_000, next_id: 1 }
    }
}

impl World {
    pub fn push(&mut self, bytes: Vec<u8>) {
        self.frames.push(Frame { at: self.now, bytes });
        self.now += MILLI;
    }

    pub fn port(&mut self) -> u16 {
        self.next_port += 1;
        self.next_port
    }

    pub fn wait(&mut self, nanos: i64) {
        self.now += nanos;
    }

    pub fn udp(&mut self, from: (IpAddr, u16), to: (IpAddr, u16), payload: &[u8]) {
        let mut bytes = Vec::new();
        let ethernet = PacketBuilder::ethernet2(mac(from.0), mac(to.0));
        match (from.0, to.0) {
            (IpAddr::V4(a), IpAddr::V4(b)) => ethernet.ipv4(a.octets(), b.octets(), 64).udp(from.1, to.1).write(&mut bytes, payload),
            (IpAddr::V6(a), IpAddr::V6(b)) => ethernet.ipv6(a.octets(), b.octets(), 64).udp(from.1, to.1).write(&mut bytes, payload),
            _ => panic!("two families"),
        }
        .expect("it is written");
        self.push(bytes);
    }

    /// A packet of any protocol above IP.
    pub fn ip(&mut self, from: IpAddr, to: IpAddr, protocol: u8, payload: &[u8]) {
        let mut bytes = Vec::new();
        let number = etherparse::IpNumber(protocol);
        let ethernet = PacketBuilder::ethernet2(mac(from), mac(to));
        match (from, to) {
            (IpAddr::V4(a), IpAddr::V4(b)) => ethernet.ipv4(a.octets(), b.octets(), 64).write(&mut bytes, number, payload),
            (IpAddr::V6(a), IpAddr::V6(b)) => ethernet.ipv6(a.octets(), b.octets(), 64).write(&mut bytes, number, payload),
            _ => panic!("two families"),
        }
        .expect("it is written");
        self.push(bytes);
    }

    /// A question and its answer, in two datagrams.
    pub fn resolve(&mut self, agent: IpAddr, resolver: IpAddr, name: &str, chain: &[&str], address: IpAddr) {
        let port = self.port();
        let [question, answer] = self.dns(name, chain, address);
        self.udp((agent, port), (resolver, 53), &question);
        self.udp((resolver, 53), (agent, port), &answer);
    }

    /// The bytes of a question and of its answer: the canonical names in `chain`, and the address of the last.
    pub fn dns(&mut self, name: &str, chain: &[&str], address: IpAddr) -> [Vec<u8>; 2] {
        self.next_id = self.next_id.wrapping_add(7919);
        let kind = if address.is_ipv4() { RecordType::A } else { RecordType::AAAA };
        let owner = Name::from_ascii(format!("{name}.")).expect("a name");
        let mut question = Message::new(self.next_id, MessageType::Query, OpCode::Query);
        question.metadata.recursion_desired = true;
        question.add_query(Query::query(owner.clone(), kind));
        let mut answer = Message::new(self.next_id, MessageType::Response, OpCode::Query);
        answer.metadata.response_code = ResponseCode::NoError;
        answer.add_query(Query::query(owner.clone(), kind));
        let mut last = owner;
        for target in chain {
            let target = Name::from_ascii(format!("{target}.")).expect("a name");
            answer.add_answer(Record::from_rdata(last, 60, RData::CNAME(CNAME(target.clone()))));
            last = target;
        }
        let data = match address {
            IpAddr::V4(ip) => RData::A(A(ip)),
            IpAddr::V6(ip) => RData::AAAA(AAAA(ip)),
        };
        answer.add_answer(Record::from_rdata(last, 60, data));
        [question.to_vec().expect("written"), answer.to_vec().expect("written")]
    }

    pub fn connect(&mut self, agent: IpAddr, other: (IpAddr, u16)) -> Tcp {
        let opener = (agent, self.port());
        let mut tcp = Tcp { opener, other, segment: 1400, seq: [1000, 90_000] };
        self.segment(&tcp, Who::Opener, SYN, &[]);
        tcp.seq[0] += 1;
        self.segment(&tcp, Who::Other, SYN | ACK, &[]);
        tcp.seq[1] += 1;
        self.segment(&tcp, Who::Opener, ACK, &[]);
        tcp
    }

    /// Says something in segments, and has it acknowledged.
    pub fn say(&mut self, tcp: &mut Tcp, who: Who, bytes: &[u8]) {
        for piece in bytes.chunks(tcp.segment) {
            self.segment(tcp, who, ACK | PSH, piece);
            tcp.seq[who as usize] = tcp.seq[who as usize].wrapping_add(piece.len() as u32);
        }
        if !bytes.is_empty() {
            self.segment(tcp, not(who), ACK, &[]);
        }
    }

    /// A keep-alive: an acknowledgement from before the next byte, with or without one byte of garbage.
    pub fn keep_alive(&mut self, tcp: &Tcp, who: Who, garbage: &[u8]) {
        let (from, to) = if who == Who::Opener { (tcp.opener, tcp.other) } else { (tcp.other, tcp.opener) };
        self.raw_segment(from, to, tcp.seq[who as usize].wrapping_sub(1), tcp.seq[not(who) as usize], ACK, garbage);
    }

    /// Both ends say FIN.
    pub fn close(&mut self, tcp: &mut Tcp) {
        for who in [Who::Opener, Who::Other] {
            self.segment(tcp, who, FIN | ACK, &[]);
            tcp.seq[who as usize] = tcp.seq[who as usize].wrapping_add(1);
        }
        self.segment(tcp, Who::Opener, ACK, &[]);
    }

    /// One segment as the conversation stands.
    pub fn segment(&mut self, tcp: &Tcp, who: Who, flags: u8, payload: &[u8]) {
        let (from, to) = if who == Who::Opener { (tcp.opener, tcp.other) } else { (tcp.other, tcp.opener) };
        let (seq, ack) = (tcp.seq[who as usize], tcp.seq[not(who) as usize]);
        self.raw_segment(from, to, seq, ack, flags, payload);
    }

    pub fn raw_segment(&mut self, from: (IpAddr, u16), to: (IpAddr, u16), seq: u32, ack: u32, flags: u8, payload: &[u8]) {
        let mut header = etherparse::TcpHeader::new(from.1, to.1, seq, 65_535);
        header.syn = flags & SYN != 0;
        header.fin = flags & FIN != 0;
        header.rst = flags & RST != 0;
        header.psh = flags & PSH != 0;
        header.ack = flags & ACK != 0;
        header.acknowledgment_number = if header.ack { ack } else { 0 };
        let mut bytes = Vec::new();
        let ethernet = PacketBuilder::ethernet2(mac(from.0), mac(to.0));
        match (from.0, to.0) {
            (IpAddr::V4(a), IpAddr::V4(b)) => ethernet.ipv4(a.octets(), b.octets(), 64).tcp_header(header).write(&mut bytes, payload),
            (IpAddr::V6(a), IpAddr::V6(b)) => ethernet.ipv6(a.octets(), b.octets(), 64).tcp_header(header).write(&mut bytes, payload),
            _ => panic!("two families"),
        }
        .expect("it is written");
        self.push(bytes);
    }

    /// A whole TLS session: handshake, `up` and `down` bytes of application data, close_notify, FIN.
    pub fn tls(&mut self, agent: IpAddr, other: (IpAddr, u16), name: &str, version: Version, up: usize, down: usize) {
        let mut tcp = self.connect(agent, other);
        for (who, bytes) in tls_session(name, version, up, down) {
            self.say(&mut tcp, who, &bytes);
        }
        self.close(&mut tcp);
    }

    /// The capture as a nanosecond pcap of Ethernet.
    pub fn pcap(&self) -> Vec<u8> {
        pcap_of(&self.frames)
    }
}

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const PSH: u8 = 8;
pub const ACK: u8 = 16;

/// Frames in their order as a nanosecond pcap of Ethernet.
pub fn pcap_of(frames: &[Frame]) -> Vec<u8> {
    let mut out = Vec::new();
    for word in [0xa1b2_3c4du32, 0x0004_0002, 0, 0, 262_144, 1] {
        out.extend(word.to_le_bytes());
    }
    for frame in frames {
        let length = frame.bytes.len() as u32;
        for word in [(frame.at / SECOND) as u32, (frame.at % SECOND) as u32, length, length] {
            out.extend(word.to_le_bytes());
        }
        out.extend(&frame.bytes);
    }
    out
}

pub fn not(who: Who) -> Who {
    if who == Who::Opener { Who::Other } else { Who::Opener }
}

fn mac(ip: IpAddr) -> [u8; 6] {
    match ip {
        IpAddr::V4(ip) => [2, 4, ip.octets()[0], ip.octets()[1], ip.octets()[2], ip.octets()[3]],
        IpAddr::V6(ip) => [2, 6, ip.octets()[12], ip.octets()[13], ip.octets()[14], ip.octets()[15]],
    }
}

/// A version of TLS that rustls speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Tls12,
    Tls13,
}

/// Everything that both ends of a TLS session say, flight by flight.
pub fn tls_session(name: &str, version: Version, up: usize, down: usize) -> Vec<(Who, Vec<u8>)> {
    let versions: &[&rustls::SupportedProtocolVersion] = match version {
        Version::Tls12 => &[&rustls::version::TLS12],
        Version::Tls13 => &[&rustls::version::TLS13],
    };
    let (certificate, key) = identity();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.clone_key())
        .expect("a certificate");
    let client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate))
        .with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(client), ServerName::try_from(name.to_owned()).expect("a name")).expect("a client");
    let mut server = ServerConnection::new(Arc::new(server)).expect("a server");
    client.set_buffer_limit(None);
    server.set_buffer_limit(None);
    let mut said = Vec::new();
    exchange(&mut client, &mut server, &mut said);
    client.writer().write_all(&vec![b'u'; up]).expect("written");
    exchange(&mut client, &mut server, &mut said);
    server.writer().write_all(&vec![b'd'; down]).expect("written");
    exchange(&mut client, &mut server, &mut said);
    client.send_close_notify();
    exchange(&mut client, &mut server, &mut said);
    server.send_close_notify();
    exchange(&mut client, &mut server, &mut said);
    said
}

/// Carries bytes between the two until neither has more to say.
fn exchange(client: &mut ClientConnection, server: &mut ServerConnection, said: &mut Vec<(Who, Vec<u8>)>) {
    loop {
        let mut flight = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut flight).expect("written");
        }
        let mut rest = &flight[..];
        while !rest.is_empty() && server.read_tls(&mut rest).is_ok() {
            server.process_new_packets().expect("the server follows");
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
        said.extend([(Who::Opener, flight), (Who::Other, answer)].into_iter().filter(|(_, bytes)| !bytes.is_empty()));
        if silent {
            return;
        }
    }
}

fn drain(mut reader: rustls::Reader<'_>) {
    let mut sink = [0; 4096];
    while matches!(reader.read(&mut sink), Ok(n) if n > 0) {}
}

/// One self-signed certificate for all worlds.
fn identity() -> &'static (rustls::pki_types::CertificateDer<'static>, rustls::pki_types::PrivateKeyDer<'static>) {
    static IDENTITY: OnceLock<(rustls::pki_types::CertificateDer<'static>, rustls::pki_types::PrivateKeyDer<'static>)> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(vec!["world.example".to_owned()]).expect("a certificate");
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        (made.cert.der().clone(), key.into())
    })
}

/// Takes any certificate: what is tested is on the wire, not in the chain.
#[derive(Debug)]
struct AnyCertificate;

impl rustls::client::danger::ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
