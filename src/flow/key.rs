//! What tells flows apart, in the order that makes both directions one.

use std::hash::{BuildHasher, Hasher};
use std::net::{IpAddr, Ipv6Addr};

use foldhash::fast::FixedState;

use crate::decode::{Header, Outer, Packet};
use crate::fact::{End, Endpoint, Transport};
use crate::limits;

/// Transport, both addresses and both ports, the lower endpoint first, and the overlay network they are of.
///
/// Private addresses overlap between the networks of an overlay (VXLAN, Geneve, NVGRE), whose identifier is the same in both directions:
/// it keeps their flows apart. VLAN tags, MPLS labels, TEIDs and GRE keys do not: taps tag one direction alone, and the others have an
/// identifier for each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowKey {
    /// 128 bits each, as two halves: a `u128` would pad the key to 48 bytes.
    addresses: [(u64, u64); 2],
    ports: [u16; 2],
    /// From the highest: 24 bits of network, 7 of transport's class, and whether the addresses are IPv4. A transport without ports has its
    /// number in theirs, so that all fits into 40 bytes.
    rest: u32,
}

/// Classes of transports, in a key.
const TCP: u32 = 0;
const UDP: u32 = 1;
const SCTP: u32 = 2;
const ICMP: u32 = 3;
const ICMP6: u32 = 4;
const OTHER: u32 = 5;
/// Messages of ICMP that are no echo.
const MESSAGE: u32 = 6;
const MESSAGE6: u32 = 7;

impl FlowKey {
    /// The key of a packet's flow, and the end that sent it. For an ICMP error: the key of the flow it quotes, and the end that sent
    /// the quoted packet.
    #[inline]
    #[must_use]
    pub fn of(packet: &Packet<'_>) -> (Self, End) {
        let (source, destination) = (bits(packet.source.ip), bits(packet.destination.ip));
        let ports = (packet.source.port, packet.destination.port);
        let (class, (from, to)) = match (packet.transport, packet.header) {
            (Transport::Tcp, _) => (TCP, ports),
            (Transport::Udp, _) => (UDP, ports),
            (Transport::Sctp, _) => (SCTP, ports),
            // messages without ports of one type are one flow
            (Transport::Icmp, Header::Icmp(kind)) => (MESSAGE, (kind.into(), kind.into())),
            (Transport::Icmp6, Header::Icmp(kind)) => (MESSAGE6, (kind.into(), kind.into())),
            (Transport::Icmp, _) => (ICMP, ports),
            (Transport::Icmp6, _) => (ICMP6, ports),
            (Transport::Other(number), _) => (OTHER, (number.into(), number.into())),
        };
        let network = packet.outer.as_ref().and_then(Outer::network).unwrap_or(0);
        let rest = network << 8 | class << 1 | u32::from(packet.source.ip.is_ipv4());
        if (source, from) <= (destination, to) {
            (Self { addresses: [source, destination], ports: [from, to], rest }, End::A)
        } else {
            (Self { addresses: [destination, source], ports: [to, from], rest }, End::B)
        }
    }

    /// The protocol above IP.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match self.rest >> 1 & 0x7f {
            TCP => Transport::Tcp,
            UDP => Transport::Udp,
            SCTP => Transport::Sctp,
            ICMP | MESSAGE => Transport::Icmp,
            ICMP6 | MESSAGE6 => Transport::Icmp6,
            _ => Transport::from_number(self.ports[0] as u8),
        }
    }

    /// Whether these are messages of ICMP that are no echo.
    #[must_use]
    pub fn is_message(&self) -> bool {
        matches!(self.rest >> 1 & 0x7f, MESSAGE | MESSAGE6)
    }

    /// Both endpoints, `A` first; ports are 0 where the transport has none.
    #[must_use]
    pub fn ends(&self) -> [Endpoint; 2] {
        let has_ports = matches!(self.transport(), Transport::Tcp | Transport::Udp | Transport::Sctp);
        let end = |i: usize| Endpoint {
            ip: if self.rest & 1 != 0 {
                IpAddr::V4((self.addresses[i].1 as u32).into())
            } else {
                IpAddr::V6(Ipv6Addr::from(u128::from(self.addresses[i].0) << 64 | u128::from(self.addresses[i].1)))
            },
            port: if has_ports { self.ports[i] } else { 0 },
        };
        [end(0), end(1)]
    }

    /// Hashes the key with the hasher of a table or of the lanes.
    #[inline]
    pub fn hash_with(&self, state: &impl BuildHasher) -> u64 {
        let mut hasher = state.build_hasher();
        for (high, low) in self.addresses {
            hasher.write_u64(high);
            hasher.write_u64(low);
        }
        hasher.write_u64(u64::from(self.ports[0]) << 48 | u64::from(self.ports[1]) << 32 | u64::from(self.rest));
        hasher.finish()
    }
}

fn bits(ip: IpAddr) -> (u64, u64) {
    match ip {
        IpAddr::V4(ip) => (0, u64::from(ip.to_bits())),
        IpAddr::V6(ip) => ((ip.to_bits() >> 64) as u64, ip.to_bits() as u64),
    }
}

/// Spreads flows over lanes. Its key is fixed for files, so that the same frames meet the same state in every run, and chosen at random
/// for live traffic, where an attacker could aim.
#[derive(Clone, Debug)]
pub struct LaneHash(FixedState);

impl LaneHash {
    /// The hash with this key.
    #[must_use]
    pub fn new(key: u64) -> Self {
        Self(FixedState::with_seed(key))
    }

    /// The lane of a flow, below [`limits::LANES`].
    #[inline]
    #[must_use]
    pub fn lane(&self, key: &FlowKey) -> usize {
        (key.hash_with(&self.0) >> 32) as usize % limits::LANES
    }
}
