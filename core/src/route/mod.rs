//! Stage 2 and stage 7: which providers could answer, and asking them.

mod attempt;
mod candidate;
mod demand;
mod failed;
mod listing;
mod plan;
mod registry;
mod resolve;
mod upstream;

pub(crate) use attempt::{Answered, Attempts, Upstream, deadline};
pub(crate) use candidate::{Candidate, Route};
pub(crate) use failed::Failed;
pub(crate) use plan::{Way, Ways, plan};
pub(crate) use registry::Registry;
pub(crate) use resolve::resolve;
pub(crate) use upstream::EventSource;
