//! Flows of a question and its answer, and what becomes of them when more is said.

use super::*;

/// The client's error about the server's answer.
fn unreachable() -> Packet<'static> {
    let error = IcmpError { reporter: CLIENT.ip, kind: 3, unreachable: true, quoted: &[] };
    Packet { header: Header::Error(error), ..datagram(false, b"") }
}

/// What becomes of datagrams that come each at its millisecond: those that were brief, and the notes of the riders of those that were not.
fn brief(datagrams: &[(i64, bool, &[u8])]) -> (Vec<BriefEnd>, Vec<Vec<String>>) {
    let mut shared = Shared::default();
    let mut table = FlowTable::<Recorder>::new(1 << 20, 1);
    for (number, &(at, from_client, payload)) in (1..).zip(datagrams) {
        feed(&mut table, &mut shared, &datagram(from_client, payload), FrameId::new(0, number), Timestamp::from_nanos(at * 1_000_000));
    }
    close(&mut table, &mut shared);
    let notes = shared.ended.into_iter().map(|(_, rider)| rider.unwrap().notes).collect();
    (shared.brief, notes)
}

#[test]
fn a_question_and_its_answer_are_brief() {
    let talk: &[(i64, bool, &[u8])] = &[(0, true, b"?a"), (5, false, b"!b")];
    let told = |what: &str, how, answered| (vec![(what.to_owned(), how, answered)], Vec::<Vec<String>>::new());
    assert_eq!(brief(talk), told("?a!b", Finish::CaptureEnd, true));
    assert_eq!(brief(&talk[..1]), told("?a", Finish::CaptureEnd, false));
    // two seconds behind the answer, or a minute behind a question, the same ports are of another flow
    let two = |later: i64, whole: usize| brief(&[&talk[..whole], &[(later, true, b"?c")]].concat()).0;
    assert_eq!(two(2100, 2)[0], ("?a!b".to_owned(), Finish::Idle, true));
    assert_eq!(two(61_000, 1)[0], ("?a".to_owned(), Finish::Idle, false));
}

#[test]
fn what_comes_besides_makes_an_entry_of_a_brief_flow() {
    let talk: &[(i64, bool, &[u8])] = &[(0, true, b"?a"), (5, false, b"!b")];
    for (late, was) in [(&(9, false, &b"!c"[..]), "?a!b"), (&(9, true, b"?a"), "?a!b"), (&(9, true, b"x"), "?a!b")] {
        let (still, notes) = brief(&[talk, &[*late]].concat());
        assert!(still.is_empty(), "{still:?}");
        assert_eq!(notes[0][0], format!("was brief: {was}"));
    }
    assert_eq!(brief(&[talk[0], (3, false, b"x")]).1[0][0], "was brief: ?a");
    // it ends when it would have: a copy, or an error about it, does not put that off
    for besides in [&datagram(false, b"!b"), &unreachable()] {
        let mut shared = Shared::default();
        let mut table = FlowTable::<Recorder>::new(1 << 20, 1);
        let later = datagram(false, b"!late");
        for (number, (at, packet)) in (1..).zip([(0, &datagram(true, b"?a")), (5, &datagram(false, b"!b")), (5, besides), (30_000, &later)])
        {
            feed(&mut table, &mut shared, packet, FrameId::new(0, number), Timestamp::from_nanos(at * 1_000_000));
        }
        assert_eq!(close(&mut table, &mut shared), [FrameId::new(0, 4)], "the late one is a flow of its own");
    }
    // a copy that a tap made is one, though the flow is no longer brief
    let mut shared = Shared::default();
    let mut table = FlowTable::<Recorder>::new(1 << 20, 1);
    for number in 1..=2 {
        feed(&mut table, &mut shared, &datagram(true, b"?a"), FrameId::new(0, number), Timestamp::from_nanos(number as i64));
    }
    assert!(table.was_copy());
    close(&mut table, &mut shared);
    assert_eq!(shared.ended[0].0.sent[0].packets + shared.ended[0].0.sent[1].packets, 1);
}

#[test]
fn brief_flows_keep_to_the_budget() {
    let mut shared = Shared::default();
    let mut table = FlowTable::<Recorder>::new(10_000, 1);
    for number in 1..=1000u64 {
        let client = Endpoint { port: number as u16, ..CLIENT };
        let question = Packet { source: client, ..datagram(true, b"?") };
        let answer = Packet { destination: client, ..datagram(false, b"!") };
        let at = Timestamp::from_nanos(number as i64);
        feed(&mut table, &mut shared, &question, FrameId::new(0, 2 * number), at);
        if number % 2 == 0 {
            feed(&mut table, &mut shared, &answer, FrameId::new(0, 2 * number + 1), at);
        }
    }
    let ended = shared.brief.len();
    assert!(ended > 950, "{ended} of 1000 are forgotten");
    // one that was answered has ended, and is forgotten first
    assert!(shared.brief.iter().all(|(_, how, answered)| *how == if *answered { Finish::Idle } else { Finish::Evicted }));
    assert_eq!(close(&mut table, &mut shared).len(), 1000 - ended);
}
