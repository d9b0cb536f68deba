//! What stands for live capture in a program built without the feature `pcap`: the same type, which cannot be opened.

use std::convert::Infallible;

use super::{CaptureStats, Fill, Source, SourceError};
use crate::fact::Block;

/// An interface that is listened to; there is none in this build.
#[derive(Debug)]
pub struct Live {
    never: Infallible,
}

impl Live {
    /// Refuses: this build cannot listen.
    ///
    /// # Errors
    /// Always.
    pub fn open(interface: &str, _filter: Option<&str>, _input: u32) -> Result<Self, SourceError> {
        Err(SourceError::new(
            interface,
            "this wirewitness was built without libpcap: build it with the feature `pcap`, or pipe a capture in \
             (tcpdump -U -w - | wirewitness audit -)",
        ))
    }
}

impl Source for Live {
    fn fill(&mut self, _block: &mut Block) -> Result<Fill, SourceError> {
        match self.never {}
    }

    fn stats(&self) -> &CaptureStats {
        match self.never {}
    }
}
