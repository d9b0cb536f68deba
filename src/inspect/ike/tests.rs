//! Sessions message by message, and what is taken for IKE.

use super::*;
use crate::fact::{FrameId, Locus, Observation, Timestamp};
use crate::inspect::Inspection;

const ASKER: End = End::B;
const ASKED: End = End::A;
const MARKER: &[u8] = &[0; 4];

type Talk = Vec<(End, Vec<u8>)>;

/// What is said of datagrams, the driver's part included.
fn facts(talk: &[(End, Vec<u8>)]) -> Vec<Fact> {
    let mut out = Vec::new();
    let mut inspection = Inspection::new(Carrier::Datagram);
    let at = |end| Locus { frame: FrameId::new(0, 1), at: Timestamp::from_nanos(0), end };
    for (end, bytes) in talk {
        inspection.data(*end, bytes, &mut Seen::new(&mut out, at(*end)));
    }
    for end in [End::A, End::B] {
        inspection.finish(end, Finish::Idle, &mut Seen::new(&mut out, at(end)));
    }
    out.into_iter().map(|Observation { fact, .. }| fact).collect()
}

fn message(spis: [u64; 2], [next, version, exchange, flags]: [u8; 4], body: &[u8]) -> Vec<u8> {
    let length = (28 + body.len() as u32).to_be_bytes();
    [&spis[0].to_be_bytes()[..], &spis[1].to_be_bytes(), &[next, version, exchange, flags, 0, 0, 0, 0], &length, body].concat()
}

fn payload(next: u8, content: &[u8]) -> Vec<u8> {
    [&[next, 0][..], &(4 + content.len() as u16).to_be_bytes(), content].concat()
}

/// An offer of one cipher of version 2.
fn offer(cipher: u16) -> Vec<u8> {
    [&[0, 0, 0, 16, 1, 1, 0, 1, 0, 0, 0, 8, 1, 0][..], &cipher.to_be_bytes()].concat()
}

fn keys(cipher: u16) -> Vec<u8> {
    [
        payload(34, &offer(cipher)),
        payload(40, &[0x91; 68]),
        payload(43, &[0x91; 32]),
        payload(0, b"a vendor that says who it is, at length"),
    ]
    .concat()
}

fn sealed(spis: [u64; 2], exchange: u8, flags: u8) -> Vec<u8> {
    message(spis, [46, 0x20, exchange, flags], &payload(35, &[0x91; 80]))
}

fn talk(cipher: u16) -> Talk {
    vec![
        (ASKER, message([7, 0], [33, 0x20, 34, 0x08], &keys(cipher))),
        (ASKED, message([7, 9], [33, 0x20, 34, 0x20], &keys(cipher))),
        (ASKER, sealed([7, 9], 35, 0x08)),
        (ASKED, sealed([7, 9], 35, 0x20)),
        (ASKED, sealed([7, 9], 37, 0x00)),
    ]
}

fn marked(talk: Talk) -> Talk {
    talk.into_iter().map(|(end, bytes)| (end, [MARKER, &bytes].concat())).collect()
}

fn esp(sequence: u32) -> Vec<u8> {
    [&[0, 0, 0x10, 1][..], &sequence.to_be_bytes(), &[0x91; 60]].concat()
}

fn said() -> Vec<Fact> {
    let begun = [Fact::Protocol("ike"), Fact::Opener(ASKER), Fact::HandshakeBegun];
    [&begun[..], &[Fact::ProtectedData, Fact::HandshakeFinished, Fact::Encrypted]].concat()
}

#[test]
fn a_session_is_encrypted_once_both_have_sealed_behind_their_keys() {
    let whole = talk(20);
    assert_eq!(facts(&whole), said());
    assert_eq!(facts(&marked(whole.clone())), said());
    let again: Talk = whole.iter().flat_map(|said| [said.clone(), said.clone()]).collect();
    assert_eq!(facts(&again), said());
    for at in 0..whole.len() - 1 {
        let mut turned = whole.clone();
        turned.swap(at, at + 1);
        assert!(facts(&turned).contains(&Fact::Encrypted), "{at}");
        assert!(!facts(&turned).contains(&Fact::Unrecognised), "{at}");
    }
    // asked again for another group, by a responder that had another SPI then
    let refusal = (ASKED, message([7, 5], [41, 0x20, 34, 0x20], &payload(0, &[0, 0, 0, 17, 0, 19])));
    let retried = [vec![whole[0].clone(), refusal], whole.clone()].concat();
    assert_eq!(facts(&retried), said());
    // an offer of the other end that nobody answers
    let offer = (ASKED, message([8, 0], [33, 0x20, 34, 0x08], &keys(20)));
    assert_eq!(facts(&[&whole[..1], &[offer], &whole[1..]].concat()), said());
}

#[test]
fn version_1_is_read_too() {
    let offer = [&[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 20, 1, 1, 0, 1][..], &[0, 0, 0, 12, 1, 1, 0, 0, 0x80, 1, 0, 7]].concat();
    let keys = [payload(10, &[0x91; 128]), payload(0, &[0x91; 20])].concat();
    let sealed = |spis, exchange| message(spis, [5, 0x10, exchange, 1], &[0x91; 64]);
    let whole: Talk = vec![
        (ASKER, message([7, 0], [1, 0x10, 2, 0], &payload(0, &offer))),
        (ASKED, message([7, 9], [1, 0x10, 2, 0], &payload(0, &offer))),
        (ASKER, message([7, 9], [4, 0x10, 2, 0], &keys)),
        (ASKED, message([7, 9], [4, 0x10, 2, 0], &keys)),
        (ASKER, sealed([7, 9], 2)),
        (ASKED, sealed([7, 9], 2)),
        (ASKER, sealed([7, 9], 32)),
    ];
    assert_eq!(facts(&whole), said());
    assert!(!facts(&whole[..5]).contains(&Fact::Encrypted));
    let mut weak = whole;
    let length = weak[1].1.len();
    weak[1].1[length - 1] = 1;
    assert!(facts(&weak).contains(&Fact::HandshakeFinished) && !facts(&weak).contains(&Fact::Encrypted));
}

#[test]
fn nothing_less_proves_encryption() {
    let whole = talk(20);
    for n in 0..4 {
        let less: Talk = whole.iter().take(4).enumerate().filter(|(at, _)| *at != n).map(|(_, said)| said.clone()).collect();
        assert!(!facts(&less).contains(&Fact::Encrypted), "without {n}");
    }
    // ciphers that do not encrypt: NULL, a tag alone, DES
    for cipher in [11, 21, 2] {
        assert!(!facts(&talk(cipher)).contains(&Fact::Encrypted), "{cipher}");
    }
    // another pair of SPIs
    let mut other = whole.clone();
    other[3].1 = sealed([7, 10], 35, 0x20);
    assert!(!facts(&other[..4]).contains(&Fact::Encrypted));
    // one end alone
    let alone: Talk = whole.iter().map(|(_, bytes)| (ASKER, bytes.clone())).collect();
    assert!(!facts(&alone).contains(&Fact::Encrypted));
    // what goes on elsewhere, or began there, is left to the policy
    assert_eq!(facts(&whole[..2]).last(), Some(&Fact::CipherUnseen));
    assert_eq!(facts(&whole[2..4]), [Fact::Protocol("ike"), Fact::OpenerUnseen, Fact::HandshakeBegun, Fact::CipherUnseen]);
}

#[test]
fn esp_in_udp_needs_ike_of_both_ends() {
    let behind = |talk: Talk| facts(&[marked(talk), vec![(ASKER, vec![0xff]), (ASKER, esp(1)), (ASKED, esp(1))]].concat());
    assert_eq!(behind(talk(20)), [said(), vec![Fact::Protocol("esp"), Fact::CipherUnseen]].concat());
    assert!(behind(talk(20)[2..4].to_vec()).ends_with(&[Fact::Protocol("esp"), Fact::CipherUnseen]));
    for less in [talk(20)[..2].to_vec(), talk(20)[..3].to_vec()] {
        let told = behind(less);
        assert!(told.contains(&Fact::Unrecognised) && !told.contains(&Fact::Protocol("esp")), "{told:?}");
    }
    // without a marker nothing tells it from a message
    assert_eq!(facts(&[talk(20), vec![(ASKER, esp(1))]].concat()), [said(), vec![Fact::Unrecognised]].concat());
    assert_eq!(facts(&[(ASKER, esp(1))]), [Fact::Unrecognised]);
}

#[test]
fn what_does_not_keep_to_the_framing_is_told() {
    let text = b"these words can be read by anybody who stands on the way".to_vec();
    let with = |more: Vec<u8>| facts(&[talk(20), vec![(ASKER, more)]].concat());
    let unknown = [said(), vec![Fact::Unrecognised]].concat();
    let clear = [said(), vec![Fact::Cleartext(Cleartext::AfterHandshake)]].concat();
    assert_eq!(with(text.clone()), clear);
    assert_eq!(with([MARKER, &text].concat()), clear);
    assert_eq!(with(message([7, 9], [46, 0x20, 37, 8], &payload(0, &text))), clear);
    // a marker where there was none, a length that is not the datagram's, a payload in the clear under keys, another session
    let plain = message([7, 9], [41, 0x20, 37, 8], &payload(0, &[0x91; 40]));
    for bytes in [[MARKER, &sealed([7, 9], 37, 8)].concat(), [&sealed([7, 9], 37, 8)[..], &[0x91]].concat(), plain, sealed([8, 9], 37, 8)] {
        assert_eq!(with(bytes.clone()), unknown, "{bytes:02x?}");
    }
    let many: Talk = (0..80).map(|_| talk(20)[0].clone()).collect();
    assert_eq!(facts(&[talk(20), many].concat()), unknown);
}

#[test]
fn hostile_datagrams_are_survived() {
    for (n, (end, bytes)) in marked(talk(20)).into_iter().enumerate() {
        for cut in 0..bytes.len() {
            let mut talk = marked(talk(20));
            talk[n] = (end, bytes[..cut].to_vec());
            facts(&talk);
            // with a length that fits what is left
            if cut > 32 {
                let at = 4 + 24;
                talk[n].1[at..at + 4].copy_from_slice(&(cut as u32 - 4).to_be_bytes());
                facts(&talk);
            }
        }
    }
    let many: Talk = (1..5000).map(|n| (ASKER, message([n, 0], [33, 0x20, 34, 0x08], &keys(20)))).collect();
    assert!(facts(&many).contains(&Fact::Unrecognised));
    let mut saved = Vec::new();
    Ike::default().save(&mut saved);
    assert!((IKE.load)(&saved).is_some());
}
