//! IPv4 (RFC 791), IPv6 with extension headers (RFC 8200), and the headers of TCP, UDP and ICMP above them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::link::Network;
use super::{Header, IcmpError, Macs, Packet, Reason, Skip, Tcp, be16, be32, checksum, margin, sctp};
use crate::fact::{Endpoint, Transport};

/// An IP packet, its headers behind it.
pub(super) struct Ip<'a> {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) protocol: u8,
    /// The identification of IPv4; IPv6 has none.
    pub(super) id: u16,
    /// What was captured above IP, without trailers.
    pub(super) bytes: &'a [u8],
    /// Bytes above IP that were not captured.
    pub(super) missing: usize,
    /// Where it belongs, if it is a piece of a packet.
    pub(super) place: Option<Place>,
}

/// The place of a fragment in its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// What all fragments of the packet share.
    pub(super) id: u32,
    /// Bytes before it.
    pub(super) offset: usize,
    /// Whether others follow.
    pub(super) more: bool,
}

impl Place {
    /// From an offset in units of eight bytes and a flag; `None` where that is a whole packet.
    fn new(id: u32, offset: u16, more: bool) -> Option<Self> {
        (offset > 0 || more).then(|| Self { id, offset: usize::from(offset) * 8, more })
    }
}

impl<'a> Ip<'a> {
    /// See [`Packet::stamp`].
    fn stamp(&self) -> u32 {
        let at = match self.protocol {
            6 => 16,
            17 => 6,
            1 | 58 => 2,
            _ => return u32::from(self.id) << 16,
        };
        u32::from(self.id) << 16 | u32::from(be16(self.bytes, at).unwrap_or(0))
    }

    pub(super) fn skip(&self, reason: Reason) -> Skip<'a> {
        Skip { reason, addresses: Some((self.source, self.destination)), outer: None }
    }
}

/// The length of the header without options.
#[inline]
pub(super) fn fixed_header(ip: &Ip<'_>) -> usize {
    if ip.source.is_ipv4() { 20 } else { 40 }
}

/// Reads the IP packet in `bytes`, behind which `cut` more bytes were on the wire.
///
/// # Errors
/// Why it cannot be read.
#[inline]
pub(super) fn ip(network: Network, bytes: &[u8], cut: usize) -> Result<Ip<'_>, Skip<'_>> {
    match network {
        Network::V4 => v4(bytes, cut),
        Network::V6 => v6(bytes, cut),
    }
}

/// Whether bytes look like an IP packet: for places where nothing says that one stands there. An IPv4 header must have its checksum, or
/// none where that is left to the card.
pub(super) fn is_plausible(bytes: &[u8], network: Network) -> bool {
    match network {
        Network::V4 => {
            let Some(header) = bytes.first().and_then(|first| bytes.get(..usize::from(first & 0x0f) * 4)) else { return false };
            let total = be16(bytes, 2).map_or(0, usize::from);
            let summed = be16(bytes, 10) == Some(0) || checksum::sum(header) == 0xffff;
            header.len() >= 20 && header[0] >> 4 == 4 && (total == 0 || total >= header.len()) && summed
        }
        Network::V6 => match bytes.first_chunk::<40>() {
            Some(header) => {
                let known = matches!(header[6], 0 | 4 | 6 | 17 | 41 | 43 | 44 | 47 | 50 | 51 | 58..=60 | 89 | 103 | 115 | 132 | 135);
                header[0] >> 4 == 6 && known && header[8] != 0xff
            }
            None => false,
        },
    }
}

#[inline]
fn v4(bytes: &[u8], cut: usize) -> Result<Ip<'_>, Skip<'_>> {
    let Some(header) = bytes.first_chunk::<20>() else { return Err(Reason::UndecodedTruncated.into()) };
    if header[0] >> 4 != 4 {
        return Err(Reason::UndecodedHeader.into());
    }
    let source = IpAddr::V4(Ipv4Addr::new(header[12], header[13], header[14], header[15]));
    let destination = IpAddr::V4(Ipv4Addr::new(header[16], header[17], header[18], header[19]));
    let skip = |reason| Skip { reason, addresses: Some((source, destination)), outer: None };
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
    if header_length > 20 && is_source_routed(bytes.get(20..header_length).unwrap_or_default()) {
        return Err(skip(Reason::UndecodedTunnel));
    }
    let length = total - header_length;
    if length > above.len() + cut {
        // the header promises more than the frame had on the wire
        return Err(skip(Reason::UndecodedHeader));
    }
    let captured = above.get(..length).unwrap_or(above);
    let flags = u16::from_be_bytes([header[6], header[7]]);
    let id = u16::from_be_bytes([header[4], header[5]]);
    let place = Place::new(id.into(), flags & 0x1fff, flags & 0x2000 != 0);
    let ip = Ip { source, destination, protocol: header[9], id, bytes: captured, missing: length - captured.len(), place };
    if ip.protocol == AUTHENTICATION && place.is_none() { extensions(ip) } else { Ok(ip) }
}

/// Whether the options of an IPv4 header hold a source route that is not at its end: the packet goes on from its destination.
#[cold]
fn is_source_routed(mut options: &[u8]) -> bool {
    loop {
        options = match *options {
            [1, ref rest @ ..] => rest,
            [131 | 137, length, pointer, ..] => return pointer < length,
            [kind, length, ..] if kind > 1 && length > 1 => options.get(usize::from(length)..).unwrap_or_default(),
            _ => return false,
        };
    }
}

#[inline]
fn v6(bytes: &[u8], cut: usize) -> Result<Ip<'_>, Skip<'_>> {
    let Some((header, above)) = bytes.split_first_chunk::<40>() else { return Err(Reason::UndecodedTruncated.into()) };
    if header[0] >> 4 != 6 {
        return Err(Reason::UndecodedHeader.into());
    }
    let address = |at: usize| header.get(at..at + 16).and_then(|b| <[u8; 16]>::try_from(b).ok()).map(Ipv6Addr::from).map(IpAddr::V6);
    let (Some(source), Some(destination)) = (address(8), address(24)) else { return Err(Reason::UndecodedTruncated.into()) };
    let skip = |reason| Skip { reason, addresses: Some((source, destination)), outer: None };
    // zero: a jumbogram (RFC 2675) or a length left to the card
    let length = match usize::from(u16::from_be_bytes([header[4], header[5]])) {
        0 => above.len() + cut,
        length => length,
    };
    if length > above.len() + cut {
        return Err(skip(Reason::UndecodedHeader));
    }
    let captured = above.get(..length).unwrap_or(above);
    let ip = Ip { source, destination, protocol: header[6], id: 0, bytes: captured, missing: length - captured.len(), place: None };
    match ip.protocol {
        6 | 17 | 58 => Ok(ip),
        0 | 43 | 44 | AUTHENTICATION | 60 | 140 => extensions(ip),
        _ => Ok(ip),
    }
}

/// IPsec's authentication header (RFC 4302) hides nothing: what it carries stands behind it.
const AUTHENTICATION: u8 = 51;

/// Walks IPv6 extension headers, and the authentication header of both versions. Mobility and HIP headers are messages of their own, and
/// what carries options is opened only where it is no longer than options are ([`OPTIONS_BYTES`](crate::limits::OPTIONS_BYTES)) and the
/// packet has no further way to go than the destination in the IP header.
#[cold]
fn extensions(mut ip: Ip<'_>) -> Result<Ip<'_>, Skip<'_>> {
    const HOP_BY_HOP: u8 = 0;
    const ROUTING: u8 = 43;
    const FRAGMENT: u8 = 44;
    const DESTINATION: u8 = 60;
    const SHIM6: u8 = 140;
    for _ in 0..crate::limits::LAYERS {
        let length = match ip.protocol {
            // how many segments are left stands in its fourth byte
            ROUTING if ip.bytes.get(3).is_some_and(|&left| left > 0) => return Err(ip.skip(Reason::UndecodedTunnel)),
            HOP_BY_HOP | ROUTING | DESTINATION | SHIM6 => match ip.bytes.get(1) {
                Some(&units) if 8 + usize::from(units) * 8 > crate::limits::OPTIONS_BYTES => return Err(ip.skip(Reason::UndecodedTunnel)),
                Some(&units) => 8 + usize::from(units) * 8,
                None => return Err(ip.skip(Reason::UndecodedTruncated)),
            },
            AUTHENTICATION => match ip.bytes.get(1) {
                Some(&units) => 8 + usize::from(units) * 4,
                None => return Err(ip.skip(Reason::UndecodedTruncated)),
            },
            FRAGMENT => {
                let (Some(place), Some(id)) = (be16(ip.bytes, 2), be32(ip.bytes, 4)) else {
                    return Err(ip.skip(Reason::UndecodedTruncated));
                };
                // an atomic fragment (RFC 6946) is a whole packet
                ip.place = Place::new(id, place >> 3, place & 1 != 0);
                8
            }
            _ => return Ok(ip),
        };
        let (Some(&next), Some(rest)) = (ip.bytes.first(), ip.bytes.get(length..)) else {
            return Err(ip.skip(if ip.missing > 0 { Reason::UndecodedTruncated } else { Reason::UndecodedHeader }));
        };
        ip.protocol = next;
        ip.bytes = rest;
        if ip.place.is_some() {
            return Ok(ip);
        }
    }
    Err(ip.skip(Reason::UndecodedTunnel))
}

/// The ports, the payload that was captured and how much was not, of a UDP packet; `None` where its header is not sound.
#[inline]
pub(super) fn udp<'a>(ip: &Ip<'a>) -> Option<((u16, u16), &'a [u8], usize)> {
    let (h, rest) = ip.bytes.split_first_chunk::<8>()?;
    let length = match usize::from(u16::from_be_bytes([h[4], h[5]])) {
        // left to the card, or a jumbogram
        0 => rest.len() + ip.missing,
        length => length.checked_sub(8).filter(|&length| length <= rest.len() + ip.missing)?,
    };
    // what lies between the end of the datagram and that of the packet travels on, and no receiver reads it
    if rest.get(length..).is_some_and(|surplus| surplus.iter().any(|&byte| byte != 0)) {
        return None;
    }
    let payload = rest.get(..length).unwrap_or(rest);
    Some(((u16::from_be_bytes([h[0], h[1]]), u16::from_be_bytes([h[2], h[3]])), payload, length - payload.len()))
}

/// Reads what IP carries.
///
/// # Errors
/// Why it cannot be read.
#[inline]
pub(super) fn above<'a>(ip: &Ip<'a>, macs: Option<Macs>) -> Result<Packet<'a>, Skip<'a>> {
    let short = || ip.skip(if ip.missing > 0 { Reason::UndecodedTruncated } else { Reason::UndecodedHeader });
    let transport = Transport::from_number(ip.protocol);
    let mut head: &[u8] = &[];
    let (ports, header, payload, missing) = match transport {
        Transport::Tcp => {
            let Some(h) = ip.bytes.first_chunk::<20>() else { return Err(short()) };
            let length = usize::from(h[12] >> 4) * 4;
            if length < 20 {
                return Err(ip.skip(Reason::UndecodedHeader));
            }
            let Some((header, payload)) = ip.bytes.split_at_checked(length) else { return Err(short()) };
            head = header;
            let tcp = Tcp {
                seq: u32::from_be_bytes([h[4], h[5], h[6], h[7]]),
                ack: u32::from_be_bytes([h[8], h[9], h[10], h[11]]),
                flags: h[13],
            };
            ((u16::from_be_bytes([h[0], h[1]]), u16::from_be_bytes([h[2], h[3]])), Header::Tcp(tcp), payload, ip.missing)
        }
        Transport::Udp => {
            let Some((ports, payload, missing)) = udp(ip) else {
                return Err(if ip.bytes.len() < 8 { short() } else { ip.skip(Reason::UndecodedHeader) });
            };
            (ports, Header::Datagram, payload, missing)
        }
        Transport::Icmp => return icmp(ip, macs, [8, 0], 3, &[3, 4, 5, 11, 12], Network::V4),
        Transport::Icmp6 => return icmp(ip, macs, [128, 129], 1, &[1, 2, 3, 4], Network::V6),
        Transport::Sctp => {
            let Some(h) = ip.bytes.first_chunk::<12>() else { return Err(short()) };
            let chunks = ip.bytes.get(12..).unwrap_or_default();
            // INIT and its acknowledgement show who opened
            let header = match chunks.first() {
                Some(1) => Header::Echo { request: true },
                Some(2) => Header::Echo { request: false },
                _ => Header::Datagram,
            };
            let payload = sctp::payload(chunks);
            ((u16::from_be_bytes([h[0], h[1]]), u16::from_be_bytes([h[2], h[3]])), header, payload, ip.missing)
        }
        Transport::Other(_) => ((0, 0), Header::Datagram, ip.bytes, ip.missing),
    };
    Ok(Packet {
        source: Endpoint { ip: ip.source, port: ports.0 },
        destination: Endpoint { ip: ip.destination, port: ports.1 },
        transport,
        header,
        head,
        payload,
        missing: u32::try_from(missing).unwrap_or(u32::MAX),
        has_margin: head.get(20..).is_some_and(margin::is_written),
        macs,
        outer: None,
        stamp: ip.stamp(),
    })
}

/// Reads ICMP: `echo` are the types of request and reply, `errors` those that quote a packet.
fn icmp<'a>(
    ip: &Ip<'a>,
    macs: Option<Macs>,
    echo: [u8; 2],
    unreachable: u8,
    errors: &[u8],
    quoted: Network,
) -> Result<Packet<'a>, Skip<'a>> {
    let cut = || ip.skip(if ip.missing > 0 { Reason::UndecodedTruncated } else { Reason::UndecodedHeader });
    let Some(&kind) = ip.bytes.first() else { return Err(cut()) };
    let missing = u32::try_from(ip.missing).unwrap_or(u32::MAX);
    let transport = Transport::from_number(ip.protocol);
    let whole = |port: u16, header: Header<'a>, payload: &'a [u8]| Packet {
        source: Endpoint { ip: ip.source, port },
        destination: Endpoint { ip: ip.destination, port },
        transport,
        header,
        head: &[],
        payload,
        missing,
        has_margin: false,
        macs,
        outer: None,
        stamp: ip.stamp(),
    };
    if echo.contains(&kind) {
        let Some(id) = be16(ip.bytes, 4) else { return Err(cut()) };
        return Ok(whole(id, Header::Echo { request: kind == echo[0] }, ip.bytes.get(8..).unwrap_or_default()));
    }
    if errors.contains(&kind) {
        let Some(inner) = ip.bytes.get(8..) else { return Err(cut()) };
        return match quote(quoted, inner) {
            // an error goes to whoever sent what it quotes (RFC 1122 section 3.2.2): any other is a message with something in it
            Some((source, ..)) if source.ip != ip.destination => Ok(whole(0, Header::Icmp(kind), ip.bytes.get(4..).unwrap_or_default())),
            Some((source, destination, transport, rest)) => Ok(Packet {
                source,
                destination,
                transport,
                header: Header::Error(IcmpError { reporter: ip.source, kind, unreachable: kind == unreachable, quoted: rest }),
                head: &[],
                payload: &[],
                missing: 0,
                has_margin: false,
                macs,
                outer: None,
                stamp: ip.stamp(),
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
