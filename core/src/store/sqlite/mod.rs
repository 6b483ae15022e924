//! The embedded store: one SQLite file in WAL mode, through sqlx.

mod failure;
mod location;
mod lock;
mod migrate;
mod open;

pub use open::{Access, SqliteStore};
