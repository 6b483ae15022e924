//! The simulator seen through a raw socket: every byte, every fault, every record.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test stops at the first surprise"
)]

mod binary;
mod chat;
mod control;
mod delivery;
mod embeddings;
mod faults;
mod gemini;
mod golden;
mod http2;
mod ollama;
mod raw;
mod stream;
mod validation;
