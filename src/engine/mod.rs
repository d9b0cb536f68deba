//! Lanes, threads and the ordered merge: from sources to a closed audit.
//!
//! One thread reads blocks and hands each to every worker; a worker takes the frames of its own lanes; what the lanes say comes back
//! with the block and is merged by the frame that caused it, so that the judge hears the same story whatever the number of threads. With
//! one thread everything happens in place. All threads of an audit are started here.

mod clock;
mod explain;
mod infer;
mod reader;

pub use infer::{Candidate, Inference, infer};

use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::decode::Reason;
use crate::fact::{Block, FlowRecord, FrameId, FrameIndex, LinkType, Sightings, Timestamp};
use crate::flow::LaneHash;
use crate::judge::ledger::{Bucket, Kind, Ledger};
use crate::judge::{Audit, Explained, Finding, Judge, Judgement, Scope};
use crate::limits;
use crate::shard::{self, Certificates, Event, EventKind, Front, Lane, LaneLedger, Roots, Tunnels, View};
use crate::source::{Source, SourceError};

use clock::Clock;
use reader::Reader;

/// How an audit is run; none of it changes what comes out, but for `memory`.
#[derive(Clone, Debug)]
pub struct Config {
    /// Threads that read frames; at least one.
    pub threads: usize,
    /// Bytes that flows may take together.
    pub memory: u64,
    /// Keys the lane hash: 0 for files, random for live traffic.
    pub lane_key: u64,
    /// Keys the tables' hashes.
    pub table_key: u64,
    /// Whether flows without an agent are inspected too.
    pub inspect_all: bool,
    /// Whether what no rule asks for, and flows' records show, is read too (fingerprints of hellos).
    pub details: bool,
    /// Whether the observer is told of every flow. Without that it is not told of look-ups, which then cost less.
    pub each_flow: bool,
    /// Whether findings are wanted as soon as they are known.
    pub eager: bool,
    /// The packet to explain: the path of its input as given, and its number there.
    pub explain: Option<(String, u64)>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            threads: 1,
            memory: limits::DEFAULT_MEMORY,
            lane_key: 0,
            table_key: 0,
            inspect_all: false,
            details: false,
            each_flow: false,
            eager: false,
            explain: None,
        }
    }
}

/// One capture: its name in the document, and how to open it when its turn comes.
pub struct Input {
    /// Its path as given.
    pub path: String,
    /// SHA-256 of its bytes, where it was asked for.
    pub sha256: Option<String>,
    /// The time of its first frame, where that can be known before its turn comes.
    pub first: Option<Timestamp>,
    /// It was found in a directory and not named: what is no capture is passed over.
    pub found: bool,
    /// Opens it as the input with this index.
    pub open: Open,
}

/// Opens an input as the one with this index.
pub type Open = Box<dyn FnOnce(u32) -> Result<Box<dyn Source>, SourceError>>;

/// The way to a worker, and the way back.
type Way = (SyncSender<Arc<Block>>, Receiver<Vec<Event>>);

/// Watches an audit go by.
pub trait Observer {
    /// More was read: bytes of all inputs so far. `false` stops the audit, which is then closed as if the capture ended here.
    fn progress(&mut self, _bytes: u64, _packets: u64) -> bool {
        true
    }
    /// A flow has ended and was judged. [`Config::each_flow`] says whether that is every flow.
    fn flow(&mut self, _record: &FlowRecord, _judgement: &Judgement) {}
    /// A finding is new.
    fn finding(&mut self, _finding: &Finding) {}
}

/// What an audit came to.
pub struct Outcome {
    /// The document.
    pub audit: Audit,
    /// Inputs that could not be audited at all.
    pub failed: Vec<SourceError>,
    /// What was found in a directory and is no capture.
    pub passed_over: Vec<SourceError>,
    /// What became of the packet that was asked about, if there is one.
    pub explained: Option<Explained>,
}

/// Audits `inputs` as one series in the order of time: flows go on from one to the next.
pub fn run(inputs: Vec<Input>, scope: Scope, mut judge: Judge, config: &Config, observer: &mut dyn Observer) -> Outcome {
    // nine tenths are the flows'
    judge.keep_within(config.memory / 10);
    let lanes = LaneHash::new(config.lane_key);
    let certificates = Certificates::new(Roots::new(judge.roots()));
    let &Config { inspect_all, details, eager, .. } = config;
    let brief = !config.each_flow && !eager && config.explain.is_none();
    let view = Arc::new(View { scope, inspect_all, details, eager, brief, lanes, certificates });
    let budget = (config.memory as usize / limits::LANES / 10).saturating_mul(9);
    let table_key = |n: usize| config.table_key.wrapping_add(n as u64);
    let lanes = (0..limits::LANES).map(|n| Lane::new(Arc::clone(&view), budget, table_key(n))).collect();
    let front = Front::new(Arc::clone(&view));
    let mut run = Run {
        view,
        front,
        lanes,
        judge,
        observer,
        tells_each_flow: config.each_flow || config.explain.is_some(),
        judged_findings: 0,
        reader: Reader::new(inputs).asked(config.explain.clone()),
        asked: None,
        asked_flow: None,
        ends_asked: false,
        clock: Clock::default(),
        latest: None,
        heard: None,
        stopped: false,
    };
    while run.epoch(config.threads.max(1)) {
        run.close_flows();
    }
    run.close_flows();
    run.finish()
}

struct Run<'a> {
    view: Arc<View>,
    front: Front,
    lanes: Vec<Lane>,
    judge: Judge,
    observer: &'a mut dyn Observer,
    /// Whether the observer is told of every flow.
    tells_each_flow: bool,
    /// Findings that the observer was told of.
    judged_findings: u64,
    reader: Reader,
    clock: Clock,
    /// The packet that somebody asks about, and its flow, once it has ended.
    asked: Option<FrameIndex>,
    asked_flow: Option<(FlowRecord, Judgement)>,
    /// The next flow that ends is that packet's.
    ends_asked: bool,
    /// The latest time seen.
    latest: Option<Timestamp>,
    /// The latest time that the judge knows of, where findings are wanted at once.
    heard: Option<Timestamp>,
    stopped: bool,
}

impl Run<'_> {
    /// Reads until time runs backwards at the start of an input, or until the end. Returns whether there is more.
    fn epoch(&mut self, threads: usize) -> bool {
        (self.latest, self.heard) = (None, None);
        if threads == 1 { self.alone() } else { self.together(threads) }
    }

    /// Everything in this thread.
    fn alone(&mut self) -> bool {
        let mut block = Block::default();
        let mut events = Vec::new();
        while let Some(next) = self.next_block(std::mem::take(&mut block)) {
            for frames in next.frames.chunks(limits::FRAMES_AHEAD) {
                let mut ahead = [const { (None, None) }; limits::FRAMES_AHEAD];
                for ((glanced, _), frame) in ahead.iter_mut().zip(frames) {
                    *glanced = self.view.glance(frame, next.frame(frame));
                }
                for (glanced, seen) in &mut ahead {
                    *seen = glanced.as_ref().and_then(|glanced| self.lanes[glanced.lane].look(glanced));
                }
                for (frame, (glanced, seen)) in frames.iter().zip(&ahead) {
                    if let Some(glanced) = glanced
                        && self.lanes[glanced.lane].pass(frame, glanced, *seen)
                    {
                        continue;
                    }
                    let routed = self.view.route(frame, next.frame(frame), glanced.as_ref());
                    if shard::is_piece(frame, &routed) {
                        self.piece(frame, next.frame(frame), &mut events);
                        continue;
                    }
                    let lane = &mut self.lanes[routed.lane];
                    lane.take(frame, &routed, *seen);
                    lane.tell(&mut events);
                }
            }
            self.hear(&mut events, Some(&next));
            block = next;
        }
        self.reader.has_more()
    }

    /// A frame that holds a fragment, in this thread.
    #[cold]
    fn piece(&mut self, frame: &FrameIndex, bytes: &[u8], events: &mut Vec<Event>) {
        let (frame, whole) = self.front.join(frame, bytes);
        if frame.flags & FrameIndex::FLAG_TRACED != 0 {
            self.judge.trace(frame.id);
        }
        if frame.flags & FrameIndex::FLAG_HELD == 0 {
            let routed = self.view.route(&frame, whole.as_deref().unwrap_or(bytes), None);
            let lane = &mut self.lanes[routed.lane];
            lane.take(&frame, &routed, None);
            lane.tell(events);
        }
    }

    /// One thread reads and judges, the others take frames.
    fn together(&mut self, threads: usize) -> bool {
        let mut shares: Vec<Vec<(usize, Lane)>> = (0..threads).map(|_| Vec::new()).collect();
        for (n, lane) in self.lanes.drain(..).enumerate() {
            shares[n % threads].push((n, lane));
        }
        let mut lanes = std::thread::scope(|scope| {
            let mut ways: Vec<Way> = Vec::new();
            let mut workers = Vec::new();
            for share in shares {
                let (to, blocks) = sync_channel::<Arc<Block>>(limits::BLOCKS_IN_FLIGHT);
                let (said, from) = sync_channel(limits::BLOCKS_IN_FLIGHT);
                ways.push((to, from));
                let view = Arc::clone(&self.view);
                workers.push(scope.spawn(move || work(&view, share, &blocks, &said)));
            }
            self.feed(&ways);
            drop(ways);
            let mut lanes = Vec::new();
            for worker in workers {
                match worker.join() {
                    Ok(share) => lanes.extend(share),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            lanes
        });
        lanes.sort_by_key(|(n, _)| *n);
        self.lanes = lanes.into_iter().map(|(_, lane)| lane).collect();
        self.reader.has_more()
    }

    /// Hands blocks to the workers and hears what they say, in the order of the blocks.
    fn feed(&mut self, ways: &[Way]) {
        let mut in_flight: std::collections::VecDeque<Arc<Block>> = std::collections::VecDeque::new();
        let mut spare = Vec::new();
        let mut events = Vec::new();
        loop {
            let next = self.next_block(spare.pop().unwrap_or_default());
            let at_end = next.is_none();
            if let Some(mut block) = next {
                for n in 0..block.frames.len() {
                    let mut frame = block.frames[n];
                    if let Some(glanced) = self.view.glance(&frame, block.frame(&frame)) {
                        block.frames[n].lane = glanced.lane as u8;
                        continue;
                    }
                    let routed = self.view.route(&frame, block.frame(&frame), None);
                    let mut lane = routed.lane;
                    if shard::is_piece(&frame, &routed) {
                        let whole;
                        (frame, whole) = self.front.join(&frame, block.frame(&frame));
                        if frame.flags & FrameIndex::FLAG_TRACED != 0 {
                            self.judge.trace(frame.id);
                        }
                        if let Some(whole) = whole {
                            // it travels with the block, and the frame's place in it is there
                            frame.offset = block.bytes.len() as u32;
                            block.bytes.extend(whole);
                        }
                        lane = self.view.route(&frame, block.frame(&frame), None).lane;
                    }
                    frame.lane = lane as u8;
                    block.frames[n] = frame;
                }
                let block = Arc::new(block);
                if ways.iter().any(|(to, _)| to.send(Arc::clone(&block)).is_err()) {
                    return;
                }
                in_flight.push_back(block);
            }
            while in_flight.len() >= limits::BLOCKS_IN_FLIGHT || at_end && !in_flight.is_empty() {
                for (_, from) in ways {
                    match from.recv() {
                        Ok(said) => events.extend(said),
                        Err(_) => return,
                    }
                }
                // a frame has one lane: its events come from one worker, in order
                events.sort_by_key(|event: &Event| event.cause);
                let block = in_flight.pop_front();
                self.hear(&mut events, block.as_deref());
                spare.extend(block.and_then(Arc::into_inner));
            }
            if at_end {
                return;
            }
        }
    }

    /// The next block of this epoch, in the buffers of `block`.
    fn next_block(&mut self, block: Block) -> Option<Block> {
        if self.stopped {
            return None;
        }
        let mut block = self.reader.next(block, self.latest)?;
        if let Some(asked) = self.reader.traced {
            self.ask(asked, &mut block);
        }
        if let Some(first) = block.frames.first() {
            if self.latest.is_none() {
                self.judge.begin(first.at);
            }
            self.latest = self.latest.max(self.clock.take(&block.frames));
        }
        self.stopped = !self.observer.progress(self.reader.bytes(), self.reader.packets());
        Some(block)
    }

    /// Flags the packet that somebody asks about, where this block holds it.
    #[cold]
    fn ask(&mut self, asked: FrameId, block: &mut Block) {
        if let Some(frame) = block.frames.iter_mut().find(|frame| frame.id == asked) {
            frame.flags |= FrameIndex::FLAG_TRACED;
            self.asked = Some(*frame);
            self.reader.traced = None;
            self.judge.trace(asked);
        }
    }

    /// Tells the judge what the lanes said of `block`, and the observer what the judge made of it.
    fn hear(&mut self, events: &mut Vec<Event>, block: Option<&Block>) {
        // where findings are wanted at once, the judge hears of time as frames bring it on, so that it does not matter how they lie in
        // blocks nor how far has been read ahead
        let frames = block.filter(|_| self.view.eager).map_or(&[][..], |block| &block.frames);
        let mut frames = frames.iter().peekable();
        for event in events.drain(..) {
            while let Some(frame) = frames.next_if(|frame| frame.id <= event.cause) {
                self.heard = self.heard.max(Some(frame.at));
            }
            if let Some(now) = self.heard {
                self.judge.advance(now);
            }
            match event.kind {
                EventKind::Resolved { agent, resolution, at } => self.judge.resolved(agent, &resolution, at),
                EventKind::NamesLost => self.judge.names_lost(),
                EventKind::Asked { ends, transport, name, qtype, at } => self.judge.asked(ends, transport, name, qtype, at),
                EventKind::Snapshot(record) => self.judge.snapshot(record),
                EventKind::LookedUp(lookup) => self.judge.looked_up(&lookup),
                EventKind::Attempted(attempt) => {
                    if self.tells_each_flow || !self.judge.attempted(&attempt) {
                        self.ended(attempt.record());
                    }
                }
                EventKind::Ended(record) => self.ended(*record),
                EventKind::Traced => self.ends_asked = true,
            }
        }
        if self.view.eager {
            self.heard = frames.map(|frame| frame.at).max().max(self.heard);
            if let Some(now) = self.heard {
                self.judge.advance(now);
            }
            for finding in self.judge.news(&mut self.judged_findings) {
                self.observer.finding(&finding);
            }
        }
    }

    /// A flow has ended.
    fn ended(&mut self, record: FlowRecord) {
        let judgement = self.judge.ended(&record);
        self.observer.flow(&record, &judgement);
        if std::mem::take(&mut self.ends_asked) {
            self.asked_flow = Some((record, judgement));
        }
    }

    /// Ends the flows that are still open, in the order of their first frames over all lanes, and makes ready for an earlier time.
    fn close_flows(&mut self) {
        let mut open: Vec<_> = self.lanes.iter().map(Lane::open).collect();
        let lanes = self.lanes.iter().zip(&open).enumerate();
        let mut order: BinaryHeap<_> = lanes.filter_map(|(n, (lane, open))| Some(Reverse((lane.next_open(open)?, n)))).collect();
        let mut events = Vec::new();
        while let Some(mut first) = order.peek_mut() {
            let Reverse((_, n)) = *first;
            let (Some(lane), Some(left)) = (self.lanes.get_mut(n), open.get_mut(n)) else { break };
            lane.close_next(left);
            lane.tell(&mut events);
            match lane.next_open(left) {
                Some(later) => *first = Reverse((later, n)),
                None => _ = PeekMut::pop(first),
            }
            self.hear(&mut events, None);
        }
        self.lanes.iter_mut().for_each(Lane::rewind);
        self.front.close();
    }

    fn finish(mut self) -> Outcome {
        // one that was stopped in its middle is told as far as it was read
        let inputs = self.reader.finish();
        let mut tunnels = Tunnels::default();
        self.lanes.iter().for_each(|lane| tunnels.merge(lane.tunnels()));
        for seen in tunnels.into_seen() {
            if let Some((record, judgement)) = self.judge.tunnel(&seen) {
                self.observer.flow(&record, &judgement);
            }
        }
        let (mut sum, mut sightings) = (LaneLedger::default(), Sightings::default());
        for lane in &self.lanes {
            sum.merge(lane.ledger());
            sightings.merge(lane.sightings());
        }
        sum.merge(self.front.ledger());
        let links: BTreeSet<LinkType> = self.reader.unread_links;
        let ledger = ledger(&sum, &links);
        debug_assert_eq!(ledger.sum(), self.reader.packets_done, "the ledger closes");
        let piece = self.front.traced();
        let traced = self.lanes.iter().find_map(Lane::traced);
        let (audit, cited) = self.judge.close(inputs, &ledger, &sightings, self.clock.watched());
        let explained = self.asked.and_then(|frame| explain::explain(frame, piece, traced, self.asked_flow, cited, &audit.inputs, &ledger));
        Outcome { audit, failed: self.reader.failed, passed_over: self.reader.passed_over, explained }
    }
}

/// A worker: takes the frames of its lanes, block by block.
fn work(view: &View, mut share: Vec<(usize, Lane)>, blocks: &Receiver<Arc<Block>>, said: &SyncSender<Vec<Event>>) -> Vec<(usize, Lane)> {
    let mut place = [usize::MAX; limits::LANES];
    for (at, (lane, _)) in share.iter().enumerate() {
        place[*lane] = at;
    }
    while let Ok(block) = blocks.recv() {
        let mut events = Vec::new();
        for frame in &block.frames {
            if frame.flags & FrameIndex::FLAG_HELD != 0 {
                continue;
            }
            let Some((_, lane)) = place.get(usize::from(frame.lane)).and_then(|&at| share.get_mut(at)) else { continue };
            let glanced = view.glance(frame, block.frame(frame));
            let seen = glanced.as_ref().and_then(|glanced| lane.look(glanced));
            if !glanced.as_ref().is_some_and(|glanced| lane.pass(frame, glanced, seen)) {
                lane.take(frame, &view.route(frame, block.frame(frame), glanced.as_ref()), seen);
                lane.tell(&mut events);
            }
        }
        drop(block);
        if said.send(events).is_err() {
            break;
        }
    }
    share
}

/// The lanes' ledger in the judge's words.
fn ledger(sum: &LaneLedger, unread_links: &BTreeSet<LinkType>) -> Ledger {
    let plain = |key, kind, count| Bucket { key, kind, count, first: None };
    let mut buckets = vec![
        plain("judged", Kind::Judged, sum.judged),
        plain("unrelated", Kind::Aside, sum.unrelated),
        plain("duplicate", Kind::Aside, sum.duplicate),
        plain("fragment_joined", Kind::Aside, sum.joined),
        plain("filtered_other", Kind::Aside, sum.filtered_other),
        Bucket { first: sum.filtered_agent.first, ..plain("filtered_agent", Kind::FilteredAgent, sum.filtered_agent.count) },
    ];
    for (reason, tally) in Reason::ALL.iter().zip(&sum.skipped) {
        let kind = match reason {
            reason if reason.is_noise() => Kind::Aside,
            Reason::UndecodedLink => {
                let names: Vec<String> = unread_links.iter().map(|link| link.name()).collect();
                Kind::Undecoded(format!("are of a link type that is not read ({})", names.join(", ")))
            }
            Reason::UndecodedTruncated => Kind::Cut,
            reason => Kind::Undecoded(reason.what().to_owned()),
        };
        buckets.push(Bucket { first: tally.first, ..plain(reason.key(), kind, tally.count) });
    }
    Ledger { buckets, truncated: sum.truncated, truncated_agent: sum.truncated_agent }
}
