//! Plaintext that is permitted for some paths alone: requests show which they ask for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;
#[path = "support/world/mod.rs"]
mod world;

use std::net::IpAddr;

use world::World;
use world::tcp::Who;

const AGENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 4));
const RESOLVER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));
const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 5));

/// Requests for these targets, one after the other, on one connection.
fn world(targets: &[String]) -> World {
    let mut world = World::default();
    world.resolve(AGENT, RESOLVER, "www.example.com", &[], PEER);
    let mut tcp = world.connect(AGENT, (PEER, 80));
    for target in targets {
        world.say(&mut tcp, Who::Opener, format!("GET {target} HTTP/1.1\r\nHost: www.example.com\r\n\r\n").as_bytes());
        world.say(&mut tcp, Who::Other, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    world.close(&mut tcp);
    world
}

/// The rules that are broken where only these paths are permitted, with `?` where that is undetermined.
fn broken(world: &World, paths: &str) -> Vec<String> {
    let policy =
        format!("[dns]\nresolvers = [\"10.0.0.2\"]\n[[allow]]\nnames = [\"www.example.com\"]\nplaintext = [\"http\"]\npaths = {paths}\n");
    support::found(&world.pcap(), "10.0.0.4", &policy).0
}

fn asking(targets: &[&str], paths: &str) -> Vec<String> {
    broken(&world(&targets.iter().map(|&target| target.to_owned()).collect::<Vec<_>>()), paths)
}

const NOTHING: [&str; 0] = [];

#[test]
fn requests_keep_to_the_paths_that_are_permitted() {
    let paths = "[\"/metadata/*\", \"/health\"]";
    assert_eq!(asking(&["/metadata/instance?api-version=2021-02-01", "/health"], paths), NOTHING);
    assert_eq!(asking(&["http://www.example.com/health#top"], paths), NOTHING, "an absolute target has its path too");
    assert_eq!(asking(&["/upload"], paths), ["WW201"]);
    assert_eq!(asking(&["/health", "/metadata/x", "/upload"], paths), ["WW201"], "a later request of the same connection");
    assert_eq!(asking(&["/healthy"], paths), ["WW201"]);
    assert_eq!(asking(&["/HEALTH"], paths), ["WW201"], "paths are told apart by case");
    assert_eq!(asking(&["http://www.example.com"], "[\"/\"]"), NOTHING, "none is the root");
}

#[test]
fn steps_up_are_no_way_around() {
    for target in ["/metadata/../upload", "/metadata/%2e%2E/upload", "/metadata/..%2fupload", "/metadata/..\\upload", "/metadata/."] {
        assert_eq!(asking(&[target], "[\"/metadata/*\"]"), ["WW201"], "{target}");
    }
}

#[test]
fn what_is_not_known_of_the_paths_is_left_open() {
    let many: Vec<String> = (0..40).map(|n| format!("/metadata/{n}")).collect();
    assert_eq!(broken(&world(&many), "[\"/metadata/*\"]"), ["WW201?"], "more than are kept");
    assert_eq!(broken(&world(&many), "[\"/other/*\"]"), ["WW201"]);
    assert_eq!(broken(&world(&[format!("/metadata/{}", "x".repeat(5000))]), "[\"/metadata/*\"]"), ["WW201?"], "longer than is kept");
    let repeated: Vec<String> = (0..40).map(|n| format!("/metadata/{}", n % 8)).collect();
    assert_eq!(broken(&world(&repeated), "[\"/metadata/*\"]"), NOTHING);
}

#[test]
fn paths_that_make_no_sense_are_refused() {
    let check = |entry: &str| {
        let file = std::env::temp_dir().join(format!("wirewitness-paths-check-{}.toml", std::process::id()));
        std::fs::write(&file, format!("[[allow]]\nnames = [\"a.example\"]\n{entry}\n")).unwrap();
        let run = support::run(["policy", "check", file.to_str().unwrap()]);
        std::fs::remove_file(&file).unwrap();
        (run.code, run.stderr)
    };
    for (entry, told) in [
        ("paths = [\"/x\"]", "paths of requests that may not go in the clear are not seen"),
        ("plaintext = [\"http\"]\npaths = [\"x\"]", "does not begin with a slash"),
        ("plaintext = [\"http\"]\npaths = [\"/x?y=1\"]", "has a query"),
        ("plaintext = [\"http\"]\npaths = []", "a list without paths"),
    ] {
        let (code, said) = check(entry);
        assert!(code == 2 && said.contains(told), "{entry}: {said}");
    }
    assert_eq!(check("plaintext = [\"http\"]\npaths = [\"/x/*\", \"*.crl\"]").0, 0);
}
