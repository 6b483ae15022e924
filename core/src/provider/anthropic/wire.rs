//! What comes in: messages and the events of a stream.

use serde::Deserialize;

use super::usage::Usage;
use crate::types::Raw;
use crate::types::object::object;

object! {
    /// A message, whole or at the start of its stream.
    #[allow(unreachable_pub, reason = "the macro declares everything `pub`")]
    pub struct Message {
        opt kind: String = "type",
        opt role: String = "role",
        def id: String = "id" or String::new(),
        def model: String = "model" or String::new(),
        list content: Raw = "content",
        opt stop_reason: String = "stop_reason",
        opt stop_sequence: String = "stop_sequence",
        opt stop_details: Raw = "stop_details",
        opt usage: Usage = "usage",
    }
}

/// An event of a stream.
#[derive(Debug, Deserialize)]
pub(super) struct Event {
    #[serde(rename = "type")]
    pub(super) kind: EventKind,
    pub(super) index: Option<u32>,
    pub(super) message: Option<Message>,
    pub(super) content_block: Option<Raw>,
    pub(super) delta: Option<Delta>,
    pub(super) usage: Option<Usage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum EventKind {
    MessageStart,
    ContentBlockStart,
    ContentBlockDelta,
    ContentBlockStop,
    MessageDelta,
    MessageStop,
    Error,
    /// `ping`, and what may come in later versions.
    #[serde(other)]
    Other,
}

/// What is new in a block, or in the message.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Delta {
    #[serde(rename = "type")]
    pub(super) kind: DeltaKind,
    pub(super) text: String,
    pub(super) thinking: String,
    pub(super) signature: String,
    pub(super) partial_json: String,
    pub(super) citation: Option<Raw>,
    pub(super) stop_reason: Option<String>,
    pub(super) stop_sequence: Option<String>,
    pub(super) stop_details: Option<Raw>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DeltaKind {
    TextDelta,
    ThinkingDelta,
    SignatureDelta,
    InputJsonDelta,
    CitationsDelta,
    /// Of the message, or of a kind that is not known.
    #[default]
    #[serde(other)]
    Other,
}

/// A block as it starts; what it has beyond this is read apart.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Block {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) text: Option<String>,
    pub(super) citations: Option<Vec<Raw>>,
    pub(super) thinking: Option<String>,
    pub(super) signature: Option<String>,
    pub(super) data: Option<String>,
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) input: Option<Raw>,
}

impl Block {
    /// The fields that are known of blocks that OpenAI's shape has a place for.
    pub(super) const KNOWN: [&'static str; 9] =
        ["type", "text", "citations", "thinking", "signature", "data", "id", "name", "input"];
}
