//! What is doubtful in a policy and no mistake: words that change nothing, and words that allow more than they seem to.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use toml::Spanned;

use super::covering::{Covering, Entry, permits_all};
use super::errors::{Mistake, Page, Place};
use super::parse::Words;
use super::variables::Variables;
use super::{Agent, Inbound, Origin, Pattern, Policy, When};
use crate::judge::{Severity, domain};

/// Domains below which providers hand names to whoever asks: a wildcard over one allows all their customers.
const RENTED: &[&str] = &[
    "akamaized.net",
    "amazonaws.com",
    "appspot.com",
    "awsapprunner.com",
    "azureedge.net",
    "azurefd.net",
    "azurestaticapps.net",
    "azurewebsites.net",
    "backblazeb2.com",
    "blob.core.windows.net",
    "blogspot.com",
    "cloudapp.azure.com",
    "cloudapp.net",
    "cloudfront.net",
    "cloudfunctions.net",
    "core.windows.net",
    "digitaloceanspaces.com",
    "elasticbeanstalk.com",
    "fastly.net",
    "firebaseapp.com",
    "fly.dev",
    "github.io",
    "githubusercontent.com",
    "gitlab.io",
    "herokuapp.com",
    "netlify.app",
    "ngrok-free.app",
    "ngrok.io",
    "onrender.com",
    "pages.dev",
    "r2.dev",
    "run.app",
    "s3.amazonaws.com",
    "storage.googleapis.com",
    "trafficmanager.net",
    "vercel.app",
    "web.app",
    "web.core.windows.net",
    "windows.net",
    "workers.dev",
];

/// Domains that nobody registers (RFC 6761, RFC 6762, and ICANN's reservation of `internal`): a network's own.
const OWN: &[&str] = &["corp", "example", "home", "internal", "invalid", "lan", "local", "localhost", "test"];

/// Groups and variables, as files declare them.
#[derive(Debug, Default)]
pub(super) struct Declared {
    pages: Vec<Page>,
    groups: Vec<(String, Place)>,
    /// Those that no file which it extends has too: those get its value.
    variables: Vec<(String, Place)>,
}

impl Declared {
    /// Takes in what a file declares; `inherited` are the variables of what it extends.
    pub fn file<'g>(
        &mut self,
        page: &Page,
        groups: impl Iterator<Item = &'g Spanned<String>>,
        variables: &Variables,
        inherited: &BTreeSet<String>,
    ) {
        self.groups.extend(groups.map(|name| (name.get_ref().clone(), page.place(name.span()))));
        let own = variables.places().iter().filter(|(name, _)| !inherited.contains(name));
        self.variables.extend(own.map(|(name, span)| (name.clone(), page.place(span.clone()))));
        self.pages.push(page.clone());
    }

    fn unused(&self, doubts: &mut Vec<Mistake>) {
        let is_said = |words: &[String]| self.pages.iter().any(|page| words.iter().any(|word| page.text().contains(word)));
        for (name, place) in &self.groups {
            if !is_said(&[format!("\"@{name}\""), format!("'@{name}'")]) {
                let message = format!("no list has the group `{}`", name.escape_debug());
                doubts.push(place.clone().doubt(message, "write it as \"@...\" where it is meant, or take it out"));
            }
        }
        for (name, place) in &self.variables {
            if !is_said(&[format!("${{{name}}}")]) {
                let message = format!("no string has the variable `{}`", name.escape_debug());
                doubts.push(place.clone().doubt(message, "write it as ${...} where it is meant, or take it out"));
            }
        }
    }
}

/// What is doubtful in the names of an entry that allows them.
pub(super) fn names(doubts: &mut Vec<Mistake>, page: &Page, words: &Words, has_addresses: bool) {
    let own = words.iter().flat_map(Spanned::get_ref).filter_map(|word| Some((word, Pattern::parse(word.get_ref()).ok()?)));
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut doubt = |word: &Spanned<String>, message: String, help: &str| doubts.push(page.place(word.span()).doubt(message, help));
    for (word, pattern) in own.clone() {
        let text = pattern.to_string();
        *known.entry(text.clone()).or_default() += 1;
        if known.get(&text) > Some(&1) {
            doubt(word, format!("`{text}` stands in this list twice"), "take one out");
        }
        let help = "name the domains that are meant";
        if text == "*" && !has_addresses {
            doubt(word, "`*` allows every name there is".to_owned(), help);
        }
        // what stands behind a wildcard label and a dot
        let Some(below) = text.rsplit_once("*.").or(text.rsplit_once("+.")).map(|(_, below)| below) else { continue };
        if domain::is_suffix(below) && !OWN.contains(&below) {
            doubt(word, format!("anybody can register a name below `{below}`"), help);
        } else if RENTED.contains(&below) && text.len() == below.len() + "*.".len() {
            doubt(word, format!("a provider hands out names below `{below}` to whoever asks"), help);
        }
    }
    for (word, pattern) in own {
        let text = pattern.to_string();
        let wider =
            text.match_indices('.').map(|(at, _)| format!("*{}", &text[at..])).find(|wider| *wider != text && known.contains_key(wider));
        if let Some(wider) = wider {
            doubt(word, format!("`{wider}` in this list has `{text}` too"), "take one out");
        }
    }
}

/// What an entry permits in the clear and does not permit to be spoken.
pub(super) fn plaintext(doubts: &mut Vec<Mistake>, page: &Page, plaintext: &Words, protocols: &Words) {
    let Some(protocols) = protocols.as_ref().filter(|protocols| protocols.get_ref().iter().all(|word| !word.get_ref().starts_with('@')))
    else {
        return;
    };
    let is_spoken = |word: &str| protocols.get_ref().iter().any(|other| other.get_ref() == word);
    for word in plaintext.iter().flat_map(Spanned::get_ref).filter(|word| !word.get_ref().starts_with('@') && !is_spoken(word.get_ref())) {
        let message = format!("`{}` may go in the clear here, and may not be spoken here", word.get_ref().escape_debug());
        doubts.push(page.place(word.span()).doubt(message, "add it to protocols, or take it out of plaintext"));
    }
}

/// What is doubtful in policies together; `doubts` are those about single words.
pub(super) fn of(policy: &Policy, places: &BTreeMap<Origin, Place>, declared: &Declared, mut doubts: Vec<Mistake>) -> Vec<Mistake> {
    declared.unused(&mut doubts);
    let mut doubt = |origin: &Origin, message: String, help: &str| {
        doubts.extend(places.get(origin).map(|place| place.clone().doubt(message, help)));
    };
    let allowing = Covering::new(policy.allow.iter().map(Entry::from));
    let denying = Covering::new(policy.deny.entries().iter().map(Entry::from));
    for (n, entry) in policy.allow.iter().enumerate() {
        if let Some(denied) = denying.denying(&entry.into()) {
            doubt(&entry.origin, format!("it allows nothing: {} denies all of it", denied.origin), "take one of the two out");
        } else if let Some(wider) = allowing.other_than(n) {
            doubt(&entry.origin, format!("{} allows all of this already", wider.origin), "take it out, or say what it is to add");
        } else if Entry::from(entry).is_private(policy) {
            let help = "take it out, or say what it is to add";
            doubt(&entry.origin, "destinations.private allows all of this already".to_owned(), help);
        }
        if entry.when.as_ref().is_some_and(|when| is_for_nobody(when, policy)) {
            doubt(&entry.origin, "none of its agents is an agent of the policy".to_owned(), "name one of them, or leave agents out");
        }
    }
    for (n, entry) in policy.deny.entries().iter().enumerate() {
        if let Some(wider) = denying.other_than(n) {
            doubt(&entry.origin, format!("{} denies all of this already", wider.origin), "take it out");
        }
    }
    for (n, entry) in policy.inbound.iter().enumerate() {
        let is_wider = |m: usize, other: &Inbound| m != n && permits_all(other, entry) && (m < n || !permits_all(entry, other));
        if let Some((_, wider)) = policy.inbound.iter().enumerate().find(|(m, other)| is_wider(*m, other)) {
            doubt(&entry.origin, format!("{} permits all of this already", wider.origin), "take it out");
        }
    }
    for waiver in &policy.waivers {
        let lowered = |(code, severity, _): &&(String, Severity, Origin)| *code == waiver.rule && *severity == Severity::Notice;
        if let Some((_, _, origin)) = policy.severity.iter().find(lowered) {
            let message = format!("it waives nothing: {} is a notice by {origin}", waiver.rule);
            doubt(&waiver.origin, message, "take one of the two out");
        }
    }
    doubts
}

/// Whether none of those whom an entry is for can be one of the policy's agents.
fn is_for_nobody(when: &When, policy: &Policy) -> bool {
    let is_one = |agent: &Agent| match agent {
        Agent::Net(net) => when.agents.iter().any(|other| other.contains(net) || net.contains(other)),
        // whose addresses are not known
        Agent::Mac(_) => true,
    };
    !when.agents.is_empty() && !policy.agents.is_empty() && !policy.agents.iter().any(is_one)
}
