//! `POST /v1/embeddings`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::model::embedding::Input;
use crate::model::reported;
use crate::openai::error::{ApiError, invalid, invalid_without_code, missing, no_model, not_json};
use crate::openai::params::{Params, wrong_type};
use crate::openai::{models, usage};
use crate::plan::Answer;
use crate::server::Arrived;

/// Inputs in one request, and tokens in one input, at most.
const MOST_INPUTS: usize = 2_048;
const MOST_TOKENS: u64 = 8_192;

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Embedding>,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Value>,
}

#[derive(Serialize)]
struct Embedding {
    object: &'static str,
    index: usize,
    embedding: Numbers,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Numbers {
    Float(Vec<f32>),
    Base64(String),
}

pub(crate) fn answer(arrived: &Arrived, faults: &[&Fault]) -> Result<Answer, ApiError> {
    let body: Value = serde_json::from_slice(&arrived.body).map_err(|_| not_json())?;
    let params = Params::new(body.as_object().ok_or_else(not_json)?, "");
    let model = params.text("model")?.filter(|model| !model.is_empty()).ok_or_else(no_model)?;
    models::serving(model)?;
    let inputs = read_inputs(params.get("input").ok_or_else(|| missing("input"))?)?;
    let full = if model == "text-embedding-3-large" { 3_072 } else { 1_536 };
    let dimensions = params.integer("dimensions", 1, full)?;
    if dimensions.is_some() && model == "text-embedding-ada-002" {
        return Err(invalid_without_code("dimensions", "This model does not support specifying dimensions."));
    }
    let base64 = params.choice("encoding_format", &["float", "base64"])? == Some("base64");
    params.text("user")?;
    let full = usize::try_from(full).unwrap_or_default();
    let wanted = dimensions.and_then(|wanted| usize::try_from(wanted).ok()).unwrap_or(full);
    let data = inputs
        .iter()
        .enumerate()
        .map(|(index, input)| Embedding {
            object: "embedding",
            index,
            embedding: numbers(input.vector(full, wanted), base64),
        })
        .collect();
    let tokens: u64 = inputs.iter().map(Input::tokens).sum();
    let counted = json!({"prompt_tokens": tokens, "total_tokens": tokens});
    let usage = reported(counted.clone(), faults, usage::change).map(|told| told.value());
    Ok(Answer::json(&List { object: "list", data, model, usage: usage.clone() }, Some(counted), usage))
}

fn read_inputs(input: &Value) -> Result<Vec<Input>, ApiError> {
    let inputs: Vec<Input> = match input {
        Value::String(text) => vec![text_input(text)?],
        Value::Array(list) if list.is_empty() => return Err(empty()),
        Value::Array(list) if list.first().is_some_and(Value::is_number) => vec![token_input(list, "input")?],
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(index, item)| match item {
                Value::String(text) => text_input(text),
                Value::Array(tokens) => token_input(tokens, &format!("input[{index}]")),
                other => {
                    Err(wrong_type(&format!("input[{index}]"), "one of a string or array of integers", other))
                }
            })
            .collect::<Result<_, _>>()?,
        other => return Err(wrong_type("input", "one of a string or array", other)),
    };
    if inputs.len() > MOST_INPUTS {
        let message = format!(
            "Invalid 'input': array too long. Expected an array with maximum length {MOST_INPUTS}, but got an array with length {} instead.",
            inputs.len()
        );
        return Err(invalid("input", "array_above_max_length", message));
    }
    if let Some(long) = inputs.iter().find(|input| input.tokens() > MOST_TOKENS) {
        let message = format!(
            "This model's maximum context length is {MOST_TOKENS} tokens, however you requested {} tokens. Please reduce your prompt.",
            long.tokens()
        );
        return Err(invalid_without_code("input", message));
    }
    Ok(inputs)
}

fn empty() -> ApiError {
    invalid_without_code("input", "Invalid 'input': input cannot be an empty string or array.")
}

fn text_input(text: &str) -> Result<Input, ApiError> {
    Input::text(text).ok_or_else(empty)
}

fn token_input(list: &[Value], place: &str) -> Result<Input, ApiError> {
    if list.is_empty() {
        return Err(empty());
    }
    let numbers = list
        .iter()
        .map(|token| token.as_u64().ok_or_else(|| wrong_type(place, "an array of integers", token)))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Input::token_numbers(numbers))
}

fn numbers(vector: Vec<f32>, base64: bool) -> Numbers {
    if base64 {
        Numbers::Base64(STANDARD.encode(vector.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>()))
    } else {
        Numbers::Float(vector)
    }
}
