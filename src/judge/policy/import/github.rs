//! GitHub's meta document: prefixes by service, and names by domain.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Kind, List, Part, json, nets};
use crate::judge::policy::words::parse_net;

pub(super) static META: Kind = Kind {
    name: "github-meta",
    reads: "GitHub meta (api.github.com/meta)",
    caution: "Prefixes are addresses without names and ports; `*.github.com` does not cover github.com itself. Hooks are where GitHub calls from: they are \
              left out. Parts of names begin with `domains.`.",
    read,
};

fn read(text: &str) -> Result<List, String> {
    let document: BTreeMap<String, Value> = json(text)?;
    let mut parts = Vec::new();
    for (key, value) in &document {
        // keys and fingerprints are lists of other things
        let words = strings(value);
        if key != "hooks" && words.first().is_some_and(|first| parse_net(first).is_ok()) {
            let cidrs = nets(words, |n| format!("{}, prefix {}", key.escape_debug(), n + 1))?;
            parts.push(Part { name: key.clone(), cidrs, ..Part::default() });
        }
    }
    for (key, value) in document.get("domains").and_then(Value::as_object).into_iter().flatten() {
        let nested = value.as_object().into_iter().flatten().flat_map(|(_, inner)| strings(inner));
        let mut names: Vec<String> = strings(value).into_iter().chain(nested).map(str::to_owned).collect();
        names.sort();
        names.dedup();
        parts.push(Part { name: format!("domains.{key}"), names, ..Part::default() });
    }
    Ok(List { parts, ..List::default() })
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
