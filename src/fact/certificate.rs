//! What a server showed of who it is (RFC 5280), as far as rules ask and records show. Names are as the certificate has them, and inert.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Locus, Name, Text, Timestamp};

/// What a flow's responder showed of who it is, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateShown {
    /// Its certificates, or why they could not be read.
    pub shown: Result<Arc<Chain>, Unread>,
    /// The frame that completed them.
    pub at: Locus,
}

/// Why certificates could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unread {
    /// The message is longer than is read, or has more certificates.
    Limit,
    /// It is no list of X.509 certificates, or one of them is malformed.
    Malformed,
    /// The handshake was a full one, and none was seen whole.
    Missing,
    /// Sessions between the same ports showed different ones.
    Several,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Limit => "longer than is read",
            Self::Malformed => "malformed, or no X.509 certificate",
            Self::Missing => "not seen whole",
            Self::Several => "several, one after the other",
        })
    }
}

/// The certificates of one message: the server's own, and those that lead on from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The server's own.
    pub leaf: Certificate,
    /// Those that lead on from it, in order, as far as they were sent; others beside them do not count.
    pub issuers: Vec<Issuer>,
    /// How many were sent.
    pub sent: usize,
    /// Somebody whose certificate was sent, by this name, is said to have issued one, and its key shows that it did not.
    pub broken: Option<Text>,
    /// Whether it leads to a root of the policy, from each moment on at which that changes. Empty where the policy has none.
    pub trust: Vec<(Timestamp, Trust)>,
}

/// One certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// Whom it names.
    pub subject: Text,
    /// Who signed it.
    pub issuer: Text,
    /// Its serial number in hex.
    pub serial: Text,
    /// The first moment at which it is valid.
    pub not_before: Timestamp,
    /// The last one, to the second.
    pub not_after: Timestamp,
    /// Its key: `RSA 2048`, `EC P-256`.
    pub key: Text,
    /// What it is signed with: `SHA-256 with RSA`.
    pub signature: Text,
    /// The key is weaker than is fit for use.
    pub is_key_weak: bool,
    /// The signature is made with a broken hash.
    pub is_signature_weak: bool,
    /// Its own key signed it.
    pub is_self_signed: bool,
    /// Its subject alternative names, hosts and addresses alone, at most [`CERTIFICATE_NAMES`](crate::limits::CERTIFICATE_NAMES).
    pub names: Vec<AltName>,
    /// How many more there are.
    pub names_more: usize,
}

/// A certificate on the way from the server's own to a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// Whom it names.
    pub subject: Text,
    /// The first moment at which it is valid.
    pub not_before: Timestamp,
    /// The last one.
    pub not_after: Timestamp,
    /// What of it is weak.
    pub weak: Option<&'static str>,
}

/// Whom a certificate is for (RFC 5280 section 4.2.1.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AltName {
    /// A host, or with `*` as its first label, all hosts one label below.
    Host(Name),
    /// An address.
    Address(IpAddr),
}

/// Whether a chain leads to a root that the policy gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It does.
    Trusted,
    /// It does not, and why.
    Untrusted(&'static str),
    /// That could not be told, and why.
    Unknown(&'static str),
}

impl CertificateShown {
    /// Another one was shown: by another session.
    pub fn again(&mut self, shown: Result<Arc<Chain>, Unread>) {
        if self.shown != shown {
            self.shown = Err(Unread::Several);
        }
    }

    /// Bytes of memory held, roughly. A chain counts for each flow that it was shown in, though they share it.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.shown.as_ref().map_or(0, |chain| chain.heap_bytes())
    }
}

impl Chain {
    /// Whether it leads to a root of the policy at this moment; `None` where the policy has none.
    #[must_use]
    pub fn trust_at(&self, at: Timestamp) -> Option<Trust> {
        let known = self.trust.iter().rev().find(|(since, _)| *since <= at).or(self.trust.first());
        known.map(|(_, trust)| *trust)
    }

    /// Bytes of memory held, roughly.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let leaf = &self.leaf;
        let texts: usize =
            [&leaf.subject, &leaf.issuer, &leaf.serial, &leaf.key, &leaf.signature].map(|text| text.as_str().len()).iter().sum();
        let name = |name: &AltName| if let AltName::Host(name) = name { name.as_str().len() + 16 } else { 0 };
        let names = leaf.names.capacity() * size_of::<AltName>() + leaf.names.iter().map(name).sum::<usize>();
        let issuers: usize = self.issuers.iter().map(|issuer| size_of::<Issuer>() + issuer.subject.as_str().len()).sum();
        size_of::<Self>() + texts + names + issuers + self.trust.capacity() * size_of::<(Timestamp, Trust)>()
    }
}

impl Certificate {
    /// Whether a host is meant: by all of its labels, or by all but the first, for which `*` stands (RFC 9525 section 6.3). A name that is an
    /// address is meant by that address alone.
    #[must_use]
    pub fn covers(&self, asked: &Name) -> bool {
        cover(&self.names, asked)
    }
}

fn cover(names: &[AltName], asked: &Name) -> bool {
    if let Some(asked) = asked.as_ip() {
        return names.iter().any(|name| matches!(name, AltName::Address(ip) if *ip == asked));
    }
    let parent = asked.as_str().split_once('.').map(|(_, parent)| parent);
    let is_meant = |name: &AltName| match name {
        AltName::Address(_) => false,
        AltName::Host(host) => host.as_str().strip_prefix("*.").map_or(host == asked, |above| parent == Some(above)),
    };
    names.iter().any(is_meant) && !asked.is_odd()
}

impl fmt::Display for AltName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name) => name.fmt(f),
            Self::Address(ip) => ip.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(pattern: &str, asked: &str) -> bool {
        cover(&[AltName::Host(Name::from_wire(pattern.as_bytes()))], &Name::from_wire(asked.as_bytes()))
    }

    #[test]
    fn a_star_is_one_whole_leftmost_label() {
        assert!(covers("www.example.com", "WWW.example.com."));
        assert!(covers("*.example.com", "www.example.com"));
        for (pattern, asked) in [
            ("*.example.com", "a.b.example.com"),
            ("*.example.com", "example.com"),
            ("w*.example.com", "www.example.com"),
            ("www.*.com", "www.example.com"),
            ("*", "com"),
            ("*.*.com", "www.example.com"),
            ("example.com", "www.example.com"),
            ("*.0.2.1", "192.0.2.1"),
            ("192.0.2.1", "192.0.2.1"),
            ("*.example.com", "\0.example.com"),
        ] {
            assert!(!covers(pattern, asked), "{pattern} {asked}");
        }
        let address = [AltName::Address([192, 0, 2, 1].into())];
        assert!(cover(&address, &Name::from_wire(b"192.0.2.1")) && !cover(&address, &Name::from_wire(b"192.0.2.2")));
    }
}
