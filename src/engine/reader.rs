//! The inputs of an audit, read as one series of blocks.
//!
//! Inputs whose first frame's time is known are read in the order of those times. Where one begins before another has ended, they are
//! merged by time, a tie going to the one that began first: whether files follow each other or were taken side by side, flows go on from
//! one to the next. A block that is handed on holds frames of one input, and each keeps its input and number. An input's own frames stay
//! in their order, whatever their times.
//!
//! An input that can be read only once (a pipe, a connection) has no place in time: it is read when those before it have ended, and where
//! its time lies before theirs a new epoch begins, into which no flow goes on.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::Input;
use crate::decode;
use crate::fact::{Block, FrameId, FrameIndex, LinkType, Timestamp};
use crate::judge::InputSummary;
use crate::limits;
use crate::source::{Fill, Source, SourceError};

/// Reads the inputs as one series.
pub(super) struct Reader {
    /// What was not opened yet, the next one last.
    waiting: Vec<Input>,
    open: Vec<Reading>,
    /// A block that opens the next epoch.
    held: Option<Block>,
    next_block: u64,
    /// What was read, by index; `None` while it is read.
    done: Vec<Option<InputSummary>>,
    pub(super) failed: Vec<SourceError>,
    pub(super) passed_over: Vec<SourceError>,
    bytes_done: u64,
    pub(super) packets_done: u64,
    pub(super) unread_links: BTreeSet<LinkType>,
    /// The packet that somebody asks about: the path of its input, its number there, and once that input is open its place.
    asked: Option<(String, u64)>,
    pub(super) traced: Option<FrameId>,
}

/// An input that is being read.
struct Reading {
    index: usize,
    path: String,
    sha256: Option<String>,
    /// Its place in time is known.
    placed: bool,
    source: Box<dyn Source>,
    /// What of it was read and not handed on: the frames from `at` on.
    block: Block,
    at: usize,
    ended: bool,
}

impl Reading {
    fn head(&self) -> Option<Timestamp> {
        self.block.frames.get(self.at).map(|frame| frame.at)
    }
}

impl Reader {
    pub(super) fn new(mut inputs: Vec<Input>) -> Self {
        // stable: what has no place keeps its order, behind those that have one
        inputs.sort_by_key(|input| (input.first.is_none(), input.first));
        inputs.reverse();
        Self {
            waiting: inputs,
            open: Vec::new(),
            held: None,
            next_block: 0,
            done: Vec::new(),
            failed: Vec::new(),
            passed_over: Vec::new(),
            bytes_done: 0,
            packets_done: 0,
            unread_links: BTreeSet::new(),
            asked: None,
            traced: None,
        }
    }

    /// The same, when somebody asks about a packet: the path of its input, and its number there.
    pub(super) fn asked(self, asked: Option<(String, u64)>) -> Self {
        Self { asked, ..self }
    }

    pub(super) fn has_more(&self) -> bool {
        self.held.is_some()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes_done + self.open.iter().map(|reading| reading.source.stats().bytes).sum::<u64>()
    }

    pub(super) fn packets(&self) -> u64 {
        self.packets_done + self.open.iter().map(|reading| reading.source.stats().packets).sum::<u64>()
    }

    /// The next block, in the buffers of `spare`; `None` where there is none in this epoch, the latest time of which is `latest`.
    pub(super) fn next(&mut self, mut spare: Block, latest: Option<Timestamp>) -> Option<Block> {
        if let Some(held) = self.held.take() {
            return Some(held);
        }
        loop {
            if self.open.is_empty() && !self.open_next() {
                return None;
            }
            self.fill(&mut spare);
            let Some((place, head)) = self.earliest() else {
                if self.open.is_empty() {
                    continue;
                }
                // nothing for a while: whoever waits is told
                return Some(self.numbered(Block::default()));
            };
            if self.waiting.last().and_then(|input| input.first).is_some_and(|first| first <= head) {
                self.open_next();
                continue;
            }
            let block = self.take(place, spare);
            let is_earlier = block.frames.first().is_some_and(|first| latest.is_some_and(|latest| first.at < latest));
            let placed = self.open.get(place).is_some_and(|reading| reading.placed);
            let block = self.numbered(block);
            if block.begins_input && is_earlier && !placed {
                self.held = Some(block);
                return None;
            }
            return Some(block);
        }
    }

    /// Sees to it that every open input has frames at hand, and closes those that have come to their end.
    fn fill(&mut self, spare: &mut Block) {
        let mut n = 0;
        while let Some(reading) = self.open.get_mut(n) {
            let alone = !reading.placed;
            while reading.head().is_none() && !reading.ended {
                if spare.bytes.capacity() > reading.block.bytes.capacity() {
                    std::mem::swap(&mut reading.block, spare);
                }
                reading.at = 0;
                match reading.source.fill(&mut reading.block) {
                    Ok(Fill::More) if alone => break,
                    Ok(Fill::More) => {}
                    Ok(Fill::End) => reading.ended = true,
                    Err(error) => {
                        reading.block.frames.clear();
                        reading.ended = true;
                        self.failed.push(error);
                    }
                }
            }
            if reading.ended && reading.head().is_none() {
                let reading = self.open.remove(n);
                self.close(reading);
            } else {
                n += 1;
            }
        }
    }

    /// The open input with the earliest frame at hand.
    fn earliest(&self) -> Option<(usize, Timestamp)> {
        let heads = self.open.iter().enumerate().filter_map(|(place, reading)| Some((reading.head()?, reading.index, place)));
        heads.min().map(|(head, _, place)| (place, head))
    }

    /// The frames of the input at `place` up to where another's turn comes: its own block where that is all of it, else a copy.
    fn take(&mut self, place: usize, spare: Block) -> Block {
        let next = self.waiting.last().and_then(|input| input.first).map(|first| (first, usize::MAX));
        let others = self.open.iter().enumerate().filter(|(other, _)| *other != place);
        let bound = others.filter_map(|(_, reading)| Some((reading.head()?, reading.index))).chain(next).min();
        let Some(reading) = self.open.get_mut(place) else { return spare };
        let from = reading.at;
        let is_ours = |frame: &FrameIndex| bound.is_none_or(|bound| (frame.at, reading.index) < bound);
        let rest = reading.block.frames.get(from + 1..).unwrap_or_default();
        let to = from + 1 + rest.iter().take_while(|frame| is_ours(frame)).count();
        if from == 0 && to == reading.block.frames.len() {
            return std::mem::replace(&mut reading.block, spare_of(spare));
        }
        let mut block = spare_of(spare);
        block.begins_input = reading.block.begins_input && from == 0;
        for frame in reading.block.frames.get(from..to).unwrap_or_default() {
            let offset = block.bytes.len() as u32;
            block.bytes.extend_from_slice(reading.block.frame(frame));
            block.frames.push(FrameIndex { offset, ..*frame });
        }
        reading.at = to;
        block
    }

    fn numbered(&mut self, mut block: Block) -> Block {
        block.sequence = self.next_block;
        self.next_block += 1;
        block
    }

    /// Opens the next input that can be opened.
    fn open_next(&mut self) -> bool {
        while let Some(input) = self.waiting.pop() {
            if self.open.len() >= limits::INPUTS_MERGED {
                let message = format!("begins while {} captures before it go on: audit fewer at once", limits::INPUTS_MERGED);
                self.failed.push(SourceError::new(input.path, message));
                continue;
            }
            match (input.open)(self.done.len() as u32) {
                Ok(source) => {
                    if let Some((_, number)) = self.asked.take_if(|(path, _)| *path == input.path) {
                        self.traced = Some(FrameId::new(self.done.len() as u32, number));
                    }
                    self.open.push(Reading {
                        index: self.done.len(),
                        path: input.path,
                        sha256: input.sha256,
                        placed: input.first.is_some(),
                        source,
                        block: Block::default(),
                        at: 0,
                        ended: false,
                    });
                    self.done.push(None);
                    return true;
                }
                Err(error) if input.found && error.foreign => self.passed_over.push(error),
                Err(error) => self.failed.push(error),
            }
        }
        false
    }

    /// Closes what is still open, as far as it was read, and gives the summaries of all inputs in the order of their indices.
    pub(super) fn finish(&mut self) -> Vec<InputSummary> {
        self.open.sort_by_key(|reading| Reverse(reading.index));
        while let Some(reading) = self.open.pop() {
            self.close(reading);
        }
        std::mem::take(&mut self.done).into_iter().flatten().collect()
    }

    fn close(&mut self, reading: Reading) {
        let stats = reading.source.stats();
        self.bytes_done += stats.bytes;
        // frames at hand that were not handed on are no part of the audit
        let unread = reading.block.frames.len().saturating_sub(reading.at) as u64;
        let packets = stats.packets.saturating_sub(unread);
        self.packets_done += packets;
        self.unread_links.extend(stats.link_types.iter().filter(|link| !decode::reads(**link)));
        let summary = InputSummary {
            path: reading.path,
            sha256: reading.sha256,
            format: stats.format,
            compression: stats.packing,
            link_types: stats.link_types.iter().map(|link| link.name()).collect(),
            packets,
            bytes: stats.bytes,
            first: stats.span.map(|span| span.0),
            last: stats.span.map(|span| span.1),
            complete: stats.damage.is_none(),
            dropped: stats.dropped,
            damage: stats.damage_in_words(),
            filter: stats.filter.clone(),
        };
        if let Some(done) = self.done.get_mut(reading.index) {
            *done = Some(summary);
        }
    }
}

/// A block emptied, its buffers kept.
fn spare_of(mut block: Block) -> Block {
    block.bytes.clear();
    block.frames.clear();
    block.begins_input = false;
    block
}

#[cfg(test)]
mod tests;
