//! A chat completion request, read and checked.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::model::{Call, Format, Message, Prompt, Role, Tool, ToolChoice};
use crate::openai::error::{ApiError, invalid, missing, no_model};
use crate::openai::models;
use crate::openai::params::{Params, wrong_type};
use crate::openai::validate;

/// Tokens of an image by detail.
const LOW_IMAGE: u64 = 85;
const HIGH_IMAGE: u64 = 765;

/// The fields that shape an answer.
#[derive(Debug, Clone)]
pub(crate) struct ChatRequest<'a> {
    /// The model asked for.
    pub(crate) model: &'a str,
    /// The snapshot that answers.
    pub(crate) serving: &'a str,
    pub(crate) prompt: Prompt<'a>,
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
    pub(crate) obfuscate: bool,
    /// Alternatives wanted per token, when log probabilities are.
    pub(crate) logprobs: Option<u64>,
    pub(crate) service_tier: &'a str,
}

impl<'a> ChatRequest<'a> {
    /// Reads the body as the vendor would, in the vendor's order of complaints.
    pub(crate) fn read(body: &'a Map<String, Value>) -> Result<Self, ApiError> {
        let params = Params::new(body, "");
        let model = params.text("model")?.filter(|model| !model.is_empty()).ok_or_else(no_model)?;
        let serving = models::serving(model)?;
        let list = params.array("messages", "an array of objects")?.ok_or_else(|| missing("messages"))?;
        let messages = read_messages(list)?;
        validate::conversation(&messages)?;
        let limit = validate::limits(&params, model)?;
        validate::sampling(&params, model)?;
        let stream = params.bool("stream")?.unwrap_or(false);
        let stream_options = validate::stream_options(&params, stream)?;
        let stream_flag = |name: &str| match stream_options {
            Some(options) => Params::new(options, "stream_options").bool(name),
            None => Ok(None),
        };
        let tools = read_tools(&params)?;
        let format = read_format(&params, &messages)?;
        let tier = params.choice("service_tier", &["auto", "default", "flex", "scale", "priority"])?;
        let n = params.integer("n", 1, 128)?.unwrap_or(1);
        let stop = read_stop(&params)?;
        let tool_choice = read_tool_choice(&params, &tools)?;
        let parallel = params.bool("parallel_tool_calls")?.unwrap_or(true);
        let logprobs = validate::logprobs(&params, model)?;
        let effort =
            params.choice("reasoning_effort", &["none", "minimal", "low", "medium", "high", "xhigh"])?;
        let thinking = models::thinking_tokens(model, effort);
        Ok(Self {
            model,
            serving,
            prompt: Prompt { messages, tools, tool_choice, parallel, format, stop, limit, n, thinking },
            stream,
            include_usage: stream_flag("include_usage")?.unwrap_or(false),
            obfuscate: stream_flag("include_obfuscation")?.unwrap_or(true),
            logprobs,
            service_tier: match tier {
                Some("flex") => "flex",
                Some("priority") => "priority",
                _ => "default",
            },
        })
    }
}

fn read_messages(list: &[Value]) -> Result<Vec<Message<'_>>, ApiError> {
    if list.is_empty() {
        let message = "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.";
        return Err(invalid("messages", "empty_array", message));
    }
    list.iter().enumerate().map(|(index, value)| read_message(value, &format!("messages[{index}]"))).collect()
}

fn read_message<'a>(value: &'a Value, place: &str) -> Result<Message<'a>, ApiError> {
    let fields = value.as_object().ok_or_else(|| wrong_type(place, "an object", value))?;
    let params = Params::new(fields, place);
    let roles = ["system", "assistant", "user", "function", "tool", "developer"];
    let role = params.choice("role", &roles)?.ok_or_else(|| missing(&params.name("role")))?;
    let mut message = Message::new(match role {
        "system" | "developer" => Role::System,
        "assistant" => Role::Assistant,
        "user" => Role::User,
        _ => Role::Tool,
    });
    message.name = params.text("name")?;
    message.tool_call_id = params.text("tool_call_id")?;
    for (index, call) in params.array("tool_calls", "an array of objects")?.into_iter().flatten().enumerate()
    {
        message.tool_calls.push(read_call(call, &format!("{place}.tool_calls[{index}]"))?);
    }
    if role == "tool" && message.tool_call_id.is_none() {
        return Err(missing(&params.name("tool_call_id")));
    }
    match params.get("content") {
        Some(Value::String(text)) => message.text.clone_from(text),
        Some(Value::Array(parts)) => {
            for (index, part) in parts.iter().enumerate() {
                read_part(part, &format!("{place}.content[{index}]"), &mut message)?;
            }
        }
        Some(other) => {
            return Err(wrong_type(&params.name("content"), "one of a string or array of objects", other));
        }
        None if role == "assistant" => {}
        None => {
            let name = params.name("content");
            let message = format!("Invalid value for '{name}': expected a string, got null.");
            return Err(crate::openai::error::invalid_without_code(&name, message));
        }
    }
    Ok(message)
}

fn read_call<'a>(value: &'a Value, place: &str) -> Result<Call<'a>, ApiError> {
    let fields = value.as_object().ok_or_else(|| wrong_type(place, "an object", value))?;
    let params = Params::new(fields, place);
    let id = params.required_text("id")?;
    let function = params.required_object("function")?;
    let inner = format!("{place}.function");
    let function = Params::new(function, &inner);
    let arguments = Cow::Borrowed(function.required_text("arguments")?);
    Ok(Call { id, name: function.required_text("name")?, arguments })
}

fn read_part<'a>(value: &'a Value, place: &str, message: &mut Message<'a>) -> Result<(), ApiError> {
    let fields = value.as_object().ok_or_else(|| wrong_type(place, "an object", value))?;
    let params = Params::new(fields, place);
    let kinds = ["text", "image_url", "input_audio", "refusal", "audio", "file"];
    let kind = params.choice("type", &kinds)?.ok_or_else(|| missing(&params.name("type")))?;
    match kind {
        "text" | "refusal" => message.push_text(params.required_text(kind)?),
        "image_url" => {
            let image = params.required_object("image_url")?;
            let inner = format!("{place}.image_url");
            let image = Params::new(image, &inner);
            validate::image_url(&inner, image.required_text("url")?)?;
            let low = image.choice("detail", &["auto", "low", "high"])? == Some("low");
            message.images.push(if low { LOW_IMAGE } else { HIGH_IMAGE });
        }
        _ => {
            params.required_object(kind)?;
            message.attachments += 1;
        }
    }
    Ok(())
}

fn read_tools<'a>(params: &Params<'a, '_>) -> Result<Vec<Tool<'a>>, ApiError> {
    let Some(list) = params.array("tools", "an array of objects")? else { return Ok(Vec::new()) };
    if list.is_empty() {
        let message = "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.";
        return Err(invalid("tools", "empty_array", message));
    }
    let mut tools = Vec::with_capacity(list.len());
    for (index, definition) in list.iter().enumerate() {
        let place = format!("tools[{index}]");
        let fields = definition.as_object().ok_or_else(|| wrong_type(&place, "an object", definition))?;
        let tool = Params::new(fields, &place);
        let kind =
            tool.choice("type", &["function", "custom"])?.ok_or_else(|| missing(&tool.name("type")))?;
        let inner = format!("{place}.{kind}");
        let function = Params::new(tool.required_object(kind)?, &inner);
        let name = function.required_text("name")?;
        validate::name(&function.name("name"), name)?;
        function.object("parameters")?;
        tools.push(Tool { name, parameters: function.get("parameters"), definition: definition.to_string() });
    }
    Ok(tools)
}

fn read_tool_choice<'a>(params: &Params<'a, '_>, tools: &[Tool<'a>]) -> Result<ToolChoice<'a>, ApiError> {
    let Some(choice) = params.get("tool_choice") else { return Ok(ToolChoice::Auto) };
    if choice.as_str() == Some("none") {
        return Ok(ToolChoice::None);
    }
    if tools.is_empty() {
        let message =
            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.";
        return Err(crate::openai::error::invalid_without_code("tool_choice", message));
    }
    let named = match choice {
        Value::Object(fields) => {
            let choice = Params::new(fields, "tool_choice");
            let kinds = ["function", "custom", "allowed_tools"];
            match choice.choice("type", &kinds)?.ok_or_else(|| missing("tool_choice.type"))? {
                "allowed_tools" => {
                    let inner =
                        Params::new(choice.required_object("allowed_tools")?, "tool_choice.allowed_tools");
                    if inner.choice("mode", &["auto", "required"])? == Some("required") {
                        return Ok(ToolChoice::Required);
                    }
                    None
                }
                kind => {
                    let inner = format!("tool_choice.{kind}");
                    Some(Params::new(choice.required_object(kind)?, &inner).required_text("name")?)
                }
            }
        }
        _ => {
            if params.choice("tool_choice", &["none", "auto", "required"])? == Some("required") {
                return Ok(ToolChoice::Required);
            }
            None
        }
    };
    match named {
        Some(name) if tools.iter().all(|tool| tool.name != name) => {
            let message = format!("Tool choice '{name}' not found in 'tools' parameter.");
            Err(crate::openai::error::invalid_without_code("tool_choice", message))
        }
        Some(name) => Ok(ToolChoice::Named(name)),
        None => Ok(ToolChoice::Auto),
    }
}

fn read_format<'a>(params: &Params<'a, '_>, messages: &[Message<'_>]) -> Result<Format<'a>, ApiError> {
    let Some(fields) = params.object("response_format")? else { return Ok(Format::Text) };
    let format = Params::new(fields, "response_format");
    let kinds = ["json_object", "json_schema", "text"];
    match format.choice("type", &kinds)?.ok_or_else(|| missing("response_format.type"))? {
        "json_object" => {
            validate::says_json(messages)?;
            Ok(Format::JsonObject)
        }
        "json_schema" => {
            let inner = Params::new(format.required_object("json_schema")?, "response_format.json_schema");
            validate::name("response_format.json_schema.name", inner.required_text("name")?)?;
            inner.required_object("schema")?;
            inner
                .get("schema")
                .map(Format::JsonSchema)
                .ok_or_else(|| missing("response_format.json_schema.schema"))
        }
        _ => Ok(Format::Text),
    }
}

fn read_stop<'a>(params: &Params<'a, '_>) -> Result<Vec<&'a str>, ApiError> {
    match params.get("stop") {
        None => Ok(Vec::new()),
        Some(Value::String(stop)) => Ok(vec![stop]),
        Some(Value::Array(list)) if list.len() > 4 => {
            let message = format!(
                "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length {} instead.",
                list.len()
            );
            Err(invalid("stop", "array_above_max_length", message))
        }
        Some(Value::Array(list)) => list
            .iter()
            .enumerate()
            .map(|(index, value)| {
                value.as_str().ok_or_else(|| wrong_type(&format!("stop[{index}]"), "a string", value))
            })
            .collect(),
        Some(other) => Err(wrong_type("stop", "one of a string or array of strings", other)),
    }
}
