//! Google's Gemini API: `generateContent`, its stream, and embeddings.

mod answer;
mod candidate;
mod contents;
mod embed;
mod error;
mod finish;
mod generation;
mod history;
mod ids;
mod logprobs;
mod model;
mod parts;
mod request;
mod response;
mod results;
mod signature;
mod stray;
mod stream;
mod tools;
mod usage;
mod warnings;
mod wire;

use http::HeaderMap;

pub(super) use candidate::OWN_PARTS;
pub(super) use signature::EXTRA_CONTENT;

use super::{Adapter, Call, Decoder, EmbedCall, Failure, Outgoing};
use crate::clock::Millis;
use crate::error::Result;
use crate::stream::Lawful;
use crate::types::{ChatResponse, EmbedResponse};

/// The protocol's name: in thinking blocks, and in warnings and refusals.
const NAME: &str = "gemini";

/// The adapter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gemini;

impl Adapter for Gemini {
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
}
