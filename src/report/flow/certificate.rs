//! What a flow's record says of the certificate that its responder showed.

use schemars::JsonSchema;
use serde::Serialize;

use super::display;
use crate::fact::{Chain, Timestamp};

/// A certificate.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CertificateLine<'a> {
    /// Whom it names.
    pub subject: &'a str,
    /// Who signed it.
    pub issuer: &'a str,
    /// Its serial number, in hex.
    pub serial: &'a str,
    /// The first moment at which it is valid.
    #[serde(serialize_with = "display")]
    #[schemars(with = "String")]
    pub not_before: Timestamp,
    /// The last one, to the second.
    #[serde(serialize_with = "display")]
    #[schemars(with = "String")]
    pub not_after: Timestamp,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// Its key: `RSA 2048`, `EC P-256`.
    pub key: &'a str,
    /// What it is signed with.
    pub signature: &'a str,
    /// The first of the hosts and addresses that it is for.
    pub names: Vec<String>,
    /// How many more there are.
    #[serde(skip_serializing_if = "is_zero")]
    pub names_more: usize,
    /// How many certificates were sent, this one included.
    pub chain: usize,
    /// What is wrong with it, in the words of WW207's subjects.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub problems: &'a [&'static str],
}

/// The first certificate of a chain, and what is wrong with it.
pub(super) fn line<'a>(chain: &'a Chain, problems: &'a [&'static str]) -> CertificateLine<'a> {
    /// Names that are listed.
    const FIRST: usize = 8;
    let leaf = &chain.leaf;
    let names: Vec<String> = leaf.names.iter().take(FIRST).map(ToString::to_string).collect();
    CertificateLine {
        subject: leaf.subject.as_str(),
        issuer: leaf.issuer.as_str(),
        serial: leaf.serial.as_str(),
        not_before: leaf.not_before,
        not_after: leaf.not_after,
        sha256: leaf.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
        key: leaf.key.as_str(),
        signature: leaf.signature.as_str(),
        names_more: leaf.names.len() + leaf.names_more - names.len(),
        names,
        chain: chain.sent,
        problems,
    }
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}
