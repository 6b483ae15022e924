//! What is said, before it is put on the wire.

use crate::fault::Fault;
use crate::openai::request::{ChatRequest, Format};
use crate::openai::tokens::tokens;
use crate::openai::tools::{self, ToolCall};
use crate::openai::usage::Usage;
use crate::openai::{hash, models, schema};

/// The content of one choice, token by token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Text(Vec<String>),
    Refusal(Vec<String>),
    Calls(Vec<ToolCall>),
}

#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) index: u64,
    pub(crate) said: Said,
    pub(crate) finish: String,
}

/// A composed answer with its cost.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) choices: Vec<Choice>,
    pub(crate) usage: Usage,
}

/// Composes the answer to `request`; `faults` may tell what to say.
pub(crate) fn compose(id: u64, request: &ChatRequest<'_>, faults: &[&Fault], prompt_tokens: u64) -> Reply {
    let scripted = faults
        .iter()
        .find_map(|fault| if let Fault::Reasoning(told) = fault { Some(told.tokens) } else { None });
    let wanted = scripted.unwrap_or_else(|| reasoning_tokens(request));
    let limit = request.limit.unwrap_or(u64::MAX);
    // Thinking counts against the limit, and may leave nothing for the answer.
    let reasoning = wanted.min(limit);
    let mut completion = 0;
    let mut choices = Vec::new();
    for index in 0..request.n {
        let (said, whole) = limited(say(id, index, request, faults), limit - reasoning, &request.stop);
        completion += reasoning + spoken(&said);
        let finish = match (
            faults.iter().find_map(|fault| if let Fault::Finish(told) = fault { Some(told) } else { None }),
            &said,
        ) {
            (Some(told), _) => told.reason.clone(),
            (None, _) if !whole => "length".to_owned(),
            (None, Said::Calls(_)) => "tool_calls".to_owned(),
            (None, _) => "stop".to_owned(),
        };
        choices.push(Choice { index, said, finish });
    }
    Reply { choices, usage: Usage::new(prompt_tokens, completion, reasoning * request.n) }
}

fn reasoning_tokens(request: &ChatRequest<'_>) -> u64 {
    if !models::reasons(request.model) {
        return 0;
    }
    match request.effort {
        Some("none" | "minimal") => 0,
        None if models::thinks_only_when_asked(request.model) => 0,
        Some("low") => 64,
        Some("high") => 256,
        Some("xhigh") => 512,
        _ => 128,
    }
}

fn spoken(said: &Said) -> u64 {
    match said {
        Said::Text(tokens) | Said::Refusal(tokens) => u64::try_from(tokens.len()).unwrap_or(u64::MAX),
        Said::Calls(calls) => calls.iter().map(ToolCall::tokens).sum(),
    }
}

/// What is left after stop sequences and the limit; false when the limit cut it.
fn limited(said: Said, limit: u64, stop: &[&str]) -> (Said, bool) {
    match said {
        Said::Text(tokens) => {
            let (tokens, whole) = limited_text(tokens, limit, stop);
            (Said::Text(tokens), whole)
        }
        Said::Refusal(tokens) => {
            let (tokens, whole) = limited_text(tokens, limit, stop);
            (Said::Refusal(tokens), whole)
        }
        Said::Calls(mut calls) => {
            let mut left = limit;
            let mut whole = true;
            calls.retain_mut(|call| {
                let fits = whole && left > 0;
                whole = fits && call.fit(left);
                left = left.saturating_sub(call.tokens());
                fits
            });
            (Said::Calls(calls), whole)
        }
    }
}

fn limited_text(spoken: Vec<String>, limit: u64, stop: &[&str]) -> (Vec<String>, bool) {
    let text = spoken.concat();
    let end = stop.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| text.find(stop)).min();
    let mut spoken = match end {
        Some(end) => own(text.get(..end).unwrap_or_default()),
        None => spoken,
    };
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let whole = spoken.len() <= most;
    spoken.truncate(most);
    (spoken, whole)
}

fn own(text: &str) -> Vec<String> {
    tokens(text).into_iter().map(str::to_owned).collect()
}

fn say(id: u64, index: u64, request: &ChatRequest<'_>, faults: &[&Fault]) -> Said {
    for fault in faults {
        match fault {
            Fault::Reply(reply) => return Said::Text(own(&reply.text)),
            Fault::ToolCalls(script) => return Said::Calls(tools::scripted(id, script)),
            _ => {}
        }
    }
    let prompt = request.prompt();
    if prompt.to_lowercase().contains("please refuse") {
        return Said::Refusal(own("I'm sorry, but I can't help with that request."));
    }
    let calls = tools::asked(id, request);
    if !calls.is_empty() {
        return Said::Calls(calls);
    }
    let text = match request.format {
        Format::JsonSchema(wanted) => schema::generate(wanted, prompt).to_string(),
        Format::JsonObject => serde_json::json!({"answer": prose(index, request)}).to_string(),
        Format::Text => prose(index, request),
    };
    Said::Text(own(&text))
}

const OPENINGS: &[&str] = &[
    "Sure, happy to help.",
    "Good question.",
    "Here is what I can say.",
    "Let me think about that.",
    "Thanks for asking.",
];

const CLOSINGS: &[&str] = &[
    "Let me know if you would like more detail.",
    "That is the short version; there is more to say if you need it.",
    "I hope this helps.",
    "Feel free to ask a follow-up question.",
];

/// Natural text that repeats what was asked, so that a test can tell whose answer it is.
fn prose(index: u64, request: &ChatRequest<'_>) -> String {
    let prompt = request.prompt();
    if let Some(count) = counting(prompt) {
        return (1..=count).map(|number| number.to_string()).collect::<Vec<_>>().join(", ");
    }
    let pick = |list: &[&'static str], salt: &str| {
        let length = u64::try_from(list.len()).unwrap_or(1).max(1);
        let place = hash(format!("{salt}{prompt}").as_bytes()).wrapping_add(index) % length;
        usize::try_from(place).ok().and_then(|place| list.get(place)).copied().unwrap_or_default()
    };
    let mut parts = vec![pick(OPENINGS, "opening").to_owned()];
    let results: Vec<String> = request
        .messages
        .iter()
        .rev()
        .take_while(|message| matches!(message.role, "tool" | "function"))
        .map(|message| {
            let name = request
                .messages
                .iter()
                .flat_map(|message| &message.tool_calls)
                .find(|call| Some(call.id) == message.tool_call_id)
                .map_or("the tool", |call| call.name);
            format!("The result of {name} is {}.", message.text)
        })
        .collect();
    if results.is_empty() {
        parts.push(format!("You asked: \"{prompt}\""));
    } else {
        parts.extend(results.into_iter().rev());
    }
    let last_user = request.messages.iter().rev().find(|message| message.role == "user");
    match last_user.map_or(0, |message| message.images.len()) {
        0 => {}
        1 => parts.push("I can see the image you sent.".to_owned()),
        many => parts.push(format!("I can see the {many} images you sent.")),
    }
    if last_user.is_some_and(|message| message.attachments > 0) {
        parts.push("I have the file you attached.".to_owned());
    }
    parts.push(pick(CLOSINGS, "closing").to_owned());
    parts.join(" ")
}

/// The number in "count to N", up to 10,000: the way to ask for an answer of some length.
fn counting(prompt: &str) -> Option<u64> {
    let lower = prompt.to_lowercase();
    let (_, after) = lower.split_once("count to ")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|count| (1..=10_000).contains(count))
}
