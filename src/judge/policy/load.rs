//! Finds policies, follows what they extend, and unites them.
//!
//! - A **selector** is the name of a built-in policy; or else the path of a file. `./baseline` is a file, `baseline` never.
//! - What a file **extends** is a built-in policy, or a file beside it.
//! - **Lists** unite over all policies; one that several extend counts once.
//! - A **scalar** that a policy sets holds over what it extends. Two policies of equal rank, named by the user or extended by one file,
//!   must agree on what is in force in each, in whatever order they are named; otherwise that is an error.
//! - Files are read by the caller: the judge has no access to any.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;

use super::compile::Compiling;
use super::draft::{Lists, Scalars};
use super::errors::{Mistake, Page, PolicyErrors, nearest};
use super::groups::Groups;
use super::roots::{RootsFile, sha256};
use super::variables::{Values, Variables};
use super::warnings::{self, Declared};
use super::words::parse_text;
use super::{Policy, parse, profiles};
use crate::judge::PolicyUsed;
use crate::limits;

/// What the words of a policy may be. The rules are the judge's own.
pub struct Known<'a> {
    /// Names of protocols, for `plaintext` and `protocols`.
    pub protocols: &'a [&'a str],
}

impl Policy {
    /// Loads and unites policies: names of built-in ones, or paths of files, which `read` reads. None: the built-in `baseline`.
    ///
    /// # Errors
    /// Every mistake that was found, each at its place.
    pub fn load(selectors: &[String], known: &Known<'_>, read: &dyn Fn(&str) -> std::io::Result<String>) -> Result<Self, PolicyErrors> {
        Self::load_with(selectors, &[], known, read)
    }

    /// The same, with values for variables that policies leave open.
    ///
    /// # Errors
    /// Every mistake that was found, each at its place; a value for a variable that no policy has is one.
    pub fn load_with(
        selectors: &[String],
        settings: &[(String, String)],
        known: &Known<'_>,
        read: &dyn Fn(&str) -> std::io::Result<String>,
    ) -> Result<Self, PolicyErrors> {
        let (united, loader) = Loader::run(selectors, settings, known, read)?;
        Ok(united.policy(loader.lists, loader.used))
    }

    /// The same, with what is doubtful in the files and no mistake: words that change nothing, and those that allow more than they seem to.
    ///
    /// # Errors
    /// As [`Policy::load_with`].
    pub fn check(
        selectors: &[String],
        settings: &[(String, String)],
        known: &Known<'_>,
        read: &dyn Fn(&str) -> std::io::Result<String>,
    ) -> Result<(Self, PolicyErrors), PolicyErrors> {
        let (united, mut loader) = Loader::run(selectors, settings, known, read)?;
        let (places, doubts) = (std::mem::take(&mut loader.lists.places), std::mem::take(&mut loader.lists.doubts));
        let policy = united.policy(loader.lists, loader.used);
        // what is built in is mended where it is built, unless it is all that was asked about
        let is_asked = |page: &Page| profiles::text(&page.label).is_none() || selectors.contains(&page.label);
        let doubts = warnings::of(&policy, &places, &loader.declared, doubts);
        let doubts = doubts.into_iter().filter(|doubt| doubt.page().is_none_or(is_asked)).collect();
        Ok((policy, PolicyErrors::new(doubts)))
    }
}

struct Loader<'a> {
    known: &'a Known<'a>,
    read: &'a dyn Fn(&str) -> std::io::Result<String>,
    mistakes: Vec<Mistake>,
    lists: Lists,
    used: Vec<PolicyUsed>,
    /// Policies that were read, by selector, the values of their variables, and what is in force in each.
    done: Vec<Done>,
    /// Those that are being read, each extended by the one before it.
    open: Vec<String>,
    /// The groups and variables that files declare.
    declared: Declared,
}

/// A policy that was read.
struct Done {
    selector: String,
    /// What held over the values of its variables.
    outer: Values,
    in_force: InForce,
}

/// What is in force in a policy, by itself and by what it extends.
#[derive(Clone, Default)]
struct InForce {
    scalars: Scalars,
    groups: Groups,
    /// The variables that it and what it extends declare.
    variables: BTreeSet<String>,
}

/// Where a policy is extended.
type From<'a> = Option<(&'a Page, Range<usize>)>;

impl<'a> Loader<'a> {
    /// Reads all policies, or says what is wrong with them. What is in force in them together is the first of the two.
    fn run(
        selectors: &[String],
        settings: &[(String, String)],
        known: &'a Known<'a>,
        read: &'a dyn Fn(&str) -> std::io::Result<String>,
    ) -> Result<(Scalars, Self), PolicyErrors> {
        let baseline = ["baseline".to_owned()];
        let selectors = if selectors.is_empty() { &baseline[..] } else { selectors };
        let (mistakes, lists, used) = (Vec::new(), Lists::default(), Vec::new());
        let (done, open, declared) = (Vec::new(), Vec::new(), Declared::default());
        let mut loader = Self { known, read, mistakes, lists, used, done, open, declared };
        let outer: Values = settings.iter().cloned().collect();
        let mut united = Scalars::default();
        for selector in selectors {
            let in_force = loader.load(&key(selector), &outer, None);
            united = united.unite(in_force.scalars, &mut loader.mistakes);
        }
        loader.blame_settings(settings);
        if loader.mistakes.is_empty() { Ok((united, loader)) } else { Err(PolicyErrors::new(loader.mistakes)) }
    }

    /// What is in force in a policy, by itself and by what it extends; `outer` holds over the values of its variables.
    fn load(&mut self, selector: &str, outer: &Values, from: From<'_>) -> InForce {
        // two files may extend one with values of their own
        let is_same =
            |done: &&Done| done.selector == selector && done.in_force.variables.iter().all(|name| done.outer.get(name) == outer.get(name));
        if let Some(done) = self.done.iter().find(is_same) {
            return done.in_force.clone();
        }
        let text = match self.find(selector) {
            Ok(text) => text,
            Err((message, help)) => {
                self.blame(selector, from, &message, help);
                return InForce::default();
            }
        };
        let order = self.done.len() + self.open.len();
        let page = Page::new(selector, &text, order);
        let parsed = parse::parse(&page, &text, outer, &mut self.mistakes);
        let in_force = parsed.map(|(file, variables)| self.compile(selector, &text, page, &file, (&variables, outer))).unwrap_or_default();
        self.done.push(Done { selector: selector.to_owned(), outer: outer.clone(), in_force: in_force.clone() });
        in_force
    }

    fn compile(
        &mut self,
        selector: &str,
        text: &str,
        page: Page,
        file: &parse::File,
        (variables, outer): (&Variables, &Values),
    ) -> InForce {
        let name = match &file.name {
            Some(name) => match parse_text(name.get_ref()) {
                Ok(name) if !name.trim().is_empty() => name,
                Ok(_) => {
                    self.mistakes.push(Mistake::at(&page, name.span(), "a policy without a name".to_owned(), None));
                    String::new()
                }
                Err((message, help)) => {
                    self.mistakes.push(Mistake::at(&page, name.span(), message, help));
                    String::new()
                }
            },
            None => stem(selector),
        };
        let page = page.named(&name);
        self.open.push(selector.to_owned());
        // what holds over this file holds over what it extends too
        let inner = variables.values().iter().chain(outer).map(|(name, value)| (name.clone(), value.clone())).collect();
        let mut inherited = BTreeSet::new();
        let mut extended = Vec::new();
        let mut groups = Groups::default();
        for selected in file.extends.iter().flat_map(|list| list.get_ref()) {
            let path = beside(selector, selected.get_ref());
            let in_force = self.load(&path, &inner, Some((&page, selected.span())));
            groups.unite(&in_force.groups, &page, &selected.span(), &mut self.mistakes);
            inherited.extend(in_force.variables);
            extended.push(in_force.scalars);
        }
        groups.define(&file.groups, &page, &mut self.mistakes);
        self.open.pop();
        self.used.push(PolicyUsed { name, sha256: sha256(text), variables: variables.values().clone() });
        if let Some(path) = &file.tls.roots {
            self.roots(selector, &page, path);
        }
        self.declared.file(&page, file.groups.keys(), variables, &inherited);
        let compiling = Compiling { known: self.known, page: &page, groups: &groups, mistakes: &mut self.mistakes, doubts: Vec::new() };
        let own = compiling.file(file, &mut self.lists);
        // what the file sets itself is settled, whatever those that it extends say of it
        let open = extended.into_iter().map(|scalars| scalars.without(&own));
        let base = open.reduce(|base, other| base.unite(other, &mut self.mistakes)).unwrap_or_default();
        inherited.extend(variables.values().keys().cloned());
        InForce { scalars: own.over(base), groups, variables: inherited }
    }

    /// A value for a variable that no policy has would change nothing, and be taken to have.
    fn blame_settings(&mut self, settings: &[(String, String)]) {
        let declared: BTreeSet<&str> = self.done.iter().flat_map(|done| &done.in_force.variables).map(String::as_str).collect();
        for (n, (name, _)) in settings.iter().enumerate() {
            let label = format!("--set {name}");
            if !declared.contains(name.as_str()) {
                let near = nearest(name, declared.iter().copied()).map(|near| format!("did you mean `{near}`?"));
                let names: Vec<&str> = declared.iter().copied().collect();
                let listed = || match names.as_slice() {
                    [] => "no policy here has variables".to_owned(),
                    names => format!("the variables here are {}", names.join(", ")),
                };
                let message = Mistake::of(&label, "no policy has this variable", Some(near.unwrap_or_else(listed)));
                self.mistakes.push(message);
            } else if settings.iter().skip(n + 1).any(|(other, _)| other == name) {
                self.mistakes.push(Mistake::of(&label, "the variable is set twice", Some("set it once".to_owned())));
            }
        }
    }

    /// The roots that a policy gives, in a file beside it.
    fn roots(&mut self, selector: &str, page: &Page, path: &Spanned<String>) {
        let mut room = limits::ROOTS;
        room -= self.lists.roots.iter().map(|file| file.certificates.len()).sum::<usize>().min(room);
        let read = (self.read)(&beside(selector, path.get_ref())).map_err(|error| {
            (format!("the file of roots cannot be read: {error}"), "check the path, which begins at the policy's own folder".to_owned())
        });
        match read.and_then(|text| RootsFile::read(path.get_ref(), &text, page.origin(&path.span()), room)) {
            Ok(file) => {
                // the verdict rests on its bytes as it does on the policy's
                self.used.push(PolicyUsed { name: file.path.clone(), sha256: file.sha256.clone(), variables: Values::new() });
                self.lists.roots.push(file);
            }
            Err((message, help)) => self.mistakes.push(Mistake::at(page, path.span(), message, Some(help))),
        }
    }

    /// The text of a policy, or why it has none and how that is mended.
    fn find(&self, selector: &str) -> Result<String, (String, Option<String>)> {
        if self.open.iter().any(|open| open == selector) {
            let chain = self.open.join(", ");
            return Err((format!("extends itself by way of {chain}"), Some("take it out of one of the lists".to_owned())));
        }
        if self.open.len() >= limits::POLICY_DEPTH || self.done.len() >= limits::POLICIES {
            let bounds = format!("{} deep and {} in all", limits::POLICY_DEPTH, limits::POLICIES);
            return Err(("too many policies extend each other".to_owned(), Some(format!("at most {bounds}; does one extend itself?"))));
        }
        if let Some(text) = profiles::text(selector) {
            return Ok(text.to_owned());
        }
        (self.read)(selector).map_err(|error| {
            let names: Vec<&str> = profiles::names().collect();
            if is_path(selector) {
                // what is extended is looked for beside the file that extends it
                let word = selector.rsplit(['/', '\\']).next().unwrap_or_default();
                let is_missing = error.kind() == std::io::ErrorKind::NotFound;
                let near = nearest(word, names.iter().copied()).filter(|_| is_missing);
                let help = near
                    .map_or("check the path and its permissions".to_owned(), |near| format!("did you mean `{near}`, which is built in?"));
                return (format!("cannot be read: {error}"), Some(help));
            }
            let near = nearest(selector, names.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            let listed = || format!("built in are {}; a file is named by its path", names.join(", "));
            let message = match error.kind() {
                std::io::ErrorKind::NotFound => "is neither a built-in policy nor a file".to_owned(),
                _ => format!("is no built-in policy, and as a file it cannot be read: {error}"),
            };
            (message, Some(near.unwrap_or_else(listed)))
        })
    }

    /// A policy that cannot be had is blamed on the list that names it, or on the command line.
    fn blame(&mut self, selector: &str, from: From<'_>, message: &str, help: Option<String>) {
        let whole = Mistake::of(selector, message, help);
        self.mistakes.push(match from {
            Some((page, span)) => whole.moved_to(page.place(span)),
            None => whole,
        });
    }
}

fn is_path(selector: &str) -> bool {
    selector.contains('/') || selector.ends_with(".toml")
}

/// A file that another names is looked for beside it.
fn beside(of: &str, selector: &str) -> String {
    match of.rsplit_once('/') {
        Some((folder, _)) if profiles::text(selector).is_none() && !selector.starts_with('/') => key(&format!("{folder}/{selector}")),
        _ => key(selector),
    }
}

/// What a policy is known by: the name of a built-in one, or a path without `.` and doubled slashes, so that a file has one name. `..`
/// stays: behind a link it does not lead back.
fn key(selector: &str) -> String {
    if profiles::text(selector).is_some() {
        return selector.to_owned();
    }
    let steps: Vec<&str> = selector.split('/').filter(|step| !step.is_empty() && *step != ".").collect();
    let path = steps.join("/");
    match path.as_str() {
        "" => selector.to_owned(),
        _ if selector.starts_with('/') => format!("/{path}"),
        _ if profiles::text(&path).is_some() => format!("./{path}"),
        _ => path,
    }
}

/// What a file without a name is called: the file's, without its folder, which differs from machine to machine.
fn stem(selector: &str) -> String {
    let file = selector.rsplit('/').next().unwrap_or(selector);
    let stem = file.strip_suffix(".toml").filter(|stem| !stem.is_empty()).unwrap_or(file);
    stem.escape_debug().to_string()
}
