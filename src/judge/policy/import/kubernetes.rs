//! Network policies of Kubernetes, and those of Cilium with their names: what pods may open, and who may open what to them.
//!
//! They say who may talk by labels of pods; packets have addresses. What is said of pods, namespaces and services is left out and listed, so that a
//! reader knows what the policy does not have.

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::Value;

use super::{Kind, List, Part, Use};
use crate::fact::Transport;
use crate::judge::policy::words::parse_net;
use crate::judge::policy::{Pattern, parse_ports};
use crate::limits;

pub(super) static KUBERNETES: Kind = Kind {
    name: "kubernetes-network-policy",
    reads: "NetworkPolicy objects of Kubernetes, as YAML or JSON",
    caution: "Prefixes alone are taken over: what is said of pods and namespaces has no addresses here, and is listed below.",
    read: |text| read(text, &["NetworkPolicy"], kubernetes),
};

pub(super) static CILIUM: Kind = Kind {
    name: "cilium-network-policy",
    reads: "CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy objects, as YAML or JSON",
    caution: "Names and prefixes are taken over: what is said of endpoints, services and entities has no addresses here, and is listed below.",
    read: |text| read(text, &["CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"], cilium),
};

/// What every object has. A List holds others.
#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    spec: Value,
    #[serde(default)]
    specs: Vec<Value>,
    #[serde(default)]
    items: Vec<Object>,
}

#[derive(Deserialize, Default)]
struct Metadata {
    #[serde(default)]
    name: String,
    namespace: Option<String>,
}

/// What is read of one object.
struct Reading<'a> {
    /// `namespace/name`.
    name: String,
    list: &'a mut List,
    /// Prefixes from which nothing may come in.
    refused: Vec<String>,
}

type Taken = Result<(), String>;

fn read(text: &str, kinds: &[&str], take: fn(&mut Reading<'_>, &Value) -> Taken) -> Result<List, String> {
    let objects: Vec<Object> = serde_saphyr::from_multiple(text).map_err(|error| error.to_string())?;
    let mut list = List::default();
    let mut open: Vec<Object> = objects.into_iter().rev().collect();
    let mut found = 0;
    while let Some(object) = open.pop() {
        open.extend(object.items.into_iter().rev());
        if !kinds.contains(&object.kind.as_str()) {
            continue;
        }
        found += 1;
        let name = match &object.metadata.namespace {
            Some(namespace) => format!("{namespace}/{}", object.metadata.name),
            None => object.metadata.name,
        };
        for spec in object.specs.iter().chain((!object.spec.is_null()).then_some(&object.spec)) {
            let mut reading = Reading { name: name.clone(), list: &mut list, refused: Vec::new() };
            take(&mut reading, spec).map_err(|why| format!("{name}: {why}"))?;
        }
    }
    if found == 0 { Err(format!("it has no object of the kind {}", kinds.join(" or "))) } else { Ok(list) }
}

// a key that is none of these would have narrowed what a rule is about
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NetworkPolicy {
    #[serde(default)]
    egress: Vec<NetworkRule>,
    #[serde(default)]
    ingress: Vec<NetworkRule>,
    policy_types: Option<Vec<String>>,
    #[serde(rename = "podSelector")]
    _pods: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NetworkRule {
    #[serde(default, alias = "from")]
    to: Vec<Peer>,
    #[serde(default)]
    ports: Vec<Port>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Peer {
    ip_block: Option<Block>,
    #[serde(rename = "podSelector")]
    _pods: Option<Value>,
    #[serde(rename = "namespaceSelector")]
    _namespaces: Option<Value>,
}

/// A prefix, and those in it that are not meant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    cidr: String,
    #[serde(default)]
    except: Vec<String>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Port {
    protocol: Option<String>,
    port: Option<Value>,
    end_port: Option<u16>,
}

fn kubernetes(reading: &mut Reading<'_>, spec: &Value) -> Taken {
    let policy = NetworkPolicy::deserialize(spec).map_err(|error| error.to_string())?;
    // rules of a way that the policy is not about are none
    let is_about = |way: &str| policy.policy_types.as_ref().is_none_or(|types| types.iter().any(|other| other == way));
    let (out, into) = (is_about("Egress"), is_about("Ingress"));
    for (way, is_meant, rules) in [(Use::Allow, out, policy.egress), (Use::Inbound, into, policy.ingress)] {
        for rule in rules.into_iter().filter(|_| is_meant) {
            let blocks: Vec<&Block> = rule.to.iter().filter_map(|peer| peer.ip_block.as_ref()).collect();
            if blocks.len() < rule.to.len() {
                reading.leave_out("pods, chosen by their labels");
            }
            // a rule without peers is about everybody
            if blocks.is_empty() && !rule.to.is_empty() {
                continue;
            }
            let mut cidrs = Vec::new();
            for block in blocks {
                cidrs.extend(block.nets()?);
            }
            let cidrs = if rule.to.is_empty() { everything()? } else { cidrs };
            reading.add(way, &[], &cidrs, &rule.ports)?;
        }
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CiliumPolicy {
    #[serde(default)]
    egress: Vec<CiliumRule>,
    #[serde(default)]
    egress_deny: Vec<CiliumRule>,
    #[serde(default)]
    ingress: Vec<CiliumRule>,
    #[serde(default)]
    ingress_deny: Vec<CiliumRule>,
}

#[derive(Deserialize)]
struct CiliumRule {
    #[serde(default, rename = "toCIDR", alias = "fromCIDR")]
    cidr: Vec<String>,
    #[serde(default, rename = "toCIDRSet", alias = "fromCIDRSet")]
    cidr_set: Vec<CidrSet>,
    #[serde(default, rename = "toFQDNs")]
    names: Vec<Fqdn>,
    #[serde(default, rename = "toPorts")]
    ports: Vec<CiliumPorts>,
    #[serde(default, rename = "toEntities", alias = "fromEntities")]
    entities: Vec<String>,
    /// Whatever else chooses peers: endpoints, services, groups, nodes.
    #[serde(flatten)]
    others: serde_json::Map<String, Value>,
}

#[derive(Deserialize)]
struct CidrSet {
    cidr: Option<String>,
    #[serde(default)]
    except: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fqdn {
    match_name: Option<String>,
    match_pattern: Option<String>,
}

#[derive(Deserialize)]
struct CiliumPorts {
    #[serde(default)]
    ports: Vec<Port>,
    /// What narrows them further: rules within protocols, names of servers, listeners.
    #[serde(flatten)]
    narrowed: serde_json::Map<String, Value>,
}

fn cilium(reading: &mut Reading<'_>, spec: &Value) -> Taken {
    let policy = CiliumPolicy::deserialize(spec).map_err(|error| error.to_string())?;
    // what comes in cannot be denied by an entry of its own, so that it is taken out of what is permitted, at whatever ports
    for rule in &policy.ingress_deny {
        let sets = rule.cidr_set.iter().filter_map(|set| set.cidr.as_ref());
        reading.refused.extend(rule.cidr.iter().chain(sets).cloned());
        if rule.entities.iter().any(|entity| matches!(entity.as_str(), "world" | "all")) {
            reading.refused.extend(["0.0.0.0/0".to_owned(), "::/0".to_owned()]);
        }
        rule.others.keys().for_each(|key| reading.leave_out(&format!("denied peers chosen by {key}")));
    }
    for (way, rules) in [(Use::Allow, policy.egress), (Use::Deny, policy.egress_deny), (Use::Inbound, policy.ingress)] {
        for rule in rules {
            cilium_rule(reading, way, &rule)?;
        }
    }
    Ok(())
}

fn cilium_rule(reading: &mut Reading<'_>, way: Use, rule: &CiliumRule) -> Taken {
    if rule.others.contains_key("icmps") {
        // of what it names, such a rule is about ICMP alone
        reading.leave_out("a rule about ICMP");
        return Ok(());
    }
    let mut cidrs = Vec::new();
    for word in &rule.cidr {
        cidrs.push(parse_net(word).map_err(|(why, _)| why)?);
    }
    for set in &rule.cidr_set {
        match &set.cidr {
            Some(cidr) => cidrs.extend(Block { cidr: cidr.clone(), except: set.except.clone() }.nets()?),
            None => reading.leave_out("groups of prefixes"),
        }
    }
    for entity in &rule.entities {
        match entity.as_str() {
            "world" | "all" => cidrs.extend(everything()?),
            other => reading.leave_out(&format!("the entity {other}")),
        }
    }
    let names = rule.names.iter().map(Fqdn::pattern).collect::<Result<Vec<_>, _>>()?;
    let others: Vec<&String> = rule.others.keys().filter(|key| key.starts_with("to") || key.starts_with("from")).collect();
    let denied = if way == Use::Deny { "denied " } else { "" };
    others.iter().for_each(|key| reading.leave_out(&format!("{denied}peers chosen by {key}")));
    for key in rule.ports.iter().flat_map(|ports| ports.narrowed.keys()) {
        reading.leave_out(&format!("what toPorts narrows by {key}"));
    }
    let is_for_all = cidrs.is_empty() && names.is_empty() && others.is_empty() && rule.entities.is_empty();
    let cidrs = if is_for_all && !rule.ports.is_empty() { everything()? } else { cidrs };
    // Cilium takes a port without a protocol for that of any, where Kubernetes takes it for TCP's
    let any = |port: &Port| Port { protocol: port.protocol.clone().or_else(|| Some("ANY".to_owned())), ..port.clone() };
    let ports: Vec<Port> = rule.ports.iter().flat_map(|ports| &ports.ports).map(any).collect();
    if !names.is_empty() {
        reading.add(way, &names, &[], &ports)?;
    }
    let cidrs = match way {
        Use::Inbound => {
            let kept = cidrs.iter().map(|net| Block { cidr: net.to_string(), except: reading.refused.clone() }.nets());
            kept.collect::<Result<Vec<_>, _>>()?.concat()
        }
        _ => cidrs,
    };
    if !cidrs.is_empty() {
        reading.add(way, &[], &cidrs, &ports)?;
    }
    Ok(())
}

impl Reading<'_> {
    fn leave_out(&mut self, what: &str) {
        let note = format!("{}: {what}", self.name);
        if !self.list.left_out.contains(&note) {
            self.list.left_out.push(note);
        }
    }

    /// Adds what goes to these peers at these ports, an entry for each transport.
    fn add(&mut self, used: Use, names: &[String], cidrs: &[IpNet], ports: &[Port]) -> Taken {
        let part = |transport, ports| Part {
            used,
            name: self.name.clone(),
            names: names.to_vec(),
            cidrs: cidrs.to_vec(),
            ports,
            transport,
            ..Part::default()
        };
        if ports.is_empty() {
            self.list.parts.push(part(None, Vec::new()));
            return Ok(());
        }
        let mut parts = Vec::new();
        for transport in [None, Some(Transport::Tcp), Some(Transport::Udp)] {
            let of_transport: Vec<&Port> = ports.iter().filter(|port| port.transport() == Some(transport)).collect();
            if of_transport.is_empty() {
                continue;
            }
            let ranges = of_transport.iter().map(|port| port.range()).collect::<Result<Vec<_>, _>>()?;
            // a port that is left open is every port
            let is_open = ranges.iter().any(|range| matches!(range, Range::All));
            let known: Vec<_> =
                ranges.iter().filter_map(|range| if let Range::Ports(range) = range { Some(range.clone()) } else { None }).collect();
            if is_open || !known.is_empty() {
                parts.push(part(transport, if is_open { Vec::new() } else { known }));
            }
        }
        self.list.parts.extend(parts);
        let denied = if used == Use::Deny { "a denial, for which add one by hand: " } else { "" };
        for port in ports {
            match (port.transport(), port.range()?) {
                (None, _) => self.leave_out(&format!("{denied}the protocol {}", port.protocol.as_deref().unwrap_or_default())),
                (_, Range::Named(name)) => self.leave_out(&format!("{denied}the port that is called {name}")),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The ports that are meant.
enum Range {
    All,
    Ports(std::ops::RangeInclusive<u16>),
    /// A port of the pod's, by its name.
    Named(String),
}

impl Port {
    /// The only transport, or `Some(None)` for both; `None` for one that policies have no word for.
    fn transport(&self) -> Option<Option<Transport>> {
        match self.protocol.as_deref() {
            None | Some("TCP") => Some(Some(Transport::Tcp)),
            Some("UDP") => Some(Some(Transport::Udp)),
            Some("ANY") => Some(None),
            Some(_) => None,
        }
    }

    fn range(&self) -> Result<Range, String> {
        let word = match &self.port {
            None => return Ok(Range::All),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(word)) => word.clone(),
            Some(other) => return Err(format!("`{other}` is no port")),
        };
        if word == "0" {
            return Ok(Range::All);
        }
        let first: u16 = match word.parse() {
            Ok(first) => first,
            Err(_) if word.bytes().all(|byte| byte.is_ascii_digit()) => return Err(format!("`{word}` is no port")),
            Err(_) => return Ok(Range::Named(word)),
        };
        let range = format!("{first}-{}", self.end_port.filter(|end| *end > 0).unwrap_or(first));
        parse_ports(&range.into()).map(Range::Ports).map_err(|(why, _)| why)
    }
}

impl Fqdn {
    /// As a policy writes it: there a star stays within a label, and two at the front are one or more of them.
    fn pattern(&self) -> Result<String, String> {
        let text = match (&self.match_name, &self.match_pattern) {
            (Some(name), _) => name.clone(),
            (None, Some(pattern)) if pattern == "*" => "*".to_owned(),
            (None, Some(pattern)) => match (pattern.strip_prefix("**."), pattern.strip_prefix("*.")) {
                (Some(below), _) => format!("*.{below}"),
                (None, Some(below)) => format!("+.{below}"),
                (None, None) => pattern.clone(),
            },
            (None, None) => return Err("toFQDNs without matchName and matchPattern".to_owned()),
        };
        Pattern::parse(&text).map(|_| text.clone()).map_err(|why| format!("the name `{}` {why}", text.escape_debug()))
    }
}

impl Block {
    fn nets(&self) -> Result<Vec<IpNet>, String> {
        let net = parse_net(&self.cidr).map_err(|(why, _)| why)?;
        let except = self.except.iter().map(|word| parse_net(word).map_err(|(why, _)| why)).collect::<Result<Vec<_>, _>>()?;
        let (mut open, mut nets) = (vec![net], Vec::new());
        while let Some(net) = open.pop() {
            if nets.len() + open.len() > limits::IMPORT_PREFIXES {
                return Err(format!("{} without its exceptions is more than {} prefixes", self.cidr, limits::IMPORT_PREFIXES));
            }
            match except.iter().filter(|other| other.contains(&net) || net.contains(*other)).map(|other| other.contains(&net)).max() {
                None => nets.push(net),
                Some(true) => {}
                Some(false) => open.extend(net.subnets(net.prefix_len() + 1).into_iter().flatten()),
            }
        }
        Ok(nets)
    }
}

fn everything() -> Result<Vec<IpNet>, String> {
    ["0.0.0.0/0", "::/0"].into_iter().map(|net| parse_net(net).map_err(|(why, _)| why)).collect()
}
