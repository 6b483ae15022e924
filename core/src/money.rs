//! Money as integer nano-USD (10⁻⁹ USD). Nothing here goes through floating-point arithmetic.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

const NANO_PER_USD: i64 = 1_000_000_000;
const DECIMALS: usize = 9;
const TOKENS_PER_RATE: i128 = 1_000_000;

/// Why a text or number is not an amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a plain decimal number.
    #[error(
        "`{0}` is not an amount in USD; write a decimal such as \"12.50\" (digits and one point, no sign, no exponent)"
    )]
    NotDecimal(String),
    /// Below zero.
    #[error("`{0}` is negative; an amount in USD is 0 or more")]
    Negative(String),
    /// Finer than one nano-USD.
    #[error("`{0}` has more than 9 decimals; the smallest amount is 0.000000001 USD")]
    TooFine(String),
    /// More than the type or a cap can hold.
    #[error("`{0}` USD is too large; at most 9000000 is allowed")]
    TooLarge(String),
}

/// An amount of money in nano-USD: `Nano::from_nano(1)` is 0.000000001 USD.
///
/// Amounts are 0 or more in practice; differences may be negative. In JSON it is an integer of nano-USD.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nano(i64);

impl Nano {
    /// No money.
    pub const ZERO: Nano = Nano(0);
    /// The largest cap, 9,000,000 USD: below 2^53 nano-USD, so that engines whose numbers are doubles stay exact.
    pub const MAX_CAP: Nano = Nano(9_000_000 * NANO_PER_USD);
    /// The largest representable amount.
    pub const MAX: Nano = Nano(i64::MAX);

    /// From a count of nano-USD.
    pub const fn from_nano(nano: i64) -> Nano {
        Nano(nano)
    }

    /// The count of nano-USD.
    pub const fn nano(self) -> i64 {
        self.0
    }

    /// Reads a decimal amount in USD such as `19.99`, exactly: digits, at most one point, at most 9 decimals.
    pub fn parse_usd(text: &str) -> Result<Nano, MoneyError> {
        parse_nano(text).map(Nano)
    }

    /// The amount itself if it may be a cap: 0 to [`Nano::MAX_CAP`].
    pub fn as_cap(self) -> Result<Nano, MoneyError> {
        if self.0 < 0 {
            Err(MoneyError::Negative(self.to_string()))
        } else if self > Nano::MAX_CAP {
            Err(MoneyError::TooLarge(self.to_string()))
        } else {
            Ok(self)
        }
    }

    /// Sum, or `None` on overflow.
    pub fn checked_add(self, other: Nano) -> Option<Nano> {
        self.0.checked_add(other.0).map(Nano)
    }

    /// Difference, or `None` on overflow.
    pub fn checked_sub(self, other: Nano) -> Option<Nano> {
        self.0.checked_sub(other.0).map(Nano)
    }

    /// Sum, held at the bounds of the type.
    pub const fn saturating_add(self, other: Nano) -> Nano {
        Nano(self.0.saturating_add(other.0))
    }

    /// Difference, held at the bounds of the type; it may be negative.
    pub const fn saturating_sub(self, other: Nano) -> Nano {
        Nano(self.0.saturating_sub(other.0))
    }

    /// The amount in USD as a JSON number, digit for digit (`0.00001234`).
    pub fn usd_json(self) -> Box<RawValue> {
        // A decimal without exponent is always valid JSON; null is what an impossible failure would show.
        RawValue::from_string(self.to_string()).unwrap_or_else(|_| RawValue::NULL.to_owned())
    }
}

/// Decimal USD without superfluous zeros: `19.99`, `0.000123`, `0`.
impl fmt::Display for Nano {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        let unit = NANO_PER_USD.unsigned_abs();
        let (whole, fraction) = (magnitude / unit, magnitude % unit);
        if fraction == 0 {
            return f.pad(&format!("{sign}{whole}"));
        }
        let digits = format!("{fraction:09}");
        f.pad(&format!("{sign}{whole}.{}", digits.trim_end_matches('0')))
    }
}

fn parse_nano(text: &str) -> Result<i64, MoneyError> {
    let refuse = |make: fn(String) -> MoneyError| make(text.to_owned());
    let digits_only = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if let Some(rest) = text.strip_prefix('-') {
        let number = rest.bytes().all(|b| b.is_ascii_digit() || b == b'.') && !rest.is_empty();
        return Err(refuse(if number { MoneyError::Negative } else { MoneyError::NotDecimal }));
    }
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if digits_only(whole) && digits_only(fraction) => (whole, fraction),
        None if digits_only(text) => (text, ""),
        _ => return Err(refuse(MoneyError::NotDecimal)),
    };
    if fraction.len() > DECIMALS {
        return Err(refuse(MoneyError::TooFine));
    }
    let too_large = || MoneyError::TooLarge(text.to_owned());
    let whole: i64 = whole.parse().map_err(|_| too_large())?;
    let fraction: i64 = format!("{fraction:0<DECIMALS$}").parse().map_err(|_| too_large())?;
    whole.checked_mul(NANO_PER_USD).and_then(|nano| nano.checked_add(fraction)).ok_or_else(too_large)
}

/// Reads a cap in USD for `#[serde(deserialize_with = "lockgate::money::de_usd")]`: a string (`"12.50"`), an
/// integer, or a float by its shortest decimal text. At most [`Nano::MAX_CAP`].
pub fn de_usd<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Nano, D::Error> {
    deserializer.deserialize_any(UsdVisitor).and_then(|nano| Nano(nano).as_cap().map_err(de::Error::custom))
}

/// As [`de_usd`] for an optional cap; needs `#[serde(default)]` beside it.
pub fn de_usd_opt<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Nano>, D::Error> {
    struct Cap(Nano);
    impl<'de> Deserialize<'de> for Cap {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Cap, D::Error> {
            de_usd(deserializer).map(Cap)
        }
    }
    Ok(Option::<Cap>::deserialize(deserializer)?.map(|cap| cap.0))
}

/// An optional cap in USD, for `#[serde(default, with = "usd_opt")]`: written as a decimal string, read as
/// [`de_usd_opt`] does.
pub(crate) mod usd_opt {
    use serde::Serializer;

    use super::Nano;
    pub(crate) use super::de_usd_opt as deserialize;

    #[allow(clippy::ref_option, reason = "serde gives a reference to the field")]
    pub(crate) fn serialize<S: Serializer>(cap: &Option<Nano>, serializer: S) -> Result<S::Ok, S::Error> {
        match cap {
            Some(cap) => serializer.collect_str(cap),
            None => serializer.serialize_none(),
        }
    }
}

struct UsdVisitor;

impl Visitor<'_> for UsdVisitor {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount in USD: a decimal string such as \"12.50\", or a number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<i64, E> {
        parse_nano(text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, whole: i64) -> Result<i64, E> {
        self.visit_str(&whole.to_string())
    }

    fn visit_u64<E: de::Error>(self, whole: u64) -> Result<i64, E> {
        self.visit_str(&whole.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<i64, E> {
        // Display gives the shortest decimal that reads back as the same float, never an exponent: the digits
        // that were typed. From there on it is exact.
        self.visit_str(&number.to_string())
    }
}

/// A rate: nano-USD for one million tokens. 2.50 USD per 1M tokens is `PerMillion::from_nano(2_500_000_000)`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PerMillion(i64);

impl PerMillion {
    /// Costs nothing.
    pub const FREE: PerMillion = PerMillion(0);

    /// From nano-USD per 1M tokens; negative rates count as 0.
    pub const fn from_nano(nano: i64) -> PerMillion {
        PerMillion(if nano < 0 { 0 } else { nano })
    }

    /// Nano-USD per 1M tokens.
    pub const fn nano(self) -> i64 {
        self.0
    }

    /// Reads USD per 1M tokens, such as `0.075`, exactly.
    pub fn parse_usd(text: &str) -> Result<PerMillion, MoneyError> {
        parse_nano(text).map(PerMillion)
    }
}

impl fmt::Display for PerMillion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Nano(self.0).fmt(f)
    }
}

impl Serialize for PerMillion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PerMillion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PerMillion, D::Error> {
        deserializer.deserialize_any(UsdVisitor).map(PerMillion)
    }
}

/// Σ(tokens × rate), rounded once at the end.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Charge(i128);

impl Charge {
    /// Nothing charged yet.
    pub const NONE: Charge = Charge(0);

    /// Adds `tokens` at `rate`.
    #[must_use]
    pub fn plus(self, tokens: u64, rate: PerMillion) -> Charge {
        Charge(self.0.saturating_add(i128::from(tokens).saturating_mul(i128::from(rate.0))))
    }

    /// What is booked: the nearest nano-USD, halves up.
    pub fn settle(self) -> Nano {
        hold(self.0.saturating_add(TOKENS_PER_RATE / 2) / TOKENS_PER_RATE)
    }

    /// What is set aside: rounded up, so never below [`Charge::settle`].
    pub fn reserve(self) -> Nano {
        hold(self.0.saturating_add(TOKENS_PER_RATE - 1) / TOKENS_PER_RATE)
    }
}

fn hold(nano: i128) -> Nano {
    Nano(i64::try_from(nano).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_read_exactly() {
        for (text, nano) in [
            ("0", 0),
            ("19.99", 19_990_000_000),
            ("0.000123", 123_000),
            ("0.000000001", 1),
            ("007.10", 7_100_000_000),
            ("9000000", 9_000_000_000_000_000),
        ] {
            assert_eq!(Nano::parse_usd(text), Ok(Nano::from_nano(nano)), "{text}");
        }
        assert_eq!(Nano::from_nano(19_990_000_000).to_string(), "19.99");
        assert_eq!(Nano::from_nano(123_000).to_string(), "0.000123");
        assert_eq!(Nano::from_nano(-1_500_000_000).to_string(), "-1.5");
        assert_eq!(Nano::from_nano(i64::MIN).to_string(), "-9223372036.854775808");
    }

    #[test]
    fn other_texts_are_refused_by_reason() {
        for text in [
            "", ".", "1.", ".5", "1e3", "+1", "1,50", " 1", "1 ", "$1", "0x1", "1.2.3", "NaN", "--1", "-",
            "١",
        ] {
            assert!(matches!(Nano::parse_usd(text), Err(MoneyError::NotDecimal(_))), "{text}");
        }
        assert!(matches!(Nano::parse_usd("-0.01"), Err(MoneyError::Negative(_))));
        assert!(matches!(Nano::parse_usd("0.0000000001"), Err(MoneyError::TooFine(_))));
        assert!(matches!(Nano::parse_usd("9999999999999"), Err(MoneyError::TooLarge(_))));
        assert!(matches!(Nano::parse_usd("99999999999999999999999"), Err(MoneyError::TooLarge(_))));
        let message = Nano::parse_usd("1,50").unwrap_err().to_string();
        assert!(message.contains("`1,50`") && message.contains("12.50"), "{message}");
    }

    #[test]
    fn caps_stay_below_two_to_the_53() {
        assert_eq!(Nano::MAX_CAP.as_cap(), Ok(Nano::MAX_CAP));
        assert!(Nano::MAX_CAP.nano() < 1 << 53);
        let above = Nano::MAX_CAP.saturating_add(Nano::from_nano(1));
        assert_eq!(above.as_cap(), Err(MoneyError::TooLarge("9000000.000000001".into())));
        assert!(matches!(Nano::from_nano(-1).as_cap(), Err(MoneyError::Negative(_))));
    }

    #[derive(Debug, Deserialize)]
    struct Config {
        #[serde(deserialize_with = "de_usd")]
        cap: Nano,
        #[serde(default, deserialize_with = "de_usd_opt")]
        daily: Option<Nano>,
    }

    #[test]
    fn configuration_takes_strings_and_numbers() {
        for (text, nano) in [
            ("cap = \"12.50\"", 12_500_000_000),
            ("cap = 12.5", 12_500_000_000),
            ("cap = 19.99", 19_990_000_000),
            ("cap = 0.1", 100_000_000),
            ("cap = 1e-9", 1),
            ("cap = 12", 12_000_000_000),
        ] {
            let config: Config = toml::from_str(text).unwrap();
            assert_eq!((config.cap.nano(), config.daily), (nano, None), "{text}");
        }
        let config: Config = toml::from_str("cap = 1\ndaily = 0.25").unwrap();
        assert_eq!(config.daily, Some(Nano::from_nano(250_000_000)));
        for text in
            ["cap = -1", "cap = nan", "cap = inf", "cap = true", "cap = 9000001", "cap = 0.12345678912"]
        {
            assert!(toml::from_str::<Config>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn json_is_exact() {
        let amount = Nano::from_nano(12_340);
        assert_eq!(serde_json::to_string(&amount).unwrap(), "12340");
        assert_eq!(serde_json::from_str::<Nano>("12340").unwrap(), amount);
        assert_eq!(serde_json::to_string(&amount.usd_json()).unwrap(), "0.00001234");
        assert_eq!(Nano::MAX_CAP.usd_json().get(), "9000000");
    }

    #[test]
    fn rounding_happens_once() {
        let rate = PerMillion::from_nano(1);
        let half = Charge::NONE.plus(500_000, rate);
        assert_eq!((half.settle().nano(), half.reserve().nano()), (1, 1));
        let below = Charge::NONE.plus(499_999, rate);
        assert_eq!((below.settle().nano(), below.reserve().nano()), (0, 1));
        assert_eq!(Charge::NONE.plus(1, rate).plus(499_999, rate).settle().nano(), 1);
        assert_eq!(Charge::NONE.plus(u64::MAX, PerMillion::from_nano(i64::MAX)).settle(), Nano::MAX);
    }

    proptest! {
        #[test]
        fn display_and_parse_are_inverse(nano in 0..=i64::MAX) {
            let amount = Nano::from_nano(nano);
            prop_assert_eq!(Nano::parse_usd(&amount.to_string()), Ok(amount));
        }

        #[test]
        fn charge_equals_long_division(parts in proptest::collection::vec((0..=u64::from(u32::MAX), 0..=1_000_000_000_000i64), 0..12)) {
            let mut charge = Charge::NONE;
            // Reference: quotient and remainder of each product kept apart, carried at the end.
            let (mut quotient, mut remainder) = (0u128, 0u128);
            for &(tokens, rate) in &parts {
                charge = charge.plus(tokens, PerMillion::from_nano(rate));
                let product = u128::from(tokens) * u128::from(rate.unsigned_abs());
                quotient += product / 1_000_000;
                remainder += product % 1_000_000;
            }
            quotient += remainder / 1_000_000;
            remainder %= 1_000_000;
            let held = |n: u128| i64::try_from(n).unwrap_or(i64::MAX);
            prop_assert_eq!(charge.settle().nano(), held(quotient + u128::from(remainder >= 500_000)));
            prop_assert_eq!(charge.reserve().nano(), held(quotient + u128::from(remainder > 0)));
            prop_assert!(charge.reserve() >= charge.settle());
        }

        #[test]
        fn sums_never_wrap(a in any::<i64>(), b in any::<i64>()) {
            let (x, y) = (Nano::from_nano(a), Nano::from_nano(b));
            let sum = (i128::from(a) + i128::from(b)).clamp(i128::from(i64::MIN), i128::from(i64::MAX));
            prop_assert_eq!(i128::from(x.saturating_add(y).nano()), sum);
            prop_assert_eq!(x.checked_add(y).map(Nano::nano), a.checked_add(b));
            prop_assert_eq!(x.checked_sub(y).map(Nano::nano), a.checked_sub(b));
        }
    }
}
