//! Why an answer ended.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why an answer ended. Words that are not known are kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FinishReason {
    /// The model was done, or met a stop sequence.
    Stop,
    /// The token limit was reached: the answer is incomplete.
    Length,
    /// The model calls tools.
    ToolCalls,
    /// A filter cut the answer.
    ContentFilter,
    /// The model calls a function (OpenAI's older form).
    FunctionCall,
    /// Another word of the provider's.
    Other(Box<str>),
}

impl FinishReason {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            FinishReason::Stop => "stop",
            FinishReason::Length => "length",
            FinishReason::ToolCalls => "tool_calls",
            FinishReason::ContentFilter => "content_filter",
            FinishReason::FunctionCall => "function_call",
            FinishReason::Other(word) => word,
        }
    }

    /// Whether the answer is whole: neither cut by a limit or a filter nor ended for a reason we do not know.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self, FinishReason::Stop | FinishReason::ToolCalls | FinishReason::FunctionCall)
    }
}

impl From<&str> for FinishReason {
    fn from(word: &str) -> FinishReason {
        match word {
            "stop" => FinishReason::Stop,
            "length" => FinishReason::Length,
            "tool_calls" => FinishReason::ToolCalls,
            "content_filter" => FinishReason::ContentFilter,
            "function_call" => FinishReason::FunctionCall,
            other => FinishReason::Other(other.into()),
        }
    }
}

impl fmt::Display for FinishReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for FinishReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for FinishReason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FinishReason, D::Error> {
        String::deserialize(deserializer).map(|word| FinishReason::from(word.as_str()))
    }
}
