//! Holds the source to its own rules: who may use whom, and what the pure layers never do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// A module, and the modules of ours that it may use.
const LAYERS: &[(&str, &[&str])] = &[
    ("limits", &[]),
    ("fact", &["limits"]),
    ("source", &["fact", "limits"]),
    ("decode", &["fact", "limits"]),
    ("flow", &["decode", "fact", "limits"]),
    ("inspect", &["fact", "limits"]),
    ("judge", &["fact", "flow", "limits"]),
    ("report", &["fact", "judge", "evidence"]),
    ("shard", &["fact", "limits", "decode", "flow", "inspect", "judge"]),
    ("engine", &["fact", "limits", "decode", "flow", "source", "shard", "judge", "evidence"]),
];

/// Layers that do no I/O, read no clock and print nothing.
const PURE: &[&str] = &["decode", "flow", "inspect", "judge", "shard"];

/// What the pure layers never say.
const BANNED: &[&str] =
    &["Instant::now", "SystemTime", "println!", "eprintln!", "print!(", "std::fs", "File::open", "std::env::var", "thread::", "rand::"];

fn sources(under: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(under).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The layer that a file belongs to: its first folder, or its own name.
fn layer(path: &Path) -> String {
    let inner = path.strip_prefix(root()).unwrap();
    let first = inner.iter().next().unwrap().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The code of a file, without its tests and comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn is_test(path: &Path) -> bool {
    path.iter().any(|part| part == "tests" || part == "tests.rs" || part == "testdata")
}

/// The modules of ours that a file names by `crate::`.
fn used(code: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for piece in code.split("crate::").skip(1) {
        let list = match piece.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap_or_default(),
            None => piece,
        };
        for item in list.split(',').take(if piece.starts_with('{') { usize::MAX } else { 1 }) {
            let name: String = item.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            names.push(name);
        }
    }
    names
}

#[test]
fn every_layer_uses_only_what_it_may() {
    let mut wrong = Vec::new();
    for path in sources(&root()).iter().filter(|path| !is_test(path)) {
        let Some((own, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer(path)) else { continue };
        for name in used(&code(path)) {
            let is_ours = LAYERS.iter().any(|(layer, _)| *layer == name) || name == "cli";
            if is_ours && name != *own && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{} uses {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn pure_layers_read_no_clock_and_print_nothing() {
    let mut wrong = Vec::new();
    for path in sources(&root()).iter().filter(|path| !is_test(path) && PURE.contains(&layer(path).as_str())) {
        let code = code(path);
        wrong.extend(BANNED.iter().filter(|word| code.contains(**word)).map(|word| format!("{} says {word}", path.display())));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_stay_readable() {
    let long: Vec<String> = sources(&root())
        .iter()
        .map(|path| (path, fs::read_to_string(path).unwrap().lines().count()))
        .filter(|(_, lines)| *lines > 650)
        .map(|(path, lines)| format!("{} has {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn every_module_says_what_it_is_for() {
    for path in sources(&root()) {
        assert!(fs::read_to_string(&path).unwrap().starts_with("//!"), "{} begins without a word on what it is for", path.display());
    }
}
