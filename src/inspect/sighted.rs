//! Protocols of which recognition is all that is wanted: they do not encrypt, and nothing more is read in them.

use serde::{Deserialize, Serialize};

use super::{Inspector, Progress, Seen, saved};
use crate::fact::{Cleartext, End, Fact, Finish};

/// Says that the flow is in the clear, and is done. For datagrams it stays, so that each is one of the protocol's.
#[derive(Serialize, Deserialize)]
pub(super) struct Sighted {
    said: bool,
    /// Which end opens: the one that speaks first, or nobody can tell.
    opener: Opener,
    /// The check that every datagram must pass, by its place in [`DATAGRAMS`].
    datagram: Option<usize>,
}

/// Who opens a conversation of a protocol.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) enum Opener {
    /// Whoever speaks first.
    First,
    /// It cannot be told from what is said.
    Unknown,
    /// The sender of an NTP request.
    Ntp,
    /// The sender of a request of RADIUS.
    Radius,
    /// The sender of a request of Kerberos.
    Kerberos,
}

/// The protocols of datagrams, so that a saved state finds its own.
const DATAGRAMS: &[fn(&[u8]) -> bool] =
    &[super::ntp::is_ntp, super::syslog::is_message, super::sip::is_message, super::radius::is_message, super::kerberos::is_message];

impl Sighted {
    pub(super) fn stream(opener: Opener) -> Box<dyn Inspector> {
        Box::new(Self { said: false, opener, datagram: None })
    }

    pub(super) fn ntp() -> Box<dyn Inspector> {
        Box::new(Self { said: false, opener: Opener::Ntp, datagram: Some(0) })
    }

    pub(super) fn sip() -> Box<dyn Inspector> {
        Box::new(Self { said: false, opener: Opener::Unknown, datagram: Some(2) })
    }

    pub(super) fn radius() -> Box<dyn Inspector> {
        Box::new(Self { said: false, opener: Opener::Radius, datagram: Some(3) })
    }

    pub(super) fn kerberos() -> Box<dyn Inspector> {
        Box::new(Self { said: false, opener: Opener::Kerberos, datagram: Some(4) })
    }

    pub(super) fn syslog() -> Box<dyn Inspector> {
        Box::new(Self { said: false, opener: Opener::First, datagram: Some(1) })
    }
}

impl Inspector for Sighted {
    fn data(&mut self, end: End, bytes: &[u8], seen: &mut Seen<'_>) -> Progress {
        let fits = self.datagram.and_then(|n| DATAGRAMS.get(n)).is_none_or(|fits| fits(bytes));
        if !fits {
            return Progress::Violation(Cleartext::Readable);
        }
        if !std::mem::replace(&mut self.said, true) {
            let opener = match self.opener {
                Opener::First => Some(end),
                Opener::Unknown => None,
                Opener::Ntp => super::ntp::opener(end, bytes),
                Opener::Radius => super::radius::opener(end, bytes),
                Opener::Kerberos => super::kerberos::opener(end, bytes),
            };
            if let Some(opener) = opener {
                seen.say(Fact::Opener(opener));
            }
            seen.say(Fact::Cleartext(Cleartext::Protocol));
        }
        if self.datagram.is_some() { Progress::Used(bytes.len()) } else { Progress::Settled }
    }

    fn gap(&mut self, _: End, _: u64, _: &mut Seen<'_>) -> Progress {
        Progress::Used(0)
    }

    fn finish(&mut self, _: End, _: Finish, _: &mut Seen<'_>) {}

    fn save(&self, out: &mut Vec<u8>) {
        saved::save(self, out);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Carrier, Opening, PROTOCOLS, Probe};

    /// Openings of what both ends say, and whose they are.
    const OPENINGS: &[(&str, &[u8], &[u8])] = &[
        ("redis", b"*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n", b""),
        ("mqtt", b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04self", b""),
        ("mqtt", b"\x10\x90\x01\0\x06MQIsdp\x03\xc2\0\x3c", b""),
        ("rtsp", b"DESCRIBE rtsp://camera.example/ RTSP/1.0\r\n", b""),
        ("sip", b"REGISTER sip:phone.example SIP/2.0\r\n", b""),
        ("rsync", b"@RSYNCD: 31.0\n", b""),
        ("zabbix", b"ZBXD\x01\x05\0\0\0\0\0\0\0{}", b""),
        ("mongodb", b"\x2a\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\x15\0\0\0\x10ping\0\x01\0\0\0", b""),
        ("mongodb", b"\x3a\0\0\0\x01\0\0\0\0\0\0\0\xd4\x07\0\0\0\0\0\0admin.$cmd\0", b""),
        ("kafka", b"\0\0\0\x13\0\x12\0\x03\0\0\0\x07\0\x07adminXX\0", b"\0\0\x01\x02\0\0\0\x07\0\0"),
        ("memcached", b"get session\r\n", b"END\r\n"),
        ("smb", b"\0\0\0\x72\xfeSMB\x40\0\0\0\0\0\0\0\0\0\0\0", b""),
        ("adb", b"CNXN\x01\0\0\x01\0\0\x04\0\x07\0\0\0\x32\x02\0\0\xbc\xb1\xa7\xb1host::\0", b""),
        ("amqp", b"AMQP\0\0\x09\x01", b""),
        ("tds", b"\x12\x01\0\x2f\0\0\x01\0\0\0\x1a\0\x06\x01\0\x20\0\x01\x02\0\x21\0\x01", b""),
        ("tds", b"\x10\x01\0\x98\0\0\x01\0\x90\0\0\0\x04\0\0\x74", b""),
        ("nats", b"INFO {\"server_id\":\"NDAB\"}\r\n", b""),
        ("vnc", b"RFB 003.008\n", b""),
        ("cassandra", b"\x05\0\0\x07\x05\0\0\0\0", b"\x85\0\0\x07\x06\0\0\0\x60"),
        ("cassandra", b"\x04\0\0\0\x01\0\0\0\x16\0\x01\0\x0bCQL_VERSION\0\x053.0.0", b""),
        ("kerberos", b"\0\0\0\x82\x6a\x81\x7f\x30\x7d\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0a", b""),
        ("rpc", b"\x80\0\0\x28\x5a\x12\x77\x01\0\0\0\0\0\0\0\x02\0\x01\x86\xa3\0\0\0\x04\0\0\0\0\0\0\0\x01", b""),
        ("proxy-protocol", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", b""),
        ("socks", b"\x05\x01\0", b"\x05\0"),
        ("socks", b"\x04\x01\0\x50\xc0\0\x02\x01user\0", b"\0\x5a\0\0\0\0\0\0"),
        ("telnet", b"\xff\xfd\x18\xff\xfd\x20", b""),
    ];

    fn claims(first: &[u8], second: &[u8]) -> Vec<(&'static str, Probe)> {
        let streams = PROTOCOLS.iter().filter(|protocol| protocol.carrier == Carrier::Stream);
        streams.map(|protocol| (protocol.name, (protocol.probe)(&Opening { first, second }))).collect()
    }

    #[test]
    fn an_opening_is_one_protocols_and_nobody_gives_it_up_before_it_is_whole() {
        for (name, first, second) in OPENINGS {
            let yes: Vec<_> = claims(first, second).into_iter().filter(|(_, probe)| *probe == Probe::Yes).map(|(name, _)| name).collect();
            assert_eq!(yes, [*name], "{first:02x?}");
            for cut in 1..first.len() {
                let own = claims(&first[..cut], b"").into_iter().filter(|(known, _)| known == name);
                assert!(own.clone().any(|(_, probe)| probe != Probe::No), "{name} of {cut} bytes");
            }
        }
    }

    /// Random bytes are nobody's, save by the few bytes that some probes rest on.
    #[test]
    fn random_bytes_are_claimed_by_nobody() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut byte = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        for _ in 0..20_000 {
            let first: Vec<u8> = (0..80).map(|_| byte()).collect();
            let second: Vec<u8> = (0..80).map(|_| byte()).collect();
            for (name, probe) in claims(&first, &second) {
                assert_ne!(probe, Probe::Yes, "{name}: {first:02x?} {second:02x?}");
            }
        }
    }
}
