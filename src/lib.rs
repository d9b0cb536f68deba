//! wirewitness: a packet-level traffic auditor.
pub mod decode;
pub mod engine;
pub mod fact;
pub mod flow;
pub mod inspect;
pub mod judge;
pub mod limits;
pub mod shard;
pub mod source;
