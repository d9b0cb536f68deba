//! When something was seen: from the first time to the last, and the silences between.
//!
//! What is kept are spans without a silence that counts. Those of several lanes make the spans of all: a silence of all is a silence of each.
//! Where there are too many, the least silence that counts is doubled until they fit, so that what is told stays exact.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::Timestamp;
use crate::limits;

/// When packets of one kind were seen.
#[derive(Clone, Debug)]
pub struct Sighting {
    packets: u64,
    /// The shortest silence that counts, in nanoseconds.
    least: i64,
    /// In the order of their beginnings once [`Sighting::join`]ed.
    spans: Vec<(Timestamp, Timestamp)>,
}

impl Default for Sighting {
    fn default() -> Self {
        Self { packets: 0, least: limits::SILENCE_NANOS, spans: Vec::new() }
    }
}

impl Sighting {
    /// Takes a packet in.
    #[inline]
    pub fn take(&mut self, at: Timestamp) {
        self.packets += 1;
        match self.spans.last_mut() {
            // most are a little later than the last
            Some(span) if (at.since(span.1) as u64) < self.least as u64 => span.1 = at,
            Some(span) if at >= span.0 && at < span.1 => {}
            _ => self.begin(at),
        }
    }

    /// Takes so many packets in, from `first` to `last`, in order and without a silence between them that counts. Returns whether it did: they
    /// must go on where the latest stopped.
    pub fn take_run(&mut self, first: Timestamp, last: Timestamp, packets: u64) -> bool {
        match self.spans.last_mut() {
            Some(span) if first >= span.0 && first.since(span.1) < self.least => {
                span.1 = span.1.max(last);
                self.packets += packets;
                true
            }
            _ => false,
        }
    }

    /// A packet outside the latest span.
    #[cold]
    fn begin(&mut self, at: Timestamp) {
        let least = self.least;
        match self.spans.iter_mut().find(|span| at.since(span.1) < least && span.0.since(at) < least) {
            Some(near) => *near = (near.0.min(at), near.1.max(at)),
            None => self.spans.push((at, at)),
        }
        self.fit();
    }

    /// Adds what was seen elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.packets += other.packets;
        self.least = self.least.max(other.least);
        self.spans.extend(&other.spans);
        self.join();
        self.fit();
    }

    fn fit(&mut self) {
        if self.spans.len() > limits::SPANS_SIGHTED {
            self.join();
        }
        while self.spans.len() > limits::SPANS_SIGHTED {
            self.least = self.least.saturating_mul(2);
            self.join();
        }
    }

    /// Orders the spans, and makes one of those between which no silence counts.
    fn join(&mut self) {
        self.spans.sort_unstable();
        let least = self.least;
        self.spans.dedup_by(|next, known| {
            let is_near = next.0.since(known.1) < least;
            if is_near {
                known.1 = known.1.max(next.1);
            }
            is_near
        });
    }

    /// How many packets.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// The first and the last moment.
    #[must_use]
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let first = self.spans.iter().map(|span| span.0).min()?;
        let last = self.spans.iter().map(|span| span.1).max()?;
        Some((first, last))
    }

    /// The shortest silence that counts, in nanoseconds.
    #[must_use]
    pub fn least(&self) -> i64 {
        self.least
    }

    /// The silences that count, in order: the last moment before each and the first after it.
    #[must_use]
    pub fn silences(mut self) -> Vec<(Timestamp, Timestamp)> {
        self.join();
        self.spans.iter().zip(self.spans.iter().skip(1)).map(|(before, after)| (before.1, after.0)).collect()
    }
}

/// An address as words, which are compared at once: every packet is held against that of the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The high and the low half of its bits.
    pub bits: (u64, u64),
    /// Whether it is IPv4's.
    pub is_v4: bool,
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self { bits: (0, ip.to_bits().into()), is_v4: true },
            IpAddr::V6(ip) => Self { bits: ((ip.to_bits() >> 64) as u64, ip.to_bits() as u64), is_v4: false },
        }
    }
}

/// Addresses that were seen lately.
const LATELY: usize = 256;

/// When agents were seen: what each address sent, and what was sent to it. Where there are too many addresses, all are one.
#[derive(Clone, Debug)]
pub struct Sightings {
    /// Empty where all are one.
    by_address: Vec<(Address, [Sighting; 2])>,
    /// Where each stands there.
    places: HashMap<Address, usize, RandomState>,
    /// The places of addresses that were seen lately, by their last bits.
    lately: [u32; LATELY],
    /// All addresses as one, where they are too many.
    all: Option<Box<[Sighting; 2]>>,
}

impl Default for Sightings {
    fn default() -> Self {
        Self { by_address: Vec::new(), places: HashMap::default(), lately: [0; LATELY], all: None }
    }
}

impl Sightings {
    /// A packet that an agent's address sent, or else received.
    #[inline]
    pub fn take(&mut self, address: Address, sent: bool, at: Timestamp) {
        let way = usize::from(!sent);
        if let Some(all) = &mut self.all {
            return all[way].take(at);
        }
        let place = self.lately[address.bits.1 as usize % LATELY];
        match self.by_address.get_mut(place as usize) {
            Some((known, ways)) if *known == address => ways[way].take(at),
            _ => self.ways(address)[way].take(at),
        }
    }

    /// What was seen of an address.
    fn ways(&mut self, address: Address) -> &mut [Sighting; 2] {
        let place = self.places.get(&address).copied();
        if place.is_none() && self.by_address.len() >= limits::AGENTS_SIGHTED {
            self.unite();
        }
        if let Some(ref mut all) = self.all {
            return all;
        }
        let known = place.unwrap_or(self.by_address.len());
        self.lately[address.bits.1 as usize % LATELY] = known as u32;
        if place.is_none() {
            self.places.insert(address, known);
            self.by_address.push((address, Default::default()));
        }
        &mut self.by_address[known].1
    }

    fn unite(&mut self) {
        let mut all = self.all.take().unwrap_or_default();
        self.places.clear();
        for (_, ways) in self.by_address.drain(..) {
            all.iter_mut().zip(&ways).for_each(|(mine, theirs)| mine.merge(theirs));
        }
        self.all = Some(all);
    }

    /// Adds another lane's.
    pub fn merge(&mut self, other: &Self) {
        for (address, theirs) in &other.by_address {
            self.ways(*address).iter_mut().zip(theirs).for_each(|(mine, theirs)| mine.merge(theirs));
        }
        if let Some(theirs) = &other.all {
            self.unite();
            self.all.iter_mut().flat_map(|all| all.iter_mut()).zip(theirs.iter()).for_each(|(mine, theirs)| mine.merge(theirs));
        }
    }

    /// What one address sent, and what was sent to it; `None` where all are one.
    #[must_use]
    pub fn of(&self, ip: IpAddr) -> Option<&[Sighting; 2]> {
        self.places.get(&ip.into()).and_then(|place| self.by_address.get(*place)).map(|(_, ways)| ways)
    }

    /// What all addresses sent, and what was sent to them.
    #[must_use]
    pub fn all(&self) -> [Sighting; 2] {
        let mut united = self.clone();
        united.unite();
        united.all.map(|all| *all).unwrap_or_default()
    }
}

/// When a capture holds packets at all, whoever's, and how its clock goes.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// Packets of everybody.
    pub packets: Sighting,
    /// Where time goes back from one packet of an interface to the next.
    pub back: Jumps,
    /// Where it goes on by so much that the clock may have been set, or nothing captured.
    pub forward: Jumps,
}

/// Steps of a clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Jumps {
    /// How many.
    pub count: u64,
    /// The largest, in nanoseconds.
    pub largest: i64,
    /// The packet behind the first.
    pub first: Option<super::FrameId>,
}

impl Jumps {
    /// Takes one in.
    pub fn take(&mut self, nanos: i64, frame: super::FrameId) {
        self.count += 1;
        self.largest = self.largest.max(nanos);
        self.first.get_or_insert(frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(seconds * SECOND)
    }

    fn seen(moments: impl IntoIterator<Item = i64>) -> Sighting {
        let mut sighting = Sighting::default();
        moments.into_iter().for_each(|moment| sighting.take(at(moment)));
        sighting
    }

    #[test]
    fn silences_lie_between_packets() {
        let sighting = seen([0, 30, 89, 149, 150, 10, 400]);
        assert_eq!((sighting.packets(), sighting.span()), (7, Some((at(0), at(400)))));
        assert_eq!(sighting.silences(), [(at(89), at(149)), (at(150), at(400))]);
        assert_eq!(Sighting::default().span(), None);
    }

    #[test]
    fn a_run_is_what_its_packets_are() {
        let mut run = seen([0, 30]);
        assert!(run.take_run(at(50), at(500), 9));
        assert!(!run.take_run(at(560), at(570), 2), "after a silence");
        assert!(!run.take_run(at(-1), at(3), 2), "before all");
        assert_eq!((run.packets(), run.span()), (11, Some((at(0), at(500)))));
        assert!(run.silences().is_empty());
    }

    #[test]
    fn what_two_saw_is_what_one_would_have() {
        let moments: Vec<i64> = (0..400).map(|n| (n * n * 37) % 9000).collect();
        let whole = seen(moments.iter().copied());
        let mut parts = seen(moments.iter().copied().step_by(2));
        parts.merge(&seen(moments.iter().copied().skip(1).step_by(2)));
        assert_eq!((parts.packets(), parts.span()), (whole.packets(), whole.span()));
        // what one forgot for want of room is the shorter silences
        let least = parts.least().max(whole.least());
        let long = |sighting: Sighting| {
            let silences = sighting.silences();
            silences.into_iter().filter(|(from, to)| to.since(*from) >= least).collect::<Vec<_>>()
        };
        assert_eq!(long(parts), long(whole));
    }

    #[test]
    fn too_many_silences_leave_the_longer_ones() {
        let mut moments: Vec<i64> = (0..1000).map(|n| n * 100).collect();
        moments.push(1_000_000);
        let sighting = seen(moments);
        assert_eq!(sighting.least(), 2 * limits::SILENCE_NANOS);
        assert_eq!(sighting.silences(), [(at(99_900), at(1_000_000))]);
    }

    #[test]
    fn too_many_addresses_are_one() {
        let mut sightings = Sightings::default();
        let ip = |n: usize| IpAddr::from([10, 0, 0, n as u8]);
        for n in 0..limits::AGENTS_SIGHTED {
            sightings.take(ip(n).into(), true, at(n as i64));
        }
        assert_eq!(sightings.of(ip(3)).map(|ways| ways[0].packets()), Some(1));
        let mut other = Sightings::default();
        other.take(ip(200).into(), false, at(7));
        sightings.merge(&other);
        assert!(sightings.of(ip(3)).is_none());
        let [sent, received] = sightings.all();
        assert_eq!((sent.packets(), received.packets()), (limits::AGENTS_SIGHTED as u64, 1));
        other.merge(&sightings);
        assert_eq!(other.all()[1].packets(), 2);
    }
}
