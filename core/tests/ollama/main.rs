//! Requests through the gateway to a simulated Ollama: answers in every form, and the models that are found.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod answers;
mod discovery;
mod settings;
mod world;
