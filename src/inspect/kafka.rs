//! Kafka without TLS: a request and the answer with its number.

use super::sighted::{Opener, Sighted};
use super::{Carrier, Opening, Probe, Protocol, saved};

/// Kafka over TCP.
pub(super) static KAFKA: Protocol = Protocol {
    name: "kafka",
    carrier: Carrier::Stream,
    recognised_by: "a request with a known key, version and readable client id, and an answer with the same correlation id",
    reads: "nothing more",
    encrypted: "never",
    probe,
    open: || Sighted::stream(Opener::First),
    load: saved::load::<Sighted>,
};

fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.first;
    let half = |at: usize| bytes.get(at..at + 2).map(|bytes| usize::from(bytes[0]) << 8 | usize::from(bytes[1]));
    let is_long = bytes.first().is_none_or(|&byte| byte == 0) && long(bytes, 0).is_none_or(|length| (10..=1 << 20).contains(&length));
    let is_known = half(4).is_none_or(|key| key <= 90) && half(6).is_none_or(|version| version <= 20);
    let is_readable = half(12).is_none_or(|client| {
        let id = bytes.get(14..).unwrap_or_default();
        client == 0xffff || client < 256 && id[..client.min(id.len())].iter().all(u8::is_ascii_graphic)
    });
    if !is_long || !is_known || !is_readable {
        return Probe::No;
    }
    match (long(bytes, 8), long(opening.second, 0), long(opening.second, 4)) {
        (Some(number), Some(4..=0x100_0000), Some(answered)) if half(12).is_some() => {
            if answered == number {
                Probe::Yes
            } else {
                Probe::No
            }
        }
        (_, Some(length), _) if !(4..=0x100_0000).contains(&length) => Probe::No,
        _ => Probe::Maybe,
    }
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(|bytes| bytes.first_chunk()).map(|bytes| u32::from_be_bytes(*bytes))
}
