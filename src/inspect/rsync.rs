//! The daemon protocol of rsync, which knows no TLS of its own.

use super::lines::begins;
use super::sighted::{Opener, Sighted};
use super::{Carrier, Opening, Probe, Protocol, saved};

/// rsync over TCP.
pub(super) static RSYNC: Protocol = Protocol {
    name: "rsync",
    carrier: Carrier::Stream,
    recognised_by: "the greeting @RSYNCD with a version",
    reads: "nothing more",
    encrypted: "never",
    probe,
    open: || Sighted::stream(Opener::Unknown),
    load: saved::load::<Sighted>,
};

fn probe(opening: &Opening<'_>) -> Probe {
    begins(opening.first, &[b"@RSYNCD: 2", b"@RSYNCD: 3"])
}
