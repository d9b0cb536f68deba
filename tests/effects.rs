//! Every key of a policy has its effect: each capture of a fixture is judged under a policy with the key and under one without it, or with
//! another value.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;
#[path = "support/world/mod.rs"]
mod world;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use support::{Run, cases, run, run_with_input};
use wirewitness::judge::policy::DnsTunnel;
use world::World;
use world::records::session_with_ech;

/// Keys that another test holds, and which.
const ELSEWHERE: &[(&str, &str)] = &[
    ("name", "tests/policy.rs: what is shown says where it stands"),
    ("description", "it is for readers of the file"),
    ("allow.source", "tests/policy.rs: what is shown says where it stands"),
    ("ech", "below: no program of the lab hides its hello"),
    ("tunnels.mirror", "tests/tunnels.rs"),
    ("tunnels.own", "tests/tunnels.rs"),
    ("nat64.prefixes", "tests/oddities.rs"),
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
    let source = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/judge/policy/parse.rs")).unwrap();
    let (_, list) = source.split_once("const FILE: &[Key] = &[").unwrap();
    let (list, _) = list.split_once("\n];").unwrap();
    let words: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    assert!(words.len() > 25, "{words:?}");
    let tunnel: Vec<String> = DnsTunnel::KEYS.iter().map(|key| format!("dns.tunnel.{key}")).collect();
    let tables = ["agent", "destinations", "tls", "dns", "tunnels", "nat64", "coverage", "allow", "inbound", "waiver"];
    let mut table = None;
    for word in words.into_iter().chain(tunnel.iter().map(String::as_str)) {
        if tables.contains(&word) {
            table = Some(word);
            continue;
        }
        // its keys stand in a list of their own
        if word == "tunnel" {
            continue;
        }
        // `[severity]` has rules for its keys, and stands between two lists of entries
        let key = match table {
            Some(table) if word != "severity" && !word.contains('.') => format!("{table}.{word}"),
            _ => word.to_owned(),
        };
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
