//! Providers. An adapter translates and does nothing else: no I/O, no clock, no retry.

pub mod anthropic;
mod endpoint;
mod express;
mod failure;
mod foreign;
pub mod gemini;
mod image;
mod name;
pub mod ollama;
pub mod openai;
mod outgoing;

use std::sync::Arc;

use http::HeaderMap;

use crate::clock::Millis;
use crate::config::{ProviderConfig, ProviderKind};
use crate::error::Result;
use crate::stream::Event;
use crate::types::{ChatRequest, ChatResponse, EmbedRequest, EmbedResponse, Model, Usage};

pub use endpoint::Endpoint;
pub use failure::{Failure, FailureClass};
pub use name::path_segment;
pub use openai::token_counts;
pub use outgoing::Outgoing;

/// The adapter of a protocol, as the provider's settings want it.
pub(crate) fn adapter_of(kind: ProviderKind, name: &str, settings: &ProviderConfig) -> Arc<dyn Adapter> {
    match kind {
        ProviderKind::Anthropic => Arc::new(anthropic::Anthropic),
        ProviderKind::Gemini => Arc::new(gemini::Gemini),
        ProviderKind::Openai => {
            let dialect = settings.dialect_of(name).unwrap_or(openai::Dialect::GENERIC);
            Arc::new(openai::OpenAi::new(dialect).api_version(settings.api_version.as_deref()))
        }
        ProviderKind::Ollama => Arc::new(ollama::Ollama),
    }
}

/// One chat call to translate.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The caller's request.
    pub request: &'a ChatRequest,
    /// The model's name as the provider knows it, sent word for word.
    pub model: &'a str,
    /// Whether to ask for a stream.
    pub stream: bool,
    /// Where to.
    pub endpoint: &'a Endpoint,
    /// In strict cap mode: the most output tokens, sent where the caller set no limit or a higher one.
    pub output_cap: Option<u64>,
    /// The most output tokens the model can give, where that is known.
    pub max_output_tokens: Option<u64>,
}

/// One embeddings call to translate.
#[derive(Debug, Clone, Copy)]
pub struct EmbedCall<'a> {
    /// The caller's request.
    pub request: &'a EmbedRequest,
    /// The model's name as the provider knows it, sent word for word.
    pub model: &'a str,
    /// Where to.
    pub endpoint: &'a Endpoint,
}

/// A provider's protocol.
pub trait Adapter: Send + Sync {
    /// Translates a chat call. Fails with `unsupported_parameter` where the provider cannot express the request.
    fn chat(&self, call: &Call<'_>) -> Result<Outgoing>;

    /// Reads a whole answer: the body of a 2xx.
    fn answer(&self, body: &[u8]) -> Result<ChatResponse, Failure>;

    /// Reads a stream: the body of a 2xx, piece by piece.
    fn decoder(&self) -> Box<dyn Decoder>;

    /// Translates an embeddings call.
    fn embed(&self, call: &EmbedCall<'_>) -> Result<Outgoing>;

    /// Reads vectors: the body of a 2xx.
    fn embedded(&self, body: &[u8]) -> Result<EmbedResponse, Failure>;

    /// Reads an answer that is not a 2xx. `now` turns an HTTP date into a time to wait.
    fn failure(&self, status: u16, headers: &HeaderMap, body: &[u8], now: Millis) -> Failure;

    /// Asks which models are there right now. None for a provider whose models are those of the price tables and the
    /// settings.
    fn listing(&self, endpoint: &Endpoint) -> Option<Result<Outgoing>> {
        let _ = endpoint;
        None
    }

    /// Reads the models: the body of a 2xx to [`Adapter::listing`].
    fn listed(&self, body: &[u8]) -> Result<Vec<Model>, Failure> {
        let _ = body;
        Ok(Vec::new())
    }
}

/// Reads one stream.
pub trait Decoder: Send {
    /// Reads more bytes, cut anywhere, and appends the events that are complete. After an error the stream is over.
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<(), Failure>;

    /// The body has ended. Without the provider's own end that is [`FailureClass::Cut`].
    fn end(&mut self, out: &mut Vec<Event>) -> Result<(), Failure>;

    /// The tokens reported so far, for a stream that is left before its end.
    fn usage(&self) -> Option<&Usage>;
}
