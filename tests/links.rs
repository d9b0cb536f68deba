//! Every link type and every kind of tunnel that the code lists is read, byte for byte, and stands in the documentation.
//! `BLESS=1 cargo test --test links` writes the tables of docs/links-and-tunnels.md anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use etherparse::PacketBuilder;
use wirewitness::decode::{LINKS, Packet, Reason, Skip, TUNNELS, packet};
use wirewitness::fact::{LinkType, Tunnel};

const PAYLOAD: &[u8] = b"what is said inside";

/// An IPv4 packet from 10.1.0.4:50000 to 192.0.2.1:443.
fn v4() -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ipv4([10, 1, 0, 4], [192, 0, 2, 1], 64).tcp(50_000, 443, 7, 1000).write(&mut out, PAYLOAD).unwrap();
    out
}

/// An IPv6 packet with the same ports.
fn v6() -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ipv6([0x20; 16], [0x21; 16], 64).tcp(50_000, 443, 7, 1000).write(&mut out, PAYLOAD).unwrap();
    out
}

const MACS: [u8; 12] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];

fn ethernet(kind: u16, rest: &[u8]) -> Vec<u8> {
    [&MACS[..], &kind.to_be_bytes(), rest].concat()
}

/// A frame around `v4()`, and one that is longer by a trailer.
fn frame() -> Vec<u8> {
    [ethernet(0x0800, &v4()), vec![0xde, 0xad, 0xbe, 0xef]].concat()
}

fn read(link: u16, bytes: &[u8]) -> Result<Packet<'_>, Skip<'_>> {
    packet(LinkType(link), bytes, bytes.len() as u32)
}

fn is_read(link: u16, bytes: &[u8], what: &str) {
    let packet = read(link, bytes).unwrap_or_else(|skip| panic!("{what}: {:?} {:02x?}", skip.reason, &bytes[..bytes.len().min(80)]));
    assert_eq!((packet.source.port, packet.destination.port, packet.payload), (50_000, 443, PAYLOAD), "{what}");
}

fn with(head: &[u8], rest: &[u8]) -> Vec<u8> {
    [head, rest].concat()
}

/// 802.2 with SNAP and the EtherType of IPv4.
fn snap(rest: &[u8]) -> Vec<u8> {
    with(&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], rest)
}

/// An 802.11 data frame: to the system, of this subtype and with these flags, and what it adds to its header.
fn wireless(subtype: u8, flags: u8, more: &[u8], body: &[u8]) -> Vec<u8> {
    let mut out = vec![subtype << 4 | 0x08, flags | 1, 0, 0];
    out.extend([9; 6]);
    out.extend(&MACS[6..]);
    out.extend(&MACS[..6]);
    out.extend([0x10, 0]);
    out.extend(more);
    out.extend(body);
    out
}

/// Frames of a link type.
fn frames(link: u16) -> Vec<Vec<u8>> {
    let ip = v4();
    let six = v6();
    let air = wireless(0, 0, &[], &snap(&ip));
    let radiotap = |flags: u8, rest: &[u8]| with(&[0, 0, 9, 0, 2, 0, 0, 0, flags], rest);
    match link {
        0 => vec![with(&[2, 0, 0, 0], &ip), with(&[0, 0, 0, 2], &ip), with(&[30, 0, 0, 0], &six)],
        1 => vec![
            frame(),
            ethernet(0x86dd, &six),
            // VLAN stacks of any depth
            ethernet(0x8100, &with(&[0, 5, 8, 0], &ip)),
            ethernet(0x88a8, &with(&[[0, 5, 0x81, 0], [0, 6, 0x91, 0], [0, 7, 0x81, 0], [0, 8, 8, 0]].concat(), &ip)),
            // a length, 802.2
            ethernet(0x0040, &snap(&ip)),
            ethernet(0x0040, &with(&[6, 6, 3], &ip)),
            // PPPoE over VLAN
            ethernet(0x8100, &with(&[0, 5, 0x88, 0x64, 0x11, 0, 0, 9, 0, 80, 0, 0x21], &ip)),
            // MPLS: IP, IPv6, a pseudowire with and without its control word
            ethernet(0x8847, &with(&[0, 1, 0, 64, 0, 1, 1, 64], &ip)),
            ethernet(0x8847, &with(&[0, 1, 1, 64], &six)),
            ethernet(0x8847, &with(&[0, 1, 1, 64, 0, 0, 0, 0], &frame())),
            ethernet(0x8847, &with(&[0, 1, 1, 64], &frame())),
            // provider backbone, port extenders, Cisco metadata, a switch's tag
            ethernet(0x88e7, &with(&[0, 0, 0, 9], &frame())),
            ethernet(0x8926, &with(&[0, 0, 0, 1, 8, 0], &ip)),
            ethernet(0x893f, &with(&[0, 0, 0, 1, 0, 0, 8, 0], &ip)),
            ethernet(0x8909, &with(&[1, 1, 0, 1, 0, 7, 8, 0], &ip)),
            ethernet(0xdada, &with(&[0, 0, 0x40, 0, 0, 0, 8, 0], &ip)),
            // a service function chain
            ethernet(0x894f, &with(&[0x0f, 0xc2, 2, 1, 0, 0, 1, 255], &ip)),
        ],
        6 => vec![with(&[0x10, 0x40], &with(&MACS, &snap(&ip))), {
            let mut routed = with(&[0x10, 0x40], &MACS);
            routed[8] |= 0x80;
            with(&with(&routed, &[4, 0, 0, 1]), &snap(&ip))
        }],
        7 => vec![with(&[1, 2, 0xf0], &ip), with(&[1, 2, 0xd4, 0, 0, 1], &ip)],
        8 => vec![with(&[0; 16], &ip)],
        9 => {
            vec![with(&[0xff, 3, 0, 0x21], &ip), with(&[0x21], &ip), with(&[0, 0x57], &six), with(&[0, 0x3d, 0xc0, 0, 0, 1, 0, 0x21], &ip)]
        }
        10 => vec![with(&[0x50], &with(&MACS, &snap(&ip)))],
        12 | 14 | 101 => vec![ip, six],
        50 => vec![with(&[0xff, 3, 0, 0x21], &ip), with(&[0x0f, 0, 8, 0], &ip)],
        51 => vec![with(&[0x11, 0, 0, 1, 0, 80, 0, 0x21], &ip)],
        100 => vec![snap(&ip), ip, with(&[0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 7, 0, 0], &frame())],
        104 => vec![with(&[0x0f, 0, 8, 0], &ip), with(&[0x8f, 0, 0x86, 0xdd], &six)],
        105 => vec![
            air,
            wireless(8, 0, &[0, 0], &snap(&ip)),
            // an aggregate of one
            wireless(8, 0, &[0x80, 0], &with(&with(&MACS, &[0, 100]), &snap(&ip))),
        ],
        106 => vec![snap(&ip)],
        107 => vec![with(&[0x18, 0x41, 3, 0xcc], &ip), with(&[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0], &ip), with(&[0x18, 0x41, 8, 0], &ip)],
        108 => vec![with(&[0, 0, 0, 2], &ip), with(&[0, 0, 0, 24], &six)],
        109 => vec![with(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &ip)],
        113 => vec![
            with(&[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0, 8, 0], &ip),
            with(&[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0, 0x81, 0, 0, 5, 8, 0], &ip),
            with(&[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0, 0, 4], &snap(&ip)),
        ],
        117 => vec![with(&with(&[61, 2], &[0; 62]), &ip)],
        119 => vec![
            with(&with(&[0x44, 0, 0, 0, 144, 0, 0, 0], &[0; 136]), &air),
            with(&with(&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], &[0; 56]), &air),
        ],
        122 => vec![with(&[0; 16], &snap(&ip))],
        123 => vec![with(&[2, 0, 0, 9], &snap(&ip))],
        127 => vec![radiotap(0, &air), radiotap(0x20, &wireless(8, 0, &[0, 0, 0, 0], &snap(&ip)))],
        129 => vec![with(&[1, 2, 0, 0, 0xf0], &ip), with(&[1, 2, 0, 0, 0xd4, 0, 0, 1], &ip)],
        149 | 258 => vec![{
            let mut head = vec![0; 108];
            head[0] = 108;
            head[4] = 1;
            head[8] = 1;
            with(&head, &frame())
        }],
        163 => vec![with(&with(&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], &[0; 56]), &air)],
        166 => vec![with(&[1, 3, 0, 0x21], &ip), with(&[0, 3, 0, 0x57], &six)],
        204 => vec![with(&[1, 0xff, 3, 0, 0x21], &ip)],
        192 => vec![with(&[0, 0, 8, 0, 105, 0, 0, 0], &air), with(&[0, 0, 8, 0, 1, 0, 0, 0], &frame())],
        205 => vec![with(&[0, 0x0f, 0, 8, 0], &ip)],
        226 => vec![with(&with(&[1, 2], &[0; 22]), &ip), with(&with(&[1, 26], &[0; 22]), &six)],
        228 => vec![ip],
        229 => vec![six],
        239 => vec![with(&[2, 0, 0, 0, 8, 0, 10, 0, 0, 0, 0, 1, 0, 1, 9, 0], &ip), with(&[10, 0, 0, 0, 1, 0, 0, 9], &six)],
        240 => vec![with(&[0; 4], &frame())],
        242 => vec![with(&with(&[0; 40], &[8, 0, 0, 0]), &ip)],
        276 => vec![with(&[8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 4, 6, 2, 0, 0, 0, 0, 2, 0, 0], &ip)],
        281 | 284 => vec![with(&with(&MACS, &[0x40, 0, 0, 0, 8, 0]), &ip)],
        282 => vec![with(&[0; 4], &frame())],
        285 => vec![with(&with(&MACS, &[0xda, 0xda, 0, 0, 0x40, 0, 0, 0, 8, 0]), &ip)],
        _ => Vec::new(),
    }
}

#[test]
fn every_link_type_is_read() {
    assert!(LINKS.is_sorted_by_key(|format| format.link), "they are searched by halves");
    for format in LINKS {
        let (name, number) = (format.link.name(), format.link.0);
        assert!(!name.starts_with("LINKTYPE_"), "{name} has no name");
        let frames = frames(number);
        assert!(!frames.is_empty(), "{name} has no frame");
        for (n, bytes) in frames.iter().enumerate() {
            is_read(number, bytes, &format!("{name}, frame {}", n + 1));
            for cut in 0..bytes.len() {
                let _ = packet(format.link, &bytes[..cut], bytes.len() as u32);
            }
        }
    }
}

#[test]
fn what_is_not_read_is_said() {
    let reason = |link: u16, bytes: &[u8]| read(link, bytes).map(|_| ()).unwrap_err().reason;
    let cases: [(u16, Vec<u8>, Reason); 15] = [
        (147, vec![1; 80], Reason::UndecodedLink),
        (149, vec![1; 200], Reason::UndecodedLink),
        (1, ethernet(0x88e5, &[0; 60]), Reason::UndecodedEncrypted),
        (1, ethernet(0x8863, &[0x11, 9, 0, 0, 0, 0]), Reason::NoiseLink),
        (1, ethernet(0x4321, &[0; 60]), Reason::UndecodedEthertype),
        (1, ethernet(0x8847, &[0, 1, 1, 64, 0x99, 0, 0, 0, 0]), Reason::UndecodedTunnel),
        (1, ethernet(0x8847, &[0, 1, 1, 64, 0x10, 0, 0, 7]), Reason::NoiseLink),
        (1, ethernet(0x8100, &[0, 5, 0x81, 0].repeat(40)), Reason::UndecodedTunnel),
        (9, vec![0xc0, 0x21, 1, 1, 0, 4], Reason::NoiseLink),
        (9, vec![0, 0xfd, 1, 2, 3, 4], Reason::UndecodedTunnel),
        (9, vec![0, 0x53, 1, 2, 3, 4], Reason::UndecodedEncrypted),
        (105, wireless(0, 0x40, &[], &snap(&v4())), Reason::UndecodedEncrypted),
        (105, wireless(0, 0x04, &[], &snap(&v4())), Reason::UndecodedFragment),
        (105, wireless(4, 0, &[], &[]), Reason::NoiseLink),
        (105, wireless(8, 0, &[0x80, 0], &[with(&with(&MACS, &[0, 67]), &snap(&v4())), vec![0; 200]].concat()), Reason::UndecodedTunnel),
    ];
    for (n, (link, bytes, expected)) in cases.iter().enumerate() {
        assert_eq!(reason(*link, bytes), *expected, "case {n}, link type {link}");
    }
}

const OUTER: ([u8; 4], [u8; 4]) = ([10, 9, 0, 1], [10, 9, 0, 2]);

/// `rest` in an outer IPv4 packet of this protocol.
fn over_ip(protocol: u8, rest: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ipv4(OUTER.0, OUTER.1, 64).write(&mut out, etherparse::IpNumber(protocol), rest).unwrap();
    ethernet(0x0800, &out)
}

/// `rest` in an outer IPv6 packet of this protocol.
fn over_ipv6(protocol: u8, rest: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ipv6([0x30; 16], [0x31; 16], 64).write(&mut out, etherparse::IpNumber(protocol), rest).unwrap();
    ethernet(0x86dd, &out)
}

fn over_udp(port: u16, rest: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ipv4(OUTER.0, OUTER.1, 64).udp(61_000, port).write(&mut out, rest).unwrap();
    ethernet(0x0800, &out)
}

/// Frames that lie in a tunnel of a kind, and its identifier in each.
fn tunnelled(tunnel: Tunnel) -> Vec<(Vec<u8>, Option<u32>)> {
    let (ip, six, frame) = (v4(), v6(), ethernet(0x0800, &v4()));
    let vni = [0x00, 0x13, 0x88, 0];
    let vxlan = |head: [u8; 4], rest: &[u8]| [&head[..], &vni, rest].concat();
    let geneve = |options: u8, kind: u16, rest: &[u8]| {
        [&[options, 0][..], &kind.to_be_bytes(), &vni, &vec![7; usize::from(options) * 4], rest].concat()
    };
    let teredo = {
        let mut inner = six.clone();
        inner[8..12].copy_from_slice(&[0x20, 1, 0, 0]);
        inner
    };
    match tunnel {
        Tunnel::Vxlan => vec![
            (over_udp(4789, &vxlan([8, 0, 0, 0], &frame)), Some(5000)),
            (over_udp(8472, &vxlan([8, 0, 0, 0], &frame)), Some(5000)),
            (over_udp(9999, &vxlan([8, 0, 0, 0], &frame)), Some(5000)),
            // a group policy, and the generic protocol extension: IP, Ethernet, a service header
            (over_udp(4789, &vxlan([0x88, 0, 0, 9], &frame)), Some(5000)),
            (over_udp(4790, &vxlan([0x0c, 0, 0, 1], &ip)), Some(5000)),
            (over_udp(4790, &vxlan([0x0c, 0, 0, 3], &frame)), Some(5000)),
            (over_udp(4790, &vxlan([0x0c, 0, 0, 4], &with(&[0x0f, 0xc2, 2, 1, 0, 0, 1, 255], &ip))), Some(5000)),
        ],
        Tunnel::Geneve => vec![
            (over_udp(6081, &geneve(0, 0x6558, &frame)), Some(5000)),
            (over_udp(6081, &geneve(2, 0x0800, &ip)), Some(5000)),
            (over_udp(47_101, &geneve(3, 0x86dd, &six)), Some(5000)),
        ],
        Tunnel::Gre => vec![
            (over_ip(47, &with(&[0, 0, 8, 0], &ip)), None),
            (over_ip(47, &with(&[0x30, 0, 0x86, 0xdd, 0, 0, 0, 7, 0, 0, 0, 1], &six)), Some(7)),
            (over_ip(47, &with(&[0xb0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1], &ip)), Some(7)),
            (over_ip(47, &with(&[0, 0, 0x65, 0x58], &frame)), None),
            (over_ip(47, &with(&[0, 0, 0x88, 0x47, 0, 1, 1, 64], &ip)), None),
            (over_ip(47, &with(&[0x30, 1, 0x88, 0x0b, 0, 80, 0, 9, 0, 0, 0, 1, 0xff, 3, 0, 0x21], &ip)), Some(9)),
            (over_ip(47, &with(&[0x30, 0x81, 0x88, 0x0b, 0, 80, 0, 9, 0, 0, 0, 1, 0, 0, 0, 1, 0x21], &ip)), Some(9)),
            (over_ip(47, &with(&[0, 0, 0x88, 0x3e, 0, 0, 0, 0], &ip)), None),
            (over_ip(47, &with(&[0, 0, 0x82, 0], &wireless(8, 0, &[0, 0], &snap(&ip)))), None),
            (over_udp(4754, &with(&[0, 0, 8, 0], &ip)), None),
        ],
        Tunnel::Nvgre => vec![(over_ip(47, &with(&[0x20, 0, 0x65, 0x58, 0, 0x13, 0x88, 1], &frame)), Some(5000))],
        Tunnel::Erspan => vec![
            (over_ip(47, &with(&[0, 0, 0x88, 0xbe], &frame)), None),
            (over_ip(47, &with(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 9, 0, 0, 0, 1], &frame)), Some(9)),
            (over_ip(47, &with(&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0], &frame)), Some(9)),
            (over_ip(47, &with(&with(&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 9, 0, 0, 0, 0, 0, 0, 8, 1], &[0; 8]), &ip)), Some(9)),
        ],
        Tunnel::V4InV4 => vec![(over_ip(4, &ip), None)],
        Tunnel::V6InV4 => vec![(over_ip(41, &six), None)],
        Tunnel::V4InV6 => vec![(over_ipv6(4, &ip), None)],
        Tunnel::V6InV6 => vec![(over_ipv6(41, &six), None)],
        Tunnel::Teredo => vec![
            (over_udp(3544, &six), None),
            (over_udp(3544, &with(&[0, 0, 1, 2, 3, 4, 5, 6], &six)), None),
            (over_udp(3544, &with(&with(&[0, 1, 0, 0], &[0; 9]), &with(&[0, 0, 1, 2, 3, 4, 5, 6], &six))), None),
            (over_udp(9999, &teredo), None),
        ],
        Tunnel::Gtp => {
            let length = (ip.len() as u16).to_be_bytes();
            let longer = (ip.len() as u16 + 8).to_be_bytes();
            let head = |flags: u8, length: [u8; 2]| [flags, 255, length[0], length[1], 0, 0, 0, 7];
            vec![
                (over_udp(2152, &with(&head(0x30, length), &ip)), Some(7)),
                (over_udp(9999, &with(&head(0x30, length), &ip)), Some(7)),
                (over_udp(2152, &with(&with(&head(0x34, longer), &[0, 0, 0, 0x85, 1, 0x10, 1, 0]), &ip)), Some(7)),
            ]
        }
        Tunnel::L2tp => vec![
            (over_udp(1701, &with(&[0, 2, 0, 7, 0, 9, 0xff, 3, 0, 0x21], &ip)), Some(0x0007_0009)),
            (over_udp(1701, &with(&[0x4a, 2, 0, 0, 0, 7, 0, 9, 0, 0, 0, 0, 0, 1, 0, 0, 0x21], &ip)), Some(0x0007_0009)),
            (over_udp(1701, &with(&[0, 3, 0, 0, 0, 0, 0, 9, 1, 2, 3, 4], &frame)), Some(9)),
            (over_ip(115, &with(&[0, 0, 0, 9], &frame)), Some(9)),
        ],
        Tunnel::Tzsp => vec![
            (over_udp(37_008, &with(&[1, 0, 0, 1, 1], &frame)), None),
            (over_udp(37_008, &with(&[1, 0, 0, 0x12, 10, 1, 200, 0, 1], &wireless(0, 0, &[], &snap(&ip)))), None),
        ],
        Tunnel::HpErm => vec![(over_udp(7932, &with(&[0; 12], &frame)), None)],
        Tunnel::Ayiya => vec![(over_udp(5072, &with(&with(&[0x41, 0x52, 0x11, 41, 0, 0, 0, 1], &[5; 36]), &six)), None)],
        Tunnel::EtherIp => vec![(over_ip(97, &with(&[0x30, 0], &frame)), None)],
        Tunnel::Mpls => vec![(over_ip(137, &with(&[0, 1, 1, 64], &ip)), None), (over_udp(6635, &with(&[0, 1, 1, 64], &ip)), None)],
    }
}

#[test]
fn every_tunnel_is_opened_and_its_outside_kept() {
    assert_eq!(TUNNELS.iter().map(|format| format.tunnel).collect::<Vec<_>>(), Tunnel::ALL);
    for format in TUNNELS {
        let name = format.tunnel.name();
        for (n, (bytes, id)) in tunnelled(format.tunnel).iter().enumerate() {
            let what = format!("{name}, frame {}", n + 1);
            is_read(1, bytes, &what);
            let layers: Vec<_> = read(1, bytes).unwrap().outer.unwrap().layers().collect();
            assert_eq!((layers.len(), layers[0].tunnel, layers[0].id), (1, format.tunnel, *id), "{what}");
            let outer = if layers[0].source.ip.is_ipv4() { "10.9.0.1" } else { "3030:3030:3030:3030:3030:3030:3030:3030" };
            assert_eq!(layers[0].source.ip.to_string(), outer, "{what}");
            for cut in 0..bytes.len() {
                let _ = packet(LinkType::ETHERNET, &bytes[..cut], bytes.len() as u32);
            }
        }
    }
}

#[test]
fn tunnels_nest_to_a_bound() {
    let mut ip = v4();
    for depth in 0..6 {
        let frame = ethernet(0x0800, &ip);
        match read(1, &frame) {
            Ok(packet) => {
                assert!(depth <= 4);
                assert_eq!(packet.outer.map_or(0, |outer| outer.layers().count()), depth);
                assert_eq!(packet.payload, PAYLOAD);
            }
            Err(skip) => assert!(depth > 4 && skip.reason == Reason::UndecodedTunnel),
        }
        let mut out = Vec::new();
        PacketBuilder::ipv4(OUTER.0, OUTER.1, 64).write(&mut out, etherparse::IpNumber(4), &ip).unwrap();
        ip = out;
    }
}

#[test]
fn an_authentication_header_is_looked_through() {
    let tcp = &v4()[20..];
    is_read(1, &over_ip(51, &with(&[&[6, 4, 0, 0][..], &[0; 20]].concat(), tcp)), "AH over IPv4");
    is_read(1, &over_ipv6(51, &with(&[&[6, 4, 0, 0][..], &[0; 20]].concat(), tcp)), "AH over IPv6");
}

/// What looks like a tunnel and is none stays a datagram, for which no protocol speaks up.
#[test]
fn what_does_not_prove_itself_is_a_datagram() {
    for (port, payload) in [
        (9999, vec![8, 0, 0, 0, 0, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]),
        (4789, vec![0; 40]),
        (6081, vec![0xff; 40]),
        (2152, vec![0x32, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0]),
        (3544, vec![0x60; 40]),
        (37_008, vec![1, 4, 0, 1, 1]),
        (1701, vec![0xc8, 2, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        let frame = over_udp(port, &payload);
        let packet = read(1, &frame).unwrap_or_else(|skip| panic!("{port}: {skip:?}"));
        assert!(packet.outer.is_none(), "{port}");
        assert_eq!((packet.destination.port, packet.payload), (port, &payload[..]));
    }
}

/// The tables of the documentation, from the code's own lists.
fn tables() -> String {
    let mut out = String::from("<!-- links -->\n| number | link type | what is read |\n| --- | --- | --- |\n");
    for format in LINKS {
        out.push_str(&format!("| {} | {} | {} |\n", format.link.0, format.link.name(), format.reads));
    }
    out.push_str("<!-- /links -->\n\n## Tunnels\n<!-- tunnels -->\n| name | looked for in | what is read |\n| --- | --- | --- |\n");
    for format in TUNNELS {
        out.push_str(&format!("| `{}` | {} | {} |\n", format.tunnel.name(), format.over, format.reads));
    }
    out.push_str("<!-- /tunnels -->\n");
    out
}

#[test]
fn the_documentation_lists_what_the_code_reads() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/links-and-tunnels.md");
    let text = fs::read_to_string(&path).unwrap();
    let (start, end) = (text.find("<!-- links -->").unwrap(), text.find("<!-- /tunnels -->\n").unwrap() + "<!-- /tunnels -->\n".len());
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, format!("{}{}{}", &text[..start], tables(), &text[end..])).unwrap();
    } else {
        assert_eq!(&text[start..end], tables(), "BLESS=1 cargo test --test links writes it anew");
    }
}
