//! TOML text to the tables of a policy file, with nothing judged yet but their shape.
//!
//! The text is held against [`FILE`] first, so that every unknown key and every value of the wrong kind is reported in one run, where
//! serde would stop at the first. What is wrong is taken out and the rest goes on: its words are judged too.

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use super::errors::{Mistake, Page, nearest};
use super::shapes::{FILE, Key, Shape};
use super::variables::{Values, Variables};
use super::words::one_of;
use super::{Private, groups};

/// A list of words, and where it stands.
pub(super) type Words = Option<Spanned<Vec<Spanned<String>>>>;
/// A list of ports and ranges, and where it stands.
pub(super) type Ports = Option<Spanned<Vec<Spanned<toml::Value>>>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub name: Option<Spanned<String>>,
    pub description: Option<Spanned<String>>,
    pub dated: Option<Spanned<toml::value::Datetime>>,
    pub extends: Words,
    pub dns_binding: Option<Spanned<String>>,
    pub ech: Option<Spanned<String>>,
    pub encrypted_dns: Option<Spanned<String>>,
    #[serde(default)]
    pub groups: groups::Table,
    #[serde(default)]
    pub agent: AgentTable,
    #[serde(default)]
    pub destinations: DestinationsTable,
    #[serde(default)]
    pub tls: TlsTable,
    #[serde(default)]
    pub dns: DnsTable,
    #[serde(default)]
    pub encryption: EncryptionTable,
    #[serde(default)]
    pub tunnels: TunnelsTable,
    #[serde(default)]
    pub nat64: Nat64Table,
    #[serde(default)]
    pub coverage: CoverageTable,
    #[serde(default)]
    pub allow: Vec<Spanned<AllowTable>>,
    #[serde(default)]
    pub deny: Vec<Spanned<DenyTable>>,
    #[serde(default)]
    pub inbound: Vec<Spanned<InboundTable>>,
    #[serde(default)]
    pub severity: std::collections::BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    pub waiver: Vec<Spanned<WaiverTable>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentTable {
    pub addresses: Words,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct DestinationsTable {
    pub private: Option<Spanned<toml::Value>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsTable {
    pub minimum: Option<Spanned<String>>,
    pub ciphers: Words,
    pub roots: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct DnsTable {
    pub resolvers: Words,
    pub search: Words,
    pub encrypted: Words,
    pub grace: Option<Spanned<String>>,
    #[serde(default)]
    pub tunnel: DnsTunnelTable,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct EncryptionTable {
    pub counts: Words,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct DnsTunnelTable {
    pub window: Option<Spanned<String>>,
    pub letters: Option<Spanned<i64>>,
    pub names: Option<Spanned<i64>>,
    pub bytes: Option<Spanned<i64>>,
    pub long_letters: Option<Spanned<i64>>,
    pub long_bytes: Option<Spanned<i64>>,
    pub answer_bytes: Option<Spanned<i64>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct TunnelsTable {
    pub mirror: Words,
    pub own: Words,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Nat64Table {
    pub prefixes: Words,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct CoverageTable {
    pub min_duration: Option<Spanned<String>>,
    pub min_flows: Option<Spanned<i64>>,
    pub expect: Words,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AllowTable {
    pub names: Words,
    pub cidrs: Words,
    pub ports: Ports,
    pub transport: Option<Spanned<String>>,
    pub protocols: Words,
    pub plaintext: Words,
    pub paths: Words,
    pub agents: Words,
    pub since: Option<Spanned<toml::value::Datetime>>,
    pub until: Option<Spanned<toml::value::Datetime>>,
    pub times: Words,
    pub purpose: Option<Spanned<String>>,
    pub source: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DenyTable {
    pub names: Words,
    pub cidrs: Words,
    pub ports: Ports,
    pub transport: Option<Spanned<String>>,
    pub agents: Words,
    pub purpose: Option<Spanned<String>>,
    pub source: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InboundTable {
    pub from: Words,
    pub ports: Ports,
    pub transport: Option<Spanned<String>>,
    pub protocols: Words,
    pub agents: Words,
    pub since: Option<Spanned<toml::value::Datetime>>,
    pub until: Option<Spanned<toml::value::Datetime>>,
    pub times: Words,
    pub purpose: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WaiverTable {
    pub rule: Option<Spanned<String>>,
    pub names: Words,
    pub cidrs: Words,
    pub until: Option<Spanned<toml::value::Datetime>>,
    pub reason: Option<Spanned<String>>,
    pub owner: Option<Spanned<String>>,
    pub granted: Option<Spanned<toml::value::Datetime>>,
}

/// Reads one file, with its variables, over which `outer` hold. `None` where it is no TOML at all; otherwise what could be used, however much
/// was wrong with the rest.
pub(super) fn parse(page: &Page, text: &str, outer: &Values, mistakes: &mut Vec<Mistake>) -> Option<(File, Variables)> {
    let (mut document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        mistakes.extend(errors.iter().map(|error| Mistake::of_toml(page, error)));
        return None;
    }
    let variables = Variables::take(document.get_mut(), outer, page, mistakes);
    check(page, &variables, FILE, document.get_mut(), mistakes);
    match File::deserialize(toml::de::Deserializer::from(document)) {
        Ok(file) => Some((file, variables)),
        Err(error) => {
            mistakes.push(Mistake::of_toml(page, &error));
            None
        }
    }
}

/// Takes out of a document what has no place in it, and puts values in the places of variables.
pub(super) fn check(page: &Page, variables: &Variables, keys: &'static [Key], document: &mut DeTable<'_>, mistakes: &mut Vec<Mistake>) {
    Checked { page, variables, mistakes }.table(keys, document);
}

struct Checked<'a> {
    page: &'a Page,
    variables: &'a Variables,
    mistakes: &'a mut Vec<Mistake>,
}

impl Checked<'_> {
    /// Takes out of a table what does not belong there.
    fn table(&mut self, keys: &'static [Key], table: &mut DeTable<'_>) {
        entries(table, |key, value| match keys.iter().find(|(known, ..)| *known == key.get_ref()) {
            Some((known, shape, _)) => self.value(known, shape, value),
            None => {
                let near = nearest(key.get_ref(), keys.iter().map(|(known, ..)| *known)).map(|near| format!("did you mean `{near}`?"));
                let listed = || format!("the keys here are {}", keys.iter().map(|(known, ..)| *known).collect::<Vec<_>>().join(", "));
                let message = format!("unknown key `{}`", key.get_ref().escape_debug());
                self.mistakes.push(Mistake::at(self.page, key.span(), message, Some(near.unwrap_or_else(listed))));
                false
            }
        });
    }

    /// Whether a value is of the right kind; what is wrong inside it is taken out.
    fn value(&mut self, key: &str, shape: &'static Shape, value: &mut Spanned<DeValue<'_>>) -> bool {
        let span = value.span();
        if let DeValue::String(text) = value.get_mut() {
            match self.variables.fill(text) {
                Ok(None) => {}
                Ok(Some(filled)) => *text = filled.into(),
                Err((message, help)) => {
                    self.mistakes.push(Mistake::at(self.page, span, message, help));
                    return false;
                }
            }
        }
        let found = value.get_ref().type_str();
        match (shape, value.get_mut()) {
            (Shape::Text | Shape::Word(_) | Shape::Protocol, DeValue::String(_))
            | (Shape::Private, DeValue::Boolean(_))
            | (Shape::Day, DeValue::Datetime(_)) => return true,
            (Shape::Port, DeValue::String(_)) => return true,
            (Shape::Port | Shape::Number, DeValue::Integer(port)) if i64::from_str_radix(port.as_str(), port.radix()).is_ok() => {
                return true;
            }
            (Shape::Private, DeValue::Array(list)) => {
                self.list(list, |checked, item| checked.value(key, &Shape::Class, item));
                return true;
            }
            (Shape::Class, DeValue::String(word)) => match one_of(word, &Private::CLASSES) {
                Ok(_) => return true,
                Err((message, help)) => {
                    self.mistakes.push(Mistake::at(self.page, span, message, help));
                    return false;
                }
            },
            (Shape::List(of), DeValue::Array(list)) => {
                self.list(list, |checked, item| checked.value(key, of, item));
                return true;
            }
            (Shape::Table(keys), DeValue::Table(table)) => {
                self.table(keys, table);
                return true;
            }
            (Shape::Entries(keys), DeValue::Array(list)) => {
                self.list(list, |checked, item| match item.get_mut() {
                    DeValue::Table(table) => {
                        checked.table(keys, table);
                        true
                    }
                    _ => checked.wrong(key, shape, item),
                });
                return true;
            }
            (Shape::Named(of), DeValue::Table(table)) => {
                entries(table, |name, value| self.value(name.get_ref(), of, value));
                return true;
            }
            _ => {}
        }
        let (message, help) = shape.wrong(key, found);
        self.mistakes.push(Mistake::at(self.page, span, message, Some(help)));
        false
    }

    fn wrong(&mut self, key: &str, shape: &Shape, value: &Spanned<DeValue<'_>>) -> bool {
        let (message, help) = shape.wrong(key, value.get_ref().type_str());
        self.mistakes.push(Mistake::at(self.page, value.span(), message, Some(help)));
        false
    }

    fn list<'i>(&mut self, list: &mut DeArray<'i>, mut keep: impl FnMut(&mut Self, &mut Spanned<DeValue<'i>>) -> bool) {
        let items = std::mem::replace(list, DeArray::new());
        *list = items.into_iter().filter_map(|mut item| keep(self, &mut item).then_some(item)).collect();
    }
}

/// Keeps some entries of a table.
fn entries<'i>(table: &mut DeTable<'i>, mut keep: impl FnMut(&Spanned<DeString<'i>>, &mut Spanned<DeValue<'i>>) -> bool) {
    let all = std::mem::replace(table, DeTable::new());
    *table = all.into_iter().filter_map(|(key, mut value)| keep(&key, &mut value).then_some((key, value))).collect();
}
