//! Frames: links, tags, IP, transports, and the files that hold them.

use std::net::{IpAddr, Ipv6Addr};

use crate::bytes::Bytes;

pub const AGENT_MAC: [u8; 6] = [2, 0x77, 0, 0, 0, 4];
const PEER_MAC: [u8; 6] = [2, 0x77, 0, 0, 0, 1];

/// A frame, when it passed, and how long it was on the wire.
#[derive(Clone)]
pub struct Frame {
    pub nanos: u64,
    pub bytes: Vec<u8>,
    pub wire: u32,
    /// Where its payload lies in its stream, for a whole and readable TCP segment.
    pub segment: Option<Segment>,
}

/// Bytes of one end of one flow.
#[derive(Clone, Copy)]
pub struct Segment {
    pub flow: usize,
    pub end: usize,
    pub seq: u32,
    pub length: u32,
}

impl Frame {
    pub fn new(nanos: u64, bytes: Vec<u8>) -> Self {
        Self { nanos, wire: bytes.len() as u32, bytes, segment: None }
    }
}

/// What lies before IP.
pub struct Link {
    pub kind: u16,
    /// Tags and labels between the link header and IP.
    wrapper: usize,
}

pub const ETHERNET: u16 = 1;

impl Link {
    pub fn chosen(from: &mut Bytes<'_>) -> Self {
        let kind = from.pick(&[ETHERNET, ETHERNET, ETHERNET, 113, 276, 101, 0, 108, 228, 12]);
        Self { kind, wrapper: from.below(12) }
    }

    /// `ip` behind this link's header, sent by the agent or to it.
    pub fn frame(&self, ip: &[u8], by_agent: bool) -> Vec<u8> {
        let is_v6 = ip.first().is_some_and(|first| first >> 4 == 6);
        let ethertype: u16 = if is_v6 { 0x86dd } else { 0x0800 };
        let mut out = Vec::new();
        let mac = if by_agent { AGENT_MAC } else { PEER_MAC };
        match self.kind {
            ETHERNET => {
                out.extend(if by_agent { PEER_MAC } else { AGENT_MAC });
                out.extend(mac);
                self.tags(ethertype, &mut out);
            }
            113 => {
                out.extend([0, if by_agent { 4 } else { 0 }, 0, 1, 0, 6]);
                out.extend(mac);
                out.extend([0, 0]);
                self.tags(ethertype, &mut out);
            }
            276 => {
                out.extend(ethertype.to_be_bytes());
                out.extend([0, 0, 0, 0, 0, 2, 0, 1, if by_agent { 4 } else { 0 }, 6]);
                out.extend(mac);
                out.extend([0, 0]);
            }
            0 => out.extend(if is_v6 { [10, 0, 0, 0] } else { [2, 0, 0, 0] }),
            108 => out.extend(if is_v6 { [0, 0, 0, 24] } else { [0, 0, 0, 2] }),
            _ => {}
        }
        out.extend_from_slice(ip);
        out
    }

    fn tags(&self, ethertype: u16, out: &mut Vec<u8>) {
        match self.wrapper {
            8 => out.extend([0x81, 0, 0, 5]),
            9 => out.extend([0x88, 0xa8, 0, 9, 0x81, 0, 0, 5]),
            10 => {
                out.extend([0x88, 0x47, 0, 0x01, 0x01, 64]);
                return;
            }
            11 => {
                let ppp: u16 = if ethertype == 0x0800 { 0x21 } else { 0x57 };
                out.extend([0x88, 0x64, 0x11, 0, 0, 1, 0, 0]);
                out.extend(ppp.to_be_bytes());
                return;
            }
            _ => {}
        }
        out.extend(ethertype.to_be_bytes());
    }
}

/// An IP packet; `oddity` puts options, extension headers or fragments in, where it is not 0.
pub fn ip(source: IpAddr, destination: IpAddr, protocol: u8, body: &[u8], oddity: u8) -> Vec<u8> {
    let mut out = Vec::new();
    match (source, destination) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let options: &[u8] = if oddity == 1 { &[1, 1, 1, 0] } else { &[] };
            out.push(0x45 + (options.len() / 4) as u8);
            out.push(0);
            out.extend(((20 + options.len() + body.len()) as u16).to_be_bytes());
            out.extend([0, 1]);
            out.extend(match oddity {
                2 => [0x20, 0],
                3 => [0, 0x10],
                _ => [0x40, 0],
            });
            out.extend([64, protocol, 0, 0]);
            out.extend(a.octets());
            out.extend(b.octets());
            out.extend_from_slice(options);
        }
        (a, b) => {
            let extension: Vec<u8> = match oddity {
                1 => vec![protocol, 0, 1, 4, 0, 0, 0, 0],
                2 => vec![protocol, 0, 0, 1, 0, 0, 0, 7],
                3 => vec![protocol, 0, 0, 0, 0, 0, 0, 7],
                4 => vec![protocol, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                _ => Vec::new(),
            };
            let next = match oddity {
                1 => 0,
                2 | 3 => 44,
                4 => 60,
                _ => protocol,
            };
            out.extend([0x60, 0, 0, 0]);
            out.extend(((extension.len() + body.len()) as u16).to_be_bytes());
            out.extend([next, 64]);
            out.extend(mapped(a).octets());
            out.extend(mapped(b).octets());
            out.extend(extension);
        }
    }
    out.extend_from_slice(body);
    out
}

fn mapped(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

pub fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = [source.to_be_bytes(), destination.to_be_bytes(), ((8 + payload.len()) as u16).to_be_bytes(), [0, 0]].concat();
    out.extend_from_slice(payload);
    out
}

pub fn tcp(ports: [u16; 2], seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let options: &[u8] = if flags & 2 != 0 { &[2, 4, 5, 0xb4] } else { &[] };
    let mut out = [ports[0].to_be_bytes(), ports[1].to_be_bytes()].concat();
    out.extend(seq.to_be_bytes());
    out.extend(ack.to_be_bytes());
    out.extend([(5 + options.len() as u8 / 4) << 4, flags, 0xff, 0, 0, 0, 0, 0]);
    out.extend_from_slice(options);
    out.extend_from_slice(payload);
    out
}

/// The file that holds the frames.
#[derive(Clone, Copy, Debug)]
pub enum Container {
    Pcap { big_endian: bool, nanos: bool },
    Pcapng { big_endian: bool, resolution: u8, interfaces: u8 },
}

impl Container {
    pub fn chosen(from: &mut Bytes<'_>) -> Self {
        let n = from.byte();
        let big_endian = n & 1 != 0;
        match n % 8 {
            0..=4 => Self::Pcap { big_endian, nanos: n & 2 != 0 },
            _ => Self::Pcapng { big_endian, resolution: from.pick(&[6, 9, 0, 0x8a, 3]), interfaces: from.byte() % 3 },
        }
    }

    pub fn write(self, link: u16, frames: &[Frame]) -> Vec<u8> {
        match self {
            Self::Pcap { big_endian, nanos } => pcap(link, frames, big_endian, nanos),
            Self::Pcapng { big_endian, resolution, interfaces } => pcapng(link, frames, big_endian, resolution, interfaces),
        }
    }
}

fn pcap(link: u16, frames: &[Frame], big_endian: bool, nanos: bool) -> Vec<u8> {
    let word = |n: u32| if big_endian { n.to_be_bytes() } else { n.to_le_bytes() };
    let half = |n: u16| if big_endian { n.to_be_bytes() } else { n.to_le_bytes() };
    let mut out = word(if nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 }).to_vec();
    out.extend([half(2), half(4)].concat());
    out.extend([word(0), word(0), word(262_144), word(u32::from(link))].concat());
    for frame in frames {
        let fraction = (frame.nanos % 1_000_000_000) as u32;
        out.extend(word((frame.nanos / 1_000_000_000) as u32));
        out.extend(word(if nanos { fraction } else { fraction / 1000 }));
        out.extend([word(frame.bytes.len() as u32), word(frame.wire)].concat());
        out.extend_from_slice(&frame.bytes);
    }
    out
}

fn pcapng(link: u16, frames: &[Frame], big_endian: bool, resolution: u8, interfaces: u8) -> Vec<u8> {
    let word = |n: u32| if big_endian { n.to_be_bytes() } else { n.to_le_bytes() };
    let half = |n: u16| if big_endian { n.to_be_bytes() } else { n.to_le_bytes() };
    let mut out = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let padded = body.len().next_multiple_of(4);
        let length = word(12 + padded as u32);
        out.extend(word(kind));
        out.extend(length);
        out.extend_from_slice(body);
        out.resize(out.len() + padded - body.len(), 0);
        out.extend(length);
    };
    block(0x0a0d_0d0a, &[&word(0x1a2b_3c4d)[..], &half(1), &half(0), &[0xff; 8]].concat());
    for _ in 0..=interfaces {
        let head = [half(link), half(0)].concat();
        let options = [&half(9)[..], &half(1), &[resolution, 0, 0, 0], &half(0), &half(0)].concat();
        block(1, &[&head[..], &word(0), &options].concat());
    }
    let ticks = |nanos: u64| match resolution {
        n if n & 0x80 != 0 => (u128::from(nanos) << (n & 0x7f)) / 1_000_000_000,
        n => u128::from(nanos) * 10u128.pow(u32::from(n)) / 1_000_000_000,
    };
    for (n, frame) in frames.iter().enumerate() {
        let at = ticks(frame.nanos) as u64;
        let interface = n as u32 % (u32::from(interfaces) + 1);
        let head = [word(interface), word((at >> 32) as u32), word(at as u32), word(frame.bytes.len() as u32), word(frame.wire)].concat();
        block(6, &[&head[..], &frame.bytes].concat());
    }
    out
}
