//! Audits of one capture, run in several ways.

use std::io::{Cursor, Read};
use std::sync::{Arc, OnceLock};

use wirewitness::engine::{self, Config, Input, Observer};
use wirewitness::inspect::PROTOCOLS;
use wirewitness::judge::policy::{Agent, Known, Policy};
use wirewitness::judge::{Audit, Judge, Scope};
use wirewitness::source::file;

use crate::capture::{AGENT, AGENT6};
use crate::packets::AGENT_MAC;

/// A policy under which most of what [`crate::says`] says in order is allowed.
const LAB: &str = r#"
name = "lab"
[dns]
resolvers = ["10.77.0.2"]
[tls]
minimum = "1.2"
[[allow]]
names = ["*.azure.com", "login.microsoftonline.com", "*.servicebus.windows.net", "www.example.com"]
ports = [443, 8443]
purpose = "the services"
[[allow]]
names = ["ntp.ubuntu.com"]
cidrs = ["40.64.10.0/24", "2603:1030::/32"]
ports = [123]
plaintext = ["ntp"]
purpose = "time"
[[inbound]]
from = ["10.77.0.0/24"]
protocols = ["ssh", "icmp-echo"]
[[waiver]]
rule = "WW203"
names = ["www.example.com"]
until = 2026-12-31
reason = "until then"
"#;

/// The same, and more that may go in the clear.
const LENIENT: &str = r#"
name = "lenient"
[dns]
resolvers = ["10.77.0.2", "40.64.10.1"]
[tls]
minimum = "1.0"
[[allow]]
cidrs = ["40.64.0.0/16", "2603:1030::/32", "203.0.113.0/24", "169.254.169.254/32"]
plaintext = ["http", "smtp", "ftp", "syslog", "ntp"]
purpose = "anything there"
"#;

/// The words that policies may use.
pub fn protocols() -> Vec<&'static str> {
    PROTOCOLS.iter().map(|protocol| protocol.name).collect()
}

fn load(selectors: &[&str]) -> Arc<Policy> {
    let selectors: Vec<String> = selectors.iter().map(|selector| (*selector).to_owned()).collect();
    let read = |path: &str| Ok(if path.ends_with("lab.toml") { LAB } else { LENIENT }.to_owned());
    match Policy::load(&selectors, &Known { protocols: &protocols() }, &read) {
        Ok(policy) => Arc::new(policy),
        Err(errors) => panic!("{errors}"),
    }
}

/// How a capture is audited; what must not matter is in [`Way`].
pub struct Task<'a> {
    pub inputs: Vec<&'a [u8]>,
    pub policy: usize,
    pub by_mac: bool,
    pub inspect_all: bool,
    pub eager: bool,
    pub memory: u64,
}

/// What must not change what comes out.
#[derive(Clone, Copy)]
pub struct Way {
    pub threads: usize,
    /// Bytes that a read gives at once.
    pub chunk: usize,
    pub table_key: u64,
}

impl Task<'_> {
    pub fn run(&self, way: Way) -> Audit {
        static POLICIES: OnceLock<[Arc<Policy>; 4]> = OnceLock::new();
        let policies = POLICIES.get_or_init(|| {
            [
                load(&["./lab.toml"]),
                load(&["azure-arc", "azure-arc-private-link", "os-infrastructure"]),
                load(&["./lenient.toml"]),
                load(&[]),
            ]
        });
        let agents = match self.by_mac {
            true => vec![Agent::Mac(AGENT_MAC)],
            false => vec![Agent::Net(std::net::IpAddr::from(AGENT).into()), Agent::Net(std::net::IpAddr::from(AGENT6).into())],
        };
        let labels = agents.iter().map(ToString::to_string).collect();
        let judge = Judge::new(Arc::clone(&policies[self.policy % 4]), labels, false, None);
        let config = Config {
            threads: way.threads,
            memory: self.memory,
            table_key: way.table_key,
            inspect_all: self.inspect_all,
            details: self.inspect_all,
            eager: self.eager,
            ..Config::default()
        };
        engine::run(inputs(&self.inputs, way.chunk), Scope::new(&agents), judge, &config, &mut Silent).audit
    }

    /// Who the agent may be.
    pub fn infer(&self, chunk: usize) -> usize {
        engine::infer(inputs(&self.inputs, chunk)).candidates.len()
    }
}

struct Silent;

impl Observer for Silent {}

fn inputs(files: &[&[u8]], chunk: usize) -> Vec<Input> {
    let input = |bytes: &&[u8]| {
        let reader = Chunks { bytes: Cursor::new(bytes.to_vec()), chunk };
        Input {
            path: "capture".to_owned(),
            sha256: None,
            first: None,
            found: false,
            open: Box::new(move |n| file::from_reader("capture".to_owned(), n, Box::new(reader))),
        }
    };
    files.iter().map(input).collect()
}

/// Gives at most so many bytes at once, as a pipe may.
pub struct Chunks {
    pub bytes: Cursor<Vec<u8>>,
    pub chunk: usize,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = buffer.len().min(self.chunk);
        self.bytes.read(&mut buffer[..n])
    }
}
