//! Traffic that breaks the claim and tries not to look like it, and compliant traffic that looks odd: what no program of the fixtures makes.
//! A pass of the first kind is the worst that this program can do, an alarm at the second the next worst.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;
#[path = "support/world.rs"]
mod world;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use support::run_with_input;
use world::{ACK, FIN, PSH, RST, SECOND, SYN, Tcp, Version, Who, World, tls_session};

const POLICY: &str = r#"
name = "world"
[agent]
addresses = ["10.0.0.4", "fd00::4"]
[destinations]
private = true
[dns]
resolvers = ["10.0.0.2"]
[[allow]]
names = ["*.allowed.example"]
ports = [443]
[[allow]]
names = ["time.allowed.example"]
ports = [123]
plaintext = ["ntp"]
"#;

const NAME: &str = "a.allowed.example";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn agent() -> IpAddr {
    ip("10.0.0.4")
}

fn resolver() -> IpAddr {
    ip("10.0.0.2")
}

fn site() -> (IpAddr, u16) {
    (ip("203.0.113.9"), 443)
}

/// A host of the private network, which `private = true` allows.
fn neighbour() -> IpAddr {
    ip("10.0.0.77")
}

const TEXT: &[u8] = b"password=correct horse battery staple; this is readable by whoever stands on the path\n";

/// Verdict, and the rules of violations and of what is undetermined.
fn judge_under(policy: &str, pcap: &[u8]) -> (String, Vec<String>) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    let file = std::env::temp_dir().join(format!("wirewitness-evasion-{}-{n}.toml", std::process::id()));
    std::fs::write(&file, policy).unwrap();
    let run = run_with_input(&["audit", "--json", "--threads", "1", "-p", file.to_str().unwrap(), "-"].map(str::to_owned), pcap);
    std::fs::remove_file(&file).unwrap();
    assert!(run.code != 2, "{}", run.stderr);
    (run.json()["verdict"].as_str().unwrap().to_owned(), run.rules(&["violation", "undetermined"]))
}

/// A world that has begun as it should: a minute of capture, an answer, a session.
fn compliant() -> World {
    let mut world = World::default();
    world.resolve(agent(), resolver(), NAME, &[], site().0);
    world.wait(61 * SECOND);
    world.tls(agent(), site(), NAME, Version::Tls13, 700, 5000);
    world
}

/// Says all of a session but its end, and leaves the connection open.
fn session(world: &mut World, version: Version) -> Tcp {
    let mut tcp = world.connect(agent(), site());
    let said = tls_session(NAME, version, 700, 5000);
    for (who, bytes) in &said {
        world.say(&mut tcp, *who, bytes);
    }
    tcp
}

type Scene = (&'static str, fn(&mut World), &'static [&'static str]);

/// Plays each scene in a compliant world; each must break exactly these rules, and none may pass.
fn must_not_pass(scenes: &[Scene]) {
    let mut wrong = Vec::new();
    for (name, play, expected) in scenes {
        let mut world = compliant();
        play(&mut world);
        let (verdict, rules) = judge_under(POLICY, &world.pcap());
        if verdict == "pass" || rules != *expected {
            wrong.push(format!("{name}: {verdict} {rules:?}, expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Plays each scene in a compliant world, which must stay compliant.
fn must_pass(scenes: &[(&'static str, fn(&mut World))]) {
    let mut wrong = Vec::new();
    for (name, play) in scenes {
        let mut world = compliant();
        play(&mut world);
        let (verdict, rules) = judge_under(POLICY, &world.pcap());
        if verdict != "pass" {
            wrong.push(format!("{name}: {verdict} {rules:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn plaintext_in_odd_places() {
    must_not_pass(&[
        ("after both close_notify", |w| {
            let mut tcp = session(w, Version::Tls13);
            w.say(&mut tcp, Who::Opener, TEXT);
            w.close(&mut tcp);
        }, &["WW201"]),
        ("from the other end only", |w| {
            let mut tcp = session(w, Version::Tls12);
            w.say(&mut tcp, Who::Other, TEXT);
            w.close(&mut tcp);
        }, &["WW201"]),
        ("after both FIN", |w| {
            let mut tcp = session(w, Version::Tls13);
            w.close(&mut tcp);
            w.say(&mut tcp, Who::Opener, TEXT);
        }, &["WW906"]),
        ("in the place of a FIN", |w| {
            let tcp = session(w, Version::Tls13);
            w.segment(&tcp, Who::Opener, FIN | ACK, &[]);
            w.segment(&tcp, Who::Opener, ACK, TEXT);
        }, &["WW201"]),
        ("a few bytes in the place of a FIN", |w| {
            let tcp = session(w, Version::Tls13);
            w.segment(&tcp, Who::Opener, FIN | ACK, &[]);
            w.segment(&tcp, Who::Other, FIN | ACK, &[]);
            w.segment(&tcp, Who::Opener, ACK, b"pin=1234\n");
        }, &["WW202"]),
        ("in a half-closed connection", |w| {
            let mut tcp = session(w, Version::Tls13);
            w.segment(&tcp, Who::Other, FIN | ACK, &[]);
            w.say(&mut tcp, Who::Opener, TEXT);
        }, &["WW201"]),
        ("after a reset", |w| {
            let mut tcp = session(w, Version::Tls13);
            w.segment(&tcp, Who::Opener, RST | ACK, &[]);
            w.say(&mut tcp, Who::Opener, TEXT);
        }, &["WW201"]),
        ("in the reset itself", |w| {
            let tcp = session(w, Version::Tls13);
            w.segment(&tcp, Who::Opener, RST | ACK, TEXT);
        }, &["WW201"]),
        ("in a reset that nobody believes", |w| {
            let tcp = session(w, Version::Tls13);
            w.raw_segment(tcp.opener, tcp.other, 0x7000_0000, 0, RST, TEXT);
        }, &["WW906"]),
        ("before the first byte of the stream", |w| {
            let tcp = session(w, Version::Tls13);
            w.raw_segment(tcp.opener, tcp.other, 900, 90_001, ACK | PSH, TEXT);
        }, &["WW906"]),
        ("on the SYN", |w| {
            let from = (agent(), w.port());
            w.raw_segment(from, site(), 1000, 0, SYN, TEXT);
            w.raw_segment(site(), from, 90_000, 1001, SYN | ACK, &[]);
        }, &["WW201"]),
        ("ahead of a proxy's answer", |w| {
            let mut tcp = w.connect(agent(), (neighbour(), 3128));
            w.say(&mut tcp, Who::Opener, b"CONNECT a.allowed.example:443 HTTP/1.1\r\nHost: a.allowed.example:443\r\n\r\n");
            w.say(&mut tcp, Who::Opener, TEXT);
            w.close(&mut tcp);
        }, &["WW202"]),
        ("in a DNS message that never ends", |w| {
            let mut tcp = w.connect(agent(), (resolver(), 53));
            let [question, answer] = w.dns(NAME, &[], site().0);
            let framed = |m: &[u8]| [&(m.len() as u16).to_be_bytes()[..], m].concat();
            w.say(&mut tcp, Who::Opener, &framed(&question));
            w.say(&mut tcp, Who::Other, &framed(&answer));
            w.say(&mut tcp, Who::Opener, &[&[0x7f, 0xff][..], TEXT].concat());
            w.close(&mut tcp);
        }, &["WW202"]),
        ("in UDP to an allowed host", |w| {
            let port = w.port();
            w.udp((agent(), port), site(), TEXT);
        }, &["WW201"]),
        ("after NTP in the same flow", |w| {
            w.resolve(agent(), resolver(), "time.allowed.example", &[], ip("203.0.113.12"));
            let port = w.port();
            let mut ntp = [0u8; 48];
            ntp[0] = 0x23;
            ntp[47] = 1;
            w.udp((agent(), port), (ip("203.0.113.12"), 123), &ntp);
            w.udp((agent(), port), (ip("203.0.113.12"), 123), TEXT);
        }, &["WW201"]),
        ("after DNS in the same flow", |w| {
            let port = w.port();
            let [question, answer] = w.dns(NAME, &[], site().0);
            w.udp((agent(), port), (resolver(), 53), &question);
            w.udp((resolver(), 53), (agent(), port), &answer);
            w.udp((agent(), port), (resolver(), 53), TEXT);
        }, &["WW201"]),
        ("behind the length of a UDP datagram", |w| {
            let port = w.port();
            let [question, _] = w.dns(NAME, &[], site().0);
            w.udp((agent(), port), (resolver(), 53), &[&question[..], TEXT].concat());
            let frame = w.frames.last_mut().unwrap();
            frame.bytes[38..40].copy_from_slice(&(8 + question.len() as u16).to_be_bytes());
        }, &["WW903"]),
        ("in echo data", |w| {
            let echo = [&[8, 0, 0, 0, 0, 7, 0, 1][..], TEXT].concat();
            w.ip(agent(), neighbour(), 1, &echo);
            w.ip(neighbour(), agent(), 1, &[&[0, 0, 0, 0, 0, 7, 0, 1][..], TEXT].concat());
        }, &["WW202"]),
        ("in what calls itself neighbour discovery", |w| {
            w.ip(ip("fd00::4"), ip("2001:db8::66"), 58, &[&[135, 0, 0, 0][..], TEXT].concat());
        }, &["WW202", "WW301"]),
        ("in what calls itself IGMP", |w| {
            w.ip(agent(), ip("198.51.100.66"), 2, TEXT);
        }, &["WW202", "WW301"]),
        ("in what calls itself DHCP", |w| {
            w.udp((agent(), 68), (neighbour(), 67), &[&[1, 1, 6][..], TEXT].concat());
        }, &["WW202"]),
        ("in what calls itself DHCPv6", |w| {
            w.udp((ip("fd00::4"), 546), (ip("fd00::77"), 547), TEXT);
        }, &["WW201"]),
        ("in a SNAP frame", |w| {
            let port = w.port();
            w.udp((agent(), port), (ip("198.51.100.66"), 9000), TEXT);
            let frame = &mut w.frames.last_mut().unwrap().bytes;
            let length = (frame.len() - 14 + 8) as u16;
            frame.splice(12..12, [&length.to_be_bytes()[..], &[0xaa, 0xaa, 3, 0, 0, 0]].concat());
        }, &["WW201", "WW301"]),
        ("as early data that nobody took", |w| {
            let mut tcp = w.connect(agent(), site());
            let hello = &tls_session(NAME, Version::Tls13, 0, 0)[0].1;
            w.say(&mut tcp, Who::Opener, hello);
            w.say(&mut tcp, Who::Opener, &[&[23, 3, 3, 0, TEXT.len() as u8][..], TEXT].concat());
            w.close(&mut tcp);
        }, &["WW206"]),
        ("behind a hello, as text", |w| {
            let mut tcp = w.connect(agent(), site());
            let hello = &tls_session(NAME, Version::Tls13, 0, 0)[0].1;
            w.say(&mut tcp, Who::Opener, &[&hello[..], TEXT].concat());
            w.close(&mut tcp);
        }, &["WW201"]),
        ("behind the banners of SSH", |w| {
            let mut tcp = w.connect(agent(), (neighbour(), 22));
            w.say(&mut tcp, Who::Other, b"SSH-2.0-OpenSSH_9.9\r\n");
            w.say(&mut tcp, Who::Opener, b"SSH-2.0-OpenSSH_9.9\r\n");
            w.say(&mut tcp, Who::Opener, TEXT);
            w.close(&mut tcp);
        }, &["WW201"]),
        ("in a fragment", |w| {
            let port = w.port();
            w.udp((agent(), port), site(), TEXT);
            w.frames.last_mut().unwrap().bytes[20] |= 0x20;
        }, &["WW903"]),
        ("in GRE", |w| w.ip(agent(), neighbour(), 47, &[&[0, 0, 8, 0][..], TEXT].concat()), &["WW202"]),
        ("in bytes that cross the snap length", |w| {
            let mut tcp = session(w, Version::Tls13);
            w.say(&mut tcp, Who::Opener, TEXT);
            w.say(&mut tcp, Who::Opener, TEXT);
            w.frames.retain(|frame| !frame.bytes.windows(8).any(|bytes| bytes == b"password"));
            w.close(&mut tcp);
        }, &["WW906"]),
        ("in an EtherType of nobody", |w| {
            w.udp((agent(), 1), site(), TEXT);
            w.frames.last_mut().unwrap().bytes[12..14].copy_from_slice(&[0x88, 0xb5]);
        }, &["WW903"]),
        ("inside a proxied connection", |w| {
            let mut tcp = w.connect(agent(), (neighbour(), 3128));
            w.say(&mut tcp, Who::Opener, b"CONNECT a.allowed.example:443 HTTP/1.1\r\n\r\n");
            w.say(&mut tcp, Who::Other, b"HTTP/1.1 200 OK\r\n\r\n");
            w.say(&mut tcp, Who::Opener, TEXT);
            w.close(&mut tcp);
        }, &["WW201"]),
        ("to a host that answers TLS without being asked", |w| {
            let mut tcp = w.connect(agent(), site());
            let said = tls_session(NAME, Version::Tls13, 0, 0);
            w.say(&mut tcp, Who::Other, &said[1].1);
            w.say(&mut tcp, Who::Opener, TEXT);
            w.close(&mut tcp);
        }, &["WW202"]),
        ("in a shape that no IP header has", |w| w.ip(agent(), site().0, 253, TEXT), &["WW202", "WW303"]),
    ]);
}

#[test]
fn inbound_in_odd_shapes() {
    must_not_pass(&[
        ("a simultaneous open, taken", |w| {
            let from = (agent(), w.port());
            w.raw_segment(from, site(), 1000, 0, SYN, &[]);
            w.raw_segment(site(), from, 90_000, 0, SYN, &[]);
            w.raw_segment(from, site(), 1000, 90_001, SYN | ACK, &[]);
            w.raw_segment(site(), from, 90_000, 1001, SYN | ACK, &[]);
        }, &["WW101"]),
        ("a simultaneous open, not taken", |w| {
            let from = (agent(), w.port());
            w.raw_segment(from, site(), 1000, 0, SYN, &[]);
            w.raw_segment(site(), from, 90_000, 0, SYN, &[]);
        }, &["WW102"]),
        ("a SYN from the ports of an open connection", |w| {
            let tcp = session(w, Version::Tls13);
            w.raw_segment(tcp.other, tcp.opener, 5, 0, SYN, &[]);
        }, &["WW102"]),
        ("a SYN from the ports of a closed connection", |w| {
            let mut tcp = session(w, Version::Tls13);
            w.close(&mut tcp);
            w.raw_segment(tcp.other, tcp.opener, 5, 0, SYN, &[]);
            w.raw_segment(tcp.opener, tcp.other, 7, 6, SYN | ACK, &[]);
        }, &["WW101"]),
        ("a SYN-ACK that nobody asked for", |w| {
            let to = (agent(), w.port());
            w.raw_segment((neighbour(), 443), to, 90_000, 1001, SYN | ACK, &[]);
            w.raw_segment(to, (neighbour(), 443), 1001, 0, RST, &[]);
        }, &["WW103"]),
        ("a DNS answer that nobody asked for", |w| {
            let [_, answer] = w.dns(NAME, &[], site().0);
            w.udp((resolver(), 53), (agent(), 5353), &answer);
        }, &["WW103"]),
        ("an echo reply that nobody asked for", |w| w.ip(neighbour(), agent(), 1, &[0, 0, 0, 0, 0, 9, 0, 1, 1, 2, 3]), &["WW103"]),
        ("a datagram over IPv6", |w| w.udp((ip("2001:db8::66"), 4000), (ip("fd00::4"), 4000), &[1, 2, 3]), &["WW102", "WW202"]),
        ("a SYN over IPv6", |w| w.raw_segment((ip("2001:db8::66"), 4000), (ip("fd00::4"), 22), 1, 0, SYN, &[]), &["WW102"]),
        ("from a multicast source", |w| w.udp((ip("224.0.0.9"), 520), (agent(), 520), &[1, 2, 3]), &["WW102", "WW202"]),
        ("a SYN with FIN", |w| w.raw_segment((neighbour(), 4000), (agent(), 22), 1, 0, SYN | FIN, &[]), &["WW102"]),
        ("a SYN under two VLAN tags", |w| {
            w.raw_segment((neighbour(), 4000), (agent(), 22), 1, 0, SYN, &[]);
            w.frames.last_mut().unwrap().bytes.splice(12..12, [0x88, 0xa8, 0, 1, 0x81, 0, 0, 2]);
        }, &["WW102"]),
    ]);
}

#[test]
fn names_and_answers_that_do_not_fit() {
    must_not_pass(&[
        ("an allowed name at an address of another", |w| {
            w.resolve(agent(), resolver(), "evil.example", &[], ip("198.51.100.66"));
            w.tls(agent(), (ip("198.51.100.66"), 443), NAME, Version::Tls13, 10, 10);
        }, &["WW304", "WW402"]),
        ("an answer with another id", |w| {
            let port = w.port();
            let [question, mut answer] = w.dns("b.allowed.example", &[], ip("198.51.100.66"));
            answer[0] ^= 0xff;
            w.udp((agent(), port), (resolver(), 53), &question);
            w.udp((resolver(), 53), (agent(), port), &answer);
            w.tls(agent(), (ip("198.51.100.66"), 443), "b.allowed.example", Version::Tls13, 10, 10);
        }, &["WW304"]),
        ("an address as the name", |w| w.tls(agent(), site(), "203.0.113.9.evil.example", Version::Tls13, 10, 10), &["WW302"]),
        ("the bare domain of a wildcard", |w| w.tls(agent(), site(), "allowed.example", Version::Tls13, 10, 10), &["WW302"]),
        ("a name that ends like an allowed one", |w| w.tls(agent(), site(), "a.notallowed.example", Version::Tls13, 10, 10), &["WW302"]),
        ("a chain from a foreign name to an allowed one", |w| {
            w.resolve(agent(), resolver(), "evil.example", &[NAME], ip("198.51.100.66"));
            w.tls(agent(), (ip("198.51.100.66"), 443), NAME, Version::Tls13, 10, 10);
        }, &["WW304", "WW402"]),
        ("DNS to another resolver, on an odd port", |w| {
            let port = w.port();
            let [question, _] = w.dns(NAME, &[], site().0);
            w.udp((agent(), port), (neighbour(), 5300), &question);
        }, &["WW401"]),
        ("mDNS to one host", |w| {
            let [question, _] = w.dns("printer.local", &[], site().0);
            w.udp((agent(), 5353), (neighbour(), 5353), &question);
        }, &["WW401", "WW402"]),
        ("the answers of a foreign resolver", |w| {
            w.resolve(agent(), neighbour(), "c.allowed.example", &[], ip("198.51.100.66"));
            w.tls(agent(), (ip("198.51.100.66"), 443), "c.allowed.example", Version::Tls13, 10, 10);
        }, &["WW401"]),
    ]);
}

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
