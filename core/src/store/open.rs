//! Opens the stores that the settings name.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::memory::{MemoryLimiter, MemoryStore, Start};
use super::redis::{RedisLimiter, RedisOptions};
use super::sqlite::SqliteLimiter;
use super::{Access, AnswerStore, Database, Directory, Ledger, Limiter, MeaningStore};
use crate::clock::SharedClock;
use crate::config::{Config, StoreUrl};
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
    /// Questions by their meaning.
    pub(crate) meanings: Arc<dyn MeaningStore>,
    /// Each moves when another process changes projects, keys or customers.
    pub(crate) changes: Vec<watch::Receiver<u64>>,
    /// The limiter, where it is Redis.
    pub(crate) redis: Option<Arc<RedisLimiter>>,
    disk: Option<Disk>,
}

/// What must be closed in order.
#[derive(Clone)]
struct Disk {
    database: Database,
    spool: Arc<Spool>,
}

/// Opens the stores of `config`.
pub(crate) async fn open(config: &Config, clock: SharedClock) -> Result<Stores> {
    config.validate_pair()?;
    let redis = redis(config, clock.clone()).await?;
    let mut stores = match config.store.as_ref().filter(|url| url.expose() != "memory") {
        None => memory(clock),
        Some(url) => on_disk(config, url, clock, redis.clone()).await?,
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

fn memory(clock: SharedClock) -> Stores {
    let store = MemoryStore::new(clock.clone());
    let ledger: Arc<dyn Ledger> = Arc::new(store.clone());
    Stores {
        meanings: store.meanings(),
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

/// A database, and a spool before it.
async fn on_disk(
    config: &Config,
    url: &StoreUrl,
    clock: SharedClock,
    redis: Option<Arc<RedisLimiter>>,
) -> Result<Stores> {
    let shared = config.shared || redis.is_some();
    let access = if shared { Access::Shared } else { Access::Owner };
    let database = Database::open(url, access, clock.clone()).await?;
    let opened = beside(config, &database, clock, redis).await;
    if opened.is_err() {
        database.close().await;
    }
    opened
}

async fn beside(
    config: &Config,
    database: &Database,
    clock: SharedClock,
    redis: Option<Arc<RedisLimiter>>,
) -> Result<Stores> {
    let limiter: Arc<dyn Limiter> = match (redis, database) {
        (Some(redis), _) => redis,
        (None, Database::Sqlite(store)) if config.shared => {
            Arc::new(SqliteLimiter::open(store.clone()).await?)
        }
        (None, Database::Sqlite(_)) => Arc::new(MemoryLimiter::new(clock.clone(), Start::Seeded)),
        (None, Database::Postgres(store)) => {
            Arc::new(MemoryLimiter::new(clock.clone(), Start::Seeded).until(store.ousted()))
        }
    };
    let ledger = database.ledger();
    let mut options = SpoolOptions::new(folder(config, database));
    options.fsync = config.spool_fsync;
    // Before anything is admitted: what a killed process left counts.
    recover(&options.folder, limiter.as_ref(), ledger.as_ref(), config.expired_reservations, clock.now())
        .await?;
    let spool = Arc::new(Spool::open(&options, ledger.clone(), clock.now())?);
    let changes = match database {
        Database::Sqlite(store) => Some(store.watch().await?),
        Database::Postgres(store) => store.changes(),
    };
    Ok(Stores {
        directory: database.directory(),
        answers: Some(database.answers()),
        meanings: database.meanings(),
        limiter,
        journal: spool.clone(),
        ledger,
        changes: changes.into_iter().collect(),
        redis: None,
        disk: Some(Disk { database: database.clone(), spool }),
    })
}

/// Where the spool is, if the settings do not say: beside the file, or where the process runs.
fn folder(config: &Config, database: &Database) -> PathBuf {
    config.state_dir.clone().unwrap_or_else(|| match database.path() {
        Some(file) => {
            let mut name = file.as_os_str().to_owned();
            name.push("-spool");
            PathBuf::from(name)
        }
        None => PathBuf::from("lockgate-spool"),
    })
}

impl Stores {
    /// Writes what is left and closes the files. Returns whether everything is written.
    pub(crate) async fn close(&self, within: Duration) -> bool {
        let Some(disk) = &self.disk else { return true };
        let written = disk.spool.close(within).await;
        disk.database.close().await;
        written.is_ok()
    }
}
