//! The headers that nearly every frame has, read in one go: Ethernet without tags, IPv4 without options or IPv6 without extension
//! headers, and TCP or UDP, whole and unicast.
//!
//! Whatever is not exactly so is left to the walk of [`super::link`] and [`super::net`], which is the reference: where this reads a
//! packet, the walk reads the same one. The tests hold both against each other on mutated frames.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Header, Macs, Packet, Tcp};
use crate::fact::{Endpoint, Transport};

const ETHERNET: usize = 14;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// Reads an Ethernet frame of which every byte was captured.
#[inline]
pub(super) fn read(bytes: &[u8]) -> Option<Packet<'_>> {
    let (link, network) = bytes.split_first_chunk::<ETHERNET>()?;
    match link[12..] {
        [0x08, 0x00] => v4(link, network),
        [0x86, 0xdd] => v6(link, network),
        _ => None,
    }
}

#[inline]
fn v4<'a>(link: &[u8; ETHERNET], bytes: &'a [u8]) -> Option<Packet<'a>> {
    let (header, above) = bytes.split_first_chunk::<20>()?;
    // a header of five words, and neither a fragment nor the first of some
    let plain = header[0] == 0x45 && header[6] & 0x3f == 0 && header[7] == 0;
    // multicast, reserved and broadcast destinations are for the walk
    if !plain || header[16] >= 224 {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([header[2], header[3]])).checked_sub(20)?;
    let source = IpAddr::V4(Ipv4Addr::new(header[12], header[13], header[14], header[15]));
    let destination = IpAddr::V4(Ipv4Addr::new(header[16], header[17], header[18], header[19]));
    let id = u16::from_be_bytes([header[4], header[5]]);
    above_ip(link, header[9], id, source, destination, above.get(..length)?)
}

#[inline]
fn v6<'a>(link: &[u8; ETHERNET], bytes: &'a [u8]) -> Option<Packet<'a>> {
    let (header, above) = bytes.split_first_chunk::<40>()?;
    if header[0] >> 4 != 6 || header[24] == 0xff {
        return None;
    }
    // zero is a jumbogram's
    let length = Some(usize::from(u16::from_be_bytes([header[4], header[5]]))).filter(|&length| length > 0)?;
    let source = IpAddr::V6(Ipv6Addr::from(*header[8..].first_chunk::<16>()?));
    let destination = IpAddr::V6(Ipv6Addr::from(*header[24..].first_chunk::<16>()?));
    above_ip(link, header[6], 0, source, destination, above.get(..length)?)
}

#[inline]
fn above_ip<'a>(link: &[u8; ETHERNET], protocol: u8, id: u16, source: IpAddr, destination: IpAddr, bytes: &'a [u8]) -> Option<Packet<'a>> {
    let ports = bytes.first_chunk::<4>()?;
    let (from, to) = (u16::from_be_bytes([ports[0], ports[1]]), u16::from_be_bytes([ports[2], ports[3]]));
    let (transport, header, checksum, payload) = match protocol {
        TCP => {
            let h = bytes.first_chunk::<20>()?;
            let length = Some(usize::from(h[12] >> 4) * 4).filter(|&length| length >= 20)?;
            let tcp = Tcp {
                seq: u32::from_be_bytes([h[4], h[5], h[6], h[7]]),
                ack: u32::from_be_bytes([h[8], h[9], h[10], h[11]]),
                flags: h[13],
            };
            (Transport::Tcp, Header::Tcp(tcp), u16::from_be_bytes([h[16], h[17]]), bytes.get(length..)?)
        }
        // frames to everybody, and DHCP, may be noise
        UDP if link[0] & 1 == 0 && !matches!(to, 67 | 68 | 546 | 547) => {
            // a datagram that is shorter than its packet is for the walk
            let length = usize::from(u16::from_be_bytes([*bytes.get(4)?, *bytes.get(5)?]));
            let payload = bytes.get(8..).filter(|_| length == bytes.len())?;
            if super::tunnel::may_be((from, to), payload) {
                return None;
            }
            let checksum = u16::from_be_bytes([*bytes.get(6)?, *bytes.get(7)?]);
            (Transport::Udp, Header::Datagram, checksum, payload)
        }
        _ => return None,
    };
    let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, ..] = *link;
    Some(Packet {
        source: Endpoint { ip: source, port: from },
        destination: Endpoint { ip: destination, port: to },
        transport,
        header,
        payload,
        missing: 0,
        macs: Some(Macs { source: Some([s0, s1, s2, s3, s4, s5]), destination: Some([d0, d1, d2, d3, d4, d5]) }),
        outer: None,
        stamp: u32::from(id) << 16 | u32::from(checksum),
    })
}
