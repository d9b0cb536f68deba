//! `wirewitness flows`: one record a flow.

use std::cell::RefCell;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use wirewitness::engine::{self, Config, Input, Observer};
use wirewitness::fact::FlowRecord;
use wirewitness::judge::{Judge, Judgement, Scope};
use wirewitness::report::flow::FlowLine;
use wirewitness::report::json;

use super::args::AuditArgs;
use super::session::Session;
use super::{Done, Failure};

/// Writes records as flows end.
struct Writer {
    out: BufWriter<StdoutLock<'static>>,
    json: bool,
    /// No agent was named: nothing is judged, and no direction known.
    unjudged: bool,
    /// Of the inputs, as they were opened.
    paths: Rc<RefCell<Vec<String>>>,
    error: Option<io::Error>,
}

impl Observer for Writer {
    fn progress(&mut self, _: u64, _: u64) -> bool {
        self.error.is_none()
    }

    fn flow(&mut self, record: &FlowRecord, judgement: &Judgement) {
        if self.error.is_some() {
            return;
        }
        let unjudged = Judgement { protocol: judgement.protocol, ..Judgement::new("unknown", "not-judged", Vec::new()) };
        let judgement = if self.unjudged { &unjudged } else { judgement };
        let paths = self.paths.borrow();
        let path = paths.get(record.first.frame.input() as usize).map_or("", String::as_str);
        let line = FlowLine::new(record, judgement, path);
        let written = if self.json { json::write_line(&line, &mut self.out) } else { writeln!(self.out, "{line}") };
        self.error = written.err();
    }
}

/// The input, its path noted when it is opened: the order of opening is that of time.
fn noted(input: Input, paths: &Rc<RefCell<Vec<String>>>) -> Input {
    let (paths, path, open) = (Rc::clone(paths), input.path.clone(), input.open);
    let open = move |n| open(n).inspect(|_| paths.borrow_mut().push(path));
    Input { open: Box::new(open), ..input }
}

pub(crate) fn run(args: &AuditArgs) -> Result<Done, Failure> {
    let mut session = Session::new(&args.shared)?;
    session.until_interrupted(args)?;
    let paths = Rc::new(RefCell::new(Vec::new()));
    let inputs = session.inputs(&args.captures)?.into_iter().map(|input| noted(input, &paths)).collect();
    let judge = Judge::new(Arc::clone(&session.policy), Vec::new(), false, args.shared.filter.clone());
    let mut writer = Writer {
        out: BufWriter::new(io::stdout().lock()),
        json: args.shared.json,
        unjudged: session.agents.is_empty(),
        paths,
        error: None,
    };
    let config = Config { inspect_all: true, details: args.shared.json, each_flow: true, ..session.config() };
    let outcome = engine::run(inputs, Scope::new(&session.agents).under(&session.policy), judge, &config, &mut writer);
    match writer.error.take() {
        Some(error) => return Err(error.into()),
        None => writer.out.flush()?,
    }
    for failed in &outcome.failed {
        anstream::eprintln!("wirewitness: {failed}");
    }
    for passed_over in &outcome.passed_over {
        session.warn(&format!("passed over: {passed_over}"));
    }
    for input in outcome.audit.inputs.iter().filter(|input| !input.complete) {
        session.warn(&format!("{}: {}", input.path, input.damage.as_deref().unwrap_or("is not whole")));
    }
    session.write_reports(&outcome.audit)?;
    let read: Vec<PathBuf> = outcome.audit.inputs.iter().map(|input| input.path.clone().into()).collect();
    Ok(if outcome.failed.is_empty() && !read.is_empty() { Done::Fine } else { Done::NotAudited })
}
