//! The JSON Schema of a policy file, for editors that complete and check TOML.

use serde_json::{Map, Value, json};

use super::Private;
use super::shapes::{FILE, Key, Shape};
use crate::judge::rules::RULES;

/// The schema (draft 2020-12); `protocols` are the names of those that are known.
#[must_use]
pub fn schema(protocols: &[&str]) -> Value {
    let mut schema = table(FILE, protocols);
    let variables = json!({
        "description": "What differs from site to site: ${name} in any string; one without a value must be given one with --set",
        "type": "object",
        "additionalProperties": {"type": "string"},
    });
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.insert("variables".to_owned(), variables);
        if let Some(Value::Object(severity)) = properties.get_mut("severity") {
            let codes: Vec<&str> = RULES.iter().map(|rule| rule.code).collect();
            severity.insert("propertyNames".to_owned(), json!({"anyOf": [{"enum": codes}, {"pattern": "^[Ww]{2}[0-9]{3}$"}]}));
        }
    }
    if let Value::Object(schema) = &mut schema {
        schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        schema.insert("title".to_owned(), json!("wirewitness policy"));
    }
    schema
}

fn table(keys: &[Key], protocols: &[&str]) -> Value {
    let property = |(key, shape, about): &Key| {
        let mut value = of(shape, protocols);
        if let Value::Object(value) = &mut value {
            value.insert("description".to_owned(), json!(about));
        }
        ((*key).to_owned(), value)
    };
    json!({"type": "object", "additionalProperties": false, "properties": keys.iter().map(property).collect::<Map<_, _>>()})
}

fn of(shape: &Shape, protocols: &[&str]) -> Value {
    match shape {
        Shape::Text => json!({"type": "string"}),
        Shape::Word(words) => word(&words()),
        Shape::Protocol => word(&protocols.iter().copied().chain(["text", "icmp-echo"]).collect::<Vec<_>>()),
        Shape::Private => json!({"anyOf": [{"type": "boolean"}, {"type": "array", "items": of(&Shape::Class, protocols)}]}),
        Shape::Class => word(&Private::CLASSES.map(|(word, _)| word)),
        Shape::Number => json!({"type": "integer", "minimum": 1}),
        // editors show a day of TOML as a string
        Shape::Day => json!({"type": "string", "format": "date"}),
        Shape::Port => json!({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 65535}, {"type": "string"}]}),
        Shape::List(of_what) => json!({"type": "array", "items": of(of_what, protocols)}),
        Shape::Table(keys) => table(keys, protocols),
        Shape::Entries(keys) => json!({"type": "array", "items": table(keys, protocols)}),
        Shape::Named(of_what) => json!({"type": "object", "additionalProperties": of(of_what, protocols)}),
    }
}

/// One of a few words, or a group or variable that stands for some.
fn word(words: &[&str]) -> Value {
    json!({"type": "string", "anyOf": [{"enum": words}, {"pattern": "^@|[$][{]"}]})
}
