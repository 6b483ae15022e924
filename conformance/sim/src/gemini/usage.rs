//! The vendor's usage object.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::{Prompt, overlay};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    modality: &'static str,
    token_count: u64,
}

/// Tokens as the vendor tells them, in its field order; what is zero is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Usage {
    prompt_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    candidates_token_count: u64,
    total_token_count: u64,
    prompt_tokens_details: Vec<Kind>,
    #[serde(skip_serializing_if = "is_zero")]
    thoughts_token_count: u64,
    service_tier: &'static str,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The prompt's tokens by kind.
pub(crate) fn kinds(prompt: &Prompt<'_>) -> (u64, u64) {
    let images: u64 = prompt.messages.iter().flat_map(|message| &message.images).sum();
    (prompt.tokens() - images, images)
}

impl Usage {
    /// `text` and `images` in, `answer` and `thoughts` out.
    pub(crate) fn new((text, images): (u64, u64), answer: u64, thoughts: u64) -> Self {
        let mut details = vec![Kind { modality: "TEXT", token_count: text }];
        if images > 0 {
            details.push(Kind { modality: "IMAGE", token_count: images });
        }
        Self {
            prompt_token_count: text + images,
            candidates_token_count: answer,
            total_token_count: text + images + answer + thoughts,
            prompt_tokens_details: details,
            thoughts_token_count: thoughts,
            service_tier: "standard",
        }
    }

    pub(crate) fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Lays a script's fields over a usage object, and adds up the total unless it is among them.
pub(crate) fn change(usage: &mut Value, fields: &Map<String, Value>) {
    overlay(usage, fields);
    if fields.contains_key("totalTokenCount") {
        return;
    }
    let part = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or(0);
    let parts = ["promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount"];
    let total = parts.into_iter().map(part).fold(0, u64::saturating_add);
    if let Some(object) = usage.as_object_mut() {
        object.insert("totalTokenCount".to_owned(), total.into());
    }
}
