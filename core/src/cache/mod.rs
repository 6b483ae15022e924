//! Answers that are known already, or soon.

mod canonical;
mod elsewhere;
mod exact;
mod fingerprint;
mod flight;
mod join;
mod keys;
pub mod semantic;
mod stored;

pub(crate) use elsewhere::Elsewhere;
pub(crate) use exact::{ExactCache, Fresh};
pub use fingerprint::Fingerprint;
pub(crate) use flight::{Flight, Head, Lost, Seat, Whole};
pub(crate) use join::{Flights, Joined, Lead};
pub(crate) use keys::{Keys, Known};
pub(crate) use stored::Stored;
