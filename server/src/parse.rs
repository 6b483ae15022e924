//! Values of flags.

use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use lockgate::clock::Millis;
use lockgate::ids::CustomerId;
use lockgate::money::Nano;

/// A cap in US dollars, or `none`, which removes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cap(pub(crate) Option<Nano>);

impl FromStr for Cap {
    type Err = String;

    fn from_str(text: &str) -> Result<Cap, String> {
        if text == "none" {
            return Ok(Cap(None));
        }
        let amount = Nano::parse_usd(text).and_then(Nano::as_cap);
        amount.map(|cap| Cap(Some(cap))).map_err(|error| format!("{error}; none removes the cap"))
    }
}

/// `on` or `off`.
pub(crate) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("must be on or off".to_owned()),
    }
}

/// A span of time: `3600s`, `15m`, `24h`, `30d`.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let allowed = || "must be a whole number with a unit: 3600s, 15m, 24h or 30d".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits) {
        Some("s") => 1,
        Some("m") => 60,
        Some("h") => 3600,
        Some("d") => 86_400,
        _ => return Err(allowed()),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(allowed());
    }
    let seconds = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(unit));
    // A hundred years are more than any key, cache or overlap needs, and no sum with the clock can overflow.
    match seconds.filter(|seconds| *seconds <= 36_525 * 86_400) {
        Some(seconds) => Ok(Duration::from_secs(seconds)),
        None => Err("must be at most 36525d".to_owned()),
    }
}

/// `FROM=TO`, two names of models.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((from, to)) if !from.is_empty() && !to.is_empty() => Ok((from.to_owned(), to.to_owned())),
        _ => Err("must be MODEL=CHEAPER_MODEL, or MODEL=none to remove it".to_owned()),
    }
}

/// A UTC day `yyyy-mm-dd`, from its first instant, or an instant in RFC 3339.
pub(crate) fn instant(text: &str) -> Result<Millis, String> {
    let midnight = |day: Date| Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok();
    let at = match text.parse::<Timestamp>() {
        Ok(at) => Some(at),
        Err(_) => text.parse::<Date>().ok().filter(|_| text.len() == 10).and_then(midnight),
    };
    let allowed = "must be a UTC day as 2026-11-30 or an instant as 2026-11-30T12:00:00Z";
    at.map(|at| Millis(at.as_millisecond())).ok_or_else(|| allowed.to_owned())
}

/// A customer's id.
pub(crate) fn customer(text: &str) -> Result<CustomerId, String> {
    CustomerId::new(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_are_exact_dollars_or_none() {
        assert_eq!("none".parse(), Ok(Cap(None)));
        assert_eq!("0".parse(), Ok(Cap(Some(Nano::ZERO))));
        assert_eq!("19.99".parse(), Ok(Cap(Some(Nano::from_nano(19_990_000_000)))));
        for wrong in ["", "-1", "1e3", "$5", "9000000.01", "0.0000000001", "five"] {
            assert!(wrong.parse::<Cap>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn spans_need_a_unit() {
        assert_eq!(span("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(span("30d"), Ok(Duration::from_secs(30 * 86_400)));
        for wrong in ["", "30", "d", "1.5h", "-1h", "1w", "99999999999999999999d", "36526d"] {
            assert!(span(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn days_begin_at_midnight_utc() {
        assert_eq!(instant("1970-01-02"), Ok(Millis(86_400_000)));
        assert_eq!(instant("1970-01-01T00:00:01Z"), Ok(Millis(1000)));
        for wrong in ["", "yesterday", "2026-13-01", "2026-11-30T12:00:00"] {
            assert!(instant(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn pairs_have_two_sides() {
        assert_eq!(pair("a=b"), Ok(("a".to_owned(), "b".to_owned())));
        for wrong in ["a", "=b", "a=", ""] {
            assert!(pair(wrong).is_err(), "{wrong:?}");
        }
    }
}
