//! `policy test` as it is typed: made-up flows come to what captures come to, and a test that fails says why.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::path::{Path, PathBuf};

use support::run;

/// A folder of its own.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("wirewitness-policy-test-{name}-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("deeper")).unwrap();
        files.iter().for_each(|(file, text)| std::fs::write(folder.join(file), text).unwrap());
        Self(folder)
    }

    fn path(&self, file: &str) -> String {
        self.0.join(file).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// What was captured, by its fixture, and the same as lines.
const SAME: &[(&str, &[&str])] = &[
    ("tls13", &["-> www.example.com:443 tls1.3"]),
    ("tls12", &["-> www.example.com:443 tls1.2"]),
    ("tls10", &["-> www.example.com:443 tls1.0"]),
    ("quic", &["-> www.example.com quic"]),
    ("plaintext-http", &["-> www.example.com http"]),
    ("plaintext-http-permitted", &["-> www.example.com http"]),
    ("address-not-allowed", &["-> 93.184.215.21:443 tls"]),
    ("port-not-allowed", &["-> www.example.com:8443 tls"]),
    ("no-dns-seen", &["-> www.example.com@93.184.215.15 tls unbound"]),
    ("resolver-not-allowed", &["-> 93.184.215.14 dns www.example.com"]),
    ("query-not-allowed", &["-> 10.77.0.2 dns tracker.evil.example", "-> www.example.com"]),
    ("unrecognized-payload", &["-> 10.77.1.5:4000 tcp unknown"]),
    ("inbound-refused", &["<- 203.0.113.66:8080 refused"]),
    ("inbound-permitted-ssh", &["<- 10.77.0.9:22 ssh"]),
    ("inbound-ping", &["<- 203.0.113.66 ping"]),
];

#[test]
fn lines_come_to_what_captures_come_to() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut files = Vec::new();
    for (fixture, lines) in SAME.iter().filter(|(fixture, _)| fixtures.join(fixture).exists()) {
        let case = std::fs::read_to_string(fixtures.join(fixture).join("case.toml")).unwrap();
        let word = |key: &str| case.lines().find_map(|line| line.strip_prefix(&format!("{key} = "))).expect(key).to_owned();
        let (verdict, rules, path) = (word("verdict"), word("rules"), fixtures.join(fixture));
        let text = format!(
            "policy = [{:?}]\nagents = [\"10.77.0.4\"]\n[[test]]\nname = \"captured\"\ncaptures = [{:?}]\nverdict = {verdict}\nrules = {rules}\n\
             [[test]]\nname = \"made up\"\nflows = {lines:?}\nverdict = {verdict}\nrules = {rules}\n",
            path.join("policy.toml"),
            path.join("capture.pcap"),
        );
        files.push((format!("deeper/{fixture}.test.toml"), text));
    }
    assert!(files.len() >= 12, "{}", files.len());
    let named: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let folder = Folder::new("same", &named);
    let run = run(["policy", "test", &folder.path("")]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.ends_with(&format!("{} passed, 0 failed\n", 2 * files.len())), "{}", run.stdout);
}

const POLICY: &str = r#"name = "lab"
[variables]
site = "eu"
[agent]
addresses = ["10.0.0.4"]
[dns]
resolvers = ["10.0.0.2"]
[[allow]]
names = ["*.${site}.example.com"]
ports = [443]
[[allow]]
names = ["crl.example.net"]
ports = [80]
plaintext = ["http"]
[[deny]]
names = ["telemetry.eu.example.com"]
[[inbound]]
from = ["10.0.0.9"]
ports = [22]
protocols = ["ssh"]
times = ["09:00-17:00"]
[[waiver]]
rule = "WW203"
names = ["old.eu.example.com"]
until = 2026-06-30
reason = "replaced soon"
[coverage]
min_flows = 1000
"#;

const TESTS: &str = r#"policy = ["lab.toml"]

[[test]]
name = "what is allowed"
flows = [
  "-> www.eu.example.com",
  "-> www.eu.example.com:443 tls1.2",
  "-> www.eu.example.com quic",
  "-> crl.example.net http",
  "-> 10.0.0.2 dns www.eu.example.com",
  "10.0.0.4 <- 10.0.0.9:22 ssh",
  "-> www.eu.example.com refused",
]
verdict = "pass"
rules = []

[[test]]
name = "what is denied"
flows = ["-> telemetry.eu.example.com"]
verdict = "fail"
rules = ["ww402", "WW302"]

[[test]]
name = "elsewhere"
flows = ["-> 203.0.113.7:443 tls", "-> 203.0.113.8:443 unanswered", "-> www.eu.example.com@203.0.113.5:8443", "-> [2001:db8::1]:443"]
verdict = "fail"
rules = ["WW301", "WW303", "WW305"]

[[test]]
name = "in the clear"
flows = ["-> www.eu.example.com:443 text", "-> 10.0.0.2:514 syslog", "-> www.eu.example.com:443 unknown"]
verdict = "fail"
rules = ["WW201", "WW202", "WW301"]

[[test]]
name = "what comes in"
flows = ["<- 10.0.0.9:22 tls", "<- 10.0.0.8:22 ssh", "<- 10.0.0.8:23 refused"]
verdict = "fail"
rules = ["WW101", "WW102"]

[[test]]
name = "at night"
at = 2026-03-01T03:00:00Z
flows = ["<- 10.0.0.9:22 ssh"]
verdict = "fail"
rules = ["WW101"]

[[test]]
name = "by the clock of somewhere else"
at = 2026-03-01T03:00:00-08:00
flows = ["<- 10.0.0.9:22 ssh"]
verdict = "pass"

[[test]]
name = "waived"
flows = ["-> old.eu.example.com tls1.0"]
verdict = "pass"

[[test]]
name = "waived no more"
at = 2026-07-01
flows = ["-> old.eu.example.com tls1.0"]
verdict = "fail"
rules = ["WW203", "WW911"]
"#;

#[test]
fn tests_pass_or_say_what_came_instead() {
    let folder = Folder::new("lab", &[("lab.toml", POLICY), ("lab.test.toml", TESTS)]);
    let whole = run(["policy", "test", &folder.path("")]);
    assert_eq!((whole.code, whole.stdout.lines().last().unwrap()), (0, "9 passed, 0 failed"), "{}{}", whole.stdout, whole.stderr);
    // under another value of the variable the names are others
    let junit = folder.path("results.xml");
    let other = run(["policy", "test", "--set", "site=us", "--junit", &junit, &folder.path("lab.test.toml")]);
    assert_eq!(other.code, 1, "{}", other.stdout);
    assert!(other.stdout.contains("FAIL  what is allowed"), "{}", other.stdout);
    assert!(other.stdout.contains("line 3: meant pass by no rule, came fail by WW302, WW305, WW402"), "{}", other.stdout);
    assert!(other.stdout.contains("WW302 violation: the agent asked"), "{}", other.stdout);
    let xml = std::fs::read_to_string(&junit).unwrap();
    assert!(xml.contains("<testsuite name=") && xml.contains("tests=\"9\""), "{xml}");
    assert!(xml.contains("<failure message=\"line 3: meant pass by no rule, came fail by WW302, WW305, WW402\">"), "{xml}");
}

#[test]
fn another_policy_can_stand_in() {
    let next = POLICY.replace("[[deny]]\nnames = [\"telemetry.eu.example.com\"]\n", "");
    let folder = Folder::new("next", &[("lab.toml", POLICY), ("next.toml", &next), ("lab.test.toml", TESTS)]);
    let run = run(["policy", "test", "-p", &folder.path("next.toml"), &folder.path("lab.test.toml")]);
    assert_eq!((run.code, run.stdout.lines().last().unwrap()), (1, "8 passed, 1 failed"), "{}", run.stdout);
    assert!(run.stdout.contains("FAIL  what is denied") && run.stdout.contains("meant fail by WW302, WW402, came pass by no rule"));
}

#[test]
fn names_in_results_are_inert() {
    let text = "policy = [\"lab.toml\"]\n[[test]]\nname = \"a <name> & \\\"more\\\"\"\nflows = [\"-> a.example\"]\nverdict = \"pass\"\n";
    let hostile = text.replace("<name>", "\\u001b[31m\\u202e");
    let folder = Folder::new("inert", &[("lab.toml", POLICY), ("x.test.toml", text), ("deeper/y.test.toml", &hostile)]);
    let junit = folder.path("results.xml");
    let run = run(["policy", "test", "--junit", &junit, &folder.path("")]);
    let xml = std::fs::read_to_string(&junit).unwrap();
    assert!(xml.contains("name=\"a &lt;name&gt; &amp; &quot;more&quot;\""), "{xml}");
    assert!(run.code == 2 && run.stderr.contains("y.test.toml:3:8]") && run.stderr.contains("invisible"), "{}", run.stderr);
    let said = format!("{}{}{xml}", run.stdout, run.stderr);
    assert!(said.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{said:?}");
}

#[test]
fn what_cannot_be_run_is_told_with_its_place() {
    let mistaken = "policy = [\"lab.toml\"]\n[[test]]\nflows = [\"-> a.example tls1.4\", \"a.example\", \"-> a.example:0\", \"<- a.example\", \"-> \"]\nverdict = \"pas\"\nrules = [\"WW999\"]\n[[test]]\nverdict = \"pass\"\n";
    let folder = Folder::new("wrong", &[("lab.toml", POLICY), ("wrong.test.toml", mistaken), ("right.test.toml", TESTS)]);
    let both = run(["policy", "test", &folder.path("")]);
    assert_eq!(both.code, 2);
    assert!(both.stdout.ends_with("9 passed, 0 failed, 1 could not be run\n"), "the others are run: {}", both.stdout);
    for (place, words) in [
        (":3:24", "did you mean `tls1."),
        (":3:34", "no address of an agent"),
        (":3:50", "`0` is no port"),
        (":3:68", "comes from an address"),
        (":3:84", "no peer"),
        (":4:11", "did you mean `pass`?"),
        (":5:10", "`WW999` is not known here"),
        (":6:1", "a test of nothing"),
    ] {
        assert!(
            both.stderr.contains(&format!("wrong.test.toml{place}]")) && both.stderr.contains(words),
            "{place} {words}: {}",
            both.stderr
        );
    }
    let empty = Folder::new("empty", &[]);
    let none = run(["policy", "test", &empty.path("")]);
    assert!(none.code == 2 && none.stderr.contains(".test.toml"), "{}", none.stderr);
    let lost = "policy = [\"lost.toml\"]\n[[test]]\nflows = [\"-> a.example\"]\nverdict = \"pass\"\n";
    let folder = Folder::new("lost", &[("x.test.toml", lost)]);
    let lost = run(["policy", "test", &folder.path("")]);
    assert!(lost.code == 2 && lost.stderr.contains("lost.toml"), "{}", lost.stderr);
}

#[test]
fn a_test_that_cannot_be_run_hides_no_other() {
    let text = "policy = [\"lab.toml\"]\n[[test]]\nname = \"lost\"\ncaptures = [\"nowhere.pcap\"]\nverdict = \"pass\"\n[[test]]\nname = \"denied\"\nflows = [\"-> telemetry.eu.example.com\"]\nverdict = \"fail\"\n";
    let folder = Folder::new("unread", &[("lab.toml", POLICY), ("x.test.toml", text), ("y.test.toml", "policy = [")]);
    let junit = folder.path("results.xml");
    let both = run(["policy", "test", "--junit", &junit, &folder.path("")]);
    assert_eq!((both.code, both.stdout.lines().last().unwrap()), (2, "1 passed, 0 failed, 2 could not be run"), "{}", both.stdout);
    assert!(both.stdout.contains("ERROR lost\n          line 2: ") && both.stdout.contains("nowhere.pcap"), "{}", both.stdout);
    let xml = std::fs::read_to_string(&junit).unwrap();
    assert!(xml.contains("tests=\"2\" failures=\"0\" errors=\"1\"") && xml.matches("<error message=").count() == 2, "{xml}");
}
