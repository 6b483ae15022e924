//! A whole answer coming in.

use serde::Serialize;

use super::error::words;
use super::tools::{Told, told};
use super::usage::usage;
use super::wire::{Answer, Said};
use crate::provider::{Failure, FailureClass};
use crate::types::{
    ChatResponse, Choice, Content, Extra, FinishReason, FunctionCall, Message, Raw, Role, ToolCall,
};

pub(super) fn read(body: &[u8]) -> Result<ChatResponse, Failure> {
    let answer = parse(body)?;
    if !answer.done {
        return Err(Failure::new(FailureClass::Cut, "The provider's answer ended before its end."));
    }
    let (usage, created) = (usage(&answer), answer.created());
    let Answer { model, created_at, message, done_reason, logprobs: tokens, extra, .. } = answer;
    let message = message.unwrap_or_default();
    let said = says(message, created_at.as_deref().unwrap_or_default());
    let choice = Choice {
        finish_reason: Some(finish(done_reason.as_deref(), !said.tool_calls.is_empty())),
        message: said,
        logprobs: tokens.and_then(logprobs),
        ..Choice::default()
    };
    Ok(ChatResponse {
        created,
        model: model.unwrap_or_default().to_string(),
        choices: vec![choice],
        usage,
        extra,
        ..ChatResponse::default()
    })
}

/// Reads an answer, or a line of a stream. An error object inside a 2xx fails.
pub(super) fn parse(json: &[u8]) -> Result<Answer, Failure> {
    let answer: Answer = serde_json::from_slice(json)
        .map_err(|problem| Failure::malformed(format!("The provider's answer cannot be read: {problem}.")))?;
    match answer.error.as_ref().filter(|error| !error.is_null()) {
        Some(error) => Err(Failure::told(FailureClass::InBand, None, words(error).as_deref())),
        None => Ok(answer),
    }
}

/// Why an answer ended. Ollama says `stop` also where the model calls tools, and older versions say nothing at all.
/// Other words (`load`, `unload`: nothing was asked) stay as they are.
pub(super) fn finish(done_reason: Option<&str>, calls: bool) -> FinishReason {
    match done_reason.filter(|reason| !reason.is_empty()).unwrap_or("stop") {
        "stop" if calls => FinishReason::ToolCalls,
        reason => FinishReason::from(reason),
    }
}

fn says(said: Said, answer: &str) -> Message {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let calls: Vec<ToolCall> =
        (0..).zip(said.tool_calls).map(|(index, call)| whole(told(call, answer, index))).collect();
    let content = match given(said.content) {
        Some(text) => Content::Text(text),
        None if calls.is_empty() => Content::Text(String::new()),
        None => Content::Null,
    };
    let mut extra = said.extra;
    if let Some(images) = said.images {
        extra.insert("images", images);
    }
    Message {
        role: Role::Assistant,
        content: Some(content),
        reasoning_content: given(said.thinking),
        tool_calls: calls,
        extra,
        ..Message::default()
    }
}

fn whole(told: Told) -> ToolCall {
    let function = FunctionCall { name: told.name, arguments: told.arguments, extra: told.inner };
    ToolCall { id: told.id, function: Some(function), extra: told.extra, ..ToolCall::default() }
}

#[derive(Serialize)]
struct Logprobs {
    content: Vec<Extra>,
    refusal: Option<()>,
}

/// Log probabilities in OpenAI's form, which has every field at every token. None for an empty list.
pub(super) fn logprobs(tokens: Vec<Raw>) -> Option<Raw> {
    let content: Vec<Extra> = tokens.iter().filter_map(Raw::read::<Extra>).map(complete).collect();
    if content.is_empty() {
        return None;
    }
    Raw::of(&Logprobs { content, refusal: None }).ok()
}

fn complete(mut token: Extra) -> Extra {
    for (name, absent) in [("bytes", "null"), ("top_logprobs", "[]")] {
        if let (None, Ok(absent)) = (token.get(name), Raw::parse(absent)) {
            token.insert(name, absent);
        }
    }
    token
}
