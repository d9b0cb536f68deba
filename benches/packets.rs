//! What a packet costs before anything is read in it: decode alone, and decode with the flow table.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench fails by panicking")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use etherparse::PacketBuilder;
use wirewitness::decode;
use wirewitness::fact::{End, Finish, FrameId, LinkType, Locus, Timestamp};
use wirewitness::flow::{Attempted, Brief, Ended, FlowKey, FlowTable, Rider};

/// Rides along and reads nothing.
struct Nobody;

impl Rider for Nobody {
    type Shared = u64;
    type Known = ();
    fn agents(_: &u64, _: &decode::Packet<'_>, _: End) -> [bool; 2] {
        [true, false]
    }
    fn board(_: &u64, _: &FlowKey, _: [bool; 2]) -> Option<Self> {
        Some(Self)
    }
    fn data(&mut self, _: &mut u64, _: &[u8], _: Locus) -> usize {
        0
    }
    fn beginning(&mut self, _: &mut u64, _: &[u8], _: u64, _: Locus) {}
    fn gap(&mut self, _: &mut u64, _: u64, _: bool, _: Locus) {}
    fn again(&mut self, _: &mut u64, _: &[u8], _: Locus) {}
    fn passed_over(&mut self, _: &mut u64, _: &[u8], _: Locus) {}
    fn conflict(&mut self, _: &mut u64, _: Locus) {}
    fn finish(&mut self, _: &mut u64, _: Finish, _: Locus) {}
    fn is_complete(&self) -> bool {
        false
    }

    fn is_settled(&self) -> bool {
        true
    }
    fn opener(&self) -> Option<End> {
        None
    }
    fn memory(&self) -> usize {
        0
    }
    fn ended(shared: &mut u64, _: Ended, _: Option<Self>) {
        *shared += 1;
    }
    fn ended_attempt(shared: &mut u64, _: &Attempted, _: Finish) {
        *shared += 1;
    }
    fn brief(_: &mut u64, _: &FlowKey, _: [bool; 2], _: &decode::Packet<'_>, _: Locus) -> Option<()> {
        None
    }
    fn known_bytes(_: &()) -> usize {
        0
    }
    fn answer(_: &mut u64, _: &mut Brief<()>, _: &[u8], _: Locus) -> bool {
        false
    }
    fn grow(_: Brief<()>) -> Self {
        Self
    }
    fn ended_brief(shared: &mut u64, _: Brief<()>, _: Finish) {
        *shared += 1;
    }
}

fn segments(flows: u16, each: u32, syn: bool) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for n in 0..each {
        for flow in 0..flows {
            let tcp =
                PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4([10, 0, 0, 4], [192, 0, 2, 1], 64).tcp(1024 + flow, 443, 1 + n * 512, 1000);
            let tcp = if syn { tcp.syn() } else { tcp.ack(7) };
            let mut bytes = Vec::new();
            tcp.write(&mut bytes, if syn { &[][..] } else { &[7; 512] }).unwrap();
            out.push(bytes);
        }
    }
    out
}

fn decoding(c: &mut Criterion) {
    let frames = segments(64, 16, false);
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Elements(frames.len() as u64));
    group.bench_function("ethernet ipv4 tcp", |b| {
        b.iter(|| {
            for frame in &frames {
                let _ = black_box(decode::packet(LinkType::ETHERNET, frame, frame.len() as u32));
            }
        });
    });
    group.finish();
}

fn tracking(c: &mut Criterion) {
    let mut group = c.benchmark_group("flow");
    for (name, frames) in [("established", segments(64, 16, false)), ("attempts", segments(50_000, 1, true))] {
        group.throughput(Throughput::Elements(frames.len() as u64));
        group.bench_function(name, |b| {
            b.iter_batched_ref(
                || (0u64, FlowTable::<Nobody>::new(1 << 30, 1)),
                |(shared, table)| {
                    for (n, frame) in frames.iter().enumerate() {
                        if let Ok(packet) = decode::packet(LinkType::ETHERNET, frame, frame.len() as u32) {
                            table.track(
                                shared,
                                &packet,
                                FlowKey::of(&packet),
                                None,
                                FrameId::new(0, n as u64 + 1),
                                Timestamp::from_nanos(n as i64 * 1000),
                            );
                        }
                    }
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, decoding, tracking);
criterion_main!(benches);
