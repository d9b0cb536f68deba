//! Lists that others publish, as policies: ranges and tags of clouds, endpoints of services, plain lists, network policies of clusters.
//!
//! Nothing is fetched: a file goes in and the text of a policy comes out, which says at every entry what it was made from. A kind of list is one
//! file here and a line in [`KINDS`].

mod azure;
mod clouds;
mod github;
mod kubernetes;
mod lists;
mod microsoft365;

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use ipnet::IpNet;
use sha2::{Digest, Sha256};

use super::errors::nearest;
use super::words::{is_unseen, parse_net};
use crate::fact::Transport;

/// Every kind of list that is read.
pub static KINDS: &[&Kind] = &[
    &azure::SERVICE_TAGS,
    &microsoft365::ENDPOINTS,
    &clouds::AWS,
    &clouds::GOOGLE,
    &clouds::DATADOG,
    &github::META,
    &lists::LIST,
    &lists::HOSTS,
    &lists::SURICATA,
    &kubernetes::KUBERNETES,
    &kubernetes::CILIUM,
];

/// A kind of list.
pub struct Kind {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is, and where it is published.
    pub reads: &'static str,
    /// What an entry of it does not say, for the head of the policy.
    pub caution: &'static str,
    /// Reads one; the text of an error names the place.
    read: fn(text: &str) -> Result<List, String>,
}

/// What of a list is wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only the parts with these names: tags, services, areas. Empty: all.
    pub only: Vec<String>,
    /// Only the parts of these regions. Empty: all.
    pub regions: Vec<String>,
    /// Ports, where the list has none of its own. Empty: any.
    pub ports: Vec<RangeInclusive<u16>>,
    /// The policy's name; the kind's where there is none.
    pub name: Option<String>,
}

/// A list as it was read.
#[derive(Debug, Default)]
struct List {
    /// Its version in the publisher's words: a change number, a token.
    version: String,
    /// The day that it is of, where it says so: `2026-07-13`.
    dated: Option<String>,
    parts: Vec<Part>,
    /// What it says that a policy cannot.
    left_out: Vec<String>,
}

/// What becomes of a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Use {
    #[default]
    Allow,
    Deny,
    Inbound,
}

/// What becomes one entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Part {
    used: Use,
    /// What [`Wanted::only`] asks for.
    name: String,
    /// What [`Wanted::regions`] asks for; empty: of none.
    region: String,
    /// What more is known of where it comes from.
    source: String,
    names: Vec<String>,
    cidrs: Vec<IpNet>,
    ports: Vec<RangeInclusive<u16>>,
    transport: Option<Transport>,
}

impl Part {
    fn says_something(&self) -> bool {
        !self.names.is_empty() || !self.cidrs.is_empty()
    }
}

/// The kind with this name.
///
/// # Errors
/// A message that lists the kinds.
pub fn kind(name: &str) -> Result<&'static Kind, String> {
    let names = || KINDS.iter().map(|kind| kind.name);
    KINDS.iter().copied().find(|kind| kind.name == name).ok_or_else(|| {
        let near = nearest(name, names()).map(|near| format!("did you mean `{near}`?"));
        near.unwrap_or_else(|| format!("the kinds are {}", names().collect::<Vec<_>>().join(", ")))
    })
}

/// Makes a policy of the list in `bytes`, which is known as `file`.
///
/// # Errors
/// A message that names the place in the file, or what was asked for and is not there.
pub fn policy(kind: &Kind, file: &str, bytes: &[u8], wanted: &Wanted) -> Result<String, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("{file}: byte {} is no UTF-8", error.valid_up_to()))?;
    let list = (kind.read)(text.strip_prefix('\u{feff}').unwrap_or(text)).map_err(|why| format!("{file}: {why}"))?;
    let parts = choose(&list.parts, wanted).map_err(|why| format!("{file}: {why}"))?;
    Ok(write(kind, &visible(file), &Sha256::digest(bytes), &list, &parts, wanted))
}

/// The parts that are wanted.
fn choose<'a>(parts: &'a [Part], wanted: &Wanted) -> Result<Vec<&'a Part>, String> {
    let missing = |what: &str, word: &str, of: fn(&Part) -> &str| {
        let known = parts.iter().map(of).any(|known| known.eq_ignore_ascii_case(word));
        let near = nearest(word, parts.iter().map(of)).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        if known { Ok(()) } else { Err(format!("there is no {what} `{}`{near}", word.escape_debug())) }
    };
    wanted.only.iter().try_for_each(|word| missing("part", word, |part| &part.name))?;
    wanted.regions.iter().try_for_each(|word| missing("region", word, |part| &part.region))?;
    let has = |words: &[String], word: &str| words.is_empty() || words.iter().any(|known| known.eq_ignore_ascii_case(word));
    let chosen: Vec<&Part> = parts.iter().filter(|part| has(&wanted.only, &part.name) && has(&wanted.regions, &part.region)).collect();
    let says_something = chosen.iter().any(|part| part.says_something());
    if says_something { Ok(chosen) } else { Err("no entry is left of what was asked for".to_owned()) }
}

fn write(kind: &Kind, file: &str, hash: &[u8], list: &List, parts: &[&Part], wanted: &Wanted) -> String {
    let mut out = String::new();
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let version = if list.version.is_empty() { String::new() } else { format!(", {}", visible(&list.version)) };
    // writing to a string does not fail
    let _ = writeln!(out, "# {}\n#\n# Imported from {file}{version}\n# sha256 {hex}", kind.caution);
    list.left_out.iter().for_each(|what| _ = writeln!(out, "# Left out: {}", visible(what)));
    let _ = writeln!(out, "name = {}", quoted(wanted.name.as_deref().unwrap_or(kind.name)));
    let _ = writeln!(out, "description = {}", quoted(&format!("{}, imported", kind.reads)));
    if let Some(day) = list.dated.clone().or_else(|| day_in(file)) {
        let _ = writeln!(out, "dated = {day}");
    }
    for part in parts.iter().filter(|part| part.says_something()) {
        let (table, cidrs) = match part.used {
            Use::Allow => ("allow", "cidrs"),
            Use::Deny => ("deny", "cidrs"),
            Use::Inbound => ("inbound", "from"),
        };
        let _ = writeln!(out, "\n[[{table}]]");
        let words = |out: &mut String, key: &str, words: &mut dyn Iterator<Item = String>| {
            let words: Vec<String> = words.collect();
            match &words[..] {
                [] => {}
                [one] => _ = writeln!(out, "{key} = [{one}]"),
                many => _ = writeln!(out, "{key} = [\n    {},\n]", many.join(",\n    ")),
            }
        };
        words(&mut out, "names", &mut part.names.iter().map(|name| quoted(name)));
        words(&mut out, cidrs, &mut IpNet::aggregate(&part.cidrs).iter().map(|net| quoted(&net.to_string())));
        let ports = if part.ports.is_empty() { &wanted.ports } else { &part.ports };
        let port = |range: &RangeInclusive<u16>| match (range.start(), range.end()) {
            (first, last) if first == last => first.to_string(),
            (first, last) => quoted(&format!("{first}-{last}")),
        };
        if ports.is_empty() && part.used == Use::Inbound {
            // it has to be said that everything may come in
            let _ = writeln!(out, "ports = [\"1-65535\"]");
        }
        if !ports.is_empty() {
            let _ = writeln!(out, "ports = [{}]", ports.iter().map(port).collect::<Vec<_>>().join(", "));
        }
        if let Some(transport) = part.transport {
            let _ = writeln!(out, "transport = \"{transport}\"");
        }
        if !part.name.is_empty() {
            let region = if part.region.is_empty() { String::new() } else { format!(", {}", part.region) };
            let _ = writeln!(out, "purpose = {}", quoted(&format!("{}{region}", part.name)));
        }
        let more = if part.source.is_empty() { String::new() } else { format!("; {}", part.source) };
        if part.used != Use::Inbound {
            let _ = writeln!(out, "source = {}", quoted(&format!("{file}{version}{more}")));
        }
    }
    out
}

/// A string of TOML, whatever is in it.
fn quoted(text: &str) -> String {
    toml::Value::String(visible(text)).to_string()
}

/// Text without what ends a line, or cannot be seen.
fn visible(text: &str) -> String {
    text.chars().filter(|c| !is_unseen(*c)).collect()
}

/// Reads JSON.
fn json<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("line {}, column {}: {}", error.line(), error.column(), plain(&error)))
}

/// An error without its place, which is said ahead of it.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(what, _)| what.to_owned())
}

/// Reads prefixes; `place` says which is wrong.
fn nets<'a>(words: impl IntoIterator<Item = &'a str>, place: impl Fn(usize) -> String) -> Result<Vec<IpNet>, String> {
    let read = |(n, word): (usize, &str)| parse_net(word).map_err(|(why, _)| format!("{}: {why}", place(n)));
    words.into_iter().enumerate().map(read).collect()
}

/// The day of a time as publishers write it: the first ten characters, where they are one.
fn day(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.get(..10)?.split('-').collect();
    let fits = |part: &&str, digits: usize| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_day = matches!(&parts[..], [year, month, day] if fits(year, 4) && fits(month, 2) && fits(day, 2));
    let day = is_day.then(|| parts.join("-"))?;
    day.parse::<toml::value::Datetime>().is_ok().then_some(day)
}

/// The day in a file's name, as in `ServiceTags_Public_20260713.json`.
fn day_in(file: &str) -> Option<String> {
    let digits = |run: &&str| run.len() == 8;
    let run = file.split(|c: char| !c.is_ascii_digit()).find(digits)?;
    day(&format!("{}-{}-{}", &run[..4], &run[4..6], &run[6..]))
}

#[cfg(test)]
mod tests;
