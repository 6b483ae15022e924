//! Settings of the way to a provider: who may stand in, how often to try, when to leave a provider alone.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Error, Result};
use crate::pricing::Tier;

/// How requests find a provider that answers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Routing {
    /// How often the whole plan is gone through again when nobody answered and waiting may help.
    pub retries: u32,
    /// Wait before going through the plan again, in milliseconds; doubled each time, and jittered between half and all
    /// of it. A provider's `Retry-After` takes its place.
    pub backoff_ms: u64,
    /// Longest wait, in milliseconds. A provider that asks for more is not waited for.
    pub longest_wait_ms: u64,
    /// Which models may stand in for others.
    pub substitute: Substitute,
    /// Stand-ins by the model asked for, tried in order after it.
    pub chains: BTreeMap<String, Chain>,
    /// The model of each tier by provider: what a tier's substitute is. Laid over the built-in table.
    pub tiers: BTreeMap<String, BTreeMap<Tier, String>>,
    /// When a provider's model is left alone.
    pub breaker: Breaker,
    /// What becomes of a call whose callers have all left.
    pub on_disconnect: OnDisconnect,
    /// How long a call goes on without callers, where `on_disconnect` is `drain`, in milliseconds.
    pub drain_ms: u64,
}

impl Default for Routing {
    fn default() -> Routing {
        Routing {
            retries: 2,
            backoff_ms: 250,
            longest_wait_ms: 10_000,
            substitute: Substitute::default(),
            chains: BTreeMap::new(),
            tiers: BTreeMap::new(),
            breaker: Breaker::default(),
            on_disconnect: OnDisconnect::default(),
            drain_ms: 30_000,
        }
    }
}

/// Which models may stand in for the one asked for, when no provider of it answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Substitute {
    /// None.
    Never,
    /// Those of a chain.
    #[default]
    Chain,
    /// Those of a chain, then the models of the same tier at the other configured providers.
    Tier,
}

/// Stand-ins for a model: a list of names, or `{ models = […], cache_substitutes = true }`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// Names as a caller would write them, `provider/model` among them.
    pub models: Vec<String>,
    /// Whether their answers are kept in the exact cache as answers to the request.
    pub cache_substitutes: bool,
}

impl<'de> Deserialize<'de> for Chain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Chain, D::Error> {
        struct Union;

        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            models: Vec<String>,
            #[serde(default)]
            cache_substitutes: bool,
        }

        impl<'de> Visitor<'de> for Union {
            type Value = Chain;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of models, or a table with models and cache_substitutes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Chain, A::Error> {
                let mut models = Vec::new();
                while let Some(model) = seq.next_element()? {
                    models.push(model);
                }
                Ok(Chain { models, cache_substitutes: false })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Chain, A::Error> {
                let Table { models, cache_substitutes } =
                    Table::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(Chain { models, cache_substitutes })
            }
        }

        deserializer.deserialize_any(Union)
    }
}

/// When a provider's model that fails is left alone: it goes to the end of the plan until a probe succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Breaker {
    /// Failures in a row; 0 = never.
    pub failures: u32,
    /// For how long, in milliseconds; doubled each time a probe fails.
    pub open_ms: u64,
    /// For how long at most, in milliseconds.
    pub longest_open_ms: u64,
}

impl Default for Breaker {
    fn default() -> Breaker {
        Breaker { failures: 5, open_ms: 10_000, longest_open_ms: 120_000 }
    }
}

/// What becomes of a call to a provider when nobody waits for its answer any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDisconnect {
    /// It is ended; what was read is billed.
    #[default]
    Abort,
    /// It goes on for a while, so that the provider's own usage is billed and the answer kept.
    Drain,
}

impl Routing {
    /// How long a call goes on when nobody waits for it any more; none: it is ended at once.
    pub(crate) fn drain(&self) -> Option<Duration> {
        match self.on_disconnect {
            OnDisconnect::Abort => None,
            OnDisconnect::Drain => Some(Duration::from_millis(self.drain_ms)),
        }
    }

    pub(super) fn validate(&self) -> Result<()> {
        const MOST_RETRIES: u32 = 10;
        if self.retries > MOST_RETRIES {
            let allowed = format!("must be at most {MOST_RETRIES}");
            return Err(Error::config("routing.retries", self.retries, allowed));
        }
        for (key, value) in [("routing.backoff_ms", self.backoff_ms), ("routing.drain_ms", self.drain_ms)] {
            if value == 0 {
                return Err(Error::config(key, 0, "must be at least 1 millisecond"));
            }
        }
        if self.breaker.open_ms == 0 || self.breaker.open_ms > self.breaker.longest_open_ms {
            let allowed = "must be at least 1 millisecond, and at most routing.breaker.longest_open_ms";
            return Err(Error::config("routing.breaker.open_ms", self.breaker.open_ms, allowed));
        }
        validate_chains("routing.chains", &self.chains)
    }
}

/// Checks chains; `at` is where they stand.
pub(crate) fn validate_chains(at: &str, chains: &BTreeMap<String, Chain>) -> Result<()> {
    for (model, chain) in chains {
        let key = format!("{at}.{model}");
        if chain.models.is_empty() {
            return Err(Error::config(&key, "[]", "must name at least one model"));
        }
        if let Some(bad) = chain.models.iter().find(|name| name.is_empty() || *name == model) {
            return Err(Error::config(&key, format!("{bad:?}"), "must name other models"));
        }
    }
    Ok(())
}
