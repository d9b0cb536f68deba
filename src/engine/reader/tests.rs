//! What a series is read as: order, merging, epochs, and what becomes of inputs that cannot be read.

use super::*;
use crate::fact::FrameId;
use crate::source::CaptureStats;

/// Gives frames at these seconds, so many a block.
struct Made {
    seconds: Vec<i64>,
    input: u32,
    at: usize,
    blocks_of: usize,
    stats: CaptureStats,
}

impl Source for Made {
    fn fill(&mut self, block: &mut Block) -> Result<Fill, SourceError> {
        *block = Block { begins_input: self.at == 0, ..Block::default() };
        let end = (self.at + self.blocks_of).min(self.seconds.len());
        for &second in &self.seconds[self.at..end] {
            self.stats.packets += 1;
            let offset = block.bytes.len() as u32;
            block.bytes.extend([b'#', self.input as u8, second as u8]);
            block.frames.push(FrameIndex {
                id: FrameId::new(self.input, self.stats.packets),
                at: Timestamp::from_nanos(second * 1_000_000_000),
                offset: offset + 1,
                captured: 2,
                wire: 2,
                interface: 0,
                link: LinkType::ETHERNET,
                lane: 0,
                flags: 0,
            });
        }
        self.at = end;
        Ok(if end == self.seconds.len() { Fill::End } else { Fill::More })
    }

    fn stats(&self) -> &CaptureStats {
        &self.stats
    }
}

fn input(path: &str, seconds: &[i64], blocks_of: usize, placed: bool) -> Input {
    let seconds = seconds.to_vec();
    let first = seconds.first().filter(|_| placed).map(|&second| Timestamp::from_nanos(second * 1_000_000_000));
    let open = move |input| Ok(Box::new(Made { seconds, input, at: 0, blocks_of, stats: CaptureStats::default() }) as Box<dyn Source>);
    Input { path: path.to_owned(), sha256: None, first, found: false, open: Box::new(open) }
}

/// Every frame as input and second, an epoch a list.
fn epochs(reader: &mut Reader) -> Vec<Vec<(u32, i64)>> {
    let mut epochs = Vec::new();
    let mut sequence = 0;
    loop {
        let (mut epoch, mut latest) = (Vec::new(), None);
        while let Some(block) = reader.next(Block::default(), latest) {
            assert_eq!(block.sequence, sequence);
            sequence += 1;
            for frame in &block.frames {
                let second = frame.at.as_nanos() / 1_000_000_000;
                assert_eq!(block.frame(frame), [frame.id.input() as u8, second as u8]);
                assert_eq!(frame.id.input(), block.frames[0].id.input(), "a block is of one input");
                latest = latest.max(Some(frame.at));
                epoch.push((frame.id.input(), second));
            }
        }
        epochs.push(epoch);
        if !reader.has_more() {
            return epochs;
        }
    }
}

fn paths(reader: &mut Reader) -> Vec<String> {
    reader.finish().into_iter().map(|input| input.path).collect()
}

#[test]
fn files_are_read_in_the_order_of_their_times() {
    let mut reader = Reader::new(vec![input("b", &[5, 6, 7], 2, true), input("a", &[1, 2, 4], 2, true)]);
    assert_eq!(epochs(&mut reader), [[(0, 1), (0, 2), (0, 4), (1, 5), (1, 6), (1, 7)]]);
    assert_eq!((reader.packets_done, paths(&mut reader)), (6, vec!["a".to_owned(), "b".to_owned()]));
}

#[test]
fn files_of_one_time_are_merged() {
    for blocks_of in 1..5 {
        let files = [("a", [1, 4, 6].as_slice()), ("b", &[2, 4, 9]), ("c", &[3, 5, 5])];
        let mut reader = Reader::new(files.iter().map(|(path, seconds)| input(path, seconds, blocks_of, true)).collect());
        let merged = [(0, 1), (1, 2), (2, 3), (0, 4), (1, 4), (2, 5), (2, 5), (0, 6), (1, 9)];
        assert_eq!(epochs(&mut reader), [merged], "blocks of {blocks_of}");
    }
}

#[test]
fn an_input_keeps_its_own_order() {
    let mut reader = Reader::new(vec![input("a", &[1, 90, 3, 4], 9, true), input("b", &[2, 5], 9, true)]);
    assert_eq!(epochs(&mut reader), [[(0, 1), (1, 2), (1, 5), (0, 90), (0, 3), (0, 4)]]);
}

#[test]
fn a_pipe_comes_last_and_begins_an_epoch_where_it_is_earlier() {
    let mut reader = Reader::new(vec![input("-", &[1, 2], 1, false), input("a", &[3, 4], 1, true)]);
    assert_eq!(epochs(&mut reader), [[(0, 3), (0, 4)], [(1, 1), (1, 2)]]);
    let mut reader = Reader::new(vec![input("a", &[3, 4], 1, true), input("-", &[4, 5], 1, false)]);
    assert_eq!(epochs(&mut reader).len(), 1);
}

#[test]
fn what_cannot_be_read_takes_no_index() {
    let refused = |path: &str, foreign, found| Input {
        path: path.to_owned(),
        sha256: None,
        first: None,
        found,
        open: Box::new(move |_| Err(SourceError { foreign, ..SourceError::new("x", "is text") })),
    };
    let inputs =
        vec![refused("named.txt", true, false), refused("found.txt", true, true), refused("cut", false, true), input("a", &[1], 1, true)];
    let mut reader = Reader::new(inputs);
    assert_eq!(epochs(&mut reader), [[(0, 1)]]);
    assert_eq!((reader.failed.len(), reader.passed_over.len(), paths(&mut reader)), (2, 1, vec!["a".to_owned()]));
}

#[test]
fn stopped_in_the_middle_it_counts_what_was_handed_on() {
    let mut reader = Reader::new(vec![input("a", &[1, 4], 9, true), input("b", &[2, 5], 9, true)]);
    assert_eq!(reader.next(Block::default(), None).unwrap().frames.len(), 1);
    reader.finish();
    assert_eq!(reader.packets_done, 1);
}

#[test]
fn too_many_at_once_are_refused() {
    let inputs = (0..=limits::INPUTS_MERGED).map(|_| input("a", &[1, 2], 1, true)).collect();
    let mut reader = Reader::new(inputs);
    assert_eq!(epochs(&mut reader)[0].len(), limits::INPUTS_MERGED * 2);
    assert!(reader.failed[0].message.contains("audit fewer at once"));
}
