//! Remote procedure calls of ONC (RFC 5531), which NFS is made of, and the TLS that a client may ask for ahead of them (RFC 9289): a call of nothing
//! with credentials of that kind, and an answer that says STARTTLS. Any other call is in the clear.

use serde::{Deserialize, Serialize};

use super::{Carrier, Inspector, Opening, Probe, Progress, Protocol, Seen, saved};
use crate::fact::{Cleartext, End, Fact, Finish, Upgrade};

/// ONC RPC over TCP.
pub(super) static RPC: Protocol = Protocol {
    name: "rpc",
    carrier: Carrier::Stream,
    recognised_by: "a call of version 2 behind the mark of a record, of a program, a version and a procedure that there are",
    reads: "whether TLS is asked for, and the answer",
    encrypted: "the TLS behind a call that asks for it",
    probe,
    open: || Box::new(Rpc::default()),
    load: saved::load::<Rpc>,
};

/// The mark of a record, and a call of nothing: what asks for TLS is no longer.
const CALL_BYTES: usize = 44;
/// The mark of a record, and an answer that grants it.
const GRANT_BYTES: usize = 36;
/// A kind of credentials.
const AUTH_TLS: u32 = 7;

/// A word of a message, behind the mark of its record.
fn word(bytes: &[u8], n: usize) -> Option<u32> {
    bytes.get(4 + 4 * n..8 + 4 * n).and_then(|word| word.first_chunk()).map(|word| u32::from_be_bytes(*word))
}

fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.first;
    let fits = |n: usize, is_right: &dyn Fn(u32) -> bool| word(bytes, n).is_none_or(is_right);
    let is_mark = bytes.first().is_none_or(|&byte| byte & 0x7f == 0);
    let is_call = fits(1, &|kind| kind == 0) && fits(2, &|version| version == 2);
    // programs are numbered by their registry, users' own from another place on
    let is_program = fits(3, &|program| matches!(program, 100_000..=500_000 | 0x2000_0000..=0x5fff_ffff));
    let is_procedure =
        fits(4, &|version| version <= 16) && fits(5, &|procedure| procedure <= 64) && fits(6, &|kind| kind <= 7 || kind > 390_000);
    match word(bytes, 6) {
        _ if !is_mark || !is_call || !is_program || !is_procedure => Probe::No,
        Some(_) => Probe::Yes,
        None => Probe::Maybe,
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Rpc {
    opener: Option<End>,
    /// The number of the call that asks for TLS.
    asked: Option<u32>,
    has_asked: bool,
    unblocked: bool,
}

impl Rpc {
    fn clear(seen: &mut Seen<'_>) -> Progress {
        seen.say(Fact::Cleartext(Cleartext::Protocol));
        Progress::Settled
    }

    fn call(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        if self.asked.is_some() {
            return Progress::Used(0);
        }
        let Some(call) = bytes.get(..CALL_BYTES) else { return Progress::Used(0) };
        let is_whole = call.starts_with(&[0x80, 0, 0, CALL_BYTES as u8 - 4]);
        let is_nothing = word(call, 1) == Some(0) && word(call, 5) == Some(0) && (7..10).all(|n| word(call, n) == Some(0));
        if !is_whole || !is_nothing || word(call, 6) != Some(AUTH_TLS) || self.has_asked {
            return Self::clear(seen);
        }
        (self.asked, self.has_asked, self.unblocked) = (word(call, 0), true, true);
        seen.say(Fact::Upgrade(Upgrade::Asked));
        Progress::Used(CALL_BYTES)
    }

    fn answer(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        let Some(asked) = self.asked else { return if self.has_asked { Self::clear(seen) } else { Progress::Used(0) } };
        let mark = bytes.first_chunk::<4>().map(|mark| u32::from_be_bytes(*mark));
        // a record in one piece, and no longer than one that grants
        let length = match mark {
            None => return Progress::Used(0),
            Some(mark @ 0x8000_0014..=0x8000_0020) => (mark & 0xff) as usize + 4,
            Some(_) => return Self::clear(seen),
        };
        let Some(answer) = bytes.get(..length) else { return Progress::Used(0) };
        if word(answer, 0) != Some(asked) || word(answer, 1) != Some(1) {
            return Self::clear(seen);
        }
        self.asked = None;
        self.unblocked = true;
        let is_granted = length == GRANT_BYTES && answer[12..20] == [0; 8] && &answer[20..32] == b"\0\0\0\x08STARTTLS";
        seen.say(Fact::Upgrade(if is_granted { Upgrade::Agreed } else { Upgrade::Refused }));
        if is_granted { Progress::Upgrade(length) } else { Progress::Used(length) }
    }
}

impl Inspector for Rpc {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        let opener = match self.opener {
            Some(opener) => opener,
            None => {
                seen.say(Fact::Opener(end));
                seen.say(Fact::Prologue);
                *self.opener.insert(end)
            }
        };
        if opener == end { self.call(bytes, seen) } else { self.answer(bytes, seen) }
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
