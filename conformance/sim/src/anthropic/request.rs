//! A request for a message, read and checked.

use serde_json::{Map, Value};

use crate::anthropic::content::{Conversation, Document, Mark, hour};
use crate::anthropic::error::{ApiError, invalid, not_json};
use crate::anthropic::models::{self, Model};
use crate::anthropic::params::{Params, wrong};
use crate::anthropic::rules::{self, Thinking};
use crate::anthropic::usage::Kept;
use crate::anthropic::{schema, tools};
use crate::model::{Format, Message, Prompt, Role, Tool, ToolChoice};

/// Fields of a request that the simulator reads, or takes without a word.
const FIELDS: [&str; 23] = [
    "model",
    "messages",
    "max_tokens",
    "system",
    "metadata",
    "stop_sequences",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "thinking",
    "tools",
    "tool_choice",
    "output_config",
    "service_tier",
    "cache_control",
    "container",
    "context_management",
    "diagnostics",
    "inference_geo",
    "mcp_servers",
    "speed",
    "fallbacks",
];

/// What the vendor's own documentation has for trying out sealed thinking.
const SEALED: &str = "ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING";

/// The fields that shape an answer.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// The model's name in answers.
    pub(crate) serving: &'a str,
    pub(crate) prompt: Prompt<'a>,
    pub(crate) stream: bool,
    pub(crate) thinking: Thinking,
    /// Whether thinking comes sealed, without any text.
    pub(crate) sealed: bool,
    /// Documents to cite.
    pub(crate) cited: Vec<Document<'a>>,
    /// Prompt tokens that were marked to be kept.
    pub(crate) kept: Kept,
}

/// What a request's place in the vendor's API leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Answer,
    /// Only the prompt's tokens are wanted: there is no `max_tokens`.
    Count,
}

/// The version of the API that a request is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// 2023-06-01, and 2023-01-01 before it.
    First,
    /// 2026-10-21: no `temperature`, `top_p` and `top_k`; users' texts carry no citations.
    Second,
}

/// The object in a body.
pub(crate) fn object(body: &Value) -> Result<&Map<String, Value>, ApiError> {
    body.as_object().ok_or_else(not_json)
}

impl<'a> Request<'a> {
    /// Reads the body as the vendor would.
    pub(crate) fn read(
        body: &'a Map<String, Value>,
        purpose: Purpose,
        version: Version,
    ) -> Result<Self, ApiError> {
        let params = Params::new(body, "");
        let limit = match purpose {
            Purpose::Answer => {
                params.required("max_tokens")?;
                params.whole("max_tokens", 1)?
            }
            Purpose::Count => None,
        };
        params.required("messages")?;
        let list = params.array("messages")?.map(Vec::as_slice).unwrap_or_default();
        let name = params.required_text("model")?;
        params.only(&FIELDS)?;
        if version == Version::Second {
            params.without(&["temperature", "top_p", "top_k"])?;
            uncited(list)?;
        }
        let (model, serving) = models::serving(name)?;
        if let Some(limit) = limit.filter(|limit| *limit > model.longest_answer) {
            let most = model.longest_answer;
            let what = "which is the maximum allowed number of output tokens for";
            return Err(invalid(format!("max_tokens: {limit} > {most}, {what} {serving}")));
        }
        let mut conversation = Conversation::default();
        conversation.system(&params)?;
        conversation
            .read(list, matches!(serving, "claude-opus-4-8" | "claude-opus-5" | "claude-fable-5-1"))?;
        ends_well(&conversation.messages, model)?;
        let offered = tools::read(&params, model)?;
        let (tool_choice, parallel) = tools::choice(&params, &offered, model)?;
        let config = params.object("output_config")?;
        let place = params.name("output_config");
        let config = config.map(|fields| Params::new(fields, &place));
        let effort = rules::effort(config, model)?;
        let forced = matches!(tool_choice, ToolChoice::Required | ToolChoice::Named(_));
        let question = conversation.messages.iter().rev().find(|message| message.role == Role::User);
        let says = |word: &str| question.is_some_and(|message| message.text.contains(word));
        let most = limit.unwrap_or(model.longest_answer);
        let mut thinking = rules::thinking(&params, model, effort, forced, says("think"), most)?;
        rules::sampling(&params, model, thinking)?;
        if begun_without_thinking(list) {
            thinking.tokens = 0;
        }
        let format = format(config, model, &conversation.cited)?;
        metadata(&params)?;
        params.choice("service_tier", &["auto", "standard_only"])?;
        let kept = kept(&params, &conversation, &offered)?;
        let sealed = says(SEALED);
        let Conversation { messages, cited, .. } = conversation;
        Ok(Self {
            serving,
            stream: params.bool("stream")?.unwrap_or(false),
            prompt: Prompt {
                messages,
                tools: offered,
                tool_choice,
                parallel,
                format,
                stop: stops(&params)?,
                limit,
                n: 1,
                thinking: thinking.tokens,
            },
            thinking,
            sealed,
            cited,
            kept,
        })
    }
}

/// A 400 for citations in what the user says.
fn uncited(list: &[Value]) -> Result<(), ApiError> {
    for (index, message) in list.iter().enumerate().filter(|(_, message)| message["role"] == "user") {
        for (at, block) in message["content"].as_array().into_iter().flatten().enumerate() {
            let cites = block["citations"].as_array().is_some_and(|citations| !citations.is_empty());
            if block["type"] == "text" && cites {
                let place = format!("messages.{index}.content.{at}.text.citations");
                return Err(wrong(&place, "Extra inputs are not permitted"));
            }
        }
    }
    Ok(())
}

/// A conversation ends with the user, or where the model may go on with words put into its mouth, with the assistant.
fn ends_well(messages: &[Message<'_>], model: &Model) -> Result<(), ApiError> {
    let Some(last) = messages.iter().rfind(|message| message.role != Role::System) else { return Ok(()) };
    if last.role != Role::Assistant {
        return Ok(());
    }
    if !model.prefill {
        let what = "This model does not support assistant message prefill. The conversation must end with a user \
                    message.";
        return Err(invalid(what));
    }
    if last.text.ends_with(char::is_whitespace) {
        return Err(invalid("messages: final assistant content cannot end with trailing whitespace"));
    }
    Ok(())
}

/// Whether the turn under way was begun without thinking: then the vendor goes on without.
fn begun_without_thinking(list: &[Value]) -> bool {
    let kinds = |message: &Value| -> Vec<String> {
        let blocks = message.get("content").and_then(Value::as_array);
        let kind = |block: &Value| block.get("type").and_then(Value::as_str).map(str::to_owned);
        blocks.into_iter().flatten().filter_map(kind).collect()
    };
    match list {
        [.., before, last] if kinds(last).iter().any(|kind| kind == "tool_result") => {
            !kinds(before).iter().any(|kind| kind.ends_with("thinking"))
        }
        _ => false,
    }
}

fn format<'a>(
    config: Option<Params<'a, '_>>,
    model: &Model,
    cited: &[Document<'_>],
) -> Result<Format<'a>, ApiError> {
    let Some(config) = config else { return Ok(Format::Text) };
    let Some(fields) = config.object("format")? else { return Ok(Format::Text) };
    let place = config.name("format");
    let own = Params::new(fields, &place);
    own.tag(&["json_schema"])?;
    own.only(&["type", "schema"])?;
    if !model.schemas {
        return Err(invalid("output_config.format: this model does not support structured outputs"));
    }
    if !cited.is_empty() {
        return Err(invalid(
            "output_config.format: citations cannot be used together with structured outputs",
        ));
    }
    let wanted = own.required("schema")?;
    own.object("schema")?;
    schema::check(wanted, &own.name("schema"))?;
    Ok(Format::JsonSchema(wanted))
}

fn stops<'a>(params: &Params<'a, '_>) -> Result<Vec<&'a str>, ApiError> {
    let list = params.array("stop_sequences")?.into_iter().flatten().enumerate();
    let read = |(index, value): (usize, &'a Value)| {
        let stop = value.as_str();
        let stop = stop.ok_or_else(|| {
            params.wrong(&format!("stop_sequences.{index}"), "Input should be a valid string")
        });
        match stop {
            Ok(stop) if stop.trim().is_empty() => {
                Err(invalid("stop_sequences: each stop sequence must contain non-whitespace"))
            }
            stop => stop,
        }
    };
    list.map(read).collect()
}

fn metadata(params: &Params<'_, '_>) -> Result<(), ApiError> {
    let Some(fields) = params.object("metadata")? else { return Ok(()) };
    let place = params.name("metadata");
    let own = Params::new(fields, &place);
    own.only(&["user_id"])?;
    match own.text("user_id")? {
        Some(id) if id.chars().count() > 256 => {
            Err(own.wrong("user_id", "String should have at most 256 characters"))
        }
        Some(id) if id.contains('@') => {
            Err(own.wrong("user_id", "user_id appears to contain an email address"))
        }
        _ => Ok(()),
    }
}

/// The tokens up to the last mark: all tools, and the messages before it. They count as written to the cache, as the
/// simulator remembers nothing that could be read from it.
fn kept(
    params: &Params<'_, '_>,
    conversation: &Conversation<'_>,
    offered: &[Tool<'_>],
) -> Result<Kept, ApiError> {
    let mut mark = conversation.mark;
    if mark.is_none() {
        for (index, tool) in params.array("tools")?.into_iter().flatten().enumerate() {
            let place = format!("tools.{index}");
            if let Some(hour) = hour(&Params::of(tool, &place)?)? {
                mark = Some(Mark { messages: 0, hour });
            }
        }
    }
    if let Some(hour) = hour(params)? {
        mark = Some(Mark { messages: conversation.messages.len(), hour });
    }
    let Some(Mark { messages, hour }) = mark else { return Ok(Kept::default()) };
    let before = Prompt {
        messages: conversation.messages.iter().take(messages).cloned().collect(),
        tools: offered.to_vec(),
        tool_choice: ToolChoice::Auto,
        parallel: true,
        format: Format::Text,
        stop: Vec::new(),
        limit: None,
        n: 1,
        thinking: 0,
    };
    Ok(Kept { tokens: before.tokens(), hour })
}
