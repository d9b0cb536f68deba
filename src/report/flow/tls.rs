//! What a flow's record says of its TLS session.

use schemars::JsonSchema;
use serde::Serialize;

use super::certificate::{self, CertificateLine};
use crate::fact::{Alert, End, Fingerprint, FlowRecord, Locus, NameSource};

/// TLS, over TCP or QUIC, or DTLS. What is rare stands with its packet.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TlsLine<'a> {
    /// The version that the responder chose: `TLS1.3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The suite that it chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cipher: Option<String>,
    /// The group that keys were agreed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The application protocols that the opener offered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alpn: Vec<&'a str>,
    /// JA3 of the ClientHello.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ja3: Option<String>,
    /// JA3S of the ServerHello.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ja3s: Option<String>,
    /// JA4 of the ClientHello.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ja4: Option<String>,
    /// Whether a session was resumed; left out where the responder's choice was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumed: Option<bool>,
    /// Whether the encrypted_client_hello extension was sent; left out where the hello was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ech: Option<bool>,
    /// The responder's certificate, where it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateLine<'a>>,
    /// `offered`, or `sent` ahead of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_data: Option<Sighted<&'static str>>,
    /// `asked` for, or `sent`; before TLS 1.3, which hides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<Sighted<&'static str>>,
    /// The method by which records are compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<Sighted<String>>,
    /// A second handshake began inside the first one's encryption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renegotiated: Option<Sighted<bool>>,
    /// The hello had the form of SSL 2.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sslv2_hello: Option<Sighted<bool>>,
    /// Why the name asked for is odd.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub odd_name: Option<Sighted<&'static str>>,
    /// What of the handshake is malformed, first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub malformed: Option<Sighted<&'a str>>,
    /// The first alerts that could be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<AlertLine>,
}

/// Something and the packet that shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Sighted<T> {
    /// What it is.
    pub value: T,
    /// The packet's number, where it is of the record's input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<u64>,
}

/// An alert.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AlertLine {
    /// `initiator` or `responder`; left out where nobody is known to have opened the flow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<&'static str>,
    /// `warning` or `fatal`.
    pub level: &'static str,
    /// Its registered name, or its number.
    #[serde(flatten)]
    pub name: Sighted<String>,
}

impl<'a> TlsLine<'a> {
    /// The session of a flow, where any of it was read.
    pub(super) fn new(record: &'a FlowRecord, problems: &'a [&'static str]) -> Option<Self> {
        let (facts, tls) = (&record.facts, &record.facts.tls);
        let details = tls.details.as_deref();
        let by_hello = |source| matches!(source, NameSource::Sni | NameSource::QuicSni);
        // other protocols ask for no name either
        let names_none = facts.no_name.is_some() && facts.handshake_begun.is_some();
        let hello = names_none || facts.ech.is_some() || !tls.alpn.is_empty() || facts.names.iter().any(|read| by_hello(read.source));
        if !hello && tls.version.is_none() && tls.cipher.is_none() && details.is_none() {
            return None;
        }
        let print = |is: fn(&Fingerprint) -> bool| Some(details?.fingerprints.iter().find(|print| is(print))?.to_string());
        let is_there = |at: Locus| sighted(record, true, at);
        let compression = |(method, at): (u8, Locus)| {
            let name = if method == 1 { "DEFLATE".to_owned() } else { method.to_string() };
            sighted(record, name, at)
        };
        Some(Self {
            version: tls.version.map(|(version, _)| version.to_string()),
            cipher: tls.cipher.map(|(suite, _)| suite.to_string()),
            group: details.and_then(|details| details.group).map(|(group, _)| group.to_string()),
            alpn: tls.alpn.iter().map(|protocol| protocol.as_str()).collect(),
            ja3: print(|print| matches!(print, Fingerprint::Ja3(_))),
            ja3s: print(|print| matches!(print, Fingerprint::Ja3s(_))),
            ja4: print(|print| matches!(print, Fingerprint::Ja4(_))),
            resumed: tls.version.map(|_| tls.resumed),
            ech: hello.then_some(facts.ech.is_some()),
            certificate: tls.certificate.as_ref().and_then(|read| read.shown.as_ref().ok()).map(|chain| certificate::line(chain, problems)),
            early_data: details.and_then(|details| details.early_data).map(|(how, at)| sighted(record, how.as_str(), at)),
            client_certificate: details.and_then(|details| details.client_certificate).map(|(how, at)| sighted(record, how.as_str(), at)),
            compression: details.and_then(|details| details.compression).map(compression),
            renegotiated: details.and_then(|details| details.renegotiated).map(is_there),
            sslv2_hello: details.and_then(|details| details.old_hello).map(is_there),
            odd_name: details.and_then(|details| details.odd_name).map(|(why, at)| sighted(record, why.as_str(), at)),
            malformed: facts.malformed.as_ref().map(|(what, at)| sighted(record, what.as_str(), *at)),
            alerts: details.into_iter().flat_map(|details| &details.alerts).map(|&(said, at)| alert(record, said, at)).collect(),
        })
    }
}

fn sighted<T>(record: &FlowRecord, value: T, at: Locus) -> Sighted<T> {
    let is_of_input = at.frame.input() == record.first.frame.input();
    Sighted { value, packet: is_of_input.then(|| at.frame.number()) }
}

fn alert(record: &FlowRecord, said: Alert, at: Locus) -> AlertLine {
    let by = |initiator: End| if at.end == initiator { "initiator" } else { "responder" };
    AlertLine { by: record.initiator.map(by), level: said.level(), name: sighted(record, said.to_string(), at) }
}
