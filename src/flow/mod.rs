//! Flows: which packets belong together, who opened the conversation, and its bytes in order.
//!
//! A flow is all packets between two endpoints of one transport. The table is generic in what rides along ([`Rider`]): it knows no
//! protocol. Time is the packets' own, and only goes forward. Every bound lies in `limits`, and hitting one marks the flow.

mod attempts;
mod brief;
mod closed;
mod end;
mod entry;
mod key;
mod pages;
mod recent;
mod stream;
mod sums;
mod table;
mod tcp;
mod withheld;

pub use attempts::Attempted;
pub use brief::Brief;
pub use end::Ended;
pub use key::{FlowKey, KeyHash, LaneHash};
pub use stream::{Held, Stream};
pub use table::{FlowTable, Open, Rider, Slot};

#[cfg(test)]
mod tests;
