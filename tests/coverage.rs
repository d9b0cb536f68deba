//! Rules of the coverage family that no program's capture shows at will: what a file says of its losses, its damage, frames that cannot be
//! decoded, and memory that ran out. Each beside the same capture without the fault, which passes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use support::{Case, cases, pcap, records};

fn case(name: &str) -> Case {
    cases().into_iter().find(|case| case.name() == name).expect("the fixture")
}

/// Exit code and rules of these bytes in the place of a fixture's capture.
fn judged(case: &Case, bytes: &[u8], more: &[&str]) -> (i32, Vec<String>) {
    let run = case.audit_bytes(bytes, &[&["--json"], more].concat());
    assert!(run.code != 2, "{}", run.stderr);
    (run.code, run.rules(&["violation", "undetermined"]))
}

fn passes(case: &Case) {
    assert_eq!(judged(case, &case.bytes(), &[]), (0, Vec::new()));
}

fn undetermined(rule: &str) -> (i32, Vec<String>) {
    (3, vec![rule.to_owned()])
}

#[test]
fn a_drop_counter_is_ww901() {
    let case = case("pcapng");
    passes(&case);
    let mut bytes = case.bytes();
    // interface statistics (pcapng 4.6): interface 0, no time, isb_ifdrop (5) of 3, end of options
    let words = [5u32, 40, 0, 0, 0, 8 << 16 | 5, 3, 0, 0, 40];
    bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    assert_eq!(judged(&case, &bytes, &[]), undetermined("WW901"));
}

#[test]
fn a_frame_of_no_known_kind_is_ww903() {
    let case = case("tls13");
    passes(&case);
    let (header, mut frames) = records(&case.bytes());
    let mut odd = frames.last().unwrap().clone();
    // the EtherType, behind 16 bytes of record header
    odd[16 + 12..16 + 14].copy_from_slice(&[0x88, 0xb5]);
    frames.push(odd);
    assert_eq!(judged(&case, &pcap(&header, &frames), &[]), undetermined("WW903"));
}

#[test]
fn a_file_that_ends_in_a_record_is_ww907() {
    let case = case("tls13");
    let whole = case.bytes();
    let (_, frames) = records(&whole);
    // the half of a record that follows a whole capture
    let cut = [&whole[..], &frames[0][..20]].concat();
    assert_eq!(judged(&case, &cut, &[]), undetermined("WW907"));
}

#[test]
fn memory_that_runs_out_is_ww908() {
    let case = case("compliant-morning");
    passes(&case);
    let (code, rules) = judged(&case, &case.bytes(), &["--memory", "1"]);
    assert_eq!(code, 3);
    assert!(rules.contains(&"WW908".to_owned()), "{rules:?}");
}
