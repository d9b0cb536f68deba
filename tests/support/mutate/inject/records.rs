//! Sessions of TLS and SSH whose records or messages are not those that are due.

use super::super::scene::Scene;
use super::encryption::{Keys, after_tls, resumed, ssh, ssh_packet, ssh_session, ssh_with};
use crate::world::records::{self, client_hello, hello_of_ssl2, message, record, sealed, server_hello_with, server_name, with_version};
use crate::world::tcp::Who::{Opener, Other};
use crate::world::tls::Version;

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

/// Messages of TLS 1.2 ahead of an answer of TLS 1.3, which nobody reads.
pub fn old_messages(scene: &mut Scene<'_>) -> Option<()> {
    let noise = scene.random.noise(400);
    scene.flights(|name| {
        let mut said = records::session(0x0304, 0x1301, name);
        said[0].1.extend(record(22, 0x0303, &message(16, &noise)));
        said
    })
}

/// The same, and there is no answer.
pub fn old_messages_alone(scene: &mut Scene<'_>) -> Option<()> {
    let noise = scene.random.noise(400);
    let (target, mut tcp) = scene.reach()?;
    scene.world.say(&mut tcp, Opener, &[hello(&target.name), record(22, 0x0303, &message(16, &noise))].concat());
    scene.world.close(&mut tcp);
    Some(())
}

/// In a message of the client, in records that are too short for so much text.
pub fn text_in_client_message(scene: &mut Scene<'_>) -> Option<()> {
    let said: Vec<u8> = message(15, &TEXT.repeat(6)).chunks(100).flat_map(|piece| record(22, 0x0303, piece)).collect();
    ahead_of_key(scene, &said)
}

pub fn text_in_supplement(scene: &mut Scene<'_>) -> Option<()> {
    ahead_of_key(scene, &record(22, 0x0303, &message(23, TEXT)))
}

pub fn client_certificate_that_is_none(scene: &mut Scene<'_>) -> Option<()> {
    let noise = scene.random.noise(900);
    ahead_of_key(scene, &record(22, 0x0303, &message(11, &[&[0, 3, 132][..], &noise].concat())))
}

pub fn text_in_ticket(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| {
        let mut said = records::session(0x0303, 0xc02f, name);
        said[3].1.splice(0..0, record(22, 0x0303, &message(4, &[&[0, 0, 1, 0, 1, 254][..], &TEXT.repeat(6)].concat())));
        said
    })
}

/// A session whose server answers with this hello.
fn answered(scene: &mut Scene<'_>, version: u16, suite: u16, hello: &[u8]) -> Option<()> {
    scene.flights(|name| {
        let mut said = records::session(version, suite, name);
        let length = 5 + usize::from(u16::from_be_bytes([said[1].1[3], said[1].1[4]]));
        said[1].1.splice(..length, hello.iter().copied());
        said
    })
}

pub fn unknown_version(scene: &mut Scene<'_>) -> Option<()> {
    answered(scene, 0x0304, 0x1301, &server_hello_with(0x0304, 0x1301, &[(43, vec![3, 5])]))
}

pub fn unknown_draft(scene: &mut Scene<'_>) -> Option<()> {
    answered(scene, 0x0304, 0x1301, &server_hello_with(0x0304, 0x1301, &[(43, vec![0x7f, 0xff])]))
}

pub fn suite_of_13(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| records::session(0x0303, 0x1301, name))
}

pub fn suite_of_12(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| records::session(0x0304, 0xc02f, name))
}

/// The server skips its certificate as if the client had asked for a session that it never had.
pub fn resumed_unasked(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| resumed(0x0303, 0xc02f, name, <[u8]>::to_vec))
}

pub fn key_unasked(scene: &mut Scene<'_>) -> Option<()> {
    answered(scene, 0x0304, 0x1301, &server_hello_with(0x0304, 0x1301, &[(43, vec![3, 4]), (41, vec![0, 0])]))
}

const NONCE: [u8; 16] = [0x9b, 3, 0xee, 0, 0xff, 0x81, 7, 0xd0, 0x1b, 0xc3, 0x8e, 2, 0xdf, 1, 0x97, 0xb0];

pub fn text_behind_nonce(scene: &mut Scene<'_>) -> Option<()> {
    after_tls(scene, Version::Tls13, Opener, &record(23, 0x0303, &[&NONCE[..8], TEXT].concat()), 1400)
}

pub fn text_behind_vector(scene: &mut Scene<'_>) -> Option<()> {
    after_tls(scene, Version::Tls12, Other, &record(23, 0x0303, &[&NONCE[..], TEXT].concat()), 1400)
}

pub fn wide_text(scene: &mut Scene<'_>) -> Option<()> {
    let text = "все эти слова может прочесть каждый, кто стоит на пути, и никто не возразит".as_bytes();
    after_tls(scene, Version::Tls13, Opener, &record(23, 0x0303, text).repeat(3), 1400)
}

pub fn text_in_short_records(scene: &mut Scene<'_>) -> Option<()> {
    let said: Vec<u8> = TEXT.chunks(21).flat_map(|piece| record(23, 0x0303, piece)).collect();
    after_tls(scene, Version::Tls13, Opener, &said, 1400)
}

/// Blocks of a suite that has them are whole.
pub fn broken_blocks(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| {
        let mut said = records::session(0x0303, 0x002f, name);
        said[4].1 = record(23, 0x0303, &[0xd7; 201]);
        said
    })
}

/// What is sealed with AES-GCM has a nonce in the clear, and a tag.
pub fn without_nonce(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| {
        let mut said = records::session(0x0303, 0xc02f, name);
        said[4].1 = record(23, 0x0303, &[0xd7; 20]);
        said
    })
}

pub fn long_sealed_alert(scene: &mut Scene<'_>) -> Option<()> {
    after_tls(scene, Version::Tls12, Opener, &record(21, 0x0303, &[0xd7; 200]), 1400)
}

/// A session whose hello has this extension too.
fn with_extension(scene: &mut Scene<'_>, kind: u16, content: &[u8]) -> Option<()> {
    scene.flights(|name| {
        let mut said = records::session(0x0304, 0x1301, name);
        said[0].1 = client_hello(0x0304, 0x1301, &with_version(0x0304, vec![server_name(name), (kind, content.to_vec())]));
        said
    })
}

pub fn text_in_extension(scene: &mut Scene<'_>) -> Option<()> {
    with_extension(scene, 0x5a5a, TEXT)
}

pub fn text_in_protocols(scene: &mut Scene<'_>) -> Option<()> {
    with_extension(scene, 16, &[&[0, TEXT.len() as u8 + 1, TEXT.len() as u8][..], TEXT].concat())
}

pub fn text_in_key_name(scene: &mut Scene<'_>) -> Option<()> {
    with_extension(scene, 41, &TEXT.repeat(5))
}

pub fn odd_padding(scene: &mut Scene<'_>) -> Option<()> {
    let noise = scene.random.noise(100);
    with_extension(scene, 21, &noise)
}

/// A session of SSH with something of the opener put at a place.
fn ssh_and(scene: &mut Scene<'_>, at: usize, more: &[u8]) -> Option<()> {
    let mut said = ssh_session("aes256-ctr", &[], Keys::OfBoth);
    said.insert(at, (Opener, more.to_vec()));
    ssh_with(scene, &said)
}

/// Both ends go over to keys on which they never agreed.
pub fn keys_of_nothing(scene: &mut Scene<'_>) -> Option<()> {
    let mut said = ssh_session("aes256-ctr", &[], Keys::OfBoth);
    said.drain(4..6);
    ssh_with(scene, &said)
}

/// Messages that are to be ignored, ahead of the keys.
pub fn ignored_by_ssh(scene: &mut Scene<'_>) -> Option<()> {
    ssh_and(scene, 4, &ssh_packet(&[&[2, 0, 0, 3, 252][..], &TEXT.repeat(12)].concat()))
}

pub fn text_in_keys_of_ssh(scene: &mut Scene<'_>) -> Option<()> {
    ssh_and(scene, 4, &ssh_packet(&[&[30, 0, 0, 3, 252][..], &TEXT.repeat(12)].concat()))
}

pub fn offers_of_ssh(scene: &mut Scene<'_>) -> Option<()> {
    let said = ssh_session("aes256-ctr", &[], Keys::OfBoth);
    ssh_and(scene, 4, &said[2].1)
}

pub fn lines_ahead_of_ssh(scene: &mut Scene<'_>) -> Option<()> {
    ssh(scene, "aes256-ctr", &TEXT.repeat(30), Keys::OfBoth)
}

pub fn long_version_of_ssh(scene: &mut Scene<'_>) -> Option<()> {
    let mut said = ssh_session("aes256-ctr", &[], Keys::OfBoth);
    said[0].1 = [b"SSH-2.0-", &TEXT[..TEXT.len() - 1].repeat(20)[..], b"\r\n"].concat();
    ssh_with(scene, &said)
}

pub fn text_behind_keys_of_ssh(scene: &mut Scene<'_>) -> Option<()> {
    let mut said = ssh_session("aes256-ctr", &[], Keys::OfBoth);
    said.push((Opener, TEXT.repeat(500)));
    ssh_with(scene, &said)
}

pub fn ssh_of_rc4(scene: &mut Scene<'_>) -> Option<()> {
    ssh(scene, "arcfour256", &[], Keys::OfBoth)
}

pub fn ssh_of_des(scene: &mut Scene<'_>) -> Option<()> {
    ssh(scene, "des-cbc@ssh.com", &[], Keys::OfBoth)
}
