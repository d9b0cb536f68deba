//! The policy language from outside: a file full of mistakes is mended in one go, and files reach each other in every way.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use wirewitness::fact::{Name, TlsVersion, Transport};
use wirewitness::judge::policy::{Known, Policy, PolicyErrors, Private, profiles};

const KNOWN: Known<'static> = Known { protocols: &["http", "ntp", "smtp", "ssh"] };

fn load(selectors: &[&str], files: &[(&str, &str)]) -> Result<Policy, PolicyErrors> {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    let read = |path: &str| files.get(path).map(|text| (*text).to_owned()).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound));
    let selectors: Vec<String> = selectors.iter().map(|&selector| selector.to_owned()).collect();
    Policy::load(&selectors, &KNOWN, &read)
}

fn refused(text: &str) -> PolicyErrors {
    match load(&["p.toml"], &[("p.toml", text)]) {
        Ok(_) => panic!("this loads:\n{text}"),
        Err(errors) => errors,
    }
}

/// Each line that ends in `# column: words` holds a mistake there, whose message and mend have those words.
const MISTAKEN: &str = r#"
nmae = "lab"                                  # 1: unknown key `nmae`: did you mean `name`?
extends = ["azure-ark", "lost.toml"]          # 12: did you mean `azure-arc`? # 25: lost.toml: cannot be read
dns_binding = "requier"                       # 15: did you mean `require`?
ech = true                                    # 7: `ech` takes a string
[agent]
addresses = ["10.0.0.256", "10.0.0.1/8"]      # 14: no address # 28: did you mean `10.0.0.0/8`
[destinations]
private = "yes"                               # 11: takes true or false, or a list
[tls]
minimum = "1.4"                               # 11: did you mean `1.
ciphers = ["TLS_NONE", 4865]                  # 12: no cipher suite # 24: takes a string
[dns]
resolvers = "10.0.0.2"                        # 13: takes a list
search = ["*.corp.example"]                   # 11: no host name
[[allow]]
names = ["https://a.example/x", "a.example:443", "a..b", "**.c", "a b"] # 10: URL # 33: port # 50: empty label # 58: `**` # 66: ` `
ports = [443, 0, "9-1", 70000, true, "http"]  # 15: no port # 18: did you mean "1-9" # 25: no port # 32: takes ports # 38: no port
transport = "tpc"                             # 13: did you mean `tcp`?
plaintext = ["htttp"]                         # 14: did you mean `http`?
prots = [443]                                 # 1: did you mean `ports`?
purpose = "a\u202eb"                          # 11: invisible
[[allow]]                                     # 1: names and cidrs
purpose = "nothing"
[[allow]]
cidrs = ["fe80::1/10"]                        # 10: fe80::/10
ports = []                                    # 9: without ports
[[inbound]]                                   # 1: permits everything
from = ["10.0.0.0/33"]                        # 9: no prefix
[severity]
WW999 = "notice"                              # 1: not known
WW202 = "notice"                              # 9: raised, and not lowered
WW102 = "loud"                                # 9: one of notice
WW101 = "notice"
ww101 = "violation"                           # 1: set here and at p.toml:34
[[waiver]]
rule = "WW905"                                # 8: cannot be waived
reason = "x"
[[waiver]]                                    # 1: without a reason
rule = "WW201"
until = 2027-03-31T10:00:00Z                  # 9: did you mean 2027-03-31?
[[waiver]]                                    # 1: without a rule
reason = " "                                  # 10: without a reason
until = "soon"                                # 9: takes a date
[[waiver]]
rule = "WW203"
reason = "x"
until = 2026-01-01
granted = 2026-02-01                          # 11: ended before it was granted
[[deny]]                                      # 1: denies nothing
purpose = "nothing"
[[deny]]
names = ["a.example"]
times = ["02:00-04:00"]                       # 1: unknown key `times`
agents = ["02:00:00:00:00:01"]                # 11: no address
[[allow]]
names = ["b.example"]
protocols = ["text"]                          # 14: not known here
since = 2026-03-01
until = 2026-02-01                            # 9: ends before it begins
times = ["2:00-4:00", "03:00-03:00", "mo 03:00-04:00"] # 10: no window of time # 23: has no length # 38: no window of time
"#;

#[test]
fn every_mistake_of_a_file_is_reported_where_it_stands_in_one_run() {
    assert!(reported(MISTAKEN) > 50);
}

/// Holds what is reported of a file against its comments. Returns how many mistakes there are.
fn reported(text: &str) -> usize {
    let text = text.trim_start();
    let mut expected = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for comment in line.split(" # ").skip(1) {
            let (column, words) = comment.split_once(": ").unwrap();
            expected.push((number + 1, column.trim().parse::<usize>().unwrap(), words));
        }
    }
    expected.sort_unstable();
    let errors = refused(text);
    let found: Vec<(usize, usize)> = errors.mistakes().iter().filter_map(|mistake| mistake.place()).collect();
    assert_eq!(found, expected.iter().map(|(line, column, _)| (*line, *column)).collect::<Vec<_>>(), "{errors}");
    let drawn = errors.to_string();
    // each mistake is drawn by itself: `× message`, the place, the caret, the mend
    let drawings: Vec<String> = drawn.split("  × ").skip(1).map(|one| one.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(drawings.len(), expected.len());
    for (drawing, (line, column, words)) in drawings.iter().zip(&expected) {
        assert!(drawing.contains(&format!("p.toml:{line}:{column}")), "{line}:{column} is not in {drawing}");
        let parts = words.split(": did").map(|part| part.trim_start_matches(" you mean "));
        assert!(parts.into_iter().all(|part| drawing.contains(part)), "{words} is not in {drawing}");
    }
    assert!(!drawn.contains('\u{1b}'), "no colour");
    expected.len()
}

#[test]
fn a_class_of_addresses_is_reported_where_it_stands() {
    let errors = refused("[destinations]\nprivate = [\"rfc1918\", \"metdata\", 4]\n");
    assert_eq!(errors.mistakes().iter().map(|mistake| mistake.place()).collect::<Vec<_>>(), [Some((2, 23)), Some((2, 34))], "{errors}");
    assert!(errors.to_string().contains("did you mean `metadata`?"), "{errors}");
}

/// The same of groups and variables.
const LEFT_OPEN: &str = r#"
[variables]
region = "eu"
tenant = ""                                   # 10: no value
size = 4                                      # 8: takes a string
[groups]
web = ["a.example", "@nets", "@wbe"]          # 30: did you mean `@web`?
nets = ["10.0.0.0/8"]
round = ["@trip"]
trip = ["@round"]                             # 9: holds itself by way of `@round`
none = []                                     # 8: is empty
flat = "a.example"                            # 8: takes a list
[[allow]]
names = ["${regoin}.example", "@nets", "${region"] # 10: did you mean `region`? # 31: in the group `nets` # 40: does not end
cidrs = ["@nets", "@net"]                     # 19: did you mean `@nets`?
purpose = "${nowhere}"                        # 11: is not declared
"#;

#[test]
fn mistakes_of_groups_and_variables_are_reported_where_they_stand() {
    reported(LEFT_OPEN);
}

#[test]
fn variables_have_the_value_that_stands_outermost() {
    let base = ("base.toml", "[variables]\nregion = \"eu\"\ntenant = \"t\"\n[[allow]]\nnames = [\"${tenant}.${region}.example\"]\n");
    let mine = ("mine.toml", "extends = [\"base.toml\"]\n[variables]\nregion = \"us\"\n");
    let other = ("other.toml", "extends = [\"base.toml\"]\n");
    let load = |selectors: &[&str], settings: &[(&str, &str)]| {
        let read = |path: &str| {
            let found = [base, mine, other].into_iter().find(|(name, _)| *name == path);
            found.map(|(_, text)| text.to_owned()).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        };
        let selectors: Vec<String> = selectors.iter().map(|&selector| selector.to_owned()).collect();
        let settings: Vec<(String, String)> = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let loaded = Policy::load_with(&selectors, &settings, &KNOWN, &read);
        loaded.map(|policy| policy.allow.iter().map(|entry| entry.names[0].to_string()).collect::<Vec<_>>()).map_err(|e| e.to_string())
    };
    assert_eq!(load(&["base.toml"], &[]).unwrap(), ["t.eu.example"]);
    assert_eq!(load(&["mine.toml"], &[]).unwrap(), ["t.us.example"], "a policy that extends it");
    assert_eq!(load(&["mine.toml"], &[("region", "ap"), ("tenant", "x")]).unwrap(), ["x.ap.example"], "the command line");
    assert_eq!(load(&["mine.toml", "base.toml"], &[]).unwrap(), ["t.us.example", "t.eu.example"], "with each of its values");
    assert_eq!(load(&["base.toml", "other.toml"], &[]).unwrap(), ["t.eu.example"], "once where they are the same");
    let unknown = load(&["base.toml"], &[("regoin", "ap")]).unwrap_err();
    assert!(unknown.contains("--set regoin") && unknown.contains("did you mean `region`?"), "{unknown}");
    assert!(load(&["base.toml"], &[("region", "a"), ("region", "b")]).unwrap_err().contains("set twice"));
    assert!(load(&["base.toml"], &[("region", "a\"]\n[[allow]]\nnames = [\"b")]).is_err(), "a value brings no key of its own");
    let shown = self::load(&["base.toml"], &[base]).unwrap();
    assert!(shown.show().contains("variable    region = eu (base)\n"), "{}", shown.show());
    assert_eq!(shown.used[0].to_string(), "base (region = eu, tenant = t)");
}

#[test]
fn groups_are_those_of_a_file_and_of_what_it_extends() {
    let base = ("base.toml", "[groups]\nweb = [\"a.example\"]\nnets = [\"192.0.2.0/24\"]\n[[allow]]\nnames = [\"@web\"]\n");
    let mine = "extends = [\"base.toml\"]\n[groups]\nall = [\"@web\", \"b.example\"]\n[[deny]]\nnames = [\"@all\"]\ncidrs = [\"@nets\"]\n";
    let policy = load(&["mine.toml"], &[base, ("mine.toml", mine)]).unwrap();
    let shown = policy.show();
    assert!(shown.contains("allow       a.example\n            base:4\n"), "{shown}");
    assert!(shown.contains("deny        a.example b.example at 192.0.2.0/24\n            mine:4\n"), "{shown}");
    // its own holds, and leaves what it extends as it is
    let own = load(
        &["mine.toml"],
        &[base, ("mine.toml", "extends = [\"base.toml\"]\n[groups]\nweb = [\"c.example\"]\n[[allow]]\nnames = [\"@web\"]\n")],
    );
    let names: Vec<String> = own.unwrap().allow.iter().map(|entry| entry.names[0].to_string()).collect();
    assert_eq!(names, ["a.example", "c.example"]);
    // one that neither it nor what it extends has
    assert!(load(&["base.toml", "mine.toml"], &[base, ("mine.toml", "[[allow]]\nnames = [\"@web\"]\n")]).is_err());
    let other = ("other.toml", "[groups]\nweb = [\"d.example\"]\n");
    let both = load(&["mine.toml"], &[base, other, ("mine.toml", "extends = [\"base.toml\", \"other.toml\"]\n")]).unwrap_err();
    assert!(both.to_string().contains("another here than in a policy before it"), "{both}");
    let doubled = (0..40).map(|n| format!("g{n} = [\"@g{}\", \"@g{}\"]\n", n + 1, n + 1)).collect::<String>();
    let errors = load(&["p.toml"], &[("p.toml", &format!("[groups]\n{doubled}g40 = [\"a.example\"]\n"))]).unwrap_err();
    assert!(errors.to_string().contains("deep") || errors.to_string().contains("more than"), "{errors}");
}

#[test]
fn all_that_is_no_toml_is_reported_too() {
    let errors = refused("name = \n[agent]\naddresses = [\"10.0.0.1\"\n[dns\n");
    assert!(errors.mistakes().len() > 1, "{errors}");
    assert_eq!(errors.mistakes()[0].place().map(|(line, _)| line), Some(1));
    assert_eq!(errors.mistakes()[0].file(), Some("p.toml"));
    assert_eq!(refused("[[waiver]]\nrule = \"WW203\"\nreason = \"x\"\nuntil = 2027-02-31\n").mistakes()[0].place(), Some((4, 9)));
    let single = refused("[allow]\nnames = [\"a.example\"]\n").to_string();
    assert!(single.contains("write [[allow]]"), "{single}");
}

#[test]
fn nesting_is_refused_before_it_costs_a_stack() {
    for text in [format!("x = {}", "[".repeat(100_000)), format!("x{} = 1", ".a".repeat(100_000)), format!("[{}x]", "a.".repeat(100_000))] {
        assert!(!refused(&text).mistakes().is_empty());
    }
}

#[test]
fn errors_carry_nothing_that_moves_a_cursor() {
    let drawn = refused("name = \"\u{1b}[31m\u{202e}\u{9b}\"\nx\u{1b} = 1\n").to_string();
    assert!(drawn.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{drawn:?}");
}

#[test]
fn a_file_with_too_many_mistakes_is_cut_and_counted() {
    let text: String = (0..300).map(|n| format!("key{n} = 1\n")).collect();
    let errors = refused(&text);
    assert_eq!(errors.mistakes().len(), 300);
    assert!(errors.to_string().contains("and 200 more mistakes"));
}

#[test]
fn policies_agree_or_contradict_in_any_order() {
    let files = [
        ("base.toml", "[tls]\nminimum = \"1.2\"\n[severity]\nWW102 = \"notice\"\n[[allow]]\nnames = [\"a.example\"]\n"),
        ("strict.toml", "extends = [\"base.toml\"]\n[tls]\nminimum = \"1.3\"\n[severity]\nWW102 = \"violation\"\n"),
        ("plain.toml", "extends = [\"base.toml\"]\n"),
        ("both.toml", "extends = [\"strict.toml\", \"plain.toml\"]\n[tls]\nminimum = \"1.3\"\n"),
        ("settled.toml", "extends = [\"strict.toml\", \"plain.toml\"]\n[tls]\nminimum = \"1.3\"\n[severity]\nWW102 = \"notice\"\n"),
    ];
    for pair in [["strict.toml", "plain.toml"], ["plain.toml", "strict.toml"], ["base.toml", "strict.toml"], ["strict.toml", "base.toml"]] {
        let errors = load(&pair, &files).unwrap_err();
        let messages: Vec<&str> = errors.mistakes().iter().map(|mistake| mistake.message()).collect();
        assert!(messages.iter().any(|m| m.starts_with("tls.minimum is set differently here and at ")), "{pair:?}: {messages:?}");
        assert!(messages.iter().any(|m| m.starts_with("the severity of WW102 is set differently")), "{pair:?}: {messages:?}");
        assert!(errors.mistakes().iter().all(|mistake| mistake.place().is_some()), "a contradiction is shown where it stands");
    }
    let half = load(&["both.toml"], &files).unwrap_err();
    assert_eq!(half.mistakes().len(), 1, "what the extending file sets is settled, the rest is not: {half}");
    assert!(half.mistakes()[0].message().starts_with("the severity of WW102"));
    let settled = load(&["settled.toml"], &files).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((settled.tls_minimum, settled.severity.len()), (TlsVersion::TLS1_3, 1));
    let strict = load(&["strict.toml"], &files).unwrap();
    assert_eq!((strict.tls_minimum, strict.severity.len()), (TlsVersion::TLS1_3, 1), "the extending policy holds");
    let twice = load(&["plain.toml", "base.toml", "./plain.toml", ".//base.toml"], &files).unwrap();
    assert_eq!((twice.allow.len(), twice.used.len()), (1, 2), "a policy counts once, by whatever path");
}

#[test]
fn files_reach_each_other_beside_themselves_and_never_for_ever() {
    let files = [
        ("etc/lab.toml", "extends = [\"sites/berlin\", \"azure-arc\"]\n"),
        ("etc/sites/berlin", "extends = [\"../common.toml\"]\n[[allow]]\nnames = [\"b.example\"]\n"),
        ("etc/sites/../common.toml", "[[allow]]\nnames = [\"c.example\"]\n"),
        ("dot.toml", "extends = [\"./dot.toml\"]\n"),
        ("loop/up.toml", "extends = [\"../loop/up.toml\"]\n"),
        ("./baseline", "[destinations]\nprivate = true\n"),
        ("mine.toml", "extends = [\"./baseline\"]\n"),
    ];
    let lab = load(&["etc/lab.toml"], &files).unwrap_or_else(|e| panic!("{e}"));
    let names: Vec<&str> = lab.used.iter().map(|used| used.name.as_str()).collect();
    assert_eq!(names, ["common", "berlin", "azure-arc", "lab"], "a policy without a name is called as its file, without the folder");
    for (path, words) in [("./dot.toml", "extends itself by way of dot.toml"), ("dot.toml", "extends itself")] {
        let errors = load(&[path], &files).unwrap_err().to_string();
        assert!(errors.contains(words), "{errors}");
    }
    // a path that grows at every step, as behind a link
    let grows = |_: &str| Ok("extends = [\"../loop/up.toml\"]\n".to_owned());
    let errors = Policy::load(&["loop/up.toml".to_owned()], &KNOWN, &grows).unwrap_err().to_string();
    assert!(errors.contains("too many policies extend each other"), "{errors}");
    let is_private = |selectors: &[&str]| load(selectors, &files).unwrap().private == Private::ALL;
    assert!(is_private(&["./baseline"]) && is_private(&["mine.toml"]), "a path is a file");
    assert!(!is_private(&["baseline"]) && !load(&[], &files).unwrap().allows_destinations(), "a name is built in");
}

#[test]
fn ipv4_written_as_ipv6_is_ipv4() {
    let text = "[dns]\nresolvers = [\"::ffff:10.0.0.2\"]\n[[allow]]\ncidrs = [\"::ffff:20.0.0.0/104\", \"64:ff9b::1.2.3.4\"]\n";
    let policy = load(&["p.toml"], &[("p.toml", text)]).unwrap();
    assert!(policy.resolver_allowed([10, 0, 0, 2].into()));
    for covered in ["20.1.2.3", "::ffff:20.1.2.3", "1.2.3.4", "64:ff9b::1.2.3.4"] {
        assert!(policy.allow[0].covers_address(covered.parse().unwrap()), "{covered}");
    }
    assert!(!policy.allow[0].covers_address("21.1.2.3".parse().unwrap()));
}

#[test]
fn only_the_one_spelling_of_an_address_is_its_reverse() {
    let policy = load(&[], &[]).unwrap();
    let asked = |text: &str| policy.query_allowed(&Name::from_wire(text.as_bytes()), [10, 0, 0, 4].into());
    let nibbles = "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2";
    assert!(asked("4.3.2.1.in-addr.arpa") && asked("4.3.2.1.IN-ADDR.ARPA.") && asked(&format!("{nibbles}.ip6.arpa")));
    for data in ["+4.3.2.1.in-addr.arpa", "004.3.2.1.in-addr.arpa", "5.4.3.2.1.in-addr.arpa", "secret.3.2.1.in-addr.arpa", "in-addr.arpa"] {
        assert!(!asked(data), "{data}");
    }
    assert!(!asked(&format!("0.{nibbles}.ip6.arpa")) && !asked("4.3.2.1.in-addr.arpa.evil.example"));
}

#[test]
fn no_built_in_policy_permits_plaintext_where_tls_is_spoken() {
    for (profile, _) in profiles::PROFILES {
        let policy = load(&[profile], &[]).unwrap_or_else(|e| panic!("{profile}: {e}"));
        for entry in policy.allow.iter().filter(|entry| !entry.plaintext.is_empty()) {
            assert!(!entry.ports.is_empty(), "{}", entry.label());
            assert!(!entry.covers_port(443, Transport::Tcp), "{}", entry.label());
        }
        assert!(policy.allow.iter().all(|entry| !entry.ports.is_empty()), "{profile}: every entry names its ports");
        assert!(policy.inbound.is_empty() && policy.severity.is_empty() && policy.waivers.is_empty(), "{profile}: relaxes no rule");
    }
    let all: Vec<&str> = profiles::names().collect();
    load(&all, &[]).unwrap_or_else(|e| panic!("all of them together: {e}"));
}

#[test]
fn every_policy_file_of_the_fixtures_loads() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut loaded = 0;
    for folder in std::fs::read_dir(fixtures).unwrap() {
        let path = folder.unwrap().path().join("policy.toml");
        if path.exists() {
            let read = |path: &str| std::fs::read_to_string(path);
            Policy::load(&[path.to_string_lossy().into_owned()], &KNOWN, &read).unwrap_or_else(|e| panic!("{e}"));
            loaded += 1;
        }
    }
    assert!(loaded > 0);
}

#[test]
fn what_is_shown_says_where_it_stands() {
    let text = r#"name = "lab"
extends = ["azure-arc"]
dns_binding = "require"
[agent]
addresses = ["10.0.0.4", "02:00:00:00:00:01"]
[destinations]
private = true
[dns]
resolvers = ["10.0.0.2"]
[[inbound]]
from = ["10.0.0.0/24"]
ports = ["8000-8100", 22]
protocols = ["ssh"]
agents = ["10.0.0.4"]
times = ["mon-fri 09:00-17:00"]
purpose = "Operators"
[[waiver]]
rule = "WW203"
names = ["old.example"]
until = 9999-12-31
reason = "replaced soon"
owner = "the network team"
granted = 2026-11-01
[[deny]]
names = ["*.telemetry.example"]
cidrs = ["192.0.2.0/24"]
ports = [443]
transport = "udp"
agents = ["10.0.0.4"]
purpose = "Telemetry"
source = "a decision"
"#;
    let shown = load(&["p.toml"], &[("p.toml", text)]).unwrap().show();
    for line in [
        "agent       10.0.0.4 (lab:5)",
        "agent       02:00:00:00:00:01 (lab:5)",
        "tls         at least TLS1.2 (azure-arc:9)",
        "resolver    10.0.0.2/32 (lab:9)",
        "dns_binding require (lab:3)",
        "ech         undetermined (default)",
        "allow       private addresses under any name (lab:7)",
        "allow       169.254.169.254/32 169.254.169.253/32, port 80, plaintext http",
        "inbound     from 10.0.0.0/24, port 8000-8100 22, speaking ssh, for 10.0.0.4/32, at mon,tue,wed,thu,fri 09:00-17:00: Operators (lab:10)",
        "waiver      WW203 of old.example until 9999-12-31: replaced soon, granted 2026-11-01 by the network team (lab:17)",
        "deny        *.telemetry.example at 192.0.2.0/24, port 443, udp alone, for 10.0.0.4/32",
        "            lab:24 Telemetry",
        "            source: a decision",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "`{line}` is not in\n{shown}");
    }
    assert!(shown.contains("source: azure-management-docs"));
}
