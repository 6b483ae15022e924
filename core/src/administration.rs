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
    Access, Database, Directory, Ledger, RowFilter, StoreSize, UsageLine, UsageQuery, open_redis,
};

/// A store opened for administration. It owns no limits, so it works beside running gateways: those on a SQLite file
/// notice changes within 250 ms, those on Postgres have heard of a change before the call that makes it returns.
#[derive(Clone)]
pub struct Administration {
    database: Database,
    ledger: Arc<dyn Ledger>,
    admin: Admin,
}

impl Administration {
    /// Opens the store that `config` names and brings its schema up to date.
    pub async fn open(config: &Config) -> Result<Administration> {
        let clock: SharedClock = Arc::new(SystemClock);
        let Some(url) = config.store.as_ref().filter(|url| url.expose() != "memory") else {
            let allowed = "a store in memory ends with its gateway and cannot be administered from outside: \
                           name sqlite://PATH or postgres://…";
            return Err(Error::config("store", "memory", allowed));
        };
        // First, so that nothing is changed where gateways would not hear of it.
        let redis = open_redis(config, clock.clone()).await?;
        let database = Database::open(url, Access::Administration, clock.clone()).await?;
        let directory: Arc<dyn Directory> = database.directory();
        let on_change = redis.map(|limiter| -> Arc<dyn OnChange> {
            Arc::new(TellsLimiter { limiter, directory: directory.clone() })
        });
        let admin = Admin::new(directory, clock, on_change);
        // Only a gateway lays the settings over a project that is there already.
        admin.ensure_default_project(&config.project).await?;
        Ok(Administration { ledger: database.ledger(), database, admin })
    }

    /// Projects, keys and customers.
    #[must_use]
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// Sums of the ledger.
    pub async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageLine>> {
        self.ledger.usage(query).await
    }

    /// How much the store holds.
    pub async fn size(&self) -> Result<StoreSize> {
        self.ledger.size().await
    }

    /// Rows of the ledger, newest first.
    pub async fn rows(&self, filter: &RowFilter) -> Result<Vec<Row>> {
        self.ledger.rows(filter).await
    }

    /// The version of the store's schema.
    #[must_use]
    pub fn schema(&self) -> u32 {
        // Opening brought it here, or failed.
        self.database.schema()
    }

    /// Closes the store.
    pub async fn close(&self) {
        self.database.close().await;
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
        f.debug_struct("Administration").field("database", &self.database).finish_non_exhaustive()
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
