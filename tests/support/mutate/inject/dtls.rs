//! DTLS that is not what it should be.

use super::super::scene::{FOREIGN, Scene};
use crate::world::dtls::{Dtls, fragment, is_finishing, record, session};
use crate::world::quic::Datagram;
use crate::world::tcp::Who::{Opener, Other};

const TEXT: &[u8] = b"user=admin; secret=hunter2; these words can be read by anybody who stands on the way\n";

fn plain(name: &str) -> Vec<Datagram> {
    session(&Dtls::new(name, Dtls::V1_2))
}

fn plain_13(name: &str) -> Vec<Datagram> {
    session(&Dtls::new(name, Dtls::V1_3))
}

/// A session with something put before its last three datagrams.
fn with(scene: &mut Scene<'_>, said: fn(&str) -> Vec<Datagram>, more: Datagram) -> Option<()> {
    scene.quic(|name| {
        let mut said = said(name);
        said.insert(said.len() - 3, more.clone());
        said
    })
}

/// A session to where the agent may go.
fn shaped(scene: &mut Scene<'_>, shape: impl Fn(&mut Dtls)) -> Option<()> {
    scene.quic(|name| {
        let mut dtls = Dtls::new(name, Dtls::V1_2);
        shape(&mut dtls);
        session(&dtls)
    })
}

/// A session in which a foreign name is asked for.
fn foreign(scene: &mut Scene<'_>, shape: impl Fn(&mut Dtls)) -> Option<()> {
    let mut dtls = Dtls::new(FOREIGN, Dtls::V1_2);
    shape(&mut dtls);
    let (agent, peer) = (scene.agent(), scene.stranger());
    scene.quic_with(agent, (peer, 443), &session(&dtls));
    Some(())
}

pub fn accepted(scene: &mut Scene<'_>) -> Option<()> {
    let (from, to) = ((scene.stranger(), scene.world.port()), (scene.agent(), 5684));
    scene.world.datagrams(from, to, &plain("inside.example"));
    Some(())
}

pub fn accepted_over_sctp(scene: &mut Scene<'_>) -> Option<()> {
    let (from, to) = ((scene.stranger(), scene.world.port()), (scene.agent(), 5684));
    scene.world.messages(from, to, &plain("inside.example"), 200);
    Some(())
}

pub fn ignored(scene: &mut Scene<'_>) -> Option<()> {
    let (from, to) = ((scene.stranger(), scene.world.port()), (scene.agent(), 5684));
    scene.world.datagrams(from, to, &plain("inside.example")[..1]);
    Some(())
}

pub fn text(scene: &mut Scene<'_>) -> Option<()> {
    with(scene, plain, (Opener, TEXT.to_vec()))
}

pub fn text_13(scene: &mut Scene<'_>) -> Option<()> {
    with(scene, plain_13, (Other, TEXT.to_vec()))
}

/// Data in the epoch that has no keys.
pub fn text_in_the_clear(scene: &mut Scene<'_>) -> Option<()> {
    with(scene, plain, (Opener, record(23, Dtls::V1_2, 0, 9, TEXT)))
}

pub fn text_behind_header(scene: &mut Scene<'_>) -> Option<()> {
    with(scene, plain, (Other, record(23, Dtls::V1_2, 1, 9, TEXT)))
}

pub fn text_behind_nonce(scene: &mut Scene<'_>) -> Option<()> {
    with(scene, plain, (Other, record(23, Dtls::V1_2, 1, 9, &[&[0, 1, 0, 0, 0, 0, 0, 9], TEXT].concat())))
}

pub fn text_behind_records(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| {
        let mut said = plain(name);
        let n = said.len() - 3;
        said[n].1.extend(TEXT);
        said
    })
}

pub fn text_over_sctp(scene: &mut Scene<'_>) -> Option<()> {
    let target = scene.quic_target()?;
    let mut said = plain(&target.name);
    said.insert(said.len() - 3, (Opener, TEXT.to_vec()));
    let from = (target.agent, scene.world.port());
    scene.world.messages(from, (target.peer, target.port), &said, 200);
    Some(())
}

pub fn noise(scene: &mut Scene<'_>) -> Option<()> {
    let noise = [&[0xf1][..], &scene.random.noise(90)].concat();
    with(scene, plain, (Other, noise))
}

pub fn another_version(scene: &mut Scene<'_>) -> Option<()> {
    with(scene, plain, (Other, record(23, Dtls::V1_0, 1, 9, &[0x99; 80])))
}

pub fn another_epoch(scene: &mut Scene<'_>) -> Option<()> {
    with(scene, plain, (Other, record(23, Dtls::V1_2, 5, 9, &[0x99; 80])))
}

pub fn hello_alone(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| plain(name)[..1].to_vec())
}

/// Hellos and flights, and no Finished of the server.
pub fn unfinished(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| plain(name).into_iter().filter(|(who, datagram)| *who == Opener || !is_finishing(datagram)).collect())
}

pub fn unfinished_13(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| plain_13(name).into_iter().filter(|(who, datagram)| *who == Other || !is_finishing(datagram)).collect())
}

/// From the agent's first datagram of data on.
pub fn began_before(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| {
        let said = plain(name);
        said[said.len() - 5..].to_vec()
    })
}

/// A question of STUN, as between peers who speak DTLS behind it (RFC 7983).
pub fn behind_stun(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| {
        let question = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[0xc3; 12]].concat();
        [vec![(Opener, question)], plain(name)].concat()
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

pub fn old_version(scene: &mut Scene<'_>) -> Option<()> {
    shaped(scene, |dtls| (dtls.version, dtls.suite) = (Dtls::V1_0, 0xc013))
}

pub fn weak_suite(scene: &mut Scene<'_>) -> Option<()> {
    shaped(scene, |dtls| dtls.suite = 0xc006)
}

pub fn name(scene: &mut Scene<'_>) -> Option<()> {
    foreign(scene, |_| {})
}

pub fn name_in_13(scene: &mut Scene<'_>) -> Option<()> {
    foreign(scene, |dtls| (dtls.version, dtls.suite) = (Dtls::V1_3, 0x1302))
}

pub fn name_in_pieces(scene: &mut Scene<'_>) -> Option<()> {
    foreign(scene, |dtls| (dtls.cookie, dtls.pieces) = (false, Some(21)))
}

/// The hello with the cookie asks for another name than the first.
pub fn name_behind_cookie(scene: &mut Scene<'_>) -> Option<()> {
    let target = scene.quic_target().filter(|target| !target.is_free)?;
    let (allowed, behind) = (plain(&target.name), plain(FOREIGN));
    scene.quic_with(target.agent, (target.peer, target.port), &[&allowed[..1], &behind[1..]].concat());
    Some(())
}

pub fn port(scene: &mut Scene<'_>) -> Option<()> {
    let target = scene.bound_target()?;
    scene.look_up(&target);
    scene.quic_with(target.agent, (target.peer, 8531), &plain(&target.name));
    Some(())
}

/// A session with a message of the client in the clear put behind its first hello.
fn and_message(scene: &mut Scene<'_>, said: fn(&str) -> Vec<Datagram>, kind: u8, body: &[u8]) -> Option<()> {
    scene.quic(|name| {
        let mut said = said(name);
        said.insert(1, (Opener, record(22, Dtls::V1_2, 0, 7, &fragment(kind, 7, body, 0, body.len()))));
        said
    })
}

pub fn old_messages(scene: &mut Scene<'_>) -> Option<()> {
    let noise = scene.random.noise(400);
    and_message(scene, plain_13, 16, &noise)
}

pub fn text_in_client_message(scene: &mut Scene<'_>) -> Option<()> {
    and_message(scene, plain, 15, &TEXT.repeat(6))
}

pub fn resumed_unasked(scene: &mut Scene<'_>) -> Option<()> {
    shaped(scene, |dtls| (dtls.resumed, dtls.forgotten) = (true, true))
}

pub fn suite_of_13(scene: &mut Scene<'_>) -> Option<()> {
    shaped(scene, |dtls| dtls.suite = 0x1301)
}
