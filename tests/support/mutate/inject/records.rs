//! Sessions of TLS and SSH whose records or messages are not those that are due.

use super::super::scene::Scene;
use super::encryption::{Keys, ssh};
use crate::world::records::{self, client_hello, hello_of_ssl2, record, sealed, server_name};
use crate::world::tcp::Who::{Opener, Other};

const TEXT: &[u8] = b"user=admin; secret=hunter2; these words can be read by anybody who stands on the way\n";

/// A session of TLS 1.2, with something said by the opener ahead of its key exchange.
fn ahead_of_key(scene: &mut Scene<'_>, more: &[u8]) -> Option<()> {
    scene.flights(|name| {
        let mut said = records::session(0x0303, 0xc02f, name);
        said[2].1.splice(0..0, more.iter().copied());
        said
    })
}

pub fn data_before_finished(scene: &mut Scene<'_>) -> Option<()> {
    ahead_of_key(scene, &sealed(200))
}

/// An alert has two bytes.
pub fn long_alert(scene: &mut Scene<'_>) -> Option<()> {
    ahead_of_key(scene, &record(21, 0x0303, TEXT))
}

pub fn odd_message(scene: &mut Scene<'_>) -> Option<()> {
    ahead_of_key(scene, &record(22, 0x0303, &[&[99, 0, 0, TEXT.len() as u8][..], TEXT].concat()))
}

/// Records of TLS 1.3 that are longer than any.
pub fn long_record(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| {
        let mut said = records::session(0x0304, 0x1301, name);
        said[3].1 = sealed(16_700);
        said
    })
}

pub fn keys_of_one_end(scene: &mut Scene<'_>) -> Option<()> {
    ssh(scene, "aes256-ctr", &[], Keys::OfOneEnd)
}

/// Headers of a proxy, one behind the other, more than are followed.
pub fn many_handovers(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let headers = b"PROXY TCP4 192.0.2.1 192.0.2.2 4000 443\r\n".repeat(7);
    scene.world.say(&mut tcp, Opener, &headers);
    scene.world.flights(&mut tcp, &records::session(0x0304, 0x1301, &target.name), 0);
    scene.world.close(&mut tcp);
    Some(())
}

/// More than is kept, behind a request that is not answered.
pub fn unanswered_request(scene: &mut Scene<'_>) -> Option<()> {
    let noise = scene.random.noise(70_000);
    scene.plain(&[(Opener, b"\0\0\0\x08\x04\xd2\x16\x2f"), (Opener, &noise)])
}

/// GSSAPI encrypts, and nothing shows how.
pub fn gssapi(scene: &mut Scene<'_>) -> Option<()> {
    let noise = scene.random.noise(300);
    scene.plain(&[(Opener, b"\0\0\0\x08\x04\xd2\x16\x30"), (Other, b"G"), (Opener, &noise)])
}

/// A hello in the form of SSL 2.0 that asks for TLS 1.0.
pub fn old_hello(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| {
        let mut said = records::session(0x0301, 0x002f, name);
        said[0].1 = hello_of_ssl2(0x0301);
        said
    })
}

/// SSL 2.0 itself.
pub fn ssl2(scene: &mut Scene<'_>) -> Option<()> {
    let body = [&[4, 0, 1, 0, 2, 0, 20, 0, 3, 0, 16][..], &[0x11; 20], &[1, 0, 0x80], &[0x22; 16]].concat();
    let answer = [&[0x80, body.len() as u8][..], &body].concat();
    let noise = scene.random.noise(300);
    scene.plain(&[(Opener, &hello_of_ssl2(0x0002)), (Other, &answer), (Opener, &noise), (Other, &noise)])
}

/// The header of a record, and no record.
pub fn junk_behind_header(scene: &mut Scene<'_>) -> Option<()> {
    let mut noise = scene.random.noise(512);
    noise[0] = 0x77;
    scene.plain(&[(Opener, &[&[22, 3, 1, 2, 0][..], &noise].concat()), (Other, &noise)])
}

/// The headers of a record and a hello, and no hello.
pub fn junk_in_hello(scene: &mut Scene<'_>) -> Option<()> {
    let noise = scene.random.noise(400);
    let hello = record(22, 0x0301, &[&[1, 0, 1, 0x90][..], &noise].concat());
    scene.plain(&[(Opener, &hello), (Other, &sealed(200)), (Opener, &sealed(200))])
}

/// The record of a hello to where the agent may go.
fn hello(name: &str) -> Vec<u8> {
    client_hello(0x0303, 0xc02f, &[server_name(name)])
}

pub fn text_behind_hello(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    scene.world.say(&mut tcp, Opener, &hello(&target.name));
    scene.world.say(&mut tcp, Opener, TEXT);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn text_answers_hello(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    scene.world.say(&mut tcp, Opener, &hello(&target.name));
    scene.world.say(&mut tcp, Other, TEXT);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn text_in_record_of_hello(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let said = hello(&target.name);
    scene.world.say(&mut tcp, Opener, &record(22, 0x0301, &[&said[5..], TEXT].concat()));
    scene.world.close(&mut tcp);
    Some(())
}

/// Its message is longer than its record, and what should be the rest is another record.
pub fn hello_longer_than_record(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| {
        let mut said = records::session(0x0303, 0xc02f, name);
        // the last byte of the length of the message
        said[0].1[8] = said[0].1[8].wrapping_add(40);
        said
    })
}
