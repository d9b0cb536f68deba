//! What tells flows apart, in the order that makes both directions one.

use std::hash::{BuildHasher, Hasher};
use std::net::{IpAddr, Ipv6Addr};

use foldhash::fast::FixedState;

use crate::decode::{Header, Packet};
use crate::fact::{End, Endpoint, Transport};
use crate::limits;

/// Transport, both addresses and both ports, the lower endpoint first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowKey {
    /// 128 bits each, as two halves: a `u128` would pad the key to 48 bytes.
    addresses: [(u64, u64); 2],
    ports: [u16; 2],
    protocol: u8,
    v4: bool,
}

impl FlowKey {
    /// The key of a packet's flow, and the end that sent it. For an ICMP error: the key of the flow it quotes, and the end that sent
    /// the quoted packet.
    #[inline]
    #[must_use]
    pub fn of(packet: &Packet<'_>) -> (Self, End) {
        let (source, destination) = (bits(packet.source.ip), bits(packet.destination.ip));
        let protocol = packet.transport.number();
        let v4 = packet.source.ip.is_ipv4();
        let (from, to) = match packet.header {
            // messages without ports of one type are one flow
            Header::Icmp(kind) => (u16::from(kind), u16::from(kind)),
            _ => (packet.source.port, packet.destination.port),
        };
        if (source, from) <= (destination, to) {
            (Self { addresses: [source, destination], ports: [from, to], protocol, v4 }, End::A)
        } else {
            (Self { addresses: [destination, source], ports: [to, from], protocol, v4 }, End::B)
        }
    }

    /// The protocol above IP.
    #[must_use]
    pub fn transport(&self) -> Transport {
        Transport::from_number(self.protocol)
    }

    /// Both endpoints, `A` first; ports are 0 where the transport has none.
    #[must_use]
    pub fn ends(&self) -> [Endpoint; 2] {
        let has_ports = matches!(self.transport(), Transport::Tcp | Transport::Udp | Transport::Sctp);
        let end = |i: usize| Endpoint {
            ip: if self.v4 {
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
        hasher.write_u64(
            u64::from(self.ports[0]) << 32 | u64::from(self.ports[1]) << 16 | u64::from(self.protocol) << 8 | u64::from(self.v4),
        );
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
