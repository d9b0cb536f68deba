//! Writes a capture of made-up traffic to standard output, to measure by: `cargo run --release --example traffic -- KIND FLOWS > capture.pcap`.
//!
//! The same kind and number give the same packets every time, but for the keys of certificates. Many flows are open at once, as on a link.
//! KIND is one of
//!
//! - `bulk`: sessions of TLS that move 2 MB each,
//! - `mix`: look-ups, TLS 1.3 and 1.2, QUIC, HTTP and unanswered SYNs, in the proportions of an office's uplink,
//! - `small`: look-ups, and one session of TLS in eight,
//! - `scan`: SYNs to an agent that nobody answers.
//!
//! `benches/cost/policy.toml` allows all of it but the plaintext and the scan.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a tool for developers fails by panicking")]

#[path = "../tests/support/world/mod.rs"]
mod world;

use std::collections::VecDeque;
use std::io::{BufWriter, Write};
use std::net::IpAddr;

use world::quic::Quic;
use world::random::Random;
use world::tcp::Who;
use world::{START, World, certificates, packets, records};

/// Flows that are open at once, and nanoseconds from one packet to the next.
const OPEN: usize = 2000;
const GAP: i64 = 20_000;

/// Names that are asked for, those that QUIC asks for, and those that have certificates.
const NAMES: usize = 5000;
const NAMES_OF_QUIC: usize = 64;
const NAMES_WITH_CERTIFICATES: usize = 16;

const BULK_BYTES: usize = 2_000_000;

#[derive(Clone, Copy)]
enum Flow {
    Lookup,
    Tls13,
    Tls12,
    Quic,
    Http,
    Scan,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (kind, flows) = match &arguments[..] {
        [kind, flows] => (kind.as_str(), flows.parse().expect("FLOWS is a number")),
        _ => panic!("usage: traffic bulk|mix|small|scan FLOWS > capture.pcap"),
    };
    // how many of a hundred flows are of each
    let shares: &[(Flow, usize)] = match kind {
        "bulk" => &[(Flow::Tls13, 90), (Flow::Tls12, 10)],
        "mix" => &[(Flow::Lookup, 37), (Flow::Tls13, 36), (Flow::Tls12, 12), (Flow::Quic, 8), (Flow::Http, 6), (Flow::Scan, 1)],
        "small" => &[(Flow::Lookup, 88), (Flow::Tls13, 8), (Flow::Tls12, 4)],
        "scan" => &[(Flow::Scan, 100)],
        other => panic!("no kind of traffic is called {other}"),
    };
    let mut random = Random::new(11);
    let mut out = BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    // a pcap with nanoseconds, of Ethernet
    let header: [u32; 6] = [0xa1b2_3c4d, 4 << 16 | 2, 0, 0, 262_144, 1];
    header.iter().for_each(|word| out.write_all(&word.to_le_bytes()).expect("written"));
    let (mut begun, mut at) = (0u64, START);
    let mut open: Vec<VecDeque<Vec<u8>>> = Vec::new();
    loop {
        while open.len() < OPEN && begun < flows {
            open.push(flow(shares, kind == "bulk", begun, &mut random));
            begun += 1;
        }
        if open.is_empty() {
            break;
        }
        let n = random.below(open.len());
        match open[n].pop_front() {
            None => _ = open.swap_remove(n),
            Some(frame) => {
                let (seconds, nanos, length) = (at / 1_000_000_000, at % 1_000_000_000, frame.len());
                for word in [seconds as u32, nanos as u32, length as u32, length as u32] {
                    out.write_all(&word.to_le_bytes()).expect("written");
                }
                out.write_all(&frame).expect("written");
                at += GAP;
            }
        }
    }
    out.flush().expect("written");
}

/// The packets of flow `n`.
fn flow(shares: &[(Flow, usize)], is_bulk: bool, n: u64, random: &mut Random) -> VecDeque<Vec<u8>> {
    let mut left = random.below(100);
    let &(kind, _) = shares
        .iter()
        .find(|(_, share)| {
            left.checked_sub(*share).is_none_or(|rest| {
                left = rest;
                false
            })
        })
        .expect("100 in all");
    // no two flows have the same ends
    let host = n % 200;
    let agent = IpAddr::from([10, (n / 8_000_000) as u8, 0, host as u8 + 1]);
    let mut world = World::default().apart(20_000 + (n / 200 % 40_000) as u16);
    let name = |names: usize, random: &mut Random| {
        let which = random.below(names);
        (format!("host-{which}.s{}.example.com", which % 97), IpAddr::from([198, 18, (which >> 8) as u8, which as u8]))
    };
    match kind {
        Flow::Lookup => {
            let (name, address) = name(NAMES, random);
            world.resolve(agent, [10, 255, 0, 53].into(), &name, &[], address);
        }
        Flow::Tls13 | Flow::Tls12 => {
            let is_13 = matches!(kind, Flow::Tls13);
            let (name, address) = name(if is_13 { NAMES } else { NAMES_WITH_CERTIFICATES }, random);
            let said = if is_13 {
                records::session_showing(0x0304, 0x1301, &name, &[])
            } else {
                records::session_showing(0x0303, 0xc02f, &name, &certificates::identity(&name).chain)
            };
            let mut tcp = world.connect(agent, (address, 443));
            world.flights(&mut tcp, &said, 0);
            let version = 0x0303;
            for _ in 0..if is_bulk { BULK_BYTES / 16_000 } else { random.below(4) } {
                world.say(&mut tcp, Who::Other, &records::record(23, version, &[0xd7; 16_000]));
            }
            world.close(&mut tcp);
        }
        Flow::Quic => {
            let (name, address) = name(NAMES_OF_QUIC, random);
            let port = world.port();
            world.quic((agent, port), (address, 443), &Quic::new(&name), 0);
        }
        Flow::Http => {
            let (name, address) = name(NAMES, random);
            let mut tcp = world.connect(agent, (address, 80));
            world.say(&mut tcp, Who::Opener, format!("GET /{n} HTTP/1.1\r\nHost: {name}\r\n\r\n").as_bytes());
            let body = vec![b'x'; 4000];
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            world.say(&mut tcp, Who::Other, &[head.as_bytes(), &body].concat());
            world.close(&mut tcp);
        }
        Flow::Scan => {
            let from = (IpAddr::from([203, 0, (n >> 8) as u8, n as u8]), 1024 + (n >> 16) as u16);
            world.push(packets::tcp(from, (agent, 1 + random.below(1024) as u16), n as u32, 0, packets::SYN, &[]));
        }
    }
    world.frames.into_iter().map(|frame| frame.bytes).collect()
}
