//! SSH 2 (RFC 4253), known to encrypt by its handshake: version lines, key exchange in the clear, and NEWKEYS of both ends. A banner
//! alone proves nothing, nor do NEWKEYS without an exchange of keys, nor ciphers that do not hide what they encrypt.
//!
//! Ahead of the keys all packets are read whole, and none has room for text: the lists of KEXINIT apart, which are bounded. Behind them nothing
//! shows where a packet begins, so that bytes are looked at as often as records of TLS begin: sealed ones do not read as text.

use serde::{Deserialize, Serialize};

use super::lines::begins;
use super::readable::{Look, Watch};
use super::{Carrier, Inspector, Progress, Protocol, Seen, readable, saved};
use crate::fact::{Cleartext, End, Fact, Finish};
use crate::limits;

/// SSH over TCP.
pub(super) static SSH: Protocol = Protocol {
    name: "ssh",
    carrier: Carrier::Stream,
    recognised_by: "a version line SSH-2.0 or SSH-1.99",
    reads: "version lines, and all messages up to NEWKEYS",
    encrypted: "all after NEWKEYS of both ends, where the cipher is not none, RC4, DES or 3DES",
    probe: |opening| begins(opening.first, &[b"SSH-2.0-", b"SSH-1.99-"]),
    open: || Box::new(Ssh::default()),
    load: saved::load::<Ssh>,
};

const KEXINIT: u8 = 20;
const NEWKEYS: u8 = 21;

/// Bytes behind the keys from one look to the next: those of a record of TLS.
const STRIDE: usize = 16 << 10;

#[derive(Default, Serialize, Deserialize)]
struct Ssh {
    ends: [Half; 2],
    begun: bool,
    is_data_said: bool,
}

/// What one end has sent.
#[derive(Default, Serialize, Deserialize)]
struct Half {
    stage: Stage,
    /// Bytes of text ahead of its version.
    ahead: usize,
    /// The ciphers that it offers, by direction, once it sent KEXINIT.
    offer: Option<[Vec<u8>; 2]>,
    /// It sent a message of the exchange of keys.
    has_key: bool,
    /// It answered the other's, as a server does.
    is_server: bool,
    /// Bytes of packets in the clear, and of those that are to be ignored.
    plain: usize,
    aside: usize,
    watch: Watch,
}

/// How far one end has come.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    /// Its version line is awaited.
    #[default]
    Version,
    /// Its packets are in the clear.
    Clear,
    /// It sent NEWKEYS: all that follows is ciphertext.
    Keyed,
}

/// What became of bytes.
enum Step {
    Used(usize),
    More,
    Broken,
}

impl Ssh {
    /// Takes a line ahead of the packets. A server may send a few before its version; a client none.
    fn line(&mut self, end: End, bytes: &[u8]) -> Step {
        let is_version = bytes.starts_with(b"SSH-");
        let line = bytes.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
        let length = line.unwrap_or(bytes.len());
        let other = self.ends[(!end).index()].ahead;
        let half = &mut self.ends[end.index()];
        let most = if is_version { limits::SSH_VERSION_BYTES } else { limits::SSH_AHEAD_BYTES.saturating_sub(half.ahead) };
        if length > most || !is_version && other > 0 {
            return Step::Broken;
        }
        match line {
            None => return Step::More,
            Some(_) if is_version => half.stage = Stage::Clear,
            Some(length) => half.ahead += length,
        }
        Step::Used(length)
    }

    /// Takes a binary packet in the clear (RFC 4253 section 6).
    fn packet(&mut self, end: End, bytes: &[u8]) -> Step {
        let Some((&[l3, l2, l1, l0, padding, kind], _)) = bytes.split_first_chunk() else { return Step::More };
        let length = u32::from_be_bytes([l3, l2, l1, l0]) as usize;
        let padding = usize::from(padding);
        let is_sane =
            (5..=limits::SSH_PACKET_BYTES).contains(&length) && padding >= 4 && padding + 1 < length && (length + 4).is_multiple_of(8);
        let half = &mut self.ends[end.index()];
        let is_due = match kind {
            // disconnect, ignore, unimplemented, debug
            1..=4 => half.aside + length <= limits::SSH_ASIDE_BYTES,
            KEXINIT => half.offer.is_none() && length <= limits::SSH_OFFER_BYTES,
            NEWKEYS => half.has_key && length < 64,
            30..=49 => half.offer.is_some() && half.plain + length <= limits::SSH_EXCHANGE_BYTES,
            _ => false,
        };
        if !is_sane || !is_due {
            return Step::Broken;
        }
        let Some(packet) = bytes.get(..4 + length) else { return Step::More };
        let message = packet.get(5..packet.len() - padding).unwrap_or_default();
        half.plain += length;
        match kind {
            KEXINIT => half.offer = Some(ciphers(message)),
            NEWKEYS => half.stage = Stage::Keyed,
            1..=4 => half.aside += length,
            _ => {
                half.has_key = true;
                // replies of the usual exchanges (RFC 4253 section 8, RFC 4419, RFC 5656)
                half.is_server |= matches!(kind, 31 | 33);
            }
        }
        if kind != KEXINIT && readable::holds_text(packet) { Step::Broken } else { Step::Used(4 + length) }
    }

    /// Whether what both ends agreed on encrypts, either way.
    fn is_encrypting(&self) -> bool {
        let [Some(one), Some(other)] = self.ends.each_ref().map(|half| half.offer.as_ref()) else { return false };
        let agreed = |client: &[Vec<u8>; 2], server: &[Vec<u8>; 2]| {
            // the client's first that the server has too (RFC 4253 section 7.1)
            let is_sound = |(asked, known): (&Vec<u8>, &Vec<u8>)| {
                let known: Vec<_> = names(known).collect();
                names(asked).find(|name| known.contains(name)).is_some_and(|name| !is_weak(name))
            };
            client.iter().zip(server).all(is_sound)
        };
        match self.ends.each_ref().map(|half| half.is_server) {
            [false, true] => agreed(one, other),
            [true, false] => agreed(other, one),
            _ => agreed(one, other) && agreed(other, one),
        }
    }

    /// Bytes behind the keys of this end.
    fn sealed(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        if self.ends[end.index()].watch.look(bytes, bytes.len()) == Look::Text {
            seen.say(Fact::Cleartext(Cleartext::AfterHandshake));
            return Progress::Settled;
        }
        if !self.are_keyed() {
            return Progress::Used(bytes.len());
        }
        if !std::mem::replace(&mut self.is_data_said, true) {
            seen.say(Fact::ProtectedData);
        }
        Progress::Skip(STRIDE)
    }

    fn are_keyed(&self) -> bool {
        self.ends.iter().all(|half| half.stage == Stage::Keyed)
    }
}

/// The ciphers of a KEXINIT (RFC 4253 section 7.1): a type, a cookie, and lists of names of which the third and fourth are those.
fn ciphers(message: &[u8]) -> [Vec<u8>; 2] {
    let mut rest = message.get(17..).unwrap_or_default();
    let mut lists = std::iter::from_fn(|| {
        let (&length, behind) = rest.split_first_chunk()?;
        let (list, behind) = behind.split_at_checked(u32::from_be_bytes(length) as usize)?;
        rest = behind;
        Some(list.to_vec())
    });
    [lists.nth(2).unwrap_or_default(), lists.next().unwrap_or_default()]
}

/// The names in a list.
fn names(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&byte| byte == b',').filter(|name| !name.is_empty())
}

/// What the names of ciphers begin with that hide something (RFC 4253 section 6.3, RFC 4344, RFC 5647, and what OpenSSH and others have added).
const CIPHERS: [&[u8]; 12] = [
    b"aes128-",
    b"aes192-",
    b"aes256-",
    b"chacha20-poly1305",
    b"AEAD_AES_",
    b"rijndael-",
    b"camellia",
    b"twofish",
    b"serpent",
    b"blowfish-",
    b"cast128-",
    b"idea-",
];

/// Whether a cipher hides nothing, nobody knows what it hides, or it is one that no policy counts in TLS either: RC4, DES and 3DES.
fn is_weak(name: &[u8]) -> bool {
    !CIPHERS.iter().any(|known| name.starts_with(known))
}

impl Inspector for Ssh {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        if !std::mem::replace(&mut self.begun, true) {
            seen.say(Fact::HandshakeBegun);
        }
        let mut used = 0;
        while let Some(rest) = bytes.get(used..).filter(|rest| !rest.is_empty()) {
            let stage = self.ends[end.index()].stage;
            let step = match stage {
                Stage::Version => self.line(end, rest),
                Stage::Clear => self.packet(end, rest),
                Stage::Keyed if used > 0 => return Progress::Used(used),
                Stage::Keyed => return self.sealed(end, rest, seen),
            };
            match step {
                Step::Used(length) => used += length,
                Step::More => break,
                Step::Broken if stage == Stage::Version => return Progress::Violation(Cleartext::Protocol),
                Step::Broken => return Progress::Violation(Cleartext::AfterHandshake),
            }
            if stage == Stage::Clear && self.are_keyed() {
                seen.say(Fact::HandshakeFinished);
                if self.is_encrypting() {
                    seen.say(Fact::Encrypted);
                }
                self.ends.iter_mut().for_each(|half| half.offer = None);
            }
        }
        Progress::Used(used)
    }

    fn gap(&mut self, end: End, _: u64, _: &mut Seen<'_>) -> Progress {
        // where packets begin is not known behind the keys anyway
        if self.ends[end.index()].stage == Stage::Keyed { Progress::Used(0) } else { Progress::Settled }
    }

    fn finish(&mut self, _: End, _: Finish, _: &mut Seen<'_>) {}

    fn heap_bytes(&self) -> usize {
        let lists = self.ends.iter().filter_map(|half| half.offer.as_ref()).flatten();
        size_of::<Self>() + lists.map(Vec::capacity).sum::<usize>()
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}
