//! `watch` on a real interface: two network namespaces of the test's own, joined by a veth pair. Traffic goes nowhere else. Needs root
//! and `ip`; without them the tests say so and end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![cfg(all(target_os = "linux", feature = "pcap"))]
mod support;

use std::process::{Command, Stdio};

const AGENT: &str = "10.99.77.1";
const PEER: &str = "10.99.77.2";

/// Two namespaces, taken down again when dropped.
struct Lab {
    agent: String,
    peer: String,
}

fn ip(arguments: &str) -> bool {
    let status = Command::new("ip").args(arguments.split(' ')).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

impl Lab {
    /// `None` where this machine does not let the test make one.
    fn new(name: &str) -> Option<Self> {
        let unique = std::process::id();
        let lab = Self { agent: format!("wwt-{name}-a{unique}"), peer: format!("wwt-{name}-p{unique}") };
        let (a, p) = (lab.agent.clone(), lab.peer.clone());
        let steps = [
            format!("netns add {a}"),
            format!("netns add {p}"),
            format!("-n {a} link add eth0 type veth peer name eth0 netns {p}"),
            format!("-n {a} addr add {AGENT}/24 dev eth0"),
            format!("-n {p} addr add {PEER}/24 dev eth0"),
            format!("-n {a} link set eth0 up"),
            format!("-n {p} link set eth0 up"),
        ];
        if steps.iter().all(|step| ip(step)) {
            return Some(lab);
        }
        eprintln!("not run: network namespaces cannot be made here");
        None
    }

    /// Watches the agent's interface while the peer or the agent runs a shell command, until so many packets were seen.
    fn watch(&self, arguments: &[&str], from_peer: bool, command: &str) -> support::Run {
        let mut watch = Command::new("ip")
            .args(["netns", "exec", &self.agent, env!("CARGO_BIN_EXE_wirewitness"), "watch", "-i", "eth0", "--agent", AGENT])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("watch starts");
        std::thread::sleep(std::time::Duration::from_millis(1500));
        let namespace = if from_peer { &self.peer } else { &self.agent };
        let _ = Command::new("ip").args(["netns", "exec", namespace, "bash", "-c", command]).stderr(Stdio::null()).status();
        watch.stdin.take();
        watch.wait_with_output().expect("watch ends").into()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        ip(&format!("netns del {}", self.agent));
        ip(&format!("netns del {}", self.peer));
    }
}

#[test]
fn an_inbound_attempt_is_found_live() {
    let Some(lab) = Lab::new("in") else { return };
    let run = lab.watch(&["--duration", "4s", "--json"], true, &format!("echo > /dev/tcp/{AGENT}/9"));
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    let document: serde_json::Value = serde_json::from_str(run.stdout.lines().last().expect("a document")).expect("JSON");
    assert_eq!(document["verdict"], "fail");
    assert!(document["findings"].as_array().expect("findings").iter().any(|finding| finding["rule"] == "WW102"), "{document:#}");
    assert_eq!(document["inputs"][0]["format"], "live");
}

#[test]
fn packets_bound_a_watch_and_a_filter_is_applied() {
    let Some(lab) = Lab::new("bound") else { return };
    let began = std::time::Instant::now();
    let attempts = format!("for n in 1 2 3 4 5; do echo > /dev/tcp/{PEER}/9; done");
    let run = lab.watch(&["--packets", "4", "--duration", "30s", "-f", "tcp", "--json"], false, &attempts);
    assert!(began.elapsed().as_secs() < 25, "it ends by its packets");
    let document: serde_json::Value = serde_json::from_str(run.stdout.lines().last().expect("a document")).expect("JSON");
    assert!(document["coverage"]["packets"].as_u64() >= Some(4), "{document:#}");
    assert_eq!(document["filter"], "tcp");
    assert_eq!(document["summary"]["inbound"], 0);
}

#[test]
fn an_interface_that_is_not_there_is_an_error_with_its_name() {
    let run = support::run(["watch", "-i", "wwt-none0", "--agent", AGENT, "--duration", "1s"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("wwt-none0"), "{}", run.stderr);
}
