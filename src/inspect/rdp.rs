//! The first two messages of RDP ([MS-RDPBCGR] 2.2.1.1 and 2.2.1.2, X.224 in TPKT): the opener says which security it can, the responder
//! chooses. All but the standard one are TLS, which follows at once. The standard one begins in the clear, and its ciphers authenticate
//! nobody: it is judged as cleartext.

use serde::{Deserialize, Serialize};

use super::{Carrier, Inspector, Opening, Probe, Progress, Protocol, Seen, saved};
use crate::fact::{Cleartext, End, Fact, Finish, Upgrade};

/// RDP over TCP.
pub(super) static RDP: Protocol = Protocol {
    name: "rdp",
    carrier: Carrier::Stream,
    recognised_by: "a connection request of X.224 in TPKT whose lengths fit",
    reads: "the security asked for and chosen",
    encrypted: "the TLS behind the choice of it",
    probe,
    open: || Box::new(Rdp::default()),
    load: saved::load::<Rdp>,
};

const REQUEST: u8 = 0xe0;
const CONFIRM: u8 = 0xd0;
const HEAD_BYTES: usize = 11;
/// The longest connection request: routing tokens and cookies are short.
const LONGEST: usize = 512;

/// The length of a message of this type, where its heads fit each other; `None` where more is needed.
fn message(bytes: &[u8], kind: u8) -> Result<Option<usize>, ()> {
    let fits = |n: usize, is_right: &dyn Fn(u8) -> bool| bytes.get(n).is_none_or(|&byte| is_right(byte));
    let high = usize::from(*bytes.get(2).unwrap_or(&0)) << 8;
    let length = bytes.get(3).map(|&low| high | usize::from(low));
    let is_length = length.is_none_or(|length| (HEAD_BYTES..=LONGEST).contains(&length));
    let is_inner = match (length, bytes.get(4)) {
        (Some(length), Some(&inner)) => usize::from(inner) + 5 == length || inner == 6 || inner == 255,
        _ => true,
    };
    let is_known = fits(0, &|byte| byte == 3) && fits(1, &|byte| byte == 0) && fits(5, &|byte| byte == kind);
    // the destination of a request is not known yet
    let is_fresh = kind != REQUEST || fits(6, &|byte| byte == 0) && fits(7, &|byte| byte == 0);
    match length {
        _ if !is_known || !is_length || !is_inner || !is_fresh => Err(()),
        Some(length) if bytes.len() >= length => Ok(Some(length)),
        _ => Ok(None),
    }
}

fn probe(opening: &Opening<'_>) -> Probe {
    match message(opening.first, REQUEST) {
        Ok(_) if opening.first.len() >= HEAD_BYTES => Probe::Yes,
        Ok(_) => Probe::Maybe,
        Err(()) => Probe::No,
    }
}

/// The longest name of a user, or token of a balancer, in a request. A name of more than one word is no longer than Windows has them.
const COOKIE_BYTES: usize = 64;
const WORDS_BYTES: usize = 20;

/// Whether a line ahead of the negotiation tells who connects, or where a balancer is to send it, in as many bytes as that takes.
fn is_cookie(line: &[u8]) -> bool {
    let names: [&[u8]; 3] = [b"Cookie: mstshash=", b"Cookie: msts=", b"tsv://MS Terminal Services Plugin."];
    let Some(value) = names.iter().find_map(|name| line.strip_prefix(*name)) else { return false };
    let is_word = value.len() <= COOKIE_BYTES && value.iter().all(u8::is_ascii_graphic);
    is_word || value.len() <= WORDS_BYTES && value.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

/// The negotiation of a message, and whether there is nothing beside it that has no place there.
struct Negotiation {
    /// Its type and value.
    said: Option<(u8, u32)>,
    is_alone: bool,
}

fn negotiation(message: &[u8]) -> Negotiation {
    let mut rest = message.get(HEAD_BYTES..).unwrap_or_default();
    let cookie = rest.windows(2).position(|pair| pair == b"\r\n").filter(|_| message.get(5) == Some(&REQUEST));
    let mut is_alone = true;
    if let Some(end) = cookie {
        is_alone = is_cookie(&rest[..end]);
        rest = &rest[end + 2..];
    }
    let said = match rest.split_first_chunk::<8>() {
        Some((&[kind, _, 8, 0, a, b, c, d], behind)) => {
            rest = behind;
            Some((kind, u32::from_le_bytes([a, b, c, d])))
        }
        _ => None,
    };
    // an identifier that correlates what is logged, and zeros
    let is_correlation = matches!(rest, [6, 0, 36, 0, more @ ..] if more.len() == 32 && more[16..].iter().all(|&byte| byte == 0));
    Negotiation { said, is_alone: is_alone && (rest.is_empty() || is_correlation) }
}

#[derive(Default, Serialize, Deserialize)]
struct Rdp {
    opener: Option<End>,
    requested: bool,
    asked: bool,
    confirmed: bool,
    unblocked: bool,
}

impl Rdp {
    fn request(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        if self.confirmed {
            seen.say(Fact::Cleartext(Cleartext::Protocol));
            return Progress::Settled;
        }
        if self.requested {
            return Progress::Used(0);
        }
        match message(bytes, REQUEST) {
            Ok(Some(length)) => {
                self.requested = true;
                self.unblocked = true;
                let negotiation = negotiation(&bytes[..length]);
                if !negotiation.is_alone {
                    seen.say(Fact::Cleartext(Cleartext::Protocol));
                }
                self.asked = matches!(negotiation.said, Some((1, protocols)) if protocols != 0);
                if self.asked {
                    seen.say(Fact::Upgrade(Upgrade::Asked));
                }
                Progress::Used(length)
            }
            Ok(None) => Progress::Used(0),
            Err(()) => Progress::Violation(Cleartext::Readable),
        }
    }

    fn confirm(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        if !self.requested {
            return Progress::Used(0);
        }
        if self.confirmed {
            // nothing follows until the opener goes on
            seen.say(Fact::Cleartext(Cleartext::Protocol));
            return Progress::Settled;
        }
        match message(bytes, CONFIRM) {
            Ok(Some(length)) => {
                let negotiation = negotiation(&bytes[..length]);
                if !negotiation.is_alone {
                    seen.say(Fact::Cleartext(Cleartext::Protocol));
                }
                if matches!(negotiation.said, Some((2, protocol)) if protocol != 0) {
                    seen.say(Fact::Upgrade(Upgrade::Agreed));
                    return Progress::Upgrade(length);
                }
                if self.asked {
                    seen.say(Fact::Upgrade(Upgrade::Refused));
                }
                self.confirmed = true;
                self.unblocked = true;
                Progress::Used(length)
            }
            Ok(None) => Progress::Used(0),
            Err(()) => Progress::Violation(Cleartext::Readable),
        }
    }
}

impl Inspector for Rdp {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        if self.opener.is_none() {
            self.opener = Some(end);
            seen.say(Fact::Opener(end));
            seen.say(Fact::Prologue);
        }
        if self.opener == Some(end) { self.request(bytes, seen) } else { self.confirm(bytes, seen) }
    }

    fn gap(&mut self, _: End, _: u64, _: &mut Seen<'_>) -> Progress {
        Progress::Settled
    }

    fn finish(&mut self, _: End, _: Finish, _: &mut Seen<'_>) {}

    fn is_prologue(&self) -> bool {
        true
    }

    fn unblocks(&mut self) -> bool {
        std::mem::take(&mut self.unblocked)
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}
