//! The Android Debug Bridge: messages of 24 bytes and their payload. The host says what it can in one CNXN, the device asks for TLS by STLS and
//! the host says the same, after which TLS follows; without it all is in the clear.

use serde::{Deserialize, Serialize};

use super::{Carrier, Inspector, Opening, Probe, Progress, Protocol, Seen, saved};
use crate::fact::{Cleartext, End, Fact, Finish, Upgrade};

/// ADB over TCP.
pub(super) static ADB: Protocol = Protocol {
    name: "adb",
    carrier: Carrier::Stream,
    recognised_by: "a CNXN message whose magic number is its complement",
    reads: "the kinds of messages, STLS of both ends",
    encrypted: "the TLS behind STLS of both ends",
    probe,
    open: || Box::new(Adb::default()),
    load: saved::load::<Adb>,
};

const HEAD_BYTES: usize = 24;
const CONNECT: &[u8; 4] = b"CNXN";
/// The longest message of a host that connects: the list of what it can takes some 400 bytes.
const CONNECT_BYTES: usize = 1024;
/// Messages ahead of TLS that are read, those included that have no place there.
const MESSAGES: u8 = 4;

fn probe(opening: &Opening<'_>) -> Probe {
    match super::lines::begins(opening.first, &[CONNECT]) {
        Probe::Yes => match head(opening.first) {
            Some(Ok(_)) => Probe::Yes,
            Some(Err(())) => Probe::No,
            None => Probe::Maybe,
        },
        other => other,
    }
}

/// The kind and the length of a message, once its head is whole.
fn head(bytes: &[u8]) -> Option<Result<([u8; 4], usize), ()>> {
    let head = bytes.first_chunk::<HEAD_BYTES>()?;
    let (kind, rest) = head.split_first_chunk::<4>()?;
    let (length, magic) = (rest.get(8..12)?.first_chunk()?, rest.last_chunk::<4>()?);
    let is_right = kind.iter().zip(magic).all(|(a, b)| *a == !*b);
    Some(if is_right { Ok((*kind, HEAD_BYTES + u32::from_le_bytes(*length) as usize)) } else { Err(()) })
}

/// Whether the payload of a CNXN says that a host connects, and names features.
fn is_of_host(payload: &[u8]) -> bool {
    let Some(features) = payload.strip_prefix(b"host::") else { return false };
    let features = features.strip_suffix(b"\0").unwrap_or(features);
    features.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-,;=.".contains(byte))
}

#[derive(Default, Serialize, Deserialize)]
struct Adb {
    begun: bool,
    /// The host has connected.
    connected: bool,
    /// Messages that were read.
    messages: u8,
    /// Ends that sent STLS, after which only TLS is theirs.
    upgrades: [bool; 2],
}

impl Inspector for Adb {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        if !std::mem::replace(&mut self.begun, true) {
            seen.say(Fact::Opener(end));
            seen.say(Fact::Prologue);
        }
        if self.upgrades[end.index()] {
            return Progress::Used(0);
        }
        match head(bytes) {
            None => Progress::Used(0),
            Some(Err(())) => Progress::Violation(Cleartext::Protocol),
            Some(Ok((kind, length))) => match &kind {
                b"STLS" if length == HEAD_BYTES => {
                    self.upgrades[end.index()] = true;
                    if self.upgrades == [true; 2] {
                        seen.say(Fact::Upgrade(Upgrade::Agreed));
                        return Progress::Upgrade(HEAD_BYTES);
                    }
                    seen.say(Fact::Upgrade(Upgrade::Asked));
                    Progress::Used(HEAD_BYTES)
                }
                // old hosts say it once
                b"SYNC" if self.messages < MESSAGES && length == HEAD_BYTES => {
                    self.messages += 1;
                    Progress::Used(HEAD_BYTES)
                }
                CONNECT if self.messages < MESSAGES && length <= CONNECT_BYTES => {
                    let Some(payload) = bytes.get(HEAD_BYTES..length) else { return Progress::Used(0) };
                    self.messages += 1;
                    // one of the device, or another, has no place ahead of TLS
                    if std::mem::replace(&mut self.connected, true) || !is_of_host(payload) {
                        seen.say(Fact::Cleartext(Cleartext::Protocol));
                    }
                    Progress::Used(length)
                }
                _ => {
                    seen.say(Fact::Cleartext(Cleartext::Protocol));
                    Progress::Settled
                }
            },
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
