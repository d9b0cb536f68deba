//! What is doubtful in a policy and no mistake is told at its place, and nothing else is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use wirewitness::judge::policy::{Known, Policy, profiles};

/// Each doubt as `file:line:column message`.
fn doubts(files: &[(&str, &str)]) -> Vec<String> {
    let read = |path: &str| {
        let file = files.iter().find(|(name, _)| *name == path);
        file.map(|(_, text)| (*text).to_owned()).ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))
    };
    let (_, doubts) =
        Policy::check(&[files[0].0.to_owned()], &[], &Known { protocols: &protocols() }, &read).unwrap_or_else(|errors| panic!("{errors}"));
    let told = doubts.mistakes().iter().map(|doubt| {
        let (line, column) = doubt.place().expect("a place");
        format!("{}:{line}:{column} {}", doubt.file().expect("a file"), doubt.message())
    });
    told.collect()
}

fn of(text: &str) -> Vec<String> {
    doubts(&[("a.toml", text)])
}

#[test]
fn wildcards_over_what_anybody_can_have() {
    let text = "[[allow]]\nnames = [\"*.com\", \"+.co.uk\", \"*.blob.core.windows.net\", \"*\"]\n";
    assert_eq!(
        of(text),
        [
            "a.toml:2:10 anybody can register a name below `com`",
            "a.toml:2:19 anybody can register a name below `co.uk`",
            "a.toml:2:30 a provider hands out names below `blob.core.windows.net` to whoever asks",
            "a.toml:2:57 `*` allows every name there is",
        ]
    );
    let fine = "[[allow]]\nnames = [\"*\"]\ncidrs = [\"192.0.2.0/24\"]\n[[allow]]\nnames = [\"*.internal\", \"*.example.com\", \"ssm.*.amazonaws.com\"]\n\
                [[deny]]\nnames = [\"*.xyz\"]\n";
    assert_eq!(of(fine), Vec::<String>::new());
}

#[test]
fn names_that_a_list_has_already() {
    let text = "[[allow]]\nnames = [\"a.example.com\", \"A.EXAMPLE.com.\"]\n[[allow]]\nnames = [\"*.b.example.org\", \"*.example.org\"]\n";
    assert_eq!(
        of(text),
        ["a.toml:2:27 `a.example.com` stands in this list twice", "a.toml:4:10 `*.example.org` in this list has `*.b.example.org` too"]
    );
}

#[test]
fn entries_that_another_has_already() {
    let within = |wide: &str, narrow: &str| of(&format!("[[allow]]\n{wide}\n[[allow]]\n{narrow}\n"));
    for (wide, narrow) in [
        ("names = [\"*.example.com\"]", "names = [\"a.example.com\", \"*.b.example.com\"]\nports = [443]"),
        ("cidrs = [\"192.0.2.0/24\"]\nports = [\"1-1024\"]", "cidrs = [\"192.0.2.7\", \"192.0.2.128/25\"]\nports = [80, \"443-500\"]"),
        ("names = [\"a.example.com\"]\nplaintext = [\"http\"]", "names = [\"a.example.com\"]\nprotocols = [\"tls\"]\ntransport = \"tcp\""),
        ("names = [\"+.example.com\"]", "names = [\"x-*.example.com\"]\ncidrs = [\"192.0.2.1\"]\nuntil = 2027-01-01"),
    ] {
        let line = wide.lines().count() + 2;
        assert_eq!(within(wide, narrow), [format!("a.toml:{line}:1 a:1 allows all of this already")], "{wide} / {narrow}");
        let turned = within(narrow, wide);
        let line = narrow.lines().count() + 2;
        assert_eq!(turned, [format!("a.toml:1:1 a:{line} allows all of this already")], "the order is nothing to it");
    }
    assert_eq!(
        within("names = [\"a.example.com\"]", "names = [\"a.example.com\"]"),
        ["a.toml:3:1 a:1 allows all of this already"],
        "the later of two"
    );
    for (wide, narrow) in [
        ("names = [\"*.example.com\"]", "names = [\"example.com\"]"),
        ("names = [\"+.example.com\"]", "names = [\"*.b.example.com\"]"),
        ("names = [\"*.example.com\"]", "names = [\"a.example.com\"]\nplaintext = [\"http\"]"),
        ("names = [\"*.example.com\"]\nports = [443]", "names = [\"a.example.com\"]"),
        ("names = [\"*.example.com\"]\ncidrs = [\"192.0.2.0/24\"]", "names = [\"a.example.com\"]"),
        ("names = [\"*.example.com\"]\nprotocols = [\"tls\"]", "names = [\"a.example.com\"]"),
        ("names = [\"*.example.com\"]\nuntil = 2027-01-01", "names = [\"a.example.com\"]"),
        // an address that is allowed by itself leaves names to be judged
        ("cidrs = [\"192.0.2.0/24\"]", "names = [\"a.example.com\"]\ncidrs = [\"192.0.2.1\"]"),
    ] {
        assert_eq!(within(wide, narrow), Vec::<String>::new(), "{wide} / {narrow}");
    }
}

#[test]
fn entries_that_allow_nothing() {
    let denied = |allow: &str, deny: &str| of(&format!("[[allow]]\n{allow}\n[[deny]]\n{deny}\n"));
    let told = |line: usize| [format!("a.toml:1:1 it allows nothing: a:{line} denies all of it")];
    assert_eq!(denied("names = [\"a.example.com\"]", "names = [\"*.example.com\"]"), told(3));
    assert_eq!(denied("names = [\"a.example.com\"]\ncidrs = [\"192.0.2.1\"]", "cidrs = [\"192.0.2.0/24\"]"), told(4));
    for deny in
        ["names = [\"*.example.com\"]\nports = [80]", "names = [\"*.example.com\"]\nagents = [\"10.0.0.1\"]", "cidrs = [\"192.0.2.0/24\"]"]
    {
        assert_eq!(denied("names = [\"a.example.com\"]", deny), Vec::<String>::new(), "{deny}");
    }
    let agents = "[agent]\naddresses = [\"10.0.0.0/24\"]\n[[allow]]\nnames = [\"a.example.com\"]\nagents = [\"10.0.1.7\"]\n";
    assert_eq!(of(agents), ["a.toml:3:1 none of its agents is an agent of the policy"]);
    assert_eq!(of(&agents.replace("10.0.1.7", "10.0.0.7")), Vec::<String>::new());
    let speaks = "[[allow]]\nnames = [\"a.example.com\"]\nprotocols = [\"tls\"]\nplaintext = [\"http\"]\n";
    assert_eq!(of(speaks), ["a.toml:4:14 `http` may go in the clear here, and may not be spoken here"]);
}

#[test]
fn words_that_change_nothing() {
    let private = "[destinations]\nprivate = true\n[[allow]]\ncidrs = [\"10.2.0.0/16\", \"fd00::/8\"]\n";
    assert_eq!(of(private), ["a.toml:3:1 destinations.private allows all of this already"]);
    assert_eq!(of(&format!("{private}plaintext = [\"http\"]\n")), Vec::<String>::new());
    assert_eq!(of(&private.replace("true", "[\"ula\"]")), Vec::<String>::new());
    let severity = "[severity]\nWW102 = \"violation\"\nWW203 = \"notice\"\n[[waiver]]\nrule = \"WW203\"\nreason = \"known\"\n";
    assert_eq!(of(severity), ["a.toml:2:9 WW102 has this severity by itself", "a.toml:4:1 it waives nothing: WW203 is a notice by a:3"]);
    let inbound = "[[inbound]]\nports = [22]\n[[inbound]]\nfrom = [\"192.0.2.1\"]\nports = [22]\nprotocols = [\"ssh\"]\n";
    assert_eq!(of(inbound), ["a.toml:3:1 a:1 permits all of this already"]);
    let deny = "[[deny]]\nnames = [\"*.example.com\"]\n[[deny]]\nnames = [\"a.example.com\"]\nports = [443]\n";
    assert_eq!(of(deny), ["a.toml:3:1 a:1 denies all of this already"]);
}

#[test]
fn groups_and_variables_that_nothing_uses() {
    let base = "[variables]\nregion = \"x\"\nidle = \"y\"\n[groups]\nweb = [\"${region}.example.com\"]\nleft = [\"b.example.com\"]\n";
    let top = "extends = [\"base.toml\"]\n[variables]\nregion = \"z\"\nmine = \"q\"\n[[allow]]\nnames = [\"@web\"]\n";
    let told = doubts(&[("top.toml", top), ("base.toml", base)]);
    // one file's group is used by that which extends it, and its variable set by that
    let expected = [
        "top.toml:4:1 no string has the variable `mine`",
        "base.toml:3:1 no string has the variable `idle`",
        "base.toml:6:1 no list has the group `left`",
    ];
    assert_eq!(told.iter().collect::<std::collections::BTreeSet<_>>(), expected.map(str::to_owned).iter().collect(), "{told:?}");
}

#[test]
fn what_is_built_in_is_told_of_alone_where_it_is_asked_about() {
    let extending = "extends = [\"os-infrastructure\"]\n";
    assert_eq!(of(extending), Vec::<String>::new());
    // that entries of two built-in policies meet is none of the user's doing; one of the user's own that has its own there is
    let own = format!("{extending}[[allow]]\nnames = [\"ctldl.windowsupdate.com\"]\nports = [80]\nplaintext = [\"http\"]\n");
    assert_eq!(of(&own).len(), 1);
    for name in profiles::names() {
        Policy::check(&[name.to_owned()], &[], &Known { protocols: &protocols() }, &|_| unreachable!())
            .unwrap_or_else(|errors| panic!("{errors}"));
    }
}

fn protocols() -> Vec<&'static str> {
    wirewitness::inspect::PROTOCOLS.iter().map(|protocol| protocol.name).collect()
}

#[test]
fn the_command_warns_and_fails_where_it_is_strict() {
    let file = std::env::temp_dir().join(format!("wirewitness-doubtful-{}.toml", std::process::id()));
    std::fs::write(&file, "[[allow]]\nnames = [\"*.com\"]\n").unwrap();
    let path = file.to_str().unwrap();
    let (lenient, strict) = (support::run(["policy", "check", path]), support::run(["policy", "check", "--strict", path]));
    std::fs::write(&file, "[[allow]]\nnames = [\"*.example.com\"]\n").unwrap();
    let fine = support::run(["policy", "check", "--strict", path]);
    std::fs::remove_file(&file).unwrap();
    assert_eq!((lenient.code, strict.code, fine.code), (0, 1, 0));
    assert!(lenient.stderr.contains("anybody can register a name below `com`") && lenient.stderr.contains(":2:10"), "{}", lenient.stderr);
    assert_eq!((lenient.stdout.as_str(), fine.stderr.as_str()), ("", ""));
}
