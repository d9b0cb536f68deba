//! Whom requests in the clear are for, however they are written: every host that a server or a proxy may take for the one that is meant counts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;
#[path = "support/world/mod.rs"]
mod world;

use std::net::{IpAddr, Ipv4Addr};

use world::World;
use world::tcp::Who;

const AGENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 4));
const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 3));
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5));
const PERMITTED: &str = "[[allow]]\nnames = [\"www.example.com\"]\nplaintext = [\"http\"]\n";
const DENIED: &str = "[[allow]]\ncidrs = [\"203.0.113.0/24\"]\nplaintext = [\"http\"]\n[[deny]]\nnames = [\"evil.example\"]\n";
const NOTHING: [&str; 0] = [];

/// What is said, and by whom, to the peer whose address was answered for www.example.com.
fn world(to: (IpAddr, u16), said: &[(Who, &[u8])]) -> World {
    let mut world = World::default();
    world.resolve(AGENT, RESOLVER, "www.example.com", &[], PEER);
    let mut tcp = world.connect(AGENT, to);
    for (who, bytes) in said {
        world.say(&mut tcp, *who, bytes);
    }
    world.close(&mut tcp);
    world
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn broken(world: &World, policy: &str) -> Vec<String> {
    let policy = format!("[severity]\nWW402 = \"notice\"\n{policy}[dns]\nresolvers = [\"10.0.0.2\"]\n");
    support::found(&world.pcap(), "10.0.0.4", &policy).0
}

fn asking(request: &str) -> [Vec<String>; 2] {
    let world = world((PEER, 80), &[(Who::Opener, request.as_bytes()), (Who::Other, ANSWER)]);
    [broken(&world, PERMITTED), broken(&world, DENIED)]
}

#[test]
fn what_a_query_holds_is_no_host() {
    let [permitted, denied] = asking("GET /login?next=http://evil.example/ HTTP/1.1\r\nHost: www.example.com\r\n\r\n");
    assert_eq!((permitted, denied), (vec![], vec![]));
    for request in [
        "GET /?u=http://www.example.com/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET /a://www.example.com/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET http://www.example.com:80@evil.example/x HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET http://evil.example?www.example.com/ HTTP/1.1\r\n\r\n",
    ] {
        assert_eq!(asking(request)[1], ["WW302"], "{request}");
        assert!(!asking(request)[0].is_empty(), "{request}");
    }
}

#[test]
fn every_host_counts() {
    for request in [
        "GET / HTTP/1.1\r\nHost: www.example.com\r\nHost: evil.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : evil.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n evil.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: www.example.com\r\n\tevil.example\r\n\r\n",
        "GET / HTTP/1.1\r\nX: y\rHost: evil.example\r\n\r\n",
        "GET http://www.example.com/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    ] {
        let [permitted, denied] = asking(request);
        assert!(!permitted.is_empty(), "{request}");
        assert_eq!(denied, ["WW302"], "{request}");
    }
    let [permitted, _] = asking("GET / HTTP/1.1\r\nX-Host: evil.example\r\nHost: www.example.com:80\r\n folded-of-none: \r\n\r\n");
    assert_eq!(permitted.len(), 1, "what is folded behind a host may be one");
}

#[test]
fn a_proxy_is_asked_in_the_clear_for_hosts_that_are_allowed() {
    let through = |target: &str, policy: &str| {
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").replace("Host: x", &format!("Host: {}", target.split('/').nth(2).unwrap()));
        let world = world((PROXY, 3128), &[(Who::Opener, request.as_bytes()), (Who::Other, ANSWER)]);
        broken(&world, &format!("{policy}[[allow]]\ncidrs = [\"10.0.0.3/32\"]\nports = [3128]\nplaintext = [\"http\"]\n"))
    };
    assert_eq!(through("http://www.example.com/x", PERMITTED), NOTHING);
    assert_eq!(through("http://evil.example/x", PERMITTED), ["WW302"]);
    assert_eq!(through("http://203.0.113.9/x", PERMITTED), ["WW302"]);
    assert_eq!(through("http://203.0.113.9/x", DENIED), NOTHING, "the address is allowed by itself");
}

#[test]
fn an_answer_makes_no_request_of_what_came_before_it() {
    let text = "user=root password=hunter2 ".repeat(20);
    for (said, rule) in [(vec![0x9d; 300], "WW202?"), (text.clone().into_bytes(), "WW201")] {
        let world = world((PEER, 80), &[(Who::Other, ANSWER), (Who::Opener, &said)]);
        assert_eq!(broken(&world, PERMITTED), [rule]);
        let first = self::world((PEER, 80), &[(Who::Opener, &said), (Who::Other, ANSWER)]);
        assert_eq!(broken(&first, PERMITTED), [rule]);
    }
    let request = b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n";
    let swapped = world((PEER, 80), &[(Who::Other, ANSWER), (Who::Opener, request)]);
    assert_eq!(broken(&swapped, PERMITTED), NOTHING);
}

const CONNECTED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

#[test]
fn what_lies_inside_a_proxys_connection_goes_where_it_was_asked_to() {
    let inside = |target: &str, said: &[u8], policy: &str| {
        let connect = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
        let world =
            world((PROXY, 3128), &[(Who::Opener, connect.as_bytes()), (Who::Other, CONNECTED), (Who::Opener, said), (Who::Other, ANSWER)]);
        broken(&world, &format!("{policy}[[allow]]\ncidrs = [\"10.0.0.3/32\"]\nplaintext = [\"http\"]\n"))
    };
    let get = b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n";
    let on_port_80 =
        "[[allow]]\nnames = [\"www.example.com\"]\nports = [80]\nplaintext = [\"http\"]\n[[allow]]\nnames = [\"www.example.com\"]\n";
    assert_eq!(inside("www.example.com:80", get, on_port_80), NOTHING);
    assert_eq!(inside("www.example.com:443", get, on_port_80), ["WW201"]);
    // names and addresses: which it was is not seen
    let both = "[[allow]]\nnames = [\"www.example.com\"]\ncidrs = [\"198.51.100.0/24\"]\nplaintext = [\"http\"]\n";
    assert_eq!(inside("www.example.com:80", get, both).last().map(String::as_str), Some("WW305?"));
    let question = world::dns::behind_length(&World::default().question("www.example.com", hickory_proto::rr::RecordType::A));
    for target in ["evil.example:53", "203.0.113.66:443"] {
        let rules = inside(target, &question, PERMITTED);
        assert_eq!(rules[..2], ["WW302", "WW401"], "{target}: whom the proxy was asked for is judged as name and as resolver");
    }
}

#[test]
fn a_waiver_for_a_name_is_for_no_other_host() {
    let waived = |host: &str| {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let world = world((PEER, 80), &[(Who::Opener, request.as_bytes()), (Who::Other, ANSWER)]);
        let waiver = "[[waiver]]\nrule = \"WW201\"\nnames = [\"www.example.com\"]\nreason = \"known\"\n";
        broken(&world, &format!("[[allow]]\nnames = [\"www.example.com\"]\n{waiver}"))
    };
    assert_eq!(waived("www.example.com"), NOTHING);
    assert_eq!(waived("203.0.113.5"), NOTHING, "the address itself is no other");
    assert_eq!(waived("evil.example"), ["WW201"]);
}
