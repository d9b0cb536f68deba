//! What a policy permits is permitted to the letter, and nothing beside it: ports, transports, addresses, names, waivers.

use std::net::IpAddr;

use super::super::scene::{FOREIGN, Scene, When, foreign};
use crate::world::packets::ip;
use crate::world::records::{self, client_hello, server_name, with_version};
use crate::world::tcp::Who::{Opener, Other};
use crate::world::tls::{Talk, Version};

/// What a stranger may open, by an entry that is added.
fn permit(scene: &mut Scene<'_>, protocol: &str) -> Option<()> {
    let from = scene.stranger();
    scene.amend(&format!("[[inbound]]\nfrom = [\"{from}\"]\nports = [8443]\nprotocols = [\"{protocol}\"]\n"))
}

pub fn inbound_port(scene: &mut Scene<'_>) -> Option<()> {
    permit(scene, "tls")?;
    let mut tcp = scene.world.dial((scene.stranger(), 50_000), (scene.agent(), 8444));
    scene.world.talk(&mut tcp, &Talk::new("inside.example", Version::Tls13), 0);
    Some(())
}

pub fn inbound_protocol(scene: &mut Scene<'_>) -> Option<()> {
    permit(scene, "ssh")?;
    let mut tcp = scene.world.dial((scene.stranger(), 50_000), (scene.agent(), 8443));
    scene.world.talk(&mut tcp, &Talk::new("inside.example", Version::Tls13), 0);
    Some(())
}

pub fn inbound_source(scene: &mut Scene<'_>) -> Option<()> {
    permit(scene, "tls")?;
    let other: IpAddr = if scene.v6 { [0x2001, 0xdb8, 0xbad, 0, 0, 0, 0, 0x67].into() } else { [192, 0, 2, 67].into() };
    let mut tcp = scene.world.dial((other, 50_000), (scene.agent(), 8443));
    scene.world.talk(&mut tcp, &Talk::new("inside.example", Version::Tls13), 0);
    Some(())
}

/// Who may ping may not ask for the time of ICMP.
pub fn inbound_message(scene: &mut Scene<'_>) -> Option<()> {
    (scene.base.is_world && !scene.v6).then_some(())?;
    scene.unknown_in_the_first_minute();
    let monitor = IpAddr::from([10, 0, 0, 200]);
    scene.world.push(ip(monitor, scene.agent(), 1, &[&[13, 0, 0, 0][..], &[0; 16]].concat()));
    Some(())
}

/// A request in the clear that is permitted on another port, and of another name.
fn request(scene: &mut Scene<'_>, peer: IpAddr, port: u16, host: &str) -> Option<()> {
    let own = *scene.base.ips.iter().find(|ip| ip.is_ipv4() == peer.is_ipv4())?;
    let mut tcp = scene.world.connect(own, (peer, port));
    scene.world.say(&mut tcp, Opener, format!("GET /root.crl HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
    scene.world.close(&mut tcp);
    Some(())
}

pub fn plaintext_port(scene: &mut Scene<'_>) -> Option<()> {
    (scene.base.is_world && !scene.v6).then_some(())?;
    let ((agent, resolver), peer) = (scene.resolver()?, IpAddr::from([198, 51, 100, 80]));
    scene.world.resolve(agent, resolver, "crl.allowed.example", &[], peer);
    request(scene, peer, 443, "crl.allowed.example")
}

pub fn plaintext_name(scene: &mut Scene<'_>) -> Option<()> {
    scene.base.is_world.then_some(())?;
    let target = scene.target()?;
    scene.look_up(&target);
    request(scene, target.peer, 80, "crl.allowed.example")
}

/// What is no DNS on the resolver's port is judged like anything else.
pub fn resolver_port(scene: &mut Scene<'_>) -> Option<()> {
    let (agent, resolver) = scene.resolver().filter(|_| scene.base.is_world)?;
    let mut tcp = scene.world.connect(agent, (resolver, 53));
    scene.world.talk(&mut tcp, &Talk::new(FOREIGN, Version::Tls13), 0);
    scene.world.close(&mut tcp);
    Some(())
}

/// Asks `proxy` to connect to `asked`, and speaks TLS with `inner` there.
fn through(scene: &mut Scene<'_>, proxy: (IpAddr, u16), asked: &str, talk: &Talk) -> Option<()> {
    let own = *scene.base.ips.iter().find(|ip| ip.is_ipv4() == proxy.0.is_ipv4())?;
    let mut tcp = scene.world.connect(own, proxy);
    scene.world.say(&mut tcp, Opener, format!("CONNECT {asked} HTTP/1.1\r\nHost: {asked}\r\n\r\n").as_bytes());
    scene.world.say(&mut tcp, Other, b"HTTP/1.1 200 Connection established\r\n\r\n");
    scene.world.talk(&mut tcp, talk, 0);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn foreign_proxy(scene: &mut Scene<'_>) -> Option<()> {
    let name = scene.bound_target()?.name;
    through(scene, (foreign(scene.v6), 3128), &format!("{name}:443"), &Talk::new(&name, Version::Tls13))
}

pub fn proxied_port(scene: &mut Scene<'_>) -> Option<()> {
    let target = scene.bound_target()?;
    scene.look_up(&target);
    through(scene, (target.peer, target.port), &format!("{}:8531", target.name), &Talk::new(&target.name, Version::Tls13))
}

/// A name that is allowed at one address, and was answered for another.
pub fn name_at_another_address(scene: &mut Scene<'_>) -> Option<()> {
    scene.amend("[[allow]]\nnames = [\"bound.example\"]\ncidrs = [\"203.0.113.200/32\", \"2001:db8:1::200/128\"]\nports = [443]\n")?;
    let ((agent, resolver), peer, own) = (scene.resolver()?, scene.stranger(), scene.agent());
    scene.world.resolve(agent, resolver, "bound.example", &[], peer);
    let mut tcp = scene.world.connect(own, (peer, 443));
    scene.world.talk(&mut tcp, &Talk::new("bound.example", Version::Tls13), 0);
    scene.world.close(&mut tcp);
    Some(())
}

/// The same, and no name is asked for.
pub fn address_of_another_name(scene: &mut Scene<'_>) -> Option<()> {
    scene.amend("[[allow]]\nnames = [\"bound.example\"]\ncidrs = [\"192.0.2.0/24\", \"2001:db8:bad::/48\"]\nports = [443]\n")?;
    let (peer, own) = (scene.stranger(), scene.agent());
    let mut tcp = scene.world.connect(own, (peer, 443));
    scene.world.talk(&mut tcp, &Talk::new(&peer.to_string(), Version::Tls13), 0);
    scene.world.close(&mut tcp);
    Some(())
}

/// A hello with these names, of which the first is allowed.
fn hello_with(scene: &mut Scene<'_>, names: impl Fn(&str) -> Vec<(u16, Vec<u8>)>) -> Option<()> {
    let target = scene.bound_target()?;
    scene.look_up(&target);
    let mut tcp = scene.world.connect(target.agent, (target.peer, target.port));
    let mut said = records::session(0x0304, 0x1301, &target.name);
    said[0].1 = client_hello(0x0304, 0x1301, &with_version(0x0304, names(&target.name)));
    scene.world.flights(&mut tcp, &said, 0);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn two_extensions(scene: &mut Scene<'_>) -> Option<()> {
    hello_with(scene, |name| vec![server_name(name), server_name(FOREIGN)])
}

pub fn two_names(scene: &mut Scene<'_>) -> Option<()> {
    hello_with(scene, |name| {
        let entry = |name: &str| [&[0][..], &(name.len() as u16).to_be_bytes(), name.as_bytes()].concat();
        let list = [entry(name), entry(FOREIGN)].concat();
        vec![(0, [&(list.len() as u16).to_be_bytes()[..], &list].concat())]
    })
}

/// A suite that is sound, and that the policy does not list.
pub fn unlisted_suite(scene: &mut Scene<'_>) -> Option<()> {
    scene.base.is_world.then_some(())?;
    let with = super::super::audit::policy(&["world".to_owned()], "name = \"c\"\n[tls]\nciphers = [\"TLS_AES_256_GCM_SHA384\"]\n");
    let mut policy = (*scene.mutant.policy).clone();
    policy.tls_ciphers.clone_from(&with.tls_ciphers);
    scene.mutant.policy = policy.into();
    scene.flights(|name| records::session(0x0303, 0xc02f, name))
}

/// TLS 1.0, under a waiver that is for something else.
fn waived(scene: &mut Scene<'_>, waiver: &str) -> Option<()> {
    scene.amend(&format!("[[waiver]]\n{waiver}\nreason = \"it is agreed\"\n"))?;
    scene.flights(|name| records::session(0x0301, 0x002f, name))
}

pub fn waiver_of_another_rule(scene: &mut Scene<'_>) -> Option<()> {
    waived(scene, "rule = \"WW204\"")
}

pub fn waiver_of_another_name(scene: &mut Scene<'_>) -> Option<()> {
    waived(scene, "rule = \"WW203\"\nnames = [\"old.example\"]")
}

pub fn waiver_of_another_address(scene: &mut Scene<'_>) -> Option<()> {
    waived(scene, "rule = \"WW203\"\ncidrs = [\"192.0.2.0/24\"]")
}

/// The name that a proxy is asked for is waived, and another is asked for inside.
pub fn waiver_of_outer_name(scene: &mut Scene<'_>) -> Option<()> {
    scene.amend("[[waiver]]\nrule = \"WW302\"\nnames = [\"n1.allowed.example\"]\nreason = \"it is agreed\"\n")?;
    let target = scene.target()?;
    scene.look_up(&target);
    through(scene, (target.peer, target.port), "n1.allowed.example:443", &Talk::new(FOREIGN, Version::Tls13))
}

pub fn another_transport(scene: &mut Scene<'_>) -> Option<()> {
    (scene.base.is_world && !scene.v6).then_some(())?;
    let ((agent, resolver), peer) = (scene.resolver()?, IpAddr::from([198, 51, 100, 123]));
    scene.world.resolve(agent, resolver, "time.allowed.example", &[], peer);
    let own = scene.agent();
    let mut tcp = scene.world.connect(own, (peer, 123));
    scene.world.talk(&mut tcp, &Talk::new("time.allowed.example", Version::Tls13), 0);
    scene.world.close(&mut tcp);
    Some(())
}

/// A name that ends in the letters of an allowed one.
pub fn name_like_another(scene: &mut Scene<'_>) -> Option<()> {
    let (peer, own) = (scene.stranger(), scene.agent());
    let mut tcp = scene.world.connect(own, (peer, 443));
    scene.world.talk(&mut tcp, &Talk::new("a.notallowed.example", Version::Tls13), 0);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn private_resolver(scene: &mut Scene<'_>) -> Option<()> {
    scene.base.is_world.then_some(())?;
    let (target, agent) = (scene.target()?, scene.agent());
    let other: IpAddr = if scene.v6 { [0xfd00, 7, 0, 0, 0, 0, 0, 0x53].into() } else { [10, 0, 0, 53].into() };
    scene.world.resolve(agent, other, &target.name, &[], target.peer);
    Some(())
}

/// The first that breaks a rule is waived, the second is not.
pub fn waiver_of_the_first(scene: &mut Scene<'_>) -> Option<()> {
    scene.amend("[[waiver]]\nrule = \"WW203\"\nnames = [\"n1.allowed.example\"]\nreason = \"it is agreed\"\n")?;
    let targets = scene.base.targets.clone();
    let mut of_family = targets.iter().filter(|target| target.peer.is_ipv6() == scene.v6);
    let first = targets.iter().find(|target| target.name == "n1.allowed.example")?;
    let second = of_family.find(|target| target.name != first.name)?;
    for target in [first, second] {
        scene.look_up(target);
        let mut tcp = scene.world.connect(target.agent, (target.peer, target.port));
        scene.world.flights(&mut tcp, &records::session(0x0301, 0x002f, &target.name), 0);
        scene.world.close(&mut tcp);
    }
    Some(())
}

/// Datagrams to where the agent may not go, while nobody can know who opened the flow.
fn undetermined(scene: &mut Scene<'_>, more: &str) -> Option<()> {
    (scene.when == When::Start).then_some(())?;
    scene.amend(more)?;
    let (from, to) = ((scene.agent(), scene.world.port()), (scene.stranger(), 4000));
    let noise = scene.random.noise(300);
    scene.world.udp(from, to, &noise);
    Some(())
}

/// What is not known is not waived.
pub fn waiver_of_the_unknown(scene: &mut Scene<'_>) -> Option<()> {
    undetermined(scene, "[[waiver]]\nrule = \"WW301\"\nreason = \"it is agreed\"\n")
}

/// Nor is it made a notice.
pub fn notice_of_the_unknown(scene: &mut Scene<'_>) -> Option<()> {
    undetermined(scene, "[severity]\nWW301 = \"notice\"\n")
}
