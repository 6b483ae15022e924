//! The gateway and its limits on Redis, Valkey and a cluster, which `tests/run` starts. What must be broken or counted
//! runs on a server of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod away;
mod background;
mod coalescing;
mod customers;
mod encrypted;
mod faults;
mod house;
mod kills;
mod lost;
mod mixed;
mod processes;
mod proxy;
mod revocation;
mod server;
#[path = "../servers/mod.rs"]
mod servers;
mod skew;
mod steady;
