//! Lockgate: an LLM gateway that lives inside your process.

pub mod auth;
pub mod cache;
pub mod clock;
pub mod config;
pub mod embed;
pub mod error;
pub mod http;
pub mod ids;
pub mod limits;
pub mod money;
pub mod pricing;
pub mod provider;
pub mod settle;
pub mod store;
pub mod stream;
pub mod telemetry;
pub mod tokens;
pub mod types;

mod administration;
mod answer;
mod ask;
mod context;
mod gateway;
mod pipeline;
mod route;
mod serve;
mod steps;
mod transport;

pub use administration::{Administration, redis_warnings};
pub use answer::{ChatStream, Report};
pub use auth::Admin;
pub use config::Config;
pub use context::{CacheMode, CallOptions};
pub use error::{Error, Result};
pub use gateway::{Builder, Gateway};
pub use route::Discovered;
