//! The flow record: one object a flow, in JSON Lines or as a line of text. A field that does not apply is left out.

use std::fmt;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use super::community;
use super::layout::{bytes, inert};
use crate::fact::{
    Basis, DnsData, DnsTransaction, End, Endpoint, FlowRecord, Layer, NameSource, RecordType, ResponseCode, Tally, Timestamp, Transport,
};
use crate::judge::Judgement;

mod certificate;
mod tls;

pub use tls::TlsLine;

/// A flow as it is written.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FlowLine<'a> {
    /// The path of the capture that its first packet is of.
    pub input: &'a str,
    /// That packet's number, from 1.
    pub first_packet: u64,
    /// Its time.
    #[serde(serialize_with = "display")]
    #[schemars(with = "String")]
    pub first: Timestamp,
    /// The time of the last packet.
    #[serde(serialize_with = "display")]
    #[schemars(with = "String")]
    pub last: Timestamp,
    /// The protocol above IP.
    #[serde(serialize_with = "display")]
    #[schemars(with = "String")]
    pub transport: Transport,
    /// Who opened it; the lower endpoint where nobody is known to.
    pub initiator: Endpoint,
    /// Who was asked.
    pub responder: Endpoint,
    /// What the initiator is known by.
    pub initiator_basis: Basis,
    /// Seen from the agent.
    pub direction: &'static str,
    /// The tunnels that it came in, outermost first.
    #[serde(skip_serializing_if = "<[Layer]>::is_empty")]
    pub tunnel: &'a [Layer],
    /// IP packets.
    pub packets: Exchange,
    /// Bytes of payload above the transport.
    pub bytes: Exchange,
    /// What other tools call the flow (Community ID 1, seed 0); left out where its packets do not show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub community_id: Option<String>,
    /// How far the conversation went.
    pub state: &'static str,
    /// The innermost protocol, or `unknown`.
    pub protocol: &'a str,
    /// What was shown of the payload.
    pub encryption: &'static str,
    /// The innermost name asked for, or one that the responder's address was answered for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<&'a str>,
    /// By what means it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name_source: Option<NameSource>,
    /// What the TLS handshake settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsLine<'a>>,
    /// The questions and answers that it carried.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<DnsLine<'a>>,
    /// The first request in the clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpLine<'a>>,
    /// `host:port` of an HTTP CONNECT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect: Option<&'a str>,
    /// `host:port` asked of SOCKS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socks: Option<&'a str>,
    /// What the judge made of it.
    pub verdict: &'static str,
    /// The rules that it breaks.
    pub rules: &'a [&'static str],
}

/// What went each way, in the initiator's view.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Exchange {
    /// By the initiator.
    pub sent: u64,
    /// By the responder.
    pub received: u64,
}

/// A question and its answer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DnsLine<'a> {
    /// The name asked for.
    pub name: &'a str,
    /// The type asked for: `A`, `AAAA`, ..., `TYPEn`.
    #[serde(rename = "type")]
    pub kind: String,
    /// How it was answered: `NOERROR`, `NXDOMAIN`, ...; left out where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rcode: Option<String>,
    /// For how many seconds the answer may be kept: the least TTL of its records; left out where it had none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    /// Addresses and names of the answer, and services as a zone file has them; of records of another type, the type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers: Option<Vec<String>>,
}

/// A request in the clear.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HttpLine<'a> {
    /// The method.
    pub method: &'a str,
    /// The host asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<&'a str>,
}

impl<'a> FlowLine<'a> {
    /// The record of a flow that was judged, the first packet of which is of `input`.
    #[must_use]
    pub fn new(record: &'a FlowRecord, judgement: &'a Judgement, input: &'a str) -> Self {
        let facts = &record.facts;
        let (sent, received) = sides(record);
        let asked = facts.names.last().map(|read| (read.name.as_str(), read.source));
        let answered = judgement.answered_name.as_ref().map(|name| (name.as_str(), NameSource::Dns));
        let name = asked.or(answered);
        Self {
            input,
            first_packet: record.first.frame.number(),
            first: record.first.at,
            last: record.last,
            transport: record.transport,
            initiator: record.initiator_endpoint(),
            responder: record.responder_endpoint(),
            initiator_basis: if record.initiator.is_some() { record.basis } else { Basis::Unknown },
            direction: judgement.direction,
            tunnel: &record.tunnel,
            packets: Exchange { sent: sent.packets, received: received.packets },
            bytes: Exchange { sent: sent.bytes, received: received.bytes },
            community_id: community::id(record),
            state: record.state.as_str(),
            protocol: judgement.protocol.or(facts.protocol.map(|(name, _)| name)).unwrap_or("unknown"),
            encryption: judgement.encryption.unwrap_or_else(|| record.encryption()).as_str(),
            server_name: name.map(|(name, _)| name),
            server_name_source: name.map(|(_, source)| source),
            tls: TlsLine::new(record, &judgement.certificate_problems),
            dns: facts.dns.iter().chain(&facts.unasked).map(dns).collect(),
            http: facts
                .http
                .as_ref()
                .map(|request| HttpLine { method: request.method.as_str(), host: request.host.as_ref().map(|host| host.as_str()) }),
            connect: facts.connect.as_ref().map(|(target, _)| target.as_str()),
            socks: facts.socks.as_ref().map(|(target, _)| target.as_str()),
            verdict: judgement.verdict,
            rules: &judgement.rules,
        }
    }
}

/// The flow as a line of text: time, verdict, direction, who with whom, what, how it ended, how much.
impl fmt::Display for FlowLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.first.to_string();
        let time = time.get(..23).unwrap_or(&time).replace('T', " ");
        let (from, to) = (end(self.initiator, self.transport), end(self.responder, self.transport));
        let arrow = if self.initiator_basis == Basis::Unknown { "--" } else { "->" };
        write!(f, "{time}  {:<12}  {:<9}  {:<5}  {from:>21} {arrow} {to:<21}  ", self.verdict, self.direction, self.transport.to_string())?;
        write!(f, "{:<7}  {:<12}  {:<11}  ", inert(self.protocol), self.encryption, self.state)?;
        write!(f, "{:>10} {:>10}", bytes(self.bytes.sent), bytes(self.bytes.received))?;
        if let Some(name) = self.server_name {
            write!(f, "  {}", inert(name))?;
        }
        for question in self.dns.iter().take(1) {
            write!(f, "  {} {}", question.kind, inert(question.name))?;
        }
        for layer in self.tunnel {
            write!(f, "  in {}", layer.tunnel.name())?;
            if let Some(id) = layer.id {
                write!(f, " {id}")?;
            }
        }
        if !self.rules.is_empty() {
            write!(f, "  [{}]", self.rules.join(" "))?;
        }
        Ok(())
    }
}

/// What the initiator and the responder sent.
fn sides(record: &FlowRecord) -> (Tally, Tally) {
    let [a, b] = record.sent;
    if record.initiator == Some(End::B) { (b, a) } else { (a, b) }
}

fn end(endpoint: Endpoint, transport: Transport) -> String {
    match (transport, endpoint.ip) {
        (Transport::Tcp | Transport::Udp | Transport::Sctp, _) => endpoint.to_string(),
        (_, IpAddr::V4(ip)) => ip.to_string(),
        (_, IpAddr::V6(ip)) => ip.to_string(),
    }
}

fn dns(transaction: &DnsTransaction) -> DnsLine<'_> {
    let data = |data: &DnsData| match data {
        DnsData::Address(ip) => ip.to_string(),
        DnsData::Target(name) => name.to_string(),
        DnsData::Service(service) => service.to_string(),
        DnsData::Other(kind) => RecordType(*kind).to_string(),
    };
    let answer = transaction.answer.as_ref();
    DnsLine {
        name: transaction.name.as_str(),
        kind: RecordType(transaction.qtype).to_string(),
        rcode: answer.map(|answer| ResponseCode(answer.rcode).to_string()),
        ttl: answer.and_then(|answer| answer.ttl),
        answers: answer.map(|answer| answer.answers.iter().map(data).collect()),
    }
}

fn display<T: fmt::Display, S: serde::Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::fact::{
        Alert, CipherSuite, Cleartext, Facts, Fingerprint, FlowFacts, FlowState, FrameId, Group, HttpRequest, Locus, Name, NameRead,
        OddName, Resolution, Text, TlsDetails, TlsFacts, TlsVersion,
    };

    fn locus(number: u64) -> Locus {
        Locus { frame: FrameId::new(0, number), at: Timestamp::from_nanos(1_700_000_000_123_456_789), end: End::B }
    }

    /// A flow opened by the higher end, 10.77.0.4, to 10.0.0.1.
    fn record() -> FlowRecord {
        let ends = [Endpoint { ip: [10, 0, 0, 1].into(), port: 443 }, Endpoint { ip: [10, 77, 0, 4].into(), port: 50_000 }];
        FlowRecord {
            agents: [false, true],
            initiator: Some(End::B),
            basis: Basis::Syn,
            state: FlowState::Closed,
            last: Timestamp::from_nanos(1_700_000_001_000_000_000),
            sent: [Tally { packets: 9, bytes: 4096 }, Tally { packets: 8, bytes: 517 }],
            ..FlowRecord::new(Transport::Tcp, ends, locus(7))
        }
    }

    fn judged() -> Judgement {
        Judgement::new("outbound", "allowed", Vec::new())
    }

    fn as_json(record: &FlowRecord, judgement: &Judgement) -> Value {
        serde_json::to_value(FlowLine::new(record, judgement, "a.pcap")).unwrap()
    }

    fn name(name: &str, source: NameSource) -> NameRead {
        NameRead { name: Name::from_wire(name.as_bytes()), source, port: None, at: locus(8) }
    }

    #[test]
    fn a_tls_flow_behind_a_proxy_has_the_contracts_fields() {
        let mut record = record();
        record.facts = Facts::from(FlowFacts {
            protocol: Some(("tls", locus(8))),
            names: vec![name("outer.example", NameSource::Connect), name("inner.example", NameSource::Sni)],
            encrypted: Some(locus(9)),
            tls: TlsFacts {
                version: Some((TlsVersion::TLS1_3, locus(8))),
                cipher: Some((CipherSuite(0x1301), locus(8))),
                alpn: vec![Text::from_wire(b"h2")],
                details: Some(Box::new(TlsDetails {
                    fingerprints: vec![Fingerprint::Ja3([0xab; 16]), Fingerprint::Ja4([b'x'; 36]), Fingerprint::Ja3s([0x0c; 16])],
                    group: Some((Group(29), locus(8))),
                    compression: Some((1, locus(9))),
                    odd_name: Some((OddName::Address, locus(8))),
                    renegotiated: Some(Locus { frame: FrameId::new(1, 3), ..locus(1) }),
                    alerts: vec![(Alert { level: 2, description: 48 }, locus(10))],
                    ..TlsDetails::default()
                })),
                ..TlsFacts::default()
            },
            ..FlowFacts::default()
        });
        record.facts.malformed = Some(("server_name extension".to_owned(), locus(8)));
        record.facts.connect = Some((Text::from_wire(b"outer.example:443"), locus(7)));
        let expected = json!({
            "input": "a.pcap", "first_packet": 7,
            "first": "2023-11-14T22:13:20.123456789Z", "last": "2023-11-14T22:13:21.000000000Z",
            "transport": "tcp", "initiator": {"ip": "10.77.0.4", "port": 50000}, "responder": {"ip": "10.0.0.1", "port": 443},
            "initiator_basis": "syn", "direction": "outbound",
            "packets": {"sent": 8, "received": 9}, "bytes": {"sent": 517, "received": 4096},
            "state": "closed", "protocol": "tls", "encryption": "encrypted",
            "server_name": "inner.example", "server_name_source": "sni", "connect": "outer.example:443",
            "community_id": "1:x93A8G38IGStyGz3y1xymo9DWo4=",
            "tls": {
                "version": "TLS1.3", "cipher": "TLS_AES_128_GCM_SHA256", "group": "x25519", "alpn": ["h2"], "ja3": "ab".repeat(16), "ja3s": "0c".repeat(16),
                "ja4": "x".repeat(36), "resumed": false, "ech": false, "compression": {"value": "DEFLATE", "packet": 9},
                "renegotiated": {"value": true}, "odd_name": {"value": "an address", "packet": 8},
                "malformed": {"value": "server_name extension", "packet": 8}, "alerts": [{"by": "initiator", "level": "fatal", "value": "unknown_ca", "packet": 10}],
            },
            "verdict": "allowed", "rules": [],
        });
        assert_eq!(as_json(&record, &judged()), expected);
    }

    #[test]
    fn what_does_not_apply_is_left_out_and_what_is_unknown_says_so() {
        let mut record = record();
        record.initiator = None;
        record.basis = Basis::FirstPacket;
        let value = as_json(&record, &judged());
        assert_eq!((&value["protocol"], &value["initiator_basis"]), (&json!("unknown"), &json!("unknown")));
        assert_eq!(value["initiator"]["ip"], "10.0.0.1");
        for field in ["server_name", "server_name_source", "tls", "dns", "http", "connect", "tunnel", "socks"] {
            assert!(value.get(field).is_none(), "{field}");
        }
    }

    #[test]
    fn dns_is_written_in_mnemonics() {
        let mut record = record();
        let transaction = |kind: u16, answer: Option<(u16, Vec<DnsData>)>| DnsTransaction {
            name: Name::from_wire(b"www.example"),
            qtype: kind,
            at: locus(7),
            answer: answer.map(|(rcode, answers)| {
                Arc::new(Resolution {
                    name: Name::from_wire(b"www.example"),
                    qtype: kind,
                    rcode,
                    truncated: false,
                    ttl: None,
                    carried: 0,
                    answers,
                })
            }),
        };
        let target = DnsData::Target(Name::from_wire(b"cdn.example"));
        record.facts.dns = vec![
            transaction(28, Some((0, vec![target, DnsData::Address("2001:db8::1".parse().unwrap()), DnsData::Other(46)]))),
            transaction(65, Some((3, Vec::new()))),
            transaction(777, None),
        ];
        let expected = json!([
            {"name": "www.example", "type": "AAAA", "rcode": "NOERROR", "answers": ["cdn.example", "2001:db8::1", "RRSIG"]},
            {"name": "www.example", "type": "HTTPS", "rcode": "NXDOMAIN", "answers": []},
            {"name": "www.example", "type": "TYPE777"},
        ]);
        assert_eq!(as_json(&record, &judged())["dns"], expected);
    }

    #[test]
    fn a_name_that_only_an_answer_gives_is_marked_so() {
        let judgement = Judgement { answered_name: Some(Name::from_wire(b"www.example")), ..judged() };
        let value = as_json(&record(), &judgement);
        assert_eq!((&value["server_name"], &value["server_name_source"]), (&json!("www.example"), &json!("dns")));
    }

    #[test]
    fn encryption_is_what_was_shown() {
        let clear = Some((Cleartext::Protocol, locus(8)));
        let told = |change: fn(&mut FlowRecord), clear| {
            let mut record = record();
            record.facts.cleartext = clear;
            change(&mut record);
            record.encryption().as_str()
        };
        assert_eq!(told(|_| (), None), "unrecognized");
        assert_eq!(told(|_| (), clear), "plaintext");
        assert_eq!(told(|r| r.facts.encrypted = Some(locus(8)), None), "encrypted");
        assert_eq!(told(|r| r.facts.encrypted = Some(locus(8)), clear), "mixed");
        assert_eq!(told(|r| r.sent = [Tally::default(); 2], None), "none");
        assert_eq!(told(|r| r.transport = Transport::Icmp, None), "none");
        assert_eq!(told(|r| (r.transport, r.facts.unrecognised) = (Transport::Icmp, Some(locus(8))), None), "unrecognized");
    }

    #[test]
    fn a_flow_fits_a_line_of_text() {
        let mut record = record();
        record.facts.http = Some(HttpRequest { method: Text::from_wire(b"GET"), host: Some(Name::from_wire(b"a.example")), at: locus(8) });
        record.facts.names = vec![name("a\x1b[31m.example", NameSource::Sni)];
        let judgement = Judgement { verdict: "violation", rules: vec!["WW201", "WW302"], ..judged() };
        let line = FlowLine::new(&record, &judgement, "a.pcap").to_string();
        assert_eq!(
            line,
            "2023-11-14 22:13:20.123  violation     outbound   tcp          10.77.0.4:50000 -> 10.0.0.1:443           unknown  unrecognized  \
             closed            517 B    4.0 KiB  a\\x1b[31m.example  [WW201 WW302]"
        );
    }
}
