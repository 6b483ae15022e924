//! One message of a conversation.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::content::Content;
use super::extra::Raw;
use super::object::object;
use super::tool::ToolCall;

/// Who speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// Instructions.
    System,
    /// Instructions, under their newer name.
    Developer,
    /// The caller.
    #[default]
    User,
    /// The model.
    Assistant,
    /// The result of a tool.
    Tool,
    /// The result of a function (OpenAI's older form).
    Function,
}

impl Role {
    const ALL: [Role; 6] =
        [Role::System, Role::Developer, Role::User, Role::Assistant, Role::Tool, Role::Function];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::System => "system",
            Role::Developer => "developer",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
            Role::Function => "function",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Role, D::Error> {
        let word = String::deserialize(deserializer)?;
        Role::ALL.into_iter().find(|role| role.as_str() == word).ok_or_else(|| {
            serde::de::Error::custom(format_args!(
                "unknown role {word:?}, expected system, developer, user, assistant, tool or function"
            ))
        })
    }
}

object! {
    /// A stretch of the model's thinking, signed by the provider so that it can be handed back.
    pub struct ThinkingBlock {
        /// `thinking` or `redacted_thinking`.
        def kind: String = "type" or "thinking".to_owned(),
        /// The text.
        opt thinking: String = "thinking",
        /// The provider's signature.
        opt signature: String = "signature",
        /// The sealed text of a redacted block.
        opt data: String = "data",
        /// Which provider's protocol signed it, as `anthropic`: it means nothing to another, and is not sent there.
        opt provider: String = "provider",
    }
}

object! {
    /// One message.
    pub struct Message {
        /// Who speaks.
        req role: Role = "role",
        /// What is said.
        any content: Content = "content",
        /// The speaker's name.
        opt name: String = "name",
        /// What the model said instead of an answer.
        opt refusal: String = "refusal",
        /// The model's thinking, as text.
        opt reasoning_content: String = "reasoning_content",
        /// The model's thinking, with signatures.
        list thinking_blocks: ThinkingBlock = "thinking_blocks",
        /// The tools the model calls.
        list tool_calls: ToolCall = "tool_calls",
        /// The call that a tool message answers.
        opt tool_call_id: String = "tool_call_id",
        /// Spoken output.
        opt audio: Raw = "audio",
    }
}

impl Message {
    /// A message of `role`.
    pub fn new(role: Role, content: impl Into<Content>) -> Message {
        Message { role, content: Some(content.into()), ..Message::default() }
    }

    /// What the caller says.
    pub fn user(content: impl Into<Content>) -> Message {
        Message::new(Role::User, content)
    }

    /// Instructions.
    pub fn system(content: impl Into<Content>) -> Message {
        Message::new(Role::System, content)
    }

    /// Instructions, under their newer name.
    pub fn developer(content: impl Into<Content>) -> Message {
        Message::new(Role::Developer, content)
    }

    /// What the model said.
    pub fn assistant(content: impl Into<Content>) -> Message {
        Message::new(Role::Assistant, content)
    }

    /// The result of the tool call `id`.
    pub fn tool(id: impl Into<String>, content: impl Into<Content>) -> Message {
        Message { tool_call_id: Some(id.into()), ..Message::new(Role::Tool, content) }
    }

    /// Whether it says or calls anything at all.
    #[must_use]
    pub fn says_anything(&self) -> bool {
        let content = self.content.as_ref();
        content.is_some_and(|content| content.texts().any(|text| !text.is_empty()))
            || !self.tool_calls.is_empty()
            || self.refusal.as_ref().is_some_and(|refusal| !refusal.is_empty())
            || self.audio.is_some()
            || self.extra.get("function_call").is_some()
    }

    /// The text of the message; empty if it has none. Several text parts are joined.
    #[must_use]
    pub fn text(&self) -> String {
        self.content.iter().flat_map(Content::texts).collect()
    }
}
