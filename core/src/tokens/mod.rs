//! How many tokens a text has: an estimate from above before a request is admitted, and an exact count for
//! billing what a cut stream had delivered.

mod class;
#[cfg(feature = "tokenizer")]
mod count;
mod estimate;
mod weight;

#[cfg(feature = "tokenizer")]
pub use count::count;
pub use estimate::Estimate;
