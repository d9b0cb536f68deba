//! Hellos made by hand: names that are odd, absent, repeated and malformed.

#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use sha2::{Digest, Sha256};

use super::*;

fn vector(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector(content)].concat()
}

fn entry(kind: u8, name: &[u8]) -> Vec<u8> {
    [&[kind][..], &vector(name)].concat()
}

fn sni(entries: &[Vec<u8>]) -> Vec<u8> {
    extension(SERVER_NAME, &vector(&entries.concat()))
}

fn body(extensions: &[Vec<u8>]) -> Vec<u8> {
    let fixed = [&[3, 3][..], &[7; 32], &[0], &vector(&[0x13, 0x01]), &[1, 0]].concat();
    [fixed, vector(&extensions.concat())].concat()
}

fn read(extensions: &[Vec<u8>]) -> ClientHello {
    ClientHello::read(&body(extensions))
}

fn name(text: &str) -> Option<Name> {
    Some(Name::from_wire(text.as_bytes()))
}

#[test]
fn names_are_read_and_normalised() {
    for (wire, plain) in [("a.example", "a.example"), ("A.Example.", "a.example"), ("192.0.2.7", "192.0.2.7"), ("xn--a_b.c", "xn--a_b.c")] {
        let hello = read(&[extension(0x0a0a, b""), sni(&[entry(0, wire.as_bytes())]), extension(51, &[0; 40])]);
        let odd = (plain == "192.0.2.7").then_some(OddName::Address);
        assert_eq!(hello, ClientHello { name: name(plain), odd, ..ClientHello::default() });
    }
}

#[test]
fn offers_are_read() {
    let hello = read(&[
        extension(ALPN, &vector(b"\x02h2\x08http/1.1")),
        extension(ENCRYPTED_CLIENT_HELLO, &[0; 9]),
        extension(EARLY_DATA, b""),
        sni(&[entry(0, b"a.example")]),
    ]);
    assert_eq!(hello.alpn, [Text::from_wire(b"h2"), Text::from_wire(b"http/1.1")]);
    assert!(hello.ech.is_some() && hello.offers_early_data && hello.malformed.is_none());
    for bad in [&b""[..], &vector(b""), &vector(b"\x03h2"), &vector(b"\x00"), b"\x00\x03\x02h2x"] {
        assert!(read(&[extension(ALPN, bad)]).malformed.is_some(), "{bad:?}");
    }
    let many = read(&[extension(ALPN, &vector(&b"\x01a".repeat(1000)))]);
    assert_eq!(many.alpn.len(), limits::ALPN_PER_FLOW);
}

#[test]
fn no_name_is_told_from_a_name_that_cannot_be_read() {
    let none = ClientHello::default();
    assert_eq!(read(&[]), none);
    assert_eq!(read(&[extension(43, &[2, 3, 4])]), none);
    // SSL 3.0: no extensions at all
    let mut old = body(&[]);
    old.truncate(old.len() - 2);
    assert_eq!(ClientHello::read(&old), none);

    let odd = |hello: ClientHello, expected: Option<Name>| {
        assert_eq!((hello.hidden, hello.name), (Some(Hidden::Odd), expected));
    };
    odd(read(&[sni(&[entry(0, b"a.example"), entry(0, b"b.example")])]), None);
    odd(read(&[sni(&[entry(0, b"a.example"), entry(7, b"?")])]), name("a.example"));
    odd(read(&[sni(&[entry(7, b"a.example")])]), None);
    odd(read(&[sni(&[])]), None);
    odd(read(&[sni(&[entry(0, b"")])]), None);
    odd(read(&[extension(SERVER_NAME, b"")]), None);
    odd(read(&[sni(&[entry(0, b"a\0.example")])]), name("a\0.example"));
    odd(read(&[sni(&[entry(0, b".")])]), name("."));
    odd(read(&[sni(&[entry(0, &[b'a'; 300])])]), Some(Name::from_wire(&[b'a'; 300])));
    odd(read(&[sni(&[entry(0, b"a.example")]), sni(&[entry(0, b"b.example")])]), None);
    odd(read(&[sni(&[entry(0, b"a.example")]), sni(&[])]), name("a.example"));
}

#[test]
fn a_malformed_list_hides_what_is_behind_it_and_nothing_before_it() {
    let bad = [0xff, 0xff, 0x00, 0x09, 1, 2];
    let behind = read(&[sni(&[entry(0, b"a.example")]), bad.to_vec()]);
    assert_eq!((behind.name, behind.hidden, behind.malformed.is_some()), (name("a.example"), None, true));
    // its length swallows the name
    let before = read(&[extension(0xffff, b"")[..2].to_vec(), vec![0xff, 0xff], sni(&[entry(0, b"a.example")])]);
    assert_eq!((before.name, before.hidden, before.malformed.is_some()), (None, Some(Hidden::NotSeen), true));
    // an inner length of the name's own extension
    for inner in [&b"\x00\x0c\x00\x00\x09a.exampl"[..], b"\x00\x0d\x00\x00\x09a.example", b"\x00\x0c\x00\x00\x0aa.example", b"\x00"] {
        let hello = read(&[extension(SERVER_NAME, inner)]);
        assert_eq!((hello.name, hello.hidden, hello.malformed.is_some()), (None, Some(Hidden::NotSeen), true), "{inner:?}");
    }
    // one whole name, then a cut one
    let cut = read(&[extension(SERVER_NAME, &vector(&[entry(0, b"a.example"), b"\0\0".to_vec()].concat()))]);
    assert_eq!((cut.name, cut.hidden, cut.malformed.is_some()), (name("a.example"), Some(Hidden::Odd), true));
    // the list's own length, too short and too long
    for off in [-1i16, 1] {
        let mut wrong = body(&[sni(&[entry(0, b"a.example")])]);
        let at = wrong.len() - 20;
        let length = i16::from_be_bytes([wrong[at], wrong[at + 1]]);
        assert_eq!(length, 18);
        wrong[at..at + 2].copy_from_slice(&(length + off).to_be_bytes());
        let hello = ClientHello::read(&wrong);
        assert_eq!((hello.name, hello.hidden, hello.malformed.is_some()), (None, Some(Hidden::NotSeen), true), "{off}");
    }
}

#[test]
fn every_cut_of_a_hello_is_malformed_or_hidden() {
    let whole = body(&[extension(43, &[2, 3, 4]), sni(&[entry(0, b"a.example")])]);
    for cut in 0..whole.len() {
        let hello = ClientHello::read(&whole[..cut]);
        // up to the extensions' length a hello may end, as in SSL 3.0
        let is_old = cut == 2 + 32 + 1 + 4 + 2;
        assert_eq!(hello.malformed.is_none(), is_old, "{cut}");
        assert_eq!(hello.hidden, (!is_old).then_some(Hidden::NotSeen), "{cut}");
    }
}

fn server_body(legacy: [u8; 2], random: &[u8; 32], suite: u16, extensions: &[Vec<u8>]) -> Vec<u8> {
    [&legacy[..], random, &[0], &suite.to_be_bytes(), &[0], &vector(&extensions.concat())].concat()
}

#[test]
fn server_hellos_settle_version_and_suite() {
    let suite = |is_13| if is_13 { 0x1301 } else { 0xc02f };
    let read = |legacy, random: &[u8; 32], extensions: &[Vec<u8>]| {
        let is_13 = extensions.iter().any(|extension| extension.starts_with(&[0, 43]));
        ServerHello::read(&server_body(legacy, random, suite(is_13), extensions))
    };
    let settled = |version| ServerHello {
        is_retry: false,
        version: TlsVersion(version),
        suite: CipherSuite(suite(version > 0x0303)),
        accepts_key: false,
        session: SessionId::default(),
        encrypts_first: false,
        compression: 0,
        group: None,
        fault: None,
    };
    assert_eq!(read([3, 3], &[1; 32], &[]), Ok(settled(0x0303)));
    assert_eq!(read([3, 1], &[1; 32], &[extension(0xff01, &[0])]), Ok(settled(0x0301)));
    assert_eq!(read([3, 3], &[1; 32], &[extension(43, &[3, 4])]), Ok(settled(0x0304)));
    assert_eq!(read([3, 3], &[1; 32], &[extension(43, &[0x7f, 28])]), Ok(settled(0x7f1c)));
    assert_eq!(read([3, 0], &[1; 32], &[]), Ok(settled(0x0300)));
    let key = [extension(41, &[0, 0]), extension(43, &[3, 4])];
    assert_eq!(read([3, 3], &[1; 32], &key), Ok(ServerHello { accepts_key: true, ..settled(0x0304) }));
    let retry: [u8; 32] = Sha256::digest(b"HelloRetryRequest").into();
    assert_eq!(read([3, 3], &retry, &[extension(43, &[3, 4])]), Ok(ServerHello { is_retry: true, ..settled(0x0304) }));
    for bad in [extension(43, &[3]), extension(43, &[3, 4, 5]), [extension(43, &[3, 4]), extension(43, &[3, 3])].concat(), vec![0]] {
        assert!(read([3, 3], &[1; 32], &[bad]).is_err());
    }
    assert!(read([9, 9], &[1; 32], &[]).is_err());
    for unknown in [[3, 5], [0x7f, 0x1d], [0x7f, 0xff], [0x0a, 0x0a], [0xff, 4]] {
        assert_eq!(read([3, 3], &[1; 32], &[extension(43, &unknown)]).unwrap().fault, Some(UNKNOWN_VERSION), "{unknown:?}");
    }
    for (suite, extensions) in [(0x1301, vec![]), (0xc02f, vec![extension(43, &[3, 4])]), (0xc02f, vec![extension(43, &[0x7f, 28])])] {
        assert!(ServerHello::read(&server_body([3, 3], &[1; 32], suite, &extensions)).unwrap().fault.is_some(), "{suite:04x}");
    }
    // the first drafts had no suites of their own, and of one that nobody knows it is not known either
    assert!(read([3, 3], &[1; 32], &[extension(22, &[])]).unwrap().encrypts_first);
    assert!(ServerHello::read(&server_body([3, 3], &[1; 32], 0xfefe, &[extension(43, &[3, 4])])).unwrap().fault.is_none());
    let whole = server_body([3, 3], &[1; 32], 0xc02f, &[extension(0xff01, &[0])]);
    for cut in (0..whole.len()).filter(|&cut| cut != 38) {
        assert!(ServerHello::read(&whole[..cut]).is_err(), "{cut}");
    }
    assert!(ServerHello::read(&[whole, vec![0]].concat()).is_err());
}

#[test]
fn group_and_compression_are_read() {
    let share = extension(51, &[&[0x11, 0xec][..], &vector(&[4; 1120])].concat());
    let hello = ServerHello::read(&server_body([3, 3], &[1; 32], 0x1301, &[share, extension(43, &[3, 4])])).unwrap();
    assert_eq!(hello.group.map(|group| group.to_string()).as_deref(), Some("X25519MLKEM768"));
    let mut body = server_body([3, 3], &[1; 32], 0xc02f, &[]);
    body[37] = 1;
    assert_eq!(ServerHello::read(&body).map(|hello| (hello.compression, hello.group)), Ok((1, None)));
}

#[test]
fn odd_names_are_told_apart() {
    let long = [b"a".repeat(63), b"b".repeat(63), b"c".repeat(63), b"d".repeat(63)].join(&b'.');
    let odd = |entries: &[Vec<u8>]| read(&[sni(entries)]).odd;
    let host = |name: &[u8]| vec![entry(0, name)];
    let told = [
        (host(b"a.example"), None),
        (host(b"xn--bcher-kva.example"), None),
        (host(b"192.0.2.7"), Some(OddName::Address)),
        (host(b"2001:db8::7"), Some(OddName::Address)),
        (host(&long), Some(OddName::Length)),
        (host(b"a\0.example"), Some(OddName::Characters)),
        (host(b"a..example"), Some(OddName::Characters)),
        (host(b""), Some(OddName::Empty)),
        (Vec::new(), Some(OddName::Empty)),
        (vec![entry(7, b"a.example")], Some(OddName::Type)),
        (vec![entry(0, b"a.example"), entry(0, b"b.example")], Some(OddName::Several)),
    ];
    for (entries, expected) in told {
        assert_eq!(odd(&entries), expected, "{entries:?}");
    }
    let twice = read(&[sni(&host(b"a.example")), sni(&host(b"a.example"))]);
    assert_eq!(twice.odd, Some(OddName::Several));
}

#[test]
fn an_extension_that_is_there_twice_is_malformed() {
    for kind in [10, 16, 43, 51] {
        let content = if kind == 16 { vector(b"\x02h2") } else { vec![0; 4] };
        let hello = read(&[sni(&[entry(0, b"a.example")]), extension(kind, &content), extension(kind, &content)]);
        assert_eq!((hello.name, hello.hidden), (name("a.example"), None));
        assert_eq!(hello.malformed, Some("extension that is there twice in the client hello"), "{kind}");
    }
    assert_eq!(read(&[extension(0x0a0a, b""), extension(0x0a0a, b"")]).malformed, None);
}

#[test]
fn suites_without_encryption_are_known() {
    for encrypting in [0x1301, 0x1303, 0x1305, 0xc02f, 0x002f, 0x0005, 0x000a, 0x0003] {
        assert!(is_encrypting(CipherSuite(encrypting)), "{encrypting:04x}");
    }
    for other in [0x0000, 0x0001, 0x0002, 0x003b, 0x00b0, 0xc006, 0xc010, 0xc03a, 0xc0b4, 0xc0b5, 0x0a0a, 0xfffe] {
        assert!(!is_encrypting(CipherSuite(other)), "{other:04x}");
    }
}

fn said(body: &[u8]) -> Vec<Fact> {
    let mut out = Vec::new();
    let at = crate::fact::Locus { frame: crate::fact::FrameId::new(0, 1), at: crate::fact::Timestamp::default(), end: crate::fact::End::A };
    text::say(body, true, &mut Seen::new(&mut out, at));
    out.into_iter().map(|observation| observation.fact).collect()
}

#[test]
fn a_hello_has_no_room_for_text() {
    let clear = [Fact::Cleartext(crate::fact::Cleartext::AfterHandshake)];
    let long = [b'w'; 64];
    let protocol = vector(&[&[64][..], &long].concat());
    let name = vector(&entry(0, &[b'n'; 300]));
    for (kind, content) in
        [(0x1a1a, &long[..]), (0, &name), (16, &protocol), (0xfe0d, &long), (21, &long), (35, &[b'w'; 300]), (41, &[b'w'; 300])]
    {
        assert_eq!(said(&body(&[sni(&[entry(0, b"a.example")]), extension(kind, content)])), clear, "{kind}");
    }
    // a random and a session of letters
    let fixed = [&[3, 3][..], &[b'r'; 32], &[32], &[b's'; 32], &vector(&[0x13, 0x01]), &[1, 0], &vector(&[])].concat();
    assert_eq!(said(&fixed), clear);
    let random_alone = [&[3, 3][..], &[b'r'; 32], &[0], &vector(&[0x13, 0x01]), &[1, 0], &vector(&[])].concat();
    assert_eq!(said(&random_alone), []);
    let names = extension(16, &vector(b"\x02h2\x08http/1.1\x08spdy/3.1"));
    let user = extension(57, b"\x80\x00\x31\x29\x38Chrome/131.0.6778.86 Windows NT 10.0; Win64; x64, and so on");
    assert_eq!(
        said(&body(&[sni(&[entry(0, "n".repeat(253).as_bytes())]), names, user, extension(21, &[0; 300]), extension(41, &long)])),
        []
    );
    assert!(said(&body(&[extension(21, &[0, 0, 9])])).contains(&Fact::Unrecognised));
}

#[test]
fn certificates_are_told_by_their_lengths() {
    let list = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[1..], bytes].concat();
    let one = [&[0x30, 0x82, 1, 4][..], &[7; 260]].concat();
    assert!(are_certificates(&list(&[])) && are_certificates(&list(&list(&one))));
    assert!(are_certificates(&list(&[list(&one), list(&[0x30, 2, 5, 0]), list(&[&[0x30, 0x81, 200][..], &[1; 200]].concat())].concat())));
    assert!(!are_certificates(&list(&list(b"what is no certificate"))) && !are_certificates(&[0; 700]) && !are_certificates(b""));
    assert!(!are_certificates(&list(&list(&one[1..]))) && !are_certificates(&[&list(&list(&one))[..], b"more"].concat()));
}
