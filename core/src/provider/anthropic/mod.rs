//! Anthropic's Messages API.

mod assistant;
mod blocks;
mod citation;
mod conversation;
mod error;
mod finish;
mod format;
mod json;
mod model;
mod part;
mod request;
mod response;
mod sampling;
mod schema;
mod stream;
mod thinking;
mod tool_choice;
mod tools;
mod usage;
mod user;
mod wire;

use http::HeaderMap;

use super::express::unsupported;
use super::{Adapter, Call, Decoder, EmbedCall, Failure, Outgoing};
use crate::clock::Millis;
use crate::error::Result;
use crate::stream::Lawful;
use crate::types::{ChatResponse, EmbedResponse};

/// The provider, in warnings and refusals, and on the thinking it signs.
const NAME: &str = "anthropic";

/// The field of a message that carries blocks which OpenAI's shape has no place for.
pub(super) const CONTENT_BLOCKS: &str = "content_blocks";
/// The field of a message that carries what its text cites.
pub(super) const CITATIONS: &str = "citations";
/// The field of a call that says who makes it: the model, or code that Anthropic runs.
pub(super) const CALLER: &str = "caller";

/// The adapter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Anthropic;

impl Adapter for Anthropic {
    fn chat(&self, call: &Call<'_>) -> Result<Outgoing> {
        request::chat(call)
    }

    fn answer(&self, body: &[u8]) -> Result<ChatResponse, Failure> {
        response::read(body)
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        let decoder = stream::MessageDecoder::default();
        if cfg!(debug_assertions) { Box::new(Lawful::new(decoder)) } else { Box::new(decoder) }
    }

    fn embed(&self, call: &EmbedCall<'_>) -> Result<Outgoing> {
        let _ = call;
        Err(unsupported("input", NAME, "it has no embeddings"))
    }

    fn embedded(&self, _: &[u8]) -> Result<EmbedResponse, Failure> {
        Err(Failure::malformed("Anthropic has no embeddings."))
    }

    fn failure(&self, status: u16, headers: &HeaderMap, body: &[u8], now: Millis) -> Failure {
        error::read(status, headers, body, now)
    }
}
