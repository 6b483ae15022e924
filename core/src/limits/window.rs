//! Calendar windows in UTC, and the counters that live in them.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::Scope;
use crate::clock::Millis;
use crate::ids::{CustomerTag, KeyId};

/// A calendar window in UTC over which spend is summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "i32", try_from = "i32")]
pub enum Window {
    /// A month: `yyyymm`, as 202611.
    Month(i32),
    /// A day: `yyyymmdd`, as 20261123.
    Day(i32),
}

impl Window {
    /// The month in which `at` lies.
    #[must_use]
    pub fn month(at: Millis) -> Window {
        let day = date(at);
        Window::Month(i32::from(day.year()) * 100 + i32::from(day.month()))
    }

    /// The day in which `at` lies.
    #[must_use]
    pub fn day(at: Millis) -> Window {
        let day = date(at);
        Window::Day(i32::from(day.year()) * 10_000 + i32::from(day.month()) * 100 + i32::from(day.day()))
    }

    /// The window as one number: 6 digits for a month, 8 for a day.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Window::Month(code) | Window::Day(code) => code,
        }
    }

    /// The first instant after this window.
    #[must_use]
    pub fn end(self) -> Millis {
        let next = match self {
            Window::Month(code) => first_of(code.div_euclid(100), code.rem_euclid(100), 1)
                .and_then(|day| day.checked_add(1.month()).ok()),
            Window::Day(code) => {
                first_of(code.div_euclid(10_000), code.div_euclid(100).rem_euclid(100), code.rem_euclid(100))
                    .and_then(|day| day.tomorrow().ok())
            }
        };
        next.and_then(|day| Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok())
            .map_or(Millis(i64::MAX), |start| Millis(start.as_millisecond()))
    }
}

fn first_of(year: i32, month: i32, day: i32) -> Option<Date> {
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn date(at: Millis) -> Date {
    Offset::UTC.to_datetime(Timestamp::from_millisecond(at.0).unwrap_or_default()).date()
}

/// Text or a number that names no window.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not a window (yyyymm or yyyymmdd)")]
pub struct BadWindow(i32);

impl TryFrom<i32> for Window {
    type Error = BadWindow;

    fn try_from(code: i32) -> Result<Window, BadWindow> {
        match code {
            100_000..=999_999 => Ok(Window::Month(code)),
            10_000_000..=99_999_999 => Ok(Window::Day(code)),
            _ => Err(BadWindow(code)),
        }
    }
}

impl From<Window> for i32 {
    fn from(window: Window) -> i32 {
        window.code()
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code())
    }
}

/// One spend counter of a project: a scope within a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CounterId {
    /// When.
    pub window: Window,
    /// Whose.
    pub scope: Scope,
}

impl CounterId {
    /// The counters that a request admitted at `at` is booked into.
    pub fn booked(
        at: Millis,
        key: KeyId,
        customer: Option<CustomerTag>,
    ) -> impl Iterator<Item = CounterId> + Clone {
        let (month, day) = (Window::month(at), Window::day(at));
        let customer = customer.map(Scope::Customer);
        [Some((month, Scope::Project)), Some((month, Scope::Key(key)))]
            .into_iter()
            .chain([customer.map(|scope| (month, scope)), customer.map(|scope| (day, scope))])
            .flatten()
            .map(|(window, scope)| CounterId { window, scope })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Millis {
        Millis(text.parse::<Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn windows_follow_the_utc_calendar() {
        let last = at("2026-12-31T23:59:59.999Z");
        assert_eq!(Window::month(last), Window::Month(202_612));
        assert_eq!(Window::day(last), Window::Day(20_261_231));
        assert_eq!(Window::month(last).end(), at("2027-01-01T00:00:00Z"));
        assert_eq!(Window::day(last).end(), at("2027-01-01T00:00:00Z"));
        assert_eq!(Window::day(at("2028-02-28T12:00:00Z")).end(), at("2028-02-29T00:00:00Z"));
    }

    #[test]
    fn codes_round_trip() {
        for window in [Window::Month(202_602), Window::Day(20_260_228)] {
            assert_eq!(Window::try_from(window.code()).unwrap(), window);
        }
        assert!(Window::try_from(7).is_err());
    }
}
