//! DNS, written by hickory: questions and answers with canonical names, over UDP and TCP.

use std::net::IpAddr;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::svcb::{Alpn, EchConfigList, IpHint, SVCB, SvcParamKey, SvcParamValue};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, HTTPS, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::World;
use super::tcp::Who;

impl World {
    /// A question and its answer, in two datagrams.
    pub fn resolve(&mut self, agent: IpAddr, resolver: IpAddr, name: &str, chain: &[&str], address: IpAddr) {
        let port = self.port();
        let [question, answer] = self.dns(name, chain, address);
        self.udp((agent, port), (resolver, 53), &question);
        self.udp((resolver, 53), (agent, port), &answer);
    }

    /// Some questions and their answers in one connection, each answer in two segments.
    pub fn resolve_over_tcp(&mut self, agent: IpAddr, resolver: IpAddr, asked: &[(&str, IpAddr)]) {
        let mut tcp = self.connect(agent, (resolver, 53));
        for (name, address) in asked {
            let [question, answer] = self.dns(name, &[], *address).map(|message| behind_length(&message));
            self.say(&mut tcp, Who::Opener, &question);
            let (head, tail) = answer.split_at(answer.len() / 2);
            self.say(&mut tcp, Who::Other, head);
            self.say(&mut tcp, Who::Other, tail);
        }
        self.close(&mut tcp);
    }

    /// The bytes of a question and of its answer: the canonical names in `chain`, and the address of the last.
    pub fn dns(&mut self, name: &str, chain: &[&str], address: IpAddr) -> [Vec<u8>; 2] {
        let data = match address {
            IpAddr::V4(ip) => RData::A(A(ip)),
            IpAddr::V6(ip) => RData::AAAA(AAAA(ip)),
        };
        let kind = data.record_type();
        let (id, mut last) = (self.id(), in_full(name));
        let mut answer = message(id, MessageType::Response, last.clone(), kind);
        answer.metadata.response_code = ResponseCode::NoError;
        let question = message(id, MessageType::Query, last.clone(), kind);
        for target in chain {
            let target = in_full(target);
            answer.add_answer(Record::from_rdata(last, 60, RData::CNAME(CNAME(target.clone()))));
            last = target;
        }
        answer.add_answer(Record::from_rdata(last, 60, data));
        [question, answer].map(|message| message.to_vec().expect("written"))
    }

    /// A question for the service of a name and its answer: its target, its hints, and the public name of a configuration of encrypted hellos.
    pub fn serve(&mut self, (agent, resolver): (IpAddr, IpAddr), name: &str, target: &str, hints: &[IpAddr], outer: Option<(u8, &str)>) {
        let v4 = hints.iter().filter_map(|ip| if let IpAddr::V4(ip) = ip { Some(A(*ip)) } else { None }).collect::<Vec<_>>();
        let v6 = hints.iter().filter_map(|ip| if let IpAddr::V6(ip) = ip { Some(AAAA(*ip)) } else { None }).collect::<Vec<_>>();
        let mut parameters = vec![(SvcParamKey::Alpn, SvcParamValue::Alpn(Alpn(vec!["h2".to_owned()])))];
        if !v4.is_empty() {
            parameters.push((SvcParamKey::Ipv4Hint, SvcParamValue::Ipv4Hint(IpHint(v4))));
        }
        if let Some((key, outer)) = outer {
            let list = EchConfigList(configurations(key, outer));
            parameters.push((SvcParamKey::EchConfigList, SvcParamValue::EchConfigList(list)));
        }
        if !v6.is_empty() {
            parameters.push((SvcParamKey::Ipv6Hint, SvcParamValue::Ipv6Hint(IpHint(v6))));
        }
        let (id, owner) = (self.id(), in_full(name));
        let question = message(id, MessageType::Query, owner.clone(), RecordType::HTTPS);
        let mut answer = message(id, MessageType::Response, owner.clone(), RecordType::HTTPS);
        let target = Name::from_ascii(target).expect("a name");
        answer.add_answer(Record::from_rdata(owner, 60, RData::HTTPS(HTTPS(SVCB::new(1, target, parameters)))));
        let from = (agent, self.port());
        self.udp(from, (resolver, 53), &question.to_vec().expect("written"));
        self.udp((resolver, 53), from, &answer.to_vec().expect("written"));
    }

    /// The bytes of a question for text and of its answer.
    pub fn text(&mut self, name: &str, text: &str) -> [Vec<u8>; 2] {
        let (id, name) = (self.id(), in_full(name));
        let question = message(id, MessageType::Query, name.clone(), RecordType::TXT);
        let mut answer = message(id, MessageType::Response, name.clone(), RecordType::TXT);
        answer.add_answer(Record::from_rdata(name, 60, RData::TXT(TXT::new(vec![text.to_owned()]))));
        [question, answer].map(|message| message.to_vec().expect("written"))
    }

    /// A question of any type.
    pub fn question(&mut self, name: &str, kind: RecordType) -> Vec<u8> {
        message(self.id(), MessageType::Query, in_full(name), kind).to_vec().expect("written")
    }
}

fn in_full(name: &str) -> Name {
    Name::from_ascii(format!("{name}.")).expect("a name")
}

fn message(id: u16, kind: MessageType, name: Name, record: RecordType) -> Message {
    let mut message = Message::new(id, kind, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name, record));
    message
}

/// A list of one configuration of encrypted hellos (RFC 9849 section 4).
fn configurations(key: u8, outer: &str) -> Vec<u8> {
    let content = [&[key, 0, 0x20, 0, 32][..], &[7; 32], &[0, 4, 0, 1, 0, 1, 0, outer.len() as u8], outer.as_bytes(), &[0, 0]].concat();
    let length = content.len() as u16;
    [&(length + 4).to_be_bytes()[..], &[0xfe, 0x0d], &length.to_be_bytes(), &content].concat()
}

/// A message as TCP carries it (RFC 1035 section 4.2.2).
pub fn behind_length(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes()[..], message].concat()
}
