//! Messages as they are and as they should not be, and the walk held against hickory.

use hickory_proto::op::{Message as Theirs, MessageType, OpCode, Query};
use hickory_proto::rr::rdata::{A, CNAME, TXT};
use hickory_proto::rr::{Name as TheirName, RData, Record as TheirRecord, RecordType};
use proptest::prelude::*;

use super::*;
use crate::fact::{FrameId, Locus, Observation, Timestamp};
use crate::inspect::Inspection;

fn owner(text: &str) -> TheirName {
    TheirName::from_ascii(format!("{text}.")).unwrap()
}

fn query(id: u16, name: &str) -> Vec<u8> {
    let mut message = Theirs::new(id, MessageType::Query, OpCode::Query);
    message.add_query(Query::query(owner(name), RecordType::A));
    message.to_vec().unwrap()
}

fn answer(id: u16, name: &str, records: Vec<TheirRecord>) -> Vec<u8> {
    let mut message = Theirs::new(id, MessageType::Response, OpCode::Query);
    message.add_query(Query::query(owner(name), RecordType::A));
    message.add_answers(records);
    message.to_vec().unwrap()
}

fn a(name: &str, octets: [u8; 4]) -> TheirRecord {
    TheirRecord::from_rdata(owner(name), 60, RData::A(A(octets.into())))
}

fn cname(name: &str, target: &str) -> TheirRecord {
    TheirRecord::from_rdata(owner(name), 60, RData::CNAME(CNAME(owner(target))))
}

fn facts(carrier: Carrier, said: &[(End, Vec<u8>)]) -> Vec<Fact> {
    let mut inspection = Inspection::new(carrier);
    let mut out: Vec<Observation> = Vec::new();
    for (end, bytes) in said {
        let at = Locus { frame: FrameId::new(0, 1), at: Timestamp::default(), end: *end };
        inspection.data(*end, bytes, &mut Seen::new(&mut out, at));
    }
    let at = Locus { frame: FrameId::new(0, 1), at: Timestamp::default(), end: End::A };
    inspection.finish(End::A, Finish::CaptureEnd, &mut Seen::new(&mut out, at));
    out.into_iter().map(|observation| observation.fact).collect()
}

#[test]
fn an_answer_that_comes_just_before_its_question_is_its_own() {
    let good = answer(7, "www.example.com", vec![a("www.example.com", [192, 0, 2, 7])]);
    let swapped = facts(Carrier::Datagram, &[(End::B, good.clone()), (End::A, query(7, "www.example.com"))]);
    assert_eq!(resolved(&swapped).len(), 1);
    let alone = facts(Carrier::Datagram, &[(End::B, good.clone())]);
    assert!(resolved(&alone).is_empty() && alone.iter().any(|fact| matches!(fact, Fact::Unasked(_))));
    let of_the_asker = facts(Carrier::Datagram, &[(End::A, good), (End::A, query(7, "www.example.com"))]);
    assert!(resolved(&of_the_asker).is_empty());
}

fn resolved(facts: &[Fact]) -> Vec<&Resolution> {
    facts.iter().filter_map(|fact| if let Fact::Resolved(resolution) = fact { Some(&**resolution) } else { None }).collect()
}

fn name(text: &str) -> Name {
    Name::from_wire(text.as_bytes())
}

#[test]
fn a_question_and_its_answer() {
    let records =
        vec![cname("WWW.Example.com", "cdn.example.net"), a("cdn.example.net", [192, 0, 2, 7]), a("cdn.example.net", [192, 0, 2, 8])];
    let facts = facts(Carrier::Datagram, &[(End::B, query(7, "www.example.COM")), (End::A, answer(7, "www.example.com", records))]);
    assert_eq!(
        facts[..4],
        [
            Fact::Protocol("dns"),
            Fact::Opener(End::B),
            Fact::Cleartext(Cleartext::Protocol),
            Fact::Asked { name: name("www.example.com"), qtype: 1 },
        ]
    );
    let resolution = resolved(&facts)[0];
    assert_eq!(resolution.addresses().collect::<Vec<_>>(), [std::net::IpAddr::from([192, 0, 2, 7]), [192, 0, 2, 8].into()]);
    assert_eq!(resolution.targets().collect::<Vec<_>>(), [&name("cdn.example.net")]);
}

#[test]
fn records_of_other_names_are_not_bound() {
    let records = vec![a("evil.example", [203, 0, 113, 6]), a("www.example.com", [192, 0, 2, 7])];
    let facts = facts(Carrier::Datagram, &[(End::A, query(7, "www.example.com")), (End::B, answer(7, "www.example.com", records))]);
    assert_eq!(resolved(&facts)[0].addresses().count(), 1);
}

#[test]
fn answers_that_were_not_asked_for_are_not_believed() {
    let good = || vec![a("www.example.com", [192, 0, 2, 7])];
    for (id, name) in [(8, "www.example.com"), (7, "other.example.com")] {
        let facts = facts(Carrier::Datagram, &[(End::A, query(7, "www.example.com")), (End::B, answer(id, name, good()))]);
        assert!(resolved(&facts).is_empty());
        assert!(facts.iter().any(|fact| matches!(fact, Fact::Malformed(what) if what.contains("without its question"))));
    }
    let from_the_asker = facts(Carrier::Datagram, &[(End::A, query(7, "www.example.com")), (End::A, answer(7, "www.example.com", good()))]);
    assert!(resolved(&from_the_asker).is_empty());
}

#[test]
fn a_second_and_different_answer_is_kept_and_said() {
    let first = answer(7, "www.example.com", vec![a("www.example.com", [192, 0, 2, 7])]);
    let second = answer(7, "www.example.com", vec![a("www.example.com", [203, 0, 113, 6])]);
    let facts =
        facts(Carrier::Datagram, &[(End::A, query(7, "www.example.com")), (End::B, first.clone()), (End::B, first), (End::B, second)]);
    assert_eq!(resolved(&facts).len(), 2);
    assert_eq!(facts.iter().filter(|fact| matches!(fact, Fact::Malformed(_))).count(), 1);
}

#[test]
fn one_bad_record_hides_nothing_before_it() {
    let mut bytes = answer(7, "www.example.com", vec![a("www.example.com", [192, 0, 2, 7]), a("www.example.com", [192, 0, 2, 8])]);
    let length = bytes.len();
    bytes[length - 5] = 200; // the last record's length
    assert!(Theirs::from_vec(&bytes).is_err());
    let facts = facts(Carrier::Datagram, &[(End::A, query(7, "www.example.com")), (End::B, bytes)]);
    assert_eq!(resolved(&facts)[0].addresses().count(), 1);
    assert!(facts.iter().any(|fact| matches!(fact, Fact::Malformed(_))));
}

#[test]
fn a_record_that_does_not_fit_its_type_hides_nothing_behind_it() {
    let mut bytes = answer(7, "www.example.com", vec![a("www.example.com", [192, 0, 2, 7]), a("www.example.com", [192, 0, 2, 8])]);
    let length = bytes.len();
    let first = length - 2 * 16;
    bytes[first + 3] = 28; // an AAAA of four bytes
    let facts = facts(Carrier::Datagram, &[(End::A, query(7, "www.example.com")), (End::B, bytes)]);
    assert_eq!(resolved(&facts)[0].addresses().collect::<Vec<_>>(), [std::net::IpAddr::from([192, 0, 2, 8])]);
    assert!(facts.iter().any(|fact| matches!(fact, Fact::Malformed(_))));
}

#[test]
fn a_question_that_is_sent_again_may_be_answered_anew() {
    let first = answer(7, "a.example", vec![a("a.example", [192, 0, 2, 7]), a("a.example", [192, 0, 2, 8])]);
    let turned = answer(7, "a.example", vec![a("a.example", [192, 0, 2, 8]), a("a.example", [192, 0, 2, 7])]);
    let other = answer(7, "a.example", vec![a("a.example", [192, 0, 2, 9])]);
    let asked = (End::A, query(7, "a.example"));
    let facts = facts(Carrier::Datagram, &[asked.clone(), (End::B, first), (End::B, turned), asked.clone(), asked, (End::B, other)]);
    assert_eq!(resolved(&facts).len(), 2);
    assert_eq!(facts.iter().filter(|fact| matches!(fact, Fact::Asked { .. })).count(), 1);
    assert!(!facts.iter().any(|fact| matches!(fact, Fact::Malformed(_))), "{facts:?}");
}

#[test]
fn an_error_may_leave_its_question_out_and_data_may_not() {
    let refused = vec![0, 7, 0x81, 0x85, 0, 0, 0, 0, 0, 0, 0, 0];
    let error = facts(Carrier::Datagram, &[(End::A, query(7, "a.example")), (End::B, refused)]);
    assert_eq!(resolved(&error)[0].rcode, 5);
    let mut bare = Theirs::new(7, MessageType::Response, OpCode::Query);
    bare.add_answers(vec![a("a.example", [192, 0, 2, 7])]);
    let data = facts(Carrier::Datagram, &[(End::A, query(7, "a.example")), (End::B, bare.to_vec().unwrap())]);
    assert!(resolved(&data).is_empty());
}

#[test]
fn chains_that_loop_end() {
    let records = vec![cname("a.example", "b.example"), cname("b.example", "a.example"), a("c.example", [192, 0, 2, 7])];
    let facts = facts(Carrier::Datagram, &[(End::A, query(7, "a.example")), (End::B, answer(7, "a.example", records))]);
    assert_eq!(resolved(&facts)[0].answers.len(), limits::DNS_CHAIN);
    assert_eq!(resolved(&facts)[0].addresses().count(), 0);
}

#[test]
fn a_truncated_answer_says_so() {
    let mut bytes = answer(7, "a.example", Vec::new());
    bytes[2] |= 2;
    let facts = facts(Carrier::Datagram, &[(End::A, query(7, "a.example")), (End::B, bytes)]);
    assert!(resolved(&facts)[0].truncated);
}

#[test]
fn questions_that_wait_are_bounded() {
    let said: Vec<_> = (0..1000).map(|id| (End::A, query(id, "a.example"))).collect();
    let mut flow = said.clone();
    flow.push((End::B, answer(0, "a.example", Vec::new())));
    flow.push((End::B, answer(999, "a.example", Vec::new())));
    let facts = facts(Carrier::Datagram, &flow);
    assert_eq!(resolved(&facts).len(), 1, "the oldest was forgotten, and its answer is not believed");
}

#[test]
fn bytes_behind_the_last_record_are_said_and_many_are_no_dns() {
    let few = facts(Carrier::Datagram, &[(End::A, [query(7, "a.example"), vec![0; 8]].concat())]);
    assert!(few.iter().any(|fact| matches!(fact, Fact::Asked { .. })));
    assert!(few.iter().any(|fact| matches!(fact, Fact::Malformed(_))));
    assert!(!is_message(&[query(7, "a.example"), vec![0; 100]].concat()));
}

#[test]
fn over_tcp_in_any_pieces() {
    let framed = |message: Vec<u8>| [(message.len() as u16).to_be_bytes().to_vec(), message].concat();
    let up = [framed(query(7, "a.example")), framed(query(8, "b.example"))].concat();
    let down = [
        framed(answer(8, "b.example", vec![a("b.example", [192, 0, 2, 8])])),
        framed(answer(7, "a.example", vec![a("a.example", [192, 0, 2, 7])])),
    ]
    .concat();
    let whole = facts(Carrier::Stream, &[(End::A, up.clone()), (End::B, down.clone())]);
    assert_eq!(resolved(&whole).len(), 2);
    let bytes = |end: End, all: &[u8]| all.iter().map(|b| (end, vec![*b])).collect::<Vec<_>>();
    let pieces = [bytes(End::A, &up), bytes(End::B, &down)].concat();
    assert_eq!(facts(Carrier::Stream, &pieces), whole);
}

#[test]
fn a_dot_inside_a_label_is_no_dot_between_labels() {
    let mut bytes = query(7, "aaa.example");
    bytes[14] = b'.';
    let facts = facts(Carrier::Datagram, &[(End::A, bytes)]);
    assert!(facts.iter().any(|fact| matches!(fact, Fact::Asked { name, .. } if name.is_odd())), "{facts:?}");
}

#[test]
fn pointers_that_loop_or_lead_forward_end_the_reading() {
    let mut looped = query(7, "a.example");
    looped[12..14].copy_from_slice(&[0xc0, 12]);
    assert!(!is_message(&looped));
    let mut forward = query(7, "a.example");
    forward[12..14].copy_from_slice(&[0xc0, 20]);
    assert!(!is_message(&forward));
}

#[test]
fn what_is_no_dns_in_a_dns_flow_is_said() {
    let other = facts(Carrier::Datagram, &[(End::A, query(7, "a.example")), (End::A, b"hi".to_vec())]);
    assert_eq!(other.last(), Some(&Fact::Unrecognised));
    let text = facts(Carrier::Datagram, &[(End::A, query(7, "a.example")), (End::A, b"plain words where a question should be".to_vec())]);
    assert!(text.iter().any(|fact| matches!(fact, Fact::Cleartext(Cleartext::Readable) | Fact::Unrecognised)), "{text:?}");
}

#[test]
fn other_protocols_are_not_taken_for_dns() {
    let hello = [&[0x16u8, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3][..], &[7; 190]].concat();
    let ntp = [&[0x23u8, 2, 6, 0xec][..], &[0; 44]].concat();
    for bytes in [&hello[..], &ntp, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", &[0; 48], &[0xff; 100]] {
        assert!(!is_message(bytes), "{bytes:?}");
        assert_eq!(probe_stream(&Opening { first: bytes, second: &[] }), Probe::No, "{bytes:?}");
    }
}

#[test]
fn saved_and_loaded_it_goes_on_as_before() {
    let said = [(End::A, query(7, "a.example")), (End::B, answer(7, "a.example", vec![a("a.example", [192, 0, 2, 7])]))];
    let at = |end| Locus { frame: FrameId::new(0, 1), at: Timestamp::default(), end };
    let mut inspector = (OVER_UDP.open)();
    let mut out = Vec::new();
    for (end, bytes) in &said {
        inspector.data(*end, bytes, &mut Seen::new(&mut out, at(*end)));
        let mut state = Vec::new();
        inspector.save(&mut state);
        inspector = (OVER_UDP.load)(&state).expect("its own state");
    }
    let facts: Vec<Fact> = out.into_iter().map(|o| o.fact).collect();
    assert_eq!(resolved(&facts).len(), 1);
    assert!((OVER_UDP.load)(b"").is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_bytes_are_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = is_message(&bytes);
        facts(Carrier::Datagram, &[(End::A, query(7, "a.example")), (End::B, bytes.clone())]);
        facts(Carrier::Stream, &[(End::A, bytes)]);
    }

    #[test]
    fn chance_is_not_taken_for_dns(bytes in proptest::collection::vec(any::<u8>(), 12..200)) {
        prop_assert!(!is_message(&bytes));
    }

    #[test]
    fn what_hickory_reads_is_read_alike(
        id in any::<u16>(), octets in any::<[u8; 4]>(), depth in 0usize..4, text in "[a-z]{1,20}", at in 0usize..120, value in any::<u8>(), mutate in any::<bool>(),
    ) {
        let mut records = Vec::new();
        let mut last = format!("{text}.example");
        for n in 0..depth {
            let next = format!("{text}{n}.example.net");
            records.push(cname(&last, &next));
            last = next;
        }
        records.push(a(&last, octets));
        records.push(TheirRecord::from_rdata(owner("other.example"), 5, RData::TXT(TXT::new(vec!["x".to_owned()]))));
        let mut bytes = answer(id, &format!("{text}.example"), records);
        if mutate && at < bytes.len() { bytes[at] = value; }
        if let Ok(theirs) = Theirs::from_vec(&bytes) {
            let ours = Message::read(&bytes).unwrap();
            prop_assert_eq!(ours.id, theirs.metadata.id);
            let is_internet = |r: &&TheirRecord| u16::from(r.dns_class) & 0x7fff == 1;
            let addresses: Vec<std::net::IpAddr> = theirs.answers.iter().filter(is_internet).filter_map(|r| match &r.data { RData::A(a) => Some(a.0.into()), RData::AAAA(a) => Some(a.0.into()), _ => None }).collect();
            let mine: Vec<std::net::IpAddr> = ours.answers.iter().filter_map(|r| match r.data { Data::Address(ip) => Some(ip), _ => None }).collect();
            if !ours.broken && !ours.bad_data {
                prop_assert_eq!(mine, addresses);
                prop_assert_eq!(ours.answers.len(), theirs.answers.len());
            }
        }
    }
}

/// What is said of a datagram of `end` that was cut to `kept` bytes.
fn facts_of_cut(end: End, whole: &[u8], kept: usize) -> Vec<Fact> {
    let mut inspection = Inspection::new(Carrier::Datagram);
    let mut out: Vec<Observation> = Vec::new();
    let at = Locus { frame: FrameId::new(0, 1), at: Timestamp::default(), end };
    inspection.beginning(end, &whole[..kept], (whole.len() - kept) as u64, &mut Seen::new(&mut out, at));
    for end in [End::A, End::B] {
        inspection.finish(end, Finish::CaptureEnd, &mut Seen::new(&mut out, Locus { end, ..at }));
    }
    out.into_iter().map(|observation| observation.fact).collect()
}

#[test]
fn a_question_that_is_whole_ahead_of_a_cut_is_read() {
    let mut asked = query(7, "www.example.com");
    let question = asked.len();
    // an OPT record, announced and cut
    asked[11] = 1;
    asked.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    for kept in 0..asked.len() {
        let said = facts_of_cut(End::A, &asked, kept);
        assert!(matches!(said[0], Fact::Truncated { .. }));
        let told = said.contains(&Fact::Asked { name: name("www.example.com"), qtype: 1 });
        assert_eq!(told, kept >= question, "{kept}");
        assert_eq!(said.len() == 1, kept < question, "nothing is said of a name that was cut: {said:?}");
        assert!(!said.iter().any(|fact| matches!(fact, Fact::Malformed(_) | Fact::Unrecognised)), "{said:?}");
    }
    let answered = answer(7, "www.example.com", vec![a("www.example.com", [192, 0, 2, 7]), a("www.example.com", [192, 0, 2, 8])]);
    let alone = facts_of_cut(End::B, &answered, answered.len() - 8);
    assert!(resolved(&alone).is_empty() && alone.iter().any(|fact| matches!(fact, Fact::Unasked(_))), "{alone:?}");
    // bytes that begin otherwise are nothing, whatever is cut from them
    for at in [2, 3, 4, 5] {
        let mut odd = asked.clone();
        odd[at] ^= 0x41;
        assert_eq!(facts_of_cut(End::A, &odd, question).len(), 1, "{at}");
    }
}

#[test]
fn questions_are_read_where_many_are_asked_at_once() {
    let one = query(7, "www.example.com");
    let mut many = [&one[..], &one[12..].repeat(9)].concat();
    many[5] = 10;
    let said = facts(Carrier::Datagram, &[(End::A, many.clone())]);
    assert!(said.contains(&Fact::Asked { name: name("www.example.com"), qtype: 1 }), "{said:?}");
    many[5] = 11;
    assert_eq!(facts(Carrier::Datagram, &[(End::A, many)]), [Fact::Unrecognised], "one more is counted than there is");
}
