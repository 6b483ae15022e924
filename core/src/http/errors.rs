//! Errors as OpenAI error objects.

use http::Response;

use super::{Body, body, headers};
use crate::error::{Error, Fault, Kind, Retry};
use crate::types::ErrorBody;

/// The error object as JSON text.
pub(crate) fn object(error: &Error) -> String {
    serde_json::to_string(&ErrorBody::from(error))
        .unwrap_or_else(|_| r#"{"error":{"message":""}}"#.to_owned())
}

/// The whole answer.
pub(super) fn response(error: &Error) -> Response<Body> {
    if error.fault() == Fault::Gateway || error.fault() == Fault::Store {
        tracing::error!(?error, "a request failed");
    }
    let mut response = body::json(error.status(), object(error));
    let out = response.headers_mut();
    if let Some(wait) = error.retry_after() {
        headers::put_retry_after(out, wait);
    }
    // The SDKs retry on 429 and 5xx by themselves. Where we tried everybody already, or waiting cannot help, their
    // tries would only multiply ours.
    let tried_everybody = matches!(
        error.kind(),
        Kind::UpstreamRateLimited | Kind::ProviderError | Kind::ProviderAuthFailed | Kind::DeadlineExceeded
    );
    let waiting_is_vain = matches!(
        error.kind(),
        Kind::SpendCapExceeded | Kind::CustomerSpendExceeded | Kind::RequestTooLarge | Kind::NoCandidate
    ) || (error.status() == 429 && error.retry() == Retry::Never);
    if tried_everybody || waiting_is_vain {
        headers::put(out, "x-should-retry", "false");
    }
    if let Some(allow) = &error.details().allow {
        headers::put(out, "allow", allow);
    }
    if let Some(attempts) = &error.details().attempts {
        headers::put(out, "x-lockgate-attempts", attempts);
    }
    if let Some(provider) = &error.details().provider {
        headers::put(out, "x-lockgate-provider", provider);
    }
    if let Some(standing) = &error.details().standing {
        headers::put_standing(out, standing);
    }
    response
}
