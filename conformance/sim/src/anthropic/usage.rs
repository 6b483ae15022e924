//! The vendor's usage object.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::{Counted, Reported, overlay};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct CacheCreation {
    ephemeral_5m_input_tokens: u64,
    ephemeral_1h_input_tokens: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct OutputDetails {
    thinking_tokens: u64,
}

/// Tokens as the vendor tells them, in its field order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Usage {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_creation: Option<CacheCreation>,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_details: Option<OutputDetails>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inference_geo: Option<&'static str>,
}

/// Prompt tokens that are kept for later requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) tokens: u64,
    pub(crate) hour: bool,
}

impl Usage {
    pub(crate) fn new(counted: Counted, kept: Kept) -> Self {
        let (minutes, hour) = if kept.hour { (0, kept.tokens) } else { (kept.tokens, 0) };
        Self {
            input_tokens: counted.prompt.saturating_sub(kept.tokens),
            cache_creation_input_tokens: kept.tokens,
            cache_read_input_tokens: 0,
            cache_creation: Some(CacheCreation {
                ephemeral_5m_input_tokens: minutes,
                ephemeral_1h_input_tokens: hour,
            }),
            output_tokens: counted.completion,
            output_tokens_details: Some(OutputDetails { thinking_tokens: counted.thinking }),
            service_tier: Some("standard"),
            inference_geo: Some("not_available"),
        }
    }

    pub(crate) fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Lays a script's fields over a usage object.
pub(crate) fn change(usage: &mut Value, fields: &Map<String, Value>) {
    overlay(usage, fields);
}

/// What `message_start` tells: the input, and one token of output.
pub(crate) fn at_start(told: &Reported<Usage>) -> Reported<Usage> {
    match told {
        Reported::Counted(usage) => Reported::Counted(Usage {
            output_tokens: usage.output_tokens.min(1),
            output_tokens_details: None,
            ..*usage
        }),
        Reported::Changed(usage) => {
            let mut usage = usage.clone();
            if let Some(object) = usage.as_object_mut() {
                object.remove("output_tokens_details");
                let first = object.get("output_tokens").and_then(Value::as_u64).unwrap_or_default().min(1);
                object.insert("output_tokens".to_owned(), first.into());
            }
            Reported::Changed(usage)
        }
    }
}

/// What `message_delta` tells: totals, and nothing of tiers and places.
pub(crate) fn at_end(told: &Reported<Usage>) -> Reported<Usage> {
    match told {
        Reported::Counted(usage) => Reported::Counted(Usage {
            cache_creation: None,
            service_tier: None,
            inference_geo: None,
            ..*usage
        }),
        Reported::Changed(usage) => {
            let mut usage = usage.clone();
            if let Some(object) = usage.as_object_mut() {
                for field in ["cache_creation", "service_tier", "inference_geo"] {
                    object.remove(field);
                }
            }
            Reported::Changed(usage)
        }
    }
}
