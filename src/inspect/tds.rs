//! TDS, the protocol of SQL Server ([MS-TDS]): both ends say in a PRELOGIN what encryption they can; then TLS, whose handshake comes in packets of
//! TDS and whose records that follow it do not. Where neither end wants more, TLS holds for the login alone and the rest is in the clear, and so
//! is all where one of them cannot encrypt. Version 8 begins with TLS, and is that.
//!
//! The TLS within is read by [`tls`](super::tls). It refuses to read what else the packets hold.

use serde::{Deserialize, Serialize};

use super::tls::{self, Tls};
use super::{Carrier, Inspector, Opening, Probe, Progress, Protocol, Seen, readable, saved};
use crate::fact::{Cleartext, End, Fact, Finish, Upgrade};
use crate::limits;

/// TDS 7 over TCP.
pub(super) static TDS: Protocol = Protocol {
    name: "tds",
    carrier: Carrier::Stream,
    recognised_by: "a PRELOGIN packet whose first option is a version and whose lengths fit, or a packet that logs in with a known version",
    reads: "the encryption asked for and granted, the hello messages of the TLS within, whether a login goes in the clear",
    encrypted: "records after the handshake within, while nothing else follows",
    probe,
    open: || Box::new(Tds::default()),
    load: saved::load::<Tds>,
};

const HEAD_BYTES: usize = 8;
/// Types of packets.
const RESPONSE: u8 = 0x04;
const LOGIN: u8 = 0x10;
const PRELOGIN: u8 = 0x12;
/// The longest PRELOGIN of options: each of those that are known once takes some 200 bytes.
const PRELOGIN_BYTES: usize = 512;
/// The longest name of an instance of the server.
const INSTANCE_BYTES: usize = 64;
/// Options.
const VERSION: u8 = 0;
const ENCRYPTION: u8 = 1;
const END: u8 = 0xff;
/// The value of the option on encryption by which an end says that it has none.
const NOT_SUPPORTED: u8 = 2;

/// The type and length of the packet that bytes begin with.
fn head(bytes: &[u8]) -> Option<Result<(u8, usize), ()>> {
    let &[kind, status, high, low, ..] = bytes.first_chunk::<HEAD_BYTES>()?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    let is_known = matches!(kind, 1..=4 | 6..=8 | 14 | 16..=18) && status & 0xe0 == 0 && length > HEAD_BYTES;
    Some(if is_known { Ok((kind, length)) } else { Err(()) })
}

fn probe(opening: &Opening<'_>) -> Probe {
    let bytes = opening.first;
    match bytes.first() {
        Some(&PRELOGIN) => {}
        Some(&LOGIN) => return probe_login(bytes),
        _ => return Probe::No,
    }
    // its first option is the version, behind five bytes for each option and one for their end
    let fits = |at: usize, is_right: &dyn Fn(u8) -> bool| bytes.get(at).is_none_or(|&byte| is_right(byte));
    let is_head = fits(1, &|status| status == 1) && fits(2, &|high| usize::from(high) << 8 < PRELOGIN_BYTES);
    let is_version = fits(8, &|token| token == VERSION) && fits(9, &|high| high == 0) && fits(11, &|high| high == 0);
    match bytes.get(10..13) {
        _ if !is_head || !is_version => Probe::No,
        Some(&[offset, _, 6]) if offset % 5 == 1 => Probe::Yes,
        Some(_) => Probe::No,
        None => Probe::Maybe,
    }
}

/// A login of version 7.0 to 7.4 whose length fits that of its packet.
fn probe_login(bytes: &[u8]) -> Probe {
    match (head(bytes), bytes.get(HEAD_BYTES..HEAD_BYTES + 8)) {
        (Some(Ok(_)), Some(&[a, b, c, d, _, _, 0, 0x70..=0x74])) if (36..=1 << 17).contains(&u32::from_le_bytes([a, b, c, d])) => {
            Probe::Yes
        }
        (None | Some(Ok(_)), None) if bytes.get(1).is_none_or(|&status| status <= 1) => Probe::Maybe,
        _ => Probe::No,
    }
}

/// What an end says of encryption in a PRELOGIN's payload, and whether that holds known options and nothing else.
fn prelogin(payload: &[u8]) -> Option<(u8, bool)> {
    let (mut encryption, mut is_formal, mut total, mut rest) = (NOT_SUPPORTED, true, 1, payload);
    let mut met = [false; 8];
    while let Some((&token, behind)) = rest.split_first().filter(|(token, _)| **token != END) {
        let (&place, next) = behind.split_first_chunk::<4>()?;
        let [offset, length] = [[place[0], place[1]], [place[2], place[3]]].map(|pair| usize::from(u16::from_be_bytes(pair)));
        let value = payload.get(offset..offset + length)?;
        let is_known = match token {
            VERSION => length == 6,
            ENCRYPTION => length == 1,
            2 => length <= INSTANCE_BYTES && value.iter().all(|&byte| byte == 0 || byte.is_ascii_graphic()),
            3 => matches!(length, 0 | 4),
            4 | 6 => length <= 1,
            5 => matches!(length, 0 | 36),
            7 => matches!(length, 0 | 32),
            _ => false,
        };
        is_formal &= is_known && met.get_mut(usize::from(token)).is_some_and(|met| !std::mem::replace(met, true));
        if let (ENCRYPTION, [value]) = (token, value) {
            encryption = value & 0x0f;
        }
        (total, rest) = (total + 5 + length, next);
    }
    Some((encryption, is_formal && total == payload.len()))
}

#[derive(Default, Serialize, Deserialize)]
struct Tds {
    opener: Option<End>,
    /// What each end says of encryption.
    encryption: [Option<u8>; 2],
    /// The TLS within, once its opener has begun it.
    tls: Option<Tls>,
    /// Bytes of it, out of packets, that are not used yet, an end each.
    held: [Vec<u8>; 2],
    /// Bytes of it that packets still bring and that are opaque.
    opaque: [usize; 2],
    unblocked: bool,
}

impl Tds {
    fn is_finished(&self) -> bool {
        self.tls.as_ref().is_some_and(Tls::is_finished)
    }

    /// The first packet of an end.
    fn prelogin(&mut self, end: End, payload: &[u8], seen: &mut Seen<'_>) -> bool {
        let Some((encryption, is_formal)) = prelogin(payload) else { return false };
        self.encryption[end.index()] = Some(encryption);
        self.unblocked = true;
        if !is_formal {
            seen.say(Fact::Cleartext(Cleartext::Protocol));
        }
        let is_opener = self.opener == Some(end);
        let asks = self.encryption[(!end).index()].is_some_and(|asked| asked != NOT_SUPPORTED);
        let upgrade = match encryption {
            NOT_SUPPORTED if is_opener || !asks => None,
            NOT_SUPPORTED => Some(Upgrade::Refused),
            _ if is_opener => Some(Upgrade::Asked),
            _ if asks => Some(Upgrade::Agreed),
            _ => Some(Upgrade::Offered),
        };
        if let Some(upgrade) = upgrade {
            seen.say(Fact::Upgrade(upgrade));
        }
        true
    }

    /// A piece of the TLS within, out of a packet. Returns whether more can be learnt.
    fn unwrap(&mut self, end: End, piece: &[u8], seen: &mut Seen<'_>) -> bool {
        let i = end.index();
        let opaque = self.opaque[i].min(piece.len());
        self.opaque[i] -= opaque;
        let mut held = std::mem::take(&mut self.held[i]);
        held.extend_from_slice(&piece[opaque..]);
        let (inner, mut at) = (self.tls.get_or_insert_default(), 0);
        while let Some(rest) = held.get(at..).filter(|rest| !rest.is_empty()) {
            match inner.data(end, rest, seen) {
                Progress::Used(0) => break,
                Progress::Used(n) => at += n,
                Progress::Skip(n) => {
                    self.opaque[i] = n.saturating_sub(rest.len());
                    at += n.min(rest.len());
                }
                Progress::Violation(how) => {
                    let is_text = readable::is_text(rest, readable::BROKEN_FRAMING_RUN);
                    seen.say(if is_text { Fact::Cleartext(how) } else { Fact::Unrecognised });
                    return false;
                }
                Progress::Handover(_) | Progress::Upgrade(_) | Progress::Settled => return false,
            }
        }
        held.drain(..at);
        if held.len() > limits::UNUSED_BYTES_PER_END {
            seen.say(Fact::Limit("unused bytes".to_owned()));
            return false;
        }
        self.held[i] = held;
        true
    }

    /// A packet of TDS, whole.
    fn packet(&mut self, end: End, kind: u8, packet: &[u8], seen: &mut Seen<'_>) -> Progress {
        let payload = &packet[HEAD_BYTES..];
        let is_opener = self.opener == Some(end);
        let is_due = kind == if is_opener { PRELOGIN } else { RESPONSE };
        if self.encryption[end.index()].is_none() && is_due && self.prelogin(end, payload, seen) {
            return Progress::Used(packet.len());
        }
        let is_wrapped = kind == PRELOGIN || kind == RESPONSE && !is_opener;
        let goes_on = !self.held[end.index()].is_empty() || self.opaque[end.index()] > 0;
        if is_wrapped && !self.is_finished() && (goes_on || tls::may_be_record(payload)) {
            self.unblocked |= self.tls.is_none();
            return if self.unwrap(end, payload, seen) { Progress::Used(packet.len()) } else { Progress::Settled };
        }
        self.clear(kind, seen)
    }

    fn clear(&self, kind: u8, seen: &mut Seen<'_>) -> Progress {
        if kind == LOGIN {
            seen.say(Fact::Credentials);
        }
        seen.say(Fact::Cleartext(Cleartext::Protocol));
        Progress::Settled
    }
}

impl Inspector for Tds {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        if self.opener.is_none() {
            self.opener = Some(end);
            seen.say(Fact::Opener(end));
            seen.say(Fact::Prologue);
        }
        let is_opener = self.opener == Some(end);
        // an answer that is captured ahead of what it answers
        let is_ahead = match self.encryption[end.index()] {
            None => !is_opener && self.encryption[(!end).index()].is_none(),
            Some(_) => self.tls.is_none() && (!is_opener || self.encryption[(!end).index()].is_none()),
        };
        if is_ahead {
            return Progress::Used(0);
        }
        if tls::may_be_record(bytes) && self.held[end.index()].is_empty() && self.opaque[end.index()] == 0 {
            return self.tls.as_mut().map_or(Progress::Violation(Cleartext::Readable), |inner| inner.data(end, bytes, seen));
        }
        match head(bytes) {
            None => Progress::Used(0),
            Some(Err(())) => Progress::Violation(Cleartext::AfterHandshake),
            // in the clear, however long it is
            Some(Ok((kind, _))) if kind != PRELOGIN && kind != RESPONSE => self.clear(kind, seen),
            Some(Ok((kind, length))) => match bytes.get(..length) {
                Some(packet) => self.packet(end, kind, packet, seen),
                None => Progress::Used(0),
            },
        }
    }

    fn gap(&mut self, end: End, missing: u64, seen: &mut Seen<'_>) -> Progress {
        if let Some(inner) = &mut self.tls {
            inner.gap(end, missing, seen);
        }
        Progress::Settled
    }

    fn finish(&mut self, end: End, how: Finish, seen: &mut Seen<'_>) {
        if let Some(inner) = &mut self.tls {
            inner.finish(end, how, seen);
        }
        if !self.held[end.index()].is_empty() {
            seen.say(Fact::Unrecognised);
        }
    }

    fn is_prologue(&self) -> bool {
        !self.is_finished()
    }

    fn unblocks(&mut self) -> bool {
        std::mem::take(&mut self.unblocked)
    }

    fn heap_bytes(&self) -> usize {
        let inner = self.tls.as_ref().map_or(0, Inspector::heap_bytes);
        size_of::<Self>() + inner + self.held.iter().map(Vec::capacity).sum::<usize>()
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}
