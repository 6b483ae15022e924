//! The embedded store: one SQLite file in WAL mode, through sqlx.

mod answers;
mod directory;
mod failure;
mod forget;
mod ledger;
mod limiter;
mod location;
mod lock;
mod meanings;
mod migrate;
mod near;
mod open;
mod rollup;
mod signal;
mod usage;
mod watch;

pub use limiter::SqliteLimiter;
pub use meanings::SqliteMeanings;
pub use open::SqliteStore;

pub use super::Access;
