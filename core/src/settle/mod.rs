//! What a request cost, written down once.

mod journal;
mod meter;
mod reservation;
mod row;
mod settler;

pub use journal::{ExpiredReservations, Journal, Reserve, Ticket};
pub(crate) use meter::Meter;
pub(crate) use reservation::{Ending, Reservation};
pub use row::{Attempt, CacheVerdict, Outcome, Row};
pub(crate) use settler::{LEASE, Settler};
