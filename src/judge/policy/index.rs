//! The name patterns of all entries, by what they end in, so that a name costs a look-up a label however many patterns there are.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::Pattern;
use crate::fact::Name;

/// Which entries have which names.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Entries by a name without stars.
    exact: HashMap<Box<str>, Vec<u32>, RandomState>,
    /// Entries by what stands behind a `*.` at the front of a pattern without other stars.
    below: HashMap<Box<str>, Vec<u32>, RandomState>,
    /// The lengths that occur in `below`, a bit each: most suffixes of a name need no look-up.
    lengths: [u64; 4],
    /// The greatest of them.
    longest: usize,
    /// The other patterns, with their entries.
    starred: Vec<(Pattern, u32)>,
}

impl Index {
    /// Of the names of each entry.
    pub(super) fn new<'a>(entries: impl IntoIterator<Item = &'a [Pattern]>) -> Self {
        let mut index = Self::default();
        for (names, n) in entries.into_iter().zip(0..) {
            for pattern in names {
                match pattern.suffix() {
                    Some((suffix, false)) => index.exact.entry(suffix.into()).or_default().push(n),
                    Some((suffix, true)) => {
                        let (word, bit) = place(suffix.len());
                        index.lengths[word] |= bit;
                        index.longest = index.longest.max(suffix.len());
                        index.below.entry(suffix.into()).or_default().push(n);
                    }
                    None => index.starred.push((pattern.clone(), n)),
                }
            }
        }
        index
    }

    /// The entries that have a name, in their order. A name that is no plain host name is nobody's.
    pub(super) fn of(&self, name: &Name) -> SmallVec<[usize; 4]> {
        if name.is_odd() { SmallVec::new() } else { self.of_text(name.as_str()) }
    }

    /// The same of a text, however odd it is.
    pub(super) fn of_text(&self, text: &str) -> SmallVec<[usize; 4]> {
        self.found(text, |pattern| pattern.matches_text(text))
    }

    /// The entries that have every name which fits a pattern, in their order.
    pub(super) fn covering(&self, other: &Pattern) -> SmallVec<[usize; 4]> {
        // one without stars, and one below a suffix, has the pattern's text where it has its names
        self.found(other.as_str(), |pattern| pattern.covers(other))
    }

    /// The entries by the ends of a text, and those of whose other patterns one is it.
    fn found(&self, text: &str, is_it: impl Fn(&Pattern) -> bool) -> SmallVec<[usize; 4]> {
        let mut entries = SmallVec::new();
        let mut add = |found: Option<&Vec<u32>>| {
            if let Some(found) = found {
                entries.extend(found.iter().map(|&n| n as usize));
            }
        };
        if !self.exact.is_empty() {
            add(self.exact.get(text));
        }
        let nearest = text.len().saturating_sub(self.longest + 1);
        for (at, _) in text.bytes().enumerate().skip(nearest).filter(|&(_, byte)| byte == b'.') {
            let suffix = &text[at + 1..];
            let (word, bit) = place(suffix.len());
            if self.lengths[word] & bit != 0 {
                add(self.below.get(suffix));
            }
        }
        if self.starred.is_empty() && entries.len() < 2 {
            return entries;
        }
        entries.extend(self.starred.iter().filter(|(pattern, _)| is_it(pattern)).map(|(_, n)| *n as usize));
        entries.sort_unstable();
        entries.dedup();
        entries
    }
}

/// Where [`Index::lengths`] has a length.
fn place(length: usize) -> (usize, u64) {
    (length / 64 % 4, 1 << (length % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::policy::Allow;

    fn entry(names: &[&str]) -> Allow {
        Allow { names: names.iter().map(|name| Pattern::parse(name).unwrap()).collect(), ..Allow::default() }
    }

    #[test]
    fn the_index_finds_what_the_patterns_match() {
        let allow = [
            entry(&["*.example.com", "login.example.com"]),
            entry(&["login.example.com", "azgn-*.example.net"]),
            entry(&["*"]),
            entry(&["*.com", "a.*.example.org"]),
            entry(&["*.x*.example.com"]),
        ];
        let index = Index::new(allow.iter().map(|entry| &entry.names[..]));
        for name in [
            "login.example.com",
            "example.com",
            "a.b.example.com",
            "azgn-1.example.net",
            "com",
            "a.q.example.org",
            "q.x1.example.com",
            "a..com",
        ] {
            let name = Name::from_wire(name.as_bytes());
            let one_by_one: Vec<usize> = (0..allow.len()).filter(|&n| allow[n].covers_name(&name)).collect();
            assert_eq!(index.of(&name).to_vec(), one_by_one, "{name}");
        }
    }
}
