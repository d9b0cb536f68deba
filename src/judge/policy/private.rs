//! Private addresses, class by class.

use std::fmt;
use std::net::IpAddr;

use super::{is_private, is_unique_local};

/// Which private addresses are allowed under any name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Private(u8);

const RFC1918: u8 = 1;
const ULA: u8 = 1 << 1;
const LINK_LOCAL: u8 = 1 << 2;
const CGNAT: u8 = 1 << 3;
const LOOPBACK: u8 = 1 << 4;
const METADATA: u8 = 1 << 5;

/// Where clouds serve a machine's metadata, and its credentials with it: AWS, Azure, Google and others share the first; AWS's resolver and
/// container credentials; Azure's host; Alibaba Cloud; AWS and Google over IPv6.
const SERVICES: [&str; 7] =
    ["169.254.169.254", "169.254.169.253", "169.254.170.2", "168.63.129.16", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254"];

impl Private {
    /// `private = true`: RFC 1918, unique local (RFC 4193) and link-local addresses, with whatever is served there.
    pub const ALL: Self = Self(1 << 7);

    /// The classes by their words in a policy.
    pub const CLASSES: [(&str, Self); 6] = [
        ("rfc1918", Self(RFC1918)),
        ("ula", Self(ULA)),
        ("link-local", Self(LINK_LOCAL)),
        ("cgnat", Self(CGNAT)),
        ("loopback", Self(LOOPBACK)),
        ("metadata", Self(METADATA)),
    ];

    /// These and those.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether an address, which is none behind NAT64, is allowed.
    #[must_use]
    pub fn covers(self, ip: IpAddr) -> bool {
        if self == Self::ALL { is_private(ip) } else { self.0 & class(ip) != 0 }
    }
}

/// The class of an address: that of metadata comes first, for a link-local or unique local address may serve it.
fn class(ip: IpAddr) -> u8 {
    if SERVICES.iter().any(|known| known.parse() == Ok(ip)) {
        return METADATA;
    }
    match ip {
        IpAddr::V4(ip) if ip.is_private() => RFC1918,
        IpAddr::V4(ip) if ip.is_link_local() => LINK_LOCAL,
        IpAddr::V4(ip) if ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64 => CGNAT,
        IpAddr::V4(ip) if ip.is_loopback() => LOOPBACK,
        IpAddr::V6(ip) if is_unique_local(ip) => ULA,
        IpAddr::V6(ip) if ip.segments()[0] & 0xffc0 == 0xfe80 => LINK_LOCAL,
        IpAddr::V6(ip) if ip.is_loopback() => LOOPBACK,
        _ => 0,
    }
}

impl fmt::Display for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("private addresses");
        }
        let classes: Vec<&str> = Self::CLASSES.iter().filter(|(_, class)| self.0 & class.0 != 0).map(|(word, _)| *word).collect();
        write!(f, "private addresses ({})", classes.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_is_of_one_class() {
        let of = |ip: &str| {
            let ip = ip.parse().unwrap();
            Private::CLASSES.iter().filter(|(_, class)| class.covers(ip)).map(|(word, _)| *word).collect::<Vec<_>>()
        };
        for (ip, class) in [
            ("10.1.2.3", "rfc1918"),
            ("172.31.0.1", "rfc1918"),
            ("192.168.0.1", "rfc1918"),
            ("fd12::1", "ula"),
            ("169.254.1.1", "link-local"),
            ("fe80::1", "link-local"),
            ("100.64.0.1", "cgnat"),
            ("127.0.0.1", "loopback"),
            ("::1", "loopback"),
            ("169.254.169.254", "metadata"),
            ("168.63.129.16", "metadata"),
            ("100.100.100.200", "metadata"),
            ("fd00:ec2::254", "metadata"),
        ] {
            assert_eq!(of(ip), [class], "{ip}");
        }
        assert!(["172.32.0.1", "100.128.0.1", "8.8.8.8", "2001:db8::1"].iter().all(|ip| of(ip).is_empty()));
    }

    #[test]
    fn all_of_them_is_what_it_was() {
        let covers = |ip: &str| Private::ALL.covers(ip.parse().unwrap());
        assert!(["10.0.0.1", "169.254.169.254", "fd00:ec2::254", "fe80::1"].into_iter().all(covers));
        assert!(!["100.64.0.1", "127.0.0.1", "168.63.129.16", "::1"].into_iter().any(covers));
        assert!(!Private::default().covers([10, 0, 0, 1].into()));
    }
}
