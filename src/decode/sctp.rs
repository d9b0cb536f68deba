//! Chunks of SCTP (RFC 9260 section 3): what carries data, and what is known to carry none.
//!
//! Control chunks of the usual length are no payload. Heartbeats and errors give back what they were given, so that long ones, any that hold
//! text, chunks of types that nobody knows, and padding that is not zero are payload that nobody reads.

use super::{be16, margin};

const DATA: u8 = 0;

/// A chunk of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// A user message, or a piece of one.
    Data(Data<'a>),
    /// A known one that carries no data.
    Control,
    /// Anything else, to the end of the packet.
    Other,
}

/// A DATA chunk (RFC 9260 section 3.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data<'a> {
    /// The transmission sequence number; the pieces of a message have numbers one behind the other.
    pub tsn: u32,
    /// It begins a message.
    pub is_first: bool,
    /// It ends a message.
    pub is_last: bool,
    /// What it carries.
    pub bytes: &'a [u8],
}

/// Walks the chunks of a packet.
#[derive(Clone, Copy, Debug)]
pub struct Chunks<'a>(
    /// What is left of the packet.
    pub &'a [u8],
);

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let bytes = std::mem::take(&mut self.0);
        let Some((chunk, rest)) = split(bytes) else { return Some(Chunk::Other) };
        self.0 = rest;
        Some(match chunk {
            &[DATA, flags, _, _, t3, t2, t1, t0, _, _, _, _, _, _, _, _, ref bytes @ ..] if !bytes.is_empty() => {
                let tsn = u32::from_be_bytes([t3, t2, t1, t0]);
                Chunk::Data(Data { tsn, is_first: flags & 2 != 0, is_last: flags & 1 != 0, bytes })
            }
            [kind, ..] if chunk.len() <= usual(*kind) && !margin::holds_text(chunk) => Chunk::Control,
            _ => {
                self.0 = &[];
                Chunk::Other
            }
        })
    }
}

/// The first chunk without its padding, and what follows.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = be16(bytes, 2).map(usize::from).filter(|&length| length >= 4)?;
    let (chunk, rest) = bytes.split_at_checked(length)?;
    // the last one of a packet may go without
    let padding = (length.next_multiple_of(4) - length).min(rest.len());
    let (padding, rest) = rest.split_at_checked(padding)?;
    padding.iter().all(|&byte| byte == 0).then_some((chunk, rest))
}

/// How long a control chunk may be to be no payload.
fn usual(kind: u8) -> usize {
    match kind {
        // INIT and its acknowledgement, SACK, COOKIE ECHO
        1..=3 | 10 => 512,
        // heartbeats, ABORT, ERROR
        4..=6 | 9 => 64,
        // SHUTDOWN and its like, COOKIE ACK, ECNE and CWR
        7 | 8 | 11..=14 => 8,
        _ => 0,
    }
}

/// A packet's chunks from the first on that is payload, or may be.
pub(super) fn payload(mut bytes: &[u8]) -> &[u8] {
    loop {
        let mut chunks = Chunks(bytes);
        match chunks.next() {
            Some(Chunk::Control) => bytes = chunks.0,
            _ => return bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(kind: u8, flags: u8, body: &[u8]) -> Vec<u8> {
        let mut chunk = [&[kind, flags][..], &(body.len() as u16 + 4).to_be_bytes(), body].concat();
        chunk.resize(chunk.len().next_multiple_of(4), 0);
        chunk
    }

    fn data(tsn: u32, flags: u8, bytes: &[u8]) -> Vec<u8> {
        chunk(DATA, flags, &[&tsn.to_be_bytes()[..], &[0; 8], bytes].concat())
    }

    #[test]
    fn chunks_are_walked() {
        let packet = [chunk(3, 0, &[0; 12]), data(7, 2, b"abc"), data(8, 1, b"d"), chunk(14, 0, &[])].concat();
        let found: Vec<Chunk<'_>> = Chunks(&packet).collect();
        let first = Data { tsn: 7, is_first: true, is_last: false, bytes: b"abc" };
        let last = Data { tsn: 8, is_first: false, is_last: true, bytes: b"d" };
        assert_eq!(found, [Chunk::Control, Chunk::Data(first), Chunk::Data(last), Chunk::Control]);
        assert_eq!(payload(&packet), &packet[16..]);
        assert_eq!(payload(&packet[..16]), b"");
    }

    #[test]
    fn what_is_not_known_is_other_to_the_end() {
        let mut padded = data(7, 3, b"abc");
        padded.push(0);
        for odd in
            [&chunk(4, 0, &[b'x'; 80])[..], &chunk(64, 3, &[0; 30]), &[0, 3, 0, 40, 1], &[0, 3, 0, 16], &padded, &[9, 0], &[0, 0, 0, 0]]
        {
            assert_eq!(Chunks(odd).last(), Some(Chunk::Other), "{odd:?}");
        }
        let hidden = [&[3, 0, 0, 5, 0][..], b"abc"].concat();
        assert_eq!(Chunks(&hidden).collect::<Vec<_>>(), [Chunk::Other]);
    }
}
