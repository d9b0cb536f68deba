//! MongoDB without TLS: a first message of its wire protocol.

use super::sighted::{Opener, Sighted};
use super::{Carrier, Opening, Probe, Protocol, saved};

/// MongoDB over TCP.
pub(super) static MONGODB: Protocol = Protocol {
    name: "mongodb",
    carrier: Carrier::Stream,
    recognised_by: "an OP_MSG whose document fits its length, or an OP_QUERY of a collection $cmd",
    reads: "nothing more",
    encrypted: "never",
    probe,
    open: || Sighted::stream(Opener::First),
    load: saved::load::<Sighted>,
};

const OP_QUERY: u32 = 2004;
const OP_MSG: u32 = 2013;

fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.first;
    let word = |at: usize| bytes.get(at..at + 4).and_then(|bytes| bytes.first_chunk()).map(|bytes| u32::from_le_bytes(*bytes));
    let fits = bytes.get(3).is_none_or(|&byte| byte < 4) && word(8).is_none_or(|answers| answers == 0);
    let (Some(26..=48_000_000), Some(operation), true) = (word(0), word(12), fits) else {
        return if fits && bytes.len() < 16 { Probe::Maybe } else { Probe::No };
    };
    let length = word(0).unwrap_or_default();
    match operation {
        // no flag but the three known, and one document
        OP_MSG => match (word(16), bytes.get(20), word(21)) {
            (Some(0..=3 | 0x1_0000..=0x1_0003), Some(0), Some(document)) if (5..=length - 21).contains(&document) => Probe::Yes,
            (None, ..) | (_, None, _) | (_, Some(0), None) => Probe::Maybe,
            _ => Probe::No,
        },
        OP_QUERY => {
            let name = bytes.get(20..).unwrap_or_default();
            match name.iter().take(128).position(|&byte| byte == 0) {
                Some(end) if name[..end].ends_with(b".$cmd") => Probe::Yes,
                None if name.len() < 128 => Probe::Maybe,
                _ => Probe::No,
            }
        }
        _ => Probe::No,
    }
}
