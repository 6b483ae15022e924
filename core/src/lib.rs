//! Lockgate: an LLM gateway that lives inside your process.

pub mod auth;
pub mod cache;
pub mod clock;
pub mod error;
pub mod ids;
pub mod limits;
pub mod money;
pub mod pricing;
pub mod provider;
pub mod settle;
pub mod store;
pub mod stream;
pub mod types;
