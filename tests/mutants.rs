//! Does the auditor see what was done? Passing captures are broken in every way that rules know, shaken in ways that mean nothing, and
//! robbed of evidence. `cargo test --release --test mutants -- --nocapture` prints the counts; `WIREWITNESS_SEEDS=200` makes a longer run
//! of it. `docs/oracle.md` says more.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/mutate/mod.rs"]
mod mutate;
mod support;
#[path = "support/world/mod.rs"]
mod world;

use mutate::bases::{Base, fixtures, worlds};
use mutate::harmless::HARMLESS;
use mutate::inject::{EXCEPTED, INJECTIONS, Injection};
use mutate::scene::{ANY, Expected, Mutant, Scene, When};
use mutate::seeds;
use mutate::taken::TAKEN;
use wirewitness::judge::Verdict;
use wirewitness::judge::rules::RULES;
use world::files::Kind;
use world::random::Random;
use world::wrappers::WRAPPERS;

fn bases(few: u64) -> Vec<Base> {
    let mut bases = worlds(seeds(few));
    bases.extend(fixtures());
    bases
}

/// A base with a violation in it, and what must come of it.
struct Broken {
    name: String,
    mutant: Mutant,
    is_lone: bool,
    expected: Expected,
    is_world: bool,
}

fn broken(base: &Base, injection: &Injection, when: When, v6: bool, seed: u64) -> Option<Broken> {
    let mut scene = Scene::new(base, when, v6, seed)?;
    // every wrapper and format has its turn
    scene.mutant.wrapper = &WRAPPERS[seed as usize % WRAPPERS.len()];
    scene.mutant.file.format = Kind::ALL[seed as usize / 3 % Kind::ALL.len()];
    (injection.inject)(&mut scene)?;
    let expected = scene.expected.unwrap_or(injection.expected);
    // where the policy itself lowers or waives a rule, breaking it is no violation
    let is_lowered = |rule: &&str| base.policy.severity.iter().any(|(code, ..)| code == rule);
    if expected.rules.iter().any(is_lowered) || !base.policy.waivers.is_empty() && expected.rules.contains(&"WW203") {
        return None;
    }
    let family = if v6 { "IPv6" } else { "IPv4" };
    let name = format!("{} in {} at the {when:?}, {family}, {}", injection.name, base.name, scene.mutant.wrapper.name);
    Some(Broken { name, expected, is_world: base.is_world, is_lone: injection.is_lone, mutant: scene.done() })
}

/// Every base with every violation, everywhere.
fn every_broken(few: u64, mut each: impl FnMut(Broken)) {
    let mut seed = 0;
    for base in bases(few) {
        for injection in INJECTIONS {
            for when in When::ALL {
                for v6 in [false, true] {
                    seed += 1;
                    if let Some(broken) = broken(&base, injection, when, v6, seed) {
                        each(broken);
                    }
                }
            }
        }
    }
}

fn fail_with(wrong: &[String]) {
    let shown = wrong.iter().take(40).map(String::as_str).collect::<Vec<_>>().join("\n  ");
    assert!(wrong.is_empty(), "{} are wrong:\n  {shown}", wrong.len());
}

#[test]
fn every_violation_is_seen() {
    let (mut tried, mut passed, mut wrong) = (0, 0, Vec::new());
    every_broken(6, |broken| {
        let found = broken.mutant.audit();
        tried += 1;
        passed += usize::from(found.verdict() == Verdict::Pass);
        let Expected { verdict, rules, also } = broken.expected;
        let all_found = rules.iter().all(|rule| found.rules.contains(rule));
        // of a world all is known, and so is that nothing else is wrong with it
        let nothing_else = !broken.is_world || also == ANY || found.rules.iter().all(|rule| rules.contains(rule) || also.contains(rule));
        if found.verdict() != verdict || !all_found || !nothing_else {
            wrong.push(format!(
                "{}: expected {verdict:?} {rules:?}, found {:?} {:?}{}",
                broken.name,
                found.verdict(),
                found.rules,
                found.told()
            ));
        }
    });
    println!("violations: {tried} mutants, {passed} still pass, {} are judged otherwise than they must be", wrong.len());
    fail_with(&wrong);
}

#[test]
fn what_means_nothing_changes_nothing() {
    let (mut tried, mut wrong) = (0, Vec::new());
    let mut seed = 0;
    for base in bases(12) {
        for harmless in HARMLESS.iter().filter(|harmless| !(harmless.turns_order && base.hangs_on_order)) {
            for wrapped in 0..2 {
                seed += 1;
                let mut random = Random::new(seed);
                let mut mutant = Mutant::of(&base);
                (harmless.perturb)(&mut mutant, &base, &mut random);
                if wrapped > 0 {
                    mutant.wrapper = random.pick(WRAPPERS);
                }
                let found = mutant.audit();
                tried += 1;
                if found.verdict() != Verdict::Pass {
                    let wrapper = mutant.wrapper.name;
                    wrong.push(format!("{} in {} ({seed}, {wrapper}): {:?}{}", harmless.name, base.name, found.verdict(), found.told()));
                }
            }
        }
    }
    println!("harmless: {tried} mutants, {} no longer pass", wrong.len());
    fail_with(&wrong);
}

#[test]
fn evidence_taken_away_never_makes_a_pass() {
    let (mut tried, mut wrong) = (0, Vec::new());
    let mut seed = 0;
    for base in bases(8) {
        for taken in TAKEN {
            for _ in 0..3 {
                seed += 1;
                let mut mutant = Mutant::of(&base);
                if (taken.take)(&mut mutant, &mut Random::new(seed)).is_none() {
                    continue;
                }
                let found = mutant.audit();
                tried += 1;
                let is_right = if taken.needed { found.verdict() == Verdict::Inconclusive } else { found.verdict() != Verdict::Fail };
                if !is_right {
                    wrong.push(format!("{} of {} ({seed}): {:?}{}", taken.name, base.name, found.verdict(), found.told()));
                }
            }
        }
    }
    every_broken(2, |broken| {
        seed += 1;
        let taken = &TAKEN[seed as usize % TAKEN.len()];
        let mut mutant = broken.mutant;
        if broken.is_lone || (taken.take)(&mut mutant, &mut Random::new(seed)).is_none() {
            return;
        }
        let found = mutant.audit();
        tried += 1;
        if found.verdict() == Verdict::Pass {
            wrong.push(format!("{} of {} ({seed}): pass", taken.name, broken.name));
        }
    });
    println!("taken away: {tried} mutants, {} pass that may not, or fail", wrong.len());
    fail_with(&wrong);
}

/// A rule that nobody breaks is a rule that nobody has tested.
#[test]
fn every_rule_has_its_injection() {
    for rule in RULES {
        let is_broken = INJECTIONS.iter().any(|injection| injection.expected.rules.contains(&rule.code));
        let is_excepted = EXCEPTED.iter().any(|(code, _)| *code == rule.code);
        assert!(is_broken != is_excepted, "{} needs a line in INJECTIONS, or in EXCEPTED with the reason why it can have none", rule.code);
    }
    for injection in INJECTIONS {
        let known = |code: &&&str| RULES.iter().any(|rule| rule.code == **code);
        assert!(injection.expected.rules.iter().all(|code| known(&code)), "{} breaks a rule that is not in force", injection.name);
        let bases = bases(6);
        let has_place = bases.iter().any(|base| {
            let mut moments = When::ALL.iter().flat_map(|when| [(when, false), (when, true)]);
            moments.any(|(when, v6)| broken(base, injection, *when, v6, 1).is_some())
        });
        assert!(has_place, "{} is never tried", injection.name);
    }
}
