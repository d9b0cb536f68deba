//! The policies that are built in. A new one is a file in `judge/profiles/` and a line here.

/// Every built-in policy: its name and its text.
pub const PROFILES: &[(&str, &str)] = &[
    ("baseline", include_str!("../profiles/baseline.toml")),
    ("azure-arc", include_str!("../profiles/azure-arc.toml")),
    ("azure-arc-install", include_str!("../profiles/azure-arc-install.toml")),
    ("azure-arc-esu", include_str!("../profiles/azure-arc-esu.toml")),
    ("azure-arc-remote-access", include_str!("../profiles/azure-arc-remote-access.toml")),
    ("azure-arc-private-link", include_str!("../profiles/azure-arc-private-link.toml")),
    ("os-infrastructure", include_str!("../profiles/os-infrastructure.toml")),
];

/// The text of a built-in policy.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    PROFILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The names of the built-in policies.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROFILES.iter().map(|(name, _)| *name)
}

/// What a built-in policy says of itself.
#[must_use]
pub fn description(name: &str) -> Option<&'static str> {
    let line = text(name)?.lines().find_map(|line| line.strip_prefix("description = "))?;
    Some(line.trim_matches('"'))
}
