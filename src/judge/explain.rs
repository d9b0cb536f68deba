//! What became of one packet, for `audit --explain-packet`: its bucket of the ledger and why, its flow, what was read in it, and what cites it.

use serde::Serialize;

use super::{InputSummary, Judgement, PacketRef, Severity};
use crate::fact::{Endpoint, FlowRecord, FrameIndex, Layer, Observation};

/// What became of one packet.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The input that it is of.
    pub input: InputSummary,
    /// Its place there, when it was captured, and its length.
    pub frame: FrameIndex,
    /// Its bucket of the ledger.
    pub bucket: &'static str,
    /// What that means.
    pub why: String,
    /// It is a fragment, and was read with this packet.
    pub joined: Option<PacketRef>,
    /// The tunnels that it lies in, outermost first.
    pub tunnel: Vec<Layer>,
    /// Its flow as it was at its end, and what the judge made of it.
    pub flow: Option<(FlowRecord, Judgement)>,
    /// The end that sent it.
    pub sender: Option<Endpoint>,
    /// The path of the input that the flow's first packet is of.
    pub flow_input: String,
    /// What was read in it.
    pub read: Vec<Observation>,
    /// What cites it.
    pub cited: Vec<Cited>,
}

/// A finding that cites the packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cited {
    /// The rule's code.
    pub rule: &'static str,
    /// The rule's name.
    pub name: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// What was found.
    pub message: String,
}
