//! The way to a provider that answers: who may stand in, who is left alone, which key is taken, when to wait, and
//! what is told of it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

mod breaker;
mod cancel;
mod chains;
mod chaos;
mod decisions;
mod disconnect;
mod held;
mod house;
mod keys;
mod load;
mod logs;
mod matrix;
mod metrics;
mod retries;
mod switching;
mod tiers;
mod vendors;
