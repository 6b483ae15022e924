//! The semantic cache with its model: `LOCKGATE_MODEL_DIR` names the folder.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test stops at the first surprise"
)]

mod embedders;
mod evaluation;
mod house;
mod path;
mod recall;
mod refusals;
#[cfg(feature = "test-servers")]
#[path = "../servers/mod.rs"]
mod servers;
