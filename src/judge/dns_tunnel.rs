//! What the names that agents ask for carry: whether they are shaped like data on its way out through DNS (WW403).
//!
//! By agent and registered domain, over a window of packet time. A name is looked at where it has many characters below its domain, or is
//! asked for by a type whose answers carry data; nearly all others cost a look at their length. How much it carries is estimated by Shannon's
//! entropy over the characters of all such names: letters of a tunnel are spread evenly over its alphabet, and one who spreads them unevenly
//! carries less by it. A name counts once, however often it is asked for; what is padded with short names is not thinned by them.

use std::fmt::Write as _;
use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;

use foldhash::quality::RandomState;
use hashbrown::{Equivalent, HashMap, HashSet};

use super::domain;
use super::policy::{DnsTunnel, Threshold};
use crate::fact::{Endpoint, Locus, Name, RecordType, Resolution, Timestamp, Transport};
use crate::limits;

/// One question of an agent.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) ends: [Endpoint; 2],
    pub(super) transport: Transport,
    pub(super) name: Name,
    pub(super) qtype: u16,
    pub(super) at: Locus,
}

impl Query {
    pub(super) fn agent(&self) -> Endpoint {
        self.ends[self.at.end.index()]
    }
}

/// Whose names they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Whose {
    /// Anybody's: what they carry is held against the policy.
    Judged,
    /// The policy allows them.
    Allowed,
    /// Of a zone that is no part of the public tree, or the reverse of an address: nobody outside is asked for them.
    Local,
    /// Of a service that is asked by hashes or addresses in names, and of nobody else's.
    LookUp,
}

/// Zones that no public server has (RFC 6762, RFC 8375, and names that ICANN has reserved or will not delegate).
const LOCAL: &[&str] = &["local", "internal", "home.arpa", "localdomain", "localhost", "lan", "corp", "home"];

/// Zones that are looked up by hashes of files, addresses, or URLs: virus scanners, lists of senders, origins of routes.
const LOOK_UPS: &[&str] = &[
    "avqs.mcafee.com",
    "avts.mcafee.com",
    "sophosxl.net",
    "e5.sk",
    "spamhaus.org",
    "spamhaus.net",
    "spamcop.net",
    "barracudacentral.org",
    "surbl.org",
    "uribl.com",
    "dnswl.org",
    "mailspike.net",
    "cymru.com",
];

impl Whose {
    /// Of a name that the policy allows or not.
    pub(super) fn of(name: &Name, is_allowed: bool) -> Self {
        let is_under = |zones: &[&str]| zones.iter().any(|zone| domain::is_under(name.as_str(), zone));
        if super::policy::is_reverse(name) || is_under(LOCAL) {
            Self::Local
        } else if is_allowed {
            Self::Allowed
        } else if is_under(LOOK_UPS) {
            Self::LookUp
        } else {
            Self::Judged
        }
    }

    /// Why what they carry is no violation.
    pub(super) fn why(self) -> &'static str {
        match self {
            Self::Judged => "",
            Self::Allowed => "which the policy allows",
            Self::Local => "which nobody outside is asked for",
            Self::LookUp => "which is looked up so",
        }
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    agent: IpAddr,
    domain: Box<str>,
    whose: Whose,
}

/// The same, borrowed. It hashes like a [`Key`].
#[derive(Hash)]
struct KeyRef<'a> {
    agent: IpAddr,
    domain: &'a str,
    whose: Whose,
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        (self.agent, self.domain, self.whose) == (key.agent, &*key.domain, key.whose)
    }
}

/// What an agent has asked below one domain since a moment.
#[derive(Debug)]
struct Asked {
    since: Timestamp,
    last: Timestamp,
    /// Hashes of the names, to know them again.
    names: HashSet<u64, RandomState>,
    /// Names that carry data, and their characters.
    laden: (u64, u64),
    /// The long ones among them.
    long: (u64, u64),
    /// Names that were asked for by types which carry data.
    typed: u64,
    /// Bytes that these were answered.
    answered: u64,
    /// Questions for any of the names, and the flows that they are in: where those go on side by side, some twice.
    queries: u64,
    flows: u64,
    ends: Option<[Endpoint; 2]>,
    /// Which of the types that carry data was asked for last.
    qtype: Option<u16>,
    longest_label: usize,
    /// How often each character comes, by its five low bits and its kind.
    characters: [u32; 64],
    /// The first questions.
    examples: Vec<Query>,
    /// It was found to carry data; from there on everything is counted.
    is_told: bool,
}

impl Asked {
    fn new(at: Timestamp) -> Self {
        Self {
            since: at,
            last: at,
            names: HashSet::default(),
            laden: (0, 0),
            long: (0, 0),
            typed: 0,
            answered: 0,
            queries: 0,
            flows: 0,
            ends: None,
            qtype: None,
            longest_label: 0,
            characters: [0; 64],
            examples: Vec::new(),
            is_told: false,
        }
    }

    /// Shannon's entropy over the characters, in bits a character.
    fn entropy(&self) -> f64 {
        let sum: f64 = self.characters.iter().map(|&n| f64::from(n)).sum();
        let of = |n: f64| if n > 0.0 { -(n / sum) * (n / sum).log2() } else { 0.0 };
        self.characters.iter().map(|&n| of(f64::from(n))).sum()
    }

    /// The bytes that so many of the characters carry.
    fn carried(&self, letters: u64) -> u64 {
        (letters as f64 * self.entropy() / 8.0) as u64
    }

    /// What it amounts to, against a share of the thresholds: one in `of`.
    fn shape(&self, limits: &DnsTunnel, of: u64) -> Option<Shape> {
        let least = |which| limits.of(which) / of;
        // no alphabet carries more than six bits a character, so that this is enough for most
        let reaches = |letters: u64, bytes: u64| letters * 6 / 8 >= bytes && self.carried(letters) >= bytes;
        if self.long.0 > 0 && reaches(self.long.1, least(Threshold::LongBytes)) {
            return Some(Shape::Long);
        }
        let names = least(Threshold::Names);
        if self.typed >= names && self.answered >= least(Threshold::AnswerBytes) {
            return Some(Shape::Answered);
        }
        (self.laden.0 >= names && reaches(self.laden.1, least(Threshold::Bytes))).then_some(Shape::Many)
    }

    /// Whether names are asked for again and again, as those of hosts are, and those of a tunnel are not.
    fn is_repeated(&self) -> bool {
        self.queries * 2 >= self.names.len() as u64 * 3
    }

    fn add(&mut self, query: &Query, below: &str, letters: u64, limits: &DnsTunnel) {
        if letters >= limits.of(Threshold::Letters) {
            self.laden = (self.laden.0 + 1, self.laden.1 + letters);
            characters(below, |byte| self.characters[usize::from(place(byte))] += 1);
            self.longest_label = self.longest_label.max(below.split('.').map(length).max().unwrap_or_default());
        }
        if letters >= limits.of(Threshold::LongLetters) {
            self.long = (self.long.0 + 1, self.long.1 + letters);
        }
        if carries_data(query.qtype) {
            self.typed += 1;
            self.qtype = Some(query.qtype);
        }
        if self.examples.len() < limits::EXAMPLES {
            self.examples.push(query.clone());
        }
    }
}

/// How names are shaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Longer than any host's.
    Long,
    /// Many, which carry much together.
    Many,
    /// Many, and what is answered carries much.
    Answered,
}

/// Whether what was found is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certainty {
    /// It is.
    Shown,
    /// The names are asked for again and again.
    Repeated,
    /// There is less than would be needed, and questions are missing.
    Lost,
}

/// What was found of a domain.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) agent: IpAddr,
    pub(super) domain: String,
    pub(super) whose: Whose,
    pub(super) certainty: Certainty,
    /// In words.
    pub(super) numbers: String,
    pub(super) flows: u64,
    pub(super) last: Timestamp,
    pub(super) examples: Vec<Query>,
}

/// The domain of a name that may carry something, what stands below it, and how many letters that has.
fn laden<'a>(query: &'a Query, limits: &DnsTunnel) -> Option<(&'a str, &'a str, u64)> {
    let name = query.name.as_str();
    // as many characters as there are at least with the dots; most names are too short
    let is_typed = carries_data(query.qtype);
    if !is_typed && (name.len() as u64) < limits.of(Threshold::Letters) {
        return None;
    }
    let (domain, below) = domain::split(name);
    let letters = length(below) as u64;
    (letters >= if is_typed { 1 } else { limits.of(Threshold::Letters) }).then_some((domain, below, letters))
}

/// The domains that agents ask about.
#[derive(Debug, Default)]
pub(super) struct DnsTunnels {
    domains: HashMap<Key, Asked, RandomState>,
    names_kept: usize,
    /// Questions that were not counted for want of memory.
    evicted: u64,
    /// What is no violation but must be told, found where a window ended.
    told: Vec<Told>,
    hasher: RandomState,
}

impl DnsTunnels {
    /// Whether a question is of those that are counted, whoever asks and whenever.
    pub(super) fn counts(query: &Query, limits: &DnsTunnel) -> bool {
        laden(query, limits).is_some()
    }

    /// Counts a question. Returns what it makes certain.
    pub(super) fn ask(&mut self, query: &Query, whose: impl FnOnce() -> Whose, limits: &DnsTunnel, lost: bool) -> Option<Told> {
        let (domain, below, letters) = laden(query, limits)?;
        let (agent, whose, now) = (query.agent().ip, whose(), query.at.at);
        let key = KeyRef { agent, domain, whose };
        let is_over = |asked: &Asked| !asked.is_told && now.since(asked.since) > limits.of(Threshold::Window) as i64;
        if let Some(asked) = self.domains.get_mut(&key) {
            if is_over(asked) {
                self.names_kept -= asked.names.len();
                let ended = std::mem::replace(asked, Asked::new(now));
                self.told.extend(settle(agent, domain, whose, ended, limits, lost));
            }
        } else {
            if self.domains.len() >= limits::TUNNEL_DOMAINS && !self.make_room(now, limits, lost) {
                self.evicted += 1;
                return None;
            }
            self.domains.insert(Key { agent, domain: domain.into(), whose }, Asked::new(now));
        }
        let has_room = self.names_kept < limits::TUNNEL_NAMES || self.make_room(now, limits, lost);
        let asked = self.domains.get_mut(&key)?;
        asked.queries += 1;
        asked.flows += u64::from(asked.ends.replace(query.ends) != Some(query.ends));
        asked.last = asked.last.max(now);
        let hash = self.hasher.hash_one(&query.name);
        if asked.names.contains(&hash) {
            return None;
        }
        if !has_room {
            // what is told already is told the smaller
            self.evicted += u64::from(!asked.is_told);
            return None;
        }
        asked.names.insert(hash);
        self.names_kept += 1;
        asked.add(query, below, letters, limits);
        if asked.is_told || whose != Whose::Judged {
            return None;
        }
        let shape = asked.shape(limits, 1)?;
        if shape == Shape::Many && asked.is_repeated() {
            return None;
        }
        asked.is_told = true;
        Some(tell(agent, domain, whose, asked, Certainty::Shown))
    }

    /// Counts what was answered to `agent`.
    pub(super) fn answer(&mut self, agent: IpAddr, answer: &Resolution, whose: impl FnOnce() -> Whose) {
        if answer.carried == 0 || !carries_data(answer.qtype) {
            return;
        }
        let (domain, _) = domain::split(answer.name.as_str());
        if let Some(asked) = self.domains.get_mut(&KeyRef { agent, domain, whose: whose() }) {
            asked.answered += u64::from(answer.carried);
        }
    }

    /// Forgets domains whose window is over. Says whether any was.
    fn make_room(&mut self, now: Timestamp, limits: &DnsTunnel, lost: bool) -> bool {
        // looking costs as much as there are, so that it is not done for every question
        if !self.evicted.is_multiple_of(limits::TUNNEL_DOMAINS as u64 / 8) {
            return false;
        }
        let is_over = |asked: &Asked| !asked.is_told && now.since(asked.since) > limits.of(Threshold::Window) as i64;
        let mut over: Vec<(Key, Asked)> = self.domains.extract_if(|_, asked| is_over(asked)).collect();
        over.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let is_any = !over.is_empty();
        for (key, asked) in over {
            self.names_kept -= asked.names.len();
            self.told.extend(settle(key.agent, &key.domain, key.whose, asked, limits, lost));
        }
        is_any
    }

    /// How many questions were not counted.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// All that is left to be told, and what was told with the numbers that it came to, in the order of agents and domains.
    pub(super) fn close(self, limits: &DnsTunnel, lost: bool) -> (Vec<Told>, Vec<Told>) {
        let (mut left, mut again) = (self.told, Vec::new());
        let mut domains: Vec<(Key, Asked)> = self.domains.into_iter().collect();
        domains.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for (key, asked) in domains {
            if asked.is_told {
                again.push(tell(key.agent, &key.domain, key.whose, &asked, Certainty::Shown));
            } else {
                left.extend(settle(key.agent, &key.domain, key.whose, asked, limits, lost));
            }
        }
        (left, again)
    }
}

/// What is to be told of a domain that was not told of, its window over.
fn settle(agent: IpAddr, domain: &str, whose: Whose, asked: Asked, limits: &DnsTunnel, lost: bool) -> Option<Told> {
    let certainty = match asked.shape(limits, 1) {
        Some(Shape::Many) if asked.is_repeated() => Certainty::Repeated,
        Some(_) => Certainty::Shown,
        None if lost && whose == Whose::Judged && asked.shape(limits, 2).is_some() => Certainty::Lost,
        None => return None,
    };
    Some(tell(agent, domain, whose, &asked, certainty))
}

fn tell(agent: IpAddr, domain: &str, whose: Whose, asked: &Asked, certainty: Certainty) -> Told {
    let seconds = (asked.last.since(asked.since).max(0) as u64).div_ceil(1_000_000_000);
    let names = asked.names.len();
    let mut numbers = format!(
        "{names} distinct names within {seconds} s, which carry about {} bytes: {:.1} bits a character, the longest label {}",
        asked.carried(asked.laden.1),
        asked.entropy(),
        asked.longest_label
    );
    if let Some(qtype) = asked.qtype {
        // writing to a string does not fail
        let _ = write!(numbers, "; {} asked for by types that carry data, as {}", asked.typed, RecordType(qtype));
    }
    if asked.answered > 0 {
        let _ = write!(numbers, ", and answered with {} bytes", asked.answered);
    }
    let (flows, last, examples) = (asked.flows, asked.last, asked.examples.clone());
    Told { agent, domain: domain.to_owned(), whose, certainty, numbers, flows, last, examples }
}

/// Whether records of a type carry data by which a tunnel is answered: CNAME, NULL, MX, TXT, SIG, KEY, SRV, SPF, and private use (RFC 6895).
fn carries_data(qtype: u16) -> bool {
    matches!(qtype, 5 | 10 | 15 | 16 | 24 | 25 | 33 | 99 | 65_280..=65_534)
}

/// Gives the bytes that were on the wire between the dots of a [`Name`] to `each`. Returns how many there are.
fn characters(text: &str, mut each: impl FnMut(u8)) -> u64 {
    let (mut n, mut bytes) = (0, text.bytes());
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'.' => continue,
            b'\\' => match bytes.next() {
                Some(b'x') => {
                    let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16)).unwrap_or_default() as u8;
                    digit() << 4 | digit()
                }
                other => other.unwrap_or_default(),
            },
            byte => byte,
        };
        each(byte);
        n += 1;
    }
    n
}

/// How many bytes of the wire there are between the dots.
fn length(text: &str) -> usize {
    if text.contains('\\') { characters(text, |_| {}) as usize } else { text.bytes().filter(|byte| *byte != b'.').count() }
}

/// Where a character is counted: letters are one in either case, digits and the signs of host names have places of their own, and all others
/// share what is left.
fn place(byte: u8) -> u8 {
    match byte.to_ascii_lowercase() {
        letter @ b'a'..=b'z' => letter - b'a',
        digit @ b'0'..=b'9' => 26 + digit - b'0',
        b'-' => 36,
        b'_' => 37,
        other => 38 + other % 26,
    }
}

#[cfg(test)]
mod tests;
