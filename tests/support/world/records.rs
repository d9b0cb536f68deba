//! TLS made by hand, record by record, where no library of today speaks it: SSL 3.0 to TLS 1.1, suites that do not protect, hellos with
//! odd extensions (RFC 5246, RFC 8446). The protected records hold noise: nothing that is read here could tell.

use super::certificates::{self, identity};
use super::tcp::Who;
use super::tls::Flight;

const HANDSHAKE: u8 = 22;
const CHANGE_CIPHER_SPEC: u8 = 20;
const APPLICATION_DATA: u8 = 23;

pub fn record(kind: u8, version: u16, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &version.to_be_bytes(), &(body.len() as u16).to_be_bytes(), body].concat()
}

/// A record of application data that holds nothing that anybody could read.
pub fn sealed(length: usize) -> Vec<u8> {
    record(APPLICATION_DATA, 0x0303, &vec![0xd7; length])
}

pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u32).to_be_bytes()[1..], body].concat()
}

pub fn block(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let bytes: Vec<u8> =
        extensions.iter().flat_map(|(kind, body)| [&kind.to_be_bytes()[..], &(body.len() as u16).to_be_bytes(), body].concat()).collect();
    if bytes.is_empty() { bytes } else { [&(bytes.len() as u16).to_be_bytes()[..], &bytes].concat() }
}

/// The extension that asks for a name.
pub fn server_name(name: &str) -> (u16, Vec<u8>) {
    let length = name.len() as u16;
    (0, [&(length + 3).to_be_bytes()[..], &[0], &length.to_be_bytes(), name.as_bytes()].concat())
}

/// An encrypted hello of the outer form that means this key, real or grease.
pub fn encrypted_hello(key: u8) -> (u16, Vec<u8>) {
    (0xfe0d, [&[0, 0, 1, 0, 1, key, 0, 32][..], &[0x77; 32], &[0, 144], &[0x99; 144]].concat())
}

/// A session of TLS 1.3 whose hello carries an encrypted one.
pub fn session_with_ech(name: &str, key: u8) -> Vec<Flight> {
    let mut said = session(0x0304, 0x1301, name);
    said[0].1 = client_hello(0x0304, 0x1301, &with_version(0x0304, vec![server_name(name), encrypted_hello(key)]));
    said
}

/// The record of a ClientHello with these extensions.
pub fn client_hello(version: u16, suite: u16, extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let legacy = version.min(0x0303);
    let fixed = [&legacy.to_be_bytes()[..], &[0x5a; 32], &[0, 0, 2], &suite.to_be_bytes(), &[1, 0]].concat();
    record(HANDSHAKE, 0x0301, &message(1, &[fixed, block(extensions)].concat()))
}

/// A ClientHello in the form of SSL 2.0 that asks for `version`, with suites of its own and of TLS.
pub fn hello_of_ssl2(version: u16) -> Vec<u8> {
    let body = [&[1][..], &version.to_be_bytes(), &[0, 6, 0, 0, 0, 16], &[1, 0, 0x80, 0, 0, 0x2f], &[0x5a; 16]].concat();
    [&[0x80, body.len() as u8][..], &body].concat()
}

fn server_hello(version: u16, suite: u16) -> Vec<u8> {
    let extensions = if version == 0x0304 { vec![(43, vec![3, 4])] } else { Vec::new() };
    server_hello_with(version, suite, &extensions)
}

/// The record of a ServerHello with these extensions.
pub fn server_hello_with(version: u16, suite: u16, extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let legacy = version.min(0x0303);
    let fixed = [&legacy.to_be_bytes()[..], &[0xa5; 32], &[0], &suite.to_be_bytes(), &[0]].concat();
    record(HANDSHAKE, legacy, &message(2, &[fixed, block(extensions)].concat()))
}

/// The same hello, or its answer, for a session with an ID: `said` ends with the hello.
pub fn with_session(said: &[u8]) -> Vec<u8> {
    const ID: [u8; 16] = [0xb3; 16];
    // behind the headers of the record and the message, a version and a random
    let (before, behind) = said.split_at(5 + 4 + 34);
    let mut hello = [before, &[ID.len() as u8], &ID, &behind[1..]].concat();
    hello[4] += ID.len() as u8;
    hello[8] += ID.len() as u8;
    hello
}

/// A whole session of `version` with `suite`.
pub fn session(version: u16, suite: u16, name: &str) -> Vec<Flight> {
    session_showing(version, suite, name, &identity(name).chain)
}

/// The same, where the server shows these certificates; before TLS 1.3.
pub fn session_showing(version: u16, suite: u16, name: &str, chain: &[Vec<u8>]) -> Vec<Flight> {
    let hello = client_hello(version, suite, &with_version(version, vec![server_name(name)]));
    let answer = server_hello(version, suite);
    let change = record(CHANGE_CIPHER_SPEC, version.min(0x0303), &[1]);
    // whole blocks, where the suite has any
    let data = || record(APPLICATION_DATA, version.min(0x0303), &[0xd7; 208]);
    let opener = |bytes: Vec<u8>| (Who::Opener, bytes, false);
    let other = |bytes: Vec<u8>| (Who::Other, bytes, false);
    if version == 0x0304 {
        return vec![
            opener(hello),
            other([answer, sealed(800)].concat()),
            opener([change, sealed(69)].concat()),
            opener(data()),
            other(data()),
        ];
    }
    let finished = record(HANDSHAKE, version, &[0xe3; 64]);
    let flight = record(HANDSHAKE, version, &[message(11, &certificates::message(chain)), message(14, &[])].concat());
    let key = record(HANDSHAKE, version, &message(16, &[0x22; 130]));
    vec![
        opener(hello),
        other([answer, flight].concat()),
        opener([key, change.clone(), finished.clone()].concat()),
        other([change, finished].concat()),
        opener(data()),
        other(data()),
    ]
}

/// The supported_versions of TLS 1.3 beside other extensions.
pub fn with_version(version: u16, mut extensions: Vec<(u16, Vec<u8>)>) -> Vec<(u16, Vec<u8>)> {
    if version == 0x0304 {
        extensions.push((43, vec![2, 3, 4]));
    }
    extensions
}

/// The same bytes in records of at most `most` bytes of content, for what is still in the clear.
pub fn cut_records(bytes: &[u8], most: usize) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), bytes);
    while rest.len() >= 5 {
        let length = usize::from(u16::from_be_bytes([rest[3], rest[4]]));
        let version = u16::from_be_bytes([rest[1], rest[2]]);
        let body = &rest[5..5 + length];
        if rest[0] == HANDSHAKE {
            out.extend(body.chunks(most).flat_map(|piece| record(HANDSHAKE, version, piece)));
        } else {
            out.extend(&rest[..5 + length]);
        }
        rest = &rest[5 + length..];
    }
    out
}

/// Where the records of a stream begin, its end included; as far as it is made of records.
pub fn boundaries(stream: &[u8]) -> Vec<usize> {
    let mut found = vec![0];
    let mut at = 0;
    while let Some(header) = stream.get(at..at + 5) {
        at += 5 + usize::from(u16::from_be_bytes([header[3], header[4]]));
        if !matches!(header[0], 20..=24) || header[1] != 3 || at > stream.len() {
            break;
        }
        found.push(at);
    }
    found
}
