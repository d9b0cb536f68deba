//! DNS messages (RFC 1035, RFC 6891), read leniently: what can be read of a message is, and what cannot is said.
//!
//! hickory-proto refuses a whole message over one bad record, so that a malformed record could hide the answers beside it. This walk
//! goes on as long as the lengths lead it, and stops where they do not. It copies no name: names stay where they are in the message and
//! are compared there, for DNS is most of the flows of many captures. The tests hold it against hickory wherever hickory reads.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smallvec::SmallVec;

use super::service::{HTTPS, SVCB, ServiceData};
use crate::fact::Name;
use crate::limits;

/// A message as far as it could be read.
#[derive(Debug)]
pub(super) struct Message<'a> {
    pub(super) id: u16,
    pub(super) response: bool,
    pub(super) truncated: bool,
    pub(super) rcode: u16,
    pub(super) questions: SmallVec<[Question<'a>; 1]>,
    pub(super) answers: SmallVec<[Record<'a>; 2]>,
    /// The least TTL of the answers, in seconds.
    pub(super) ttl: Option<u32>,
    /// Bytes of data in the answers that are no addresses.
    pub(super) carried: u32,
    /// Bytes other than zero in the records of a question, and in the options of its extension (RFC 6891).
    pub(super) beside: u32,
    /// A record's data does not fit its type; the records around it were read.
    pub(super) bad_data: bool,
    /// The lengths led nowhere: what follows was not read.
    pub(super) broken: bool,
    /// Bytes behind the last record.
    pub(super) trailing: usize,
    flags: u16,
    counts: [u16; 4],
    classes_known: bool,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub(super) name: WireName<'a>,
    pub(super) qtype: u16,
}

/// A record of the answer section.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub(super) owner: WireName<'a>,
    pub(super) data: Data<'a>,
}

/// What a record says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Data<'a> {
    Address(IpAddr),
    Target(WireName<'a>),
    Service(ServiceData<'a>),
    Other(u16),
}

const HEADER: usize = 12;
const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const OPT: u16 = 41;
const INTERNET: u16 = 1;
/// What multicast DNS sets in a class.
const CACHE_FLUSH: u16 = 0x8000;
const ANSWER: usize = 1;
const ADDITIONAL: usize = 3;

/// Bytes behind the last record that some implementations leave there.
const TRAILING: usize = 16;

impl<'a> Message<'a> {
    /// Reads a message; `None` where there is not even a header.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let header: &[u8; HEADER] = bytes.first_chunk()?;
        let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let flags = word(2);
        let mut message = Self {
            id: word(0),
            response: flags & 0x8000 != 0,
            truncated: flags & 0x0200 != 0,
            rcode: flags & 0xf,
            questions: SmallVec::new(),
            answers: SmallVec::new(),
            ttl: None,
            carried: 0,
            beside: 0,
            bad_data: false,
            broken: false,
            trailing: 0,
            flags,
            counts: [word(4), word(6), word(8), word(10)],
            classes_known: true,
        };
        let mut at = HEADER;
        message.broken = message.sections(bytes, &mut at).is_none();
        message.trailing = bytes.len().saturating_sub(at);
        Some(message)
    }

    /// Whether this is a DNS message and hardly anything else: a known opcode, no reserved bit, one question as a rule, legal names,
    /// known classes, and little or nothing behind the last record. Records may be broken behind a question that is sound.
    pub(super) fn is_sound(&self) -> bool {
        if !self.has_known_flags() {
            return false;
        }
        let code = self.flags & 0xf;
        let [asked, answers, ..] = self.counts;
        let is_read = !self.broken && self.classes_known;
        match asked {
            // an error may come without its question, and multicast DNS answers without one
            0 => self.response && is_read && self.trailing == 0 && (answers > 0 || code != 0),
            1 if self.questions.len() == 1 => self.classes_known && (self.broken && self.response || is_read && self.trailing <= TRAILING),
            // several are read, though nobody sends them but in multicast DNS
            _ => is_read && self.trailing == 0,
        }
    }

    /// Whether this is a question with more in it than a question needs: it may carry anything. What updates a zone has records for its own sake.
    pub(super) fn is_laden(&self) -> bool {
        self.flags >> 11 & 0xf == 0 && self.beside > limits::DNS_BESIDE_BYTES
    }

    /// Whether this may be the beginning of a DNS message: all of its questions were read, and whatever else was is sound.
    pub(super) fn is_sound_to_a_cut(&self) -> bool {
        let asked = usize::from(self.counts[0]);
        self.has_known_flags() && asked > 0 && self.questions.len() == asked && self.classes_known
    }

    fn has_known_flags(&self) -> bool {
        let opcode = self.flags >> 11 & 0xf;
        let code = self.flags & 0xf;
        matches!(opcode, 0 | 2 | 4 | 5) && self.flags & 0x40 == 0 && code <= 10 && (self.response || code == 0)
    }

    /// Reads the sections; `None` at the first thing that cannot be read.
    fn sections(&mut self, bytes: &'a [u8], at: &mut usize) -> Option<()> {
        if usize::from(self.counts[0]) > limits::DNS_QUESTIONS {
            return None;
        }
        for _ in 0..self.counts[0] {
            let (name, next) = WireName::read(bytes, *at)?;
            let fixed: &[u8; 4] = bytes.get(next..)?.first_chunk()?;
            let qtype = u16::from_be_bytes([fixed[0], fixed[1]]);
            self.classes_known &= qtype != 0 && is_class(u16::from_be_bytes([fixed[2], fixed[3]]));
            self.questions.push(Question { name, qtype });
            *at = next + 4;
        }
        let mut left = limits::DNS_RECORDS;
        for section in ANSWER..=ADDITIONAL {
            for _ in 0..self.counts[section] {
                left = left.checked_sub(1)?;
                *at = self.record(bytes, *at, section)?;
            }
        }
        Some(())
    }

    /// Reads a record, and says where the next begins.
    fn record(&mut self, bytes: &'a [u8], at: usize, section: usize) -> Option<usize> {
        let (owner, next) = WireName::read(bytes, at)?;
        let fixed: &[u8; 10] = bytes.get(next..)?.first_chunk()?;
        let kind = u16::from_be_bytes([fixed[0], fixed[1]]);
        let data_at = next + 10;
        let end = data_at + usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
        let data = bytes.get(data_at..end)?;
        if kind == OPT && section == ADDITIONAL {
            // the high bits of the response code, and a size in the place of the class
            self.rcode |= u16::from(fixed[4]) << 4;
        } else {
            self.classes_known &= is_class(u16::from_be_bytes([fixed[2], fixed[3]]));
        }
        if !self.response {
            self.beside += data.iter().filter(|&&byte| byte != 0).count() as u32;
        }
        if section == ANSWER {
            // the highest bit set is a zero (RFC 2181 section 8)
            let ttl = u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]);
            let ttl = if ttl > i32::MAX as u32 { 0 } else { ttl };
            self.ttl = Some(self.ttl.map_or(ttl, |least| least.min(ttl)));
            self.carried += if matches!(kind, A | AAAA) { 0 } else { data.len() as u32 };
            let is_internet = u16::from_be_bytes([fixed[2], fixed[3]]) & !CACHE_FLUSH == INTERNET;
            match Data::read(bytes, kind, data_at, data) {
                // an address of another class is none that anybody goes to (RFC 1035 section 3.4.1)
                Some(_) if !is_internet => self.answers.push(Record { owner, data: Data::Other(kind) }),
                Some(data) => self.answers.push(Record { owner, data }),
                None => self.bad_data = true,
            }
        }
        Some(end)
    }
}

/// Whether a class is known: IN, CH, HS, NONE, ANY. The highest bit is multicast DNS's.
fn is_class(class: u16) -> bool {
    matches!(class & !CACHE_FLUSH, INTERNET | 3 | 4 | 254 | 255)
}

impl<'a> Data<'a> {
    fn read(bytes: &'a [u8], kind: u16, at: usize, data: &[u8]) -> Option<Self> {
        Some(match kind {
            A => Self::Address(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).into()),
            AAAA => Self::Address(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).into()),
            CNAME => {
                let (target, end) = WireName::read(bytes, at)?;
                (end == at + data.len()).then_some(Self::Target(target))?
            }
            SVCB | HTTPS => Self::Service(ServiceData::read(bytes, kind, at, at + data.len())?),
            other => Self::Other(other),
        })
    }
}

/// A name that is legal, where it stands in its message.
#[derive(Clone, Copy)]
pub(super) struct WireName<'a> {
    message: &'a [u8],
    /// Where its first label is, pointers followed.
    at: usize,
}

impl<'a> WireName<'a> {
    /// Reads a name, and says what follows it. Pointers lead backwards only, and not for ever; labels have 63 bytes at most, names 255.
    pub(super) fn read(message: &'a [u8], start: usize) -> Option<(Self, usize)> {
        let (mut at, mut length, mut pointers) = (start, 1, 0);
        let (mut next, mut first) = (None, None);
        loop {
            let byte = *message.get(at)?;
            match byte {
                0 => return Some((Self { message, at: first.unwrap_or(at) }, next.unwrap_or(at + 1))),
                1..=63 => {
                    first.get_or_insert(at);
                    length += 1 + usize::from(byte);
                    at += 1 + usize::from(byte);
                    if length > Name::MAX_BYTES {
                        return None;
                    }
                }
                0xc0.. => {
                    let target = usize::from(byte & 0x3f) << 8 | usize::from(*message.get(at + 1)?);
                    next.get_or_insert(at + 2);
                    pointers += 1;
                    if target >= at || pointers > limits::DNS_POINTERS {
                        return None;
                    }
                    at = target;
                }
                _ => return None,
            }
        }
    }

    /// The name by itself.
    pub(super) fn to_name(self) -> Name {
        Name::from_labels(self)
    }

    /// Whether [`WireName::to_name`] would give this name.
    pub(super) fn is_called(self, name: &Name) -> bool {
        let mut rest = name.as_str().as_bytes();
        for label in self {
            let is_next = rest.get(..label.len()).is_some_and(|written| Name::is_label(written, label));
            match rest.get(label.len()..) {
                Some([]) if is_next => rest = &[],
                Some([b'.', behind @ ..]) if is_next => rest = behind,
                _ => return self.to_name() == *name,
            }
        }
        rest.is_empty()
    }

    /// Whether both are the same name, whatever their case (RFC 4343).
    pub(super) fn is(self, other: Self) -> bool {
        self.at == other.at || self.map(Label).eq(other.map(Label))
    }
}

/// A label, in any case.
struct Label<'a>(&'a [u8]);

impl PartialEq for Label<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

/// Its labels, the leftmost first.
impl<'a> Iterator for WireName<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let byte = *self.message.get(self.at)?;
            let length = usize::from(byte);
            match byte {
                0 => return None,
                1..=63 => {
                    let label = self.message.get(self.at + 1..self.at + 1 + length);
                    self.at += 1 + length;
                    return label;
                }
                // it leads backwards: that was seen when the name was read
                _ => self.at = usize::from(byte & 0x3f) << 8 | usize::from(*self.message.get(self.at + 1)?),
            }
        }
    }
}

impl std::fmt::Debug for WireName<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.to_name().as_str())
    }
}
