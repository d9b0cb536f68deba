//! Pieces by hand: in what order they may come, how long they are waited for, and for how many there is room.

use super::*;
use crate::decode::{Header, packet};
use crate::fact::LinkType;

const SECOND: i64 = 1_000_000_000;

/// A piece of the UDP datagram from one address to another that `id` names.
fn piece(id: u16, offset: usize, more: bool, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x45, 0];
    out.extend((20 + bytes.len() as u16).to_be_bytes());
    out.extend(id.to_be_bytes());
    out.extend(((offset / 8) as u16 | if more { 0x2000 } else { 0 }).to_be_bytes());
    out.extend([64, 17, 0, 0, 10, 0, 0, 4, 192, 0, 2, 1]);
    out.extend(bytes);
    out
}

struct Front {
    fragments: Fragments,
    number: u64,
    at: i64,
}

impl Front {
    fn new() -> Self {
        Self { fragments: Fragments::default(), number: 0, at: 0 }
    }

    fn take(&mut self, bytes: &[u8]) -> Fate {
        self.number += 1;
        let frame = FrameIndex {
            id: FrameId::new(0, self.number),
            at: Timestamp::from_nanos(self.at),
            offset: 0,
            captured: bytes.len() as u32,
            wire: bytes.len() as u32,
            interface: 0,
            link: LinkType::IPV4,
            lane: 0,
            flags: 0,
        };
        self.fragments.take(&frame, bytes)
    }
}

fn datagram() -> Vec<u8> {
    let mut out = vec![0, 53, 0x13, 0x88, 0, 40, 0, 0];
    out.extend(0..32);
    out
}

#[test]
fn pieces_of_eight_bytes_come_in_any_order() {
    let datagram = datagram();
    let mut front = Front::new();
    for at in [24, 8, 32, 16] {
        assert!(matches!(front.take(&piece(1, at, at < 32, &datagram[at..at + 8])), Fate::Held), "{at}");
    }
    let Fate::Whole { bytes, frames: 5, overlap: false, .. } = front.take(&piece(1, 0, true, &datagram[..8])) else { panic!("whole") };
    let read = packet(LinkType::IPV4, &bytes, bytes.len() as u32).unwrap();
    assert_eq!((read.source.port, read.header, read.payload), (53, Header::Datagram, &datagram[8..]));
}

#[test]
fn the_first_copy_of_a_byte_wins_and_others_are_said() {
    let datagram = datagram();
    let mut front = Front::new();
    front.take(&piece(1, 8, true, &[9; 16]));
    front.take(&piece(1, 0, true, &datagram[..16]));
    let Fate::Whole { bytes, overlap: true, .. } = front.take(&piece(1, 24, false, &datagram[24..])) else { panic!("whole") };
    assert_eq!(bytes[20..], [&datagram[..8], &[9; 16], &datagram[24..]].concat());
    // one that is no multiple of eight and not the last, or that ends beyond any packet, is no piece
    assert!(matches!(front.take(&piece(2, 0, true, &[0; 9])), Fate::Refused));
    assert!(matches!(front.take(&piece(2, 65_528, false, &[0; 16])), Fate::Refused));
}

#[test]
fn a_packet_is_waited_for_in_packet_time() {
    let datagram = datagram();
    for (wait, comes) in [(limits::FRAGMENT_NANOS - 1, true), (limits::FRAGMENT_NANOS, false)] {
        let mut front = Front::new();
        front.take(&piece(1, 0, true, &datagram[..16]));
        front.at = wait;
        let whole = matches!(front.take(&piece(1, 16, false, &datagram[16..])), Fate::Whole { .. });
        assert_eq!((whole, front.fragments.lost().count()), (comes, usize::from(!comes)));
        front.fragments.close();
        assert_eq!(front.fragments.lost().map(|lost| lost.frames).sum::<u64>(), u64::from(!comes));
    }
}

#[test]
fn room_is_bounded_and_what_finds_none_is_counted() {
    let mut front = Front::new();
    for id in 0..3000 {
        front.at += SECOND / 1000;
        front.take(&piece(id, 0, true, &[0; 8]));
    }
    assert_eq!(front.fragments.open.len(), limits::FRAGMENTED_PACKETS);
    assert_eq!(front.fragments.lost().count(), 3000 - limits::FRAGMENTED_PACKETS);
    // far apart, so that each takes up all that lies before it
    let mut front = Front::new();
    for id in 0..1000 {
        front.take(&piece(id, 65_000, true, &[0; 8]));
    }
    assert!(front.fragments.bytes <= limits::FRAGMENT_BYTES);
    assert_eq!(front.fragments.lost().count() + front.fragments.open.len(), 1000);
    // and a packet in more pieces than anybody sends is never whole
    let mut front = Front::new();
    for n in 1..=2 * limits::FRAGMENTS {
        front.take(&piece(1, n * 16, true, &[0; 8]));
    }
    assert!(front.fragments.open.values().all(|pieces| pieces.have.len() <= limits::FRAGMENTS));
    front.fragments.close();
    assert_eq!(front.fragments.lost().map(|lost| lost.frames).sum::<u64>(), 2 * limits::FRAGMENTS as u64);
}
