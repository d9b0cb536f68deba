//! MySQL's and MariaDB's protocol (version 10) and the TLS that its client may ask for: a short response with CLIENT_SSL, and then TLS at
//! once. The responder only says whether it can. Fields of both that are to be zero, and names that are none, are content.

use serde::{Deserialize, Serialize};

use super::{Carrier, Inspector, Probe, Progress, Protocol, Seen, saved};
use crate::fact::{Cleartext, End, Fact, Finish, Upgrade};

/// MySQL over TCP.
pub(super) static MYSQL: Protocol = Protocol {
    name: "mysql",
    carrier: Carrier::Stream,
    recognised_by: "a greeting of protocol version 10 whose lengths fit, with a version in readable digits",
    reads: "whether TLS is offered and asked for",
    encrypted: "the TLS behind a response with CLIENT_SSL",
    probe: |opening| match greeting(opening.first) {
        Ok(Some(_)) => Probe::Yes,
        Ok(None) => Probe::Maybe,
        Err(()) => Probe::No,
    },
    open: || Box::new(MySql::default()),
    load: saved::load::<MySql>,
};

const CLIENT_SSL: u8 = 0x08;
const SSL_REQUEST_BYTES: usize = 4 + 32;

/// The length of a whole greeting and whether it offers TLS; `None` where more is needed.
fn greeting(bytes: &[u8]) -> Result<Option<(usize, bool)>, ()> {
    const START: [u8; 5] = [0, 0, 0, 0, 10];
    let known = bytes.iter().zip(START).skip(1).all(|(byte, start)| *byte == start);
    if !known {
        return Err(());
    }
    let Some((head, rest)) = bytes.split_first_chunk::<5>() else { return Ok(None) };
    let length = usize::from(head[0]);
    if length < 30 {
        return Err(());
    }
    let version = rest.iter().take_while(|byte| byte.is_ascii_graphic()).count();
    if version > 60 || rest.first().is_some_and(|byte| !byte.is_ascii_digit()) {
        return Err(());
    }
    let rest = match rest.get(version..) {
        Some([0, rest @ ..]) if version > 0 => rest,
        Some([]) | None => return Ok(None),
        Some(_) => return Err(()),
    };
    // thread id, half of the scramble, a zero; then capabilities
    match (rest.get(12), rest.get(14)) {
        (Some(&filler), _) if filler != 0 => Err(()),
        (_, Some(&high)) if bytes.len() >= length + 4 => Ok(Some((length + 4, high & CLIENT_SSL != 0))),
        _ => Ok(None),
    }
}

/// Whether all of a greeting has the form of HandshakeV10: what is reserved is zero, and its last field names a way to authenticate.
fn is_formal(greeting: &[u8]) -> bool {
    /// From behind the version: number, scramble, flags, and reserved bytes of which MariaDB uses the last four.
    const RESERVED: std::ops::Range<usize> = 21..27;
    /// Where the name of the plugin begins, behind the second half of the scramble.
    const PLUGIN: usize = 44;
    const PLUGIN_BYTES: usize = 64;
    let Some(end) = greeting.get(5..).and_then(|rest| rest.iter().position(|&byte| byte == 0)) else { return false };
    let fields = greeting.get(5 + end + 1..).unwrap_or_default();
    let plugin = fields.get(PLUGIN..).unwrap_or_default();
    let plugin = plugin.strip_suffix(b"\0").unwrap_or(plugin);
    let is_named = plugin.len() <= PLUGIN_BYTES && plugin.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    fields.get(RESERVED).unwrap_or_default().iter().all(|&byte| byte == 0) && is_named
}

/// Whether what a request for TLS is filled with is zero: all of it, or as MariaDB's clients have it all but the last four bytes.
fn is_filled(request: &[u8]) -> bool {
    /// Flags of MariaDB follow the filler.
    const CLIENT_MYSQL: u8 = 1;
    const FILLER: usize = 13;
    let is_mysql = request.get(4).is_some_and(|flags| flags & CLIENT_MYSQL != 0);
    let length = if is_mysql { 23 } else { 19 };
    request.get(FILLER..FILLER + length).is_some_and(|filler| filler.iter().all(|&byte| byte == 0))
}

#[derive(Default, Serialize, Deserialize)]
struct MySql {
    responder: Option<End>,
    greeted: bool,
    asked: bool,
    /// The opener asked for nothing, to its end.
    is_over: bool,
}

impl Inspector for MySql {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        let responder = match self.responder {
            Some(responder) => responder,
            None => {
                seen.say(Fact::Opener(!end));
                seen.say(Fact::Prologue);
                *self.responder.insert(end)
            }
        };
        if responder == end {
            if self.greeted {
                return Progress::Used(0);
            }
            let Ok(Some((length, offers))) = greeting(bytes) else { return Progress::Used(0) };
            self.greeted = true;
            if !is_formal(&bytes[..length]) {
                seen.say(Fact::Cleartext(Cleartext::Protocol));
            }
            if offers {
                seen.say(Fact::Upgrade(Upgrade::Offered));
            }
            return Progress::Used(length);
        }
        let Some(&[length, 0, 0, 1, _, flags]) = bytes.first_chunk::<6>() else {
            if bytes.len() < 6 {
                return Progress::Used(0);
            }
            seen.say(Fact::Cleartext(Cleartext::Protocol));
            return Progress::Settled;
        };
        self.asked = true;
        if usize::from(length) + 4 == SSL_REQUEST_BYTES && flags & CLIENT_SSL != 0 {
            if bytes.len() < SSL_REQUEST_BYTES {
                return Progress::Used(0);
            }
            if !is_filled(bytes) {
                seen.say(Fact::Cleartext(Cleartext::Protocol));
            }
            seen.say(Fact::Upgrade(Upgrade::Asked));
            seen.say(Fact::Upgrade(Upgrade::Agreed));
            return Progress::Upgrade(SSL_REQUEST_BYTES);
        }
        seen.say(Fact::Credentials);
        seen.say(Fact::Cleartext(Cleartext::Protocol));
        Progress::Settled
    }

    fn gap(&mut self, _: End, _: u64, _: &mut Seen<'_>) -> Progress {
        Progress::Settled
    }

    fn finish(&mut self, end: End, how: Finish, seen: &mut Seen<'_>) {
        if self.responder == Some(!end) && !self.asked && matches!(how, Finish::Fin | Finish::Reset) {
            self.is_over = true;
            seen.say(Fact::Cleartext(Cleartext::Protocol));
        }
    }

    fn is_prologue(&self) -> bool {
        !self.is_over
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}
