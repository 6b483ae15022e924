//! The messages of a request, block by block.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::anthropic::error::{ApiError, invalid};
use crate::anthropic::params::{Params, wrong};
use crate::anthropic::seal::{self, Broken};
use crate::model::{Call, Message, Role};

/// Tokens of an image.
const IMAGE: u64 = 1568;

/// Kinds of blocks that are accepted; those the simulator knows nothing about count as what they are written in.
const KINDS: [&str; 18] = [
    "text",
    "image",
    "document",
    "search_result",
    "thinking",
    "redacted_thinking",
    "tool_use",
    "tool_result",
    "server_tool_use",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "container_upload",
    "mcp_tool_use",
    "mcp_tool_result",
];

/// A text document that may be cited.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Document<'a> {
    pub(crate) index: usize,
    pub(crate) title: Option<&'a str>,
    pub(crate) text: &'a str,
}

/// Where the last mark to keep the prompt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// How many messages of the conversation precede it; the system prompt is one.
    pub(crate) messages: usize,
    /// Kept for an hour, not for five minutes.
    pub(crate) hour: bool,
}

/// The conversation as it is read.
#[derive(Debug, Default)]
pub(crate) struct Conversation<'a> {
    pub(crate) messages: Vec<Message<'a>>,
    /// Documents whose citations are wanted.
    pub(crate) cited: Vec<Document<'a>>,
    pub(crate) mark: Option<Mark>,
    documents: usize,
    /// Calls that the next message must answer.
    open: BTreeSet<&'a str>,
}

impl<'a> Conversation<'a> {
    /// The top-level `system`.
    pub(crate) fn system(&mut self, params: &Params<'a, '_>) -> Result<(), ApiError> {
        let Some(value) = params.get("system") else { return Ok(()) };
        let mut message = Message::new(Role::System);
        match value {
            Value::String(text) => message.push_text(text),
            Value::Array(blocks) => {
                for (index, block) in blocks.iter().enumerate() {
                    let place = format!("system.{index}");
                    let block = Params::of(block, &place)?;
                    block.tag(&["text"])?;
                    message.push_text(text(&block, "system")?);
                    self.marked(&block, 1)?;
                }
            }
            _ => return Err(params.wrong("system", "Input should be a valid string or list")),
        }
        if !message.text.is_empty() {
            self.messages.push(message);
        }
        Ok(())
    }

    /// `messages`. `midway` is whether instructions may come among them.
    pub(crate) fn read(&mut self, list: &'a [Value], midway: bool) -> Result<(), ApiError> {
        if list.is_empty() {
            return Err(invalid("messages: at least one message is required"));
        }
        for (index, value) in list.iter().enumerate() {
            let place = format!("messages.{index}");
            let message = Params::of(value, &place)?;
            message.required("role")?;
            let role = message.text("role")?.unwrap_or_default();
            if role == "system" && !midway {
                return Err(invalid(
                    "messages: Unexpected role \"system\". The Messages API accepts a top-level `system` parameter, \
                     not \"system\" as an input message role.",
                ));
            }
            message.choice("role", &["user", "assistant", "system"])?;
            message.only(&["role", "content"])?;
            let last = index + 1 == list.len();
            self.message(&message, role, index, last)?;
        }
        self.answered(list.len())
    }

    fn message(
        &mut self,
        message: &Params<'a, '_>,
        role: &'a str,
        index: usize,
        last: bool,
    ) -> Result<(), ApiError> {
        let mut spoken = Message::new(match role {
            "assistant" => Role::Assistant,
            "system" => Role::System,
            _ => Role::User,
        });
        let empty =
            "all messages must have non-empty content except for the optional final assistant message";
        let nothing = || wrong(&format!("messages.{index}"), empty);
        let open = std::mem::take(&mut self.open);
        let mut results = BTreeSet::new();
        match message.required("content")? {
            Value::String(text) if text.is_empty() && !(last && role == "assistant") => return Err(nothing()),
            Value::String(text) => spoken.push_text(text),
            Value::Array(blocks) if blocks.is_empty() && !(last && role == "assistant") => {
                return Err(nothing());
            }
            Value::Array(blocks) => {
                for (at, block) in blocks.iter().enumerate() {
                    let place = format!("messages.{index}.content.{at}");
                    let block = Params::of(block, &place)?;
                    if let Some(id) = self.block(&block, role, &place, &mut spoken)? {
                        if !open.contains(id) {
                            return Err(wrong(
                                &place,
                                &format!(
                                    "unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` block \
                                 must have a corresponding `tool_use` block in the previous message."
                                ),
                            ));
                        }
                        results.insert(id);
                    }
                    self.marked(&block, self.messages.len() + 1)?;
                }
            }
            _ => return Err(message.wrong("content", "Input should be a valid string or list")),
        }
        let missing: Vec<&str> = open.difference(&results).copied().collect();
        if !missing.is_empty() {
            return Err(unanswered(index.saturating_sub(1), &missing));
        }
        // A message of tool results alone is no question.
        if results.is_empty()
            || !spoken.text.is_empty()
            || !spoken.images.is_empty()
            || spoken.attachments > 0
        {
            self.messages.push(spoken);
        }
        Ok(())
    }

    /// Calls at the end of the conversation have no results yet, and the vendor wants them.
    fn answered(&self, count: usize) -> Result<(), ApiError> {
        let missing: Vec<&str> = self.open.iter().copied().collect();
        if missing.is_empty() { Ok(()) } else { Err(unanswered(count.saturating_sub(1), &missing)) }
    }

    /// Reads a block into `spoken`; gives back the call that it is the result of.
    fn block(
        &mut self,
        block: &Params<'a, '_>,
        role: &str,
        place: &str,
        spoken: &mut Message<'a>,
    ) -> Result<Option<&'a str>, ApiError> {
        let kind = block.tag(&KINDS)?;
        let inner = format!("{place}.{kind}");
        let own = block.at(&inner);
        let misplaced = match kind {
            "tool_use" | "thinking" | "redacted_thinking" | "server_tool_use" => role != "assistant",
            "tool_result" | "image" | "document" | "search_result" => role != "user",
            _ => false,
        };
        if misplaced {
            let other = if role == "user" { "assistant" } else { "user" };
            return Err(wrong(place, &format!("`{kind}` blocks are only permitted in `{other}` messages")));
        }
        match kind {
            "text" => spoken.push_text(text(&own, "messages")?),
            "image" => {
                source(&own, &inner, &["image/jpeg", "image/png", "image/gif", "image/webp"])?;
                spoken.images.push(IMAGE);
            }
            "document" => self.document(&own, &inner, spoken)?,
            "thinking" => {
                let shown = own.required_text("thinking")?;
                sealed(own.required_text("signature")?, shown, place, "signature", kind)?;
            }
            "redacted_thinking" => sealed(own.required_text("data")?, "", place, "data", kind)?,
            "tool_use" => {
                own.only(&["type", "id", "name", "input", "cache_control", "caller"])?;
                let id = identified(&own, "id")?;
                own.required("input")?;
                let input = own.object("input")?;
                self.open.insert(id);
                spoken.tool_calls.push(Call {
                    id,
                    name: own.required_text("name")?,
                    arguments: Cow::Owned(
                        input.map(|input| Value::Object(input.clone()).to_string()).unwrap_or_default(),
                    ),
                });
            }
            "tool_result" => {
                let id = identified(&own, "tool_use_id")?;
                self.messages.push(result(&own, id, place)?);
                return Ok(Some(id));
            }
            _ => spoken.push_text(&own.written()),
        }
        Ok(None)
    }

    fn document(
        &mut self,
        own: &Params<'a, '_>,
        place: &str,
        spoken: &mut Message<'a>,
    ) -> Result<(), ApiError> {
        let index = self.documents;
        self.documents += 1;
        let text = source(own, place, &["application/pdf", "text/plain"])?;
        match text {
            Some(text) => spoken.push_text(text),
            None => spoken.attachments += 1,
        }
        let wanted = match own.object("citations")? {
            Some(fields) => Params::new(fields, &own.name("citations")).bool("enabled")?.unwrap_or(false),
            None => false,
        };
        if let (true, Some(text)) = (wanted, text) {
            self.cited.push(Document { index, title: own.text("title")?, text });
        }
        Ok(())
    }

    /// Notes a mark to keep the prompt up to here.
    fn marked(&mut self, block: &Params<'a, '_>, messages: usize) -> Result<(), ApiError> {
        if let Some(hour) = hour(block)? {
            self.mark = Some(Mark { messages, hour });
        }
        Ok(())
    }
}

/// `cache_control`: whether it is for an hour; none if it is not there.
pub(crate) fn hour(block: &Params<'_, '_>) -> Result<Option<bool>, ApiError> {
    let Some(fields) = block.object("cache_control")? else { return Ok(None) };
    let place = block.name("cache_control");
    let own = Params::new(fields, &place);
    own.tag(&["ephemeral"])?;
    Ok(Some(own.choice("ttl", &["5m", "1h"])? == Some("1h")))
}

fn text<'a>(block: &Params<'a, '_>, list: &str) -> Result<&'a str, ApiError> {
    let text = block.required_text("text")?;
    if text.is_empty() {
        return Err(invalid(format!("{list}: text content blocks must be non-empty")));
    }
    Ok(text)
}

/// A tool's result as a message.
fn result<'a>(own: &Params<'a, '_>, id: &'a str, place: &str) -> Result<Message<'a>, ApiError> {
    let mut message = Message::new(Role::Tool);
    message.tool_call_id = Some(id);
    match own.get("content") {
        None => {}
        Some(Value::String(text)) => message.push_text(text),
        Some(Value::Array(blocks)) => {
            for (at, block) in blocks.iter().enumerate() {
                let inner = format!("{place}.tool_result.content.{at}");
                let block = Params::of(block, &inner)?;
                match block.tag(&["text", "image", "document", "search_result", "tool_reference"])? {
                    "text" => message.push_text(text(&block, "messages")?),
                    "image" => message.images.push(IMAGE),
                    _ => message.attachments += 1,
                }
            }
        }
        Some(_) => return Err(own.wrong("content", "Input should be a valid string or list")),
    }
    own.bool("is_error")?;
    Ok(message)
}

/// The source of an image or a document; its text where it is plain.
fn source<'a>(own: &Params<'a, '_>, place: &str, types: &[&str]) -> Result<Option<&'a str>, ApiError> {
    own.required("source")?;
    let at = format!("{place}.source");
    let source = Params::of(own.required("source")?, &at)?;
    let kind = source.tag(&["base64", "url", "text", "content", "file"])?;
    let at = format!("{at}.{kind}");
    let source = Params::of(own.required("source")?, &at)?;
    match kind {
        "base64" => {
            source.choice("media_type", types)?;
            source.required("media_type")?;
            if source.required_text("data")?.is_empty() {
                return Err(source.wrong("data", "image cannot be empty"));
            }
            Ok(None)
        }
        "url" => {
            let url = source.required_text("url")?;
            if url.starts_with("https://") {
                Ok(None)
            } else {
                Err(source.wrong("url", "Only HTTPS URLs are supported."))
            }
        }
        "text" => source.required_text("data").map(Some),
        "file" => source.required_text("file_id").map(|_| None),
        _ => Ok(None),
    }
}

fn identified<'a>(own: &Params<'a, '_>, field: &str) -> Result<&'a str, ApiError> {
    let id = own.required_text(field)?;
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if id.is_empty() || !id.chars().all(allowed) {
        return Err(own.wrong(field, "String should match pattern '^[a-zA-Z0-9_-]+$'"));
    }
    Ok(id)
}

fn sealed(seal: &str, shown: &str, place: &str, field: &str, kind: &str) -> Result<(), ApiError> {
    match seal::check(seal, shown) {
        Ok(()) => Ok(()),
        Err(Broken::Seal) => Err(wrong(place, &format!("Invalid `{field}` in `{kind}` block"))),
        Err(Broken::Text) => Err(wrong(
            place,
            "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. These blocks \
             must remain as they were in the original response.",
        )),
    }
}

fn unanswered(index: usize, ids: &[&str]) -> ApiError {
    wrong(
        &format!("messages.{index}"),
        &format!(
            "`tool_use` ids were found without `tool_result` blocks immediately after: {}. Each `tool_use` block must \
             have a corresponding `tool_result` block in the next message.",
            ids.join(", ")
        ),
    )
}
