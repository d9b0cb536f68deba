//! Every fixture is judged as its `case.toml` says, and reads as its `report.txt` does. `BLESS=1 cargo test --test cases` writes the
//! reports anew; the diff is then for a person to read.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;

use support::{Case, cases, run};
use wirewitness::decode::{LINKS, TUNNELS};
use wirewitness::judge::rules::RULES;

#[test]
fn every_fixture_is_judged_as_it_says() {
    let mut wrong = Vec::new();
    for case in cases() {
        let run = case.audit(&["--json"]);
        let document = run.json();
        let verdict = document["verdict"].as_str().unwrap_or_default();
        let code = match verdict {
            "pass" => 0,
            "fail" => 1,
            "inconclusive" => 3,
            _ => -1,
        };
        let found = (verdict.to_owned(), run.rules(&["violation", "undetermined"]), run.rules(&["notice"]), run.code);
        let sorted = |rules: &[String]| {
            let mut rules = rules.to_vec();
            rules.sort();
            rules
        };
        let expected = (case.verdict.clone(), sorted(&case.rules), sorted(&case.notices), code);
        if found != expected {
            wrong.push(format!("{}: expected {expected:?}, found {found:?}", case.name()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_fixture_reads_as_its_report() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    for case in cases() {
        let report = case.audit(&["--color", "never"]).stdout;
        let file = case.folder.join("report.txt");
        if bless {
            std::fs::write(&file, &report).unwrap();
        } else if std::fs::read_to_string(&file).unwrap_or_default() != report {
            wrong.push(format!("{}\n{report}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "these reports differ (BLESS=1 writes them anew):\n{}", wrong.join("\n"));
}

#[test]
fn the_ledger_closes_on_every_fixture() {
    for case in cases() {
        let coverage = case.audit(&["--json"]).json()["coverage"].clone();
        let sum: u64 = coverage["ledger"].as_object().unwrap().values().filter_map(serde_json::Value::as_u64).sum();
        assert_eq!(Some(sum), coverage["packets"].as_u64(), "{}", case.name());
    }
}

/// Rules that no program's capture shows at will: tests/coverage.rs holds them against captures of fixtures that it changes.
const BROKEN_ELSEWHERE: &[(&str, &str)] = &[
    ("WW901", "a capture that drops packets is too large to keep, so a drop counter is added to one that lost none"),
    ("WW908", "memory runs out by --memory, which is no part of a fixture"),
];

/// Rules whose finding is a violation wherever there is one, with the reason.
const NEVER_OPEN: &[(&str, &str)] = &[
    ("WW102", "an attempt is a packet that was seen; where its SYN may be missing, WW103 speaks"),
    ("WW203", "a version is read or it is not; where it is not, WW206 speaks"),
    ("WW204", "a suite is read or it is not; where it is not, WW206 speaks"),
    ("WW401", "the question shows who is asked"),
    ("WW911", "a waiver ends by the packets' own times, which are always known"),
];

/// What a fixture shows: findings as rule and severity, and flows as rules broken, direction, transport, and the ports of responder and
/// initiator.
struct Shown {
    case: Case,
    findings: Vec<(String, String)>,
    flows: Vec<(Vec<String>, [String; 4])>,
}

impl Shown {
    fn of(case: Case) -> Self {
        let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let document = case.audit(&["--json"]).json();
        let findings = document["findings"].as_array().unwrap().iter().map(|f| (word(&f["rule"]), word(&f["severity"]))).collect();
        let mut arguments = case.arguments("flows");
        arguments.extend(["--json".to_owned(), case.capture()]);
        let flow = |line: &str| {
            let flow: serde_json::Value = serde_json::from_str(line).unwrap();
            let [responder, initiator] = ["responder", "initiator"].map(|end| flow[end]["port"].to_string());
            let kind = [word(&flow["direction"]), word(&flow["transport"]), responder, initiator];
            (flow["rules"].as_array().unwrap().iter().map(word).collect(), kind)
        };
        let flows = run(arguments).stdout.lines().map(flow).collect();
        Self { case, findings, flows }
    }

    fn has(&self, rule: &str, severity: &str) -> bool {
        self.findings.iter().any(|(r, s)| r == rule && s == severity)
    }

    /// Whether it has a flow like one that breaks the rule in `broken`; where no flow breaks it there, the capture as a whole does.
    fn is_like(&self, broken: &Self, rule: &str) -> bool {
        let mut breaking = broken.flows.iter().filter(|(rules, _)| rules.iter().any(|r| r == rule)).map(|(_, kind)| kind).peekable();
        // where it is not known who opened a flow, its responder is not known either
        let is_alike = |a: &[String; 4], b: &[String; 4]| match a[0].as_str() {
            "unknown" => a[1] == b[1] && a[2..].contains(&b[2]),
            _ => a[..3] == b[..3],
        };
        let is_found = |kind: &[String; 4]| self.flows.iter().any(|(_, own)| is_alike(kind, own));
        broken.case.agents.iter().all(|agent| self.case.agents.contains(agent)) && (breaking.peek().is_none() || breaking.any(is_found))
    }
}

/// Each rule in force has a fixture that breaks it, one beside it that keeps it in a situation like that, and, where evidence that was lost
/// can leave it open, one that does.
#[test]
fn every_rule_is_broken_kept_and_left_open_by_fixtures() {
    let shown: Vec<Shown> = cases().into_iter().map(Shown::of).collect();
    let mut wrong = Vec::new();
    for rule in RULES {
        let (code, severity) = (rule.code, rule.severity.as_str());
        let is_listed = |list: &[(&str, &str)]| list.iter().any(|(listed, _)| *listed == code);
        if shown.iter().any(|s| s.has(code, severity)) == is_listed(BROKEN_ELSEWHERE) {
            wrong.push(format!("{code}: it must be broken by a fixture, or else be listed with a reason"));
        }
        let is_open = shown.iter().any(|s| s.case.verdict == "inconclusive" && s.has(code, "undetermined"));
        if severity == "violation" && is_open == is_listed(NEVER_OPEN) {
            wrong.push(format!("{code}: it must be left open by a fixture, or else be listed with a reason"));
        }
        let keeping = shown.iter().filter_map(|s| Some((s, s.case.keeps.get(code)?)));
        if keeping.clone().count() == 0 && !is_listed(BROKEN_ELSEWHERE) {
            wrong.push(format!("{code}: no fixture keeps it"));
        }
        for (kept, beside) in keeping {
            let name = kept.case.name();
            let Some(broken) = shown.iter().find(|s| s.case.name() == *beside && s.has(code, severity)) else {
                wrong.push(format!("{name}: {beside} does not break {code}"));
                continue;
            };
            if kept.case.verdict != "pass" || kept.has(code, severity) || kept.has(code, "undetermined") {
                wrong.push(format!("{name}: it does not keep {code}"));
            }
            if !kept.is_like(broken, code) {
                wrong.push(format!("{name}: it has no flow like those that break {code} in {beside}"));
            }
        }
    }
    for (case, code) in shown.iter().flat_map(|s| s.case.keeps.keys().map(move |code| (&s.case, code))) {
        if !RULES.iter().any(|rule| rule.code == code) {
            wrong.push(format!("{}: {code} is no rule", case.name()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A flow record of every fixture is whole by the contract.
#[test]
fn flows_of_every_fixture_are_well_formed() {
    for case in cases() {
        let mut arguments = case.arguments("flows");
        arguments.extend(["--json".to_owned(), case.capture()]);
        let run = run(arguments);
        assert_eq!(run.code, 0, "{}: {}", case.name(), run.stderr);
        for line in run.stdout.lines() {
            let flow: serde_json::Value = serde_json::from_str(line).unwrap();
            for field in [
                "input",
                "first_packet",
                "first",
                "last",
                "transport",
                "initiator",
                "responder",
                "initiator_basis",
                "direction",
                "packets",
                "bytes",
                "state",
                "protocol",
                "encryption",
                "verdict",
                "rules",
            ] {
                assert!(!flow[field].is_null(), "{}: {field} is missing in {line}", case.name());
            }
        }
    }
}

#[test]
fn fixtures_are_small() {
    let size = |case: &Case| case.bytes().len();
    let total: usize = cases().iter().map(size).sum();
    assert!(total < 5 << 20, "{total} bytes");
}

/// Each link type and tunnel that is read, each format of files and each compression has a fixture that passes and one that fails; those of
/// `fixtures/carried` are made from one list.
#[test]
fn every_way_a_packet_arrives_has_fixtures() {
    let texts = |value: &serde_json::Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    };
    let mut shown = [BTreeSet::new(), BTreeSet::new()];
    for case in cases().iter().filter(|case| ["pass", "fail"].contains(&case.verdict.as_str())) {
        let shown = &mut shown[usize::from(case.verdict == "fail")];
        let document = case.audit(&["--json"]).json();
        let input = &document["inputs"][0];
        shown.extend(texts(&input["link_types"]).into_iter().map(|link| format!("link type {link}")));
        for key in ["format", "compression"] {
            shown.extend(input[key].as_str().map(|name| format!("{key} {name}")));
        }
        let mut arguments = case.arguments("flows");
        arguments.extend(["--json".to_owned(), case.capture()]);
        for line in run(arguments).stdout.lines() {
            let flow: serde_json::Value = serde_json::from_str(line).unwrap();
            let layers = flow["tunnel"].as_array().cloned().unwrap_or_default();
            shown.extend(layers.iter().map(|layer| format!("tunnel {}", layer["tunnel"].as_str().unwrap())));
        }
    }
    let formats = ["pcap", "pcap-ns", "pcap-modified", "pcapng", "snoop", "netmon2"].map(|name| format!("format {name}"));
    let compressions = ["gzip", "zstd", "lz4", "xz", "bzip2"].map(|name| format!("compression {name}"));
    let wanted = LINKS.iter().map(|format| format!("link type {}", format.link.name()));
    let wanted = wanted.chain(TUNNELS.iter().map(|format| format!("tunnel {}", format.tunnel.name())));
    for wanted in wanted.chain(formats).chain(compressions) {
        assert!(shown.iter().all(|shown| shown.contains(&wanted)), "{wanted} has no fixture that passes, or none that fails");
    }
}
