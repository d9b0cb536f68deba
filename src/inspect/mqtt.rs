//! MQTT 3.1, 3.1.1 and 5 without TLS: the first packet names the protocol.

use super::lines::begins;
use super::sighted::{Opener, Sighted};
use super::{Carrier, Opening, Probe, Protocol, saved};

/// MQTT over TCP.
pub(super) static MQTT: Protocol = Protocol {
    name: "mqtt",
    carrier: Carrier::Stream,
    recognised_by: "a CONNECT packet with the protocol name MQTT or MQIsdp and a known level",
    reads: "nothing more",
    encrypted: "never",
    probe,
    open: || Sighted::stream(Opener::First),
    load: saved::load::<Sighted>,
};

fn probe(opening: &Opening<'_>) -> Probe {
    let Some((&0x10, rest)) = opening.first.split_first() else { return Probe::No };
    // the length takes one to four bytes
    let length = rest.iter().take(4).take_while(|byte| **byte & 0x80 != 0).count();
    match rest.get(length..) {
        _ if length > 3 => Probe::No,
        Some([_, name @ ..]) => begins(name, &[b"\0\x04MQTT\x04", b"\0\x04MQTT\x05", b"\0\x06MQIsdp\x03"]),
        _ => Probe::Maybe,
    }
}
