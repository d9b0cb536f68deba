//! From what on queries are shaped like data carried out (`[dns.tunnel]`, WW403).

use std::fmt::Write as _;

/// What one domain must be asked within a window of packet time. `docs/dns.md` says what the defaults were tried on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DnsTunnel(pub [u64; DnsTunnel::KEYS.len()]);

/// One of the thresholds, by its place in [`DnsTunnel::KEYS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// How much packet time is looked at together, in nanoseconds.
    Window,
    /// Characters below its domain from which on a name is taken to carry data.
    Letters,
    /// Names that carry data.
    Names,
    /// Bytes that these carry together.
    Bytes,
    /// Characters below its domain from which on a name is long: no host has such a name.
    LongLetters,
    /// Bytes that long names carry together.
    LongBytes,
    /// Bytes that as many names, asked for by types which carry data, are answered.
    AnswerBytes,
}

impl DnsTunnel {
    /// The keys, in the order of [`Threshold`].
    pub const KEYS: [&str; 7] = ["window", "letters", "names", "bytes", "long_letters", "long_bytes", "answer_bytes"];

    /// The threshold.
    #[must_use]
    pub fn of(&self, which: Threshold) -> u64 {
        self.0[which as usize]
    }

    /// All of them, in words.
    #[must_use]
    pub fn show(&self) -> String {
        let mut out = format!("{} {}s", Self::KEYS[0], self.of(Threshold::Window) / 1_000_000_000);
        for (key, value) in Self::KEYS.iter().zip(self.0).skip(1) {
            // writing to a string does not fail
            let _ = write!(out, ", {key} {value}");
        }
        out
    }
}

impl Default for DnsTunnel {
    fn default() -> Self {
        Self([3600 * 1_000_000_000, 16, 200, 8192, 72, 1024, 16_384])
    }
}
