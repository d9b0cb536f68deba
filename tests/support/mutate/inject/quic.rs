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

pub fn name_in_hello_again(scene: &mut Scene<'_>) -> Option<()> {
    scene.base.is_world.then_some(())?;
    scene.quic(|name| session(&Quic { hello_retried: true, renamed: true, ..Quic::new(name) }).to_vec())
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

/// A datagram of a session with something done to it.
fn altered(scene: &mut Scene<'_>, which: fn(&Datagram) -> bool, alter: impl Fn(&mut Vec<u8>)) -> Option<()> {
    scene.quic(|name| {
        let mut said = plain(name);
        let n = said.iter().rposition(which).expect("it is said");
        alter(&mut said[n].1);
        said
    })
}

/// Without the fixed bit, which this client's hello does not permit.
pub fn without_fixed_bit(scene: &mut Scene<'_>) -> Option<()> {
    altered(scene, |(_, bytes)| bytes[0] & 0x80 == 0, |bytes| bytes[0] &= !0x40)
}

/// Early data from a server.
pub fn early_data_of_server(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| {
        let mut said = plain(name);
        let n = said.iter().position(|(who, _)| *who == Other).expect("the server speaks");
        let mut early = said[n].1[..7 + usize::from(said[n].1[5]) + 8].to_vec();
        early[0] = 0xd3;
        early.extend([0x40, 60]);
        early.extend([0x9b; 60]);
        said.insert(n + 1, (Other, early));
        said
    })
}

/// A Handshake packet under other connection IDs.
pub fn handshake_of_another(scene: &mut Scene<'_>) -> Option<()> {
    with(scene, (Opener, [&[0xe3, 0, 0, 0, 1, 8][..], &[0x6e; 8], &[0, 0x40, 60], &[0x9b; 60]].concat()))
}

/// Refusals of versions, of what was never asked.
pub fn refusal_of_nothing(scene: &mut Scene<'_>) -> Option<()> {
    with(scene, (Other, [&[0xd3, 0, 0, 0, 0, 8][..], &[0x6e; 8], &[8], &[0x6f; 8], &[0, 0, 0, 1]].concat()))
}

/// A Retry that answers nothing.
pub fn retry_of_nothing(scene: &mut Scene<'_>) -> Option<()> {
    with(scene, (Other, [&[0xf5, 0, 0, 0, 1, 0, 8][..], &[0x6e; 8], TEXT_OF_TOKEN, &[0x9b; 16]].concat()))
}

const TEXT_OF_TOKEN: &[u8] = b"hunter2, in a token";

/// More Retries than there are reasons for: each carries what it likes.
pub fn many_retries(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| {
        let mut said = session(&Quic { retry: true, ..Quic::new(name) }).to_vec();
        let n = said.iter().position(|(who, _)| *who == Other).expect("a Retry");
        let again = said[n].clone();
        for _ in 0..300 {
            said.insert(n, again.clone());
        }
        said
    })
}

/// A packet of a version of which nobody knows anything.
pub fn odd_version(scene: &mut Scene<'_>) -> Option<()> {
    let noise = scene.random.noise(80);
    with(scene, (Opener, [&[0xc3, 0xab, 0xcd, 0xef, 1, 8][..], &[0x6e; 8], &[0], &noise].concat()))
}

/// Another session between the same ports, from its second Initial on, under other connection IDs.
fn another(name: &str) -> Vec<Datagram> {
    session(&Quic { retry: true, ids: [4, 12], ..Quic::new(name) })[2..].to_vec()
}

/// A session that is over, and another that never finishes.
pub fn second_unfinished(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| [&plain(name)[..], &another(name)[..2]].concat())
}

/// A session that never finishes, and another behind it.
pub fn first_unfinished(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| [&plain(name)[..3], &another(name)].concat())
}

/// The same, opened by the other end.
pub fn second_of_the_other(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| {
        let swap = |(who, bytes): &Datagram| (if *who == Opener { Other } else { Opener }, bytes.clone());
        [plain(name), another(name).iter().map(swap).collect()].concat()
    })
}

/// A version that nobody speaks is asked for, and not refused, ahead of a session.
pub fn unrefused(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| {
        let asked = session(&Quic { refused: Some(0x1a2a_3a4a), ..Quic::new(name) })[0].clone();
        [vec![asked], plain(name)].concat()
    })
}

/// The same datagram of a session over and over.
fn again(scene: &mut Scene<'_>, which: usize, at: usize) -> Option<()> {
    scene.quic(|name| {
        let mut said = plain(name);
        let again = said[which].clone();
        said.splice(at..at, std::iter::repeat_n(again, 120));
        said
    })
}

pub fn many_initials(scene: &mut Scene<'_>) -> Option<()> {
    again(scene, 0, 1)
}

/// Initials behind the hellos, whose content nobody looks at.
pub fn many_unread(scene: &mut Scene<'_>) -> Option<()> {
    again(scene, 0, 3)
}

/// Attempts without end, each under another connection ID.
pub fn many_attempts(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| {
        let attempt = |salt: u8| session(&Quic { salt, ids: [4 + usize::from(salt), 8], ..Quic::new(name) })[0].clone();
        (1..12).map(attempt).chain(plain(name)).collect()
    })
}

/// A packet of the handshake in another version.
pub fn another_version(scene: &mut Scene<'_>) -> Option<()> {
    altered(
        scene,
        |(_, bytes)| bytes[0] & 0xf0 == 0xe0,
        |bytes| {
            bytes[0] |= 0x10;
            bytes[1..5].copy_from_slice(&Quic::V2.to_be_bytes());
        },
    )
}

/// Too short to be addressed to anybody.
pub fn short(scene: &mut Scene<'_>) -> Option<()> {
    with(scene, (Opener, vec![0x43, 9, 9]))
}

/// A hello with something behind it, in its Initial.
fn behind_hello(scene: &mut Scene<'_>, more: &[u8]) -> Option<()> {
    scene.quic(|name| session(&Quic { behind_hello: more.to_vec(), ..Quic::new(name) }).to_vec())
}

pub fn message_behind_hello(scene: &mut Scene<'_>) -> Option<()> {
    behind_hello(scene, &[&[99, 0, 0, TEXT.len() as u8][..], TEXT].concat())
}

pub fn partial_behind_hello(scene: &mut Scene<'_>) -> Option<()> {
    behind_hello(scene, &[&[1, 0, 2, 0][..], TEXT].concat())
}

/// A refusal of a version, in whose list more stands.
fn refused_with(scene: &mut Scene<'_>, more: &[u8]) -> Option<()> {
    scene.quic(|name| {
        let mut said = session(&Quic { refused: Some(0x1a2a_3a4a), ..Quic::new(name) }).to_vec();
        said[1].1.extend(more);
        said
    })
}

pub fn text_in_versions(scene: &mut Scene<'_>) -> Option<()> {
    refused_with(scene, &TEXT[..40])
}

pub fn many_versions(scene: &mut Scene<'_>) -> Option<()> {
    let noise = scene.random.noise(400);
    refused_with(scene, &noise)
}

/// Datagrams that end alike, as stateless resets do, behind a connection ID that nobody has: text stands between.
pub fn text_in_resets(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| {
        let mut said = plain(name);
        let n = said.len() - 4;
        for salt in 0..3u8 {
            said.insert(n, (Opener, [&[0x51][..], &[0x90 | salt; 16], TEXT, &[0xb7; 16]].concat()));
        }
        said
    })
}

pub fn text_in_token(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| session(&Quic { retry: true, token: TEXT.repeat(2), ..Quic::new(name) }).to_vec())
}
