//! IPv4 (RFC 791), IPv6 with extension headers (RFC 8200), and the headers of TCP, UDP and ICMP above them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::link::Network;
use super::{Header, IcmpError, Macs, Packet, Reason, Skip, Tcp, be16, be32};
use crate::fact::{Endpoint, Transport};

/// An IP packet, its headers behind it.
struct Ip<'a> {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    /// What was captured above IP, without trailers.
    bytes: &'a [u8],
    /// Bytes above IP that were not captured.
    missing: usize,
    fragment: bool,
}

impl Ip<'_> {
    fn skip(&self, reason: Reason) -> Skip {
        Skip { reason, addresses: Some((self.source, self.destination)) }
    }
}

/// Reads the packet in `bytes`, behind which `cut` more bytes were on the wire.
#[inline]
pub(super) fn read(network: Network, bytes: &[u8], cut: usize, macs: Option<Macs>) -> Result<Packet<'_>, Skip> {
    let ip = match network {
        Network::V4 => v4(bytes, cut)?,
        Network::V6 => v6(bytes, cut)?,
    };
    if ip.fragment {
        return Err(ip.skip(Reason::UndecodedFragment));
    }
    above(&ip, macs)
}

#[inline]
fn v4(bytes: &[u8], cut: usize) -> Result<Ip<'_>, Skip> {
    let Some(header) = bytes.first_chunk::<20>() else { return Err(Reason::UndecodedTruncated.into()) };
    if header[0] >> 4 != 4 {
        return Err(Reason::UndecodedHeader.into());
    }
    let source = IpAddr::V4(Ipv4Addr::new(header[12], header[13], header[14], header[15]));
    let destination = IpAddr::V4(Ipv4Addr::new(header[16], header[17], header[18], header[19]));
    let skip = |reason| Skip { reason, addresses: Some((source, destination)) };
    let header_length = usize::from(header[0] & 0x0f) * 4;
    // zero: the length did not fit or was left to the card (segmentation offload); the frame's own length holds
    let total = match usize::from(u16::from_be_bytes([header[2], header[3]])) {
        0 => bytes.len() + cut,
        total => total,
    };
    if header_length < 20 || total < header_length {
        return Err(skip(Reason::UndecodedHeader));
    }
    let Some(above) = bytes.get(header_length..) else { return Err(skip(Reason::UndecodedTruncated)) };
    let length = total - header_length;
    if length > above.len() + cut {
        // the header promises more than the frame had on the wire
        return Err(skip(Reason::UndecodedHeader));
    }
    let captured = above.get(..length).unwrap_or(above);
    let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0;
    Ok(Ip { source, destination, protocol: header[9], bytes: captured, missing: length - captured.len(), fragment })
}

#[inline]
fn v6(bytes: &[u8], cut: usize) -> Result<Ip<'_>, Skip> {
    let Some((header, above)) = bytes.split_first_chunk::<40>() else { return Err(Reason::UndecodedTruncated.into()) };
    if header[0] >> 4 != 6 {
        return Err(Reason::UndecodedHeader.into());
    }
    let address = |at: usize| header.get(at..at + 16).and_then(|b| <[u8; 16]>::try_from(b).ok()).map(Ipv6Addr::from).map(IpAddr::V6);
    let (Some(source), Some(destination)) = (address(8), address(24)) else { return Err(Reason::UndecodedTruncated.into()) };
    let skip = |reason| Skip { reason, addresses: Some((source, destination)) };
    // zero: a jumbogram (RFC 2675) or a length left to the card
    let length = match usize::from(u16::from_be_bytes([header[4], header[5]])) {
        0 => above.len() + cut,
        length => length,
    };
    if length > above.len() + cut {
        return Err(skip(Reason::UndecodedHeader));
    }
    let captured = above.get(..length).unwrap_or(above);
    let ip = Ip { source, destination, protocol: header[6], bytes: captured, missing: length - captured.len(), fragment: false };
    match ip.protocol {
        6 | 17 | 58 => Ok(ip),
        0 | 43 | 44 | 60 | 135 | 139 | 140 => extensions(ip),
        _ => Ok(ip),
    }
}

/// Walks IPv6 extension headers. The destination stays the one in the IPv6 header, where the packet goes next.
#[cold]
fn extensions(mut ip: Ip<'_>) -> Result<Ip<'_>, Skip> {
    const HOP_BY_HOP: u8 = 0;
    const ROUTING: u8 = 43;
    const FRAGMENT: u8 = 44;
    const DESTINATION: u8 = 60;
    const MOBILITY: u8 = 135;
    const HIP: u8 = 139;
    const SHIM6: u8 = 140;
    for _ in 0..crate::limits::LAYERS {
        let length = match ip.protocol {
            HOP_BY_HOP | ROUTING | DESTINATION | MOBILITY | HIP | SHIM6 => match ip.bytes.get(1) {
                Some(&units) => 8 + usize::from(units) * 8,
                None => return Err(ip.skip(Reason::UndecodedTruncated)),
            },
            FRAGMENT => {
                let Some(place) = be16(ip.bytes, 2) else { return Err(ip.skip(Reason::UndecodedTruncated)) };
                // an atomic fragment (RFC 6946) is a whole packet
                ip.fragment |= place & 0xfff9 != 0;
                8
            }
            _ => return Ok(ip),
        };
        let (Some(&next), Some(rest)) = (ip.bytes.first(), ip.bytes.get(length..)) else {
            return Err(ip.skip(if ip.missing > 0 { Reason::UndecodedTruncated } else { Reason::UndecodedHeader }));
        };
        if ip.fragment {
            return Ok(ip);
        }
        ip.protocol = next;
        ip.bytes = rest;
    }
    Err(ip.skip(Reason::UndecodedTunnel))
}

/// Reads what IP carries.
#[inline]
fn above<'a>(ip: &Ip<'a>, macs: Option<Macs>) -> Result<Packet<'a>, Skip> {
    let short = || ip.skip(if ip.missing > 0 { Reason::UndecodedTruncated } else { Reason::UndecodedHeader });
    let transport = Transport::from_number(ip.protocol);
    let (ports, header, payload, missing) = match transport {
        Transport::Tcp => {
            let Some(h) = ip.bytes.first_chunk::<20>() else { return Err(short()) };
            let length = usize::from(h[12] >> 4) * 4;
            if length < 20 {
                return Err(ip.skip(Reason::UndecodedHeader));
            }
            let Some(payload) = ip.bytes.get(length..) else { return Err(short()) };
            let tcp = Tcp {
                seq: u32::from_be_bytes([h[4], h[5], h[6], h[7]]),
                ack: u32::from_be_bytes([h[8], h[9], h[10], h[11]]),
                flags: h[13],
            };
            ((u16::from_be_bytes([h[0], h[1]]), u16::from_be_bytes([h[2], h[3]])), Header::Tcp(tcp), payload, ip.missing)
        }
        Transport::Udp => {
            let Some((h, rest)) = ip.bytes.split_first_chunk::<8>() else { return Err(short()) };
            // zero: left to the card, or a jumbogram
            let length = match usize::from(u16::from_be_bytes([h[4], h[5]])) {
                0 => rest.len() + ip.missing,
                length if length < 8 => return Err(ip.skip(Reason::UndecodedHeader)),
                length => length - 8,
            };
            if length > rest.len() + ip.missing {
                return Err(ip.skip(Reason::UndecodedHeader));
            }
            // what lies between the end of the datagram and that of the packet travels on, and no receiver reads it
            if rest.get(length..).is_some_and(|surplus| surplus.iter().any(|&byte| byte != 0)) {
                return Err(ip.skip(Reason::UndecodedHeader));
            }
            let payload = rest.get(..length).unwrap_or(rest);
            let ports = (u16::from_be_bytes([h[0], h[1]]), u16::from_be_bytes([h[2], h[3]]));
            (ports, Header::Datagram, payload, length - payload.len())
        }
        Transport::Icmp => return icmp(ip, macs, [8, 0], 3, &[3, 4, 5, 11, 12], Network::V4),
        Transport::Icmp6 => return icmp(ip, macs, [128, 129], 1, &[1, 2, 3, 4], Network::V6),
        Transport::Sctp => {
            let (Some(from), Some(to)) = (be16(ip.bytes, 0), be16(ip.bytes, 2)) else { return Err(short()) };
            ((from, to), Header::Datagram, ip.bytes, ip.missing)
        }
        Transport::Other(_) => ((0, 0), Header::Datagram, ip.bytes, ip.missing),
    };
    Ok(Packet {
        source: Endpoint { ip: ip.source, port: ports.0 },
        destination: Endpoint { ip: ip.destination, port: ports.1 },
        transport,
        header,
        payload,
        missing: u32::try_from(missing).unwrap_or(u32::MAX),
        macs,
    })
}

/// Reads ICMP: `echo` are the types of request and reply, `errors` those that quote a packet.
fn icmp<'a>(ip: &Ip<'a>, macs: Option<Macs>, echo: [u8; 2], unreachable: u8, errors: &[u8], quoted: Network) -> Result<Packet<'a>, Skip> {
    let cut = || ip.skip(if ip.missing > 0 { Reason::UndecodedTruncated } else { Reason::UndecodedHeader });
    let Some(&kind) = ip.bytes.first() else { return Err(cut()) };
    let missing = u32::try_from(ip.missing).unwrap_or(u32::MAX);
    let transport = Transport::from_number(ip.protocol);
    let whole = |port: u16, header: Header<'a>, payload: &'a [u8]| Packet {
        source: Endpoint { ip: ip.source, port },
        destination: Endpoint { ip: ip.destination, port },
        transport,
        header,
        payload,
        missing,
        macs,
    };
    if echo.contains(&kind) {
        let Some(id) = be16(ip.bytes, 4) else { return Err(cut()) };
        return Ok(whole(id, Header::Echo { request: kind == echo[0] }, ip.bytes.get(8..).unwrap_or_default()));
    }
    if errors.contains(&kind) {
        let Some(inner) = ip.bytes.get(8..) else { return Err(cut()) };
        return match quote(quoted, inner) {
            Some((source, destination, transport, rest)) => Ok(Packet {
                source,
                destination,
                transport,
                header: Header::Error(IcmpError { reporter: ip.source, unreachable: kind == unreachable, quoted: rest }),
                payload: &[],
                missing: 0,
                macs,
            }),
            None => Err(cut()),
        };
    }
    Ok(whole(0, Header::Icmp(kind), ip.bytes.get(4..).unwrap_or_default()))
}

/// The addresses, ports and transport of a quoted packet, of which only the beginning is there, and what follows its ports.
fn quote(network: Network, bytes: &[u8]) -> Option<(Endpoint, Endpoint, Transport, &[u8])> {
    let (source, destination, protocol, above) = match network {
        Network::V4 => {
            let length = usize::from(bytes.first()? & 0x0f) * 4;
            if bytes.first()? >> 4 != 4 || length < 20 {
                return None;
            }
            let source = Ipv4Addr::from(be32(bytes, 12)?);
            let destination = Ipv4Addr::from(be32(bytes, 16)?);
            (IpAddr::V4(source), IpAddr::V4(destination), *bytes.get(9)?, bytes.get(length..)?)
        }
        Network::V6 => {
            let address = |at: usize| bytes.get(at..at + 16).and_then(|b| <[u8; 16]>::try_from(b).ok()).map(Ipv6Addr::from).map(IpAddr::V6);
            if bytes.first()? >> 4 != 6 {
                return None;
            }
            (address(8)?, address(24)?, *bytes.get(6)?, bytes.get(40..)?)
        }
    };
    let transport = Transport::from_number(protocol);
    let ports = match transport {
        Transport::Tcp | Transport::Udp | Transport::Sctp => (be16(above, 0)?, be16(above, 2)?),
        Transport::Icmp | Transport::Icmp6 if matches!(above.first(), Some(8 | 128)) => (be16(above, 4)?, be16(above, 4)?),
        _ => (0, 0),
    };
    let rest = above.get(4..).unwrap_or_default();
    Some((Endpoint { ip: source, port: ports.0 }, Endpoint { ip: destination, port: ports.1 }, transport, rest))
}
