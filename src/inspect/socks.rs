//! SOCKS 4, 4a and 5 (RFC 1928), and the user name and password of SOCKS 5 (RFC 1929): what the proxy is asked for, behind which both ends
//! are probed afresh.
//!
//! Names of users and hosts in it that are none, and longer lists of methods than there are, are content in the clear.
//!
//! It is recognised by what both ends say, for the opener's bytes alone are too few to prove anything. BIND, UDP ASSOCIATE and the
//! protection of GSSAPI are not followed: what comes behind them is unrecognised.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::lines::is_host;
use super::{Carrier, Inspector, Opening, Probe, Progress, Protocol, Seen, saved};
use crate::fact::{Cleartext, End, Fact, Finish, Name, NameSource, Text};

/// SOCKS over TCP.
pub(super) static SOCKS: Protocol = Protocol {
    name: "socks",
    carrier: Carrier::Stream,
    recognised_by: "SOCKS 5's list of methods and the choice of one of them, or SOCKS 4's request and its answer",
    reads: "host and port asked for, whether a password goes in the clear",
    encrypted: "what is behind it, by its own protocol",
    probe,
    open: || Box::new(Socks::default()),
    load: saved::load::<Socks>,
};

const NO_METHOD: u8 = 0xff;
const PASSWORD: u8 = 2;
const CONNECT: u8 = 1;
/// The longest user name or host of SOCKS 4.
const LONGEST: usize = 255;
/// The longest name of a user that is no more than that.
const USER_BYTES: usize = 32;
/// Methods that a client lists at most: the registry has ten.
const METHODS: usize = 10;

fn probe(opening: &Opening<'_>) -> Probe {
    match opening.first {
        [5] => Probe::Maybe,
        [5, count @ 1..=255, rest @ ..] => {
            let Some(methods) = rest.get(..usize::from(*count)) else {
                return if opening.second.len() < 2 { Probe::Maybe } else { Probe::No };
            };
            // what the registry knows, and private methods
            if !methods.iter().all(|method| matches!(method, 0..=9 | 0x80..)) {
                return Probe::No;
            }
            match opening.second {
                [] | [5] => Probe::Maybe,
                [5, method, ..] if *method == NO_METHOD || methods.contains(method) => Probe::Yes,
                _ => Probe::No,
            }
        }
        [4] | [4, 1 | 2] => Probe::Maybe,
        [4, 1 | 2, ..] => match (request_4(opening.first), opening.second) {
            (Err(()), _) => Probe::No,
            (Ok(_), [] | [0] | [0, 90..=93] | [0, 90..=93, _, ..]) if opening.second.len() < 8 => Probe::Maybe,
            (Ok(Some(_)), [0, 90..=93, ..]) => Probe::Yes,
            (Ok(_), _) => Probe::No,
        },
        _ => Probe::No,
    }
}

/// What was read; `None` where more bytes are needed, and an error where they are not of the protocol.
type Read<T> = Result<Option<T>, ()>;

/// A request: its length, host and port, and whether it asks to be connected.
struct Request {
    length: usize,
    host: Vec<u8>,
    port: u16,
    connects: bool,
    /// The name of the user, or another field that is nobody's, is no such thing.
    is_odd: bool,
}

impl Request {
    fn new(length: usize, host: Vec<u8>, port: [u8; 2], command: u8) -> Self {
        Self { length, host, port: u16::from_be_bytes(port), connects: command == CONNECT, is_odd: false }
    }

    /// The same, of a user with this name.
    fn of(self, user: &[u8]) -> Self {
        Self { is_odd: user.len() > USER_BYTES || !user.iter().all(u8::is_ascii_graphic), ..self }
    }

    fn say(&self, seen: &mut Seen<'_>) {
        let is_v6 = self.host.contains(&b':');
        let (open, close): (&[u8], &[u8]) = if is_v6 { (b"[", b"]") } else { (b"", b"") };
        let target = [open, &self.host, close, b":", self.port.to_string().as_bytes()].concat();
        let (target, name) = (Text::from_wire(&target), Name::from_wire(&self.host));
        seen.say(Fact::Proxied { target, name, port: Some(self.port), by: NameSource::Socks });
    }
}

/// Text up to its zero, and what is behind it; `None` where that has not come.
fn text(bytes: &[u8]) -> Read<(&[u8], &[u8])> {
    let length = bytes.iter().take(LONGEST + 1).take_while(|byte| byte.is_ascii_graphic() || **byte == b' ').count();
    match bytes.get(length..) {
        Some([0, rest @ ..]) => Ok(Some((&bytes[..length], rest))),
        Some([]) | None => Ok(None),
        Some(_) => Err(()),
    }
}

fn request_4(bytes: &[u8]) -> Read<Request> {
    let Some((&[_, command, high, low, a, b, c, d], rest)) = bytes.split_first_chunk::<8>() else { return Ok(None) };
    let Some((user, rest)) = text(rest)? else { return Ok(None) };
    if [a, b, c] != [0; 3] || d == 0 {
        let host = Ipv4Addr::new(a, b, c, d).to_string().into_bytes();
        return Ok(Some(Request::new(bytes.len() - rest.len(), host, [high, low], command).of(user)));
    }
    let Some((host, rest)) = text(rest)? else { return Ok(None) };
    Ok(Some(Request::new(bytes.len() - rest.len(), host.to_vec(), [high, low], command).of(user)))
}

/// An address with its type before it and a port behind it: its length, the host and the port.
fn address(bytes: &[u8]) -> Read<(usize, Vec<u8>, [u8; 2])> {
    let Some((kind, rest)) = bytes.split_first() else { return Ok(None) };
    let (host, rest) = match kind {
        1 => match rest.split_first_chunk::<4>() {
            Some((ip, rest)) => (Ipv4Addr::from(*ip).to_string().into_bytes(), rest),
            None => return Ok(None),
        },
        4 => match rest.split_first_chunk::<16>() {
            Some((ip, rest)) => (Ipv6Addr::from(*ip).to_string().into_bytes(), rest),
            None => return Ok(None),
        },
        3 => match rest.split_first().and_then(|(&length, rest)| rest.split_at_checked(length.into())) {
            Some((host, rest)) => (host.to_vec(), rest),
            None => return Ok(None),
        },
        _ => return Err(()),
    };
    let Some((&port, rest)) = rest.split_first_chunk::<2>() else { return Ok(None) };
    Ok(Some((bytes.len() - rest.len(), host, port)))
}

fn request_5(bytes: &[u8]) -> Read<Request> {
    match *bytes {
        [5, command @ 1..=3, 0, ..] => Ok(address(&bytes[3..])?.map(|(length, host, port)| Request::new(length + 3, host, port, command))),
        [] | [5] | [5, 1..=3] => Ok(None),
        _ => Err(()),
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Socks {
    opener: Option<End>,
    /// What the opener says next.
    asks: Stage,
    /// What the responder says next.
    answers: Stage,
    method: u8,
    connects: bool,
    unblocked: bool,
    /// The proxy said no.
    refused: bool,
}

/// A step of the dialogue, of one end.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Stage {
    /// The methods, or the choice of one.
    #[default]
    Method,
    /// User name and password, or what is thought of them.
    Password,
    /// The request, or its answer.
    Request,
    /// That of SOCKS 4.
    Request4,
    /// The end has said its part.
    Done,
}

impl Socks {
    fn ask(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Read<usize> {
        let request = match self.asks {
            Stage::Method if bytes.first() == Some(&4) => {
                self.answers = Stage::Request4;
                request_4(bytes)?
            }
            Stage::Method => {
                let Some(&count) = bytes.get(1) else { return Ok(None) };
                let length = 2 + usize::from(count);
                // what comes next is the responder's to choose
                if bytes.len() >= length {
                    if usize::from(count) > METHODS {
                        seen.say(Fact::Cleartext(Cleartext::Protocol));
                    }
                    self.asks = Stage::Done;
                    return Ok(Some(length));
                }
                return Ok(None);
            }
            Stage::Password => {
                let Some(&[1, user]) = bytes.first_chunk() else { return if bytes.len() < 2 { Ok(None) } else { Err(()) } };
                let Some(&password) = bytes.get(2 + usize::from(user)) else { return Ok(None) };
                let length = 3 + usize::from(user) + usize::from(password);
                if bytes.len() < length {
                    return Ok(None);
                }
                seen.say(Fact::ProxyCredentials);
                self.asks = Stage::Request;
                return Ok(Some(length));
            }
            Stage::Request => request_5(bytes)?,
            Stage::Request4 | Stage::Done => return Ok(None),
        };
        Ok(request.map(|request| {
            request.say(seen);
            if request.is_odd {
                seen.say(Fact::Cleartext(Cleartext::Protocol));
            }
            self.connects = request.connects;
            self.asks = Stage::Done;
            request.length
        }))
    }

    /// The responder's next step. Returns whether it connects, besides.
    fn answer(&mut self, bytes: &[u8], seen: &mut Seen<'_>) -> Read<(usize, bool)> {
        match self.answers {
            Stage::Method => {
                let Some(&[5, method]) = bytes.first_chunk() else { return if bytes.len() < 2 { Ok(None) } else { Err(()) } };
                if self.asks == Stage::Method {
                    return Ok(None);
                }
                self.method = method;
                (self.asks, self.answers) = match method {
                    0 => (Stage::Request, Stage::Request),
                    PASSWORD => (Stage::Password, Stage::Password),
                    NO_METHOD => (Stage::Done, Stage::Done),
                    _ => return Err(()),
                };
                Ok(Some((2, false)))
            }
            Stage::Password => {
                let Some(&[1, status]) = bytes.first_chunk() else { return if bytes.len() < 2 { Ok(None) } else { Err(()) } };
                self.answers = if status == 0 { Stage::Request } else { Stage::Done };
                Ok(Some((2, false)))
            }
            Stage::Request => match *bytes {
                [5, _, 0, ..] if self.asks == Stage::Done => {
                    let Some((length, host, _)) = address(&bytes[3..])? else { return Ok(None) };
                    if !host.is_empty() && !is_host(&host) {
                        seen.say(Fact::Cleartext(Cleartext::Protocol));
                    }
                    self.answers = Stage::Done;
                    Ok(Some((3 + length, bytes[1] == 0)))
                }
                [] | [5] | [5, _] | [5, _, 0, ..] => Ok(None),
                _ => Err(()),
            },
            Stage::Request4 if self.asks == Stage::Done => {
                let Some(reply) = bytes.first_chunk::<8>() else { return Ok(None) };
                self.answers = Stage::Done;
                Ok(Some((8, reply[1] == 90)))
            }
            Stage::Request4 | Stage::Done => Ok(None),
        }
    }
}

impl Inspector for Socks {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        if self.opener.is_none() {
            self.opener = Some(end);
            seen.say(Fact::Opener(end));
            seen.say(Fact::Prologue);
        }
        if self.refused {
            // nothing has a place behind a refusal
            return Progress::Violation(Cleartext::Readable);
        }
        let by_opener = self.opener == Some(end);
        let step = if by_opener { self.ask(bytes, seen).map(|used| used.map(|used| (used, false))) } else { self.answer(bytes, seen) };
        match step {
            Ok(Some((used, true))) if self.connects => Progress::Handover(used),
            Ok(Some((used, connects))) => {
                self.unblocked = true;
                if !by_opener && self.answers == Stage::Done {
                    if connects {
                        // BIND or UDP ASSOCIATE
                        seen.say(Fact::Unrecognised);
                        return Progress::Settled;
                    }
                    self.refused = true;
                }
                Progress::Used(used)
            }
            Ok(None) => Progress::Used(0),
            Err(()) => Progress::Violation(Cleartext::Readable),
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
