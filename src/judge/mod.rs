//! The judge: holds the records of flows against a policy and answers with findings, evidence and a verdict.
//!
//! It sees facts, never packets, and every rule asks facts, never protocols.

mod audit;
pub mod policy;

pub use audit::{
    AgentSeen, Allowed, Audit, CausedBy, Coverage, Example, Exception, Finding, FindingCounts, InputSummary, PacketRef, PolicyUsed,
    Severity, Summary, Tool, Verdict, WaiverUsed,
};
