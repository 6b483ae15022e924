//! The vendor's usage object.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::{Counted, overlay};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct PromptDetails {
    cached_tokens: u64,
    audio_tokens: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
    audio_tokens: u64,
    accepted_prediction_tokens: u64,
    rejected_prediction_tokens: u64,
}

/// Tokens as the vendor tells them, in its field order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

impl Usage {
    pub(crate) fn new(counted: Counted) -> Self {
        Self {
            prompt_tokens: counted.prompt,
            completion_tokens: counted.completion,
            total_tokens: counted.prompt + counted.completion,
            prompt_tokens_details: PromptDetails::default(),
            completion_tokens_details: CompletionDetails {
                reasoning_tokens: counted.thinking,
                ..Default::default()
            },
        }
    }

    pub(crate) fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Lays a script's fields over a usage object, and adds up the total unless it is among them.
pub(crate) fn change(usage: &mut Value, fields: &Map<String, Value>) {
    overlay(usage, fields);
    let part = |name: &str| usage.get(name).and_then(Value::as_u64);
    if let (false, Some(prompt), Some(completion)) =
        (fields.contains_key("total_tokens"), part("prompt_tokens"), part("completion_tokens"))
        && let Some(object) = usage.as_object_mut()
    {
        object.insert("total_tokens".to_owned(), prompt.saturating_add(completion).into());
    }
}
