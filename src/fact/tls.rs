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

    /// Whether it is one of those of TLS and SSL 3.0, or a draft of TLS 1.3.
    #[must_use]
    pub fn is_known(self) -> bool {
        // the last draft had the number 28
        (Self::SSL3..=Self::TLS1_3).contains(&self) || (0x7f00..=0x7f1c).contains(&self.0)
    }

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

    /// `warning` or `fatal`.
    #[must_use]
    pub fn level(self) -> &'static str {
        if self.level == 1 { "warning" } else { "fatal" }
    }
}

/// The registered name, or the number.
impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.description {
            0 => "close_notify",
            10 => "unexpected_message",
            20 => "bad_record_mac",
            21 => "decryption_failed",
            22 => "record_overflow",
            30 => "decompression_failure",
            40 => "handshake_failure",
            41 => "no_certificate",
            42 => "bad_certificate",
            43 => "unsupported_certificate",
            44 => "certificate_revoked",
            45 => "certificate_expired",
            46 => "certificate_unknown",
            47 => "illegal_parameter",
            48 => "unknown_ca",
            49 => "access_denied",
            50 => "decode_error",
            51 => "decrypt_error",
            60 => "export_restriction",
            70 => "protocol_version",
            71 => "insufficient_security",
            80 => "internal_error",
            86 => "inappropriate_fallback",
            90 => "user_canceled",
            100 => "no_renegotiation",
            109 => "missing_extension",
            110 => "unsupported_extension",
            111 => "certificate_unobtainable",
            112 => "unrecognized_name",
            113 => "bad_certificate_status_response",
            114 => "bad_certificate_hash_value",
            115 => "unknown_psk_identity",
            116 => "certificate_required",
            120 => "no_application_protocol",
            121 => "ech_required",
            other => return write!(f, "{other}"),
        })
    }
}

/// A group of a key exchange, by its number in the IANA registry of supported groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group(pub u16);

/// The registered name, or the number in hex.
impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            19 => "secp192r1",
            21 => "secp224r1",
            22 => "secp256k1",
            23 => "secp256r1",
            24 => "secp384r1",
            25 => "secp521r1",
            26 => "brainpoolP256r1",
            27 => "brainpoolP384r1",
            28 => "brainpoolP512r1",
            29 => "x25519",
            30 => "x448",
            41 => "curveSM2",
            256 => "ffdhe2048",
            257 => "ffdhe3072",
            258 => "ffdhe4096",
            259 => "ffdhe6144",
            260 => "ffdhe8192",
            512 => "MLKEM512",
            513 => "MLKEM768",
            514 => "MLKEM1024",
            4587 => "SecP256r1MLKEM768",
            4588 => "X25519MLKEM768",
            4589 => "SecP384r1MLKEM1024",
            0x6399 => "X25519Kyber768Draft00",
            other => return write!(f, "0x{other:04x}"),
        })
    }
}
