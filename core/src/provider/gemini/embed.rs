//! Embeddings: one text, or a batch of texts.

use serde::Deserialize;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::model::Model;
use super::request::post;
use super::usage::Reports;
use super::warnings::Warnings;
use super::wire::{Content, Part, UsageReport};
use super::{NAME, error};
use crate::error::Result;
use crate::provider::express::unsupported;
use crate::provider::outgoing::JSON;
use crate::provider::{EmbedCall, Failure, Outgoing};
use crate::types::{EmbedInput, EmbedRequest, EmbedResponse, Embedding, Extra, Raw, Usage};

pub(super) fn request(call: &EmbedCall<'_>) -> Result<Outgoing> {
    let model = Model::new(call.model);
    let mut warnings = Warnings::default();
    if call.request.user.is_some() {
        warnings.left_out("user");
    }
    let EmbedInput::Texts(texts) = call.request.inputs()? else {
        return Err(unsupported("input", NAME, "it takes text, no token ids"));
    };
    let one = |text| One { model: call.model, text, request: call.request };
    let outgoing = match texts.as_slice() {
        [text] => post(call.endpoint, &model.path("embedContent")?, &one(text), JSON)?,
        several => {
            let batch = Batch { requests: several.iter().map(|text| one(text)).collect() };
            post(call.endpoint, &model.path("batchEmbedContents")?, &batch, JSON)?
        }
    };
    Ok(Outgoing { warnings: warnings.0, ..outgoing })
}

#[derive(serde::Serialize)]
struct Batch<'a> {
    requests: Vec<One<'a>>,
}

struct One<'a> {
    model: &'a str,
    text: &'a str,
    request: &'a EmbedRequest,
}

impl Serialize for One<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("model", &format!("models/{}", self.model))?;
        map.serialize_entry("content", &Content { role: None, parts: vec![Part::text(self.text)] })?;
        if let Some(dimensions) = self.request.dimensions {
            map.serialize_entry("outputDimensionality", &dimensions)?;
        }
        // `taskType`, `title` …
        for (name, value) in self.request.extra.iter().filter(|(name, _)| *name != "lockgate") {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vectors {
    #[serde(default)]
    embedding: Option<Vector>,
    #[serde(default)]
    embeddings: Vec<Vector>,
    #[serde(default)]
    usage_metadata: Option<UsageReport>,
}

#[derive(Deserialize)]
struct Vector {
    values: Raw,
}

pub(super) fn read(body: &[u8]) -> Result<EmbedResponse, Failure> {
    if let Some(failure) = error::within(body) {
        return Err(failure);
    }
    let vectors: Vectors = serde_json::from_slice(body)
        .map_err(|problem| Failure::malformed(format!("The provider's answer cannot be read: {problem}.")))?;
    let all = vectors.embedding.into_iter().chain(vectors.embeddings);
    let data: Vec<Embedding> = (0..)
        .zip(all)
        .map(|(index, vector)| Embedding { index, embedding: vector.values, ..Embedding::default() })
        .collect();
    if data.is_empty() {
        return Err(Failure::malformed("The provider's answer has no vectors."));
    }
    Ok(EmbedResponse { data, usage: vectors.usage_metadata.and_then(usage), ..EmbedResponse::default() })
}

/// A report that counts nothing is none.
fn usage(report: UsageReport) -> Option<Usage> {
    let mut reports = Reports::default();
    reports.take(report);
    let known = reports.usage().filter(|usage| usage.prompt_tokens > 0)?;
    let extra: Extra = known.extra.clone();
    Some(Usage { extra, ..Usage::of(known.prompt_tokens, 0) })
}
