//! The command line as a user types it: exit codes, what goes to which stream, messages that name the file, the place and the mend.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use support::{program, run, run_with_input};

const MORNING: &str = "fixtures/compliant-morning/capture.pcap";
const ARC: [&str; 9] = ["audit", "-p", "azure-arc", "-p", "os-infrastructure", "-a", "10.77.0.4", "-a", "fd77::4"];

/// A folder of its own that goes away.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("wirewitness-cli-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn morning() -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(MORNING)).unwrap()
}

fn arc(more: &[&str]) -> Vec<String> {
    ARC.iter().chain(more).map(|&word| word.to_owned()).collect()
}

#[test]
fn verdicts_are_exit_codes_and_data_goes_to_standard_output() {
    let pass = run(arc(&[MORNING]));
    assert_eq!((pass.code, pass.stderr.as_str()), (0, ""));
    assert!(pass.stdout.starts_with("PASS"), "{}", pass.stdout);
    let fail = run(["audit", "-a", "10.77.0.4", "fixtures/plaintext-http/capture.pcap"]);
    assert_eq!(fail.code, 1);
    assert!(fail.stdout.starts_with("FAIL"), "{}", fail.stdout);
    let inconclusive = run(["audit", "-p", "azure-arc", "-a", "192.0.2.1", MORNING]);
    assert_eq!(inconclusive.code, 3);
    assert!(inconclusive.stdout.starts_with("INCONCLUSIVE"), "{}", inconclusive.stdout);
    let flows = run(["flows", MORNING]);
    assert_eq!((flows.code, flows.stderr.as_str()), (0, ""), "flows infers nothing and judges nothing");
    assert!(flows.stdout.lines().all(|line| line.contains("not-judged")));
}

/// What a user does wrong, and the words that the message must have; all of it is exit 2 and leaves standard output alone.
#[test]
fn mistakes_name_the_place_and_the_mend() {
    let folder = Folder::new("mistakes");
    let key = folder.file("key.toml", b"name = \"x\"\n[destinationz]\nprivate = true\n");
    let prefix = folder.file("prefix.toml", b"[[allow]]\ncidrs = [\"10.0.0.0/33\"]\n");
    let text = folder.file("notes.txt", b"these are notes and no packets at all\n");
    let empty = folder.file("empty.pcap", b"");
    let hollow = folder.0.join("hollow");
    std::fs::create_dir_all(&hollow).unwrap();
    let hollow = hollow.to_str().unwrap();
    let missing = folder.0.join("missing.pcap");
    let missing = missing.to_str().unwrap();
    let cases: &[(&[&str], &[&str])] = &[
        (&["audit", "-p", &key, MORNING], &["unknown key", "key.toml:2:2"]),
        (&["policy", "check", &key, &prefix], &["key.toml:2:2", "prefix.toml:2:"]),
        (&["audit", "-p", "nosuch", MORNING], &["nosuch", "azure-arc"]),
        (&["audit", "-a", "10.77.0.4", missing], &["missing.pcap", "no such file"]),
        (&["audit", "-a", "10.77.0.4", &text], &["notes.txt", "not a pcap"]),
        (&["audit", "-a", "10.77.0.4", &empty], &["empty.pcap", "empty"]),
        (&["audit", "-a", "10.77.0.4", hollow], &["hollow", "no files"]),
        (&["audit", "-a", "10.77.0.4", "-", "-"], &["standard input", "once"]),
        (&["audit", "-a", "10.77.0", MORNING], &["10.77.0", "--agent", "10.0.0.4"]),
        (&["audit", "--threads", "0", MORNING], &["--threads", "1..=256"]),
        (&["audit", "--memory", "0", MORNING], &["--memory"]),
        (&["audit", "--memory", "lots", MORNING], &["--memory", "512M"]),
        (&["audit", "-a", "10.77.0.4", "--report", "html=x", MORNING], &["html", "text, json"]),
        (&["audit", "-a", "10.77.0.4", "--report", "text", MORNING], &["FORMAT=PATH"]),
        (&["audit"], &["<CAPTURE>"]),
        (&["frobnicate"], &["frobnicate"]),
        (&["rules", "explain", "WW999"], &["WW999", "WW101"]),
        (&["watch", "-i", "lo"], &["--agent"]),
    ];
    for (arguments, words) in cases {
        let run = run(*arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}: {}", run.stderr);
        for word in *words {
            assert!(run.stderr.contains(word), "{arguments:?} does not say {word}: {}", run.stderr);
        }
    }
}

#[test]
fn what_cannot_be_written_or_filtered_is_said() {
    let folder = Folder::new("written");
    let nowhere = format!("text={}/no/such/folder.txt", folder.path());
    let run_there = run(arc(&["--report", &nowhere, MORNING]));
    assert_eq!(run_there.code, 2);
    assert!(run_there.stderr.contains("cannot be written"), "{}", run_there.stderr);
    let filtered = run(arc(&["-f", "tcp prt 443", MORNING]));
    assert_eq!((filtered.code, filtered.stdout.as_str()), (2, ""), "{}", filtered.stderr);
    assert!(filtered.stderr.contains("prt") || filtered.stderr.contains("libpcap"), "{}", filtered.stderr);
}

#[test]
fn one_bad_input_among_several_spoils_the_exit_code_and_not_the_document() {
    let folder = Folder::new("several");
    folder.file("a.txt", b"no packets here, whatever the name\n");
    folder.file("b.pcap", &morning());
    let [text, capture] = ["a.txt", "b.pcap"].map(|name| format!("{}/{name}", folder.path()));
    let run = run(arc(&["--json", &text, &capture]));
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("a.txt"), "{}", run.stderr);
    assert_eq!(run.json()["verdict"], "pass");
    assert_eq!(run.json()["inputs"].as_array().unwrap().len(), 1);
}

#[test]
fn a_header_alone_and_a_cut_file_are_judged() {
    let header = run_with_input(&arc(&["--json", "-"]), &morning()[..24]);
    assert_eq!((header.code, header.rules(&["undetermined"])), (3, vec!["WW909".to_owned()]));
    let cut = run_with_input(&arc(&["--json", "-"]), &morning()[..3000]);
    assert_eq!(cut.code, 3);
    assert!(cut.rules(&["undetermined"]).contains(&"WW907".to_owned()));
}

#[test]
fn the_least_memory_and_the_most_threads_are_enough() {
    assert_eq!(run(arc(&["--memory", "1", "--threads", "256", MORNING])).code, 3);
}

#[test]
fn an_agent_is_inferred_from_a_file_and_asked_for_from_a_pipe() {
    let file = run(["audit", "-p", "azure-arc", "-p", "os-infrastructure", MORNING]);
    assert_eq!(file.code, 0, "{}", file.stdout);
    assert!(file.stdout.contains("inferred") && file.stderr.contains("10.77.0.4"), "{}{}", file.stdout, file.stderr);
    let pipe = run_with_input(&["audit", "-p", "azure-arc", "-"].map(str::to_owned), &morning());
    assert_eq!((pipe.code, pipe.stdout.as_str()), (2, ""));
    assert!(pipe.stderr.contains("such as: wirewitness audit -p azure-arc -a 10.77.0.4"), "{}", pipe.stderr);
}

#[test]
fn reports_and_hashes() {
    let folder = Folder::new("reports");
    let (text, json) = (folder.file("r.txt", b""), folder.file("r.json", b""));
    let run = run(arc(&["--hash", "--report", &format!("text={text}"), "--report", &format!("json={json}"), MORNING]));
    assert_eq!(run.code, 0);
    assert!(std::fs::read_to_string(text).unwrap().starts_with("PASS"));
    let document: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    let piped = run_with_input(&arc(&["--hash", "--json", "-"]), &morning()).json();
    let hash = |document: &serde_json::Value| document["inputs"][0]["sha256"].as_str().unwrap().to_owned();
    assert_eq!(hash(&document), hash(&piped));
    assert_eq!(hash(&document).len(), 64);
}

#[test]
fn colour_is_for_terminals_and_for_who_asks() {
    let coloured = |more: &[&str], name: &str, value: &str| {
        let output = program().args(arc(more)).env(name, value).stdin(Stdio::null()).output().unwrap();
        output.stdout.contains(&0x1b)
    };
    assert!(!coloured(&[MORNING], "TERM", "xterm"), "a pipe is no terminal");
    assert!(coloured(&["--color", "always", MORNING], "NO_COLOR", "1"), "who asks gets colour");
    assert!(!coloured(&["--color", "never", MORNING], "CLICOLOR_FORCE", "1"));
    assert!(!coloured(&["--color", "always", "--json", MORNING], "TERM", "xterm"), "the document has none");
}

/// Whoever reads no further is no error: no message, and no signal.
#[test]
fn a_closed_pipe_is_quiet() {
    let long = vec!["flows", "--json", MORNING, MORNING, MORNING, MORNING, MORNING, MORNING];
    for arguments in [long, vec!["man"], vec!["completions", "zsh"], vec!["rules", "list", "--json"], vec!["policy", "show", "azure-arc"]] {
        let mut child = program().args(&arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let status = child.wait().unwrap();
        assert_eq!((status.code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

/// Help, the man page and completions know every command and option, since all are made from the one definition.
#[test]
fn help_man_page_and_completions_are_of_one_piece() {
    let help = run(["--help"]);
    assert_eq!(help.code, 0);
    assert!(help.stdout.contains("Exit codes"), "{}", help.stdout);
    let nothing = run::<&str>([]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (2, ""), "help that nobody asked for is an error");
    let man = run(["man"]).stdout;
    let shells: Vec<String> = ["bash", "zsh", "fish", "elvish", "powershell"].map(|shell| run(["completions", shell]).stdout).into();
    for command in ["audit", "watch", "flows", "policy", "rules", "completions", "man"] {
        assert!(help.stdout.contains(command), "help: {command}");
        assert!(man.contains(command), "man: {command}");
        assert!(shells.iter().all(|text| text.contains(command)), "completions: {command}");
        assert_eq!(run([command, "--help"]).code, 0, "{command}");
    }
    let audit = run(["audit", "--help"]).stdout;
    for option in ["policy", "agent", "filter", "json", "report", "hash", "threads", "memory", "quiet", "verbose", "color", "no-progress"] {
        assert!(audit.contains(&format!("--{option}")), "help: {option}");
        assert!(man.contains(&option.replace('-', "\\-")), "man: {option}");
        assert!(shells.iter().all(|text| text.contains(option)), "completions: {option}");
    }
}

/// Every rule explains itself, with all four parts.
#[test]
fn every_rule_is_explained() {
    let rules: serde_json::Value = serde_json::from_str(&run(["rules", "list", "--json"]).stdout).unwrap();
    let rules = rules.as_array().unwrap();
    assert!(rules.len() > 25);
    let lines = run(["rules", "list"]).stdout;
    assert_eq!(lines.lines().count(), rules.len());
    for rule in rules {
        let code = rule["code"].as_str().unwrap();
        let explained = run(["rules", "explain", code]);
        assert_eq!(explained.code, 0);
        let head = format!("{code} {} ({})", rule["name"].as_str().unwrap(), rule["severity"].as_str().unwrap());
        assert!(explained.stdout.starts_with(&head), "{}", explained.stdout);
        for part in ["\nChecks\n  ", "\nWhy\n  ", "\nMend\n  ", "\nControls\n  "] {
            assert!(explained.stdout.contains(part), "{code} lacks {part:?}");
        }
        assert!(explained.stdout.lines().all(|line| line.chars().count() <= 100), "{code}");
    }
}
