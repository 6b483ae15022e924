//! A store of each kind, on a clock that stands still.

use std::any::Any;
use std::sync::Arc;

use lockgate::clock::ManualClock;
use lockgate::store::memory::MemoryStore;
use lockgate::store::sqlite::{SqliteMeanings, SqliteStore};
use lockgate::store::{Access, AnswerStore, Directory, Ledger, MeaningStore};

use crate::rows::NOON;

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) directory: Arc<dyn Directory>,
    /// The warm cache; none in memory.
    pub(crate) answers: Option<Arc<dyn AnswerStore>>,
    /// Questions by their meaning.
    pub(crate) meanings: Arc<dyn MeaningStore>,
    /// Removed with the last world in it.
    _place: Arc<dyn Any + Send + Sync>,
}

impl World {
    pub(crate) async fn memory() -> World {
        let clock = ManualClock::at(NOON);
        let store = MemoryStore::new(clock.clone());
        let meanings = store.meanings();
        World {
            clock,
            ledger: Arc::new(store.clone()),
            directory: Arc::new(store),
            answers: None,
            meanings,
            _place: Arc::new(()),
        }
    }

    pub(crate) async fn sqlite() -> World {
        let clock = ManualClock::at(NOON);
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("store.db").display());
        let store = SqliteStore::open(&url, Access::Administration, clock.clone()).await.unwrap();
        World {
            clock,
            ledger: Arc::new(store.clone()),
            directory: Arc::new(store.clone()),
            meanings: Arc::new(SqliteMeanings::new(store.clone())),
            answers: Some(Arc::new(store)),
            _place: Arc::new(folder),
        }
    }

    #[cfg(feature = "test-servers")]
    pub(crate) async fn postgres() -> World {
        use lockgate::store::postgres::{PostgresMeanings, PostgresStore};
        let clock = ManualClock::at(NOON);
        let database = crate::servers::Database::new().await;
        let store =
            PostgresStore::open(&database.url(), Access::Administration, clock.clone()).await.unwrap();
        World {
            clock,
            ledger: Arc::new(store.clone()),
            directory: Arc::new(store.clone()),
            meanings: Arc::new(PostgresMeanings::new(store.clone())),
            answers: Some(Arc::new(store)),
            _place: Arc::new(database),
        }
    }
}
