//! What is known of the TLS session of a flow.

use std::fmt;

use super::{Alert, CertificateShown, CipherSuite, Group, Locus, Text, TlsVersion};
use crate::limits;

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
    /// What the responder showed of who it is, where it is sent in the clear.
    pub certificate: Option<Box<CertificateShown>>,
    /// The first fatal or closing alert that could be read.
    pub alert: Option<(Alert, Locus)>,
    /// What no rule asks for.
    pub details: Option<Box<TlsDetails>>,
}

/// What of a TLS session no rule asks for: a flow's record shows it. Rare, but for the first two, which are read only where they are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsDetails {
    /// JA3, JA4 and JA3S, as far as the hellos were read.
    pub fingerprints: Vec<Fingerprint>,
    /// The group that keys were agreed in.
    pub group: Option<(Group, Locus)>,
    /// The number of the method by which records are compressed before they are encrypted (RFC 3749).
    pub compression: Option<(u8, Locus)>,
    /// Application data ahead of the answer (RFC 8446 section 4.2.10).
    pub early_data: Option<(EarlyData, Locus)>,
    /// The client was asked for a certificate, as far as that is in the clear (before TLS 1.3).
    pub client_certificate: Option<(ClientCertificate, Locus)>,
    /// The opener began a second handshake inside the first one's encryption (before TLS 1.3).
    pub renegotiated: Option<Locus>,
    /// The hello had the form of SSL 2.0.
    pub old_hello: Option<Locus>,
    /// Why the name asked for is odd.
    pub odd_name: Option<(OddName, Locus)>,
    /// The first alerts that could be read, at most [`limits::ALERTS_SHOWN`].
    pub alerts: Vec<(Alert, Locus)>,
}

impl TlsDetails {
    /// Takes one in. First sightings win; what was done is more than what was offered or asked.
    pub(super) fn fold(&mut self, detail: Detail, at: Locus) {
        match detail {
            Detail::Fingerprint(print) => {
                let is_new = |known: &Fingerprint| std::mem::discriminant(known) != std::mem::discriminant(&print);
                if self.fingerprints.iter().all(is_new) {
                    self.fingerprints.push(print);
                }
            }
            Detail::Group(group) => _ = self.group.get_or_insert((group, at)),
            Detail::Compression(method) => _ = self.compression.get_or_insert((method, at)),
            Detail::EarlyData(how) if self.early_data.is_none_or(|(known, _)| how > known) => self.early_data = Some((how, at)),
            Detail::ClientCertificate(how) if self.client_certificate.is_none_or(|(known, _)| how > known) => {
                self.client_certificate = Some((how, at));
            }
            Detail::EarlyData(_) | Detail::ClientCertificate(_) => {}
            Detail::Renegotiated => _ = self.renegotiated.get_or_insert(at),
            Detail::OldHello => _ = self.old_hello.get_or_insert(at),
            Detail::OddName(why) => _ = self.odd_name.get_or_insert((why, at)),
        }
    }

    pub(super) fn alert(&mut self, alert: Alert, at: Locus) {
        if self.alerts.len() < limits::ALERTS_SHOWN {
            self.alerts.push((alert, at));
        }
    }

    /// Bytes of memory held, roughly.
    pub(super) fn heap_bytes(&self) -> usize {
        let alerts = self.alerts.capacity() * size_of::<(Alert, Locus)>();
        size_of::<Self>() + alerts + self.fingerprints.capacity() * size_of::<Fingerprint>()
    }
}

/// Something about a TLS session that no rule asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// A hello's. Said only where it is wanted.
    Fingerprint(Fingerprint),
    /// The group that keys are agreed in. Said only where it is wanted.
    Group(Group),
    /// Records are compressed by the method of this number.
    Compression(u8),
    /// Application data ahead of the answer.
    EarlyData(EarlyData),
    /// A certificate of the client.
    ClientCertificate(ClientCertificate),
    /// A second handshake begins inside the first one's encryption.
    Renegotiated,
    /// The hello has the form of SSL 2.0.
    OldHello,
    /// Why the name asked for is odd.
    OddName(OddName),
}

/// How far early data came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EarlyData {
    /// The hello offers it.
    Offered,
    /// Data was sent ahead of the answer. Whether it was accepted cannot be seen.
    Sent,
}

impl EarlyData {
    /// The word in a flow's record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        if self == Self::Offered { "offered" } else { "sent" }
    }
}

/// How far a client's certificate came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientCertificate {
    /// The server asks for one.
    Asked,
    /// The client sent one.
    Sent,
}

impl ClientCertificate {
    /// The word in a flow's record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        if self == Self::Asked { "asked" } else { "sent" }
    }
}

/// Why a name that a hello asks for is odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OddName {
    /// There are several.
    Several,
    /// There is none in a list of names, or it has no length.
    Empty,
    /// It is of a type that is no host name.
    Type,
    /// It is an address, which has no place there (RFC 6066 section 3).
    Address,
    /// It is longer than a name of DNS can be.
    Length,
    /// It has bytes, or empty labels, that no host name has.
    Characters,
}

impl OddName {
    /// The words in a flow's record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Several => "several names",
            Self::Empty => "empty",
            Self::Type => "no host name",
            Self::Address => "an address",
            Self::Length => "too long",
            Self::Characters => "characters of no host name",
        }
    }
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
