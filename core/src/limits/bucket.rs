//! One rate limit as a bucket that drains evenly (GCRA), in exact integers.
//!
//! A unit is one request or one token. A unit is 60 000 parts, so that a rate of `r` units a minute drains exactly
//! `r` parts each millisecond and no rounding ever happens. From empty, `r` units fit at once, then one every
//! `60 000 / r` ms: in any interval of `w` ms at most `r + r × w / 60 000` units pass.
//!
//! Numbers stay at or below 2^53 − 1, which a double holds exactly, so that Lua can run the same sums: a full bucket
//! is at most (2^32 − 1) × 60 000 < 2^48 parts, and debt beyond [`Bucket::MOST`] is held there. The one product that
//! may pass 2^53, rate × elapsed, is only ever subtracted from `used` and held at zero: where it is inexact it is
//! larger than any `used`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Level;
use crate::clock::Millis;

/// The state of one rate limit. The default is a bucket never used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bucket {
    /// Parts in use at `at`. Above the size of the bucket: debt.
    pub used: u64,
    /// When `used` was true. Never moves back.
    pub at: Millis,
    /// The rate it drains at, in units a minute.
    pub rate: u32,
}

/// Why units cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Short {
    /// They fit after this long, if nobody else takes them.
    Wait(Duration),
    /// More than the bucket ever holds.
    TooLarge,
}

impl Bucket {
    /// Parts of one unit: milliseconds of a minute.
    pub const UNIT: u64 = 60_000;
    /// The most that `used` can be: 2^53 − 1.
    pub const MOST: u64 = (1 << 53) - 1;

    /// The bucket as it stands at `now` under `rate`.
    ///
    /// Time that has passed drains at the old rate. When the rate changes, what is in use is kept in units; a full
    /// bucket that becomes smaller stays full, and debt stays debt, so a new rate neither gives nor takes more than
    /// one bucket. A clock that went back drains nothing.
    #[must_use]
    pub fn advanced(mut self, now: Millis, rate: u32) -> Bucket {
        let drained = now.since(self.at).saturating_mul(u64::from(self.rate));
        self.used = self.used.saturating_sub(drained);
        self.at = self.at.max(now);
        if rate != self.rate {
            let debt = self.used.saturating_sub(size(self.rate));
            self.used = (self.used - debt).min(size(rate)).saturating_add(debt).min(Bucket::MOST);
            self.rate = rate;
        }
        self
    }

    /// Takes `units` at `now` under `rate`, or changes nothing. A rate of 0 allows nothing, not even 0 units.
    pub fn take(&mut self, units: u64, now: Millis, rate: u32) -> Result<(), Short> {
        let current = self.advanced(now, rate);
        let wanted = parts(units);
        let size = size(rate);
        if rate == 0 || wanted > size {
            return Err(Short::TooLarge);
        }
        let filled = current.used.saturating_add(wanted);
        if filled > size {
            return Err(Short::Wait(current.until_drained(filled - size, now)));
        }
        *self = Bucket { used: filled, ..current };
        Ok(())
    }

    /// Where the bucket stands at `now` under `rate`.
    #[must_use]
    pub fn level(&self, now: Millis, rate: u32) -> Level {
        let current = self.advanced(now, rate);
        let left = size(rate).saturating_sub(current.used) / Bucket::UNIT;
        Level {
            limit: rate,
            remaining: u32::try_from(left).unwrap_or(u32::MAX),
            reset: current.until_drained(current.used, now),
        }
    }

    /// Corrects a reservation of `reserved` units taken at `since` under `rate` to the `actual` use.
    ///
    /// Given back is min(reserved − actual, max(0, reserved − rate × (now − since))): what has drained meanwhile is
    /// not given twice. Use beyond the reservation is added, without limit.
    pub fn settle(&mut self, reserved: u64, actual: u64, since: Millis, now: Millis, rate: u32) {
        // The bucket's own clock, in case the caller's went back; the faster of the rates since then.
        // One that is not kept any more, being empty, drains at the rate of the reservation.
        let current_rate = if self.rate == 0 { rate } else { self.rate };
        let mut current = self.advanced(now, current_rate);
        let reserved = parts(reserved);
        let actual = parts(actual);
        if actual > reserved {
            current.used = current.used.saturating_add(actual - reserved).min(Bucket::MOST);
        } else {
            let drained = current.at.since(since).saturating_mul(u64::from(rate.max(current_rate)));
            let back = (reserved - actual).min(reserved.saturating_sub(drained));
            current.used = current.used.saturating_sub(back);
        }
        *self = current;
    }

    /// Milliseconds until `parts` of what is in use have drained: the ceiling, so that waiting it out suffices and
    /// one millisecond less does not.
    fn until_drained(&self, parts: u64, now: Millis) -> Duration {
        // A rate of 0 never drains; nobody waits for it.
        if parts == 0 || self.rate == 0 {
            return Duration::ZERO;
        }
        let behind = self.at.since(now);
        let wait = parts.div_ceil(u64::from(self.rate));
        Duration::from_millis(behind.saturating_add(wait))
    }
}

fn parts(units: u64) -> u64 {
    units.saturating_mul(Bucket::UNIT).min(Bucket::MOST)
}

fn size(rate: u32) -> u64 {
    u64::from(rate) * Bucket::UNIT
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> Millis {
        Millis(1_700_000_000_000 + ms)
    }

    fn wait_of(bucket: &mut Bucket, units: u64, now: Millis, rate: u32) -> u64 {
        match bucket.take(units, now, rate) {
            Err(Short::Wait(wait)) => u64::try_from(wait.as_millis()).unwrap(),
            other => panic!("expected a wait, got {other:?}"),
        }
    }

    #[test]
    fn sixty_a_minute_is_sixty_at_once_then_one_a_second() {
        let mut bucket = Bucket::default();
        for _ in 0..60 {
            bucket.take(1, at(0), 60).unwrap();
        }
        assert_eq!(wait_of(&mut bucket, 1, at(0), 60), 1000);
        assert_eq!(wait_of(&mut bucket, 1, at(999), 60), 1);
        bucket.take(1, at(1000), 60).unwrap();
        assert_eq!(wait_of(&mut bucket, 1, at(1000), 60), 1000);
        assert_eq!(
            bucket.level(at(1000), 60),
            Level { limit: 60, remaining: 0, reset: Duration::from_secs(60) }
        );
        assert_eq!(bucket.level(at(3500), 60).remaining, 2);
    }

    #[test]
    fn refund_by_hand() {
        // 6000 a minute = 100 a second. 3000 reserved at 0, 500 used.
        let reserved = |used_for: u64, now: i64| {
            let mut bucket = Bucket::default();
            bucket.take(3000, at(0), 6000).unwrap();
            bucket.settle(3000, used_for, at(0), at(now), 6000);
            bucket.level(at(now), 6000).remaining
        };
        // At once: 2500 back, 500 in use.
        assert_eq!(reserved(500, 0), 5500);
        // After 2 s 200 drained; min(2500, 3000 - 200) = 2500 back; in use 3000 - 200 - 2500 = 300.
        assert_eq!(reserved(500, 2000), 5700);
        // After 10 s 1000 drained; min(2500, 2000) = 2000 back; in use 0, not below.
        assert_eq!(reserved(500, 10_000), 6000);
        // After 30 s all of it drained; nothing is left to give back.
        assert_eq!(reserved(500, 30_000), 6000);
        // 9000 used: 6000 beyond the reservation; 9000 in use = 3000 of debt, which takes 30 s.
        let mut bucket = Bucket::default();
        bucket.take(3000, at(0), 6000).unwrap();
        bucket.settle(3000, 9000, at(0), at(0), 6000);
        assert_eq!(bucket.level(at(0), 6000).remaining, 0);
        assert_eq!(wait_of(&mut bucket, 1, at(0), 6000), 30_010);
    }

    #[test]
    fn a_refund_leaves_what_others_hold() {
        // 3000 reserved at 0 and 3000 more at 10 s, when 1000 of the first have drained.
        let mut bucket = Bucket::default();
        bucket.take(3000, at(0), 6000).unwrap();
        bucket.take(3000, at(10_000), 6000).unwrap();
        // The first gives back min(3000, 3000 - 1000) = 2000; in use stay the 3000 of the second.
        bucket.settle(3000, 0, at(0), at(10_000), 6000);
        assert_eq!(bucket.level(at(10_000), 6000).remaining, 3000);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let mut bucket = Bucket::default();
        bucket.take(60, at(0), 60).unwrap();
        assert_eq!(wait_of(&mut bucket, 1, at(-90_000), 60), 91_000);
        bucket.take(1, at(1000), 60).unwrap();
        // Back by 500 ms and forward again: no second refill of the same time.
        assert_eq!(wait_of(&mut bucket, 1, at(500), 60), 1500);
        assert_eq!(wait_of(&mut bucket, 1, at(1999), 60), 1);
        // Settled on a clock 30 s behind the bucket's: what drained is not given back.
        let mut bucket = Bucket::default();
        bucket.take(60, at(0), 60).unwrap();
        bucket.take(30, at(30_000), 60).unwrap();
        bucket.settle(60, 0, at(0), at(0), 60);
        assert_eq!(bucket.level(at(30_000), 60).remaining, 30);
    }

    #[test]
    fn a_change_of_rate_keeps_full_full_and_debt_debt() {
        let mut bucket = Bucket::default();
        bucket.take(6000, at(0), 6000).unwrap();
        // Down to 60 a minute: one second, not 99 minutes.
        assert_eq!(wait_of(&mut bucket, 1, at(0), 60), 1000);
        bucket.settle(6000, 6030, at(0), at(0), 6000);
        assert_eq!(bucket.advanced(at(0), 60).used, 90 * Bucket::UNIT);
        assert_eq!(bucket.advanced(at(0), 60).advanced(at(0), 6000).used, 90 * Bucket::UNIT);
        // Up: what is in use stays in use, in units.
        let mut bucket = Bucket::default();
        bucket.take(60, at(0), 60).unwrap();
        assert_eq!(bucket.level(at(0), 100).remaining, 40);
    }

    #[test]
    fn debt_in_a_bucket_that_was_not_kept_drains() {
        let mut bucket = Bucket::default();
        bucket.settle(10, 160, at(0), at(60_000), 100);
        assert_eq!(bucket.level(at(60_000), 100).remaining, 0);
        assert_eq!(wait_of(&mut bucket, 1, at(90_000), 100), 600);
    }

    #[test]
    fn a_rate_of_nothing_allows_nothing() {
        assert_eq!(Bucket::default().take(0, at(0), 0), Err(Short::TooLarge));
        assert_eq!(Bucket::default().take(61, at(0), 60), Err(Short::TooLarge));
        assert_eq!(Bucket::default().take(60, at(0), 60), Ok(()));
    }

    #[test]
    fn extremes_stay_exact_in_a_double() {
        let mut bucket = Bucket::default();
        bucket.take(u64::from(u32::MAX), at(0), u32::MAX).unwrap();
        assert!(bucket.used < 1 << 48);
        bucket.settle(0, u64::MAX, at(0), at(0), u32::MAX);
        assert_eq!(bucket.used, Bucket::MOST);
        assert_eq!(Bucket::default().take(u64::MAX, at(0), u32::MAX), Err(Short::TooLarge));
        assert_eq!(bucket.advanced(Millis(i64::MAX), u32::MAX).used, 0);
        assert_eq!(bucket.advanced(Millis(i64::MIN), u32::MAX).used, Bucket::MOST);
    }

    proptest! {
        /// Waiting as told suffices, and one millisecond less does not.
        #[test]
        fn waits_are_exact(rate in 1_u32..5000, takes in prop::collection::vec((0_u64..6000, 0_i64..40_000), 1..40)) {
            let mut bucket = Bucket::default();
            let mut now = at(0);
            for (units, pause) in takes {
                now.0 += pause;
                let before = bucket;
                match bucket.take(units, now, rate) {
                    Ok(()) => prop_assert!(units <= u64::from(rate)),
                    Err(Short::TooLarge) => prop_assert!(units > u64::from(rate)),
                    Err(Short::Wait(wait)) => {
                        prop_assert_eq!(bucket, before);
                        let early = now.after(wait - Duration::from_millis(1));
                        prop_assert!(matches!(bucket.take(units, early, rate), Err(Short::Wait(_))));
                        now = now.after(wait);
                        prop_assert_eq!(bucket.take(units, now, rate), Ok(()));
                    }
                }
            }
        }

        /// In every interval at most burst + rate × window units pass, whatever a greedy caller does.
        #[test]
        fn no_window_holds_more_than_burst_and_rate(
            rate in 1_u32..200,
            pauses in prop::collection::vec(0_i64..3000, 1..120),
        ) {
            let mut bucket = Bucket::default();
            let mut passed: Vec<i64> = Vec::new();
            let mut now = at(0);
            for pause in pauses {
                now.0 += pause;
                while bucket.take(1, now, rate).is_ok() {
                    passed.push(now.0);
                }
            }
            for (first, start) in passed.iter().enumerate() {
                for (last, end) in passed.iter().enumerate().skip(first) {
                    let most = i64::from(rate) + i64::from(rate) * (end - start) / 60_000;
                    prop_assert!(i64::try_from(last - first + 1).unwrap() <= most);
                }
            }
        }
    }
}
