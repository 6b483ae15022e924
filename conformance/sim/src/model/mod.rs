//! The simulated model: what is said, whatever the vendor.
//!
//! A vendor reads its own request into a [`Prompt`], has the [`Reply`] composed, and writes it in its own protocol. The
//! model knows nothing of HTTP, JSON bodies or field names.

pub(crate) mod calls;
pub(crate) mod draw;
pub(crate) mod embedding;
pub(crate) mod prompt;
pub(crate) mod prose;
pub(crate) mod reply;
pub(crate) mod schema;
pub(crate) mod thinking;
pub(crate) mod tokens;
pub(crate) mod usage;

pub(crate) use calls::ToolCall;
pub(crate) use draw::{hash, hex, letters};
pub(crate) use prompt::{Call, Format, Message, Prompt, Role, Tool, ToolChoice};
pub(crate) use reply::{Choice, Finish, Reply, Said, compose};
pub(crate) use usage::{Counted, Reported, overlay, reported};
