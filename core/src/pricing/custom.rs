//! Prices from configuration.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::bill::{Price, Rates};
use super::file::AboveEntry;
use super::table::{Kind, Tier};
use crate::money::PerMillion;

/// A price that configuration adds to the tables or puts in place of theirs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceOverride {
    /// The provider's name in this configuration.
    pub provider: String,
    /// The model, word for word; without it the price holds for every model of the provider that has no other.
    pub model: Option<String>,
    /// The price, from all time.
    pub price: CustomPrice,
    /// What the model does; default chat.
    pub kind: Option<Kind>,
    /// Where it stands for failover; default balanced.
    pub tier: Option<Tier>,
    /// Prompt and completion tokens together, if known.
    pub context_window: Option<u64>,
    /// The most tokens of one completion, if known.
    pub max_output_tokens: Option<u64>,
    /// The model takes `max_completion_tokens` and not `max_tokens`; default false.
    pub reasoning: Option<bool>,
}

impl PriceOverride {
    /// One price for every model of `provider` that has no other.
    pub fn provider(provider: impl Into<String>, price: CustomPrice) -> PriceOverride {
        PriceOverride {
            provider: provider.into(),
            model: None,
            price,
            kind: None,
            tier: None,
            context_window: None,
            max_output_tokens: None,
            reasoning: None,
        }
    }
}

/// A price in configuration: `"free"`, or a table of USD per 1M tokens such as `{ input = "0.50", output = "1.50" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomPrice(pub Price);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RatesTable {
    input: PerMillion,
    cached_input: Option<PerMillion>,
    cache_write: Option<PerMillion>,
    cache_write_1h: Option<PerMillion>,
    #[serde(default)]
    output: PerMillion,
    audio_input: Option<PerMillion>,
    audio_output: Option<PerMillion>,
    #[serde(default)]
    above: Vec<AboveEntry>,
}

impl<'de> Deserialize<'de> for CustomPrice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<CustomPrice, D::Error> {
        deserializer.deserialize_any(PriceVisitor)
    }
}

struct PriceVisitor;

impl<'de> Visitor<'de> for PriceVisitor {
    type Value = CustomPrice;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "\"free\", or a table of USD per 1M tokens such as { input = \"0.50\", output = \"1.50\" }",
        )
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<CustomPrice, E> {
        match word {
            "free" => Ok(CustomPrice(Price::free())),
            other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<CustomPrice, A::Error> {
        let table = RatesTable::deserialize(MapAccessDeserializer::new(map))?;
        let base = Rates {
            input: table.input,
            cached_input: table.cached_input,
            cache_write: table.cache_write,
            cache_write_1h: table.cache_write_1h,
            output: table.output,
            audio_input: table.audio_input,
            audio_output: table.audio_output,
        };
        let price = Price::flat(base);
        Ok(CustomPrice(
            table.above.iter().fold(price, |price, tier| price.with_above(tier.prompt_tokens, tier.rates())),
        ))
    }
}
