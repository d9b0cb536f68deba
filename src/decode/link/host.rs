//! Link types that a host's own kernel makes up (cooked captures, loopback, logs of a packet filter, raw IP), and the older networks,
//! whose headers are short: token ring, FDDI, ARCNET, ATM, fibre channel, InfiniBand.

use super::{Network, Next, be16, behind, by_family, le16, le32, mac_at};
use crate::decode::{Macs, Reason, be32};
use crate::fact::LinkType;
use crate::limits;

pub(super) fn raw(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    Ok(Next::Ip(bytes))
}

/// An address family, in the order of the capturing host (`NULL`) or of the network (`LOOP`).
pub(super) fn loopback(link: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    let family = be32(bytes, 0).ok_or(Reason::UndecodedTruncated)?;
    let family = if link == LinkType::NULL && family > 0xffff { family.swap_bytes() } else { family };
    by_family(family, behind(bytes, 4)?)
}

pub(super) fn cooked_v1(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    cooked(be16(bytes, 2), be16(bytes, 14), behind(bytes, 16)?)
}

pub(super) fn cooked_v2(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    cooked(be16(bytes, 8), be16(bytes, 0), behind(bytes, 20)?)
}

/// Linux cooked capture: the kernel's protocol number is an EtherType, or a small number of Linux's own.
fn cooked(device: Option<u16>, kind: Option<u16>, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    const NETLINK: u16 = 824;
    const LLC: u16 = 4;
    match (device, kind) {
        (Some(NETLINK), _) => Err(Reason::UndecodedEthertype),
        (_, Some(LLC)) => Ok(Next::Llc(bytes)),
        // Novell's raw frames, "every protocol", buses and what else has no EtherType
        (_, Some(kind)) if kind < 0x0600 => Err(Reason::UndecodedService),
        (_, Some(kind)) => Ok(Next::Type(kind, bytes)),
        _ => Err(Reason::UndecodedTruncated),
    }
}

/// The hardware addresses of link types that have them in places of their own.
pub(super) fn sender(link: LinkType, bytes: &[u8]) -> Option<Macs> {
    let (source, destination) = match link {
        LinkType::LINUX_SLL => (mac_at(bytes, 6).filter(|_| be16(bytes, 4) == Some(6))?, None),
        LinkType::LINUX_SLL2 => (mac_at(bytes, 12).filter(|_| bytes.get(11) == Some(&6))?, None),
        LinkType(281 | 284 | 285) => (mac_at(bytes, 6)?, mac_at(bytes, 0)),
        LinkType(10) => (mac_at(bytes, 7)?, mac_at(bytes, 1)),
        LinkType(6) => (mac_at(bytes, 8)?, mac_at(bytes, 2)),
        _ => return None,
    };
    Some(Macs { source: Some(source), destination })
}

/// Pflog: a header that says its length, padded to four bytes, and the family.
pub(super) fn firewall_log(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    let (Some(&length), Some(&family)) = (bytes.first(), bytes.get(1)) else { return Err(Reason::UndecodedTruncated) };
    by_family(family.into(), behind(bytes, usize::from(length).next_multiple_of(4))?)
}

/// OpenBSD's enc: family in the host's order, SPI, flags.
pub(super) fn ipsec_interface(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    let family = be32(bytes, 0).ok_or(Reason::UndecodedTruncated)?;
    by_family(if family > 0xffff { family.swap_bytes() } else { family }, behind(bytes, 12)?)
}

/// Netfilter's log: attributes in the order of the capturing host, one of which is the packet.
pub(super) fn netfilter_log(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    const PAYLOAD: u16 = 9;
    let family = *bytes.first().ok_or(Reason::UndecodedTruncated)?;
    for read in [le16, be16] {
        let mut at = 4;
        for _ in 0..limits::LOG_ATTRIBUTES {
            let (Some(length), Some(kind)) = (read(bytes, at), read(bytes, at + 2)) else { break };
            if length < 4 {
                break;
            }
            if kind & 0x7fff == PAYLOAD {
                let payload = behind(bytes, at + 4)?;
                return if matches!(family, 2 | 10) { by_family(family.into(), payload) } else { Err(Reason::UndecodedEthertype) };
            }
            at += usize::from(length).next_multiple_of(4);
        }
    }
    Err(Reason::UndecodedHeader)
}

/// PKTAP of macOS: its length, the kind of record, the link type of what follows.
pub(super) fn packet_tap(link: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    const LEAST: u32 = 108;
    let (Some(length), Some(record), Some(inner)) = (le32(bytes, 0), le32(bytes, 4), le32(bytes, 8)) else {
        return Err(Reason::UndecodedTruncated);
    };
    let other = if link == LinkType(258) { Reason::UndecodedHeader } else { Reason::UndecodedLink };
    let sound = (LEAST..=0xffff).contains(&length) && record == 1;
    let inner = u16::try_from(inner).ok().filter(|_| sound).ok_or(other)?;
    Ok(Next::Link(LinkType(inner), behind(bytes, length as usize)?))
}

/// Solaris ipnet: version, family, and 22 bytes more.
pub(super) fn ipnet(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    let family = *bytes.get(1).ok_or(Reason::UndecodedTruncated)?;
    by_family(family.into(), behind(bytes, 24)?)
}

pub(super) fn net_analyzer(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    Ok(Next::Ethernet(behind(bytes, 4)?))
}

/// A pseudo-header of 40 bytes, then RFC 4391's: EtherType and two bytes of nothing.
pub(super) fn infiniband(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    let kind = be16(bytes, 40).ok_or(Reason::UndecodedTruncated)?;
    Ok(Next::Type(kind, behind(bytes, 44)?))
}

/// Direction and a copy of the compressed header, 16 bytes together. Compressed packets begin with other half octets than IP.
pub(super) fn slip(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    Ok(Next::Ip(behind(bytes, 16)?))
}

/// Access and frame control, addresses, and the route where the source's first bit says so.
pub(super) fn token_ring(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    let (Some(control), Some(source)) = (bytes.get(1), bytes.get(8)) else { return Err(Reason::UndecodedTruncated) };
    match control >> 6 {
        // the ring's own control
        0 => return Err(Reason::NoiseLink),
        1 => {}
        _ => return Err(Reason::UndecodedHeader),
    }
    let route = if source & 0x80 != 0 { usize::from(bytes.get(14).ok_or(Reason::UndecodedTruncated)? & 0x1f) } else { 0 };
    Ok(Next::Llc(behind(bytes, 14 + route)?))
}

pub(super) fn fddi(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    match bytes.first() {
        Some(control) if control & 0xf0 == 0x50 || control & 0xf0 == 0xd0 => Ok(Next::Llc(behind(bytes, 13)?)),
        Some(_) => Err(Reason::NoiseLink),
        None => Err(Reason::UndecodedTruncated),
    }
}

/// RFC 2684: SNAP, or IP alone on a circuit of its own.
pub(super) fn atm(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    match bytes {
        [0xaa, 0xaa, 0x03, ..] | [0xfe, 0xfe, 0x03, ..] => Ok(Next::Llc(bytes)),
        [first, ..] if matches!(first >> 4, 4 | 6) => Ok(Next::Ip(bytes)),
        [_, ..] => Err(Reason::NoiseLink),
        [] => Err(Reason::UndecodedTruncated),
    }
}

/// SunATM: the kind of traffic, then path and circuit.
pub(super) fn sun_atm(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    match bytes.first().map(|flags| flags & 0x0f) {
        Some(2) => Ok(Next::Llc(behind(bytes, 4)?)),
        Some(1) => Err(Reason::UndecodedTunnel),
        Some(_) => Err(Reason::NoiseLink),
        None => Err(Reason::UndecodedTruncated),
    }
}

pub(super) fn fibre_channel(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    Ok(Next::Llc(behind(bytes, 16)?))
}

/// BSD's ARCNET: source, destination, type, and for RFC 1201 flag and sequence number.
pub(super) fn arcnet(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    arcnet_from(bytes, 2)
}

/// Linux's has two bytes of offset before the type.
pub(super) fn arcnet_linux(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    arcnet_from(bytes, 4)
}

fn arcnet_from(bytes: &[u8], at: usize) -> Result<Next<'_>, Reason> {
    let kind = *bytes.get(at).ok_or(Reason::UndecodedTruncated)?;
    match kind {
        0xf0 => Ok(Next::Network(Network::V4, behind(bytes, at + 1)?)),
        // flag 0 is a packet that is whole
        0xd4 | 0xc4 if bytes.get(at + 1) == Some(&0) => {
            let network = if kind == 0xd4 { Network::V4 } else { Network::V6 };
            Ok(Next::Network(network, behind(bytes, at + 4)?))
        }
        0xd4 | 0xc4 => Err(Reason::UndecodedFragment),
        0xd5 | 0xd6 | 0xf1 => Err(Reason::NoiseArp),
        0x80 => Err(Reason::NoiseLink),
        _ => Err(Reason::UndecodedEthertype),
    }
}
