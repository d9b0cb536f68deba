//! The laws of the design over every generated world, broken ones among them: the verdict is the one known by construction, and the bytes
//! are the same however the audit is run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/mutate/mod.rs"]
mod mutate;
mod support;
#[path = "support/world/mod.rs"]
mod world;

use mutate::audit::How;
use mutate::bases::{Base, fixtures, of_world};
use mutate::inject::INJECTIONS;
use mutate::scene::{Mutant, Scene, When};
use mutate::seeds;
use wirewitness::engine::Config;
use wirewitness::judge::Verdict;
use world::generate::generate;
use world::random::Random;

/// A world of a seed: compliant, or with a few violations; and its verdict.
fn world_of(seed: u64) -> (Mutant, Verdict) {
    let base: Base = of_world(&generate(seed));
    let mut random = Random::new(seed ^ 0x77);
    let mut mutant = Mutant::of(&base);
    let mut verdict = Verdict::Pass;
    for n in 0..seed % 4 {
        let injection = random.pick(INJECTIONS);
        let Some(mut scene) = Scene::new(&base, *random.pick(&When::ALL), random.one_in(2), seed) else { continue };
        scene.world = scene.world.clone().apart(20_000 + 3000 * n as u16);
        scene.mutant = mutant.clone();
        if (injection.inject)(&mut scene).is_some() {
            let silent = injection.expected.rules == ["WW909"];
            verdict = if silent { Verdict::Inconclusive } else { verdict.max(scene.expected.unwrap_or(injection.expected).verdict) };
            mutant = scene.done();
            if silent {
                break;
            }
        }
    }
    (mutant, verdict)
}

fn config(threads: usize, table_key: u64) -> Config {
    Config { threads, table_key, ..Config::default() }
}

#[test]
fn every_world_has_its_verdict() {
    let mut wrong = Vec::new();
    for seed in 0..seeds(60) {
        let (mutant, verdict) = world_of(seed);
        let found = mutant.audit();
        let frames = mutant.frames.len() + mutant.added.len();
        assert_eq!(found.audit.coverage.packets, frames as u64 - u64::from(mutant.file.cut > 0), "world {seed}: every frame is counted");
        if found.verdict() != verdict {
            wrong.push(format!("world {seed}: expected {verdict:?}, found {:?}{}", found.verdict(), found.told()));
        }
    }
    println!("worlds: {} made, {} have another verdict", seeds(60), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn threads_blocks_and_hash_seeds_change_nothing() {
    for seed in 0..seeds(24) {
        let (mutant, _) = world_of(seed);
        let one = mutant.audit().document();
        for threads in [1, 2, 3, 8] {
            for chunk in [usize::MAX, 4096, 333] {
                let how = How { config: config(threads, seed ^ chunk as u64), chunk };
                assert_eq!(one, mutant.audit_as(&how).document(), "world {seed} on {threads} threads in reads of {chunk}");
            }
        }
    }
}

/// Look-ups go a way of their own where nobody asks for their records: it must come to what the long way comes to.
#[test]
fn the_short_way_of_look_ups_changes_nothing() {
    let worlds = (0..seeds(60)).map(|seed| world_of(seed).0);
    let fixtures = fixtures().into_iter().map(|base| Mutant::of(&base));
    for (n, mutant) in worlds.chain(fixtures).enumerate() {
        let each_flow = How { config: Config { each_flow: true, ..config(1, 9) }, ..How::default() };
        assert_eq!(mutant.audit().document(), mutant.audit_as(&each_flow).document(), "capture {n}");
    }
}

/// The lanes' key is drawn anew for live traffic. It may change when idle flows are noticed, and nothing of what is found.
#[test]
fn another_key_of_the_lanes_finds_the_same() {
    for seed in 0..seeds(24) {
        let (mutant, _) = world_of(seed);
        let one = mutant.audit();
        for lane_key in [1, 0xdead_beef, u64::MAX] {
            let how = How { config: Config { lane_key, ..config(3, 9) }, ..How::default() };
            let other = mutant.audit_as(&how);
            assert_eq!((one.verdict(), &one.rules), (other.verdict(), &other.rules), "world {seed} with the key {lane_key}");
            assert_eq!(one.audit.coverage.ledger, other.audit.coverage.ledger, "world {seed} with the key {lane_key}");
        }
    }
}

#[test]
fn a_budget_is_kept_the_same_way_and_never_makes_a_pass() {
    for seed in 0..seeds(24) {
        let (mutant, verdict) = world_of(seed);
        for memory in [1, 64 << 10, 256 << 10, 1 << 20] {
            let how = |threads, chunk| How { config: Config { memory, ..config(threads, seed) }, chunk };
            let one = mutant.audit_as(&how(1, usize::MAX));
            assert_eq!(one.document(), mutant.audit_as(&how(3, 1000)).document(), "world {seed} in {memory} bytes");
            let is_told = one.audit.coverage.flows_evicted == 0 || one.rules.contains("WW908");
            assert!(is_told, "world {seed} forgets flows in {memory} bytes and does not say so");
            let passes = one.verdict() == Verdict::Pass;
            assert!(!passes || verdict == Verdict::Pass, "world {seed} passes in {memory} bytes");
        }
    }
}
