//! Reads policies: TOML text to a compiled [`Policy`], with every mistake at its line and column.
//!
//! Lists unite over all files. A scalar that a file sets holds over what the file extends; two files named by the user that set it
//! differently contradict each other, and that is an error.

use std::net::IpAddr;
use std::ops::{Range, RangeInclusive};

use ipnet::IpNet;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use toml::Spanned;

use super::errors::{Mistake, PolicyErrors, nearest};
use super::{Agent, Allow, DnsBinding, Ech, Inbound, Origin, Pattern, Policy, Waiver, profiles};
use crate::fact::{CipherSuite, Name, Timestamp, TlsVersion, Transport};
use crate::judge::rules::RULES;
use crate::judge::{PolicyUsed, Severity};
use crate::limits;

/// What the words of a policy may be.
pub struct Known<'a> {
    /// Names of protocols.
    pub protocols: &'a [&'a str],
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct File {
    name: Option<String>,
    #[serde(default)]
    #[serde(rename = "description")]
    _description: Option<String>,
    #[serde(default)]
    extends: Vec<Spanned<String>>,
    dns_binding: Option<Spanned<String>>,
    ech: Option<Spanned<String>>,
    #[serde(default)]
    agent: AgentTable,
    #[serde(default)]
    destinations: DestinationsTable,
    #[serde(default)]
    tls: TlsTable,
    #[serde(default)]
    dns: DnsTable,
    #[serde(default)]
    allow: Vec<Spanned<AllowTable>>,
    #[serde(default)]
    inbound: Vec<Spanned<InboundTable>>,
    #[serde(default)]
    severity: std::collections::BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    waiver: Vec<Spanned<WaiverTable>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct AgentTable {
    #[serde(default)]
    addresses: Vec<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct DestinationsTable {
    private: Option<Spanned<bool>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct TlsTable {
    minimum: Option<Spanned<String>>,
    ciphers: Option<Vec<Spanned<String>>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct DnsTable {
    resolvers: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    search: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AllowTable {
    #[serde(default)]
    names: Vec<Spanned<String>>,
    #[serde(default)]
    cidrs: Vec<Spanned<String>>,
    #[serde(default)]
    ports: Vec<Spanned<toml::Value>>,
    transport: Option<Spanned<String>>,
    #[serde(default)]
    plaintext: Vec<Spanned<String>>,
    purpose: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InboundTable {
    #[serde(default)]
    from: Vec<Spanned<String>>,
    #[serde(default)]
    ports: Vec<Spanned<toml::Value>>,
    #[serde(default)]
    protocols: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WaiverTable {
    rule: Spanned<String>,
    #[serde(default)]
    names: Vec<Spanned<String>>,
    #[serde(default)]
    cidrs: Vec<Spanned<String>>,
    until: Option<Spanned<toml::value::Datetime>>,
    reason: Spanned<String>,
}

impl Policy {
    /// Loads and unites policies: names of built-in ones, or paths of files, which `read` reads. None: the built-in `baseline`.
    ///
    /// # Errors
    /// Every mistake that was found, each at its place.
    pub fn load(selectors: &[String], known: &Known<'_>, read: &dyn Fn(&str) -> std::io::Result<String>) -> Result<Self, PolicyErrors> {
        let baseline = ["baseline".to_owned()];
        let selectors = if selectors.is_empty() { &baseline[..] } else { selectors };
        let mut loader = Loader { known, read, mistakes: Vec::new(), used: Vec::new(), open: Vec::new() };
        let mut united: Option<Draft> = None;
        for selector in selectors {
            let draft = loader.load(selector, None);
            united = Some(match united {
                None => draft,
                Some(before) => loader.unite(before, draft),
            });
        }
        let draft = united.unwrap_or_default();
        if !loader.mistakes.is_empty() {
            return Err(PolicyErrors { mistakes: loader.mistakes });
        }
        let used = loader.used.into_iter().map(|(_, used)| used).collect();
        Ok(draft.policy(used))
    }
}

/// A policy while it is put together: scalars remember whether, and where, they were set.
#[derive(Default)]
struct Draft {
    agents: Vec<Agent>,
    private: Option<(bool, Origin)>,
    tls_minimum: Option<(TlsVersion, Origin)>,
    tls_ciphers: Option<Vec<CipherSuite>>,
    resolvers: Option<Vec<IpNet>>,
    search: Vec<Name>,
    dns_binding: Option<(DnsBinding, Origin)>,
    ech: Option<(Ech, Origin)>,
    allow: Vec<Allow>,
    inbound: Vec<Inbound>,
    severity: Vec<(String, Severity, Origin)>,
    waivers: Vec<Waiver>,
}

impl Draft {
    fn policy(self, used: Vec<PolicyUsed>) -> Policy {
        Policy {
            used,
            agents: self.agents,
            private: self.private.is_some_and(|(private, _)| private),
            tls_minimum: self.tls_minimum.map_or(TlsVersion::TLS1_2, |(version, _)| version),
            tls_ciphers: self.tls_ciphers,
            resolvers: self.resolvers,
            search: self.search,
            dns_binding: self.dns_binding.map(|(binding, _)| binding).unwrap_or_default(),
            ech: self.ech.map(|(ech, _)| ech).unwrap_or_default(),
            allow: self.allow,
            inbound: self.inbound,
            severity: self.severity,
            waivers: self.waivers,
        }
    }
}

struct Loader<'a> {
    known: &'a Known<'a>,
    read: &'a dyn Fn(&str) -> std::io::Result<String>,
    mistakes: Vec<Mistake>,
    /// By selector, so that a policy that several extend counts once.
    used: Vec<(String, PolicyUsed)>,
    /// The files that are being read, each extended by the one before it.
    open: Vec<String>,
}

/// One file while it is read.
struct Reading<'a> {
    label: &'a str,
    name: &'a str,
    text: &'a str,
}

impl Loader<'_> {
    /// Loads a policy and what it extends.
    fn load(&mut self, selector: &str, from: Option<(&Reading<'_>, Range<usize>)>) -> Draft {
        let blame = |loader: &mut Self, message: String, help: Option<String>| {
            let mistake = match &from {
                Some((reading, span)) => Mistake::at(reading.label, reading.text, span.clone(), message, help),
                None => Mistake::of(selector, message, help),
            };
            loader.mistakes.push(mistake);
            Draft::default()
        };
        let text = match profiles::text(selector) {
            Some(text) => text.to_owned(),
            None if !selector.contains('/')
                && !selector.ends_with(".toml")
                && std::path::Path::new(selector).extension().is_none()
                && (self.read)(selector).is_err() =>
            {
                let names: Vec<&str> = profiles::names().collect();
                let near = nearest(selector, names.iter().copied()).map(|near| format!("did you mean `{near}`?"));
                let help = near.unwrap_or_else(|| format!("built in are {}; a file is named by its path", names.join(", ")));
                return blame(self, format!("no policy is called `{selector}`"), Some(help));
            }
            None => match (self.read)(selector) {
                Ok(text) => text,
                Err(error) => {
                    return blame(self, format!("cannot be read: {error}"), Some("check the path and its permissions".to_owned()));
                }
            },
        };
        if self.open.iter().any(|open| open == selector) {
            return blame(
                self,
                format!("extends itself by way of {}", self.open.join(", ")),
                Some("take it out of one of the lists".to_owned()),
            );
        }
        if self.used.iter().any(|(known, _)| known == selector) {
            return Draft::default();
        }
        let file: File = match toml::from_str(&text) {
            Ok(file) => file,
            Err(error) => {
                self.mistakes.push(Mistake::of_toml(selector, &text, &error));
                return Draft::default();
            }
        };
        let name = file.name.clone().unwrap_or_else(|| selector.to_owned());
        self.open.push(selector.to_owned());
        let reading = Reading { label: selector, name: &name, text: &text };
        let mut base = Draft::default();
        for extended in &file.extends {
            let path = self.relative(selector, extended.get_ref());
            let draft = self.load(&path, Some((&reading, extended.span())));
            base = self.unite(base, draft);
        }
        self.open.pop();
        let hash: String = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        self.used.push((selector.to_owned(), PolicyUsed { name: name.clone(), sha256: hash }));
        let own = self.compile(&reading, &file);
        Self::override_with(base, own)
    }

    /// A file named by another is looked for beside it.
    fn relative(&self, of: &str, selector: &str) -> String {
        let is_file = selector.contains('/') || selector.ends_with(".toml");
        match of.rfind('/') {
            Some(slash) if is_file && !selector.starts_with('/') => format!("{}/{selector}", &of[..slash]),
            _ => selector.to_owned(),
        }
    }
}

/// Two scalars of equal rank: the same, or a contradiction.
fn agree<T: PartialEq>(mistakes: &mut Vec<Mistake>, what: &str, a: Option<(T, Origin)>, b: Option<(T, Origin)>) -> Option<(T, Origin)> {
    match (a, b) {
        (Some(a), Some(b)) if a.0 != b.0 => {
            let message = format!("{what} is set differently by {}:{} and {}:{}", a.1.policy, a.1.line, b.1.policy, b.1.line);
            mistakes.push(Mistake::of(&b.1.policy, message, Some("set it once, in a policy that extends both".to_owned())));
            Some(a)
        }
        (a, b) => a.or(b),
    }
}

impl Loader<'_> {
    fn unite(&mut self, a: Draft, b: Draft) -> Draft {
        let m = &mut self.mistakes;
        let mut united = Draft {
            private: agree(m, "destinations.private", a.private, b.private),
            tls_minimum: agree(m, "tls.minimum", a.tls_minimum, b.tls_minimum),
            dns_binding: agree(m, "dns_binding", a.dns_binding, b.dns_binding),
            ech: agree(m, "ech", a.ech, b.ech),
            ..Draft::default()
        };
        for (code, severity, origin) in b.severity.iter() {
            if let Some((_, other, first)) = a.severity.iter().find(|(known, other, _)| known == code && other != severity) {
                let message = format!(
                    "the severity of {code} is {} at {}:{} and {} here",
                    other.as_str(),
                    first.policy,
                    first.line,
                    severity.as_str()
                );
                m.push(Mistake::of(&format!("{}:{}", origin.policy, origin.line), message, Some("set it once".to_owned())));
            }
        }
        united.agents = joined(a.agents, b.agents);
        united.tls_ciphers = joined_option(a.tls_ciphers, b.tls_ciphers);
        united.resolvers = joined_option(a.resolvers, b.resolvers);
        united.search = joined(a.search, b.search);
        united.allow = joined(a.allow, b.allow);
        united.inbound = joined(a.inbound, b.inbound);
        united.severity = joined(a.severity, b.severity);
        united.waivers = joined(a.waivers, b.waivers);
        united
    }

    /// What a file says itself holds over what it extends.
    fn override_with(base: Draft, own: Draft) -> Draft {
        let mut severity = own.severity;
        severity.extend(base.severity.into_iter().filter(|(code, ..)| severity.iter().all(|(own, ..)| own != code)).collect::<Vec<_>>());
        Draft {
            agents: joined(base.agents, own.agents),
            private: own.private.or(base.private),
            tls_minimum: own.tls_minimum.or(base.tls_minimum),
            tls_ciphers: joined_option(base.tls_ciphers, own.tls_ciphers),
            resolvers: joined_option(base.resolvers, own.resolvers),
            search: joined(base.search, own.search),
            dns_binding: own.dns_binding.or(base.dns_binding),
            ech: own.ech.or(base.ech),
            allow: joined(base.allow, own.allow),
            inbound: joined(base.inbound, own.inbound),
            severity,
            waivers: joined(base.waivers, own.waivers),
        }
    }

    /// The words of one file, each checked.
    fn compile(&mut self, reading: &Reading<'_>, file: &File) -> Draft {
        let mut own = Draft::default();
        let r = reading;
        for address in &file.agent.addresses {
            own.agents.extend(self.take(r, address.span(), parse_agent(address.get_ref())));
        }
        own.private = file.destinations.private.as_ref().map(|private| (*private.get_ref(), r.origin(&private.span())));
        if let Some(minimum) = &file.tls.minimum {
            let version = self.take(r, minimum.span(), parse_version(minimum.get_ref()));
            own.tls_minimum = version.map(|version| (version, r.origin(&minimum.span())));
        }
        if let Some(ciphers) = &file.tls.ciphers {
            own.tls_ciphers = Some(ciphers.iter().filter_map(|suite| self.take(r, suite.span(), parse_suite(suite.get_ref()))).collect());
        }
        if let Some(resolvers) = &file.dns.resolvers {
            own.resolvers = Some(resolvers.iter().filter_map(|net| self.take(r, net.span(), parse_net(net.get_ref()))).collect());
        }
        for suffix in &file.dns.search {
            own.search.extend(self.take(r, suffix.span(), parse_host(suffix.get_ref())));
        }
        if let Some(word) = &file.dns_binding {
            let words = [("off", DnsBinding::Off), ("prefer", DnsBinding::Prefer), ("require", DnsBinding::Require)];
            own.dns_binding = self.take(r, word.span(), one_of(word.get_ref(), &words)).map(|binding| (binding, r.origin(&word.span())));
        }
        if let Some(word) = &file.ech {
            let words = [("allow", Ech::Allow), ("undetermined", Ech::Undetermined), ("violation", Ech::Violation)];
            own.ech = self.take(r, word.span(), one_of(word.get_ref(), &words)).map(|ech| (ech, r.origin(&word.span())));
        }
        own.allow = file.allow.iter().filter_map(|entry| self.allow(r, entry)).collect();
        own.inbound = file.inbound.iter().map(|entry| self.inbound(r, entry)).collect();
        for (code, word) in &file.severity {
            own.severity.extend(self.severity(r, code, word));
        }
        own.waivers = file.waiver.iter().filter_map(|entry| self.waiver(r, entry)).collect();
        own
    }

    fn allow(&mut self, r: &Reading<'_>, entry: &Spanned<AllowTable>) -> Option<Allow> {
        let table = entry.get_ref();
        if table.names.is_empty() && table.cidrs.is_empty() {
            self.blame(r, entry.span(), "an entry that names nothing allows nothing".to_owned(), "give it names or cidrs");
            return None;
        }
        Some(Allow {
            names: self.patterns(r, &table.names),
            cidrs: self.nets(r, &table.cidrs),
            ports: self.ports(r, &table.ports),
            transport: table
                .transport
                .as_ref()
                .and_then(|word| self.take(r, word.span(), one_of(word.get_ref(), &[("tcp", Transport::Tcp), ("udp", Transport::Udp)]))),
            plaintext: self.protocols(r, &table.plaintext, &["text"]),
            purpose: table.purpose.clone(),
            source: table.source.clone(),
            origin: r.origin(&entry.span()),
        })
    }

    fn inbound(&mut self, r: &Reading<'_>, entry: &Spanned<InboundTable>) -> Inbound {
        let table = entry.get_ref();
        if table.ports.is_empty() && table.protocols.is_empty() {
            self.blame(
                r,
                entry.span(),
                "an entry without ports and protocols permits everything to come in".to_owned(),
                "name the ports, or the protocols",
            );
        }
        Inbound {
            from: self.nets(r, &table.from),
            ports: self.ports(r, &table.ports),
            protocols: self.protocols(r, &table.protocols, &["icmp-echo"]),
            origin: r.origin(&entry.span()),
        }
    }

    fn severity(&mut self, r: &Reading<'_>, code: &Spanned<String>, word: &Spanned<String>) -> Option<(String, Severity, Origin)> {
        let own = self.take(r, code.span(), rule_default(code.get_ref()))?;
        let words = [("notice", Severity::Notice), ("undetermined", Severity::Undetermined), ("violation", Severity::Violation)];
        let asked = self.take(r, word.span(), one_of(word.get_ref(), &words))?;
        if own == Severity::Undetermined && asked < own {
            let message = format!("{} says that something was not seen: it can be raised, and not lowered", code.get_ref());
            self.blame(r, word.span(), message, "see to it that it is seen, or raise it to \"violation\"");
            return None;
        }
        Some((code.get_ref().to_ascii_uppercase(), asked, r.origin(&code.span())))
    }

    fn waiver(&mut self, r: &Reading<'_>, entry: &Spanned<WaiverTable>) -> Option<Waiver> {
        let table = entry.get_ref();
        let own = self.take(r, table.rule.span(), rule_default(table.rule.get_ref()))?;
        if own == Severity::Undetermined {
            let message = format!("{} says that something was not seen, which cannot be waived", table.rule.get_ref());
            self.blame(r, table.rule.span(), message, "take the waiver out");
            return None;
        }
        if table.reason.get_ref().trim().is_empty() {
            self.blame(r, table.reason.span(), "a waiver without a reason".to_owned(), "say why it was granted");
        }
        let until = match &table.until {
            Some(until) => Some(self.take(r, until.span(), parse_day(until.get_ref()))?),
            None => None,
        };
        Some(Waiver {
            rule: table.rule.get_ref().to_ascii_uppercase(),
            names: self.patterns(r, &table.names),
            cidrs: self.nets(r, &table.cidrs),
            until,
            reason: table.reason.get_ref().clone(),
            origin: r.origin(&entry.span()),
        })
    }

    fn patterns(&mut self, r: &Reading<'_>, words: &[Spanned<String>]) -> Vec<Pattern> {
        let parse = |text: &str| Pattern::parse(text).map_err(|why| (format!("the name `{}` {why}", text.escape_debug()), None));
        words.iter().filter_map(|word| self.take(r, word.span(), parse(word.get_ref()))).collect()
    }

    fn nets(&mut self, r: &Reading<'_>, words: &[Spanned<String>]) -> Vec<IpNet> {
        words.iter().filter_map(|word| self.take(r, word.span(), parse_net(word.get_ref()))).collect()
    }

    fn ports(&mut self, r: &Reading<'_>, words: &[Spanned<toml::Value>]) -> Vec<RangeInclusive<u16>> {
        words.iter().filter_map(|word| self.take(r, word.span(), parse_ports(word.get_ref()))).collect()
    }

    fn protocols(&mut self, r: &Reading<'_>, words: &[Spanned<String>], more: &[&str]) -> Vec<String> {
        let known: Vec<(&str, &str)> = self.known.protocols.iter().chain(more).map(|&word| (word, word)).collect();
        words.iter().filter_map(|word| self.take(r, word.span(), one_of(word.get_ref(), &known))).map(str::to_owned).collect()
    }

    fn take<T>(&mut self, r: &Reading<'_>, span: Range<usize>, parsed: Parsed<T>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err((message, help)) => {
                self.mistakes.push(Mistake::at(r.label, r.text, span, message, help));
                None
            }
        }
    }

    fn blame(&mut self, r: &Reading<'_>, span: Range<usize>, message: String, help: &str) {
        self.mistakes.push(Mistake::at(r.label, r.text, span, message, Some(help.to_owned())));
    }
}

impl Reading<'_> {
    fn origin(&self, span: &Range<usize>) -> Origin {
        let before = self.text.get(..span.start).unwrap_or_default();
        Origin { policy: self.name.to_owned(), line: before.matches('\n').count() + 1 }
    }
}

fn joined<T>(mut a: Vec<T>, b: Vec<T>) -> Vec<T> {
    a.extend(b);
    a
}

fn joined_option<T>(a: Option<Vec<T>>, b: Option<Vec<T>>) -> Option<Vec<T>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(joined(a, b)),
        (a, b) => a.or(b),
    }
}

/// What a word means, or what is wrong with it and how it is mended.
type Parsed<T> = Result<T, (String, Option<String>)>;

fn one_of<T: Copy>(word: &str, words: &[(&str, T)]) -> Parsed<T> {
    words.iter().find(|(known, _)| *known == word).map(|(_, value)| *value).ok_or_else(|| {
        let listed: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
        let near = nearest(word, listed.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        (format!("`{}` is not known here", word.escape_debug()), near.or_else(|| Some(format!("one of {}", listed.join(", ")))))
    })
}

fn rule_default(code: &str) -> Parsed<Severity> {
    let codes: Vec<(&str, Severity)> = RULES.iter().map(|rule| (rule.code, rule.severity)).collect();
    one_of(&code.to_ascii_uppercase(), &codes)
}

/// An address, a prefix without host bits, or a MAC address.
///
/// # Errors
/// What is wrong with it, and how it is mended.
pub fn parse_agent(text: &str) -> Parsed<Agent> {
    let octets: Vec<&str> = text.split([':', '-']).collect();
    if octets.len() == 6 && octets.iter().all(|octet| octet.len() == 2 && octet.bytes().all(|b| b.is_ascii_hexdigit())) {
        let mut mac = [0; 6];
        for (byte, octet) in mac.iter_mut().zip(octets) {
            *byte = u8::from_str_radix(octet, 16).unwrap_or_default();
        }
        return Ok(Agent::Mac(mac));
    }
    parse_net(text).map(Agent::Net)
}

fn parse_net(text: &str) -> Parsed<IpNet> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(ip.to_canonical()));
    }
    let wrong = || format!("`{}` is no address and no prefix", text.escape_debug());
    let net: IpNet = text.parse().map_err(|_| (wrong(), Some("write it as 10.0.0.4, 10.0.0.0/24 or fd00::/64".to_owned())))?;
    if net.trunc() != net {
        return Err((
            format!("`{text}` has bits beyond its prefix length"),
            Some(format!("did you mean `{}`, or the address alone?", net.trunc())),
        ));
    }
    Ok(net)
}

fn parse_ports(value: &toml::Value) -> Parsed<RangeInclusive<u16>> {
    let wrong = || (format!("`{value}` is no port"), Some("write 443, or a range as \"8000-8100\"".to_owned()));
    match value {
        toml::Value::Integer(port) => u16::try_from(*port).ok().filter(|port| *port > 0).map(|port| port..=port).ok_or_else(wrong),
        toml::Value::String(text) => {
            let (from, to) = text.split_once('-').unwrap_or((text, text));
            match (from.trim().parse::<u16>(), to.trim().parse::<u16>()) {
                (Ok(from), Ok(to)) if from > 0 && from <= to => Ok(from..=to),
                _ => Err(wrong()),
            }
        }
        _ => Err(wrong()),
    }
}

fn parse_version(text: &str) -> Parsed<TlsVersion> {
    let words = [("1.0", TlsVersion::TLS1_0), ("1.1", TlsVersion::TLS1_1), ("1.2", TlsVersion::TLS1_2), ("1.3", TlsVersion::TLS1_3)];
    one_of(text, &words)
}

fn parse_suite(text: &str) -> Parsed<CipherSuite> {
    let by_name = tls_parser::TlsCipherSuite::from_name(text).map(|suite| CipherSuite(suite.id.0));
    let by_number = || text.strip_prefix("0x").and_then(|hex| u16::from_str_radix(hex, 16).ok()).map(CipherSuite);
    let help = "use the registered name, as TLS_AES_128_GCM_SHA256, or its number, as 0x1301";
    by_name.or_else(by_number).ok_or_else(|| (format!("`{}` is no cipher suite", text.escape_debug()), Some(help.to_owned())))
}

fn parse_host(text: &str) -> Parsed<Name> {
    let name = Name::from_wire(text.as_bytes());
    if name.is_odd() { Err((format!("`{}` is no host name", text.escape_debug()), None)) } else { Ok(name) }
}

/// The first moment after a day.
fn parse_day(until: &toml::value::Datetime) -> Parsed<(Timestamp, String)> {
    match until.date {
        Some(date) => {
            let midnight = Timestamp::from_date(date.year.into(), date.month.into(), date.day.into());
            Ok((midnight.plus_nanos(limits::DAY_NANOS), date.to_string()))
        }
        None => Err((format!("`{until}` is no date"), Some("write a day, as 2027-03-31".to_owned()))),
    }
}
