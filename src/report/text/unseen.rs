//! The section on what was seen and what was not: the inputs, each agent's two directions, losses, clocks, and the ledger.

use super::{Page, period, some};
use crate::fact::Timestamp;
use crate::judge::{AgentSeen, InputSummary, Presence, Steps, Way};
use crate::report::layout::{bytes, count, duration, inert};

/// Addresses of agents that are told one by one; the document has more.
const ADDRESSES: usize = 8;

impl Page<'_> {
    pub(super) fn unseen(&mut self) {
        self.heading("Seen, and not seen");
        for input in &self.audit.inputs {
            self.input(input);
        }
        self.agents();
        let coverage = &self.audit.coverage;
        let mut losses = vec![
            (coverage.dropped, format!("{} lost by the capture's own count", count(coverage.dropped, "packet"))),
            (coverage.truncated, self.cut()),
            (coverage.bytes_missing, format!("{} missing from streams where evidence would be", bytes(coverage.bytes_missing))),
            (coverage.flows_began_before, format!("{} began before the capture", count(coverage.flows_began_before, "flow"))),
            (coverage.flows_one_sided, format!("{} captured in one direction only", count(coverage.flows_one_sided, "flow"))),
            (coverage.flows_evicted, format!("{} forgotten for want of memory", count(coverage.flows_evicted, "flow"))),
        ];
        losses.retain(|(n, _)| *n > 0);
        if losses.is_empty() {
            self.paragraph(2, "no loss, cut, gap or late start shows in the packets");
        }
        for (_, loss) in losses {
            self.paragraph(2, &loss);
        }
        let clock = &coverage.clock;
        self.steps(&clock.back, "goes back");
        self.steps(&clock.forward, "jumps forward, or nothing at all was captured,");
        let ledger = self.ledger();
        self.labelled(2, "ledger: ", &ledger);
    }

    /// What each agent sent and received, and when nothing.
    fn agents(&mut self) {
        let coverage = &self.audit.coverage;
        if let Some(silence) = silences(&coverage.capture) {
            self.paragraph(2, &format!("the capture holds no packet at all {silence}"));
        }
        let each: Vec<(&AgentSeen, &Way, &Way)> =
            coverage.agents.iter().filter_map(|seen| Some((seen, seen.sent.as_ref()?, seen.received.as_ref()?))).collect();
        for (seen, sent, received) in each.iter().take(ADDRESSES) {
            self.agent(&seen.address.to_string(), sent, received);
        }
        match (each.len(), coverage.agents.len()) {
            (_, 0) => {}
            (0, all) => self.agent(&format!("the agent's {all} addresses"), &coverage.sent, &coverage.received),
            (shown, _) if shown > ADDRESSES => {
                self.paragraph(2, &format!("{} of the agent's addresses are in the document alone", shown - ADDRESSES));
            }
            _ => {}
        }
        for label in &self.audit.coverage.agents_unseen {
            self.paragraph(2, &format!("{}: not seen", inert(label)));
        }
    }

    fn agent(&mut self, who: &str, sent: &Way, received: &Way) {
        let ways = [(sent, "sent"), (received, "received")];
        let passed = ways.map(|(way, verb)| passed(&way.presence, verb));
        let both = match passed {
            [(sent, when), (received, other)] if when == other => format!("{sent}, {received}{when}"),
            [(sent, when), (received, other)] => format!("{sent}{when}, {received}{other}"),
        };
        self.paragraph(2, &format!("{who}: {both}"));
        for (way, verb) in ways {
            let missing = (way.bytes_missing > 0).then(|| format!("{} missing", bytes(way.bytes_missing)));
            let cut = (way.bytes_cut > 0).then(|| format!("{} cut away", bytes(way.bytes_cut)));
            let lost: Vec<String> = missing.into_iter().chain(cut).collect();
            if !lost.is_empty() {
                self.paragraph(4, &format!("of what it {verb}: {} where evidence would be", lost.join(", ")));
            }
            let checked = way.checksums_good + way.checksums_bad;
            match way.checksums_bad {
                0 => {}
                bad if bad == checked => {
                    let what = "are bad, as where the host that captures leaves them to its card";
                    self.paragraph(4, &format!("all {checked} checksums looked at of what it {verb} {what}"));
                }
                bad => self.paragraph(4, &format!("{bad} of {checked} checksums looked at of what it {verb} are bad")),
            }
            if let Some(silence) = silences(&way.presence) {
                self.paragraph(4, &format!("nothing {verb} {silence}"));
            }
        }
    }

    /// Which cuts of the snap length mattered.
    fn cut(&self) -> String {
        let coverage = &self.audit.coverage;
        let harmless = coverage.truncated_agent.saturating_sub(coverage.truncated_needed);
        let parts = [
            (coverage.truncated_needed, "of the agent lack bytes where evidence would be"),
            (harmless, "of the agent lack none that was asked for"),
            (coverage.truncated.saturating_sub(coverage.truncated_agent), "are others', or have headers that were cut"),
        ];
        let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        format!("{} cut by the snap length: {}", count(coverage.truncated, "packet"), parts.join(", "))
    }

    fn steps(&mut self, steps: &Steps, what: &str) {
        if let Some(first) = steps.first {
            let most = duration(steps.largest_nanos.try_into().unwrap_or(i64::MAX));
            let most = if steps.count == 1 { format!("by {most}") } else { format!("{} times, by {most} at most", steps.count) };
            let line = format!("the capture's clock {what} {most} (first at {})", self.packets(&[first]));
            self.paragraph(2, &line);
        }
    }

    fn input(&mut self, input: &InputSummary) {
        let packed = input.compression.map(|compression| format!(" under {compression}")).unwrap_or_default();
        let mut parts =
            vec![format!("{}{packed}", input.format), some(&input.link_types, 4), count(input.packets, "packet"), bytes(input.bytes)];
        parts.retain(|part| !part.is_empty());
        if !input.complete {
            parts.push("incomplete".to_owned());
        }
        if let Some(damage) = &input.damage {
            parts.push(inert(damage).into_owned());
        }
        if input.dropped > 0 {
            parts.push(format!("{} lost", count(input.dropped, "packet")));
        }
        if let Some(filter) = &input.filter {
            parts.push(format!("captured with the filter \"{}\"", inert(filter)));
        }
        self.paragraph(2, &format!("{}: {}", inert(&input.path), parts.join(", ")));
        if let Some(sha256) = &input.sha256 {
            self.paragraph(4, &format!("sha256 {}", inert(sha256)));
        }
    }

    /// `123 packets = 100 judged + 20 unrelated + 3 noise_arp`.
    fn ledger(&self) -> String {
        let coverage = &self.audit.coverage;
        let rank = |key: &str| match key {
            "judged" => 0,
            "unrelated" => 1,
            _ => 2,
        };
        let mut buckets: Vec<(&String, u64)> = coverage.ledger.iter().map(|(key, n)| (key, *n)).collect();
        buckets.sort_by_key(|(key, _)| (rank(key), *key));
        let terms: Vec<String> = buckets.iter().map(|(key, n)| format!("{n} {}", inert(key))).collect();
        let sum = buckets.iter().map(|(_, n)| *n).fold(0, u64::saturating_add);
        let equal = if sum == coverage.packets { "=" } else { "!=" };
        format!("{} {equal} {}", count(coverage.packets, "packet"), terms.join(" + "))
    }
}

/// `sent 12 packets` and ` (2026-11-24 10:00:00 to 10:05:10 UTC)`.
fn passed(presence: &Presence, verb: &str) -> (String, String) {
    match presence.first.zip(presence.last) {
        Some((first, last)) => (format!("{verb} {}", count(presence.packets, "packet")), format!(" ({})", period(first, last))),
        None => (format!("{verb} nothing"), String::new()),
    }
}

/// `for 14 min (2026-11-24 10:05:00 to 10:19:00 UTC), the longest of 3 silences of 1 min or more`.
fn silences(presence: &Presence) -> Option<String> {
    let longest = presence.longest_silences.first()?;
    let length = |from: Timestamp, to: Timestamp| duration(to.since(from));
    let mut text = format!("for {} ({})", length(longest.from, longest.to), period(longest.from, longest.to));
    if presence.silences > 1 {
        let least = duration(i64::try_from(presence.silence_seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000_000));
        text.push_str(&format!(", the longest of {} silences of {least} or more", presence.silences));
    }
    Some(text)
}
