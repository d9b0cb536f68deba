//! Syslog (RFC 5424, RFC 3164) in datagrams (RFC 5426) and over TCP (RFC 6587).

use super::sighted::{Opener, Sighted};
use super::{Carrier, Opening, Probe, Protocol, saved};

/// Syslog over UDP.
pub(super) static OVER_UDP: Protocol = Protocol {
    name: "syslog",
    carrier: Carrier::Datagram,
    recognised_by: "a priority in angle brackets, then a version or a date",
    reads: "nothing more",
    encrypted: "never",
    probe: |opening| if is_message(opening.first) { Probe::Yes } else { Probe::No },
    open: Sighted::syslog,
    load: saved::load::<Sighted>,
};

/// Syslog over TCP, with or without counted octets.
pub(super) static OVER_TCP: Protocol = Protocol {
    name: "syslog",
    carrier: Carrier::Stream,
    recognised_by: "an optional count, a priority in angle brackets, then a version or a date",
    reads: "nothing more",
    encrypted: "never",
    probe: probe_stream,
    open: || Sighted::stream(Opener::First),
    load: saved::load::<Sighted>,
};

/// Whether bytes begin with `<PRI>` of at most 191 and a version, a month, or a digit of a date.
pub(super) fn is_message(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"<") else { return false };
    let Some(end) = rest.iter().take(4).position(|&byte| byte == b'>') else { return false };
    let priority = std::str::from_utf8(&rest[..end]).ok().and_then(|text| text.parse::<u16>().ok());
    let after = &rest[end + 1..];
    const MONTHS: [&[u8]; 12] =
        [b"Jan ", b"Feb ", b"Mar ", b"Apr ", b"May ", b"Jun ", b"Jul ", b"Aug ", b"Sep ", b"Oct ", b"Nov ", b"Dec "];
    let dated = MONTHS.iter().any(|month| after.starts_with(month)) || matches!(after, [b'1'..=b'9', b' ' | b'0'..=b'9', ..]);
    priority.is_some_and(|priority| priority <= 191) && dated
}

fn probe_stream(opening: &Opening<'_>) -> Probe {
    let digits = opening.first.iter().take(6).take_while(|byte| byte.is_ascii_digit()).count();
    let message = match opening.first.get(digits..) {
        Some([b' ', rest @ ..]) if digits > 0 => rest,
        Some(rest) if digits == 0 => rest,
        Some([]) | None => return Probe::Maybe,
        Some(_) => return Probe::No,
    };
    match message {
        [] => Probe::Maybe,
        [b'<', ..] if is_message(message) => Probe::Yes,
        [b'<', ..] if message.len() < 10 => Probe::Maybe,
        _ => Probe::No,
    }
}
