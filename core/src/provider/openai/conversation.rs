//! The conversation as a dialect takes it. A message is copied only where something must change.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::dialect::{Dialect, Thinking};
use crate::provider::express::left_out;
use crate::provider::foreign::{self, says_something};
use crate::types::{ChatRequest, Content, Extra, Message, Part, Raw, Role, Tool};

/// How long an id of a tool call is where it must be short.
const SHORT: usize = 9;

/// What a request says, as the dialect takes it, and what was left out on the way.
pub(super) struct Conversation<'a> {
    pub(super) messages: Vec<Cow<'a, Message>>,
    /// Set where they differ from the request's.
    pub(super) tools: Option<Vec<Tool>>,
    pub(super) warnings: Vec<String>,
}

impl<'a> Conversation<'a> {
    pub(super) fn of(dialect: &Dialect, request: &'a ChatRequest) -> Conversation<'a> {
        let mut fit = Fit { dialect, tools: request.tools.is_some(), left_out: Vec::new() };
        let messages = request.messages.iter().map(|message| fit.message(message)).collect();
        let tools = request.tools.as_ref().and_then(|tools| fit.tools(tools));
        let name = |field: String| left_out(&field, dialect.name);
        Conversation { messages, tools, warnings: fit.left_out.into_iter().map(name).collect() }
    }
}

struct Fit<'d> {
    dialect: &'d Dialect,
    /// The request brings tools.
    tools: bool,
    /// Each field once, however many messages have it.
    left_out: Vec<String>,
}

impl Fit<'_> {
    fn message<'a>(&mut self, message: &'a Message) -> Cow<'a, Message> {
        let mut message = Cow::Borrowed(message);
        if message.role == Role::Developer && !self.dialect.developer {
            message.to_mut().role = Role::System;
        }
        self.foreign(&mut message);
        self.thinking(&mut message);
        self.tool_calls(&mut message);
        if !self.dialect.cache_control {
            self.cache_control(&mut message);
        }
        if let Some(allowed) = self.dialect.message_fields {
            self.only(allowed, &mut message);
        }
        message
    }

    fn leave_out(&mut self, field: impl Into<String>) {
        let field = field.into();
        if !self.left_out.contains(&field) {
            self.left_out.push(field);
        }
    }

    /// What another provider said in its own form.
    fn foreign(&mut self, message: &mut Cow<'_, Message>) {
        for field in ["thinking_blocks"].into_iter().chain(foreign::IN_MESSAGES) {
            let taken =
                self.dialect.takes.contains(&field) || self.dialect.thinking == Thinking::Field(field);
            if taken || !has(message, field) {
                continue;
            }
            let told = match field {
                "thinking_blocks" => {
                    message.to_mut().thinking_blocks.clear();
                    true
                }
                _ => message.to_mut().extra.remove(field).as_ref().is_some_and(says_something),
            };
            if told {
                self.leave_out(format!("messages[].{field}"));
            }
        }
    }

    fn thinking(&mut self, message: &mut Cow<'_, Message>) {
        match self.dialect.thinking {
            Thinking::LeftOut if message.reasoning_content.is_some() => {
                self.leave_out("messages[].reasoning_content");
                message.to_mut().reasoning_content = None;
            }
            Thinking::Part if message.reasoning_content.is_some() => as_part(message.to_mut()),
            Thinking::Field(field) => {
                if self.dialect.thinking_required && self.tools && message.role == Role::Assistant {
                    // A turn of a model that did not think, or of another provider.
                    if message.reasoning_content.is_none() {
                        message.to_mut().reasoning_content = Some(String::new());
                    }
                }
                if field != "reasoning_content" && message.reasoning_content.is_some() {
                    renamed(message.to_mut(), field);
                }
            }
            Thinking::LeftOut | Thinking::Part => {}
        }
    }

    fn tool_calls(&mut self, message: &mut Cow<'_, Message>) {
        for field in foreign::IN_CALLS.into_iter().filter(|field| !self.dialect.takes.contains(field)) {
            if message.tool_calls.iter().any(|call| call.extra.get(field).is_some()) {
                self.leave_out(format!("messages[].tool_calls[].{field}"));
                message.to_mut().tool_calls.iter_mut().for_each(|call| drop(call.extra.remove(field)));
            }
        }
        if !self.dialect.short_tool_ids {
            return;
        }
        if message.tool_calls.iter().any(|call| !is_short(&call.id)) {
            message.to_mut().tool_calls.iter_mut().for_each(|call| shorten(&mut call.id));
        }
        if message.tool_call_id.as_deref().is_some_and(|id| !is_short(id)) {
            message.to_mut().tool_call_id.iter_mut().for_each(shorten);
        }
    }

    fn cache_control(&mut self, message: &mut Cow<'_, Message>) {
        let marked = |extra: &Extra| extra.get("cache_control").is_some();
        if marked(&message.extra) {
            self.leave_out("cache_control");
            message.to_mut().extra.remove("cache_control");
        }
        let Some(Content::Parts(parts)) = &message.content else { return };
        if !parts.iter().any(|part| marked(part.extra())) {
            return;
        }
        self.leave_out("cache_control");
        if let Some(Content::Parts(parts)) = &mut message.to_mut().content {
            for part in parts {
                part.extra_mut().remove("cache_control");
            }
        }
    }

    fn tools(&mut self, tools: &[Tool]) -> Option<Vec<Tool>> {
        let marked = |tool: &Tool| {
            let inner = tool.function.as_ref().and_then(|function| function.extra.get("cache_control"));
            inner.or_else(|| tool.extra.get("cache_control")).is_some()
        };
        if self.dialect.cache_control || !tools.iter().any(marked) {
            return None;
        }
        self.leave_out("cache_control");
        let mut tools = tools.to_vec();
        for tool in &mut tools {
            tool.extra.remove("cache_control");
            if let Some(function) = &mut tool.function {
                function.extra.remove("cache_control");
            }
        }
        Some(tools)
    }

    /// Leaves out every field but those.
    fn only(&mut self, allowed: &[&str], message: &mut Cow<'_, Message>) {
        let known = [("name", message.name.is_some()), ("refusal", message.refusal.is_some())];
        let unwanted = known.into_iter().chain([("audio", message.audio.is_some())]);
        for (field, there) in unwanted {
            if !there || allowed.contains(&field) {
                continue;
            }
            self.leave_out(format!("messages[].{field}"));
            let message = message.to_mut();
            match field {
                "name" => message.name = None,
                "refusal" => message.refusal = None,
                _ => message.audio = None,
            }
        }
        let extra: Vec<String> = message.extra.iter().map(|(field, _)| field.to_owned()).collect();
        for field in extra.iter().filter(|field| !allowed.contains(&field.as_str())) {
            if let Some(value) = message.to_mut().extra.remove(field)
                && says_something(&value)
            {
                self.leave_out(format!("messages[].{field}"));
            }
        }
    }
}

fn has(message: &Message, field: &str) -> bool {
    match field {
        "thinking_blocks" => !message.thinking_blocks.is_empty(),
        field => message.extra.get(field).is_some(),
    }
}

/// Thinking under the name that the provider gives it.
fn renamed(message: &mut Message, field: &str) {
    if let Some(text) = message.reasoning_content.take()
        && let Ok(raw) = Raw::of(&text)
    {
        message.extra.insert(field, raw);
    }
}

/// Thinking as the first part of the content.
fn as_part(message: &mut Message) {
    let Some(text) = message.reasoning_content.take().filter(|text| !text.is_empty()) else { return };
    let mut extra = Extra::default();
    let Ok(inner) = Raw::of(&[Part::of_text(text)]) else { return };
    extra.insert("thinking", inner);
    let mut parts = vec![Part::Other { kind: "thinking".to_owned(), extra }];
    match message.content.take() {
        Some(Content::Text(text)) if !text.is_empty() => parts.push(Part::of_text(text)),
        Some(Content::Parts(more)) => parts.extend(more),
        Some(Content::Text(_) | Content::Null) | None => {}
    }
    message.content = Some(Content::Parts(parts));
}

fn is_short(id: &str) -> bool {
    id.len() == SHORT && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Another id of the right form, the same each time, so that call and result still meet.
fn shorten(id: &mut String) {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    if is_short(id) {
        return;
    }
    let digest = Sha256::digest(id.as_bytes());
    let letter = |byte: &u8| LETTERS.get(usize::from(byte % 32)).copied().map_or('a', char::from);
    *id = digest.iter().take(SHORT).map(letter).collect();
}
