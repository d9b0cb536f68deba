//! Network Monitor captures, built by hand.

use crate::fact::{LinkType, Timestamp};
use crate::source::file::tests::{read_all, refusal};

/// A capture of version 2.`minor` that began on 2026-11-24 at 10:00:00.250, and where its frames begin.
fn capture(minor: u8, frames: &[(u64, u16, &[u8])]) -> (Vec<u8>, Vec<u32>) {
    let mut bytes = b"GMBU".to_vec();
    bytes.extend([minor, 2, 1, 0]);
    bytes.extend([2026u16, 11, 2, 24, 10, 0, 0, 250].map(u16::to_le_bytes).concat());
    bytes.resize(128, 0);
    let mut offsets = Vec::new();
    for (micros, network, frame) in frames {
        offsets.push(bytes.len() as u32);
        bytes.extend(micros.to_le_bytes());
        bytes.extend([frame.len() as u32 + 2, frame.len() as u32].map(u32::to_le_bytes).concat());
        bytes.extend_from_slice(frame);
        if minor >= 1 {
            bytes.extend(network.to_le_bytes());
        }
        if minor >= 2 {
            bytes.extend([0; 4]);
        }
        if minor >= 3 {
            // 2009-02-13T23:31:30Z
            bytes.extend((116_444_736_000_000_000u64 + 1_234_567_890 * 10_000_000).to_le_bytes());
            bytes.push(0);
        }
    }
    let table = bytes.len() as u32;
    bytes.extend(offsets.iter().flat_map(|offset| offset.to_le_bytes()));
    let end = bytes.len() as u32 - table;
    bytes[24..28].copy_from_slice(&table.to_le_bytes());
    bytes[28..32].copy_from_slice(&end.to_le_bytes());
    bytes.extend(b"comments and statistics follow");
    (bytes, offsets)
}

#[test]
fn every_version_is_read() {
    let start = Timestamp::from_date(2026, 11, 24).plus_nanos(36_000_250_000_000);
    for minor in 0..=3 {
        let (bytes, _) = capture(minor, &[(0, 1, b"one"), (1_000_000, 0xe000 | 101, b"three"), (2, 0xfffe, b"an event")]);
        let (frames, stats) = read_all(&bytes);
        assert_eq!((stats.format, stats.damage.clone(), stats.bytes), ("netmon2", None, bytes.len() as u64), "2.{minor}");
        let at = if minor == 3 { Timestamp::from_nanos(1_234_567_890_000_000_000) } else { start };
        assert_eq!((frames[0].bytes.as_slice(), frames[0].index.wire, frames[0].index.at), (&b"one"[..], 5, at), "2.{minor}");
        let links: Vec<LinkType> = frames.iter().map(|frame| frame.index.link).collect();
        if minor == 0 {
            assert_eq!(links, [LinkType::ETHERNET; 3]);
        } else {
            assert_eq!(links, [LinkType::ETHERNET, LinkType::RAW], "what is no frame is passed over");
        }
    }
}

#[test]
fn a_table_that_differs_is_damage() {
    let (bytes, offsets) = capture(3, &[(0, 1, b"one"), (1, 1, b"three")]);
    let table = u32::from_le_bytes(bytes[24..28].try_into().unwrap()) as usize;
    for (at, value) in [(table, offsets[1]), (28, 4), (28, 12)] {
        let mut bytes = bytes.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        let (frames, stats) = read_all(&bytes);
        assert_eq!(frames.len(), 2);
        assert!(stats.damage.unwrap().reason.contains("frame table lists"));
    }
}

#[test]
fn cut_anywhere_it_is_damage_up_to_the_end_of_its_table() {
    let (bytes, _) = capture(3, &[(0, 1, b"one"), (1, 1, b"three")]);
    let end = bytes.len() - b"comments and statistics follow".len();
    for cut in 128..end {
        let (_, stats) = read_all(&bytes[..cut]);
        assert!(stats.damage.is_some(), "cut at {cut}");
    }
    assert!(refusal(&bytes[..100]).contains("ends inside its file header"));
    let mut old = bytes;
    old[5] = 1;
    assert!(refusal(&old).contains("is Network Monitor version 1.3"));
}
