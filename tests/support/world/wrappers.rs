//! Everything that a frame may be wrapped in and that the decoder opens again. [`WRAPPERS`] is the one list: a link type, tag or tunnel
//! that the decoder learns to open gets its line here, and every mutant, law and benign world is then tried inside it.

use std::net::{IpAddr, Ipv4Addr};

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
];

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
    let mut inner = [&[0; 4], frame].concat();
    if frame.get(12..15)? == [8, 0, 0x45] && frame.len() >= 34 {
        inner[28..30].fill(0);
        return Some(labelled(frame, &inner));
    }
    Some(labelled(frame, network(frame)?))
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
