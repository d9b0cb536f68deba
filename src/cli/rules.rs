//! `wirewitness rules`: made from the one list of rules.

use std::io::{self, BufWriter, Write};

use serde_json::json;
use wirewitness::judge::rules::{RULES, by_code};

use super::{Done, Failure};

pub(crate) fn list(as_json: bool) -> Result<Done, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    if as_json {
        let rules: Vec<_> = RULES
            .iter()
            .map(|r| json!({"code": r.code, "name": r.name, "severity": r.severity.as_str(), "checks": r.checks, "why": r.why, "help": r.fix, "controls": r.controls}))
            .collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&rules).map_err(|error| error.to_string())?)?;
    } else {
        for rule in RULES {
            writeln!(out, "{}  {:<24} {}", rule.code, rule.name, rule.severity.as_str())?;
        }
    }
    out.flush()?;
    Ok(Done::Fine)
}

pub(crate) fn explain(codes: &[String]) -> Result<Done, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    for (n, code) in codes.iter().enumerate() {
        let Some(rule) = by_code(code) else {
            let known: Vec<&str> = RULES.iter().map(|rule| rule.code).collect();
            return Err(Failure::Message(format!("no rule has the code `{}`; there are {}", code.escape_debug(), known.join(", "))));
        };
        if n > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{} {} ({})", rule.code, rule.name, rule.severity.as_str())?;
        for (head, text) in [("Checks", rule.checks), ("Why", rule.why), ("Mend", rule.fix)] {
            writeln!(out, "\n{head}")?;
            wrapped(&mut out, text)?;
        }
        writeln!(out, "\nControls")?;
        for control in rule.controls {
            writeln!(out, "  {control}")?;
        }
    }
    out.flush()?;
    Ok(Done::Fine)
}

/// Words in lines of at most 96 columns, indented by two.
fn wrapped(out: &mut impl Write, text: &str) -> io::Result<()> {
    let mut line = String::from(" ");
    for word in text.split_whitespace() {
        if line.len() + word.len() >= 96 {
            writeln!(out, "{line}")?;
            line = String::from(" ");
        }
        line.push(' ');
        line.push_str(word);
    }
    writeln!(out, "{line}")
}
