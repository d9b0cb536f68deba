//! DNS messages (RFC 1035), read leniently: what can be read of a message is, and what cannot is said.
//!
//! hickory-proto refuses a whole message over one bad record or trailing byte, so that a malformed record could hide the answers before
//! it. This walk keeps them. It is also several times cheaper, and the tests hold it against hickory where hickory reads.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::fact::Name;
use crate::limits;

/// Record types that are read.
pub(super) mod kind {
    pub(in crate::inspect) const A: u16 = 1;
    pub(in crate::inspect) const CNAME: u16 = 5;
    pub(in crate::inspect) const AAAA: u16 = 28;
    pub(in crate::inspect) const OPT: u16 = 41;
}

/// A message as far as it could be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) id: u16,
    pub(super) response: bool,
    pub(super) opcode: u8,
    pub(super) truncated: bool,
    pub(super) rcode: u16,
    pub(super) questions: Vec<Question>,
    pub(super) answers: Vec<Record>,
    /// Something in it could not be read.
    pub(super) malformed: bool,
    /// Bytes behind the last record.
    pub(super) trailing: usize,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) name: Name,
    pub(super) qtype: u16,
}

/// A record of the answer section.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) owner: Name,
    pub(super) data: Data,
}

/// What a record says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Data {
    Address(IpAddr),
    Target(Name),
    Other(u16),
}

const HEADER: usize = 12;

/// Reads a message; `None` where there is not even a header.
pub(super) fn read(bytes: &[u8]) -> Option<Message> {
    let word = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    let flags = word(2)?;
    let counts = [word(4)?, word(6)?, word(8)?, word(10)?];
    let mut message = Message {
        id: word(0)?,
        response: flags & 0x8000 != 0,
        opcode: (flags >> 11 & 0xf) as u8,
        truncated: flags & 0x0200 != 0,
        rcode: flags & 0xf,
        questions: Vec::new(),
        answers: Vec::new(),
        malformed: false,
        trailing: 0,
    };
    let mut at = HEADER;
    message.malformed = sections(bytes, counts, &mut at, &mut message).is_none();
    message.trailing = bytes.len().saturating_sub(at);
    Some(message)
}

/// Reads the sections; `None` at the first thing that cannot be read.
fn sections(bytes: &[u8], counts: [u16; 4], at: &mut usize, message: &mut Message) -> Option<()> {
    for n in 0..counts[0] {
        if usize::from(n) >= limits::DNS_QUESTIONS {
            return None;
        }
        let name = name(bytes, at)?;
        let qtype = u16::from_be_bytes(*bytes.get(*at..)?.first_chunk()?);
        bytes.get(*at..*at + 4)?;
        *at += 4;
        message.questions.push(Question { name, qtype });
    }
    let mut read = 0;
    for (section, count) in counts.iter().enumerate().skip(1) {
        for _ in 0..*count {
            read += 1;
            if read > limits::DNS_RECORDS {
                return None;
            }
            let start = *at;
            let owner = if section == 1 { Some(name(bytes, at)?) } else { skip_name(bytes, at).map(|()| None)? };
            let fixed: [u8; 10] = *bytes.get(*at..)?.first_chunk()?;
            let kind = u16::from_be_bytes([fixed[0], fixed[1]]);
            let length = usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
            let data_at = *at + 10;
            let data = bytes.get(data_at..data_at + length).or_else(|| {
                *at = start;
                None
            })?;
            if kind == kind::OPT && section == 3 {
                message.rcode |= u16::from(fixed[4]) << 4;
            }
            if let Some(owner) = owner {
                message.answers.push(Record { owner, data: value(bytes, kind, data_at, data)? });
            }
            *at = data_at + length;
        }
    }
    Some(())
}

fn value(bytes: &[u8], kind: u16, at: usize, data: &[u8]) -> Option<Data> {
    Some(match kind {
        kind::A => Data::Address(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).into()),
        kind::AAAA => Data::Address(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).into()),
        kind::CNAME => {
            let mut inner = at;
            let target = name(bytes, &mut inner)?;
            (inner == at + data.len()).then_some(Data::Target(target))?
        }
        other => Data::Other(other),
    })
}

/// Reads a name and moves past it. Pointers only lead backwards, and only so many are followed.
fn name(bytes: &[u8], at: &mut usize) -> Option<Name> {
    let mut text: Vec<u8> = Vec::with_capacity(64);
    let mut from = *at;
    let mut end = None;
    let mut pointers = 0;
    loop {
        let length = usize::from(*bytes.get(from)?);
        match length {
            0 => {
                *at = end.unwrap_or(from + 1);
                return Some(Name::from_wire(&text));
            }
            1..=63 => {
                let label = bytes.get(from + 1..from + 1 + length)?;
                if !text.is_empty() {
                    text.push(b'.');
                }
                // a dot inside a label must not pass for one between labels
                for &byte in label {
                    if byte == b'.' { text.extend(b"\\x2e") } else { text.push(byte) }
                }
                from += 1 + length;
                if text.len() > 4 * Name::MAX_BYTES {
                    return None;
                }
            }
            0xc0.. => {
                let target = (length & 0x3f) << 8 | usize::from(*bytes.get(from + 1)?);
                end.get_or_insert(from + 2);
                pointers += 1;
                if target >= from || pointers > limits::DNS_POINTERS {
                    return None;
                }
                from = target;
            }
            _ => return None,
        }
    }
}

/// Moves past a name without reading it.
fn skip_name(bytes: &[u8], at: &mut usize) -> Option<()> {
    loop {
        let length = usize::from(*bytes.get(*at)?);
        match length {
            0 => {
                *at += 1;
                return Some(());
            }
            1..=63 => *at += 1 + length,
            0xc0.. => {
                bytes.get(*at + 1)?;
                *at += 2;
                return Some(());
            }
            _ => return None,
        }
    }
}

/// Whether bytes are a DNS message and hardly anything else: a known opcode, as a rule one question, names that are legal, and nothing
/// behind the last record.
pub(super) fn is_message(bytes: &[u8]) -> bool {
    let Some(message) = read(bytes) else { return false };
    let reserved = bytes.get(3).is_some_and(|flags| flags & 0x40 != 0);
    let counts_fit = message.questions.len() == 1 || message.response && message.questions.is_empty() && !message.answers.is_empty();
    let host = |name: &Name| name.as_str().is_empty() || !name.is_odd() || name.as_str().len() < 255;
    let known = matches!(message.opcode, 0 | 2 | 4 | 5);
    let legal = message.questions.iter().all(|question| host(&question.name) && question.qtype != 0);
    let whole = !message.malformed && message.trailing <= 16 || message.malformed && message.response && !message.questions.is_empty();
    known && !reserved && counts_fit && legal && whole
}
