//! Microsoft 365's endpoints, as its web service answers in JSON.

use std::ops::RangeInclusive;

use serde::Deserialize;

use super::{Kind, List, Part, json, nets};
use crate::fact::Transport;
use crate::judge::policy::words::parse_ports;

pub(super) static ENDPOINTS: Kind = Kind {
    name: "microsoft365-endpoints",
    reads: "Microsoft 365 endpoints (endpoints.office.com, JSON)",
    caution: "Where an endpoint set has names and addresses both must hold. Plaintext over port 80 is not permitted by it: add it where it is meant. Parts \
              are service areas: Exchange, SharePoint, Skype, Common.",
    read,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Set {
    id: u64,
    service_area: String,
    #[serde(default)]
    urls: Vec<String>,
    #[serde(default)]
    ips: Vec<String>,
    tcp_ports: Option<String>,
    udp_ports: Option<String>,
    category: Option<String>,
    required: Option<bool>,
}

fn read(text: &str) -> Result<List, String> {
    let sets: Vec<Set> = json(text)?;
    let mut parts = Vec::new();
    for set in sets {
        let cidrs = nets(set.ips.iter().map(String::as_str), |n| format!("endpoint set {}, address {}", set.id, n + 1))?;
        let required = if set.required == Some(true) { ", required" } else { "" };
        let source = format!("endpoint set {}, {}{required}", set.id, set.category.as_deref().unwrap_or("without a category"));
        for (ports, transport) in [(&set.tcp_ports, Transport::Tcp), (&set.udp_ports, Transport::Udp)] {
            let Some(ports) = ports.as_deref().filter(|ports| !ports.trim().is_empty()) else { continue };
            parts.push(Part {
                name: set.service_area.clone(),
                source: source.clone(),
                names: set.urls.clone(),
                cidrs: cidrs.clone(),
                ports: read_ports(ports).map_err(|why| format!("endpoint set {}: {why}", set.id))?,
                transport: Some(transport),
                ..Part::default()
            });
        }
    }
    Ok(List { parts, ..List::default() })
}

/// Ports and ranges with commas between them.
fn read_ports(text: &str) -> Result<Vec<RangeInclusive<u16>>, String> {
    let one = |word: &str| parse_ports(&toml::Value::String(word.trim().to_owned())).map_err(|(why, _)| why);
    text.split(',').map(one).collect()
}
