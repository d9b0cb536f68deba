//! What the documents show is true: every command in them runs, every policy in them loads, and the tables of rules and
//! protocols are the program's own.
//! `BLESS=1 cargo test --test docs` writes the tables anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::run;
use wirewitness::inspect::{Carrier, PROTOCOLS, Protocol};
use wirewitness::judge::policy::{DnsTunnel, Known, Policy, profiles};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

/// The fenced blocks of this language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

/// The command behind a marker, as a fresh machine would run it.
fn marked(marker: &str) -> String {
    let readme = readme();
    let behind = readme.split(&format!("<!-- {marker} -->\n```sh\n")).nth(1).expect("the marker");
    behind.split("\n```").next().unwrap().to_owned()
}

/// A folder with what the examples name: captures, a folder of them, and the README's own policy.
fn stage() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("wirewitness-docs-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("captures")).unwrap();
    let fixtures = root().join("fixtures");
    let morning = fixtures.join("compliant-morning/capture.pcap");
    std::fs::copy(&morning, folder.join("capture.pcap")).unwrap();
    std::fs::copy(&morning, folder.join("captures/first.pcap")).unwrap();
    for copy in ["growing.pcap", "monday.pcap", "tuesday.pcap"] {
        std::fs::copy(&morning, folder.join(copy)).unwrap();
    }
    let records = run(["flows", "--json", "-p", "azure-arc", "-a", "10.77.0.4", "-a", "fd77::4", morning.to_str().unwrap()]).stdout;
    std::fs::write(folder.join("flows.jsonl"), records).unwrap();
    std::fs::copy(fixtures.join("pcapng/capture.pcapng"), folder.join("capture.pcapng")).unwrap();
    let policies = blocks(&readme(), "toml");
    assert_eq!(policies.len(), 1, "the README shows one policy");
    std::fs::write(folder.join("policy.toml"), &policies[0]).unwrap();
    for name in ["old.toml", "next.toml"] {
        std::fs::write(folder.join(name), policies[0].replace("10.0.0.4", "10.77.0.4")).unwrap();
    }
    std::fs::write(folder.join("new.toml"), "extends = [\"azure-arc\"]\n").unwrap();
    std::fs::create_dir_all(folder.join("tests")).unwrap();
    let test = "policy = [\"../policy.toml\"]\n[[test]]\nflows = [\"-> unlisted.example\"]\nverdict = \"fail\"\n";
    for name in ["policy", "arc"] {
        std::fs::write(folder.join(format!("tests/{name}.test.toml")), test).unwrap();
    }
    folder
}

/// Runs a line as a shell would, with this program as `wirewitness`; other programs are played.
fn shell(line: &str, folder: &Path) -> (i32, String) {
    let program = env!("CARGO_BIN_EXE_wirewitness");
    let script = format!("wirewitness() {{ '{program}' \"$@\"; }}\ntcpdump() {{ cat capture.pcap; }}\njq() {{ cat; }}\n{line}");
    let output = Command::new("bash").args(["-o", "pipefail", "-c", &script]).current_dir(folder).output().expect("a shell");
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn every_command_that_the_documents_and_the_help_show_runs() {
    let folder = stage();
    let mut lines: Vec<String> =
        blocks(&readme(), "sh").iter().flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    for command in ["audit", "watch", "flows", "policy diff", "policy learn", "policy test"] {
        lines.extend(run(command.split(' ').chain(["--help"])).stdout.lines().map(|line| line.trim_start().to_owned()));
    }
    lines.retain(|line| line.starts_with("wirewitness ") || line.contains("| wirewitness "));
    assert!(lines.len() >= 15, "{lines:#?}");
    for line in &lines {
        if line.contains(" watch ") {
            // an interface that there is not: everything else on the line is understood
            let line = line.replace("-i eth0", "-i wirewitness-none").replace("-i span0", "-i wirewitness-none");
            let line = if line.contains(" -a ") { line } else { line.replace("watch ", "watch -a 10.0.0.4 ") };
            let (code, said) = shell(&line, &folder);
            let about_interface = said.contains("wirewitness-none") || said.contains("without libpcap");
            assert!(code == 2 && about_interface, "{line}: exit {code}\n{said}");
        } else {
            // what follows a file goes on until it is interrupted
            let interrupted =
                line.replace("wirewitness ", &format!("timeout --preserve-status -s INT 2 '{}' ", env!("CARGO_BIN_EXE_wirewitness")));
            let (code, said) = shell(if line.contains("--follow") { &interrupted } else { line }, &folder);
            assert!(matches!(code, 0 | 1 | 3), "{line}: exit {code}\n{said}");
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn the_two_commands_of_the_readme() {
    let audit = marked("audit");
    let arguments = audit.split("cargo run --release -- ").nth(1).expect("the audit of the README");
    let run = run(arguments.split_whitespace());
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.starts_with("PASS"));
    let tests = marked("tests");
    assert!(tests.ends_with("&& cargo test"), "{tests}");
    for command in [&audit, &tests] {
        assert!(!command.contains('\n') && command.starts_with("sudo apt-get install -y "), "{command}");
    }
}

#[test]
fn the_policy_of_the_readme_loads() {
    let file = std::env::temp_dir().join(format!("wirewitness-docs-{}.toml", std::process::id()));
    std::fs::write(&file, &blocks(&readme(), "toml")[0]).unwrap();
    let check = run(["policy", "check", file.to_str().unwrap()]);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(check.code, 0, "{}", check.stderr);
}

#[test]
fn every_policy_of_the_documents_loads() {
    let folder = std::env::temp_dir().join(format!("wirewitness-docs-policies-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    // what an example names beside it
    let authority = rcgen::generate_simple_self_signed(vec!["authority.example".to_owned()]).unwrap();
    let base64 = data_encoding::BASE64.encode(authority.cert.der());
    std::fs::write(folder.join("roots.pem"), format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n")).unwrap();
    let mut seen = 0;
    for page in std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path()) {
        for block in blocks(&std::fs::read_to_string(&page).unwrap(), "toml") {
            let file = folder.join("example.toml");
            std::fs::write(&file, &block).unwrap();
            let check = run(["policy", "check", file.to_str().unwrap()]);
            assert_eq!(check.code, 0, "{}:\n{block}\n{}", page.display(), check.stderr);
            seen += 1;
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(seen > 15, "{seen}");
}

#[test]
fn the_table_of_rules_is_the_programs_own() {
    let rules: serde_json::Value = serde_json::from_str(&run(["rules", "list", "--json"]).stdout).unwrap();
    let cell = |rule: &serde_json::Value, key: &str| rule[key].as_str().unwrap().to_owned();
    let row = |rule: &serde_json::Value| format!("| {} | {} | {} |\n", cell(rule, "code"), cell(rule, "name"), cell(rule, "severity"));
    let rows: String = rules.as_array().unwrap().iter().map(row).collect();
    let table = format!("<!-- rules -->\n| code | name | default severity |\n| --- | --- | --- |\n{rows}<!-- /rules -->");
    let readme = readme();
    let begin = readme.find("<!-- rules -->").expect("the table");
    let end = readme.find("<!-- /rules -->").expect("its end") + "<!-- /rules -->".len();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(root().join("README.md"), format!("{}{table}{}", &readme[..begin], &readme[end..])).unwrap();
    } else {
        assert_eq!(&readme[begin..end], table, "BLESS=1 writes it anew");
    }
}

#[test]
fn the_table_of_protocols_is_the_programs_own() {
    let carrier = |carrier: Carrier| match carrier {
        Carrier::Stream => "TCP".to_owned(),
        Carrier::Datagram => "UDP".to_owned(),
        Carrier::Message => "SCTP".to_owned(),
        Carrier::Packet(number) => format!("IP, as protocol {number}"),
    };
    let row = |p: &&Protocol| format!("| {} | {} | {} | {} | {} |\n", p.name, carrier(p.carrier), p.recognised_by, p.reads, p.encrypted);
    let rows: String = PROTOCOLS.iter().map(row).collect();
    let head = "| protocol | over | recognised by | what is read | what counts as encrypted |\n| --- | --- | --- | --- | --- |\n";
    let table = format!("<!-- protocols -->\n{head}{rows}<!-- /protocols -->");
    let path = root().join("docs/protocols.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let begin = text.find("<!-- protocols -->").expect("the table");
    let end = text.find("<!-- /protocols -->").expect("its end") + "<!-- /protocols -->".len();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, format!("{}{table}{}", &text[..begin], &text[end..])).unwrap();
    } else {
        assert_eq!(&text[begin..end], table, "BLESS=1 writes it anew");
    }
}

#[test]
fn the_table_of_policies_is_the_programs_own_and_its_lists_import() {
    let row = |name: &str| format!("| `{name}` | {} |\n", profiles::description(name).unwrap_or_default());
    let rows: String = profiles::names().map(row).collect();
    let table = format!("<!-- profiles -->\n| policy | what it is for |\n| --- | --- |\n{rows}<!-- /profiles -->");
    let path = root().join("docs/policies.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let begin = text.find("<!-- profiles -->").expect("the table");
    let end = text.find("<!-- /profiles -->").expect("its end") + "<!-- /profiles -->".len();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, format!("{}{table}{}", &text[..begin], &text[end..])).unwrap();
    } else {
        assert_eq!(&text[begin..end], table, "BLESS=1 writes it anew");
    }
    let folder = std::env::temp_dir().join(format!("wirewitness-docs-policies-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    // a list is shown under its file's name
    for (name, list) in blocks(&text, "text").iter().filter_map(|block| block.split_once('\n')) {
        std::fs::write(folder.join(name), list).unwrap();
    }
    std::fs::copy(root().join("fixtures/compliant-morning/capture.pcap"), folder.join("capture.pcap")).unwrap();
    let commands: Vec<String> = blocks(&text, "sh").iter().flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    assert!(commands.len() >= 5);
    for command in commands {
        let (code, said) = shell(&command, &folder);
        assert!(code == 0 || code == 1 && command.contains(" audit "), "{command}: exit {code}\n{said}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn every_command_of_the_authors_guide_runs() {
    let text = std::fs::read_to_string(root().join("docs/writing-policies.md")).unwrap();
    let folder = std::env::temp_dir().join(format!("wirewitness-docs-guide-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let regional = blocks(&text, "toml").into_iter().find(|block| block.starts_with("[variables]")).expect("the example");
    std::fs::write(folder.join("regional.toml"), regional).unwrap();
    std::fs::write(folder.join("regional.test.toml"), &blocks(&text, "toml test")[0]).unwrap();
    let morning = root().join("fixtures/compliant-morning");
    std::fs::copy(morning.join("capture.pcap"), folder.join("capture.pcap")).unwrap();
    let commands: Vec<String> = blocks(&text, "sh").iter().flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    assert!(commands.len() >= 4);
    for command in commands {
        let (code, said) = shell(&command, &folder);
        assert!(
            code == 0 || code == 1 && [" audit ", " diff "].iter().any(|word| command.contains(word)),
            "{command}: exit {code}\n{said}"
        );
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A path that the documents name is there.
#[test]
fn what_the_documents_name_is_there() {
    for document in ["README.md", "fixtures/README.md", "docs/protocols.md", "src/lib.rs"] {
        let text = std::fs::read_to_string(root().join(document)).unwrap();
        for word in text.split(['`', ' ', '\n', '(', ')', ',', ';']) {
            let word = word.trim_end_matches(['.', ':']);
            let named = ["src/", "tests/", "fixtures/", "benches/", ".ci/"].iter().any(|folder| word.starts_with(folder));
            if named && !word.contains(['<', '*', '{']) {
                assert!(root().join(word).exists(), "{document} names {word}");
            }
        }
    }
}

/// The thresholds that docs/dns.md shows are those in force by default.
#[test]
fn the_thresholds_of_the_documents_are_the_programs_own() {
    let shown = blocks(&std::fs::read_to_string(root().join("docs/dns.md")).unwrap(), "toml").concat();
    let read = |_: &str| Ok(format!("name = \"shown\"\n{shown}"));
    let policy = Policy::load(&["shown.toml".to_owned()], &Known { protocols: &[] }, &read).expect("a policy");
    assert_eq!(policy.dns_tunnel, DnsTunnel::default());
    assert!(policy.origins.dns_tunnel.iter().all(Option::is_some), "all are shown");
}
