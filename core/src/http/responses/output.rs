//! The response object: what was asked, told again, and the items of the answer.

use serde::Serialize;
use serde_json::{Number, json};

use super::seal::seal;
use super::wire::{ResponsesRequest, ResponsesTool, TextOr};
use crate::types::{
    ChatResponse, Choice, ErrorObject, Extra, FinishReason, Message, Metadata, Raw, ToolCall, Usage,
};

/// Where an answer or one of its items is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    InProgress,
    Completed,
    Incomplete,
    Failed,
}

impl Status {
    /// The status of the items of an answer with this one.
    pub(super) fn of_item(self) -> Status {
        if self == Status::Failed { Status::Incomplete } else { self }
    }
}

/// An item of the answer.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Item {
    Reasoning {
        id: String,
        summary: Vec<Summary>,
        #[serde(skip_serializing_if = "Option::is_none")]
        encrypted_content: Option<String>,
        status: Status,
    },
    Message {
        id: String,
        status: Status,
        role: &'static str,
        content: Vec<Part>,
        #[serde(flatten)]
        extra: Extra,
    },
    FunctionCall {
        id: String,
        status: Status,
        call_id: String,
        name: String,
        arguments: String,
        #[serde(flatten)]
        extra: Extra,
    },
    CustomToolCall {
        id: String,
        status: Status,
        call_id: String,
        name: String,
        input: String,
        #[serde(flatten)]
        extra: Extra,
    },
}

/// A stretch of thinking.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename = "summary_text")]
pub(super) struct Summary {
    pub(super) text: String,
}

impl Summary {
    /// The summary of thinking; empty where nothing can be told.
    pub(super) fn of(text: &str) -> Vec<Summary> {
        if text.is_empty() { Vec::new() } else { vec![Summary { text: text.to_owned() }] }
    }
}

/// A part of a message.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part {
    OutputText { text: String, annotations: Vec<Raw>, logprobs: Vec<Raw> },
    Refusal { refusal: String },
}

impl Part {
    /// Text that is yet to come.
    pub(super) fn no_text() -> Part {
        Part::OutputText { text: String::new(), annotations: Vec::new(), logprobs: Vec::new() }
    }
}

/// The ids of an answer and its items.
#[derive(Debug, Clone)]
pub(super) struct Ids(String);

impl Ids {
    /// Ids after the answer's own.
    pub(super) fn after(id: &str) -> Ids {
        let bare =
            ["chatcmpl-", "chatcmpl_", "msg_", "req_"].iter().find_map(|prefix| id.strip_prefix(prefix));
        Ids(bare.unwrap_or(id).to_owned())
    }

    pub(super) fn response(&self) -> String {
        format!("resp_{}", self.0)
    }

    pub(super) fn item(&self, prefix: &str, at: usize) -> String {
        format!("{prefix}_{}_{at}", self.0)
    }
}

/// What the response object tells again of the request.
pub(super) struct Echo {
    request: ResponsesRequest,
    created: i64,
}

/// A response object.
#[derive(Serialize)]
pub(super) struct Response<'a> {
    pub(super) id: String,
    object: &'static str,
    pub(super) created_at: i64,
    pub(super) status: Status,
    background: bool,
    pub(super) error: Option<Failure>,
    pub(super) incomplete_details: Option<Incomplete>,
    instructions: Option<&'a str>,
    max_output_tokens: Option<u64>,
    max_tool_calls: Option<u64>,
    pub(super) model: String,
    pub(super) output: Vec<Item>,
    parallel_tool_calls: bool,
    previous_response_id: Option<&'a str>,
    prompt_cache_key: Option<&'a str>,
    reasoning: serde_json::Value,
    safety_identifier: Option<&'a str>,
    pub(super) service_tier: Option<String>,
    store: bool,
    temperature: Option<&'a Number>,
    text: serde_json::Value,
    tool_choice: serde_json::Value,
    tools: &'a [ResponsesTool],
    top_logprobs: Option<u32>,
    top_p: Option<&'a Number>,
    truncation: &'static str,
    pub(super) usage: Option<Used>,
    user: Option<&'a str>,
    metadata: Option<&'a Raw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lockgate: Option<Metadata>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

/// Why an answer is not whole.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Incomplete {
    reason: &'static str,
}

/// Why there is no answer.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Failure {
    code: Option<String>,
    message: String,
}

impl From<&ErrorObject> for Failure {
    fn from(error: &ErrorObject) -> Failure {
        Failure { code: error.code.clone(), message: error.message.clone() }
    }
}

/// Tokens, under this protocol's names.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Used {
    input_tokens: u64,
    input_tokens_details: serde_json::Value,
    output_tokens: u64,
    output_tokens_details: serde_json::Value,
    total_tokens: u64,
}

impl From<&Usage> for Used {
    fn from(usage: &Usage) -> Used {
        let input = usage.prompt_tokens_details.as_ref();
        let output = usage.completion_tokens_details.as_ref();
        let written = input.and_then(|details| details.cache_creation_tokens.or(details.cache_write_tokens));
        Used {
            input_tokens: usage.prompt_tokens,
            input_tokens_details: json!({
                "cached_tokens": input.and_then(|details| details.cached_tokens).unwrap_or(0),
                "cache_write_tokens": written.unwrap_or(0),
            }),
            output_tokens: usage.completion_tokens,
            output_tokens_details: json!({
                "reasoning_tokens": output.and_then(|details| details.reasoning_tokens).unwrap_or(0),
            }),
            total_tokens: usage.total_tokens,
        }
    }
}

/// How an answer ended: its status, and why it is not whole.
pub(super) fn ending(reason: Option<&FinishReason>) -> (Status, Option<Incomplete>) {
    match reason {
        Some(FinishReason::Length) => (Status::Incomplete, Some(Incomplete { reason: "max_output_tokens" })),
        Some(FinishReason::ContentFilter) => {
            (Status::Incomplete, Some(Incomplete { reason: "content_filter" }))
        }
        _ => (Status::Completed, None),
    }
}

impl Echo {
    /// Keeps what is told again; the conversation is not.
    pub(super) fn of(mut request: ResponsesRequest, created: i64) -> Echo {
        request.input = TextOr::default();
        Echo { request, created }
    }

    /// A response to this request without an answer yet.
    pub(super) fn blank(&self, id: String) -> Response<'_> {
        let asked = &self.request;
        let reasoning = asked.reasoning.as_ref();
        let text = asked.text.as_ref();
        Response {
            id,
            object: "response",
            created_at: self.created,
            status: Status::InProgress,
            background: false,
            error: None,
            incomplete_details: None,
            instructions: asked.instructions.as_deref(),
            max_output_tokens: asked.max_output_tokens,
            max_tool_calls: asked.max_tool_calls,
            model: asked.model.clone(),
            output: Vec::new(),
            parallel_tool_calls: asked.parallel_tool_calls.unwrap_or(true),
            previous_response_id: None,
            prompt_cache_key: asked.prompt_cache_key.as_deref(),
            reasoning: json!({
                "effort": reasoning.and_then(|reasoning| reasoning.effort.as_deref()),
                "summary": reasoning.and_then(|reasoning| reasoning.summary.as_deref()),
            }),
            safety_identifier: asked.safety_identifier.as_deref(),
            service_tier: asked.service_tier.clone(),
            store: false,
            temperature: asked.temperature.as_ref(),
            text: match text {
                Some(text) if text.format.is_some() => json!(text),
                Some(text) => json!({"format": {"type": "text"}, "verbosity": text.verbosity}),
                None => json!({"format": {"type": "text"}}),
            },
            tool_choice: asked.tool_choice.as_ref().map_or_else(|| json!("auto"), |choice| json!(choice)),
            tools: asked.tools.as_deref().unwrap_or_default(),
            top_logprobs: asked.top_logprobs,
            top_p: asked.top_p.as_ref(),
            truncation: "disabled",
            usage: None,
            user: asked.user.as_deref(),
            metadata: asked.metadata.as_ref(),
            lockgate: None,
            extra: Extra::default(),
        }
    }

    /// The response for a whole answer.
    pub(super) fn whole(&self, answer: &ChatResponse) -> Response<'_> {
        let ids = Ids::after(&answer.id);
        let mut response = self.blank(ids.response());
        let choice = answer.choices.first();
        (response.status, response.incomplete_details) =
            ending(choice.and_then(|choice| choice.finish_reason.as_ref()));
        if answer.created != 0 {
            response.created_at = answer.created;
        }
        if !answer.model.is_empty() {
            response.model.clone_from(&answer.model);
        }
        response.output = choice.map(|choice| items(&ids, choice, response.status)).unwrap_or_default();
        response.service_tier = answer.service_tier.clone().or(response.service_tier);
        response.usage = answer.usage.as_ref().map(Used::from);
        response.lockgate.clone_from(&answer.lockgate);
        response.extra = answer.extra.clone();
        response
    }
}

/// The items of one answer, in the order in which a model makes them.
fn items(ids: &Ids, choice: &Choice, status: Status) -> Vec<Item> {
    let message = &choice.message;
    let mut items = Vec::new();
    items.extend(thought(ids, message));
    let mut content = Vec::new();
    let mut extra = message.extra.clone();
    let annotations = annotations(extra.remove("annotations").as_ref());
    let text = message.text();
    if !text.is_empty() {
        let logprobs = logprobs(choice.logprobs.as_ref());
        content.push(Part::OutputText { text, annotations, logprobs });
    }
    if let Some(refusal) = &message.refusal {
        content.push(Part::Refusal { refusal: refusal.clone() });
    }
    if !content.is_empty() || message.tool_calls.is_empty() {
        let id = ids.item("msg", items.len());
        items.push(Item::Message { id, status, role: "assistant", content, extra });
    }
    for call in &message.tool_calls {
        items.push(called(ids, items.len(), call, status));
    }
    items
}

/// An item of thinking; none where nothing was thought.
fn thought(ids: &Ids, message: &Message) -> Option<Item> {
    let text = message.reasoning_content.as_deref().unwrap_or_default();
    let encrypted_content = seal(&message.thinking_blocks);
    (!text.is_empty() || encrypted_content.is_some()).then(|| Item::Reasoning {
        id: ids.item("rs", 0),
        summary: Summary::of(text),
        encrypted_content,
        status: Status::Completed,
    })
}

fn called(ids: &Ids, at: usize, call: &ToolCall, status: Status) -> Item {
    let (call_id, extra) = (call.id.clone(), call.extra.clone());
    match (&call.function, &call.custom) {
        (_, Some(custom)) => Item::CustomToolCall {
            id: ids.item("ctc", at),
            status,
            call_id,
            name: custom.name.clone(),
            input: custom.input.clone(),
            extra,
        },
        (function, None) => Item::FunctionCall {
            id: ids.item("fc", at),
            status,
            call_id,
            name: function.as_ref().map(|function| function.name.clone()).unwrap_or_default(),
            arguments: function.as_ref().map(|function| function.arguments.clone()).unwrap_or_default(),
            extra,
        },
    }
}

/// A chat message's annotations, without the object that chat puts around what an annotation says.
pub(super) fn annotations(given: Option<&Raw>) -> Vec<Raw> {
    let list: Vec<Raw> = given.and_then(Raw::read).unwrap_or_default();
    list.into_iter().map(|annotation| flat(&annotation).unwrap_or(annotation)).collect()
}

fn flat(annotation: &Raw) -> Option<Raw> {
    let mut fields: Extra = annotation.read()?;
    let kind: String = fields.get("type")?.read()?;
    let inner: Extra = fields.remove(&kind)?.read()?;
    fields.absorb(inner);
    Raw::of(&fields).ok()
}

/// The log probabilities of text.
pub(super) fn logprobs(given: Option<&Raw>) -> Vec<Raw> {
    let fields: Option<Extra> = given.and_then(Raw::read);
    fields.and_then(|fields| fields.get("content").and_then(Raw::read)).unwrap_or_default()
}
