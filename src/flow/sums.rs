//! Checksums of what one end of a connection sent, as far as they are looked at: those of segments whose bytes are kept to be compared, and
//! of one without payload, which shows whether the end's checksums can be believed before it says anything.
//!
//! They decide in one case alone. A segment that contradicts a good one, brings nothing else and has a bad checksum, among others of its sender
//! that are all good, was dropped by whoever received it: it is passed over, and that is told. One that comes first waits
//! ([`super::withheld`]).

use crate::decode::Packet;
use crate::fact::Checksums;

/// The checksums of one end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) seen: Checksums,
    /// Segments of whose bytes some are missing, so that their checksums show nothing.
    unknown: bool,
    /// Those of the bad ones that were passed over.
    passed_over: u32,
}

impl Sums {
    /// Takes in a segment, whose bytes are `compared` with others. Returns whether it is a bad one among good ones.
    pub(super) fn take(&mut self, packet: &Packet<'_>, compared: bool) -> bool {
        let is_wanted = compared && !packet.payload.is_empty() || self.seen == Checksums::default();
        if !is_wanted {
            return false;
        }
        match packet.checksum() {
            Some(true) => {
                self.seen.good = self.seen.good.saturating_add(1);
                false
            }
            Some(false) => {
                let others_are_good = self.seen.good > 0 && self.seen.bad == self.passed_over && !self.unknown;
                self.seen.bad = self.seen.bad.saturating_add(1);
                others_are_good
            }
            None => {
                self.unknown |= !packet.payload.is_empty() || packet.missing > 0;
                false
            }
        }
    }

    /// Says that the last one was passed over.
    pub(super) fn pass_over(&mut self) {
        self.passed_over = self.passed_over.saturating_add(1);
    }
}
