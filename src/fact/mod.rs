//! The vocabulary: what the rest of the program says to each other.
//!
//! Nothing here knows a protocol, a file format or a policy, and nothing here depends on another module of the crate. A capture is a
//! run of frames ([`FrameId`], [`Timestamp`]); a flow has two ends ([`End`]) which, once judged, are an initiator and a responder
//! ([`Side`]); an inspector says [`Fact`]s, each with the place it was read ([`Locus`]); the facts of one flow fold into a
//! [`FlowRecord`], which is all that the judge ever sees of it.

mod attempt;
mod certificate;
mod dns;
mod frame;
mod lookup;
mod name;
mod observation;
mod on_demand;
mod outer;
mod record;
mod service;
mod session;
mod sighting;
mod text;
mod time;
mod tls;

pub use attempt::Attempt;
pub use certificate::{AltName, Certificate, CertificateShown, Chain, Issuer, Trust, Unread};
pub use dns::{RecordType, ResponseCode};
pub use frame::{Block, FrameIndex, LinkType};
pub use lookup::Lookup;
pub use name::{Name, Text};
pub use observation::{Cleartext, DnsData, Fact, Hidden, NameSource, Observation, Resolution, Upgrade};
pub use on_demand::OnDemand;
pub use outer::{Layer, Tunnel, TunnelSeen};
pub use record::{Checksums, DnsTransaction, Encryption, Facts, FlowFacts, FlowRecord, FlowState, HttpRequest, NameRead, RareFacts, Tally};
pub use service::{EchConfig, Service};
pub use session::{ClientCertificate, Detail, EarlyData, Fingerprint, OddName, TlsDetails, TlsFacts};
pub use sighting::{Address, Jumps, Sighting, Sightings, Watched};
pub use text::{holds_run, is_plain_text};
pub use time::Timestamp;
pub use tls::{Alert, CipherSuite, Group, TlsVersion};

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Not;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A frame's place in the audit: the input it came from and its 1-based number there, as Wireshark shows it.
///
/// Ordered first by input, then by number, which is the order in which the audit reads them. 24 bits of input, 40 of number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FrameId(u64);

impl FrameId {
    /// The most inputs that one audit can name.
    pub const MAX_INPUT: u32 = (1 << 24) - 1;
    /// The highest frame number of one input.
    pub const MAX_NUMBER: u64 = (1 << 40) - 1;

    /// The frame `number` (from 1) of the input with index `input` (from 0). Both saturate at their limits.
    #[must_use]
    pub fn new(input: u32, number: u64) -> Self {
        Self(u64::from(input.min(Self::MAX_INPUT)) << 40 | number.min(Self::MAX_NUMBER))
    }

    /// The index of the input, from 0.
    #[must_use]
    pub fn input(self) -> u32 {
        (self.0 >> 40) as u32
    }

    /// The frame's number in its input, from 1.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0 & Self::MAX_NUMBER
    }
}

/// One end of a flow, by the order of its key: `A` is the lower endpoint. It never changes, unlike the [`Side`], which a late SYN may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum End {
    /// The lower endpoint of the key.
    A,
    /// The higher endpoint of the key.
    B,
}

impl End {
    /// 0 for `A`, 1 for `B`: for arrays with a slot an end.
    #[inline]
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }
}

impl Not for End {
    type Output = Self;
    fn not(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// Who opened the flow and who answered it (RFC 5103). Resolved once, when the flow is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The side that opened the flow.
    Initiator,
    /// The side that was asked.
    Responder,
}

impl Not for Side {
    type Output = Self;
    fn not(self) -> Self {
        match self {
            Self::Initiator => Self::Responder,
            Self::Responder => Self::Initiator,
        }
    }
}

/// Why an end says no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// It sent FIN, and all before it was given.
    Fin,
    /// The flow was reset.
    Reset,
    /// The flow was idle for its time-out.
    Idle,
    /// The capture ended.
    CaptureEnd,
    /// Memory was needed for others.
    Evicted,
}

/// What the initiator of a flow is known by, strongest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Its SYN was seen.
    Syn,
    /// The responder's SYN-ACK was seen.
    SynAck,
    /// The protocol shows it: the side of a handshake, the query bit of DNS, the type of an echo.
    Handshake,
    /// It sent the first packet that was seen.
    FirstPacket,
    /// It is the end without the well-known port.
    WellKnownPort,
    /// Nothing shows it.
    #[default]
    Unknown,
}

/// The protocol above IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Transport {
    /// TCP (RFC 9293).
    Tcp,
    /// UDP (RFC 768).
    Udp,
    /// ICMP (RFC 792).
    Icmp,
    /// ICMPv6 (RFC 4443).
    Icmp6,
    /// SCTP (RFC 9260).
    Sctp,
    /// Any other, by its protocol number.
    Other(u8),
}

impl Transport {
    /// The transport of an IP protocol number.
    #[must_use]
    pub fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Icmp,
            6 => Self::Tcp,
            17 => Self::Udp,
            58 => Self::Icmp6,
            132 => Self::Sctp,
            n => Self::Other(n),
        }
    }

    /// The IP protocol number.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Icmp => 1,
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Icmp6 => 58,
            Self::Sctp => 132,
            Self::Other(n) => n,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp => f.write_str("tcp"),
            Self::Udp => f.write_str("udp"),
            Self::Icmp => f.write_str("icmp"),
            Self::Icmp6 => f.write_str("icmp6"),
            Self::Sctp => f.write_str("sctp"),
            Self::Other(2) => f.write_str("igmp"),
            Self::Other(4) => f.write_str("ipip"),
            Self::Other(41) => f.write_str("ipv6"),
            Self::Other(47) => f.write_str("gre"),
            Self::Other(50) => f.write_str("esp"),
            Self::Other(51) => f.write_str("ah"),
            Self::Other(n) => write!(f, "ip-proto-{n}"),
        }
    }
}

/// An address and a port; the port is 0 where the transport has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Endpoint {
    /// The address, IPv4-mapped IPv6 kept as it was on the wire.
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip {
            // findings hold many of these, and each part that goes through the formatter costs as much as all of it
            IpAddr::V4(ip) => f.write_str(dotted(ip, Some(self.port), &mut [0; 21])),
            IpAddr::V6(ip) => write!(f, "[{ip}]:{}", self.port),
        }
    }
}

/// An IPv4 address as text, with a port behind it or without.
#[must_use]
pub fn dotted(ip: Ipv4Addr, port: Option<u16>, text: &mut [u8; 21]) -> &str {
    let mut length = 0;
    for (n, octet) in ip.octets().into_iter().enumerate() {
        length = if n > 0 { put(text, length, b'.') } else { length };
        length = decimal(text, length, octet.into());
    }
    if let Some(port) = port {
        length = put(text, length, b':');
        length = decimal(text, length, port);
    }
    text.get(..length).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default()
}

fn decimal(text: &mut [u8; 21], mut length: usize, number: u16) -> usize {
    for unit in [10_000, 1000, 100, 10, 1] {
        if number >= unit || unit == 1 {
            length = put(text, length, b'0' + (number / unit % 10) as u8);
        }
    }
    length
}

fn put(text: &mut [u8; 21], length: usize, byte: u8) -> usize {
    text.get_mut(length).map_or(length, |place| {
        *place = byte;
        length + 1
    })
}

/// Where a fact was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Locus {
    /// The frame that completed the reading.
    pub frame: FrameId,
    /// That frame's time.
    pub at: Timestamp,
    /// The end of the flow that sent it.
    pub end: End,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_ids_order_by_input_then_number() {
        assert!(FrameId::new(0, 9) < FrameId::new(1, 1));
        assert_eq!((FrameId::new(3, 7).input(), FrameId::new(3, 7).number()), (3, 7));
        assert_eq!(FrameId::new(u32::MAX, u64::MAX).input(), FrameId::MAX_INPUT);
    }

    #[test]
    fn transports_keep_their_numbers() {
        for n in 0..=255 {
            assert_eq!(Transport::from_number(n).number(), n);
        }
    }
}
