//! Copies that a tap makes: the same packet twice, the second perhaps behind another tag, with another hardware address, or one hop on.
//!
//! What is compared is what no sender repeats within a fraction of a millisecond: the identification and the transport's checksum
//! ([`Packet::stamp`]), sequence numbers and flags, or a datagram's payload. The last few of each end are kept, by a hash that is keyed at
//! random, so that nothing can be made to look like a copy; a segment's payload is held against the stream's besides. Packets of a flow that nobody reads any more, and those within opaque bytes, are not asked:
//! their copies are counted as packets, and nothing else follows from them.

use std::hash::{BuildHasher, Hasher};

use crate::decode::{Header, Packet};
use crate::fact::Timestamp;
use crate::limits;

/// The last packets of one end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recent {
    seen: [(u64, Timestamp); limits::RECENT_PACKETS],
    next: u8,
}

impl Recent {
    /// Whether this packet was just seen; otherwise it is kept.
    pub(super) fn has(&mut self, packet: &Packet<'_>, at: Timestamp, hash: &impl BuildHasher) -> bool {
        let print = print(packet, hash);
        let is_copy =
            |&(known, then): &(u64, Timestamp)| known == print && at.since(then).unsigned_abs() <= limits::DUPLICATE_NANOS.unsigned_abs();
        if self.seen.iter().any(is_copy) {
            return true;
        }
        self.keep(print, at);
        false
    }

    /// Keeps a packet by its [`print`].
    pub(super) fn keep(&mut self, print: u64, at: Timestamp) {
        if let Some(place) = self.seen.get_mut(usize::from(self.next)) {
            *place = (print, at);
        }
        self.next = (self.next + 1) % limits::RECENT_PACKETS as u8;
    }
}

/// What tells a packet from those of its end that are no copies of it; never zero, which is for places that hold nothing yet.
pub(super) fn print(packet: &Packet<'_>, hash: &impl BuildHasher) -> u64 {
    let mut hasher = hash.build_hasher();
    if let Header::Tcp(tcp) = packet.header {
        // two words at once, since that is one product
        let place = u128::from(tcp.seq) << 32 | u128::from(tcp.ack);
        let length = packet.payload.len() as u64 + u64::from(packet.missing);
        let shape = u128::from(packet.stamp) << 32 | u128::from(tcp.flags) << 24 ^ u128::from(length);
        hasher.write_u128(place << 64 | shape);
    } else {
        hasher.write(packet.payload);
        hasher.write_u64(u64::from(packet.stamp) << 32 | u64::from(packet.missing));
    }
    hasher.finish() | 1
}
