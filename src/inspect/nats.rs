//! NATS: the responder says what it is in one line, INFO, and whether it can go on to TLS; an opener that wants to begins TLS at once.
//! Anything else that it says is in the clear.

use serde::{Deserialize, Serialize};

use super::lines::{begins, holds};
use super::{Carrier, Inspector, Progress, Protocol, Seen, saved, tls};
use crate::fact::{Cleartext, End, Fact, Finish, Upgrade};
use crate::limits;

/// NATS over TCP.
pub(super) static NATS: Protocol = Protocol {
    name: "nats",
    carrier: Carrier::Stream,
    recognised_by: "the line INFO with an object of JSON from the responder",
    reads: "whether TLS is offered, whether a password follows",
    encrypted: "the TLS behind INFO",
    probe: |opening| begins(opening.first, &[b"INFO {"]),
    open: || Box::new(Nats::default()),
    load: saved::load::<Nats>,
};

/// Fields of CONNECT by which a client shows who it is.
const SECRETS: [&[u8]; 5] = [b"\"PASS\"", b"\"AUTH_TOKEN\"", b"\"JWT\"", b"\"SIG\"", b"\"NKEY\""];

#[derive(Default, Serialize, Deserialize)]
struct Nats {
    responder: Option<End>,
    is_greeted: bool,
    offers: bool,
    /// The opener has said something else than TLS, or nothing to its end.
    has_answered: bool,
    unblocked: bool,
}

/// Whether a line of JSON says that a field is true.
fn is_true(line: &[u8], field: &[u8]) -> bool {
    let line: Vec<u8> = line.iter().filter(|byte| !byte.is_ascii_whitespace()).copied().collect();
    holds(&line, &[b"\"", field, b"\":true"].concat())
}

impl Nats {
    fn greeting(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        if self.is_greeted {
            // it answers what the opener is about to say
            return Progress::Used(0);
        }
        let end = bytes.iter().position(|&byte| byte == b'\n');
        if end.unwrap_or(bytes.len()) > limits::PROLOGUE_ANSWERED_BYTES {
            seen.say(Fact::Cleartext(Cleartext::Protocol));
            return Progress::Settled;
        }
        let Some(end) = end else { return Progress::Used(0) };
        (self.is_greeted, self.unblocked) = (true, true);
        let line = bytes[..end].trim_ascii_end();
        self.offers = [&b"tls_required"[..], b"tls_available", b"ssl_required"].iter().any(|field| is_true(line, field));
        if self.offers {
            seen.say(Fact::Upgrade(Upgrade::Offered));
        }
        if !line.ends_with(b"}") {
            seen.say(Fact::Cleartext(Cleartext::Protocol));
        }
        Progress::Used(end + 1)
    }

    fn answer(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        if !self.is_greeted {
            return Progress::Used(0);
        }
        if tls::may_begin(bytes) {
            if self.offers {
                seen.say(Fact::Upgrade(Upgrade::Agreed));
            } else {
                seen.say(Fact::Malformed("TLS began though no upgrade to it was agreed on".to_owned()));
            }
            return Progress::Upgrade(0);
        }
        let end = bytes.iter().position(|&byte| byte == b'\n');
        if end.is_none() && bytes.len() <= limits::LINE_BYTES {
            return Progress::Used(0);
        }
        let line = bytes[..end.unwrap_or(bytes.len())].to_ascii_uppercase();
        self.has_answered = true;
        if line.starts_with(b"CONNECT ") && SECRETS.iter().any(|field| holds(&line, field)) {
            seen.say(Fact::Credentials);
        }
        seen.say(Fact::Cleartext(Cleartext::Protocol));
        Progress::Settled
    }
}

impl Inspector for Nats {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        let responder = match self.responder {
            Some(responder) => responder,
            None => {
                seen.say(Fact::Opener(!end));
                seen.say(Fact::Prologue);
                *self.responder.insert(end)
            }
        };
        if responder == end { self.greeting(bytes, seen) } else { self.answer(bytes, seen) }
    }

    fn gap(&mut self, _: End, _: u64, _: &mut Seen<'_>) -> Progress {
        Progress::Settled
    }

    fn finish(&mut self, end: End, how: Finish, seen: &mut Seen<'_>) {
        if self.responder == Some(!end) && !self.has_answered && matches!(how, Finish::Fin | Finish::Reset) {
            self.has_answered = true;
            seen.say(Fact::Cleartext(Cleartext::Protocol));
        }
    }

    fn is_prologue(&self) -> bool {
        !self.has_answered
    }

    fn unblocks(&mut self) -> bool {
        std::mem::take(&mut self.unblocked)
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}
