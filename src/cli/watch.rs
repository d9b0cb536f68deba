//! `wirewitness watch`: the same on a live interface. Findings are printed as they come, the verdict at the end.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use wirewitness::engine::{self, Config, Input, Observer};
use wirewitness::judge::{Finding, Judge, Scope};
use wirewitness::report::{self, Style, json};
use wirewitness::source::libpcap::Live;

use super::args::WatchArgs;
use super::session::Session;
use super::{Done, Failure};

struct Watch<'a> {
    args: &'a WatchArgs,
    began: Instant,
    interrupted: Arc<AtomicBool>,
    style: Style,
    closed: bool,
}

impl Observer for Watch<'_> {
    fn progress(&mut self, _: u64, packets: u64) -> bool {
        let enough = self.args.packets.is_some_and(|most| packets >= most);
        let late = self.args.duration.is_some_and(|longest| self.began.elapsed() >= longest);
        !enough && !late && !self.closed && !self.interrupted.load(Ordering::Relaxed)
    }

    fn finding(&mut self, finding: &Finding) {
        let mut out = io::stdout().lock();
        let written = if self.args.shared.json {
            json::write_line(finding, &mut out)
        } else {
            writeln!(out, "{}", report::text::line(finding, &self.style))
        };
        self.closed |= written.and_then(|()| out.flush()).is_err();
    }
}

pub(crate) fn run(args: &WatchArgs) -> Result<Done, Failure> {
    let session = Session::new(&args.shared)?;
    if session.agents.is_empty() {
        return Err(Failure::Message("a live audit needs its agents: name them with --agent, or in the policy".to_owned()));
    }
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed)).map_err(|error| error.to_string())?;
    let (interface, filter) = (args.interface.clone(), args.shared.filter.clone());
    let open = move |n| Live::open(&interface, filter.as_deref(), n).map(|live| Box::new(live) as Box<_>);
    let input = Input { path: args.interface.clone(), sha256: None, first: None, found: false, open: Box::new(open) };
    let labels = session.agents.iter().map(ToString::to_string).collect();
    let judge = Judge::new(Arc::clone(&session.policy), labels, false, args.shared.filter.clone());
    let mut watch = Watch { args, began: Instant::now(), interrupted, style: session.style(), closed: false };
    // an attacker who knew the key could aim at one lane
    let config = Config { eager: true, lane_key: RandomState::new().build_hasher().finish(), ..session.config() };
    let outcome = engine::run(vec![input], Scope::new(&session.agents).under(&session.policy), judge, &config, &mut watch);
    session.deliver(outcome, true)
}
