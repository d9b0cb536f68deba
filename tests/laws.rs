//! The laws of the design, over every fixture: the same bytes out however the audit is run, and nothing taken away makes a pass.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use support::{Case, cases, is_plain_pcap, pcap, records};

/// The document without what the contract excepts.
fn document(run: &support::Run) -> serde_json::Value {
    let mut document = run.json();
    for input in document["inputs"].as_array_mut().unwrap() {
        input["path"] = serde_json::Value::Null;
        input["format"] = serde_json::Value::Null;
    }
    document
}

#[test]
fn threads_pipes_and_hash_seeds_change_nothing() {
    for case in cases() {
        // every run draws new hash keys; a pipe cuts blocks where it likes
        let one = case.audit(&["--json", "--threads", "1"]);
        for threads in ["1", "2", "3", "8"] {
            let other = case.audit(&["--json", "--threads", threads]);
            assert_eq!(one.stdout, other.stdout, "{} with {threads} threads", case.name());
        }
        let piped = case.audit_bytes(&case.bytes(), &["--json", "--threads", "3"]);
        assert_eq!(document(&one), document(&piped), "{} from a pipe", case.name());
    }
}

#[test]
fn flows_are_the_same_on_any_number_of_threads() {
    for case in cases() {
        let flows = |threads: &str| {
            let mut arguments = case.arguments("flows");
            arguments.extend(["--json", "--threads", threads].map(str::to_owned));
            arguments.push(case.capture());
            support::run(arguments).stdout
        };
        let one = flows("1");
        for threads in ["2", "3", "8"] {
            assert_eq!(one, flows(threads), "{} with {threads} threads", case.name());
        }
    }
}

#[test]
fn tiny_budgets_are_deterministic_and_never_pass_what_did_not() {
    for case in cases() {
        for memory in ["1", "64K", "256K"] {
            let one = case.audit(&["--json", "--memory", memory, "--threads", "1"]);
            let many = case.audit(&["--json", "--memory", memory, "--threads", "3"]);
            assert_eq!(one.stdout, many.stdout, "{} in {memory}", case.name());
            let coverage = one.json()["coverage"].clone();
            let sum: u64 = coverage["ledger"].as_object().unwrap().values().filter_map(serde_json::Value::as_u64).sum();
            assert_eq!(Some(sum), coverage["packets"].as_u64(), "{} in {memory}", case.name());
            let verdict = one.json()["verdict"].clone();
            assert!(case.verdict == "pass" || verdict != "pass", "{} in {memory}: {verdict}", case.name());
            // nor is what was forgotten a violation; but text that is sent ahead of keys is text, where its start is forgotten
            let begins_as_text = ["ssh", "starttls"].iter().any(|part| case.name().contains(part));
            assert!(case.verdict == "fail" || verdict != "fail" || begins_as_text, "{} in {memory}: {verdict}", case.name());
        }
    }
}

/// What may be lost without a trace, by the law's own words: the only packets of a flow, lone datagrams, both ends' tails.
fn may_vanish(case: &Case) -> bool {
    let one_packet_each = [
        "inbound-ignored",
        "inbound-refused",
        "inbound-udp",
        "inbound-ping",
        "dial-refused-unknown",
        "query-not-allowed",
        "resolver-not-allowed",
        "plaintext-syslog-udp",
        "udp-early-elsewhere",
        "udp-early-port",
        // the frame that nobody can decode, and what is left of the last
        "undecoded",
        "capture-cut",
    ];
    one_packet_each.contains(&case.name().as_str())
}

/// Cases that a shorter capture makes harmless: what breaks the rule comes after a whole, compliant part.
fn verdict_of(case: &Case, bytes: &[u8]) -> String {
    let run = case.audit_bytes(bytes, &["--json"]);
    if run.code == 2 { "refused".to_owned() } else { run.json()["verdict"].as_str().unwrap().to_owned() }
}

#[test]
fn losing_a_packet_never_makes_a_pass() {
    // of those that are carried in other ways tests/faults.rs takes packets away
    for case in cases().iter().filter(|case| case.verdict != "pass" && !may_vanish(case) && !case.is_carried()) {
        let bytes = case.bytes();
        if !is_plain_pcap(&bytes) {
            continue;
        }
        let (header, frames) = records(&bytes);
        for lost in 0..frames.len() {
            let mut left = frames.clone();
            left.remove(lost);
            let verdict = verdict_of(case, &pcap(&header, &left));
            assert_ne!(verdict, "pass", "{} without packet {}", case.name(), lost + 1);
        }
    }
}

#[test]
fn cutting_payload_away_never_makes_a_pass() {
    for case in cases().iter().filter(|case| case.verdict != "pass") {
        let bytes = case.bytes();
        if !is_plain_pcap(&bytes) {
            continue;
        }
        let (header, frames) = records(&bytes);
        for snap in [34usize, 54, 66, 90, 128, 200] {
            let cut: Vec<Vec<u8>> = frames
                .iter()
                .map(|frame| {
                    let kept = (frame.len() - 16).min(snap);
                    let mut cut = frame[..16 + kept].to_vec();
                    cut[8..12].copy_from_slice(&(kept as u32).to_le_bytes());
                    cut
                })
                .collect();
            let verdict = verdict_of(case, &pcap(&header, &cut));
            assert_ne!(verdict, "pass", "{} with a snap length of {snap}", case.name());
        }
    }
}

#[test]
fn a_file_cut_anywhere_is_judged_to_the_cut_and_never_passes() {
    for case in cases().iter().filter(|case| !case.is_carried()) {
        let bytes = case.bytes();
        if !is_plain_pcap(&bytes) || bytes.len() < 26 {
            continue;
        }
        let (_, frames) = records(&bytes);
        let ends: Vec<usize> = frames.iter().scan(24, |at, frame| Some(std::mem::replace(at, *at + frame.len()))).collect();
        for tenth in 0..10 {
            let cut = 25 + (bytes.len() - 26) * tenth / 10;
            if ends.contains(&cut) {
                continue;
            }
            let run = case.audit_bytes(&bytes[..cut], &["--json"]);
            assert!(matches!(run.code, 1 | 3), "{} cut at {cut}: exit {}", case.name(), run.code);
            assert!(run.stdout.contains("WW907"), "{} cut at {cut}", case.name());
        }
    }
}
