//! By what a client lets a session go on that was begun before (RFC 5246 section 7.4.1.2, RFC 5077, RFC 8446 section 4.2.11).

use serde::{Deserialize, Serialize};

/// A session ID, which may be empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::inspect) struct SessionId {
    length: u8,
    bytes: [u8; 32],
}

impl SessionId {
    /// `None` where it is longer than any.
    pub(super) fn new(id: &[u8]) -> Option<Self> {
        let mut bytes = [0; 32];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        Some(Self { length: id.len() as u8, bytes })
    }
}

/// What a hello offers to that end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::inspect) struct Offer {
    pub(super) session: SessionId,
    /// A ticket that is not empty.
    pub(super) ticket: bool,
    /// Keys shared beforehand, of TLS 1.3.
    pub(super) key: bool,
}

/// What is said where an answer takes up what was not offered.
pub(in crate::inspect) const NOT_OFFERED: &str = "resumption that the client did not offer";

impl Offer {
    /// Whether a session before TLS 1.3 may go on that was answered with this ID: it is the one that was asked for, or there is a ticket,
    /// which needs none.
    pub(in crate::inspect) fn covers(&self, answered: SessionId) -> bool {
        self.ticket || self.session.length > 0 && self.session == answered
    }

    /// Whether a shared key may be taken up.
    pub(in crate::inspect) fn has_key(&self) -> bool {
        self.key
    }
}
