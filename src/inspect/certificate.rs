//! Certificate messages of TLS 1.2 and before (RFC 5246 section 7.4.2): what the server's certificate says, which of the others lead on from
//! it, and whether those lead to a root of the policy (RFC 5280).
//!
//! `x509-parser` reads the certificates and checks one signature at a time; whether a chain leads to a root is `rustls-webpki`'s to say, with
//! all that belongs to it: basic constraints, name constraints, purposes. A signature that neither can check (of a kind or key that *ring* does
//! not take) is never called wrong.
//!
//! It refuses to judge: no clock, no name that was asked for. It does not read revocation lists or stapled responses.

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use sha2::{Digest, Sha256};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};
use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;
use x509_parser::public_key::PublicKey;
use x509_parser::signature_algorithm::SignatureAlgorithm;
use x509_parser::x509::SubjectPublicKeyInfo;

use std::net::IpAddr;

use crate::fact::{AltName, Certificate, Chain, Issuer, Name, Text, Timestamp, Trust, Unread};
use crate::limits;

const SECOND: i64 = 1_000_000_000;

/// Bits of an RSA key that is fit for use (NIST SP 800-57 part 1, table 2).
const RSA_BITS: usize = 2048;
/// The longest that *ring* checks signatures with.
const RSA_BITS_CHECKED: usize = 8192;

/// The roots that a policy gives.
#[derive(Debug, Default)]
pub struct Roots {
    anchors: Vec<TrustAnchor<'static>>,
    /// Their certificates, sorted: a server may show one of them itself.
    certificates: Vec<Vec<u8>>,
}

impl Roots {
    /// The roots with these certificates, in DER; what is none was refused when the policy was read. `None` where there are none.
    pub fn new<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut certificates: Vec<Vec<u8>> = certificates.into_iter().map(<[u8]>::to_vec).collect();
        certificates.sort_unstable();
        certificates.dedup();
        let anchor = |der: &Vec<u8>| anchor_from_trusted_cert(&CertificateDer::from(der.as_slice())).map(|anchor| anchor.to_owned()).ok();
        let anchors = certificates.iter().filter_map(anchor).collect();
        (!certificates.is_empty()).then_some(Self { anchors, certificates })
    }

    /// Whether a chain leads to one of these, from each moment on at which that may change: where one of its certificates begins to be valid,
    /// or no longer is, while the first is.
    fn trust(&self, certificates: &[Sent<'_>]) -> Vec<(Timestamp, Trust)> {
        let always = Timestamp::from_nanos(i64::MIN);
        let Some((leaf, others)) = certificates.split_first() else { return Vec::new() };
        if self.certificates.binary_search_by(|known| known.as_slice().cmp(leaf.der)).is_ok() {
            return vec![(always, Trust::Trusted)];
        }
        let ends = |sent: &Sent<'_>| {
            let validity = sent.certificate.validity();
            [validity.not_before.timestamp(), validity.not_after.timestamp().saturating_add(1)].map(|second| second.max(0))
        };
        let [from, to] = ends(leaf);
        let mut moments: Vec<i64> = others.iter().flat_map(ends).filter(|moment| (from..to).contains(moment)).chain([from]).collect();
        moments.sort_unstable();
        moments.dedup();
        if moments.len() > limits::TRUST_MOMENTS {
            return vec![(always, Trust::Unknown("its way to a root of the policy changes too often"))];
        }
        let (leaf, others) = (CertificateDer::from(leaf.der), others.iter().map(|sent| CertificateDer::from(sent.der)).collect::<Vec<_>>());
        let at = |second: i64| (Timestamp::from_nanos(second.saturating_mul(SECOND)), self.trust_at(&leaf, &others, second));
        let mut trust: Vec<_> = moments.into_iter().map(at).collect();
        trust.dedup_by_key(|(_, trust)| *trust);
        trust
    }

    fn trust_at(&self, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>], second: i64) -> Trust {
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(second.unsigned_abs()));
        let verified = EndEntityCert::try_from(leaf).and_then(|leaf| {
            leaf.verify_for_usage(ALL_VERIFICATION_ALGS, &self.anchors, others, time, KeyUsage::server_auth(), None, None).map(drop)
        });
        match verified {
            Ok(()) => Trust::Trusted,
            Err(Error::UnknownIssuer) => Trust::Untrusted("it leads to no root of the policy"),
            Err(Error::CertExpired { .. } | Error::CertNotValidYet { .. }) => {
                Trust::Untrusted("a certificate on its way to a root of the policy is not valid at that time")
            }
            Err(Error::InvalidSignatureForPublicKey) => Trust::Untrusted("a signature on its way to a root of the policy does not verify"),
            Err(Error::NameConstraintViolation) => Trust::Untrusted("a certificate above it may not be used for this name"),
            Err(Error::RequiredEkuNotFoundContext(_)) => Trust::Untrusted("it is not for servers"),
            Err(Error::PathLenConstraintViolated | Error::EndEntityUsedAsCa) => {
                Trust::Untrusted("a certificate on its way to a root of the policy may not issue it")
            }
            Err(Error::CaUsedAsEndEntity) => Trust::Untrusted("it is an authority's own, and none of the policy's"),
            Err(_) => Trust::Unknown("its way to a root of the policy cannot be checked"),
        }
    }
}

/// Reads the body of a Certificate message.
pub fn read(message: &[u8], roots: Option<&Roots>) -> Result<Chain, Unread> {
    let mut certificates = Vec::new();
    let (list, behind) = vector24(message).ok_or(Unread::Malformed)?;
    let mut rest = list;
    while !rest.is_empty() {
        if certificates.len() >= limits::CERTIFICATES {
            return Err(Unread::Limit);
        }
        let (der, next) = vector24(rest).ok_or(Unread::Malformed)?;
        match parse_x509_certificate(der) {
            // both algorithms must be the same (RFC 5280 section 4.1.1.2)
            Ok(([], certificate)) if certificate.signature_algorithm == certificate.signature => {
                let is_self_signed = is_self_issued(&certificate) && signature(&certificate, &certificate) != Signature::Wrong;
                certificates.push(Sent { der, certificate, is_self_signed });
            }
            _ => return Err(Unread::Malformed),
        }
        rest = next;
    }
    let leaf = certificates.first().filter(|_| behind.is_empty()).ok_or(Unread::Malformed)?;
    let (way, broken) = way(&certificates);
    let issuers = way.into_iter().map(issuer).collect();
    let trust = roots.map(|roots| roots.trust(&certificates)).unwrap_or_default();
    Ok(Chain { leaf: certificate(leaf)?, issuers, sent: certificates.len(), broken, trust })
}

/// Bytes behind a length of three bytes, and what is behind them.
fn vector24(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[high, middle, low], rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_be_bytes([0, high, middle, low]) as usize)
}

/// A certificate as it was sent.
struct Sent<'a> {
    der: &'a [u8],
    certificate: X509Certificate<'a>,
    /// It names itself as its issuer, and nothing shows that its key did not sign it.
    is_self_signed: bool,
}

/// The certificates that lead on from the first, in whatever order they were sent; and whose key shows, of those by whom one of them is said to
/// be issued, that it was not.
fn way<'a, 'b>(certificates: &'b [Sent<'a>]) -> (Vec<&'b Sent<'a>>, Option<Text>) {
    let mut way: Vec<&Sent<'a>> = Vec::new();
    let mut left = limits::CERTIFICATE_SIGNATURES;
    let Some(mut current) = certificates.first() else { return (way, None) };
    while !current.is_self_signed {
        // it names itself, and is not its own: an authority may have the same name
        let mut is_wrong = is_self_issued(&current.certificate);
        let mut next = None;
        for sent in certificates.iter().skip(1) {
            let is_known = sent.der == current.der || way.iter().any(|known| known.der == sent.der);
            if is_known || sent.certificate.subject().as_raw() != current.certificate.issuer().as_raw() {
                continue;
            }
            // too many of one name are no proof of anything
            let signature = if left == 0 { Signature::Unchecked } else { signature(&current.certificate, &sent.certificate) };
            left = left.saturating_sub(1);
            match signature {
                Signature::Good => {
                    next = Some(sent);
                    break;
                }
                Signature::Unchecked => next = next.or(Some(sent)),
                Signature::Wrong => is_wrong = true,
            }
        }
        match next {
            Some(next) => {
                way.push(next);
                current = next;
            }
            None => return (way, is_wrong.then(|| text(&current.certificate.issuer().to_string()))),
        }
    }
    (way, None)
}

/// What can be said of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signature {
    Good,
    Wrong,
    Unchecked,
}

/// Whether the key of `issuer` signed `certificate`.
fn signature(certificate: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> Signature {
    match certificate.verify_signature(Some(issuer.public_key())) {
        Ok(()) => Signature::Good,
        Err(X509Error::SignatureVerificationError) if is_checkable(certificate, issuer.public_key()) => Signature::Wrong,
        Err(_) => Signature::Unchecked,
    }
}

/// Whether a failure to verify shows that the signature is wrong, and not that it is of a kind that is not checked: other lengths of RSA keys,
/// other salts of RSASSA-PSS.
fn is_checkable(certificate: &X509Certificate<'_>, key: &SubjectPublicKeyInfo<'_>) -> bool {
    let is_pss = matches!(SignatureAlgorithm::try_from(&certificate.signature_algorithm), Ok(SignatureAlgorithm::RSASSA_PSS(_)) | Err(_));
    let bits = match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => bits(rsa.modulus),
        Ok(_) => return !is_pss,
        Err(_) => return false,
    };
    !is_pss && (RSA_BITS..=RSA_BITS_CHECKED).contains(&bits)
}

fn is_self_issued(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject().as_raw() == certificate.issuer().as_raw()
}

fn certificate(sent: &Sent<'_>) -> Result<Certificate, Unread> {
    let Sent { der, certificate, is_self_signed } = sent;
    let mut names = Vec::new();
    let mut names_more = 0;
    let extension = certificate.subject_alternative_name().map_err(|_| Unread::Malformed)?;
    for name in extension.iter().flat_map(|extension| &extension.value.general_names) {
        let name = match name {
            GeneralName::DNSName(host) => AltName::Host(Name::from_wire(host.as_bytes())),
            GeneralName::IPAddress(bytes) => match (<[u8; 4]>::try_from(*bytes), <[u8; 16]>::try_from(*bytes)) {
                (Ok(four), _) => AltName::Address(IpAddr::from(four)),
                (_, Ok(sixteen)) => AltName::Address(IpAddr::from(sixteen)),
                _ => return Err(Unread::Malformed),
            },
            GeneralName::Invalid(..) => return Err(Unread::Malformed),
            _ => continue,
        };
        if names.len() < limits::CERTIFICATE_NAMES {
            names.push(name);
        } else {
            names_more += 1;
        }
    }
    names.shrink_to_fit();
    let (key, is_key_weak) = key(certificate.public_key());
    let (signature, is_signature_weak) = signed_with(certificate);
    let (not_before, not_after) = validity(certificate);
    let serial: String = certificate.raw_serial().iter().take(Text::MAX_BYTES / 2).map(|byte| format!("{byte:02x}")).collect();
    Ok(Certificate {
        sha256: Sha256::digest(der).into(),
        subject: text(&certificate.subject().to_string()),
        issuer: text(&certificate.issuer().to_string()),
        serial: text(&serial),
        not_before,
        not_after,
        key,
        signature,
        is_key_weak,
        is_signature_weak,
        is_self_signed: *is_self_signed,
        names,
        names_more,
    })
}

fn issuer(sent: &Sent<'_>) -> Issuer {
    let Sent { certificate, is_self_signed, .. } = sent;
    let (not_before, not_after) = validity(certificate);
    // what a root says of itself is believed for other reasons than its signature
    let is_signature_weak = signed_with(certificate).1 && !is_self_signed;
    let weak = if key(certificate.public_key()).1 {
        Some("key")
    } else if is_signature_weak {
        Some("signature")
    } else {
        None
    };
    Issuer { subject: text(&certificate.subject().to_string()), not_before, not_after, weak }
}

/// Times beyond 2262 are the last there are.
fn validity(certificate: &X509Certificate<'_>) -> (Timestamp, Timestamp) {
    let validity = certificate.validity();
    let at = |second: i64| Timestamp::from_nanos(second.saturating_mul(SECOND));
    (at(validity.not_before.timestamp()), at(validity.not_after.timestamp()))
}

/// What a key is called, and whether it is weak.
fn key(info: &SubjectPublicKeyInfo<'_>) -> (Text, bool) {
    let algorithm = info.algorithm.algorithm.to_id_string();
    if let Ok(PublicKey::RSA(rsa)) = info.parsed() {
        let bits = bits(rsa.modulus);
        return (text(&format!("RSA {bits}")), bits < RSA_BITS);
    }
    // RFC 5480, RFC 8410, RFC 3279, RFC 5639
    let curve = || info.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok()).map(|oid| oid.to_id_string());
    match algorithm.as_str() {
        "1.2.840.10045.2.1" => {
            let curve = curve().unwrap_or_default();
            let (name, is_weak) = match curve.as_str() {
                "1.2.840.10045.3.1.7" => ("P-256", false),
                "1.3.132.0.34" => ("P-384", false),
                "1.3.132.0.35" => ("P-521", false),
                "1.3.132.0.10" => ("secp256k1", false),
                "1.2.840.10045.3.1.1" => ("P-192", true),
                "1.3.132.0.33" => ("P-224", true),
                "1.3.132.0.32" => ("secp224k1", true),
                "1.3.132.0.31" => ("secp192k1", true),
                // a point of an unknown curve, uncompressed or not, is of twice or once its length
                other => {
                    let point: &[u8] = &info.subject_public_key.data;
                    let bytes = if point.first() == Some(&4) { point.len() / 2 } else { point.len().saturating_sub(1) };
                    (other, bytes < 32)
                }
            };
            (text(&format!("EC {name}")), is_weak)
        }
        "1.2.840.10040.4.1" => (text("DSA"), true),
        "1.3.101.112" => (text("Ed25519"), false),
        "1.3.101.113" => (text("Ed448"), false),
        // RSA that may be used for RSASSA-PSS alone (RFC 4055): the same key, which the library does not read
        "1.2.840.113549.1.1.10" => (text("RSA-PSS"), info.subject_public_key.data.len() < RSA_BITS / 8),
        other => (text(other), false),
    }
}

/// What a certificate is signed with, and whether that is weak.
fn signed_with(certificate: &X509Certificate<'_>) -> (Text, bool) {
    let algorithm = certificate.signature_algorithm.algorithm.to_id_string();
    // RFC 3279, RFC 4055, RFC 5758, RFC 8410
    let (name, is_weak) = match algorithm.as_str() {
        "1.2.840.113549.1.1.2" => ("MD2 with RSA", true),
        "1.2.840.113549.1.1.3" => ("MD4 with RSA", true),
        "1.2.840.113549.1.1.4" => ("MD5 with RSA", true),
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => ("SHA-1 with RSA", true),
        "1.2.840.113549.1.1.14" => ("SHA-224 with RSA", false),
        "1.2.840.113549.1.1.11" => ("SHA-256 with RSA", false),
        "1.2.840.113549.1.1.12" => ("SHA-384 with RSA", false),
        "1.2.840.113549.1.1.13" => ("SHA-512 with RSA", false),
        "1.2.840.113549.1.1.10" => match SignatureAlgorithm::try_from(&certificate.signature_algorithm) {
            Ok(SignatureAlgorithm::RSASSA_PSS(pss)) if pss.hash_algorithm_oid().to_id_string() == "1.3.14.3.2.26" => {
                ("RSASSA-PSS with SHA-1", true)
            }
            _ => ("RSASSA-PSS", false),
        },
        "1.2.840.10040.4.3" | "1.3.14.3.2.27" => ("SHA-1 with DSA", true),
        "1.2.840.10045.4.1" => ("SHA-1 with ECDSA", true),
        "1.2.840.10045.4.3.1" => ("SHA-224 with ECDSA", false),
        "1.2.840.10045.4.3.2" => ("SHA-256 with ECDSA", false),
        "1.2.840.10045.4.3.3" => ("SHA-384 with ECDSA", false),
        "1.2.840.10045.4.3.4" => ("SHA-512 with ECDSA", false),
        "1.3.101.112" => ("Ed25519", false),
        "1.3.101.113" => ("Ed448", false),
        other => (other, false),
    };
    (text(name), is_weak)
}

/// Bits of a whole number without its leading zeros.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let first = number.get(zeros).map_or(0, |byte| byte.leading_zeros() as usize);
    (number.len() - zeros) * 8 - first
}

fn text(text: &str) -> Text {
    Text::from_wire(text.as_bytes())
}

#[cfg(test)]
mod tests;
