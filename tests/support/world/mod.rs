//! A world in packets: agents, resolvers and endpoints whose traffic is made, byte by byte as it would be on the wire, so that its right
//! verdict is known. TLS is rustls talking to itself in memory, or records made by hand where no library speaks them any more; DNS is
//! written by hickory.
//!
//! [`World`] takes down what its hosts say; [`scenes`] are what compliant agents do; [`generate`] makes a whole world from a seed;
//! [`wrappers`] and [`files`] are what it may be recorded in.

#![allow(dead_code, clippy::expect_used, clippy::panic, reason = "each test binary uses its part, and a test may fail")]

pub mod certificates;
pub mod dns;
pub mod dtls;
pub mod files;
pub mod generate;
pub mod hosts;
pub mod packets;
pub mod quic;
pub mod random;
pub mod records;
pub mod scenes;
pub mod tcp;
pub mod tls;
pub mod tunnelled;
pub mod wrappers;

use std::net::IpAddr;

#[allow(unused_imports, reason = "each test binary uses its part")]
pub use dns::behind_length;
use packets::Place;
#[allow(unused_imports, reason = "each test binary uses its part")]
pub use packets::{ACK, FIN, PSH, RST, SYN};
#[allow(unused_imports, reason = "each test binary uses its part")]
pub use tcp::{Tcp, Who, not};
pub use tls::{Talk, Version};

/// A frame and when it passes, in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub at: i64,
    pub bytes: Vec<u8>,
    /// Bytes that the snap length cut from its end.
    pub cut: usize,
}

pub const SECOND: i64 = 1_000_000_000;
pub const MILLI: i64 = 1_000_000;

/// The start of every world: 2026-11-24T00:00:00Z.
pub const START: i64 = 1_795_478_400 * SECOND;

/// Makes frames on an Ethernet.
#[derive(Clone, Debug)]
pub struct World {
    pub frames: Vec<Frame>,
    /// The time of the next frame.
    pub now: i64,
    /// How long after each frame the next one comes.
    pub step: i64,
    /// The initial sequence numbers of both ends of a connection.
    pub first: [u32; 2],
    next_port: u16,
    next_id: u16,
}

impl Default for World {
    fn default() -> Self {
        Self { frames: Vec::new(), now: START, step: MILLI, first: [1000, 90_000], next_port: 40_000, next_id: 1 }
    }
}

impl World {
    pub fn push(&mut self, bytes: Vec<u8>) {
        self.frames.push(Frame { at: self.now, bytes, cut: 0 });
        self.now += self.step;
    }

    /// A port that no flow has used.
    pub fn port(&mut self) -> u16 {
        self.next_port += 1;
        self.next_port
    }

    fn id(&mut self) -> u16 {
        self.next_id = self.next_id.wrapping_add(7919);
        self.next_id
    }

    /// Gives ports and DNS ids that the frames of another world have not used.
    pub fn apart(mut self, from: u16) -> Self {
        self.next_port = from;
        self.next_id = from;
        self
    }

    pub fn wait(&mut self, nanos: i64) {
        self.now += nanos;
    }

    pub fn udp(&mut self, from: Place, to: Place, payload: &[u8]) {
        self.push(packets::udp(from, to, payload));
    }

    /// A packet of any protocol above IP.
    pub fn ip(&mut self, from: IpAddr, to: IpAddr, protocol: u8, payload: &[u8]) {
        self.push(packets::ip(from, to, protocol, payload));
    }

    /// An echo and its reply, with the data of Linux.
    pub fn echo(&mut self, from: IpAddr, to: IpAddr, sequence: u16) {
        let data: Vec<u8> = (0..56).collect();
        self.push(packets::echo(from, to, true, 77, sequence, &data));
        self.push(packets::echo(to, from, false, 77, sequence, &data));
    }

    /// Says a session over a connection that is open, with a pause between requests.
    pub fn talk(&mut self, tcp: &mut Tcp, talk: &Talk, pause: i64) {
        self.flights(tcp, &tls::session(talk), pause);
    }

    pub fn flights(&mut self, tcp: &mut Tcp, flights: &[tls::Flight], pause: i64) {
        for (who, bytes, pauses) in flights {
            if *pauses && pause > 0 {
                self.wait(pause);
                let garbage: &[u8] = if bytes.len().is_multiple_of(2) { &[0] } else { &[] };
                self.keep_alive(tcp, *who, garbage);
                self.segment(tcp, tcp::not(*who), ACK, &[]);
            }
            self.say(tcp, *who, bytes);
        }
    }

    /// The capture as a nanosecond pcap of Ethernet.
    pub fn pcap(&self) -> Vec<u8> {
        pcap_of(&self.frames)
    }

    /// A whole TLS session: handshake, `up` and `down` bytes of application data, close_notify, FIN.
    pub fn tls(&mut self, agent: IpAddr, other: Place, name: &str, version: Version, up: usize, down: usize) {
        let mut tcp = self.connect(agent, other);
        self.talk(&mut tcp, &Talk { up, down, ..Talk::new(name, version) }, 0);
        self.close(&mut tcp);
    }
}

/// Everything that both ends of a TLS session say, flight by flight.
pub fn tls_session(name: &str, version: Version, up: usize, down: usize) -> Vec<(Who, Vec<u8>)> {
    let said = tls::session(&Talk { up, down, ..Talk::new(name, version) });
    said.iter().map(|(who, bytes, _)| (*who, bytes.clone())).collect()
}

/// Frames in their order as a nanosecond pcap of Ethernet.
pub fn pcap_of(frames: &[Frame]) -> Vec<u8> {
    files::File::default().write(wrappers::ETHERNET, frames)
}
