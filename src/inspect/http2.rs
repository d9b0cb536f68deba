//! HTTP/2 without TLS (RFC 9113 section 3.3): the client's preface in the clear.

use super::lines::begins;
use super::sighted::{Opener, Sighted};
use super::{Carrier, Protocol, saved};

/// HTTP/2 with prior knowledge over TCP.
pub(super) static HTTP2: Protocol = Protocol {
    name: "http2",
    carrier: Carrier::Stream,
    recognised_by: "the client's connection preface",
    reads: "nothing more",
    encrypted: "never",
    probe: |opening| begins(opening.first, &[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]),
    open: || Sighted::stream(Opener::First),
    load: saved::load::<Sighted>,
};
