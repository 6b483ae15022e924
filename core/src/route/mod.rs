//! Stage 2 and stage 7: which providers could answer, and asking them.

mod attempt;
mod candidate;
mod demand;
mod discovery;
mod failed;
mod found;
mod plan;
mod registry;
mod resolve;
mod upstream;

pub(crate) use attempt::{Answered, Attempts, Upstream, deadline};
pub(crate) use candidate::{Candidate, Route};
pub use discovery::Discovered;
pub(crate) use discovery::Discovery;
pub(crate) use failed::Failed;
pub(crate) use found::is_name_of;
pub(crate) use plan::{Way, Ways, names, plan};
pub(crate) use registry::Registry;
pub(crate) use resolve::resolve;
pub(crate) use upstream::EventSource;
