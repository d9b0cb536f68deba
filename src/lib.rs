//! # wirewitness: a verdict over packets
//!
//! A capture is a run of frames. A **shard** turns frames into **flows** that carry **observations**; it does no I/O and reads no clock.
//! The **judge** holds flows against a **policy** and produces **findings** with their evidence, and a **verdict**. A **report** writes
//! them down. Every frame is accounted for in exactly one bucket of a ledger, and what could not be seen moves a verdict from pass to
//! inconclusive, never the other way.
//!
//! ```text
//!  source          decode          flow            inspect          judge             report
//!  files, pipe, -> Packet<'a>  ->  FlowTable    -> Observation   -> Finding        -> text, json, flow records
//!  libpcap         or Skip         ends, gaps      (fact + where)   Verdict
//!  '- engine: I/O, threads -''------- shard: pure, in 64 lanes --------''- pure, in order -'
//! ```
//!
//! ## Laws
//! 1. **Nothing unseen passes.** Loss, cut bytes, an unknown initiator, an unrecognised payload, silence: inconclusive, with the reason
//!    and the packets.
//! 2. **The ledger closes.** Every frame lands in one bucket; the sum is the number of frames, asserted and printed.
//! 3. **Same input, same bytes out**, for any number of threads and any size of block, from a file or a pipe. State lives in lanes, fixed
//!    whatever the threads; budgets, time-outs and eviction are driven by a lane's own frames; events merge by the frame that caused them.
//! 4. **Memory is bounded** by one number. Every limit stands in [`limits`], marks the flow it hit, and has an inconclusive path.
//! 5. **Input is hostile.** Text from the wire is made inert where it enters ([`fact::Name`], [`fact::Text`]).
//! 6. **Encrypted is proven**: a handshake seen to finish, and records that keep to their framing to the end of the flow.
//! 7. **A rule asks facts, not protocols.**
//!
//! ## Reading order
//! [`fact`] is the vocabulary, [`source`] reads captures, [`decode`] reads packets, [`flow`] puts conversations together, [`inspect`] reads
//! what they say, [`shard`] is where those meet, [`judge`] has the opinions, [`report`] writes them down, and [`engine`] runs it all on
//! threads. `tests/layers.rs` holds each to what it may use.

pub mod fact;
pub mod limits;
pub mod source;

pub mod decode;
pub mod flow;
pub mod inspect;

pub mod judge;
pub mod report;
pub mod shard;

pub mod engine;
