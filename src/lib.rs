//! wirewitness: a packet-level traffic auditor.
pub mod fact;
pub mod limits;
pub mod source;
