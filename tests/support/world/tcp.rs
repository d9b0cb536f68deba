//! TCP conversations put on the wire: dialling, saying, closing, and what networks do to them.

use super::packets::{self, ACK, FIN, PSH, Place, RST, SYN};
use super::{MILLI, World};

/// One end of what is said: the opener or the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    Opener,
    Other,
}

/// A TCP conversation to be put on the wire.
#[derive(Clone, Debug)]
pub struct Tcp {
    pub opener: Place,
    pub other: Place,
    /// The most bytes of a segment.
    pub segment: usize,
    pub seq: [u32; 2],
}

pub fn not(who: Who) -> Who {
    if who == Who::Opener { Who::Other } else { Who::Opener }
}

impl Tcp {
    /// A conversation of which nothing was said.
    pub fn new(opener: Place, other: Place) -> Self {
        Self { opener, other, segment: 1400, seq: [1000, 90_000] }
    }
}

impl World {
    /// A conversation of which nothing was said, with the world's initial sequence numbers.
    fn begin(&self, opener: Place, other: Place) -> Tcp {
        Tcp { seq: self.first, ..Tcp::new(opener, other) }
    }

    pub fn connect(&mut self, agent: std::net::IpAddr, other: Place) -> Tcp {
        let opener = (agent, self.port());
        self.dial(opener, other)
    }

    /// The three segments that open a conversation.
    pub fn dial(&mut self, opener: Place, other: Place) -> Tcp {
        let mut tcp = self.begin(opener, other);
        self.segment(&tcp, Who::Opener, SYN, &[]);
        tcp.seq[0] = tcp.seq[0].wrapping_add(1);
        self.segment(&tcp, Who::Other, SYN | ACK, &[]);
        tcp.seq[1] = tcp.seq[1].wrapping_add(1);
        self.segment(&tcp, Who::Opener, ACK, &[]);
        tcp
    }

    /// Says something in segments, and has it acknowledged.
    pub fn say(&mut self, tcp: &mut Tcp, who: Who, bytes: &[u8]) {
        for piece in bytes.chunks(tcp.segment) {
            self.segment(tcp, who, ACK | PSH, piece);
            tcp.seq[who as usize] = tcp.seq[who as usize].wrapping_add(piece.len() as u32);
        }
        if !bytes.is_empty() {
            self.segment(tcp, not(who), ACK, &[]);
        }
    }

    /// A keep-alive: an acknowledgement from before the next byte, with or without one byte of garbage (RFC 9293 section 3.8.4).
    pub fn keep_alive(&mut self, tcp: &Tcp, who: Who, garbage: &[u8]) {
        let mut probe = tcp.clone();
        probe.seq[who as usize] = probe.seq[who as usize].wrapping_sub(1);
        self.segment(&probe, who, ACK, garbage);
    }

    /// Both ends say FIN.
    pub fn close(&mut self, tcp: &mut Tcp) {
        for who in [Who::Opener, Who::Other] {
            self.segment(tcp, who, FIN | ACK, &[]);
            tcp.seq[who as usize] = tcp.seq[who as usize].wrapping_add(1);
        }
        self.segment(tcp, Who::Opener, ACK, &[]);
    }

    pub fn reset(&mut self, tcp: &Tcp, who: Who) {
        self.segment(tcp, who, RST | ACK, &[]);
    }

    /// One segment as the conversation stands.
    pub fn segment(&mut self, tcp: &Tcp, who: Who, flags: u8, payload: &[u8]) {
        let (from, to) = if who == Who::Opener { (tcp.opener, tcp.other) } else { (tcp.other, tcp.opener) };
        let (seq, ack) = (tcp.seq[who as usize], tcp.seq[not(who) as usize]);
        self.push(packets::tcp(from, to, seq, ack, flags, payload));
    }

    pub fn raw_segment(&mut self, from: Place, to: Place, seq: u32, ack: u32, flags: u8, payload: &[u8]) {
        self.push(packets::tcp(from, to, seq, ack, flags, payload));
    }

    /// A dial that nobody answers, with the times of Linux.
    pub fn dial_in_vain(&mut self, opener: Place, other: Place, tries: u32) {
        let tcp = self.begin(opener, other);
        for n in 0..tries {
            self.segment(&tcp, Who::Opener, SYN, &[]);
            self.wait((1000 * MILLI) << n);
        }
    }

    /// A dial that is turned away by a reset.
    pub fn dial_refused(&mut self, opener: Place, other: Place) {
        let mut tcp = self.begin(opener, other);
        self.segment(&tcp, Who::Opener, SYN, &[]);
        tcp.seq = [tcp.seq[0].wrapping_add(1), 0];
        self.segment(&tcp, Who::Other, RST | ACK, &[]);
    }
}
