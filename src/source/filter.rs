//! Filters in the language of tcpdump (pcap-filter(7)), applied to what a source delivers: frames that do not match stay in the block
//! and are marked, so that every frame is still accounted for.
//!
//! Compiling is libpcap's work. A program built without the feature `pcap` has the same types, and [`Filter::compile`] says what is
//! missing.

use std::fmt;

use self::program::Program;
use super::{CaptureStats, Fill, Source, SourceError};
use crate::fact::{Block, FrameIndex, LinkType};
use crate::limits;

/// A filter expression, compiled for each link type when the first frame of it comes.
pub struct Filter {
    expression: String,
    /// By link type, sorted; `None` where the expression makes no sense for it.
    programs: Vec<(LinkType, Option<Program>)>,
    /// A cut frame at its full length, for programs that ask for it.
    whole: Vec<u8>,
}

impl Filter {
    /// Checks an expression against Ethernet, the link type that nearly every capture has.
    ///
    /// # Errors
    /// If libpcap cannot compile it, or the program was built without libpcap.
    pub fn compile(expression: &str) -> Result<Self, FilterError> {
        match Program::compile(expression, LinkType::ETHERNET) {
            Ok(program) => {
                Ok(Self { expression: expression.to_owned(), programs: vec![(LinkType::ETHERNET, Some(program))], whole: Vec::new() })
            }
            Err(message) => Err(FilterError { expression: expression.to_owned(), message }),
        }
    }

    /// The expression as it was given.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// Whether a frame of `wire` bytes, of which `bytes` were captured, matches. Frames of a link type that the expression cannot be
    /// compiled for do: what is not understood is judged, not hidden.
    pub fn matches(&mut self, link: LinkType, bytes: &[u8], wire: u32) -> bool {
        let place = match self.programs.binary_search_by_key(&link, |&(known, _)| known) {
            Ok(place) => place,
            Err(place) => {
                self.programs.insert(place, (link, Program::compile(&self.expression, link).ok()));
                place
            }
        };
        let Some((_, Some(program))) = self.programs.get(place) else {
            return true;
        };
        let length = (wire as usize).min(limits::FRAME_BYTES);
        if program.asks_for_length() && length > bytes.len() {
            self.whole.clear();
            self.whole.extend_from_slice(bytes);
            self.whole.resize(length, 0);
            return program.matches(&self.whole);
        }
        program.matches(bytes)
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filter").field("expression", &self.expression).finish_non_exhaustive()
    }
}

/// Why an expression is no filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// The expression as it was given.
    pub expression: String,
    /// What is wrong with it, and how it is mended.
    pub message: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "filter `{}`: {}", self.expression, self.message)
    }
}

impl std::error::Error for FilterError {}

/// A source whose frames are marked with [`FrameIndex::FLAG_FILTERED`] where they do not match.
#[derive(Debug)]
pub struct Filtered<S> {
    source: S,
    filter: Filter,
}

impl<S: Source> Filtered<S> {
    /// Puts `filter` on `source`.
    pub fn new(source: S, filter: Filter) -> Self {
        Self { source, filter }
    }
}

impl<S: Source> Source for Filtered<S> {
    fn fill(&mut self, block: &mut Block) -> Result<Fill, SourceError> {
        let fill = self.source.fill(block)?;
        let Block { bytes, frames, .. } = block;
        for frame in frames {
            let start = frame.offset as usize;
            let captured = bytes.get(start..start.saturating_add(frame.captured as usize)).unwrap_or_default();
            if !self.filter.matches(frame.link, captured, frame.wire) {
                frame.flags |= FrameIndex::FLAG_FILTERED;
            }
        }
        Ok(fill)
    }

    fn stats(&self) -> &CaptureStats {
        self.source.stats()
    }
}

#[cfg(feature = "pcap")]
mod program {
    use pcap::{BpfProgram, Capture, Linktype};

    use crate::fact::LinkType;
    use crate::source::libpcap::dlt;

    /// An expression compiled for one link type.
    pub(super) struct Program {
        bpf: BpfProgram,
        asks_for_length: bool,
    }

    impl Program {
        pub(super) fn compile(expression: &str, link: LinkType) -> Result<Self, String> {
            /// `BPF_LD | BPF_W | BPF_LEN`: load the length on the wire.
            const LOAD_LENGTH: &str = "128 ";

            let bpf = Capture::dead(Linktype(dlt(link)))
                .and_then(|dead| dead.compile(expression, true))
                .map_err(|error| format!("{}; the language is described in pcap-filter(7)", super::super::libpcap::text(&error)))?;
            // the crate shows an instruction only as text, its code first
            let asks_for_length = bpf.get_instructions().iter().any(|instruction| instruction.to_string().starts_with(LOAD_LENGTH));
            Ok(Self { bpf, asks_for_length })
        }

        pub(super) fn asks_for_length(&self) -> bool {
            self.asks_for_length
        }

        pub(super) fn matches(&self, bytes: &[u8]) -> bool {
            self.bpf.filter(bytes)
        }
    }
}

#[cfg(not(feature = "pcap"))]
mod program {
    use crate::fact::LinkType;

    /// There is none without libpcap.
    pub(super) enum Program {}

    impl Program {
        pub(super) fn compile(_expression: &str, _link: LinkType) -> Result<Self, String> {
            Err("this wirewitness was built without libpcap: build it with the feature `pcap`, or filter the capture first \
                 (tcpdump -r FILE -w OUT EXPRESSION)"
                .to_owned())
        }

        pub(super) fn asks_for_length(&self) -> bool {
            match *self {}
        }

        pub(super) fn matches(&self, _bytes: &[u8]) -> bool {
            match *self {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(feature = "pcap"))]
    #[test]
    fn says_what_is_missing() {
        assert!(Filter::compile("tcp").unwrap_err().to_string().contains("feature `pcap`"));
    }

    #[cfg(feature = "pcap")]
    mod compiled {
        use super::*;
        use crate::fact::{FrameId, Timestamp};

        /// IPv4/UDP from port 5353 to port 53, without an Ethernet header.
        const UDP: [u8; 28] = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x14, 0xe9, 0, 53, 0, 8, 0, 0];

        fn ethernet() -> Vec<u8> {
            let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
            frame.extend_from_slice(&UDP);
            frame
        }

        #[test]
        fn matches_on_any_link_type() {
            let mut filter = Filter::compile("udp port 53").unwrap();
            assert!(filter.matches(LinkType::ETHERNET, &ethernet(), 42));
            assert!(filter.matches(LinkType::RAW, &UDP, 28));
            assert!(!filter.matches(LinkType::RAW, &ethernet(), 42));
            let mut other = Filter::compile("tcp").unwrap();
            assert!(!other.matches(LinkType::ETHERNET, &ethernet(), 42));
            assert!(!other.matches(LinkType::ETHERNET, &[], 0));
        }

        #[test]
        fn keeps_what_it_cannot_be_compiled_for() {
            let mut filter = Filter::compile("tcp").unwrap();
            assert!(filter.matches(LinkType(249), &UDP, 28), "USB has no tcp");
        }

        #[test]
        fn a_cut_frame_has_its_length_on_the_wire() {
            let mut filter = Filter::compile("greater 1000").unwrap();
            assert!(filter.matches(LinkType::ETHERNET, &ethernet(), 1400));
            assert!(!filter.matches(LinkType::ETHERNET, &ethernet(), 42));
            assert!(filter.matches(LinkType::ETHERNET, &ethernet(), u32::MAX));
        }

        #[test]
        fn refuses_what_is_no_filter() {
            for wrong in ["tcp prot 53", "port", "tcp\0udp", "((("] {
                let error = Filter::compile(wrong).unwrap_err();
                assert!(error.to_string().starts_with(&format!("filter `{wrong}`: ")), "{error}");
            }
        }

        #[test]
        fn marks_frames_that_do_not_match() {
            struct Once(CaptureStats);
            impl Source for Once {
                fn fill(&mut self, block: &mut Block) -> Result<Fill, SourceError> {
                    let mut bytes = ethernet();
                    bytes.extend_from_slice(&[0xff; 60]);
                    let frame = |number, offset, captured| FrameIndex {
                        id: FrameId::new(0, number),
                        at: Timestamp::default(),
                        offset,
                        captured,
                        wire: captured,
                        interface: 0,
                        link: LinkType::ETHERNET,
                        lane: 0,
                        flags: 0,
                    };
                    block.bytes = bytes;
                    block.frames = vec![frame(1, 0, 42), frame(2, 42, 60)];
                    Ok(Fill::End)
                }
                fn stats(&self) -> &CaptureStats {
                    &self.0
                }
            }
            let source: Box<dyn Source> = Box::new(Once(CaptureStats::default()));
            let mut filtered = Filtered::new(source, Filter::compile("udp").unwrap());
            let mut block = Block::default();
            assert_eq!(filtered.fill(&mut block).unwrap(), Fill::End);
            assert_eq!(block.frames.iter().map(|f| f.flags).collect::<Vec<_>>(), [0, FrameIndex::FLAG_FILTERED]);
        }
    }
}
