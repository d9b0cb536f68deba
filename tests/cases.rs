//! Every fixture is judged as its `case.toml` says, and reads as its `report.txt` does. `BLESS=1 cargo test --test cases` writes the
//! reports anew; the diff is then for a person to read.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use support::{Case, cases, run};

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

/// Each rule in force has a fixture that breaks it; those that no program's capture shows at will are in tests/coverage.rs.
#[test]
fn every_rule_has_its_fixture() {
    const ELSEWHERE: &[&str] = &["WW901", "WW903", "WW907", "WW908"];
    let shown: Vec<String> = cases().iter().flat_map(|case| case.rules.iter().chain(&case.notices).cloned().collect::<Vec<_>>()).collect();
    let listed = run(["rules", "list"]).stdout;
    let codes = listed.split_whitespace().filter(|word| word.len() == 5 && word.starts_with("WW") && word[2..].parse::<u16>().is_ok());
    let missing: Vec<&str> = codes.filter(|code| !shown.iter().any(|s| s == code) && !ELSEWHERE.contains(code)).collect();
    assert!(missing.is_empty(), "no fixture breaks {missing:?}");
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
