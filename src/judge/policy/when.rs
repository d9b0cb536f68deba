//! For whom an entry holds, and when: agents, days, and hours of the week.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::covers_agent;
use super::words::Parsed;
use crate::fact::Timestamp;
use crate::limits;

/// For whom an entry holds, and when. Times are those of packets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct When {
    /// The agents that it is for, by their addresses; empty: all.
    pub agents: Vec<IpNet>,
    /// The first moment (UTC) at which it holds, and the day as written.
    pub since: Option<(Timestamp, String)>,
    /// The first moment at which it no longer does, after the end of the day as written.
    pub until: Option<(Timestamp, String)>,
    /// Hours of the week (UTC) at which it holds; empty: all.
    pub times: Vec<Window>,
}

impl When {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_always(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it is for this agent.
    #[must_use]
    pub fn is_for(&self, agent: IpAddr) -> bool {
        covers_agent(&self.agents, agent)
    }

    /// Whether it holds for this agent at this time.
    #[must_use]
    pub fn holds(&self, agent: IpAddr, at: Timestamp) -> bool {
        let since = self.since.as_ref().is_none_or(|(since, _)| at >= *since);
        let until = self.until.as_ref().is_none_or(|(until, _)| at < *until);
        self.is_for(agent) && since && until && (self.times.is_empty() || self.times.iter().any(|window| window.has(at)))
    }
}

/// Hours of some days of the week (UTC). Where it ends before it begins it ends on the day after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The days on which it begins, Monday's bit the lowest.
    days: u8,
    /// Minutes of the day: the first, and the first that is no longer in it.
    from: u16,
    to: u16,
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const EVERY_DAY: u8 = 0x7f;
const MINUTE: i64 = 60_000_000_000;

impl Window {
    /// Reads `02:00-04:00`, `mon-fri 09:00-17:00` or `sat,sun 22:00-06:00`.
    ///
    /// # Errors
    /// What is wrong with it, and how it is mended.
    pub fn parse(text: &str) -> Parsed<Self> {
        let wrong = || (format!("`{}` is no window of time", text.escape_debug()), Some(HELP.to_owned()));
        let (days, hours) = text.rsplit_once(' ').map_or((EVERY_DAY, text), |(days, hours)| (parse_days(days).unwrap_or(0), hours));
        let (from, to) = hours.split_once('-').ok_or_else(wrong)?;
        let (from, to) = (parse_minute(from).ok_or_else(wrong)?, parse_minute(to).ok_or_else(wrong)?);
        if days == 0 || from == 24 * 60 {
            return Err(wrong());
        }
        if from == to {
            let help = "leave the key out where all of the day is meant, or write 00:00-24:00".to_owned();
            return Err((format!("the window `{text}` has no length"), Some(help)));
        }
        Ok(Self { days, from, to })
    }

    fn has(self, at: Timestamp) -> bool {
        let minutes = at.as_nanos().div_euclid(MINUTE);
        let (day, minute) = (at.as_nanos().div_euclid(limits::DAY_NANOS), minutes.rem_euclid(24 * 60) as u16);
        // the first day of the epoch was a Thursday
        let begins_on = |day: i64| self.days & 1 << (day + 3).rem_euclid(7) != 0;
        if self.from < self.to {
            return begins_on(day) && (self.from..self.to).contains(&minute);
        }
        begins_on(day) && minute >= self.from || begins_on(day - 1) && minute < self.to
    }
}

const HELP: &str = "write it as 02:00-04:00, mon-fri 09:00-17:00 or sat,sun 22:00-06:00, in UTC";

/// Days of the week, as bits: `sat,sun`, `mon-fri`.
fn parse_days(text: &str) -> Option<u8> {
    let day = |word: &str| DAYS.iter().position(|day| *day == word.trim());
    text.split(',').try_fold(0, |days, part| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to) = (day(from)?, day(to)?);
        let steps = (to + 7 - from) % 7;
        Some((0..=steps).fold(days, |days, step| days | 1 << ((from + step) % 7)))
    })
}

/// The minute of a day: `24:00` is its end.
fn parse_minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |digits: &str| digits.parse::<u16>().ok().filter(|_| digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit()));
    let (hour, minute) = (number(hour)?, number(minute)?);
    (hour < 24 && minute < 60 || (hour, minute) == (24, 0)).then_some(hour * 60 + minute)
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days != EVERY_DAY {
            let days: Vec<&str> = DAYS.iter().enumerate().filter(|(n, _)| self.days & 1 << n != 0).map(|(_, day)| *day).collect();
            write!(f, "{} ", days.join(","))?;
        }
        write!(f, "{:02}:{:02}-{:02}:{:02}", self.from / 60, self.from % 60, self.to / 60, self.to % 60)
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.agents.iter().try_for_each(|agent| write!(f, ", for {agent}"))?;
        if let Some((_, day)) = &self.since {
            write!(f, ", since {day}")?;
        }
        if let Some((_, day)) = &self.until {
            write!(f, ", until {day}")?;
        }
        self.times.iter().try_for_each(|window| write!(f, ", at {window}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i32, hour: i64, minute: i64) -> Timestamp {
        Timestamp::from_date(2026, 11, day as u32).plus_nanos((hour * 60 + minute) * MINUTE)
    }

    #[test]
    fn windows_go_over_midnight_and_keep_to_their_days() {
        let window = |text| Window::parse(text).unwrap();
        let night = window("sat,sun 22:00-06:00");
        // the 28th of November 2026 is a Saturday
        assert!(night.has(at(28, 22, 0)) && night.has(at(29, 5, 59)) && night.has(at(30, 5, 59)));
        assert!(!night.has(at(28, 5, 0)) && !night.has(at(29, 6, 0)) && !night.has(at(30, 22, 0)));
        let office = window("mon-fri 09:00-17:00");
        assert!(office.has(at(27, 16, 59)) && !office.has(at(27, 17, 0)) && !office.has(at(28, 12, 0)));
        assert!(window("00:00-24:00").has(at(28, 23, 59)) && window("sat-mon 00:00-24:00").has(at(30, 0, 0)));
        assert!(window("thu 00:00-00:01").has(Timestamp::from_nanos(0)) && window("wed 23:59-24:00").has(Timestamp::from_nanos(-1)));
        for shown in ["02:00-04:00", "sat,sun 22:00-06:00"] {
            assert_eq!(window(shown).to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for text in
            ["", "2:00-4:00", "02:00", "25:00-26:00", "24:00-02:00", "02:00-02:00", "som 02:00-04:00", "02:60-03:00", "02:00–04:00", "mon"]
        {
            assert!(Window::parse(text).is_err(), "{text}");
        }
    }
}
