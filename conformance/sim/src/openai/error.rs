//! OpenAI's error object and its wordings.

use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;

use crate::fault::{ErrorInStream, StatusFault};
use crate::plan::{Answer, Content, set_header};

const INVALID_REQUEST: &str = "invalid_request_error";

/// An error as the vendor answers it.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) object: ErrorObject,
}

/// The object under `error`, its fields in the vendor's order.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ErrorObject {
    message: String,
    #[serde(rename = "type")]
    error_type: String,
    param: Option<String>,
    code: Option<String>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: &'a ErrorObject,
}

impl ApiError {
    fn new(status: StatusCode, error_type: &str, message: impl Into<String>) -> Self {
        let object = ErrorObject {
            message: message.into(),
            error_type: error_type.to_owned(),
            param: None,
            code: None,
        };
        Self { status, object }
    }

    fn param(mut self, param: impl Into<String>) -> Self {
        self.object.param = Some(param.into());
        self
    }

    fn code(mut self, code: impl Into<String>) -> Self {
        self.object.code = Some(code.into());
        self
    }

    /// The body, as the vendor indents it.
    pub(crate) fn body(&self) -> String {
        serde_json::to_string(&Envelope { error: &self.object }).unwrap_or_default()
    }

    pub(crate) fn into_answer(self) -> Answer {
        let mut headers = HeaderMap::new();
        set_header(&mut headers, "content-type", "application/json; charset=utf-8");
        let bytes = serde_json::to_vec_pretty(&Envelope { error: &self.object }).unwrap_or_default().into();
        Answer { status: self.status, headers, content: Content::Whole { bytes, usage: None }, usage: None }
    }
}

/// A 400 for one parameter.
pub(crate) fn invalid(param: &str, code: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, message).param(param).code(code)
}

/// A 400 for one parameter to which the vendor gives no code.
pub(crate) fn invalid_without_code(param: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, message).param(param)
}

pub(crate) fn not_json() -> ApiError {
    let message = "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your \
                   HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)";
    ApiError::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, message)
}

pub(crate) fn no_model() -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, "you must provide a model parameter")
}

pub(crate) fn missing(param: &str) -> ApiError {
    invalid(param, "missing_required_parameter", format!("Missing required parameter: '{param}'."))
}

pub(crate) fn no_key() -> ApiError {
    let message = "You didn't provide an API key. You need to provide your API key in an Authorization header using \
                   Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";
    // The vendor gives this one no code.
    ApiError::new(StatusCode::UNAUTHORIZED, INVALID_REQUEST, message)
}

pub(crate) fn bad_key(key: &str) -> ApiError {
    let characters: Vec<char> = key.chars().collect();
    let head: String = characters.iter().take(6).collect();
    let tail: String = characters.iter().skip(characters.len().saturating_sub(4).max(6)).collect();
    let message = format!("Incorrect API key provided: {head}********{tail}.");
    ApiError::new(StatusCode::UNAUTHORIZED, INVALID_REQUEST, message).code("invalid_api_key")
}

/// The vendor's 403 for log probabilities of a thinking model: it names no parameter.
pub(crate) fn no_logprobs() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        INVALID_REQUEST,
        "You are not allowed to request logprobs from this model",
    )
}

pub(crate) fn no_such_model(model: &str) -> ApiError {
    let message = format!("The model `{model}` does not exist or you do not have access to it.");
    ApiError::new(StatusCode::NOT_FOUND, INVALID_REQUEST, message).code("model_not_found")
}

pub(crate) fn unknown_url(method: &Method, path: &str) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, INVALID_REQUEST, format!("Invalid URL ({method} {path})"))
        .code("unknown_url")
}

pub(crate) fn method(method: &Method, path: &str, allowed: &str) -> ApiError {
    let message = format!("Not allowed to {method} on {path}. (HINT: Perhaps you meant to use {allowed}?)");
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, INVALID_REQUEST, message).code("method_not_supported")
}

/// The vendor's usual type, code and message for a status.
fn usual(status: StatusCode) -> (&'static str, Option<&'static str>, &'static str) {
    match status.as_u16() {
        401 => (INVALID_REQUEST, Some("invalid_api_key"), "Incorrect API key provided."),
        403 => (
            INVALID_REQUEST,
            Some("unsupported_country_region_territory"),
            "Country, region, or territory not supported",
        ),
        404 => (
            INVALID_REQUEST,
            Some("model_not_found"),
            "The model does not exist or you do not have access to it.",
        ),
        429 => (
            "requests",
            Some("rate_limit_exceeded"),
            "Rate limit reached for requests. Please try again later.",
        ),
        503 => (
            "service_unavailable_error",
            Some("server_is_overloaded"),
            "Our servers are currently overloaded. Please try again later.",
        ),
        500..=599 => {
            ("server_error", None, "The server had an error while processing your request. Sorry about that!")
        }
        _ => (INVALID_REQUEST, None, "The request was refused."),
    }
}

/// The error a script asks for.
pub(crate) fn scripted(fault: &StatusFault) -> ApiError {
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (error_type, code, message) = usual(status);
    let object = ErrorObject {
        message: fault.message.clone().unwrap_or_else(|| message.to_owned()),
        error_type: fault.error_type.clone().unwrap_or_else(|| error_type.to_owned()),
        param: None,
        code: fault.code.clone().or_else(|| code.map(str::to_owned)),
    };
    ApiError { status, object }
}

/// The error object inside a 200 answer.
pub(crate) fn inside(fault: &ErrorInStream) -> ApiError {
    let (error_type, code, message) = usual(StatusCode::INTERNAL_SERVER_ERROR);
    let object = ErrorObject {
        message: fault.message.clone().unwrap_or_else(|| message.to_owned()),
        error_type: fault.error_type.clone().unwrap_or_else(|| error_type.to_owned()),
        param: None,
        code: fault.code.clone().or_else(|| code.map(str::to_owned)),
    };
    ApiError { status: StatusCode::OK, object }
}
