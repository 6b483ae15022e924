//! Prices that change with the time of day.

use super::bill::Price;

const DAY: i64 = 86_400_000;
const MINUTE: i64 = 60_000;

/// A price, and the higher one of some hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tariff {
    pub(super) price: Price,
    pub(super) peak: Option<(Hours, Price)>,
}

impl Tariff {
    /// The price that holds for all hours.
    pub(super) fn flat(price: Price) -> Tariff {
        Tariff { price, peak: None }
    }

    /// The price at unix time `at` in ms.
    pub(super) fn at(&self, at: i64) -> &Price {
        match &self.peak {
            Some((hours, price)) if hours.hold(at) => price,
            _ => &self.price,
        }
    }
}

/// Hours of the days from Monday to Friday, UTC: from and to, in minutes of the day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hours(Vec<(i64, i64)>);

impl Hours {
    /// Reads spans as `01:00-04:00`. None if one is not of that form, or ends before it begins.
    pub(super) fn read(spans: &[String]) -> Option<Hours> {
        let minute = |text: &str| {
            let (hour, minute) = text.split_once(':')?;
            let (hour, minute) = (hour.parse::<i64>().ok()?, minute.parse::<i64>().ok()?);
            ((0..=24).contains(&hour) && (0..60).contains(&minute)).then_some(hour * 60 + minute)
        };
        let span = |text: &String| {
            let (from, to) = text.split_once('-')?;
            let (from, to) = (minute(from)?, minute(to)?);
            (from < to && to <= 24 * 60).then_some((from, to))
        };
        spans.iter().map(span).collect::<Option<Vec<_>>>().filter(|spans| !spans.is_empty()).map(Hours)
    }

    fn hold(&self, at: i64) -> bool {
        // 1 January 1970 was a Thursday: Monday is 0.
        let weekday = (at.div_euclid(DAY) + 3).rem_euclid(7);
        let minute = at.rem_euclid(DAY) / MINUTE;
        weekday < 5 && self.0.iter().any(|(from, to)| (*from..*to).contains(&minute))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_hold_on_weekdays() {
        let hours = Hours::read(&["01:00-04:00".to_owned(), "06:00-10:00".to_owned()]).unwrap();
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        // 19 November 2026 is a Thursday.
        for peak in ["2026-11-19T01:00:00Z", "2026-11-19T03:59:59.999Z", "2026-11-20T09:59:00Z"] {
            assert!(hours.hold(at(peak)), "{peak}");
        }
        for idle in [
            "2026-11-19T00:59:59.999Z",
            "2026-11-19T04:00:00Z",
            "2026-11-19T10:00:00Z",
            "2026-11-21T02:00:00Z",
            "2026-11-22T07:00:00Z",
        ] {
            assert!(!hours.hold(at(idle)), "{idle}");
        }
        assert!(!hours.hold(-1));
    }

    #[test]
    fn hours_that_are_none_are_refused() {
        for bad in ["", "1-2", "04:00-01:00", "23:00-25:00", "01:60-02:00", "a:b-c:d"] {
            assert_eq!(Hours::read(&[bad.to_owned()]), None, "{bad}");
        }
        assert_eq!(Hours::read(&[]), None);
        assert!(Hours::read(&["00:00-24:00".to_owned()]).is_some());
    }
}
