//! Text that came from the wire. It is an attacker's, so it is made inert where it enters, not where it is printed.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Escapes everything but printable ASCII as `\xhh`, cuts at `limit` bytes of input and says so with `...`.
fn inert(bytes: &[u8], limit: usize, space: bool) -> String {
    let mut out = String::with_capacity(bytes.len().min(limit));
    for &byte in bytes.iter().take(limit) {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b' ' if space => out.push(' '),
            0x21..=0x7e => out.push(char::from(byte)),
            _ => {
                use fmt::Write as _;
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    if bytes.len() > limit {
        out.push_str("...");
    }
    out
}

/// Whether a byte is one that host names have. (Underscores are plain: service labels carry them.)
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Bytes of names in lower case; zero for those that are not plain.
const PLAIN: [u8; 256] = {
    let mut plain = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        if is_plain(byte as u8) {
            plain[byte] = (byte as u8).to_ascii_lowercase();
        }
        byte += 1;
    }
    plain
};

/// The lengths that a label may have, and the longest that a host name can be in text (RFC 1035 section 2.3.4).
const LABEL: RangeInclusive<usize> = 1..=63;
const LONGEST: usize = 253;

/// Copies plain bytes in lower case, and dots where they may be. Returns whether all were.
fn copy_plain<const DOTS: bool>(from: &[u8], to: &mut [u8]) -> bool {
    let mut are_plain = true;
    for (to, &byte) in to.iter_mut().zip(from) {
        *to = if DOTS && byte == b'.' { byte } else { PLAIN[usize::from(byte)] };
        are_plain &= *to != 0;
    }
    are_plain
}

/// A host name as asked for on the wire: lower case, without a final dot, and inert.
///
/// Bytes outside printable ASCII are kept as `\xhh`. Two names are equal where a resolver would think them so (RFC 4343).
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(from = "Arc<str>", into = "Arc<str>")]
pub struct Name {
    text: Arc<str>,
    /// Whether it is a plain host name: asked of each name several times.
    is_plain: bool,
}

impl Name {
    /// The most bytes of a name that are kept; RFC 1035 allows 255.
    pub const MAX_BYTES: usize = 255;

    /// Reads a name in dotted form.
    #[must_use]
    pub fn from_wire(bytes: &[u8]) -> Self {
        let trimmed = bytes.strip_suffix(b".").unwrap_or(bytes);
        // nearly every name is plain and fits, and is allocated once
        let mut plain = [0u8; Self::MAX_BYTES];
        if let Some(room) = plain.get_mut(..trimmed.len())
            && copy_plain::<true>(trimmed, room)
        {
            // of plain bytes and dots, so that the lengths of its labels are left
            let is_plain = room.len() <= LONGEST && room.split(|&byte| byte == b'.').all(|label| LABEL.contains(&label.len()));
            return Self { text: std::str::from_utf8(room).unwrap_or_default().into(), is_plain };
        }
        let mut text = inert(trimmed, Self::MAX_BYTES, false);
        text.make_ascii_lowercase();
        Self::from(Arc::<str>::from(text))
    }

    /// Reads a name from its labels, as DNS carries them. A dot inside a label is kept as `\\x2e`: it must not pass for one between labels.
    #[must_use]
    pub fn from_labels<'a>(labels: impl IntoIterator<Item = &'a [u8]>) -> Self {
        // nearly every name is plain and fits, and is allocated once
        let mut plain = [0u8; Self::MAX_BYTES];
        let mut length = 0;
        let mut labels = labels.into_iter();
        while let Some(label) = labels.next() {
            let start = length + usize::from(length > 0);
            let room = plain.get_mut(start..start + label.len()).filter(|_| LABEL.contains(&label.len()));
            if !room.is_some_and(|room| copy_plain::<false>(label, room)) {
                let text = String::from_utf8_lossy(&plain[..length]).into_owned();
                return Self::from_odd_labels(text, std::iter::once(label).chain(labels));
            }
            if start > length {
                plain[length] = b'.';
            }
            length = start + label.len();
        }
        // its labels are seen to be of lengths that they may have
        Self { text: std::str::from_utf8(&plain[..length]).unwrap_or_default().into(), is_plain: (1..=LONGEST).contains(&length) }
    }

    /// Goes on where a label is odd or the name long.
    #[cold]
    fn from_odd_labels<'a>(mut text: String, labels: impl Iterator<Item = &'a [u8]>) -> Self {
        for label in labels {
            if !text.is_empty() {
                text.push('.');
            }
            for &byte in label {
                match byte {
                    byte if is_plain(byte) => text.push(char::from(byte.to_ascii_lowercase())),
                    b'.' => text.push_str("\\x2e"),
                    _ => text.push_str(&inert(&[byte], 1, false)),
                }
            }
        }
        Self::from(Arc::<str>::from(text))
    }

    /// The name as text, fit for any output.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a label, as it was sent, is written so in a name: only where it is plain can that be told byte by byte.
    #[must_use]
    pub fn is_label(written: &[u8], sent: &[u8]) -> bool {
        written.len() == sent.len() && written.iter().zip(sent).all(|(own, byte)| *own == PLAIN[usize::from(*byte)])
    }

    /// Whether it is other than a plain host name: empty, over-long, an escaped byte, an empty label, or a character that host names do
    /// not have. (Underscores are plain: service labels carry them.) An odd name is never matched against an allowed one.
    #[must_use]
    pub fn is_odd(&self) -> bool {
        !self.is_plain
    }

    /// The address, where the name is an IP literal.
    #[must_use]
    pub fn as_ip(&self) -> Option<IpAddr> {
        let text = self.text.trim_start_matches('[').trim_end_matches(']');
        // most names cannot be one, which costs less to see than to try
        let may_be = text.contains(':') || text.ends_with(|c: char| c.is_ascii_digit());
        may_be.then(|| text.parse().ok()).flatten()
    }
}

impl From<Arc<str>> for Name {
    fn from(text: Arc<str>) -> Self {
        let is_label = |label: &[u8]| LABEL.contains(&label.len()) && label.iter().all(|&byte| is_plain(byte));
        let is_plain = text.len() <= LONGEST && text.as_bytes().split(|&byte| byte == b'.').all(is_label);
        Self { text, is_plain }
    }
}

impl From<Name> for Arc<str> {
    fn from(name: Name) -> Self {
        name.text
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Name").field(&self.text).finish()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Any other text from the wire (a banner, a method, an ALPN): as it was, but inert and cut at [`Text::MAX_BYTES`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Text(Box<str>);

impl Text {
    /// The most bytes that are kept.
    pub const MAX_BYTES: usize = 128;

    /// Reads text of any kind.
    #[must_use]
    pub fn from_wire(bytes: &[u8]) -> Self {
        // nearly all text is plain and fits, and is allocated once
        match std::str::from_utf8(bytes) {
            Ok(text) if bytes.len() <= Self::MAX_BYTES && bytes.iter().all(|byte| matches!(byte, b' '..=b'~') && *byte != b'\\') => {
                Self(text.into())
            }
            _ => Self(inert(bytes, Self::MAX_BYTES, true).into()),
        }
    }

    /// The text, fit for any output.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised_and_inert() {
        assert_eq!(Name::from_wire(b"WWW.Example.COM.").as_str(), "www.example.com");
        assert_eq!(Name::from_wire(b"a\x1b[31m\0b").as_str(), "a\\x1b[31m\\x00b");
        assert_eq!(Name::from_wire("a\u{202e}b".as_bytes()).as_str(), "a\\xe2\\x80\\xaeb");
        assert!(Name::from_wire(&[b'a'; 4000]).as_str().len() < 300);
    }

    #[test]
    fn labels_read_as_the_dotted_form_does_and_forge_nothing() {
        let from = |labels: &[&[u8]]| Name::from_labels(labels.iter().copied());
        assert_eq!(from(&[b"WWW", b"Example", b"COM"]), Name::from_wire(b"www.example.com"));
        assert_eq!(from(&[]), Name::from_wire(b"."));
        assert_eq!(from(&[b"a.b", b"c"]).as_str(), "a\\x2eb.c");
        for other in [&[&b"a\\x2eb"[..], b"c"], &[b"a", b"b.c"]] {
            assert_ne!(from(other), from(&[b"a.b", b"c"]));
        }
        assert!(from(&[b"a.b", b"c"]).is_odd());
        assert_eq!(from(&[b"\0\xff "]).as_str(), "\\x00\\xff\\x20");
    }

    #[test]
    fn odd_names_are_told_from_plain_ones() {
        for plain in ["a", "xn--bcher-kva.example", "_ldap._tcp.corp.example", "eus.his.arc.azure.com"] {
            assert!(!Name::from_wire(plain.as_bytes()).is_odd(), "{plain}");
        }
        for odd in [&b""[..], b"a..b", b".", b"a b", b"a\0.example", &[b'a'; 64], &[b'a'; 300]] {
            assert!(Name::from_wire(odd).is_odd(), "{odd:?}");
        }
    }
}
