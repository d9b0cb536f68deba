//! TLS code points (RFC 8446, RFC 5246). Unknown values survive and print in hex.

use std::fmt;

use serde::{Deserialize, Serialize};

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
