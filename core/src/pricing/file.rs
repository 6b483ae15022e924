//! The format of a price file.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::bill::{Price, Rates};
use super::peak::{Hours, Tariff};
use super::table::{Kind, PricingError, Tier};
use crate::money::PerMillion;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceFile {
    pub(super) provider: String,
    pub(super) source: String,
    pub(super) checked: String,
    pub(super) model: Vec<ModelEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelEntry {
    pub(super) name: String,
    #[serde(default)]
    pub(super) aliases: Vec<String>,
    pub(super) kind: Kind,
    pub(super) tier: Tier,
    pub(super) context_window: u64,
    #[serde(default)]
    pub(super) max_output_tokens: u64,
    #[serde(default)]
    pub(super) reasoning: bool,
    #[serde(default)]
    pub(super) covers_dated: bool,
    pub(super) price: Vec<PriceEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceEntry {
    effective: String,
    input: PerMillion,
    cached_input: Option<PerMillion>,
    cache_write: Option<PerMillion>,
    cache_write_1h: Option<PerMillion>,
    output: Option<PerMillion>,
    audio_input: Option<PerMillion>,
    audio_output: Option<PerMillion>,
    #[serde(default)]
    above: Vec<AboveEntry>,
    peak: Option<PeakEntry>,
}

/// Rates of some hours.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PeakEntry {
    hours: Vec<String>,
    input: PerMillion,
    cached_input: Option<PerMillion>,
    output: PerMillion,
}

impl PeakEntry {
    fn tariff(&self) -> Option<(Hours, Price)> {
        let rates = Rates {
            input: self.input,
            cached_input: self.cached_input,
            output: self.output,
            ..Rates::default()
        };
        Some((Hours::read(&self.hours)?, Price::flat(rates)))
    }
}

/// Rates of one tier, as written in configuration and price files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AboveEntry {
    pub(super) prompt_tokens: u64,
    pub(super) input: PerMillion,
    pub(super) cached_input: Option<PerMillion>,
    pub(super) cache_write: Option<PerMillion>,
    pub(super) cache_write_1h: Option<PerMillion>,
    pub(super) output: Option<PerMillion>,
    pub(super) audio_input: Option<PerMillion>,
    pub(super) audio_output: Option<PerMillion>,
}

impl AboveEntry {
    pub(super) fn rates(&self) -> Rates {
        Rates {
            input: self.input,
            cached_input: self.cached_input,
            cache_write: self.cache_write,
            cache_write_1h: self.cache_write_1h,
            output: self.output.unwrap_or_default(),
            audio_input: self.audio_input,
            audio_output: self.audio_output,
        }
    }
}

impl ModelEntry {
    /// The prices with the unix time in ms from which each holds, oldest first.
    pub(super) fn prices(&self) -> Result<Vec<(i64, Tariff)>, PricingError> {
        let fault = |what: &str| PricingError::Model { model: self.name.clone(), what: what.to_owned() };
        let mut prices = Vec::with_capacity(self.price.len());
        for entry in &self.price {
            let complete = entry.output.is_some() && entry.above.iter().all(|tier| tier.output.is_some());
            if self.kind == Kind::Chat && !complete {
                return Err(fault("a chat model needs an output price"));
            }
            let from =
                start_of(&entry.effective).ok_or_else(|| fault("`effective` is not a date YYYY-MM-DD"))?;
            let peak = match &entry.peak {
                // Two ways to differ at once would need a rule for where they meet.
                Some(_) if !entry.above.is_empty() => {
                    return Err(fault("has rates for long prompts and for hours; only one is possible"));
                }
                Some(peak) => {
                    let spans = "`hours` of `peak` are not spans as 01:00-04:00";
                    Some(peak.tariff().ok_or_else(|| fault(spans))?)
                }
                None => None,
            };
            prices.push((from, Tariff { price: entry.price(), peak }));
        }
        if prices.is_empty() {
            return Err(fault("has no price"));
        }
        if !prices.is_sorted_by(|(earlier, _), (later, _)| earlier < later) {
            return Err(fault("prices must be in order of their dates"));
        }
        Ok(prices)
    }
}

impl PriceEntry {
    fn price(&self) -> Price {
        let base = Rates {
            input: self.input,
            cached_input: self.cached_input,
            cache_write: self.cache_write,
            cache_write_1h: self.cache_write_1h,
            output: self.output.unwrap_or_default(),
            audio_input: self.audio_input,
            audio_output: self.audio_output,
        };
        self.above
            .iter()
            .fold(Price::flat(base), |price, tier| price.with_above(tier.prompt_tokens, tier.rates()))
    }
}

/// Midnight UTC of a date, in unix ms.
fn start_of(date: &str) -> Option<i64> {
    let date: Date = date.parse().ok()?;
    Some(TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_millisecond())
}
