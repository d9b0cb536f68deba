//! Zabbix without TLS: its own header before JSON.

use super::lines::begins;
use super::sighted::{Opener, Sighted};
use super::{Carrier, Opening, Probe, Protocol, saved};

/// Zabbix over TCP.
pub(super) static ZABBIX: Protocol = Protocol {
    name: "zabbix",
    carrier: Carrier::Stream,
    recognised_by: "the header ZBXD with known flags",
    reads: "nothing more",
    encrypted: "never",
    probe,
    open: || Sighted::stream(Opener::First),
    load: saved::load::<Sighted>,
};

fn probe(opening: &Opening<'_>) -> Probe {
    begins(opening.first, &[b"ZBXD\x01", b"ZBXD\x03", b"ZBXD\x05", b"ZBXD\x07"])
}
