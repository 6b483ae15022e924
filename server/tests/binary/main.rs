//! The binary `lockgate`, as its users meet it: processes, sockets, files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    reason = "a test stops at the first surprise"
)]

mod bad_input;
mod books;
mod chat;
mod command_line;
mod configuration;
mod crash;
mod demo;
mod draining;
mod ending;
mod example_file;
mod house;
mod model_pull;
#[cfg(feature = "test-servers")]
mod postgres;
#[cfg(feature = "test-servers")]
mod postgres_server;
#[cfg(feature = "test-servers")]
mod redis;
mod revocation;
mod routing;
#[cfg(feature = "test-model")]
mod semantic;
mod several;
mod web;
