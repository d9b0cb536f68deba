//! Ranges of addresses as AWS, Google and Datadog publish them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Kind, List, Part, day, json, nets};

pub(super) static AWS: Kind = Kind {
    name: "aws-ip-ranges",
    reads: "AWS address ranges (ip-ranges.json)",
    caution: "Ranges are addresses without names and ports, and most are any customer's: they say less than a name does. Parts are services (S3, EC2, \
              AMAZON); AMAZON holds the others.",
    read: aws,
};

pub(super) static GOOGLE: Kind = Kind {
    name: "google-ip-ranges",
    reads: "Google address ranges (goog.json, cloud.json)",
    caution: "Ranges are addresses without names and ports; those of cloud.json are any customer's. Regions are scopes.",
    read: google,
};

pub(super) static DATADOG: Kind = Kind {
    name: "datadog-ip-ranges",
    reads: "Datadog address ranges (ip-ranges.datadoghq.com and its kin)",
    caution: "Ranges are addresses without names. Those of webhooks and synthetics are where Datadog calls from: they are left out.",
    read: datadog,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Aws {
    #[serde(default)]
    sync_token: String,
    create_date: Option<String>,
    #[serde(default)]
    prefixes: Vec<AwsPrefix>,
    #[serde(default, rename = "ipv6_prefixes")]
    prefixes_6: Vec<AwsPrefix>,
}

#[derive(Deserialize)]
struct AwsPrefix {
    #[serde(alias = "ip_prefix", alias = "ipv6_prefix")]
    prefix: String,
    region: String,
    service: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Google {
    #[serde(default)]
    sync_token: String,
    creation_time: Option<String>,
    prefixes: Vec<GooglePrefix>,
}

#[derive(Deserialize)]
struct GooglePrefix {
    #[serde(alias = "ipv4Prefix", alias = "ipv6Prefix")]
    prefix: String,
    #[serde(default)]
    service: String,
    #[serde(default)]
    scope: String,
}

#[derive(Deserialize)]
struct Datadog {
    version: u64,
    modified: Option<String>,
    #[serde(flatten)]
    products: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct DatadogPrefixes {
    #[serde(default)]
    prefixes_ipv4: Vec<String>,
    #[serde(default)]
    prefixes_ipv6: Vec<String>,
}

fn aws(text: &str) -> Result<List, String> {
    let file: Aws = json(text)?;
    let all = file.prefixes.iter().chain(&file.prefixes_6);
    let parts = grouped(all.map(|p| (p.service.as_str(), p.region.as_str(), p.prefix.as_str())))?;
    // 2026-07-13-18-32-09
    Ok(List { version: token(&file.sync_token), dated: file.create_date.as_deref().and_then(day), parts, ..List::default() })
}

fn google(text: &str) -> Result<List, String> {
    let file: Google = json(text)?;
    let parts = grouped(file.prefixes.iter().map(|p| (p.service.as_str(), p.scope.as_str(), p.prefix.as_str())))?;
    Ok(List { version: token(&file.sync_token), dated: file.creation_time.as_deref().and_then(day), parts, ..List::default() })
}

fn datadog(text: &str) -> Result<List, String> {
    let file: Datadog = json(text)?;
    let mut parts = Vec::new();
    let is_inbound = |name: &str| name.starts_with("webhooks") || name.starts_with("synthetics");
    for (name, value) in file.products.iter().filter(|(name, value)| !is_inbound(name) && value.is_object()) {
        let prefixes = DatadogPrefixes::deserialize(value).map_err(|error| format!("{}: {error}", name.escape_debug()))?;
        let words = prefixes.prefixes_ipv4.iter().chain(&prefixes.prefixes_ipv6).map(String::as_str);
        parts.push(Part {
            name: name.clone(),
            cidrs: nets(words, |n| format!("{}, prefix {}", name.escape_debug(), n + 1))?,
            ..Part::default()
        });
    }
    Ok(List { version: format!("version {}", file.version), dated: file.modified.as_deref().and_then(day), parts, ..List::default() })
}

/// Prefixes by service and region.
fn grouped<'a>(prefixes: impl Iterator<Item = (&'a str, &'a str, &'a str)>) -> Result<Vec<Part>, String> {
    let mut groups: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (service, region, prefix) in prefixes {
        groups.entry((service, region)).or_default().push(prefix);
    }
    let part = |((service, region), words): ((&str, &str), Vec<&str>)| {
        let cidrs = nets(words.iter().copied(), |n| format!("the prefix `{}`", words.get(n).copied().unwrap_or_default().escape_debug()))?;
        Ok(Part { name: service.to_owned(), region: region.to_owned(), cidrs, ..Part::default() })
    };
    groups.into_iter().map(part).collect()
}

fn token(token: &str) -> String {
    if token.is_empty() { String::new() } else { format!("token {token}") }
}
