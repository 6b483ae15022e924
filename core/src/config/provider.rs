//! Settings of one provider.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::auth::Secret;
use crate::provider::openai::Dialect;

/// A provider to send requests to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderConfig {
    /// The protocol it speaks. Known by the name for the built-in providers.
    pub kind: Option<ProviderKind>,
    /// Its dialect of OpenAI's protocol, as `groq`. Known by the name for the built-in providers.
    pub dialect: Option<String>,
    /// Where it is, up to and with the version: `https://api.openai.com/v1`. Ollama's has none.
    pub base_url: Option<String>,
    /// Azure's dated version of its API, as `2024-10-21`: with one, each deployment has a path of its own.
    pub api_version: Option<String>,
    /// Our key.
    pub api_key: Option<Secret>,
    /// The environment variable that holds our key.
    pub api_key_env: Option<String>,
    /// Several keys, taken in turn by weight; one that the provider refuses rests. `api_key` is one more of weight 1.
    pub api_keys: Vec<PooledKey>,
    /// Headers to send with every request.
    pub headers: BTreeMap<String, String>,
    /// Models to route here beyond the price table's.
    pub models: Vec<String>,
    /// Its prices, where the built-in tables do not know them.
    pub price: Option<ProviderPrice>,
    /// Whether it runs on this machine or network: what the failover modes call local. Ollama and the
    /// servers one runs oneself (`vllm` …) do unless set otherwise, all others do not.
    pub local: Option<bool>,
}

impl ProviderConfig {
    /// The dialect of the provider called `name`: the one that is set, else the built-in one of that name.
    pub(crate) fn dialect_of(&self, name: &str) -> Option<&'static Dialect> {
        Dialect::named(self.dialect.as_deref().unwrap_or(name))
    }
}

/// One of several keys.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PooledKey {
    /// The key.
    #[serde(default)]
    pub key: Option<Secret>,
    /// The environment variable that holds it.
    #[serde(default)]
    pub env: Option<String>,
    /// Its share of the calls, from 1.
    #[serde(default = "one")]
    pub weight: u32,
}

fn one() -> u32 {
    1
}

/// The protocol a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// Google's `generateContent`.
    Gemini,
    /// OpenAI's chat completions.
    Openai,
    /// Ollama's own. Its models are found by asking it, and cost nothing unless a price says otherwise.
    Ollama,
}

/// A provider's prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderPrice {
    /// All its models cost nothing.
    Free,
}
