//! Snoop files (RFC 1761), version 2: Solaris' own and what other tools write in its name.
//!
//! Refused: other versions, whose records differ. Shomiti's and Finisar's data link types are not told from Sun's, which leaves them
//! unread and counted where they are not Ethernet. A record whose length is wrong ends the reading: nothing in it says where the next is.

use super::CaptureStats;
use super::file::{Next, Window};
use crate::fact::{LinkType, Timestamp};
use crate::limits;

/// Bytes of the file header.
pub(super) const HEADER_BYTES: usize = 16;

const MAGIC: [u8; 8] = *b"snoop\0\0\0";
const RECORD_HEADER: usize = 24;

/// Whether a file that begins so may be a snoop file.
pub(super) fn recognises(magic: [u8; 4]) -> bool {
    MAGIC.starts_with(&magic)
}

/// Reads the records that follow a file header.
#[derive(Debug)]
pub(super) struct Reader {
    link: LinkType,
}

impl Reader {
    pub(super) fn new(header: &[u8], stats: &mut CaptureStats) -> Result<Self, String> {
        let Some((&MAGIC, &[v0, v1, v2, v3, l0, l1, l2, l3])) =
            header.split_first_chunk::<8>().and_then(|(magic, rest)| Some((magic, rest.first_chunk::<8>()?)))
        else {
            return Err("is not a snoop capture, or ends inside its file header: capture again, or leave it out".to_owned());
        };
        let version = u32::from_be_bytes([v0, v1, v2, v3]);
        if version != 2 {
            return Err(format!("is snoop version {version}, and 2 is read: convert it first (editcap -F pcapng FILE OUT.pcapng)"));
        }
        let link = match u32::from_be_bytes([l0, l1, l2, l3]) {
            0 | 4 => LinkType::ETHERNET,
            2 => LinkType(6),
            8 => LinkType(10),
            18 => LinkType(123),
            _ => LinkType::UNREGISTERED,
        };
        stats.format = "snoop";
        stats.link_types = vec![link];
        Ok(Self { link })
    }

    /// Reads every whole record.
    pub(super) fn scan(&mut self, window: &mut Window<'_>) -> Next {
        loop {
            let rest = window.bytes.get(window.at..).unwrap_or_default();
            let Some(header) = rest.first_chunk::<RECORD_HEADER>() else {
                return Next::Need(RECORD_HEADER);
            };
            let word = |at: usize| header.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |&bytes| u32::from_be_bytes(bytes));
            let (wire, captured, length, dropped) = (word(0), word(4), word(8) as usize, word(12));
            if captured as usize > limits::FRAME_BYTES || length < RECORD_HEADER + captured as usize || length > limits::FRAME_BYTES * 2 {
                return Next::Damaged(format!("a record of {length} bytes claims {captured} captured bytes"));
            }
            if rest.len() < length {
                return Next::Need(length);
            }
            let at = Timestamp::from_nanos(i64::from(word(16)) * 1_000_000_000 + i64::from(word(20)) * 1000);
            window.stats.dropped = window.stats.dropped.max(u64::from(dropped));
            window.push(self.link, at, RECORD_HEADER, captured, wire, window.stats.packets + 1);
            window.at += length;
        }
    }
}

#[cfg(test)]
mod tests;
