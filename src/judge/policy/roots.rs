//! Files of roots: the certificates of authorities, in PEM (RFC 7468), that the servers' must lead to.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use webpki::anchor_from_trusted_cert;

use super::Origin;

/// A file of roots.
#[derive(Clone, Debug)]
pub struct RootsFile {
    /// Its path as the policy has it, inert.
    pub path: String,
    /// The SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// Its certificates, in DER.
    pub certificates: Vec<Vec<u8>>,
    /// Where the policy names it.
    pub origin: Origin,
}

impl RootsFile {
    /// Reads one of at most `room` certificates; or what is wrong with it, and how that is mended.
    pub(super) fn read(path: &str, text: &str, origin: Origin, room: usize) -> Result<Self, (String, String)> {
        let mut certificates = Vec::new();
        for (n, der) in CertificateDer::pem_slice_iter(text.as_bytes()).enumerate() {
            let der = der.map_err(|error| (format!("the file of roots is no PEM: {error}"), "write it anew".to_owned()))?;
            if let Err(error) = anchor_from_trusted_cert(&der) {
                let help = "take it out, or put one in that is well-formed".to_owned();
                return Err((format!("certificate {} of the file of roots cannot be one: {error}", n + 1), help));
            }
            if certificates.len() >= room {
                return Err(("too many roots".to_owned(), format!("at most {room} more are read")));
            }
            certificates.push(der.to_vec());
        }
        if certificates.is_empty() {
            return Err(("the file of roots holds no certificate".to_owned(), "it is to be PEM: -----BEGIN CERTIFICATE-----".to_owned()));
        }
        Ok(Self { path: path.escape_debug().to_string(), sha256: sha256(text), certificates, origin })
    }
}

/// The SHA-256 of a file's text, in hex.
pub(super) fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
