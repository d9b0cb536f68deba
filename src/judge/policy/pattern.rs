//! Name patterns: `*.example.com`, `+.example.com`, `azgn-*.servicebus.windows.net`, `login.example.com`.

use std::fmt;

use crate::fact::Name;

/// A name pattern. `*.` at the front is one or more labels; `+` in the place of a label is one; a `*` inside a label stays within it. `*`
/// alone is any name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    /// Whether one or more labels may stand before `labels`.
    more: bool,
    labels: Vec<String>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it, and how it is mended.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains("://") || text.contains('/') {
            return Err("is a URL: write the host name alone".to_owned());
        }
        if text.contains(':') {
            return Err("holds a port: write it in ports = [...]".to_owned());
        }
        if text == "*." {
            return Err("has an empty label: `*` alone is any name".to_owned());
        }
        if let Some(odd) = text.chars().find(|c| !c.is_ascii()) {
            return Err(format!("holds `{}`: write it as it is asked for, with labels that begin with xn--", odd.escape_unicode()));
        }
        let lower = text.to_ascii_lowercase();
        let plain = lower.strip_suffix('.').unwrap_or(&lower);
        let (more, rest) = match plain.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None if plain == "*" => (true, ""),
            None => (false, plain),
        };
        let label = |label: &str| if label == "+" { "*".to_owned() } else { label.to_owned() };
        let labels: Vec<String> = if rest.is_empty() { Vec::new() } else { rest.split('.').map(label).collect() };
        if labels.is_empty() && plain != "*" {
            return Err("is empty".to_owned());
        }
        if plain.len() > Name::MAX_BYTES {
            return Err(format!("has more than {} characters", Name::MAX_BYTES));
        }
        for label in &labels {
            if label.is_empty() {
                return Err("has an empty label".to_owned());
            }
            if label.contains("**") {
                return Err("has `**`: one `*` stays within a label, `*.` at the front is one or more labels".to_owned());
            }
            if label.len() > 63 {
                return Err("has a label of more than 63 characters".to_owned());
            }
            if let Some(odd) = label.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '*'))) {
                return Err(format!("holds `{}`, which host names do not have", odd.escape_debug()));
            }
        }
        Ok(Self { text: plain.to_owned(), more, labels })
    }

    /// As it is written, in lower case.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// What a pattern without stars but a `*.` at its front ends in, and whether it has that; `None` for other patterns.
    pub(super) fn suffix(&self) -> Option<(&str, bool)> {
        let rest = if self.more { self.text.strip_prefix("*.")? } else { &self.text };
        (!rest.contains(['*', '+'])).then_some((rest, self.more))
    }

    /// Whether a name fits. A name that is no plain host name never does.
    #[must_use]
    pub fn matches(&self, name: &Name) -> bool {
        !name.is_odd() && self.matches_text(name.as_str())
    }

    /// Whether every name that fits another fits this one too. Where it says no, that is as far as can be told label by label.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let spare = other.labels.len().checked_sub(self.labels.len());
        let lengths = match (self.more, other.more) {
            (true, true) => spare.is_some(),
            (true, false) => spare.is_some_and(|spare| spare > 0),
            (false, more) => !more && spare == Some(0),
        };
        let covers = |(wide, narrow): (&String, &String)| {
            wide == "*" || wide == narrow || !narrow.contains('*') && fits(wide.as_bytes(), narrow.as_bytes())
        };
        lengths && self.labels.iter().rev().zip(other.labels.iter().rev()).all(covers)
    }

    /// Whether a text fits, however odd it is.
    pub(super) fn matches_text(&self, text: &str) -> bool {
        let mut ours = self.labels.iter().rev();
        let mut theirs = text.rsplit('.');
        loop {
            match (ours.next(), theirs.next()) {
                (Some(pattern), Some(label)) if fits(pattern.as_bytes(), label.as_bytes()) => {}
                (None, Some(_)) => return self.more,
                (None, None) => return !self.more,
                _ => return false,
            }
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether a label fits a pattern with any number of stars. It only ever returns to the last star, so that many of them cost no more than
/// the product of the two lengths: 63 by 63 at worst.
pub(super) fn fits(pattern: &[u8], label: &[u8]) -> bool {
    let (mut p, mut l, mut star) = (0, 0, None);
    while l < label.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, l));
                p += 1;
            }
            Some(byte) if *byte == label[l] => {
                p += 1;
                l += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, l) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}
