//! Chains of certificates that were read: agents are shown the same one thousands of times, over all lanes.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use foldhash::quality::RandomState;

use crate::fact::{Chain, Unread};
use crate::inspect::{Roots, certificate};
use crate::limits;

/// What was read of Certificate messages, by their bytes. What is remembered changes no result.
#[derive(Debug)]
pub struct Certificates {
    roots: Option<Roots>,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    chains: HashMap<Box<[u8]>, Result<Arc<Chain>, Unread>, RandomState>,
    bytes: usize,
}

impl Certificates {
    /// Certificates that are held against these roots, where there are any.
    #[must_use]
    pub fn new(roots: Option<Roots>) -> Self {
        Self { roots, known: RwLock::default() }
    }

    /// Reads the body of a Certificate message.
    pub(super) fn read(&self, message: &[u8]) -> Result<Arc<Chain>, Unread> {
        // a thread that panicked left nothing half done: entries come whole
        if let Some(read) = self.known.read().unwrap_or_else(PoisonError::into_inner).chains.get(message) {
            return read.clone();
        }
        let read = certificate::read(message, self.roots.as_ref()).map(Arc::new);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let bytes = message.len() + read.as_ref().map_or(0, |chain| chain.heap_bytes());
        if known.bytes + bytes > limits::CHAINS_BYTES {
            *known = Known::default();
        }
        if known.chains.insert(message.into(), read.clone()).is_none() {
            known.bytes += bytes;
        }
        read
    }
}
