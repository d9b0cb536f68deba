//! SSH 2 (RFC 4253), known to encrypt by its handshake: version lines, key exchange in the clear, and NEWKEYS of both ends. A banner
//! alone proves nothing, nor does an exchange in which both ends would do without a cipher.

use serde::{Deserialize, Serialize};

use super::lines::begins;
use super::{Carrier, Inspector, Progress, Protocol, Seen, readable, saved};
use crate::fact::{Cleartext, End, Fact, Finish};
use crate::limits;

/// SSH over TCP.
pub(super) static SSH: Protocol = Protocol {
    name: "ssh",
    carrier: Carrier::Stream,
    recognised_by: "a version line SSH-2.0 or SSH-1.99",
    reads: "version lines and the types of messages up to NEWKEYS",
    encrypted: "all after NEWKEYS of both ends",
    probe: |opening| begins(opening.first, &[b"SSH-2.0-", b"SSH-1.99-"]),
    open: || Box::new(Ssh::default()),
    load: saved::load::<Ssh>,
};

const KEXINIT: u8 = 20;
const NEWKEYS: u8 = 21;

#[derive(Default, Serialize, Deserialize)]
struct Ssh {
    ends: [Half; 2],
    begun: bool,
    /// Bytes of text that each end sent ahead of its version.
    ahead: [u32; 2],
    /// Which ends would do without a cipher, either way.
    offers_none: [bool; 2],
}

/// How far one end has come.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Half {
    /// Its version line is awaited.
    #[default]
    Version,
    /// Its packets are in the clear; whether it sent KEXINIT.
    Clear(bool),
    /// It sent NEWKEYS: all that follows is ciphertext.
    Keyed,
}

impl Ssh {
    /// Notes whether a KEXINIT (RFC 4253 section 7.1) offers to do without a cipher: a type, a cookie, and lists of names of which the third
    /// and fourth are those of ciphers.
    fn offer(&mut self, end: End, message: &[u8]) {
        let mut rest = message.get(17..).unwrap_or_default();
        for n in 0..4 {
            let Some((&length, behind)) = rest.split_first_chunk() else { return };
            let Some((list, behind)) = behind.split_at_checked(u32::from_be_bytes(length) as usize) else { return };
            rest = behind;
            self.offers_none[end.index()] |= n >= 2 && list.split(|&byte| byte == b',').any(|name| name == b"none");
        }
    }

    /// Takes one binary packet in the clear. Returns its length, or `None` where it is none.
    fn packet(&mut self, end: End, bytes: &[u8], exchanged: bool) -> Option<usize> {
        let (head, rest) = bytes.split_first_chunk::<5>()?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let padding = usize::from(head[4]);
        let sane =
            (5..=limits::SSH_PACKET_BYTES).contains(&length) && padding >= 4 && padding + 1 < length && (length + 4).is_multiple_of(8);
        let kind = *rest.first()?;
        // before keys: transport messages (1 to 49) alone, and KEXINIT first
        if !sane || !(1..=49).contains(&kind) || !exchanged && !matches!(kind, 1..=4 | KEXINIT) {
            return None;
        }
        self.ends[end.index()] = match kind {
            KEXINIT => Half::Clear(true),
            NEWKEYS => Half::Keyed,
            _ => Half::Clear(exchanged),
        };
        Some(4 + length)
    }
}

impl Inspector for Ssh {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        if !std::mem::replace(&mut self.begun, true) {
            seen.say(Fact::HandshakeBegun);
        }
        let mut used = 0;
        loop {
            let rest = &bytes[used.min(bytes.len())..];
            match self.ends[end.index()] {
                Half::Version => {
                    let Some(line) = rest.iter().position(|&byte| byte == b'\n') else {
                        return if rest.len() > limits::SSH_LINE_BYTES {
                            Progress::Violation(Cleartext::Protocol)
                        } else {
                            Progress::Used(used)
                        };
                    };
                    // a server may send lines of text before its version
                    let ahead = &mut self.ahead[end.index()];
                    if rest.starts_with(b"SSH-") {
                        self.ends[end.index()] = Half::Clear(false);
                    } else {
                        *ahead = ahead.saturating_add(line as u32 + 1);
                    }
                    if *ahead as usize > limits::SSH_LINE_BYTES {
                        return Progress::Violation(Cleartext::Protocol);
                    }
                    used += line + 1;
                }
                Half::Clear(exchanged) => {
                    if rest.len() < 6 {
                        return Progress::Used(used);
                    }
                    let Some(length) = self.packet(end, rest, exchanged) else { return Progress::Violation(Cleartext::AfterHandshake) };
                    if rest[5] == KEXINIT {
                        let Some(whole) = rest.get(5..length) else {
                            // its lists are read, and it is said again with the rest of it
                            self.ends[end.index()] = Half::Clear(exchanged);
                            return Progress::Used(used);
                        };
                        self.offer(end, whole);
                    }
                    if self.ends == [Half::Keyed; 2] {
                        seen.say(Fact::HandshakeFinished);
                        if self.offers_none != [true; 2] {
                            seen.say(Fact::Encrypted);
                        }
                    }
                    used += length;
                    if used > bytes.len() {
                        return Progress::Skip(used);
                    }
                }
                Half::Keyed if rest.is_empty() => return Progress::Used(used),
                Half::Keyed if rest.len() >= readable::SEALED_RUN && readable::is_unsealed(rest) => {
                    return Progress::Violation(Cleartext::AfterHandshake);
                }
                Half::Keyed if self.ends == [Half::Keyed; 2] => {
                    seen.say(Fact::ProtectedData);
                    return Progress::Settled;
                }
                Half::Keyed => return Progress::Skip(bytes.len()),
            }
            if used == bytes.len() {
                return Progress::Used(used);
            }
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
