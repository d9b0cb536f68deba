//! The mutation engine: passing captures ([`bases`]), what breaks rules in them ([`inject`]), what must not ([`harmless`]), and evidence
//! taken away ([`taken`]). `docs/oracle.md` says what it is for and how it grows.

#![allow(dead_code, clippy::expect_used, clippy::panic, reason = "each test binary uses its part, and a test may fail")]

pub mod audit;
pub mod bases;
pub mod edit;
pub mod harmless;
pub mod inject;
pub mod scene;
pub mod taken;

/// How many worlds a test makes: `WIREWITNESS_SEEDS`, or the few that every run affords.
pub fn seeds(few: u64) -> u64 {
    std::env::var("WIREWITNESS_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(few)
}
