//! The answer, whole or as lines of JSON, for a chat or a generation.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::model::{Choice, Finish, Reply, Reported, Said, ToolCall, hash, letters, overlay, reported};
use crate::ollama::at;
use crate::plan::{Answer, Content, Event, EventKind, set_header};

/// Between two tokens, as the durations and the times of the lines tell it.
const PER_TOKEN: Duration = Duration::from_micros(11_873);

/// Which of the two routes answers: they differ in where the text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Chat,
    Generate,
}

/// What every line of one answer repeats.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity<'a> {
    pub(crate) route: Route,
    /// As the caller named it.
    pub(crate) model: &'a str,
    /// Since 1970.
    pub(crate) created: Duration,
    /// Alternatives at every token, where log probabilities are wanted.
    pub(crate) logprobs: Option<u64>,
}

/// Tokens as they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Counts {
    prompt_eval_count: u64,
    eval_count: u64,
}

/// One line, its fields in Ollama's order. What is zero or empty is left out.
#[derive(Serialize)]
struct Line<'a> {
    model: &'a str,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    thinking: &'a str,
    done: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    done_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    context: Vec<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<Vec<Logprob>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_duration: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    load_duration: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_eval_count: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_eval_duration: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eval_count: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eval_duration: Option<u64>,
    /// What a script has told beside the counts.
    #[serde(flatten)]
    scripted: Map<String, Value>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    thinking: &'a str,
    #[serde(skip_serializing_if = "<[Called]>::is_empty")]
    tool_calls: &'a [Called],
}

#[derive(Serialize)]
struct Called {
    id: String,
    function: CalledFunction,
}

#[derive(Serialize)]
struct CalledFunction {
    index: usize,
    name: String,
    arguments: Box<RawValue>,
}

#[derive(Serialize)]
struct Logprob {
    #[serde(flatten)]
    token: TokenLogprob,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    top_logprobs: Vec<TokenLogprob>,
}

#[derive(Serialize)]
struct TokenLogprob {
    token: String,
    logprob: f64,
    bytes: Vec<u8>,
}

/// One piece of an answer.
#[derive(Default)]
struct Piece<'a> {
    text: &'a str,
    thinking: &'a str,
    calls: &'a [Called],
    logprobs: Option<Vec<Logprob>>,
}

/// How an answer ends.
struct End<'a> {
    reason: &'a str,
    told: Option<&'a Reported<Counts>>,
    tokens: u32,
}

impl<'a> Identity<'a> {
    /// The line at `place` of the stream; a whole answer is one at place 0.
    fn line(&self, place: usize, piece: Piece<'a>) -> Line<'a> {
        let spent = PER_TOKEN * u32::try_from(place).unwrap_or(u32::MAX);
        let chat = self.route == Route::Chat;
        let Piece { text, thinking, calls, logprobs } = piece;
        Line {
            model: self.model,
            created_at: at(self.created + spent),
            message: chat.then_some(Message {
                role: "assistant",
                content: text,
                thinking,
                tool_calls: calls,
            }),
            response: (!chat).then_some(text),
            thinking: if chat { "" } else { thinking },
            done: false,
            done_reason: None,
            context: Vec::new(),
            logprobs,
            total_duration: None,
            load_duration: None,
            prompt_eval_count: None,
            prompt_eval_duration: None,
            eval_count: None,
            eval_duration: None,
            scripted: Map::new(),
        }
    }

    /// The line that ends an answer.
    fn last(&self, place: usize, piece: Piece<'a>, end: &End<'a>) -> Line<'a> {
        let span = |tokens: u32| u64::try_from((PER_TOKEN * tokens).as_nanos()).ok();
        let mut told = match end.told.map(Reported::value) {
            Some(Value::Object(told)) => told,
            _ => Map::new(),
        };
        let mut count = |name: &str| told.remove(name).filter(|count| count.as_u64() != Some(0));
        let (prompt_eval_count, eval_count) = (count("prompt_eval_count"), count("eval_count"));
        let generate = self.route == Route::Generate;
        Line {
            done: true,
            done_reason: Some(end.reason),
            context: if generate { (1..=end.tokens).collect() } else { Vec::new() },
            total_duration: span(end.tokens.saturating_add(9)),
            load_duration: span(8),
            prompt_eval_count,
            prompt_eval_duration: span(1),
            eval_count,
            eval_duration: span(end.tokens).filter(|span| *span > 0),
            scripted: told,
            ..self.line(place, piece)
        }
    }

    fn logprobs(&self, tokens: &[String]) -> Option<Vec<Logprob>> {
        self.logprobs.map(|top| tokens.iter().map(|token| logprob(token, top)).collect())
    }
}

fn json(line: &Line<'_>) -> String {
    serde_json::to_string(line).unwrap_or_default()
}

fn call(place: usize, call: &ToolCall) -> Called {
    let text = call.arguments.concat();
    // Arguments are an object on this wire; a script's broken text can only be text.
    let object = RawValue::from_string(text.clone()).ok().filter(|raw| raw.get().starts_with('{'));
    let arguments = object.or_else(|| serde_json::value::to_raw_value(&text).ok()).unwrap_or_default();
    let function = CalledFunction { index: place, name: call.name.clone(), arguments };
    Called { id: call.id("call_", 8).to_lowercase(), function }
}

fn logprob(token: &str, top: u64) -> Logprob {
    // Between 0 and -1, in steps that JSON prints shortly.
    let first = -((hash(token.as_bytes()) % 1024) as f64) / 1024.0;
    let one = |token: &str, logprob: f64| TokenLogprob {
        token: token.to_owned(),
        logprob,
        bytes: token.as_bytes().to_vec(),
    };
    let others = (0..top).map(|rank| match rank {
        0 => one(token, first),
        _ => one(&letters(hash(token.as_bytes()) ^ rank, 3), first - rank as f64),
    });
    Logprob { token: one(token, first), top_logprobs: others.collect() }
}

/// Writes `reply`.
pub(crate) fn answer(identity: Identity<'_>, stream: bool, reply: &Reply, faults: &[&Fault]) -> Answer {
    let counted = Counts { prompt_eval_count: reply.counted.prompt, eval_count: reply.counted.completion };
    let told = reported(counted, faults, overlay);
    let counted = serde_json::to_value(counted).ok();
    let Some(choice) = reply.choices.first() else { return nothing(identity, "stop") };
    let end = End {
        reason: reason(&choice.finish),
        told: told.as_ref(),
        tokens: u32::try_from(reply.counted.completion).unwrap_or(u32::MAX),
    };
    let usage = told.as_ref().map(Reported::value);
    if stream {
        let mut headers = HeaderMap::new();
        set_header(&mut headers, "content-type", "application/x-ndjson");
        let mut events = pieces(identity, choice);
        let bytes = frame(&json(&identity.last(events.len(), Piece::default(), &end)));
        events.push(Event { bytes, kind: EventKind::Terminal, usage });
        return Answer { status: StatusCode::OK, headers, content: Content::Stream(events), usage: counted };
    }
    let (text, calls) = spoken(&choice.said);
    let thinking = choice.thinking.concat();
    let logprobs = identity.logprobs(tokens(&choice.said));
    let piece = Piece { text: &text, thinking: &thinking, calls: &calls, logprobs };
    whole(&identity.last(0, piece, &end), counted, usage)
}

/// The answer to a question that asks nothing: the model was loaded, or unloaded.
pub(crate) fn nothing(identity: Identity<'_>, reason: &str) -> Answer {
    let line = Line { done: true, done_reason: Some(reason), ..identity.line(0, Piece::default()) };
    whole(&line, None, None)
}

fn whole(line: &Line<'_>, counted: Option<Value>, told: Option<Value>) -> Answer {
    let mut headers = HeaderMap::new();
    set_header(&mut headers, "content-type", "application/json; charset=utf-8");
    let content = Content::Whole { bytes: json(line).into(), usage: told };
    Answer { status: StatusCode::OK, headers, content, usage: counted }
}

/// One line of the stream.
pub(crate) fn frame(line: &str) -> Bytes {
    format!("{line}\n").into()
}

fn reason(finish: &Finish) -> &str {
    match finish {
        Finish::Stop | Finish::Sequence(_) | Finish::Calls => "stop",
        Finish::Length => "length",
        Finish::Told(reason) => reason,
    }
}

fn tokens(said: &Said) -> &[String] {
    match said {
        // Ollama knows no refusals: the model just says so.
        Said::Text(tokens) | Said::Refusal(tokens) => tokens,
        Said::Calls(_) => &[],
    }
}

fn spoken(said: &Said) -> (String, Vec<Called>) {
    match said {
        Said::Calls(calls) => {
            (String::new(), calls.iter().enumerate().map(|(place, told)| call(place, told)).collect())
        }
        _ => (tokens(said).concat(), Vec::new()),
    }
}

/// The lines before the last: thinking token by token, then text token by token, then each call whole.
fn pieces(identity: Identity<'_>, choice: &Choice) -> Vec<Event> {
    let mut events = Vec::new();
    let mut push = |piece: Piece<'_>| {
        let bytes = frame(&json(&identity.line(events.len(), piece)));
        events.push(Event { bytes, kind: EventKind::Part, usage: None });
    };
    for thinking in &choice.thinking {
        push(Piece { thinking, ..Piece::default() });
    }
    for text in tokens(&choice.said) {
        let logprobs = identity.logprobs(std::slice::from_ref(text));
        push(Piece { text, logprobs, ..Piece::default() });
    }
    for call in spoken(&choice.said).1 {
        push(Piece { calls: std::slice::from_ref(&call), ..Piece::default() });
    }
    events
}
