//! What can be seen from outside: the record of decisions of each request, and numbers made from it.

mod decisions;
mod metrics;
pub(crate) mod trace;

pub use decisions::{
    Considered, Decisions, ExactVerdict, LimitsTold, PriceSource, SemanticTold, SemanticVerdict, Stage,
    Timings, Verdict,
};
pub(crate) use metrics::{CONTENT_TYPE, Metrics, Now};
