//! The audit document as JSON (RFC 8259): indented by two spaces, members in the order of the types, so that two documents can be
//! compared line by line. Characters that a terminal would obey are written as `\uXXXX`, which means the same.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use super::layout::is_live;
use super::{Format, Style};
use crate::judge::Audit;

/// `--report json=PATH`.
pub static FORMAT: Format = Format { name: "json", extension: "json", about: "the audit document, for programs", write };

/// Writes the document and a final line break.
///
/// # Errors
/// Those of `out`.
pub fn write(audit: &Audit, _: &Style, out: &mut dyn Write) -> io::Result<()> {
    // in memory first: it is written in a hundred thousand pieces
    let mut text = Vec::new();
    audit.serialize(&mut Serializer::with_formatter(&mut text, Indented::default()))?;
    text.push(b'\n');
    out.write_all(&text)
}

/// Writes any value as one line of JSON Lines.
///
/// # Errors
/// Those of `out`.
pub fn write_line<T: Serialize + ?Sized>(value: &T, out: &mut dyn Write) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *out, Compact))?;
    writeln!(out)
}

/// Two spaces a level, as serde_json's own does it, and in one piece.
#[derive(Default)]
struct Indented {
    depth: usize,
    has_value: bool,
}

impl Indented {
    /// Begins a line.
    fn line<W: ?Sized + Write>(&self, out: &mut W, comma: bool) -> io::Result<()> {
        const LINE: &str = ",\n                                ";
        if let Some(line) = LINE.get(usize::from(!comma)..2 + 2 * self.depth) {
            return out.write_all(line.as_bytes());
        }
        out.write_all(if comma { b",\n" } else { b"\n" })?;
        (0..self.depth).try_for_each(|_| out.write_all(b"  "))
    }

    fn begin<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.has_value = false;
        out.write_all(bracket)
    }

    fn end<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        if std::mem::replace(&mut self.has_value, true) {
            self.line(out, false)?;
        }
        out.write_all(bracket)
    }
}

struct Compact;

impl Formatter for Compact {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        write_inert(out, fragment)
    }
}

impl Formatter for Indented {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        write_inert(out, fragment)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.line(out, !first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.line(out, !first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }
}

/// Whether there is nothing but ASCII without DEL, the one control that serde_json does not escape: by eight bytes at once, the last eight
/// perhaps twice.
fn is_plain(fragment: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let is_high = |chunk: &[u8; 8]| {
        let word = u64::from_ne_bytes(*chunk);
        (word | word.wrapping_add(ONES)) & ONES << 7
    };
    match fragment.last_chunk() {
        Some(last) => fragment.as_chunks().0.iter().fold(is_high(last), |high, chunk| high | is_high(chunk)) == 0,
        None => fragment.iter().all(|byte| *byte < 0x7f),
    }
}

/// Writes part of a string: serde_json has escaped what JSON demands, this escapes the rest of what is live.
fn write_inert<W: ?Sized + Write>(out: &mut W, fragment: &str) -> io::Result<()> {
    if is_plain(fragment.as_bytes()) {
        return out.write_all(fragment.as_bytes());
    }
    let mut rest = fragment;
    while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_live(*c)) {
        let (before, from) = rest.split_at(at);
        out.write_all(before.as_bytes())?;
        let mut units = [0; 2];
        for unit in c.encode_utf16(&mut units) {
            write!(out, "\\u{unit:04x}")?;
        }
        rest = from.get(c.len_utf8()..).unwrap_or_default();
    }
    out.write_all(rest.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::testdata;
    use super::*;

    fn document(audit: &Audit) -> String {
        let mut out = Vec::new();
        write(audit, &Style::plain(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_document_has_the_contracts_members_in_order() {
        let text = document(&testdata::audit());
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["schema"], "wirewitness.audit.v1");
        assert_eq!(value["findings"][0]["examples"][0]["responder"]["port"], 22);
        assert_eq!(value["coverage"]["ledger"]["judged"], 100);
        assert!(text.starts_with("{\n  \"schema\": \"wirewitness.audit.v1\",\n  \"tool\": {\n    \"name\""), "{text}");
        assert!(text.ends_with("}\n"));
        let places: Vec<usize> = [
            "schema",
            "verdict",
            "agent_conduct",
            "policies",
            "agents",
            "inputs",
            "coverage",
            "summary",
            "findings",
            "allowed",
            "exceptions",
        ]
        .iter()
        .map(|key| text.find(&format!("\n  \"{key}\"")).unwrap())
        .collect();
        assert!(places.is_sorted());
    }

    #[test]
    fn escapes_change_the_bytes_and_not_the_value() {
        let hostile = "a\u{202e}b\u{7f}\u{e0001}c\"\\\n";
        let mut out = Vec::new();
        write_line(hostile, &mut out).unwrap();
        let line = String::from_utf8(out).unwrap();
        assert_eq!(line, "\"a\\u202eb\\u007f\\udb40\\udc01c\\\"\\\\\\n\"\n");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), hostile);
    }
}
