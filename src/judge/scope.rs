//! Whose traffic is audited.

use std::net::IpAddr;

use ipnet::IpNet;

use super::policy::{Agent, Nat64, Policy, Tunnels};
use crate::fact::Layer;

/// The agents of an audit: all their addresses, prefixes and MACs are one client.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    nets: Vec<IpNet>,
    macs: Vec<[u8; 6]>,
    tunnels: Tunnels,
    nat64: Nat64,
}

impl Scope {
    /// The scope of these agents.
    #[must_use]
    pub fn new(agents: &[Agent]) -> Self {
        let nets = agents.iter().filter_map(|agent| if let Agent::Net(net) = agent { Some(*net) } else { None }).collect();
        let macs = agents.iter().filter_map(|agent| if let Agent::Mac(mac) = agent { Some(*mac) } else { None }).collect();
        Self { nets, macs, tunnels: Tunnels::default(), nat64: Nat64::default() }
    }

    /// The same scope under what a policy says of tunnels and NAT64.
    #[must_use]
    pub fn under(self, policy: &Policy) -> Self {
        let nets = self.nets.into_iter().map(|net| policy.nat64.net(net)).collect();
        Self { nets, tunnels: policy.tunnels.clone(), nat64: policy.nat64.clone(), ..self }
    }

    /// Whether a tunnel is an observation point by the policy's own word.
    #[must_use]
    pub fn is_mirror(&self, layer: &Layer) -> bool {
        self.tunnels.mirror(layer, &self.nat64).is_some()
    }

    /// Whether an address, or the hardware address of a frame's sender or receiver, is an agent's. IPv4-mapped and NAT64
    /// addresses are taken as IPv4.
    #[must_use]
    pub fn has(&self, ip: IpAddr, mac: Option<[u8; 6]>) -> bool {
        let ip = self.nat64.canonical(ip);
        self.nets.iter().any(|net| net.contains(&ip)) || mac.is_some_and(|mac| self.macs.contains(&mac))
    }

    /// Whether some agent is known by its MAC.
    #[must_use]
    pub fn has_macs(&self) -> bool {
        !self.macs.is_empty()
    }

    /// Whether nobody is audited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nets.is_empty() && self.macs.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::policy::parse_agent;

    #[test]
    fn an_address_of_six_parts_is_no_hardware_address() {
        for text in ["2001:db8:1:2::5", "fe80::a00:27ff:fe5e:d19e", "2001:db8:1:2::/64", "2001:db8:a:b::"] {
            assert!(matches!(parse_agent(text), Ok(Agent::Net(_))), "{text}");
        }
        assert!(matches!(parse_agent("02:00:5e:10:00:01"), Ok(Agent::Mac(_))));
        assert!(parse_agent("02:00:5e:10:00:zz").is_err_and(|(why, _)| why.contains("MAC")));
    }

    #[test]
    fn an_agent_is_known_by_its_ipv4_address_however_it_is_written() {
        for named in ["10.0.0.4", "::ffff:10.0.0.4", "64:ff9b::a00:4"] {
            let scope = Scope::new(&[parse_agent(named).unwrap()]);
            for seen in ["10.0.0.4", "::ffff:10.0.0.4", "64:ff9b::a00:4"] {
                assert!(scope.has(seen.parse().unwrap(), None), "{named}, seen as {seen}");
            }
            assert!(!scope.has("64:ff9b::a00:5".parse().unwrap(), None));
        }
    }
}
