//! Dialogues that go on to TLS, are refused, never ask, or hide something, in every order that a tap may merge the directions.

use super::super::{Carrier, Inspection, Seen};
use crate::fact::{Cleartext, End, Fact, Finish, FrameId, Locus, Observation, Timestamp, Upgrade};

const CLIENT: End = End::A;
const SERVER: End = End::B;

/// A ClientHello for mail.example, and a ServerHello of TLS 1.2.
fn hello() -> Vec<u8> {
    let name = [&[0, 0, 0, 17, 0, 15, 0, 0, 12][..], b"mail.example"].concat();
    let body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0, 0, 21], &name].concat();
    let message = [&[1, 0, 0, body.len() as u8][..], &body].concat();
    [&[22, 3, 1, 0, message.len() as u8][..], &message].concat()
}

fn answer() -> Vec<u8> {
    let message = [&[2, 0, 0, 38, 3, 3][..], &[9; 32], &[0, 0xc0, 0x2f, 0]].concat();
    [&[22, 3, 3, 0, message.len() as u8][..], &message].concat()
}

type Said<'a> = [(End, &'a [u8])];
type Dialogue = (&'static str, Vec<(End, &'static [u8])>);

/// What is read, in pieces of at most `most` bytes.
fn read(said: &Said<'_>, most: usize, finish: Option<Finish>) -> Vec<Fact> {
    let mut inspection = Inspection::new(Carrier::Stream);
    let mut out: Vec<Observation> = Vec::new();
    let mut opaque = [0; 2];
    let at = |end| Locus { frame: FrameId::new(0, 1), at: Timestamp::from_nanos(0), end };
    for (end, bytes) in said {
        for piece in bytes.chunks(most) {
            // what is opaque is not given
            let skipped = opaque[end.index()].min(piece.len());
            opaque[end.index()] -= skipped;
            opaque[end.index()] += inspection.data(*end, &piece[skipped..], &mut Seen::new(&mut out, at(*end)));
        }
    }
    for end in [CLIENT, SERVER] {
        if let Some(how) = finish {
            inspection.finish(end, how, &mut Seen::new(&mut out, at(end)));
        }
    }
    out.into_iter().map(|seen| seen.fact).collect()
}

/// The same dialogue in other orders: each answer ahead of what it answers, all of one end first, in pieces.
fn orders(said: &Said<'_>) -> Vec<Vec<Fact>> {
    let of = |who: End| said.iter().filter(move |(end, _)| *end == who).copied();
    let mut swapped = said.to_vec();
    for n in (1..swapped.len()).step_by(2) {
        if swapped[n - 1].0 != swapped[n].0 {
            swapped.swap(n - 1, n);
        }
    }
    let dialogues = [said.to_vec(), swapped, of(SERVER).chain(of(CLIENT)).collect(), of(CLIENT).chain(of(SERVER)).collect()];
    let both =
        |said: &Vec<_>| [read(said, usize::MAX, Some(Finish::Fin)), read(said, 1, Some(Finish::Fin)), read(said, 7, Some(Finish::Fin))];
    dialogues.iter().flat_map(both).collect()
}

fn upgrades(facts: &[Fact]) -> Option<Upgrade> {
    facts.iter().filter_map(|fact| if let Fact::Upgrade(how) = fact { Some(*how) } else { None }).max()
}

fn is_named(facts: &[Fact]) -> bool {
    facts.iter().any(|fact| matches!(fact, Fact::ServerName { name, .. } if name.as_str() == "mail.example"))
}

fn is_clear(facts: &[Fact]) -> bool {
    facts.iter().any(|fact| matches!(fact, Fact::Cleartext(_) | Fact::Unrecognised))
}

/// Dialogues that lead to TLS, the protocol first.
fn upgraded() -> Vec<Dialogue> {
    vec![
        ("smtp", vec![
            (SERVER, b"220-mail.example ESMTP\r\n220 welcome\r\n"),
            (CLIENT, b"EHLO an-agent-with-a-rather-long-name.example\r\n"),
            (SERVER, b"250-mail.example\r\n250-STARTTLS\r\n250 SIZE\r\n"),
            (CLIENT, b"STARTTLS\r\n"),
            (SERVER, b"220 2.0.0 Ready\r\n"),
        ]),
        ("imap", vec![
            (SERVER, b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"),
            (CLIENT, b"a1 CAPABILITY\r\n"),
            (SERVER, b"* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK done\r\n"),
            (CLIENT, b"a2 STARTTLS\r\n"),
            (SERVER, b"a2 OK begin\r\n"),
        ]),
        ("pop3", vec![
            (SERVER, b"+OK ready\r\n"),
            (CLIENT, b"CAPA\r\n"),
            (SERVER, b"+OK list\r\nSTLS\r\n.\r\n"),
            (CLIENT, b"STLS\r\n"),
            (SERVER, b"+OK begin\r\n"),
        ]),
        ("ftp", vec![
            (SERVER, b"220 FTP ready\r\n"),
            (CLIENT, b"FEAT\r\n"),
            (SERVER, b"211-Features:\r\n AUTH TLS\r\n211 End\r\n"),
            (CLIENT, b"AUTH TLS\r\n"),
            (SERVER, b"234 go on\r\n"),
        ]),
        ("nntp", vec![
            (SERVER, b"200 news.example NNTP ready\r\n"),
            (CLIENT, b"CAPABILITIES\r\n"),
            (SERVER, b"101 list\r\nVERSION 2\r\nSTARTTLS\r\n.\r\n"),
            (CLIENT, b"STARTTLS\r\n"),
            (SERVER, b"382 go on\r\n"),
        ]),
        ("xmpp", vec![
            (CLIENT, b"<?xml version='1.0'?><stream:stream to='a.example' xmlns='jabber:client' xmlns:stream='x' version='1.0'>"),
            (SERVER, b"<?xml version='1.0'?><stream:stream id='77' from='a.example' xmlns='jabber:client' xmlns:stream='x'>\
                       <stream:features><starttls xmlns='urn:x'><required/></starttls></stream:features>"),
            (CLIENT, b"<starttls xmlns='urn:x'/>"),
            (SERVER, b"<proceed xmlns='urn:x'/>"),
        ]),
        ("irc", vec![
            (CLIENT, b"CAP LS 302\r\n"),
            (SERVER, b":irc.example CAP * LS :tls sasl\r\n"),
            (CLIENT, b"STARTTLS\r\n"),
            (SERVER, b":irc.example 670 * :go on\r\n"),
        ]),
        ("ldap", vec![
            (CLIENT, b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"),
            (SERVER, b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"),
        ]),
        ("postgresql", vec![(CLIENT, b"\0\0\0\x08\x04\xd2\x16\x2f"), (SERVER, b"S")]),
        ("rdp", vec![
            (CLIENT, b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0"),
            (SERVER, b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\0\x08\0\x02\0\0\0"),
        ]),
        (
            "adb",
            vec![
                (CLIENT, b"CNXN\x01\0\0\x01\0\0\x04\0\x07\0\0\0\x32\x02\0\0\xbc\xb1\xa7\xb1host::\0"),
                (SERVER, b"STLS\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\xac\xab\xb3\xac"),
                (CLIENT, b"STLS\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\xac\xab\xb3\xac"),
            ],
        ),
        ("amqp", vec![(CLIENT, b"AMQP\x02\x01\0\0"), (SERVER, b"AMQP\x02\x01\0\0")]),
        ("mysql", vec![
            (SERVER, b"\x4a\0\0\0\x0a8.0.33\0\x08\0\0\0saltsalt\0\xff\xff\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0saltsaltsalt\0mysql_native_password\0"),
            (CLIENT, b"\x20\0\0\x01\x85\xae\xff\x01\0\0\0\x01\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        ]),
        ("sieve", vec![
            (SERVER, b"\"IMPLEMENTATION\" \"x\"\r\n\"STARTTLS\"\r\nOK \"ready\"\r\n"),
            (CLIENT, b"STARTTLS\r\n"),
            (SERVER, b"OK \"begin\"\r\n"),
        ]),
    ]
}

#[test]
fn an_upgrade_is_followed_into_tls_whatever_the_order() {
    let (hello, answer) = (hello(), answer());
    for (protocol, dialogue) in upgraded() {
        let mut said: Vec<(End, &[u8])> = dialogue.clone();
        said.extend([(CLIENT, &hello[..]), (SERVER, &answer[..])]);
        for (n, facts) in orders(&said).iter().enumerate() {
            assert!(facts.contains(&Fact::Protocol(protocol)), "{protocol} in order {n}: {facts:?}");
            assert_eq!(upgrades(facts), Some(Upgrade::Agreed), "{protocol} in order {n}: {facts:?}");
            assert!(is_named(facts) && !is_clear(facts), "{protocol} in order {n}: {facts:?}");
            assert!(!facts.iter().any(|fact| matches!(fact, Fact::Malformed(_))), "{protocol} in order {n}: {facts:?}");
            assert!(facts.contains(&Fact::Opener(CLIENT)), "{protocol} in order {n}: {facts:?}");
            assert!(facts.iter().any(|fact| matches!(fact, Fact::CipherSuite(_))), "{protocol} in order {n}: {facts:?}");
        }
    }
}

#[test]
fn text_behind_an_agreement_is_noticed_from_either_end() {
    let hello = hello();
    for (protocol, dialogue) in upgraded() {
        for injecting in [CLIENT, SERVER] {
            let mut said: Vec<(End, &[u8])> = dialogue.clone();
            said.extend([(injecting, &b"RSET\r\n"[..]), (CLIENT, &hello[..])]);
            for most in [usize::MAX, 1, 7] {
                let facts = read(&said, most, Some(Finish::Fin));
                assert!(facts.contains(&Fact::Cleartext(Cleartext::BehindUpgrade)), "{protocol} by {injecting:?}: {facts:?}");
            }
        }
    }
    let pipelined: &Said<'_> = &[(SERVER, b"220 ESMTP\r\n"), (CLIENT, b"STARTTLS\r\nNOOP\r\n"), (SERVER, b"220 go\r\n"), (CLIENT, &hello)];
    for facts in orders(pipelined) {
        assert!(facts.contains(&Fact::Cleartext(Cleartext::BehindUpgrade)), "{facts:?}");
    }
}

#[test]
fn a_refusal_that_ends_the_session_is_no_cleartext_and_one_that_does_not_is() {
    let refused: [&Said<'_>; 4] = [
        &[
            (SERVER, b"220 ESMTP\r\n"),
            (CLIENT, b"STARTTLS\r\n"),
            (SERVER, b"454 not now\r\n"),
            (CLIENT, b"QUIT\r\n"),
            (SERVER, b"221 bye\r\n"),
        ],
        &[(SERVER, b"* OK ready\r\n"), (CLIENT, b"a STARTTLS\r\n"), (SERVER, b"a BAD what\r\n"), (CLIENT, b"b LOGOUT\r\n")],
        &[(CLIENT, b"\0\0\0\x08\x04\xd2\x16\x2f"), (SERVER, b"N")],
        &[
            (CLIENT, b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0"),
            (SERVER, b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x03\0\x08\0\x02\0\0\0"),
        ],
    ];
    let contents: [&[u8]; 4] =
        [b"MAIL FROM:<a>\r\n", b"c LOGIN a b\r\n", b"\0\0\0\x13\0\x03\0\0user\0agent\0\0", b"\x03\0\0\x07\x02\xf0\x80"];
    for (said, content) in refused.iter().zip(contents) {
        for facts in orders(said) {
            assert_eq!(upgrades(&facts), Some(Upgrade::Refused), "{said:?}: {facts:?}");
            assert!(!is_clear(&facts), "{facts:?}");
        }
        let mut went_on = said.to_vec();
        went_on.push((CLIENT, content));
        for facts in orders(&went_on) {
            assert!(facts.contains(&Fact::Cleartext(Cleartext::Protocol)), "{facts:?}");
            assert_eq!(upgrades(&facts), Some(Upgrade::Refused), "{facts:?}");
        }
    }
}

#[test]
fn what_never_asks_is_cleartext_at_its_end_and_content_at_once() {
    let greeting: &Said<'_> = &[(SERVER, b"220 ESMTP\r\n"), (CLIENT, b"EHLO a\r\n"), (SERVER, b"250 STARTTLS\r\n")];
    assert!(!is_clear(&read(greeting, 100, None)) && !is_clear(&read(greeting, 100, Some(Finish::CaptureEnd))));
    assert!(is_clear(&read(greeting, 100, Some(Finish::Fin))) && is_clear(&read(greeting, 100, Some(Finish::Reset))));
    let mail = [greeting, &[(CLIENT, &b"AUTH PLAIN AGEAYg==\r\n"[..])]].concat();
    let facts = read(&mail, 100, None);
    assert!(facts.contains(&Fact::Credentials) && is_clear(&facts), "{facts:?}");
    let cut = [greeting, &[(CLIENT, &b"STARTTLS\r\n"[..]), (SERVER, b"454 no\r\n"), (CLIENT, b"MAIL FR")]].concat();
    assert!(is_clear(&read(&cut, 100, Some(Finish::Fin))), "text without an end");
}

#[test]
fn tls_that_nobody_agreed_on_is_read_and_told() {
    let (hello, answer) = (hello(), answer());
    let dialogues: [&Said<'_>; 3] = [
        &[(SERVER, b"220 ESMTP\r\n"), (CLIENT, &hello), (SERVER, &answer)],
        &[(SERVER, b"220 ESMTP\r\n"), (CLIENT, b"STARTTLS\r\n"), (SERVER, b"454 no\r\n"), (CLIENT, &hello), (SERVER, &answer)],
        &[(SERVER, b"220 ESMTP\r\n"), (CLIENT, b"STARTTLS\r\n"), (CLIENT, &hello), (SERVER, &answer)],
    ];
    for said in dialogues {
        let facts = read(said, usize::MAX, Some(Finish::Fin));
        assert!(is_named(&facts) && facts.iter().any(|fact| matches!(fact, Fact::Malformed(_))), "{facts:?}");
    }
}
