//! How fast the file readers index frames, with the bytes in memory: what is left is the readers' own cost and one copy.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::hint::black_box;
use std::io::Cursor;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

use wirewitness::fact::Block;
use wirewitness::source::Fill;
use wirewitness::source::file::from_reader;

const FRAMES: u64 = 200_000;

fn pcap(length: usize) -> Vec<u8> {
    let mut bytes = [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 262_144, 1].map(u32::to_le_bytes).concat();
    let frame = vec![0x5a; length];
    for n in 0..FRAMES as u32 {
        bytes.extend([1_700_000_000 + n / 1000, n % 1000, length as u32, length as u32].map(u32::to_le_bytes).concat());
        bytes.extend_from_slice(&frame);
    }
    bytes
}

fn pcapng(length: usize) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let total = (body.len() as u32 + 12).to_le_bytes();
        [&kind.to_le_bytes()[..], &total, body, &total].concat()
    };
    let mut bytes = block(0x0a0d_0d0a, &[0x1a2b_3c4du32, 1, u32::MAX, u32::MAX].map(u32::to_le_bytes).concat());
    bytes.extend(block(1, &[1u32, 262_144].map(u32::to_le_bytes).concat()));
    for n in 0..FRAMES {
        let ticks = 1_700_000_000_000_000 + n;
        let mut body = [0, (ticks >> 32) as u32, ticks as u32, length as u32, length as u32].map(u32::to_le_bytes).concat();
        body.resize(20 + length.next_multiple_of(4), 0x5a);
        bytes.extend(block(6, &body));
    }
    bytes
}

fn read(bytes: &'static [u8], block: &mut Block) -> u64 {
    let Ok(mut source) = from_reader("bench".to_owned(), 0, Box::new(Cursor::new(bytes))) else { return 0 };
    while let Ok(Fill::More) = source.fill(block) {
        black_box(&block.frames);
    }
    source.stats().packets
}

fn readers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reader");
    group.throughput(Throughput::Elements(FRAMES)).sample_size(20);
    for length in [64, 154, 1400] {
        for (format, bytes) in [("pcap", pcap(length)), ("pcapng", pcapng(length))] {
            let bytes: &'static [u8] = bytes.leak();
            let mut block = Block::default();
            assert_eq!(read(bytes, &mut block), FRAMES);
            group.bench_function(BenchmarkId::new(format, length), |bencher| bencher.iter(|| read(bytes, &mut block)));
        }
    }
    group.finish();
}

criterion_group!(benches, readers);
criterion_main!(benches);
