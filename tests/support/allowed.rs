//! One connection to where an agent may go, by a name that was answered for it: what is said in it is all that can be wrong.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::net::{IpAddr, Ipv4Addr};

use crate::support;
use crate::world::tcp::Who;
use crate::world::{self, Version, World};

const AGENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 4));
const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5));
pub const NAME: &str = "www.example.com";
pub const NOTHING: [&str; 0] = [];
pub const SECRET: &str = "user=root password=hunter2 is carried out of here";

pub type Said = Vec<(Who, Vec<u8>)>;
pub type Words<'a> = (Who, &'a [u8]);

/// What is said with an address that is allowed, and that was answered for the name.
pub fn broken(said: &[(Who, Vec<u8>)]) -> Vec<String> {
    broken_of(said, None)
}

/// The same where all that one of them sent was not captured.
pub fn broken_of(said: &[(Who, Vec<u8>)], lost: Option<Who>) -> Vec<String> {
    let mut world = World::default();
    world.resolve(AGENT, RESOLVER, NAME, &[], PEER);
    let mut tcp = world.connect(AGENT, (PEER, 443));
    for (who, bytes) in said {
        world.say(&mut tcp, *who, bytes);
    }
    world.close(&mut tcp);
    let source = lost.map(|who| if who == Who::Opener { [10, 0, 0, 4] } else { [203, 0, 113, 5] });
    let asked = world.frames.iter().position(|frame| frame.bytes.get(23) == Some(&6)).unwrap_or_default();
    let mut n = 0;
    world.frames.retain(|frame| {
        n += 1;
        n <= asked || source.is_none_or(|source| frame.bytes.get(26..30) != Some(&source))
    });
    let policy = format!("[dns]\nresolvers = [\"10.0.0.2\"]\n[[allow]]\nnames = [\"{NAME}\"]\n[[allow]]\ncidrs = [\"203.0.113.0/24\"]\n");
    support::found(&world.pcap(), "10.0.0.4", &policy).0
}

/// A whole session, each flight by who says it.
pub fn tls() -> Said {
    world::tls_session(NAME, Version::Tls13, 300, 900)
}

/// What is said by each in turn, and then TLS.
pub fn then_tls(said: &[Words<'_>]) -> Said {
    said.iter().map(|(who, bytes)| (*who, bytes.to_vec())).chain(tls()).collect()
}
