//! The windows of the store's today, as the scripts take them.

use crate::clock::Millis;
use crate::limits::Window;

const DAY_MS: i64 = 86_400_000;

/// A UTC day and its month, and those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Day {
    pub(super) begins: Millis,
    pub(super) ends: Millis,
    pub(super) month: Window,
    pub(super) day: Window,
    pub(super) month_before: Window,
    pub(super) day_before: Window,
}

impl Day {
    /// The day in which `at` lies.
    pub(super) fn of(at: Millis) -> Day {
        let day = Window::day(at);
        let begins = Millis(at.0.div_euclid(DAY_MS) * DAY_MS);
        let month = Window::month(at);
        let code = month.code();
        let before = if code % 100 == 1 { code - 100 + 11 } else { code - 1 };
        Day {
            begins,
            ends: Millis(begins.0 + DAY_MS),
            month,
            day,
            month_before: Window::Month(before),
            day_before: Window::day(Millis(begins.0 - 1)),
        }
    }

    pub(super) fn holds(&self, at: Millis) -> bool {
        self.begins <= at && at < self.ends
    }

    pub(super) fn windows(&self) -> [Window; 4] {
        [self.month, self.day, self.month_before, self.day_before]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_day_of_a_year() {
        // 2027-01-01T00:00:00Z.
        let day = Day::of(Millis(1_798_761_600_000));
        assert_eq!(day.month, Window::Month(202_701));
        assert_eq!(day.day, Window::Day(20_270_101));
        assert_eq!(day.month_before, Window::Month(202_612));
        assert_eq!(day.day_before, Window::Day(20_261_231));
        assert_eq!(day.ends, day.day.end());
        assert!(day.holds(Millis(day.ends.0 - 1)) && !day.holds(day.ends));
    }
}
