//! The policies that are built in. A new one is a file in `judge/profiles/` and a line here.

/// Every built-in policy: its name and its text.
pub const PROFILES: &[(&str, &str)] = &[
    ("baseline", include_str!("../profiles/baseline.toml")),
    ("azure-arc", include_str!("../profiles/azure-arc.toml")),
    ("azure-arc-install", include_str!("../profiles/azure-arc-install.toml")),
    ("azure-arc-esu", include_str!("../profiles/azure-arc-esu.toml")),
    ("azure-arc-remote-access", include_str!("../profiles/azure-arc-remote-access.toml")),
    ("azure-arc-private-link", include_str!("../profiles/azure-arc-private-link.toml")),
    ("azure-arc-government", include_str!("../profiles/azure-arc-government.toml")),
    ("azure-arc-china", include_str!("../profiles/azure-arc-china.toml")),
    ("azure-arc-gateway", include_str!("../profiles/azure-arc-gateway.toml")),
    ("azure-arc-sql", include_str!("../profiles/azure-arc-sql.toml")),
    ("azure-monitor-agent", include_str!("../profiles/azure-monitor-agent.toml")),
    ("defender-for-endpoint", include_str!("../profiles/defender-for-endpoint.toml")),
    ("aws-ssm-agent", include_str!("../profiles/aws-ssm-agent.toml")),
    ("google-ops-agent", include_str!("../profiles/google-ops-agent.toml")),
    ("datadog-agent", include_str!("../profiles/datadog-agent.toml")),
    ("elastic-agent", include_str!("../profiles/elastic-agent.toml")),
    ("crowdstrike-falcon", include_str!("../profiles/crowdstrike-falcon.toml")),
    ("github-actions-runner", include_str!("../profiles/github-actions-runner.toml")),
    ("gitlab-runner", include_str!("../profiles/gitlab-runner.toml")),
    ("tailscale", include_str!("../profiles/tailscale.toml")),
    ("claude-code", include_str!("../profiles/claude-code.toml")),
    ("codex-cloud", include_str!("../profiles/codex-cloud.toml")),
    ("copilot-cloud-agent", include_str!("../profiles/copilot-cloud-agent.toml")),
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

/// What a built-in policy leaves open, in the words at its head.
#[must_use]
pub fn limits(name: &str) -> Option<String> {
    let lines = text(name)?.lines().map_while(|line| line.strip_prefix("# "));
    Some(lines.collect::<Vec<_>>().join(" ")).filter(|text| !text.is_empty())
}

/// What a built-in policy says of itself.
#[must_use]
pub fn description(name: &str) -> Option<&'static str> {
    let line = text(name)?.lines().find_map(|line| line.strip_prefix("description = "))?;
    Some(line.trim_matches('"'))
}
