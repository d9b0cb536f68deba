//! Inspectors: one file a protocol. An inspector sees the bytes of both ends of one flow, in order, and says facts. It knows neither
//! packets nor policies and has no opinion on what it reads.
//!
//! [`PROTOCOLS`] is the one list: a protocol added there is probed, inspected, documented and tested. [`Inspection`] drives them for
//! one flow: it probes, keeps what an inspector could not use yet, follows handovers, and falls back to the one general proof of
//! plaintext, a long readable run ([`readable`]).

mod adb;
mod amqp;
mod cassandra;
pub mod certificate;
mod dns;
mod drive;
mod dtls;
mod esp;
mod ftp;
mod gquic;
mod hello;
mod http;
mod http2;
mod ike;
mod imap;
mod irc;
mod kafka;
mod kerberos;
mod ldap;
mod lines;
mod memcached;
mod mongodb;
mod mqtt;
mod mysql;
mod nats;
mod nntp;
mod ntp;
mod openvpn;
mod pieces;
mod pop3;
mod postgresql;
mod proxy_protocol;
mod quic;
mod radius;
mod rdp;
pub mod readable;
mod redis;
mod rpc;
mod rsync;
mod rtsp;
mod saved;
mod sieve;
mod sighted;
mod sip;
mod smb;
mod smtp;
mod socks;
mod ssh;
mod syslog;
mod tailscale;
mod tds;
mod telnet;
mod tls;
mod vnc;
mod wireguard;
mod xmpp;
mod zabbix;

pub use crate::fact::Finish;
pub use certificate::Roots;
pub use dns::Exchange;
pub use drive::Inspection;

use crate::fact::{Cleartext, End, Fact, Locus, Observation};

/// Every protocol that is recognised, in the order in which they are asked.
pub static PROTOCOLS: &[&Protocol] = &[
    &tls::TLS,
    &http::HTTP,
    &http2::HTTP2,
    &ssh::SSH,
    &socks::SOCKS,
    &proxy_protocol::PROXY_PROTOCOL,
    &smtp::SMTP,
    &imap::IMAP,
    &pop3::POP3,
    &ftp::FTP,
    &nntp::NNTP,
    &sieve::SIEVE,
    &irc::IRC,
    &xmpp::XMPP,
    &ldap::LDAP,
    &postgresql::POSTGRESQL,
    &mysql::MYSQL,
    &tds::TDS,
    &nats::NATS,
    &vnc::VNC,
    &rdp::RDP,
    &amqp::AMQP,
    &adb::ADB,
    &telnet::TELNET,
    &smb::SMB,
    &redis::REDIS,
    &mqtt::MQTT,
    &mongodb::MONGODB,
    &kafka::KAFKA,
    &memcached::MEMCACHED,
    &rtsp::RTSP,
    &dns::OVER_UDP,
    &quic::QUIC,
    &sip::OVER_TCP,
    &sip::OVER_UDP,
    &rpc::RPC,
    &cassandra::CASSANDRA,
    &kerberos::OVER_TCP,
    &rsync::RSYNC,
    &zabbix::ZABBIX,
    &dtls::OVER_UDP,
    &dtls::OVER_SCTP,
    &wireguard::WIREGUARD,
    &tailscale::TAILSCALE,
    &ike::IKE,
    &esp::ESP,
    &openvpn::OVER_UDP,
    &openvpn::OVER_TCP,
    &dns::OVER_TCP,
    &ntp::NTP,
    &kerberos::OVER_UDP,
    &radius::RADIUS,
    &gquic::GQUIC,
    &syslog::OVER_UDP,
    &syslog::OVER_TCP,
];

/// A protocol and how it is recognised, read and resumed.
pub struct Protocol {
    /// Its name in records and policies: lower case, as in `plaintext = ["http"]`.
    pub name: &'static str,
    /// What carries it.
    pub carrier: Carrier,
    /// How it is recognised, in a few words, for the documentation.
    pub recognised_by: &'static str,
    /// What is read in it, in a few words, for the documentation.
    pub reads: &'static str,
    /// What of it counts as encrypted, in a few words, for the documentation.
    pub encrypted: &'static str,
    /// Whether the opening bytes are its own.
    pub probe: fn(&Opening<'_>) -> Probe,
    /// A fresh inspector.
    pub open: fn() -> Box<dyn Inspector>,
    /// An inspector as [`Inspector::save`] wrote it; `None` where the bytes are not of this version.
    pub load: fn(&[u8]) -> Option<Box<dyn Inspector>>,
}

/// What carries a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// In-order bytes: TCP.
    Stream,
    /// Datagrams, each given whole: UDP.
    Datagram,
    /// User messages, each given whole: SCTP.
    Message,
    /// Packets of this IP protocol, each given whole.
    Packet(u8),
}

/// The first bytes of a flow, as far as they are known. Ports are not among them: they prove nothing.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// What the end that spoke first has said so far (for datagrams: the datagram at hand). Never empty.
    pub first: &'a [u8],
    /// What the other end has said so far.
    pub second: &'a [u8],
}

/// A probe's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Not this protocol, whatever follows.
    No,
    /// More bytes are needed.
    Maybe,
    /// This protocol.
    Yes,
}

/// Reads one flow of one protocol. Implementations are plain state: no clock, no I/O.
pub trait Inspector: Send {
    /// Bytes of `end` that follow what it last used. They are the flow's own slice where that is possible, and include again what was
    /// left unused. For datagrams: one whole datagram.
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress;

    /// `missing` bytes of `end` were lost or cut here. (The loss itself is already said.) Only [`Progress::Used`] goes on.
    fn gap(&mut self, end: End, missing: u64, seen: &mut Seen<'_>) -> Progress;
    /// The beginning of a datagram of `end` whose rest was cut, of which [`gap`](Self::gap) has told.
    fn beginning(&mut self, _: End, _: &[u8], _: &mut Seen<'_>) {}

    /// `end` will say no more.
    fn finish(&mut self, end: End, how: Finish, seen: &mut Seen<'_>);

    /// Whether everything that was asked so far has been answered, so that datagrams which fall silent now have said all. Only a protocol
    /// of questions and answers can tell.
    fn is_complete(&self) -> bool {
        false
    }

    /// Whether the flow is a session that silence does not end: datagrams may go on after minutes, and mean what they did.
    fn is_lasting(&self) -> bool {
        false
    }

    /// Whether bytes of the other end that were left unused can be used now, after those that were just given.
    fn unblocks(&mut self) -> bool {
        false
    }

    /// Whether all that it read leads to encryption and nothing else, so that bytes which wait for more when both ends are done were said to
    /// nobody.
    fn is_prologue(&self) -> bool {
        false
    }

    /// Bytes of memory held, roughly: what the budget is charged. What a small state takes, unless told otherwise.
    fn heap_bytes(&self) -> usize {
        256
    }

    /// Writes the state so that the protocol's `load` goes on from it as if nothing had happened.
    fn save(&self, out: &mut Vec<u8>);
}

/// What became of the bytes an inspector was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The first n are used; the rest is given again with more behind it. 0: more is needed.
    Used(usize),
    /// The next n bytes, counted from the first byte given and reaching beyond the last as a rule, are used or opaque by framing
    /// (the body of a protected record). They are never looked at, and loss wholly inside them is no gap.
    Skip(usize),
    /// n bytes are used, and both ends are probed afresh from there on (CONNECT, SOCKS).
    Handover(usize),
    /// n bytes are used, and both ends speak TLS from there on, or break what they agreed on (STARTTLS).
    Upgrade(usize),
    /// Nothing more is to be learnt from this flow.
    Settled,
    /// The bytes given do not keep to the protocol's framing. They are held against the general proof of plaintext, which is said in
    /// this way where it holds; otherwise they are unrecognised.
    Violation(Cleartext),
}

/// Where an inspector says what it read.
pub struct Seen<'a> {
    out: &'a mut Vec<Observation>,
    at: Locus,
    details: bool,
}

impl<'a> Seen<'a> {
    /// Collects into `out` what is read at `at`.
    pub fn new(out: &'a mut Vec<Observation>, at: Locus) -> Self {
        Self { out, at, details: false }
    }

    /// The same, where what only a flow's record shows is wanted or not.
    #[must_use]
    pub fn detailed(self, details: bool) -> Self {
        Self { details, ..self }
    }

    /// Whether what only a flow's record shows is wanted ([`Fact::Detail`]).
    #[must_use]
    pub fn wants_details(&self) -> bool {
        self.details
    }

    /// Says `fact`, read in the frame at hand.
    pub fn say(&mut self, fact: Fact) {
        self.out.push(Observation { fact, at: self.at });
    }

    /// How much was said so far, for [`Seen::leave_out`].
    #[must_use]
    pub fn said(&self) -> usize {
        self.out.len()
    }

    /// Takes back such facts of those that were said since [`Seen::said`] was asked.
    pub fn leave_out(&mut self, since: usize, is_meant: impl Fn(&Fact) -> bool) {
        let mut n = 0;
        self.out.retain(|observation| {
            n += 1;
            n <= since || !is_meant(&observation.fact)
        });
    }

    /// Where the bytes at hand end: the frame that completed them.
    #[must_use]
    pub fn at(&self) -> Locus {
        self.at
    }
}
