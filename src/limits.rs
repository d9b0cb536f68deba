//! Every bound of the program and what it buys. A limit that is hit is counted, marks the flow it hit, and leads to a rule of the
//! coverage family: no bound is silent.

/// Lanes that state is spread over. Fixed, so that the same frames meet the same state on any number of threads.
pub const LANES: usize = 64;

/// Memory that an audit may use, unless told otherwise: 1 GiB.
pub const DEFAULT_MEMORY: u64 = 1 << 30;

/// Bytes of a block. Reads of this size cost no more page faults than small ones and keep the frames in the second-level cache.
pub const BLOCK_BYTES: usize = 256 << 10;

/// The longest record that a capture file may hold; libpcap's own bound is 256 KiB, loopback and offloads reach it.
pub const FRAME_BYTES: usize = 256 << 10;

/// The longest pcapng block that is read; options and packets beyond it are damage.
pub const PCAPNG_BLOCK_BYTES: usize = 16 << 20;

/// Interfaces of one pcapng file.
pub const INTERFACES: usize = 65_536;

/// Different capture filters of one pcapng file that are named; what they hide is judged by there being any.
pub const CAPTURE_FILTERS: usize = 16;

/// Link headers, tags and IP layers that one packet may nest.
pub const LAYERS: usize = 16;

/// Bytes of one end that are kept until an inspector has used them. A TLS handshake message may be 16 MiB by its header; real ones
/// with long chains reach 20 KiB.
pub const UNUSED_BYTES_PER_END: usize = 64 << 10;

/// Bytes of one end that probes may look at before a protocol must have claimed the flow.
pub const PROBE_BYTES: usize = 1024;

/// Out-of-order bytes held for one end while a hole before them may still be filled.
pub const REORDER_BYTES_PER_END: usize = 256 << 10;

/// Out-of-order segments held for one end.
pub const REORDER_SEGMENTS_PER_END: usize = 256;

/// Bytes of one end kept, while inspection goes on, to compare with what is sent again.
pub const COMPARED_BYTES_PER_END: usize = 16 << 10;

/// How deep protocols may hand over to each other (CONNECT, STARTTLS, SOCKS).
pub const HANDOVERS: usize = 4;

/// Names kept of one flow.
pub const NAMES_PER_FLOW: usize = 8;

/// Application protocols kept of one flow.
pub const ALPN_PER_FLOW: usize = 16;

/// DNS transactions kept in one flow's record; the judge sees them all.
pub const DNS_PER_FLOW: usize = 64;

/// Questions of one flow that may wait for their answer.
pub const DNS_PENDING_PER_FLOW: usize = 64;

/// Records read of one DNS message, and labels and pointers followed in one name.
pub const DNS_RECORDS: usize = 512;
/// Compression pointers followed in one name.
pub const DNS_POINTERS: usize = 32;

/// Kernel memory that holds frames of a live capture until they are read: 64 MiB, some 50 ms of 10 Gbit/s.
pub const LIVE_BUFFER_BYTES: usize = 64 << 20;
