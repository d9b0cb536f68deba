//! IEEE 802.11: data frames that are not encrypted, bare or behind the headers that capturing adds (radiotap, Prism, AVS, PPI).
//! Management and control frames never leave the radio: noise. Encrypted frames are counted as such; keys are not asked for.

use super::{Next, be16, behind, le16, le32, mac_at};
use crate::decode::{Macs, Reason, be32};
use crate::fact::LinkType;

pub(super) fn bare(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    Ok(Next::Wireless(bytes, false))
}

/// Radiotap (radiotap.org): a length and flags, of which one says that the 802.11 header is padded.
pub(super) fn radiotap(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    const MORE: u32 = 1 << 31;
    const PADDED: u8 = 0x20;
    let length = le16(bytes, 2).map(usize::from).filter(|&length| length >= 8).ok_or(Reason::UndecodedHeader)?;
    let present = le32(bytes, 4).ok_or(Reason::UndecodedTruncated)?;
    let mut at = 8;
    let mut word = present;
    while word & MORE != 0 && at + 4 <= length {
        word = le32(bytes, at).ok_or(Reason::UndecodedTruncated)?;
        at += 4;
    }
    if present & 1 != 0 {
        // the time of arrival stands on eight bytes
        at = at.next_multiple_of(8) + 8;
    }
    let padded = present & 2 != 0 && bytes.get(at).is_some_and(|flags| flags & PADDED != 0);
    Ok(Next::Wireless(behind(bytes, length)?, padded))
}

/// Prism's header says its length; some drivers send AVS's in its place.
pub(super) fn prism(link: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    if be32(bytes, 0).is_some_and(|magic| magic & 0xffff_f000 == 0x8021_1000) {
        return avs(link, bytes);
    }
    let length = le32(bytes, 4).ok_or(Reason::UndecodedTruncated)? as usize;
    Ok(Next::Wireless(behind(bytes, length)?, false))
}

pub(super) fn avs(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    let length = be32(bytes, 4).ok_or(Reason::UndecodedTruncated)? as usize;
    Ok(Next::Wireless(behind(bytes, length)?, false))
}

/// PPI: a length and a link type.
pub(super) fn per_packet(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    let length = le16(bytes, 2).map(usize::from).filter(|&length| length >= 8).ok_or(Reason::UndecodedHeader)?;
    let link = le32(bytes, 4).and_then(|link| u16::try_from(link).ok()).ok_or(Reason::UndecodedHeader)?;
    Ok(Next::Link(LinkType(link), behind(bytes, length)?))
}

/// A frame of the air.
pub(super) fn frame<'a>(bytes: &'a [u8], padded: bool, macs: &mut Option<Macs>) -> Result<Next<'a>, Reason> {
    let Some(&[control, flags, ..]) = bytes.first_chunk::<24>() else {
        // the short frames are control frames
        return Err(if bytes.first().is_some_and(|control| control & 0x0c == 0x04) {
            Reason::NoiseLink
        } else {
            Reason::UndecodedTruncated
        });
    };
    let (version, kind, subtype) = (control & 3, control >> 2 & 3, control >> 4);
    match (version, kind) {
        (0, 0 | 1) => return Err(Reason::NoiseLink),
        (0, 2) => {}
        _ => return Err(Reason::UndecodedHeader),
    }
    let is_quality = subtype & 8 != 0;
    let (to_system, from_system) = (flags & 1 != 0, flags & 2 != 0);
    let (destination, source) = match (to_system, from_system) {
        (false, false) => (4, 10),
        (true, false) => (16, 10),
        (false, true) => (4, 16),
        (true, true) => (16, 24),
    };
    let addresses = if to_system && from_system { 30 } else { 24 };
    let ordered = is_quality && flags & 0x80 != 0;
    let mut length = addresses + if is_quality { 2 } else { 0 } + if ordered { 4 } else { 0 };
    if padded {
        length = usize::next_multiple_of(length, 4);
    }
    if subtype & 4 != 0 {
        // frames that carry no data, with no more behind them than a check sequence
        return Err(if bytes.len() <= length + 4 { Reason::NoiseLink } else { Reason::UndecodedHeader });
    }
    *macs = Some(Macs { source: mac_at(bytes, source), destination: mac_at(bytes, destination) });
    if flags & 0x40 != 0 {
        return Err(Reason::UndecodedEncrypted);
    }
    let number = le16(bytes, 22).ok_or(Reason::UndecodedTruncated)?;
    if flags & 0x04 != 0 || number & 0x0f != 0 {
        return Err(Reason::UndecodedFragment);
    }
    let body = behind(bytes, length)?;
    if is_quality && bytes.get(addresses).is_some_and(|control| control & 0x80 != 0) {
        return aggregate(body, macs);
    }
    Ok(Next::Llc(body))
}

/// An aggregate of one; several packets in one frame are not read.
fn aggregate<'a>(body: &'a [u8], macs: &mut Option<Macs>) -> Result<Next<'a>, Reason> {
    let length = be16(body, 12).map(usize::from).ok_or(Reason::UndecodedTruncated)?;
    // a check sequence of four bytes may follow, another packet takes more
    if body.len() > (14 + length).next_multiple_of(4) + 4 {
        return Err(Reason::UndecodedTunnel);
    }
    *macs = Some(Macs { source: mac_at(body, 6), destination: mac_at(body, 0) });
    Ok(Next::Llc(behind(body, 14)?))
}
