//! Evidence that is taken away where later evidence shows it: [`TAKEN`] is the one list. What did not pass must not pass for it, and what
//! passed must become inconclusive where what is missing was needed, and never wrong.

use std::sync::Arc;

use wirewitness::judge::Scope;
use wirewitness::judge::policy::{Agent, Policy};

use super::audit::policy;
use super::edit::streams;
use super::scene::Mutant;
use crate::world::dtls::{is_client_hello, is_finishing, is_plain, is_server_hello};
use crate::world::packets::{Place, SYN, Segment, addresses, datagram, fragments};
use crate::world::quic::is_initial;
use crate::world::random::Random;
use crate::world::tunnelled::{is_initiation, is_key_exchange, is_response};
use crate::world::{Frame, records};

/// A way to lose evidence.
pub struct Taken {
    pub name: &'static str,
    /// A pass that suffers this is inconclusive; where not, what is missing may have been of no weight.
    pub needed: bool,
    /// Takes something away; `None` where there is nothing that would show.
    pub take: fn(&mut Mutant, &mut Random) -> Option<()>,
}

const fn line(name: &'static str, needed: bool, take: fn(&mut Mutant, &mut Random) -> Option<()>) -> Taken {
    Taken { name, needed, take }
}

pub const TAKEN: &[Taken] = &[
    line("a segment of a handshake", true, segment_of_handshake),
    line("a fragment of a segment of a handshake", true, fragment_of_handshake),
    line("a segment ahead of TLS within a flow", true, segment_of_prologue),
    line("some segment that is acknowledged", false, some_segment),
    line("a SYN", false, syn),
    line("both SYNs of a connection", true, both_syns),
    line("payload beyond 96 bytes", true, |mutant, _| cut(mutant, 96)),
    line("payload beyond the headers", true, |mutant, _| cut(mutant, 54)),
    line("headers", true, |mutant, _| cut(mutant, 38)),
    line("payload beyond 600 bytes", false, |mutant, _| cut(mutant, 600)),
    line("packets that the capture counted as lost", true, |mutant, _| {
        mutant.file.dropped = 1;
        Some(())
    }),
    line("the end of the file", true, |mutant, random| {
        mutant.file.cut = 1 + random.below(15);
        Some(())
    }),
    line("one direction of a connection", true, one_direction),
    line("the client's Initials of QUIC", true, |mutant, random| quic(mutant, random, |is_first, payload| is_first && is_initial(payload))),
    line("the server's Initials of QUIC", true, |mutant, random| {
        quic(mutant, random, |is_first, payload| !is_first && is_initial(payload))
    }),
    line("all that a server of QUIC sends", true, |mutant, random| quic(mutant, random, |is_first, _| !is_first)),
    line("all that a client of QUIC sends", true, |mutant, random| quic(mutant, random, |is_first, _| is_first)),
    line("all Initials of QUIC", true, |mutant, random| quic(mutant, random, |_, payload| is_initial(payload))),
    line("an Initial of QUIC", false, |mutant, random| {
        let mut left = 1 + random.below(3);
        quic(mutant, random, |_, payload| {
            left -= usize::from(is_initial(payload) && left > 0);
            is_initial(payload) && left == 0
        })
    }),
    line("the client's hellos of DTLS", true, |mutant, random| dtls(mutant, random, |_, payload| is_client_hello(payload))),
    line("the server's hello of DTLS", true, |mutant, random| dtls(mutant, random, |_, payload| is_server_hello(payload))),
    line("the client's Finished of DTLS", true, |mutant, random| {
        dtls(mutant, random, |is_first, payload| is_first && is_finishing(payload))
    }),
    line("the server's Finished of DTLS", true, |mutant, random| {
        dtls(mutant, random, |is_first, payload| !is_first && is_finishing(payload))
    }),
    line("all that a server of DTLS sends", true, |mutant, random| dtls(mutant, random, |is_first, _| !is_first)),
    line("all that a client of DTLS sends", true, |mutant, random| dtls(mutant, random, |is_first, _| is_first)),
    line("the handshake of DTLS in the clear", true, |mutant, random| dtls(mutant, random, |_, payload| is_plain(payload))),
    line("a datagram of a handshake of DTLS", false, |mutant, random| {
        let mut left = 1 + random.below(5);
        dtls(mutant, random, |_, payload| {
            left -= usize::from(is_plain(payload) && left > 0);
            is_plain(payload) && left == 0
        })
    }),
    line("the initiations of WireGuard", true, |mutant, random| {
        datagrams(mutant, random, is_initiation, |_, payload| is_initiation(payload))
    }),
    line("the responses of WireGuard", true, |mutant, random| datagrams(mutant, random, is_initiation, |_, payload| is_response(payload))),
    line("all that a responder of WireGuard sends", true, |mutant, random| {
        datagrams(mutant, random, is_initiation, |is_first, _| !is_first)
    }),
    line("all that an initiator of WireGuard sends", true, |mutant, random| {
        datagrams(mutant, random, is_initiation, |is_first, _| is_first)
    }),
    line("the exchange of keys of IKE", true, |mutant, random| {
        datagrams(mutant, random, is_key_exchange, |_, payload| is_key_exchange(payload))
    }),
    line("all that a responder of IKE sends", true, |mutant, random| datagrams(mutant, random, is_key_exchange, |is_first, _| !is_first)),
    line("a packet of SCTP behind which others go on", true, packet_of_sctp),
    line("everything of somebody who is expected", true, expected_peer),
];

/// Frames of both kinds together, so that what was injected is lost as well.
fn all(mutant: &mut Mutant) -> &mut Vec<Frame> {
    let added = std::mem::take(&mut mutant.added);
    mutant.frames.extend(added);
    crate::world::generate::in_order(&mut mutant.frames);
    &mut mutant.frames
}

/// Removes every copy of one segment.
fn lose(frames: &mut Vec<Frame>, lost: &Segment) {
    let is_lost =
        |segment: Segment| segment.seq == lost.seq && (segment.from, segment.to) == (lost.from, lost.to) && !segment.payload.is_empty();
    frames.retain(|frame| !Segment::read(&frame.bytes).is_some_and(is_lost));
}

/// One of the first two records of a TLS session, where the hellos are.
fn first_of_handshake(frames: &[Frame], random: &mut Random) -> Option<Segment> {
    let of_tls =
        streams(frames).into_iter().filter(|stream| stream.bytes.first() == Some(&22) && records::boundaries(&stream.bytes).len() > 4);
    let firsts: Vec<Segment> = of_tls
        .filter_map(|stream| {
            frames.iter().filter_map(|frame| Segment::read(&frame.bytes)).find(|segment| {
                (segment.from, segment.to) == (stream.from, stream.to)
                    && !segment.payload.is_empty()
                    && stream.bytes.starts_with(&segment.payload)
            })
        })
        .collect();
    (!firsts.is_empty()).then(|| random.pick(&firsts).clone())
}

fn segment_of_handshake(mutant: &mut Mutant, random: &mut Random) -> Option<()> {
    let frames = all(mutant);
    let lost = first_of_handshake(frames, random)?;
    lose(frames, &lost);
    Some(())
}

/// The segment comes in fragments, and one of them does not come.
fn fragment_of_handshake(mutant: &mut Mutant, random: &mut Random) -> Option<()> {
    let frames = all(mutant);
    let lost = first_of_handshake(frames, random)?;
    let is_it = |frame: &Frame| Segment::read(&frame.bytes).is_some_and(|s| (s.seq, s.from, s.to) == (lost.seq, lost.from, lost.to));
    let at = frames.iter().find(|frame| is_it(frame))?.at;
    let mut pieces = fragments(&lost.write(), 24, 0x7a7a);
    pieces.remove(random.below(pieces.len()));
    lose(frames, &lost);
    frames.extend(pieces.into_iter().map(|bytes| Frame { at, bytes, cut: 0 }));
    Some(())
}

/// One of the first segments of a flow that goes on to TLS behind STARTTLS, or asks a proxy.
fn segment_of_prologue(mutant: &mut Mutant, random: &mut Random) -> Option<()> {
    let agents = Scope::new(&mutant.agents);
    let frames = all(mutant);
    let asks = |bytes: &[u8]| bytes.first() == Some(&5) || bytes.starts_with(b"CONNECT ") || bytes.starts_with(b"EHLO ");
    let asking = streams(frames).into_iter().filter(|stream| asks(&stream.bytes) && agents.has(stream.from.0, None));
    let ends: Vec<_> = asking.map(|stream| (stream.from, stream.to)).collect();
    let (from, to) = if ends.is_empty() { return None } else { *random.pick(&ends) };
    let of_it = |segment: &Segment| [(from, to), (to, from)].contains(&(segment.from, segment.to)) && !segment.payload.is_empty();
    let said: Vec<Segment> = frames.iter().filter_map(|frame| Segment::read(&frame.bytes)).filter(of_it).take(4).collect();
    let lost = random.pick(&said).clone();
    lose(frames, &lost);
    Some(())
}

fn some_segment(mutant: &mut Mutant, random: &mut Random) -> Option<()> {
    let frames = all(mutant);
    let read: Vec<Segment> = frames.iter().filter_map(|frame| Segment::read(&frame.bytes)).collect();
    let acknowledged = |segment: &&Segment| {
        let end = segment.seq.wrapping_add(segment.payload.len() as u32);
        let shows = |other: &Segment| (other.to, other.from) == (segment.from, segment.to) && other.ack.wrapping_sub(end) as i32 >= 0;
        !segment.payload.is_empty() && read.iter().any(shows)
    };
    let fitting: Vec<&Segment> = read.iter().filter(acknowledged).collect();
    let lost = if fitting.is_empty() { return None } else { (*random.pick(&fitting)).clone() };
    lose(frames, &lost);
    Some(())
}

/// Connections that say something, by their SYNs.
fn dials(frames: &[Frame], agents: &[Agent]) -> Vec<Segment> {
    let scope = Scope::new(agents);
    let of_agent = |syn: &&Segment| scope.has(syn.from.0, None) != scope.has(syn.to.0, None);
    let read: Vec<Segment> = frames.iter().filter_map(|frame| Segment::read(&frame.bytes)).collect();
    let speaks = |syn: &&Segment| read.iter().any(|other| (other.from, other.to) == (syn.from, syn.to) && !other.payload.is_empty());
    read.iter().filter(|segment| segment.flags & (SYN | 16) == SYN).filter(speaks).filter(of_agent).cloned().collect()
}

fn syn(mutant: &mut Mutant, random: &mut Random) -> Option<()> {
    let agents = mutant.agents.clone();
    let frames = all(mutant);
    let found = dials(frames, &agents);
    let lost = if found.is_empty() { return None } else { random.pick(&found) };
    frames.retain(|frame| {
        Segment::read(&frame.bytes).is_none_or(|segment| segment.flags & SYN == 0 || (segment.from, segment.to) != (lost.from, lost.to))
    });
    Some(())
}

fn both_syns(mutant: &mut Mutant, random: &mut Random) -> Option<()> {
    let agents = mutant.agents.clone();
    let frames = all(mutant);
    let found = dials(frames, &agents);
    let lost = if found.is_empty() { return None } else { random.pick(&found) };
    let of_it = |segment: &Segment| [(lost.from, lost.to), (lost.to, lost.from)].contains(&(segment.from, segment.to));
    frames.retain(|frame| Segment::read(&frame.bytes).is_none_or(|segment| segment.flags & SYN == 0 || !of_it(&segment)));
    Some(())
}

fn one_direction(mutant: &mut Mutant, random: &mut Random) -> Option<()> {
    let agents = mutant.agents.clone();
    let frames = all(mutant);
    let found = dials(frames, &agents);
    let lost = if found.is_empty() { return None } else { random.pick(&found) };
    frames.retain(|frame| Segment::read(&frame.bytes).is_none_or(|segment| (segment.from, segment.to) != (lost.to, lost.from)));
    Some(())
}

/// Takes the datagrams of one flow of QUIC for which `is_lost` holds, by whether the end that spoke first sent them, and what is in them.
fn quic(mutant: &mut Mutant, random: &mut Random, is_lost: impl FnMut(bool, &[u8]) -> bool) -> Option<()> {
    datagrams(mutant, random, is_initial, is_lost)
}

/// The same of DTLS.
fn dtls(mutant: &mut Mutant, random: &mut Random, is_lost: impl FnMut(bool, &[u8]) -> bool) -> Option<()> {
    datagrams(mutant, random, is_client_hello, is_lost)
}

/// The same of a flow with a datagram for which `begins` holds.
fn datagrams(
    mutant: &mut Mutant,
    random: &mut Random,
    begins: fn(&[u8]) -> bool,
    mut is_lost: impl FnMut(bool, &[u8]) -> bool,
) -> Option<()> {
    let scope = Scope::new(&mutant.agents);
    let frames = all(mutant);
    let mut flows: Vec<(Place, Place)> = Vec::new();
    for (from, to, payload) in frames.iter().filter_map(|frame| datagram(&frame.bytes)) {
        let is_known = flows.contains(&(from, to)) || flows.contains(&(to, from));
        if !is_known && begins(payload) && scope.has(from.0, None) != scope.has(to.0, None) {
            flows.push((from, to));
        }
    }
    let (first, other) = if flows.is_empty() { return None } else { *random.pick(&flows) };
    let (before, mut left) = (frames.len(), 0);
    frames.retain(|frame| {
        let is_kept = match datagram(&frame.bytes) {
            Some((from, to, payload)) if (from, to) == (first, other) => !is_lost(true, payload),
            Some((from, to, payload)) if (from, to) == (other, first) => !is_lost(false, payload),
            _ => return true,
        };
        left += usize::from(is_kept);
        is_kept
    });
    // a flow that is lost whole leaves no trace
    (frames.len() < before && left > 0).then_some(())
}

/// A packet with data of an association, where its sender sends data later.
fn packet_of_sctp(mutant: &mut Mutant, random: &mut Random) -> Option<()> {
    const SCTP: u8 = 132;
    let scope = Scope::new(&mutant.agents);
    let frames = all(mutant);
    // as worlds write them: a SACK, and data behind it
    let sender = |frame: &Frame| {
        let at = if *frame.bytes.get(23)? == SCTP { 34 } else { 54 };
        let is_data = frame.bytes.get(at + 12..at + 32).is_some_and(|chunks| chunks[0] == 3 && chunks[16] == 0);
        let is_sctp = at == 34 || *frame.bytes.get(20)? == SCTP;
        let (from, to) = addresses(&frame.bytes).filter(|_| is_data && is_sctp)?;
        (scope.has(from, None) != scope.has(to, None)).then(|| (from, to, frame.bytes[at..at + 4].to_vec()))
    };
    let senders: Vec<_> = frames.iter().map(sender).collect();
    let goes_on = |n: &usize| senders[*n].is_some() && senders[n + 1..].contains(&senders[*n]);
    let found: Vec<usize> = (0..frames.len()).filter(goes_on).collect();
    let lost = if found.is_empty() { return None } else { *random.pick(&found) };
    frames.remove(lost);
    Some(())
}

/// All packets of the responder of a connection, whom the policy expects; not of a resolver, without whose answers nothing is bound.
fn expected_peer(mutant: &mut Mutant, random: &mut Random) -> Option<()> {
    let agents = mutant.agents.clone();
    let scope = Scope::new(&agents);
    let frames = all(mutant);
    // a resolver takes with it what allows others, and leaves no trace
    let is_peer = |dial: &Segment| !scope.has(dial.to.0, None) && dial.to.1 != 53;
    let found: Vec<Segment> = dials(frames, &agents).into_iter().filter(is_peer).collect();
    let peer = if found.is_empty() { return None } else { random.pick(&found).to.0 };
    frames.retain(|frame| addresses(&frame.bytes).is_none_or(|(from, to)| from != peer && to != peer));
    let required = policy(&["world".to_owned()], &format!("name = \"c\"\n[coverage]\nexpect = [\"{peer}\"]\n")).coverage.clone();
    let mut expecting: Policy = (*mutant.policy).clone();
    expecting.coverage = required;
    mutant.policy = Arc::new(expecting);
    Some(())
}

/// Cuts every frame to a snap length; nothing, where no frame of the agent loses what was needed.
fn cut(mutant: &mut Mutant, kept: usize) -> Option<()> {
    let scope = Scope::new(&mutant.agents);
    let mut was_said = false;
    for frame in all(mutant) {
        if frame.bytes.len() > kept {
            let of_agent = addresses(&frame.bytes).is_some_and(|(from, to)| scope.has(from, None) || scope.has(to, None));
            let is_hello = Segment::read(&frame.bytes).is_some_and(|segment| segment.payload.first() == Some(&22))
                || datagram(&frame.bytes).is_some_and(|(.., payload)| is_initial(payload));
            was_said |= of_agent && (is_hello || kept < 40);
            frame.cut += frame.bytes.len() - kept;
            frame.bytes.truncate(kept);
        }
    }
    was_said.then_some(())
}
