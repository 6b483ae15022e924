//! What a request cost, written down once.

mod row;

pub use row::{Attempt, CacheVerdict, Outcome, Row};
