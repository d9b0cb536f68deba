//! What leads to encryption carries nothing: the words of every protocol that goes on to TLS, and of proxies, keep to their form and are few.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/allowed.rs"]
mod allowed;
mod support;
#[path = "support/world/mod.rs"]
mod world;

use allowed::{NAME, NOTHING, SECRET, Said, Words, broken, broken_of, then_tls, tls};
use world::tcp::Who::{Opener, Other};

/// Who says the first word, and all that is said up to TLS, by each in turn.
struct Dialogue {
    name: &'static str,
    said: Said,
}

fn dialogue(name: &'static str, said: &[Words<'_>]) -> Dialogue {
    Dialogue { name, said: said.iter().map(|(who, bytes)| (*who, bytes.to_vec())).collect() }
}

const STLS: &[u8] = b"STLS\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\xac\xab\xb3\xac";

/// A message of ADB.
fn adb(payload: &[u8]) -> Vec<u8> {
    [&b"CNXN\x01\0\0\x01\0\0\x10\0"[..], &(payload.len() as u32).to_le_bytes(), &[0; 4], b"\xbc\xb1\xa7\xb1", payload].concat()
}

/// MySQL's greeting with this plugin, and the request for TLS with this filler.
fn mysql(reserved: u8, plugin: &[u8], filler: [u8; 23]) -> [Vec<u8>; 2] {
    let fields =
        [&b"\x0a8.0.33\0\x08\0\0\0saltsalt\0\xff\xff\xff\x02\0\xff\xdf\x15"[..], &[reserved; 6], &[0; 4], b"saltsaltsalt\0"].concat();
    let greeting = [&[(fields.len() + plugin.len()) as u8, 0, 0, 0][..], &fields, plugin].concat();
    [greeting, [&b"\x20\0\0\x01\x85\xae\xff\x01\0\0\0\x01\xff"[..], &filler].concat()]
}

/// A connection request of RDP for this user, and the confirm.
fn rdp(variable: &[u8], behind: &[u8]) -> [Vec<u8>; 2] {
    let tpkt =
        |kind: u8, rest: &[u8]| [&[3, 0, 0, (11 + rest.len()) as u8, (6 + rest.len()) as u8, kind, 0, 0, 0, 0, 0][..], rest].concat();
    let negotiation = [&[1, 0, 8, 0, 3, 0, 0, 0][..], behind].concat();
    [tpkt(0xe0, &[variable, &negotiation].concat()), tpkt(0xd0, &[2, 0, 8, 0, 2, 0, 0, 0])]
}

fn ldap(id: u8, body: &[u8]) -> Vec<u8> {
    let operation = [&[2, 1, id][..], body].concat();
    [&[0x30, operation.len() as u8][..], &operation].concat()
}

/// The extended request for TLS with more behind its name.
fn start_tls(more: &[u8]) -> Vec<u8> {
    let name = [&[0x80, 22][..], b"1.3.6.1.4.1.1466.20037", more].concat();
    ldap(1, &[&[0x77, name.len() as u8][..], &name].concat())
}

const LDAP_AGREES: &[u8] = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";

/// What good implementations say before TLS.
fn good() -> Vec<Dialogue> {
    let [my_greeting, my_request] = mysql(0, b"caching_sha2_password\0", [0; 23]);
    let mut maria = [0; 23];
    maria[19] = 0x1d;
    let maria_request = [&b"\x20\0\0\x01\x84\xae\xff\x01\0\0\0\x01\x2d"[..], &maria].concat();
    let [rdp_request, rdp_confirm] = rdp(b"Cookie: mstshash=agent\r\n", &[]);
    let correlation = [&[6u8, 0, 36, 0][..], &[0x9e; 16], &[0; 16]].concat();
    let [rdp_correlated, _] = rdp(b"Cookie: msts=3640205228.15629.0000\r\n", &correlation);
    let banner =
        [&b"220-FTP of Example\r\n220-"[..], &b"You are accessing a system that is monitored. ".repeat(28), b"\r\n220 FTP ready\r\n"]
            .concat();
    vec![
        dialogue("SMTP", &[
            (Other, b"220-mx.example.com ESMTP ready\r\n220 no spam please\r\n"),
            (Opener, b"EHLO an-agent-with-a-long-name.department.corp.example.com\r\n"),
            (
                Other,
                b"250-mx.example.com Hello [10.0.0.4]\r\n250-SIZE 37748736\r\n250-PIPELINING\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n\
                  250-STARTTLS\r\n250-X-ANONYMOUSTLS\r\n250-AUTH NTLM LOGIN\r\n250-8BITMIME\r\n250-BINARYMIME\r\n250-CHUNKING\r\n250 XRDST\r\n",
            ),
            (Opener, b"STARTTLS\r\n"),
            (Other, b"220 2.0.0 SMTP server ready\r\n"),
        ]),
        dialogue("SMTP of an address", &[
            (Other, b"220 mx ESMTP\r\n"),
            (Opener, b"EHLO [IPv6:2001:db8::1]\r\n"),
            (Other, b"250-mx\r\n250 STARTTLS\r\n"),
            (Opener, b"STARTTLS\r\n"),
            (Other, b"220 go\r\n"),
        ]),
        dialogue("IMAP", &[
            (Other, b"* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ STARTTLS LOGINDISABLED] Dovecot ready.\r\n"),
            (Opener, b"A00000000 CAPABILITY\r\n"),
            (Other, b"* CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ STARTTLS LOGINDISABLED\r\nA00000000 OK done\r\n"),
            (Opener, b"A00000001 STARTTLS\r\n"),
            (Other, b"A00000001 OK Begin TLS negotiation now.\r\n"),
        ]),
        dialogue("POP3", &[
            (Other, b"+OK Microsoft Exchange POP3 service is ready. [QQBNADMA]\r\n"),
            (Opener, b"CAPA\r\n"),
            (Other, b"+OK\r\nTOP\r\nUIDL\r\nSASL PLAIN LOGIN\r\nIMPLEMENTATION Dovecot\r\nLOGIN-DELAY 900\r\nSTLS\r\n.\r\n"),
            (Opener, b"STLS\r\n"),
            (Other, b"+OK Begin TLS negotiation.\r\n"),
        ]),
        dialogue("FTP", &[
            (Other, &banner),
            (Opener, b"FEAT\r\n"),
            (Other, b"211-Features:\r\n AUTH TLS\r\n MLST type*;size*;modify*;\r\n UTF8\r\n211 End\r\n"),
            (Opener, b"AUTH TLS\r\n"),
            (Other, b"234 Proceed with negotiation.\r\n"),
        ]),
        dialogue("FTP whose banner has lines without a code", &[
            (Other, b"220-Welcome to our server\r\nIt is watched over.\r\n220 ready\r\n"),
            (Opener, b"AUTH SSL\r\n"),
            (Other, b"234 go on\r\n"),
        ]),
        dialogue("NNTP", &[
            (Other, b"200 news.example.com InterNetNews NNRP server INN 2.7.0 ready (posting ok)\r\n"),
            (Opener, b"CAPABILITIES\r\n"),
            (Other, b"101 Capability list:\r\nVERSION 2\r\nIMPLEMENTATION INN 2.7.0\r\nLIST ACTIVE NEWSGROUPS\r\nSTARTTLS\r\n.\r\n"),
            (Opener, b"STARTTLS\r\n"),
            (Other, b"382 Begin TLS negotiation now\r\n"),
        ]),
        dialogue("ManageSieve", &[
            (Other, b"\"IMPLEMENTATION\" \"Dovecot Pigeonhole\"\r\n\"SIEVE\" \"fileinto reject\"\r\n\"STARTTLS\"\r\n\"VERSION\" \"1.0\"\r\nOK \"ready\"\r\n"),
            (Opener, b"STARTTLS\r\n"),
            (Other, b"OK \"Begin TLS negotiation now.\"\r\n"),
        ]),
        dialogue("IRC", &[
            (Opener, b"CAP LS 302\r\n"),
            (Other, b":irc.example.com NOTICE * :*** Looking up your hostname...\r\n:irc.example.com CAP * LS :multi-prefix tls sasl=PLAIN\r\n"),
            (Opener, b"STARTTLS\r\n"),
            (Other, b":irc.example.com 670 agent :STARTTLS successful, proceed with TLS handshake\r\n"),
        ]),
        dialogue("XMPP", &[
            (
                Opener,
                b"<?xml version='1.0'?><stream:stream to='example.com' xmlns='jabber:client' xml:lang='en' \
                  xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>",
            ),
            (
                Other,
                b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
                  id='4d6b' from='example.com' version='1.0' xml:lang='en'><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>\
                  <required/></starttls><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-256-PLUS</mechanism>\
                  </mechanisms></stream:features>",
            ),
            (Opener, b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
            (Other, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
        ]),
        dialogue("LDAP", &[(Opener, &start_tls(&[])), (Other, LDAP_AGREES)]),
        dialogue("LDAP with the lengths of Windows", &[
            (Opener, b"\x30\x84\0\0\0\x25\x02\x01\x01\x77\x84\0\0\0\x1c\x80\x84\0\0\0\x161.3.6.1.4.1.1466.20037"),
            (Other, LDAP_AGREES),
        ]),
        dialogue("PostgreSQL", &[
            (Opener, b"\0\0\0\x08\x04\xd2\x16\x30"),
            (Other, b"N"),
            (Opener, b"\0\0\0\x08\x04\xd2\x16\x2f"),
            (Other, b"S"),
        ]),
        dialogue("MySQL", &[(Other, &my_greeting), (Opener, &my_request)]),
        dialogue("MariaDB", &[(Other, &my_greeting), (Opener, &maria_request)]),
        dialogue("RDP", &[(Opener, &rdp_request), (Other, &rdp_confirm)]),
        dialogue("RDP by a balancer", &[(Opener, &rdp_correlated), (Other, &rdp_confirm)]),
        dialogue("AMQP", &[(Opener, b"AMQP\x02\x01\0\0"), (Other, b"AMQP\x02\x01\0\0")]),
        dialogue("ADB", &[
            (Opener, &adb(b"host::features=shell_v2,cmd,stat_v2,ls_v2,fixed_push_mkdir,apex,abb,sendrecv_v2_brotli,openscreen_mdns")),
            (Other, STLS),
            (Opener, STLS),
        ]),
    ]
}

#[test]
fn good_implementations_come_to_tls() {
    for Dialogue { name, said } in good() {
        assert_eq!(broken(&[&said[..], &tls()].concat()), NOTHING, "{name}");
    }
}

#[test]
fn what_was_not_captured_is_no_violation() {
    for Dialogue { name, said } in good() {
        for lost in [Opener, Other] {
            let rules = broken_of(&[&said[..], &tls()].concat(), Some(lost));
            let is_told = rules.iter().all(|rule| rule.ends_with('?')) && !rules.is_empty();
            assert!(is_told, "{name} without what {lost:?} said: {rules:?}");
        }
    }
}

/// The same dialogues with words in them that nobody needs to come to TLS.
fn bad() -> Vec<(&'static str, Said)> {
    let smtp = |ahead: &str, asks: &str| {
        then_tls(&[
            (Other, b"220 mx ESMTP\r\n"),
            (Opener, ahead.as_bytes()),
            (Other, b"250-mx\r\n250 STARTTLS\r\n"),
            (Opener, asks.as_bytes()),
            (Other, b"220 go\r\n"),
        ])
    };
    let by_server = |answer: &str| {
        then_tls(&[
            (Other, b"220 mx ESMTP\r\n"),
            (Opener, b"EHLO agent\r\n"),
            (Other, answer.as_bytes()),
            (Opener, b"STARTTLS\r\n"),
            (Other, b"220 go\r\n"),
        ])
    };
    let imap = |asks: &str| {
        then_tls(&[
            (Other, b"* OK IMAP4rev1 ready\r\n"),
            (Opener, asks.as_bytes()),
            (Other, b"a OK done\r\n"),
            (Opener, b"b STARTTLS\r\n"),
            (Other, b"b OK go\r\n"),
        ])
    };
    let imap_by_server = |answer: &str| {
        then_tls(&[(Other, b"* OK IMAP4rev1 ready\r\n"), (Other, answer.as_bytes()), (Opener, b"b STARTTLS\r\n"), (Other, b"b OK go\r\n")])
    };
    let pop = |asks: &str, answer: &str| {
        then_tls(&[
            (Other, b"+OK ready\r\n"),
            (Opener, asks.as_bytes()),
            (Other, answer.as_bytes()),
            (Opener, b"STLS\r\n"),
            (Other, b"+OK go\r\n"),
        ])
    };
    let ftp = |asks: &str, answer: &str| {
        then_tls(&[
            (Other, b"220 FTP ready\r\n"),
            (Opener, asks.as_bytes()),
            (Other, answer.as_bytes()),
            (Opener, b"AUTH TLS\r\n"),
            (Other, b"234 go\r\n"),
        ])
    };
    let xmpp = |stream: &str, features: &str, asks: &str| {
        then_tls(&[
            (Opener, stream.as_bytes()),
            (Other, b"<?xml version='1.0'?><stream:stream id='1' xmlns='jabber:client' xmlns:stream='x'>"),
            (Other, features.as_bytes()),
            (Opener, asks.as_bytes()),
            (Other, b"<proceed xmlns='urn:x'/>"),
        ])
    };
    let stream = "<stream:stream to='a.example' xmlns='jabber:client' xmlns:stream='x' version='1.0'>";
    let features = "<stream:features><starttls xmlns='urn:x'/></stream:features>";
    let mut bad = vec![
        ("SMTP, who greets", smtp(&format!("EHLO {SECRET}\r\n"), "STARTTLS\r\n")),
        ("SMTP, which is refused", smtp(&format!("NOOP {SECRET}\r\nEHLO a\r\n"), "STARTTLS\r\n")),
        ("SMTP, a command of nobody", smtp(&format!("XDATA {SECRET}\r\n"), "STARTTLS\r\n")),
        ("SMTP, behind STARTTLS", smtp("EHLO a\r\n", &format!("STARTTLS {SECRET}\r\n"))),
        ("SMTP, names over and over", smtp(&"EHLO secret.hunter2.example\r\n".repeat(30), "STARTTLS\r\n")),
        ("SMTP, an answer without a code", by_server(&format!("250-mx\r\n250 STARTTLS\r\n{SECRET}\r\n"))),
        ("SMTP, an answer without end", by_server(&format!("{}250 STARTTLS\r\n", format!("250-{SECRET}\r\n").repeat(80)))),
        ("IMAP, who greets", imap(&format!("a ID (\"name\" \"{SECRET}\")\r\n"))),
        ("IMAP, a tag", imap(&format!("{} NOOP\r\n", SECRET.replace(' ', "-")))),
        ("IMAP, behind a command", imap(&format!("a CAPABILITY {SECRET}\r\n"))),
        ("IMAP, an answer", imap_by_server(&format!("* 1 FETCH {SECRET}\r\n"))),
        ("POP3, behind a command", pop(&format!("CAPA {SECRET}\r\n"), "+OK\r\nSTLS\r\n.\r\n")),
        ("POP3, in a list", pop("CAPA\r\n", &format!("+OK\r\n{SECRET}\r\nSTLS\r\n.\r\n"))),
        ("FTP, who greets", ftp(&format!("CLNT {SECRET}\r\n"), "200 ok\r\n")),
        ("FTP, an option", ftp(&format!("OPTS {SECRET}\r\n"), "200 ok\r\n")),
        ("FTP, an answer without a code", ftp("NOOP\r\n", &format!("200 ok\r\n{SECRET}\r\n"))),
        (
            "XMPP, an attribute",
            xmpp(&stream.replace("version", &format!("secret='{SECRET}' version")), features, "<starttls xmlns='urn:x'/>"),
        ),
        ("XMPP, words in an attribute", xmpp(&stream.replace("a.example", SECRET), features, "<starttls xmlns='urn:x'/>")),
        ("XMPP, a message", xmpp(&format!("{stream}<message>{SECRET}</message>"), features, "<starttls xmlns='urn:x'/>")),
        ("XMPP, text", xmpp(stream, features, &format!("{SECRET}<starttls xmlns='urn:x'/>"))),
        ("XMPP, with the question", xmpp(stream, features, &format!("<starttls xmlns='urn:x' to='{SECRET}'/>"))),
        ("XMPP, a stanza of the server", xmpp(stream, &format!("<iq>{SECRET}</iq>{features}"), "<starttls xmlns='urn:x'/>")),
        ("XMPP, text of the server", xmpp(stream, &format!("{SECRET}{features}"), "<starttls xmlns='urn:x'/>")),
    ];
    bad.push((
        "NNTP",
        then_tls(&[
            (Other, b"200 NNTP ready\r\n"),
            (Opener, format!("MODE {SECRET}\r\n").as_bytes()),
            (Other, b"501 what\r\n"),
            (Opener, b"STARTTLS\r\n"),
            (Other, b"382 go\r\n"),
        ]),
    ));
    bad.push((
        "ManageSieve",
        then_tls(&[
            (Other, b"\"IMPLEMENTATION\" \"x\"\r\n\"STARTTLS\"\r\nOK\r\n"),
            (Opener, format!("NOOP \"{SECRET}\"\r\n").as_bytes()),
            (Other, b"OK\r\n"),
            (Opener, b"STARTTLS\r\n"),
            (Other, b"OK\r\n"),
        ]),
    ));
    for (name, asks, answer) in [
        ("IRC, a capability", format!("CAP REQ :{SECRET}\r\n"), String::new()),
        ("IRC, a message of the server", String::from("CAP LS\r\n"), format!(":irc.example PRIVMSG agent :{SECRET}\r\n")),
    ] {
        bad.push((
            name,
            then_tls(&[
                (Opener, b"CAP LS 302\r\n"),
                (Other, b":irc.example CAP * LS :tls\r\n"),
                (Opener, asks.as_bytes()),
                (Other, answer.as_bytes()),
                (Opener, b"STARTTLS\r\n"),
                (Other, b":irc.example 670 * :go on\r\n"),
            ]),
        ));
    }
    bad.extend(in_binary());
    bad
}

/// The same where what is said is no text but for these words.
fn in_binary() -> Vec<(&'static str, Said)> {
    let text = SECRET.as_bytes();
    let value = [&[0x81, text.len() as u8][..], text].concat();
    let mut filler = [0; 23];
    filler.copy_from_slice(&text[..23]);
    let [greeting, filled] = mysql(0, b"mysql_native_password\0", filler);
    let [reserved, asks] = mysql(7, b"mysql_native_password\0", [0; 23]);
    let [plugin, _] = mysql(0, text, [0; 23]);
    let [cookie, confirm] = rdp(format!("Cookie: mstshash={SECRET}\r\n").as_bytes(), &[]);
    let [other_cookie, _] = rdp(format!("{SECRET}\r\n").as_bytes(), &[]);
    let [behind, _] = rdp(b"", text);
    let controls = [&[0x77, 24, 0x80, 22][..], b"1.3.6.1.4.1.1466.20037", &[0xa0, text.len() as u8], text].concat();
    let device = adb(format!("host::{SECRET}").as_bytes());
    let features = adb(format!("host::features={}", "shell_v2,".repeat(200)).as_bytes());
    let twice = [adb(b"host::"), adb(b"host::")].concat();
    let explained = [&[0x30, 107, 2, 1, 2, 0x78, 102, 10, 1, 0, 4, 95][..], &text[..47], &text[..48], &[4, 0]].concat();
    vec![
        ("LDAP, a value", then_tls(&[(Opener, &start_tls(&value)), (Other, LDAP_AGREES)])),
        ("LDAP, controls", then_tls(&[(Opener, &ldap(1, &controls)), (Other, LDAP_AGREES)])),
        (
            "LDAP, an answer to nothing",
            then_tls(&[(Opener, &start_tls(&[])), (Other, &ldap(9, &[&[0x64, 49][..], text].concat())), (Other, LDAP_AGREES)]),
        ),
        ("LDAP, many answers", then_tls(&[(Opener, &start_tls(&[])), (Other, &explained.repeat(40)), (Other, LDAP_AGREES)])),
        ("MySQL, a filler", then_tls(&[(Other, &greeting), (Opener, &filled)])),
        ("MySQL, what is reserved", then_tls(&[(Other, &reserved), (Opener, &asks)])),
        ("MySQL, a plugin", then_tls(&[(Other, &plugin), (Opener, &asks)])),
        ("RDP, a user", then_tls(&[(Opener, &cookie), (Other, &confirm)])),
        ("RDP, another line", then_tls(&[(Opener, &other_cookie), (Other, &confirm)])),
        ("RDP, behind the negotiation", then_tls(&[(Opener, &behind), (Other, &confirm)])),
        ("ADB, a banner", then_tls(&[(Opener, &device), (Other, STLS), (Opener, STLS)])),
        ("ADB, features without end", then_tls(&[(Opener, &features), (Other, STLS), (Opener, STLS)])),
        ("ADB, two banners", then_tls(&[(Opener, &twice), (Other, STLS), (Opener, STLS)])),
        (
            "ADB, a banner of the device",
            then_tls(&[(Opener, &adb(b"host::")), (Other, &adb(b"device::ro.product.name=x;")), (Other, STLS), (Opener, STLS)]),
        ),
    ]
}

#[test]
fn words_ahead_of_tls_are_content() {
    for (name, said) in bad() {
        assert!(broken(&said).contains(&"WW201".to_owned()), "{name}: {:?}", broken(&said));
    }
}

#[test]
fn words_behind_a_refusal_are_content_by_whomever_they_are() {
    let asked: [(&str, &[Words<'_>]); 5] = [
        ("SMTP", &[(Other, b"220 mx ESMTP\r\n"), (Opener, b"STARTTLS\r\n"), (Other, b"454 not now\r\n")]),
        ("PostgreSQL", &[(Opener, b"\0\0\0\x08\x04\xd2\x16\x2f"), (Other, b"N")]),
        (
            "RDP",
            &[
                (Opener, b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0"),
                (Other, b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x03\0\x08\0\x02\0\0\0"),
            ],
        ),
        ("AMQP", &[(Opener, b"AMQP\x02\x01\0\0"), (Other, b"AMQP\0\0\x09\x01")]),
        (
            "LDAP",
            &[
                (Opener, b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"),
                (Other, b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x34\x04\x00\x04\x00"),
            ],
        ),
    ];
    for (name, said) in asked {
        let refused: Said = said.iter().map(|(who, bytes)| (*who, bytes.to_vec())).collect();
        assert_eq!(broken(&refused), NOTHING, "{name}, which ends there");
        for who in [Opener, Other] {
            let rules = broken(&[&refused[..], &[(who, SECRET.as_bytes().to_vec())]].concat());
            assert!(rules.contains(&"WW201".to_owned()), "{name} by {who:?}: {rules:?}");
        }
    }
    let error = [&b"EFATAL:  unsupported frontend protocol 1234.5679: server supports 1.0 to 3.0\n\0"[..]].concat();
    let old = [(Opener, b"\0\0\0\x08\x04\xd2\x16\x2f".to_vec()), (Other, error.clone())];
    assert_eq!(broken(&old), NOTHING, "an old server knows no TLS");
    assert_eq!(broken(&[old[0].clone(), (Other, error.repeat(9))]), ["WW201", "WW205"]);
}

#[test]
fn what_is_said_in_the_wrong_place_is_no_upgrade() {
    let by_server = [(Other, b"220 mx ESMTP\r\nSTARTTLS\r\n".to_vec()), (Opener, b"220 go\r\n".to_vec())];
    assert!(broken(&[&by_server[..], &tls()].concat()).contains(&"WW201".to_owned()));
    for Dialogue { name, said } in good() {
        // both ends turned: the responder sends the hello
        let turned: Said = tls().into_iter().map(|(who, bytes)| (world::tcp::not(who), bytes)).collect();
        assert_ne!(broken(&[&said[..], &turned].concat()), NOTHING, "{name}, turned");
        for who in [Opener, Other] {
            let rules = broken(&[&said[..], &[(who, SECRET.as_bytes().to_vec())]].concat());
            assert!(rules.contains(&"WW201".to_owned()), "{name}, in the clear by {who:?}: {rules:?}");
            let mut piped = said.clone();
            let asks = piped.iter().rposition(|(speaker, _)| *speaker == who).unwrap();
            piped[asks].1.extend(SECRET.as_bytes());
            assert_ne!(broken(&[piped, tls()].concat()), NOTHING, "{name}, in one segment by {who:?}");
        }
    }
}

#[test]
fn the_header_of_a_proxy_holds_what_is_known() {
    let header = |fields: &[u8]| {
        let addresses = [192, 0, 2, 1, 192, 0, 2, 2, 0x10, 0, 1, 187];
        let length = (addresses.len() + fields.len()) as u16;
        then_tls(&[(Opener, &[&b"\r\n\r\n\0\r\nQUIT\n\x21\x11"[..], &length.to_be_bytes(), &addresses, fields].concat())])
    };
    let field = |kind: u8, value: &[u8]| [&[kind][..], &(value.len() as u16).to_be_bytes(), value].concat();
    let tls =
        [&[7, 0, 0, 0, 0][..], &field(0x21, b"TLSv1.3"), &field(0x22, b"agent.example"), &field(0x23, b"TLS_AES_256_GCM_SHA384")].concat();
    let known = [
        field(1, b"h2"),
        field(2, NAME.as_bytes()),
        field(3, &[9; 4]),
        field(4, &[0; 9]),
        field(5, &[7; 16]),
        field(0x20, &tls),
        field(0xea, b"\x01vpce-08d2bf15fac5001c9"),
        field(0xee, &[1, 7, 0, 0, 0]),
    ];
    assert_eq!(broken(&header(&[])), NOTHING);
    assert_eq!(broken(&header(&known.concat())), NOTHING);
    let text = SECRET.as_bytes();
    let others = [
        field(0xe5, text),
        field(4, text),
        field(2, text),
        field(0x20, &[&tls, &field(0x77, text)[..]].concat()),
        known[4].repeat(2),
        text.to_vec(),
    ];
    for fields in [&others[..], &[field(0xe5, &text.repeat(1200))]].concat() {
        assert!(broken(&header(&fields)).contains(&"WW201".to_owned()), "{fields:02x?}");
    }
    for (line, rules) in [
        ("PROXY TCP4 192.0.2.1 192.0.2.2 4000 443", &[][..]),
        ("PROXY TCP6 2001:db8::1 2001:db8::2 4000 443", &[]),
        ("PROXY UNKNOWN", &[]),
        ("PROXY UNKNOWN user=root password=hunter2", &["WW201"]),
        ("PROXY TCP4 user=root password=hunter2 1 2", &["WW201"]),
    ] {
        assert_eq!(broken(&then_tls(&[(Opener, format!("{line}\r\n").as_bytes())])), rules, "{line}");
    }
}

#[test]
fn what_proxies_are_asked_for_is_short() {
    let connect = |head: &str, answer: &str| then_tls(&[(Opener, head.as_bytes()), (Other, answer.as_bytes())]);
    let asks = format!("CONNECT {NAME}:443 HTTP/1.1\r\nHost: {NAME}:443\r\n");
    let granted = "HTTP/1.1 200 Connection established\r\n\r\n";
    assert_eq!(
        broken(&connect(&format!("{asks}User-Agent: {}\r\nProxy-Connection: keep-alive\r\n\r\n", "x".repeat(300)), granted)),
        NOTHING
    );
    let long = SECRET.repeat(30);
    for said in [
        connect(&format!("{asks}X-Data: {long}\r\n\r\n"), granted),
        connect(&format!("{asks}{}\r\n", format!("X: {SECRET}\r\n").repeat(250)), granted),
        connect(&format!("{asks}\r\n"), &format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", long.repeat(2))),
        connect(&format!("{asks}Content-Length: {}\r\n\r\n{SECRET}", SECRET.len()), granted),
    ] {
        assert!(broken(&said).contains(&"WW201".to_owned()), "{:?}", broken(&said));
    }
    let request = [&[5, 1, 0, 3, 15][..], NAME.as_bytes(), &[1, 187]].concat();
    let granted = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    let socks = |methods: &[u8], answer: &[u8]| {
        let list = [&[5, methods.len() as u8][..], methods].concat();
        then_tls(&[(Opener, &list), (Other, &[5, 0]), (Opener, &request), (Other, answer)])
    };
    assert_eq!(broken(&socks(&[0, 1, 2], &granted)), NOTHING);
    let place = [&[5, 0, 0, 3, SECRET.len() as u8][..], SECRET.as_bytes(), &[0, 0]].concat();
    assert_eq!(broken(&socks(&[0], &place)), ["WW201"]);
    assert_eq!(broken(&socks(&[&[0][..], &[0x81; 100]].concat(), &granted)), ["WW201"]);
    let old = |user: &str| {
        let request = [&[4, 1, 1, 187, 0, 0, 0, 1][..], user.as_bytes(), b"\0", NAME.as_bytes(), b"\0"].concat();
        then_tls(&[(Opener, &request), (Other, &[0, 90, 0, 0, 0, 0, 0, 0])])
    };
    assert_eq!(broken(&old("agent")), NOTHING);
    assert_eq!(broken(&old(SECRET)), ["WW201"]);
    let waits = [vec![5, 1, 0], vec![5, 0], [&[5, 1, 0, 3, 200][..], SECRET.as_bytes()].concat()];
    let said = [(Opener, waits[0].clone()), (Other, waits[1].clone()), (Opener, waits[2].clone())];
    assert_eq!(broken(&said), ["WW202?"], "half a request");
}
