//! Servers that do not show that they are who was asked for.

use std::sync::Arc;

use wirewitness::judge::policy::{Origin, Policy, RootsFile};

use super::super::scene::Scene;
use crate::world::certificates::{self, Flaw, flawed};
use crate::world::dtls::{self, Dtls};
use crate::world::records::{self, cut_records, session_showing};
use crate::world::tcp::Who::{Opener, Other};
use crate::world::tls::{Flight, Talk, Version};
use crate::world::{SECOND, tls};

const GCM: u16 = 0xc02f;

/// A session of TLS 1.2 with a server that shows this.
fn showing(name: &str, flaw: Flaw) -> Vec<Flight> {
    session_showing(0x0303, GCM, name, &flawed(name, flaw))
}

fn shown(scene: &mut Scene<'_>, flaw: Flaw) -> Option<()> {
    scene.flights(|name| showing(name, flaw))
}

pub fn expired(scene: &mut Scene<'_>) -> Option<()> {
    shown(scene, Flaw::Expired)
}

pub fn not_yet_valid(scene: &mut Scene<'_>) -> Option<()> {
    shown(scene, Flaw::NotYetValid)
}

pub fn wrong_name(scene: &mut Scene<'_>) -> Option<()> {
    shown(scene, Flaw::WrongName)
}

pub fn wildcard_too_high(scene: &mut Scene<'_>) -> Option<()> {
    shown(scene, Flaw::WildcardTooHigh)
}

pub fn common_name(scene: &mut Scene<'_>) -> Option<()> {
    shown(scene, Flaw::CommonName)
}

pub fn self_signed(scene: &mut Scene<'_>) -> Option<()> {
    shown(scene, Flaw::SelfSigned)
}

pub fn forged(scene: &mut Scene<'_>) -> Option<()> {
    shown(scene, Flaw::Forged)
}

pub fn weak_key(scene: &mut Scene<'_>) -> Option<()> {
    shown(scene, Flaw::WeakKey)
}

pub fn weak_signature(scene: &mut Scene<'_>) -> Option<()> {
    shown(scene, Flaw::WeakSignature)
}

pub fn noise(scene: &mut Scene<'_>) -> Option<()> {
    shown(scene, Flaw::Noise)
}

/// Neither a certificate nor what stands for one in its suite.
pub fn none(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| {
        let mut said = records::session(0x0303, GCM, name);
        let hello = records::boundaries(&said[1].1)[1];
        said[1].1.truncate(hello);
        said[1].1.extend([22, 3, 3, 0, 4, 14, 0, 0, 0]);
        said
    })
}

/// A message that is longer than any.
pub fn endless(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| {
        let chain = vec![flawed(name, Flaw::Expired)[0].clone(); 90];
        let mut said = session_showing(0x0303, GCM, name, &[]);
        let hello = records::boundaries(&said[1].1)[1];
        said[1].1.truncate(hello);
        let body = certificates::message(&chain);
        let message = [&[11][..], &(body.len() as u32).to_be_bytes()[1..], &body, &[14, 0, 0, 0]].concat();
        said[1].1.extend(message.chunks(16_000).flat_map(|piece| records::record(22, 0x0303, piece)));
        said
    })
}

pub fn in_small_records(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| {
        let mut said = showing(name, Flaw::Expired);
        said[1].1 = cut_records(&said[1].1, 11);
        said
    })
}

pub fn in_small_segments(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    tcp.segment = 19;
    scene.world.flights(&mut tcp, &showing(&target.name, Flaw::NotYetValid), 0);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn long_lived(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let said = showing(&target.name, Flaw::WrongName);
    scene.world.flights(&mut tcp, &said, 0);
    for _ in 0..3 {
        scene.world.wait(40 * SECOND);
        scene.world.flights(&mut tcp, &said[4..], 0);
    }
    Some(())
}

pub fn behind_starttls(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let lines: [(_, &[u8]); 5] = [
        (Other, b"220 mail.example ESMTP ready\r\n"),
        (Opener, b"EHLO agent\r\n"),
        (Other, b"250-mail.example\r\n250 STARTTLS\r\n"),
        (Opener, b"STARTTLS\r\n"),
        (Other, b"220 go on\r\n"),
    ];
    for (who, line) in lines {
        scene.world.say(&mut tcp, who, line);
    }
    scene.world.flights(&mut tcp, &showing(&target.name, Flaw::Expired), 0);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn behind_proxy(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let (name, port) = (&target.name, target.port);
    scene.world.say(&mut tcp, Opener, format!("CONNECT {name}:{port} HTTP/1.1\r\nHost: {name}:{port}\r\n\r\n").as_bytes());
    scene.world.say(&mut tcp, Other, b"HTTP/1.1 200 Connection established\r\n\r\n");
    scene.world.flights(&mut tcp, &showing(name, Flaw::SelfSigned), 0);
    scene.world.close(&mut tcp);
    Some(())
}

/// The hello asks for no name, and the name was asked of the proxy.
pub fn nameless_behind_proxy(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let (name, port) = (&target.name, target.port);
    scene.world.say(&mut tcp, Opener, format!("CONNECT {name}:{port} HTTP/1.1\r\nHost: {name}:{port}\r\n\r\n").as_bytes());
    scene.world.say(&mut tcp, Other, b"HTTP/1.1 200 Connection established\r\n\r\n");
    let mut said = showing(name, Flaw::WrongName);
    said[0].1 = records::client_hello(0x0303, GCM, &[]);
    scene.world.flights(&mut tcp, &said, 0);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn over_dtls(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| {
        let chain = Some(flawed(name, Flaw::Expired));
        dtls::session(&Dtls { chain, ..Dtls::new(name, Dtls::V1_2) })
    })
}

/// The policy gives a root that issued nothing here.
pub fn untrusted(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let said = tls::session(&Talk::new(&target.name, Version::Tls12));
    scene.world.flights(&mut tcp, &said, 0);
    scene.world.close(&mut tcp);
    let other = flawed("World Root", Flaw::SelfSigned);
    scene.mutant.policy = trusting(&scene.mutant.policy, other);
    Some(())
}

/// A policy that gives these roots besides.
pub fn trusting(policy: &Policy, certificates: Vec<Vec<u8>>) -> Arc<Policy> {
    let mut policy = policy.clone();
    policy.roots = vec![RootsFile { path: "roots.pem".to_owned(), sha256: String::new(), certificates, origin: Origin::default() }];
    Arc::new(policy)
}
