//! Tailscale between two nodes: WireGuard, and between its packets the messages by which paths are found ("disco"), each sealed for its
//! receiver by keys that only the coordination server has told. Nothing in such a message refers to what the other end said, so that no packet
//! shows it to be sealed. What goes by relays (DERP) is TLS, and read as that.

use super::wireguard::Wireguard;
use super::{Carrier, Probe, Protocol, saved};

/// Tailscale over UDP.
pub(super) static TAILSCALE: Protocol = Protocol {
    name: "tailscale",
    carrier: Carrier::Datagram,
    recognised_by: "the magic of a message that finds paths, ahead of WireGuard or between its packets",
    reads: "that magic, and WireGuard",
    encrypted: "never, unless a policy vouches for it: nothing shows that the messages which find paths are sealed",
    probe: |opening| if is_message(opening.first) { Probe::Yes } else { Probe::No },
    open: || Box::new(Wireguard::default()),
    load: saved::load::<Wireguard>,
};

const MAGIC: &[u8] = b"TS\xf0\x9f\x92\xac";

/// Magic, the sender's key, a nonce.
pub(super) const HEADER_BYTES: usize = 6 + 32 + 24;
/// A tag, a type and a version at least.
const SEALED_BYTES: usize = 16 + 2;

/// Whether a datagram is a message that finds paths.
pub(super) fn is_message(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER_BYTES + SEALED_BYTES && bytes.starts_with(MAGIC)
}
