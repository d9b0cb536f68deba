//! Which names an agent's addresses were answered for, as history.
//!
//! A flow and the answer that explains it may lie on different lanes and come in either order within a moment, so a binding holds for
//! flows from a little before it was seen ([`limits::LATE_ANSWER_NANOS`]), and for ever after: clients use addresses long after their
//! TTL (RFC 1035 section 3.2.1). A policy may say for how long after it at most (`[dns] grace`). Canonical names that an answer passes
//! through are remembered too, since some stub resolvers ask for them again.
//!
//! SVCB and HTTPS records (RFC 9460) bind the name that was asked for, and no other: to their hints, as if those were its addresses; and to the
//! addresses of their targets, which are answered by themselves. A target is whatever the owner of the asked name says, and gains nothing by it.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::net::IpAddr;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::policy::Nat64;
use crate::fact::{Name, Resolution, Timestamp};
use crate::limits;

const FOR_EVER: Timestamp = Timestamp::from_nanos(i64::MAX);

/// The answers seen so far. All agents of an audit are one client.
#[derive(Clone, Debug, Default)]
pub struct Names {
    nat64: Nat64,
    /// How long after its TTL an answer stands, in nanoseconds; for ever where nothing is said.
    grace: Option<i64>,
    bound: Lists<IpAddr, Binding>,
    /// From a canonical name to the names whose answer passed through it.
    aliases: Lists<Name, Name>,
    /// From a name whose addresses serve others, by SVCB and HTTPS records, to those.
    served: Lists<Name, Binding>,
    /// From the public name of a configuration of encrypted hellos to the names that it was answered for, and the key.
    ech: Lists<Name, (Binding, u8)>,
    /// Configurations were answered that nobody could read, or keep.
    ech_unread: bool,
    room: Room,
    /// The names of bindings, each once: one is answered with thousands of addresses.
    texts: HashSet<Name, RandomState>,
    /// A flow that carries answers was forgotten before they came.
    lost: bool,
}

/// What is known of each of many.
type Lists<K, T> = HashMap<K, SmallVec<[T; 1]>, RandomState>;

/// How much is kept, and how much was not.
#[derive(Clone, Debug)]
struct Room {
    kept: usize,
    most: usize,
    /// Answers that were not kept for want of memory.
    forgotten: u64,
}

impl Default for Room {
    fn default() -> Self {
        Self { kept: 0, most: limits::NAMES_KEPT, forgotten: 0 }
    }
}

impl Room {
    /// Adds to a list what nothing in it `takes` in. Returns whether it is known now: where there is no room, nothing is added.
    fn add<K: Eq + Hash, T>(
        &mut self,
        lists: &mut Lists<K, T>,
        key: K,
        takes: impl FnMut(&mut T) -> bool,
        item: impl FnOnce() -> T,
    ) -> bool {
        let has_room = self.kept < self.most;
        match lists.entry(key) {
            Entry::Occupied(mut known) => {
                if known.get_mut().iter_mut().any(takes) {
                    return true;
                }
                if has_room && known.get().len() < limits::NAMES_PER_ADDRESS {
                    known.get_mut().push(item());
                    self.kept += 1;
                    return true;
                }
            }
            Entry::Vacant(none) if has_room => {
                none.insert(SmallVec::from_buf([item()]));
                self.kept += 1;
                return true;
            }
            Entry::Vacant(_) => {}
        }
        self.forgotten += 1;
        false
    }
}

/// A name, and from when until when answers stood for it.
#[derive(Clone, Debug)]
struct Binding {
    name: Name,
    since: Timestamp,
    until: Timestamp,
}

impl Binding {
    /// Whether it was answered by `moment`.
    fn began(&self, moment: Timestamp) -> bool {
        self.since <= moment.plus_nanos(limits::LATE_ANSWER_NANOS)
    }

    fn stands(&self, moment: Timestamp) -> bool {
        self.began(moment) && moment <= self.until
    }

    /// Takes in an answer for the same name that leaves no time between them.
    fn widen(&mut self, answer: &Self) -> bool {
        let meets = self.name == answer.name && answer.since <= self.until && self.since <= answer.until;
        if meets {
            (self.since, self.until) = (self.since.min(answer.since), self.until.max(answer.until));
        }
        meets
    }
}

impl Names {
    /// None yet, of addresses behind these prefixes too, whose answers stand for so many nanoseconds after their TTL.
    #[must_use]
    pub fn new(nat64: Nat64, grace: Option<i64>) -> Self {
        Self { nat64, grace, ..Self::default() }
    }

    /// Keeps no more than fit into so many bytes.
    pub fn keep_within(&mut self, bytes: usize) {
        self.room.most = (bytes / limits::NAME_BYTES).clamp(limits::NAMES_KEPT_LEAST, limits::NAMES_KEPT);
    }

    fn binding(&self, name: &Name, answer: &Resolution, at: Timestamp) -> Binding {
        let ttl = answer.ttl.map(|ttl| i64::from(ttl) * 1_000_000_000);
        let until = self.grace.zip(ttl).map_or(FOR_EVER, |(grace, ttl)| at.plus_nanos(grace.saturating_add(ttl)));
        Binding { name: name.clone(), since: at, until }
    }

    /// Remembers an answer seen at `at`.
    pub fn learn(&mut self, answer: &Resolution, at: Timestamp) {
        let owner = served_name(&answer.name, answer.qtype);
        if is_service(answer.qtype) {
            self.learn_services(answer, &owner, at);
        }
        let binding = self.binding(&owner, answer, at);
        // clients do not use what an error carries, save the canonical names that lead to it
        for address in answer.addresses().filter(|_| !is_error(answer)) {
            let address = self.nat64.canonical(address);
            let item = || Binding { name: text(&mut self.texts, &owner), since: binding.since, until: binding.until };
            self.room.add(&mut self.bound, address, |earlier| earlier.widen(&binding), item);
        }
        for target in answer.targets() {
            self.room.add(&mut self.aliases, target.clone(), |known| *known == owner, || owner.clone());
        }
    }

    /// What the services that an answer names are served by, and what hides the names of their hellos.
    fn learn_services(&mut self, answer: &Resolution, owner: &Name, at: Timestamp) {
        // whom an owner serves is served by its targets too
        let above: Vec<Name> = self.served.get(owner).into_iter().flatten().map(|binding| binding.name.clone()).collect();
        for target in answer.targets().filter(|target| *target != owner && !is_error(answer)) {
            for name in above.iter().chain([owner]).filter(|name| *name != target) {
                let binding = self.binding(name, answer, at);
                self.room.add(&mut self.served, target.clone(), |earlier| earlier.widen(&binding), || binding.clone());
            }
        }
        for configs in answer.services().filter_map(|service| service.ech.as_ref()) {
            self.ech_unread |= configs.is_empty();
            for config in configs {
                let is_known = |(binding, id): &mut (Binding, u8)| (&binding.name, *id) == (owner, config.id);
                // whoever hides a name is suspect for ever
                let item = || (Binding { name: owner.clone(), since: at, until: FOR_EVER }, config.id);
                self.ech_unread |= !self.room.add(&mut self.ech, config.public_name.clone(), is_known, item);
            }
        }
    }

    /// The names that `address` was answered for, to be used at `moment`, in the order in which they were learnt; then those that are served by
    /// these. Of answers that no longer stand there are none.
    pub fn at(&self, address: IpAddr, moment: Timestamp) -> impl Iterator<Item = &Name> {
        self.bindings(address, move |binding| binding.stands(moment))
    }

    /// The same, with those whose answers no longer stand: clients are known to use them.
    pub fn ever(&self, address: IpAddr, moment: Timestamp) -> impl Iterator<Item = &Name> {
        self.bindings(address, move |binding| binding.began(moment))
    }

    /// Until when `address` was last answered for `name`, where no answer stands at `moment` any more.
    pub fn stood_until(&self, address: IpAddr, name: &Name, moment: Timestamp) -> Option<Timestamp> {
        let known = self.bound.get(&self.nat64.canonical(address))?;
        let past = known.iter().filter(|binding| binding.name == *name && binding.began(moment));
        past.map(|binding| binding.until).max().filter(|until| *until < moment)
    }

    fn bindings<'a>(&'a self, address: IpAddr, holds: impl Fn(&Binding) -> bool + Copy + 'a) -> impl Iterator<Item = &'a Name> {
        let known = self.bound.get(&self.nat64.canonical(address)).map(SmallVec::as_slice).unwrap_or_default();
        let known = known.iter().filter(move |binding| holds(binding)).map(|binding| &binding.name);
        let served = known.clone().filter_map(|name| self.served.get(name)).flatten();
        known.chain(served.filter(move |binding| holds(binding)).map(|binding| &binding.name))
    }

    /// The names for which configurations of encrypted hellos with this public name were answered by `moment`, each with the key.
    pub fn hidden_behind(&self, public_name: &Name, moment: Timestamp) -> impl Iterator<Item = (&Name, u8)> {
        let known = self.ech.get(public_name).into_iter().flatten();
        known.filter(move |(binding, _)| binding.began(moment)).map(|(binding, id)| (&binding.name, *id))
    }

    /// Whether all configurations of encrypted hellos that an agent was answered are known, as far as its DNS was seen.
    #[must_use]
    pub fn knows_ech(&self) -> bool {
        !self.ech_unread && !self.is_incomplete()
    }

    /// The names whose answers passed through `target`.
    pub fn passed_through(&self, target: &Name) -> impl Iterator<Item = &Name> {
        self.aliases.get(target).into_iter().flatten()
    }

    /// Says that answers may have come which nobody could read.
    pub fn lose(&mut self) {
        self.lost = true;
    }

    /// Whether answers or questions may have come which nobody could read.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.lost
    }

    /// Whether an agent may have been answered more than is known here. What rests on no answer is then no violation.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.lost || self.room.forgotten > 0
    }

    /// How many answers were not kept.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.room.forgotten
    }
}

/// The same name, in the memory of the first that was kept.
fn text(texts: &mut HashSet<Name, RandomState>, name: &Name) -> Name {
    if let Some(known) = texts.get(name) {
        return known.clone();
    }
    texts.insert(name.clone());
    name.clone()
}

/// Whether a resolver says that there is no such name, or that it cannot tell.
fn is_error(answer: &Resolution) -> bool {
    answer.rcode != 0
}

/// Whether records of a type say by what a name is served (RFC 9460).
fn is_service(qtype: u16) -> bool {
    matches!(qtype, 64 | 65)
}

/// The name that is meant where a service is asked for by its port and scheme: `_8443._https.www.example` (RFC 9460 section 2.3).
pub(super) fn served_name(name: &Name, qtype: u16) -> Name {
    let bare = || {
        let (port, rest) = name.as_str().strip_prefix('_')?.split_once('.')?;
        let (scheme, bare) = rest.strip_prefix('_')?.split_once('.')?;
        let is_port = port.parse::<u16>().is_ok_and(|number| number.to_string() == port);
        let is_scheme = matches!(scheme, "https" | "http" | "wss" | "ws" | "dns");
        (is_port && is_scheme && !bare.is_empty()).then(|| Name::from_wire(bare.as_bytes()))
    };
    if is_service(qtype) { bare().unwrap_or_else(|| name.clone()) } else { name.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{DnsData, EchConfig, Service};

    fn answer(name: &str, answers: Vec<DnsData>) -> Resolution {
        Resolution { name: Name::from_wire(name.as_bytes()), qtype: 1, rcode: 0, truncated: false, ttl: None, carried: 0, answers }
    }

    #[test]
    fn a_binding_holds_from_a_little_before_it_was_seen() {
        let mut names = Names::default();
        let ip: IpAddr = [192, 0, 2, 1].into();
        let at = Timestamp::from_nanos(10_000_000_000);
        names.learn(&answer("a.example", vec![DnsData::Target(Name::from_wire(b"cdn.example")), DnsData::Address(ip)]), at);
        assert_eq!(names.at(ip, at.plus_nanos(-1_000_000)).count(), 1, "a millisecond late");
        assert_eq!(names.at(ip, at.plus_nanos(-limits::LATE_ANSWER_NANOS - 1)).count(), 0, "long before");
        assert_eq!(names.at(ip, at.plus_nanos(i64::MAX / 2)).count(), 1, "long after");
        assert_eq!(names.passed_through(&Name::from_wire(b"cdn.example")).count(), 1);
    }

    #[test]
    fn an_error_binds_no_address() {
        let mut names = Names::default();
        let ip: IpAddr = [192, 0, 2, 1].into();
        let said = vec![DnsData::Target(Name::from_wire(b"cdn.example")), DnsData::Address(ip)];
        for rcode in [3, 2, 5] {
            names.learn(&Resolution { rcode, ..answer("a.example", said.clone()) }, Timestamp::default());
        }
        assert_eq!(names.at(ip, Timestamp::default()).count(), 0);
        assert_eq!(names.passed_through(&Name::from_wire(b"cdn.example")).count(), 1, "it led to what is not there");
        names.learn(&answer("a.example", said), Timestamp::default());
        assert_eq!(names.at(ip, Timestamp::default()).count(), 1);
    }

    #[test]
    fn an_ipv4_address_behind_nat64_is_the_one_that_was_answered() {
        let mut names = Names::default();
        let (four, six): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), "64:ff9b::c000:201".parse().unwrap());
        names.learn(&answer("a.example", vec![DnsData::Address(four)]), Timestamp::default());
        assert_eq!(names.at(six, Timestamp::default()).count(), 1);
        assert_eq!(names.at("64:ff9b::c000:202".parse().unwrap(), Timestamp::default()).count(), 0);
    }

    #[test]
    fn names_of_one_address_are_bounded() {
        let mut names = Names::default();
        for i in 0..10_000 {
            names.learn(&answer(&format!("n{i}.example"), vec![DnsData::Address([192, 0, 2, 1].into())]), Timestamp::default());
        }
        assert!(names.forgotten() > 0);
        assert!(names.at([192, 0, 2, 1].into(), Timestamp::default()).count() <= limits::NAMES_PER_ADDRESS);
    }

    #[test]
    fn addresses_of_one_name_are_bounded() {
        let mut names = Names::default();
        for n in 0..limits::NAMES_KEPT as u32 + 1000 {
            names.learn(&answer("www.example", vec![DnsData::Address(std::net::Ipv4Addr::from(n).into())]), Timestamp::default());
        }
        assert_eq!((names.bound.len(), names.forgotten()), (limits::NAMES_KEPT, 1000));
        assert_eq!(names.texts.len(), 1);
    }

    fn service(target: Option<&str>, hints: &[IpAddr], ech: Option<&[(u8, &str)]>) -> DnsData {
        let name = |text: &str| Name::from_wire(text.as_bytes());
        let configs = |configs: &[(u8, &str)]| configs.iter().map(|(id, of)| EchConfig { id: *id, public_name: name(of) }).collect();
        DnsData::Service(Box::new(Service {
            kind: 65,
            priority: u16::from(!hints.is_empty()),
            target: target.map(name),
            alpn: Vec::new(),
            port: None,
            hints: hints.to_vec(),
            ech: ech.map(configs),
        }))
    }

    fn at(names: &Names, ip: IpAddr) -> Vec<String> {
        names.at(ip, Timestamp::default()).map(ToString::to_string).collect()
    }

    #[test]
    fn hints_bind_whom_was_asked_for_and_targets_serve_him() {
        let mut names = Names::default();
        let (hint, address): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let mut learn = |name: &str, qtype: u16, data: DnsData| {
            names.learn(&Resolution { qtype, ..answer(name, vec![data]) }, Timestamp::default());
        };
        learn("a.example", 65, service(Some("pool.example"), &[hint], None));
        learn("_8443._https.c.example", 65, service(None, &[hint], None));
        learn("pool.example", 65, service(Some("host.example"), &[], None));
        learn("host.example", 1, DnsData::Address(address));
        learn("other.example", 65, service(Some("a.example"), &[], None));
        assert_eq!(at(&names, hint), ["a.example", "c.example", "other.example"], "as whoever is served by a.example is");
        assert_eq!(at(&names, address), ["host.example", "a.example", "pool.example"]);
        assert!(names.passed_through(&Name::from_wire(b"pool.example")).any(|name| name.as_str() == "a.example"));
        assert!(names.knows_ech());
    }

    #[test]
    fn who_hides_behind_a_public_name_is_known() {
        let mut names = Names::default();
        let data = vec![service(None, &[], Some(&[(7, "outer.example")]))];
        for _ in 0..2 {
            names.learn(&Resolution { qtype: 65, ..answer("a.example", data.clone()) }, Timestamp::default());
        }
        let outer = Name::from_wire(b"outer.example");
        let hidden: Vec<_> = names.hidden_behind(&outer, Timestamp::default()).map(|(name, id)| (name.to_string(), id)).collect();
        assert_eq!((hidden, names.knows_ech()), (vec![("a.example".to_owned(), 7)], true));
        let unread = vec![service(None, &[], Some(&[]))];
        names.learn(&Resolution { qtype: 65, ..answer("b.example", unread) }, Timestamp::default());
        assert!(!names.knows_ech());
    }
}
