//! The one grammar of streams. Every provider's stream becomes these events, every answer is written from them.

use crate::provider::Failure;
use crate::types::{Extra, FinishReason, Raw, SharedStr, ThinkingBlock, Usage};

/// One event of a streamed answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The provider answers. First, and once.
    Start(Box<Start>),
    /// Something new in one of the answers.
    Delta(Delta),
    /// One of the answers ends.
    Finish {
        /// Which answer, from 0.
        choice: u32,
        /// Why.
        reason: FinishReason,
    },
    /// Tokens of the whole request. At most once.
    Usage(Box<Usage>),
    /// The stream failed. Nothing follows.
    Error(Box<Failure>),
    /// The stream is complete. Nothing follows.
    End,
}

/// What is known when a provider begins to answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Start {
    /// The provider's id of the answer; empty if it gives none.
    pub id: SharedStr,
    /// The model that answers; empty if the provider does not say.
    pub model: SharedStr,
    /// Seconds since 1970; 0 if the provider does not say.
    pub created: i64,
    /// The provider's configuration.
    pub system_fingerprint: Option<SharedStr>,
    /// The class of service.
    pub service_tier: Option<SharedStr>,
    /// Unknown fields of the answer.
    pub extra: Extra,
}

/// Something new in one of the answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Delta {
    /// Which answer, from 0.
    pub choice: u32,
    /// What is new.
    pub piece: Piece,
    /// Unknown fields that came along.
    pub carry: Option<Box<Carry>>,
}

impl Delta {
    /// A delta without unknown fields.
    #[must_use]
    pub fn new(choice: u32, piece: Piece) -> Delta {
        Delta { choice, piece, carry: None }
    }
}

/// What a delta brings.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// More text.
    Text(String),
    /// More thinking, as text.
    Reasoning(String),
    /// A signature or a sealed block. One without text of its own closes the thinking since the block before it:
    /// that is its text.
    Thinking(Box<ThinkingBlock>),
    /// More of a tool call.
    Tool(Box<ToolPiece>),
    /// More of what the model says instead of an answer.
    Refusal(String),
    /// Only unknown fields.
    Nothing,
}

impl Piece {
    /// What the model wrote in it: what output tokens are counted on where the provider reports none.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let (one, tool) = match self {
            Piece::Text(text) | Piece::Reasoning(text) | Piece::Refusal(text) => (Some(text.as_str()), None),
            Piece::Tool(tool) => (tool.name.as_deref(), Some(tool.arguments.as_str())),
            Piece::Thinking(block) => (block.data.as_deref(), None),
            Piece::Nothing => (None, None),
        };
        one.into_iter().chain(tool)
    }

    /// Whether this is content for the caller: once it is sent, no other provider can take over.
    #[must_use]
    pub fn commits(&self) -> bool {
        match self {
            Piece::Text(text) | Piece::Reasoning(text) | Piece::Refusal(text) => !text.is_empty(),
            Piece::Thinking(_) | Piece::Tool(_) => true,
            Piece::Nothing => false,
        }
    }
}

/// The form of a tool call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ToolForm {
    /// `function`: arguments are JSON.
    #[default]
    Function,
    /// `custom`: the input is free text.
    Custom,
}

/// A piece of a tool call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolPiece {
    /// Which call of this answer, from 0.
    pub index: u32,
    /// Its form.
    pub form: ToolForm,
    /// Its id, in the first piece.
    pub id: Option<String>,
    /// The name of the tool, in the first piece.
    pub name: Option<String>,
    /// More of the arguments or the input.
    pub arguments: String,
    /// Unknown fields of the call.
    pub extra: Extra,
    /// Unknown fields of the object inside it, `function` or `custom`.
    pub inner: Extra,
}

/// Unknown fields that came with a delta, by the object they were in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Carry {
    /// Of the chunk.
    pub chunk: Extra,
    /// Of the choice.
    pub choice: Extra,
    /// Log probabilities.
    pub logprobs: Option<Raw>,
    /// Of the delta.
    pub delta: Extra,
}

impl Carry {
    /// Whether nothing came along.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunk.is_empty() && self.choice.is_empty() && self.logprobs.is_none() && self.delta.is_empty()
    }
}

impl Event {
    /// Whether this is content for the caller: once it is sent, no other provider can take over.
    #[must_use]
    pub fn commits(&self) -> bool {
        matches!(self, Event::Delta(delta) if delta.piece.commits())
    }
}
