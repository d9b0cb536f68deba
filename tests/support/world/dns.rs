//! DNS, written by hickory: questions and answers with canonical names, over UDP and TCP.

use std::net::IpAddr;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, TXT};
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

/// A message as TCP carries it (RFC 1035 section 4.2.2).
pub fn behind_length(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes()[..], message].concat()
}
