//! From a request for a response to a chat request.

use super::input::Conversation;
use super::request::unsupported;
use super::settings;
use super::wire::{ResponsesRequest, TextOr};
use crate::error::{Error, Result};
use crate::types::{ChatRequest, Message, Role, StreamOptions};

/// The log probabilities, in `include`.
const LOGPROBS: &str = "message.output_text.logprobs";
/// The sealed thinking, in `include`; it comes anyway.
const SEALED: &str = "reasoning.encrypted_content";

/// A chat request that asks the same.
pub(super) struct Translated {
    pub(super) request: ChatRequest,
    /// What was left out.
    pub(super) warnings: Vec<String>,
}

pub(super) fn chat(request: &ResponsesRequest) -> Result<Translated> {
    let mut talk = Conversation::default();
    if let Some(instructions) = &request.instructions {
        talk.say(Message::new(Role::Developer, instructions.as_str()), None);
    }
    match &request.input {
        TextOr::Text(text) => talk.say(Message::user(text.as_str()), None),
        TextOr::List(items) => {
            for (at, item) in items.iter().enumerate() {
                talk.add(at, item)?;
            }
            talk.end_turn();
        }
    }
    let logprobs = includes(request, &mut talk.warnings)? || request.top_logprobs.is_some();
    let tools = request.tools.as_deref().filter(|tools| !tools.is_empty());
    let tools =
        tools.map(|tools| tools.iter().enumerate().map(|(at, tool)| settings::tool(at, tool)).collect());
    let text = request.text.as_ref();
    let streams = request.stream == Some(true);
    let chat = ChatRequest {
        model: request.model.clone(),
        messages: talk.messages,
        stream: request.stream,
        stream_options: streams
            .then(|| StreamOptions { include_usage: Some(true), ..StreamOptions::default() }),
        temperature: request.temperature.clone(),
        top_p: request.top_p.clone(),
        max_completion_tokens: request.max_output_tokens,
        logprobs: logprobs.then_some(true),
        top_logprobs: request.top_logprobs,
        user: request.user.clone(),
        tools: tools.transpose()?,
        tool_choice: request.tool_choice.as_ref().map(settings::tool_choice).transpose()?,
        parallel_tool_calls: request.parallel_tool_calls,
        response_format: text.and_then(|text| text.format.as_ref()).map(settings::format),
        reasoning_effort: request.reasoning.as_ref().and_then(|reasoning| reasoning.effort.clone()),
        verbosity: text.and_then(|text| text.verbosity.clone()),
        metadata: request.metadata.clone(),
        service_tier: request.service_tier.clone(),
        safety_identifier: request.safety_identifier.clone(),
        prompt_cache_key: request.prompt_cache_key.clone(),
        extra: request.extra.clone(),
        ..ChatRequest::default()
    };
    chat.validate().map_err(|error| renamed(error, &talk.origins))?;
    Ok(Translated { request: chat, warnings: talk.warnings })
}

/// Whether log probabilities are asked for; what else `include` names is refused, and hints are left out.
fn includes(request: &ResponsesRequest, warnings: &mut Vec<String>) -> Result<bool> {
    let mut logprobs = false;
    for (at, wanted) in request.include.iter().flatten().enumerate() {
        match wanted.as_str() {
            LOGPROBS => logprobs = true,
            SEALED => {}
            other => {
                let field = format!("include[{at}]");
                let message =
                    format!("{field}: {other:?} is not supported; {SEALED:?} and {LOGPROBS:?} are.");
                return Err(unsupported(field, message));
            }
        }
    }
    match request.truncation.as_deref() {
        None | Some("disabled") => {}
        Some("auto") => warnings.push("truncation was left out: conversations are sent whole".to_owned()),
        Some(other) => {
            let message = format!("truncation: {other:?} is not one of \"auto\", \"disabled\".");
            return Err(Error::invalid("truncation", message));
        }
    }
    if request.max_tool_calls.is_some() {
        warnings.push("max_tool_calls was left out: it limits built-in tools, and there are none".to_owned());
    }
    Ok(logprobs)
}

/// An error about the chat request, under the names that the caller used.
fn renamed(error: Error, origins: &[Option<usize>]) -> Error {
    let Some(field) = error.details().param.clone() else { return error };
    let Some(theirs) = their_name(&field, origins) else { return error };
    let message = error.message().strip_prefix(field.as_str()).map(|rest| format!("{theirs}{rest}"));
    Error::new(error.kind(), message.unwrap_or_else(|| error.message().to_owned()))
        .with(|details| details.param = Some(theirs))
}

fn their_name(field: &str, origins: &[Option<usize>]) -> Option<String> {
    const NAMES: [(&str, &str); 5] = [
        ("max_completion_tokens", "max_output_tokens"),
        ("response_format.json_schema", "text.format"),
        ("response_format", "text.format"),
        ("reasoning_effort", "reasoning.effort"),
        ("verbosity", "text.verbosity"),
    ];
    if let Some(rest) = field.strip_prefix("messages") {
        let Some((index, rest)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
            return Some("input".to_owned());
        };
        let origin = index.parse::<usize>().ok().and_then(|index| origins.get(index).copied().flatten());
        return Some(origin.map_or_else(|| "input".to_owned(), |origin| format!("input[{origin}]{rest}")));
    }
    NAMES.iter().find_map(|(ours, theirs)| field.strip_prefix(ours).map(|rest| format!("{theirs}{rest}")))
}
