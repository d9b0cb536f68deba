//! Conversations as scripts, and what a rider is told of them.

mod brief;

use super::*;
use crate::decode::{Header, IcmpError, Packet, Tcp};
use crate::fact::{Basis, End, Endpoint, Finish, FlowState, FrameId, Locus, Tally, Timestamp, Transport};

const S: u8 = Tcp::SYN;
const A: u8 = Tcp::ACK;
const F: u8 = Tcp::FIN;
const R: u8 = Tcp::RST;

/// Writes down what it is told.
#[derive(Default)]
struct Recorder {
    /// It was a question that was answered.
    is_complete: bool,
    bytes: [Vec<u8>; 2],
    notes: Vec<String>,
    opaque: usize,
}

/// What was known of a brief flow, how it ended, and whether it was answered.
type BriefEnd = (String, Finish, bool);

#[derive(Default)]
struct Shared {
    ended: Vec<(Ended, Option<Recorder>)>,
    brief: Vec<BriefEnd>,
    /// How many bytes each delivery calls opaque.
    opaque: usize,
}

impl Rider for Recorder {
    type Shared = Shared;
    /// What was asked.
    type Known = Vec<u8>;
    fn agents(_: &Shared, _: &Packet<'_>, sender: End) -> [bool; 2] {
        [sender == End::A, sender == End::B]
    }
    fn board(shared: &Shared, _: &FlowKey, _: [bool; 2]) -> Option<Self> {
        Some(Self { opaque: shared.opaque, ..Self::default() })
    }
    fn data(&mut self, _: &mut Shared, bytes: &[u8], at: Locus) -> usize {
        self.bytes[at.end.index()].extend(bytes);
        std::mem::take(&mut self.opaque)
    }
    fn gap(&mut self, _: &mut Shared, bytes: u64, cut: bool, at: Locus) {
        self.notes.push(format!("{} {bytes} {:?}", if cut { "cut" } else { "gap" }, at.end));
    }
    fn beginning(&mut self, shared: &mut Shared, _: &[u8], missing: u64, at: Locus) {
        self.gap(shared, missing, true, at);
    }
    fn again(&mut self, _: &mut Shared, _: &[u8], _: Locus) {}
    fn conflict(&mut self, _: &mut Shared, at: Locus) {
        self.notes.push(format!("conflict {:?}", at.end));
    }
    fn passed_over(&mut self, _: &mut Shared, bytes: &[u8], at: Locus) {
        self.notes.push(format!("passed over {} {:?}", bytes.len(), at.end));
    }
    fn finish(&mut self, _: &mut Shared, how: Finish, at: Locus) {
        self.notes.push(format!("{how:?} {:?}", at.end));
    }
    fn is_complete(&self) -> bool {
        self.is_complete
    }

    fn is_settled(&self) -> bool {
        false
    }
    fn opener(&self) -> Option<End> {
        None
    }
    fn memory(&self) -> usize {
        0
    }
    fn ended(shared: &mut Shared, ended: Ended, rider: Option<Self>) {
        shared.ended.push((ended, rider));
    }
    fn ended_attempt(shared: &mut Shared, attempt: &Attempted, how: Finish) {
        let mut sent = [Tally::default(); 2];
        sent[attempt.first.end.index()].packets = attempt.packets.into();
        let ended = Ended {
            key: attempt.key,
            agents: attempt.agents,
            first: attempt.first,
            last: attempt.last,
            sent,
            state: if attempt.unreachable { FlowState::Refused } else { FlowState::Attempted },
            initiator: Some(attempt.first.end),
            basis: Basis::Syn,
            answered: [None; 2],
            checksums: Default::default(),
            simultaneous_open: false,
            began_before: false,
            unseen_end: None,
            evicted: how == Finish::Evicted,
            quoted_only: false,
        };
        shared.ended.push((ended, None));
    }
    fn brief(_: &mut Shared, _: &FlowKey, _: [bool; 2], packet: &Packet<'_>, _: Locus) -> Option<Vec<u8>> {
        packet.payload.starts_with(b"?").then(|| packet.payload.to_vec())
    }
    fn known_bytes(known: &Vec<u8>) -> usize {
        known.capacity()
    }
    fn answer(_: &mut Shared, brief: &mut Brief<Vec<u8>>, bytes: &[u8], _: Locus) -> bool {
        let is_answer = bytes.starts_with(b"!");
        brief.what.extend(bytes.iter().filter(|_| is_answer));
        is_answer
    }
    fn grow(brief: Brief<Vec<u8>>) -> Self {
        let notes = vec![format!("was brief: {}", String::from_utf8_lossy(&brief.what))];
        Self { notes, is_complete: brief.answer.is_some(), ..Self::default() }
    }
    fn ended_brief(shared: &mut Shared, brief: Brief<Vec<u8>>, how: Finish) {
        shared.brief.push((String::from_utf8_lossy(&brief.what).into_owned(), how, brief.answer.is_some()));
    }
}

const CLIENT: Endpoint = Endpoint { ip: std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 4)), port: 50_000 };
const SERVER: Endpoint = Endpoint { ip: std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), port: 443 };

/// A segment of a script: from the client or not, flags, sequence and acknowledgement numbers, payload.
type Segment<'a> = (bool, u8, u32, u32, &'a [u8]);

fn packet(from_client: bool, tcp: Tcp, payload: &[u8]) -> Packet<'_> {
    let (source, destination) = if from_client { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
    Packet {
        source,
        destination,
        transport: Transport::Tcp,
        header: Header::Tcp(tcp),
        head: &[],
        payload,
        missing: 0,
        has_margin: false,
        macs: None,
        outer: None,
        stamp: 0,
    }
}

fn feed(table: &mut FlowTable<Recorder>, shared: &mut Shared, packet: &Packet<'_>, frame: FrameId, at: Timestamp) {
    table.track(shared, packet, FlowKey::of(packet), None, frame, at);
}

/// Ends what is open, and says with which frames those flows began, the eldest first.
fn close(table: &mut FlowTable<Recorder>, shared: &mut Shared) -> Vec<FrameId> {
    let mut open = table.open();
    std::iter::from_fn(|| table.close_next(shared, &mut open)).collect()
}

/// Plays a script, a packet a millisecond, and closes what is left.
fn play_with(shared: Shared, script: &[Segment<'_>]) -> Vec<(Ended, Option<Recorder>)> {
    let mut shared = shared;
    let mut table = FlowTable::<Recorder>::new(1 << 20, 1);
    for (n, &(from_client, flags, seq, ack, payload)) in script.iter().enumerate() {
        let packet = packet(from_client, Tcp { seq, ack, flags }, payload);
        feed(&mut table, &mut shared, &packet, FrameId::new(0, n as u64 + 1), Timestamp::from_nanos(n as i64 * 1_000_000));
    }
    close(&mut table, &mut shared);
    shared.ended
}

fn play(script: &[Segment<'_>]) -> Vec<(Ended, Option<Recorder>)> {
    play_with(Shared::default(), script)
}

fn one(script: &[Segment<'_>]) -> (Ended, Recorder) {
    let mut ended = play(script);
    assert_eq!(ended.len(), 1);
    let (ended, rider) = ended.remove(0);
    (ended, rider.expect("a rider"))
}

const OPEN: [Segment<'static>; 3] = [(true, S, 99, 0, b""), (false, S | A, 499, 100, b""), (true, A, 100, 500, b"")];

fn opened<'a>(rest: &[Segment<'a>]) -> Vec<Segment<'a>> {
    OPEN.iter().copied().chain(rest.iter().copied()).collect()
}

#[test]
fn a_conversation_is_told_in_order() {
    let script = opened(&[
        (true, A, 100, 500, b"hello "),
        (true, A, 106, 500, b"world"),
        (false, A, 500, 111, b"hi"),
        (true, A | F, 111, 502, b""),
        (false, A | F, 502, 112, b""),
        (true, A, 112, 503, b""),
    ]);
    let (ended, rider) = one(&script);
    assert_eq!(rider.bytes, [b"hello world".to_vec(), b"hi".to_vec()]);
    assert_eq!(rider.notes, ["Fin A", "Fin B"]);
    assert_eq!((ended.state, ended.basis, ended.initiator), (FlowState::Closed, Basis::Syn, Some(End::A)));
    assert!(!ended.began_before && ended.unseen_end.is_none());
}

#[test]
fn reordering_and_repeats_change_nothing() {
    let script = opened(&[
        (true, A, 106, 500, b"world"),
        (true, A, 100, 500, b"hello "),
        (true, A, 100, 500, b"hello world"),
        (true, A, 103, 500, b"lo wo"),
        (true, A, 110, 500, b"d!"),
    ]);
    let (_, rider) = one(&script);
    assert_eq!(rider.bytes[0], b"hello world!");
    assert_eq!(rider.notes, ["CaptureEnd A", "CaptureEnd B"]);
}

#[test]
fn sequence_numbers_wrap() {
    let start = u32::MAX - 3;
    let script = [
        (true, S, start.wrapping_sub(1), 0, &b""[..]),
        (false, S | A, 499, start, b""),
        (true, A, start, 500, b"abcdef"),
        (true, A, start.wrapping_add(8), 500, b"ij"),
        (true, A, start.wrapping_add(6), 500, b"gh"),
    ];
    assert_eq!(one(&script).1.bytes[0], b"abcdefghij");
}

#[test]
fn conflicting_bytes_are_told_and_the_first_copy_holds() {
    let (_, rider) = one(&opened(&[(true, A, 100, 500, b"hello"), (true, A, 100, 500, b"HELLO"), (true, A, 105, 500, b"!")]));
    assert_eq!(rider.bytes[0], b"hello!");
    assert_eq!(rider.notes[0], "conflict A");
    let (_, rider) = one(&opened(&[(true, A, 103, 500, b"lo"), (true, A, 103, 500, b"LO"), (true, A, 100, 500, b"hel")]));
    assert_eq!(rider.bytes[0], b"hello");
    assert_eq!(rider.notes[0], "conflict A");
}

#[test]
fn a_keep_alive_is_no_conflict() {
    let (_, rider) = one(&opened(&[(true, A, 100, 500, b"hello"), (true, A, 104, 500, b"\0"), (true, A, 105, 500, b"!")]));
    assert_eq!(rider.bytes[0], b"hello!");
    assert_eq!(rider.notes, ["CaptureEnd A", "CaptureEnd B"]);
    // a copy of it comes behind what was said since, and another byte in another place is none
    let mut script =
        vec![(true, A, 100, 500, &b"hello"[..]), (true, A, 104, 500, b"\0"), (true, A, 105, 500, b"!"), (true, A, 104, 500, b"\0")];
    assert_eq!(one(&opened(&script)).1.notes, ["CaptureEnd A", "CaptureEnd B"]);
    script.push((true, A, 103, 500, b"\0"));
    assert_eq!(one(&opened(&script)).1.notes[0], "conflict A");
}

#[test]
fn a_hole_is_a_gap_only_once_nothing_can_fill_it() {
    let (_, rider) = one(&opened(&[(true, A, 105, 500, b"world"), (false, A, 500, 110, b"")]));
    assert_eq!(rider.bytes[0], b"world");
    assert_eq!(rider.notes, ["gap 5 A", "CaptureEnd A", "CaptureEnd B"]);
}

#[test]
fn bytes_that_were_acknowledged_and_never_seen_are_a_gap() {
    let (_, rider) = one(&opened(&[(true, A, 100, 500, b"hello"), (false, A, 500, 200, b"")]));
    assert_eq!(rider.notes[0], "gap 95 A");
    let (_, rider) = one(&opened(&[(true, A, 100, 500, b"hello"), (true, A | F, 110, 500, b""), (false, A, 500, 111, b"")]));
    assert_eq!(rider.notes[0], "gap 5 A", "a FIN beyond what was seen");
    let (_, rider) = one(&opened(&[(true, A, 100, 500, b"hello"), (true, A, 120, 500, b"")]));
    assert_eq!(rider.notes[0], "gap 15 A", "the end's own later sequence number");
}

#[test]
fn what_is_opaque_is_never_told_nor_missed() {
    let shared = || Shared { opaque: 10, ..Shared::default() };
    for lost in [false, true] {
        let mut rest: Vec<Segment<'_>> = vec![(true, A, 100, 500, b"head")];
        if !lost {
            rest.push((true, A, 104, 500, b"0123456"));
        }
        rest.extend([(true, A, 111, 500, &b"789tail"[..]), (false, A, 500, 118, b"")]);
        let mut ended = play_with(shared(), &opened(&rest));
        let rider = ended.remove(0).1.unwrap();
        assert_eq!(rider.bytes[0], b"headtail");
        assert_eq!(rider.notes, ["CaptureEnd A", "CaptureEnd B"]);
    }
}

#[test]
fn too_much_out_of_order_is_a_gap_and_bounded() {
    let bytes = [7u8; 1000];
    let mut rest: Vec<Segment<'_>> = Vec::new();
    for n in 0..600 {
        rest.push((true, A, 200 + n * 1000, 500, &bytes));
    }
    let (_, rider) = one(&opened(&rest));
    assert_eq!(rider.notes[0], "gap 100 A");
    assert_eq!(rider.bytes[0].len(), 600_000);
}

#[test]
fn the_ladder_of_evidence() {
    let basis = |script: &[Segment<'_>]| {
        let ended = play(script).remove(0).0;
        (ended.basis, ended.initiator, ended.began_before)
    };
    assert_eq!(basis(&OPEN), (Basis::Syn, Some(End::A), false));
    assert_eq!(basis(&OPEN[1..]), (Basis::SynAck, Some(End::A), false));
    assert_eq!(basis(&[(false, A, 500, 100, b"data"), (true, A, 100, 504, b"")]), (Basis::WellKnownPort, Some(End::A), true));
    // a SYN that comes late flips what its absence had suggested
    assert_eq!(basis(&[(true, A, 100, 500, b"hello"), (true, S, 99, 0, b"")]), (Basis::Syn, Some(End::A), false));
    assert_eq!(basis(&[(false, S | A, 499, 100, b""), (true, S, 99, 0, b"")]), (Basis::Syn, Some(End::A), false));
}

#[test]
fn a_lost_syn_ack_shifts_nothing() {
    let (_, rider) = one(&[OPEN[0], OPEN[2], (true, A, 100, 500, b"hello"), (false, A, 500, 105, b"world")]);
    assert_eq!(rider.bytes, [b"hello".to_vec(), b"world".to_vec()]);
}

#[test]
fn ports_are_reused_by_a_new_number_and_not_by_a_repeat() {
    let again = opened(&[(true, S, 99, 0, b""), (true, A, 100, 500, b"x")]);
    assert_eq!(play(&again).len(), 1, "a repeated SYN");
    let attempt = [OPEN[0], (true, S, 77, 0, b""), (false, S | A, 499, 78, b"")];
    assert_eq!(play(&attempt).len(), 1, "another number before the initiator went on");
    let reset = [OPEN[0], (false, R | A, 0, 100, b""), (true, S, 5000, 0, b""), (false, S | A, 9, 5001, b"")];
    let ended = play(&reset);
    assert_eq!(ended.iter().map(|(e, _)| e.state).collect::<Vec<_>>(), [FlowState::Refused, FlowState::Established]);
    let open_again = opened(&[(true, A, 100, 500, b"x"), (true, S, 70_000, 0, b"")]);
    assert_eq!(play(&open_again).len(), 2, "a new number after the initiator went on");
}

#[test]
fn resets_out_of_reach_are_not_believed() {
    let forged = opened(&[(false, R, 500 + (1 << 24), 0, b""), (true, A, 100, 500, b"hello")]);
    assert_eq!(one(&forged).0.state, FlowState::Established);
    let real = opened(&[(true, A, 100, 500, b"hello"), (false, R, 500, 0, b"")]);
    assert_eq!(one(&real).0.state, FlowState::Reset);
}

#[test]
fn simultaneous_open_is_seen() {
    let crossed = [(true, S, 99, 0, &b""[..]), (false, S, 499, 0, b""), (true, S | A, 99, 500, b""), (false, S | A, 499, 100, b"")];
    assert!(one(&crossed).0.simultaneous_open);
    assert!(!one(&OPEN).0.simultaneous_open);
}

#[test]
fn payload_on_the_syn_is_payload() {
    let (_, rider) = one(&[(true, S, 99, 0, b"early"), (false, S | A, 499, 105, b""), (true, A, 105, 500, b" data")]);
    assert_eq!(rider.bytes[0], b"early data");
}

#[test]
fn an_end_that_is_never_seen_is_named() {
    assert_eq!(one(&[(true, S, 99, 0, &b""[..]), (true, A, 100, 500, b"hello")]).0.unseen_end, Some(End::B));
    assert_eq!(play(&OPEN[..1])[0].0.unseen_end, None, "an attempt is no half of a conversation");
}

#[test]
fn an_unreachable_error_refuses_and_an_unknown_quote_is_told() {
    let mut shared = Shared::default();
    let mut table = FlowTable::<Recorder>::new(1 << 20, 1);
    let error = |known: bool| Packet {
        source: CLIENT,
        destination: if known { SERVER } else { Endpoint { port: 9, ..SERVER } },
        transport: Transport::Tcp,
        header: Header::Error(IcmpError { reporter: SERVER.ip, kind: 3, unreachable: true, quoted: &[] }),
        head: &[],
        payload: &[],
        missing: 0,
        has_margin: false,
        macs: None,
        outer: None,
        stamp: 0,
    };
    let at = Timestamp::from_nanos(0);
    feed(&mut table, &mut shared, &packet(true, Tcp { seq: 1, ack: 0, flags: S }, b""), FrameId::new(0, 1), at);
    feed(&mut table, &mut shared, &error(true), FrameId::new(0, 2), at);
    feed(&mut table, &mut shared, &error(false), FrameId::new(0, 3), at);
    close(&mut table, &mut shared);
    assert_eq!(shared.ended[0].0.state, FlowState::Refused);
    assert!(shared.ended[1].0.quoted_only);
}

#[test]
fn memory_is_kept_by_forgetting_attempts_first() {
    let mut shared = Shared::default();
    let mut table = FlowTable::<Recorder>::new(20_000, 1);
    let mut number = 0;
    let mut track = |table: &mut FlowTable<Recorder>, shared: &mut Shared, port: u16, tcp: Tcp| {
        number += 1;
        let mut packet = packet(true, tcp, b"");
        packet.source.port = port;
        table.track(shared, &packet, FlowKey::of(&packet), None, FrameId::new(0, number), Timestamp::from_nanos(number as i64));
    };
    track(&mut table, &mut shared, 1, Tcp { seq: 1, ack: 0, flags: S });
    track(&mut table, &mut shared, 1, Tcp { seq: 2, ack: 7, flags: A });
    for port in 1000..2000 {
        track(&mut table, &mut shared, port, Tcp { seq: 1, ack: 0, flags: S });
    }
    assert!(shared.ended.iter().all(|(ended, _)| ended.evicted && ended.state == FlowState::Attempted));
    let open = close(&mut table, &mut shared);
    assert!((100..400).contains(&open.len()), "{} flows in 20 kB", open.len());
    assert_eq!(open[0], FrameId::new(0, 1), "the connection outlives the attempts");
    assert!(open.is_sorted());
    assert_eq!(shared.ended.len(), 1001);
}

#[test]
fn idle_flows_end_in_packet_time() {
    let mut shared = Shared::default();
    let mut table = FlowTable::<Recorder>::new(1 << 20, 1);
    let seconds = |s: i64| Timestamp::from_nanos(s * 1_000_000_000);
    let datagram = |port: u16| Packet {
        source: Endpoint { port, ..CLIENT },
        destination: SERVER,
        transport: Transport::Udp,
        header: Header::Datagram,
        head: &[],
        payload: b"x",
        missing: 0,
        has_margin: false,
        macs: None,
        outer: None,
        stamp: 0,
    };
    feed(&mut table, &mut shared, &packet(true, Tcp { seq: 1, ack: 0, flags: S }, b""), FrameId::new(0, 1), seconds(0));
    feed(&mut table, &mut shared, &datagram(1), FrameId::new(0, 2), seconds(0));
    for (n, second) in (0..400).step_by(50).enumerate() {
        feed(&mut table, &mut shared, &datagram(2), FrameId::new(0, 3 + n as u64), seconds(second));
    }
    assert_eq!(shared.ended.len(), 2, "the attempt and the silent datagram flow; the lively one goes on");
    // time that runs backwards ends nothing and breaks nothing
    feed(&mut table, &mut shared, &datagram(3), FrameId::new(0, 99), seconds(-1000));
    assert_eq!(close(&mut table, &mut shared).len(), 2);
}

#[test]
fn the_end_of_time_comes_once() {
    let mut shared = Shared::default();
    let mut table = FlowTable::<Recorder>::new(1 << 20, 1);
    for number in 1..4 {
        let packet = packet(true, Tcp { seq: 1, ack: 1, flags: A }, b"");
        table.track(&mut shared, &packet, FlowKey::of(&packet), None, FrameId::new(0, number), Timestamp::from_nanos(i64::MAX));
    }
    assert_eq!(close(&mut table, &mut shared).len(), 1);
}

#[test]
fn what_a_reset_carries_is_told() {
    let (ended, rider) = one(&opened(&[(true, A, 100, 500, b"hello "), (true, R | A, 106, 500, b"world")]));
    assert_eq!((rider.bytes[0].as_slice(), ended.state), (&b"hello world"[..], FlowState::Reset));
}

#[test]
fn bytes_from_before_the_syn_contradict_the_stream() {
    let (_, rider) = one(&opened(&[(true, A, 40, 500, b"hello"), (true, A, 99, 500, b"\0"), (true, A, 100, 500, b"world")]));
    assert_eq!((rider.bytes[0].as_slice(), rider.notes[0].as_str()), (&b"world"[..], "conflict A"));
    assert_eq!(rider.notes.iter().filter(|note| note.starts_with("conflict")).count(), 1, "a keep-alive is none");
    // where the SYN was not seen, what comes late may well be the stream's
    let (_, rider) = one(&[(true, A, 100, 500, b"world"), (true, A, 40, 500, b"hello")]);
    assert!(!rider.notes.iter().any(|note| note.starts_with("conflict")));
}

#[test]
fn stragglers_are_of_the_connection_that_ended() {
    let talk =
        opened(&[(true, A, 100, 500, b"hello"), (true, A | F, 105, 500, b""), (false, A | F, 500, 106, b""), (true, A, 106, 501, b"")]);
    // what comes later, in seconds, and how many flows there are then
    let cases: [(&str, i64, Segment<'_>, usize); 11] = [
        ("a FIN sent again", 30, (true, A | F, 105, 500, b""), 1),
        ("a reset", 30, (false, R, 501, 0, b""), 1),
        ("payload sent again", 30, (true, A, 100, 500, b"hello"), 1),
        ("the last of it and the FIN", 30, (true, A | F, 103, 500, b"lo"), 1),
        ("payload that reaches beyond", 30, (true, A, 104, 500, b"more"), 2),
        ("payload beyond", 30, (true, A, 105, 500, b"more"), 2),
        ("payload from before the first", 30, (true, A, 99, 500, b"\x17hell"), 2),
        ("payload of the server, which said nothing", 30, (false, A, 495, 105, b"there"), 2),
        ("a SYN", 30, (true, S, 7000, 0, b""), 2),
        ("a FIN after long", 90, (true, A | F, 105, 500, b""), 2),
        ("a FIN within the time in which the flow is still read", 1, (true, A | F, 105, 500, b""), 1),
    ];
    for (what, seconds, late, flows) in cases {
        let mut shared = Shared::default();
        let mut table = FlowTable::<Recorder>::new(1 << 20, 1);
        let other = Packet { source: Endpoint { port: 1, ..CLIENT }, ..packet(true, Tcp { seq: 1, ack: 0, flags: A }, b"") };
        let mut number = 0;
        let mut feed = |table: &mut FlowTable<Recorder>, shared: &mut Shared, packet: &Packet<'_>, at: i64| {
            number += 1;
            super::tests::feed(table, shared, packet, FrameId::new(0, number), Timestamp::from_nanos(at));
        };
        for (n, &(from_client, flags, seq, ack, payload)) in talk.iter().enumerate() {
            feed(&mut table, &mut shared, &packet(from_client, Tcp { seq, ack, flags }, payload), n as i64 * 1_000_000);
        }
        // time goes on by what others send
        feed(&mut table, &mut shared, &other, seconds * 900_000_000);
        let (from_client, flags, seq, ack, payload) = late;
        feed(&mut table, &mut shared, &packet(from_client, Tcp { seq, ack, flags }, payload), seconds * 1_000_000_000);
        close(&mut table, &mut shared);
        let ended: Vec<_> = shared.ended.iter().map(|(ended, _)| ended).filter(|ended| ended.key.ends().contains(&CLIENT)).collect();
        assert_eq!(ended.len(), flows, "{what}");
        // who opened what has ended is remembered, rather than inferred from ports or from who speaks first
        let is_inferred = |ended: &Ended| ended.initiator != Some(End::A) || ended.basis == Basis::WellKnownPort;
        assert_eq!(ended.iter().any(|ended| is_inferred(ended)), seconds > 60, "{what}");
        table.rewind();
    }
}

fn datagram(from_client: bool, payload: &[u8]) -> Packet<'_> {
    Packet { transport: Transport::Udp, header: Header::Datagram, ..packet(from_client, Tcp { seq: 0, ack: 0, flags: 0 }, payload) }
}

#[test]
fn what_has_ended_has_no_places_for_long() {
    let (mut table, mut shared) = (FlowTable::<Recorder>::new(1 << 20, 1), Shared::default());
    for n in 0..20_000u16 {
        let talk = [(true, S, 99, &b""[..]), (false, S | A, 499, b""), (false, A | R, 500, b"")];
        let segments = talk.map(|(from_client, flags, seq, payload)| packet(from_client, Tcp { seq, ack: 100, flags }, payload));
        let lookup = [datagram(true, b"?a"), datagram(false, b"!b")];
        for mut packet in segments.into_iter().chain(lookup) {
            let port = if packet.source.port == CLIENT.port { &mut packet.source.port } else { &mut packet.destination.port };
            *port = 20_000 + n;
            feed(&mut table, &mut shared, &packet, FrameId::new(0, n.into()), Timestamp::from_nanos(i64::from(n) * 50_000_000));
        }
    }
    assert!(table.places() < 3000, "{}", table.places());
}
