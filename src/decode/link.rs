//! Link layers: Ethernet with VLAN tags (IEEE 802.1Q, 802.1ad), Linux cooked v1 and v2, BSD loopback, raw IP.

use super::{Macs, Reason, be16, be32};
use crate::fact::LinkType;
use crate::limits;

/// What the link carries.
pub(super) struct Link<'a> {
    /// The network protocol.
    pub(super) network: Network,
    /// Its bytes, trailers included.
    pub(super) bytes: &'a [u8],
    /// The hardware addresses, where there are any.
    pub(super) macs: Option<Macs>,
}

/// A network protocol that is read further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Network {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

mod ethertype {
    pub(super) const IPV4: u16 = 0x0800;
    pub(super) const ARP: u16 = 0x0806;
    pub(super) const RARP: u16 = 0x8035;
    pub(super) const VLAN: u16 = 0x8100;
    pub(super) const IPV6: u16 = 0x86dd;
    pub(super) const FLOW_CONTROL: u16 = 0x8808;
    pub(super) const SLOW: u16 = 0x8809;
    pub(super) const MPLS: u16 = 0x8847;
    pub(super) const MPLS_MULTICAST: u16 = 0x8848;
    pub(super) const PPPOE_DISCOVERY: u16 = 0x8863;
    pub(super) const PPPOE_SESSION: u16 = 0x8864;
    pub(super) const EAPOL: u16 = 0x888e;
    pub(super) const QINQ: u16 = 0x88a8;
    pub(super) const LLDP: u16 = 0x88cc;
    pub(super) const MACSEC: u16 = 0x88e5;
    pub(super) const LOOPBACK_TEST: u16 = 0x9000;
    pub(super) const QINQ_OLD: u16 = 0x9100;
    /// Smaller values are lengths of an LLC frame (IEEE 802.3).
    pub(super) const LEAST: u16 = 0x0600;
}

/// Whether a link type is read at all.
#[must_use]
pub fn reads(link: LinkType) -> bool {
    open(link, &[]).err() != Some(Reason::UndecodedLink)
}

/// Opens the link headers of a frame.
///
/// # Errors
/// Why nothing that is read lies within.
#[inline]
pub(super) fn open(link: LinkType, bytes: &[u8]) -> Result<Link<'_>, Reason> {
    match link {
        LinkType::ETHERNET => ethernet(bytes),
        LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 | LinkType(12 | 14) => raw(bytes),
        LinkType::LINUX_SLL => cooked(bytes, 16, 14, 6),
        LinkType::LINUX_SLL2 => cooked(bytes, 20, 0, 12),
        LinkType::NULL | LinkType::LOOP => loopback(link, bytes),
        _ => Err(Reason::UndecodedLink),
    }
}

#[inline]
fn ethernet(bytes: &[u8]) -> Result<Link<'_>, Reason> {
    let Some((addresses, _)) = bytes.split_first_chunk::<12>() else { return Err(Reason::UndecodedTruncated) };
    let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5] = *addresses;
    let macs = Macs { source: Some([s0, s1, s2, s3, s4, s5]), destination: Some([d0, d1, d2, d3, d4, d5]) };
    tagged(bytes, 12, Some(macs))
}

/// Reads the EtherType at `at` and the tags behind it.
#[inline]
fn tagged(bytes: &[u8], mut at: usize, macs: Option<Macs>) -> Result<Link<'_>, Reason> {
    for _ in 0..limits::LAYERS {
        let kind = be16(bytes, at).ok_or(Reason::UndecodedTruncated)?;
        at += 2;
        let network = match kind {
            ethertype::IPV4 => Network::V4,
            ethertype::IPV6 => Network::V6,
            // a length, and the EtherType behind LLC and SNAP (RFC 1042)
            length if length < ethertype::LEAST && bytes.get(at..).is_some_and(|llc| llc.starts_with(&[0xaa, 0xaa, 3, 0, 0, 0])) => {
                at += 6;
                continue;
            }
            ethertype::VLAN | ethertype::QINQ | ethertype::QINQ_OLD => {
                at += 2;
                continue;
            }
            other => return Err(not_ip(other)),
        };
        return Ok(Link { network, bytes: bytes.get(at..).unwrap_or_default(), macs });
    }
    Err(Reason::UndecodedTunnel)
}

fn not_ip(kind: u16) -> Reason {
    match kind {
        ethertype::ARP | ethertype::RARP => Reason::NoiseArp,
        ethertype::LLDP | ethertype::EAPOL | ethertype::FLOW_CONTROL | ethertype::SLOW | ethertype::LOOPBACK_TEST => Reason::NoiseLink,
        ethertype::MPLS | ethertype::MPLS_MULTICAST | ethertype::PPPOE_DISCOVERY | ethertype::PPPOE_SESSION | ethertype::MACSEC => {
            Reason::UndecodedTunnel
        }
        // LLC: spanning tree, CDP, IS-IS, and nothing that an IP host's agent would speak
        length if length < ethertype::LEAST => Reason::NoiseLink,
        _ => Reason::UndecodedEthertype,
    }
}

fn raw(bytes: &[u8]) -> Result<Link<'_>, Reason> {
    let network = match bytes.first().map(|byte| byte >> 4) {
        Some(4) => Network::V4,
        Some(6) => Network::V6,
        Some(_) => return Err(Reason::UndecodedHeader),
        None => return Err(Reason::UndecodedTruncated),
    };
    Ok(Link { network, bytes, macs: None })
}

/// Linux cooked capture: a header of `length` bytes with the protocol at `protocol` and the sender's address at `address`, whose
/// length stands where each version has it.
fn cooked(bytes: &[u8], length: usize, protocol: usize, address: usize) -> Result<Link<'_>, Reason> {
    let kind = be16(bytes, protocol).ok_or(Reason::UndecodedTruncated)?;
    let address_length = if length == 16 { be16(bytes, 4) } else { bytes.get(11).map(|&n| u16::from(n)) };
    let source = bytes.get(address..address + 6).and_then(|mac| mac.try_into().ok()).filter(|_| address_length == Some(6));
    let macs = source.map(|source| Macs { source: Some(source), destination: None });
    match kind {
        ethertype::IPV4 => Ok(Link { network: Network::V4, bytes: bytes.get(length..).unwrap_or_default(), macs }),
        ethertype::IPV6 => Ok(Link { network: Network::V6, bytes: bytes.get(length..).unwrap_or_default(), macs }),
        ethertype::VLAN | ethertype::QINQ | ethertype::QINQ_OLD => tagged(bytes, length + 2, macs),
        // 1 to 3 are Novell raw 802.3, everything, and LLC
        other => Err(not_ip(other)),
    }
}

/// BSD loopback: an address family, in the order of the capturing host (`NULL`) or of the network (`LOOP`).
fn loopback(link: LinkType, bytes: &[u8]) -> Result<Link<'_>, Reason> {
    let family = be32(bytes, 0).ok_or(Reason::UndecodedTruncated)?;
    let family = if link == LinkType::NULL && family > 0xffff { family.swap_bytes() } else { family };
    let network = match family {
        2 => Network::V4,
        // AF_INET6 of NetBSD and OpenBSD, FreeBSD, macOS, and Linux
        24 | 28 | 30 | 10 => Network::V6,
        _ => return Err(Reason::UndecodedEthertype),
    };
    Ok(Link { network, bytes: bytes.get(4..).unwrap_or_default(), macs: None })
}
