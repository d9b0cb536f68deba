//! Compliant traffic that looks odd: what networks and stacks do to it, and an audit must not raise an alarm at.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/scenes.rs"]
mod scenes;
mod support;
#[path = "support/world/mod.rs"]
mod world;

use scenes::{NAME, POLICY, agent, audit_under, compliant, ip, judge_under, must_pass, neighbour, resolver, session, site};
use world::tls::Flight;
use world::{ACK, RST, SECOND, SYN, Version, Who, records, tls_session};

#[test]
fn compliant_traffic_may_look_odd() {
    must_pass(&[
        ("nothing more", |_| ()),
        ("everything twice", |w| {
            let twice = w.frames.iter().flat_map(|frame| [frame.clone(), frame.clone()]).collect();
            w.frames = twice;
        }),
        ("keep-alives, empty and of one byte", |w| {
            let mut tcp = session(w, Version::Tls13);
            w.keep_alive(&tcp, Who::Opener, &[]);
            w.keep_alive(&tcp, Who::Opener, &[0]);
            w.keep_alive(&tcp, Who::Other, &[0]);
            w.close(&mut tcp);
        }),
        ("a keep-alive before anything is said", |w| {
            let mut tcp = w.connect(agent(), site());
            w.keep_alive(&tcp, Who::Opener, &[0]);
            for (who, bytes) in tls_session(NAME, Version::Tls13, 10, 10) {
                w.say(&mut tcp, who, &bytes);
            }
            w.close(&mut tcp);
        }),
        ("a reset after both FIN", |w| {
            let mut tcp = session(w, Version::Tls13);
            w.close(&mut tcp);
            w.segment(&tcp, Who::Opener, RST, &[]);
        }),
        ("hours of silence", |w| {
            let mut tcp = w.connect(agent(), site());
            let said = tls_session(NAME, Version::Tls13, 10, 10);
            let (last, first) = said.split_last().unwrap();
            for (who, bytes) in first {
                w.say(&mut tcp, *who, bytes);
            }
            w.wait(5 * 3600 * SECOND);
            w.say(&mut tcp, last.0, &last.1);
            w.close(&mut tcp);
        }),
        ("small segments in pairs the wrong way round", |w| {
            let begin = w.frames.len();
            let mut tcp = w.connect(agent(), site());
            tcp.segment = 60;
            for (who, bytes) in tls_session(NAME, Version::Tls12, 3000, 3000) {
                w.say(&mut tcp, who, &bytes);
            }
            w.close(&mut tcp);
            let end = w.frames.len() - 6;
            for pair in w.frames[begin + 3..end].chunks_exact_mut(2) {
                let (one, other) = pair.split_at_mut(1);
                std::mem::swap(&mut one[0].bytes, &mut other[0].bytes);
            }
        }),
        ("a fragmentation-needed error", |w| {
            let tcp = session(w, Version::Tls13);
            let quoted = w.frames.iter().rev().find(|f| f.bytes[26..30] == [10, 0, 0, 4]).unwrap().bytes[14..14 + 28].to_vec();
            w.ip(ip("10.0.0.1"), tcp.opener.0, 1, &[&[3, 4, 0, 0, 0, 0, 5, 0][..], &quoted].concat());
        }),
        ("a ping", |w| {
            w.ip(agent(), neighbour(), 1, &[&[8, 0, 0, 0, 0, 7, 0, 1][..], &[0x20; 56]].concat());
            w.ip(neighbour(), agent(), 1, &[&[0, 0, 0, 0, 0, 7, 0, 1][..], &[0x20; 56]].concat());
        }),
        ("neighbour discovery of a global address", |w| {
            let target = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
            let solicitation = [&[135, 0, 0, 0, 0, 0, 0, 0][..], &target, &[1, 1, 2, 4, 6, 8, 10, 12]].concat();
            w.ip(ip("fd00::4"), ip("2001:db8::9"), 58, &solicitation);
        }),
        ("a DHCP renewal", |w| {
            let mut request = vec![0u8; 300];
            request[..3].copy_from_slice(&[1, 1, 6]);
            request[236..240].copy_from_slice(&[0x63, 0x82, 0x53, 0x63]);
            w.udp((agent(), 68), (resolver(), 67), &request);
        }),
        ("a handshake that the agent breaks off by an encrypted alert", |w| {
            let mut tcp = w.connect(agent(), site());
            let said = tls_session(NAME, Version::Tls13, 0, 0);
            w.say(&mut tcp, said[0].0, &said[0].1);
            w.say(&mut tcp, said[1].0, &said[1].1);
            w.say(&mut tcp, Who::Opener, &[&[20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 19][..], &[0xa7; 19]].concat());
            w.segment(&tcp, Who::Opener, RST | ACK, &[]);
        }),
        ("repeated SYN and SYN-ACK", |w| {
            let mut tcp = w.connect(agent(), site());
            w.raw_segment(tcp.other, tcp.opener, 90_000, 1001, SYN | ACK, &[]);
            w.raw_segment(tcp.opener, tcp.other, 1000, 0, SYN, &[]);
            for (who, bytes) in tls_session(NAME, Version::Tls12, 10, 10) {
                w.say(&mut tcp, who, &bytes);
            }
            w.close(&mut tcp);
        }),
        ("every segment sent again a moment later", |w| {
            let begin = w.frames.len();
            let mut tcp = session(w, Version::Tls13);
            w.close(&mut tcp);
            for frame in w.frames.split_off(begin) {
                w.push(frame.bytes.clone());
                w.push(frame.bytes);
            }
        }),
        ("a dial that lost the race", |w| {
            let tcp = w.connect(agent(), site());
            w.segment(&tcp, Who::Opener, RST | ACK, &[]);
        }),
        ("a dial that nobody answers", |w| {
            let from = (agent(), w.port());
            for _ in 0..4 {
                w.raw_segment(from, site(), 1000, 0, SYN, &[]);
                w.wait(3 * SECOND);
            }
        }),
        ("a question sent twice and answered twice", |w| {
            let port = w.port();
            let [question, answer] = w.dns("e.allowed.example", &[], ip("203.0.113.20"));
            for message in [&question, &question] {
                w.udp((agent(), port), (resolver(), 53), message);
            }
            for message in [&answer, &answer] {
                w.udp((resolver(), 53), (agent(), port), message);
            }
            w.tls(agent(), (ip("203.0.113.20"), 443), "e.allowed.example", Version::Tls13, 10, 10);
        }),
        ("a handshake refused by an alert in the clear", |w| {
            let mut tcp = w.connect(agent(), site());
            w.say(&mut tcp, Who::Opener, &tls_session(NAME, Version::Tls13, 0, 0)[0].1);
            w.say(&mut tcp, Who::Other, &[21, 3, 3, 0, 2, 2, 40]);
            w.close(&mut tcp);
        }),
        ("frames padded to the least that Ethernet carries", |w| {
            for frame in &mut w.frames {
                let length = frame.bytes.len().max(60);
                frame.bytes.resize(length, 0);
            }
        }),
        ("lengths left to the card", |w| {
            for frame in w.frames.iter_mut().filter(|frame| frame.bytes[23] == 6) {
                frame.bytes[16..18].copy_from_slice(&[0, 0]);
            }
        }),
        ("a TLS session in the private network, under any name", |w| {
            w.tls(agent(), (neighbour(), 8443), "printer.local", Version::Tls12, 10, 10);
        }),
        ("an upload of megabytes with a hole inside a record", |w| {
            let begin = w.frames.len();
            w.tls(agent(), site(), NAME, Version::Tls13, 200_000, 10);
            let (place, _) = w.frames.iter().enumerate().skip(begin + 40).find(|(_, frame)| frame.bytes.len() > 1400).unwrap();
            let (a, b) = (w.frames[place].bytes.clone(), w.frames[place + 1].bytes.clone());
            w.frames[place].bytes = b;
            w.frames[place + 1].bytes = a;
        }),
        ("mixed case and a final dot", |w| {
            w.resolve(agent(), resolver(), "D.ALLOWED.example", &[], ip("203.0.113.10"));
            w.tls(agent(), (ip("203.0.113.10"), 443), "d.allowed.example", Version::Tls13, 10, 10);
        }),
    ]);
}

/// Through a translator of the network's own, to an address that was answered as IPv4, and to one of the private network; and from outside to the
/// agent's own.
#[test]
fn addresses_behind_nat64_are_judged_as_what_they_stand_for() {
    let translated = |rest: &str| ip(&format!("2001:db8:64::{rest}"));
    let judged = |prefix: &str, from, to, name| {
        let mut world = compliant();
        world.tls(from, (to, 443), name, Version::Tls13, 100, 100);
        judge_under(&format!("{POLICY}\n[nat64]\nprefixes = [\"{prefix}\"]\n"), &world.pcap())
    };
    let (own, other) = ("2001:db8:64::/96", "2001:db8:65::/96");
    let (six, site, printer) = (ip("fd00::4"), translated("203.0.113.9"), translated("10.0.0.77"));
    let passes = ("pass".to_owned(), vec![]);
    assert_eq!(judged(own, six, site, NAME), passes);
    assert_eq!(judged(other, six, site, NAME), ("inconclusive".to_owned(), vec!["WW304".to_owned()]));
    assert_eq!(judged(own, six, site, "evil.example"), ("fail".to_owned(), vec!["WW302".to_owned()]));
    assert_eq!(judged(own, six, printer, "printer.local"), passes);
    assert_eq!(judged(other, six, printer, "printer.local"), ("fail".to_owned(), vec!["WW302".to_owned()]));
    assert_eq!(judged(own, ip("2001:db8::66"), translated("10.0.0.4"), NAME), ("fail".to_owned(), vec!["WW101".to_owned()]));
    assert_eq!(judged(other, ip("2001:db8::66"), translated("10.0.0.4"), NAME), passes);
}

/// What cannot be seen of a session, or can be seen in spite of it, fails nothing; and the reader is told.
#[test]
fn renegotiation_and_compression_pass_and_are_listed() {
    let listed = |change: fn(&mut Vec<Flight>)| {
        let mut world = compliant();
        let mut tcp = world.connect(agent(), site());
        let mut said = records::session(0x0303, 0xc02f, NAME);
        change(&mut said);
        world.flights(&mut tcp, &said, 0);
        world.close(&mut tcp);
        let document = audit_under(POLICY, &world.pcap()).json();
        assert_eq!(document["verdict"], "pass", "{document}");
        let kinds = document["exceptions"].as_array().unwrap().iter();
        kinds.map(|exception| exception["kind"].as_str().unwrap().to_owned()).filter(|kind| kind != "resolver").collect::<Vec<_>>()
    };
    let none: [&str; 0] = [];
    assert_eq!(listed(|_| ()), none);
    assert_eq!(listed(|said| said.push((Who::Opener, records::record(22, 0x0303, &[0xe3; 240]), false))), ["renegotiation"]);
    // the byte behind the suite of the ServerHello
    assert_eq!(listed(|said| said[1].1[46] = 1), ["compression"]);
    assert_eq!(listed(|said| said[0].1 = records::hello_of_ssl2(0x0303)), none);
}
