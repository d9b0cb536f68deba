//! A source that wraps another and harms what passes through, the same for the same seed: packets are taken away, their ends are cut off, bits are
//! turned, packets come twice.

use wirewitness::fact::{Block, FrameId, FrameIndex};
use wirewitness::source::{CaptureStats, Fill, Source, SourceError};

/// What is done to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is taken away.
    Lose,
    /// Its end is cut off, as a snap length does.
    Cut,
    /// One of its bits is turned.
    Flip,
    /// It comes twice, at the same time.
    Copy,
}

impl Fault {
    pub const ALL: [Self; 4] = [Self::Lose, Self::Cut, Self::Flip, Self::Copy];
}

/// Harms one packet in `rarity`, by chance.
pub struct Faulty {
    inner: Box<dyn Source>,
    fault: Fault,
    rarity: u64,
    random: u64,
    stats: CaptureStats,
}

impl Faulty {
    pub fn new(inner: Box<dyn Source>, fault: Fault, rarity: u64, seed: u64) -> Self {
        let stats = inner.stats().clone();
        Self { inner, fault, rarity, random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15), stats }
    }

    /// A number below `bound` (SplitMix64).
    fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }

    fn pass(&mut self, frame: &FrameIndex, bytes: &[u8], block: &mut Block) {
        self.stats.packets += 1;
        block.frames.push(FrameIndex {
            id: FrameId::new(frame.id.input(), self.stats.packets),
            offset: block.bytes.len() as u32,
            captured: bytes.len() as u32,
            ..*frame
        });
        block.bytes.extend_from_slice(bytes);
    }
}

impl Source for Faulty {
    fn fill(&mut self, block: &mut Block) -> Result<Fill, SourceError> {
        let mut whole = Block::default();
        let fill = self.inner.fill(&mut whole)?;
        let packets = self.stats.packets;
        self.stats = CaptureStats { packets, ..self.inner.stats().clone() };
        block.bytes.clear();
        block.frames.clear();
        block.begins_input = packets == 0;
        for frame in &whole.frames {
            let mut bytes = whole.frame(frame).to_vec();
            let is_harmed = !bytes.is_empty() && self.below(self.rarity) == 0;
            match self.fault {
                _ if !is_harmed => {}
                Fault::Lose => continue,
                Fault::Cut => bytes.truncate(self.below(bytes.len() as u64) as usize),
                Fault::Flip => {
                    let bit = self.below(bytes.len() as u64 * 8) as usize;
                    bytes[bit / 8] ^= 1 << (bit % 8);
                }
                Fault::Copy => self.pass(frame, &bytes, block),
            }
            self.pass(frame, &bytes, block);
        }
        Ok(fill)
    }

    fn stats(&self) -> &CaptureStats {
        &self.stats
    }
}
