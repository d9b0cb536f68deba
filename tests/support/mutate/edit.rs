//! Changes inside flows that are there already: bytes put into a stream, what follows moved on.

use super::scene::Scene;
use crate::world::Frame;
use crate::world::packets::{ACK, PSH, Place, SYN, Segment};
use crate::world::records::boundaries;

/// One direction of a connection, put together from frames that are whole and in order.
pub struct Stream {
    pub from: Place,
    pub to: Place,
    first: u32,
    pub bytes: Vec<u8>,
    /// Where segments begin: offset in the stream and place of the frame.
    starts: Vec<(usize, usize)>,
}

/// Every direction of every connection that begins in `frames`; those with holes or a second connection between the ports are left out.
pub fn streams(frames: &[Frame]) -> Vec<Stream> {
    let mut found: Vec<Stream> = Vec::new();
    let mut odd: Vec<(Place, Place)> = Vec::new();
    for (n, frame) in frames.iter().enumerate() {
        let Some(segment) = Segment::read(&frame.bytes) else { continue };
        let key = (segment.from, segment.to);
        let stream = found.iter_mut().find(|stream| (stream.from, stream.to) == key);
        match stream {
            None if segment.flags & SYN != 0 => {
                let first = segment.seq.wrapping_add(1);
                found.push(Stream { from: segment.from, to: segment.to, first, bytes: Vec::new(), starts: Vec::new() });
            }
            None => odd.push(key),
            Some(stream) if segment.flags & SYN != 0 => {
                if segment.seq.wrapping_add(1) != stream.first {
                    odd.push(key);
                }
            }
            Some(stream) => {
                let offset = segment.seq.wrapping_sub(stream.first) as i32;
                if !segment.payload.is_empty() && offset == stream.bytes.len() as i32 {
                    stream.starts.push((stream.bytes.len(), n));
                    stream.bytes.extend(&segment.payload);
                } else if offset > stream.bytes.len() as i32 {
                    odd.push(key);
                }
            }
        }
    }
    found.retain(|stream| !odd.contains(&(stream.from, stream.to)) && !odd.contains(&(stream.to, stream.from)));
    found
}

/// Puts `said` into a TLS session of the agent's own, where a record ends and a segment begins, or at its end.
pub fn into_own_flow(scene: &mut Scene<'_>, said: &[u8], at_end: bool) -> Option<()> {
    let agents = &scene.base.ips;
    let frames = &scene.mutant.frames;
    let mut places: Vec<(Place, Place, u32, usize)> = Vec::new();
    for stream in streams(frames) {
        let of_agent = agents.contains(&stream.from.0) != agents.contains(&stream.to.0);
        let records = boundaries(&stream.bytes);
        let is_tls = stream.bytes.first() == Some(&22) && records.last() == Some(&stream.bytes.len()) && records.len() > 4;
        if !of_agent || !is_tls || stream.from.0.is_ipv6() != scene.v6 {
            continue;
        }
        let seq = |offset: usize| stream.first.wrapping_add(offset as u32);
        if at_end {
            places.push((stream.from, stream.to, seq(stream.bytes.len()), stream.starts.last()?.1 + 1));
        } else {
            let fitting = stream.starts.iter().filter(|(offset, _)| *offset > 0 && records.contains(offset));
            places.extend(fitting.map(|(offset, frame)| (stream.from, stream.to, seq(*offset), *frame)));
        }
    }
    if places.is_empty() {
        return None;
    }
    let (from, to, seq, place) = *scene.random.pick(&places);
    insert(&mut scene.mutant.frames, from, to, seq, place, said);
    Some(())
}

/// Puts `said` into the stream from `from` to `to` at `seq`, as a frame at `place`.
fn insert(frames: &mut Vec<Frame>, from: Place, to: Place, seq: u32, place: usize, said: &[u8]) {
    let later = |number: u32, least: i32| number.wrapping_sub(seq) as i32 >= least;
    let mut ack = 0;
    for (n, frame) in frames.iter_mut().enumerate() {
        let Some(mut segment) = Segment::read(&frame.bytes) else { continue };
        if (segment.from, segment.to) == (from, to) {
            if n < place && segment.flags & ACK != 0 {
                ack = segment.ack;
            }
            if segment.flags & SYN == 0 && later(segment.seq, 0) {
                segment.seq = segment.seq.wrapping_add(said.len() as u32);
                frame.bytes = segment.write();
            }
        } else if (segment.from, segment.to) == (to, from) && segment.flags & ACK != 0 && later(segment.ack, 1) {
            segment.ack = segment.ack.wrapping_add(said.len() as u32);
            frame.bytes = segment.write();
        }
    }
    let at = frames.get(place).or(frames.last()).map_or(0, |frame| frame.at);
    let bytes = Segment { from, to, seq, ack, flags: ACK | PSH, payload: said.to_vec() }.write();
    frames.insert(place, Frame { at, bytes, cut: 0 });
}
