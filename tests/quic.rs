//! QUIC sealed with real keys: what is read whatever way it comes, and what does not pass for it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/scenes.rs"]
mod scenes;
mod support;
#[path = "support/world/mod.rs"]
mod world;

use std::net::IpAddr;

use scenes::{NAME, POLICY, TEXT, agent, compliant, ip, judge_under, must_not_pass, must_pass, site};
use support::run_with_input;
use world::quic::{Datagram, Quic, session};
use world::{MILLI, SECOND, Who, World};

fn quic(shape: impl Fn(&mut Quic)) -> Quic {
    let mut quic = Quic::new(NAME);
    shape(&mut quic);
    quic
}

/// Plays datagrams between the agent and its site.
fn play(world: &mut World, said: &[Datagram]) {
    let (from, to) = ((agent(), world.port()), site());
    for (who, datagram) in said {
        let (from, to) = if *who == Who::Opener { (from, to) } else { (to, from) };
        world.udp(from, to, datagram);
    }
}

fn talk(world: &mut World, shape: impl Fn(&mut Quic)) {
    play(world, &session(&quic(shape)));
}

/// A session into whose datagrams something is put before the last `from_end`.
fn with(world: &mut World, from_end: usize, who: Who, datagram: &[u8]) {
    let mut said = session(&quic(|_| {})).to_vec();
    said.insert(said.len() - from_end, (who, datagram.to_vec()));
    play(world, &said);
}

/// A session, with the first datagram that `is` so taken out.
fn without(world: &mut World, shape: impl Fn(&mut Quic), n: usize) {
    let mut said = session(&quic(shape)).to_vec();
    said.remove(n);
    play(world, &said);
}

fn noise(first: u8, length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..length).map(|n| (n * 151 + n / 7) as u8 | 0x80).collect();
    bytes[0] = first;
    bytes
}

#[test]
fn sessions_are_encrypted_whatever_way_they_come() {
    must_pass(&[
        ("version 1", |w| talk(w, |_| {})),
        ("version 2", |w| talk(w, |q| q.version = Quic::V2)),
        ("draft 29", |w| talk(w, |q| q.version = Quic::DRAFT_29)),
        ("a Retry", |w| talk(w, |q| q.retry = true)),
        ("a Retry of version 2", |w| talk(w, |q| (q.retry, q.version) = (true, Quic::V2))),
        ("a version that is refused", |w| talk(w, |q| q.refused = Some(0x1a2a_3a4a))),
        ("the hello again", |w| talk(w, |q| q.hello_retried = true)),
        ("a hello of two Initials", |w| talk(w, |q| q.big = true)),
        ("a hello in pieces, the last first", |w| talk(w, |q| q.pieces = Some((17, 40)))),
        ("a hello over several Initials, the last first", |w| talk(w, |q| q.pieces = Some((60, 1)))),
        ("connection IDs of both ends", |w| talk(w, |q| q.ids = [5, 20])),
        ("no connection IDs", |w| talk(w, |q| q.ids = [0, 0])),
        ("another connection ID", |w| talk(w, |q| q.renewed_after = Some(1))),
        ("a greased bit", |w| talk(w, |q| q.greased = true)),
        ("every datagram again", |w| {
            let said = session(&quic(|q| q.retry = true));
            let (from, to) = ((agent(), w.port()), site());
            for (who, datagram) in said.iter() {
                let (from, to) = if *who == Who::Opener { (from, to) } else { (to, from) };
                w.udp(from, to, datagram);
                w.wait(3 * MILLI);
                w.udp(from, to, datagram);
            }
        }),
        ("the server ahead of the client", |w| {
            let mut said = session(&quic(|q| q.hello_retried = true)).to_vec();
            said.sort_by_key(|(who, _)| *who == Who::Opener);
            play(w, &said);
        }),
        ("the handshake in reverse", |w| {
            let mut said = session(&quic(|q| q.pieces = Some((100, 1)))).to_vec();
            let long = said.iter().position(|(_, datagram)| datagram[0] & 0x80 == 0).unwrap();
            said[..long].reverse();
            play(w, &said);
        }),
        ("silence of minutes", |w| {
            let said = session(&quic(|_| {}));
            let (from, to) = ((agent(), w.port()), site());
            for (n, (who, datagram)) in said.iter().enumerate() {
                let (from, to) = if *who == Who::Opener { (from, to) } else { (to, from) };
                w.udp(from, to, datagram);
                if n == said.len() - 4 {
                    w.wait(10 * 60 * SECOND);
                }
            }
        }),
        ("zeros behind the packets", |w| with(w, 3, Who::Opener, &[0; 40])),
        ("stateless resets", |w| {
            let mut said = session(&quic(|_| {})).to_vec();
            for n in 0..2u8 {
                let reset = [&[0x51][..], &noise(0x99 + n, 30)[..], &[0xa7; 16]].concat();
                said.push((Who::Opener, reset));
            }
            play(w, &said);
        }),
    ]);
}

#[test]
fn what_is_not_quic_does_not_pass_for_it() {
    must_not_pass(&[
        ("text from the client", |w| with(w, 3, Who::Opener, TEXT), &["WW201"]),
        ("text from the server, to whom there is no ID", |w| with(w, 3, Who::Other, TEXT), &["WW201"]),
        (
            "text behind a long packet",
            |w| {
                let mut said = session(&quic(|_| {})).to_vec();
                said[0].1.extend(TEXT);
                play(w, &said);
            },
            &["WW201"],
        ),
        ("text with a header before it", |w| with(w, 3, Who::Other, &[&[0x43][..], TEXT].concat()), &["WW201"]),
        ("bytes of no protocol", |w| with(w, 3, Who::Opener, &noise(0xf7, 90)), &["WW202"]),
        ("bytes with an ID of their own", |w| with(w, 3, Who::Opener, &noise(0x51, 90)), &["WW202"]),
        (
            "bytes with an ID of their own, twice",
            |w| {
                let mut said = session(&quic(|_| {})).to_vec();
                said.extend([(Who::Opener, noise(0x51, 90)), (Who::Opener, noise(0x51, 90))]);
                play(w, &said);
            },
            &["WW202"],
        ),
        ("a few bytes", |w| with(w, 3, Who::Other, &[0x43, 1, 2, 3]), &["WW202"]),
        ("the fixed bit is not set", |w| with(w, 3, Who::Other, &noise(0x03, 90)), &["WW202"]),
        (
            "a Retry that answers nothing",
            |w| {
                let retry = [&[0xf0, 0, 0, 0, 1, 0, 4, 1, 2, 3, 4][..], &[0x99; 40]].concat();
                with(w, 3, Who::Other, &retry);
            },
            &["WW202"],
        ),
        (
            "Initials without end",
            |w| {
                let mut said = session(&quic(|_| {})).to_vec();
                let again = said[0].clone();
                said.extend(vec![again; 20]);
                play(w, &said);
            },
            &["WW202"],
        ),
        (
            "Retries without end",
            |w| {
                let mut said = session(&quic(|q| q.retry = true)).to_vec();
                let again = said[1].clone();
                said.extend(vec![again; 20]);
                play(w, &said);
            },
            &["WW202"],
        ),
        (
            "Google's QUIC",
            |w| {
                let first = [&[0xc3][..], b"Q046", &[0x50, 1, 2, 3, 4, 5, 6, 7, 8], &noise(1, 1300)].concat();
                play(w, &[(Who::Opener, first), (Who::Other, noise(0x51, 500)), (Who::Opener, noise(0x52, 60))]);
            },
            &["WW202"],
        ),
        (
            "a version that nobody refuses",
            |w| {
                let first = session(&quic(|q| q.refused = Some(0x1a2a_3a4a)))[0].clone();
                play(w, &[first]);
            },
            &["WW202", "WW305"],
        ),
        (
            "the handshake never finishes",
            |w| {
                let said = session(&quic(|_| {}));
                play(w, &said[..3]);
            },
            &["WW206"],
        ),
        ("a hello alone", |w| play(w, &session(&quic(|_| {}))[..1]), &["WW206"]),
        (
            "a foreign name",
            |w| {
                let quic = Quic { big: true, ..Quic::new("elsewhere.example") };
                play(w, &session(&quic));
            },
            &["WW302"],
        ),
        (
            "a foreign name after a Retry",
            |w| {
                let (quic, said) = (Quic { retry: true, ..Quic::new("elsewhere.example") }, session(&quic(|_| {})));
                play(w, &[&said[..1], &session(&quic)[1..]].concat());
            },
            &["WW302"],
        ),
        (
            "another hello in the same place",
            |w| {
                let mut said = session(&quic(|_| {})).to_vec();
                // all sessions of the world begin with the same connection ID
                said.insert(1, session(&Quic::new("b.allowed.example"))[0].clone());
                play(w, &said);
            },
            &["WW906"],
        ),
        (
            "a peer opens a session",
            |w| {
                let peer: IpAddr = ip("203.0.113.77");
                w.quic((peer, 50_000), (agent(), 4433), &Quic::new("inside.example"), 0);
            },
            &["WW101"],
        ),
    ]);
}

/// Without an Initial, or any other datagram of the handshake, nothing passes, and nothing fails.
#[test]
fn what_is_lost_is_undetermined() {
    // and how many datagrams there are before the hellos, and of hellos
    type Shape = (fn(&mut Quic), usize, usize);
    let shapes: [Shape; 4] = [(|_| {}, 0, 2), (|q| q.retry = true, 2, 2), (|q| q.big = true, 0, 4), (|q| q.hello_retried = true, 0, 4)];
    for (n, (shape, before, hellos)) in shapes.into_iter().enumerate() {
        let said = session(&quic(shape));
        let handshake = said.iter().position(|(_, datagram)| datagram[0] & 0x80 == 0).unwrap();
        for lost in 0..=handshake {
            let mut world = compliant();
            without(&mut world, shape, lost);
            let (verdict, rules) = judge_under(POLICY, &world.pcap());
            // the client's Finished goes with its first packet of data
            let is_needed = (before..before + hellos).contains(&lost) || lost + 1 == handshake;
            assert!(verdict == "inconclusive" || !is_needed && verdict == "pass", "shape {n} without {lost}: {verdict} {rules:?}");
        }
        for kept in [Who::Opener, Who::Other] {
            let mut world = compliant();
            let of_one: Vec<Datagram> = said.iter().filter(|(who, _)| *who == kept).cloned().collect();
            play(&mut world, &of_one);
            let (verdict, rules) = judge_under(POLICY, &world.pcap());
            assert_eq!(verdict, "inconclusive", "shape {n} with one direction: {rules:?}");
        }
    }
}

#[test]
fn a_flow_says_what_its_hellos_say() {
    for (shape, version) in [((|_| {}) as fn(&mut Quic), "1"), (|q| q.retry = true, "retry"), (|q| q.version = Quic::V2, "2")] {
        let mut world = World::default();
        talk(&mut world, shape);
        let run = run_with_input(&["flows", "--json", "-a", "10.0.0.4", "-"].map(str::to_owned), &world.pcap());
        let flow = run.json();
        let told = |path: &str| flow.pointer(path).cloned().unwrap_or_default();
        assert_eq!(told("/protocol"), "quic", "{version}");
        assert_eq!(told("/encryption"), "encrypted");
        assert_eq!(told("/initiator_basis"), "handshake");
        assert_eq!((told("/server_name"), told("/server_name_source")), (NAME.into(), "quic-sni".into()));
        assert_eq!((told("/tls/version"), told("/tls/alpn/0")), ("TLS1.3".into(), "h3".into()));
        assert!(told("/tls/cipher").as_str().unwrap().starts_with("TLS_"), "{flow}");
    }
}
