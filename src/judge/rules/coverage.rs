//! What could not be seen, and so cannot be vouched for. None of these can be lowered or waived.

use super::super::case::{Case, Direction};
use super::super::ledger::{Bucket, Kind};
use super::super::policy::Origin;
use super::super::{CausedBy, Severity};
use super::{Broken, Check, Rule};

const EVIDENCE: &[&str] = &["NIST SP 800-53 AU-9", "NIST SP 800-53 SI-4", "NIST SP 800-53 CA-7"];

pub(super) static PACKETS_DROPPED: Rule = Rule {
    code: "WW901",
    name: "packets-dropped",
    checks: "The capture itself says that packets were lost.",
    why: "What was lost may be what would have failed the audit.",
    fix: "Capture with larger buffers or less traffic, and audit again.",
    severity: Severity::Undetermined,
    controls: EVIDENCE,
    check: Check::Whole(|whole, broken| {
        for (n, input) in whole.inputs.iter().enumerate().filter(|(_, input)| input.dropped > 0) {
            broken.push(of_input(n, &format!("says that {} packets were lost", input.dropped)));
        }
    }),
};

pub(super) static PACKETS_TRUNCATED: Rule = Rule {
    code: "WW902",
    name: "packets-truncated",
    checks: "The snap length cut bytes that were needed: a header, or payload where evidence would be.",
    why: "A name or a handshake that was cut away proves nothing.",
    fix: "Capture whole packets (tcpdump -s 0).",
    severity: Severity::Undetermined,
    controls: EVIDENCE,
    check: Check::CloudedAndWhole(
        |case, broken| {
            if let Some((bytes, at)) = case.record.facts.truncated {
                let message = format!("the snap length cut {bytes} bytes of the flow with {} where evidence would be", case.peer());
                broken.push(Broken::new(CausedBy::Environment, peer(case), message).at(Some(at)));
            }
        },
        |whole, broken| {
            for bucket in whole.ledger.buckets.iter().filter(|bucket| bucket.kind == Kind::Cut && bucket.count > 0) {
                broken.push(in_bucket(bucket, bucket.key, format!("{} frames have headers that the snap length cut", bucket.count)));
            }
        },
    ),
};

pub(super) static UNDECODED: Rule = Rule {
    code: "WW903",
    name: "undecoded",
    checks: "A link type, tunnel or header could not be decoded, in frames that may be an agent's.",
    why: "What cannot be opened may hold anything.",
    fix: "Capture where the traffic is not wrapped, or on another interface.",
    severity: Severity::Undetermined,
    controls: EVIDENCE,
    check: Check::Whole(|whole, broken| {
        for bucket in &whole.ledger.buckets {
            if let Kind::Undecoded(what) = &bucket.kind
                && bucket.count > 0
            {
                broken.push(in_bucket(bucket, bucket.key, format!("{} frames {what}", bucket.count)));
            }
        }
    }),
};

pub(super) static ONE_SIDED: Rule = Rule {
    code: "WW904",
    name: "one-sided",
    checks: "Only one direction of a flow was captured, by what that direction acknowledges.",
    why: "Half a conversation shows neither what was chosen nor what was said.",
    fix: "Mirror both directions of the port.",
    severity: Severity::Undetermined,
    controls: EVIDENCE,
    check: Check::Clouded(|case, broken| {
        if let Some(end) = case.record.unseen_end {
            let message = format!("nothing that {} sent was captured", case.record.ends[end.index()]);
            broken.push(Broken::new(CausedBy::Environment, peer(case), message));
        }
    }),
};

pub(super) static BEGAN_BEFORE_CAPTURE: Rule = Rule {
    code: "WW905",
    name: "began-before-capture",
    checks: "The start of a TCP flow was not seen.",
    why: "Who opened it, what it asked for and whether it is encrypted were all said before.",
    fix: "Begin the capture before the agent starts, or restart the agent while it runs.",
    severity: Severity::Undetermined,
    controls: EVIDENCE,
    check: Check::Clouded(|case, broken| {
        if case.record.began_before {
            let message = format!("the flow with {} began before the capture", case.peer());
            broken.push(Broken::new(CausedBy::Environment, peer(case), message));
        }
    }),
};

pub(super) static STREAM_GAP: Rule = Rule {
    code: "WW906",
    name: "stream-gap",
    checks: "Bytes are missing from a stream where evidence would be, or copies of them contradict each other.",
    why: "What was lost, or what the other copy said, may be what the receiver acted on.",
    fix: "Capture without loss; where copies differ, look for a device or an attacker that injects segments.",
    severity: Severity::Undetermined,
    controls: EVIDENCE,
    check: Check::Clouded(|case, broken| {
        let facts = &case.record.facts;
        if let Some((bytes, at)) = facts.gap {
            let message = format!("{bytes} bytes of the flow with {} are missing where evidence would be", case.peer());
            broken.push(Broken::new(CausedBy::Environment, peer(case), message).at(Some(at)));
        }
        if let Some(at) = facts.overlap {
            let message = format!("segments of the flow with {} contradict each other", case.peer());
            broken.push(Broken::new(CausedBy::Environment, peer(case), message).at(Some(at)));
        }
        if let Some(at) = facts.bad_copy {
            let message =
                format!("segments of the flow with {} have bad checksums and contradict others: they were passed over", case.peer());
            let found = Broken::new(CausedBy::Environment, format!("checksum {}", peer(case)), message);
            broken.push(found.at(Some(at)).severity(Severity::Notice));
        }
    }),
};

pub(super) static CAPTURE_DAMAGED: Rule = Rule {
    code: "WW907",
    name: "capture-damaged",
    checks: "A capture ends inside a record, or a block of it is corrupt.",
    why: "What stood there was not audited.",
    fix: "Use the whole file; a capture that was killed rather than stopped ends so.",
    severity: Severity::Undetermined,
    controls: EVIDENCE,
    check: Check::Whole(|whole, broken| {
        for (n, input) in whole.inputs.iter().enumerate() {
            if let Some(damage) = &input.damage {
                broken.push(of_input(n, damage));
            }
        }
    }),
};

pub(super) static STATE_EVICTED: Rule = Rule {
    code: "WW908",
    name: "state-evicted",
    checks: "A memory limit forced a flow to be forgotten, or its inspection to stop, before it was judged.",
    why: "What it did afterwards was not held against its beginning.",
    fix: "Give the audit more memory (--memory), or audit less at once.",
    severity: Severity::Undetermined,
    controls: EVIDENCE,
    check: Check::Clouded(|case, broken| {
        if case.record.evicted {
            broken.push(Broken::new(CausedBy::Environment, "memory", "flows were forgotten for want of memory before they ended"));
        }
        if let Some((which, at)) = &case.record.facts.limit {
            let message = format!("inspection of the flow with {} stopped at a limit ({which})", case.peer());
            broken.push(Broken::new(CausedBy::Environment, format!("{which} {}", peer(case)), message).at(Some(*at)));
        }
    }),
};

pub(super) static NO_AGENT_TRAFFIC: Rule = Rule {
    code: "WW909",
    name: "no-agent-traffic",
    checks: "No flow of an agent was seen.",
    why: "Silence is not compliance: nothing was tested.",
    fix: "Check the agent's addresses and where the capture was taken.",
    severity: Severity::Undetermined,
    controls: EVIDENCE,
    check: Check::Whole(|whole, broken| {
        let seen = whole.summary;
        if seen.outbound + seen.inbound + seen.internal + seen.unknown == 0 {
            broken.push(Broken::new(CausedBy::Environment, "", "no flow of the agent was seen"));
        }
    }),
};

pub(super) static FILTERED: Rule = Rule {
    code: "WW910",
    name: "filtered",
    checks: "Frames of the agent were left out by --filter, or a capture filter is recorded in the file and may have left some out.",
    why: "A filter hides whatever it does not match.",
    fix: "Capture and audit without a filter, or with one that names the agent's addresses alone and say so beside the report.",
    severity: Severity::Undetermined,
    controls: EVIDENCE,
    check: Check::Whole(|whole, broken| {
        for bucket in whole.ledger.buckets.iter().filter(|bucket| bucket.kind == Kind::FilteredAgent && bucket.count > 0) {
            let message = format!("{} frames of the agent were left out by the filter", bucket.count);
            broken.push(in_bucket(bucket, "--filter", message));
        }
        for (n, input) in whole.inputs.iter().enumerate() {
            if let Some(filter) = &input.filter {
                broken.push(of_input(n, &format!("was captured with the filter \"{filter}\"")));
            }
        }
    }),
};

pub(in crate::judge) static WAIVER_EXPIRED: Rule = Rule {
    code: "WW911",
    name: "waiver-expired",
    checks: "A waiver would cover a finding but for its date, which lies before the packets.",
    why: "An exception that nobody renewed is no longer agreed.",
    fix: "Mend what was waived, or renew the waiver with a new date and reason.",
    severity: Severity::Violation,
    controls: &["NIST SP 800-53 CA-7", "PCI DSS 1.2.6"],
    check: Check::Event,
};

/// How a waiver breaks [`WAIVER_EXPIRED`].
pub(in crate::judge) fn waiver_expired(rule: &str, until: &str, origin: &str) -> Broken<'static> {
    Broken::new(CausedBy::Agent, format!("{rule} {origin}"), format!("the waiver of {rule} at {origin} ended on {until}"))
}

pub(in crate::judge) static NO_DESTINATION_POLICY: Rule = Rule {
    code: "WW912",
    name: "no-destination-policy",
    checks: "The audit was made without saying where traffic may go.",
    why: "Where data went cannot be right or wrong without it.",
    fix: "Name a policy with destinations (--policy); wirewitness policy list shows those built in.",
    severity: Severity::Undetermined,
    controls: EVIDENCE,
    check: Check::Whole(|whole, broken| {
        if !whole.policy.allows_destinations() {
            broken.push(Broken::new(CausedBy::Environment, "", "the policy names no destinations, so where traffic went was not judged"));
        }
    }),
};

pub(super) static COVERAGE_SHORT: Rule = Rule {
    code: "WW913",
    name: "coverage-short",
    checks: "Less was seen than the policy's [coverage] requires: too short, too few flows, or not everybody whom it expects.",
    why: "An audit of a moment, or of a port where nothing passes, finds nothing wrong.",
    fix: "Capture for longer, or where the traffic passes, and see to it that the agent is at work.",
    severity: Severity::Undetermined,
    controls: EVIDENCE,
    check: Check::Whole(|whole, broken| {
        let (required, origins) = (&whole.policy.coverage, &whole.policy.origins);
        let by = |origin: Option<&Origin>| origin.map(|origin| format!(" by {origin}")).unwrap_or_default();
        let mut short = |subject: String, message: String| broken.push(Broken::new(CausedBy::Environment, subject, message));
        if let Some((nanos, word)) = &required.min_duration
            && whole.coverage.observed_seconds < nanos.unsigned_abs() / 1_000_000_000
        {
            let seen = whole.coverage.observed_seconds;
            short(
                "min_duration".to_owned(),
                format!("agents were seen over {seen} s, and {word} is required{}", by(origins.min_duration.as_ref())),
            );
        }
        let seen = whole.summary;
        let flows = seen.outbound + seen.inbound + seen.internal + seen.unknown;
        if let Some(least) = required.min_flows.filter(|least| flows < *least) {
            short(
                "min_flows".to_owned(),
                format!("{flows} flows of agents were seen, and {least} are required{}", by(origins.min_flows.as_ref())),
            );
        }
        for (who, origin) in whole.unmet.iter().filter_map(|&place| required.expect.get(place)) {
            short(format!("expect {who}"), format!("{who} took part in no flow of an agent, and is expected by {origin}"));
        }
    }),
};

/// A finding about an input, by its place: its path may differ from run to run, and nothing else may.
fn of_input(n: usize, what: &str) -> Broken<'static> {
    let subject = format!("input {}", n + 1);
    let message = format!("{subject} {what}");
    Broken::new(CausedBy::Environment, subject, message)
}

fn in_bucket(bucket: &Bucket, subject: &str, message: String) -> Broken<'static> {
    let mut finding = Broken::new(CausedBy::Environment, subject, message);
    finding.packets.extend(bucket.first.map(|(frame, _)| frame));
    finding.at = bucket.first.map(|(_, at)| at);
    finding
}

/// The peer, in a way that many flows with it share.
fn peer(case: &Case<'_>) -> String {
    let agent_port = if case.direction == Direction::Inbound { format!(" to port {}", case.agent_endpoint().port) } else { String::new() };
    match case.direction {
        Direction::Inbound => format!("{} {}{agent_port}", case.record.transport, case.peer().ip),
        _ => format!("{} {}", case.record.transport, case.peer()),
    }
}
