//! Memcached without TLS: its commands in text, and the answers to them.

use super::lines::begins;
use super::sighted::{Opener, Sighted};
use super::{Carrier, Opening, Probe, Protocol, saved};

/// Memcached over TCP.
pub(super) static MEMCACHED: Protocol = Protocol {
    name: "memcached",
    carrier: Carrier::Stream,
    recognised_by: "a command in text and an answer of its own to it",
    reads: "nothing more",
    encrypted: "never",
    probe,
    open: || Sighted::stream(Opener::First),
    load: saved::load::<Sighted>,
};

fn probe(opening: &Opening<'_>) -> Probe {
    const COMMANDS: [&[u8]; 9] = [b"get ", b"gets ", b"set ", b"add ", b"delete ", b"incr ", b"stats", b"version\r\n", b"flush_all"];
    const ANSWERS: [&[u8]; 7] = [b"VALUE ", b"END\r\n", b"STORED\r\n", b"NOT_STORED", b"STAT ", b"VERSION ", b"NOT_FOUND\r\n"];
    let is_lower = opening.first.first().is_none_or(u8::is_ascii_lowercase);
    match begins(opening.first, &COMMANDS) {
        Probe::No => Probe::No,
        _ if !is_lower => Probe::No,
        Probe::Yes if !opening.second.is_empty() => begins(opening.second, &ANSWERS),
        // text of any other kind is known as text
        _ if opening.first.len() < super::readable::OPENING_RUN => Probe::Maybe,
        _ => Probe::No,
    }
}
