//! What a request cost, written down once.

mod deliver;
mod direct;
mod journal;
mod row;
mod spool;

pub use direct::DirectJournal;
pub use journal::{ExpiredReservations, Journal, Reserve, Ticket};
pub use row::{Attempt, CacheVerdict, Outcome, Row};
pub use spool::{Recovered, Spool, SpoolFsync, SpoolOptions, recover};
