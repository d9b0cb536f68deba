//! The outer packets of tunnels. They are in no flow of a lane, since the packet inside decides the lane: a lane keeps one tally for a
//! tunnel between two addresses, and the tallies of all lanes are added up for the judge.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::decode::Outer;
use crate::fact::{End, Endpoint, FrameIndex, Layer, Locus, Tally, Transport, Tunnel, TunnelSeen};
use crate::judge::Scope;
use crate::limits;

/// What makes outer packets one tunnel: VXLAN and its like scatter over source ports, so that those do not count.
type Key = (Tunnel, Transport, IpAddr, IpAddr, u16);

/// What lies inside tunnels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    /// A packet, in a flow of its own.
    Packet,
    /// More than what can be read: bytes around it that nobody reads.
    More,
    /// What is noise on a link, and may carry anything.
    Noise,
    /// Nothing that could be read, or what has no room for more.
    Nothing,
}

/// The tunnels that some frames lay in.
#[derive(Clone, Debug, Default)]
pub struct Tunnels {
    seen: BTreeMap<Key, TunnelSeen>,
    /// All agents' tunnels beyond the limit.
    beyond: Option<TunnelSeen>,
}

impl Tunnels {
    /// Takes in the tunnels around a packet between `inner`, where those addresses are known.
    pub(super) fn take(&mut self, scope: &Scope, frame: &FrameIndex, outer: &Outer<'_>, inner: Option<(IpAddr, IpAddr)>, what: Inside) {
        let mut layers = outer.layers().enumerate().peekable();
        while let Some((depth, layer)) = layers.next() {
            let inner = layers.peek().map(|(_, next)| (next.source.ip, next.destination.ip)).or(inner);
            let macs = outer.macs.filter(|_| depth == 0);
            let source = scope.has(layer.source.ip, macs.and_then(|macs| macs.source));
            let destination = scope.has(layer.destination.ip, macs.and_then(|macs| macs.destination));
            let own = [layer.source.ip, layer.destination.ip];
            let copied = |agent: bool, ip: IpAddr| !agent || inner.is_some_and(|(a, b)| a == ip || b == ip);
            let copies = copied(source, own[0]) && copied(destination, own[1]) && what != Inside::More;
            let seen = seen(&layer, [source, destination], frame, outer.carried(depth));
            let unjudged = matches!(what, Inside::Noise | Inside::More).then_some(seen.first);
            let carries = matches!(what, Inside::Packet | Inside::More);
            self.add(key(&layer), TunnelSeen { copies, carries, unjudged, ..seen });
        }
    }

    fn add(&mut self, key: Key, seen: TunnelSeen) {
        if let Some(known) = self.seen.get_mut(&key) {
            known.merge(&seen);
        } else if self.seen.len() < limits::TUNNELS_SEEN {
            self.seen.insert(key, seen);
        } else if seen.agents != [false; 2] {
            let beyond = self.beyond.get_or_insert(TunnelSeen { evicted: true, copies: false, ..seen.clone() });
            beyond.last = beyond.last.max(seen.last);
        }
    }

    /// Adds another lane's.
    pub fn merge(&mut self, other: &Self) {
        for (key, seen) in &other.seen {
            self.add(*key, seen.clone());
        }
        match (&mut self.beyond, &other.beyond) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            (mine, theirs) => *mine = mine.take().or_else(|| theirs.clone()),
        }
    }

    /// All of them, by their first frames.
    #[must_use]
    pub fn into_seen(self) -> Vec<TunnelSeen> {
        let mut all: Vec<TunnelSeen> = self.seen.into_values().chain(self.beyond).collect();
        all.sort_by_key(|seen| (seen.first.frame, seen.evicted));
        all
    }
}

/// The port that a tunnel is served on: a known one, or else the one that was sent to.
fn service(layer: &Layer) -> u16 {
    let known = |port: &u16| layer.tunnel.ports().contains(port);
    [layer.destination.port, layer.source.port].into_iter().find(known).unwrap_or(layer.destination.port)
}

fn key(layer: &Layer) -> Key {
    let (low, high) = (layer.source.ip.min(layer.destination.ip), layer.source.ip.max(layer.destination.ip));
    (layer.tunnel, layer.transport, low, high, service(layer))
}

/// One outer packet, whatever lies within.
fn seen(layer: &Layer, [source, destination]: [bool; 2], frame: &FrameIndex, bytes: u64) -> TunnelSeen {
    let end = if layer.source.ip <= layer.destination.ip { End::A } else { End::B };
    let from = Endpoint { ip: layer.source.ip, port: 0 };
    let to = Endpoint { ip: layer.destination.ip, port: service(layer) };
    let mut sent = [Tally::default(); 2];
    sent[end.index()] = Tally { packets: 1, bytes };
    TunnelSeen {
        layer: *layer,
        ends: if end == End::A { [from, to] } else { [to, from] },
        agents: if end == End::A { [source, destination] } else { [destination, source] },
        first: Locus { frame: frame.id, at: frame.at, end },
        last: frame.at,
        sent,
        copies: false,
        carries: false,
        unjudged: None,
        evicted: false,
    }
}
