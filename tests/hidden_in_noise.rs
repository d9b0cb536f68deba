//! What is noise on a link is noise no longer where it carries payload, or leaves the link.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;
#[path = "support/world/mod.rs"]
mod world;

use std::net::{IpAddr, Ipv4Addr};

use world::packets::{mac, udp};
use world::{Version, World};

const AGENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 4));
const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5));
const POLICY: &str =
    "[dns]\nresolvers = [\"10.0.0.2\"]\n[[allow]]\nnames = [\"www.example.com\"]\n[[allow]]\ncidrs = [\"203.0.113.0/24\"]\n";
const TEXT: &[u8] = b"user=root password=hunter2 and whatever else is to be carried out of here without anybody looking at it";
const NOTHING: [&str; 0] = [];

fn compliant() -> World {
    let mut world = World::default();
    world.resolve(AGENT, RESOLVER, "www.example.com", &[], PEER);
    world.tls(AGENT, (PEER, 443), "www.example.com", Version::Tls13, 300, 900);
    // so that a first datagram shows who opened its flow
    world.wait(61 * world::SECOND);
    world
}

fn broken(world: &World, agent: &str) -> Vec<String> {
    support::found(&world.pcap(), agent, POLICY).0
}

/// An Ethernet frame from the agent to another host, or to a group.
fn frame(to_group: bool, kind: u16, payload: &[u8]) -> Vec<u8> {
    let to = if to_group { [1, 0x80, 0xc2, 0, 0, 0] } else { mac(RESOLVER) };
    [&to[..], &mac(AGENT), &kind.to_be_bytes(), payload].concat()
}

fn with(frames: &[Vec<u8>]) -> World {
    let mut world = compliant();
    frames.iter().for_each(|frame| world.push(frame.clone()));
    world
}

/// The IP packet of a frame.
fn bare(frame: &[u8]) -> Vec<u8> {
    frame[14..].to_vec()
}

#[test]
fn a_service_that_nobody_reads_is_no_noise() {
    assert_eq!(broken(&compliant(), "10.0.0.4"), NOTHING);
    let inner = bare(&udp((AGENT, 4000), (PEER, 4000), TEXT));
    for (what, head) in [
        ("SNAP with another control", &[0xaa, 0xaa, 0x13, 0, 0, 0, 8, 0][..]),
        ("SNAP by another service", &[0xab, 0xaa, 0x03, 0, 0, 0, 8, 0]),
        ("IP with another control", &[0x06, 0x06, 0x13]),
        ("a raw frame of IPX", &[0xff, 0xff, 0x00]),
        ("NetBEUI", &[0xf0, 0xf0, 0x03]),
        ("a protocol of Cisco's that is not known", &[0xaa, 0xaa, 0x03, 0, 0, 0x0c, 0x12, 0x34]),
    ] {
        let payload = [head, &inner].concat();
        let length = payload.len() as u16;
        assert_eq!(broken(&with(&[frame(false, length, &payload)]), "10.0.0.4"), ["WW903?"], "{what}");
        assert_eq!(broken(&with(&[frame(true, length, &payload)]), "10.0.0.4"), NOTHING, "{what}, to a group, stays on its link");
    }
    let tree = [&[0x42, 0x42, 0x03][..], &[0; 35]].concat();
    assert_eq!(broken(&with(&[frame(false, 38, &tree)]), "10.0.0.4"), NOTHING, "spanning tree");
    let session = [&[0x11, 1, 0, 0, 0, 100][..], &inner].concat();
    assert_eq!(broken(&with(&[frame(false, 0x8864, &session)]), "10.0.0.4"), ["WW903?"], "a session of PPPoE with a code");
}

#[test]
fn a_pseudowire_to_whatever_address_is_opened() {
    for first in [0x02, 0x10, 0x18, 0x1c, 0x20, 0x48, 0x68] {
        let mut inner = udp((AGENT, 4000), (PEER, 4000), TEXT);
        inner[0] = first;
        let labelled = [&[0, 0x01, 0x01, 0x40][..], &inner].concat();
        assert_eq!(broken(&with(&[frame(false, 0x8847, &labelled)]), "10.0.0.4"), ["WW201"], "{first:#x}");
    }
    let inner = bare(&udp((AGENT, 4000), (PEER, 4000), TEXT));
    let channel = [&[0, 0x01, 0x01, 0x40, 0x10, 0, 0, 0x21][..], &inner].concat();
    assert_eq!(broken(&with(&[frame(false, 0x8847, &channel)]), "10.0.0.4"), ["WW201"], "IP in the associated channel");
}

/// What the agent sends to the peer inside VXLAN.
fn overlaid(inner: &[u8]) -> Vec<u8> {
    udp((AGENT, 50_000), (PEER, 4789), &[&[8, 0, 0, 0, 0, 0, 7, 0][..], inner].concat())
}

#[test]
fn noise_leaves_its_link_in_a_tunnel() {
    let group = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 77));
    let plain = udp((AGENT, 4000), (RESOLVER, 4000), &[0x17; 8]);
    let sealed = overlaid(&udp((AGENT, 4000), (group, 4000), TEXT));
    assert_eq!(broken(&with(&[sealed]), "10.0.0.4"), ["WW202?"], "multicast");
    let lldp = frame(true, 0x88cc, TEXT);
    assert_eq!(broken(&with(&[overlaid(&lldp)]), "10.0.0.4"), ["WW202?"], "link control");
    assert_eq!(broken(&with(&[lldp]), "10.0.0.4"), NOTHING, "on the link itself it is noise");
    let mut arp = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &[1; 20]].concat();
    let request = |arp: &[u8]| overlaid(&frame(true, 0x0806, arp));
    assert_eq!(broken(&with(&[request(&arp)]), "10.0.0.4"), NOTHING, "ARP has no room");
    arp.extend(TEXT);
    assert_eq!(broken(&with(&[request(&arp)]), "10.0.0.4"), ["WW202?"], "but for what is behind it");
    let padded = [&plain[..], &[0; 30]].concat();
    let behind = [&plain[..], TEXT].concat();
    let inside = |frame: &[u8]| broken(&with(&[overlaid(frame)]), "10.0.0.4");
    let (padded, behind) = (inside(&padded), inside(&behind));
    assert_eq!((padded.len() + 1, &behind[behind.len() - 1][..]), (behind.len(), "WW202?"), "text behind the packet inside: {behind:?}");
}

#[test]
fn a_mirror_is_told_by_what_it_copies() {
    // only noise goes to a private address: whose tunnel it is shows nothing
    let collector = IpAddr::V4(Ipv4Addr::new(10, 9, 9, 9));
    let group = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 77));
    let mirror = |inner: &[u8]| udp((AGENT, 50_000), (collector, 4789), &[&[8, 0, 0, 0, 0, 0, 7, 0][..], inner].concat());
    let noise = mirror(&udp((AGENT, 4000), (group, 4000), TEXT));
    let rules = broken(&with(&[noise]), "10.0.0.4");
    assert!(rules.contains(&"WW301".to_owned()), "{rules:?}");
    // copies of what the agent sends are a mirror's, which goes where it goes
    let mut world = compliant();
    let copy = |frame: &world::Frame| world::Frame { bytes: mirror(&frame.bytes), at: frame.at + 1000, ..frame.clone() };
    let is_own = |frame: &&world::Frame| frame.bytes[6..12] == mac(AGENT);
    world.frames = world.frames.iter().flat_map(|frame| [frame.clone()].into_iter().chain(Some(frame).filter(is_own).map(copy))).collect();
    let rules = broken(&world, "10.0.0.4");
    assert!(!rules.contains(&"WW301".to_owned()) && !rules.contains(&"WW202?".to_owned()), "{rules:?}");
}

#[test]
fn an_error_quotes_what_was_sealed() {
    let mut base = World::default();
    base.resolve(AGENT, RESOLVER, "www.example.com", &[], PEER);
    base.tls(AGENT, (PEER, 443), "www.example.com", Version::Tls13, 300, 900);
    let sent = base.frames.iter().find(|frame| frame.bytes.len() > 200 && frame.bytes[6..12] == mac(PEER)).unwrap();
    let quoting = |payload: &[u8]| {
        let error = [&[3, 1, 0, 0, 0, 0, 0, 0][..], &sent.bytes[14..54], payload].concat();
        let mut world = base.clone();
        world.ip(AGENT, PEER, 1, &error);
        broken(&world, "10.0.0.4")
    };
    assert_eq!(quoting(&sent.bytes[54..200]), NOTHING, "what was sent");
    assert_eq!(quoting(&TEXT.repeat(3)), ["WW202?", "WW906?"], "what was not");
}

#[test]
fn an_error_quotes_no_text_where_none_came() {
    let mut world = World::default();
    let [question, answer] = world.dns("www.example.com", &[], PEER);
    let note = world.text("www.example.com", &"v=spf1 include:_spf.example.com include:mail.example.com ".repeat(3))[1].clone();
    let asked = udp((AGENT, 4001), (RESOLVER, 53), &question);
    let from_resolver = |payload: &[u8]| udp((RESOLVER, 53), (AGENT, 4001), payload);
    let about = |quoted: &[u8]| {
        let error = world::packets::ip(AGENT, RESOLVER, 1, &[&[3, 3, 0, 0, 0, 0, 0, 0][..], &quoted[14..]].concat());
        broken(&with(&[asked.clone(), from_resolver(&answer), error]), "10.0.0.4")
    };
    // a socket that is closed by then, as every resolver's client has them
    for late in [&answer, &note] {
        assert_eq!(about(&from_resolver(late)), NOTHING);
    }
    assert_eq!(about(&from_resolver(TEXT)), ["WW202?"]);
    // nothing came at all, and there is no flow that could be told of it
    let dialled = world::packets::tcp((AGENT, 4000), (PEER, 443), 1, 0, world::packets::SYN, &[]);
    let quoted = world::packets::tcp((PEER, 443), (AGENT, 4000), 1, 2, world::packets::ACK, TEXT);
    let error = world::packets::ip(AGENT, PEER, 1, &[&[3, 3, 0, 0, 0, 0, 0, 0][..], &quoted[14..]].concat());
    assert_eq!(broken(&with(&[dialled, error]), "10.0.0.4"), ["WW903?"]);
}

#[test]
fn an_agent_by_its_hardware_address_is_not_told_where_the_link_has_none() {
    let name = mac(AGENT).map(|byte| format!("{byte:02x}")).join(":");
    let cooked = |world: &World| {
        let mut cooked = World::default();
        for frame in &world.frames {
            let head = [&[0, 0, 0, 1, 0, 6][..], &frame.bytes[6..12], &[0, 0]].concat();
            cooked.frames.push(world::Frame { bytes: [&head, &frame.bytes[12..]].concat(), ..frame.clone() });
        }
        let mut pcap = cooked.pcap();
        pcap[20..24].copy_from_slice(&113u32.to_le_bytes());
        support::found(&pcap, &name, POLICY).0
    };
    assert_eq!(cooked(&compliant()), NOTHING, "it opened all of them itself");
    let mut world = compliant();
    let mut tcp = world.connect(PEER, (AGENT, 22));
    world.say(&mut tcp, world::Who::Other, b"SSH-2.0-x\r\n");
    assert_eq!(cooked(&world), ["WW903?"]);
    assert_eq!(broken(&world, &name)[0], "WW101", "Ethernet has both addresses");
}
