//! Tunnels from one point to another over UDP: GTP-U (3GPP TS 29.281), L2TP (RFC 2661, RFC 3931), Teredo (RFC 4380), AYIYA, TZSP, HP ERM.
//! Their control messages are datagrams like others.

use super::{Found, proves_itself};
use crate::decode::link::{Network, Next, is_plausible};
use crate::decode::{be16, be32, net};
use crate::fact::{LinkType, Tunnel};
use crate::limits;

/// GTP-U version 1: a user's packet, behind extension headers.
pub(super) fn gtp(bytes: &[u8], on_port: bool) -> Option<Found<'_>> {
    const USER_PACKET: u8 = 255;
    let head = bytes.first_chunk::<8>()?;
    let length = usize::from(be16(head, 2)?);
    if head[0] & 0xf0 != 0x30 || head[1] != USER_PACKET || length > bytes.len() - 8 && !on_port || !on_port && head[0] & 0x08 != 0 {
        return None;
    }
    let mut at = 8;
    if head[0] & 0x07 != 0 {
        let mut kind = *bytes.get(11)?;
        at = 12;
        // the fields are there with any of the flags, and mean something with their own
        if head[0] & 0x04 == 0 {
            kind = 0;
        }
        for _ in 0..limits::LAYERS {
            if kind == 0 {
                break;
            }
            let units = usize::from(*bytes.get(at)?);
            if units == 0 {
                return None;
            }
            at += units * 4;
            kind = *bytes.get(at - 1)?;
        }
    }
    let next = Next::Ip(bytes.get(at..)?);
    // what else lies in it on its own port is not what it seems to be, or cannot be read: never nothing
    (on_port || proves_itself(&next)).then_some((Tunnel::Gtp, Some(be32(head, 4)?), next))
}

/// L2TP over UDP: data of version 2 is PPP, of version 3 a pseudowire.
pub(super) fn l2tp(bytes: &[u8]) -> Option<Found<'_>> {
    let flags = be16(bytes, 0)?;
    let has = |flag: u16, length: usize| if flags & flag != 0 { length } else { 0 };
    match (flags & 0x8000, flags & 0x000f) {
        (0, 2) => {
            let ids = 2 + has(0x4000, 2);
            let mut at = ids + 4 + has(0x0800, 4);
            if flags & 0x0200 != 0 {
                at += 2 + usize::from(be16(bytes, at)?);
            }
            Some((Tunnel::L2tp, be32(bytes, ids), Next::Ppp(bytes.get(at..)?)))
        }
        (0, 3) => l2tp_v3(bytes.get(4..)?, false),
        _ => None,
    }
}

/// A session and Ethernet behind a cookie and a sublayer, the lengths of which were agreed elsewhere. Where a protocol of its own says that it
/// `is_known` to be one, what is not recognised is opened as if there were neither, so that it is told to be unread.
pub(super) fn l2tp_v3(bytes: &[u8], is_known: bool) -> Option<Found<'_>> {
    let session = be32(bytes, 0).filter(|session| *session != 0)?;
    let at = [4, 8, 12, 16].into_iter().find(|&at| bytes.get(at..).is_some_and(is_plausible));
    let frame = bytes.get(at.or(is_known.then_some(4))?..)?;
    Some((Tunnel::L2tp, Some(session), Next::Ethernet(frame)))
}

/// Teredo: authentication and origin, then IPv6. On other ports one of its own addresses must be in it.
pub(super) fn teredo(bytes: &[u8], on_port: bool) -> Option<Found<'_>> {
    let mut rest = bytes;
    if let [0, 1, identifier, value, ..] = *rest {
        rest = rest.get(4 + usize::from(identifier) + usize::from(value) + 9..)?;
    }
    if let [0, 0, ..] = *rest {
        rest = rest.get(8..)?;
    }
    let own = |at: usize| be32(rest, at) == Some(0x2001_0000);
    let sound = net::is_plausible(rest, Network::V6) && usize::from(be16(rest, 4)?) + 40 <= rest.len();
    (sound && (on_port || own(8) || own(24))).then_some((Tunnel::Teredo, None, Next::Network(Network::V6, rest)))
}

/// AYIYA: an identity and a signature whose lengths the header says.
pub(super) fn ayiya(bytes: &[u8]) -> Option<Found<'_>> {
    let head = bytes.first_chunk::<8>()?;
    let network = match head[3] {
        41 => Network::V6,
        4 => Network::V4,
        _ => return None,
    };
    let length = 8 + (1usize << (head[0] >> 4)) + usize::from(head[1] >> 4) * 4;
    let rest = bytes.get(length..)?;
    // operation 1 forwards a packet
    (head[2] & 0x0f == 1 && net::is_plausible(rest, network)).then_some((Tunnel::Ayiya, None, Next::Network(network, rest)))
}

/// TZSP: a link type, and tags up to the end tag.
pub(super) fn tzsp(bytes: &[u8]) -> Option<Found<'_>> {
    let [1, 0 | 1, high, low, ..] = *bytes else { return None };
    let link = match u16::from_be_bytes([high, low]) {
        1 => LinkType::ETHERNET,
        2 => LinkType(6),
        4 => LinkType(9),
        7 => LinkType::RAW,
        0x12 => LinkType(105),
        0x77 => LinkType(119),
        0x7f => LinkType(127),
        _ => return None,
    };
    let mut at = 4;
    for _ in 0..limits::LOG_ATTRIBUTES {
        at += match *bytes.get(at)? {
            0 => 1,
            1 => return Some((Tunnel::Tzsp, None, Next::Link(link, bytes.get(at + 1..)?))),
            _ => 2 + usize::from(*bytes.get(at + 1)?),
        };
    }
    None
}

/// HP's remote mirror has no port and no fixed bits: the frame that fills the datagram is its proof.
pub(super) fn hp_erm(bytes: &[u8]) -> Option<Found<'_>> {
    let frame = bytes.get(12..)?;
    let ip = frame.get(14..)?;
    let length = match be16(frame, 12)? {
        0x0800 => be16(ip, 2)?.into(),
        0x86dd => usize::from(be16(ip, 4)?) + 40,
        _ => return None,
    };
    // short frames are padded
    let fills = length == ip.len() || ip.len() <= 50 && length < ip.len();
    (fills && is_plausible(frame)).then_some((Tunnel::HpErm, None, Next::Ethernet(frame)))
}
