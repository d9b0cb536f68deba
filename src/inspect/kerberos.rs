//! Kerberos 5 (RFC 4120): who asks for a ticket to what goes in the clear, the tickets themselves do not.

use super::sighted::{Opener, Sighted};
use super::{Carrier, Opening, Probe, Protocol, saved};
use crate::fact::End;

/// Kerberos over UDP.
pub(super) static OVER_UDP: Protocol = Protocol {
    name: "kerberos",
    carrier: Carrier::Datagram,
    recognised_by: "a request, an answer or an error of version 5 in DER whose length is the datagram's",
    reads: "the kind of message, which tells who asks",
    encrypted: "never: names go in the clear",
    probe: |opening| if is_message(opening.first) { Probe::Yes } else { Probe::No },
    open: Sighted::kerberos,
    load: saved::load::<Sighted>,
};

/// Kerberos over TCP, behind its length.
pub(super) static OVER_TCP: Protocol = Protocol {
    name: "kerberos",
    carrier: Carrier::Stream,
    recognised_by: "a length, and a request of version 5 in DER that fills it",
    reads: "nothing more",
    encrypted: "never: names go in the clear",
    probe: probe_stream,
    open: || Sighted::stream(Opener::First),
    load: saved::load::<Sighted>,
};

/// The tags of requests for a ticket, and of what answers them.
const REQUESTS: [u8; 2] = [0x6a, 0x6c];
const ANSWERS: [u8; 3] = [0x6b, 0x6d, 0x7e];
/// Bytes in which the head of a message ends: two lengths, and the version.
const HEAD_BYTES: usize = 24;

/// What follows the tag and the length of an element in DER, and how long it says to be.
fn element(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&[_, first], rest) = bytes.split_first_chunk()?;
    if first < 0x80 {
        return Some((first.into(), rest));
    }
    let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f)).filter(|(length, _)| (1..=4).contains(&length.len()))?;
    Some((length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest))
}

/// Whether bytes begin with a message of version 5, which is as long as `whole` says.
fn begins_message(bytes: &[u8], whole: usize) -> bool {
    let Some((length, sequence)) = element(bytes) else { return false };
    let Some((inner, fields)) = element(sequence) else { return false };
    let is_sequence = sequence.first() == Some(&0x30) && length + bytes.len() - sequence.len() == whole;
    // the version stands in the second field of a request, and in the first of an answer
    let place = if bytes.first().is_some_and(|tag| REQUESTS.contains(tag)) { 0xa1 } else { 0xa0 };
    is_sequence && inner + sequence.len() - fields.len() == length && fields.starts_with(&[place, 3, 2, 1, 5])
}

/// Whether a datagram is a message of Kerberos.
pub(super) fn is_message(bytes: &[u8]) -> bool {
    let is_known = bytes.first().is_some_and(|tag| REQUESTS.contains(tag) || ANSWERS.contains(tag));
    is_known && begins_message(bytes, bytes.len())
}

fn probe_stream(opening: &Opening<'_>) -> Probe {
    let bytes = opening.first;
    let fits = bytes.first().is_none_or(|&byte| byte == 0) && bytes.get(4).is_none_or(|tag| REQUESTS.contains(tag));
    let Some((length, message)) = bytes.split_first_chunk::<4>() else { return if fits { Probe::Maybe } else { Probe::No } };
    match fits {
        true if begins_message(message, u32::from_be_bytes(*length) as usize) => Probe::Yes,
        true if message.len() < HEAD_BYTES => Probe::Maybe,
        _ => Probe::No,
    }
}

/// The end that asked, by the kind of a datagram that `end` sent.
pub(super) fn opener(end: End, bytes: &[u8]) -> Option<End> {
    Some(if REQUESTS.contains(bytes.first()?) { end } else { !end })
}
