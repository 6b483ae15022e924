//! The database that the settings name, of either kind.

use std::path::Path;
use std::sync::Arc;

use super::postgres::{PostgresMeanings, PostgresStore, is_postgres, schema};
use super::sqlite::{SqliteMeanings, SqliteStore};
use super::{Access, AnswerStore, Directory, Ledger, MeaningStore};
use crate::clock::SharedClock;
use crate::config::StoreUrl;
use crate::error::Result;

/// A database with projects, keys, customers, answers and the ledger.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
}

impl Database {
    pub(crate) async fn open(url: &StoreUrl, access: Access, clock: SharedClock) -> Result<Database> {
        if is_postgres(url) {
            return Ok(Database::Postgres(PostgresStore::open(url, access, clock).await?));
        }
        Ok(Database::Sqlite(SqliteStore::open(url.expose(), access, clock).await?))
    }

    pub(crate) fn directory(&self) -> Arc<dyn Directory> {
        match self {
            Database::Sqlite(store) => Arc::new(store.clone()),
            Database::Postgres(store) => Arc::new(store.clone()),
        }
    }

    pub(crate) fn ledger(&self) -> Arc<dyn Ledger> {
        match self {
            Database::Sqlite(store) => Arc::new(store.clone()),
            Database::Postgres(store) => Arc::new(store.clone()),
        }
    }

    pub(crate) fn answers(&self) -> Arc<dyn AnswerStore> {
        match self {
            Database::Sqlite(store) => Arc::new(store.clone()),
            Database::Postgres(store) => Arc::new(store.clone()),
        }
    }

    pub(crate) fn meanings(&self) -> Arc<dyn MeaningStore> {
        match self {
            Database::Sqlite(store) => Arc::new(SqliteMeanings::new(store.clone())),
            Database::Postgres(store) => Arc::new(PostgresMeanings::new(store.clone())),
        }
    }

    /// The version of the schema that this release makes.
    pub(crate) fn schema(&self) -> u32 {
        match self {
            Database::Sqlite(_) => lockgate_migrations::SQLITE.last().map_or(0, |step| step.version),
            Database::Postgres(_) => schema(),
        }
    }

    /// The file, where it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Database::Sqlite(store) => Some(store.path()),
            Database::Postgres(_) => None,
        }
    }

    /// Ends all connections.
    pub(crate) async fn close(&self) {
        match self {
            Database::Sqlite(store) => store.close().await,
            Database::Postgres(store) => store.close().await,
        }
    }
}
