//! What a document lists besides findings: where traffic went that was allowed, and by what exceptions.

use super::super::case::{Case, Direction};
use super::super::destination::{self, By, Destination};
use super::super::{Severity, rules};
use super::{AllowedKey, AllowedSum, CARRIERS, DNSCRYPT, Judge, place};
use crate::fact::Cleartext;
use crate::limits;

impl Judge {
    /// Lists what was allowed, and by what exception.
    pub(super) fn list(&mut self, case: &Case<'_>, worst: Option<Severity>) {
        let record = case.record;
        let peer = case.peer();
        let allowed_by = match &case.destination {
            Destination::Allowed(by) => Some(*by),
            _ => None,
        };
        if let Some(by) = allowed_by.filter(|_| worst.is_none_or(|worst| worst == Severity::Notice)) {
            let name = record.facts.names.last().map(|read| &read.name);
            let answered = if matches!(by, By::Entry(..)) {
                case.answered_names().find(|name| case.policy.name_allowed(name).is_some())
            } else {
                None
            };
            let name = name.or(answered).cloned();
            let port = record.facts.names.iter().rev().find_map(|read| read.port).unwrap_or(peer.port);
            let ip = if name.is_some() { None } else { Some(peer.ip) };
            let key = AllowedKey { name, ip, port, transport: record.transport, by: by.key() };
            let full = self.allowed.len() >= limits::LISTED;
            if full && !self.allowed.contains_key(&key) {
                self.allowed_beyond += 1;
            } else {
                let sum = self.allowed.entry(key).or_insert_with(|| AllowedSum { flows: 0, bytes: 0, by: by.to_string() });
                sum.flows += 1;
                sum.bytes += record.sent[0].bytes + record.sent[1].bytes;
            }
        }
        if let (Some((Cleartext::Protocol | Cleartext::Readable, _)), true) = (record.facts.cleartext, rules::is_permitted(case)) {
            if case.is_neighbours_answer() {
                self.except("neighbours", format!("{} answers with {}", case.neighbours.unwrap_or_default(), peer.ip));
            } else if case.is_dns() {
                if case.resolver_is_allowed() && (self.resolvers.len() < limits::LISTED || self.resolvers.contains_key(&peer.ip)) {
                    *self.resolvers.entry(peer.ip).or_default() += 1;
                }
            } else if let Some(entry) = case.plaintext_entry() {
                let protocol = case.cleartext_protocol().unwrap_or("payload");
                let message = format!("{protocol} in the clear with {}, permitted by {}", place(case), entry.label());
                self.except("plaintext", message);
            }
        }
        if let Some(origin) = case.policy.counts.vouches(record) {
            let protocol = case.protocol_or_payload();
            let message = format!("{protocol} with {} counts as encrypted by {origin}; no packet shows that it is", place(case));
            self.except("vouched", message);
        }
        if let Some(protocol) = case.protocol().filter(|protocol| CARRIERS.contains(protocol)) {
            self.except("carrier", format!("{protocol} with {} carries traffic whose destinations are not seen", place(case)));
        }
        if let Some(kind) = case.encrypted_dns.filter(|_| matches!(case.direction, Direction::Outbound | Direction::Unknown)) {
            self.except("encrypted-dns", format!("{kind} with {}: which names are asked inside is not seen", place(case)));
        }
        if let Some(asked) = record.facts.dns.iter().find(|asked| asked.name.as_str().starts_with(DNSCRYPT)) {
            let message =
                format!("dnscrypt with {peer}: its certificate ({}) was asked for, and what is asked under it is not seen", asked.name);
            self.except("encrypted-dns", message);
        }
        for (target, _) in record.facts.connect.iter().chain(&record.facts.socks) {
            self.except("proxy", format!("{target} was asked of the proxy {peer} in the clear"));
        }
        if let Some((protocol, _)) = record.facts.prologue.filter(|_| record.facts.cleartext.is_none() && record.facts.socks.is_none()) {
            let inner = case.protocol().filter(|inner| *inner != protocol);
            let went_on = inner.map_or("and did not go on".to_owned(), |inner| format!("and went on as {inner}"));
            self.except("prologue", format!("{protocol} with {} began in the clear {went_on}", place(case)));
        }
        if let Some(entry) = case.inbound {
            let message = format!(
                "inbound to {} from {}, permitted by {}:{}",
                case.agent_endpoint().port,
                peer.ip,
                entry.origin.policy,
                entry.origin.line
            );
            self.except("inbound", message);
        }
        if record.facts.ech.is_some() && case.policy.ech == super::super::policy::Ech::Allow {
            self.except("ech", format!("the hello to {} carries an encrypted hello; its outer name was taken as the name", place(case)));
        } else if destination::is_grease(case, Some(peer.ip), &record.facts.names) {
            self.except("ech", format!("the hello to {} carries an encrypted hello, which is grease as far as can be known", place(case)));
        }
        if let Some(details) = &record.facts.tls.details {
            if details.renegotiated.is_some() {
                let what = "was negotiated anew inside its encryption: what was agreed on then cannot be seen";
                self.except("renegotiation", format!("{} with {} {what}", case.protocol_or_payload(), place(case)));
            }
            if details.compression.is_some() {
                let what = "compresses before it encrypts: the lengths of records tell of their content";
                self.except("compression", format!("{} with {} {what}", case.protocol_or_payload(), place(case)));
            }
        }
        if let Some((what, _)) = &record.facts.malformed {
            self.except("malformed", format!("{} with {}: {what}", case.protocol_or_payload(), place(case)));
        }
    }

    pub(super) fn except(&mut self, kind: &'static str, message: String) {
        self.except_flows(kind, message, 1);
    }

    pub(super) fn except_flows(&mut self, kind: &'static str, message: String, flows: u64) {
        let key = (kind, message);
        if self.exceptions.len() < limits::LISTED || self.exceptions.contains_key(&key) {
            *self.exceptions.entry(key).or_default() += flows;
        }
    }
}
