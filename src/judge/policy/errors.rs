//! Mistakes in policies, each with its file, line and column, a caret under the place, and the mend.

use std::fmt;
use std::ops::Range;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

/// Everything that is wrong with the policies of a run.
#[derive(Debug)]
pub struct PolicyErrors {
    pub(super) mistakes: Vec<Mistake>,
}

/// One mistake.
#[derive(Debug)]
pub struct Mistake {
    message: String,
    help: Option<String>,
    source: NamedSource<String>,
    span: Option<Range<usize>>,
}

impl Mistake {
    /// A mistake at a place in a file.
    pub(super) fn at(label: &str, text: &str, span: Range<usize>, message: String, help: Option<String>) -> Self {
        Self { message, help, source: NamedSource::new(label, text.to_owned()), span: Some(span) }
    }

    /// A mistake about a whole file.
    pub(super) fn of(label: &str, message: String, help: Option<String>) -> Self {
        Self { message: format!("{label}: {message}"), help, source: NamedSource::new(label, String::new()), span: None }
    }

    /// What the TOML reader refused.
    pub(super) fn of_toml(label: &str, text: &str, error: &toml::de::Error) -> Self {
        let message = error.message();
        let near =
            unknown_key(message).and_then(|(key, known)| nearest(key, known.into_iter()).map(|near| format!("did you mean `{near}`?")));
        let span = error.span().unwrap_or(0..0);
        Self::at(label, text, span, message.to_owned(), near)
    }

    /// Line and column, from 1.
    #[must_use]
    pub fn place(&self) -> Option<(usize, usize)> {
        let start = self.span.as_ref()?.start;
        let before = self.source.inner().get(..start)?;
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
        Some((line, column))
    }

    /// What is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl PolicyErrors {
    /// The mistakes, in the order in which they were found.
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
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.span.as_ref().map(|_| &self.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.span.clone()?;
        Some(Box::new(std::iter::once(LabeledSpan::new(None, span.start, span.len().max(1)))))
    }
}

impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100).with_context_lines(1);
        for mistake in &self.mistakes {
            handler.render_report(f, mistake)?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyErrors {}

/// The key and the known ones, where a message of the TOML reader is about an unknown key.
fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let rest = message.strip_prefix("unknown field `")?;
    let (key, rest) = rest.split_once('`')?;
    Some((key, rest.split('`').skip(1).step_by(2).collect()))
}

/// The word nearest to `word`, where one is near: at most a third of its letters differ.
pub(super) fn nearest<'a>(word: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |other: &str| {
        let (a, b): (Vec<char>, Vec<char>) = (word.to_lowercase().chars().collect(), other.to_lowercase().chars().collect());
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, x) in a.iter().enumerate() {
            let mut diagonal = std::mem::replace(&mut row[0], i + 1);
            for (j, y) in b.iter().enumerate() {
                let next = (diagonal + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
                diagonal = std::mem::replace(&mut row[j + 1], next);
            }
        }
        row[b.len()]
    };
    words.map(|other| (distance(other), other)).filter(|(d, other)| *d <= other.len().div_ceil(3)).min().map(|(_, other)| other)
}
