//! Wireshark display filters: what leads a reader from a finding to its packets.

use std::fmt::Write;
use std::net::IpAddr;

use crate::fact::{self, Endpoint, Transport};

/// A Wireshark display filter that shows a flow.
#[must_use]
pub fn of_flow(transport: Transport, a: Endpoint, b: Endpoint) -> String {
    let mut filter = String::with_capacity(96);
    address(&mut filter, a.ip);
    filter.push_str(" && ");
    address(&mut filter, b.ip);
    filter.push_str(" && ");
    match transport {
        Transport::Tcp | Transport::Udp | Transport::Sctp => {
            port(&mut filter, transport, a.port);
            if a.port != b.port {
                filter.push_str(" && ");
                port(&mut filter, transport, b.port);
            }
        }
        Transport::Icmp => filter.push_str("icmp"),
        Transport::Icmp6 => filter.push_str("icmpv6"),
        Transport::Other(number) => _ = write!(filter, "ip.proto == {number}"),
    }
    filter
}

fn address(filter: &mut String, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => {
            filter.push_str("ip.addr == ");
            filter.push_str(fact::dotted(ip, None, &mut [0; 21]));
        }
        IpAddr::V6(ip) => _ = write!(filter, "ipv6.addr == {ip}"),
    }
}

fn port(filter: &mut String, transport: Transport, port: u16) {
    _ = write!(filter, "{transport}.port == {port}");
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
