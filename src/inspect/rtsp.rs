//! RTSP (RFC 2326, RFC 7826) without TLS.

use super::lines::begins;
use super::sighted::{Opener, Sighted};
use super::{Carrier, Opening, Probe, Protocol, saved};

/// RTSP over TCP.
pub(super) static RTSP: Protocol = Protocol {
    name: "rtsp",
    carrier: Carrier::Stream,
    recognised_by: "a request for an rtsp address",
    reads: "nothing more",
    encrypted: "never",
    probe,
    open: || Sighted::stream(Opener::First),
    load: saved::load::<Sighted>,
};

fn probe(opening: &Opening<'_>) -> Probe {
    let methods: [&[u8]; 6] =
        [b"OPTIONS rtsp://", b"DESCRIBE rtsp://", b"SETUP rtsp://", b"ANNOUNCE rtsp://", b"PLAY rtsp://", b"OPTIONS * RTSP/"];
    begins(opening.first, &methods)
}
