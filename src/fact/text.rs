//! Runs of plain ASCII text: what no key, number or sealed byte is, where they are long enough. How long that is depends on the place, and
//! is for those who ask.

/// Whether there is a run of plain ASCII text of this length somewhere in these bytes.
#[must_use]
pub fn holds_run(bytes: &[u8], least: usize) -> bool {
    let mut rest = bytes;
    // where the last byte that is none stands, no run goes over it: most bytes are passed over unseen
    while let Some(window) = rest.get(..least) {
        match window.iter().rposition(|byte| !is_plain_text(byte)) {
            Some(at) => rest = &rest[at + 1..],
            None => return true,
        }
    }
    false
}

/// Whether a byte is of plain ASCII text: printable, or one that lines are made with.
#[must_use]
pub fn is_plain_text(byte: &u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~')
}
