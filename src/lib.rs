//! wirewitness: a packet-level traffic auditor.
pub mod fact;
pub mod inspect;
pub mod judge;
pub mod limits;
pub mod source;
