//! Data beside what is usually looked at: in errors, control messages and headers below and above IP, in what calls itself noise.

use std::net::IpAddr;

use super::super::bases::Target;
use super::super::scene::Scene;
use crate::world::packets::{echo, ip, tcp, udp};

const TEXT: &[u8] = b"user=admin; secret=hunter2; these words can be read by anybody who stands on the way\n";

/// Where the agent may go, which has been looked up; in a policy that is known to the letter.
fn known_target(scene: &mut Scene<'_>) -> Option<Target> {
    scene.base.is_world.then_some(())?;
    let target = scene.target()?;
    scene.look_up(&target);
    Some(target)
}

/// A private neighbour that no policy here names.
fn neighbour(v6: bool) -> IpAddr {
    if v6 { [0xfd00, 7, 0, 0, 0, 0, 0, 0x66].into() } else { [10, 0, 0, 66].into() }
}

/// A message of ICMP that quotes a packet (an Ethernet frame), with more behind its ports than was ever there.
fn quoting(from: IpAddr, to: IpAddr, quoted: &[u8]) -> Vec<u8> {
    let (protocol, kind) = if to.is_ipv4() { (1, 3) } else { (58, 1) };
    let header = quoted.len() - TEXT.len();
    ip(from, to, protocol, &[&[kind, 3, 0, 0, 0, 0, 0, 0][..], &quoted[14..header], &TEXT.repeat(9)].concat())
}

pub fn error_about_others(scene: &mut Scene<'_>) -> Option<()> {
    let (agent, peer) = (scene.agent(), scene.stranger());
    let quoted = udp((peer, 4000), (neighbour(scene.v6), 4001), TEXT);
    scene.unknown_in_the_first_minute();
    scene.world.push(quoting(agent, peer, &quoted));
    Some(())
}

pub fn error_to_a_stranger(scene: &mut Scene<'_>) -> Option<()> {
    let (target, tcp_flow) = scene.reach()?;
    let quoted = tcp(tcp_flow.other, tcp_flow.opener, 1, 1, 16, TEXT);
    let peer = scene.stranger();
    scene.unknown_in_the_first_minute();
    scene.world.push(quoting(target.agent, peer, &quoted));
    Some(())
}

pub fn error_from_a_stranger(scene: &mut Scene<'_>) -> Option<()> {
    let (target, tcp_flow) = scene.reach()?;
    let quoted = tcp(tcp_flow.other, tcp_flow.opener, 1, 1, 16, TEXT);
    let peer = scene.stranger();
    scene.unknown_in_the_first_minute();
    scene.world.push(quoting(peer, target.agent, &quoted));
    Some(())
}

/// About an answer of the resolver's that never came.
pub fn error_about_an_answer(scene: &mut Scene<'_>) -> Option<()> {
    let ((agent, resolver), target) = (scene.resolver()?, scene.target()?);
    let (own, other) = ((agent, scene.world.port()), (resolver, 53));
    for (n, message) in scene.world.dns(&target.name, &[], target.peer).iter().enumerate() {
        let (from, to) = if n == 0 { (own, other) } else { (other, own) };
        scene.world.udp(from, to, message);
    }
    scene.world.push(quoting(agent, resolver, &udp(other, own, TEXT)));
    Some(())
}

pub fn odd_message(scene: &mut Scene<'_>) -> Option<()> {
    let target = known_target(scene)?;
    scene.unknown_in_the_first_minute();
    let protocol = if scene.v6 { 58 } else { 1 };
    scene.world.push(ip(target.agent, target.peer, protocol, &[&[253, 0, 0, 0][..], &TEXT[..40]].concat()));
    Some(())
}

/// A control chunk of SCTP (RFC 9260 section 3.3) to where the agent may go.
fn chunk(scene: &mut Scene<'_>, kind: u8, body: &[u8]) -> Option<()> {
    let target = known_target(scene)?;
    scene.unknown_in_the_first_minute();
    let ports = [&50_000u16.to_be_bytes()[..], &target.port.to_be_bytes(), &[0, 0, 0, 1, 0, 0, 0, 0]].concat();
    let chunk = [&[kind, 0][..], &(body.len() as u16 + 4).to_be_bytes(), body].concat();
    scene.world.push(ip(target.agent, target.peer, 132, &[ports, chunk].concat()));
    Some(())
}

/// A heartbeat, whose content comes back as it was sent.
pub fn heartbeat(scene: &mut Scene<'_>) -> Option<()> {
    chunk(scene, 4, &[&[0, 1][..], &(TEXT.len() as u16 + 4).to_be_bytes(), TEXT].concat())
}

/// One that is no longer than any.
pub fn short_heartbeat(scene: &mut Scene<'_>) -> Option<()> {
    chunk(scene, 4, &[&[0, 1, 0, 40][..], &TEXT[..36]].concat())
}

pub fn cookie(scene: &mut Scene<'_>) -> Option<()> {
    chunk(scene, 10, &[&[0x5e; 40][..], TEXT].concat())
}

pub fn membership(scene: &mut Scene<'_>) -> Option<()> {
    scene.base.is_world.then_some(())?;
    scene.unknown_in_the_first_minute();
    let (agent, peer, noise) = (scene.agent(), neighbour(scene.v6), scene.random.noise(300));
    let (protocol, kind) = if scene.v6 { (58, 143) } else { (2, 0x16) };
    scene.world.push(ip(agent, peer, protocol, &[&[kind, 0, 0, 0][..], &noise].concat()));
    Some(())
}

pub fn discovery(scene: &mut Scene<'_>) -> Option<()> {
    (scene.base.is_world && scene.v6).then_some(())?;
    scene.unknown_in_the_first_minute();
    let (agent, peer, noise) = (scene.agent(), neighbour(true), scene.random.noise(300));
    scene.world.push(ip(agent, peer, 58, &[&[134, 0, 0, 0][..], &noise].concat()));
    Some(())
}

pub fn leases(scene: &mut Scene<'_>) -> Option<()> {
    (scene.base.is_world && scene.v6).then_some(())?;
    let (from, to) = ((scene.agent(), 546), (neighbour(true), 547));
    let noise = [&[11][..], &scene.random.noise(300)].concat();
    scene.datagrams(from, to, &[(true, noise)]);
    Some(())
}

/// A ping that goes on from where it may go to where it may not.
pub fn source_route(scene: &mut Scene<'_>) -> Option<()> {
    let target = scene.target()?;
    scene.look_up(&target);
    let mut frame = echo(target.agent, target.peer, true, 6, 1, &[9; 32]);
    if scene.v6 {
        put_header(&mut frame, 43, &[2, 4, 1, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8, 0xb, 0xad, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x66]);
    } else {
        let options = [131, 7, 4, 192, 0, 2, 66, 0];
        let total = u16::from_be_bytes([frame[16], frame[17]]) + options.len() as u16;
        frame[14] += 2;
        frame[16..18].copy_from_slice(&total.to_be_bytes());
        frame.splice(34..34, options);
    }
    scene.world.push(frame);
    Some(())
}

/// Puts an extension header of IPv6 into a frame: its number, and what stands behind its first byte.
fn put_header(frame: &mut Vec<u8>, kind: u8, body: &[u8]) {
    let length = u16::from_be_bytes([frame[18], frame[19]]) + 1 + body.len() as u16;
    frame[18..20].copy_from_slice(&length.to_be_bytes());
    let next = std::mem::replace(&mut frame[20], kind);
    frame.splice(54..54, [&[next][..], body].concat());
}

/// A ping with an extension header of 248 bytes.
fn long_header(scene: &mut Scene<'_>, kind: u8, start: &[u8]) -> Option<()> {
    scene.v6.then_some(())?;
    let target = scene.target()?;
    scene.look_up(&target);
    let mut frame = echo(target.agent, target.peer, true, 6, 1, &[9; 32]);
    let mut body = [&[30][..], start, &TEXT.repeat(3)].concat();
    body.truncate(247);
    put_header(&mut frame, kind, &body);
    scene.world.push(frame);
    Some(())
}

/// Padding that holds words (RFC 8200 section 4.2 has it zero).
pub fn padding(scene: &mut Scene<'_>) -> Option<()> {
    long_header(scene, 60, &[1, 244])
}

pub fn mobility(scene: &mut Scene<'_>) -> Option<()> {
    scene.base.is_world.then_some(())?;
    scene.unknown_in_the_first_minute();
    long_header(scene, 135, &[])
}
