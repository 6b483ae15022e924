//! What the model said before: thinking, blocks of its own, text, calls, in the order Anthropic wants them.

use std::borrow::Cow;

use super::json::{Json, Object};
use super::{CALLER, CITATIONS, CONTENT_BLOCKS, NAME, citation, part};
use crate::error::Result;
use crate::provider::express::{left_out, unsupported};
use crate::provider::foreign;
use crate::types::{Content, Extra, Message, Raw, ThinkingBlock, ToolCall};

/// Fields beyond OpenAI's that are read here, and what OpenAI's clients hand back with an answer.
pub(super) const KNOWN: [&str; 4] = ["cache_control", CITATIONS, CONTENT_BLOCKS, "annotations"];

pub(super) fn blocks<'a>(
    message: &'a Message,
    at: usize,
    warnings: &mut Vec<String>,
) -> Result<Vec<Object<'a>>> {
    if message.audio.is_some() {
        return Err(unsupported(&format!("messages[{at}].audio"), NAME, "it does not speak"));
    }
    if message.extra.get("function_call").is_some_and(|call| !call.is_null()) {
        let why = "the older form of a call has no counterpart; use tool_calls";
        return Err(unsupported(&format!("messages[{at}].function_call"), NAME, why));
    }
    let mut blocks = thinking(message, at, warnings);
    let (done, open) = own(&message.extra);
    blocks.extend(done);
    match (&message.content, message.extra.get(CITATIONS).and_then(citation::spans)) {
        (Some(Content::Text(text)), Some(spans)) => blocks.extend(citation::cited(text, spans)),
        (content, _) => {
            let place = format!("messages[{at}].content");
            blocks.extend(part::blocks(content.as_ref(), &place, warnings)?);
        }
    }
    blocks.extend(message.refusal.as_deref().and_then(part::text));
    blocks.extend(open);
    for (call_at, call) in message.tool_calls.iter().enumerate() {
        blocks.push(tool_use(call, &format!("messages[{at}].tool_calls[{call_at}]"), warnings)?);
    }
    Ok(blocks)
}

/// Thinking goes back as it came, where Anthropic signed it.
fn thinking<'a>(message: &'a Message, at: usize, warnings: &mut Vec<String>) -> Vec<Object<'a>> {
    let all = &message.thinking_blocks;
    let blocks: Vec<Object<'a>> = all.iter().filter_map(signed).collect();
    if blocks.len() < all.len() {
        warnings.push(format!(
            "messages[{at}].thinking_blocks: {} of {} were removed: only thinking that {NAME} signed can go back to it",
            all.len() - blocks.len(),
            all.len()
        ));
    } else if blocks.is_empty() && message.reasoning_content.as_ref().is_some_and(|text| !text.is_empty()) {
        warnings.push(format!(
            "messages[{at}].reasoning_content was removed: only thinking that {NAME} signed can go back to it"
        ));
    }
    blocks
}

fn signed(block: &ThinkingBlock) -> Option<Object<'_>> {
    if block.provider.as_deref().is_some_and(|provider| provider != NAME) {
        return None;
    }
    let told = Object::of(block.kind.as_str());
    let told = match (block.kind.as_str(), &block.signature, &block.data) {
        ("thinking", Some(signature), _) => {
            let text = block.thinking.as_deref().unwrap_or_default();
            told.with("thinking", text).with("signature", signature.as_str())
        }
        ("redacted_thinking", _, Some(data)) => told.with("data", data.as_str()),
        _ => return None,
    };
    Some(told.extended(&block.extra))
}

/// Blocks that were handed out as unknown fields. Calls of the provider's own tools that have no result yet come
/// last, as they did in an answer that paused.
fn own<'a>(extra: &Extra) -> (Vec<Object<'a>>, Vec<Object<'a>>) {
    let blocks: Vec<Extra> = extra.get(CONTENT_BLOCKS).and_then(Raw::read).unwrap_or_default();
    let word = |block: &Extra, name: &str| block.get(name).and_then(Raw::read::<String>);
    let answered: Vec<String> = blocks.iter().filter_map(|block| word(block, "tool_use_id")).collect();
    let (done, open) = blocks.into_iter().partition::<Vec<Extra>, _>(|block| {
        let call = word(block, "type").is_some_and(|kind| kind == "server_tool_use");
        !call || word(block, "id").is_some_and(|id| answered.contains(&id))
    });
    let objects = |blocks: Vec<Extra>| blocks.into_iter().map(Object::from).collect();
    (objects(done), objects(open))
}

fn tool_use<'a>(call: &'a ToolCall, place: &str, warnings: &mut Vec<String>) -> Result<Object<'a>> {
    let block = Object::of("tool_use").with("id", Json::Text(tool_id(&call.id)));
    if let Some(function) = &call.function {
        let input = input(&function.arguments).unwrap_or_else(|| {
            warnings.push(format!("{place}.function.arguments: not a JSON object; sent as text inside one"));
            Object::default().with("arguments", function.arguments.as_str()).into()
        });
        let block = block.with("name", function.name.as_str()).with("input", input);
        let mut block = block.extended(&call.extra).extended(&function.extra);
        foreign::BY_SDKS.iter().for_each(|field| block.remove(field));
        for field in foreign::IN_CALLS.into_iter().filter(|field| *field != CALLER) {
            if block.has(field) {
                warnings.push(left_out(&format!("{place}.{field}"), NAME));
                block.remove(field);
            }
        }
        return Ok(block);
    }
    if let Some(custom) = &call.custom {
        let input = Object::default().with("input", custom.input.as_str());
        return Ok(block.with("name", custom.name.as_str()).with("input", input));
    }
    Err(unsupported(place, NAME, &format!("a call of the type {:?} has no counterpart", call.kind)))
}

/// Arguments as the object that Anthropic wants.
fn input<'a>(arguments: &str) -> Option<Json<'a>> {
    if arguments.trim().is_empty() {
        return Some(Object::default().into());
    }
    Raw::parse(arguments).ok().filter(Raw::is_object).map(Json::from)
}

/// An id in the letters that Anthropic takes; other providers use more.
pub(super) fn tool_id(id: &str) -> Cow<'_, str> {
    let taken = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if id.chars().all(taken) {
        return Cow::Borrowed(id);
    }
    Cow::Owned(id.chars().map(|letter| if taken(letter) { letter } else { '_' }).collect())
}
