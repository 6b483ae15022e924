//! Anthropic's error object and its wordings.

use http::{HeaderMap, StatusCode};
use serde::Serialize;

use crate::fault::{ErrorInStream, StatusFault};
use crate::plan::{Answer, Content, set_header};

const INVALID_REQUEST: &str = "invalid_request_error";

/// An error as the vendor answers it.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    status: StatusCode,
    error_type: String,
    message: String,
    /// `details.error_code`.
    code: Option<String>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: ErrorObject<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details<'a>>,
    #[serde(rename = "type")]
    error_type: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct Details<'a> {
    error_code: &'a str,
}

impl ApiError {
    fn new(status: StatusCode, error_type: &str, message: impl Into<String>) -> Self {
        Self { status, error_type: error_type.to_owned(), message: message.into(), code: None }
    }

    pub(crate) fn body(&self, request_id: &str) -> String {
        let details = self.code.as_deref().map(|error_code| Details { error_code });
        let error = ErrorObject { details, error_type: &self.error_type, message: &self.message };
        serde_json::to_string(&Envelope { kind: "error", error, request_id }).unwrap_or_default()
    }

    pub(crate) fn into_answer(self, request_id: &str) -> Answer {
        let mut headers = HeaderMap::new();
        set_header(&mut headers, "content-type", "application/json");
        // The vendor's own hint to its SDKs.
        let again = matches!(self.status.as_u16(), 408 | 409 | 429 | 500..);
        set_header(&mut headers, "x-should-retry", if again { "true" } else { "false" });
        let bytes = self.body(request_id).into();
        Answer { status: self.status, headers, content: Content::Whole { bytes, usage: None }, usage: None }
    }
}

/// A 400: the place of the field, a colon, what is wrong.
pub(crate) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, message)
}

pub(crate) fn not_json() -> ApiError {
    invalid("The request body is not valid JSON: expected value: line 1 column 1 (char 0)")
}

pub(crate) fn no_key() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "authentication_error", "x-api-key header is required")
}

pub(crate) fn bad_key() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "authentication_error", "invalid x-api-key")
}

pub(crate) fn not_found() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found_error", "Not Found")
}

pub(crate) fn no_such_model(model: &str) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found_error", format!("model: {model}"))
}

pub(crate) fn method() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, INVALID_REQUEST, "Method Not Allowed")
}

/// The vendor's usual type and message for a status.
fn usual(status: StatusCode) -> (&'static str, &'static str) {
    match status.as_u16() {
        401 => ("authentication_error", "invalid x-api-key"),
        402 => ("billing_error", "There is an issue with your billing or payment information."),
        403 => ("permission_error", "Your API key does not have permission to use the specified resource."),
        404 => ("not_found_error", "The requested resource could not be found."),
        413 => ("request_too_large", "Request exceeds the maximum allowed number of bytes."),
        429 => (
            "rate_limit_error",
            "This request would exceed your organization's rate limit. Please try again later.",
        ),
        504 => ("timeout_error", "The request timed out while processing."),
        503 | 529 => ("overloaded_error", "Overloaded"),
        500..=599 => ("api_error", "Internal server error"),
        _ => (INVALID_REQUEST, "The request was refused."),
    }
}

/// The error a script asks for.
pub(crate) fn scripted(fault: &StatusFault) -> ApiError {
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (error_type, message) = usual(status);
    let error_type = fault.error_type.as_deref().unwrap_or(error_type);
    let message = fault.message.as_deref().unwrap_or(message);
    ApiError { code: fault.code.clone(), ..ApiError::new(status, error_type, message) }
}

/// The error object inside a 200 answer: most often the vendor is overloaded.
pub(crate) fn inside(fault: &ErrorInStream) -> ApiError {
    let error_type = fault.error_type.as_deref().unwrap_or("overloaded_error");
    let message = fault.message.as_deref().unwrap_or("Overloaded");
    ApiError { code: fault.code.clone(), ..ApiError::new(StatusCode::OK, error_type, message) }
}
