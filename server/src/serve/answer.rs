//! From axum's request to the gateway's, and back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use http::HeaderMap;
use lockgate::Gateway;
use lockgate::clock::{Clock, SystemClock};
use lockgate::error::{Error, Kind};
use lockgate::http::{Body, refuse};
use lockgate::ids::AdmissionId;

use super::incoming;
use super::log::RequestLog;
use super::outgoing::Outgoing;

/// Head bytes of a request that are served.
const HEAD_BYTES: usize = 64 * 1024;
/// Longest request id that is taken from the caller.
const LONGEST_ID: usize = 128;

struct Served {
    gateway: Gateway,
    most: u64,
    timeout: Duration,
}

/// Every path leads to the gateway: it knows what is served, and answers the rest in OpenAI's words.
pub(super) fn router(gateway: Gateway) -> Router {
    let config = gateway.config();
    let (most, timeout) = (config.max_body_bytes, Duration::from_millis(config.request_timeout_ms));
    Router::new().fallback(answer).with_state(Arc::new(Served { gateway, most, timeout }))
}

async fn answer(State(served): State<Arc<Served>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    // Logged when it is dropped, too: a caller that goes away ends this future.
    let mut log = RequestLog::new(Instant::now(), head.method.clone(), head.uri.path());
    let taken = match check_head(&head.headers) {
        Ok(()) => incoming::take(&head.headers, body, served.most, served.timeout).await,
        Err(error) => Err(error),
    };
    let response = match taken {
        Ok(body) => served.gateway.handle(http::Request::from_parts(head, body)).await,
        Err(error) => refuse(&error, &request_id(&head.headers)),
    };
    log.answered(&response);
    response.map(|body: Body| axum::body::Body::new(Outgoing::new(body, log)))
}

fn check_head(headers: &HeaderMap) -> Result<(), Error> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes <= HEAD_BYTES {
        return Ok(());
    }
    let message = format!("The request's headers are {bytes} bytes, more than {HEAD_BYTES}.");
    Err(Error::new(Kind::InvalidRequest, message).with(|details| {
        details.param = Some("headers".to_owned());
        details.status = Some(431);
    }))
}

/// The caller's request id where it is usable, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get("x-request-id").and_then(|value| value.to_str().ok());
    let usable =
        given.filter(|id| !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(|b| b != b'\t'));
    usable.map_or_else(|| format!("req_{}", AdmissionId::new(SystemClock.now())), str::to_owned)
}
