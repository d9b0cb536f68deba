//! The clocks of the inputs: where time goes back, or on by so much that the clock may have been set.
//!
//! Every interface of a file may have its own clock. Nothing follows from a step but that it is told: an audit lives by packet time, and its
//! reader must know where that is not to be trusted.

use std::collections::BTreeMap;

use crate::fact::{FrameIndex, Timestamp, Watched};
use crate::limits;

/// An interface of an input.
type Interface = (u32, u32);

/// Watches the times of all frames go by.
#[derive(Debug, Default)]
pub(super) struct Clock {
    watched: Watched,
    /// The interface at hand.
    interface: Interface,
    /// When it was last heard of.
    before: Option<Timestamp>,
    others: BTreeMap<Interface, Timestamp>,
}

impl Clock {
    /// Takes frames in; returns the latest of their times.
    pub(super) fn take(&mut self, frames: &[FrameIndex]) -> Option<Timestamp> {
        let first = frames.first()?;
        let mut latest = first.at;
        if let Some(until) = self.runs_on(frames)
            && self.watched.packets.take_run(first.at, until, frames.len() as u64)
        {
            self.before = frames.last().map(|frame| frame.at);
            return Some(until);
        }
        for frame in frames {
            latest = latest.max(frame.at);
            self.watched.packets.take(frame.at);
            let interface = (frame.id.input(), frame.interface);
            if interface != self.interface {
                self.turn(interface);
            }
            let step = self.before.replace(frame.at).map_or(0, |before| frame.at.since(before));
            if step <= -limits::CLOCK_BACK_NANOS {
                self.watched.back.take(step.saturating_neg(), frame.id);
            } else if step >= limits::CLOCK_FORWARD_NANOS {
                self.watched.forward.take(step, frame.id);
            }
        }
        Some(latest)
    }

    /// The last of the times, where they are of the interface at hand and none is before the one ahead of it, nor so long after it that anything is
    /// to be told.
    fn runs_on(&self, frames: &[FrameIndex]) -> Option<Timestamp> {
        let mut before = self.before?;
        let mut runs_on = true;
        for frame in frames {
            runs_on &= frame.at >= before && frame.at.since(before) < limits::SILENCE_NANOS;
            runs_on &= (frame.id.input(), frame.interface) == self.interface;
            before = frame.at;
        }
        runs_on.then_some(before)
    }

    /// Turns to another interface.
    #[cold]
    fn turn(&mut self, interface: Interface) {
        if let Some(before) = self.before {
            self.others.insert(self.interface, before);
        }
        self.before = self.others.remove(&interface);
        self.interface = interface;
    }

    pub(super) fn watched(&self) -> &Watched {
        &self.watched
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{FrameId, LinkType};

    const SECOND: i64 = 1_000_000_000;

    fn frame(number: u64, interface: u32, seconds: i64) -> FrameIndex {
        FrameIndex {
            id: FrameId::new(0, number),
            at: Timestamp::from_nanos(seconds * SECOND),
            offset: 0,
            captured: 0,
            wire: 0,
            interface,
            link: LinkType::ETHERNET,
            lane: 0,
            flags: 0,
        }
    }

    #[test]
    fn steps_are_those_of_one_interface() {
        let mut clock = Clock::default();
        let frames = [frame(1, 0, 100), frame(2, 1, 50), frame(3, 0, 101), frame(4, 1, 51), frame(5, 0, 90), frame(6, 1, 4000)];
        assert_eq!(clock.take(&frames[..4]), Some(Timestamp::from_nanos(101 * SECOND)));
        assert_eq!((clock.watched().back.count, clock.watched().forward.count), (0, 0));
        clock.take(&frames[4..]);
        let Watched { packets, back, forward } = clock.watched();
        assert_eq!((back.count, back.largest, back.first), (1, 11 * SECOND, Some(FrameId::new(0, 5))));
        assert_eq!((forward.count, forward.largest, forward.first), (1, 3949 * SECOND, Some(FrameId::new(0, 6))));
        assert_eq!(packets.packets(), 6);
    }
}
