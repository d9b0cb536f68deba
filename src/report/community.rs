//! Community ID, version 1 with seed 0: a name for a flow that other tools compute alike (corelight/community-id-spec). SHA-1 makes it short,
//! and protects nothing.

use std::net::IpAddr;

use data_encoding::BASE64;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};

use crate::fact::{FlowRecord, Transport};

/// The flow's ID. `None` for ICMP that is no echo: it takes a message's code, and a flow is all messages of one type.
pub(super) fn id(record: &FlowRecord) -> Option<String> {
    // lower address and port first, as both ends stand in the record
    let [mut one, mut other] = record.ends;
    let echo = match record.transport {
        Transport::Icmp => Some((8, 0)),
        Transport::Icmp6 => Some((128, 129)),
        _ => None,
    };
    if let Some((request, reply)) = echo {
        if record.is_message {
            return None;
        }
        let asker = record.initiator_endpoint();
        (one.port, other.port) = if asker.ip == one.ip { (request, reply) } else { (reply, request) };
        if one.ip == other.ip && one.port > other.port {
            std::mem::swap(&mut one, &mut other);
        }
    }
    let mut bytes = vec![0, 0];
    for end in [one, other] {
        match end.ip {
            IpAddr::V4(ip) => bytes.extend(ip.octets()),
            IpAddr::V6(ip) => bytes.extend(ip.octets()),
        }
    }
    bytes.extend([record.transport.number(), 0]);
    if matches!(record.transport, Transport::Tcp | Transport::Udp | Transport::Sctp) || echo.is_some() {
        bytes.extend(one.port.to_be_bytes());
        bytes.extend(other.port.to_be_bytes());
    }
    let mut hash = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(&bytes);
    Some(format!("1:{}", BASE64.encode(hash.finish().as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Basis, End, Endpoint, FlowState, FrameId, Locus, Timestamp};

    /// A flow from the first to the second of these.
    fn flow(transport: Transport, from: (&str, u16), to: (&str, u16)) -> FlowRecord {
        let end = |(ip, port): (&str, u16)| Endpoint { ip: ip.parse().unwrap(), port };
        let (from, to) = (end(from), end(to));
        let is_first = from < to;
        let first = Locus { frame: FrameId::new(0, 1), at: Timestamp::default(), end: End::A };
        FlowRecord {
            agents: [true, false],
            initiator: Some(if is_first { End::A } else { End::B }),
            basis: Basis::Syn,
            state: FlowState::Closed,
            ..FlowRecord::new(transport, if is_first { [from, to] } else { [to, from] }, first)
        }
    }

    #[test]
    fn ids_are_those_of_the_specification() {
        let v6 = ("3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:501:0:1001::2");
        let expected = [
            (Transport::Tcp, ("128.232.110.120", 34855), ("66.35.250.204", 80), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
            (Transport::Udp, ("192.168.1.52", 54585), ("8.8.8.8", 53), "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
            (Transport::Sctp, ("192.168.170.8", 7), ("192.168.170.56", 7), "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="),
            (
                Transport::Tcp,
                ("2001:470:e5bf:dead:4957:2174:e82c:4887", 63943),
                ("2607:f8b0:400c:c03::1a", 25),
                "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=",
            ),
            (Transport::Icmp, ("192.168.0.89", 0), ("192.168.0.1", 0), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
            (Transport::Icmp6, (v6.0, 0), (v6.1, 0), "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="),
        ];
        for (transport, from, to, wanted) in expected {
            assert_eq!(id(&flow(transport, from, to)).as_deref(), Some(wanted), "{transport} {from:?}");
        }
    }

    #[test]
    fn messages_of_icmp_have_none() {
        let record = FlowRecord { is_message: true, ..flow(Transport::Icmp, ("192.0.2.1", 0), ("192.0.2.2", 0)) };
        assert_eq!(id(&record), None);
    }
}
