//! QUIC as rustls speaks it to itself in memory, sealed with the real keys: a session as the datagrams that both ends send.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rustls::Side;
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::pki_types::ServerName;
use rustls::quic::{ClientConnection, DirectionalKeys, KeyChange, Keys, ServerConnection, Version};

use super::packets::Place;
use super::tcp::Who::{self, Opener, Other};
use super::tls::{self, Talk};
use super::{SECOND, World};

/// A session as it is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Quic {
    /// The name asked for; an address asks for none.
    pub name: String,
    /// The version on the wire.
    pub version: u32,
    /// The server answers the first Initial with a Retry.
    pub retry: bool,
    /// The version that the client asks for first, and that the server refuses.
    pub refused: Option<u32>,
    /// The first hello offers a group that the server does not take.
    pub hello_retried: bool,
    /// The hello that follows asks for another name on the wire: "foreign" in it where the first has "allowed".
    pub renamed: bool,
    /// The hello is longer than a packet.
    pub big: bool,
    /// Bytes of a CRYPTO frame of the client, and frames of an Initial; the last go first.
    pub pieces: Option<(usize, usize)>,
    /// Lengths of the connection IDs of the client and the server.
    pub ids: [usize; 2],
    /// The client goes over to another connection ID of the server after so many of its packets.
    pub renewed_after: Option<usize>,
    /// The fixed bit is not set where it need not be (RFC 9287).
    pub greased: bool,
    pub beats: usize,
    /// Makes its first destination another.
    pub salt: u8,
    /// Put behind the client's hello, in its Initials.
    pub behind_hello: Vec<u8>,
    /// What the server gives with a Retry.
    pub token: Vec<u8>,
}

impl Quic {
    pub const V1: u32 = 1;
    pub const V2: u32 = 0x6b33_43cf;
    pub const DRAFT_29: u32 = 0xff00_001d;

    pub fn new(name: &str) -> Self {
        let name = name.to_owned();
        Self {
            name,
            version: Self::V1,
            retry: false,
            refused: None,
            hello_retried: false,
            renamed: false,
            big: false,
            pieces: None,
            ids: [0, 8],
            renewed_after: None,
            greased: false,
            beats: 2,
            salt: 0,
            behind_hello: Vec::new(),
            token: b"\x01a token that the server knows again".to_vec(),
        }
    }
}

/// A datagram and who sends it.
pub type Datagram = (Who, Vec<u8>);

impl World {
    /// Says the datagrams of a session, with a pause between requests.
    pub fn quic(&mut self, from: Place, to: Place, quic: &Quic, pause: i64) {
        let said = session(quic);
        for (n, (who, datagram)) in said.iter().enumerate() {
            if pause > 0 && n + 6 > said.len() && *who == Opener {
                self.wait(pause * SECOND);
            }
            let (from, to) = if *who == Opener { (from, to) } else { (to, from) };
            self.udp(from, to, datagram);
        }
    }
}

/// Whether a datagram begins with a long packet of a version that is spoken here.
pub fn is_quic(payload: &[u8]) -> bool {
    let version = payload.get(1..5).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    payload.first().is_some_and(|first| first & 0x80 != 0) && matches!(version, Some(Quic::V1 | Quic::V2))
}

/// Whether that packet is an Initial.
pub fn is_initial(payload: &[u8]) -> bool {
    let kind = payload.first().map(|first| first >> 4 & 3);
    is_quic(payload) && kind == Some(if payload[1] == 0 { 0 } else { 1 })
}

/// What both ends of a session send. The same session has the same bytes throughout a run.
pub fn session(quic: &Quic) -> Arc<Vec<Datagram>> {
    static SPOKEN: OnceLock<Mutex<HashMap<Quic, Arc<Vec<Datagram>>>>> = OnceLock::new();
    let spoken = SPOKEN.get_or_init(Mutex::default);
    if let Some(known) = spoken.lock().expect("no panic").get(quic) {
        return Arc::clone(known);
    }
    let made = Arc::new(Session::new(quic).speak());
    spoken.lock().expect("no panic").insert(quic.clone(), Arc::clone(&made));
    made
}

const PADDING: u8 = 0;
const HANDSHAKE_DONE: u8 = 0x1e;

/// The types of long packets, by the places they have in version 1.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Initial = 0,
    Handshake = 2,
    Retry = 3,
}

struct Session<'a> {
    quic: &'a Quic,
    said: Vec<Datagram>,
    /// Where the client's first Initial goes, and both ends' IDs.
    original: Vec<u8>,
    ids: [Vec<u8>; 2],
    token: Vec<u8>,
    /// The next packet numbers, of each end in each of its spaces.
    numbers: [[u32; 3]; 2],
}

impl<'a> Session<'a> {
    fn new(quic: &'a Quic) -> Self {
        let id = |salt: u8, length: usize| (0..length as u8).map(|n| salt.wrapping_add(n.wrapping_mul(37)) | 0x80).collect();
        Self {
            quic,
            said: Vec::new(),
            original: id(3 + quic.salt, 8),
            ids: [id(5, quic.ids[0]), id(11, quic.ids[1])],
            token: Vec::new(),
            numbers: [[0; 3]; 2],
        }
    }

    fn speak(mut self) -> Vec<Datagram> {
        let version = match self.quic.version {
            Quic::V1 => Version::V1,
            Quic::V2 => Version::V2,
            _ => Version::V1Draft,
        };
        let talk = Talk { retried: self.quic.hello_retried, big: self.quic.big, ..Talk::new(&self.quic.name, tls::Version::Tls13) };
        let (client, server) = tls::configs(&talk);
        let (mut client_config, mut server_config) = ((*client).clone(), (*server).clone());
        if !self.quic.big {
            client_config.alpn_protocols = vec![b"h3".to_vec()];
            server_config.alpn_protocols = vec![b"h3".to_vec()];
        }
        let name = ServerName::try_from(self.quic.name.clone()).expect("a name");
        let grease: &[u8] = if self.quic.greased { &[0x6a, 0xb2, 0] } else { &[] };
        let parameters = [&[4, 4, 0x80, 1, 0, 0, 0x0f, self.ids[0].len() as u8][..], &self.ids[0], grease].concat();
        let mut client = ClientConnection::new(Arc::new(client_config), version, name, parameters).expect("a client");
        let mut server = ServerConnection::new(Arc::new(server_config), version, vec![4, 4, 0x80, 1, 0, 0]).expect("a server");

        let mut hello = Vec::new();
        assert!(client.write_hs(&mut hello).is_none());
        if let Some(refused) = self.quic.refused {
            self.refuse(refused);
        }
        if self.quic.retry {
            let keys = self.initial_keys(version);
            self.client_initials(&keys, &hello, 0);
            self.retry();
        }
        let keys = self.initial_keys(version);
        self.client_initials(&keys, &hello, 0);
        server.read_hs(&hello).expect("the server follows");
        let (mut answer, mut offset, mut answered) = (Vec::new(), hello.len(), 0);
        let mut change = server.write_hs(&mut answer);
        if change.is_none() {
            // a hello retry request, and the hello again
            let initial = self.long(Other, Kind::Initial, &keys.remote, &crypto(0, &answer), 1200);
            self.said.push((Other, initial));
            client.read_hs(&answer).expect("the client follows");
            answered = answer.len();
            hello.clear();
            assert!(client.write_hs(&mut hello).is_none());
            let mut said = hello.clone();
            let name = said.windows(7).position(|bytes| bytes == b"allowed").filter(|_| self.quic.renamed);
            name.into_iter().for_each(|at| said[at..at + 7].copy_from_slice(b"foreign"));
            self.client_initials(&keys, &said, offset);
            offset += hello.len();
            server.read_hs(&hello).expect("the server follows");
            answer.clear();
            change = server.write_hs(&mut answer);
        }
        assert!(offset > 0);
        let Some(KeyChange::Handshake { keys: of_server }) = change else { panic!("handshake keys") };
        let mut flight = Vec::new();
        let Some(KeyChange::OneRtt { keys: server_data, .. }) = server.write_hs(&mut flight) else { panic!("1-RTT keys") };

        // the server's hello and the first of its flight share a datagram
        let initial = self.long(Other, Kind::Initial, &keys.remote, &[&ack()[..], &crypto(answered, &answer)].concat(), 0);
        let (head, tail) = flight.split_at(flight.len().min(400));
        let sealed = self.long(Other, Kind::Handshake, &of_server.local, &crypto(0, head), 0);
        self.said.push((Other, [initial, sealed].concat()));
        if !tail.is_empty() {
            let sealed = self.long(Other, Kind::Handshake, &of_server.local, &crypto(head.len(), tail), 0);
            self.said.push((Other, sealed));
        }
        client.read_hs(&answer).expect("the client follows");
        let Some(KeyChange::Handshake { keys: of_client }) = client.write_hs(&mut Vec::new()) else { panic!("handshake keys") };
        client.read_hs(&flight).expect("the client follows");
        let mut finished = Vec::new();
        let Some(KeyChange::OneRtt { keys: client_data, .. }) = client.write_hs(&mut finished) else { panic!("1-RTT keys") };

        let initial = self.long(Opener, Kind::Initial, &keys.local, &ack(), 1200);
        self.said.push((Opener, initial));
        let sealed = self.long(Opener, Kind::Handshake, &of_client.local, &[&ack()[..], &crypto(0, &finished)].concat(), 0);
        let request = self.short(Opener, &client_data.local, &[&ack()[..], &[8, 0], &[b'u'; 60]].concat());
        self.said.push((Opener, [sealed, request].concat()));
        let done = self.short(Other, &server_data.local, &[HANDSHAKE_DONE, 1]);
        self.said.push((Other, done));
        for beat in 0..self.quic.beats {
            if self.quic.renewed_after.is_some_and(|after| beat == after) {
                self.ids[1].iter_mut().for_each(|byte| *byte ^= 0x5a);
            }
            let asked = self.short(Opener, &client_data.local, &[&[10, 4, 60][..], &[b'u'; 60]].concat());
            self.said.push((Opener, asked));
            for _ in 0..3 {
                let answer = self.short(Other, &server_data.local, &[&[8, 4][..], &[b'd'; 1100]].concat());
                self.said.push((Other, answer));
            }
            let acknowledged = self.short(Opener, &client_data.local, &ack());
            self.said.push((Opener, acknowledged));
        }
        let over = self.short(Opener, &client_data.local, &[0x1d, 0, 0]);
        self.said.push((Opener, over));
        self.said
    }

    fn initial_keys(&self, version: Version) -> Keys {
        let suite = TLS13_AES_128_GCM_SHA256.tls13().expect("a suite of TLS 1.3");
        Keys::initial(version, suite, suite.quic.expect("for QUIC"), &self.original, Side::Client)
    }

    /// A version that the server does not speak is answered by the list of those that it does.
    fn refuse(&mut self, refused: u32) {
        let mut asked = [&[0xc0][..], &refused.to_be_bytes()].concat();
        asked.extend(ids(&self.original, &self.ids[0]));
        asked.resize(1200, 0x9d);
        self.said.push((Opener, asked));
        let mut answer = vec![0xd3, 0, 0, 0, 0];
        answer.extend(ids(&self.ids[0], &self.original));
        for version in [self.quic.version, 0x3a4a_5a6a] {
            answer.extend(version.to_be_bytes());
        }
        self.said.push((Other, answer));
        self.original.iter_mut().for_each(|byte| *byte ^= 0x11);
    }

    /// The server's Retry, after which the client's Initials go elsewhere.
    fn retry(&mut self) {
        let given: Vec<u8> = self.original.iter().map(|byte| byte ^ 0x33).collect();
        self.token.clone_from(&self.quic.token);
        let mut retry = vec![0xc5 | self.kind(Kind::Retry) << 4];
        retry.extend(self.quic.version.to_be_bytes());
        retry.extend(ids(&self.ids[0], &given));
        retry.extend(&self.token);
        let (key, nonce): ([u8; 16], [u8; 12]) = match self.quic.version {
            Quic::V2 => (0x8fb4_b01b_56ac_48e2_60fb_cbce_ad7c_cc92u128.to_be_bytes(), *b"\xd8\x69\x69\xbc\x2d\x7c\x6d\x99\x90\xef\xb0\x4a"),
            _ => (0xbe0c_690b_9f66_575a_1d76_6b54_e368_c84eu128.to_be_bytes(), *b"\x46\x15\x99\xd3\x5d\x63\x2b\xf2\x23\x98\x25\xbb"),
        };
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).expect("a key"));
        let pseudo = [&[self.original.len() as u8][..], &self.original, &retry].concat();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from(pseudo), &mut []).expect("sealed");
        retry.extend(tag.as_ref());
        self.said.push((Other, retry));
        self.original = given;
    }

    /// The client's hello, in one Initial, or in pieces over several.
    fn client_initials(&mut self, keys: &Keys, hello: &[u8], offset: usize) {
        let (piece, together) = self.quic.pieces.unwrap_or((1000, 1));
        let said = [hello, &self.quic.behind_hello].concat();
        let mut frames: Vec<Vec<u8>> = said.chunks(piece).enumerate().map(|(n, bytes)| crypto(offset + n * piece, bytes)).collect();
        if self.quic.pieces.is_some() {
            frames.reverse();
        }
        for frames in frames.chunks(together) {
            let initial = self.long(Opener, Kind::Initial, &keys.local, &frames.concat(), 1200);
            self.said.push((Opener, initial));
        }
    }

    fn kind(&self, kind: Kind) -> u8 {
        if self.quic.version == Quic::V2 { (kind as u8 + 1) % 4 } else { kind as u8 }
    }

    /// A long packet, padded so that it is `least` bytes long.
    fn long(&mut self, who: Who, kind: Kind, keys: &DirectionalKeys, frames: &[u8], least: usize) -> Vec<u8> {
        let number = self.number(who, if kind == Kind::Initial { 0 } else { 1 });
        let is_spoken = self.said.iter().any(|(who, datagram)| *who == Other && datagram[0] & 0x80 != 0 && datagram.len() > 500);
        let (to, from) = match who {
            Opener if is_spoken => (&self.ids[1], &self.ids[0]),
            Opener => (&self.original, &self.ids[0]),
            Other => (&self.ids[0], &self.ids[1]),
        };
        let fixed = if self.quic.greased && kind != Kind::Initial { 0 } else { 0x40 };
        let mut header = vec![0x83 | fixed | self.kind(kind) << 4];
        header.extend(self.quic.version.to_be_bytes());
        header.extend(ids(to, from));
        if kind == Kind::Initial {
            let token: &[u8] = if who == Opener { &self.token } else { &[] };
            header.extend((0x4000 | token.len() as u16).to_be_bytes());
            header.extend(token);
        }
        let mut payload = frames.to_vec();
        let wanted = least.saturating_sub(header.len() + 2 + 4 + 16);
        payload.resize(payload.len().max(wanted).max(4), PADDING);
        header.extend((0x4000 | (4 + payload.len() + 16) as u16).to_be_bytes());
        sealed(keys, header, number, payload)
    }

    fn short(&mut self, who: Who, keys: &DirectionalKeys, frames: &[u8]) -> Vec<u8> {
        let number = self.number(who, 2);
        let to = if who == Opener { &self.ids[1] } else { &self.ids[0] };
        let first = if self.quic.greased && number % 2 == 1 { 0x03 } else { 0x43 };
        sealed(keys, [&[first][..], to].concat(), number, [frames, &[PADDING; 4]].concat())
    }

    fn number(&mut self, who: Who, space: usize) -> u32 {
        let next = &mut self.numbers[who as usize][space];
        *next += 1;
        *next - 1
    }
}

/// Seals a packet whose header ends before its number, which takes four bytes.
fn sealed(keys: &DirectionalKeys, mut header: Vec<u8>, number: u32, mut payload: Vec<u8>) -> Vec<u8> {
    let at = header.len();
    header.extend(number.to_be_bytes());
    let tag = keys.packet.encrypt_in_place(number.into(), &header, &mut payload).expect("sealed");
    payload.extend(tag.as_ref());
    let mut packet = [header, payload].concat();
    let sample = packet[at + 4..at + 20].to_vec();
    let (head, tail) = packet.split_at_mut(at);
    keys.header.encrypt_in_place(&sample, &mut head[0], &mut tail[..4]).expect("protected");
    packet
}

fn ids(destination: &[u8], source: &[u8]) -> Vec<u8> {
    [&[destination.len() as u8][..], destination, &[source.len() as u8], source].concat()
}

fn crypto(offset: usize, bytes: &[u8]) -> Vec<u8> {
    let varint = |n: usize| (0x4000 | n as u16).to_be_bytes();
    [&[6][..], &varint(offset), &varint(bytes.len()), bytes].concat()
}

fn ack() -> Vec<u8> {
    vec![2, 0, 0, 0, 0]
}
