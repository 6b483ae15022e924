//! What an answer costs in tokens, and what is reported of it.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::openai::request::ChatRequest;
use crate::openai::tokens::count;

/// Tokens around every message.
const PER_MESSAGE: u64 = 4;
/// Tokens that open the answer.
const PRIMING: u64 = 3;
/// Tokens of an image by detail.
const LOW_IMAGE: u64 = 85;
const HIGH_IMAGE: u64 = 765;
/// Tokens of an audio or file part.
const ATTACHMENT: u64 = 128;

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

/// The vendor's usage object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

impl Usage {
    pub(crate) fn new(prompt: u64, completion: u64, reasoning: u64) -> Self {
        Self {
            prompt_tokens: prompt,
            completion_tokens: completion,
            total_tokens: prompt + completion,
            prompt_tokens_details: PromptDetails::default(),
            completion_tokens_details: CompletionDetails {
                reasoning_tokens: reasoning,
                ..Default::default()
            },
        }
    }

    pub(crate) fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Tokens of the conversation, its tools and its response format.
pub(crate) fn prompt_tokens(request: &ChatRequest<'_>) -> u64 {
    let messages: u64 = request
        .messages
        .iter()
        .map(|message| {
            let images: u64 = message
                .images
                .iter()
                .map(|detail| if *detail == "low" { LOW_IMAGE } else { HIGH_IMAGE })
                .sum();
            let calls: u64 = message
                .tool_calls
                .iter()
                .map(|call| PER_MESSAGE + count(call.name) + count(call.arguments))
                .sum();
            PER_MESSAGE
                + count(&message.text)
                + message.name.map_or(0, count)
                + images
                + calls
                + message.attachments * ATTACHMENT
        })
        .sum();
    let tools: u64 = request.tools.iter().map(|tool| count(&tool.definition.to_string())).sum();
    let format = match request.format {
        crate::openai::request::Format::JsonSchema(schema) => count(&schema.to_string()),
        _ => 0,
    };
    PRIMING + messages + tools + format
}

/// Usage as it is told: the counted one in the vendor's field order, unless a script changed it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Reported {
    Counted(Usage),
    Changed(Value),
}

impl Reported {
    pub(crate) fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// What the script makes of the counted usage; none when it is not to be reported.
pub(crate) fn reported(counted: Usage, faults: &[&Fault]) -> Option<Reported> {
    if faults.contains(&&Fault::NoUsage) {
        return None;
    }
    let mut told = Reported::Counted(counted);
    for fault in faults {
        if let Fault::Usage(fields) = fault {
            told = Reported::Changed(changed(told.value(), fields));
        }
    }
    Some(told)
}

/// Lays `fields` over a usage object, and adds up the total unless it is among them.
pub(crate) fn changed(mut usage: Value, fields: &Map<String, Value>) -> Value {
    overlay(&mut usage, fields);
    let part = |name: &str| usage.get(name).and_then(Value::as_u64);
    if let (false, Some(prompt), Some(completion)) =
        (fields.contains_key("total_tokens"), part("prompt_tokens"), part("completion_tokens"))
        && let Some(object) = usage.as_object_mut()
    {
        object.insert("total_tokens".to_owned(), prompt.saturating_add(completion).into());
    }
    usage
}

fn overlay(base: &mut Value, fields: &Map<String, Value>) {
    let Some(object) = base.as_object_mut() else { return };
    for (name, value) in fields {
        match (object.get_mut(name), value) {
            (Some(inner @ Value::Object(_)), Value::Object(details)) => overlay(inner, details),
            _ => {
                object.insert(name.clone(), value.clone());
            }
        }
    }
}
