//! DTLS made by hand, record by record (RFC 6347, RFC 9147): no library here speaks it. The sealed records hold noise: nothing that is read here
//! could tell.

use super::World;
use super::certificates::{self, identity};
use super::packets::Place;
use super::quic::Datagram;
use super::records::{block, server_name};
use super::tcp::Who::{Opener, Other};

/// A session as it is wanted.
#[derive(Clone, Debug)]
pub struct Dtls {
    /// The name asked for.
    pub name: String,
    /// The version on the wire.
    pub version: u16,
    pub suite: u16,
    /// The server asks for the hello again, with a cookie.
    pub cookie: bool,
    /// Before 1.3: the session is known to both.
    pub resumed: bool,
    /// The client does not ask for that.
    pub forgotten: bool,
    /// Bytes of a fragment of the last hello; the last fragments go first.
    pub pieces: Option<usize>,
    /// Lengths of the connection IDs of the client and the server.
    pub ids: Option<[usize; 2]>,
    pub beats: usize,
    /// Certificates that the server shows before 1.3, where they are not its own.
    pub chain: Option<Vec<Vec<u8>>>,
}

impl Dtls {
    pub const V1_0: u16 = 0xfeff;
    pub const V1_2: u16 = 0xfefd;
    pub const V1_3: u16 = 0xfefc;

    pub fn new(name: &str, version: u16) -> Self {
        let suite = if version == Self::V1_3 { 0x1301 } else { 0xc02b };
        Self {
            name: name.to_owned(),
            version,
            suite,
            cookie: true,
            resumed: false,
            forgotten: false,
            pieces: None,
            ids: None,
            beats: 2,
            chain: None,
        }
    }
}

/// Whether a datagram begins with a record of the handshake in the clear.
pub fn is_plain(payload: &[u8]) -> bool {
    payload.len() > 25 && payload[0] == 22 && payload[1] == 0xfe && payload[3..5] == [0, 0]
}

/// Whether it begins with a ClientHello.
pub fn is_client_hello(payload: &[u8]) -> bool {
    is_plain(payload) && payload[13] == 1
}

/// Whether it begins with a ServerHello.
pub fn is_server_hello(payload: &[u8]) -> bool {
    is_plain(payload) && payload[13] == 2
}

/// Whether a record in it may hold a Finished.
pub fn is_finishing(payload: &[u8]) -> bool {
    let mut rest = payload;
    while let Some(first) = rest.first() {
        match first {
            0x20..=0x3f if first & 3 == 2 => return true,
            22 | 25 if rest.len() > 13 && rest[3..5] == [0, 1] && rest[5..11] == [0; 6] => return true,
            20..=26 if rest.len() > 13 => {
                let length = 13 + usize::from(u16::from_be_bytes([rest[11], rest[12]]));
                rest = rest.get(length..).unwrap_or_default();
            }
            _ => return false,
        }
    }
    false
}

pub fn record(kind: u8, version: u16, epoch: u16, sequence: u64, body: &[u8]) -> Vec<u8> {
    let number = sequence.to_be_bytes();
    let header = [&[kind][..], &version.to_be_bytes(), &epoch.to_be_bytes(), &number[2..]].concat();
    [&header[..], &(body.len() as u16).to_be_bytes(), body].concat()
}

/// A fragment of a handshake message.
pub fn fragment(kind: u8, sequence: u16, whole: &[u8], from: usize, to: usize) -> Vec<u8> {
    let three = |n: usize| (n as u32).to_be_bytes()[1..].to_vec();
    [&[kind][..], &three(whole.len()), &sequence.to_be_bytes(), &three(from), &three(to - from), &whole[from..to]].concat()
}

fn message(kind: u8, sequence: u16, body: &[u8]) -> Vec<u8> {
    fragment(kind, sequence, body, 0, body.len())
}

struct Session<'a> {
    dtls: &'a Dtls,
    said: Vec<Datagram>,
    /// The next sequence numbers, of each end in each epoch.
    numbers: [[u64; 4]; 2],
    messages: [u16; 2],
}

const COOKIE: [u8; 20] = [0x9c; 20];
const KEY: [u8; 64] = [0x81; 64];

/// What both ends of a session send.
pub fn session(dtls: &Dtls) -> Vec<Datagram> {
    let mut session = Session { dtls, said: Vec::new(), numbers: [[0; 4]; 2], messages: [0; 2] };
    session.hellos();
    if dtls.version == Dtls::V1_3 {
        session.finish_13()
    } else {
        session.finish()
    }
    session.said
}

impl Session<'_> {
    fn is_13(&self) -> bool {
        self.dtls.version == Dtls::V1_3
    }

    fn number(&mut self, end: usize, epoch: usize) -> u64 {
        self.numbers[end][epoch] += 1;
        self.numbers[end][epoch] - 1
    }

    fn plain(&mut self, end: usize, kind: u8, body: &[u8]) -> Vec<u8> {
        let number = self.number(end, 0);
        record(kind, self.dtls.version.max(Dtls::V1_2), 0, number, body)
    }

    fn said(&mut self, end: usize, kind: u8, body: &[u8]) -> Vec<u8> {
        let message = message(kind, self.messages[end], body);
        self.messages[end] += 1;
        self.plain(end, 22, &message)
    }

    fn sealed(&mut self, end: usize, kind: u8, epoch: usize, length: usize) -> Vec<u8> {
        let number = self.number(end, epoch);
        let body: Vec<u8> = (0..length as u32).map(|n| (n * 29 + 7) as u8 | 0x80).collect();
        let id = self.dtls.ids.map(|ids| KEY[..ids[1 - end]].to_vec());
        if self.is_13() {
            let first = 0x2c | epoch as u8 | if id.is_some() { 0x10 } else { 0 };
            let header = [&[first][..], &id.unwrap_or_default(), &(number as u16 ^ 0x5a5a).to_be_bytes(), &(length as u16).to_be_bytes()];
            return [&header.concat()[..], &body].concat();
        }
        match id {
            None => record(kind, self.dtls.version, epoch as u16, number, &body),
            Some(id) => {
                let mut record = record(25, self.dtls.version, epoch as u16, number, &body);
                record.splice(11..11, id);
                record
            }
        }
    }

    fn client_hello(&self, cookie: &[u8]) -> Vec<u8> {
        let mut extensions = vec![server_name(&self.dtls.name), (16, vec![0, 5, 4, b'c', b'o', b'a', b'p'])];
        if self.is_13() {
            extensions.push((43, vec![2, 0xfe, 0xfc]));
            if !cookie.is_empty() {
                extensions.push((44, [&[0, cookie.len() as u8][..], cookie].concat()));
            }
        }
        if let Some(ids) = self.dtls.ids {
            extensions.push((54, [&[ids[0] as u8][..], &KEY[..ids[0]]].concat()));
        }
        let legacy = self.dtls.version.max(Dtls::V1_2);
        let cookie = if self.is_13() { &[] } else { cookie };
        let fixed = [
            &legacy.to_be_bytes()[..],
            &[0x5a; 32],
            self.session(),
            &[cookie.len() as u8],
            cookie,
            &[0, 2],
            &self.dtls.suite.to_be_bytes(),
            &[1, 0],
        ];
        [&fixed.concat()[..], &block(&extensions)].concat()
    }

    /// The ID of the session, behind its length.
    fn session(&self) -> &'static [u8] {
        if self.dtls.resumed && !self.dtls.forgotten { &[8, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8] } else { &[0] }
    }

    fn server_hello(&self, is_retry: bool) -> Vec<u8> {
        let mut extensions = Vec::new();
        if self.is_13() {
            extensions.push((43, vec![0xfe, 0xfc]));
        }
        if is_retry {
            extensions.push((44, [&[0, COOKIE.len() as u8][..], &COOKIE].concat()));
        } else if let Some(ids) = self.dtls.ids {
            extensions.push((54, [&[ids[1] as u8][..], &KEY[..ids[1]]].concat()));
        }
        let legacy = self.dtls.version.max(Dtls::V1_2);
        let random = if is_retry { RETRY } else { [0xa5; 32] };
        [&legacy.to_be_bytes()[..], &random, self.session(), &self.dtls.suite.to_be_bytes(), &[0], &block(&extensions)].concat()
    }

    fn hellos(&mut self) {
        if self.dtls.cookie {
            let hello = self.client_hello(&[]);
            let first = self.said(0, 1, &hello);
            self.said.push((Opener, first));
            let again = if self.is_13() {
                let hello = self.server_hello(true);
                self.said(1, 2, &hello)
            } else {
                self.said(1, 3, &[&[0xfe, 0xff, COOKIE.len() as u8][..], &COOKIE].concat())
            };
            self.said.push((Other, again));
        }
        let hello = self.client_hello(if self.dtls.cookie { &COOKIE } else { &[] });
        let pieces = self.dtls.pieces.unwrap_or(hello.len());
        let mut sent = Vec::new();
        for from in (0..hello.len()).step_by(pieces) {
            let body = fragment(1, self.messages[0], &hello, from, (from + pieces).min(hello.len()));
            sent.push((Opener, self.plain(0, 22, &body)));
        }
        self.messages[0] += 1;
        self.said.extend(sent.into_iter().rev());
    }

    fn finish(&mut self) {
        let hello = self.server_hello(false);
        let hello = self.said(1, 2, &hello);
        if self.dtls.resumed {
            let flight = [hello, self.plain(1, 20, &[1]), self.sealed(1, 22, 1, 48)].concat();
            self.said.push((Other, flight));
            let flight = [self.plain(0, 20, &[1]), self.sealed(0, 22, 1, 48)].concat();
            self.said.push((Opener, flight));
        } else {
            let chain = self.dtls.chain.clone().unwrap_or_else(|| identity(&self.dtls.name).chain.clone());
            let shown = certificates::message(&chain);
            let flight = [hello, self.said(1, 11, &shown), self.said(1, 12, &[0x92; 140]), self.said(1, 14, &[])].concat();
            self.said.push((Other, flight));
            let flight = [self.said(0, 16, &[0x93; 66]), self.plain(0, 20, &[1]), self.sealed(0, 22, 1, 48)].concat();
            self.said.push((Opener, flight));
            let flight = [self.said(1, 4, &[0x94; 180]), self.plain(1, 20, &[1]), self.sealed(1, 22, 1, 48)].concat();
            self.said.push((Other, flight));
        }
        self.data(23, 1);
        let farewell = self.sealed(0, 21, 1, 26);
        self.said.push((Opener, farewell));
    }

    fn finish_13(&mut self) {
        let hello = self.server_hello(false);
        let flight = [self.said(1, 2, &hello), self.sealed(1, 0, 2, 40), self.sealed(1, 0, 2, 700), self.sealed(1, 0, 2, 69)].concat();
        self.said.push((Other, flight));
        let finished = self.sealed(0, 0, 2, 69);
        self.said.push((Opener, finished));
        let acknowledged = self.sealed(1, 0, 3, 35);
        self.said.push((Other, acknowledged));
        self.data(0, 3);
    }

    fn data(&mut self, kind: u8, epoch: usize) {
        for n in 0..self.dtls.beats {
            let (up, down) = (self.sealed(0, kind, epoch, 90 + n), self.sealed(1, kind, epoch, 300 + n));
            self.said.push((Opener, up));
            self.said.push((Other, down));
        }
    }
}

/// The random of a HelloRetryRequest (RFC 8446 section 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
    0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

impl World {
    /// Says datagrams over UDP.
    pub fn datagrams(&mut self, from: Place, to: Place, said: &[Datagram]) {
        for (who, datagram) in said {
            let (from, to) = if *who == Opener { (from, to) } else { (to, from) };
            self.udp(from, to, datagram);
        }
    }

    /// Says them as user messages of SCTP, each in pieces of at most `most` bytes; the association is opened before.
    pub fn messages(&mut self, from: Place, to: Place, said: &[Datagram], most: usize) {
        let mut numbers = [7000u32, u32::MAX - 2];
        let init = |kind: u8, number: u32| {
            let body = [&[0, 0, 0, 9, 0, 1, 0, 0, 0, 10, 0, 10][..], &number.to_be_bytes()].concat();
            chunk(kind, 0, &body)
        };
        self.sctp(from, to, &init(1, numbers[0]));
        self.sctp(to, from, &init(2, numbers[1]));
        self.sctp(from, to, &chunk(10, 0, &[0x88; 60]));
        self.sctp(to, from, &chunk(11, 0, &[]));
        for (who, bytes) in said {
            let end = usize::from(*who == Other);
            let (from, to) = if *who == Opener { (from, to) } else { (to, from) };
            let count = bytes.len().div_ceil(most);
            for (n, piece) in bytes.chunks(most).enumerate() {
                let flags = if n == 0 { 2 } else { 0 } | u8::from(n + 1 == count);
                let data = chunk(0, flags, &[&numbers[end].to_be_bytes()[..], &[0, 0, 0, 1, 0, 0, 0, 47], piece].concat());
                numbers[end] = numbers[end].wrapping_add(1);
                let sack = chunk(3, 0, &[&numbers[1 - end].wrapping_sub(1).to_be_bytes()[..], &[0, 1, 0, 0, 0, 0, 0, 0]].concat());
                self.sctp(from, to, &[sack, data].concat());
            }
        }
    }

    fn sctp(&mut self, from: Place, to: Place, chunks: &[u8]) {
        let header = [&from.1.to_be_bytes()[..], &to.1.to_be_bytes(), &[0, 0, 0, 9, 0, 0, 0, 0]].concat();
        self.ip(from.0, to.0, 132, &[&header, chunks].concat());
    }
}

fn chunk(kind: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    let mut chunk = [&[kind, flags][..], &(body.len() as u16 + 4).to_be_bytes(), body].concat();
    chunk.resize(chunk.len().next_multiple_of(4), 0);
    chunk
}
