//! ESP (RFC 4303), as an IP protocol of its own, and in UDP behind the IKE that set it up (RFC 3948, [`ike`](super::ike)).
//!
//! Which cipher was agreed on is said under IKE's own encryption, and it may be none (RFC 2410): no packet shows that ESP encrypts. That it does not
//! is shown where a packet of IP or text stands in it. Every packet is held to the framing: a number of an association, a sequence that goes
//! on from the last.

use serde::{Deserialize, Serialize};

use super::readable::{self, Look, Watch};
use super::{Carrier, Finish, Inspector, Probe, Progress, Protocol, Seen, saved};
use crate::fact::{Cleartext, End, Fact};
use crate::limits;

/// ESP over IP.
pub(super) static ESP: Protocol = Protocol {
    name: "esp",
    carrier: Carrier::Packet(50),
    recognised_by: "the number of its protocol, and lengths that fit; in UDP, by IKE of both ends before it",
    reads: "the number of each association, and its sequence",
    encrypted: "never, unless a policy vouches for it: its cipher is agreed on out of sight and may be none",
    probe: |opening| if Packet::read(opening.first).is_some() { Probe::Yes } else { Probe::No },
    open: || Box::new(Esp::default()),
    load: saved::load::<Esp>,
};

/// A header, a block, and the shortest integrity check.
const LEAST_BYTES: usize = 8 + 4 + 8;
/// What may follow a packet of IP in one of ESP: padding, its length, a type, and the longest integrity check.
const TRAILER_BYTES: usize = 255 + 2 + 32;

struct Packet<'a> {
    association: u32,
    sequence: u32,
    body: &'a [u8],
}

impl<'a> Packet<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (&association, rest) = bytes.split_first_chunk()?;
        let (&sequence, body) = rest.split_first_chunk()?;
        let (association, sequence) = (u32::from_be_bytes(association), u32::from_be_bytes(sequence));
        let is_sane = association != 0 && bytes.len() >= LEAST_BYTES && bytes.len().is_multiple_of(4);
        is_sane.then_some(Self { association, sequence, body })
    }

    /// Whether nothing was sealed: a packet of IP, or text, where ciphertext or what begins it would be.
    fn is_clear(&self, watch: &mut Watch) -> bool {
        readable::is_ipv4(self.body, TRAILER_BYTES) || watch.look(self.body, self.body.len()) == Look::Text
    }
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It keeps to the framing.
    Fits,
    /// It does, and is not sealed.
    Clear,
    /// It does not.
    Rejected,
}

/// The associations of a flow.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Associations(Vec<Association>);

#[derive(Serialize, Deserialize)]
struct Association {
    end: End,
    number: u32,
    highest: u32,
    is_alone: bool,
    /// What its packets read like.
    watch: Watch,
}

impl Associations {
    /// Takes a packet of `end` in.
    pub(super) fn take(&mut self, end: End, bytes: &[u8]) -> Taken {
        let Some(packet) = Packet::read(bytes) else { return Taken::Rejected };
        let is_its = |known: &Association| known.end == end && known.number == packet.association;
        let (fits, is_clear) = if let Some(known) = self.0.iter_mut().find(|known| is_its(known)) {
            // a step back is a packet that was late, and the sequence may be the lower half of a longer one
            let step = packet.sequence.wrapping_sub(known.highest) as i32;
            let is_near = u64::from(step.unsigned_abs()) <= limits::SEQUENCE_STEP;
            if is_near && step > 0 {
                known.highest = packet.sequence;
            }
            known.is_alone = false;
            (is_near, packet.is_clear(&mut known.watch))
        } else {
            let mut watch = Watch::default();
            let is_clear = packet.is_clear(&mut watch);
            let oldest = (self.0.len() >= limits::ESP_ASSOCIATIONS).then(|| self.0.remove(0));
            self.0.push(Association { end, number: packet.association, highest: packet.sequence, is_alone: true, watch });
            // many that bore one packet each are random bytes
            (oldest.is_none_or(|oldest| !oldest.is_alone), is_clear)
        };
        match fits {
            _ if is_clear => Taken::Clear,
            true => Taken::Fits,
            false => Taken::Rejected,
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<Association>()
    }
}

/// One flow of ESP over IP.
#[derive(Default, Serialize, Deserialize)]
struct Esp {
    associations: Associations,
    is_said: bool,
    is_unrecognised: bool,
    is_readable: bool,
}

impl Inspector for Esp {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        if !std::mem::replace(&mut self.is_said, true) {
            seen.say(Fact::CipherUnseen);
        }
        let (said, fact) = match self.associations.take(end, bytes) {
            Taken::Fits => return Progress::Used(bytes.len()),
            Taken::Clear => (&mut self.is_readable, Fact::Cleartext(Cleartext::Protocol)),
            Taken::Rejected if readable::is_text(bytes, readable::BROKEN_FRAMING_RUN) => {
                (&mut self.is_readable, Fact::Cleartext(Cleartext::AfterHandshake))
            }
            Taken::Rejected => (&mut self.is_unrecognised, Fact::Unrecognised),
        };
        if !std::mem::replace(said, true) {
            seen.say(fact);
        }
        Progress::Used(bytes.len())
    }

    fn gap(&mut self, _: End, _: u64, _: &mut Seen<'_>) -> Progress {
        // a packet that was cut hides nothing of the next
        Progress::Used(0)
    }

    fn finish(&mut self, _: End, _: Finish, _: &mut Seen<'_>) {}

    fn is_lasting(&self) -> bool {
        true
    }

    fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.associations.heap_bytes()
    }

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{FrameId, Locus, Observation, Timestamp};
    use crate::inspect::Inspection;

    fn facts(packets: &[(End, Vec<u8>)]) -> Vec<Fact> {
        let mut out = Vec::new();
        let mut inspection = Inspection::new(Carrier::Packet(50));
        for (end, bytes) in packets {
            let at = Locus { frame: FrameId::new(0, 1), at: Timestamp::from_nanos(0), end: *end };
            inspection.data(*end, bytes, &mut Seen::new(&mut out, at));
        }
        out.into_iter().map(|Observation { fact, .. }| fact).collect()
    }

    fn packet(number: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
        [&number.to_be_bytes()[..], &sequence.to_be_bytes(), body].concat()
    }

    /// A packet of IPv4 from one host to another, its header's sum right.
    fn ipv4(data: &[u8]) -> Vec<u8> {
        let mut header = [0x45, 0, 0, 0, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        header[2..4].copy_from_slice(&(20 + data.len() as u16).to_be_bytes());
        let sum = header.as_chunks::<2>().0.iter().map(|pair| u32::from(u16::from_be_bytes(*pair))).sum::<u32>();
        header[10..12].copy_from_slice(&(!((sum & 0xffff) + (sum >> 16)) as u16).to_be_bytes());
        [&header[..], data].concat()
    }

    #[test]
    fn esp_is_told_and_never_encrypted() {
        let said: Vec<_> = (1..9).map(|n| (if n % 2 == 0 { End::A } else { End::B }, packet(0x1000 + n % 2, n, &[0x91; 40]))).collect();
        assert_eq!(facts(&said), [Fact::Protocol("esp"), Fact::CipherUnseen]);
        // too short, no association, or a length that is no block's
        for bytes in [packet(0x1000, 1, &[0x91; 8]), packet(0, 1, &[0x91; 40]), packet(0x1000, 1, &[0x91; 41])] {
            assert_eq!(facts(&[(End::A, bytes)]), [Fact::Unrecognised]);
        }
    }

    #[test]
    fn a_sequence_goes_on_from_the_last() {
        let two = |sequence| facts(&[(End::A, packet(0x1000, 5, &[0x91; 40])), (End::A, packet(0x1000, sequence, &[0x91; 40]))]);
        let fits = [Fact::Protocol("esp"), Fact::CipherUnseen];
        assert_eq!([two(6), two(3), two(9000)], [fits.clone(), fits.clone(), fits.clone()]);
        assert_eq!(two(0x7000_0000), [&fits[..], &[Fact::Unrecognised]].concat());
        let many: Vec<_> = (0..80).map(|n| (End::A, packet(0x1000 + n * 77, n * 0x0100_0000, &[0x91; 40]))).collect();
        assert_eq!(facts(&many), [&fits[..], &[Fact::Unrecognised]].concat());
    }

    #[test]
    fn what_is_not_sealed_shows_itself() {
        let clear = [Fact::Protocol("esp"), Fact::CipherUnseen, Fact::Cleartext(Cleartext::Protocol)];
        let inner = [&ipv4(&[0x91; 40])[..], &[1, 2, 2, 4], &[0xaa; 12]].concat();
        let text = [&b"these words can be read by anybody on the way"[..], &[0; 19]].concat();
        for body in [inner.clone(), text.clone(), [&[0x91; 8][..], &text].concat()] {
            assert_eq!(facts(&[(End::A, packet(0x1000, 1, &body))]), clear);
        }
        let mut wrong = inner;
        wrong[10] ^= 1;
        assert_eq!(facts(&[(End::A, packet(0x1000, 1, &wrong))]), clear[..2]);
    }

    #[test]
    fn hostile_packets_are_survived() {
        let whole = packet(0x1000, 1, &ipv4(&[7; 30]));
        for cut in 1..whole.len() {
            facts(&[(End::A, whole[..cut].to_vec()), (End::B, whole[cut..].to_vec())]);
        }
    }
}
