//! What counts as encrypted.
//!
//! Left to itself the judge counts whatever was shown to encrypt by its handshake, and nothing else. A policy may name what it counts: then a
//! protocol that it does not name no longer does, and one of which no packet shows whether it encrypts (ESP, OpenVPN, Tailscale) does by the
//! policy's word, as far as all that was seen of it keeps to its framing.

use super::Origin;
use crate::fact::{Encryption, FlowRecord};

/// What a policy counts as encrypted.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Protocols; `None`: whatever was shown to encrypt.
    pub list: Option<Vec<(String, Origin)>>,
}

/// IKE alone proves itself or not; where it goes on elsewhere, what it set up is ESP.
const SET_UP_BY: [(&str, &str); 1] = [("ike", "esp")];

impl Counts {
    /// What a flow's payload counts as: what packets show of it, save where the policy says otherwise.
    #[must_use]
    pub fn encryption(&self, record: &FlowRecord) -> Encryption {
        match record.encryption() {
            Encryption::Encrypted if self.refuses(record) => Encryption::Unrecognized,
            Encryption::Unrecognized if self.vouches(record).is_some() => Encryption::Encrypted,
            shown => shown,
        }
    }

    /// Whether a flow was shown to be encrypted, by a protocol that the policy does not count.
    #[must_use]
    pub fn refuses(&self, record: &FlowRecord) -> bool {
        let facts = &record.facts;
        let is_shown = facts.encrypted.is_some() && facts.cipher_unseen.is_none();
        is_shown && self.list.is_some() && facts.protocol.is_none_or(|(protocol, _)| self.named(protocol).is_none())
    }

    /// Where the policy vouches for a flow of which no packet shows whether it is encrypted.
    #[must_use]
    pub fn vouches(&self, record: &FlowRecord) -> Option<&Origin> {
        let facts = &record.facts;
        let is_open = facts.cipher_unseen.is_some() && facts.unrecognised.is_none() && facts.cleartext.is_none();
        let (protocol, _) = facts.protocol.filter(|_| is_open)?;
        let set_up = SET_UP_BY.iter().find(|(by, _)| *by == protocol).map_or(protocol, |(_, set_up)| set_up);
        self.named(set_up)
    }

    fn named(&self, protocol: &str) -> Option<&Origin> {
        self.list.iter().flatten().find(|(word, _)| word == protocol).map(|(_, origin)| origin)
    }
}
