//! What encrypts without TLS and is not what it should be; and DNS that is elsewhere.

use super::super::scene::{ANY, Expected, Scene};
use crate::world::quic::Datagram;
use crate::world::random::Random;
use crate::world::records::{self, client_hello, server_name, with_version};
use crate::world::tcp::Who::{Opener, Other};
use crate::world::tunnelled::{data, esp, ike, ike_sealed, initiation, marked, openvpn, response, wireguard};
use wirewitness::judge::Verdict::{Fail, Inconclusive};

const TEXT: &[u8] = b"user=admin; secret=hunter2; these words can be read by anybody who stands on the way\n";

/// What is said to where the agent may go, with something put behind it.
fn with(scene: &mut Scene<'_>, mut said: Vec<Datagram>, more: Datagram) -> Option<()> {
    said.push(more);
    scene.quic(|_| said.clone())
}

fn session(scene: &mut Scene<'_>) -> Vec<Datagram> {
    wireguard(1, &mut scene.random)
}

pub fn address(scene: &mut Scene<'_>) -> Option<()> {
    let (agent, peer, said) = (scene.agent(), scene.stranger(), session(scene));
    scene.quic_with(agent, (peer, 443), &said);
    Some(())
}

pub fn accepted(scene: &mut Scene<'_>) -> Option<()> {
    let said = session(scene);
    let (from, to) = ((scene.stranger(), scene.world.port()), (scene.agent(), 51_820));
    scene.world.datagrams(from, to, &said);
    Some(())
}

pub fn text(scene: &mut Scene<'_>) -> Option<()> {
    let said = session(scene);
    with(scene, said, (Other, TEXT.to_vec()))
}

pub fn text_in_data(scene: &mut Scene<'_>) -> Option<()> {
    let said = session(scene);
    with(scene, said, (Opener, data(0x9100_0000, 9, TEXT)))
}

pub fn text_behind_initiation(scene: &mut Scene<'_>) -> Option<()> {
    let said = session(scene)[..1].to_vec();
    with(scene, said, (Opener, TEXT.to_vec()))
}

pub fn noise(scene: &mut Scene<'_>) -> Option<()> {
    let (said, noise) = (session(scene), scene.random.noise(96));
    with(scene, said, (Other, noise))
}

pub fn stranger(scene: &mut Scene<'_>) -> Option<()> {
    let (said, noise) = (session(scene), scene.random.noise(96));
    with(scene, said, (Opener, data(0x1234_5678, 3, &noise)))
}

pub fn leap(scene: &mut Scene<'_>) -> Option<()> {
    let (said, noise) = (session(scene), scene.random.noise(96));
    with(scene, said, (Opener, data(0x9100_0000, 1 << 50, &noise)))
}

/// Bytes of a type and no handshake.
pub fn type_alone(scene: &mut Scene<'_>) -> Option<()> {
    let said: Vec<Datagram> = (0..4).map(|n| (if n % 2 == 0 { Opener } else { Other }, data(7, n, &scene.random.noise(96)))).collect();
    scene.quic(|_| said.clone())
}

pub fn unanswered(scene: &mut Scene<'_>) -> Option<()> {
    let said: Vec<Datagram> = (0..3).map(|n| (Opener, initiation(n, &mut scene.random))).collect();
    scene.quic(|_| said.clone())
}

pub fn unconfirmed(scene: &mut Scene<'_>) -> Option<()> {
    let mut said = session(scene)[..2].to_vec();
    said.push((Other, data(0x7100_0000, 0, &scene.random.noise(96))));
    scene.quic(|_| said.clone())
}

pub fn answer_to_another(scene: &mut Scene<'_>) -> Option<()> {
    let mut said = session(scene);
    said[1].1 = response(0x9100_0000, 0x7100_0001, &mut scene.random);
    scene.quic(|_| said.clone())
}

pub fn second_unconfirmed(scene: &mut Scene<'_>) -> Option<()> {
    let mut said = session(scene);
    said.push((Opener, initiation(5, &mut scene.random)));
    said.push((Other, response(6, 5, &mut scene.random)));
    let noise = scene.random.noise(200);
    with(scene, said, (Other, data(5, 0, &noise)))
}

pub fn tailscale(scene: &mut Scene<'_>) -> Option<()> {
    let mut said = session(scene);
    said.insert(0, (Opener, [&b"TS\xf0\x9f\x92\xac"[..], &scene.random.noise(110)].concat()));
    scene.quic(|_| said.clone())
}

pub fn ike_without_cipher(scene: &mut Scene<'_>) -> Option<()> {
    let said = ike(11, &mut scene.random);
    scene.quic(|_| said.clone())
}

pub fn ike_unfinished(scene: &mut Scene<'_>) -> Option<()> {
    let said = ike(20, &mut scene.random)[..3].to_vec();
    scene.quic(|_| said.clone())
}

pub fn ike_begun_elsewhere(scene: &mut Scene<'_>) -> Option<()> {
    let said = ike(20, &mut scene.random)[2..].to_vec();
    scene.quic(|_| said.clone())
}

pub fn text_in_ike(scene: &mut Scene<'_>) -> Option<()> {
    let said = ike(20, &mut scene.random);
    let mut message = ike_sealed(37, 0x08, &mut scene.random);
    let length = message.len();
    message[32..length].copy_from_slice(&[TEXT, TEXT].concat()[..length - 32]);
    with(scene, said, (Opener, message))
}

pub fn esp_behind_ike(scene: &mut Scene<'_>) -> Option<()> {
    let said = marked(ike(20, &mut scene.random));
    let sealed = scene.random.noise(96);
    with(scene, said, (Opener, esp(0x1000, 1, &sealed)))
}

pub fn esp_without_ike(scene: &mut Scene<'_>) -> Option<()> {
    let said = marked(ike(20, &mut scene.random))[..2].to_vec();
    let sealed = scene.random.noise(96);
    with(scene, said, (Opener, esp(0x1000, 1, &sealed)))
}

/// ESP with where the agent may go: it has no port, and policies here name some.
fn over_ip(scene: &mut Scene<'_>, body: &[u8], rule: &'static str) -> Option<()> {
    let target = scene.target()?;
    scene.look_up(&target);
    scene.unknown_in_the_first_minute();
    for n in 1..4 {
        scene.world.ip(target.agent, target.peer, 50, &esp(0x1000, n, body));
    }
    if rule == "WW201" {
        scene.expected = Some(Expected { verdict: Fail, rules: &["WW201"], also: ANY });
    } else if target.is_free && scene.expected.is_none() {
        scene.expected = Some(Expected { verdict: Inconclusive, rules: &["WW202"], also: ANY });
    }
    Some(())
}

pub fn esp_over_ip(scene: &mut Scene<'_>) -> Option<()> {
    let sealed = scene.random.noise(96);
    over_ip(scene, &sealed, "WW202")
}

pub fn esp_in_the_clear(scene: &mut Scene<'_>) -> Option<()> {
    let body = [TEXT, &[0; 12]].concat();
    over_ip(scene, &body[..body.len() / 4 * 4], "WW201")
}

pub fn vpn(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| openvpn(&records::session(0x0303, 0xc02f, name), &mut Random::new(9)))
}

pub fn text_in_vpn(scene: &mut Scene<'_>) -> Option<()> {
    scene.quic(|name| {
        let mut said = openvpn(&records::session(0x0303, 0xc02f, name), &mut Random::new(9));
        said.push((Opener, [&[9 << 3, 0, 0, 0][..], TEXT].concat()));
        said
    })
}

/// DNS over TLS with a resolver at an address that is allowed, under a name that is.
pub fn over_tls(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    // a private resolver is the policy's, where it says nothing else
    if scene.base.policy.resolver_allowed(target.peer) {
        return None;
    }
    let mut said = records::session(0x0304, 0x1301, &target.name);
    let hello = with_version(0x0304, vec![server_name(&target.name), (16, b"\0\x04\x03dot".to_vec())]);
    said[0].1 = client_hello(0x0304, 0x1301, &hello);
    scene.world.flights(&mut tcp, &said, 0);
    scene.world.close(&mut tcp);
    Some(())
}

/// DNS over HTTPS with a resolver that everybody knows, where it is allowed as a destination.
pub fn over_https(scene: &mut Scene<'_>) -> Option<()> {
    scene.amend("\n[[allow]]\nnames = [\"dns.google\"]\nports = [443]\n")?;
    let (agent, peer) = (scene.agent(), scene.stranger());
    let (from, resolver) = scene.resolver()?;
    scene.world.resolve(from, resolver, "dns.google", &[], peer);
    let mut tcp = scene.world.connect(agent, (peer, 443));
    scene.world.flights(&mut tcp, &records::session(0x0304, 0x1301, "dns.google"), 0);
    scene.world.close(&mut tcp);
    Some(())
}

/// A question to a neighbour on the port of LLMNR, which is no answer of anybody.
pub fn neighbour(scene: &mut Scene<'_>) -> Option<()> {
    let peer = if scene.v6 { std::net::IpAddr::from([0xfd00, 7, 0, 0, 0, 0, 0, 0x77]) } else { std::net::IpAddr::from([10, 0, 0, 177]) };
    if scene.base.policy.resolver_allowed(peer) {
        return None;
    }
    let name = scene.target()?.name;
    let from = (scene.agent(), scene.world.port());
    let [asked, answer] = scene.world.dns(&name, &[], peer);
    scene.world.udp(from, (peer, 5355), &asked);
    scene.world.udp((peer, 5355), from, &answer);
    Some(())
}
