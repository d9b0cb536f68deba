//! What two policies allow, and which flows they judge otherwise, from captures and from records of flows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::path::PathBuf;

use support::{Run, cases, run};
use wirewitness::judge::policy::{Changed, Known, Policy};

fn policy(text: &str) -> Policy {
    let protocols: Vec<&str> = wirewitness::inspect::PROTOCOLS.iter().map(|protocol| protocol.name).collect();
    let read = |_: &str| Ok(text.to_owned());
    Policy::load(&["a.toml".to_owned()], &Known { protocols: &protocols }, &read).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Each change, marked `+`, `-` or `~`.
fn changes(older: &str, newer: &str) -> Vec<String> {
    let mark = |changed| match changed {
        Changed::Allowed => '+',
        Changed::Refused => '-',
        Changed::Otherwise => '~',
    };
    policy(older).changes_to(&policy(newer)).iter().map(|change| format!("{} {change}", mark(change.changed))).collect()
}

fn allow(words: &str) -> String {
    format!("[[allow]]\n{words}\n")
}

#[test]
fn the_same_in_other_words_is_no_difference() {
    let two = "[[allow]]\nnames = [\"a.example.com\"]\nports = [443, 80]\n[[allow]]\nnames = [\"b.example.com\"]\nports = [443, 80]\n";
    let split = "[[allow]]\nnames = [\"b.example.com\", \"a.example.com\"]\nports = [80]\npurpose = \"x\"\n[[allow]]\nnames = [\"a.example.com\", \"b.example.com\"]\nports = [443]\n";
    assert_eq!(changes(two, split), Vec::<String>::new());
    let ranges = [allow("names = [\"a.b\"]\nports = [\"443-445\"]"), allow("names = [\"a.b\"]\nports = [445, 443, 444]")];
    assert_eq!(changes(&ranges[0], &ranges[1]), Vec::<String>::new());
    assert_eq!(changes(&ranges[1], &ranges[0]), Vec::<String>::new());
    let nets = [allow("cidrs = [\"192.0.2.0/25\", \"192.0.2.128/25\"]"), allow("cidrs = [\"192.0.2.0/24\"]")];
    assert_eq!(changes(&nets[0], &nets[1]), Vec::<String>::new());
}

#[test]
fn what_is_new_is_told_word_by_word_and_port_by_port() {
    let older = allow("names = [\"a.example.com\", \"b.example.com\"]\nports = [443]");
    let newer = allow("names = [\"a.example.com\", \"c.example.com\"]\nports = [443, 8443]");
    assert_eq!(
        changes(&older, &newer),
        ["+ c.example.com, port 443 8443 (a:1)", "+ a.example.com, port 8443 (a:1)", "- b.example.com, port 443 (a:1)"]
    );
    let wide = allow("names = [\"*.example.com\"]");
    assert_eq!(changes(&wide, &newer), ["- *.example.com (a:1)"], "a wildcard has had the names");
    let clear = allow("names = [\"a.example.com\"]\nports = [443]\nplaintext = [\"http\"]");
    assert_eq!(changes(&allow("names = [\"a.example.com\"]\nports = [443]"), &clear), ["+ a.example.com, port 443, plaintext http (a:1)"]);
    let paths = allow("names = [\"a.example.com\"]\nports = [443]\nplaintext = [\"http\"]\npaths = [\"/x\"]");
    assert_eq!(
        changes(&paths, &allow("names = [\"a.example.com\"]\nports = [443]"))[..],
        ["- a.example.com, port 443, plaintext http, paths /x (a:1)"],
        "encrypted, it was allowed whole"
    );
    assert_eq!(changes(&paths, &clear)[..1], ["+ a.example.com, port 443, plaintext http (a:1)"], "other paths");
    let until = allow("names = [\"a.example.com\"]\nuntil = 2027-01-01");
    assert_eq!(changes(&until, &allow("names = [\"a.example.com\"]")), ["+ a.example.com (a:1)"], "it was for a while");
    let private = "[destinations]\nprivate = true\n";
    assert_eq!(
        changes(private, &format!("{private}{}", allow("cidrs = [\"10.1.0.0/16\", \"192.0.2.0/24\"]"))),
        ["+ 192.0.2.0/24 (a:3)"],
        "what was private was allowed"
    );
}

#[test]
fn denials_turn_it_round() {
    let denied = "[[deny]]\nnames = [\"a.example.com\"]\npurpose = \"telemetry\"\n";
    assert_eq!(changes("", denied), ["- denied: a.example.com: telemetry (a:1)"]);
    assert_eq!(changes(denied, ""), ["+ denied: a.example.com: telemetry (a:1)"]);
    assert_eq!(changes("[[deny]]\nnames = [\"*.example.com\"]\n", denied), ["+ denied: *.example.com (a:1)"]);
}

#[test]
fn inbound_and_settings() {
    let ssh = "[[inbound]]\nports = [22]\nprotocols = [\"ssh\"]\n";
    assert_eq!(changes("", ssh), ["+ inbound from anywhere, port 22, speaking ssh (a:1)"]);
    let older = "dns_binding = \"prefer\"\n[dns]\nresolvers = [\"10.0.0.2\", \"10.0.0.3\"]\n[severity]\nWW102 = \"notice\"\n";
    let newer =
        "dns_binding = \"require\"\n[dns]\nresolvers = [\"10.0.0.3\", \"10.0.0.4\"]\n[[waiver]]\nrule = \"WW203\"\nreason = \"known\"\n";
    assert_eq!(
        changes(older, newer),
        [
            "~ dns_binding: prefer (a:1) is now require (a:1)",
            "~ resolver: 10.0.0.2/32 (a:3) is now 10.0.0.4/32 (a:3)",
            "~ severity: no longer WW102 notice (a:5)",
            "~ waiver: now WW203: known (a:4)",
        ]
    );
}

/// Many names cost a look-up each.
#[test]
fn long_lists_are_compared() {
    let names = |from: usize| (from..from + 50_000).map(|n| format!("\"host-{n}.example.com\"")).collect::<Vec<_>>().join(",");
    let told = changes(&allow(&format!("names = [{}]", names(0))), &allow(&format!("names = [{}]", names(1))));
    assert_eq!(told, ["+ host-50000.example.com (a:1)", "- host-0.example.com (a:1)"]);
}

fn diff(arguments: &[&str]) -> Run {
    run(["policy", "diff"].iter().chain(arguments))
}

fn flows_of(told: &str) -> &str {
    told.split_once("flows: ").map_or("", |(_, flows)| flows)
}

/// Records of flows are judged as the captures that they are of, wherever rules ask what a record says.
#[test]
fn records_are_judged_as_their_captures_are() {
    let folder = std::env::temp_dir().join(format!("wirewitness-records-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut compared = 0;
    let named = [
        "compliant-morning",
        "agent-start",
        "agent-steady",
        "agent-proxy",
        "private-link",
        "ipv6-compliant",
        "quic",
        "tls12",
        "name-not-allowed",
        "plaintext-http",
        "inbound-accepted",
        "ntp",
        "dns-cname-chain",
        "ssh-outbound",
    ];
    for case in cases().into_iter().filter(|case| named.contains(&case.name().as_str())) {
        let policy = |name: &String| match case.folder.join(name) {
            path if path.exists() => path.to_str().unwrap().to_owned(),
            _ => name.clone(),
        };
        let policies: Vec<String> = case.policies.iter().map(policy).collect();
        let own = folder.join("own.toml");
        let list: Vec<String> = policies.iter().map(|name| format!("{name:?}")).collect();
        std::fs::write(&own, format!("name = \"own\"\nextends = [{}]\n", list.join(", "))).unwrap();
        let agents: Vec<&str> = case.agents.iter().flat_map(|agent| ["-a", agent]).collect();
        let records = folder.join("flows.jsonl");
        let mut arguments = case.arguments("flows");
        arguments.extend(["--json".to_owned(), case.capture()]);
        std::fs::write(&records, run(arguments).stdout).unwrap();
        let both = |traffic: &str| diff(&[&["defender-for-endpoint", own.to_str().unwrap(), traffic], agents.as_slice()].concat());
        let (packets, records) = (both(&case.capture()), both(records.to_str().unwrap()));
        let (packets, records) = (packets.stdout, records.stdout);
        assert_eq!(flows_of(&packets), flows_of(&records), "{}", case.name());
        compared += 1;
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(compared, named.len());
}

#[test]
fn the_command_says_what_differs_and_exits_so() {
    let morning = "fixtures/compliant-morning/capture.pcap";
    let same = diff(&["azure-arc", "azure-arc"]);
    assert_eq!((same.code, same.stdout.as_str()), (0, "no difference\n"));
    let told = diff(&["azure-arc", "os-infrastructure", "-a", "10.77.0.4", "-a", "fd77::4", morning]);
    assert_eq!(told.code, 1);
    for line in [
        "newly allowed\n",
        "newly refused\n",
        "  - *.his.arc.azure.com, port 443: Hybrid identity and metadata, always (azure-arc:29)",
        "verdict: fail -> fail\nflows: 40, judged otherwise: 25",
        "  allowed -> violation WW302",
        "    outbound tcp 10.77.0.4 -> eus.his.arc.azure.com:443 (40.64.10.6): flows 13, packet 173",
    ] {
        assert!(told.stdout.contains(line), "{line}: {}", told.stdout);
    }
}

#[test]
fn what_cannot_be_compared_is_said() {
    let nobody = diff(&["azure-arc", "baseline", "fixtures/compliant-morning/capture.pcap"]);
    assert!(nobody.code == 2 && nobody.stderr.contains("name the agent with --agent"), "{}", nobody.stderr);
    assert!(diff(&["azure-arc", "no-such-policy"]).stderr.contains("neither a built-in policy nor a file"));
    let file: PathBuf = std::env::temp_dir().join(format!("wirewitness-no-records-{}.jsonl", std::process::id()));
    std::fs::write(&file, "{\"first\": 1}\n").unwrap();
    let wrong = diff(&["azure-arc", "baseline", file.to_str().unwrap()]);
    std::fs::remove_file(&file).unwrap();
    assert!(wrong.code == 2 && wrong.stderr.contains(":1: no flow record:"), "{}", wrong.stderr);
    assert_eq!(diff(&["azure-arc", "baseline", "-a", "10.0.0.4", "no-such.pcap"]).code, 2);
}
