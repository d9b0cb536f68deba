//! Tunnels, mirrors and fragments under judgement: whose traffic they are, and that nothing in them or around them passes unseen.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;
#[path = "support/world/mod.rs"]
mod world;

use std::net::IpAddr;

use etherparse::{IpNumber, PacketBuilder};
use support::{Run, run_with_input};
use world::{Frame, SECOND, Version, Who, World, pcap_of};

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

const AGENT: [u8; 4] = [10, 0, 0, 4];
const HUB: [u8; 4] = [203, 0, 113, 99];
const COLLECTOR: [u8; 4] = [10, 9, 0, 9];

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Runs a command over frames from a pipe, on several numbers of threads that must agree.
fn run(command: &str, more: &str, frames: &[Frame]) -> Run {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let n = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("wirewitness-tunnels-{}-{n}.toml", std::process::id()));
    std::fs::write(&path, format!("{POLICY}{more}")).unwrap();
    let pcap = pcap_of(frames);
    let on = |threads: &str| {
        run_with_input(&[command, "--json", "--threads", threads, "-p", path.to_str().unwrap(), "-"].map(str::to_owned), &pcap)
    };
    let one = on("1");
    for threads in ["2", "3"] {
        assert_eq!(one.stdout, on(threads).stdout, "on {threads} threads");
    }
    std::fs::remove_file(&path).unwrap();
    one
}

fn audit(more: &str, frames: &[Frame]) -> Run {
    let run = run("audit", more, frames);
    let document = run.json();
    let ledger: u64 = document["coverage"]["ledger"].as_object().unwrap().values().filter_map(serde_json::Value::as_u64).sum();
    assert_eq!(ledger, frames.len() as u64, "the ledger closes: {}", document["coverage"]["ledger"]);
    run
}

fn verdict(run: &Run) -> String {
    run.json()["verdict"].as_str().unwrap().to_owned()
}

/// What the document says of tunnels.
fn said(run: &Run) -> Vec<String> {
    let document = run.json();
    let of_tunnels = |e: &&serde_json::Value| e["kind"] == "tunnel";
    document["exceptions"].as_array().unwrap().iter().filter(of_tunnels).map(|e| e["message"].as_str().unwrap().to_owned()).collect()
}

/// The findings of a rule whose subject is of a transport.
fn findings(run: &Run, rule: &str, subject: &str) -> usize {
    let document = run.json();
    let findings = document["findings"].as_array().unwrap();
    findings.iter().filter(|f| f["rule"] == rule && f["subject"].as_str().unwrap().starts_with(subject)).count()
}

/// The agent's compliant morning.
fn compliant() -> World {
    let mut world = World::default();
    for n in 0..6u8 {
        let name = format!("n{n}.allowed.example");
        let address = if n % 3 == 0 { ip(&format!("2001:db8::{n:x}")) } else { ip(&format!("198.51.100.{n}")) };
        let agent = if address.is_ipv6() { ip("fd00::4") } else { ip("10.0.0.4") };
        world.resolve(ip("10.0.0.4"), ip("10.0.0.2"), &name, &[], address);
        world.tls(agent, (address, 443), &name, Version::Tls13, 700, 5000);
    }
    world
}

fn ethernet(from: [u8; 4], to: [u8; 4], protocol: u8, rest: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(from, to, 64).write(&mut out, IpNumber(protocol), rest).unwrap();
    out
}

fn vxlan(from: [u8; 4], to: [u8; 4], vni: u8, frame: &[u8]) -> Vec<u8> {
    let mut udp = [&[0xee, 0x48, 0x12, 0xb5][..], &(frame.len() as u16 + 16).to_be_bytes(), &[0, 0, 8, 0, 0, 0, 0, 0, vni, 0]].concat();
    udp.extend(frame);
    ethernet(from, to, 17, &udp)
}

fn wrapped(frames: &[Frame], wrap: impl Fn(&[u8]) -> Vec<u8>) -> Vec<Frame> {
    frames.iter().map(|frame| Frame { at: frame.at, bytes: wrap(&frame.bytes), cut: 0 }).collect()
}

/// The compliant morning, and after it what else is sent.
fn and_then(mut more: impl FnMut(&mut World)) -> Vec<Frame> {
    let mut world = compliant();
    world.wait(61 * SECOND);
    more(&mut world);
    world.frames
}

#[test]
fn a_mirror_between_others_is_an_observation_point() {
    let frames = wrapped(&compliant().frames, |frame| vxlan([10, 9, 0, 1], COLLECTOR, 7, frame));
    let run = audit("", &frames);
    assert_eq!(verdict(&run), "pass", "{}", run.stdout);
    assert!(said(&run)[0].contains("no end of it is the agent"), "{:?}", said(&run));
    let raw = wrapped(&compliant().frames, |frame| {
        ethernet([10, 9, 0, 1], COLLECTOR, 47, &[&[0, 0, frame[12], frame[13]][..], &frame[14..]].concat())
    });
    assert_eq!(verdict(&audit("", &raw)), "pass");
}

#[test]
fn a_tunnel_of_the_agent_is_judged_outside_and_inside() {
    let frames = and_then(|world| {
        let mut inner = world.clone();
        inner.frames.clear();
        let mut tcp = inner.connect(ip("172.16.0.4"), (ip("172.16.0.9"), 80));
        inner.say(&mut tcp, Who::Opener, b"POST /data HTTP/1.1\r\nHost: hub.example\r\nContent-Length: 5\r\n\r\nhello");
        inner.say(&mut tcp, Who::Other, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        inner.close(&mut tcp);
        world.frames.extend(inner.frames.iter().map(|frame| {
            let outward = frame.bytes[26..30] == [172, 16, 0, 4];
            let (from, to) = if outward { (AGENT, HUB) } else { (HUB, AGENT) };
            Frame { at: frame.at, bytes: ethernet(from, to, 47, &[&[0, 0, 8, 0][..], &frame.bytes[14..]].concat()), cut: 0 }
        }));
    });
    let run = audit("", &frames);
    assert_eq!(verdict(&run), "fail");
    assert_eq!(findings(&run, "WW301", "gre 203.0.113.99"), 1, "outside: {}", run.stdout);
    assert_eq!(findings(&run, "WW201", "http"), 1, "inside: {}", run.stdout);
    assert!(said(&run)[0].contains("the agent's own"));
    let flows = self::run("flows", "", &frames).stdout;
    assert!(flows.lines().any(|line| line.contains("172.16.0.9") && line.contains(r#""tunnel":[{"tunnel":"gre""#)), "{flows}");
    assert!(flows.lines().any(|line| line.contains(r#""transport":"gre""#) && line.contains(r#""encryption":"none""#)), "{flows}");
}

#[test]
fn a_tunnel_of_the_agent_that_is_allowed_passes_where_what_is_inside_does() {
    let frames = and_then(|world| {
        let mut inner = world.clone();
        inner.frames.clear();
        inner.resolve(ip("10.0.0.4"), ip("10.0.0.2"), "t.allowed.example", &[], ip("198.51.100.9"));
        let plain = std::mem::take(&mut inner.frames);
        inner.tls(ip("172.16.0.4"), (ip("198.51.100.9"), 443), "t.allowed.example", Version::Tls13, 700, 500);
        world.frames.extend(plain);
        world.frames.extend(inner.frames.iter().map(|frame| {
            let (from, to) = if frame.bytes[26..30] == [172, 16, 0, 4] { (AGENT, HUB) } else { (HUB, AGENT) };
            Frame { at: frame.at, bytes: vxlan(from, to, 9, &frame.bytes), cut: 0 }
        }));
    });
    let run = audit("[[allow]]\ncidrs = [\"203.0.113.99\"]\nports = [4789]\n", &frames);
    assert_eq!(verdict(&run), "pass", "{}", run.stdout);
    assert_eq!(said(&run).len(), 1);
    assert_eq!(verdict(&audit("", &frames)), "fail", "its outside is judged");
}

#[test]
fn what_is_noise_inside_is_traffic_outside() {
    let arp = [&[0xff; 6][..], &[2; 6], &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1], &[0; 20]].concat();
    let frames = and_then(|world| world.push(vxlan(AGENT, HUB, 1, &arp)));
    let run = audit("", &frames);
    assert_eq!((verdict(&run).as_str(), findings(&run, "WW301", "udp 203.0.113.99")), ("fail", 1), "{}", run.stdout);
    let excused = audit("[tunnels]\nmirror = [\"203.0.113.99\"]\n", &frames);
    assert_eq!(verdict(&excused), "pass", "{}", excused.stdout);
    assert!(said(&excused)[0].contains("is a mirror by world:"), "{:?}", said(&excused));
}

#[test]
fn copies_of_its_own_traffic_are_a_mirror_unless_they_leave_or_carry_more() {
    let copies = |to: [u8; 4]| {
        and_then(|world| {
            let mut inner = world.clone();
            inner.frames.clear();
            inner.resolve(ip("10.0.0.4"), ip("10.0.0.2"), "m.allowed.example", &[], ip("198.51.100.9"));
            inner.tls(ip("10.0.0.4"), (ip("198.51.100.9"), 443), "m.allowed.example", Version::Tls13, 700, 500);
            world.frames.extend(wrapped(&inner.frames, |frame| vxlan(AGENT, to, 3, frame)));
        })
    };
    let run = audit("", &copies(COLLECTOR));
    assert_eq!(verdict(&run), "pass", "{}", run.stdout);
    assert!(said(&run)[0].contains("a mirror of the agent's own traffic"), "{:?}", said(&run));
    assert_eq!(verdict(&audit("", &copies(HUB))), "fail", "it leaves");
    assert_eq!(verdict(&audit("[tunnels]\nown = [\"vxlan\"]\n", &copies(COLLECTOR))), "fail", "the policy says so");
}

#[test]
fn networks_of_an_overlay_stay_apart_and_vlans_do_not() {
    let mut world = World::default();
    world.udp((ip("192.168.0.1"), 5000), (ip("192.168.0.2"), 6000), b"one");
    let frame = world.frames[0].clone();
    let count = |frames: &[Frame]| self::run("flows", "", frames).stdout.lines().count();
    let of = |vni| Frame { at: frame.at, bytes: vxlan([10, 9, 0, 1], COLLECTOR, vni, &frame.bytes), cut: 0 };
    assert_eq!(count(&[of(1), of(2)]), 2);
    assert_eq!(count(&[of(1), of(1)]), 1);
    let tagged = [&frame.bytes[..12], &[0x81, 0, 0, 5], &frame.bytes[12..]].concat();
    assert_eq!(count(&[frame.clone(), Frame { at: frame.at, bytes: tagged, cut: 0 }]), 1);
}

/// Cuts the IP packet of a frame into fragments of `size` bytes.
fn fragments(frame: &[u8], id: u16, size: usize) -> Vec<Vec<u8>> {
    let is_v4 = frame[12..14] == [8, 0];
    let header = if is_v4 { 20 } else { 40 };
    let payload = &frame[14 + header..];
    if payload.len() <= size {
        return vec![frame.to_vec()];
    }
    let count = payload.len().div_ceil(size);
    payload
        .chunks(size)
        .enumerate()
        .map(|(n, piece)| {
            let mut out = frame[..14 + header].to_vec();
            let (units, more) = ((n * size / 8) as u16, n + 1 < count);
            if is_v4 {
                out[16..18].copy_from_slice(&(20 + piece.len() as u16).to_be_bytes());
                out[18..20].copy_from_slice(&id.to_be_bytes());
                out[20..22].copy_from_slice(&(units | if more { 0x2000 } else { 0 }).to_be_bytes());
            } else {
                out[18..20].copy_from_slice(&(8 + piece.len() as u16).to_be_bytes());
                let next = std::mem::replace(&mut out[20], 44);
                out.extend([next, 0]);
                out.extend((units << 3 | u16::from(more)).to_be_bytes());
                out.extend([0, 0]);
                out.extend(id.to_be_bytes());
            }
            out.extend(piece);
            out
        })
        .collect()
}

/// Every frame in fragments, each packet's in the order that `order` makes of them.
fn fragmented(frames: &[Frame], size: usize, order: impl Fn(&mut Vec<Vec<u8>>)) -> Vec<Frame> {
    let pieces = |(n, frame): (usize, &Frame)| {
        let mut pieces = fragments(&frame.bytes, n as u16 + 1, size);
        order(&mut pieces);
        pieces.into_iter().map(|bytes| Frame { at: frame.at, bytes, cut: 0 }).collect::<Vec<_>>()
    };
    frames.iter().enumerate().flat_map(pieces).collect()
}

#[test]
fn fragments_are_put_together_before_anything_is_judged() {
    let frames = compliant().frames;
    for (size, name) in [(1200, "large"), (256, "small"), (16, "smaller than a header")] {
        for reverse in [false, true] {
            let cut = fragmented(&frames, size, |pieces| {
                if reverse {
                    pieces.reverse()
                }
            });
            let run = audit("", &cut);
            assert_eq!(verdict(&run), "pass", "{name}: {}", run.stdout);
            assert!(run.json()["coverage"]["ledger"]["fragment_joined"].as_u64() > Some(0), "{name}");
        }
    }
    // inside a mirror as well, and around one
    let inside = wrapped(&fragmented(&frames, 256, |_| ()), |frame| vxlan([10, 9, 0, 1], COLLECTOR, 7, frame));
    assert_eq!(verdict(&audit("", &inside)), "pass");
    let around = fragmented(&wrapped(&frames, |frame| vxlan([10, 9, 0, 1], COLLECTOR, 7, frame)), 512, |_| ());
    assert_eq!(verdict(&audit("", &around)), "pass");
}

#[test]
fn a_fragment_that_comes_twice_is_no_loss_and_one_that_does_not_come_is() {
    let frames = compliant().frames;
    let run = audit(
        "",
        &fragmented(&frames, 512, |pieces| {
            if pieces.len() > 1 {
                pieces.insert(1, pieces[1].clone())
            }
        }),
    );
    assert_eq!(verdict(&run), "pass", "{}", run.stdout);
    let run = audit(
        "",
        &fragmented(&frames, 512, |pieces| {
            if pieces.len() > 1 {
                pieces.truncate(1)
            }
        }),
    );
    assert_eq!(verdict(&run), "inconclusive");
    assert!(run.rules(&["undetermined"]).contains(&"WW903".to_owned()), "{}", run.stdout);
}

#[test]
fn fragments_that_contradict_each_other_are_said() {
    let frames = compliant().frames;
    let run = audit(
        "",
        &fragmented(&frames, 128, |pieces| {
            if pieces.len() > 2 {
                let mut other = pieces[1].clone();
                *other.last_mut().unwrap() ^= 1;
                pieces.insert(2, other);
            }
        }),
    );
    assert_eq!(verdict(&run), "inconclusive", "{}", run.stdout);
    assert!(run.rules(&["undetermined"]).contains(&"WW906".to_owned()), "{}", run.stdout);
}
