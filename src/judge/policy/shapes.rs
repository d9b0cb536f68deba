//! The keys that a policy file may have, with what each may hold and what it says: files are held against them, and the schema for editors is
//! made from them.

use super::{DnsBinding, Ech, EncryptedDns};

/// What a key may hold.
pub(super) enum Shape {
    Text,
    /// One of a few words.
    Word(fn() -> Vec<&'static str>),
    /// A protocol by its name.
    Protocol,
    /// `true`, `false`, or a list of classes of private addresses.
    Private,
    /// One of those classes.
    Class,
    Number,
    Day,
    Port,
    List(&'static Shape),
    Table(&'static [Key]),
    /// `[[key]]`.
    Entries(&'static [Key]),
    /// Any key, each with this.
    Named(&'static Shape),
}

/// A key, what it may hold, and what it says, for editors.
pub(super) type Key = (&'static str, Shape, &'static str);

pub(super) const TEXTS: Shape = Shape::List(&Shape::Text);
const PORTS: Shape = Shape::List(&Shape::Port);
const PROTOCOLS: Shape = Shape::List(&Shape::Protocol);

fn words<T>(words: &[(&'static str, T)]) -> Vec<&'static str> {
    words.iter().map(|(word, _)| *word).collect()
}

const TRANSPORT: Shape = Shape::Word(|| vec!["tcp", "udp"]);
const SEVERITY: Shape = Shape::Word(|| vec!["notice", "undetermined", "violation"]);

/// A policy file. `[variables]` is read ahead of all others (`variables`).
pub(super) const FILE: &[Key] = &[
    ("name", Shape::Text, "What reports call the policy; the file's name where there is none"),
    ("description", Shape::Text, "What it is for"),
    ("dated", Shape::Day, "The day that its lists are of: an audit of another time says so"),
    ("extends", TEXTS, "Policies that it builds on: built-in names, or files beside this one"),
    (
        "dns_binding",
        Shape::Word(|| words(&DnsBinding::WORDS)),
        "How strictly an allowed name must have been answered with the address it is used at",
    ),
    ("ech", Shape::Word(|| words(&Ech::WORDS)), "What an encrypted ClientHello is worth"),
    ("encrypted_dns", Shape::Word(|| words(&EncryptedDns::WORDS)), "What encrypted DNS to a resolver outside the policy is worth"),
    ("groups", Shape::Named(&TEXTS), "Lists with a name, for use as \"@name\" in any list"),
    (
        "agent",
        Shape::Table(&[("addresses", TEXTS, "Addresses, prefixes and MAC addresses of the agent: together one client")]),
        "Whose traffic is audited",
    ),
    (
        "destinations",
        Shape::Table(&[("private", Shape::Private, "Whether private addresses are allowed under any name, or which classes of them")]),
        "Where traffic may go besides [[allow]]",
    ),
    (
        "tls",
        Shape::Table(&[
            ("minimum", Shape::Word(|| vec!["1.0", "1.1", "1.2", "1.3"]), "The lowest version of TLS"),
            ("ciphers", TEXTS, "The only cipher suites, by registered name or number"),
            ("roots", Shape::Text, "A file of certificates, in PEM, that every chain must lead to"),
        ]),
        "What TLS must be",
    ),
    (
        "dns",
        Shape::Table(&[
            ("resolvers", TEXTS, "The only resolvers that may be asked in the clear; private ones where there is no list"),
            ("search", TEXTS, "Suffixes that stub resolvers add to names"),
            ("encrypted", TEXTS, "Resolvers of encrypted DNS, by name, that may be asked"),
            (
                "grace",
                Shape::Text,
                "How long after its TTL an answer binds its name to its addresses: 90s, 30m, 24h, 7d; for ever where nothing is said",
            ),
            ("tunnel", Shape::Table(TUNNEL), "From what on queries are shaped like data carried out"),
        ]),
        "Who may be asked for names",
    ),
    ("encryption", Shape::Table(&[("counts", PROTOCOLS, "The only protocols that count as encrypted")]), "What counts as encrypted"),
    (
        "tunnels",
        Shape::Table(&[
            ("mirror", TEXTS, "Tunnels that bring the capture its packets: kinds, or addresses of their ends"),
            ("own", TEXTS, "Tunnels that the agent itself runs"),
        ]),
        "Whose traffic tunnels are",
    ),
    (
        "nat64",
        Shape::Table(&[("prefixes", TEXTS, "Prefixes behind which IPv4 addresses stand, besides the well-known one")]),
        "NAT64 (RFC 6052)",
    ),
    (
        "coverage",
        Shape::Table(&[
            ("min_duration", Shape::Text, "Over how long agents must be seen: 90s, 30m, 24h, 7d"),
            ("min_flows", Shape::Number, "How many flows of agents there must be"),
            ("expect", TEXTS, "Names and addresses that must be gone to"),
        ]),
        "What must have been seen for an audit to pass",
    ),
    (
        "allow",
        Shape::Entries(&[
            ("names", TEXTS, "Names: \"*.\" is one or more labels, \"+.\" one, \"*\" within a label stays there"),
            ("cidrs", TEXTS, "Addresses and prefixes; without names, they are allowed by themselves"),
            ("ports", PORTS, "Ports and ranges; any where there is no list"),
            ("transport", TRANSPORT, "The only transport"),
            ("protocols", PROTOCOLS, "What must be spoken there"),
            ("plaintext", PROTOCOLS, "Protocols that may go in the clear there"),
            ("paths", TEXTS, "The only paths that requests of HTTP in the clear may ask for; \"*\" is any run of characters"),
            ("agents", TEXTS, "The agents that it is for, by their addresses"),
            ("since", Shape::Day, "The first day on which it holds (UTC)"),
            ("until", Shape::Day, "The last day on which it holds (UTC)"),
            ("times", TEXTS, "Hours at which it holds (UTC): 02:00-04:00, mon-fri 09:00-17:00"),
            ("purpose", Shape::Text, "What it is for"),
            ("source", Shape::Text, "The document that it is taken from"),
        ]),
        "Destinations that are allowed",
    ),
    (
        "deny",
        Shape::Entries(&[
            ("names", TEXTS, "Names, written as in [[allow]]"),
            ("cidrs", TEXTS, "Addresses and prefixes"),
            ("ports", PORTS, "Ports and ranges; any where there is no list"),
            ("transport", TRANSPORT, "The only transport"),
            ("agents", TEXTS, "The agents that it is for, by their addresses"),
            ("purpose", Shape::Text, "Why"),
            ("source", Shape::Text, "The document that it is taken from"),
        ]),
        "Destinations that nothing else allows",
    ),
    (
        "inbound",
        Shape::Entries(&[
            ("from", TEXTS, "Addresses and prefixes that it may come from; any where there is no list"),
            ("ports", PORTS, "Ports of the agent"),
            ("transport", TRANSPORT, "The only transport"),
            ("protocols", PROTOCOLS, "What may be spoken; icmp-echo is a ping"),
            ("agents", TEXTS, "The agents that it is for, by their addresses"),
            ("since", Shape::Day, "The first day on which it holds (UTC)"),
            ("until", Shape::Day, "The last day on which it holds (UTC)"),
            ("times", TEXTS, "Hours at which it holds (UTC)"),
            ("purpose", Shape::Text, "What it is for"),
        ]),
        "What may be opened towards the agent",
    ),
    ("severity", Shape::Named(&SEVERITY), "Severities by the code of their rule; what is undetermined can only be raised"),
    (
        "waiver",
        Shape::Entries(&[
            ("rule", Shape::Text, "The code of the rule that is waived"),
            ("names", TEXTS, "Only for these names"),
            ("cidrs", TEXTS, "Only for these peers"),
            ("until", Shape::Day, "The last day on which it holds (UTC), after which it is a finding (WW911)"),
            ("reason", Shape::Text, "Why it was granted"),
            ("owner", Shape::Text, "Who answers for it"),
            ("granted", Shape::Day, "The day on which it was granted"),
        ]),
        "Violations that are known and borne for a while",
    ),
];

const TUNNEL: &[Key] = &[
    ("window", Shape::Text, "How much packet time is looked at together: 30s, 5m, 1h"),
    ("letters", Shape::Number, "Characters below its domain from which on a name is taken to carry data"),
    ("names", Shape::Number, "Names below one domain that carry data"),
    ("bytes", Shape::Number, "Bytes that they carry together"),
    ("long_letters", Shape::Number, "Characters below its domain from which on a name is long"),
    ("long_bytes", Shape::Number, "Bytes that long names carry together"),
    ("answer_bytes", Shape::Number, "Bytes that answers carry together"),
];

impl Shape {
    /// What is wrong with a value of another kind, and how it is mended.
    pub(super) fn wrong(&self, key: &str, found: &str) -> (String, String) {
        let (takes, help) = match self {
            Self::Text | Self::Word(_) | Self::Protocol => ("a string", format!("write it in quotes: {key} = \"...\"")),
            Self::Private => {
                ("true or false, or a list of classes", format!("write {key} = true, without quotes, or {key} = [\"rfc1918\", \"ula\"]"))
            }
            Self::Class => ("classes of addresses", format!("write it in quotes: {key} = [\"rfc1918\"]")),
            Self::Number => ("a number", format!("write {key} = 10, without quotes")),
            Self::Day => ("a date", format!("write a day without quotes: {key} = 2027-03-31")),
            Self::Port => ("ports", "write 443, or a range as \"8000-8100\"".to_owned()),
            Self::List(_) => ("a list", format!("write it in brackets: {key} = [...]")),
            Self::Table(_) | Self::Named(_) => ("a table", format!("write [{key}] on a line of its own")),
            Self::Entries(_) => ("entries", format!("write [[{key}]] on a line of its own, for each entry")),
        };
        (format!("`{}` takes {takes}, and this is of type {found}", key.escape_debug()), help)
    }
}
