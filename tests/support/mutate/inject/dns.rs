//! Names are asked of strangers, or strange names are asked for.

use std::net::IpAddr;

use hickory_proto::rr::RecordType;

use super::super::bases::Target;
use super::super::scene::{FOREIGN, Scene};
use crate::world::packets::{Place, udp};
use crate::world::records::session_with_ech;
use crate::world::tcp::Who::Opener;
use crate::world::tls::{Talk, Version};
use crate::world::{MILLI, SECOND, behind_length};

/// A name that the base's policy allows, so that only the resolver is wrong.
fn allowed_name(scene: &mut Scene<'_>) -> Option<String> {
    scene.target().map(|target| target.name)
}

fn elsewhere(scene: &mut Scene<'_>, port: u16) -> Option<()> {
    let (name, resolver) = (allowed_name(scene)?, scene.stranger());
    let from = (scene.agent(), scene.world.port());
    let [asked, answer] = scene.world.dns(&name, &[], resolver);
    scene.world.udp(from, (resolver, port), &asked);
    scene.world.udp((resolver, port), from, &answer);
    Some(())
}

pub fn resolver(scene: &mut Scene<'_>) -> Option<()> {
    elsewhere(scene, 53)
}

pub fn resolver_on_another_port(scene: &mut Scene<'_>) -> Option<()> {
    elsewhere(scene, 5353)
}

pub fn resolver_over_tcp(scene: &mut Scene<'_>) -> Option<()> {
    let (name, resolver, agent) = (allowed_name(scene)?, scene.stranger(), scene.agent());
    scene.world.resolve_over_tcp(agent, resolver, &[(&name, resolver)]);
    Some(())
}

pub fn query(scene: &mut Scene<'_>) -> Option<()> {
    let ((agent, resolver), address) = (scene.resolver()?, scene.stranger());
    scene.world.resolve(agent, resolver, FOREIGN, &[], address);
    Some(())
}

fn ask(scene: &mut Scene<'_>, name: &str, kind: RecordType) -> Option<()> {
    let (agent, resolver) = scene.resolver()?;
    let (asked, from) = (scene.world.question(name, kind), (agent, scene.world.port()));
    scene.world.udp(from, (resolver, 53), &asked);
    Some(())
}

pub fn query_unanswered(scene: &mut Scene<'_>) -> Option<()> {
    ask(scene, FOREIGN, RecordType::AAAA)
}

pub fn query_for_text(scene: &mut Scene<'_>) -> Option<()> {
    ask(scene, FOREIGN, RecordType::TXT)
}

pub fn query_of_labels(scene: &mut Scene<'_>) -> Option<()> {
    for n in 0..5 {
        let data: String = (0..50).map(|_| char::from(b'a' + scene.random.below(26) as u8)).collect();
        ask(scene, &format!("{data}.{n}.t.foreign.example"), RecordType::TXT)?;
    }
    Some(())
}

pub fn query_over_tcp(scene: &mut Scene<'_>) -> Option<()> {
    let ((agent, resolver), address) = (scene.resolver()?, scene.stranger());
    scene.world.resolve_over_tcp(agent, resolver, &[(FOREIGN, address)]);
    Some(())
}

/// The third question of a connection, all in one segment.
pub fn query_behind_others(scene: &mut Scene<'_>) -> Option<()> {
    let ((agent, resolver), name) = (scene.resolver()?, allowed_name(scene)?);
    let asked = [&name, &name, FOREIGN].map(|name| behind_length(&scene.world.question(name, RecordType::A))).concat();
    let mut tcp = scene.world.connect(agent, (resolver, 53));
    scene.world.say(&mut tcp, Opener, &asked);
    scene.world.close(&mut tcp);
    Some(())
}

/// An answer for which no question was seen binds nothing, whoever sends it.
pub fn unasked_answer(scene: &mut Scene<'_>) -> Option<()> {
    let ((agent, resolver), target, address) = (scene.resolver()?, scene.bound_target()?, scene.stranger());
    let (asked, to) = (allowed_name(scene)?, (agent, scene.world.port()));
    let [question, _] = scene.world.dns(&asked, &[], target.peer);
    let [_, forged] = scene.world.dns(&target.name, &[], address);
    scene.world.udp(to, (resolver, 53), &question);
    scene.world.udp((resolver, 53), to, &forged);
    scene.world.wait(SECOND);
    let own = *scene.base.ips.iter().find(|ip| ip.is_ipv4() == address.is_ipv4())?;
    let mut tcp = scene.world.connect(own, (address, target.port));
    scene.world.talk(&mut tcp, &Talk::new(&target.name, Version::Tls13), 0);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn text_to_resolver(scene: &mut Scene<'_>) -> Option<()> {
    let (agent, resolver) = scene.resolver()?;
    let mut tcp = scene.world.connect(agent, (resolver, 53));
    scene.world.say(&mut tcp, Opener, b"these words are no question at all, and anybody can read them\n");
    scene.world.close(&mut tcp);
    Some(())
}

/// A flow of a question and its answer; returns both places.
fn exchange(scene: &mut Scene<'_>) -> Option<(Place, Place)> {
    let ((agent, resolver), target) = (scene.resolver()?, scene.bound_target()?);
    let (from, to) = ((agent, scene.world.port()), (resolver, 53));
    let [question, answer] = scene.world.dns(&target.name, &[], target.peer);
    scene.world.udp(from, to, &question);
    scene.world.udp(to, from, &answer);
    Some((from, to))
}

pub fn text_after_answer(scene: &mut Scene<'_>) -> Option<()> {
    let (from, to) = exchange(scene)?;
    scene.world.udp(from, to, b"these words are no question at all, and anybody can read them\n");
    Some(())
}

/// Data goes out in answers that nobody asked for.
pub fn answers_of_agent(scene: &mut Scene<'_>) -> Option<()> {
    let (from, to) = exchange(scene)?;
    for n in 0..3 {
        let [_, answer] = scene.world.dns(&format!("secret{n}.foreign.example"), &["hunter2.foreign.example"], scene.stranger());
        scene.world.udp(from, to, &answer);
    }
    Some(())
}

/// What the agent answers binds nothing.
pub fn answered_by_agent(scene: &mut Scene<'_>) -> Option<()> {
    let (from, to) = exchange(scene)?;
    let (target, address) = (scene.bound_target()?, scene.stranger());
    let [question, answer] = scene.world.dns(&target.name, &[], address);
    scene.world.udp(to, from, &question);
    scene.world.udp(from, to, &answer);
    use_of(scene, &target, address)
}

/// A session with `address` under an allowed name.
fn use_of(scene: &mut Scene<'_>, target: &Target, address: IpAddr) -> Option<()> {
    let own = *scene.base.ips.iter().find(|ip| ip.is_ipv4() == address.is_ipv4())?;
    let mut tcp = scene.world.connect(own, (address, target.port));
    scene.world.talk(&mut tcp, &Talk::new(&target.name, Version::Tls13), 0);
    scene.world.close(&mut tcp);
    Some(())
}

pub fn answer_of_others(scene: &mut Scene<'_>) -> Option<()> {
    let ((_, resolver), target, address) = (scene.resolver()?, scene.bound_target()?, scene.stranger());
    let other: IpAddr = if resolver.is_ipv6() { [0xfd00, 7, 0, 0, 0, 0, 0, 0x77].into() } else { [10, 0, 0, 77].into() };
    scene.world.resolve(other, resolver, &target.name, &[], address);
    use_of(scene, &target, address)
}

pub fn answered_later(scene: &mut Scene<'_>) -> Option<()> {
    let ((agent, resolver), target, address) = (scene.resolver()?, scene.bound_target()?, scene.stranger());
    use_of(scene, &target, address)?;
    scene.world.wait(5 * SECOND);
    scene.world.resolve(agent, resolver, &target.name, &[], address);
    Some(())
}

/// Words behind a question, in its datagram: together they are no question.
pub fn text_behind_question(scene: &mut Scene<'_>) -> Option<()> {
    scene.base.is_world.then_some(())?;
    scene.unknown_in_the_first_minute();
    let ((agent, resolver), name) = (scene.resolver()?, allowed_name(scene)?);
    let question = scene.world.question(&name, RecordType::A);
    let from = (agent, scene.world.port());
    scene.world.udp(from, (resolver, 53), &[&question[..], b"these words are no question at all, and anybody can read them\n"].concat());
    Some(())
}

/// The second of two questions in one message.
pub fn second_question(scene: &mut Scene<'_>) -> Option<()> {
    let ((agent, resolver), name) = (scene.resolver()?, allowed_name(scene)?);
    let mut both = scene.world.question(&name, RecordType::A);
    both.extend(&scene.world.question(FOREIGN, RecordType::A)[12..]);
    both[5] = 2;
    let from = (agent, scene.world.port());
    scene.world.udp(from, (resolver, 53), &both);
    Some(())
}

/// A length, and words that are fewer than it says.
pub fn partial_message(scene: &mut Scene<'_>) -> Option<()> {
    let ((agent, resolver), name) = (scene.resolver()?, allowed_name(scene)?);
    let asked = behind_length(&scene.world.question(&name, RecordType::A));
    let mut tcp = scene.world.connect(agent, (resolver, 53));
    scene.world.say(
        &mut tcp,
        Opener,
        &[&asked[..], &[1, 200], b"these words are no question at all, and anybody can read them\n"].concat(),
    );
    scene.world.close(&mut tcp);
    Some(())
}

/// A stranger asks, the agent answers, and goes to what it answered.
pub fn answered_to_a_stranger(scene: &mut Scene<'_>) -> Option<()> {
    let (target, address) = (scene.bound_target()?, scene.stranger());
    let (from, to) = ((address, scene.world.port()), (scene.agent(), 5300));
    let [asked, answer] = scene.world.dns(&target.name, &[], address);
    scene.world.udp(from, to, &asked);
    scene.world.udp(to, from, &answer);
    scene.world.wait(SECOND);
    use_of(scene, &target, address)
}

/// Without checksums, two questions have the same header, and are no copies of one.
pub fn question_without_checksum(scene: &mut Scene<'_>) -> Option<()> {
    let ((agent, resolver), name) = (scene.resolver()?, allowed_name(scene)?);
    agent.is_ipv4().then_some(())?;
    let from = (agent, scene.world.port());
    scene.world.step = MILLI / 10;
    for name in [&name, FOREIGN] {
        let question = scene.world.question(name, RecordType::A);
        let mut frame = udp(from, (resolver, 53), &question);
        frame[40..42].fill(0);
        scene.world.push(frame);
    }
    Some(())
}

/// A hint binds the name that was asked for, and no other.
pub fn hint_of_another(scene: &mut Scene<'_>) -> Option<()> {
    let (pair, target, address) = (scene.resolver()?, scene.bound_target()?, scene.stranger());
    scene.world.serve(pair, FOREIGN, &format!("{}.", target.name), &[address], None);
    use_of(scene, &target, address)
}

/// Who names an allowed target gains nothing by it.
pub fn served_by_allowed(scene: &mut Scene<'_>) -> Option<()> {
    let (pair, target, address) = (scene.resolver()?, scene.bound_target()?, scene.stranger());
    scene.world.serve(pair, FOREIGN, &format!("{}.", target.name), &[], None);
    scene.world.resolve(pair.0, pair.1, FOREIGN, &[], address);
    use_of(scene, &target, address)
}

/// A name hides behind one that an HTTPS record publishes for that.
pub fn hidden_behind_published(scene: &mut Scene<'_>) -> Option<()> {
    let (pair, target) = (scene.resolver()?, scene.bound_target()?);
    scene.look_up(&target);
    scene.world.serve(pair, &target.name, ".", &[], Some((7, &target.name)));
    hidden(scene, &target)
}

/// A name may hide where the address was answered for a foreign one too.
pub fn hidden_at_shared_address(scene: &mut Scene<'_>) -> Option<()> {
    let ((agent, resolver), target) = (scene.resolver()?, scene.bound_target()?);
    scene.look_up(&target);
    scene.world.resolve(agent, resolver, FOREIGN, &[], target.peer);
    hidden(scene, &target)
}

fn hidden(scene: &mut Scene<'_>, target: &Target) -> Option<()> {
    let mut tcp = scene.world.connect(target.agent, (target.peer, target.port));
    scene.world.flights(&mut tcp, &session_with_ech(&target.name, 7), 0);
    scene.world.close(&mut tcp);
    Some(())
}

/// Characters of an alphabet, in labels of 50.
fn spelt(scene: &mut Scene<'_>, n: usize, alphabet: &[u8]) -> String {
    let data: Vec<u8> = (0..n).map(|_| alphabet[scene.random.below(alphabet.len())]).collect();
    data.chunks(50).map(|label| String::from_utf8_lossy(label).into_owned()).collect::<Vec<_>>().join(".")
}

const HEX: &[u8] = b"0123456789abcdef";
const BASE32: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Names as long as tunnels make them, by all the types that they use.
pub fn tunnel(scene: &mut Scene<'_>) -> Option<()> {
    use RecordType::{A, AAAA, CNAME, HTTPS, MX, NULL, SRV, TXT};
    let kinds = [A, AAAA, CNAME, HTTPS, MX, NULL, SRV, TXT, RecordType::Unknown(65_399), RecordType::Unknown(25)];
    for n in 0..40 {
        let name = format!("{}.t.foreign.example", spelt(scene, 80 + 2 * n, BASE32));
        ask(scene, &name, kinds[n % kinds.len()])?;
    }
    Some(())
}

/// The same, below many names of one domain, all of one type.
pub fn tunnel_of_addresses(scene: &mut Scene<'_>) -> Option<()> {
    for n in 0..40 {
        let name = format!("{}.n{n}.foreign.example", spelt(scene, 90, HEX));
        ask(scene, &name, RecordType::A)?;
    }
    Some(())
}

pub fn tunnel_over_tcp(scene: &mut Scene<'_>) -> Option<()> {
    let (agent, resolver) = scene.resolver()?;
    let mut tcp = scene.world.connect(agent, (resolver, 53));
    for _ in 0..30 {
        let name = format!("{}.foreign.example", spelt(scene, 120, BASE32));
        let asked = behind_length(&scene.world.question(&name, RecordType::TXT));
        scene.world.say(&mut tcp, Opener, &asked);
    }
    scene.world.close(&mut tcp);
    Some(())
}

/// Short ones, as a tunnel sends that waits.
pub fn tunnel_that_waits(scene: &mut Scene<'_>) -> Option<()> {
    scene.amend("[dns.tunnel]\nnames = 40\nbytes = 300\n")?;
    for _ in 0..50 {
        let name = format!("{}.foreign.example", spelt(scene, 18, HEX));
        ask(scene, &name, RecordType::AAAA)?;
        scene.world.wait(SECOND);
    }
    Some(())
}

/// What comes back is data, whatever is asked.
pub fn tunnel_of_answers(scene: &mut Scene<'_>) -> Option<()> {
    scene.amend("[dns.tunnel]\nnames = 20\nanswer_bytes = 2000\n")?;
    let (agent, resolver) = scene.resolver()?;
    for n in 0..25 {
        let text = spelt(scene, 150, BASE32);
        let [question, answer] = scene.world.text(&format!("{n}.foreign.example"), &text);
        let from = (agent, scene.world.port());
        scene.world.udp(from, (resolver, 53), &question);
        scene.world.udp((resolver, 53), from, &answer);
    }
    Some(())
}

/// An answer that is altered, and used.
fn altered_answer(scene: &mut Scene<'_>, alter: impl Fn(&mut [u8], usize)) -> Option<()> {
    let ((agent, resolver), target, address) = (scene.resolver()?, scene.bound_target()?, scene.stranger());
    let from = (agent, scene.world.port());
    let [question, mut answer] = scene.world.dns(&target.name, &[], address);
    alter(&mut answer, question.len());
    scene.world.udp(from, (resolver, 53), &question);
    scene.world.udp((resolver, 53), from, &answer);
    scene.world.wait(SECOND);
    use_of(scene, &target, address)
}

/// There is no such name, and an address for it.
pub fn answered_by_error(scene: &mut Scene<'_>) -> Option<()> {
    altered_answer(scene, |answer, _| answer[3] |= 3)
}

/// Of CHAOS: the class is behind the record's name, which is a pointer, and type.
pub fn answered_in_another_class(scene: &mut Scene<'_>) -> Option<()> {
    altered_answer(scene, |answer, behind_question| answer[behind_question + 5] = 3)
}
