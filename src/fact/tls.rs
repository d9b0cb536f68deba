//! TLS code points (RFC 8446, RFC 5246). Unknown values survive and print in hex.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Locus, Text};

/// A protocol version as negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TlsVersion(pub u16);

impl TlsVersion {
    /// SSL 2.0, which has no number of its own on later wires.
    pub const SSL2: Self = Self(0x0002);
    /// SSL 3.0.
    pub const SSL3: Self = Self(0x0300);
    /// TLS 1.0.
    pub const TLS1_0: Self = Self(0x0301);
    /// TLS 1.1.
    pub const TLS1_1: Self = Self(0x0302);
    /// TLS 1.2.
    pub const TLS1_2: Self = Self(0x0303);
    /// TLS 1.3.
    pub const TLS1_3: Self = Self(0x0304);
    /// DTLS 1.0, whose numbers count downwards.
    pub const DTLS1_0: Self = Self(0xfeff);
    /// DTLS 1.2.
    pub const DTLS1_2: Self = Self(0xfefd);
    /// DTLS 1.3.
    pub const DTLS1_3: Self = Self(0xfefc);

    /// The version that a draft of TLS 1.3 (0x7fxx) stands for; any other is itself.
    #[must_use]
    pub fn settled(self) -> Self {
        if self.0 & 0xff00 == 0x7f00 { Self::TLS1_3 } else { self }
    }

    /// The version of TLS that a version of DTLS is made from (RFC 6347, RFC 9147: 1.0 from TLS 1.1); any other is itself.
    #[must_use]
    pub fn over_streams(self) -> Self {
        match self {
            Self::DTLS1_0 => Self::TLS1_1,
            Self::DTLS1_2 => Self::TLS1_2,
            Self::DTLS1_3 => Self::TLS1_3,
            other => other.settled(),
        }
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::SSL2 => f.write_str("SSLv2"),
            Self::SSL3 => f.write_str("SSLv3"),
            Self::TLS1_0 => f.write_str("TLS1.0"),
            Self::TLS1_1 => f.write_str("TLS1.1"),
            Self::TLS1_2 => f.write_str("TLS1.2"),
            Self::TLS1_3 => f.write_str("TLS1.3"),
            Self::DTLS1_0 => f.write_str("DTLS1.0"),
            Self::DTLS1_2 => f.write_str("DTLS1.2"),
            Self::DTLS1_3 => f.write_str("DTLS1.3"),
            Self(draft @ 0x7f00..=0x7fff) => write!(f, "TLS1.3-draft{}", draft & 0xff),
            Self(other) => write!(f, "0x{other:04x}"),
        }
    }
}

/// A cipher suite's number in the IANA registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CipherSuite(pub u16);

impl CipherSuite {
    /// The registered name, where it is known.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        tls_parser::TlsCipherSuite::from_id(self.0).map(|suite| suite.name)
    }
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "0x{:04x}", self.0),
        }
    }
}

/// An alert that could be read (RFC 8446 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Alert {
    /// 1 warning, 2 fatal.
    pub level: u8,
    /// The description's code point.
    pub description: u8,
}

impl Alert {
    /// Whether the session ends with it: it is fatal, or close_notify.
    #[must_use]
    pub fn ends(self) -> bool {
        self.level == 2 || self.description == 0
    }
}

/// What a TLS handshake settled, as far as it could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFacts {
    /// The version that the responder chose, and where.
    pub version: Option<(TlsVersion, Locus)>,
    /// The suite that it chose.
    pub cipher: Option<(CipherSuite, Locus)>,
    /// What the opener offered.
    pub alpn: Vec<Text>,
    /// The session was resumed.
    pub resumed: bool,
    /// The first fatal or closing alert that could be read.
    pub alert: Option<(Alert, Locus)>,
    /// What no rule asks for, where it was wanted.
    pub details: Option<Box<TlsDetails>>,
}

/// What of a TLS session no rule asks for: a flow's record shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsDetails {
    /// JA3, JA4 and JA3S, as far as the hellos were read.
    pub fingerprints: Vec<Fingerprint>,
}

impl TlsDetails {
    /// Takes one in. First sightings win.
    pub(super) fn fold(&mut self, detail: Detail, _: Locus) {
        match detail {
            Detail::Fingerprint(print) => {
                let is_new = |known: &Fingerprint| std::mem::discriminant(known) != std::mem::discriminant(&print);
                if self.fingerprints.iter().all(is_new) {
                    self.fingerprints.push(print);
                }
            }
        }
    }

    /// Bytes of memory held, roughly.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.fingerprints.capacity() * size_of::<Fingerprint>()
    }
}

/// Something about a TLS session that no rule asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// A hello's.
    Fingerprint(Fingerprint),
}

/// What a hello is known by in other tools. It tells which program may have said it, and proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fingerprint {
    /// JA3 of a ClientHello: the MD5 of its version, suites, extensions, groups and point formats.
    Ja3([u8; 16]),
    /// JA3S of a ServerHello: the MD5 of its version, suite and extensions.
    Ja3s([u8; 16]),
    /// JA4 of a ClientHello: 36 letters, digits and underscores.
    Ja4([u8; 36]),
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ja3(hash) | Self::Ja3s(hash) => hash.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::Ja4(text) => text.iter().try_for_each(|&byte| write!(f, "{}", char::from(byte))),
        }
    }
}
