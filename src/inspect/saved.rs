//! How inspectors are written down and taken up again: postcard, of their plain state.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Inspector;

/// Writes an inspector's state.
pub(super) fn save<T: Serialize>(state: &T, out: &mut Vec<u8>) {
    // plain data always has a form
    if let Ok(bytes) = postcard::to_allocvec(state) {
        out.extend(bytes);
    }
}

/// Reads it again.
pub(super) fn load<T: Inspector + DeserializeOwned + 'static>(bytes: &[u8]) -> Option<Box<dyn Inspector>> {
    postcard::from_bytes::<T>(bytes).ok().map(|state| Box::new(state) as Box<dyn Inspector>)
}
