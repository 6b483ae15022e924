//! The conversation: messages become instructions and turns.

use super::model::Model;
use super::warnings::Warnings;
use super::wire::{Content, Part};
use super::{history, parts, results};
use crate::error::Result;
use crate::types::{ChatRequest, Message, Role};

/// A conversation in Gemini's form.
#[derive(Debug, Default)]
pub(super) struct Conversation<'a> {
    /// What system and developer messages say, in order.
    pub(super) instructions: Vec<Part<'a>>,
    pub(super) contents: Vec<Content<'a>>,
}

const USER: Option<&str> = Some("user");
const MODEL: Option<&str> = Some("model");

pub(super) fn conversation<'a>(
    request: &'a ChatRequest,
    model: Model<'_>,
    warnings: &mut Warnings,
) -> Result<Conversation<'a>> {
    let messages = &request.messages;
    // Gemini checks the thinking behind the calls of this turn, which is not over.
    let turn = messages.iter().rposition(|message| message.role == Role::User).unwrap_or(0);
    let mut conversation = Conversation::default();
    let mut rest = messages.as_slice();
    while let Some((message, after)) = rest.split_first() {
        let at = messages.len() - rest.len();
        rest = after;
        warn(message, warnings);
        match message.role {
            Role::System | Role::Developer => {
                if !conversation.contents.is_empty() {
                    warnings.tell(
                        "messages[]: instructions after the first turn were moved to the front, where gemini takes them"
                            .to_owned(),
                    );
                }
                conversation.instructions.extend(parts::of(message, at, model, warnings)?);
            }
            Role::User => {
                let parts = parts::of(message, at, model, warnings)?;
                conversation.contents.push(Content { role: USER, parts });
            }
            Role::Assistant => {
                let checked = at > turn && model.wants_signatures();
                let parts = history::parts(message, at, checked, warnings)?;
                // A turn that says nothing would be refused.
                if !parts.is_empty() {
                    conversation.contents.push(Content { role: MODEL, parts });
                }
            }
            Role::Tool | Role::Function => {
                // Results that follow each other answer one turn's calls, and must come as one turn.
                let more = rest.iter().take_while(|next| is_result(next)).count();
                let (others, after) = rest.split_at(more);
                rest = after;
                others.iter().for_each(|next| warn(next, warnings));
                let group = messages.get(at..=at + more).unwrap_or_default();
                let before = messages.get(..at).unwrap_or_default();
                let parts = results::parts(group, at, before, model, warnings)?;
                conversation.contents.push(Content { role: USER, parts });
            }
        }
    }
    Ok(conversation)
}

fn is_result(message: &Message) -> bool {
    matches!(message.role, Role::Tool | Role::Function)
}

/// What of a message has no place in a turn.
fn warn(message: &Message, warnings: &mut Warnings) {
    if message.name.is_some() && message.role != Role::Function {
        warnings.left_out("messages[].name");
    }
    warnings.fields("messages[]", &message.extra, history::OWN_FIELDS);
}
