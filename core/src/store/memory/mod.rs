//! State in process: limits of one gateway, and a store that ends with its process.

mod account;
mod counters;
mod directory;
mod ledger;
mod limiter;

pub use counters::Start;
pub use ledger::KEPT_ROWS;
pub use limiter::MemoryLimiter;

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
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(clock: SharedClock) -> MemoryStore {
        let inner = Inner { clock, directory: RwLock::default(), ledger: Mutex::default() };
        MemoryStore { inner: Arc::new(inner) }
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}
