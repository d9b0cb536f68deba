//! The one general proof of plaintext: a long run of readable text. Entropy and port numbers prove nothing and are not asked.

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
    bytes.iter().take(SEALED_RUN).all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~'))
}

/// Bytes of readable text that prove plaintext wherever they stand: no name, and no text of a certificate, is as long.
const HELD_RUN: usize = 300;

/// Whether there is so long a run of plain ASCII text somewhere in these bytes.
#[must_use]
pub fn holds_text(bytes: &[u8]) -> bool {
    holds_run(bytes, HELD_RUN)
}

/// Bytes of readable text somewhere in what is sent again in a sealed flow, of which the first copy may have been ahead of the keys: an attribute
/// of a certificate's name has 64 at most (RFC 5280 appendix A).
pub const COPIED_RUN: usize = 65;

/// Whether at least `least` bytes of plain ASCII text follow each other somewhere in these.
#[must_use]
pub fn holds_run(bytes: &[u8], least: usize) -> bool {
    bytes.split(|byte| !matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~')).any(|run| run.len() >= least)
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
}
