//! `policy learn`: what was seen passes under what was learnt of it, and nothing else does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;
#[path = "support/world/mod.rs"]
mod world;

use std::net::IpAddr;
use std::path::PathBuf;

use support::{Run, run};
use world::{SECOND, Version, Who, World};

const AGENT: [u8; 4] = [10, 0, 0, 4];
const RESOLVER: [u8; 4] = [10, 0, 0, 2];

/// A folder of captures, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("wirewitness-learn-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn learn(&self, captures: &[&str]) -> (String, String) {
        let learnt = run(["policy", "learn", "-q", "-a", "10.0.0.4"].into_iter().chain(captures.iter().copied()));
        assert_eq!(learnt.code, 0, "{}", learnt.stderr);
        (self.write("learnt.toml", learnt.stdout.as_bytes()), learnt.stdout)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn ip(last: u8) -> IpAddr {
    [203, 0, 113, last].into()
}

/// Asks for names and speaks TLS with each.
fn visit(names: &[(&str, u8)]) -> World {
    let mut world = World::default();
    world.resolve(AGENT.into(), RESOLVER.into(), "4.3.2.1.in-addr.arpa", &[], AGENT.into());
    world.wait(61 * SECOND);
    for (name, last) in names {
        world.resolve(AGENT.into(), RESOLVER.into(), name, &[], ip(*last));
        world.tls(AGENT.into(), (ip(*last), 443), name, Version::Tls13, 300, 900);
    }
    world
}

fn audit(policy: &str, captures: &[&str]) -> Run {
    run(["audit", "--json", "-a", "10.0.0.4", "-p", policy].into_iter().chain(captures.iter().copied()))
}

#[test]
fn what_was_learnt_passes_and_one_destination_more_fails() {
    let folder = Folder::new("passes");
    let first = folder.write("first.pcap", &visit(&[("a.one.example", 1), ("b.one.example", 2), ("c.one.example", 3)]).pcap());
    let second = folder.write("second.pcap", &visit(&[("a.one.example", 1), ("login.two.example", 9)]).pcap());
    let (policy, text) = folder.learn(&[&first, &second]);
    for shown in [
        "\"a.one.example\", # 2 flows in 2 of 2",
        "\"login.two.example\", # 1 flow in 1 of 2",
        "# \"*.one.example\" would be one of 3 names below, all that is registered there",
        "\"10.0.0.2\", # 7 flows in 2 of 2",
    ] {
        assert!(text.contains(shown), "{shown}\n{text}");
    }
    assert!(!text.contains("[[allow]]\n# "), "nothing is doubtful\n{text}");
    for capture in [&first, &second] {
        let run = audit(&policy, &[capture]);
        assert_eq!((run.code, run.rules(&["violation", "undetermined"])), (0, vec![]), "{text}");
    }
    let more = folder.write("more.pcap", &visit(&[("a.one.example", 1), ("d.one.example", 4)]).pcap());
    assert_eq!(audit(&policy, &[&more]).rules(&["violation"]), ["WW302", "WW402"]);
}

#[test]
fn what_is_doubtful_is_commented_out_with_the_reason() {
    let folder = Folder::new("doubtful");
    let mut world = visit(&[("a.one.example", 1)]);
    // in the clear, without a name, unrecognised, and from outside
    world.resolve(AGENT.into(), RESOLVER.into(), "clear.example", &[], ip(5));
    let mut tcp = world.connect(AGENT.into(), (ip(5), 80));
    world.say(&mut tcp, Who::Opener, b"GET / HTTP/1.1\r\nHost: clear.example\r\n\r\n");
    world.say(&mut tcp, Who::Other, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    world.close(&mut tcp);
    world.tls(AGENT.into(), (ip(6), 443), "203.0.113.6", Version::Tls13, 300, 900);
    let mut tcp = world.connect(AGENT.into(), (ip(7), 9000));
    world.say(&mut tcp, Who::Opener, &[0x9d; 600]);
    world.close(&mut tcp);
    let _open = world.connect(ip(8), (AGENT.into(), 22));
    world.resolve(AGENT.into(), RESOLVER.into(), "never.example", &[], ip(11));
    let capture = folder.write("capture.pcap", &world.pcap());
    let (policy, text) = folder.learn(&[&capture]);
    for shown in [
        "# In the clear: permit it",
        "#     \"clear.example\", # 1 flow in 1 of 1",
        "# plaintext = [\"http\"]",
        "# Nobody asked for a name",
        "#     \"203.0.113.6/32\",",
        "# Nobody knows what was spoken here",
        "# Opened towards the agent.",
        "# [[inbound]]",
        "#     \"203.0.113.8/32\",",
        "# Looked up and not reached",
        "\n    \"never.example\", # 1 flow in 1 of 1",
    ] {
        assert!(text.contains(shown), "{shown}\n{text}");
    }
    let run = audit(&policy, &[&capture]);
    let rules = run.rules(&["violation", "undetermined"]);
    assert!(run.code == 1 && rules.contains(&"WW201".to_owned()) && rules.contains(&"WW301".to_owned()), "{rules:?}");
    // what a person decides is what is left to do
    let decided: String = text
        .lines()
        .map(|line| {
            line.strip_prefix("# ")
                .filter(|rest| !rest.ends_with('.') && !rest.contains(": ") && !rest.contains("would be"))
                .unwrap_or(line)
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let policy = folder.write("decided.toml", decided.as_bytes());
    let check = run_check(&policy);
    assert_eq!(check.code, 0, "{}\n{decided}", check.stderr);
    assert_eq!(audit(&policy, &[&capture]).rules(&["violation"]), Vec::<String>::new(), "{decided}");
}

#[test]
fn names_whose_answers_were_not_seen_are_held_to_their_addresses() {
    let folder = Folder::new("unanswered");
    let silent = |names: &[(&str, u8)]| {
        let mut world = World::default();
        world.wait(61 * SECOND);
        for (name, last) in names {
            world.tls(AGENT.into(), (ip(*last), 443), name, Version::Tls13, 300, 900);
        }
        world.pcap()
    };
    let capture = folder.write("capture.pcap", &silent(&[("a.example.net", 1), ("b.example.net", 2), ("a.example.net", 3)]));
    let (policy, text) = folder.learn(&[&capture]);
    let shown = "names = [\"a.example.net\"]\ncidrs = [\n    \"203.0.113.1/32\", # 1 flow in 1 of 1\n    \"203.0.113.3/32\",";
    assert!(text.contains(shown) && text.contains("# No answer was seen that gives this name its address"), "{text}");
    assert_eq!(audit(&policy, &[&capture]).rules(&["violation", "undetermined"]), Vec::<String>::new(), "{text}");
    let swapped = folder.write("swapped.pcap", &silent(&[("a.example.net", 2)]));
    assert_eq!(audit(&policy, &[&swapped]).rules(&["violation", "undetermined"]), ["WW302"], "{text}");
}

#[test]
fn what_a_proxy_was_asked_for_and_what_breaks_rules() {
    let folder = Folder::new("proxied");
    let mut world = World::default();
    world.wait(61 * SECOND);
    let mut tcp = world.connect(AGENT.into(), ([10, 0, 0, 3].into(), 3128));
    world.say(&mut tcp, Who::Opener, b"CONNECT 10.0.0.9:8443 HTTP/1.1\r\nHost: 10.0.0.9:8443\r\n\r\n");
    world.say(&mut tcp, Who::Other, b"HTTP/1.1 200 OK\r\n\r\n");
    for (who, bytes) in world::tls_session("www.example.com", Version::Tls13, 300, 900) {
        world.say(&mut tcp, who, &bytes);
    }
    world.close(&mut tcp);
    let proxied = folder.write("proxied.pcap", &world.pcap());
    let (_, text) = folder.learn(&[&proxied]);
    assert!(text.contains("cidrs = [\n    \"10.0.0.9/32\"") && !text.contains("names = [\n    \"10.0.0.9\""), "{text}");
    // weak handshakes
    let old = "fixtures/tls10/capture.pcap";
    let learnt = run(["policy", "learn", "-q", "-a", "10.77.0.4", old]);
    assert!(learnt.stdout.contains("# WW203 is broken here") && learnt.stdout.contains("# [[allow]]"), "{}", learnt.stdout);
}

#[test]
fn names_that_carry_data_are_left_out() {
    let learnt = run(["policy", "learn", "-q", "-a", "10.77.0.4", "fixtures/dns-tunnel/capture.pcap"]);
    assert!(learnt.stdout.contains("carried data out (WW403)") && !learnt.stdout.contains(".t.evil.example\", #"), "{}", learnt.stdout);
}

fn run_check(policy: &str) -> Run {
    run(["policy", "check", policy])
}

#[test]
fn what_a_policy_allows_already_is_not_learnt_again() {
    let learnt = run([
        "policy",
        "learn",
        "-q",
        "-a",
        "10.77.0.4",
        "-p",
        "azure-arc",
        "-p",
        "os-infrastructure",
        "fixtures/compliant-morning/capture.pcap",
    ]);
    assert_eq!(learnt.code, 0, "{}", learnt.stderr);
    assert!(
        learnt.stdout.contains("extends = [\"azure-arc\", \"os-infrastructure\"]") && !learnt.stdout.contains("[[allow]]"),
        "{}",
        learnt.stdout
    );
    let nobody = run(["policy", "learn", "fixtures/compliant-morning/capture.pcap"]);
    assert!(nobody.code == 2 && nobody.stderr.contains("--agent"), "{}", nobody.stderr);
}
