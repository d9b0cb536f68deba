//! Mistakes in policies, and doubts about what is none, each with its file, line and column, a caret under the place, and the mend.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, Severity, SourceCode};

use super::Origin;
use super::words::is_unseen;
use crate::limits;

/// Everything that is wrong with the policies of a run, or that is doubtful. [`Display`](fmt::Display) draws it, without colour.
#[derive(Debug)]
pub struct PolicyErrors {
    mistakes: Vec<Mistake>,
}

/// One mistake, or a doubt about what is none.
#[derive(Debug)]
pub struct Mistake {
    message: String,
    help: Option<String>,
    place: Option<Place>,
    is_doubt: bool,
}

/// One file, as it is shown in errors.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// How the user named it, or the policy that extends it.
    pub label: String,
    /// What the policy is called.
    policy: String,
    source: NamedSource<Arc<str>>,
    /// Where lines begin.
    lines: Arc<[usize]>,
    /// Which one it is, in the order of reading.
    order: usize,
}

/// A place in a file.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub page: Page,
    span: Range<usize>,
}

impl Page {
    /// A file. What the text holds of controls is shown as `?`: a policy may come from anywhere, and errors go to a terminal.
    pub fn new(label: &str, text: &str, order: usize) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { label: label.to_owned(), policy: label.to_owned(), source: NamedSource::new(label, visible(text)), lines, order }
    }

    /// Its text, without controls.
    pub fn text(&self) -> &str {
        self.source.inner()
    }

    /// The same file, under the policy's own name.
    pub fn named(self, policy: &str) -> Self {
        Self { policy: policy.to_owned(), ..self }
    }

    /// A place in it.
    pub fn place(&self, span: Range<usize>) -> Place {
        Place { page: self.clone(), span }
    }

    /// Where something stands.
    pub fn origin(&self, span: &Range<usize>) -> Origin {
        Origin { policy: self.policy.clone(), line: self.line(span.start) }
    }

    fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }

    fn column(&self, at: usize) -> usize {
        let start = self.lines.get(self.line(at).saturating_sub(1)).copied().unwrap_or(0);
        self.source.inner().get(start..at).map_or(0, |before| before.chars().count()) + 1
    }
}

impl Place {
    /// The mistake of what stands here.
    pub fn mistake(self, message: String, help: Option<String>) -> Mistake {
        Mistake { message, help, place: Some(self), is_doubt: false }
    }

    /// A doubt about what stands here, which is no mistake.
    pub fn doubt(self, message: String, help: &str) -> Mistake {
        Mistake { is_doubt: true, ..self.mistake(message, Some(help.to_owned())) }
    }

    /// Whether its line and those beside it are shown: what is longer than anybody reads, and than miette can draw, is told by its number.
    fn is_shown(&self) -> bool {
        let line = self.page.line(self.span.start);
        let start = |line: usize| self.page.lines.get(line.saturating_sub(1)).copied().unwrap_or(self.page.source.inner().len());
        (line.saturating_sub(1)..=line + 1).all(|line| start(line + 1).saturating_sub(start(line)) <= limits::POLICY_LINE_SHOWN)
    }

    /// `lab.toml:4`, for a message about another place.
    pub fn label(&self) -> String {
        format!("{}:{}", self.page.label, self.page.line(self.span.start))
    }
}

impl Mistake {
    /// A mistake at a place in a file.
    pub(super) fn at(page: &Page, span: Range<usize>, message: String, help: Option<String>) -> Self {
        page.place(span).mistake(message, help)
    }

    /// A mistake about a whole file.
    pub(super) fn of(label: &str, message: &str, help: Option<String>) -> Self {
        Self { message: format!("{}: {message}", label.escape_debug()), help, place: None, is_doubt: false }
    }

    /// The same, shown at a place.
    pub(super) fn moved_to(self, place: Place) -> Self {
        Self { place: Some(place), ..self }
    }

    /// What the TOML reader refused.
    pub(super) fn of_toml(page: &Page, error: &toml::de::Error) -> Self {
        Self::at(page, error.span().unwrap_or(0..0), error.message().to_owned(), None)
    }

    /// The file that it is in.
    pub(super) fn page(&self) -> Option<&Page> {
        self.place.as_ref().map(|place| &place.page)
    }

    /// The file, as the user named it.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.place.as_ref().map(|place| place.page.label.as_str())
    }

    /// Line and column, from 1; columns are characters.
    #[must_use]
    pub fn place(&self) -> Option<(usize, usize)> {
        let place = self.place.as_ref()?;
        Some((place.page.line(place.span.start), place.page.column(place.span.start)))
    }

    /// What is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl PolicyErrors {
    /// In the order of the files, and of the places in each.
    pub(super) fn new(mut mistakes: Vec<Mistake>) -> Self {
        mistakes.sort_by_key(|mistake| mistake.place.as_ref().map(|place| (place.page.order, place.span.start)));
        Self { mistakes }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mistakes.is_empty()
    }

    /// The mistakes: those about whole files first, then by file and place.
    #[must_use]
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

impl Diagnostic for Mistake {
    fn severity(&self) -> Option<Severity> {
        Some(if self.is_doubt { Severity::Warning } else { Severity::Error })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place.as_ref().filter(|place| place.is_shown()).map(|place| &place.page.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.place.as_ref()?;
        let start = place.span.start;
        let line = place.page.source.inner().get(start..place.span.end).and_then(|text| text.lines().next());
        Some(Box::new(std::iter::once(LabeledSpan::new(None, start, line.map_or(1, str::len).max(1)))))
    }
}

impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100).with_context_lines(1);
        for mistake in self.mistakes.iter().take(limits::POLICY_MISTAKES) {
            if let (Some(place), Some((_, column))) = (mistake.place.as_ref().filter(|place| !place.is_shown()), mistake.place()) {
                writeln!(f, "  {}:{column}: the line is too long to be shown", place.label())?;
            }
            handler.render_report(f, mistake)?;
        }
        match self.mistakes.len().saturating_sub(limits::POLICY_MISTAKES) {
            0 => Ok(()),
            more => {
                let what = if self.mistakes.iter().all(|mistake| mistake.is_doubt) { "warnings" } else { "mistakes" };
                writeln!(f, "  and {more} more {what}")
            }
        }
    }
}

impl std::error::Error for PolicyErrors {}

/// The text with its controls shown as something of the same length, so that places in it stay where they are.
fn visible(text: &str) -> Arc<str> {
    let shown = |c: char| match (is_unseen(c) && !matches!(c, '\n' | '\r' | '\t'), c.len_utf8()) {
        (false, _) => c,
        (true, 1) => '?',
        (true, 2) => '\u{b7}',
        (true, _) => char::REPLACEMENT_CHARACTER,
    };
    text.chars().map(shown).collect::<String>().into()
}

/// The word nearest to `word`, where one is near: at most a third of its letters differ. Two letters that changed places differ by one.
pub(in crate::judge) fn nearest<'a>(word: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let a: Vec<char> = word.chars().take(limits::POLICY_WORD_CHARS).flat_map(char::to_lowercase).collect();
    let distance = |other: &str| {
        let b: Vec<char> = other.chars().flat_map(char::to_lowercase).collect();
        let mut before: Vec<usize> = Vec::new();
        let mut above: Vec<usize> = (0..=b.len()).collect();
        for (i, x) in a.iter().enumerate() {
            let mut row = vec![i + 1];
            for (j, y) in b.iter().enumerate() {
                let mut least = (above[j] + usize::from(x != y)).min(above[j + 1] + 1).min(row[j] + 1);
                if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                    least = least.min(before[j - 1] + 1);
                }
                row.push(least);
            }
            before = std::mem::replace(&mut above, row);
        }
        above[b.len()]
    };
    words.map(|other| (distance(other), other)).filter(|(d, other)| *d <= other.len().div_ceil(3)).min().map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn letters_that_changed_places_are_near() {
        assert_eq!(nearest("tsl", ["rtsp", "tls", "tds"].into_iter()), Some("tls"));
        assert_eq!(nearest("prots", ["ports", "paths"].into_iter()), Some("ports"));
        assert_eq!(nearest("", ["ports"].into_iter()), None);
        assert_eq!(nearest("xyz", ["ports"].into_iter()), None);
    }
}
