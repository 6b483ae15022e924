//! Requests through the gateway to a simulated Gemini: answers in every form, conversations that go on, what it costs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod answers;
mod bills;
mod conversations;
mod failures;
mod world;
