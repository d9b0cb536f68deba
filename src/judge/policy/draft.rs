//! Policies while they are put together: what unites, and what one file says over another.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::errors::{Mistake, Place};
use super::index::Index;
use super::{
    Agent, Allow, Counts, Denials, Deny, DnsBinding, DnsTunnel, Ech, EncryptedDns, Expect, Inbound, Nat64, Origin, Origins, Pattern,
    Policy, Private, Required, RootsFile, TunnelIs, Tunnels, Waiver,
};
use crate::fact::{CipherSuite, Name, Timestamp, TlsVersion};
use crate::judge::{PolicyUsed, Severity};

/// A scalar that was set, and where.
#[derive(Clone)]
pub(super) struct Set<T> {
    pub value: T,
    pub origin: Origin,
    pub place: Place,
}

/// What can be set but once. A policy's own words hold over those of what it extends; policies of equal rank must agree.
#[derive(Clone, Default)]
pub(super) struct Scalars {
    pub private: Option<Set<Private>>,
    pub tls_minimum: Option<Set<TlsVersion>>,
    pub dns_binding: Option<Set<DnsBinding>>,
    /// In nanoseconds, and as written.
    pub dns_grace: Option<Set<(i64, String)>>,
    pub ech: Option<Set<Ech>>,
    pub encrypted_dns: Option<Set<EncryptedDns>>,
    /// In the order of [`DnsTunnel::KEYS`].
    pub dns_tunnel: [Option<Set<u64>>; DnsTunnel::KEYS.len()],
    /// In nanoseconds, and as written.
    pub min_duration: Option<Set<(i64, String)>>,
    pub min_flows: Option<Set<u64>>,
    /// By the code of the rule, each once.
    pub severity: Vec<(String, Set<Severity>)>,
}

/// What unites: every policy adds to it once, however many extend it.
#[derive(Default)]
pub(super) struct Lists {
    pub agents: Vec<(Agent, Origin)>,
    pub tls_ciphers: Option<Vec<(CipherSuite, Origin)>>,
    pub roots: Vec<RootsFile>,
    pub resolvers: Option<Vec<(IpNet, Origin)>>,
    pub search: Vec<(Name, Origin)>,
    pub encrypted_resolvers: Vec<(Pattern, Origin)>,
    pub counts: Counts,
    pub allow: Vec<Allow>,
    pub deny: Vec<Deny>,
    pub inbound: Vec<Inbound>,
    pub waivers: Vec<Waiver>,
    pub tunnels: Tunnels,
    pub nat64: Nat64,
    pub expect: Vec<(Expect, Origin)>,
    pub dated: Vec<(Timestamp, String, Origin)>,
    /// Where entries stand, by their origins.
    pub places: BTreeMap<Origin, Place>,
    /// What is doubtful and no mistake.
    pub doubts: Vec<Mistake>,
}

impl Scalars {
    /// Of equal rank: each scalar is set by one of them, or to the same by both.
    pub fn unite(self, other: Self, mistakes: &mut Vec<Mistake>) -> Self {
        let mut severity = self.severity;
        for (code, theirs) in other.severity {
            match severity.iter().find(|(known, _)| *known == code) {
                Some((_, ours)) => {
                    agree(mistakes, &format!("the severity of {code}"), Some(ours.clone()), Some(theirs));
                }
                None => severity.push((code, theirs)),
            }
        }
        let mut theirs = other.dns_tunnel.into_iter();
        let mut key = DnsTunnel::KEYS.into_iter();
        let mut agreed = |ours| agree(mistakes, &format!("dns.tunnel.{}", key.next().unwrap_or_default()), ours, theirs.next().flatten());
        let dns_tunnel = self.dns_tunnel.map(&mut agreed);
        Self {
            private: agree(mistakes, "destinations.private", self.private, other.private),
            tls_minimum: agree(mistakes, "tls.minimum", self.tls_minimum, other.tls_minimum),
            dns_binding: agree(mistakes, "dns_binding", self.dns_binding, other.dns_binding),
            dns_grace: agree(mistakes, "dns.grace", self.dns_grace, other.dns_grace),
            ech: agree(mistakes, "ech", self.ech, other.ech),
            encrypted_dns: agree(mistakes, "encrypted_dns", self.encrypted_dns, other.encrypted_dns),
            dns_tunnel,
            min_duration: agree(mistakes, "coverage.min_duration", self.min_duration, other.min_duration),
            min_flows: agree(mistakes, "coverage.min_flows", self.min_flows, other.min_flows),
            severity,
        }
    }

    /// What is left of it where `own` holds.
    pub fn without(self, own: &Self) -> Self {
        let is_open = |code: &str| own.severity.iter().all(|(known, _)| known != code);
        let mut own_tunnel = own.dns_tunnel.iter();
        Self {
            private: self.private.filter(|_| own.private.is_none()),
            tls_minimum: self.tls_minimum.filter(|_| own.tls_minimum.is_none()),
            dns_binding: self.dns_binding.filter(|_| own.dns_binding.is_none()),
            dns_grace: self.dns_grace.filter(|_| own.dns_grace.is_none()),
            ech: self.ech.filter(|_| own.ech.is_none()),
            encrypted_dns: self.encrypted_dns.filter(|_| own.encrypted_dns.is_none()),
            dns_tunnel: self.dns_tunnel.map(|set| {
                let is_open = own_tunnel.next().is_none_or(Option::is_none);
                set.filter(|_| is_open)
            }),
            min_duration: self.min_duration.filter(|_| own.min_duration.is_none()),
            min_flows: self.min_flows.filter(|_| own.min_flows.is_none()),
            severity: self.severity.into_iter().filter(|(code, _)| is_open(code)).collect(),
        }
    }

    /// What a policy says itself, and what is left of what it extends.
    pub fn over(self, base: Self) -> Self {
        let base = base.without(&self);
        let mut severity = self.severity;
        severity.extend(base.severity);
        let mut base_tunnel = base.dns_tunnel.into_iter();
        Self {
            private: self.private.or(base.private),
            tls_minimum: self.tls_minimum.or(base.tls_minimum),
            dns_binding: self.dns_binding.or(base.dns_binding),
            dns_grace: self.dns_grace.or(base.dns_grace),
            ech: self.ech.or(base.ech),
            encrypted_dns: self.encrypted_dns.or(base.encrypted_dns),
            dns_tunnel: self.dns_tunnel.map(|set| {
                let base = base_tunnel.next().flatten();
                set.or(base)
            }),
            min_duration: self.min_duration.or(base.min_duration),
            min_flows: self.min_flows.or(base.min_flows),
            severity,
        }
    }

    /// The policy in force, with defaults for what nobody set.
    pub fn policy(self, mut lists: Lists, used: Vec<PolicyUsed>) -> Policy {
        lists.translate();
        let (private, private_at) = split(self.private);
        let (tls_minimum, tls_minimum_at) = split(self.tls_minimum);
        let (dns_binding, dns_binding_at) = split(self.dns_binding);
        let (dns_grace, dns_grace_at) = split(self.dns_grace);
        let (ech, ech_at) = split(self.ech);
        let (encrypted_dns, encrypted_dns_at) = split(self.encrypted_dns);
        let mut dns_tunnel = DnsTunnel::default();
        let mut thresholds = dns_tunnel.0.iter_mut();
        let dns_tunnel_at = self.dns_tunnel.map(|set| {
            let (value, at) = split(set);
            if let Some((threshold, value)) = thresholds.next().zip(value) {
                *threshold = value;
            }
            at
        });
        let (min_duration, min_duration_at) = split(self.min_duration);
        let (min_flows, min_flows_at) = split(self.min_flows);
        let (agents, agents_at) = lists.agents.into_iter().unzip();
        let (search, search_at) = lists.search.into_iter().unzip();
        let (tls_ciphers, tls_ciphers_at) = unzip(lists.tls_ciphers);
        let (resolvers, resolvers_at) = unzip(lists.resolvers);
        Policy {
            used,
            agents,
            private: private.unwrap_or_default(),
            tls_minimum: tls_minimum.unwrap_or(TlsVersion::TLS1_2),
            tls_ciphers,
            roots: lists.roots,
            resolvers,
            search,
            dns_binding: dns_binding.unwrap_or_default(),
            dns_grace,
            dns_tunnel,
            ech: ech.unwrap_or_default(),
            counts: lists.counts,
            encrypted_dns: encrypted_dns.unwrap_or_default(),
            encrypted_resolvers: lists.encrypted_resolvers,
            index: Index::new(lists.allow.iter().map(|entry| &entry.names[..])),
            deny: Denials::new(lists.deny),
            allow: lists.allow,
            inbound: lists.inbound,
            severity: self.severity.into_iter().map(|(code, set)| (code, set.value, set.origin)).collect(),
            waivers: lists.waivers,
            tunnels: lists.tunnels,
            nat64: lists.nat64,
            coverage: Required { min_duration, min_flows, expect: lists.expect },
            dated: lists.dated,
            origins: Origins {
                private: private_at,
                tls_minimum: tls_minimum_at,
                dns_binding: dns_binding_at,
                dns_grace: dns_grace_at,
                dns_tunnel: dns_tunnel_at,
                ech: ech_at,
                encrypted_dns: encrypted_dns_at,
                min_duration: min_duration_at,
                min_flows: min_flows_at,
                agents: agents_at,
                search: search_at,
                tls_ciphers: tls_ciphers_at,
                resolvers: resolvers_at,
            },
        }
    }
}

impl Lists {
    /// Takes what is written as addresses behind NAT64 for the IPv4 addresses that they are held against.
    fn translate(&mut self) {
        let nat64 = std::mem::take(&mut self.nat64);
        let ends = self.tunnels.mirror.iter_mut().chain(&mut self.tunnels.own);
        let nets = (self.agents.iter_mut().filter_map(|(agent, _)| if let Agent::Net(net) = agent { Some(net) } else { None }))
            .chain(self.resolvers.iter_mut().flatten().map(|(net, _)| net))
            .chain(self.inbound.iter_mut().flat_map(|entry| &mut entry.from))
            .chain(self.waivers.iter_mut().flat_map(|waiver| &mut waiver.cidrs))
            .chain(ends.filter_map(|(which, _)| if let TunnelIs::At(net) = which { Some(net) } else { None }))
            .chain(self.expect.iter_mut().filter_map(|(who, _)| if let Expect::At(net) = who { Some(net) } else { None }));
        for net in nets {
            *net = nat64.net(*net);
        }
        for cidrs in self.allow.iter_mut().map(|entry| &mut entry.cidrs).chain(self.deny.iter_mut().map(|entry| &mut entry.cidrs)) {
            *cidrs = std::mem::take(cidrs).map(|net| nat64.net(net));
        }
        self.nat64 = nat64;
    }
}

/// Two scalars of equal rank: the same, or a contradiction.
fn agree<T: PartialEq>(mistakes: &mut Vec<Mistake>, what: &str, a: Option<Set<T>>, b: Option<Set<T>>) -> Option<Set<T>> {
    match (a, b) {
        (Some(a), Some(b)) if a.value != b.value => {
            let message = format!("{what} is set differently here and at {}", a.place.label());
            mistakes.push(b.place.mistake(message, Some("set it once, in a policy that extends both".to_owned())));
            Some(a)
        }
        (a, b) => a.or(b),
    }
}

fn split<T>(set: Option<Set<T>>) -> (Option<T>, Option<Origin>) {
    set.map_or((None, None), |set| (Some(set.value), Some(set.origin)))
}

fn unzip<T>(list: Option<Vec<(T, Origin)>>) -> (Option<Vec<T>>, Vec<Origin>) {
    match list {
        Some(list) => {
            let (values, origins) = list.into_iter().unzip();
            (Some(values), origins)
        }
        None => (None, Vec::new()),
    }
}
