//! A whole capture from fuzz bytes: conversations that go as they should, until the bytes say otherwise.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::bytes::Bytes;
use crate::packets::{Container, Frame, Link, Segment, ip, tcp, udp};
use crate::says::{self, Tls};

/// Frames of one capture, and bytes of what is said: more teaches nothing and is slow.
const FRAMES: usize = 400;
const SAID: usize = 96 << 10;

/// 2026-11-24T00:00:00Z.
const START: u64 = 1_795_478_400_000_000_000;

pub const AGENT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 4);
pub const AGENT6: Ipv6Addr = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 4);

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// What was made, as frames and as a file's parts.
pub struct Capture {
    pub frames: Vec<Frame>,
    pub link: u16,
    pub container: Container,
}

impl Capture {
    pub fn file(&self) -> Vec<u8> {
        self.container.write(self.link, &self.frames)
    }

    /// Takes a frame away whose loss the rest shows: bytes of its stream that no other frame holds, with more after them. Returns
    /// whether there was one, the `nth` of them.
    pub fn lose_with_a_trace(&mut self, nth: usize) -> bool {
        let held: Vec<(usize, Segment)> =
            self.frames.iter().enumerate().filter_map(|(n, frame)| frame.segment.filter(|s| s.length > 0).map(|s| (n, s))).collect();
        let after = |a: u32, b: u32| a.wrapping_sub(b) as i32 >= 0;
        let mut shown = held.iter().filter(|(n, lost)| {
            let others = || held.iter().filter(|(m, s)| m != n && s.flow == lost.flow && s.end == lost.end).map(|(_, s)| s);
            let end = lost.seq.wrapping_add(lost.length);
            others().all(|s| after(s.seq, end) || after(lost.seq, s.seq.wrapping_add(s.length))) && others().any(|s| after(s.seq, end))
        });
        let Some(&(lost, _)) = shown.nth(nth) else { return false };
        self.frames.remove(lost);
        true
    }
}

struct Flow {
    ips: [IpAddr; 2],
    ports: [u16; 2],
    /// The next sequence number of each end; the opener is 0.
    next: [u32; 2],
    by_agent: bool,
    tls: Tls,
    name: usize,
    /// How far the session has come.
    step: usize,
}

struct World<'a, 'b> {
    from: &'a mut Bytes<'b>,
    link: Link,
    frames: Vec<Frame>,
    said: usize,
    now: u64,
    flows: Vec<Flow>,
    next_port: u16,
    oddity: u8,
}

/// The capture that these bytes ask for.
pub fn make(from: &mut Bytes<'_>) -> Capture {
    let container = Container::chosen(from);
    let link = Link::chosen(from);
    let kind = link.kind;
    let mut world = World { from, link, frames: Vec::new(), said: 0, now: START, flows: Vec::new(), next_port: 40_000, oddity: 0 };
    while !world.from.is_empty() && world.frames.len() < FRAMES && world.said < SAID {
        world.act();
    }
    Capture { frames: world.frames, link: kind, container }
}

impl World<'_, '_> {
    fn act(&mut self) {
        match self.from.byte() % 32 {
            0..=2 => self.look_up(),
            3..=5 => self.open(),
            6..=9 => self.session(),
            10..=13 => self.go_on(),
            14 | 15 => self.say_something(),
            16 => self.close(),
            17 => self.reset(),
            18 => self.datagram(),
            19 => self.echo(),
            20 => self.refuse(),
            21 => self.wait(),
            22 => self.lose(),
            23 => self.repeat(),
            24 => self.swap(),
            25 => self.cut(),
            26 => self.corrupt(),
            27 => self.noise(),
            28 => self.oddity = self.from.byte() % 8,
            29 => self.send_again(),
            30 => self.whole(),
            _ => self.keep_alive(),
        }
    }

    fn push(&mut self, ip: &[u8], by_agent: bool) {
        let bytes = self.link.frame(ip, by_agent);
        self.said += bytes.len();
        self.frames.push(Frame::new(self.now, bytes));
        self.now += 1_000_000;
    }

    fn ends(&mut self) -> ([IpAddr; 2], usize) {
        let n = self.from.byte();
        let name = usize::from(n) % says::NAMES.len();
        let peer = match n / 8 {
            0..=20 => IpAddr::V4(Ipv4Addr::new(40, 64, 10, 1 + n % 4)),
            21..=24 => IpAddr::V6(Ipv6Addr::new(0x2603, 0x1030, 0, 0, 0, 0, 0, u16::from(1 + n % 4))),
            25 => IpAddr::V4(Ipv4Addr::new(10, 77, 0, 2)),
            26 => IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
            27 => IpAddr::V4(Ipv4Addr::new(10, 77, 0, 9)),
            28 => IpAddr::V4(Ipv4Addr::new(224, 0, 0, 251)),
            29 => IpAddr::V4(AGENT),
            _ => IpAddr::V4(Ipv4Addr::new(203, 0, 113, n)),
        };
        let agent = if peer.is_ipv6() { IpAddr::V6(AGENT6) } else { IpAddr::V4(AGENT) };
        ([agent, peer], name)
    }

    fn look_up(&mut self) {
        let [mut question, mut answer] = says::dns(self.from);
        says::mutate(&mut question, self.from);
        says::mutate(&mut answer, self.from);
        let shape = self.from.byte();
        let resolver = IpAddr::V4(Ipv4Addr::new(10, 77, 0, if shape >= 240 { 9 } else { 2 }));
        let agent = IpAddr::V4(AGENT);
        let port = if shape % 8 == 7 { 40_000 } else { self.port() };
        let there = ip(agent, resolver, 17, &udp(port, 53, &question), self.oddity);
        let back = ip(resolver, agent, 17, &udp(53, port, &answer), 0);
        match shape % 16 {
            12 => self.push(&there, true),
            13 => self.push(&back, false),
            14 => {
                self.push(&back, false);
                self.push(&there, true);
            }
            _ => {
                self.push(&there, true);
                self.push(&back, false);
            }
        }
    }

    fn port(&mut self) -> u16 {
        self.next_port = self.next_port.wrapping_add(1);
        self.next_port
    }

    /// A connection, from its handshake unless that is to be missing.
    fn open(&mut self) {
        let (mut ips, name) = self.ends();
        let shape = self.from.byte();
        let by_agent = shape % 16 != 15;
        let mut ports = [self.port(), self.from.pick(&[443, 443, 443, 80, 22, 53, 25, 8443, 3128, 389, 143, 6514])];
        if shape % 16 == 14 && !self.flows.is_empty() {
            // ports used again
            let last = &self.flows[self.flows.len() - 1];
            (ips, ports) = (last.ips, last.ports);
        }
        if !by_agent {
            ips.swap(0, 1);
        }
        let tls = Tls::chosen(self.from);
        let next = [u32::from(self.from.byte()) << 24 | 0x00ff_ff00, 7000];
        self.flows.push(Flow { ips, ports, next, by_agent, tls, name, step: 0 });
        let n = self.flows.len() - 1;
        if shape < 224 {
            self.segment(n, 0, SYN, &[]);
            if shape < 216 {
                self.segment(n, 1, SYN | ACK, &[]);
            }
            if shape < 208 {
                self.segment(n, 0, ACK, &[]);
            }
        }
    }

    /// Some flow, the last one as a rule.
    fn flow(&mut self) -> Option<usize> {
        let n = self.from.byte();
        let last = self.flows.len().checked_sub(1)?;
        Some(if n < 192 { last } else { usize::from(n) % (last + 1) })
    }

    fn segment(&mut self, n: usize, end: usize, flags: u8, payload: &[u8]) {
        let Some(flow) = self.flows.get_mut(n) else { return };
        let ports = if end == 0 { flow.ports } else { [flow.ports[1], flow.ports[0]] };
        let ack = if flags & ACK != 0 { flow.next[1 - end] } else { 0 };
        let seq = flow.next[end];
        let occupied = payload.len() as u32 + u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
        flow.next[end] = seq.wrapping_add(occupied);
        let body = tcp(ports, seq, ack, flags, payload);
        let bytes = ip(flow.ips[end], flow.ips[1 - end], 6, &body, self.oddity);
        let by_agent = flow.by_agent == (end == 0);
        self.push(&bytes, by_agent);
        let readable = self.oddity == 0 && (self.link.kind != 228 || bytes[0] >> 4 == 4);
        if let Some(frame) = self.frames.last_mut().filter(|_| readable) {
            frame.segment = Some(Segment { flow: n, end, seq, length: payload.len() as u32 });
        }
    }

    /// `end` says this, in segments of the size that the bytes ask for.
    fn say(&mut self, n: usize, end: usize, mut message: Vec<u8>) {
        says::mutate(&mut message, self.from);
        let shape = self.from.byte();
        let size = if shape >= 224 { 1 + usize::from(shape - 224) } else { 1400 };
        for piece in message.chunks(size.max(message.len() / 24)) {
            self.segment(n, end, ACK, piece);
        }
    }

    /// The next flight of the session.
    fn go_on(&mut self) {
        let Some(n) = self.flow() else { return };
        let flow = &mut self.flows[n];
        let step = flow.step;
        flow.step += 1;
        let message = flow.tls.flight(step, says::NAMES[flow.name], self.from);
        self.say(n, step % 2, message);
    }

    /// Several flights at once.
    fn session(&mut self) {
        for _ in 0..4 {
            self.go_on();
        }
    }

    fn say_something(&mut self) {
        let Some(n) = self.flow() else { return };
        let end = self.from.below(2);
        let version = self.flows[n].tls.version.min(0x0303);
        let mut message = match self.from.below(8) {
            0 => says::alert(version, self.from),
            1 => says::protected(version, self.from),
            2 => says::record(self.from.pick(&[20, 22, 23, 24]), version, says_raw(self.from), 0),
            3 => {
                let question = says::dns(self.from)[end].clone();
                [(question.len() as u16).to_be_bytes().to_vec(), question].concat()
            }
            _ => says::phrase(self.from),
        };
        if self.from.rarely(8) {
            // a handover may leave a hello behind it in the same segment
            let flow = &self.flows[n];
            message.extend(flow.tls.flight(0, says::NAMES[flow.name], self.from));
        }
        self.say(n, end, message);
    }

    fn close(&mut self) {
        let Some(n) = self.flow() else { return };
        let end = self.from.below(2);
        if !self.from.rarely(3) {
            let version = self.flows[n].tls.version.min(0x0303);
            self.segment(n, end, ACK, &says::record(21, version, &[0xd3; 26], 0));
        }
        self.segment(n, end, FIN | ACK, &[]);
        if !self.from.rarely(4) {
            self.segment(n, 1 - end, FIN | ACK, &[]);
            self.segment(n, end, ACK, &[]);
        }
    }

    fn reset(&mut self) {
        let Some(n) = self.flow() else { return };
        let end = self.from.below(2);
        let flags = if self.from.rarely(2) { RST } else { RST | ACK };
        self.segment(n, end, flags, &[]);
    }

    fn keep_alive(&mut self) {
        let Some(n) = self.flow() else { return };
        let end = self.from.below(2);
        let shift = self.from.byte();
        let flow = &mut self.flows[n];
        flow.next[end] = flow.next[end].wrapping_sub(1);
        self.segment(n, end, ACK, &[0]);
        self.segment(n, 1 - end, ACK, &[]);
        if shift > 200 {
            // bytes that the capture never saw
            self.flows[n].next[end] = self.flows[n].next[end].wrapping_add(u32::from(shift) << (shift % 24));
        }
    }

    fn datagram(&mut self) {
        let (mut ips, _) = self.ends();
        let inwards = self.from.rarely(4);
        if inwards {
            ips.swap(0, 1);
        }
        let ports = [self.port(), self.from.pick(&[123, 53, 514, 443, 5353, 161, 67])];
        let mut message = says::phrase(self.from);
        says::mutate(&mut message, self.from);
        self.push(&ip(ips[0], ips[1], 17, &udp(ports[0], ports[1], &message), self.oddity), !inwards);
        if self.from.rarely(2) {
            let mut answer = says::phrase(self.from);
            says::mutate(&mut answer, self.from);
            self.push(&ip(ips[1], ips[0], 17, &udp(ports[1], ports[0], &answer), 0), inwards);
        }
    }

    fn echo(&mut self) {
        let (mut ips, _) = self.ends();
        let inwards = self.from.rarely(3);
        if inwards {
            ips.swap(0, 1);
        }
        let (protocol, kinds) = if ips[0].is_ipv6() { (58, [128, 129]) } else { (1, [8, 0]) };
        let other = self.from.byte();
        for end in 0..2 {
            let kind = if other > 240 { other } else { kinds[end] };
            let mut body = vec![kind, 0, 0, 0, 0, 9, 0, 1];
            body.extend(vec![0x61; usize::from(other) % 100]);
            self.push(&ip(ips[end], ips[1 - end], protocol, &body, 0), inwards == (end == 1));
        }
    }

    /// An ICMP error that quotes what was last sent.
    fn refuse(&mut self) {
        let Some(last) = self.frames.last() else { return };
        let header = self.link.frame(&[0x45], true).len() - 1;
        let quoted: Vec<u8> = last.bytes.get(header..).unwrap_or_default().iter().copied().take(28 + self.from.below(40)).collect();
        let is_v6 = quoted.first().is_some_and(|first| first >> 4 == 6);
        let (protocol, kind, agent) = if is_v6 { (58, 1, IpAddr::V6(AGENT6)) } else { (1, 3, IpAddr::V4(AGENT)) };
        let reporter = if is_v6 { agent } else { IpAddr::V4(Ipv4Addr::new(10, 77, 0, 1)) };
        let kind = if self.from.rarely(4) { self.from.byte() } else { kind };
        let body = [&[kind, 1, 0, 0, 0, 0, 0, 0][..], &quoted].concat();
        self.push(&ip(reporter, agent, protocol, &body, 0), false);
    }

    fn wait(&mut self) {
        let n = u64::from(self.from.byte());
        let nanos = match n % 8 {
            0..=2 => n * 1_000_000,
            3 | 4 => n * 1_000_000_000,
            5 => n * 60_000_000_000,
            6 => n * 3_600_000_000_000,
            // time may also run backwards
            _ => {
                self.now = self.now.saturating_sub(n * 10_000_000);
                0
            }
        };
        self.now += nanos;
    }

    fn lose(&mut self) {
        let back = self.from.below(4);
        if let Some(at) = self.frames.len().checked_sub(1 + back) {
            self.frames.remove(at);
        }
    }

    fn repeat(&mut self) {
        let back = self.from.below(8);
        if let Some(mut frame) = self.frames.iter().rev().nth(back).cloned() {
            frame.nanos = self.now;
            self.frames.push(frame);
        }
    }

    fn swap(&mut self) {
        let n = self.frames.len();
        let back = 1 + self.from.below(6);
        if n > back {
            self.frames.swap(n - 1, n - 1 - back);
        }
    }

    fn cut(&mut self) {
        let kept = self.from.below(256);
        if let Some(last) = self.frames.last_mut() {
            last.bytes.truncate(kept);
            last.segment = None;
        }
    }

    fn corrupt(&mut self) {
        let at = self.from.below(80);
        let byte = self.from.byte();
        let Some(last) = self.frames.last_mut() else { return };
        last.segment = None;
        if let Some(place) = last.bytes.get_mut(at) {
            *place = byte;
        }
    }

    fn noise(&mut self) {
        let n = self.from.below(5);
        let raw = says_raw(self.from);
        match n {
            0 => {
                let mut bytes = vec![0xff; 6];
                bytes.extend(crate::packets::AGENT_MAC);
                bytes.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
                bytes.extend_from_slice(raw);
                self.frames.push(Frame::new(self.now, bytes));
            }
            1 => self.frames.push(Frame::new(self.now, raw.to_vec())),
            2 => self.push(&ip(AGENT.into(), Ipv4Addr::new(224, 0, 0, 251).into(), 17, &udp(5353, 5353, raw), 0), true),
            3 => self.push(&ip(Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::BROADCAST.into(), 17, &udp(68, 67, raw), 0), true),
            _ => {
                let protocol = self.from.byte();
                self.push(&ip(AGENT.into(), Ipv4Addr::new(40, 64, 10, 1).into(), protocol, raw, 0), true);
            }
        }
    }

    /// What was sent before, a little different, or reaching further.
    fn send_again(&mut self) {
        let Some(n) = self.flow() else { return };
        let end = self.from.below(2);
        let back = u32::from(self.from.byte());
        let flow = &mut self.flows[n];
        let kept = flow.next[end];
        flow.next[end] = kept.wrapping_sub(back);
        let reach = self.from.below(128);
        let bytes = self.from.take(reach).to_vec();
        self.segment(n, end, ACK, &bytes);
        let flow = &mut self.flows[n];
        let grown = flow.next[end].wrapping_sub(kept) as i32;
        flow.next[end] = if grown > 0 { flow.next[end] } else { kept };
    }

    /// A look-up and a whole session, as most of an agent's traffic is.
    fn whole(&mut self) {
        self.look_up();
        self.open();
        self.session();
        self.close();
    }
}

fn says_raw<'a>(from: &mut Bytes<'a>) -> &'a [u8] {
    let length = from.below(128);
    from.take(length)
}
