//! Headers of QUIC packets: what all versions share (RFC 8999), version 1 and its drafts (RFC 9000 section 17), and version 2, whose long
//! packets have other types (RFC 9369 section 3.2).
//!
//! A datagram is read packet by packet: long packets say their length, and a short one ends the datagram. What cannot be a packet by its
//! lengths is [`NoPacket`].

use serde::{Deserialize, Serialize};

use crate::limits;

/// The longest connection ID of the versions that are read.
const ID_BYTES: usize = 20;

/// A packet number and payload of four bytes at least, and the tag (RFC 9001 section 5.4.2).
pub(super) const SEALED_BYTES: usize = 20;

/// The tag at the end of a Retry and of every sealed packet.
pub(super) const TAG_BYTES: usize = 16;

/// A version as it stands in long headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version(pub u32);

/// Versions that share their keys and their packet types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Drafts 27 and 28.
    Draft27,
    /// Drafts 29 to 32.
    Draft29,
    /// Version 1, and drafts 33 and 34, which differ in number alone.
    V1,
    /// Version 2.
    V2,
}

impl Version {
    pub(super) const V1: Self = Self(1);
    pub(super) const V2: Self = Self(0x6b33_43cf);

    /// The family of a version that is read.
    pub(super) fn family(self) -> Option<Family> {
        match self {
            Self::V1 | Self(0xff00_0021..=0xff00_0022) => Some(Family::V1),
            Self::V2 => Some(Family::V2),
            Self(0xff00_001d..=0xff00_0020) => Some(Family::Draft29),
            Self(0xff00_001b..=0xff00_001c) => Some(Family::Draft27),
            Self(_) => None,
        }
    }

    /// Whether it is a word of four letters and none of those that versions are: `Q046` and `T051` of Google's, `PCQ0` of picoquic.
    fn is_word(self) -> bool {
        let word = self.0.to_be_bytes();
        let is_of_google = matches!(word, [b'Q' | b'T', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9']);
        word.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r')) && !is_of_google
    }

    /// Whether it is one that no endpoint speaks, sent so that others learn to negotiate (RFC 9000 section 15).
    pub(super) fn is_greased(self) -> bool {
        self.0 & 0x0f0f_0f0f == 0x0a0a_0a0a
    }
}

/// A connection ID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Id {
    length: u8,
    bytes: [u8; ID_BYTES],
}

impl Id {
    pub(super) fn new(id: &[u8]) -> Option<Self> {
        let mut bytes = [0; ID_BYTES];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        Some(Self { length: id.len() as u8, bytes })
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len()).unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.length.into()
    }
}

/// A packet of a datagram.
#[derive(Clone, Copy, Debug)]
pub(super) enum Packet<'a> {
    /// One with a long header, of a version that is read.
    Long(Long<'a>),
    /// A Version Negotiation packet, which ends its datagram.
    Negotiation {
        /// To whom.
        destination: Id,
        /// From whom.
        source: Id,
        /// What the sender speaks, four bytes each.
        versions: &'a [u8],
    },
    /// One of another version, of which only this is known. It ends what can be read of the datagram.
    Other {
        /// Which.
        version: Version,
        /// To whom.
        destination: Id,
        /// From whom.
        source: Id,
    },
    /// One with a short header: the rest of the datagram.
    Short(&'a [u8]),
    /// Zeros to the end of the datagram.
    Padding,
}

/// Whether a list in a Version Negotiation packet is one of versions: no longer than any, and no text.
pub(super) fn are_versions(list: &[u8]) -> bool {
    let (versions, behind) = list.as_chunks::<4>();
    let words = versions.iter().filter(|&&version| Version(u32::from_be_bytes(version)).is_word()).count();
    behind.is_empty() && versions.len() <= limits::QUIC_VERSIONS && words <= WORDS
}

/// Versions that may be words: experiments are named so, and nobody speaks many.
const WORDS: usize = 3;

/// A packet with a long header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Long<'a> {
    pub(super) version: Version,
    pub(super) family: Family,
    pub(super) kind: Kind,
    pub(super) destination: Id,
    pub(super) source: Id,
    /// Whether the fixed bit is set.
    pub(super) is_fixed: bool,
    /// The whole packet.
    pub(super) bytes: &'a [u8],
    /// Where its packet number begins; the token of a Retry.
    pub(super) behind_header: usize,
    /// The token of an Initial or a Retry.
    pub(super) token: &'a [u8],
}

/// The type of a long packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Initial,
    /// 0-RTT.
    EarlyData,
    Handshake,
    Retry,
}

impl Long<'_> {
    /// What is behind the header, the packet number among it.
    pub(super) fn sealed(&self) -> &[u8] {
        self.bytes.get(self.behind_header..).unwrap_or_default()
    }
}

/// The bytes are no packet.
pub(super) struct NoPacket;

/// Reads the packet that `datagram`, or what is left of it, begins with. Returns it and what follows.
pub(super) fn read(datagram: &[u8]) -> Result<(Packet<'_>, &[u8]), NoPacket> {
    match datagram.first() {
        Some(first) if first & 0x80 != 0 => long(datagram).ok_or(NoPacket),
        Some(0) if datagram.iter().all(|&byte| byte == 0) => Ok((Packet::Padding, &[])),
        Some(_) => Ok((Packet::Short(datagram), &[])),
        None => Err(NoPacket),
    }
}

fn long(datagram: &[u8]) -> Option<(Packet<'_>, &[u8])> {
    let mut rest = Reader(datagram);
    let first = rest.u8()?;
    let version = Version(rest.u32()?);
    let destination = rest.id()?;
    let source = rest.id()?;
    if version.0 == 0 {
        let is_list = !rest.0.is_empty() && rest.0.len().is_multiple_of(4);
        return is_list.then_some((Packet::Negotiation { destination, source, versions: rest.0 }, &[]));
    }
    let Some(family) = version.family() else { return Some((Packet::Other { version, destination, source }, &[])) };
    let kinds = match family {
        Family::V2 => [Kind::Retry, Kind::Initial, Kind::EarlyData, Kind::Handshake],
        _ => [Kind::Initial, Kind::EarlyData, Kind::Handshake, Kind::Retry],
    };
    let kind = *kinds.get(usize::from(first >> 4 & 3))?;
    let token;
    let behind_header;
    let end;
    if kind == Kind::Retry {
        // a token of one byte at least, and the tag
        behind_header = datagram.len() - rest.0.len();
        end = datagram.len();
        token = rest.0.get(..rest.0.len().checked_sub(TAG_BYTES)?).filter(|token| !token.is_empty())?;
    } else {
        let length = if kind == Kind::Initial { usize::try_from(rest.varint()?).ok()? } else { 0 };
        token = rest.take(length)?;
        let length = usize::try_from(rest.varint()?).ok()?;
        if length < SEALED_BYTES || length > rest.0.len() {
            return None;
        }
        behind_header = datagram.len() - rest.0.len();
        end = behind_header + length;
    }
    let (bytes, behind) = datagram.split_at_checked(end)?;
    let is_fixed = first & 0x40 != 0;
    Some((Packet::Long(Long { version, family, kind, destination, source, is_fixed, bytes, behind_header, token }), behind))
}

/// The whole packet number whose lowest bytes were sent (RFC 9000 appendix A.3).
pub(super) fn number(largest: Option<u64>, truncated: u64, bytes: usize) -> u64 {
    let expected = largest.map_or(0, |largest| largest + 1);
    let window = 1u64 << (bytes * 8).min(32);
    let candidate = (expected & !(window - 1)) | truncated;
    if candidate + window / 2 <= expected && candidate < (1 << 62) - window {
        candidate + window
    } else if candidate > expected + window / 2 && candidate >= window {
        candidate - window
    } else {
        candidate
    }
}

/// Takes fields off the front of a slice; `None` where it is too short.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn u8(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn u32(&mut self) -> Option<u32> {
        let (&first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(first))
    }

    pub(super) fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn id(&mut self) -> Option<Id> {
        let length = self.u8()?;
        Id::new(self.take(length.into())?)
    }

    /// An integer of variable length (RFC 9000 section 16).
    pub(super) fn varint(&mut self) -> Option<u64> {
        let first = *self.0.first()?;
        let bytes = self.take(1 << (first >> 6))?;
        let whole = bytes.iter().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
        Some(whole & (u64::MAX >> (66 - bytes.len() * 8)))
    }
}
