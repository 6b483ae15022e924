//! What the gateway did for an answer: the `lockgate` object.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::extra::Raw;
use super::object::object;

/// An amount of money, written as a JSON number of US dollars that is exact to the nano-dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd {
    /// Billionths of a US dollar.
    pub nano: i64,
}

impl Usd {
    /// The number, without an exponent and without trailing zeros: `0.00042`, `-1.5`, `3`.
    #[must_use]
    pub fn to_decimal(self) -> String {
        let sign = if self.nano < 0 { "-" } else { "" };
        let (whole, part) =
            (self.nano.unsigned_abs() / 1_000_000_000, self.nano.unsigned_abs() % 1_000_000_000);
        if part == 0 {
            return format!("{sign}{whole}");
        }
        format!("{sign}{whole}.{part:09}").trim_end_matches('0').to_owned()
    }

    /// Reads a number as [`Usd::to_decimal`] writes it.
    fn from_decimal(text: &str) -> Option<Usd> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        if part.len() > 9 || !part.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let part: i64 = format!("{part:0<9}").parse().ok()?;
        let nano = whole.parse::<i64>().ok()?.checked_mul(1_000_000_000)?.checked_add(part)?;
        Some(Usd { nano: if negative { nano.checked_neg()? } else { nano } })
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Through text: an f64 would print 0.1 + 0.2 as what it is.
        Raw::parse(self.to_decimal()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Usd, D::Error> {
        let raw = Raw::deserialize(deserializer)?;
        Usd::from_decimal(raw.get()).ok_or_else(|| {
            serde::de::Error::custom(format_args!("{} is not an amount of US dollars", raw.get()))
        })
    }
}

object! {
    /// What the gateway did for an answer.
    pub struct Metadata {
        /// What it cost, in US dollars; none where the price is not known.
        nul cost_usd: Usd = "cost_usd",
        /// What it cost, in billionths of a US dollar.
        nul cost_nano_usd: i64 = "cost_nano_usd",
        /// From arrival to the end of the answer, in milliseconds.
        def latency_ms: u64 = "latency_ms" or 0,
        /// How old the answer is, in milliseconds, where it was asked in other words.
        opt age_ms: u64 = "age_ms",
        /// The provider that answered.
        nul provider: String = "provider",
        /// The model that answered.
        nul model: String = "model",
        /// `miss`, `exact`, `semantic` or `coalesced`.
        def cache: String = "cache" or "miss".to_owned(),
        /// The gateway's id of the request.
        def request_id: String = "request_id" or String::new(),
        /// What was changed or left out, for people.
        def warnings: Vec<String> = "warnings" or Vec::new(),
        /// What was tried: `openai/gpt-4o=429,…`.
        opt attempts: String = "attempts",
        /// The model asked for, where a cheaper one was used because of a cap.
        opt downgraded_from: String = "downgraded_from",
        /// Cosine similarity of a semantic hit.
        opt similarity: f32 = "similarity",
        /// What was decided, and why, where the caller asked.
        opt explain: Raw = "explain",
        /// What a cache hit saved, in US dollars.
        opt saved_usd: Usd = "saved_usd",
    }
}

impl Metadata {
    /// Sets the cost, in billionths of a US dollar; none where the price is not known.
    pub fn set_cost(&mut self, nano: Option<i64>) {
        self.cost_usd = nano.map(|nano| Usd { nano });
        self.cost_nano_usd = nano;
    }
}
