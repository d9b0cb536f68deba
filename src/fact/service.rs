//! What SVCB and HTTPS records say of a service (RFC 9460), and the configurations of encrypted ClientHellos in them (RFC 9848, RFC 9849).

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Name, RecordType, Text};

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its type: 64 SVCB, 65 HTTPS.
    pub kind: u16,
    /// 0 for an alias; otherwise lower ones are to be preferred.
    pub priority: u16,
    /// The name whose addresses serve; `None`: that of the record's owner.
    pub target: Option<Name>,
    /// Application protocols, in their order.
    pub alpn: Vec<Text>,
    /// The port, where it is another than the scheme's.
    pub port: Option<u16>,
    /// Addresses to be used until those of the target are known.
    pub hints: Vec<IpAddr>,
    /// Configurations of encrypted ClientHellos that could be read; `None` where the record has none.
    pub ech: Option<Vec<EchConfig>>,
}

/// What one may hide a hello by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EchConfig {
    /// Which key is meant.
    pub id: u8,
    /// The name that the outer hello asks for.
    pub public_name: Name,
}

impl Service {
    /// Bytes of memory held, roughly.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let hints = self.hints.len() * size_of::<IpAddr>();
        size_of::<Self>() + hints + self.alpn.len() * 32 + self.ech.iter().flatten().count() * 64
    }
}

/// As a zone file has it, but for the configurations, of which the names are shown: `HTTPS 1 . alpn=h3,h2 ipv4hint=192.0.2.1 ech=outer.example`.
impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", RecordType(self.kind), self.priority)?;
        match &self.target {
            Some(target) => target.fmt(f)?,
            None => f.write_str(".")?,
        }
        let mut list = |key: &str, of: Vec<String>| if of.is_empty() { Ok(()) } else { write!(f, " {key}={}", of.join(",")) };
        list("alpn", self.alpn.iter().map(ToString::to_string).collect())?;
        list("port", self.port.iter().map(ToString::to_string).collect())?;
        list("ipv4hint", self.hints.iter().filter(|ip| ip.is_ipv4()).map(ToString::to_string).collect())?;
        list("ipv6hint", self.hints.iter().filter(|ip| ip.is_ipv6()).map(ToString::to_string).collect())?;
        match &self.ech {
            Some(configs) if configs.is_empty() => f.write_str(" ech"),
            Some(configs) => {
                let names: Vec<&str> = configs.iter().map(|config| config.public_name.as_str()).collect();
                write!(f, " ech={}", names.join(","))
            }
            None => Ok(()),
        }
    }
}
