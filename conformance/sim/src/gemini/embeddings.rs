//! `embedContent` and `batchEmbedContents`.

use serde::Serialize;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::gemini::error::{ApiError, field, not_json};
use crate::gemini::fields::Fields;
use crate::gemini::models::{self, DIMENSIONS};
use crate::gemini::usage::{self, Usage};
use crate::model::embedding::Input;
use crate::model::reported;
use crate::plan::Answer;
use crate::server::Arrived;

/// Requests in one batch at most.
const MOST: usize = 100;

const KNOWN: [&str; 6] =
    ["model", "content", "taskType", "title", "outputDimensionality", "embedContentConfig"];

#[derive(Serialize)]
struct Vector {
    values: Vec<f32>,
}

/// A text, and the dimensions wanted.
struct Wanted {
    input: Input,
    dimensions: usize,
}

impl Wanted {
    fn read(request: &Fields<'_>, name: &str) -> Result<Self, ApiError> {
        request.only(&KNOWN)?;
        let dimensions = request.integer("outputDimensionality")?.unwrap_or(DIMENSIONS);
        if !(1..=DIMENSIONS).contains(&dimensions) {
            let message = format!("output_dimensionality must be in the range [1, {DIMENSIONS}].");
            return Err(field(name, "output_dimensionality", &message));
        }
        let Some(content) = request.object("content")? else {
            return Err(field(name, "content", "contents is not specified"));
        };
        content.only(&["parts", "role"])?;
        let mut texts = Vec::new();
        for part in content.objects("parts")? {
            part.only(&["text"])?;
            texts.extend(part.text("text")?);
        }
        let input = Input::text(&texts.join("\n"));
        let input = input.ok_or_else(|| field(name, "content", "content is empty"))?;
        Ok(Self { input, dimensions: usize::try_from(dimensions).unwrap_or_default() })
    }

    fn vector(&self) -> Vector {
        let full = usize::try_from(DIMENSIONS).unwrap_or_default();
        Vector { values: self.input.vector(full, self.dimensions) }
    }
}

pub(crate) fn one(arrived: &Arrived, model: &str, faults: &[&Fault]) -> Result<Answer, ApiError> {
    models::embedding(arrived, model, "embedContent")?;
    let body: Value = serde_json::from_slice(&arrived.body).map_err(|_| not_json())?;
    let wanted = Wanted::read(&Fields::body(&body)?, "EmbedContentRequest")?;
    Ok(told(json!({"embedding": wanted.vector()}), wanted.input.tokens(), faults))
}

pub(crate) fn batch(arrived: &Arrived, model: &str, faults: &[&Fault]) -> Result<Answer, ApiError> {
    const NAME: &str = "BatchEmbedContentsRequest";
    models::embedding(arrived, model, "batchEmbedContents")?;
    let body: Value = serde_json::from_slice(&arrived.body).map_err(|_| not_json())?;
    let body = Fields::body(&body)?;
    body.only(&["requests"])?;
    let requests = body.objects("requests")?;
    if requests.is_empty() || requests.len() > MOST {
        return Err(field(NAME, "requests", &format!("at most {MOST} requests can be in one batch")));
    }
    let mut vectors = Vec::with_capacity(requests.len());
    let mut tokens = 0;
    for (index, request) in requests.iter().enumerate() {
        if request.text("model")? != Some(&format!("models/{model}")) {
            let message = "model must match the model in the BatchEmbedContentsRequest";
            return Err(field(NAME, &format!("requests[{index}].model"), message));
        }
        let wanted = Wanted::read(request, &format!("{NAME}.requests[{index}]"))?;
        tokens += wanted.input.tokens();
        vectors.push(wanted.vector());
    }
    Ok(told(json!({"embeddings": vectors}), tokens, faults))
}

fn told(mut body: Value, tokens: u64, faults: &[&Fault]) -> Answer {
    let counted = Usage::new((tokens, 0), 0, 0);
    let value = counted.value();
    let usage = reported(counted, faults, usage::change).map(|told| told.value());
    if let (Some(object), Some(usage)) = (body.as_object_mut(), &usage) {
        object.insert("usageMetadata".to_owned(), usage.clone());
    }
    Answer::json(&body, Some(value), usage)
}
