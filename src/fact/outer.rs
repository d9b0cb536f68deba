//! What a packet was wrapped in.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Endpoint, Locus, Tally, Timestamp, Transport};

/// A kind of tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tunnel {
    /// RFC 7348, with the group policy and generic protocol extensions.
    Vxlan,
    /// RFC 8926.
    Geneve,
    /// RFC 2784, RFC 2890, RFC 2637.
    Gre,
    /// RFC 7637.
    Nvgre,
    /// Cisco's encapsulated remote span.
    Erspan,
    /// IPv4 in IPv4 (RFC 2003).
    V4InV4,
    /// IPv6 in IPv4 (RFC 4213), 6to4 (RFC 3056) included.
    V6InV4,
    /// IPv4 in IPv6 (RFC 2473).
    V4InV6,
    /// IPv6 in IPv6 (RFC 2473).
    V6InV6,
    /// RFC 4380.
    Teredo,
    /// GTP-U (3GPP TS 29.281).
    Gtp,
    /// RFC 2661, RFC 3931.
    L2tp,
    /// TaZmen sniffer protocol.
    Tzsp,
    /// HP's encapsulated remote mirror.
    HpErm,
    /// Anything in anything.
    Ayiya,
    /// Ethernet in IP (RFC 3378).
    EtherIp,
    /// MPLS in IP (RFC 4023) and in UDP (RFC 7510).
    Mpls,
}

impl Tunnel {
    /// Every kind.
    pub const ALL: [Self; 17] = [
        Self::Vxlan,
        Self::Geneve,
        Self::Gre,
        Self::Nvgre,
        Self::Erspan,
        Self::V4InV4,
        Self::V6InV4,
        Self::V4InV6,
        Self::V6InV6,
        Self::Teredo,
        Self::Gtp,
        Self::L2tp,
        Self::Tzsp,
        Self::HpErm,
        Self::Ayiya,
        Self::EtherIp,
        Self::Mpls,
    ];

    /// Its name in records and policies.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
            Self::Gre => "gre",
            Self::Nvgre => "nvgre",
            Self::Erspan => "erspan",
            Self::V4InV4 => "ipip",
            Self::V6InV4 => "6in4",
            Self::V4InV6 => "4in6",
            Self::V6InV6 => "6in6",
            Self::Teredo => "teredo",
            Self::Gtp => "gtp-u",
            Self::L2tp => "l2tp",
            Self::Tzsp => "tzsp",
            Self::HpErm => "hp-erm",
            Self::Ayiya => "ayiya",
            Self::EtherIp => "etherip",
            Self::Mpls => "mpls-in-ip",
        }
    }

    /// The UDP ports that it is registered or known for.
    #[must_use]
    pub const fn ports(self) -> &'static [u16] {
        match self {
            Self::Vxlan => &[4789, 4790, 8472],
            Self::Geneve => &[6081],
            Self::Gre => &[4754],
            Self::Teredo => &[3544],
            Self::Gtp => &[2152],
            Self::L2tp => &[1701],
            Self::Tzsp => &[37008],
            Self::Ayiya => &[5072],
            Self::Mpls => &[6635],
            _ => &[],
        }
    }

    /// Whether its identifier names a network of its own, the same in both directions, in which addresses may be those of another.
    #[must_use]
    pub const fn has_networks(self) -> bool {
        matches!(self, Self::Vxlan | Self::Geneve | Self::Nvgre)
    }
}

/// One tunnel around a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Layer {
    /// What it is.
    #[serde(serialize_with = "by_name")]
    #[schemars(with = "String")]
    pub tunnel: Tunnel,
    /// Who sent the outer packet.
    pub source: Endpoint,
    /// To whom.
    pub destination: Endpoint,
    /// The protocol above the outer IP.
    #[serde(serialize_with = "display")]
    #[schemars(with = "String")]
    pub transport: Transport,
    /// Its identifier (VNI, VSID, key, TEID, session); left out where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
}

/// What was seen of one tunnel between two addresses: its outer packets, which are in no flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunnelSeen {
    /// The first of its layers.
    pub layer: Layer,
    /// Both ends, the lower address first, without the ports that packets scatter over.
    pub ends: [Endpoint; 2],
    /// Which ends are agents.
    pub agents: [bool; 2],
    /// Its first frame, and the end that sent it.
    pub first: Locus,
    /// The time of its last frame.
    pub last: Timestamp,
    /// What each end sent.
    pub sent: [Tally; 2],
    /// Whether every packet inside has the agent's own outer address as one of its ends, as a mirror's copies of it have.
    pub copies: bool,
    /// Whether there was any packet inside that is in a flow of its own.
    pub carries: bool,
    /// The first packet of which something was left to nobody's judgement: link control, multicast or DHCP that lies within, or bytes behind
    /// the packet that does.
    pub unjudged: Option<Locus>,
    /// Stands for several, since there were too many.
    pub evicted: bool,
}

impl TunnelSeen {
    /// Adds what was seen of the same tunnel elsewhere.
    pub fn merge(&mut self, other: &Self) {
        if other.first.frame < self.first.frame {
            (self.layer, self.first, self.ends) = (other.layer, other.first, other.ends);
        }
        self.last = self.last.max(other.last);
        self.copies &= other.copies;
        self.carries |= other.carries;
        self.unjudged = match (self.unjudged, other.unjudged) {
            (Some(mine), Some(theirs)) => Some(if theirs.frame < mine.frame { theirs } else { mine }),
            (mine, theirs) => mine.or(theirs),
        };
        for end in 0..2 {
            self.agents[end] |= other.agents[end];
            self.sent[end].packets += other.sent[end].packets;
            self.sent[end].bytes += other.sent[end].bytes;
        }
    }
}

fn by_name<S: serde::Serializer>(tunnel: &Tunnel, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(tunnel.name())
}

fn display<T: std::fmt::Display, S: serde::Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
