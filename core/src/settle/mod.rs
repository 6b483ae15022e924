//! What a request cost, written down once.

mod deliver;
mod direct;
mod journal;
mod meter;
mod note;
mod reconcile;
mod reservation;
mod retention;
mod row;
mod settler;
mod slices;
mod spool;

pub use direct::DirectJournal;
pub use journal::{ExpiredReservations, Journal, Reserve, Ticket};
pub(crate) use meter::Meter;
pub(crate) use note::Note;
pub(crate) use reconcile::Reconciler;
pub(crate) use reservation::{Ending, Reservation};
pub use retention::Swept;
pub(crate) use retention::{Keep, Retention};
pub use row::{Attempt, CacheVerdict, Outcome, Row};
pub(crate) use settler::{LEASE, Settler};
pub use spool::{Recovered, Spool, SpoolFsync, SpoolOptions, recover};
