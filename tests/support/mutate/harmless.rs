//! What networks and taps do to packets, and means nothing. [`HARMLESS`] is the one list; each must leave a pass a pass.

use std::net::IpAddr;

use hickory_proto::rr::RecordType;
use wirewitness::fact::LinkType;

use super::bases::Base;
use super::inject::certificate::trusting;
use super::scene::Mutant;
use crate::world::certificates;
use crate::world::dtls::is_plain;
use crate::world::files::Kind;
use crate::world::generate::in_order;
use crate::world::packets::{ACK, FIN, Place, RST, SYN, Segment, addresses, datagram, fragments, tcp_at};
use crate::world::quic::is_quic;
use crate::world::random::Random;
use crate::world::wrappers::WRAPPERS;
use crate::world::{Frame, MILLI, SECOND, World, hosts::Cast, scenes};

/// A perturbation.
pub struct Harmless {
    pub name: &'static str,
    pub perturb: fn(&mut Mutant, &Base, &mut Random),
    /// It changes which end is seen to speak first.
    pub turns_order: bool,
}

const fn line(name: &'static str, perturb: fn(&mut Mutant, &Base, &mut Random)) -> Harmless {
    Harmless { name, perturb, turns_order: false }
}

/// One that changes which end is seen to speak first.
const fn turns(name: &'static str, perturb: fn(&mut Mutant, &Base, &mut Random)) -> Harmless {
    Harmless { name, perturb, turns_order: true }
}

pub const HARMLESS: &[Harmless] = &[
    line("nothing", |_, _, _| {}),
    line("another wrapper", |mutant, _, random| mutant.wrapper = random.pick(WRAPPERS)),
    line("another format", |mutant, _, random| mutant.file.format = *random.pick(&Kind::ALL)),
    line("others within a millisecond trade places", swap_flows),
    turns("both directions within a millisecond trade places", swap_directions),
    turns("one direction comes late", |mutant, base, random| delay(mutant, base, random.one_in(2))),
    line("datagrams of QUIC trade places", swap_datagrams),
    line("datagrams of DTLS trade places", swap_handshake),
    line("every frame twice", |mutant, _, _| twice(mutant, |frame| frame.clone())),
    line("every frame twice, as a router forwards it", |mutant, _, _| twice(mutant, forwarded)),
    line("some frames again", |mutant, _, random| again(mutant, random)),
    line("segments are retransmitted", retransmit),
    line("segments are retransmitted in other pieces", retransmit_in_pieces),
    line("segments are cut up", cut_up),
    line("packets come in fragments", in_fragments),
    line("keep-alives", keep_alives),
    line("keep-alives, and copies of them that come late", late_keep_alives),
    line("resets that nobody believes", forged_resets),
    line("acknowledgements again", |mutant, _, random| acknowledge(mutant, random)),
    line("other hosts speak", |mutant, base, random| play(mutant, base, random, scenes::others)),
    line("noise of the link", |mutant, base, random| play(mutant, base, random, scenes::noise)),
    line("padding to the shortest frame", |mutant, _, _| {
        mutant.frames.iter_mut().for_each(|frame| frame.bytes.resize(frame.bytes.len().max(60), 0))
    }),
    line("another day", |mutant, base, random| {
        // certificates of the fixtures last for a year
        let days = if base.is_world { (-20_000, 20_000) } else { (0, 380) };
        let by = random.within(days.0, days.1) * 86_400 * SECOND + random.within(0, SECOND);
        mutant.frames.iter_mut().for_each(|frame| frame.at += by);
    }),
    line("the root of the world is trusted", |mutant, base, _| {
        if base.is_world {
            mutant.policy = trusting(&mutant.policy, vec![certificates::root().to_vec()]);
        }
    }),
    line("times to the microsecond", |mutant, _, _| mutant.frames.iter_mut().for_each(|frame| frame.at -= frame.at % 1000)),
    line("checksums left to the card", no_checksums),
    line("copies that arrive damaged", damaged_copies),
    line("names of long hashes", long_names),
    line("last words and a FIN come again, seconds after the end", last_words),
];

fn swap_flows(mutant: &mut Mutant, _: &Base, random: &mut Random) {
    swap(mutant, random, |a, b| {
        let ports = |segment: &Segment| [segment.from.min(segment.to), segment.from.max(segment.to)];
        match (Segment::read(a), Segment::read(b)) {
            (Some(a), Some(b)) => ports(&a) != ports(&b),
            _ => addresses(a) != addresses(b),
        }
    });
}

fn swap_directions(mutant: &mut Mutant, _: &Base, random: &mut Random) {
    swap(mutant, random, |a, b| addresses(a).map(|(from, _)| from) != addresses(b).map(|(from, _)| from));
}

/// Those with long headers: what follows the handshake is not told from anything else.
fn swap_datagrams(mutant: &mut Mutant, _: &Base, random: &mut Random) {
    let is_long = |frame: &[u8]| datagram(frame).is_some_and(|(.., payload)| is_quic(payload));
    swap(mutant, random, |a, b| is_long(a) && is_long(b));
}

/// Those of a handshake of DTLS.
fn swap_handshake(mutant: &mut Mutant, _: &Base, random: &mut Random) {
    let is_plain = |frame: &[u8]| datagram(frame).is_some_and(|(.., payload)| is_plain(payload));
    swap(mutant, random, |a, b| is_plain(a) && is_plain(b));
}

/// Neighbours within a millisecond trade places where `may` says so.
fn swap(mutant: &mut Mutant, random: &mut Random, may: impl Fn(&[u8], &[u8]) -> bool) {
    let frames = &mut mutant.frames;
    in_order(frames);
    let mut n = 0;
    while n + 1 < frames.len() {
        let near = frames[n + 1].at - frames[n].at <= MILLI;
        if near && may(&frames[n].bytes, &frames[n + 1].bytes) && !random.one_in(3) {
            let (a, b) = (frames[n].at, frames[n + 1].at);
            frames.swap(n, n + 1);
            (frames[n].at, frames[n + 1].at) = (a, b);
            n += 1;
        }
        n += 1;
    }
}

/// All that agents sent, or all that they got, is seen 900 microseconds late.
fn delay(mutant: &mut Mutant, base: &Base, sent: bool) {
    for frame in &mut mutant.frames {
        let by_agent = addresses(&frame.bytes).is_some_and(|(from, _)| base.ips.contains(&from));
        frame.at += if by_agent == sent { 900_000 } else { 0 };
    }
}

fn twice(mutant: &mut Mutant, copy: impl Fn(&Frame) -> Frame) {
    mutant.frames = mutant.frames.iter().flat_map(|frame| [frame.clone(), copy(frame)]).collect();
}

/// The same packet with one hop fewer to go, between other cards.
fn forwarded(frame: &Frame) -> Frame {
    let mut copy = frame.clone();
    match copy.bytes.get(12..14) {
        Some([8, 0]) => copy.bytes[22] = copy.bytes[22].wrapping_sub(1),
        Some([0x86, 0xdd]) => copy.bytes[21] = copy.bytes[21].wrapping_sub(1),
        _ => return copy,
    }
    if copy.bytes[0] & 1 == 0 {
        copy.bytes[..12].copy_from_slice(&[2, 0, 0, 0, 0, 0xfe, 2, 0, 0, 0, 0, 0xfd]);
    }
    copy.at += 20_000;
    copy
}

fn again(mutant: &mut Mutant, random: &mut Random) {
    let chosen: Vec<Frame> = mutant.frames.iter().filter(|_| random.one_in(5)).cloned().collect();
    mutant.added.extend(chosen.into_iter().map(|frame| Frame { at: frame.at + random.within(0, 900_000), ..frame }));
}

/// The segments that carry something and are neither keep-alives nor the last of their connection.
fn segments(mutant: &Mutant) -> Vec<(i64, Segment)> {
    let read = |frame: &Frame| Some((frame.at, Segment::read(&frame.bytes)?)).filter(|_| frame.cut == 0);
    mutant
        .frames
        .iter()
        .filter_map(read)
        .filter(|(_, segment)| !matches!(segment.payload[..], [] | [0]) && segment.flags & (SYN | FIN | RST) == 0)
        .collect()
}

fn put(mutant: &mut Mutant, at: i64, segment: &Segment) {
    mutant.added.push(Frame { at, bytes: segment.write(), cut: 0 });
}

fn retransmit(mutant: &mut Mutant, _: &Base, random: &mut Random) {
    for (at, segment) in segments(mutant) {
        if random.one_in(4) {
            let later = at + random.within(1, 3000) * 1000;
            put(mutant, later, &segment);
        }
    }
}

fn retransmit_in_pieces(mutant: &mut Mutant, _: &Base, random: &mut Random) {
    for (at, segment) in segments(mutant) {
        if segment.payload.len() > 2 && random.one_in(4) {
            let (from, to) = (random.below(segment.payload.len() / 2), segment.payload.len());
            let middle = random.within(from as i64 + 1, to as i64) as usize;
            let piece = segment.payload[from..middle].to_vec();
            put(mutant, at + 700_000, &Segment { seq: segment.seq.wrapping_add(from as u32), payload: piece, ..segment });
        }
    }
}

/// As a card with another MTU would have sent them.
fn cut_up(mutant: &mut Mutant, _: &Base, random: &mut Random) {
    let most = *random.pick(&[1usize, 7, 50, 300]);
    let mut frames = Vec::new();
    for frame in &mutant.frames {
        match Segment::read(&frame.bytes).filter(|segment| frame.cut == 0 && segment.payload.len() > most && segment.payload.len() < 4000) {
            Some(segment) => {
                let last = segment.payload.len().div_ceil(most) - 1;
                for (n, piece) in segment.payload.chunks(most).enumerate() {
                    let flags = if n == last { segment.flags } else { segment.flags & !FIN };
                    let seq = segment.seq.wrapping_add((n * most) as u32);
                    let bytes = Segment { seq, flags, payload: piece.to_vec(), ..segment.clone() }.write();
                    frames.push(Frame { at: frame.at, bytes, cut: 0 });
                }
            }
            None => frames.push(frame.clone()),
        }
    }
    mutant.frames = frames;
}

/// As a router with a smaller MTU sends them on.
fn in_fragments(mutant: &mut Mutant, _: &Base, random: &mut Random) {
    let most = *random.pick(&[64usize, 256, 800]);
    let mut id = 0;
    mutant.frames = mutant
        .frames
        .iter()
        .flat_map(|frame| {
            let is_plain = match frame.bytes.get(12..15) {
                Some([8, 0, 0x45]) => frame.bytes[20] & 0x3f == 0 && frame.bytes[21] == 0,
                Some([0x86, 0xdd, _]) => frame.bytes[20] != 44,
                _ => false,
            };
            if !is_plain || frame.cut > 0 || frame.bytes.len() < most + 54 || random.one_in(2) {
                return vec![frame.clone()];
            }
            id += 1;
            fragments(&frame.bytes, most, id).into_iter().map(|bytes| Frame { bytes, ..*frame }).collect()
        })
        .collect();
}

fn keep_alives(mutant: &mut Mutant, _: &Base, random: &mut Random) {
    for (at, segment) in segments(mutant) {
        if random.one_in(3) {
            let seq = segment.seq.wrapping_add(segment.payload.len() as u32).wrapping_sub(1);
            // at once behind the segment: nothing else of this end lies between
            let payload = if random.one_in(2) { vec![0] } else { Vec::new() };
            put(mutant, at, &Segment { seq, payload, flags: ACK, ..segment });
        }
    }
}

fn late_keep_alives(mutant: &mut Mutant, base: &Base, random: &mut Random) {
    let before = mutant.added.len();
    keep_alives(mutant, base, random);
    // one of each end: real ones are seconds apart
    let mut ends = Vec::new();
    let mut is_first = |frame: &Frame| {
        let end = Segment::read(&frame.bytes).map(|segment| (segment.from, segment.to));
        let is_first = !ends.contains(&end);
        ends.push(end);
        is_first
    };
    let probes: Vec<Frame> = mutant.added.drain(before..).filter(|frame| is_first(frame)).collect();
    let copies = probes.clone();
    mutant.added.extend(probes);
    // longer than a tap takes to say the same thing twice
    mutant.added.extend(copies.into_iter().map(|frame| Frame { at: frame.at + random.within(600_000, 3_000_000), ..frame }));
}

/// Their numbers lie far outside of what the receiver awaits (RFC 5961 section 3).
fn forged_resets(mutant: &mut Mutant, _: &Base, random: &mut Random) {
    for (at, segment) in segments(mutant) {
        if random.one_in(4) {
            put(mutant, at, &Segment { seq: segment.seq.wrapping_add(0x4000_0000), payload: Vec::new(), flags: RST, ..segment });
        }
    }
}

/// Both ends have closed, an acknowledgement was lost, and an end says its last record and its FIN once more.
fn last_words(mutant: &mut Mutant, _: &Base, random: &mut Random) {
    let of_flag = |flag: u8, from: Place, to: Place| {
        let has = move |segment: &Segment| (segment.from, segment.to) == (from, to) && segment.flags & flag != 0;
        let read = |frame: &Frame| {
            Segment::read(&frame.bytes).map(|segment| (frame.at, segment.seq.wrapping_add(segment.payload.len() as u32), segment))
        };
        mutant.frames.iter().filter_map(read).filter(move |(.., segment)| has(segment)).map(|(at, end, _)| (at, end)).next_back()
    };
    let mut again = Vec::new();
    for (_, segment) in segments(mutant) {
        let is_record = matches!(segment.payload[..], [20..=23, 3, ..]);
        let [own, other] = [of_flag(FIN, segment.from, segment.to), of_flag(FIN, segment.to, segment.from)];
        let (Some((at, end)), Some((other_at, _))) = (own, other) else { continue };
        let is_last = segment.seq.wrapping_add(segment.payload.len() as u32) == end;
        let is_reused = of_flag(SYN, segment.from, segment.to).is_some_and(|(syn, _)| syn > at);
        if is_record && is_last && !is_reused {
            let later = at.max(other_at) + random.within(3, 50) * SECOND;
            again.push((later, Segment { flags: segment.flags | FIN, ..segment }));
        }
    }
    again.iter().for_each(|(at, segment)| put(mutant, *at, segment));
}

fn acknowledge(mutant: &mut Mutant, random: &mut Random) {
    let is_bare = |segment: &Segment| segment.payload.is_empty() && segment.flags == ACK;
    let bare: Vec<_> = mutant.frames.iter().filter(|frame| Segment::read(&frame.bytes).is_some_and(|s| is_bare(&s))).cloned().collect();
    for frame in bare {
        for n in 1..=random.within(1, 3) {
            mutant.added.push(Frame { at: frame.at + n * 1000, ..frame.clone() });
        }
    }
}

/// Something that is not the agents' is going on as well.
fn play(mutant: &mut Mutant, base: &Base, random: &mut Random, scene: fn(&mut World, &Cast, &mut Random)) {
    let mut cast = Cast::draw(random);
    cast.agents = base.ips.iter().copied().filter(std::net::IpAddr::is_ipv4).chain([[10, 0, 0, 4].into()]).collect();
    cast.strangers.retain(|ip| !base.ips.contains(ip));
    let mut world = World::default().apart(10_000);
    let (first, last) = base.span();
    for _ in 0..3 {
        world.now = random.within(first, last.max(first + 1));
        scene(&mut world, &cast, random);
    }
    mutant.added.append(&mut world.frames);
}

fn no_checksums(mutant: &mut Mutant, _: &Base, _: &mut Random) {
    for frame in &mut mutant.frames {
        if let Some(at) = tcp_at(&frame.bytes) {
            frame.bytes[at.header + 16..at.header + 18].copy_from_slice(&[0, 0]);
        }
    }
}

/// Ahead of some segments or behind them a copy with a bit turned, which its receiver drops for its checksum: where the sender's others are
/// good. Ahead of what is held to be compared alone, and behind something that shows that the sender's checksums can be believed.
fn damaged_copies(mutant: &mut Mutant, _: &Base, random: &mut Random) {
    let bad: std::collections::HashSet<Place> = mutant.frames.iter().filter_map(unsound).collect();
    let mut sent: std::collections::HashMap<(Place, Place), usize> = std::collections::HashMap::new();
    for frame in &mutant.frames {
        let (Some(at), Some(segment)) = (tcp_at(&frame.bytes), Segment::read(&frame.bytes)) else { continue };
        let before = sent.get(&(segment.from, segment.to)).copied();
        *sent.entry((segment.from, segment.to)).or_default() += segment.payload.len();
        let may_be_ahead = before.is_some_and(|before| before + segment.payload.len() < 12_000);
        let is_plain = segment.flags & (SYN | FIN | RST) == 0 && frame.cut == 0 && !bad.contains(&segment.from);
        // of text that was never received nobody knows where it led
        let is_text = segment.payload.iter().take(16).all(|byte| matches!(byte, b'\t'..=b'\r' | b' '..=b'~'));
        if is_plain && !is_text && segment.payload.len() > 1 && random.one_in(4) {
            let mut copy = frame.clone();
            copy.bytes[at.payload + segment.payload.len() / 2] ^= 1 << random.below(8);
            copy.at += if may_be_ahead && random.one_in(2) { -1 } else { 1 };
            mutant.added.push(copy);
        }
    }
}

/// Who sent a TCP segment with a bad checksum.
fn unsound(frame: &Frame) -> Option<Place> {
    let packet = wirewitness::decode::packet(LinkType::ETHERNET, &frame.bytes, frame.bytes.len() as u32).ok()?;
    (packet.checksum() != Some(true)).then_some((packet.source.ip, packet.source.port))
}

/// Canonical names of content networks, which are asked for again, and the names of some addresses.
fn long_names(mutant: &mut Mutant, base: &Base, random: &mut Random) {
    let pair = |resolver: &IpAddr| Some((*base.ips.iter().find(|ip| ip.is_ipv4() == resolver.is_ipv4())?, *resolver));
    let Some(((agent, resolver), target)) = base.resolvers.iter().find_map(pair).zip(base.targets.first()) else { return };
    let mut world = World::default().apart(30_000);
    world.now = base.span().0;
    for n in 0..20 {
        let hash: String = (0..40).map(|_| char::from(b"0123456789abcdef"[random.below(16)])).collect();
        let canonical = format!("{hash}.edge-{n}.cdn.example");
        world.resolve(agent, resolver, &target.name, &[&canonical], target.peer);
        world.resolve(agent, resolver, &canonical, &[], target.peer);
        let asked = world.question(&format!("{n}.2.0.192.in-addr.arpa"), RecordType::PTR);
        let from = (agent, world.port());
        world.udp(from, (resolver, 53), &asked);
    }
    mutant.added.append(&mut world.frames);
}
