//! The whole audit on one thread, from the bytes of a capture in memory to the document: many short sessions, and a few long ones.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench fails by panicking")]

#[path = "../tests/support/world/mod.rs"]
mod world;

use std::hint::black_box;
use std::io::Cursor;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wirewitness::engine::{self, Config, Input, Observer};
use wirewitness::inspect::PROTOCOLS;
use wirewitness::judge::policy::{Known, Policy, parse_agent};
use wirewitness::judge::{Audit, Judge, Scope, Verdict};
use wirewitness::source::file::from_reader;

use world::{Version, World};

struct Quiet;

impl Observer for Quiet {}

/// So many names, each resolved and then used for a session of `down` bytes.
fn capture(sessions: u8, down: usize) -> &'static [u8] {
    let mut world = World::default();
    let (agent, resolver) = ([10, 0, 0, 4].into(), [10, 0, 0, 2].into());
    for n in 0..sessions {
        let (name, address) = (format!("n{n}.his.arc.azure.com"), [203, 0, 113, n].into());
        world.resolve(agent, resolver, &name, &[], address);
        world.tls(agent, (address, 443), &name, if n % 2 == 0 { Version::Tls13 } else { Version::Tls12 }, 700, down);
    }
    world.pcap().leak()
}

fn audit(bytes: &'static [u8], policy: &Arc<Policy>) -> Audit {
    let agents = vec![parse_agent("10.0.0.4").unwrap()];
    let judge = Judge::new(Arc::clone(policy), agents.iter().map(ToString::to_string).collect(), false, None);
    let open = move |n| from_reader("bench".to_owned(), n, Box::new(Cursor::new(bytes)));
    let input = Input { path: "bench".to_owned(), sha256: None, first: None, found: false, open: Box::new(open) };
    engine::run(vec![input], Scope::new(&agents), judge, &Config::default(), &mut Quiet).audit
}

fn audits(criterion: &mut Criterion) {
    let protocols: Vec<&str> = PROTOCOLS.iter().map(|protocol| protocol.name).collect();
    let known = Known { protocols: &protocols };
    let policy = Policy::load(&["azure-arc".to_owned()], &known, &|path| std::fs::read_to_string(path));
    let policy = Arc::new(policy.map_err(|errors| errors.to_string()).unwrap());
    let mut group = criterion.benchmark_group("audit");
    for (name, bytes) in [("short sessions", capture(200, 5_000)), ("long sessions", capture(4, 4_000_000))] {
        let first = audit(bytes, &policy);
        assert_eq!(first.verdict, Verdict::Pass);
        group.throughput(Throughput::Elements(first.coverage.packets)).sample_size(20);
        group.bench_function(name, |bencher| bencher.iter(|| black_box(audit(bytes, &policy))));
    }
    group.finish();
}

criterion_group!(benches, audits);
criterion_main!(benches);
