//! Data below the flows: in fragments, in the agent's own tunnels, behind datagrams, in what calls itself noise.

use std::net::IpAddr;

use super::super::scene::Scene;
use super::coverage::carries_anything;
use crate::world::Frame;
use crate::world::packets::{self, Segment, echo, fragments, ip, udp};
use crate::world::tcp::Who::Opener;
use crate::world::tls::{Talk, Version};

const TEXT: &[u8] = b"user=admin; secret=hunter2; these words can be read by anybody who stands on the way\n";

/// Says text to where the agent may go, the packets of it written in another way.
fn rewritten(scene: &mut Scene<'_>, write: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> Option<()> {
    let (_, mut tcp) = scene.reach()?;
    let from = scene.world.frames.len();
    scene.world.say(&mut tcp, Opener, TEXT);
    scene.world.close(&mut tcp);
    let carries = |frame: &Frame| Segment::read(&frame.bytes).is_some_and(|segment| !segment.payload.is_empty());
    for frame in scene.world.frames.split_off(from) {
        let written = if carries(&frame) { write(&frame.bytes) } else { vec![frame.bytes.clone()] };
        scene.world.frames.extend(written.into_iter().map(|bytes| Frame { bytes, ..frame }));
    }
    Some(())
}

pub fn text_in_fragments(scene: &mut Scene<'_>) -> Option<()> {
    rewritten(scene, |frame| fragments(frame, 48, 77))
}

/// The same piece twice, with something else in it.
pub fn overlapping_fragments(scene: &mut Scene<'_>) -> Option<()> {
    rewritten(scene, |frame| {
        let mut pieces = fragments(frame, 48, 78);
        let mut other = pieces[1].clone();
        let last = other.len() - 1;
        other[last] ^= 1;
        pieces.insert(1, other);
        pieces
    })
}

/// Text behind an authentication header, which encrypts nothing (RFC 4302).
pub fn authenticated(scene: &mut Scene<'_>) -> Option<()> {
    rewritten(scene, |frame| {
        let mut frame = frame.to_vec();
        let (next, length, end) = if frame[12] == 8 { (23, 16, 34) } else { (20, 18, 54) };
        let total = u16::from_be_bytes([frame[length], frame[length + 1]]) + 24;
        frame[length..length + 2].copy_from_slice(&total.to_be_bytes());
        let above = std::mem::replace(&mut frame[next], 51);
        frame.splice(end..end, [&[above, 4, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1][..], &[0x5e; 12]].concat());
        vec![frame]
    })
}

/// An option of TCP that nobody knows (RFC 6994 leaves it to experiments).
pub fn text_in_options_of_segments(scene: &mut Scene<'_>) -> Option<()> {
    let option = [&[253, 38][..], &TEXT[..36], &[0, 0]].concat();
    session(scene, |frame| {
        let Segment { from, to, seq, ack, flags, payload } = Segment::read(frame).expect("a segment");
        packets::tcp_with((from, to), [seq, ack], flags, &option, &payload)
    })
}

/// An option of IPv4 that nobody knows, or padding in a header of IPv6.
pub fn text_in_options_of_packets(scene: &mut Scene<'_>) -> Option<()> {
    session(scene, |frame| {
        let mut frame = frame.to_vec();
        let (length, end) = if frame[12] == 8 { (16, 34) } else { (18, 54) };
        let header = match frame[12] {
            8 => [&[158, 36][..], &TEXT[..34]].concat(),
            _ => [&[std::mem::replace(&mut frame[20], 60), 6, 1, 52][..], &TEXT[..52]].concat(),
        };
        frame[14] += if frame[12] == 8 { (header.len() / 4) as u8 } else { 0 };
        let total = u16::from_be_bytes([frame[length], frame[length + 1]]) + header.len() as u16;
        frame[length..length + 2].copy_from_slice(&total.to_be_bytes());
        frame.splice(end..end, header);
        frame
    })
}

/// Where some links have no room for it, the packet is as it was.
pub fn text_in_trailers(scene: &mut Scene<'_>) -> Option<()> {
    carries_anything(scene)?;
    session(scene, |frame| [frame, TEXT].concat())
}

/// A session of TLS in which the last segments of the agent that carry payload are written in another way.
fn session(scene: &mut Scene<'_>, write: impl Fn(&[u8]) -> Vec<u8>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let from = scene.world.frames.len();
    let talk = Talk { up: 3000, ..Talk::new(&target.name, Version::Tls13) };
    scene.world.talk(&mut tcp, &talk, 0);
    scene.world.close(&mut tcp);
    let agents = &scene.base.ips;
    let carries = |frame: &Frame| Segment::read(&frame.bytes).is_some_and(|s| agents.contains(&s.from.0) && !s.payload.is_empty());
    let own: Vec<usize> = (from..scene.world.frames.len()).filter(|&n| carries(&scene.world.frames[n])).collect();
    for n in own.into_iter().rev().take(3) {
        let frame = &mut scene.world.frames[n];
        frame.bytes = write(&frame.bytes);
    }
    Some(())
}

/// Words in what a tunnel of the agent's own says of the packet in it.
pub fn text_in_metadata(scene: &mut Scene<'_>) -> Option<()> {
    scene.base.is_world.then_some(())?;
    let (from, to) = ((scene.agent(), 50_000), (neighbour(scene.v6), 6081));
    let metadata = [&[10, 0, 0x65, 0x58, 0, 0, 5, 0, 0xff, 0xff, 1, 9][..], &TEXT[..36]].concat();
    scene.datagrams(from, to, &[(true, [&metadata[..], &ping_inside()].concat())]);
    Some(())
}

pub fn macsec(scene: &mut Scene<'_>) -> Option<()> {
    carries_anything(scene)?;
    scene.world.push(packets::other(0x88e5, &[0x2c; 70]));
    Some(())
}

/// A ping of somebody behind the agent, to where the agent may go.
fn ping_inside() -> Vec<u8> {
    echo([172, 20, 0, 1].into(), [198, 51, 100, 7].into(), true, 6, 1, &[9; 32])
}

/// A private neighbour that no policy here names.
fn neighbour(v6: bool) -> IpAddr {
    if v6 { [0xfd00, 7, 0, 0, 0, 0, 0, 0x66].into() } else { [10, 0, 0, 66].into() }
}

pub fn own_tunnel(scene: &mut Scene<'_>) -> Option<()> {
    scene.base.is_world.then_some(())?;
    scene.unknown_in_the_first_minute();
    let (agent, peer) = (scene.agent(), scene.stranger());
    scene.world.push(ip(agent, peer, 47, &[&[0, 0, 8, 0][..], &ping_inside()[14..]].concat()));
    Some(())
}

/// To a private address, as a mirror's, and what it carries is not the agent's.
pub fn own_overlay(scene: &mut Scene<'_>) -> Option<()> {
    scene.base.is_world.then_some(())?;
    let (from, to) = ((scene.agent(), 50_000), (neighbour(scene.v6), 4789));
    scene.datagrams(from, to, &[(true, [&[8, 0, 0, 0, 0, 0, 5, 0][..], &ping_inside()].concat())]);
    Some(())
}

/// An Ethernet frame in the agent's own tunnel (GRE) to a stranger.
fn bridged(scene: &mut Scene<'_>, frame: &[u8]) -> Option<()> {
    scene.base.is_world.then_some(())?;
    scene.unknown_in_the_first_minute();
    let (agent, peer) = (scene.agent(), scene.stranger());
    scene.world.push(ip(agent, peer, 47, &[&[0, 0, 0x65, 0x58][..], frame].concat()));
    Some(())
}

/// On a link it would be noise, and stay there.
pub fn multicast_in_tunnel(scene: &mut Scene<'_>) -> Option<()> {
    bridged(scene, &udp(([172, 20, 0, 1].into(), 4000), ([224, 0, 0, 77].into(), 4000), TEXT))
}

pub fn link_control_in_tunnel(scene: &mut Scene<'_>) -> Option<()> {
    bridged(scene, &packets::other(0x88cc, TEXT))
}

pub fn text_behind_what_is_inside(scene: &mut Scene<'_>) -> Option<()> {
    bridged(scene, &[&ping_inside()[..], TEXT].concat())
}

/// A question that is shorter than its packet.
pub fn surplus(scene: &mut Scene<'_>) -> Option<()> {
    let ((agent, resolver), target) = (scene.resolver()?, scene.target()?);
    let [question, _] = scene.world.dns(&target.name, &[], target.peer);
    let mut frame = udp((agent, scene.world.port()), (resolver, 53), &[&question[..], TEXT].concat());
    let length = if agent.is_ipv4() { 38 } else { 58 };
    frame[length..length + 2].copy_from_slice(&(8 + question.len() as u16).to_be_bytes());
    scene.world.push(frame);
    Some(())
}

/// A message as DHCP begins, with or without what every one has behind its fixed part.
fn lease(scene: &mut Scene<'_>, to: IpAddr, cookie: &[u8]) -> Option<()> {
    (scene.base.is_world && !scene.v6).then_some(())?;
    let message = [&[1, 1, 6, 0][..], &[0; 232], cookie, TEXT].concat();
    let from = (scene.agent(), 68);
    scene.datagrams(from, (to, 67), &[(true, message)]);
    Some(())
}

pub fn lease_without_cookie(scene: &mut Scene<'_>) -> Option<()> {
    lease(scene, neighbour(false), &[])
}

pub fn lease_from_a_stranger(scene: &mut Scene<'_>) -> Option<()> {
    let to = scene.stranger();
    lease(scene, to, &[0x63, 0x82, 0x53, 0x63])
}

fn text_to(scene: &mut Scene<'_>, to: IpAddr) -> Option<()> {
    scene.base.is_world.then_some(())?;
    let from = (scene.agent(), 50_000);
    scene.world.udp(from, (to, 5000), TEXT);
    Some(())
}

/// Groups that routers forward to.
pub fn text_to_a_group(scene: &mut Scene<'_>) -> Option<()> {
    let group: IpAddr = if scene.v6 { [0xff05, 0, 0, 0, 0, 0, 1, 3].into() } else { [239, 1, 2, 3].into() };
    text_to(scene, group)
}

/// An address that ends like a broadcast, in a frame to one host.
pub fn text_to_last_octet(scene: &mut Scene<'_>) -> Option<()> {
    (!scene.v6).then_some(())?;
    text_to(scene, [10, 0, 0, 255].into())
}
