//! The ledger: every frame in exactly one bucket.

use std::collections::BTreeMap;

use crate::fact::{FrameId, Timestamp};

/// What became of all frames.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// The buckets, those that stayed empty included.
    pub buckets: Vec<Bucket>,
    /// Frames cut by the snap length: they lie in buckets too.
    pub truncated: u64,
    /// Those of them that are in flows of agents.
    pub truncated_agent: u64,
}

/// Frames that one thing became of.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Its key in the document.
    pub key: &'static str,
    /// What it means for the verdict.
    pub kind: Kind,
    /// How many.
    pub count: u64,
    /// The first, and its time.
    pub first: Option<(FrameId, Timestamp)>,
}

/// What a bucket means for the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Frames of flows that were judged.
    Judged,
    /// Others' traffic, noise, and what the filter left out of others: nothing follows from it.
    Aside,
    /// Left out by the user's filter although an agent's.
    FilteredAgent,
    /// Headers were cut by the snap length.
    Cut,
    /// Could not be decoded; how to say so after "12 frames".
    Undecoded(String),
}

impl Ledger {
    /// The sum of all buckets: the number of frames that were read.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.count).sum()
    }

    /// The document's form: the buckets that are not empty, and always `judged` and `unrelated`.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let shown = |bucket: &&Bucket| bucket.count > 0 || matches!(bucket.key, "judged" | "unrelated");
        self.buckets.iter().filter(shown).map(|bucket| (bucket.key.to_owned(), bucket.count)).collect()
    }
}
