//! The kit as a program: against an endpoint that is right, one that is wrong, and none at all.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod arguments;
mod grading;
mod program;
