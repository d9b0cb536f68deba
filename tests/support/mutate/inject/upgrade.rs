//! Upgrades to TLS within a flow that are refused, stripped or abused, and proxies that are asked for what is not allowed.

use super::super::scene::{FOREIGN, Scene};
use crate::world::records;
use crate::world::tcp::Tcp;
use crate::world::tcp::Who::{self, Opener, Other};
use crate::world::tls::{Talk, Version};

const GREETING: &[u8] = b"220 mail.example ESMTP ready\r\n";
const OFFER: &[u8] = b"250-mail.example\r\n250-STARTTLS\r\n250 SIZE 1000000\r\n";
const MAIL: &[u8] = b"MAIL FROM:<agent@example>\r\n";

/// Plays SMTP up to the answer to STARTTLS.
fn up_to(scene: &mut Scene<'_>, asks: &[u8], answer: &[u8]) -> Option<(String, Tcp)> {
    let (target, mut tcp) = scene.reach()?;
    let said: [(Who, &[u8]); 5] = [(Other, GREETING), (Opener, b"EHLO agent\r\n"), (Other, OFFER), (Opener, asks), (Other, answer)];
    for (who, bytes) in said {
        scene.world.say(&mut tcp, who, bytes);
    }
    Some((target.name, tcp))
}

fn upgraded(scene: &mut Scene<'_>, asks: &[u8], answer: &[u8]) -> Option<()> {
    let (name, mut tcp) = up_to(scene, asks, answer)?;
    scene.world.talk(&mut tcp, &Talk::new(&name, Version::Tls13), 0);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn refused(scene: &mut Scene<'_>) -> Option<()> {
    let (_, mut tcp) = up_to(scene, b"STARTTLS\r\n", b"454 TLS not available\r\n")?;
    scene.world.say(&mut tcp, Opener, MAIL);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn never_asked(scene: &mut Scene<'_>) -> Option<()> {
    scene.plain(&[(Other, GREETING), (Opener, b"EHLO agent\r\n"), (Other, OFFER), (Opener, MAIL)])
}

/// What offers the upgrade was taken out on the way.
pub fn stripped(scene: &mut Scene<'_>) -> Option<()> {
    scene.plain(&[
        (Other, GREETING),
        (Opener, b"EHLO agent\r\n"),
        (Other, b"250-mail.example\r\n250-XXXXXXXA\r\n250 SIZE\r\n"),
        (Opener, MAIL),
    ])
}

pub fn injected_behind_command(scene: &mut Scene<'_>) -> Option<()> {
    upgraded(scene, b"STARTTLS\r\nRSET\r\n", b"220 go on\r\n")
}

pub fn injected_behind_answer(scene: &mut Scene<'_>) -> Option<()> {
    upgraded(scene, b"STARTTLS\r\n", b"220 go on\r\n250 OK\r\n")
}

pub fn text_after_agreement(scene: &mut Scene<'_>) -> Option<()> {
    let (_, mut tcp) = up_to(scene, b"STARTTLS\r\n", b"220 go on\r\n")?;
    scene.world.say(&mut tcp, Opener, MAIL);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn credentials_before(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let said: [(Who, &[u8]); 5] = [
        (Other, b"* OK IMAP4rev1 ready\r\n"),
        (Opener, b"a LOGIN agent secret\r\n"),
        (Other, b"a OK done\r\n"),
        (Opener, b"b STARTTLS\r\n"),
        (Other, b"b OK begin\r\n"),
    ];
    for (who, bytes) in said {
        scene.world.say(&mut tcp, who, bytes);
    }
    scene.world.talk(&mut tcp, &Talk::new(&target.name, Version::Tls13), 0);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn foreign_name(scene: &mut Scene<'_>) -> Option<()> {
    scene.bound_target()?;
    let (_, mut tcp) = up_to(scene, b"STARTTLS\r\n", b"220 go on\r\n")?;
    scene.world.talk(&mut tcp, &Talk::new(FOREIGN, Version::Tls13), 0);
    scene.world.close(&mut tcp);
    let is_free = !scene.base.policy.private.is_none();
    (!is_free).then_some(())
}

pub fn old_tls(scene: &mut Scene<'_>) -> Option<()> {
    let (name, mut tcp) = up_to(scene, b"STARTTLS\r\n", b"220 go on\r\n")?;
    scene.world.flights(&mut tcp, &records::session(0x0301, 0x002f, &name), 0);
    scene.world.close(&mut tcp);
    Some(())
}

/// The capture ends, or the flow falls silent, before anything was asked.
pub fn greeting_alone(scene: &mut Scene<'_>) -> Option<()> {
    let (_, mut tcp) = scene.reach()?;
    scene.world.say(&mut tcp, Other, GREETING);
    scene.world.say(&mut tcp, Opener, b"EHLO agent\r\n");
    Some(())
}

pub fn postgresql_refused(scene: &mut Scene<'_>) -> Option<()> {
    scene.plain(&[
        (Opener, b"\0\0\0\x08\x04\xd2\x16\x2f"),
        (Other, b"N"),
        (Opener, b"\0\0\0\x13\0\x03\0\0user\0agent\0\0"),
        (Other, b"R\0\0\0\x08\0\0\0\x03"),
        (Opener, b"p\0\0\0\x0bsecret\0"),
    ])
}

pub fn mysql_in_the_clear(scene: &mut Scene<'_>) -> Option<()> {
    let version =
        [&b"\x0a8.0.33\0\x08\0\0\0saltsalt\0\xff\xff\xff\x02\0\xff\xdf\x15"[..], &[0; 10], b"saltsaltsalt\0mysql_native_password\0"]
            .concat();
    let greeting = [&[version.len() as u8, 0, 0, 0][..], &version].concat();
    let body = [&b"\x85\xa6\xff\x01\0\0\0\x01\xff"[..], &[0; 23], b"agent\0\x00"].concat();
    let response = [&[body.len() as u8, 0, 0, 1][..], &body].concat();
    scene.plain(&[(Other, &greeting), (Opener, &response)])
}

pub fn rdp_in_the_clear(scene: &mut Scene<'_>) -> Option<()> {
    scene.plain(&[
        (Opener, b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0"),
        (Other, b"\x03\0\0\x0b\x06\xd0\0\0\x12\x34\0"),
        (Opener, b"\x03\0\0\x0c\x02\xf0\x80\x7f\x65\x82\x01\x94"),
    ])
}

fn socks(scene: &mut Scene<'_>, asked: &[u8], port: u16, inner: Option<&str>) -> Option<()> {
    let (_, mut tcp) = scene.reach()?;
    let request = [&[5, 1, 0][..], asked, &port.to_be_bytes()].concat();
    let said: [(Who, &[u8]); 4] = [(Opener, &[5, 1, 0]), (Other, &[5, 0]), (Opener, &request), (Other, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])];
    for (who, bytes) in said {
        scene.world.say(&mut tcp, who, bytes);
    }
    let unnamed = scene.stranger().to_string();
    scene.world.talk(&mut tcp, &Talk::new(inner.unwrap_or(&unnamed), Version::Tls13), 0);
    scene.world.close(&mut tcp);
    Some(())
}

fn host(name: &str) -> Vec<u8> {
    [&[3, name.len() as u8][..], name.as_bytes()].concat()
}

pub fn foreign_of_socks(scene: &mut Scene<'_>) -> Option<()> {
    socks(scene, &host(FOREIGN), 443, Some(FOREIGN))
}

pub fn foreign_address_of_socks(scene: &mut Scene<'_>) -> Option<()> {
    socks(scene, &[1, 192, 0, 2, 66], 443, None)
}

pub fn foreign_inside_socks(scene: &mut Scene<'_>) -> Option<()> {
    let allowed = scene.bound_target()?;
    socks(scene, &host(&allowed.name), allowed.port, Some(FOREIGN))
}

pub fn port_of_socks(scene: &mut Scene<'_>) -> Option<()> {
    let allowed = scene.bound_target()?.name;
    socks(scene, &host(&allowed), 8531, Some(&allowed))
}

/// Each of the names is allowed, and they are not the same.
pub fn another_inside_socks(scene: &mut Scene<'_>) -> Option<()> {
    let (one, other) = two_names(scene)?;
    socks(scene, &host(&one), 443, Some(&other))
}

fn two_names(scene: &mut Scene<'_>) -> Option<(String, String)> {
    let bound = scene.base.targets.iter().filter(|target| !target.is_free && target.port == 443);
    let names: Vec<&String> = bound.map(|target| &target.name).collect();
    let (first, last) = (names.first()?, names.last()?);
    (first != last).then(|| ((*first).clone(), (*last).clone()))
}

pub fn foreign_of_socks_4(scene: &mut Scene<'_>) -> Option<()> {
    let (_, mut tcp) = scene.reach()?;
    let request = [&[4, 1, 1, 187, 0, 0, 0, 1][..], b"agent\0", FOREIGN.as_bytes(), b"\0"].concat();
    scene.world.say(&mut tcp, Opener, &request);
    scene.world.say(&mut tcp, Other, &[0, 90, 0, 0, 0, 0, 0, 0]);
    scene.world.talk(&mut tcp, &Talk::new(FOREIGN, Version::Tls12), 0);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn socks_credentials(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let request = [&[5, 1, 0][..], &host(&target.name), &target.port.to_be_bytes()].concat();
    let said: [(Who, &[u8]); 6] = [
        (Opener, &[5, 2, 0, 2]),
        (Other, &[5, 2]),
        (Opener, b"\x01\x05agent\x06secret"),
        (Other, &[1, 0]),
        (Opener, &request),
        (Other, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    ];
    for (who, bytes) in said {
        scene.world.say(&mut tcp, who, bytes);
    }
    scene.world.talk(&mut tcp, &Talk::new(&target.name, Version::Tls13), 0);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn text_in_socks(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let request = [&[5, 1, 0][..], &host(&target.name), &target.port.to_be_bytes()].concat();
    let said: [(Who, &[u8]); 5] = [
        (Opener, &[5, 1, 0]),
        (Other, &[5, 0]),
        (Opener, &request),
        (Other, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
        (Opener, b"user=admin; secret=hunter2; these words can be read by anybody who stands on the way\n"),
    ];
    for (who, bytes) in said {
        scene.world.say(&mut tcp, who, bytes);
    }
    scene.world.close(&mut tcp);
    Some(())
}

pub fn text_behind_proxy_header(scene: &mut Scene<'_>) -> Option<()> {
    scene.plain(&[(
        Opener,
        b"PROXY TCP4 192.0.2.1 192.0.2.2 4000 443\r\nuser=admin; these words can be read by anybody who stands on the way\n",
    )])
}

pub fn foreign_behind_proxy_header(scene: &mut Scene<'_>) -> Option<()> {
    let _ = scene.bound_target()?;
    let (_, mut tcp) = scene.reach()?;
    let header = [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[0x21, 0x11, 0, 12], &[192, 0, 2, 1, 192, 0, 2, 2, 0x10, 0, 1, 187]].concat();
    scene.world.say(&mut tcp, Opener, &header);
    scene.world.talk(&mut tcp, &Talk::new(FOREIGN, Version::Tls13), 0);
    scene.world.close(&mut tcp);
    scene.base.policy.private.is_none().then_some(())
}

/// A request that the proxy grants, which is not to be connected to somebody (RFC 1928 section 4).
pub fn bind_of_socks(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let request = [&[5, 2, 0][..], &host(&target.name), &target.port.to_be_bytes()].concat();
    let said: [(Who, &[u8]); 4] = [(Opener, &[5, 1, 0]), (Other, &[5, 0]), (Opener, &request), (Other, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])];
    for (who, bytes) in said {
        scene.world.say(&mut tcp, who, bytes);
    }
    scene.world.talk(&mut tcp, &Talk::new(&target.name, Version::Tls13), 0);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn text_for_a_request_of_socks(scene: &mut Scene<'_>) -> Option<()> {
    scene.plain(&[(Opener, &[5, 1, 0]), (Other, &[5, 0]), (Opener, b"these words are no request at all, and anybody can read them\n")])
}

/// A line without end is no command.
pub fn endless_line(scene: &mut Scene<'_>) -> Option<()> {
    let line = [&b"EHLO "[..], &b"secret.hunter2.".repeat(900)].concat();
    let (_, mut tcp) = scene.reach()?;
    scene.world.say(&mut tcp, Other, GREETING);
    scene.world.say(&mut tcp, Opener, &line);
    Some(())
}

/// Commands that lead to TLS, over and over, each with something in it.
pub fn long_prologue(scene: &mut Scene<'_>) -> Option<()> {
    let commands = b"EHLO secret.hunter2.example\r\n".repeat(900);
    upgraded(scene, &[&commands[..], b"STARTTLS\r\n"].concat(), b"220 go on\r\n")
}

/// The opener's last line has no end.
pub fn unended_line(scene: &mut Scene<'_>) -> Option<()> {
    let (_, mut tcp) = up_to(scene, b"STARTTLS\r\n", b"454 TLS not available\r\n")?;
    scene.world.say(&mut tcp, Opener, b"secret=hunter2");
    scene.world.close(&mut tcp);
    Some(())
}

/// A hello behind STARTTLS that nobody answers.
pub fn hello_without_answer(scene: &mut Scene<'_>) -> Option<()> {
    let (name, mut tcp) = up_to(scene, b"STARTTLS\r\n", b"")?;
    scene.world.say(&mut tcp, Opener, &records::client_hello(0x0303, 0xc02f, &[records::server_name(&name)]));
    scene.world.close(&mut tcp);
    Some(())
}

/// The proxy is asked for a foreign name, and an allowed one is asked for inside.
pub fn foreign_around_allowed(scene: &mut Scene<'_>) -> Option<()> {
    let allowed = scene.bound_target()?.name;
    socks(scene, &host(FOREIGN), 443, Some(&allowed))
}

/// A proxy under a foreign name is asked for by way of another, and is itself asked for an allowed name.
pub fn foreign_proxy_by_another(scene: &mut Scene<'_>) -> Option<()> {
    let allowed = scene.bound_target()?;
    let (_, mut tcp) = scene.reach()?;
    for (name, port) in [(FOREIGN, 1080), (&allowed.name, allowed.port)] {
        let request = [&[5, 1, 0][..], &host(name), &port.to_be_bytes()].concat();
        let said: [(Who, &[u8]); 4] =
            [(Opener, &[5, 1, 0]), (Other, &[5, 0]), (Opener, &request), (Other, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])];
        for (who, bytes) in said {
            scene.world.say(&mut tcp, who, bytes);
        }
    }
    scene.world.talk(&mut tcp, &Talk::new(&allowed.name, Version::Tls13), 0);
    scene.world.close(&mut tcp);
    Some(())
}

/// A proxy is asked for an allowed name, behind which an encrypted hello hides another, perhaps.
pub fn hidden_inside_socks(scene: &mut Scene<'_>) -> Option<()> {
    let allowed = scene.bound_target()?;
    let (_, mut tcp) = scene.reach()?;
    let request = [&[5, 1, 0][..], &host(&allowed.name), &allowed.port.to_be_bytes()].concat();
    let said: [(Who, &[u8]); 4] = [(Opener, &[5, 1, 0]), (Other, &[5, 0]), (Opener, &request), (Other, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])];
    for (who, bytes) in said {
        scene.world.say(&mut tcp, who, bytes);
    }
    scene.world.flights(&mut tcp, &crate::world::records::session_with_ech(&allowed.name, 42), 0);
    scene.world.close(&mut tcp);
    Some(())
}

/// Mail in the clear is permitted there, and nothing that is slipped in behind STARTTLS.
pub fn injected_where_permitted(scene: &mut Scene<'_>) -> Option<()> {
    scene.amend("[[allow]]\nnames = [\"*.allowed.example\"]\nports = [443]\nplaintext = [\"smtp\"]\n")?;
    injected_behind_command(scene)
}

/// Both ends are done before anybody asked for TLS.
pub fn ended_unasked(scene: &mut Scene<'_>) -> Option<()> {
    scene.plain(&[(Other, GREETING), (Opener, b"EHLO agent\r\n"), (Other, OFFER), (Opener, b"QUIT\r\n"), (Other, b"221 bye\r\n")])
}

/// The line of a proxy's header is longer than any.
pub fn long_proxy_header(scene: &mut Scene<'_>) -> Option<()> {
    scene.plain(&[(Opener, &[&b"PROXY TCP4 "[..], &b"hunter2 ".repeat(20), b"\r\n"].concat())])
}

/// Bytes behind a request to a proxy, which closes without an answer.
pub fn ahead_of_no_answer(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let (name, port, noise) = (&target.name, target.port, scene.random.noise(90));
    scene.world.say(&mut tcp, Opener, format!("CONNECT {name}:{port} HTTP/1.1\r\nHost: {name}:{port}\r\n\r\n").as_bytes());
    scene.world.say(&mut tcp, Opener, &noise);
    scene.world.close(&mut tcp);
    Some(())
}

const WORDS: &[u8] = b"user=admin password=hunter2 is carried out of here";

/// What is said by each in turn, and then TLS.
fn then_tls(scene: &mut Scene<'_>, said: &[(Who, &[u8])]) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    for (who, bytes) in said {
        scene.world.say(&mut tcp, *who, bytes);
    }
    scene.world.talk(&mut tcp, &Talk::new(&target.name, Version::Tls13), 0);
    scene.world.close(&mut tcp);
    Some(())
}

/// Words where a client says who it is.
pub fn words_for_a_name(scene: &mut Scene<'_>) -> Option<()> {
    let greets = [b"EHLO ", WORDS, b"\r\n"].concat();
    then_tls(scene, &[(Other, GREETING), (Opener, &greets), (Other, OFFER), (Opener, b"STARTTLS\r\n"), (Other, b"220 go on\r\n")])
}

/// Words behind the command that asks for TLS, in its line.
pub fn words_with_the_question(scene: &mut Scene<'_>) -> Option<()> {
    let asks = [b"STARTTLS ", WORDS, b"\r\n"].concat();
    upgraded(scene, &asks, b"220 go on\r\n")
}

/// A line of a server that is no answer.
pub fn words_for_an_answer(scene: &mut Scene<'_>) -> Option<()> {
    let answer = [OFFER, WORDS, b"\r\n"].concat();
    then_tls(scene, &[(Other, GREETING), (Opener, b"EHLO a\r\n"), (Other, &answer), (Opener, b"STARTTLS\r\n"), (Other, b"220 go on\r\n")])
}

/// A server refuses, and goes on.
pub fn words_behind_a_refusal(scene: &mut Scene<'_>) -> Option<()> {
    scene.plain(&[(Opener, b"\0\0\0\x08\x04\xd2\x16\x2f"), (Other, b"N"), (Other, WORDS)])
}

/// Words in the client's name of itself, ahead of STARTTLS in IMAP.
pub fn words_for_an_id(scene: &mut Scene<'_>) -> Option<()> {
    let id = [b"a ID (\"name\" \"", WORDS, b"\")\r\n"].concat();
    then_tls(
        scene,
        &[(Other, b"* OK ready\r\n"), (Opener, &id), (Other, b"a OK done\r\n"), (Opener, b"b STARTTLS\r\n"), (Other, b"b OK go\r\n")],
    )
}

/// Words in an attribute of an XML stream.
pub fn words_in_an_attribute(scene: &mut Scene<'_>) -> Option<()> {
    let stream = [b"<stream:stream to='", WORDS, b"' xmlns='jabber:client' xmlns:stream='x' version='1.0'>"].concat();
    let features = b"<stream:stream id='1' xmlns:stream='x'><stream:features><starttls xmlns='urn:x'/></stream:features>";
    then_tls(scene, &[(Opener, &stream), (Other, features), (Opener, b"<starttls xmlns='urn:x'/>"), (Other, b"<proceed xmlns='urn:x'/>")])
}

/// Words as the value of an extended request that has none.
pub fn words_in_start_tls(scene: &mut Scene<'_>) -> Option<()> {
    let content = [&b"\x80\x161.3.6.1.4.1.1466.20037\x81"[..], &[WORDS.len() as u8], WORDS].concat();
    let message = [&[0x30, content.len() as u8 + 5, 2, 1, 1, 0x77, content.len() as u8][..], &content].concat();
    then_tls(scene, &[(Opener, &message), (Other, b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00")])
}

/// Words in the cookie of RDP, which names a user.
pub fn words_in_a_cookie(scene: &mut Scene<'_>) -> Option<()> {
    let variable = [b"Cookie: mstshash=", WORDS, b"\r\n\x01\0\x08\0\x03\0\0\0"].concat();
    let length = variable.len() as u8;
    let request = [&[3, 0, 0, length + 11, length + 6, 0xe0, 0, 0, 0, 0, 0][..], &variable].concat();
    then_tls(scene, &[(Opener, &request), (Other, b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\0\x08\0\x02\0\0\0")])
}

/// Words in the banner of ADB.
pub fn words_in_a_banner(scene: &mut Scene<'_>) -> Option<()> {
    const ASKS: &[u8] = b"STLS\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\xac\xab\xb3\xac";
    let payload = [b"host::", WORDS].concat();
    let head = [&b"CNXN\x01\0\0\x01\0\0\x10\0"[..], &(payload.len() as u32).to_le_bytes(), &[0; 4], b"\xbc\xb1\xa7\xb1"].concat();
    then_tls(scene, &[(Opener, &[head, payload].concat()), (Other, ASKS), (Opener, ASKS)])
}

/// Words in a field of a proxy's header that nobody knows.
pub fn words_in_a_proxy_header(scene: &mut Scene<'_>) -> Option<()> {
    let addresses = [192, 0, 2, 1, 192, 0, 2, 2, 0x10, 0, 1, 187];
    let length = (addresses.len() + 3 + WORDS.len()) as u16;
    let start = [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11"[..], &length.to_be_bytes(), &addresses].concat();
    then_tls(scene, &[(Opener, &[&start, &[0xe5, 0, WORDS.len() as u8][..], WORDS].concat())])
}

/// Words in fields of a request to connect.
pub fn words_in_a_request_to_connect(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let fields = [b"X-Data: ", WORDS, b"\r\n"].concat().repeat(100);
    let asks = format!("CONNECT {}:{} HTTP/1.1\r\n", target.name, target.port);
    scene.world.say(&mut tcp, Opener, &[asks.as_bytes(), &fields, b"\r\n"].concat());
    scene.world.say(&mut tcp, Other, b"HTTP/1.1 200 Connection established\r\n\r\n");
    scene.world.talk(&mut tcp, &Talk::new(&target.name, Version::Tls13), 0);
    scene.world.close(&mut tcp);
    Some(())
}

/// Words for the user of SOCKS 4.
pub fn words_for_a_user_of_socks(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let request = [&[4, 1][..], &target.port.to_be_bytes(), &[0, 0, 0, 1], WORDS, b"\0", target.name.as_bytes(), b"\0"].concat();
    scene.world.say(&mut tcp, Opener, &request);
    scene.world.say(&mut tcp, Other, &[0, 90, 0, 0, 0, 0, 0, 0]);
    scene.world.talk(&mut tcp, &Talk::new(&target.name, Version::Tls13), 0);
    scene.world.close(&mut tcp);
    Some(())
}

/// The beginning of a request to a proxy, which never ends.
pub fn half_a_request_of_socks(scene: &mut Scene<'_>) -> Option<()> {
    scene.plain(&[(Opener, &[5, 1, 0]), (Other, &[5, 0]), (Opener, &[&[5, 1, 0, 3, 200][..], WORDS].concat())])
}

/// A command in the clear behind the setup of a session, in one message with it, and then all is encrypted.
pub fn words_behind_a_setup_of_smb(scene: &mut Scene<'_>) -> Option<()> {
    let header =
        |command: u8, next: u8| [&b"\xfeSMB\x40\0\0\0\0\0\0\0"[..], &[command, 0, 1, 0, 0, 0, 0, 0, next, 0, 0, 0], &[0; 40]].concat();
    let framed = |message: &[u8]| [&(message.len() as u32).to_be_bytes()[..], message].concat();
    let negotiation = framed(&[&header(0, 0)[..], &[36; 40]].concat());
    let setup =
        [&header(1, 112)[..], &[25, 0, 0, 2], &[0; 8], &[88, 0, 16, 0], &[0; 8], b"NTLMSSP\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"].concat();
    let compound = framed(&[&setup, &header(9, 0)[..], WORDS].concat());
    let sealed = framed(&[&b"\xfdSMB"[..], &[0x9d; 32], &[104, 0, 0, 0, 0, 0, 1, 0], &[7; 8], &[0xa9; 104]].concat());
    scene.plain(&[(Opener, &negotiation), (Other, &negotiation), (Opener, &compound), (Opener, &sealed), (Other, &sealed)])
}

/// SQL Server whose login alone is encrypted: a batch follows in the clear.
pub fn tds_for_the_login(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let packet = |kind: u8, payload: &[u8]| [&[kind, 1][..], &((payload.len() + 8) as u16).to_be_bytes(), &[0, 0, 1, 0], payload].concat();
    let options = [0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 16, 0, 0x10, 0x5e, 0, 0, 0];
    scene.world.say(&mut tcp, Opener, &packet(0x12, &options));
    scene.world.say(&mut tcp, Other, &packet(4, &options));
    let session = crate::world::tls_session(&target.name, Version::Tls12, 200, 200);
    for (n, (who, flight)) in session.iter().take(5).enumerate() {
        scene.world.say(&mut tcp, *who, &if n < 4 { packet(0x12, flight) } else { flight.clone() });
    }
    scene.world.say(&mut tcp, Opener, &packet(1, b"s\0e\0l\0e\0c\0t\0 \x001\0"));
    scene.world.close(&mut tcp);
    Some(())
}
