//! Every compression: whole, in members, cut anywhere, and corrupt.

use std::io::{Cursor, Read, Write};

use crate::fact::Block;
use crate::limits;
use crate::source::file::from_reader;
use crate::source::file::tests::{HEADER, read_all, record, refusal};
use crate::source::{CaptureStats, Fill};

/// What xz(1) makes of [`capture`]: no encoder of it is among the dependencies.
const XZ: &[u8] = b"\xfd\x37\x7a\x58\x5a\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01\x16\x00\x00\x00\x74\x2f\xe5\xa3\xe0\x00\x3d\x00\
      \x20\x5d\x00\x6a\x30\xd1\xc8\x7d\x8b\xf8\x09\x9b\xaf\x1f\xcc\x79\x02\x62\xf4\xd1\x61\x29\x93\x24\xd4\x25\xe4\xe8\
      \x0c\x93\x84\x3d\x49\x9f\xc0\x00\x8f\x50\x78\x21\x2d\x5e\x46\xc7\x00\x01\x3c\x3e\x7f\xd1\x14\x92\x1f\xb6\xf3\x7d\
      \x01\x00\x00\x00\x00\x04\x59\x5a";

fn capture() -> Vec<u8> {
    [HEADER.to_vec(), record(1, b"one"), record(2, b"two")].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn packed() -> [(&'static str, Vec<u8>); 5] {
    let bytes = capture();
    [("gzip", gzip(&bytes)), ("zstd", zstd(&bytes)), ("lz4", lz4(&bytes)), ("xz", XZ.to_vec()), ("bzip2", bzip2(&bytes))]
}

fn read(bytes: &[u8]) -> Result<(usize, CaptureStats), String> {
    let mut source = from_reader("t".to_owned(), 0, Box::new(Cursor::new(bytes.to_vec()))).map_err(|error| error.message)?;
    let (mut frames, mut block) = (0, Block::default());
    loop {
        let fill = source.fill(&mut block).unwrap();
        frames += block.frames.len();
        if fill == Fill::End {
            return Ok((frames, source.stats().clone()));
        }
    }
}

#[test]
fn every_compression_is_read_as_what_is_in_it() {
    let (plain, bare) = read_all(&capture());
    for (name, bytes) in packed() {
        let (frames, stats) = read_all(&bytes);
        assert_eq!(frames, plain, "{name}");
        assert_eq!(stats, CaptureStats { packing: Some(name), ..bare.clone() });
    }
}

#[test]
fn members_that_follow_each_other_are_one_stream() {
    let bytes = capture();
    let (front, back) = bytes.split_at(31);
    for (name, pack) in [("gzip", gzip as fn(&[u8]) -> Vec<u8>), ("zstd", zstd), ("lz4", lz4), ("bzip2", bzip2)] {
        let (frames, stats) = read_all(&[pack(front), pack(back)].concat());
        assert_eq!((frames.len(), stats.damage), (2, None), "{name}");
    }
    let padded = [gzip(front), vec![0; 8], gzip(back), vec![0; 3]].concat();
    assert_eq!(read_all(&padded).1.damage, None);
    let skippable = [b"\x5a\x2a\x4d\x18\x03\0\0\0abc".as_slice(), &zstd(back)].concat();
    assert_eq!(read_all(&[zstd(front), skippable].concat()).1.damage, None);
}

#[test]
fn cut_anywhere_is_damage_or_a_refusal() {
    for (name, bytes) in packed() {
        for cut in 4..bytes.len() {
            match read(&bytes[..cut]) {
                Ok((frames, stats)) => {
                    assert!(frames <= 2);
                    let reason = stats.damage.unwrap_or_else(|| panic!("{name} cut at {cut} reads as whole")).reason;
                    assert!(reason.contains(name), "{reason}");
                }
                Err(refused) => assert!(refused.contains(name) || refused.contains("ends inside"), "{name} at {cut}: {refused}"),
            }
        }
    }
}

#[test]
fn a_flipped_bit_is_no_pass_unseen() {
    let (plain, _) = read_all(&capture());
    for (name, bytes) in packed() {
        for at in 4..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x10;
            let Ok((frames, stats)) = read(&bytes) else { continue };
            // a header's own words (a name, a time) say nothing of the data
            assert!(stats.damage.is_some() || frames == plain.len(), "{name} at {at}");
        }
    }
}

#[test]
fn what_follows_the_compressed_data_is_said() {
    let (frames, stats) = read(&[gzip(&capture()), b"rubbish".to_vec()].concat()).unwrap();
    assert_eq!(frames, 2);
    assert!(stats.damage.unwrap().reason.contains("something else follows"));
}

#[test]
fn only_one_layer_is_unpacked_and_only_captures_are_read() {
    assert!(refusal(&gzip(&bzip2(&capture()))).contains("is bzip2 data inside gzip data"));
    assert!(refusal(&gzip(b"")).contains("is empty under its gzip compression"));
    assert!(refusal(&gzip(b"hello, world, this is")).contains("is text"));
    assert!(refusal(b"\x1f\x8b\x08\0\0\0\0\0").contains("gzip"));
}

#[test]
fn a_bomb_is_read_in_pieces() {
    // a record header that claims what no frame has, and zeros without end: 64 MiB from 64 KiB
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&HEADER).unwrap();
    encoder.write_all(&[0xff; 16]).unwrap();
    std::io::copy(&mut std::io::repeat(0).take(64 << 20), &mut encoder).unwrap();
    let packed = encoder.finish().unwrap();
    let mut source = from_reader("t".to_owned(), 0, Box::new(Cursor::new(packed))).unwrap();
    let mut block = Block::default();
    while source.fill(&mut block).unwrap() == Fill::More {
        assert!(block.bytes.capacity() <= 8 * limits::RESUME_BYTES);
    }
    assert!(source.stats().damage.is_some());
}

#[test]
fn nobody_waits_for_a_reader_that_left() {
    let packed = gzip(&vec![7; 4 << 20]);
    let mut unpacked = super::Unpacked::new(super::Packing::Gzip, Box::new(Cursor::new(packed))).unwrap();
    let mut some = [0; 16];
    unpacked.read_exact(&mut some).unwrap();
    assert_eq!(some, [7; 16]);
}
