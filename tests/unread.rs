//! What nobody read is no pass: bytes behind a refusal, bytes that waited for more, and text where only sealed bytes have a place.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;
#[path = "support/world/mod.rs"]
mod world;

use std::net::{IpAddr, Ipv4Addr};

use world::records::{record, session};
use world::tcp::Who::{self, Opener, Other};
use world::{Version, World};

const AGENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 4));
const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5));
const NAME: &str = "www.example.com";
const NOTHING: [&str; 0] = [];

fn text() -> Vec<u8> {
    b"user=root password=hunter2 and more of what is carried out of here ".repeat(10)
}

/// What is said with an address that is allowed, and that was answered for the name.
fn broken(said: &[(Who, Vec<u8>)]) -> Vec<String> {
    let mut world = World::default();
    world.resolve(AGENT, RESOLVER, NAME, &[], PEER);
    let mut tcp = world.connect(AGENT, (PEER, 443));
    for (who, bytes) in said {
        world.say(&mut tcp, *who, bytes);
    }
    world.close(&mut tcp);
    let policy = format!("[dns]\nresolvers = [\"10.0.0.2\"]\n[[allow]]\nnames = [\"{NAME}\"]\n[[allow]]\ncidrs = [\"203.0.113.0/24\"]\n");
    support::found(&world.pcap(), "10.0.0.4", &policy).0
}

fn said(who: Who, bytes: &[u8]) -> (Who, Vec<u8>) {
    (who, bytes.to_vec())
}

/// A whole session, each flight by who says it.
fn tls() -> Vec<(Who, Vec<u8>)> {
    world::tls_session(NAME, Version::Tls13, 300, 900)
}

#[test]
fn nothing_has_a_place_behind_a_refusal_of_socks() {
    let none = [said(Opener, &[5, 1, 0]), said(Other, &[5, 0xff])];
    let request = [&[5, 1, 0, 3, 15][..], NAME.as_bytes(), &[1, 187]].concat();
    let refused = [said(Opener, &[5, 1, 0]), said(Other, &[5, 0]), (Opener, request), said(Other, &[5, 5, 0, 1, 0, 0, 0, 0, 0, 0])];
    for refusal in [&none[..], &refused] {
        assert_eq!(broken(refusal), NOTHING, "the refusal itself");
        for who in [Opener, Other] {
            assert_eq!(broken(&[refusal, &[(who, text())]].concat()), ["WW201"]);
        }
        assert_eq!(broken(&[refusal, &tls()].concat()), ["WW202?"], "nor has a session");
    }
}

#[test]
fn a_connect_that_is_refused_may_be_asked_again() {
    let connect = format!("CONNECT {NAME}:443 HTTP/1.1\r\nHost: {NAME}:443\r\n\r\n").into_bytes();
    let (no, yes) = (b"HTTP/1.1 503 No\r\nContent-Length: 6\r\n\r\nno way".to_vec(), b"HTTP/1.1 200 OK\r\n\r\n".to_vec());
    let refused = [(Opener, connect.clone()), (Other, no)];
    assert_eq!(broken(&refused), NOTHING);
    assert_eq!(broken(&[&refused[..], &[(Opener, connect.clone()), (Other, yes)], &tls()].concat()), NOTHING);
    assert_eq!(broken(&[&refused[..], &[(Opener, text())]].concat()), ["WW201"]);
    assert_eq!(broken(&[&refused[..], &[(Opener, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec())]].concat()), ["WW201"]);
    assert_eq!(broken(&[&refused[..], &[(Other, text().repeat(40))]].concat()), ["WW201"], "a page without an end");
}

#[test]
fn a_hello_that_makes_no_sense_explains_nothing() {
    let hello = tls().remove(0);
    let answer = |body: &[u8]| record(22, 0x0303, &[&[2, 0, 0, body.len() as u8][..], body].concat());
    for body in [&[][..], &[3], &[&[3u8, 5][..], &[9; 32], &[0, 0x13, 1, 0]].concat()] {
        let rules = broken(&[hello.clone(), (Other, answer(body)), (Opener, text())]);
        assert_eq!(rules, ["WW202?", "WW206?"], "{body:?}");
    }
}

#[test]
fn what_waited_for_more_was_said() {
    let request = [0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f];
    assert_eq!(broken(&[said(Opener, &request), (Opener, text())]), ["WW201"], "behind PostgreSQL's question for TLS");
    let header = [&[22, 3, 1, 0x20, 0][..], &text()].concat();
    assert_eq!(broken(&[tls().remove(0), (Other, header)]), ["WW201"], "in a record that does not end");
}

#[test]
fn sealed_records_are_no_text_before_the_handshake_is_over() {
    let flights = tls();
    for who in [Opener, Other] {
        let mut with = flights.clone();
        with.insert(2, (who, record(23, 0x0303, &text())));
        assert_eq!(broken(&with), ["WW201"], "{who:?}");
    }
    let old: Vec<_> = session(0x0303, 0xc02f, NAME).into_iter().map(|(who, bytes, _)| (who, bytes)).collect();
    assert_eq!(broken(&old).iter().filter(|rule| *rule == "WW201").count(), 0, "as it is");
}

#[test]
fn a_hello_from_the_other_end_names_nothing_that_was_asked_for() {
    let turned: Vec<_> = tls().into_iter().map(|(who, bytes)| (world::tcp::not(who), bytes)).collect();
    assert_eq!(broken(&turned), ["WW305?"]);
}
