//! SIP (RFC 3261) without TLS, over TCP and in datagrams.

use super::lines::begins;
use super::sighted::{Opener, Sighted};
use super::{Carrier, Probe, Protocol, saved};

/// SIP over TCP.
pub(super) static OVER_TCP: Protocol = Protocol {
    name: "sip",
    carrier: Carrier::Stream,
    recognised_by: "a request to a sip address, or a status line of SIP/2.0",
    reads: "nothing more",
    encrypted: "never",
    probe: |opening| begins(opening.first, &STARTS),
    open: || Sighted::stream(Opener::Unknown),
    load: saved::load::<Sighted>,
};

/// SIP in datagrams.
pub(super) static OVER_UDP: Protocol = Protocol {
    name: "sip",
    carrier: Carrier::Datagram,
    recognised_by: "a request to a sip address, or a status line of SIP/2.0",
    reads: "nothing more",
    encrypted: "never",
    probe: |opening| begins(opening.first, &STARTS),
    open: Sighted::sip,
    load: saved::load::<Sighted>,
};

const STARTS: [&[u8]; 10] = [
    b"SIP/2.0 ",
    b"INVITE sip:",
    b"REGISTER sip:",
    b"OPTIONS sip:",
    b"ACK sip:",
    b"BYE sip:",
    b"CANCEL sip:",
    b"SUBSCRIBE sip:",
    b"NOTIFY sip:",
    b"MESSAGE sip:",
];

/// Whether a datagram is a message, or the empty lines that keep a path open.
pub(super) fn is_message(bytes: &[u8]) -> bool {
    begins(bytes, &STARTS) == Probe::Yes || bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0))
}
