//! `wirewitness policy diff`: what one policy allows and another does not, and which flows they judge otherwise.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs::File;
use std::hash::BuildHasher;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use foldhash::fast::{FixedState, RandomState};
use wirewitness::engine::Observer;
use wirewitness::fact::FlowRecord;
use wirewitness::judge::policy::{Agent, Changed, Policy};
use wirewitness::judge::rehearsal::{Again, Recorded};
use wirewitness::judge::{Judgement, Scope, Verdict};

use super::args::DiffArgs;
use super::session::{audit_captures, load_policy, protocols};
use super::{Done, Failure};

/// Groups of flows that are shown; the rest is counted.
const SHOWN: usize = 200;

pub(crate) fn run(args: &DiffArgs) -> Result<Done, Failure> {
    let [older, newer] = [&args.older, &args.newer].map(|selector| load_policy(std::slice::from_ref(selector), &args.settings));
    let (older, newer) = (Arc::new(older?), Arc::new(newer?));
    let mut out = String::new();
    let mut differs = false;
    let changes = older.changes_to(&newer);
    for (changed, title, mark) in
        [(Changed::Allowed, "newly allowed", '+'), (Changed::Refused, "newly refused", '-'), (Changed::Otherwise, "set otherwise", '~')]
    {
        let of_kind = changes.iter().filter(|change| change.changed == changed);
        for (n, change) in of_kind.enumerate() {
            if n == 0 {
                _ = writeln!(out, "{title}");
            }
            _ = writeln!(out, "  {mark} {change}");
            differs = true;
        }
    }
    let mut all_read = true;
    if !args.traffic.is_empty() {
        let mut agents = args.agent.clone();
        agents.extend(older.agents.iter().chain(&newer.agents).copied());
        let mut compared = Compared::default();
        all_read = if args.traffic.iter().all(|path| is_records(path)) {
            records(&args.traffic, &agents, [&older, &newer], &mut compared)?
        } else {
            captures(&args.traffic, &agents, [&older, &newer], &mut compared)?
        };
        differs |= compared.differs();
        compared.write(&mut out);
    }
    if !differs {
        out.push_str("no difference\n");
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(out.as_bytes())?;
    stdout.flush()?;
    Ok(match (all_read, differs) {
        (false, _) => Done::NotAudited,
        (true, true) => Done::Failed,
        (true, false) => Done::Fine,
    })
}

/// What both policies made of the flows.
#[derive(Default)]
struct Compared {
    /// Of each flow, by the hash of its first packet and its ends: what the older policy made of it, by its place in `outcomes`.
    before: HashMap<u64, u32, RandomState>,
    outcomes: Vec<String>,
    flows: u64,
    changed: u64,
    /// Flows that are judged otherwise, by how and by where they went: how many, and the first.
    groups: BTreeMap<(String, String), (u64, u64)>,
    is_newer: bool,
    /// What came of the audits, where there were any.
    verdicts: Vec<Verdict>,
}

impl Compared {
    fn take(&mut self, record: &FlowRecord, judgement: &Judgement) {
        let which = (record.first.frame, record.ends, record.transport, record.is_tunnel);
        let (key, outcome) = (FixedState::with_seed(0).hash_one(which), outcome(judgement));
        if !self.is_newer {
            let place = self.outcomes.iter().position(|known| *known == outcome).unwrap_or(self.outcomes.len());
            if place == self.outcomes.len() {
                self.outcomes.push(outcome);
            }
            self.before.insert(key, place as u32);
            return;
        }
        self.flows += 1;
        let before = self.before.get(&key).and_then(|place| self.outcomes.get(*place as usize)).map_or("not judged", String::as_str);
        if before == outcome {
            return;
        }
        self.changed += 1;
        let facts = &record.facts;
        let name = facts.names.last().map(|read| &read.name).or(judgement.answered_name.as_ref());
        let peer = record.responder_endpoint();
        let (from, transport) = (record.initiator_endpoint().ip, record.transport);
        let place = match name {
            Some(name) => format!("{} {transport} {from} -> {name}:{} ({})", judgement.direction, peer.port, peer.ip),
            None => format!("{} {transport} {from} -> {peer}", judgement.direction),
        };
        let group = self.groups.entry((format!("{before} -> {outcome}"), place)).or_insert((0, u64::MAX));
        *group = (group.0 + 1, group.1.min(record.first.frame.number()));
    }

    fn differs(&self) -> bool {
        self.changed > 0 || self.verdicts.windows(2).any(|pair| pair[0] != pair[1])
    }

    fn write(&self, out: &mut String) {
        if let [before, now] = self.verdicts[..] {
            _ = writeln!(out, "verdict: {} -> {}", before.as_str(), now.as_str());
        }
        _ = writeln!(out, "flows: {}, judged otherwise: {}", self.flows, self.changed);
        let mut last = "";
        for ((how, place), (flows, first)) in self.groups.iter().take(SHOWN) {
            if how != last {
                _ = writeln!(out, "  {how}");
                last = how;
            }
            _ = writeln!(out, "    {place}: flows {flows}, packet {first}");
        }
        if self.groups.len() > SHOWN {
            _ = writeln!(out, "    and {} more", self.groups.len() - SHOWN);
        }
    }
}

impl Observer for Compared {
    fn flow(&mut self, record: &FlowRecord, judgement: &Judgement) {
        self.take(record, judgement);
    }
}

/// What came of a flow, in words.
fn outcome(judgement: &Judgement) -> String {
    if judgement.rules.is_empty() { judgement.verdict.to_owned() } else { format!("{} {}", judgement.verdict, judgement.rules.join(" ")) }
}

/// Audits captures under both policies.
fn captures(paths: &[PathBuf], agents: &[Agent], policies: [&Arc<Policy>; 2], compared: &mut Compared) -> Result<bool, Failure> {
    if agents.is_empty() {
        return Err(Failure::Message("nobody is audited: name the agent with --agent, or in a policy's [agent]".to_owned()));
    }
    let mut all_read = true;
    for (n, policy) in policies.into_iter().enumerate() {
        compared.is_newer = n == 1;
        let outcome = audit_captures(paths, agents, policy, compared);
        if n == 1 {
            for failed in &outcome.failed {
                anstream::eprintln!("wirewitness: {failed}");
            }
        }
        all_read &= outcome.failed.is_empty();
        compared.verdicts.push(outcome.audit.verdict);
    }
    Ok(all_read)
}

/// Judges recorded flows under both policies.
fn records(paths: &[PathBuf], agents: &[Agent], policies: [&Arc<Policy>; 2], compared: &mut Compared) -> Result<bool, Failure> {
    let protocols = protocols();
    for (n, policy) in policies.into_iter().enumerate() {
        compared.is_newer = n == 1;
        let mut again = Again::new(policy, Scope::new(agents).under(policy), &protocols);
        each_record(paths, &mut |recorded| again.answers(recorded))?;
        each_record(paths, &mut |recorded| {
            if let Some((record, judgement)) = again.flow(recorded) {
                compared.take(&record, &judgement);
            }
        })?;
    }
    if compared.flows > 0 && compared.outcomes.iter().all(|outcome| outcome == "not-judged") {
        return Err(Failure::Message("no flow is an agent's: name the agent with --agent, or in a policy's [agent]".to_owned()));
    }
    Ok(true)
}

fn each_record(paths: &[PathBuf], take: &mut dyn FnMut(&Recorded)) -> Result<(), Failure> {
    for path in paths {
        let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let file = File::open(path).map_err(|error| named(&error))?;
        for (n, line) in BufReader::new(file).lines().enumerate() {
            let line = line.map_err(|error| named(&error))?;
            if !line.trim().is_empty() {
                let wrong = |error: String| format!("{}:{}: no flow record: {error}", path.display(), n + 1);
                take(&Recorded::parse(&line).map_err(wrong)?);
            }
        }
    }
    Ok(())
}

/// Whether a file holds flow records: it begins as JSON does.
fn is_records(path: &Path) -> bool {
    let mut first = [0; 1];
    File::open(path).and_then(|mut file| file.read_exact(&mut first)).is_ok() && first == *b"{"
}
