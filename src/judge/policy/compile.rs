//! The tables of one file to compiled entries: every word is judged, and every mistake is kept with its place.

use std::ops::{Range, RangeInclusive};

use toml::Spanned;

use super::draft::{Lists, Scalars, Set};
use super::errors::{Mistake, Page};
use super::groups::Groups;
use super::parse::{AllowTable, DenyTable, DnsTunnelTable, File, InboundTable, Ports, TunnelsTable, WaiverTable, Words};
use super::words::{
    Parsed, one_of, parse_agent, parse_day, parse_duration, parse_expect, parse_host, parse_nat64, parse_net, parse_path, parse_pattern,
    parse_ports, parse_private, parse_suite, parse_text, parse_tunnel, parse_version, rule_default,
};
use super::{Allow, Deny, DnsBinding, DnsTunnel, Ech, EncryptedDns, Inbound, Known, Pattern, Tunnels, Waiver, When, Window, warnings};
use crate::fact::Transport;
use crate::judge::Severity;
use crate::limits;

type Day<'a> = Option<&'a Spanned<toml::value::Datetime>>;

/// One file while its words are judged.
pub(super) struct Compiling<'a> {
    pub known: &'a Known<'a>,
    pub page: &'a Page,
    pub groups: &'a Groups,
    pub mistakes: &'a mut Vec<Mistake>,
    /// What is doubtful and no mistake.
    pub doubts: Vec<Mistake>,
}

impl Compiling<'_> {
    /// The file's own scalars; its lists are added to `lists`.
    pub fn file(mut self, file: &File, lists: &mut Lists) -> Scalars {
        self.text(file.description.as_ref());
        let mut own = Scalars {
            private: file.destinations.private.as_ref().map(|private| self.set(private.span(), parse_private(private.get_ref()))),
            tls_minimum: self.scalar(file.tls.minimum.as_ref(), parse_version),
            dns_binding: self.scalar(file.dns_binding.as_ref(), |word| one_of(word, &DnsBinding::WORDS)),
            dns_grace: self.scalar(file.dns.grace.as_ref(), parse_duration),
            ech: self.scalar(file.ech.as_ref(), |word| one_of(word, &Ech::WORDS)),
            encrypted_dns: self.scalar(file.encrypted_dns.as_ref(), |word| one_of(word, &EncryptedDns::WORDS)),
            dns_tunnel: self.dns_tunnel(&file.dns.tunnel),
            min_duration: self.scalar(file.coverage.min_duration.as_ref(), parse_duration),
            min_flows: self.number(file.coverage.min_flows.as_ref(), "flows"),
            severity: Vec::new(),
        };
        for (code, word) in &file.severity {
            self.severity(&mut own, code, word);
        }
        if let Some((day, (end, written))) =
            file.dated.as_ref().and_then(|day| Some((day, self.take(day.span(), parse_day(day.get_ref()))?)))
        {
            lists.dated.push((end, written, self.page.origin(&day.span())));
        }
        lists.agents.extend(self.located(&file.agent.addresses, parse_agent));
        lists.search.extend(self.located(&file.dns.search, parse_host));
        if let Some(ciphers) = &file.tls.ciphers {
            self.must_say_something(Some(ciphers), "a list without suites allows none");
            lists.tls_ciphers.get_or_insert_default().extend(self.located(&file.tls.ciphers, parse_suite));
        }
        // an empty list of resolvers has a meaning: none
        if file.dns.resolvers.is_some() {
            lists.resolvers.get_or_insert_default().extend(self.located(&file.dns.resolvers, parse_net));
        }
        self.must_say_something(file.dns.encrypted.as_ref(), "a list without names");
        lists.encrypted_resolvers.extend(self.located(&file.dns.encrypted, parse_pattern));
        if let Some(counts) = &file.encryption.counts {
            self.must_say_something(Some(counts), "a list without protocols counts none as encrypted");
            let known: Vec<(&str, &str)> = self.known.protocols.iter().map(|word| (*word, *word)).collect();
            let counts = self.located(&file.encryption.counts, |word| one_of(word, &known).map(str::to_owned));
            lists.counts.list.get_or_insert_default().extend(counts);
        }
        self.tunnels(&file.tunnels, &mut lists.tunnels);
        self.must_say_something(file.nat64.prefixes.as_ref(), "a list without prefixes");
        lists.nat64.prefixes.extend(self.located(&file.nat64.prefixes, parse_nat64));
        self.must_say_something(file.coverage.expect.as_ref(), "a list without anybody");
        lists.expect.extend(self.located(&file.coverage.expect, parse_expect));
        lists.allow.extend(file.allow.iter().map(|entry| self.allow(entry)));
        lists.deny.extend(file.deny.iter().map(|entry| self.deny(entry)));
        lists.inbound.extend(file.inbound.iter().map(|entry| self.inbound(entry)));
        lists.waivers.extend(file.waiver.iter().filter_map(|entry| self.waiver(entry)));
        let spans = (file.allow.iter().map(Spanned::span))
            .chain(file.deny.iter().map(Spanned::span))
            .chain(file.inbound.iter().map(Spanned::span))
            .chain(file.waiver.iter().map(Spanned::span));
        lists.places.extend(spans.map(|span| (self.page.origin(&span), self.page.place(span))));
        lists.doubts.append(&mut self.doubts);
        own
    }

    fn tunnels(&mut self, table: &TunnelsTable, tunnels: &mut Tunnels) {
        self.must_say_something(table.mirror.as_ref(), "a list without tunnels");
        self.must_say_something(table.own.as_ref(), "a list without tunnels");
        let (mirror, own) = (self.located(&table.mirror, parse_tunnel), self.located(&table.own, parse_tunnel));
        if let Some((both, _)) = mirror.iter().find(|(which, _)| own.iter().any(|(other, _)| other == which)) {
            let span = table.own.as_ref().map_or(0..0, Spanned::span);
            self.blame(span, format!("`{both}` is called both a mirror and the agent's own"), "take it out of one of the lists");
        }
        tunnels.mirror.extend(mirror);
        tunnels.own.extend(own);
    }

    fn dns_tunnel(&mut self, table: &DnsTunnelTable) -> [Option<Set<u64>>; DnsTunnel::KEYS.len()] {
        let window = self.scalar(table.window.as_ref(), |word| parse_duration(word).map(|(nanos, _)| nanos.unsigned_abs()));
        [
            window,
            self.number(table.letters.as_ref(), "characters"),
            self.number(table.names.as_ref(), "names"),
            self.number(table.bytes.as_ref(), "bytes"),
            self.number(table.long_letters.as_ref(), "characters"),
            self.number(table.long_bytes.as_ref(), "bytes"),
            self.number(table.answer_bytes.as_ref(), "bytes"),
        ]
    }

    /// How many there must be at least.
    fn number(&mut self, number: Option<&Spanned<i64>>, of: &str) -> Option<Set<u64>> {
        let number = number?;
        let wrong = || (format!("`{}` is no number of {of}", number.get_ref()), Some("write how many there must be at least".to_owned()));
        let many = self.take(number.span(), u64::try_from(*number.get_ref()).ok().filter(|many| *many > 0).ok_or_else(wrong))?;
        Some(self.set(number.span(), many))
    }

    fn allow(&mut self, entry: &Spanned<AllowTable>) -> Allow {
        let table = entry.get_ref();
        if table.names.is_none() && table.cidrs.is_none() {
            self.blame(entry.span(), "an entry without names and cidrs allows nothing".to_owned(), "give it names, or cidrs, or both");
        }
        let when = self.when(&table.agents, (table.since.as_ref(), table.until.as_ref()), &table.times);
        warnings::names(&mut self.doubts, self.page, &table.names, table.cidrs.is_some());
        warnings::plaintext(&mut self.doubts, self.page, &table.plaintext, &table.protocols);
        self.must_say_something(table.paths.as_ref(), "a list without paths");
        let plaintext = self.protocols(&table.plaintext, Some("text"));
        let is_http = plaintext.iter().any(|word| matches!(word.as_str(), "http" | "http2"));
        if let Some(paths) = table.paths.as_ref().filter(|_| !is_http) {
            let message = "paths of requests that may not go in the clear are not seen".to_owned();
            self.blame(paths.span(), message, "permit them with plaintext = [\"http\"], or leave paths out");
        }
        Allow {
            names: self.patterns(&table.names),
            cidrs: self.nets(&table.cidrs).into(),
            ports: self.ports(&table.ports),
            transport: self.transport(table.transport.as_ref()),
            protocols: self.protocols(&table.protocols, None),
            plaintext,
            paths: self.words(&table.paths, parse_path),
            when,
            purpose: self.text(table.purpose.as_ref()),
            source: self.text(table.source.as_ref()),
            origin: self.page.origin(&entry.span()),
        }
    }

    fn deny(&mut self, entry: &Spanned<DenyTable>) -> Deny {
        let table = entry.get_ref();
        if table.names.is_none() && table.cidrs.is_none() {
            self.blame(entry.span(), "an entry without names and cidrs denies nothing".to_owned(), "give it names, or cidrs, or both");
        }
        Deny {
            names: self.patterns(&table.names),
            cidrs: self.nets(&table.cidrs).into(),
            ports: self.ports(&table.ports),
            transport: self.transport(table.transport.as_ref()),
            agents: self.agents(&table.agents),
            purpose: self.text(table.purpose.as_ref()),
            source: self.text(table.source.as_ref()),
            origin: self.page.origin(&entry.span()),
        }
    }

    fn transport(&mut self, word: Option<&Spanned<String>>) -> Option<Transport> {
        let transports = [("tcp", Transport::Tcp), ("udp", Transport::Udp)];
        word.and_then(|word| self.take(word.span(), one_of(word.get_ref(), &transports)))
    }

    /// Agents by their addresses: a flow does not keep the hardware address by which its agent was known.
    fn agents(&mut self, words: &Words) -> Vec<ipnet::IpNet> {
        self.must_say_something(words.as_ref(), "a list without agents");
        self.words(words, parse_net)
    }

    /// For whom an entry holds and when, where it says so.
    fn when(&mut self, agents: &Words, (since, until): (Day<'_>, Day<'_>), times: &Words) -> Option<Box<When>> {
        self.must_say_something(times.as_ref(), "a list without times");
        let mut day = |day: Day<'_>| day.and_then(|day| self.take(day.span(), parse_day(day.get_ref())));
        let (begins, ends) = (day(since), day(until));
        // a day is read as the moment after it
        let begins = begins.map(|(end, written)| (end.plus_nanos(-limits::DAY_NANOS), written));
        if let (Some((begin, _)), Some((end, _)), Some(until)) = (&begins, &ends, until)
            && begin >= end
        {
            self.blame(until.span(), "it ends before it begins".to_owned(), "set since to a day that is not after until");
        }
        let when = When { agents: self.agents(agents), since: begins, until: ends, times: self.words(times, Window::parse) };
        (!when.is_always()).then(|| Box::new(when))
    }

    fn inbound(&mut self, entry: &Spanned<InboundTable>) -> Inbound {
        let table = entry.get_ref();
        if table.ports.is_none() && table.protocols.is_none() {
            let message = "an entry without ports and protocols permits everything to come in".to_owned();
            self.blame(entry.span(), message, "name the ports, or the protocols");
        }
        let when = self.when(&table.agents, (table.since.as_ref(), table.until.as_ref()), &table.times);
        Inbound {
            from: self.nets(&table.from),
            ports: self.ports(&table.ports),
            transport: self.transport(table.transport.as_ref()),
            protocols: self.protocols(&table.protocols, Some("icmp-echo")),
            when,
            purpose: self.text(table.purpose.as_ref()),
            origin: self.page.origin(&entry.span()),
        }
    }

    fn severity(&mut self, own: &mut Scalars, code: &Spanned<String>, word: &Spanned<String>) {
        let words = [("notice", Severity::Notice), ("undetermined", Severity::Undetermined), ("violation", Severity::Violation)];
        let default = self.take(code.span(), rule_default(code.get_ref()));
        let asked = self.take(word.span(), one_of(word.get_ref(), &words));
        let (Some(default), Some(asked)) = (default, asked) else { return };
        if default == Severity::Undetermined && asked < default {
            let message = format!("{} leaves the claim unproven: it can be raised, and not lowered", code.get_ref());
            self.blame(word.span(), message, "see to it that the traffic is seen and understood, or raise it to \"violation\"");
            return;
        }
        // codes are read in any case, so that TOML sees two keys in `WW102` and `ww102`
        let code_name = code.get_ref().to_ascii_uppercase();
        if let Some((_, first)) = own.severity.iter().find(|(known, _)| *known == code_name) {
            let message = format!("the severity of {code_name} is set here and at {}", first.place.label());
            self.blame(code.span(), message, "set it once");
            return;
        }
        if default == asked {
            let message = format!("{code_name} has this severity by itself");
            self.doubts.push(self.page.place(word.span()).doubt(message, "take the line out, unless it is there to be seen"));
        }
        own.severity.push((code_name, self.set(code.span(), asked)));
    }

    fn waiver(&mut self, entry: &Spanned<WaiverTable>) -> Option<Waiver> {
        let table = entry.get_ref();
        if table.rule.is_none() {
            self.blame(entry.span(), "a waiver without a rule".to_owned(), "name the rule that it waives: rule = \"WW203\"");
        }
        let rule =
            table.rule.as_ref().and_then(|rule| self.take(rule.span(), rule_default(rule.get_ref())).map(|severity| (rule, severity)));
        if let Some((rule, Severity::Undetermined)) = rule {
            let message = format!("{} leaves the claim unproven, which cannot be waived", rule.get_ref());
            self.blame(rule.span(), message, "take the waiver out");
        }
        if table.reason.as_ref().is_none_or(|reason| reason.get_ref().trim().is_empty()) {
            let span = table.reason.as_ref().map_or_else(|| entry.span(), Spanned::span);
            self.blame(span, "a waiver without a reason".to_owned(), "say why it was granted: reason = \"...\"");
        }
        let until = table.until.as_ref().and_then(|until| self.take(until.span(), parse_day(until.get_ref())));
        let granted = table.granted.as_ref().and_then(|day| Some((day.span(), self.take(day.span(), parse_day(day.get_ref()))?)));
        if let (Some((span, (granted, _))), Some((until, _))) = (&granted, &until)
            && granted > until
        {
            self.blame(
                span.clone(),
                "a waiver that ended before it was granted".to_owned(),
                "set granted to a day that is not after until",
            );
        }
        Some(Waiver {
            names: self.patterns(&table.names),
            cidrs: self.nets(&table.cidrs),
            until,
            owner: self.text(table.owner.as_ref()),
            granted: granted.map(|(_, (_, day))| day),
            reason: self.text(table.reason.as_ref())?,
            rule: rule?.0.get_ref().to_ascii_uppercase(),
            origin: self.page.origin(&entry.span()),
        })
    }

    fn patterns(&mut self, words: &Words) -> Vec<Pattern> {
        self.must_say_something(words.as_ref(), "a list without names");
        self.words(words, parse_pattern)
    }

    fn nets(&mut self, words: &Words) -> Vec<ipnet::IpNet> {
        self.must_say_something(words.as_ref(), "a list without addresses");
        self.words(words, parse_net)
    }

    fn ports(&mut self, ports: &Ports) -> Vec<RangeInclusive<u16>> {
        self.must_say_something(ports.as_ref(), "a list without ports");
        let ports = ports.as_ref().map(Spanned::get_ref).into_iter().flatten();
        ports.filter_map(|port| self.take(port.span(), parse_ports(port.get_ref()))).collect()
    }

    fn protocols(&mut self, words: &Words, more: Option<&str>) -> Vec<String> {
        self.must_say_something(words.as_ref(), "a list without protocols");
        let known: Vec<(&str, &str)> = self.known.protocols.iter().copied().chain(more).map(|word| (word, word)).collect();
        self.words(words, |word| one_of(word, &known).map(str::to_owned))
    }

    /// An absent list means "any", and an empty one reads as "none": it is not left to the reader to guess.
    fn must_say_something<T>(&mut self, list: Option<&Spanned<Vec<T>>>, what: &str) {
        if let Some(list) = list.filter(|list| list.get_ref().is_empty()) {
            self.blame(list.span(), what.to_owned(), "leave the key out where nothing is meant to be restricted");
        }
    }

    fn words<T>(&mut self, words: &Words, parse: impl Fn(&str) -> Parsed<T>) -> Vec<T> {
        self.located(words, parse).into_iter().map(|(value, _)| value).collect()
    }

    /// The words of a list, those of groups among them, each with where it stands.
    fn located<T>(&mut self, words: &Words, parse: impl Fn(&str) -> Parsed<T>) -> Vec<(T, super::Origin)> {
        let mut values = Vec::new();
        for word in words.as_ref().map(Spanned::get_ref).into_iter().flatten() {
            let origin = || self.page.origin(&word.span());
            let Some(group) = word.get_ref().strip_prefix('@') else {
                let origin = origin();
                values.extend(self.take(word.span(), parse(word.get_ref())).map(|value| (value, origin)));
                continue;
            };
            let held = self.groups.words(group).and_then(|held| {
                let wrong = |(message, help)| (format!("in the group `{}`, {message}", group.escape_debug()), help);
                held.iter().map(|word| parse(word).map(|value| (value, origin())).map_err(wrong)).collect::<Parsed<Vec<_>>>()
            });
            values.extend(self.take(word.span(), held).into_iter().flatten());
        }
        values
    }

    fn text(&mut self, text: Option<&Spanned<String>>) -> Option<String> {
        text.and_then(|text| self.take(text.span(), parse_text(text.get_ref())))
    }

    fn scalar<T>(&mut self, word: Option<&Spanned<String>>, parse: impl Fn(&str) -> Parsed<T>) -> Option<Set<T>> {
        let word = word?;
        let value = self.take(word.span(), parse(word.get_ref()))?;
        Some(self.set(word.span(), value))
    }

    fn set<T>(&self, span: Range<usize>, value: T) -> Set<T> {
        Set { value, origin: self.page.origin(&span), place: self.page.place(span) }
    }

    fn take<T>(&mut self, span: Range<usize>, parsed: Parsed<T>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err((message, help)) => {
                self.mistakes.push(Mistake::at(self.page, span, message, help));
                None
            }
        }
    }

    fn blame(&mut self, span: Range<usize>, message: String, help: &str) {
        self.mistakes.push(Mistake::at(self.page, span, message, Some(help.to_owned())));
    }
}
