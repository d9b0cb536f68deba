//! One packet explained, for a person or as JSON (`wirewitness.packet.v1`).

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use super::flow::FlowLine;
use super::layout::inert;
use super::{Style, json};
use crate::fact::{Detail, Endpoint, Fact, Fingerprint, Layer, RecordType, Timestamp, Upgrade};
use crate::judge::{Cited, Explained, PacketRef};

/// The explanation as a document.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    packet: Packet<'a>,
    bucket: &'static str,
    why: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    joined: Option<PacketRef>,
    #[serde(skip_serializing_if = "<[Layer]>::is_empty")]
    tunnel: &'a [Layer],
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<Endpoint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow: Option<FlowLine<'a>>,
    read: Vec<String>,
    cited: &'a [Cited],
}

#[derive(Serialize)]
struct Packet<'a> {
    input: &'a str,
    number: u64,
    #[serde(serialize_with = "display")]
    at: Timestamp,
    link_type: String,
    captured: u32,
    wire: u32,
}

fn display<T: std::fmt::Display, S: serde::Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl<'a> Document<'a> {
    fn of(explained: &'a Explained) -> Self {
        let frame = &explained.frame;
        Self {
            schema: "wirewitness.packet.v1",
            packet: Packet {
                input: &explained.input.path,
                number: frame.id.number(),
                at: frame.at,
                link_type: frame.link.name(),
                captured: frame.captured,
                wire: frame.wire,
            },
            bucket: explained.bucket,
            why: &explained.why,
            joined: explained.joined,
            tunnel: &explained.tunnel,
            sender: explained.sender,
            flow: explained.flow.as_ref().map(|(record, judgement)| FlowLine::new(record, judgement, &explained.flow_input)),
            read: explained.read.iter().map(|seen| words(&seen.fact)).collect(),
            cited: &explained.cited,
        }
    }
}

/// Writes the explanation as one line of JSON.
///
/// # Errors
/// Those of `out`.
pub fn write_json(explained: &Explained, out: &mut dyn Write) -> io::Result<()> {
    json::write_line(&Document::of(explained), out)
}

/// Writes the explanation for a person.
///
/// # Errors
/// Those of `out`.
pub fn write(explained: &Explained, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let document = Document::of(explained);
    let packet = &document.packet;
    let mut text = String::new();
    let mut line = |label: &str, what: &str| {
        let label = style.paint(anstyle::Style::new().dimmed(), &format!("{label:<8}"));
        // writing to a string does not fail
        let _ = writeln!(text, "{label}{}", inert(what));
    };
    let length = if packet.captured < packet.wire {
        format!("{} of {} bytes", packet.captured, packet.wire)
    } else {
        format!("{} bytes", packet.wire)
    };
    line("packet", &format!("{}:{}, {}, {}, {length}", packet.input, packet.number, packet.at, packet.link_type));
    line("bucket", &format!("{}: {}", document.bucket, document.why));
    if let Some(joined) = document.joined {
        line("", &format!("its last fragment is packet {} of input {}", joined.number, joined.input + 1));
    }
    for layer in document.tunnel {
        let id = layer.id.map(|id| format!(" {id}")).unwrap_or_default();
        line("tunnel", &format!("{}{id} from {} to {}", layer.tunnel.name(), layer.source, layer.destination));
    }
    match &document.flow {
        Some(flow) => {
            line("flow", &flow.to_string());
            let sender = explained.sender.map(|end| format!("; this one was sent by {end}")).unwrap_or_default();
            line("", &format!("its first packet is {}:{}{sender}", flow.input, flow.first_packet));
        }
        None => line("flow", "none"),
    }
    if document.read.is_empty() {
        line("read", "nothing that a rule asks for");
    }
    for (n, what) in document.read.iter().enumerate() {
        line(if n == 0 { "read" } else { "" }, what);
    }
    if document.cited.is_empty() {
        line("cited", "by no finding");
    }
    for (n, cited) in document.cited.iter().enumerate() {
        let what = format!("{} {}, {}: {}", cited.rule, cited.name, cited.severity.as_str(), cited.message);
        line(if n == 0 { "cited" } else { "" }, &what);
    }
    out.write_all(text.as_bytes())
}

/// What was read, in words. Text from the wire is in them: they are made inert where they are written.
fn words(fact: &Fact) -> String {
    match fact {
        Fact::Protocol(name) => format!("the protocol is {name}"),
        Fact::Opener(_) => "its sender opened the conversation, or was asked first".to_owned(),
        Fact::ServerName { name, .. } => format!("the name {name} is asked for"),
        Fact::NoServerName => "no name is asked for".to_owned(),
        Fact::NameHidden(_) => "a name that cannot be read".to_owned(),
        Fact::OpenerUnseen => "what the opener said first was not seen".to_owned(),
        Fact::Proxied { target, .. } => format!("{target} is asked of a proxy"),
        Fact::ProxyCredentials => "credentials for a proxy in the clear".to_owned(),
        Fact::Credentials => "credentials in the clear".to_owned(),
        Fact::Prologue => "it begins in the clear, and may go on to TLS".to_owned(),
        Fact::Upgrade(Upgrade::Offered) => "an upgrade to TLS is offered".to_owned(),
        Fact::Upgrade(Upgrade::Asked) => "an upgrade to TLS is asked for".to_owned(),
        Fact::Upgrade(Upgrade::Refused) => "an upgrade to TLS is refused".to_owned(),
        Fact::Upgrade(Upgrade::Agreed) => "an upgrade to TLS is agreed on".to_owned(),
        Fact::Version(version) => format!("the version chosen is {version}"),
        Fact::CipherSuite(suite) => format!("the suite chosen is {suite}"),
        Fact::CertificateMessage(_) => "a certificate is shown".to_owned(),
        Fact::Certificate(Ok(chain)) => format!("the certificate of {} is shown", chain.leaf.subject),
        Fact::Certificate(Err(unread)) => format!("no certificate could be read: {unread}"),
        Fact::Alpn(protocol) => format!("the application protocol {protocol} is offered"),
        Fact::Resumed => "a session is resumed".to_owned(),
        Fact::EchOffered(_) => "an encrypted hello, real or grease".to_owned(),
        Fact::HandshakeBegun => "a handshake begins".to_owned(),
        Fact::HandshakeFinished => "the handshake is finished".to_owned(),
        Fact::ProtectedData => "protected application data".to_owned(),
        Fact::Encrypted => "the flow is shown to be encrypted".to_owned(),
        Fact::Cleartext(_) => "payload in the clear".to_owned(),
        Fact::Unrecognised => "payload that is neither shown to be encrypted nor known to be plaintext".to_owned(),
        Fact::CipherUnseen => "payload of which no packet shows whether it is encrypted".to_owned(),
        Fact::Asked { name, qtype } => format!("{name} {} is asked for", RecordType(*qtype)),
        Fact::Resolved(answer) => format!("{} {} is answered", answer.name, RecordType(answer.qtype)),
        Fact::Unasked(answer) => format!("{} {} is answered, which nobody was seen to ask", answer.name, RecordType(answer.qtype)),
        Fact::AbsoluteTarget => "an absolute target, as a proxy is asked".to_owned(),
        Fact::Http { method, host, .. } => format!("a request in the clear, {method} {}", host.as_ref().map_or("", |host| host.as_str())),
        Fact::Gap { bytes } => format!("{bytes} bytes are missing before it or behind it"),
        Fact::Truncated { bytes } => format!("{bytes} bytes that were needed are cut away"),
        Fact::Overlap => "it contradicts what was sent at the same place".to_owned(),
        Fact::BadCopy => "it contradicts what was sent at the same place, and was passed over: its checksum is bad".to_owned(),
        Fact::Malformed(what) => format!("malformed: {what}"),
        Fact::Limit(which) => format!("inspection stops at a limit ({which})"),
        Fact::Detail(detail) => match detail {
            Detail::Fingerprint(print @ Fingerprint::Ja3(_)) => format!("the hello's JA3 is {print}"),
            Detail::Fingerprint(print @ Fingerprint::Ja3s(_)) => format!("the answer's JA3S is {print}"),
            Detail::Fingerprint(print @ Fingerprint::Ja4(_)) => format!("the hello's JA4 is {print}"),
            Detail::Group(group) => format!("keys are agreed in {group}"),
            Detail::Compression(method) => format!("records are compressed, by method {method}"),
            Detail::EarlyData(how) => format!("early data is {}", how.as_str()),
            Detail::ClientCertificate(how) => format!("a client's certificate is {}", how.as_str()),
            Detail::Renegotiated => "a second handshake begins inside the first one's encryption".to_owned(),
            Detail::OldHello => "the hello has the form of SSL 2.0".to_owned(),
            Detail::OddName(why) => format!("the name asked for is odd: {}", why.as_str()),
        },
        Fact::Alert(alert) => format!("an alert, {}, {alert}", alert.level()),
    }
}
