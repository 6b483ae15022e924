//! OpenAI's chat completions, and the model for all adapters that speak the same protocol.

mod embed;
mod error;
mod request;
mod response;
mod stream;
mod tools;
mod usage;

use http::HeaderMap;

use super::{Adapter, Call, Decoder, EmbedCall, Failure, Outgoing};
use crate::clock::Millis;
use crate::error::Result;
use crate::stream::Lawful;
use crate::types::{ChatResponse, EmbedResponse};

pub(super) use tools::made_up_id;
pub use usage::token_counts;

/// Where a provider of this protocol differs.
#[derive(Debug, Clone)]
pub struct Dialect {
    /// Models that refuse `max_tokens` and want `max_completion_tokens`, by the first part of their names.
    pub completion_limit: &'static [&'static str],
}

impl Dialect {
    /// OpenAI itself.
    pub const OPENAI: Dialect =
        Dialect { completion_limit: &["o1", "o3", "o4", "gpt-5", "gpt-6", "codex", "computer-use"] };

    /// Whether `model` refuses `max_tokens`. A name counts up to a `-` or a `.`; a fine-tuned one by its base.
    fn wants_completion_limit(&self, model: &str) -> bool {
        let base = model.strip_prefix("ft:").unwrap_or(model);
        self.completion_limit.iter().any(|family| {
            base.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.', ':']))
        })
    }
}

/// The adapter.
#[derive(Debug, Clone)]
pub struct OpenAi {
    dialect: Dialect,
}

impl OpenAi {
    /// The adapter for `dialect`.
    #[must_use]
    pub fn new(dialect: Dialect) -> OpenAi {
        OpenAi { dialect }
    }
}

impl Default for OpenAi {
    fn default() -> OpenAi {
        OpenAi::new(Dialect::OPENAI)
    }
}

impl Adapter for OpenAi {
    fn chat(&self, call: &Call<'_>) -> Result<Outgoing> {
        request::chat(&self.dialect, call)
    }

    fn answer(&self, body: &[u8]) -> Result<ChatResponse, Failure> {
        response::read(body)
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        let decoder = stream::ChatDecoder::default();
        if cfg!(debug_assertions) { Box::new(Lawful::new(decoder)) } else { Box::new(decoder) }
    }

    fn embed(&self, call: &EmbedCall<'_>) -> Result<Outgoing> {
        embed::request(call)
    }

    fn embedded(&self, body: &[u8]) -> Result<EmbedResponse, Failure> {
        embed::read(body)
    }

    fn failure(&self, status: u16, headers: &HeaderMap, body: &[u8], now: Millis) -> Failure {
        error::read(status, headers, body, now)
    }
}
