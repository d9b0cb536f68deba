//! Snoop files, built by hand from RFC 1761.

use crate::fact::{LinkType, Timestamp};
use crate::source::file::tests::{read_all, refusal};

fn header(version: u32, medium: u32) -> Vec<u8> {
    [b"snoop\0\0\0".as_slice(), &version.to_be_bytes(), &medium.to_be_bytes()].concat()
}

fn record(wire: u32, bytes: &[u8], dropped: u32, second: u32) -> Vec<u8> {
    let padded = bytes.len().next_multiple_of(4);
    let words = [wire, bytes.len() as u32, 24 + padded as u32, dropped, second, 7];
    let mut record = words.map(u32::to_be_bytes).concat();
    record.extend_from_slice(bytes);
    record.resize(24 + padded, 0);
    record
}

#[test]
fn records_are_read_with_their_padding_and_drops() {
    let bytes = [header(2, 4), record(60, b"abcdef", 0, 5), record(3, b"xyz", 9, 6)].concat();
    let (frames, stats) = read_all(&bytes);
    assert_eq!((stats.format, stats.dropped, stats.bytes, stats.damage), ("snoop", 9, bytes.len() as u64, None));
    assert_eq!(stats.link_types, [LinkType::ETHERNET]);
    let seen: Vec<_> = frames.iter().map(|f| (f.bytes.as_slice(), f.index.wire, f.index.id.number())).collect();
    assert_eq!(seen, [(&b"abcdef"[..], 60, 1), (&b"xyz"[..], 3, 2)]);
    assert_eq!(frames[0].index.at, Timestamp::from_nanos(5_000_007_000));
}

#[test]
fn other_media_are_unread_and_other_versions_refused() {
    let (frames, _) = read_all(&[header(2, 5), record(3, b"xyz", 0, 6)].concat());
    assert_eq!(frames[0].index.link, LinkType::UNREGISTERED);
    assert!(refusal(&header(1, 4)).contains("is snoop version 1"));
    assert!(refusal(b"snoop\0\0\0\0\0").contains("ends inside its file header"));
    assert!(refusal(b"snoopy and friends, a text").contains("is not a snoop capture"));
}

#[test]
fn a_record_that_lies_or_is_cut_is_damage() {
    let good = [header(2, 4), record(3, b"one", 0, 1)].concat();
    for lie in [[3, 0x1000_0000, 40, 0, 0, 0], [3, 20, 40, 0, 0, 0], [3, 3, 0xffff_fff0, 0, 0, 0]] {
        let bytes = [good.clone(), lie.map(u32::to_be_bytes).concat(), vec![0; 60]].concat();
        let (frames, stats) = read_all(&bytes);
        assert_eq!((frames.len(), stats.damage.map(|damage| damage.offset)), (1, Some(good.len() as u64)));
    }
    for cut in 17..good.len() {
        let (frames, stats) = read_all(&good[..cut]);
        assert_eq!((frames.len(), stats.damage.map(|damage| damage.offset)), (0, Some(16)), "cut at {cut}");
    }
}
