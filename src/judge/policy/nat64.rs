//! IPv4 addresses written as IPv6 ones: mapped (RFC 4291), or behind a prefix of NAT64 (RFC 6052), the well-known one or the network's own.
//!
//! Every rule is held against the IPv4 address. A network's own prefixes are said by the policy, since nothing in a packet shows them.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::Origin;

/// The prefixes behind which a network translates IPv4 addresses, beside the well-known one.
#[derive(Clone, Debug, Default)]
pub struct Nat64 {
    /// Each with where it stands.
    pub prefixes: Vec<(Ipv6Net, Origin)>,
}

/// The lengths that a prefix may have (RFC 6052 section 2.2).
pub(super) const LENGTHS: [u8; 6] = [32, 40, 48, 56, 64, 96];

/// Bits 64 to 71, which are zero and no part of the IPv4 address.
const RESERVED: u128 = 0xff << 56;

impl Nat64 {
    /// The address that rules are held against. Where prefixes lie in each other the longest holds.
    #[inline]
    #[must_use]
    pub fn canonical(&self, ip: IpAddr) -> IpAddr {
        if ip.is_ipv4() { ip } else { self.within(ip) }
    }

    fn within(&self, ip: IpAddr) -> IpAddr {
        match canonical(ip) {
            IpAddr::V6(v6) if !self.prefixes.is_empty() => {
                let longest =
                    self.prefixes.iter().map(|(prefix, _)| prefix).filter(|prefix| prefix.contains(&v6)).max_by_key(|p| p.prefix_len());
                longest.and_then(|prefix| inner(v6, prefix.prefix_len())).unwrap_or(IpAddr::V6(v6))
            }
            plain => plain,
        }
    }

    /// The same of a prefix: where all of it lies behind a prefix of NAT64 it is taken as IPv4's.
    #[must_use]
    pub fn net(&self, net: IpNet) -> IpNet {
        let (IpNet::V6(v6), IpAddr::V4(ip)) = (net, self.canonical(net.addr())) else { return net };
        let behind = self.prefixes.iter().filter(|(prefix, _)| prefix.contains(&v6.addr())).map(|(prefix, _)| prefix.prefix_len()).max();
        let bits = behind.filter(|behind| *behind <= v6.prefix_len()).map(|behind| {
            let before = v6.prefix_len().min(64).saturating_sub(behind);
            let after = v6.prefix_len().saturating_sub(if behind == 96 { 96 } else { 72 });
            (before + after).min(32)
        });
        bits.and_then(|bits| Ipv4Net::new(ip, bits).ok()).map_or(net, IpNet::V4)
    }
}

/// The IPv4 address in one behind a prefix of this length; `None` where the reserved bits say that there is none. What stands behind it is
/// ignored, as RFC 6052 has it.
fn inner(ip: Ipv6Addr, length: u8) -> Option<IpAddr> {
    let bits = ip.to_bits();
    let four = if length == 96 {
        bits as u32
    } else if bits & RESERVED != 0 {
        return None;
    } else {
        // the reserved bits taken out, the address stands right behind the prefix
        let closed = bits & (u128::MAX << 64) | bits << 8 & u128::from(u64::MAX);
        (closed >> (96 - u32::from(length))) as u32
    };
    Some(IpAddr::V4(four.into()))
}

/// The address that is meant, by what every network agrees on: the IPv4 of an IPv4-mapped or well-known NAT64 one.
#[must_use]
pub fn canonical(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) if v6.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0] => IpAddr::V4(((v6.to_bits() & 0xffff_ffff) as u32).into()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(prefixes: &[&str]) -> Nat64 {
        Nat64 { prefixes: prefixes.iter().map(|prefix| (prefix.parse().unwrap(), Origin::default())).collect() }
    }

    #[test]
    fn an_address_is_found_behind_a_prefix_of_any_length() {
        // the examples of RFC 6052 section 2.4
        for (prefix, ip) in [
            ("2001:db8::/32", "2001:db8:c000:221::"),
            ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
            ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
            ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
            ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
            ("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"),
        ] {
            let nat64 = behind(&[prefix]);
            let ip: IpAddr = ip.parse().unwrap();
            assert_eq!(nat64.canonical(ip), IpAddr::from([192, 0, 2, 33]), "{prefix}");
            assert_eq!(nat64.net(IpNet::from(ip)).to_string(), "192.0.2.33/32", "{prefix}");
            assert_eq!(nat64.net(prefix.parse().unwrap()).to_string(), "0.0.0.0/0", "{prefix}");
            assert_eq!(Nat64::default().canonical(ip), ip);
        }
    }

    #[test]
    fn what_is_not_behind_it_is_left_alone() {
        let nat64 = behind(&["2001:db8::/32", "2001:db8:1::/96"]);
        let same = |text: &str| assert_eq!(nat64.canonical(text.parse().unwrap()), text.parse::<IpAddr>().unwrap(), "{text}");
        same("2001:db9:c000:221::");
        // the reserved bits are not zero
        same("2001:db8:c000:221:100::");
        same("192.0.2.1");
        assert_eq!(nat64.canonical("64:ff9b::c000:221".parse().unwrap()), IpAddr::from([192, 0, 2, 33]));
        assert_eq!(nat64.canonical("2001:db8:1::c000:221".parse().unwrap()), IpAddr::from([192, 0, 2, 33]), "the longest holds");
        for (net, is) in [
            ("2001:db8:c000:200::/56", "192.0.2.0/24"),
            ("2001:db8:c000:221::/64", "192.0.2.33/32"),
            ("2001:db8:1::c000:200/120", "192.0.2.0/24"),
            ("2001::/16", "2001::/16"),
            ("fd00::/64", "fd00::/64"),
            ("10.0.0.0/8", "10.0.0.0/8"),
        ] {
            assert_eq!(nat64.net(net.parse().unwrap()).to_string(), is, "{net}");
        }
        let split = behind(&["2001:db8:122::/48"]);
        assert_eq!(split.net("2001:db8:122:c000:2::/80".parse().unwrap()).to_string(), "192.0.2.0/24");
        assert_eq!(split.net("2001:db8:122:c000::/66".parse().unwrap()).to_string(), "192.0.0.0/16");
    }
}
