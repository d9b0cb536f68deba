//! Sessions made by hand: what no good implementation sends.

use proptest::prelude::*;

use super::*;
use crate::fact::{ClientCertificate, Group, NameSource, OddName, Unread};
use crate::inspect::hello::RETRY_RANDOM;
use crate::inspect::tls::record::MAX_PLAIN;

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &(body.len() as u16).to_be_bytes(), body].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u32).to_be_bytes()[1..], body].concat()
}

fn vector(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector(content)].concat()
}

fn sni(name: &str) -> Vec<u8> {
    extension(0, &vector(&[&[0][..], &vector(name.as_bytes())].concat()))
}

fn client_hello(extensions: &[Vec<u8>]) -> Vec<u8> {
    let body = [&[3, 3][..], &[7; 32], &[0], &vector(&[0x13, 0x01, 0xc0, 0x2f]), &[1, 0], &vector(&extensions.concat())].concat();
    message(CLIENT_HELLO, &body)
}

fn server_hello(random: &[u8; 32], suite: u16, extensions: &[Vec<u8>]) -> Vec<u8> {
    let body = [&[3, 3][..], random, &[0], &suite.to_be_bytes(), &[0], &vector(&extensions.concat())].concat();
    message(SERVER_HELLO, &body)
}

fn version_13() -> Vec<u8> {
    extension(43, &[3, 4])
}

fn change() -> Vec<u8> {
    record(CHANGE_CIPHER_SPEC, &[1])
}

fn data(length: usize) -> Vec<u8> {
    record(APPLICATION_DATA, &vec![0xa5; length])
}

/// A whole session of TLS 1.2 with this suite, and one record of data from each end.
fn session_12(suite: u16) -> Talk {
    let flight = [server_hello(&[9; 32], suite, &[]), message(11, &[0; 900]), message(12, &[0; 300]), message(14, b"")].concat();
    vec![
        (OPENER, record(HANDSHAKE, &client_hello(&[sni("a.example")]))),
        (RESPONDER, record(HANDSHAKE, &flight)),
        (OPENER, [record(HANDSHAKE, &message(16, &[0; 66])), change(), record(HANDSHAKE, &[0xee; 48])].concat()),
        (RESPONDER, [record(HANDSHAKE, &message(4, &[0; 180])), change(), record(HANDSHAKE, &[0xee; 48])].concat()),
        (OPENER, data(100)),
        (RESPONDER, data(100)),
    ]
}

/// A whole session of TLS 1.3, and one record of data from each end.
fn session_13() -> Talk {
    vec![
        (OPENER, record(HANDSHAKE, &client_hello(&[sni("a.example")]))),
        (RESPONDER, [record(HANDSHAKE, &server_hello(&[9; 32], 0x1301, &[version_13()])), change(), data(1200)].concat()),
        (OPENER, [change(), data(53)].concat()),
        (OPENER, data(100)),
        (RESPONDER, data(100)),
    ]
}

fn named(name: &str) -> Fact {
    Fact::ServerName { name: Name::from_wire(name.as_bytes()), source: NameSource::Sni }
}

fn with(talk: &[(End, Vec<u8>)], end: End, bytes: &[u8]) -> Talk {
    let mut talk = talk.to_vec();
    talk.push((end, bytes.to_vec()));
    talk
}

/// What is said of `talk` beyond that TLS began.
fn beyond_the_opening(talk: &[(End, Vec<u8>)]) -> Vec<Fact> {
    let said = assert_any_segments(talk);
    assert_eq!(said[..3], [Fact::Protocol("tls"), Fact::Opener(OPENER), Fact::HandshakeBegun]);
    said[3..].to_vec()
}

#[test]
fn the_probe_claims_a_client_hello_and_nothing_else() {
    let ask = |first: &[u8]| probe(&Opening { first, second: &[] });
    let hello = record(HANDSHAKE, &client_hello(&[sni("a.example")]));
    for length in 1..hello.len() {
        assert_eq!(ask(&hello[..length]), if length < 6 { Probe::Maybe } else { Probe::Yes }, "{length}");
    }
    let tolerated = [vec![HANDSHAKE, 3, 0, 0, 0], change(), vec![ALERT, 3, 1, 0, 2, 1, 112], vec![HANDSHAKE, 3, 4, 0, 1, 1]].concat();
    for length in 1..tolerated.len() {
        assert_eq!(ask(&tolerated[..length]), Probe::Maybe, "{length}");
    }
    assert_eq!(ask(&tolerated), Probe::Yes);
    for no in [
        &b"\x16\x02"[..],
        b"\x16\x03\x05",
        b"\x16\x03\x01\x40\x01",
        b"\x16\x03\x01\x00\x40\x02",
        b"\x16\x03\x01\x00\x40\x00",
        b"\x17\x03\x03\x00\x40",
        b"\x15\x03\x03\x00\x02\x02",
        b"\x14\x03\x03\x00\x01\x02",
        b"\x80\x2e\x02",
        b"\x80\x2e\x01\x00\x01",
        b"\x80\x2e\x01\x03\x05",
        b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x11",
        b"\x80\x2e\x01\x00\x02\x00\x14\x00\x00\x00\x11",
        b"GET / HTTP/1.1",
        b"\x10\x0e\x00\x04MQTT",
    ] {
        assert_eq!(ask(no), Probe::No, "{no:02x?}");
    }
}

/// Of a full handshake of TLS 1.2 whose responder shows this message in the place of its certificates.
fn unread(suite: u16, shown: &[u8]) -> Vec<Fact> {
    let mut talk = session_12(suite);
    let flight = [server_hello(&[9; 32], suite, &[]), shown.to_vec(), message(12, &[0; 300]), message(14, b"")].concat();
    talk[1].1 = flight.chunks(MAX_PLAIN).flat_map(|piece| record(HANDSHAKE, piece)).collect();
    let facts = facts(&talk);
    assert!(facts.contains(&Fact::HandshakeFinished));
    facts.into_iter().filter(|fact| matches!(fact, Fact::CertificateMessage(_) | Fact::Certificate(_))).collect()
}

#[test]
fn certificates_that_are_missing_or_too_long_are_said_to_be_unread() {
    assert_eq!(unread(0xc02f, &[]), [Fact::Certificate(Err(Unread::Missing))]);
    assert_eq!(unread(0xc02f, &message(CERTIFICATE, &vec![0; limits::CERTIFICATE_BYTES + 1])), [Fact::Certificate(Err(Unread::Limit))]);
    let longest = vec![7; limits::CERTIFICATE_BYTES];
    assert_eq!(unread(0xc02f, &message(CERTIFICATE, &longest)), [Fact::CertificateMessage(longest.into())]);
    // a suite of RFC 4279, with a key that both know, and one without authentication
    assert_eq!(unread(0x008c, &[]), []);
    assert_eq!(unread(0x0034, &[]), []);
}

#[test]
fn sessions_are_seen_to_finish() {
    let settled = |version, suite| [named("a.example"), Fact::Version(version), Fact::CipherSuite(CipherSuite(suite))];
    let finished = [Fact::HandshakeFinished, Fact::Encrypted, Fact::ProtectedData];
    let shown = [Fact::CertificateMessage(Box::new([0; 900]))];
    assert_eq!(beyond_the_opening(&session_12(0xc02f)), [&settled(TlsVersion::TLS1_2, 0xc02f)[..], &shown, &finished].concat());
    assert_eq!(beyond_the_opening(&session_13()), [&settled(TlsVersion::TLS1_3, 0x1301)[..], &finished].concat());
    assert_resumes_anywhere(&session_12(0xc02f));
    assert_resumes_anywhere(&session_13());
}

#[test]
fn a_suite_without_encryption_proves_none() {
    for suite in [0x0002, 0x003b, 0xfefe] {
        let said = facts(&session_12(suite));
        assert!(said.contains(&Fact::HandshakeFinished) && said.contains(&Fact::ProtectedData), "{suite:04x}");
        assert!(!said.contains(&Fact::Encrypted), "{suite:04x}");
    }
}

#[test]
fn a_handshake_is_not_finished_by_less_than_a_finished() {
    let mut alert = session_13();
    alert[2].1 = [change(), data(19)].concat();
    alert.truncate(3);
    assert!(!facts(&alert).contains(&Fact::HandshakeFinished));
    let mut no_flight = session_13();
    let hello_alone = no_flight[1].1.len() - data(1200).len();
    no_flight[1].1.truncate(hello_alone);
    no_flight.truncate(4);
    assert!(!facts(&no_flight).contains(&Fact::HandshakeFinished));
    for one_sided in [2, 3] {
        let mut talk = session_12(0xc02f);
        let short = talk[one_sided].1.len() - HEADER_BYTES - 48;
        talk[one_sided].1.truncate(short);
        talk[one_sided].1.extend(record(HANDSHAKE, &[0xee; 31]));
        assert!(!facts(&talk).contains(&Fact::HandshakeFinished));
    }
}

#[test]
fn early_data_must_have_been_offered_and_accepted_by_a_version_that_has_it() {
    let mut old = session_12(0xc02f);
    old[0].1.extend(data(200));
    assert!(facts(&old).iter().any(|fact| matches!(fact, Fact::Malformed(_))));
    // without the offer a record of the opener shows that it heard the responder, though it was not heard yet here
    let mut late = session_13();
    late.swap(1, 2);
    assert!(facts(&late).contains(&Fact::Encrypted));
    let mut early = session_13();
    early[0].1 = record(HANDSHAKE, &client_hello(&[sni("a.example"), extension(42, b"")]));
    early.swap(1, 2);
    early.truncate(3);
    assert!(!facts(&early).contains(&Fact::HandshakeFinished));
}

#[test]
fn application_data_before_its_time_is_no_record_of_the_session() {
    for talk in [session_12(0xc02f), session_13()] {
        for responders in [with(&talk[..1], RESPONDER, &data(40)), with(&talk[..1], RESPONDER, b"\x18\x03\x03\x00\x10aaaaaaaaaaaaaaaa")] {
            assert_eq!(facts(&responders).last(), Some(&Fact::Unrecognised));
        }
    }
    for (turns, end) in [(2, OPENER), (2, RESPONDER)] {
        let said = facts(&with(&session_12(0xc02f)[..turns], end, &data(40)));
        assert_eq!(said.last(), Some(&Fact::Unrecognised));
    }
    // in TLS 1.3 handshake messages are ciphertext once the hellos are over
    let said = facts(&with(&session_13(), RESPONDER, &record(HANDSHAKE, &message(4, &[0; 180]))));
    assert_eq!(said.last(), Some(&Fact::Unrecognised));
    // in TLS 1.2 they are within the ciphertext, as are renegotiations and heartbeats
    let mut old = session_12(0xc02f);
    old.push((OPENER, [record(HANDSHAKE, &[0xee; 200]), record(CHANGE_CIPHER_SPEC, &[0xee; 40]), record(24, &[0xee; 40])].concat()));
    let renegotiated = [Fact::Detail(Detail::Renegotiated)];
    assert_eq!(facts(&old), [&facts(&session_12(0xc02f))[..], &renegotiated].concat());
}

#[test]
fn a_hello_is_read_through_what_is_tolerated() {
    let hello = client_hello(&[sni("a.example"), extension(0xfe0d, &[0; 20]), extension(16, &vector(b"\x02h2"))]);
    let mut records = Vec::new();
    for (n, byte) in hello.iter().enumerate() {
        records.extend(record(HANDSHAKE, &[*byte]));
        match n % 40 {
            3 => records.extend(record(HANDSHAKE, b"")),
            9 => records.extend(change()),
            19 if n < 200 => records.extend(record(ALERT, &[1, 112])),
            _ => {}
        }
    }
    let mut said = beyond_the_opening(&[(OPENER, records)]);
    said.retain(|fact| *fact != Fact::Alert(Alert { level: 1, description: 112 }));
    assert_eq!(said, [Fact::Alpn(crate::fact::Text::from_wire(b"h2")), Fact::EchOffered(None), named("a.example")]);
}

#[test]
fn a_cut_hello_hides_its_name() {
    let hello = record(HANDSHAKE, &client_hello(&[sni("a.example")]));
    for cut in 6..hello.len() {
        let said = facts(&[(OPENER, hello[..cut].to_vec())]);
        assert_eq!(said[1..], [Fact::Opener(OPENER), Fact::HandshakeBegun, Fact::NameHidden(Hidden::NotSeen)]);
    }
    for end in [OPENER, RESPONDER] {
        let (mut inspection, mut out) = (Inspection::new(Carrier::Stream), Vec::new());
        inspection.data(OPENER, &hello[..60], &mut Seen::new(&mut out, at(OPENER)));
        inspection.gap(end, 100, true, &mut Seen::new(&mut out, at(end)));
        assert!(inspection.is_settled());
        let said: Vec<_> = out.into_iter().map(|observation| observation.fact).collect();
        assert_eq!(said[3..], [Fact::Truncated { bytes: 100 }, Fact::NameHidden(Hidden::NotSeen)]);
    }
    // nothing is hidden by what is lost later
    let (mut inspection, mut out) = (Inspection::new(Carrier::Stream), Vec::new());
    inspection.data(OPENER, &hello, &mut Seen::new(&mut out, at(OPENER)));
    inspection.gap(RESPONDER, 100, false, &mut Seen::new(&mut out, at(RESPONDER)));
    assert_eq!(out.last().unwrap().fact, Fact::Gap { bytes: 100 });
}

#[test]
fn hellos_without_a_name_and_with_a_malformed_one_are_told_apart() {
    let said = |extensions: &[Vec<u8>]| beyond_the_opening(&[(OPENER, record(HANDSHAKE, &client_hello(extensions)))]);
    assert_eq!(said(&[]), [Fact::NoServerName]);
    assert_eq!(said(&[sni("a b")]), [named("a b"), Fact::Detail(Detail::OddName(OddName::Characters)), Fact::NameHidden(Hidden::Odd)]);
    let malformed = Fact::Malformed("extension list of the client hello".to_owned());
    assert_eq!(said(&[vec![0, 1, 0xff], sni("a.example")]), [Fact::NameHidden(Hidden::NotSeen), malformed.clone()]);
    assert_eq!(said(&[sni("a.example"), vec![0, 1, 0xff]]), [named("a.example"), malformed]);
}

#[test]
fn a_hello_beyond_the_limit_is_not_read() {
    let long = [&[CLIENT_HELLO, 1, 0, 1][..], &[0; 100]].concat();
    let limit = Fact::Limit("hello bytes".to_owned());
    assert_eq!(beyond_the_opening(&[(OPENER, record(HANDSHAKE, &long))]), [Fact::NameHidden(Hidden::NotSeen), limit]);
    // the longest that is read
    let filling = extension(21, &vec![0; 65_000]);
    let hello = client_hello(&[filling, sni("a.example")]);
    let records: Vec<u8> = hello.chunks(MAX_PLAIN).flat_map(|chunk| record(HANDSHAKE, chunk)).collect();
    assert_eq!(facts(&[(OPENER, records)])[3], named("a.example"));
}

#[test]
fn a_second_hello_may_not_ask_for_another_name() {
    let retry = [record(HANDSHAKE, &server_hello(&RETRY_RANDOM, 0x1301, &[version_13()])), change()].concat();
    let talk = |second: &[Vec<u8>]| {
        let mut talk = session_13();
        talk.insert(1, (RESPONDER, retry.clone()));
        talk.insert(2, (OPENER, [change(), record(HANDSHAKE, &client_hello(second))].concat()));
        talk
    };
    assert_eq!(facts(&talk(&[sni("a.example")])), facts(&session_13()));
    let other = facts(&talk(&[sni("b.example")]));
    assert!(other.contains(&named("a.example")) && other.contains(&named("b.example")) && other.contains(&Fact::Encrypted));
    assert!(other.contains(&Fact::Malformed("second hello asks for another name".to_owned())));
    let none = facts(&talk(&[]));
    assert!(none.contains(&Fact::NoServerName) && none.iter().any(|fact| matches!(fact, Fact::Malformed(_))));
    assert_resumes_anywhere(&talk(&[sni("b.example")]));
}

#[test]
fn alerts_in_the_clear_are_read_and_others_not() {
    let hello = &session_13()[..1];
    let refused = with(hello, RESPONDER, &record(ALERT, &[2, 40]));
    let alert = Fact::Alert(Alert { level: 2, description: 40 });
    assert_eq!(beyond_the_opening(&refused), [named("a.example"), alert.clone()]);
    // an opener that cannot make the keys says so in the clear
    assert_eq!(facts(&with(&session_13()[..2], OPENER, &record(ALERT, &[2, 40]))).last(), Some(&alert));
    // ciphertext is longer than its tag
    assert_eq!(facts(&with(&session_12(0xc02f), OPENER, &record(ALERT, &[0xee; 26]))), facts(&session_12(0xc02f)));
    assert_eq!(facts(&with(&session_12(0xc02f), OPENER, &record(ALERT, &[2, 40]))).last(), Some(&Fact::Unrecognised));
    assert_eq!(facts(&with(hello, RESPONDER, &record(ALERT, b"plain text in an alert"))).last(), Some(&Fact::Unrecognised));
    let many = record(ALERT, &[1, 112]).repeat(1000);
    let said = facts(&with(hello, RESPONDER, &many));
    assert_eq!(said.last(), Some(&Fact::Limit("alerts".to_owned())));
    assert_eq!(said.len(), 5 + usize::from(limits::ALERTS_PER_FLOW));
}

#[test]
fn text_where_a_record_is_due_is_plaintext() {
    let text = b"HTTP/1.1 400 Bad Request\r\n\r\n";
    let said = beyond_the_opening(&with(&session_13()[..1], RESPONDER, text));
    assert_eq!(said, [named("a.example"), Fact::Cleartext(Cleartext::AfterHandshake)]);
    // before the hello is whole
    let mut cut = session_13()[..1].to_vec();
    cut[0].1.truncate(40);
    let said = beyond_the_opening(&with(&cut, RESPONDER, text));
    assert_eq!(said, [Fact::NameHidden(Hidden::NotSeen), Fact::Cleartext(Cleartext::AfterHandshake)]);
    // within a record that claims to be of the handshake
    assert_eq!(facts(&with(&session_13()[..1], RESPONDER, &record(HANDSHAKE, text))).last(), Some(&Fact::Unrecognised));
}

#[test]
fn text_after_the_session_is_told_from_text_within_it() {
    let text = b"PASS hunter2\r\nLIST\r\n";
    for (talk, close) in [(session_12(0xc02f), record(ALERT, &[0xee; 26])), (session_13(), data(19))] {
        assert_eq!(beyond_the_opening(&with(&talk, OPENER, text)).last(), Some(&Fact::Cleartext(Cleartext::AfterHandshake)));
        let closed = with(&talk, OPENER, &close);
        assert_eq!(facts(&closed), facts(&talk));
        assert_eq!(beyond_the_opening(&with(&closed, OPENER, text)).last(), Some(&Fact::Cleartext(Cleartext::AfterClose)));
        // the other end has not closed
        assert_eq!(facts(&with(&closed, RESPONDER, text)).last(), Some(&Fact::Cleartext(Cleartext::AfterHandshake)));
        assert_eq!(
            facts(&with(&talk, OPENER, &data(17_000))).last(),
            Some(if talk.len() == 5 { &Fact::Unrecognised } else { &Fact::ProtectedData })
        );
    }
}

#[test]
fn bulk_is_passed_over_by_its_framing_whatever_the_segments() {
    let lengths = [16_384usize + 256, 17, 31, 1400, 32, 18, 16_000, 53, 8192];
    let stream: Vec<u8> = lengths.iter().cycle().take(60).flat_map(|length| data(*length)).collect();
    // a suite without a nonce in the clear
    for session in [session_12(0xcca8), session_13()] {
        let whole = facts(&session);
        let text = b"now in the clear, for all to read";
        for segment in [1, 2, 3, 4, 5, 6, 7, 1000, 1447, 1448, 1460, 16_389, 16_640, 40_000, 65_536] {
            let pieces =
                || session.iter().map(|(end, bytes)| (*end, &bytes[..])).chain(stream.chunks(segment).map(|piece| (OPENER, piece)));
            assert_eq!(facts_of_pieces(pieces()), whole, "segments of {segment}");
            let said = facts_of_pieces(pieces().chain([(OPENER, &text[..])]));
            assert_eq!(said.last(), Some(&Fact::Cleartext(Cleartext::AfterHandshake)), "segments of {segment}");
        }
    }
}

/// What is said of `talk` that no rule asks for, where it is wanted.
fn details(talk: &[(End, Vec<u8>)]) -> Vec<Detail> {
    let (mut inspection, mut out) = (Inspection::new(Carrier::Stream), Vec::new());
    for (end, bytes) in talk {
        inspection.data(*end, bytes, &mut Seen::new(&mut out, at(*end)).detailed(true));
    }
    let is_print = |detail: &Detail| matches!(detail, Detail::Fingerprint(_));
    let all = out.into_iter().filter_map(|said| if let Fact::Detail(detail) = said.fact { Some(detail) } else { None });
    all.filter(|detail| !is_print(detail)).collect()
}

#[test]
fn what_a_handshake_tells_beside_its_suite_is_told() {
    let flight = |suite, exchange: &[u8]| {
        let flight =
            [server_hello(&[9; 32], suite, &[]), message(11, &[0; 900]), message(12, exchange), message(13, &[0; 20]), message(14, b"")];
        record(HANDSHAKE, &flight.concat())
    };
    let group = Detail::Group(Group(23));
    let asked = Detail::ClientCertificate(ClientCertificate::Asked);
    let mut talk = session_12(0xc02f);
    talk[1].1 = flight(0xc02f, b"\x03\x00\x17\x41 and what is signed");
    assert_eq!(details(&talk), [group, asked]);
    // the length of a prime looks like a curve
    talk[1].1 = flight(0x009e, b"\x03\x00\x17\x41 and what is signed");
    assert_eq!(details(&talk), [asked]);
    let answer = |certificates: &[u8]| [record(HANDSHAKE, &message(11, certificates)), session_12(0xc02f)[2].1.clone()].concat();
    talk[2].1 = answer(&[0, 0, 0]);
    assert_eq!(details(&talk), [asked]);
    let certificate = [&[0x30, 0x82, 2, 184][..], &[0; 696]].concat();
    talk[2].1 = answer(&[&[0, 2, 191, 0, 2, 188][..], &certificate].concat());
    assert_eq!(details(&talk), [asked, Detail::ClientCertificate(ClientCertificate::Sent)]);
    assert_any_segments(&talk);
}

#[test]
fn a_second_handshake_inside_the_first_is_told_once() {
    let mut talk = session_12(0xc02f);
    assert_eq!(details(&with(&talk, RESPONDER, &record(HANDSHAKE, &[0xee; 40]))), []);
    for _ in 0..2 {
        talk = with(&talk, OPENER, &record(HANDSHAKE, &[0xee; 240]));
    }
    assert_eq!(details(&talk), [Detail::Renegotiated]);
    assert_resumes_anywhere(&talk);
}

#[test]
fn early_data_is_offered_and_sent() {
    let mut talk = session_13();
    talk[0].1 = record(HANDSHAKE, &client_hello(&[sni("a.example"), extension(42, b"")]));
    let offered = Detail::EarlyData(EarlyData::Offered);
    assert_eq!(details(&talk), [offered]);
    talk.insert(1, (OPENER, [change(), data(300), data(300)].concat()));
    assert_eq!(details(&talk), [offered, Detail::EarlyData(EarlyData::Sent)]);
}

/// A hello in the form of SSL 2.0 that asks for `version`.
fn hello_of_ssl2(version: [u8; 2]) -> Vec<u8> {
    let body = [&[1][..], &version, &[0, 6, 0, 0, 0, 16], &[0, 0xc0, 0x2f, 1, 0, 0x80], &[7; 16]].concat();
    [&[0x80, body.len() as u8][..], &body].concat()
}

#[test]
fn a_hello_of_ssl2_may_ask_for_a_later_version() {
    let hello = hello_of_ssl2([3, 1]);
    for length in 1..hello.len() {
        let expected = if length < 11 { Probe::Maybe } else { Probe::Yes };
        assert_eq!(probe(&Opening { first: &hello[..length], second: &[] }), expected, "{length}");
    }
    let mut talk = session_12(0xc02f);
    talk[0].1 = hello;
    let said = beyond_the_opening(&talk);
    let settled = [Fact::Version(TlsVersion::TLS1_2), Fact::CipherSuite(CipherSuite(0xc02f))];
    assert_eq!(said[..4], [&[Fact::NoServerName, Fact::Detail(Detail::OldHello)][..], &settled].concat());
    assert!(matches!(said[4], Fact::CertificateMessage(_)), "{said:?}");
    assert_eq!(said[5..], [Fact::HandshakeFinished, Fact::Encrypted, Fact::ProtectedData]);
    assert_resumes_anywhere(&talk);
}

#[test]
fn ssl2_itself_is_told_and_proves_nothing() {
    let answer = b"\x80\x20\x04\x00\x01\x00\x02\x00\x05\x00\x03\x00\x10and what a certificate is";
    let talk = vec![(OPENER, hello_of_ssl2([0, 2])), (RESPONDER, answer.to_vec()), (OPENER, vec![0xa5; 200])];
    let said = [Fact::NoServerName, Fact::Detail(Detail::OldHello), Fact::Version(TlsVersion::SSL2)];
    assert_eq!(beyond_the_opening(&talk), said);
}

#[test]
fn a_hello_of_ssl2_has_its_place() {
    // behind another, and as an answer to one that was not of its form
    for end in [OPENER, RESPONDER] {
        let said = facts(&[session_12(0xc02f)[0].clone(), (end, hello_of_ssl2([3, 1])), (end, vec![0xa5; 40])]);
        assert_eq!(said.last(), Some(&Fact::Unrecognised), "{end:?}");
    }
    let answer = [&b"\x80\x20\x04\x00\x01\x00\x02\x00\x05\x00\x03\x00\x10"[..], &[0xa5; 60]].concat();
    let said = facts(&[session_12(0xc02f)[0].clone(), (RESPONDER, answer)]);
    assert_eq!(said.last(), Some(&Fact::Unrecognised));
}

#[test]
fn versions_from_ssl3_to_the_drafts_are_settled() {
    let mut talk = session_12(0x0005);
    // ServerHello in the second turn: its version behind two headers
    talk[1].1[9..11].copy_from_slice(&[3, 0]);
    assert!(facts(&talk).contains(&Fact::Version(TlsVersion::SSL3)));
    let draft = [&[0x7f, 18][..], &[9; 32], &[0x13, 0x01], &vector(&extension(40, &[0; 36]))].concat();
    let mut talk = session_13();
    talk[1].1 = [record(HANDSHAKE, &message(SERVER_HELLO, &draft)), data(1200)].concat();
    let said = facts(&talk);
    let version = said.iter().find_map(|fact| if let Fact::Version(version) = fact { Some(version.to_string()) } else { None });
    assert_eq!(version.as_deref(), Some("TLS1.3-draft18"));
    assert!(said.contains(&Fact::Encrypted));
}

#[test]
fn a_bulk_record_costs_one_call() {
    let mut tls = (TLS.open)();
    let (mut out, record) = (Vec::new(), data(16_000));
    for (end, bytes) in session_13() {
        assert_eq!(tls.data(end, &bytes, &mut Seen::new(&mut out, at(end))), Progress::Used(bytes.len()));
    }
    let seen = &mut Seen::new(&mut out, at(OPENER));
    assert_eq!(tls.data(OPENER, &record[..1448], seen), Progress::Skip(16_005));
    let tail = [data(17), data(20), data(30), record[..100].to_vec()].concat();
    assert_eq!(tls.data(OPENER, &tail, seen), Progress::Skip(82 + 16_005));
    assert_eq!(tls.data(OPENER, &tail[..84], seen), Progress::Used(82));
}

#[test]
fn a_cut_state_is_not_loaded() {
    let mut state = Vec::new();
    (TLS.open)().save(&mut state);
    assert!((TLS.load)(&state).is_some());
    for cut in 0..state.len() {
        assert!((TLS.load)(&state[..cut]).is_none());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes_are_survived(pieces in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..200)), 1..20)) {
        let mut talk = session_13()[..1].to_vec();
        talk.extend(pieces.into_iter().map(|(ours, bytes)| (if ours { OPENER } else { RESPONDER }, bytes)));
        facts(&talk);
        facts(&talk[1..]);
    }

    #[test]
    fn mutated_sessions_are_survived_and_read_alike_in_any_segments(
        is_old: bool,
        mutations in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        segment in 1usize..300,
    ) {
        let mut talk = if is_old { session_12(0xc02f) } else { session_13() };
        for (index, value) in mutations {
            let total = talk.iter().map(|(_, bytes)| bytes.len()).sum();
            let mut at = index.index(total);
            for (_, bytes) in &mut talk {
                match bytes.get_mut(at) {
                    Some(byte) => { *byte = value; break; }
                    None => at -= bytes.len(),
                }
            }
        }
        let whole = facts(&talk);
        prop_assert_eq!(facts(&in_single_bytes(&talk)), &whole[..]);
        let pieces = talk.iter().flat_map(|(end, bytes)| bytes.chunks(segment).map(|piece| (*end, piece)));
        prop_assert_eq!(facts_of_pieces(pieces), whole);
    }

    #[test]
    fn loaded_states_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..60), more in prop::collection::vec(any::<u8>(), 1..300)) {
        if let Some(mut tls) = (TLS.load)(&bytes) {
            let mut out = Vec::new();
            for end in [OPENER, RESPONDER] {
                tls.data(end, &more, &mut Seen::new(&mut out, at(end)));
            }
        }
    }
}
