//! The items of a response while they are being made.

use super::output::{Ids, Item, Part, Status, Summary};
use super::seal::seal;
use crate::types::{Extra, ThinkingBlock, ToolCallDelta};

/// An item that is being made, or was.
pub(super) enum Growing {
    Thinking {
        text: String,
        blocks: Vec<ThinkingBlock>,
    },
    Saying {
        parts: Vec<Part>,
        extra: Extra,
    },
    Calling {
        /// Which call of the answer.
        index: u32,
        custom: bool,
        call_id: String,
        name: String,
        written: String,
        extra: Extra,
    },
}

impl Growing {
    pub(super) fn thinking() -> Growing {
        Growing::Thinking { text: String::new(), blocks: Vec::new() }
    }

    pub(super) fn saying() -> Growing {
        Growing::Saying { parts: Vec::new(), extra: Extra::default() }
    }

    /// The call that `delta` begins.
    pub(super) fn calling(index: u32, delta: &ToolCallDelta) -> Growing {
        let name = match (&delta.function, &delta.custom) {
            (_, Some(custom)) => custom.name.clone(),
            (Some(function), None) => function.name.clone(),
            (None, None) => None,
        };
        Growing::Calling {
            index,
            custom: delta.custom.is_some(),
            call_id: delta.id.clone().unwrap_or_default(),
            name: name.unwrap_or_default(),
            written: String::new(),
            extra: Extra::default(),
        }
    }

    /// Whether what is added to `other` can be added here; a call is only like itself.
    pub(super) fn is_like(&self, other: &Growing) -> bool {
        matches!(
            (self, other),
            (Growing::Thinking { .. }, Growing::Thinking { .. })
                | (Growing::Saying { .. }, Growing::Saying { .. })
        )
    }

    /// Its id; `at` is its place in the answer.
    pub(super) fn id(&self, ids: &Ids, at: usize) -> String {
        let prefix = match self {
            Growing::Thinking { .. } => "rs",
            Growing::Saying { .. } => "msg",
            Growing::Calling { custom: true, .. } => "ctc",
            Growing::Calling { custom: false, .. } => "fc",
        };
        ids.item(prefix, at)
    }

    /// The item as it stands.
    pub(super) fn told(&self, ids: &Ids, at: usize, status: Status) -> Item {
        let id = self.id(ids, at);
        match self {
            Growing::Thinking { text, blocks } => {
                Item::Reasoning { id, summary: Summary::of(text), encrypted_content: seal(blocks), status }
            }
            Growing::Saying { parts, extra } => {
                Item::Message { id, status, role: "assistant", content: parts.clone(), extra: extra.clone() }
            }
            Growing::Calling { custom, call_id, name, written, extra, .. } => {
                let (call_id, name, extra) = (call_id.clone(), name.clone(), extra.clone());
                if *custom {
                    Item::CustomToolCall { id, status, call_id, name, input: written.clone(), extra }
                } else {
                    Item::FunctionCall { id, status, call_id, name, arguments: written.clone(), extra }
                }
            }
        }
    }
}
