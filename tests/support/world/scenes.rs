//! What compliant agents do, a scene each: [`SCENES`] is the one list. Each scene is told to a world of its own and merged with the
//! others, so that a scene need not know what else goes on.

use std::net::IpAddr;

use super::dtls::{self, Dtls};
use super::hosts::Cast;
use super::packets;
use super::quic::{Datagram, Quic};
use super::random::Random;
use super::records::session_with_ech;
use super::tcp::Who;
use super::tls::{Talk, Version};
use super::tunnelled::{ike, marked, wireguard};
use super::{MILLI, SECOND, World};

/// Something that a compliant agent, or others around it, do.
pub struct Scene {
    pub name: &'static str,
    pub play: fn(&mut World, &Cast, &mut Random),
}

pub const SCENES: &[Scene] = &[
    Scene { name: "TLS 1.3", play: |world, cast, random| tls(world, cast, random, |_| {}) },
    Scene { name: "TLS 1.2", play: |world, cast, random| tls(world, cast, random, |talk| talk.version = Version::Tls12) },
    Scene { name: "TLS 1.3 resumed", play: |world, cast, random| tls(world, cast, random, |talk| talk.resumed = true) },
    Scene {
        name: "TLS 1.2 resumed",
        play: |world, cast, random| {
            tls(world, cast, random, |talk| (talk.version, talk.resumed) = (Version::Tls12, true));
        },
    },
    Scene {
        name: "TLS 1.3 with early data",
        play: |world, cast, random| tls(world, cast, random, |talk| (talk.resumed, talk.early) = (true, true)),
    },
    Scene { name: "TLS 1.3 retried", play: |world, cast, random| tls(world, cast, random, |talk| talk.retried = true) },
    Scene { name: "TLS with a hello of two packets", play: |world, cast, random| tls(world, cast, random, |talk| talk.big = true) },
    Scene { name: "TLS in small records", play: |world, cast, random| tls(world, cast, random, |talk| talk.record = Some(64)) },
    Scene { name: "bulk", play: |world, cast, random| tls(world, cast, random, |talk| talk.down = 60_000) },
    Scene { name: "TLS at an address that an HTTPS record hints", play: hinted },
    Scene { name: "TLS at the addresses of whom an HTTPS record names", play: served },
    Scene { name: "TLS with an encrypted hello that is grease", play: grease },
    Scene { name: "QUIC", play: |world, cast, random| quic(world, cast, random, |_| {}) },
    Scene { name: "QUIC of version 2", play: |world, cast, random| quic(world, cast, random, |quic| quic.version = Quic::V2) },
    Scene { name: "QUIC with a Retry", play: |world, cast, random| quic(world, cast, random, |quic| quic.retry = true) },
    Scene {
        name: "QUIC after a version that is refused",
        play: |world, cast, random| quic(world, cast, random, |quic| quic.refused = Some(0x1a2a_3a4a)),
    },
    Scene {
        name: "QUIC with a hello in pieces, the last first",
        play: |world, cast, random| quic(world, cast, random, |quic| quic.pieces = Some((90, 2))),
    },
    Scene {
        name: "QUIC whose hello is retried and long",
        play: |world, cast, random| quic(world, cast, random, |quic| (quic.hello_retried, quic.big) = (true, true)),
    },
    Scene {
        name: "QUIC that renews a connection ID",
        play: |world, cast, random| quic(world, cast, random, |quic| (quic.ids, quic.renewed_after) = ([4, 12], Some(1))),
    },
    Scene { name: "DTLS 1.2", play: |world, cast, random| dtls(world, cast, random, Dtls::V1_2, |_| {}) },
    Scene { name: "DTLS 1.2 resumed", play: |world, cast, random| dtls(world, cast, random, Dtls::V1_2, |dtls| dtls.resumed = true) },
    Scene {
        name: "DTLS 1.2 with connection IDs",
        play: |world, cast, random| dtls(world, cast, random, Dtls::V1_2, |dtls| dtls.ids = Some([3, 8])),
    },
    Scene {
        name: "DTLS 1.2 with a hello in pieces, the last first",
        play: |world, cast, random| dtls(world, cast, random, Dtls::V1_2, |dtls| (dtls.cookie, dtls.pieces) = (false, Some(33))),
    },
    Scene { name: "DTLS 1.3", play: |world, cast, random| dtls(world, cast, random, Dtls::V1_3, |_| {}) },
    Scene {
        name: "DTLS 1.3 with connection IDs",
        play: |world, cast, random| dtls(world, cast, random, Dtls::V1_3, |dtls| dtls.ids = Some([5, 1])),
    },
    Scene { name: "DTLS over SCTP", play: dtls_over_sctp },
    Scene { name: "WireGuard", play: |world, cast, random| tunnelled(world, cast, random, |random| wireguard(2, random)) },
    Scene { name: "IKE", play: |world, cast, random| tunnelled(world, cast, random, |random| ike(20, random)) },
    Scene { name: "IKE behind a NAT", play: |world, cast, random| tunnelled(world, cast, random, |random| marked(ike(20, random))) },
    Scene { name: "a socket that stays open", play: long_lived },
    Scene { name: "an address allowed by itself", play: fixed },
    Scene { name: "names over TCP", play: names_over_tcp },
    Scene { name: "the canonical name asked again", play: canonical_again },
    Scene { name: "time", play: time },
    Scene { name: "revocation list in the clear", play: revocation },
    Scene { name: "mail handed over behind STARTTLS", play: submission },
    Scene { name: "STARTTLS that is refused, and no more", play: refused },
    Scene { name: "a proxy that is asked by SOCKS 5", play: by_socks },
    Scene { name: "ping", play: ping },
    Scene { name: "a permitted ping", play: pinged },
    Scene { name: "a dial that is refused", play: |world, cast, random| dial(world, cast, random, 0) },
    Scene { name: "a dial that nobody answers", play: |world, cast, random| dial(world, cast, random, 1) },
    Scene { name: "a dial that a router turns away", play: |world, cast, random| dial(world, cast, random, 2) },
    Scene { name: "a connection without a word", play: |world, cast, random| dial(world, cast, random, 3) },
    Scene { name: "TLS between agents", play: internal },
    Scene { name: "other hosts", play: others },
    Scene { name: "noise of the link", play: noise },
];

/// Has one of the endpoints resolved, and says which.
fn endpoint(world: &mut World, cast: &Cast, random: &mut Random) -> (String, IpAddr) {
    let (name, address) = random.pick(&cast.endpoints).clone();
    look_up(world, cast, random, &name, address);
    (name, address)
}

fn look_up(world: &mut World, cast: &Cast, random: &mut Random, name: &str, address: IpAddr) {
    let resolver = *random.pick(&cast.resolvers);
    let chain: &[&str] = if random.one_in(2) { &["edge.cdn.example", "pop7.cdn.example"] } else { &[] };
    world.resolve(cast.agent_for(resolver), resolver, name, chain, address);
    world.wait(random.within(0, 30) * MILLI);
}

fn tls(world: &mut World, cast: &Cast, random: &mut Random, shape: impl Fn(&mut Talk)) {
    let (name, address) = endpoint(world, cast, random);
    let mut talk = Talk::new(&name, Version::Tls13);
    shape(&mut talk);
    let mut tcp = world.connect(cast.agent_for(address), (address, 443));
    tcp.segment = *random.pick(&[1400, 1400, 536, 100]);
    world.talk(&mut tcp, &talk, 0);
    match random.below(4) {
        0 => world.reset(&tcp, Who::Other),
        1 => {}
        _ => world.close(&mut tcp),
    }
}

/// A session of TLS 1.3 with an endpoint.
fn visit(world: &mut World, cast: &Cast, (name, address): (&str, IpAddr)) {
    let mut tcp = world.connect(cast.agent_for(address), (address, 443));
    world.talk(&mut tcp, &Talk::new(name, Version::Tls13), 0);
    world.close(&mut tcp);
}

fn hinted(world: &mut World, cast: &Cast, random: &mut Random) {
    let ((name, address), resolver) = (random.pick(&cast.endpoints).clone(), *random.pick(&cast.resolvers));
    world.serve((cast.agent_for(resolver), resolver), &name, ".", &[address], None);
    visit(world, cast, (&name, address));
}

fn served(world: &mut World, cast: &Cast, random: &mut Random) {
    let ((name, address), resolver) = (random.pick(&cast.endpoints).clone(), *random.pick(&cast.resolvers));
    let agent = cast.agent_for(resolver);
    world.serve((agent, resolver), &name, "pool3.cdn.example.", &[], Some((7, "outer.cdn.example")));
    world.resolve(agent, resolver, "pool3.cdn.example", &[], address);
    visit(world, cast, (&name, address));
}

fn grease(world: &mut World, cast: &Cast, random: &mut Random) {
    let (name, address) = endpoint(world, cast, random);
    let mut tcp = world.connect(cast.agent_for(address), (address, 443));
    world.flights(&mut tcp, &session_with_ech(&name, random.below(256) as u8), 0);
    world.close(&mut tcp);
}

fn long_lived(world: &mut World, cast: &Cast, random: &mut Random) {
    let (name, address) = endpoint(world, cast, random);
    let version = *random.pick(&[Version::Tls12, Version::Tls13]);
    let talk = Talk { beats: 6, up: 40, down: 20, ..Talk::new(&name, version) };
    let mut tcp = world.connect(cast.agent_for(address), (address, 443));
    world.talk(&mut tcp, &talk, random.within(20, 50) * SECOND);
    world.close(&mut tcp);
}

fn quic(world: &mut World, cast: &Cast, random: &mut Random, shape: impl Fn(&mut Quic)) {
    let (name, address) = endpoint(world, cast, random);
    let mut quic = Quic::new(&name);
    shape(&mut quic);
    let from = (cast.agent_for(address), world.port());
    let pause = if random.one_in(3) { random.within(20, 100) } else { 0 };
    world.quic(from, (address, 443), &quic, pause);
}

fn dtls(world: &mut World, cast: &Cast, random: &mut Random, version: u16, shape: impl Fn(&mut Dtls)) {
    let (name, address) = endpoint(world, cast, random);
    let mut dtls = Dtls::new(&name, version);
    shape(&mut dtls);
    let from = (cast.agent_for(address), world.port());
    world.datagrams(from, (address, 443), &dtls::session(&dtls));
}

/// What encrypts without TLS, to an address that was answered for a name.
fn tunnelled(world: &mut World, cast: &Cast, random: &mut Random, said: fn(&mut Random) -> Vec<Datagram>) {
    let (_, address) = endpoint(world, cast, random);
    let from = (cast.agent_for(address), world.port());
    world.datagrams(from, (address, 443), &said(random));
}

fn dtls_over_sctp(world: &mut World, cast: &Cast, random: &mut Random) {
    let (name, address) = endpoint(world, cast, random);
    let from = (cast.agent_for(address), world.port());
    let said = dtls::session(&Dtls { cookie: false, ..Dtls::new(&name, Dtls::V1_2) });
    world.messages(from, (address, 443), &said, *random.pick(&[1400, 200]));
}

/// A submission in SMTP, its opener's name as long as any, and what the server answers to STARTTLS.
fn submit(world: &mut World, cast: &Cast, random: &mut Random, answer: &[u8]) -> (String, super::tcp::Tcp) {
    let (name, address) = endpoint(world, cast, random);
    let mut tcp = world.connect(cast.agent_for(address), (address, 443));
    let said: [(Who, &[u8]); 5] = [
        (Who::Other, b"220 mail.allowed.example ESMTP ready\r\n"),
        (Who::Opener, b"EHLO an-agent-with-a-name-of-some-length.corp.example\r\n"),
        (Who::Other, b"250-mail.allowed.example\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 SIZE 10000000\r\n"),
        (Who::Opener, b"STARTTLS\r\n"),
        (Who::Other, answer),
    ];
    for (who, bytes) in said {
        world.say(&mut tcp, who, bytes);
    }
    (name, tcp)
}

fn submission(world: &mut World, cast: &Cast, random: &mut Random) {
    let (name, mut tcp) = submit(world, cast, random, b"220 2.0.0 Ready to start TLS\r\n");
    world.talk(&mut tcp, &Talk::new(&name, *random.pick(&[Version::Tls12, Version::Tls13])), 0);
    world.close(&mut tcp);
}

fn refused(world: &mut World, cast: &Cast, random: &mut Random) {
    let (_, mut tcp) = submit(world, cast, random, b"454 4.7.0 TLS not available\r\n");
    world.say(&mut tcp, Who::Opener, b"QUIT\r\n");
    world.say(&mut tcp, Who::Other, b"221 2.0.0 Bye\r\n");
    world.close(&mut tcp);
}

fn by_socks(world: &mut World, cast: &Cast, random: &mut Random) {
    let (_, proxy) = endpoint(world, cast, random);
    let name = &random.pick(&cast.endpoints).0;
    let mut tcp = world.connect(cast.agent_for(proxy), (proxy, 443));
    let request = [&[5, 1, 0, 3, name.len() as u8][..], name.as_bytes(), &443u16.to_be_bytes()].concat();
    let said: [(Who, &[u8]); 4] =
        [(Who::Opener, &[5, 1, 0]), (Who::Other, &[5, 0]), (Who::Opener, &request), (Who::Other, &[5, 0, 0, 1, 10, 0, 0, 9, 4, 1])];
    for (who, bytes) in said {
        world.say(&mut tcp, who, bytes);
    }
    world.talk(&mut tcp, &Talk::new(name, Version::Tls13), 0);
    world.close(&mut tcp);
}

fn fixed(world: &mut World, cast: &Cast, _: &mut Random) {
    let mut tcp = world.connect(cast.agent_for(cast.fixed), (cast.fixed, 443));
    world.talk(&mut tcp, &Talk::new(&cast.fixed.to_string(), Version::Tls13), 0);
    world.close(&mut tcp);
}

fn names_over_tcp(world: &mut World, cast: &Cast, random: &mut Random) {
    let resolver = *random.pick(&cast.resolvers);
    let asked: Vec<_> = cast.endpoints.iter().take(3).map(|(name, address)| (name.as_str(), *address)).collect();
    world.resolve_over_tcp(cast.agent_for(resolver), resolver, &asked);
}

fn canonical_again(world: &mut World, cast: &Cast, random: &mut Random) {
    let ((name, address), resolver) = (random.pick(&cast.endpoints).clone(), cast.resolvers[0]);
    world.resolve(cast.agent_for(resolver), resolver, &name, &["edge.cdn.example"], address);
    world.resolve(cast.agent_for(resolver), resolver, "edge.cdn.example", &[], address);
}

fn time(world: &mut World, cast: &Cast, random: &mut Random) {
    let (name, address) = &cast.time;
    look_up(world, cast, random, name, *address);
    let (agent, port) = (cast.agent_for(*address), world.port());
    world.udp((agent, port), (*address, 123), &ntp(3));
    world.udp((*address, 123), (agent, port), &ntp(4));
}

/// An NTP message of version 4 and this mode.
pub fn ntp(mode: u8) -> Vec<u8> {
    let mut message = vec![0; 48];
    message[..4].copy_from_slice(&[4 << 3 | mode, if mode == 3 { 0 } else { 2 }, 6, 0xe8]);
    message[40..48].copy_from_slice(&[0xe9, 0x12, 0x34, 0x56, 0, 0, 0, 1]);
    message
}

fn revocation(world: &mut World, cast: &Cast, random: &mut Random) {
    let (name, address) = &cast.lists;
    look_up(world, cast, random, name, *address);
    let mut tcp = world.connect(cast.agent_for(*address), (*address, 80));
    let request = format!("GET /root.crl HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
    world.say(&mut tcp, Who::Opener, request.as_bytes());
    let answer = [&b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n"[..], &[0x30; 3000]].concat();
    world.say(&mut tcp, Who::Other, &answer);
    world.close(&mut tcp);
}

fn ping(world: &mut World, cast: &Cast, random: &mut Random) {
    let (_, address) = endpoint(world, cast, random);
    let agent = cast.agent_for(address);
    for n in 0..3 {
        world.echo(agent, address, n);
    }
}

fn pinged(world: &mut World, cast: &Cast, _: &mut Random) {
    world.echo(cast.monitor, cast.agent_for(cast.monitor), 1);
}

fn dial(world: &mut World, cast: &Cast, random: &mut Random, how: u8) {
    let (_, address) = endpoint(world, cast, random);
    let (opener, other) = ((cast.agent_for(address), world.port()), (address, 443));
    match how {
        0 => world.dial_refused(opener, other),
        1 => world.dial_in_vain(opener, other, 3),
        2 => {
            world.dial_in_vain(opener, other, 1);
            let quoted = world.frames.last().map(|frame| frame.bytes.clone()).unwrap_or_default();
            let router = if address.is_ipv4() { IpAddr::from([192, 0, 2, 1]) } else { address };
            world.push(packets::unreachable(router, opener.0, &quoted));
        }
        _ => {
            let mut tcp = world.dial(opener, other);
            world.close(&mut tcp);
        }
    }
}

fn internal(world: &mut World, cast: &Cast, _: &mut Random) {
    if let [one, other, ..] = cast.agents[..]
        && one.is_ipv4() == other.is_ipv4()
    {
        let mut tcp = world.connect(one, (other, 8443));
        world.talk(&mut tcp, &Talk::new("own.example", Version::Tls13), 0);
        world.close(&mut tcp);
    }
}

/// Others speak as they like: it is not the agent's traffic.
pub fn others(world: &mut World, cast: &Cast, random: &mut Random) {
    let strangers = &cast.strangers;
    let pair = if random.one_in(2) { (strangers[0], strangers[2]) } else { (strangers[4], strangers[3]) };
    let mut tcp = world.connect(pair.0, (pair.1, 80));
    world.say(&mut tcp, Who::Opener, b"GET / HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n");
    world.say(&mut tcp, Who::Other, &random.clone().noise(2000));
    world.udp((pair.0, 9999), (pair.1, 514), b"<13>a word in the clear from somebody else");
    world.echo(pair.0, pair.1, 9);
    world.udp((strangers[0], 4000), (strangers[1], 53), b"not even DNS");
}

/// What every link carries and nobody opened.
pub fn noise(world: &mut World, cast: &Cast, _: &mut Random) {
    let agent = cast.agents[0];
    world.push(packets::other(0x0806, &[0, 1, 8, 0, 6, 4, 0, 1]));
    world.push(packets::other(0x88cc, &[2, 7, 4]));
    world.udp((agent, 5353), ([224, 0, 0, 251].into(), 5353), b"multicast names");
    world.udp((cast.strangers[0], 137), ([255, 255, 255, 255].into(), 137), b"who is there");
    let discover = [&[1, 1, 6, 0][..], &[0; 232], &[0x63, 0x82, 0x53, 0x63, 53, 1, 3, 255]].concat();
    world.udp((agent, 68), ([10, 0, 0, 1].into(), 67), &discover);
    let solicitation = [&[135, 0, 0, 0][..], &[0; 20]].concat();
    let link_local = IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, 1]);
    world.push(packets::ip(link_local, IpAddr::from([0xff02, 0, 0, 0, 0, 1, 0xff00, 9]), 58, &solicitation));
}
