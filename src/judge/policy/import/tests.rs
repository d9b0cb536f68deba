//! Small lists of every shape, and what becomes of them.

use super::*;
use crate::judge::policy::{Known, Policy};

fn made(name: &str, file: &str, text: &str, wanted: &Wanted) -> Result<String, String> {
    policy(kind(name).expect("a kind"), file, text.as_bytes(), wanted)
}

/// What is made loads as a policy.
fn loaded(name: &str, file: &str, text: &str, wanted: &Wanted) -> Policy {
    let made = made(name, file, text, wanted).unwrap_or_else(|why| panic!("{why}"));
    let read = |_: &str| Ok(made.clone());
    Policy::load(&["made.toml".to_owned()], &Known { protocols: &["http"] }, &read).unwrap_or_else(|errors| panic!("{errors}\n{made}"))
}

fn only(words: &[&str]) -> Wanted {
    Wanted { only: words.iter().map(|&word| word.to_owned()).collect(), ..Wanted::default() }
}

const TAGS: &str = r#"{"changeNumber": 312, "cloud": "Public", "values": [
    {"name": "AzureArcInfrastructure", "id": "AzureArcInfrastructure", "properties": {"changeNumber": 41, "region": "", "regionId": 0,
     "platform": "Azure", "systemService": "", "addressPrefixes": ["20.0.0.0/25", "20.0.0.128/25", "2603:1000::/48"], "networkFeatures": null}},
    {"name": "Storage.WestUS2", "id": "Storage.WestUS2", "properties": {"changeNumber": 7, "region": "westus2", "regionId": 30,
     "platform": "Azure", "systemService": "AzureStorage", "addressPrefixes": ["13.66.176.16/28"], "networkFeatures": []}}]}"#;

#[test]
fn service_tags_of_both_shapes_are_read() {
    let policy = loaded("azure-service-tags", "ServiceTags_Public_20260713.json", TAGS, &only(&["azurearcinfrastructure"]));
    let [entry] = &policy.allow[..] else { panic!("{:?}", policy.allow) };
    // what touches is one prefix
    assert_eq!(entry.cidrs.iter().map(ToString::to_string).collect::<Vec<_>>(), ["20.0.0.0/24", "2603:1000::/48"]);
    assert!(entry.source.as_deref().is_some_and(|source| source.ends_with("cloud Public, change number 312; change 41 of the tag")));
    assert_eq!(policy.dated[0].1, "2026-07-13");
    let region = Wanted { regions: vec!["WestUS2".to_owned()], ports: vec![443..=443], ..Wanted::default() };
    let policy = loaded("azure-service-tags", "tags.json", TAGS, &region);
    assert_eq!(policy.allow.len(), 1);
    assert!(
        policy.allow[0].covers_port(443, Transport::Tcp) && !policy.allow[0].covers_port(80, Transport::Tcp) && policy.dated.is_empty()
    );
    // as the API answers
    let quoted = TAGS.replace(": 312", ": \"312\"").replace(": 41", ": \"41\"").replacen('{', r#"{"type": "x", "nextLink": "", "#, 1);
    assert_eq!(loaded("azure-service-tags", "api.json", &quoted, &Wanted::default()).allow.len(), 2);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let wrong = TAGS.replace("13.66.176.16/28", "13.66.176.16/99");
    let cases = [
        ("azure-service-tags", &wrong[..], Wanted::default(), "tags.json: tag Storage.WestUS2, prefix 1: "),
        ("azure-service-tags", TAGS, only(&["AzureArcInfrastrukture"]), "did you mean `AzureArcInfrastructure`?"),
        ("azure-service-tags", "{\"values\": [", Wanted::default(), "line 1, column 12"),
        ("aws-ip-ranges", r#"{"prefixes": [{"ip_prefix": "x", "region": "r", "service": "S3"}]}"#, Wanted::default(), "the prefix `x`"),
        ("list", "a.example\nb.example c.example", Wanted::default(), "line 2: one name or prefix"),
        ("list", "https://a.example", Wanted::default(), "line 1: the name `https://a.example` is a URL"),
        ("list", "# nothing", Wanted::default(), "no entry is left"),
        ("hosts", "0.0.0.0 ads.example", Wanted::default(), "line 1: names at 0.0.0.0 are blocked ones"),
        ("hosts", "x y", Wanted::default(), "line 1: `x` is no address"),
    ];
    for (kind, text, wanted, expected) in cases {
        let error = made(kind, "tags.json", text, &wanted).expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
    assert!(policy(KINDS[0], "x", &[0xff], &Wanted::default()).is_err_and(|why| why.contains("byte 0")));
    assert!(kind("azure-service-tag").is_err_and(|why| why.contains("azure-service-tags")));
}

#[test]
fn endpoint_sets_have_names_ports_and_addresses() {
    let text = r#"[{"id": 1, "serviceArea": "Exchange", "serviceAreaDisplayName": "Exchange Online", "urls": ["outlook.office.com", "*cdn.onenote.net"],
        "ips": ["13.107.6.152/31"], "tcpPorts": "80,443", "udpPorts": "443", "expressRoute": true, "category": "Optimize", "required": true},
        {"id": 11, "serviceArea": "Skype", "ips": ["52.112.0.0/14"], "udpPorts": "3478-3481", "category": "Optimize", "required": true},
        {"id": 12, "serviceArea": "Common", "urls": ["x.example"], "tcpPorts": "443", "category": "Default", "required": false}]"#;
    let policy = loaded("microsoft365-endpoints", "worldwide.json", text, &only(&["exchange", "skype"]));
    let ports: Vec<_> = policy.allow.iter().map(|entry| (entry.transport, entry.ports.clone())).collect();
    assert_eq!(
        ports,
        [
            (Some(Transport::Tcp), vec![80..=80, 443..=443]),
            (Some(Transport::Udp), vec![443..=443]),
            (Some(Transport::Udp), vec![3478..=3481])
        ]
    );
    assert!(policy.allow.iter().all(|entry| entry.plaintext.is_empty()));
}

#[test]
fn ranges_are_grouped_and_what_calls_in_is_left_out() {
    let aws = r#"{"syncToken": "1752431529", "createDate": "2026-07-13-18-32-09",
        "prefixes": [{"ip_prefix": "3.5.140.0/22", "region": "ap-northeast-2", "service": "S3", "network_border_group": "ap-northeast-2"},
                     {"ip_prefix": "3.5.144.0/23", "region": "ap-northeast-2", "service": "S3", "network_border_group": "ap-northeast-2"}],
        "ipv6_prefixes": [{"ipv6_prefix": "2600:1f00::/24", "region": "GLOBAL", "service": "AMAZON", "network_border_group": "GLOBAL"}]}"#;
    let policy = loaded("aws-ip-ranges", "ip-ranges.json", aws, &Wanted::default());
    assert_eq!((policy.allow.len(), policy.dated[0].1.as_str()), (2, "2026-07-13"));
    let google = r#"{"syncToken": "1", "creationTime": "2026-07-13T10:00:00.000000", "prefixes": [{"ipv4Prefix": "8.8.4.0/24"}, {"ipv6Prefix": "2001:4860::/32"}]}"#;
    assert_eq!(loaded("google-ip-ranges", "goog.json", google, &Wanted::default()).allow.len(), 1);
    let datadog = r#"{"version": 55, "modified": "2026-07-13-00-00-00", "agents": {"prefixes_ipv4": ["3.233.144.0/20"], "prefixes_ipv6": []},
        "webhooks": {"prefixes_ipv4": ["1.2.3.4/32"], "prefixes_ipv6": []}}"#;
    let policy = loaded("datadog-ip-ranges", "ip.json", datadog, &Wanted::default());
    assert!(policy.allow.len() == 1 && !policy.allow[0].covers_address([1, 2, 3, 4].into()));
    let github = r#"{"verifiable_password_authentication": false, "ssh_keys": ["ssh-ed25519 AAAA"], "hooks": ["192.30.252.0/22"], "api": ["140.82.112.0/20"],
        "domains": {"website": ["*.github.com"], "actions_inbound": {"full_domains": ["github.com"], "wildcard_domains": ["*.actions.githubusercontent.com"]}}}"#;
    let policy = loaded("github-meta", "meta.json", github, &Wanted::default());
    let purposes: Vec<_> = policy.allow.iter().filter_map(|entry| entry.purpose.as_deref()).collect();
    assert_eq!(purposes, ["api", "domains.actions_inbound", "domains.website"]);
}

#[test]
fn plain_lists_and_hosts_files_are_read() {
    let policy = loaded("list", "ours.txt", "# ours\na.example  # one\n*.b.example\r\n203.0.113.7\n2001:db8::/32\n", &Wanted::default());
    assert_eq!((policy.allow[0].names.len(), policy.allow[1].cidrs.len()), (2, 2));
    let policy =
        loaded("hosts", "hosts", "127.0.0.1 localhost\n::1 localhost\n10.1.1.1 db.example db\n10.1.1.1 also.example\n", &Wanted::default());
    let [entry] = &policy.allow[..] else { panic!("{:?}", policy.allow) };
    assert_eq!((entry.names.len(), entry.cidrs.len()), (3, 1));
}

#[test]
fn nothing_in_a_list_breaks_out_of_its_string() {
    let text = TAGS.replace("AzureArcInfrastructure", "a\\\"\\n[[allow]]\\ncidrs = [\\\"0.0.0.0/0\\\"]\\u202e");
    let policy = loaded("azure-service-tags", "x\n\"[[allow]].json", &text, &Wanted::default());
    assert_eq!(policy.allow.len(), 2);
    assert!(!policy.allow.iter().any(|entry| entry.covers_address([8, 8, 8, 8].into())));
}

/// What became of objects of Kubernetes: entries as they are shown, and what was left out.
fn cluster(kind: &str, text: &str) -> (Vec<String>, Vec<String>) {
    let made = made(kind, "policies.yaml", text, &Wanted::default()).unwrap_or_else(|why| panic!("{why}"));
    let left_out = made.lines().filter_map(|line| line.strip_prefix("# Left out: ")).map(str::to_owned).collect();
    let policy = loaded(kind, "policies.yaml", text, &Wanted::default());
    let shown = policy.show();
    let entries = shown.lines().filter(|line| ["allow ", "deny ", "inbound "].iter().any(|word| line.starts_with(word)));
    let plain = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    (entries.map(plain).filter(|line| !line.contains("nothing is said")).collect(), left_out)
}

#[test]
fn network_policies_of_kubernetes() {
    let text = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: agent, namespace: monitoring}
spec:
  podSelector: {}
  policyTypes: [Egress, Ingress]
  egress:
  - to:
    - ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.128/25]}
    - podSelector: {matchLabels: {app: proxy}}
    ports:
    - {protocol: TCP, port: 443}
    - {protocol: TCP, port: 8000, endPort: 8100}
    - {protocol: UDP, port: dns}
    - {protocol: SCTP, port: 99}
  - to:
    - namespaceSelector: {}
  - ports: [{port: 53, protocol: UDP}]
  ingress:
  - from: [{ipBlock: {cidr: 192.0.2.0/24}}]
    ports: [{port: 9100}]
  - from: [{ipBlock: {cidr: 198.51.100.1/32}}]
---
kind: Deployment
metadata: {name: no}
---
apiVersion: v1
kind: List
items:
- {kind: NetworkPolicy, metadata: {name: 'no'}, spec: {egress: [{}]}}
";
    let (entries, left_out) = cluster("kubernetes-network-policy", text);
    assert_eq!(
        entries,
        [
            "allow 203.0.113.0/25, port 443 8000-8100, tcp alone",
            "allow 0.0.0.0/0 ::/0, port 53, udp alone",
            "allow 0.0.0.0/0 ::/0",
            "inbound from 192.0.2.0/24, port 9100, tcp alone: monitoring/agent (kubernetes-network-policy:28)",
            "inbound from 198.51.100.1/32, port 1-65535: monitoring/agent (kubernetes-network-policy:34)",
        ]
    );
    assert_eq!(
        left_out,
        [
            "monitoring/agent: pods, chosen by their labels",
            "monitoring/agent: the port that is called dns",
            "monitoring/agent: the protocol SCTP",
        ]
    );
}

#[test]
fn what_a_policy_does_not_mean_is_not_allowed() {
    let policy = |spec: &str| format!("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p}}\nspec: {spec}\n");
    let import = |spec: &str| made("kubernetes-network-policy", "p.yaml", &policy(spec), &Wanted::default());
    assert!(import("{podSelector: {}, egress: [{too: []}]}").is_err(), "a key that is none would have narrowed it");
    assert!(import("{podSelector: {}, egress: [{to: [{ipBlok: {cidr: 10.0.0.0/8}}]}]}").is_err());
    let ingress = import("{podSelector: {}, policyTypes: [Ingress], egress: [{}]}");
    assert!(ingress.is_err_and(|why| why.contains("no entry is left")));
    let cilium = |rules: &str| {
        let text = format!("apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: p}}\nspec: {rules}\n");
        made("cilium-network-policy", "p.yaml", &text, &Wanted::default()).unwrap()
    };
    let open = cilium("{egressDeny: [{toCIDR: [10.9.0.0/16], toPorts: [{ports: [{port: \"53\"}]}]}]}");
    assert!(open.contains("[[deny]]") && !open.contains("transport"), "a port without a protocol is of any: {open}");
    let named =
        cilium("{egressDeny: [{toCIDR: [10.0.0.0/8], toPorts: [{ports: [{port: https, protocol: TCP}]}]}], egress: [{toEntities: [all]}]}");
    assert!(named.contains("a denial, for which add one by hand: the port that is called https"), "{named}");
}

#[test]
fn policies_of_cilium() {
    let text = r#"
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: agent, namespace: edge}
spec:
  endpointSelector: {matchLabels: {app: agent}}
  egress:
  - toFQDNs:
    - matchName: api.example.com
    - matchPattern: "*.example.net"
    - matchPattern: "**.example.org"
    - matchPattern: "sub*.example.com"
    toPorts:
    - ports: [{port: "443", protocol: TCP}]
  - toEndpoints:
    - matchLabels: {"k8s:k8s-app": kube-dns}
    toPorts:
    - ports: [{port: "53", protocol: ANY}]
      rules: {dns: [{matchPattern: "*"}]}
  - toCIDRSet: [{cidr: 10.0.0.0/8, except: [10.96.0.0/12]}]
  - toEntities: [world, cluster]
    toPorts: [{ports: [{port: "123", protocol: UDP}]}]
  - toCIDR: [198.51.100.0/24]
    icmps: [{fields: [{type: 8, family: IPv4}]}]
  - toCIDR: [198.51.100.9/32]
    toPorts: [{ports: [{port: "443", protocol: TCP}], serverNames: [sni.example.com]}]
  egressDeny:
  - toCIDR: [169.254.169.254/32]
  ingress:
  - fromCIDR: [192.0.2.0/29]
    toPorts: [{ports: [{port: "22"}]}]
  ingressDeny:
  - fromCIDR: [192.0.2.0/30]
  - fromEndpoints: [{}]
"#;
    let (entries, left_out) = cluster("cilium-network-policy", text);
    assert_eq!(
        entries,
        [
            "deny 169.254.169.254/32",
            "allow api.example.com +.example.net *.example.org sub*.example.com, port 443, tcp alone",
            "allow 10.0.0.0/10 10.64.0.0/11 10.112.0.0/12 10.128.0.0/9",
            "allow 0.0.0.0/0 ::/0, port 123, udp alone",
            "allow 198.51.100.9/32, port 443, tcp alone",
            "inbound from 192.0.2.4/30, port 22: edge/agent (cilium-network-policy:58)",
        ]
    );
    assert_eq!(
        left_out,
        [
            "edge/agent: denied peers chosen by fromEndpoints",
            "edge/agent: peers chosen by toEndpoints",
            "edge/agent: what toPorts narrows by rules",
            "edge/agent: the entity cluster",
            "edge/agent: a rule about ICMP",
            "edge/agent: what toPorts narrows by serverNames"
        ]
    );
}

#[test]
fn objects_that_cannot_be_read_are_refused() {
    let wrong = |text: &str| made("kubernetes-network-policy", "p.yaml", text, &Wanted::default()).expect_err(text);
    assert!(wrong("kind: Deployment\n").contains("no object of the kind NetworkPolicy"));
    assert!(wrong("kind: [\n").contains("p.yaml: "));
    let policy = |egress: &str| format!("kind: NetworkPolicy\nmetadata: {{name: a}}\nspec: {{egress: [{egress}]}}\n");
    assert!(wrong(&policy("{to: [{ipBlock: {cidr: 10.0.0.0/99}}]}")).contains("a: `10.0.0.0/99` is no address and no prefix"));
    assert!(wrong(&policy("{to: [], ports: [{port: 99999}]}")).contains("`99999` is no port"));
    assert!(wrong(&policy("{to: [{podSelector: {}}]}")).contains("no entry is left"));
    // what grows without end
    let laughs = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n\
                  e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nkind: NetworkPolicy\nspec: {egress: *g}\n";
    assert!(!wrong(laughs).is_empty());
    assert!(!wrong(&"[".repeat(100_000)).is_empty());
}

#[test]
fn datasets_of_suricata() {
    // api.example.com and www.example.org in Base64, one with a reputation
    let policy = loaded(
        "suricata-dataset",
        "names.lst",
        "YXBpLmV4YW1wbGUuY29t\nd3d3LmV4YW1wbGUub3Jn,12\n203.0.113.9\n2001:db8::1\n",
        &Wanted::default(),
    );
    assert_eq!((policy.allow[0].names.len(), policy.allow[1].cidrs.len()), (2, 2));
    let hash = "d41d8cd98f00b204e9800998ecf8427e\n";
    assert!(made("suricata-dataset", "md5.lst", hash, &Wanted::default()).is_err_and(|why| why.contains("line 1: ")));
}
