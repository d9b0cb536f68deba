//! Which names an agent's addresses were answered for, as history.
//!
//! A flow and the answer that explains it may lie on different lanes and come in either order within a moment, so a binding holds for
//! flows from a little before it was seen ([`limits::LATE_ANSWER_NANOS`]), and for ever after: clients use addresses long after their
//! TTL. Canonical names that an answer passes through are remembered too, since some stub resolvers ask for them again.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::policy::Nat64;
use crate::fact::{Name, Resolution, Timestamp};
use crate::limits;

/// The answers seen so far. All agents of an audit are one client.
#[derive(Debug, Default)]
pub struct Names {
    nat64: Nat64,
    bound: HashMap<IpAddr, Vec<Binding>, RandomState>,
    /// From a canonical name to the names whose answer passed through it.
    aliases: HashMap<Name, Vec<Name>, RandomState>,
    kept: usize,
    /// Answers that were not kept for want of memory.
    forgotten: u64,
    /// A flow that carries answers was forgotten before they came.
    lost: bool,
}

#[derive(Debug)]
struct Binding {
    name: Name,
    since: Timestamp,
}

impl Names {
    /// None yet, of addresses behind these prefixes too.
    #[must_use]
    pub fn new(nat64: Nat64) -> Self {
        Self { nat64, ..Self::default() }
    }

    /// Remembers an answer seen at `at`.
    pub fn learn(&mut self, answer: &Resolution, at: Timestamp) {
        for address in answer.addresses() {
            let known = self.bound.entry(self.nat64.canonical(address)).or_default();
            let room = self.kept < limits::NAMES_KEPT && known.len() < limits::NAMES_PER_ADDRESS;
            match known.iter_mut().find(|binding| binding.name == answer.name) {
                Some(binding) => binding.since = binding.since.min(at),
                None if room => {
                    known.push(Binding { name: answer.name.clone(), since: at });
                    self.kept += 1;
                }
                None => self.forgotten += 1,
            }
        }
        for target in answer.targets() {
            let known = self.aliases.entry(target.clone()).or_default();
            if known.contains(&answer.name) {
                continue;
            }
            if self.kept < limits::NAMES_KEPT && known.len() < limits::NAMES_PER_ADDRESS {
                known.push(answer.name.clone());
                self.kept += 1;
            } else {
                self.forgotten += 1;
            }
        }
    }

    /// The names that `address` was answered for, to be used at `moment`, in the order in which they were learnt.
    pub fn at(&self, address: IpAddr, moment: Timestamp) -> impl Iterator<Item = &Name> {
        let known = self.bound.get(&self.nat64.canonical(address)).map(Vec::as_slice).unwrap_or_default();
        known.iter().filter(move |binding| binding.since <= moment.plus_nanos(limits::LATE_ANSWER_NANOS)).map(|binding| &binding.name)
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
        self.lost || self.forgotten > 0
    }

    /// How many answers were not kept.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::DnsData;

    fn answer(name: &str, answers: Vec<DnsData>) -> Resolution {
        Resolution { name: Name::from_wire(name.as_bytes()), qtype: 1, rcode: 0, truncated: false, carried: 0, answers }
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
}
