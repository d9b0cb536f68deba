//! What an audit says of controls follows from its findings, and from how much was seen.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;

use support::{Case, cases};

fn case(name: &str) -> Case {
    cases().into_iter().find(|case| case.name() == name).expect("a fixture")
}

/// Controls by what is said of them.
fn controls(case: &Case, more: &[&str]) -> BTreeMap<String, serde_json::Value> {
    let document = case.audit(&[&["--json", "--controls"], more].concat()).json();
    let seen = document["controls"].as_array().expect("controls").iter();
    seen.map(|control| (control["control"].as_str().unwrap().to_owned(), control.clone())).collect()
}

fn evidence(controls: &BTreeMap<String, serde_json::Value>, control: &str) -> String {
    controls[control]["evidence"].as_str().unwrap().to_owned()
}

#[test]
fn a_pass_supports_all_that_the_policy_judges() {
    let controls = controls(&case("compliant-morning"), &[]);
    for (name, control) in &controls {
        let expected = if name == "NIST SP 800-53 SC-17" { "not-judged" } else { "supports" };
        assert_eq!(control["evidence"], expected, "{name}: no policy gives roots");
        assert!(!control["rules"].as_array().unwrap().is_empty() && control["findings"].as_array().unwrap().is_empty(), "{name}");
    }
    assert!(controls["NIST SP 800-53 SC-7"]["shown"].as_str().unwrap().contains("40 were opened by it, 0 towards it"));
}

#[test]
fn a_violation_contradicts_what_it_bears_on_and_leaves_the_rest() {
    let seen = controls(&case("inbound-accepted"), &[]);
    assert_eq!(evidence(&seen, "PCI DSS 1.3.1"), "contradicts");
    assert_eq!(seen["PCI DSS 1.3.1"]["findings"], serde_json::json!(["F1"]));
    assert_eq!(evidence(&seen, "PCI DSS 4.2.1"), "supports");
    let seen = controls(&case("plaintext-http"), &[]);
    assert_eq!((evidence(&seen, "NIST SP 800-53 SC-8").as_str(), evidence(&seen, "PCI DSS 1.3.1").as_str()), ("contradicts", "supports"));
}

#[test]
fn what_was_not_seen_leaves_everything_open() {
    let seen = controls(&case("capture-cut"), &[]);
    assert!(seen.values().all(|control| control["evidence"] != "supports"), "{seen:?}");
}

#[test]
fn what_the_policy_says_nothing_of_is_not_judged() {
    let seen = controls(&case("baseline"), &[]);
    assert_eq!(evidence(&seen, "NIST SP 800-53 AC-4"), "not-judged");
    assert_eq!(evidence(&seen, "NIST SP 800-53 SC-8"), "supports");
}

#[test]
fn what_is_borne_is_told() {
    let seen = controls(&case("tls10-waived"), &[]);
    assert_eq!(evidence(&seen, "NIST SP 800-52r2"), "supports");
    assert_eq!(seen["NIST SP 800-52r2"]["borne"].as_array().unwrap().len(), 1);
}

#[test]
fn they_are_told_where_they_are_asked_for() {
    let case = case("compliant-morning");
    assert!(case.audit(&["--json"]).json().get("controls").is_none());
    assert!(!case.audit(&[]).stdout.contains("Controls"));
    let told = case.audit(&["--controls"]).stdout;
    assert!(told.contains("\nControls that the evidence bears on, which it never proves to be met\n"), "{told}");
    assert!(told.contains("  not-judged    NIST SP 800-53 SC-17    certificates come from approved issuers\n"), "{told}");
    let (_, section) = told.split_once("\nControls").unwrap();
    assert!(section.lines().all(|line| line.chars().count() <= 100), "{section}");
}
