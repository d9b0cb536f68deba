//! Overlays: VXLAN (RFC 7348) with its group policy and generic protocol extensions, Geneve (RFC 8926), and the network service header
//! (RFC 8300) that both may carry.

use super::{Found, proves_itself};
use crate::decode::link::{Network, Next};
use crate::decode::{Reason, be16, be32};
use crate::fact::Tunnel;

/// VXLAN. On its own port the flag that the identifier is valid is enough.
pub(super) fn vxlan(bytes: &[u8], on_port: bool) -> Option<Found<'_>> {
    const VALID: u8 = 0x08;
    const PROTOCOL: u8 = 0x04;
    let (head, rest) = bytes.split_first_chunk::<8>()?;
    let flags = head[0];
    if flags & VALID == 0 || head[7] != 0 || !on_port && (flags & !(VALID | PROTOCOL) != 0 || head[1] != 0 || head[2] != 0) {
        return None;
    }
    let next = if flags & PROTOCOL != 0 { by_protocol(head[3], rest)? } else { Next::Ethernet(rest) };
    let found = (Tunnel::Vxlan, Some(be32(head, 4)? >> 8), next);
    (on_port || head[3] == 0 && proves_itself(&found.2) || flags & PROTOCOL != 0 && proves_itself(&found.2)).then_some(found)
}

/// Geneve: version 0, options passed over.
pub(super) fn geneve(bytes: &[u8], on_port: bool) -> Option<Found<'_>> {
    let head = bytes.first_chunk::<8>()?;
    if head[0] & 0xc0 != 0 || head[1] & 0x3f != 0 || head[7] != 0 {
        return None;
    }
    let options = usize::from(head[0] & 0x3f) * 4;
    let rest = bytes.get(8 + options..)?;
    let next = match be16(head, 2)? {
        0x6558 => Next::Ethernet(rest),
        kind if kind >= 0x0600 => Next::Type(kind, rest),
        _ => return None,
    };
    (on_port || proves_itself(&next)).then_some((Tunnel::Geneve, Some(be32(head, 4)? >> 8), next))
}

/// A network service header: its length in words, and the protocol behind it.
pub(in crate::decode) fn service(bytes: &[u8]) -> Result<Next<'_>, Reason> {
    let head = bytes.first_chunk::<8>().ok_or(Reason::UndecodedTruncated)?;
    let length = usize::from(head[1] & 0x3f) * 4;
    if head[0] >> 6 != 0 || length < 8 {
        return Err(Reason::UndecodedHeader);
    }
    let rest = bytes.get(length..).ok_or(Reason::UndecodedTruncated)?;
    by_protocol(head[3], rest).ok_or(Reason::UndecodedTunnel)
}

/// The protocol numbers that VXLAN-GPE and the service header share.
fn by_protocol(number: u8, rest: &[u8]) -> Option<Next<'_>> {
    match number {
        1 => Some(Next::Network(Network::V4, rest)),
        2 => Some(Next::Network(Network::V6, rest)),
        3 => Some(Next::Ethernet(rest)),
        4 => Some(Next::Service(rest)),
        5 => Some(Next::Mpls(rest)),
        _ => None,
    }
}
