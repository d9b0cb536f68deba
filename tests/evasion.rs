//! Traffic that breaks the claim and tries not to look like it, made byte by byte where no program makes it. A pass here is the worst that
//! this program can do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/scenes.rs"]
mod scenes;
mod support;
#[path = "support/world/mod.rs"]
mod world;

use scenes::{NAME, POLICY, TEXT, agent, compliant, ip, judge_under, must_not_pass, neighbour, resolver, session, site};
use world::{ACK, FIN, PSH, RST, SYN, Version, Who, tls_session};

#[test]
fn plaintext_in_odd_places() {
    must_not_pass(&[
        (
            "after both close_notify",
            |w| {
                let mut tcp = session(w, Version::Tls13);
                w.say(&mut tcp, Who::Opener, TEXT);
                w.close(&mut tcp);
            },
            &["WW201"],
        ),
        (
            "from the other end only",
            |w| {
                let mut tcp = session(w, Version::Tls12);
                w.say(&mut tcp, Who::Other, TEXT);
                w.close(&mut tcp);
            },
            &["WW201"],
        ),
        (
            "after both FIN",
            |w| {
                let mut tcp = session(w, Version::Tls13);
                w.close(&mut tcp);
                w.say(&mut tcp, Who::Opener, TEXT);
            },
            &["WW906"],
        ),
        (
            "in the place of a FIN",
            |w| {
                let tcp = session(w, Version::Tls13);
                w.segment(&tcp, Who::Opener, FIN | ACK, &[]);
                w.segment(&tcp, Who::Opener, ACK, TEXT);
            },
            &["WW201"],
        ),
        (
            "a few bytes in the place of a FIN",
            |w| {
                let tcp = session(w, Version::Tls13);
                w.segment(&tcp, Who::Opener, FIN | ACK, &[]);
                w.segment(&tcp, Who::Other, FIN | ACK, &[]);
                w.segment(&tcp, Who::Opener, ACK, b"pin=1234\n");
            },
            &["WW202"],
        ),
        (
            "in a half-closed connection",
            |w| {
                let mut tcp = session(w, Version::Tls13);
                w.segment(&tcp, Who::Other, FIN | ACK, &[]);
                w.say(&mut tcp, Who::Opener, TEXT);
            },
            &["WW201"],
        ),
        (
            "after a reset",
            |w| {
                let mut tcp = session(w, Version::Tls13);
                w.segment(&tcp, Who::Opener, RST | ACK, &[]);
                w.say(&mut tcp, Who::Opener, TEXT);
            },
            &["WW201"],
        ),
        (
            "in the reset itself",
            |w| {
                let tcp = session(w, Version::Tls13);
                w.segment(&tcp, Who::Opener, RST | ACK, TEXT);
            },
            &["WW201"],
        ),
        (
            "in a reset that nobody believes",
            |w| {
                let tcp = session(w, Version::Tls13);
                w.raw_segment(tcp.opener, tcp.other, 0x7000_0000, 0, RST, TEXT);
            },
            &["WW906"],
        ),
        (
            "before the first byte of the stream",
            |w| {
                let tcp = session(w, Version::Tls13);
                w.raw_segment(tcp.opener, tcp.other, 900, 90_001, ACK | PSH, TEXT);
            },
            &["WW906"],
        ),
        (
            "on the SYN",
            |w| {
                let from = (agent(), w.port());
                w.raw_segment(from, site(), 1000, 0, SYN, TEXT);
                w.raw_segment(site(), from, 90_000, 1001, SYN | ACK, &[]);
            },
            &["WW201"],
        ),
        (
            "ahead of a proxy's answer",
            |w| {
                let mut tcp = w.connect(agent(), (neighbour(), 3128));
                w.say(&mut tcp, Who::Opener, b"CONNECT a.allowed.example:443 HTTP/1.1\r\nHost: a.allowed.example:443\r\n\r\n");
                w.say(&mut tcp, Who::Opener, TEXT);
                w.close(&mut tcp);
            },
            &["WW202"],
        ),
        (
            "in a DNS message that never ends",
            |w| {
                let mut tcp = w.connect(agent(), (resolver(), 53));
                let [question, answer] = w.dns(NAME, &[], site().0);
                let framed = |m: &[u8]| [&(m.len() as u16).to_be_bytes()[..], m].concat();
                w.say(&mut tcp, Who::Opener, &framed(&question));
                w.say(&mut tcp, Who::Other, &framed(&answer));
                w.say(&mut tcp, Who::Opener, &[&[0x7f, 0xff][..], TEXT].concat());
                w.close(&mut tcp);
            },
            &["WW202"],
        ),
        (
            "in UDP to an allowed host",
            |w| {
                let port = w.port();
                w.udp((agent(), port), site(), TEXT);
            },
            &["WW201"],
        ),
        (
            "after NTP in the same flow",
            |w| {
                w.resolve(agent(), resolver(), "time.allowed.example", &[], ip("203.0.113.12"));
                let port = w.port();
                let mut ntp = [0u8; 48];
                ntp[0] = 0x23;
                ntp[47] = 1;
                w.udp((agent(), port), (ip("203.0.113.12"), 123), &ntp);
                w.udp((agent(), port), (ip("203.0.113.12"), 123), TEXT);
            },
            &["WW201"],
        ),
        (
            "after DNS in the same flow",
            |w| {
                let port = w.port();
                let [question, answer] = w.dns(NAME, &[], site().0);
                w.udp((agent(), port), (resolver(), 53), &question);
                w.udp((resolver(), 53), (agent(), port), &answer);
                w.udp((agent(), port), (resolver(), 53), TEXT);
            },
            &["WW201"],
        ),
        (
            "behind the length of a UDP datagram",
            |w| {
                let port = w.port();
                let [question, _] = w.dns(NAME, &[], site().0);
                w.udp((agent(), port), (resolver(), 53), &[&question[..], TEXT].concat());
                let frame = w.frames.last_mut().unwrap();
                frame.bytes[38..40].copy_from_slice(&(8 + question.len() as u16).to_be_bytes());
            },
            &["WW903"],
        ),
        (
            "in echo data",
            |w| {
                let echo = [&[8, 0, 0, 0, 0, 7, 0, 1][..], TEXT].concat();
                w.ip(agent(), neighbour(), 1, &echo);
                w.ip(neighbour(), agent(), 1, &[&[0, 0, 0, 0, 0, 7, 0, 1][..], TEXT].concat());
            },
            &["WW202"],
        ),
        (
            "in what calls itself neighbour discovery",
            |w| {
                w.ip(ip("fd00::4"), ip("2001:db8::66"), 58, &[&[135, 0, 0, 0][..], TEXT].concat());
            },
            &["WW202", "WW301"],
        ),
        (
            "in what calls itself IGMP",
            |w| {
                w.ip(agent(), ip("198.51.100.66"), 2, TEXT);
            },
            &["WW202", "WW301"],
        ),
        (
            "in what calls itself DHCP",
            |w| {
                w.udp((agent(), 68), (neighbour(), 67), &[&[1, 1, 6][..], TEXT].concat());
            },
            &["WW202"],
        ),
        (
            "in what calls itself DHCPv6",
            |w| {
                w.udp((ip("fd00::4"), 546), (ip("fd00::77"), 547), TEXT);
            },
            &["WW201"],
        ),
        (
            "in a SNAP frame",
            |w| {
                let port = w.port();
                w.udp((agent(), port), (ip("198.51.100.66"), 9000), TEXT);
                let frame = &mut w.frames.last_mut().unwrap().bytes;
                let length = (frame.len() - 14 + 8) as u16;
                frame.splice(12..12, [&length.to_be_bytes()[..], &[0xaa, 0xaa, 3, 0, 0, 0]].concat());
            },
            &["WW201", "WW301"],
        ),
        (
            "as early data that nobody took",
            |w| {
                let mut tcp = w.connect(agent(), site());
                let hello = &tls_session(NAME, Version::Tls13, 0, 0)[0].1;
                w.say(&mut tcp, Who::Opener, hello);
                w.say(&mut tcp, Who::Opener, &[&[23, 3, 3, 0, TEXT.len() as u8][..], TEXT].concat());
                w.close(&mut tcp);
            },
            &["WW201"],
        ),
        (
            "behind a hello, as text",
            |w| {
                let mut tcp = w.connect(agent(), site());
                let hello = &tls_session(NAME, Version::Tls13, 0, 0)[0].1;
                w.say(&mut tcp, Who::Opener, &[&hello[..], TEXT].concat());
                w.close(&mut tcp);
            },
            &["WW201"],
        ),
        (
            "behind the banners of SSH",
            |w| {
                let mut tcp = w.connect(agent(), (neighbour(), 22));
                w.say(&mut tcp, Who::Other, b"SSH-2.0-OpenSSH_9.9\r\n");
                w.say(&mut tcp, Who::Opener, b"SSH-2.0-OpenSSH_9.9\r\n");
                w.say(&mut tcp, Who::Opener, TEXT);
                w.close(&mut tcp);
            },
            &["WW201"],
        ),
        (
            "in a fragment",
            |w| {
                let port = w.port();
                w.udp((agent(), port), site(), TEXT);
                w.frames.last_mut().unwrap().bytes[20] |= 0x20;
            },
            &["WW903"],
        ),
        ("in GRE", |w| w.ip(agent(), neighbour(), 47, &[&[0, 0, 8, 0][..], TEXT].concat()), &["WW903"]),
        ("in GRE of version 7", |w| w.ip(agent(), neighbour(), 47, &[&[0, 7, 8, 0][..], TEXT].concat()), &["WW202"]),
        (
            "in bytes that cross the snap length",
            |w| {
                let mut tcp = session(w, Version::Tls13);
                w.say(&mut tcp, Who::Opener, TEXT);
                w.say(&mut tcp, Who::Opener, TEXT);
                w.frames.retain(|frame| !frame.bytes.windows(8).any(|bytes| bytes == b"password"));
                w.close(&mut tcp);
            },
            &["WW906"],
        ),
        (
            "in an EtherType of nobody",
            |w| {
                w.udp((agent(), 1), site(), TEXT);
                w.frames.last_mut().unwrap().bytes[12..14].copy_from_slice(&[0x88, 0xb5]);
            },
            &["WW903"],
        ),
        (
            "inside a proxied connection",
            |w| {
                let mut tcp = w.connect(agent(), (neighbour(), 3128));
                w.say(&mut tcp, Who::Opener, b"CONNECT a.allowed.example:443 HTTP/1.1\r\n\r\n");
                w.say(&mut tcp, Who::Other, b"HTTP/1.1 200 OK\r\n\r\n");
                w.say(&mut tcp, Who::Opener, TEXT);
                w.close(&mut tcp);
            },
            &["WW201"],
        ),
        (
            "to a host that answers TLS without being asked",
            |w| {
                let mut tcp = w.connect(agent(), site());
                let said = tls_session(NAME, Version::Tls13, 0, 0);
                w.say(&mut tcp, Who::Other, &said[1].1);
                w.say(&mut tcp, Who::Opener, TEXT);
                w.close(&mut tcp);
            },
            &["WW202"],
        ),
        ("in a shape that no IP header has", |w| w.ip(agent(), site().0, 253, TEXT), &["WW202", "WW303"]),
    ]);
}

#[test]
fn inbound_in_odd_shapes() {
    must_not_pass(&[
        (
            "a simultaneous open, taken",
            |w| {
                let from = (agent(), w.port());
                w.raw_segment(from, site(), 1000, 0, SYN, &[]);
                w.raw_segment(site(), from, 90_000, 0, SYN, &[]);
                w.raw_segment(from, site(), 1000, 90_001, SYN | ACK, &[]);
                w.raw_segment(site(), from, 90_000, 1001, SYN | ACK, &[]);
            },
            &["WW101"],
        ),
        (
            "a simultaneous open, not taken",
            |w| {
                let from = (agent(), w.port());
                w.raw_segment(from, site(), 1000, 0, SYN, &[]);
                w.raw_segment(site(), from, 90_000, 0, SYN, &[]);
            },
            &["WW102"],
        ),
        (
            "a SYN from the ports of an open connection",
            |w| {
                let tcp = session(w, Version::Tls13);
                w.raw_segment(tcp.other, tcp.opener, 5, 0, SYN, &[]);
            },
            &["WW102"],
        ),
        (
            "a SYN from the ports of a closed connection",
            |w| {
                let mut tcp = session(w, Version::Tls13);
                w.close(&mut tcp);
                w.raw_segment(tcp.other, tcp.opener, 5, 0, SYN, &[]);
                w.raw_segment(tcp.opener, tcp.other, 7, 6, SYN | ACK, &[]);
            },
            &["WW101"],
        ),
        (
            "a SYN-ACK that nobody asked for",
            |w| {
                let to = (agent(), w.port());
                w.raw_segment((neighbour(), 443), to, 90_000, 1001, SYN | ACK, &[]);
                w.raw_segment(to, (neighbour(), 443), 1001, 0, RST, &[]);
            },
            &["WW103"],
        ),
        (
            "a DNS answer that nobody asked for",
            |w| {
                let [_, answer] = w.dns(NAME, &[], site().0);
                w.udp((resolver(), 53), (agent(), 5353), &answer);
            },
            &["WW103"],
        ),
        ("an echo reply that nobody asked for", |w| w.ip(neighbour(), agent(), 1, &[0, 0, 0, 0, 0, 9, 0, 1, 1, 2, 3]), &["WW103"]),
        ("a datagram over IPv6", |w| w.udp((ip("2001:db8::66"), 4000), (ip("fd00::4"), 4000), &[1, 2, 3]), &["WW102", "WW202"]),
        ("a SYN over IPv6", |w| w.raw_segment((ip("2001:db8::66"), 4000), (ip("fd00::4"), 22), 1, 0, SYN, &[]), &["WW102"]),
        ("from a multicast source", |w| w.udp((ip("224.0.0.9"), 520), (agent(), 520), &[1, 2, 3]), &["WW102", "WW202"]),
        ("a SYN with FIN", |w| w.raw_segment((neighbour(), 4000), (agent(), 22), 1, 0, SYN | FIN, &[]), &["WW102"]),
        (
            "a SYN under two VLAN tags",
            |w| {
                w.raw_segment((neighbour(), 4000), (agent(), 22), 1, 0, SYN, &[]);
                w.frames.last_mut().unwrap().bytes.splice(12..12, [0x88, 0xa8, 0, 1, 0x81, 0, 0, 2]);
            },
            &["WW102"],
        ),
    ]);
}

#[test]
fn names_and_answers_that_do_not_fit() {
    must_not_pass(&[
        (
            "an allowed name at an address of another",
            |w| {
                w.resolve(agent(), resolver(), "evil.example", &[], ip("198.51.100.66"));
                w.tls(agent(), (ip("198.51.100.66"), 443), NAME, Version::Tls13, 10, 10);
            },
            &["WW304", "WW402"],
        ),
        (
            "an answer with another id",
            |w| {
                let port = w.port();
                let [question, mut answer] = w.dns("b.allowed.example", &[], ip("198.51.100.66"));
                answer[0] ^= 0xff;
                w.udp((agent(), port), (resolver(), 53), &question);
                w.udp((resolver(), 53), (agent(), port), &answer);
                w.tls(agent(), (ip("198.51.100.66"), 443), "b.allowed.example", Version::Tls13, 10, 10);
            },
            &["WW304"],
        ),
        ("an address as the name", |w| w.tls(agent(), site(), "203.0.113.9.evil.example", Version::Tls13, 10, 10), &["WW302"]),
        ("the bare domain of a wildcard", |w| w.tls(agent(), site(), "allowed.example", Version::Tls13, 10, 10), &["WW302"]),
        ("a name that ends like an allowed one", |w| w.tls(agent(), site(), "a.notallowed.example", Version::Tls13, 10, 10), &["WW302"]),
        (
            "a chain from a foreign name to an allowed one",
            |w| {
                w.resolve(agent(), resolver(), "evil.example", &[NAME], ip("198.51.100.66"));
                w.tls(agent(), (ip("198.51.100.66"), 443), NAME, Version::Tls13, 10, 10);
            },
            &["WW304", "WW402"],
        ),
        (
            "DNS to another resolver, on an odd port",
            |w| {
                let port = w.port();
                let [question, _] = w.dns(NAME, &[], site().0);
                w.udp((agent(), port), (neighbour(), 5300), &question);
            },
            &["WW401"],
        ),
        (
            "mDNS to one host",
            |w| {
                let [question, _] = w.dns("printer.local", &[], site().0);
                w.udp((agent(), 5353), (neighbour(), 5353), &question);
            },
            &["WW401", "WW402"],
        ),
        (
            "the answers of a foreign resolver",
            |w| {
                w.resolve(agent(), neighbour(), "c.allowed.example", &[], ip("198.51.100.66"));
                w.tls(agent(), (ip("198.51.100.66"), 443), "c.allowed.example", Version::Tls13, 10, 10);
            },
            &["WW401"],
        ),
    ]);
}

/// Plaintext that is permitted with a name is permitted for that name, and not for whoever else the same address serves.
#[test]
fn a_host_behind_a_permitted_address() {
    let ask = |host: &str| {
        let mut world = compliant();
        world.resolve(agent(), resolver(), "crl.allowed.example", &[], ip("203.0.113.30"));
        let mut tcp = world.connect(agent(), (ip("203.0.113.30"), 80));
        world.say(&mut tcp, Who::Opener, format!("GET /list.crl HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
        world.say(&mut tcp, Who::Other, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        world.close(&mut tcp);
        judge_under(POLICY, &world.pcap())
    };
    assert_eq!(ask("crl.allowed.example").0, "pass");
    assert_eq!(ask("CRL.allowed.example:80").0, "pass");
    assert_eq!(ask("203.0.113.30").0, "pass");
    assert_eq!(ask("evil.example"), ("fail".to_owned(), vec!["WW201".to_owned()]));
}

#[test]
fn a_waiver_covers_the_name_that_it_names_and_no_other() {
    let policy = format!("{POLICY}\n[[waiver]]\nrule = \"WW302\"\nnames = [\"old.example\"]\nreason = \"agreed\"\n");
    let through_proxy = |inner: &str| {
        let mut world = compliant();
        let mut tcp = world.connect(agent(), (neighbour(), 3128));
        world.say(&mut tcp, Who::Opener, b"CONNECT old.example:443 HTTP/1.1\r\n\r\n");
        world.say(&mut tcp, Who::Other, b"HTTP/1.1 200 OK\r\n\r\n");
        for (who, bytes) in tls_session(inner, Version::Tls13, 10, 10) {
            world.say(&mut tcp, who, &bytes);
        }
        world.close(&mut tcp);
        judge_under(&policy, &world.pcap())
    };
    assert_eq!(through_proxy("old.example").0, "pass");
}
