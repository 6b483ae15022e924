//! Settings of one provider.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::auth::Secret;

/// A provider to send requests to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderConfig {
    /// The protocol it speaks. Known by the name for the built-in providers.
    pub kind: Option<ProviderKind>,
    /// Where it is, up to and with the version: `https://api.openai.com/v1`.
    pub base_url: Option<String>,
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
    /// Whether it runs on this machine or network: what the failover modes call local.
    pub local: bool,
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
    /// OpenAI's chat completions.
    Openai,
}

/// A provider's prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderPrice {
    /// All its models cost nothing.
    Free,
}
