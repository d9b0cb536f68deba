//! One flow held against a policy: what rules ask.

use std::net::IpAddr;

use super::destination::{self, Destination};
use super::names::Names;
use super::policy::{Allow, Inbound, Policy};
use super::resolvers;
use crate::fact::{Basis, Cleartext, End, Endpoint, FlowRecord, FlowState, Timestamp, Transport};
use crate::limits;

/// Which way a flow goes, seen from the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// An agent opened it.
    Outbound,
    /// Another opened it towards an agent.
    Inbound,
    /// Agent to agent.
    Internal,
    /// No agent takes part.
    Unrelated,
    /// It is not known who opened it.
    Unknown,
}

impl Direction {
    /// The contract's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Outbound => "outbound",
            Self::Inbound => "inbound",
            Self::Internal => "internal",
            Self::Unrelated => "unrelated",
            Self::Unknown => "unknown",
        }
    }

    /// The direction of a flow, where the capture began at `began`.
    #[must_use]
    pub fn of(record: &FlowRecord, began: Timestamp) -> Self {
        match record.agents {
            [false, false] => Self::Unrelated,
            [true, true] => Self::Internal,
            agents => match record.initiator.filter(|_| opener_is_known(record, began)) {
                // an answer shows that somebody was asked, and not that the agent asked: what nobody asked for looks the same
                Some(end) if agents[end.index()] && record.basis != Basis::Syn && record.answered[end.index()].is_none() => Self::Unknown,
                Some(end) if agents[end.index()] => Self::Outbound,
                // the side of a handshake shows who asked, and not who connected
                Some(_) if record.transport == Transport::Tcp && record.basis == Basis::Handshake => Self::Unknown,
                Some(_) => Self::Inbound,
                None => Self::Unknown,
            },
        }
    }
}

fn opener_is_known(record: &FlowRecord, began: Timestamp) -> bool {
    match record.basis {
        Basis::Syn | Basis::SynAck | Basis::Handshake => true,
        Basis::FirstPacket => record.transport != Transport::Tcp && record.first.at.since(began) >= limits::SETTLED_CAPTURE_NANOS,
        Basis::WellKnownPort | Basis::Unknown => false,
    }
}

/// A flow of an agent and what bears on it.
pub struct Case<'a> {
    /// The flow.
    pub record: &'a FlowRecord,
    /// The policy.
    pub policy: &'a Policy,
    /// What the agents were answered.
    pub names: &'a Names,
    /// Which way it goes.
    pub direction: Direction,
    /// The end that is the agent; the initiator's of an internal flow.
    pub agent: End,
    /// Where it goes, by the policy.
    pub destination: Destination<'a>,
    /// The entry that permits it to come in.
    pub inbound: Option<&'a Inbound>,
    /// Encrypted DNS that it carries: `dot`, `doq`, `doh`.
    pub encrypted_dns: Option<&'static str>,
    /// Names among neighbours that it carries: `mdns`, `llmnr`.
    pub neighbours: Option<&'static str>,
}

impl<'a> Case<'a> {
    /// Holds `record`, of an agent, against `policy`.
    #[must_use]
    pub fn new(record: &'a FlowRecord, policy: &'a Policy, names: &'a Names, began: Timestamp) -> Self {
        let direction = Direction::of(record, began);
        let agent = match record.agents {
            [true, false] => End::A,
            [false, true] => End::B,
            _ => record.initiator.unwrap_or(End::A),
        };
        let peer = record.ends[(!agent).index()];
        let mut case = Self {
            record,
            policy,
            names,
            direction,
            agent,
            destination: Destination::NotJudged,
            inbound: None,
            encrypted_dns: resolvers::encrypted(&record.facts, peer.port, policy),
            neighbours: resolvers::among_neighbours(record, peer.ip, policy),
        };
        case.inbound = policy.inbound.iter().find(|entry| direction == Direction::Inbound && case.is_permitted_by(entry));
        case.destination = destination::judge(&case);
        case
    }

    /// The agent's endpoint.
    #[must_use]
    pub fn agent_endpoint(&self) -> Endpoint {
        self.record.ends[self.agent.index()]
    }

    /// The other end's endpoint.
    #[must_use]
    pub fn peer(&self) -> Endpoint {
        self.record.ends[(!self.agent).index()]
    }

    /// Whether the agent took part in a flow that was opened towards it.
    #[must_use]
    pub fn was_accepted(&self) -> bool {
        self.record.answered[self.agent.index()].is_some()
    }

    /// Whether the flow carries questions to a resolver.
    #[must_use]
    pub fn is_dns(&self) -> bool {
        !self.record.facts.dns.is_empty() || self.protocol() == Some("dns")
    }

    /// Whether it is what a neighbour answers to a question that went to all of them: noise of the link, as what goes to all is, though it
    /// comes to the agent alone. What the agent answers is its own doing.
    #[must_use]
    pub fn is_neighbours_answer(&self) -> bool {
        if self.neighbours.is_none() {
            return false;
        }
        let facts = &self.record.facts;
        let is_plain = matches!(facts.cleartext, Some((Cleartext::Protocol, _))) && facts.unrecognised.is_none();
        // from the port that is asked: what comes from another is whoever's answer to nothing
        let is_silent = self.record.sent[self.agent.index()].packets == 0 && resolvers::is_of_neighbours(self.peer().port);
        is_silent && is_plain && facts.dns.is_empty() && !facts.unasked.is_empty()
    }

    /// Whether encrypted DNS goes to a resolver of the policy, by its address or its name.
    #[must_use]
    pub fn encrypted_resolver_is_allowed(&self) -> bool {
        let asked = self.record.facts.names.last();
        self.resolver_is_allowed() || asked.is_some_and(|read| self.policy.encrypted_resolver_allowed(&read.name))
    }

    /// The innermost protocol.
    #[must_use]
    pub fn protocol(&self) -> Option<&'static str> {
        self.record.facts.protocol.map(|(name, _)| name)
    }

    /// The protocol that was spoken where the payload was in the clear: what it is inside of, or what came behind, may be another.
    #[must_use]
    pub fn cleartext_protocol(&self) -> Option<&'static str> {
        self.record.facts.cleartext_protocol.or(self.protocol())
    }

    /// What the protocol is called in a message.
    #[must_use]
    pub fn protocol_or_payload(&self) -> &str {
        self.protocol().unwrap_or("payload")
    }

    /// The names that the peer's address was answered for, at the time of the flow.
    pub fn answered_names(&self) -> impl Iterator<Item = &'a crate::fact::Name> {
        self.names_of(self.peer().ip)
    }

    /// The same of another address, which a proxy was asked for.
    pub(super) fn names_of(&self, ip: IpAddr) -> impl Iterator<Item = &'a crate::fact::Name> + use<'a> {
        self.names.at(ip, self.moment())
    }

    /// The same, with those whose answers no longer stood.
    pub(super) fn names_ever_of(&self, ip: IpAddr) -> impl Iterator<Item = &'a crate::fact::Name> + use<'a> {
        self.names.ever(ip, self.moment())
    }

    /// Until when an address was answered for a name, where that was over at the time of the flow.
    #[must_use]
    pub fn stood_until(&self, ip: IpAddr, name: &crate::fact::Name) -> Option<Timestamp> {
        self.names.stood_until(ip, name, self.moment())
    }

    /// When the flow used the address.
    fn moment(&self) -> Timestamp {
        self.record.facts.names.first().map_or(self.record.first.at, |read| read.at.at).max(self.record.first.at)
    }

    /// Whether an entry holds for this agent at this time, and for what is spoken. What could not be told is the other rules': it is allowed
    /// to be here, and not to be unknown.
    #[must_use]
    pub(super) fn is_met(&self, entry: &Allow) -> bool {
        let holds = entry.when.as_ref().is_none_or(|when| when.holds(self.agent_endpoint().ip, self.record.first.at));
        holds && (entry.protocols.is_empty() || self.speaks_of(&entry.protocols).unwrap_or(true))
    }

    /// Whether the flow speaks one of these, in the clear or not, by itself or as what leads to it; `None` where it is not known what it speaks.
    fn speaks_of(&self, protocols: &[String]) -> Option<bool> {
        let prologue = self.record.facts.prologue.map(|(protocol, _)| protocol);
        let spoken = [self.protocol(), self.record.facts.cleartext_protocol, self.encrypted_dns, prologue];
        let is_known = spoken.iter().any(Option::is_some);
        is_known.then(|| spoken.into_iter().flatten().any(|spoken| protocols.iter().any(|word| word == spoken)))
    }

    /// An entry that has the name, and holds for other agents, at other times, or for what is spoken elsewhere alone.
    #[must_use]
    pub fn unmet_entry(&self, name: &crate::fact::Name) -> Option<&'a Allow> {
        self.policy.entries_named(name).find(|entry| !self.is_met(entry))
    }

    /// The entry by which this flow's plaintext is permitted.
    #[must_use]
    pub fn plaintext_entry(&self) -> Option<&'a Allow> {
        let is_named = |entry: &Allow| entry.names.is_empty() || self.has_name_of(entry) && self.asks_host_of(entry);
        self.policy.allow.iter().find(|entry| self.permits_plaintext(entry) && is_named(entry) && self.asks_paths_of(entry) == Some(true))
    }

    /// Whether requests in the clear, if there are any, ask for hosts of the entry: an address that was answered for one of its names
    /// serves those of others too. A host that is written as the address asks for no other.
    fn asks_host_of(&self, entry: &Allow) -> bool {
        let facts = &self.record.facts;
        let first = facts.http.as_ref().and_then(|request| request.host.as_ref());
        first.into_iter().chain(&facts.http_hosts).all(|host| entry.covers_name(host) || host.as_ip() == Some(self.peer().ip))
    }

    /// Whether requests in the clear ask for paths of the entry alone; `None` where it has some and not all that were asked for are known.
    fn asks_paths_of(&self, entry: &Allow) -> Option<bool> {
        let facts = &self.record.facts;
        let is_http = matches!(self.cleartext_protocol(), Some("http" | "http2"));
        if entry.paths.is_empty() || !is_http {
            return Some(true);
        }
        let is_known = !facts.http_paths_more && !facts.http_paths.is_empty();
        let are_covered = facts.http_paths.iter().all(|path| entry.covers_path(path.as_str()));
        (is_known || !are_covered).then_some(are_covered)
    }

    /// Whether an entry would permit this flow's plaintext if its address had been answered for another name, and answers were lost; or
    /// if its text were of another protocol, and the rest of it was cut away; or if it were a proxy's prologue.
    #[must_use]
    pub fn may_be_permitted_plaintext(&self) -> bool {
        let facts = &self.record.facts;
        let is_unnamed = self.names.is_incomplete() && facts.names.is_empty();
        let is_cut =
            matches!((facts.cleartext, facts.truncated), (Some((Cleartext::Readable, at)), Some((_, cut))) if cut.frame <= at.frame);
        let permits = |entry: &Allow| {
            let by_name = entry.names.is_empty() || is_unnamed || self.has_name_of(entry);
            let by_protocol = is_cut && !entry.plaintext.is_empty() && self.goes_to(entry) || is_unnamed && self.permits_plaintext(entry);
            let by_path = self.asks_paths_of(entry).is_none() && self.permits_plaintext(entry);
            by_name && (by_protocol || by_path) && self.asks_host_of(entry)
        };
        self.direction != Direction::Inbound && (self.may_be_proxied() || self.policy.allow.iter().any(permits))
    }

    /// Whether the text may be what a proxy was asked, or its answer, or what leads to an upgrade: bytes of what had been said by then are
    /// missing, or were said before the capture or before memory forgot them.
    fn may_be_proxied(&self) -> bool {
        let facts = &self.record.facts;
        let Some((how, at)) = facts.cleartext else { return false };
        // a request that was lost is known to be late: when its place is given up
        let is_answer = self.cleartext_protocol() == Some("http") && facts.http.is_none();
        let lost = facts.gap.into_iter().chain(facts.truncated).any(|(_, lost)| is_answer || lost.frame <= at.frame);
        let lost = lost || is_answer && self.record.began_before || how == Cleartext::Readable && self.record.unseen_end.is_some();
        // what leads to TLS, and to a name, may be all that was seen of a beginning that was lost
        let lost = lost || how == Cleartext::Readable && self.record.began_before;
        // a proxy is a destination like any other
        let may_be = match self.destination {
            Destination::Allowed(_) => is_answer || how == Cleartext::Readable,
            Destination::NameHidden(..) => how == Cleartext::Readable,
            _ => false,
        };
        lost && may_be && facts.proxied().is_none()
    }

    /// Whether an entry permits this flow's plaintext but for names.
    fn permits_plaintext(&self, entry: &Allow) -> bool {
        let is_text = matches!(self.record.facts.cleartext, Some((Cleartext::Readable, _)));
        let protocol = self.cleartext_protocol().filter(|_| !is_text).unwrap_or("text");
        entry.plaintext.iter().any(|word| word == protocol) && self.goes_to(entry)
    }

    /// Whether port and address are an entry's. What lies inside a proxy's connection goes where the proxy was asked to go.
    fn goes_to(&self, entry: &Allow) -> bool {
        // a proxy's own words, as where it refuses, are said by the proxy
        let is_inside = self.record.facts.http.is_some() || !matches!(self.cleartext_protocol(), Some("http" | "socks"));
        let (ip, port) = match self.proxied().filter(|_| is_inside) {
            Some(read) => (read.name.as_ip(), read.port),
            None => (Some(self.peer().ip), Some(self.peer().port)),
        };
        port.is_some_and(|port| entry.covers_port(port, self.record.transport))
            && self.is_met(entry)
            && (entry.cidrs.is_empty() || ip.is_some_and(|ip| entry.covers_address(self.policy.nat64.canonical(ip))))
    }

    /// Whether the DNS that this flow carries goes to a resolver of the policy. Behind a proxy, that is whom the proxy was asked for.
    #[must_use]
    pub fn resolver_is_allowed(&self) -> bool {
        let resolver = match self.proxied() {
            Some(read) => read.name.as_ip(),
            None => Some(self.peer().ip),
        };
        resolver.is_some_and(|ip| self.policy.resolver_allowed(ip))
    }

    /// What a proxy was asked for last.
    #[must_use]
    pub fn proxied(&self) -> Option<&'a crate::fact::NameRead> {
        self.record.facts.names.iter().rfind(|read| read.source.is_proxy())
    }

    /// Whether the DNS that this flow carries goes to a resolver that the policy names.
    #[must_use]
    pub fn resolver_is_listed(&self) -> bool {
        self.policy.resolvers.is_some() && self.resolver_is_allowed()
    }

    /// Whether the whole flow lies in the capture and nothing of it is missing.
    #[must_use]
    pub fn was_seen_whole(&self) -> bool {
        let record = self.record;
        let ended = matches!(record.state, FlowState::Closed | FlowState::Reset | FlowState::Refused) || record.facts.tls.alert.is_some();
        let facts = &record.facts;
        ended && !record.began_before && !record.evicted && facts.gap.is_none() && facts.truncated.is_none() && record.unseen_end.is_none()
    }

    /// Whether a name asked for, or else one answered for the peer's address, is one of the entry's.
    fn has_name_of(&self, entry: &Allow) -> bool {
        let asked = &self.record.facts.names;
        if asked.is_empty() {
            self.answered_names().any(|name| entry.covers_name(name))
        } else {
            asked.iter().any(|read| entry.covers_name(&read.name))
        }
    }

    /// Whether an entry would permit this inbound flow if it spoke the right protocol, and what would have shown which it speaks is missing.
    #[must_use]
    pub fn may_be_permitted_inbound(&self) -> bool {
        let facts = &self.record.facts;
        let told = facts.unrecognised.into_iter().chain(facts.cleartext.map(|(_, at)| at)).map(|at| at.frame).min();
        let lost = facts.gap.into_iter().chain(facts.truncated).map(|(_, at)| at.frame).min();
        let is_lost = self.record.unseen_end.is_some() || lost.is_some_and(|lost| told.is_none_or(|told| lost <= told));
        let is_unknown = self.direction == Direction::Inbound && self.inbound.is_none() && self.protocol().is_none();
        is_unknown && is_lost && self.policy.inbound.iter().any(|entry| self.reaches(entry))
    }

    fn is_permitted_by(&self, entry: &Inbound) -> bool {
        self.reaches(entry) && self.speaks_one_of(&entry.protocols, !entry.ports.is_empty())
    }

    /// Whether an inbound flow comes from where an entry says, to a port that it names.
    fn reaches(&self, entry: &Inbound) -> bool {
        let (peer, agent) = (self.peer(), self.agent_endpoint());
        let from = entry.from.is_empty() || entry.from.iter().any(|net| net.contains(&self.policy.nat64.canonical(peer.ip)));
        let has_port = matches!(self.record.transport, Transport::Tcp | Transport::Udp | Transport::Sctp);
        let port = entry.ports.is_empty() || has_port && entry.ports.iter().any(|range| range.contains(&agent.port));
        let transport = entry.transport.is_none_or(|only| only == self.record.transport);
        from && port && transport && entry.when.as_ref().is_none_or(|when| when.holds(agent.ip, self.record.first.at))
    }

    /// Whether an inbound flow speaks one of these protocols. A flow that ended before it could say which is judged by its port alone.
    fn speaks_one_of(&self, protocols: &[String], port_named: bool) -> bool {
        let is_ping = matches!(self.record.transport, Transport::Icmp | Transport::Icmp6);
        if is_ping {
            return self.record.basis == Basis::Handshake && protocols.iter().any(|word| word == "icmp-echo");
        }
        let prologue = self.record.facts.prologue.map(|(protocol, _)| protocol);
        match self.protocol() {
            _ if protocols.is_empty() => port_named,
            Some(protocol) => protocols.iter().any(|word| word == protocol || Some(word.as_str()) == prologue),
            None => port_named && !self.record.has_payload(),
        }
    }
}
