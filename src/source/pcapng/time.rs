//! The time of a pcapng packet: a count of ticks since the epoch, in the resolution and with the offset of its interface.

use crate::fact::Timestamp;

/// What an interface's ticks mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    scale: Scale,
    /// Nanoseconds to add.
    offset: i128,
}

/// How a number of ticks becomes nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    /// A tick is this many nanoseconds.
    Multiply(u64),
    /// A nanosecond is this many ticks.
    Divide(u64),
    /// A second is 2 to this power of ticks.
    Binary(u32),
    /// A tick is so short that 2 to the power of 64 of them are no nanosecond.
    Nothing,
}

impl Clock {
    /// The resolution of an interface that names none.
    pub(super) const MICROSECONDS: u8 = 6;

    /// The clock of an `if_tsresol` (the negative power of 10, or of 2 where the high bit is set, that a tick is of a second) and an
    /// `if_tsoffset` (in seconds).
    pub(super) fn new(resolution: u8, offset: i64) -> Self {
        let exponent = u32::from(resolution & 0x7f);
        let scale = if resolution & 0x80 != 0 {
            Scale::Binary(exponent)
        } else if let Some(finer) = exponent.checked_sub(9) {
            10u64.checked_pow(finer).map_or(Scale::Nothing, Scale::Divide)
        } else {
            Scale::Multiply(10u64.pow(9 - exponent))
        };
        Self { scale, offset: i128::from(offset) * NANOS }
    }

    /// The moment of so many ticks, to the nanosecond below; the first or last moment there is where it lies outside.
    pub(super) fn time(self, ticks: u64) -> Timestamp {
        // 64 bits of ticks and 30 of nanoseconds: nothing here leaves 128 bits
        let wide = i128::from(ticks);
        let since_epoch = match self.scale {
            Scale::Multiply(nanos) => wide * i128::from(nanos),
            Scale::Divide(per_nano) => i128::from(ticks / per_nano.max(1)),
            Scale::Binary(exponent) => (wide * NANOS) >> exponent,
            Scale::Nothing => 0,
        };
        let nanos = (since_epoch + self.offset).clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        Timestamp::from_nanos(nanos as i64)
    }
}

const NANOS: i128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(resolution: u8, offset: i64, ticks: u64) -> i64 {
        Clock::new(resolution, offset).time(ticks).as_nanos()
    }

    #[test]
    fn powers_of_ten_and_two() {
        assert_eq!(nanos(0, 0, 7), 7_000_000_000);
        assert_eq!(nanos(6, 0, 1_700_000_000_123_456), 1_700_000_000_123_456_000);
        assert_eq!(nanos(9, 0, 1_700_000_000_123_456_789), 1_700_000_000_123_456_789);
        assert_eq!(nanos(12, 0, 1_700_000_123_456_789_999), 1_700_000_123_456_789);
        assert_eq!(nanos(0x80, 0, 3), 3_000_000_000);
        assert_eq!(nanos(0x80 | 1, 0, 3), 1_500_000_000);
        assert_eq!(nanos(0x80 | 20, 0, (1_700_000_000 << 20) | (1 << 19)), 1_700_000_000_500_000_000);
        assert_eq!(nanos(0x80 | 32, 0, (1_700_000_000 << 32) | 0x4000_0000), 1_700_000_000_250_000_000);
    }

    #[test]
    fn offsets_go_either_way() {
        assert_eq!(nanos(6, 1_700_000_000, 5), 1_700_000_000_000_005_000);
        assert_eq!(nanos(6, -1, 0), -1_000_000_000);
        assert_eq!(nanos(9, -18_000_000_000, u64::MAX), 446_744_073_709_551_615, "the sum fits where its parts do not");
    }

    #[test]
    fn hostile_exponents_saturate() {
        for resolution in 0..=u8::MAX {
            for offset in [i64::MIN, -1, 0, 1, i64::MAX] {
                for ticks in [0, 1, u64::MAX] {
                    let _ = nanos(resolution, offset, ticks);
                }
            }
        }
        assert_eq!(nanos(0, 0, u64::MAX), i64::MAX);
        assert_eq!(nanos(6, i64::MIN, 0), i64::MIN);
        assert_eq!((nanos(127, 0, u64::MAX), nanos(255, 0, u64::MAX)), (0, 0));
        assert_eq!(nanos(28, 0, u64::MAX), 1, "10 to the 19th ticks are a nanosecond");
        assert_eq!(nanos(29, 0, u64::MAX), 0);
    }
}
