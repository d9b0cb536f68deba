//! The report that a person reads: the verdict first, then what broke it and where to look, what is not proven, what was allowed, and
//! last what could not be seen. Everything beyond a glance is in the document ([`super::json`]); nothing is here that is not there.

mod unseen;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use anstyle::{AnsiColor, Style as Ansi};

use super::layout::{bytes, count, duration, inert, wrap};
use super::{Format, Style};
use crate::fact::Timestamp;
use crate::judge::{Allowed, Audit, CausedBy, Example, Finding, InputSummary, PacketRef, Severity, Verdict};

/// `--report text=PATH`.
pub static FORMAT: Format = Format { name: "text", extension: "txt", about: "the report, for people", write };

const BOLD: Ansi = Ansi::new().bold();
const FAINT: Ansi = Ansi::new().dimmed();
const RED: Ansi = AnsiColor::Red.on_default().bold();
const YELLOW: Ansi = AnsiColor::Yellow.on_default().bold();
const GREEN: Ansi = AnsiColor::Green.on_default().bold();
const CYAN: Ansi = AnsiColor::Cyan.on_default();

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn write(audit: &Audit, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let mut page = Page { audit, style: *style, inputs: input_labels(&audit.inputs), text: String::new() };
    page.verdict();
    page.violations();
    page.others("Undetermined: not proven either way", Severity::Undetermined);
    page.others("Notices", Severity::Notice);
    page.beyond();
    page.allowed();
    page.exceptions();
    page.unseen();
    page.limits();
    page.controls();
    out.write_all(page.text.as_bytes())
}

/// A finding as one line, for a report that grows while it is read: time, severity, rule, message, packets.
#[must_use]
pub fn line(finding: &Finding, style: &Style) -> String {
    let time = finding.last.map_or_else(|| "--------".to_owned(), clock);
    let severity = style.paint(color(finding.severity), &format!("{:<12}", finding.severity.as_str()));
    let shown = finding.examples.first().map_or(&finding.packets, |example| &example.packets);
    let numbers: Vec<String> = shown.iter().map(|packet| packet.number.to_string()).collect();
    let packets =
        if numbers.is_empty() { String::new() } else { format!("  ({} {})", plural(numbers.len(), "packet"), numbers.join(", ")) };
    format!("{time}  {severity}  {} {}  {}{packets}", finding.rule, finding.name, inert(&finding.message))
}

struct Page<'a> {
    audit: &'a Audit,
    style: Style,
    /// What each input is called beside packet numbers; empty where there is one input only.
    inputs: Vec<String>,
    text: String,
}

impl Page<'_> {
    fn verdict(&mut self) {
        let audit = self.audit;
        let (word, color) = match audit.verdict {
            Verdict::Fail => ("FAIL", RED),
            Verdict::Inconclusive => ("INCONCLUSIVE", YELLOW),
            Verdict::Pass => ("PASS", GREEN),
        };
        let found = &audit.summary.findings;
        let counts = [
            (found.violation, count(found.violation, "violation")),
            (found.undetermined, format!("{} undetermined", found.undetermined)),
            (found.notice, count(found.notice, "notice")),
        ];
        let listed: Vec<String> = counts.into_iter().filter(|(n, _)| *n > 0).map(|(_, text)| text).collect();
        let what = if listed.is_empty() { "no findings".to_owned() } else { listed.join(", ") };
        let inferred = if audit.agents_inferred { ", inferred" } else { "" };
        let agents = if audit.agents.is_empty() { "none".to_owned() } else { some(&audit.agents, 4) };
        let head = format!("{what}  (agent {agents}{inferred})");
        let indent = word.len() + 2;
        let painted = self.style.paint(color, word);
        let _ = writeln!(self.text, "{painted}  {}", wrap(&head, indent, indent, self.style.width()).replacen(" (agent", "  (agent", 1));
        self.paragraph(2, conduct(audit.verdict, audit.agent_conduct));
        let line = self.traffic();
        self.paragraph(2, &line);
        let policies: Vec<String> = audit.policies.iter().map(ToString::to_string).collect();
        let line = if policies.is_empty() { "Policy: none.".to_owned() } else { format!("Policy: {}.", some(&policies, 12)) };
        self.paragraph(2, &line);
        if let Some(filter) = &audit.filter {
            let line = format!("Only what the filter \"{}\" lets through was judged.", inert(filter));
            self.paragraph(2, &line);
        }
    }

    /// What there was, in a sentence.
    fn traffic(&self) -> String {
        let (summary, inputs) = (&self.audit.summary, &self.audit.inputs);
        let first = inputs.iter().filter_map(|input| input.first).min();
        let last = inputs.iter().filter_map(|input| input.last).max();
        let span = match (first, last) {
            (Some(first), Some(last)) => format!(" over {} ({})", duration(last.since(first)), period(first, last)),
            _ => String::new(),
        };
        let of = match inputs.len() {
            1 => String::new(),
            n => format!(" of {n} captures"),
        };
        let ways = list(&[
            (summary.outbound, "outbound"),
            (summary.inbound, "inbound"),
            (summary.internal, "internal"),
            (summary.unknown, "of unknown direction"),
            (summary.unrelated, "unrelated"),
        ]);
        let payload = list(&[(summary.encrypted, "encrypted"), (summary.plaintext, "plaintext"), (summary.unrecognized, "unrecognized")]);
        let detail = [ways, payload].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
        let colon = if detail.is_empty() { "" } else { ": " };
        let packets = count(self.audit.coverage.packets, "packet");
        format!("{} in {packets}{of}{span}{colon}{detail}.", count(summary.flows, "flow"))
    }

    fn violations(&mut self) {
        let audit = self.audit;
        let found: Vec<&Finding> = audit.findings.iter().filter(|finding| finding.severity == Severity::Violation).collect();
        if found.is_empty() {
            return;
        }
        self.heading("Violations");
        for (n, finding) in found.into_iter().enumerate() {
            if n > 0 {
                self.text.push('\n');
            }
            self.violation(finding);
        }
    }

    fn violation(&mut self, finding: &Finding) {
        let by = match finding.caused_by {
            CausedBy::Agent => "caused by the agent",
            CausedBy::Peer => "caused by the peer",
            CausedBy::Environment => "caused by the environment",
        };
        let code = self.style.paint(color(finding.severity), finding.rule);
        let name = self.style.paint(BOLD, finding.name);
        let _ = writeln!(self.text, "  {:<4}{code} {name}  {}, {by}", inert(&finding.id), finding.severity.as_str());
        self.paragraph(6, &inert(&finding.message));
        let mut facts = Vec::new();
        if finding.flows > 0 {
            facts.push(count(finding.flows, "flow"));
        }
        facts.extend(finding.first.zip(finding.last).map(|(first, last)| period(first, last)));
        if !finding.packets.is_empty() {
            facts.push(self.packets(&finding.packets));
        }
        if !facts.is_empty() {
            self.paragraph(6, &facts.join(", "));
        }
        for example in &finding.examples {
            self.example(example);
        }
        let more = finding.flows.saturating_sub(finding.examples.len() as u64);
        if more > 0 && !finding.examples.is_empty() {
            self.paragraph(8, &format!("and {more} more"));
        }
        self.labelled(6, "mend: ", finding.help);
    }

    fn example(&mut self, example: &Example) {
        let name = example.server_name.as_ref().map(|name| format!(" ({})", inert(name))).unwrap_or_default();
        let ends = format!("{} -> {}{name} {}", example.initiator, example.responder, inert(&example.transport));
        let packets = self.packets(&example.packets);
        self.paragraph(8, &format!("{ends}, {packets}"));
        let filter = self.style.paint(CYAN, &inert(&example.filter));
        // never wrapped: it is there to be pasted
        let _ = writeln!(self.text, "          {filter}");
    }

    /// Findings that do not break the claim, a rule at a time.
    fn others(&mut self, heading: &str, severity: Severity) {
        let mut by_rule: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for finding in self.audit.findings.iter().filter(|finding| finding.severity == severity) {
            by_rule.entry(finding.rule).or_default().push(finding);
        }
        if by_rule.is_empty() {
            return;
        }
        self.heading(heading);
        for findings in by_rule.into_values() {
            let Some(first) = findings.first() else { continue };
            let code = self.style.paint(color(severity), first.rule);
            let name = self.style.paint(BOLD, first.name);
            let _ = writeln!(self.text, "  {code} {name}");
            for finding in &findings {
                self.other(finding);
            }
            if severity == Severity::Undetermined {
                self.labelled(4, "mend: ", first.help);
            }
        }
    }

    fn other(&mut self, finding: &Finding) {
        let mut line = format!("{:<4}{}", inert(&finding.id), inert(&finding.message));
        let example = finding.examples.first();
        let packets = example.map_or(&finding.packets, |example| &example.packets);
        let mut facts = Vec::new();
        if finding.flows > 1 {
            facts.push(count(finding.flows, "flow"));
        }
        if !packets.is_empty() {
            facts.push(self.packets(packets));
        }
        if let Some(waiver) = &finding.waiver {
            let until = waiver.until.as_ref().map(|day| format!(" until {}", inert(day))).unwrap_or_default();
            facts.push(format!("waived{until} by {}: {}", inert(&waiver.origin), inert(&waiver.reason)));
        }
        if !facts.is_empty() {
            let _ = write!(line, " ({})", facts.join(", "));
        }
        let id = line.chars().take(4).collect::<String>();
        let rest: String = line.chars().skip(4).collect();
        let _ = writeln!(self.text, "    {id}{}", wrap(&rest, 8, 8, self.style.width()));
        if let Some(example) = example.filter(|_| finding.severity == Severity::Undetermined) {
            let filter = self.style.paint(CYAN, &inert(&example.filter));
            let _ = writeln!(self.text, "        {filter}");
        }
    }

    fn beyond(&mut self) {
        if self.audit.findings_beyond_limit > 0 {
            let _ = writeln!(self.text, "\n{} more: counted, and not listed.", count(self.audit.findings_beyond_limit, "finding"));
        }
    }

    fn allowed(&mut self) {
        let allowed = &self.audit.allowed;
        if allowed.is_empty() {
            return;
        }
        let flows: u64 = allowed.iter().map(|entry| entry.flows).sum();
        let size: u64 = allowed.iter().map(|entry| entry.bytes).fold(0, u64::saturating_add);
        let heading = format!("Allowed: {}, {}, {}", count(allowed.len() as u64, "destination"), count(flows, "flow"), bytes(size));
        self.heading(&heading);
        let widest = allowed.iter().map(|entry| inert(&entry.destination).chars().count()).max().unwrap_or_default();
        let name = widest.clamp(11, self.style.width().saturating_sub(54));
        let head = format!("  {:<name$}  {:<9}  {:>7}  {:>10}  entry", "destination", "port", "flows", "bytes");
        let head = self.style.paint(FAINT, &head);
        let _ = writeln!(self.text, "{head}");
        for entry in allowed {
            self.allowed_row(entry, name);
        }
        if self.audit.allowed_beyond_limit > 0 {
            let line = format!("{} to further destinations are counted and not listed.", count(self.audit.allowed_beyond_limit, "flow"));
            self.paragraph(2, &line);
        }
    }

    fn allowed_row(&mut self, entry: &Allowed, name: usize) {
        let destination = inert(&entry.destination);
        let port =
            if entry.port == 0 { inert(&entry.transport).into_owned() } else { format!("{}/{}", inert(&entry.transport), entry.port) };
        let _ = if destination.chars().count() > name {
            writeln!(self.text, "  {destination}").and_then(|()| write!(self.text, "  {:name$}", ""))
        } else {
            write!(self.text, "  {destination:<name$}")
        };
        let indent = name + 36;
        let by = wrap(&inert(&entry.entry), indent, indent, self.style.width());
        let _ = writeln!(self.text, "  {port:<9}  {:>7}  {:>10}  {by}", entry.flows, bytes(entry.bytes));
    }

    fn exceptions(&mut self) {
        if self.audit.exceptions.is_empty() {
            return;
        }
        self.heading("Exceptions: no findings, yet to be known");
        for exception in &self.audit.exceptions {
            let flows = if exception.flows > 1 { format!(" ({})", count(exception.flows, "flow")) } else { String::new() };
            let text = format!("{}{flows}", inert(&exception.message));
            let kind = format!("{:<14} ", exception.kind);
            self.labelled(2, &kind, &text);
        }
    }

    fn limits(&mut self) {
        self.heading("What no packet can show");
        for limit in &self.audit.limits {
            self.labelled(2, "- ", limit);
        }
    }

    /// What the evidence says of controls: a line each, and once a reach how far it goes.
    fn controls(&mut self) {
        let controls = &self.audit.controls;
        if controls.is_empty() {
            return;
        }
        self.heading("Controls that the evidence bears on, which it never proves to be met");
        for seen in controls {
            let word = format!("{:<12}  {:<23} ", seen.evidence.as_str(), seen.control);
            let by = if seen.findings.is_empty() { String::new() } else { format!(" ({})", some(&seen.findings, 6)) };
            let borne = if seen.borne.is_empty() { String::new() } else { format!(" (borne: {})", some(&seen.borne, 6)) };
            self.labelled(2, &word, &format!("{}{by}{borne}", seen.asks));
        }
        let mut told: Vec<&str> = Vec::new();
        for seen in controls {
            if !told.contains(&seen.reach) {
                told.push(seen.reach);
                let of: Vec<&str> = controls.iter().filter(|other| other.reach == seen.reach).map(|other| other.control).collect();
                self.labelled(2, "- ", &format!("{}: {}. It reaches to {}.", of.join(", "), seen.shown, seen.reach));
            }
        }
    }

    fn heading(&mut self, text: &str) {
        let painted = self.style.paint(BOLD, text);
        let _ = writeln!(self.text, "\n{painted}");
    }

    /// Inert text, wrapped, every line indented.
    fn paragraph(&mut self, indent: usize, text: &str) {
        self.labelled(indent, "", text);
    }

    /// A label and inert text, wrapped beside it.
    fn labelled(&mut self, indent: usize, label: &str, text: &str) {
        let hang = indent + label.chars().count();
        let wrapped = wrap(text, hang, hang, self.style.width());
        let _ = writeln!(self.text, "{:indent$}{}{wrapped}", "", self.style.paint(FAINT, label));
    }

    /// `packets 12, 15`, with the input's name before them where there are several.
    fn packets(&self, packets: &[PacketRef]) -> String {
        let mut by_input: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for packet in packets {
            by_input.entry(packet.input).or_default().push(packet.number.to_string());
        }
        let of = |(input, numbers): (u32, Vec<String>)| {
            let label = usize::try_from(input).ok().and_then(|n| self.inputs.get(n)).map(|label| format!("{label} ")).unwrap_or_default();
            format!("{label}{} {}", plural(numbers.len(), "packet"), numbers.join(", "))
        };
        by_input.into_iter().map(of).collect::<Vec<_>>().join("; ")
    }
}

/// What each of several inputs is called: its file name where no other has it, else its path.
fn input_labels(inputs: &[InputSummary]) -> Vec<String> {
    if inputs.len() < 2 {
        return Vec::new();
    }
    let base = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for input in inputs {
        *uses.entry(base(&input.path)).or_default() += 1;
    }
    let label = |input: &InputSummary| {
        let name = base(&input.path);
        if uses.get(&name) == Some(&1) { inert(&name).into_owned() } else { inert(&input.path).into_owned() }
    };
    inputs.iter().map(label).collect()
}

fn conduct(verdict: Verdict, conduct: Verdict) -> &'static str {
    match (conduct, verdict) {
        (Verdict::Pass, Verdict::Pass) => "The agent's own conduct: pass.",
        (Verdict::Pass, Verdict::Inconclusive) => "The agent's own conduct: nothing that was seen speaks against it.",
        (Verdict::Pass, Verdict::Fail) => "The agent's own conduct: pass; the violations were caused by others.",
        (Verdict::Inconclusive, Verdict::Fail) => "The agent's own conduct: inconclusive; the violations were caused by others.",
        (Verdict::Inconclusive, _) => "The agent's own conduct: inconclusive.",
        (Verdict::Fail, _) => "The agent's own conduct: fail.",
    }
}

fn color(severity: Severity) -> Ansi {
    match severity {
        Severity::Violation => RED,
        Severity::Undetermined => YELLOW,
        Severity::Notice => CYAN,
    }
}

/// `4 outbound, 7 inbound`, without what there is none of.
fn list(counts: &[(u64, &str)]) -> String {
    counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect::<Vec<_>>().join(", ")
}

/// The first `most` items, and how many more there are.
fn some(items: &[String], most: usize) -> String {
    let mut shown: Vec<String> = items.iter().take(most).map(|item| inert(item).into_owned()).collect();
    if items.len() > most {
        shown.push(format!("{} more", items.len() - most));
    }
    shown.join(", ")
}

fn plural(n: usize, one: &str) -> String {
    if n == 1 { one.to_owned() } else { format!("{one}s") }
}

/// `2026-11-24 10:00:00 to 10:05:10 UTC`, the date only once where it is the same.
fn period(first: Timestamp, last: Timestamp) -> String {
    let (from, to) = (date(first), date(last));
    match (from == to, clock(first) == clock(last)) {
        (true, true) => format!("{from} {} UTC", clock(first)),
        (true, false) => format!("{from} {} to {} UTC", clock(first), clock(last)),
        (false, _) => format!("{from} {} to {to} {} UTC", clock(first), clock(last)),
    }
}

fn date(at: Timestamp) -> String {
    let text = at.to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}

fn clock(at: Timestamp) -> String {
    let text = at.to_string();
    text.split('T').nth(1).and_then(|time| time.get(..8)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::testdata;
    use super::*;

    fn report(audit: &Audit, width: usize) -> String {
        let mut out = Vec::new();
        write(audit, &Style::new(false, width), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// `BLESS=1` writes the expected text anew; the diff is then for a person to read.
    #[test]
    fn reads_as_expected() {
        for width in [80, 100] {
            let path = format!("{}/src/report/testdata/report-{width}.txt", env!("CARGO_MANIFEST_DIR"));
            let report = report(&testdata::audit(), width);
            if std::env::var_os("BLESS").is_some() {
                std::fs::write(&path, &report).unwrap();
            }
            assert_eq!(report, std::fs::read_to_string(&path).unwrap(), "{path}");
        }
    }

    #[test]
    fn lines_keep_to_the_width_but_for_what_is_to_be_copied() {
        for width in [80, 100] {
            for line in report(&testdata::audit(), width).lines().filter(|line| !line.contains("==")) {
                assert!(line.chars().count() <= width, "{} columns: {line}", line.chars().count());
            }
        }
    }

    #[test]
    fn a_pass_says_so_first_and_names_no_findings() {
        let mut audit = testdata::audit();
        audit.findings.clear();
        audit.summary.findings = crate::judge::FindingCounts::default();
        (audit.verdict, audit.agent_conduct) = (Verdict::Pass, Verdict::Pass);
        audit.agents_inferred = true;
        audit.inputs.truncate(1);
        let report = report(&audit, 100);
        assert!(
            report.starts_with("PASS  no findings  (agent 10.77.0.4, fd77::4, inferred)\n  The agent's own conduct: pass.\n"),
            "{report}"
        );
        assert!(!report.contains("Violations") && !report.contains("Undetermined") && !report.contains("Notices"));
    }

    #[test]
    fn inputs_of_one_name_are_told_apart_by_their_path() {
        let mut audit = testdata::audit();
        audit.inputs[1].path = "elsewhere/a.pcap".to_owned();
        let report = report(&audit, 100);
        assert!(report.contains("captures/a.pcap packets 12, 25; elsewhere/a.pcap\n        packet 3"), "{report}");
    }

    #[test]
    fn a_ledger_that_does_not_close_is_not_called_equal() {
        let mut audit = testdata::audit();
        audit.coverage.packets += 1;
        assert!(report(&audit, 100).contains("124 packets != 100 judged + 20 unrelated + 3 noise_arp"));
    }

    #[test]
    fn a_finding_fits_a_line() {
        let audit = testdata::audit();
        let line = line(&audit.findings[0], &Style::plain());
        assert_eq!(
            line,
            "10:05:10  violation     WW101 inbound-accepted  the agent answered a flow opened to its tcp port 22  (packets 12, 25, 3)"
        );
    }
}
