//! What single words of a policy mean: addresses, ports, versions, suites, days.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::errors::nearest;
use super::{Agent, Expect, Pattern, Private, TunnelIs, canonical, nat64};
use crate::fact::{CipherSuite, Name, Text, Timestamp, TlsVersion, Tunnel};
use crate::judge::Severity;
use crate::judge::rules::RULES;
use crate::limits;

/// What a word means, or what is wrong with it and how it is mended.
pub(super) type Parsed<T> = Result<T, (String, Option<String>)>;

/// One of a few words.
pub(super) fn one_of<T: Copy>(word: &str, words: &[(&str, T)]) -> Parsed<T> {
    words.iter().find(|(known, _)| *known == word).map(|(_, value)| *value).ok_or_else(|| {
        let listed: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
        let near = nearest(word, listed.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        (format!("`{}` is not known here", word.escape_debug()), near.or_else(|| Some(format!("one of {}", listed.join(", ")))))
    })
}

/// A name, or a pattern of names.
pub(super) fn parse_pattern(text: &str) -> Parsed<Pattern> {
    Pattern::parse(text).map_err(|why| (format!("the name `{}` {why}", text.escape_debug()), None))
}

/// A pattern of paths.
pub(super) fn parse_path(text: &str) -> Parsed<String> {
    let wrong = |why: &str| Err((format!("the path `{}` {why}", text.escape_debug()), Some("write it as /metadata/*".to_owned())));
    match text {
        _ if !text.starts_with(['/', '*']) => wrong("does not begin with a slash"),
        _ if text.contains(['?', '#']) => wrong("has a query, which is not looked at"),
        _ if !text.bytes().all(|byte| byte.is_ascii_graphic()) => wrong("holds characters that paths do not have"),
        _ if text.len() > Text::MAX_BYTES => wrong("is too long"),
        _ => Ok(text.to_owned()),
    }
}

/// The severity that a rule has by itself.
pub(super) fn rule_default(code: &str) -> Parsed<Severity> {
    let codes: Vec<(&str, Severity)> = RULES.iter().map(|rule| (rule.code, rule.severity)).collect();
    one_of(&code.to_ascii_uppercase(), &codes)
}

/// An address, a prefix without host bits, or a MAC address, of an agent.
///
/// # Errors
/// What is wrong with it, and how it is mended.
pub fn parse_agent(text: &str) -> Parsed<Agent> {
    let octets: Vec<&str> = text.split(if text.contains('-') { '-' } else { ':' }).collect();
    // an address of IPv6 may have as many parts
    let is_address = text.split('/').next().is_some_and(|ip| ip.parse::<IpAddr>().is_ok());
    if octets.len() != 6 || is_address {
        return parse_net(text).map(Agent::Net);
    }
    let mut mac = [0; 6];
    for (byte, octet) in mac.iter_mut().zip(octets) {
        let hex = octet.len() == 2 && octet.bytes().all(|b| b.is_ascii_hexdigit());
        *byte = u8::from_str_radix(octet, 16).ok().filter(|_| hex).ok_or_else(|| {
            let help = "write it as 02:00:5e:10:00:01".to_owned();
            (format!("`{}` is no MAC address", text.escape_debug()), Some(help))
        })?;
    }
    if mac[0] & 1 != 0 {
        return Err((format!("`{text}` is the MAC address of a group, which no agent has"), Some("name the agent's own".to_owned())));
    }
    Ok(Agent::Mac(mac))
}

/// An address or a prefix without host bits. Where all of it is IPv4 written as IPv6 it is taken as the IPv4 that packets are held
/// against.
pub(super) fn parse_net(text: &str) -> Parsed<IpNet> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(canonical(ip)));
    }
    let wrong = || format!("`{}` is no address and no prefix", text.escape_debug());
    let net: IpNet = text.parse().map_err(|_| (wrong(), Some("write it as 10.0.0.4, 10.0.0.0/24 or fd00::/64".to_owned())))?;
    if net.trunc() != net {
        let help = format!("did you mean `{}`, or the address alone?", net.trunc());
        return Err((format!("`{text}` has bits beyond its prefix length"), Some(help)));
    }
    let inner = net.prefix_len().checked_sub(96).filter(|_| matches!(net, IpNet::V6(_)));
    match (canonical(net.addr()), inner) {
        (IpAddr::V4(ip), Some(inner)) => Ok(Ipv4Net::new(ip, inner).map_or(net, IpNet::V4)),
        _ => Ok(net),
    }
}

/// Which private addresses are allowed: the words are known ones by now.
pub(super) fn parse_private(value: &toml::Value) -> Private {
    match value {
        toml::Value::Boolean(true) => Private::ALL,
        toml::Value::Array(words) => {
            let classes = words.iter().filter_map(toml::Value::as_str).filter_map(|word| one_of(word, &Private::CLASSES).ok());
            classes.fold(Private::default(), Private::and)
        }
        _ => Private::default(),
    }
}

/// A prefix of NAT64, of one of the lengths that there are.
pub(super) fn parse_nat64(text: &str) -> Parsed<Ipv6Net> {
    match parse_net(text)? {
        IpNet::V6(net) if nat64::LENGTHS.contains(&net.prefix_len()) && net.addr().octets()[8] == 0 => Ok(net),
        _ => {
            let help = "write an IPv6 prefix of length 32, 40, 48, 56, 64 or 96, whose bits 64 to 71 are zero (RFC 6052)".to_owned();
            Err((format!("`{}` is no prefix of NAT64", text.escape_debug()), Some(help)))
        }
    }
}

/// A kind of tunnel, or the address or prefix of an end.
pub(super) fn parse_tunnel(text: &str) -> Parsed<TunnelIs> {
    if text.starts_with(|c: char| c.is_ascii_hexdigit()) && text.contains(['.', ':']) {
        return parse_net(text).map(TunnelIs::At);
    }
    one_of(text, &Tunnel::ALL.map(|tunnel| (tunnel.name(), TunnelIs::Kind(tunnel))))
}

/// An address or prefix, or else the pattern of a name.
pub(super) fn parse_expect(text: &str) -> Parsed<Expect> {
    if text.contains(':') || text.contains('/') || text.parse::<IpAddr>().is_ok() {
        return parse_net(text).map(Expect::At);
    }
    Pattern::parse(text).map(Expect::Name).map_err(|why| (format!("the name `{}` {why}", text.escape_debug()), None))
}

/// A length of time, in nanoseconds, and as written.
pub(super) fn parse_duration(text: &str) -> Parsed<(i64, String)> {
    let (number, unit) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    let seconds = match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3600),
        "d" => Some(86_400),
        _ => None,
    };
    let nanos = seconds.and_then(|seconds: i64| number.parse::<i64>().ok()?.checked_mul(seconds)?.checked_mul(1_000_000_000));
    let wrong = || (format!("`{}` is no length of time", text.escape_debug()), Some("write it as 90s, 30m, 24h or 7d".to_owned()));
    nanos.filter(|nanos| *nanos > 0).map(|nanos| (nanos, text.to_owned())).ok_or_else(wrong)
}

/// A port, or a range of them.
pub fn parse_ports(value: &toml::Value) -> Parsed<RangeInclusive<u16>> {
    let wrong =
        || (format!("`{}` is no port", value.to_string().escape_debug()), Some("write 443, or a range as \"8000-8100\"".to_owned()));
    let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0 && text.trim().bytes().all(|b| b.is_ascii_digit()));
    match value {
        toml::Value::Integer(port) => u16::try_from(*port).ok().filter(|port| *port > 0).map(|port| port..=port).ok_or_else(wrong),
        toml::Value::String(text) => match text.split_once('-').map_or((port(text), port(text)), |(from, to)| (port(from), port(to))) {
            (Some(from), Some(to)) if from <= to => Ok(from..=to),
            (Some(from), Some(to)) => {
                Err((format!("the range `{from}-{to}` runs backwards"), Some(format!("did you mean \"{to}-{from}\"?"))))
            }
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

/// A version of TLS.
pub(super) fn parse_version(text: &str) -> Parsed<TlsVersion> {
    let words = [("1.0", TlsVersion::TLS1_0), ("1.1", TlsVersion::TLS1_1), ("1.2", TlsVersion::TLS1_2), ("1.3", TlsVersion::TLS1_3)];
    // no version is near to another
    one_of(text, &words).map_err(|(message, _)| (message, Some("write 1.2 or 1.3, or 1.0 or 1.1 where they must be borne".to_owned())))
}

/// A cipher suite, by its registered name or its number.
pub(super) fn parse_suite(text: &str) -> Parsed<CipherSuite> {
    let by_name = tls_parser::TlsCipherSuite::from_name(text).map(|suite| CipherSuite(suite.id.0));
    let by_number = || text.strip_prefix("0x").and_then(|hex| u16::from_str_radix(hex, 16).ok()).map(CipherSuite);
    let help = "use the registered name, as TLS_AES_128_GCM_SHA256, or its number, as 0x1301";
    by_name.or_else(by_number).ok_or_else(|| (format!("`{}` is no cipher suite", text.escape_debug()), Some(help.to_owned())))
}

/// A host name without wildcards.
pub(super) fn parse_host(text: &str) -> Parsed<Name> {
    let name = Name::from_wire(text.as_bytes());
    let help = || Some("write a domain without wildcards, as corp.example".to_owned());
    if name.is_odd() { Err((format!("`{}` is no host name", text.escape_debug()), help())) } else { Ok(name) }
}

/// A day: the first moment after it, and the day as written.
pub(super) fn parse_day(until: &toml::value::Datetime) -> Parsed<(Timestamp, String)> {
    match (until.date, until.time, until.offset) {
        (Some(date), None, None) => {
            let midnight = Timestamp::from_date(date.year.into(), date.month.into(), date.day.into());
            Ok((midnight.plus_nanos(limits::DAY_NANOS), date.to_string()))
        }
        (Some(date), ..) => {
            Err((format!("`{until}` has a time, and a day is meant, until its end (UTC)"), Some(format!("did you mean {date}?"))))
        }
        (None, ..) => Err((format!("`{until}` is no date"), Some("write a day, as 2027-03-31".to_owned()))),
    }
}

/// A moment, in UTC where it says no offset; `None` where it has no day.
pub(in crate::judge) fn parse_moment(at: &toml::value::Datetime) -> Option<Timestamp> {
    let date = at.date?;
    let day = Timestamp::from_date(date.year.into(), date.month.into(), date.day.into());
    let (seconds, nanos) = at.time.map_or((0, 0), |time| {
        let seconds = i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + i64::from(time.second.unwrap_or(0));
        (seconds, i64::from(time.nanosecond.unwrap_or(0)))
    });
    let east = match at.offset {
        Some(toml::value::Offset::Custom { minutes }) => i64::from(minutes) * 60,
        _ => 0,
    };
    Some(day.plus_nanos((seconds - east) * 1_000_000_000 + nanos))
}

/// Text that is printed in reports: nothing in it may move a cursor or turn the direction of reading.
pub(super) fn parse_text(text: &str) -> Parsed<String> {
    match text.chars().find(|c| is_unseen(*c)) {
        Some(unseen) => Err((format!("holds the invisible character `{}`", unseen.escape_unicode()), Some("take it out".to_owned()))),
        None => Ok(text.to_owned()),
    }
}

/// Controls, and marks that change the direction of text.
pub(super) fn is_unseen(c: char) -> bool {
    c.is_control() || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
