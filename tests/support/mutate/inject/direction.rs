//! Somebody reaches in, or nobody can say who did.

use wirewitness::judge::Verdict;

use super::super::scene::{ANY, Expected, Scene};
use crate::world::packets::{self, ACK, PSH, SYN, tcp};
use crate::world::scenes::ntp;
use crate::world::tcp::{Tcp, Who};
use crate::world::tls::{Talk, Version};

const SERVICE: u16 = 8443;

/// A connection that a stranger opens and the agent accepts.
fn accepted(scene: &mut Scene<'_>) -> Tcp {
    let (opener, other) = ((scene.stranger(), scene.world.port()), (scene.agent(), SERVICE));
    scene.world.dial(opener, other)
}

pub fn accepted_tls(scene: &mut Scene<'_>) -> Option<()> {
    let mut tcp = accepted(scene);
    scene.world.talk(&mut tcp, &Talk::new("inside.example", Version::Tls13), 0);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn accepted_silent(scene: &mut Scene<'_>) -> Option<()> {
    accepted(scene);
    Some(())
}

pub fn accepted_plain(scene: &mut Scene<'_>) -> Option<()> {
    let mut tcp = accepted(scene);
    scene.world.say(&mut tcp, Who::Opener, b"GET /admin HTTP/1.1\r\nHost: agent\r\n\r\n");
    scene.world.close(&mut tcp);
    Some(())
}

pub fn accepted_without_syn(scene: &mut Scene<'_>) -> Option<()> {
    let before = scene.world.frames.len();
    let mut tcp = accepted(scene);
    scene.world.talk(&mut tcp, &Talk::new("inside.example", Version::Tls12), 0);
    scene.world.close(&mut tcp);
    scene.world.frames.remove(before);
    Some(())
}

pub fn accepted_neighbour(scene: &mut Scene<'_>) -> Option<()> {
    let neighbour = if scene.v6 { [0xfd00, 7, 0, 0, 0, 0, 0, 0x99].into() } else { [10, 0, 0, 99].into() };
    let (opener, other) = ((neighbour, scene.world.port()), (scene.agent(), 22));
    scene.world.dial(opener, other);
    Some(())
}

pub fn accepted_reused(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    scene.world.talk(&mut tcp, &Talk::new(&target.name, Version::Tls13), 0);
    scene.world.close(&mut tcp);
    scene.world.dial(tcp.other, tcp.opener);
    Some(())
}

pub fn refused(scene: &mut Scene<'_>) -> Option<()> {
    let (opener, other) = ((scene.stranger(), scene.world.port()), (scene.agent(), SERVICE));
    scene.world.dial_refused(opener, other);
    Some(())
}

pub fn ignored(scene: &mut Scene<'_>) -> Option<()> {
    let (opener, other) = ((scene.stranger(), scene.world.port()), (scene.agent(), SERVICE));
    scene.world.dial_in_vain(opener, other, 2);
    Some(())
}

pub fn refused_with_data(scene: &mut Scene<'_>) -> Option<()> {
    let (opener, other) = ((scene.stranger(), scene.world.port()), (scene.agent(), SERVICE));
    scene.world.push(tcp(opener, other, 9000, 0, SYN, b"data ahead of any answer"));
    scene.world.push(tcp(other, opener, 0, 9025, packets::RST | ACK, &[]));
    Some(())
}

pub fn crossed(scene: &mut Scene<'_>) -> Option<()> {
    let target = scene.target()?;
    scene.look_up(&target);
    let (agent, peer) = ((target.agent, scene.world.port()), (target.peer, target.port));
    scene.world.push(tcp(agent, peer, 100, 0, SYN, &[]));
    scene.world.push(tcp(peer, agent, 900, 0, SYN, &[]));
    Some(())
}

pub fn datagram(scene: &mut Scene<'_>) -> Option<()> {
    let (from, to) = ((scene.stranger(), scene.world.port()), (scene.agent(), 4500));
    let noise = scene.random.noise(80);
    scene.datagrams(from, to, &[(true, noise)]);
    Some(())
}

pub fn datagram_answered(scene: &mut Scene<'_>) -> Option<()> {
    let (from, to) = ((scene.stranger(), scene.world.port()), (scene.agent(), 4500));
    let (asked, answered) = (scene.random.noise(80), scene.random.noise(60));
    scene.datagrams(from, to, &[(true, asked), (false, answered)]);
    Some(())
}

pub fn question(scene: &mut Scene<'_>) -> Option<()> {
    let (from, to) = ((scene.stranger(), scene.world.port()), (scene.agent(), 53));
    let [asked, _] = scene.world.dns("version.example", &[], scene.stranger());
    scene.world.udp(from, to, &asked);
    Some(())
}

pub fn question_answered(scene: &mut Scene<'_>) -> Option<()> {
    let (from, to) = ((scene.stranger(), scene.world.port()), (scene.agent(), 5300));
    let [asked, answer] = scene.world.dns("version.example", &[], scene.stranger());
    scene.world.udp(from, to, &asked);
    scene.world.udp(to, from, &answer);
    Some(())
}

pub fn time(scene: &mut Scene<'_>) -> Option<()> {
    let (from, to) = ((scene.stranger(), scene.world.port()), (scene.agent(), 123));
    scene.world.udp(from, to, &ntp(3));
    Some(())
}

pub fn ping_answered(scene: &mut Scene<'_>) -> Option<()> {
    let (from, to) = (scene.stranger(), scene.agent());
    scene.world.echo(from, to, 1);
    Some(())
}

pub fn ping_ignored(scene: &mut Scene<'_>) -> Option<()> {
    let (from, to) = (scene.stranger(), scene.agent());
    scene.world.push(packets::echo(from, to, true, 3, 1, &[7; 32]));
    Some(())
}

/// A reliable multicast protocol (PGM), of which nothing is read.
pub fn other_protocol(scene: &mut Scene<'_>) -> Option<()> {
    scene.unknown_in_the_first_minute();
    let (from, to) = (scene.stranger(), scene.agent());
    scene.world.push(packets::ip(from, to, 113, &[0x9d; 40]));
    Some(())
}

pub fn unknown(scene: &mut Scene<'_>) -> Option<()> {
    let (from, to) = ((scene.stranger(), 51_000), (scene.agent(), 52_000));
    for n in 0..4u32 {
        let noise = scene.random.noise(100);
        scene.world.push(tcp(from, to, 5000 + n * 100, 77, ACK | PSH, &noise));
        scene.world.push(tcp(to, from, 77, 5100 + n * 100, ACK, &[]));
    }
    Some(())
}

pub fn quoted(scene: &mut Scene<'_>) -> Option<()> {
    let (agent, peer) = (scene.agent(), scene.stranger());
    let quoted = tcp((agent, 45_000), (peer, 443), 1, 0, SYN, &[]);
    scene.world.push(packets::unreachable(peer, agent, &quoted));
    scene.expected = Some(Expected { verdict: Verdict::Inconclusive, rules: &["WW103"], also: ANY });
    Some(())
}

/// The agent dials, and is dialled on the same ports before that came to anything.
pub fn syn_after_answer(scene: &mut Scene<'_>) -> Option<()> {
    let target = scene.target()?;
    scene.look_up(&target);
    let (agent, peer) = ((target.agent, scene.world.port()), (target.peer, target.port));
    scene.world.push(tcp(agent, peer, 100, 0, SYN, &[]));
    scene.world.push(tcp(peer, agent, 900, 101, SYN | ACK, &[]));
    scene.world.push(tcp(peer, agent, 5000, 0, SYN, &[]));
    scene.world.push(tcp(agent, peer, 7000, 5001, SYN | ACK, &[]));
    scene.world.push(tcp(peer, agent, 5001, 7001, ACK, &[]));
    Some(())
}

/// The same, and the peer's SYN was not captured.
pub fn syn_ack_after_syn(scene: &mut Scene<'_>) -> Option<()> {
    let target = scene.target()?;
    scene.look_up(&target);
    let (agent, peer) = ((target.agent, scene.world.port()), (target.peer, target.port));
    scene.world.push(tcp(agent, peer, 100, 0, SYN, &[]));
    scene.world.push(tcp(agent, peer, 7000, 5001, SYN | ACK, &[]));
    scene.world.push(tcp(peer, agent, 5001, 7001, ACK, &[]));
    Some(())
}
