//! What a request must keep to beyond its types. The limits are OpenAI's.

use serde_json::Number;

use super::content::{Content, Part};
use super::extra::Raw;
use super::message::{Message, Role};
use super::request::{ChatRequest, ResponseFormat};
use super::tool::{Tool, ToolChoice};
use crate::error::{Error, Result};

/// Longest model name, in bytes.
const MAX_MODEL_BYTES: usize = 256;
/// Most stop sequences.
const MAX_STOPS: usize = 4;
/// Most answers.
const MAX_ANSWERS: u32 = 128;
/// Most alternatives at each position.
const MAX_TOP_LOGPROBS: u32 = 20;
/// Longest name of a function, in bytes.
const MAX_FUNCTION_NAME: usize = 64;

impl ChatRequest {
    /// Checks values that types alone do not: ranges, fields that need each other, names.
    ///
    /// [`ChatRequest::from_slice`] does this by itself; requests built in Rust are checked by the gateway.
    pub fn validate(&self) -> Result<()> {
        check_model(&self.model)?;
        if self.messages.is_empty() {
            return Err(Error::invalid("messages", "messages: at least one message is required."));
        }
        for (at, message) in self.messages.iter().enumerate() {
            check_message(message, at)?;
        }
        self.check_ranges()?;
        self.check_stream()?;
        self.check_tools()?;
        self.response_format.as_ref().map_or(Ok(()), check_format)
    }

    fn check_ranges(&self) -> Result<()> {
        within("temperature", self.temperature.as_ref(), 0.0, 2.0)?;
        within("top_p", self.top_p.as_ref(), 0.0, 1.0)?;
        within("frequency_penalty", self.frequency_penalty.as_ref(), -2.0, 2.0)?;
        within("presence_penalty", self.presence_penalty.as_ref(), -2.0, 2.0)?;
        if let Some(n) = self.n.filter(|n| !(1..=MAX_ANSWERS).contains(n)) {
            return Err(bad("n", n, "a whole number from 1 to 128"));
        }
        for (name, limit) in
            [("max_tokens", self.max_tokens), ("max_completion_tokens", self.max_completion_tokens)]
        {
            if limit == Some(0) {
                return Err(bad(name, 0, "a whole number of 1 or more"));
            }
        }
        if let Some(top) = self.top_logprobs {
            if top > MAX_TOP_LOGPROBS {
                return Err(bad("top_logprobs", top, "a whole number from 0 to 20"));
            }
            if self.logprobs != Some(true) {
                return Err(Error::invalid("top_logprobs", "top_logprobs: needs logprobs to be true."));
            }
        }
        if let Some(stop) = &self.stop {
            let count = stop.as_slice().len();
            if count > MAX_STOPS {
                return Err(bad("stop", format_args!("{count} sequences"), "at most 4 sequences"));
            }
        }
        object("metadata", self.metadata.as_ref())?;
        object("logit_bias", self.logit_bias.as_ref())?;
        object("audio", self.audio.as_ref())?;
        object("prediction", self.prediction.as_ref())
    }

    fn check_stream(&self) -> Result<()> {
        if self.stream_options.is_some() && !self.is_stream() {
            return Err(Error::invalid(
                "stream_options",
                "stream_options: only allowed when stream is true.",
            ));
        }
        Ok(())
    }

    fn check_tools(&self) -> Result<()> {
        let tools = self.tools.as_deref().unwrap_or_default();
        for (at, tool) in tools.iter().enumerate() {
            check_tool(tool, at)?;
        }
        let Some(choice) = &self.tool_choice else { return Ok(()) };
        match choice {
            ToolChoice::Function { function, .. } if function.name.is_empty() => {
                Err(Error::invalid("tool_choice.function.name", "tool_choice.function.name: is required."))
            }
            // The name may be one of a tool that is kept as it is; then nobody here can tell.
            ToolChoice::Function { function, .. }
                if tools.iter().all(|tool| tool.function.is_some())
                    && !tools.iter().flat_map(|tool| &tool.function).any(|f| f.name == function.name) =>
            {
                Err(bad(
                    "tool_choice.function.name",
                    format_args!("{:?}", function.name),
                    "the name of one of the tools",
                ))
            }
            ToolChoice::Required | ToolChoice::Auto if tools.is_empty() => {
                Err(Error::invalid("tool_choice", "tool_choice: only allowed when tools are given."))
            }
            _ => Ok(()),
        }
    }
}

fn bad(param: &str, value: impl std::fmt::Display, allowed: &str) -> Error {
    Error::invalid(param, format!("{param}: {value} is not allowed, expected {allowed}."))
}

fn within(param: &'static str, value: Option<&Number>, low: f64, high: f64) -> Result<()> {
    match value {
        Some(number) if !number.as_f64().is_some_and(|value| (low..=high).contains(&value)) => {
            Err(bad(param, number, &format!("a number from {low} to {high}")))
        }
        _ => Ok(()),
    }
}

fn object(param: &'static str, value: Option<&Raw>) -> Result<()> {
    match value {
        Some(raw) if !raw.is_object() => Err(Error::invalid(param, format!("{param}: expected an object."))),
        _ => Ok(()),
    }
}

pub(super) fn check_model(model: &str) -> Result<()> {
    if model.trim().is_empty() {
        return Err(Error::invalid("model", "model: must not be empty."));
    }
    if model.len() > MAX_MODEL_BYTES {
        let bytes = format!("a name of {} bytes", model.len());
        return Err(bad("model", bytes, "at most 256 bytes"));
    }
    if model.chars().any(char::is_control) {
        return Err(bad("model", format_args!("{model:?}"), "a name without control characters"));
    }
    Ok(())
}

fn check_message(message: &Message, at: usize) -> Result<()> {
    let path = |field: &str| format!("messages[{at}].{field}");
    let missing = |field: &str, why: &str| {
        let path = path(field);
        Error::invalid(path.clone(), format!("{path}: {why}."))
    };
    match (&message.content, message.role) {
        (_, Role::Assistant | Role::Function) => {}
        (None, _) => return Err(missing("content", "is required and missing")),
        (Some(Content::Null), _) => {
            return Err(missing("content", "is null, expected a string or an array of parts"));
        }
        _ => {}
    }
    if let Some(Content::Parts(parts)) = &message.content {
        if parts.is_empty() {
            return Err(missing("content", "is an empty array, expected at least one part"));
        }
        for (part_at, part) in parts.iter().enumerate() {
            check_part(part, message.role).map_err(|why| {
                let path = path(&format!("content[{part_at}].type"));
                Error::invalid(path.clone(), format!("{path}: {why}."))
            })?;
        }
    }
    match message.role {
        Role::Tool if message.tool_call_id.as_deref().unwrap_or_default().is_empty() => {
            Err(missing("tool_call_id", "is required for the role tool"))
        }
        Role::Function if message.name.as_deref().unwrap_or_default().is_empty() => {
            Err(missing("name", "is required for the role function"))
        }
        Role::Assistant => check_calls(message, at),
        _ if !message.tool_calls.is_empty() => {
            Err(missing("tool_calls", "only the role assistant calls tools"))
        }
        _ => Ok(()),
    }
}

/// Known kinds in a place where OpenAI does not take them. Unknown kinds pass: the provider may know them.
fn check_part(part: &Part, role: Role) -> Result<(), String> {
    let spoken_by_user = matches!(part, Part::Image { .. } | Part::Audio { .. } | Part::File { .. });
    if spoken_by_user && matches!(role, Role::System | Role::Developer | Role::Assistant) {
        return Err(format!("{:?} is not allowed in a message of the role {role}", part.kind()));
    }
    if matches!(part, Part::Refusal { .. }) && role != Role::Assistant {
        return Err(format!("\"refusal\" is not allowed in a message of the role {role}"));
    }
    Ok(())
}

fn check_calls(message: &Message, at: usize) -> Result<()> {
    for (call_at, call) in message.tool_calls.iter().enumerate() {
        let missing = |field: &str| {
            let path = format!("messages[{at}].tool_calls[{call_at}].{field}");
            Error::invalid(path.clone(), format!("{path}: is required and missing."))
        };
        if call.id.is_empty() {
            return Err(missing("id"));
        }
        if call.kind == "function" && call.function.as_ref().is_none_or(|function| function.name.is_empty()) {
            return Err(missing("function.name"));
        }
    }
    Ok(())
}

fn check_tool(tool: &Tool, at: usize) -> Result<()> {
    if tool.kind != "function" {
        return Ok(());
    }
    let path = |field: &str| format!("tools[{at}].{field}");
    let Some(function) = &tool.function else {
        return Err(Error::invalid(
            path("function"),
            format!("{}: is required and missing.", path("function")),
        ));
    };
    let name = path("function.name");
    if function.name.is_empty() {
        return Err(Error::invalid(name.clone(), format!("{name}: is required and missing.")));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if function.name.len() > MAX_FUNCTION_NAME || !function.name.bytes().all(allowed) {
        let value = format!("{:?}", function.name);
        return Err(bad(&name, value, "1 to 64 characters of a-z, A-Z, 0-9, _ and -"));
    }
    match &function.parameters {
        Some(parameters) if !parameters.is_object() => {
            let path = path("function.parameters");
            Err(Error::invalid(path.clone(), format!("{path}: expected an object.")))
        }
        _ => Ok(()),
    }
}

fn check_format(format: &ResponseFormat) -> Result<()> {
    match format.kind.as_str() {
        "text" | "json_object" => Ok(()),
        "json_schema" => {
            let Some(schema) = &format.json_schema else {
                return Err(Error::invalid(
                    "response_format.json_schema",
                    "response_format.json_schema: is required when type is json_schema.",
                ));
            };
            if schema.name.is_empty() {
                return Err(Error::invalid(
                    "response_format.json_schema.name",
                    "response_format.json_schema.name: is required and missing.",
                ));
            }
            match &schema.schema {
                Some(raw) if !raw.is_object() => Err(Error::invalid(
                    "response_format.json_schema.schema",
                    "response_format.json_schema.schema: expected an object.",
                )),
                _ => Ok(()),
            }
        }
        other => {
            Err(bad("response_format.type", format_args!("{other:?}"), "text, json_object or json_schema"))
        }
    }
}
