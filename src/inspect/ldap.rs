//! LDAP (RFC 4511), strictly framed in BER, and StartTLS in it (RFC 4511 section 4.14): an extended request with its object identifier and
//! nothing else, and the response with the same message number. Anything else ahead of it is content.

use serde::{Deserialize, Serialize};

use super::{Carrier, Inspector, Opening, Probe, Progress, Protocol, Seen, saved};
use crate::fact::{Cleartext, End, Fact, Finish, Upgrade};
use crate::limits;

/// LDAP over TCP.
pub(super) static LDAP: Protocol = Protocol {
    name: "ldap",
    carrier: Carrier::Stream,
    recognised_by: "an LDAPMessage of RFC 4511 whose lengths fit: bind, search, extended request",
    reads: "requests, credentials, StartTLS and its answer",
    encrypted: "the TLS behind StartTLS",
    probe,
    open: || Box::new(Ldap::default()),
    load: saved::load::<Ldap>,
};

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIND: u8 = 0x60;
const UNBIND: u8 = 0x42;
const SEARCH: u8 = 0x63;
const EXTENDED: u8 = 0x77;
const EXTENDED_RESPONSE: u8 = 0x78;
/// The longest response to StartTLS: a code, and a line that explains it.
const RESPONSE_BYTES: usize = 512;
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";

/// Reads a BER tag and length: what they say, and what follows them.
fn element(bytes: &[u8]) -> Option<(u8, usize, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if first < 0x80 {
        return Some((tag, usize::from(first), rest));
    }
    let count = usize::from(first & 0x7f);
    let (length, rest) = rest.split_at_checked(count).filter(|_| (1..=4).contains(&count))?;
    Some((tag, length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest))
}

fn probe(opening: &Opening<'_>) -> Probe {
    let cut = |least: usize| if opening.first.len() < least { Probe::Maybe } else { Probe::No };
    if opening.first.first() != Some(&SEQUENCE) {
        return Probe::No;
    }
    let Some((_, whole, body)) = element(opening.first) else { return cut(6) };
    let Some((INTEGER, id_length @ 1..=4, rest)) = element(body) else { return cut(9) };
    let Some((operation, length, rest)) = rest.get(id_length..).and_then(element) else { return cut(20) };
    let head = body.len() - rest.len();
    // controls may follow
    let fits = matches!(operation, BIND | SEARCH | EXTENDED) && length > 0 && head + length <= whole;
    // a bind begins with its version
    let bind = operation != BIND || rest.len() < 3 || matches!(rest, [INTEGER, 1, 2 | 3, ..]);
    if fits && bind { Probe::Yes } else { Probe::No }
}

/// One message, as far as it is needed.
struct Message<'a> {
    length: usize,
    id: u32,
    operation: u8,
    /// The operation's content, as far as it was given.
    content: &'a [u8],
    /// No controls follow the operation.
    is_bare: bool,
}

impl Message<'_> {
    fn asks_for_tls(&self) -> bool {
        matches!(element(self.content), Some((0x80, _, START_TLS))) && self.is_bare
    }
}

/// Reads the message that `bytes` begin with; `None` where its heads are not whole yet.
fn message(bytes: &[u8]) -> Result<Option<Message<'_>>, ()> {
    let cut = |least: usize| if bytes.len() < least { Ok(None) } else { Err(()) };
    let Some((SEQUENCE, whole, body)) = element(bytes) else { return cut(6) };
    let length = bytes.len() - body.len() + whole;
    let Some((INTEGER, id_length @ 1..=4, rest)) = element(body) else { return cut(9) };
    let Some((id, rest)) = rest.split_at_checked(id_length) else { return cut(20) };
    let Some((operation, inner, content)) = element(rest) else { return cut(20) };
    let id = id.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
    let is_bare = body.len() - content.len() + inner == whole;
    Ok(Some(Message { length, id, operation, content: &content[..inner.min(content.len())], is_bare }))
}

#[derive(Default, Serialize, Deserialize)]
struct Ldap {
    opener: Option<End>,
    /// The message that asks for TLS and was not answered yet.
    asked: Option<u32>,
    has_asked: bool,
    is_followed: bool,
    said: bool,
    credentials: bool,
    unblocked: bool,
    /// Bytes read of each end.
    read: [usize; 2],
}

impl Ldap {
    fn cleartext(&mut self, seen: &mut Seen<'_>) {
        if !std::mem::replace(&mut self.said, true) {
            seen.say(Fact::Cleartext(Cleartext::Protocol));
        }
    }

    fn request(&mut self, message: &Message<'_>, seen: &mut Seen<'_>) {
        self.is_followed |= self.asked.is_some();
        match message.operation {
            EXTENDED if message.asks_for_tls() => {
                self.asked = Some(message.id);
                self.has_asked = true;
                self.is_followed = false;
                self.unblocked = true;
                seen.say(Fact::Upgrade(Upgrade::Asked));
            }
            UNBIND if message.content.is_empty() && message.is_bare => {}
            BIND => {
                // version, name, and a simple password that is not empty
                let name = element(message.content).and_then(|(_, length, rest)| element(rest.get(length..)?));
                let choice = name.and_then(|(_, length, rest)| element(rest.get(length..)?));
                if matches!(choice, Some((0x80, 1.., _))) && !std::mem::replace(&mut self.credentials, true) {
                    seen.say(Fact::Credentials);
                }
                self.cleartext(seen);
            }
            _ => self.cleartext(seen),
        }
    }

    /// Whether the responder agrees to TLS.
    fn response(&mut self, message: &Message<'_>, seen: &mut Seen<'_>) -> bool {
        if message.operation != EXTENDED_RESPONSE || message.length > RESPONSE_BYTES {
            self.cleartext(seen);
        }
        if message.operation != EXTENDED_RESPONSE || self.asked != Some(message.id) {
            return false;
        }
        self.asked = None;
        let agrees = message.content.starts_with(&[0x0a, 1, 0]);
        seen.say(Fact::Upgrade(if agrees { Upgrade::Agreed } else { Upgrade::Refused }));
        if agrees && self.is_followed {
            seen.say(Fact::Cleartext(Cleartext::BehindUpgrade));
        }
        agrees
    }
}

impl Inspector for Ldap {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        let opener = match self.opener {
            Some(opener) => opener,
            None => {
                seen.say(Fact::Opener(end));
                seen.say(Fact::Prologue);
                *self.opener.insert(end)
            }
        };
        let mut used = 0;
        while let Some(rest) = bytes.get(used..).filter(|rest| !rest.is_empty()) {
            if opener == end && self.asked.is_some() && super::tls::may_begin(rest) {
                return Progress::Used(used);
            }
            let message = match message(rest) {
                Ok(Some(message)) => message,
                Ok(None) => return Progress::Used(used),
                Err(()) if used > 0 => return Progress::Used(used),
                Err(()) => return Progress::Violation(Cleartext::Readable),
            };
            let is_short = message.length <= limits::LINE_BYTES;
            // a request, and the response that decides, are read whole
            let is_read = opener == end || message.operation == EXTENDED_RESPONSE;
            if opener != end && message.operation == EXTENDED_RESPONSE && !self.has_asked {
                return Progress::Used(used);
            }
            if is_read && is_short && rest.len() < message.length {
                return Progress::Used(used);
            }
            used += message.length;
            let most = if opener == end { limits::PROLOGUE_ASKED_BYTES } else { limits::PROLOGUE_ANSWERED_BYTES };
            self.read[end.index()] += message.length;
            if self.read[end.index()] > most {
                self.cleartext(seen);
            }
            if opener == end {
                self.request(&message, seen);
            } else if self.response(&message, seen) {
                return Progress::Upgrade(used);
            }
        }
        if self.read.iter().sum::<usize>() > limits::LINES_BYTES {
            return Progress::Settled;
        }
        if used > bytes.len() { Progress::Skip(used) } else { Progress::Used(used) }
    }

    fn gap(&mut self, _: End, _: u64, _: &mut Seen<'_>) -> Progress {
        Progress::Settled
    }

    fn finish(&mut self, end: End, how: Finish, seen: &mut Seen<'_>) {
        if self.opener == Some(end) && !self.has_asked && matches!(how, Finish::Fin | Finish::Reset) {
            self.cleartext(seen);
        }
    }

    fn is_prologue(&self) -> bool {
        !self.said
    }

    fn unblocks(&mut self) -> bool {
        std::mem::take(&mut self.unblocked)
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}
