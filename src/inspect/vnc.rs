//! VNC, the remote framebuffer protocol (RFC 6143): versions, and the choice of a security type. Two of them go on to TLS: that of Vino at once,
//! and VeNCrypt once a kind of it is chosen; without them screen and keys are in the clear, whatever the password is hidden by. The types of
//! RealVNC and Apple that encrypt in a way of their own show nothing of it, and are unrecognised.
//!
//! Both ends speak in turn, each a message of known length: what comes out of turn waits.

use serde::{Deserialize, Serialize};

use super::{Carrier, Inspector, Opening, Probe, Progress, Protocol, Seen, saved};
use crate::fact::{Cleartext, End, Fact, Finish, Upgrade};

/// VNC over TCP.
pub(super) static VNC: Protocol = Protocol {
    name: "vnc",
    carrier: Carrier::Stream,
    recognised_by: "the version RFB 003, 004 or 005 of the responder",
    reads: "the security types offered and chosen",
    encrypted: "the TLS behind the security types TLS and VeNCrypt",
    probe,
    open: || Box::new(Vnc::default()),
    load: saved::load::<Vnc>,
};

const VERSION_BYTES: usize = 12;
/// Security types (IANA).
const TLS: u8 = 18;
const VENCRYPT: u8 = 19;
/// Types, or kinds, that a responder offers at most.
const OFFERED: usize = 16;
/// Kinds of VeNCrypt, of which this is one that sends a password as it is.
const PLAIN: u32 = 256;
const LAST_KIND: u32 = 264;

/// Whether bytes begin with a version, `RFB 003.008` and a line feed, as far as there are any.
fn probe(opening: &Opening<'_>) -> Probe {
    const FORM: [u8; VERSION_BYTES] = *b"RFB 00#.###\n";
    let fits = |(byte, form): (&u8, &u8)| if *form == b'#' { byte.is_ascii_digit() } else { byte == form };
    match opening.first.iter().zip(&FORM).all(fits) {
        true if opening.first.len() >= VERSION_BYTES => Probe::Yes,
        true => Probe::Maybe,
        false => Probe::No,
    }
}

/// What comes next, and from whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Turn {
    #[default]
    Version,
    VersionBack,
    /// The types, or in version 3.3 the one that the responder chose.
    Types,
    Choice,
    /// VeNCrypt's version.
    Crypt,
    CryptBack,
    CryptGranted,
    Kinds,
    Kind,
    KindGranted,
}

impl Turn {
    fn is_responders(self) -> bool {
        matches!(self, Self::Version | Self::Types | Self::Crypt | Self::CryptGranted | Self::Kinds | Self::KindGranted)
    }
}

/// What a message leads to.
enum Step {
    /// It is used; the other end's turn comes, or another of the same.
    Next(usize, Turn),
    /// More of it is needed.
    More,
    /// TLS follows.
    Tls(usize),
    /// All that follows is in the clear.
    Clear,
    /// It cannot be told what follows.
    Unknown,
    /// It is no message of the protocol.
    None,
}

#[derive(Default, Serialize, Deserialize)]
struct Vnc {
    responder: Option<End>,
    turn: Turn,
    /// The opener's version is below 3.7: the responder chooses.
    is_old: bool,
    offers: bool,
    unblocked: bool,
}

fn long(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

impl Vnc {
    /// The security type that was chosen.
    fn chosen(&mut self, used: usize, kind: u32, seen: &mut Seen<'_>) -> Step {
        match u8::try_from(kind) {
            Ok(TLS) => Step::Tls(used),
            Ok(VENCRYPT) => {
                seen.say(Fact::Upgrade(Upgrade::Asked));
                Step::Next(used, Turn::Crypt)
            }
            // none, a challenge, and those about file transfer
            Ok(1 | 2 | 16 | 17) => Step::Clear,
            _ => Step::Unknown,
        }
    }

    fn step(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Step {
        match self.turn {
            Turn::Version | Turn::VersionBack => {
                let Some(version) = bytes.get(..VERSION_BYTES) else { return Step::More };
                if probe(&Opening { first: version, second: &[] }) != Probe::Yes {
                    return Step::None;
                }
                if self.turn == Turn::Version {
                    return Step::Next(VERSION_BYTES, Turn::VersionBack);
                }
                self.is_old = version < &b"RFB 003.007\n"[..];
                Step::Next(VERSION_BYTES, Turn::Types)
            }
            Turn::Types if self.is_old => match long(bytes) {
                Some(0) => Step::Clear,
                Some(kind) => self.chosen(4, kind, seen),
                None => Step::More,
            },
            Turn::Types => {
                let Some((&count, rest)) = bytes.split_first() else { return Step::More };
                let Some(types) = rest.get(..usize::from(count)) else { return Step::More };
                self.offers = types.iter().any(|kind| matches!(*kind, TLS | VENCRYPT));
                if self.offers {
                    seen.say(Fact::Upgrade(Upgrade::Offered));
                }
                // without any, it says why
                if count == 0 || types.len() > OFFERED { Step::Clear } else { Step::Next(1 + usize::from(count), Turn::Choice) }
            }
            Turn::Choice => bytes.first().map_or(Step::More, |&kind| self.chosen(1, kind.into(), seen)),
            Turn::Crypt => match bytes {
                [0, 1 | 2, ..] => Step::Next(2, Turn::CryptBack),
                [] | [0] => Step::More,
                _ => Step::None,
            },
            Turn::CryptBack => match bytes {
                [0, 2, ..] => Step::Next(2, Turn::CryptGranted),
                [] | [0] => Step::More,
                // an older one, or none
                _ => Step::Unknown,
            },
            Turn::CryptGranted => match bytes.first() {
                Some(0) => Step::Next(1, Turn::Kinds),
                Some(_) => Step::Unknown,
                None => Step::More,
            },
            Turn::Kinds => {
                let Some((&count, rest)) = bytes.split_first() else { return Step::More };
                let Some(kinds) = rest.get(..4 * usize::from(count)) else { return Step::More };
                let are_known = kinds.chunks_exact(4).all(|kind| long(kind).is_some_and(|kind| (PLAIN..=LAST_KIND).contains(&kind)));
                if usize::from(count) > OFFERED || !are_known { Step::Clear } else { Step::Next(1 + kinds.len(), Turn::Kind) }
            }
            Turn::Kind => match long(bytes) {
                Some(PLAIN) => {
                    seen.say(Fact::Credentials);
                    Step::Clear
                }
                Some(257..=LAST_KIND) => Step::Next(4, Turn::KindGranted),
                Some(_) => Step::Unknown,
                None => Step::More,
            },
            Turn::KindGranted => match bytes.first() {
                Some(1) => Step::Tls(1),
                Some(_) => Step::Unknown,
                None => Step::More,
            },
        }
    }
}

impl Inspector for Vnc {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        let responder = match self.responder {
            Some(responder) => responder,
            None => {
                seen.say(Fact::Opener(!end));
                seen.say(Fact::Prologue);
                *self.responder.insert(end)
            }
        };
        if self.turn.is_responders() != (responder == end) {
            return Progress::Used(0);
        }
        match self.step(bytes, seen) {
            Step::Next(used, turn) => {
                (self.turn, self.unblocked) = (turn, true);
                Progress::Used(used)
            }
            Step::More => Progress::Used(0),
            Step::Tls(used) => {
                seen.say(Fact::Upgrade(Upgrade::Agreed));
                Progress::Upgrade(used)
            }
            Step::Clear => {
                seen.say(Fact::Cleartext(Cleartext::Protocol));
                Progress::Settled
            }
            Step::Unknown => {
                seen.say(Fact::Unrecognised);
                Progress::Settled
            }
            Step::None => Progress::Violation(Cleartext::Readable),
        }
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
