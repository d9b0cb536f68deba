//! What is mutated: worlds from a seed, and every fixture that passes. Fixtures are brought to untagged Ethernet first, so that they too
//! can be wrapped in anything.

use std::net::IpAddr;
use std::sync::Arc;

use wirewitness::engine::Config;
use wirewitness::fact::{Block, Transport};
use wirewitness::judge::policy::{Agent, Policy};
use wirewitness::source::{Fill, file};

use super::audit::{Flows, How, policy, watched};
use crate::support::{Case, cases};
use crate::world::Frame;
use crate::world::files::File;
use crate::world::generate::{Generated, generate};
use crate::world::wrappers::{ETHERNET, unwrap};

/// A capture that passes, and what is known of it.
#[derive(Clone)]
pub struct Base {
    pub name: String,
    pub frames: Vec<Frame>,
    pub policy: Arc<Policy>,
    /// The policy as it was written, of a world.
    pub text: String,
    pub agents: Vec<Agent>,
    /// The agents' addresses.
    pub ips: Vec<IpAddr>,
    pub resolvers: Vec<IpAddr>,
    pub targets: Vec<Target>,
    /// Made from a seed: all that is in it is known.
    pub is_world: bool,
    /// Holds early data of TLS 1.3, which nothing but the order of capture tells from a Finished.
    pub hangs_on_order: bool,
}

/// A place where the agent may go with TLS.
#[derive(Clone, Debug)]
pub struct Target {
    pub agent: IpAddr,
    pub peer: IpAddr,
    pub port: u16,
    pub name: String,
    /// Allowed whatever is asked of it, on any port.
    pub is_free: bool,
}

/// The worlds of the first `seeds` seeds.
pub fn worlds(seeds: u64) -> Vec<Base> {
    (0..seeds).map(|seed| of_world(&generate(seed))).collect()
}

pub fn of_world(world: &Generated) -> Base {
    let cast = &world.cast;
    let text = cast.policy();
    let policy = policy(&["world".to_owned()], &text);
    let target = |(name, peer): &(String, IpAddr)| {
        let agent = cast.agent_for(*peer);
        Target { agent, peer: *peer, port: 443, name: name.clone(), is_free: false }
    };
    Base {
        name: format!("world {}", world.seed),
        frames: world.frames.clone(),
        agents: policy.agents.clone(),
        policy,
        text,
        ips: cast.agents.clone(),
        resolvers: cast.resolvers.clone(),
        targets: cast.endpoints.iter().map(target).collect(),
        is_world: true,
        hangs_on_order: world.scenes.contains(&"TLS 1.3 with early data"),
    }
}

/// The fixtures that pass, each once: they are wrapped here.
pub fn fixtures() -> Vec<Base> {
    cases().iter().filter(|case| case.verdict == "pass" && !case.is_carried()).map(of_fixture).collect()
}

fn of_fixture(case: &Case) -> Base {
    let beside = |name: &String| {
        let path = case.folder.join(name);
        if path.exists() { path.to_string_lossy().into_owned() } else { name.clone() }
    };
    let selectors: Vec<String> = case.policies.iter().map(beside).collect();
    let policy = policy(&selectors, "");
    let ips: Vec<IpAddr> = case.agents.iter().map(|agent| agent.parse().expect("an address")).collect();
    let agents: Vec<Agent> = ips.iter().map(|&ip| Agent::Net(ip.into())).collect();
    let frames = frames(case);
    let mut flows = Flows::default();
    let each_flow = How { config: Config { each_flow: true, ..Config::default() }, ..How::default() };
    watched(File::default().write(ETHERNET, &frames), &policy, &agents, &each_flow, &mut flows);
    let mut base = Base {
        name: case.name(),
        frames,
        policy,
        text: String::new(),
        agents,
        ips,
        resolvers: Vec::new(),
        targets: Vec::new(),
        is_world: false,
        hangs_on_order: case.name() == "tls13-early-data",
    };
    for (record, judgement) in flows.0.iter().filter(|(_, judgement)| judgement.direction == "outbound") {
        let (agent, peer) = (record.initiator_endpoint().ip, record.responder_endpoint());
        let facts = &record.facts;
        if !facts.dns.is_empty() && !base.resolvers.contains(&peer.ip) {
            base.resolvers.push(peer.ip);
        }
        if let ([read], true, None) = (&facts.names[..], facts.encrypted.is_some(), facts.proxied())
            && judgement.verdict == "allowed"
            && record.transport == Transport::Tcp
        {
            let is_free = base.policy.private_allowed(peer.ip);
            base.targets.push(Target { agent, peer: peer.ip, port: peer.port, name: read.name.to_string(), is_free });
        }
    }
    base
}

/// The frames of a fixture as untagged Ethernet.
fn frames(case: &Case) -> Vec<Frame> {
    let bytes = case.bytes();
    let mut source = file::from_reader(case.name(), 0, Box::new(std::io::Cursor::new(bytes))).expect("a capture");
    let (mut block, mut frames) = (Block::default(), Vec::new());
    loop {
        let fill = source.fill(&mut block).expect("it is read");
        for index in &block.frames {
            let bytes = unwrap(index.link.0, block.frame(index)).expect("a link type that is known here");
            frames.push(Frame { at: index.at.as_nanos(), bytes, cut: (index.wire - index.captured) as usize });
        }
        if fill == Fill::End {
            return frames;
        }
    }
}
