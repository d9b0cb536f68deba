//! Packet time. The audit knows no other: nothing below the command line reads a clock.

use std::fmt;

use serde::{Deserialize, Serialize};

const NANOS: i64 = 1_000_000_000;

/// A moment in nanoseconds since 1970-01-01T00:00:00Z, from 1677 to 2262. Arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `nanos` nanoseconds after the epoch.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Midnight (UTC) of a day of the Gregorian calendar; months and days count from 1.
    #[must_use]
    pub fn from_date(year: i32, month: u32, day: u32) -> Self {
        // days from civil, after Howard Hinnant's public-domain description
        let y = i64::from(year) - i64::from(month <= 2);
        let era = y.div_euclid(400);
        let of_era = y.rem_euclid(400);
        let of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
        let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
        Self(days.saturating_mul(86_400 * NANOS))
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Nanoseconds from `earlier` to this moment; negative where `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This moment and `nanos` more.
    #[must_use]
    pub const fn plus_nanos(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }
}

/// RFC 3339 in UTC with nanoseconds: `2026-11-24T13:00:00.000000000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.0.div_euclid(NANOS), self.0.rem_euclid(NANOS));
        let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let z = days + 719_468;
        let (era, of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (h, m, s) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        // a document has a few for every finding, and the formatting of numbers was a twentieth of an audit
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        for (from, to, value) in [(0, 4, year), (5, 7, month), (8, 10, day), (11, 13, h), (14, 16, m), (17, 19, s), (20, 29, nanos)] {
            let mut rest = value;
            for digit in text[from..to].iter_mut().rev() {
                *digit += (rest % 10) as u8;
                rest /= 10;
            }
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_rfc_3339() {
        assert_eq!(Timestamp::from_nanos(0).to_string(), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(Timestamp::from_nanos(1_700_000_000_123_456_789).to_string(), "2023-11-14T22:13:20.123456789Z");
        assert_eq!(Timestamp::from_nanos(-1).to_string(), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(Timestamp::from_nanos(951_782_400 * NANOS).to_string(), "2000-02-29T00:00:00.000000000Z");
    }

    #[test]
    fn dates_round_trip() {
        for (y, m, d) in [(1970, 1, 1), (2000, 2, 29), (2027, 3, 31), (1999, 12, 31), (2100, 3, 1)] {
            assert_eq!(Timestamp::from_date(y, m, d).to_string(), format!("{y:04}-{m:02}-{d:02}T00:00:00.000000000Z"));
        }
    }
}
