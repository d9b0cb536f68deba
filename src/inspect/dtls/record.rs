//! Records of DTLS (RFC 6347 section 4.1, RFC 9147 section 4) and the fragments of handshake messages in them (RFC 6347 section 4.2.2).

use crate::fact::TlsVersion;

pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;
const HEARTBEAT: u8 = 24;
/// A record of DTLS 1.2 that bears a connection ID (RFC 9146).
pub(super) const WITH_ID: u8 = 25;
/// An acknowledgement of DTLS 1.3.
pub(super) const ACK: u8 = 26;

/// A nonce and tag, or a block and code, of the shortest kind; in DTLS 1.3 what the sequence number is encrypted with.
pub(super) const SEALED_BYTES: usize = 16;

/// A record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record<'a> {
    /// One with the header that DTLS has always had.
    Long { kind: u8, version: TlsVersion, epoch: u16, sequence: u64, body: &'a [u8] },
    /// One with the header of DTLS 1.3, of which only the lowest bits of the epoch are in the clear.
    Short { epoch: u8, id: &'a [u8], body: &'a [u8] },
}

/// Why no record was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoRecord {
    /// The bytes are none.
    Malformed,
    /// It bears a connection ID of which nobody knows how long it is.
    UnknownId,
}

/// Reads the record that `datagram`, or what is left of it, begins with, where its receiver is addressed by the connection ID `id`.
/// Returns it and what follows.
pub(super) fn read<'a>(datagram: &'a [u8], id: Option<&[u8]>) -> Result<(Record<'a>, &'a [u8]), NoRecord> {
    match datagram.first() {
        Some(0x20..=0x3f) => short(datagram, id),
        Some(CHANGE_CIPHER_SPEC..=ACK) => long(datagram, id),
        _ => Err(NoRecord::Malformed),
    }
}

fn long<'a>(datagram: &'a [u8], id: Option<&[u8]>) -> Result<(Record<'a>, &'a [u8]), NoRecord> {
    let Some((&[kind, high, low, e1, e0, s5, s4, s3, s2, s1, s0], mut rest)) = datagram.split_first_chunk() else {
        return Err(NoRecord::Malformed);
    };
    let version = TlsVersion(u16::from_be_bytes([high, low]));
    if version != TlsVersion::DTLS1_0 && version != TlsVersion::DTLS1_2 {
        return Err(NoRecord::Malformed);
    }
    if kind == WITH_ID {
        let id = id.ok_or(NoRecord::UnknownId)?;
        rest = rest.strip_prefix(id).ok_or(NoRecord::Malformed)?;
    }
    let (&length, rest) = rest.split_first_chunk().ok_or(NoRecord::Malformed)?;
    let (body, rest) = rest.split_at_checked(u16::from_be_bytes(length).into()).ok_or(NoRecord::Malformed)?;
    let sequence = u64::from_be_bytes([0, 0, s5, s4, s3, s2, s1, s0]);
    Ok((Record::Long { kind, version, epoch: u16::from_be_bytes([e1, e0]), sequence, body }, rest))
}

fn short<'a>(datagram: &'a [u8], id: Option<&[u8]>) -> Result<(Record<'a>, &'a [u8]), NoRecord> {
    const HAS_ID: u8 = 0x10;
    const LONG_SEQUENCE: u8 = 0x08;
    const HAS_LENGTH: u8 = 0x04;
    let Some((&first, mut rest)) = datagram.split_first() else { return Err(NoRecord::Malformed) };
    let mut take = |n: usize| {
        let (taken, behind) = rest.split_at_checked(n).ok_or(NoRecord::Malformed)?;
        rest = behind;
        Ok(taken)
    };
    let id = if first & HAS_ID != 0 { take(id.ok_or(NoRecord::UnknownId)?.len())? } else { &[] };
    take(if first & LONG_SEQUENCE != 0 { 2 } else { 1 })?;
    let length = match first & HAS_LENGTH != 0 {
        true => Some(take(2)?.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte))),
        false => None,
    };
    let (body, rest) = rest.split_at_checked(length.unwrap_or(rest.len())).ok_or(NoRecord::Malformed)?;
    Ok((Record::Short { epoch: first & 3, id, body }, rest))
}

/// Whether bytes begin with a record with the long header, in an epoch that goes with its type.
pub(super) fn is_opening(datagram: &[u8]) -> bool {
    match read(datagram, None) {
        Ok((Record::Long { kind: HANDSHAKE, epoch: 0, body, .. }, _)) => fragment(body).is_some(),
        Ok((Record::Long { kind: CHANGE_CIPHER_SPEC, epoch: 0, body, .. }, _)) => body == [1],
        Ok((Record::Long { kind: ALERT, epoch: 0, body, .. }, _)) => body.len() == 2,
        Ok((Record::Long { kind: CHANGE_CIPHER_SPEC..=HEARTBEAT, epoch: 1.., body, .. }, _)) => body.len() >= SEALED_BYTES,
        Ok((Record::Long { kind: ACK, epoch: 0, .. }, _)) => true,
        // a record with a connection ID has its header at least
        Err(NoRecord::UnknownId) => datagram.first() == Some(&WITH_ID) && datagram.len() >= 13 + SEALED_BYTES,
        _ => false,
    }
}

/// A piece of a handshake message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fragment<'a> {
    /// The type of the message.
    pub(super) kind: u8,
    /// The length of the message.
    pub(super) length: usize,
    /// Its place among the messages of its sender.
    pub(super) sequence: u16,
    /// Bytes of the message before the piece.
    pub(super) offset: usize,
    pub(super) bytes: &'a [u8],
}

/// Reads the fragment that `body` begins with. Returns it and what follows.
pub(super) fn fragment(body: &[u8]) -> Option<(Fragment<'_>, &[u8])> {
    let (&[kind, l2, l1, l0, q1, q0, o2, o1, o0, f2, f1, f0], rest) = body.split_first_chunk()?;
    let three = |high, middle, low| u32::from_be_bytes([0, high, middle, low]) as usize;
    let (length, offset) = (three(l2, l1, l0), three(o2, o1, o0));
    let (bytes, rest) = rest.split_at_checked(three(f2, f1, f0))?;
    // an empty piece of a message that is not empty says nothing
    let has_place = offset + bytes.len() <= length && (length == 0 || !bytes.is_empty());
    has_place.then_some((Fragment { kind, length, sequence: u16::from_be_bytes([q1, q0]), offset, bytes }, rest))
}
