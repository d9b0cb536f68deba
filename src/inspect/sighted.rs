//! Protocols of which recognition is all that is wanted: they do not encrypt, and nothing more is read in them.

use serde::{Deserialize, Serialize};

use super::{Inspector, Progress, Seen, saved};
use crate::fact::{Cleartext, End, Fact, Finish};

/// Says that the flow is in the clear, and is done. For datagrams it stays, so that each is one of the protocol's.
#[derive(Serialize, Deserialize)]
pub(super) struct Sighted {
    said: bool,
    /// Which end opens: the one that speaks first, or nobody can tell.
    opener: Opener,
    /// The check that every datagram must pass, by its place in [`DATAGRAMS`].
    datagram: Option<usize>,
}

/// Who opens a conversation of a protocol.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) enum Opener {
    /// Whoever speaks first.
    First,
    /// It cannot be told from what is said.
    Unknown,
    /// The sender of an NTP request.
    Ntp,
}

/// The protocols of datagrams, so that a saved state finds its own.
const DATAGRAMS: &[fn(&[u8]) -> bool] = &[super::ntp::is_ntp, super::syslog::is_message];

impl Sighted {
    pub(super) fn stream(opener: Opener) -> Box<dyn Inspector> {
        Box::new(Self { said: false, opener, datagram: None })
    }

    pub(super) fn ntp() -> Box<dyn Inspector> {
        Box::new(Self { said: false, opener: Opener::Ntp, datagram: Some(0) })
    }

    pub(super) fn syslog() -> Box<dyn Inspector> {
        Box::new(Self { said: false, opener: Opener::First, datagram: Some(1) })
    }
}

impl Inspector for Sighted {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        let fits = self.datagram.and_then(|n| DATAGRAMS.get(n)).is_none_or(|fits| fits(bytes));
        if !fits {
            return Progress::Violation(Cleartext::Readable);
        }
        if !std::mem::replace(&mut self.said, true) {
            let opener = match self.opener {
                Opener::First => Some(end),
                Opener::Unknown => None,
                Opener::Ntp => super::ntp::opener(end, bytes),
            };
            if let Some(opener) = opener {
                seen.say(Fact::Opener(opener));
            }
            seen.say(Fact::Cleartext(Cleartext::Protocol));
        }
        if self.datagram.is_some() { Progress::Used(bytes.len()) } else { Progress::Settled }
    }

    fn gap(&mut self, _: End, _: u64, _: &mut Seen<'_>) -> Progress {
        Progress::Used(0)
    }

    fn finish(&mut self, _: End, _: Finish, _: &mut Seen<'_>) {}

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}
