//! Chains of certificates that a lane has read: agents are shown the same one thousands of times.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use sha2::{Digest, Sha256};

use crate::fact::{Chain, Unread};
use crate::inspect::{Roots, certificate};
use crate::limits;

/// What was read of Certificate messages, by their SHA-256: nobody makes two with the same. What is remembered changes no result.
#[derive(Default)]
pub(super) struct Certificates(HashMap<[u8; 32], Result<Arc<Chain>, Unread>, RandomState>);

impl Certificates {
    /// Reads the body of a Certificate message.
    pub(super) fn read(&mut self, message: &[u8], roots: Option<&Roots>) -> Result<Arc<Chain>, Unread> {
        let digest = Sha256::digest(message).into();
        if let Some(known) = self.0.get(&digest) {
            return known.clone();
        }
        if self.0.len() >= limits::CHAINS_KNOWN {
            self.0.clear();
        }
        let read = certificate::read(message, roots).map(Arc::new);
        self.0.insert(digest, read.clone());
        read
    }
}
