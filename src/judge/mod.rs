//! The judge: holds the records of flows against a policy and answers with findings, evidence and a verdict.
//!
//! It sees facts, never packets, and every rule asks facts, never protocols.

mod audit;
mod case;
pub mod controls;
mod coverage;
mod destination;
mod dns_tunnel;
mod domain;
mod explain;
mod filter;
mod findings;
#[expect(clippy::module_inception, reason = "the judge is what this module is for")]
mod judge;
mod learn;
pub mod ledger;
mod names;
pub mod policy;
pub mod rehearsal;
mod resolvers;
pub mod rules;
mod scope;
mod series;
mod tunnels;

pub use audit::{
    Allowed, Audit, CausedBy, Example, Exception, Finding, FindingCounts, InputSummary, Judgement, PacketRef, PolicyUsed, Severity,
    Summary, Tool, Verdict, WaiverUsed,
};
pub use case::Direction;
pub use coverage::{AgentSeen, Checked, Clock, Coverage, Presence, Silence, Steps, Way};
pub use explain::{Cited, Explained};
pub use judge::{Judge, LIMITS, Whole};
pub use learn::Learner;
pub use names::Names;
pub use scope::Scope;
