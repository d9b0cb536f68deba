//! Scenes: things that happen in a world which is compliant but for them, and how each is judged.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "each test binary uses its part, and a test may fail"
)]

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use super::support::{Run, run_with_input};
use super::world::{SECOND, Tcp, Version, World, tls_session};

pub const POLICY: &str = r#"
name = "world"
[agent]
addresses = ["10.0.0.4", "fd00::4"]
[destinations]
private = true
[dns]
resolvers = ["10.0.0.2"]
[[allow]]
names = ["*.allowed.example"]
ports = [443]
[[allow]]
names = ["crl.allowed.example"]
ports = [80]
plaintext = ["http"]
[[allow]]
names = ["time.allowed.example"]
ports = [123]
plaintext = ["ntp"]
"#;

pub const NAME: &str = "a.allowed.example";

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub fn agent() -> IpAddr {
    ip("10.0.0.4")
}

pub fn resolver() -> IpAddr {
    ip("10.0.0.2")
}

pub fn site() -> (IpAddr, u16) {
    (ip("203.0.113.9"), 443)
}

/// A host of the private network, which `private = true` allows.
pub fn neighbour() -> IpAddr {
    ip("10.0.0.77")
}

pub const TEXT: &[u8] = b"password=correct horse battery staple; this is readable by whoever stands on the path\n";

/// Verdict, and the rules of violations and of what is undetermined.
pub fn judge_under(policy: &str, pcap: &[u8]) -> (String, Vec<String>) {
    let run = audit_under(policy, pcap);
    (run.json()["verdict"].as_str().unwrap().to_owned(), run.rules(&["violation", "undetermined"]))
}

/// The audit of a capture under this policy.
pub fn audit_under(policy: &str, pcap: &[u8]) -> Run {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    let file = std::env::temp_dir().join(format!("wirewitness-evasion-{}-{n}.toml", std::process::id()));
    std::fs::write(&file, policy).unwrap();
    let run = run_with_input(&["audit", "--json", "--threads", "1", "-p", file.to_str().unwrap(), "-"].map(str::to_owned), pcap);
    std::fs::remove_file(&file).unwrap();
    assert!(run.code != 2, "{}", run.stderr);
    run
}

/// A world that has begun as it should: a minute of capture, an answer, a session.
pub fn compliant() -> World {
    let mut world = World::default();
    world.resolve(agent(), resolver(), NAME, &[], site().0);
    world.wait(61 * SECOND);
    world.tls(agent(), site(), NAME, Version::Tls13, 700, 5000);
    world
}

/// Says all of a session but its end, and leaves the connection open.
pub fn session(world: &mut World, version: Version) -> Tcp {
    let mut tcp = world.connect(agent(), site());
    let said = tls_session(NAME, version, 700, 5000);
    for (who, bytes) in &said {
        world.say(&mut tcp, *who, bytes);
    }
    tcp
}

/// A name, what happens, and the rules that it must break.
pub type Scene = (&'static str, fn(&mut World), &'static [&'static str]);

/// A name and what happens.
pub type Harmless = (&'static str, fn(&mut World));

/// Plays each scene in a compliant world; each must break exactly these rules, and none may pass.
pub fn must_not_pass(scenes: &[Scene]) {
    let mut wrong = Vec::new();
    for (name, play, expected) in scenes {
        let mut world = compliant();
        play(&mut world);
        let (verdict, rules) = judge_under(POLICY, &world.pcap());
        if verdict == "pass" || rules != *expected {
            wrong.push(format!("{name}: {verdict} {rules:?}, expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Plays each scene in a compliant world, which must stay compliant.
pub fn must_pass(scenes: &[Harmless]) {
    let mut wrong = Vec::new();
    for (name, play) in scenes {
        let mut world = compliant();
        play(&mut world);
        let (verdict, rules) = judge_under(POLICY, &world.pcap());
        if verdict != "pass" {
            wrong.push(format!("{name}: {verdict} {rules:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
