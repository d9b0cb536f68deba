//! Classic captures as they are and as they should not be.

use crate::fact::{LinkType, Timestamp};
use crate::limits;
use crate::source::file::tests::{HEADER, read_all, record, refusal};

/// One file of every variant: magic, version, lengths and a record of the second 0x5f000000 with the fraction 0x1234.
fn variant(big: bool, magic: u32, version: (u16, u16), network: u32, lengths: (u32, u32), extra: &[u8]) -> Vec<u8> {
    let half = |value: u16| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    let word = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    let mut bytes = word(magic).to_vec();
    bytes.extend([half(version.0), half(version.1)].concat());
    bytes.extend([0, 0, 65_535, network].map(word).concat());
    bytes.extend([0x5f00_0000, 0x1234, lengths.0, lengths.1].map(word).concat());
    bytes.extend_from_slice(extra);
    bytes.extend_from_slice(b"abcdef");
    bytes
}

#[test]
fn every_magic_in_either_byte_order() {
    for big in [false, true] {
        for (magic, extra, unit, format) in [
            (0xa1b2_c3d4, &[][..], 1000, "pcap"),
            (0xa1b2_3c4d, &[][..], 1, "pcap-ns"),
            (0xa1b2_cd34, &[1, 2, 3, 4, 5, 6, 7, 8][..], 1000, "pcap-modified"),
        ] {
            let bytes = variant(big, magic, (2, 4), 113, (6, 60), extra);
            let (frames, stats) = read_all(&bytes);
            assert_eq!((stats.format, stats.bytes, stats.damage), (format, bytes.len() as u64, None));
            let at = Timestamp::from_nanos(0x5f00_0000 * 1_000_000_000 + 0x1234 * unit);
            assert_eq!(stats.span, Some((at, at)));
            let [frame] = &frames[..] else { panic!("{frames:?}") };
            assert_eq!((frame.bytes.as_slice(), frame.index.wire, frame.index.at), (&b"abcdef"[..], 60, at));
            assert_eq!((frame.index.link, frame.index.id.number(), frame.index.interface), (LinkType::LINUX_SLL, 1, 0));
        }
    }
}

#[test]
fn seconds_run_to_2106_and_fractions_past_a_second() {
    let mut bytes = HEADER.to_vec();
    bytes.extend([u32::MAX, u32::MAX, 0, 1].map(u32::to_le_bytes).concat());
    let (frames, _) = read_all(&bytes);
    assert_eq!(frames[0].index.at.as_nanos(), 4_294_967_295 * 1_000_000_000 + 4_294_967_295_000);
}

#[test]
fn the_span_is_the_earliest_and_the_latest() {
    let bytes = [HEADER.to_vec(), record(5, b"a"), record(3, b"b"), record(9, b"c"), record(4, b"d")].concat();
    let (_, stats) = read_all(&bytes);
    let seconds = |n: i64| Timestamp::from_nanos(n * 1_000_000_000);
    assert_eq!(stats.span, Some((seconds(3), seconds(9))));
}

#[test]
fn a_frame_check_sequence_is_taken_off() {
    let fcs = 0x2400_0000 | 1;
    for (lengths, captured, wire) in [((6, 6), 2, 2), ((6, 100), 6, 96), ((6, 8), 4, 4), ((6, 3), 2, 2), ((6, 9), 5, 5)] {
        let (frames, stats) = read_all(&variant(false, 0xa1b2_c3d4, (2, 4), fcs, lengths, &[]));
        assert_eq!((frames[0].index.captured, frames[0].index.wire), (captured, wire), "{lengths:?}");
        assert_eq!((stats.link_types.as_slice(), stats.damage), (&[LinkType::ETHERNET][..], None));
    }
    let (frames, _) = read_all(&variant(false, 0xa1b2_c3d4, (2, 4), 0x2000_0001, (6, 6), &[]));
    assert_eq!(frames[0].index.wire, 6, "a length without its bit counts for nothing");
}

#[test]
fn old_versions_have_the_lengths_the_other_way_round() {
    for (version, lengths) in [((2, 4), (6, 60)), ((2, 3), (6, 60)), ((2, 3), (60, 6)), ((2, 2), (60, 6)), ((2, 543), (60, 6))] {
        let (frames, stats) = read_all(&variant(true, 0xa1b2_c3d4, version, 1, lengths, &[]));
        assert_eq!((frames[0].index.captured, frames[0].index.wire, stats.damage), (6, 60, None), "{version:?}");
    }
    assert!(refusal(&variant(true, 0xa1b2_c3d4, (3, 0), 1, (6, 6), &[])).contains("is pcap version 3.0"));
}

#[test]
fn a_cut_header_is_no_capture() {
    for cut in 4..24 {
        assert!(refusal(&HEADER[..cut]).contains(&format!("ends inside its file header, after {cut} bytes")));
    }
}

#[test]
fn cut_anywhere_all_whole_records_are_read() {
    let records = [record(1, b"one"), record(2, b""), record(3, b"three")];
    let bytes = [HEADER.to_vec(), records.concat()].concat();
    let ends: Vec<usize> = records
        .iter()
        .scan(24, |at, r| {
            *at += r.len();
            Some(*at)
        })
        .collect();
    for cut in 24..=bytes.len() {
        let (frames, stats) = read_all(&bytes[..cut]);
        let whole = ends.iter().filter(|&&end| end <= cut).count();
        let begins = ends.iter().copied().filter(|&end| end <= cut).max().unwrap_or(24);
        assert_eq!((frames.len(), stats.bytes), (whole, begins as u64), "cut at {cut}");
        assert_eq!(stats.damage.map(|damage| damage.offset), (begins != cut).then_some(begins as u64), "cut at {cut}");
    }
}

#[test]
fn behind_a_corrupt_record_the_reading_goes_on_and_says_where() {
    let before = [HEADER.to_vec(), record(1, b"one")].concat();
    let too_long = limits::FRAME_BYTES as u32 + 1;
    for (lengths, reason) in [((too_long, too_long), "claims 262145 captured bytes"), ((u32::MAX, 0), "claims 4294967295 captured bytes")] {
        let mut bytes = before.clone();
        bytes.extend([9, 9, lengths.0, lengths.1].map(u32::to_le_bytes).concat());
        let begins = bytes.len();
        bytes.extend(record(2, b"two"));
        let (frames, stats) = read_all(&bytes);
        let damage = stats.damage.unwrap();
        assert_eq!((frames.len(), damage.offset, stats.damaged), (2, before.len() as u64, 1));
        assert_eq!((frames[1].bytes.as_slice(), frames[1].index.id.number()), (&b"two"[..], 2));
        assert_eq!(stats.damage_bytes, (begins - before.len()) as u64);
        assert!(damage.reason.contains(reason), "{}", damage.reason);
    }
}

#[test]
fn damage_in_the_middle_costs_what_it_covers() {
    let records: Vec<Vec<u8>> = (0..400).map(|n| record(1000 + n, &vec![n as u8; 40 + n as usize * 7 % 1400])).collect();
    let bytes = [HEADER.to_vec(), records.concat()].concat();
    for (from, length) in [(24, 30), (20_000, 1), (50_000, 300), (100_000, 70_000)] {
        let mut bytes = bytes.clone();
        bytes[from..from + length].fill(0xee);
        let (frames, stats) = read_all(&bytes);
        let touched = records
            .iter()
            .scan(24, |at, r| {
                *at += r.len();
                Some((*at - r.len(), *at))
            })
            .filter(|(begin, end)| *begin < from + length && from < *end)
            .count();
        assert!(frames.len() >= 400 - touched - 1 && frames.len() <= 400, "{from}: {} frames, {touched} touched", frames.len());
        assert_eq!(frames.last().unwrap().index.at.as_nanos(), 1_399_000_000_000);
        assert!(stats.damage.is_some() || touched == 1, "one payload may change without a trace");
    }
}

#[test]
fn a_length_that_swallows_the_rest_is_found_out_at_the_end() {
    let mut bytes = [HEADER.to_vec(), record(1, b"one")].concat();
    let begins = bytes.len();
    bytes.extend([2, 0, 200_000, 200_000].map(u32::to_le_bytes).concat());
    bytes.extend(record(3, b"three"));
    let (frames, stats) = read_all(&bytes);
    assert_eq!((frames.len(), stats.damage.unwrap().offset), (2, begins as u64));
}

#[test]
fn rubbish_is_passed_over_in_bounded_steps() {
    let mut bytes = [HEADER.to_vec(), record(1, b"one")].concat();
    bytes.extend(std::iter::repeat_n(0xff, 3 << 20));
    bytes.extend([record(2, b"two"), record(3, b"three"), record(4, b"four")].concat());
    let (frames, stats) = crate::source::file::tests::read_whole(&bytes);
    assert_eq!((frames.len(), stats.damaged, stats.damage_bytes), (4, 1, 3 << 20));
}

#[test]
fn more_captured_than_on_the_wire_is_believed() {
    let (frames, stats) = read_all(&variant(false, 0xa1b2_c3d4, (2, 4), 1, (6, 2), &[]));
    assert_eq!((frames[0].index.captured, frames[0].index.wire, stats.damage), (6, 6, None));
}

#[test]
fn an_appended_file_is_found_out() {
    let one = [HEADER.to_vec(), record(1, b"one")].concat();
    let (frames, stats) = read_all(&[one.clone(), one.clone()].concat());
    let damage = stats.damage.unwrap();
    assert_eq!((frames.len(), damage.offset), (2, one.len() as u64), "it is read on where it is alike");
    assert!(damage.reason.contains("second capture file"), "{}", damage.reason);
    let mut other = one.clone();
    other[20] = 113;
    let (frames, stats) = read_all(&[one.clone(), other].concat());
    assert_eq!((frames.len(), stats.damage.unwrap().offset), (1, one.len() as u64), "and not where its link type is another");
}
