//! Embeddings: `POST /api/embed`.

use http::header::AUTHORIZATION;
use serde::Deserialize;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{NAME, error};
use crate::error::Result;
use crate::provider::express::{left_out, unsupported};
use crate::provider::outgoing::JSON;
use crate::provider::{EmbedCall, Failure, FailureClass, Outgoing};
use crate::types::{EmbedInput, EmbedRequest, EmbedResponse, Embedding, Extra, Raw, Usage};

/// Fields that are written anew, answered by us, or the gateway's own.
const DECIDED: [&str; 4] = ["model", "encoding_format", "user", "lockgate"];

pub(super) fn request(call: &EmbedCall<'_>) -> Result<Outgoing> {
    if let EmbedInput::Tokens(_) = call.request.inputs()? {
        return Err(unsupported("input", NAME, "it takes text, not token ids"));
    }
    let mut outgoing = Outgoing::post(call.endpoint, "/api/embed", &Body(call.model, call.request), JSON)?
        .key(call.endpoint, AUTHORIZATION, "Bearer ")?;
    if call.request.user.is_some() {
        outgoing.warnings.push(left_out("user", NAME));
    }
    Ok(outgoing)
}

struct Body<'a>(&'a str, &'a EmbedRequest);

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("model", self.0)?;
        self.1.entries(&mut map, &DECIDED)?;
        map.end()
    }
}

#[derive(Deserialize)]
struct Known {
    model: Option<String>,
    embeddings: Vec<Raw>,
    prompt_eval_count: Option<u64>,
}

pub(super) fn read(body: &[u8]) -> Result<EmbedResponse, Failure> {
    let known: Known = serde_json::from_slice(body).map_err(|problem| match error::told(body) {
        Some(words) => Failure::told(FailureClass::InBand, None, Some(&words)),
        None => Failure::malformed(format!("The provider's answer cannot be read: {problem}.")),
    })?;
    if known.embeddings.is_empty() {
        return Err(Failure::malformed("The provider's answer has no vectors."));
    }
    let mut extra: Extra = serde_json::from_slice(body).unwrap_or_default();
    for name in ["model", "embeddings", "prompt_eval_count"] {
        extra.remove(name);
    }
    let data = (0..)
        .zip(known.embeddings)
        .map(|(index, embedding)| Embedding { index, embedding, ..Embedding::default() })
        .collect();
    Ok(EmbedResponse {
        data,
        model: known.model.unwrap_or_default(),
        usage: known.prompt_eval_count.map(|tokens| Usage::of(tokens, 0)),
        extra,
        ..EmbedResponse::default()
    })
}
