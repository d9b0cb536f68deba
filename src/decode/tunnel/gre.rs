//! GRE (RFC 2784, RFC 2890), its enhanced version for PPTP (RFC 2637), NVGRE (RFC 7637), and ERSPAN in it. Source routes of RFC 1701 are
//! not followed.

use super::Found;
use crate::decode::link::Next;
use crate::decode::{be16, be32};
use crate::fact::Tunnel;

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGED: u16 = 0x0080;

/// Opens a GRE packet.
pub(super) fn open(bytes: &[u8]) -> Option<Found<'_>> {
    let flags = be16(bytes, 0)?;
    let kind = be16(bytes, 2)?;
    match flags & 7 {
        0 => plain(flags, kind, bytes),
        1 => enhanced(flags, kind, bytes),
        _ => None,
    }
}

fn plain(flags: u16, kind: u16, bytes: &[u8]) -> Option<Found<'_>> {
    if flags & ROUTING != 0 {
        return None;
    }
    let has = |flag: u16| usize::from(flags & flag != 0) * 4;
    let key_at = 4 + has(CHECKSUM);
    let key = if flags & KEY != 0 { Some(be32(bytes, key_at)?) } else { None };
    let rest = bytes.get(key_at + has(KEY) + has(SEQUENCE)..)?;
    match kind {
        0x88be if flags & SEQUENCE == 0 => Some((Tunnel::Erspan, None, Next::Ethernet(rest))),
        0x88be => Some((Tunnel::Erspan, Some(session(rest)?), Next::Ethernet(rest.get(8..)?))),
        0x22eb => erspan_3(rest),
        0x6558 if flags & (CHECKSUM | KEY | SEQUENCE) == KEY => Some((Tunnel::Nvgre, key.map(|key| key >> 8), Next::Ethernet(rest))),
        // wireless controllers send frames as they were on the air
        0x8200..=0x8210 => Some((Tunnel::Gre, key, Next::Wireless(rest, false))),
        // redirected by WCCP: of version 1 the packet itself, of version 2 behind four bytes
        0x883e if rest.first().is_some_and(|first| first >> 4 == 4) => Some((Tunnel::Gre, key, Next::Ip(rest))),
        0x883e => Some((Tunnel::Gre, key, Next::Ip(rest.get(4..)?))),
        // a protocol below is none of Ethernet's: keep-alives, ISO
        0x0600.. => Some((Tunnel::Gre, key, Next::Type(kind, rest))),
        _ => None,
    }
}

/// PPTP's: the key is the length of the payload and the call. A packet that only acknowledges carries nothing.
fn enhanced(flags: u16, kind: u16, bytes: &[u8]) -> Option<Found<'_>> {
    if kind != 0x880b || flags & KEY == 0 || flags & SEQUENCE == 0 {
        return None;
    }
    let acknowledged = usize::from(flags & ACKNOWLEDGED != 0) * 4;
    let call = be16(bytes, 6)?;
    Some((Tunnel::Gre, Some(call.into()), Next::Ppp(bytes.get(12 + acknowledged..)?)))
}

/// The session of an ERSPAN header of type II or III.
fn session(header: &[u8]) -> Option<u32> {
    be16(header, 2).map(|word| u32::from(word & 0x03ff))
}

/// ERSPAN III: twelve bytes, and eight more where the last bit says so; Ethernet or IP inside.
fn erspan_3(bytes: &[u8]) -> Option<Found<'_>> {
    let last = be16(bytes, 10)?;
    let rest = bytes.get(if last & 1 != 0 { 20 } else { 12 }..)?;
    let next = match last >> 10 & 0x1f {
        0 => Next::Ethernet(rest),
        2 => Next::Ip(rest),
        _ => return None,
    };
    Some((Tunnel::Erspan, Some(session(bytes)?), next))
}
