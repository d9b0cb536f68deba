//! What DNS costs: a question, and an answer of six records behind a canonical name, through a flow's inspection.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use wirewitness::fact::{End, FrameId, Locus, Timestamp};
use wirewitness::inspect::{Carrier, Inspection, Seen};

fn name(text: &str) -> Vec<u8> {
    let labels = text.split('.').flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat());
    labels.chain([0]).collect()
}

fn question(id: u16, flags: u16, answers: u16) -> Vec<u8> {
    let header: Vec<u8> = [id, flags, 1, answers, 0, 1].into_iter().flat_map(u16::to_be_bytes).collect();
    [&header[..], &name("login.service.example.com"), &[0, 1, 0, 1]].concat()
}

const OPT: [u8; 11] = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];

fn query(id: u16) -> Vec<u8> {
    [&question(id, 0x0100, 0)[..], &OPT].concat()
}

/// A canonical name and five addresses of it.
fn response(id: u16) -> Vec<u8> {
    let mut bytes = question(id, 0x8180, 6);
    let target = name("edge.cdn.example.net");
    bytes.extend([&[0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, target.len() as u8][..], &target].concat());
    let at = bytes.len() - target.len();
    for n in 0..5 {
        bytes.extend([0xc0 | (at >> 8) as u8, at as u8, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, n]);
    }
    [&bytes[..], &OPT].concat()
}

fn messages(c: &mut Criterion) {
    let at = |end| Locus { frame: FrameId::new(0, 1), at: Timestamp::default(), end };
    let (query_bytes, response_bytes) = (query(7), response(7));
    let mut out = Vec::new();
    let mut group = c.benchmark_group("dns");
    group.throughput(Throughput::Elements(2));
    group.bench_function("flow of a query and its answer", |b| {
        b.iter(|| {
            let mut inspection = Inspection::new(Carrier::Datagram);
            inspection.data(End::A, black_box(&query_bytes), &mut Seen::new(&mut out, at(End::A)));
            inspection.data(End::B, black_box(&response_bytes), &mut Seen::new(&mut out, at(End::B)));
            out.drain(..).count()
        });
    });
    let many: Vec<_> = (0..64).map(|id| (query(id), response(id))).collect();
    group.throughput(Throughput::Elements(128));
    group.bench_function("64 queries and answers in one flow", |b| {
        b.iter(|| {
            let mut inspection = Inspection::new(Carrier::Datagram);
            for (query, response) in &many {
                inspection.data(End::A, black_box(query), &mut Seen::new(&mut out, at(End::A)));
                inspection.data(End::B, black_box(response), &mut Seen::new(&mut out, at(End::B)));
            }
            out.drain(..).count()
        });
    });
    group.finish();
}

criterion_group!(benches, messages);
criterion_main!(benches);
