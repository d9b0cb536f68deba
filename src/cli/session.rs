//! What audit, watch and flows share: policy and agents, the inputs, warnings, progress, and where the reports go.

use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sha2::{Digest, Sha256};
use wirewitness::engine::{self, Config, Input, Observer, Outcome};
use wirewitness::inspect::PROTOCOLS;
use wirewitness::judge::policy::{Agent, Known, Policy, PolicyErrors};
use wirewitness::judge::{Audit, Judge, Scope};
use wirewitness::limits;
use wirewitness::report::{self, Style};
use wirewitness::source::file;
use wirewitness::source::filter::{Filter, Filtered};
use wirewitness::source::follow::{self, Follow};

use super::args::{AuditArgs, Color, Settings, Shared};
use super::{Done, Failure};

/// What was said, made ready.
pub(crate) struct Session<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) policy: Arc<Policy>,
    /// The agents that were named, here or in the policy.
    pub(crate) agents: Vec<Agent>,
    /// The hash of standard input, once it was read.
    stdin_hash: Arc<Mutex<Option<String>>>,
    /// The one capture is a file that grows.
    follows_file: bool,
    /// Somebody said stop: what is followed or waited for ends here.
    stop: Arc<AtomicBool>,
}

/// Loads policies, files read from the file system.
pub(crate) fn load_policy(selectors: &[String], settings: &Settings) -> Result<Policy, Failure> {
    with_words(|known| Policy::load_with(selectors, &settings.set, known, &read_policy))
}

/// What is doubtful in policies and no mistake.
pub(crate) fn check_policy(selectors: &[String], settings: &Settings) -> Result<PolicyErrors, Failure> {
    with_words(|known| Policy::check(selectors, &settings.set, known, &read_policy)).map(|(_, doubts)| doubts)
}

/// A policy file, which is no device and no pipe without an end.
fn read_policy(path: &str) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(limits::POLICY_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > limits::POLICY_BYTES {
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, format!("it is longer than {} MiB", limits::POLICY_BYTES >> 20)));
    }
    Ok(text)
}

fn with_words<T>(load: impl FnOnce(&Known<'_>) -> Result<T, PolicyErrors>) -> Result<T, Failure> {
    load(&Known { protocols: &protocols() }).map_err(|errors| Failure::Message(format!("the policy has mistakes\n{errors}")))
}

/// The names of the protocols that are known, each once.
pub(crate) fn protocols() -> Vec<&'static str> {
    let mut protocols: Vec<&str> = PROTOCOLS.iter().map(|protocol| protocol.name).collect();
    protocols.dedup();
    protocols
}

/// Audits capture files as one series, without anything of the command line.
pub(crate) fn audit_captures(paths: &[PathBuf], agents: &[Agent], policy: &Arc<Policy>, observer: &mut dyn Observer) -> Outcome {
    let input = |path: &PathBuf| {
        let (path, name, first) = (path.clone(), path.display().to_string(), file::first_time(path));
        Input { path: name, sha256: None, first, found: false, open: Box::new(move |n| file::open(&path, n)) }
    };
    let judge = Judge::new(Arc::clone(policy), agents.iter().map(ToString::to_string).collect(), false, None);
    let config = Config { each_flow: true, ..Config::default() };
    engine::run(paths.iter().map(input).collect(), Scope::new(agents).under(policy), judge, &config, observer)
}

impl<'a> Session<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Result<Self, Failure> {
        let policy = load_policy(&shared.policy, &shared.settings)?;
        let mut agents = shared.agent.clone();
        agents.extend(policy.agents.iter().copied().filter(|agent| !shared.agent.contains(agent)));
        if let Some(filter) = &shared.filter {
            Filter::compile(filter).map_err(|error| error.to_string())?;
        }
        Ok(Self { shared, policy: Arc::new(policy), agents, stdin_hash: Arc::default(), follows_file: false, stop: Arc::default() })
    }

    /// Follows the one capture that is named while it grows, or waits for one, until it is interrupted.
    pub(crate) fn until_interrupted(&mut self, args: &AuditArgs) -> Result<(), Failure> {
        self.follows_file = args.follow;
        if args.follow || args.captures.iter().any(|capture| matches!(Remote::of(capture), Some(Remote::Listen(_)))) {
            let stop = Arc::clone(&self.stop);
            ctrlc::set_handler(move || stop.store(true, Ordering::Relaxed)).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    pub(crate) fn config(&self) -> Config {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Config {
            threads: self.shared.threads.map_or(processors, usize::from),
            memory: self.shared.memory,
            table_key: RandomState::new().build_hasher().finish(),
            ..Config::default()
        }
    }

    /// The captures, directories opened.
    pub(crate) fn inputs(&self, captures: &[PathBuf]) -> Result<Vec<Input>, Failure> {
        if self.follows_file && !matches!(captures, [one] if one.is_file()) {
            return Err(Failure::Message("--follow follows one capture file: name one".to_owned()));
        }
        let mut paths = Vec::new();
        for capture in captures {
            if capture.is_dir() {
                let before = paths.len();
                files_below(capture, &mut paths)?;
                if paths.len() == before {
                    return Err(Failure::Message(format!("{}: the directory holds no files", capture.display())));
                }
            } else {
                paths.push((capture.clone(), false));
            }
        }
        if paths.iter().filter(|path| path.0.as_os_str() == "-").count() > 1 {
            return Err(Failure::Message("standard input is named twice, and can be read only once: name - once".to_owned()));
        }
        let is_series = paths.len() > 1;
        let input = |(path, found): (PathBuf, bool)| {
            // one alone has no order to be read in
            let first = if is_series && path.is_file() { file::first_time(&path) } else { None };
            Input { first, found: found && !is_named_as_capture(&path), ..self.input(path) }
        };
        Ok(paths.into_iter().map(input).collect())
    }

    fn input(&self, path: PathBuf) -> Input {
        let filter = self.shared.filter.clone();
        let is_stdin = path.as_os_str() == "-";
        let (follows, stop, quiet) = (self.follows_file, Arc::clone(&self.stop), self.shared.quiet);
        let remote = Remote::of(&path);
        let sha256 = if self.shared.hash && !is_stdin && !follows && path.is_file() { hash_file(&path) } else { None };
        let hash = (self.shared.hash && is_stdin).then(|| Arc::clone(&self.stdin_hash));
        let name = path.display().to_string();
        let open = move |n| {
            let name = path.display().to_string();
            let source = match hash {
                _ if follows => file::from_reader(name, n, Box::new(Follow::open(&path, stop)?))?,
                _ if !is_stdin => match remote {
                    Some(Remote::Connect(address)) => file::from_reader(name, n, Box::new(follow::connect(&address)?))?,
                    Some(Remote::Listen(address)) => {
                        let said = |at| {
                            if !quiet {
                                anstream::eprintln!("wirewitness: listening at {at} for a capture");
                            }
                        };
                        file::from_reader(name, n, Box::new(follow::accept(&address, &stop, said)?))?
                    }
                    None => file::open(&path, n)?,
                },
                Some(into) => {
                    file::from_reader("-".to_owned(), n, Box::new(Hashing { inner: io::stdin(), hash: Some(Sha256::new()), into }))?
                }
                None => file::from_reader("-".to_owned(), n, Box::new(io::stdin()))?,
            };
            // it compiled before
            match filter.as_deref().map(Filter::compile) {
                Some(Ok(filter)) => Ok(Box::new(Filtered::new(source, filter)) as Box<_>),
                _ => Ok(source),
            }
        };
        Input { path: name, sha256, first: None, found: false, open: Box::new(open) }
    }

    /// A progress bar over so many bytes, where somebody watches.
    pub(crate) fn progress(&self, captures: &[PathBuf]) -> ProgressBar {
        let wanted = !self.shared.no_progress && !self.shared.quiet && io::stderr().is_terminal();
        let total: u64 = captures.iter().filter_map(|path| fs::metadata(path).ok()).filter(fs::Metadata::is_file).map(|m| m.len()).sum();
        let target = if wanted && total > 0 { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}") {
            bar.set_style(style);
        }
        bar
    }

    pub(crate) fn warn(&self, message: &str) {
        if !self.shared.quiet {
            anstream::eprintln!("wirewitness: {message}");
        }
    }

    /// Colours and width for standard output.
    pub(crate) fn style(&self) -> Style {
        let colors = match self.shared.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(Style::WIDTH);
        Style::new(colors, width)
    }

    /// Writes the reports, and says what could not be audited. `as_line`: a document on standard output is one line among others.
    pub(crate) fn deliver(&self, mut outcome: Outcome, as_line: bool) -> Result<Done, Failure> {
        for failed in &outcome.failed {
            anstream::eprintln!("wirewitness: {failed}");
        }
        for passed_over in &outcome.passed_over {
            self.warn(&format!("passed over: {passed_over}"));
        }
        if outcome.audit.inputs.is_empty() {
            return Ok(Done::NotAudited);
        }
        if let Some(hash) = self.stdin_hash.lock().ok().and_then(|mut hash| hash.take()) {
            for input in outcome.audit.inputs.iter_mut().filter(|input| input.path == "-") {
                input.sha256 = Some(hash.clone());
            }
        }
        self.write_reports(&outcome.audit)?;
        let verdict = outcome.audit.verdict;
        self.print(&outcome.audit, as_line && self.shared.json)?;
        Ok(if outcome.failed.is_empty() { Done::Verdict(verdict) } else { Done::NotAudited })
    }

    /// Writes what `--report` asks for.
    pub(crate) fn write_reports(&self, audit: &Audit) -> Result<(), Failure> {
        for target in &self.shared.report {
            let written = File::create(&target.path).map(BufWriter::new).and_then(|mut file| {
                (target.format.write)(audit, &Style::plain(), &mut file)?;
                file.flush()
            });
            written.map_err(|error| format!("{}: cannot be written: {error}", target.path.display()))?;
        }
        Ok(())
    }

    /// Writes what became of one packet, and says what could not be audited.
    pub(crate) fn explain(&self, outcome: &Outcome, path: &str, number: u64) -> Result<Done, Failure> {
        for failed in &outcome.failed {
            anstream::eprintln!("wirewitness: {failed}");
        }
        let Some(explained) = &outcome.explained else {
            let held = outcome.audit.inputs.iter().find(|input| input.path == path).map_or(0, |input| input.packets);
            return Err(Failure::Message(format!("{path} has no packet {number}: {held} were read")));
        };
        let mut out = BufWriter::new(io::stdout().lock());
        let written = match self.shared.json {
            true => report::explain::write_json(explained, &mut out),
            false => report::explain::write(explained, &self.style(), &mut out),
        };
        match written.and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(if outcome.failed.is_empty() { Done::Fine } else { Done::NotAudited }),
        }
    }

    fn print(&self, audit: &Audit, as_line: bool) -> Result<(), Failure> {
        let mut out = BufWriter::new(io::stdout().lock());
        let format = if self.shared.json { &report::json::FORMAT } else { &report::text::FORMAT };
        let written = if as_line { report::json::write_line(audit, &mut out) } else { (format.write)(audit, &self.style(), &mut out) };
        match written.and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// A capture that comes over TCP.
enum Remote {
    /// `TCP@HOST:PORT`, as Wireshark writes it.
    Connect(String),
    /// `LISTEN@ADDRESS:PORT`.
    Listen(String),
}

impl Remote {
    fn of(path: &Path) -> Option<Self> {
        let (how, address) = path.to_str()?.split_once('@')?;
        match how.to_ascii_lowercase().as_str() {
            "tcp" => Some(Self::Connect(address.to_owned())),
            "listen" => Some(Self::Listen(address.to_owned())),
            _ => None,
        }
    }
}

/// Whether a capture can be read only once: standard input, a pipe, a connection.
pub(crate) fn is_read_once(path: &Path) -> bool {
    path.as_os_str() == "-" || Remote::of(path).is_some() || fs::metadata(path).is_ok_and(|kind| !kind.is_file() && !kind.is_dir())
}

/// Whether a file's name says that somebody takes it for a capture: where its first bytes do not, that is no reason to pass it over.
fn is_named_as_capture(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_ascii_lowercase();
    let bare = [".gz", ".zst", ".lz4", ".xz", ".bz2", ".part", ".tmp"].iter().find_map(|packed| name.strip_suffix(packed)).unwrap_or(&name);
    // tcpdump -C numbers its files behind the name, others behind a dot
    let bare = bare.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('.');
    [".pcap", ".pcapng", ".cap", ".dmp", ".snoop"].iter().any(|ending| bare.ends_with(ending))
}

/// The regular files below a directory, by name, folder by folder; each was found and not named. Hidden ones are left alone.
fn files_below(folder: &Path, found: &mut Vec<(PathBuf, bool)>) -> Result<(), Failure> {
    let read = fs::read_dir(folder).map_err(|error| format!("{}: cannot be read: {error}", folder.display()))?;
    let mut entries: Vec<PathBuf> = read.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    entries.sort();
    let is_hidden = |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    for path in entries.into_iter().filter(|path| !is_hidden(path)) {
        // links are not followed: they may lead round in a circle
        match fs::symlink_metadata(&path) {
            Ok(kind) if kind.is_dir() => files_below(&path, found)?,
            Ok(kind) if kind.is_file() => found.push((path, true)),
            _ => {}
        }
    }
    Ok(())
}

fn hash_file(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).ok()? {
            0 => return Some(hex(hash)),
            n => hash.update(&buffer[..n]),
        }
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hashes what passes through, and tells at the end.
struct Hashing<R> {
    inner: R,
    hash: Option<Sha256>,
    into: Arc<Mutex<Option<String>>>,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        if n > 0 {
            if let Some(hash) = &mut self.hash {
                hash.update(&buffer[..n]);
            }
        } else if let (false, Some(hash), Ok(mut into)) = (buffer.is_empty(), self.hash.take(), self.into.lock()) {
            *into = Some(hex(hash));
        }
        Ok(n)
    }
}
