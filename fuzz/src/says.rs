//! What ends say: messages of the protocols that the auditor reads, in order unless the bytes ask for a change.

use crate::bytes::Bytes;

pub const NAMES: [&str; 8] = [
    "gbl.his.arc.azure.com",
    "login.microsoftonline.com",
    "azgn-eastus-public-1p-blu-1.servicebus.windows.net",
    "agentserviceapi.guestconfiguration.azure.com",
    "www.example.com",
    "ntp.ubuntu.com",
    "evil.example",
    "weu.his.arc.azure.com",
];

/// Changes a message a little, now and then.
pub fn mutate(message: &mut Vec<u8>, from: &mut Bytes<'_>) {
    for _ in 0..from.byte().saturating_sub(224) / 8 {
        let at = usize::from(from.half()) % (message.len() + 1);
        match from.below(5) {
            0 => {
                if let Some(byte) = message.get_mut(at) {
                    *byte = from.byte();
                }
            }
            1 => message.truncate(at),
            2 => {
                let n = from.below(16);
                let new = from.take(n);
                message.splice(at..at, new.iter().copied());
            }
            3 => {
                let end = (at + from.below(32)).min(message.len());
                message.drain(at..end);
            }
            _ => {
                if let Some(byte) = message.get_mut(at) {
                    *byte ^= 1 << from.below(8);
                }
            }
        }
    }
}

fn with_length(bytes: usize, body: &[u8]) -> Vec<u8> {
    let mut out = (body.len() as u32).to_be_bytes()[4 - bytes..].to_vec();
    out.extend_from_slice(body);
    out
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut out = kind.to_be_bytes().to_vec();
    out.extend(with_length(2, body));
    out
}

/// A handshake message.
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend(with_length(3, body));
    out
}

/// One record, or several where `split` says so: handshake messages may lie over records.
pub fn record(kind: u8, version: u16, body: &[u8], split: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in body.chunks(if split == 0 { 16_384 } else { split }) {
        out.push(kind);
        out.extend(version.to_be_bytes());
        out.extend(with_length(2, piece));
    }
    out
}

/// How a TLS session is to go.
pub struct Tls {
    pub version: u16,
    pub suite: u16,
    pub resumed: bool,
    pub split: usize,
}

impl Tls {
    pub fn chosen(from: &mut Bytes<'_>) -> Self {
        let version = from.pick(&[0x0304, 0x0303, 0x0304, 0x0303, 0x0302, 0x0301, 0x0300]);
        let suite = match version {
            0x0304 => from.pick(&[0x1301, 0x1302, 0x1303]),
            _ => from.pick(&[0xc02f, 0xc030, 0x009c, 0x0035, 0x0005, 0x0002, 0x0034, 0xcca8]),
        };
        let shape = from.byte();
        let split = if shape >= 200 { usize::from(shape - 190) } else { 0 };
        Self { version, suite, resumed: shape % 4 == 3, split }
    }

    pub fn client_hello(&self, name: &str, from: &mut Bytes<'_>) -> Vec<u8> {
        let mut extensions = Vec::new();
        let mut host = vec![0];
        host.extend(with_length(2, name.as_bytes()));
        if !from.rarely(16) {
            extensions.extend(extension(0, &with_length(2, &host)));
        }
        extensions.extend(extension(10, &[0, 4, 0, 0x1d, 0, 0x17]));
        let protocols: &[u8] = from.pick(&[&b"\x02h2\x08http/1.1"[..], b"\x08http/1.1", b"", b"\x03foo"]);
        if !protocols.is_empty() {
            extensions.extend(extension(16, &with_length(2, protocols)));
        }
        if self.version == 0x0304 {
            extensions.extend(extension(43, &[4, 3, 4, 3, 3]));
            let mut share = vec![0, 0x1d];
            share.extend(with_length(2, &[9; 32]));
            extensions.extend(extension(51, &with_length(2, &share)));
        }
        if from.rarely(16) {
            extensions.extend(extension(42, &[]));
        }
        if from.rarely(16) {
            extensions.extend(extension(0xfe0d, &[0; 40]));
        }
        let mut body = self.version.min(0x0303).to_be_bytes().to_vec();
        body.extend([7; 32]);
        body.extend(with_length(1, &[5; 32]));
        let mut suites = self.suite.to_be_bytes().to_vec();
        suites.extend([0x13, 0x01, 0xc0, 0x2f, 0x00, 0x35]);
        body.extend(with_length(2, &suites));
        body.extend([1, 0]);
        body.extend(with_length(2, &extensions));
        record(22, 0x0301, &message(1, &body), self.split)
    }

    pub fn server_hello(&self, from: &mut Bytes<'_>) -> Vec<u8> {
        let mut body = self.version.min(0x0303).to_be_bytes().to_vec();
        let retry = self.version == 0x0304 && from.rarely(16);
        let random = if retry { sha256_of_hello_retry_request() } else { [8; 32] };
        body.extend(random);
        body.extend(with_length(1, &[5; 32]));
        body.extend(self.suite.to_be_bytes());
        body.push(0);
        let mut extensions = Vec::new();
        if self.version == 0x0304 {
            extensions.extend(extension(43, &[3, 4]));
            let share: &[u8] = if retry { &[0, 0x17] } else { &[0, 0x1d, 0, 4, 1, 2, 3, 4] };
            extensions.extend(extension(51, share));
        } else if from.rarely(4) {
            extensions.extend(extension(16, b"\0\x09\x08http/1.1"));
        }
        body.extend(with_length(2, &extensions));
        record(22, self.version.min(0x0303), &message(2, &body), self.split)
    }

    /// What an end says next in a whole session: `step` 0 is the initiator's first flight.
    pub fn flight(&self, step: usize, name: &str, from: &mut Bytes<'_>) -> Vec<u8> {
        let version = self.version.min(0x0303);
        let finished = record(22, version, &[0x5a; 40], 0);
        let change = record(20, version, &[1], 0);
        match (step, self.version) {
            (0, _) => self.client_hello(name, from),
            (1, 0x0304) => [self.server_hello(from), change, record(23, version, &[0xe1; 700], 0)].concat(),
            (2, 0x0304) => [change, record(23, version, &[0xe2; 53], 0)].concat(),
            (1, _) if self.resumed => [self.server_hello(from), change, finished].concat(),
            (1, _) => {
                let rest = [message(11, &with_length(3, &with_length(3, &[0x30; 300]))), message(12, &[3; 80]), message(14, &[])].concat();
                [self.server_hello(from), record(22, version, &rest, self.split)].concat()
            }
            (2, _) if self.resumed => [change, finished].concat(),
            (2, _) => [record(22, version, &message(16, &[4; 66]), self.split), change, finished].concat(),
            (3, _) if version < 0x0304 && !self.resumed && self.version != 0x0304 => [change, finished].concat(),
            _ => protected(version, from),
        }
    }
}

/// The random of a HelloRetryRequest (RFC 8446 section 4.1.3).
fn sha256_of_hello_retry_request() -> [u8; 32] {
    [
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
        0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
    ]
}

/// Protected records of any length.
pub fn protected(version: u16, from: &mut Bytes<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..1 + from.below(4) {
        let length = 24 + usize::from(from.half()) % 3000;
        out.extend(record(23, version, &vec![from.byte() | 0x80; length], 0));
    }
    out
}

pub fn alert(version: u16, from: &mut Bytes<'_>) -> Vec<u8> {
    match from.below(3) {
        0 => record(21, version, &[0xd3; 26], 0),
        1 => record(21, version, &[1, 0], 0),
        _ => record(21, version, &[2, from.byte()], 0),
    }
}

/// A DNS question and an answer to it that may be told to lie.
pub fn dns(from: &mut Bytes<'_>) -> [Vec<u8>; 2] {
    let id = from.half();
    let name = from.pick(&NAMES);
    let kind: u16 = from.pick(&[1, 28, 1, 28, 65, 5, 16, 12, 41]);
    let mut question = id.to_be_bytes().to_vec();
    question.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    let owner = labels(name);
    question.extend(&owner);
    question.extend(kind.to_be_bytes());
    question.extend([0, 1]);
    let code = if from.rarely(6) { from.byte() & 15 } else { 0 };
    let mut answer = question.clone();
    answer[2] = 0x81;
    answer[3] = 0x80 | code;
    if from.rarely(12) {
        answer[2] |= 2;
    }
    let mut count = 0u16;
    let mut records = Vec::new();
    // the owner of the next record: a pointer to the question, or to the last canonical name
    let mut at = 12u16;
    for _ in 0..from.below(4) {
        let target = labels(from.pick(&["front.cdn.example.net", "ak.privatelink.msidentity.com", "evil.example"]));
        records.extend((0xc000 | at).to_be_bytes());
        records.extend([0, 5, 0, 1, 0, 0, 0, 60]);
        at = (answer.len() + records.len() + 2) as u16;
        records.extend(with_length(2, &target));
        count += 1;
    }
    if code == 0 {
        records.extend((0xc000 | at).to_be_bytes());
        let address = from.pick(&[10u8, 1, 2, 3, 4, 200]);
        if kind == 28 {
            records.extend([0, 28, 0, 1, 0, 0, 0, 60, 0, 16]);
            records.extend([0x26, 3, 0x10, 0x30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, address]);
        } else {
            records.extend([0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
            records.extend([40, 64, 10, address]);
        }
        count += 1;
    }
    if from.rarely(8) {
        records.extend((0xc000 | from.half()).to_be_bytes());
        records.extend(from.half().to_be_bytes());
        records.extend([0, 1, 0, 0, 0, 9]);
        let data = from.below(40);
        records.extend(with_length(2, from.take(data)));
        count += 1;
    }
    answer[6..8].copy_from_slice(&count.to_be_bytes());
    answer.extend(records);
    [question, answer]
}

fn labels(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in name.split('.') {
        out.extend(with_length(1, label.as_bytes()));
    }
    out.push(0);
    out
}

/// Lines and messages of the other protocols.
const PHRASES: &[&[u8]] = &[
    b"GET /index HTTP/1.1\r\nHost: www.example.com\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"CONNECT gbl.his.arc.azure.com:443 HTTP/1.1\r\nHost: gbl.his.arc.azure.com:443\r\n\r\n",
    b"HTTP/1.1 200 Connection established\r\n\r\n",
    b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    b"SSH-2.0-OpenSSH_9.6\r\n",
    b"220 mail.example ESMTP\r\n",
    b"EHLO agent\r\n",
    b"250-mail.example\r\n250 STARTTLS\r\n",
    b"STARTTLS\r\n",
    b"220 ready\r\n",
    b"* OK IMAP4rev1 ready\r\n",
    b"a1 STARTTLS\r\n",
    b"a1 OK begin\r\n",
    b"+OK POP3 ready\r\n",
    b"STLS\r\n",
    b"+OK\r\n",
    b"USER joe\r\nPASS secret\r\n",
    b"AUTH TLS\r\n",
    b"234 proceed\r\n",
    b"\xff\xfd\x18\xff\xfd\x20\xff\xfb\x01",
    b"login: ",
    b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16\x31.3.6.1.4.1.1466.20037",
    b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00",
    b"<34>1 2026-11-24T10:00:00Z host app - - - hello\n",
    b"The quick brown fox jumps over the lazy dog, again and again and again, until somebody reads it.\n",
    b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
];

/// Something of another protocol, or of none.
pub fn phrase(from: &mut Bytes<'_>) -> Vec<u8> {
    let n = from.below(PHRASES.len() + 3);
    match PHRASES.get(n) {
        Some(phrase) => phrase.to_vec(),
        None if n == PHRASES.len() => ssh_packet(from),
        None if n == PHRASES.len() + 1 => ntp(from),
        None => {
            let length = from.below(64);
            from.take(length).to_vec()
        }
    }
}

fn ssh_packet(from: &mut Bytes<'_>) -> Vec<u8> {
    let mut body = vec![4, from.pick(&[20, 21, 30, 31, 2, 1])];
    body.extend([3; 16]);
    for _ in 0..10 {
        body.extend(with_length(4, b"curve25519-sha256"));
    }
    body.extend([0; 9]);
    with_length(4, &body)
}

fn ntp(from: &mut Bytes<'_>) -> Vec<u8> {
    let mut out = vec![0; 48];
    out[0] = from.pick(&[0x23, 0x24, 0x1b, 0x1c, 0x16]);
    out[40] = 0xe9;
    out
}
