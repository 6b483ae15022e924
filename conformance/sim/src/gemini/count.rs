//! `countTokens`.

use serde_json::{Value, json};

use crate::gemini::error::{ApiError, not_json};
use crate::gemini::fields::Fields;
use crate::gemini::models;
use crate::gemini::request::Request;
use crate::gemini::usage::kinds;
use crate::plan::Answer;
use crate::server::Arrived;

pub(crate) fn answer(arrived: &Arrived, model: &str) -> Result<Answer, ApiError> {
    let model = models::chat(arrived, model, "countTokens")?;
    let body: Value = serde_json::from_slice(&arrived.body).map_err(|_| not_json())?;
    let fields = Fields::body(&body)?;
    fields.only(&["contents", "generateContentRequest"])?;
    let request = match fields.get("generateContentRequest") {
        Some(request) => Request::read(request, model)?,
        None => Request::of(&fields, model)?,
    };
    let (text, images) = kinds(&request.prompt);
    let mut details = vec![json!({"modality": "TEXT", "tokenCount": text})];
    if images > 0 {
        details.push(json!({"modality": "IMAGE", "tokenCount": images}));
    }
    Ok(Answer::json(&json!({"totalTokens": text + images, "promptTokensDetails": details}), None, None))
}
