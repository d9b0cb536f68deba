//! Serial links: PPP (RFC 1661, RFC 1662), PPPoE (RFC 2516), Cisco HDLC, frame relay (RFC 2427). What negotiates the link is noise;
//! compressed and encrypted payload is said to be so.

use super::ethernet::{by_nlpid, snap};
use super::{Network, Next, be16, behind, typed_at};
use crate::decode::Reason;
use crate::fact::LinkType;

/// PPP, from address and control or from the protocol on.
pub(super) fn ppp(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    Ok(Next::Ppp(bytes))
}

pub(super) fn ppp_directed(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    Ok(Next::Ppp(behind(bytes, 1)?))
}

/// What pppd records: the direction stands in the place of the address.
pub(super) fn pppd(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    const CONTROL: u8 = 0x03;
    let rest = behind(bytes, 1)?;
    Ok(Next::Ppp(rest.strip_prefix(&[CONTROL]).unwrap_or(rest)))
}

/// The same number is used for PPP and for Cisco's framing, which begins with another address.
pub(super) fn ppp_hdlc(link: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    if matches!(bytes.first(), Some(0x0f | 0x8f)) { cisco(link, bytes) } else { Ok(Next::Ppp(bytes)) }
}

pub(super) fn cisco_directed(link: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    cisco(link, behind(bytes, 1)?)
}

/// Cisco HDLC: address, control, EtherType.
pub(super) fn cisco(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    const SLARP: u16 = 0x8035;
    const CDP: u16 = 0x2000;
    const OSI: u16 = 0xfefe;
    match be16(bytes, 2) {
        Some(SLARP | CDP | OSI) => Err(Reason::NoiseLink),
        _ => typed_at(bytes, 2),
    }
}

pub(super) fn pppoe_link(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    pppoe(bytes)
}

/// PPPoE: version and type, code, session, length.
pub(super) fn pppoe(bytes: &[u8]) -> Result<Next<'_>, Reason> {
    match bytes.first_chunk::<6>() {
        Some([0x11, 0, ..]) => Ok(Next::Ppp(behind(bytes, 6)?)),
        // the codes of discovery (RFC 2516)
        Some([0x11, 0x07 | 0x09 | 0x19 | 0x65 | 0xa7, ..]) => Err(Reason::NoiseLink),
        Some(_) => Err(Reason::UndecodedHeader),
        None => Err(Reason::UndecodedTruncated),
    }
}

/// PPP's protocol field, which is one byte where that is odd, and what it announces.
pub(super) fn protocol(bytes: &[u8]) -> Result<Next<'_>, Reason> {
    let bytes = bytes.strip_prefix(&[0xff, 0x03]).unwrap_or(bytes);
    let (protocol, rest) = match *bytes {
        [first, ref rest @ ..] if first & 1 != 0 => (u16::from(first), rest),
        [first, second, ref rest @ ..] => (u16::from_be_bytes([first, second]), rest),
        _ => return Err(Reason::UndecodedTruncated),
    };
    match protocol {
        0x0021 => Ok(Next::Network(Network::V4, rest)),
        0x0057 => Ok(Next::Network(Network::V6, rest)),
        0x0281 | 0x0283 => Ok(Next::Mpls(rest)),
        // bridged Ethernet (RFC 3518)
        0x0031 if rest.get(1) == Some(&1) => Ok(Next::Ethernet(behind(rest, 2)?)),
        // multilink (RFC 1990): a packet that is whole, behind a long sequence number
        0x003d if rest.first().is_some_and(|flags| flags & 0xc0 == 0xc0) => Ok(Next::Ppp(behind(rest, 4)?)),
        0x003d => Err(Reason::UndecodedFragment),
        // multilink or single link encryption, and MPPE by way of compression
        0x0053 | 0x0055 => Err(Reason::UndecodedEncrypted),
        // Van Jacobson's headers and compressed data
        0x002d | 0x002f | 0x00fb | 0x00fd => Err(Reason::UndecodedTunnel),
        // network control protocols, link control, authentication, quality
        0x8000.. => Err(Reason::NoiseLink),
        _ => Err(Reason::UndecodedEthertype),
    }
}

/// Frame relay: an address of two to four bytes, and RFC 2427's control and NLPID or Cisco's EtherType.
pub(super) fn frame_relay(_: LinkType, bytes: &[u8]) -> Result<Next<'_>, Reason> {
    let address = bytes.iter().take(4).position(|byte| byte & 1 != 0).ok_or(Reason::UndecodedHeader)? + 1;
    let rest = behind(bytes, address)?;
    match *rest {
        [0x03, 0x00, 0x80, ref rest @ ..] => snap(rest),
        [0x03, 0x00, nlpid, ref rest @ ..] | [0x03, nlpid, ref rest @ ..] => by_nlpid(nlpid, rest),
        [_, _, ..] => typed_at(rest, 0),
        _ => Err(Reason::UndecodedTruncated),
    }
}
