//! Orders in which packets really come: the verdict of a compliant world does not hang on them, and its bytes not on threads.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;
#[path = "support/world/mod.rs"]
mod world;

use std::net::IpAddr;

use support::run_with_input;
use world::{Frame, MILLI, SECOND, Version, World, pcap_of};

const POLICY: &str = r#"
name = "world"
[agent]
addresses = ["10.0.0.4", "fd00::4"]
[dns]
resolvers = ["10.0.0.2"]
[[allow]]
names = ["*.allowed.example"]
ports = [443]
"#;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Many names, each answered and then used: by chance of the lanes' hash most answers lie on another lane than their flow.
fn compliant() -> World {
    let mut world = World::default();
    for n in 0..20u8 {
        let name = format!("n{n}.allowed.example");
        let address = if n % 3 == 0 { ip(&format!("2001:db8::{n:x}")) } else { ip(&format!("203.0.113.{n}")) };
        let agent = if address.is_ipv6() { ip("fd00::4") } else { ip("10.0.0.4") };
        world.resolve(ip("10.0.0.4"), ip("10.0.0.2"), &name, &["edge.cdn.example"], address);
        let version = if n % 2 == 0 { Version::Tls13 } else { Version::Tls12 };
        world.tls(agent, (address, 443), &name, version, 700, 5000);
    }
    world
}

/// Audits frames from a pipe, on several numbers of threads that must agree. Returns verdict and rules.
fn judge(name: &str, frames: &[Frame]) -> (String, Vec<String>) {
    let folder = std::env::temp_dir().join(format!("wirewitness-order-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let policy = folder.join("policy.toml");
    std::fs::write(&policy, POLICY).unwrap();
    let pcap = pcap_of(frames);
    let audit = |threads: &str| {
        let arguments = ["audit", "--json", "--threads", threads, "-p", policy.to_str().unwrap(), "-"].map(str::to_owned);
        run_with_input(&arguments, &pcap)
    };
    let one = audit("1");
    for threads in ["2", "3", "8"] {
        assert_eq!(one.stdout, audit(threads).stdout, "{name} on {threads} threads");
    }
    std::fs::remove_dir_all(&folder).unwrap();
    let verdict = one.json()["verdict"].as_str().unwrap_or_default().to_owned();
    (verdict, one.rules(&["violation", "undetermined"]))
}

fn passes(name: &str, frames: &[Frame]) {
    assert_eq!(judge(name, frames), ("pass".to_owned(), vec![]), "{name}");
}

/// A port that mirrors twice: the second copy behind a tag, with other hardware addresses, one hop on.
#[test]
fn copies_that_a_tap_makes_change_nothing() {
    let copy = |frame: &Frame| {
        let mut bytes = [&[6; 12][..], &[0x81, 0, 0, 5], &frame.bytes[12..]].concat();
        // hop limit, or TTL with the checksum that goes with it
        if frame.bytes[12..14] == [0x86, 0xdd] {
            bytes[25] -= 1;
        } else {
            bytes[26] -= 1;
            bytes[28] = bytes[28].wrapping_add(1);
        }
        Frame { at: frame.at + 100_000, bytes, cut: 0 }
    };
    let frames: Vec<Frame> = compliant().frames.iter().flat_map(|frame| [frame.clone(), copy(frame)]).collect();
    passes("copies", &frames);
}

#[test]
fn a_compliant_world_passes() {
    passes("plain", &compliant().frames);
}

#[test]
fn an_answer_a_millisecond_late_binds() {
    let mut frames = compliant().frames;
    // the answer is the second frame of each name: let it come after the hello
    let answers: Vec<usize> = frames.iter().enumerate().filter(|(_, f)| is_from_resolver(&f.bytes)).map(|(n, _)| n).collect();
    for n in answers {
        for swap in n..(n + 5).min(frames.len() - 1) {
            let (a, b) = (frames[swap].at, frames[swap + 1].at);
            frames.swap(swap, swap + 1);
            frames[swap].at = a;
            frames[swap + 1].at = b;
        }
    }
    passes("late-answer", &frames);
}

fn is_from_resolver(frame: &[u8]) -> bool {
    frame.get(12..14) == Some(&[8, 0]) && frame[23] == 17 && frame[34..36] == [0, 53]
}

#[test]
fn a_late_syn_after_the_hello_still_shows_who_opened() {
    let frames = compliant().frames;
    let is_syn = |f: &Frame| f.bytes.get(12..14) == Some(&[8, 0]) && f.bytes[23] == 6 && f.bytes[47] == 2;
    let syn = frames.iter().position(is_syn).unwrap();
    let mut late = frames.clone();
    let moved = late.remove(syn);
    late.insert(syn + 4, moved);
    restamp(&mut late);
    passes("late-syn", &late);
}

/// The times of the frames as they stand, a millisecond apart.
fn restamp(frames: &mut [Frame]) {
    for (n, frame) in frames.iter_mut().enumerate() {
        frame.at = world::START + n as i64 * MILLI;
    }
}

#[test]
fn equal_timestamps_change_nothing() {
    let mut frames = compliant().frames;
    frames.iter_mut().for_each(|frame| frame.at = world::START);
    passes("equal", &frames);
}

#[test]
fn a_clock_that_steps_back_changes_nothing() {
    let mut frames = compliant().frames;
    let half = frames.len() / 2;
    // half a second, as a clock is set
    frames[half..].iter_mut().for_each(|frame| frame.at -= SECOND / 2);
    passes("backwards", &frames);
}

#[test]
fn neighbours_swapped_change_nothing() {
    let mut frames = compliant().frames;
    for pair in frames.chunks_mut(2) {
        if let [a, b] = pair {
            std::mem::swap(&mut a.bytes, &mut b.bytes);
        }
    }
    passes("swapped", &frames);
}

#[test]
fn duplicates_change_nothing() {
    let frames: Vec<Frame> = compliant().frames.into_iter().flat_map(|frame| [frame.clone(), frame]).collect();
    passes("duplicates", &frames);
}

#[test]
fn losing_any_frame_never_passes_where_it_shows() {
    let world = compliant();
    let first: Vec<Frame> = world.frames.iter().take(24).cloned().collect();
    let tail = &world.frames[24..];
    // without its hello, its ServerHello, its answer, its SYN-ACK: every one of these shows
    // up to the tickets behind the handshake: loss inside protected records is none
    for lost in 1..13 {
        let mut frames = first.clone();
        let gone = frames.remove(lost);
        frames.extend_from_slice(tail);
        let pure_ack = matches!(gone.bytes.len(), 54 | 74);
        let (verdict, _) = judge(&format!("lost-{lost}"), &frames);
        // a lone datagram and a bare acknowledgement leave no trace; an answer leaves a name unbound
        assert!(pure_ack || verdict != "pass" || gone.bytes[23] == 17, "without frame {}: {verdict}", lost + 1);
    }
}
