//! Everything that a frame may be wrapped in and that the decoder opens again. [`WRAPPERS`] is the one list: a link type, tag or tunnel
//! that the decoder learns to open gets its line here, and every mutant, law and benign world is then tried inside it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::packets;

/// A way to wrap a frame.
pub struct Wrapper {
    pub name: &'static str,
    /// The link type of the capture.
    pub link: u16,
    /// Wraps an untagged Ethernet frame; `None` where this cannot carry it (ARP in raw IP), so that it is not in the capture.
    pub wrap: fn(&[u8]) -> Option<Vec<u8>>,
}

pub const ETHERNET: u16 = 1;

pub const WRAPPERS: &[Wrapper] = &[
    Wrapper { name: "ethernet", link: ETHERNET, wrap: |frame| Some(frame.to_vec()) },
    Wrapper { name: "vlan", link: ETHERNET, wrap: |frame| tagged(frame, &[0x81, 0, 0, 5]) },
    Wrapper { name: "priority tag", link: ETHERNET, wrap: |frame| tagged(frame, &[0x81, 0, 0xe0, 0]) },
    Wrapper { name: "qinq", link: ETHERNET, wrap: |frame| tagged(frame, &[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6]) },
    Wrapper { name: "qinq of 0x8100", link: ETHERNET, wrap: |frame| tagged(frame, &[0x81, 0, 0, 5, 0x81, 0, 0, 6]) },
    Wrapper { name: "qinq of 0x9100", link: ETHERNET, wrap: |frame| tagged(frame, &[0x91, 0, 0, 5, 0x81, 0, 0, 6]) },
    Wrapper { name: "trailer", link: ETHERNET, wrap: |frame| Some([frame, &[0xfc; 9]].concat()) },
    Wrapper { name: "sll", link: 113, wrap: |frame| Some(sll(frame, &[])) },
    Wrapper { name: "sll with a tag", link: 113, wrap: |frame| Some(sll(frame, &[0x81, 0, 0, 5])) },
    Wrapper { name: "sll2", link: 276, wrap: |frame| Some(sll2(frame)) },
    Wrapper { name: "raw", link: 101, wrap: |frame| network(frame).map(<[u8]>::to_vec) },
    Wrapper { name: "raw of BSD", link: 12, wrap: |frame| network(frame).map(<[u8]>::to_vec) },
    Wrapper { name: "null", link: 0, wrap: |frame| loopback(frame, [2, 24], false) },
    Wrapper { name: "null of macOS", link: 0, wrap: |frame| loopback(frame, [2, 30], false) },
    Wrapper { name: "null of a big-endian host", link: 0, wrap: |frame| loopback(frame, [2, 28], true) },
    Wrapper { name: "loop", link: 108, wrap: |frame| loopback(frame, [2, 24], true) },
    Wrapper { name: "options of IP", link: ETHERNET, wrap: |frame| Some(with_options(frame)) },
    Wrapper { name: "802.2 with SNAP", link: ETHERNET, wrap: |frame| Some(snap(frame)) },
    Wrapper { name: "PPPoE", link: ETHERNET, wrap: pppoe },
    Wrapper { name: "PPP", link: 9, wrap: ppp },
    Wrapper { name: "Cisco HDLC", link: 104, wrap: |frame| Some([&[0x0f, 0][..], &frame[12..]].concat()) },
    Wrapper { name: "MPLS", link: ETHERNET, wrap: |frame| Some(labelled(frame, network(frame)?)) },
    Wrapper { name: "a pseudowire", link: ETHERNET, wrap: pseudowire },
    Wrapper { name: "wireless", link: 127, wrap: |frame| Some(wireless(frame)) },
    Wrapper { name: "GRE", link: ETHERNET, wrap: |frame| tunnelled(47, &[&[0, 0], &frame[12..14], network(frame)?].concat()) },
    Wrapper { name: "IP in IP", link: ETHERNET, wrap: |frame| tunnelled(if frame[12] == 8 { 4 } else { 41 }, network(frame)?) },
    Wrapper { name: "VXLAN", link: ETHERNET, wrap: |frame| Some(vxlan(frame)) },
    // other links
    Wrapper { name: "FDDI", link: 10, wrap: |frame| Some([&[0x50], &frame[..12], &SNAP, &frame[12..]].concat()) },
    Wrapper { name: "token ring", link: 6, wrap: |frame| Some([&[0x10, 0x40], &frame[..12], &SNAP, &frame[12..]].concat()) },
    Wrapper { name: "PPP of a serial line", link: 50, wrap: |frame| Some([vec![0xff, 3], ppp(frame)?].concat()) },
    Wrapper { name: "PPP with a direction", link: 204, wrap: |frame| Some([vec![1, 0xff, 3], ppp(frame)?].concat()) },
    Wrapper { name: "ATM", link: 100, wrap: |frame| Some([&SNAP, &frame[12..]].concat()) },
    Wrapper { name: "frame relay", link: 107, wrap: |frame| Some([&[0x18, 0x41, 3, 0, 0x80, 0, 0, 0], &frame[12..]].concat()) },
    Wrapper { name: "Cisco HDLC with a direction", link: 205, wrap: |frame| Some([&[0, 0x0f, 0], &frame[12..]].concat()) },
    Wrapper { name: "wireless without a header of its own", link: 105, wrap: |frame| Some(wireless(frame)[8..].to_vec()) },
    Wrapper { name: "wireless behind PPI", link: 192, wrap: |frame| Some([&[0, 0, 8, 0, 105, 0, 0, 0], &wireless(frame)[8..]].concat()) },
    Wrapper {
        name: "wireless behind Prism",
        link: 119,
        wrap: |frame| Some(behind(&[0x44, 0, 0, 0, 144, 0, 0, 0], 144, &wireless(frame)[8..])),
    },
    Wrapper {
        name: "wireless behind AVS",
        link: 163,
        wrap: |frame| Some(behind(&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], 64, &wireless(frame)[8..])),
    },
    Wrapper { name: "NFLOG", link: 239, wrap: nflog },
    Wrapper { name: "IPNET", link: 226, wrap: |frame| Some(behind(&[1, if frame[12] == 8 { 2 } else { 26 }], 24, network(frame)?)) },
    Wrapper { name: "InfiniBand", link: 242, wrap: |frame| Some([&[0; 40], &frame[12..14], &[0, 0], network(frame)?].concat()) },
    Wrapper { name: "a switch's tag of Broadcom", link: 281, wrap: |frame| tagged(frame, &[0x40, 0, 0, 0]) },
    Wrapper { name: "a switch's tag with an EtherType", link: 285, wrap: |frame| tagged(frame, &[0xda, 0xda, 0, 0, 0x40, 0, 0, 0]) },
    Wrapper { name: "PKTAP", link: 258, wrap: |frame| Some(behind(&[108, 0, 0, 0, 1, 0, 0, 0, 1], 108, frame)) },
    Wrapper { name: "PPPoE of itself", link: 51, wrap: |frame| Some(pppoe(frame)?[14..].to_vec()) },
    Wrapper { name: "PPP of pppd", link: 166, wrap: |frame| Some([vec![1, 3], ppp(frame)?].concat()) },
    Wrapper { name: "LAN emulation", link: 106, wrap: |frame| Some([&SNAP, &frame[12..]].concat()) },
    Wrapper { name: "IP over fibre channel", link: 122, wrap: |frame| Some([&[0; 16][..], &SNAP, &frame[12..]].concat()) },
    Wrapper { name: "ATM of SunATM", link: 123, wrap: |frame| Some([&[2, 0, 0, 9][..], &SNAP, &frame[12..]].concat()) },
    Wrapper { name: "a switch's tag of Broadcom, ahead", link: 282, wrap: |frame| Some([&[0; 4], frame].concat()) },
    Wrapper { name: "a switch's tag", link: 284, wrap: |frame| tagged(frame, &[0x40, 0, 0, 0]) },
    // other tags
    Wrapper {
        name: "a provider's backbone",
        link: ETHERNET,
        wrap: |frame| Some([&frame[..12], &[0x88, 0xe7, 0, 0, 0, 9], frame].concat()),
    },
    Wrapper { name: "a tag of a port extender", link: ETHERNET, wrap: |frame| tagged(frame, &[0x89, 0x26, 0, 0, 0, 1]) },
    Wrapper { name: "a tag of bridge port extension", link: ETHERNET, wrap: |frame| tagged(frame, &[0x89, 0x3f, 0, 0, 0, 1, 0, 0]) },
    Wrapper { name: "metadata of Cisco", link: ETHERNET, wrap: |frame| tagged(frame, &[0x89, 0x09, 1, 1, 0, 1, 0, 7]) },
    Wrapper { name: "a service function chain", link: ETHERNET, wrap: chained },
    // other tunnels
    Wrapper { name: "GRE of Ethernet", link: ETHERNET, wrap: |frame| tunnelled(47, &[&[0, 0, 0x65, 0x58], frame].concat()) },
    Wrapper { name: "NVGRE", link: ETHERNET, wrap: |frame| tunnelled(47, &[&[0x20, 0, 0x65, 0x58, 0, 0x13, 0x88, 1], frame].concat()) },
    Wrapper { name: "ERSPAN", link: ETHERNET, wrap: |frame| tunnelled(47, &[&[0, 0, 0x88, 0xbe], frame].concat()) },
    Wrapper {
        name: "ERSPAN II",
        link: ETHERNET,
        wrap: |frame| tunnelled(47, &[&erspan([0x88, 0xbe], 0x10)[..], &[0, 0, 0, 1], frame].concat()),
    },
    Wrapper {
        name: "ERSPAN III",
        link: ETHERNET,
        wrap: |frame| tunnelled(47, &[&erspan([0x22, 0xeb], 0x20)[..], &[0; 8], frame].concat()),
    },
    Wrapper { name: "L2TPv3", link: ETHERNET, wrap: |frame| tunnelled(115, &[vec![0, 0, 0, 9], unsummed(frame)].concat()) },
    Wrapper { name: "EtherIP", link: ETHERNET, wrap: |frame| tunnelled(97, &[&[0x30, 0], frame].concat()) },
    Wrapper { name: "VXLAN-GPE", link: ETHERNET, wrap: |frame| by_udp(4790, &[&[0x0c, 0, 0, 3, 0, 0, 5, 0], frame].concat()) },
    Wrapper { name: "Geneve", link: ETHERNET, wrap: |frame| by_udp(6081, &[&[0, 0, 0x65, 0x58, 0, 0, 5, 0], frame].concat()) },
    Wrapper { name: "GTP", link: ETHERNET, wrap: gtp },
    Wrapper { name: "L2TP", link: ETHERNET, wrap: |frame| by_udp(1701, &[vec![0, 2, 0, 7, 0, 9, 0xff, 3], ppp(frame)?].concat()) },
    Wrapper { name: "TZSP", link: ETHERNET, wrap: |frame| by_udp(37_008, &[&[1, 0, 0, 1, 1], frame].concat()) },
    Wrapper { name: "MPLS over IP", link: ETHERNET, wrap: |frame| tunnelled(137, &[&[0, 1, 1, 64], network(frame)?].concat()) },
    Wrapper { name: "IP in IPv6", link: ETHERNET, wrap: in_ipv6 },
    Wrapper { name: "MPLS over UDP", link: ETHERNET, wrap: |frame| by_udp(6635, &[&[0, 1, 1, 64], network(frame)?].concat()) },
];

const SNAP: [u8; 6] = [0xaa, 0xaa, 3, 0, 0, 0];

pub fn wrapper(name: &str) -> &'static Wrapper {
    WRAPPERS.iter().find(|wrapper| wrapper.name == name).expect("a wrapper")
}

fn tagged(frame: &[u8], tags: &[u8]) -> Option<Vec<u8>> {
    Some([&frame[..12], tags, &frame[12..]].concat())
}

/// The packet in a frame, where it is IP.
fn network(frame: &[u8]) -> Option<&[u8]> {
    matches!(frame.get(12..14)?, [8, 0] | [0x86, 0xdd]).then(|| &frame[14..])
}

fn sll(frame: &[u8], tags: &[u8]) -> Vec<u8> {
    [&[0, 0, 0, 1, 0, 6][..], &frame[6..12], &[0, 0], tags, &frame[12..]].concat()
}

fn sll2(frame: &[u8]) -> Vec<u8> {
    [&frame[12..14], &[0, 0, 0, 0, 0, 2, 0, 1, 0, 6], &frame[6..12], &[0, 0], &frame[14..]].concat()
}

fn loopback(frame: &[u8], families: [u8; 2], big: bool) -> Option<Vec<u8>> {
    let packet = network(frame)?;
    let family = u32::from(families[usize::from(packet[0] >> 4 == 6)]);
    let head = if big { family.to_be_bytes() } else { family.to_le_bytes() };
    Some([&head[..], packet].concat())
}

/// A router alert in IPv4, a destination options header in IPv6.
fn with_options(frame: &[u8]) -> Vec<u8> {
    let mut out = frame.to_vec();
    match frame.get(12..14) {
        Some([8, 0]) if frame.len() >= 34 && frame[14] == 0x45 => {
            out[14] = 0x46;
            let total = u16::from_be_bytes([frame[16], frame[17]]) + 4;
            out[16..18].copy_from_slice(&total.to_be_bytes());
            out.splice(34..34, [148, 4, 0, 0]);
        }
        Some([0x86, 0xdd]) if frame.len() >= 54 => {
            let length = u16::from_be_bytes([frame[18], frame[19]]) + 8;
            out[18..20].copy_from_slice(&length.to_be_bytes());
            out[20] = 60;
            out.splice(54..54, [frame[20], 0, 1, 4, 0, 0, 0, 0]);
        }
        _ => {}
    }
    out
}

fn snap(frame: &[u8]) -> Vec<u8> {
    let length = (frame.len() as u16 - 6).min(1500);
    [&frame[..12], &length.to_be_bytes(), &[0xaa, 0xaa, 3, 0, 0, 0], &frame[12..]].concat()
}

fn ppp(frame: &[u8]) -> Option<Vec<u8>> {
    let packet = network(frame)?;
    Some([&[0, if frame[12] == 8 { 0x21 } else { 0x57 }], packet].concat())
}

fn pppoe(frame: &[u8]) -> Option<Vec<u8>> {
    let inner = ppp(frame)?;
    Some([&frame[..12], &[0x88, 0x64, 0x11, 0, 0, 7], &(inner.len() as u16).to_be_bytes(), &inner].concat())
}

/// Behind two labels, of which the second is the bottom of the stack.
fn labelled(frame: &[u8], inner: &[u8]) -> Vec<u8> {
    [&frame[..12], &[0x88, 0x47, 0, 1, 0, 64, 0, 1, 0x11, 64], inner].concat()
}

/// Ethernet of IPv4 behind a control word, without its checksum; IPv6 as it is, for nothing shows that a frame holds it.
fn pseudowire(frame: &[u8]) -> Option<Vec<u8>> {
    if frame.get(12..15)? == [8, 0, 0x45] && frame.len() >= 34 {
        return Some(labelled(frame, &[vec![0; 4], unsummed(frame)].concat()));
    }
    Some(labelled(frame, network(frame)?))
}

/// Without the checksum of IPv4, which mutants do not keep right: what is told by it would not be seen.
fn unsummed(frame: &[u8]) -> Vec<u8> {
    let mut out = frame.to_vec();
    if frame.get(12..15) == Some(&[8, 0, 0x45]) && frame.len() >= 34 {
        out[24..26].fill(0);
    }
    out
}

/// As an access point sends it on, behind radiotap.
fn wireless(frame: &[u8]) -> Vec<u8> {
    let addresses = [&frame[..6], &[2, 0xaa, 0, 0, 0, 1], &frame[6..12]].concat();
    [&[0, 0, 8, 0, 0, 0, 0, 0, 8, 2, 0, 0][..], &addresses, &[0, 0, 0xaa, 0xaa, 3, 0, 0, 0], &frame[12..]].concat()
}

/// Between two hosts that nobody asks about: a carrier's, or a mirror's.
const CARRIERS: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::new(172, 16, 0, 1)), IpAddr::V4(Ipv4Addr::new(172, 16, 0, 2))];

fn tunnelled(protocol: u8, inner: &[u8]) -> Option<Vec<u8>> {
    Some(packets::ip(CARRIERS[0], CARRIERS[1], protocol, inner))
}

fn vxlan(frame: &[u8]) -> Vec<u8> {
    packets::udp((CARRIERS[0], 50_000), (CARRIERS[1], 4789), &[&[8, 0, 0, 0, 0, 0, 5, 0], frame].concat())
}

fn by_udp(port: u16, inner: &[u8]) -> Option<Vec<u8>> {
    Some(packets::udp((CARRIERS[0], 50_000), (CARRIERS[1], port), inner))
}

/// GRE with a sequence number, and the first words of ERSPAN.
fn erspan(kind: [u8; 2], version: u8) -> [u8; 12] {
    [0x10, 0, kind[0], kind[1], 0, 0, 0, 1, version, 0, 0, 9]
}

fn gtp(frame: &[u8]) -> Option<Vec<u8>> {
    let frame = unsummed(frame);
    let packet = network(&frame)?;
    by_udp(2152, &[&[0x30, 255][..], &(packet.len() as u16).to_be_bytes(), &[0, 0, 0, 7], packet].concat())
}

fn in_ipv6(frame: &[u8]) -> Option<Vec<u8>> {
    let carrier = |last| IpAddr::V6(Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, last));
    Some(packets::ip(carrier(1), carrier(2), if frame[12] == 8 { 4 } else { 41 }, network(frame)?))
}

/// A network service header without metadata, of Ethernet.
fn chained(frame: &[u8]) -> Option<Vec<u8>> {
    Some([&frame[..12], &[0x89, 0x4f, 0x0f, 0xc2, 2, 3, 0, 0, 1, 255], frame].concat())
}

/// Behind a header of this length that begins so.
fn behind(head: &[u8], length: usize, inner: &[u8]) -> Vec<u8> {
    let mut out = head.to_vec();
    out.resize(length, 0);
    [&out, inner].concat()
}

/// A packet as the firewall logs it.
fn nflog(frame: &[u8]) -> Option<Vec<u8>> {
    let packet = network(frame)?;
    let family = if frame[12] == 8 { 2 } else { 10 };
    Some([&[family, 0, 0, 0][..], &(packet.len() as u16 + 4).to_le_bytes(), &[9, 0], packet].concat())
}

/// The Ethernet frame that a frame of a capture carries, without its tags: the inverse of the link types above.
pub fn unwrap(link: u16, bytes: &[u8]) -> Option<Vec<u8>> {
    let ethernet = |kind: &[u8], packet: &[u8]| [&[2; 12][..], kind, packet].concat();
    match link {
        1 => {
            let mut at = 12;
            while matches!(bytes.get(at..at + 2)?, [0x81, 0] | [0x88, 0xa8] | [0x91, 0]) {
                at += 4;
            }
            Some([&bytes[..12], &bytes[at..]].concat())
        }
        113 => Some(ethernet(bytes.get(14..16)?, &bytes[16..])),
        276 => Some(ethernet(bytes.get(..2)?, &bytes[20..])),
        101 => Some(ethernet(if bytes.first()? >> 4 == 4 { &[8, 0] } else { &[0x86, 0xdd] }, bytes)),
        _ => None,
    }
}
