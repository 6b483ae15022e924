//! The embedded store: one SQLite file in WAL mode, through sqlx.

mod columns;
mod directory;
mod failure;
mod forget;
mod location;
mod lock;
mod migrate;
mod open;
mod watch;

pub use open::{Access, SqliteStore};
