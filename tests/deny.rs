//! What an entry denies is denied by whatever it is reached, and where that cannot be told nothing passes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;
#[path = "support/world/mod.rs"]
mod world;

use std::net::IpAddr;

use support::run_with_input;
use world::World;
use world::records::{client_hello, session, session_with_ech, with_version};
use world::tcp::Who;

/// Everything is allowed over TLS to these addresses and to names below example.com; one name is not.
const ALLOWED: &str =
    "[dns]\nresolvers = [\"10.0.0.2\"]\n[[allow]]\ncidrs = [\"203.0.113.0/24\"]\n[[allow]]\nnames = [\"*.example.com\"]\n";
const DENIED: &str = "[[deny]]\nnames = [\"telemetry.example.com\"]\npurpose = \"Telemetry\"\n";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn agent() -> IpAddr {
    ip("10.0.0.4")
}

fn resolver() -> IpAddr {
    ip("10.0.0.2")
}

fn peer() -> IpAddr {
    ip("203.0.113.5")
}

fn found(world: &World, policy: &str) -> (Vec<String>, String) {
    support::found(&world.pcap(), "10.0.0.4", policy)
}

/// The rules with the denial in force and without it.
fn with_and_without(world: &World) -> [Vec<String>; 2] {
    [found(world, &format!("{ALLOWED}{DENIED}")).0, found(world, ALLOWED).0]
}

/// A session to the peer, after these names were answered with its address.
fn world(answered: &[&str], said: &[world::tls::Flight]) -> World {
    let mut world = World::default();
    for name in answered {
        world.resolve(agent(), resolver(), name, &[], peer());
    }
    let mut tcp = world.connect(agent(), (peer(), 443));
    world.flights(&mut tcp, said, 0);
    world.close(&mut tcp);
    world
}

fn named(name: &str) -> Vec<world::tls::Flight> {
    session(0x0304, 0x1301, name)
}

/// A session whose hello asks for no name.
fn unnamed() -> Vec<world::tls::Flight> {
    let mut said = named("www.example.com");
    said[0].1 = client_hello(0x0304, 0x1301, &with_version(0x0304, Vec::new()));
    said
}

#[test]
fn a_name_that_is_asked_for() {
    let asked = world(&["telemetry.example.com"], &named("telemetry.example.com"));
    assert_eq!(with_and_without(&asked), [vec!["WW302", "WW402"], vec![]]);
    let told = found(&asked, &format!("{ALLOWED}{DENIED}")).1;
    assert!(told.contains("asked 203.0.113.5:443 for telemetry.example.com, which"), "{told}");
    assert!(told.matches(":7 Telemetry denies").count() == 2, "both say which entry: {told}");
    let other = world(&["www.example.com"], &named("www.example.com"));
    assert_eq!(with_and_without(&other), [Vec::<String>::new(), vec![]]);
}

#[test]
fn a_denial_holds_without_any_allowance_and_over_private_addresses() {
    let asked = world(&["telemetry.example.com"], &named("telemetry.example.com"));
    assert_eq!(found(&asked, DENIED).0, ["WW302", "WW402", "WW912?"]);
    let mut private = World::default();
    private.resolve(agent(), resolver(), "telemetry.example.com", &[], ip("10.9.9.9"));
    let mut tcp = private.connect(agent(), (ip("10.9.9.9"), 443));
    private.flights(&mut tcp, &named("telemetry.example.com"), 0);
    private.close(&mut tcp);
    let policy = format!("[severity]\nWW402 = \"notice\"\n[destinations]\nprivate = true\n{DENIED}");
    assert_eq!(found(&private, &policy).0, ["WW302"]);
    assert_eq!(found(&private, "[severity]\nWW402 = \"notice\"\n[destinations]\nprivate = true\n").0, Vec::<String>::new());
}

#[test]
fn no_name_at_an_address_that_was_answered_for_one() {
    let questions = "[severity]\nWW402 = \"notice\"\n";
    let judge =
        |world: &World| [format!("{questions}{ALLOWED}{DENIED}"), format!("{questions}{ALLOWED}")].map(|policy| found(world, &policy).0);
    // for that name alone: it went there
    assert_eq!(judge(&world(&["telemetry.example.com"], &unnamed())), [vec!["WW301"], vec![]]);
    // for another too: nobody can tell
    assert_eq!(judge(&world(&["www.example.com", "telemetry.example.com"], &unnamed())), [vec!["WW305?"], vec![]]);
    // for others alone, or for none
    assert_eq!(judge(&world(&["www.example.com"], &unnamed())), [Vec::<String>::new(), vec![]]);
    assert_eq!(judge(&world(&[], &unnamed())), [Vec::<String>::new(), vec![]]);
}

#[test]
fn a_hidden_name_may_be_the_denied_one() {
    let hidden = world(&[], &session_with_ech("www.example.com", 42));
    assert_eq!(with_and_without(&hidden), [vec!["WW305?"], vec![]], "the address is allowed by itself");
    let mut late = world(&["www.example.com"], &named("www.example.com"));
    late.frames.retain(|frame| !frame.bytes.windows(15).any(|bytes| bytes == b"www.example.com") || frame.bytes.len() < 120);
    let rules = with_and_without(&late);
    assert!(rules[0].iter().any(|rule| rule == "WW305?"), "the hello was lost: {rules:?}");
}

#[test]
fn a_proxy_is_asked_for_a_name() {
    let through = |host: &str, inner: &str| {
        let mut world = World::default();
        let mut tcp = world.connect(agent(), (ip("203.0.113.9"), 3128));
        world.say(&mut tcp, Who::Opener, format!("CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n").as_bytes());
        world.say(&mut tcp, Who::Other, b"HTTP/1.1 200 Connection established\r\n\r\n");
        world.flights(&mut tcp, &named(inner), 0);
        world.close(&mut tcp);
        world
    };
    let judge = |world: &World, denied: &str| found(world, &format!("{ALLOWED}{denied}")).0;
    let clear = "[[allow]]\ncidrs = [\"203.0.113.9\"]\nplaintext = [\"http\"]\n";
    let both = |denied: &str| format!("{clear}{denied}");
    let asked = through("telemetry.example.com", "telemetry.example.com");
    assert_eq!(judge(&asked, &both(DENIED)), ["WW302"]);
    assert_eq!(judge(&asked, clear), Vec::<String>::new());
    assert_eq!(judge(&through("www.example.com", "telemetry.example.com"), &both(DENIED)), ["WW302"], "the name inside");
    // which address the proxy finds behind the name is not seen
    let at = "[[deny]]\nnames = [\"telemetry.example.com\"]\ncidrs = [\"198.51.100.0/24\"]\n";
    assert_eq!(judge(&asked, &both(at)), ["WW305?"]);
    // the proxy's own address
    assert_eq!(judge(&asked, &both("[[deny]]\ncidrs = [\"203.0.113.9\"]\n")), ["WW301"]);
}

#[test]
fn an_agent_that_is_a_resolver_of_the_policy_is_asked_in_the_clear() {
    let mut world = World::default();
    world.resolve(agent(), resolver(), "www.example.com", &[], peer());
    let audit = |policy: &str| {
        let file = std::env::temp_dir().join(format!("wirewitness-internal-{}-{}.toml", std::process::id(), policy.len()));
        std::fs::write(&file, policy).unwrap();
        let path = file.to_str().unwrap().to_owned();
        let run = run_with_input(&["audit", "--json", "-a", "10.0.0.0/29", "-p", &path, "-"].map(str::to_owned), &world.pcap());
        std::fs::remove_file(&file).unwrap();
        let rules: Vec<String> =
            run.json()["findings"].as_array().unwrap().iter().map(|f| f["rule"].as_str().unwrap().to_owned()).collect();
        (rules, run.json()["exceptions"].to_string())
    };
    let (rules, exceptions) = audit(ALLOWED);
    assert_eq!(rules, Vec::<String>::new());
    assert!(exceptions.contains("plain DNS with the resolver 10.0.0.2"), "what is permitted in the clear is listed: {exceptions}");
    let unlisted = ALLOWED.replace("resolvers = [\"10.0.0.2\"]", "resolvers = [\"10.0.0.3\"]");
    assert_eq!(audit(&unlisted).0, ["WW201"]);
    assert_eq!(
        audit(&ALLOWED.replace("[dns]\nresolvers = [\"10.0.0.2\"]\n", "")).0,
        ["WW201"],
        "that it is private does not make it a resolver"
    );
}

#[test]
fn the_host_of_a_request_in_the_clear() {
    let requests = |hosts: &[&str]| {
        let mut world = World::default();
        world.resolve(agent(), resolver(), "www.example.com", &[], peer());
        let mut tcp = world.connect(agent(), (peer(), 80));
        for host in hosts {
            world.say(&mut tcp, Who::Opener, format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
            world.say(&mut tcp, Who::Other, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
        world.close(&mut tcp);
        world
    };
    let clear = "[[allow]]\ncidrs = [\"203.0.113.5\"]\nplaintext = [\"http\"]\n";
    let judge = |hosts: &[&str], denied: &str| found(&requests(hosts), &format!("{ALLOWED}{clear}{denied}")).0;
    assert_eq!(judge(&["www.example.com", "telemetry.example.com"], ""), Vec::<String>::new());
    assert_eq!(judge(&["telemetry.example.com"], DENIED), ["WW302"]);
    assert_eq!(judge(&["www.example.com", "telemetry.example.com"], DENIED), ["WW302"], "a later request of the same connection");
    assert_eq!(judge(&["www.example.com", "203.0.113.77"], "[[deny]]\ncidrs = [\"203.0.113.77\"]\n"), ["WW302"], "an address as a host");
    assert_eq!(judge(&["www.example.com"], DENIED), Vec::<String>::new());
}

#[test]
fn a_name_that_no_host_has_is_no_way_around() {
    let below = "[[deny]]\nnames = [\"*.telemetry.example.com\", \"telemetry.example.com\"]\n";
    let private = "[severity]\nWW402 = \"notice\"\n[destinations]\nprivate = true\n";
    for name in [
        "a b.telemetry.example.com",
        "x..telemetry.example.com",
        "telemetry.example.com..",
        &format!("{}.telemetry.example.com", "x".repeat(64)),
    ] {
        let mut world = World::default();
        let mut tcp = world.connect(agent(), (ip("10.9.9.9"), 443));
        world.flights(&mut tcp, &named(name), 0);
        world.close(&mut tcp);
        assert_eq!(found(&world, private).0, Vec::<String>::new(), "{name}: to a private address by any name");
        assert_eq!(found(&world, &format!("{private}{below}")).0, ["WW302"], "{name}");
    }
}

/// What an outbound flow of a passing fixture goes to: the `[[deny]]` that must make it fail.
fn denials(flow: &serde_json::Value) -> Vec<String> {
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let read = text(&flow["server_name"]).filter(|_| flow["server_name_source"] != "dns");
    let names = [read, text(&flow["http"]["host"])].into_iter().flatten().filter(|name| name.parse::<IpAddr>().is_err());
    let mut denials: Vec<String> = names.map(|name| format!("names = [\"{name}\"]")).collect();
    denials.extend(text(&flow["responder"]["ip"]).map(|ip| format!("cidrs = [\"{ip}\"]")));
    denials
}

#[test]
fn whatever_a_passing_fixture_goes_to_can_be_denied() {
    let mut tried = 0;
    for case in support::cases().into_iter().filter(|case| case.verdict == "pass" && !case.is_carried()) {
        let mut arguments = case.arguments("flows");
        arguments.extend(["--json".to_owned(), case.capture()]);
        let flows = support::run(arguments).stdout;
        let flows = flows.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let denied: std::collections::BTreeSet<String> =
            flows.filter(|flow| flow["direction"] == "outbound").flat_map(|flow| denials(&flow)).collect();
        for denial in denied {
            let file = std::env::temp_dir().join(format!("wirewitness-denied-{}.toml", std::process::id()));
            std::fs::write(&file, format!("[[deny]]\n{denial}\n")).unwrap();
            let run = case.audit(&["--json", "--policy", file.to_str().unwrap()]);
            std::fs::remove_file(&file).unwrap();
            assert_eq!(run.code, 1, "{}: {denial} is denied and gone to: {}", case.name(), run.stdout);
            tried += 1;
        }
    }
    assert!(tried > 50, "the fixtures go to too few places: {tried}");
}
