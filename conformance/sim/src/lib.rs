//! Provider simulators at the wire, with scriptable faults.
//!
//! The simulator is independent evidence: it shares no code with the gateway it is used to judge. It listens on one
//! loopback socket, speaks each vendor's protocol under a path of its own, and records what arrived and what was
//! truly delivered. Answers depend only on the request, so equal requests get equal answers.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use lockgate_sim::{Fault, Options, Provider, Sim};
//!
//! let sim = Sim::start(Options::default()).await?;
//! sim.fault(Provider::OpenAi, Fault::status(429).retry_after("2"));
//! sim.fault(Provider::OpenAi, Fault::cut_after_events(3));
//! // … send requests to `sim.openai_base_url()` …
//! let arrived = sim.settled().await;
//! assert_eq!(arrived.len(), 2);
//! sim.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! Other languages drive the `lockgate-sim` binary over HTTP, by the control protocol below.
//!
#![doc = include_str!("../README.md")]

mod body;
mod clock;
mod control;
mod fault;
mod gemini;
mod model;
mod ollama;
mod openai;
mod plan;
mod record;
mod script;
mod server;
mod sim;
mod wire;

pub use fault::{
    Cut, CutClose, ErrorInStream, Fault, Finish, Malformed, Pace, Reasoning, Reply, ResetAfter, SplitUtf8,
    Stall, StallStage, StatusFault, ToolCallScript, ToolCalls,
};
pub use record::{Delivered, Outcome, Recorded};
pub use script::{Provider, Scripted};
pub use sim::{Options, Sim};
