//! The audit document and the flow records, field by field as the contract names them, over every fixture; and that the two agree.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use serde_json::Value;
use support::{Case, cases};

fn document(case: &Case) -> Value {
    case.audit(&["--json", "--hash"]).json()
}

fn flows(case: &Case) -> Vec<Value> {
    let mut arguments = case.arguments("flows");
    arguments.extend(["--json".to_owned(), case.capture()]);
    support::run(arguments).stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn is_one_of(value: &Value, words: &[&str]) -> bool {
    value.as_str().is_some_and(|word| words.contains(&word))
}

/// RFC 3339 with nanoseconds, UTC.
fn is_moment(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() == 30 && text.ends_with('Z') && text.as_bytes()[10] == b'T' && text.as_bytes()[19] == b'.')
}

fn is_endpoint(value: &Value) -> bool {
    value["ip"].as_str().is_some_and(|ip| ip.parse::<std::net::IpAddr>().is_ok()) && value["port"].is_u64()
}

fn has(object: &Value, fields: &[&str], place: &str) {
    for field in fields {
        assert!(!object[field].is_null(), "{place}: {field} is missing in {object}");
    }
}

#[test]
fn the_document_has_every_field() {
    const VERDICTS: &[&str] = &["pass", "fail", "inconclusive"];
    for case in cases() {
        let (d, name) = (document(&case), case.name());
        has(&d, &["schema", "tool", "verdict", "agent_conduct", "policies", "agents", "agents_inferred", "inputs"], &name);
        has(&d, &["coverage", "summary", "findings", "allowed", "exceptions"], &name);
        assert_eq!(d["schema"], "wirewitness.audit.v1");
        assert_eq!((&d["tool"]["name"], &d["tool"]["version"]), (&"wirewitness".into(), &env!("CARGO_PKG_VERSION").into()));
        assert!(is_one_of(&d["verdict"], VERDICTS) && is_one_of(&d["agent_conduct"], VERDICTS), "{name}");
        for policy in d["policies"].as_array().unwrap() {
            assert_eq!(policy["sha256"].as_str().unwrap().len(), 64, "{name}");
            has(policy, &["name"], &name);
        }
        for input in d["inputs"].as_array().unwrap() {
            has(input, &["path", "sha256", "format", "link_types", "packets", "bytes", "complete"], &name);
            if input["packets"] != 0 {
                assert!(is_moment(&input["first"]) && is_moment(&input["last"]), "{name}: {input}");
            }
        }
        has(&d["coverage"], &["packets", "ledger", "dropped", "truncated"], &name);
        let sum: u64 = d["coverage"]["ledger"].as_object().unwrap().values().map(|n| n.as_u64().expect("an integer a bucket")).sum();
        assert_eq!(d["coverage"]["packets"], sum, "{name}");
        let read: u64 = d["inputs"].as_array().unwrap().iter().map(|input| input["packets"].as_u64().unwrap()).sum();
        assert_eq!(read, sum, "{name}");
        for allowed in d["allowed"].as_array().unwrap() {
            has(allowed, &["destination", "port", "entry", "flows", "bytes"], &name);
        }
        for exception in d["exceptions"].as_array().unwrap() {
            has(exception, &["kind", "message"], &name);
        }
    }
}

#[test]
fn findings_have_every_field_and_add_up() {
    for case in cases() {
        let (d, name) = (document(&case), case.name());
        let (mut counts, mut worst) = ([0u64; 3], "pass");
        for (n, finding) in d["findings"].as_array().unwrap().iter().enumerate() {
            has(finding, &["id", "fingerprint", "rule", "name", "severity", "caused_by", "message", "agent", "subject"], &name);
            has(finding, &["flows", "examples", "controls", "help"], &name);
            assert_eq!(finding["id"], format!("F{}", n + 1), "{name}");
            assert!(is_one_of(&finding["caused_by"], &["agent", "peer", "environment"]), "{name}");
            match finding["severity"].as_str().unwrap() {
                "violation" => (counts[0], worst) = (counts[0] + 1, "fail"),
                "undetermined" if worst == "fail" => counts[1] += 1,
                "undetermined" => (counts[1], worst) = (counts[1] + 1, "inconclusive"),
                "notice" => counts[2] += 1,
                other => panic!("{name}: severity {other}"),
            }
            let examples = finding["examples"].as_array().unwrap();
            assert!(examples.len() <= 5, "{name}");
            for example in examples {
                assert!(is_endpoint(&example["initiator"]) && is_endpoint(&example["responder"]), "{name}: {example}");
                assert!(is_moment(&finding["first"]) && is_moment(&finding["last"]), "{name}: {finding}");
                has(example, &["transport", "filter"], &name);
                let packets = example["packets"].as_array().unwrap();
                assert!(!packets.is_empty(), "{name}: a finding without packets");
                for packet in packets {
                    let input = &d["inputs"][packet["input"].as_u64().unwrap() as usize];
                    let number = packet["number"].as_u64().unwrap();
                    assert!((1..=input["packets"].as_u64().unwrap()).contains(&number), "{name}: packet {number}");
                }
            }
            if finding["rule"] == "WW203" && name == "tls10-waived" {
                has(&finding["waiver"], &["reason", "until", "origin"], &name);
            }
        }
        let said = ["violation", "undetermined", "notice"].map(|severity| d["summary"]["findings"][severity].as_u64().unwrap());
        assert_eq!((said, d["verdict"].as_str().unwrap()), (counts, worst), "{name}");
    }
}

/// The fingerprint of a finding is the same in the next audit, and from another file with the same packets at other times.
#[test]
fn fingerprints_hold_no_times_and_no_packet_numbers() {
    let prints = |d: &Value| -> Vec<Value> { d["findings"].as_array().unwrap().iter().map(|f| f["fingerprint"].clone()).collect() };
    for name in ["plaintext-http", "name-not-allowed", "inbound-accepted", "tls10"] {
        let case = cases().into_iter().find(|case| case.name() == name).expect("the fixture");
        let (header, mut records) = support::records(&case.bytes());
        for record in &mut records {
            let seconds = u32::from_le_bytes(record[..4].try_into().unwrap());
            record[..4].copy_from_slice(&(seconds + 86_400).to_le_bytes());
        }
        // the noise at the start is left out, so that numbers move
        let noise = records.iter().position(|record| record[16 + 12..16 + 14] == [8, 6]).expect("ARP");
        records.remove(noise);
        let later = case.audit_bytes(&support::pcap(&header, &records), &["--json"]).json();
        assert_eq!(prints(&document(&case)), prints(&later), "{name}");
    }
}

#[test]
fn the_summary_counts_what_the_flow_records_say() {
    for case in cases() {
        let (summary, flows, name) = (document(&case)["summary"].clone(), flows(&case), case.name());
        assert_eq!(summary["flows"], flows.len(), "{name}");
        for direction in ["outbound", "inbound", "internal", "unrelated", "unknown"] {
            let count = flows.iter().filter(|flow| flow["direction"] == direction).count();
            assert_eq!(summary[direction], count, "{name}: {direction}");
        }
        let of_agents =
            |words: &[&str]| flows.iter().filter(|f| f["direction"] != "unrelated" && is_one_of(&f["encryption"], words)).count();
        assert_eq!(summary["encrypted"], of_agents(&["encrypted"]), "{name}");
        assert_eq!(summary["plaintext"], of_agents(&["plaintext", "mixed"]), "{name}");
        assert_eq!(summary["unrecognized"], of_agents(&["unrecognized"]), "{name}");
    }
}

#[test]
fn flow_records_use_the_words_of_the_contract() {
    const BASES: &[&str] = &["syn", "syn-ack", "handshake", "first-packet", "well-known-port", "unknown"];
    const STATES: &[&str] = &["attempted", "refused", "established", "closed", "reset", "partial"];
    const ENCRYPTION: &[&str] = &["encrypted", "plaintext", "mixed", "unrecognized", "none"];
    const VERDICTS: &[&str] = &["allowed", "violation", "undetermined", "notice", "not-judged"];
    for case in cases() {
        for flow in flows(&case) {
            let name = case.name();
            assert!(is_endpoint(&flow["initiator"]) && is_endpoint(&flow["responder"]), "{name}: {flow}");
            assert!(is_moment(&flow["first"]) && is_moment(&flow["last"]), "{name}: {flow}");
            let words = [("initiator_basis", BASES), ("state", STATES), ("encryption", ENCRYPTION), ("verdict", VERDICTS)];
            for (field, words) in words {
                assert!(is_one_of(&flow[field], words), "{name}: {field} in {flow}");
            }
            for tally in ["packets", "bytes"] {
                assert!(flow[tally]["sent"].is_u64() && flow[tally]["received"].is_u64(), "{name}: {tally} in {flow}");
            }
            if flow["protocol"] == "tls" && flow["encryption"] == "encrypted" {
                has(&flow["tls"], &["version", "cipher", "resumed", "ech", "ja3", "ja3s", "ja4"], &name);
            }
            let is_named = is_one_of(&flow["transport"], &["tcp", "udp", "sctp"]);
            assert!(!is_named || flow["community_id"].as_str().is_some_and(|id| id.starts_with("1:")), "{name}: {flow}");
            for asked in flow["dns"].as_array().into_iter().flatten() {
                has(asked, &["name", "type"], &name);
            }
            assert_eq!(flow["server_name"].is_null(), flow["server_name_source"].is_null(), "{name}: {flow}");
            let worst = is_one_of(&flow["verdict"], &["violation", "undetermined", "notice"]);
            assert_eq!(worst, !flow["rules"].as_array().unwrap().is_empty(), "{name}: {flow}");
        }
    }
}
