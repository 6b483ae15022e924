//! Opens the stores that the settings name.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::memory::{MemoryLimiter, MemoryStore, Start};
use super::redis::{RedisLimiter, RedisOptions};
use super::sqlite::{Access, SqliteLimiter, SqliteStore};
use super::{AnswerStore, Directory, Ledger, Limiter};
use crate::clock::SharedClock;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::settle::{DirectJournal, Journal, Spool, SpoolOptions, recover};

/// The stores of one gateway.
#[derive(Clone)]
pub(crate) struct Stores {
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) limiter: Arc<dyn Limiter>,
    pub(crate) journal: Arc<dyn Journal>,
    /// The warm tier of the exact cache.
    pub(crate) answers: Option<Arc<dyn AnswerStore>>,
    /// Each moves when another process changes projects, keys or customers.
    pub(crate) changes: Vec<watch::Receiver<u64>>,
    /// The limiter, where it is Redis.
    pub(crate) redis: Option<Arc<RedisLimiter>>,
    disk: Option<Disk>,
}

/// What must be closed in order.
#[derive(Clone)]
struct Disk {
    store: SqliteStore,
    spool: Arc<Spool>,
}

/// Opens the stores of `config`.
pub(crate) async fn open(config: &Config, clock: SharedClock) -> Result<Stores> {
    let redis = redis(config, clock.clone()).await?;
    let mut stores = match config.store.as_deref() {
        None | Some("memory") => memory(clock),
        Some(url) => sqlite(config, url, clock, redis.clone()).await?,
    };
    if let Some(redis) = redis {
        stores.changes.push(redis.changes());
        stores.limiter = redis.clone();
        stores.redis = Some(redis);
    }
    Ok(stores)
}

/// The limits in Redis, where they are there.
pub(crate) async fn redis(config: &Config, clock: SharedClock) -> Result<Option<Arc<RedisLimiter>>> {
    let Some(address) = config.redis_address()? else { return Ok(None) };
    let (prefix, timeout) = (config.redis_prefix.clone(), Duration::from_millis(config.redis_timeout_ms));
    let options = RedisOptions { address: address.clone(), prefix, timeout };
    let limiter = RedisLimiter::connect(options, clock).await.map_err(|error| {
        let allowed = "cannot be reached; is it running there, and does it let this user in?";
        Error::config("redis", address, allowed).caused_by(error)
    })?;
    Ok(Some(Arc::new(limiter)))
}

/// Opens the directory and the ledger for administration, beside a gateway that may be running.
pub(crate) async fn administration(url: &str, clock: SharedClock) -> Result<SqliteStore> {
    SqliteStore::open(url, Access::Administration, clock).await
}

fn memory(clock: SharedClock) -> Stores {
    let store = MemoryStore::new(clock.clone());
    let ledger: Arc<dyn Ledger> = Arc::new(store.clone());
    Stores {
        directory: Arc::new(store),
        limiter: Arc::new(MemoryLimiter::new(clock, Start::Zero)),
        journal: Arc::new(DirectJournal::new(ledger.clone())),
        ledger,
        answers: None,
        changes: Vec::new(),
        redis: None,
        disk: None,
    }
}

async fn sqlite(
    config: &Config,
    url: &str,
    clock: SharedClock,
    redis: Option<Arc<RedisLimiter>>,
) -> Result<Stores> {
    let access = if config.shared { Access::Shared } else { Access::Owner };
    let store = SqliteStore::open(url, access, clock.clone()).await?;
    let limiter: Arc<dyn Limiter> = match redis {
        Some(redis) => redis,
        None if config.shared => Arc::new(SqliteLimiter::open(store.clone()).await?),
        None => Arc::new(MemoryLimiter::new(clock.clone(), Start::Seeded)),
    };
    let ledger: Arc<dyn Ledger> = Arc::new(store.clone());
    let mut options = SpoolOptions::new(folder(config, store.path()));
    options.fsync = config.spool_fsync;
    // Before anything is admitted: what a killed process left counts.
    recover(&options.folder, limiter.as_ref(), ledger.as_ref(), config.expired_reservations, clock.now())
        .await?;
    let spool = Arc::new(Spool::open(&options, ledger.clone(), clock.now())?);
    Ok(Stores {
        directory: Arc::new(store.clone()),
        answers: Some(Arc::new(store.clone())),
        limiter,
        journal: spool.clone(),
        ledger,
        changes: vec![store.watch().await?],
        redis: None,
        disk: Some(Disk { store, spool }),
    })
}

fn folder(config: &Config, database: &Path) -> PathBuf {
    config.state_dir.clone().unwrap_or_else(|| {
        let mut name = database.as_os_str().to_owned();
        name.push("-spool");
        PathBuf::from(name)
    })
}

impl Stores {
    /// Writes what is left and closes the files. Returns whether everything is written.
    pub(crate) async fn close(&self, within: Duration) -> bool {
        let Some(disk) = &self.disk else { return true };
        let written = disk.spool.close(within).await;
        disk.store.close().await;
        written.is_ok()
    }
}
