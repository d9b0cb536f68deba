//! What one policy allows and another does not, by what they say: names, addresses, ports, whatever entries they stand in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;

use super::covering::{Covering, Entry, permits_all};
use super::show;
use super::{Allow, Nets, Origin, Policy};
use crate::limits;

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// In which way.
    pub changed: Changed,
    /// What, in words.
    pub what: String,
    /// Where it stands, in the policy that says it.
    pub origin: Option<Origin>,
}

/// In which way something differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Changed {
    /// It was not allowed, and is.
    Allowed,
    /// It was allowed, and is not.
    Refused,
    /// It is set otherwise; whether more or less is allowed by it depends on the traffic.
    Otherwise,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{} ({origin})", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl Policy {
    /// What differs from here to another policy, which is taken for the newer one: what it allows, what it refuses, and what it sets otherwise.
    ///
    /// An entry is compared word by word and port by port: the same words in other entries are no difference, nor is a word that a wildcard of the
    /// other policy has. What several entries have only together is taken for different.
    #[must_use]
    pub fn changes_to(&self, newer: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (changed, back, older, newer) in
            [(Changed::Allowed, Changed::Refused, self, newer), (Changed::Refused, Changed::Allowed, newer, self)]
        {
            let known = Covering::new(older.allow.iter().map(Entry::from));
            for entry in &newer.allow {
                let is_known = |unit: &Entry<'_>| known.of(unit).is_some() || unit.is_private(older);
                changes.extend(
                    news(Entry::from(entry), is_known).map(|what| change(changed, format!("{what}{}", spoken(entry)), &entry.origin)),
                );
            }
            let denied = Covering::new(older.deny.entries().iter().map(Entry::from));
            for entry in newer.deny.entries() {
                let for_agents: String = entry.agents.iter().map(|agent| format!(", for {agent}")).collect();
                let news = news(Entry::from(entry), |unit| denied.of(unit).is_some());
                changes
                    .extend(news.map(|what| change(back, format!("denied: {what}{for_agents}{}", purpose(&entry.purpose)), &entry.origin)));
            }
            for entry in newer.inbound.iter().filter(|entry| !older.inbound.iter().any(|other| permits_all(other, entry))) {
                changes.push(change(changed, format!("inbound {}", show::inbound(entry)), &entry.origin));
            }
        }
        self.settings_to(newer, &mut changes);
        changes.sort_by_key(|change| change.changed);
        changes
    }

    /// Settings, severities and waivers that the one has and the other has not.
    fn settings_to(&self, newer: &Self, changes: &mut Vec<Change>) {
        let (old, new) = (self.all_settings(), newer.all_settings());
        let words: BTreeSet<&str> = old.keys().chain(new.keys()).map(|(word, _)| *word).collect();
        for word in words {
            let only = |these: &BTreeMap<(&'static str, String), String>, those: &BTreeMap<(&'static str, String), String>| {
                let own = these.iter().filter(|(key, _)| key.0 == word && !those.contains_key(*key));
                own.map(|((_, text), from)| format!("{text}{from}")).collect::<Vec<_>>()
            };
            let (gone, come) = (only(&old, &new), only(&new, &old));
            let what = match (gone.as_slice(), come.as_slice()) {
                ([], []) => continue,
                ([], come) => format!("{word}: now {}", come.join(", ")),
                (gone, []) => format!("{word}: no longer {}", gone.join(", ")),
                (gone, come) => format!("{word}: {} is now {}", gone.join(", "), come.join(", ")),
            };
            changes.push(Change { changed: Changed::Otherwise, what, origin: None });
        }
    }

    /// Everything but entries, in words, and where each stands.
    fn all_settings(&self) -> BTreeMap<(&'static str, String), String> {
        let settings = self.settings().into_iter().map(|setting| ((setting.word, setting.text), setting.from));
        let severities = self
            .severity
            .iter()
            .map(|(code, severity, origin)| (("severity", format!("{code} {}", severity.as_str())), format!(" ({origin})")));
        let waivers = self.waivers.iter().map(|waiver| (("waiver", show::waiver(waiver)), format!(" ({})", waiver.origin)));
        settings.chain(severities).chain(waivers).collect()
    }
}

fn change(changed: Changed, what: String, origin: &Origin) -> Change {
    Change { changed, what, origin: Some(origin.clone()) }
}

/// The words of an entry that are not known, with the ports at which they are not, a line for each set of ports.
fn news<'a>(entry: Entry<'a>, is_known: impl Fn(&Entry<'_>) -> bool) -> impl Iterator<Item = String> + 'a {
    let mut lines: BTreeMap<Vec<(u16, u16)>, Vec<String>> = BTreeMap::new();
    if !is_known(&entry) {
        let nets: Vec<Nets> = if entry.names.is_empty() { entry.cidrs.iter().map(|net| vec![*net].into()).collect() } else { Vec::new() };
        let by_name = entry.names.iter().map(|name| (Entry { names: std::slice::from_ref(name), ..entry }, name.to_string()));
        let by_net = nets.iter().zip(entry.cidrs.iter()).map(|(net, word)| (Entry { cidrs: net, ..entry }, word.to_string()));
        for (unit, word) in by_name.chain(by_net) {
            let at: Vec<&RangeInclusive<u16>> =
                entry.ports.iter().filter(|range| !is_known(&Entry { ports: std::slice::from_ref(range), ..unit })).collect();
            if !at.is_empty() || entry.ports.is_empty() && !is_known(&unit) {
                lines.entry(at.into_iter().map(|range| (*range.start(), *range.end())).collect()).or_default().push(word);
            }
        }
    }
    let cidrs = if entry.names.is_empty() || entry.cidrs.is_empty() { String::new() } else { format!(" at {}", some(entry.cidrs)) };
    let over = entry.transport.map(|transport| format!(", {transport} alone")).unwrap_or_default();
    lines.into_iter().map(move |(ports, words)| {
        let ports: Vec<RangeInclusive<u16>> = ports.into_iter().map(|(from, to)| from..=to).collect();
        let ports = if ports.is_empty() { String::new() } else { format!(", port {}", show::ports(&ports)) };
        format!("{}{cidrs}{ports}{over}", some(&words))
    })
}

/// The first few of a list, and how many more there are.
fn some<T: fmt::Display>(list: &[T]) -> String {
    let shown: Vec<String> = list.iter().take(limits::DIFF_WORDS).map(ToString::to_string).collect();
    let more = list.len().saturating_sub(limits::DIFF_WORDS);
    if more == 0 { shown.join(" ") } else { format!("{} and {more} more", shown.join(" ")) }
}

/// What may be spoken by an entry, for whom and when, and what it is for.
fn spoken(entry: &Allow) -> String {
    let protocols = if entry.protocols.is_empty() { String::new() } else { format!(", speaking {}", entry.protocols.join(" ")) };
    let plaintext = if entry.plaintext.is_empty() { String::new() } else { format!(", plaintext {}", entry.plaintext.join(" ")) };
    let paths = if entry.paths.is_empty() { String::new() } else { format!(", paths {}", entry.paths.join(" ")) };
    let when = entry.when.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{protocols}{plaintext}{paths}{when}{}", purpose(&entry.purpose))
}

fn purpose(purpose: &Option<String>) -> String {
    purpose.as_ref().map(|purpose| format!(": {purpose}")).unwrap_or_default()
}
