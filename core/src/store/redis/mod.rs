//! Limits, reservations and the hot cache in Redis or Valkey, a single server or a cluster: every step is one script.
//!
//! The scripts (crate `lockgate-lua`) decide and write; what there is to tell of a decision is worked out here, by the
//! same pure functions as in process, from the state that the script decided on. Time is the store's clock.

mod address;
mod answers;
mod call;
mod command;
mod day;
mod failure;
mod keys;
mod limiter;
mod link;
mod reply;
mod reservation;
mod server;
mod verdict;
mod watch;

pub use address::RedisAddress;
pub use limiter::{RedisLimiter, RedisOptions};
pub use link::RedisCounts;
