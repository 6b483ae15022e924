//! Ollama's error object and its wordings.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use crate::fault::{ErrorInStream, StatusFault};
use crate::plan::{Answer, Content, set_header};

/// An error as Ollama answers it: a status and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(crate) fn into_answer(self) -> Answer {
        Answer { status: self.status, ..Answer::json(&json!({"error": self.message}), None, None) }
    }
}

pub(crate) fn bad(message: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, message)
}

/// What is found wrong only when the model is at work.
pub(crate) fn broken(message: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message)
}

pub(crate) fn no_such_model(name: &str) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, format!("model '{name}' not found"))
}

/// The other wording, of the routes that only load a model.
pub(crate) fn not_pulled(name: &str) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, format!("model \"{name}\" not found, try pulling it first"))
}

pub(crate) fn unauthorized() -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized")
}

/// A body that is not what the route takes, in the words of Go's JSON reader as far as they are known.
pub(crate) fn unreadable(body: &[u8], problem: &serde_json::Error) -> Refusal {
    if body.is_empty() {
        return bad("missing request body");
    }
    match problem.classify() {
        serde_json::error::Category::Eof => bad("unexpected EOF"),
        serde_json::error::Category::Data => bad(format!("json: cannot unmarshal: {problem}")),
        _ => {
            let first = std::str::from_utf8(body).ok().and_then(|text| text.trim_start().chars().next());
            bad(format!("invalid character '{}' looking for beginning of value", first.unwrap_or('?')))
        }
    }
}

/// A plain page, as Ollama's router answers what it does not know.
pub(crate) fn page(status: StatusCode, text: &'static str) -> Answer {
    let mut headers = HeaderMap::new();
    set_header(&mut headers, "content-type", "text/plain");
    let content = Content::Whole { bytes: Bytes::from_static(text.as_bytes()), usage: None };
    Answer { status, headers, content, usage: None }
}

fn usual(status: u16) -> &'static str {
    match status {
        401 => "unauthorized",
        403 => "ollama cloud is disabled: remote model is unavailable",
        404 => "model not found",
        429 => "too many concurrent requests",
        503 => "server busy, please try again.  maximum pending requests exceeded",
        500..=599 => "llama runner process has terminated: exit status 2",
        _ => "invalid request",
    }
}

/// The error a script asks for. Ollama's has no code and no type.
pub(crate) fn scripted(fault: &StatusFault) -> Refusal {
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Refusal::new(status, fault.message.clone().unwrap_or_else(|| usual(fault.status).to_owned()))
}

/// The error object inside a 200 answer.
pub(crate) fn inside(fault: &ErrorInStream) -> String {
    let told = fault.message.as_deref().unwrap_or("an error was encountered while running the model");
    json!({"error": told}).to_string()
}
