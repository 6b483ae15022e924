//! Stage 2 and stage 7: which providers could answer, and asking them.

mod attempt;
mod candidate;
mod considered;
mod demand;
mod discovery;
mod failed;
mod found;
mod health;
mod listing;
mod plan;
mod pool;
mod registry;
mod resolve;
mod retry;
mod substitute;
mod upstream;

pub(crate) use attempt::{Answered, Attempts, Upstream};
pub(crate) use candidate::{Candidate, Origin, Route};
pub use discovery::Discovered;
pub(crate) use discovery::Discovery;
pub(crate) use failed::Failed;
pub(crate) use found::is_name_of;
pub(crate) use health::{Health, Standing, Watch};
pub(crate) use plan::{Way, Ways, plan};
pub(crate) use registry::Registry;
pub(crate) use retry::deadline;
pub(crate) use substitute::Rules;
pub(crate) use upstream::EventSource;
