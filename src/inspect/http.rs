//! HTTP/1.x in the clear (RFC 9112): requests, and CONNECT, behind which both ends are probed afresh.
//!
//! All that one end asks is followed, from head to head, since each request may be for another host; what stands where a request should
//! is said to be none. Answers and bodies are passed over: they are in the clear too, and teach nothing. A CONNECT that is refused may be asked
//! again, and is plaintext only where something else follows.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::lines::begins;
use super::{Carrier, Inspector, Opening, Probe, Progress, Protocol, Seen, saved};
use crate::fact::{Cleartext, End, Fact, Finish, Name, NameSource, Text};
use crate::limits;

/// The longest request to connect, and all of those of one flow: host and client are named in some 300 bytes, and a proxy may ask for another try.
const CONNECT_BYTES: usize = 1024;
const CONNECTS_BYTES: u32 = 4096;
/// The longest head by which a proxy grants one.
const CONNECTED_BYTES: usize = 2048;

/// HTTP/1.0 and 1.1 over TCP.
pub(super) static HTTP: Protocol = Protocol {
    name: "http",
    carrier: Carrier::Stream,
    recognised_by: "a request line with a known method, or a status line",
    reads: "method, host and credentials of the first request, what a proxy is asked for by CONNECT",
    encrypted: "what is inside CONNECT, by its own protocol",
    probe,
    open: || Box::new(Http::default()),
    load: saved::load::<Http>,
};

const METHODS: [&[u8]; 18] = [
    b"GET ",
    b"POST ",
    b"HEAD ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"PATCH ",
    b"TRACE ",
    b"CONNECT ",
    b"PROPFIND ",
    b"PROPPATCH ",
    b"MKCOL ",
    b"REPORT ",
    b"SEARCH ",
    b"NOTIFY ",
    b"SUBSCRIBE ",
    b"M-SEARCH ",
    b"BITS_POST ",
];

fn probe(opening: &Opening<'_>) -> Probe {
    // methods are written large: Memcached has some of the same in small letters
    if opening.first.first().is_some_and(u8::is_ascii_lowercase) {
        return Probe::No;
    }
    match begins(opening.first, &METHODS) {
        Probe::Yes => {}
        Probe::Maybe => return Probe::Maybe,
        Probe::No => return begins(opening.first, &[b"HTTP/1.0 ", b"HTTP/1.1 "]),
    }
    // as much is looked at as may be needed, so that it does not matter how it is cut into segments
    let head = &opening.first[..opening.first.len().min(512)];
    let line = match head.iter().position(|&byte| byte == b'\n') {
        Some(end) => &head[..end],
        None if head.len() < 512 => return Probe::Maybe,
        None => head,
    };
    let readable = line.iter().all(|&byte| byte >= 0x20 || byte == b'\r');
    if line.len() == head.len() {
        return if readable { Probe::Yes } else { Probe::No };
    }
    // HTTP/0.9 has no version, and is as much in the clear
    let last = line.trim_ascii_end().rsplit(|&byte| byte == b' ').next().unwrap_or_default();
    let words = line.trim_ascii_end().split(|&byte| byte == b' ').count();
    if last.starts_with(b"HTTP/") || words == 2 && readable { Probe::Yes } else { Probe::No }
}

#[derive(Default, Serialize, Deserialize)]
struct Http {
    stage: Stage,
    said: bool,
    /// The asker said more before the proxy answered.
    ahead: bool,
    /// The proxy will not answer any more.
    unanswered: bool,
    /// A head has begun and is not whole.
    partial: bool,
    body: Body,
    /// Bytes by which a proxy refused, or said that it is at it.
    page: u32,
    /// Bytes of requests to connect.
    connects: u32,
}

/// What is left of the body of a request.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Body {
    /// Nothing: a request comes next.
    #[default]
    None,
    /// So many bytes.
    Length(u64),
    /// A chunk's size comes next.
    Chunks,
    /// Lines behind the last chunk, up to an empty one.
    Trailers,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    /// The first head is awaited.
    #[default]
    Head,
    /// This end asked a proxy to connect it, and waits.
    Connecting(End),
    /// The proxy said no to this end: it may ask again, with credentials as a rule.
    Refused(End),
    /// This end answered what was not seen yet: the request may come late, or be lost.
    Answered(End),
    /// This end asks, and its first request was read.
    Requests(End),
}

impl Http {
    /// What the end that asks says behind its first head.
    fn request(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        let line = || bytes.iter().position(|&byte| byte == b'\n').map(|at| (at + 1, bytes[..at].trim_ascii()));
        match self.body {
            Body::Length(left) => {
                let passed = left.min(limits::OPAQUE_BYTES as u64);
                self.body = if left > passed { Body::Length(left - passed) } else { Body::None };
                return Progress::Skip(passed as usize);
            }
            Body::Chunks | Body::Trailers => {
                let Some((used, line)) = line() else {
                    return if bytes.len() > limits::LINE_BYTES { Progress::Violation(Cleartext::Readable) } else { Progress::Used(0) };
                };
                let size = line.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
                let size = std::str::from_utf8(size).ok().filter(|size| size.bytes().all(|byte| byte.is_ascii_hexdigit()));
                match (self.body, size.map(|size| u64::from_str_radix(size, 16))) {
                    (Body::Trailers, _) if line.is_empty() => self.body = Body::None,
                    (Body::Trailers, _) => {}
                    (_, Some(Ok(0))) => self.body = Body::Trailers,
                    // and the end of its last line
                    (_, Some(Ok(size))) if size <= u64::from(u32::MAX) => {
                        return Progress::Skip(used + size as usize + 2);
                    }
                    _ => return Progress::Violation(Cleartext::Readable),
                }
                return Progress::Used(used);
            }
            Body::None => {}
        }
        // servers pass over empty lines ahead of a request (RFC 9112 section 2.2)
        let empty = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        if empty > 0 {
            return Progress::Used(empty);
        }
        self.partial = true;
        match (begins(bytes, &METHODS), head_length(bytes)) {
            (Probe::Yes, Some(length)) => self.head(end, &bytes[..length], seen),
            (Probe::Yes, None) if bytes.len() > limits::HTTP_HEAD_BYTES => self.endless(seen),
            (Probe::Yes | Probe::Maybe, _) => Progress::Used(0),
            (Probe::No, _) => Progress::Violation(Cleartext::Readable),
        }
    }

    fn endless(&mut self, seen: &mut Seen<'_>) -> Progress {
        self.cleartext(seen);
        seen.say(Fact::Limit("head of a request".to_owned()));
        Progress::Settled
    }

    fn cleartext(&mut self, seen: &mut Seen<'_>) {
        if !std::mem::replace(&mut self.said, true) {
            seen.say(Fact::Cleartext(Cleartext::Protocol));
        }
    }

    /// The rest of a head will not come, and nobody has read what there is of it.
    fn unread(&mut self, seen: &mut Seen<'_>) {
        if std::mem::take(&mut self.partial) {
            seen.say(Fact::Unrecognised);
        }
    }

    /// What was said ahead of an answer that never comes is read by nobody.
    fn doubt(&self, seen: &mut Seen<'_>) {
        if self.ahead && self.unanswered {
            seen.say(Fact::Unrecognised);
        }
    }

    /// The first head of the flow, its blank line included.
    fn head(&mut self, end: End, head: &[u8], seen: &mut Seen<'_>) -> Progress {
        self.partial = false;
        // some end a line at a lone CR
        let mut lines = head.split(|&byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.is_empty()).map(<[u8]>::trim_ascii_end);
        let first = lines.next().unwrap_or_default();
        if first.starts_with(b"HTTP/") {
            seen.say(Fact::Opener(!end));
            self.cleartext(seen);
            self.stage = Stage::Answered(end);
            return Progress::Used(head.len());
        }
        let mut words = first.split(|&byte| byte == b' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut hosts: SmallVec<[&[u8]; 2]> = authority(target).into_iter().collect();
        let (mut credentials, mut proxy_credentials) = (false, false);
        let (mut body, mut in_host) = (Body::None, false);
        // bytes of credentials, which are told as such
        let mut told = 0;
        for line in lines {
            if matches!(line.first(), Some(b' ' | b'\t')) {
                // what is folded belongs to the field above (RFC 9112 section 5.2)
                hosts.extend(Some(line.trim_ascii()).filter(|_| in_host));
                continue;
            }
            let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
            let (field, value) = (line[..colon].trim_ascii().to_ascii_lowercase(), line[colon + 1..].trim_ascii());
            in_host = field == b"host";
            match &field[..] {
                b"host" => hosts.push(value),
                b"proxy-authorization" => {
                    proxy_credentials = true;
                    told += line.len();
                }
                b"authorization" => credentials = true,
                b"transfer-encoding" => body = Body::Chunks,
                b"content-length" if body != Body::Chunks => {
                    let length = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
                    body = length.filter(|&length| length > 0).map_or(Body::None, Body::Length);
                }
                _ => {}
            }
        }
        seen.say(Fact::Opener(end));
        let is_connect = method == b"CONNECT";
        if proxy_credentials || credentials && is_connect {
            seen.say(Fact::ProxyCredentials);
        }
        if credentials && !is_connect {
            seen.say(Fact::Credentials);
        }
        if is_connect {
            let port = target.rsplit(|&byte| byte == b':').next().and_then(|port| std::str::from_utf8(port).ok()?.parse().ok());
            let (target, name) = (Text::from_wire(target), Name::from_wire(host_of(target)));
            seen.say(Fact::Proxied { target, name, port, by: NameSource::Connect });
            let length = head.len() - told;
            self.connects = self.connects.saturating_add(length as u32);
            if length > CONNECT_BYTES || self.connects > CONNECTS_BYTES {
                self.cleartext(seen);
            }
            self.stage = Stage::Connecting(end);
            return Progress::Used(head.len());
        }
        if absolute(target).is_some() {
            seen.say(Fact::AbsoluteTarget);
        }
        let path = path(target);
        let path = (path.len() <= Text::MAX_BYTES).then(|| Text::from_wire(path));
        let method = Text::from_wire(method);
        // servers do not agree on which of several is meant: each is
        let mut names: SmallVec<[Name; 2]> =
            hosts.iter().filter(|host| !host.is_empty()).map(|host| Name::from_wire(host_of(host))).collect();
        names.dedup();
        let mut names = names.into_iter();
        seen.say(Fact::Http { method: method.clone(), host: names.next(), path: path.clone() });
        for other in names {
            seen.say(Fact::Http { method: method.clone(), host: Some(other), path: path.clone() });
        }
        self.cleartext(seen);
        self.stage = Stage::Requests(end);
        self.body = body;
        Progress::Used(head.len())
    }

    /// A proxy's answer to CONNECT.
    fn answer(&mut self, head: &[u8], seen: &mut Seen<'_>) -> Progress {
        let status = head.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
        if head.starts_with(b"HTTP/") && status.starts_with(b"2") {
            if head.len() > CONNECTED_BYTES {
                self.cleartext(seen);
            }
            return Progress::Handover(head.len());
        }
        match self.stage {
            Stage::Connecting(asker) if head.starts_with(b"HTTP/") && !self.ahead => {
                self.page = self.page.saturating_add(head.len() as u32);
                if self.page as usize > limits::HTTP_HEAD_BYTES {
                    self.cleartext(seen);
                }
                // an interim answer is none (RFC 9110 section 15.2)
                if !status.starts_with(b"1") {
                    self.stage = Stage::Refused(asker);
                }
                Progress::Used(head.len())
            }
            _ => {
                self.cleartext(seen);
                Progress::Settled
            }
        }
    }

    /// What is said behind a refusal: the page that explains it, and another request to connect. Anything else is no prologue any more.
    fn refused(&mut self, asker: End, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        if end != asker {
            self.page = self.page.saturating_add(bytes.len() as u32);
            if self.page as usize > limits::HTTP_HEAD_BYTES {
                self.cleartext(seen);
                return Progress::Settled;
            }
            return Progress::Used(bytes.len());
        }
        match (begins(bytes, &[b"CONNECT "]), head_length(bytes)) {
            (Probe::Yes, Some(length)) => self.head(end, &bytes[..length], seen),
            (Probe::Yes | Probe::Maybe, None) if bytes.len() <= limits::HTTP_HEAD_BYTES => Progress::Used(0),
            _ => {
                self.cleartext(seen);
                self.stage = Stage::Requests(asker);
                self.request(end, bytes, seen)
            }
        }
    }
}

/// What follows the scheme of an absolute target (RFC 9112 section 3.2.2); `None` where it is none, whatever its query holds.
fn absolute(target: &[u8]) -> Option<&[u8]> {
    let scheme = target.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')).count();
    let is_scheme = target.first().is_some_and(u8::is_ascii_alphabetic);
    target[scheme..].strip_prefix(b"://").filter(|_| is_scheme)
}

/// The authority of an absolute target.
fn authority(target: &[u8]) -> Option<&[u8]> {
    absolute(target)?.split(|byte| matches!(byte, b'/' | b'?' | b'#')).next()
}

/// The path of a target, absolute or not, without its query (RFC 9112 section 3.2).
fn path(target: &[u8]) -> &[u8] {
    let target = target.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
    let Some(rest) = absolute(target) else { return target };
    rest.iter().position(|&byte| byte == b'/').map_or(b"/", |slash| &rest[slash..])
}

/// The host of `user@host:port`, brackets of an IPv6 address kept off.
fn host_of(authority: &[u8]) -> &[u8] {
    let authority = authority.rsplit(|&byte| byte == b'@').next().unwrap_or_default();
    if let Some(rest) = authority.strip_prefix(b"[") {
        return rest.split(|&byte| byte == b']').next().unwrap_or_default();
    }
    match authority.iter().rposition(|&byte| byte == b':') {
        Some(colon) => &authority[..colon],
        None => authority,
    }
}

/// The length of a head with its blank line, where that has come.
fn head_length(bytes: &[u8]) -> Option<usize> {
    let line_feeds = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
    line_feeds.into_iter().find_map(|at| match &bytes[at + 1..] {
        [b'\n', ..] => Some(at + 2),
        [b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    })
}

impl Inspector for Http {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        if let Stage::Connecting(asker) = self.stage {
            if asker == end {
                // said ahead of the answer: for whoever is connected
                self.ahead = true;
                self.doubt(seen);
                return Progress::Used(0);
            }
            return match head_length(bytes) {
                Some(length) => self.answer(&bytes[..length], seen),
                None if bytes.len() > limits::HTTP_HEAD_BYTES => {
                    self.cleartext(seen);
                    Progress::Settled
                }
                None => Progress::Used(0),
            };
        }
        match self.stage {
            Stage::Requests(asker) if asker == end => return self.request(end, bytes, seen),
            Stage::Refused(asker) => return self.refused(asker, end, bytes, seen),
            // the answer came first: what it answers must be a request
            Stage::Answered(answerer) if answerer != end => return self.request(end, bytes, seen),
            Stage::Answered(answerer) if answerer == end => return Progress::Used(bytes.len()),
            // an answer, and the next ones
            Stage::Requests(_) => return Progress::Skip(limits::OPAQUE_BYTES),
            _ => {}
        }
        match head_length(bytes) {
            Some(length) => self.head(end, &bytes[..length], seen),
            // a head that does not end is read as far as it came
            None if bytes.len() > limits::HTTP_HEAD_BYTES => {
                self.head(end, bytes, seen);
                if matches!(self.stage, Stage::Connecting(_)) { Progress::Used(bytes.len()) } else { self.endless(seen) }
            }
            None => {
                self.partial = true;
                if !begins(bytes, &[b"CONNECT "]).eq(&Probe::Yes) {
                    self.cleartext(seen);
                }
                Progress::Used(0)
            }
        }
    }

    fn gap(&mut self, _: End, _: u64, seen: &mut Seen<'_>) -> Progress {
        if self.stage == Stage::Head {
            self.cleartext(seen);
        }
        Progress::Settled
    }

    fn finish(&mut self, end: End, _: Finish, seen: &mut Seen<'_>) {
        match self.stage {
            Stage::Head => {
                self.cleartext(seen);
                self.unread(seen);
            }
            Stage::Requests(asker) if asker == end => self.unread(seen),
            Stage::Answered(answerer) if answerer != end => self.unread(seen),
            Stage::Connecting(asker) if asker != end => {
                self.unanswered = true;
                self.doubt(seen);
            }
            Stage::Connecting(_) | Stage::Refused(_) | Stage::Answered(_) | Stage::Requests(_) => {}
        }
    }

    fn is_prologue(&self) -> bool {
        matches!(self.stage, Stage::Connecting(_) | Stage::Refused(_))
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_not_matter_how_a_request_is_cut_into_segments() {
        let long = [&b"GET /"[..], &[b'a'; 600], b" HTTP/1.1\r\n"].concat();
        for request in [&b"GET /index HTTP/1.1\r\n"[..], b"GET /ind\0ex HTTP/1.1\r\n", b"GET /index\r\n", &long] {
            let answers: Vec<Probe> = (1..=request.len()).map(|n| probe(&Opening { first: &request[..n], second: &[] })).collect();
            let settled = answers.iter().position(|answer| *answer != Probe::Maybe);
            assert!(settled.is_some_and(|at| answers[at..].iter().all(|answer| *answer == Probe::Yes)), "{answers:?}");
        }
        let binary = [&b"GET \x01\x02"[..], &[0; 600]].concat();
        assert_eq!(probe(&Opening { first: &binary, second: &[] }), Probe::No);
    }
}
