//! Errors coming in: classed by status, by its word, and by the reasons in `details`.

use std::time::Duration;

use http::HeaderMap;
use serde::Deserialize;

use crate::clock::Millis;
use crate::provider::{Failure, FailureClass};
use crate::types::Raw;

/// Reasons for which a key is refused, whatever the status: an unknown key is a 400.
const KEY_REASONS: [&str; 6] = [
    "API_KEY_INVALID",
    "API_KEY_EXPIRED",
    "ACCESS_TOKEN_EXPIRED",
    "SERVICE_DISABLED",
    "CONSUMER_INVALID",
    "CONSUMER_SUSPENDED",
];

/// Reasons of an account without money.
const MONEY_REASONS: [&str; 2] = ["BILLING_DISABLED", "BILLING_STATE_INVALID"];

#[derive(Deserialize)]
struct Body {
    error: Raw,
}

/// An error as Google's services tell it.
#[derive(Debug, Default, Deserialize)]
struct Told {
    #[serde(default)]
    code: Option<u16>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    details: Vec<Raw>,
}

/// What any of the kinds of `details` says, as far as it is read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Detail {
    /// `ErrorInfo`.
    reason: Option<String>,
    /// `RetryInfo`.
    retry_delay: Option<String>,
    /// `BadRequest`.
    field_violations: Vec<Violation>,
    /// `QuotaFailure`.
    violations: Vec<Violation>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Violation {
    field: Option<String>,
    quota_id: Option<String>,
}

pub(super) fn read(status: u16, headers: &HeaderMap, body: &[u8], now: Millis) -> Failure {
    let mut failure = told(body).unwrap_or_default().into_failure(Some(status));
    failure.retry_after = Failure::wait(headers, now).or(failure.retry_after);
    failure
}

/// The failure in a body of the form `{"error": …}`, or in an array of such; none if it is something else.
pub(super) fn within(body: &[u8]) -> Option<Failure> {
    told(body).map(|told| told.into_failure(None))
}

/// The failure in the value of `error`.
pub(super) fn in_band(error: &Raw) -> Failure {
    read_told(error).into_failure(None)
}

fn told(body: &[u8]) -> Option<Told> {
    // The array first: one element would also do for the fields of an object, in their order.
    let error = match serde_json::from_slice::<Vec<Body>>(body) {
        Ok(bodies) => bodies.into_iter().next()?.error,
        Err(_) => serde_json::from_slice::<Body>(body).ok()?.error,
    };
    (!error.is_null()).then(|| read_told(&error))
}

/// An error that is no object is told in its own words.
fn read_told(error: &Raw) -> Told {
    error.read().unwrap_or_else(|| Told { message: error.read(), ..Told::default() })
}

impl Told {
    /// `http` is the answer's status; inside an answer there is only the error's own.
    fn into_failure(self, http: Option<u16>) -> Failure {
        let details: Vec<Detail> = self.details.iter().filter_map(Raw::read).collect();
        let reason = details.iter().find_map(|detail| detail.reason.as_deref());
        let status = http.or(self.code.filter(|code| (400..600).contains(code)));
        let class = class(status, self.status.as_deref(), reason, &details);
        Failure {
            code: reason.or(self.status.as_deref()).map(str::to_owned),
            kind: self.status.clone(),
            param: details
                .iter()
                .flat_map(|detail| &detail.field_violations)
                .find_map(|violation| violation.field.clone()),
            // Of a quota that is used up it is untrue.
            retry_after: details
                .iter()
                .filter(|_| class != FailureClass::QuotaExhausted)
                .find_map(|detail| delay(detail.retry_delay.as_deref()?)),
            ..Failure::told(class, status, self.message.as_deref())
        }
    }
}

fn class(status: Option<u16>, word: Option<&str>, reason: Option<&str>, details: &[Detail]) -> FailureClass {
    if let Some(reason) = reason {
        if KEY_REASONS.contains(&reason) || reason.starts_with("API_KEY_") {
            return FailureClass::KeyRejected;
        }
        if MONEY_REASONS.contains(&reason) {
            return FailureClass::QuotaExhausted;
        }
    }
    // A day's quota is gone until midnight, whatever delay is told beside it.
    let quotas = details.iter().flat_map(|detail| &detail.violations).filter_map(|v| v.quota_id.as_deref());
    let spent = |mut quotas: std::iter::Peekable<_>| {
        quotas.peek().is_some() && quotas.any(|quota: &str| quota.contains("PerDay"))
    };
    match (word, status) {
        (Some("UNAUTHENTICATED" | "PERMISSION_DENIED"), _) | (_, Some(401 | 403)) => {
            FailureClass::KeyRejected
        }
        // Said of accounts that need billing where they are.
        (Some("FAILED_PRECONDITION"), _) | (_, Some(402)) => FailureClass::QuotaExhausted,
        (Some("RESOURCE_EXHAUSTED"), _) | (_, Some(429)) => {
            if spent(quotas.peekable()) {
                FailureClass::QuotaExhausted
            } else {
                FailureClass::RateLimited
            }
        }
        (Some("UNAVAILABLE"), _) | (_, Some(503)) => FailureClass::Overloaded,
        (_, Some(413)) => FailureClass::TooLarge,
        (Some("ABORTED" | "CANCELLED"), _) | (_, Some(408 | 499)) => FailureClass::Server,
        (_, Some(400..500)) => FailureClass::Rejected,
        (_, Some(500..600)) => FailureClass::Server,
        // A redirect or worse: nothing an API answers with.
        (_, Some(_)) => FailureClass::Malformed,
        (_, None) => FailureClass::InBand,
    }
}

/// A duration as protobuf writes it: `38.863719904s`.
fn delay(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.strip_suffix('s')?.parse().ok()?).ok()
}
