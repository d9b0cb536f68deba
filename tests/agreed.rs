//! Encryption that both ends agree on in fields of their protocol's own: what follows is encrypted as they agreed, and anything else is told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/allowed.rs"]
mod allowed;
mod support;
#[path = "support/world/mod.rs"]
mod world;

use allowed::{NAME, NOTHING, SECRET, Said, Words, broken, tls};
use world::Version;
use world::tcp::Who::{self, Opener, Other};

/// A message of SMB behind its length: a header with a command and where the next one begins, and a body.
fn smb(command: u8, next: u8, body: &[u8]) -> Vec<u8> {
    let header = [&b"\xfeSMB\x40\0\0\0\0\0\0\0"[..], &[command, 0, 1, 0, 0, 0, 0, 0, next, 0, 0, 0], &[0; 40]].concat();
    [&((header.len() + body.len()) as u32).to_be_bytes()[..], &header, body].concat()
}

/// The same, of the server.
fn smb_answer(command: u8, body: &[u8]) -> Vec<u8> {
    let mut message = smb(command, 0, body);
    message[4 + 16] = 1;
    message
}

/// A server's choice of a dialect.
fn smb_dialect(dialect: u16) -> Vec<u8> {
    smb_answer(0, &[&[65, 0, 1, 0][..], &dialect.to_le_bytes(), &[0xb5; 114]].concat())
}

/// A request that sets a session up with this token, or its answer.
fn smb_setup(token: &[u8], is_answer: bool) -> Vec<u8> {
    let length = (token.len() as u16).to_le_bytes();
    let fields = if is_answer {
        [&[9, 0, 0, 0, 72, 0][..], &length].concat()
    } else {
        [&[25, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 88, 0][..], &length, &[0; 8]].concat()
    };
    let body = [fields, token.to_vec()].concat();
    if is_answer { smb_answer(1, &body) } else { smb(1, 0, &body) }
}

/// A message that is encrypted, or as it seems: its flags, and what follows its header.
fn smb_sealed(flags: u8, length: usize, sealed: &[u8]) -> Vec<u8> {
    let header = [&b"\xfdSMB"[..], &[0x9d; 32], &(length as u32).to_le_bytes(), &[0, 0, flags, 0], &[7; 8]].concat();
    [&((header.len() + sealed.len()) as u32).to_be_bytes()[..], &header, sealed].concat()
}

#[test]
fn smb_is_encrypted_behind_its_setup_alone() {
    let negotiation = [&[36, 0, 1, 0, 1, 0, 0, 0, 0x77, 0, 0, 0][..], &[0xb4; 16], &[0x68, 0, 0, 0, 0, 0, 0, 0, 0x11, 3]].concat();
    let token = [&b"NTLMSSP\0\x01\0\0\0"[..], &[0x35; 28]].concat();
    let begun = |setup: Vec<u8>| {
        vec![(Opener, smb(0, 0, &negotiation)), (Other, smb_dialect(0x0311)), (Opener, setup), (Other, smb_setup(&token, true))]
    };
    let sealed = |who: Who| (who, smb_sealed(1, 104, &[0xa9; 104]));
    let both = [sealed(Opener), sealed(Other), sealed(Opener)];
    assert_eq!(broken(&[&begun(smb_setup(&token, false))[..], &both].concat()), NOTHING);
    // what was not agreed on is no encryption, nor is what has no room for a header
    for (dialect, set_up) in [(0x0202, true), (0x0210, true), (0x0311, false)] {
        let mut said = begun(smb_setup(&token, false));
        said[1].1 = smb_dialect(dialect);
        said.truncate(if set_up { 4 } else { 2 });
        assert_eq!(broken(&[&said[..], &both].concat()), ["WW202?"], "{dialect:x}, set up: {set_up}");
    }
    let short = |who: Who| (who, smb_sealed(1, 31, &[0xa9; 31]));
    assert_eq!(broken(&[&begun(smb_setup(&token, false))[..], &[short(Opener), short(Other)]].concat()), ["WW202?"]);
    let kerberos = [&[0x60, 0x82, 12, 0][..], &[0x8e; 3000]].concat();
    assert_eq!(broken(&[&begun(smb_setup(&kerberos, false))[..], &both].concat()), NOTHING, "with a ticket");
    let text = SECRET.as_bytes();
    let long = [&token[..], &text.repeat(20)].concat();
    let compound = [smb_setup(&token, false), smb(9, 0, text)].concat();
    let behind = [smb_setup(&token, false)[4..].to_vec(), text.to_vec()].concat();
    for setup in [
        smb_setup(&long, false),
        smb_setup(text, false),
        compound,
        smb(1, 112, &[&smb_setup(&token, false)[68..], &smb(9, 0, text)[4..]].concat()),
        [&(behind.len() as u32).to_be_bytes()[..], &behind].concat(),
        smb_setup(&kerberos, false).repeat(20),
        smb(0, 0, &[&negotiation[..], &text.repeat(10)].concat()),
        smb(3, 0, text),
    ] {
        let rules = broken(&[&begun(setup.clone())[..], &both].concat());
        assert!(rules.contains(&"WW201".to_owned()), "{rules:?} for {:02x?}", &setup[..100]);
    }
    for plain in [smb_sealed(1, text.len(), text), smb(9, 0, text), smb_sealed(1, 20, &[0xa9; 104]), smb_sealed(0, 104, &[0xa9; 104])] {
        let rules = broken(&[&begun(smb_setup(&token, false))[..], &both, &[(Opener, plain.clone())]].concat());
        assert_ne!(rules, NOTHING, "{plain:02x?}");
    }
}

fn tds(kind: u8, payload: &[u8]) -> Vec<u8> {
    [&[kind, 1][..], &((payload.len() + 8) as u16).to_be_bytes(), &[0, 0, 1, 0], payload].concat()
}

/// A PRELOGIN of TDS: its encryption, and the name of the instance.
fn tds_prelogin(encryption: u8, instance: &[u8]) -> Vec<u8> {
    let (at, length) = (26 + 7, instance.len() as u8);
    let table = [0, 0, 26, 0, 6, 1, 0, 32, 0, 1, 2, 0, at, 0, length, 3, 0, at + length, 0, 4, 4, 0, at + length + 4, 0, 1, 0xff];
    [&table[..], &[16, 0, 0x10, 0x5e, 0, 0, encryption], instance, &[0xd8, 3, 0, 0, 0]].concat()
}

/// TDS in which both say this of encryption: the handshake in packets, this many flights of data as they are, and then what else is said.
fn tds_session(encryption: [u8; 2], data: usize, more: &[(Who, Vec<u8>)]) -> Said {
    let flights = world::tls_session(NAME, Version::Tls12, 300, 900);
    let mut said = vec![(Opener, tds(0x12, &tds_prelogin(encryption[0], b"\0"))), (Other, tds(4, &tds_prelogin(encryption[1], b"\0")))];
    for (who, flight) in &flights[..4] {
        // in packets that records do not keep to
        said.extend(flight.chunks(500).map(|piece| (*who, tds(0x12, piece))));
    }
    said.extend(flights[4..].iter().take(data).cloned());
    said.extend(more.iter().cloned());
    said
}

#[test]
fn tds_is_encrypted_where_nothing_but_records_follow() {
    assert_eq!(broken(&tds_session([1, 1], 9, &[])), NOTHING);
    assert_eq!(broken(&tds_session([3, 0x81], 9, &[])), NOTHING);
    let batch = tds(1, b"s\0e\0l\0e\0c\0t\0 \x001\0");
    let answer = tds(4, &[0x81, 1, 0, 0, 0, 0]);
    for (who, packet) in [(Opener, batch.clone()), (Other, answer)] {
        assert_eq!(broken(&tds_session([0, 0], 1, &[(who, packet)])), ["WW201"], "encrypted for the login alone");
    }
    let login = tds(0x10, &[&[0x90, 0, 0, 0, 4, 0, 0, 0x74][..], &[0; 136]].concat());
    let refused = [(Opener, tds(0x12, &tds_prelogin(1, b"\0"))), (Other, tds(4, &tds_prelogin(2, b"\0")))];
    assert_eq!(broken(&refused), NOTHING);
    assert_eq!(broken(&[&refused[..], &[(Opener, login.clone())]].concat()), ["WW201", "WW205"]);
    assert_eq!(broken(&[(Opener, login)]), ["WW201"], "of a client that asks nothing");
    let text = SECRET.as_bytes();
    let mut instance = tds_session([1, 1], 9, &[]);
    instance[0].1 = tds(0x12, &tds_prelogin(1, text));
    let mut behind = tds_session([1, 1], 9, &[]);
    behind[1].1 = tds(4, &[&tds_prelogin(1, b"\0"), text].concat());
    let mut between = tds_session([1, 1], 9, &[]);
    between.insert(4, (Opener, tds(0x12, text)));
    for said in [instance, behind, between, tds_session([1, 1], 9, &[(Opener, tds(0x12, text))]), tds_session([1, 1], 9, &[(Other, batch)])]
    {
        assert!(broken(&said).contains(&"WW201".to_owned()), "{:?}", broken(&said));
    }
}

#[test]
fn nats_goes_on_to_tls_at_once() {
    let info = |field: &str| {
        format!("INFO {{\"server_id\":\"NDAB\",\"version\":\"2.10.7\",\"proto\":1,{field}\"max_payload\":1048576}} \r\n").into_bytes()
    };
    let required = info("\"tls_required\": true,");
    let with = |info: &[u8], more: &[u8]| {
        [vec![(Other, info.to_vec())], if more.is_empty() { tls() } else { vec![(Opener, more.to_vec())] }].concat()
    };
    assert_eq!(broken(&with(&required, b"")), NOTHING);
    assert_eq!(broken(&with(&info("\"tls_available\":true,"), b"")), NOTHING);
    let connect = b"CONNECT {\"verbose\":false,\"user\":\"agent\",\"pass\":\"hunter2\"}\r\nPING\r\n";
    assert_eq!(broken(&with(&required, connect)), ["WW201", "WW205"]);
    assert_eq!(broken(&with(&info(""), connect)), ["WW201"]);
    for greeting in [[required.clone(), SECRET.as_bytes().to_vec()].concat(), info(&format!("\"x\":\"{}\",", SECRET.repeat(80)))] {
        assert_ne!(broken(&with(&greeting, b"")), NOTHING);
    }
    let both: Said = vec![(Other, required), (Other, b"-ERR 'Secure Connection - TLS Required'\r\n".to_vec())];
    assert_eq!(broken(&both), ["WW201", "WW205"], "in the clear, and never asked");
}

#[test]
fn vnc_goes_on_to_tls_by_two_of_its_types() {
    let version = |of: &[u8]| [(Other, b"RFB 003.008\n".to_vec()), (Opener, of.to_vec())];
    let kinds = [&[4][..], &[0, 0, 1, 2], &[0, 0, 1, 4], &[0, 0, 1, 5], &[0, 0, 1, 6]].concat();
    let crypt = |kind: u16| -> Said {
        let [high, low] = kind.to_be_bytes();
        let said: [(Who, &[u8]); 8] = [
            (Other, &[2, 2, 19]),
            (Opener, &[19]),
            (Other, &[0, 2]),
            (Opener, &[0, 2]),
            (Other, &[0]),
            (Other, &kinds),
            (Opener, &[0, 0, high, low]),
            (Other, &[1]),
        ];
        version(b"RFB 003.008\n").into_iter().chain(said.into_iter().map(|(who, bytes)| (who, bytes.to_vec()))).collect()
    };
    let said = |version: [(Who, Vec<u8>); 2], more: &[Words<'_>]| -> Said {
        version.into_iter().chain(more.iter().map(|(who, bytes)| (*who, bytes.to_vec()))).collect()
    };
    for kind in [258, 260, 262] {
        assert_eq!(broken(&[crypt(kind), tls()].concat()), NOTHING, "VeNCrypt {kind}");
    }
    let vino = said(version(b"RFB 003.007\n"), &[(Other, &[1, 18]), (Opener, &[18])]);
    assert_eq!(broken(&[&vino[..], &tls()].concat()), NOTHING);
    assert_eq!(broken(&[vino, vec![(Opener, SECRET.as_bytes().to_vec())]].concat()), ["WW201"]);
    let words = [&[SECRET.len() as u8][..], SECRET.as_bytes()].concat();
    let in_types = said(version(b"RFB 003.008\n"), &[(Other, &words), (Opener, &[18])]);
    let mut in_kinds = crypt(258);
    in_kinds[7].1 = [&[12][..], &SECRET.as_bytes()[..48]].concat();
    for said in [in_types, in_kinds] {
        assert!(broken(&[said, tls()].concat()).contains(&"WW201".to_owned()));
    }
    let plain = crypt(256);
    assert_eq!(broken(&plain[..9]), ["WW201", "WW205"], "a password as it is");
    let challenge = said(version(b"RFB 003.008\n"), &[(Other, &[2, 2, 19]), (Opener, &[2]), (Other, &[0x5a; 16]), (Opener, &[0xa5; 16])]);
    assert_eq!(broken(&challenge), ["WW201", "WW205"]);
    assert_eq!(broken(&said(version(b"RFB 003.003\n"), &[(Other, &[0, 0, 0, 2]), (Other, &[0x5a; 16])])), ["WW201"]);
    assert_eq!(broken(&said(version(b"RFB 003.889\n"), &[(Other, &[1, 30]), (Opener, &[30])])), ["WW202?"], "Apple's own");
}

#[test]
fn rpc_goes_on_to_tls_by_a_call_of_nothing() {
    let words = |words: &[u32]| -> Vec<u8> { words.iter().flat_map(|word| word.to_be_bytes()).collect() };
    let call = |flavor: u32, procedure: u32| words(&[0x8000_0028, 7, 0, 2, 100_003, 4, procedure, flavor, 0, 0, 0]);
    let granted = [&words(&[0x8000_0020, 7, 1, 0, 0, 8])[..], b"STARTTLS", &[0; 4]].concat();
    assert_eq!(broken(&[vec![(Opener, call(7, 0)), (Other, granted.clone())], tls()].concat()), NOTHING);
    let refused = [(Opener, call(7, 0)), (Other, words(&[0x8000_0014, 7, 1, 1, 1, 1]))];
    assert_eq!(broken(&refused), NOTHING);
    let text = SECRET.as_bytes();
    for said in [
        [&refused[..], &[(Opener, call(1, 1))]].concat(),
        [&refused[..], &[(Other, text.to_vec())]].concat(),
        [
            vec![(Opener, [&words(&[0x8000_0028 + 52, 7, 0, 2, 100_003, 4, 0, 7, 52])[..], text, &[0; 11]].concat()), (Other, granted)],
            tls(),
        ]
        .concat(),
        vec![(Opener, call(1, 1))],
    ] {
        assert!(broken(&said).contains(&"WW201".to_owned()), "{:?}", broken(&said));
    }
}
