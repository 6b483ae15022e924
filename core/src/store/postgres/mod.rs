//! The store at scale: a Postgres database that many processes share, through sqlx.
//!
//! Every call has a deadline, and a connection that was left in the middle of its work is closed and not used again.
//! What other processes change is heard through LISTEN/NOTIFY, and confirmed: see `watch`.

mod answers;
mod confirm;
mod deadlines;
mod directory;
mod failure;
mod forget;
mod insert;
mod ledger;
mod line;
mod location;
mod lock;
mod meanings;
mod migrate;
mod open;
mod ownership;
mod rollup;
mod session;
mod usage;
mod watch;

pub use deadlines::Deadlines;
pub use location::is_postgres;
pub use meanings::PostgresMeanings;
pub use migrate::schema;
pub use open::{PostgresStore, Seen};
