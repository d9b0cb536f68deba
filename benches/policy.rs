//! What large policies cost: to load, and to ask for a name or an address.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use criterion::{Criterion, criterion_group, criterion_main};
use wirewitness::fact::Name;
use wirewitness::judge::policy::import::{self, Wanted};
use wirewitness::judge::policy::{Known, Policy};

/// An address of the nth prefix.
fn address(n: u32) -> IpAddr {
    // prefixes of 256 addresses that do not touch
    Ipv4Addr::from(0x0b00_0000 + n * 512 + 7).into()
}

/// Service tags as the weekly file has them: so many tags with so many prefixes each.
fn service_tags(tags: u32, prefixes: u32) -> String {
    let tag = |tag: u32| {
        let prefix = |n: u32| format!("\"{}/24\"", Ipv4Addr::from(0x0b00_0000 + (tag * prefixes + n) * 512));
        let prefixes: Vec<String> = (0..prefixes).map(prefix).collect();
        format!(
            r#"{{"name": "Tag{tag}", "id": "Tag{tag}", "properties": {{"changeNumber": {tag}, "region": "", "regionId": 0, "platform": "Azure",
            "systemService": "", "addressPrefixes": [{}], "networkFeatures": ["API", "NSG"]}}}}"#,
            prefixes.join(", ")
        )
    };
    let tags: Vec<String> = (0..tags).map(tag).collect();
    format!(r#"{{"changeNumber": 312, "cloud": "Public", "values": [{}]}}"#, tags.join(",\n"))
}

fn load(text: &str) -> Policy {
    let read = |_: &str| Ok(text.to_owned());
    match Policy::load(&["bench.toml".to_owned()], &Known { protocols: &[] }, &read) {
        Ok(policy) => policy,
        Err(errors) => unreachable!("{errors}"),
    }
}

fn large(c: &mut Criterion) {
    let mut group = c.benchmark_group("policy");
    group.sample_size(10);
    let list = service_tags(1000, 100);
    let wanted = Wanted::default();
    let import = || import::kind("azure-service-tags").and_then(|kind| import::policy(kind, "tags.json", list.as_bytes(), &wanted));
    group.bench_function("import 100,000 prefixes", |b| b.iter(|| black_box(import().map(|text| text.len()))));
    let text = import().unwrap_or_default();
    group.bench_function("load 100,000 prefixes", |b| b.iter(|| black_box(load(&text).allow.len())));
    let prefixes = load(&text);
    let mut n = 0;
    group.bench_function("an address among 100,000 prefixes of 1,000 entries", |b| {
        b.iter(|| {
            n = (n + 7919) % 100_000;
            black_box(prefixes.allow.iter().position(|entry| entry.covers_address(address(n))))
        });
    });
    let names: Vec<String> = (0..100_000).map(|n| format!("\"host{n}.site{}.example\"", n % 1000)).collect();
    let names = load(&format!("[[allow]]\nnames = [{}]\nports = [443]\n", names.join(",\n")));
    group.bench_function("a name among 100,000", |b| {
        b.iter(|| {
            n = (n + 7919) % 100_000;
            black_box(names.name_allowed(&Name::from_wire(format!("host{n}.site{}.example", n % 1000).as_bytes())).is_some())
        });
    });
    group.finish();
}

criterion_group!(benches, large);
criterion_main!(benches);
