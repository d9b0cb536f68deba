//! Sessions message by message, and what is taken for WireGuard.

use super::*;
use crate::fact::{FrameId, Locus, Observation, Timestamp};
use crate::inspect::Inspection;

const ASKER: End = End::B;
const ASKED: End = End::A;

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

fn message(kind: u8, indices: &[u32], body: usize) -> Vec<u8> {
    let indices: Vec<u8> = indices.iter().flat_map(|index| index.to_le_bytes()).collect();
    [&[kind, 0, 0, 0][..], &indices, &vec![0x91; body]].concat()
}

fn data(receiver: u32, counter: u64, body: usize) -> Vec<u8> {
    [&[4, 0, 0, 0][..], &receiver.to_le_bytes(), &counter.to_le_bytes(), &vec![0x91; body]].concat()
}

fn handshake(asked: u32, answer: u32) -> Talk {
    vec![(ASKER, message(1, &[asked], 140)), (ASKED, message(2, &[answer, asked], 80)), (ASKER, data(answer, 0, 16))]
}

fn talk() -> Talk {
    [handshake(77, 99), vec![(ASKED, data(77, 0, 112)), (ASKER, data(99, 1, 1436)), (ASKED, data(77, 1, 16))]].concat()
}

fn said() -> Vec<Fact> {
    vec![
        Fact::Protocol("wireguard"),
        Fact::HandshakeBegun,
        Fact::Opener(ASKER),
        Fact::HandshakeFinished,
        Fact::Encrypted,
        Fact::ProtectedData,
    ]
}

#[test]
fn a_session_is_encrypted_once_each_has_named_the_other() {
    assert_eq!(facts(&talk()), said());
    let again: Talk = talk().iter().flat_map(|said| [said.clone(), said.clone()]).collect();
    assert_eq!(facts(&again), said());
    // begun with an initiation that was lost, with a cookie, and renewed by either end
    let mut long = vec![(ASKER, message(1, &[70], 140)), (ASKED, message(3, &[70], 56))];
    long.extend(talk());
    for n in 0..20u32 {
        long.extend(handshake(1000 + n, 2000 + n));
        long.extend([
            (ASKED, message(1, &[3000 + n], 140)),
            (ASKER, message(2, &[4000 + n, 3000 + n], 80)),
            (ASKED, data(4000 + n, 0, 16)),
        ]);
    }
    assert_eq!(facts(&long), said());
}

#[test]
fn the_order_between_the_ends_does_not_matter() {
    let whole = talk();
    for at in 0..whole.len() - 1 {
        let mut turned = whole.clone();
        turned.swap(at, at + 1);
        let told = facts(&turned);
        assert!(told.contains(&Fact::Encrypted) && told.contains(&Fact::Opener(ASKER)), "{at}: {told:?}");
        assert!(!told.contains(&Fact::Unrecognised), "{at}: {told:?}");
    }
}

#[test]
fn nothing_less_proves_encryption() {
    let whole = talk();
    let without = |n: usize| whole.iter().enumerate().filter(|(at, _)| *at != n).map(|(_, said)| said.clone()).collect::<Talk>();
    for n in 0..2 {
        assert!(!facts(&without(n)).contains(&Fact::Encrypted), "without {n}");
        assert!(facts(&without(n)).contains(&Fact::Unrecognised), "without {n}");
    }
    // data of the responder alone
    assert!(!facts(&[&whole[..2], &whole[3..4]].concat()).contains(&Fact::Encrypted));
    // indices that were not given
    for (n, wrong) in [(1, message(2, &[99, 78], 80)), (2, data(98, 0, 16))] {
        let mut talk = whole[..3].to_vec();
        talk[n].1 = wrong;
        let told = facts(&talk);
        assert!(!told.contains(&Fact::Encrypted) && told.contains(&Fact::Unrecognised), "{told:?}");
    }
    // one end alone, whatever it says
    let alone: Talk = whole.iter().map(|(_, bytes)| (ASKER, bytes.clone())).collect();
    assert!(!facts(&alone).contains(&Fact::Encrypted));
    // data of a session that is not seen to begin is nobody's
    assert_eq!(facts(&whole[3..]), [Fact::Unrecognised]);
}

#[test]
fn what_does_not_keep_to_the_framing_is_told() {
    let text = b"these words can be read by anybody who stands on the way to there".to_vec();
    let with = |more: Vec<u8>| facts(&[talk(), vec![(ASKER, more)]].concat());
    let unknown = [said(), vec![Fact::Unrecognised]].concat();
    let clear = [said(), vec![Fact::Cleartext(Cleartext::AfterHandshake)]].concat();
    assert_eq!(with(text.clone()), clear);
    assert_eq!(with([&data(99, 2, 0)[..], &text].concat()), clear);
    assert_eq!(with([&[4, 0, 0, 0][..], &text].concat()), clear);
    assert_eq!(with(vec![0x91; 60]), unknown);
    // an index of nobody, a counter that leaps, a length of no message, reserved bytes
    for bytes in [data(98, 2, 16), data(99, 1 << 40, 16), message(1, &[9], 141), [&[4, 0, 0, 1][..], &data(99, 2, 16)[4..]].concat()] {
        assert_eq!(with(bytes.clone()), unknown, "{bytes:02x?}");
    }
    // initiations without end
    let many: Talk = (0..40).map(|n| (ASKER, message(1, &[500 + n], 140))).collect();
    assert_eq!(facts(&[talk(), many].concat()), unknown);
    // a session that is answered and goes on without its initiator
    let half = vec![(ASKER, message(1, &[5], 140)), (ASKED, message(2, &[6, 5], 80)), (ASKED, data(5, 0, 160))];
    assert_eq!(facts(&[talk(), half].concat()), unknown);
}

#[test]
fn messages_of_tailscale_leave_it_open() {
    let disco = [&b"TS\xf0\x9f\x92\xac"[..], &[0x91; 110]].concat();
    let told = facts(&[vec![(ASKER, disco.clone()), (ASKED, disco.clone())], talk()].concat());
    assert!(told.starts_with(&[Fact::Protocol("tailscale"), Fact::Protocol("tailscale"), Fact::CipherUnseen]), "{told:?}");
    assert!(told.contains(&Fact::Encrypted) && !told.contains(&Fact::Unrecognised), "{told:?}");
    let text = [&b"TS\xf0\x9f\x92\xac"[..], &[0x91; 56], &b"these words can be read by anybody on the way"[..]].concat();
    assert!(facts(&[(ASKER, text)]).contains(&Fact::Cleartext(Cleartext::AfterHandshake)));
    assert_eq!(facts(&[(ASKER, disco[..60].to_vec())]), [Fact::Unrecognised]);
}

#[test]
fn hostile_datagrams_are_survived() {
    for (n, (end, bytes)) in talk().into_iter().enumerate() {
        for cut in 0..bytes.len() {
            let mut talk = talk();
            talk[n] = (end, bytes[..cut].to_vec());
            facts(&talk);
        }
    }
    // what is held is bounded
    let mut inspector = Wireguard::default();
    let mut out = Vec::new();
    for n in 0..10_000 {
        let at = Locus { frame: FrameId::new(0, 1), at: Timestamp::from_nanos(0), end: ASKER };
        for bytes in [message(1, &[n], 140), message(2, &[n, n + 1], 80), data(n, 0, 16)] {
            inspector.data(ASKER, &bytes, &mut Seen::new(&mut out, at));
        }
    }
    assert!(inspector.heap_bytes() < 8192, "{}", inspector.heap_bytes());
    let mut saved = Vec::new();
    inspector.save(&mut saved);
    assert!((WIREGUARD.load)(&saved).is_some());
}
