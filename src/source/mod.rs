//! Where frames come from: files, a pipe, an interface. A source fills blocks and knows nothing of what is in them.

pub mod file;
pub mod filter;
pub mod follow;
mod foreign;
#[cfg(feature = "pcap")]
pub mod libpcap;
#[cfg(not(feature = "pcap"))]
#[path = "libpcap_absent.rs"]
pub mod libpcap;
mod netmon;
mod pcap;
mod pcapng;
mod snoop;
mod unpack;

use std::fmt;

use crate::fact::{Block, LinkType, Timestamp};

/// Fills blocks with the frames of one input.
pub trait Source: Send {
    /// Empties `block` (its capacity is kept for reuse) and fills it with the next frames, in the order of the input.
    ///
    /// # Errors
    /// Only where nothing at all can be said of the input: it cannot be read, or is not a capture. Damage after the first header
    /// is not an error: what came before it is delivered, and [`CaptureStats::damage`] says where it lies.
    fn fill(&mut self, block: &mut Block) -> Result<Fill, SourceError>;

    /// What is known of the input so far; complete once `fill` has said [`Fill::End`].
    fn stats(&self) -> &CaptureStats;
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn fill(&mut self, block: &mut Block) -> Result<Fill, SourceError> {
        (**self).fill(block)
    }

    fn stats(&self) -> &CaptureStats {
        (**self).stats()
    }
}

/// What a call of [`Source::fill`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// There may be more. The block can be empty: a live source with nothing to say for a while.
    More,
    /// That was all; the block may hold the last frames.
    End,
}

/// What a source knows of its input beyond the frames.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptureStats {
    /// `pcap`, `pcap-ns`, `pcapng`, `live`, ...
    pub format: &'static str,
    /// How it is compressed: `gzip`, `zstd`, `lz4`, `xz` or `bzip2`.
    pub packing: Option<&'static str>,
    /// The link types of its interfaces, sorted, each once.
    pub link_types: Vec<LinkType>,
    /// Frames delivered.
    pub packets: u64,
    /// Bytes read from the input, those of a compressed one as they were unpacked.
    pub bytes: u64,
    /// The earliest and the latest frame time.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Packets that the capture itself says were lost.
    pub dropped: u64,
    /// Where the input is first cut off or corrupt.
    pub damage: Option<Damage>,
    /// How many such places there are.
    pub damaged: u64,
    /// Bytes that were passed over behind such places to find records again.
    pub damage_bytes: u64,
    /// The capture filter recorded in the input (pcapng if_filter), inert.
    pub filter: Option<String>,
}

/// A place where an input is cut off or corrupt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Byte offset in the input, as it is unpacked.
    pub offset: u64,
    /// What is wrong there.
    pub reason: String,
}

/// Why an input cannot be audited at all.
#[derive(Debug)]
pub struct SourceError {
    /// The input's name as the user gave it.
    pub input: String,
    /// What is wrong, and how it is mended.
    pub message: String,
    /// It is something else than a capture: a directory may hold such things beside its captures.
    pub foreign: bool,
}

impl SourceError {
    /// An input that cannot be audited, though it was meant to be.
    #[must_use]
    pub fn new(input: impl Into<String>, message: impl Into<String>) -> Self {
        Self { input: input.into(), message: message.into(), foreign: false }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.input, self.message)
    }
}

impl std::error::Error for SourceError {}

impl CaptureStats {
    /// What is damaged, in words: the first place, and how many more there are.
    #[must_use]
    pub fn damage_in_words(&self) -> Option<String> {
        let first = self.damage.as_ref()?;
        let unpacked = if self.packing.is_some() { " of what it unpacks to" } else { "" };
        let mut words = format!("at byte {}{unpacked}: {}", first.offset, first.reason);
        if self.damage_bytes > 0 {
            words.push_str(&format!("; {} bytes were passed over to where records follow again", self.damage_bytes));
        }
        match self.damaged {
            0 | 1 => {}
            2 => words.push_str("; there is one more such place"),
            more => words.push_str(&format!("; there are {} more such places", more - 1)),
        }
        Some(words)
    }
}
