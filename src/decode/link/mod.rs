//! Link layers: from a frame of any link type that is read to the IP packet in it.
//!
//! [`LINKS`] is the one list of link types; what is read, and the table in the documentation, are made from it. A reader of one header
//! says what stands behind it ([`Next`]), and [`follow`] goes on from there until it meets IP, or a reason why there is none. Trailers,
//! padding and frame check sequences need no reading: IP says how long it is. Numbers and formats are those of the LINKTYPE_ registry
//! (tcpdump.org/linktypes.html).

mod ethernet;
mod host;
mod serial;
mod wireless;

pub(super) use ethernet::is_plausible;

use super::{Macs, Reason, be16, tunnel};
use crate::fact::LinkType;

/// A network protocol that is read further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Network {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What stands behind a header.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next<'a> {
    /// A network protocol that the header names.
    Network(Network, &'a [u8]),
    /// IP of the version that its first half octet says.
    Ip(&'a [u8]),
    /// Whatever the EtherType says.
    Type(u16, &'a [u8]),
    /// An Ethernet frame.
    Ethernet(&'a [u8]),
    /// IEEE 802.2.
    Llc(&'a [u8]),
    /// PPP, from its protocol field on.
    Ppp(&'a [u8]),
    /// A stack of MPLS labels.
    Mpls(&'a [u8]),
    /// An IEEE 802.11 frame, whether its header is padded to four bytes.
    Wireless(&'a [u8], bool),
    /// A network service header.
    Service(&'a [u8]),
    /// A frame of another link type.
    Link(LinkType, &'a [u8]),
}

impl<'a> Next<'a> {
    /// What stands there.
    pub(super) fn bytes(&self) -> &'a [u8] {
        match *self {
            Next::Network(_, bytes) | Next::Type(_, bytes) | Next::Wireless(bytes, _) | Next::Link(_, bytes) => bytes,
            Next::Ip(bytes) | Next::Ethernet(bytes) | Next::Llc(bytes) | Next::Ppp(bytes) | Next::Mpls(bytes) | Next::Service(bytes) => {
                bytes
            }
        }
    }
}

/// How a link type is read.
pub struct LinkFormat {
    /// Its number.
    pub link: LinkType,
    /// What is read of it.
    pub reads: &'static str,
    open: fn(LinkType, &[u8]) -> Result<Next<'_>, Reason>,
}

const fn read(number: u16, open: fn(LinkType, &[u8]) -> Result<Next<'_>, Reason>, reads: &'static str) -> LinkFormat {
    LinkFormat { link: LinkType(number), reads, open }
}

/// Every link type that is read, by number.
pub static LINKS: &[LinkFormat] = &[
    read(0, host::loopback, "BSD loopback: the family in the order of either byte order"),
    read(1, ethernet::link, "Ethernet; VLAN stacks, PPPoE, MPLS, 802.2, PBB, switch tags (see below)"),
    read(6, host::token_ring, "IEEE 802.5 with source routing, 802.2"),
    read(7, host::arcnet, "ARCNET of BSD: IP of RFC 1051 and, unfragmented, RFC 1201"),
    read(8, host::slip, "SLIP, uncompressed"),
    read(9, serial::ppp, "PPP, with or without address and control, protocol field compressed or not"),
    read(10, host::fddi, "FDDI, 802.2"),
    read(12, host::raw, "raw IP, as some systems number it"),
    read(14, host::raw, "raw IP, as OpenBSD numbers it"),
    read(50, serial::ppp_hdlc, "PPP in HDLC-like framing, or Cisco HDLC"),
    read(51, serial::pppoe_link, "PPPoE; discovery is noise"),
    read(100, host::atm, "RFC 2684: routed and bridged Ethernet"),
    read(101, host::raw, "raw IP, told by its version"),
    read(104, serial::cisco, "Cisco HDLC; SLARP and CDP are noise"),
    read(105, wireless::bare, "IEEE 802.11: data frames that are not encrypted"),
    read(106, host::atm, "classical IP over ATM"),
    read(107, serial::frame_relay, "frame relay: RFC 2427 and Cisco encapsulation"),
    read(108, host::loopback, "OpenBSD loopback"),
    read(109, host::ipsec_interface, "OpenBSD enc: packets as they were before or after IPsec"),
    read(113, host::cooked_v1, "Linux cooked capture v1; VLAN, 802.2"),
    read(117, host::firewall_log, "pflog of OpenBSD and its kin"),
    read(119, wireless::prism, "IEEE 802.11 behind a Prism or AVS header"),
    read(122, host::fibre_channel, "RFC 2625, 802.2"),
    read(123, host::sun_atm, "SunATM: 802.2"),
    read(127, wireless::radiotap, "IEEE 802.11 behind radiotap"),
    read(129, host::arcnet_linux, "ARCNET of Linux: IP of RFC 1051 and, unfragmented, RFC 1201"),
    read(149, host::packet_tap, "PKTAP under the number of macOS before its own; anything else so numbered is not read"),
    read(163, wireless::avs, "IEEE 802.11 behind an AVS header"),
    read(166, serial::pppd, "PPP of pppd, with its direction in the place of the address"),
    read(192, wireless::per_packet, "PPI: IEEE 802.11, Ethernet or whatever else it says"),
    read(204, serial::ppp_directed, "PPP with its direction before it"),
    read(205, serial::cisco_directed, "Cisco HDLC with its direction before it"),
    read(226, host::ipnet, "Solaris ipnet"),
    read(228, host::raw, "IPv4; its version is believed"),
    read(229, host::raw, "IPv6; its version is believed"),
    read(239, host::netfilter_log, "NFLOG: the payload"),
    read(240, host::net_analyzer, "Ethernet behind a netANALYZER header"),
    read(242, host::infiniband, "IP over InfiniBand"),
    read(258, host::packet_tap, "PKTAP of macOS: whatever link type it says"),
    read(276, host::cooked_v2, "Linux cooked capture v2; VLAN, 802.2"),
    read(281, ethernet::broadcom, "Ethernet with a Broadcom switch tag behind its addresses"),
    read(282, ethernet::broadcom_prepended, "Ethernet with a Broadcom switch tag before it"),
    read(284, ethernet::marvell, "Ethernet with a Marvell DSA tag behind its addresses"),
    read(285, ethernet::marvell_typed, "Ethernet with a Marvell DSA tag behind an EtherType"),
];

/// Whether a link type is read at all.
#[must_use]
pub fn reads(link: LinkType) -> bool {
    format(link).is_some()
}

fn format(link: LinkType) -> Option<&'static LinkFormat> {
    LINKS.binary_search_by_key(&link, |format| format.link).ok().and_then(|at| LINKS.get(at))
}

/// Opens a frame of a link type.
#[inline]
fn open(link: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    if link == LinkType::ETHERNET {
        return Ok(Next::Ethernet(bytes));
    }
    (format(link).ok_or(Reason::UndecodedLink)?.open)(link, bytes)
}

/// Walks headers until IP stands next. `macs` are set to those of the last Ethernet or wireless header, and `steps` counts down.
///
/// # Errors
/// Why nothing that is read lies within.
#[inline]
pub(super) fn follow<'a>(mut next: Next<'a>, macs: &mut Option<Macs>, steps: &mut u8) -> Result<(Network, &'a [u8]), Reason> {
    loop {
        *steps = steps.checked_sub(1).ok_or(Reason::UndecodedTunnel)?;
        next = match next {
            Next::Network(network, bytes) => return Ok((network, bytes)),
            Next::Ip(bytes) => by_version(bytes)?,
            Next::Type(kind, bytes) => ethernet::typed(kind, bytes)?,
            Next::Ethernet(bytes) => ethernet::frame(bytes, macs)?,
            Next::Llc(bytes) => ethernet::llc(bytes)?,
            Next::Ppp(bytes) => serial::protocol(bytes)?,
            Next::Mpls(bytes) => ethernet::mpls(bytes)?,
            Next::Wireless(bytes, padded) => wireless::frame(bytes, padded, macs)?,
            Next::Service(bytes) => tunnel::service(bytes)?,
            Next::Link(link, bytes) => {
                if let Some(sender) = host::sender(link, bytes) {
                    *macs = Some(sender);
                }
                open(link, bytes)?
            }
        };
    }
}

/// IPv4 or IPv6, by the first half octet.
fn by_version(bytes: &[u8]) -> Result<Next<'_>, Reason> {
    match bytes.first().map(|byte| byte >> 4) {
        Some(4) => Ok(Next::Network(Network::V4, bytes)),
        Some(6) => Ok(Next::Network(Network::V6, bytes)),
        Some(_) => Err(Reason::UndecodedHeader),
        None => Err(Reason::UndecodedTruncated),
    }
}

/// IPv4 or IPv6, by an address family of any system: AF_INET is 2 everywhere, AF_INET6 is 24 on NetBSD and OpenBSD, 28 on FreeBSD, 30 on
/// macOS, 10 on Linux, 26 on Solaris.
fn by_family(family: u32, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    match family {
        2 => Ok(Next::Network(Network::V4, bytes)),
        10 | 24 | 26 | 28 | 30 => Ok(Next::Network(Network::V6, bytes)),
        _ => Err(Reason::UndecodedEthertype),
    }
}

/// What follows the first `at` bytes.
fn behind(bytes: &[u8], at: usize) -> Result<&[u8], Reason> {
    bytes.get(at..).ok_or(Reason::UndecodedTruncated)
}

/// The EtherType at `at`, and what follows it.
fn typed_at(bytes: &[u8], at: usize) -> Result<Next<'_>, Reason> {
    let kind = be16(bytes, at).ok_or(Reason::UndecodedTruncated)?;
    Ok(Next::Type(kind, behind(bytes, at + 2)?))
}

/// The hardware address at `at`.
fn mac_at(bytes: &[u8], at: usize) -> Option<[u8; 6]> {
    bytes.get(at..at + 6)?.try_into().ok()
}

/// Two bytes in the order of Intel's processors at `at`.
fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

/// Four bytes in the order of Intel's processors at `at`.
fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}
