//! Every bound of the program and what it buys. A limit that is hit is counted, marks the flow it hit, and leads to a rule of the
//! coverage family: no bound is silent.

/// Lanes that state is spread over. Fixed, so that the same frames meet the same state on any number of threads.
pub const LANES: usize = 64;

/// Memory that an audit may use, unless told otherwise: 1 GiB.
pub const DEFAULT_MEMORY: u64 = 1 << 30;

/// Bytes of a block. Reads of this size cost no more page faults than small ones and keep the frames in the second-level cache.
pub const BLOCK_BYTES: usize = 512 << 10;

/// The longest record that a capture file may hold; libpcap's own bound is 256 KiB, loopback and offloads reach it.
pub const FRAME_BYTES: usize = 256 << 10;

/// The longest pcapng block that is read; options and packets beyond it are damage.
pub const PCAPNG_BLOCK_BYTES: usize = 16 << 20;

/// Bytes behind damage that are looked at together to find records again: three of the longest fit.
pub const RESUME_BYTES: usize = 1 << 20;

/// Bytes that a compressed capture is unpacked to at a time.
pub const UNPACKED_BYTES: usize = 256 << 10;

/// How many times that is unpacked ahead of the reader.
pub const UNPACKED_AHEAD: usize = 4;

/// The window, or dictionary, that a compressed capture may ask for: xz -9 and zstd --long ask for 64 and 128 MiB.
pub const UNPACK_WINDOW_BYTES: usize = 160 << 20;

/// Inputs of one series that are read side by side: each holds a block of frames and a file handle.
pub const INPUTS_MERGED: usize = 128;

/// Interfaces of one pcapng file.
pub const INTERFACES: usize = 65_536;

/// Different capture filters of one pcapng file that are named; what they hide is judged by there being any.
pub const CAPTURE_FILTERS: usize = 16;

/// Link headers, tags and IP layers that one packet may nest.
pub const LAYERS: usize = 32;

/// Tunnels that one packet may lie in; more are said to be not opened. Overlay in mirror in backbone is three.
pub const TUNNELS: usize = 4;

/// Tunnels between two addresses that a lane keeps a tally of; agents' beyond them are judged as one that was forgotten.
pub const TUNNELS_SEEN: usize = 1024;

/// The longest IP packet that is put together from fragments.
pub const PACKET_BYTES: usize = 65_535;

/// Fragments of one packet that are put together, counted as the gaps between them.
pub const FRAGMENTS: usize = 512;

/// Packets that are being put together from fragments.
pub const FRAGMENTED_PACKETS: usize = 1024;

/// Bytes of packets that are being put together.
pub const FRAGMENT_BYTES: usize = 8 << 20;

/// How long a packet may wait for its fragments, in packet time, as Linux has it.
pub const FRAGMENT_NANOS: i64 = 30 * 1_000_000_000;

/// How soon after it a copy of a frame is a duplicate made by the tap, rather than sent again. No sender repeats itself so fast.
pub const DUPLICATE_NANOS: i64 = 500_000;

/// Packets of each end of a flow that are remembered to tell copies by.
pub const RECENT_PACKETS: usize = 2;

/// Attributes of a netfilter log record that are looked at for the packet.
pub const LOG_ATTRIBUTES: usize = 64;

/// Bytes of one end that are kept until an inspector has used them. A TLS handshake message may be 16 MiB by its header; real ones
/// with long chains reach 20 KiB.
pub const UNUSED_BYTES_PER_END: usize = 64 << 10;

/// The longest hello message of TLS that is read. Its header allows 16 MiB; real ones, with post-quantum shares and tickets, reach 4 KiB.
pub const HELLO_BYTES: usize = 64 << 10;

/// Alerts in the clear that are said of one flow; a peer has use for two.
pub const ALERTS_PER_FLOW: u8 = 16;

/// Alerts of a flow that its record shows.
pub const ALERTS_SHOWN: usize = 4;

/// Bytes of one end that probes may look at before a protocol must have claimed the flow.
pub const PROBE_BYTES: usize = 1024;

/// Bytes of an end that spoke first and that no protocol claims, held until the other end has spoken: a tap may show a responder's first
/// flight, with its certificates, ahead of the hello that it answers.
pub const ANSWER_AHEAD_BYTES: usize = 16 << 10;

/// Text that a client may have said, line by line, before the greeting that it answers is seen.
pub const TEXT_AHEAD_BYTES: usize = 256;

/// Out-of-order bytes held for one end while a hole before them may still be filled.
pub const REORDER_BYTES_PER_END: usize = 256 << 10;

/// Out-of-order segments held for one end.
pub const REORDER_SEGMENTS_PER_END: usize = 256;

/// Segments of one end that may come behind one with a bad checksum before that is read all the same.
pub const WITHHELD_SEGMENTS: u32 = 64;

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

/// How far beyond the highest byte seen a reset may lie and still be believed.
pub const RESET_WINDOW: i32 = 1 << 20;

/// The most bytes that a rider may call opaque at once.
pub const OPAQUE_BYTES: usize = 1 << 24;

/// How long an attempt waits for an answer, in packet time: Linux sends its last SYN after 63 s and gives up after 127 s.
pub const ATTEMPT_NANOS: i64 = 130 * 1_000_000_000;

/// How long a connection that both ends have closed, or an exchange of datagrams in which everything that was asked has been answered, must be
/// silent to be over. Another question between the same ports is then a flow of its own, which shows who opened it.
pub const ENDING_NANOS: i64 = 2 * 1_000_000_000;

/// How long a connection that was reset goes on to be read: the other end may not have got the reset, or not believe it.
pub const RESET_NANOS: i64 = 10 * 1_000_000_000;

/// How long stragglers of a connection that is over are told from something new.
pub const CLOSED_NANOS: i64 = 60 * 1_000_000_000;

/// How far before the end of a connection its stragglers may begin: what is under way at once where windows are not scaled.
pub const STRAGGLER_BYTES: u16 = u16::MAX;

/// How long a flow of datagrams may be silent before it has ended; it is noticed within twice that.
pub const IDLE_DATAGRAM_NANOS: i64 = 60 * 1_000_000_000;

/// The same for a session of datagrams that was seen to begin (QUIC, DTLS): an idle time-out of its own may be minutes long.
pub const IDLE_SESSION_NANOS: i64 = 15 * 60 * 1_000_000_000;

/// How long a connection may be silent before it is judged as it stands. Agents keep connections for days with a heartbeat of minutes.
pub const IDLE_CONNECTION_NANOS: i64 = 24 * 3600 * 1_000_000_000;

/// Places of flows that have ended which a lane's queues may hold, beside as many as there are flows.
pub const PLACES_LEFT: usize = 256;

/// Names that are remembered to be harmless to ask for. Where there are more, all are asked about anew.
pub const NAMES_HARMLESS: usize = 1 << 14;

/// Bytes of echo data that say nothing: pings send 32 to 56. More is a channel until shown otherwise.
pub const ECHO_BYTES: usize = 64;

/// Bytes of an ICMP message other than an echo or an error that say nothing: those of a timestamp request.
pub const ICMP_BYTES: usize = 16;

/// The longest header of options, or route, in IPv6 that is passed over: real ones have 8 to 40 bytes, and nobody reads what pads them.
pub const OPTIONS_BYTES: usize = 64;

/// Bytes of text that say something where bytes are passed over ([`crate::decode`]): one more than the options of a segment that tells of
/// a hole, which is read at a glance, and than what old cards pad a frame with. Random bytes read so once in ten thousand million times.
pub const MARGIN_RUN: usize = 25;

/// Bytes of text that say something where an agent's error quotes what it got: one more than a label of a name has (RFC 1035).
pub const QUOTED_RUN: usize = 64;

/// Bytes of text that make more than noise of what stays on a link: one more than an option of DHCP holds (RFC 2132).
pub const NOISE_RUN: usize = 256;

/// Bytes other than zero that a question may carry beside its name, as cookies and the networks of clients (RFC 7873, RFC 7871).
pub const DNS_BESIDE_BYTES: u32 = 128;

/// Bytes that may be passed over in one stretch, save padding: twice what the metadata of clouds' mirrors, and the longest route, take.
pub const MARGIN_BYTES: usize = 128;

/// Handshake messages in the clear, all together, that one end may send: a chain of certificates takes some 10 KiB.
pub const HANDSHAKE_BYTES: u32 = 128 << 10;

/// The longest Certificate message that is read; chains of public authorities take 3 to 10 KiB.
pub const CERTIFICATE_BYTES: usize = 64 << 10;

/// Certificates of one chain that are read. Servers send two to four.
pub const CERTIFICATES: usize = 16;

/// Signatures of one chain that are checked to find who issued whom. Servers send one certificate of a name, seldom two.
pub const CERTIFICATE_SIGNATURES: usize = 32;

/// Moments at which a chain's way to a root may change, while its first certificate is valid: each asks for all signatures again.
pub const TRUST_MOMENTS: usize = 8;

/// Names of one certificate that are kept; those of content networks have a hundred.
pub const CERTIFICATE_NAMES: usize = 256;

/// Bytes of chains that are remembered over all lanes, so that what agents are shown a thousand times is read once: some thousand chains.
pub const CHAINS_BYTES: usize = 4 << 20;

/// Certificates of authorities that policies may trust together; a system's store has 150.
pub const ROOTS: usize = 1024;

/// Answers and canonical names that are remembered over an audit: some 200 bytes each.
pub const NAMES_KEPT: usize = 500_000;

/// The same, however little memory there is.
pub const NAMES_KEPT_LEAST: usize = 4096;

/// Bytes that one of them takes, roughly.
pub const NAME_BYTES: usize = 200;

/// Names that are remembered of one address; content networks share one among hundreds.
pub const NAMES_PER_ADDRESS: usize = 256;

/// How much later than the flow that uses it an answer may be seen: two directions of a tap are merged late.
pub const LATE_ANSWER_NANOS: i64 = 2 * 1_000_000_000;

/// How long a capture must have run before the first packet of a datagram flow shows who opened it (WW103).
pub const SETTLED_CAPTURE_NANOS: i64 = 60 * 1_000_000_000;

/// Findings, allowed destinations and exceptions that a document lists, each; the rest is counted.
pub const LISTED: usize = 1000;

/// Places, names and resolvers of which a policy is learnt, each.
pub const LEARNT: usize = 100_000;

/// Names with one parent from which on a wildcard is proposed.
pub const PROPOSED_NAMES: usize = 3;

/// Example flows of one finding.
pub const EXAMPLES: usize = 5;

/// Queries that wait for an answer which may yet explain them (WW402).
pub const QUERIES_WAITING: usize = 10_000;

/// Domains whose questions are counted at a time, by agent (WW403): some 500 bytes each.
pub const TUNNEL_DOMAINS: usize = 32_768;

/// Names of all of those that are told apart: 18 bytes each.
pub const TUNNEL_NAMES: usize = 1 << 20;

/// The shortest silence that is told, where there is room for all that are as long.
pub const SILENCE_NANOS: i64 = 60 * 1_000_000_000;

/// Spans between silences that a lane keeps of one address and way. An agent with a heartbeat makes a silence every few minutes.
pub const SPANS_SIGHTED: usize = 64;

/// Addresses of agents whose packets are watched one by one; more are watched as one. With the spans of all lanes that is 8 MiB.
pub const AGENTS_SIGHTED: usize = 64;

/// Silences that a document lists of one address and way: the longest.
pub const SILENCES_LISTED: usize = 5;

/// How far a clock must go back to be told: interfaces and processors disagree by less.
pub const CLOCK_BACK_NANOS: i64 = 1_000_000_000;

/// How long a capture must hold nothing at all to be told as a jump of its clock. Hosts say something every few minutes.
pub const CLOCK_FORWARD_NANOS: i64 = 3600 * 1_000_000_000;

/// Addresses of agents whose first and last sighting is listed.
pub const AGENTS_LISTED: usize = 1000;

/// Frames whose flows are looked up together, so that the memory behind them is fetched at once.
pub const FRAMES_AHEAD: usize = 16;

/// Blocks that are read ahead of the judge when several threads work.
pub const BLOCKS_IN_FLIGHT: usize = 8;
/// Kernel memory that holds frames of a live capture until they are read: 64 MiB, some 50 ms of 10 Gbit/s.
pub const LIVE_BUFFER_BYTES: usize = 64 << 20;

/// Flows looked at to infer the agent.
pub const FLOWS_INFERRED: usize = 1_000_000;

/// Hardware addresses looked at to infer the agent.
pub const HOSTS_INFERRED: usize = 100_000;

/// Addresses kept of one hardware address; a host has an IPv4 address and some of IPv6, a router everybody's.
pub const ADDRESSES_PER_MAC: usize = 16;

/// Candidates that are listed where the agent cannot be inferred.
pub const CANDIDATES: usize = 5;

/// How far the day of a policy's lists may lie from what was captured before that is told; clouds publish theirs every week.
pub const POLICY_AGE_NANOS: i64 = 7 * DAY_NANOS;
/// A day.
pub const DAY_NANOS: i64 = 86_400 * 1_000_000_000;

/// Questions read of one DNS message; RFC 9619 allows one, and multicast DNS sends several.
pub const DNS_QUESTIONS: usize = 16;

/// Addresses that are read of one SVCB or HTTPS record.
pub const SERVICE_HINTS: usize = 64;

/// Configurations of encrypted ClientHellos that are read of one record.
pub const ECH_CONFIGS: usize = 16;

/// Canonical names followed in one answer.
pub const DNS_CHAIN: usize = 16;

/// The longest line of a protocol of lines that is read as one.
pub const LINE_BYTES: usize = 8 << 10;

/// Bytes of a protocol of lines that are watched for an upgrade; more is a transfer of content.
pub const LINES_BYTES: usize = 64 << 10;

/// Bytes of the opener that may go in the clear before an upgrade to TLS and still be no more than what leads to it: a greeting with the
/// longest name of a host, once more in its older form, and the command that asks for TLS fill them.
pub const PROLOGUE_ASKED_BYTES: usize = 600;

/// The same of the responder, which says who it is and twice what it can: a banner of law takes 1.3 KiB, a long list of capabilities 800 bytes.
pub const PROLOGUE_ANSWERED_BYTES: usize = 3 << 10;

/// Bytes of a client's first commands that wait for the greeting which they answer, where a tap shows them first.
pub const AHEAD_OF_GREETING_BYTES: usize = 256;

/// The longest head of an HTTP message that is read.
pub const HTTP_HEAD_BYTES: usize = 16 << 10;

/// The longest SSH packet: RFC 4253 asks for 35,000 bytes at least.
pub const SSH_PACKET_BYTES: usize = 35_000;

/// The longest version line of SSH (RFC 4253 section 4.2).
pub const SSH_VERSION_BYTES: usize = 255;

/// Text that a server may send ahead of that: some lines, or a picture made of letters.
pub const SSH_AHEAD_BYTES: usize = 2 << 10;

/// The longest lists of what an end of SSH offers: those of today have two or three thousand bytes.
pub const SSH_OFFER_BYTES: usize = 8 << 10;

/// Messages of SSH ahead of the keys that are to be ignored, or tell why there is no going on.
pub const SSH_ASIDE_BYTES: usize = 256;

/// Messages of one end of SSH that agree on keys: a few of some thousand bytes, certificates and tickets of Kerberos among them.
pub const SSH_EXCHANGE_BYTES: usize = 64 << 10;

/// How deep policies may extend each other; a file may reach itself by paths that are written differently.
pub const POLICY_DEPTH: usize = 16;

/// Policies of one audit, extended ones included.
pub const POLICIES: usize = 256;

/// Paths of requests in the clear that are kept of a flow, for policies that ask for them.
pub const PATHS_PER_FLOW: usize = 32;

/// Prefixes that a prefix with exceptions is split into.
pub const IMPORT_PREFIXES: usize = 100_000;

/// Words of a list that a difference of policies shows.
pub const DIFF_WORDS: usize = 20;

/// Mistakes in policies that are shown; the rest is counted.
pub const POLICY_MISTAKES: usize = 100;

/// Words of all groups of a policy file together.
pub const GROUP_WORDS: usize = 1 << 20;

/// Letters of a mistaken word that are compared with the known ones.
pub const POLICY_WORD_CHARS: usize = 64;

/// Bytes of a policy file: one of 100,000 names has some 4 MB.
pub const POLICY_BYTES: u64 = 256 << 20;

/// Bytes of a policy's line that is shown with its mistakes.
pub const POLICY_LINE_SHOWN: usize = 4096;

/// Answers of one flow that may wait for a question which comes after them.
pub const DNS_EARLY_PER_FLOW: usize = 8;

/// How long after its answer a question may be seen.
pub const DNS_EARLY_NANOS: i64 = 10 * 1_000_000;

/// Bytes of one end that come in pieces and are kept until its hellos are read: CRYPTO bytes of QUIC Initials, hellos of DTLS.
pub const CRYPTO_BYTES: usize = 64 << 10;

/// Ranges of them that are kept apart: a ClientHello of Chrome comes in a dozen pieces.
pub const CRYPTO_RANGES: usize = 128;

/// Connection IDs of one end of a QUIC flow that are known at a time; endpoints issue two to eight.
pub const QUIC_IDS_PER_END: usize = 8;

/// Connection IDs of one end that one datagram alone has borne.
pub const QUIC_IDS_IN_DOUBT: usize = 4;

/// Packets of a QUIC flow, and their bytes, that wait for what explains them: the client's first Initial, or the server's.
pub const QUIC_HELD_PACKETS: usize = 32;
/// Bytes of those.
pub const QUIC_HELD_BYTES: usize = 32 << 10;

/// Packets of one end of a QUIC flow whose content is not looked at, though it is not encrypted for others than its receiver: Initials after
/// the hellos, which acknowledge or say again, Retries, and versions that are refused.
pub const QUIC_PACKETS_UNREAD: u8 = 16;

/// Initials of one flow that are opened, or tried: two of each end are common.
pub const QUIC_INITIALS_OPENED: u8 = 100;

/// Attempts of one QUIC flow: another version, a Retry, or another connection between the same ports.
pub const QUIC_ATTEMPTS: usize = 8;

/// Versions in a packet that refuses one: servers that spoke the most had a dozen.
pub const QUIC_VERSIONS: usize = 32;

/// Hellos of one end of a DTLS session: a first one, and one that bears a cookie.
pub const DTLS_HELLOS: usize = 4;

/// Datagrams of a DTLS flow that wait for what explains them: the client's hello, or the server's.
pub const DTLS_HELD_DATAGRAMS: usize = 32;
/// Bytes of those.
pub const DTLS_HELD_BYTES: usize = 32 << 10;

/// Sessions that a client begins between the same ports.
pub const DTLS_SESSIONS: u8 = 8;

/// How far beyond the highest sequence number that was seen the next one of DTLS, WireGuard or ESP may lie: as many may be lost in a row.
pub const SEQUENCE_STEP: u64 = 1 << 20;

/// Handshakes of WireGuard that one end begins in a row without an answer, and their kin: it tries for 90 seconds, every 5.
pub const HANDSHAKES_UNANSWERED: usize = 24;

/// Sessions between the same ports that are told apart: WireGuard has three at a time, IKE two.
pub const SESSIONS_AT_ONCE: usize = 8;

/// Packets of data that come ahead of what explains them.
pub const DATA_AHEAD: usize = 64;

/// Messages of IKE in the clear, of both ends: a handshake has two to six, and each may be sent again.
pub const IKE_PLAIN_MESSAGES: u8 = 64;

/// Security associations of ESP between two hosts that are told apart at a time.
pub const ESP_ASSOCIATIONS: usize = 64;

/// Packets of OpenVPN's control channel that wait for those before them, or are remembered since they may be sent again, an end each.
pub const OPENVPN_PACKETS: usize = 64;

/// Packets of data in which a packet of IP is looked for that nobody sealed, a flow.
pub const PACKETS_LOOKED_INTO: u8 = 32;

/// Pieces of user messages of SCTP that one end may have under way.
pub const SCTP_PIECES: usize = 64;
/// Bytes of those: a message of DTLS has 16 KiB at most.
pub const SCTP_PIECE_BYTES: usize = 64 << 10;

/// Ranges of chunk numbers of one end of SCTP that are kept apart.
pub const SCTP_HOLES: usize = 128;
