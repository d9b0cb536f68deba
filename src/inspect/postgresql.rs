//! PostgreSQL's protocol (version 3) and SSLRequest in it: the request is one message, its answer one byte.
//!
//! What is sent after a refusal is in the clear, save the one error by which an old server refuses. GSSAPI encryption, which is asked for alike, is not followed.

use serde::{Deserialize, Serialize};

use super::{Carrier, Inspector, Opening, Probe, Progress, Protocol, Seen, saved};
use crate::fact::{Cleartext, End, Fact, Finish, Upgrade};
use crate::limits;

/// PostgreSQL over TCP.
pub(super) static POSTGRESQL: Protocol = Protocol {
    name: "postgresql",
    carrier: Carrier::Stream,
    recognised_by: "an SSLRequest, GSSENCRequest or CancelRequest, or a StartupMessage of version 3 that names a user",
    reads: "requests for TLS and their answers, whether a password follows",
    encrypted: "the TLS behind SSLRequest",
    probe,
    open: || Box::new(PostgreSql::default()),
    load: saved::load::<PostgreSql>,
};

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
const GSS_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];
const CANCEL_REQUEST: [u8; 8] = [0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e];
/// What a StartupMessage may be long at most.
const STARTUP_BYTES: u32 = 10_000;
/// Requests for encryption that a client makes: one of each kind, and once more.
const REQUESTS: u8 = 4;
/// The longest error of a server that knows no such request.
const ERROR_BYTES: usize = 512;

fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.first;
    for request in [SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST] {
        let common = bytes.len().min(8);
        if bytes[..common] == request[..common] {
            return if common == 8 { Probe::Yes } else { Probe::Maybe };
        }
    }
    let Some((&length, rest)) = bytes.split_first_chunk::<4>() else {
        return if bytes.iter().take(2).all(|&byte| byte == 0) { Probe::Maybe } else { Probe::No };
    };
    if !(9..=STARTUP_BYTES).contains(&u32::from_be_bytes(length)) {
        return Probe::No;
    }
    const START: &[u8] = b"\0\x03\0\0user\0";
    const START_32: &[u8] = b"\0\x03\0\x02user\0";
    super::lines::begins(rest, &[START, START_32])
}

#[derive(Default, Serialize, Deserialize)]
struct PostgreSql {
    opener: Option<End>,
    stage: Stage,
    asks_gss: bool,
    requests: u8,
    refused: bool,
    /// Bytes of an error for an answer.
    error: Option<usize>,
    unblocked: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    /// A request or the start is due.
    #[default]
    Start,
    /// A request waits for its byte.
    Asked,
    /// The session began in the clear.
    Started,
}

impl PostgreSql {
    fn request(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        let Some((message, rest)) = bytes.split_first_chunk::<8>() else { return Progress::Used(0) };
        if [SSL_REQUEST, GSS_REQUEST].contains(message) && self.requests < REQUESTS {
            self.requests += 1;
            self.asks_gss = *message == GSS_REQUEST;
            self.stage = Stage::Asked;
            if !self.asks_gss {
                seen.say(Fact::Upgrade(Upgrade::Asked));
            }
            self.unblocked = true;
            return Progress::Used(8);
        }
        seen.say(Fact::Cleartext(Cleartext::Protocol));
        let length = u32::from_be_bytes([message[0], message[1], message[2], message[3]]);
        if !(8..=STARTUP_BYTES).contains(&length) {
            return Progress::Settled;
        }
        self.stage = Stage::Started;
        if length as usize - 8 > rest.len() { Progress::Skip(length as usize) } else { Progress::Used(length as usize) }
    }

    fn answer(&mut self, answer: u8, seen: &mut Seen<'_>) -> Progress {
        match answer {
            b'S' if !self.asks_gss => {
                seen.say(Fact::Upgrade(Upgrade::Agreed));
                return Progress::Upgrade(1);
            }
            b'G' if self.asks_gss => {
                seen.say(Fact::Unrecognised);
                return Progress::Settled;
            }
            b'N' | b'E' => {
                self.error = (answer == b'E').then_some(1);
                self.refused |= !self.asks_gss;
                if !self.asks_gss {
                    seen.say(Fact::Upgrade(Upgrade::Refused));
                }
            }
            _ => {
                seen.say(Fact::Cleartext(Cleartext::Protocol));
                return Progress::Settled;
            }
        }
        self.stage = Stage::Start;
        self.unblocked = true;
        Progress::Used(1)
    }
}

impl Inspector for PostgreSql {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        let opener = match self.opener {
            Some(opener) => opener,
            None => {
                seen.say(Fact::Opener(end));
                seen.say(Fact::Prologue);
                *self.opener.insert(end)
            }
        };
        match (self.stage, opener == end) {
            (Stage::Start, true) => self.request(bytes, seen),
            // what is said behind a request waits for its answer, and an answer ahead of it for the request
            (Stage::Asked, true) => Progress::Used(0),
            (Stage::Asked, false) => bytes.first().map_or(Progress::Used(0), |answer| self.answer(*answer, seen)),
            (Stage::Start, false) => match &mut self.error {
                Some(said) if *said + bytes.len() <= ERROR_BYTES => {
                    *said += bytes.len();
                    Progress::Used(bytes.len())
                }
                None if !self.refused => Progress::Used(0),
                _ => {
                    seen.say(Fact::Cleartext(Cleartext::Protocol));
                    Progress::Settled
                }
            },
            // in the clear, as is told
            (Stage::Started, false) => Progress::Skip(limits::OPAQUE_BYTES),
            (Stage::Started, true) => {
                if bytes.first() == Some(&b'p') {
                    seen.say(Fact::Credentials);
                }
                Progress::Settled
            }
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
