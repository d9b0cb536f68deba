//! The file readers against `pcap-file`, which shares no code with them, and against bytes that no writer would write.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::borrow::Cow;
use std::io::{self, Cursor, Read};
use std::time::Duration;

use pcap_file::pcap::{PcapHeader, PcapPacket, PcapReader, PcapTsResolution, PcapWriter};
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution};
use pcap_file::pcapng::blocks::section_header::SectionHeaderBlock;
use pcap_file::pcapng::{Block as PcapngBlock, PcapNgBlock, PcapNgReader, PcapNgWriter};
use pcap_file::{DataLink, Endianness};
use proptest::prelude::*;

use wirewitness::fact::{Block, FrameIndex};
use wirewitness::source::file::{from_reader, open};
use wirewitness::source::{CaptureStats, Fill, Source, SourceError};

/// What both readers can say of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Frame {
    nanos: i128,
    wire: u32,
    link: u32,
    bytes: Vec<u8>,
}

fn drain(source: &mut dyn Source) -> Vec<Frame> {
    let (mut frames, mut block) = (Vec::new(), Block::default());
    for sequence in 0.. {
        assert!(sequence < 1_000_000, "the source does not end");
        let fill = source.fill(&mut block).unwrap();
        for index in &block.frames {
            let FrameIndex { id, at, offset, captured, wire, link, .. } = *index;
            assert!(offset as usize + captured as usize <= block.bytes.len() && captured <= wire);
            assert!(id.number() > frames.len() as u64);
            let bytes = block.frame(index).to_vec();
            frames.push(Frame { nanos: at.as_nanos().into(), wire, link: link.0.into(), bytes });
        }
        if fill == Fill::End {
            break;
        }
    }
    assert_eq!(source.stats().packets, frames.len() as u64);
    frames
}

fn read(bytes: &[u8]) -> Result<(Vec<Frame>, CaptureStats), SourceError> {
    read_from(Cursor::new(bytes.to_vec()))
}

fn read_from(reader: impl Read + Send + 'static) -> Result<(Vec<Frame>, CaptureStats), SourceError> {
    let mut source = from_reader("test".to_owned(), 0, Box::new(reader))?;
    Ok((drain(source.as_mut()), source.stats().clone()))
}

/// Gives so many bytes a read.
struct Pieces(Cursor<Vec<u8>>, usize);

impl Read for Pieces {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let length = room.len().min(self.1);
        self.0.read(&mut room[..length])
    }
}

fn oracle_pcap(bytes: &[u8]) -> Vec<Frame> {
    let mut reader = PcapReader::new(bytes).unwrap();
    let link = u32::from(reader.header().datalink);
    let mut frames = Vec::new();
    while let Some(packet) = reader.next_packet() {
        let packet = packet.unwrap();
        let nanos = packet.timestamp().as_nanos() as i128;
        frames.push(Frame { nanos, wire: packet.orig_len(), link, bytes: packet.data().to_vec() });
    }
    frames
}

fn oracle_pcapng(bytes: &[u8]) -> Vec<Frame> {
    let mut reader = PcapNgReader::new(bytes).unwrap();
    let mut frames = Vec::new();
    while let Some(block) = reader.next_block() {
        let (block, state) = block.unwrap();
        if let PcapngBlock::EnhancedPacket(packet) = block {
            let link = u32::from(state.interfaces()[packet.interface_id as usize].linktype);
            let nanos = packet.timestamp.as_nanos() as i128;
            frames.push(Frame { nanos, wire: packet.original_len, link, bytes: packet.data.into_owned() });
        }
    }
    frames
}

#[derive(Clone, Debug)]
struct Packet {
    seconds: u32,
    nanos: u32,
    cut: u32,
    bytes: Vec<u8>,
}

fn packets() -> impl Strategy<Value = Vec<Packet>> {
    let packet = (any::<u32>(), 0..1_000_000_000u32, 0..3000u32, prop::collection::vec(any::<u8>(), 0..300));
    prop::collection::vec(packet.prop_map(|(seconds, nanos, cut, bytes)| Packet { seconds, nanos, cut, bytes }), 0..40)
}

fn order(big: bool) -> Endianness {
    if big { Endianness::Big } else { Endianness::Little }
}

fn write_pcap(packets: &[Packet], big: bool, nano: bool, link: u32) -> Vec<u8> {
    let ts_resolution = if nano { PcapTsResolution::NanoSecond } else { PcapTsResolution::MicroSecond };
    let header = PcapHeader { datalink: DataLink::from(link), endianness: order(big), ts_resolution, ..PcapHeader::default() };
    let mut writer = PcapWriter::with_header(Vec::new(), header).unwrap();
    for packet in packets {
        let at = Duration::new(packet.seconds.into(), packet.nanos);
        writer.write_packet(&PcapPacket::new(at, packet.bytes.len() as u32 + packet.cut, &packet.bytes[..]).unwrap()).unwrap();
    }
    writer.into_inner()
}

/// Resolutions that both sides can write the packets' times in: powers of ten, and of two.
const RESOLUTIONS: [(bool, u8); 6] = [(false, 0), (false, 6), (false, 9), (true, 0), (true, 20), (true, 29)];

/// Two sections, each with its own byte order and an interface of each resolution.
fn write_pcapng(packets: &[Packet], big: bool, offset: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (big, packets) in [(big, &packets[..packets.len() / 2]), (!big, &packets[packets.len() / 2..])] {
        let section = SectionHeaderBlock { endianness: order(big), ..SectionHeaderBlock::default() };
        let mut writer = PcapNgWriter::with_section_header(&mut bytes, section).unwrap();
        for (n, (binary, exponent)) in RESOLUTIONS.into_iter().enumerate() {
            let resolution = InterfaceTsResolution::new(binary, exponent).unwrap();
            let options = vec![
                InterfaceDescriptionOption::IfName(Cow::Borrowed("eth0")),
                InterfaceDescriptionOption::IfTsResol(resolution),
                InterfaceDescriptionOption::IfTsOffset(offset),
            ];
            let interface = InterfaceDescriptionBlock { linktype: DataLink::from(n as u32 + 100), snaplen: 0, options };
            writer.write_block(&interface.into_block()).unwrap();
        }
        for (n, packet) in packets.iter().enumerate() {
            let block = EnhancedPacketBlock {
                interface_id: (n % RESOLUTIONS.len()) as u32,
                // late enough to be a positive count of ticks whatever the offset
                timestamp: Duration::new(u64::from(packet.seconds) + 1_000_000_000, packet.nanos),
                original_len: packet.bytes.len() as u32 + packet.cut,
                data: Cow::Borrowed(&packet.bytes),
                options: vec![],
            };
            writer.write_block(&block.into_block()).unwrap();
        }
    }
    bytes
}

proptest! {
    #[test]
    fn pcap_reads_as_the_oracle_reads(packets in packets(), big: bool, nano: bool, link in 0..300u32) {
        let bytes = write_pcap(&packets, big, nano, link);
        let (frames, stats) = read(&bytes).unwrap();
        prop_assert_eq!(&frames, &oracle_pcap(&bytes));
        prop_assert_eq!((stats.bytes, stats.damage, stats.format), (bytes.len() as u64, None, if nano { "pcap-ns" } else { "pcap" }));
        let span = frames.iter().map(|f| f.nanos).min().zip(frames.iter().map(|f| f.nanos).max());
        prop_assert_eq!(stats.span.map(|(a, b)| (a.as_nanos().into(), b.as_nanos().into())), span);
    }

    #[test]
    fn pcapng_reads_as_the_oracle_reads(packets in packets(), big: bool, offset in -1_000_000_000..1_000_000_000i64) {
        let bytes = write_pcapng(&packets, big, offset);
        let (frames, stats) = read(&bytes).unwrap();
        prop_assert_eq!(frames, oracle_pcapng(&bytes));
        prop_assert_eq!((stats.bytes, stats.damage), (bytes.len() as u64, None));
    }

    #[test]
    fn pieces_change_nothing(packets in packets(), big: bool, piece in 1..100usize, ng: bool) {
        let bytes = if ng { write_pcapng(&packets, big, 0) } else { write_pcap(&packets, big, true, 1) };
        let whole = read(&bytes).unwrap();
        prop_assert_eq!(&read_from(Pieces(Cursor::new(bytes.clone()), piece)).unwrap(), &whole);
        prop_assert_eq!(&read_from(Pieces(Cursor::new(bytes), 1)).unwrap(), &whole);
    }

    #[test]
    fn a_cut_file_gives_every_whole_record(packets in packets(), big: bool, ng: bool, cut: prop::sample::Index) {
        let bytes = if ng { write_pcapng(&packets, big, 0) } else { write_pcap(&packets, big, false, 1) };
        let (whole, _) = read(&bytes).unwrap();
        let cut = cut.index(bytes.len() + 1);
        let header = if ng { 28 } else { 24 };
        match read(&bytes[..cut]) {
            Err(_) => prop_assert!(cut < header),
            Ok((frames, stats)) => {
                prop_assert_eq!(&frames[..], &whole[..frames.len()]);
                // what was not delivered begins where the damage is, and is not all there
                prop_assert_eq!(stats.damage.as_ref().map_or(cut as u64, |damage| damage.offset), stats.bytes);
                prop_assert!(stats.bytes <= cut as u64);
                prop_assert_eq!(stats.damage.is_none(), stats.bytes == cut as u64);
                let (again, full) = read(&bytes[..stats.bytes as usize]).unwrap();
                prop_assert_eq!((again, full.damage), (frames, None));
            }
        }
    }

    #[test]
    fn arbitrary_bytes_neither_panic_nor_hang(magic in 0..8usize, bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let magics: [&[u8]; 8] = [
            b"", b"\xd4\xc3\xb2\xa1\x02\0\x04\0", b"\xa1\xb2\xc3\xd4\0\x02\0\x04", b"\x4d\x3c\xb2\xa1\x02\0\x04\0",
            b"\x34\xcd\xb2\xa1\x02\0\x04\0", b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0",
            b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0",
            b"\x0a\x0d\x0d\x0a\0\0\0\x1c\x1a\x2b\x3c\x4d\0\x01\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\x1c",
        ];
        let _ = read(&[magics[magic], &bytes].concat());
    }

    #[test]
    fn mutated_captures_neither_panic_nor_hang(
        packets in packets(), big: bool, ng: bool, edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)
    ) {
        let mut bytes = if ng { write_pcapng(&packets, big, 7) } else { write_pcap(&packets, big, false, 1) };
        for (place, value) in edits {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let whole = read(&bytes).ok();
        let pieces = read_from(Pieces(Cursor::new(bytes), 13)).ok();
        prop_assert_eq!(whole, pieces);
    }
}

#[test]
fn a_file_reads_as_a_pipe_does() {
    let packets: Vec<Packet> =
        (0..5000).map(|n| Packet { seconds: n, nanos: n, cut: n % 7, bytes: vec![n as u8; n as usize % 1400] }).collect();
    for bytes in [write_pcap(&packets, false, true, 1), write_pcapng(&packets, true, 0)] {
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("readers-{}.pcap", bytes.len()));
        std::fs::write(&path, &bytes).unwrap();
        let mut source = open(&path, 3).unwrap();
        let frames = drain(source.as_mut());
        assert_eq!((frames, source.stats().clone()), read(&bytes).unwrap());
        std::fs::remove_file(&path).unwrap();
    }
}
