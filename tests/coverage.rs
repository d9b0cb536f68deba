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

/// The capture's records, each `seconds(n)` later than it was.
fn shifted(case: &Case, seconds: impl Fn(usize) -> i64) -> Vec<u8> {
    let (header, mut frames) = records(&case.bytes());
    for (n, frame) in frames.iter_mut().enumerate() {
        let at = i64::from(u32::from_le_bytes(frame[..4].try_into().unwrap()));
        frame[..4].copy_from_slice(&u32::try_from(at + seconds(n)).unwrap().to_le_bytes());
    }
    pcap(&header, &frames)
}

fn coverage(case: &Case, bytes: &[u8]) -> serde_json::Value {
    case.audit_bytes(bytes, &["--json"]).json()["coverage"].clone()
}

#[test]
fn each_agent_is_told_when_it_sent_and_received() {
    let case = case("tls13");
    let whole = coverage(&case, &case.bytes());
    let agent = &whole["agents"][0];
    assert_eq!(agent["address"], "10.77.0.4");
    let packets = |way: &serde_json::Value| way["packets"].as_u64().unwrap();
    assert_eq!(packets(&agent["sent"]) + packets(&agent["received"]), whole["ledger"]["judged"].as_u64().unwrap());
    for way in ["sent", "received"] {
        assert_eq!((&agent[way]["silences"], &whole[way]), (&0.into(), &agent[way]), "{way}");
        assert!(agent[way]["first"].as_str() <= agent[way]["last"].as_str());
    }
    assert_eq!((&whole["capture"]["packets"], &whole["clock"]["back"]["count"]), (&whole["packets"], &0.into()));
}

#[test]
fn silences_and_steps_of_the_clock_are_told() {
    let case = case("tls13");
    let half = records(&case.bytes()).1.len() / 2;
    let silent = coverage(&case, &shifted(&case, |n| if n < half { 0 } else { 7200 }));
    for seen in [&silent["capture"], &silent["sent"], &silent["agents"][0]["received"]] {
        assert_eq!((&seen["silences"], &seen["silence_seconds"]), (&1.into(), &60.into()), "{seen}");
        assert!(seen["longest_silences"][0]["from"].as_str() < seen["longest_silences"][0]["to"].as_str());
    }
    let clock = &silent["clock"];
    assert_eq!((&clock["forward"]["count"], &clock["back"]["count"]), (&1.into(), &0.into()));
    assert_eq!(clock["forward"]["first"]["number"], half + 1);
    // in the middle a clock is set back by two hours, and at the end on again
    let last = records(&case.bytes()).1.len() - 1;
    let back = shifted(&case, |n| if n < half || n == last { 0 } else { -7200 });
    let clock = &coverage(&case, &back)["clock"];
    assert_eq!((&clock["forward"]["count"], &clock["back"]["count"]), (&1.into(), &1.into()));
    assert!(case.audit_bytes(&back, &[]).stdout.contains("the capture's clock goes back by "));
}

/// The capture with a snap length.
fn snapped(case: &Case, length: usize) -> Vec<u8> {
    let (header, frames) = records(&case.bytes());
    let cut = |frame: &Vec<u8>| {
        let kept = (frame.len() - 16).min(length);
        [&frame[..8], &(kept as u32).to_le_bytes(), &frame[12..16 + kept]].concat()
    };
    pcap(&header, &frames.iter().map(cut).collect::<Vec<_>>())
}

#[test]
fn cuts_that_mattered_are_told_from_those_that_did_not() {
    let case = case("tls13");
    let all = coverage(&case, &snapped(&case, 128));
    assert!(all["truncated_needed"].as_u64().unwrap() > 0 && all["bytes_cut"].as_u64().unwrap() > 0, "{all}");
    let of_ways: u64 = ["sent", "received"].iter().map(|way| all[way]["bytes_cut"].as_u64().unwrap()).sum();
    assert_eq!(all["bytes_cut"], of_ways);
    // the last records are application data, of which the framing alone is asked
    let (header, frames) = records(&case.bytes());
    let of_agent = |frame: &&Vec<u8>| frame.len() > 16 + 200;
    let last = frames.iter().rfind(of_agent).unwrap();
    let place = frames.iter().position(|frame| frame == last).unwrap();
    let mut cut = frames.clone();
    let kept = last.len() - 16 - 40;
    cut[place] = [&last[..8], &(kept as u32).to_le_bytes(), &last[12..16 + kept]].concat();
    let one = coverage(&case, &pcap(&header, &cut));
    let counts = ["truncated", "truncated_agent", "truncated_needed", "bytes_cut"].map(|key| one[key].as_u64().unwrap());
    assert_eq!(counts, [1, 1, 0, 0], "{one}");
}
