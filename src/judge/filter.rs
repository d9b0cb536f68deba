//! Wireshark display filters: what leads a reader from a finding to its packets.

use std::net::IpAddr;

use crate::fact::{Endpoint, Transport};

/// A Wireshark display filter that shows a flow.
#[must_use]
pub fn of_flow(transport: Transport, a: Endpoint, b: Endpoint) -> String {
    let address = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => format!("ip.addr == {ip}"),
        IpAddr::V6(ip) => format!("ipv6.addr == {ip}"),
    };
    let both = format!("{} && {}", address(a.ip), address(b.ip));
    match transport {
        Transport::Tcp | Transport::Udp | Transport::Sctp => {
            let ports = if a.port == b.port {
                format!("{transport}.port == {}", a.port)
            } else {
                format!("{transport}.port == {} && {transport}.port == {}", a.port, b.port)
            };
            format!("{both} && {ports}")
        }
        Transport::Icmp => format!("{both} && icmp"),
        Transport::Icmp6 => format!("{both} && icmpv6"),
        Transport::Other(number) => format!("{both} && ip.proto == {number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_name_both_ends() {
        let a = Endpoint { ip: [10, 0, 0, 4].into(), port: 50_000 };
        let b = Endpoint { ip: [192, 0, 2, 1].into(), port: 443 };
        assert_eq!(of_flow(Transport::Tcp, a, b), "ip.addr == 10.0.0.4 && ip.addr == 192.0.2.1 && tcp.port == 50000 && tcp.port == 443");
        assert_eq!(of_flow(Transport::Icmp, a, b), "ip.addr == 10.0.0.4 && ip.addr == 192.0.2.1 && icmp");
    }
}
