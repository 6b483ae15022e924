//! The items of a conversation, as messages.

use super::request::unsupported;
use super::seal;
use super::wire::{Item, ItemPart, TextOr};
use crate::error::{Error, Result};
use crate::types::{
    Content, CustomCall, Extra, FileRef, ImageUrl, InputAudio, Message, Part, Raw, Role, ToolCall,
};

/// The messages of a conversation, and which item each began with.
#[derive(Default)]
pub(super) struct Conversation {
    pub(super) messages: Vec<Message>,
    /// For each message the index of its first item; none for the instructions.
    pub(super) origins: Vec<Option<usize>>,
    pub(super) warnings: Vec<String>,
    /// What the model said and called in one turn; items add to it until somebody else speaks.
    turn: Option<(Message, usize)>,
}

impl Conversation {
    pub(super) fn say(&mut self, message: Message, origin: Option<usize>) {
        self.end_turn();
        self.messages.push(message);
        self.origins.push(origin);
    }

    /// Ends the model's turn.
    pub(super) fn end_turn(&mut self) {
        if let Some((mut message, origin)) = self.turn.take() {
            if message.content.is_none() {
                message.content = Some(Content::Null);
            }
            self.messages.push(message);
            self.origins.push(Some(origin));
        }
    }

    /// The turn that is open; a new one where `fits` says that the open one has no room.
    fn turn(&mut self, at: usize, fits: impl Fn(&Message) -> bool) -> &mut Message {
        if self.turn.as_ref().is_some_and(|(message, _)| !fits(message)) {
            self.end_turn();
        }
        let (message, _) =
            self.turn.get_or_insert_with(|| (Message { role: Role::Assistant, ..Message::default() }, at));
        message
    }

    pub(super) fn add(&mut self, at: usize, item: &Item) -> Result<()> {
        match item.kind.as_str() {
            "message" => self.message(at, item),
            "function_call" | "custom_tool_call" => self.call(at, item),
            "function_call_output" | "custom_tool_call_output" => self.result(at, item),
            "reasoning" => {
                self.thinking(at, item);
                Ok(())
            }
            other => {
                let field = format!("input[{at}].type");
                let message = format!(
                    "{field}: {other:?} is not supported; message, function_call, function_call_output, \
                     custom_tool_call, custom_tool_call_output and reasoning are."
                );
                Err(unsupported(field, message))
            }
        }
    }

    fn message(&mut self, at: usize, item: &Item) -> Result<()> {
        let role = item.role.ok_or_else(|| missing(at, "role"))?;
        let said = item.content.as_ref().ok_or_else(|| missing(at, "content"))?;
        let content = content(&format!("input[{at}].content"), said, role == Role::Assistant)?;
        if role == Role::Assistant {
            let turn = self.turn(at, |turn| turn.content.is_none() && turn.tool_calls.is_empty());
            turn.content = Some(content);
            turn.extra.absorb(item.extra.clone());
            return Ok(());
        }
        self.say(
            Message { role, content: Some(content), extra: item.extra.clone(), ..Message::default() },
            Some(at),
        );
        Ok(())
    }

    fn call(&mut self, at: usize, item: &Item) -> Result<()> {
        let id = item.call_id.clone().ok_or_else(|| missing(at, "call_id"))?;
        let name = item.name.clone().ok_or_else(|| missing(at, "name"))?;
        let mut call = if item.kind == "custom_tool_call" {
            let input = item.input.clone().ok_or_else(|| missing(at, "input"))?;
            let custom = CustomCall { name, input, ..CustomCall::default() };
            ToolCall { id, kind: "custom".to_owned(), custom: Some(custom), ..ToolCall::default() }
        } else {
            ToolCall::new(id, name, item.arguments.clone().ok_or_else(|| missing(at, "arguments"))?)
        };
        call.extra = item.extra.clone();
        self.turn(at, |_| true).tool_calls.push(call);
        Ok(())
    }

    fn result(&mut self, at: usize, item: &Item) -> Result<()> {
        let id = item.call_id.clone().ok_or_else(|| missing(at, "call_id"))?;
        let output = item.output.as_ref().ok_or_else(|| missing(at, "output"))?;
        let content = content(&format!("input[{at}].output"), output, false)?;
        let message = Message {
            role: Role::Tool,
            content: Some(content),
            tool_call_id: Some(id),
            extra: item.extra.clone(),
            ..Message::default()
        };
        self.say(message, Some(at));
        Ok(())
    }

    fn thinking(&mut self, at: usize, item: &Item) {
        let sealed = item.encrypted_content.as_deref();
        let blocks = sealed.and_then(seal::open);
        if sealed.is_some() && blocks.is_none() {
            self.warnings.push(format!(
                "input[{at}].encrypted_content was left out: it was not sealed by this gateway"
            ));
        }
        let said =
            |parts: &[ItemPart]| -> String { parts.iter().filter_map(|part| part.text.as_deref()).collect() };
        let text = match &item.content {
            Some(TextOr::List(parts)) if !parts.is_empty() => said(parts),
            Some(TextOr::Text(text)) => text.clone(),
            _ => said(&item.summary),
        };
        // Thinking comes before what was thought about.
        let turn = self.turn(at, |turn| turn.content.is_none() && turn.tool_calls.is_empty());
        turn.thinking_blocks.extend(blocks.unwrap_or_default());
        if !text.is_empty() {
            turn.reasoning_content.get_or_insert_default().push_str(&text);
        }
    }
}

fn missing(at: usize, field: &str) -> Error {
    let field = format!("input[{at}].{field}");
    Error::invalid(field.clone(), format!("{field}: is required and missing."))
}

/// What is said. Text alone stays text where the model said it, as older protocols have it.
fn content(field: &str, said: &TextOr<ItemPart>, by_model: bool) -> Result<Content> {
    let parts = match said {
        TextOr::Text(text) => return Ok(Content::Text(text.clone())),
        TextOr::List(parts) => parts,
    };
    let parts: Vec<Part> = parts
        .iter()
        .enumerate()
        .map(|(at, given)| part(&format!("{field}[{at}]"), given))
        .collect::<Result<_>>()?;
    let text_alone = parts.iter().all(|part| matches!(part, Part::Text { extra, .. } if extra.is_empty()));
    if by_model && text_alone {
        return Ok(Content::Text(parts.iter().filter_map(Part::text).collect()));
    }
    Ok(Content::Parts(parts))
}

fn part(field: &str, given: &ItemPart) -> Result<Part> {
    let extra = given.extra.clone();
    let needs = |name: &str| {
        let field = format!("{field}.{name}");
        Error::invalid(field.clone(), format!("{field}: is required and missing."))
    };
    match given.kind.as_str() {
        "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text" => {
            Ok(Part::Text { text: given.text.clone().ok_or_else(|| needs("text"))?, extra })
        }
        "refusal" => {
            Ok(Part::Refusal { refusal: given.refusal.clone().ok_or_else(|| needs("refusal"))?, extra })
        }
        "input_image" => {
            if given.file_id.is_some() {
                let field = format!("{field}.file_id");
                let message = format!("{field}: images by id are not supported; send image_url.");
                return Err(unsupported(field, message));
            }
            let url = given.image_url.clone().ok_or_else(|| needs("image_url"))?;
            let image_url = ImageUrl { url, detail: given.detail.clone(), ..ImageUrl::default() };
            Ok(Part::Image { image_url, extra })
        }
        "input_audio" => {
            let input_audio = given
                .input_audio
                .as_ref()
                .and_then(Raw::read::<InputAudio>)
                .ok_or_else(|| needs("input_audio"))?;
            Ok(Part::Audio { input_audio, extra })
        }
        "input_file" => {
            if given.file_url.is_some() {
                let field = format!("{field}.file_url");
                let message = format!("{field}: files by URL are not supported; send file_data or file_id.");
                return Err(unsupported(field, message));
            }
            let file = FileRef {
                file_data: given.file_data.clone(),
                file_id: given.file_id.clone(),
                filename: given.filename.clone(),
                extra: Extra::default(),
            };
            Ok(Part::File { file, extra })
        }
        other => {
            let field = format!("{field}.type");
            let message = format!(
                "{field}: {other:?} is not supported; input_text, input_image, input_file, input_audio, \
                 output_text and refusal are."
            );
            Err(unsupported(field, message))
        }
    }
}
