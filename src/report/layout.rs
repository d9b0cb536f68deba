//! Text in lines: what makes it inert, wraps it, and writes sizes and spans of time for people.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character may move a terminal's cursor, change its state, or reorder or hide the text around it: controls (C0, DEL, C1),
/// line and paragraph separators, bidirectional and zero-width formatting, tags.
#[must_use]
pub(super) fn is_live(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c), 0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xfff9..=0xfffb | 0xe0000..=0xe007f)
}

/// `text` with every live character written as `\u{..}`.
#[must_use]
pub fn inert(text: &str) -> Cow<'_, str> {
    if !text.contains(is_live) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_live(c) {
            // writing to a string does not fail
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Breaks inert text at spaces into lines of at most `width` columns; the first begins at column `first`, all others after `indent`
/// spaces. A word that is longer than a line stays whole: a filter or a name must remain fit to copy.
#[must_use]
pub(super) fn wrap(text: &str, first: usize, indent: usize, width: usize) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut column = first;
    let mut begun = false;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let length = word.chars().count();
        if begun && column + 1 + length > width {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            column = indent;
            begun = false;
        }
        if begun {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
        begun = true;
    }
    out
}

/// `1 flow`, `2 flows`.
#[must_use]
pub(super) fn count(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// A size for people, in powers of 1024: `17 B`, `1.2 KiB`, `3.4 GiB`.
#[must_use]
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    // rounded to a tenth, so that 1023.97 KiB is 1.0 MiB
    let mut tenths = u128::from(n) * 10;
    let mut unit = "B";
    for next in UNITS {
        if tenths < 10_240 {
            break;
        }
        tenths = (tenths + 512) / 1024;
        unit = next;
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// A span of time for people, in its two largest units: `350 ms`, `42 s`, `3 min 5 s`, `2 d 4 h`. Nanoseconds; a negative span is none.
#[must_use]
pub fn duration(nanos: i64) -> String {
    let nanos = nanos.max(0);
    let seconds = nanos / 1_000_000_000;
    let two =
        |large: i64, a: &str, small: i64, b: &str| if small == 0 { format!("{large} {a}") } else { format!("{large} {a} {small} {b}") };
    match seconds {
        0 if nanos < 1_000_000 => format!("{} \u{b5}s", nanos / 1000),
        0 => format!("{} ms", nanos / 1_000_000),
        1..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => two(seconds / 3600, "h", seconds / 60 % 60, "min"),
        _ => two(seconds / 86_400, "d", seconds / 3600 % 24, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        let cases = [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (1_048_575, "1.0 MiB"), (u64::MAX, "16.0 EiB")];
        for (n, text) in cases {
            assert_eq!(bytes(n), text);
        }
    }

    #[test]
    fn spans_read_well() {
        let s = 1_000_000_000;
        let cases = [
            (-5, "0 \u{b5}s"),
            (350_000_000, "350 ms"),
            (42 * s, "42 s"),
            (185 * s, "3 min 5 s"),
            (120 * s, "2 min"),
            (187_200 * s, "2 d 4 h"),
        ];
        for (n, text) in cases {
            assert_eq!(duration(n), text);
        }
    }

    #[test]
    fn text_wraps_at_spaces_and_keeps_long_words_whole() {
        assert_eq!(wrap("one two three", 0, 2, 7), "one two\n  three");
        assert_eq!(wrap("a verylongwordindeed b", 4, 2, 8), "a\n  verylongwordindeed\n  b");
        assert_eq!(wrap("", 4, 2, 8), "");
    }

    #[test]
    fn live_characters_are_shown() {
        assert_eq!(inert("plain \u{fc}n\u{ef}"), "plain \u{fc}n\u{ef}");
        assert_eq!(inert("a\x1b[31m\r\n\u{202e}\u{9b}\u{feff}"), "a\\u{1b}[31m\\u{d}\\u{a}\\u{202e}\\u{9b}\\u{feff}");
    }
}
