//! What the model is asked, read from any vendor's request.

use std::borrow::Cow;

use serde_json::Value;

use crate::model::tokens::count;

/// Tokens around every message and every earlier call.
const PER_MESSAGE: u64 = 4;
/// Tokens that open the answer.
const PRIMING: u64 = 3;
/// Tokens of an audio or file part.
const ATTACHMENT: u64 = 128;

/// Who speaks. A vendor whose tool results come inside a user message makes a message of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    System,
    User,
    Assistant,
    /// The result of a tool.
    Tool,
}

/// One message of the conversation.
#[derive(Debug, Clone)]
pub(crate) struct Message<'a> {
    pub(crate) role: Role,
    /// The speaker's name, or the tool's where results are told by name.
    pub(crate) name: Option<&'a str>,
    /// All text parts, joined by newlines.
    pub(crate) text: String,
    /// What each image counts, in tokens.
    pub(crate) images: Vec<u64>,
    /// Audio and file parts.
    pub(crate) attachments: u64,
    pub(crate) tool_calls: Vec<Call<'a>>,
    /// The call this message is the result of.
    pub(crate) tool_call_id: Option<&'a str>,
}

impl<'a> Message<'a> {
    /// A message without content yet.
    pub(crate) fn new(role: Role) -> Self {
        Self {
            role,
            name: None,
            text: String::new(),
            images: Vec::new(),
            attachments: 0,
            tool_calls: Vec::new(),
            tool_call_id: None,
        }
    }

    /// Adds a text part.
    pub(crate) fn push_text(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
    }

    fn tokens(&self) -> u64 {
        let call = |call: &Call<'a>| PER_MESSAGE + count(call.name) + count(&call.arguments);
        PER_MESSAGE
            + count(&self.text)
            + self.name.map_or(0, count)
            + self.images.iter().sum::<u64>()
            + self.tool_calls.iter().map(call).sum::<u64>()
            + self.attachments * ATTACHMENT
    }
}

/// A tool call the assistant made earlier.
#[derive(Debug, Clone)]
pub(crate) struct Call<'a> {
    /// Empty where the vendor gives calls no id.
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    /// The arguments' JSON.
    pub(crate) arguments: Cow<'a, str>,
}

/// A function the model may call.
#[derive(Debug, Clone)]
pub(crate) struct Tool<'a> {
    pub(crate) name: &'a str,
    /// The schema of the arguments; none when it takes none.
    pub(crate) parameters: Option<&'a Value>,
    /// The whole definition as the vendor was given it, for its token count.
    pub(crate) definition: String,
}

/// Whether tools are called.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ToolChoice<'a> {
    /// Never.
    None,
    /// On a user turn: the simulator always calls when it may.
    Auto,
    /// On every turn.
    Required,
    /// This one, on every turn.
    Named(&'a str),
}

/// The form of the text wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Format<'a> {
    Text,
    JsonObject,
    JsonSchema(&'a Value),
}

/// The conversation, and everything that shapes the answer to it.
#[derive(Debug, Clone)]
pub(crate) struct Prompt<'a> {
    pub(crate) messages: Vec<Message<'a>>,
    pub(crate) tools: Vec<Tool<'a>>,
    pub(crate) tool_choice: ToolChoice<'a>,
    /// Whether several tools may be called at once.
    pub(crate) parallel: bool,
    pub(crate) format: Format<'a>,
    pub(crate) stop: Vec<&'a str>,
    /// Tokens of the answer at most, thinking included.
    pub(crate) limit: Option<u64>,
    /// How many choices.
    pub(crate) n: u64,
    /// Tokens of thinking before each choice.
    pub(crate) thinking: u64,
}

impl<'a> Prompt<'a> {
    /// The last user message.
    pub(crate) fn question(&self) -> Option<&Message<'a>> {
        self.messages.iter().rev().find(|message| message.role == Role::User)
    }

    /// The text of the last user message.
    pub(crate) fn text(&self) -> &str {
        self.question().map_or("", |message| &message.text)
    }

    /// Tokens of the conversation, its tools and its format.
    pub(crate) fn tokens(&self) -> u64 {
        let messages: u64 = self.messages.iter().map(Message::tokens).sum();
        let tools: u64 = self.tools.iter().map(|tool| count(&tool.definition)).sum();
        let format = match self.format {
            Format::JsonSchema(schema) => count(&schema.to_string()),
            _ => 0,
        };
        PRIMING + messages + tools + format
    }
}
