//! `audit --explain-packet`: what is said of single packets is what the audit itself makes of them, on any number of threads.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use support::{Case, Run, cases, pcap, records, run};

fn case(name: &str) -> Case {
    cases().into_iter().find(|case| case.name() == name).expect("the fixture")
}

fn explained(case: &Case, packet: usize, more: &[&str]) -> Value {
    let asked = format!("{}:{packet}", case.capture());
    let run = case.audit(&[&["--json", "--explain-packet", &asked], more].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.json()
}

/// Of these bytes, as standard input.
fn of_bytes(case: &Case, bytes: &[u8], packet: usize, more: &[&str]) -> Value {
    let run = case.audit_bytes(bytes, &[&["--json", "--explain-packet", &format!("-:{packet}")], more].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.json()
}

/// The packets of a fixture fall in the buckets that its ledger has, each finding's packets say that it cites them, and threads change nothing.
#[test]
fn packets_add_up_to_the_ledger_and_know_their_findings() {
    for name in ["tls13", "vlan", "broadcast-noise", "plaintext-http", "inbound-refused", "snaplen", "other-hosts", "query-not-allowed"] {
        let case = case(name);
        let document = case.audit(&["--json"]).json();
        let packets = document["coverage"]["packets"].as_u64().unwrap() as usize;
        let mut buckets: BTreeMap<String, u64> = BTreeMap::new();
        let mut cited: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
        for packet in 1..=packets {
            let one = explained(&case, packet, &["--threads", "1"]);
            if packet % 5 == 0 {
                assert_eq!(one, explained(&case, packet, &["--threads", "3"]), "{name}:{packet}");
            }
            let bucket = one["bucket"].as_str().unwrap();
            *buckets.entry(bucket.to_owned()).or_default() += 1;
            assert_eq!(one["flow"].is_object(), ["judged", "unrelated", "duplicate"].contains(&bucket), "{name}:{packet}: {one}");
            assert!(!one["why"].as_str().unwrap().is_empty());
            cited.insert(packet as u64, one["cited"].as_array().unwrap().clone());
        }
        let ledger = document["coverage"]["ledger"].as_object().unwrap();
        let ledger: BTreeMap<String, u64> =
            ledger.iter().map(|(key, n)| (key.clone(), n.as_u64().unwrap())).filter(|(_, n)| *n > 0).collect();
        assert_eq!(buckets, ledger, "{name}");
        for finding in document["findings"].as_array().unwrap() {
            let examples = finding["examples"].as_array().unwrap().iter().flat_map(|example| example["packets"].as_array().unwrap());
            for packet in examples.chain(finding["packets"].as_array().into_iter().flatten()) {
                let number = packet["number"].as_u64().unwrap();
                assert!(cited[&number].iter().any(|cited| cited["rule"] == finding["rule"]), "{name}:{number} is cited by {finding}");
            }
        }
    }
}

#[test]
fn what_was_read_is_told_of_the_packet_that_held_it() {
    let case = case("tls13");
    let packets = records(&case.bytes()).1.len();
    let all: Vec<Value> = (1..=packets).map(|packet| explained(&case, packet, &[])).collect();
    let holds = |what: &str| {
        let found: Vec<&Value> = all.iter().filter(|one| one["read"].as_array().unwrap().iter().any(|read| read == what)).collect();
        assert_eq!(found.len(), 1, "{what}");
        found[0].clone()
    };
    let hello = holds("the name www.example.com is asked for");
    assert_eq!((&hello["flow"]["server_name"], &hello["sender"]["ip"]), (&"www.example.com".into(), &"10.77.0.4".into()));
    let answer = holds("the version chosen is TLS1.3");
    assert_eq!(answer["flow"], hello["flow"]);
    assert_ne!(answer["sender"], hello["sender"]);
    assert_eq!(holds("www.example.com A is answered")["flow"]["protocol"], "dns");
}

#[test]
fn a_copy_that_a_tap_made_is_a_duplicate_of_its_flow() {
    let case = case("tls13");
    let (header, mut frames) = records(&case.bytes());
    let first = frames.iter().position(|frame| frame.len() > 16 + 200).expect("a packet with payload");
    frames.insert(first + 1, frames[first].clone());
    let copy = of_bytes(&case, &pcap(&header, &frames), first + 2, &[]);
    let whole = of_bytes(&case, &pcap(&header, &frames), first + 1, &[]);
    assert_eq!((&copy["bucket"], &whole["bucket"]), (&"duplicate".into(), &"judged".into()));
    assert_eq!(copy["flow"], whole["flow"]);
    assert!(copy["read"].as_array().unwrap().is_empty());
}

/// A record with an IPv4 packet as two fragments of it.
fn fragments(record: &[u8]) -> [Vec<u8>; 2] {
    let (head, ip) = record.split_at(16 + 14);
    let total = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
    let cut = 24;
    let piece = |payload: &[u8], field: u16| {
        let mut header = ip[..20].to_vec();
        header[2..4].copy_from_slice(&((20 + payload.len()) as u16).to_be_bytes());
        header[6..8].copy_from_slice(&field.to_be_bytes());
        let mut out = [head, &header, payload].concat();
        let length = ((out.len() - 16) as u32).to_le_bytes();
        out[8..12].copy_from_slice(&length);
        out[12..16].copy_from_slice(&length);
        out
    };
    [piece(&ip[20..20 + cut], 0x2000), piece(&ip[20 + cut..total], cut as u16 / 8)]
}

#[test]
fn a_fragment_is_read_with_the_packet_that_it_is_part_of() {
    let case = case("tls13");
    let (header, frames) = records(&case.bytes());
    let place = frames.iter().position(|frame| frame.len() > 16 + 200).expect("a packet with payload");
    let mut in_pieces = frames.clone();
    in_pieces.splice(place..=place, fragments(&frames[place]));
    let bytes = pcap(&header, &in_pieces);
    for threads in ["1", "3"] {
        let first = of_bytes(&case, &bytes, place + 1, &["--threads", threads]);
        let last = of_bytes(&case, &bytes, place + 2, &["--threads", threads]);
        assert_eq!((&first["bucket"], &first["joined"]["number"]), (&"fragment_joined".into(), &(place + 2).into()), "{first}");
        assert_eq!((&last["bucket"], &last["joined"]), (&"judged".into(), &Value::Null));
        assert_eq!((&first["flow"], &first["read"]), (&last["flow"], &last["read"]));
        assert!(first["flow"].is_object());
    }
    // one that nothing completes
    in_pieces.remove(place + 1);
    let alone = of_bytes(&case, &pcap(&header, &in_pieces), place + 1, &[]);
    assert_eq!((&alone["bucket"], &alone["flow"]), (&"undecoded_fragment".into(), &Value::Null));
    assert_eq!(alone["cited"][0]["rule"], "WW903");
}

#[test]
fn what_is_left_out_cut_or_unknown_says_so() {
    let case = case("tls13");
    let (header, mut frames) = records(&case.bytes());
    let place = frames.iter().position(|frame| frame.len() > 16 + 200).expect("a packet with payload");
    let filtered = of_bytes(&case, &case.bytes(), place + 1, &["--filter", "udp"]);
    assert_eq!((&filtered["bucket"], &filtered["flow"]), (&"filtered_agent".into(), &Value::Null));
    frames[place].truncate(16 + 30);
    frames[place][8..12].copy_from_slice(&30u32.to_le_bytes());
    let cut = of_bytes(&case, &pcap(&header, &frames), place + 1, &[]);
    assert_eq!((&cut["bucket"], &cut["cited"][0]["rule"]), (&"undecoded_truncated".into(), &"WW902".into()));
    assert_eq!((&cut["packet"]["captured"], cut["packet"]["wire"].as_u64().unwrap() > 200), (&30.into(), true));
    // a flow that memory had to forget: the packet is judged, and says so
    let morning = cases().into_iter().find(|case| case.name() == "compliant-morning").unwrap();
    let packets = records(&morning.bytes()).1.len();
    let forgotten = (1..=packets).map(|packet| explained(&morning, packet, &["--memory", "1"]));
    assert!(forgotten.filter(|one| one["why"].as_str().unwrap().contains("memory limits")).count() > 0);
}

fn said(asked: &str, captures: &[&str]) -> Run {
    run([&["audit", "-a", "10.77.0.4", "--explain-packet", asked], captures].concat())
}

#[test]
fn a_packet_that_there_is_not_is_an_error() {
    let (one, other) = ("fixtures/tls13/capture.pcap", "fixtures/tls12/capture.pcap");
    let beyond = said(&format!("{one}:999"), &[one]);
    assert_eq!((beyond.code, beyond.stderr.contains("has no packet 999: 29 were read")), (2, true), "{}", beyond.stderr);
    assert!(said("capture.pcap:1", &[one, other]).stderr.contains("write more of its path"));
    assert!(said("elsewhere.pcap:1", &[one]).stderr.contains("none of the captures"));
    for wrong in ["capture.pcap", "capture.pcap:0", "capture.pcap:x"] {
        assert_eq!(said(wrong, &[one]).code, 2, "{wrong}");
    }
    let found = said("tls12/capture.pcap:3", &[one, other]);
    assert_eq!(found.code, 0, "{}", found.stderr);
    assert!(found.stdout.starts_with("packet  fixtures/tls12/capture.pcap:3, "), "{}", found.stdout);
    for label in ["bucket", "flow", "read", "cited"] {
        assert!(found.stdout.contains(&format!("\n{label}")), "{}", found.stdout);
    }
}
