//! The gateway for Node: the native part, which `ts/` wraps.
//!
//! Two rules make it safe in a host process. Threads of the runtime never touch JavaScript: they leave what is done
//! with the event loop's `desk` and ring for it. And nothing here waits on the thread of an event loop, but at its end.

#![allow(unsafe_code, reason = "what the macros of napi make of a function that JavaScript calls")]
#![allow(unreachable_pub, reason = "the macros of napi want what they export to be public")]
#![cfg_attr(test, allow(dead_code, reason = "the macros of napi export nothing to a test"))]

mod answer;
mod desk;
mod errors;
mod gateway;
mod host;
mod http;
mod settings;
mod stream;

use napi_derive::napi;

/// The version of the package.
#[napi]
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
