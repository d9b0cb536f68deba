//! Checksums never decide by themselves: bad ones are counted, and only where segments contradict each other does a good one hold over a
//! bad one, which is told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/scenes.rs"]
mod scenes;
mod support;
#[path = "support/world/mod.rs"]
mod world;

use std::sync::atomic::{AtomicU32, Ordering};

use scenes::{NAME, POLICY, TEXT, agent, compliant, site};
use support::{Run, run_with_input};
use world::packets::tcp_at;
use world::{ACK, MILLI, PSH, Tcp, Version, Who, World, tls_session};

fn audit(world: &World) -> Run {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    let file = std::env::temp_dir().join(format!("wirewitness-checksums-{}-{n}.toml", std::process::id()));
    std::fs::write(&file, POLICY).unwrap();
    let run = run_with_input(&["audit", "--json", "-p", file.to_str().unwrap(), "-"].map(str::to_owned), &world.pcap());
    std::fs::remove_file(&file).unwrap();
    assert!(run.code != 2, "{}", run.stderr);
    run
}

fn verdict(world: &World) -> (String, Vec<String>, Vec<String>) {
    let run = audit(world);
    (run.json()["verdict"].as_str().unwrap().to_owned(), run.rules(&["violation", "undetermined"]), run.rules(&["notice"]))
}

/// Makes the checksum of the last frame wrong.
fn spoil(world: &mut World) {
    let frame = &mut world.frames.last_mut().unwrap().bytes;
    let at = tcp_at(frame).unwrap();
    frame[at.header + 16] ^= 0x5a;
}

/// The hello, a decoy in the same place, and the rest of the session.
fn with_decoy(play: impl Fn(&mut World, &Tcp, &[u8])) -> World {
    let mut world = compliant();
    let mut tcp = world.connect(agent(), site());
    let said = tls_session(NAME, Version::Tls13, 700, 5000);
    for (n, (who, bytes)) in said.iter().enumerate() {
        if n == 0 {
            play(&mut world, &tcp, bytes);
            tcp.seq[0] = tcp.seq[0].wrapping_add(bytes.len() as u32);
            world.segment(&tcp, Who::Other, ACK, &[]);
        } else {
            world.say(&mut tcp, *who, bytes);
        }
    }
    world.close(&mut tcp);
    world
}

/// As long, and of another random.
fn other(hello: &[u8]) -> Vec<u8> {
    let mut other = hello.to_vec();
    other[20] ^= 0xff;
    other
}

#[test]
fn a_bad_copy_among_good_ones_is_passed_over_and_told() {
    let world = with_decoy(|world, tcp, hello| {
        world.segment(tcp, Who::Opener, ACK | PSH, hello);
        world.segment(tcp, Who::Opener, ACK | PSH, &other(hello));
        spoil(world);
    });
    assert_eq!(verdict(&world), ("pass".to_owned(), vec![], vec!["WW906".to_owned()]));
    let document = audit(&world).json();
    let said = document["findings"][0]["message"].as_str().unwrap();
    assert!(said.contains("bad checksums") && said.contains("passed over"), "{said}");
    assert_eq!(document["coverage"]["checksums"]["bad"], 1);
}

#[test]
fn a_bad_copy_that_comes_first_waits_for_the_good_one() {
    type Play = fn(&mut World, &Tcp, &[u8]);
    let plays: [(&str, Play); 5] = [
        ("whole", |world, tcp, hello| {
            world.segment(tcp, Who::Opener, ACK | PSH, &other(hello));
            spoil(world);
            world.segment(tcp, Who::Opener, ACK | PSH, hello);
        }),
        ("a tap copied it", |world, tcp, hello| {
            world.segment(tcp, Who::Opener, ACK | PSH, &other(hello));
            spoil(world);
            let mut copy = world.frames.last().unwrap().clone();
            copy.at += 10_000;
            world.frames.push(copy);
            world.segment(tcp, Who::Opener, ACK | PSH, hello);
        }),
        ("the good one is in pieces, the last ahead of the first", |world, tcp, hello| {
            world.segment(tcp, Who::Opener, ACK | PSH, &other(hello));
            spoil(world);
            let mut behind = tcp.clone();
            behind.seq[0] = behind.seq[0].wrapping_add(10);
            world.segment(&behind, Who::Opener, ACK | PSH, &hello[10..]);
            world.segment(tcp, Who::Opener, ACK | PSH, &hello[..10]);
        }),
        ("the bad one says more than was said", |world, tcp, hello| {
            world.segment(tcp, Who::Opener, ACK | PSH, &hello[..60]);
            world.segment(tcp, Who::Opener, ACK | PSH, &other(hello));
            spoil(world);
            world.segment(tcp, Who::Opener, ACK | PSH, hello);
        }),
        ("in the middle of the hello", |world, tcp, hello| {
            world.segment(tcp, Who::Opener, ACK | PSH, &hello[..10]);
            let mut behind = tcp.clone();
            behind.seq[0] = behind.seq[0].wrapping_add(10);
            world.segment(&behind, Who::Opener, ACK | PSH, &other(hello)[10..]);
            spoil(world);
            world.segment(&behind, Who::Opener, ACK | PSH, &hello[10..]);
        }),
    ];
    for (name, play) in plays {
        let world = with_decoy(play);
        assert_eq!(verdict(&world), ("pass".to_owned(), vec![], vec!["WW906".to_owned()]), "{name}");
    }
}

#[test]
fn a_bad_one_without_another_copy_is_read_like_any_other() {
    type Play = fn(&mut World, &Tcp, &[u8]);
    let plays: [(&str, Play); 3] = [
        ("acknowledged", |world, tcp, hello| {
            world.segment(tcp, Who::Opener, ACK | PSH, hello);
            spoil(world);
        }),
        ("the same bytes come again", |world, tcp, hello| {
            world.segment(tcp, Who::Opener, ACK | PSH, hello);
            spoil(world);
            world.wait(MILLI * 300);
            world.segment(tcp, Who::Opener, ACK | PSH, hello);
        }),
        ("what follows it is bad too", |world, tcp, hello| {
            world.segment(tcp, Who::Opener, ACK | PSH, &hello[..30]);
            spoil(world);
            let mut behind = tcp.clone();
            behind.seq[0] = behind.seq[0].wrapping_add(30);
            world.segment(&behind, Who::Opener, ACK | PSH, &hello[30..]);
            spoil(world);
        }),
    ];
    for (name, play) in plays {
        let world = with_decoy(play);
        assert_eq!(verdict(&world), ("pass".to_owned(), vec![], vec![]), "{name}");
        let flows = audit(&world).json()["summary"]["encrypted"].clone();
        assert_eq!(flows, audit(&compliant_with_one_more()).json()["summary"]["encrypted"], "{name}: it is read");
    }
    // one that nobody acknowledges is read when enough has come behind it, and at the end of the flow
    for behind in [3, 100] {
        let mut world = compliant();
        let mut tcp = world.connect(agent(), site());
        world.segment(&tcp, Who::Opener, ACK | PSH, &TEXT[..60]);
        spoil(&mut world);
        tcp.seq[0] = tcp.seq[0].wrapping_add(60);
        for _ in 0..behind {
            world.segment(&tcp, Who::Opener, ACK | PSH, &TEXT[..60]);
            tcp.seq[0] = tcp.seq[0].wrapping_add(60);
        }
        let (verdict, rules, _) = verdict(&world);
        assert_eq!(verdict, "fail", "{behind}: {rules:?}");
        assert!(rules.contains(&"WW201".to_owned()), "{rules:?}");
    }
}

/// What a session without any decoy comes to.
fn compliant_with_one_more() -> World {
    with_decoy(|world, tcp, hello| world.segment(tcp, Who::Opener, ACK | PSH, hello))
}

#[test]
fn any_other_contradiction_stays_undetermined() {
    let ww906 = ("inconclusive".to_owned(), vec!["WW906".to_owned()], vec![]);
    type Play = fn(&mut World, &Tcp, &[u8]);
    let plays: [(&str, Play); 7] = [
        ("both are good", |world, tcp, hello| {
            world.segment(tcp, Who::Opener, ACK | PSH, hello);
            world.segment(tcp, Who::Opener, ACK | PSH, &other(hello));
        }),
        ("both are bad", |world, tcp, hello| {
            world.segment(tcp, Who::Opener, ACK | PSH, hello);
            spoil(world);
            world.segment(tcp, Who::Opener, ACK | PSH, &other(hello));
            spoil(world);
        }),
        ("the bad one was acknowledged, and so read", |world, tcp, hello| {
            world.segment(tcp, Who::Opener, ACK | PSH, &other(hello));
            spoil(world);
            let mut ahead = tcp.clone();
            ahead.seq[0] = ahead.seq[0].wrapping_add(hello.len() as u32);
            world.segment(&ahead, Who::Other, ACK, &[]);
            world.segment(tcp, Who::Opener, ACK | PSH, hello);
        }),
        ("the bad one came again", |world, tcp, hello| {
            for _ in 0..2 {
                world.segment(tcp, Who::Opener, ACK | PSH, &other(hello));
                spoil(world);
            }
            world.segment(tcp, Who::Opener, ACK | PSH, hello);
        }),
        ("a bad text came first", |world, tcp, hello| {
            world.segment(tcp, Who::Opener, ACK | PSH, &TEXT[..80]);
            spoil(world);
            world.segment(tcp, Who::Opener, ACK | PSH, hello);
        }),
        ("another of the sender's is bad", |world, tcp, hello| {
            world.segment(tcp, Who::Opener, ACK | PSH, &hello[..30]);
            spoil(world);
            world.segment(tcp, Who::Opener, ACK | PSH, hello);
            world.segment(tcp, Who::Opener, ACK | PSH, &other(hello));
            spoil(world);
        }),
        ("the bad one is text", |world, tcp, hello| {
            world.segment(tcp, Who::Opener, ACK | PSH, hello);
            world.segment(tcp, Who::Opener, ACK | PSH, &TEXT[..80]);
            spoil(world);
        }),
    ];
    for (name, play) in plays {
        assert_eq!(verdict(&with_decoy(play)), ww906, "{name}");
    }
}

#[test]
fn checksums_that_are_left_to_the_card_change_nothing_and_are_counted() {
    let good = compliant();
    let mut offloaded = compliant();
    for frame in &mut offloaded.frames {
        // of what the agent sends
        if let Some(at) = tcp_at(&frame.bytes).filter(|_| frame.bytes[26..30] == [10, 0, 0, 4]) {
            frame.bytes[at.header + 16..at.header + 18].copy_from_slice(&[0, 0]);
        }
    }
    assert_eq!(verdict(&good), ("pass".to_owned(), vec![], vec![]));
    assert_eq!(verdict(&offloaded), ("pass".to_owned(), vec![], vec![]));
    let counts = |world: &World| {
        let coverage = audit(world).json()["coverage"].clone();
        let sum: u64 = ["good", "bad", "not_checked"].iter().map(|key| coverage["checksums"][key].as_u64().unwrap()).sum();
        assert_eq!(sum, coverage["ledger"]["judged"].as_u64().unwrap());
        ["sent", "received"].map(|way| {
            assert_eq!(coverage[way], coverage["agents"][0][way]);
            ["checksums_good", "checksums_bad"].map(|key| coverage[way][key].as_u64().unwrap())
        })
    };
    let [[sent, none], [received, nothing]] = counts(&good);
    assert!(sent > 0 && received > 0 && none == 0 && nothing == 0);
    assert_eq!(counts(&offloaded), [[0, sent], [received, 0]]);
}
