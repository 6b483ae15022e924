//! What only Postgres has: a server that many processes share, and that can be away. The books that it keeps are those
//! of every store: `tests/store`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test stops at the first surprise"
)]

mod away;
mod crowd;
mod encrypted;
mod gateway;
mod hearing;
mod house;
mod opening;
mod ownership;
#[path = "../rows/mod.rs"]
mod rows;
#[path = "../servers/mod.rs"]
mod servers;
mod volume;
