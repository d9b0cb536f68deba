//! Telnet (RFC 854): option negotiation at the start.

use super::sighted::{Opener, Sighted};
use super::{Carrier, Opening, Probe, Protocol, saved};

/// Telnet over TCP.
pub(super) static TELNET: Protocol = Protocol {
    name: "telnet",
    carrier: Carrier::Stream,
    recognised_by: "two option negotiations (IAC WILL, WONT, DO, DONT or SB) one after the other at the start",
    reads: "nothing more",
    encrypted: "never",
    probe,
    open: || Sighted::stream(Opener::Unknown),
    load: saved::load::<Sighted>,
};

const IAC: u8 = 255;
const SB: u8 = 250;
const SE: u8 = 240;

fn probe(opening: &Opening<'_>) -> Probe {
    let mut rest = opening.first;
    for _ in 0..2 {
        match *rest {
            [] | [IAC] | [IAC, SB..=254] => return Probe::Maybe,
            [IAC, SB, _, ..] => match rest.windows(2).position(|pair| pair == [IAC, SE]) {
                Some(end) => rest = &rest[end + 2..],
                None => return Probe::Maybe,
            },
            [IAC, 251..=254, option, ..] if option < 50 || option == 255 => rest = &rest[3..],
            _ => return Probe::No,
        }
        // one negotiation and an answer to it will do as well as two
        if rest.is_empty() && opening.second.first() == Some(&IAC) {
            return Probe::Yes;
        }
    }
    Probe::Yes
}
