//! The margins of packets: options, padding, metadata of tunnels and trailers, which the walk passes over on its way to what a packet carries.
//!
//! Nobody reads them, and they travel with the packet all the same. Numbers and keys are what they are for: text has no place there, nor has
//! more than any protocol needs. The walk asks of every stretch that it passes over, whatever protocol left it there.

use crate::fact::holds_run;
use crate::limits;

/// Whether bytes that are passed over say something: they hold text, or are more than padding and longer than margins are.
#[inline]
pub(super) fn is_written(bytes: &[u8]) -> bool {
    bytes.len() >= limits::MARGIN_RUN && says_something(bytes)
}

#[cold]
fn says_something(bytes: &[u8]) -> bool {
    holds_text(bytes) || bytes.len() > limits::MARGIN_BYTES && bytes.iter().any(|&byte| byte != 0)
}

/// Whether there is a run of plain ASCII text that is as long as no number, key or name of a protocol's own.
pub(super) fn holds_text(bytes: &[u8]) -> bool {
    holds_run(bytes, limits::MARGIN_RUN)
}

/// What of `whole` stands before `rest`, which is the end of it or lies within.
#[inline]
pub(super) fn before<'a>(whole: &'a [u8], rest: &[u8]) -> &'a [u8] {
    let length = (rest.as_ptr() as usize).checked_sub(whole.as_ptr() as usize);
    length.and_then(|length| whole.get(..length)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_long_stretches_say_something() {
        let text = b"these words have no place where they stand";
        assert!(is_written(text) && is_written(&[&[0xa7; 9], &text[..limits::MARGIN_RUN], &[0]].concat()));
        assert!(!is_written(&text[..limits::MARGIN_RUN - 1]), "short");
        assert!(!is_written(&[0; 4000]), "padding");
        assert!(!is_written(&[0xa7; limits::MARGIN_BYTES]) && is_written(&[0xa7; limits::MARGIN_BYTES + 1]));
        assert_eq!((before(text, &text[6..11]), before(text, &[])), (&b"these "[..], &b""[..]));
    }
}
