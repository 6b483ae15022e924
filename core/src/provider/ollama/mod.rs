//! Ollama's own protocol: `/api/chat` as lines of JSON, `/api/embed`, `/api/tags`.

mod embed;
mod error;
mod host;
mod messages;
mod options;
mod request;
mod response;
mod stream;
mod tags;
mod tools;
mod usage;
mod wire;

use http::HeaderMap;

use super::{Adapter, Call, Decoder, EmbedCall, Endpoint, Failure, Outgoing};
use crate::clock::Millis;
use crate::error::Result;
use crate::stream::Lawful;
use crate::types::{ChatResponse, EmbedResponse, Model};

pub(crate) use host::{DEFAULT_ADDRESS, address};

/// The name in warnings and errors.
const NAME: &str = "Ollama";

/// The adapter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ollama;

impl Adapter for Ollama {
    fn chat(&self, call: &Call<'_>) -> Result<Outgoing> {
        request::chat(call)
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

    fn listing(&self, endpoint: &Endpoint) -> Option<Result<Outgoing>> {
        Some(tags::request(endpoint))
    }

    fn listed(&self, body: &[u8]) -> Result<Vec<Model>, Failure> {
        tags::read(body)
    }
}
