//! Whose traffic the outer packets of a tunnel are.
//!
//! Left to itself the judge takes a tunnel for the agent's own where an agent is an end of it, and for a mirror or a carrier of others
//! otherwise. One that only the agent sends into, to a private address, and that carries nothing but packets of that same address, is taken
//! for a mirror of its own traffic: so clouds mirror. A policy may say otherwise for a kind of tunnel, or for the address of an end.

use ipnet::IpNet;

use super::{Nat64, Origin};
use crate::fact::{Layer, Tunnel};

/// What a policy says of tunnels.
#[derive(Clone, Debug, Default)]
pub struct Tunnels {
    /// Observation points: their outer packets are nobody's traffic.
    pub mirror: Vec<(TunnelIs, Origin)>,
    /// The agent's own: judged outside and inside.
    pub own: Vec<(TunnelIs, Origin)>,
}

/// Which tunnels are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TunnelIs {
    /// Those of a kind.
    Kind(Tunnel),
    /// Those with an end at an address.
    At(IpNet),
}

impl TunnelIs {
    fn has(self, layer: &Layer, nat64: &Nat64) -> bool {
        match self {
            Self::Kind(tunnel) => tunnel == layer.tunnel,
            Self::At(net) => net.contains(&nat64.canonical(layer.source.ip)) || net.contains(&nat64.canonical(layer.destination.ip)),
        }
    }
}

impl std::fmt::Display for TunnelIs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kind(tunnel) => f.write_str(tunnel.name()),
            Self::At(net) => net.fmt(f),
        }
    }
}

impl Tunnels {
    /// Where the policy calls a tunnel a mirror. Where it calls it the agent's own too, that holds: it is judged.
    #[must_use]
    pub fn mirror(&self, layer: &Layer, nat64: &Nat64) -> Option<&Origin> {
        let mirror = self.mirror.iter().find(|(which, _)| which.has(layer, nat64));
        mirror.filter(|_| self.own(layer, nat64).is_none()).map(|(_, origin)| origin)
    }

    /// Where the policy calls a tunnel the agent's own.
    #[must_use]
    pub fn own(&self, layer: &Layer, nat64: &Nat64) -> Option<&Origin> {
        self.own.iter().find(|(which, _)| which.has(layer, nat64)).map(|(_, origin)| origin)
    }
}
