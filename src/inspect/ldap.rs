//! LDAP (RFC 4511): a first message that binds, searches or extends, strictly framed in BER.

use super::sighted::{Opener, Sighted};
use super::{Carrier, Opening, Probe, Protocol, saved};

/// LDAP over TCP.
pub(super) static LDAP: Protocol = Protocol {
    name: "ldap",
    carrier: Carrier::Stream,
    recognised_by: "an LDAPMessage of RFC 4511 whose lengths fit: bind, search, extended request",
    encrypts: false,
    probe,
    open: || Sighted::stream(Opener::First),
    load: saved::load::<Sighted>,
};

/// Reads a BER tag and length: what they say, and what follows them.
fn element(bytes: &[u8]) -> Option<(u8, usize, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if first < 0x80 {
        return Some((tag, usize::from(first), rest));
    }
    let count = usize::from(first & 0x7f);
    let (length, rest) = rest.split_at_checked(count).filter(|_| (1..=4).contains(&count))?;
    Some((tag, length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest))
}

fn probe(opening: &Opening<'_>) -> Probe {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 0x02;
    let cut = |least: usize| if opening.first.len() < least { Probe::Maybe } else { Probe::No };
    if opening.first.first() != Some(&SEQUENCE) {
        return Probe::No;
    }
    let Some((_, whole, body)) = element(opening.first) else { return cut(6) };
    let Some((INTEGER, id_length @ 1..=4, rest)) = element(body) else { return cut(9) };
    let Some((operation, length, rest)) = rest.get(id_length..).and_then(element) else { return cut(20) };
    let head = body.len() - rest.len();
    // bind, search, extended; controls may follow
    let fits = matches!(operation, 0x60 | 0x63 | 0x77) && length > 0 && head + length <= whole;
    // a bind begins with its version
    let bind = operation != 0x60 || rest.len() < 3 || matches!(rest, [INTEGER, 1, 2 | 3, ..]);
    if fits && bind { Probe::Yes } else { Probe::No }
}
