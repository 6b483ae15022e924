//! The conversation: instructions apart, and turns that alternate.

use super::json::Object;
use super::{NAME, assistant, part};
use crate::error::Result;
use crate::provider::express::{left_out, unsupported};
use crate::provider::foreign::says_something;
use crate::types::{Content, Message, Role};

/// A conversation to send.
#[derive(Debug, Default)]
pub(super) struct Conversation<'a> {
    /// All instructions, in order.
    pub(super) system: Vec<Object<'a>>,
    turns: Vec<Turn<'a>>,
}

#[derive(Debug)]
struct Turn<'a> {
    role: &'static str,
    blocks: Vec<Object<'a>>,
}

impl<'a> Conversation<'a> {
    /// Reads `messages`; neighbours of one role become one turn, so that all results of tools come together.
    pub(super) fn read(messages: &'a [Message], warnings: &mut Vec<String>) -> Result<Conversation<'a>> {
        let mut conversation = Conversation::default();
        for (at, message) in messages.iter().enumerate() {
            conversation.add(message, at, warnings)?;
        }
        Ok(conversation)
    }

    fn add(&mut self, message: &'a Message, at: usize, warnings: &mut Vec<String>) -> Result<()> {
        if message.name.is_some() {
            warnings.push(left_out(&format!("messages[{at}].name"), NAME));
        }
        let place = format!("messages[{at}].content");
        match message.role {
            Role::System | Role::Developer => {
                let blocks = part::blocks(message.content.as_ref(), &place, warnings)?;
                self.system.extend(marked(blocks, message));
                unknown(message, at, &[CACHE_CONTROL], warnings);
            }
            Role::User => {
                let blocks = part::blocks(message.content.as_ref(), &place, warnings)?;
                self.turn("user", marked(blocks, message));
                unknown(message, at, &[CACHE_CONTROL], warnings);
            }
            Role::Assistant => {
                let blocks = assistant::blocks(message, at, warnings)?;
                self.turn("assistant", marked(blocks, message));
                unknown(message, at, &assistant::KNOWN, warnings);
            }
            Role::Tool => self.turn("user", vec![result(message, &place, warnings)?]),
            Role::Function => {
                let why = "the role function has no counterpart; use the role tool";
                return Err(unsupported(&format!("messages[{at}].role"), NAME, why));
            }
        }
        Ok(())
    }

    fn turn(&mut self, role: &'static str, blocks: Vec<Object<'a>>) {
        if blocks.is_empty() {
            return;
        }
        match self.turns.last_mut() {
            Some(last) if last.role == role => last.blocks.extend(blocks),
            _ => self.turns.push(Turn { role, blocks }),
        }
    }

    /// The messages as they go out, and the instructions.
    pub(super) fn into_parts(self) -> (Vec<Object<'a>>, Vec<Object<'a>>) {
        let message = |turn: Turn<'a>| Object::default().with("role", turn.role).with("content", turn.blocks);
        (self.system, self.turns.into_iter().map(message).collect())
    }
}

/// The mark that tells Anthropic to keep the prompt so far. On a message it marks the last block.
const CACHE_CONTROL: &str = "cache_control";

fn marked<'a>(mut blocks: Vec<Object<'a>>, message: &'a Message) -> Vec<Object<'a>> {
    if let (Some(mark), Some(last)) = (message.extra.get(CACHE_CONTROL), blocks.last_mut())
        && !last.has(CACHE_CONTROL)
    {
        last.set(CACHE_CONTROL, mark);
    }
    blocks
}

/// A tool's result. The message's unknown fields are the block's: `is_error`, `cache_control`.
fn result<'a>(message: &'a Message, place: &str, warnings: &mut Vec<String>) -> Result<Object<'a>> {
    let id = assistant::tool_id(message.tool_call_id.as_deref().unwrap_or_default());
    let block = Object::of("tool_result").with("tool_use_id", super::json::Json::Text(id));
    let block = match &message.content {
        Some(Content::Text(text)) if !text.is_empty() => block.with("content", text.as_str()),
        Some(parts @ Content::Parts(_)) => block.with("content", part::blocks(Some(parts), place, warnings)?),
        _ => block,
    };
    Ok(block.extended(&message.extra))
}

/// Anthropic refuses fields of a message that it does not know; whatever says something is not dropped unsaid.
fn unknown(message: &Message, at: usize, known: &[&str], warnings: &mut Vec<String>) {
    for (name, value) in message.extra.iter() {
        if !known.contains(&name) && says_something(value) {
            warnings.push(left_out(&format!("messages[{at}].{name}"), NAME));
        }
    }
}
