//! Audits made by hand, for the formats' tests.

use std::collections::BTreeMap;

use crate::fact::{Endpoint, Timestamp};
use crate::judge::{
    AgentSeen, Allowed, Audit, CausedBy, Checked, Clock, Coverage, Example, Exception, Finding, FindingCounts, InputSummary, LIMITS,
    PacketRef, PolicyUsed, Presence, Severity, Silence, Steps, Summary, Tool, Verdict, WaiverUsed, Way,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_date(2026, 11, 24).plus_nanos(seconds * 1_000_000_000)
}

fn endpoint(ip: [u8; 4], port: u16) -> Endpoint {
    Endpoint { ip: ip.into(), port }
}

fn finding(id: &str, rule: &'static str, name: &'static str, severity: Severity) -> Finding {
    Finding {
        id: id.to_owned(),
        fingerprint: "0123456789abcdef".to_owned(),
        rule,
        name,
        severity,
        caused_by: CausedBy::Agent,
        message: String::new(),
        agent: "10.77.0.4".to_owned(),
        subject: String::new(),
        flows: 1,
        first: Some(at(36_000)),
        last: Some(at(36_310)),
        packets: Vec::new(),
        examples: Vec::new(),
        controls: Vec::new(),
        help: "Mend it.",
        waiver: None,
    }
}

fn example(initiator: Endpoint, responder: Endpoint, packets: &[(u32, u64)]) -> Example {
    Example {
        initiator,
        responder,
        transport: "tcp".to_owned(),
        server_name: None,
        packets: packets.iter().map(|&(input, number)| PacketRef { input, number }).collect(),
        filter: format!("ip.addr == {} && ip.addr == {} && tcp.port == {}", initiator.ip, responder.ip, responder.port),
    }
}

fn input(path: &str) -> InputSummary {
    InputSummary {
        path: path.to_owned(),
        sha256: None,
        format: "pcap",
        compression: None,
        link_types: vec!["ETHERNET".to_owned()],
        packets: 60,
        bytes: 45_678,
        first: Some(at(36_000)),
        last: Some(at(36_600)),
        complete: true,
        dropped: 0,
        damage: None,
        filter: None,
    }
}

/// Packets over ten minutes, with so many silences.
fn presence(packets: u64, silences: u64) -> Presence {
    let longest = (0..silences as i64).map(|n| Silence { from: at(36_100 + 200 * n), to: at(36_220 + 180 * n) });
    Presence {
        packets,
        first: Some(at(36_000)),
        last: Some(at(36_600)),
        silences,
        silence_seconds: 60,
        longest_silences: longest.collect(),
    }
}

/// An audit with one of everything that a report shows.
pub(super) fn audit() -> Audit {
    let agent = [10, 77, 0, 4];
    let mut accepted = finding("F1", "WW101", "inbound-accepted", Severity::Violation);
    accepted.message = "the agent answered a flow opened to its tcp port 22".to_owned();
    accepted.flows = 7;
    accepted.examples = (0..5u16)
        .map(|n| example(endpoint([203, 0, 113, 66], 51_234 + n), endpoint(agent, 22), &[(0, 12 + u64::from(n)), (0, 25), (1, 3)]))
        .collect();
    accepted.help =
        "Close or firewall the listening port. If the service is meant to be there, name it in an [[inbound]] entry of the policy.";
    let mut name = finding("F2", "WW302", "name-not-allowed", Severity::Violation);
    name.message =
        "the name telemetry.example.net was asked for, which the policy does not allow, and so on and on until the line is full".to_owned();
    name.examples = vec![Example {
        server_name: Some("telemetry.example.net".to_owned()),
        ..example(endpoint(agent, 40_000), endpoint([192, 0, 2, 7], 443), &[(0, 40)])
    }];
    let mut cut = finding("F3", "WW907", "capture-damaged", Severity::Undetermined);
    cut.message = "b.pcap: at byte 45678: the file ends inside a record".to_owned();
    cut.caused_by = CausedBy::Environment;
    cut.flows = 0;
    cut.first = None;
    cut.last = None;
    cut.packets = vec![PacketRef { input: 1, number: 60 }];
    cut.help = "Use the whole file; a capture that was killed rather than stopped ends so.";
    let mut waived = finding("F4", "WW203", "tls-version", Severity::Notice);
    waived.message = "legacy.example.net:443 negotiated TLS1.0, below 1.2".to_owned();
    waived.examples = vec![example(endpoint(agent, 40_001), endpoint([192, 0, 2, 8], 443), &[(0, 50)])];
    waived.waiver = Some(WaiverUsed {
        reason: "vendor upgrade due in Q1".to_owned(),
        until: Some("2027-03-31".to_owned()),
        origin: "lab:40".to_owned(),
    });
    let mut damaged = input("captures/b.pcap");
    damaged.complete = false;
    damaged.dropped = 4;
    damaged.damage = Some("at byte 45678: the file ends inside a record".to_owned());
    damaged.filter = Some("port 443".to_owned());
    Audit {
        schema: "wirewitness.audit.v1",
        tool: Tool { name: "wirewitness", version: "0.1.0" },
        verdict: Verdict::Fail,
        agent_conduct: Verdict::Fail,
        policies: vec![
            PolicyUsed { name: "azure-arc".to_owned(), sha256: "00".repeat(32), variables: Default::default() },
            PolicyUsed { name: "lab".to_owned(), sha256: "11".repeat(32), variables: Default::default() },
        ],
        agents: vec!["10.77.0.4".to_owned(), "fd77::4".to_owned()],
        agents_inferred: false,
        filter: None,
        inputs: vec![input("captures/a.pcap"), damaged],
        coverage: Coverage {
            packets: 123,
            ledger: BTreeMap::from([("judged".to_owned(), 100), ("unrelated".to_owned(), 20), ("noise_arp".to_owned(), 3)]),
            dropped: 4,
            truncated: 1,
            truncated_agent: 1,
            truncated_needed: 1,
            bytes_missing: 2048,
            bytes_cut: 300,
            checksums: Checked { good: 9, bad: 14, not_checked: 77 },
            flows_began_before: 2,
            flows_one_sided: 1,
            flows_evicted: 0,
            capture: presence(123, 1),
            clock: Clock {
                back: Steps { count: 2, largest_nanos: 3_000_000_000, first: Some(PacketRef { input: 1, number: 7 }) },
                forward: Steps::default(),
            },
            observed_seconds: 600,
            sent: Way { presence: presence(50, 2), bytes_missing: 2048, bytes_cut: 0, checksums_good: 0, checksums_bad: 12 },
            received: Way { presence: presence(50, 1), bytes_missing: 0, bytes_cut: 300, checksums_good: 9, checksums_bad: 2 },
            agents: vec![AgentSeen {
                address: agent.into(),
                flows: 11,
                first: at(36_000),
                last: at(36_600),
                sent: Some(Way { presence: presence(50, 2), bytes_missing: 2048, bytes_cut: 0, checksums_good: 0, checksums_bad: 12 }),
                received: Some(Way { presence: presence(50, 0), bytes_missing: 0, bytes_cut: 300, checksums_good: 9, checksums_bad: 2 }),
            }],
            agents_unseen: vec!["fd77::4".to_owned()],
        },
        summary: Summary {
            flows: 12,
            outbound: 4,
            inbound: 7,
            internal: 0,
            unrelated: 1,
            unknown: 0,
            encrypted: 3,
            plaintext: 1,
            unrecognized: 0,
            findings: FindingCounts { violation: 2, undetermined: 1, notice: 1 },
        },
        findings: vec![accepted, name, cut, waived],
        findings_beyond_limit: 0,
        allowed: vec![
            Allowed {
                destination: "10.77.0.2".to_owned(),
                port: 53,
                transport: "udp".to_owned(),
                entry: "resolver".to_owned(),
                flows: 2,
                bytes: 310,
            },
            Allowed {
                destination: "login.microsoftonline.com".to_owned(),
                port: 443,
                transport: "tcp".to_owned(),
                entry: "azure-arc:14 Hybrid identity".to_owned(),
                flows: 1,
                bytes: 123_456,
            },
        ],
        allowed_beyond_limit: 0,
        exceptions: vec![
            Exception { kind: "resolver", message: "plain DNS with the resolver 10.77.0.2".to_owned(), flows: 2 },
            Exception { kind: "waiver", message: "WW203 is waived by lab:40: vendor upgrade due in Q1".to_owned(), flows: 1 },
        ],
        controls: Vec::new(),
        limits: LIMITS.to_vec(),
    }
}

/// The same, with everything that is free text under an attacker's control.
pub(super) fn hostile() -> Audit {
    let evil = |what: &str| format!("{what}\x1b[2J\x1b]0;owned\x07\r\nFORGED PASS\u{202e}\u{9b}31m\u{feff}\u{2028}\u{e0041}\0\x7f");
    let mut audit = audit();
    audit.filter = Some(evil("filter"));
    audit.agents = vec![evil("agent")];
    audit.policies[0].name = evil("policy");
    for input in &mut audit.inputs {
        input.path = evil("path");
        input.filter = Some(evil("filter"));
        input.damage = Some(evil("damage"));
        input.link_types = vec![evil("link")];
    }
    audit.coverage.ledger = BTreeMap::from([(evil("bucket"), 3)]);
    audit.coverage.agents_unseen = vec![evil("agent")];
    for finding in &mut audit.findings {
        finding.message = evil("message");
        finding.subject = evil("subject");
        finding.agent = evil("agent");
        finding.controls = vec![evil("control")];
        if let Some(waiver) = &mut finding.waiver {
            *waiver = WaiverUsed { reason: evil("reason"), until: Some(evil("until")), origin: evil("origin") };
        }
        for example in &mut finding.examples {
            example.server_name = Some(evil("name"));
            example.transport = evil("transport");
            example.filter = evil("filter");
        }
    }
    for allowed in &mut audit.allowed {
        allowed.destination = evil("destination");
        allowed.transport = evil("transport");
        allowed.entry = evil("entry");
    }
    for exception in &mut audit.exceptions {
        exception.message = evil("message");
    }
    audit
}
