//! The data of SVCB and HTTPS records (RFC 9460 section 2.2) and the list of configurations in their `ech` parameter (RFC 9849 section 4).
//!
//! Keys must rise, and values must fill their lengths: what does not is malformed, and nothing of the record is believed, as the RFC has it. A list of
//! configurations is skipped by clients where they do not know its versions; one that does not keep to its lengths is as good as hidden.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::wire::WireName;
use crate::fact::{EchConfig, Name, Service, Text};
use crate::limits;

pub(super) const SVCB: u16 = 64;
pub(super) const HTTPS: u16 = 65;

const ALPN: u16 = 1;
const PORT: u16 = 3;
const IPV4_HINT: u16 = 4;
const ECH: u16 = 5;
const IPV6_HINT: u16 = 6;

/// The version of the configurations (RFC 9849); drafts of other versions are not in use.
const ECH_VERSION: u16 = 0xfe0d;

/// A record whose parameters keep to their lengths, where it stands in its message.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServiceData<'a> {
    kind: u16,
    priority: u16,
    pub(super) target: WireName<'a>,
    parameters: &'a [u8],
}

impl<'a> ServiceData<'a> {
    /// Reads the data of a record of `kind` that stands from `at` on to `end` in `message`.
    pub(super) fn read(message: &'a [u8], kind: u16, at: usize, end: usize) -> Option<Self> {
        let priority = u16::from_be_bytes(*message.get(at..end)?.first_chunk()?);
        let (target, next) = WireName::read(message, at + 2)?;
        let data = Self { kind, priority, target, parameters: message.get(next..end)? };
        data.is_sound().then_some(data)
    }

    fn is_sound(&self) -> bool {
        let (mut rest, mut last) = (self.parameters, None);
        while !rest.is_empty() {
            let Some((key, value, behind)) = parameter(rest) else { return false };
            let fits = match key {
                ALPN => strings(value).is_some_and(|strings| !strings.is_empty()),
                PORT => value.len() == 2,
                IPV4_HINT => !value.is_empty() && value.len() % 4 == 0,
                IPV6_HINT => !value.is_empty() && value.len() % 16 == 0,
                _ => true,
            };
            if !fits || last.is_some_and(|last| last >= key) {
                return false;
            }
            (rest, last) = (behind, Some(key));
        }
        true
    }

    /// What it says. Parameters of an alias mean nothing (RFC 9460 section 2.4.2).
    pub(super) fn to_service(self) -> Service {
        let mut target = self.target;
        let target = if target.next().is_none() { None } else { Some(self.target.to_name()) };
        let mut service =
            Service { kind: self.kind, priority: self.priority, target, alpn: Vec::new(), port: None, hints: Vec::new(), ech: None };
        let mut rest = if self.priority == 0 { &[][..] } else { self.parameters };
        while let Some((key, value, behind)) = parameter(rest) {
            match key {
                ALPN => service.alpn = strings(value).unwrap_or_default(),
                PORT => service.port = value.first_chunk().map(|port| u16::from_be_bytes(*port)),
                IPV4_HINT => service.hints.extend(value.as_chunks::<4>().0.iter().map(|ip| IpAddr::from(Ipv4Addr::from(*ip)))),
                IPV6_HINT => service.hints.extend(value.as_chunks::<16>().0.iter().map(|ip| IpAddr::from(Ipv6Addr::from(*ip)))),
                ECH => service.ech = Some(configs(value)),
                _ => {}
            }
            rest = behind;
        }
        service.hints.truncate(limits::SERVICE_HINTS);
        service
    }
}

/// A key, its value, and what follows.
fn parameter(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (key, rest) = bytes.split_first_chunk()?;
    let (value, behind) = vector16(rest)?;
    Some((u16::from_be_bytes(*key), value, behind))
}

/// Bytes behind a length of two bytes, and what follows.
fn vector16(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

/// Bytes behind a length of one byte, and what follows.
fn vector8(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    rest.split_at_checked(length.into())
}

/// Application protocols, each behind its length.
fn strings(mut bytes: &[u8]) -> Option<Vec<Text>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (string, behind) = vector8(bytes).filter(|(string, _)| !string.is_empty())?;
        if found.len() < limits::ALPN_PER_FLOW {
            found.push(Text::from_wire(string));
        }
        bytes = behind;
    }
    Some(found)
}

/// The configurations of a known version in an ECHConfigList, as far as they can be read.
fn configs(list: &[u8]) -> Vec<EchConfig> {
    let mut found = Vec::new();
    let mut rest = vector16(list).map_or(&[][..], |(configs, _)| configs);
    while let Some((version, content, behind)) = parameter(rest) {
        if version == ECH_VERSION && found.len() < limits::ECH_CONFIGS {
            found.extend(config(content));
        }
        rest = behind;
    }
    found
}

/// HpkeKeyConfig (identifier, KEM, public key, suites), the longest name that is hidden, and the public name; extensions follow.
fn config(content: &[u8]) -> Option<EchConfig> {
    let (&id, rest) = content.split_first()?;
    let (_key, rest) = vector16(rest.get(2..)?)?;
    let (_suites, rest) = vector16(rest)?;
    let (public_name, rest) = vector8(rest.get(1..)?)?;
    vector16(rest)?;
    Some(EchConfig { id, public_name: Name::from_wire(public_name) })
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::rdata::svcb::{Alpn, EchConfigList, IpHint, SVCB as Theirs, SvcParamKey, SvcParamValue};
    use hickory_proto::rr::{Name as TheirName, RecordData as _, rdata::A};
    use hickory_proto::serialize::binary::{BinEncodable as _, BinEncoder};

    use super::*;

    fn config_of(version: u16, id: u8, name: &[u8]) -> Vec<u8> {
        let key = [7; 32];
        let content = [&[id, 0, 0x20, 0, 32][..], &key, &[0, 4, 0, 1, 0, 1, 0, name.len() as u8], name, &[0, 0]].concat();
        [&version.to_be_bytes()[..], &(content.len() as u16).to_be_bytes(), &content].concat()
    }

    fn list(configs: &[Vec<u8>]) -> Vec<u8> {
        let all = configs.concat();
        [&(all.len() as u16).to_be_bytes()[..], &all].concat()
    }

    /// By hickory.
    fn record(priority: u16, target: &str, parameters: Vec<(SvcParamKey, SvcParamValue)>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let svcb = Theirs::new(priority, TheirName::from_ascii(target).unwrap(), parameters);
        svcb.into_rdata().emit(&mut BinEncoder::new(&mut bytes)).unwrap();
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Service> {
        ServiceData::read(bytes, HTTPS, 0, bytes.len()).map(ServiceData::to_service)
    }

    fn whole() -> Vec<u8> {
        let ech = list(&[config_of(0xfe0a, 1, b"old.example"), config_of(ECH_VERSION, 9, b"outer.example")]);
        let parameters = vec![
            (SvcParamKey::Alpn, SvcParamValue::Alpn(Alpn(vec!["h3".to_owned(), "h2".to_owned()]))),
            (SvcParamKey::Port, SvcParamValue::Port(8443)),
            (SvcParamKey::Ipv4Hint, SvcParamValue::Ipv4Hint(IpHint(vec![A::new(192, 0, 2, 1), A::new(192, 0, 2, 2)]))),
            (SvcParamKey::EchConfigList, SvcParamValue::EchConfigList(EchConfigList(ech))),
            (SvcParamKey::Ipv6Hint, SvcParamValue::Ipv6Hint(IpHint(vec!["2001:db8::1".parse().unwrap()]))),
        ];
        record(1, "svc.example.", parameters)
    }

    #[test]
    fn all_of_a_service_is_read() {
        let service = read(&whole()).unwrap();
        assert_eq!(
            service.to_string(),
            "HTTPS 1 svc.example alpn=h3,h2 port=8443 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1 ech=outer.example"
        );
        assert_eq!(service.ech.unwrap(), [EchConfig { id: 9, public_name: Name::from_wire(b"outer.example") }]);
        assert_eq!(read(&record(1, ".", Vec::new())).unwrap().to_string(), "HTTPS 1 .");
        assert_eq!(read(&record(0, "alias.example.", Vec::new())).unwrap().to_string(), "HTTPS 0 alias.example");
    }

    #[test]
    fn what_is_cut_or_out_of_order_is_not_believed() {
        let bytes = whole();
        for cut in 0..bytes.len() {
            let is_cut_between = read(&bytes[..cut]).is_none_or(|service| service.hints.len() < 3);
            assert!(is_cut_between, "{cut}");
        }
        let with = |parameters: &[u8]| read(&[&[0, 1, 0][..], parameters].concat());
        assert!(with(&[0, 3, 0, 2, 1, 187]).is_some());
        for wrong in [
            &[0, 3, 0, 1, 1][..],
            &[0, 3, 0, 2, 1, 187, 0, 3, 0, 2, 1, 187],
            &[0, 4, 0, 4, 1, 2, 3, 4, 0, 1, 0, 3, 2, b'h', b'2'],
            &[0, 4, 0, 3, 1, 2, 3],
            &[0, 4, 0, 0],
            &[0, 6, 0, 4, 1, 2, 3, 4],
            &[0, 1, 0, 0],
            &[0, 1, 0, 2, 0, 0],
            &[0, 1, 0, 3, 3, b'h', b'2'],
            &[0, 9, 0, 9],
            &[0],
        ] {
            assert!(with(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn configurations_that_cannot_be_read_are_there() {
        let with = |ech: &[u8]| {
            let parameter = [&[0, 5][..], &(ech.len() as u16).to_be_bytes(), ech].concat();
            read(&[&[0, 1, 0][..], &parameter].concat()).unwrap().ech.unwrap()
        };
        let good = list(&[config_of(ECH_VERSION, 1, b"a.example"), config_of(ECH_VERSION, 2, b"\x1b[31m")]);
        assert_eq!(with(&good).len(), 2);
        assert_eq!(with(&good)[1].public_name.as_str(), "\\x1b[31m");
        for cut in 0..good.len() {
            assert!(with(&good[..cut]).len() < 2);
        }
        let many: Vec<_> = (0..200).map(|id| config_of(ECH_VERSION, id, b"a.example")).collect();
        assert_eq!(with(&list(&many)).len(), limits::ECH_CONFIGS);
    }
}
