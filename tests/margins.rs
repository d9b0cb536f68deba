//! What is written in the margins: options, padding, metadata of tunnels and trailers, which are passed over on the way to a packet.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;
#[path = "support/world/mod.rs"]
mod world;

use std::net::{IpAddr, Ipv4Addr};

use world::packets::{ACK, SYN, Segment, echo, ip, mac, tcp_with, udp};
use world::{Frame, Version, World};

const AGENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 4));
const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5));
const POLICY: &str = "[agent]\naddresses = [\"2001:db8::4\"]\n[dns]\nresolvers = [\"10.0.0.2\"]\n[[allow]]\nnames = [\"www.example.com\"]\n[[allow]]\ncidrs = [\"203.0.113.0/24\", \"2001:db8::/32\"]\n";
const TEXT: &[u8] = b"user=root password=hunter2 and whatever else is to be carried out of here without anybody looking at it";
const NOTHING: [&str; 0] = [];

fn six(last: u16) -> IpAddr {
    [0x2001, 0xdb8, 0, 0, 0, 0, 0, last].into()
}

fn compliant() -> World {
    let mut world = World::default();
    world.resolve(AGENT, RESOLVER, "www.example.com", &[], PEER);
    world.tls(AGENT, (PEER, 443), "www.example.com", Version::Tls13, 300, 900);
    // so that a first datagram shows who opened its flow
    world.wait(61 * world::SECOND);
    world
}

fn broken(world: &World) -> Vec<String> {
    let mut rules = support::found(&world.pcap(), "10.0.0.4", POLICY).0;
    rules.dedup();
    rules
}

/// The rules that are broken where these frames follow.
fn with(frames: &[Vec<u8>]) -> Vec<String> {
    let mut world = compliant();
    frames.iter().for_each(|frame| world.push(frame.clone()));
    broken(&world)
}

/// The rules that are broken where the segments of the session are written otherwise, from the `from`th that carries payload on.
fn rewritten(from: usize, write: impl Fn(&[u8]) -> Vec<u8>) -> Vec<String> {
    let mut world = compliant();
    let carries = |frame: &&mut Frame| Segment::read(&frame.bytes).is_some_and(|segment| !segment.payload.is_empty());
    for frame in world.frames.iter_mut().filter(carries).skip(from) {
        frame.bytes = write(&frame.bytes);
    }
    broken(&world)
}

/// A segment with options.
fn optioned(frame: &[u8], options: &[u8]) -> Vec<u8> {
    let Segment { from, to, seq, ack, flags, payload } = Segment::read(frame).unwrap();
    tcp_with((from, to), [seq, ack], flags, options, &payload)
}

/// An option of TCP or IPv4 with the next bytes of the text, padded.
fn option(kind: u8, length: usize) -> Vec<u8> {
    let mut option = [&[kind, length as u8 + 2][..], &TEXT[..length]].concat();
    option.resize(option.len().next_multiple_of(4), 0);
    option
}

/// A packet of IPv4 with options.
fn with_options_of_ip(frame: &[u8], options: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    let total = u16::from_be_bytes([frame[16], frame[17]]) + options.len() as u16;
    frame[14] += (options.len() / 4) as u8;
    frame[16..18].copy_from_slice(&total.to_be_bytes());
    frame.splice(34..34, options.to_vec());
    frame
}

/// A ping in IPv6 behind another header.
fn behind_header(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut ping = echo(six(4), six(9), true, 6, 1, &[9; 32]);
    let length = (ping.len() - 53 + body.len()) as u16;
    ping[18..20].copy_from_slice(&length.to_be_bytes());
    let next = std::mem::replace(&mut ping[20], kind);
    ping.splice(54..54, [&[next][..], body].concat());
    ping
}

#[test]
fn options_of_segments_hold_no_text() {
    // what Linux sends: in a SYN, in every segment, and for holes
    let usual: [&[u8]; 3] = [
        &[2, 4, 5, 0xb4, 4, 2, 8, 10, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 1, 3, 3, 7],
        &[1, 1, 8, 10, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68],
        &[
            1, 1, 8, 10, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 1, 1, 5, 18, 0x61, 0x61, 1, 2, 0x61, 0x61, 3, 4, 0x61, 0x61, 5, 6,
            0x61, 0x61, 7, 8,
        ],
    ];
    for options in usual {
        assert_eq!(rewritten(0, |frame| optioned(frame, options)), NOTHING);
    }
    for from in [0, 4] {
        assert_eq!(rewritten(from, |frame| optioned(frame, &option(253, 36))), ["WW202?"], "from the {from}th on");
    }
    let dial = |options: &[u8]| with(&[tcp_with(((AGENT, 4000), (PEER, 443)), [1, 0], SYN, options, &[])]);
    assert_eq!(dial(usual[0]), NOTHING);
    assert_eq!(dial(&option(253, 36)), ["WW903?"], "in a SYN that nobody answers");
    // one that comes late, of a connection that is over
    let mut world = compliant();
    world.wait(-30 * world::SECOND);
    let last = Segment::read(&world.frames.last().unwrap().bytes).unwrap();
    world.push(tcp_with((last.from, last.to), [last.seq, last.ack], ACK, &option(253, 36), &[]));
    assert_eq!(broken(&world), ["WW903?"]);
    // a copy with words in it is no copy
    let mut world = compliant();
    let n = world.frames.len() - 3;
    let copy = Frame { at: world.frames[n].at + 1, bytes: [&world.frames[n].bytes[..], TEXT].concat(), cut: 0 };
    world.frames.insert(n + 1, copy);
    assert_eq!(broken(&world), ["WW202?"]);
}

#[test]
fn options_of_packets_hold_no_text() {
    assert_eq!(rewritten(0, |frame| with_options_of_ip(frame, &[148, 4, 0, 0])), NOTHING, "router alert");
    for from in [0, 4] {
        assert_eq!(rewritten(from, |frame| with_options_of_ip(frame, &option(158, 34))), ["WW202?"]);
    }
    for (kind, name) in [(0, "hop by hop"), (60, "destination")] {
        assert_eq!(with(&[behind_header(kind, &[0, 1, 4, 0, 0, 0, 0])]), NOTHING, "{name}: padding");
        assert_eq!(with(&[behind_header(kind, &[&[6, 1, 52][..], &TEXT[..52]].concat())]), ["WW202?"], "{name}");
    }
}

/// An authentication header (RFC 4302) with so many words of fixed fields and integrity.
fn authenticated(frame: &[u8], words: u8, integrity: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    let header = [&[frame[23], words - 2, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1][..], integrity].concat();
    let total = u16::from_be_bytes([frame[16], frame[17]]) + header.len() as u16;
    frame[16..18].copy_from_slice(&total.to_be_bytes());
    frame[23] = 51;
    frame.splice(34..34, header);
    frame
}

#[test]
fn the_proof_of_authenticity_is_no_text_and_is_short() {
    let ping = echo(AGENT, PEER, true, 6, 1, &[9; 32]);
    assert_eq!(with(&[authenticated(&ping, 11, &[0xa7; 32])]), NOTHING);
    assert_eq!(with(&[authenticated(&ping, 11, &TEXT[..32])]), ["WW202?"]);
    assert_eq!(with(&[authenticated(&ping, 203, &[0xa7; 800])]), ["WW202?"]);
}

#[test]
fn trailers_of_frames_hold_no_text() {
    let behind = |trailer: &[u8]| rewritten(0, |frame| [frame, trailer].concat());
    assert_eq!(behind(&[0; 300]), NOTHING, "padding");
    assert_eq!(behind(&[0xa7; 60]), NOTHING, "what taps add");
    assert_eq!(behind(&TEXT[..22]), NOTHING, "what old cards pad with");
    assert_eq!(behind(&TEXT[..40]), ["WW202?"]);
    assert_eq!(behind(&[0xa7; 300]), ["WW202?"]);
    // a reply of ARP, which goes to one host
    let arp = |trailer: &[u8]| [&mac(RESOLVER)[..], &mac(AGENT), &[8, 6, 0, 1, 8, 0, 6, 4, 0, 2], &[1; 20], trailer].concat();
    assert_eq!(with(&[arp(&[0; 100])]), NOTHING);
    assert_eq!(with(&[arp(TEXT)]), ["WW903?"]);
}

/// What the agent sends in tunnels of its own: a name, the outer payload with such metadata around a frame, and its UDP port.
fn tunnelled(metadata: &[u8], to: IpAddr) -> Vec<(&'static str, Vec<u8>)> {
    let words = (metadata.len() / 4) as u8;
    let inner = echo([172, 20, 0, 1].into(), PEER, true, 6, 1, &[9; 32]);
    let six = echo([0xfd00, 7, 0, 0, 0, 0, 0, 1].into(), six(9), true, 6, 1, &[9; 32]);
    let over = |port: u16, header: &[u8], inner: &[u8]| udp((AGENT, 50_000), (to, port), &[header, inner].concat());
    let geneve = [&[words, 0, 0x65, 0x58, 0, 0, 7, 0][..], metadata].concat();
    let offset = [&[2, 2, 0, 1, 0, 2, 0, metadata.len() as u8][..], metadata, &[0xff, 3, 0, 0x21]].concat();
    let identity = [&[0x50, 0, 1, 4, 0, 0, 0, 1][..], &metadata[..32]].concat();
    let extension = [&[0x34, 255, 0, 100, 0, 0, 0, 7, 0, 0, 0, 0x85, 11][..], &metadata[..40], &[0; 3]].concat();
    let secret = [&[0, 1, metadata.len() as u8, 0][..], metadata, &[1; 9]].concat();
    let tag = [&[1, 0, 0, 1, 60, metadata.len() as u8][..], metadata, &[1]].concat();
    let service = [&[0x0c, 0, 0, 4, 0, 0, 7, 0, 0, words + 2, 2, 3, 0, 0, 9, 255][..], metadata].concat();
    vec![
        ("Geneve", over(6081, &geneve, &inner)),
        ("L2TP", over(1701, &offset, &inner[14..])),
        ("AYIYA", over(5072, &identity, &inner[14..])),
        ("GTP", over(2152, &extension, &inner[14..])),
        ("Teredo", over(3544, &secret, &six[14..])),
        ("TZSP", over(37_008, &tag, &inner)),
        ("NSH", over(4790, &service, &inner)),
    ]
}

#[test]
fn metadata_of_tunnels_holds_no_text() {
    for (what, frame) in tunnelled(&[0xa7; 44], PEER) {
        assert_eq!(with(&[frame]), NOTHING, "{what}");
    }
    for (what, frame) in tunnelled(&TEXT[..44], PEER) {
        assert_eq!(with(&[frame]), ["WW202?"], "{what}");
    }
    for (what, frame) in tunnelled(&[0xa7; 200], PEER) {
        let is_fixed = matches!(what, "AYIYA" | "GTP");
        assert_eq!(with(&[frame]), if is_fixed { &[][..] } else { &["WW202?"] }, "{what}");
    }
    // around what is noise by itself
    let arp = [&[0xff; 6][..], &mac(AGENT), &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1], &[1; 20]].concat();
    for (metadata, expected) in [(&[0xa7; 44][..], &[][..]), (&TEXT[..44], &["WW202?"])] {
        let geneve = [&[11, 0, 0x65, 0x58, 0, 0, 7, 0][..], metadata, &arp].concat();
        assert_eq!(with(&[udp((AGENT, 50_000), (PEER, 6081), &geneve)]), expected);
    }
}

/// The compliant morning, with copies of what the agent sends in Geneve.
fn mirrored(from: IpAddr, metadata: &[u8]) -> World {
    let collector = IpAddr::V4(Ipv4Addr::new(10, 9, 9, 9));
    let mut world = compliant();
    let copy = |frame: &Frame| {
        let header = [&[(metadata.len() / 4) as u8, 0, 0x65, 0x58, 0, 0, 7, 0][..], metadata].concat();
        let bytes = udp((from, 50_000), (collector, 6081), &[&header[..], &frame.bytes].concat());
        Frame { bytes, at: frame.at + 1000, ..frame.clone() }
    };
    let is_own = |frame: &&Frame| frame.bytes[6..12] == mac(AGENT);
    world.frames = world.frames.iter().flat_map(|frame| [frame.clone()].into_iter().chain(Some(frame).filter(is_own).map(copy))).collect();
    world
}

#[test]
fn a_mirror_has_nothing_of_its_own_to_say() {
    // as clouds do it: who mirrors and what, in numbers
    let numbers = [&[0x01, 0x08, 0, 2][..], &[0x5e; 8], &[0x01, 0x08, 1, 2], &[0xc4; 8], &[0x01, 0x08, 2, 1], &[9; 4]].concat();
    let is_judged = |metadata: &[u8]| broken(&mirrored(AGENT, metadata)).contains(&"WW301?".to_owned());
    assert_eq!([&numbers[..], &TEXT[..44]].map(is_judged), [false, true]);
    let others = IpAddr::V4(Ipv4Addr::new(10, 9, 9, 1));
    assert!(!broken(&mirrored(others, &TEXT[..44])).contains(&"WW202?".to_owned()), "what others send is theirs");
}

/// A packet of SCTP from the agent with such chunks.
fn sctp(chunks: &[u8]) -> Vec<u8> {
    ip(AGENT, PEER, 132, &[&[0xc3, 0x50, 1, 187, 0, 0, 0, 1, 0, 0, 0, 0][..], chunks].concat())
}

fn chunk(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut chunk = [&[kind, 0][..], &(body.len() as u16 + 4).to_be_bytes(), body].concat();
    chunk.resize(chunk.len().next_multiple_of(4), 0);
    chunk
}

#[test]
fn control_chunks_hold_no_text() {
    let parameter = |kind: u16, body: &[u8]| [&kind.to_be_bytes()[..], &(body.len() as u16 + 4).to_be_bytes(), body].concat();
    let fixed = [&[0, 0, 0, 9, 0, 1, 0, 0, 0, 10, 0, 10][..], &[0, 0, 0, 1]].concat();
    let says = |text: &[u8]| {
        let init = [&fixed[..], &parameter(0x8003, &[0xc0, 0x80]), &[0, 0], &parameter(0x9999, text)].concat();
        [
            ("INIT", chunk(1, &init)),
            ("COOKIE ECHO", chunk(10, text)),
            ("HEARTBEAT", chunk(4, &parameter(1, text))),
            ("ABORT", chunk(6, &parameter(12, text))),
            ("ERROR", chunk(9, &parameter(13, text))),
            ("SACK", chunk(3, &[&[0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, (text.len() / 4) as u8][..], text].concat())),
        ]
    };
    for (what, chunk) in says(&[0xa7; 40]) {
        assert_eq!(with(&[sctp(&chunk)]), NOTHING, "{what}");
    }
    for (what, chunk) in says(&TEXT[..40]) {
        assert_eq!(with(&[sctp(&chunk)]), ["WW202?"], "{what}");
    }
}
