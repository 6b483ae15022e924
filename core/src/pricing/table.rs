//! Models and their prices by provider, name and time.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

use super::bill::Price;
use super::custom::PriceOverride;
use super::file::{ModelEntry, PriceFile};
use super::peak::Tariff;

const FILES: [(&str, &str); 10] = [
    ("openai.toml", include_str!("../../pricing/openai.toml")),
    ("anthropic.toml", include_str!("../../pricing/anthropic.toml")),
    ("gemini.toml", include_str!("../../pricing/gemini.toml")),
    ("cerebras.toml", include_str!("../../pricing/cerebras.toml")),
    ("deepseek.toml", include_str!("../../pricing/deepseek.toml")),
    ("fireworks.toml", include_str!("../../pricing/fireworks.toml")),
    ("groq.toml", include_str!("../../pricing/groq.toml")),
    ("mistral.toml", include_str!("../../pricing/mistral.toml")),
    ("together.toml", include_str!("../../pricing/together.toml")),
    ("xai.toml", include_str!("../../pricing/xai.toml")),
];

static BUILTIN: LazyLock<Result<PriceTable, PricingError>> = LazyLock::new(|| PriceTable::parse(&FILES));

/// Why a price table does not load.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PricingError {
    /// Not TOML, or not of the format.
    #[error("price file {file}: {message}")]
    Format {
        /// The file's name.
        file: String,
        /// What the parser said.
        message: String,
    },
    /// A model's entry contradicts itself or another.
    #[error("price of model `{model}`: {what}")]
    Model {
        /// The model.
        model: String,
        /// What is wrong.
        what: String,
    },
}

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Answers messages.
    Chat,
    /// Turns text into vectors.
    Embedding,
}

/// Where a model stands in its provider's range; failover stays within a tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// The most capable.
    Flagship,
    /// Capability against cost.
    Balanced,
    /// The cheapest.
    Budget,
}

/// What is known of a model besides its price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    /// The provider's name.
    pub provider: String,
    /// The model's name.
    pub name: String,
    /// Other names of the same model, dated pins among them.
    pub aliases: Vec<String>,
    /// What it does.
    pub kind: Kind,
    /// Where it stands.
    pub tier: Tier,
    /// Prompt and completion tokens together; `None` if not known.
    pub context_window: Option<u64>,
    /// The most tokens of one completion; `None` if not known or none.
    pub max_output_tokens: Option<u64>,
    /// It takes `max_completion_tokens` and not `max_tokens`.
    pub reasoning: bool,
    /// A dated pin `<name>-YYYY-MM-DD` or `<name>-YYYYMMDD` that has no entry of its own costs the same.
    pub covers_dated: bool,
}

#[derive(Debug, Clone)]
struct Model {
    info: ModelInfo,
    /// From unix ms, ascending.
    prices: Vec<(i64, Tariff)>,
}

#[derive(Debug, Clone, Default)]
struct Provider {
    models: BTreeMap<String, Arc<Model>>,
    /// Alias → name.
    aliases: BTreeMap<String, String>,
    /// Price of models without an entry.
    any: Option<Price>,
}

/// Prices and facts of models, by provider.
#[derive(Debug, Clone, Default)]
pub struct PriceTable {
    providers: BTreeMap<String, Provider>,
}

impl PriceTable {
    /// The tables of this release, parsed once.
    pub fn builtin() -> Result<&'static PriceTable, PricingError> {
        BUILTIN.as_ref().map_err(Clone::clone)
    }

    fn parse(files: &[(&str, &str)]) -> Result<PriceTable, PricingError> {
        let mut table = PriceTable::default();
        for (file, text) in files {
            let format = |message: String| PricingError::Format { file: (*file).to_owned(), message };
            let parsed: PriceFile = toml::from_str(text).map_err(|e| format(e.to_string()))?;
            if !parsed.source.starts_with("https://") || parsed.checked.parse::<jiff::civil::Date>().is_err()
            {
                return Err(format("needs `source` (a URL) and `checked` (a date)".to_owned()));
            }
            let provider = table.providers.entry(parsed.provider.clone()).or_default();
            for entry in parsed.model {
                provider.add(&parsed.provider, entry)?;
            }
        }
        Ok(table)
    }

    /// This table with `overrides` put over it, later ones over earlier ones.
    pub fn with_overrides(&self, overrides: &[PriceOverride]) -> PriceTable {
        let mut table = self.clone();
        for entry in overrides {
            table.providers.entry(entry.provider.clone()).or_default().put(entry);
        }
        table
    }

    /// The price of `model` at `provider` for a request made at unix time `at` in ms; `None` if unknown. A model's
    /// first price also holds for all time before its date.
    pub fn price(&self, provider: &str, model: &str, at: i64) -> Option<&Price> {
        let provider = self.providers.get(provider)?;
        match provider.find(model) {
            Some(model) => {
                let current = model.prices.iter().rev().find(|(from, _)| *from <= at);
                current.or_else(|| model.prices.first()).map(|(_, tariff)| tariff.at(at))
            }
            None => provider.any.as_ref(),
        }
    }

    /// Whether `model` is the name or an alias of one of the provider's models, word for word.
    pub fn names(&self, provider: &str, model: &str) -> bool {
        self.providers.get(provider).is_some_and(|provider| provider.named(model).is_some())
    }

    /// What is known of `model` at `provider`, found by name, alias or dated pin.
    pub fn model(&self, provider: &str, model: &str) -> Option<&ModelInfo> {
        self.providers.get(provider)?.find(model).map(|model| &model.info)
    }

    /// The models of a provider in order of name; none for an unknown provider.
    pub fn models(&self, provider: &str) -> impl Iterator<Item = &ModelInfo> {
        self.providers.get(provider).into_iter().flat_map(|p| p.models.values().map(|model| &model.info))
    }

    /// The providers that have prices, in order of name.
    pub fn providers(&self) -> impl Iterator<Item = &str> {
        self.providers.keys().map(String::as_str)
    }
}

impl Provider {
    fn find(&self, model: &str) -> Option<&Model> {
        self.named(model).or_else(|| {
            let base = self.named(undated(model)?)?;
            base.info.covers_dated.then_some(base)
        })
    }

    fn named(&self, model: &str) -> Option<&Model> {
        let name = self.aliases.get(model).map_or(model, String::as_str);
        self.models.get(name).map(Arc::as_ref)
    }

    fn add(&mut self, provider: &str, entry: ModelEntry) -> Result<(), PricingError> {
        let prices = entry.prices()?;
        for name in entry.aliases.iter().chain([&entry.name]) {
            if self.named(name).is_some() {
                return Err(PricingError::Model { model: name.clone(), what: "is named twice".to_owned() });
            }
        }
        for alias in &entry.aliases {
            self.aliases.insert(alias.clone(), entry.name.clone());
        }
        let info = ModelInfo {
            provider: provider.to_owned(),
            name: entry.name.clone(),
            aliases: entry.aliases,
            kind: entry.kind,
            tier: entry.tier,
            context_window: Some(entry.context_window),
            max_output_tokens: Some(entry.max_output_tokens).filter(|most| *most > 0),
            reasoning: entry.reasoning,
            covers_dated: entry.covers_dated,
        };
        self.models.insert(entry.name, Arc::new(Model { info, prices }));
        Ok(())
    }

    fn put(&mut self, entry: &PriceOverride) {
        let Some(name) = &entry.model else {
            self.any = Some(entry.price.0.clone());
            return;
        };
        let known = self.find(name).map(|model| model.info.clone());
        let same_name = known.as_ref().is_some_and(|info| info.name == *name);
        let mut info = known.unwrap_or_else(|| ModelInfo {
            provider: entry.provider.clone(),
            name: String::new(),
            aliases: Vec::new(),
            kind: Kind::Chat,
            tier: Tier::Balanced,
            context_window: None,
            max_output_tokens: None,
            reasoning: false,
            covers_dated: false,
        });
        if !same_name {
            // An alias or pin priced on its own becomes a model of its own; the others keep the old price.
            self.aliases.remove(name);
            info.name.clone_from(name);
            info.aliases.clear();
            info.covers_dated = false;
        }
        info.kind = entry.kind.unwrap_or(info.kind);
        info.tier = entry.tier.unwrap_or(info.tier);
        info.context_window = entry.context_window.or(info.context_window);
        info.max_output_tokens = entry.max_output_tokens.or(info.max_output_tokens);
        info.reasoning = entry.reasoning.unwrap_or(info.reasoning);
        let prices = vec![(i64::MIN, Tariff::flat(entry.price.0.clone()))];
        self.models.insert(name.clone(), Arc::new(Model { info, prices }));
    }
}

/// The name before a `-YYYY-MM-DD` or `-YYYYMMDD` suffix.
fn undated(model: &str) -> Option<&str> {
    let date_of = |digits: &str| {
        let number = |range: std::ops::Range<usize>| digits.get(range)?.parse::<u32>().ok();
        let plausible = digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit());
        let date = (number(0..4)?, number(4..6)?, number(6..8)?);
        (plausible && date.0 >= 2020 && (1..=12).contains(&date.1) && (1..=31).contains(&date.2))
            .then_some(())
    };
    let (head, tail) = model.rsplit_once('-')?;
    if tail.len() == 8 {
        return date_of(tail).map(|()| head);
    }
    let (head, month) = head.rsplit_once('-')?;
    let (head, year) = head.rsplit_once('-')?;
    (year.len() == 4 && month.len() == 2 && tail.len() == 2).then_some(())?;
    date_of(&format!("{year}{month}{tail}")).map(|()| head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dated_suffixes() {
        assert_eq!(undated("gpt-4o-2024-08-06"), Some("gpt-4o"));
        assert_eq!(undated("claude-opus-4-1-20250805"), Some("claude-opus-4-1"));
        for model in [
            "gpt-4o",
            "gpt-4o-2024-13-06",
            "gpt-4o-2024-8-6",
            "x-12345678",
            "2024-08-06",
            "20240806",
            "",
            "-",
        ] {
            assert_eq!(undated(model), None, "{model}");
        }
    }

    #[test]
    fn faulty_files_are_refused() {
        let head = "provider = \"x\"\nsource = \"https://example.com\"\nchecked = \"2026-11-01\"\n";
        let model = "[[model]]\nname = \"m\"\nkind = \"chat\"\ntier = \"budget\"\ncontext_window = 1\n";
        let parse = |text: String| PriceTable::parse(&[("x.toml", &text)]);
        let price = "[[model.price]]\neffective = \"2026-01-01\"\ninput = \"1\"\noutput = \"2\"\n";
        assert!(parse(format!("{head}{model}{price}")).is_ok());
        for (what, text) in [
            ("no source", format!("{}{model}{price}", head.replace("https://", "at "))),
            ("no date", format!("{}{model}{price}", head.replace("2026-11-01", "lately"))),
            ("unknown key", format!("{head}{model}colour = 1\n{price}")),
            ("named twice", format!("{head}{model}{price}{model}{price}")),
            ("no price", format!("{head}{model}price = []\n")),
            ("no output", format!("{head}{model}{}", price.replace("output = \"2\"", ""))),
            ("bad day", format!("{head}{model}{}", price.replace("01-01", "02-30"))),
            ("out of order", format!("{head}{model}{price}{price}")),
            ("bad rate", format!("{head}{model}{}", price.replace("\"1\"", "\"one\""))),
            (
                "bad hours",
                format!(
                    "{head}{model}{price}[model.price.peak]\nhours = [\"1-2\"]\ninput = \"2\"\noutput = \"4\"\n"
                ),
            ),
        ] {
            assert!(parse(text).is_err(), "{what}");
        }
    }
}
