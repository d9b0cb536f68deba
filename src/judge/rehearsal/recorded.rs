//! Flows as they were recorded (`wirewitness flows --json`), judged again: under another policy, and without the capture.
//!
//! A record says where a flow went, what was spoken and whether that was encrypted. It does not say what was missing from it, which bytes show
//! what, nor what was read of certificates: the rules that ask for these are not asked, so that what comes of it is no verdict of an audit.

use std::net::IpAddr;
use std::sync::Arc;

use serde::Deserialize;

use super::super::policy::{Policy, Required, parse_moment};
use super::super::{Judge, Judgement, Scope};
use crate::fact::{
    Basis, CipherSuite, Cleartext, DnsData, End, Endpoint, Fact, FlowFacts, FlowRecord, FlowState, FrameId, Locus, Name, NameSource,
    Observation, RecordType, Resolution, ResponseCode, Tally, Text, Timestamp, TlsVersion, Transport,
};

/// A flow record. Fields that nothing is judged by are passed over.
#[derive(Debug, Deserialize)]
pub struct Recorded {
    #[serde(default)]
    first_packet: u64,
    first: String,
    last: String,
    transport: String,
    initiator: RecordedEnd,
    responder: RecordedEnd,
    initiator_basis: Basis,
    direction: String,
    packets: Exchange,
    bytes: Exchange,
    state: String,
    #[serde(default)]
    protocol: String,
    #[serde(default)]
    encryption: String,
    server_name: Option<String>,
    server_name_source: Option<NameSource>,
    tls: Option<Tls>,
    #[serde(default)]
    dns: Vec<Dns>,
    http: Option<Http>,
    connect: Option<String>,
    socks: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct RecordedEnd {
    ip: IpAddr,
    #[serde(default)]
    port: u16,
}

#[derive(Debug, Deserialize)]
struct Exchange {
    sent: u64,
    received: u64,
}

#[derive(Debug, Deserialize)]
struct Tls {
    version: Option<String>,
    cipher: Option<String>,
    ech: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Dns {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    rcode: Option<String>,
    ttl: Option<u32>,
    answers: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Http {
    method: String,
    host: Option<String>,
}

impl Recorded {
    /// Reads a line of JSON.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(line: &str) -> Result<Self, String> {
        let recorded: Self = serde_json::from_str(line).map_err(|error| error.to_string())?;
        match (recorded.times(), transport(&recorded.transport)) {
            (Some(_), Some(_)) => Ok(recorded),
            (None, _) => Err(format!("`{}` to `{}` are no times", recorded.first.escape_debug(), recorded.last.escape_debug())),
            (_, None) => Err(format!("`{}` is no transport", recorded.transport.escape_debug())),
        }
    }

    fn times(&self) -> Option<(Timestamp, Timestamp)> {
        Some((moment(&self.first)?, moment(&self.last)?))
    }

    /// Which ends are agents: by their addresses where agents are named, and otherwise as the record says.
    fn agents(&self, scope: &Scope) -> [bool; 2] {
        match self.direction.as_str() {
            _ if !scope.is_empty() && !scope.has_macs() => [self.initiator, self.responder].map(|end| scope.has(end.ip, None)),
            "outbound" => [true, false],
            "inbound" => [false, true],
            "internal" => [true, true],
            _ => [false, false],
        }
    }
}

/// Judges flows that were recorded. Answers of resolvers come first, all of them, since a record does not say when each was seen.
pub struct Again {
    judge: Judge,
    scope: Scope,
    protocols: Vec<&'static str>,
}

impl Again {
    /// Under a policy; `protocols` are the names of those that are known.
    #[must_use]
    pub fn new(policy: &Policy, scope: Scope, protocols: &[&'static str]) -> Self {
        let mut policy = policy.clone();
        policy.coverage = Required::default();
        let mut judge = Judge::new(Arc::new(policy), Vec::new(), false, None);
        judge.begin(Timestamp::from_nanos(i64::MIN / 2));
        Self { judge, scope, protocols: protocols.to_vec() }
    }

    /// Takes in what was answered to agents in a flow, and for which of its names its peer's address was.
    pub fn answers(&mut self, recorded: &Recorded) {
        let Some((first, _)) = recorded.times() else { return };
        if recorded.agents(&self.scope) == [false; 2] {
            return;
        }
        let at = Locus { frame: FrameId::new(0, recorded.first_packet), at: first, end: End::B };
        for answer in recorded.dns.iter().filter_map(Dns::answer) {
            self.judge.resolved(recorded.initiator.ip, &answer, at);
        }
        if let (Some(name), Some(NameSource::Dns)) = (&recorded.server_name, recorded.server_name_source) {
            let ip = recorded.responder.ip;
            let qtype = if ip.is_ipv4() { 1 } else { 28 };
            let answers = vec![DnsData::Address(ip)];
            let answer = Resolution { name: as_name(name), qtype, rcode: 0, truncated: false, ttl: None, carried: 0, answers };
            self.judge.resolved(recorded.initiator.ip, &answer, at);
        }
    }

    /// Judges a flow.
    pub fn flow(&mut self, recorded: &Recorded) -> Option<(FlowRecord, Judgement)> {
        let record = self.record(recorded)?;
        if record.agents[End::A.index()] {
            for asked in &record.facts.dns {
                self.judge.asked(record.ends, record.transport, asked.name.clone(), asked.qtype, Locus { end: End::A, ..asked.at });
            }
        }
        let judgement = self.judge.ended(&record);
        Some((record, judgement))
    }

    fn record(&self, recorded: &Recorded) -> Option<FlowRecord> {
        let (first, last) = recorded.times()?;
        let at = Locus { frame: FrameId::new(0, recorded.first_packet.max(1)), at: first, end: End::A };
        let ends = [recorded.initiator, recorded.responder].map(|end| Endpoint { ip: end.ip, port: end.port });
        let sent = [(recorded.packets.sent, recorded.bytes.sent), (recorded.packets.received, recorded.bytes.received)]
            .map(|(packets, bytes)| Tally { packets, bytes });
        let state = state(&recorded.state);
        let took_part = |end: End| (sent[end.index()].packets > 0).then_some(Locus { end, ..at });
        Some(FlowRecord {
            agents: recorded.agents(&self.scope),
            initiator: (recorded.initiator_basis != Basis::Unknown).then_some(End::A),
            basis: recorded.initiator_basis,
            state,
            last,
            sent,
            answered: [took_part(End::A), took_part(End::B)],
            began_before: state == FlowState::Partial,
            facts: recorded.facts(at, &self.protocols).into(),
            ..FlowRecord::new(transport(&recorded.transport)?, ends, at)
        })
    }
}

impl Recorded {
    /// What was read in it.
    fn facts(&self, at: Locus, protocols: &[&'static str]) -> FlowFacts {
        let mut facts = FlowFacts::default();
        let mut say = |end, fact| facts.fold(Observation { fact, at: Locus { end, ..at } });
        let protocol = protocols.iter().find(|known| **known == self.protocol).copied();
        if let Some(protocol) = protocol {
            say(End::A, Fact::Protocol(protocol));
        }
        for (target, by) in [(&self.connect, NameSource::Connect), (&self.socks, NameSource::Socks)] {
            let Some(target) = target else { continue };
            let (host, port) = target.rsplit_once(':').map_or((target.as_str(), None), |(host, port)| (host, port.parse().ok()));
            let host = host.trim_start_matches('[').trim_end_matches(']');
            say(End::A, Fact::Proxied { target: Text::from_wire(target.as_bytes()), name: as_name(host), port, by });
        }
        let has_hello = self.tls.is_some();
        match (&self.server_name, self.server_name_source) {
            (Some(name), Some(source @ (NameSource::Sni | NameSource::QuicSni))) => {
                say(End::A, Fact::ServerName { name: as_name(name), source });
            }
            _ if has_hello => say(End::A, Fact::NoServerName),
            _ => {}
        }
        if let Some(tls) = &self.tls {
            tls.version.as_deref().and_then(version).into_iter().for_each(|version| say(End::B, Fact::Version(version)));
            tls.cipher.as_deref().and_then(suite).into_iter().for_each(|suite| say(End::B, Fact::CipherSuite(suite)));
            if tls.ech == Some(true) {
                say(End::A, Fact::EchOffered(None));
            }
        }
        for Dns { name, kind, .. } in &self.dns {
            say(End::A, Fact::Asked { name: as_name(name), qtype: record_type(kind) });
        }
        for answer in self.dns.iter().filter_map(Dns::answer) {
            say(End::B, Fact::Resolved(Arc::new(answer)));
        }
        if let Some(http) = &self.http {
            let host = http.host.as_deref().map(as_name);
            say(End::A, Fact::Http { method: Text::from_wire(http.method.as_bytes()), host, path: None });
        }
        let (encrypted, clear) = match self.encryption.as_str() {
            "encrypted" => (true, None),
            "plaintext" => (false, Some(if protocol.is_some() { Cleartext::Protocol } else { Cleartext::Readable })),
            "mixed" => (true, Some(Cleartext::AfterHandshake)),
            _ => (false, None),
        };
        if encrypted || has_hello {
            say(End::A, Fact::HandshakeBegun);
        }
        if encrypted {
            [Fact::HandshakeFinished, Fact::ProtectedData, Fact::Encrypted].into_iter().for_each(|fact| say(End::A, fact));
        }
        clear.into_iter().for_each(|how| say(End::A, Fact::Cleartext(how)));
        if self.encryption == "unrecognized" {
            say(End::A, Fact::Unrecognised);
        }
        facts
    }
}

impl Dns {
    fn answer(&self) -> Option<Resolution> {
        let rcode = self.rcode.as_ref()?;
        Some(Resolution {
            name: as_name(&self.name),
            qtype: record_type(&self.kind),
            rcode: ResponseCode::from_text(rcode).map_or(0, |code| code.0),
            truncated: false,
            ttl: self.ttl,
            carried: 0,
            answers: self.answers.iter().flatten().flat_map(|text| data(text)).collect(),
        })
    }
}

/// What one record of an answer says: an address, a name, a service with its hints, or the type of another.
fn data(text: &str) -> Vec<DnsData> {
    let hints = |word: &str| -> Vec<DnsData> {
        let list = word.strip_prefix("ipv4hint=").or(word.strip_prefix("ipv6hint=")).unwrap_or_default();
        list.split(',').filter_map(|ip| ip.trim_matches('"').parse().ok()).map(DnsData::Address).collect()
    };
    match text.parse() {
        Ok(ip) => vec![DnsData::Address(ip)],
        Err(_) if text.contains(' ') => text.split(' ').flat_map(hints).collect(),
        Err(_) if text.contains('.') => vec![DnsData::Target(as_name(text))],
        Err(_) => vec![DnsData::Other(record_type(text))],
    }
}

/// A name of a record is inert already, unless somebody else wrote it.
fn as_name(text: &str) -> Name {
    let is_inert = text.bytes().all(|byte| byte.is_ascii_graphic()) && text.len() <= 4 * Name::MAX_BYTES;
    if is_inert { Name::from(Arc::<str>::from(text.to_ascii_lowercase())) } else { Name::from_wire(text.as_bytes()) }
}

fn record_type(kind: &str) -> u16 {
    RecordType::from_text(kind).map_or(0, |kind| kind.0)
}

fn transport(word: &str) -> Option<Transport> {
    (0..=u8::MAX).map(Transport::from_number).find(|transport| transport.to_string() == word)
}

fn state(word: &str) -> FlowState {
    let states = [FlowState::Attempted, FlowState::Refused, FlowState::Established, FlowState::Closed, FlowState::Reset];
    states.into_iter().find(|state| state.as_str() == word).unwrap_or(FlowState::Partial)
}

fn version(word: &str) -> Option<TlsVersion> {
    let tls = [TlsVersion::SSL2, TlsVersion::SSL3, TlsVersion::TLS1_0, TlsVersion::TLS1_1, TlsVersion::TLS1_2, TlsVersion::TLS1_3];
    let dtls = [TlsVersion::DTLS1_0, TlsVersion::DTLS1_2, TlsVersion::DTLS1_3];
    tls.into_iter().chain(dtls).find(|version| version.to_string() == word)
}

fn suite(word: &str) -> Option<CipherSuite> {
    let by_number = || word.strip_prefix("0x").and_then(|hex| u16::from_str_radix(hex, 16).ok()).map(CipherSuite);
    tls_parser::TlsCipherSuite::from_name(word).map(|suite| CipherSuite(suite.id.0)).or_else(by_number)
}

/// A time as records have it (RFC 3339).
fn moment(text: &str) -> Option<Timestamp> {
    text.parse().ok().filter(|at: &toml::value::Datetime| at.time.is_some()).as_ref().and_then(parse_moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_it_was_written() {
        for nanos in [0, 1_700_000_000_123_456_789, 1_600_000_000_000_000_001] {
            let at = Timestamp::from_nanos(nanos);
            assert_eq!(moment(&at.to_string()), Some(at));
        }
        assert!(["", "yesterday", "2026-11-24"].iter().all(|text| moment(text).is_none()));
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for number in [1, 5, 28, 65, 64, 777] {
            assert_eq!(record_type(&RecordType(number).to_string()), number);
        }
        assert_eq!(version(&TlsVersion::DTLS1_2.to_string()), Some(TlsVersion::DTLS1_2));
        assert_eq!(suite(&CipherSuite(0x1301).to_string()), Some(CipherSuite(0x1301)));
        assert_eq!(suite(&CipherSuite(0xfafa).to_string()), Some(CipherSuite(0xfafa)));
        assert_eq!(transport("ip-proto-99"), Some(Transport::Other(99)));
        assert_eq!(as_name("A.Example\\x20").as_str(), "a.example\\x20");
        assert_eq!(as_name("a\u{7}").as_str(), "a\\x07");
    }
}
