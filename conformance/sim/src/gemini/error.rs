//! The error object of Google's services, and its wordings.

use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use crate::fault::{ErrorInStream, StatusFault};
use crate::plan::{Answer, Content, set_header};

const TYPE: &str = "type.googleapis.com/google.rpc.";

/// An error as the vendor answers it.
#[derive(Debug, Clone)]
pub(crate) enum ApiError {
    Told(Told),
    /// An address that no service has: a page, not an object.
    NoSuchPage,
}

/// The object under `error`, its fields in the vendor's order.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Told {
    code: u16,
    message: String,
    status: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<Value>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: &'a Told,
}

impl ApiError {
    fn new(code: u16, message: impl Into<String>) -> Self {
        let (status, _) = usual(code);
        let status = status.to_owned();
        Self::Told(Told { code, message: message.into(), status, details: Vec::new() })
    }

    fn detail(mut self, detail: Value) -> Self {
        if let Self::Told(told) = &mut self {
            told.details.push(detail);
        }
        self
    }

    /// The body, as the vendor indents it.
    pub(crate) fn body(&self) -> String {
        match self {
            Self::Told(told) => {
                serde_json::to_string_pretty(&Envelope { error: told }).unwrap_or_default() + "\n"
            }
            Self::NoSuchPage => {
                "<!DOCTYPE html>\n<html lang=en>\n  <title>Error 404 (Not Found)!!1</title>\n  \
                                 <p><b>404.</b> <ins>That’s an error.</ins>\n</html>\n"
                    .to_owned()
            }
        }
    }

    /// The object on one line, for a stream.
    pub(crate) fn line(&self) -> String {
        match self {
            Self::Told(told) => serde_json::to_string(&Envelope { error: told }).unwrap_or_default(),
            Self::NoSuchPage => String::new(),
        }
    }

    pub(crate) fn into_answer(self) -> Answer {
        let (status, kind) = match &self {
            Self::Told(told) => (told.code, "application/json; charset=UTF-8"),
            Self::NoSuchPage => (404, "text/html; charset=UTF-8"),
        };
        let mut headers = HeaderMap::new();
        set_header(&mut headers, "content-type", kind);
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let content = Content::Whole { bytes: self.body().into(), usage: None };
        Answer { status, headers, content, usage: None }
    }
}

pub(crate) fn unknown_url() -> ApiError {
    ApiError::NoSuchPage
}

/// A 400 in plain words.
pub(crate) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(400, message)
}

/// A 400 about a field of the request, in the form of a validation.
pub(crate) fn field(request: &str, field: &str, message: &str) -> ApiError {
    let place = if field.is_empty() { request.to_owned() } else { format!("{request}.{field}") };
    invalid(format!("* {place}: {message}\n"))
}

/// A 400 of the reader of JSON, which names the field in the details too.
pub(crate) fn payload(place: &str, message: String) -> ApiError {
    let violation = if place.is_empty() {
        json!({"description": message})
    } else {
        json!({"field": place, "description": message})
    };
    let details = json!({"@type": format!("{TYPE}BadRequest"), "fieldViolations": [violation]});
    invalid(message).detail(details)
}

pub(crate) fn not_json() -> ApiError {
    payload("", "Invalid JSON payload received. Expected a value.\n".to_owned())
}

pub(crate) fn no_key() -> ApiError {
    ApiError::new(
        403,
        "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other \
         form of API consumer identity to call this API.",
    )
}

pub(crate) fn bad_key() -> ApiError {
    const MESSAGE: &str = "API key not valid. Please pass a valid API key.";
    invalid(MESSAGE)
        .detail(json!({
            "@type": format!("{TYPE}ErrorInfo"),
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
            "metadata": {"service": "generativelanguage.googleapis.com"},
        }))
        .detail(json!({"@type": format!("{TYPE}LocalizedMessage"), "locale": "en-US", "message": MESSAGE}))
}

pub(crate) fn no_such_model(version: &str, model: &str, method: &str) -> ApiError {
    ApiError::new(
        404,
        format!(
            "models/{model} is not found for API version {version}, or is not supported for {method}. Call ListModels to \
             see the list of available models and their supported methods."
        ),
    )
}

/// The vendor's word and message for a code.
fn usual(code: u16) -> (&'static str, &'static str) {
    match code {
        400 => ("INVALID_ARGUMENT", "Request contains an invalid argument."),
        401 => ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
        403 => ("PERMISSION_DENIED", "The caller does not have permission"),
        404 => ("NOT_FOUND", "Requested entity was not found."),
        429 => ("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
        499 => ("CANCELLED", "The operation was cancelled."),
        503 => ("UNAVAILABLE", "The model is overloaded. Please try again later."),
        504 => ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
        500..=599 => (
            "INTERNAL",
            "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting",
        ),
        _ => ("INVALID_ARGUMENT", "The request was refused."),
    }
}

/// The code of a word.
fn code_of(word: &str) -> Option<u16> {
    [400, 401, 403, 404, 429, 499, 500, 503, 504].into_iter().find(|code| usual(*code).0 == word)
}

/// The error a script asks for: `type` is the vendor's word for the status, `code` the reason in the details.
pub(crate) fn scripted(fault: &StatusFault) -> ApiError {
    let (word, message) = usual(fault.status);
    let mut details = Vec::new();
    if let Some(reason) = &fault.code {
        details.push(reason_info(reason));
    }
    if let Some(delay) = delay(fault) {
        details.push(json!({"@type": format!("{TYPE}RetryInfo"), "retryDelay": delay}));
    }
    ApiError::Told(Told {
        code: fault.status,
        message: fault.message.clone().unwrap_or_else(|| message.to_owned()),
        status: fault.error_type.clone().unwrap_or_else(|| word.to_owned()),
        details,
    })
}

fn reason_info(reason: &str) -> Value {
    json!({"@type": format!("{TYPE}ErrorInfo"), "reason": reason, "domain": "googleapis.com"})
}

/// A wait as protobuf writes durations.
fn delay(fault: &StatusFault) -> Option<String> {
    let ms = fault.retry_after_ms.map(|ms| format!("{}.{:03}s", ms / 1000, ms % 1000));
    ms.or_else(|| fault.retry_after.as_ref()?.parse::<u64>().ok().map(|seconds| format!("{seconds}s")))
}

/// The error object inside a 200 answer.
pub(crate) fn inside(fault: &ErrorInStream) -> ApiError {
    let code = fault.error_type.as_deref().map_or(503, |word| code_of(word).unwrap_or(500));
    let (word, message) = usual(code);
    ApiError::Told(Told {
        code,
        message: fault.message.clone().unwrap_or_else(|| message.to_owned()),
        status: fault.error_type.clone().unwrap_or_else(|| word.to_owned()),
        details: fault.code.iter().map(|reason| reason_info(reason)).collect(),
    })
}
