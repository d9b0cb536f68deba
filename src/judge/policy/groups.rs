//! Lists that have a name: `[groups] web = [...]`, and `"@web"` wherever a list takes words.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;

use super::errors::{Mistake, Page, nearest};
use crate::limits;

/// The words of a `[groups]` table, by name.
pub(super) type Table = BTreeMap<Spanned<String>, Spanned<Vec<Spanned<String>>>>;

/// The groups that a file may use: its own, and those of what it extends. Each holds plain words, those of other groups among them.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups(BTreeMap<String, Arc<[String]>>);

impl Groups {
    /// Adds those of another file that is extended too; what both have must be the same.
    pub fn unite(&mut self, other: &Self, page: &Page, span: &Range<usize>, mistakes: &mut Vec<Mistake>) {
        for (name, words) in &other.0 {
            match self.0.get(name) {
                Some(known) if known != words => {
                    let message = format!("the group `{}` is another here than in a policy before it", name.escape_debug());
                    let help = format!("define it here: [groups] {} = [...]", name.escape_debug());
                    mistakes.push(Mistake::at(page, span.clone(), message, Some(help)));
                }
                Some(_) => {}
                None => _ = self.0.insert(name.clone(), Arc::clone(words)),
            }
        }
    }

    /// Adds a file's own, which hold over those of what it extends.
    pub fn define(&mut self, table: &Table, page: &Page, mistakes: &mut Vec<Mistake>) {
        let inherited = self.clone();
        let mut defining = Defining { table, inherited: &inherited, page, mistakes, done: BTreeMap::new(), room: limits::GROUP_WORDS };
        for (name, words) in table {
            defining.resolve(name.get_ref(), words, &mut Vec::new());
        }
        self.0.extend(defining.done);
    }

    /// The words of a group.
    ///
    /// # Errors
    /// That there is none, and how that is mended.
    pub fn words(&self, name: &str) -> Result<Arc<[String]>, (String, Option<String>)> {
        self.0.get(name).cloned().ok_or_else(|| {
            let near = nearest(name, self.0.keys().map(String::as_str)).map(|near| format!("did you mean `@{near}`?"));
            let define = || format!("define it: [groups] {} = [...]", name.escape_debug());
            (format!("there is no group `{}`", name.escape_debug()), Some(near.unwrap_or_else(define)))
        })
    }
}

/// A table of groups while their words are gathered, each group's once.
struct Defining<'a> {
    table: &'a Table,
    inherited: &'a Groups,
    page: &'a Page,
    mistakes: &'a mut Vec<Mistake>,
    done: BTreeMap<String, Arc<[String]>>,
    /// Words that all of them may still have.
    room: usize,
}

impl<'a> Defining<'a> {
    /// The words of a group; `open` are those that hold it, each within the one before it.
    fn resolve(&mut self, name: &'a str, words: &'a Spanned<Vec<Spanned<String>>>, open: &mut Vec<&'a str>) -> Arc<[String]> {
        if let Some(done) = self.done.get(name) {
            return Arc::clone(done);
        }
        if words.get_ref().is_empty() {
            self.blame(
                words.span(),
                format!("the group `{}` is empty", name.escape_debug()),
                Some("give it words, or take it out".to_owned()),
            );
        }
        open.push(name);
        let mut all = Vec::new();
        for word in words.get_ref() {
            let Some(inner) = word.get_ref().strip_prefix('@') else {
                self.add(std::slice::from_ref(word.get_ref()), word.span(), &mut all);
                continue;
            };
            let table = self.table;
            let held = match table.iter().find(|(known, _)| known.get_ref() == inner) {
                Some((known, _)) if open.contains(&known.get_ref().as_str()) => {
                    Err((format!("the group holds itself by way of `@{}`", inner.escape_debug()), Some("take it out".to_owned())))
                }
                Some(_) if open.len() >= limits::POLICY_DEPTH => Err(("groups hold each other too deep".to_owned(), None)),
                Some((known, words)) => Ok(self.resolve(known.get_ref(), words, open)),
                None => self.inherited.words(inner),
            };
            match held {
                Ok(held) => self.add(&held, word.span(), &mut all),
                Err((message, help)) => self.blame(word.span(), message, help),
            }
        }
        open.pop();
        let all: Arc<[String]> = all.into();
        self.done.insert(name.to_owned(), Arc::clone(&all));
        all
    }

    fn add(&mut self, words: &[String], span: Range<usize>, all: &mut Vec<String>) {
        match self.room.checked_sub(words.len()) {
            Some(room) => {
                self.room = room;
                all.extend_from_slice(words);
            }
            None => self.blame(span, format!("groups with more than {} words together", limits::GROUP_WORDS), None),
        }
    }

    fn blame(&mut self, span: Range<usize>, message: String, help: Option<String>) {
        self.mistakes.push(Mistake::at(self.page, span, message, help));
    }
}
