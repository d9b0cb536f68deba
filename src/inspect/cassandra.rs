//! Cassandra without TLS: the first frame of its native protocol, CQL.

use super::lines::holds;
use super::sighted::{Opener, Sighted};
use super::{Carrier, Opening, Probe, Protocol, saved};

/// Cassandra over TCP.
pub(super) static CASSANDRA: Protocol = Protocol {
    name: "cassandra",
    carrier: Carrier::Stream,
    recognised_by: "a frame of version 3 to 5 that asks for options and is answered, or that begins a session with a version of CQL",
    reads: "nothing more",
    encrypted: "never",
    probe,
    open: || Sighted::stream(Opener::First),
    load: saved::load::<Sighted>,
};

/// Version, flags, number, kind and length.
const HEAD_BYTES: usize = 9;
const STARTUP: u8 = 1;
const OPTIONS: u8 = 5;
/// Bytes of a frame that begins a session in which the version stands.
const STARTUP_BYTES: usize = 64;

fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.first;
    let fits = bytes.first().is_none_or(|version| matches!(version, 3..=5)) && bytes.get(1).is_none_or(|flags| flags & 0xe0 == 0);
    match (bytes.get(4), bytes.get(..HEAD_BYTES)) {
        _ if !fits => Probe::No,
        (Some(&OPTIONS), Some([version, _, one, other, _, 0, 0, 0, 0])) => match opening.second.get(..HEAD_BYTES) {
            None => Probe::Maybe,
            Some([answers, _, a, b, 0 | 6, ..]) if *answers == version | 0x80 && (a, b) == (one, other) => Probe::Yes,
            Some(_) => Probe::No,
        },
        (Some(&STARTUP), Some([.., 0, 0, _, _])) => {
            let body = &bytes[HEAD_BYTES..bytes.len().min(HEAD_BYTES + STARTUP_BYTES)];
            match holds(body, b"\0\x0bCQL_VERSION") {
                true => Probe::Yes,
                false if body.len() < STARTUP_BYTES => Probe::Maybe,
                false => Probe::No,
            }
        }
        (None | Some(&(STARTUP | OPTIONS)), None) => Probe::Maybe,
        _ => Probe::No,
    }
}
