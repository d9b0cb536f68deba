//! Tunnels and mirrors: what lies in an IP packet that is no conversation itself, but carries others'.
//!
//! [`TUNNELS`] is the one list. A tunnel is opened where the IP protocol or the port says so and its header is sound, or, for those that
//! clouds and sensors move to any port ([`overlay`], GTP-U, Teredo, HP ERM), where the header proves itself: its fixed bits, its lengths
//! and a sound IP header at the place where it says. What is not sound stays a datagram or a packet of its own flow, for which no
//! protocol will speak up: it is unrecognised, never taken as read.

mod gre;
mod overlay;
mod point;

pub(super) use overlay::service;

use super::be16;
use super::link::{Network, Next, is_plausible};
use super::net::{self, Ip};
use crate::fact::Tunnel;

/// How a kind of tunnel is read.
pub struct TunnelFormat {
    /// The kind.
    pub tunnel: Tunnel,
    /// Where it is looked for.
    pub over: &'static str,
    /// What is read of it.
    pub reads: &'static str,
}

const fn read(tunnel: Tunnel, over: &'static str, reads: &'static str) -> TunnelFormat {
    TunnelFormat { tunnel, over, reads }
}

/// Every kind of tunnel that is opened.
pub static TUNNELS: &[TunnelFormat] = &[
    read(Tunnel::Vxlan, "UDP 4789, 4790, 8472; any port", "with GBP and GPE: Ethernet, IP, NSH or MPLS inside; AWS and Azure mirror so"),
    read(Tunnel::Geneve, "UDP 6081; any port", "options passed over; Ethernet or raw IP inside, as AWS and Google send it"),
    read(Tunnel::Gre, "IP 47, UDP 4754", "checksum, key, sequence; IP, Ethernet, MPLS, PPP (PPTP), 802.11 (Aruba), WCCP inside"),
    read(Tunnel::Nvgre, "IP 47", "Ethernet behind a key and nothing else"),
    read(Tunnel::Erspan, "IP 47", "types I, II and III"),
    read(Tunnel::V4InV4, "IP 4", "IPv4 in IPv4"),
    read(Tunnel::V6InV4, "IP 41", "IPv6 in IPv4, 6to4 too"),
    read(Tunnel::V4InV6, "IP 4", "IPv4 in IPv6"),
    read(Tunnel::V6InV6, "IP 41", "IPv6 in IPv6"),
    read(Tunnel::Teredo, "UDP 3544; any port for its own addresses", "with authentication and origin"),
    read(Tunnel::Gtp, "UDP 2152; any port", "version 1, extension headers; IP inside"),
    read(Tunnel::L2tp, "UDP 1701, IP 115", "version 2: PPP; version 3: Ethernet behind a cookie of any length"),
    read(Tunnel::Tzsp, "UDP 37008", "Ethernet, 802.11 and the link types it names"),
    read(Tunnel::HpErm, "any UDP port", "Ethernet behind twelve bytes"),
    read(Tunnel::Ayiya, "UDP 5072; any port", "IP inside"),
    read(Tunnel::EtherIp, "IP 97", "Ethernet"),
    read(Tunnel::Mpls, "IP 137, UDP 6635", "IP or an Ethernet pseudowire behind the labels"),
];

/// A tunnel that was opened.
pub(super) struct Opened<'a> {
    pub(super) tunnel: Tunnel,
    /// The protocol above the outer IP.
    pub(super) protocol: u8,
    /// The outer ports; 0 where there are none.
    pub(super) ports: (u16, u16),
    pub(super) id: Option<u32>,
    pub(super) next: Next<'a>,
    /// Bytes behind it that were not captured.
    pub(super) missing: usize,
}

/// What a header says: kind, identifier, what stands behind it.
type Found<'a> = (Tunnel, Option<u32>, Next<'a>);

/// Opens what an IP packet carries, where that is a tunnel.
#[inline]
pub(super) fn open<'a>(ip: &Ip<'a>) -> Option<Opened<'a>> {
    match ip.protocol {
        1 | 6 | 58 => None,
        17 => {
            let (ports, payload, missing) = net::udp(ip)?;
            let (tunnel, id, next) = in_udp(ports, payload)?;
            Some(Opened { tunnel, protocol: 17, ports, id, next, missing })
        }
        protocol => {
            let (tunnel, id, next) = in_ip(ip)?;
            Some(Opened { tunnel, protocol, ports: (0, 0), id, next, missing: ip.missing })
        }
    }
}

/// Tunnels that IP itself names.
fn in_ip<'a>(ip: &Ip<'a>) -> Option<Found<'a>> {
    let bytes = ip.bytes;
    let version = bytes.first().map(|first| first >> 4);
    match ip.protocol {
        4 | 94 if version == Some(4) => {
            let tunnel = if ip.source.is_ipv4() { Tunnel::V4InV4 } else { Tunnel::V4InV6 };
            Some((tunnel, None, Next::Network(Network::V4, bytes)))
        }
        41 if version == Some(6) => {
            let tunnel = if ip.source.is_ipv4() { Tunnel::V6InV4 } else { Tunnel::V6InV6 };
            Some((tunnel, None, Next::Network(Network::V6, bytes)))
        }
        47 => gre::open(bytes),
        97 => bytes.strip_prefix(&[0x30, 0]).map(|frame| (Tunnel::EtherIp, None, Next::Ethernet(frame))),
        115 => point::l2tp_v3(bytes, true),
        137 => Some((Tunnel::Mpls, None, Next::Mpls(bytes))),
        _ => None,
    }
}

/// Tunnels over UDP: by their port, or because the header proves itself.
#[inline]
fn in_udp(ports: (u16, u16), payload: &[u8]) -> Option<Found<'_>> {
    if !may_be(ports, payload) {
        return None;
    }
    let either = |port| ports.0 == port || ports.1 == port;
    match ports {
        (_, 4789 | 8472) => overlay::vxlan(payload, true).or_else(|| on_any_port(payload)),
        (_, 4790) => overlay::vxlan(payload, true),
        (_, 6081) => overlay::geneve(payload, true).or_else(|| on_any_port(payload)),
        (_, 4754) => gre::open(payload),
        // what a resolver answers on a port of its client's choice is none: MPLS has nothing to be told by
        (from, 6635) if from != 53 => Some((Tunnel::Mpls, None, Next::Mpls(payload))),
        (_, 37008) => point::tzsp(payload),
        _ if either(2152) => point::gtp(payload, true).or_else(|| on_any_port(payload)),
        _ if either(1701) => point::l2tp(payload).or_else(|| on_any_port(payload)),
        _ if either(3544) => point::teredo(payload, true).or_else(|| on_any_port(payload)),
        _ => on_any_port(payload),
    }
}

/// Whether a datagram may be a tunnel's at all: what is cheap to ask of every one.
#[inline]
pub(super) fn may_be(ports: (u16, u16), payload: &[u8]) -> bool {
    let by_port = |port| matches!(port, 4789 | 4790 | 8472 | 6081 | 4754 | 6635 | 37008 | 2152 | 1701 | 3544);
    let Some(head) = payload.first_chunk::<8>() else { return false };
    let kind = [head[2], head[3]];
    let by_header = match head[0] {
        0x08 | 0x0c if [head[1], head[2], head[7]] == [0; 3] => true,
        0x30..=0x37 if head[1] == 0xff => true,
        0x60 => true,
        0x00..=0x3f if matches!(kind, [0x65, 0x58] | [0x08, 0x00] | [0x86, 0xdd]) && head[7] == 0 => true,
        0x00..=0x7f if matches!(head[3], 4 | 41) && head[2] & 0x0f == 1 => true,
        _ => matches!(be16(payload, 24), Some(0x0800 | 0x86dd)),
    };
    by_header || by_port(ports.0) || by_port(ports.1)
}

fn on_any_port(payload: &[u8]) -> Option<Found<'_>> {
    overlay::vxlan(payload, false)
        .or_else(|| overlay::geneve(payload, false))
        .or_else(|| point::gtp(payload, false))
        .or_else(|| point::teredo(payload, false))
        .or_else(|| point::ayiya(payload))
        .or_else(|| point::hp_erm(payload))
}

/// Whether what stands next is what it should be, as far as that shows.
fn proves_itself(next: &Next<'_>) -> bool {
    match next {
        Next::Ethernet(bytes) => is_plausible(bytes),
        Next::Network(network, bytes) => net::is_plausible(bytes, *network),
        Next::Type(0x0800, bytes) => net::is_plausible(bytes, Network::V4),
        Next::Type(0x86dd, bytes) => net::is_plausible(bytes, Network::V6),
        Next::Ip(bytes) => net::is_plausible(bytes, Network::V4) || net::is_plausible(bytes, Network::V6),
        _ => false,
    }
}
