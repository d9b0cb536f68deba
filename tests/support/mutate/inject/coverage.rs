//! Something was not seen, and the capture shows it.

use std::sync::Arc;

use wirewitness::judge::policy::Policy;

use super::super::audit::policy;
use super::super::scene::{FOREIGN, Scene};
use crate::world::packets::{self, Segment, tcp_at};
use crate::world::records::{self, client_hello, server_name};
use crate::world::tcp::{Tcp, Who::Opener};
use crate::world::tls::{self, Talk, Version};
use crate::world::{Frame, SECOND};

pub fn dropped(scene: &mut Scene<'_>) -> Option<()> {
    scene.mutant.file.dropped = 3;
    Some(())
}

pub fn dropped_before(scene: &mut Scene<'_>) -> Option<()> {
    scene.mutant.file.dropped_before = 1;
    Some(())
}

/// A whole session; returns the frames of it that carry payload.
fn session(scene: &mut Scene<'_>, talk: impl Fn(&mut Talk)) -> Option<Vec<usize>> {
    let (target, mut tcp) = scene.reach()?;
    let from = scene.world.frames.len();
    let mut wanted = Talk::new(&target.name, Version::Tls12);
    talk(&mut wanted);
    scene.world.talk(&mut tcp, &wanted, 0);
    scene.world.close(&mut tcp);
    let has_payload = |frame: &Frame| tcp_at(&frame.bytes).is_some_and(|at| at.end > at.payload);
    Some((from..scene.world.frames.len()).filter(|&n| has_payload(&scene.world.frames[n])).collect())
}

pub fn cut_hello(scene: &mut Scene<'_>) -> Option<()> {
    let said = session(scene, |_| {})?;
    let frame = &mut scene.world.frames[*said.first()?];
    let kept = tcp_at(&frame.bytes)?.payload + 30;
    frame.cut = frame.bytes.len() - kept;
    frame.bytes.truncate(kept);
    Some(())
}

/// So short that not even the ports are there.
pub fn cut_header(scene: &mut Scene<'_>) -> Option<()> {
    let target = scene.target()?;
    let (agent, peer) = ((target.agent, scene.world.port()), (target.peer, target.port));
    scene.world.push(packets::tcp(agent, peer, 1, 1, packets::ACK, b"payload"));
    let frame = scene.world.frames.last_mut()?;
    let kept = tcp_at(&frame.bytes)?.header + 2;
    frame.cut = frame.bytes.len() - kept;
    frame.bytes.truncate(kept);
    Some(())
}

pub fn ethertype(scene: &mut Scene<'_>) -> Option<()> {
    carries_anything(scene)?;
    scene.world.push(packets::other(0x4321, b"who knows"));
    Some(())
}

/// Raw IP has no place for other protocols.
pub fn carries_anything(scene: &Scene<'_>) -> Option<()> {
    (scene.mutant.wrapper.wrap)(&packets::other(0x4321, &[])).map(|_| ())
}

pub fn bad_header(scene: &mut Scene<'_>) -> Option<()> {
    let (agent, peer, port) = (scene.agent(), scene.stranger(), scene.world.port());
    let mut frame = packets::udp((agent, port), (peer, 9), b"longer than it is");
    let length = if scene.v6 { 18 } else { 16 };
    frame[length..length + 2].copy_from_slice(&1400u16.to_be_bytes());
    scene.world.push(frame);
    Some(())
}

/// The first piece of a packet of which the rest never comes.
pub fn fragment(scene: &mut Scene<'_>) -> Option<()> {
    let (agent, peer) = (scene.agent(), scene.stranger());
    let frame = if scene.v6 {
        packets::ip(agent, peer, 44, &[&[17, 0, 0, 1, 0, 0, 0, 9][..], &[0x44; 64]].concat())
    } else {
        let mut frame = packets::ip(agent, peer, 17, &[0x44; 64]);
        frame[20] = 0x20;
        frame
    };
    scene.world.push(frame);
    Some(())
}

/// A first piece whose length is no multiple of eight bytes.
pub fn uneven_fragment(scene: &mut Scene<'_>) -> Option<()> {
    let (agent, peer) = (scene.agent(), scene.stranger());
    let frame = if scene.v6 {
        packets::ip(agent, peer, 44, &[&[17, 0, 0, 1, 0, 0, 0, 9][..], &[0x44; 61]].concat())
    } else {
        let mut frame = packets::ip(agent, peer, 17, &[0x44; 61]);
        frame[20] = 0x20;
        frame
    };
    scene.world.push(frame);
    Some(())
}

/// Keeps of the frames that were added only those that the opener of a session sent, or the other.
fn one_side(scene: &mut Scene<'_>, opener: bool) -> Option<()> {
    session(scene, |_| {})?;
    let agents = scene.base.ips.clone();
    let is_tcp = |frame: &Frame| tcp_at(&frame.bytes).is_some();
    let from_agent = |frame: &Frame| packets::addresses(&frame.bytes).is_some_and(|(from, _)| agents.contains(&from));
    scene.world.frames.retain(|frame| !is_tcp(frame) || from_agent(frame) == opener);
    Some(())
}

pub fn one_sided(scene: &mut Scene<'_>) -> Option<()> {
    one_side(scene, true)
}

pub fn other_side(scene: &mut Scene<'_>) -> Option<()> {
    one_side(scene, false)
}

pub fn began_before(scene: &mut Scene<'_>) -> Option<()> {
    let target = scene.target()?;
    scene.look_up(&target);
    let mut tcp = Tcp::new((target.agent, scene.world.port()), (target.peer, target.port));
    scene.world.talk(&mut tcp, &Talk::new(&target.name, Version::Tls13), 0);
    Some(())
}

pub fn hole(scene: &mut Scene<'_>) -> Option<()> {
    // the responder's flight
    let said = session(scene, |_| {})?;
    scene.world.frames.remove(said[1]);
    Some(())
}

/// What came last is missing, and was acknowledged.
pub fn hole_at_end(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let said = tls::session(&Talk::new(&target.name, Version::Tls13));
    scene.world.flights(&mut tcp, &said, 0);
    let before = scene.world.frames.len();
    scene.world.say(&mut tcp, Opener, b"words that the tap did not see");
    scene.world.frames.remove(before);
    scene.world.close(&mut tcp);
    Some(())
}

/// The same place of the stream holds a hello for one name, and then for another.
pub fn contradiction(scene: &mut Scene<'_>) -> Option<()> {
    let said = session(scene, |_| {})?;
    let first = scene.world.frames[said[0]].clone();
    let mut other = Segment::read(&first.bytes)?;
    other.payload[12] ^= 0x55;
    let other = Frame { at: first.at + 1, bytes: other.write(), cut: 0 };
    scene.world.frames.insert(said[0] + 1, other);
    Some(())
}

/// The hello behind a copy with a bit turned, which was acknowledged: it was received, whatever its checksum says.
pub fn contradiction_damaged(scene: &mut Scene<'_>) -> Option<()> {
    let said = session(scene, |_| {})?;
    let mut other = scene.world.frames[said[0]].clone();
    let at = tcp_at(&other.bytes)?;
    other.bytes[at.payload + 12] ^= 0x55;
    other.at -= 2;
    let Segment { from, to, seq, ack, payload, .. } = Segment::read(&other.bytes)?;
    let answer =
        Segment { from: to, to: from, seq: ack, ack: seq.wrapping_add(payload.len() as u32), flags: packets::ACK, payload: Vec::new() };
    let answer = Frame { at: other.at + 1, bytes: answer.write(), cut: 0 };
    scene.world.frames.splice(said[0]..said[0], [other, answer]);
    Some(())
}

/// The second half of a hello comes ahead of the first, and then another second half.
pub fn contradiction_ahead(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let said = tls::session(&Talk::new(&target.name, Version::Tls13));
    let (first, second) = said[0].1.split_at(said[0].1.len() / 2);
    let mut ahead = tcp.clone();
    ahead.seq[0] = ahead.seq[0].wrapping_add(first.len() as u32);
    let other: Vec<u8> = second.iter().map(|byte| byte ^ 0x55).collect();
    for half in [second, &other] {
        scene.world.segment(&ahead, Opener, packets::ACK, half);
    }
    scene.world.segment(&tcp, Opener, packets::ACK, first);
    tcp.seq[0] = tcp.seq[0].wrapping_add(said[0].1.len() as u32);
    scene.world.flights(&mut tcp, &said[1..], 0);
    scene.world.close(&mut tcp);
    Some(())
}

const TEXT: &[u8] = b"user=admin; secret=hunter2; these words can be read by anybody who stands on the way\n";

/// A session with a record of the agent's that has begun and is not over: nobody looks into it.
fn long_record(scene: &mut Scene<'_>) -> Option<Tcp> {
    let mut tcp = scene.reach_tls(Version::Tls13)?;
    let record = records::sealed(16_000);
    scene.world.say(&mut tcp, Opener, &record[..12_000]);
    Some(tcp)
}

/// Text in the place of what a record has said, and its end.
fn end_behind(scene: &mut Scene<'_>, tcp: &mut Tcp, back: u32, said: &[u8]) {
    let before = Tcp { seq: [tcp.seq[0].wrapping_sub(back), tcp.seq[1]], ..tcp.clone() };
    scene.world.segment(&before, Opener, packets::ACK | packets::PSH, said);
    let beyond = (said.len() as u32).saturating_sub(back);
    tcp.seq[0] = tcp.seq[0].wrapping_add(beyond);
    scene.world.say(tcp, Opener, &records::sealed(16_000)[12_000 + beyond as usize..]);
    scene.world.close(tcp);
}

/// Words behind a byte that is none, so that nobody sees it at the beginning of what is sent again.
pub fn text_again_behind_a_byte(scene: &mut Scene<'_>) -> Option<()> {
    let mut tcp = long_record(scene)?;
    end_behind(scene, &mut tcp, 900, &[&[0x17][..], &TEXT.repeat(5)].concat());
    Some(())
}

/// Words in the place of a record's bytes, in a segment that goes on where nothing was said yet.
pub fn text_again_and_beyond(scene: &mut Scene<'_>) -> Option<()> {
    let mut tcp = long_record(scene)?;
    end_behind(scene, &mut tcp, 400, &[&TEXT.repeat(5)[..400], &[0x5e; 90]].concat());
    Some(())
}

/// Words in the place of what was said, while the connection closes.
pub fn text_again_at_the_end(scene: &mut Scene<'_>) -> Option<()> {
    let mut tcp = long_record(scene)?;
    scene.world.say(&mut tcp, Opener, &records::sealed(16_000)[12_000..]);
    scene.world.close(&mut tcp);
    let before = Tcp { seq: [tcp.seq[0].wrapping_sub(900), tcp.seq[1]], ..tcp.clone() };
    scene.world.segment(&before, Opener, packets::ACK | packets::PSH, &TEXT.repeat(5));
    Some(())
}

/// What goes on behind a FIN, in the place of the record's bytes.
pub fn behind_fin(scene: &mut Scene<'_>) -> Option<()> {
    let mut tcp = long_record(scene)?;
    scene.world.segment(&tcp, Opener, packets::FIN | packets::ACK, &[]);
    let behind = Tcp { seq: [tcp.seq[0].wrapping_add(1), tcp.seq[1]], ..tcp.clone() };
    scene.world.segment(&behind, Opener, packets::ACK | packets::PSH, &TEXT.repeat(5));
    scene.world.close(&mut tcp);
    Some(())
}

/// The same, and the FIN comes last.
pub fn ahead_of_fin(scene: &mut Scene<'_>) -> Option<()> {
    let mut tcp = long_record(scene)?;
    let ahead = Tcp { seq: [tcp.seq[0].wrapping_add(1), tcp.seq[1]], ..tcp.clone() };
    scene.world.segment(&ahead, Opener, packets::ACK | packets::PSH, &TEXT.repeat(5));
    scene.world.close(&mut tcp);
    Some(())
}

/// Text in the place of what was said, after a connection has closed and nothing of it is held any more.
pub fn text_after_the_end(scene: &mut Scene<'_>) -> Option<()> {
    let mut tcp = long_record(scene)?;
    scene.world.say(&mut tcp, Opener, &records::sealed(16_000)[12_000..]);
    scene.world.close(&mut tcp);
    scene.world.wait(8 * SECOND);
    let before = Tcp { seq: [tcp.seq[0].wrapping_sub(900), tcp.seq[1]], ..tcp.clone() };
    scene.world.segment(&before, Opener, packets::ACK | packets::PSH, &TEXT.repeat(5));
    Some(())
}

pub fn cut_file(scene: &mut Scene<'_>) -> Option<()> {
    scene.mutant.file.cut = 7;
    Some(())
}

/// A ClientHello of more than 64 KiB, in records as long as may be.
pub fn endless_hello(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let hello = client_hello(0x0303, 0x002f, &[server_name(&target.name), (21, vec![0; 60_000])]);
    let mut message = hello[5..].to_vec();
    let length = 80_000u32;
    message[1..4].copy_from_slice(&length.to_be_bytes()[1..]);
    message.resize(4 + length as usize, 0);
    let hello: Vec<u8> = message.chunks(16_000).flat_map(|piece| records::record(22, 0x0301, piece)).collect();
    scene.world.say(&mut tcp, Opener, &hello);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn nobody(scene: &mut Scene<'_>) -> Option<()> {
    scene.mutant.agents = policy(&["world".to_owned()], "name = \"n\"\n[agent]\naddresses = [\"10.99.99.99\"]").agents.clone();
    Some(())
}

pub fn filtered(scene: &mut Scene<'_>) -> Option<()> {
    scene.mutant.file.filter = Some("port 443");
    Some(())
}

pub fn waiver(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| records::session(0x0301, 0x002f, name))?;
    let ended = "name = \"w\"\n[[waiver]]\nrule = \"WW203\"\nuntil = 2024-01-31\nreason = \"it was to be replaced\"\n";
    let waivers = policy(&["world".to_owned()], ended).waivers.clone();
    let mut with_waiver: Policy = (*scene.mutant.policy).clone();
    with_waiver.waivers = waivers;
    scene.mutant.policy = Arc::new(with_waiver);
    Some(())
}

/// Not where the base holds what only its own policy permits.
pub fn no_destinations(scene: &mut Scene<'_>) -> Option<()> {
    let is_open = |frame: &Frame| match Segment::read(&frame.bytes) {
        Some(segment) => [22, 80, 3389].contains(&segment.to.1),
        // an echo, time, or a question whose first label may be data
        None => match (frame.bytes.get(23), frame.bytes.get(36..38)) {
            (Some(1), _) | (_, Some([0, 123])) => true,
            (_, Some([0, 53])) => frame.bytes.get(54).is_some_and(|&label| label >= 50),
            _ => false,
        },
    };
    let (own, bare) = (&scene.base.policy, policy(&[], ""));
    let asks_others = !scene.base.resolvers.iter().all(|ip| bare.resolver_allowed(*ip));
    if scene.base.frames.iter().any(is_open) || asks_others || !own.severity.is_empty() || !own.waivers.is_empty() {
        return None;
    }
    scene.mutant.policy = bare;
    Some(())
}

/// The base's policy with a requirement of coverage.
fn require(scene: &mut Scene<'_>, coverage: &str) -> Option<()> {
    let required = policy(&["world".to_owned()], &format!("name = \"c\"\n[coverage]\n{coverage}\n")).coverage.clone();
    let mut with_coverage: Policy = (*scene.mutant.policy).clone();
    with_coverage.coverage = required;
    scene.mutant.policy = Arc::new(with_coverage);
    Some(())
}

pub fn few_flows(scene: &mut Scene<'_>) -> Option<()> {
    require(scene, "min_flows = 100000")
}

pub fn short_time(scene: &mut Scene<'_>) -> Option<()> {
    require(scene, "min_duration = \"365d\"")
}

pub fn nobody_asks(scene: &mut Scene<'_>) -> Option<()> {
    require(scene, &format!("expect = [\"*.{FOREIGN}\", \"192.0.2.77\"]"))
}

/// Hours in which nothing at all was captured are not observed.
pub fn long_silence(scene: &mut Scene<'_>) -> Option<()> {
    let ((agent, resolver), target) = (scene.resolver()?, scene.target()?);
    scene.world.now = scene.base.span().1 + 5 * 3600 * SECOND;
    scene.world.resolve(agent, resolver, &target.name, &[], target.peer);
    require(scene, "min_duration = \"4h\"")
}

/// The name was said before the capture, and the address alone is not allowed.
pub fn unknown_name(scene: &mut Scene<'_>) -> Option<()> {
    scene.base.is_world.then_some(())?;
    let target = scene.target()?;
    scene.look_up(&target);
    let mut tcp = Tcp::new((target.agent, scene.world.port()), (target.peer, target.port));
    let said = tls::session(&Talk::new(&target.name, Version::Tls13));
    scene.world.flights(&mut tcp, &said[said.len() - 4..], 0);
    Some(())
}
