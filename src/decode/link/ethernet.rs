//! Ethernet (IEEE 802.3) and what an EtherType can announce: VLAN stacks (IEEE 802.1Q, 802.1ad), provider backbone bridges (802.1ah),
//! port extenders' tags (802.1BR, VN-Tag), Cisco metadata, the tags of switch chips, IEEE 802.2 with SNAP, and MPLS (RFC 3032) with IP or
//! an Ethernet pseudowire (RFC 4448) behind its labels. MACsec (802.1AE) is named and not opened.

use super::{Network, Next, be16, behind, mac_at, typed_at};
use crate::decode::{Macs, Reason, be32, margin, net};
use crate::fact::LinkType;
use crate::limits;

mod ethertype {
    pub(super) const IPV4: u16 = 0x0800;
    pub(super) const ARP: u16 = 0x0806;
    pub(super) const WAKE_ON_LAN: u16 = 0x0842;
    pub(super) const BRIDGED: u16 = 0x6558;
    pub(super) const RARP: u16 = 0x8035;
    pub(super) const VLAN: u16 = 0x8100;
    pub(super) const IPV6: u16 = 0x86dd;
    pub(super) const FLOW_CONTROL: u16 = 0x8808;
    pub(super) const SLOW: u16 = 0x8809;
    pub(super) const PPP: u16 = 0x880b;
    pub(super) const MPLS: u16 = 0x8847;
    pub(super) const MPLS_MULTICAST: u16 = 0x8848;
    pub(super) const PPPOE_DISCOVERY: u16 = 0x8863;
    pub(super) const PPPOE_SESSION: u16 = 0x8864;
    pub(super) const HOMEPLUG: u16 = 0x887b;
    pub(super) const EAPOL: u16 = 0x888e;
    pub(super) const QINQ: u16 = 0x88a8;
    pub(super) const LLDP: u16 = 0x88cc;
    pub(super) const HOMEPLUG_AV: u16 = 0x88e1;
    pub(super) const MACSEC: u16 = 0x88e5;
    pub(super) const BACKBONE: u16 = 0x88e7;
    pub(super) const PRECISION_TIME: u16 = 0x88f7;
    pub(super) const CONNECTIVITY: u16 = 0x8902;
    pub(super) const METADATA: u16 = 0x8909;
    pub(super) const VN_TAG: u16 = 0x8926;
    pub(super) const E_TAG: u16 = 0x893f;
    pub(super) const SERVICE: u16 = 0x894f;
    pub(super) const LOOPBACK_TEST: u16 = 0x9000;
    pub(super) const QINQ_OLD: u16 = 0x9100;
    pub(super) const QINQ_OLDER: u16 = 0x9200;
    pub(super) const MARVELL: u16 = 0xdada;
    /// Smaller values are lengths of an LLC frame (IEEE 802.3).
    pub(super) const LEAST: u16 = 0x0600;
}

pub(super) fn link(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    Ok(Next::Ethernet(bytes))
}

#[inline]
pub(super) fn frame<'a>(bytes: &'a [u8], macs: &mut Option<Macs>) -> Result<Next<'a>, Reason> {
    addresses(bytes, macs)?;
    typed_at(bytes, 12)
}

#[inline]
fn addresses(bytes: &[u8], macs: &mut Option<Macs>) -> Result<(), Reason> {
    let (Some(destination), Some(source)) = (mac_at(bytes, 0), mac_at(bytes, 6)) else { return Err(Reason::UndecodedTruncated) };
    *macs = Some(Macs { source: Some(source), destination: Some(destination) });
    Ok(())
}

/// What an EtherType announces.
#[inline]
pub(super) fn typed(kind: u16, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    match kind {
        ethertype::IPV4 => Ok(Next::Network(Network::V4, bytes)),
        ethertype::IPV6 => Ok(Next::Network(Network::V6, bytes)),
        ethertype::VLAN | ethertype::QINQ | ethertype::QINQ_OLD | ethertype::QINQ_OLDER => typed_at(bytes, 2),
        ethertype::MPLS | ethertype::MPLS_MULTICAST => Ok(Next::Mpls(bytes)),
        ethertype::PPPOE_SESSION => super::serial::pppoe(bytes),
        ethertype::PPP => Ok(Next::Ppp(bytes)),
        ethertype::BRIDGED => Ok(Next::Ethernet(bytes)),
        ethertype::SERVICE => Ok(Next::Service(bytes)),
        // four bytes of service identifier, then the customer's frame
        ethertype::BACKBONE => Ok(Next::Ethernet(behind(bytes, 4)?)),
        ethertype::VN_TAG => typed_at(bytes, 4),
        ethertype::E_TAG | ethertype::METADATA | ethertype::MARVELL => typed_at(bytes, 6),
        ethertype::ARP | ethertype::RARP => Err(arp(bytes)),
        ethertype::LLDP
        | ethertype::EAPOL
        | ethertype::FLOW_CONTROL
        | ethertype::SLOW
        | ethertype::LOOPBACK_TEST
        | ethertype::PPPOE_DISCOVERY
        | ethertype::PRECISION_TIME
        | ethertype::CONNECTIVITY
        | ethertype::HOMEPLUG
        | ethertype::HOMEPLUG_AV
        | ethertype::WAKE_ON_LAN => Err(Reason::NoiseLink),
        ethertype::MACSEC => Err(Reason::UndecodedEncrypted),
        length if length < ethertype::LEAST => Ok(Next::Llc(bytes)),
        _ => Err(Reason::UndecodedEthertype),
    }
}

/// ARP, and nothing behind it but padding: who finds room for more has more to say.
fn arp(bytes: &[u8]) -> Reason {
    let length = match (bytes.get(4), bytes.get(5)) {
        (Some(&hardware @ ..=20), Some(&protocol @ ..=16)) => 8 + 2 * (usize::from(hardware) + usize::from(protocol)),
        _ => 0,
    };
    let behind = bytes.get(length..).unwrap_or_default();
    // some cards pad with what they find, to the least length of a frame and a check sequence
    let is_alone = behind.len() <= 22 || behind.iter().all(|byte| *byte == 0);
    match is_alone {
        true => Reason::NoiseArp,
        false if margin::is_written(behind) => Reason::UndecodedService,
        false => Reason::NoiseLink,
    }
}

/// Whether bytes look like an Ethernet frame: behind the addresses stands an EtherType that is common inside others.
pub(in crate::decode) fn is_plausible(bytes: &[u8]) -> bool {
    use ethertype::{ARP, IPV4, IPV6, MPLS, PPPOE_SESSION, QINQ, SERVICE, VLAN};
    match be16(bytes, 12) {
        Some(IPV4) => net::is_plausible(bytes.get(14..).unwrap_or_default(), Network::V4),
        Some(IPV6) => net::is_plausible(bytes.get(14..).unwrap_or_default(), Network::V6),
        Some(ARP | MPLS | PPPOE_SESSION | QINQ | SERVICE | VLAN) => true,
        _ => false,
    }
}

/// Bytes of a frame that only controls the link: none of those that are known is longer.
const LLC_CONTROL: usize = 256;

/// IEEE 802.2: IP directly or behind SNAP or an NLPID; spanning tree, CDP, IS-IS and the like are noise.
pub(super) fn llc(bytes: &[u8]) -> Result<Next<'_>, Reason> {
    match bytes {
        [0xaa, 0xaa, 0x03, oui @ ..] if oui.len() >= 5 => snap(oui),
        [0x06, 0x06, 0x03, ip @ ..] => Ok(Next::Ip(ip)),
        [0xfe, 0xfe, 0x03, nlpid, rest @ ..] => by_nlpid(*nlpid, rest),
        // spanning tree, and what only asks whether somebody is there (XID, TEST)
        [0x42, 0x42, 0x03, ..] | [_, _, 0xaf | 0xbf | 0xe3 | 0xf3, ..] if bytes.len() <= LLC_CONTROL => Err(Reason::NoiseLink),
        [_, _, _, ..] => Err(Reason::UndecodedService),
        _ => Err(Reason::UndecodedTruncated),
    }
}

/// SNAP, from its organisation on.
pub(super) fn snap(bytes: &[u8]) -> Result<Next<'_>, Reason> {
    match bytes.first_chunk::<3>() {
        Some([0, 0, 0] | [0, 0, 0xf8]) => typed_at(bytes, 3),
        // bridged Ethernet (RFC 2684, RFC 2427), with and without its check sequence
        Some([0, 0x80, 0xc2]) if matches!(be16(bytes, 3), Some(1 | 7)) => {
            let bridged = behind(bytes, 5)?;
            let padded = bridged.get(2..).unwrap_or_default();
            Ok(Next::Ethernet(if is_plausible(padded) { padded } else { bridged }))
        }
        // UDLD, PVST, VLAN bridging, DTP, CDP, CGMP and VTP of Cisco
        Some([0, 0, 0x0c]) if matches!(be16(bytes, 3), Some(0x0104 | 0x010b | 0x010c | 0x0111 | 0x2000..=0x2004)) => Err(Reason::NoiseLink),
        // bridged spanning tree, and discovery of Bay, Extreme and Foundry
        Some([0, 0x80, 0xc2]) if matches!(be16(bytes, 3), Some(0x000e | 0x000f)) => Err(Reason::NoiseLink),
        Some([0, 0, 0x81] | [0, 0xe0, 0x2b] | [0, 0xe0, 0x52]) if bytes.len() <= LLC_CONTROL => Err(Reason::NoiseLink),
        Some(_) => Err(Reason::UndecodedService),
        None => Err(Reason::UndecodedTruncated),
    }
}

/// A network layer protocol identifier (ISO/IEC TR 9577).
pub(super) fn by_nlpid(nlpid: u8, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    match nlpid {
        0xcc => Ok(Next::Network(Network::V4, bytes)),
        0x8e => Ok(Next::Network(Network::V6, bytes)),
        0xcf => Ok(Next::Ppp(bytes)),
        0x80 => snap(bytes),
        // CLNP, ES-IS, IS-IS, Q.933 and LMI
        0x81..=0x83 | 0x08 | 0x09 => Err(Reason::NoiseLink),
        _ => Err(Reason::UndecodedEthertype),
    }
}

/// A stack of labels, and what its bottom carries. Nothing says what that is: IP where it is sound, else a pseudowire with or without
/// its control word.
pub(super) fn mpls(mut bytes: &[u8]) -> Result<Next<'_>, Reason> {
    for _ in 0..limits::LAYERS {
        let entry = be32(bytes, 0).ok_or(Reason::UndecodedTruncated)?;
        bytes = behind(bytes, 4)?;
        if entry & 0x100 == 0 {
            continue;
        }
        return match bytes.first().map(|first| first >> 4) {
            Some(4) if net::is_plausible(bytes, Network::V4) => Ok(Next::Network(Network::V4, bytes)),
            Some(6) if net::is_plausible(bytes, Network::V6) => Ok(Next::Network(Network::V6, bytes)),
            Some(0) if bytes.get(4..).is_some_and(is_plausible) => Ok(Next::Ethernet(behind(bytes, 4)?)),
            Some(_) if is_plausible(bytes) => Ok(Next::Ethernet(bytes)),
            // the associated channel of a pseudowire (RFC 4385): its maintenance, or IP
            Some(1) => match be16(bytes, 2) {
                Some(0x0021) => Ok(Next::Network(Network::V4, behind(bytes, 4)?)),
                Some(0x0057) => Ok(Next::Network(Network::V6, behind(bytes, 4)?)),
                _ => Err(Reason::NoiseLink),
            },
            // what routers go by (RFC 4928): no pseudowire begins so by itself
            Some(4) => Ok(Next::Network(Network::V4, bytes)),
            Some(6) => Ok(Next::Network(Network::V6, bytes)),
            Some(_) => Err(Reason::UndecodedTunnel),
            None => Err(Reason::UndecodedTruncated),
        };
    }
    Err(Reason::UndecodedTunnel)
}

/// A Broadcom tag of four bytes between addresses and EtherType.
pub(super) fn broadcom(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    typed_at(bytes, 16)
}

pub(super) fn broadcom_prepended(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    Ok(Next::Ethernet(behind(bytes, 4)?))
}

/// A Marvell tag of four bytes between addresses and EtherType; a VLAN tag goes into it.
pub(super) fn marvell(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    typed_at(bytes, 16)
}

/// A Marvell tag behind an EtherType of its own and two bytes of nothing.
pub(super) fn marvell_typed(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    typed_at(bytes, 20)
}
