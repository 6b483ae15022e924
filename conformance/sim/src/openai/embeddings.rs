//! `POST /v1/embeddings`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::openai::error::{ApiError, invalid, invalid_without_code, missing, no_model, not_json};
use crate::openai::params::{Params, wrong_type};
use crate::openai::{hash, json_answer, mix, models, tokens, usage};
use crate::plan::Answer;
use crate::server::Arrived;

/// Inputs in one request, and tokens in one input, at most.
const MOST_INPUTS: usize = 2_048;
const MOST_TOKENS: usize = 8_192;

/// One input as the words its vector is made of.
struct Input {
    words: Vec<u64>,
    tokens: usize,
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Embedding>,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<&'a Value>,
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
            embedding: numbers(input, full, wanted, base64),
        })
        .collect();
    let tokens: usize = inputs.iter().map(|input| input.tokens).sum();
    let counted = json!({"prompt_tokens": tokens, "total_tokens": tokens});
    let reported = if faults.contains(&&Fault::NoUsage) { None } else { Some(overridden(&counted, faults)) };
    Ok(json_answer(
        &List { object: "list", data, model, usage: reported.as_ref() },
        Some(counted),
        reported.clone(),
    ))
}

fn overridden(counted: &Value, faults: &[&Fault]) -> Value {
    faults.iter().fold(counted.clone(), |usage, fault| match fault {
        Fault::Usage(fields) => usage::changed(usage, fields),
        _ => usage,
    })
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
    if let Some(long) = inputs.iter().find(|input| input.tokens > MOST_TOKENS) {
        let message = format!(
            "This model's maximum context length is {MOST_TOKENS} tokens, however you requested {} tokens. Please reduce your prompt.",
            long.tokens
        );
        return Err(invalid_without_code("input", message));
    }
    Ok(inputs)
}

fn empty() -> ApiError {
    invalid_without_code("input", "Invalid 'input': input cannot be an empty string or array.")
}

fn text_input(text: &str) -> Result<Input, ApiError> {
    if text.is_empty() {
        return Err(empty());
    }
    let lower = text.to_lowercase();
    let words = lower.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut words: Vec<u64> = words.map(|word| hash(word.as_bytes())).collect();
    if words.is_empty() {
        words.push(hash(text.as_bytes()));
    }
    Ok(Input { words, tokens: tokens::tokens(text).len() })
}

fn token_input(list: &[Value], place: &str) -> Result<Input, ApiError> {
    if list.is_empty() {
        return Err(empty());
    }
    let words = list
        .iter()
        .map(|token| token.as_u64().map(mix).ok_or_else(|| wrong_type(place, "an array of integers", token)))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Input { tokens: words.len(), words })
}

/// The unit vector of an input: the sum of its words' own vectors, so that texts which share words lie near each other.
/// Fewer dimensions are the first of all, made a unit vector again.
fn numbers(input: &Input, full: usize, wanted: usize, base64: bool) -> Numbers {
    let mut vector = vec![0_f64; full];
    for word in &input.words {
        let mut state = *word;
        for number in &mut vector {
            state = mix(state);
            // 24 bits are exact in a float: from -1 to 1.
            *number += (state >> 40) as f64 / f64::from(1_u32 << 23) - 1.0;
        }
    }
    vector.truncate(wanted);
    let length = vector.iter().map(|number| number * number).sum::<f64>().sqrt();
    let unit = vector.iter().map(|number| (number / length) as f32);
    if base64 {
        Numbers::Base64(STANDARD.encode(unit.flat_map(f32::to_le_bytes).collect::<Vec<u8>>()))
    } else {
        Numbers::Float(unit.collect())
    }
}
