//! `generateContent` and `streamGenerateContent`.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::fault::Fault;
use crate::gemini::chunk::{Candidate, Chunk, Content as Said, Feedback, FunctionCall, Logprobs, Part, Told};
use crate::gemini::error::{ApiError, not_json};
use crate::gemini::models::{self, Model};
use crate::gemini::request::Request;
use crate::gemini::usage::{self, Usage};
use crate::gemini::{signature, stream};
use crate::model::{self, Choice, Finish, Reply, ToolCall, compose, hash, letters, reported};
use crate::plan::{Answer, Content, set_header};
use crate::server::Arrived;

/// An answer, composed.
pub(crate) struct Composed<'a> {
    /// The record's number: seals differ from one answer to the next.
    pub(crate) id: u64,
    pub(crate) response_id: String,
    pub(crate) model: Model<'a>,
    pub(crate) reply: Reply,
    /// The prompt's tokens of text, and of images.
    pub(crate) prompt: (u64, u64),
    pub(crate) shows_thoughts: bool,
    pub(crate) logprobs: Option<u64>,
    /// Whether a seal comes with the answer.
    pub(crate) seals: bool,
}

pub(crate) fn whole(arrived: &Arrived, model: &str, faults: &[&Fault]) -> Result<Answer, ApiError> {
    let model = models::chat(arrived, model, "generateContent")?;
    let body: Value = serde_json::from_slice(&arrived.body).map_err(|_| not_json())?;
    let composed = Composed::new(arrived, model, &Request::read(&body, model)?, faults);
    let usage = reported(composed.usage(), faults, usage::change);
    let told = usage.as_ref().map(Told::value);
    let chunk = composed.chunk(usage);
    let mut answer = Answer::json(&chunk, Some(composed.usage().value()), told);
    if let (Content::Whole { bytes, .. }, Ok(pretty)) =
        (&mut answer.content, serde_json::to_string_pretty(&chunk))
    {
        *bytes = Bytes::from(pretty + "\n");
    }
    set_header(&mut answer.headers, "content-type", "application/json; charset=UTF-8");
    Ok(answer)
}

/// As events, or as one array of chunks where the request does not ask for events.
pub(crate) fn streamed(
    arrived: &Arrived,
    model: &str,
    faults: &[&Fault],
    events: bool,
) -> Result<Answer, ApiError> {
    let model = models::chat(arrived, model, "streamGenerateContent")?;
    let body: Value = serde_json::from_slice(&arrived.body).map_err(|_| not_json())?;
    let composed = Composed::new(arrived, model, &Request::read(&body, model)?, faults);
    let counted = composed.usage().value();
    let mut headers = HeaderMap::new();
    let content = if events {
        set_header(&mut headers, "content-type", "text/event-stream");
        set_header(&mut headers, "content-disposition", "attachment");
        Content::Stream(stream::events(&composed, faults))
    } else {
        set_header(&mut headers, "content-type", "application/json; charset=UTF-8");
        let (bytes, usage) = stream::array(&composed, faults);
        Content::Whole { bytes, usage }
    };
    Ok(Answer { status: StatusCode::OK, headers, content, usage: Some(counted) })
}

impl<'a> Composed<'a> {
    fn new(arrived: &Arrived, model: Model<'a>, request: &Request<'_>, faults: &[&Fault]) -> Self {
        Self {
            id: arrived.id,
            response_id: letters(hash(&arrived.body) ^ arrived.id, 22),
            model,
            reply: compose(arrived.id, &request.prompt, faults),
            prompt: usage::kinds(&request.prompt),
            shows_thoughts: request.config.shows_thoughts,
            logprobs: request.config.logprobs,
            // The older thinking models seal only where there are tools.
            seals: model.seals() || (request.config.thinking > 0 && !request.prompt.tools.is_empty()),
        }
    }

    /// The whole usage.
    pub(crate) fn usage(&self) -> Usage {
        let counted = self.reply.counted;
        Usage::new(self.prompt, counted.completion - counted.thinking, counted.thinking)
    }

    /// Whether the prompt is blocked instead of answered.
    pub(crate) fn is_blocked(&self) -> bool {
        self.reply.choices.iter().any(|choice| matches!(choice.said, model::Said::Refusal(_)))
    }

    /// The answer in one piece.
    fn chunk(&self, usage: Option<Told>) -> Chunk<'_> {
        if self.is_blocked() {
            return self.blocked(usage);
        }
        let candidates = self.reply.choices.iter().map(|choice| self.candidate(choice)).collect();
        Chunk { candidates, ..self.empty(usage) }
    }

    /// A chunk without candidates.
    pub(crate) fn empty(&self, usage: Option<Told>) -> Chunk<'_> {
        Chunk {
            candidates: Vec::new(),
            prompt_feedback: None,
            usage_metadata: usage,
            model_version: self.model.name,
            response_id: &self.response_id,
        }
    }

    /// The answer to a prompt that is blocked.
    pub(crate) fn blocked(&self, usage: Option<Told>) -> Chunk<'_> {
        let feedback = Feedback { block_reason: "PROHIBITED_CONTENT" };
        Chunk { prompt_feedback: Some(feedback), ..self.empty(usage) }
    }

    fn candidate(&self, choice: &Choice) -> Candidate {
        let mut parts = Vec::new();
        if self.shows_thoughts && !choice.thinking.is_empty() {
            parts.push(thought(choice.thinking.concat()));
        }
        let (mut finish_message, mut logprobs_result, mut avg_logprobs) = (None, None, None);
        match &choice.said {
            model::Said::Text(tokens) | model::Said::Refusal(tokens) => {
                if !tokens.is_empty() {
                    let text = tokens.concat();
                    let thought_signature = self.seals.then(|| self.seal_text(&text));
                    parts.push(Part { text: Some(text), thought_signature, ..Part::default() });
                }
                logprobs_result = self.logprobs.map(|top| Logprobs::new(tokens, top));
                avg_logprobs = self.logprobs.and_then(|_| Logprobs::average(tokens));
            }
            model::Said::Calls(calls) => match self.calls(calls, &choice.finish) {
                Ok(calls) => parts.extend(calls),
                Err(broken) => finish_message = Some(broken),
            },
        }
        let finish = self.finish(choice, finish_message.is_some());
        Candidate {
            content: Some(Said::new(parts)),
            finish_reason: Some(finish),
            index: choice.index,
            finish_message,
            avg_logprobs,
            logprobs_result,
        }
    }

    /// The finish of a choice as the vendor spells it.
    pub(crate) fn finish(&self, choice: &Choice, malformed: bool) -> String {
        match &choice.finish {
            Finish::Told(reason) => reason.clone(),
            _ if malformed => "MALFORMED_FUNCTION_CALL".to_owned(),
            Finish::Stop | Finish::Sequence(_) | Finish::Calls => "STOP".to_owned(),
            Finish::Length => "MAX_TOKENS".to_owned(),
        }
    }

    /// The parts of calls; what is no call is told in the error. A call that a limit cut is no part at all.
    pub(crate) fn calls(&self, calls: &[ToolCall], finish: &Finish) -> Result<Vec<Part>, String> {
        let mut parts = Vec::new();
        for call in calls {
            let written = call.arguments.concat();
            let Some(args) = serde_json::from_str::<Value>(&written).ok().filter(Value::is_object) else {
                if *finish == Finish::Length {
                    break;
                }
                return Err(format!("Malformed function call: call:default_api:{}{written}", call.name));
            };
            // Of calls made at once the first carries the thinking.
            let thought_signature = (self.seals && parts.is_empty())
                .then(|| signature::seal(self.id, &signature::of_call(&call.name, &args)));
            let id = self.model.seals().then(|| call.id("", 8));
            let function_call = Some(FunctionCall { name: call.name.clone(), args, id });
            parts.push(Part { function_call, thought_signature, ..Part::default() });
        }
        Ok(parts)
    }

    pub(crate) fn seal_text(&self, text: &str) -> String {
        signature::seal(self.id, &signature::of_text(text))
    }
}

/// A summary of thinking.
pub(crate) fn thought(text: String) -> Part {
    Part { text: Some(text), thought: true, ..Part::default() }
}
