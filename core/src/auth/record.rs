//! The records that administration writes and every request reads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{KeyHash, Secret};
use crate::cache::semantic::SemanticSettings;
use crate::clock::Millis;
use crate::config::{Chain, Substitute};
use crate::ids::{CustomerId, KeyId, ProjectId};
use crate::limits::Rates;
use crate::money::{Nano, usd_opt};

/// A project.
#[derive(Debug, Clone, Serialize)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Its name, unique in the store: 1 to 64 of `a-z 0-9 - _`.
    pub name: String,
    /// Moves up with every change to the project, its keys or its customers.
    pub rev: u64,
    /// When it was made.
    pub created_at: Millis,
    /// Moves up with every purge of its caches.
    pub cache_epoch: u64,
    /// What was set.
    pub settings: ProjectSettings,
}

/// What can be set on a project. Absent = the default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProjectSettings {
    /// Most to spend in a month, UTC.
    #[serde(with = "usd_opt")]
    pub monthly_cap: Option<Nano>,
    /// Refuse requests that name no customer.
    pub require_customer: bool,
    /// Limits of customers that have no row of their own.
    pub customer_defaults: CustomerLimits,
    /// Cheaper model for customers whose `on_limit` is `downgrade`: requested model → model.
    pub downgrade: BTreeMap<String, String>,
    /// Use the downgrade table also when a cap of the project or of a key is reached.
    pub downgrade_on_cap: bool,
    /// Output tokens to reserve for a request that sets no maximum. Default 4096.
    pub default_output_tokens: Option<u32>,
    /// Whether the reserved maximum is also sent upstream.
    pub cap_mode: CapMode,
    /// The exact cache.
    pub cache: CacheSettings,
    /// The semantic cache.
    #[serde(skip_serializing_if = "is_default")]
    pub semantic: SemanticSettings,
    /// What to do while a store is away.
    pub on_store_loss: OnStoreLoss,
    /// The only models this project may ask for; absent = all.
    pub models: Option<Vec<String>>,
    /// The only providers this project's requests may go to; absent = all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub providers: Option<Vec<String>>,
    /// Which models may stand in for others; absent = as the gateway is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub substitute: Option<Substitute>,
    /// Stand-ins by the model asked for, in place of the gateway's for that model.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub chains: BTreeMap<String, Chain>,
    /// The project's own provider keys, by provider.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub provider_keys: BTreeMap<String, Secret>,
}

/// Left out where it is stored and listed: what is not set is the default.
fn is_default(settings: &SemanticSettings) -> bool {
    *settings == SemanticSettings::default()
}

/// How a cap treats requests that set no maximum of output tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapMode {
    /// Reserve the default; what goes beyond is debt that blocks the next request.
    #[default]
    Estimate,
    /// Reserve the default and send it upstream as the maximum, so that the cap is never passed.
    Strict,
}

/// The exact cache of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheSettings {
    /// Whether equal requests get the stored answer.
    pub enabled: bool,
    /// How long an answer is kept, in seconds.
    pub ttl_seconds: u32,
    /// Whether equal requests that are under way share one call also across processes that share their limits.
    pub share_calls: bool,
}

impl Default for CacheSettings {
    fn default() -> CacheSettings {
        CacheSettings { enabled: true, ttl_seconds: 3600, share_calls: false }
    }
}

/// What to do while a store is away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnStoreLoss {
    /// Refuse.
    #[default]
    Closed,
    /// Serve and count later.
    Open,
    /// Spend at most what this process holds in advance.
    Lease,
}

/// A gateway key as stored.
#[derive(Debug, Clone, Serialize)]
pub struct Key {
    /// Its id.
    pub id: KeyId,
    /// Its project.
    pub project: ProjectId,
    /// A name for people.
    pub name: String,
    /// The first characters of the key in clear.
    pub hint: String,
    /// What is stored of the key itself.
    #[serde(skip)]
    pub hash: KeyHash,
    /// Its rate limits.
    pub rates: Rates,
    /// Most to spend in a month, UTC.
    #[serde(with = "usd_opt")]
    pub monthly_cap: Option<Nano>,
    /// The only models it may ask for; absent = all.
    pub models: Option<Vec<String>>,
    /// The customer all its requests belong to.
    pub customer: Option<CustomerId>,
    /// When it was made.
    pub created_at: Millis,
    /// After this it is refused.
    pub expires_at: Option<Millis>,
    /// Since when it is refused.
    pub revoked_at: Option<Millis>,
    /// The first key of the line it replaces: rates, slots and spend of the whole line are counted on that one.
    pub rotated_from: Option<KeyId>,
}

impl Key {
    /// The key that this one's limits are counted on.
    #[must_use]
    pub fn account(&self) -> KeyId {
        self.rotated_from.unwrap_or(self.id)
    }
}

/// Limits of a customer. Absent = none, 0 = nothing allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CustomerLimits {
    /// Most to spend in a day, UTC.
    #[serde(skip_serializing_if = "Option::is_none", with = "usd_opt")]
    pub daily_cap: Option<Nano>,
    /// Most to spend in a month, UTC.
    #[serde(skip_serializing_if = "Option::is_none", with = "usd_opt")]
    pub monthly_cap: Option<Nano>,
    /// Most that one request may be estimated at.
    #[serde(skip_serializing_if = "Option::is_none", with = "usd_opt")]
    pub per_request_cap: Option<Nano>,
    /// What to do when one of them is reached.
    pub on_limit: OnLimit,
}

/// What to do when a customer's limit is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnLimit {
    /// Refuse.
    #[default]
    Block,
    /// Try the cheaper model of the project's downgrade table.
    Downgrade,
}

/// A customer with limits of its own.
#[derive(Debug, Clone, Serialize)]
pub struct Customer {
    /// Its project.
    pub project: ProjectId,
    /// The caller's name for it.
    pub id: CustomerId,
    /// Its limits, in place of the project's defaults.
    pub limits: CustomerLimits,
    /// When it was last set.
    pub updated_at: Millis,
}
