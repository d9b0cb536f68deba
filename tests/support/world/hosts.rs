//! Who lives in a world, and the policy that says what its agents may do.

use std::net::IpAddr;

use super::random::Random;

/// The hosts of a world.
#[derive(Clone, Debug)]
pub struct Cast {
    /// The agent's addresses, of both families or of one; some have a second of the first's.
    pub agents: Vec<IpAddr>,
    pub resolvers: Vec<IpAddr>,
    /// Names that may be used, each with its address.
    pub endpoints: Vec<(String, IpAddr)>,
    /// The time server and the revocation list, which may speak in the clear.
    pub time: (String, IpAddr),
    pub lists: (String, IpAddr),
    /// A range that is allowed by itself, on port 443.
    pub fixed: IpAddr,
    /// A neighbour who may ping.
    pub monitor: IpAddr,
    pub strangers: Vec<IpAddr>,
}

fn v4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::from([a, b, c, d])
}

fn v6(high: u16, group: u16, low: u16) -> IpAddr {
    IpAddr::from([high, if high == 0x2001 { 0xdb8 } else { 0 }, group, 0, 0, 0, 0, low])
}

impl Cast {
    pub fn draw(random: &mut Random) -> Self {
        let low = random.within(4, 40) as u8;
        let mut agents = vec![v4(10, 0, 0, low)];
        let mut resolvers = vec![v4(10, 0, 0, 2)];
        let has_v6 = !random.one_in(4);
        if random.one_in(3) {
            agents.push(v4(10, 0, 0, low + 1));
        }
        if has_v6 {
            agents.push(v6(0xfd00, 7, low.into()));
            resolvers.push(v6(0xfd00, 7, 2));
        }
        let endpoints = (1..=6u8).map(|n| {
            let address = match n {
                2 | 5 if has_v6 => v6(0x2001, 1, n.into()),
                // a private endpoint
                3 => v4(10, 1, 0, n),
                _ => v4(203, 0, 113, n * 9),
            };
            (format!("n{n}.allowed.example"), address)
        });
        Self {
            endpoints: endpoints.collect(),
            time: ("time.allowed.example".to_owned(), v4(198, 51, 100, 123)),
            lists: ("crl.allowed.example".to_owned(), v4(198, 51, 100, 80)),
            fixed: v4(198, 51, 100, 7),
            monitor: v4(10, 0, 0, 200),
            strangers: vec![v4(10, 0, 0, 50), v4(10, 0, 0, 51), v4(192, 0, 2, 8), v6(0x2001, 9, 1), v6(0xfd00, 7, 0x50)],
            agents,
            resolvers,
        }
    }

    /// The agent's address of the family of `peer`.
    pub fn agent_for(&self, peer: IpAddr) -> IpAddr {
        *self.agents.iter().find(|ip| ip.is_ipv4() == peer.is_ipv4()).expect("the family is there")
    }

    pub fn policy(&self) -> String {
        let listed = |ips: &[IpAddr]| ips.iter().map(|ip| format!("\"{ip}\"")).collect::<Vec<_>>().join(", ");
        let (agents, resolvers) = (listed(&self.agents), listed(&self.resolvers));
        let (time, lists, fixed, monitor) = (&self.time.0, &self.lists.0, self.fixed, self.monitor);
        format!(
            r#"name = "world"
[agent]
addresses = [{agents}]
[dns]
resolvers = [{resolvers}]
[[allow]]
names = ["*.allowed.example"]
ports = [443]
[[allow]]
names = ["{time}"]
ports = [123]
transport = "udp"
plaintext = ["ntp"]
[[allow]]
names = ["{lists}"]
ports = [80]
plaintext = ["http"]
[[allow]]
cidrs = ["{fixed}/32"]
ports = [443]
[[inbound]]
from = ["{monitor}/32"]
protocols = ["icmp-echo"]
"#
        )
    }
}
