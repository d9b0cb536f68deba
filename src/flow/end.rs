//! What a flow leaves behind when it ends.

use super::FlowKey;
use crate::fact::{Basis, Checksums, End, FlowState, Locus, Tally, Timestamp};

/// A flow that has ended, but for what was read in it.
#[derive(Clone, Debug)]
pub struct Ended {
    /// What told it apart.
    pub key: FlowKey,
    /// Which ends are agents.
    pub agents: [bool; 2],
    /// Its first frame.
    pub first: Locus,
    /// The time of its last frame.
    pub last: Timestamp,
    /// What each end sent.
    pub sent: [Tally; 2],
    /// How far it went.
    pub state: FlowState,
    /// Who opened it, as far as the transport shows.
    pub initiator: Option<End>,
    /// By what that is known.
    pub basis: Basis,
    /// The first frame by which each end took part: for TCP, other than by its opening SYN or a reset.
    pub answered: [Option<Locus>; 2],
    /// Checksums of what each end sent, as far as they were looked at.
    pub checksums: [Checksums; 2],
    /// Both ends sent a SYN.
    pub simultaneous_open: bool,
    /// The start was not seen.
    pub began_before: bool,
    /// An end that spoke, by what the other's packets show, and of which nothing was captured.
    pub unseen_end: Option<End>,
    /// Forced out by the memory limit.
    pub evicted: bool,
    /// Known from an ICMP error alone.
    pub quoted_only: bool,
}
