//! DNS that is elsewhere: inside encryption, or among the neighbours of a link.
//!
//! DNS over TLS and over QUIC (RFC 7858, RFC 9250) say so by the application protocol that they offer; where a session on their port offers none, the port
//! is taken at its word, since nothing is allowed by it. DNS over HTTPS (RFC 8484) looks like any HTTPS: it is told by the name of its
//! resolver alone, of those that everybody knows and those that the policy adds. Which names are asked inside is not seen.
//!
//! Multicast DNS (RFC 6762) and LLMNR (RFC 4795) speak the format of DNS on ports of their own. What neighbours answer there is no resolver's answer.

use std::net::IpAddr;

use super::policy::Policy;
use crate::fact::{FlowFacts, FlowRecord, Name, Text, Transport};

/// Names of great public resolvers that speak DNS over HTTPS, as their operators document them, as of 2026-11-26. `*.` is one or more labels.
const KNOWN: &[&str] = &[
    "dns.google",
    "dns64.dns.google",
    "cloudflare-dns.com",
    "*.cloudflare-dns.com",
    "one.one.one.one",
    "dns.quad9.net",
    "dns9.quad9.net",
    "dns10.quad9.net",
    "dns11.quad9.net",
    "dns12.quad9.net",
    "doh.opendns.com",
    "*.opendns.com",
    "doh.umbrella.com",
    "dns.umbrella.com",
    "dns.nextdns.io",
    "*.dns.nextdns.io",
    "dns.adguard-dns.com",
    "*.adguard-dns.com",
    "dns.adguard.com",
    "*.cleanbrowsing.org",
    "dns.mullvad.net",
    "*.dns.mullvad.net",
    "dns.controld.com",
    "*.dns.controld.com",
    "freedns.controld.com",
    "dns0.eu",
    "*.dns0.eu",
    "dns.sb",
    "doh.dns.sb",
    "dns.switch.ch",
    "dns.digitale-gesellschaft.ch",
    "doh.dns.apple.com",
    "dns.alidns.com",
    "doh.pub",
    "dot.pub",
    "doh.360.cn",
    "doh.xfinity.com",
    "dns.twnic.tw",
];

/// The ports of multicast DNS and LLMNR.
const NEIGHBOURS: [u16; 2] = [5353, 5355];

/// The port of DNS over TLS and QUIC.
const ENCRYPTED_PORT: u16 = 853;

/// Encrypted DNS in a flow to `port` of a resolver: `dot`, `doq` or `doh`.
pub(super) fn encrypted(facts: &FlowFacts, port: u16, policy: &Policy) -> Option<&'static str> {
    let (protocol, _) = facts.protocol.filter(|(protocol, _)| matches!(*protocol, "tls" | "quic"))?;
    let offers = |word: &str| facts.tls.alpn.iter().any(|offered| offered.as_str() == word);
    if offers("dot") || protocol == "tls" && port == ENCRYPTED_PORT && facts.tls.alpn.is_empty() {
        return Some("dot");
    }
    if facts.tls.alpn.iter().any(is_doq) {
        return Some("doq");
    }
    let speaks_http = facts.tls.alpn.is_empty() || ["h2", "h3", "http/1.1"].into_iter().any(offers);
    let name = facts.names.last().map(|read| &read.name).filter(|_| speaks_http)?;
    (is_known(name) || policy.encrypted_resolver_allowed(name)).then_some("doh")
}

/// `doq`, or one of its drafts.
fn is_doq(offered: &Text) -> bool {
    offered.as_str() == "doq" || offered.as_str().starts_with("doq-i")
}

/// What each of [`KNOWN`] ends in: nearly every name ends in none of them, which is seen at once.
const TAILS: [u64; KNOWN.len()] = {
    let mut tails = [0; KNOWN.len()];
    let mut n = 0;
    while n < KNOWN.len() {
        tails[n] = tail(KNOWN[n].as_bytes());
        n += 1;
    }
    tails
};

/// The last eight bytes, or fewer where there are fewer.
const fn tail(text: &[u8]) -> u64 {
    match text.last_chunk::<8>() {
        Some(last) => u64::from_be_bytes(*last),
        None => {
            let (mut tail, mut n) = (0, 0);
            while n < text.len() {
                tail = tail << 8 | text[n] as u64;
                n += 1;
            }
            tail
        }
    }
}

fn is_known(name: &Name) -> bool {
    let tail = tail(name.as_str().as_bytes());
    TAILS.iter().fold(false, |is_any, known| is_any | (*known == tail))
        && KNOWN.iter().any(|known| match known.strip_prefix('*') {
            Some(behind) => name.as_str().len() > behind.len() && name.as_str().ends_with(behind),
            None => name.as_str() == *known,
        })
}

/// Whether a port is that of multicast DNS or LLMNR.
pub(super) fn is_of_neighbours(port: u16) -> bool {
    NEIGHBOURS.contains(&port)
}

/// Names among neighbours: `mdns` or `llmnr`, where one of a private network, or of the link, speaks DNS on their ports.
pub(super) fn among_neighbours(record: &FlowRecord, peer: IpAddr, policy: &Policy) -> Option<&'static str> {
    let has_port = |port| record.ends.iter().any(|end| end.port == port);
    let (mdns, llmnr) = (has_port(NEIGHBOURS[0]), has_port(NEIGHBOURS[1]));
    let is_dns = matches!(record.facts.protocol, Some(("dns", _)));
    match record.transport {
        _ if !is_dns || !policy.is_private(peer) => None,
        Transport::Udp if mdns => Some("mdns"),
        Transport::Udp | Transport::Tcp if llmnr => Some("llmnr"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{End, Fact, FrameId, Locus, NameSource, Observation, Timestamp};
    use crate::judge::policy::Known;

    #[test]
    fn encrypted_dns_is_told_by_what_it_offers_and_by_its_resolver() {
        let missing = |_: &str| Err(std::io::ErrorKind::NotFound.into());
        let policy = Policy::load(&[], &Known { protocols: &[] }, &missing).expect("the baseline");
        let told = |protocol, alpn: &[&str], name: &str, port| {
            let at = Locus { frame: FrameId::new(0, 1), at: Timestamp::default(), end: End::A };
            let mut facts = FlowFacts::default();
            let offers = alpn.iter().map(|word| Fact::Alpn(Text::from_wire(word.as_bytes())));
            let name = Fact::ServerName { name: Name::from_wire(name.as_bytes()), source: NameSource::Sni };
            [Fact::Protocol(protocol), name].into_iter().chain(offers).for_each(|fact| facts.fold(Observation { fact, at }));
            encrypted(&facts, port, &policy)
        };
        let other = "a.example";
        assert_eq!([told("tls", &["dot"], other, 443), told("tls", &[], other, 853)], [Some("dot"); 2]);
        assert_eq!([told("quic", &["doq"], other, 784), told("quic", &["doq-i11"], other, 853)], [Some("doq"); 2]);
        assert_eq!([told("tls", &["h2"], "dns.google", 443), told("quic", &["h3"], "dns.google", 443)], [Some("doh"); 2]);
        assert_eq!([told("tls", &["h2"], other, 443), told("tls", &["h2"], other, 853), told("http", &[], "dns.google", 80)], [None; 3]);
        assert_eq!(told("tls", &["imap"], "dns.google", 993), None);
    }

    #[test]
    fn names_of_resolvers_are_whole() {
        let is = |name: &str| is_known(&Name::from_wire(name.as_bytes()));
        assert!(["dns.google", "mozilla.cloudflare-dns.com", "a.b.dns.nextdns.io", "DNS.Google."].into_iter().all(is));
        assert!(!["google", "dns.google.example", "xcloudflare-dns.com", "www.quad9.net", ".dns.nextdns.io.example"].into_iter().any(is));
        assert!(KNOWN.iter().all(|known| *known == known.to_ascii_lowercase() && !known.ends_with('.')));
    }
}
