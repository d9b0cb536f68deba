//! Infers who the agent is, where nobody names it: the one host that takes part in nearly all flows of a capture.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use super::Input;
use crate::decode::{self, Macs, Packet};
use crate::fact::Block;
use crate::flow::{FlowKey, KeyHash};
use crate::limits;
use crate::source::Fill;

/// A host that takes part in flows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its addresses.
    pub addresses: BTreeSet<IpAddr>,
    /// Flows that it takes part in.
    pub flows: u64,
}

/// What a capture says of who its agent may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inference {
    /// Unicast flows.
    pub flows: u64,
    /// The hosts that take part in most of them, the busiest first.
    pub candidates: Vec<Candidate>,
}

impl Inference {
    /// The agent: the one host that takes part in at least 95 % of the flows.
    #[must_use]
    pub fn agent(&self) -> Option<&Candidate> {
        let mut likely = self.candidates.iter().filter(|candidate| candidate.flows * 100 >= self.flows * 95);
        let first = likely.next()?;
        likely.next().is_none().then_some(first)
    }
}

/// Reads the inputs once. Addresses are grouped to hosts by the MAC that sends them; a MAC with several IPv4 addresses is a router's, and
/// what lies behind it stays apart. Inputs that cannot be read are passed over: the audit says so.
#[must_use]
pub fn infer(inputs: Vec<Input>) -> Inference {
    let mut tally = Tally::default();
    for (n, input) in (0u32..).zip(inputs) {
        let Ok(mut source) = (input.open)(n) else { continue };
        let mut block = Block::default();
        loop {
            let fill = source.fill(&mut block);
            if fill.is_err() {
                break;
            }
            for frame in &block.frames {
                if let Ok(packet) = decode::packet(frame.link, block.frame(frame), frame.wire) {
                    tally.take(&packet);
                }
            }
            if matches!(fill, Ok(Fill::End)) {
                break;
            }
        }
    }
    tally.close()
}

#[derive(Default)]
struct Tally {
    flows: HashSet<u64>,
    by_address: HashMap<IpAddr, u64>,
    by_mac: HashMap<[u8; 6], BTreeSet<IpAddr>>,
    /// Pairs of addresses, so that a flow between two addresses of one host counts once.
    by_pair: HashMap<(IpAddr, IpAddr), u64>,
}

impl Tally {
    fn take(&mut self, packet: &Packet<'_>) {
        let hash = KeyHash::new(0).of(&FlowKey::of(packet).0);
        if let Some(Macs { source: Some(mac), .. }) = packet.macs
            && (self.by_mac.len() < limits::HOSTS_INFERRED || self.by_mac.contains_key(&mac))
        {
            let known = self.by_mac.entry(mac).or_default();
            // the reporter of an ICMP error is not the source of what it quotes
            if !matches!(packet.header, decode::Header::Error(_)) && known.len() < limits::ADDRESSES_PER_MAC {
                known.insert(packet.source.ip);
            }
        }
        if self.flows.len() >= limits::FLOWS_INFERRED || !self.flows.insert(hash) {
            return;
        }
        let (a, b) = (packet.source.ip.min(packet.destination.ip), packet.source.ip.max(packet.destination.ip));
        *self.by_pair.entry((a, b)).or_default() += 1;
        for ip in BTreeSet::from([a, b]) {
            *self.by_address.entry(ip).or_default() += 1;
        }
    }

    fn close(self) -> Inference {
        let mut host_of: BTreeMap<IpAddr, usize> = BTreeMap::new();
        let mut hosts: Vec<BTreeSet<IpAddr>> = Vec::new();
        let mut macs: Vec<_> = self.by_mac.into_iter().collect();
        macs.sort();
        for (_, addresses) in macs {
            let routes = addresses.iter().filter(|ip| ip.is_ipv4()).count() > 1 || addresses.len() >= limits::ADDRESSES_PER_MAC;
            if !routes && addresses.iter().all(|ip| !host_of.contains_key(ip)) {
                host_of.extend(addresses.iter().map(|ip| (*ip, hosts.len())));
                hosts.push(addresses);
            }
        }
        for ip in self.by_address.keys().copied().collect::<BTreeSet<_>>() {
            host_of.entry(ip).or_insert_with(|| {
                hosts.push(BTreeSet::from([ip]));
                hosts.len() - 1
            });
        }
        let mut flows = vec![0u64; hosts.len()];
        for ((a, b), count) in self.by_pair {
            for host in [a, b].iter().filter_map(|ip| host_of.get(ip)).collect::<BTreeSet<_>>() {
                flows[*host] += count;
            }
        }
        let mut candidates: Vec<Candidate> =
            hosts.into_iter().zip(flows).map(|(addresses, flows)| Candidate { addresses, flows }).collect();
        candidates.retain(|candidate| candidate.flows > 0);
        candidates.sort_by(|a, b| b.flows.cmp(&a.flows).then_with(|| a.addresses.cmp(&b.addresses)));
        candidates.truncate(limits::CANDIDATES);
        Inference { flows: self.flows.len() as u64, candidates }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Header;
    use crate::fact::{Endpoint, Transport};

    fn flow(tally: &mut Tally, from: ([u8; 4], u8), to: ([u8; 4], u8), port: u16) {
        for (source, destination, ports) in [(from, to, (port, 443)), (to, from, (443, port))] {
            tally.take(&Packet {
                source: Endpoint { ip: source.0.into(), port: ports.0 },
                destination: Endpoint { ip: destination.0.into(), port: ports.1 },
                transport: Transport::Tcp,
                header: Header::Datagram,
                head: &[],
                payload: &[],
                missing: 0,
                has_margin: false,
                macs: Some(Macs { source: Some([source.1; 6]), destination: Some([destination.1; 6]) }),
                outer: None,
                stamp: 0,
            });
        }
    }

    #[test]
    fn the_host_in_every_flow_is_the_agent() {
        let mut tally = Tally::default();
        for n in 0..40 {
            flow(&mut tally, ([10, 0, 0, 4], 1), ([192, 0, 2, n], 9), 1000);
        }
        let inference = tally.close();
        assert_eq!(inference.agent().unwrap().addresses, BTreeSet::from([IpAddr::from([10, 0, 0, 4])]));
    }

    #[test]
    fn two_hosts_that_only_talk_to_each_other_are_both_candidates() {
        let mut tally = Tally::default();
        flow(&mut tally, ([10, 0, 0, 4], 1), ([192, 0, 2, 1], 9), 1000);
        let inference = tally.close();
        assert_eq!((inference.agent(), inference.candidates.len()), (None, 2));
    }

    #[test]
    fn a_busy_stranger_leaves_nobody() {
        let mut tally = Tally::default();
        for n in 0..50 {
            flow(&mut tally, ([10, 0, 0, 4], 1), ([192, 0, 2, n], 9), 1000);
            flow(&mut tally, ([10, 0, 0, 5], 2), ([192, 0, 2, n], 9), 1000);
        }
        assert_eq!(tally.close().agent(), None);
    }
}
