//! A whole answer coming in.

use super::content::Said;
use super::{Dialect, error, tools, usage};
use crate::provider::{Failure, FailureClass};
use crate::types::{ChatResponse, Choice, Content, Extra, FinishReason, Message, Raw};

pub(super) fn read(body: &[u8], dialect: &Dialect) -> Result<ChatResponse, Failure> {
    let mut response: ChatResponse = match serde_json::from_slice(body) {
        Ok(response) => response,
        // Some providers answer 200 with an error object.
        Err(problem) => {
            return Err(match error::body(body) {
                Some(told) => told.into_failure(FailureClass::InBand, None),
                None => Failure::malformed(format!("The provider's answer cannot be read: {problem}.")),
            });
        }
    };
    if let Some(told) = response.extra.get("error").filter(|told| !told.is_null()) {
        return Err(error::value(told).into_failure(FailureClass::InBand, None));
    }
    if response.choices.is_empty() {
        return Err(Failure::malformed("The provider's answer has no choices."));
    }
    // What another gateway says of itself; ours takes its place.
    response.lockgate = None;
    if let Some(told) = &mut response.usage {
        usage::settle(told, dialect);
    }
    let id = response.id.clone();
    for choice in &mut response.choices {
        settle(&id, choice);
    }
    Ok(response)
}

/// Evens out what compatible providers do differently.
fn settle(id: &str, choice: &mut Choice) {
    choice.finish_reason = choice.finish_reason.take().and_then(finish);
    let message = &mut choice.message;
    message.reasoning_content = reasoning(message.reasoning_content.take(), &mut message.extra);
    content(message);
    for (index, call) in (0..).zip(&mut message.tool_calls) {
        if call.id.is_empty() {
            call.id = tools::made_up_id(id, choice.index, index);
        }
    }
}

/// Content as OpenAI has it: text, or `null` where there is something else. Parts that are no text stay beside it, in
/// `content_parts`.
fn content(message: &mut Message) {
    if let Some(Content::Parts(parts)) = &mut message.content {
        let said = Said::of(std::mem::take(parts));
        if let (none @ None, Some(thinking)) = (&mut message.reasoning_content, said.thinking) {
            *none = Some(thinking);
        }
        if let (false, Ok(others)) = (said.others.is_empty(), Raw::of(&said.others)) {
            message.extra.insert("content_parts", others);
        }
        message.content = said.text.map(Content::Text);
    }
    if message.content.is_none() {
        let says = message.says_anything();
        message.content = Some(if says { Content::Null } else { Content::Text(String::new()) });
    }
}

/// The reason under OpenAI's word, where a provider has its own for it. An empty one is none.
pub(super) fn finish(reason: FinishReason) -> Option<FinishReason> {
    match reason.as_str() {
        "" => None,
        // Mistral's limit of the model itself.
        "model_length" => Some(FinishReason::Length),
        // Together's end of sequence.
        "eos" => Some(FinishReason::Stop),
        _ => Some(reason),
    }
}

/// Thinking under either of its names. `reasoning` is taken out where it goes on as `reasoning_content`, or says the
/// same.
pub(super) fn reasoning(known: Option<String>, extra: &mut Extra) -> Option<String> {
    let Some(other) = extra.get("reasoning").and_then(Raw::read::<String>) else { return known };
    if known.as_ref().is_none_or(|known| *known == other) {
        extra.remove("reasoning");
        return Some(other);
    }
    known
}
