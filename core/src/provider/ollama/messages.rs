//! The conversation going out.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::NAME;
use super::request::warn;
use super::tools::Made;
use crate::error::Result;
use crate::provider::express::{left_out, unsupported};
use crate::provider::foreign::{self, says_something};
use crate::provider::image::Image;
use crate::types::{ChatRequest, Content, Extra, Message, Part, Role};

/// One message.
pub(super) struct Turn<'a> {
    role: &'static str,
    content: Cow<'a, str>,
    thinking: Option<&'a str>,
    /// Images and sound, in base64.
    media: Vec<&'a str>,
    calls: Vec<Made<'a>>,
    tool_name: Option<&'a str>,
    tool_call_id: Option<&'a str>,
    extra: &'a Extra,
}

impl Turn<'_> {
    /// Whether a field of this name is written from OpenAI's fields.
    fn writes(&self, name: &str) -> bool {
        match name {
            "role" | "content" => true,
            "thinking" => self.thinking.is_some(),
            "images" => !self.media.is_empty(),
            "tool_calls" => !self.calls.is_empty(),
            "tool_name" => self.tool_name.is_some(),
            "tool_call_id" => self.tool_call_id.is_some(),
            _ => false,
        }
    }
}

impl Serialize for Turn<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("role", self.role)?;
        map.serialize_entry("content", &self.content)?;
        for (name, value) in
            [("thinking", self.thinking), ("tool_name", self.tool_name), ("tool_call_id", self.tool_call_id)]
        {
            if let Some(value) = value {
                map.serialize_entry(name, value)?;
            }
        }
        if !self.media.is_empty() {
            map.serialize_entry("images", &self.media)?;
        }
        if !self.calls.is_empty() {
            map.serialize_entry("tool_calls", &self.calls)?;
        }
        for (name, value) in self.extra.iter().filter(|(name, _)| !self.writes(name) && !is_foreign(name)) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The messages of `request`, in their order.
pub(super) fn turns<'a>(request: &'a ChatRequest, warnings: &mut Vec<String>) -> Result<Vec<Turn<'a>>> {
    let mut turns = Vec::with_capacity(request.messages.len());
    for (at, message) in request.messages.iter().enumerate() {
        let mut turn = Turn {
            role: role(message.role),
            content: Cow::Borrowed(""),
            thinking: None,
            media: Vec::new(),
            calls: Vec::new(),
            tool_name: None,
            tool_call_id: message.tool_call_id.as_deref(),
            extra: &message.extra,
        };
        let place = format!("messages[{at}]");
        say(message, &mut turn, &place, warnings)?;
        match message.role {
            Role::Tool | Role::Function => {
                let called = message.tool_call_id.as_deref().and_then(|id| name_of(request, at, id));
                turn.tool_name = called.or(message.name.as_deref());
            }
            _ if message.name.is_some() => warn(warnings, left_out("messages[].name", NAME)),
            _ => {}
        }
        if message.role == Role::Assistant {
            assistant(message, &mut turn, &place, warnings)?;
        }
        for (name, value) in turn.extra.iter() {
            if turn.writes(name) {
                warn(warnings, format!("messages[].{name} was left out: OpenAI's fields stand for it"));
            } else if is_foreign(name) && says_something(value) {
                warn(warnings, left_out(&format!("messages[].{name}"), NAME));
            }
        }
        turns.push(turn);
    }
    Ok(turns)
}

/// Whether a field of a message holds what only another provider reads.
fn is_foreign(name: &str) -> bool {
    foreign::IN_MESSAGES.contains(&name)
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System | Role::Developer => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool | Role::Function => "tool",
    }
}

/// The function of the call `id`, made before the message at `at`. The last one of that id counts.
fn name_of<'a>(request: &'a ChatRequest, at: usize, id: &str) -> Option<&'a str> {
    let before = request.messages.get(..at).unwrap_or_default();
    let call = before.iter().rev().flat_map(|message| &message.tool_calls).find(|call| call.id == id)?;
    call.function.as_ref().map(|function| function.name.as_str())
}

fn assistant<'a>(
    message: &'a Message,
    turn: &mut Turn<'a>,
    place: &str,
    warnings: &mut Vec<String>,
) -> Result<()> {
    if message.extra.get("function_call").is_some_and(|call| !call.is_null()) {
        return Err(unsupported(&format!("{place}.function_call"), NAME, "it knows calls as tool_calls"));
    }
    if message.audio.is_some() {
        return Err(unsupported(&format!("{place}.audio"), NAME, "it keeps no sound of earlier answers"));
    }
    turn.thinking = message.reasoning_content.as_deref().filter(|text| !text.is_empty());
    if !message.thinking_blocks.is_empty() {
        // Ollama signs nothing: every block is another provider's.
        warn(warnings, left_out("thinking_blocks", NAME));
    }
    if turn.content.is_empty()
        && let Some(refusal) = &message.refusal
    {
        turn.content = Cow::Borrowed(refusal);
    }
    for (at, call) in message.tool_calls.iter().enumerate() {
        turn.calls.push(Made::of(call, &format!("{place}.tool_calls[{at}]"), warnings)?);
    }
    Ok(())
}

/// Text and media of a message. Several texts stand on lines of their own.
fn say<'a>(message: &'a Message, turn: &mut Turn<'a>, place: &str, warnings: &mut Vec<String>) -> Result<()> {
    let parts = match &message.content {
        None | Some(Content::Null) => return Ok(()),
        Some(Content::Text(text)) => {
            turn.content = Cow::Borrowed(text);
            return Ok(());
        }
        Some(Content::Parts(parts)) => parts,
    };
    let mut texts: Vec<&str> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let field = |name: &str| format!("{place}.content[{at}].{name}");
        match part {
            Part::Text { text, .. } => texts.push(text),
            Part::Refusal { refusal, .. } => texts.push(refusal),
            Part::Image { image_url, .. } => {
                turn.media.push(image(&image_url.url, &field("image_url.url"))?);
                let detail = image_url.detail.iter().filter(|detail| *detail != "auto").map(|_| "detail");
                for name in detail.chain(image_url.extra.iter().map(|(name, _)| name)) {
                    warn(warnings, left_out(&format!("messages[].content[].image_url.{name}"), NAME));
                }
            }
            // Models that hear take sound where the others take images.
            Part::Audio { input_audio, .. } => turn.media.push(&input_audio.data),
            Part::File { .. } | Part::Other { .. } => {
                return Err(unsupported(&field("type"), NAME, "it takes text, images and sound"));
            }
        }
        // Of a part only its text or its bytes are left.
        for (name, _) in part.extra().iter() {
            warn(warnings, left_out(&format!("messages[].content[].{name}"), NAME));
        }
    }
    turn.content = match texts.as_slice() {
        [] => Cow::Borrowed(""),
        [one] => Cow::Borrowed(one),
        several => Cow::Owned(several.join("\n")),
    };
    Ok(())
}

fn image<'a>(url: &'a str, field: &str) -> Result<&'a str> {
    match Image::read(url) {
        Some(Image::Inline { data, .. }) => Ok(data),
        Some(Image::Url(_)) => {
            Err(unsupported(field, NAME, "it fetches no images; send a data: URL in base64"))
        }
        None => Err(unsupported(field, NAME, "this data: URL names no type or is not base64")),
    }
}
