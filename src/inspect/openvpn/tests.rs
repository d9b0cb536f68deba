//! Sessions packet by packet, and what is taken for OpenVPN.

use super::*;
use crate::fact::{FrameId, Locus, Observation, Timestamp, TlsVersion};
use crate::inspect::Inspection;

const CLIENT: End = End::B;
const SERVER: End = End::A;
const SESSIONS: [u64; 2] = [0x5555_1111_2222_3333, 0x9999_1111_2222_3333];

type Talk = Vec<(End, Vec<u8>)>;

/// What is said of packets, the driver's part included.
fn facts(talk: &[(End, Vec<u8>)], carrier: Carrier) -> Vec<Fact> {
    let mut out = Vec::new();
    let mut inspection = Inspection::new(carrier);
    let at = |end| Locus { frame: FrameId::new(0, 1), at: Timestamp::from_nanos(0), end };
    for (end, bytes) in talk {
        inspection.data(*end, bytes, &mut Seen::new(&mut out, at(*end)));
    }
    for end in [End::A, End::B] {
        inspection.finish(end, Finish::Idle, &mut Seen::new(&mut out, at(end)));
    }
    out.into_iter().map(|Observation { fact, .. }| fact).collect()
}

fn udp(talk: &[(End, Vec<u8>)]) -> Vec<Fact> {
    facts(talk, Carrier::Datagram)
}

/// A control packet of an end: its type, what it acknowledges, its number, its payload.
fn control(end: End, kind: u8, acknowledged: &[u32], number: Option<u32>, payload: &[u8], tag: usize) -> (End, Vec<u8>) {
    let mut bytes = [&[kind << 3][..], &SESSIONS[usize::from(end == SERVER)].to_be_bytes()].concat();
    if tag > 0 {
        bytes.extend([&vec![0x91; tag][..], &[0, 0, 0, 1, 0x68, 0, 0, 0]].concat());
    }
    bytes.push(acknowledged.len() as u8);
    bytes.extend(acknowledged.iter().flat_map(|number| number.to_be_bytes()));
    if !acknowledged.is_empty() {
        bytes.extend(SESSIONS[usize::from(end == CLIENT)].to_be_bytes());
    }
    bytes.extend(number.into_iter().flat_map(u32::to_be_bytes));
    bytes.extend(payload);
    (end, bytes)
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &(body.len() as u16).to_be_bytes(), body].concat()
}

fn hello(kind: u8) -> Vec<u8> {
    let rest: &[u8] = if kind == 1 { &[0, 0, 2, 0xc0, 0x2b, 1, 0, 0, 0] } else { &[0, 0xc0, 0x2b, 0, 0, 0] };
    let body = [&[3, 3][..], &[0x77; 32], rest].concat();
    record(22, &[&[kind, 0, 0, body.len() as u8][..], &body].concat())
}

fn talk(tag: usize) -> Talk {
    let done = record(22, &[14, 0, 0, 0]);
    let finish = |more: Vec<u8>| [more, record(20, &[1]), record(22, &[0x91; 40])].concat();
    let hello_of_client = hello(1);
    let data = |end, n: u8| (end, [&[9 << 3, 0, 0, 1, 0, 0, 0, n][..], &[0x91; 90]].concat());
    vec![
        control(CLIENT, 7, &[], Some(0), &[], tag),
        control(SERVER, 8, &[0], Some(0), &[], tag),
        control(CLIENT, 5, &[0], None, &[], tag),
        control(CLIENT, 4, &[], Some(1), &hello_of_client[..30], tag),
        control(CLIENT, 4, &[], Some(2), &hello_of_client[30..], tag),
        control(SERVER, 4, &[1, 2], Some(1), &[hello(2), done].concat(), tag),
        control(CLIENT, 4, &[1], Some(3), &finish(record(22, &[16, 0, 0, 4, 1, 2, 3, 4])), tag),
        control(SERVER, 4, &[3], Some(2), &finish(Vec::new()), tag),
        control(CLIENT, 4, &[2], Some(4), &record(23, &[0x91; 60]), tag),
        data(CLIENT, 1),
        data(SERVER, 1),
    ]
}

fn said() -> Vec<Fact> {
    vec![
        Fact::Protocol("openvpn"),
        Fact::Opener(CLIENT),
        Fact::HandshakeBegun,
        Fact::Opener(CLIENT),
        Fact::HandshakeBegun,
        Fact::NoServerName,
        Fact::Version(TlsVersion::TLS1_2),
        Fact::CipherSuite(crate::fact::CipherSuite(0xc02b)),
        Fact::HandshakeFinished,
        Fact::Encrypted,
        Fact::ProtectedData,
        Fact::CipherUnseen,
    ]
}

fn framed(talk: &[(End, Vec<u8>)]) -> Talk {
    talk.iter().map(|(end, bytes)| (*end, [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat())).collect()
}

#[test]
fn the_tls_inside_is_read_and_data_is_left_open() {
    assert_eq!(udp(&talk(0)), said());
    for tag in [16, 20, 32, 64] {
        assert_eq!(udp(&talk(tag)), said(), "{tag}");
    }
    assert_eq!(facts(&framed(&talk(0)), Carrier::Stream), said());
    let again: Talk = talk(0).iter().flat_map(|said| [said.clone(), said.clone()]).collect();
    assert_eq!(udp(&again), said());
    let mut turned = talk(0);
    turned.swap(3, 4);
    assert_eq!(udp(&turned), said());
}

#[test]
fn a_stream_may_be_cut_anywhere() {
    let bytes = framed(&talk(20));
    for step in [1, 7] {
        let cut: Talk = bytes.iter().flat_map(|(end, bytes)| bytes.chunks(step).map(|piece| (*end, piece.to_vec()))).collect();
        assert_eq!(facts(&cut, Carrier::Stream), said());
    }
}

#[test]
fn each_end_must_name_the_others_session() {
    for n in [1, 2] {
        let mut wrong = talk(0);
        wrong[n].1[16] ^= 1;
        assert!(udp(&wrong).contains(&Fact::Unrecognised), "{n}: {:?}", udp(&wrong));
    }
    // another session of its own
    let mut wrong = talk(0);
    wrong[5].1[3] ^= 1;
    assert!(udp(&wrong).contains(&Fact::Unrecognised) && !udp(&wrong).contains(&Fact::Encrypted));
    // nothing but data
    assert_eq!(udp(&talk(0)[9..]), [Fact::Unrecognised]);
    // data without a handshake that finished
    let early = [&talk(0)[..4], &talk(0)[9..]].concat();
    assert!(udp(&early).contains(&Fact::Unrecognised) && !udp(&early).contains(&Fact::Encrypted));
}

#[test]
fn what_is_not_sealed_shows_itself() {
    let clear = Fact::Cleartext(Cleartext::AfterHandshake);
    let text = b"these words can be read by anybody on the way".to_vec();
    let mut header = [0x45, 0, 0, 60, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    let sum = header.as_chunks::<2>().0.iter().map(|pair| u32::from(u16::from_be_bytes(*pair))).sum::<u32>();
    header[10..12].copy_from_slice(&(!((sum & 0xffff) + (sum >> 16)) as u16).to_be_bytes());
    let packet = [&[9 << 3, 0, 0, 1, 0, 0, 0, 9, 0xfa][..], &header, &[0x91; 40]].concat();
    for bytes in [[&[9 << 3, 0, 0, 1][..], &text].concat(), [&[6 << 3][..], &text].concat(), text.clone(), packet] {
        assert_eq!(udp(&[talk(0), vec![(CLIENT, bytes)]].concat()), [said(), vec![clear.clone()]].concat());
    }
    // text where TLS is due
    let mut wrong = talk(0);
    wrong[5] = control(SERVER, 4, &[1, 2], Some(1), &text, 0);
    assert!(udp(&wrong).contains(&clear), "{:?}", udp(&wrong));
    // a packet that is sent again must be the same
    let other = control(CLIENT, 4, &[], Some(2), &[0x91; 30], 0);
    assert_eq!(udp(&[talk(0), vec![other]].concat()), [said(), vec![Fact::Unrecognised]].concat());
    // nor may the end of a stream of packets be something else
    let behind = [framed(&talk(0)), vec![(CLIENT, text)]].concat();
    assert_eq!(facts(&behind, Carrier::Stream).last(), Some(&clear));
}

#[test]
fn hostile_packets_are_survived() {
    for (n, (end, bytes)) in talk(20).into_iter().enumerate() {
        for cut in 0..bytes.len() {
            let mut talk = talk(20);
            talk[n] = (end, bytes[..cut].to_vec());
            udp(&talk);
            facts(&framed(&talk), Carrier::Stream);
        }
    }
    let many: Talk = (5..500).map(|n| control(CLIENT, 4, &[], Some(n), &[0x91; 900], 0)).collect();
    assert!(matches!(udp(&[talk(0)[..3].to_vec(), many].concat()).last(), Some(Fact::Limit(_))));
    let mut saved = Vec::new();
    Openvpn::new(true).save(&mut saved);
    assert!((OVER_TCP.load)(&saved).is_some());
}
