//! Rotated captures: a file that is missing between others, and files that overlap, are told, by number (tcpdump -C, dumpcap) and by time
//! (tcpdump -G). A whole series is one audit, without a word.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::path::PathBuf;

use support::{Case, Run, cases, pcap, records, run};

/// A folder with the morning in so many files, by these names; `None` leaves one out.
fn rotated(name: &str, files: &[Option<&str>], shared: usize) -> (Case, PathBuf) {
    let case = cases().into_iter().find(|case| case.name() == "compliant-morning").expect("the fixture");
    let folder = std::env::temp_dir().join(format!("wirewitness-series-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (header, frames) = records(&case.bytes());
    let each = frames.len().div_ceil(files.len());
    for (n, file) in files.iter().enumerate().filter_map(|(n, file)| Some((n, (*file)?))) {
        let part = &frames[(n * each).saturating_sub(shared)..frames.len().min((n + 1) * each)];
        std::fs::write(folder.join(file), pcap(&header, part)).unwrap();
    }
    (case, folder)
}

fn audit((case, folder): (Case, PathBuf), more: &[&str]) -> Run {
    let mut arguments = case.arguments("audit");
    arguments.extend(more.iter().map(|&m| m.to_owned()));
    arguments.push(folder.to_string_lossy().into_owned());
    let run = run(arguments);
    std::fs::remove_dir_all(folder).unwrap();
    run
}

/// What is said of the series.
fn told(run: &Run) -> Vec<String> {
    let document = run.json();
    let exceptions = document["exceptions"].as_array().unwrap().iter().filter(|exception| exception["kind"] == "series");
    exceptions.map(|exception| exception["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_whole_series_is_one_audit() {
    for (name, files) in [
        ("size", ["cap.pcap", "cap.pcap1", "cap.pcap2", "cap.pcap3"]),
        (
            "ring",
            ["r_00007_20261124100000.pcap", "r_00008_20261124100015.pcap", "r_00009_20261124100031.pcap", "r_00010_20261124100100.pcap"],
        ),
        ("time", ["c-20261124-1000.pcap", "c-20261124-1001.pcap", "c-20261124-1002.pcap", "c-20261124-1003.pcap"]),
    ] {
        let whole = audit(rotated(name, &files.map(Some), 0), &["--json"]);
        assert_eq!((whole.code, told(&whole)), (0, Vec::new()), "{name}: {}", whole.stdout);
    }
}

#[test]
fn a_file_that_is_missing_is_told() {
    let numbered = [Some("cap00.pcap"), Some("cap01.pcap"), None, Some("cap03.pcap")];
    let short = audit(rotated("missing", &numbered, 0), &["--json"]);
    assert_ne!(short.code, 0, "flows that go on into it show the loss");
    let said = told(&short);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("a file is missing between ") && said[0].contains("cap01.pcap and ") && said[0].contains("cap03.pcap"));
    let timed = ["c-1000", "c-1005", "c-1010", "c-1015", "c-1020"].map(|name| format!("c-20261124{}.pcap", &name[1..]));
    let mut files: Vec<Option<&str>> = timed.iter().map(|name| Some(name.as_str())).collect();
    files[3] = None;
    let run = audit(rotated("hours", &files, 0), &["--json"]);
    assert!(told(&run)[0].ends_with("by name one comes every 300 s"), "{:?}", told(&run));
}

#[test]
fn files_that_hold_the_same_are_told() {
    let files = [Some("cap1.pcap"), Some("cap2.pcap"), Some("cap3.pcap")];
    let run = audit(rotated("overlap", &files, 60), &["--json"]);
    let said = told(&run);
    assert!(!said.is_empty() && said.iter().all(|said| said.contains(" overlap by ")), "{said:?}");
    let text = audit(rotated("overlap-text", &files, 60), &["--color", "never"]);
    assert!(text.stdout.contains("\n  series         "), "{}", text.stdout);
}
