//! A flow as the judge sees it: who spoke with whom, what was seen of it, and what was read in it.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, LazyLock};

use super::on_demand::{Nothing, OnDemand};
use super::{
    Basis, CertificateShown, Cleartext, End, Endpoint, Fact, FrameId, Hidden, Layer, Locus, Name, NameSource, Observation, Resolution,
    Text, Timestamp, TlsFacts, Transport, Upgrade,
};
use crate::limits;

/// Everything that is known of one flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowRecord {
    /// The protocol above IP.
    pub transport: Transport,
    /// The two ends: `ends[End::A.index()]` is the lower endpoint.
    pub ends: [Endpoint; 2],
    /// Which ends are agents of the audit.
    pub agents: [bool; 2],
    /// Who opened it, and by what that is known.
    pub initiator: Option<End>,
    /// What the initiator is known by.
    pub basis: Basis,
    /// How far the conversation went.
    pub state: FlowState,
    /// Its first frame.
    pub first: Locus,
    /// The time of its last frame; never before the first's.
    pub last: Timestamp,
    /// What each end sent.
    pub sent: [Tally; 2],
    /// The first frame by which each end took part: for TCP, other than by its opening SYN or a reset.
    pub answered: [Option<Locus>; 2],
    /// Checksums of what each end sent, as far as they were looked at.
    pub checksums: [Checksums; 2],
    /// Both ends sent a SYN.
    pub simultaneous_open: bool,
    /// The start was not seen: no SYN of a TCP flow.
    pub began_before: bool,
    /// The end, if any, of which nothing was captured though the other's packets show that it spoke.
    pub unseen_end: Option<End>,
    /// Memory limits forced it out before it ended.
    pub evicted: bool,
    /// An ICMP error quoted this flow and no packet of it was ever seen.
    pub quoted_only: bool,
    /// The tunnels that its first packet lay in, outermost first.
    pub tunnel: Vec<Layer>,
    /// It is of messages of ICMP that are no echo.
    pub is_message: bool,
    /// It is itself a tunnel, all of whose payload was opened and judged as flows of their own.
    pub is_tunnel: bool,
    /// What was read in it.
    pub facts: Facts,
}

/// How far a conversation went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlowState {
    /// Asked and never answered.
    #[default]
    Attempted,
    /// Asked and turned away (RST, ICMP unreachable).
    Refused,
    /// Both ends took part, and it did not end.
    Established,
    /// Ended by FIN of both ends.
    Closed,
    /// Ended by RST.
    Reset,
    /// Its start was not seen.
    Partial,
}

impl FlowState {
    /// The contract's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attempted => "attempted",
            Self::Refused => "refused",
            Self::Established => "established",
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::Partial => "partial",
        }
    }
}

/// What was shown of a flow's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encryption {
    /// Shown to be encrypted, by its handshake.
    Encrypted,
    /// In the clear.
    Plaintext,
    /// Part of it in the clear, part shown to be encrypted.
    Mixed,
    /// Neither shown to be encrypted nor known to be plaintext.
    Unrecognized,
    /// There was none.
    None,
}

impl Encryption {
    /// The contract's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Encrypted => "encrypted",
            Self::Plaintext => "plaintext",
            Self::Mixed => "mixed",
            Self::Unrecognized => "unrecognized",
            Self::None => "none",
        }
    }
}

/// Packets and bytes that one end sent: IP packets, and bytes of payload on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Packets.
    pub packets: u64,
    /// Bytes of payload above the transport.
    pub bytes: u64,
}

/// Checksums that were looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checksums {
    /// Those that are right.
    pub good: u32,
    /// Those that are not, as where they are left to the card.
    pub bad: u32,
}

/// The facts of a flow, folded: first sightings with their place. See [`Fact`] for what each means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowFacts {
    /// The innermost protocol, and where it was recognised.
    pub protocol: Option<(&'static str, Locus)>,
    /// Names asked for, outermost first.
    pub names: Vec<NameRead>,
    /// The opening was read whole and asked for no name.
    pub no_name: Option<Locus>,
    /// What the handshake settled.
    pub tls: TlsFacts,
    /// The handshake began.
    pub handshake_begun: Option<Locus>,
    /// The handshake finished.
    pub handshake_finished: Option<Locus>,
    /// Protected application data.
    pub protected_data: Option<Locus>,
    /// Shown to be encrypted.
    pub encrypted: Option<Locus>,
    /// Payload in the clear.
    pub cleartext: Option<(Cleartext, Locus)>,
    /// The protocol that was spoken there, which may not be the innermost.
    pub cleartext_protocol: Option<&'static str>,
    /// Payload that is neither.
    pub unrecognised: Option<Locus>,
    /// Payload whose cipher no packet shows.
    pub cipher_unseen: Option<Box<Locus>>,
    /// The first DNS transactions, at most [`limits::DNS_PER_FLOW`].
    pub dns: Vec<DnsTransaction>,
    /// Transactions beyond those.
    pub dns_more: u64,
    /// What few flows have.
    pub rare: OnDemand<RareFacts>,
}

/// The facts that few flows have: they are read and written as if they stood in [`FlowFacts`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RareFacts {
    /// A name that cannot be read.
    pub name_hidden: Option<(Hidden, Locus)>,
    /// The encrypted_client_hello extension was sent, and which key it means.
    pub ech: Option<(Option<u8>, Locus)>,
    /// `host:port` of the first HTTP CONNECT.
    pub connect: Option<(Text, Locus)>,
    /// `host:port` first asked of SOCKS.
    pub socks: Option<(Text, Locus)>,
    /// Credentials for a proxy in the clear.
    pub proxy_credentials: Option<Locus>,
    /// Credentials for a service in the clear.
    pub credentials: Option<Locus>,
    /// It began in the clear, in this protocol, which may go on to TLS.
    pub prologue: Option<(&'static str, Locus)>,
    /// How far an upgrade to TLS came.
    pub upgrade: Option<(Upgrade, Locus)>,
    /// Answers that nobody was seen to ask for.
    pub unasked: Vec<DnsTransaction>,
    /// The first request in the clear.
    pub http: Option<HttpRequest>,
    /// A request in the clear was written for a proxy.
    pub http_proxied: Option<Locus>,
    /// Other hosts that later requests ask for.
    pub http_hosts: Vec<Name>,
    /// The paths that requests ask for, each once, without their queries.
    pub http_paths: Vec<Text>,
    /// There are more of them, or one was too long.
    pub http_paths_more: bool,
    /// Bytes missing where evidence would be, and where first.
    pub gap: Option<(u64, Locus)>,
    /// Conflicting bytes.
    pub overlap: Option<Locus>,
    /// Conflicting bytes that were passed over for their bad checksum.
    pub bad_copy: Option<Locus>,
    /// Bytes cut by the snap length where evidence would be.
    pub truncated: Option<(u64, Locus)>,
    /// Bytes missing, by the end that sent them.
    pub bytes_missing: [u64; 2],
    /// Bytes cut, by the end that sent them.
    pub bytes_cut: [u64; 2],
    /// Packets of which bytes were cut where evidence would be.
    pub packets_cut: u64,
    /// Something malformed.
    pub malformed: Option<(String, Locus)>,
    /// A bound that ended inspection.
    pub limit: Option<(String, Locus)>,
}

/// The facts of a flow, which take no memory until there is one: most flows of a scan say nothing.
pub type Facts = OnDemand<FlowFacts>;

impl Nothing for FlowFacts {
    fn nothing() -> &'static Self {
        static NOTHING: LazyLock<FlowFacts> = LazyLock::new(FlowFacts::default);
        &NOTHING
    }
}

impl Nothing for RareFacts {
    fn nothing() -> &'static Self {
        static NOTHING: LazyLock<RareFacts> = LazyLock::new(RareFacts::default);
        &NOTHING
    }
}

impl Facts {
    /// Bytes of memory held, roughly: what the budget is charged.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.made().map_or(0, |facts| size_of::<FlowFacts>() + facts.heap_bytes())
    }
}

impl Deref for FlowFacts {
    type Target = RareFacts;
    fn deref(&self) -> &RareFacts {
        &self.rare
    }
}

impl DerefMut for FlowFacts {
    fn deref_mut(&mut self) -> &mut RareFacts {
        &mut self.rare
    }
}

/// A name that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRead {
    /// The name.
    pub name: Name,
    /// By what means.
    pub source: NameSource,
    /// The port asked of a proxy with it.
    pub port: Option<u16>,
    /// Where.
    pub at: Locus,
}

/// A question and, where it came, its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsTransaction {
    /// The name asked for.
    pub name: Name,
    /// The type asked for.
    pub qtype: u16,
    /// Where it was asked.
    pub at: Locus,
    /// The answer.
    pub answer: Option<Arc<Resolution>>,
}

/// The first request of a flow in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method.
    pub method: Text,
    /// The host asked for.
    pub host: Option<Name>,
    /// Where.
    pub at: Locus,
}

impl FlowRecord {
    /// A flow of one frame, of which nothing is known but that, and which no agent takes part in.
    #[must_use]
    pub fn new(transport: Transport, ends: [Endpoint; 2], first: Locus) -> Self {
        Self {
            transport,
            ends,
            agents: [false; 2],
            initiator: None,
            basis: Basis::Unknown,
            state: FlowState::Attempted,
            first,
            last: first.at,
            sent: Default::default(),
            answered: [None; 2],
            checksums: Default::default(),
            simultaneous_open: false,
            began_before: false,
            unseen_end: None,
            evicted: false,
            quoted_only: false,
            tunnel: Vec::new(),
            is_message: false,
            is_tunnel: false,
            facts: Facts::default(),
        }
    }

    /// The initiator's endpoint; the lower one where nobody is known to have opened it.
    #[must_use]
    pub fn initiator_endpoint(&self) -> Endpoint {
        self.ends[self.initiator.unwrap_or(End::A).index()]
    }

    /// The responder's endpoint.
    #[must_use]
    pub fn responder_endpoint(&self) -> Endpoint {
        self.ends[(!self.initiator.unwrap_or(End::A)).index()]
    }

    /// Whether this is a SYN, or several, that nothing came of: refused or ignored, and seen from its start to its end.
    #[must_use]
    pub fn is_bare_attempt(&self) -> bool {
        let unanswered = matches!(self.state, FlowState::Attempted | FlowState::Refused) && self.answered == [None; 2];
        let whole = !self.began_before && !self.evicted && !self.quoted_only && self.unseen_end.is_none();
        let plain = self.transport == Transport::Tcp && self.basis == Basis::Syn && !self.simultaneous_open;
        plain && unanswered && whole && self.facts.made().is_none() && !self.has_payload()
    }

    /// Whether anything of it may be missing, cut, contradictory or beyond a limit: it began before the capture, or has some fact that few flows
    /// have.
    #[must_use]
    pub fn is_clouded(&self) -> bool {
        self.began_before || self.evicted || self.unseen_end.is_some() || self.facts.rare.made().is_some()
    }

    /// Whether any payload was seen in either direction.
    #[must_use]
    pub fn has_payload(&self) -> bool {
        self.sent.iter().any(|sent| sent.bytes > 0)
    }

    /// What was shown of the payload. An echo's counts as payload only where it was found to be more than a ping's.
    #[must_use]
    pub fn encryption(&self) -> Encryption {
        let facts = &self.facts;
        let is_icmp = matches!(self.transport, Transport::Icmp | Transport::Icmp6);
        match (facts.cleartext.is_some(), facts.encrypted.is_some()) {
            (true, true) => Encryption::Mixed,
            // in the clear, for all that was seen of it
            (false, false) if facts.prologue.is_some() && facts.handshake_begun.is_none() && facts.unrecognised.is_none() => {
                Encryption::Plaintext
            }
            (true, false) => Encryption::Plaintext,
            (false, true) if facts.unrecognised.is_some() || facts.cipher_unseen.is_some() => Encryption::Unrecognized,
            (false, true) => Encryption::Encrypted,
            (false, false) if facts.unrecognised.is_none() && (is_icmp || self.is_tunnel || !self.has_payload()) => Encryption::None,
            (false, false) => Encryption::Unrecognized,
        }
    }

    /// The frame that an example of this flow shows first.
    #[must_use]
    pub fn first_frame(&self) -> FrameId {
        self.first.frame
    }
}

impl FlowFacts {
    /// Takes one observation in. First sightings win; the protocol and the names grow inward.
    pub fn fold(&mut self, seen: Observation) {
        let at = seen.at;
        let first = |slot: &mut Option<Locus>| _ = slot.get_or_insert(at);
        match seen.fact {
            Fact::Protocol(name) => self.protocol = Some((name, at)),
            Fact::Opener(_) | Fact::OpenerUnseen => {} // the flow table's: it decides who the initiator is
            Fact::ServerName { name, source } => {
                self.name(NameRead { name, source, port: None, at });
            }
            Fact::NoServerName => first(&mut self.no_name),
            Fact::NameHidden(why) => _ = self.name_hidden.get_or_insert((why, at)),
            Fact::Proxied { target, name, port, by } => {
                let slot = if by == NameSource::Socks { &mut self.socks } else { &mut self.connect };
                slot.get_or_insert((target, at));
                self.name(NameRead { name, source: by, port, at });
            }
            Fact::ProxyCredentials => first(&mut self.proxy_credentials),
            Fact::Prologue => self.prologue = self.protocol.map(|(name, _)| (name, at)),
            Fact::Upgrade(how) if self.upgrade.is_none_or(|(known, _)| how > known) => self.upgrade = Some((how, at)),
            Fact::Upgrade(_) => {}
            Fact::Credentials => first(&mut self.credentials),
            Fact::Version(version) => self.tls.version = Some((version, at)),
            Fact::CipherSuite(suite) => self.tls.cipher = Some((suite, at)),
            Fact::Alpn(protocol) => {
                if self.tls.alpn.len() < limits::ALPN_PER_FLOW && !self.tls.alpn.contains(&protocol) {
                    self.tls.alpn.push(protocol);
                }
            }
            // the lane has read it
            Fact::CertificateMessage(_) => {}
            Fact::Certificate(shown) => match &mut self.tls.certificate {
                Some(known) => known.again(shown),
                none => *none = Some(Box::new(CertificateShown { shown, at })),
            },
            Fact::Resumed => self.tls.resumed = true,
            Fact::EchOffered(key) => _ = self.ech.get_or_insert((key, at)),
            Fact::HandshakeBegun => first(&mut self.handshake_begun),
            Fact::HandshakeFinished => first(&mut self.handshake_finished),
            Fact::ProtectedData => first(&mut self.protected_data),
            Fact::Alert(alert) => {
                self.tls.details.get_or_insert_default().alert(alert, at);
                if alert.ends() {
                    self.tls.alert.get_or_insert((alert, at));
                }
            }
            Fact::Detail(detail) => self.tls.details.get_or_insert_default().fold(detail, at),
            Fact::Encrypted => first(&mut self.encrypted),
            // text that is not even of the flow's protocol is the graver sighting
            Fact::Cleartext(how) if self.cleartext.is_none_or(|(known, _)| how > known) => {
                self.cleartext = Some((how, at));
                self.cleartext_protocol = self.protocol.map(|(name, _)| name);
            }
            Fact::Cleartext(_) => {}
            Fact::Unrecognised => first(&mut self.unrecognised),
            Fact::CipherUnseen => _ = self.cipher_unseen.get_or_insert_with(|| Box::new(at)),
            Fact::Asked { name, qtype } => {
                if self.dns.len() < limits::DNS_PER_FLOW {
                    if self.dns.capacity() == 0 {
                        // most flows ask one question
                        self.dns.reserve_exact(1);
                    }
                    self.dns.push(DnsTransaction { name, qtype, at, answer: None });
                } else {
                    self.dns_more += 1;
                }
            }
            Fact::Resolved(answer) => {
                let open = |t: &&mut DnsTransaction| t.answer.is_none() && t.name == answer.name && t.qtype == answer.qtype;
                if let Some(asked) = self.dns.iter_mut().find(open) {
                    asked.answer = Some(answer);
                }
            }
            Fact::Unasked(answer) => {
                if self.unasked.len() < limits::DNS_PER_FLOW {
                    let (name, qtype) = (answer.name.clone(), answer.qtype);
                    self.unasked.push(DnsTransaction { name, qtype, at, answer: Some(answer) });
                }
            }
            Fact::Http { method, host, path } => {
                self.path(path);
                self.request(method, host, at);
            }
            Fact::AbsoluteTarget => first(&mut self.http_proxied),
            Fact::Gap { bytes } => {
                let (sum, _) = self.gap.get_or_insert((0, at));
                *sum = sum.saturating_add(bytes);
                let of_end = &mut self.bytes_missing[at.end.index()];
                *of_end = of_end.saturating_add(bytes);
            }
            Fact::Overlap => first(&mut self.overlap),
            Fact::BadCopy => first(&mut self.bad_copy),
            Fact::Truncated { bytes } => {
                let (sum, _) = self.truncated.get_or_insert((0, at));
                *sum = sum.saturating_add(bytes);
                let of_end = &mut self.bytes_cut[at.end.index()];
                *of_end = of_end.saturating_add(bytes);
                self.packets_cut += 1;
            }
            Fact::Malformed(what) => _ = self.malformed.get_or_insert((what, at)),
            Fact::Limit(which) => _ = self.limit.get_or_insert((which, at)),
        }
    }

    fn request(&mut self, method: Text, host: Option<Name>, at: Locus) {
        match (&self.http, host) {
            (None, host) => self.http = Some(HttpRequest { method, host, at }),
            (Some(first), Some(host)) if first.host.as_ref() != Some(&host) && !self.http_hosts.contains(&host) => {
                if self.http_hosts.len() < limits::NAMES_PER_FLOW {
                    self.http_hosts.push(host);
                } else {
                    self.limit.get_or_insert(("hosts of requests".to_owned(), at));
                }
            }
            _ => {}
        }
    }

    fn path(&mut self, path: Option<Text>) {
        match path {
            Some(path) if self.http_paths.contains(&path) => {}
            Some(path) if self.http_paths.len() < limits::PATHS_PER_FLOW => self.http_paths.push(path),
            _ => self.http_paths_more = true,
        }
    }

    fn name(&mut self, read: NameRead) {
        let known = self.names.iter().any(|other| (&other.name, other.source, other.port) == (&read.name, read.source, read.port));
        if !known && self.names.len() < limits::NAMES_PER_FLOW {
            if self.names.capacity() == 0 {
                // most flows ask for one name
                self.names.reserve_exact(1);
            }
            self.names.push(read);
        }
    }

    /// What was first asked of a proxy, where one was asked.
    #[must_use]
    pub fn proxied(&self) -> Option<&Text> {
        let first = |a: &'_ &(Text, Locus)| a.1.frame;
        self.connect.iter().chain(&self.socks).min_by_key(first).map(|(target, _)| target)
    }

    /// Bytes of memory beyond the struct itself, roughly: what the budget is charged.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let names: usize = self.names.iter().map(|read| size_of::<NameRead>() + read.name.as_str().len()).sum();
        let answers = |t: &DnsTransaction| t.answer.as_ref().map_or(0, |answer| answer.heap_bytes());
        let dns: usize = self.dns.iter().map(|t| size_of::<DnsTransaction>() + 128 + t.name.as_str().len() + answers(t)).sum();
        let hosts: usize = self.http_hosts.iter().map(|host| size_of::<Name>() + host.as_str().len()).sum();
        let paths: usize = self.http_paths.iter().map(|path| size_of::<Text>() + path.as_str().len()).sum();
        let rare = self.rare.made().map_or(0, |_| size_of::<RareFacts>());
        let details = self.tls.details.as_ref().map_or(0, |details| details.heap_bytes());
        let certificate = self.tls.certificate.as_ref().map_or(0, |certificate| certificate.heap_bytes());
        names + dns + hosts + paths + rare + details + certificate + self.tls.alpn.len() * 32
    }
}
