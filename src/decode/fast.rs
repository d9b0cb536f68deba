//! The headers that nearly every frame has, read in one go: Ethernet without tags, IPv4 without options or IPv6 without extension
//! headers, and TCP or UDP, whole and unicast.
//!
//! Whatever is not exactly so is left to the walk of [`super::link`] and [`super::net`], which is the reference: where this reads a
//! packet, the walk reads the same one. The tests hold both against each other on mutated frames.
//!
//! Most frames are segments in the middle of a connection, of which a flow needs to know little more than that they came: for these a
//! [`Glance`] is enough. It sees a frame only where [`read`] would read a packet, and sees the same.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Header, Macs, Packet, Tcp};
use crate::fact::{Endpoint, Transport};
use crate::limits;

const ETHERNET: usize = 14;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// What tells a packet's flow, and, for a segment in the middle of a connection, what it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance {
    /// Source and destination, the high and the low half of their bits.
    pub addresses: [(u64, u64); 2],
    /// Whether they are IPv4's.
    pub is_v4: bool,
    /// Source and destination port.
    pub ports: (u16, u16),
    /// TCP, or else UDP.
    pub is_tcp: bool,
    /// A TCP segment that acknowledges and neither opens nor ends anything.
    pub middle: Option<Segment>,
}

/// A segment in the middle of a connection (RFC 9293 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Sequence number of the first byte of payload.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// Bytes of payload.
    pub length: u32,
}

/// Glances at an Ethernet frame of which every byte was captured.
#[inline]
pub(super) fn glance(bytes: &[u8]) -> Option<Glance> {
    let (link, network) = bytes.split_first_chunk::<ETHERNET>()?;
    let (addresses, is_v4, protocol, above) = match link[12..] {
        [0x08, 0x00] => {
            let (header, above) = network.split_first_chunk::<20>()?;
            let word = |at: usize| Some(u64::from(u32::from_be_bytes(*header.get(at..)?.first_chunk()?)));
            ([(0, word(12)?), (0, word(16)?)], true, header[9], within(above, length_v4(header)?)?)
        }
        [0x86, 0xdd] => {
            let (header, above) = network.split_first_chunk::<40>()?;
            let half = |at: usize| Some(u64::from_be_bytes(*header.get(at..)?.first_chunk()?));
            ([(half(8)?, half(16)?), (half(24)?, half(32)?)], false, header[6], within(above, length_v6(header)?)?)
        }
        _ => return None,
    };
    let (ports, middle) = match protocol {
        TCP => {
            let h = above.first_chunk::<20>()?;
            let payload = above.get(header_length(h)?..)?;
            let word = |at: usize| Some(u32::from_be_bytes(*h.get(at..)?.first_chunk()?));
            let is_middle = h[13] & (Tcp::SYN | Tcp::FIN | Tcp::RST | Tcp::ACK) == Tcp::ACK;
            let segment = Segment { seq: word(4)?, ack: word(8)?, length: payload.len() as u32 };
            (ports(h), is_middle.then_some(segment))
        }
        UDP => {
            let (h, payload) = above.split_first_chunk::<8>()?;
            let ports = ports(h);
            (is_plain(link, ports, h, payload).then_some(ports)?, None)
        }
        _ => return None,
    };
    Some(Glance { addresses, is_v4, ports, is_tcp: protocol == TCP, middle })
}

/// Reads an Ethernet frame of which every byte was captured.
// a packet is large: it is made in one place, and in the caller's
#[inline(always)]
pub(super) fn read(bytes: &[u8]) -> Option<Packet<'_>> {
    let (link, network) = bytes.split_first_chunk::<ETHERNET>()?;
    let (source, destination, protocol, id, bytes) = match link[12..] {
        [0x08, 0x00] => {
            let (header, above) = network.split_first_chunk::<20>()?;
            let source = IpAddr::V4(Ipv4Addr::new(header[12], header[13], header[14], header[15]));
            let destination = IpAddr::V4(Ipv4Addr::new(header[16], header[17], header[18], header[19]));
            let id = u16::from_be_bytes([header[4], header[5]]);
            (source, destination, header[9], id, within(above, length_v4(header)?)?)
        }
        [0x86, 0xdd] => {
            let (header, above) = network.split_first_chunk::<40>()?;
            let source = IpAddr::V6(Ipv6Addr::from(*header[8..].first_chunk::<16>()?));
            let destination = IpAddr::V6(Ipv6Addr::from(*header[24..].first_chunk::<16>()?));
            (source, destination, header[6], 0, within(above, length_v6(header)?)?)
        }
        _ => return None,
    };
    let (transport, header, checksum, (from, to), (head, payload)) = match protocol {
        TCP => {
            let h = bytes.first_chunk::<20>()?;
            let tcp = Tcp {
                seq: u32::from_be_bytes([h[4], h[5], h[6], h[7]]),
                ack: u32::from_be_bytes([h[8], h[9], h[10], h[11]]),
                flags: h[13],
            };
            (Transport::Tcp, Header::Tcp(tcp), [h[16], h[17]], ports(h), bytes.split_at_checked(header_length(h)?)?)
        }
        UDP => {
            let (h, payload) = bytes.split_first_chunk::<8>()?;
            let ports = ports(h);
            if !is_plain(link, ports, h, payload) {
                return None;
            }
            (Transport::Udp, Header::Datagram, [h[6], h[7]], ports, (&[][..], payload))
        }
        _ => return None,
    };
    let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, ..] = *link;
    Some(Packet {
        source: Endpoint { ip: source, port: from },
        destination: Endpoint { ip: destination, port: to },
        transport,
        header,
        head,
        payload,
        missing: 0,
        has_margin: false,
        macs: Some(Macs { source: Some([s0, s1, s2, s3, s4, s5]), destination: Some([d0, d1, d2, d3, d4, d5]) }),
        outer: None,
        stamp: u32::from(id) << 16 | u32::from(u16::from_be_bytes(checksum)),
    })
}

/// What an IPv4 header says to follow it, where the header is plain.
#[inline]
fn length_v4(header: &[u8; 20]) -> Option<usize> {
    // a header of five words, and neither a fragment nor the first of some
    let plain = header[0] == 0x45 && header[6] & 0x3f == 0 && header[7] == 0;
    // multicast, reserved and broadcast destinations are for the walk
    if !plain || header[16] >= 224 {
        return None;
    }
    usize::from(u16::from_be_bytes([header[2], header[3]])).checked_sub(20)
}

/// The same of IPv6.
#[inline]
fn length_v6(header: &[u8; 40]) -> Option<usize> {
    if header[0] >> 4 != 6 || header[24] == 0xff {
        return None;
    }
    // zero is a jumbogram's
    Some(usize::from(u16::from_be_bytes([header[4], header[5]]))).filter(|&length| length > 0)
}

/// The first bytes of these, where so few follow them that they say nothing.
#[inline]
fn within(bytes: &[u8], length: usize) -> Option<&[u8]> {
    bytes.get(..length).filter(|_| bytes.len() < length + limits::MARGIN_RUN)
}

/// The length of a TCP header, where its options are so short that they say nothing.
#[inline]
fn header_length(header: &[u8; 20]) -> Option<usize> {
    Some(usize::from(header[12] >> 4) * 4).filter(|length| (20..20 + limits::MARGIN_RUN).contains(length))
}

#[inline]
fn ports<const N: usize>(header: &[u8; N]) -> (u16, u16) {
    let [s0, s1, d0, d1, ..] = header[..] else { return (0, 0) };
    (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]))
}

/// Whether a datagram is nobody's but its flow's: neither noise nor a tunnel, nor shorter than its packet.
#[inline]
fn is_plain(link: &[u8; ETHERNET], ports: (u16, u16), header: &[u8; 8], payload: &[u8]) -> bool {
    // frames to everybody, and DHCP, may be noise
    let may_be_noise = link[0] & 1 != 0 || matches!(ports.1, 67 | 68 | 546 | 547);
    let is_whole = usize::from(u16::from_be_bytes([header[4], header[5]])) == header.len() + payload.len();
    !may_be_noise && is_whole && !super::tunnel::may_be(ports, payload)
}
