//! Opens the stores that the settings name.

use std::sync::Arc;

use tokio::sync::watch;

use super::memory::{MemoryDirectory, MemoryLedger, MemoryLimiter};
use super::sqlite::{Access, SqliteStore};
use super::{Directory, Ledger, Limiter};
use crate::clock::SharedClock;
use crate::config::Config;
use crate::error::Result;
use crate::settle::Journal;

/// The stores of one gateway.
#[derive(Clone)]
pub(crate) struct Stores {
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) limiter: Arc<dyn Limiter>,
    pub(crate) journal: Arc<dyn Journal>,
    /// Moves when another process changes projects, keys or customers.
    pub(crate) changes: Option<watch::Receiver<u64>>,
    sqlite: Option<SqliteStore>,
}
