//! Captures that suffer on the way: every fixture through a source that loses packets, cuts them, turns their bits and doubles them. What is not a
//! pass must not become one, the ledger closes, and the same seed gives the same document.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/fault.rs"]
mod fault;
mod support;

use std::sync::Arc;

use fault::{Fault, Faulty};
use support::{Case, cases};
use wirewitness::engine::{self, Config, Input, Observer};
use wirewitness::inspect::PROTOCOLS;
use wirewitness::judge::policy::{Agent, Known, Policy, parse_agent};
use wirewitness::judge::{Audit, Judge, Scope, Severity, Verdict};
use wirewitness::source::file;

struct Nobody;

impl Observer for Nobody {}

fn policy(case: &Case) -> Arc<Policy> {
    let protocols: Vec<&str> = PROTOCOLS.iter().map(|protocol| protocol.name).collect();
    let selectors = case.policies.iter().map(|name| {
        let path = case.folder.join(name);
        if path.exists() { path.to_string_lossy().into_owned() } else { name.clone() }
    });
    let selectors: Vec<String> = selectors.collect();
    Arc::new(Policy::load(&selectors, &Known { protocols: &protocols }, &|path| std::fs::read_to_string(path)).unwrap())
}

/// A case that is read again and again.
struct Subject {
    case: Case,
    policy: Arc<Policy>,
    agents: Vec<Agent>,
    bytes: Vec<u8>,
}

impl Subject {
    fn all() -> Vec<Self> {
        let subject = |case: Case| {
            let agents = case.agents.iter().map(|agent| parse_agent(agent).unwrap()).collect();
            Self { policy: policy(&case), agents, bytes: case.bytes(), case }
        };
        cases().into_iter().map(subject).collect()
    }

    fn audit(&self, fault: Option<(Fault, u64, u64)>, threads: usize) -> Audit {
        let bytes = self.bytes.clone();
        let open = move |n| {
            let source = file::from_reader("capture".to_owned(), n, Box::new(std::io::Cursor::new(bytes)))?;
            Ok(match fault {
                Some((fault, rarity, seed)) => Box::new(Faulty::new(source, fault, rarity, seed)),
                None => source,
            })
        };
        let input = Input { path: "capture".to_owned(), sha256: None, first: None, found: false, open: Box::new(open) };
        let judge = Judge::new(Arc::clone(&self.policy), self.case.agents.clone(), false, None);
        let scope = Scope::new(&self.agents).under(&self.policy);
        let audit = engine::run(vec![input], scope, judge, &Config { threads, ..Config::default() }, &mut Nobody).audit;
        let coverage = &audit.coverage;
        assert_eq!(coverage.ledger.values().sum::<u64>(), coverage.packets, "the ledger of {} closes", self.case.name());
        assert_eq!(coverage.packets, audit.inputs[0].packets, "{}", self.case.name());
        audit
    }
}

fn seeds() -> u64 {
    std::env::var("WIREWITNESS_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(12)
}

/// Audits every case that is no pass with every fault of a kind; names those that come to pass.
fn passes(fault: Fault, rarities: &[u64], excepted: &[&str]) -> (usize, Vec<String>) {
    let (mut tried, mut wrong) = (0, Vec::new());
    for subject in Subject::all().iter().filter(|subject| subject.case.verdict != "pass") {
        let name = subject.case.name();
        for seed in 0..seeds() {
            for &rarity in rarities {
                tried += 1;
                let audit = subject.audit(Some((fault, rarity, seed)), 1);
                if audit.verdict == Verdict::Pass && !excepted.contains(&name.as_str()) {
                    wrong.push(format!("{name}: {fault:?}, one in {rarity}, seed {seed}"));
                }
            }
        }
    }
    println!("{fault:?}: {tried} audits, {} pass that may not", wrong.len());
    (tried, wrong)
}

fn never_pass(fault: Fault, rarities: &[u64], excepted: &[&str]) {
    let (tried, wrong) = passes(fault, rarities, excepted);
    assert!(tried > 400 && wrong.is_empty(), "{wrong:#?}");
}

/// What breaks the rule is a packet or two, and when they are lost nothing shows that they were.
const LONE: &[&str] = &[
    "dial-refused-unknown",
    "inbound-ignored",
    "inbound-ping",
    "inbound-refused",
    "inbound-udp",
    "plaintext-syslog-udp",
    "query-not-allowed",
    "resolver-not-allowed",
    "udp-early-elsewhere",
    "udp-early-port",
    "undecoded",
];

/// What breaks the rule is a field of a few bits, or a length, that can be turned into another that is as good; only checksums show it, which
/// decide nothing.
const A_FEW_BITS: &[&str] = &["plaintext-after-close-notify", "stream-gap", "tls10", "weak-cipher-anonymous", "weak-cipher-null"];

#[test]
fn packets_that_are_lost_make_no_pass() {
    never_pass(Fault::Lose, &[10, 40], LONE);
}

#[test]
fn packets_that_are_cut_make_no_pass() {
    never_pass(Fault::Cut, &[1, 3, 10, 40], &[]);
}

#[test]
fn bits_that_are_turned_make_no_pass() {
    never_pass(Fault::Flip, &[1, 3, 10, 40], A_FEW_BITS);
}

/// A tap's own copies change nothing at all.
#[test]
fn packets_that_come_twice_change_no_verdict() {
    for subject in Subject::all() {
        let whole = subject.audit(None, 1);
        for seed in 0..seeds() {
            let audit = subject.audit(Some((Fault::Copy, 1 + seed % 4, seed)), 1);
            assert_eq!((audit.verdict, audit.summary.flows), (whole.verdict, whole.summary.flows), "{} ({seed})", subject.case.name());
        }
    }
}

/// What a snap length takes makes no violation of what complies. A lost answer of a resolver may: a lone datagram leaves no trace.
#[test]
fn what_is_cut_from_a_pass_makes_no_failure() {
    for subject in Subject::all().iter().filter(|subject| subject.case.verdict == "pass") {
        for seed in 0..seeds() {
            for rarity in [3, 10, 40] {
                let audit = subject.audit(Some((Fault::Cut, rarity, seed)), 1);
                assert_ne!(audit.verdict, Verdict::Fail, "{}: one in {rarity}, seed {seed}", subject.case.name());
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_document() {
    let document = |audit: &Audit| serde_json::to_string(audit).unwrap();
    for subject in Subject::all() {
        for (fault, seed) in Fault::ALL.into_iter().zip(70..) {
            let one = subject.audit(Some((fault, 5, seed)), 1);
            let many = subject.audit(Some((fault, 5, seed)), 3);
            assert_eq!(document(&one), document(&many), "{}: {fault:?}", subject.case.name());
        }
    }
}

/// What a snap length of 128 bytes leaves of each fixture, as docs/coverage.md tells it.
#[test]
fn a_snap_length_of_128_bytes_proves_what_the_document_says() {
    let judged = |name: &str| {
        let mut subject = Subject::all().into_iter().find(|subject| subject.case.name() == name).expect("the fixture");
        let (header, frames) = support::records(&subject.bytes);
        let cut = frames.iter().map(|frame| {
            let kept = (frame.len() - 16).min(128);
            [&frame[..8], &(kept as u32).to_le_bytes(), &frame[12..16 + kept]].concat()
        });
        subject.bytes = support::pcap(&header, &cut.collect::<Vec<_>>());
        let audit = subject.audit(None, 1);
        let rules: Vec<&str> = audit.findings.iter().filter(|f| f.severity == Severity::Violation).map(|f| f.rule).collect();
        (audit.verdict, rules)
    };
    // who opened what stands in headers
    assert_eq!(judged("inbound-refused"), (Verdict::Fail, vec!["WW102"]));
    assert_eq!(judged("inbound-accepted"), (Verdict::Fail, vec!["WW101"]));
    // so do addresses of dials, short queries, and the first line of a text
    assert_eq!(judged("resolver-not-allowed"), (Verdict::Fail, vec!["WW401"]));
    assert_eq!(judged("query-not-allowed"), (Verdict::Fail, vec!["WW402"]));
    assert_eq!(judged("plaintext-http"), (Verdict::Fail, vec!["WW201"]));
    // the names and choices of TLS do not
    for name in ["tls10", "weak-cipher-null", "address-not-allowed"] {
        assert_eq!(judged(name), (Verdict::Inconclusive, vec![]), "{name}");
    }
    for subject in Subject::all().iter().filter(|subject| subject.case.verdict == "pass") {
        let name = subject.case.name();
        let is_short = || support::records(&subject.bytes).1.iter().all(|frame| frame.len() <= 16 + 128);
        // small fragments lose nothing
        let (verdict, rules) = if support::is_plain_pcap(&subject.bytes) && !is_short() { judged(&name) } else { continue };
        let has_tls = subject.audit(None, 1).summary.encrypted > 0;
        let expected = if has_tls { Verdict::Inconclusive } else { verdict };
        assert_eq!((verdict, &rules[..]), (expected, &[][..]), "{name}");
    }
}
