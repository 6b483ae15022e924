//! State in process: limits of one gateway, and a store that ends with its process.

mod account;
mod counters;
mod directory;
mod ledger;
mod limiter;
mod meanings;

pub use counters::Start;
pub use ledger::KEPT_ROWS;
pub use limiter::MemoryLimiter;
pub use meanings::MemoryMeanings;

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::clock::SharedClock;

/// Projects, keys, customers and the ledger in memory. Cheap to clone: all clones are one store.
///
/// Sums are kept for the life of the process; of single rows the newest [`KEPT_ROWS`].
#[derive(Clone)]
pub struct MemoryStore {
    inner: Arc<Inner>,
}

struct Inner {
    clock: SharedClock,
    directory: RwLock<directory::Records>,
    ledger: Mutex<ledger::Books>,
    meanings: Arc<meanings::MemoryMeanings>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(clock: SharedClock) -> MemoryStore {
        let (directory, ledger) = (RwLock::default(), Mutex::default());
        let inner = Inner { clock, directory, ledger, meanings: Arc::default() };
        MemoryStore { inner: Arc::new(inner) }
    }

    /// Its questions, by their meaning.
    #[must_use]
    pub fn meanings(&self) -> Arc<dyn crate::store::MeaningStore> {
        self.inner.meanings.clone()
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}
