//! AMQP 0-9-1 and 1.0: the protocol header, and the one that asks for TLS (AMQP 1.0 section 5.2.1), which the responder repeats where it
//! agrees.

use serde::{Deserialize, Serialize};

use super::{Carrier, Inspector, Opening, Probe, Progress, Protocol, Seen, saved};
use crate::fact::{Cleartext, End, Fact, Finish, Upgrade};

/// AMQP over TCP.
pub(super) static AMQP: Protocol = Protocol {
    name: "amqp",
    carrier: Carrier::Stream,
    recognised_by: "the protocol header AMQP with a known protocol and version",
    reads: "whether TLS is asked for, and the answer",
    encrypted: "the TLS behind the header that asks for it",
    probe,
    open: || Box::new(Amqp::default()),
    load: saved::load::<Amqp>,
};

const HEADER_BYTES: usize = 8;
const TLS: &[u8] = b"AMQP\x02\x01\0\0";

fn probe(opening: &Opening<'_>) -> Probe {
    let headers: [&[u8]; 6] =
        [b"AMQP\0\0\x09\x01", b"AMQP\0\x01\0\0", b"AMQP\x03\x01\0\0", TLS, b"AMQP\x01\x01\0\x09", b"AMQP\x01\x01\x08\0"];
    super::lines::begins(opening.first, &headers)
}

#[derive(Default, Serialize, Deserialize)]
struct Amqp {
    opener: Option<End>,
    asked: bool,
    refused: bool,
    unblocked: bool,
}

impl Amqp {
    fn cleartext(seen: &mut Seen<'_>) -> Progress {
        seen.say(Fact::Cleartext(Cleartext::Protocol));
        Progress::Settled
    }
}

impl Inspector for Amqp {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        let opener = match self.opener {
            Some(opener) => opener,
            None => {
                seen.say(Fact::Opener(end));
                seen.say(Fact::Prologue);
                *self.opener.insert(end)
            }
        };
        let Some(header) = bytes.get(..HEADER_BYTES) else { return Progress::Used(0) };
        match (opener == end, self.asked) {
            (true, false) if header == TLS => {
                self.asked = true;
                self.unblocked = true;
                seen.say(Fact::Upgrade(Upgrade::Asked));
                Progress::Used(HEADER_BYTES)
            }
            (true, true) if self.refused => Self::cleartext(seen),
            (true, true) | (false, false) => Progress::Used(0),
            (true, false) => Self::cleartext(seen),
            (false, true) if header == TLS => {
                seen.say(Fact::Upgrade(Upgrade::Agreed));
                Progress::Upgrade(HEADER_BYTES)
            }
            // the header that it knows, and the end
            (false, true) if !self.refused && header.starts_with(b"AMQP") => {
                self.refused = true;
                self.unblocked = true;
                seen.say(Fact::Upgrade(Upgrade::Refused));
                Progress::Used(HEADER_BYTES)
            }
            (false, true) => Self::cleartext(seen),
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
