//! What tells flows apart, in the order that makes both directions one.

use std::net::{IpAddr, Ipv6Addr};

use crate::decode::{Glance, Header, Outer, Packet};
use crate::fact::{Address, End, Endpoint, Transport};
use crate::limits;

/// Transport, both addresses and both ports, the lower endpoint first, and the overlay network they are of.
///
/// Private addresses overlap between the networks of an overlay (VXLAN, Geneve, NVGRE), whose identifier is the same in both directions:
/// it keeps their flows apart. VLAN tags, MPLS labels, TEIDs and GRE keys do not: taps tag one direction alone, and the others have an
/// identifier for each direction.
#[derive(Clone, Copy, Debug, Eq)]
pub struct FlowKey {
    /// 128 bits each, as two halves: a `u128` would pad the key to 48 bytes.
    addresses: [(u64, u64); 2],
    /// From the highest: 16 bits of each port, 24 of network, 7 of transport's class, and whether the addresses are IPv4. A transport without
    /// ports has its number in theirs, so that all fits into 40 bytes.
    rest: u64,
}

// every packet asks: all words at once, rather than one after the other until two differ
impl PartialEq for FlowKey {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let [(a, b), (c, d)] = self.addresses;
        let [(e, f), (g, h)] = other.addresses;
        (a ^ e) | (b ^ f) | (c ^ g) | (d ^ h) | (self.rest ^ other.rest) == 0
    }
}

/// Classes of transports, in a key.
const TCP: u64 = 0;
const UDP: u64 = 1;
const SCTP: u64 = 2;
const ICMP: u64 = 3;
const ICMP6: u64 = 4;
const OTHER: u64 = 5;
/// Messages of ICMP that are no echo.
const MESSAGE: u64 = 6;
const MESSAGE6: u64 = 7;

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
        let network = packet.outer.as_deref().and_then(Outer::network).unwrap_or(0);
        Self::ordered([source, destination], (from, to), network, class, packet.source.ip.is_ipv4())
    }

    #[inline]
    fn ordered([source, destination]: [(u64, u64); 2], (from, to): (u16, u16), network: u32, class: u64, is_v4: bool) -> (Self, End) {
        let rest = |a: u16, b: u16| u64::from(a) << 48 | u64::from(b) << 32 | u64::from(network) << 8 | class << 1 | u64::from(is_v4);
        if (source, from) <= (destination, to) {
            (Self { addresses: [source, destination], rest: rest(from, to) }, End::A)
        } else {
            (Self { addresses: [destination, source], rest: rest(to, from) }, End::B)
        }
    }

    #[inline]
    fn ports(&self) -> [u16; 2] {
        [(self.rest >> 48) as u16, (self.rest >> 32) as u16]
    }

    /// Addresses and ports, where that is all that the key says: TCP over IPv4, in no overlay network.
    #[inline]
    pub(super) fn of_tcp_over_ipv4(&self) -> Option<([u32; 2], [u16; 2])> {
        let [(_, a), (_, b)] = self.addresses;
        (self.rest as u32 == (TCP << 1 | 1) as u32).then_some(([a as u32, b as u32], self.ports()))
    }

    /// The key that says so.
    pub(super) fn tcp_over_ipv4([a, b]: [u32; 2], [from, to]: [u16; 2]) -> Self {
        let rest = u64::from(from) << 48 | u64::from(to) << 32 | TCP << 1 | 1;
        Self { addresses: [(0, a.into()), (0, b.into())], rest }
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
            _ => Transport::from_number(self.ports()[0] as u8),
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
        [End::A, End::B].map(|end| Endpoint { ip: self.ip(end), port: if has_ports { self.ports()[end.index()] } else { 0 } })
    }

    /// The address of one end.
    #[inline]
    #[must_use]
    pub fn ip(&self, end: End) -> IpAddr {
        let (high, low) = self.addresses[end.index()];
        if self.rest & 1 != 0 {
            IpAddr::V4((low as u32).into())
        } else {
            IpAddr::V6(Ipv6Addr::from(u128::from(high) << 64 | u128::from(low)))
        }
    }

    /// The address of one end, as words.
    #[inline]
    #[must_use]
    pub fn address(&self, end: End) -> Address {
        Address { bits: self.addresses[end.index()], is_v4: self.rest & 1 != 0 }
    }

    /// The key of the flow of a packet that was glanced at, and the end that sent it: what [`FlowKey::of`] would say.
    #[inline]
    #[must_use]
    pub fn of_glance(glance: &Glance) -> (Self, End) {
        Self::ordered(glance.addresses, glance.ports, 0, if glance.is_tcp { TCP } else { UDP }, glance.is_v4)
    }
}

fn bits(ip: IpAddr) -> (u64, u64) {
    match ip {
        IpAddr::V4(ip) => (0, u64::from(ip.to_bits())),
        IpAddr::V6(ip) => ((ip.to_bits() >> 64) as u64, ip.to_bits() as u64),
    }
}

/// A keyed hash of flow keys: each half of an address is hidden by a word of the key before it is multiplied, so that nobody who does not know
/// the key can make flows meet.
#[derive(Clone, Debug)]
pub struct KeyHash([u64; 5]);

impl KeyHash {
    /// The hash with this key.
    #[must_use]
    pub fn new(key: u64) -> Self {
        // splitmix64 (Steele, Lea and Flood, 2014) makes of one word as many as are needed
        let mut state = key;
        Self(std::array::from_fn(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = state;
            word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^ word >> 31
        }))
    }

    /// The hash of a flow's key.
    #[inline]
    #[must_use]
    pub fn of(&self, key: &FlowKey) -> u64 {
        let [a, b, c, d, e] = self.0;
        let [(high, low), (other_high, other_low)] = key.addresses;
        if key.rest & 1 != 0 {
            // both addresses are one word
            return folded((low << 32 | other_low) ^ a, key.rest ^ b);
        }
        let addresses = folded(high ^ a, low ^ b) ^ folded(other_high ^ c, other_low ^ d).rotate_left(32);
        folded(addresses ^ e, key.rest ^ a.rotate_left(17))
    }
}

/// Both halves of a product.
#[inline]
fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// Spreads flows over lanes. Its key is fixed for files, so that the same frames meet the same state in every run, and chosen at random
/// for live traffic, where an attacker could aim.
#[derive(Clone, Debug)]
pub struct LaneHash(KeyHash);

impl LaneHash {
    /// The hash with this key.
    #[must_use]
    pub fn new(key: u64) -> Self {
        Self(KeyHash::new(key))
    }

    /// The lane of a flow, below [`limits::LANES`].
    #[inline]
    #[must_use]
    pub fn lane(&self, key: &FlowKey) -> usize {
        (self.0.of(key) >> 32) as usize % limits::LANES
    }
}
