//! Sessions byte by byte, and what is taken for DTLS.

use super::*;
use crate::fact::{FrameId, Locus, NameSource, Observation, Text, Timestamp};
use crate::inspect::Opening;

const CLIENT: End = End::B;
const SERVER: End = End::A;
const GCM: CipherSuite = CipherSuite(0xc02b);

type Talk = Vec<(End, Vec<u8>)>;

/// What is said of datagrams, the driver's part included.
fn facts(talk: &Talk) -> Vec<Fact> {
    let mut out = Vec::new();
    let mut inspection = crate::inspect::Inspection::new(Carrier::Datagram);
    let at = |end| Locus { frame: FrameId::new(0, 1), at: Timestamp::from_nanos(0), end };
    for (end, bytes) in talk {
        inspection.data(*end, bytes, &mut Seen::new(&mut out, at(*end)));
    }
    for end in [End::A, End::B] {
        inspection.finish(end, Finish::Idle, &mut Seen::new(&mut out, at(end)));
    }
    out.into_iter().map(|Observation { fact, .. }| fact).collect()
}

fn record(kind: u8, version: u16, epoch: u16, sequence: u8, body: &[u8]) -> Vec<u8> {
    let header = [&[kind][..], &version.to_be_bytes(), &epoch.to_be_bytes(), &[0, 0, 0, 0, 0, sequence]].concat();
    [&header[..], &(body.len() as u16).to_be_bytes(), body].concat()
}

fn fragment(kind: u8, sequence: u8, whole: &[u8], from: usize, to: usize) -> Vec<u8> {
    let three = |n: usize| [0, (n >> 8) as u8, n as u8];
    [&[kind][..], &three(whole.len()), &[0, sequence], &three(from), &three(to - from), &whole[from..to]].concat()
}

fn message(kind: u8, sequence: u8, body: &[u8]) -> Vec<u8> {
    record(22, 0xfefd, 0, sequence, &fragment(kind, sequence, body, 0, body.len()))
}

/// An extension's list, where there are any.
fn list(extensions: &[(u16, &[u8])]) -> Vec<u8> {
    let of = |(kind, body): &(u16, &[u8])| [&kind.to_be_bytes()[..], &(body.len() as u16).to_be_bytes(), body].concat();
    let bytes: Vec<u8> = extensions.iter().flat_map(of).collect();
    [&(bytes.len() as u16).to_be_bytes()[..], &bytes].concat()
}

fn client_hello(name: &str, random: u8, cookie: &[u8], extensions: &[(u16, &[u8])]) -> Vec<u8> {
    let length = name.len() as u8;
    let name = [&[0, length + 3, 0, 0, length][..], name.as_bytes()].concat();
    let fixed = [&[0xfe, 0xfd][..], &[random; 32], &[0, cookie.len() as u8], cookie, &[0, 2, 0xc0, 0x2b, 1, 0]].concat();
    [fixed, list(&[&[(0u16, &name[..])], extensions].concat())].concat()
}

fn server_hello(version: u16, suite: u16, extensions: &[(u16, &[u8])]) -> Vec<u8> {
    let fixed = [&version.to_be_bytes()[..], &[0xa5; 32], &[0], &suite.to_be_bytes(), &[0]].concat();
    [fixed, list(extensions)].concat()
}

/// DTLS 1.2, with a cookie.
fn talk_12() -> Talk {
    let sealed = |kind, sequence, length| record(kind, 0xfefd, 1, sequence, &vec![0x91; length]);
    vec![
        (CLIENT, message(1, 0, &client_hello("a.example", 7, &[], &[]))),
        (SERVER, message(3, 0, &[0xfe, 0xff, 2, 9, 9])),
        (CLIENT, message(1, 1, &client_hello("a.example", 7, &[9, 9], &[]))),
        (SERVER, [message(2, 1, &server_hello(0xfefd, 0xc02b, &[])), message(11, 2, &[1; 90]), message(14, 3, &[])].concat()),
        (CLIENT, [message(16, 2, &[2; 60]), record(20, 0xfefd, 0, 3, &[1]), sealed(22, 0, 48)].concat()),
        (SERVER, [record(20, 0xfefd, 0, 4, &[1]), sealed(22, 0, 48)].concat()),
        (CLIENT, sealed(23, 1, 60)),
        (SERVER, sealed(23, 1, 80)),
    ]
}

fn said_12() -> Vec<Fact> {
    vec![
        Fact::Protocol("dtls"),
        Fact::Opener(CLIENT),
        Fact::HandshakeBegun,
        Fact::ServerName { name: Name::from_wire(b"a.example"), source: NameSource::Sni },
        Fact::Version(TlsVersion::DTLS1_2),
        Fact::CipherSuite(GCM),
        Fact::CertificateMessage(Box::new([1; 90])),
        Fact::HandshakeFinished,
        Fact::Encrypted,
        Fact::ProtectedData,
    ]
}

#[test]
fn a_certificate_is_put_together_and_its_absence_told_at_the_end() {
    let is_shown = |said: &[Fact]| said.contains(&Fact::CertificateMessage(Box::new([1; 90])));
    let missing = Fact::Certificate(Err(Unread::Missing));
    let whole = talk_12();
    let (at, flight) = whole.iter().enumerate().find(|(_, (_, bytes))| bytes.windows(90).any(|bytes| bytes == [1; 90])).unwrap();
    let hello = message(2, 1, &server_hello(0xfefd, 0xc02b, &[]));
    let with = |pieces: &[Vec<u8>]| {
        let mut talk = whole.clone();
        let mut datagrams = vec![(SERVER, hello.clone()), (SERVER, message(14, 3, &[]))];
        datagrams.extend(pieces.iter().map(|piece| (SERVER, piece.clone())));
        assert_eq!(flight.0, SERVER);
        talk.splice(at..=at, datagrams);
        facts(&talk)
    };
    let piece = |from, to| record(22, 0xfefd, 0, 2, &fragment(11, 2, &[1; 90], from, to));
    let [first, second] = [piece(0, 50), piece(50, 90)];
    assert!(is_shown(&with(&[second.clone(), first.clone()])));
    let half = with(&[second]);
    assert!(!is_shown(&half) && half.contains(&missing) && half.contains(&Fact::Encrypted));
    let mut endless = piece(0, 50);
    endless[14] = 2;
    assert!(with(&[endless]).contains(&Fact::Certificate(Err(Unread::Limit))));
}

/// DTLS 1.3, with connection IDs.
fn talk_13() -> Talk {
    let sealed = |first: u8, id: &[u8], length: usize| [&[first][..], id, &[8, 8, 0, length as u8], &vec![0xe1; length]].concat();
    let hello = client_hello("a.example", 7, &[], &[(16, &[0, 3, 2, b'h', b'2']), (43, &[2, 0xfe, 0xfc]), (54, &[1, 0xcc])]);
    let answer = server_hello(0xfefd, 0x1301, &[(43, &[0xfe, 0xfc]), (54, &[2, 0x55, 0x56])]);
    vec![
        (CLIENT, message(1, 0, &hello)),
        (SERVER, [message(2, 0, &answer), sealed(0x3e, &[0xcc], 200), sealed(0x3e, &[0xcc], 69)].concat()),
        (CLIENT, sealed(0x3e, &[0x55, 0x56], 69)),
        (SERVER, sealed(0x3f, &[0xcc], 35)),
        (CLIENT, sealed(0x3f, &[0x55, 0x56], 35)),
    ]
}

#[test]
fn a_session_of_1_2_is_encrypted_once_both_have_finished() {
    let whole = talk_12();
    assert_eq!(facts(&whole), said_12());
    // what is sent again is the same again
    let again: Talk = whole.iter().flat_map(|said| [said.clone(), said.clone()]).collect();
    assert_eq!(facts(&again), said_12());
    for n in [0, 4, 5] {
        let mut cut = whole.clone();
        cut.remove(n);
        let is_finished = facts(&cut).contains(&Fact::Encrypted);
        // the hello with the cookie says all that the first does
        assert_eq!(is_finished, n == 0, "without {n}");
    }
    for n in [2, 3] {
        let mut cut = whole.clone();
        cut.remove(n);
        let said = facts(&cut);
        assert!(!said.contains(&Fact::Encrypted) && (said.contains(&Fact::NameHidden(Hidden::NotSeen)) || n == 3), "without {n}: {said:?}");
    }
}

#[test]
fn a_session_of_1_3_is_encrypted_once_both_have_gone_on() {
    let whole = talk_13();
    let mut expected = said_12();
    expected.insert(3, Fact::Alpn(Text::from_wire(b"h2")));
    expected[5] = Fact::Version(TlsVersion::DTLS1_3);
    expected[6] = Fact::CipherSuite(CipherSuite(0x1301));
    // the acknowledgement of the server comes before the client's data, and its certificate is sealed
    expected.remove(10);
    expected[7] = Fact::ProtectedData;
    assert_eq!(facts(&whole), expected);
    for n in 0..whole.len() {
        let mut cut = whole.clone();
        cut.remove(n);
        assert!(!facts(&cut).contains(&Fact::Encrypted), "without {n}");
    }
}

#[test]
fn the_order_of_datagrams_does_not_matter() {
    let sorted = |talk: &Talk| {
        let mut said: Vec<String> =
            facts(talk).into_iter().filter(|fact| *fact != Fact::OpenerUnseen).map(|fact| format!("{fact:?}")).collect();
        said.sort();
        said
    };
    for whole in [talk_12(), talk_13()] {
        for n in 1..whole.len() {
            let mut swapped = whole.clone();
            swapped.swap(n - 1, n);
            assert_eq!(sorted(&swapped), sorted(&whole), "{n}");
        }
    }
    let mut turned = talk_12();
    turned.reverse();
    assert_eq!(sorted(&turned), sorted(&talk_12()));
    assert!(facts(&turned).contains(&Fact::OpenerUnseen));
}

#[test]
fn a_hello_in_pieces_is_read_in_any_order_and_never_across_a_hole() {
    let hello = client_hello("in.pieces.example", 7, &[], &[]);
    let pieces: Talk = (0..hello.len())
        .step_by(20)
        .map(|from| (CLIENT, record(22, 0xfeff, 0, from as u8, &fragment(1, 0, &hello, from, (from + 25).min(hello.len())))))
        .collect();
    let name = Fact::ServerName { name: Name::from_wire(b"in.pieces.example"), source: NameSource::Sni };
    let mut turned = pieces.clone();
    turned.reverse();
    assert!(facts(&pieces).contains(&name) && facts(&turned).contains(&name));
    for n in 0..pieces.len() - 1 {
        let mut cut = pieces.clone();
        cut.remove(n);
        let said = facts(&cut);
        assert!(!said.contains(&name) && said.contains(&Fact::NameHidden(Hidden::NotSeen)), "without {n}");
    }
    let mut another = pieces[2].clone();
    *another.1.last_mut().unwrap() ^= 1;
    turned.push(another);
    assert!(facts(&turned).contains(&Fact::Overlap));
}

#[test]
fn what_is_no_record_is_told() {
    let text = b"these words can be read by anybody".to_vec();
    let readable = Fact::Cleartext(Cleartext::AfterHandshake);
    let odd = [
        (text.clone(), &readable),
        (record(23, 0xfefd, 0, 9, &text), &readable),
        (record(23, 0xfefd, 1, 9, &text), &readable),
        (record(23, 0xfefd, 1, 9, &[&[0; 8][..], &text].concat()), &readable),
        ([record(23, 0xfefd, 1, 9, &[0x91; 40]), text.clone()].concat(), &readable),
        (record(23, 0xfefd, 1, 9, &[0x91; 8]), &Fact::Unrecognised),
        (record(23, 0xfeff, 1, 9, &[0x91; 40]), &Fact::Unrecognised),
        (record(23, 0xfefd, 3, 9, &[0x91; 40]), &Fact::Unrecognised),
        (record(22, 0xfefd, 0, 9, &[]), &Fact::Unrecognised),
        ([&[0x2f, 1, 1, 0, 20][..], &[0x99; 20]].concat(), &Fact::Unrecognised),
        (vec![0xff; 30], &Fact::Unrecognised),
    ];
    for (bytes, expected) in odd {
        for end in [CLIENT, SERVER] {
            let mut talk = talk_12();
            talk.push((end, bytes.clone()));
            assert_eq!(facts(&talk).last(), Some(expected), "{bytes:?}");
        }
    }
}

#[test]
fn another_session_between_the_same_ports_is_proven_anew() {
    let mut first = talk_12();
    let hello = message(1, 0, &client_hello("b.example", 8, &[], &[]));
    first.push((CLIENT, hello.clone()));
    let said = facts(&first);
    let name = Fact::ServerName { name: Name::from_wire(b"b.example"), source: NameSource::Sni };
    assert!(said.contains(&name) && said.last() == Some(&Fact::Unrecognised), "{said:?}");
    // from the other end it is another flow
    let mut turned = talk_12();
    turned.push((SERVER, hello));
    assert_eq!(facts(&turned).last(), Some(&Fact::Unrecognised));
    // and one that finishes is as good as the first
    let mut whole = talk_12();
    let mut second = talk_12();
    second[0].1 = message(1, 0, &client_hello("a.example", 9, &[], &[]));
    second[2].1 = message(1, 1, &client_hello("a.example", 9, &[9, 9], &[]));
    whole.extend(second);
    assert!(!facts(&whole).contains(&Fact::Unrecognised));
}

#[test]
fn a_second_hello_may_not_ask_for_another_name() {
    let mut talk = talk_12();
    talk[2].1 = message(1, 1, &client_hello("b.example", 7, &[9, 9], &[]));
    let said = facts(&talk);
    let name = Fact::ServerName { name: Name::from_wire(b"b.example"), source: NameSource::Sni };
    assert!(said.contains(&name) && said.iter().any(|fact| matches!(fact, Fact::Malformed(_))));
}

#[test]
fn connection_ids_of_1_2_are_held_to() {
    let mut talk: Talk = talk_12()[..6].to_vec();
    talk[2].1 = message(1, 1, &client_hello("a.example", 7, &[9, 9], &[(54, &[0])]));
    let hello = message(2, 1, &server_hello(0xfefd, 0xc02b, &[(54, &[2, 0xab, 0xcd])]));
    talk[3].1 = [hello, message(11, 2, &[1; 90]), message(14, 3, &[])].concat();
    let with_id = |id: &[u8]| [&record(25, 0xfefd, 1, 1, &[])[..11], id, &[0, 40], &[0x91; 40]].concat();
    talk.push((CLIENT, with_id(&[0xab, 0xcd])));
    assert_eq!(facts(&talk).last(), Some(&Fact::ProtectedData));
    talk.push((CLIENT, with_id(&[0xab, 0xce])));
    assert_eq!(facts(&talk).last(), Some(&Fact::Unrecognised));
}

#[test]
fn other_protocols_are_not_taken_for_it() {
    let probe = |bytes: &[u8]| (OVER_UDP.probe)(&Opening { first: bytes, second: &[] });
    let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    let tls = [&[22, 3, 1, 0, 60, 1, 0, 0, 56, 3, 3][..], &[7; 54]].concat();
    let before_rfc = record(22, 0x0100, 0, 0, &[1; 40]);
    for other in [&stun[..], &tls, &before_rfc, b"", b"\x16\xfe\xfd", b"GET / HTTP/1.1\r\n\r\n", &[0x2f; 60], &[22; 60]] {
        assert_eq!(probe(other), Probe::No, "{other:?}");
    }
    assert_eq!(probe(&talk_12()[0].1), Probe::Yes);
    assert_eq!(probe(&talk_12()[6].1), Probe::Yes);
}

#[test]
fn bounds_are_told() {
    let mut talk = talk_12();
    for n in 0..400u32 {
        talk.push((SERVER, message(11, 9, &[n as u8; 400])));
    }
    assert_eq!(facts(&talk).last(), Some(&Fact::Limit("handshake bytes".to_owned())));
    let hellos: Talk = (0..9).map(|n| (CLIENT, message(1, 0, &client_hello("a.example", n, &[], &[])))).collect();
    assert_eq!(facts(&hellos).last(), Some(&Fact::Limit("sessions".to_owned())));
    let held: Talk = (0..40).map(|n| (SERVER, record(23, 0xfefd, 1, n, &[0x91; 1200]))).collect();
    assert!(facts(&held).contains(&Fact::Unrecognised));
}

#[test]
fn a_session_saved_and_loaded_goes_on() {
    for talk in [talk_12(), talk_13()] {
        let mut out = Vec::new();
        let mut inspector = (OVER_UDP.open)();
        for (end, bytes) in &talk {
            let at = Locus { frame: FrameId::new(0, 1), at: Timestamp::from_nanos(0), end: *end };
            inspector.data(*end, bytes, &mut Seen::new(&mut out, at));
            let mut state = Vec::new();
            inspector.save(&mut state);
            inspector = (OVER_UDP.load)(&state).unwrap();
        }
        let said: Vec<Fact> = out.into_iter().map(|seen| seen.fact).collect();
        assert_eq!(said, facts(&talk)[1..]);
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(noise in proptest::collection::vec(proptest::collection::vec(proptest::num::u8::ANY, 0..80), 0..20), picks: u64, is_13: bool) {
        let mut talk = if is_13 { talk_13() } else { talk_12() };
        for (n, bytes) in noise.into_iter().enumerate() {
            let pick = picks >> (n * 3);
            let end = if pick & 1 == 0 { CLIENT } else { SERVER };
            let bytes = match pick & 6 {
                0 => bytes,
                2 => record(22, 0xfefd, 0, 9, &bytes),
                4 => record(22, 0xfefd, 0, 9, &fragment(1 + (pick >> 5 & 1) as u8, pick as u8 & 7, &bytes, 0, bytes.len())),
                _ => [&[0x20 | pick as u8 & 0x1f][..], &bytes].concat(),
            };
            let at = pick as usize % (talk.len() + 1);
            talk.insert(at, (end, bytes));
        }
        facts(&talk);
    }
}
