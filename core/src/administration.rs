//! Administration of a store beside the gateway that may be running on it.

use std::sync::Arc;

use async_trait::async_trait;

use crate::auth::{Admin, OnChange};
use crate::clock::{SharedClock, SystemClock};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::gateway::tell;
use crate::ids::ProjectId;
use crate::settle::Row;
use crate::store::redis::RedisLimiter;
use crate::store::{
    Directory, Ledger, RowFilter, StoreSize, UsageLine, UsageQuery, administration, open_redis,
};

/// A store opened for administration. It owns no limits, so it works beside a running gateway, which notices changes
/// within 250 ms.
#[derive(Clone)]
pub struct Administration {
    store: crate::store::sqlite::SqliteStore,
    admin: Admin,
}

impl Administration {
    /// Opens the store that `config` names and brings its schema up to date.
    pub async fn open(config: &Config) -> Result<Administration> {
        let clock: SharedClock = Arc::new(SystemClock);
        let url = match config.store.as_deref() {
            None | Some("memory") => {
                let allowed = "a store in memory ends with its gateway and cannot be administered from outside: \
                               name sqlite://PATH";
                return Err(Error::config("store", "memory", allowed));
            }
            Some(url) => url,
        };
        let store = administration(url, clock.clone()).await?;
        let directory: Arc<dyn Directory> = Arc::new(store.clone());
        let redis = open_redis(config, clock.clone()).await?;
        let on_change = redis.map(|limiter| -> Arc<dyn OnChange> {
            Arc::new(TellsLimiter { limiter, directory: directory.clone() })
        });
        let admin = Admin::new(directory, clock, on_change);
        // Only a gateway lays the settings over a project that is there already.
        admin.ensure_default_project(&config.project).await?;
        Ok(Administration { store, admin })
    }

    /// Projects, keys and customers.
    #[must_use]
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// Sums of the ledger.
    pub async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageLine>> {
        self.store.usage(query).await
    }

    /// How much the store holds.
    pub async fn size(&self) -> Result<StoreSize> {
        self.store.size().await
    }

    /// Rows of the ledger, newest first.
    pub async fn rows(&self, filter: &RowFilter) -> Result<Vec<Row>> {
        self.store.rows(filter).await
    }

    /// The version of the store's schema.
    #[must_use]
    pub fn schema(&self) -> u32 {
        // Opening brought it here, or failed.
        lockgate_migrations::SQLITE.last().map_or(0, |migration| migration.version)
    }

    /// Closes the store.
    pub async fn close(&self) {
        self.store.close().await;
    }
}

/// What is doubtful in the settings of the Redis that `config` names. An error where it cannot be reached.
pub async fn redis_warnings(config: &Config) -> Result<Vec<String>> {
    match open_redis(config, Arc::new(SystemClock)).await? {
        Some(redis) => Ok(redis.warnings().await),
        None => Ok(Vec::new()),
    }
}

impl std::fmt::Debug for Administration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Administration").field("store", &self.store).finish_non_exhaustive()
    }
}

/// A change made here counts at the next request of every gateway that asks the same Redis.
struct TellsLimiter {
    limiter: Arc<RedisLimiter>,
    directory: Arc<dyn Directory>,
}

#[async_trait]
impl OnChange for TellsLimiter {
    async fn changed(&self, project: ProjectId) -> Result<()> {
        tell(self.limiter.as_ref(), self.directory.as_ref(), project).await
    }

    fn limits_elsewhere(&self) -> bool {
        true
    }
}
