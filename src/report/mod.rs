//! Reports: the audit document written down, one file a format. A report cannot change a verdict; it holds nothing that the document
//! does not, and the same document gives the same bytes.
//!
//! [`FORMATS`] is the one list: a format added there can be asked for with `--report`, and is documented and tested. Flow records
//! ([`flow`]) have no format of their own: they are lines of JSON or of text.
//!
//! Names from the wire are inert where they enter ([`crate::fact::Name`]); paths and the words of a policy are not. So whatever is
//! written passes [`layout::inert`] or its like in [`json`]: no report moves a terminal's cursor or turns its text around.

mod community;
pub mod explain;
pub mod flow;
pub mod json;
mod layout;
pub mod schema;
pub mod text;

use std::fmt;
use std::io;

use crate::judge::Audit;

pub use layout::{bytes, duration, inert};

/// Every format, in the order in which help shows them.
pub const FORMATS: &[&Format] = &[&text::FORMAT, &json::FORMAT];

/// A way to write an audit down.
pub struct Format {
    /// Its name, as in `--report NAME=PATH`.
    pub name: &'static str,
    /// How its files end, without the dot.
    pub extension: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// Writes the document.
    pub write: fn(&Audit, &Style, &mut dyn io::Write) -> io::Result<()>,
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The format of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Format> {
    FORMATS.iter().copied().find(|format| format.name == name)
}

/// How text is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    colors: bool,
    width: usize,
}

impl Style {
    /// The width of a report that goes elsewhere than to a terminal, so that it does not depend on who asks for it.
    pub const WIDTH: usize = 100;

    /// Lines of about `width` columns, at least 80 and at most [`Style::WIDTH`]; with `colors`, ANSI escapes mark what matters.
    #[must_use]
    pub fn new(colors: bool, width: usize) -> Self {
        Self { colors, width: width.clamp(80, Self::WIDTH) }
    }

    /// Without colours and at the full width: for files.
    #[must_use]
    pub fn plain() -> Self {
        Self::new(false, Self::WIDTH)
    }

    /// Columns of a line.
    #[must_use]
    pub fn width(self) -> usize {
        self.width
    }

    /// `text` in `style`, where colours are wanted. The text must be inert already.
    #[must_use]
    pub fn paint(self, style: anstyle::Style, text: &str) -> String {
        if self.colors { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

impl Default for Style {
    fn default() -> Self {
        Self::plain()
    }
}

#[cfg(test)]
mod testdata;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_found_by_name_and_each_writes_something() {
        for format in FORMATS {
            assert!(std::ptr::eq(by_name(format.name).unwrap(), *format));
            let mut out = Vec::new();
            (format.write)(&testdata::audit(), &Style::plain(), &mut out).unwrap();
            assert!(out.ends_with(b"\n"), "{}", format.name);
        }
        assert!(by_name("papyrus").is_none());
    }

    /// Whatever a hostile path, policy or name holds, no report has a character that a terminal would obey.
    #[test]
    fn no_report_moves_a_terminal() {
        for format in FORMATS {
            let mut out = Vec::new();
            (format.write)(&testdata::hostile(), &Style::plain(), &mut out).unwrap();
            let out = String::from_utf8(out).unwrap();
            let live: Vec<char> = out.chars().filter(|&c| c != '\n' && layout::is_live(c)).collect();
            assert!(live.is_empty(), "{}: {live:?}", format.name);
            assert!(!out.lines().any(|line| line.starts_with("FORGED")), "{}", format.name);
        }
    }

    #[test]
    fn colours_are_the_only_escapes() {
        let mut coloured = Vec::new();
        text::write(&testdata::audit(), &Style::new(true, 100), &mut coloured).unwrap();
        let mut plain = Vec::new();
        text::write(&testdata::audit(), &Style::plain(), &mut plain).unwrap();
        let stripped = anstream::adapter::strip_bytes(&coloured).into_vec();
        assert_ne!(coloured, plain);
        assert_eq!(stripped, plain);
    }
}
