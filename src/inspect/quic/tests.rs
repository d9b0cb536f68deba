//! The packets of RFC 9001 appendix A and RFC 9369 appendix A, and what is taken for QUIC.

use super::attempt::Attempt;
use super::packet::{Version, number};
use super::*;
use crate::fact::{CipherSuite, FrameId, Locus, NameSource, Observation, Timestamp, TlsVersion};

mod vectors;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// What is said of datagrams, the driver's part included.
fn facts(datagrams: &[(End, Vec<u8>)]) -> Vec<Fact> {
    let mut out = Vec::new();
    let mut inspection = crate::inspect::Inspection::new(Carrier::Datagram);
    let at = |end| Locus { frame: FrameId::new(0, 1), at: Timestamp::from_nanos(0), end };
    for (end, bytes) in datagrams {
        inspection.data(*end, bytes, &mut Seen::new(&mut out, at(*end)));
    }
    for end in [End::A, End::B] {
        inspection.finish(end, Finish::Idle, &mut Seen::new(&mut out, at(end)));
    }
    out.into_iter().map(|Observation { fact, .. }| fact).collect()
}

const CLIENT: End = End::B;
const SERVER: End = End::A;

fn long(bytes: &[u8]) -> Long<'_> {
    match packet::read(bytes) {
        Ok((Packet::Long(long), [])) => long,
        _ => panic!("one long packet"),
    }
}

#[test]
fn the_initials_of_the_rfcs_open() {
    for (version, client, server) in
        [(Version::V1, vectors::V1_CLIENT, vectors::V1_SERVER), (Version::V2, vectors::V2_CLIENT, vectors::V2_SERVER)]
    {
        let (client, server) = (hex(client), hex(server));
        let (initial, answer) = (long(&client), long(&server));
        assert_eq!((initial.version, initial.kind, client.len()), (version, Kind::Initial, 1200));
        assert_eq!(initial.destination.as_slice(), hex("8394c8f03e515708"));
        let [of_client, of_server] = keys::initial(initial.family, &initial.destination).unwrap();
        let (number, frames) = of_client.open(&initial, None).unwrap();
        assert_eq!((number, frames.len()), (2, 1162));
        assert_eq!(frames[..245], hex(vectors::CLIENT_HELLO));
        assert!(frames[245..].iter().all(|&byte| byte == 0));
        let (number, frames) = of_server.open(&answer, None).unwrap();
        assert_eq!((number, frames), (1, hex(vectors::SERVER_HELLO)));
        // any bit that is another makes it none
        for bit in [0, 1, 40, 60, 150, 8 * 1100] {
            let mut damaged = client.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            if let Ok((Packet::Long(long), _)) = packet::read(&damaged) {
                assert!(Attempt::begin(CLIENT, &long).is_none(), "bit {bit}");
            }
        }
    }
}

#[test]
fn the_retries_of_the_rfcs_answer_the_clients_destination() {
    for retry in [vectors::V1_RETRY, vectors::V2_RETRY, vectors::DRAFT_29_RETRY] {
        let retry = hex(retry);
        let retry = long(&retry);
        assert_eq!((retry.kind, retry.source.as_slice()), (Kind::Retry, &hex("f067a5502a4262b5")[..]));
        assert!(keys::answers(&retry, &Id::new(&hex("8394c8f03e515708")).unwrap()));
        assert!(!keys::answers(&retry, &Id::new(&hex("8394c8f03e515709")).unwrap()));
    }
}

#[test]
fn the_hellos_of_the_rfcs_are_read() {
    let said = facts(&[(CLIENT, hex(vectors::V2_CLIENT)), (SERVER, hex(vectors::V2_SERVER))]);
    let name = crate::fact::Name::from_wire(b"example.com");
    let expected = [
        Fact::Protocol("quic"),
        Fact::Opener(CLIENT),
        Fact::HandshakeBegun,
        Fact::Alpn(crate::fact::Text::from_wire(b"alpn")),
        Fact::ServerName { name, source: NameSource::QuicSni },
        Fact::Version(TlsVersion::TLS1_3),
        Fact::CipherSuite(CipherSuite(0x1301)),
    ];
    assert_eq!(said, expected);
    // the answer may be captured first
    let turned = facts(&[(SERVER, hex(vectors::V2_SERVER)), (CLIENT, hex(vectors::V2_CLIENT))]);
    assert_eq!(turned[..2], [Fact::Protocol("quic"), Fact::OpenerUnseen]);
    assert_eq!(turned[2..], expected[1..]);
}

#[test]
fn what_never_opens_is_unrecognised_and_hides_its_name() {
    let said = facts(&[(SERVER, hex(vectors::V1_SERVER))]);
    assert_eq!(said, [Fact::Protocol("quic"), Fact::OpenerUnseen, Fact::NameHidden(Hidden::NotSeen), Fact::Unrecognised]);
}

#[test]
fn text_in_the_flow_is_readable() {
    let text = b"Readable text where ciphertext should be, in a datagram of its own".to_vec();
    let said = facts(&[(CLIENT, hex(vectors::V1_CLIENT)), (SERVER, hex(vectors::V1_SERVER)), (SERVER, text.clone()), (CLIENT, text)]);
    assert_eq!(said.last(), Some(&Fact::Cleartext(Cleartext::AfterHandshake)));
}

#[test]
fn packet_numbers_are_decoded_as_the_rfc_does() {
    // RFC 9000 appendix A.3
    assert_eq!(number(Some(0xa82f_30ea), 0x9b32, 2), 0xa82f_9b32);
    assert_eq!(number(None, 2, 4), 2);
    assert_eq!(number(Some(0xff), 0, 1), 0x100);
    assert_eq!(number(Some(0x100), 0xff, 1), 0xff);
    assert_eq!(number(Some((1 << 62) - 1), 0xff, 1), (1 << 62) - 1);
}

#[test]
fn other_protocols_are_not_taken_for_it() {
    let probe = |bytes: &[u8]| (QUIC.probe)(&Opening { first: bytes, second: &[] });
    let google = [&[0xc3][..], b"Q046", &[0x50, 1, 2, 3, 4, 5, 6, 7, 8], &[7; 1300]].concat();
    let old_google = [&[0x0d, 1, 2, 3, 4, 5, 6, 7, 8][..], b"Q043", &[1], &[7; 1300]].concat();
    let dtls = [&[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50][..], &[1; 50]].concat();
    for other in [&google[..], &old_google, &dtls, b"", b"\xc3", b"\xc3\0\0\0\x01", b"GET / HTTP/1.1\r\n\r\n", &[0; 1200], &[0xff; 1200]] {
        assert_eq!(probe(other), Probe::No, "{other:?}");
    }
    let greased = [&[0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 2, 1, 2, 1, 3][..], &[9; 1300]].concat();
    assert_eq!(probe(&greased), Probe::Yes);
    assert_eq!(probe(&[0x80, 0, 0, 0, 0, 1, 9, 1, 8, 0, 0, 0, 1]), Probe::Yes);
}

#[test]
fn a_session_saved_and_loaded_goes_on() {
    let talk = [(CLIENT, hex(vectors::V1_CLIENT)), (SERVER, hex(vectors::V1_SERVER))];
    let whole = facts(&talk);
    let mut out = Vec::new();
    let mut inspector = (QUIC.open)();
    for (end, bytes) in &talk {
        let at = Locus { frame: FrameId::new(0, 1), at: Timestamp::from_nanos(0), end: *end };
        inspector.data(*end, bytes, &mut Seen::new(&mut out, at));
        let mut state = Vec::new();
        inspector.save(&mut state);
        inspector = (QUIC.load)(&state).unwrap();
    }
    let said: Vec<Fact> = out.into_iter().map(|seen| seen.fact).collect();
    assert_eq!(said, whole[1..]);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(datagrams in proptest::collection::vec(proptest::collection::vec(proptest::num::u8::ANY, 0..80), 0..20), kinds: u64) {
        let mut talk = vec![(CLIENT, hex(vectors::V1_CLIENT))];
        for (n, mut bytes) in datagrams.into_iter().enumerate() {
            let pick = kinds >> (n * 3);
            if pick & 1 == 0 {
                bytes.splice(0..0, [0xc0 | (pick as u8 & 0x30), 0, 0, 0, 1]);
            }
            talk.push((if pick & 2 == 0 { CLIENT } else { SERVER }, bytes));
        }
        facts(&talk);
    }
}
