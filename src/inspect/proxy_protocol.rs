//! The PROXY protocol, versions 1 and 2: a header by which a proxy says for whom it connects, and behind which both ends are probed afresh.
//!
//! The addresses in it are the word of whoever sends it, and are not believed. A header that holds more than addresses and the fields that are
//! known, each once and no longer than it is there, is content in the clear; what is behind it is read all the same.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::lines::{begins, is_host};
use super::{Carrier, Inspector, Progress, Protocol, Seen, saved};
use crate::fact::{Cleartext, End, Fact, Finish};

/// The PROXY protocol over TCP.
pub(super) static PROXY_PROTOCOL: Protocol = Protocol {
    name: "proxy-protocol",
    carrier: Carrier::Stream,
    recognised_by: "the line PROXY TCP4, TCP6 or UNKNOWN, or the signature of version 2",
    reads: "its length, and whether it holds more than addresses and known fields",
    encrypted: "what is behind it, by its own protocol",
    probe: |opening| begins(opening.first, &[b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN", SIGNATURE]),
    open: || Box::new(ProxyProtocol::default()),
    load: saved::load::<ProxyProtocol>,
};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The longest line of version 1.
const LINE_BYTES: usize = 107;
/// What is read of a header of version 2 as one: every known field once, at its longest, takes less.
const HEADER_BYTES: usize = 2048;
/// Signature, command, family and length.
const HEAD_BYTES: usize = SIGNATURE.len() + 4;

#[derive(Default, Serialize, Deserialize)]
struct ProxyProtocol {
    opener: Option<End>,
}

/// The length of the header; `None` where that is not known yet.
fn header_length(bytes: &[u8]) -> Result<Option<usize>, ()> {
    if bytes.starts_with(b"PROXY ") {
        let end = bytes.iter().take(LINE_BYTES).position(|&byte| byte == b'\n');
        return if end.is_none() && bytes.len() >= LINE_BYTES { Err(()) } else { Ok(end.map(|end| end + 1)) };
    }
    match bytes.get(SIGNATURE.len()..) {
        Some(&[0x20 | 0x21, _, high, low, ..]) => Ok(Some(HEAD_BYTES + usize::from(u16::from_be_bytes([high, low])))),
        Some([] | [0x20 | 0x21] | [0x20 | 0x21, _] | [0x20 | 0x21, _, _]) => Ok(None),
        _ => Err(()),
    }
}

/// Whether a whole header holds what one may, and nothing else.
fn is_formal(header: &[u8]) -> bool {
    match header.strip_prefix(b"PROXY ") {
        Some(line) => is_line(line.trim_ascii_end()),
        None => header.len() <= HEADER_BYTES && is_version_2(header),
    }
}

/// Whether the words of a line are a family, two addresses of it and two ports; where it is unknown they may be missing.
fn is_line(line: &[u8]) -> bool {
    let Ok(line) = std::str::from_utf8(line) else { return false };
    let mut words = line.split(' ');
    let family = words.next().unwrap_or_default();
    let rest: Vec<&str> = words.collect();
    let is_address = |word: &str| match family {
        "TCP4" => word.parse::<Ipv4Addr>().is_ok(),
        "TCP6" => word.parse::<Ipv6Addr>().is_ok(),
        _ => word.parse::<Ipv4Addr>().is_ok() || word.parse::<Ipv6Addr>().is_ok(),
    };
    match rest[..] {
        [] => family == "UNKNOWN",
        [source, destination, from, to] => {
            is_address(source) && is_address(destination) && from.parse::<u16>().is_ok() && to.parse::<u16>().is_ok()
        }
        _ => false,
    }
}

/// Whether the addresses of a header of version 2 are followed by known fields alone, each once.
fn is_version_2(header: &[u8]) -> bool {
    let addresses = match header.get(SIGNATURE.len() + 1) {
        Some(0x00) => 0,
        Some(0x11 | 0x12) => 12,
        Some(0x21 | 0x22) => 36,
        _ => return false,
    };
    // one that speaks for itself may leave them out
    let fields = header.get(HEAD_BYTES + addresses..).or_else(|| header.get(HEAD_BYTES..).filter(|rest| rest.is_empty()));
    fields.is_some_and(|fields| are_fields(fields, is_field))
}

/// Whether bytes are fields of a type, a length and a value, each of a type once, and each of which is known.
fn are_fields(mut rest: &[u8], is_known: fn(u8, &[u8]) -> bool) -> bool {
    let mut met = [false; 256];
    while let Some((&[kind, high, low], behind)) = rest.split_first_chunk() {
        let Some((value, next)) = behind.split_at_checked(u16::from_be_bytes([high, low]).into()) else { return false };
        if std::mem::replace(&mut met[usize::from(kind)], true) || !is_known(kind, value) {
            return false;
        }
        rest = next;
    }
    rest.is_empty()
}

/// Whether a field is one of the protocol's (section 2.2 of its text), or of the clouds whose gateways add one.
fn is_field(kind: u8, value: &[u8]) -> bool {
    let is_word = |most: usize| value.len() <= most && value.iter().all(u8::is_ascii_graphic);
    match kind {
        // an application protocol, as its registry has them
        0x01 => is_word(32),
        // the name that a client asked for, as in a hello
        0x02 => is_host(value),
        // a checksum
        0x03 => value.len() == 4,
        // padding, which is to be ignored
        0x04 => value.len() <= 256 && value.iter().all(|&byte| byte == 0),
        // what identifies the connection
        0x05 => value.len() <= 128,
        // flags, a verdict, and fields within
        0x20 => value.get(5..).is_some_and(|fields| are_fields(fields, is_field_of_tls)),
        // a name space of Linux
        0x30 => is_word(64),
        // the number of a connection by Private Service Connect of Google
        0xe0 => value.len() == 8,
        // an endpoint of Amazon's, by its name
        0xea => {
            matches!(value, [1, name @ ..] if name.len() <= 32 && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-'))
        }
        // the number of a private endpoint of Azure's
        0xee => value.len() == 5 && value[0] == 1,
        _ => false,
    }
}

/// Whether a field says something about the TLS that the proxy took off: a version, whom a certificate is for, a suite, how it is signed, a key,
/// a group, a scheme.
fn is_field_of_tls(kind: u8, value: &[u8]) -> bool {
    let is_text = value.iter().all(|byte| matches!(byte, b' '..=b'~') || !byte.is_ascii());
    match kind {
        // the upper bound of a common name (RFC 5280 appendix A)
        0x22 => value.len() <= 64 && is_text,
        0x21 | 0x23..=0x27 => value.len() <= 64 && value.iter().all(u8::is_ascii_graphic),
        _ => false,
    }
}

impl Inspector for ProxyProtocol {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        if self.opener.is_none() {
            self.opener = Some(end);
            seen.say(Fact::Opener(end));
            seen.say(Fact::Prologue);
        }
        if self.opener != Some(end) {
            return Progress::Used(0);
        }
        match header_length(bytes) {
            Ok(Some(length)) if length <= bytes.len() => {
                if !is_formal(&bytes[..length]) {
                    seen.say(Fact::Cleartext(Cleartext::Protocol));
                }
                Progress::Handover(length)
            }
            Ok(_) => Progress::Used(0),
            Err(()) => Progress::Violation(Cleartext::Protocol),
        }
    }

    fn gap(&mut self, _: End, _: u64, _: &mut Seen<'_>) -> Progress {
        Progress::Settled
    }

    fn finish(&mut self, _: End, _: Finish, _: &mut Seen<'_>) {}

    fn is_prologue(&self) -> bool {
        true
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}
