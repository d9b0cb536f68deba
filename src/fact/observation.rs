//! What an inspector can say. Rules ask these facts and never which inspector said them, so that a protocol added tomorrow is judged
//! by the rules of today.

use std::net::IpAddr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Alert, Chain, CipherSuite, Detail, End, Locus, Name, Service, Text, TlsVersion, Unread};

/// A fact and where it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// What was read.
    pub fact: Fact,
    /// Where.
    pub at: Locus,
}

/// Something that was established about a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The flow speaks this protocol. Said once a layer, outermost first; the last is the flow's protocol.
    Protocol(&'static str),
    /// The protocol shows that this end opened the conversation (it sent a ClientHello, a query, a request).
    Opener(End),
    /// What the opener said first was not seen, so that the first packet which was shows nothing of who opened the conversation.
    OpenerUnseen,
    /// A name was asked for.
    ServerName {
        /// The name.
        name: Name,
        /// By what means.
        source: NameSource,
    },
    /// The opening message was read whole, and asks for no name.
    NoServerName,
    /// A name would stand here and cannot be read.
    NameHidden(Hidden),
    /// A proxy was asked for a destination: what follows in the flow goes there.
    Proxied {
        /// `host:port`, as it was asked for.
        target: Text,
        /// The host.
        name: Name,
        /// The port, where it is one.
        port: Option<u16>,
        /// How the proxy was asked: [`NameSource::Connect`] or [`NameSource::Socks`].
        by: NameSource,
    },
    /// Credentials for a proxy passed in the clear. What they are is never kept.
    ProxyCredentials,
    /// Credentials for a service passed in the clear. What they are is never kept.
    Credentials,
    /// The flow began in the clear, in a protocol that may go on to TLS: greetings, and what is said about the upgrade.
    Prologue,
    /// How far an upgrade to TLS within the flow has come.
    Upgrade(Upgrade),
    /// The version that the responder chose.
    Version(TlsVersion),
    /// The cipher suite that the responder chose.
    CipherSuite(CipherSuite),
    /// The responder's Certificate message as it was sent, without its header. The lane reads it, and says [`Fact::Certificate`] instead.
    CertificateMessage(Box<[u8]>),
    /// What the responder showed of who it is, or why that could not be read.
    Certificate(Result<Arc<Chain>, Unread>),
    /// An application protocol offered by the opener, in its order.
    Alpn(Text),
    /// The session was resumed.
    Resumed,
    /// The opener sent the encrypted_client_hello extension, real or grease, which means this key, where that could be read.
    EchOffered(Option<u8>),
    /// An encryption handshake began.
    HandshakeBegun,
    /// The handshake was seen to finish: from here on both ends send ciphertext.
    HandshakeFinished,
    /// Protected application data was seen (its framing, not its content).
    ProtectedData,
    /// An alert that could be read.
    Alert(Alert),
    /// Something about a TLS session that no rule asks for.
    Detail(Detail),
    /// This flow's payload is shown to be encrypted, by its handshake.
    Encrypted,
    /// Payload in the clear.
    Cleartext(Cleartext),
    /// Payload that is neither shown to be encrypted nor known to be plaintext.
    Unrecognised,
    /// Payload that keeps to the framing of a protocol that can encrypt, where no packet shows whether it does: its cipher was agreed on out
    /// of sight and may be none. A policy may vouch for it.
    CipherUnseen,
    /// A name was asked of a resolver.
    Asked {
        /// The name.
        name: Name,
        /// The record type (1 A, 28 AAAA, 65 HTTPS, ...).
        qtype: u16,
    },
    /// A resolver answered a question that was seen.
    Resolved(Arc<Resolution>),
    /// A resolver answered what nobody was seen to ask: listed, and never believed.
    Unasked(Arc<Resolution>),
    /// A request in the clear has an absolute target, as only a proxy is asked (RFC 9112 section 3.2.2).
    AbsoluteTarget,
    /// A request in the clear.
    Http {
        /// The method.
        method: Text,
        /// The host asked for, from the Host header or the absolute target.
        host: Option<Name>,
        /// The path asked for, without its query; none where it is too long.
        path: Option<Text>,
    },
    /// This many bytes are missing from the stream where evidence would be.
    Gap {
        /// Bytes missing.
        bytes: u64,
    },
    /// A segment repeats bytes already read, and differs from them.
    Overlap,
    /// So does one whose checksum is bad, where its sender's others are good: it was passed over.
    BadCopy,
    /// The snap length cut this many bytes where evidence would be.
    Truncated {
        /// Bytes missing.
        bytes: u64,
    },
    /// A message is malformed in this way; what could be read of it was.
    Malformed(String),
    /// A bound of `limits` was hit, and inspection of this flow ended there.
    Limit(String),
}

impl Fact {
    /// Whether it sets a mark in facts that are kept already, so that they hold no more memory than before.
    #[must_use]
    pub fn is_mark(&self) -> bool {
        matches!(
            self,
            Self::Protocol(_)
                | Self::Opener(_)
                | Self::OpenerUnseen
                | Self::NoServerName
                | Self::AbsoluteTarget
                | Self::Version(_)
                | Self::CipherSuite(_)
                | Self::HandshakeBegun
                | Self::HandshakeFinished
                | Self::ProtectedData
                | Self::Encrypted
                | Self::Unrecognised
        )
    }
}

/// By what means a name was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NameSource {
    /// server_name of a TLS ClientHello (RFC 6066).
    Sni,
    /// server_name of a QUIC ClientHello.
    QuicSni,
    /// The target of an HTTP CONNECT.
    Connect,
    /// The target asked of a SOCKS proxy.
    Socks,
    /// Only a DNS answer names the address.
    Dns,
}

impl NameSource {
    /// Whether a proxy was asked for the name.
    #[must_use]
    pub fn is_proxy(self) -> bool {
        matches!(self, Self::Connect | Self::Socks)
    }
}

/// How far an upgrade to TLS within a flow has come (STARTTLS and its kin).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Upgrade {
    /// The responder said that it can.
    Offered,
    /// It was asked for.
    Asked,
    /// It was asked for and refused.
    Refused,
    /// It was agreed on: TLS follows.
    Agreed,
}

/// Why a name cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Hidden {
    /// Its place was lost, cut, or lies beyond a malformed field.
    NotSeen,
    /// Several names, an empty one, or one that is no host name.
    Odd,
}

/// How payload is known to be in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Cleartext {
    /// The flow's protocol is one that does not encrypt.
    Protocol,
    /// A long readable run, of no known protocol.
    Readable,
    /// After a handshake, bytes that are no records.
    AfterHandshake,
    /// After a close_notify of that end, bytes that are no records.
    AfterClose,
    /// Text where an upgrade to TLS was agreed on and only TLS may follow, or behind the command that asks for it.
    BehindUpgrade,
}

/// A resolver's answer to a question that was seen in the same flow (same id, same name and type).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// The name asked for.
    pub name: Name,
    /// The type asked for.
    pub qtype: u16,
    /// The response code (0 NOERROR, 3 NXDOMAIN, ...; RFC 6895).
    pub rcode: u16,
    /// The TC bit: the answer is to be had over TCP.
    pub truncated: bool,
    /// The least TTL of the records of the answer section, in seconds, where there are any (RFC 2181 section 8).
    pub ttl: Option<u32>,
    /// Bytes of data in the records of the answer section other than addresses: what they could carry.
    pub carried: u32,
    /// The records of the answer section that belong to the name: its CNAME chain, in order, then its data.
    pub answers: Vec<DnsData>,
}

impl Resolution {
    /// The addresses at the end of the chain, hints of services among them.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        fn of(data: &DnsData) -> &[IpAddr] {
            match data {
                DnsData::Address(ip) => std::slice::from_ref(ip),
                DnsData::Service(service) => &service.hints[..],
                _ => &[],
            }
        }
        self.answers.iter().flat_map(of).copied()
    }

    /// Bytes of memory that services hold, roughly.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.services().map(Service::heap_bytes).sum()
    }

    /// The services of the last name of the chain.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.answers.iter().filter_map(|data| if let DnsData::Service(service) = data { Some(&**service) } else { None })
    }

    /// The canonical names that the chain passes through, and those of services.
    pub fn targets(&self) -> impl Iterator<Item = &Name> {
        fn of(data: &DnsData) -> Option<&Name> {
            match data {
                DnsData::Target(name) => Some(name),
                DnsData::Service(service) => service.target.as_ref(),
                _ => None,
            }
        }
        self.answers.iter().filter_map(of)
    }
}

/// What one record of an answer says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DnsData {
    /// A or AAAA.
    Address(IpAddr),
    /// CNAME (and DNAME's synthesised ones).
    Target(Name),
    /// SVCB or HTTPS.
    Service(Box<Service>),
    /// Any other type, by number.
    Other(u16),
}
