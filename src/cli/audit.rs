//! `wirewitness audit`: a verdict over captures.

use std::path::PathBuf;
use std::sync::Arc;

use indicatif::ProgressBar;
use wirewitness::engine::{self, Candidate, Config, Inference, Input, Observer};
use wirewitness::judge::policy::Agent;
use wirewitness::judge::{Judge, Scope, controls};

use super::args::{AuditArgs, AuditCommand};
use super::session::{Session, is_read_once};
use super::{Done, Failure};

/// Shows how far the reading has come.
struct Bar(ProgressBar);

impl Observer for Bar {
    fn progress(&mut self, bytes: u64, _: u64) -> bool {
        self.0.set_position(bytes);
        true
    }
}

pub(crate) fn run(command: &AuditCommand) -> Result<Done, Failure> {
    let args = &command.audit;
    let mut session = Session::new(&args.shared)?;
    session.until_interrupted(args)?;
    let (agents, inferred) = match session.agents.is_empty() {
        false => (session.agents.clone(), false),
        true => (infer(&session, args)?, true),
    };
    let inputs = session.inputs(&args.captures)?;
    let labels = agents.iter().map(ToString::to_string).collect();
    let judge = Judge::new(Arc::clone(&session.policy), labels, inferred, args.shared.filter.clone());
    let explain = command.explain_packet.as_ref().map(|asked| which(asked, &inputs)).transpose()?;
    let mut bar = Bar(session.progress(&args.captures));
    let config = Config { explain: explain.clone(), ..session.config() };
    let mut outcome = engine::run(inputs, Scope::new(&agents).under(&session.policy), judge, &config, &mut bar);
    bar.0.finish_and_clear();
    if command.controls {
        outcome.audit.controls = controls::of(&outcome.audit);
    }
    match explain {
        Some((path, number)) => session.explain(&outcome, &path, number),
        None => session.deliver(outcome, false),
    }
}

/// The input that a packet is asked of, by its path or by the end of it.
fn which((file, number): &(String, u64), inputs: &[Input]) -> Result<(String, u64), Failure> {
    let is_it = |path: &str| path == file || path.strip_suffix(file.as_str()).is_some_and(|before| before.ends_with('/'));
    let found: Vec<&str> = match inputs.iter().find(|input| input.path == *file) {
        Some(input) => vec![&input.path],
        None => inputs.iter().map(|input| input.path.as_str()).filter(|path| is_it(path)).collect(),
    };
    match found[..] {
        [path] => Ok((path.to_owned(), *number)),
        [] => Err(Failure::Message(format!("--explain-packet: `{file}` is none of the captures that are audited"))),
        _ => Err(Failure::Message(format!("--explain-packet: `{file}` may be {}: write more of its path", found.join(" or ")))),
    }
}

/// Finds the agent where nobody names it, or says who it may be.
fn infer(session: &Session<'_>, args: &AuditArgs) -> Result<Vec<Agent>, Failure> {
    let captures = &args.captures;
    let is_pipe = args.follow || captures.iter().any(|capture| is_read_once(capture));
    // standard input is read to name the candidates; what may never end is not waited for
    let ends = !args.follow && captures.iter().all(|capture| capture.as_os_str() == "-" || !is_read_once(capture));
    let inference = if ends { engine::infer(session.inputs(captures)?) } else { Inference::default() };
    if let Some(agent) = inference.agent().filter(|_| !is_pipe) {
        let addresses: Vec<String> = agent.addresses.iter().map(ToString::to_string).collect();
        session.warn(&format!("no agent was named: {} takes part in {} of {} flows", addresses.join(", "), agent.flows, inference.flows));
        return Ok(agent.addresses.iter().map(|&ip| Agent::Net(ip.into())).collect());
    }
    if inference.flows == 0 && !is_pipe {
        // nothing to infer from: the audit says so itself, as WW909 or as an input that cannot be read
        return Ok(Vec::new());
    }
    Err(Failure::Message(candidates(session, captures, &inference, is_pipe)))
}

fn candidates(session: &Session<'_>, captures: &[PathBuf], inference: &Inference, is_pipe: bool) -> String {
    let why = if is_pipe {
        "no agent was named, and a pipe is read only once"
    } else {
        "no agent was named, and no single host takes part in nearly all flows"
    };
    let mut message = format!("{why}: name it with --agent\n");
    let arguments = |host: &Candidate| host.addresses.iter().map(|ip| format!(" -a {ip}")).collect::<String>();
    for host in &inference.candidates {
        let share = host.flows * 100 / inference.flows.max(1);
        let addresses: Vec<String> = host.addresses.iter().map(ToString::to_string).collect();
        message.push_str(&format!("  {share:>3} % of flows  {}\n", addresses.join(", ")));
    }
    if let Some(host) = inference.candidates.first() {
        let policies: String = session.shared.policy.iter().map(|policy| format!(" -p {policy}")).collect();
        let captures: String = captures.iter().map(|capture| format!(" {}", capture.display())).collect();
        message.push_str(&format!("such as: wirewitness audit{policies}{}{captures}\n", arguments(host)));
    }
    message
}
