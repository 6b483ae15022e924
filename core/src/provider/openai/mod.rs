//! OpenAI's chat completions, and the model for all adapters that speak the same protocol.

mod compatible;
mod content;
mod contract;
mod conversation;
mod dialect;
mod embed;
mod error;
mod request;
mod response;
mod stream;
mod tools;
mod usage;

use http::HeaderMap;

use super::{Adapter, Call, Decoder, EmbedCall, Endpoint, Failure, Outgoing, path_segment};
use crate::clock::Millis;
use crate::error::Result;
use crate::stream::Lawful;
use crate::types::{ChatResponse, EmbedResponse};

pub use contract::Contract;
pub use dialect::{Auth, Dialect, Limit, Paths, Thinking};
pub(super) use tools::made_up_id;
pub use usage::token_counts;

/// The adapter, in one dialect.
#[derive(Debug, Clone)]
pub struct OpenAi {
    dialect: &'static Dialect,
    /// Azure's dated version of its API.
    api_version: Option<String>,
}

impl OpenAi {
    /// The adapter for `dialect`.
    #[must_use]
    pub fn new(dialect: &'static Dialect) -> OpenAi {
        OpenAi { dialect, api_version: None }
    }

    /// Asks for this version of the API, where the dialect has versions: Azure's.
    #[must_use]
    pub fn api_version(mut self, version: Option<&str>) -> OpenAi {
        self.api_version = version.map(str::to_owned);
        self
    }

    /// Path and query of `operation` for `model`, below the base URL.
    fn path(&self, endpoint: &Endpoint, model: &str, operation: &str) -> Result<String> {
        let base = endpoint.base_url();
        if self.dialect.paths == Paths::Plain || base.ends_with("/openai/v1") {
            return Ok(operation.to_owned());
        }
        let root = if base.ends_with("/openai") { "" } else { "/openai" };
        let Some(version) = &self.api_version else { return Ok(format!("{root}/v1{operation}")) };
        let deployment = path_segment(model)?;
        Ok(format!("{root}/deployments/{deployment}{operation}?api-version={version}"))
    }
}

impl Default for OpenAi {
    fn default() -> OpenAi {
        OpenAi::new(Dialect::OPENAI)
    }
}

impl Adapter for OpenAi {
    fn chat(&self, call: &Call<'_>) -> Result<Outgoing> {
        request::chat(self, call)
    }

    fn answer(&self, body: &[u8]) -> Result<ChatResponse, Failure> {
        response::read(body, self.dialect)
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        let decoder = stream::ChatDecoder::new(self.dialect);
        if cfg!(debug_assertions) { Box::new(Lawful::new(decoder)) } else { Box::new(decoder) }
    }

    fn embed(&self, call: &EmbedCall<'_>) -> Result<Outgoing> {
        embed::request(self, call)
    }

    fn embedded(&self, body: &[u8]) -> Result<EmbedResponse, Failure> {
        embed::read(body)
    }

    fn failure(&self, status: u16, headers: &HeaderMap, body: &[u8], now: Millis) -> Failure {
        error::read(status, headers, body, now)
    }
}
