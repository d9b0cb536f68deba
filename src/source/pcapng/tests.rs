//! pcapng files as they are and as they should not be.

use crate::fact::{LinkType, Timestamp};
use crate::limits;
use crate::source::file::tests::{read_all, refusal};

/// Writes pcapng in either byte order, right or wrong.
#[derive(Clone, Copy)]
struct Writer {
    big: bool,
}

const LE: Writer = Writer { big: false };
const BE: Writer = Writer { big: true };

impl Writer {
    fn half(self, value: u16) -> Vec<u8> {
        if self.big { value.to_be_bytes().to_vec() } else { value.to_le_bytes().to_vec() }
    }

    fn word(self, value: u32) -> Vec<u8> {
        if self.big { value.to_be_bytes().to_vec() } else { value.to_le_bytes().to_vec() }
    }

    fn long(self, value: u64) -> Vec<u8> {
        if self.big { value.to_be_bytes().to_vec() } else { value.to_le_bytes().to_vec() }
    }

    fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let mut padded = body.to_vec();
        padded.resize(body.len().next_multiple_of(4), 0);
        let length = self.word(padded.len() as u32 + 12);
        [self.word(kind), length.clone(), padded, length].concat()
    }

    fn section(self) -> Vec<u8> {
        self.block(0x0a0d_0d0a, &[self.word(0x1a2b_3c4d), self.half(1), self.half(0), self.long(u64::MAX)].concat())
    }

    fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut padded = value.to_vec();
        padded.resize(value.len().next_multiple_of(4), 0);
        [self.half(code), self.half(value.len() as u16), padded].concat()
    }

    fn interface(self, link: u16, snaplen: u32, options: &[(u16, &[u8])]) -> Vec<u8> {
        let options: Vec<u8> = options.iter().flat_map(|(code, value)| self.option(*code, value)).collect();
        self.block(1, &[self.half(link), self.half(0), self.word(snaplen), options].concat())
    }

    fn enhanced(self, interface: u32, ticks: u64, wire: u32, bytes: &[u8], options: &[u8]) -> Vec<u8> {
        let mut padded = bytes.to_vec();
        padded.resize(bytes.len().next_multiple_of(4), 0);
        let fixed = [interface, (ticks >> 32) as u32, ticks as u32, bytes.len() as u32, wire].map(|w| self.word(w)).concat();
        self.block(6, &[fixed, padded, options.to_vec()].concat())
    }

    fn obsolete(self, interface: u16, drops: u16, ticks: u64, bytes: &[u8]) -> Vec<u8> {
        let length = bytes.len() as u32;
        let rest = [(ticks >> 32) as u32, ticks as u32, length, length].map(|w| self.word(w)).concat();
        self.block(2, &[self.half(interface), self.half(drops), rest, bytes.to_vec()].concat())
    }

    fn simple(self, wire: u32, bytes: &[u8]) -> Vec<u8> {
        self.block(3, &[self.word(wire), bytes.to_vec()].concat())
    }

    fn statistics(self, interface: u32, by_interface: u64, by_system: u64) -> Vec<u8> {
        let options = [self.option(5, &self.long(by_interface)), self.option(7, &self.long(by_system)), self.option(0, &[])].concat();
        self.block(5, &[self.word(interface), self.long(0), options].concat())
    }
}

fn seconds(n: i64) -> Timestamp {
    Timestamp::from_nanos(n * 1_000_000_000)
}

#[test]
fn literal_bytes() {
    let bytes = [
        &b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0"[..],
        b"\x01\0\0\0\x14\0\0\0\x01\0\0\0\0\0\x04\0\x14\0\0\0",
        b"\x06\0\0\0\x24\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x09\0\0\0abc\0\x24\0\0\0",
    ]
    .concat();
    let (frames, stats) = read_all(&bytes);
    assert_eq!((stats.format, stats.bytes, stats.damage.clone()), ("pcapng", bytes.len() as u64, None));
    let [frame] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!((frame.bytes.as_slice(), frame.index.wire), (&b"abc"[..], 9));
    assert_eq!(frame.index.at.as_nanos(), 0x1_0000_0002 * 1000);
    assert_eq!((frame.index.link, stats.link_types.as_slice()), (LinkType::ETHERNET, &[LinkType::ETHERNET][..]));
}

#[test]
fn sections_have_their_own_byte_order_and_interfaces() {
    let bytes = [
        LE.section(),
        LE.interface(1, 0, &[]),
        LE.interface(101, 0, &[(9, &[9])]),
        LE.enhanced(1, 7_000_000_000, 4, b"raw4", &[]),
        LE.enhanced(0, 8_000_000, 4, b"eth4", &[]),
        BE.section(),
        BE.interface(276, 0, &[(9, &[0x80]), (14, &100i64.to_be_bytes()), (0, &[])]),
        BE.enhanced(0, 9, 3, b"sll", &[]),
        LE.section(),
        LE.interface(1, 0, &[(14, &(-1i64).to_le_bytes())]),
        LE.enhanced(0, 2_000_000, 1, b"e", &[]),
    ]
    .concat();
    let (frames, stats) = read_all(&bytes);
    let seen: Vec<_> = frames.iter().map(|f| (f.index.id.number(), f.index.interface, f.index.link.0, f.index.at, &f.bytes[..])).collect();
    assert_eq!(
        seen,
        [
            (1, 1, 101, seconds(7), &b"raw4"[..]),
            (2, 0, 1, seconds(8), b"eth4"),
            (3, 2, 276, seconds(109), b"sll"),
            (4, 3, 1, seconds(1), b"e")
        ]
    );
    assert_eq!(stats.link_types, [LinkType::ETHERNET, LinkType::RAW, LinkType::LINUX_SLL2]);
    assert_eq!((stats.span, stats.damage), (Some((seconds(1), seconds(109))), None));
}

#[test]
fn the_other_packet_blocks() {
    let bytes = [
        BE.section(),
        BE.interface(1, 5, &[]),
        BE.simple(3, b"abc"),
        BE.obsolete(0, 2, 6_000_000, b"old"),
        BE.simple(1000, b"12345678"),
        BE.block(0x0bad, b"skipped"),
        BE.block(10, b"secrets"),
    ]
    .concat();
    let (frames, stats) = read_all(&bytes);
    let seen: Vec<_> = frames.iter().map(|f| (&f.bytes[..], f.index.wire, f.index.at)).collect();
    assert_eq!(seen, [(&b"abc"[..], 3, seconds(0)), (b"old", 3, seconds(6)), (b"12345", 1000, seconds(6))]);
    assert_eq!((stats.span, stats.dropped, stats.damage), (Some((seconds(6), seconds(6))), 2, None));
}

#[test]
fn frames_have_wireshark_s_numbers() {
    let packet = LE.enhanced(0, 1, 1, b"a", &[]);
    let bytes = [
        LE.section(),
        LE.block(0x0bad, b"pen."),
        LE.interface(1, 0, &[]),
        packet.clone(),
        LE.block(4, b"names"),
        LE.block(9, b"__REALTIME_TIMESTAMP=1\n"),
        packet.clone(),
        LE.statistics(0, 0, 0),
        LE.block(0x4000_0bad, b"pen."),
        packet.clone(),
        // decryption secrets, and what Wireshark does not know
        LE.block(10, b"TLSKsecrets."),
        LE.block(0x208, b"an event with flags"),
        LE.block(0x8000_0001, b"one's own"),
        // events of Sysdig
        LE.block(0x204, b"one"),
        LE.block(0x216, b"two"),
        LE.block(0x221, b"three"),
        packet,
    ]
    .concat();
    let (frames, stats) = read_all(&bytes);
    assert_eq!(frames.iter().map(|f| f.index.id.number()).collect::<Vec<_>>(), [2, 4, 6, 10]);
    assert_eq!(stats.packets, 4);
}

#[test]
fn drops_are_counted_once() {
    let start = [LE.section(), LE.interface(1, 0, &[]), LE.interface(1, 0, &[])].concat();
    let dropcount = |n: u64| [LE.option(1, b"comment"), LE.option(4, &LE.long(n)), LE.option(0, &[])].concat();
    let by_packets = [
        LE.enhanced(0, 1, 1, b"a", &dropcount(5)),
        LE.enhanced(1, 1, 1, b"a", &dropcount(2)),
        LE.obsolete(0, 0xffff, 1, b"b"),
        LE.obsolete(0, 3, 1, b"b"),
    ]
    .concat();
    assert_eq!(read_all(&[start.clone(), by_packets.clone()].concat()).1.dropped, 10);
    let by_statistics = [LE.statistics(0, 4, 4), LE.statistics(1, 0, 2), LE.statistics(0, 5, 4), LE.statistics(0, 1, 1)].concat();
    assert_eq!(read_all(&[start.clone(), by_statistics.clone()].concat()).1.dropped, 11);
    assert_eq!(read_all(&[start.clone(), by_packets, by_statistics.clone()].concat()).1.dropped, 11);
    let sections = [start.clone(), by_statistics.clone(), start.clone(), by_statistics].concat();
    assert_eq!(read_all(&sections).1.dropped, 22);
    let hostile = [LE.statistics(0, u64::MAX, u64::MAX), LE.statistics(1, u64::MAX, 1), LE.statistics(77, 1, 1), LE.block(5, b"")].concat();
    let (_, stats) = read_all(&[start, hostile].concat());
    assert_eq!((stats.dropped, stats.damage), (u64::MAX, None));
}

#[test]
fn capture_filters_are_told_inert() {
    let interface = |filter: &[u8]| LE.interface(1, 0, &[(11, filter)]);
    let bytes = [
        LE.section(),
        interface(b"\0port 443"),
        interface(b"\0port 443"),
        interface(b"\0"),
        interface(b"\x01\x28\0\0\0"),
        interface(b"\0a\x1b[31m"),
        interface(b""),
        interface(b"\x09?"),
    ]
    .concat();
    let (_, stats) = read_all(&bytes);
    assert_eq!(stats.filter.as_deref(), Some("port 443; BPF bytecode; a\\x1b[31m; a filter of kind 9"));
    let many: Vec<u8> = (0..100).flat_map(|n: u32| interface(format!("\0port {n}").as_bytes())).collect();
    let (_, stats) = read_all(&[LE.section(), many].concat());
    assert_eq!(stats.filter.unwrap().split("; ").count(), limits::CAPTURE_FILTERS);
}

#[test]
fn damage_is_where_the_block_begins() {
    let start = [LE.section(), LE.interface(1, 0, &[]), LE.enhanced(0, 1, 1, b"a", &[])].concat();
    let good = LE.enhanced(0, 2, 1, b"b", &[]);
    let mut disagrees = good.clone();
    let end = disagrees.len();
    disagrees[end - 4] ^= 4;
    let lying = |captured: u32| {
        let mut block = good.clone();
        block[20..24].copy_from_slice(&captured.to_le_bytes());
        block
    };
    let mut no_magic = LE.section();
    no_magic[8] = 0;
    let mut version = LE.section();
    version[12] = 2;
    let length = |value: u32| [LE.word(6), LE.word(value), LE.word(0)].concat();
    for (bad, reason) in [
        (LE.enhanced(1, 2, 1, b"b", &[]), "a packet of interface 1, and the section describes 1"),
        (disagrees, "bytes at its beginning and"),
        (length(30), "a block of 30 bytes: the length"),
        (length(8), "a block of 8 bytes"),
        (length(0), "a block of 0 bytes"),
        (length(0xffff_fff0), "are the most that is read"),
        (lying(5), "a packet of 5 bytes in a block that has room for 4"),
        (lying(u32::MAX), "a packet of 4294967295 bytes"),
        (LE.block(6, b"short"), "too short"),
        (LE.block(3, b""), "too short"),
        (LE.block(2, b"short"), "too short"),
        (LE.block(1, b"1234"), "too short"),
        (LE.block(0x0a0d_0d0a, &LE.word(0x1a2b_3c4d)), "section header that is too short"),
        (no_magic, "without a byte-order magic"),
        (version, "pcapng version 2.0"),
        ([LE.section(), LE.simple(1, b"x")].concat(), "a packet of interface 0, and the section describes 0"),
    ] {
        let before = if reason.contains("describes 0") { start.len() + LE.section().len() } else { start.len() };
        let (frames, stats) = read_all(&[start.clone(), bad, good.clone()].concat());
        let damage = stats.damage.unwrap();
        // behind a section that cannot be read nothing is known of the packets' interfaces
        let of_section = ["section header", "magic", "version", "describes 0"].iter().any(|word| reason.contains(word));
        let readable = if of_section { 1 } else { 2 };
        assert_eq!((frames.len(), damage.offset), (readable, before as u64), "{reason}");
        assert!(damage.reason.contains(reason), "{} / {reason}", damage.reason);
    }
}

#[test]
fn bad_options_end_the_options_alone() {
    let overrun = [LE.half(9), LE.half(200), vec![6; 4]].concat();
    let body = [LE.half(1), LE.half(0), LE.word(0), LE.option(2, b"eth0"), overrun.clone()].concat();
    let bytes = [LE.section(), LE.block(1, &body), LE.enhanced(0, 5_000_000, 1, b"a", &overrun)].concat();
    let (frames, stats) = read_all(&bytes);
    assert_eq!((frames[0].index.at, stats.dropped, stats.damage), (seconds(5), 0, None));
}

#[test]
fn interfaces_are_bounded_over_all_sections() {
    let half: Vec<u8> = [LE.section(), LE.interface(1, 0, &[]).repeat(limits::INTERFACES / 2)].concat();
    let (_, stats) = read_once(&[half.clone(), half.clone()].concat());
    assert_eq!(stats.damage, None);
    let over = [half.clone(), half.clone(), LE.interface(1, 0, &[])].concat();
    let (_, stats) = read_once(&over);
    assert_eq!(stats.damage.unwrap().offset, (half.len() * 2) as u64);
}

fn read_once(bytes: &[u8]) -> (Vec<crate::fact::FrameIndex>, crate::source::CaptureStats) {
    let reader = Box::new(std::io::Cursor::new(bytes.to_vec()));
    let mut source = crate::source::file::from_reader("test".to_owned(), 0, reader).unwrap();
    let (mut frames, mut block) = (Vec::new(), crate::fact::Block::default());
    while source.fill(&mut block).unwrap() == crate::source::Fill::More {
        frames.extend_from_slice(&block.frames);
    }
    frames.extend_from_slice(&block.frames);
    (frames, source.stats().clone())
}

#[test]
fn long_blocks_are_skipped_within_their_bound() {
    let long = LE.block(0x4444, &vec![0; limits::PCAPNG_BLOCK_BYTES - 12]);
    let bytes = [LE.section(), LE.interface(1, 0, &[]), long, LE.enhanced(0, 1, 1, b"a", &[])].concat();
    let (frames, stats) = read_once(&bytes);
    assert_eq!((frames.len(), stats.damage, stats.bytes), (1, None, bytes.len() as u64));
}

#[test]
fn a_cut_or_wrong_first_section_is_no_capture() {
    let section = LE.section();
    for cut in 4..section.len() {
        let said = refusal(&section[..cut]);
        assert!(said.contains(&format!("ends inside its section header, after {cut} bytes")), "{said}");
    }
    let mut wrong = section.clone();
    wrong[12] = 7;
    assert!(refusal(&wrong).contains("pcapng version 7.0"));
    let mut wrong = section.clone();
    wrong[9] = 0;
    assert!(refusal(&wrong).contains("byte-order magic"));
    let mut wrong = section.clone();
    wrong[7] = 0xff;
    assert!(refusal(&wrong).contains("are the most that is read"));
    let mut wrong = section;
    wrong[24] = 0x18;
    assert!(refusal(&wrong).contains("28 bytes at its beginning and 24 at its end"));
}
