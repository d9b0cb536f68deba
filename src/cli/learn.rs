//! `wirewitness policy learn`: a policy from captures.

use std::io::{self, Write};
use std::sync::Arc;

use wirewitness::engine::{self, Config, Observer};
use wirewitness::fact::FlowRecord;
use wirewitness::judge::policy::Policy;
use wirewitness::judge::{Judge, Judgement, Learner, Scope};

use super::args::AuditArgs;
use super::session::Session;
use super::{Done, Failure};

/// Hands flows to the learner.
struct Pupil<'a> {
    learner: &'a mut Learner,
    policy: &'a Policy,
}

impl Observer for Pupil<'_> {
    fn flow(&mut self, record: &FlowRecord, judgement: &Judgement) {
        self.learner.flow(record, judgement, self.policy);
    }
}

pub(crate) fn run(args: &AuditArgs) -> Result<Done, Failure> {
    let session = Session::new(&args.shared)?;
    if session.agents.is_empty() {
        return Err(Failure::Message("nobody's traffic is learnt: name the agent with --agent, or in a policy's [agent]".to_owned()));
    }
    let labels: Vec<String> = session.agents.iter().map(ToString::to_string).collect();
    let mut learner = Learner::default();
    let mut all_read = true;
    for (n, capture) in args.captures.iter().enumerate() {
        if n > 0 {
            learner.next_capture();
        }
        let inputs = session.inputs(std::slice::from_ref(capture))?;
        let judge = Judge::new(Arc::clone(&session.policy), labels.clone(), false, args.shared.filter.clone());
        let scope = Scope::new(&session.agents).under(&session.policy);
        let mut pupil = Pupil { learner: &mut learner, policy: &session.policy };
        let config = Config { each_flow: true, ..session.config() };
        let outcome = engine::run(inputs, scope, judge, &config, &mut pupil);
        learner.findings(&outcome.audit.findings);
        for failed in &outcome.failed {
            anstream::eprintln!("wirewitness: {failed}");
        }
        for passed_over in &outcome.passed_over {
            session.warn(&format!("passed over: {passed_over}"));
        }
        all_read &= outcome.failed.is_empty() && !outcome.audit.inputs.is_empty();
    }
    let mut out = io::stdout().lock();
    out.write_all(learner.policy(&args.shared.policy).as_bytes())?;
    out.flush()?;
    Ok(if all_read { Done::Fine } else { Done::NotAudited })
}
