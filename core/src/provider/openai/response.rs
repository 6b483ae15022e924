//! A whole answer coming in.

use super::{error, tools};
use crate::provider::{Failure, FailureClass};
use crate::types::{ChatResponse, Choice, Extra, FinishReason, Raw};

pub(super) fn read(body: &[u8]) -> Result<ChatResponse, Failure> {
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
    let id = response.id.clone();
    for choice in &mut response.choices {
        settle(&id, choice);
    }
    Ok(response)
}

/// Evens out what compatible providers do differently.
fn settle(id: &str, choice: &mut Choice) {
    if choice.finish_reason == Some(FinishReason::from("")) {
        choice.finish_reason = None;
    }
    let message = &mut choice.message;
    if message.reasoning_content.is_none() {
        message.reasoning_content = reasoning(&mut message.extra);
    }
    for (index, call) in (0..).zip(&mut message.tool_calls) {
        if call.id.is_empty() {
            call.id = tools::made_up_id(id, choice.index, index);
        }
    }
}

/// Thinking under the name some providers use. It is taken out, as it goes on as `reasoning_content`.
pub(super) fn reasoning(extra: &mut Extra) -> Option<String> {
    let text = extra.get("reasoning").and_then(Raw::read::<String>)?;
    extra.remove("reasoning");
    Some(text)
}
