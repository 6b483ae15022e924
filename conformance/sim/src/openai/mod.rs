//! OpenAI's protocol: routes, keys, headers.

mod chat;
mod embeddings;
mod error;
mod models;
mod params;
mod request;
mod stream;
mod usage;
mod validate;

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use serde_json::Value;

use crate::clock::Clock;
use crate::fault::{ErrorInStream, Fault, StatusFault};
use crate::model::hex;
use crate::openai::error::ApiError;
use crate::plan::{Answer, Content, Dialect, set_header};
use crate::server::{Arrived, Vendor};

/// The simulated vendor.
pub(crate) struct OpenAi {
    clock: Clock,
}

impl OpenAi {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock }
    }

    /// Unix seconds for `created`.
    fn created(&self) -> u64 {
        self.clock.now().as_secs()
    }

    fn route(&self, arrived: &Arrived, faults: &[&Fault]) -> Result<Answer, ApiError> {
        let wrong_method = |allowed: &str| Err(error::method(&arrived.method, &arrived.path, allowed));
        let unknown = || Err(error::unknown_url(&arrived.method, &arrived.path));
        let Some(rest) = arrived.path.strip_prefix("/v1/") else { return unknown() };
        authorise(&arrived.headers)?;
        match (&arrived.method, rest) {
            (&Method::POST, "chat/completions") => chat::answer(arrived, faults, self.created()),
            (&Method::POST, "embeddings") => embeddings::answer(arrived, faults),
            (&Method::GET, "models") => Ok(models::list()),
            (_, "chat/completions" | "embeddings") => wrong_method("POST"),
            (_, "models") => wrong_method("GET"),
            (&Method::GET, rest) => match rest.strip_prefix("models/") {
                Some(name) if !name.is_empty() => models::one(name),
                _ => unknown(),
            },
            _ => unknown(),
        }
    }
}

impl Vendor for OpenAi {
    fn answer(&self, arrived: &Arrived, faults: &[&Fault]) -> Answer {
        let mut answer = self.route(arrived, faults).unwrap_or_else(ApiError::into_answer);
        vendor_headers(&mut answer, arrived.id);
        answer
    }

    fn status(&self, arrived: &Arrived, fault: &StatusFault) -> Answer {
        let mut answer = error::scripted(fault).into_answer();
        if let Some(body) = &fault.body {
            answer.content = Content::Whole { bytes: body.clone().into(), usage: None };
        }
        vendor_headers(&mut answer, arrived.id);
        if let Some(seconds) = &fault.retry_after {
            set_header(&mut answer.headers, "retry-after", seconds);
        }
        if let Some(ms) = fault.retry_after_ms {
            set_header(&mut answer.headers, "retry-after-ms", &ms.to_string());
        }
        for (name, value) in &fault.headers {
            set_header(&mut answer.headers, name, value);
        }
        answer
    }
}

impl Dialect for OpenAi {
    fn error_inside(&self, fault: &ErrorInStream, framed: bool) -> Bytes {
        let error = error::inside(fault).body();
        if framed { stream::frame(&error) } else { error.into() }
    }

    fn frame_end(&self) -> &'static [u8] {
        b"\n\n"
    }
}

fn authorise(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Err(error::no_key()) };
    let value = value.to_str().unwrap_or_default();
    let scheme = value.get(..7).unwrap_or_default();
    let key = value.get(7..).unwrap_or_default().trim();
    if !scheme.eq_ignore_ascii_case("bearer ") || key.is_empty() {
        return Err(error::no_key());
    }
    if key.starts_with("sk-bad") {
        return Err(error::bad_key(key));
    }
    Ok(())
}

/// Requests and tokens a minute, as an ordinary account has them.
const LIMIT_REQUESTS: u64 = 10_000;
const LIMIT_TOKENS: u64 = 2_000_000;

/// The headers that every answer carries.
fn vendor_headers(answer: &mut Answer, id: u64) {
    let tokens = answer.usage.as_ref().and_then(|usage| usage.get("total_tokens")).and_then(Value::as_u64);
    let tokens = tokens.unwrap_or_default().min(LIMIT_TOKENS);
    // Two million tokens a minute are one every 30 µs.
    let reset_tokens_ms = (tokens * 60_000).div_ceil(LIMIT_TOKENS);
    let request_id = format!("req_{}", hex(id));
    let fixed: [(&str, &str); 11] = [
        ("access-control-expose-headers", "X-Request-ID"),
        ("openai-organization", "org-lockgate-sim"),
        ("openai-processing-ms", "1"),
        ("openai-version", "2020-10-01"),
        ("x-ratelimit-limit-requests", &LIMIT_REQUESTS.to_string()),
        ("x-ratelimit-limit-tokens", &LIMIT_TOKENS.to_string()),
        ("x-ratelimit-remaining-requests", &(LIMIT_REQUESTS - 1).to_string()),
        ("x-ratelimit-remaining-tokens", &(LIMIT_TOKENS - tokens).to_string()),
        ("x-ratelimit-reset-requests", "6ms"),
        ("x-ratelimit-reset-tokens", &format!("{reset_tokens_ms}ms")),
        ("x-request-id", &request_id),
    ];
    for (name, value) in fixed {
        set_header(&mut answer.headers, name, value);
    }
}
