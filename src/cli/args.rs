//! The one definition of the command line: help, the man page and completions are made from it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use wirewitness::judge::policy::import::KINDS;
use wirewitness::judge::policy::{Agent, parse_agent, parse_ports, parse_setting};
use wirewitness::report::{self, Format};

/// Audits packets against a traffic policy: a verdict, with the packets that prove it.
#[derive(Parser)]
#[command(
    name = "wirewitness",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "Exit codes: 0 pass or done, 1 fail, 2 the audit could not be made, 3 inconclusive."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// A verdict over capture files, directories of them, or standard input
    #[command(after_help = "Examples:
  wirewitness audit -p azure-arc -p os-infrastructure -a 10.0.0.4 capture.pcapng
  wirewitness audit -p policy.toml --json --report text=report.txt captures/
  wirewitness audit -p policy.toml --explain-packet capture.pcap:12 capture.pcap
  tcpdump -w - host 10.0.0.4 | wirewitness audit -p policy.toml -")]
    Audit(AuditCommand),
    /// The same, on a live interface or span port: findings as they come, and the verdict at the end
    #[command(after_help = "Examples:
  wirewitness watch -i eth0 -p policy.toml --duration 10m
  wirewitness watch -i span0 -f 'host 10.0.0.4' -p azure-arc -a 10.0.0.4 --packets 1000000")]
    Watch(WatchArgs),
    /// One record a flow, judged or not, in the order in which flows end
    #[command(after_help = "Examples:
  wirewitness flows capture.pcap
  wirewitness flows --json -p policy.toml capture.pcap | jq .server_name")]
    Flows(AuditArgs),
    /// Lists, shows and checks policies
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// Lists and explains rules
    Rules {
        #[command(subcommand)]
        command: RulesCommand,
    },
    /// Prints the JSON Schema of a document
    #[command(after_help = "Examples:
  wirewitness schema policy > policy.schema.json
  wirewitness schema audit")]
    Schema {
        /// Which one
        document: super::schema::Document,
    },
    /// Prints completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Prints the man page
    Man,
}

/// The kinds of lists that can be imported, and examples.
fn import_help() -> String {
    let kinds: String = KINDS.iter().map(|kind| format!("  {:<26} {}\n", kind.name, kind.reads)).collect();
    format!(
        "Kinds:
{kinds}
Examples:
  wirewitness policy import azure-service-tags --only AzureArcInfrastructure --port 443 ServiceTags_Public_20260713.json > tags.toml
  wirewitness policy import list --name ours names.txt > ours.toml"
    )
}

#[derive(Subcommand)]
pub(crate) enum PolicyCommand {
    /// The policies that are built in
    List,
    /// The policy in force, entry by entry, with where each stands
    Show {
        /// Built-in names or files
        #[arg(required = true, value_name = "NAME|FILE", value_hint = ValueHint::FilePath)]
        policies: Vec<String>,
        #[command(flatten)]
        settings: Settings,
    },
    /// A list that somebody publishes, as a policy on standard output; nothing is fetched
    #[command(after_help = import_help())]
    Import(ImportArgs),
    /// The smallest policy that captures would pass, on standard output: where traffic went, how often, in how many of them
    #[command(after_help = "What is doubtful is commented out, with the reason. Each capture named counts as one.

Examples:
  wirewitness policy learn -a 10.0.0.4 monday.pcap tuesday.pcap > learnt.toml
  wirewitness policy learn -a 10.0.0.4 -p os-infrastructure captures/ > learnt.toml")]
    Learn(AuditArgs),
    /// Tests of policies: what must come of captures, and of flows that are made up, a line each
    #[command(after_help = "Exit: 0 all passed, 1 one failed, 2 one could not be run. See docs/writing-policies.md.

Examples:
  wirewitness policy test tests/
  wirewitness policy test --junit results.xml -p next.toml tests/arc.test.toml")]
    Test(TestArgs),
    /// What a newer policy allows and refuses, against an older one, and which flows it judges otherwise
    #[command(after_help = "Flows are those of captures, or records that `wirewitness flows --json` wrote.
Exit: 0 no difference, 1 different, 2 something could not be read.

Examples:
  wirewitness policy diff old.toml new.toml
  wirewitness policy diff -a 10.0.0.4 old.toml new.toml monday.pcap tuesday.pcap
  wirewitness policy diff old.toml new.toml flows.jsonl")]
    Diff(DiffArgs),
    /// Every mistake in policies, with its line and column, and what is doubtful in them
    #[command(after_help = "Exit: 0 no mistake, 1 something doubtful under --strict, 2 a mistake.")]
    Check {
        /// Files, or built-in names
        #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
        policies: Vec<String>,
        #[command(flatten)]
        settings: Settings,
        /// Fails where something is doubtful
        #[arg(long)]
        strict: bool,
    },
}

#[derive(Args)]
pub(crate) struct TestArgs {
    /// Files of tests, and folders of them: those that end in .test.toml
    #[arg(required = true, value_name = "FILE|DIR", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
    /// The policy under test, instead of those that the files name; repeatable
    #[arg(short, long, value_name = "NAME|FILE", value_hint = ValueHint::FilePath)]
    pub(crate) policy: Vec<String>,
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// Writes the results as JUnit XML besides
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) junit: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct DiffArgs {
    /// The older policy: a built-in one or a file
    #[arg(value_name = "A", value_hint = ValueHint::FilePath)]
    pub(crate) older: String,
    /// The newer policy
    #[arg(value_name = "B", value_hint = ValueHint::FilePath)]
    pub(crate) newer: String,
    /// Captures, or files of flow records
    #[arg(value_name = "CAPTURE|RECORDS", value_hint = ValueHint::AnyPath)]
    pub(crate) traffic: Vec<PathBuf>,
    /// An address, prefix or MAC of the agent; repeatable: all are one client
    #[arg(short, long, value_name = "ADDR|PREFIX|MAC", value_parser = agent)]
    pub(crate) agent: Vec<Agent>,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Args)]
pub(crate) struct ImportArgs {
    /// What kind of list it is
    #[arg(value_name = "KIND")]
    pub(crate) kind: String,
    /// The list
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// Only this part: a tag, a service, an area; repeatable
    #[arg(long, value_name = "PART")]
    pub(crate) only: Vec<String>,
    /// Only the parts of this region; repeatable
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Vec<String>,
    /// A port or a range for parts that name none; repeatable [default: any]
    #[arg(long, value_name = "PORT", value_parser = ports)]
    pub(crate) port: Vec<std::ops::RangeInclusive<u16>>,
    /// The policy's name [default: the kind]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum RulesCommand {
    /// Every rule with its code, name and severity
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// What rules check, why it matters, how to mend what they find, and the controls they bear on
    Explain {
        /// Codes, such as WW304
        #[arg(required = true, value_name = "CODE")]
        codes: Vec<String>,
    },
}

/// Values for what policies leave open.
#[derive(Args)]
pub(crate) struct Settings {
    /// The value of a variable of a policy; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_setting)]
    pub(crate) set: Vec<(String, String)>,
}

/// Options that audit, watch and flows share.
#[derive(Args)]
pub(crate) struct Shared {
    /// A built-in policy or a file; repeatable: lists unite
    #[arg(short, long, value_name = "NAME|FILE", value_hint = ValueHint::FilePath)]
    pub(crate) policy: Vec<String>,
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// An address, prefix or MAC of the agent; repeatable: all are one client
    #[arg(short, long, value_name = "ADDR|PREFIX|MAC", value_parser = agent)]
    pub(crate) agent: Vec<Agent>,
    /// Leaves out frames that do not match; what it leaves out of the agent is said
    #[arg(short, long, value_name = "BPF")]
    pub(crate) filter: Option<String>,
    /// Writes the document (JSON Lines for flows and watch) to standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// Writes a report besides; repeatable. Formats: text, json
    #[arg(long, value_name = "FORMAT=PATH", value_parser = target)]
    pub(crate) report: Vec<Target>,
    /// Puts the SHA-256 of the inputs in the document
    #[arg(long)]
    pub(crate) hash: bool,
    /// Threads that read packets; the answer is the same for any number [default: one a processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: Option<u16>,
    /// Memory that flows may take: 512M, 2GiB
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = size)]
    pub(crate) memory: u64,
    /// No warnings and no progress
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Says more on standard error
    #[arg(short, long, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    /// Colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    /// No progress bar
    #[arg(long)]
    pub(crate) no_progress: bool,
}

#[derive(Args)]
pub(crate) struct AuditCommand {
    #[command(flatten)]
    pub(crate) audit: AuditArgs,
    /// Instead of the verdict: which bucket of the ledger packet N fell in and why, its flow, what was read in it, and what cites it
    #[arg(long, value_name = "FILE:N", value_parser = packet, allow_hyphen_values = true)]
    pub(crate) explain_packet: Option<(String, u64)>,
    /// Adds what the evidence says of controls (NIST, PCI DSS, ISO, SOC 2, CIS), and how far it reaches
    #[arg(long)]
    pub(crate) controls: bool,
}

#[derive(Args)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    pub(crate) shared: Shared,
    /// Reads on while the one capture file named grows, until interrupted
    #[arg(long)]
    pub(crate) follow: bool,
    /// Capture files, directories of them, - for standard input, TCP@HOST:PORT or LISTEN@ADDRESS:PORT
    #[arg(required = true, value_name = "CAPTURE", value_hint = ValueHint::AnyPath)]
    pub(crate) captures: Vec<PathBuf>,
}

#[derive(Args)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    pub(crate) shared: Shared,
    /// The interface
    #[arg(short, long, value_name = "IFACE")]
    pub(crate) interface: String,
    /// Ends after this long: 30s, 10m, 1h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// Ends after so many packets
    #[arg(long, value_name = "N")]
    pub(crate) packets: Option<u64>,
}

/// When to use colours.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// A report and where it goes.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) format: &'static Format,
    pub(crate) path: PathBuf,
}

fn agent(text: &str) -> Result<Agent, String> {
    parse_agent(text).map_err(|(message, help)| match help {
        Some(help) => format!("{message}: {help}"),
        None => message,
    })
}

/// A port, or a range of them.
fn ports(text: &str) -> Result<std::ops::RangeInclusive<u16>, String> {
    parse_ports(&text.into()).map_err(|(message, _)| message)
}

/// A capture and the number of a packet in it, from 1.
fn packet(text: &str) -> Result<(String, u64), String> {
    let parts = text.rsplit_once(':').and_then(|(file, number)| Some((file.to_owned(), number.parse().ok().filter(|n| *n > 0)?)));
    parts.ok_or_else(|| "write it as FILE:N, N from 1, as Wireshark numbers packets".to_owned())
}

fn target(text: &str) -> Result<Target, String> {
    let names = || report::FORMATS.iter().map(|format| format.name).collect::<Vec<_>>().join(", ");
    let (name, path) = text.split_once('=').ok_or_else(|| format!("write it as FORMAT=PATH; formats are {}", names()))?;
    let format = report::by_name(name).ok_or_else(|| format!("no format is called `{name}`; there are {}", names()))?;
    if path.is_empty() {
        return Err("the path is empty".to_owned());
    }
    Ok(Target { format, path: path.into() })
}

/// Bytes: a number with K, M, G or T, of 1024, with or without `B` or `iB`.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err("write it as 512M or 2GiB".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| "write it as 512M or 2GiB".to_owned())?;
    let bytes = number * (1u64 << shift) as f64;
    if (1.0..1e15).contains(&bytes) { Ok(bytes as u64) } else { Err("that is no amount of memory".to_owned()) }
}

/// A time: a number with s, m, h or d; seconds where none stands.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err("write it as 30s, 10m or 1h".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| "write it as 30s, 10m or 1h".to_owned())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| "that is no length of time".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_and_times_are_read() {
        assert_eq!(size("512M"), Ok(512 << 20));
        assert_eq!(size("2GiB"), Ok(2 << 30));
        assert_eq!(size("1.5g"), Ok(3 << 29));
        assert_eq!(size("64K"), Ok(64 << 10));
        assert!(["", "M", "5X", "0", "-1M", "1e9G"].iter().all(|wrong| size(wrong).is_err()));
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert!(["", "s", "5y", "-1s"].iter().all(|wrong| duration(wrong).is_err()));
    }
}
