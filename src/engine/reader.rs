//! The inputs of an audit, read as one series of blocks.

use std::collections::BTreeSet;

use super::Input;
use crate::decode;
use crate::fact::{Block, LinkType, Timestamp};
use crate::judge::InputSummary;
use crate::source::{Fill, Source, SourceError};

/// Reads the inputs one after the other.
pub(super) struct Reader {
    waiting: std::vec::IntoIter<Input>,
    open: Option<(String, Option<String>, Box<dyn Source>)>,
    /// A block that opens the next epoch.
    held: Option<Block>,
    next_input: u32,
    next_block: u64,
    pub(super) done: Vec<InputSummary>,
    pub(super) failed: Vec<SourceError>,
    bytes_done: u64,
    pub(super) packets_done: u64,
    pub(super) unread_links: BTreeSet<LinkType>,
}

impl Reader {
    pub(super) fn new(inputs: Vec<Input>) -> Self {
        Self {
            waiting: inputs.into_iter(),
            open: None,
            held: None,
            next_input: 0,
            next_block: 0,
            done: Vec::new(),
            failed: Vec::new(),
            bytes_done: 0,
            packets_done: 0,
            unread_links: BTreeSet::new(),
        }
    }

    pub(super) fn has_more(&self) -> bool {
        self.held.is_some()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes_done + self.open.as_ref().map_or(0, |(_, _, source)| source.stats().bytes)
    }

    pub(super) fn packets(&self) -> u64 {
        self.packets_done + self.open.as_ref().map_or(0, |(_, _, source)| source.stats().packets)
    }

    /// The next block that is not before `latest`, where one begins an input; `None` where there is none in this epoch.
    pub(super) fn next(&mut self, mut block: Block, latest: Option<Timestamp>) -> Option<Block> {
        if let Some(held) = self.held.take() {
            return Some(held);
        }
        let opened = self.open.is_none();
        if opened && !self.open_next() {
            return None;
        }
        let (_, _, source) = self.open.as_mut()?;
        let fill = source.fill(&mut block);
        block.sequence = self.next_block;
        self.next_block += 1;
        match fill {
            Ok(Fill::More) => {}
            Ok(Fill::End) => self.close_input(),
            Err(error) => {
                self.open = None;
                self.failed.push(error);
                block.frames.clear();
            }
        }
        let earlier = block.frames.first().is_some_and(|first| latest.is_some_and(|latest| first.at < latest));
        if block.begins_input && earlier {
            self.held = Some(block);
            return None;
        }
        Some(block)
    }

    fn open_next(&mut self) -> bool {
        for input in self.waiting.by_ref() {
            match (input.open)(self.next_input) {
                Ok(source) => {
                    self.open = Some((input.path, input.sha256, source));
                    self.next_input += 1;
                    return true;
                }
                Err(error) => self.failed.push(error),
            }
        }
        false
    }

    pub(super) fn close_input(&mut self) {
        let Some((path, sha256, source)) = self.open.take() else { return };
        let stats = source.stats();
        self.bytes_done += stats.bytes;
        self.packets_done += stats.packets;
        self.unread_links.extend(stats.link_types.iter().filter(|link| !decode::reads(**link)));
        self.done.push(InputSummary {
            path,
            sha256,
            format: stats.format,
            compression: stats.packing,
            link_types: stats.link_types.iter().map(|link| link.name()).collect(),
            packets: stats.packets,
            bytes: stats.bytes,
            first: stats.span.map(|span| span.0),
            last: stats.span.map(|span| span.1),
            complete: stats.damage.is_none(),
            dropped: stats.dropped,
            damage: stats.damage_in_words(),
            filter: stats.filter.clone(),
        });
    }
}
