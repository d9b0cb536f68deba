//! Lists without a shape of their own: a name or a prefix a line, and hosts files.

use std::net::IpAddr;

use data_encoding::BASE64;
use ipnet::IpNet;

use super::{Kind, List, Part};
use crate::judge::policy::Pattern;
use crate::judge::policy::words::parse_net;
use crate::limits;

pub(super) static LIST: Kind = Kind {
    name: "list",
    reads: "a list with a name, an address or a prefix on each line",
    caution: "Names and prefixes are entries of their own: a name is allowed at any address that it was answered with.",
    read: list,
};

pub(super) static HOSTS: Kind = Kind {
    name: "hosts",
    reads: "a hosts file",
    caution: "Each address is allowed under its names alone. Loopback is left out.",
    read: hosts,
};

pub(super) static SURICATA: Kind = Kind {
    name: "suricata-dataset",
    reads: "a dataset of Suricata: strings in Base64, or addresses, one on each line",
    caution: "Names are taken as Suricata compares them: whole, and none below them.",
    read: suricata,
};

fn suricata(text: &str) -> Result<List, String> {
    let (mut names, mut cidrs) = (Vec::new(), Vec::new());
    for (line, entry) in text.lines().zip(1..).map(|(entry, line)| (line, entry.trim())).filter(|(_, entry)| !entry.is_empty()) {
        // behind a comma stands a reputation
        let word = entry.split_once(',').map_or(entry, |(word, _)| word).trim();
        if let Ok(net) = parse_net(word) {
            cidrs.push(net);
            continue;
        }
        let wrong = || format!("line {line}: `{}` is no address and no Base64: hashes and other types have no names", word.escape_debug());
        let bytes = BASE64.decode(word.as_bytes()).map_err(|_| wrong())?;
        let said = String::from_utf8(bytes).map_err(|_| wrong())?;
        names.push(name(&said).map_err(|why| format!("line {line}: {why}"))?);
    }
    Ok(List { parts: vec![names_of(names), prefixes_of(cidrs)], ..List::default() })
}

fn names_of(names: Vec<String>) -> Part {
    Part { name: "names".to_owned(), names, ..Part::default() }
}

fn prefixes_of(cidrs: Vec<IpNet>) -> Part {
    Part { name: "prefixes".to_owned(), cidrs, ..Part::default() }
}

fn list(text: &str) -> Result<List, String> {
    let (mut names, mut cidrs) = (Vec::new(), Vec::new());
    for (line, word) in lines(text) {
        let mut words = word.split_whitespace();
        let (Some(word), None) = (words.next(), words.next()) else {
            return Err(format!("line {line}: one name or prefix stands on a line"));
        };
        match parse_net(word) {
            Ok(net) => cidrs.push(net),
            Err(_) => names.push(name(word).map_err(|why| format!("line {line}: {why}"))?),
        }
    }
    Ok(List { parts: vec![names_of(names), prefixes_of(cidrs)], ..List::default() })
}

fn hosts(text: &str) -> Result<List, String> {
    let mut parts: Vec<Part> = Vec::new();
    for (line, entry) in lines(text) {
        let mut words = entry.split_whitespace();
        let address = words.next().unwrap_or_default();
        // the link of an address that is one's alone
        let address = address.split('%').next().unwrap_or_default();
        let ip: IpAddr = address.parse().map_err(|_| format!("line {line}: `{}` is no address", address.escape_debug()))?;
        if ip.is_loopback() {
            continue;
        }
        if ip.is_unspecified() {
            return Err(format!("line {line}: names at {ip} are blocked ones, and a policy lists what is allowed"));
        }
        let names: Vec<String> = words.map(name).collect::<Result<_, _>>().map_err(|why| format!("line {line}: {why}"))?;
        let net = IpNet::from(ip);
        match parts.iter_mut().find(|part| part.cidrs == [net]) {
            Some(part) => part.names.extend(names),
            None => parts.push(Part { source: format!("line {line}"), names, cidrs: vec![net], ..Part::default() }),
        }
    }
    parts.retain(|part| !part.names.is_empty());
    Ok(List { parts, ..List::default() })
}

/// Lines that say something, without what follows a `#`, and their numbers.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let bare = |line: &'_ str| line.find('#').map_or(line.len(), |at| at);
    text.lines().zip(1..).map(move |(line, n)| (n, line[..bare(line)].trim())).filter(|(_, line)| !line.is_empty())
}

/// A name that a policy takes.
fn name(word: &str) -> Result<String, String> {
    let shown = || word.chars().take(limits::POLICY_WORD_CHARS).collect::<String>();
    Pattern::parse(word).map(|_| word.to_owned()).map_err(|why| format!("the name `{}` {why}", shown().escape_debug()))
}
