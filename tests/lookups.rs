//! Look-ups go a short way through the program, which ends where the long way would; and what a question or noise may carry is little.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;
#[path = "support/world/mod.rs"]
mod world;

use std::net::{IpAddr, Ipv4Addr};

use world::packets::{self, Place, unreachable};
use world::tcp::Who::Opener;
use world::{MILLI, SECOND, World};

const AGENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 4));
const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5));
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));
const POLICY: &str = "[dns]\nresolvers = [\"10.0.0.2\"]\n[[allow]]\nnames = [\"www.example.com\"]\nports = [80]\nplaintext = [\"http\"]\n";
const NOTHING: [&str; 0] = [];

/// The rules that are broken.
fn found(world: &World) -> Vec<String> {
    support::found(&world.pcap(), "10.0.0.4", POLICY).0
}

fn asks(world: &mut World, question: &[u8]) -> (Place, Place) {
    let (agent, resolver) = ((AGENT, 41_000), (RESOLVER, 53));
    world.udp(agent, resolver, question);
    (agent, resolver)
}

/// Makes a frame of an answer, whom it was sent to, and who sent it.
type Besides = fn(&[u8], Place, Place) -> Vec<u8>;

/// A look-up, what may come a moment behind its answer, and half a minute later another answer, whose address is then used.
fn late_answer(besides: Option<Besides>) -> World {
    let mut world = World::default();
    let [question, answer] = world.dns("www.example.com", &[], PEER);
    let [_, other] = world.dns("www.example.com", &[], ELSEWHERE);
    let late = [&answer[..2], &other[2..]].concat();
    let (agent, resolver) = asks(&mut world, &question);
    world.udp(resolver, agent, &answer);
    if let Some(besides) = besides {
        world.wait(-9 * MILLI / 10);
        world.push(besides(&answer, agent, resolver));
    }
    world.wait(30 * SECOND);
    world.udp(resolver, agent, &late);
    let mut tcp = world.connect(AGENT, (ELSEWHERE, 80));
    world.say(&mut tcp, Opener, b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n");
    world.close(&mut tcp);
    world
}

#[test]
fn a_look_up_is_over_when_it_is_whatever_else_comes() {
    let alone = found(&late_answer(None));
    assert!(alone.contains(&"WW201".to_owned()) && alone.contains(&"WW301".to_owned()), "{alone:?}");
    assert_eq!(found(&late_answer(Some(|answer, agent, resolver| packets::udp(resolver, agent, answer)))), alone, "a tap's copy");
    let refused = |answer: &[u8], agent: Place, resolver: Place| unreachable(agent.0, resolver.0, &packets::udp(resolver, agent, answer));
    assert_eq!(found(&late_answer(Some(refused))), alone, "the agent's error about the answer");
}

#[test]
fn a_question_that_is_asked_twice_may_be_answered_twice() {
    let mut world = World::default();
    let [question, answer] = world.dns("www.example.com", &[], PEER);
    let (agent, resolver) = asks(&mut world, &question);
    world.wait(5 * SECOND);
    asks(&mut world, &question);
    world.udp(resolver, agent, &answer);
    world.wait(3 * SECOND);
    world.udp(resolver, agent, &answer);
    assert_eq!(found(&world), NOTHING);
}

/// A question with an option of EDNS (RFC 6891), and its answer.
fn with_option(content: &[u8]) -> World {
    let mut world = World::default();
    let [mut question, answer] = world.dns("www.example.com", &[], PEER);
    question[11] = 1;
    let length = |n: usize| (n as u16).to_be_bytes();
    let option = [&[0xfd, 0xe9][..], &length(content.len()), content].concat();
    question.extend([&[0, 0, 41, 4, 0xd0, 0, 0, 0, 0][..], &length(option.len()), &option].concat());
    let (agent, resolver) = asks(&mut world, &question);
    world.udp(resolver, agent, &answer);
    world
}

#[test]
fn a_question_carries_little_beside_its_name() {
    assert_eq!(found(&with_option(&[0x5a; 40])), NOTHING, "a cookie");
    assert_eq!(found(&with_option(&[0; 400])), NOTHING, "padding");
    assert_eq!(found(&with_option(&[0x5a; 400])), ["WW202?"]);
}

#[test]
fn what_a_host_is_sent_alone_is_noise_while_it_is_quiet() {
    let dhcp = |text: &[u8]| {
        let fixed = [&[1, 1, 6][..], &[0; 233], &[0x63, 0x82, 0x53, 0x63, 53, 1, 3]].concat();
        let mut world = World::default();
        world.resolve(AGENT, RESOLVER, "www.example.com", &[], PEER);
        world.udp((AGENT, 68), ([10, 9, 9, 9].into(), 67), &[&fixed[..], text, &[255]].concat());
        found(&world)
    };
    assert_eq!(dhcp(&[&[12, 20][..], b"a-host-with-its-name"].concat()), NOTHING);
    assert_ne!(dhcp("what this host has seen today, and to whom it spoke of it. ".repeat(9).as_bytes()), NOTHING);
}
