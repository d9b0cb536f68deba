//! Redis without TLS: its serialisation protocol, RESP.

use super::sighted::{Opener, Sighted};
use super::{Carrier, Opening, Probe, Protocol, saved};

/// Redis over TCP.
pub(super) static REDIS: Protocol = Protocol {
    name: "redis",
    carrier: Carrier::Stream,
    recognised_by: "a command as an array of bulk strings, the first of which is a short word",
    reads: "nothing more",
    encrypted: "never",
    probe,
    open: || Sighted::stream(Opener::First),
    load: saved::load::<Sighted>,
};

fn probe(opening: &Opening<'_>) -> Probe {
    let (count, rest) = match number(opening.first, b'*') {
        Ok(Some(read)) => read,
        Ok(None) => return Probe::Maybe,
        Err(()) => return Probe::No,
    };
    match number(rest, b'$') {
        Ok(Some((1..=32, word))) if count > 0 => match word {
            [a, b, ..] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => Probe::Yes,
            [] => Probe::Maybe,
            [a] if a.is_ascii_alphabetic() => Probe::Maybe,
            _ => Probe::No,
        },
        Ok(None) => Probe::Maybe,
        _ => Probe::No,
    }
}

/// A line of this kind that holds a number, and what is behind it; `None` where the line is not whole.
fn number(bytes: &[u8], kind: u8) -> Result<Option<(u32, &[u8])>, ()> {
    let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
    let digits = rest.iter().take(8).take_while(|byte| byte.is_ascii_digit()).count();
    if first != kind || digits > 7 {
        return Err(());
    }
    let (digits, rest) = rest.split_at(digits);
    let value = digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    match rest {
        [b'\r', b'\n', rest @ ..] if !digits.is_empty() => Ok(Some((value, rest))),
        [] | [b'\r'] => Ok(None),
        _ => Err(()),
    }
}
