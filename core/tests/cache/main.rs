//! The exact cache and coalescing, through the whole path against the simulator.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod abandoned;
mod coalescing;
mod fingerprint;
mod flights;
mod house;
mod incomplete;
mod replay;
mod told;
mod whole_path;
