//! Packets of OpenVPN: a type and a key, then a session, a tag, acknowledgements, a number and a payload; or data.

use serde::{Deserialize, Serialize};

const SOFT_RESET: u8 = 3;
const CONTROL: u8 = 4;
const ACKNOWLEDGEMENT: u8 = 5;
const DATA_V1: u8 = 6;
const CLIENT_RESET: u8 = 7;
const SERVER_RESET: u8 = 8;
const DATA_V2: u8 = 9;

/// The longest tag of a packet.
pub(super) const TAG_BYTES_MOST: usize = 64;
/// What may stand before a packet of IP in one of data: its head, a tag, a nonce, a number, and how it is compressed.
pub(super) const DATA_HEAD_BYTES_MOST: usize = 4 + TAG_BYTES_MOST + 16 + 8 + 1;
/// The shortest tags and numbers before what is sealed.
const DATA_BYTES: usize = 8;
/// Acknowledgements in one packet.
const ACKNOWLEDGED_MOST: u8 = 8;

/// The tag behind the session: none, or one of so many bytes with a number and a time behind it (`tls-auth`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Tag {
    None,
    Of(u8),
}

impl Tag {
    /// MD5, SHA-1, and SHA-2 of its lengths.
    const ALL: [Self; 7] = [Self::None, Self::Of(16), Self::Of(20), Self::Of(28), Self::Of(32), Self::Of(48), Self::Of(64)];

    fn bytes(self) -> usize {
        match self {
            Self::None => 0,
            Self::Of(bytes) => usize::from(bytes) + 8,
        }
    }
}

/// One packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    Control {
        /// It is a reset: of the client, or of the server.
        is_reset: Option<bool>,
        /// It asks for another key.
        is_soft: bool,
        key: u8,
        session: u64,
        /// The session that it acknowledges packets of.
        remote: Option<u64>,
        /// Its number; an acknowledgement has none.
        number: Option<u32>,
        payload: &'a [u8],
    },
    Data {
        key: u8,
        /// Behind its head.
        body: &'a [u8],
    },
}

/// Whether a packet may begin so.
pub(super) fn is_known(first: u8) -> bool {
    (SOFT_RESET..=DATA_V2).contains(&(first >> 3))
}

/// Reads a packet whose tag is known.
pub(super) fn read(bytes: &[u8], tag: Tag) -> Option<Packet<'_>> {
    let (&first, rest) = bytes.split_first()?;
    let (kind, key) = (first >> 3, first & 7);
    match kind {
        DATA_V1 if rest.len() >= DATA_BYTES => return Some(Packet::Data { key, body: rest }),
        // behind the number of a peer
        DATA_V2 => return rest.get(3..).filter(|body| body.len() >= DATA_BYTES).map(|body| Packet::Data { key, body }),
        SOFT_RESET | CONTROL | ACKNOWLEDGEMENT | CLIENT_RESET | SERVER_RESET => {}
        _ => return None,
    }
    let (&session, rest) = rest.split_first_chunk()?;
    let (&count, rest) = rest.get(tag.bytes()..)?.split_first()?;
    let mut rest = rest.get(4 * usize::from(count)..).filter(|_| count <= ACKNOWLEDGED_MOST)?;
    let mut remote = None;
    if count > 0 {
        let (&named, behind) = rest.split_first_chunk()?;
        (remote, rest) = (Some(u64::from_be_bytes(named)), behind);
    }
    let mut number = None;
    if kind != ACKNOWLEDGEMENT {
        let (&of_packet, behind) = rest.split_first_chunk()?;
        (number, rest) = (Some(u32::from_be_bytes(of_packet)), behind);
    }
    let is_reset = match kind {
        CLIENT_RESET => Some(true),
        SERVER_RESET => Some(false),
        _ => None,
    };
    // only control packets carry anything, and only they need acknowledge nothing
    let is_sane = match kind {
        CONTROL => !rest.is_empty(),
        ACKNOWLEDGEMENT => rest.is_empty() && count > 0,
        _ => rest.is_empty() && number == Some(0),
    };
    let is_soft = kind == SOFT_RESET;
    is_sane.then_some(Packet::Control { is_reset, is_soft, key, session: u64::from_be_bytes(session), remote, number, payload: rest })
}

/// The tag of a client's first packet, where bytes are one: with each tag it has another length.
pub(super) fn tag_of_reset(bytes: &[u8]) -> Option<Tag> {
    let tag = Tag::ALL.into_iter().find(|tag| bytes.len() == reset_bytes(*tag))?;
    let is_first = match read(bytes, tag)? {
        Packet::Control { is_reset: Some(true), key: 0, session, remote: None, .. } => session != 0,
        _ => false,
    };
    // the first number that a tag covers is 1
    let is_numbered = match tag {
        Tag::None => true,
        Tag::Of(length) => bytes.get(9 + usize::from(length)..).is_some_and(|rest| rest.starts_with(&[0, 0, 0, 1])),
    };
    (is_first && is_numbered).then_some(tag)
}

/// Whether a packet of this length whose first byte is known so far may be such a packet.
pub(super) fn may_be_reset(length: usize, first: Option<&u8>) -> bool {
    Tag::ALL.into_iter().any(|tag| length == reset_bytes(tag)) && first.is_none_or(|&first| first == CLIENT_RESET << 3)
}

/// Type, session, tag, no acknowledgement, number.
fn reset_bytes(tag: Tag) -> usize {
    1 + 8 + tag.bytes() + 1 + 4
}
