//! Fingerprints of hellos, by which other tools' records are joined: JA3 and JA3S (Salesforce, 2017), and JA4 of the TLS client (FoxIO, 2023;
//! the rest of its family is not free to use). GREASE values (RFC 8701) are left out everywhere.
//!
//! They name a build of a program and prove nothing: a client may say whatever hello it likes. MD5 is what JA3 is made with, and protects
//! nothing here. They are made only where somebody wants them ([`Seen::wants_details`]).

use md5::{Digest as _, Md5};
use sha2::Sha256;

use super::{ALPN, Reader, SERVER_NAME, SUPPORTED_VERSIONS};
use crate::fact::{Detail, Fact, Fingerprint, TlsVersion};
use crate::inspect::Seen;

const SUPPORTED_GROUPS: u16 = 10;
const POINT_FORMATS: u16 = 11;
const SIGNATURE_ALGORITHMS: u16 = 13;

/// What carries a hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::inspect) enum Over {
    /// TLS over TCP.
    Stream,
    /// DTLS.
    Datagrams,
    /// QUIC.
    Quic,
}

/// Says the fingerprints of a ClientHello, by its body as TLS has it. One that ends within a field has none.
pub(in crate::inspect) fn say_client(body: &[u8], over: Over, seen: &mut Seen<'_>) {
    if !seen.wants_details() {
        return;
    }
    if let Some(offer) = Offer::read(body) {
        seen.say(Fact::Detail(Detail::Fingerprint(offer.ja3())));
        seen.say(Fact::Detail(Detail::Fingerprint(offer.ja4(over))));
    }
}

/// Says the fingerprint of a ServerHello, by its body.
pub(in crate::inspect) fn say_server(body: &[u8], seen: &mut Seen<'_>) {
    if !seen.wants_details() {
        return;
    }
    if let Some(print) = ja3s(body) {
        seen.say(Fact::Detail(Detail::Fingerprint(print)));
    }
}

/// What a ClientHello offers, in its order.
#[derive(Default)]
struct Offer<'a> {
    /// The version of the fixed field.
    version: u16,
    ciphers: Vec<u16>,
    extensions: Vec<u16>,
    versions: Vec<u16>,
    groups: Vec<u16>,
    formats: &'a [u8],
    signatures: Vec<u16>,
    /// The first application protocol.
    protocol: &'a [u8],
}

impl<'a> Offer<'a> {
    fn read(body: &'a [u8]) -> Option<Self> {
        let mut rest = Reader(body);
        let version = rest.u16()?;
        rest.take(32)?;
        rest.vector8()?;
        let ciphers = numbers(rest.vector16()?);
        rest.vector8()?;
        let mut offer = Self { version, ciphers, ..Self::default() };
        let mut list = Reader(if rest.is_empty() { &[] } else { rest.vector16()? });
        while !list.is_empty() {
            let (kind, content) = list.extension()?;
            if !is_grease(kind) {
                offer.extensions.push(kind);
            }
            let mut content = Reader(content);
            match kind {
                SUPPORTED_GROUPS => offer.groups = numbers(content.vector16().unwrap_or_default()),
                SIGNATURE_ALGORITHMS => offer.signatures = numbers(content.vector16().unwrap_or_default()),
                SUPPORTED_VERSIONS => offer.versions = numbers(content.vector8().unwrap_or_default()),
                POINT_FORMATS => offer.formats = content.vector8().unwrap_or_default(),
                ALPN => {
                    let mut protocols = Reader(content.vector16().unwrap_or_default());
                    offer.protocol = protocols.vector8().unwrap_or_default();
                }
                _ => {}
            }
        }
        Some(offer)
    }

    /// Version, suites, extensions, groups and point formats, hashed.
    fn ja3(&self) -> Fingerprint {
        let formats: Vec<u16> = self.formats.iter().map(|&format| format.into()).collect();
        let lists = [&self.ciphers, &self.extensions, &self.groups, &formats].map(|list| decimal(list));
        Fingerprint::Ja3(md5(&format!("{},{}", self.version, lists.join(","))))
    }

    /// What carries it, the highest version, whether a name is asked for, how many suites and extensions, the ends of the first application
    /// protocol; then the suites and the extensions, both sorted and hashed, the latter with the signature algorithms.
    fn ja4(&self, over: Over) -> Fingerprint {
        let carrier = match over {
            Over::Stream => 't',
            Over::Datagrams => 'd',
            Over::Quic => 'q',
        };
        // the versions of DTLS count downwards
        let highest = if over == Over::Datagrams { self.versions.iter().min() } else { self.versions.iter().max() };
        let version = version(TlsVersion(highest.copied().unwrap_or(self.version)));
        let name = if self.extensions.contains(&SERVER_NAME) { 'd' } else { 'i' };
        let count = |list: &[u16]| list.len().min(99);
        let (ciphers, extensions) = (count(&self.ciphers), count(&self.extensions));
        let [first, last] = ends_of(self.protocol);
        let sorted: Vec<u16> = self.extensions.iter().copied().filter(|kind| !matches!(*kind, SERVER_NAME | ALPN)).collect();
        let mut offered = hexadecimal(sorted, true);
        if !self.signatures.is_empty() && !self.extensions.is_empty() {
            offered = format!("{offered}_{}", hexadecimal(self.signatures.clone(), false));
        }
        let (suites, offered) = (start_of_hash(&hexadecimal(self.ciphers.clone(), true)), start_of_hash(&offered));
        let text = format!("{carrier}{version}{name}{ciphers:02}{extensions:02}{first}{last}_{suites}_{offered}");
        let mut print = [b'0'; 36];
        for (slot, byte) in print.iter_mut().zip(text.bytes()) {
            *slot = byte;
        }
        Fingerprint::Ja4(print)
    }
}

fn ja3s(body: &[u8]) -> Option<Fingerprint> {
    let mut rest = Reader(body);
    let version = rest.u16()?;
    rest.take(32)?;
    rest.vector8()?;
    let suite = rest.u16()?;
    rest.u8()?;
    let mut list = Reader(if rest.is_empty() { &[] } else { rest.vector16()? });
    let mut extensions = Vec::new();
    while !list.is_empty() {
        extensions.push(list.extension()?.0);
    }
    Some(Fingerprint::Ja3s(md5(&format!("{version},{suite},{}", decimal(&extensions)))))
}

/// The numbers of two bytes in a list, without grease.
fn numbers(list: &[u8]) -> Vec<u16> {
    list.as_chunks().0.iter().map(|&number| u16::from_be_bytes(number)).filter(|&number| !is_grease(number)).collect()
}

fn is_grease(number: u16) -> bool {
    let [high, low] = number.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

fn version(version: TlsVersion) -> &'static str {
    match version {
        TlsVersion::TLS1_3 => "13",
        TlsVersion::TLS1_2 => "12",
        TlsVersion::TLS1_1 => "11",
        TlsVersion::TLS1_0 => "10",
        TlsVersion::SSL3 => "s3",
        TlsVersion::SSL2 => "s2",
        TlsVersion::DTLS1_0 => "d1",
        TlsVersion::DTLS1_2 => "d2",
        TlsVersion::DTLS1_3 => "d3",
        _ => "00",
    }
}

/// The first and the last character of a protocol's name, or of its bytes in hexadecimal where either is no letter or digit.
fn ends_of(protocol: &[u8]) -> [char; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 0x0f)]);
    match (protocol.first(), protocol.last()) {
        (Some(first), Some(last)) if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() => [*first, *last].map(char::from),
        (Some(first), Some(last)) => [digit(first >> 4), digit(*last)],
        _ => ['0', '0'],
    }
}

fn decimal(list: &[u16]) -> String {
    list.iter().map(u16::to_string).collect::<Vec<_>>().join("-")
}

fn hexadecimal(mut list: Vec<u16>, sort: bool) -> String {
    if sort {
        list.sort_unstable();
    }
    list.iter().map(|number| format!("{number:04x}")).collect::<Vec<_>>().join(",")
}

/// The first twelve digits of a hash; zeros for a list that is empty.
fn start_of_hash(list: &str) -> String {
    if list.is_empty() {
        return "0".repeat(12);
    }
    Sha256::digest(list).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

fn md5(text: &str) -> [u8; 16] {
    Md5::digest(text).into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

    use super::*;
    use crate::fact::{End, FrameId, Locus, Observation, Timestamp};

    fn vector(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
    }

    fn list(numbers: &[u16]) -> Vec<u8> {
        vector(&numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<_>>())
    }

    fn hello(version: u16, suites: &[u16], extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let extensions: Vec<u8> =
            extensions.iter().flat_map(|(kind, content)| [kind.to_be_bytes().to_vec(), vector(content)].concat()).collect();
        [&version.to_be_bytes()[..], &[7; 32], &[0], &list(suites), &[1, 0], &vector(&extensions)].concat()
    }

    /// The hello that the method's description works out, with grease strewn in.
    fn browser(protocol: &[u8], versions: &[u16]) -> Vec<u8> {
        const SUITES: [u16; 16] = [
            0x3a3a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
        ];
        let mut extensions = vec![
            (0xdada, Vec::new()),
            (SERVER_NAME, vector(b"\0\0\x09a.example")),
            (SIGNATURE_ALGORITHMS, list(&[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601])),
            (SUPPORTED_GROUPS, list(&[0x1a1a, 29, 23, 24])),
            (POINT_FORMATS, vec![1, 0]),
            (ALPN, vector(&[&[protocol.len() as u8][..], protocol].concat())),
            (SUPPORTED_VERSIONS, list(versions)[1..].to_vec()),
        ];
        extensions.extend([0x33, 0x2d, 0x23, 0xff01, 0x05, 0x17, 0x12, 0x1b, 0x4469, 0x15].map(|kind| (kind, vec![0])));
        hello(0x0303, &SUITES, &extensions)
    }

    fn ja4(body: &[u8], over: Over) -> String {
        Offer::read(body).unwrap().ja4(over).to_string()
    }

    #[test]
    fn the_worked_example_of_the_method_comes_out() {
        let body = browser(b"h2", &[0x6a6a, 0x0304, 0x0303]);
        assert_eq!(ja4(&body, Over::Stream), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        assert_eq!(ja4(&body, Over::Quic), "q13d1516h2_8daaf6152771_e5627efa2ab1");
        let text = "771,4865-4866-4867-49195-49199-49196-49200-52393-52392-49171-49172-156-157-47-53,\
                    0-13-10-11-16-43-51-45-35-65281-5-23-18-27-17513-21,29-23-24,0";
        assert_eq!(Offer::read(&body).unwrap().ja3(), Fingerprint::Ja3(Md5::digest(text).into()));
    }

    #[test]
    fn the_first_part_tells_version_counts_and_protocol() {
        let first = |body: &[u8], over| ja4(body, over).split('_').next().unwrap().to_owned();
        let datagrams = browser(b"a", &[0xfefd, 0xfefc]);
        assert_eq!(first(&datagrams, Over::Datagrams), "dd3d1516aa");
        for (protocol, ends) in [(&b"http/1.1"[..], "h1"), (b"\xba\xad", "bd"), (b"h\xad", "6d"), (b"", "00"), (b"-", "2d")] {
            assert_eq!(first(&browser(protocol, &[0x0304]), Over::Stream), format!("t13d1516{ends}"));
        }
        assert_eq!(first(&browser(b"h2", &[0x7f17]), Over::Stream), "t00d1516h2");
        let many = hello(0x0300, &[5; 120], &(0..110).map(|kind| (kind + 100, Vec::new())).collect::<Vec<_>>());
        assert_eq!(first(&many, Over::Stream), "ts3i999900");
    }

    #[test]
    fn a_hello_without_extensions_hashes_nothing() {
        let body = hello(0xfeff, &[], &[]);
        assert_eq!(ja4(&body, Over::Datagrams), "dd1i000000_000000000000_000000000000");
        // before extensions there was no list of them
        let bare = &body[..body.len() - 2];
        assert_eq!(ja4(bare, Over::Datagrams), ja4(&body, Over::Datagrams));
        assert_eq!(Offer::read(bare).unwrap().ja3(), Fingerprint::Ja3(Md5::digest("65279,,,,").into()));
    }

    #[test]
    fn an_answer_has_its_version_suite_and_extensions() {
        let body = [&[3, 3][..], &[9; 32], &[0, 0x13, 0x01, 0], &vector(&[0, 43, 0, 2, 3, 4, 0, 51, 0, 1, 0])].concat();
        assert_eq!(ja3s(&body), Some(Fingerprint::Ja3s(Md5::digest("771,4865,43-51").into())));
        assert_eq!(ja3s(&body[..body.len() - 13]), Some(Fingerprint::Ja3s(Md5::digest("771,4865,").into())));
    }

    #[test]
    fn what_is_cut_has_none_and_what_nobody_wants_is_not_made() {
        let body = browser(b"h2", &[0x0304]);
        let end_of_suites = 2 + 32 + 1 + 2 + 32 + 2;
        for n in (0..body.len()).filter(|&n| n != end_of_suites) {
            assert!(Offer::read(&body[..n]).is_none(), "{n}");
        }
        let at = Locus { frame: FrameId::new(0, 1), at: Timestamp::default(), end: End::A };
        let said = |details| {
            let mut out: Vec<Observation> = Vec::new();
            let mut seen = Seen::new(&mut out, at).detailed(details);
            say_client(&body, Over::Stream, &mut seen);
            say_server(&body, &mut seen);
            out.len()
        };
        assert_eq!((said(false), said(true)), (0, 2));
    }
}
