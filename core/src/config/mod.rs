//! Settings. Layers: explicit argument > environment > file > default. A wrong setting is an error at start that
//! names the key, the value and what is allowed.

mod embedder;
mod environment;
mod layers;
mod provider;
mod redis;
mod routing;
mod url;
mod validate;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use embedder::{EmbedderConfig, EmbedderKind};
pub use environment::{Environment, compatible_variables, key_variables};
pub use layers::Layers;
pub use provider::{PooledKey, ProviderConfig, ProviderKind, ProviderPrice};
pub(crate) use routing::validate_chains;
pub use routing::{Breaker, Chain, OnDisconnect, Routing, Substitute};
pub use url::StoreUrl;
pub(crate) use validate::check_cap;

use crate::auth::{ProjectSettings, Secret};
use crate::limits::Rates;
use crate::pricing::PriceOverride;
use crate::settle::{ExpiredReservations, SpoolFsync};

/// All settings, validated.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where projects, keys and the ledger live: `memory`, `sqlite://PATH` or `postgres://…`. Absent: memory.
    pub store: Option<StoreUrl>,
    /// Several processes share the SQLite store: every admit and settle becomes one transaction.
    pub shared: bool,
    /// Where limits, reservations and the hot cache live that several processes share: `redis://…` or
    /// `redis-cluster://…`. Absent: with the store.
    pub redis: Option<Secret>,
    /// What all keys in Redis begin with.
    pub redis_prefix: String,
    /// Longest wait for an answer of Redis's, in milliseconds.
    pub redis_timeout_ms: u64,
    /// This is the only gateway on the Postgres store: limits are kept in its memory.
    pub single_process: bool,
    /// Folder of the spool. Default: `PATH-spool` beside the SQLite file, `lockgate-spool` with Postgres.
    pub state_dir: Option<PathBuf>,
    /// When the spool is forced to disk.
    pub spool_fsync: SpoolFsync,
    /// What becomes of reservations whose process died.
    pub expired_reservations: ExpiredReservations,
    /// Address the server listens on.
    pub listen: String,
    /// Whether a call needs a gateway key.
    pub auth: AuthMode,
    /// Memory for the hot tier of the exact cache, in bytes.
    pub cache_bytes: u64,
    /// Most that the cached answers in the store may take, in bytes.
    pub warm_cache_bytes: u64,
    /// Most that the questions of the semantic cache may take, with their answers, in bytes.
    pub semantic_cache_bytes: u64,
    /// Folder of the embedding model. Default: the cache folder, else an installed Python package.
    pub model_dir: Option<PathBuf>,
    /// What makes vectors of questions, for the semantic cache.
    pub embedder: EmbedderConfig,
    /// How long single rows of the ledger are kept, in days. Sums are kept for ever.
    pub ledger_days: u32,
    /// Largest request body, in bytes.
    pub max_body_bytes: u64,
    /// Longest time for the head of a request to reach the server, and for its body, each in milliseconds.
    pub request_timeout_ms: u64,
    /// How long the server waits for requests under way when it is told to end, in seconds.
    pub drain_seconds: u64,
    /// Where requests go first.
    pub failover_mode: FailoverMode,
    /// How requests find a provider that answers.
    pub routing: Routing,
    /// Limits of the upstream calls.
    pub timeouts: Timeouts,
    /// Settings of the default project, for calls without a key and keys made without a project.
    pub project: ProjectSettings,
    /// Rates of calls without a key.
    pub rates: Rates,
    /// Providers by name.
    pub providers: BTreeMap<String, ProviderConfig>,
    /// Prices that the built-in tables do not know, or that were negotiated.
    pub prices: Vec<PriceOverride>,
    /// Logs of the server.
    pub log: LogFormat,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            store: None,
            shared: false,
            redis: None,
            redis_prefix: "lg:".to_owned(),
            redis_timeout_ms: 250,
            single_process: false,
            state_dir: None,
            spool_fsync: SpoolFsync::default(),
            expired_reservations: ExpiredReservations::default(),
            listen: "127.0.0.1:4100".to_owned(),
            auth: AuthMode::default(),
            cache_bytes: 64 * 1024 * 1024,
            warm_cache_bytes: 1024 * 1024 * 1024,
            semantic_cache_bytes: 256 * 1024 * 1024,
            model_dir: None,
            embedder: EmbedderConfig::default(),
            ledger_days: 90,
            max_body_bytes: 32 * 1024 * 1024,
            request_timeout_ms: 60_000,
            drain_seconds: 30,
            failover_mode: FailoverMode::default(),
            routing: Routing::default(),
            timeouts: Timeouts::default(),
            project: ProjectSettings::default(),
            rates: Rates::default(),
            providers: BTreeMap::new(),
            prices: Vec::new(),
            log: LogFormat::default(),
        }
    }
}

/// Limits of the upstream calls, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// To open a connection.
    pub connect_ms: u64,
    /// To the first byte of a stream's answer.
    pub first_byte_ms: u64,
    /// To the first byte of an answer that is not streamed.
    pub first_byte_json_ms: u64,
    /// Between two reads of an answer.
    pub idle_ms: u64,
    /// For a whole answer that is not streamed, all attempts together.
    pub total_ms: u64,
    /// Silence after which a stream's headers and comments go out to the caller.
    pub silence_ms: u64,
    /// For a local provider to say which models it has. A request for a model that nobody knows waits so long.
    pub discovery_ms: u64,
    /// To embed a question and to look for its like. Later, there is no semantic hit.
    pub semantic_ms: u64,
}

impl Timeouts {
    /// Until when the beginning of a stream that begins now may be held back. Later than any silence is noticed.
    pub(crate) fn held_until(&self) -> tokio::time::Instant {
        let held = self.first_byte_ms.saturating_add(self.idle_ms);
        tokio::time::Instant::now() + std::time::Duration::from_millis(held)
    }
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect_ms: 5_000,
            first_byte_ms: 120_000,
            first_byte_json_ms: 600_000,
            idle_ms: 120_000,
            total_ms: 600_000,
            silence_ms: 15_000,
            discovery_ms: 1_000,
            semantic_ms: 50,
        }
    }
}

/// Whether a call needs a gateway key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMode {
    /// No bearer, or one that does not start with `lg_`, is the default project.
    #[default]
    Optional,
    /// Every call needs a gateway key.
    Required,
}

/// Where requests go first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailoverMode {
    /// Cloud providers, then local ones.
    #[default]
    CloudFirst,
    /// Local providers, then cloud ones.
    LocalFirst,
    /// Only local providers.
    LocalOnly,
    /// Only cloud providers.
    CloudOnly,
}

/// How logs look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
}
