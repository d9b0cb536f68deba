//! The policy language held against its words.

use proptest::prelude::*;

use super::*;

fn load(text: &str) -> Result<Policy, PolicyErrors> {
    load_with(&["test.toml"], &[("test.toml", text)])
}

fn load_with(selectors: &[&str], files: &[(&str, &str)]) -> Result<Policy, PolicyErrors> {
    let read = |path: &str| {
        let found = files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
        found.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))
    };
    let selectors: Vec<String> = selectors.iter().map(|&s| s.to_owned()).collect();
    Policy::load(&selectors, &Known { protocols: &["http", "ntp", "ssh"] }, &read)
}

const AGENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 4));

fn name(text: &str) -> Name {
    Name::from_wire(text.as_bytes())
}

#[test]
fn patterns_are_told_apart() {
    let matches = |pattern: &str, text: &str| Pattern::parse(pattern).unwrap().matches(&name(text));
    assert!(matches("*.example.com", "a.example.com") && matches("*.example.com", "a.b.example.com"));
    assert!(!matches("*.example.com", "example.com") && !matches("*.example.com", "aexample.com"));
    assert!(matches("azgn-*.servicebus.windows.net", "azgn-eastus-public-1p-blu-1.servicebus.windows.net"));
    assert!(!matches("azgn-*.servicebus.windows.net", "azgn-a.b.servicebus.windows.net"));
    assert!(matches("*", "any.name.example") && matches("Login.Example.COM.", "login.example.com"));
    assert!(!matches("*.example.com", "evil\0.example.com"), "odd names never fit");
    for wrong in ["", "a..b", "**.example.com", "https://a.example", "a.example:443", "a b.example", ".", "*.", "b\u{fc}cher.example"] {
        assert!(Pattern::parse(wrong).is_err(), "{wrong}");
    }
}

/// What a label's pattern means, written for clearness: every way of giving the star some letters.
fn naive(pattern: &[u8], label: &[u8]) -> bool {
    match (pattern.split_first(), label.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => naive(rest, label) || label.split_first().is_some_and(|(_, tail)| naive(pattern, tail)),
        (Some((a, rest)), Some((b, tail))) => a == b && naive(rest, tail),
        _ => false,
    }
}

/// What a whole pattern means: the labels one by one, and before them one or more where it begins with `*.`.
fn naive_name(pattern: &str, name: &str) -> bool {
    let (more, rest) = pattern.strip_prefix("*.").map_or((false, pattern), |rest| (true, rest));
    let (patterns, labels): (Vec<&str>, Vec<&str>) = (rest.split('.').collect(), name.split('.').collect());
    let Some(before) = labels.len().checked_sub(patterns.len()) else { return false };
    let right_many = if more { before >= 1 } else { before == 0 };
    right_many && patterns.iter().zip(&labels[before..]).all(|(pattern, label)| naive(pattern.as_bytes(), label.as_bytes()))
}

proptest! {
    #[test]
    fn stars_within_a_label(pattern in "[ab*]{1,6}", label in "[ab]{1,8}") {
        prop_assume!(!pattern.contains("**"));
        let ours = Pattern::parse(&format!("{pattern}.example")).unwrap().matches(&name(&format!("{label}.example")));
        prop_assert_eq!(ours, naive(pattern.as_bytes(), label.as_bytes()));
    }

    #[test]
    fn patterns_of_whole_names(pattern in "(\\*\\.)?[ab*]{1,3}(\\.[ab*]{1,3}){0,2}", text in "[ab]{1,3}(\\.[ab]{1,3}){0,3}") {
        prop_assume!(!pattern.contains("**") && pattern != "*");
        let ours = Pattern::parse(&pattern).unwrap();
        prop_assert_eq!(ours.matches(&name(&text)), naive_name(&pattern, &text), "{} and {}", pattern, text);
        prop_assert_eq!(ours.to_string(), pattern);
    }

    #[test]
    fn no_text_is_too_odd_to_be_read(text in "\\PC{0,80}", toml in "[a-z\\[\\]=\"\\n .,0-9*]{0,80}") {
        let _ = Pattern::parse(&text).map(|pattern| pattern.matches(&name("a.example")));
        let _ = parse_agent(&text);
        let _ = load(&text).map_err(|e| e.to_string());
        let _ = load(&toml).map_err(|e| e.to_string());
    }
}

#[test]
fn many_stars_cost_little() {
    let pattern = Pattern::parse(&format!("{}b.example", "*a".repeat(30))).unwrap();
    assert!(!pattern.matches(&name(&format!("{}.example", "a".repeat(63)))));
}

#[test]
fn every_profile_loads() {
    for (profile, _) in profiles::PROFILES {
        let policy = load_with(&[profile], &[]).unwrap_or_else(|e| panic!("{profile}: {e}"));
        assert!(policy.allow.iter().all(|entry| entry.purpose.is_some() && entry.source.is_some()), "{profile}");
        assert!(profiles::description(profile).is_some_and(|text| text.len() > 20), "{profile}");
        assert_eq!(policy.allows_destinations(), *profile != "baseline");
        assert!(policy.show().contains("sha256"));
    }
}

#[test]
fn azure_arc_lets_in_what_is_documented_and_no_more() {
    let policy = load_with(&["azure-arc"], &[]).unwrap();
    for allowed in
        ["gbl.his.arc.azure.com", "eus.login.microsoft.com", "azgn-eastus-public-1p-blu-1.servicebus.windows.net", "management.azure.com"]
    {
        assert!(policy.name_allowed(&name(allowed)).is_some(), "{allowed}");
    }
    for refused in [
        "his.arc.azure.com",
        "azgnrelay-eastus-l1.servicebus.windows.net",
        "evil.servicebus.windows.net",
        "evil-login.microsoft.com",
        "download.microsoft.com",
        "www.microsoft.com",
        "x.blob.core.windows.net",
    ] {
        assert!(policy.name_allowed(&name(refused)).is_none(), "{refused}");
    }
    let probes = policy.allow.iter().filter(|entry| entry.plaintext == ["http"]);
    let [link_local, google] = <[&Allow; 2]>::try_from(probes.collect::<Vec<_>>()).unwrap();
    assert!(["169.254.169.254", "169.254.169.253"].iter().all(|probe| link_local.covers_address(probe.parse().unwrap())));
    assert!(!link_local.covers_address([169, 254, 169, 252].into()) && !link_local.covers_port(443, Transport::Tcp));
    assert!(policy.query_allowed(&name("metadata.google.internal"), AGENT) && google.covers_address([169, 254, 169, 254].into()));
    let relay = load_with(&["azure-arc", "azure-arc-remote-access"], &[]).unwrap();
    assert!(relay.name_allowed(&name("azgnrelay-eastus-l1.servicebus.windows.net")).is_some());
    assert!(load_with(&["azure-arc", "azure-arc-private-link"], &[]).unwrap().private == Private::ALL);
}

#[test]
fn the_contracts_example_loads() {
    let policy = load(
        r#"
name = "lab"
extends = ["azure-arc"]
[agent]
addresses = ["10.0.0.4", "fd00::/64", "02:00:00:00:00:01"]
[destinations]
private = true
[tls]
minimum = "1.2"
[dns]
resolvers = ["10.0.0.2"]
search = ["corp.example"]
[[allow]]
names = ["*.his.arc.azure.com", "login.microsoftonline.com"]
ports = [443]
purpose = "Hybrid identity"
[[allow]]
cidrs = ["20.190.128.0/18"]
ports = [443, "8000-8100"]
[[allow]]
names = ["crl.example.net"]
ports = [80]
plaintext = ["http"]
[[inbound]]
from = ["10.0.0.0/24"]
ports = [22]
protocols = ["ssh"]
[severity]
WW102 = "notice"
[[waiver]]
rule = "WW203"
names = ["legacy.example.net"]
until = 2027-03-31
reason = "vendor upgrade due in Q1"
"#,
    )
    .unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(policy.agents.len(), 3);
    assert_eq!(policy.used.iter().map(|used| used.name.as_str()).collect::<Vec<_>>(), ["azure-arc", "lab"]);
    let (until, day) = policy.waivers[0].until.clone().unwrap();
    assert_eq!((until, day.as_str()), (Timestamp::from_date(2027, 4, 1), "2027-03-31"), "the whole day is covered");
    assert!(policy.resolver_allowed([10, 0, 0, 2].into()) && !policy.resolver_allowed([10, 0, 0, 3].into()));
    assert!(policy.query_allowed(&name("crl.example.net.corp.example"), AGENT), "under a search suffix");
    assert!(policy.query_allowed(&name("4.0.0.10.in-addr.arpa"), AGENT) && !policy.query_allowed(&name("secret.in-addr.arpa"), AGENT));
    let range = policy.allow.iter().find(|entry| entry.ports.len() == 2).unwrap();
    assert!(range.covers_port(8050, Transport::Tcp) && !range.covers_port(8101, Transport::Tcp));
    assert!(["::ffff:20.190.128.9", "64:ff9b::20.190.128.9"].iter().all(|ip| range.covers_address(ip.parse().unwrap())));
}

#[test]
fn every_mistake_is_reported_at_its_place_in_one_run() {
    let text = r#"[agent]
addresses = ["10.0.0.256", "10.0.0.1/8"]
[tls]
minimum = "1.4"
ciphers = ["TLS_NONE"]
[dns]
resolvers = ["resolver.example"]
search = ["a b"]
[[allow]]
names = ["https://a.example", "a..b", "**.c"]
ports = [0, "9-1", 70000, true]
transport = "icmp"
plaintext = ["htttp"]
[[allow]]
purpose = "nothing"
[[inbound]]
from = ["10.0.0.0/33"]
[severity]
WW999 = "notice"
WW202 = "notice"
WW102 = "loud"
[[waiver]]
rule = "WW905"
reason = "x"
[[waiver]]
rule = "WW201"
reason = " "
until = 10:00:00
"#;
    let errors = load(text).unwrap_err();
    let lines: Vec<usize> = errors.mistakes().iter().filter_map(|m| m.place().map(|(line, _)| line)).collect();
    assert_eq!(lines, [2, 2, 4, 5, 7, 8, 10, 10, 10, 11, 11, 11, 11, 12, 13, 14, 16, 17, 19, 20, 21, 23, 27, 28], "{errors}");
    let text = errors.to_string();
    for mend in ["did you mean `http`?", "10.0.0.0/8", "write the host name alone", "it can be raised, and not lowered", "test.toml:2:"] {
        assert!(text.contains(mend), "{mend} is not in\n{text}");
    }
    let column = errors.mistakes().iter().find(|m| m.message().contains("10.0.0.256")).and_then(Mistake::place);
    assert_eq!(column, Some((2, 14)));
}

#[test]
fn an_unknown_key_is_named_with_its_neighbour() {
    let errors = load("[[allow]]\nnames = [\"a.example\"]\nprots = [443]\n").unwrap_err();
    let text = errors.to_string();
    assert!(text.contains("prots") && text.contains("did you mean `ports`?") && text.contains("test.toml:3:1"), "{text}");
}

#[test]
fn scalars_of_equal_rank_must_agree_and_an_extending_file_holds() {
    let files = [
        ("a.toml", "[tls]\nminimum = \"1.2\"\n"),
        ("b.toml", "[tls]\nminimum = \"1.3\"\n"),
        ("c.toml", "extends = [\"a.toml\"]\n[tls]\nminimum = \"1.3\"\n"),
    ];
    let errors = load_with(&["a.toml", "b.toml"], &files).unwrap_err();
    assert!(errors.to_string().contains("tls.minimum is set differently"), "{errors}");
    assert_eq!(load_with(&["c.toml"], &files).unwrap().tls_minimum, TlsVersion::TLS1_3);
    assert_eq!(load_with(&["a.toml"], &files).unwrap().used.len(), 1);
}

#[test]
fn what_extends_itself_or_is_not_there_is_said() {
    let files = [("a.toml", "extends = [\"b.toml\"]"), ("b.toml", "extends = [\"a.toml\"]")];
    assert!(load_with(&["a.toml"], &files).unwrap_err().to_string().contains("extends itself"));
    assert!(load_with(&["azure-ark"], &[]).unwrap_err().to_string().contains("did you mean `azure-arc`?"));
    assert!(load_with(&["none.toml"], &[]).unwrap_err().to_string().contains("none.toml: cannot be read"));
}

#[test]
fn private_addresses() {
    let policy = load("[nat64]\nprefixes = [\"fd64::/96\"]").unwrap();
    let is_private = |ip: IpAddr| policy.is_private(ip);
    for private in [
        "10.1.2.3",
        "172.31.0.1",
        "192.168.1.1",
        "169.254.1.1",
        "fd00::1",
        "fe80::1",
        "::ffff:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "fd64::10.0.0.1",
    ] {
        assert!(is_private(private.parse().unwrap()), "{private}");
    }
    for public in ["172.32.0.1", "8.8.8.8", "100.64.0.1", "2001:db8::1", "::ffff:8.8.8.8", "fd64::8.8.8.8"] {
        assert!(!is_private(public.parse().unwrap()), "{public}");
    }
}

#[test]
fn what_is_behind_nat64_is_the_ipv4_address() {
    let text = "[nat64]\nprefixes = [\"2001:db8:64::/96\", \"2001:db8:100::/40\"]\n[[allow]]\ncidrs = [\"192.0.2.0/24\", \"2001:db8:64::c633:6400/120\"]\n";
    let policy = load(text).unwrap();
    let covers = |ip: &str| policy.allow[0].covers_address(policy.nat64.canonical(ip.parse().unwrap()));
    assert!(["192.0.2.33", "2001:db8:64::192.0.2.33", "2001:db8:1c0:2:21::", "198.51.100.7"].into_iter().all(covers));
    assert!(!covers("2001:db8:64::192.0.3.33") && !covers("2001:db8:65::192.0.2.33"));
    assert!(policy.show().contains("nat64       2001:db8:64::/96 (test:2)\nnat64       2001:db8:100::/40 (test:2)\n"));
    for wrong in ["[]", "[\"10.0.0.0/8\"]", "[\"2001:db8::/33\"]", "[\"2001:db8::1/96\"]", "[\"2001:db8:0:0:100::/96\"]", "[\"fd64::\"]"] {
        assert!(load(&format!("[nat64]\nprefixes = {wrong}\n")).is_err(), "{wrong}");
    }
}

#[test]
fn coverage_is_read_united_and_shown() {
    let text = "[coverage]\nmin_duration = \"24h\"\nmin_flows = 5\nexpect = [\"*.his.arc.azure.com\", \"fd77::4\", \"10.0.0.0/24\"]\n";
    let policy = load(text).unwrap();
    let required = &policy.coverage;
    assert_eq!((&required.min_duration, required.min_flows), (&Some((86_400_000_000_000, "24h".to_owned())), Some(5)));
    let expected: Vec<String> = required.expect.iter().map(|(who, origin)| format!("{who} {origin}")).collect();
    assert_eq!(expected, ["*.his.arc.azure.com test:4", "fd77::4 test:4", "10.0.0.0/24 test:4"]);
    let shown = policy.show();
    assert!(shown.contains("coverage    over 24h at least (test:2)\ncoverage    5 flows at least (test:3)\n"), "{shown}");
    assert!(shown.contains("coverage    fd77::4 must be seen (test:4)\n"), "{shown}");
    // lists unite, and scalars of equal rank must agree
    let other = [("test.toml", text), ("b.toml", "[coverage]\nmin_flows = 6\nexpect = [\"b.example\"]")];
    assert!(load_with(&["test.toml", "b.toml"], &other).unwrap_err().to_string().contains("coverage.min_flows"));
    let over = [("test.toml", text), ("b.toml", "extends = [\"test.toml\"]\n[coverage]\nmin_flows = 6\nexpect = [\"b.example\"]")];
    let united = load_with(&["b.toml"], &over).unwrap().coverage;
    assert_eq!(
        (united.min_flows, united.expect.len(), united.min_duration.map(|(nanos, _)| nanos)),
        (Some(6), 4, Some(86_400_000_000_000))
    );
    for wrong in [
        "min_duration = \"0s\"",
        "min_duration = \"10\"",
        "min_duration = \"9999999999d\"",
        "min_duration = 60",
        "min_flows = 0",
        "min_flows = -1",
        "min_flows = \"5\"",
        "expect = []",
        "expect = [\"a..b\"]",
        "expect = [\"10.0.0.1/24\"]",
        "minflows = 5",
    ] {
        assert!(load(&format!("[coverage]\n{wrong}\n")).is_err(), "{wrong}");
    }
}
