//! `POST /api/embed`, and `/api/embeddings` from before it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::model::embedding::Input;
use crate::model::{overlay, reported};
use crate::ollama::error::{Refusal, bad, not_pulled};
use crate::ollama::library::{Library, Pulled};
use crate::ollama::request::read;
use crate::plan::Answer;

/// Tokens of one input at most.
const CONTEXT: u64 = 512;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    model: Option<String>,
    input: Option<Value>,
    truncate: Option<bool>,
    dimensions: Option<u64>,
    // Of the older route.
    prompt: Option<String>,
}

#[derive(Serialize)]
struct Vectors<'a> {
    model: &'a str,
    embeddings: Vec<Vec<f32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_duration: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    load_duration: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_eval_count: Option<Value>,
}

fn find(library: &Library, asked: &Asked) -> Result<(String, Pulled), Refusal> {
    let name = asked.model.clone().unwrap_or_default();
    let model = library.find(&name).ok_or_else(|| not_pulled(&name))?;
    Ok((name, model))
}

pub(crate) fn embed(library: &Library, body: &[u8], faults: &[&Fault]) -> Result<Answer, Refusal> {
    let asked: Asked = read(body)?;
    let texts = match &asked.input {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) if text.is_empty() => Vec::new(),
        Some(Value::String(text)) => vec![text.as_str()],
        Some(Value::Array(list)) => {
            let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
            texts.ok_or_else(|| bad("invalid input type"))?
        }
        Some(_) => return Err(bad("invalid input type")),
    };
    let (name, model) = find(library, &asked)?;
    // An empty text has a vector like any other.
    let inputs: Vec<Input> =
        texts.iter().filter_map(|text| Input::text(text).or(Input::text("\u{0}"))).collect();
    if asked.truncate == Some(false) && inputs.iter().any(|input| input.tokens() > CONTEXT) {
        return Err(bad("the input length exceeds the context length"));
    }
    let full = model.dimensions();
    let dimensions = asked.dimensions.and_then(|wanted| usize::try_from(wanted).ok());
    let wanted = dimensions.filter(|wanted| (1..full).contains(wanted)).unwrap_or(full);
    let tokens: u64 = inputs.iter().map(|input| input.tokens().min(CONTEXT)).sum();
    let counted = json!({"prompt_eval_count": tokens});
    let told = reported(counted.clone(), faults, overlay).map(|told| told.value());
    let vectors = Vectors {
        model: &name,
        embeddings: inputs.iter().map(|input| input.vector(full, wanted)).collect(),
        total_duration: (!inputs.is_empty()).then_some(14_143_917),
        load_duration: (!inputs.is_empty()).then_some(1_019_500),
        prompt_eval_count: told
            .as_ref()
            .and_then(|told| told.get("prompt_eval_count"))
            .filter(|count| count.as_u64() != Some(0))
            .cloned(),
    };
    Ok(Answer::json(&vectors, Some(counted), told))
}

pub(crate) fn embeddings(library: &Library, body: &[u8]) -> Result<Answer, Refusal> {
    let asked: Asked = read(body)?;
    let (_, model) = find(library, &asked)?;
    let vector = asked.prompt.as_deref().and_then(Input::text).map(|input| {
        let full = model.dimensions();
        input.vector(full, full)
    });
    Ok(Answer::json(&json!({"embedding": vector.unwrap_or_default()}), None, None))
}
