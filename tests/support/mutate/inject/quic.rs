//! QUIC that is not what it should be.

use super::super::scene::{FOREIGN, Scene};
use crate::world::quic::{Datagram, Quic, session};
use crate::world::tcp::Who::{Opener, Other};

const TEXT: &[u8] = b"user=admin; secret=hunter2; these words can be read by anybody who stands on the way\n";

fn plain(name: &str) -> Vec<Datagram> {
    session(&Quic::new(name)).to_vec()
}

/// A session with something put before its last four datagrams.
fn with(scene: &mut Scene<'_>, more: Datagram) -> Option<()> {
    scene.quic(|name| {
        let mut said = plain(name);
        said.insert(said.len() - 4, more.clone());
        said
    })
}

/// A session in which a foreign name is asked for.
fn foreign(scene: &mut Scene<'_>, shape: impl Fn(&mut Quic)) -> Option<()> {
    let mut quic = Quic::new(FOREIGN);
    shape(&mut quic);
    let (agent, peer) = (scene.agent(), scene.stranger());
    scene.quic_with(agent, (peer, 443), &session(&quic));
    Some(())
}

pub fn accepted(scene: &mut Scene<'_>) -> Option<()> {
    let (from, to) = ((scene.stranger(), scene.world.port()), (scene.agent(), 8443));
    scene.world.quic(from, to, &Quic::new("inside.example"), 0);
    Some(())
}

pub fn ignored(scene: &mut Scene<'_>) -> Option<()> {
    let (from, to) = ((scene.stranger(), scene.world.port()), (scene.agent(), 8443));
    scene.world.udp(from, to, &plain("inside.example")[0].1);
    Some(())
}

pub fn text(scene: &mut Scene<'_>) -> Option<()> {
    with(scene, (Opener, TEXT.to_vec()))
}

pub fn text_from_responder(scene: &mut Scene<'_>) -> Option<()> {
    with(scene, (Other, TEXT.to_vec()))
}

pub fn text_behind_initial(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| {
        let mut said = plain(name);
        said[0].1.extend(TEXT);
        said
    })
}

/// A header that is right, and text behind it.
pub fn text_behind_header(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| {
        let mut said = plain(name);
        let n = said.iter().rposition(|(who, _)| *who == Opener).expect("the client speaks");
        said[n].1.truncate(9);
        said[n].1.extend(TEXT);
        said
    })
}

pub fn noise(scene: &mut Scene<'_>) -> Option<()> {
    let noise = scene.random.noise(90);
    with(scene, (Other, noise))
}

pub fn stray(scene: &mut Scene<'_>) -> Option<()> {
    let mut stray = scene.random.noise(90);
    stray[0] = 0x4b;
    with(scene, (Opener, stray))
}

pub fn google(scene: &mut Scene<'_>) -> Option<()> {
    let noise = scene.random.noise(1300);
    scene.quic(|_| {
        let hello = [&[0xc3][..], b"Q046", &[0x50, 1, 2, 3, 4, 5, 6, 7, 8], &noise].concat();
        vec![(Opener, hello.clone()), (Other, hello), (Opener, noise[..80].to_vec())]
    })
}

pub fn refused(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| session(&Quic { refused: Some(0x1a2a_3a4a), ..Quic::new(name) })[..2].to_vec())
}

pub fn hello_alone(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| plain(name)[..1].to_vec())
}

/// Hellos and the server's flight, and no Finished.
pub fn unfinished(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| plain(name)[..3].to_vec())
}

pub fn without_first(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| plain(name)[1..].to_vec())
}

/// From the agent's first datagram of data on.
pub fn began_before(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| {
        let said = plain(name);
        let n = said.iter().position(|(who, datagram)| *who == Opener && datagram[0] & 0x80 == 0).expect("data");
        said[n..].to_vec()
    })
}

/// The hello of one name, and in its place that of another.
pub fn contradiction(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| {
        let mut said = plain(name);
        said.insert(1, plain("n9.allowed.example")[0].clone());
        said
    })
}

pub fn address(scene: &mut Scene<'_>) -> Option<()> {
    let (agent, peer) = (scene.agent(), scene.stranger());
    scene.quic_with(agent, (peer, 443), &plain(&peer.to_string()));
    Some(())
}

pub fn name(scene: &mut Scene<'_>) -> Option<()> {
    foreign(scene, |_| {})
}

pub fn name_in_v2(scene: &mut Scene<'_>) -> Option<()> {
    foreign(scene, |quic| quic.version = Quic::V2)
}

pub fn name_after_retry(scene: &mut Scene<'_>) -> Option<()> {
    foreign(scene, |quic| quic.retry = true)
}

pub fn name_in_pieces(scene: &mut Scene<'_>) -> Option<()> {
    foreign(scene, |quic| quic.pieces = Some((11, 20)))
}

pub fn name_in_big_hello(scene: &mut Scene<'_>) -> Option<()> {
    foreign(scene, |quic| quic.big = true)
}

/// An Initial that nobody answers asks for an allowed name; the session behind it, between the same ports, for another.
pub fn name_in_second_attempt(scene: &mut Scene<'_>) -> Option<()> {
    let target = scene.quic_target().filter(|target| !target.is_free)?;
    let (allowed, behind) = (plain(&target.name), session(&Quic { retry: true, ..Quic::new(FOREIGN) }));
    scene.quic_with(target.agent, (target.peer, target.port), &[&allowed[..1], &behind[1..]].concat());
    Some(())
}

pub fn port(scene: &mut Scene<'_>) -> Option<()> {
    let target = scene.bound_target()?;
    scene.look_up(&target);
    scene.quic_with(target.agent, (target.peer, 8531), &plain(&target.name));
    Some(())
}
