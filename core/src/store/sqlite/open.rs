//! Opening the file: pragmas, pools, schema, ownership.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{Sqlite, Transaction};

use super::failure::{code, failed, primary_code};
use super::signal::Signal;
use super::{location, lock, migrate};
use crate::clock::SharedClock;
use crate::error::{Error, Kind, Result};
use crate::store::Access;
use crate::store::process_lock::ProcessLock;

/// How long a statement waits for another process's transaction.
const BUSY: Duration = Duration::from_secs(5);
/// Between two tries where SQLite itself does not wait.
const BUSY_PAUSE: Duration = Duration::from_millis(10);
/// How long a caller waits for a connection of this process.
const ACQUIRE: Duration = Duration::from_secs(10);
const READERS: u32 = 4;

/// The store in a SQLite file. Cheap to clone: all clones are one store.
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    access: Access,
    clock: SharedClock,
    signal: Signal,
    /// One connection: SQLite has one writer at a time, and a queue in process is fairer than its busy handler.
    writer: SqlitePool,
    readers: SqlitePool,
    /// Released last, after the pools are gone.
    lock: Mutex<Option<ProcessLock>>,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.inner.path)
            .field("access", &self.inner.access)
            .finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens `url` (`sqlite://lockgate.db`, `sqlite:///abs/lockgate.db`), makes the file where there is none, and
    /// brings its schema up to date. Errors name the setting `store` and what is allowed.
    pub async fn open(url: &str, access: Access, clock: SharedClock) -> Result<SqliteStore> {
        let path = location::path_of(url)?;
        location::check(url, &path)?;
        make_private(&path).map_err(|source| {
            Error::config("store", url, format!("the file cannot be made ({source})")).caused_by(source)
        })?;
        let lock = match access {
            Access::Owner => Some(lock::take(url, &path, false)?),
            Access::Shared => Some(lock::take(url, &path, true)?),
            Access::Administration => None,
        };
        let signal = Signal::open(&path)?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(false)
            // Counts for a new file only: what is deleted makes it smaller again.
            .auto_vacuum(SqliteAutoVacuum::Incremental)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            // What is deleted is overwritten: a forgotten name must not linger in the file.
            .pragma("secure_delete", "ON")
            .busy_timeout(BUSY);
        let writer = connect(&options).await.map_err(|failure| unusable(url, failure))?;
        let mut connection = writer.acquire().await.map_err(|failure| unusable(url, failure))?;
        migrate::migrate(&mut connection, lockgate_migrations::SQLITE, url, clock.now())
            .await
            .map_err(|error| explained(url, error))?;
        drop(connection);
        let readers = pool(READERS).connect_lazy_with(options.pragma("query_only", "ON"));
        Ok(SqliteStore {
            inner: Arc::new(Inner { path, access, clock, signal, writer, readers, lock: Mutex::new(lock) }),
        })
    }

    /// The database file, as the setting names it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// What it was opened for.
    #[must_use]
    pub fn access(&self) -> Access {
        self.inner.access
    }

    /// Whether this process is a fork of the one that opened the store. Then it must not be used, only rebuilt.
    #[must_use]
    pub fn forked(&self) -> bool {
        self.inner.lock.lock().as_ref().is_some_and(|lock| !lock.is_held())
    }

    /// Ends all connections, then gives up ownership. Statements under way are finished.
    pub async fn close(&self) {
        self.inner.readers.close().await;
        self.inner.writer.close().await;
        *self.inner.lock.lock() = None;
    }

    /// A transaction that holds the write lock from its start, so that it never fails half way on a busy file.
    pub(crate) async fn write(&self, doing: &'static str) -> Result<Transaction<'static, Sqlite>> {
        self.inner.writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed(doing))
    }

    /// The connection that writes.
    pub(super) fn writer(&self) -> &SqlitePool {
        &self.inner.writer
    }

    /// Connections that can only read.
    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.inner.readers
    }

    /// Changes with every administrative change by any process.
    pub(super) fn signal(&self) -> &Signal {
        &self.inner.signal
    }

    pub(crate) fn clock(&self) -> &SharedClock {
        &self.inner.clock
    }
}

/// The first connection to a new file turns it to WAL. For that SQLite does not wait: processes that start at the
/// same moment are told that the file is busy.
async fn connect(options: &SqliteConnectOptions) -> sqlx::Result<SqlitePool> {
    let begun = tokio::time::Instant::now();
    loop {
        match pool(1).connect_with(options.clone()).await {
            Err(failure) if primary_code(&failure) == Some(code::BUSY) && begun.elapsed() < BUSY => {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            connected => return connected,
        }
    }
}

fn pool(most: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(most)
        .acquire_timeout(ACQUIRE)
        .idle_timeout(None)
        .max_lifetime(None)
        // A connection is a thread of this process: it cannot go away unseen.
        .test_before_acquire(false)
}

/// Makes the file readable by its owner alone: it may hold provider keys. SQLite gives its side files the same mode.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Failures while migrating that are of the file, in the words of [`unusable`].
fn explained(url: &str, error: Error) -> Error {
    if error.kind() == Kind::Config {
        return error;
    }
    let found = std::error::Error::source(&error)
        .and_then(|source| source.downcast_ref::<sqlx::Error>())
        .and_then(primary_code)
        .and_then(wrong_file);
    match found {
        Some(what) => Error::config("store", url, what).caused_by(error),
        None => error,
    }
}

fn unusable(url: &str, failure: sqlx::Error) -> Error {
    match primary_code(&failure).and_then(wrong_file) {
        Some(what) => Error::config("store", url, what).caused_by(failure),
        None => Error::config("store", url, format!("the database cannot be opened ({failure})"))
            .caused_by(failure),
    }
}

fn wrong_file(found: i32) -> Option<&'static str> {
    match found {
        code::NOTADB => Some("the file is not a SQLite database; name another file"),
        code::CORRUPT => Some("the database is damaged; restore it from a backup or name another file"),
        code::READONLY => Some("the database or its folder is read only; it must be writable"),
        code::CANTOPEN => Some("the file cannot be opened; its folder must be readable and writable"),
        code::FULL => Some("the disk is full"),
        code::BUSY => Some("another process holds the database locked; end it or name another file"),
        _ => None,
    }
}
