//! `wirewitness policy`: the policies built in, what is in force, lists that others publish, and mistakes.

use std::fs;
use std::io::{self, BufWriter, Write};

use wirewitness::judge::policy::import::{self, Wanted};
use wirewitness::judge::policy::profiles;

use super::args::{ImportArgs, Settings};
use super::session::{check_policy, load_policy};
use super::{Done, Failure};

pub(crate) fn list() -> Result<Done, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    for name in profiles::names() {
        writeln!(out, "{name:<24} {}", profiles::description(name).unwrap_or_default())?;
    }
    out.flush()?;
    Ok(Done::Fine)
}

pub(crate) fn show(policies: &[String], settings: &Settings) -> Result<Done, Failure> {
    let policy = load_policy(policies, settings)?;
    let mut out = BufWriter::new(io::stdout().lock());
    out.write_all(policy.show().as_bytes())?;
    for (name, limits) in policies.iter().filter_map(|name| Some((name, profiles::limits(name)?))) {
        writeln!(out, "limits      {name}: {limits}")?;
    }
    out.flush()?;
    Ok(Done::Fine)
}

pub(crate) fn import(args: &ImportArgs) -> Result<Done, Failure> {
    let kind = import::kind(&args.kind).map_err(|help| format!("no list is of the kind `{}`: {help}", args.kind.escape_debug()))?;
    let file = args.file.display().to_string();
    let bytes = fs::read(&args.file).map_err(|error| format!("{file}: {error}"))?;
    let name = args.file.file_name().map_or_else(|| file.clone(), |name| name.to_string_lossy().into_owned());
    let wanted = Wanted { only: args.only.clone(), regions: args.region.clone(), ports: args.port.clone(), name: args.name.clone() };
    let policy = import::policy(kind, &name, &bytes, &wanted)?;
    let mut out = io::stdout().lock();
    out.write_all(policy.as_bytes())?;
    out.flush()?;
    Ok(Done::Fine)
}

pub(crate) fn check(policies: &[String], settings: &Settings, strict: bool) -> Result<Done, Failure> {
    // each by itself first, so that one's mistakes do not hide another's; but a value may be for a variable of one alone
    if settings.set.is_empty() {
        let mistakes: Vec<String> = policies
            .iter()
            .filter_map(|policy| match load_policy(std::slice::from_ref(policy), settings) {
                Err(Failure::Message(message)) => Some(message),
                _ => None,
            })
            .collect();
        if !mistakes.is_empty() {
            return Err(Failure::Message(mistakes.join("\n")));
        }
    }
    let warnings = check_policy(policies, settings)?;
    if !warnings.is_empty() {
        anstream::eprintln!("wirewitness: the policy is valid, and doubtful\n{}", warnings.to_string().trim_end());
    }
    Ok(if strict && !warnings.is_empty() { Done::Failed } else { Done::Fine })
}
