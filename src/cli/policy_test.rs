//! `wirewitness policy test`: files of tests held against the policies that they name.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use wirewitness::engine::Observer;
use wirewitness::judge::policy::suite::{Suite, Test};
use wirewitness::judge::policy::{Agent, Policy, profiles};
use wirewitness::judge::{Audit, Severity, rehearsal};

use super::args::{Settings, TestArgs};
use super::session::{audit_captures, load_policy, protocols};
use super::{Done, Failure};

/// What the name of a file of tests ends in.
const SUFFIX: &str = ".test.toml";

/// A file of tests that was run.
struct Ran {
    file: String,
    /// Each test by its name, and how it went.
    tests: Vec<(String, Went)>,
}

/// How a test went.
enum Went {
    Passed,
    /// It came to something else than was meant.
    Failed(String),
    /// It could not be run.
    Broken(String),
}

/// Nobody watches.
struct Nobody;

impl Observer for Nobody {}

pub(crate) fn run(args: &TestArgs) -> Result<Done, Failure> {
    let files = files(&args.paths)?;
    if files.is_empty() {
        return Err(Failure::Message(format!("no tests were found: their files end in {SUFFIX}")));
    }
    let mut out = io::stdout().lock();
    let (mut ran, mut broken) = (Vec::new(), false);
    for file in files {
        match suite(&file, args) {
            Ok(result) => {
                writeln!(out, "{}", result.file)?;
                for (name, went) in &result.tests {
                    match went {
                        Went::Passed => writeln!(out, "  ok    {name}")?,
                        Went::Failed(why) => writeln!(out, "  FAIL  {name}\n{}", indented(why))?,
                        Went::Broken(why) => {
                            writeln!(out, "  ERROR {name}\n{}", indented(why))?;
                            broken = true;
                        }
                    }
                }
                ran.push(result);
            }
            Err(Failure::Message(message)) => {
                anstream::eprintln!("wirewitness: {}: {}", file.display(), message.trim_end());
                broken = true;
                let whole = ("the file".to_owned(), Went::Broken(message.trim_end().to_owned()));
                ran.push(Ran { file: file.display().to_string(), tests: vec![whole] });
            }
            Err(closed) => return Err(closed),
        }
    }
    let count = |is: fn(&Went) -> bool| ran.iter().flat_map(|ran| &ran.tests).filter(|(_, went)| is(went)).count();
    let failed = count(|went| matches!(went, Went::Failed(_)));
    let unrun = match count(|went| matches!(went, Went::Broken(_))) {
        0 => String::new(),
        n => format!(", {n} could not be run"),
    };
    writeln!(out, "{} passed, {failed} failed{unrun}", count(|went| matches!(went, Went::Passed)))?;
    out.flush()?;
    if let Some(path) = &args.junit {
        let document = junit(&ran)?;
        fs::write(path, document).map_err(|error| format!("{}: cannot be written: {error}", path.display()))?;
    }
    Ok(match (broken, failed) {
        (true, _) => Done::NotAudited,
        (false, 0) => Done::Fine,
        (false, _) => Done::Failed,
    })
}

/// The files of tests: those that are named, and those below the folders that are named, in order. Links to folders are not followed.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = BTreeSet::new();
    let mut open: Vec<PathBuf> = Vec::new();
    for path in paths {
        let kind = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
        if kind.is_dir() { open.push(path.clone()) } else { _ = files.insert(path.clone()) }
    }
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))? {
            let entry = entry?;
            match entry.file_type()? {
                kind if kind.is_dir() => open.push(entry.path()),
                _ if entry.file_name().to_string_lossy().ends_with(SUFFIX) => _ = files.insert(entry.path()),
                _ => {}
            }
        }
    }
    Ok(files.into_iter().collect())
}

fn suite(file: &Path, args: &TestArgs) -> Result<Ran, Failure> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    let label = file.display().to_string();
    let suite = Suite::parse(&label, &text, &protocols()).map_err(|errors| format!("the tests have mistakes\n{errors}"))?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let beside = |path: &String| if profiles::text(path).is_some() { path.clone() } else { folder.join(path).display().to_string() };
    let policies: Vec<String> = match args.policy.as_slice() {
        [] => suite.policies.iter().map(beside).collect(),
        named => named.to_vec(),
    };
    if policies.is_empty() {
        return Err(Failure::Message("no policy is tested: write policy = [\"mine.toml\"], or name one with --policy".to_owned()));
    }
    // the command line holds over the file
    let mut set = args.settings.set.clone();
    set.extend(suite.settings.iter().filter(|(name, _)| !args.settings.set.iter().any(|(other, _)| other == name)).cloned());
    let policy = Arc::new(load_policy(&policies, &Settings { set })?);
    let agents = if suite.agents.is_empty() { policy.agents.clone() } else { suite.agents.clone() };
    let mut tests = Vec::new();
    for test in &suite.tests {
        let audit = if test.captures.is_empty() { Ok(rehearse(&policy, &agents, test)) } else { audit(&policy, &agents, test, folder) };
        let went = match audit {
            Ok(audit) => failure(test, &audit).map_or(Went::Passed, Went::Failed),
            Err(why) => Went::Broken(why),
        };
        tests.push((test.name.clone(), went));
    }
    Ok(Ran { file: label, tests })
}

fn rehearse(policy: &Policy, agents: &[Agent], test: &Test) -> Audit {
    let ip = |agent: &Agent| if let Agent::Net(net) = agent { Some(net.addr()) } else { None };
    let addresses: Vec<IpAddr> = agents.iter().filter_map(ip).collect();
    rehearsal::judge(policy, &addresses, agents.iter().map(ToString::to_string).collect(), test.at, &test.flows)
}

fn audit(policy: &Arc<Policy>, agents: &[Agent], test: &Test, folder: &Path) -> Result<Audit, String> {
    if agents.is_empty() {
        return Err(format!("line {}: nobody is audited: name the agents, here or in the policy", test.line));
    }
    let captures: Vec<PathBuf> = test.captures.iter().map(|path| folder.join(path)).collect();
    let outcome = audit_captures(&captures, agents, policy, &mut Nobody);
    match outcome.failed.first() {
        Some(failed) => Err(format!("line {}: {failed}", test.line)),
        None => Ok(outcome.audit),
    }
}

/// How a test failed: what was meant and what came, with the findings.
fn failure(test: &Test, audit: &Audit) -> Option<String> {
    let grave = || audit.findings.iter().filter(|finding| finding.severity != Severity::Notice);
    let rules: BTreeSet<&str> = grave().map(|finding| finding.rule).collect();
    let rules_are_meant = test.rules.as_ref().is_none_or(|meant| meant.iter().map(String::as_str).eq(rules.iter().copied()));
    if audit.verdict == test.verdict && rules_are_meant {
        return None;
    }
    let list = |rules: &[&str]| if rules.is_empty() { "no rule".to_owned() } else { rules.join(", ") };
    let mut why = format!("line {}: meant {}", test.line, test.verdict.as_str());
    if let Some(meant) = &test.rules {
        let meant: Vec<&str> = meant.iter().map(String::as_str).collect();
        _ = write!(why, " by {}", list(&meant));
    }
    _ = write!(why, ", came {} by {}", audit.verdict.as_str(), list(&rules.into_iter().collect::<Vec<_>>()));
    for finding in grave() {
        _ = write!(why, "\n{} {}: {}", finding.rule, finding.severity.as_str(), finding.message);
    }
    Some(why)
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("          {line}")).collect::<Vec<_>>().join("\n")
}

/// The results in the form that build servers read: a suite a file, a case a test.
fn junit(ran: &[Ran]) -> io::Result<Vec<u8>> {
    let count = |tests: &[(String, Went)], is: fn(&Went) -> bool| tests.iter().filter(|(_, went)| is(went)).count().to_string();
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.create_element("testsuites").with_attribute(("name", "wirewitness policy test")).write_inner_content(|xml| {
        for Ran { file, tests } in ran {
            let (failed, broken) =
                (count(tests, |went| matches!(went, Went::Failed(_))), count(tests, |went| matches!(went, Went::Broken(_))));
            let suite = xml.create_element("testsuite");
            let all = tests.len().to_string();
            let suite = suite.with_attributes([("name", file.as_str()), ("tests", &all), ("failures", &failed), ("errors", &broken)]);
            suite.write_inner_content(|xml| {
                for (name, went) in tests {
                    let case = xml.create_element("testcase").with_attributes([("classname", file.as_str()), ("name", name)]);
                    let (kind, why) = match went {
                        Went::Passed => {
                            case.write_empty()?;
                            continue;
                        }
                        Went::Failed(why) => ("failure", why),
                        Went::Broken(why) => ("error", why),
                    };
                    case.write_inner_content(|xml| {
                        let message = why.lines().next().unwrap_or_default();
                        xml.create_element(kind).with_attribute(("message", message)).write_text_content(BytesText::new(why))?;
                        Ok(())
                    })?;
                }
                Ok(())
            })?;
        }
        Ok(())
    })?;
    let mut document = xml.into_inner();
    document.push(b'\n');
    Ok(document)
}
