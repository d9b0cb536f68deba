//! Audits of captures in memory, in this process: thousands in seconds.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use wirewitness::engine::{self, Config, Input, Observer};
use wirewitness::fact::FlowRecord;
use wirewitness::inspect::PROTOCOLS;
use wirewitness::judge::policy::{Agent, Known, Policy};
use wirewitness::judge::{Audit, Judge, Judgement, Scope, Severity, Verdict};
use wirewitness::report::{Style, json};
use wirewitness::source::file;

/// How an audit is run: nothing of it but `memory` may change what comes out.
#[derive(Clone, Debug)]
pub struct How {
    pub config: Config,
    /// The most bytes that a read gives: blocks end where reads do.
    pub chunk: usize,
}

impl Default for How {
    fn default() -> Self {
        Self { config: Config::default(), chunk: usize::MAX }
    }
}

/// What an audit found.
pub struct Found {
    pub audit: Audit,
    /// Rules with a finding that is no notice.
    pub rules: BTreeSet<&'static str>,
}

impl Found {
    pub fn verdict(&self) -> Verdict {
        self.audit.verdict
    }

    /// The document's bytes.
    pub fn document(&self) -> String {
        let mut out = Vec::new();
        json::write(&self.audit, &Style::plain(), &mut out).expect("written to memory");
        String::from_utf8(out).expect("UTF-8")
    }

    /// What each finding says, for a person who looks for what went wrong.
    pub fn told(&self) -> String {
        self.audit.findings.iter().map(|f| format!("\n      {} {}: {}", f.rule, f.severity.as_str(), f.message)).collect()
    }
}

/// Takes down the flows of an audit.
#[derive(Default)]
pub struct Flows(pub Vec<(FlowRecord, Judgement)>);

impl Observer for Flows {
    fn flow(&mut self, record: &FlowRecord, judgement: &Judgement) {
        self.0.push((record.clone(), judgement.clone()));
    }
}

struct Nobody;

impl Observer for Nobody {}

pub fn audit(capture: Vec<u8>, policy: &Arc<Policy>, agents: &[Agent], how: &How) -> Found {
    watched(capture, policy, agents, how, &mut Nobody)
}

/// Audits a capture, whose ledger must close.
pub fn watched(capture: Vec<u8>, policy: &Arc<Policy>, agents: &[Agent], how: &How, observer: &mut dyn Observer) -> Found {
    let reader = Dribble { bytes: capture, at: 0, chunk: how.chunk };
    let open = move |n| file::from_reader("world".to_owned(), n, Box::new(reader));
    let input = Input { path: "world".to_owned(), sha256: None, first: None, found: false, open: Box::new(open) };
    let labels = agents.iter().map(ToString::to_string).collect();
    let judge = Judge::new(Arc::clone(policy), labels, false, None);
    let outcome = engine::run(vec![input], Scope::new(agents), judge, &how.config, observer);
    assert!(outcome.failed.is_empty(), "{:?}", outcome.failed);
    let audit = outcome.audit;
    let coverage = &audit.coverage;
    assert_eq!(coverage.ledger.values().sum::<u64>(), coverage.packets, "the ledger closes");
    assert_eq!(coverage.packets, audit.inputs[0].packets, "every frame is in the ledger");
    let rules = audit.findings.iter().filter(|f| f.severity != Severity::Notice).map(|f| f.rule).collect();
    Found { audit, rules }
}

/// Loads policies: built-in ones, files, or a text, which is known as `world`.
pub fn policy(selectors: &[String], text: &str) -> Arc<Policy> {
    let protocols: Vec<&str> = PROTOCOLS.iter().map(|protocol| protocol.name).collect();
    let known = Known { protocols: &protocols };
    let read = |path: &str| if path == "world" { Ok(text.to_owned()) } else { std::fs::read_to_string(path) };
    Arc::new(Policy::load(selectors, &known, &read).unwrap_or_else(|errors| panic!("{errors}\n{text}")))
}

/// Gives bytes in reads of a bounded size.
struct Dribble {
    bytes: Vec<u8>,
    at: usize,
    chunk: usize,
}

impl Read for Dribble {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let rest = &self.bytes[self.at..];
        let n = rest.len().min(buffer.len()).min(self.chunk);
        buffer[..n].copy_from_slice(&rest[..n]);
        self.at += n;
        Ok(n)
    }
}
