//! Something can be read on the way, or nobody can say that it cannot.

use std::net::IpAddr;

use wirewitness::judge::Verdict;

use super::super::edit;
use super::super::scene::{Expected, Scene};
use crate::world::SECOND;
use crate::world::packets::{ACK, FIN, PSH, RST, SYN, echo};
use crate::world::records::{self, client_hello, cut_records, sealed, server_name};
use crate::world::scenes::ntp;
use crate::world::tcp::Tcp;
use crate::world::tcp::Who::{self, Opener, Other};
use crate::world::tls::{self, Flight, Talk, Version};

const REQUEST: &[u8] = b"GET /report?host=agent HTTP/1.1\r\nHost: collector\r\nUser-Agent: tool\r\n\r\n";
const TEXT: &[u8] = b"user=admin; secret=hunter2; these words can be read by anybody who stands on the way\n";

pub fn http(scene: &mut Scene<'_>) -> Option<()> {
    scene.plain(&[(Opener, REQUEST), (Other, b"HTTP/1.1 204 No Content\r\n\r\n")])
}

pub fn http_in_bytes(scene: &mut Scene<'_>) -> Option<()> {
    let (_, mut tcp) = scene.reach()?;
    tcp.segment = 1;
    scene.world.say(&mut tcp, Opener, REQUEST);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn http_out_of_order(scene: &mut Scene<'_>) -> Option<()> {
    let (_, mut tcp) = scene.reach()?;
    tcp.segment = 20;
    let before = scene.world.frames.len();
    scene.world.say(&mut tcp, Opener, REQUEST);
    let frames = &mut scene.world.frames[before..before + 3];
    let times: Vec<i64> = frames.iter().map(|frame| frame.at).collect();
    frames.reverse();
    frames.iter_mut().zip(times).for_each(|(frame, at)| frame.at = at);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn http2(scene: &mut Scene<'_>) -> Option<()> {
    scene.plain(&[(Opener, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")])
}

pub fn smtp(scene: &mut Scene<'_>) -> Option<()> {
    scene.plain(&[
        (Other, b"220 mail.example ESMTP ready\r\n"),
        (Opener, b"EHLO agent\r\n"),
        (Other, b"250 mail.example\r\n"),
        (Opener, b"MAIL FROM:<agent@example>\r\n"),
    ])
}

pub fn imap(scene: &mut Scene<'_>) -> Option<()> {
    scene.plain(&[(Other, b"* OK IMAP4rev1 ready\r\n"), (Opener, b"a1 LOGIN agent secret\r\n"), (Other, b"a1 OK done\r\n")])
}

pub fn pop3(scene: &mut Scene<'_>) -> Option<()> {
    scene.plain(&[(Other, b"+OK POP3 ready\r\n"), (Opener, b"USER agent\r\n"), (Other, b"+OK\r\n"), (Opener, b"PASS secret\r\n")])
}

pub fn ftp(scene: &mut Scene<'_>) -> Option<()> {
    scene.plain(&[(Other, b"220 (vsFTPd 3.0.3)\r\n"), (Opener, b"USER anonymous\r\n"), (Other, b"331 Please specify the password.\r\n")])
}

pub fn telnet(scene: &mut Scene<'_>) -> Option<()> {
    scene.plain(&[(Other, &[255, 253, 24, 255, 253, 32, 255, 253, 35]), (Opener, &[255, 251, 24, 255, 252, 32]), (Other, b"\r\nlogin: ")])
}

pub fn ldap(scene: &mut Scene<'_>) -> Option<()> {
    scene.plain(&[
        (Opener, &[0x30, 12, 2, 1, 1, 0x60, 7, 2, 1, 3, 4, 0, 0x80, 0]),
        (Other, &[0x30, 12, 2, 1, 1, 0x61, 7, 10, 1, 0, 4, 0, 4, 0]),
    ])
}

pub fn syslog_tcp(scene: &mut Scene<'_>) -> Option<()> {
    scene.plain(&[(Opener, b"<13>1 2026-11-24T00:00:00Z agent app 1 - - a message that anybody can read\n")])
}

pub fn syslog_udp(scene: &mut Scene<'_>) -> Option<()> {
    let target = scene.target()?;
    scene.look_up(&target);
    let from = (target.agent, scene.world.port());
    scene.world.udp(from, (target.peer, target.port), b"<13>Nov 24 00:00:00 agent app: a message that anybody can read");
    Some(())
}

pub fn radius(scene: &mut Scene<'_>) -> Option<()> {
    let target = scene.target()?;
    scene.look_up(&target);
    let from = (target.agent, scene.world.port());
    let request = [&[1, 7, 0, 27][..], &[0x9d; 16], b"\x01\x07agent"].concat();
    scene.world.udp(from, (target.peer, target.port), &request);
    Some(())
}

pub fn text(scene: &mut Scene<'_>) -> Option<()> {
    scene.plain(&[(Opener, TEXT)])
}

pub fn text_from_responder(scene: &mut Scene<'_>) -> Option<()> {
    scene.plain(&[(Other, TEXT)])
}

pub fn text_before_tls(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    scene.world.say(&mut tcp, Opener, TEXT);
    scene.world.talk(&mut tcp, &Talk::new(&target.name, Version::Tls13), 0);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn after_tls(scene: &mut Scene<'_>, version: Version, who: Who, said: &[u8], segment: usize) -> Option<()> {
    let mut tcp = scene.reach_tls(version)?;
    tcp.segment = segment;
    scene.world.say(&mut tcp, who, said);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn text_after_tls(scene: &mut Scene<'_>) -> Option<()> {
    after_tls(scene, Version::Tls13, Opener, TEXT, 1400)
}

pub fn text_after_tls_responder(scene: &mut Scene<'_>) -> Option<()> {
    after_tls(scene, Version::Tls13, Other, TEXT, 1400)
}

pub fn text_after_tls12(scene: &mut Scene<'_>) -> Option<()> {
    after_tls(scene, Version::Tls12, Opener, TEXT, 30)
}

pub fn text_after_tls_in_bytes(scene: &mut Scene<'_>) -> Option<()> {
    after_tls(scene, Version::Tls13, Opener, TEXT, 1)
}

pub fn text_after_close(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    scene.world.talk(&mut tcp, &Talk::new(&target.name, Version::Tls12), 0);
    scene.world.say(&mut tcp, Opener, TEXT);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn text_in_long_lived(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let said = tls::session(&Talk { beats: 5, ..Talk::new(&target.name, Version::Tls13) });
    let (live, farewell) = said.split_at(said.len() - 4);
    scene.world.flights(&mut tcp, live, 40 * SECOND);
    scene.world.say(&mut tcp, Other, TEXT);
    scene.world.flights(&mut tcp, farewell, 40 * SECOND);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn text_in_own_flow(scene: &mut Scene<'_>) -> Option<()> {
    edit::into_own_flow(scene, TEXT, false)
}

pub fn text_at_end_of_own_flow(scene: &mut Scene<'_>) -> Option<()> {
    edit::into_own_flow(scene, TEXT, true)
}

pub fn noise_in_own_flow(scene: &mut Scene<'_>) -> Option<()> {
    let noise = scene.random.noise(90);
    edit::into_own_flow(scene, &noise, false)
}

/// A reset that the receiver does not believe ends nothing.
pub fn text_after_reset(scene: &mut Scene<'_>) -> Option<()> {
    let mut tcp = scene.reach_tls(Version::Tls13)?;
    let mut forged = tcp.clone();
    forged.seq[1] = forged.seq[1].wrapping_add(0x4000_0000);
    scene.world.reset(&forged, Other);
    scene.world.say(&mut tcp, Opener, TEXT);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn proxy_credentials(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let (name, port) = (&target.name, target.port);
    let asked = format!("CONNECT {name}:{port} HTTP/1.1\r\nHost: {name}:{port}\r\nProxy-Authorization: Basic YWdlbnQ6c2VjcmV0\r\n\r\n");
    scene.world.say(&mut tcp, Opener, asked.as_bytes());
    scene.world.say(&mut tcp, Other, b"HTTP/1.1 200 Connection established\r\n\r\n");
    scene.world.talk(&mut tcp, &Talk::new(name, Version::Tls13), 0);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn text_between_agents(scene: &mut Scene<'_>) -> Option<()> {
    let own: Vec<_> = scene.base.ips.iter().filter(|ip| ip.is_ipv6() == scene.v6).copied().collect();
    let [one, other, ..] = own[..] else { return None };
    let mut tcp = scene.world.connect(one, (other, 9000));
    scene.world.say(&mut tcp, Opener, TEXT);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn noise(scene: &mut Scene<'_>) -> Option<()> {
    let noise = scene.random.noise(600);
    scene.plain(&[(Opener, &noise), (Other, &noise)])
}

pub fn few_bytes(scene: &mut Scene<'_>) -> Option<()> {
    scene.plain(&[(Opener, &[1, 2, 3])])
}

pub fn noise_after_tls(scene: &mut Scene<'_>) -> Option<()> {
    let noise = scene.random.noise(90);
    after_tls(scene, Version::Tls13, Opener, &noise, 1400)
}

pub fn noise_in_datagrams(scene: &mut Scene<'_>) -> Option<()> {
    let target = scene.target()?;
    scene.look_up(&target);
    let (from, to) = ((target.agent, scene.world.port()), (target.peer, target.port));
    for _ in 0..3 {
        let noise = scene.random.noise(700);
        scene.world.udp(from, to, &noise);
        scene.world.udp(to, from, &noise);
    }
    Some(())
}

pub fn echo_channel(scene: &mut Scene<'_>) -> Option<()> {
    let target = scene.target()?;
    scene.look_up(&target);
    let noise = scene.random.noise(900);
    scene.world.push(echo(target.agent, target.peer, true, 5, 1, &noise));
    scene.world.push(echo(target.peer, target.agent, false, 5, 1, &noise));
    Some(())
}

pub fn reply_channel(scene: &mut Scene<'_>) -> Option<()> {
    let target = scene.target()?;
    scene.look_up(&target);
    let noise = scene.random.noise(900);
    scene.world.push(echo(target.agent, target.peer, true, 5, 1, &[9; 32]));
    scene.world.push(echo(target.peer, target.agent, false, 5, 1, &noise));
    Some(())
}

const CBC: u16 = 0x002f;

pub fn tls11(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| records::session(0x0302, CBC, name))
}

pub fn tls10(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| records::session(0x0301, CBC, name))
}

pub fn tls10_in_records(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| {
        let mut said = records::session(0x0301, CBC, name);
        // the two flights that are in the clear to their end
        for (_, bytes, _) in &mut said[..2] {
            *bytes = cut_records(bytes, 7);
        }
        said
    })
}

pub fn tls10_in_segments(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    tcp.segment = 3;
    scene.world.flights(&mut tcp, &records::session(0x0301, CBC, &target.name), 0);
    scene.world.close(&mut tcp);
    Some(())
}

/// An abbreviated handshake: the responder's ServerHello, and its Finished at once. Both hellos are shaped.
pub fn resumed(version: u16, suite: u16, name: &str, shape: fn(&[u8]) -> Vec<u8>) -> Vec<Flight> {
    let said = records::session(version, suite, name);
    let hello_length = 5 + usize::from(u16::from_be_bytes([said[1].1[3], said[1].1[4]]));
    let sealed = said[3].1.clone();
    let hello = [&shape(&said[1].1[..hello_length])[..], &sealed].concat();
    vec![(Opener, shape(&said[0].1), false), (Other, hello, false), (Opener, sealed, false), said[4].clone(), said[5].clone()]
}

pub fn tls10_resumed(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| resumed(0x0301, CBC, name, records::with_session))
}

pub fn ssl3(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| records::session(0x0300, CBC, name))
}

pub fn null_suite(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| records::session(0x0303, 0x003b, name))
}

pub fn integrity_only(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| records::session(0x0304, 0xc0b4, name))
}

pub fn anonymous(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| records::session(0x0303, 0x0034, name))
}

pub fn export(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| records::session(0x0303, 0x0008, name))
}

pub fn rc4(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| records::session(0x0303, 0x0005, name))
}

pub fn des3(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| records::session(0x0303, 0x000a, name))
}

pub fn hello_alone(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    scene.world.say(&mut tcp, Opener, &client_hello(0x0303, CBC, &[server_name(&target.name)]));
    Some(())
}

pub fn hellos_alone(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let said = records::session(0x0303, CBC, &target.name);
    scene.world.flights(&mut tcp, &said[..2], 0);
    Some(())
}

/// Application data where the Finished should be is no proof; in TLS 1.2 it is not even due.
pub fn unfinished_with_data(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let said = records::session(0x0304, 0x1301, &target.name);
    scene.world.flights(&mut tcp, &said[..1], 0);
    for _ in 0..3 {
        scene.world.say(&mut tcp, Opener, &sealed(300));
    }
    scene.world.segment(&tcp, Opener, ACK | PSH, &[]);
    scene.expected = Some(Expected { verdict: Verdict::Inconclusive, rules: &["WW206"], also: &["WW904"] });
    Some(())
}

pub fn text_on_syn(scene: &mut Scene<'_>) -> Option<()> {
    let target = scene.target()?;
    scene.look_up(&target);
    let (agent, peer) = ((target.agent, scene.world.port()), (target.peer, target.port));
    scene.world.raw_segment(agent, peer, 1000, 0, SYN, TEXT);
    scene.world.raw_segment(peer, agent, 90_000, 1001 + TEXT.len() as u32, SYN | ACK, &[]);
    Some(())
}

pub fn text_after_fin(scene: &mut Scene<'_>) -> Option<()> {
    let mut tcp = scene.reach_tls(Version::Tls13)?;
    scene.world.close(&mut tcp);
    scene.world.say(&mut tcp, Opener, TEXT);
    Some(())
}

/// In the place of what was said before, when nobody holds that any more.
pub fn text_long_after_fin(scene: &mut Scene<'_>) -> Option<()> {
    let mut tcp = scene.reach_tls(Version::Tls13)?;
    let before = tcp.clone();
    scene.world.say(&mut tcp, Opener, &sealed(1000));
    scene.world.close(&mut tcp);
    scene.world.wait(30 * SECOND);
    scene.world.segment(&before, Opener, ACK, TEXT);
    Some(())
}

pub fn text_in_place_of_fin(scene: &mut Scene<'_>) -> Option<()> {
    let tcp = scene.reach_tls(Version::Tls13)?;
    scene.world.segment(&tcp, Opener, FIN | ACK, &[]);
    scene.world.segment(&tcp, Opener, ACK, TEXT);
    Some(())
}

pub fn text_in_reset(scene: &mut Scene<'_>) -> Option<()> {
    let tcp = scene.reach_tls(Version::Tls13)?;
    scene.world.segment(&tcp, Opener, RST | ACK, TEXT);
    Some(())
}

/// A second connection between the ports of one that has ended.
pub fn text_on_old_ports(scene: &mut Scene<'_>) -> Option<()> {
    let mut tcp = scene.reach_tls(Version::Tls12)?;
    scene.world.close(&mut tcp);
    scene.world.first = [77_000, 88_000];
    let mut tcp = scene.world.dial(tcp.opener, tcp.other);
    scene.world.say(&mut tcp, Opener, TEXT);
    scene.world.close(&mut tcp);
    Some(())
}

/// The same, and it asks for a foreign name.
pub fn name_on_old_ports(scene: &mut Scene<'_>) -> Option<()> {
    scene.bound_target()?;
    let mut tcp = scene.reach_tls(Version::Tls12)?;
    scene.world.close(&mut tcp);
    scene.world.first = [77_000, 88_000];
    let mut tcp = scene.world.dial(tcp.opener, tcp.other);
    scene.world.talk(&mut tcp, &Talk::new(super::super::scene::FOREIGN, Version::Tls13), 0);
    scene.world.close(&mut tcp);
    scene.base.policy.private.is_none().then_some(())
}

pub fn text_in_records(scene: &mut Scene<'_>) -> Option<()> {
    after_tls(scene, Version::Tls13, Opener, &records::record(23, 0x0303, TEXT), 1400)
}

pub fn text_in_records12(scene: &mut Scene<'_>) -> Option<()> {
    after_tls(scene, Version::Tls12, Other, &records::record(23, 0x0303, TEXT), 1400)
}

/// What is sealed is longer than its seal.
pub fn short_records(scene: &mut Scene<'_>) -> Option<()> {
    let said: Vec<u8> = TEXT.chunks(10).flat_map(|piece| records::record(23, 0x0303, piece)).collect();
    after_tls(scene, Version::Tls13, Opener, &said, 1400)
}

pub fn short_records12(scene: &mut Scene<'_>) -> Option<()> {
    let said: Vec<u8> = TEXT.chunks(10).flat_map(|piece| records::record(23, 0x0303, piece)).collect();
    after_tls(scene, Version::Tls12, Opener, &said, 1400)
}

/// A record, and then words with the same sequence numbers.
pub fn text_again(scene: &mut Scene<'_>) -> Option<()> {
    let mut tcp = scene.reach_tls(Version::Tls13)?;
    // beyond what is kept to compare
    for _ in 0..3 {
        scene.world.say(&mut tcp, Opener, &sealed(16_000));
    }
    let before = Tcp { seq: [tcp.seq[0].wrapping_sub(9000), tcp.seq[1]], ..tcp.clone() };
    scene.world.segment(&before, Opener, ACK | PSH, &TEXT.repeat(5));
    scene.world.close(&mut tcp);
    Some(())
}

pub fn text_in_certificate(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let mut said = records::session(0x0303, CBC, &target.name);
    let text = TEXT.repeat(4000);
    let message = [&[11][..], &(text.len() as u32).to_be_bytes()[1..], &text].concat();
    let certificate: Vec<u8> = message.chunks(16_000).flat_map(|piece| records::record(22, 0x0303, piece)).collect();
    said[2].1.splice(0..0, certificate);
    scene.world.flights(&mut tcp, &said, 0);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn unknown_suite(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| records::session(0x0303, 0xeeee, name))
}

pub fn unknown_suite13(scene: &mut Scene<'_>) -> Option<()> {
    scene.flights(|name| records::session(0x0304, 0x13ee, name))
}

/// A packet of SSH in the clear (RFC 4253 section 6).
pub fn ssh_packet(content: &[u8]) -> Vec<u8> {
    let padding = 4 + (8 - (5 + content.len() + 4) % 8) % 8;
    let length = (1 + content.len() + padding) as u32;
    [&length.to_be_bytes()[..], &[padding as u8], content, &vec![0; padding]].concat()
}

/// Which ends of SSH say that they go over to their keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    OfBoth,
    OfOneEnd,
}

/// A whole session of SSH with this cipher; `before` goes ahead of the responder's version.
pub fn ssh(scene: &mut Scene<'_>, cipher: &str, before: &[u8], changed: Keys) -> Option<()> {
    let said = ssh_session(cipher, before, changed);
    ssh_with(scene, &said)
}

pub fn ssh_with(scene: &mut Scene<'_>, said: &[(Who, Vec<u8>)]) -> Option<()> {
    let (_, mut tcp) = scene.reach()?;
    for (who, bytes) in said {
        scene.world.say(&mut tcp, *who, bytes);
    }
    scene.world.close(&mut tcp);
    Some(())
}

pub fn ssh_session(cipher: &str, before: &[u8], changed: Keys) -> Vec<(Who, Vec<u8>)> {
    let lists = ["curve25519-sha256", "ssh-ed25519", cipher, cipher, "hmac-sha2-256", "hmac-sha2-256", "none", "none", "", ""];
    let mut offer = [&[20][..], &[0x5c; 16]].concat();
    for list in lists {
        offer.extend((list.len() as u32).to_be_bytes());
        offer.extend(list.as_bytes());
    }
    offer.extend([0; 5]);
    let keys = |kind: u8| ssh_packet(&[&[kind][..], &[0x77; 60]].concat());
    let mut said = vec![(Opener, b"SSH-2.0-client\r\n".to_vec()), (Other, [before, b"SSH-2.0-server\r\n"].concat())];
    said.extend([Opener, Other].map(|who| (who, ssh_packet(&offer))));
    said.extend([(Opener, keys(30)), (Other, keys(31)), (Other, ssh_packet(&[21]))]);
    if changed == Keys::OfBoth {
        said.push((Opener, ssh_packet(&[21])));
    }
    said.extend([Opener, Other].map(|who| (who, vec![0xd3; 300])));
    said
}

pub fn ssh_without_cipher(scene: &mut Scene<'_>) -> Option<()> {
    ssh(scene, "none", &[], Keys::OfBoth)
}

pub fn ssh_behind_text(scene: &mut Scene<'_>) -> Option<()> {
    ssh(scene, "aes256-ctr", &TEXT.repeat(200), Keys::OfBoth)
}

pub fn few_bytes_after_tls(scene: &mut Scene<'_>) -> Option<()> {
    after_tls(scene, Version::Tls13, Opener, b"pin", 1400)
}

/// TLS 1.3 says all in records of application data.
pub fn odd_record(scene: &mut Scene<'_>) -> Option<()> {
    after_tls(scene, Version::Tls13, Opener, &records::record(22, 0x0303, &[0xd7; 60]), 1400)
}

/// What is sent ahead of the responder's flight, which never comes, is no proof, however the connection ends.
pub fn unfinished_and_closed(scene: &mut Scene<'_>) -> Option<()> {
    let (target, mut tcp) = scene.reach()?;
    let said = records::session(0x0304, 0x1301, &target.name);
    let hello_length = 5 + usize::from(u16::from_be_bytes([said[1].1[3], said[1].1[4]]));
    scene.world.say(&mut tcp, Opener, &said[0].1);
    scene.world.say(&mut tcp, Other, &said[1].1[..hello_length]);
    scene.world.say(&mut tcp, Opener, &sealed(300));
    scene.world.close(&mut tcp);
    Some(())
}

const LISTS: (&str, [u8; 4]) = ("crl.allowed.example", [198, 51, 100, 80]);
const TIME: (&str, [u8; 4]) = ("time.allowed.example", [198, 51, 100, 123]);

/// Looks up one of the places of a world that may speak in the clear.
fn in_the_clear(scene: &mut Scene<'_>, (name, address): (&str, [u8; 4])) -> Option<(IpAddr, IpAddr)> {
    (scene.base.is_world && !scene.v6).then_some(())?;
    let (agent, resolver) = scene.resolver()?;
    scene.world.resolve(agent, resolver, name, &[], address.into());
    Some((scene.agent(), address.into()))
}

/// A permitted request, and something more behind its answer.
fn behind_request(scene: &mut Scene<'_>, more: &[u8]) -> Option<()> {
    let (agent, peer) = in_the_clear(scene, LISTS)?;
    let mut tcp = scene.world.connect(agent, (peer, 80));
    scene.world.say(&mut tcp, Opener, b"GET /root.crl HTTP/1.1\r\nHost: crl.allowed.example\r\n\r\n");
    scene.world.say(&mut tcp, Other, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlist");
    scene.world.say(&mut tcp, Opener, more);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn second_request(scene: &mut Scene<'_>) -> Option<()> {
    behind_request(scene, b"POST /upload HTTP/1.1\r\nHost: collector.foreign.example\r\nContent-Length: 4\r\n\r\ndata")
}

pub fn noise_behind_request(scene: &mut Scene<'_>) -> Option<()> {
    let noise = scene.random.noise(300);
    behind_request(scene, &noise)
}

pub fn text_behind_request(scene: &mut Scene<'_>) -> Option<()> {
    behind_request(scene, TEXT)
}

pub fn text_behind_time(scene: &mut Scene<'_>) -> Option<()> {
    let (agent, peer) = in_the_clear(scene, TIME)?;
    let from = (agent, scene.world.port());
    scene.world.udp(from, (peer, 123), &[&ntp(3)[..], &TEXT[..84]].concat());
    Some(())
}

pub fn text_after_time(scene: &mut Scene<'_>) -> Option<()> {
    let (agent, peer) = in_the_clear(scene, TIME)?;
    let from = (agent, scene.world.port());
    scene.world.udp(from, (peer, 123), &ntp(3));
    scene.world.udp(from, (peer, 123), TEXT);
    Some(())
}

/// An extension of the time that holds words.
pub fn text_in_time(scene: &mut Scene<'_>) -> Option<()> {
    let (agent, peer) = in_the_clear(scene, TIME)?;
    let from = (agent, scene.world.port());
    scene.world.udp(from, (peer, 123), &[&ntp(3)[..], &[1, 4, 0, 84], &TEXT[..80]].concat());
    Some(())
}
