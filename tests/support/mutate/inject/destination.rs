//! Traffic goes where the policy does not say.

use super::super::bases::Target;
use super::super::scene::{FOREIGN, Scene};
use crate::world::SECOND;
use crate::world::packets::echo;
use crate::world::records::session_with_ech;
use crate::world::tcp::Who::{Opener, Other};
use crate::world::tls::{self, Talk, Version};

/// A session with a stranger, or with an address that is allowed under another name.
fn session(scene: &mut Scene<'_>, peer: std::net::IpAddr, port: u16, talk: &Talk, segment: usize) {
    let agent = *scene.base.ips.iter().find(|ip| ip.is_ipv4() == peer.is_ipv4()).expect("the family is there");
    let mut tcp = scene.world.connect(agent, (peer, port));
    tcp.segment = segment;
    scene.world.talk(&mut tcp, talk, 45 * SECOND);
    scene.world.close(&mut tcp);
}

fn foreign_name(scene: &mut Scene<'_>, segment: usize, shape: impl Fn(&mut Talk)) -> Option<()> {
    let mut talk = Talk::new(FOREIGN, Version::Tls13);
    shape(&mut talk);
    let peer = scene.stranger();
    session(scene, peer, 443, &talk, segment);
    Some(())
}

pub fn address(scene: &mut Scene<'_>) -> Option<()> {
    let peer = scene.stranger();
    session(scene, peer, 443, &Talk::new(&peer.to_string(), Version::Tls13), 1400);
    Some(())
}

pub fn name(scene: &mut Scene<'_>) -> Option<()> {
    foreign_name(scene, 1400, |_| {})
}

pub fn name_at_allowed(scene: &mut Scene<'_>) -> Option<()> {
    let target = scene.bound_target()?;
    scene.look_up(&target);
    session(scene, target.peer, target.port, &Talk::new(FOREIGN, Version::Tls13), 1400);
    Some(())
}

pub fn name_in_segments(scene: &mut Scene<'_>) -> Option<()> {
    foreign_name(scene, 9, |_| {})
}

pub fn name_in_records(scene: &mut Scene<'_>) -> Option<()> {
    foreign_name(scene, 1400, |talk| talk.record = Some(64))
}

pub fn name_in_tls12(scene: &mut Scene<'_>) -> Option<()> {
    foreign_name(scene, 1400, |talk| talk.version = Version::Tls12)
}

pub fn name_in_big_hello(scene: &mut Scene<'_>) -> Option<()> {
    foreign_name(scene, 1400, |talk| talk.big = true)
}

pub fn name_resumed(scene: &mut Scene<'_>) -> Option<()> {
    foreign_name(scene, 1400, |talk| (talk.resumed, talk.early) = (true, true))
}

pub fn name_long_lived(scene: &mut Scene<'_>) -> Option<()> {
    foreign_name(scene, 1400, |talk| talk.beats = 6)
}

/// The first hello asks for an allowed name; the second, after a retry, for one of the same length.
pub fn name_in_second_hello(scene: &mut Scene<'_>) -> Option<()> {
    let target = scene.bound_target()?;
    scene.look_up(&target);
    let mut tcp = scene.world.connect(target.agent, (target.peer, target.port));
    let mut said = tls::session(&Talk { retried: true, ..Talk::new(&target.name, Version::Tls13) }).to_vec();
    let another: Vec<u8> = target.name.bytes().map(|byte| if byte == b'.' { byte } else { b'q' }).collect();
    let second = &mut said.iter_mut().filter(|(who, ..)| *who == Opener).nth(1)?.1;
    let at = second.windows(another.len()).position(|window| window == target.name.as_bytes())?;
    second[at..at + another.len()].copy_from_slice(&another);
    scene.world.flights(&mut tcp, &said, 0);
    scene.world.close(&mut tcp);
    Some(())
}

fn by_proxy(scene: &mut Scene<'_>, asked: &str, port: u16, inner: &str) -> Option<()> {
    let (_, mut tcp) = scene.reach()?;
    let asked = format!("CONNECT {asked}:{port} HTTP/1.1\r\nHost: {asked}:{port}\r\n\r\n");
    scene.world.say(&mut tcp, Opener, asked.as_bytes());
    scene.world.say(&mut tcp, Other, b"HTTP/1.1 200 Connection established\r\n\r\n");
    scene.world.talk(&mut tcp, &Talk::new(inner, Version::Tls13), 0);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn name_of_proxy(scene: &mut Scene<'_>) -> Option<()> {
    by_proxy(scene, FOREIGN, 443, FOREIGN)
}

pub fn name_inside_proxy(scene: &mut Scene<'_>) -> Option<()> {
    let allowed = scene.bound_target()?;
    by_proxy(scene, &allowed.name, allowed.port, FOREIGN)
}

pub fn port(scene: &mut Scene<'_>) -> Option<()> {
    let target = scene.bound_target()?;
    scene.look_up(&target);
    session(scene, target.peer, 8531, &Talk::new(&target.name, Version::Tls13), 1400);
    Some(())
}

pub fn answered_for_another(scene: &mut Scene<'_>) -> Option<()> {
    let target = scene.bound_target()?;
    let elsewhere = Target { peer: scene.stranger(), name: FOREIGN.to_owned(), ..target.clone() };
    scene.resolver()?;
    scene.look_up(&elsewhere);
    session(scene, elsewhere.peer, target.port, &Talk::new(&target.name, Version::Tls13), 1400);
    Some(())
}

pub fn never_answered(scene: &mut Scene<'_>) -> Option<()> {
    let (target, peer) = (scene.bound_target()?, scene.stranger());
    session(scene, peer, target.port, &Talk::new(&target.name, Version::Tls13), 1400);
    Some(())
}

/// A whole session behind a hello whose outer name is allowed, at an address that was never answered for it.
pub fn encrypted_hello(scene: &mut Scene<'_>) -> Option<()> {
    let (target, peer) = (scene.bound_target()?, scene.stranger());
    scene.look_up(&target);
    let mut tcp = scene.world.connect(scene.agent(), (peer, target.port));
    scene.world.flights(&mut tcp, &session_with_ech(&target.name, 42), 0);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn dial(scene: &mut Scene<'_>) -> Option<()> {
    let (opener, other) = ((scene.agent(), scene.world.port()), (scene.stranger(), 443));
    scene.world.dial_in_vain(opener, other, 2);
    Some(())
}

pub fn ping(scene: &mut Scene<'_>) -> Option<()> {
    let (agent, peer) = (scene.agent(), scene.stranger());
    scene.world.push(echo(agent, peer, true, 4, 1, &[]));
    scene.world.push(echo(peer, agent, false, 4, 1, &[]));
    Some(())
}

pub fn http(scene: &mut Scene<'_>) -> Option<()> {
    let (agent, peer) = (scene.agent(), scene.stranger());
    let mut tcp = scene.world.connect(agent, (peer, 80));
    scene.world.say(&mut tcp, Opener, b"POST /upload HTTP/1.1\r\nHost: collector.foreign.example\r\nContent-Length: 4\r\n\r\ndata");
    scene.world.close(&mut tcp);
    Some(())
}
