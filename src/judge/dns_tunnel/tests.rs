//! Tunnels are told from what is looked up by long names.

use super::*;
use crate::fact::{End, FrameId};

const TXT: u16 = 16;
const A: u16 = 1;

/// Asks for names, one a second, and tells what came of it at once, and what is left at the end.
struct Asking {
    tunnels: DnsTunnels,
    limits: DnsTunnel,
    seconds: i64,
    told: Vec<Told>,
}

impl Asking {
    fn new() -> Self {
        Self { tunnels: DnsTunnels::default(), limits: DnsTunnel::default(), seconds: 0, told: Vec::new() }
    }

    fn ask_as(&mut self, agent: IpAddr, name: &str, qtype: u16, lost: bool) {
        let ends = [Endpoint { ip: agent, port: 40_000 }, Endpoint { ip: [10, 0, 0, 2].into(), port: 53 }];
        self.seconds += 1;
        let at =
            Locus { frame: FrameId::new(0, self.seconds as u64), at: Timestamp::from_nanos(self.seconds * 1_000_000_000), end: End::A };
        let name = Name::from_wire(name.as_bytes());
        let query = Query { ends, transport: Transport::Udp, name, qtype, at };
        let told = self.tunnels.ask(&query, || Whose::of(&query.name, false), &self.limits, lost);
        self.told.extend(told);
    }

    fn ask(&mut self, name: &str, qtype: u16) {
        self.ask_as([10, 0, 0, 4].into(), name, qtype, false);
    }

    /// What was told at once, and what at the end.
    fn close(self, lost: bool) -> (Vec<Told>, Vec<Told>) {
        let (left, again) = self.tunnels.close(&self.limits, lost);
        assert_eq!(self.told.len(), again.len(), "what was told is told again");
        (self.told, left)
    }
}

/// So many characters of an alphabet, as data is written in it.
fn letters(seed: u64, n: usize, alphabet: &str) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 20
    };
    (0..n).map(|_| char::from(alphabet.as_bytes()[next() as usize % alphabet.len()])).collect()
}

const HEX: &str = "0123456789abcdef";
const BASE32: &str = "abcdefghijklmnopqrstuvwxyz234567";

/// Of several labels of 60.
fn labelled(text: &str) -> String {
    text.as_bytes().chunks(60).map(|label| String::from_utf8_lossy(label).into_owned()).collect::<Vec<_>>().join(".")
}

#[test]
fn long_names_are_told_by_the_dozen() {
    for (alphabet, n, qtype) in [(BASE32, 180, 10), (HEX, 100, TXT), (BASE32, 73, A), (HEX, 200, 28)] {
        let mut asking = Asking::new();
        for seed in 0..60 {
            asking.ask(&format!("{}.t.foreign.example", labelled(&letters(seed, n, alphabet))), qtype);
        }
        let (told, left) = asking.close(false);
        let [told] = &told[..] else { panic!("{n} of {alphabet}: {told:?} {left:?}") };
        assert_eq!((told.domain.as_str(), told.certainty), ("foreign.example", Certainty::Shown));
    }
}

#[test]
fn many_names_are_told_by_the_hundred() {
    let mut asking = Asking::new();
    for seed in 0..1500 {
        asking.ask(&format!("{}.foreign.example", letters(seed, 18, HEX)), A);
    }
    let (told, _) = asking.close(false);
    assert_eq!(told.len(), 1);
    assert!(told[0].numbers.contains("18"), "{}", told[0].numbers);
}

#[test]
fn names_that_are_asked_for_again_are_in_doubt() {
    let mut asking = Asking::new();
    for seed in 0..800 {
        for qtype in [A, 28] {
            asking.ask(&format!("{}.foreign.example", letters(seed, 24, HEX)), qtype);
        }
    }
    let (told, left) = asking.close(false);
    assert_eq!((told.len(), left.iter().map(|told| told.certainty).collect::<Vec<_>>()), (0, vec![Certainty::Repeated]));
}

#[test]
fn answers_that_carry_data_are_told() {
    let mut asking = Asking::new();
    for n in 0..300u32 {
        let name = format!("{n}.foreign.example");
        asking.ask(&name, TXT);
        let name = Name::from_wire(name.as_bytes());
        let answer = Resolution { name, qtype: TXT, rcode: 0, truncated: false, ttl: None, carried: 250, answers: Vec::new() };
        asking.tunnels.answer([10, 0, 0, 4].into(), &answer, || Whose::Judged);
    }
    let (told, _) = asking.close(false);
    assert_eq!(told.len(), 1);
    assert!(told[0].numbers.contains("as TXT"), "{}", told[0].numbers);
}

/// What hosts and services ask for, as much of it as a busy one does in an hour.
#[test]
fn what_is_looked_up_is_no_tunnel() {
    let mut asking = Asking::new();
    let guid = |seed: u64| format!("{}-4f1b-{}-{}", letters(seed, 8, HEX), letters(seed + 1, 4, HEX), letters(seed + 2, 12, HEX));
    for seed in 0..100 {
        asking.ask(&format!("{}.agentsvc.azure-automation.net", guid(seed)), A);
        asking.ask(&format!("{}.ods.opinsights.azure.com", guid(seed)), A);
        asking.ask(&format!("{}.blob.core.windows.net", letters(seed, 24, BASE32)), A);
        asking.ask(&format!("d{}.cloudfront.net", letters(seed, 13, BASE32)), A);
        asking.ask(&format!("rr{}---sn-{}.googlevideo.com", seed % 9, letters(seed, 8, BASE32)), A);
        asking.ask(&format!("{}.safeframe.googlesyndication.com", letters(seed, 32, HEX)), A);
        asking.ask(&format!("scontent-fra{seed}-1.xx.fbcdn.net"), A);
        asking.ask(&format!("ec2-54-12-{seed}-77.eu-west-1.compute.amazonaws.com"), A);
        asking.ask(&format!("{}._domainkey.sender{seed}.example", letters(seed, 32, HEX)), TXT);
        asking.ask(&format!("_dmarc.sender{seed}.example"), TXT);
        asking.ask(&format!("_25._tcp.mail{seed}.example"), 52);
        asking.ask(&format!("{seed}.2.0.192.in-addr.arpa"), 12);
    }
    for seed in 0..2000 {
        let nibbles: Vec<String> = letters(seed, 32, HEX).chars().map(String::from).collect();
        asking.ask(&format!("host{seed}.lab.foreign.example"), A);
        asking.ask(&format!("{}.zen.spamhaus.org", nibbles.join(".")), A);
        asking.ask(&format!("{}.{}.2.0.192.bl.senders.example", seed % 255, seed / 255), A);
        asking.ask(&format!("{}.ip6.arpa", nibbles.join(".")), 12);
        asking.ask(&format!("0.0.0.0.1.0.0.4e.{}.avqs.mcafee.com", letters(seed, 26, BASE32)), A);
        asking.ask(&format!("{}.p.01.s.sophosxl.net", letters(seed, 60, BASE32)), TXT);
        asking.ask(&format!("graph.microsoft.com.namespace-{seed}.svc.cluster.local"), A);
        asking.ask(&letters(seed, 10, "abcdefghijklmnopqrstuvwxyz"), A);
    }
    let (told, left) = asking.close(true);
    let judged: Vec<_> = told.iter().chain(&left).filter(|told| told.whose == Whose::Judged).collect();
    assert!(judged.is_empty(), "{judged:#?}");
    assert!(left.iter().any(|told| told.domain == "mcafee.com" && told.whose == Whose::LookUp), "and is listed");
}

#[test]
fn half_of_it_is_left_open_where_questions_are_missing() {
    for lost in [false, true] {
        let mut asking = Asking::new();
        for seed in 0..15 {
            asking.ask_as([10, 0, 0, 4].into(), &format!("{}.foreign.example", labelled(&letters(seed, 90, BASE32))), A, lost);
        }
        let (told, left) = asking.close(lost);
        let open: Vec<_> = left.iter().map(|told| told.certainty).collect();
        assert_eq!((told.len(), open), (0, if lost { vec![Certainty::Lost] } else { Vec::new() }));
    }
}

#[test]
fn agents_and_domains_are_counted_apart_and_windows_end() {
    let mut asking = Asking::new();
    for seed in 0..60 {
        let name = |domain: u64| format!("{}.d{domain}.example", labelled(&letters(seed, 100, BASE32)));
        asking.ask_as([10, 0, 0, seed as u8 % 6].into(), &name(1), A, false);
        asking.ask(&name(2 + seed % 6), A);
    }
    assert_eq!(asking.close(false).0.len(), 0);
    let mut asking = Asking::new();
    for seed in 0..60 {
        asking.seconds += 300;
        asking.ask(&format!("{}.foreign.example", labelled(&letters(seed, 100, BASE32))), A);
    }
    assert_eq!(asking.close(false).0.len(), 0, "twelve in an hour");
}

#[test]
fn an_alphabet_that_carries_little_carries_little() {
    let mut asking = Asking::new();
    for seed in 0..100 {
        asking.ask(&format!("{}.foreign.example", labelled(&"a".repeat(72 + seed))), A);
    }
    assert_eq!(asking.close(false).0.len(), 0);
}

#[test]
fn what_is_not_counted_is_known() {
    let mut asking = Asking::new();
    for n in 0..limits::TUNNEL_DOMAINS + 10 {
        asking.ask(&format!("a-host-with-a-name.d{n}.example"), A);
    }
    // the first are an hour old by then
    assert_eq!(asking.tunnels.evicted(), 0);
    for n in 0..limits::TUNNEL_DOMAINS + 10 {
        asking.seconds -= 1;
        asking.ask(&format!("a-host-with-a-name.e{n}.example"), A);
    }
    assert!(asking.tunnels.evicted() > 0);
    assert!(asking.tunnels.domains.len() <= limits::TUNNEL_DOMAINS);
}

#[test]
fn characters_are_those_of_the_wire() {
    assert_eq!(characters("ab.c-d_\\xff\\\\", |_| {}), 8);
    assert_eq!(length("\\x2e\\x00a"), 3);
    let places: std::collections::BTreeSet<u8> = b"abcdefghijklmnopqrstuvwxyz0123456789-_".iter().map(|&byte| place(byte)).collect();
    assert_eq!(places.len(), 38);
    assert!((0..=255).all(|byte| place(byte) < 64));
}
