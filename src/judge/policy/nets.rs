//! Prefixes, and which of them an address lies in: a look-up costs little however many there are.

use std::net::IpAddr;
use std::ops::Deref;

use ipnet::IpNet;

/// A list of prefixes, in the order in which they were written.
#[derive(Clone, Debug, Default)]
pub struct Nets {
    nets: Vec<IpNet>,
    /// What they cover together, as ranges of addresses that do not meet, in order; an IPv4 address is its mapped one (RFC 4291 section 2.5.5.2).
    ranges: Vec<(u128, u128)>,
}

impl Nets {
    /// Whether one of them has the address.
    #[must_use]
    pub fn covers(&self, ip: IpAddr) -> bool {
        let bits = bits(ip);
        let behind = self.ranges.partition_point(|(first, _)| *first <= bits);
        behind.checked_sub(1).and_then(|n| self.ranges.get(n)).is_some_and(|(_, last)| bits <= *last)
    }

    /// Whether they have every address of others.
    #[must_use]
    pub fn cover(&self, others: &Self) -> bool {
        let has = |&(first, last): &(u128, u128)| {
            let behind = self.ranges.partition_point(|(start, _)| *start <= first);
            behind.checked_sub(1).and_then(|n| self.ranges.get(n)).is_some_and(|(_, end)| last <= *end)
        };
        others.ranges.iter().all(has)
    }

    /// Each of them as `change` makes it.
    #[must_use]
    pub fn map(self, change: impl FnMut(IpNet) -> IpNet) -> Self {
        self.nets.into_iter().map(change).collect::<Vec<_>>().into()
    }
}

impl From<Vec<IpNet>> for Nets {
    fn from(nets: Vec<IpNet>) -> Self {
        let mut all: Vec<(u128, u128)> = nets.iter().map(|net| (bits(net.network()), bits(net.broadcast()))).collect();
        all.sort_unstable();
        let mut ranges: Vec<(u128, u128)> = Vec::new();
        for (first, last) in all {
            match ranges.last_mut() {
                Some((_, known)) if first <= known.saturating_add(1) => *known = last.max(*known),
                _ => ranges.push((first, last)),
            }
        }
        Self { nets, ranges }
    }
}

impl Deref for Nets {
    type Target = [IpNet];
    fn deref(&self) -> &[IpNet] {
        &self.nets
    }
}

fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn net() -> impl Strategy<Value = IpNet> {
        // few bits that differ, so that prefixes meet and lie in each other
        let four =
            (0u32..1 << 6, 24u8..=32).prop_map(|(low, length)| IpNet::new(IpAddr::from((0x0a00_0000 | low << 4).to_be_bytes()), length));
        let six =
            (0u128..1 << 6, 118u8..=128).prop_map(|(low, length)| IpNet::new(IpAddr::from((0xfd << 120 | low).to_be_bytes()), length));
        prop_oneof![four, six].prop_map(|net| net.expect("a length that fits"))
    }

    proptest! {
        #[test]
        fn an_address_is_covered_where_one_of_the_prefixes_has_it(nets in proptest::collection::vec(net(), 0..12), probes in proptest::collection::vec(net(), 1..20)) {
            let covered = Nets::from(nets.clone());
            for probe in probes.iter().flat_map(|net| [net.addr(), net.network(), net.broadcast()]) {
                prop_assert_eq!(covered.covers(probe), nets.iter().any(|net| net.contains(&probe)), "{}", probe);
            }
        }
    }

    #[test]
    fn everything_is_covered_by_the_prefix_of_no_bits() {
        let all = Nets::from(vec!["::/0".parse().expect("a prefix"), "0.0.0.0/0".parse().expect("a prefix")]);
        assert!(all.covers([255; 4].into()) && all.covers([0xff; 16].into()) && !Nets::default().covers([0; 4].into()));
        // the prefix of all IPv6 addresses has no IPv4 ones, save by their mapped form
        let four = Nets::from(vec!["0.0.0.0/0".parse().expect("a prefix")]);
        assert!(four.covers([1, 2, 3, 4].into()) && !four.covers("2001:db8::1".parse().expect("an address")));
    }
}
