//! A passing capture while something is done to it.

use std::net::IpAddr;
use std::sync::Arc;

use wirewitness::fact::{Name, Transport};
use wirewitness::judge::Verdict;
use wirewitness::judge::policy::{Agent, Policy};

use super::audit::{self, Found, How};
use super::bases::{Base, Target};
use crate::world::files::File;
use crate::world::generate::in_order;
use crate::world::packets::Place;
use crate::world::quic::Datagram;
use crate::world::random::Random;
use crate::world::tcp::{Tcp, Who};
use crate::world::tls::{Talk, Version};
use crate::world::wrappers::{WRAPPERS, Wrapper};
use crate::world::{Frame, SECOND, World};

/// Where in a capture something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Start,
    Middle,
    /// A good while after everything else.
    End,
}

impl When {
    pub const ALL: [Self; 3] = [Self::Start, Self::Middle, Self::End];
}

/// A capture made from a base.
#[derive(Clone)]
pub struct Mutant {
    /// The base's own frames, as far as they are left.
    pub frames: Vec<Frame>,
    /// What was put between them.
    pub added: Vec<Frame>,
    pub policy: Arc<Policy>,
    pub agents: Vec<Agent>,
    pub file: File,
    pub wrapper: &'static Wrapper,
}

impl Mutant {
    pub fn of(base: &Base) -> Self {
        Self {
            frames: base.frames.clone(),
            added: Vec::new(),
            policy: Arc::clone(&base.policy),
            agents: base.agents.clone(),
            file: File::default(),
            wrapper: &WRAPPERS[0],
        }
    }

    /// The capture.
    pub fn capture(&self) -> Vec<u8> {
        let mut frames = [&self.frames[..], &self.added].concat();
        in_order(&mut frames);
        let wrapped: Vec<Frame> = frames.iter().filter_map(|frame| self.wrapped(frame)).collect();
        self.file.write(self.wrapper.link, &wrapped)
    }

    /// A frame that the snap length cut was wrapped before it was cut.
    fn wrapped(&self, frame: &Frame) -> Option<Frame> {
        let mut bytes = (self.wrapper.wrap)(&frame.bytes)?;
        if frame.cut > 0 {
            let kept = bytes.len();
            bytes = (self.wrapper.wrap)(&[&frame.bytes[..], &vec![0; frame.cut]].concat())?;
            bytes.truncate(kept);
        }
        Some(Frame { bytes, ..*frame })
    }

    pub fn audit(&self) -> Found {
        self.audit_as(&How::default())
    }

    pub fn audit_as(&self, how: &How) -> Found {
        audit::audit(self.capture(), &self.policy, &self.agents, how)
    }
}

/// What an audit must come to.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    pub verdict: Verdict,
    /// All of these must be found.
    pub rules: &'static [&'static str],
    /// These may be found besides.
    pub also: &'static [&'static str],
}

/// A base to which something is being done at one moment.
pub struct Scene<'a> {
    pub base: &'a Base,
    pub mutant: Mutant,
    /// Takes down what is added; its time is the moment.
    pub world: World,
    pub random: Random,
    pub when: When,
    pub v6: bool,
    /// Where it differs from what the injection says of itself.
    pub expected: Option<Expected>,
}

/// Addresses that no policy here allows.
pub fn foreign(v6: bool) -> IpAddr {
    if v6 { IpAddr::from([0x2001, 0xdb8, 0xbad, 0, 0, 0, 0, 0x66]) } else { IpAddr::from([192, 0, 2, 66]) }
}

/// A name that no policy here allows.
pub const FOREIGN: &str = "collector.foreign.example";

impl<'a> Scene<'a> {
    /// `None` where the base has no agent of this family.
    pub fn new(base: &'a Base, when: When, v6: bool, seed: u64) -> Option<Self> {
        base.ips.iter().find(|ip| ip.is_ipv6() == v6)?;
        let (first, last) = base.span();
        let mut world = World::default().apart(20_000);
        world.now = match when {
            When::Start => first,
            When::Middle => first + (last - first) / 2,
            When::End => last + 70 * SECOND,
        };
        Some(Self { base, mutant: Mutant::of(base), world, random: Random::new(seed), when, v6, expected: None })
    }

    pub fn agent(&self) -> IpAddr {
        *self.base.ips.iter().find(|ip| ip.is_ipv6() == self.v6).expect("checked when the scene was made")
    }

    pub fn stranger(&self) -> IpAddr {
        foreign(self.v6)
    }

    /// A place where the agent may go, of this scene's family.
    pub fn target(&mut self) -> Option<Target> {
        let family: Vec<_> = self.base.targets.iter().filter(|target| target.peer.is_ipv6() == self.v6).collect();
        if family.is_empty() { None } else { Some((*self.random.pick(&family)).clone()) }
    }

    /// The same, and its port and name bind.
    pub fn bound_target(&mut self) -> Option<Target> {
        self.target().filter(|target| !target.is_free)
    }

    /// A place where the agent may go with QUIC, its name looked up.
    pub fn quic_target(&mut self) -> Option<Target> {
        let target = self.target()?;
        let (name, policy) = (Name::from_wire(target.name.as_bytes()), &self.base.policy);
        let is_permitted = policy.entries_named(&name).any(|entry| entry.covers_port(target.port, Transport::Udp));
        if !is_permitted && !target.is_free {
            return None;
        }
        self.look_up(&target);
        Some(target)
    }

    /// Says the datagrams of QUIC to where the agent may go.
    pub fn quic(&mut self, said: impl Fn(&str) -> Vec<Datagram>) -> Option<()> {
        let target = self.quic_target()?;
        let said = said(&target.name);
        self.quic_with(target.agent, (target.peer, target.port), &said);
        Some(())
    }

    /// Says datagrams between an agent and another.
    pub fn quic_with(&mut self, agent: IpAddr, peer: Place, said: &[Datagram]) {
        let agent = (agent, self.world.port());
        for (who, datagram) in said {
            let (from, to) = if *who == Who::Opener { (agent, peer) } else { (peer, agent) };
            self.world.udp(from, to, datagram);
        }
    }

    /// The agent's address and the resolver it may ask.
    pub fn resolver(&self) -> Option<(IpAddr, IpAddr)> {
        let pair = |resolver: &IpAddr| Some((*self.base.ips.iter().find(|ip| ip.is_ipv4() == resolver.is_ipv4())?, *resolver));
        let fitting = self.base.resolvers.iter().filter(|resolver| resolver.is_ipv6() == self.v6);
        fitting.chain(&self.base.resolvers).find_map(pair)
    }

    /// Adds to the policy of a world.
    pub fn amend(&mut self, more: &str) -> Option<()> {
        self.base.is_world.then_some(())?;
        self.mutant.policy = audit::policy(&["world".to_owned()], &format!("{}{more}", self.base.text));
        Some(())
    }

    /// Has the target's name resolved, as an agent does.
    pub fn look_up(&mut self, target: &Target) {
        if let Some((agent, resolver)) = self.resolver() {
            self.world.resolve(agent, resolver, &target.name, &[], target.peer);
        }
    }

    /// Opens a connection to where the agent may go.
    pub fn reach(&mut self) -> Option<(Target, Tcp)> {
        let target = self.target()?;
        self.look_up(&target);
        let tcp = self.world.connect(target.agent, (target.peer, target.port));
        Some((target, tcp))
    }

    /// Opens a session that has said something already.
    pub fn reach_tls(&mut self, version: Version) -> Option<Tcp> {
        let (target, mut tcp) = self.reach()?;
        // without the farewell
        let said = crate::world::tls::session(&Talk::new(&target.name, version));
        let live = said.len() - 2;
        self.world.flights(&mut tcp, &said[..live], 0);
        Some(tcp)
    }

    /// Plays flights to where the agent may go, and closes.
    pub fn flights(&mut self, flights: impl Fn(&str) -> Vec<crate::world::tls::Flight>) -> Option<()> {
        let (target, mut tcp) = self.reach()?;
        self.world.flights(&mut tcp, &flights(&target.name), 0);
        self.world.close(&mut tcp);
        Some(())
    }

    /// Says something in the clear to where the agent may go, each in its turn.
    pub fn plain(&mut self, said: &[(Who, &[u8])]) -> Option<()> {
        let (_, mut tcp) = self.reach()?;
        for (who, bytes) in said {
            self.world.say(&mut tcp, *who, bytes);
        }
        self.world.close(&mut tcp);
        Some(())
    }

    /// A flow of datagrams whose first packet alone tells who opened it: in the first minute that proves nothing.
    pub fn datagrams(&mut self, from: Place, to: Place, said: &[(bool, Vec<u8>)]) {
        self.unknown_in_the_first_minute();
        for (forth, payload) in said {
            let (from, to) = if *forth { (from, to) } else { (to, from) };
            self.world.udp(from, to, payload);
        }
    }

    pub fn unknown_in_the_first_minute(&mut self) {
        if self.world.now - self.base.span().0 < 60 * SECOND {
            self.expected = Some(Expected { verdict: Verdict::Inconclusive, rules: &["WW103"], also: ANY });
        }
    }

    /// The mutant, with what was added.
    pub fn done(mut self) -> Mutant {
        self.mutant.added.append(&mut self.world.frames);
        self.mutant
    }
}

/// Stands for every rule in [`Expected::also`].
pub const ANY: &[&str] = &["*"];

impl Base {
    /// The first and the last moment.
    pub fn span(&self) -> (i64, i64) {
        let at = |frame: &Frame| frame.at;
        (self.frames.iter().map(at).min().unwrap_or_default(), self.frames.iter().map(at).max().unwrap_or_default())
    }
}
