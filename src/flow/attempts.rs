//! TCP flows of which only SYNs of one end were seen: a few dozen bytes each, in the order in which they began, so that a flood of SYNs
//! costs little and the oldest is found at once.

use super::FlowKey;
use super::pages::Pages;
use crate::fact::{End, FrameId, Locus, Timestamp};

/// The bit of a slot that tells attempts from entries.
pub(super) const ATTEMPT: u32 = 1 << 31;

/// Bytes that an attempt costs, its place in the index included.
const ATTEMPT_BYTES: usize = size_of::<Attempt>() + 10;

/// A TCP flow of which only SYNs of one end were seen, as it is kept.
#[derive(Clone, Copy)]
struct Attempt {
    first: FrameId,
    first_at: Timestamp,
    /// From the highest: 40 bits of nanoseconds from the first packet to the last (an attempt is over after 130 s), 16 of packets, 8 of flags.
    rest: u64,
    /// Both addresses of IPv4; where the key is [`WIDE`], its place.
    addresses: [u32; 2],
    ports: [u16; 2],
    isn: u32,
}

/// Bits of [`Attempt::rest`].
const OPEN: u64 = 1;
const BY_B: u64 = 1 << 1;
const AGENT_A: u64 = 1 << 2;
const AGENT_B: u64 = 1 << 3;
const UNREACHABLE: u64 = 1 << 4;
/// The key is not of IPv4 and lies elsewhere.
const WIDE: u64 = 1 << 5;
const PACKETS_AT: u32 = 8;
const LASTING_AT: u32 = 24;

impl Attempt {
    fn packets(&self) -> u16 {
        (self.rest >> PACKETS_AT) as u16
    }

    fn lasting(&self) -> u64 {
        self.rest >> LASTING_AT
    }

    fn has(&self, bit: u64) -> bool {
        self.rest & bit != 0
    }

    fn end(&self) -> End {
        if self.has(BY_B) { End::B } else { End::A }
    }

    fn agents(&self) -> [bool; 2] {
        [self.has(AGENT_A), self.has(AGENT_B)]
    }
}

/// A TCP flow of which only SYNs of one end were seen, as it was when it ended or became an entry.
pub struct Attempted {
    /// What tells it apart.
    pub key: FlowKey,
    /// The first SYN; its end is the sender.
    pub first: Locus,
    /// When the last was seen.
    pub last: Timestamp,
    pub(super) isn: u32,
    /// How many there were.
    pub packets: u16,
    /// Which ends are agents.
    pub agents: [bool; 2],
    /// Its destination was said to be out of reach.
    pub unreachable: bool,
}

/// The attempts of one table. Their slots are numbers that are given one after the other and have [`ATTEMPT`] set.
#[derive(Default)]
pub(super) struct Attempts {
    /// Nothing that was taken out is at the front.
    queue: Pages<Attempt>,
    /// The number of the attempt at the front.
    front: u32,
    /// Keys that are not of IPv4, and the places among them that are free.
    wide: Vec<FlowKey>,
    free: Vec<u32>,
}

impl Attempts {
    /// A new one, by its first packet.
    pub(super) fn push(&mut self, key: &FlowKey, isn: u32, agents: [bool; 2], first: Locus) -> u32 {
        let slot = self.front.wrapping_add(self.queue.len() as u32) | ATTEMPT;
        let agent = |is: bool, bit: u64| if is { bit } else { 0 };
        let by = if first.end == End::B { BY_B } else { 0 };
        let mut rest = OPEN | by | agent(agents[0], AGENT_A) | agent(agents[1], AGENT_B) | 1 << PACKETS_AT;
        let (addresses, ports) = key.of_tcp_over_ipv4().unwrap_or_else(|| {
            rest |= WIDE;
            ([self.keep(*key), 0], [0; 2])
        });
        self.queue.push_back(Attempt { first: first.frame, first_at: first.at, rest, addresses, ports, isn });
        slot
    }

    /// A further SYN of the same end; `false` where it is of the other, or no attempt is there.
    pub(super) fn again(&mut self, slot: u32, isn: u32, at: Locus) -> bool {
        let Some(attempt) = self.get_mut(slot).filter(|attempt| attempt.end() == at.end) else { return false };
        let lasting = attempt.lasting().max(at.at.since(attempt.first_at).max(0) as u64).min((1 << 40) - 1);
        let packets = attempt.packets().saturating_add(1);
        attempt.rest = attempt.rest & 0xff | u64::from(packets) << PACKETS_AT | lasting << LASTING_AT;
        attempt.isn = isn;
        true
    }

    /// Its destination was said to be out of reach.
    pub(super) fn refuse(&mut self, slot: u32) {
        if let Some(attempt) = self.get_mut(slot) {
            attempt.rest |= UNREACHABLE;
        }
    }

    /// The key of the attempt in this slot.
    pub(super) fn key(&self, slot: u32) -> Option<FlowKey> {
        self.get(slot).and_then(|attempt| self.key_of(attempt))
    }

    /// Whether that is its key.
    #[inline]
    pub(super) fn has(&self, slot: u32, key: &FlowKey) -> bool {
        self.get(slot).is_some_and(|attempt| match key.of_tcp_over_ipv4() {
            Some(compact) => !attempt.has(WIDE) && compact == (attempt.addresses, attempt.ports),
            None => attempt.has(WIDE) && self.wide.get(attempt.addresses[0] as usize) == Some(key),
        })
    }

    pub(super) fn agents(&self, slot: u32) -> Option<[bool; 2]> {
        self.get(slot).map(Attempt::agents)
    }

    /// The first frame of the attempt in this slot.
    pub(super) fn first(&self, slot: u32) -> Option<FrameId> {
        self.get(slot).map(|attempt| attempt.first)
    }

    /// Takes an attempt out, since it ended or becomes an entry.
    pub(super) fn take(&mut self, slot: u32) -> Option<Attempted> {
        let attempt = *self.get(slot)?;
        let key = self.key_of(&attempt)?;
        if attempt.has(WIDE) {
            self.free.push(attempt.addresses[0]);
        }
        if let Some(attempt) = self.get_mut(slot) {
            attempt.rest &= !OPEN;
        }
        while self.queue.front().is_some_and(|attempt| !attempt.has(OPEN)) {
            self.queue.pop_front();
            self.front = self.front.wrapping_add(1) & !ATTEMPT;
        }
        if self.queue.len() == 0 {
            // what a flood took is given back
            (self.wide, self.free) = (Vec::new(), Vec::new());
        }
        Some(Attempted {
            key,
            first: Locus { frame: attempt.first, at: attempt.first_at, end: attempt.end() },
            last: attempt.first_at.plus_nanos(attempt.lasting() as i64),
            isn: attempt.isn,
            packets: attempt.packets(),
            agents: attempt.agents(),
            unreachable: attempt.has(UNREACHABLE),
        })
    }

    /// The slot of the oldest attempt, its first frame and the time of that.
    pub(super) fn oldest(&self) -> Option<(u32, FrameId, Timestamp)> {
        self.queue.front().map(|attempt| (self.front | ATTEMPT, attempt.first, attempt.first_at))
    }

    /// Bytes of memory held, roughly: what the budget is charged.
    pub(super) fn bytes(&self) -> usize {
        self.queue.len() * ATTEMPT_BYTES + self.wide.len() * size_of::<FlowKey>()
    }

    fn keep(&mut self, key: FlowKey) -> u32 {
        if let Some(place) = self.free.pop()
            && let Some(free) = self.wide.get_mut(place as usize)
        {
            *free = key;
            return place;
        }
        self.wide.push(key);
        (self.wide.len() - 1) as u32
    }

    fn key_of(&self, attempt: &Attempt) -> Option<FlowKey> {
        if attempt.has(WIDE) {
            return self.wide.get(attempt.addresses[0] as usize).copied();
        }
        Some(FlowKey::tcp_over_ipv4(attempt.addresses, attempt.ports))
    }

    fn get(&self, slot: u32) -> Option<&Attempt> {
        self.queue.get(self.place(slot)).filter(|attempt| attempt.has(OPEN))
    }

    fn get_mut(&mut self, slot: u32) -> Option<&mut Attempt> {
        let place = self.place(slot);
        self.queue.get_mut(place).filter(|attempt| attempt.has(OPEN))
    }

    fn place(&self, slot: u32) -> usize {
        (slot.wrapping_sub(self.front) & !ATTEMPT) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_of_ipv4_is_small() {
        assert_eq!(size_of::<Attempt>(), 40);
    }
}
