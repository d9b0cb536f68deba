//! The header of a TLS record (RFC 8446 section 5.1).

use super::Step;

pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;
/// RFC 6520.
const HEARTBEAT: u8 = 24;

/// Bytes before a record's body.
pub(super) const HEADER_BYTES: usize = 5;

/// The longest body in the clear.
pub(super) const MAX_PLAIN: usize = 1 << 14;
/// The longest protected body of TLS 1.3.
pub(super) const MAX_PROTECTED_13: usize = MAX_PLAIN + 256;

/// The longest encrypted alert of TLS 1.2: a vector, a digest and padding about its two bytes.
pub(super) const MAX_SEALED_ALERT: usize = 2 + 16 + 64 + 256;
/// The longest protected body of TLS 1.2 and before.
const MAX_PROTECTED: usize = MAX_PLAIN + 2048;

/// A record's type and length.
#[derive(Clone, Copy)]
pub(super) struct Header {
    pub(super) kind: u8,
    /// Bytes of body.
    pub(super) length: usize,
}

/// Bytes that are not the header of any record.
pub(super) struct NoRecord;

impl Header {
    /// Reads the header that `bytes` begin with; `None` where they are too few and may yet be one.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Self>, NoRecord> {
        const FIRST: u8 = CHANGE_CIPHER_SPEC;
        match *bytes {
            [kind @ FIRST..=HEARTBEAT, 3, 0..=4, high, low, ..] => {
                let length = usize::from(u16::from_be_bytes([high, low]));
                if length <= MAX_PROTECTED { Ok(Some(Self { kind, length })) } else { Err(NoRecord) }
            }
            [] | [FIRST..=HEARTBEAT] | [FIRST..=HEARTBEAT, 3] | [FIRST..=HEARTBEAT, 3, 0..=4] | [FIRST..=HEARTBEAT, 3, 0..=4, _] => {
                Ok(None)
            }
            _ => Err(NoRecord),
        }
    }

    /// The record is used, whole.
    pub(super) fn past(self) -> Step {
        Step::Past(HEADER_BYTES + self.length)
    }
}
