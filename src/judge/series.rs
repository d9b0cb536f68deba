//! Whether captures that were rotated are all there, by their names and times: what `tcpdump -C` and dumpcap number, and what `tcpdump -G`
//! names by the time.
//!
//! Names are the user's and prove nothing: what is missing or overlaps is told, and decides nothing. The flows that go on from one file to the
//! next show by themselves what was lost.

use std::collections::BTreeMap;

use super::InputSummary;
use crate::fact::Timestamp;
use crate::limits;

/// A name with its numbers taken out, and the numbers.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    text: String,
    numbers: Vec<String>,
}

impl Shape {
    /// Of a path; how it is compressed is no part of its name.
    fn of(path: &str) -> Self {
        let bare = [".gz", ".zst", ".lz4", ".xz", ".bz2"].iter().find_map(|packed| path.strip_suffix(packed)).unwrap_or(path);
        // what stands before the file's name tells series apart, and counts nothing
        let folder = bare.rfind('/').map_or(0, |slash| slash + 1);
        let (mut text, mut numbers) = (bare.get(..folder).unwrap_or_default().to_owned(), Vec::new());
        let mut is_in_number = false;
        for c in bare.get(folder..).unwrap_or_default().chars() {
            match (c.is_ascii_digit(), is_in_number) {
                (true, false) => {
                    text.push('#');
                    numbers.push(c.to_string());
                }
                (true, true) => numbers.last_mut().into_iter().for_each(|number| number.push(c)),
                (false, _) => text.push(c),
            }
            is_in_number = c.is_ascii_digit();
        }
        Self { text, numbers }
    }

    /// The moment that neighbouring numbers write, as year to minute or second, in seconds; and which numbers those are.
    fn moment(&self) -> Option<(i64, std::ops::Range<usize>)> {
        for from in 0..self.numbers.len() {
            let mut digits = String::new();
            for to in from..self.numbers.len() {
                digits.push_str(self.numbers.get(to)?);
                // seconds belong to it where they are there
                let goes_on = digits.len() == 12 && self.numbers.get(to + 1).is_some_and(|next| next.len() == 2);
                if let (false, Some(moment)) = (goes_on, moment(&digits)) {
                    return Some((moment, from..to + 1));
                }
            }
        }
        None
    }
}

/// `YYYYMMDDhhmm` or `YYYYMMDDhhmmss`, in seconds.
fn moment(digits: &str) -> Option<i64> {
    let part = |range: std::ops::Range<usize>| digits.get(range)?.parse::<u32>().ok();
    let second = match digits.len() {
        12 => 0,
        14 => part(12..14)?,
        _ => return None,
    };
    let (year, month, day, hour, minute) = (part(0..4)?, part(4..6)?, part(6..8)?, part(8..10)?, part(10..12)?);
    let is_moment = (1980..2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    let is_time = hour < 24 && minute < 60 && second < 61;
    let midnight = Timestamp::from_date(i32::try_from(year).ok()?, month, day).as_nanos() / 1_000_000_000;
    (is_moment && is_time).then(|| midnight + i64::from(hour * 3600 + minute * 60 + second))
}

/// A file of a series.
struct Member<'a> {
    input: &'a InputSummary,
    shape: Shape,
}

/// What is to be said of the captures as a series.
pub(super) fn notes(inputs: &[InputSummary]) -> Vec<String> {
    let mut series: BTreeMap<String, Vec<Member<'_>>> = BTreeMap::new();
    for input in inputs {
        let shape = Shape::of(&input.path);
        series.entry(shape.text.clone()).or_default().push(Member { input, shape });
    }
    // tcpdump -C gives the first file no number
    let numbered: Vec<String> = series.keys().filter(|text| series.contains_key(&format!("{text}#"))).cloned().collect();
    for text in numbered {
        for mut first in series.remove(&text).into_iter().flatten() {
            first.shape.numbers.push("0".to_owned());
            series.entry(format!("{text}#")).or_default().push(first);
        }
    }
    let mut notes = Vec::new();
    for members in series.values().filter(|members| members.len() > 1) {
        missing(members, &mut notes);
        overlapping(members, &mut notes);
    }
    notes
}

/// Says which files are missing between others of a series.
fn missing(members: &[Member<'_>], notes: &mut Vec<String>) {
    let times = members.iter().map(|member| member.shape.moment()).collect::<Option<Vec<_>>>();
    let is_time = |column: usize| times.iter().flatten().any(|(_, columns)| columns.contains(&column));
    let columns = members.first().map_or(0, |member| member.shape.numbers.len());
    let number = |member: &Member<'_>, column: usize| member.shape.numbers.get(column)?.parse::<u64>().ok();
    let varies = |column: &usize| members.iter().any(|member| number(member, *column) != number(&members[0], *column));
    let varying: Vec<usize> = (0..columns).filter(|column| !is_time(*column)).filter(varies).collect();
    match (&varying[..], &times) {
        ([column], _) => {
            let mut numbered: Vec<(u64, &str)> =
                members.iter().filter_map(|m| Some((number(m, *column)?, m.input.path.as_str()))).collect();
            numbered.sort_unstable();
            for pair in numbered.windows(2) {
                let [(before, from), (after, to)] = pair else { continue };
                match after - before {
                    0 | 1 => {}
                    2 => notes.push(format!("a file is missing between {from} and {to}, by their numbers")),
                    n => notes.push(format!("{} files are missing between {from} and {to}, by their numbers", n - 1)),
                }
            }
        }
        ([], Some(times)) => {
            let mut named: Vec<(i64, &str)> = times.iter().zip(members).map(|((at, _), m)| (*at, m.input.path.as_str())).collect();
            named.sort_unstable();
            let steps: Vec<i64> = named.windows(2).map(|pair| pair[1].0 - pair[0].0).filter(|step| *step > 0).collect();
            let often = |step: i64| steps.iter().filter(|other| **other == step).count();
            let Some(period) = steps.iter().copied().filter(|step| often(*step) > 1).max_by_key(|step| (often(*step), -step)) else {
                return;
            };
            for pair in named.windows(2) {
                let (step, [(_, from), (_, to)]) = (pair[1].0 - pair[0].0, [pair[0], pair[1]]);
                let n = step / period - 1;
                if n > 0 {
                    let what = if n == 1 { "a file is".to_owned() } else { format!("{n} files are") };
                    notes.push(format!(
                        "{what} missing between {from} and {to}, or nothing was captured: by name one comes every {period} s"
                    ));
                }
            }
        }
        _ => {}
    }
}

/// Says which files of a series begin before the one before them has ended.
fn overlapping(members: &[Member<'_>], notes: &mut Vec<String>) {
    let mut spans: Vec<(Timestamp, Timestamp, &InputSummary)> =
        members.iter().filter_map(|member| Some((member.input.first?, member.input.last?, member.input))).collect();
    spans.sort_by_key(|(first, last, _)| (*first, *last));
    for pair in spans.windows(2) {
        let [(first, last, one), (next, end, other)] = pair else { continue };
        let same = (first, last, one.packets, one.bytes) == (next, end, other.packets, other.bytes) && one.packets > 0;
        let common = (*last.min(end)).since(*next);
        if same {
            notes.push(format!("{} and {} seem to be the same capture: what both hold is read twice", one.path, other.path));
        } else if common > limits::CLOCK_BACK_NANOS {
            let seconds = common / 1_000_000_000;
            notes.push(format!("{} and {} overlap by {seconds} s: a packet that both hold is read twice", one.path, other.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(path: &str, first: i64, last: i64) -> InputSummary {
        let at = |seconds: i64| Some(Timestamp::from_nanos(seconds * 1_000_000_000));
        InputSummary {
            path: path.to_owned(),
            sha256: None,
            format: "pcap",
            compression: None,
            link_types: Vec::new(),
            packets: 9,
            bytes: 900 + first.unsigned_abs(),
            first: at(first),
            last: at(last),
            complete: true,
            dropped: 0,
            damage: None,
            filter: None,
        }
    }

    fn said(paths: &[&str]) -> Vec<String> {
        let inputs: Vec<InputSummary> = paths.iter().zip(0..).map(|(path, n)| input(path, n * 100, n * 100 + 99)).collect();
        notes(&inputs)
    }

    #[test]
    fn numbers_count() {
        let is_whole = |paths: &[&str]| assert_eq!(said(paths), Vec::<String>::new());
        is_whole(&["cap.pcap", "cap.pcap1", "cap.pcap2", "cap.pcap3"]);
        is_whole(&["d1/cap07.pcap", "d1/cap08.pcap.gz", "d1/cap09.pcap"]);
        is_whole(&["r_00001_20261124100000.pcapng", "r_00002_20261124101500.pcapng", "r_00003_20261124101501.pcapng"]);
        is_whole(&["a1.pcap", "b3.pcap", "10.0.0.4-1.pcap", "10.0.0.9-3.pcap"]);
        assert_eq!(said(&["cap.pcap", "cap.pcap2"]), ["a file is missing between cap.pcap and cap.pcap2, by their numbers"]);
        let ring = ["r_00009_20261124100000.pcapng", "r_00012_20261124101500.pcapng", "r_00013_20261124101501.pcapng"];
        assert_eq!(said(&ring), [format!("2 files are missing between {} and {}, by their numbers", ring[0], ring[1])]);
    }

    #[test]
    fn times_come_at_a_period() {
        let whole = ["c-2026-11-24_10:00:00.pcap", "c-2026-11-24_11:00:00.pcap", "c-2026-11-24_12:00:00.pcap"];
        assert_eq!(said(&whole), Vec::<String>::new());
        let broken = [&whole[..], &["c-2026-11-24_14:00:00.pcap"]].concat();
        let told = "a file is missing between c-2026-11-24_12:00:00.pcap and c-2026-11-24_14:00:00.pcap, or nothing was captured: by name one comes every 3600 s";
        assert_eq!(said(&broken), [told]);
        assert_eq!(said(&["202611242355.pcap", "202611250000.pcap", "202611250005.pcap"]), Vec::<String>::new());
        // no period shows
        assert_eq!(said(&["202611242355.pcap", "202611250000.pcap", "202611250105.pcap"]), Vec::<String>::new());
    }

    #[test]
    fn files_of_a_series_do_not_overlap() {
        let told = notes(&[input("c1", 0, 100), input("c2", 90, 200), input("c3", 200, 300)]);
        assert_eq!(told, ["c1 and c2 overlap by 10 s: a packet that both hold is read twice"]);
        let twice = notes(&[input("c1", 0, 100), input("c2", 0, 100)]);
        assert_eq!(twice, ["c1 and c2 seem to be the same capture: what both hold is read twice"]);
        // two interfaces side by side are no series
        assert_eq!(notes(&[input("eth", 0, 100), input("span", 10, 90)]), Vec::<String>::new());
    }

    #[test]
    fn any_name_is_read() {
        for path in ["", "/", "9", "99999999999999999999999", "20261341000000", "\u{661}\u{662}", "a/#", ".gz"] {
            assert_eq!(said(&[path, path]).len(), 0, "{path}");
        }
    }
}
