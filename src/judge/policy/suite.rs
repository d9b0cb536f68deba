//! Tests of a policy: what must come of captures, and of flows that are made up.

use serde::Deserialize;
use toml::Spanned;
use toml::de::DeTable;

use super::Agent;
use super::errors::{Mistake, Page, PolicyErrors};
use super::parse::{Words, check};
use super::shapes::{Key, Shape, TEXTS};
use super::variables::Variables;
use super::words::{Parsed, one_of, parse_agent, parse_moment, parse_text, rule_default};
use crate::fact::Timestamp;
use crate::judge::Verdict;
use crate::judge::rehearsal::MadeUp;

/// A file of tests.
#[derive(Debug)]
pub struct Suite {
    /// Policies under test: names of built-in ones, or paths from the file's own folder.
    pub policies: Vec<String>,
    /// Values for what they leave open.
    pub settings: Vec<(String, String)>,
    /// The agents; none: those that the policies name.
    pub agents: Vec<Agent>,
    /// In the order in which they are written.
    pub tests: Vec<Test>,
}

/// One test.
#[derive(Debug)]
pub struct Test {
    /// What it is called.
    pub name: String,
    /// The line that it begins at.
    pub line: usize,
    /// When its made-up flows begin.
    pub at: Timestamp,
    /// Captures, by paths from the file's own folder; or else [`Test::flows`].
    pub captures: Vec<String>,
    /// Made-up flows.
    pub flows: Vec<MadeUp>,
    /// What must come of them.
    pub verdict: Verdict,
    /// The rules that are violated or undetermined, in order, where that is tested.
    pub rules: Option<Vec<String>>,
}

const SUITE: &[Key] = &[
    ("policy", TEXTS, "The policies under test: built-in names, or paths from this file's folder"),
    ("set", Shape::Named(&Shape::Text), "Values of their variables"),
    ("agents", TEXTS, "The agents, where the policies name none"),
    ("at", Shape::Day, "When made-up flows begin"),
    (
        "test",
        Shape::Entries(&[
            ("name", Shape::Text, "What it is called"),
            ("at", Shape::Day, "When its flows begin"),
            ("captures", TEXTS, "Captures, by paths from this file's folder"),
            ("flows", TEXTS, "Made-up flows, a line each"),
            ("verdict", Shape::Word(|| vec!["pass", "fail", "inconclusive"]), "What must come of it"),
            ("rules", TEXTS, "The rules that are violated or undetermined, all of them"),
        ]),
        "One test",
    ),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SuiteTable {
    policy: Words,
    #[serde(default)]
    set: std::collections::BTreeMap<String, String>,
    agents: Words,
    at: Option<Spanned<toml::value::Datetime>>,
    #[serde(default)]
    test: Vec<Spanned<TestTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestTable {
    name: Option<Spanned<String>>,
    at: Option<Spanned<toml::value::Datetime>>,
    captures: Words,
    flows: Words,
    verdict: Option<Spanned<String>>,
    rules: Words,
}

impl Suite {
    /// Reads a file, which is called `label`; `protocols` are the names of those that are known.
    ///
    /// # Errors
    /// Every mistake that was found, each at its place.
    pub fn parse(label: &str, text: &str, protocols: &[&'static str]) -> Result<Self, PolicyErrors> {
        let page = Page::new(label, text, 0);
        let mut reading = Reading { page: &page, protocols, mistakes: Vec::new() };
        let suite = reading.suite(text);
        match suite {
            Some(suite) if reading.mistakes.is_empty() => Ok(suite),
            _ => Err(PolicyErrors::new(reading.mistakes)),
        }
    }
}

struct Reading<'a> {
    page: &'a Page,
    protocols: &'a [&'static str],
    mistakes: Vec<Mistake>,
}

impl Reading<'_> {
    fn suite(&mut self, text: &str) -> Option<Suite> {
        let (mut document, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            self.mistakes.extend(errors.iter().map(|error| Mistake::of_toml(self.page, error)));
            return None;
        }
        check(self.page, &Variables::default(), SUITE, document.get_mut(), &mut self.mistakes);
        let table = match SuiteTable::deserialize(toml::de::Deserializer::from(document)) {
            Ok(table) => table,
            Err(error) => {
                self.mistakes.push(Mistake::of_toml(self.page, &error));
                return None;
            }
        };
        // noon of a day that no policy of today can have forgotten
        let at = table.at.as_ref().and_then(|at| self.moment(at)).unwrap_or_else(|| Timestamp::from_date(2026, 1, 1).plus_nanos(NOON));
        if table.test.is_empty() {
            self.mistakes.push(Mistake::at(self.page, 0..0, "a file without tests".to_owned(), Some("begin one with [[test]]".to_owned())));
        }
        Some(Suite {
            policies: self.words(&table.policy, |word| Ok(word.to_owned())),
            settings: table.set.into_iter().collect(),
            agents: self.words(&table.agents, parse_agent),
            tests: table.test.iter().filter_map(|test| self.test(test, at)).collect(),
        })
    }

    fn test(&mut self, test: &Spanned<TestTable>, at: Timestamp) -> Option<Test> {
        let table = test.get_ref();
        let line = self.page.origin(&test.span()).line;
        let at = table.at.as_ref().and_then(|at| self.moment(at)).unwrap_or(at);
        let captures = self.words(&table.captures, |word| Ok(word.to_owned()));
        let flows = self.flows(&table.flows);
        match (&table.captures, &table.flows) {
            (Some(_), None) | (None, Some(_)) => {}
            (None, None) => self.blame(test.span(), "a test of nothing", "give it captures = [...], or flows = [...]"),
            (Some(_), Some(flows)) => self.blame(flows.span(), "a test of captures and of flows", "make two tests of it"),
        }
        for list in [&table.captures, &table.flows].into_iter().flatten().filter(|list| list.get_ref().is_empty()) {
            self.blame(list.span(), "an empty list", "name at least one");
        }
        let verdicts = [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive].map(|verdict| (verdict.as_str(), verdict));
        let verdict = match &table.verdict {
            Some(word) => self.take(word, one_of(word.get_ref(), &verdicts)),
            None => {
                self.blame(test.span(), "a test without a verdict", "say what must come of it: verdict = \"pass\"");
                None
            }
        };
        let code = |word: &str| rule_default(word).map(|_| word.to_ascii_uppercase());
        let rules = table.rules.as_ref().map(|_| {
            let mut rules = self.words(&table.rules, code);
            rules.sort_unstable();
            rules.dedup();
            rules
        });
        let name = match &table.name {
            Some(name) => self.take(name, parse_text(name.get_ref())),
            None => Some(format!("line {line}")),
        };
        Some(Test { name: name?, line, at, captures, flows, verdict: verdict?, rules })
    }

    fn flows(&mut self, lines: &Words) -> Vec<MadeUp> {
        let mut flows = Vec::new();
        for line in lines.as_ref().map(Spanned::get_ref).into_iter().flatten() {
            match MadeUp::parse(line.get_ref(), self.protocols) {
                Ok(flow) => flows.push(flow),
                Err(wrong) => {
                    // behind the quote: a flow has nothing that TOML would write otherwise
                    let start = line.span().start + 1;
                    let at = start + wrong.at.start..start + wrong.at.end;
                    let at = if at.end < line.span().end { at } else { line.span() };
                    self.mistakes.push(Mistake::at(self.page, at, wrong.message, wrong.help));
                }
            }
        }
        flows
    }

    fn moment(&mut self, at: &Spanned<toml::value::Datetime>) -> Option<Timestamp> {
        let moment = parse_moment(at.get_ref());
        if moment.is_none() {
            self.blame(at.span(), "a time without a day", "write 2026-11-24T14:00:00Z");
        }
        moment
    }

    fn words<T>(&mut self, words: &Words, parse: impl Fn(&str) -> Parsed<T>) -> Vec<T> {
        let words = words.as_ref().map(Spanned::get_ref).into_iter().flatten();
        words.filter_map(|word| self.take(word, parse(word.get_ref()))).collect()
    }

    fn take<T>(&mut self, word: &Spanned<String>, parsed: Parsed<T>) -> Option<T> {
        parsed.map_err(|(message, help)| self.mistakes.push(Mistake::at(self.page, word.span(), message, help))).ok()
    }

    fn blame(&mut self, span: std::ops::Range<usize>, message: &str, help: &str) {
        self.mistakes.push(Mistake::at(self.page, span, message.to_owned(), Some(help.to_owned())));
    }
}

const NOON: i64 = 12 * 3600 * 1_000_000_000;
