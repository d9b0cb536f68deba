//! What TLS costs a flow: its hello once, and then a header a record.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

use wirewitness::fact::{End, FrameId, Locus, Timestamp};
use wirewitness::inspect::{Carrier, Inspection, Seen};

fn vector(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector(content)].concat()
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &vector(body)].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u32).to_be_bytes()[1..], body].concat()
}

/// A hello as browsers and agents send it, with a key share of this length: 32 bytes, or 1216 with a post-quantum one.
fn client_hello(share: usize) -> Vec<u8> {
    let name = b"telemetry.service.example.com";
    let extensions = [
        extension(43, &[4, 3, 4, 3, 3]),
        extension(10, &vector(&[0x11, 0xec, 0, 29, 0, 23, 0, 24])),
        extension(51, &vector(&[&[0, 29][..], &vector(&vec![0x5a; share])].concat())),
        extension(13, &vector(&[4; 18])),
        extension(45, &[1, 1]),
        extension(0, &vector(&[&[0][..], &vector(name)].concat())),
        extension(16, &vector(b"\x02h2\x08http/1.1")),
        extension(0xfe0d, &[0; 200]),
        extension(23, b""),
        extension(35, b""),
    ]
    .concat();
    let suites = vector(&[0x13, 0x01].repeat(17));
    record(22, &message(1, &[&[3, 3][..], &[7; 32], &[32], &[9; 32], &suites, &[1, 0], &vector(&extensions)].concat()))
}

/// Both ends' bytes up to the end of a TLS 1.3 handshake.
fn handshake() -> [(End, Vec<u8>); 3] {
    let body = [&[3, 3][..], &[9; 32], &[0], &[0x13, 0x01], &[0], &vector(&extension(43, &[3, 4]))].concat();
    let flight = [record(22, &message(2, &body)), record(20, &[1]), record(23, &[0xa5; 1200])].concat();
    [(End::A, client_hello(32)), (End::B, flight), (End::A, [record(20, &[1]), record(23, &[0xa5; 53])].concat())]
}

fn at(end: End) -> Locus {
    Locus { frame: FrameId::new(0, 1), at: Timestamp::default(), end }
}

fn hellos(c: &mut Criterion) {
    let mut group = c.benchmark_group("hello");
    for share in [32, 1216] {
        let hello = client_hello(share);
        group.throughput(Throughput::Bytes(hello.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(hello.len()), &hello, |b, hello| {
            let mut out = Vec::new();
            b.iter(|| {
                out.clear();
                let mut inspection = Inspection::new(Carrier::Stream);
                black_box(inspection.data(End::A, black_box(hello), &mut Seen::new(&mut out, at(End::A))));
            });
        });
    }
    group.finish();
}

fn handshakes(c: &mut Criterion) {
    let handshake = handshake();
    c.bench_function("handshake", |b| {
        let mut out = Vec::new();
        b.iter(|| {
            out.clear();
            let mut inspection = Inspection::new(Carrier::Stream);
            for (end, bytes) in &handshake {
                black_box(inspection.data(*end, black_box(bytes), &mut Seen::new(&mut out, at(*end))));
            }
        });
    });
}

/// Records whose bodies follow in other segments, and many records in one segment.
fn records(c: &mut Criterion) {
    let mut group = c.benchmark_group("records");
    for (name, length, records) in [("one in 16 KiB", 16_384, 1), ("one in 1 KiB", 1024, 64), ("one in 64 bytes", 64, 1024)] {
        let bulk = record(23, &vec![0xa5; length]).repeat(records);
        group.throughput(Throughput::Elements(records as u64));
        group.bench_function(name, |b| {
            let (mut inspection, mut out) = (Inspection::new(Carrier::Stream), Vec::new());
            for (end, bytes) in &handshake() {
                inspection.data(*end, bytes, &mut Seen::new(&mut out, at(*end)));
            }
            b.iter(|| black_box(inspection.data(End::A, black_box(&bulk), &mut Seen::new(&mut out, at(End::A)))));
        });
    }
    group.finish();
}

criterion_group!(benches, hellos, handshakes, records);
criterion_main!(benches);
