//! The command line: what can be said ([`args`]), and one file a command. The only place with a clock, standard output and exit codes.

mod args;
mod audit;
mod docs;
mod flows;
mod learn;
mod policy;
mod policy_diff;
mod policy_test;
mod rules;
mod schema;
mod session;
mod watch;

use std::io;
use std::process::ExitCode;

use args::{Cli, Command, PolicyCommand, RulesCommand};
use clap::Parser;
use wirewitness::judge::Verdict;

/// What a command came to.
pub(crate) enum Done {
    /// A verdict.
    Verdict(Verdict),
    /// No verdict was asked for, and nothing failed.
    Fine,
    /// Something is not as it should be.
    Failed,
    /// Something could not be audited; it was said on standard error.
    NotAudited,
}

/// Why a command could not be carried out, in words for standard error; a closed pipe is no reason for any.
pub(crate) enum Failure {
    /// A message, with the place and the mend.
    Message(String),
    /// Nobody reads on.
    ClosedPipe,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::ClosedPipe } else { Self::Message(error.to_string()) }
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Message(message)
    }
}

/// Runs the program: arguments in, exit code out.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Audit(args) => audit::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Flows(args) => flows::run(&args),
        Command::Policy { command: PolicyCommand::List } => policy::list(),
        Command::Policy { command: PolicyCommand::Import(args) } => policy::import(&args),
        Command::Policy { command: PolicyCommand::Learn(args) } => learn::run(&args),
        Command::Policy { command: PolicyCommand::Show { policies, settings } } => policy::show(&policies, &settings),
        Command::Policy { command: PolicyCommand::Check { policies, settings, strict } } => policy::check(&policies, &settings, strict),
        Command::Policy { command: PolicyCommand::Diff(args) } => policy_diff::run(&args),
        Command::Policy { command: PolicyCommand::Test(args) } => policy_test::run(&args),
        Command::Rules { command: RulesCommand::List { json } } => rules::list(json),
        Command::Rules { command: RulesCommand::Explain { codes } } => rules::explain(&codes),
        Command::Schema { document } => schema::print(document),
        Command::Completions { shell } => docs::completions(shell),
        Command::Man => docs::man(),
    };
    let code = match done {
        Ok(Done::Fine | Done::Verdict(Verdict::Pass)) | Err(Failure::ClosedPipe) => 0,
        Ok(Done::Failed | Done::Verdict(Verdict::Fail)) => 1,
        Ok(Done::Verdict(Verdict::Inconclusive)) => 3,
        Ok(Done::NotAudited) => 2,
        Err(Failure::Message(message)) => {
            anstream::eprintln!("wirewitness: {}", message.trim_end());
            2
        }
    };
    ExitCode::from(code)
}
