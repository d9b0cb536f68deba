//! What the tests share: running the program as a user does, and the fixtures.

#![allow(dead_code, clippy::expect_used, clippy::panic, reason = "each test binary uses its part, and a test may fail")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde::Deserialize;

/// What a run of the program came to.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Standard output as one JSON value.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}\n{}", self.stdout, self.stderr))
    }

    /// The codes of the findings of this severity, sorted, each once.
    pub fn rules(&self, severities: &[&str]) -> Vec<String> {
        let document = self.json();
        let findings = document["findings"].as_array().expect("findings");
        let of = |finding: &&serde_json::Value| severities.contains(&finding["severity"].as_str().unwrap_or_default());
        let mut rules: Vec<String> = findings.iter().filter(of).filter_map(|f| f["rule"].as_str().map(str::to_owned)).collect();
        rules.sort();
        rules.dedup();
        rules
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code().expect("an exit code"), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// The program, ready for arguments, in a neutral environment.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirewitness"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env("COLUMNS", "100");
    command
}

/// Runs the program.
pub fn run<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Run {
    program().args(arguments).stdin(Stdio::null()).output().expect("the program starts").into()
}

/// Runs the program with this on its standard input.
pub fn run_with_input(arguments: &[String], input: &[u8]) -> Run {
    let mut child =
        program().args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || _ = stdin.write_all(&input));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("the input is written");
    output.into()
}

/// A fixture's `case.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows.
    pub shows: String,
    /// How it was made.
    pub made: String,
    /// Policies: built-in names, or files beside it.
    pub policies: Vec<String>,
    pub agents: Vec<String>,
    pub verdict: String,
    /// Rules with a finding that is a violation or undetermined.
    pub rules: Vec<String>,
    /// Rules with a notice.
    #[serde(default)]
    pub notices: Vec<String>,
    /// Rules that it keeps, each with the fixture that breaks it in a situation like this.
    #[serde(default)]
    pub keeps: std::collections::BTreeMap<String, String>,
    #[serde(skip)]
    pub folder: PathBuf,
}

impl Case {
    /// Its folder, from `fixtures/` on.
    pub fn name(&self) -> String {
        self.folder.strip_prefix(fixtures()).expect("a fixture").to_string_lossy().into_owned()
    }

    /// Whether it is another fixture's packets, carried in another way.
    pub fn is_carried(&self) -> bool {
        self.folder.starts_with(fixtures().join("carried"))
    }

    /// The capture, by a path from the root of the checkout.
    pub fn capture(&self) -> String {
        let file = fs::read_dir(&self.folder).expect("a folder").map(|e| e.expect("an entry").path());
        let capture = file.into_iter().find(|path| path.file_stem().is_some_and(|stem| stem == "capture")).expect("a capture");
        let relative = capture.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("inside the checkout").to_path_buf();
        relative.to_string_lossy().into_owned()
    }

    pub fn bytes(&self) -> Vec<u8> {
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(self.capture())).expect("the capture")
    }

    /// The arguments of its audit but for the capture.
    pub fn arguments(&self, command: &str) -> Vec<String> {
        let mut arguments = vec![command.to_owned(), "--no-progress".to_owned()];
        for policy in &self.policies {
            let path = self.folder.join(policy);
            let policy = if path.exists() { path.to_string_lossy().into_owned() } else { policy.clone() };
            arguments.extend(["--policy".to_owned(), policy]);
        }
        for agent in &self.agents {
            arguments.extend(["--agent".to_owned(), agent.clone()]);
        }
        arguments
    }

    /// Audits its capture with further arguments.
    pub fn audit(&self, more: &[&str]) -> Run {
        let mut arguments = self.arguments("audit");
        arguments.extend(more.iter().map(|&m| m.to_owned()));
        arguments.push(self.capture());
        run(arguments)
    }

    /// Audits other bytes in the place of its capture.
    pub fn audit_bytes(&self, bytes: &[u8], more: &[&str]) -> Run {
        let mut arguments = self.arguments("audit");
        arguments.extend(more.iter().map(|&m| m.to_owned()));
        arguments.push("-".to_owned());
        run_with_input(&arguments, bytes)
    }
}

/// What a capture comes to under a policy: the rules that are broken, with `?` where that is undetermined, and the messages.
pub fn found(capture: &[u8], agent: &str, policy: &str) -> (Vec<String>, String) {
    let file = std::env::temp_dir().join(format!("wirewitness-found-{}-{:?}.toml", std::process::id(), std::thread::current().id()));
    fs::write(&file, policy).expect("written");
    let path = file.to_str().expect("UTF-8").to_owned();
    let run = run_with_input(&["audit", "--json", "-a", agent, "-p", &path, "-"].map(str::to_owned), capture);
    fs::remove_file(&file).expect("removed");
    let document = run.json();
    let findings = document["findings"].as_array().expect("findings");
    let grave: Vec<_> = findings.iter().filter(|finding| finding["severity"] != "notice").collect();
    let mark = |finding: &serde_json::Value| if finding["severity"] == "undetermined" { "?" } else { "" };
    let rules = grave.iter().map(|finding| format!("{}{}", finding["rule"].as_str().expect("a code"), mark(finding))).collect();
    let messages = grave.iter().map(|finding| finding["message"].to_string()).collect::<Vec<_>>().join("\n");
    (rules, messages)
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Every fixture, by name.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for parent in [fixtures(), fixtures().join("carried")] {
        for entry in fs::read_dir(parent).expect("fixtures") {
            let folder = entry.expect("an entry").path();
            if let Ok(text) = fs::read_to_string(folder.join("case.toml")) {
                let case: Case = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
                cases.push(Case { folder, ..case });
            }
        }
    }
    cases.sort_by_key(Case::name);
    assert!(cases.len() > 200, "the fixtures are there");
    cases
}

/// The frames of a classic little-endian pcap: header, then each record that is whole.
pub fn records(pcap: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut records = Vec::new();
    let mut at = 24;
    while at + 16 <= pcap.len() {
        let length = u32::from_le_bytes(pcap[at + 8..at + 12].try_into().expect("four bytes")) as usize;
        let Some(record) = pcap.get(at..at + 16 + length) else { break };
        records.push(record.to_vec());
        at += 16 + length;
    }
    (pcap[..24].to_vec(), records)
}

/// A pcap of these records.
pub fn pcap(header: &[u8], records: &[Vec<u8>]) -> Vec<u8> {
    [header.to_vec(), records.concat()].concat()
}

/// Whether a capture is a classic little-endian pcap, which [`records`] reads.
pub fn is_plain_pcap(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xd4, 0xc3, 0xb2, 0xa1]) || bytes.starts_with(&[0x4d, 0x3c, 0xb2, 0xa1])
}
