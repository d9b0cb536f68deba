//! What encrypts without TLS, made by hand: WireGuard, IKE, ESP and OpenVPN. What is sealed holds noise: nothing that is read here could tell.

use super::quic::Datagram;
use super::random::Random;
use super::tcp::Who::{self, Opener, Other};

pub fn initiation(index: u32, random: &mut Random) -> Vec<u8> {
    [&[1, 0, 0, 0][..], &index.to_le_bytes(), &random.noise(140)].concat()
}

pub fn response(index: u32, receiver: u32, random: &mut Random) -> Vec<u8> {
    [&[2, 0, 0, 0][..], &index.to_le_bytes(), &receiver.to_le_bytes(), &random.noise(80)].concat()
}

pub fn data(receiver: u32, counter: u64, sealed: &[u8]) -> Vec<u8> {
    [&[4, 0, 0, 0][..], &receiver.to_le_bytes(), &counter.to_le_bytes(), sealed].concat()
}

/// Whether a datagram is an initiation of WireGuard.
pub fn is_initiation(payload: &[u8]) -> bool {
    payload.len() == 148 && payload.starts_with(&[1, 0, 0, 0])
}

/// Whether it is a response.
pub fn is_response(payload: &[u8]) -> bool {
    payload.len() == 92 && payload.starts_with(&[2, 0, 0, 0])
}

/// A session of WireGuard, with as many handshakes.
pub fn wireguard(handshakes: u32, random: &mut Random) -> Vec<Datagram> {
    let mut said = Vec::new();
    for n in 0..handshakes {
        let (asked, answer) = (0x7100_0000 + n * 77, 0x9100_0000 + n * 99);
        said.push((Opener, initiation(asked, random)));
        said.push((Other, response(answer, asked, random)));
        for counter in 0..3 {
            said.push((Opener, data(answer, counter, &random.noise(if counter == 0 { 16 } else { 112 }))));
            said.push((Other, data(asked, counter, &random.noise(1200))));
        }
    }
    said
}

/// A message of IKE: SPIs, next payload, version, exchange and flags, and the rest of it.
pub fn ike_message(spis: [u64; 2], [next, version, exchange, flags]: [u8; 4], body: &[u8]) -> Vec<u8> {
    let length = (28 + body.len() as u32).to_be_bytes();
    [&spis[0].to_be_bytes()[..], &spis[1].to_be_bytes(), &[next, version, exchange, flags, 0, 0, 0, 0], &length, body].concat()
}

fn payload(next: u8, content: &[u8]) -> Vec<u8> {
    [&[next, 0][..], &(4 + content.len() as u16).to_be_bytes(), content].concat()
}

pub const SPIS: [u64; 2] = [0xc1c1_d2d2_0102_0304, 0x9a9a_b7b7_0506_0708];

/// A sealed message of version 2.
pub fn ike_sealed(exchange: u8, flags: u8, random: &mut Random) -> Vec<u8> {
    ike_message(SPIS, [46, 0x20, exchange, flags], &payload(35, &random.noise(96)))
}

/// Whether a datagram exchanges the keys of IKE.
pub fn is_key_exchange(payload: &[u8]) -> bool {
    payload.len() > 28 && payload.starts_with(&SPIS[0].to_be_bytes()) && payload[17..19] == [0x20, 34]
}

/// A session of IKE of version 2 whose responder chooses a cipher.
pub fn ike(cipher: u16, random: &mut Random) -> Vec<Datagram> {
    let offer = [&[0, 0, 0, 16, 1, 1, 0, 1, 0, 0, 0, 8, 1, 0][..], &cipher.to_be_bytes()].concat();
    let mut keys = || [payload(34, &offer), payload(40, &random.noise(68)), payload(0, &random.noise(32))].concat();
    let (asked, answered) = (keys(), keys());
    vec![
        (Opener, ike_message([SPIS[0], 0], [33, 0x20, 34, 0x08], &asked)),
        (Other, ike_message(SPIS, [33, 0x20, 34, 0x20], &answered)),
        (Opener, ike_sealed(35, 0x08, random)),
        (Other, ike_sealed(35, 0x20, random)),
        (Opener, ike_sealed(37, 0x08, random)),
        (Other, ike_sealed(37, 0x20, random)),
    ]
}

/// The same behind the marker of NAT traversal.
pub fn marked(said: Vec<Datagram>) -> Vec<Datagram> {
    said.into_iter().map(|(who, bytes)| (who, [&[0; 4][..], &bytes].concat())).collect()
}

pub fn esp(association: u32, sequence: u32, sealed: &[u8]) -> Vec<u8> {
    [&association.to_be_bytes()[..], &sequence.to_be_bytes(), sealed].concat()
}

/// A control packet of OpenVPN: its type, what it acknowledges, its number, its payload.
fn control(who: Who, kind: u8, acknowledged: &[u32], number: Option<u32>, payload: &[u8]) -> Datagram {
    let own = |who| if who == Opener { 0x5555_1111_2222_3333u64 } else { 0x9999_1111_2222_3333 };
    let mut bytes = [&[kind << 3][..], &own(who).to_be_bytes(), &[acknowledged.len() as u8]].concat();
    bytes.extend(acknowledged.iter().flat_map(|number| number.to_be_bytes()));
    if !acknowledged.is_empty() {
        bytes.extend(own(super::tcp::not(who)).to_be_bytes());
    }
    bytes.extend(number.into_iter().flat_map(u32::to_be_bytes));
    bytes.extend(payload);
    (who, bytes)
}

/// A session of OpenVPN: resets, the flights of a session of TLS, and packets of data.
pub fn openvpn(tls: &[super::tls::Flight], random: &mut Random) -> Vec<Datagram> {
    let mut said = vec![control(Opener, 7, &[], Some(0), &[]), control(Other, 8, &[0], Some(0), &[]), control(Opener, 5, &[0], None, &[])];
    let mut next = [1, 1];
    for (who, bytes, _) in tls {
        for piece in bytes.chunks(1000) {
            let number = &mut next[usize::from(*who == Other)];
            said.push(control(*who, 4, &[], Some(*number), piece));
            *number += 1;
        }
    }
    for n in 1..4u8 {
        let head = [9 << 3, 0, 0, 0, 0, 0, 0, n];
        said.push((Opener, [&head[..], &random.noise(100)].concat()));
        said.push((Other, [&head[..], &random.noise(1000)].concat()));
    }
    said
}
