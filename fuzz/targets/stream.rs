//! Every inspector of streams, over what both ends say: in order, in any pieces, with losses. Whole messages and single bytes must
//! tell the same facts; only how it is told that something was not encrypted may differ, since a fragment can look like less.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness::fact::{End, Fact, Finish, FrameId, Locus, Observation, Timestamp};
use wirewitness::inspect::{Carrier, Inspection, Seen};
use wirewitness_fuzz::bytes::Bytes;
use wirewitness_fuzz::says::{self, Tls};

/// What one end says, or that so many of its bytes were lost.
#[derive(Debug)]
enum Turn {
    Says(End, Vec<u8>),
    Loses(End, u64),
}

fn script(from: &mut Bytes<'_>) -> Vec<Turn> {
    let tls = Tls::chosen(from);
    let mut turns = Vec::new();
    let mut step = 0;
    while !from.is_empty() && turns.len() < 64 {
        let choice = from.byte();
        let mut end = if choice & 1 == 0 { End::A } else { End::B };
        let mut message = match choice >> 1 & 7 {
            0..=2 => {
                end = if step % 2 == 0 { End::A } else { End::B };
                step += 1;
                tls.flight(step - 1, "www.example.com", from)
            }
            3 => says::alert(tls.version.min(0x0303), from),
            4 => {
                turns.push(Turn::Loses(end, 1 + u64::from(from.half())));
                continue;
            }
            5 => {
                let length = from.below(256);
                from.take(length).to_vec()
            }
            _ => says::phrase(from),
        };
        says::mutate(&mut message, from);
        turns.push(Turn::Says(end, message));
    }
    turns
}

fn facts(turns: &[Turn], piece: usize) -> Vec<Fact> {
    let mut said: Vec<Observation> = Vec::new();
    let mut inspection = Inspection::new(Carrier::Stream);
    // bytes told to be opaque are not given again
    let mut opaque = [0usize; 2];
    for turn in turns {
        match turn {
            Turn::Says(end, message) => {
                for bytes in message.chunks(piece) {
                    let skipped = opaque[end.index()].min(bytes.len());
                    opaque[end.index()] -= skipped;
                    opaque[end.index()] += inspection.data(*end, &bytes[skipped..], &mut Seen::new(&mut said, locus(*end)));
                }
            }
            Turn::Loses(end, missing) => {
                let inside = opaque[end.index()].min(*missing as usize);
                opaque[end.index()] -= inside;
                if *missing > inside as u64 {
                    inspection.gap(*end, missing - inside as u64, false, &mut Seen::new(&mut said, locus(*end)));
                }
            }
        }
    }
    for end in [End::A, End::B] {
        inspection.finish(end, Finish::Fin, &mut Seen::new(&mut said, locus(end)));
    }
    said.into_iter().map(|observation| observation.fact).collect()
}

fn locus(end: End) -> Locus {
    Locus { frame: FrameId::new(0, 1), at: Timestamp::default(), end }
}

fuzz_target!(|bytes: &[u8]| {
    let mut from = Bytes::new(bytes);
    let piece = 1 + from.below(64);
    let turns = script(&mut from);
    let (whole, pieces) = (facts(&turns, usize::MAX), facts(&turns, piece));
    let order = |facts: &[Fact]| {
        let mut lines: Vec<String> = facts.iter().map(|fact| format!("{fact:?}")).collect();
        lines.sort();
        lines
    };
    let unproven = |facts: &[Fact]| facts.iter().any(|fact| matches!(fact, Fact::Cleartext(_) | Fact::Unrecognised | Fact::Limit(_)));
    if !unproven(&whole) || !unproven(&pieces) {
        assert_eq!(order(&whole), order(&pieces), "pieces of {piece} matter: {turns:?}");
    }
});
