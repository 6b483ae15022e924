//! The rules a request must keep beyond its types.

use serde_json::{Map, Value};

use crate::model::{Message, Role};
use crate::openai::error::{ApiError, invalid, invalid_without_code, no_logprobs};
use crate::openai::models;
use crate::openai::params::Params;

/// Tool results follow the calls they answer, and every call is answered.
pub(crate) fn conversation(messages: &[Message<'_>]) -> Result<(), ApiError> {
    let mut open: Vec<&str> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        if let (true, Some(id)) = (message.role == Role::Tool, message.tool_call_id) {
            let known = open.iter().position(|call| *call == id);
            let Some(known) = known else {
                let message = "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.";
                return Err(invalid_without_code(&format!("messages.[{index}].role"), message));
            };
            open.remove(known);
            continue;
        }
        unanswered(&open, index)?;
        open.clear();
        open.extend(message.tool_calls.iter().map(|call| call.id));
    }
    unanswered(&open, messages.len())
}

fn unanswered(open: &[&str], index: usize) -> Result<(), ApiError> {
    if open.is_empty() {
        return Ok(());
    }
    let message = format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. \
         The following tool_call_ids did not have response messages: {}",
        open.join(", ")
    );
    Err(invalid_without_code(&format!("messages.[{index}].role"), message))
}

/// The token limit, under whichever of its two names the model takes.
pub(crate) fn limits(params: &Params<'_, '_>, model: &str) -> Result<Option<u64>, ApiError> {
    let old = params.integer("max_tokens", 1, i64::MAX)?;
    let new = params.integer("max_completion_tokens", 1, i64::MAX)?;
    if old.is_some() && models::reasons(model) {
        let message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
        return Err(invalid("max_tokens", "unsupported_parameter", message));
    }
    if old.is_some() && new.is_some() {
        let message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
        return Err(invalid_without_code("max_tokens", message));
    }
    let limit = new.or(old);
    if let (Some(asked), Some(most)) = (limit, models::longest_answer(model))
        && asked > most
    {
        let name = if new.is_some() { "max_completion_tokens" } else { "max_tokens" };
        let message = format!(
            "{name} is too large: {asked}. This model supports at most {most} completion tokens, whereas you provided {asked}."
        );
        return Err(invalid(name, "invalid_value", message));
    }
    Ok(limit)
}

/// Sampling parameters, in range and taken by the model.
pub(crate) fn sampling(params: &Params<'_, '_>, model: &str) -> Result<(), ApiError> {
    let temperature = params.decimal("temperature", 0.0, 2.0)?;
    let top_p = params.decimal("top_p", 0.0, 1.0)?;
    params.decimal("presence_penalty", -2.0, 2.0)?;
    params.decimal("frequency_penalty", -2.0, 2.0)?;
    params.integer("seed", i64::MIN, i64::MAX)?;
    params.object("logit_bias")?;
    params.object("metadata")?;
    params.text("user")?;
    params.bool("store")?;
    let thinks = thinks(params, model)?;
    for (name, value) in [("temperature", temperature), ("top_p", top_p)] {
        if let Some(value) = value
            && thinks
            && (value - 1.0).abs() > f64::EPSILON
        {
            let message = format!(
                "Unsupported value: '{name}' does not support {value} with this model. Only the default (1) value is supported."
            );
            return Err(invalid(name, "unsupported_value", message));
        }
    }
    Ok(())
}

/// Whether the model thinks before it answers this request.
fn thinks(params: &Params<'_, '_>, model: &str) -> Result<bool, ApiError> {
    let effort = params.text("reasoning_effort")?;
    let quiet = models::thinks_only_when_asked(model) && effort.is_none_or(|effort| effort == "none");
    Ok(models::reasons(model) && !quiet)
}

/// Log probabilities: how many alternatives, if wanted. Thinking models give none.
pub(crate) fn logprobs(params: &Params<'_, '_>, model: &str) -> Result<Option<u64>, ApiError> {
    let wanted = params.bool("logprobs")?.unwrap_or(false);
    if wanted && thinks(params, model)? {
        return Err(no_logprobs());
    }
    let top = params.integer("top_logprobs", 0, 20)?;
    if top.is_some() && !wanted {
        let message =
            "Invalid value for 'top_logprobs': 'top_logprobs' is only allowed when 'logprobs' is enabled.";
        return Err(invalid_without_code("top_logprobs", message));
    }
    Ok(wanted.then(|| top.unwrap_or(0)))
}

/// Stream options, allowed for streams only.
pub(crate) fn stream_options<'a>(
    params: &Params<'a, '_>,
    stream: bool,
) -> Result<Option<&'a Map<String, Value>>, ApiError> {
    let options = params.object("stream_options")?;
    if options.is_some() && !stream {
        let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return Err(invalid_without_code("stream_options", message));
    }
    Ok(options)
}

/// A function's or schema's name.
pub(crate) fn name(place: &str, name: &str) -> Result<(), ApiError> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || character == '_' || character == '-';
    if name.chars().count() > 64 {
        let message = format!(
            "Invalid '{place}': string too long. Expected a string with maximum length 64, but got a string with length {} instead.",
            name.chars().count()
        );
        return Err(invalid(place, "string_above_max_length", message));
    }
    if name.is_empty() || !name.chars().all(allowed) {
        let message = format!(
            "Invalid '{place}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
        );
        return Err(invalid(place, "invalid_value", message));
    }
    Ok(())
}

/// An image given by link or inline.
pub(crate) fn image_url(place: &str, url: &str) -> Result<(), ApiError> {
    let inline = url.strip_prefix("data:image/").is_some_and(|rest| rest.contains(";base64,"));
    if inline || url.starts_with("http://") || url.starts_with("https://") {
        return Ok(());
    }
    let message = format!(
        "Invalid '{place}.url'. Expected a valid URL or a base64-encoded data URL with an image MIME type."
    );
    Err(invalid(&format!("{place}.url"), "invalid_value", message))
}

/// JSON mode wants the word in the conversation.
pub(crate) fn says_json(messages: &[Message<'_>]) -> Result<(), ApiError> {
    if messages.iter().any(|message| message.text.to_lowercase().contains("json")) {
        return Ok(());
    }
    let message = "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.";
    Err(invalid_without_code("messages", message))
}

/// Prompt and answer fit the model.
pub(crate) fn fits(model: &str, prompt_tokens: u64) -> Result<(), ApiError> {
    let window = models::context_window(model);
    if prompt_tokens <= window {
        return Ok(());
    }
    let message = format!(
        "This model's maximum context length is {window} tokens. However, your messages resulted in {prompt_tokens} tokens. \
         Please reduce the length of the messages."
    );
    Err(invalid("messages", "context_length_exceeded", message))
}
