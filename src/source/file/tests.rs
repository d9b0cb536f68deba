//! How blocks are filled, whatever the format; and the reading of literal bytes that the formats' tests use.

use std::io::{self, Read};

use super::*;
use crate::fact::LinkType;

/// A frame with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::source) struct Got {
    pub(in crate::source) index: FrameIndex,
    pub(in crate::source) bytes: Vec<u8>,
}

/// Gives at most `chunk` bytes a read, then `end`.
struct Chunks {
    bytes: Vec<u8>,
    at: usize,
    chunk: usize,
    end: Option<ErrorKind>,
}

impl Read for Chunks {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let rest = &self.bytes[self.at..];
        if let (true, Some(kind)) = (rest.is_empty(), self.end) {
            return Err(kind.into());
        }
        let n = rest.len().min(self.chunk).min(room.len());
        room[..n].copy_from_slice(&rest[..n]);
        self.at += n;
        Ok(n)
    }
}

fn drain(source: &mut dyn Source) -> Vec<Got> {
    let (mut frames, mut block) = (Vec::new(), Block::default());
    loop {
        let before = frames.len();
        let fill = source.fill(&mut block).unwrap();
        assert!(!block.begins_input || before == 0);
        for index in &block.frames {
            assert!(index.offset as usize + index.captured as usize <= block.bytes.len());
            // where a frame lies in its block is the block's affair
            frames.push(Got { index: FrameIndex { offset: 0, ..*index }, bytes: block.frame(index).to_vec() });
        }
        if fill == Fill::End {
            assert_eq!(source.fill(&mut block).unwrap(), Fill::End);
            assert!(block.frames.is_empty() && block.bytes.is_empty());
            return frames;
        }
    }
}

fn read_in(bytes: &[u8], chunk: usize, pace: Pace) -> (Vec<Got>, CaptureStats) {
    let reader = Chunks { bytes: bytes.to_vec(), at: 0, chunk, end: None };
    let mut source = FileSource::new("test".to_owned(), 0, Box::new(reader), pace).unwrap();
    let frames = drain(&mut source);
    assert_eq!(source.stats().packets, frames.len() as u64);
    (frames, source.stats().clone())
}

/// Reads a capture whole, and again in small pieces, which must come to the same.
pub(in crate::source) fn read_all(bytes: &[u8]) -> (Vec<Got>, CaptureStats) {
    let whole = read_in(bytes, usize::MAX, Pace::WholeBlocks);
    for (chunk, pace) in [(1, Pace::AsItComes), (7, Pace::WholeBlocks), (61, Pace::AsItComes)] {
        assert_eq!(read_in(bytes, chunk, pace), whole, "in pieces of {chunk}");
    }
    whole
}

/// Reads a capture once, in whole blocks.
pub(in crate::source) fn read_whole(bytes: &[u8]) -> (Vec<Got>, CaptureStats) {
    read_in(bytes, usize::MAX, Pace::WholeBlocks)
}

/// Why a capture is refused.
pub(in crate::source) fn refusal(bytes: &[u8]) -> String {
    match from_reader("t.pcap".to_owned(), 0, Box::new(io::Cursor::new(bytes.to_vec()))) {
        Ok(_) => panic!("not refused"),
        Err(error) => error.to_string(),
    }
}

/// A little-endian microsecond file header of Ethernet.
pub(in crate::source) const HEADER: [u8; 24] = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];

/// Its record of second `second`.
pub(in crate::source) fn record(second: u32, bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u32).to_le_bytes();
    let mut record = [second.to_le_bytes(), 0u32.to_le_bytes(), length, length].concat();
    record.extend_from_slice(bytes);
    record
}

#[test]
fn empty_and_foreign_files_are_refused_with_the_mend() {
    assert!(refusal(b"").contains("t.pcap: is empty"));
    assert!(refusal(b"GET / HTTP/1.1\r\n").contains("is text, and not a pcap or pcapng capture (it begins with 0x47455420)"));
    assert!(refusal(b"\x0a").contains("it begins with 0x0a)"));
    for (magic, name, _) in foreign::OTHERS {
        assert!(refusal(&[magic, &[0; 40]].concat()).contains(name), "{name}");
        assert!(refusal(magic).contains(name), "{name}");
    }
    let erf = b"\0\0\0\0\x80\x5c\x1e\x5f\x02\x04\0\x4e\0\0\0\x3c";
    assert!(refusal(erf).contains("Endace ERF"));
}

#[test]
fn a_header_without_packets_is_a_capture() {
    let (frames, stats) = read_all(&HEADER);
    assert!(frames.is_empty());
    assert_eq!((stats.format, stats.packets, stats.bytes, stats.span, stats.damage), ("pcap", 0, 24, None, None));
    assert_eq!(stats.link_types, [LinkType::ETHERNET]);
}

#[test]
fn blocks_join_without_a_seam() {
    let mut bytes = HEADER.to_vec();
    let lengths: Vec<usize> = (0..4000).map(|n| n * 37 % 1500).collect();
    for (n, &length) in lengths.iter().enumerate() {
        bytes.extend(record(n as u32, &vec![n as u8; length]));
    }
    assert!(bytes.len() > 4 * limits::BLOCK_BYTES);
    for (chunk, pace) in [(usize::MAX, Pace::WholeBlocks), (65_536, Pace::AsItComes), (997, Pace::WholeBlocks)] {
        let (frames, stats) = read_in(&bytes, chunk, pace);
        assert_eq!((frames.len(), stats.bytes, stats.damage), (4000, bytes.len() as u64, None));
        for (n, (frame, &length)) in frames.iter().zip(&lengths).enumerate() {
            assert_eq!((frame.index.id.number(), frame.bytes.len()), (n as u64 + 1, length));
            assert_eq!(frame.index.at.as_nanos(), n as i64 * 1_000_000_000);
            assert!(frame.bytes.iter().all(|&byte| byte == n as u8));
        }
    }
}

#[test]
fn a_record_longer_than_a_block_is_read() {
    let long = vec![7; limits::FRAME_BYTES];
    let bytes = [HEADER.to_vec(), record(1, b"short"), record(2, &long), record(3, b"short")].concat();
    let (frames, stats) = read_in(&bytes, usize::MAX, Pace::WholeBlocks);
    assert_eq!(frames.iter().map(|f| f.bytes.len()).collect::<Vec<_>>(), [5, long.len(), 5]);
    assert_eq!((stats.damage, stats.bytes), (None, bytes.len() as u64));
    assert_eq!(read_in(&bytes, 4096, Pace::AsItComes).0, frames);
}

#[test]
fn a_pipe_delivers_what_is_there() {
    let bytes = [HEADER.to_vec(), record(1, b"one"), record(2, b"two")].concat();
    let reader = Chunks { bytes: bytes.clone(), at: 0, chunk: 20, end: None };
    let mut source = FileSource::new("test".to_owned(), 0, Box::new(reader), Pace::AsItComes).unwrap();
    let mut block = Block::default();
    assert_eq!(source.fill(&mut block).unwrap(), Fill::More);
    assert_eq!(block.frames.len(), 1, "the first frame does not wait for the second");
}

#[test]
fn a_failing_read_is_damage_behind_what_was_read() {
    let bytes = [HEADER.to_vec(), record(1, b"one"), record(2, b"two")].concat();
    let end = bytes.len() - 2;
    let reader = Chunks { bytes: bytes[..end].to_vec(), at: 0, chunk: 11, end: Some(ErrorKind::ConnectionReset) };
    let mut source = FileSource::new("test".to_owned(), 0, Box::new(reader), Pace::WholeBlocks).unwrap();
    assert_eq!(drain(&mut source).len(), 1);
    let damage = source.stats().damage.clone().unwrap();
    assert_eq!(damage.offset, end as u64);
    assert!(damage.reason.contains("cannot be read on"), "{}", damage.reason);
}

#[test]
fn files_that_cannot_be_opened_say_why() {
    let error = open(Path::new("no/such/capture.pcap"), 0).err().unwrap();
    assert_eq!(error.to_string(), "no/such/capture.pcap: there is no such file: check the path");
    let error = open(Path::new("src"), 0).err().unwrap();
    assert!(error.to_string().contains("src: is a directory"), "{error}");
}

#[test]
fn a_buffer_that_one_long_record_made_long_is_given_up() {
    let mut bytes = Vec::with_capacity(limits::PCAPNG_BLOCK_BYTES);
    assert_eq!(prepare(&mut bytes, b"abc", 16), 3);
    assert!(bytes.starts_with(b"abc") && bytes.capacity() < 2 * limits::BLOCK_BYTES);
}
