//! Azure's service tags, as the weekly file has them and as the Service Tag Discovery API answers: the latter writes numbers as strings.

use serde::Deserialize;

use super::{Kind, List, Part, json, nets};

pub(super) static SERVICE_TAGS: Kind = Kind {
    name: "azure-service-tags",
    reads: "Azure service tags (ServiceTags_*.json, or the Service Tag Discovery API)",
    caution: "A service tag is addresses without names and ports, and some tags (Storage, AzureFrontDoor.Frontend) are any tenant's: it says less than \
              a name does. A name that is asked for at these addresses is still judged by itself.",
    read,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    change_number: Number,
    #[serde(default)]
    cloud: String,
    values: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    properties: Properties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    change_number: Option<Number>,
    region: Option<String>,
    #[serde(default)]
    address_prefixes: Vec<String>,
}

/// A number, in quotes or not.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Plain(u64),
    Quoted(String),
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Plain(number) => number.fmt(f),
            Self::Quoted(text) => text.fmt(f),
        }
    }
}

fn read(text: &str) -> Result<List, String> {
    let file: File = json(text)?;
    let part = |tag: Tag| {
        let place = |n| format!("tag {}, prefix {}", tag.name.escape_debug(), n + 1);
        let change = tag.properties.change_number.map(|number| format!("change {number} of the tag")).unwrap_or_default();
        Ok(Part {
            cidrs: nets(tag.properties.address_prefixes.iter().map(String::as_str), place)?,
            region: tag.properties.region.unwrap_or_default(),
            source: change,
            name: tag.name,
            ..Part::default()
        })
    };
    let cloud = if file.cloud.is_empty() { String::new() } else { format!("cloud {}, ", file.cloud) };
    let version = format!("{cloud}change number {}", file.change_number);
    Ok(List { version, parts: file.values.into_iter().map(part).collect::<Result<_, String>>()?, ..List::default() })
}
