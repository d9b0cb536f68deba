//! Every inspector of datagrams: DNS that answers what was asked and DNS that does not, and whatever else.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness::fact::{End, Finish, FrameId, Locus, Observation, Timestamp};
use wirewitness::inspect::{Carrier, Inspection, Seen};
use wirewitness_fuzz::bytes::Bytes;
use wirewitness_fuzz::says;

fuzz_target!(|bytes: &[u8]| {
    let mut from = Bytes::new(bytes);
    let mut said: Vec<Observation> = Vec::new();
    let mut inspection = Inspection::new(Carrier::Datagram);
    let mut n = 0;
    while !from.is_empty() && n < 256 {
        let choice = from.byte();
        let [mut question, mut answer] = match choice % 4 {
            0 | 1 => says::dns(&mut from),
            2 => [says::phrase(&mut from), says::phrase(&mut from)],
            _ => {
                let length = from.below(256);
                [from.take(length).to_vec(), Vec::new()]
            }
        };
        says::mutate(&mut question, &mut from);
        says::mutate(&mut answer, &mut from);
        let mut ends = [(End::A, question), (End::B, answer)];
        if choice & 64 != 0 {
            ends.reverse();
        }
        for (end, message) in ends {
            n += 1;
            let locus = Locus { frame: FrameId::new(0, n), at: Timestamp::from_nanos(n as i64 * 1_000_000), end };
            inspection.data(end, &message, &mut Seen::new(&mut said, locus));
            if choice & 128 != 0 {
                inspection.gap(end, 40, true, &mut Seen::new(&mut said, locus));
            }
        }
    }
    for end in [End::A, End::B] {
        let locus = Locus { frame: FrameId::new(0, n + 1), at: Timestamp::default(), end };
        inspection.finish(end, Finish::Idle, &mut Seen::new(&mut said, locus));
    }
    assert!(said.len() <= 4096 * (n as usize + 1), "facts grow with what is said");
});
