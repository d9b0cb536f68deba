//! The PROXY protocol, versions 1 and 2: a header by which a proxy says for whom it connects, and behind which both ends are probed afresh.
//!
//! The addresses in it are the word of whoever sends it, and are not believed.

use serde::{Deserialize, Serialize};

use super::lines::begins;
use super::{Carrier, Inspector, Progress, Protocol, Seen, saved};
use crate::fact::{Cleartext, End, Fact, Finish};

/// The PROXY protocol over TCP.
pub(super) static PROXY_PROTOCOL: Protocol = Protocol {
    name: "proxy-protocol",
    carrier: Carrier::Stream,
    recognised_by: "the line PROXY TCP4, TCP6 or UNKNOWN, or the signature of version 2",
    reads: "its length",
    encrypted: "what is behind it, by its own protocol",
    probe: |opening| begins(opening.first, &[b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN", SIGNATURE]),
    open: || Box::new(ProxyProtocol::default()),
    load: saved::load::<ProxyProtocol>,
};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The longest line of version 1.
const LINE_BYTES: usize = 107;

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
        Some(&[0x20 | 0x21, _, high, low, ..]) => Ok(Some(SIGNATURE.len() + 4 + usize::from(u16::from_be_bytes([high, low])))),
        Some([] | [0x20 | 0x21] | [0x20 | 0x21, _] | [0x20 | 0x21, _, _]) => Ok(None),
        _ => Err(()),
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
            Ok(Some(length)) if length <= bytes.len() => Progress::Handover(length),
            Ok(_) => Progress::Used(0),
            Err(()) => Progress::Violation(Cleartext::Protocol),
        }
    }

    fn gap(&mut self, _: End, _: u64, _: &mut Seen<'_>) -> Progress {
        Progress::Settled
    }

    fn finish(&mut self, _: End, _: Finish, _: &mut Seen<'_>) {}

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}
