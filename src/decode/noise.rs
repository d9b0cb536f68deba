//! Traffic that never leaves the link and is no conversation of anybody: counted, and neither a violation nor hidden.

use std::net::IpAddr;

use super::{Header, Packet, Reason};
use crate::fact::{Transport, holds_run};
use crate::limits;

/// The class of noise that a packet belongs to.
#[inline]
pub(super) fn of(packet: &Packet<'_>) -> Option<Reason> {
    let to = packet.destination.ip;
    // one host may be sent these by itself, and may be told anything in them
    let is_quiet = || !holds_run(packet.payload, limits::NOISE_RUN);
    match (packet.transport, packet.header) {
        (Transport::Icmp6, Header::Icmp(kind @ 133..=137)) if is_discovery(packet, kind) && is_quiet() => return Some(Reason::NoiseNdp),
        (Transport::Icmp6, Header::Icmp(130..=132 | 143)) | (Transport::Other(2), _) if is_membership(packet) && is_quiet() => {
            return Some(Reason::NoiseMembership);
        }
        (Transport::Udp, Header::Datagram) if is_dhcp(packet) && is_quiet() => return Some(Reason::NoiseDhcp),
        _ => {}
    }
    (is_link_scope(to) || is_directed_broadcast(packet)).then_some(Reason::NoiseMulticast)
}

/// A subnet's broadcast: no address shows it, so a frame to everybody that carries a datagram to a last octet of 255 is taken for one.
fn is_directed_broadcast(packet: &Packet<'_>) -> bool {
    let to_all = packet.macs.is_some_and(|macs| macs.destination == Some([0xff; 6]));
    to_all && packet.transport == Transport::Udp && matches!(packet.destination.ip, IpAddr::V4(ip) if ip.octets()[3] == 255)
}

/// Limited broadcast, and multicast that routers do not forward (RFC 5771 section 4, RFC 4291 section 2.7).
fn is_link_scope(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_broadcast() || ip.octets()[..3] == [224, 0, 0],
        IpAddr::V6(ip) => ip.segments()[0] & 0xff0f == 0xff02 || ip.segments()[0] & 0xff0f == 0xff01,
    }
}

/// Group membership goes to a group; to a host on the link only a query or report of one group (RFC 3376 section 4.1, RFC 2710).
fn is_membership(packet: &Packet<'_>) -> bool {
    let to = packet.destination.ip;
    to.is_multicast() || is_near(to) && packet.payload.len() + packet.missing as usize <= 24
}

/// Neighbour discovery stays on the link, which its hop limit says and its addresses need not: a neighbour may have a global address. To
/// such a one only a solicitation or advertisement with no more than its usual option is taken for it.
fn is_discovery(packet: &Packet<'_>, kind: u8) -> bool {
    // four reserved bytes, the target, and a hardware address of 6 or 8 bytes with a nonce (RFC 3971)
    let plain = matches!(kind, 135 | 136) && packet.payload.len() + packet.missing as usize <= 4 + 16 + 16 + 8;
    let (from, to) = (packet.source.ip, packet.destination.ip);
    to.is_multicast() || is_of_link(to) || is_of_link(from) || plain
}

/// Whether an address is link-local, which no router forwards.
fn is_of_link(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.segments()[0] & 0xffc0 == 0xfe80)
}

/// Whether an address is one of the link or of a private network.
fn is_near(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local() || ip.is_broadcast() || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.segments()[0] & 0xfe00 == 0xfc00 || ip.segments()[0] & 0xffc0 == 0xfe80 || ip.is_multicast(),
    }
}

/// DHCP (RFC 2131) and DHCPv6 (RFC 8415), broadcast or renewed with a private server.
fn is_dhcp(packet: &Packet<'_>) -> bool {
    let ports = (packet.source.port, packet.destination.port);
    if !is_near(packet.source.ip) || !is_near(packet.destination.ip) {
        return false;
    }
    match ports {
        // a BOOTP message begins with its op (1 request, 2 reply) and, on any LAN, hardware type 1 with addresses of 6 bytes
        (68, 67) | (67, 68) | (67, 67) => {
            // and has the magic cookie behind its fixed part, unless that was cut away
            let cookie = packet.payload.get(236..240).map_or(packet.missing > 0, |cookie| cookie == [0x63, 0x82, 0x53, 0x63]);
            matches!(packet.payload, [1 | 2, _, ..=16, ..]) && cookie
        }
        // the types of message in the registry; a relay's have a hop count and two addresses, the others the id of a transaction
        (546, 547) | (547, 546) | (547, 547) => match *packet.payload {
            [12 | 13, ..] => are_options(packet.payload.get(34..), packet.missing > 0),
            [1..=36, ..] => are_options(packet.payload.get(4..), packet.missing > 0),
            _ => false,
        },
        _ => false,
    }
}

/// Whether options of DHCPv6 fill a message: two bytes of type, two of length, and so on to its end.
fn are_options(bytes: Option<&[u8]>, is_cut: bool) -> bool {
    let Some(mut rest) = bytes else { return is_cut };
    while let Some((&[_, _, high, low], behind)) = rest.split_first_chunk() {
        match behind.get(u16::from_be_bytes([high, low]).into()..) {
            Some(next) => rest = next,
            None => return is_cut,
        }
    }
    rest.is_empty() || is_cut
}
