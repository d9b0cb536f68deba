//! What is written keeps to its schema, what is built in does too, and what is wrong does not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::{cases, run};
use wirewitness::judge::policy::profiles;

fn schema(of: &str) -> Value {
    let run = run(["schema", of]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.json()["$schema"], "https://json-schema.org/draft/2020-12/schema");
    run.json()
}

/// What is wrong with a value, by the words of JSON Schema that these schemas use; any other word is a mistake of this test.
fn wrong(root: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let Value::Object(words) = schema else { return if schema == &json!(false) { vec![place.to_owned()] } else { Vec::new() } };
    let found = std::cell::RefCell::new(Vec::new());
    let fault = |what: &str| found.borrow_mut().push(format!("{place}: {what}"));
    let further = |wrong: Vec<String>| found.borrow_mut().extend(wrong);
    let is = |kind: &str| match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => panic!("the type {kind}"),
    };
    let empty = serde_json::Map::new();
    let members = value.as_object().unwrap_or(&empty);
    let properties = words.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    for (word, said) in words {
        let any = |list: &Value| list.as_array().unwrap().iter().any(|one| wrong(root, one, value, place).is_empty());
        match word.as_str() {
            "$schema" | "$defs" | "title" | "description" | "format" => {}
            "$ref" => {
                let target = root.pointer(said.as_str().unwrap().trim_start_matches('#')).expect("a definition");
                further(wrong(root, target, value, place));
            }
            "type" => {
                let kinds: Vec<&str> =
                    said.as_array().map_or_else(|| vec![said.as_str().unwrap()], |all| all.iter().map(|k| k.as_str().unwrap()).collect());
                if !kinds.into_iter().any(is) {
                    fault(&format!("{value} is no {said}"));
                }
            }
            "const" if value != said => fault(&format!("{value} is not {said}")),
            "enum" if !said.as_array().unwrap().contains(value) => fault(&format!("{value} is none of {said}")),
            "const" | "enum" => {}
            "anyOf" | "oneOf" if !any(said) => fault(&format!("{value} fits none of {word}")),
            "anyOf" | "oneOf" => {}
            "pattern" => {
                let text = value.as_str().unwrap_or_default();
                let fits = match said.as_str().unwrap() {
                    "^@|[$][{]" => text.starts_with('@') || text.contains("${"),
                    "^[Ww]{2}[0-9]{3}$" => text.len() == 5 && text.to_ascii_uppercase().starts_with("WW"),
                    other => panic!("the pattern {other}"),
                };
                if !fits {
                    fault(&format!("{value} does not fit {said}"));
                }
            }
            "minimum" if value.as_i64().is_some_and(|n| n < said.as_i64().unwrap()) => fault("too little"),
            "maximum" if value.as_i64().is_some_and(|n| n > said.as_i64().unwrap()) => fault("too much"),
            "minimum" | "maximum" => {}
            "required" => {
                for key in said.as_array().unwrap().iter().filter(|key| value.is_object() && !members.contains_key(key.as_str().unwrap())) {
                    fault(&format!("{key} is missing"));
                }
            }
            "items" => {
                for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                    further(wrong(root, said, item, &format!("{place}[{n}]")));
                }
            }
            "properties" => {
                for (key, schema) in properties {
                    further(members.get(key).map(|member| wrong(root, schema, member, &format!("{place}.{key}"))).unwrap_or_default());
                }
            }
            "additionalProperties" => {
                for (key, member) in members.iter().filter(|(key, _)| !properties.contains_key(*key)) {
                    further(wrong(root, said, member, &format!("{place}.{key}")));
                }
            }
            "propertyNames" => {
                for key in members.keys() {
                    further(wrong(root, said, &json!(key), &format!("{place}.{key}")));
                }
            }
            other => panic!("the word {other} at {place}"),
        }
    }
    found.into_inner()
}

/// The same, and that nothing is written which the schema does not have: serde's types do not say so by themselves.
fn closed(schema: &Value) -> Value {
    let mut schema = schema.clone();
    fn close(schema: &mut Value) {
        match schema {
            Value::Object(words) => {
                if words.contains_key("properties") && !words.contains_key("additionalProperties") {
                    words.insert("additionalProperties".to_owned(), json!(false));
                }
                words.values_mut().for_each(close);
            }
            Value::Array(list) => list.iter_mut().for_each(close),
            _ => {}
        }
    }
    close(&mut schema);
    schema
}

fn fits(schema: &Value, value: &Value, what: &str) {
    let wrong = wrong(schema, schema, value, "");
    assert!(wrong.is_empty(), "{what}: {wrong:#?}");
}

#[test]
fn every_audit_and_every_flow_keeps_to_its_schema() {
    let (audit, flow) = (closed(&schema("audit")), closed(&schema("flow")));
    for case in cases() {
        fits(&audit, &case.audit(&["--json", "--hash", "--controls"]).json(), &case.name());
        let mut arguments = case.arguments("flows");
        arguments.extend(["--json".to_owned(), case.capture()]);
        for line in run(arguments).stdout.lines() {
            fits(&flow, &serde_json::from_str(line).unwrap(), &case.name());
        }
    }
}

#[test]
fn what_is_no_audit_does_not_fit() {
    let audit = schema("audit");
    let document = cases()[0].audit(&["--json"]).json();
    for (place, value) in [("/verdict", json!("maybe")), ("/summary/flows", json!("7")), ("/findings", json!({})), ("/tool", json!(null))] {
        let mut document = document.clone();
        *document.pointer_mut(place).unwrap() = value;
        assert!(!wrong(&audit, &audit, &document, "").is_empty(), "{place}");
    }
    let mut document = document;
    document.as_object_mut().unwrap().remove("coverage");
    assert_eq!(wrong(&audit, &audit, &document, ""), [": \"coverage\" is missing"]);
}

/// A policy as editors hold it against a schema: a day is a string.
fn policy(text: &str) -> Value {
    fn plain(value: toml::Value) -> Value {
        match value {
            toml::Value::String(text) => json!(text),
            toml::Value::Integer(number) => json!(number),
            toml::Value::Float(number) => json!(number),
            toml::Value::Boolean(is) => json!(is),
            toml::Value::Datetime(at) => json!(at.to_string()),
            toml::Value::Array(list) => list.into_iter().map(plain).collect(),
            toml::Value::Table(table) => Value::Object(table.into_iter().map(|(key, value)| (key, plain(value))).collect()),
        }
    }
    plain(toml::Value::Table(text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"))))
}

#[test]
fn policies_keep_to_their_schema_and_mistakes_do_not() {
    let schema = schema("policy");
    for (name, text) in profiles::PROFILES {
        fits(&schema, &policy(text), name);
    }
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/writing-policies.md")).unwrap();
    let examples: Vec<&str> = guide.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() > 10);
    for example in examples {
        fits(&schema, &policy(example), example);
    }
    for mistake in [
        "dns_bindng = \"off\"",
        "dns_binding = \"offf\"",
        "[[allow]]\nnames = \"a.example\"",
        "[[allow]]\nnames = [\"a.example\"]\nport = [443]",
        "[[allow]]\nnames = [\"a.example\"]\nports = [70000]",
        "[[allow]]\nplaintext = [\"htp\"]",
        "[destinations]\nprivate = [\"rfc1981\"]",
        "[severity]\nWW102 = \"nothing\"",
        "[severity]\nX = \"notice\"",
        "[coverage]\nmin_flows = 0",
        "[variables]\na = 1",
    ] {
        assert!(!wrong(&schema, &schema, &policy(mistake), "").is_empty(), "{mistake}");
    }
}
