//! Certificates as the auditor's users meet them: names, moments, roots that a policy gives, what is shown of them and what is not judged.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;
#[path = "support/world/mod.rs"]
mod world;

use std::net::IpAddr;
use std::path::PathBuf;

use rcgen::{CertificateParams, DnType, KeyPair};
use support::{Run, run_with_input};
use world::certificates::{self, Flaw, flawed, identity};
use world::records::{client_hello, record, session, session_showing};
use world::tcp::Who::Opener;
use world::tls::Flight;
use world::{SECOND, START, Talk, Version, World};

const NAME: &str = "www.example.com";
const SUITE: u16 = 0xc02f;
const PLAIN: &str = "[dns]\nresolvers = [\"10.0.0.2\"]\n[[allow]]\nnames = [\"www.example.com\"]\ncidrs = [\"203.0.113.0/24\"]\n[[allow]]\ncidrs = [\"203.0.113.0/24\"]\n";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A session at a moment, to an address that was answered for a name or for none.
fn capture(said: &[Flight], answered: Option<&str>, at: i64) -> Vec<u8> {
    let (agent, server) = (ip("10.0.0.4"), ip("203.0.113.5"));
    let mut world = World::default();
    world.now = at;
    if let Some(name) = answered {
        world.resolve(agent, ip("10.0.0.2"), name, &[], server);
    }
    let mut tcp = world.connect(agent, (server, 443));
    world.flights(&mut tcp, said, 0);
    world.close(&mut tcp);
    world.pcap()
}

/// A folder of its own with a policy and other files.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("wirewitness-certificates-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        files.iter().for_each(|(file, text)| std::fs::write(folder.join(file), text).unwrap());
        Self(folder)
    }

    fn run(&self, command: &str, pcap: &[u8]) -> Run {
        let policy = self.0.join("policy.toml").to_string_lossy().into_owned();
        run_with_input(&[command, "--json", "-a", "10.0.0.4", "-p", &policy, "-"].map(str::to_owned), pcap)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// The rules that are broken, with `?` where that is undetermined, and what is said of WW207.
fn found(run: &Run) -> (Vec<String>, String) {
    assert_ne!(run.code, 2, "{}", run.stderr);
    let open = run.rules(&["undetermined"]).into_iter().map(|rule| format!("{rule}?"));
    let rules = run.rules(&["violation"]).into_iter().chain(open).collect();
    let document = run.json();
    let said = document["findings"].as_array().unwrap().iter().filter(|finding| finding["rule"] == "WW207");
    (rules, said.map(|finding| finding["message"].as_str().unwrap().to_owned()).collect())
}

fn judged(name: &str, pcap: &[u8]) -> (Vec<String>, String) {
    found(&Folder::new(name, &[("policy.toml", PLAIN)]).run("audit", pcap))
}

fn pem(der: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in der.chunks(48) {
        for three in line.chunks(3) {
            let bits = three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
            let digit = |n: usize| if n <= three.len() { DIGITS[(bits >> (18 - 6 * n)) as usize & 63] as char } else { '=' };
            text.extend((0..4).map(digit));
        }
        text.push('\n');
    }
    text + "-----END CERTIFICATE-----\n"
}

#[test]
fn the_name_asked_for_is_what_counts() {
    let right = capture(&session(0x0303, SUITE, NAME), Some(NAME), START);
    assert_eq!(judged("right", &right), (vec![], String::new()));
    // to be asked for nothing is to be meant by what was answered for the address, or by the address
    let nameless = |shows: &str| {
        let mut said = session(0x0303, SUITE, shows);
        said[0].1 = client_hello(0x0303, SUITE, &[]);
        said
    };
    assert_eq!(judged("answered", &capture(&nameless(NAME), Some(NAME), START)).0, [""; 0]);
    assert_eq!(judged("address", &capture(&nameless("203.0.113.5"), None, START)).0, [""; 0]);
    assert_eq!(judged("other", &capture(&nameless("other.example"), Some(NAME), START)).0, ["WW207"]);
    let (rules, said) = judged("unknown", &capture(&nameless("other.example"), None, START));
    assert_eq!(rules, ["WW207?"]);
    assert!(said.contains("was asked for no name, and showed a certificate for other.example"), "{said}");
}

#[test]
fn moments_are_the_packets_own() {
    // valid up to the first moment of 1971
    let said = session_showing(0x0303, SUITE, NAME, &flawed(NAME, Flaw::Expired));
    let end = 365 * 86_400 * SECOND;
    assert_eq!(judged("before", &capture(&said, Some(NAME), end - 3600 * SECOND)).0, [""; 0]);
    let (rules, said) = judged("after", &capture(&said, Some(NAME), end + 2 * SECOND));
    assert_eq!(rules, ["WW207"]);
    assert!(said.contains("expired on 1971-01-01T00:00:00Z"), "{said}");
}

#[test]
fn what_a_client_turned_down_is_no_finding() {
    let mut said = session_showing(0x0303, SUITE, NAME, &flawed(NAME, Flaw::Expired));
    said.truncate(2);
    said.push((Opener, record(21, 0x0303, &[2, 45]), false));
    assert_eq!(judged("refused", &capture(&said, Some(NAME), START)), (vec![], String::new()));
}

#[test]
fn a_resumed_session_shows_none_and_passes() {
    let said = world::tls::session(&Talk { resumed: true, ..Talk::new(NAME, Version::Tls12) });
    assert_eq!(judged("resumed", &capture(&said, Some(NAME), START)), (vec![], String::new()));
}

#[test]
fn a_certificate_with_a_hole_is_a_gap_and_no_pass() {
    let said = session_showing(0x0303, SUITE, NAME, &flawed(NAME, Flaw::Expired));
    let whole = capture(&said, Some(NAME), START);
    assert_eq!(judged("whole", &whole).0, ["WW207"]);
    let (agent, server) = (ip("10.0.0.4"), ip("203.0.113.5"));
    for lost in 0..6 {
        let mut world = World::default();
        world.resolve(agent, ip("10.0.0.2"), NAME, &[], server);
        let mut tcp = world.connect(agent, (server, 443));
        tcp.segment = 200;
        let before = world.frames.len();
        world.flights(&mut tcp, &said, 0);
        let is_big = |frame: &world::Frame| frame.bytes.len() == 200 + 54;
        let at = world.frames[before..].iter().enumerate().filter(|(_, frame)| is_big(frame)).nth(lost).unwrap().0 + before;
        world.frames.remove(at);
        world.close(&mut tcp);
        let (rules, _) = judged("hole", &world.pcap());
        assert!(rules.contains(&"WW906?".to_owned()), "{lost}: {rules:?}");
    }
}

#[test]
fn roots_stand_beside_the_policy_and_bind() {
    let pcap = capture(&session(0x0303, SUITE, NAME), Some(NAME), START);
    let other = flawed("Somebody Else", Flaw::SelfSigned).remove(0);
    let policy = format!("[tls]\nroots = \"roots.pem\"\n{PLAIN}");
    let under = |roots: &str| Folder::new("roots", &[("policy.toml", &policy), ("roots.pem", roots)]).run("audit", &pcap);
    let right = under(&format!("a word ahead\n{}{}", pem(&other), pem(certificates::root())));
    assert_eq!(found(&right), (vec![], String::new()));
    assert!(right.json()["policies"].to_string().contains("roots.pem") && !right.json()["limits"].to_string().contains("[tls] roots"));
    let (rules, said) = found(&under(&pem(&other)));
    assert_eq!(rules, ["WW207"]);
    assert!(said.contains("it leads to no root of the policy"), "{said}");
    // a server's own certificate may be named, though it signed itself
    let own = flawed(NAME, Flaw::SelfSigned);
    let alone = capture(&session_showing(0x0303, SUITE, NAME, &own), Some(NAME), START);
    let pinned = Folder::new("pinned", &[("policy.toml", &policy), ("roots.pem", &pem(&own[0]))]);
    assert_eq!(found(&pinned.run("audit", &alone)), (vec![], String::new()));
    let without = Folder::new("without", &[("policy.toml", PLAIN)]).run("audit", &pcap);
    assert!(without.json()["limits"].to_string().contains("[tls] roots"), "what is not judged is told");
}

#[test]
fn a_file_of_roots_that_is_none_is_a_mistake_at_its_place() {
    let policy = format!("[tls]\nroots = \"roots.pem\"\n{PLAIN}");
    let wrong = [
        ("", "holds no certificate"),
        ("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n", "is no PEM"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate 1 of the file of roots cannot be one"),
    ];
    for (text, message) in wrong {
        let run = Folder::new("wrong", &[("policy.toml", &policy), ("roots.pem", text)]).run("audit", b"");
        assert_eq!(run.code, 2);
        assert!(run.stderr.contains(message) && run.stderr.contains("policy.toml:2"), "{}", run.stderr);
    }
    let run = Folder::new("absent", &[("policy.toml", &policy)]).run("audit", b"");
    assert!(run.code == 2 && run.stderr.contains("the file of roots cannot be read"), "{}", run.stderr);
}

#[test]
fn a_flow_record_shows_the_certificate_inert() {
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "\u{1b}[31mred\u{202e}");
    let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
    let run = Folder::new("record", &[("policy.toml", PLAIN)])
        .run("flows", &capture(&session_showing(0x0303, SUITE, NAME, &[der]), Some(NAME), START));
    assert!(!run.stdout.contains('\u{1b}') && !run.stdout.contains('\u{202e}') && !run.stdout.contains("\\u"), "{}", run.stdout);
    let flow = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .find(|flow| flow["protocol"] == "tls")
        .unwrap();
    let certificate = &flow["tls"]["certificate"];
    assert!(certificate["subject"].as_str().unwrap().contains("\\x1b[31mred"), "{certificate}");
    assert_eq!((&certificate["key"], &certificate["signature"]), (&"EC P-256".into(), &"SHA-256 with ECDSA".into()));
    assert_eq!((&certificate["names"], &certificate["problems"]), (&serde_json::json!([NAME]), &serde_json::json!(["self-signed"])));
    assert_eq!((&certificate["chain"], certificate["sha256"].as_str().unwrap().len()), (&1.into(), 64));
    assert_eq!(identity(NAME).chain.len(), 2);
}
