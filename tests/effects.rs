//! Every key of a policy has its effect: each capture of a fixture is judged under a policy with the key and under one without it, or with
//! another value.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;
#[path = "support/world/mod.rs"]
mod world;

use std::net::IpAddr;
use std::path::PathBuf;

use support::{Run, cases, run, run_with_input};
use world::World;
use world::random::Random;
use world::records::{client_hello, server_name, session, session_with_ech, with_version};
use world::tunnelled::{esp, ike, marked, wireguard};

/// Keys that another test holds, and which.
const ELSEWHERE: &[(&str, &str)] = &[
    ("name", "tests/policy.rs: what is shown says where it stands"),
    ("description", "it is for readers of the file"),
    ("dated", "below: lists of another time are told"),
    ("allow.paths", "tests/paths.rs"),
    ("variables", "judge::policy::variables, and tests/policy.rs: files extend each other with values of their own"),
    ("allow.source", "tests/policy.rs: what is shown says where it stands"),
    ("deny.purpose", "tests/policy.rs: what is shown says where it stands"),
    ("deny.source", "tests/policy.rs: what is shown says where it stands"),
    ("inbound.purpose", "tests/policy.rs: what is shown says where it stands"),
    ("waiver.owner", "tests/policy.rs: what is shown says where it stands"),
    ("waiver.granted", "tests/policy.rs: what is shown says where it stands"),
    ("ech", "below: no program of the lab hides its hello"),
    ("tls.roots", "tests/certificates.rs"),
    ("tunnels.mirror", "tests/tunnels.rs"),
    ("tunnels.own", "tests/tunnels.rs"),
    ("nat64.prefixes", "tests/oddities.rs"),
    ("encryption.counts", "below: no program of the lab speaks ESP"),
    ("encrypted_dns", "below: no resolver of the lab is one that everybody knows"),
    ("dns.grace", "tests/binding.rs"),
    ("dns.encrypted", "below: no resolver of the lab is one that everybody knows"),
];

const DNS: &str = "[dns]\nresolvers = [\"10.77.0.2\"]\n";
const WEB: &str = "[[allow]]\nnames = [\"www.example.com\"]\nports = [443]\n";
/// Whoever asks for names beyond the policy does so without violating it, so that what they carry shows alone.
const ASKING: &str = "[severity]\nWW402 = \"notice\"\n";
/// Names are not told by their length alone.
const SHORT: &str = "[dns.tunnel]\nlong_bytes = 10_000\n";
const HOST: &str = "[[allow]]\ncidrs = [\"10.77.1.5/32\"]\n";

/// A row: the keys, the fixture, what stands ahead in the policy, what shows the keys, and which rules are broken, with `?` where that is
/// undetermined. Where none is, the audit passes.
type Row = (&'static str, &'static str, &'static [&'static str], &'static str, &'static [&'static str]);

const ROWS: &[Row] = &[
    ("allow.names", "tls13", &[DNS], "[[allow]]\nnames = [\"www.example.com\"]", &[]),
    ("allow.names", "tls13", &[DNS], "[[allow]]\nnames = [\"*.example.com\"]", &[]),
    ("allow.names", "tls13", &[DNS], "[[allow]]\nnames = [\"w*w.example.com\"]", &[]),
    ("allow.names", "tls13", &[DNS], "[[allow]]\nnames = [\"*.www.example.com\"]", &["WW302", "WW402"]),
    ("allow.names", "tls13", &[DNS], "[[allow]]\nnames = [\"*.com.example\", \"example.com\"]", &["WW302", "WW402"]),
    ("allow.names", "tls13", &[DNS], "[[allow]]\nnames = [\"+.example.com\"]", &[]),
    ("allow.names", "tls13", &[DNS], "[[allow]]\nnames = [\"+.com\"]", &["WW302", "WW402"]),
    ("groups", "tls13", &[DNS], "[[allow]]\nnames = [\"@web\"]\n[groups]\nweb = [\"@more\"]\nmore = [\"www.example.com\"]", &[]),
    ("groups", "tls13", &[DNS], "[[allow]]\nnames = [\"@web\"]\n[groups]\nweb = [\"www.example.org\"]", &["WW302", "WW402"]),
    ("allow.cidrs", "address-not-allowed", &[DNS, WEB], "", &["WW301"]),
    ("allow.cidrs", "address-not-allowed", &[DNS], "[[allow]]\ncidrs = [\"93.184.215.0/24\"]", &[]),
    ("allow.cidrs", "tls13", &[DNS], "[[allow]]\ncidrs = [\"93.184.215.15/32\"]", &["WW302", "WW402"]),
    ("allow.names allow.cidrs", "tls13", &[DNS], "[[allow]]\nnames = [\"www.example.com\"]\ncidrs = [\"93.184.215.0/28\"]", &[]),
    ("allow.names allow.cidrs", "tls13", &[DNS], "[[allow]]\nnames = [\"www.example.com\"]\ncidrs = [\"93.184.215.16/28\"]", &["WW302"]),
    (
        "allow.names allow.cidrs",
        "tls13",
        &[DNS],
        "[[allow]]\nnames = [\"x.example.com\"]\ncidrs = [\"93.184.215.0/28\"]",
        &["WW302", "WW402"],
    ),
    ("allow.ports", "port-not-allowed", &[DNS, WEB], "", &["WW303"]),
    ("allow.ports", "port-not-allowed", &[DNS], "[[allow]]\nnames = [\"www.example.com\"]", &[]),
    ("allow.ports", "port-not-allowed", &[DNS], "[[allow]]\nnames = [\"www.example.com\"]\nports = [80, \"8000-8443\"]", &[]),
    ("allow.ports", "port-not-allowed", &[DNS], "[[allow]]\nnames = [\"www.example.com\"]\nports = [\"8000-8442\"]", &["WW303"]),
    ("allow.transport", "tls13", &[DNS, WEB], "transport = \"tcp\"", &[]),
    ("allow.transport", "tls13", &[DNS, WEB], "transport = \"udp\"", &["WW303"]),
    ("allow.transport", "quic", &[DNS, WEB], "", &[]),
    ("allow.transport", "quic", &[DNS, WEB], "transport = \"udp\"", &[]),
    ("allow.transport", "quic", &[DNS, WEB], "transport = \"tcp\"", &["WW303"]),
    ("allow.plaintext", "plaintext-http", &[DNS], "[[allow]]\nnames = [\"www.example.com\"]\nports = [80]", &["WW201"]),
    ("allow.plaintext", "plaintext-http", &[DNS], "[[allow]]\nnames = [\"www.example.com\"]\nports = [80]\nplaintext = [\"http\"]", &[]),
    (
        "allow.plaintext",
        "plaintext-http",
        &[DNS],
        "[[allow]]\nnames = [\"www.example.com\"]\nports = [80]\nplaintext = [\"smtp\"]",
        &["WW201"],
    ),
    ("allow.purpose", "tls13", &[DNS, WEB], "purpose = \"a purpose to be read\"", &[]),
    ("agent.addresses", "tls13", &[DNS, WEB], "[agent]\naddresses = [\"10.77.0.4\"]", &[]),
    ("agent.addresses", "tls13", &[DNS, WEB], "[agent]\naddresses = [\"10.77.0.4/30\"]", &[]),
    ("agent.addresses", "tls13", &[DNS, WEB], "[agent]\naddresses = [\"02:77:00:00:00:04\"]", &[]),
    ("agent.addresses", "tls13", &[DNS, WEB], "[agent]\naddresses = [\"10.77.0.9\"]", &["WW909?"]),
    ("destinations.private", "recognized-payload", &[DNS, WEB], "", &["WW301"]),
    ("destinations.private", "recognized-payload", &[DNS, WEB], "[destinations]\nprivate = false", &["WW301"]),
    ("destinations.private", "recognized-payload", &[DNS, WEB], "[destinations]\nprivate = true", &[]),
    ("destinations.private", "unrecognized-payload", &[DNS, WEB], "[destinations]\nprivate = true", &["WW202?"]),
    ("destinations.private", "address-not-allowed", &[DNS, WEB], "[destinations]\nprivate = true", &["WW301"]),
    ("destinations.private", "recognized-payload", &[DNS, WEB], "[destinations]\nprivate = [\"ula\", \"rfc1918\"]", &[]),
    ("destinations.private", "recognized-payload", &[DNS, WEB], "[destinations]\nprivate = [\"ula\", \"cgnat\"]", &["WW301"]),
    ("allow.protocols", "tls13", &[DNS, WEB], "protocols = [\"ssh\", \"tls\"]", &[]),
    ("allow.protocols", "tls13", &[DNS, WEB], "protocols = [\"ssh\"]", &["WW302"]),
    ("allow.agents", "tls13", &[DNS, WEB], "agents = [\"10.77.0.0/29\"]", &[]),
    ("allow.agents", "tls13", &[DNS, WEB], "agents = [\"10.77.0.5\"]", &["WW302", "WW402"]),
    ("allow.since allow.until", "tls13", &[DNS, WEB], "since = 2026-01-01\nuntil = 2099-12-31", &[]),
    ("allow.since", "tls13", &[DNS, WEB], "since = 2099-01-01", &["WW302"]),
    ("allow.until", "tls13", &[DNS, WEB], "until = 2020-12-31", &["WW302"]),
    ("allow.times", "tls13", &[DNS, WEB], "times = [\"tue 14:00-15:00\"]", &[]),
    ("allow.times", "tls13", &[DNS, WEB], "times = [\"mon,wed-sun 14:00-15:00\", \"15:00-14:00\"]", &["WW302"]),
    ("deny.names", "tls13", &[DNS, WEB], "[[deny]]\nnames = [\"*.example.org\"]", &[]),
    ("deny.names", "tls13", &[DNS, WEB], "[[deny]]\nnames = [\"*.example.com\"]", &["WW302", "WW402"]),
    ("deny.cidrs", "tls13", &[DNS, WEB], "[[deny]]\ncidrs = [\"93.184.215.0/24\"]", &["WW301"]),
    ("deny.cidrs", "tls13", &[DNS, WEB], "[[deny]]\ncidrs = [\"93.184.216.0/24\"]", &[]),
    ("deny.names deny.cidrs", "tls13", &[DNS, WEB], "[[deny]]\nnames = [\"www.*.com\"]\ncidrs = [\"93.184.215.0/24\"]", &["WW302"]),
    ("deny.names deny.cidrs", "tls13", &[DNS, WEB], "[[deny]]\nnames = [\"www.*.com\"]\ncidrs = [\"93.184.216.0/24\"]", &[]),
    ("deny.ports", "tls13", &[DNS, WEB], "[[deny]]\nnames = [\"www.example.com\"]\nports = [443]", &["WW302"]),
    ("deny.ports", "tls13", &[DNS, WEB], "[[deny]]\nnames = [\"www.example.com\"]\nports = [80]", &[]),
    ("deny.transport", "tls13", &[DNS, WEB], "[[deny]]\nnames = [\"www.example.com\"]\ntransport = \"tcp\"", &["WW302"]),
    ("deny.transport", "tls13", &[DNS, WEB], "[[deny]]\nnames = [\"www.example.com\"]\ntransport = \"udp\"", &[]),
    ("deny.agents", "tls13", &[DNS, WEB], "[[deny]]\nnames = [\"www.example.com\"]\nagents = [\"10.77.0.4\"]", &["WW302", "WW402"]),
    ("deny.agents", "tls13", &[DNS, WEB], "[[deny]]\nnames = [\"www.example.com\"]\nagents = [\"10.77.0.5\"]", &[]),
    ("deny.cidrs", "recognized-payload", &[DNS, WEB], "[destinations]\nprivate = true\n[[deny]]\ncidrs = [\"10.0.0.0/8\"]", &["WW301"]),
    ("tls.minimum", "tls12", &[DNS, WEB], "[tls]\nminimum = \"1.2\"", &[]),
    ("tls.minimum", "tls12", &[DNS, WEB], "[tls]\nminimum = \"1.3\"", &["WW203"]),
    ("tls.minimum", "tls13", &[DNS, WEB], "[tls]\nminimum = \"1.3\"", &[]),
    ("tls.minimum", "tls10", &[DNS, WEB], "", &["WW203"]),
    ("tls.minimum", "tls10", &[DNS, WEB], "[tls]\nminimum = \"1.0\"", &[]),
    ("tls.ciphers", "tls13", &[DNS, WEB], "[tls]\nciphers = [\"TLS_AES_256_GCM_SHA384\"]", &[]),
    ("tls.ciphers", "tls13", &[DNS, WEB], "[tls]\nciphers = [\"TLS_AES_128_GCM_SHA256\"]", &["WW204"]),
    ("dns.resolvers", "tls13", &[WEB], "", &[]),
    ("dns.resolvers", "tls13", &[WEB], "[dns]\nresolvers = [\"10.77.0.0/30\"]", &[]),
    ("dns.resolvers", "tls13", &[WEB], "[dns]\nresolvers = [\"10.77.0.9\"]", &["WW401"]),
    ("dns.resolvers", "resolver-not-allowed", &[WEB], "", &["WW401"]),
    ("dns.resolvers", "resolver-not-allowed", &[WEB], "[dns]\nresolvers = [\"93.184.215.14\"]", &[]),
    ("dns.search", "query-searched", &[WEB], "", &["WW402"]),
    ("dns.search", "query-searched", &[WEB], "[dns]\nsearch = [\"lab.example\"]", &[]),
    ("dns.search", "query-searched", &[WEB], "[dns]\nsearch = [\"example\"]", &["WW402"]),
    ("dns.tunnel.long_bytes", "dns-tunnel", &[DNS, WEB, ASKING], "", &["WW403"]),
    ("dns.tunnel.long_bytes", "dns-tunnel", &[DNS, WEB, ASKING], "[dns.tunnel]\nlong_bytes = 10_000", &[]),
    ("dns.tunnel.long_letters", "dns-tunnel", &[DNS, WEB, ASKING], "[dns.tunnel]\nlong_letters = 90", &["WW403"]),
    ("dns.tunnel.long_letters", "dns-tunnel", &[DNS, WEB, ASKING], "[dns.tunnel]\nlong_letters = 250", &[]),
    ("dns.tunnel.window", "dns-tunnel", &[DNS, WEB, ASKING], "[dns.tunnel]\nwindow = \"1m\"\nlong_bytes = 1800", &["WW403"]),
    ("dns.tunnel.window", "dns-tunnel", &[DNS, WEB, ASKING], "[dns.tunnel]\nwindow = \"1s\"\nlong_bytes = 1800", &[]),
    ("dns.tunnel.names dns.tunnel.bytes", "dns-tunnel", &[DNS, WEB, ASKING, SHORT], "names = 10\nbytes = 1000", &["WW403"]),
    ("dns.tunnel.bytes", "dns-tunnel", &[DNS, WEB, ASKING, SHORT], "names = 10\nbytes = 5000", &[]),
    ("dns.tunnel.names", "dns-tunnel", &[DNS, WEB, ASKING, SHORT], "names = 50\nbytes = 1000", &[]),
    ("dns.tunnel.letters", "dns-tunnel", &[DNS, WEB, ASKING, SHORT], "letters = 30\nnames = 10\nbytes = 1000", &["WW403"]),
    ("dns.tunnel.letters", "dns-tunnel", &[DNS, WEB, ASKING, SHORT], "letters = 240\nnames = 10\nbytes = 1000", &[]),
    ("dns.tunnel.answer_bytes", "dns-tunnel", &[DNS, WEB, ASKING, SHORT], "names = 20\nanswer_bytes = 5000", &["WW403"]),
    ("dns.tunnel.answer_bytes", "dns-tunnel", &[DNS, WEB, ASKING, SHORT], "names = 20\nanswer_bytes = 6000", &[]),
    ("dns_binding", "no-dns-seen", &[WEB], "", &["WW304?"]),
    ("dns_binding", "no-dns-seen", &[], "dns_binding = \"off\"\n[[allow]]\nnames = [\"www.example.com\"]", &[]),
    ("dns_binding", "no-dns-seen", &[], "dns_binding = \"require\"\n[[allow]]\nnames = [\"www.example.com\"]", &["WW304"]),
    ("inbound.from inbound.ports inbound.protocols", "inbound-permitted-ssh", &[DNS, WEB], "", &["WW101"]),
    ("inbound.from", "inbound-permitted-ssh", &[DNS, WEB], "[[inbound]]\nfrom = [\"10.77.0.9\"]\nports = [22]", &[]),
    ("inbound.transport", "inbound-permitted-ssh", &[DNS, WEB], "[[inbound]]\nports = [22]\ntransport = \"tcp\"", &[]),
    ("inbound.transport", "inbound-permitted-ssh", &[DNS, WEB], "[[inbound]]\nports = [22]\ntransport = \"udp\"", &["WW101"]),
    ("inbound.agents", "inbound-permitted-ssh", &[DNS, WEB], "[[inbound]]\nagents = [\"10.77.0.4\"]\nports = [22]", &[]),
    ("inbound.agents", "inbound-permitted-ssh", &[DNS, WEB], "[[inbound]]\nagents = [\"10.77.0.5\"]\nports = [22]", &["WW101"]),
    (
        "inbound.since inbound.until",
        "inbound-permitted-ssh",
        &[DNS, WEB],
        "[[inbound]]\nports = [22]\nsince = 2026-11-24\nuntil = 2026-11-24",
        &[],
    ),
    ("inbound.since", "inbound-permitted-ssh", &[DNS, WEB], "[[inbound]]\nports = [22]\nsince = 2026-11-25", &["WW101"]),
    ("inbound.until", "inbound-permitted-ssh", &[DNS, WEB], "[[inbound]]\nports = [22]\nuntil = 2026-11-23", &["WW101"]),
    ("inbound.times", "inbound-permitted-ssh", &[DNS, WEB], "[[inbound]]\nports = [22]\ntimes = [\"14:00-15:00\"]", &[]),
    ("inbound.times", "inbound-permitted-ssh", &[DNS, WEB], "[[inbound]]\nports = [22]\ntimes = [\"15:00-14:00\"]", &["WW101"]),
    ("inbound.from", "inbound-permitted-ssh", &[DNS, WEB], "[[inbound]]\nfrom = [\"10.77.0.8\"]\nports = [22]", &["WW101"]),
    ("inbound.ports", "inbound-permitted-ssh", &[DNS, WEB], "[[inbound]]\nports = [22]", &[]),
    ("inbound.ports", "inbound-permitted-ssh", &[DNS, WEB], "[[inbound]]\nports = [\"23-2222\"]", &["WW101"]),
    ("inbound.protocols", "inbound-permitted-ssh", &[DNS, WEB], "[[inbound]]\nprotocols = [\"ssh\"]", &[]),
    ("inbound.protocols", "inbound-permitted-ssh", &[DNS, WEB], "[[inbound]]\nports = [22]\nprotocols = [\"tls\"]", &["WW101"]),
    ("inbound.protocols", "inbound-ping", &[DNS, WEB], "[[inbound]]\nprotocols = [\"icmp-echo\"]", &[]),
    ("inbound.protocols", "inbound-ping", &[DNS, WEB], "[[inbound]]\nfrom = [\"203.0.113.66\"]\nprotocols = [\"icmp-echo\", \"ssh\"]", &[]),
    ("inbound.protocols", "inbound-ping", &[DNS, WEB], "[[inbound]]\nfrom = [\"10.77.0.0/24\"]\nprotocols = [\"icmp-echo\"]", &["WW101"]),
    ("inbound.protocols", "inbound-ping", &[DNS, WEB], "[[inbound]]\nfrom = [\"203.0.113.66\"]\nprotocols = [\"ssh\"]", &["WW101"]),
    ("severity", "inbound-refused", &[DNS, WEB], "", &["WW102"]),
    ("severity", "inbound-refused", &[DNS, WEB], "[severity]\nWW102 = \"notice\"", &[]),
    ("severity", "inbound-refused", &[DNS, WEB], "[severity]\nWW102 = \"undetermined\"", &["WW102?"]),
    ("severity", "unrecognized-payload", &[DNS, HOST], "", &["WW202?"]),
    ("severity", "unrecognized-payload", &[DNS, HOST], "[severity]\nWW202 = \"violation\"", &["WW202"]),
    ("waiver.rule waiver.reason", "tls10", &[DNS, WEB], "[[waiver]]\nrule = \"WW203\"\nreason = \"old\"", &[]),
    ("waiver.rule", "tls10", &[DNS, WEB], "[[waiver]]\nrule = \"WW204\"\nreason = \"old\"", &["WW203"]),
    ("waiver.names", "tls10", &[DNS, WEB], "[[waiver]]\nrule = \"WW203\"\nnames = [\"*.example.com\"]\nreason = \"old\"", &[]),
    ("waiver.names", "tls10", &[DNS, WEB], "[[waiver]]\nrule = \"WW203\"\nnames = [\"x.example.com\"]\nreason = \"old\"", &["WW203"]),
    ("waiver.cidrs", "tls10", &[DNS, WEB], "[[waiver]]\nrule = \"WW203\"\ncidrs = [\"93.184.215.15\"]\nreason = \"old\"", &[]),
    ("waiver.cidrs", "tls10", &[DNS, WEB], "[[waiver]]\nrule = \"WW203\"\ncidrs = [\"93.184.215.16\"]\nreason = \"old\"", &["WW203"]),
    ("waiver.until", "tls10", &[DNS, WEB], "[[waiver]]\nrule = \"WW203\"\nuntil = 9999-12-31\nreason = \"old\"", &[]),
    ("waiver.until", "tls10", &[DNS, WEB], "[[waiver]]\nrule = \"WW203\"\nuntil = 2020-01-01\nreason = \"old\"", &["WW203", "WW911"]),
    ("extends", "tls13", &[], "extends = [\"base.toml\"]", &[]),
    ("extends", "tls13", &[], "extends = [\"os-infrastructure\"]", &["WW302", "WW402"]),
    ("coverage.min_flows", "tls13", &[DNS, WEB], "[coverage]\nmin_flows = 2", &[]),
    ("coverage.min_flows", "tls13", &[DNS, WEB], "[coverage]\nmin_flows = 200", &["WW913?"]),
    ("coverage.min_duration", "udp-late", &[DNS, WEB, HOST], "[coverage]\nmin_duration = \"1m\"", &[]),
    ("coverage.min_duration", "udp-late", &[DNS, WEB, HOST], "[coverage]\nmin_duration = \"2m\"", &["WW913?"]),
    ("coverage.expect", "tls13", &[DNS, WEB], "[coverage]\nexpect = [\"www.example.com\"]", &[]),
    ("coverage.expect", "tls13", &[DNS, WEB], "[coverage]\nexpect = [\"chain.example.com\"]", &["WW913?"]),
];

/// A folder of its own with a policy, and with what it may extend.
struct Written(PathBuf);

impl Written {
    fn new(name: &str, text: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("wirewitness-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("policy.toml"), text).unwrap();
        std::fs::write(folder.join("base.toml"), [DNS, WEB].concat()).unwrap();
        Self(folder)
    }

    fn policy(&self) -> String {
        self.0.join("policy.toml").to_string_lossy().into_owned()
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// The rules that are broken, with `?` where that is undetermined, behind the verdict.
fn found(run: &Run) -> (String, Vec<String>) {
    assert_ne!(run.code, 2, "{}", run.stderr);
    let open = run.rules(&["undetermined"]).into_iter().map(|rule| format!("{rule}?"));
    let mut rules: Vec<String> = run.rules(&["violation"]).into_iter().chain(open).collect();
    rules.sort();
    (run.json()["verdict"].as_str().unwrap().to_owned(), rules)
}

/// What must be found where these rules are broken.
fn meant(rules: &[&str]) -> (String, Vec<String>) {
    let verdict = match rules {
        [] => "pass",
        open if open.iter().all(|rule| rule.ends_with('?')) => "inconclusive",
        _ => "fail",
    };
    (verdict.to_owned(), rules.iter().map(|&rule| rule.to_owned()).collect())
}

#[test]
fn every_key_does_what_it_says() {
    let cases = cases();
    let mut wrong = Vec::new();
    for (keys, fixture, ahead, shows, rules) in ROWS {
        let case = cases.iter().find(|case| case.name() == *fixture).expect("the fixture");
        let text = format!("{}{shows}\n", ahead.concat());
        let written = Written::new("effects", &text);
        let mut arguments = vec!["audit".to_owned(), "-p".to_owned(), written.policy()];
        if !keys.starts_with("agent.") {
            arguments.extend(["-a".to_owned(), "10.77.0.4".to_owned()]);
        }
        arguments.push(case.capture());
        let found = found(&run(arguments.iter().map(String::as_str).chain(["--json"])));
        if found != meant(rules) {
            wrong.push(format!("{keys} over {fixture}: {found:?} is found, and not {:?}, under\n{text}", meant(rules)));
        }
        if *keys == "allow.purpose" && !run(&arguments).stdout.contains("a purpose to be read") {
            wrong.push("the report does not show the purpose".to_owned());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every key that is read is in a row that breaks a rule and in one that passes, or is held elsewhere.
#[test]
fn no_key_is_left_out() {
    let schema = run(["schema", "policy"]).json();
    let mut keys = Vec::new();
    let mut open: Vec<(String, &serde_json::Value)> = vec![(String::new(), &schema)];
    while let Some((ahead, table)) = open.pop() {
        for (key, value) in table["properties"].as_object().unwrap() {
            let key = format!("{ahead}{key}");
            let entries = if value["items"]["properties"].is_object() { &value["items"] } else { value };
            match entries["properties"].is_object() {
                true => open.push((format!("{key}."), entries)),
                false => keys.push(key),
            }
        }
    }
    assert!(keys.len() > 60, "{keys:?}");
    for key in keys {
        let rows = ROWS.iter().filter(|(keys, ..)| keys.split(' ').any(|k| k == key));
        let passes = rows.clone().filter(|(.., rules)| rules.is_empty()).count();
        let is_shown = passes > 0 && (rows.count() > passes || matches!(key.as_str(), "allow.purpose" | "waiver.reason"));
        let is_elsewhere = ELSEWHERE.iter().any(|(elsewhere, _)| *elsewhere == key);
        assert!(is_shown != is_elsewhere, "{key} is shown by rows: {is_shown}; held elsewhere: {is_elsewhere}");
    }
}

/// What is found of an encrypted hello behind www.example.com, under each word of the policy, where the agent was answered this.
fn encrypted_hello_after(name: &str, answered: impl Fn(&mut World, (IpAddr, IpAddr), IpAddr)) -> [Vec<String>; 4] {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let (agent, resolver, peer) = (ip("10.0.0.4"), ip("10.0.0.2"), ip("203.0.113.5"));
    let mut world = World::default();
    answered(&mut world, (agent, resolver), peer);
    let mut tcp = world.connect(agent, (peer, 443));
    world.flights(&mut tcp, &session_with_ech("www.example.com", 42), 0);
    world.close(&mut tcp);
    let pcap = world.pcap();
    ["", "ech = \"undetermined\"", "ech = \"violation\"", "ech = \"allow\""].map(|word| {
        let written = Written::new(name, &format!("{word}\n{ASKED}"));
        let run = run_with_input(&["audit", "--json", "-a", "10.0.0.4", "-p", &written.policy(), "-"].map(str::to_owned), &pcap);
        let (verdict, rules) = found(&run);
        let exceptions = run.json()["exceptions"].to_string();
        assert_eq!(exceptions.contains("was taken as the name"), word.contains("allow"), "what is relaxed is listed: {exceptions}");
        let is_grease = rules.is_empty() && !word.contains("allow");
        assert_eq!(exceptions.contains("grease as far as can be known"), is_grease, "{exceptions}");
        assert_eq!(meant(&rules.iter().map(String::as_str).collect::<Vec<_>>()).0, verdict);
        rules
    })
}

/// Names that are asked for in what follows; only www.example.com may be gone to.
const ASKED: &str = "[severity]\nWW402 = \"notice\"\n[[allow]]\nnames = [\"www.example.com\"]\nports = [443]\n";

#[test]
fn an_encrypted_hello_is_worth_what_the_policy_says() {
    let unknown = [vec!["WW305?"], vec!["WW305?"], vec!["WW305"], vec![]];
    // the configuration hides other names behind this one
    let published = encrypted_hello_after("ech-published", |world, (agent, resolver), peer| {
        world.resolve(agent, resolver, "www.example.com", &[], peer);
        world.serve((agent, resolver), "inner.example.com", ".", &[], Some((42, "www.example.com")));
    });
    assert_eq!(published, unknown);
    // the address is another name's too, which is not allowed
    let shared = encrypted_hello_after("ech-shared", |world, (agent, resolver), peer| {
        world.resolve(agent, resolver, "www.example.com", &[], peer);
        world.resolve(agent, resolver, "inner.example.com", &[], peer);
    });
    assert_eq!(shared, unknown);
    // no DNS was seen: `allow` takes the name, which is then bound to nothing
    let unseen = encrypted_hello_after("ech-unseen", |_, _, _| {});
    assert_eq!(unseen, [vec!["WW305?"], vec!["WW305?"], vec!["WW305"], vec!["WW304?"]]);
    // as browsers send it to whoever publishes nothing
    let grease = encrypted_hello_after("ech-grease", |world, (agent, resolver), peer| {
        world.resolve(agent, resolver, "www.example.com", &["edge.example.net"], peer);
        world.resolve(agent, resolver, "edge.example.net", &[], peer);
        world.serve((agent, resolver), "www.example.com", ".", &[peer], None);
        world.serve((agent, resolver), "elsewhere.example.com", ".", &[], Some((42, "outer.example.com")));
    });
    assert_eq!(grease, [const { Vec::<String>::new() }; 4]);
}

#[test]
fn lists_of_another_time_are_told() {
    // the fixture was captured between two days that are told by its own time
    let capture = cases().into_iter().find(|case| case.name() == "tls13").expect("the fixture").capture();
    let told = |day: &str| {
        let text = format!("name = \"lists\"\ndated = {day}\n{DNS}{WEB}");
        let file = std::env::temp_dir().join(format!("wirewitness-dated-{}-{day}.toml", std::process::id()));
        std::fs::write(&file, text).unwrap();
        let run = run(["audit", "--json", "-p", file.to_str().unwrap(), "-a", "10.77.0.4", &capture]);
        std::fs::remove_file(&file).unwrap();
        let document = run.json();
        let first = document["inputs"][0]["first"].as_str().expect("a time")[..10].to_owned();
        let notes: Vec<String> = document["exceptions"]
            .as_array()
            .expect("exceptions")
            .iter()
            .filter(|e| e["kind"] == "policy-age")
            .map(|e| e["message"].to_string())
            .collect();
        (run.code, first, notes)
    };
    let (code, day, notes) = told("2001-01-01");
    assert!(code == 0 && notes.len() == 1 && notes[0].contains("2001-01-01") && notes[0].contains("begins"), "{notes:?}");
    assert!(told("2199-01-01").2[0].contains("ends"), "a list that is newer");
    assert_eq!(told(&day).2, Vec::<String>::new(), "of the same day");
}

/// A capture of what somebody says to 10.0.0.9, which is judged under each policy: what must be found, and what must be told of the flow.
fn judged(world: &World, policies: &[(&str, &[&str], &str)], key: &str) {
    for (policy, rules, told) in policies {
        let written = Written::new("judged", policy);
        let arguments = ["-a", "10.0.0.4", "-p", &written.policy(), "-"].map(str::to_owned);
        let run = run_with_input(&[&["audit", "--json"].map(str::to_owned)[..], &arguments].concat(), &world.pcap());
        assert_eq!(found(&run), meant(rules), "{policy}");
        let flows = run_with_input(&[&["flows", "--json"].map(str::to_owned)[..], &arguments].concat(), &world.pcap()).stdout;
        let last: serde_json::Value = serde_json::from_str(flows.lines().last().unwrap()).unwrap();
        assert_eq!(last[key], *told, "{policy}: {last}");
        if *told == "encrypted" && policy.contains("esp") {
            assert!(run.json()["exceptions"].to_string().contains("counts as encrypted by"), "{}", run.json()["exceptions"]);
        }
    }
}

const PRIVATE: &str = "[destinations]\nprivate = true\n";

#[test]
fn what_counts_as_encrypted_is_what_the_policy_says() {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let (agent, peer) = (ip("10.0.0.4"), ip("10.0.0.9"));
    let counting = |list: &str| format!("{PRIVATE}[encryption]\ncounts = [{list}]\n");
    let mut random = Random::new(1);
    let mut world = World::default();
    world.datagrams((agent, 40_000), (peer, 51_820), &wireguard(1, &mut random));
    judged(
        &world,
        &[
            (PRIVATE, &[], "encrypted"),
            (&counting("\"tls\", \"wireguard\""), &[], "encrypted"),
            (&counting("\"tls\""), &["WW202?"], "unrecognized"),
        ],
        "encryption",
    );
    let mut world = World::default();
    world.wait(0);
    world.datagrams((agent, 4500), (peer, 4500), &marked(ike(20, &mut random)));
    for n in 1..4 {
        world.udp((agent, 4500), (peer, 4500), &esp(0x1000, n, &random.noise(96)));
        world.udp((peer, 4500), (agent, 4500), &esp(0x2000, n, &random.noise(96)));
    }
    judged(
        &world,
        &[
            (PRIVATE, &["WW202?"], "unrecognized"),
            (&counting("\"ike\""), &["WW202?"], "unrecognized"),
            (&counting("\"esp\""), &[], "encrypted"),
        ],
        "encryption",
    );
    // what is not its own is not vouched for
    world.udp((agent, 4500), (peer, 4500), &random.noise(97));
    judged(&world, &[(&counting("\"esp\""), &["WW202?"], "unrecognized")], "encryption");
}

#[test]
fn encrypted_dns_is_worth_what_the_policy_says() {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let (agent, peer) = (ip("10.0.0.4"), ip("203.0.113.5"));
    let session_with = |name: &str, more: Vec<(u16, Vec<u8>)>| {
        let mut world = World::default();
        world.resolve(agent, ip("10.0.0.2"), name, &[], peer);
        let mut tcp = world.connect(agent, (peer, 443));
        let mut said = session(0x0304, 0x1301, name);
        said[0].1 = client_hello(0x0304, 0x1301, &with_version(0x0304, [vec![server_name(name)], more].concat()));
        world.flights(&mut tcp, &said, 0);
        world.close(&mut tcp);
        world
    };
    let allowing = |name: &str, more: &str| format!("{more}\n[[allow]]\nnames = [\"{name}\"]\nports = [443]\n");
    let (h2, dot) = ((16, b"\0\x03\x02h2".to_vec()), (16, b"\0\x04\x03dot".to_vec()));
    let known = "dns.google";
    judged(
        &session_with(known, vec![h2.clone()]),
        &[
            (&allowing(known, ""), &["WW401?"], "doh"),
            (&allowing(known, "encrypted_dns = \"undetermined\""), &["WW401?"], "doh"),
            (&allowing(known, "encrypted_dns = \"violation\""), &["WW401"], "doh"),
            (&allowing(known, "encrypted_dns = \"allow\""), &[], "doh"),
            (&allowing(known, "[dns]\nencrypted = [\"dns.google\"]"), &[], "doh"),
            (&allowing(known, "[dns]\nencrypted = [\"dns.example\"]"), &["WW401?"], "doh"),
            (&allowing(known, "[dns]\nresolvers = [\"10.0.0.2\", \"203.0.113.5\"]"), &[], "doh"),
        ],
        "protocol",
    );
    let other = "www.example.com";
    judged(
        &session_with(other, vec![h2]),
        &[(&allowing(other, ""), &[], "tls"), (&allowing(other, "[dns]\nencrypted = [\"*.example.com\"]"), &[], "doh")],
        "protocol",
    );
    judged(&session_with(other, vec![dot]), &[(&allowing(other, ""), &["WW401?"], "dot")], "protocol");
}

/// What neighbours answer to a question that went to all of them is noise, and binds nothing; what is asked of one is not.
#[test]
fn names_among_neighbours_are_kept_apart() {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let (agent, neighbour, peer) = (ip("10.0.0.4"), ip("10.0.0.77"), ip("203.0.113.5"));
    let policy = "[dns]\nresolvers = [\"10.0.0.2\"]\n[[allow]]\nnames = [\"www.example.com\"]\nports = [443]\n";
    let web = |world: &mut World| {
        let mut tcp = world.connect(agent, (peer, 443));
        world.flights(&mut tcp, &session(0x0304, 0x1301, "www.example.com"), 0);
        world.close(&mut tcp);
    };
    let judge = |world: &World| {
        let written = Written::new("neighbours", policy);
        run_with_input(&["audit", "--json", "-a", "10.0.0.4", "-p", &written.policy(), "-"].map(str::to_owned), &world.pcap())
    };
    for port in [5353, 5355] {
        let mut world = World::default();
        let [asked, answer] = world.dns("printer.local", &[], neighbour);
        world.resolve(agent, ip("10.0.0.2"), "www.example.com", &[], peer);
        web(&mut world);
        world.udp((neighbour, port), (agent, 50_000), &answer);
        let run = judge(&world);
        assert_eq!(found(&run), meant(&[]), "{port}");
        assert!(run.json()["exceptions"].to_string().contains("answers with 10.0.0.77"), "{}", run.json()["exceptions"]);
        // from elsewhere it is an answer that nobody asked for
        let mut far = world.clone();
        far.udp((peer, port), (agent, 50_001), &answer);
        assert_ne!(found(&judge(&far)).0, "pass", "{port}");
        // a question to one of them is one to a resolver
        let mut asking = world.clone();
        asking.udp((agent, 50_002), (neighbour, port), &asked);
        assert!(judge(&asking).rules(&["violation"]).contains(&"WW401".to_owned()), "{port}");
        // and a question of one of them comes in
        let mut asked_of = world.clone();
        asked_of.udp((neighbour, 50_003), (agent, port), &asked);
        assert!(judge(&asked_of).rules(&["violation"]).contains(&"WW102".to_owned()), "{port}");
        // an answer of the agent is its own doing
        let mut answering = world.clone();
        answering.udp((agent, port), (neighbour, 50_005), &answer);
        assert!(judge(&answering).rules(&["violation"]).contains(&"WW101".to_owned()), "{port}");
        // what they answer binds nothing
        let mut bound = World::default();
        let [asked, answer] = bound.dns("www.example.com", &[], peer);
        bound.udp((agent, 50_004), (neighbour, port), &asked);
        bound.udp((neighbour, port), (agent, 50_004), &answer);
        web(&mut bound);
        let rules = judge(&bound).rules(&["undetermined"]);
        assert!(rules.contains(&"WW304".to_owned()), "{port}: {rules:?}");
    }
}
