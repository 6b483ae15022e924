//! Errors coming in: classed by `type`, by the code in `details`, and by status.

use http::HeaderMap;
use serde::Deserialize;

use crate::clock::Millis;
use crate::provider::{Failure, FailureClass};

/// Codes of an account without money.
const NO_QUOTA: [&str; 4] = [
    "enforced_spend_limit_reached",
    "contract_spend_limit_reached",
    "linked_organization_spend_limit_reached",
    "linked_organization_billing_unavailable",
];

/// What an error body tells.
#[derive(Debug, Default)]
pub(super) struct Told {
    kind: Option<String>,
    message: Option<String>,
    code: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    error: Error,
}

#[derive(Deserialize)]
struct Error {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    error_code: Option<String>,
}

/// The error in a body of the form `{"type": "error", "error": …}`; none if it is something else.
pub(super) fn body(bytes: &[u8]) -> Option<Told> {
    let Body { error } = serde_json::from_slice(bytes).ok()?;
    let code = error.details.and_then(|details| details.error_code);
    Some(Told { kind: error.kind, message: error.message, code })
}

impl Told {
    pub(super) fn into_failure(self, status: Option<u16>) -> Failure {
        let class = self.class(status);
        let failure = Failure::told(class, status, self.message.as_deref());
        Failure { kind: self.kind, code: self.code, ..failure }
    }

    fn class(&self, status: Option<u16>) -> FailureClass {
        if self.code.as_deref().is_some_and(|code| NO_QUOTA.contains(&code)) {
            return FailureClass::QuotaExhausted;
        }
        match (self.kind.as_deref(), status) {
            (Some("overloaded_error"), _) => FailureClass::Overloaded,
            (Some("rate_limit_error"), _) => FailureClass::RateLimited,
            (Some("authentication_error" | "permission_error"), _) => FailureClass::KeyRejected,
            (Some("billing_error"), _) => FailureClass::QuotaExhausted,
            (Some("request_too_large"), _) => FailureClass::TooLarge,
            // Inside a stream there is no status.
            (Some("invalid_request_error" | "not_found_error"), None) => FailureClass::Rejected,
            (_, None) => FailureClass::InBand,
            (_, Some(status)) => by_status(status),
        }
    }
}

fn by_status(status: u16) -> FailureClass {
    match status {
        401 | 403 => FailureClass::KeyRejected,
        402 => FailureClass::QuotaExhausted,
        408 => FailureClass::Server,
        413 => FailureClass::TooLarge,
        429 => FailureClass::RateLimited,
        503 | 529 => FailureClass::Overloaded,
        400..500 => FailureClass::Rejected,
        500.. => FailureClass::Server,
        // A redirect or worse: nothing an API answers with.
        _ => FailureClass::Malformed,
    }
}

pub(super) fn read(status: u16, headers: &HeaderMap, bytes: &[u8], now: Millis) -> Failure {
    let mut failure = body(bytes).unwrap_or_default().into_failure(Some(status));
    failure.retry_after = Failure::wait(headers, now);
    if failure.class == FailureClass::RateLimited {
        failure.retry_after = failure.retry_after.or_else(|| reset(headers, now));
    }
    failure
}

/// Until the limits that have nothing left are full again, where no header says how long to wait.
fn reset(headers: &HeaderMap, now: Millis) -> Option<std::time::Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let ends = ["requests", "tokens", "input-tokens", "output-tokens"].iter().filter_map(|what| {
        let left = text(&format!("anthropic-ratelimit-{what}-remaining"))?;
        let reset = text(&format!("anthropic-ratelimit-{what}-reset"))?;
        let reset: jiff::Timestamp = reset.parse().ok()?;
        (left.trim() == "0").then(|| Millis(reset.as_millisecond()))
    });
    ends.max().map(|end| std::time::Duration::from_millis(end.since(now)))
}
