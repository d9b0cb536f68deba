//! What sealing adds to a record before TLS 1.3, by the suite (RFC 5246 section 6.2.3, RFC 5288, RFC 6655, RFC 7366, RFC 7905).

use serde::{Deserialize, Serialize};
use tls_parser::{TlsCipherEnc, TlsCipherEncMode, TlsCipherSuite};

use crate::fact::TlsVersion;
use crate::inspect::hello::ServerHello;

/// Which lengths sealed records can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seal {
    /// The least.
    least: u16,
    /// They are so many bytes in excess of whole blocks; of a suite that is not known, nothing is.
    block: u16,
    surplus: u16,
    /// The only length of an alert, which has two bytes; 0 where padding or compression may make it longer.
    alert: u16,
}

/// Of a suite that is not known: the shortest code or tag with its nonce.
impl Default for Seal {
    fn default() -> Self {
        Self { least: 16, block: 0, surplus: 0, alert: 0 }
    }
}

impl Seal {
    /// The lengths that a ServerHello settles.
    pub(super) fn of(hello: &ServerHello) -> Self {
        const NONCE: u16 = 8;
        let Some(suite) = TlsCipherSuite::from_id(hello.suite.0) else { return Self::default() };
        let is_any = |least| Self { least, block: 1, surplus: 0, alert: if hello.compression == 0 { least + 2 } else { 0 } };
        let code = suite.mac_size / 8;
        match (suite.enc_mode, suite.enc) {
            (TlsCipherEncMode::Gcm, _) => is_any(NONCE + 16),
            (TlsCipherEncMode::Ccm, _) => is_any(NONCE + if suite.name.ends_with("_8") || suite.name.contains("_CCM_8_") { 8 } else { 16 }),
            (TlsCipherEncMode::Cbc, enc) => {
                let block = match enc {
                    TlsCipherEnc::Des | TlsCipherEnc::TripleDes | TlsCipherEnc::Rc2 | TlsCipherEnc::Idea => 8,
                    _ => 16,
                };
                let vector = if hello.version >= TlsVersion::TLS1_1 { block } else { 0 };
                let outside = if hello.encrypts_first { code } else { 0 };
                // a code that was cut short (RFC 6066 section 7) may fit into one block
                Self { least: vector + block + outside, block, surplus: outside % block, alert: 0 }
            }
            (TlsCipherEncMode::Null, TlsCipherEnc::Rc4 | TlsCipherEnc::Null) => is_any(code),
            (TlsCipherEncMode::Null, _) => is_any(16),
        }
    }

    /// Whether a sealed record can be so long.
    pub(super) fn fits(self, length: usize) -> bool {
        length >= self.least.into() && length % usize::from(self.block.max(1)) == usize::from(self.surplus)
    }

    /// Whether one can be so long that holds an alert.
    pub(super) fn fits_alert(self, length: usize) -> bool {
        if self.alert > 0 { length == usize::from(self.alert) } else { self.fits(length) }
    }
}

#[cfg(test)]
#[allow(clippy::expect_used, reason = "a test may fail by panic")]
mod tests {
    use super::*;

    fn seal(suite: u16, version: TlsVersion, encrypts_first: bool, compression: u8) -> Seal {
        let extensions: &[u8] = if encrypts_first { &[0, 4, 0, 22, 0, 0] } else { &[0, 0] };
        let hello = [&version.0.to_be_bytes()[..], &[7; 32], &[0], &suite.to_be_bytes(), &[compression], extensions].concat();
        Seal::of(&ServerHello::read(&hello).expect("a hello"))
    }

    #[test]
    fn lengths_are_those_of_the_suite() {
        let lengths = |suite: u16, version, encrypts_first| {
            let seal = seal(suite, version, encrypts_first, 0);
            (0..100).filter(|length| seal.fits(*length)).take(3).collect::<Vec<_>>()
        };
        assert_eq!(lengths(0xc02f, TlsVersion::TLS1_2, false), [24, 25, 26], "AES-GCM");
        assert_eq!(lengths(0xcca8, TlsVersion::TLS1_2, false), [16, 17, 18], "ChaCha20-Poly1305");
        assert_eq!(lengths(0xc0a0, TlsVersion::TLS1_2, false), [16, 17, 18], "AES-CCM with short tags");
        assert_eq!(lengths(0xc0ae, TlsVersion::TLS1_2, false), [16, 17, 18], "AES-CCM with short tags");
        assert_eq!(lengths(0x002f, TlsVersion::TLS1_0, false), [16, 32, 48], "AES-CBC without a vector");
        assert_eq!(lengths(0x002f, TlsVersion::TLS1_2, false), [32, 48, 64], "AES-CBC");
        assert_eq!(lengths(0x002f, TlsVersion::TLS1_2, true), [52, 68, 84], "AES-CBC that encrypts first");
        assert_eq!(lengths(0x000a, TlsVersion::TLS1_2, false), [16, 24, 32], "3DES-CBC");
        assert_eq!(lengths(0x0005, TlsVersion::TLS1_2, false), [20, 21, 22], "RC4-SHA");
        assert_eq!(lengths(0xfefe, TlsVersion::TLS1_2, false), [16, 17, 18], "nobody knows");
        let fits_alert = |suite, compression, length| seal(suite, TlsVersion::TLS1_2, false, compression).fits_alert(length);
        assert!(fits_alert(0xc02f, 0, 26) && !fits_alert(0xc02f, 0, 40));
        assert!(fits_alert(0xcca8, 0, 18) && !fits_alert(0xcca8, 0, 19));
        // compression makes it longer, as padding does
        assert!(fits_alert(0xc02f, 1, 40) && fits_alert(0x002f, 0, 96) && fits_alert(0xfefe, 0, 19));
    }
}
