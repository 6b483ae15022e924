//! Errors coming in: `{"error": "…"}`, classed by status.

use http::HeaderMap;
use serde::Deserialize;

use crate::clock::Millis;
use crate::provider::{Failure, FailureClass};
use crate::types::Raw;

#[derive(Deserialize)]
struct Body {
    error: Raw,
}

#[derive(Deserialize)]
struct Object {
    message: String,
}

/// The words of an error: plain text, or an object with a message as some proxies in between write it.
pub(super) fn words(error: &Raw) -> Option<String> {
    error.read::<String>().or_else(|| error.read::<Object>().map(|object| object.message))
}

/// The words of the error in `body`, if it is one.
pub(super) fn told(body: &[u8]) -> Option<String> {
    serde_json::from_slice::<Body>(body).ok().and_then(|body| words(&body.error))
}

pub(super) fn read(status: u16, headers: &HeaderMap, body: &[u8], now: Millis) -> Failure {
    let words = told(body);
    let mut failure = Failure::told(class(status), Some(status), words.as_deref());
    // An unknown path is answered in plain text: an error object with this status is about the model.
    failure.code = (status == 404 && words.is_some()).then(|| "model_not_found".to_owned());
    failure.retry_after = Failure::wait(headers, now);
    failure
}

fn class(status: u16) -> FailureClass {
    match status {
        401 | 403 => FailureClass::KeyRejected,
        402 => FailureClass::QuotaExhausted,
        // 499: its runner was stopped under the request.
        408 | 499 => FailureClass::Server,
        413 => FailureClass::TooLarge,
        429 => FailureClass::RateLimited,
        // Its queue is full.
        503 => FailureClass::Overloaded,
        400..500 => FailureClass::Rejected,
        500.. => FailureClass::Server,
        // A redirect or worse: nothing an API answers with.
        _ => FailureClass::Malformed,
    }
}
