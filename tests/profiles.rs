//! Every built-in policy, entry by entry: an agent that does all that its profile allows passes, and fails with one connection more.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;
#[path = "support/world/mod.rs"]
mod world;

use std::net::IpAddr;

use support::{run, run_with_input};
use wirewitness::inspect::PROTOCOLS;
use wirewitness::judge::policy::{Allow, Known, Policy, profiles};
use world::{SECOND, Version, Who, World};

const AGENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 4));
const AGENT_6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 4));
const RESOLVER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

/// What opens a conversation with a server of time, and its answer (RFC 5905 section 7.3).
fn ntp(first: u8) -> Vec<u8> {
    let mut message = vec![0; 48];
    message[0] = first;
    message[1..4].copy_from_slice(&[2, 6, 0xec]);
    message[40..44].copy_from_slice(&0xeb00_0000u32.to_be_bytes());
    message
}

/// A name, or an address, that an entry allows.
fn example(entry: &Allow, pattern: &str, n: usize) -> (String, IpAddr) {
    // one label for a star, and letters within one
    let name: String = pattern.split('.').map(|label| label.replace('*', &format!("x{n}"))).collect::<Vec<_>>().join(".");
    let address = match entry.cidrs.first() {
        Some(net) => net.addr(),
        None => IpAddr::from([203, 0, (113 + n / 250) as u8, (n % 250 + 1) as u8]),
    };
    (name, address)
}

/// Does what an entry allows, once for each of its names, or its prefixes where it has none.
fn exercise(world: &mut World, entry: &Allow, n: &mut usize) {
    let port = entry.ports.first().map(|range| *range.start()).expect("entries of profiles name their ports");
    let reach = |world: &mut World, name: Option<&str>, address: IpAddr| {
        let agent = if address.is_ipv4() { AGENT } else { AGENT_6 };
        if let Some(name) = name {
            world.resolve(AGENT, RESOLVER, name, &[], address);
        }
        let host = name.map_or_else(|| address.to_string(), str::to_owned);
        match entry.plaintext.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            // an address is no name: the hello asks for none
            [] => world.tls(agent, (address, port), &host, Version::Tls13, 400, 900),
            ["http"] => {
                let mut tcp = world.connect(agent, (address, port));
                world.say(&mut tcp, Who::Opener, format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
                world.say(&mut tcp, Who::Other, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                world.close(&mut tcp);
            }
            ["ntp"] => {
                let from = (agent, world.port());
                world.udp(from, (address, port), &ntp(0x23));
                world.udp((address, port), from, &ntp(0x24));
            }
            ref other => panic!("{}: how is {other:?} spoken?", entry.label()),
        }
    };
    for pattern in &entry.names {
        *n += 1;
        let (name, address) = example(entry, &pattern.to_string(), *n);
        reach(world, Some(&name), address);
    }
    if entry.names.is_empty() {
        entry.cidrs.iter().for_each(|net| reach(world, None, net.addr()));
    }
}

/// A run of the lab, in which an agent does all that its profile allows, and with it a name that no profile has.
#[test]
fn the_lab_s_run_of_each_profile_passes_and_fails_with_one_connection_more() {
    let protocols: Vec<&str> = PROTOCOLS.iter().map(|protocol| protocol.name).collect();
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    for &(profile, _) in profiles::PROFILES.iter().filter(|(name, _)| *name != "baseline") {
        let policy = Policy::load(&[profile.to_owned()], &Known { protocols: &protocols }, &|path| panic!("{path}")).unwrap();
        let (own, foreign) = (format!("{fixtures}/profiles/{profile}/capture.pcap"), format!("{fixtures}/name-not-allowed/capture.pcap"));
        let audit = |captures: &[&str]| run(["audit", "--json", "-p", profile, "-a", "10.77.0.4", "-a", "fd77::4"].iter().chain(captures));
        let passes = audit(&[&own]);
        assert_eq!((passes.code, passes.rules(&["violation", "undetermined", "notice"])), (0, vec![]), "{profile}: {}", passes.stdout);
        let document = passes.json();
        let used: Vec<&str> = document["allowed"].as_array().unwrap().iter().map(|row| row["entry"].as_str().unwrap()).collect();
        // private addresses are allowed ahead of entries, and an address by itself ahead of a name at it
        let is_by_address = |entry: &Allow| {
            policy.allow.iter().any(|other| {
                other.names.is_empty() && !entry.cidrs.is_empty() && entry.cidrs.iter().all(|net| other.covers_address(net.addr()))
            })
        };
        for entry in policy.allow.iter().filter(|entry| policy.private.is_none() && (entry.names.is_empty() || !is_by_address(entry))) {
            assert!(used.contains(&entry.label().as_str()), "{profile}: {} was not used: {used:?}", entry.label());
        }
        let fails = audit(&[&own, &foreign]);
        assert_eq!(
            (fails.code, fails.rules(&["violation"])),
            (1, vec!["WW302".to_owned(), "WW402".to_owned()]),
            "{profile}: {}",
            fails.stdout
        );
    }
}

fn judge(profile: &str, world: &World) -> support::Run {
    let arguments = ["audit", "--json", "-p", profile, "-a", "10.0.0.4", "-a", "fd00::4", "-"].map(str::to_owned);
    run_with_input(&arguments, &world.pcap())
}

#[test]
fn an_agent_that_does_what_its_profile_allows_passes_and_fails_with_one_connection_more() {
    let protocols: Vec<&str> = PROTOCOLS.iter().map(|protocol| protocol.name).collect();
    for &(profile, _) in profiles::PROFILES.iter().filter(|(name, _)| *name != "baseline") {
        let read = |path: &str| panic!("{path} is no file");
        let policy = Policy::load(&[profile.to_owned()], &Known { protocols: &protocols }, &read).unwrap();
        let mut world = World::default();
        // long enough for datagrams to show who asks first
        world.resolve(AGENT, RESOLVER, "4.3.2.1.in-addr.arpa", &[], AGENT);
        world.wait(61 * SECOND);
        let mut n = 0;
        for entry in &policy.allow {
            exercise(&mut world, entry, &mut n);
        }
        let run = judge(profile, &world);
        assert_eq!((run.code, run.rules(&["violation", "undetermined"])), (0, vec![]), "{profile}: {}", run.stdout);
        let allowed: Vec<String> =
            run.json()["allowed"].as_array().unwrap().iter().map(|row| row["entry"].as_str().unwrap().to_owned()).collect();
        // every entry was used, save where another has its address already
        let has_another = |entry: &Allow| {
            let by_address = |other: &Allow| other.names.is_empty() && entry.cidrs.iter().all(|net| other.covers_address(net.addr()));
            !entry.names.is_empty() && !entry.cidrs.is_empty() && policy.allow.iter().any(by_address)
        };
        for entry in policy.allow.iter().filter(|entry| policy.private.is_none() && !has_another(entry)) {
            assert!(allowed.contains(&entry.label()), "{profile}: {} was not used: {allowed:?}", entry.label());
        }
        world.resolve(AGENT, RESOLVER, "collector.elsewhere.example", &[], IpAddr::from([198, 51, 100, 9]));
        world.tls(AGENT, (IpAddr::from([198, 51, 100, 9]), 443), "collector.elsewhere.example", Version::Tls13, 400, 900);
        let run = judge(profile, &world);
        assert_eq!((run.code, run.rules(&["violation"])), (1, vec!["WW302".to_owned(), "WW402".to_owned()]), "{profile}");
    }
}

#[test]
fn every_profile_is_listed_and_shown_with_its_limits() {
    let list = run(["policy", "list"]);
    for (profile, text) in profiles::PROFILES {
        assert!(list.stdout.lines().any(|line| line.starts_with(profile)), "{profile}");
        let shown = run(["policy", "show", profile]);
        let first = text.lines().next().and_then(|line| line.strip_prefix("# ")).expect("the limits stand at the head");
        assert!(shown.stdout.contains(&format!("limits      {profile}: {first}")), "{profile}: {}", shown.stdout);
    }
}
