//! A whole audit over a capture that the bytes ask for, held against the laws: no panic, the ledger closes, the same document for any
//! threads and blocks, bounded memory, and nothing taken away makes a pass.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness::judge::{Audit, Verdict};
use wirewitness::report::{FORMATS, Style, json};
use wirewitness_fuzz::audit::{Task, Way};
use wirewitness_fuzz::bytes::Bytes;
use wirewitness_fuzz::{capture, memory};

/// First bytes that say that the rest is a capture file, or two.
const RAW: u8 = 0xff;
const TWO_RAW: u8 = 0xfe;

/// What an audit of an input of this size may hold: blocks in flight, the longest block of a file, the names and findings.
const MOST_BYTES: usize = 64 << 20;

fuzz_target!(|bytes: &[u8]| {
    let mut from = Bytes::new(bytes);
    let mode = from.byte();
    let how = from.byte();
    let chunk = 1 + usize::from(from.byte()) * 16;
    let way = Way { threads: 2, chunk, table_key: u64::from(mode) + 1 };
    let mut made = None;
    let file = match mode {
        RAW | TWO_RAW => from.rest().to_vec(),
        _ => made.insert(capture::make(&mut from)).file(),
    };
    let (first, second) = file.split_at(if mode == TWO_RAW { file.len() / 2 } else { file.len() });
    let inputs = if second.is_empty() { vec![first] } else { vec![first, second] };
    let tiny = [1 << 10, 16 << 10, 64 << 10, 256 << 10][usize::from(how >> 2 & 3)];
    let mut task = Task {
        inputs,
        policy: usize::from(how & 3),
        by_mac: how & 16 != 0,
        inspect_all: how & 32 != 0,
        eager: mode & 1 != 0,
        memory: 1 << 30,
    };
    let (whole, peak) = memory::peak(|| task.run(Way { threads: 1, chunk: usize::MAX, table_key: 0 }));
    assert!(peak < MOST_BYTES, "{peak} bytes were held at once");
    check(&whole);
    same(&whole, &task.run(way));

    if how & 64 != 0 {
        task.memory = tiny;
        let small = task.run(Way { threads: 1, chunk: usize::MAX, table_key: 0 });
        check(&small);
        same(&small, &task.run(way));
        assert!(whole.verdict == Verdict::Pass || small.verdict != Verdict::Pass, "less memory makes a pass");
        task.memory = 1 << 30;
    }
    if how & 128 != 0 && whole.verdict != Verdict::Pass {
        task.infer(chunk);
        if let Some(mut less) = made.take() {
            if less.lose_with_a_trace(usize::from(mode & 15)) {
                let file = less.file();
                task.inputs = vec![&file];
                let less = task.run(Way { threads: 1, chunk: usize::MAX, table_key: 0 });
                assert_ne!(less.verdict, Verdict::Pass, "a frame whose loss shows makes a pass");
            }
        }
    }
});

fn document(audit: &Audit) -> Vec<u8> {
    let mut out = Vec::new();
    (json::FORMAT.write)(audit, &Style::plain(), &mut out).expect("a vector takes everything");
    out
}

fn same(one: &Audit, other: &Audit) {
    let (one, other) = (document(one), document(other));
    if one != other {
        panic!("threads and blocks matter:\n{}\n{}", String::from_utf8_lossy(&one), String::from_utf8_lossy(&other));
    }
}

/// What holds of every audit.
fn check(audit: &Audit) {
    let sum: u64 = audit.coverage.ledger.values().sum();
    assert_eq!(sum, audit.coverage.packets, "the ledger closes");
    assert!(audit.verdict >= audit.agent_conduct, "the agent's part is graver than the whole");
    for format in FORMATS {
        let mut out = Vec::new();
        (format.write)(audit, &Style::plain(), &mut out).expect("a vector takes everything");
        let text = String::from_utf8(out).expect("reports are UTF-8");
        let hostile = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
        assert!(!text.contains(hostile), "text from the wire reached a terminal");
    }
}
