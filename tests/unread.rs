//! What nobody read is no pass: bytes behind a refusal, bytes that waited for more, and text where only sealed bytes have a place.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;
#[path = "support/world/mod.rs"]
mod world;

use std::net::{IpAddr, Ipv4Addr};

use world::certificates::{self, identity};
use world::records::{client_hello, message, record, server_name, session, with_session};
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

/// What is told of payload alone: of the certificate of a session nothing is asked here.
fn payload(said: &[(Who, Vec<u8>)]) -> Vec<String> {
    broken(said).into_iter().filter(|rule| rule.starts_with("WW201") || rule.starts_with("WW202")).collect()
}

/// A session of TLS 1.2 with a suite, each flight by who says it.
fn old_tls(suite: u16) -> Vec<(Who, Vec<u8>)> {
    session(0x0303, suite, NAME).into_iter().map(|(who, bytes, _)| (who, bytes)).collect()
}

#[test]
fn a_client_may_show_a_certificate_in_any_records() {
    let shown = message(11, &certificates::message(&identity("client.example").chain));
    for most in [40, 16_000] {
        let said = [&shown[..], &message(16, &[0x22; 130]), &message(15, &[0x91; 264])].concat();
        let records: Vec<u8> = said.chunks(most).flat_map(|piece| record(22, 0x0303, piece)).collect();
        let mut with = old_tls(0xc02f);
        with[2].1.splice(..5 + 134, records);
        assert_eq!(payload(&with), NOTHING, "records of {most}");
        // captured ahead of what they answer
        with.swap(1, 2);
        assert_eq!(payload(&with), NOTHING, "records of {most}, early");
    }
}

#[test]
fn a_session_goes_on_by_its_id_or_a_ticket() {
    let full = old_tls(0xc02f);
    let hello_length = 5 + usize::from(u16::from_be_bytes([full[1].1[3], full[1].1[4]]));
    let goes_on = |hello: Vec<u8>, answer: Vec<u8>| {
        let sealed = full[3].1.clone();
        payload(&[(Opener, hello), (Other, [answer, sealed.clone()].concat()), (Opener, sealed), full[4].clone(), full[5].clone()])
    };
    let (hello, answer) = (&full[0].1, &full[1].1[..hello_length]);
    assert_eq!(goes_on(with_session(hello), with_session(answer)), NOTHING, "by its ID");
    let ticket = client_hello(0x0303, 0xc02f, &[server_name(NAME), (35, vec![0x94; 180])]);
    assert_eq!(goes_on(ticket, answer.to_vec()), NOTHING, "by a ticket");
    let no_ticket = client_hello(0x0303, 0xc02f, &[server_name(NAME), (35, vec![])]);
    assert_eq!(goes_on(no_ticket, answer.to_vec()), ["WW202?"], "by a request for a ticket");
    assert_eq!(goes_on(with_session(hello), answer.to_vec()), ["WW202?"], "another ID is answered");
}

#[test]
fn sealed_lengths_are_those_of_the_suite_and_no_others() {
    // AES-GCM, ChaCha20-Poly1305, AES-CBC: an empty record, and an alert
    for (suite, empty, alert) in [(0xc02fu16, 24, 26), (0xcca8, 16, 18), (0x002f, 48, 48)] {
        let with = |kind, length| [old_tls(suite), vec![(Opener, record(kind, 0x0303, &vec![0xd7; length]))]].concat();
        assert_eq!(payload(&with(23, empty)), NOTHING, "{suite:04x}");
        assert_eq!(payload(&with(21, alert)), NOTHING, "{suite:04x}");
        assert_eq!(payload(&with(23, 15)), ["WW202?"], "{suite:04x}");
        assert_eq!(payload(&with(21, alert + 1)), ["WW202?"], "{suite:04x}");
    }
}

/// A packet of SSH in the clear.
fn ssh(content: &[u8]) -> Vec<u8> {
    let padding = 4 + (8 - (5 + content.len() + 4) % 8) % 8;
    let length = (1 + content.len() + padding) as u32;
    [&length.to_be_bytes()[..], &[padding as u8], content, &vec![0; padding]].concat()
}

/// A session of SSH: the lines ahead of the server's version, what the client says ahead of its keys, and the ciphers of both ends.
fn ssh_session(lines: &[u8], aside: &[u8], ciphers: [&str; 2]) -> Vec<(Who, Vec<u8>)> {
    let offer = |ciphers: &str| {
        let lists = ["curve25519-sha256", "ssh-ed25519", ciphers, ciphers, "hmac-sha2-256", "hmac-sha2-256", "none", "none", "", ""];
        let lists = lists.iter().flat_map(|list| [&(list.len() as u32).to_be_bytes()[..], list.as_bytes()].concat());
        ssh(&[&[20][..], &[0x5c; 16], &lists.collect::<Vec<u8>>(), &[0; 5]].concat())
    };
    vec![
        said(Opener, b"SSH-2.0-client\r\n"),
        (Other, [lines, b"SSH-2.0-server with some comment\r\n"].concat()),
        (Opener, [offer(ciphers[0]), aside.to_vec(), ssh(&[&[30][..], &[0x97; 1200]].concat())].concat()),
        (Other, [offer(ciphers[1]), ssh(&[&[31][..], &[0x98; 1400]].concat()), ssh(&[21])].concat()),
        (Opener, [ssh(&[21]), vec![0xd3; 44]].concat()),
        (Other, vec![0xd3; 40_000]),
        (Opener, vec![0xd3; 40_000]),
    ]
}

#[test]
fn ssh_may_say_a_little_ahead_of_its_keys() {
    const STRONG: &str = "chacha20-poly1305@openssh.com,aes256-ctr,3des-cbc,arcfour,none";
    assert_eq!(broken(&ssh_session(b"", b"", [STRONG; 2])), NOTHING);
    let aside = [ssh(b"\x02\0\0\0\x10 to be ignored.."), ssh(b"\x04\0\0\0\0\x05debug\0\0\0\0")].concat();
    assert_eq!(broken(&ssh_session(b"Welcome.\r\nWho comes here is watched.\r\n", &aside, [STRONG; 2])), NOTHING);
    // the client's first that the server has
    assert_eq!(broken(&ssh_session(b"", b"", ["aes256-ctr,arcfour", "arcfour,aes256-ctr"])), NOTHING);
    for weak in [["arcfour,aes256-ctr", "aes256-ctr,arcfour"], ["3des-cbc", STRONG], [STRONG, "none"], ["aes256-ctr", "aes128-ctr"]] {
        assert_eq!(broken(&ssh_session(b"", b"", weak)), ["WW202?"], "{weak:?}");
    }
}
