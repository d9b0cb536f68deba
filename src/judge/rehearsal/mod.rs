//! Flows without their packets, judged as if they had been captured: made up, one a line, as tests of a policy have them; or recorded before.
//!
//! ```text
//! flow    = [AGENT] ("->" | "<-") PEER [WORD ...]
//! PEER    = NAME | ADDRESS | NAME "@" ADDRESS, with ":" PORT behind it; an IPv6 address with a port stands in brackets
//! WORD    = "tcp" | "udp" | PROTOCOL | "tls1.0" ... "tls1.3" | "text" | "unknown" | "ping"
//!         | "refused" | "unanswered" | "unnamed" | "unbound"
//! ```
//! `->` is opened by the agent, `<-` towards it. A protocol is spoken as it should be: TLS with a finished handshake and the peer's name, HTTP
//! with it as its host, `dns NAME` with a question that is answered. Without one, and without an outcome, TLS is spoken. A peer with a name
//! was asked for by its DNS answer a moment before, unless the flow is `unbound`; where no address is given, one is made up in 198.18.0.0/15.

mod line;
mod recorded;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::policy::{Policy, Required};
use super::{Audit, Judge};
use crate::fact::{
    Basis, CipherSuite, Cleartext, DnsData, End, Endpoint, Fact, FlowFacts, FlowRecord, FlowState, FrameId, Locus, Name, NameSource,
    Observation, Resolution, Sightings, Tally, Text, Timestamp, TlsVersion, Transport, Watched,
};
use crate::judge::ledger::Ledger;
use crate::limits;

pub use line::Wrong;
pub use recorded::{Again, Recorded};

/// A flow that nobody sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeUp {
    agent: Option<IpAddr>,
    /// It is opened towards the agent.
    comes_in: bool,
    name: Option<Name>,
    ip: Option<IpAddr>,
    port: u16,
    transport: Transport,
    speaks: Speaks,
    outcome: Outcome,
    /// Its payload asks for no name.
    unnamed: bool,
    /// No DNS answer says where its name is.
    unbound: bool,
}

/// What is said in it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Speaks {
    Nothing,
    /// TLS, and what is made of it.
    Tls(&'static str, TlsVersion),
    /// Another protocol that is encrypted behind its handshake.
    Sealed(&'static str),
    /// A protocol of whose packets none shows whether they are encrypted.
    Unseen(&'static str),
    Clear(&'static str),
    Question(Name),
    Text,
    Unknown,
    Ping,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Answered,
    Refused,
    Unanswered,
}

const SECOND: i64 = 1_000_000_000;

/// Judges flows of the agents, of which `agent` is the one where a flow names none, as if they followed each other by a second from `at` on.
/// What a policy wants to have seen of a capture is not asked.
#[must_use]
pub fn judge(policy: &Policy, agents: &[IpAddr], labels: Vec<String>, at: Timestamp, flows: &[MadeUp]) -> Audit {
    let mut policy = policy.clone();
    policy.coverage = Required::default();
    let resolver = policy.resolvers.iter().flatten().next().map_or(RESOLVER, |net| net.addr());
    let mut judge = Judge::new(Arc::new(policy), labels, false, None);
    // what nobody opened before is not taken for the middle of a flow
    judge.begin(at.plus_nanos(-limits::SETTLED_CAPTURE_NANOS));
    for (n, flow) in flows.iter().enumerate() {
        let agent = flow.agent.or(agents.first().copied()).unwrap_or(AGENT);
        let at = at.plus_nanos(n as i64 * SECOND);
        let play = Play { flow, agent, agents, ip: flow.ip.unwrap_or_else(|| made_up(flow, flows)), number: 2 * n as u64 + 1, at };
        if let Some(name) = flow.name.as_ref().filter(|_| !flow.unbound && !flow.comes_in) {
            play.resolve(&mut judge, name, resolver);
        }
        let record = play.record();
        if let (Speaks::Question(name), false) = (&flow.speaks, flow.comes_in) {
            judge.asked(record.ends, record.transport, name.clone(), 1, play.locus(End::A));
        }
        judge.ended(&record);
    }
    judge.close(Vec::new(), &Ledger::default(), &Sightings::default(), &Watched::default()).0
}

/// Who is taken for the agent where nobody says who it is, and for a resolver.
const AGENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 4));
const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 53));

/// An address of the range for benchmarks (RFC 2544) for a name: the same for the same name, and another for each.
fn made_up(flow: &MadeUp, flows: &[MadeUp]) -> IpAddr {
    let place = flows.iter().position(|other| other.name == flow.name).unwrap_or(0) as u32;
    IpAddr::V4(Ipv4Addr::from_bits(Ipv4Addr::new(198, 18, 0, 1).to_bits() + place % 0x1_fffe))
}

/// One flow while it is played.
struct Play<'a> {
    flow: &'a MadeUp,
    agent: IpAddr,
    agents: &'a [IpAddr],
    ip: IpAddr,
    /// Of its first frame.
    number: u64,
    at: Timestamp,
}

impl Play<'_> {
    fn locus(&self, end: End) -> Locus {
        Locus { frame: FrameId::new(0, self.number + 1), at: self.at, end }
    }

    fn resolution(name: &Name, ip: IpAddr) -> Resolution {
        let qtype = if ip.is_ipv4() { 1 } else { 28 };
        Resolution { name: name.clone(), qtype, rcode: 0, truncated: false, ttl: None, carried: 0, answers: vec![DnsData::Address(ip)] }
    }

    /// The agent asks where a name is, and is answered.
    fn resolve(&self, judge: &mut Judge, name: &Name, resolver: IpAddr) {
        let before = Locus { frame: FrameId::new(0, self.number), at: self.at.plus_nanos(-SECOND / 2), end: End::A };
        let ends = [Endpoint { ip: self.agent, port: PORT }, Endpoint { ip: resolver, port: 53 }];
        let answer = Self::resolution(name, self.ip);
        judge.asked(ends, Transport::Udp, name.clone(), answer.qtype, before);
        judge.resolved(self.agent, &answer, Locus { end: End::B, ..before });
    }

    fn record(&self) -> FlowRecord {
        let flow = self.flow;
        let peer = |port| Endpoint { ip: self.ip, port };
        let ends = match flow.comes_in {
            false => [Endpoint { ip: self.agent, port: PORT }, peer(flow.port)],
            true => [peer(PORT), Endpoint { ip: self.agent, port: flow.port }],
        };
        let ends = if flow.transport == Transport::Icmp { ends.map(|end| Endpoint { port: 0, ..end }) } else { ends };
        let is_agent = |ip: IpAddr| ip == self.agent || self.agents.contains(&ip);
        let (answered, is_tcp) = (flow.outcome == Outcome::Answered, flow.transport == Transport::Tcp);
        let facts = if answered || !is_tcp { self.facts() } else { FlowFacts::default() };
        let (asked, said) = match flow.speaks {
            Speaks::Nothing => (0, 0),
            _ if answered => (600, 4000),
            _ => (if is_tcp { 0 } else { 600 }, 0),
        };
        let took_part = |end: End| answered.then(|| self.locus(end));
        FlowRecord {
            agents: ends.map(|end| is_agent(end.ip)),
            initiator: Some(End::A),
            basis: match flow.transport {
                Transport::Tcp => Basis::Syn,
                Transport::Icmp => Basis::Handshake,
                _ => Basis::FirstPacket,
            },
            state: match flow.outcome {
                Outcome::Answered => FlowState::Closed,
                Outcome::Refused => FlowState::Refused,
                Outcome::Unanswered => FlowState::Attempted,
            },
            first: Locus { frame: FrameId::new(0, self.number), ..self.locus(End::A) },
            last: self.at,
            sent: [Tally { packets: 5, bytes: asked }, Tally { packets: if answered { 5 } else { 0 }, bytes: said }],
            answered: [if is_tcp { took_part(End::A) } else { Some(self.locus(End::A)) }, took_part(End::B)],
            facts: facts.into(),
            ..FlowRecord::new(flow.transport, ends, self.locus(End::A))
        }
    }

    /// What is read in it.
    fn facts(&self) -> FlowFacts {
        let mut facts = FlowFacts::default();
        let mut say = |end, fact| facts.fold(Observation { fact, at: self.locus(end) });
        let name = self.flow.name.clone().filter(|_| !self.flow.unnamed);
        match &self.flow.speaks {
            Speaks::Nothing | Speaks::Ping => {}
            Speaks::Tls(protocol, version) => {
                say(End::A, Fact::Protocol(protocol));
                say(End::A, Fact::Opener(End::A));
                let source = if *protocol == "quic" { NameSource::QuicSni } else { NameSource::Sni };
                say(End::A, name.map_or(Fact::NoServerName, |name| Fact::ServerName { name, source }));
                say(End::A, Fact::HandshakeBegun);
                say(End::B, Fact::Version(*version));
                let is_last = version.over_streams() == TlsVersion::TLS1_3;
                say(End::B, Fact::CipherSuite(CipherSuite(if is_last { 0x1301 } else { 0xc02f })));
                say(End::B, Fact::HandshakeFinished);
                say(End::A, Fact::ProtectedData);
                say(End::A, Fact::Encrypted);
            }
            Speaks::Sealed(protocol) => {
                say(End::A, Fact::Protocol(protocol));
                say(End::A, Fact::HandshakeBegun);
                say(End::B, Fact::HandshakeFinished);
                say(End::A, Fact::Encrypted);
            }
            Speaks::Unseen(protocol) => {
                say(End::A, Fact::Protocol(protocol));
                say(End::A, Fact::CipherUnseen);
            }
            Speaks::Clear(protocol) => {
                say(End::A, Fact::Protocol(protocol));
                say(End::A, Fact::Opener(End::A));
                if *protocol == "http" {
                    let host = name.unwrap_or_else(|| Name::from_wire(self.ip.to_string().as_bytes()));
                    say(End::A, Fact::Http { method: Text::from_wire(b"GET"), host: Some(host), path: Some(Text::from_wire(b"/")) });
                }
                say(End::A, Fact::Cleartext(Cleartext::Protocol));
            }
            Speaks::Question(name) => {
                say(End::A, Fact::Protocol("dns"));
                say(End::A, Fact::Opener(End::A));
                say(End::A, Fact::Asked { name: name.clone(), qtype: 1 });
                say(End::A, Fact::Cleartext(Cleartext::Protocol));
            }
            Speaks::Text => say(End::A, Fact::Cleartext(Cleartext::Readable)),
            Speaks::Unknown => say(End::A, Fact::Unrecognised),
        }
        facts
    }
}

/// The port of whoever opens a flow.
const PORT: u16 = 50_000;
