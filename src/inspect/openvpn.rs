//! OpenVPN over UDP and TCP: resets, the TLS inside its control channel, and packets of data.
//!
//! The server's reset must name the client's session, and what the client says next the server's. The payload of control packets is put in
//! order by their numbers and read as TLS ([`tls`](super::tls)); a tag before it (`tls-auth`) is passed over. Which cipher the data has is said
//! inside that TLS, and it may be none: no packet shows that data is encrypted. That it is not is shown where a packet of IP or text stands in
//! it.
//!
//! It refuses to judge the certificates inside, and to recognise OpenVPN whose control channel is itself encrypted (`tls-crypt`), where nothing shows that one end answers the other,
//! with a key that both hold beforehand, or of its first version.

mod packet;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use self::packet::{Packet, Tag};
use super::readable::{self, Look, Watch};
use super::tls::Tls;
use super::{Carrier, Finish, Inspector, Opening, Probe, Progress, Protocol, Seen, saved};
use crate::fact::{Cleartext, End, Fact};
use crate::limits;

/// OpenVPN over UDP.
pub(super) static OVER_UDP: Protocol = Protocol {
    name: "openvpn",
    carrier: Carrier::Datagram,
    recognised_by: "a client's reset of version 2, with a tag or without, that acknowledges nothing",
    reads: "sessions, numbers and acknowledgements of control packets, and the TLS inside",
    encrypted: "never, unless a policy vouches for it: the cipher of its data is agreed on inside its TLS and may be none",
    probe: |opening| if packet::tag_of_reset(opening.first).is_some() { Probe::Yes } else { Probe::No },
    open: || Box::new(Openvpn::new(false)),
    load: saved::load::<Openvpn>,
};

/// OpenVPN over TCP, each packet behind its length.
pub(super) static OVER_TCP: Protocol = Protocol {
    carrier: Carrier::Stream,
    recognised_by: "a length, and such a reset",
    probe: probe_stream,
    open: || Box::new(Openvpn::new(true)),
    ..OVER_UDP
};

fn probe_stream(opening: &Opening<'_>) -> Probe {
    let Some((&length, rest)) = opening.first.split_first_chunk() else { return Probe::Maybe };
    let length = usize::from(u16::from_be_bytes(length));
    match rest.get(..length) {
        Some(packet) if packet::tag_of_reset(packet).is_some() => Probe::Yes,
        None if packet::may_be_reset(length, rest.first()) => Probe::Maybe,
        _ => Probe::No,
    }
}

/// One flow of OpenVPN.
#[derive(Serialize, Deserialize)]
struct Openvpn {
    is_stream: bool,
    client: Option<End>,
    /// The tag that control packets bear behind their session.
    tag: Tag,
    ends: [Half; 2],
    /// The key whose handshake is under way, or was the last.
    key: u8,
    tls: Tls,
    /// A handshake before it was seen to finish.
    was_finished: bool,
    is_tls_over: bool,
    has_data: bool,
    looked_into: u8,
    is_unrecognised: bool,
    is_readable: bool,
    is_spent: bool,
    is_over: bool,
}

/// What one end has said.
#[derive(Default, Serialize, Deserialize)]
struct Half {
    session: Option<u64>,
    /// It named the other's session.
    is_answering: bool,
    /// The number of the control packet that is next.
    next: u32,
    /// Packets behind that one.
    early: Vec<(u32, Vec<u8>)>,
    /// Digests of packets that were read, by key and number: what is sent again must be the same.
    read: VecDeque<((u8, u32), [u8; 16])>,
    /// What TLS has not used yet, and how many bytes to come it will not look at.
    unused: Vec<u8>,
    opaque: usize,
    /// What its data reads like.
    watch: Watch,
}

impl Inspector for Openvpn {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        if !self.is_stream {
            self.packet(end, bytes, seen);
            return if self.is_spent { Progress::Settled } else { Progress::Used(bytes.len()) };
        }
        let mut used = 0;
        while let Some((&length, rest)) = bytes.get(used..).and_then(<[u8]>::split_first_chunk) {
            let length = usize::from(u16::from_be_bytes(length));
            // what is no packet may be no length either
            if length == 0 || rest.first().is_some_and(|&first| !packet::is_known(first)) {
                return if used > 0 { Progress::Used(used) } else { Progress::Violation(Cleartext::AfterHandshake) };
            }
            let Some(packet) = rest.get(..length) else { break };
            self.packet(end, packet, seen);
            used += 2 + length;
        }
        if self.is_spent { Progress::Settled } else { Progress::Used(used) }
    }

    fn gap(&mut self, _: End, _: u64, _: &mut Seen<'_>) -> Progress {
        // a datagram that was cut hides nothing of the next; in a stream the next length is lost with what is missing
        if self.is_stream { Progress::Settled } else { Progress::Used(0) }
    }

    fn finish(&mut self, _: End, _: Finish, seen: &mut Seen<'_>) {
        if std::mem::replace(&mut self.is_over, true) || self.is_spent {
            return;
        }
        let is_finished = self.tls.is_finished();
        let is_lost = self.ends.iter().any(|half| !half.early.is_empty());
        if is_lost || !is_finished && (self.was_finished || self.has_data) {
            self.unrecognised(seen);
        }
    }

    fn is_lasting(&self) -> bool {
        self.tls.is_finished() || self.was_finished
    }

    fn heap_bytes(&self) -> usize {
        let of_half = |half: &Half| {
            let early: usize = half.early.iter().map(|(_, bytes)| bytes.capacity() + 32).sum();
            early + half.read.capacity() * 24 + half.unused.capacity()
        };
        size_of::<Self>() + self.tls.heap_bytes() + self.ends.iter().map(of_half).sum::<usize>()
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}

impl Openvpn {
    fn new(is_stream: bool) -> Self {
        Self {
            is_stream,
            client: None,
            tag: Tag::None,
            ends: Default::default(),
            key: 0,
            tls: Tls::default(),
            was_finished: false,
            is_tls_over: false,
            has_data: false,
            looked_into: 0,
            is_unrecognised: false,
            is_readable: false,
            is_spent: false,
            is_over: false,
        }
    }

    fn packet(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) {
        if self.client.is_none() {
            let Some(tag) = packet::tag_of_reset(bytes) else { return self.reject(bytes, seen) };
            (self.client, self.tag) = (Some(end), tag);
            seen.say(Fact::Opener(end));
            seen.say(Fact::HandshakeBegun);
        }
        match packet::read(bytes, self.tag) {
            Some(Packet::Data { key, body }) if key <= self.key => self.payload(end, bytes, body, seen),
            Some(Packet::Control { is_reset, is_soft, key, session, remote, number, payload }) => {
                let is_client = self.client == Some(end);
                let fits = self.names(end, session, remote) && is_reset.is_none_or(|of_client| of_client == is_client);
                let Some(number) = number.filter(|_| fits) else {
                    // an acknowledgement says nothing else
                    return if fits {
                    } else {
                        self.reject(bytes, seen)
                    };
                };
                if is_soft && key == self.key % 7 + 1 && self.tls.is_finished() {
                    self.renew(key);
                }
                self.control(end, (key, number), payload, seen);
            }
            _ => self.reject(bytes, seen),
        }
    }

    /// Whether a packet names the sessions that both ends have: its sender's own, and that of whom it acknowledges.
    fn names(&mut self, end: End, session: u64, remote: Option<u64>) -> bool {
        let other = self.ends[(!end).index()].session;
        let half = &mut self.ends[end.index()];
        let is_own = *half.session.get_or_insert(session) == session;
        let is_others = remote.is_none_or(|remote| other == Some(remote));
        half.is_answering |= remote.is_some() && is_others;
        is_own && is_others
    }

    /// Another handshake begins, for the next key.
    fn renew(&mut self, key: u8) {
        self.was_finished = true;
        (self.key, self.tls, self.is_tls_over) = (key, Tls::default(), false);
        for half in &mut self.ends {
            half.next = 0;
            half.early.clear();
            half.unused.clear();
            half.opaque = 0;
        }
    }

    /// A control packet with a number.
    fn control(&mut self, end: End, (key, number): (u8, u32), payload: &[u8], seen: &mut Seen<'_>) {
        let half = &mut self.ends[end.index()];
        if key != self.key || number < half.next {
            let again = ((key, number), digest(payload));
            return if half.read.contains(&again) {
            } else {
                self.unrecognised(seen)
            };
        }
        if number > half.next {
            let is_known = half.early.iter().any(|(known, _)| *known == number);
            if !is_known && half.early.len() < limits::OPENVPN_PACKETS {
                half.early.push((number, payload.to_vec()));
            } else if !is_known {
                self.spend("packets of a control channel", seen);
            }
            return;
        }
        self.advance(end, payload, seen);
        while let Some(at) = self.next_early(end) {
            let (_, payload) = self.ends[end.index()].early.swap_remove(at);
            self.advance(end, &payload, seen);
        }
    }

    fn next_early(&self, end: End) -> Option<usize> {
        let half = &self.ends[end.index()];
        half.early.iter().position(|(number, _)| *number == half.next)
    }

    /// The payload of the packet that is next.
    fn advance(&mut self, end: End, payload: &[u8], seen: &mut Seen<'_>) {
        let half = &mut self.ends[end.index()];
        half.read.push_back(((self.key, half.next), digest(payload)));
        if half.read.len() > limits::OPENVPN_PACKETS {
            half.read.pop_front();
        }
        half.next = half.next.saturating_add(1);
        let opaque = half.opaque.min(payload.len());
        half.opaque -= opaque;
        half.unused.extend_from_slice(payload.get(opaque..).unwrap_or_default());
        if half.unused.is_empty() || self.is_tls_over {
            half.unused.clear();
            return;
        }
        let held = std::mem::take(&mut half.unused);
        let mut at = 0;
        while let Some(rest) = held.get(at..).filter(|rest| !rest.is_empty()) {
            let before = seen.said();
            let progress = self.tls.data(end, rest, seen);
            // a tunnel's certificates are of an authority of its own, and need name no host
            seen.leave_out(before, |fact| matches!(fact, Fact::CertificateMessage(_) | Fact::Certificate(_)));
            match progress {
                Progress::Used(0) => break,
                Progress::Used(n) => at += n,
                Progress::Skip(n) => {
                    self.ends[end.index()].opaque = n.saturating_sub(rest.len());
                    at += n;
                }
                Progress::Violation(_) | Progress::Handover(_) | Progress::Upgrade(_) => {
                    self.is_tls_over = true;
                    return self.reject(rest, seen);
                }
                Progress::Settled => {
                    self.is_tls_over = true;
                    return;
                }
            }
        }
        let left = held.get(at..).unwrap_or_default();
        if left.len() > limits::UNUSED_BYTES_PER_END {
            return self.spend("unused bytes", seen);
        }
        self.ends[end.index()].unused = left.to_vec();
    }

    /// A packet of data.
    fn payload(&mut self, end: End, bytes: &[u8], body: &[u8], seen: &mut Seen<'_>) {
        if !std::mem::replace(&mut self.has_data, true) {
            seen.say(Fact::CipherUnseen);
        }
        if self.ends[end.index()].watch.look(body, body.len()) == Look::Text {
            return self.readable(seen);
        }
        // where data stands depends on the tag and the nonce that were agreed on
        if self.looked_into < limits::PACKETS_LOOKED_INTO {
            self.looked_into += 1;
            let most = packet::TAG_BYTES_MOST;
            if (1..=packet::DATA_HEAD_BYTES_MOST).filter_map(|at| bytes.get(at..)).any(|rest| readable::is_ipv4(rest, most)) {
                self.readable(seen);
            }
        }
    }

    fn reject(&mut self, bytes: &[u8], seen: &mut Seen<'_>) {
        let is_text = readable::is_text(bytes, readable::BROKEN_FRAMING_RUN) || is_text_within(bytes);
        if is_text { self.readable(seen) } else { self.unrecognised(seen) }
    }

    fn spend(&mut self, which: &str, seen: &mut Seen<'_>) {
        self.is_spent = true;
        seen.say(Fact::Limit(which.to_owned()));
    }

    fn unrecognised(&mut self, seen: &mut Seen<'_>) {
        if !std::mem::replace(&mut self.is_unrecognised, true) {
            seen.say(Fact::Unrecognised);
        }
    }

    fn readable(&mut self, seen: &mut Seen<'_>) {
        if !std::mem::replace(&mut self.is_readable, true) {
            seen.say(Fact::Cleartext(Cleartext::AfterHandshake));
        }
    }
}

/// Whether text stands behind one of the heads that packets have.
fn is_text_within(bytes: &[u8]) -> bool {
    let behind = [0, 1, 4, 8, 9, 24].into_iter().filter_map(|at| bytes.get(at..));
    behind.into_iter().any(|bytes| readable::is_text(bytes, readable::SEALED_RUN))
}

/// The beginning of a SHA-256, which nobody can make the same for other bytes in passing.
fn digest(bytes: &[u8]) -> [u8; 16] {
    let whole = Sha256::digest(bytes);
    whole.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
