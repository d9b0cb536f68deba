//! The general proofs of plaintext: a long run of readable text, and, in what should be sealed, text that is weighed from record to record.
//! Entropy and port numbers prove nothing and are not asked.

use serde::{Deserialize, Serialize};

pub use crate::fact::holds_run;
use crate::fact::is_plain_text as is_plain;

/// Bytes of readable text at the start of a flow that prove plaintext. Random bytes read so once in ten thousand million flows.
pub const OPENING_RUN: usize = 24;

/// Bytes of readable text that prove plaintext where a protocol's framing has just been broken.
pub const BROKEN_FRAMING_RUN: usize = 16;

/// Bytes of readable text, where only sealed ones have a place, that prove that these are none. Sealed bytes read so once in ten million
/// million times.
pub const SEALED_RUN: usize = 32;

/// Whether bytes that should be sealed, of which these are the first [`SEALED_RUN`] or as many as there are, read as plain ASCII text.
/// What is so of some bytes is so of fewer: it does not matter how they are cut into segments.
#[must_use]
pub fn is_unsealed(bytes: &[u8]) -> bool {
    bytes.iter().take(SEALED_RUN).all(is_plain)
}

/// Bytes of readable text that prove plaintext wherever they stand: no name, and no text of a certificate, is as long.
pub const HELD_RUN: usize = 300;

/// Whether there is so long a run of plain ASCII text somewhere in these bytes.
#[must_use]
pub fn holds_text(bytes: &[u8]) -> bool {
    holds_run(bytes, HELD_RUN)
}

/// Bytes of readable text somewhere in what is sent again in a sealed flow, of which the first copy may have been ahead of the keys: an attribute
/// of a certificate's name has 64 at most (RFC 5280 appendix A).
pub const COPIED_RUN: usize = 65;

/// How long the run of plain ASCII text is that bytes end with, which come in pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail(u16);

impl Trail {
    /// Takes in the next piece. Returns whether there is a run in it, or into it, that proves plaintext.
    pub fn holds_text(&mut self, piece: &[u8]) -> bool {
        let first = piece.iter().position(|byte| !is_plain(byte));
        let last = piece.iter().rposition(|byte| !is_plain(byte));
        let run = usize::from(self.0) + first.unwrap_or(piece.len());
        let behind = last.map_or(run, |last| piece.len() - last - 1);
        self.0 = behind.min(HELD_RUN) as u16;
        run >= HELD_RUN || holds_text(piece)
    }
}

/// What a run of bytes looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// At least as many readable bytes as were asked for.
    Readable,
    /// Readable so far, but too short.
    Short,
    /// An unreadable byte came first.
    Unreadable,
}

/// Whether `bytes` begin with at least `least` readable ones: printable ASCII, tab, line feed, carriage return, or well-formed UTF-8
/// beyond ASCII, which counts only beside at least half as much ASCII.
#[must_use]
pub fn run(bytes: &[u8], least: usize) -> Run {
    let head = bytes.get(..least).unwrap_or(bytes);
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // a character cut by the end of the head is no fault of the text
        Err(e) if e.error_len().is_none() => std::str::from_utf8(head.get(..e.valid_up_to()).unwrap_or_default()).unwrap_or_default(),
        Err(_) => return Run::Unreadable,
    };
    let readable = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='~') || (c as u32) >= 0xa0;
    if !text.chars().all(readable) || text.is_empty() {
        return Run::Unreadable;
    }
    let ascii = text.bytes().filter(u8::is_ascii).count();
    if ascii * 3 < text.len() {
        return Run::Unreadable;
    }
    if bytes.len() < least { Run::Short } else { Run::Readable }
}

/// Whether bytes, of which there are `least`, are readable text as far as is looked.
#[must_use]
pub fn is_text(bytes: &[u8], least: usize) -> bool {
    bytes.len() >= least && run(bytes, bytes.len().min(SEALED_RUN)) == Run::Readable
}

/// Whether bytes begin with a packet of IPv4 (RFC 791) behind which no more than `most` bytes follow: its header adds up, and its length fits.
/// Random bytes do so once in a thousand million times.
#[must_use]
pub fn is_ipv4(bytes: &[u8], most: usize) -> bool {
    let Some(header) = bytes.first_chunk::<20>() else { return false };
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let sum = header.as_chunks::<2>().0.iter().map(|&pair| u32::from(u16::from_be_bytes(pair))).sum::<u32>();
    header[0] == 0x45 && length >= 20 && length <= bytes.len() && bytes.len() - length <= most && (sum & 0xffff) + (sum >> 16) == 0xffff
}

/// The same where a line of text may be followed by others than text: a whole line proves as much.
#[must_use]
pub fn line(bytes: &[u8], least: usize) -> Run {
    let length = bytes.iter().position(|&byte| byte == b'\n').map_or(least, |end| least.min(end + 1));
    run(bytes, length)
}

/// Bytes of a record that [`Watch`] looks at: a nonce, and as much text as proves plaintext.
pub const LOOKED_AT: usize = 80;

/// The bytes that tell at once that a record is not worth a closer look: behind the longest nonce.
const GLANCE: std::ops::Range<usize> = 16..24;

/// Lengths of what precedes sealed bytes: nothing, a nonce, a vector.
const NONCES: [usize; 3] = [0, 8, 16];

/// Watches whether what one end seals reads as text. [`SEALED_RUN`] bytes of plain ASCII behind a nonce, or none, are that: random ones are so
/// once in eight million million records. What is UTF-8, stands elsewhere or is cut into short records is weighed.
///
/// Each character is weighed, in tenths of a nat, by how much likelier it is in text than among random bytes, whose weights add up to less
/// than nothing; the sum does not fall below zero, and goes on from one record into the next. Random bytes reach `PROOF` once in
/// e^36 places where they may begin to (Wald's bound: the weights make the sum's exponential no greater on average): once in fifty million
/// million records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    sum: u16,
}

/// What a look at a record tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing speaks against its being sealed.
    Sealed,
    /// It is text.
    Text,
    /// More of it is needed.
    More,
}

impl Watch {
    const PROOF: i32 = 360;
    /// Plain ASCII: eight in ten characters of text, 98 of 256 bytes.
    const ASCII: i32 = 7;
    /// Characters of two, three and four bytes in UTF-8: 7, 7 and 1 in a hundred of text; of random bytes 2.9, 0.37 and 0.024 in a hundred begin one.
    const WIDE: [i32; 3] = [8, 29, 37];
    /// What is neither: one in twenty of text, 58 in a hundred of random bytes.
    const OTHER: i32 = -25;
    /// A record that does not read on at a glance: one in three of text at the most, and all but one in a thousand of random ones. (That would be
    /// 12; more is safer.)
    const UNREAD: u16 = 100;

    /// Looks at a record of `length` bytes, of which these are the first. It does not matter how they are cut into segments.
    pub fn look(&mut self, given: &[u8], length: usize) -> Look {
        let looked_at = length.min(LOOKED_AT);
        let start = given.get(..looked_at).unwrap_or(given);
        let plain = NONCES.iter().filter(|&&nonce| length >= nonce + SEALED_RUN).filter_map(|&nonce| {
            let behind = start.get(nonce.min(start.len())..)?;
            is_unsealed(behind).then_some(behind.len())
        });
        let longest_plain = plain.max();
        let glance = GLANCE.start.min(looked_at.saturating_sub(GLANCE.len()));
        let may_go_on = reads_on(start.get(glance..start.len().min(glance + GLANCE.len())).unwrap_or_default());
        if longest_plain.is_some_and(|length| length >= SEALED_RUN) {
            return Look::Text;
        }
        if longest_plain.is_none() && !may_go_on {
            self.sum = self.sum.saturating_sub(Self::UNREAD);
            return Look::Sealed;
        }
        if start.len() < looked_at {
            return Look::More;
        }
        if self.weigh(start) { Look::Text } else { Look::Sealed }
    }

    /// Weighs these bytes too. Returns whether that proves text.
    fn weigh(&mut self, bytes: &[u8]) -> bool {
        let (mut sum, mut rest) = (i32::from(self.sum), bytes);
        while !rest.is_empty() && sum < Self::PROOF {
            let (length, weight) = match character(rest) {
                Some(1) => (1, Self::ASCII),
                Some(length) => (length, Self::WIDE.get(length.saturating_sub(2)).copied().unwrap_or_default()),
                None => (1, Self::OTHER),
            };
            sum = (sum + weight).max(0);
            rest = rest.get(length..).unwrap_or_default();
        }
        self.sum = sum as u16;
        sum >= Self::PROOF
    }
}

/// The length of the readable character that bytes begin with.
fn character(bytes: &[u8]) -> Option<usize> {
    let first = *bytes.first()?;
    let length = match first {
        _ if is_plain(&first) => return Some(1),
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let text = std::str::from_utf8(bytes.get(..length)?).ok()?;
    text.chars().all(|c| c as u32 >= 0xa0).then_some(length)
}

/// Whether bytes from the middle of text are no more than that: the end of a character may come first, and the begin of one last.
fn reads_on(bytes: &[u8]) -> bool {
    let tail = bytes.iter().take(3).take_while(|byte| matches!(byte, 0x80..=0xbf)).count();
    let mut rest = bytes.get(tail..).unwrap_or_default();
    while !rest.is_empty() {
        match character(rest) {
            Some(length) => rest = rest.get(length..).unwrap_or_default(),
            None => return std::str::from_utf8(rest).is_err_and(|e| e.valid_up_to() == 0 && e.error_len().is_none()),
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_readable_and_binary_is_not() {
        assert_eq!(run(b"hello there, this is a plain text protocol\n", OPENING_RUN), Run::Readable);
        assert_eq!(run("grüße aus dem klartext, lesbar".as_bytes(), OPENING_RUN), Run::Readable);
        assert_eq!(run(b"hello", OPENING_RUN), Run::Short);
        assert_eq!(run(b"\x16\x03\x01\x02\x00", OPENING_RUN), Run::Unreadable);
        assert_eq!(run(&[0xff; 64], OPENING_RUN), Run::Unreadable);
        assert_eq!(run(b"", OPENING_RUN), Run::Unreadable);
        assert_eq!(run(b"text then \0 a null byte inside it", OPENING_RUN), Run::Unreadable);
    }

    /// What a watch makes of records, the last look at each.
    fn watched(records: &[Vec<u8>]) -> Vec<Look> {
        let mut watch = Watch::default();
        records.iter().map(|record| watch.look(record, record.len())).collect()
    }

    const TEXT: &str = "user=admin; secret=hunter2; these words can be read by anybody who stands on the way";

    #[test]
    fn text_behind_a_nonce_or_beyond_ascii_is_no_sealed_record() {
        let nonce = [0x9b, 3, 0xee, 0, 0xff, 0x81, 7, 0xd0, 0x9b, 3, 0xee, 0, 0xff, 0x81, 7, 0xd0];
        for length in [0, 8] {
            assert_eq!(watched(&[[&nonce[..length], TEXT.as_bytes()].concat()]), [Look::Text], "{length}");
        }
        assert_eq!(watched(&[[&nonce[..], TEXT.as_bytes()].concat()]), [Look::Text]);
        for text in [
            "все эти слова может прочесть каждый, кто стоит на пути, и никто не возразит",
            "谁都可以读到这些话，谁都可以改动它们，没有人会知道这件事情，也没有人会说",
        ] {
            assert_eq!(watched(&[text.into(), text.into(), text.into()]).last(), Some(&Look::Text), "{text}");
        }
        // in records of twenty bytes
        let short: Vec<_> = TEXT.as_bytes().chunks(20).map(<[u8]>::to_vec).collect();
        assert!(watched(&short).contains(&Look::Text));
        assert_eq!(watched(&[short, vec![vec![0xd7; 100]]].concat()).last(), Some(&Look::Sealed));
    }

    #[test]
    fn a_watch_does_not_hang_on_segments() {
        let nonce = [0x9b, 3, 0xee, 0, 0xff, 0x81, 7, 0xd0];
        for record in [
            TEXT.as_bytes().to_vec(),
            [&nonce[..], TEXT.as_bytes()].concat(),
            vec![0xd7; 100],
            nonce.repeat(3),
            b"seventeen letters".to_vec(),
        ] {
            let whole = Watch::default().look(&record, record.len());
            assert_ne!(whole, Look::More);
            for length in 0..record.len() {
                let look = Watch::default().look(&record[..length], record.len());
                assert!(look == Look::More || look == whole, "{length} of {record:?}");
            }
        }
    }

    #[test]
    fn random_records_are_sealed() {
        let mut state = 7u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        let mut watch = Watch::default();
        for n in 0..200_000 {
            let record: Vec<u8> = (0..17 + n % 100).map(|_| random()).collect();
            assert_eq!(watch.look(&record, record.len()), Look::Sealed);
        }
    }

    #[test]
    fn a_run_is_found_wherever_it_stands() {
        for least in [1, 2, 7, 64] {
            for length in 0..100 {
                for start in 0..40 {
                    let bytes = [vec![0x80; start], vec![b'w'; length], vec![0], vec![b'w'; least - 1], vec![0x90; 5]].concat();
                    assert_eq!(holds_run(&bytes, least), length >= least, "{length} of {least} at {start}");
                }
            }
        }
    }

    #[test]
    fn a_run_goes_on_from_piece_to_piece() {
        let mut trail = Trail::default();
        let piece = [b'a'; 100];
        assert_eq!([(); 3].map(|()| trail.holds_text(&piece)), [false, false, true]);
        let mut trail = Trail::default();
        assert!(!trail.holds_text(&[&piece[..], &[0], &piece].concat()) && !trail.holds_text(&piece) && trail.holds_text(&piece));
    }
}
