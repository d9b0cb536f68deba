//! Packets as Ethernet frames: TCP, UDP, ICMP, and what a link carries besides.

use std::net::IpAddr;

use etherparse::{Ethernet2Header, IpNumber, PacketBuilder, PacketBuilderStep, TcpHeader};

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const PSH: u8 = 8;
pub const ACK: u8 = 16;

/// An address and a port.
pub type Place = (IpAddr, u16);

pub fn mac(ip: IpAddr) -> [u8; 6] {
    match ip {
        IpAddr::V4(ip) => [2, 4, ip.octets()[0], ip.octets()[1], ip.octets()[2], ip.octets()[3]],
        IpAddr::V6(ip) => [2, 6, ip.octets()[12], ip.octets()[13], ip.octets()[14], ip.octets()[15]],
    }
}

fn ethernet(from: IpAddr, to: IpAddr) -> PacketBuilderStep<Ethernet2Header> {
    PacketBuilder::ethernet2(mac(from), mac(to))
}

pub fn udp(from: Place, to: Place, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let link = ethernet(from.0, to.0);
    match (from.0, to.0) {
        (IpAddr::V4(a), IpAddr::V4(b)) => link.ipv4(a.octets(), b.octets(), 64).udp(from.1, to.1).write(&mut bytes, payload),
        (IpAddr::V6(a), IpAddr::V6(b)) => link.ipv6(a.octets(), b.octets(), 64).udp(from.1, to.1).write(&mut bytes, payload),
        _ => panic!("two families"),
    }
    .expect("it is written");
    bytes
}

pub fn tcp(from: Place, to: Place, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    tcp_with((from, to), [seq, ack], flags, &[], payload)
}

/// A segment with options, at these numbers of sequence and acknowledgement.
pub fn tcp_with((from, to): (Place, Place), [seq, ack]: [u32; 2], flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut header = TcpHeader::new(from.1, to.1, seq, 65_535);
    header.syn = flags & SYN != 0;
    header.fin = flags & FIN != 0;
    header.rst = flags & RST != 0;
    header.psh = flags & PSH != 0;
    header.ack = flags & ACK != 0;
    header.acknowledgment_number = if header.ack { ack } else { 0 };
    header.set_options_raw(options).expect("they fit");
    let mut bytes = Vec::new();
    let link = ethernet(from.0, to.0);
    match (from.0, to.0) {
        (IpAddr::V4(a), IpAddr::V4(b)) => link.ipv4(a.octets(), b.octets(), 64).tcp_header(header).write(&mut bytes, payload),
        (IpAddr::V6(a), IpAddr::V6(b)) => link.ipv6(a.octets(), b.octets(), 64).tcp_header(header).write(&mut bytes, payload),
        _ => panic!("two families"),
    }
    .expect("it is written");
    bytes
}

/// Any protocol above IP, by its number.
pub fn ip(from: IpAddr, to: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let link = ethernet(from, to);
    match (from, to) {
        (IpAddr::V4(a), IpAddr::V4(b)) => link.ipv4(a.octets(), b.octets(), 64).write(&mut bytes, IpNumber(protocol), payload),
        (IpAddr::V6(a), IpAddr::V6(b)) => link.ipv6(a.octets(), b.octets(), 64).write(&mut bytes, IpNumber(protocol), payload),
        _ => panic!("two families"),
    }
    .expect("it is written");
    bytes
}

/// An echo request or reply.
pub fn echo(from: IpAddr, to: IpAddr, request: bool, id: u16, sequence: u16, data: &[u8]) -> Vec<u8> {
    let (protocol, kind) = match (from.is_ipv4(), request) {
        (true, true) => (1, 8),
        (true, false) => (1, 0),
        (false, true) => (58, 128),
        (false, false) => (58, 129),
    };
    let message = [&[kind, 0, 0, 0][..], &id.to_be_bytes(), &sequence.to_be_bytes(), data].concat();
    ip(from, to, protocol, &message)
}

/// The error of a router or host that a packet (an Ethernet frame) could not be delivered.
pub fn unreachable(reporter: IpAddr, to: IpAddr, quoted: &[u8]) -> Vec<u8> {
    let (protocol, kind) = if to.is_ipv4() { (1, 3) } else { (58, 1) };
    let quoted = &quoted[14..quoted.len().min(14 + 64)];
    ip(reporter, to, protocol, &[&[kind, 1, 0, 0, 0, 0, 0, 0][..], quoted].concat())
}

/// A frame that is not IP.
pub fn other(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xff; 6];
    bytes.extend([2, 9, 9, 9, 9, 9]);
    bytes.extend(kind.to_be_bytes());
    bytes.extend(payload);
    bytes.resize(bytes.len().max(60), 0);
    bytes
}

/// An untagged Ethernet frame of IP without options as the fragments of it, of at most `most` bytes each, which is a multiple of eight.
pub fn fragments(frame: &[u8], most: usize, id: u32) -> Vec<Vec<u8>> {
    let is_v4 = frame[12] == 8;
    let (header, length) = if is_v4 { (34, 16) } else { (54, 18) };
    let total = usize::from(u16::from_be_bytes([frame[length], frame[length + 1]]));
    let end = if is_v4 { 14 + total } else { 54 + total };
    let pieces = frame[header..end].chunks(most).enumerate();
    let last = (end - header).div_ceil(most) - 1;
    pieces
        .map(|(n, piece)| {
            let mut out = frame[..header].to_vec();
            let (place, more) = ((n * most) as u16, u16::from(n < last));
            if is_v4 {
                out[18..20].copy_from_slice(&(id as u16).to_be_bytes());
                out[20..22].copy_from_slice(&(more << 13 | place >> 3).to_be_bytes());
            } else {
                let next = std::mem::replace(&mut out[20], 44);
                out.extend([&[next, 0][..], &(place | more).to_be_bytes(), &id.to_be_bytes()].concat());
            }
            let length_of_it = (out.len() - if is_v4 { 14 } else { 54 } + piece.len()) as u16;
            out[length..length + 2].copy_from_slice(&length_of_it.to_be_bytes());
            out.extend(piece);
            out
        })
        .collect()
}

/// Where TCP's header and payload lie in an untagged Ethernet frame without options of IP.
pub struct TcpAt {
    pub header: usize,
    pub payload: usize,
    pub end: usize,
}

/// Finds TCP in a frame as this module, or a host of the lab, writes it.
pub fn tcp_at(frame: &[u8]) -> Option<TcpAt> {
    let kind = u16::from_be_bytes([*frame.get(12)?, *frame.get(13)?]);
    let (header, end) = match kind {
        0x0800 if *frame.get(23)? == 6 => {
            (14 + usize::from(frame[14] & 15) * 4, 14 + usize::from(u16::from_be_bytes([frame[16], frame[17]])))
        }
        0x86dd if *frame.get(20)? == 6 => (54, 54 + usize::from(u16::from_be_bytes([frame[18], frame[19]]))),
        _ => return None,
    };
    let payload = header + usize::from(frame.get(header + 12)? >> 4) * 4;
    (payload <= end && end <= frame.len()).then_some(TcpAt { header, payload, end })
}

/// Both places and the payload of a datagram in an untagged Ethernet frame without options of IP.
pub fn datagram(frame: &[u8]) -> Option<(Place, Place, &[u8])> {
    let at = match frame.get(12..14)? {
        [8, 0] if *frame.get(14)? == 0x45 && *frame.get(23)? == 17 => 34,
        [0x86, 0xdd] if *frame.get(20)? == 17 => 54,
        _ => return None,
    };
    let (from, to) = addresses(frame)?;
    let two = |n: usize| frame.get(at + n..at + n + 2).map(|b| u16::from_be_bytes([b[0], b[1]]));
    let payload = frame.get(at + 8..(at + usize::from(two(4)?)).min(frame.len()))?;
    Some(((from, two(0)?), (to, two(2)?), payload))
}

/// Both addresses of an untagged Ethernet frame of IP.
pub fn addresses(frame: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let v4 = |at: usize| frame.get(at..at + 4).map(|b| IpAddr::from(<[u8; 4]>::try_from(b).expect("four")));
    let v6 = |at: usize| frame.get(at..at + 16).map(|b| IpAddr::from(<[u8; 16]>::try_from(b).expect("sixteen")));
    match frame.get(12..14)? {
        [8, 0] => Some((v4(26)?, v4(30)?)),
        [0x86, 0xdd] => Some((v6(22)?, v6(38)?)),
        _ => None,
    }
}

/// A frame of TCP as its parts, so that it can be written anew.
#[derive(Clone, Debug)]
pub struct Segment {
    pub from: Place,
    pub to: Place,
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub payload: Vec<u8>,
}

impl Segment {
    pub fn read(frame: &[u8]) -> Option<Self> {
        let at = tcp_at(frame)?;
        let (from, to) = addresses(frame)?;
        let two = |n: usize| u16::from_be_bytes([frame[at.header + n], frame[at.header + n + 1]]);
        let four = |n: usize| u32::from(two(n)) << 16 | u32::from(two(n + 2));
        Some(Self {
            from: (from, two(0)),
            to: (to, two(2)),
            seq: four(4),
            ack: four(8),
            flags: frame[at.header + 13],
            payload: frame[at.payload..at.end].to_vec(),
        })
    }

    pub fn write(&self) -> Vec<u8> {
        tcp(self.from, self.to, self.seq, self.ack, self.flags, &self.payload)
    }
}
