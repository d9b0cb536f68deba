//! Addresses are bound to the names that they were answered for: for how long, and what several names for one address leave open.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;
#[path = "support/world/mod.rs"]
mod world;

use std::net::{IpAddr, Ipv4Addr};

use world::World;
use world::records::{client_hello, session, with_version};
use world::tls::Flight;

const AGENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 4));
const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5));
const SECOND: i64 = 1_000_000_000;
/// The names of the world stand for 60 seconds.
const TTL: i64 = 60 * SECOND;
const ALLOWED: &str = "[severity]\nWW402 = \"notice\"\n[[allow]]\nnames = [\"www.example.com\", \"api.example.com\"]\n";
const NOTHING: [&str; 0] = [];

enum Step<'a> {
    Answered(&'a str),
    Wait(i64),
    Named(&'a str),
    Unnamed,
}
use Step::{Answered, Named, Unnamed, Wait};

fn world(steps: &[Step<'_>]) -> World {
    let mut world = World::default();
    for step in steps {
        match step {
            Answered(name) => world.resolve(AGENT, RESOLVER, name, &[], PEER),
            Wait(nanos) => world.wait(*nanos),
            Named(name) => connect(&mut world, &session(0x0304, 0x1301, name)),
            Unnamed => {
                let mut said = session(0x0304, 0x1301, "www.example.com");
                said[0].1 = client_hello(0x0304, 0x1301, &with_version(0x0304, Vec::new()));
                connect(&mut world, &said);
            }
        }
    }
    world
}

fn connect(world: &mut World, said: &[Flight]) {
    let mut tcp = world.connect(AGENT, (PEER, 443));
    world.flights(&mut tcp, said, 0);
    world.close(&mut tcp);
}

/// The rules that are broken, and the messages.
fn found(steps: &[Step<'_>], policy: &str) -> (Vec<String>, String) {
    support::found(&world(steps).pcap(), "10.0.0.4", policy)
}

fn with_grace(grace: &str, more: &str) -> String {
    format!("{more}\n{ALLOWED}[dns]\nresolvers = [\"10.0.0.2\"]\n{grace}\n")
}

const MINUTE: &str = "grace = \"1m\"";

#[test]
fn an_answer_stands_for_its_ttl_and_the_grace() {
    let late = |nanos: i64| [Answered("www.example.com"), Wait(nanos), Named("www.example.com")];
    assert_eq!(found(&late(TTL * 100), &with_grace("", "")).0, NOTHING, "for ever, where nothing is said");
    assert_eq!(found(&late(TTL + 59 * SECOND), &with_grace(MINUTE, "")).0, NOTHING);
    let (rules, told) = found(&late(TTL + 61 * SECOND), &with_grace(MINUTE, ""));
    assert_eq!(rules, ["WW304?"]);
    assert!(told.contains("for www.example.com, whose answer with this address stood until 2"), "{told}");
    assert_eq!(found(&late(TTL + 61 * SECOND), &with_grace(MINUTE, "dns_binding = \"require\"")).0, ["WW304"]);
    assert_eq!(found(&late(TTL + 61 * SECOND), &with_grace(MINUTE, "dns_binding = \"off\"")).0, NOTHING);
}

#[test]
fn it_is_renewed_and_what_lies_between_is_not() {
    let renewed = [Answered("www.example.com"), Wait(TTL), Answered("www.example.com"), Wait(TTL), Named("www.example.com")];
    assert_eq!(found(&renewed, &with_grace(MINUTE, "")).0, NOTHING);
    let between = [Answered("www.example.com"), Wait(3 * TTL), Named("www.example.com"), Wait(TTL), Answered("www.example.com")];
    assert_eq!(found(&between, &with_grace(MINUTE, "")).0, ["WW304?"]);
    let again = [Answered("www.example.com"), Wait(4 * TTL), Answered("www.example.com"), Named("www.example.com")];
    assert_eq!(found(&again, &with_grace(MINUTE, "")).0, NOTHING);
}

#[test]
fn an_expired_answer_speaks_for_no_flow_without_a_name() {
    let late = |nanos: i64| [Answered("www.example.com"), Wait(nanos), Unnamed];
    assert_eq!(found(&late(TTL), &with_grace(MINUTE, "")).0, NOTHING);
    let (rules, told) = found(&late(3 * TTL), &with_grace(MINUTE, ""));
    assert_eq!(rules, ["WW301?"]);
    assert!(told.contains("; its answer for www.example.com stood until 2"), "{told}");
    assert_eq!(found(&late(3 * TTL), &with_grace(MINUTE, "dns_binding = \"require\"")).0, ["WW301"]);
}

#[test]
fn an_expired_answer_of_a_denied_name_is_kept_in_mind() {
    let steps = [Answered("telemetry.example.com"), Wait(3 * TTL), Answered("www.example.com"), Unnamed];
    let denied = with_grace(MINUTE, "") + "[[deny]]\nnames = [\"telemetry.example.com\"]\n";
    assert_eq!(found(&steps, &denied).0, ["WW305?"]);
    let alone = [Answered("telemetry.example.com"), Wait(3 * TTL), Unnamed];
    let by_address = denied + "[[allow]]\ncidrs = [\"203.0.113.0/24\"]\n";
    assert_eq!(found(&alone, &by_address).0, ["WW305?"], "the agent may have kept it, or meant another name");
}

#[test]
fn several_names_for_one_address_are_ambiguous_where_one_is_not_allowed() {
    let policy = with_grace("", "");
    assert_eq!(found(&[Answered("www.example.com"), Answered("api.example.com"), Unnamed], &policy).0, NOTHING, "both are allowed");
    for order in [["www.example.com", "ads.example.net"], ["ads.example.net", "www.example.com"]] {
        let (rules, told) = found(&[Answered(order[0]), Answered(order[1]), Unnamed], &policy);
        assert_eq!(rules, ["WW305?"], "{order:?}");
        assert!(
            told.contains("it was answered for ads.example.net too, which the policy does not allow, beside a name that it does"),
            "{told}"
        );
    }
    let named = [Answered("www.example.com"), Answered("ads.example.net"), Named("www.example.com")];
    assert_eq!(found(&named, &policy).0, NOTHING, "the hello says which");
    let by_address = format!("{policy}[[allow]]\ncidrs = [\"203.0.113.5/32\"]\n");
    assert_eq!(found(&[Answered("www.example.com"), Answered("ads.example.net"), Unnamed], &by_address).0, NOTHING);
}

#[test]
fn a_canonical_name_that_is_asked_for_again_is_no_other() {
    let mut world = World::default();
    world.resolve(AGENT, RESOLVER, "www.example.com", &["edge.cdn.example"], PEER);
    world.resolve(AGENT, RESOLVER, "edge.cdn.example", &[], PEER);
    let mut said = session(0x0304, 0x1301, "www.example.com");
    said[0].1 = client_hello(0x0304, 0x1301, &with_version(0x0304, Vec::new()));
    connect(&mut world, &said);
    assert_eq!(support::found(&world.pcap(), "10.0.0.4", &with_grace("", "")).0, NOTHING);
}
