//! A made-up flow from its line.

use std::net::IpAddr;
use std::ops::Range;

use super::{MadeUp, Outcome, Speaks};
use crate::fact::{Name, TlsVersion, Transport};
use crate::judge::policy::nearest;

/// What is wrong with a line, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The bytes of the line that are meant.
    pub at: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// How it is mended.
    pub help: Option<String>,
}

/// Protocols that are spoken encrypted, each with its transport and port.
const SEALED: &[(&str, Transport, Option<u16>)] =
    &[("ssh", Transport::Tcp, Some(22)), ("wireguard", Transport::Udp, Some(51_820)), ("ike", Transport::Udp, Some(500))];

/// Those of which no packet shows it.
const UNSEEN: &[&str] = &["openvpn", "tailscale"];

/// What goes over UDP, and which ports it is found at where none is named.
const OVER_UDP: &[&str] = &["quic", "dtls", "dns", "ntp", "syslog", "openvpn", "tailscale", "wireguard", "ike"];
const PORTS: &[(&str, u16)] = &[("dns", 53), ("http", 80), ("ntp", 123), ("smtp", 25), ("ftp", 21), ("telnet", 23), ("syslog", 514)];

/// Words that are no protocols.
const WORDS: &[&str] = &[
    "tcp",
    "udp",
    "ping",
    "text",
    "unknown",
    "refused",
    "unanswered",
    "unnamed",
    "unbound",
    "tls",
    "tls1.0",
    "tls1.1",
    "tls1.2",
    "tls1.3",
    "quic",
    "dtls",
];

impl MadeUp {
    /// Reads a line; `protocols` are the names of those that are known.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(line: &str, protocols: &[&'static str]) -> Result<Self, Wrong> {
        let mut words = words(line).peekable();
        let whole = || Wrong {
            at: 0..line.len(),
            message: "no direction".to_owned(),
            help: Some("write -> for what the agent opens, <- for what is opened towards it: \"-> www.example.com:443 tls\"".to_owned()),
        };
        let is_way = |word: &str| matches!(word, "->" | "<-");
        let agent = match words.peek() {
            Some((at, word)) if !is_way(word) => {
                let (at, word) = (at.clone(), *word);
                words.next();
                const HELP: Option<&str> = Some("begin with -> or <-, or with the agent's address");
                let ip = word.parse().map_err(|_| wrong(at, &format!("`{}` is no address of an agent", word.escape_debug()), HELP))?;
                Some(ip)
            }
            _ => None,
        };
        let comes_in = match words.next() {
            Some((_, "->")) => false,
            Some((_, "<-")) => true,
            _ => return Err(whole()),
        };
        let (at, peer) = words.next().ok_or_else(|| wrong(line.len()..line.len(), "no peer", Some("write a name or an address")))?;
        let (name, ip, port) = parse_peer(peer).map_err(|(message, help)| wrong(at.clone(), &message, help))?;
        let mut flow = Said::default();
        while let Some((at, word)) = words.next() {
            flow.word(word, &mut || words.next().map(|(_, word)| word), protocols).map_err(|(message, help)| Wrong {
                at,
                message,
                help,
            })?;
        }
        flow.settle(agent, comes_in, (name, ip, port)).map_err(|(message, help)| wrong(at, &message, help))
    }
}

fn wrong(at: Range<usize>, message: &str, help: Option<&str>) -> Wrong {
    Wrong { at, message: message.to_owned(), help: help.map(str::to_owned) }
}

/// The words of a line, each with its place.
fn words(line: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    line.split_whitespace().map(move |word| {
        let start = word.as_ptr().addr() - line.as_ptr().addr();
        (start..start + word.len(), word)
    })
}

/// Name, address and port of a peer.
type Peer = (Option<Name>, Option<IpAddr>, Option<u16>);

fn parse_peer(text: &str) -> Result<Peer, (String, Option<&'static str>)> {
    const HELP: Option<&str> = Some("write www.example.com:443, 192.0.2.1:443, [2001:db8::1]:443 or www.example.com@192.0.2.1:443");
    let wrong = |what: &str, word: &str| (format!("`{}` is no {what}", word.escape_debug()), HELP);
    let (named, place) = text.split_once('@').map_or((None, text), |(name, place)| (Some(name), place));
    let (host, port) = if let Ok(ip) = place.parse::<IpAddr>() {
        (ip.to_string(), None)
    } else {
        match place.rsplit_once(':') {
            Some((host, port)) => {
                let port = port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(|| wrong("port", port))?;
                (host.to_owned(), Some(port))
            }
            None => (place.to_owned(), None),
        }
    };
    let ip = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host).parse::<IpAddr>().ok();
    let as_name = |text: &str| {
        let name = Name::from_wire(text.as_bytes());
        if name.is_odd() || text.is_empty() { Err(wrong("host name", text)) } else { Ok(name) }
    };
    match (named, ip) {
        (Some(name), Some(ip)) => Ok((Some(as_name(name)?), Some(ip), port)),
        (Some(_), None) => Err(wrong("address", &host)),
        (None, Some(ip)) => Ok((None, Some(ip), port)),
        (None, None) => Ok((Some(as_name(&host)?), None, port)),
    }
}

/// What the words of a line say.
struct Said {
    transport: Option<Transport>,
    speaks: Option<Speaks>,
    /// The protocol by its word, for its port.
    protocol: Option<&'static str>,
    outcome: Outcome,
    unnamed: bool,
    unbound: bool,
}

impl Default for Said {
    fn default() -> Self {
        Self { transport: None, speaks: None, protocol: None, outcome: Outcome::Answered, unnamed: false, unbound: false }
    }
}

type Mistaken = (String, Option<String>);

impl Said {
    /// Takes a word in; `next` is the one behind it.
    fn word<'a>(&mut self, word: &str, next: &mut dyn FnMut() -> Option<&'a str>, protocols: &[&'static str]) -> Result<(), Mistaken> {
        let tls = |version| Speaks::Tls("tls", version);
        let speaks = match word {
            "tcp" => return self.over(Transport::Tcp),
            "udp" => return self.over(Transport::Udp),
            "refused" => return self.ends(Outcome::Refused),
            "unanswered" => return self.ends(Outcome::Unanswered),
            "unnamed" => {
                self.unnamed = true;
                return Ok(());
            }
            "unbound" => {
                self.unbound = true;
                return Ok(());
            }
            "ping" => Speaks::Ping,
            "text" => Speaks::Text,
            "unknown" => Speaks::Unknown,
            "tls" | "tls1.3" => tls(TlsVersion::TLS1_3),
            "tls1.2" => tls(TlsVersion::TLS1_2),
            "tls1.1" => tls(TlsVersion::TLS1_1),
            "tls1.0" => tls(TlsVersion::TLS1_0),
            "quic" => Speaks::Tls("quic", TlsVersion::TLS1_3),
            "dtls" => Speaks::Tls("dtls", TlsVersion::DTLS1_2),
            "dns" => {
                let asked = next().ok_or_else(|| ("a question without a name".to_owned(), Some("write dns www.example.com".to_owned())))?;
                let name = Name::from_wire(asked.as_bytes());
                if name.is_odd() {
                    return Err((format!("`{}` is no host name", asked.escape_debug()), None));
                }
                Speaks::Question(name)
            }
            _ => match protocols.iter().find(|known| **known == word) {
                Some(known) if SEALED.iter().any(|(sealed, ..)| sealed == known) => Speaks::Sealed(known),
                Some(known) if UNSEEN.contains(known) => Speaks::Unseen(known),
                Some(known) => Speaks::Clear(known),
                None => {
                    let words = WORDS.iter().chain(protocols).copied();
                    let near = nearest(word, words).map(|near| format!("did you mean `{near}`?"));
                    let listed = || format!("one of {}, or a protocol", WORDS.join(", "));
                    return Err((format!("`{}` is not known here", word.escape_debug()), Some(near.unwrap_or_else(listed))));
                }
            },
        };
        if self.speaks.replace(speaks).is_some() {
            return Err(("a second thing that is spoken".to_owned(), Some("write one protocol a flow".to_owned())));
        }
        let known = protocols.iter().chain(&["dns", "quic", "dtls", "tls"]).copied();
        self.protocol = known.into_iter().find(|known| *known == word);
        Ok(())
    }

    fn over(&mut self, transport: Transport) -> Result<(), Mistaken> {
        match self.transport.replace(transport) {
            None => Ok(()),
            Some(_) => Err(("a second transport".to_owned(), Some("write tcp or udp, once".to_owned()))),
        }
    }

    fn ends(&mut self, outcome: Outcome) -> Result<(), Mistaken> {
        match std::mem::replace(&mut self.outcome, outcome) {
            Outcome::Answered => Ok(()),
            _ => Err(("a second outcome".to_owned(), Some("write refused or unanswered, once".to_owned()))),
        }
    }

    fn settle(self, agent: Option<IpAddr>, comes_in: bool, (name, ip, port): Peer) -> Result<MadeUp, (String, Option<&'static str>)> {
        let speaks = match (self.speaks, self.outcome) {
            (Some(speaks), _) => speaks,
            (None, Outcome::Answered) => Speaks::Tls("tls", TlsVersion::TLS1_3),
            (None, _) => Speaks::Nothing,
        };
        let sealed = SEALED.iter().find(|(known, ..)| self.protocol == Some(*known));
        let usual = match self.protocol {
            Some(known) if OVER_UDP.contains(&known) => Transport::Udp,
            _ if speaks == Speaks::Ping => Transport::Icmp,
            _ => Transport::Tcp,
        };
        let transport = match (self.transport, &speaks) {
            (Some(_), Speaks::Ping) => return Err(("a ping has no transport".to_owned(), Some("take tcp or udp out"))),
            (chosen, _) => chosen.unwrap_or(usual),
        };
        let known_port = match (&speaks, sealed) {
            (Speaks::Ping, _) => Some(0),
            (Speaks::Tls(..) | Speaks::Nothing, _) => Some(443),
            (_, Some((.., port))) => *port,
            _ => PORTS.iter().find(|(known, _)| self.protocol == Some(*known)).map(|(_, port)| *port),
        };
        let port = port.or(known_port).ok_or_else(|| ("no port".to_owned(), Some("write it behind the peer: www.example.com:8080")))?;
        if comes_in && ip.is_none() {
            return Err(("what comes in comes from an address".to_owned(), Some("write <- 192.0.2.1:22, with the agent's port behind it")));
        }
        Ok(MadeUp {
            agent,
            comes_in,
            name,
            ip,
            port,
            transport,
            speaks,
            outcome: self.outcome,
            unnamed: self.unnamed,
            unbound: self.unbound,
        })
    }
}
