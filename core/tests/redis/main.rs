//! The gateway and its limits on Redis, Valkey and a cluster, which `tests/run` starts. What must be broken or counted
//! runs on a server of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod coalescing;
mod customers;
mod faults;
mod house;
mod lost;
mod processes;
mod proxy;
mod revocation;
mod server;
mod skew;
mod steady;
