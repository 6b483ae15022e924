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
    /// Headers to send with every request.
    pub headers: BTreeMap<String, String>,
    /// Models to route here beyond the price table's.
    pub models: Vec<String>,
    /// Its prices, where the built-in tables do not know them.
    pub price: Option<ProviderPrice>,
    /// Whether it runs on this machine or network: what the failover modes call local.
    pub local: bool,
}

/// The protocol a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// OpenAI's chat completions.
    Openai,
    /// Anthropic's messages.
    Anthropic,
}

/// A provider's prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderPrice {
    /// All its models cost nothing.
    Free,
}
