//! Errors coming in: classed by status, `type` and `code`.

use http::HeaderMap;
use serde::Deserialize;

use crate::clock::Millis;
use crate::provider::{Failure, FailureClass};
use crate::types::{Extra, Raw};

/// Types and codes of an account without money, whatever the status.
const NO_QUOTA: [&str; 4] =
    ["insufficient_quota", "billing_hard_limit_reached", "credit_balance_exhausted", "billing_not_active"];

/// Types and codes of a provider that has too much to do, whatever the status.
const OVERLOADED: [&str; 3] = ["server_is_overloaded", "slow_down", "overloaded_error"];

/// What an error body tells.
#[derive(Debug, Default)]
pub(super) struct Told {
    message: Option<String>,
    kind: Option<String>,
    code: Option<String>,
    param: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    error: Raw,
    /// Beside an error that is plain text: xAI's.
    #[serde(default)]
    code: Option<Raw>,
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    message: Option<Raw>,
    #[serde(default, rename = "type")]
    kind: Option<Raw>,
    #[serde(default)]
    code: Option<Raw>,
    #[serde(default)]
    param: Option<Raw>,
    /// What FastAPI calls the message.
    #[serde(default)]
    detail: Option<Raw>,
}

/// Text, or a number as text: compatible providers send both.
fn word(raw: &Raw) -> Option<String> {
    if raw.is_null() {
        return None;
    }
    raw.read::<String>().or_else(|| raw.read::<serde_json::Number>().map(|number| number.to_string()))
}

/// Text, or whatever else stands for it, as JSON: some list what is wrong with which field.
fn text(raw: &Raw) -> Option<String> {
    word(raw).or_else(|| (!raw.is_null()).then(|| raw.get().to_owned()))
}

/// The error in a body of the form `{"error": …}`; none if it is something else.
pub(super) fn body(body: &[u8]) -> Option<Told> {
    // Serde would read an array as the fields of a struct, in their order.
    let object = body.trim_ascii_start().starts_with(b"{");
    told(serde_json::from_slice(body).ok().filter(|_| object)?)
}

fn told(body: Body) -> Option<Told> {
    if body.error.is_null() {
        return None;
    }
    let mut told = value(&body.error);
    told.code = told.code.or_else(|| body.code.as_ref().and_then(word));
    Some(told)
}

/// The error in the fields of a chunk: under its own name, or in Groq's.
pub(super) fn of_chunk(fields: &Extra) -> Option<Told> {
    if let Some(told) = fields.get("error").filter(|told| !told.is_null()) {
        return Some(value(told));
    }
    let groq: Extra = fields.get("x_groq")?.read()?;
    groq.get("error").filter(|told| !told.is_null()).map(value)
}

/// The error in the value of `error`: an object, or plain text.
pub(super) fn value(raw: &Raw) -> Told {
    if let Some(fields) = raw.read::<Fields>() {
        return Told {
            message: fields.message.or(fields.detail).as_ref().and_then(text),
            kind: fields.kind.as_ref().and_then(word),
            code: fields.code.as_ref().and_then(word),
            param: fields.param.as_ref().and_then(word),
        };
    }
    Told { message: raw.read(), ..Told::default() }
}

impl Told {
    fn says(&self, words: &[&str]) -> bool {
        [&self.kind, &self.code].into_iter().flatten().any(|word| words.contains(&word.as_str()))
    }

    /// A 403 that is about the request and not about the key, as for log probabilities of a model that gives none.
    /// One about the key or the account has a code, or another type.
    fn blames_the_request(&self) -> bool {
        self.code.is_none() && self.kind.as_deref() == Some("invalid_request_error")
    }

    pub(super) fn into_failure(self, class: FailureClass, status: Option<u16>) -> Failure {
        Failure {
            code: self.code,
            kind: self.kind,
            param: self.param,
            ..Failure::told(class, status, self.message.as_deref())
        }
    }
}

pub(super) fn read(status: u16, headers: &HeaderMap, bytes: &[u8], now: Millis) -> Failure {
    let told = body(bytes).or_else(|| first(bytes)).unwrap_or_default();
    let class = class(status, &told);
    let mut failure = told.into_failure(class, Some(status));
    failure.retry_after = Failure::wait(headers, now);
    failure
}

/// An error inside an array, or one without its envelope.
fn first(bytes: &[u8]) -> Option<Told> {
    if let Ok(bodies) = serde_json::from_slice::<Vec<Body>>(bytes) {
        return bodies.into_iter().next().and_then(told);
    }
    let raw: Raw = serde_json::from_slice(bytes).ok()?;
    raw.is_object().then(|| value(&raw))
}

fn class(status: u16, told: &Told) -> FailureClass {
    match status {
        403 if told.blames_the_request() => FailureClass::Rejected,
        401 | 403 => FailureClass::KeyRejected,
        402 => FailureClass::QuotaExhausted,
        400..500 if told.says(&NO_QUOTA) => FailureClass::QuotaExhausted,
        429 if told.says(&OVERLOADED) => FailureClass::Overloaded,
        429 => FailureClass::RateLimited,
        408 => FailureClass::Server,
        413 => FailureClass::TooLarge,
        // 498 and 529 are not in the standard; providers use them for "no capacity".
        498 | 503 | 529 => FailureClass::Overloaded,
        400..500 => FailureClass::Rejected,
        500.. if told.says(&OVERLOADED) => FailureClass::Overloaded,
        500.. => FailureClass::Server,
        // A redirect or worse: nothing an API answers with.
        _ => FailureClass::Malformed,
    }
}
