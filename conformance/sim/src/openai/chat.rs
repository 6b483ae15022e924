//! `POST /v1/chat/completions`.

use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::Value;

use crate::fault::Fault;
use crate::model::{Choice, Finish, Reply, Reported, Said, ToolCall, compose, hash, letters, reported};
use crate::openai::error::{ApiError, not_json};
use crate::openai::request::ChatRequest;
use crate::openai::usage::{self, Usage};
use crate::openai::{models, stream, validate};
use crate::plan::{Answer, Content, set_header};
use crate::server::Arrived;

/// The fields every part of one answer repeats.
#[derive(Debug, Clone)]
pub(crate) struct Identity<'a> {
    pub(crate) id: String,
    pub(crate) created: u64,
    pub(crate) model: &'a str,
    pub(crate) service_tier: &'a str,
    pub(crate) system_fingerprint: Option<String>,
    /// Thinking models leave `logprobs` out of a stream.
    pub(crate) reasons: bool,
    /// Whether thinking is told.
    pub(crate) thinks_aloud: bool,
}

/// The usage reported with an answer.
pub(crate) type Told = Reported<Usage>;

pub(crate) fn answer(arrived: &Arrived, faults: &[&Fault], created: u64) -> Result<Answer, ApiError> {
    let body: Value = serde_json::from_slice(&arrived.body).map_err(|_| not_json())?;
    let request = ChatRequest::read(body.as_object().ok_or_else(not_json)?)?;
    validate::fits(request.model, request.prompt.tokens())?;
    let reply = compose(arrived.id, &request.prompt, faults);
    let usage = Usage::new(reply.counted);
    let counted = usage.value();
    let reported = reported(usage, faults, usage::change);
    let reasons = models::reasons(request.model);
    let identity = Identity {
        id: format!("chatcmpl-{}", letters(hash(&arrived.body) ^ arrived.id, 29)),
        created,
        model: request.serving,
        service_tier: request.service_tier,
        system_fingerprint: (!reasons).then(|| format!("fp_{}", fingerprint(request.serving))),
        reasons,
        thinks_aloud: models::thinks_aloud(request.model),
    };
    if request.stream {
        let mut headers = HeaderMap::new();
        set_header(&mut headers, "content-type", "text/event-stream; charset=utf-8");
        set_header(&mut headers, "cache-control", "no-cache");
        let events = stream::events(&identity, &request, &reply, reported);
        return Ok(Answer {
            status: StatusCode::OK,
            headers,
            content: Content::Stream(events),
            usage: Some(counted),
        });
    }
    let body = completion(&identity, &request, &reply, reported.as_ref());
    Ok(Answer::json(&body, Some(counted), reported.as_ref().map(Told::value)))
}

fn fingerprint(model: &str) -> String {
    format!("{:010x}", hash(model.as_bytes()) >> 24)
}

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<CompletionChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<&'a Told>,
    service_tier: &'a str,
    system_fingerprint: Option<&'a str>,
}

#[derive(Serialize)]
struct CompletionChoice<'a> {
    index: u64,
    message: CompletionMessage<'a>,
    logprobs: Option<Logprobs>,
    finish_reason: &'a str,
}

#[derive(Serialize)]
struct CompletionMessage<'a> {
    role: &'static str,
    content: Option<String>,
    /// Absent unless the model thinks aloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WholeCall<'a>>,
    refusal: Option<String>,
    annotations: [(); 0],
}

#[derive(Serialize)]
struct WholeCall<'a> {
    id: String,
    #[serde(rename = "type")]
    call_type: &'static str,
    function: WholeFunction<'a>,
}

#[derive(Serialize)]
struct WholeFunction<'a> {
    name: &'a str,
    arguments: String,
}

fn completion<'a>(
    identity: &'a Identity<'a>,
    request: &ChatRequest<'_>,
    reply: &'a Reply,
    usage: Option<&'a Told>,
) -> Completion<'a> {
    Completion {
        id: &identity.id,
        object: "chat.completion",
        created: identity.created,
        model: identity.model,
        choices: reply
            .choices
            .iter()
            .map(|choice| completion_choice(choice, request.logprobs, identity.thinks_aloud))
            .collect(),
        usage,
        service_tier: identity.service_tier,
        system_fingerprint: identity.system_fingerprint.as_deref(),
    }
}

fn completion_choice(choice: &Choice, logprobs: Option<u64>, aloud: bool) -> CompletionChoice<'_> {
    let (content, refusal, calls) = match &choice.said {
        Said::Text(tokens) => (Some(tokens.concat()), None, &[][..]),
        Said::Refusal(tokens) => (None, Some(tokens.concat()), &[][..]),
        Said::Calls(calls) => (None, None, calls.as_slice()),
    };
    CompletionChoice {
        index: choice.index,
        message: CompletionMessage {
            role: "assistant",
            content,
            reasoning_content: aloud.then(|| choice.thinking.concat()),
            tool_calls: calls.iter().map(whole_call).collect(),
            refusal,
            annotations: [],
        },
        logprobs: logprobs.map(|top| match &choice.said {
            Said::Text(tokens) => Logprobs::new(tokens, top, false),
            Said::Refusal(tokens) => Logprobs::new(tokens, top, true),
            Said::Calls(_) => Logprobs { content: None, refusal: None },
        }),
        finish_reason: finish_reason(&choice.finish),
    }
}

/// A finish as the vendor spells it.
pub(crate) fn finish_reason(finish: &Finish) -> &str {
    match finish {
        Finish::Stop | Finish::Sequence(_) => "stop",
        Finish::Length => "length",
        Finish::Calls => "tool_calls",
        Finish::Told(reason) => reason,
    }
}

pub(crate) fn call_id(call: &ToolCall) -> String {
    call.id("call_", 24)
}

fn whole_call(call: &ToolCall) -> WholeCall<'_> {
    WholeCall {
        id: call_id(call),
        call_type: "function",
        function: WholeFunction { name: &call.name, arguments: call.arguments.concat() },
    }
}

/// Log probabilities of a choice or of one of its pieces.
#[derive(Serialize)]
pub(crate) struct Logprobs {
    content: Option<Vec<TokenLogprob>>,
    refusal: Option<Vec<TokenLogprob>>,
}

#[derive(Serialize)]
struct TokenLogprob {
    token: String,
    logprob: f64,
    bytes: Vec<u8>,
    top_logprobs: Vec<TopLogprob>,
}

#[derive(Serialize)]
struct TopLogprob {
    token: String,
    logprob: f64,
    bytes: Vec<u8>,
}

impl Logprobs {
    pub(crate) fn new(tokens: &[String], top: u64, refusal: bool) -> Self {
        let list = Some(tokens.iter().map(|token| token_logprob(token, top)).collect());
        if refusal { Self { content: None, refusal: list } } else { Self { content: list, refusal: None } }
    }
}

fn token_logprob(token: &str, top: u64) -> TokenLogprob {
    // Between 0 and -1, in steps that JSON prints shortly.
    let logprob = -((hash(token.as_bytes()) % 1024) as f64) / 1024.0;
    let top_logprobs = (0..top)
        .map(|rank| {
            let token = if rank == 0 { token.to_owned() } else { letters(hash(token.as_bytes()) ^ rank, 3) };
            let bytes = token.as_bytes().to_vec();
            TopLogprob { token, logprob: logprob - rank as f64, bytes }
        })
        .collect();
    TokenLogprob { token: token.to_owned(), logprob, bytes: token.as_bytes().to_vec(), top_logprobs }
}
